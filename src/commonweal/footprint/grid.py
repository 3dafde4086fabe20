"""The carbon intensity of electricity by grid zone and year: one number and its source, from grid_intensity.csv.

A zone or year that is not in the table is an error with the nearest names or the years that there are; there is no world
average to fall back on, because zones differ by more than a factor of 20 and a silent default would decide the result.

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

from commonweal.errors import MeasurementError

NEAREST = 3


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
        one = GridIntensity(row["zone"], row["name"], float(row["g_per_kwh"]), int(row["year"]), row["source"], row["licence"])
        zones.setdefault(one.zone, []).append(one)
    return {zone: tuple(sorted(rows, key=lambda row: row.year)) for zone, rows in zones.items()}


def intensity(zone: str, year: int | None = None) -> GridIntensity:
    """Carbon intensity of a grid zone [gCO2e/kWh]: ISO 3166 alpha-3 (FRA), or a part of a country (CA-QC); the latest year by default.

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
