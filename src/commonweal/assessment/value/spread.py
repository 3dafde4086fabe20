"""Median and 95 % uncertainty interval of a long vector of draws, exactly, without sorting it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from commonweal.footprint.sampling import BLOCK, Array

LEVELS = (0.025, 0.5, 0.975)
SHORT = 50_000  # below this a partition is as fast
SAMPLED = 16_384
WIDTH = 5.0  # standard deviations of a rank in the sample; a miss costs time, never the answer


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean, median and 95 % uncertainty interval over the draws, all in one unit.

    The interval holds what the declared inputs leave open. It is no confidence interval: nothing was sampled from people.
    The means of parts add up to the mean of the whole; medians do not.
    """

    mean: float
    median: float
    low: float
    high: float


def spread(draws: Array) -> Spread:
    """Mean and the 2.5, 50 and 97.5 % quantiles of float64 (draw,).

    >>> spread(np.arange(5.0))
    Spread(mean=2.0, median=2.0, low=0.1, high=3.9)
    """
    low, median, high = quantiles(draws, LEVELS)
    return Spread(float(draws.mean()), median, low, high)


def quantiles(draws: Array, levels: tuple[float, ...]) -> tuple[float, ...]:
    """Quantiles by linear interpolation between order statistics, as numpy.quantile gives them; `draws` stays as it is."""
    last = draws.size - 1
    ranks = [int(level * last) for level in levels]
    pairs = neighbours(draws, ranks)
    parts = [level * last - rank for level, rank in zip(levels, ranks, strict=True)]
    return tuple(lower + part * (upper - lower) for (lower, upper), part in zip(pairs, parts, strict=True))


def neighbours(draws: Array, ranks: list[int]) -> list[tuple[float, float]]:
    """The order statistic at each rank, from 0, and the next one; the last one has itself as the next."""
    return _pairs_by_partition(draws, ranks) if draws.size < SHORT else _pairs_by_bracket(draws, ranks)


def _pairs_by_partition(draws: Array, ranks: list[int]) -> list[tuple[float, float]]:
    last = draws.size - 1
    ordered = np.partition(draws, sorted({place for rank in ranks for place in (rank, min(rank + 1, last))}))
    return [(float(ordered[rank]), float(ordered[min(rank + 1, last)])) for rank in ranks]


def _pairs_by_bracket(draws: Array, ranks: list[int]) -> list[tuple[float, float]]:
    """The same, by a partition of the few draws between two marks that a sample of the draws sets (Floyd and Rivest 1975).

    Every draw is compared with the marks, so the answer is exact whatever the sample; where a mark misses, all are partitioned.
    """
    marks = _marks(np.sort(draws[:: max(1, draws.size // SAMPLED)]), [rank / draws.size for rank in ranks])
    before = [0] * len(ranks)
    few: list[list[Array]] = [[] for _ in ranks]
    for start in range(0, draws.size, BLOCK):
        block = draws[start : start + BLOCK]
        for place, (low, high) in enumerate(marks):
            below = block < low
            before[place] += int(np.count_nonzero(below))
            inside = block <= high
            inside ^= below
            few[place].append(block[inside])
    pairs = []
    for rank, below_mark, found in zip(ranks, before, few, strict=True):
        kept, place = np.concatenate(found), rank - below_mark
        if place < 0 or place + 1 >= kept.size:
            return _pairs_by_partition(draws, ranks)
        kept.partition([place, place + 1])
        pairs.append((float(kept[place]), float(kept[place + 1])))
    return pairs


def _marks(sample: Array, shares: list[float]) -> list[tuple[float, float]]:
    """Numbers between which the draw at each share of the ranks lies, but for a chance too small to matter."""
    marks = []
    for share in shares:
        half = WIDTH * (sample.size * share * (1 - share)) ** 0.5 + 2
        first, last = int(share * sample.size - half), int(share * sample.size + half) + 1
        low = float(sample[first]) if first >= 0 else -np.inf
        marks.append((low, float(sample[last]) if last < sample.size else np.inf))
    return marks
