"""Bounded means on which all clusters agree: their spread tells nothing, so the binomial speaks, over clusters and not over items."""

from __future__ import annotations

from dataclasses import replace

from commonweal.evidence.clustered import NEGLIGIBLE, Inference
from commonweal.evidence.intervals import LEVEL

HALF = 0.5
SHARE, SIGNED = (0.0, 1.0), (-1.0, 1.0)
DECIMALS = 6  # degrees of freedom that are whole but for rounding


def alike(found: Inference) -> bool:
    """Whether the clusters do not differ at all."""
    return found.standard_error < NEGLIGIBLE


def exact_where_alike(found: Inference, hypotheses: int, bounds: tuple[float, float] = SHARE) -> Inference:
    """The inference itself; where the clusters of a bounded mean do not differ, that of `exact_mean` in its place.

    Clusters of unequal size count as their degrees of freedom and one: where one holds nearly all items, few were seen.
    """
    if not alike(found):
        return found
    clusters = min(float(found.clusters), round(found.degrees_of_freedom + 1, DECIMALS))
    low, high, p_value = exact_mean(found.value, clusters, hypotheses, bounds)
    return replace(
        found, low=low, high=high, p_value=p_value, p_adjusted=min(1.0, hypotheses * p_value), minimum_detectable=float("nan")
    )


def exact_mean(value: float, clusters: float, hypotheses: int, bounds: tuple[float, float] = SHARE) -> tuple[float, float, float]:
    """Interval of a mean within `bounds` that all clusters agree on, and the two-sided p-value against the middle of them.

    If a share q of all clusters were like these, K of K would be so with probability q^K. So with confidence at least
    q = (alpha / 2 hypotheses)^(1/K) are, and the others lie within the bounds. Where `value` is a bound, this is the interval
    of Clopper and Pearson with K of K (the rule of three, two-sided). Simultaneous (Bonferroni): the interval excludes the
    middle where hypotheses x p < 0.05, and only there.

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
