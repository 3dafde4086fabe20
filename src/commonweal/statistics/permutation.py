"""Contrasts between groups in crossed designs, with permutation of labels over whole treatments.

Two designs of an audit study, both arrays in and numbers out:

- *nested*: each unit (a first name) belongs to one group and meets the same contexts (résumés). `y` is
  ``float64 (unit, context)``. Labels are permuted over whole units, within strata.
- *matched*: each block (a sentence frame, a résumé) has one version per group, and each version meets the same
  contexts. `y` is ``float64 (block, group, context)``, NaN where a block does not meet a context. Labels are permuted
  within blocks.

Standard errors treat units (or blocks) and contexts as crossed random factors: the variance of a gap is that between
units plus that between contexts minus what both count (Cameron, Gelbach and Miller 2011, JBES 29:238; for the nested
design the overlap is the unbiased residual mean square of the two-way layout).

What this module does not do: it does not know which hypotheses belong together; see `families`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Gaps between pairs of groups: float64 (pair,), and their studentized permutation draws (draw, pair).

    `design_error`: the standard error of what is left when all that units have in common by their groups is taken away,
    those of the strata too: no effect of any group is in it. `freedom`: degrees of freedom of units.
    """

    pairs: tuple[tuple[int, int], ...]
    gap: Array
    standard_error: Array
    permuted: Array
    design_error: Array
    freedom: Array

    @property
    def studentized(self) -> Array:
        return studentize(self.gap, self.standard_error)


def studentize(gap: Array, standard_error: Array) -> Array:
    """|gap| / standard error; 0 where both are 0, and a very large number where only the error is.

    Rounded to nine decimals: draws that are equal but for the order of their sums must tie, or they count on one side
    of the observed |t| by chance.

    >>> studentize(np.array([0.0, 1.0]), np.array([0.0, 0.5]))
    array([0., 2.])
    """
    tiny = np.finfo(np.float64).tiny ** 0.5
    return np.where(np.abs(gap) < 1e-12, 0.0, np.round(np.abs(gap) / np.maximum(standard_error, tiny), 9))


def all_pairs(groups: int) -> tuple[tuple[int, int], ...]:
    """Pairs (group, reference) with the reference first in the order of groups.

    >>> all_pairs(3)
    ((1, 0), (2, 0), (2, 1))
    """
    return tuple((second, first) for first, second in combinations(range(groups), 2))


def pairs_with_reference(groups: int) -> tuple[tuple[int, int], ...]:
    """Each group against the first only, for intersections, where all pairs would be too many hypotheses.

    >>> pairs_with_reference(3)
    ((1, 0), (2, 0))
    """
    return tuple((group, 0) for group in range(1, groups))


@dataclass(frozen=True, slots=True)
class Nesting:
    """Which group each unit belongs to, int64 (unit,); labels are permuted within strata, int64 (unit,)."""

    labels: Labels
    strata: Labels
    pairs: tuple[tuple[int, int], ...]


def nested_contrasts(y: Array, nesting: Nesting, draws: int, rng: np.random.Generator) -> Contrasts:
    """Gaps between the groups of a nested design.

    Parameters
    ----------
    y : float64 (unit, context), NaN where an outcome is missing.
    nesting : groups 0 .. G - 1 of the units, and the strata of the permutation (the other attribute of a name).
    draws : number of permutations.
    """
    there = ~np.isnan(y).all(axis=1)  # a unit, or a context, of which nothing could be read tells nothing
    y, labels, strata, pairs = y[there], nesting.labels[there], nesting.strata[there], nesting.pairs
    y = y[:, ~np.isnan(y).all(axis=0)]
    groups = int(labels.max()) + 1
    centred = y - np.nanmean(y, axis=0, keepdims=True)
    gap, error = _nested(centred, labels[None, :], groups, pairs)
    permuted = np.empty((draws, len(pairs)))
    for start in range(0, draws, CHUNK):
        stop = min(start + CHUNK, draws)
        shuffled = permuted_labels(labels, strata, stop - start, rng)
        permuted[start:stop] = studentize(*_nested(centred, shuffled, groups, pairs))
    _, design_error = _nested(_without_groups(centred, labels, strata), labels[None, :], groups, pairs)
    size = np.bincount(labels, minlength=groups)
    freedom = np.array([size[first] + size[second] - 2.0 for first, second in pairs])
    return Contrasts(pairs, gap[0], error[0], permuted, design_error[0], freedom)


