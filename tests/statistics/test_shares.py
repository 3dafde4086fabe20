from __future__ import annotations

import numpy as np
import pytest

from commonweal.statistics.contrast import mean_of
from commonweal.statistics.inference import alone, family
from commonweal.statistics.share_intervals import wilson_interval
from commonweal.statistics.shares import SIGNED, exact_mean, exact_where_alike, share_alone


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    assert list(exact_mean(1.0, 4, 1)) == pytest.approx([0.025**0.25, 1.0, 2 * 0.5**4])
    assert list(exact_mean(0.0, 4, 1)) == pytest.approx([0.0, 1 - 0.025**0.25, 2 * 0.5**4])


def test_clusters_that_agree_are_told_from_those_that_do_not() -> None:
    cluster, rng = np.repeat(np.arange(9), 4), np.random.default_rng(0)
    same, mixed = family([mean_of(np.ones(36), cluster), mean_of(rng.integers(0, 2, 36), cluster)], rng, null=0.5)
    assert same.alike
    assert not mixed.alike
    assert exact_where_alike(mixed, 2) is mixed
    exact = exact_where_alike(same, 2)
    assert (exact.low, exact.high, exact.p_value) == exact_mean(1.0, 9, 2)
    assert exact.p_adjusted == min(1.0, 2 * exact.p_value)


def test_a_mean_between_its_bounds_moves_by_what_the_unseen_clusters_may_hold() -> None:
    """12 clusters at -0.5 of [-1, 1]: at least 0.0125^(1/12) of all clusters are; p: at most 1 in 1.5 is if the mean
    is 0.
    """
    share = 0.0125 ** (1 / 12)
    assert list(exact_mean(-0.5, 12, 2, SIGNED)) == pytest.approx(
        [share * -0.5 + (1 - share) * -1, share * -0.5 + (1 - share), 2 * (1 / 1.5) ** 12]
    )


@pytest.mark.parametrize("hypotheses", [1, 3, 30])
def test_verdict_and_interval_are_one_statement(hypotheses: int) -> None:
    found = []
    for clusters in range(2, 60):
        for value in (-1.0, -0.6, 0.0, 0.3, 1.0):
            low, high, p_value = exact_mean(value, clusters, hypotheses, SIGNED)
            assert low <= value <= high
            assert (low > 0 or high < 0) == (hypotheses * p_value < 0.05)
            found.append(low > 0 or high < 0)
    assert any(found)
    assert not all(found)


def test_one_cluster_that_holds_nearly_all_items_is_nearly_one_cluster() -> None:
    sizes = np.array([1000, 1, 1, 1, 1, 1])
    lopsided = exact_where_alike(alone(mean_of(np.ones(sizes.sum()), np.repeat(np.arange(6), sizes))), 1)
    even = exact_where_alike(alone(mean_of(np.ones(6), np.arange(6))), 1)
    assert even.low == pytest.approx(0.025 ** (1 / 6))
    assert lopsided.low < 0.2


@pytest.mark.parametrize("share", [0.8, 0.95])
def test_the_interval_holds_the_share_in_95_of_100_samples(share: float) -> None:
    """Whole clusters agree; where all of 8 do, the exact interval stands, else that of t, which is not judged here."""
    rng, missed = np.random.default_rng(0), 0
    for _ in range(1000):
        values = np.repeat(rng.random(8) < share, 5).astype(np.float64)
        found = alone(mean_of(values, np.repeat(np.arange(8), 5)))
        missed += found.alike and not exact_where_alike(found, 1).low <= share <= exact_where_alike(found, 1).high
    assert missed <= 0.05 * 400


@pytest.mark.parametrize(("share", "within"), [(0.99, 0.1), (0.95, 0.5), (0.8, 0.1), (0.5, 0.0)])
def test_the_interval_of_a_share_holds_it_also_where_few_clusters_have_the_rarer_outcome(
    share: float, within: float
) -> None:
    """20 templates of 50 items with an intraclass correlation of `within`; at 0.99 the t interval holds it in 80 %."""
    rng, cluster, held = np.random.default_rng(5), np.repeat(np.arange(20), 50), 0
    odds = (1 - within) / within if within else None
    for _ in range(1000):
        by_cluster = rng.beta(share * odds, (1 - share) * odds, 20) if odds else np.full(20, share)
        found = share_alone(mean_of((rng.random((20, 50)) < by_cluster[:, None]).ravel(), cluster))
        held += found.low <= share <= found.high
    assert 0.88 <= held / 1000 <= 0.995


def test_without_clusters_it_is_nearly_wilsons() -> None:
    found = share_alone(mean_of([1.0] * 380 + [0.0] * 20, np.arange(400)))
    assert (found.low, found.high) == pytest.approx(wilson_interval(0.95, 400), abs=0.004)
