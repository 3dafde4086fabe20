"""Rates of groups, from rows in clusters: intervals that do not collapse, for 10^6 rows as for 50.

A *rate* is the mean of numbers in [0, 1] over the rows of a group: a share of zeros and ones (accuracy, false positive
rate), or any bounded number brought to that scale. Groups may share clusters (the same template for every group) or not
(each person in one group).

- Variance: CR2 for means of groups, exact: the residual sum of a cluster in a group, divided by sqrt(1 - its share of
  the group). Degrees of freedom of Bell and McCaffrey, with a working variance for each group, so that for two groups
  without clusters they are those of Satterthwaite; for intervals no more than the clusters that carry the rarer outcome
  (see `carriers`).
- Weights are sampling weights: means are weighted, a cluster's residual is the weighted one, and variance follows from
  what clusters add to the mean, so that a factor common to all weights changes nothing. Where rows are counted as
  independent, they are as many as equal weights would need (Kish). With equal weights all of it is what it is without.
- Interval of one rate: Wilson on the effective number of rows, m(1 - m) / variance, made smaller by (t_rows /
  t_clusters)^2 (Korn and Graubard), where both count the clusters that carry the rarer outcome, so that without
  clusters it is Wilson's own. Where a rate is 0 or 1 the variance says nothing; the effective number is then that of
  clusters (Kish), as if the rows of a cluster always agreed.

What this module does not do: it compares no groups; see `group_gaps`.

Source
------
Bell and McCaffrey 2002, Survey Methodology 28:169; Pustejovsky and Tipton 2018, JBES 36:672 (CR2 and its degrees of
freedom); Korn and Graubard 1998, Survey Methodology 24:193 (the effective number of rows).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.rare_outcomes import Carriers, carriers
from commonweal.statistics.share_intervals import critical_normal

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
MINIMUM_CLUSTERS = 5
MOSTLY_EMPTY = 64  # pairs that could be for each that is
NEAREST_Z, FARTHEST_Z = 1e-6, 30.0  # beyond them scipy's t quantile is 0 or fails where degrees of freedom are few
MINIMUM_FREEDOM = (
    4.0  # Tipton 2015, Psychological Methods 20:375: below 4 degrees of freedom, CR2 does not hold its level
)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Which group each row is in, and which cluster: int64 (row,), a group of -1 is left out.

    `pair` numbers the pairs of cluster and group that occur; `pair_cluster`, `pair_group`: int64 (pair,).
    `nested`: no cluster lies in several groups.
    """

    groups: int
    pair: Places
    pair_cluster: Places
    pair_group: Places
    rows: npt.NDArray[np.bool_]
    nested: bool


def layout_of(group: Places, cluster: Places, groups: int) -> Layout:
    """Prepare rows once for all rates. Clusters are numbered from 0; they need not all occur."""
    rows = group >= 0
    key = cluster[rows] * groups + group[rows]
    if np.all(np.diff(cluster[rows]) > 0):  # each row is a cluster of its own
        return Layout(groups, np.arange(key.size), cluster[rows], group[rows], rows, nested=True)
    distinct, pair = np.unique(key, return_inverse=True)
    owner = distinct // groups
    return Layout(
        groups, pair.astype(np.int64), owner, distinct % groups, rows, nested=bool(np.all(np.diff(owner) > 0))
    )


def products(first: Array, second: Array, layout: Layout) -> Array:
    """Sums over clusters of one x other for each two groups, float64 (group, group), from numbers by pair, float64
    (pair,).
    """
    if layout.nested:
        return np.diag(np.bincount(layout.pair_group, weights=first * second, minlength=layout.groups)).astype(
            np.float64
        )
    one, other = _table(first, layout), _table(second, layout)
    found = one.T @ other
    return np.asarray(found if isinstance(found, np.ndarray) else found.toarray(), dtype=np.float64)


def _table(values: Array, layout: Layout) -> Array | scipy.sparse.csr_matrix:
    """Numbers by pair, float64 (pair,), as (cluster, group); sparse where most clusters lie in few of many groups."""
    place = (layout.pair_cluster, layout.pair_group)
    shape = (int(layout.pair_cluster.max(initial=0)) + 1, layout.groups)
    if shape[0] * shape[1] > MOSTLY_EMPTY * values.size:
        return scipy.sparse.csr_matrix((values, place), shape=shape)
    table = np.zeros(shape)
    table[place] = values
    return table


