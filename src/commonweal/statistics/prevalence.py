"""How much there really is of what a scorer that errs finds, and how groups differ in it.

A scorer flags the share q of the texts about a group. It flags the share a of harmless texts (false positives) and the
share b of harmful ones (true positives), both measured on labelled texts. If it errs on the new texts as it does there,
then q = a (1 - p) + b p, so that the share of harmful texts is p = (q - a) / (b - a) (Rogan and Gladen).

- Interval: all p in [0, 1] that the three samples allow, where q - (1 - p) a - p b lies within limits added in squares
  from the limits of q, a and b (Zou and Donner): Fieller's set, with Wilson limits that count clusters. It holds at
  shares of 0, and where b - a is small it grows wide in place of lying. Where b - a is not above 0 with confidence
  nothing is known of p.
- Where q lies below a or above b with confidence, no p is allowed: the scorer does not err here as it did on the
  labelled texts.
- Differences between groups: see `simultaneous`; errors measured on the same texts make groups correlated.

An equal share of flagged texts with unequal errors is not an equal share of harm, nor the other way round.

What this module does not do: it cannot see whether the labelled texts are like the new ones.

Source
------
Rogan and Gladen 1978, American Journal of Epidemiology 107:71; Zou and Donner 2008, Statistics in Medicine 27:1693;
Fieller 1954, JRSS B 16:175.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.detectable import shrunk_share
from commonweal.statistics.group_rates import Array, GroupRates, Places, quantile, wilson
from commonweal.statistics.share_intervals import LEVEL, critical_normal


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Rates of groups and what their limits need, float64 (group,): mean, effective rows, degrees of freedom, rows.

    `freedom`, `of_rows`: as clusters and as independent rows, both of what carries the rarer outcome.
    """

    mean: Array
    effective: Array
    freedom: Array
    of_rows: Array
    n: Array

    def limits(self, z: Array | float) -> tuple[Array, Array]:
        """Wilson limits at a normal quantile, each stretched by its own degrees of freedom."""
        return wilson(self.mean, self.effective, quantile(z, self.freedom, self.of_rows))

    def distances(self, z: Array | float) -> tuple[Array, Array]:
        """How far the limits lie below and above the rates."""
        low, high = self.limits(z)
        return self.mean - low, high - self.mean


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Shares as they were observed; `covariance` float64 (group, group)."""

    rates: Sampled
    covariance: Array

    @property
    def value(self) -> Array:
        return self.rates.mean

    @property
    def by_design(self) -> Array:
        return np.diag(pooled_variance(self.rates))

    def limits(self, z: Array | float) -> tuple[Array, Array]:
        return self.rates.limits(z)


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """Shares of harmful texts behind shares of flagged ones.

    `rate_covariance` float64 (3 x group, 3 x group): of observed shares, false and true positive rates, in this order.
    """

    observed: Sampled
    false_positive: Sampled
    true_positive: Sampled
    rate_covariance: Array

    @property
    def raw(self) -> Array:
        """(q - a) / (b - a), which sampling error can bring below 0 or above 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self.observed.mean - self.false_positive.mean) / (
                self.true_positive.mean - self.false_positive.mean
            )

    @property
    def value(self) -> Array:
        """The same, cut to [0, 1]."""
        return np.clip(self.raw, 0.0, 1.0)

    def tells(self) -> npt.NDArray[np.bool_]:
        """Whether b - a is above 0 with confidence, bool (group,): else nothing is known of the share."""
        return finds_more(self.false_positive, self.true_positive)

    def contradicts(self, level: float = LEVEL) -> Places:
        """-1 where the observed share lies below the false positive rate with confidence, 1 where above the true
        one, else 0.
        """
        low, high = self._allowed(self.observed.mean, critical_normal(level))
        return np.where(high < 0, -1, np.where(low > 1, 1, 0)).astype(np.int64)

    def limits(self, z: Array | float) -> tuple[Array, Array]:
        """Limits of the share in [0, 1]. A share observed outside of [a, b] is taken to lie at its nearer end.

        So an unlucky sample gets no narrower limits than a share of 0 or 1 allows.
        """
        inside = np.clip(self.observed.mean, self.false_positive.mean, self.true_positive.mean)
        low, high = self._allowed(inside, z)
        return np.minimum(np.clip(low, 0.0, 1.0), self.value), np.maximum(np.clip(high, 0.0, 1.0), self.value)

    def _allowed(self, q: Array, z: Array | float) -> tuple[Array, Array]:
        """The set of allowed shares, not cut to [0, 1]."""
        a, b = self.false_positive.mean, self.true_positive.mean
        (q_below, q_above), (a_below, a_above), (b_below, b_above) = (
            one.distances(z) for one in (self.observed, self.false_positive, self.true_positive)
        )
        low = _lower_root(q - a, b - a, (q_below, a_above, b_above))
        high = 1 - _lower_root(b - q, b - a, (q_above, b_below, a_below))
        return low, high

    @property
    def covariance(self) -> Array:
        """Of `raw`, to first order, float64 (group, group)."""
        return self._carried(self.rate_covariance, self.value)

    @property
    def by_design(self) -> Array:
        """The same at one pooled observed share, whatever gaps were seen."""
        groups = self.observed.mean.size
        rates = self.rate_covariance.copy()
        rates[:groups, :groups] = np.diag(pooled_variance(self.observed))
        gap = self.true_positive.mean - self.false_positive.mean
        share = np.clip((pooled(self.observed) - self.false_positive.mean) / gap, 0.0, 1.0)
        return self._carried(rates, share)

    def _carried(self, rates: Array, share: Array) -> Array:
        gap = self.true_positive.mean - self.false_positive.mean
        slopes = np.hstack([np.diag(1 / gap), np.diag(-(1 - share) / gap), np.diag(-share / gap)])
        found: Array = slopes @ rates @ slopes.T
        return found


