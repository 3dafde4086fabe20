from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from commonweal.statistics.families import adjust
from commonweal.statistics.permutation import studentize

Array = npt.NDArray[np.float64]


def single_step_min_p(observed: list[float], permuted: list[list[float]]) -> tuple[list[float], list[float]]:
    """Westfall and Young 1993, algorithm 2.5, by counting, every row of the permutation distribution with itself
    included.
    """
    rows = [observed, *permuted]
    total = len(rows)
    p = [[sum(other[h] >= row[h] for other in rows) / total for h in range(len(row))] for row in rows]
    smallest = [min(row) for row in p]
    return p[0], [sum(low <= one for low in smallest) / total for one in p[0]]


@st.composite
def families(draw: st.DrawFn) -> tuple[Array, Array]:
    """Gaps and errors with ties, with columns that are all zero, with a draw whose error is 0, and some without any
    of these.
    """
    hypotheses, draws, seed = (
        draw(st.integers(1, 6)),
        draw(st.sampled_from([19, 39, 99, 199, 333])),
        draw(st.integers(0, 2**32 - 1)),
    )
    rng = np.random.default_rng(seed)
    gap, error = rng.standard_normal((draws + 1, hypotheses)), rng.uniform(0.5, 1.5, (draws + 1, hypotheses))
    for column in range(hypotheses):
        kind = draw(st.sampled_from(["smooth", "coarse", "zero", "certain", "shifted"]))
        if kind == "coarse":
            gap[:, column], error[:, column] = np.round(gap[:, column] * 2) / 2, 1.0
        elif kind == "zero":
            gap[:, column] = error[:, column] = 0.0
        elif kind == "certain":
            error[rng.integers(draws + 1), column] = 0.0 if draws >= 199 else 1.0
        elif kind == "shifted":
            gap[0, column] += 3.0
    return gap, error


@given(families())
@settings(max_examples=60, deadline=None)
def test_p_values_are_those_of_westfall_and_young_counted_one_by_one(family: tuple[Array, Array]) -> None:
    t = studentize(*family)[:100]
    found = adjust(t[0], t[1:])
    p, adjusted = single_step_min_p(t[0].tolist(), t[1:].tolist())
    assert found.p_value == pytest.approx(p)
    assert found.p_adjusted == pytest.approx(adjusted)


@given(families())
@settings(max_examples=300, deadline=None)
def test_p_adjusted_is_at_most_5_percent_exactly_where_the_simultaneous_interval_excludes_0(
    family: tuple[Array, Array],
) -> None:
    gap, error = family
    t = studentize(gap, error)
    found = adjust(t[0], t[1:])
    low, high = gap[0] - found.critical * error[0], gap[0] + found.critical * error[0]
    assert np.array_equal(found.p_adjusted <= 0.05, (low > 0) | (high < 0))


@given(families())
@settings(max_examples=200, deadline=None)
def test_a_critical_value_is_of_the_size_of_the_ordinary_draws_even_where_some_are_infinite(
    family: tuple[Array, Array],
) -> None:
    t = studentize(*family)
    critical = adjust(t[0], t[1:]).critical
    ordinary = np.where(t < 1e6, t, 0.0).max(axis=0)
    assert (critical <= 10 * np.maximum(ordinary, 1.0)).all()


@given(families(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_draws_and_of_hypotheses_changes_nothing(family: tuple[Array, Array], random: object) -> None:
    t = studentize(*family)
    rng = np.random.default_rng(7)
    columns, rows = rng.permutation(t.shape[1]), rng.permutation(np.arange(1, t.shape[0]))
    whole, turned = adjust(t[0], t[1:]), adjust(t[0][columns], t[rows][:, columns])
    for name in ("p_value", "p_adjusted", "critical"):
        assert np.array_equal(getattr(whole, name)[columns], getattr(turned, name))


def test_the_family_alarms_in_5_percent_of_nulls_and_a_heavy_tail_does_not_raise_the_bar_for_the_others() -> None:
    rng = np.random.default_rng(11)
    alarms, criticals = 0, []
    for _ in range(600):
        t = np.abs(np.column_stack([rng.standard_normal((400, 4)), rng.standard_t(2, 400)]))
        family = adjust(t[0], t[1:])
        alarms += bool((family.p_adjusted <= 0.05).any())
        criticals.append(family.critical)
    assert 0.03 <= alarms / 600 <= 0.07
    bonferroni = norm.ppf(1 - 0.05 / 5 / 2)
    assert np.median(np.array(criticals)[:, :4]) == pytest.approx(bonferroni, abs=0.15)
    assert np.median(np.array(criticals)[:, 4]) > 6.0


def test_the_smallest_p_value_counts_the_observed_draw_itself() -> None:
    family = adjust(np.array([9.0]), np.zeros((999, 1)))
    assert family.p_value[0] == family.p_adjusted[0] == pytest.approx(1 / 1000)


@pytest.mark.parametrize("size", list(itertools.product([1, 3], [19, 20, 21])))
def test_a_family_in_which_nothing_ever_varies_finds_nothing(size: tuple[int, int]) -> None:
    hypotheses, draws = size
    family = adjust(np.zeros(hypotheses), np.zeros((draws, hypotheses)))
    assert (family.p_adjusted == 1.0).all()
    assert np.isfinite(family.critical).all()
