"""How an application decides: the question put to its model, or the answers it gives by itself, and which one is
favourable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from commonweal.system.fields import Continuation, LogOdds, PoolShare, Record, Seconds, Text
from commonweal.system.wording import did_you_mean, listed, shown

SLOT = re.compile(r"(?<!\{)\{([A-Za-z_][A-Za-z0-9_]*)\}(?!\})")


class DecisionRule(Record):
    """How the application turns a score into an outcome. Exactly one of the two."""

    threshold: LogOdds | None = Field(
        default=None, description="favourable where the score (log-odds of the favourable answer) exceeds this [nat]"
    )
    top_share: PoolShare | None = Field(
        default=None, description="favourable for this share of the pool, highest scores first"
    )

    @model_validator(mode="after")
    def exactly_one(self) -> Self:
        if (self.threshold is None) == (self.top_share is None):
            got = "neither" if self.threshold is None else "both"
            raise ValueError(f"has {got}; expected exactly one of `threshold` and `top_share`")
        return self


class Prompt(Record):
    """An application that asks its model to choose between named options."""

    template: Text = Field(description="text with one {slot} where the input goes")
    options: Mapping[str, Continuation] = Field(
        min_length=2, description="option -> the continuation whose probability is scored"
    )
    favourable: str = Field(description="the option that the person affected would want")
    decide: DecisionRule = Field(default=DecisionRule(threshold=0.0), description="how the score becomes a decision")

    @field_validator("template")
    @classmethod
    def template_has_one_slot(cls, template: str) -> str:
        slots = sorted(set(SLOT.findall(template)))
        if len(slots) != 1:
            got = "no {slot}" if not slots else f"{len(slots)} different slots: {', '.join(slots)}"
            raise ValueError(f"has {got}; expected one place in braces, such as {{resume}}, where the input goes")
        return template

    @field_validator("options")
    @classmethod
    def continuations_differ(cls, options: Mapping[str, str]) -> Mapping[str, str]:
        if len(set(options.values())) < len(options):
            raise ValueError(
                "has two options with the same text, so they cannot be told apart; expected a different text for each"
            )
        return options

    @field_validator("favourable")
    @classmethod
    def favourable_is_an_option(cls, favourable: str, info: ValidationInfo) -> str:
        options = info.data.get("options")
        if options is not None and favourable not in options:
            mend = did_you_mean(favourable, options)
            raise ValueError(
                f"is {shown(favourable)}, which is not among the options; expected one of: {listed(options)}{mend}"
            )
        return favourable

    @property
    def slot(self) -> str:
        """The name of the place in the template where the input goes."""
        return str(SLOT.findall(self.template)[0])


class Outcome(Record):
    """What an HTTP or Python application answers, and which answer is favourable."""

    favourable: Text = Field(description="the decision that the person affected would want")
    options: tuple[Text, ...] | None = Field(
        default=None,
        min_length=2,
        description="every decision it may answer; another one is then unread, not an unfavourable answer",
    )
    decide: DecisionRule | None = Field(
        default=None, description="how a score becomes a decision; not needed if it answers one"
    )
    timeout_s: Seconds = Field(default=30.0, description="longest wait for one answer [s]")

    @field_validator("options")
    @classmethod
    def favourable_is_one_of_them(cls, options: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        favourable = info.data.get("favourable")
        if options is not None and favourable is not None and favourable not in options:
            raise ValueError(
                f"do not include the favourable '{favourable}'; expected every decision it may answer, that one too"
            )
        return options