def _without_groups(y: Array, labels: Labels, strata: Labels) -> Array:
    """Outcomes minus the mean of their group and stratum, float64 (unit, context)."""
    _, cell = np.unique(np.stack([labels, strata], axis=1), axis=0, return_inverse=True)
    seen = ~np.isnan(y)
    total = np.bincount(cell, weights=np.where(seen, y, 0.0).sum(1))
    mean = total / np.maximum(np.bincount(cell, weights=seen.sum(1)), 1.0)
    return np.asarray(y - mean[cell][:, None])


def permuted_labels(labels: Labels, strata: Labels, draws: int, rng: np.random.Generator) -> Labels:
    """Labels permuted within strata, int64 (draws, unit).

    >>> labels, strata = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    >>> bool((permuted_labels(labels, strata, 5, np.random.default_rng(0)) == labels).all())
    True
    """
    order = np.argsort(strata, kind="stable")
    random_order = np.argsort(strata[None, :] + rng.random((draws, labels.size)), axis=1)
    shuffled = np.empty((draws, labels.size), dtype=np.int64)
    np.put_along_axis(shuffled, random_order, np.broadcast_to(labels[order], shuffled.shape), axis=1)
    return shuffled


def _nested(y: Array, labels: Labels, groups: int, pairs: tuple[tuple[int, int], ...]) -> tuple[Array, Array]:
    """Gap and standard error for each row of labels: float64 (draw, pair) each. `y` is centred by context."""
    seen = ~np.isnan(y)
    values = np.where(seen, y, 0.0)
    unit_mean = values.sum(1) / np.maximum(seen.sum(1), 1)
    member = (labels[:, None, :] == np.arange(groups)[None, :, None]).astype(np.float64)
    size = member.sum(2)
    mean = member @ unit_mean / size
    spread = (member @ unit_mean**2 - size * mean**2) / np.maximum(size - 1, 1)
    contexts = y.shape[1]
    met = size[..., None] if seen.all() else np.maximum(member @ seen.astype(np.float64), 1)
    by_context = (member @ values) / met
    within = np.where(seen, values - unit_mean[:, None], 0.0)
    explained = size * ((by_context - mean[:, :, None]) ** 2).sum(2)
    unexplained = np.maximum(member @ (within**2).sum(1) - explained, 0.0)
    residual = unexplained / np.maximum((size - 1) * (contexts - 1), 1)
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    between_units = spread[:, first] / size[:, first] + spread[:, second] / size[:, second]
    context_gap = by_context[:, first] - by_context[:, second]
    between_contexts = context_gap.var(axis=2, ddof=1) / contexts if contexts > 1 else np.zeros_like(between_units)
    overlap = (residual[:, first] / size[:, first] + residual[:, second] / size[:, second]) / contexts
    variance = np.maximum(between_units + between_contexts - overlap, np.maximum(between_units, between_contexts))
    return mean[:, first] - mean[:, second], np.sqrt(np.maximum(variance, 0.0))


