"""Median and 95 % uncertainty interval of a vector of draws, exactly, without sorting it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from commonweal.footprint.sampling import Array

LEVELS = (0.025, 0.5, 0.975)


@dataclass(frozen=True, slots=True)
class DrawSummary:
    """Mean, median and 95 % uncertainty interval over the draws, all in one unit.

    The interval holds what the declared inputs leave open. It is no confidence interval: nothing was sampled from
    people. The means of parts add up to the mean of the whole; medians do not.
    """

    mean: float
    median: float
    low: float
    high: float


def spread(draws: Array) -> DrawSummary:
    """Mean and the 2.5, 50 and 97.5 % quantiles of float64 (draw,).

    >>> spread(np.arange(5.0))
    DrawSummary(mean=2.0, median=2.0, low=0.1, high=3.9)
    """
    low, median, high = quantiles(draws, LEVELS)
    return DrawSummary(float(draws.mean()), median, low, high)


def quantiles(draws: Array, levels: tuple[float, ...]) -> tuple[float, ...]:
    """Quantiles by linear interpolation between order statistics, as numpy.quantile gives them; `draws` stays as it
    is.
    """
    last = draws.size - 1
    ranks = [int(level * last) for level in levels]
    pairs = neighbours(draws, ranks)
    parts = [level * last - rank for level, rank in zip(levels, ranks, strict=True)]
    return tuple(lower + part * (upper - lower) for (lower, upper), part in zip(pairs, parts, strict=True))


def neighbours(draws: Array, ranks: list[int]) -> list[tuple[float, float]]:
    """The order statistic at each rank, from 0, and the next one; the last one has itself as the next."""
    last = draws.size - 1
    ordered = np.partition(draws, sorted({place for rank in ranks for place in (rank, min(rank + 1, last))}))
    return [(float(ordered[rank]), float(ordered[min(rank + 1, last)])) for rank in ranks]
