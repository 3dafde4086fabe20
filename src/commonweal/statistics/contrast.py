"""Contrasts of items in clusters: a mean, or the mean of one group of items minus that of another, and its error.

Items of one template, résumé or target term share what is particular to it, so they are not independent. The variance
is CR2 by the sampled unit, exact for group means: a group that sits in few clusters counts as few. Two crossed units
(name x probe) give V_first + V_second - V_both, and at least the larger of the first two. Any other estimate comes as
its value and the influence of each item on it, and is treated as the mean of their sums.

Source
------
Bell and McCaffrey 2002, Survey Methodology 28:169 (CR2 and its degrees of freedom); Cameron, Gelbach and Miller 2011,
JBES 29:238 (two units); Owen and Eckles 2012, Annals of Applied Statistics 6:895 (weights of crossed units are
products).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Labels = npt.NDArray[np.str_]
Sides = npt.NDArray[np.int8]
RULE_OF_THREE = 3.0
FEW_DIFFER = 5
FEWEST = 2  # units; one says nothing of others
NEGLIGIBLE = 1e-12  # of a standard error: what the noise of a sum may leave where nothing varies
ROUNDING = 1e-9
TIE = 2.0**-32  # relative: far above the noise of a sum, far below a difference that matters


@dataclass(frozen=True, eq=False)
class Contrast:
    """Mean of `y` over the items of side 1, minus that over side -1 where there are any; side 0 is left out.

    `y` float64 (item,); `side` int8 (item,); `clusters`: the sampled unit of each item, one array (item,) or two
    crossed ones, in which equal names are equal units in all contrasts of a family; `by` says in words what they are.
    `floor`: added to the variance, see `sparse_floor`. `fewest`: with fewer units of either kind there is no standard
    error.
    """

    y: Array
    side: Sides
    clusters: tuple[npt.NDArray[np.generic], ...]
    by: str = "cluster"
    floor: float = 0.0
    fewest: int = FEWEST

    @cached_property
    def cells(self) -> Cells:
        return _cells(self)

    @cached_property
    def value(self) -> float:
        """The contrast itself."""
        plus = float(self.y[self.side > 0].mean())
        return plus - float(self.y[self.side < 0].mean()) if self.cells.two_sided else plus

    @property
    def n(self) -> int:
        return int(np.count_nonzero(self.side))

    @property
    def units(self) -> int:
        """Units of the factor that has fewest."""
        return min(len(names) for names in self.cells.names)

    @cached_property
    def units_per_side(self) -> int:
        """The smallest number of units that any side has."""
        factors, sides = self.cells.units[: len(self.clusters)], self.cells.sides.T
        return min(int(np.count_nonzero(np.bincount(units, weights=side))) for units in factors for side in sides)

    def moving(self, null: float = 0.0) -> int:
        """Units of the factor that has fewest in which anything differs from the null; where sides are compared, also
        from the mean
        and from what most units have in common: if all but a few say the same, those few are all that tells of error.
        """
        cells = self.cells
        centres = [null]
        if cells.two_sided:
            centres = [0.0, cells.sums.sum() / cells.counts.sum(), float(np.median(cells.sums / cells.counts))]
        rest = np.min([np.abs(cells.sums - centre * cells.counts) for centre in centres], axis=0) > ROUNDING
        return min(np.unique(units[rest]).size for units in cells.units[: len(cells.names)])

    def by_unit(self, factor: int = 0) -> tuple[Array, Array]:
        """Sums of `y` and numbers of items in each unit of a factor, float64 (unit,) each."""
        units = self.cells.units[factor]
        sums, counts = (np.bincount(units, weights=part) for part in (self.cells.sums, self.cells.counts))
        return sums.astype(np.float64), counts.astype(np.float64)


def mean_of(
    values: npt.ArrayLike, *clusters: npt.ArrayLike, by: str = "cluster", floor: float = 0.0, fewest: int = FEWEST
) -> Contrast:
    """A mean of items in clusters, one array (item,) or two crossed ones."""
    numbers = np.asarray(values, dtype=np.float64)
    return Contrast(numbers, np.ones(numbers.size, dtype=np.int8), tuple(map(np.asarray, clusters)), by, floor, fewest)


def estimate_of(value: float, influence: Array, *clusters: npt.ArrayLike, by: str = "cluster") -> Contrast:
    """Any estimate as a contrast.

    `influence` float64 (item,): how much the estimate would move, times the number of items, if this item counted more;
    its mean is 0.
    """
    return mean_of(value + influence, *clusters, by=by)


def standard_error(one: Contrast) -> tuple[float, float]:
    """CR2 standard error of a contrast, and the Bell-McCaffrey degrees of freedom (of the unit that has fewer).

    Infinite and nan where a side has too few units.

    >>> error, freedom = standard_error(mean_of([1.0, 2.0, 3.0, 6.0], np.arange(4)))
    >>> round(error, 4), round(freedom, 6)
    (1.0801, 3.0)
    """
    if one.units_per_side < one.fewest:
        return float("inf"), float("nan")
    cells = one.cells
    error = float(np.sqrt(cells.variance))
    return error, min(cells.freedom(place) for place in range(len(cells.names)))


def t_ratio(distance: Array, error: Array) -> Array:
    """|distance| / error, rounded: patterns of signs that are equal but for the order of their sums must tie.

    0 where nothing varies and nothing differs; as large as a float can be where nothing varies and something differs.

    >>> t_ratio(np.array([1.0, 0.0, 1.0]), np.array([0.5, 0.0, 0.0])).tolist()
    [2.0, 0.0, 1.7976931348623157e+308]
    """
    varies = error > TIE * np.abs(distance)
    part, power = np.frexp(np.abs(distance) / np.where(varies, error, 1.0))
    t = np.ldexp(np.round(part / TIE) * TIE, power)
    return np.where(varies, t, np.where(distance == 0, 0.0, np.finfo(np.float64).max))


def sparse_floor(d: Array, side: Sides, clusters: tuple[npt.NDArray[np.generic], ...]) -> float:
    """Variance to add to a contrast of differences that can only be -1, 0 or 1, so that no difference seen is not
    certainty.

    The rule of three: where no item of n differs, up to 3/n of all items may. Three more differing items are counted; n
    is that of items that are not alike: divided by the design effect, or by the size of a cluster where the items of
    fewer than 5 clusters differ.

    >>> no_difference = np.zeros(100)
    >>> floor = sparse_floor(no_difference, np.ones(100, np.int8), (np.arange(100).astype(str),))
    >>> round(1.645 * floor**0.5, 3)
    0.028
    """
    total = 0.0
    for sign in (1, -1):
        mine = side == sign
        if mine.any():
            alike = max(_alike(d[mine], factor[mine]) for factor in clusters)
            total += RULE_OF_THREE * (alike / float(mine.sum())) ** 2
    return total


def _alike(d: Array, cluster: npt.NDArray[np.generic]) -> float:
    """How many items of a cluster count as one, from 1 to the mean size of a cluster."""
    _, codes = np.unique(cluster, return_inverse=True)
    size = codes.size / (codes.max() + 1)
    if np.unique(codes[d != 0]).size < FEW_DIFFER:
        return float(size)
    residual = d - d.mean()
    between = float((np.bincount(codes, weights=residual) ** 2).sum())
    if between <= ROUNDING:
        return float(size)  # clusters that agree exactly are no evidence that their items are independent
    return float(np.clip(between / (residual**2).sum(), 1.0, size))


@dataclass(frozen=True, eq=False)
class Cells:
    """A contrast summed up by (units, side): all that its estimate and its variance depend on. Arrays (cell,).

    `units`: the number of each cell's unit in each factor, and last, with two factors, in both together.
    """

    sums: Array
    counts: Array
    minus: npt.NDArray[np.bool_]
    units: tuple[Codes, ...]
    names: tuple[tuple[str, ...], ...]
    floor: float

    @cached_property
    def two_sided(self) -> bool:
        """Whether two sides are compared, and not one mean with a null."""
        return bool(self.minus.any())

    @cached_property
    def sides(self) -> Array:
        """Whether each cell is on each side, 0 or 1, float64 (cell, side)."""
        sides = [~self.minus, self.minus] if self.two_sided else [~self.minus]
        return np.stack(sides, axis=1).astype(np.float64)

    @cached_property
    def counts_by_side(self) -> Array:
        return np.asarray(self.counts @ self.sides)

    @cached_property
    def centres_found(self) -> Array:
        """The mean of each cell's side, float64 (cell,)."""
        return np.asarray(self.sides @ (self.sums @ self.sides / self.counts_by_side))

    @cached_property
    def weights(self) -> tuple[Array, ...]:
        """For each grouping of cells, what a cell's residual sum adds to the score of its unit, float64 (cell,)."""
        total, sign = self.sides @ self.counts_by_side, np.where(self.minus, -1.0, 1.0)
        return tuple(sign / (total * np.sqrt(1.0 - self.in_unit(units) / total)) for units in self.units)

    def in_unit(self, units: Codes) -> Array:
        """Items of each cell's unit that are on the same side."""
        both = units * 2 + self.minus
        return np.bincount(both, weights=self.counts)[both].astype(np.float64)

    def score(self, grouping: int, values: Array) -> Array:
        """What numbers of cells, float64 (cell,), add to the score of each unit, float64 (unit,)."""
        score = np.bincount(self.units[grouping], weights=self.weights[grouping] * values)
        return score.astype(np.float64, copy=False)

    def side_scores(self, grouping: int) -> Array:
        """The scores of the items of each side, float64 (unit, side)."""
        return np.column_stack([self.score(grouping, self.counts * side) for side in self.sides.T])

    def scores(self, grouping: int = 0) -> Array:
        """What each unit adds to the contrast's error, float64 (unit,)."""
        return self.score(grouping, self.sums - self.centres_found * self.counts)

    @property
    def variance(self) -> float:
        """CR2 variance of the contrast."""
        parts = [np.asarray((self.scores(grouping) ** 2).sum()) for grouping in range(len(self.units))]
        return float(combined(parts)) + self.floor

    def freedom(self, factor: int) -> float:
        """tr(W)^2 / tr(W W), with W the covariance of the units' scores where items are independent and vary alike."""
        units, weights = self.units[factor], self.weights[factor]
        own = np.bincount(units, weights=weights**2 * self.counts)
        shared = []
        for minus in (False, True):
            mine = self.minus == minus
            if mine.any():
                parts = np.where(mine, weights * self.counts, 0.0) / np.sqrt(self.counts[mine].sum())
                shared.append(np.bincount(units, weights=parts))
        trace = own.sum() - sum((part**2).sum() for part in shared)
        square = (own**2).sum() - 2 * sum((own * part**2).sum() for part in shared)
        square += sum(float(one @ other) ** 2 for one in shared for other in shared)
        return float(trace**2 / square)


