from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from commonweal.statistics.calibration import expected_calibration_error
from commonweal.statistics.group_gaps import family_of_gaps, spread
from commonweal.statistics.group_rates import GroupRates, group_rates, layout_of, rate_intervals, wilson
from commonweal.statistics.share_intervals import newcombe_interval, wilson_interval


def made_up(seed: int, clusters: int = 12, groups: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, groups and clusters of unequal size that cross."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(clusters), rng.integers(2, 9, clusters))
    group = rng.integers(0, groups, cluster.size)
    lean = rng.normal(0, 1.5, clusters)[cluster]
    return (rng.random(cluster.size) < 1 / (1 + np.exp(-lean))).astype(float), group, cluster


def by_matrices(
    y: np.ndarray, group: np.ndarray, cluster: np.ndarray, row_variance: np.ndarray
) -> tuple[np.ndarray, list[float]]:
    """CR2 of a regression on group dummies as in Pustejovsky and Tipton 2018, with full matrices; df of group 1 -
    group 0.
    """
    x = np.eye(group.max() + 1)[group]
    bread = np.linalg.inv(x.T @ x)
    hat = x @ bread @ x.T
    residual = y - x @ (bread @ x.T @ y)
    rest = np.eye(y.size) - hat
    meat = np.zeros((x.shape[1], x.shape[1]))
    contrast = np.zeros(x.shape[1])
    contrast[1], contrast[0] = 1.0, -1.0
    columns = []
    for one in np.unique(cluster):
        mine = cluster == one
        values, vectors = np.linalg.eigh(rest[np.ix_(mine, mine)])
        adjust = vectors @ np.diag(values**-0.5) @ vectors.T
        part = x[mine].T @ adjust @ residual[mine]
        meat += np.outer(part, part)
        columns.append(rest[mine].T @ adjust @ x[mine] @ bread @ contrast)
    working = np.diag(row_variance[group])
    gram = np.array([[a @ working @ b for b in columns] for a in columns])
    return bread @ meat @ bread, [float(np.trace(gram) ** 2 / np.trace(gram @ gram))]


def test_variance_and_degrees_of_freedom_are_those_of_the_full_matrices() -> None:
    y, group, cluster = made_up(3)
    rates = group_rates(y, np.ones(y.size, bool), layout_of(group, cluster, 3))
    expected, (freedom,) = by_matrices(y, group, cluster, rates.working)
    assert rates.variance == pytest.approx(np.diag(expected))
    covariance = np.zeros((12, 3))
    covariance[rates.layout.pair_cluster, rates.layout.pair_group] = rates.score
    assert covariance.T @ covariance == pytest.approx(expected)
    s, q = rates.working, rates.leverage
    ours = (s[0] / rates.n[0] + s[1] / rates.n[1]) ** 2 / (
        s[0] ** 2 * q[0, 0] + s[1] ** 2 * q[1, 1] + 2 * s[0] * s[1] * q[0, 1]
    )
    assert ours == pytest.approx(freedom)


def test_without_clusters_it_is_wilsons_interval() -> None:
    y = np.repeat([1.0, 0.0], [7, 23])
    rates = group_rates(y, np.ones(30, bool), layout_of(np.zeros(30, int), np.arange(30), 1))
    low, high = rate_intervals(rates)
    assert (low[0], high[0]) == pytest.approx(wilson_interval(7 / 30, 30))


def test_a_rate_of_zero_has_a_width_that_counts_clusters_not_rows() -> None:
    cluster = np.repeat(np.arange(10), 20)
    rates = group_rates(np.zeros(200), np.ones(200, bool), layout_of(np.zeros(200, int), cluster, 1))
    low, high = rate_intervals(rates)
    expected = wilson(np.zeros(1), np.array([10.0]), np.array([1.96 * student.ppf(0.975, 9) / student.ppf(0.975, 199)]))
    assert low[0] == 0.0
    assert high[0] == pytest.approx(expected[1][0], abs=1e-4)
    assert high[0] > 0.25


def test_doubled_rows_in_the_same_clusters_change_nothing() -> None:
    """But for the degrees of freedom that independent rows would have, which scale the quantile."""
    y, group, cluster = made_up(5)
    once = group_rates(y, np.ones(y.size, bool), layout_of(group, cluster, 3))
    twice = group_rates(np.tile(y, 2), np.ones(2 * y.size, bool), layout_of(np.tile(group, 2), np.tile(cluster, 2), 3))
    for name in ("mean", "variance", "clusters"):
        assert getattr(twice, name) == pytest.approx(getattr(once, name))
    assert rate_intervals(twice)[0] == pytest.approx(rate_intervals(once)[0], abs=0.03)


def two_groups(n: tuple[int, int], ones: tuple[int, int]) -> GroupRates:
    values = np.concatenate([np.arange(size) < count for size, count in zip(n, ones, strict=True)]).astype(float)
    return group_rates(values, np.ones(sum(n), bool), layout_of(np.repeat([0, 1], n), np.arange(sum(n)), 2))


def test_one_pair_without_clusters_is_newcombes_interval() -> None:
    ((gap,),) = family_of_gaps([two_groups((4000, 3000), (400, 450))], np.random.default_rng(1))
    low, high = newcombe_interval(450 / 3000, 3000, 400 / 4000, 4000)
    assert (gap.low, gap.high) == pytest.approx((low, high), abs=6e-4)  # the critical value is drawn
    assert gap.p_value == pytest.approx(2.6e-10, rel=0.5)


def test_groups_that_never_differ_have_a_gap_of_zero_with_a_width() -> None:
    """Matched clusters with the same outcomes in both groups, and rates of 0 in both."""
    cluster, group = np.repeat(np.arange(40), 2), np.tile([0, 1], 40)
    for values in ((cluster % 2).astype(float), np.zeros(80)):
        ((gap,),) = family_of_gaps(
            [group_rates(values, np.ones(80, bool), layout_of(group, cluster, 2))], np.random.default_rng(0)
        )
        assert gap.value == 0.0
        assert gap.p_adjusted == 1.0
        assert gap.low < -0.03
        assert gap.high > 0.03


def test_verdict_and_interval_agree_and_the_spread_is_projected() -> None:
    for seed in range(40):
        y, group, cluster = made_up(seed, clusters=25)
        y = np.where((group == 2) & (np.random.default_rng(seed).random(y.size) < 0.4), 1.0, y)
        layer = group_rates(y, np.ones(y.size, bool), layout_of(group, cluster, 3))
        (gaps,) = family_of_gaps([layer], np.random.default_rng(seed))
        for gap in gaps:
            assert (gap.p_adjusted <= 0.05) == (gap.low > 0 or gap.high < 0)
            assert gap.p_value <= gap.p_adjusted + 0.02
        value, low, high = spread(gaps)
        assert 0 <= low <= value <= high
        assert (low > 0) == any(gap.p_adjusted <= 0.05 for gap in gaps)


def test_a_group_of_few_or_very_unequal_clusters_is_not_usable() -> None:
    few = group_rates(np.tile([0.0, 1.0], 20), np.ones(40, bool), layout_of(np.zeros(40, int), np.arange(40) % 4, 1))
    assert not few.usable[0]
    sizes = np.array([500, 1, 1, 1, 1, 1, 1])
    cluster = np.repeat(np.arange(7), sizes)
    y = np.random.default_rng(0).random(cluster.size).round()
    unequal = group_rates(y, np.ones(y.size, bool), layout_of(np.zeros(y.size, int), cluster, 1))
    assert unequal.clusters[0] == 7
    assert not unequal.usable[0]
    empty = group_rates(y, np.zeros(y.size, bool), layout_of(np.zeros(y.size, int), cluster, 1))
    assert np.isnan(empty.mean[0])
    assert not empty.usable[0]


def test_calibration_error_reaches_zero_where_the_score_is_right_and_not_where_it_is_wrong() -> None:
    reached, values, noise = [], [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        score = rng.beta(1, 3, 600)
        truth = (rng.random(600) < score).astype(float)
        right = expected_calibration_error(score, truth, np.arange(600))
        assert right is not None
        reached.append(right.low == 0.0)
        values.append(right.value)
        noise.append(right.by_noise)
        wrong = expected_calibration_error(np.clip(score + 0.3, 0, 1), truth, np.arange(600))
        assert wrong is not None
        assert 0.0 < wrong.low < 0.3 < wrong.high
    assert np.mean(reached) >= 0.88
    assert np.mean(values) == pytest.approx(np.mean(noise), rel=0.1)  # all of it is bias, and it is stated
    assert expected_calibration_error(score[:19], truth[:19], np.arange(19)) is None
