"""The smallest effect that a design finds with power 0.8, from the design alone: (critical value + t_0.8) x standard
error.

One rule for every measure, so that the figure says what could have been found and not what was:

- Nothing of the effect that was seen enters. The standard error is that of what is left when the means of groups
  (sides, clusters' common mean) are taken away: a constant added to all outcomes, or an effect added to one group,
  leaves it as it is.
- The variance of a share follows from the share. So it is taken at a stated one and not at those that were seen: where
  groups are compared at the pooled share, shrunk towards one half by four items; where a share is tested against one
  half, at one half. What clusters add (the design effect) stays as it was found.
- The critical value is Student's with Bonferroni's correction over the family, or the largest |z| of normal draws,
  which do not hold the effect. That of permuted labels or flipped signs does hold it, so it is not used here.

What this module does not do: it estimates no standard error.

Source
------
Bloom 1995, Evaluation Review 19:547 (the minimum detectable effect as a multiple of the standard error); Agresti and
Coull 1998, American Statistician 52:119 (shares shrunk by four items).
"""

from __future__ import annotations

import math
from typing import overload

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.share_intervals import LEVEL, POWER

Array = npt.NDArray[np.float64]
MANY = 1e9  # degrees of freedom of a normal quantile
SHRINKING = 4.0  # items, half of them with the outcome
HALF = 0.5


@overload
def detectable(error: float, critical: float, freedom: float = math.inf) -> float: ...


@overload
def detectable(error: Array, critical: Array | float, freedom: Array | float = math.inf) -> Array: ...


def detectable(error: Array | float, critical: Array | float, freedom: Array | float = math.inf) -> Array | float:
    """(critical + t_0.8) x standard error; t of the normal distribution without degrees of freedom.

    >>> round(detectable(1.0, 1.96), 2), round(detectable(1.0, bonferroni(10, 1), 10), 2)
    (2.8, 3.11)
    """
    found: Array = (critical + scipy.special.stdtrit(np.minimum(freedom, MANY), POWER)) * error
    return found if np.ndim(found) else float(found)


def bonferroni(freedom: float, hypotheses: int, level: float = LEVEL) -> float:
    """Two-sided critical value of t for one of several hypotheses.

    >>> round(bonferroni(math.inf, 1), 2), round(bonferroni(20, 5), 2)
    (1.96, 2.85)
    """
    return float(scipy.special.stdtrit(min(freedom, MANY), 1 - (1 - level) / 2 / hypotheses))


def shrunk_share(share: float, n: float) -> float:
    """A share shrunk towards one half by four items, so that one of 0 or 1 does not promise infinite precision.

    >>> shrunk_share(0.0, 36)
    0.05
    """
    return (share * n + SHRINKING * HALF) / (n + SHRINKING)


def at_share(variance: float, here: float, stated: float) -> float:
    """A variance at the binomial variance `here`, carried over to a stated share with the same design effect.

    >>> round(at_share(0.009, 0.1 * 0.9, 0.5), 6)
    0.025
    """
    return variance * stated * (1 - stated) / here
