"""Families of hypotheses: adjusted p-values and simultaneous intervals that agree.

The hypotheses of one measure on one subject are tested together by the resampling distribution of the smallest p-value
(Westfall and Young 1993, Resampling-Based Multiple Testing, algorithm 2.5, single step). The smallest p-value and not
the largest |t|, so that a contrast with few clusters and heavy tails does not raise the bar for all others. The single
step and not the step-down, so that `p_adjusted <= 0.05` and "the simultaneous interval excludes 0" are the same
statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
ALPHA = 0.05
JUST_BEYOND = 0.001  # what a reader still tells from the null
FARTHEST = 1e300  # |t| this large stands for an error of 0


@dataclass(frozen=True, eq=False)
class Family:
    """Results for each hypothesis, float64 (hypothesis,): its p-values.

    `t`, `p` float64 (draw, hypothesis): |t| and its p-value as observed, and in each draw; `smallest` float64 (draw,):
    the smallest p-value of each, in order.
    """

    p_value: Array
    p_adjusted: Array
    t: Array
    p: Array
    smallest: Array

    @cached_property
    def critical(self) -> Array:
        """The critical values at 5 %."""
        return self.critical_at(ALPHA)

    def critical_at(self, alpha: float) -> Array:
        """The critical value of each |t|, so that `p_adjusted <= alpha` where it is exceeded, and only there."""
        allowed = int(np.floor(alpha * self.smallest.size + 1e-9))
        beyond = self.smallest[allowed] if allowed < self.smallest.size else np.inf
        return _critical_values(self.t, (self.p < beyond) & (self.p <= alpha))


def limits(value: float, null: float, halves: tuple[float, float]) -> tuple[float, float]:
    """Limits of an estimate from two half-widths: that by which it is tested against the null, and that which holds far
    from it.

    Signs flipped about a null say how rare an effect is where there is none. Where estimates are far from it they flip
    all that is far together, and say too little of how far the family's errors go together; flipped about the estimates
    they say that. So the wider half counts, but the interval excludes the null where the test does, and only there.

    >>> limits(3.0, 0.0, (1.0, 2.0)), limits(1.5, 0.0, (1.0, 2.0)), limits(-0.5, 0.0, (1.0, 2.0))
    ((1.0, 5.0), (0.5, 3.5), (-2.5, 1.5))
    """
    tested, wide = halves[0], max(halves)
    low, high = value - wide, value + wide
    if value - tested > null >= low:
        low = value - tested
    if value + tested < null <= high:
        high = value + tested
    return low, high


def agreeing(limits: tuple[float, float], null: float, value: float, found: bool) -> tuple[float, float]:
    """Limits that were not those of the test, so that they exclude the null where the test does, and only there.

    Where they include a null that the test rejects, they end just beyond it: the side is known, and not how far.

    >>> agreeing((-0.1, 0.5), 0.0, 0.3, True), agreeing((0.1, 0.5), 0.0, 0.3, False)
    ((0.001, 0.5), (0.0, 0.5))
    """
    low, high = limits
    if not found:
        return min(low, null), max(high, null)
    if value > null:
        return max(low, min(value, null + JUST_BEYOND)), high
    return low, min(high, max(value, null - JUST_BEYOND))


def adjust(observed: Array, permuted: Array, known: Sequence[Array | None] = ()) -> Family:
    """Adjusted p-values and critical values of a family.

    Parameters
    ----------
    observed : float64 (hypothesis,), |t| of each hypothesis.
    permuted : float64 (draw, hypothesis), the same under permuted labels.
    known : the distribution of each |t| under permuted labels, float64 (pattern,), where more is known of it than its
        draws tell: two hypotheses of which the same is known have the same p-values, whatever was drawn.

    p = (b + 1) / (B + 1); the smallest possible p is 1 / (B + 1).

    >>> rng = np.random.default_rng(1)
    >>> family = adjust(np.array([8.0, 0.1]), np.abs(rng.standard_normal((1999, 2))))
    >>> bool(family.p_adjusted[0] < 0.01), bool(family.p_adjusted[1] > 0.5)
    (True, True)
    """
    together = np.vstack([observed, permuted])
    known = known or (None,) * together.shape[1]
    p_each = np.column_stack([_shares_at_least(column, of) for column, of in zip(together.T, known, strict=True)])
    smallest = np.sort(p_each.min(axis=1))
    p_adjusted = np.searchsorted(smallest, p_each[0], side="right") / smallest.size
    return Family(p_each[0], np.maximum(p_adjusted, p_each[0]), together, p_each, smallest)


def _shares_at_least(column: Array, known: Array | None = None) -> Array:
    """Share of a distribution, by default its own, that is at least as large as each value of a column, float64
    (draw,).

    Not a number stays so.

    >>> _shares_at_least(np.array([3.0, 1.0, 3.0, 2.0])).tolist(), _shares_at_least(np.array([2.0]), np.array([1.0,
    ...     3.0])).tolist()
    ([0.5, 1.0, 0.5, 0.75], [0.5])
    """
    order = np.argsort(column)  # numbers are looked up faster in their own order
    sought = column[order]
    of = sought if known is None else np.sort(known)
    shares = np.empty(column.size)
    shares[order] = (of.size - np.searchsorted(of, sought, side="left")) / of.size
    shares[np.isnan(column)] = np.nan
    return shares


def _critical_values(together: Array, significant: npt.NDArray[np.bool_]) -> Array:
    """Per hypothesis, the midpoint between the largest |t| that is not significant and the smallest that is.

    The latter is capped: where an error is 0, |t| is as large as a float can be, and half of that is no critical value.
    """
    inside = np.where(significant, 0.0, together).max(axis=0, initial=0.0)
    outside = np.where(significant, together, np.inf).min(axis=0, initial=np.inf)
    with np.errstate(over="ignore"):
        capped = np.where(inside > FARTHEST, outside, np.minimum(outside, 10 * np.maximum(inside, 1.0)))
        return np.asarray(np.where(np.isfinite(outside), (inside + capped) / 2, inside * 1.05))
