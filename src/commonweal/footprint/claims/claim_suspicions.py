"""The known slips that multiply a figure by a factor, and which of them would explain a claim that does not follow.

A suspicion is no proof: some other error may give the same factor. Where two slips would explain a claim, none is named
as the one; a factor is looked for only where it can arise: pounds where there is a mass, PUE where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from commonweal.footprint.claims.claim_units import HOURS_PER_DAY, HOURS_PER_YEAR, MASS, MONEY, TIME
from commonweal.footprint.energy import CO2_PER_C, KG_PER_LB

DAYS_PER_YEAR = HOURS_PER_YEAR / HOURS_PER_DAY
FEWEST_DIGITS = 2  # one digit left over would match one in ten of all numbers
SAME_YEARS = 1e-9


@dataclass(frozen=True, slots=True)
class Slip:
    """A known error, by `name`: the claim is `factor` times what it should be. `words` say what was probably done."""

    name: str
    factor: float
    words: str


@dataclass(frozen=True, slots=True)
class ClaimSetting:
    """Where a claim stands: all dimensions in it, every PUE that it or its sources used, and the face value of money
    over the real.
    """

    dims: frozenset[str]
    pues: frozenset[float] = frozenset()
    face_over_real: float = 1.0


def slips(setting: ClaimSetting) -> list[Slip]:
    """The slips that can arise in a setting.

    >>> [slip.name for slip in slips(ClaimSetting(frozenset({"energy"}), frozenset({1.5})))]
    ['pue_twice', 'pue_forgotten', 'thousands', 'thousands', 'thousands', 'thousands']
    """
    possible = [Slip("pue_twice", pue, f"the PUE of {pue:g} is applied twice") for pue in sorted(setting.pues)]
    possible += [Slip("pue_forgotten", 1 / pue, f"the PUE of {pue:g} is not applied") for pue in sorted(setting.pues)]
    for factor, size in ((1e3, "1,000"), (1e6, "1,000,000")):
        possible.append(Slip("thousands", factor, f"it is {size} times too large: Wh for kWh, g for kg, or the like"))
        possible.append(
            Slip("thousands", 1 / factor, f"it is {size} times too small: kWh for Wh, kg for g, or the like")
        )
    if MASS in setting.dims:
        possible += [
            Slip("carbon_co2", CO2_PER_C, "CO2 is counted as carbon: a factor 44/12 that does not belong here"),
            Slip(
                "carbon_co2",
                1 / CO2_PER_C,
                "carbon is counted as CO2: the factor 44/12 is missing, or is applied the wrong way",
            ),
            Slip("pounds_kilograms", 1 / KG_PER_LB, "pounds stand for kilograms: 2.2046 times too large"),
            Slip("pounds_kilograms", KG_PER_LB, "kilograms stand for pounds: 2.2046 times too small"),
        ]
    if TIME in setting.dims:
        possible += [
            Slip("days_years", DAYS_PER_YEAR, "a year stands for a day, 365 times too large"),
            Slip("days_years", 1 / DAYS_PER_YEAR, "a day stands for a year, 365 times too small"),
            Slip("hours_days", HOURS_PER_DAY, "a factor 24 too large: hours for days, or the like"),
            Slip("hours_days", 1 / HOURS_PER_DAY, "a factor 24 too small: days for hours, or the like"),
        ]
    if MONEY in setting.dims and abs(setting.face_over_real - 1.0) > SAME_YEARS:
        words = "money of one price year stands as that of another, and nothing was converted"
        possible.append(Slip("price_year", setting.face_over_real, words))
    return possible


def explaining(
    claimed: float, recomputed: float, tolerance: float, half_digit: float, possible: Iterable[Slip]
) -> list[Slip]:
    """The slips after which the claim would follow, one per name."""
    found = {slip.name: slip for slip in possible if close(claimed, recomputed * slip.factor, tolerance, half_digit)}
    return list(found.values())


def close(claimed: float, expected: float, tolerance: float, half_digit: float) -> bool:
    """Whether a claim equals a value within a relative tolerance, or rounds to it: within half a unit of its last
    digit.

    >>> close(1507.0, 1503.0, 0.01, 0.5), close(0.002, 0.0024, 0.01, 0.0005), close(78.0, 378.0, 0.01, 0.5)
    (True, True, False)
    """
    return abs(claimed - expected) <= max(tolerance * abs(expected), half_digit) * (1 + SAME_YEARS)


def digit_lost(claimed: float, recomputed: float) -> bool:
    """Whether the claim is the recomputed number, in whole units, with one digit left out.

    >>> digit_lost(78.0, 378.0), digit_lost(78.0, 379.0), digit_lost(8.0, 38.0)
    (True, False, False)
    """
    if not (claimed.is_integer() and math.isfinite(recomputed) and 0 < claimed < recomputed < 1e15):
        return False
    short, full = f"{claimed:.0f}", f"{recomputed:.0f}"
    return len(full) == len(short) + 1 >= FEWEST_DIGITS + 1 and any(
        full[:place] + full[place + 1 :] == short for place in range(len(full))
    )
