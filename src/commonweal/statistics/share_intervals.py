"""Intervals for shares: Wilson for one, Newcombe for the difference of two. Numbers in, numbers out."""

from __future__ import annotations

import math

import scipy

POWER = 0.8
LEVEL = 0.95


def critical_normal(level: float = LEVEL) -> float:
    """Two-sided critical value of the normal distribution.

    >>> round(critical_normal(0.95), 3)
    1.96
    """
    return float(scipy.special.ndtri(0.5 + level / 2))


def wilson_interval(share: float, n: float) -> tuple[float, float]:
    """Wilson score interval of a share from n independent (or effective) observations, in [0, 1].

    Source
    ------
    Wilson 1927, JASA 22:209, as recommended by Brown, Cai and DasGupta 2001, Statistical Science 16:101.

    >>> low, high = wilson_interval(0.0, 20)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.161)
    """
    z2 = critical_normal() ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def newcombe_interval(first: float, n_first: float, second: float, n_second: float) -> tuple[float, float]:
    """Interval of the difference of two shares, first - second, that stays honest at 0 and 1.

    Source
    ------
    Newcombe 1998, Statistics in Medicine 17:873, method 10 (hybrid score).

    >>> low, high = newcombe_interval(0.0, 20, 0.0, 20)
    >>> round(low, 3), round(high, 3)
    (-0.161, 0.161)
    """
    low_first, high_first = wilson_interval(first, n_first)
    low_second, high_second = wilson_interval(second, n_second)
    difference = first - second
    low = difference - math.hypot(first - low_first, high_second - second)
    high = difference + math.hypot(high_first - first, second - low_second)
    return max(-1.0, low), min(1.0, high)
