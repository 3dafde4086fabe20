"""Correlation over few groups, one of several that are tested together: interval, p-value and what could have been
found.

The interval is symmetric in Fisher's z = atanh(r), whose error is 1 / sqrt(n - 3). That takes the numbers to be normal
and equally exact. A small group is far from the others at both ends by its errors alone, makes r large and says little.
So the p-value is no smaller than that of the slope with HC3, which counts what the groups far out carry, with n - 2
degrees of freedom; and over 8 or 9 groups no smaller than that of all permutations. The interval is as wide as the
widest of the three, and all are Bonferroni's over the family: `p_adjusted <= 0.05` where the interval excludes 0, and
only there.

Source
------
Fisher 1915, Biometrika 10:507; Pitman 1937, Supplement to the Journal of the Royal Statistical Society 4:225; MacKinnon
and White 1985, Journal of Econometrics 29:305 (HC3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.detectable import bonferroni, detectable

Array = npt.NDArray[np.float64]
MOST_PERMUTED = 9
AT_ONCE = 50_000  # orders held in memory
NEAREST = 1 - 1e-12  # |r| beyond it has no finite z
ROUNDING = 1e-12
SMALLEST_P = 1e-300
FISHER = "Fisher's z, no surer than HC3"
PERMUTED = f"{FISHER} and all permutations of the groups"


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation with limits and adjusted p-value that hold for the whole family."""

    value: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    minimum_detectable: float
    method: str


def correlation(pairs: Sequence[tuple[float, float]], together: int = 1) -> Correlation | None:
    """Pearson's r over pairs of numbers of 4 groups or more, in [-1, 1]; None where one side does not vary.

    >>> found = correlation([(float(x), float((x * 5) % 11)) for x in range(12)], together=2)
    >>> round(found.value, 3), found.p_adjusted, found.method
    (-0.199, 1.0, "Fisher's z, no surer than HC3")
    """
    first, second = np.array(pairs, dtype=np.float64).T
    if not all(side.std() > ROUNDING * np.abs(side).max() for side in (first, second)):
        return None
    r = float(np.clip(np.corrcoef(first, second)[0, 1], -1.0, 1.0))
    z, by_design = float(np.arctanh(np.clip(r, -NEAREST, NEAREST))), (first.size - 3) ** -0.5
    freedom, critical, error = first.size - 2, bonferroni(math.inf, together), by_design
    if first.size <= MOST_PERMUTED:
        far = -float(scipy.special.ndtri(permutation_p(first, second) / 2))
        error = max(error, abs(z) / far) if far > ROUNDING else error
    robust = max(robust_error(first, second), robust_error(second, first)) * (z / r if r else 1.0)
    p_value = max(
        2 * float(scipy.special.ndtr(-abs(z) / error)),
        2 * float(scipy.special.stdtr(freedom, -abs(z) / robust)),
        SMALLEST_P,
    )
    half = max(critical * error, bonferroni(freedom, together) * robust)
    low, high = (float(np.tanh(z + side * half)) for side in (-1, 1))
    return Correlation(
        value=r,
        low=min(low, r),
        high=max(high, r),
        p_value=p_value,
        p_adjusted=min(1.0, together * p_value),
        minimum_detectable=float(np.tanh(detectable(by_design, bonferroni(freedom, together) / (1 - 2 / first.size)))),
        method=PERMUTED if first.size <= MOST_PERMUTED else FISHER,
    )


def robust_error(x: Array, y: Array) -> float:
    """HC3 standard error of the correlation as the slope of standardized numbers; with r of 1 it is 0 up to rounding.

    >>> round(robust_error(np.arange(100.0), (np.arange(100.0) * 37) % 100), 2)
    0.1
    """
    u, v = ((side - side.mean()) / side.std() for side in (x, y))
    r = float(np.mean(u * v))
    leverage = (1 + u**2) / u.size
    influence = u * (v - r * u) / np.maximum(1 - leverage, ROUNDING)
    return max(float(np.sqrt((influence**2).sum()) / u.size), ROUNDING)


def permutation_p(first: Array, second: Array) -> float:
    """Share of all orders of the one in which |r| is at least as large as it is, in (0, 1].

    >>> permutation_p(np.arange(4.0), np.arange(4.0)) == 2 / 24
    True
    """
    centred = second - second.mean()

    def size(orders: Array, axis: int) -> Array:
        return np.asarray(np.abs((orders * centred).sum(axis=axis)))

    every = {"permutation_type": "pairings", "n_resamples": np.inf, "alternative": "greater", "batch": AT_ONCE}
    return float(scipy.stats.permutation_test((first - first.mean(),), size, vectorized=True, **every).pvalue)
