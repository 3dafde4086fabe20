"""Estimates over items that lie in two crossed clusterings at once, such as writer and topic, or two occupations.

The variance is V(first) + V(second) - V(both), each of them CR2, and no less than either of the first two.

Source
------
Cameron, Gelbach and Miller 2011, Journal of Business and Economic Statistics 29:238.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from commonweal.statistics.clustered import (
    FEWEST_THAT_CAN_FIND,
    MINIMUM_CLUSTERS,
    NEGLIGIBLE,
    Clustered,
    Inference,
    family,
    standard_error,
)
from commonweal.statistics.detectable import bonferroni, detectable

Array = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Crossed:
    """An estimate, the influence of each item on it float64 (item,) as in `Clustered`, and its two clusters (item,) each."""

    value: float
    influence: Array
    first: Texts
    second: Texts

    @property
    def sides(self) -> tuple[Clustered, Clustered]:
        """The same estimate, clustered by the one and by the other."""
        return Clustered(self.value, self.influence, self.first), Clustered(self.value, self.influence, self.second)

    @property
    def both(self) -> Clustered:
        """The same estimate, clustered by what items have in common of both."""
        _, first = np.unique(self.first, return_inverse=True)
        names, second = np.unique(self.second, return_inverse=True)
        return Clustered(self.value, self.influence, first * names.size + second)

    @property
    def clusters(self) -> tuple[int, int]:
        return np.unique(self.first).size, np.unique(self.second).size


def crossed_mean(values: npt.ArrayLike, first: Texts, second: Texts) -> Crossed:
    """A mean of items in two crossed clusterings."""
    numbers = np.asarray(values, dtype=np.float64)
    return Crossed(float(numbers.mean()), numbers - numbers.mean(), first, second)


def two_way_error(one: Crossed, fewest: int = MINIMUM_CLUSTERS, least: float = 0.0) -> tuple[float, float]:
    """Standard error, not below `least`, and degrees of freedom; infinite and nan with under `fewest` clusters on a side.

    Where the two clusterings are the same one, it is the standard error of that:

    >>> same = np.array(list("abcd"))
    >>> round(two_way_error(crossed_mean([1.0, 2.0, 3.0, 6.0], same, same))[0], 4)
    1.0801
    """
    if min(one.clusters) < fewest:
        return float("inf"), float("nan")
    (first, freedom), (second, other) = (standard_error(side) for side in one.sides)
    both, _ = standard_error(one.both)
    return float(max(first**2 + second**2 - both**2, first**2, second**2, least**2) ** 0.5), min(freedom, other)


def crossed_family(tests: Sequence[Crossed], rng: np.random.Generator, null: float = 0.0) -> list[Inference]:
    """Test several estimates against `null` together, by the two-way error; each against the harsher of two nulls.

    The signs of whole clusters of the first kind are flipped, then those of the second. The larger p-values and the wider
    interval are kept, so `p_adjusted <= 0.05` where the interval excludes the null, and only there. Where clusters do not
    differ at all the standard error is 0, and what it tells is nothing; near a bound the interval is too short: see
    `shares.within_bounds`.
    """
    errors = [two_way_error(one) for one in tests]
    drawn = []
    for side in range(2):
        parts = [_shrunk(one.sides[side], error, null) for one, (error, _) in zip(tests, errors, strict=True)]
        drawn.append(family(parts, rng, null=null))
    return [_together(one, error, both, len(tests)) for one, error, *both in zip(tests, errors, *drawn, strict=True)]


def _detectable(error: tuple[float, float], clusters: int, hypotheses: int) -> float:
    if clusters < FEWEST_THAT_CAN_FIND:
        return float("inf")
    return detectable(error[0], bonferroni(error[1], hypotheses), error[1])


def _shrunk(one: Clustered, error: float, null: float) -> Clustered:
    """The estimate so much nearer to the null that its distance in errors of its own is the true distance in `error`s."""
    own, _ = standard_error(one)
    ratio = own / error if np.isfinite(error) and error > NEGLIGIBLE else 1.0
    return Clustered(null + (one.value - null) * ratio, one.influence, one.cluster)


def _together(one: Crossed, error: tuple[float, float], both: Sequence[Inference], hypotheses: int) -> Inference:
    clusters = min(found.clusters for found in both)
    spread = [found for found in both if found.standard_error > NEGLIGIBLE]
    if not np.isfinite(error[0]):
        return replace(both[0], value=one.value, standard_error=error[0], clusters=clusters)
    if not spread:
        freedom = min(found.degrees_of_freedom for found in both)
        return replace(
            both[0],
            value=one.value,
            standard_error=0.0,
            degrees_of_freedom=freedom,
            clusters=clusters,
            minimum_detectable=float("nan"),
        )
    harsher = max(spread, key=lambda found: (found.high - found.low) / found.standard_error)
    below = max((found.value - found.low) / found.standard_error for found in spread) * error[0]
    above = max((found.high - found.value) / found.standard_error for found in spread) * error[0]
    return Inference(
        value=one.value, standard_error=error[0], degrees_of_freedom=error[1], clusters=clusters, n=harsher.n,
        low=one.value - below, high=one.value + above, p_value=max(found.p_value for found in spread),
        p_adjusted=max(found.p_adjusted for found in spread), minimum_detectable=_detectable(error, clusters, hypotheses),
    )  # fmt: skip
