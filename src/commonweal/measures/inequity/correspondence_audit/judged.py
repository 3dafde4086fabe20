"""Which comparisons of a correspondence audit cannot be judged, and why: before any interval, since that would be of
width 0.

An outcome that does not vary says nothing of whether groups would be treated alike where it did. One that moves in a
few matched sets, or for a few names, was seen too rarely. A gap that was found all the same stays: few sets can be
enough for that. What this module does not do: it works out no estimate.
"""

from __future__ import annotations

import numpy as np

from commonweal.measures.inequity.correspondence_audit.axes import ComparisonAxis
from commonweal.measures.inequity.correspondence_audit.design import MINIMUM_BLOCKS
from commonweal.statistics.contrast import FEW_DIFFER
from commonweal.statistics.permutation import Array

TINY = 1e-12


def outcomes_of(axis: ComparisonAxis, groups: tuple[int, ...]) -> Array:
    """The outcomes of some groups that could be read, float64 (case,)."""
    values: Array = np.concatenate([axis.chosen_cells[group].ravel() for group in groups])
    return values[~np.isnan(values)]


def varies(values: Array) -> bool:
    """Whether they differ at all, but for rounding.

    >>> varies(np.array([0.3, 0.1 + 0.2])), varies(np.array([0.0, 1.0]))
    (False, True)
    """
    return bool(np.ptp(values) > TINY * max(1.0, float(np.abs(values).max())))


def alike_words(values: Array) -> str:
    """Everybody treated alike, in words.

    >>> alike_words(np.zeros(1234))
    'it treats everybody alike: every one of 1,234 cases was rejected'
    """
    rate, cases = float(values[0]), f"{values.size:,}"
    said = (
        f"every one of {cases} cases was rejected"
        if rate <= TINY
        else f"every one of {cases} cases was favoured"
        if rate >= 1 - TINY
        else f"every one of {cases} cases has the same chance of the favourable outcome, {100 * rate:.3g} %"
    )
    return f"it treats everybody alike: {said}"


def why_unjudged(axis: ComparisonAxis, first: int, second: int, found: bool) -> str | None:
    """Why the rates of two groups cannot be compared; None where they can."""
    values = outcomes_of(axis, (first, second))
    if not varies(values):
        return alike_words(values)
    if found:
        return None
    more = "; see the gap in log-odds or scores instead" if axis.score is not None else ""
    if axis.matched:
        moving, sets = moving_units(axis, first, second), axis.chosen_cells[first].shape[0]
        if moving < MINIMUM_BLOCKS:
            return (
                f"the outcome differs in only {moving} of {sets} matched sets; the permutation test of rates needs at "
                f"least {MINIMUM_BLOCKS}{more}"
            )
        return None
    carrying, units = _carrying(axis, first, second)
    needed = min(FEW_DIFFER, units // 2)
    if carrying < needed:
        which = "favoured" if values.mean() < 0.5 else "rejected"
        return (
            f"{carrying} of {units} names are ever {which}, and at least {needed} are needed to judge a difference of "
            f"rates{more}"
        )
    return None


def moving_units(axis: ComparisonAxis, first: int, second: int) -> int:
    """Matched sets in which the outcome differs between two groups; of names, those whose outcome differs from the
    usual one of a probe.
    """
    one, other = axis.chosen_cells[first], axis.chosen_cells[second]
    if axis.matched:
        return int((np.abs(one - other) > TINY).any(axis=1).sum())
    both = np.concatenate([one, other])
    both = both[:, ~np.isnan(both).all(axis=0)]
    usual = (np.nanmedian if np.isnan(both).any() else np.median)(both, axis=0)
    return int((np.abs(both - usual) > TINY).any(axis=1).sum())


def _carrying(axis: ComparisonAxis, first: int, second: int) -> tuple[int, int]:
    """How many names of two groups have the rarer outcome at all, and how many names there are."""
    both = np.concatenate([axis.chosen_cells[first], axis.chosen_cells[second]])
    rare = both > TINY if np.nanmean(both) < 0.5 else both < 1 - TINY
    there = ~np.isnan(both)
    return int((rare & there).any(axis=1).sum()), int(there.any(axis=1).sum())