def finds_more(false_positive: Sampled, true_positive: Sampled) -> npt.NDArray[np.bool_]:
    """Whether a scorer flags more harmful than harmless texts with confidence, bool (group,)."""
    z = critical_normal()
    gap = true_positive.mean - false_positive.mean
    return (gap > 0) & (gap**2 > true_positive.distances(z)[0] ** 2 + false_positive.distances(z)[1] ** 2)


def pooled(rates: Sampled) -> float:
    """One rate for all groups, shrunk towards one half by four rows."""
    n = float(np.sum(rates.n))
    return shrunk_share(float(np.sum(rates.n * rates.mean)) / n, n)


def pooled_variance(rates: Sampled) -> Array:
    """Variance of each rate by design: at the pooled rate, on its effective rows; float64 (group,)."""
    rate = pooled(rates)
    return rate * (1 - rate) / rates.effective


def _lower_root(excess: Array, gap: Array, distances: tuple[Array, Array, Array]) -> Array:
    """The smallest share that is allowed: where (excess - p gap)^2 = A^2 + (1 - p)^2 B^2 + p^2 C^2 below excess / gap;
    0 if 0 is.

    >>> _lower_root(np.array([0.3]), np.array([0.6]), (np.array([0.1]), np.zeros(1), np.zeros(1))).round(4).tolist()
    [0.3333]
    """
    own2, at_0, at_1 = distances[0] ** 2, distances[1] ** 2, distances[2] ** 2
    constant = excess**2 - own2 - at_0
    slope = 2 * (excess * gap - at_0)
    curve = gap**2 - at_0 - at_1
    with np.errstate(divide="ignore", invalid="ignore"):
        root = 2 * constant / (slope + np.sqrt(np.maximum(slope**2 - 4 * curve * constant, 0.0)))
    return np.where((excess > 0) & (constant > 0), root, 0.0)


def sampled(rates: GroupRates, kept: Places) -> Sampled:
    """The rates of the groups that are kept."""
    return Sampled(rates.mean[kept], rates.effective[kept], rates.carried[kept], rates.of_rows[kept], rates.n[kept])


def joint_covariance(layers: Sequence[GroupRates], kept: Places) -> Array:
    """CR2 covariance of the rates of several layers, float64 (layer x kept, layer x kept).

    Clusters with the same number are the same cluster in all layers.
    """
    starts = np.cumsum([0, *(layer.layout.groups for layer in layers)])
    clusters = max(int(layer.layout.pair_cluster.max(initial=0)) for layer in layers) + 1
    place = np.concatenate([layer.layout.pair_cluster for layer in layers])
    column = np.concatenate([layer.layout.pair_group + start for layer, start in zip(layers, starts[:-1], strict=True)])
    scores = scipy.sparse.csr_matrix(
        (np.concatenate([layer.score for layer in layers]), (place, column)), shape=(clusters, int(starts[-1]))
    )
    found = np.asarray((scores.T @ scores).toarray(), dtype=np.float64)
    variance = np.nan_to_num(np.concatenate([layer.variance for layer in layers]))
    np.fill_diagonal(found, np.maximum(np.diagonal(found), variance))
    chosen = np.concatenate([kept + start for start in starts[:-1]]).astype(np.int64)
    return np.asarray(found[np.ix_(chosen, chosen)])


def corrected_shares(
    observed: GroupRates, false_positive: GroupRates, true_positive: GroupRates, kept: Places
) -> Corrected:
    """Correct the observed shares of the groups that are kept for a scorer's errors about each of them.

    Groups whose errors were measured on the same texts hold the same rows, under the same numbers of clusters.

    Both groups have 20 % of their texts flagged; the scorer flags 5 % of harmless texts about the one and 15 % about
    the other, and finds 65 % of the harmful ones. So 25 % of the texts about the one do harm, and 10 % of those about
    the other:

    >>> from commonweal.statistics.group_rates import group_rates, layout_of
    >>> group, number = np.repeat([0, 1], 100), np.arange(200)
    >>> def rates(one: int, other: int) -> GroupRates:
    ...     flagged = np.concatenate([np.arange(100) < one, np.arange(100) < other]).astype(np.float64)
    ...     return group_rates(flagged, np.ones(200, bool), layout_of(group, number, 2))
    >>> found = corrected_shares(rates(20, 20), rates(5, 15), rates(65, 65), np.array([0, 1]))
    >>> found.value.round(2).tolist(), [side.round(2).tolist() for side in found.limits(1.96)]
    ([0.25, 0.1], [[0.1, 0.0], [0.42, 0.3]])
    """
    covariance = joint_covariance((observed, false_positive, true_positive), kept)
    return Corrected(sampled(observed, kept), sampled(false_positive, kept), sampled(true_positive, kept), covariance)
