"""What a verification found: one check after the other, and what was worked out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, computed_field

from commonweal.evidence.records import Row

SCHEMA: Literal["commonweal-verification/1"] = "commonweal-verification/1"


class Check(Row):
    """One thing that was held against another.

    `problems`: what does not fit; `told`: what a reader must know beside it.

    `left_out`: it cannot be held against anything here, and `told` says why.
    """

    name: str
    checked: str = Field(description="how much was checked, in words")
    problems: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    left_out: bool = False


class Recomputed(Row):
    """The rows that were worked out again from their items, and those that were not, with the reason."""

    rows: int = Field(ge=0, description="rows that were worked out again and compared")
    measurements: int = Field(ge=0, description="measures on a subject to which they belong")
    drawn_from: int = Field(
        ge=0, description="measurements that could be worked out again, from which these were drawn"
    )
    seed: int = Field(description="of the draw; taken from the overall hash")
    tolerance: float = Field(description="relative, of values and bounds; counts are equal")
    problems: tuple[str, ...] = ()
    not_recomputed: Mapping[str, int] = Field(default_factory=dict, description="reason -> rows")


class Verification(Row):
    """All of it. `hash`: of the last seal, which stands for all seals; publish it beside a dossier to bind it."""

    format: Literal["commonweal-verification/1"] = SCHEMA
    title: str
    version: str = Field(description="version of commonweal that wrote the dossier")
    started: str
    rows: int = Field(ge=0, description="rows of the dossier")
    checks: tuple[Check, ...]
    recomputed: Recomputed
    hash: str

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that does not fit."""
        return (*(problem for check in self.checks for problem in check.problems), *self.recomputed.problems)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def unchecked(self) -> tuple[str, ...]:
        """What nothing speaks for, in words: checks that were left out, and numbers where none was worked out again."""
        numbers = ("the numbers of its rows",) if self.rows and not self.recomputed.rows else ()
        return (*(check.name for check in self.checks if check.left_out), *numbers)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def whole(self) -> bool:
        """Whether everything that was checked fits."""
        return not self.problems
