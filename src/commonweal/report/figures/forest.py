"""A forest: rows from top to bottom, for each its number, its interval, and the gaps too small for the design to find.

Places along the axis are in percent of its length, so that a page can make it as wide as it likes and no label is ever
cut. What this module does not do: it chooses no figures (see `plan`), and no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from commonweal.evidence.numbers import bounds_text, number_text, rounded
from commonweal.evidence.records import Estimate
from commonweal.evidence.verdicts import is_found
from commonweal.report.figures.plan import CROSSED, FigurePlan, Plotted

MOST_ROWS = 40
ENDS = 10  # of more rows than that: so many of the highest, and of the lowest
MOST_FOUND = 20
MOST_FOLDED = 160
TICKS = 5
MARGIN = 0.04  # of the axis, on both sides

Style = Literal["found", "not_shown", "described"]


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One row; `x`, `low`, `high`, and where the band begins and how wide it is, in percent of the axis.

    `heading`: what its part of the rows is called, where it is the first of them.
    """

    label: str
    heading: str
    style: Style
    hollow: bool
    x: str
    low: str
    high: str
    band: str
    band_width: str
    value: str
    bounds: str


@dataclass(frozen=True, slots=True)
class Forest:
    """The rows that are shown, those behind a fold, how many more there are, the ticks of the axis, and where no effect
    is.
    """

    rows: tuple[ForestRow, ...]
    folded: tuple[ForestRow, ...]
    left_out: int
    ticks: tuple[tuple[str, str], ...]
    null: str
    unit: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of numbers, in the unit of the figure.

    >>> Axis(-10.0, 30.0).place(10.0), Axis(-10.0, 30.0).place(99.0), Axis(-10.0, 30.0).ticks()
    ('50', '100', (-10.0, 0.0, 10.0, 20.0, 30.0))
    """

    low: float
    high: float

    def place(self, number: float) -> str:
        """Where a number lies, in percent; what lies beyond an end is put at it."""
        share = (number - self.low) / (self.high - self.low)
        return f"{100 * min(1.0, max(0.0, share)):.4g}"

    def ticks(self) -> tuple[float, ...]:
        """Round numbers along it."""
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(size * power for size in (1.0, 2.0, 5.0, 10.0) if size * power >= rough * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(step * place for place in range(first, last + 1))


def draw_forest(figure: FigurePlan) -> Forest:
    """A figure's rows on one axis; of more than 40, some stand behind a fold."""
    shown, folded = _chosen(figure.rows)
    axis = _axis(figure)
    factor = figure.scale.factor
    return Forest(
        rows=_drawn(shown, figure, axis),
        folded=_drawn(folded[:MOST_FOLDED], figure, axis),
        left_out=max(0, len(folded) - MOST_FOLDED),
        ticks=tuple((axis.place(tick), rounded(tick)) for tick in axis.ticks()),
        null="" if figure.null is None else axis.place(figure.null * factor),
        unit=figure.axis,
    )


def _chosen(rows: Sequence[Plotted]) -> tuple[list[Plotted], list[Plotted]]:
    """The rows before the fold and those behind it: what was found, and single attributes, where those are few enough;
    else the ends of the range, from the highest to the lowest.
    """
    if len(rows) <= MOST_ROWS:
        return list(rows), []
    single = [CROSSED not in entry.heading or is_found(entry.row) for entry in rows]
    if sum(single) <= MOST_ROWS and not all(single):
        return [one for one, first in zip(rows, single, strict=True) if first], [
            one for one, first in zip(rows, single, strict=True) if not first
        ]
    by_value = sorted(range(len(rows)), key=lambda place: rows[place].estimate.value)
    found = [place for place in by_value if is_found(rows[place].row)]
    farthest = sorted(found, key=lambda place: -abs(rows[place].estimate.value - (rows[place].estimate.null or 0.0)))
    first = {*farthest[:MOST_FOUND], *by_value[:ENDS], *by_value[-ENDS:]}
    descending = [place for place in reversed(by_value) if place in first]
    rest = [rows[place] for place in range(len(rows)) if place not in first]
    return [_with_heading(rows[place]) for place in descending], rest


def _with_heading(entry: Plotted) -> Plotted:
    """The row where its heading does not stand above it."""
    return replace(entry, label=f"{entry.heading}: {entry.label}", heading="") if entry.heading else entry


def _axis(figure: FigurePlan) -> Axis:
    factor = figure.scale.factor
    numbers = [number * factor for entry in figure.rows for number in _ends(entry.estimate) if math.isfinite(number)]
    numbers += [figure.null * factor] if figure.null is not None else [0.0] if figure.exact else []
    low, high = min(numbers), max(numbers)
    width = (high - low) or abs(high) or 1.0
    floor = low if figure.exact and low == 0 else low - MARGIN * width
    return Axis(floor, high + MARGIN * width)


def _ends(estimate: Estimate) -> tuple[float, ...]:
    return tuple(number for number in (estimate.value, estimate.low, estimate.high) if number is not None)


def _drawn(entries: Sequence[Plotted], figure: FigurePlan, axis: Axis) -> tuple[ForestRow, ...]:
    headings = [entry.heading for entry in entries]
    return tuple(
        _row(entry, heading if place == 0 or headings[place - 1] != heading else "", figure, axis)
        for place, (entry, heading) in enumerate(zip(entries, headings, strict=True))
    )


def _style(entry: Plotted, figure: FigurePlan) -> Style:
    """Found or not, of a comparison and of what is worked out from one; of other numbers neither."""
    rests = figure.rests_on_found(entry.row)
    if figure.null is None and rests is None:
        return "described"
    return "found" if is_found(entry.row) or rests else "not_shown"


def _row(entry: Plotted, heading: str, figure: FigurePlan, axis: Axis) -> ForestRow:
    estimate, factor = entry.estimate, figure.scale.factor
    bounded = estimate.low is not None and estimate.high is not None and estimate.low != estimate.high
    band = width = ""
    if figure.null is not None and estimate.minimum_detectable is not None:
        ends = [axis.place((figure.null + side * estimate.minimum_detectable) * factor) for side in (-1, 1)]
        band, width = ends[0], f"{float(ends[1]) - float(ends[0]):.4g}"
    return ForestRow(
        label=entry.label,
        heading=heading,
        style=_style(entry, figure),
        hollow=entry.row.basis != "measured",
        x=axis.place(estimate.value * factor),
        low=axis.place((estimate.low or 0.0) * factor) if bounded else "",
        high=axis.place((estimate.high or 0.0) * factor) if bounded else "",
        band=band,
        band_width=width,
        value=number_text(estimate),
        bounds=bounds_text(estimate) if bounded else "",
    )
