"""Shares on which all clusters agree: their spread tells nothing, so the binomial speaks, over clusters and not over items."""

from __future__ import annotations

from dataclasses import replace

from scipy.special import betainc, betaincinv

from commonweal.evidence.clustered import Inference
from commonweal.evidence.intervals import LEVEL
from commonweal.evidence.two_way import NEGLIGIBLE

HALF = 0.5


def alike(found: Inference) -> bool:
    """Whether the clusters do not differ at all."""
    return found.standard_error < NEGLIGIBLE


def exact_where_alike(found: Inference, hypotheses: int) -> Inference:
    """The inference itself; where the clusters of a share do not differ, that of `exact_share` in its place."""
    if not alike(found):
        return found
    low, high, p_value = exact_share(found.value, found.clusters, hypotheses)
    return replace(
        found, low=low, high=high, p_value=p_value, p_adjusted=min(1.0, hypotheses * p_value), minimum_detectable=float("nan")
    )


def exact_share(value: float, clusters: int, hypotheses: int) -> tuple[float, float, float]:
    """Clopper-Pearson interval, simultaneous over `hypotheses` (Bonferroni), and the two-sided p-value against one half.

    The clusters are counted, not their items: for a share on which all of them agree.

    >>> [round(part, 3) for part in exact_share(1.0, 6, 1)]
    [0.541, 1.0, 0.031]
    """
    hits, misses = value * clusters, (1 - value) * clusters
    tail = (1 - LEVEL) / 2 / hypotheses
    low = float(betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    as_many = float(betainc(hits, misses + 1, HALF)) if hits > 0 else 1.0
    as_few = 1 - float(betainc(hits + 1, misses, HALF)) if misses > 0 else 1.0
    return low, high, min(1.0, 2 * min(as_many, as_few))
