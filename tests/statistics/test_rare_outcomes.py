from __future__ import annotations

import numpy as np
import pytest

from commonweal.statistics import simultaneous
from commonweal.statistics.contrast import mean_of
from commonweal.statistics.group_gaps import Gap, family_of_gaps, satterthwaite
from commonweal.statistics.group_rates import GroupRates, group_rates, layout_of, quantile, rate_intervals
from commonweal.statistics.rare_outcomes import FEWEST_CARRYING, carriers, rarer
from commonweal.statistics.shares import carrying

Rng = np.random.Generator


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simultaneous, "DRAWS", 999)


def of_one_group(ones: list[float], rows: float = 10.0) -> tuple[float, float]:
    held = np.array(ones)
    found = carriers(
        held, np.full(held.size, rows), np.array([held.sum() / held.size / rows]), np.zeros(held.size, dtype=np.int64)
    )
    return float(found.clusters[0]), float(found.rows[0])


def test_by_hand_a_cluster_of_many_counts_for_more_than_the_others() -> None:
    """(3 + 2 + 1)^2 / (9 + 4 + 1)."""
    assert of_one_group([0, 0, 0, 0, 0, 0, 3, 2, 1]) == pytest.approx((36 / 14, 30.0))
    assert of_one_group([2, 2, 2, 2, 2, 0, 0, 0]) == (5.0, 50.0)


def test_what_is_rare_may_be_the_ones_or_the_zeros() -> None:
    ones = [0.0, 3, 2, 1, 0, 0, 0]
    assert of_one_group(ones) == of_one_group([10 - one for one in ones])
    assert rarer(np.array([9.0]), np.array([10.0]), 0.9).tolist() == [1.0]


def test_there_are_at_least_two_and_nothing_rare_sets_no_limit() -> None:
    assert of_one_group([0, 0, 0, 7])[0] == FEWEST_CARRYING
    assert of_one_group([0, 0, 0, 0]) == (np.inf, np.inf)
    assert of_one_group([10, 10, 10, 10]) == (np.inf, np.inf)


def test_clusters_that_hold_equally_much_count_as_a_single_share_counts_them() -> None:
    values, cluster = np.tile([1.0, 0, 0, 0, 0], 12), np.repeat(np.arange(12), 5)
    values[25:] = 0.0
    rates = group_rates(values, np.ones(60, bool), layout_of(np.zeros(60, int), cluster, 1))
    assert rates.carriers.clusters.tolist() == [carrying(mean_of(values, cluster))] == [5]
    assert rates.carried.tolist() == [5.0]
    assert rates.freedom.tolist() == pytest.approx([11.0])
    assert rates.of_rows.tolist() == [25.0]


def test_few_carriers_make_a_rate_wider_and_take_no_group_out() -> None:
    """24 clusters of 10: 6 ones in six clusters, or all in one."""
    cluster = np.repeat(np.arange(24), 10)
    spread_out, lumped = np.zeros(240), np.zeros(240)
    spread_out[:60:10], lumped[:6] = 1.0, 1.0
    widths = []
    for values in (spread_out, lumped):
        rates = group_rates(values, np.ones(240, bool), layout_of(np.zeros(240, int), cluster, 1))
        assert rates.usable[0]
        low, high = rate_intervals(rates)
        widths.append(float(high[0] - low[0]))
    assert widths[1] > 3 * widths[0]


def test_without_clusters_or_for_means_the_rarer_outcome_changes_nothing() -> None:
    values = (np.arange(300) < 4).astype(float)
    rows = group_rates(values, np.ones(300, bool), layout_of(np.zeros(300, int), np.arange(300), 1))
    assert quantile(1.96, rows.carried, rows.of_rows).tolist() == pytest.approx([1.96])
    means = group_rates(
        values / 3, np.ones(300, bool), layout_of(np.zeros(300, int), np.arange(300) % 20, 1), share=False
    )
    assert means.carried.tolist() == means.freedom.tolist()
    assert np.isinf(means.of_rows).all()


def test_degrees_of_freedom_of_a_difference_are_those_of_welch() -> None:
    one, other = np.array([0.3]), np.array([0.1])
    found = satterthwaite((one, other), (np.array([6.0]), np.array([20.0])))
    assert found.tolist() == pytest.approx([0.4**2 / (0.09 / 6 + 0.01 / 20)])
    assert satterthwaite((one, other), (np.array([np.inf]), np.array([20.0]))).tolist() == pytest.approx(
        [0.16 / 0.0005]
    )


