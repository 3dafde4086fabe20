"""A number of the carbon statement with what a reader needs to judge it: how it is known, its interval, method and
source.

Tags: `measured` was read from an instrument in this run; `modelled` was worked out by a model, or from what was
measured or modelled here and from declarations; `declared` comes from declarations alone, with the grade of the
weakest; `unknown` has no number, and the reason. What this module does not do: it adds nothing up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from commonweal.evidence.numbers import value_text
from commonweal.evidence.records import Evidence, Facts, Grade, IntervalKind
from commonweal.report.wording import interval_words
from commonweal.system.uncertain import Uncertain

Tag = Literal["measured", "modelled", "declared", "unknown"]
TAGS: Mapping[Tag, str] = {
    "measured": "read from an instrument in this run",
    "modelled": "worked out by a model, or from what was measured or modelled in this run and from declarations",
    "declared": "declared, or worked out from declarations alone; beside it the grade of the weakest of them",
    "unknown": "no number, and the reason; never 0",
}


class StatementRecord(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Number(StatementRecord):
    """One number, or why there is none.

    `text` and `interval_text` are what the page prints; the others are not rounded.
    """

    value: float | None = None
    unit: str
    low: float | None = None
    high: float | None = None
    interval: IntervalKind | None = None
    tag: Tag
    grade: Grade | None = None
    text: str
    interval_text: str = ""
    method: str = ""
    source: str = ""
    note: str = ""
    evidence: str = ""
    reason: str = ""

    @property
    def how_known(self) -> str:
        """The tag in words, with its grade.

        >>> Number(unit="kWh", tag="declared", grade="expert", text="3 kWh").how_known
        'declared (expert)'
        """
        return f"{self.tag} ({self.grade})" if self.grade and self.tag == "declared" else self.tag


def unknown(unit: str, reason: str, evidence: str = "") -> Number:
    """A number that is not known, and why."""
    return Number(unit=unit, tag="unknown", text="unknown", reason=reason, evidence=evidence)


def of_row(row: Evidence | None, unit: str, known: Mapping[str, Evidence]) -> Number:
    """The number of an evidence row; `known` holds the rows of the run by id, so that what a row rests on can be
    looked up.
    """
    if row is None:
        return unknown(unit, "no row of evidence gives it")
    estimate = row.estimate
    if estimate is None:
        return unknown(unit, row.note or row.status.replace("_", " "), row.id)
    facts = row.facts or Facts()
    return Number(
        value=estimate.value,
        unit=estimate.unit,
        low=estimate.low,
        high=estimate.high,
        interval=estimate.interval,
        tag=_tag(row, known),
        grade=facts.grade,
        text=value_text(estimate),
        interval_text=interval_words(row),
        method=estimate.method,
        evidence=row.id,
        source="; ".join(facts.sources) or row.provenance.source,
        note=row.note if facts.remark is None else facts.remark,
    )


def of_declaration(number: Uncertain, evidence: str = "") -> Number:
    """A declared number as it stands in the system file; `evidence`: the row that rests on it."""
    low, high = number.ends
    wide = low < high
    shape = {"lognormal": "2.5 % and 97.5 % quantiles, lognormal"}.get(number.kind, number.kind)
    return Number(
        value=number.middle,
        unit=number.unit,
        low=low,
        high=high,
        interval="range",
        tag="declared",
        grade=number.grade,
        text=plain(number.middle, number.unit),
        interval_text=f"{low:,.8g} to {high:,.8g} ({shape})" if wide else "",
        method="as declared",
        source=number.source,
        evidence=evidence,
    )


def of_fact(value: float, unit: str, source: str, evidence: str = "") -> Number:
    """A declared number without a grade of its own."""
    return Number(
        value=value,
        unit=unit,
        tag="declared",
        text=plain(value, unit),
        method="as declared",
        source=source,
        evidence=evidence,
    )


def plain(value: float, unit: str) -> str:
    """A declared number with the digits that were declared.

    >>> plain(1515.43, "W"), plain(1.58, "1"), plain(1533000000.0, "task/year")
    ('1,515.43 W', '1.58', '1,533,000,000 tasks a year')
    """
    words = {"1": "", "task/year": " tasks a year"}.get(unit, f" {unit}")
    return (f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:,.8g}") + words


def _tag(row: Evidence, known: Mapping[str, Evidence]) -> Tag:
    match row.basis:
        case "measured" | "modelled":
            return row.basis
    return "modelled" if any(name in known for name in row.derived_from) else "declared"
