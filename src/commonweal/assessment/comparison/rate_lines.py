"""Two tables of predictions in lines: a line for each group with its rates in A and in B, and the change of its gap.

What this module does not do: it works out no number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from commonweal.assessment.comparison.paired_outcomes import ComparisonRow
from commonweal.evidence.numbers import number_text
from commonweal.evidence.records import Estimate
from commonweal.evidence.text_columns import aligned, signed

FOUND, ARROW = "*", "→"
Side = tuple[tuple[str, str], ...]
Place = tuple[str, Side, str]


def rate_lines(rows: Sequence[ComparisonRow]) -> Iterator[str]:
    """The rates of all items and of each group in A and in B, and below a group its gap to the reference."""
    numbers: dict[Place, Estimate] = {
        (row.estimate.quantity, tuple((row.estimate.group or {}).items()), row.of): row.estimate
        for row in rows
        if row.estimate is not None
    }
    rates = list(dict.fromkeys(quantity for quantity, side, of in numbers if of == "A" and not side))
    sides = list(dict.fromkeys(side for quantity, side, of in numbers if quantity in rates and len(side) < 2))
    labels = {row.estimate.quantity: row.label for row in rows if row.estimate is not None}
    grid = [["A → B (change), in %", *(labels[rate] for rate in rates)]]
    for side in sides:
        name = ", ".join(f"{attribute}: {group}" for attribute, group in side) or "all items"
        grid.append([name, *(_rate(numbers, rate, side) for rate in rates)])
        gaps = [_gap(numbers, rate, side) for rate in rates]
        if any(gaps):
            grid.append([f"  gap to {_reference(numbers, side)}", *gaps])
    yield from aligned(grid)
    yield f"gaps in percentage points; {FOUND} marks a change whose interval excludes none (simultaneous, 95 %)"


def _rate(numbers: Mapping[Place, Estimate], rate: str, side: Side) -> str:
    a, b = (numbers.get((rate, side, of)) for of in "AB")
    if a is None or b is None:
        return "?"
    return f"{number_text(a)} {ARROW} {number_text(b)}{_change(numbers.get((f'{rate}_difference', side, 'B - A')))}"


def _gap(numbers: Mapping[Place, Estimate], rate: str, side: Side) -> str:
    a, b = (numbers.get((f"{rate}_gap", side, of)) for of in "AB")
    if a is None or b is None:
        return ""
    change = _change(numbers.get((f"{rate}_gap_difference", side, "B - A")))
    return f"{signed(number_text(a))} {ARROW} {signed(number_text(b))}{change}"


def _change(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    return f" ({signed(number_text(estimate))}{FOUND if estimate.excludes_null else ''})"


def _reference(numbers: Mapping[Place, Estimate], side: Side) -> str:
    found = (one.reference for (_, of, _), one in numbers.items() if of == side and one.reference)
    return ", ".join(next(found, {}).values())
