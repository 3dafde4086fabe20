"""What a tonne of CO2 costs the world, by who says so, the year of its emission, the discount rate, and in dollars of
which year.

The global cost is the one to charge; a country's own share of the damage only shows who bears it, and is not here. The
number depends on the discount rate more than on anything that is measured, so it is an input with a range, never one
number: `plausible` gives the published rates of one source as low, central and high.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from commonweal.errors import FootprintError


@dataclass(frozen=True, slots=True)
class CarbonPrice:
    """A published social cost of carbon [`unit`]: `rates` from cautious (high discount) to far-sighted (low
    discount).
    """

    source: str
    unit: str
    rates: tuple[str, ...]
    central: str
    by_year: Mapping[int, tuple[float, ...]]

    def said(self, name: str) -> str:
        """The rates with their prices, of SOURCE/YEAR.

        >>> PRICES["EPA2023"].said("EPA2023/2020")
        '2.5% (120), 2% (190), 1.5% (340)'
        """
        prices = self.by_year[int(name.partition("/")[2])]
        return ", ".join(f"{rate} ({price:g})" for rate, price in zip(self.rates, prices, strict=True))


EPA2023 = "EPA2023"
IWG2016 = "IWG2016"
PRICES: Mapping[str, CarbonPrice] = {
    EPA2023: CarbonPrice(
        "US EPA, Report on the Social Cost of Greenhouse Gases, December 2023",
        "USD2020/t",
        ("2.5%", "2%", "1.5%"),
        "2%",
        {2020: (120.0, 190.0, 340.0), 2025: (130.0, 210.0, 360.0), 2030: (140.0, 230.0, 380.0)},
    ),
    IWG2016: CarbonPrice(
        "US Interagency Working Group on Social Cost of Greenhouse Gases, Technical Support Document, August 2016",
        "USD2007/t",
        ("5%", "3%", "2.5%", "3% 95th percentile"),
        "3%",
        {2015: (11.0, 36.0, 56.0, 105.0), 2020: (12.0, 42.0, 62.0, 123.0)},
    ),
}


def carbon_price(source: str, year: int, rate: str) -> float:
    """Cost of one tonne emitted in `year` at a discount `rate`, in the dollars that PRICES[source].unit names.

    >>> carbon_price("EPA2023", 2020, "2%"), carbon_price("IWG2016", 2015, "3% 95th percentile")
    (190.0, 105.0)
    """
    prices = _of_year(source, year)
    if rate not in PRICES[source].rates:
        raise FootprintError(
            f"carbon price {source}: no discount rate '{rate}'; it has: {', '.join(PRICES[source].rates)}"
        )
    return prices[PRICES[source].rates.index(rate)]


def plausible(source: str, year: int) -> tuple[float, float, float]:
    """Lowest, central and highest published cost of one tonne emitted in `year`.

    >>> plausible("EPA2023", 2025)
    (130.0, 210.0, 360.0)
    """
    prices = _of_year(source, year)
    return min(prices), prices[PRICES[source].rates.index(PRICES[source].central)], max(prices)


def published(name: str) -> tuple[CarbonPrice, tuple[float, float, float]]:
    """A price named SOURCE/YEAR, with its lowest, central and highest number.

    >>> price, numbers = published("IWG2016/2020")
    >>> price.unit, numbers
    ('USD2007/t', (12.0, 42.0, 123.0))
    """
    source, _, year = name.partition("/")
    if not year.isdecimal():
        known = ", ".join(f"{one}/{max(price.by_year)}" for one, price in PRICES.items())
        raise FootprintError(f"got '{name}'; expected a source and a year of emission, such as {known}")
    numbers = plausible(source, int(year))
    return PRICES[source], numbers


def _of_year(source: str, year: int) -> tuple[float, ...]:
    if source not in PRICES:
        raise FootprintError(f"no carbon price '{source}'; there are: {', '.join(PRICES)}")
    by_year = PRICES[source].by_year
    if year not in by_year:
        raise FootprintError(
            f"carbon price {source}: no year of emission {year}; it has: {', '.join(map(str, by_year))}"
        )
    return by_year[year]
