"""Whether a row tests something, and whether what it tests was found: the one rule that all rooms keep to."""

from __future__ import annotations

from collections.abc import Sequence

from commonweal.evidence.records import Estimate, Evidence

ALPHA = 0.05


def is_found(row: Evidence) -> bool:
    """Whether a row's hypothesis holds: adjusted p at most 0.05 and an interval that excludes no effect."""
    estimate = row.estimate
    if row.status != "ok" or estimate is None or estimate.null is None or not estimate.excludes_null:
        return False
    p = estimate.p_adjusted if estimate.p_adjusted is not None else estimate.p_value
    return p is None or p <= ALPHA


def is_tested(estimate: Estimate) -> bool:
    """Whether it has a null, and an interval or a p-value to set against it: one cluster alone tests nothing."""
    return estimate.null is not None and (estimate.interval is not None or estimate.p_value is not None)


def is_silent(row: Evidence) -> bool:
    """Whether a row is a comparison that was made and shows no gap."""
    return row.status == "ok" and row.estimate is not None and is_tested(row.estimate) and not is_found(row)


def comparisons(rows: Sequence[Evidence]) -> tuple[int, int]:
    """How many comparisons were found, and how many were made."""
    found = sum(map(is_found, rows))
    return found, found + sum(map(is_silent, rows))
