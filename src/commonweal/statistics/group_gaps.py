"""Gaps between the rates of groups, of all pairs or against a reference, in one family with simultaneous intervals.

- Gap: the distances to the Wilson limits of the two rates are added in squares, with their correlation (Zou and
  Donner): it does not collapse where a rate is 0 or 1, and is no narrower than that of the t test where groups share
  clusters. Its p-value is that of the interval that just touches 0, so that verdict and interval agree.
- Family: the largest |z| of all gaps, drawn from the normal distribution with their estimated covariance (Hothorn,
  Bretz and Westfall); each z stands for a t with its own degrees of freedom.
- Largest minus smallest rate: the interval is projected from those of the pairs, floored at 0. A percentile bootstrap
  of it excludes 0 at true parity.

What this module does not do: it does not decide which rates and groups are compared, and says nothing of causes. Where
few shared clusters react at all (3 % of 40 templates), a sample without one looks sure: intervals of such gaps hold in
84 %, not 95 %, of samples.

Source
------
Newcombe 1998, Statistics in Medicine 17:873; Zou and Donner 2008, Statistics in Medicine 27:1693; Agresti and Min 2005,
Statistics in Medicine 24:729 (pseudo-observations of matched shares); Hothorn, Bretz and Westfall 2008, Biometrical
Journal 50:346.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.contrast import FEW_DIFFER
from commonweal.statistics.detectable import detectable, shrunk_share
from commonweal.statistics.group_rates import Array, GroupRates, Places, quantile, wilson
from commonweal.statistics.simultaneous import Difference, simultaneous

ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Gap(Difference):
    """The rate of `group` minus that of `reference` (places).

    `error`: its standard error; `critical`: how many of them its limits are worth; nan where they are not known.
    """

    group: int = field(kw_only=True)
    reference: int = field(kw_only=True)
    error: float = field(kw_only=True, default=math.nan)
    critical: float = field(kw_only=True, default=math.nan)


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """All gaps of a family, arrays (gap,): columns compared, rates, effective rows, correlation, standard errors of the
    gaps, whether two groups share clusters, degrees of freedom: by design, those used, those that independent rows
    would have.
    """

    first: Places
    second: Places
    means: tuple[Array, Array]
    effective: tuple[Array, Array]
    correlation: Array
    error: Array
    shared: npt.NDArray[np.bool_]
    by_design: Array
    freedom: Array
    of_rows: Array

    @property
    def difference(self) -> Array:
        return self.means[0] - self.means[1]

    def quantile(self, z: Array | float) -> Array:
        return quantile(z, self.freedom, self.of_rows)

    def limits(self, z: Array | float) -> tuple[Array, Array]:
        """Limits of the differences at a normal quantile z, by adding the distances to the Wilson limits in squares.

        Not nearer than t standard errors where clusters are shared: Wilson's intervals are shorter for what keeps a
        rate from 0 and 1, and clusters that move two rates alike keep their gap from nothing.
        """
        t = self.quantile(z)
        (low_1, high_1), (low_2, high_2) = (wilson(m, n, t) for m, n in zip(self.means, self.effective, strict=True))
        below = _added(self.means[0] - low_1, high_2 - self.means[1], self.correlation)
        above = _added(high_1 - self.means[0], self.means[1] - low_2, self.correlation)
        apart = quantile(z, self.by_design, np.full_like(self.by_design, np.inf)) * self.error * self.shared
        low, high = self.difference - np.maximum(below, apart), self.difference + np.maximum(above, apart)
        return np.maximum(low, -1.0), np.minimum(high, 1.0)


def _added(one: Array, other: Array, correlation: Array) -> Array:
    return np.sqrt(np.maximum(one**2 + other**2 - 2 * correlation * one * other, 0.0))


def family_of_gaps(
    layers: Sequence[GroupRates], rng: np.random.Generator, reference: int | None = None
) -> list[list[Gap]]:
    """All pairwise gaps between usable groups of every layer, tested together; or those against a reference group.

    `p_adjusted <= 0.05` where the interval excludes 0, and only there. Clusters with the same number are the same
    cluster in all layers. `reference`: the group that the others are compared with, the same in all layers. Returns a
    list for each layer; empty where fewer than two groups are usable, or the reference is not.

    >>> from commonweal.statistics.group_rates import group_rates, layout_of
    >>> rng, group = np.random.default_rng(0), np.repeat([0, 1], 200)
    >>> layer = group_rates(np.repeat([0.0, 1.0], 200), np.ones(400, bool), layout_of(group, np.arange(400), 2))
    >>> ((gap,),) = family_of_gaps([layer], rng)
    >>> gap.value, round(gap.low, 3), gap.high, gap.p_adjusted
    (1.0, 0.972, 1.0, 0.0001)
    """
    starts = np.cumsum([0, *(layer.layout.groups for layer in layers)])
    compared = [_compared(np.flatnonzero(layer.usable).tolist(), reference) for layer in layers]
    if not any(compared):
        return [[] for _ in layers]
    covariance = _covariance(layers, starts)
    pairs = _pairs(layers, starts, compared, covariance)
    found = simultaneous(pairs.difference, pairs.limits, _root(pairs, covariance), rng)
    least = _minimum_detectable(layers, compared, pairs, found.critical)
    numbers = zip(pairs.difference, found.low, found.high, found.p_value, found.p_adjusted, least, strict=True)
    errors = zip(pairs.error.tolist(), pairs.quantile(found.critical).tolist(), strict=True)
    return [
        [
            Gap(*map(float, next(numbers)), group=second, reference=first, error=error, critical=critical)
            for (first, second), (error, critical) in zip(mine, errors, strict=False)
        ]
        for mine in compared
    ]


def _compared(usable: Sequence[int], reference: int | None) -> list[tuple[int, int]]:
    """The pairs of groups, the one that is compared with first.

    >>> _compared([0, 2, 3], None), _compared([0, 2, 3], 2), _compared([0, 2, 3], 1)
    ([(0, 2), (0, 3), (2, 3)], [(2, 0), (2, 3)], [])
    """
    if reference is None:
        return list(combinations(usable, 2))
    return [(reference, group) for group in usable if group != reference] if reference in usable else []


def _covariance(layers: Sequence[GroupRates], starts: Places) -> Array:
    """CR2 covariance of all rates of all layers, float64 (column, column)."""
    clusters = max(int(layer.layout.pair_cluster.max(initial=0)) for layer in layers) + 1
    place = np.concatenate([layer.layout.pair_cluster for layer in layers])
    column = np.concatenate([layer.layout.pair_group + start for layer, start in zip(layers, starts[:-1], strict=True)])
    scores = scipy.sparse.csr_matrix(
        (np.concatenate([layer.score for layer in layers]), (place, column)), shape=(clusters, int(starts[-1]))
    )
    found = np.asarray((scores.T @ scores).toarray(), dtype=np.float64)
    variance = np.nan_to_num(np.concatenate([layer.variance for layer in layers]))
    np.fill_diagonal(found, np.maximum(np.diagonal(found), variance))
    return found


def _pairs(
    layers: Sequence[GroupRates], starts: Places, compared: Sequence[Sequence[tuple[int, int]]], covariance: Array
) -> _Pairs:
    means, effective, freedom, columns, least, share = [], [], [], [], [], []
    for layer, start, mine in zip(layers, starts[:-1], compared, strict=True):
        reference, group = (np.array(side, dtype=np.int64) for side in zip(*mine, strict=True)) if mine else _NOBODY
        means.append(np.stack([layer.mean[group], layer.mean[reference]]))
        effective.append(np.stack([layer.effective[group], layer.effective[reference]]))
        freedom.append(np.stack(_freedom(layer, group, reference)))
        columns.append(np.stack([group, reference]) + start)
        range2 = 1.0 if layer.share else 4 * np.maximum(layer.working[group], layer.working[reference])
        least.append(range2 * _unseen(layer, group, reference) ** 2)
        share.append(layer.shared[group, reference] > 0)
    first, second = np.concatenate(columns, axis=1)
    (mean_1, mean_2), (rows_1, rows_2) = np.concatenate(means, axis=1), np.concatenate(effective, axis=1)
    variance_1, variance_2 = covariance[first, first], covariance[second, second]
    scale = 2 * np.sqrt(variance_1 * variance_2)
    highest = np.maximum((variance_1 + variance_2 - np.concatenate(least)) / scale, 0.0)
    correlation = np.minimum(2 * covariance[first, second] / scale, highest)
    error = np.sqrt(np.maximum(variance_1 + variance_2 - scale * correlation, 0.0))
    return _Pairs(
        first,
        second,
        (mean_1, mean_2),
        (rows_1, rows_2),
        correlation,
        error,
        np.concatenate(share),
        *np.concatenate(freedom, axis=1),
    )


def _unseen(layer: GroupRates, group: Places, reference: Places) -> Array:
    """How far two groups may differ though their shared clusters tell nothing of it, as a share, float64 (gap,).

    One cluster, where fewer than 5 clusters move the gap: else equal outcomes in all clusters leave no width. One row,
    where more do: how much they move it is then known from them.
    """
    several = np.bincount(layer.layout.pair_cluster)[layer.layout.pair_cluster] > 1
    clusters, cluster_of = np.unique(layer.layout.pair_cluster[several], return_inverse=True)
    column = layer.layout.pair_group[several]
    n, rows = layer.mass[column], layer.rows[several]
    means = np.full((layer.layout.groups, clusters.size), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        means[column, cluster_of] = layer.mean[column] + layer.score[several] * n * np.sqrt(1 - rows / n) / rows
    moving = np.array(
        [_moving(means[one] - means[other]) for one, other in zip(group.tolist(), reference.tolist(), strict=True)]
    )
    by_rows, by_clusters = (np.minimum(count[group], count[reference]) for count in (layer.independent, layer.kish))
    return np.where(moving >= FEW_DIFFER, 1 / by_rows, 1 / by_clusters)


def _moving(gaps: Array) -> int:
    """How many of the gaps in shared clusters, nan where a group is missing, differ from 0 and from what most have in
    common.

    If all but a few clusters say the same, those few are all that tells of error.

    >>> _moving(np.array([0.0, 0.0, np.nan, 1.0, 0.5])), _moving(np.array([0.2, 0.2, 0.2, 0.1])), _moving(np.array([]))
    (2, 1, 0)
    """
    there = gaps[np.isfinite(gaps)]
    if not there.size:
        return 0
    return int(np.count_nonzero((np.abs(there) > ROUNDING) & (np.abs(there - np.median(there)) > ROUNDING)))


def _freedom(layer: GroupRates, group: Places, reference: Places) -> tuple[Array, Array, Array]:
    """Degrees of freedom of gaps by design, those used, and those that independent rows would have, float64 (gap,)
    each.

    By design: from working variances, however the outcomes fell. Those used are not more than the clusters that carry
    the rarer outcome, for which the variances that were found count: a rate that a few clusters push up has the larger
    variance, and it is they that tell it.
    """
    working, of_reference = layer.working[group], layer.working[reference]
    each = working * layer.design[group], of_reference * layer.design[reference]
    n_1, n_2, q = layer.independent[group], layer.independent[reference], layer.leverage
    spread = (
        working**2 * q[group, group]
        + of_reference**2 * q[reference, reference]
        + 2 * working * of_reference * q[group, reference]
    )
    by_clusters = (each[0] + each[1]) ** 2 / spread
    if not layer.share:
        return by_clusters, by_clusters, np.full(group.shape, np.inf)
    by_rows = satterthwaite((working / n_1, of_reference / n_2), (n_1 - 1, n_2 - 1))
    found, carriers = (layer.variance[group], layer.variance[reference]), layer.carriers
    carried = satterthwaite(found, (carriers.clusters[group], carriers.clusters[reference]))
    rows = satterthwaite(found, (carriers.rows[group], carriers.rows[reference]))
    return by_clusters, np.minimum(by_clusters, carried), np.minimum(by_rows, rows)


def satterthwaite(variance: tuple[Array, Array], freedom: tuple[Array, Array]) -> Array:
    """Degrees of freedom of a difference of two means, (v_1 + v_2)^2 / (v_1^2 / f_1 + v_2^2 / f_2).

    >>> satterthwaite((np.ones(2), np.ones(2)), (np.array([5.0, np.inf]), np.array([5.0, np.inf]))).tolist()
    [10.0, inf]
    """
    (one, other), (by_one, by_other) = variance, freedom
    with np.errstate(divide="ignore"):
        found: Array = (one + other) ** 2 / (one**2 / by_one + other**2 / by_other)
    return found


_NOBODY = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


def _root(pairs: _Pairs, covariance: Array) -> Array:
    """What standard normal numbers add to each gap in standard errors, float64 (gap, column); nothing where two
    groups never differ.
    """
    used, place = np.unique(np.concatenate([pairs.first, pairs.second]), return_inverse=True)
    first, second = place[: pairs.first.size], place[pairs.first.size :]
    inner = covariance[np.ix_(used, used)]
    values, vectors = np.linalg.eigh(inner)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    sums = inner[first, first] + inner[second, second]
    variance = sums - 2 * inner[first, second]
    known = variance > ROUNDING * sums
    found: Array = np.where(
        known[:, None], (root[first] - root[second]) / np.sqrt(np.where(known, variance, 1.0))[:, None], 0.0
    )
    return found


def _minimum_detectable(
    layers: Sequence[GroupRates], compared: Sequence[Sequence[tuple[int, int]]], pairs: _Pairs, critical: float
) -> Array:
    """By the rule of `detectable`: of a share at the layer's pooled one, shrunk."""
    variances = []
    for layer, mine in zip(layers, compared, strict=True):
        if not mine:
            continue
        n, total = float(np.nansum(layer.independent)), float(np.nansum(layer.independent * np.nan_to_num(layer.mean)))
        pooled = shrunk_share(total / n, n)
        by_design = pooled * (1 - pooled) / layer.effective if layer.share else layer.variance
        reference, group = (np.array(side, dtype=np.int64) for side in zip(*mine, strict=True))
        variances.append(np.stack([by_design[group], by_design[reference]]))
    one, other = np.concatenate(variances, axis=1)
    variance = one + other - 2 * pairs.correlation * np.sqrt(one * other)
    t = quantile(critical, pairs.by_design, np.full_like(variance, np.inf))
    return np.asarray(detectable(np.sqrt(np.maximum(variance, 0.0)), t, pairs.by_design))


