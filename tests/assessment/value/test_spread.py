"""Quantiles without sorting are those of numpy, whatever the order, the ties and the ends of the draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from commonweal.assessment.value.spread import LEVELS, quantiles, spread
from commonweal.footprint.sampling import Array

RNG = np.random.default_rng(3)
N = 200_000
AWKWARD = {
    "random": RNG.lognormal(sigma=2.0, size=N),
    "sorted": np.arange(float(N)),
    "reversed": -np.arange(float(N)),
    "constant": np.full(N, 7.0),
    "ties": RNG.integers(0, 3, N).astype(np.float64),
    "periodic": np.tile(np.concatenate(([-50.0], np.arange(11.0))), N // 12 + 1),
    "mostly one value": np.where(RNG.random(N) < 0.98, 0.0, RNG.normal(size=N)),
}


@pytest.mark.parametrize("draws", AWKWARD.values(), ids=AWKWARD.keys())
def test_long_vectors_have_the_quantiles_of_numpy(draws: Array) -> None:
    before = draws.copy()
    assert quantiles(draws, LEVELS) == pytest.approx(np.quantile(draws, LEVELS), rel=1e-12)
    assert np.array_equal(draws, before)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_short_vectors_have_the_quantiles_of_numpy(values: list[float]) -> None:
    draws = np.array(values)
    assert quantiles(draws, LEVELS) == pytest.approx(np.quantile(draws, LEVELS), abs=1e-8)


def test_roots_without_end_do_not_disturb_the_others() -> None:
    draws = RNG.normal(size=N)
    draws[: N // 10], draws[N // 10 : N // 5] = np.inf, -np.inf
    assert quantiles(draws, (0.5,))[0] == pytest.approx(np.sort(draws)[N // 2 - 1 : N // 2 + 1].mean())


def test_a_normal_has_its_own_quantiles() -> None:
    found = spread(10 + 2 * RNG.normal(size=N))
    exact = stats.norm(10, 2)
    assert (found.low, found.median, found.high) == pytest.approx(exact.ppf(LEVELS), abs=0.05)
    assert found.mean == pytest.approx(10, abs=0.03)


def test_one_draw_is_its_own_interval() -> None:
    found = spread(np.array([4.0]))
    assert (found.mean, found.low, found.median, found.high) == (4.0, 4.0, 4.0, 4.0)