def drawn(rng: Rng, rates: tuple[float, ...], clusters: int, alike: float, unequal: bool) -> GroupRates:
    """Rates of groups, each of its own clusters of about 25 rows, whose chances are beta with this intraclass
    correlation.
    """
    values, sizes = [], []
    for rate in rates:
        size = (
            np.maximum(1, np.round(25 * rng.lognormal(-0.32, 0.8, clusters))).astype(int)
            if unequal
            else np.full(clusters, 25)
        )
        chance = rng.beta(rate * (1 / alike - 1), (1 - rate) * (1 / alike - 1), clusters)
        values.append((rng.random(size.sum()) < np.repeat(chance, size)).astype(np.float64))
        sizes.append(size)
    group = np.repeat(np.arange(len(rates)), [part.size for part in values])
    cluster = np.repeat(np.arange(clusters * len(rates)), np.concatenate(sizes))
    return group_rates(
        np.concatenate(values), np.ones(group.size, dtype=np.bool_), layout_of(group, cluster, len(rates))
    )


def over(seeds: int, rates: tuple[float, ...], clusters: int, alike: float, unequal: bool) -> tuple[float, float]:
    """Share of draws in which any gap is found, and in which all intervals hold the truth; verdicts agree with
    intervals.
    """
    found, held = 0, 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        (gaps,) = family_of_gaps([drawn(rng, rates, clusters, alike, unequal)], rng)
        assert all((gap.p_adjusted <= 0.05) == (gap.low > 0 or gap.high < 0) for gap in gaps)
        found += any(gap.p_adjusted <= 0.05 for gap in gaps)
        held += all(holds(gap, rates[gap.group] - rates[gap.reference]) for gap in gaps)
    return found / seeds, held / seeds


def holds(gap: Gap, truth: float) -> bool:
    return gap.low <= truth <= gap.high


def test_rare_outcomes_in_clusters_of_one_group_each_do_not_alarm(few_draws: None) -> None:
    """By the degrees of freedom of the design alone it is 17 %."""
    found, held = over(300, (0.02,) * 4, 40, 0.2, unequal=False)
    assert found <= 0.07
    assert held >= 0.93


RARE = [
    ((0.01,) * 3, 20, 0.1, False),
    ((0.02,) * 2, 40, 0.3, True),
    ((0.05,) * 2, 10, 0.1, False),
    ((0.05,) * 3, 20, 0.2, True),
    ((0.05,) * 4, 60, 0.3, False),
    ((0.95,) * 3, 20, 0.2, False),
    ((0.1,) * 3, 10, 0.2, False),
    ((0.1,) * 4, 30, 0.1, True),
]
COMMON = [((0.3,) * 3, 20, 0.1, False), ((0.5,) * 3, 20, 0.2, True), ((0.5,) * 2, 10, 0.1, False)]


@pytest.mark.slow
@pytest.mark.parametrize(("rates", "clusters", "alike", "unequal"), RARE)
def test_rare_outcomes_err_on_the_safe_side(
    rates: tuple[float, ...], clusters: int, alike: float, unequal: bool, few_draws: None
) -> None:
    """By the degrees of freedom of the design alone it is 5 to 17 %."""
    found, held = over(2000, rates, clusters, alike, unequal)
    print(f"{rates} {clusters} clusters: alarms {found:.3f}, held {held:.3f}")
    assert found <= 0.07
    assert held >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize(("rates", "clusters", "alike", "unequal"), COMMON)
def test_common_outcomes_keep_3_to_7_percent(
    rates: tuple[float, ...], clusters: int, alike: float, unequal: bool, few_draws: None
) -> None:
    found, held = over(2000, rates, clusters, alike, unequal)
    print(f"{rates} {clusters} clusters: alarms {found:.3f}, held {held:.3f}")
    assert 0.03 <= found <= 0.07
    assert held >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize(("rates", "clusters", "alike"), [((0.5, 0.5, 0.68), 20, 0.1), ((0.3, 0.42), 30, 0.05)])
def test_a_gap_between_common_rates_is_still_found(
    rates: tuple[float, ...], clusters: int, alike: float, few_draws: None
) -> None:
    """By the degrees of freedom of the design alone it is 0.88 in both."""
    found, held = over(600, rates, clusters, alike, unequal=False)
    assert found >= 0.85
    assert held >= 0.93
