"""Shares and other bounded means in clusters, where the t interval is not honest: near the bounds, and where clusters
agree.

Where all clusters agree their spread tells nothing, so the binomial speaks, over clusters and not over items. Near 0
and 1 a share has the Wilson interval on the number of items that its variance amounts to (Korn and Graubard 1998,
Survey Methodology 24:193). A hypothesis about a bounded mean has its p-value from the test, which is honest at the null
in the middle, and its limits from Wilson (`within_bounds`).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import scipy

from commonweal.statistics.contrast import NEGLIGIBLE, Array, Contrast
from commonweal.statistics.detectable import HALF, at_share
from commonweal.statistics.group_rates import wilson
from commonweal.statistics.inference import Inference, alone
from commonweal.statistics.rare_outcomes import FEWEST_CARRYING, carriers, rarer
from commonweal.statistics.share_intervals import LEVEL

SHARE, SIGNED = (0.0, 1.0), (-1.0, 1.0)
DECIMALS = 6  # degrees of freedom that are whole but for rounding
JUST_BEYOND = 0.001  # of the range: what a reader still tells from the null
WILSON = "Wilson interval on the effective number of items"
LIMITS = "limits of Wilson on the effective number of items, which leave out the null where the test does"


def share_alone(contrast: Contrast, bounds: tuple[float, float] = SHARE) -> Inference:
    """The inference of one share that is no hypothesis, with limits that hold near 0 and 1 and where no cluster
    differs.

    Or of another mean within `bounds`.
    """
    inference = alone(contrast)
    if inference.alike:
        return exact_where_alike(inference, 1, bounds)
    least, width = bounds[0], bounds[1] - bounds[0]
    share = (inference.value - least) / width
    if not inference.known or not 0 < share < 1:
        return inference
    carried = min(carrying(contrast, factor, bounds) for factor in range(len(contrast.clusters)))
    freedom = min(inference.degrees_of_freedom, carried)
    why = ", as many as units hold the rarer outcome" if freedom == carried else ""
    words = f"CR2 by {contrast.by}, {WILSON}, t with {freedom:.3g} degrees of freedom{why}"
    low, high = share_interval(share, inference.standard_error / width, freedom)
    return replace(inference, low=least + width * low, high=least + width * high, method=words)


def _ones(one: Contrast, factor: int, bounds: tuple[float, float]) -> tuple[Array, Array, float]:
    """What each unit holds of the upper bound, as if values were shares; its items; and the share over all."""
    sums, counts = one.by_unit(factor)
    least, width = bounds[0], bounds[1] - bounds[0]
    return (sums - least * counts) / width, counts, (one.value - least) / width


def carrying(one: Contrast, factor: int = 0, bounds: tuple[float, float] = SHARE) -> int:
    """How many clusters hold anything of the rarer outcome, at least 2: what is rare varies as those few do, however
    many hold none.

    >>> from commonweal.statistics.contrast import mean_of
    >>> carrying(mean_of([1.0, 1.0, 1.0, 0.0], ["a", "a", "b", "c"]))
    2
    """
    ones, counts, share = _ones(one, factor, bounds)
    return max(FEWEST_CARRYING, int(np.count_nonzero(rarer(ones, counts, share) > NEGLIGIBLE * counts)))


def share_interval(share: float, error: float, freedom: float, hypotheses: int = 1) -> tuple[float, float]:
    """95 % limits of a share with a standard error above 0: Wilson's, on share (1 - share) / error^2 items and with the
    t quantile.

    Simultaneous over several hypotheses by Bonferroni.

    1 of 1,000 items that are independent, and 10 of 20 in clusters that count as 5 degrees of freedom:

    >>> [round(limit, 4) for limit in share_interval(0.001, (0.001 * 0.999 / 1000) ** 0.5, 999.0)]
    [0.0002, 0.0057]
    >>> [round(limit, 3) for limit in share_interval(0.5, (0.5 * 0.5 / 20) ** 0.5, 5.0)]
    [0.251, 0.749]
    """
    t = scipy.special.stdtrit(freedom, 1 - (1 - LEVEL) / 2 / hypotheses)
    low, high = wilson(np.array([share]), np.array([share * (1 - share) / error**2]), np.array([t]))
    return float(low[0]), float(high[0])


def within_bounds(
    inference: Inference, one: Contrast, hypotheses: int, bounds: tuple[float, float] = SHARE
) -> Inference:
    """The inference of a mean tested against the middle of its `bounds`, with simultaneous limits that hold near them
    too.

    Near a bound a t interval is too short on the side of the null, and signs flipped about a null that is far away tell
    nothing of how far the family's errors go together: of ten shares of 0.95 in 60 clusters, whose intraclass
    correlation is 0.4, all lie within their t intervals in 48 % of samples, and within these in 98 %. So the limits are
    Wilson's, with Bonferroni's t.

    The verdict stays that of the test: the interval excludes the middle where the t interval does, and only there.
    Where the test rejects and Wilson's limits still include the middle, the interval ends just beyond it: the side is
    known, and not how far. Where no cluster differs: `exact_where_alike`. The minimum detectable effect is that at the
    middle, whatever mean was seen.

    `found` has the interval of its family.
    """
    if inference.alike:
        return exact_where_alike(inference, hypotheses, bounds)
    if not inference.known:
        return inference
    low, high = _family_limits(inference, one, hypotheses, bounds)
    middle, just = sum(bounds) / 2, JUST_BEYOND * (bounds[1] - bounds[0])
    if inference.low > middle:
        low = max(low, min(inference.low, middle + just))
    elif inference.high < middle:
        high = min(high, max(inference.high, middle - just))
    else:
        low, high = min(low, middle), max(high, middle)
    share = (inference.value - bounds[0]) / (bounds[1] - bounds[0])
    at_null = at_share(inference.minimum_detectable**2, share * (1 - share), HALF) ** 0.5 if 0 < share < 1 else math.inf
    return replace(inference, low=low, high=high, minimum_detectable=at_null, method=f"{inference.method}; {LIMITS}")


def _family_limits(
    inference: Inference, one: Contrast, hypotheses: int, bounds: tuple[float, float]
) -> tuple[float, float]:
    """Wilson's limits, simultaneous, with degrees of freedom no more than the clusters that carry the rarer outcome
    allow.

    Values between the bounds vary less than zeros and ones; that they do is in the standard error, and so in the number
    of items.
    """
    least, width = bounds[0], bounds[1] - bounds[0]
    share = (inference.value - least) / width
    if not 0 < share < 1:
        return max(bounds[0], inference.low), min(bounds[1], inference.high)
    carried = max(FEWEST_CARRYING, min(evenly_carrying(one, factor, bounds) for factor in range(len(one.clusters))) - 1)
    freedom = min(inference.degrees_of_freedom, carried)
    low, high = share_interval(share, inference.standard_error / width, freedom, hypotheses)
    return least + width * low, least + width * high


def evenly_carrying(one: Contrast, factor: int = 0, bounds: tuple[float, float] = SHARE) -> float:
    """The effective number of clusters that hold the rarer outcome, at least 2: what items lack to the bound nearer to
    the mean.

    >>> from commonweal.statistics.contrast import mean_of
    >>> evenly_carrying(mean_of([1.0, 1.0, 0.0, 1.0], ["a", "a", "b", "c"]))
    2.0
    >>> evenly_carrying(mean_of([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], list("abcabc")))
    3.0
    """
    ones, counts, share = _ones(one, factor, bounds)
    return float(carriers(ones, counts, np.array([share]), np.zeros(counts.size, dtype=np.int64)).clusters[0])


def exact_where_alike(inference: Inference, hypotheses: int, bounds: tuple[float, float] = SHARE) -> Inference:
    """The inference itself; where the clusters of a bounded mean do not differ, that of `exact_mean` in its place.

    Clusters of unequal size count as their degrees of freedom and one: where one holds nearly all items, few were seen.
    """
    if not inference.alike:
        return inference
    clusters = min(float(inference.clusters), round(inference.degrees_of_freedom + 1, DECIMALS))
    low, high, p_value = exact_mean(inference.value, clusters, hypotheses, bounds)
    words = (
        f"no unit ({inference.by}) differs from another, so Clopper and Pearson over them, the rest within the bounds"
    )
    return replace(
        inference,
        low=low,
        high=high,
        lower=low,
        upper=high,
        p_value=p_value,
        p_adjusted=min(1.0, hypotheses * p_value),
        minimum_detectable=float("nan"),
        method=words if hypotheses == 1 else f"{words}; Bonferroni over {hypotheses} hypotheses",
    )


def exact_mean(
    value: float, clusters: float, hypotheses: int, bounds: tuple[float, float] = SHARE
) -> tuple[float, float, float]:
    """Interval of a mean within `bounds` that all clusters agree on, and the two-sided p-value against the middle of
    them.

    If a share q of all clusters were like these, K of K would be so with probability q^K. So with confidence at least q
    = (alpha / 2 hypotheses)^(1/K) are, and the others lie within the bounds. Where `value` is a bound, this is the
    interval of Clopper and Pearson with K of K (the rule of three, two-sided). Simultaneous (Bonferroni): the interval
    excludes the middle where hypotheses x p < 0.05, and only there.

    >>> [round(part, 3) for part in exact_mean(1.0, 6, 1)]
    [0.541, 1.0, 0.031]
    >>> [round(part, 3) for part in exact_mean(0.0, 6, 1, SIGNED)]
    [-0.459, 0.459, 1.0]
    """
    least, most = bounds
    middle = (least + most) / 2
    like_these = ((1 - LEVEL) / 2 / hypotheses) ** (1 / clusters)
    low, high = least + like_these * (value - least), most - like_these * (most - value)
    if abs(value - middle) < NEGLIGIBLE:
        return low, high, 1.0
    return low, high, min(1.0, 2 * ((most - middle) / (abs(value - middle) + most - middle)) ** clusters)
