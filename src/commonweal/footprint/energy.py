"""Energy and carbon from what is known of a computation: hours, power, the building's overhead, the grid.

energy = device hours x device power x PUE; carbon = energy x intensity. The power is what the devices draw on average;
a rated power (TDP) in its place makes the result an upper bound for most work, and the caller says so.

Source
------
Strubell, Ganesh and McCallum 2019, ACL, eq. 1; Patterson et al. 2021, arXiv 2104.10350; ISO/IEC 21031:2024 (SCI).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from commonweal.errors import FootprintError
from commonweal.units import MOST_DEVICE_W, MOST_G_PER_KWH, MOST_PUE, MOST_TASK_KWH

W_PER_KW = 1000.0
G_PER_KG = 1000.0
KG_PER_T = 1000.0
KG_PER_LB = 0.45359237  # exact, international pound
CO2_PER_C = 44.0 / 12.0  # molar mass of CO2 over that of carbon


@dataclass(frozen=True, slots=True)
class Footprint:
    """Energy of a building and carbon of its grid [kWh, kgCO2e]."""

    energy_kwh: float
    carbon_kg: float


def number(name: str, value: float, low: float = 0.0, high: float = math.inf, unit: str = "") -> float:
    """The value itself; FootprintError where it is not a number from low to high."""
    if not (math.isfinite(value) and low <= value <= high):
        ends = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise FootprintError(f"{name}: got {value:g}; expected a number {ends}{' ' + unit if unit else ''}")
    return value


def facility_energy_kwh(device_hours: float, device_power_w: float, pue: float) -> float:
    """Energy of a computation with its building, hours x power x PUE / 1000 [kWh].

    Parameters
    ----------
    device_hours : of all devices together [h], >= 0.
    device_power_w : mean power of one device [W], 0 to 20,000.
    pue : energy of the building over that of its computers, 1 to 5; 1: the building's own use is not counted.

    >>> round(facility_energy_kwh(79, 12041.51, 1.58), 1)  # BERT base, Strubell et al. 2019, Table 3, which prints 1507
    1503.0
    """
    number("device hours", device_hours, unit="h")
    number("device power", device_power_w, high=MOST_DEVICE_W, unit="W")
    number("PUE", pue, 1.0, MOST_PUE)
    return device_hours * device_power_w / W_PER_KW * pue


def carbon_kg(energy_kwh: float, grid_g_per_kwh: float) -> float:
    """Carbon of electricity, kWh x g/kWh / 1000 [kgCO2e].

    >>> round(carbon_kg(1287e3, 429.0) / 1000, 1)  # GPT-3, Patterson et al. 2021, Table 4 [t]
    552.1
    """
    number("energy", energy_kwh, unit="kWh")
    number("grid intensity", grid_g_per_kwh, high=MOST_G_PER_KWH, unit="g/kWh")
    return energy_kwh * grid_g_per_kwh / G_PER_KG


def embodied_kg(manufacture_kg: float, hours: float, lifetime_hours: float, share: float = 1.0) -> float:
    """Share of the carbon of making a device that falls on `hours` of its life, M = TE x (TiR / EL) x (RR / ToR)
    [kgCO2e].

    Parameters
    ----------
    manufacture_kg : carbon of making and delivering it [kgCO2e].
    hours, lifetime_hours : reserved, and expected over its life [h]; hours may not exceed the lifetime.
    share : of the device that was reserved, 0 to 1.

    >>> embodied_kg(2500.0, 876.0, 43800.0)
    50.0
    """
    number("manufacture", manufacture_kg, unit="kgCO2e")
    number("lifetime", lifetime_hours, low=1.0, unit="h")
    number("hours in use", hours, high=lifetime_hours, unit="h")
    number("share of the device", share, high=1.0)
    return manufacture_kg * hours / lifetime_hours * share


def plausibility(energy_kwh: float, device_hours: float | None = None, tasks: float | None = None) -> list[str]:
    """Warnings where a number would be right in another unit: watt-hours for kilowatt-hours, and the like.

    >>> plausibility(1_503_000.0, device_hours=5056.0)
    ['297,271 W per device: above 20,000 W, which no device draws; is the energy in Wh, given as kWh?']
    """
    doubts = []
    if device_hours and energy_kwh / device_hours * W_PER_KW > MOST_DEVICE_W:
        watts = energy_kwh / device_hours * W_PER_KW
        doubts.append(
            f"{watts:,.0f} W per device: above {MOST_DEVICE_W:,.0f} W, which no device draws; is the energy in Wh, "
            "given as kWh?"
        )
    if tasks and energy_kwh / tasks > MOST_TASK_KWH:
        doubts.append(
            f"{energy_kwh / tasks:,.3g} kWh per task: above {MOST_TASK_KWH:g} kWh; is the energy in Wh, given as kWh?"
        )
    return doubts
