from __future__ import annotations

import numpy as np
import pytest

from commonweal.statistics.contrast import mean_of
from commonweal.statistics.gain_share import gain_share
from commonweal.statistics.inference import alone


def made_up(
    seed: int, clusters: int = 40, each: int = 5, levels: tuple[float, float, float] = (0.85, 0.8, 0.6)
) -> list[np.ndarray]:
    """Right or not of the system, the simpler one and the constant answer, with hard and easy clusters; last, the
    clusters.
    """
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 0.1, clusters).repeat(each)
    found = [(rng.random(clusters * each) < np.clip(level + hard, 0, 1)).astype(float) for level in levels]
    return [*found, np.arange(clusters).repeat(each)]


def test_by_hand() -> None:
    """The system is right on 3 of 4 texts, the simpler one on 2, the constant answer on 1: half of the gain."""
    better = np.tile([0.0, 1, 1, 0], 20)
    difference = np.tile([0.0, 0, 1, 0], 20)
    found = gain_share(better, difference, np.arange(80))
    assert found is not None
    assert found.value == pytest.approx(0.5)
    assert 0 < found.low < 0.5 < found.high < 1


def test_the_ends_are_where_a_t_test_of_the_ratio_just_rejects() -> None:
    """An independent way to the same interval: R is inside where mean(b - m - R (a - m)) does not differ from 0."""
    a, b, m, cluster = made_up(1)
    found = gain_share(a - m, a - b, cluster)
    assert found is not None
    for end in (found.low, found.high):
        assert alone(mean_of((b - m) - end * (a - m), cluster), null=0.0).p_value == pytest.approx(0.05, abs=1e-6)
    middle = alone(mean_of((b - m) - found.value * (a - m), cluster), null=0.0)
    assert middle.value == pytest.approx(0.0, abs=1e-12)


def test_a_system_that_is_not_shown_to_gain_anything_has_no_gain_to_share() -> None:
    a, b, m, cluster = made_up(2, levels=(0.6, 0.9, 0.6))
    assert gain_share(a - m, a - b, cluster) is None
    assert gain_share(m - 1.0, a - b, cluster) is None
    assert gain_share(np.ones(5), np.zeros(5), np.zeros(5)) is None, "one cluster"


def test_answers_that_never_differ_are_not_certain_to_be_alike() -> None:
    better = np.tile([1.0, 0], 50)
    exact = gain_share(better, np.zeros(100), np.arange(100))
    floored = gain_share(better, np.zeros(100), np.arange(100), floor=3 / 100**2)
    assert exact is not None
    assert floored is not None
    assert (exact.low, exact.value, exact.high) == (1.0, 1.0, 1.0)
    assert floored.low < 1.0 < floored.high


def test_shuffled_and_doubled_items_change_nothing() -> None:
    a, b, m, cluster = made_up(3)
    one = gain_share(a - m, a - b, cluster)
    order = np.random.default_rng(0).permutation(a.size)
    other = gain_share((a - m)[order], (a - b)[order], cluster[order])
    twice = gain_share(np.tile(a - m, 2), np.tile(a - b, 2), np.tile(cluster, 2))
    assert one is not None
    for same in (other, twice):
        assert same is not None
        assert (same.value, same.low, same.high) == pytest.approx((one.value, one.low, one.high))


def coverage(seeds: int) -> float:
    truth = (0.8 - 0.6) / (0.85 - 0.6)
    found = []
    for seed in range(seeds):
        a, b, m, cluster = made_up(seed)
        share = gain_share(a - m, a - b, cluster)
        found.append(share is not None and share.low <= truth <= share.high)
    return float(np.mean(found))


def test_the_interval_holds_the_truth() -> None:
    assert coverage(100) >= 0.88


@pytest.mark.slow
def test_coverage_over_a_thousand_seeds() -> None:
    share = coverage(1000)
    print(f"the interval holds the truth: {share:.3f}")
    assert 0.93 <= share <= 0.97
