"""What could be saved elsewhere, computed: another grid zone, another hour, other hardware, a smaller model.

Everything here is arithmetic on numbers that somebody else gave: yearly averages of grids, declared powers, declared
energies. What a cheaper number format or a larger batch saves on the model itself is measured, by
`environment.mitigation`. Nothing here is netted with an offset.

What a change of zone does not show: the table has averages. One more kWh in a zone is made by the plants that are
turned up for it (the marginal intensity), which can be far from the average; nor is the energy of moving the data
counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commonweal.errors import FootprintError
from commonweal.footprint.energy import W_PER_KW, carbon_kg, number
from commonweal.footprint.grid_intensity import GridIntensity, intensities, intensity
from commonweal.units import MOST_DEVICE_W, MOST_G_PER_KWH

YEARLY_ONLY = "unknown: the table has yearly averages only; give the intensity of each hour to compare hours"


@dataclass(frozen=True, slots=True)
class Move:
    """The same energy in another zone: its carbon, and what is saved against the present zone [kgCO2e].

    `ratio`: carbon there over carbon here, above 1 where moving would emit more; None where the present zone emits
    nothing. `doubt`: why the two may not compare; empty where nothing is known against it.
    """

    grid: GridIntensity
    carbon_kg: float
    saved_kg: float
    ratio: float | None
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Hours:
    """The best time for a job of some hours: where it begins, and the mean intensities then, now and over all hours
    [g/kWh].
    """

    start: int
    best_g_per_kwh: float
    now_g_per_kwh: float
    mean_g_per_kwh: float

    @property
    def ratio(self) -> float | None:
        """Carbon then over carbon now; None where now emits nothing."""
        return self.best_g_per_kwh / self.now_g_per_kwh if self.now_g_per_kwh else None


@dataclass(frozen=True, slots=True)
class Hardware:
    """A device: mean power at this work [W], and tasks that it does in a second [1/s]; both declared or measured."""

    power_w: float
    tasks_per_s: float

    def joules_per_task(self) -> float:
        """Energy of one task, P / throughput [J].

        >>> Hardware(300.0, 60.0).joules_per_task()
        5.0
        """
        number("device power", self.power_w, high=MOST_DEVICE_W, unit="W")
        if number("throughput", self.tasks_per_s, unit="tasks/s") == 0:
            raise FootprintError("throughput: got 0; expected a number above 0 tasks/s")
        return self.power_w / self.tasks_per_s


@dataclass(frozen=True, slots=True)
class SmallerModel:
    """What a distilled or smaller model saves over its life [kWh], its making subtracted, and from how many tasks on it
    saves.

    `saved_kwh` below 0: it costs more than it saves. `break_even_tasks` None: it never saves.
    """

    saved_kwh: float
    break_even_tasks: float | None


def greenest(zones: Sequence[str], year: int | None = None) -> GridIntensity:
    """The zone of a list with the lowest intensity, in the year or in the latest year of each.

    >>> greenest(["USA", "FRA", "ZAF"]).name
    'France'
    """
    if not zones:
        raise FootprintError("greenest zone: got no zone; expected at least one, such as FRA")
    return min((intensity(zone, year) for zone in zones), key=lambda grid: (grid.g_per_kwh, grid.zone))


def lowest(count: int) -> list[str]:
    """The zones of the table with the lowest intensity, each in its latest year.

    >>> len(lowest(3))
    3
    """
    latest = [rows[-1] for rows in intensities().values()]
    return [grid.zone for grid in sorted(latest, key=lambda grid: (grid.g_per_kwh, grid.zone))[:count]]


def moves(energy_kwh: float, present: str, zones: Sequence[str], year: int | None = None) -> list[Move]:
    """What the energy would emit in the present zone and in each of a list, E x I / 1000, least first [kgCO2e].

    Parameters
    ----------
    energy_kwh : of the computation with its building [kWh], >= 0. It is taken to be the same everywhere.
    present, zones : ISO 3166 alpha-3 (FRA), or a part of a country (CA-QC); the present zone is in the answer.
    year : of all zones; by default the latest of each, and years that differ are said.

    >>> [(one.grid.zone, round(one.saved_kg, 1)) for one in moves(1000.0, "USA", ["FRA", "ZAF"])]
    [('FRA', 313.5), ('USA', 0.0), ('ZAF', -338.2)]
    """
    here = intensity(present, year)
    now_kg = carbon_kg(energy_kwh, here.g_per_kwh)
    options = []
    for zone in dict.fromkeys((present, *zones)):
        grid = intensity(zone, year)
        then_kg = carbon_kg(energy_kwh, grid.g_per_kwh)
        ratio = grid.g_per_kwh / here.g_per_kwh if here.g_per_kwh else None
        options.append(Move(grid, then_kg, now_kg - then_kg, ratio, _doubt(here, grid)))
    return sorted(options, key=lambda move: (move.carbon_kg, move.grid.zone))


def _doubt(here: GridIntensity, there: GridIntensity) -> str:
    if here.year != there.year:
        return f"of {there.year}, {here.zone} of {here.year}: part of the difference may be the years"
    return ""


def other_hours(hourly_g_per_kwh: Sequence[float] | None, hours: int = 1) -> Hours:
    """The consecutive hours with the lowest mean intensity, for a job of so many hours with even power.

    Parameters
    ----------
    hourly_g_per_kwh : intensity of each hour from now on [g/kWh]; None: not known.
    hours : how long the job takes [h], 1 to as many as are given.

    Raises
    ------
    FootprintError
        Without hourly intensities: a yearly average says nothing about the hour.

    >>> found = other_hours([400.0, 300.0, 100.0, 200.0], hours=2)
    >>> found.start, found.best_g_per_kwh, found.now_g_per_kwh
    (2, 150.0, 350.0)
    """
    if hourly_g_per_kwh is None:
        raise FootprintError(f"another hour: {YEARLY_ONLY}")
    if not 1 <= hours <= len(hourly_g_per_kwh):
        raise FootprintError(
            f"hours of the job: got {hours}; expected 1 to {len(hourly_g_per_kwh)}, as many as have an intensity"
        )
    for place, each in enumerate(hourly_g_per_kwh):
        number(f"intensity of hour {place}", each, high=MOST_G_PER_KWH, unit="g/kWh")
    means = [sum(hourly_g_per_kwh[start : start + hours]) / hours for start in range(len(hourly_g_per_kwh) - hours + 1)]
    best = min(range(len(means)), key=means.__getitem__)
    return Hours(best, means[best], means[0], sum(hourly_g_per_kwh) / len(hourly_g_per_kwh))


def other_hardware_ratio(now: Hardware, then: Hardware) -> float:
    """Energy of a task on other hardware over that on the present one, (P'/throughput') / (P/throughput); above 1:
    more.

    >>> other_hardware_ratio(Hardware(300.0, 60.0), Hardware(700.0, 280.0))
    0.5
    """
    present = now.joules_per_task()
    if present == 0:
        raise FootprintError("device power of the present hardware: got 0 W; expected a number above 0")
    return then.joules_per_task() / present


def smaller_model(tasks: float, now_wh: float, then_wh: float, making_kwh: float) -> SmallerModel:
    """What a distilled or smaller model saves, tasks x (now - then) / 1000 - making [kWh].

    Parameters
    ----------
    tasks : over the life of the model, >= 0.
    now_wh, then_wh : energy of one task with the present and the smaller model [Wh], declared or measured.
    making_kwh : energy of distilling or training the smaller one [kWh].

    >>> smaller_model(1e6, 0.5, 0.2, 150.0)
    SmallerModel(saved_kwh=150.0, break_even_tasks=500000.0)
    >>> smaller_model(1e6, 0.2, 0.2, 150.0).break_even_tasks is None
    True
    """
    for name, value, unit in (
        ("tasks", tasks, ""),
        ("energy of a task now", now_wh, "Wh"),
        ("energy of a task then", then_wh, "Wh"),
        ("making the smaller model", making_kwh, "kWh"),
    ):
        number(name, value, unit=unit)
    saved_wh = now_wh - then_wh
    break_even = making_kwh * W_PER_KW / saved_wh if saved_wh > 0 else None
    return SmallerModel(tasks * saved_wh / W_PER_KW - making_kwh, break_even)