def matched_contrasts(y: Array, draws: int, rng: np.random.Generator) -> Contrasts:
    """Gaps between the groups of a matched design.

    Parameters
    ----------
    y : float64 (block, group, context), NaN where a block does not meet a context; a version that is missing for one
        group leaves that block and context out for all.
    draws : number of permutations of group labels within blocks.
    """
    seen = np.logical_not(np.isnan(y).any(axis=1))
    blocks, groups, _ = y.shape
    pairs = all_pairs(groups)
    design = _Matched(np.where(seen[:, None, :], y, 0.0), seen, pairs)
    gap, error = design.gaps(np.tile(np.arange(groups), (1, blocks, 1)))
    permuted = np.empty((draws, len(pairs)))
    for start in range(0, draws, CHUNK // 4):
        stop = min(start + CHUNK // 4, draws)
        order = np.argsort(rng.random((stop - start, blocks, groups)), axis=2)
        permuted[start:stop] = studentize(*design.gaps(order))
    freedom = np.full(len(pairs), max(float(seen.any(1).sum()) - 1, 1.0))
    return Contrasts(pairs, gap[0], error[0], permuted, error[0], freedom)


@dataclass(frozen=True, eq=False)
class _Matched:
    """A matched design, `values` float64 (block, group, context), 0 where `seen` bool (block, context) is not.

    Squares and totals of differences between versions do not depend on the draw, so each draw only picks among them.
    """

    values: Array
    seen: npt.NDArray[np.bool_]
    pairs: tuple[tuple[int, int], ...]

    @cached_property
    def squares(self) -> Array:
        """Sum over contexts of the squared difference of two versions, float64 (block, version, version)."""
        return np.asarray(((self.values[:, :, None] - self.values[:, None]) ** 2).sum(-1))

    def gaps(self, order: Labels) -> tuple[Array, Array]:
        """Gap and standard error, float64 (draw, pair) each, where group g has version `order` int64 (draw, block,
        group) of each block.
        """
        first, second = (np.array(side) for side in zip(*self.pairs, strict=True))
        n, block = self.seen.sum(), np.arange(len(self.values))[None, :, None]
        total = self.values.sum(-1)[block, order]
        difference = total[..., first] - total[..., second]
        gap = difference.sum(1) / n
        left = difference - gap[:, None] * self.seen.sum(1)[:, None]
        blocks, contexts = int(self.seen.any(1).sum()), int(self.seen.any(0).sum())
        between_blocks = (left**2).sum(1) / n**2 * blocks / max(blocks - 1, 1)
        if contexts < 2:
            return gap, np.sqrt(between_blocks)
        by_context = self.by_context(order)
        left = by_context[:, first] - by_context[:, second] - gap[..., None] * self.seen.sum(0)
        between_contexts = (left**2).sum(2) / n**2 * contexts / (contexts - 1)
        squares = self.squares[block, order[..., first], order[..., second]].sum(1)
        overlap = np.maximum(squares - n * gap**2, 0.0) / n**2
        variance = np.maximum(between_blocks + between_contexts - overlap, np.maximum(between_blocks, between_contexts))
        return gap, np.sqrt(variance)

    def by_context(self, order: Labels) -> Array:
        """Sums over blocks, float64 (draw, group, context)."""
        blocks, groups, contexts = self.values.shape
        chosen = np.zeros((order.shape[0], groups, blocks * groups))
        np.put_along_axis(chosen, order.swapaxes(1, 2) + groups * np.arange(blocks), 1.0, axis=2)
        return np.asarray(chosen @ self.values.reshape(blocks * groups, contexts))


def group_variance(y: Array) -> float:
    """Variance of the mean of a crossed layout, units and contexts both random.

    `y` is float64 (unit, context), NaN where missing. The main effect of contexts counts here, unlike in a gap.

    >>> float(group_variance(np.array([[1.0, 1.0], [1.0, 1.0]])))
    0.0
    """
    seen = ~np.isnan(y)
    n = seen.sum()
    deviation = np.where(seen, y - np.nanmean(y), 0.0) / n
    units, contexts = int(seen.any(1).sum()), int(seen.any(0).sum())
    between_units = (deviation.sum(1) ** 2).sum() * units / max(units - 1, 1)
    between_contexts = (deviation.sum(0) ** 2).sum() * contexts / max(contexts - 1, 1)
    overlap = (deviation**2).sum()
    return float(max(between_units + between_contexts - overlap, between_units, between_contexts))