@dataclass(frozen=True, slots=True, eq=False)
class GroupRates:
    """One rate of several groups, arrays (group,); nan where a group has no row that counts.

    `n`: rows; `mass`: their weights, added; `independent`: as many rows of equal weight would tell as much. `variance`:
    CR2, or where nothing varies that of two clusters in K + 4 that differ as much as they can (Agresti and Coull);
    `effective`: rows that independent sampling would need for this variance; `working`: variance of one row; `design`:
    what variance of the mean one of 1 per row makes, as CR2 sees it; `freedom`: degrees of freedom by design;
    `leverage` float64 (group, group): what they need; `score`, `rows` float64 (pair,): CR2 influence on the mean, and
    weight of the rows that count; `shared` (group, group): clusters that two groups have in common; `carriers`: what
    the rarer outcome rests on.
    """

    layout: Layout
    share: bool
    mean: Array
    n: Array
    mass: Array
    independent: Array
    clusters: Array
    kish: Array
    variance: Array
    effective: Array
    working: Array
    design: Array
    freedom: Array
    leverage: Array
    score: Array
    rows: Array
    shared: Array
    carriers: Carriers

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Whether the group has enough clusters for an interval, bool (group,)."""
        freedom = np.nan_to_num(self.freedom, nan=0.0)
        return (self.clusters >= MINIMUM_CLUSTERS) & (freedom >= MINIMUM_FREEDOM - 1e-9)

    @property
    def carried(self) -> Array:
        """Degrees of freedom for an interval: those by design, but no more than clusters carry the rarer outcome."""
        return np.minimum(self.freedom, self.carriers.clusters)

    @property
    def of_rows(self) -> Array:
        """The same if rows were independent; infinite for means whose variance is estimated (see `quantile`)."""
        return np.minimum(self.independent - 1, self.carriers.rows) if self.share else np.full_like(self.n, np.inf)


def group_rates(
    values: Array, counts: npt.NDArray[np.bool_] | Array, layout: Layout, share: bool = True, least: Array | None = None
) -> GroupRates:
    """The mean of `values` over the rows that count, for each group.

    Parameters
    ----------
    values : float64 (row,), in [0, 1].
    counts : bool (row,), the denominator: for a false positive rate, the rows whose truth is negative. Or float64:
        their weights.
    share : values are 0 or 1; then the effective number of rows is at most their number.
    least : float64 (row,), a variance that each row has at least, whatever the few rows of a small group show.

    >>> layout = layout_of(np.array([0, 0, 0, 0, 1, 1]), np.arange(6), 2)
    >>> rates = group_rates(np.array([1.0, 1, 0, 0, 0, 0]), np.ones(6, bool), layout)
    >>> rates.mean.tolist(), rates.clusters.tolist(), rates.variance[:1].round(4), rates.freedom[:1].round(4)
    ([0.5, 0.0], [4.0, 2.0], array([0.0833]), array([3.]))
    >>> group_rates(np.array([1.0, 1, 0, 0, 0, 0]), np.array([3.0, 3, 1, 1, 1, 1]), layout).mean.tolist()
    [0.75, 0.0]
    """
    groups, group = layout.groups, layout.pair_group
    weight, value = counts[layout.rows].astype(np.float64), values[layout.rows]
    mass_pair, square_pair, sum_pair, n_pair = (
        np.bincount(layout.pair, weights=part, minlength=group.size).astype(np.float64)
        for part in (weight, weight**2, weight * value, weight > 0)
    )
    mass, squares, total, n, of_clusters, clusters = (
        np.bincount(group, weights=part, minlength=groups).astype(np.float64)
        for part in (mass_pair, square_pair, sum_pair, n_pair, mass_pair**2, n_pair > 0)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, kish, independent = total / mass, mass**2 / of_clusters, mass**2 / squares
        part = mass_pair / mass[group]
        room = np.where(part < 1, 1 - part, np.nan)
        score = np.nan_to_num((sum_pair - mass_pair * mean[group]) / mass[group] / np.sqrt(room))
        observed = np.bincount(group, weights=score**2, minlength=groups).astype(np.float64)
        if least is not None:
            floor = np.bincount(group[layout.pair], weights=weight**2 * least[layout.rows], minlength=groups)
            observed = np.maximum(observed, floor / mass**2)
        working = _working_variance(layout, weight * value, value, (mass, independent, mean), share)
        design, leverage = _leverage(layout, part, square_pair / mass[group] ** 2, room)
        freedom = design**2 / np.diagonal(leverage)
        variance, effective = _effective(mean, independent, kish, observed, share)
    freedom = np.where(clusters >= 2, freedom, np.nan)
    there = (n_pair > 0).astype(np.float64)
    return GroupRates(
        layout,
        share,
        mean,
        n,
        mass,
        independent,
        clusters,
        kish,
        variance,
        effective,
        working,
        design,
        freedom,
        leverage,
        score,
        mass_pair,
        shared=products(there, there, layout),
        carriers=_carriers(layout, (sum_pair, n_pair, mass_pair), mean, share),
    )


def _carriers(layout: Layout, pairs: tuple[Array, Array, Array], mean: Array, share: bool) -> Carriers:
    """Only a share has a rarer outcome. A cluster holds of it what its weights say."""
    nothing = np.full(layout.groups, np.inf)
    ones, rows, mass = pairs
    return carriers(ones, rows, mean, layout.pair_group, mass) if share else Carriers(nothing, nothing)


def _working_variance(
    layout: Layout, weighted: Array, value: Array, sums: tuple[Array, Array, Array], share: bool
) -> Array:
    """Variance of one row, for the degrees of freedom only; a share is shrunk towards one half by four rows."""
    mass, independent, mean = sums
    shrunk = (independent * mean + 2) / (independent + 4)
    if share:
        return shrunk * (1 - shrunk)
    squares = np.bincount(layout.pair_group[layout.pair], weights=weighted * value, minlength=layout.groups)
    return np.maximum(squares / mass - mean**2, 1e-6)


def _effective(mean: Array, n: Array, kish: Array, observed: Array, share: bool) -> tuple[Array, Array]:
    """Variance and effective number of rows; both from the number of clusters where nothing varies."""
    flat = observed <= 1e-18
    other = 2 / (kish + 4)
    variance = np.where(flat, other * (1 - other) / kish * np.maximum(mean, 1 - mean) ** 2, observed)
    inner = np.minimum(np.maximum(mean * (1 - mean), 0.0), 0.25)
    effective = np.where((inner <= 0) | (flat & share), kish, inner / variance * (n / (n - 1) if share else 1.0))
    return variance, np.minimum(effective, n) if share else effective


def _leverage(layout: Layout, part: Array, square: Array, room: Array) -> tuple[Array, Array]:
    """d (group,) and Q (group, group): degrees of freedom are (sum s d)^2 / (s' Q s) for working variances s of the
    groups compared.

    With the residuals of independent rows of variance 1, those of clusters in a group have the covariance P = diag(a) -
    x y' - y x' + t y y' for d_c the cluster's share of the weight (`part`), q_c its sum of squared weights over that of
    all weights squared (`square`), g = 1 / (1 - d_c), a = g q, x = sqrt(g) q, y = sqrt(g) d and t = sum q. Then d = tr
    P and Q_kl = tr P_k P_l.
    """
    grow, part, square = np.nan_to_num(1 / room), np.nan_to_num(part), np.nan_to_num(square)
    a, x, y = grow * square, np.sqrt(grow) * square, np.sqrt(grow) * part
    t = np.bincount(layout.pair_group, weights=square, minlength=layout.groups).astype(np.float64)
    design = np.bincount(layout.pair_group, weights=a - 2 * x * y, minlength=layout.groups) + t * np.bincount(
        layout.pair_group, weights=y * y, minlength=layout.groups
    )
    of_y = t[layout.pair_group] * y * y - 2 * x * y
    once = products(a, of_y, layout)
    xx, xy, yy = products(x, x, layout), products(x, y, layout), products(y, y, layout)
    mine, others = t[:, None], t[None, :]
    twice = 2 * (xy * xy.T + xx * yy - others * xy * yy - mine * xy.T * yy) + mine * others * yy**2
    return design.astype(np.float64), products(a, a, layout) + once + once.T + twice


def wilson(mean: Array, effective: Array, t: Array) -> tuple[Array, Array]:
    """Wilson limits with the quantile `t`, float64 arrays of one shape; `intervals.wilson_interval` for arrays."""
    t2 = t**2
    centre = (mean + t2 / (2 * effective)) / (1 + t2 / effective)
    spread = np.maximum(mean * (1 - mean), 0.0) / effective + t2 / (4 * effective**2)
    half = t * np.sqrt(spread) / (1 + t2 / effective)
    return np.clip(np.minimum(centre - half, mean), 0.0, 1.0), np.clip(np.maximum(centre + half, mean), 0.0, 1.0)


def quantile(z: Array | float, freedom: Array, of_rows: Array) -> Array:
    """The quantile that stands for a normal one of z > 0: z x t(degrees of freedom) / t(those that independent rows
    have).

    The variance of a share follows from its mean, so without clusters nothing but z is left. Infinite `of_rows`: plain
    t, for means whose variance is estimated.

    >>> quantile(1.96, np.array([30.0, 5.0, 5.0]), np.array([30.0, 30.0, np.inf])).round(2)
    array([1.96, 2.47, 2.57])
    """
    tail = scipy.special.ndtr(-np.clip(z, NEAREST_Z, FARTHEST_Z))
    own = -scipy.special.stdtrit(freedom, tail)
    rows = -scipy.special.stdtrit(np.where(np.isinf(of_rows), 1.0, of_rows), tail)
    found: Array = np.where(np.isinf(of_rows), own, np.maximum(z * own / rows, z))
    return found


def rate_intervals(rates: GroupRates) -> tuple[Array, Array]:
    """Wilson limits of each group's rate by itself, float64 (group,) each."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return wilson(rates.mean, rates.effective, quantile(critical_normal(), rates.carried, rates.of_rows))
