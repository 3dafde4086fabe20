"""Draws follow the declared range: their quantile functions against scipy, and money only with a deflator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from commonweal.assessment.value.sampling import drawn
from commonweal.assessment.value.spread import LEVELS
from commonweal.errors import FootprintError
from commonweal.footprint.money import CPI_U
from commonweal.footprint.sampling import Z, conversion, draws, quantile
from commonweal.system.uncertain import Uncertain

LAST_FLOAT_BELOW_ONE = float(np.nextafter(1.0, 0.0))


def uncertain(unit: str = "1", **numbers: Any) -> Uncertain:
    return Uncertain(unit=unit, grade="assumed", source="made up for this test", **numbers)


CASES = [
    (uncertain(low=2, high=6), stats.uniform(2, 4)),
    (uncertain(low=2, central=3, high=6), stats.triang(0.25, 2, 4)),
    (uncertain(low=2, central=2, high=6), stats.triang(0.0, 2, 4)),
    (uncertain(low=2, central=6, high=6), stats.triang(1.0, 2, 4)),
    (uncertain(low=1, central=10, high=100, shape="lognormal"), stats.lognorm(np.log(10) / Z, scale=10)),
]


@pytest.mark.parametrize(("number", "exact"), CASES)
def test_quantiles_are_those_of_scipy(number: Uncertain, exact: Any) -> None:
    shares = np.linspace(0.001, 0.999, 101)
    assert quantile(number, shares) == pytest.approx(exact.ppf(shares), rel=1e-9)


def test_a_lopsided_lognormal_keeps_all_three_declared_numbers() -> None:
    """EPA 2023, global social cost of carbon of 2020 at 2.5, 2 and 1.5 %: 120, 190 and 340 USD2020 per tonne."""
    number = uncertain("USD2020/t", low=120, central=190, high=340, shape="lognormal")
    assert quantile(number, np.array(LEVELS)) == pytest.approx([120, 190, 340])
    assert np.isfinite(quantile(number, np.array([0.0, LAST_FLOAT_BELOW_ONE, 1.0]))).all()


def test_the_same_seed_gives_the_same_draws_and_blocks_change_nothing() -> None:
    number = uncertain(low=1, central=2, high=9, shape="lognormal")
    one, other = (draws(number, 40_000, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one, other)
    assert np.array_equal(one, quantile(number, np.random.default_rng(5).random(40_000)))


def test_an_exact_number_and_a_range_without_width_do_not_vary() -> None:
    for number in (uncertain(value=3), uncertain(low=3, high=3), uncertain(low=3, central=3, high=3)):
        assert (draws(number, 10, np.random.default_rng(0)) == 3.0).all()


def test_money_is_brought_to_one_price_year_and_its_range_with_it() -> None:
    given = drawn("price", uncertain("USD2007/t", value=105), 4, np.random.default_rng(0), "USD2020/t")
    assert given.draws == pytest.approx(105 * CPI_U[2020] / CPI_U[2007])
    assert given.ends == pytest.approx((given.draws[0], given.draws[0]))
    assert drawn("price", uncertain("USD2007/t", value=105), 1, np.random.default_rng(0)).draws[0] == 105


@pytest.mark.parametrize(
    ("unit", "target", "told"),
    [
        ("kWh", "USD2020", "in kWh; expected one in USD2020"),
        ("EUR2020", "USD2020", "cannot become"),
        ("USD2020/t", "USD2020", "cannot"),
    ],
)
def test_units_that_do_not_fit_are_refused(unit: str, target: str, told: str) -> None:
    with pytest.raises(FootprintError, match=told):
        conversion(unit, target)


def test_no_draws_are_refused() -> None:
    with pytest.raises(FootprintError, match="got 0; expected at least 1"):
        draws(uncertain(value=1), 0, np.random.default_rng(0))
