"""The carbon intensity of electricity by grid zone: one number, its year and its source, from grid_intensity.csv.

A zone that is not in the table is an error with the nearest names; there is no world average to fall back on, because
zones differ by more than a factor of 20 and a silent default would decide the result.

What the numbers are: yearly averages of a zone. They say nothing about the hour, about what one more kWh causes
(marginal intensity), or about a data centre with its own supply.
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
def intensities() -> Mapping[str, GridIntensity]:
    """Every zone of the table, by its code."""
    text = (files("commonweal.measures.environment") / "grid_intensity.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#"))
    return {
        row["zone"]: GridIntensity(
            row["zone"], row["name"], float(row["g_per_kwh"]), int(row["year"]), row["source"], row["licence"]
        )
        for row in rows
    }


def intensity(zone: str) -> GridIntensity:
    """Carbon intensity of a grid zone [gCO2e/kWh]: ISO 3166 alpha-3 (FRA), or a part of a country (CA-QC).

    Raises
    ------
    MeasurementError
        The zone is not in the table; the message offers the nearest codes and names.

    Source
    ------
    Per row, in the columns `source`, `year` and `licence` of grid_intensity.csv.

    >>> intensity("FRA").name
    'France'
    """
    table = intensities()
    if zone in table:
        return table[zone]
    raise MeasurementError(f"no grid zone '{zone}' in the table; nearest: {', '.join(nearest_zones(zone))}")


def nearest_zones(zone: str) -> list[str]:
    """The zones that a wrong code most likely meant, as `FRA (France)`.

    >>> nearest_zones("France")[0]
    'FRA (France)'
    """
    wanted = zone.strip().casefold()

    def likeness(row: GridIntensity) -> float:
        return max(difflib.SequenceMatcher(None, wanted, text.casefold()).ratio() for text in (row.zone, row.name))

    best = sorted(intensities().values(), key=likeness, reverse=True)[:NEAREST]
    return [f"{row.zone} ({row.name})" for row in best]
