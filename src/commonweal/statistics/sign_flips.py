"""|t| of a contrast with the signs of whole units flipped: what it would be if there were no effect.

With two crossed units, what a first unit has in common, what a second one has, and what is left of each cell have the
signs of the first, of the second, and their product (Owen and Eckles 2012).

Means and variances are sums of products of signs, so nothing is worked out cell by cell in each draw, but where little
is left of the squares: there rounding would tell patterns apart that tie.

Source
------
Owen and Eckles 2012, Annals of Applied Statistics 6:895.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy

from commonweal.statistics.contrast import Array, Cells, Codes, combined, t_ratio

AT_ONCE = 4_000_000  # numbers held in memory
LITTLE = 0.1
MOSTLY_EMPTY = 8  # pairs of units for each that has items


def sign_flips(units: int, draws: int, rng: np.random.Generator) -> Iterator[Array]:
    """Signs of units, float64 (draw, unit), in parts that fit into memory.

    All patterns but the one that flips nothing, each once, where there are no more of them than `draws`; else `draws`
    of them at random.

    >>> [part.tolist() for part in sign_flips(2, 99, np.random.default_rng(0))]
    [[[1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]]
    """
    if units < 60 and 2**units - 1 <= draws:
        yield np.array(list(product((1.0, -1.0), repeat=units)))[1:]
        return
    part = max(1, AT_ONCE // units)
    for start in range(0, draws, part):
        yield rng.choice(np.array([-1.0, 1.0]), size=(min(part, draws - start), units))


def flipped_t(cells: Cells, signs: Sequence[Array], null: float | None) -> Array:
    """|t| with the signs of units flipped, float64 (draw, unit) for each factor: (draw,).

    About the null of a mean, or that of no difference between sides; None: about the contrast that was found.
    """
    parts = _parts(cells, null)
    means, variance, squares = (
        _one_factor(cells, signs[0], parts[0]) if len(parts) == 1 else _crossed(cells, signs, parts)
    )
    little = np.flatnonzero(variance < LITTLE * squares)
    if little.size:
        variance[little] = _worked_out(cells, [sign[little] for sign in signs], parts, means[little])
    difference = means[:, 0] - means[:, 1] if means.shape[1] == 2 else means[:, 0]
    return t_ratio(difference, np.sqrt(variance + cells.floor))


class FlippedMeans:
    """`flipped_t` of means that each have one kind of units, for all of them at once.

    `columns`: where the signs of each mean's units stand among those of all `units`.
    """

    def __init__(self, means: Sequence[Cells], columns: Sequence[Sequence[int]], units: int, null: float | None):
        self.means, self.columns = means, columns
        self.parts = [_parts(cells, null)[0] for cells in means]
        self.table = np.zeros((units, 2 * len(means)))
        self.squares, self.shared, self.floors = (np.zeros(len(means)) for _ in range(3))
        for place, (cells, own, rest) in enumerate(zip(means, columns, self.parts, strict=True)):
            mine, shared = cells.score(0, rest), cells.score(0, cells.counts)
            self.table[own, place] = rest / cells.counts.sum()
            self.table[own, len(means) + place] = mine * shared
            self.squares[place], self.shared[place] = (mine**2).sum(), (shared**2).sum()
            self.floors[place] = cells.floor

    def t(self, signs: Array) -> Array:
        """|t| under signs float64 (draw, unit): (draw, mean)."""
        mean, crossed = np.hsplit(signs @ self.table, 2)
        variance = self.squares - 2 * mean * crossed + self.shared * mean**2
        little = variance < LITTLE * self.squares
        for place in np.flatnonzero(little.any(axis=0)).tolist():
            draws = np.flatnonzero(little[:, place])
            own = signs[draws][:, self.columns[place]]
            worked_out = _worked_out(self.means[place], [own], [self.parts[place]], mean[draws, place][:, None])
            variance[draws, place] = worked_out
        return t_ratio(mean, np.sqrt(variance + self.floors))


def _parts(cells: Cells, null: float | None) -> list[Array]:
    """What of each cell's sum has the sign of its first unit, of its second one, and of both, float64 (cell,) each;
    with one factor the first alone.
    """
    two_sided = cells.two_sided
    centre = cells.centres_found if null is None else cells.sums.sum() / cells.counts.sum() if two_sided else null
    rest = cells.sums - cells.counts * centre
    if len(cells.units) == 1:
        return [rest]
    parts = []
    for units in cells.units[:2]:
        effect = np.bincount(units, weights=rest) / np.bincount(units, weights=cells.counts)
        parts.append(effect[units] * cells.counts)
        rest = rest - parts[-1]
    return [*parts, rest]


def _worked_out(cells: Cells, signs: Sequence[Array], parts: Sequence[Array], means: Array) -> Array:
    """Variance without the floor from the residual of each cell, float64 (draw,)."""
    each = [sign[:, units] for sign, units in zip(signs, cells.units, strict=False)]
    if len(each) == 2:
        each.append(each[0] * each[1])
    sums = sum(sign * part for sign, part in zip(each, parts, strict=True))
    residual = (sums - (means @ cells.sides.T) * cells.counts).T
    cell, groupings = np.arange(cells.counts.size), zip(cells.weights, cells.units, strict=True)
    scores = (scipy.sparse.csr_array((weight, (units, cell))) @ residual for weight, units in groupings)
    return combined([np.asarray((score**2).sum(0)) for score in scores])


def _one_factor(cells: Cells, signs: Array, rest: Array) -> tuple[Array, Array, float]:
    """Means float64 (draw, side), variance without the floor (draw,), and the squares that the latter is left of."""
    mine, shared = cells.score(0, rest), cells.side_scores(0)
    sums = np.column_stack([np.bincount(cells.units[0], weights=rest * side) for side in cells.sides.T])
    drawn = signs @ np.hstack([sums / cells.counts_by_side, mine[:, None] * shared])
    means, crossed = np.hsplit(drawn, 2)
    squares = float((mine**2).sum())
    variance = squares - 2 * (means * crossed).sum(1) + ((means @ (shared.T @ shared)) * means).sum(1)
    return means, variance, squares


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Sums over pairs of crossed units, which `units` int64 (pair,) number, in each draw of the signs of both."""

    signs: tuple[Array, Array]
    units: tuple[Codes, Codes]

    def table(self, values: Array) -> Array | scipy.sparse.csr_array:
        """Values float64 (pair,) as (first unit, second unit), sparse where most is empty."""
        first, second = self.signs[0].shape[1], self.signs[1].shape[1]
        if first * second > MOSTLY_EMPTY * values.size:
            return scipy.sparse.csr_array((values, self.units), shape=(first, second))
        place = self.units[0] * second + self.units[1]
        return np.bincount(place, weights=values, minlength=first * second).reshape(first, second)

    def flipped(self, first: Array, second: Array, both: Array) -> Array:
        """Sum of what has the sign of the first unit, of the second one, and of both, float64 (draw,)."""
        own, other = (
            np.bincount(units, weights=values, minlength=sign.shape[1])
            for units, values, sign in zip(self.units, (first, second), self.signs, strict=True)
        )
        across = self.signs[1] @ self.table(both).T
        return np.asarray(self.signs[0] @ own + self.signs[1] @ other + (self.signs[0] * across).sum(1))


def _crossed(cells: Cells, signs: Sequence[Array], parts: Sequence[Array]) -> tuple[Array, Array, float]:
    """The same for two crossed units."""
    pairs = _Pairs((signs[0], signs[1]), (cells.units[0], cells.units[1]))
    sums = [pairs.flipped(*(side * part for part in parts)) for side in cells.sides.T]
    means = np.column_stack(sums) / cells.counts_by_side
    first, second = (_of_factor(cells, pairs, parts, means, factor) for factor in (0, 1))
    both, squares = _of_both(cells, pairs, parts, means)
    return means, combined([first, second, both]), squares


def _of_factor(cells: Cells, pairs: _Pairs, parts: Sequence[Array], means: Array, factor: int) -> Array:
    """Variance by one of two crossed units, from the scores of its units, float64 (draw,)."""
    tables = [pairs.table(cells.weights[factor] * part) for part in (parts[1 - factor], parts[2])]
    others, both = (table if factor else table.T for table in tables)
    mine, across = pairs.signs[factor], pairs.signs[1 - factor]
    own = cells.score(factor, parts[factor])
    scores = mine * (own + across @ both) + across @ others - means @ cells.side_scores(factor).T
    return np.asarray((scores**2).sum(1))


def _of_both(cells: Cells, cell_pairs: _Pairs, parts: Sequence[Array], means: Array) -> tuple[Array, float]:
    """Variance by pairs of units, float64 (draw,), and the squares that it is left of."""
    _, place = np.unique(cells.units[2], return_index=True)
    pairs = _Pairs(cell_pairs.signs, (cells.units[0][place], cells.units[1][place]))
    first, second, both = (cells.score(2, part) for part in parts)
    alike = cells.side_scores(2)
    squares = float((first**2 + second**2 + both**2).sum())
    crossed = [pairs.flipped(first * side, second * side, both * side) for side in alike.T]
    mixed = pairs.flipped(second * both, first * both, first * second)
    shared = ((means @ (alike.T @ alike)) * means).sum(1)
    return squares + 2 * mixed - 2 * (means * np.column_stack(crossed)).sum(1) + shared, squares
