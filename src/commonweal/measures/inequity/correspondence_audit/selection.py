"""From answers to outcomes: who would be selected, and how often a swap changes that.

Where a share of a pool is chosen, one applicant's outcome depends on all others'. A pool has one version of every
probe, drawn at random whatever its group, so the cut follows from the scores alone and is the same under every
relabelling of groups. The chance of being chosen is computed exactly, not simulated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from commonweal.statistics.detectable import bonferroni

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def pool_selection(score: Array, probe: Labels, share: float) -> Array:
    """Chance that each item is among the chosen `share` of a pool with one version of every probe, float64 (item,).

    Parameters
    ----------
    score : float64 (item,); higher is chosen first, ties are drawn by lot.
    probe : int64 (item,), which probe an item is a version of.
    share : in (0, 1). A pool of R probes has `share * R` places; a fraction of a place is given by lot.

    The number of competitors ahead is a sum of independent indicators (Poisson binomial) once an item's own lot is
    drawn; its distribution is built up probe by probe. Over the lot, the chance is a polynomial of a degree below the
    number of probes, so Gauss-Legendre integration is exact.

    >>> pool_selection(np.array([3.0, 2.0, 1.0, 0.0]), np.array([0, 1, 2, 3]), 0.5)
    array([1., 1., 0., 0.])
    >>> pool_selection(np.zeros(4), np.array([0, 1, 2, 3]), 0.25).round(6)
    array([0.25, 0.25, 0.25, 0.25])
    """
    probes = np.unique(probe)
    above, level = np.zeros((probes.size, score.size)), np.zeros((probes.size, score.size))
    for index, other in enumerate(probes):
        rivals = np.sort(score[probe == other])
        highest, lowest = np.searchsorted(rivals, score, side="right"), np.searchsorted(rivals, score, side="left")
        above[index] = np.where(probe == other, 0.0, (rivals.size - highest) / rivals.size)
        level[index] = np.where(probe == other, 0.0, (highest - lowest) / rivals.size)
    nodes, weights = np.polynomial.legendre.leggauss((probes.size + 1) // 2 if level.any() else 1)
    chosen = np.zeros(score.size)
    for node, weight in zip(nodes, weights, strict=True):
        chosen += weight / 2 * _places_left(above + level * (1 + node) / 2, share * probes.size)
    return np.clip(chosen, 0.0, 1.0)


def _places_left(beats: Array, places: float) -> Array:
    """Chance that fewer than `places` of the rivals are ahead; `beats` is float64 (rival, item), independent
    chances.
    """
    whole = int(np.floor(places + 1e-9))
    ahead = np.zeros((beats.shape[1], whole + 2))
    ahead[:, 0] = 1.0
    for each in beats:
        moved = ahead * (1 - each[:, None])
        moved[:, 1:] += ahead[:, :-1] * each[:, None]
        moved[:, -1] += ahead[:, -1] * each
        ahead = moved
    left: Array = ahead[:, :whole].sum(axis=1) + max(places - whole, 0.0) * ahead[:, whole]
    return left


@dataclass(frozen=True, slots=True)
class FlipShares:
    """Share of swaps that change the outcome: between two groups, within them, and the difference with its error."""

    between: float
    within: float
    excess: float
    standard_error: float
    clusters: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        half = bonferroni(max(self.clusters - 1, 1), 1, level) * self.standard_error
        return max(-1.0, self.excess - half), min(1.0, self.excess + half)


@dataclass(frozen=True, slots=True)
class Swaps:
    """All swaps of one unit for another in the same probe and wording.

    `changed` and `tried` are float64 (probe, unit, unit): the chance that the outcome differs, summed, and how many.
    """

    changed: Array
    tried: Array

    def shares(self, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> FlipShares | None:
        """Flip shares between two sets of units; None where some comparison was never tried.

        The error is a jackknife over units plus one over probes, so both kinds of chance count.
        """
        changed, tried = (_Sums(part, first, second) for part in (self.changed, self.tried))
        share = _shares(changed.whole, tried.whole)
        if np.isnan(share).any():
            return None
        by_unit = _excess(_shares(changed.without_each_unit, tried.without_each_unit))
        by_probe = _excess(_shares(changed.without_each_probe, tried.without_each_probe))
        variance = sum(_jackknife(left_out) for left_out in (by_unit[first], by_unit[second], by_probe))
        clusters = min(int(first.sum()), int(second.sum()), self.changed.shape[0])
        between, *within = map(float, share)
        return FlipShares(between, sum(within) / 2, float(_excess(share)), float(np.sqrt(variance)), clusters)


def swaps(chosen: Array, unit: Labels, probe: Labels, wording: Labels, block: Labels | None = None) -> Swaps:
    """Every swap within a probe and wording. `block`: units of one block are never swapped for each other.

    Parameters
    ----------
    chosen : float64 (item,), chance of the favourable outcome in [0, 1]; nan: not known, so not swapped.
    unit, probe, wording : int64 (item,).
    block : int64 (unit,) or None.
    """
    units, probes = int(unit.max()) + 1, int(probe.max()) + 1
    changed, tried, read = np.zeros((probes, units, units)), np.zeros((probes, units, units)), ~np.isnan(chosen)
    for stratum in np.unique(np.stack([probe, wording], axis=1), axis=0):
        members = np.flatnonzero((probe == stratum[0]) & (wording == stratum[1]) & read)
        index = unit[members][:, None], unit[members][None, :]
        changed[stratum[0]][index] += np.abs(chosen[members][:, None] - chosen[members][None, :])
        tried[stratum[0]][index] += 1.0
    same = np.eye(units, dtype=bool) if block is None else block[:, None] == block[None, :]
    changed[:, same] = tried[:, same] = 0.0
    return Swaps(changed, tried)


class _Sums:
    """Sums of a symmetric matrix float64 (probe, unit, unit) between two sets of units, within the first, and within
    the second: the last axis of each array.
    """

    def __init__(self, matrix: Array, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> None:
        one, two = first.astype(np.float64), second.astype(np.float64)
        rows_one, rows_two = matrix @ one, matrix @ two
        by_probe = np.stack([rows_two @ one, rows_one @ one, rows_two @ two], axis=-1)
        self.whole = by_probe.sum(0)
        self.without_each_probe = self.whole - by_probe
        own, to_one, to_two = np.einsum("ruu->u", matrix), rows_one.sum(0), rows_two.sum(0)
        between = one * to_two + two * to_one - one * two * own
        of_unit = np.stack([between, one * (2 * to_one - own), two * (2 * to_two - own)], axis=-1)
        self.without_each_unit = self.whole - of_unit


def _shares(changed: Array, tried: Array) -> Array:
    """Shares of swaps that change the outcome; all three are nan where any was never tried."""
    there = (tried > 0).all(axis=-1, keepdims=True)
    return np.where(there, changed / np.where(there, tried, 1.0), np.nan)


def _excess(shares: Array) -> Array:
    return np.asarray(shares[..., 0] - (shares[..., 1] + shares[..., 2]) / 2)


def _jackknife(left_out: Array) -> float:
    values = left_out[~np.isnan(left_out)]
    return float((values.size - 1) / values.size * ((values - values.mean()) ** 2).sum()) if values.size > 1 else 0.0
