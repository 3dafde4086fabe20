"""Money has a year: amounts of different price years are not added, they are brought to one year first.

Only dollars of the United States are converted, by their consumer price index; other currencies keep their year and are
refused in a sum with another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from commonweal.errors import FootprintError

# US Bureau of Labor Statistics, CPI-U, US city average, all items, annual averages, 1982-84 = 100.
CPI_U: Mapping[int, float] = {
    2005: 195.3, 2006: 201.6, 2007: 207.342, 2008: 215.303, 2009: 214.537, 2010: 218.056, 2011: 224.939, 2012: 229.594,
    2013: 232.957, 2014: 236.736, 2015: 237.017, 2016: 240.007, 2017: 245.120, 2018: 251.107, 2019: 255.657,
    2020: 258.811,
    2021: 270.970, 2022: 292.655, 2023: 304.702, 2024: 313.689,
}  # fmt: skip
DEFLATOR = "US Bureau of Labor Statistics, CPI-U, US city average, all items, annual averages"
PRICE = re.compile(r"([A-Z]{3})((?:19|20)\d\d)(?:/(.+))?")


def price_year(unit: str) -> tuple[str, int, str]:
    """Currency, price year and what it is per, of a unit such as USD2020 or USD2020/t.

    >>> price_year("USD2020/t")
    ('USD', 2020, 't')
    """
    found = PRICE.fullmatch(unit)
    if found is None:
        raise FootprintError(
            f"money in '{unit}': expected a currency with its price year, such as USD2020 or USD2020/kWh"
        )
    return found[1], int(found[2]), found[3] or ""


def deflator(unit: str, target: str) -> float:
    """What an amount in `unit` is multiplied by to be one in `target`, CPI(target year) / CPI(year).

    Raises
    ------
    FootprintError
        Where the two differ in currency or in what they are per, or the index has no such year.

    Source
    ------
    US Bureau of Labor Statistics, CPI-U, annual averages.

    >>> round(105 * deflator("USD2007/t", "USD2020/t"), 1)
    131.1
    """
    (currency, year, per), (wanted, wanted_year, wanted_per) = price_year(unit), price_year(target)
    if (currency, per) != (wanted, wanted_per):
        raise FootprintError(f"{unit} cannot become {target}: currencies and what they are per must be the same")
    if year == wanted_year:
        return 1.0
    if currency != "USD":
        raise FootprintError(
            f"{unit} and {target} have different price years, and only US dollars are converted here; give both in "
            "the prices of one year"
        )
    for one in (year, wanted_year):
        if one not in CPI_U:
            raise FootprintError(
                f"{unit} to {target}: the price index has no year {one}; it has {min(CPI_U)} to {max(CPI_U)}"
            )
    return CPI_U[wanted_year] / CPI_U[year]
