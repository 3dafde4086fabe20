from __future__ import annotations

import numpy as np
import pytest

from commonweal.statistics.clustered import standard_error
from commonweal.statistics.two_way import crossed_family, crossed_mean, two_way_error


def test_the_error_is_that_of_one_clustering_where_the_other_adds_nothing() -> None:
    values = np.random.default_rng(3).integers(0, 2, 60)
    writer, alone = np.repeat([f"a{number}" for number in range(12)], 5), np.array([str(number) for number in range(60)])
    one = crossed_mean(values, writer, alone)
    assert two_way_error(one)[0] == pytest.approx(max(standard_error(one.sides[0])[0], standard_error(one.both)[0]))
    same = crossed_mean(values, writer, writer)
    assert two_way_error(same)[0] == pytest.approx(standard_error(same.sides[0])[0])


def test_the_variance_is_the_sum_of_both_less_what_both_count() -> None:
    rng = np.random.default_rng(4)
    first, second = np.repeat(np.arange(8), 9).astype(str), np.tile(np.repeat(np.arange(9), 1), 8).astype(str)
    effects = rng.normal(size=8).repeat(9) + np.tile(rng.normal(size=9), 8) + 0.1 * rng.normal(size=72)
    one = crossed_mean(effects, first, second)
    parts = [standard_error(part)[0] ** 2 for part in (*one.sides, one.both)]
    assert two_way_error(one)[0] ** 2 == pytest.approx(parts[0] + parts[1] - parts[2])
    assert two_way_error(one, fewest=9)[0] == float("inf")
    assert two_way_error(one, least=10.0)[0] == 10.0


def test_verdict_and_interval_agree_and_a_shift_of_the_null_shifts_both() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.integers(0, 15, 200).astype(str), rng.integers(0, 20, 200).astype(str)
    tests = [crossed_mean(rng.normal(size=200) + shift, first, second) for shift in (0.0, 0.6)]
    found = crossed_family(tests, np.random.default_rng(6))
    moved = crossed_family([crossed_mean(one.value + one.influence + 3.0, first, second) for one in tests],
                           np.random.default_rng(6), null=3.0)  # fmt: skip
    for one, other in zip(found, moved, strict=True):
        assert (one.p_adjusted <= 0.05) == (one.low > 0.0 or one.high < 0.0)
        assert (other.low, other.high, other.p_value) == pytest.approx((one.low + 3.0, one.high + 3.0, one.p_value))
    assert found[1].p_adjusted <= 0.05 < found[0].p_adjusted