def combined(parts: Sequence[Array]) -> Array:
    """Variance from that by each grouping: V_first + V_second - V_both, and at least the larger of the first two."""
    if len(parts) == 1:
        return parts[0]
    first, second, both = parts
    return np.maximum(first + second - both, np.maximum(first, second))


def _cells(contrast: Contrast) -> Cells:
    used = contrast.side != 0
    minus = contrast.side[used] < 0
    if len(contrast.clusters) == 1 and not minus.any():
        return _cells_of_units(contrast, used)
    coded = [np.unique(factor[used], return_inverse=True) for factor in contrast.clusters]
    groupings = [codes.astype(np.int64) for _, codes in coded]
    if len(groupings) == 2:
        groupings.append(
            np.unique(groupings[0] * len(coded[1][0]) + groupings[1], return_inverse=True)[1].astype(np.int64)
        )
    _, first, cell = np.unique(groupings[-1] * 2 + minus, return_index=True, return_inverse=True)
    return Cells(
        sums=np.bincount(cell, weights=contrast.y[used]).astype(np.float64),
        counts=np.bincount(cell).astype(np.float64),
        minus=minus[first],
        units=tuple(codes[first] for codes in groupings),
        names=tuple(tuple(map(str, names)) for names, _ in coded),
        floor=contrast.floor,
    )


def _cells_of_units(contrast: Contrast, used: npt.NDArray[np.bool_]) -> Cells:
    """The same for a mean with one kind of units: each is one cell."""
    names, codes = np.unique(contrast.clusters[0][used], return_inverse=True)
    return Cells(
        sums=np.bincount(codes, weights=contrast.y[used]).astype(np.float64),
        counts=np.bincount(codes).astype(np.float64),
        minus=np.zeros(names.size, dtype=np.bool_),
        units=(np.arange(names.size),),
        names=(tuple(map(str, names.tolist())),),
        floor=contrast.floor,
    )
