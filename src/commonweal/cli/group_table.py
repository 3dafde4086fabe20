"""Rates by group as practitioners read them: a line for each group, and what it differs by from its reference group.

Groups of one attribute have a line each; crossed groups, calibration and contributions are in the rows. What holds for
all numbers is told once, below. What this module does not do: it works out no number and judges nothing; what is marked
is what its interval says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from commonweal.evidence.numbers import number_text, value_text
from commonweal.evidence.records import Estimate, Evidence, GroupTable, Missing
from commonweal.evidence.text_columns import aligned, signed
from commonweal.files.foreign_text import unbroken

FOUND, UNJUDGED, NOTHING = "*", "?", ""
Side = tuple[tuple[str, str], ...]
Number = Estimate | Missing
Cells = Mapping[tuple[str, Side], Evidence]


def table_lines(rows: Sequence[Evidence], table: GroupTable) -> Iterator[str]:
    """The tables of a measure's rows on one subject, and what is to be read with them."""
    numbers = {(one.quantity, _side(one)): row for row in rows if (one := row.estimate or row.missing) is not None}
    attributes = dict.fromkeys(name for _, side in numbers if len(side) == 1 for name, _ in side)
    shown: list[Evidence] = []
    for attribute in attributes:
        groups = list(
            dict.fromkeys(
                side
                for quantity, side in numbers
                if quantity in table.rates and len(side) == 1 and side[0][0] == attribute
            )
        )
        if groups:
            yield from _attribute(numbers, table, attribute, groups, shown)
    yield from _notes(rows, shown)


def _side(one: Number) -> Side:
    return tuple((one.group or {}).items())


def _attribute(
    numbers: Cells, table: GroupTable, attribute: str, groups: Sequence[Side], shown: list[Evidence]
) -> Iterator[str]:
    """The lines of one attribute, the reference group first."""
    columns = [rate for rate in table.rates if any((rate, side) in numbers for side in groups)]
    reference = _reference(numbers, columns, groups)
    together = [numbers.get((f"{rate}_difference", ((attribute, "all groups"),))) for rate in columns]
    ordered = sorted(groups, key=lambda side: side != reference)
    heads = [attribute, "n", *(head for rate in columns for head in _heads(table, rate))]
    grid = [heads]
    if not shown:
        grid.append(["all rows", *_rates(numbers, table, columns, (), shown)])
    for side in ordered:
        name = side[0][1] + (" (reference)" if side == reference else "")
        grid.append([name, *_rates(numbers, table, columns, side, shown)])
        if reference is not None and side != reference:
            grid.append(["  difference, ratio", "", *_against(numbers, table, columns, side, shown)])
    shown += [row for row in together if row is not None]
    yield from aligned(grid)
    yield ""


def _heads(table: GroupTable, rate: str) -> list[str]:
    return (
        [table.short.get(rate, rate), "impact ratio"] if rate in table.against_most else [table.short.get(rate, rate)]
    )


def _reference(numbers: Cells, columns: Sequence[str], groups: Sequence[Side]) -> Side | None:
    """The group that others are compared with."""
    for rate in columns:
        for side in groups:
            row = numbers.get((f"{rate}_difference", side))
            one = (row.estimate or row.missing) if row else None
            if one is not None and one.reference:
                return tuple(one.reference.items())
    return None


def _rates(numbers: Cells, table: GroupTable, columns: Sequence[str], side: Side, shown: list[Evidence]) -> list[str]:
    """The number of rows, and each rate of one group."""
    cells, counts = [], []
    for rate in columns:
        row = numbers.get((rate, side))
        cells.append(_cell(row, shown))
        counts += [row.estimate.n] if row and row.estimate else []
        if rate in table.against_most:
            of_most = numbers.get((table.against_most[rate], side))
            cells.append(f"{of_most.estimate.value:.2f}" if of_most and of_most.estimate else NOTHING)
    return [f"{max(counts):,}" if counts else NOTHING, *cells]


def _cell(row: Evidence | None, shown: list[Evidence]) -> str:
    if row is None:
        return NOTHING
    shown.append(row)
    return value_text(row.estimate) if row.estimate else UNJUDGED


def _against(numbers: Cells, table: GroupTable, columns: Sequence[str], side: Side, shown: list[Evidence]) -> list[str]:
    """How far each rate lies from that of the reference, as a difference and as a ratio."""
    cells = []
    for rate in columns:
        row, ratio = (numbers.get((f"{rate}_{kind}", side)) for kind in ("difference", "ratio"))
        if row is None:
            row = numbers.get((f"{rate}_difference", tuple((name, "all groups") for name, _ in side)))
        if row is not None and row.estimate is None:
            cells.append(UNJUDGED)
        elif row is None or row.estimate is None:
            cells.append(NOTHING)
        else:
            times = f" ×{ratio.estimate.value:.2f}" if ratio and ratio.estimate else ""
            cells.append(f"{signed(number_text(row.estimate))}{times}{FOUND if row.estimate.excludes_null else ''}")
        cells += [NOTHING] if rate in table.against_most else []
    return cells


def _notes(rows: Sequence[Evidence], shown: Sequence[Evidence]) -> Iterator[str]:
    """How to read the tables, and what holds for their numbers: each once."""
    units = {row.estimate.unit for row in rows if row.estimate is not None and row.estimate.null is not None}
    if units:
        unit = "percentage points" if units == {"1"} else "the unit of its column"
        yield (
            f"difference in {unit}, ratio as ×; {FOUND} marks those whose interval excludes no difference "
            "(95 %, simultaneous for all groups and rates of one attribute; the ratio is decided with it)"
        )
    holds = dict.fromkeys(part for row in shown if row.facts for part in row.facts.conditions)
    yield from (f"note: {unbroken(part)}" for part in holds)
    reasons = dict.fromkeys(row.note for row in shown if row.estimate is None)
    yield from (f"{UNJUDGED} {unbroken(reason)}" for reason in reasons)
    whole = [row for row in rows if row.missing is not None and not row.missing.group]
    by_reason: dict[str, list[str]] = {}
    for row in whole:
        assert row.missing is not None
        by_reason.setdefault(row.note, []).append(row.missing.quantity.replace("_", " "))
    yield from (f"not measured: {', '.join(names)}: {unbroken(reason)}" for reason, names in by_reason.items())