def spread(gaps: Sequence[Gap]) -> tuple[float, float, float]:
    """Largest minus smallest rate, and its limits projected from the simultaneous ones of all pairs, floored at 0.

    >>> pairs = [(0.1, -0.1, 0.3, 1, 0), (-0.1, -0.2, 0.0, 2, 0), (-0.2, -0.3, -0.1, 2, 1)]
    >>> spread([Gap(*limits, 0.2, 0.3, 0.2, group=group, reference=other) for *limits, group, other in pairs])
    (0.2, 0.1, 0.3)
    """
    low = max(0.0, *(max(gap.low, -gap.high) for gap in gaps))
    high = max(max(abs(gap.low), abs(gap.high)) for gap in gaps)
    return max(abs(gap.value) for gap in gaps), low, high


def spread_about(gaps: Sequence[Gap]) -> tuple[float, float, float]:
    """Largest minus smallest rate of groups that are all compared with one, and its limits by projection.

    Each group lies somewhere between the limits of its gap, the reference at 0: the limits are those of the widest and
    of the narrowest spread that this leaves, floored at 0. So they exclude 0 where a gap does, and only there.

    >>> apart = [(0.3, 0.1, 0.5, 1), (-0.2, -0.4, 0.1, 2)]
    >>> [round(part, 3) for part in spread_about([Gap(*limits, 0.2, 0.3, 0.2, group=group, reference=0)
    ...     for *limits, group in apart])]
    [0.5, 0.1, 0.9]
    """
    places = [(0.0, 0.0, 0.0), *((gap.value, gap.low, gap.high) for gap in gaps)]
    apart = [(low - above, high - below) for (_, low, high), (_, below, above) in permutations(places, 2)]
    values = [value for value, _, _ in places]
    return max(values) - min(values), max(0.0, *(low for low, _ in apart)), max(high for _, high in apart)


def extremes_text(names: Sequence[str], means: Sequence[float]) -> str:
    """Which groups lie highest and lowest; groups whose means agree to rounding share a place.

    >>> extremes_text(["a", "b", "c"], [0.5, 0.5, 0.2]), extremes_text(["a", "b"], [0.3, 0.1 + 0.2])
    ('highest: a and b; lowest: c', 'all 2 groups are equal')
    """
    top, bottom = max(means), min(means)
    if math.isclose(top, bottom, rel_tol=ROUNDING, abs_tol=ROUNDING):
        return f"all {len(names)} groups are equal"
    ends = [
        [
            name
            for name, mean in zip(names, means, strict=True)
            if math.isclose(mean, end, rel_tol=ROUNDING, abs_tol=ROUNDING)
        ]
        for end in (top, bottom)
    ]
    return f"highest: {' and '.join(ends[0])}; lowest: {' and '.join(ends[1])}"
