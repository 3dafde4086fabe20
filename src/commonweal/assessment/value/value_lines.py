"""What deployments are worth in a few lines: V, who gains, who pays, what would flip it, and what is unknown.

What this module does not do: it works out nothing; the rows hold every number, and a worth that is unknown is told so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from commonweal.assessment.value.value_rows import VALUE_METHOD
from commonweal.evidence.numbers import bounds_text, value_text
from commonweal.evidence.records import Estimate, Evidence

DEPLOYMENTS_TOLD = 2
SIDES_TOLD = 3


def value_lines(rows: Sequence[Evidence]) -> list[str]:
    """At most eight lines: up to four of each deployment, those with a known value first."""
    own = [row for row in rows if row.measure == VALUE_METHOD.name]
    deployments: dict[str, list[Evidence]] = {}
    for row in own:
        deployments.setdefault(_group(row).get("deployment", ""), []).append(row)
    ranked = sorted(deployments.items(), key=lambda entry: _one(entry[1], "value") is None)
    lines = [line for name, part in ranked[:DEPLOYMENTS_TOLD] for line in _of_deployment(name, part)]
    left = len(ranked) - DEPLOYMENTS_TOLD
    return [*lines[: 7 if left > 0 else 8], *([f"and {left} more deployments: --rows"] if left > 0 else [])]


def _of_deployment(name: str, rows: Sequence[Evidence]) -> Iterator[str]:
    value = _one(rows, "value")
    title = f"{rows[0].subjects[0]}, {name}" if name else rows[0].subjects[0]
    if value is None:
        reason = next((row.note for row in rows if row.missing and row.missing.quantity == "value"), "unknown")
        yield f"{title}: V is unknown: {reason}"
        needed = _one(rows, "value_at_zero")
        if needed is not None:
            lacking = (needed.group or {}).get("of", "what is unknown")
            yield f"  V is above 0 where {lacking} is more than {_told(needed)}"
    else:
        below = _one(rows, "below_zero_probability")
        chance = f"; P(V < 0) {value_text(below)}" if below is not None else ""
        yield f"{title}: V = {_told(value)}{chance}"
    yield from _sides(rows)
    flips = [row.estimate for row in rows if row.estimate and row.estimate.quantity == "switching_value"]
    if flips:
        first, note = flips[0], next(row.note for row in rows if row.estimate is flips[0])
        yield f"  would flip it: {(first.group or {}).get('input', '')} at {value_text(first)} ({note})"


def _sides(rows: Sequence[Evidence]) -> Iterator[str]:
    """Who gains and who pays; where worth is unknown, who bears what share of the burdens."""
    worth = _by_group(rows, "group_value")
    gains = sorted((one for one in worth.items() if one[1].value > 0), key=lambda one: -one[1].value)
    pays = sorted((one for one in worth.items() if one[1].value < 0), key=lambda one: one[1].value)
    if worth:
        yield f"  gains: {_listed(gains) or 'nobody'}; pays: {_listed(pays) or 'nobody'}"
        return
    shares = _by_group(rows, "burden_share")
    bearing = sorted((one for one in shares.items() if one[1].value > 0), key=lambda one: -one[1].value)
    if bearing:
        yield f"  of the burdens that are known: {_listed(bearing)}"


def _listed(sides: Sequence[tuple[str, Estimate]]) -> str:
    told = ", ".join(f"{name} {value_text(estimate)}" for name, estimate in sides[:SIDES_TOLD])
    more = len(sides) - SIDES_TOLD
    return f"{told} and {more} more" if more > 0 else told


def _by_group(rows: Sequence[Evidence], quantity: str) -> dict[str, Estimate]:
    return {
        (row.estimate.group or {})["group"]: row.estimate
        for row in rows
        if row.estimate and row.estimate.quantity == quantity
    }


def _told(estimate: Estimate) -> str:
    bounds = bounds_text(estimate) if estimate.low != estimate.high else ""
    behind = f" ({round(estimate.level * 100)} % interval {bounds})" if bounds else ""
    return value_text(estimate) + behind


def _one(rows: Sequence[Evidence], quantity: str) -> Estimate | None:
    return next((row.estimate for row in rows if row.estimate and row.estimate.quantity == quantity), None)


def _group(row: Evidence) -> Mapping[str, str]:
    about = row.estimate or row.missing
    return (about.group if about else None) or {}
