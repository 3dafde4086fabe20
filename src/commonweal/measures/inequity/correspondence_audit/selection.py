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
        changed, tried = self.changed.sum(0), self.tried.sum(0)
        whole = _excess(_sums(changed, first, second), _sums(tried, first, second))
        if whole is None:
            return None
        variance = 0.0
        for members in (first, second):
            left_out = [
                self._without_unit(changed, tried, first, second, int(unit)) for unit in np.flatnonzero(members)
            ]
            variance += _jackknife(left_out)
        probes = [
            _excess(_sums(changed - self.changed[r], first, second), _sums(tried - self.tried[r], first, second))
            for r in range(self.changed.shape[0])
        ]
        variance += _jackknife(probes)
        between, within, excess = whole
        clusters = min(int(first.sum()), int(second.sum()), self.changed.shape[0])
        return FlipShares(between, within, excess, float(np.sqrt(variance)), clusters)

    @staticmethod
    def _without_unit(
        changed: Array, tried: Array, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], unit: int
    ) -> tuple[float, float, float] | None:
        one, two = first.copy(), second.copy()
        one[unit] = two[unit] = False
        return _excess(_sums(changed, one, two), _sums(tried, one, two))


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
        index = np.ix_([stratum[0]], unit[members], unit[members])
        changed[index] += np.abs(chosen[members][:, None] - chosen[members][None, :])
        tried[index] += 1.0
    same = np.eye(units, dtype=bool) if block is None else block[:, None] == block[None, :]
    changed[:, same] = tried[:, same] = 0.0
    return Swaps(changed, tried)


def _sums(matrix: Array, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> tuple[float, float, float]:
    return (
        float(matrix[np.ix_(first, second)].sum()),
        float(matrix[np.ix_(first, first)].sum()),
        float(matrix[np.ix_(second, second)].sum()),
    )


def _excess(
    changed: tuple[float, float, float], tried: tuple[float, float, float]
) -> tuple[float, float, float] | None:
    if min(tried) <= 0:
        return None
    between, one, two = (c / n for c, n in zip(changed, tried, strict=True))
    within = (one + two) / 2
    return between, within, between - within


def _jackknife(left_out: list[tuple[float, float, float] | None]) -> float:
    values = np.array([value[2] for value in left_out if value is not None])
    return float((values.size - 1) / values.size * ((values - values.mean()) ** 2).sum()) if values.size > 1 else 0.0
