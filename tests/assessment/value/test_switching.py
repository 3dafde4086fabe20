"""Switching values: by hand, against a search, and against the general way by two evaluations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from commonweal.assessment.value.switching import flipping_point, slope, switching_values
from commonweal.assessment.value.value_terms import SIGNS, Input, TermItem, Terms
from commonweal.errors import FootprintError
from commonweal.footprint.sampling import Array

N = 501


def value_of(terms: Terms, given: Input | None = None, at: float = 0.0) -> Array:
    """V with one input set to `at`, the plain way."""
    total = np.zeros(N)
    for name, items in terms.declared():
        for item in items:
            part = np.sum([np.broadcast_to(amount, N) for amount in item.amounts], axis=0) * SIGNS[name]
            for one in item.inputs:
                part = part * (at if one is given else one.draws)
            total += part
    return total


def a_deployment(seed: int = 0) -> Terms:
    rng = np.random.default_rng(seed)
    volume, price = Input("volume", rng.uniform(1e3, 2e3, N)), Input("price of carbon", rng.lognormal(5, 0.3, N))
    worth, carbon = Input("worth", rng.uniform(0.1, 1.0, N)), Input("carbon per task", rng.uniform(1e-3, 5e-3, N))
    return Terms(
        (TermItem((1.0, 0.2), (volume, worth)),),
        (TermItem((0.5, 0.5), (volume, carbon, price)),),
        (TermItem((30.0, 0.0)),),
        (TermItem((rng.uniform(0, 50, N), 1.0)), TermItem((0.0, 0.05), (price,))),
    )


def test_by_hand() -> None:
    """V = 1000 x worth - 3 x price; at a price of 100 the worth flips V at 0.3, at a worth of 0.5 the price at
    166.67.
    """
    worth, price = Input("worth", np.full(3, 0.5), 0.4, 0.6), Input("price", np.full(3, 100.0), 50.0, 200.0)
    terms = Terms((TermItem((1000.0, 0.0), (worth,)),), (TermItem((0.0, 3.0), (price,)),), (), ())
    first, second = switching_values(terms, np.full(3, 200.0))
    assert (first.name, first.at, first.within_range) == ("price", pytest.approx(500 / 3), True)
    assert (first.relative, first.reach) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (second.name, second.at, second.within_range) == ("worth", pytest.approx(0.3), False)
    assert (second.relative, second.reach) == (pytest.approx(-0.4), pytest.approx(2.0))


def test_at_the_switching_value_the_median_is_zero() -> None:
    terms = a_deployment()
    found = switching_values(terms, value_of(terms))
    assert sum(one.at is not None for one in found) >= 3
    for one in found:
        changed = next(given for given in terms.inputs if given.name == one.name)
        if one.at is not None:
            assert np.median(value_of(terms, changed, one.at)) == pytest.approx(0.0, abs=1e-6)


def test_it_agrees_with_a_search() -> None:
    terms = a_deployment(1)
    for switch in switching_values(terms, value_of(terms)):
        changed = next(given for given in terms.inputs if given.name == switch.name)

        def median_at(x: float, changed: Input = changed) -> float:
            return float(np.median(value_of(terms, changed, x)))

        if switch.at is None:
            continue
        reach = 10 * abs(switch.at) + 1
        if np.sign(median_at(switch.at - reach)) != np.sign(median_at(switch.at + reach)):
            assert brentq(median_at, switch.at - reach, switch.at + reach) == pytest.approx(switch.at, rel=1e-4)


def test_an_input_that_moves_nothing_and_one_that_never_flips() -> None:
    idle, small = Input("idle", np.linspace(1, 2, N)), Input("small", np.linspace(1, 2, N))
    terms = Terms(
        (TermItem((np.linspace(100, 200, N), 0.0)), TermItem((0.0, 0.0), (idle,))),
        (TermItem((1.0, 1.0), (small,)),),
        (),
        (),
    )
    found = {one.name: one for one in switching_values(terms, value_of(terms))}
    assert (found["idle"].at, found["idle"].within_range, found["idle"].reach) == (None, False, None)
    assert found["small"].at is not None
    assert not found["small"].within_range
    assert [one.name for one in switching_values(terms, value_of(terms))] == ["small", "idle"]


def test_an_exact_input_has_no_range_to_move_in_and_comes_last() -> None:
    exact, wide = Input("exact", np.full(N, 2.0)), Input("wide", np.linspace(1, 3, N))
    terms = Terms((TermItem((10.0, 0.0), (exact,)),), (TermItem((0.0, 4.0), (wide,)),), (), ())
    last = switching_values(terms, value_of(terms))[-1]
    assert (last.name, last.at, last.within_range, last.reach) == ("exact", pytest.approx(0.8), False, None)
    assert last.relative == pytest.approx(-0.6)


def test_draws_that_the_input_does_not_touch_stay_on_their_side() -> None:
    """Two of three draws are above 0 whatever x is: no x makes the median negative."""
    assert flipping_point(np.array([5.0, 5.0, 5.0]), np.array([0.0, 0.0, 1.0]), np.ones(3)) is None
    assert flipping_point(np.array([5.0, -5.0, 5.0]), np.array([0.0, 0.0, 1.0]), np.ones(3)) == -4.0
    assert flipping_point(np.array([5.0, -5.0, 5.0]), np.array([0.0, 0.0, -1.0]), np.ones(3)) == 6.0
    assert flipping_point(np.array([5.0, 5.0, 5.0]), np.full(3, 5e-324), np.ones(3)) is None
    assert flipping_point(np.array([0.0, 5.0, 5.0]), np.array([0.0, 0.0, -1.0]), np.ones(3)) is None


def test_of_several_crossings_the_nearest_is_taken() -> None:
    """V_i = 1 - x, 1 + x and -1: the median is below 0 outside of [-1, 1], where two of three are."""
    value, rise, at = np.array([1.0, 1.0, -1.0]), np.array([-1.0, 1.0, 0.0]), np.zeros(3)
    for near in (0.9, -0.9):
        assert flipping_point(value + rise * (near - at), rise, np.full(at.size, near)) == pytest.approx(round(near))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from(["up", "down", "both"]))
def test_the_share_below_zero_crosses_one_half_there(seed: int, n: int, way: str) -> None:
    rng = np.random.default_rng(seed)
    value, draws, rise = rng.normal(size=n), rng.normal(size=n), rng.normal(size=n)
    rise = {"up": np.abs(rise), "down": -np.abs(rise), "both": rise}[way]
    at = flipping_point(value, rise, draws)
    assume(at is not None)
    assert at is not None
    step = 1e-9 * (1 + abs(at))
    sides = [float(np.mean(value + rise * (x - draws) < 0)) for x in (at - step, at + step)]
    assert min(sides) <= 0.5 <= max(sides)


def test_a_power_of_an_input_is_refused() -> None:
    one = Input("price", np.ones(4))
    with pytest.raises(FootprintError, match="enters carbon as a power"):
        slope(Terms((), (TermItem((1.0,), (one, one)),), (), ()), one)


def test_long_vectors_are_crossed_where_short_ones_are() -> None:
    """The crossing is found slab by slab; here by sorting everything."""
    rng = np.random.default_rng(12)
    n = 60_000
    value, draws, rise = rng.normal(1, 1, n), rng.normal(2, 0.1, n), rng.normal(0.5, 1, n)
    at = flipping_point(value, rise, draws)
    roots = draws - value / rise
    order = np.argsort(roots)
    below = np.count_nonzero(rise > 0) + np.cumsum(np.where(rise[order] > 0, -1, 1))
    crossed = roots[order][np.diff(np.sign(below - n / 2), prepend=np.sign(np.count_nonzero(rise > 0) - n / 2)) != 0]
    assert at == crossed[np.argmin(np.abs(crossed - np.median(draws)))]
