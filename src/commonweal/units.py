"""The closed set of units. A number without one of these is not evidence."""

from __future__ import annotations

import re

UNITS: dict[str, str] = {
    "1": "share or ratio, without dimension",
    "nat": "log-odds or log-probability, natural log",
    "bit/byte": "bits per UTF-8 byte",
    "count": "count",
    "people": "people",
    "people/year": "people a year",
    "task/year": "tasks or decisions a year",
    "people-decision/year": "decisions about people a year",
    "1/decision": "outcomes per decision",
    "Wh": "watt-hours",
    "kWh": "kilowatt-hours",
    "Wh/1000 decisions": "watt-hours per 1,000 decisions",
    "g/kWh": "grams of CO2-equivalent per kilowatt-hour",
    "gCO2e": "grams of CO2-equivalent",
    "gCO2e/1000 decisions": "grams of CO2-equivalent per 1,000 decisions",
    "kgCO2e": "kilograms of CO2-equivalent",
    "kgCO2e/year": "kilograms of CO2-equivalent a year",
    "kWh/year": "kilowatt-hours a year",
    "W": "watts",
    "h": "hours",
    "s": "seconds",
    "s/1000 decisions": "seconds per 1,000 decisions",
    "score": "the application's own score, on its own scale",
    "unit of truth": "the unit in which a table of predictions gives its truth",
}
# Above these a declared number is in another unit, or wrong.
MOST_DEVICE_W = 20_000.0  # the largest accelerators of 2026 draw under 1.5 kW, the largest servers under 20 kW
MOST_PUE = 5.0  # a choice: three times the mean of the Uptime Institute's surveys, 1.55 to 1.59 from 2020 to 2023
MOST_TASK_KWH = (
    1.0  # a choice: 340 times the mean that Luccioni et al. 2024, Table 2, give for an image, 2.907 kWh per 1,000
)
MOST_G_PER_KWH = 2_000.0  # lignite alone emits about 1,200
LEAST_G_PER_KWH = 2.0  # a tenth of the cleanest grid of the table; below it only 0 is possible
MOST_STAGE_KWH = 1e10  # a choice: 200 times 50 GWh, what is guessed for the largest trainings of 2024
MONEY = re.compile(r"^([A-Z]{3})((?:19|20)\d\d)(?:/(year|t|kWh|task))?$")
PER = {"year": " a year", "t": " per tonne", "kWh": " per kilowatt-hour", "task": " per task"}


def is_money(unit: str) -> bool:
    """Whether a unit is money with its price year.

    >>> is_money("USD2020/task"), is_money("USD"), is_money("kWh")
    (True, False, False)
    """
    return MONEY.match(unit) is not None


def is_unit(unit: str) -> bool:
    """Whether a unit belongs to the closed set; money carries its price year.

    >>> is_unit("Wh"), is_unit("USD2020"), is_unit("USD"), is_unit("percent")
    (True, True, False, False)
    """
    return unit in UNITS or bool(MONEY.match(unit))


def unit_words(unit: str) -> str:
    """A unit in words; money says its price year.

    >>> unit_words("kWh"), unit_words("USD2020/year")
    ('kilowatt-hours', 'USD at 2020 prices a year')
    """
    money = MONEY.match(unit)
    if money:
        return f"{money[1]} at {money[2]} prices{PER.get(money[3] or '', '')}"
    return UNITS.get(unit, unit)
