"""Clusters that carry the rarer outcome: what is rare varies as those few do that hold it, however many hold none.

A share of 5 % in 40 clusters may rest on ten of them, and mostly on three. How much clusters differ is then known as
well as three to ten clusters can tell it, and not as well as 40. So the clusters that carry the rarer outcome count as
degrees of freedom.

What this module does not do: it estimates no variance and gives no interval; see `shares` and `group_rates`.

Source
------
Carter, Schnepel and Steigerwald 2017, Review of Economics and Statistics 99:698 (the effective number of clusters that
differ in what they add); Kish 1965, Survey Sampling (the same number, of weights).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
FEWEST_CARRYING = 2  # one would have a t quantile of 13


@dataclass(frozen=True, slots=True, eq=False)
class Carriers:
    """What the rarer outcome of each group rests on, float64 (group,), at least 2; infinite where a group has no rarer
    outcome.

    `clusters`: the effective number of clusters that hold it, (sum x)^2 / sum x^2 of what each holds, so that one of
    many rows counts for more than the others do; `rows`: how many rows those clusters have.
    """

    clusters: Array
    rows: Array


def rarer(ones: Array, rows: Array, share: Array | float) -> Array:
    """How much each cluster holds of the outcome that is rarer over all, from its ones, its rows and the share of ones
    over all.

    >>> rarer(np.array([4.0, 3.0]), np.array([4.0, 4.0]), 0.875).tolist()
    [0.0, 1.0]
    """
    return np.where(np.asarray(share) > 0.5, rows - ones, ones)


def carriers(
    ones: Array, rows: Array, share: Array, group: npt.NDArray[np.int64], mass: Array | None = None
) -> Carriers:
    """What the rarer outcome rests on in each group.

    Parameters
    ----------
    ones, rows : float64 (pair,), ones and rows of a cluster in a group; `group` int64 (pair,): which group.
    mass : float64 (pair,), weight of its rows, where rows have weights; then `ones` is that of its ones.
    share : float64 (group,), the share of ones in each group.

    Five clusters of ten rows: two hold three ones each; then one holds nine and three hold one each; then none holds
    any.

    >>> ones = np.array([0.0, 0, 0, 3, 3, 0, 1, 1, 1, 9, 0, 0, 0, 0, 0])
    >>> found = carriers(ones, np.full(15, 10.0), np.array([0.12, 0.24, 0.0]), np.repeat([0, 1, 2], 5))
    >>> found.clusters.round(2).tolist(), found.rows.tolist()
    ([2.0, 2.0, inf], [20.0, 40.0, inf])
    """
    held = rarer(ones, rows if mass is None else mass, share[group])
    total, squares, of_holders = (
        np.bincount(group, weights=part, minlength=share.size)
        for part in (held, held**2, np.where(held > 0, rows, 0.0))
    )
    some = total > 0
    clusters = np.divide(total**2, squares, out=np.full(share.size, np.inf), where=some)
    return Carriers(
        np.maximum(clusters, FEWEST_CARRYING), np.where(some, np.maximum(of_holders, FEWEST_CARRYING), np.inf)
    )
