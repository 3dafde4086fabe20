"""How draws become estimates: median and 95 % uncertainty interval, or a share of the draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commonweal.assessment.value.spread import DrawSummary
from commonweal.evidence.records import Estimate, Facts, Grade, Missing
from commonweal.system.uncertain import Uncertain

DRAWS = 20_000
ONE_NUMBER = "every input is declared as one number, so the error is unknown"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What declared numbers a figure rests on: the grade of the weakest, their sources; and what else there is to
    say.
    """

    grade: Grade | None
    sources: tuple[str, ...] = ()
    remark: str = ""

    def and_(self, remark: str) -> Grounds:
        return Grounds(self.grade, self.sources, _joined((self.remark, remark)))

    @property
    def words(self) -> str:
        return _joined((f"grade: {self.grade}" if self.grade else "", *self.sources, self.remark))

    @property
    def facts(self) -> Facts:
        return Facts(grade=self.grade, sources=self.sources, remark=self.remark)


def _joined(parts: Sequence[str]) -> str:
    return "; ".join(part for part in parts if part)


def over_draws(
    named: tuple[str, str], found: DrawSummary, group: Mapping[str, str], method: str, note: Grounds | str = ""
) -> Estimate:
    """A median with its interval; `named`: quantity and unit.

    What rests on single numbers only has no interval, and says so.
    """
    exact = found.low == found.high
    more = ONE_NUMBER if exact and found.median else ""
    grounds = note.and_(more) if isinstance(note, Grounds) else None
    return Estimate(
        quantity=named[0],
        unit=named[1],
        value=found.median,
        low=None if exact else found.low,
        high=None if exact else found.high,
        interval=None if exact else "uncertainty",
        n=DRAWS,
        group=group,
        method=method,
        note=grounds.words if grounds else _joined((str(note), more)),
        facts=grounds.facts if grounds else None,
    )


def missing(quantity: str, reason: str, group: Mapping[str, str]) -> Missing:
    """The reason in the place of a number."""
    return Missing(quantity=quantity, status="not_applicable", reason=reason, group=group)


def missing_for(quantity: str, reasons: Sequence[str], group: Mapping[str, str]) -> Missing:
    """Each reason in the place of a number."""
    whole = "; ".join(reasons) or "unknown"
    return missing(quantity, whole, group).model_copy(update={"facts": Facts(reasons=tuple(reasons))})


def share_of_draws(quantity: str, share: float, group: Mapping[str, str], method: str, note: str = "") -> Estimate:
    """A share of the draws.

    Its interval would only be that of the drawing: at most 0.7 percentage points to either side.
    """
    return Estimate(quantity=quantity, unit="1", value=share, n=DRAWS, group=group, method=method, note=note)


def as_declared(quantity: str, number: Uncertain, group: Mapping[str, str]) -> Estimate:
    """A declared number as it is, with its range."""
    low, high = number.ends
    one, grounds = low == high, Grounds(number.grade, (number.source,))
    return Estimate(
        quantity=quantity,
        unit=number.unit,
        value=number.middle,
        low=None if one else low,
        high=None if one else high,
        interval=None if one else "range",
        n=1,
        group=group,
        method="as declared",
        note=grounds.words,
        facts=grounds.facts,
    )
