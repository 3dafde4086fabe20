"""Expected calibration error of one group: how far scores lie from observed rates, bin by bin, with its known bias.

ECE = sum over bins of (rows in the bin / rows) x |mean score - observed rate|. It is never below 0 and its mean is
above 0 even where every score is right, because the noise of each bin counts as error. So it is given with the value
that this noise alone would make, and an interval projected from the simultaneous intervals of the bins, which reaches 0
where no bin shows an error.

Source
------
Naeini, Cooper and Hauskrecht 2015, AAAI (ECE); Kumar, Liang and Ma 2019, NeurIPS 32 (its upward bias, bins of equal
mass).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from commonweal.statistics.group_rates import Array, Places, group_rates, layout_of, quantile, wilson
from commonweal.statistics.share_intervals import LEVEL, critical_normal

BINS = 10
CLUSTERS_PER_BIN = 10
MINIMUM_CLUSTERS = 2 * CLUSTERS_PER_BIN


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """`value` with its limits; `by_noise`: what a perfectly calibrated score would show on average in these bins."""

    value: float
    low: float
    high: float
    by_noise: float
    bins: int
    clusters: int


def expected_calibration_error(
    score: Array, truth: Array, cluster: Places, weight: Array | None = None
) -> CalibrationError | None:
    """ECE over at most ten bins of as many rows, each with at least ten clusters; None where there are fewer than 20
    clusters.

    `weight`: float64 (row,), where rows have weights; then means and shares are weighted, and the bins are not.

    >>> rng = np.random.default_rng(0)
    >>> score = rng.random(2000)
    >>> found = expected_calibration_error(score, (rng.random(2000) < score).astype(float), np.arange(2000))
    >>> found.low, bool(found.value < 2 * found.by_noise), bool(found.high < 0.15)
    (0.0, True, True)
    """
    clusters = int(np.count_nonzero(np.bincount(cluster)))
    if clusters < MINIMUM_CLUSTERS:
        return None
    bins = min(BINS, clusters // CLUSTERS_PER_BIN)
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    bin_of = np.searchsorted(edges, score, side="left")
    layout = layout_of(bin_of, cluster, edges.size + 1)
    mass = np.ones(score.size) if weight is None else weight
    rates = group_rates(truth, mass, layout)
    there = rates.n > 0
    expected = (np.bincount(bin_of, weights=score * mass, minlength=edges.size + 1)[there] / rates.mass[there]).astype(
        np.float64
    )
    observed, effective, share = rates.mean[there], rates.effective[there], rates.mass[there] / mass.sum()
    freedom = np.maximum(np.nan_to_num(rates.carried[there], nan=1.0), 1.0)
    z = critical_normal(1 - (1 - LEVEL) / share.size)
    lower, upper = wilson(observed, effective, quantile(z, freedom, np.maximum(rates.of_rows[there], 1.0)))
    error = np.abs(expected - observed)
    low = np.maximum(np.maximum(expected - upper, lower - expected), 0.0)
    high = np.maximum(np.abs(expected - lower), np.abs(upper - expected))
    by_noise = np.sqrt(2 / np.pi * np.maximum(expected * (1 - expected), 0.0) / effective)
    total = [float((share * part).sum()) for part in (error, low, high, by_noise)]
    return CalibrationError(total[0], total[1], total[2], total[3], share.size, clusters)
