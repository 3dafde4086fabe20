"""Where a mean comes from: how much each template, group or item adds to it, with an interval.

The contributions of all labels add up to the value. A contribution far from what its share of the items would give
is where to look first; it is no proof that the label causes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.contrast import FEWEST, NEGLIGIBLE, Array, Codes, Contrast
from commonweal.statistics.share_intervals import LEVEL


@dataclass(frozen=True, slots=True)
class Contribution:
    """What the items of one label add to a mean; `low` and `high` are infinite where the items tell nothing of spread.

    That is so of a single item, and of items that do not differ. `clusters`: how many sampled units its items are of.
    """

    label: str
    value: float
    low: float
    high: float
    n: int
    clusters: int


def contributions(contrast: Contrast, labels: npt.ArrayLike, factor: int = 0) -> list[Contribution]:
    """The contribution of each label, largest first: (1/N) times the sum over its items of value plus influence.

    The contrast is a mean of all items, or an estimate that comes as one. The interval is that of the label's mean
    times its share of the items, clustered by the sampled unit (CR2), and simultaneous over the labels (Bonferroni).
    Where the label is one unit, its items count as independent draws from what it could have held: such an interval
    says nothing of other units.

    >>> from commonweal.statistics.contrast import mean_of
    >>> [(c.label, c.value) for c in contributions(mean_of([1.0, 1.0, 0.0, 2.0], [1, 1, 2, 2]), ["a", "a", "b", "b"])]
    [('a', 0.5), ('b', 0.5)]
    """
    names, label = np.unique(np.asarray(labels, dtype=np.str_), return_inverse=True)
    sizes = np.bincount(label).astype(np.float64)
    unit, clusters = _units_within(label, np.unique(contrast.clusters[factor], return_inverse=True)[1])
    value = np.bincount(label, weights=contrast.y) / label.size
    error, freedom = _errors(contrast.y, label, unit)
    known = np.isfinite(error) & (error > NEGLIGIBLE)
    t = scipy.special.stdtrit(np.where(known, freedom, 1.0), 1 - (1 - LEVEL) / 2 / names.size)
    half = np.where(known, t * np.where(known, error, 0.0) * sizes / label.size, np.inf)
    columns = (part.tolist() for part in (names, value, value - half, value + half, sizes.astype(np.int64), clusters))
    parts = [Contribution(*row) for row in zip(*columns, strict=True)]
    return sorted(parts, key=lambda part: (-abs(part.value), part.label))


def _units_within(label: Codes, cluster: Codes) -> tuple[Codes, Codes]:
    """The number of each item's sampled unit within its label, int64 (item,): itself, where the label is one unit; and
    how many units each label has, int64 (label,).
    """
    pairs, pair = np.unique(label * (int(cluster.max(initial=0)) + 1) + cluster, return_inverse=True)
    label_of_pair = np.empty(pairs.size, dtype=np.int64)
    label_of_pair[pair] = label
    clusters = np.bincount(label_of_pair)
    own = np.where(clusters[label] > 1, pair, pairs.size + np.arange(label.size))
    return np.unique(own, return_inverse=True)[1], clusters


def _errors(y: Array, label: Codes, unit: Codes) -> tuple[Array, Array]:
    """`standard_error` of the mean of each label, for all of them at once, float64 (label,) each."""
    counts = np.bincount(unit).astype(np.float64)
    label_of_unit = np.empty(counts.size, dtype=np.int64)
    label_of_unit[unit] = label
    items = np.bincount(label_of_unit, weights=counts).astype(np.float64)

    def per_label(values: Array) -> Array:
        return np.asarray(np.bincount(label_of_unit, weights=values), dtype=np.float64)

    several = np.bincount(label_of_unit) >= FEWEST
    sums, total = np.bincount(unit, weights=y).astype(np.float64), items[label_of_unit]
    # A unit that is its whole label has no weight; whatever stands here, its label has no error.
    weights = 1.0 / (total * np.sqrt(np.where(several[label_of_unit], 1.0 - counts / total, 1.0)))
    scores = weights * (sums - (per_label(sums) / items)[label_of_unit] * counts)
    own = weights**2 * counts
    shared = (weights * counts) ** 2 / total
    trace = per_label(own) - per_label(shared)
    square = per_label(own * (own - 2 * shared)) + per_label(shared) ** 2
    error, freedom = np.full(items.size, np.inf), np.full(items.size, np.nan)
    error[several] = np.sqrt(per_label(scores**2)[several])
    freedom[several] = trace[several] ** 2 / square[several]
    return error, freedom
