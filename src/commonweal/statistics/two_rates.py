"""Two rates, their difference and their ratio by one estimator, so that both say the same.

The difference d has limits from its own test. The logarithm of the ratio is d / L, where L is the logarithmic mean of
the two rates: so the limits of the difference, divided by L, are limits of log(ratio) that exclude 0 where those of the
difference do, and only there. That holds the mean of the two rates for known. Where the rates differ, that mean errs
too; the variance of log(ratio) by the delta method, from the same covariance of the two rates and at the same critical
value, counts it. The wider of the two stands, but for the side on which the difference is decided: there the ratio is
decided too.

Source
------
Carlson 1972, American Mathematical Monthly 79:615 (the logarithmic mean); Katz et al. 1978, Biometrics 34:469 (the
ratio on the log scale).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

TINY = 1e-12
FARTHEST = 700.0  # exp of more is no float


@dataclass(frozen=True, slots=True)
class TwoRates:
    """Rates of a group and its reference, in (0, 1]; the variance of each, and that of their difference."""

    rate: float
    reference: float
    variances: tuple[float, float]
    of_difference: float

    @property
    def ratio(self) -> float:
        return self.rate / self.reference

    @property
    def log_variance(self) -> float:
        """Variance of log(ratio) to first order, v1/r1^2 + v2/r2^2 - 2 c/(r1 r2), with c from the variance of the
        difference.

        >>> round(TwoRates(0.5, 0.5, (0.02, 0.02), 0.01).log_variance, 6)
        0.04
        """
        own, other = self.variances
        covariance = (own + other - self.of_difference) / 2
        found = own / self.rate**2 + other / self.reference**2 - 2 * covariance / (self.rate * self.reference)
        return max(found, 0.0)

    def ratio_limits(self, difference: tuple[float, float], critical: float) -> tuple[float, float]:
        """Limits of the ratio that belong to those of the difference: they exclude 1 where these exclude 0, and only
        there.

        >>> alike = TwoRates(0.5, 0.5, (0.02, 0.02), 0.01)
        >>> [round(limit, 3) for limit in alike.ratio_limits((-0.3, 0.3), 2.0)]
        [0.549, 1.822]
        >>> higher = TwoRates(0.6, 0.4, (0.04, 0.04), 0.0025)
        >>> [round(limit, 3) for limit in higher.ratio_limits((0.1, 0.3), 2.0)]
        [1.015, 2.217]
        """
        mean, log_ratio = logarithmic_mean(self.rate, self.reference), math.log(self.ratio)
        low, high = (limit / mean for limit in difference)
        half = critical * math.sqrt(self.log_variance)
        below, above = min(low, log_ratio - half), max(high, log_ratio + half)
        if difference[0] > 0 >= below:
            below = low
        if difference[1] < 0 <= above:
            above = high
        return math.exp(max(below, -FARTHEST)), math.exp(min(above, FARTHEST))


def logarithmic_mean(one: float, other: float) -> float:
    """(a - b) / (log a - log b), between the geometric and the arithmetic mean; a where both are the same.

    >>> logarithmic_mean(0.5, 0.5), round(logarithmic_mean(0.25, 0.75), 4)
    (0.5, 0.4551)
    """
    distance = math.log(one) - math.log(other)
    return one if abs(distance) < TINY else (one - other) / distance
