"""Which intensity a footprint takes: one that is given, or that of a grid zone in a year, with its source."""

from __future__ import annotations

from dataclasses import dataclass

from commonweal.errors import FootprintError
from commonweal.footprint.energy import number
from commonweal.footprint.grid_intensity import intensities, intensity, of_some_year
from commonweal.units import MOST_G_PER_KWH


@dataclass(frozen=True, slots=True)
class Zone:
    """Carbon intensity [g/kWh], and where it comes from; zone, name and year None: it was given as a number.

    low, high : its range, where nobody said in which year the electricity is used; None: there is none.
    """

    g_per_kwh: float
    source: str
    zone: str | None = None
    name: str | None = None
    year: int | None = None
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        return self.low or self.g_per_kwh, self.high or self.g_per_kwh

    def words(self) -> str:
        """The intensity with its year and source.

        >>> Zone(429.0, "given").words()
        '429 gCO2e/kWh (given)'
        """
        place = f"{self.name} ({self.zone}), {self.year}; {self.source}" if self.name else self.source
        ranged = f", {self.low:g} to {self.high:g} where the year is not known" if self.low is not None else ""
        return f"{self.g_per_kwh:g} gCO2e/kWh ({place}{ranged})"


def zone_of(g_per_kwh: float | None, zone: str | None, year: int | None, since: int | None = None) -> Zone | None:
    """The intensity to take; None where neither is given: then carbon is unknown.

    Of a zone without a year it is the latest of the table, with the range of `of_some_year`; `since`: the earliest year
    that it may have been.

    Raises
    ------
    FootprintError
        Both are given, a year without a zone, or a number that no grid has.
    MeasurementError
        The zone or the year is not in the table; the message offers the nearest names, or the years.
    """
    if g_per_kwh is not None and zone is not None:
        raise FootprintError(f"--grid-g-per-kwh {g_per_kwh:g} and --grid {zone}: expected one of them")
    if zone is not None:
        found = intensity(zone, year)
        low, high = (None, None) if year is not None else of_some_year(zone, since).ends
        source = f"{found.source}; yearly average, {found.licence}"
        return Zone(found.g_per_kwh, source, found.zone, found.name, found.year, low, high)
    if year is not None:
        raise FootprintError(f"--year {year}: it belongs to a grid zone; give --grid ZONE, such as --grid FRA")
    if g_per_kwh is None:
        return None
    return Zone(
        number("--grid-g-per-kwh", g_per_kwh, high=MOST_G_PER_KWH, unit="g/kWh"),
        "given as a number, without year and source",
    )


def doubts_of(zone: Zone | None) -> list[str]:
    """A warning where the intensity would be right in kg/kWh.

    >>> doubts_of(Zone(0.429, "given"))[0][:52]
    '0.429 g/kWh is below every grid of the table, the lo'
    """
    if zone is None or zone.zone is not None:
        return []
    lowest = min(row.g_per_kwh for rows in intensities().values() for row in rows if row.g_per_kwh > 0)
    if 0 < zone.g_per_kwh < min(lowest, 2.0):
        return [
            f"{zone.g_per_kwh:g} g/kWh is below every grid of the table, the lowest of which has {lowest:g}; is it in "
            "kg/kWh, given as g/kWh?"
        ]
    return []
