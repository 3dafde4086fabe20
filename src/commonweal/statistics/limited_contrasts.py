"""Contrasts of estimates that know their limits: differences between groups, tested together.

The distances of the estimates to their limits are added in squares, with their correlation (Zou and Donner), so that limits
need not be symmetric, and a difference of shares at 0 or 1 has some too. Simultaneous by the largest |z| of normal draws with the
covariance of the contrasts. The p-value is that of the interval that just touches 0, so that `p_adjusted <= 0.05` where the
interval excludes 0, and only there.

What this module does not do: it does not know what the estimates are, nor where their limits come from.

Source
------
Zou and Donner 2008, Statistics in Medicine 27:1693; Hothorn, Bretz and Westfall 2008, Biometrical Journal 50:346.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from commonweal.statistics.detectable import detectable
from commonweal.statistics.intervals import LEVEL

Array = npt.NDArray[np.float64]
DRAWS = 9999
SMALLEST_P = 1e-300
LARGEST_Z = 37.0
HALVINGS = 50


class Limited(Protocol):
    """Estimates of groups that know their limits at any z, their covariance, and the one that the design lets expect."""

    @property
    def value(self) -> Array: ...

    @property
    def covariance(self) -> Array: ...

    @property
    def by_design(self) -> Array: ...

    def limits(self, z: Array | float) -> tuple[Array, Array]: ...


@dataclass(frozen=True, slots=True)
class Contrast:
    """A weighted sum of estimates, with limits that hold for the whole family at once."""

    value: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    minimum_detectable: float


def family_of_contrasts(estimates: Limited, weights: Array, rng: np.random.Generator, level: float = LEVEL) -> list[Contrast]:
    """Contrasts of groups, tested together.

    Parameters
    ----------
    weights : float64 (contrast, group): 1 for the group, -1 in all for those that it is compared with.

    `p_adjusted <= 1 - level` where the interval excludes 0, and only there.
    """
    if not weights.size:
        return []
    correlation = _correlation(estimates.covariance)
    value = weights @ estimates.value
    observed = _observed(estimates, weights, correlation)
    largest = np.sort(_largest(_correlation(weights @ estimates.covariance @ weights.T), rng))
    p_adjusted = (1 + largest.size - np.searchsorted(largest, observed, side="left")) / (largest.size + 1)
    allowed = int(np.floor((1 - level) * (largest.size + 1) + 1e-9))
    critical = float(largest[largest.size - allowed])
    low, high = _limits(estimates, weights, correlation, np.full(value.shape, critical))
    error = np.sqrt(np.maximum(np.diagonal(weights @ estimates.by_design @ weights.T), 0.0))
    p_value = np.clip(2 * ndtr(-observed), SMALLEST_P, 1.0)
    columns = (value, low, high, p_value, p_adjusted, detectable(1.0, critical) * error)
    return [Contrast(*map(float, row)) for row in zip(*columns, strict=True)]


def _correlation(covariance: Array) -> Array:
    scale = np.sqrt(np.maximum(np.diagonal(covariance), SMALLEST_P))
    found: Array = np.clip(covariance / np.outer(scale, scale), -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def _limits(estimates: Limited, weights: Array, correlation: Array, z: Array) -> tuple[Array, Array]:
    """Limits of each contrast at its own z, float64 (contrast,) each."""
    low, high = estimates.limits(z[:, None])
    below, above = estimates.value - low, high - estimates.value
    value = weights @ estimates.value
    down = weights * np.where(weights > 0, below, above)
    up = weights * np.where(weights > 0, above, below)
    half_down, half_up = (np.sqrt(np.maximum(np.einsum("ci,ij,cj->c", part, correlation, part), 0.0)) for part in (down, up))
    return value - half_down, value + half_up


def _observed(estimates: Limited, weights: Array, correlation: Array) -> Array:
    """|z| of each contrast: of the interval that just touches 0, found by halving."""
    value = weights @ estimates.value
    near, far = np.zeros_like(value), np.full_like(value, LARGEST_Z)
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        low, high = _limits(estimates, weights, correlation, middle)
        excludes = np.where(value > 0, low > 0, high < 0)
        near, far = np.where(excludes, middle, near), np.where(excludes, far, middle)
    return np.where(np.abs(value) < 1e-12, 0.0, near)


def _largest(correlation: Array, rng: np.random.Generator) -> Array:
    """Largest |z| over all contrasts where none differs, float64 (draw,)."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    found: Array = np.abs(rng.standard_normal((DRAWS, values.size)) @ root.T).max(axis=1)
    return found
