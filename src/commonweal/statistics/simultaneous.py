"""Differences between estimates that know their limits, tested together.

The distances of the estimates to their limits are added in squares, with their correlation (Zou and Donner), so that
limits need not be symmetric, and a difference of shares at 0 or 1 has some too. Simultaneous by the largest |z| of
normal draws with the covariance of the differences. The p-value is that of the interval that just touches 0, so that
`p_adjusted <= 0.05` where the interval excludes 0, and only there.

What this module does not do: it does not know what the estimates are, nor where their limits come from.

Source
------
Zou and Donner 2008, Statistics in Medicine 27:1693; Hothorn, Bretz and Westfall 2008, Biometrical Journal 50:346.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.detectable import detectable
from commonweal.statistics.share_intervals import LEVEL

Array = npt.NDArray[np.float64]
Limits = Callable[[Array], tuple[Array, Array]]
DRAWS = 9999
CHUNK = 250
SMALLEST_P = 1e-300
LARGEST_Z = 37.0
MOST_STEPS = 100
CLOSE = 1e-12  # of z
NEAREST_PART = 1e-3  # of what is left, at which the next z lies from either end
NOTHING = 1e-12  # differences nearer to 0 than this are none


class Limited(Protocol):
    """Estimates of groups that know their limits at any z, their covariance, and the one that the design lets
    expect.
    """

    @property
    def value(self) -> Array: ...

    @property
    def covariance(self) -> Array: ...

    @property
    def by_design(self) -> Array: ...

    def limits(self, z: Array | float) -> tuple[Array, Array]: ...


@dataclass(frozen=True, slots=True)
class Difference:
    """A weighted sum of estimates, with limits that hold for the whole family at once."""

    value: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    minimum_detectable: float


@dataclass(frozen=True, slots=True, eq=False)
class Simultaneous:
    """Differences tested together, arrays (difference,), and the |z| at which their limits hold for all at once."""

    p_value: Array
    p_adjusted: Array
    low: Array
    high: Array
    critical: float


def simultaneous(value: Array, limits: Limits, root: Array, rng: np.random.Generator) -> Simultaneous:
    """Test differences together; `p_adjusted <= 0.05` where the interval excludes 0, and only there.

    Parameters
    ----------
    value : float64 (difference,).
    limits : the limits of each difference, each at its own z, float64 (difference,).
    root : float64 (difference, part), rows of length 1 whose products are the correlations of what the differences err
        by. A row of zeros: what this difference would do is not known, and it is drawn by itself.
    """
    observed = _touching(value, limits)
    largest = np.sort(_largest(root, rng))
    p_adjusted = (1 + largest.size - np.searchsorted(largest, observed, side="left")) / (largest.size + 1)
    critical = float(largest[largest.size - int(np.floor((1 - LEVEL) * (largest.size + 1) + 1e-9))])
    low, high = limits(np.full(value.shape, critical))
    return Simultaneous(np.clip(2 * scipy.special.ndtr(-observed), SMALLEST_P, 1.0), p_adjusted, low, high, critical)


def family_of_differences(estimates: Limited, weights: Array, rng: np.random.Generator) -> list[Difference]:
    """Weighted sums of estimates, tested together.

    `weights` float64 (difference, group): 1 for the group, -1 in all for those that it is compared with.
    """
    if not weights.size:
        return []
    value, correlation = weights @ estimates.value, _correlation(estimates.covariance)

    def limits(z: Array) -> tuple[Array, Array]:
        low, high = estimates.limits(z[:, None])
        below, above = estimates.value - low, high - estimates.value
        parts = (weights * np.where(weights > 0, below, above), weights * np.where(weights > 0, above, below))
        down, up = (np.sqrt(np.maximum(np.einsum("ci,ij,cj->c", part, correlation, part), 0.0)) for part in parts)
        return value - down, value + up

    values, vectors = np.linalg.eigh(_correlation(weights @ estimates.covariance @ weights.T))
    found = simultaneous(value, limits, vectors * np.sqrt(np.maximum(values, 0.0)), rng)
    error = np.sqrt(np.maximum(np.diagonal(weights @ estimates.by_design @ weights.T), 0.0))
    columns = (value, found.low, found.high, found.p_value, found.p_adjusted, detectable(1.0, found.critical) * error)
    return [Difference(*map(float, row)) for row in zip(*columns, strict=True)]


def _correlation(covariance: Array) -> Array:
    scale = np.sqrt(np.maximum(np.diagonal(covariance), SMALLEST_P))
    found: Array = np.clip(covariance / np.outer(scale, scale), -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def _touching(value: Array, limits: Limits) -> Array:
    """|z| of each difference: of the interval that just touches 0, between a z whose interval excludes 0 and one whose
    does not.

    By regula falsi, with half the weight of an end that stays (Illinois).
    """

    def from_zero(z: Array) -> Array:
        low, high = limits(z)
        return np.where(value > 0, low, -high)

    near, far = np.zeros_like(value), np.full_like(value, LARGEST_Z)
    at_near, at_far, moved = np.abs(value), from_zero(far), np.zeros(value.shape, dtype=np.int8)
    beyond, nothing = at_far > 0, np.abs(value) < NOTHING
    for _ in range(MOST_STEPS):
        part = np.clip(at_near / np.maximum(at_near - at_far, SMALLEST_P), NEAREST_PART, 1 - NEAREST_PART)
        middle = near + (far - near) * part
        at = from_zero(middle)
        excludes = at > 0
        at_far = np.where(excludes & (moved == 1), at_far / 2, at_far)
        at_near = np.where(~excludes & (moved == -1), at_near / 2, at_near)
        near, at_near = np.where(excludes, middle, near), np.where(excludes, at, at_near)
        far, at_far = np.where(excludes, far, middle), np.where(excludes, at_far, at)
        moved = np.where(excludes, 1, -1).astype(np.int8)
        if np.all((far - near < CLOSE) | beyond | nothing):
            break
    return np.where(nothing, 0.0, np.where(beyond, LARGEST_Z, near))


def _largest(root: Array, rng: np.random.Generator) -> Array:
    """Largest |z| over all differences where there is none, float64 (draw,)."""
    largest = np.empty(DRAWS)
    for start in range(0, DRAWS, CHUNK):
        stop = min(start + CHUNK, DRAWS)
        largest[start:stop] = np.abs(rng.standard_normal((stop - start, root.shape[1])) @ root.T).max(axis=1)
    unknown = not np.any(root, axis=1).all()
    return np.maximum(largest, np.abs(rng.standard_normal(DRAWS))) if unknown else largest
