"""Which share of what a system gains over a constant answer a simpler one gains too: a ratio of paired means, with its
interval.

R = mean(b - m) / mean(a - m) over the same items: a, b and m say whether the system, the simpler one and the constant
answer were right. 1: the simpler one gains all of it; 0: it is no better than the constant answer; below 0: it is
worse; above 1: it is the better of the two. Where a is not shown to be better than m there is nothing to take a share
of, and R is unknown.

What it does not show: that what people gain grows with accuracy.

Source
------
Fieller 1954, JRSS B 16:175 (interval of a ratio); Bell and McCaffrey 2002, Survey Methodology 28:169 (CR2, by cluster).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.contrast import mean_of, standard_error
from commonweal.statistics.share_intervals import LEVEL

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GainShare:
    """The ratio and its 95 % interval, which holds it."""

    value: float
    low: float
    high: float


def gain_share(better: Array, difference: Array, cluster: npt.ArrayLike, floor: float = 0.0) -> GainShare | None:
    """R = 1 - mean(a - b) / mean(a - m); None where the interval of mean(a - m) reaches down to 0.

    Parameters
    ----------
    better : float64 (item,), a - m.
    difference : float64 (item,), a - b.
    cluster : (item,), the sampled unit.
    floor : variance that the mean of `difference` has at least beside what was seen (`contrast.sparse_floor`).

    >>> found = gain_share(np.array([1.0, 0, 1, 1, 0, 1] * 9), np.array([1.0, 0, 0, 0, 0, 0] * 9), np.arange(54))
    >>> round(found.value, 3), found.low < found.value < found.high
    (0.75, True)
    """
    gain, lost = mean_of(better, cluster), mean_of(difference, cluster)
    error, freedom = standard_error(gain)
    if not np.isfinite(error):
        return None
    t2 = float(scipy.special.stdtrit(freedom, 0.5 + LEVEL / 2)) ** 2
    (all_gain, counts), (all_lost, _) = gain.by_unit(), lost.by_unit()
    sums_gain, sums_lost = all_gain - counts * gain.value, all_lost - counts * lost.value
    weight = 1.0 / (1.0 - counts / counts.sum()) / counts.sum() ** 2
    of_gain, of_lost, both = (
        float((weight * one * other).sum())
        for one, other in ((sums_gain, sums_gain), (sums_lost, sums_lost), (sums_gain, sums_lost))
    )
    squared = gain.value**2 - t2 * of_gain
    if gain.value <= 0 or squared <= 0:
        return None
    middle = gain.value * lost.value - t2 * both
    half = max(0.0, middle**2 - squared * (lost.value**2 - t2 * (of_lost + floor))) ** 0.5
    return GainShare(1 - lost.value / gain.value, 1 - (middle + half) / squared, 1 - (middle - half) / squared)
