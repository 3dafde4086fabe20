from __future__ import annotations

import pytest

from commonweal.errors import FootprintError
from commonweal.footprint.carbon_price import PRICES, carbon_price, plausible
from commonweal.footprint.energy import KG_PER_LB, KG_PER_T
from commonweal.footprint.money import CPI_U, deflator


def test_bert_and_gpt3_in_dollars() -> None:
    """Recomputed from Strubell et al. 2019 and Patterson et al. 2021; $105 is IWG 2016, $190 is EPA 2023."""
    high, central = carbon_price("IWG2016", 2015, "3% 95th percentile"), carbon_price("EPA2023", 2020, "2%")
    bert_t = 1438 * KG_PER_LB / KG_PER_T
    assert [bert_t * high, bert_t * central] == [pytest.approx(68.5, rel=0.005), pytest.approx(123.9, rel=0.005)]
    assert [552.1 * high, 552.1 * central] == [pytest.approx(58_000, rel=0.005), pytest.approx(104_900, rel=0.005)]
    assert [pytest.approx(207, rel=0.005), pytest.approx(177_000, rel=0.005)] == [1507 * 0.1376, 1_287_000 * 0.1376]


def test_rates_are_in_order_and_the_central_one_lies_between() -> None:
    for source, price in PRICES.items():
        assert price.central in price.rates
        for year, values in price.by_year.items():
            assert len(values) == len(price.rates)
            assert list(values) == sorted(values)
            low, central, high = plausible(source, year)
            assert low < central < high


def test_one_price_year_becomes_another_and_back() -> None:
    there, back = deflator("USD2007", "USD2020"), deflator("USD2020", "USD2007")
    assert there == pytest.approx(CPI_U[2020] / CPI_U[2007])
    assert there * back == pytest.approx(1.0)
    assert deflator("EUR2020/t", "EUR2020/t") == 1.0


@pytest.mark.parametrize(
    ("unit", "target", "told"),
    [
        ("USD", "USD2020", "expected a currency with its price year"),
        ("EUR2019", "EUR2020", "only US dollars are converted"),
        ("EUR2020", "USD2020", "currencies and what they are per must be the same"),
        ("USD2020/t", "USD2020", "must be the same"),
        ("USD1990", "USD2020", "no year 1990; it has 2005 to 2024"),
    ],
)
def test_money_that_cannot_be_added(unit: str, target: str, told: str) -> None:
    with pytest.raises(FootprintError, match=told):
        deflator(unit, target)


def test_unknown_prices_offer_what_there_is() -> None:
    with pytest.raises(FootprintError, match="no carbon price 'IWG'; there are: EPA2023, IWG2016"):
        plausible("IWG", 2020)
    with pytest.raises(FootprintError, match="no year of emission 2021; it has: 2020, 2025, 2030"):
        plausible("EPA2023", 2021)
    with pytest.raises(FootprintError, match="no discount rate '7%'"):
        carbon_price("EPA2023", 2020, "7%")
