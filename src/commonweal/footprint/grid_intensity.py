"""The carbon intensity of electricity by grid zone and year: one number and its source, from grid_intensity.csv.

Electricity that is drawn in a year that nobody named is not that of the table's latest year. `of_some_year` says by how
much it may differ: as much as the zones with many years in the table changed over as long a time.

A zone or year that is not in the table is an error with the nearest names or the years that there are; there is no
world average to fall back on, because zones differ by more than a factor of 20 and a silent default would decide the
result.

What the numbers are: yearly averages of a zone. They say nothing about the hour, about what one more kWh causes
(marginal intensity), or about a data centre with its own supply. The table is written by tools/build_grid_table.py.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from commonweal.errors import MeasurementError
from commonweal.system.uncertain import Uncertain

NEAREST = 3
AHEAD = 3  # years from the table's newest year to the use of electricity whose year nobody named; a choice
FIRST_TRAINED = 2017  # Vaswani et al. 2017: no foundation model was trained before the Transformer
FEWEST_PAIRS = 100  # of years so far apart, for quantiles at 2.5 and 97.5 %


@dataclass(frozen=True, slots=True)
class GridIntensity:
    """Emissions per kilowatt-hour of one zone [gCO2e/kWh], averaged over one year."""

    zone: str
    name: str
    g_per_kwh: float
    year: int
    source: str
    licence: str


@cache
def intensities() -> Mapping[str, tuple[GridIntensity, ...]]:
    """Every zone of the table, by its code, with the years that it has, oldest first."""
    text = (files("commonweal.footprint") / "grid_intensity.csv").read_text(encoding="utf-8")
    zones: dict[str, list[GridIntensity]] = {}
    for row in csv.DictReader(text.splitlines()):
        one = GridIntensity(
            row["zone"], row["name"], float(row["g_per_kwh"]), int(row["year"]), row["source"], row["licence"]
        )
        zones.setdefault(one.zone, []).append(one)
    return {zone: tuple(sorted(rows, key=lambda row: row.year)) for zone, rows in zones.items()}


def intensity(zone: str, year: int | None = None) -> GridIntensity:
    """Carbon intensity of a grid zone [gCO2e/kWh]: ISO 3166 alpha-3 (FRA), or a part of a country (CA-QC); the latest
    year by default.

    Raises
    ------
    MeasurementError
        The zone or year is not in the table; the message offers the nearest codes and names, or the years.

    Source
    ------
    Per row, in the columns `source`, `year` and `licence` of grid_intensity.csv.

    >>> intensity("FRA").name, intensity("EST", 2019).g_per_kwh
    ('France', 783.0)
    """
    rows = intensities().get(zone)
    if rows is None:
        raise MeasurementError(f"no grid zone '{zone}' in the table; nearest: {', '.join(nearest_zones(zone))}")
    found = [row for row in rows if year in {None, row.year}]
    if not found:
        years = ", ".join(str(row.year) for row in rows)
        raise MeasurementError(f"no year {year} for the grid zone {zone} ({rows[0].name}); the table has: {years}")
    return found[-1]


@cache
def drift(years: int) -> tuple[float, float]:
    """2.5 and 97.5 % quantiles of I(t + years) / I(t) over the zones of the table with more than one year.

    They are 28 countries of Europe, 2000 to 2023; elsewhere it may have been more or less. Of a time so long that the
    table has fewer than 100 such pairs, the quantiles are those of the longest time that has them.

    >>> low, high = drift(3)
    >>> round(low, 2), round(high, 2)
    (0.58, 1.45)
    """
    ratios = [
        later.g_per_kwh / row.g_per_kwh
        for rows in intensities().values()
        for row in rows
        for later in rows
        if later.year - row.year == years and row.g_per_kwh > 0
    ]
    if len(ratios) < FEWEST_PAIRS:
        return drift(years - 1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return min(float(low), 1.0), max(float(high), 1.0)


def of_some_year(zone: str, since: int | None = None) -> Uncertain:
    """Intensity of a zone in a year that nobody named [g/kWh]: the latest of the table, and how much it may differ in
    that year.

    The year lies between the row's own, or `since`, and three years after the newest row of the table. The 2.5 and 97.5
    % quantiles of a lognormal of two halves are those of `drift` to the one end and back to the other, whichever is
    further.

    Parameters
    ----------
    since : the earliest year that it may have been; by default the row's own: electricity that is still to be used.

    Raises
    ------
    MeasurementError
        The zone is not in the table.

    >>> found = of_some_year("FRA")
    >>> found.central, round(found.low), round(found.high), found.grade
    (56.0, 32, 81, 'assumed')
    >>> round(of_some_year("FRA", since=2017).high)
    124
    """
    grid = intensity(zone)
    last = max(rows[-1].year for rows in intensities().values()) + AHEAD
    first = min(grid.year, since or grid.year)
    low, high = drift(last - grid.year)
    fell, rose = drift(grid.year - first) if first < grid.year else (1.0, 1.0)
    low, high = min(low, 1 / rose), max(high, 1 / fell)
    source = (
        f"{grid.name} {grid.year}: {grid.source}; its year of use is not declared, {first} to {last}: {low:.2g} to "
        f"{high:.2g} times that, as 28 European zones changed in such times"
    )
    least, most = (float(f"{grid.g_per_kwh * times:.3g}") for times in (low, high))
    return Uncertain(
        low=least, central=grid.g_per_kwh, high=most, shape="lognormal", unit="g/kWh", grade="assumed", source=source
    )


def nearest_zones(zone: str) -> list[str]:
    """The zones that a wrong code most likely meant, as `FRA (France)`.

    >>> nearest_zones("France")[0]
    'FRA (France)'
    """
    wanted = zone.strip().casefold()
    latest = [rows[-1] for rows in intensities().values()]

    def likeness(row: GridIntensity) -> float:
        texts = (row.zone.casefold(), row.name.casefold())
        begins = bool(wanted) and texts[0].startswith(wanted)
        return begins + max(difflib.SequenceMatcher(None, wanted, text).ratio() for text in texts)

    return [f"{row.zone} ({row.name})" for row in sorted(latest, key=likeness, reverse=True)[:NEAREST]]
