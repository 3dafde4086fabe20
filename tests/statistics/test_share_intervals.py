from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from commonweal.statistics.detectable import detectable, shrunk_share
from commonweal.statistics.share_intervals import critical_normal, newcombe_interval, wilson_interval

# Newcombe 1998, Statistics in Medicine 17:857, table I, method 3 (score, no continuity correction).
WILSON = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
# Newcombe 1998, Statistics in Medicine 17:873, table II, method 10 (hybrid score, no continuity correction).
NEWCOMBE = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0),
    (10, 10, 0, 10, 0.6075, 1.0),
]
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(("k", "n", "low", "high"), WILSON)
def test_wilson_gives_the_published_limits(k: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(k / n, n) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(("a", "m", "b", "n", "low", "high"), NEWCOMBE)
def test_newcombe_gives_the_published_limits(a: int, m: int, b: int, n: int, low: float, high: float) -> None:
    assert newcombe_interval(a / m, m, b / n, n) == pytest.approx((low, high), abs=6e-5)


@given(counts)
def test_wilson_agrees_with_scipy_and_holds_the_share(kn: tuple[int, int]) -> None:
    k, n = kn
    low, high = wilson_interval(k / n, n)
    theirs = binomtest(k, n).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert 0.0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1.0


@given(counts, counts)
def test_newcombe_turns_its_sign_when_the_groups_are_exchanged(first: tuple[int, int], second: tuple[int, int]) -> None:
    (a, m), (b, n) = first, second
    low, high = newcombe_interval(a / m, m, b / n, n)
    assert newcombe_interval(b / n, n, a / m, m) == pytest.approx((-high, -low), abs=1e-12)
    assert -1.0 <= low <= a / m - b / n + 1e-12
    assert a / m - b / n - 1e-12 <= high <= 1.0


def test_newcombe_covers_the_truth_near_zero_where_a_normal_interval_does_not() -> None:
    rng = np.random.default_rng(5)
    p, q, n = 0.02, 0.05, 40
    drawn = rng.binomial(n, [p, q], size=(2000, 2)) / n
    covered = np.mean([low <= p - q <= high for a, b in drawn for low, high in [newcombe_interval(a, n, b, n)]])
    error = np.sqrt((drawn * (1 - drawn) / n).sum(axis=1))
    normal = np.mean(np.abs(drawn[:, 0] - drawn[:, 1] - (p - q)) <= 1.96 * error)
    assert covered >= 0.93
    assert normal < covered


def share_gap(share: float, n: int) -> float:
    """The smallest difference of two shares of n independent items each that is found with power 0.8."""
    shrunk = shrunk_share(share, 2 * n)
    return detectable((shrunk * (1 - shrunk) * 2 / n) ** 0.5, critical_normal())


@pytest.mark.parametrize(("share", "n"), [(0.5, 60), (0.3, 120)])
def test_the_minimum_detectable_gap_is_found_in_about_80_percent_of_studies(share: float, n: int) -> None:
    gap = share_gap(share, n)
    p, q = share - gap / 2, share + gap / 2
    k = np.arange(n + 1)
    chance = np.outer(binom.pmf(k, n, p), binom.pmf(k, n, q))
    found = np.array([[newcombe_interval(j / n, n, i / n, n)[0] > 0 for j in k] for i in k])
    assert 0.75 <= chance[found].sum() <= 0.86


def test_a_share_of_zero_does_not_promise_infinite_precision() -> None:
    assert share_gap(0.0, 50) > 0.05
