"""Draws of declared uncertain numbers, by their quantile function: the same uniforms give the same draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy
from numpy.random import Generator

from commonweal.errors import FootprintError
from commonweal.footprint.money import deflator
from commonweal.system.uncertain import Uncertain
from commonweal.units import MONEY

Array = npt.NDArray[np.float64]
BLOCK = 16_384  # draws at a time: a dozen vectors of this length stay in the cache of a core
Z = 1.959963984540054  # the normal quantile of 0.975
SMALLEST, LARGEST = 2.0**-54, 1.0 - 2.0**-53  # a uniform draw may be 0, where a lognormal has no quantile


def draws(uncertain: Uncertain, n: int, rng: Generator) -> Array:
    """n independent draws in its own unit, float64 (n,)."""
    if n < 1:
        raise FootprintError(f"draws: got {n}; expected at least 1")
    drawn_here = rng.random(n)
    for start in range(0, n, BLOCK):
        drawn_here[start : start + BLOCK] = quantile(uncertain, drawn_here[start : start + BLOCK])
    return drawn_here


def conversion(unit: str, target: str) -> float:
    """What an amount in `unit` is multiplied by to be one in `target`: 1, or a deflator between two price years."""
    if unit == target:
        return 1.0
    if not (MONEY.match(unit) and MONEY.match(target)):
        raise FootprintError(f"got a number in {unit}; expected one in {target}")
    return deflator(unit, target)


def quantile(uncertain: Uncertain, shares: Array) -> Array:
    """The value that is not exceeded with probability `shares`, float64 like `shares`, which lie in [0, 1].

    Uniform: low + u (high - low). Triangular with mode c: low + sqrt(u (high - low)(c - low)) up to u = (c - low)/(high
    - low), from there high - sqrt((1 - u)(high - low)(high - c)). Lognormal: central x exp(sigma z(u)), with sigma =
    log(high/central)/z above the median and log(central/low)/z below it, z = z(0.975): all three declared numbers are
    its quantiles. Where central is not the geometric mean of low and high the two sides differ, and it is a lognormal
    of two halves.
    """
    if uncertain.value is not None:
        return np.full_like(shares, uncertain.value)
    low, high = uncertain.ends
    if uncertain.kind == "lognormal":
        middle = uncertain.middle
        place = scipy.special.ndtri(np.clip(shares, SMALLEST, LARGEST)) / Z
        return np.asarray(
            middle * np.exp(place * np.where(place > 0, np.log(high / middle), np.log(middle / low))), dtype=np.float64
        )
    if uncertain.kind == "uniform" or high == low:
        return low + shares * (high - low)
    mode = uncertain.middle
    up = low + np.sqrt(shares * ((high - low) * (mode - low)))
    down = high - np.sqrt((1 - shares) * ((high - low) * (high - mode)))
    return np.where(shares < (mode - low) / (high - low), up, down)
