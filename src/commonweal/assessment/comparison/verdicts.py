"""What a comparison shows: a difference, that B is not worse by more than d, that A and B are equivalent within d.

d is fixed by whoever asks, beforehand. Without it the last two are not asked. "Not shown" is never "not there": read
the smallest effect that the design would have found.

Source
------
Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15:657 (two one-sided tests); ICH E9 (1998), section 3.3.2
(non-inferiority).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from commonweal.errors import OptionError
from commonweal.evidence.records import Row
from commonweal.statistics.inference import Inference

ALPHA = 0.05
Answer = Literal["shown", "not_shown", "not_asked", "not_applicable"]


class Verdicts(Row):
    """Answers about one number. `lower` and `upper` are the one-sided 95 % bounds, simultaneous over the family.

    `difference`: the 95 % interval excludes 0. `not_worse`: the bound on the worse side stays within the margin;
    not applicable where neither direction is worse. `equivalent`: both bounds stay within it.
    """

    difference: Literal["shown", "not_shown"]
    not_worse: Answer
    equivalent: Answer
    margin: float | None
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Margins:
    """Margins d by quantity; `all` holds for every quantity without one of its own."""

    all: float | None = None
    by_quantity: Mapping[str, float] = field(default_factory=dict)

    def of(self, quantity: str) -> float | None:
        return self.by_quantity.get(quantity, self.all)


def parse_margins(texts: Sequence[str]) -> Margins:
    """Margins as written on the command line: `0.02`, or `accuracy_difference=0.02`.

    >>> margins = parse_margins(["0.02", "accuracy_difference=0.01"])
    >>> margins.of("accuracy_difference"), margins.of("accuracy_gap_widening")
    (0.01, 0.02)
    """
    whole, own = None, {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            margin = float(number)
        except ValueError:
            margin = math.nan
        if not 0 < margin < math.inf or (equals and not name.strip()):
            raise OptionError(f"--margin {text}: expected a number above 0, such as 0.02, or QUANTITY=0.02")
        if (equals and name in own) or (not equals and whole is not None):
            raise OptionError(f"--margin {text}: a second margin for {name or 'all quantities'}; give one")
        if equals:
            own[name] = margin
        else:
            whole = margin
    return Margins(whole, own)


def verdicts(inference: Inference, margin: float | None, higher_is_better: bool | None) -> Verdicts:
    """What one tested number shows.

    >>> one = dict(standard_error=0.01, degrees_of_freedom=30.0, n=99, clusters=31, p_value=0.3,
    ...     minimum_detectable=0.03)
    >>> found = Inference(value=-0.005, low=-0.025, high=0.015, lower=-0.019, upper=0.012, p_adjusted=0.4, **one)
    >>> answer = verdicts(found, 0.02, higher_is_better=True)
    >>> answer.difference, answer.not_worse, answer.equivalent
    ('not_shown', 'shown', 'shown')
    """
    not_worse: Answer = "not_asked"
    equivalent: Answer = "not_asked"
    if margin is not None:
        equivalent = _answer(inference.lower > -margin and inference.upper < margin)
        not_worse = "not_applicable"
        if higher_is_better is not None:
            not_worse = _answer(inference.lower > -margin if higher_is_better else inference.upper < margin)
    return Verdicts(
        difference="shown" if inference.p_adjusted <= ALPHA else "not_shown",
        not_worse=not_worse,
        equivalent=equivalent,
        margin=margin,
        lower=inference.lower,
        upper=inference.upper,
    )


def _answer(holds: bool) -> Answer:
    return "shown" if holds else "not_shown"
