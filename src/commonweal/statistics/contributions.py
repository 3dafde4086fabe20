"""Where a mean comes from: how much each template, group or item adds to it, with an interval.

The contributions of all labels add up to the value. A contribution far from what its share of the items would give
is where to look first; it is no proof that the label causes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.contrast import NEGLIGIBLE, Contrast, mean_of, standard_error
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
    names = np.asarray(labels, dtype=np.str_)
    total = names.size
    distinct: Sequence[str] = [str(name) for name in np.unique(names)]
    parts = []
    for name in distinct:
        mine = contrast.y[names == name]
        units = contrast.clusters[factor][names == name]
        clusters = np.unique(units).size
        error, freedom = standard_error(mean_of(mine, units if clusters > 1 else np.arange(mine.size)))
        value, half = float(mine.sum()) / total, float("inf")
        if np.isfinite(error) and error > NEGLIGIBLE:
            half = (
                float(scipy.special.stdtrit(freedom, 1 - (1 - LEVEL) / 2 / len(distinct))) * error * mine.size / total
            )
        parts.append(Contribution(name, value, value - half, value + half, mine.size, clusters))
    return sorted(parts, key=lambda contrast: (-abs(contrast.value), contrast.label))
