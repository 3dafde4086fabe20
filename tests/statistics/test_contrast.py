from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from commonweal.statistics.contrast import mean_of, standard_error
from commonweal.statistics.inference import family


def test_the_error_is_that_of_one_clustering_where_the_other_adds_nothing() -> None:
    values = np.random.default_rng(3).integers(0, 2, 60)
    writer, alone = (
        np.repeat([f"a{number}" for number in range(12)], 5),
        np.array([str(number) for number in range(60)]),
    )
    one = mean_of(values, writer, alone)
    assert standard_error(one)[0] == pytest.approx(
        max(standard_error(mean_of(values, writer))[0], standard_error(mean_of(values, alone))[0])
    )
    same = mean_of(values, writer, writer)
    assert standard_error(same)[0] == pytest.approx(standard_error(mean_of(values, writer))[0])


def test_the_variance_is_the_sum_of_both_less_what_both_count() -> None:
    rng = np.random.default_rng(4)
    first, second = np.repeat(np.arange(8), 9).astype(str), np.tile(np.repeat(np.arange(9), 1), 8).astype(str)
    effects = rng.normal(size=8).repeat(9) + np.tile(rng.normal(size=9), 8) + 0.1 * rng.normal(size=72)
    one = mean_of(effects, first, second)
    parts = [standard_error(mean_of(effects, by))[0] ** 2 for by in (first, second, np.char.add(first, second))]
    assert standard_error(one)[0] ** 2 == pytest.approx(parts[0] + parts[1] - parts[2])
    assert standard_error(replace(one, fewest=9))[0] == float("inf")
    assert standard_error(replace(one, floor=100.0))[0] == pytest.approx((sum(parts[:2]) - parts[2] + 100.0) ** 0.5)


def test_verdict_and_interval_agree_and_a_shift_of_the_null_shifts_both() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.integers(0, 15, 200).astype(str), rng.integers(0, 20, 200).astype(str)
    tests = [mean_of(rng.normal(size=200) + shift, first, second) for shift in (0.0, 0.6)]
    found = family(tests, np.random.default_rng(6))
    moved = family([mean_of(one.y + 3.0, first, second) for one in tests], np.random.default_rng(6), null=3.0)
    for one, other in zip(found, moved, strict=True):
        assert (one.p_adjusted <= 0.05) == (one.low > 0.0 or one.high < 0.0)
        assert (other.low, other.high, other.p_value) == pytest.approx((one.low + 3.0, one.high + 3.0, one.p_value))
    assert found[1].p_adjusted <= 0.05 < found[0].p_adjusted
