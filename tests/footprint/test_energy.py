"""Published figures come out; numbers that cannot be are refused."""

from __future__ import annotations

import math

import pytest

from commonweal.errors import FootprintError
from commonweal.footprint.energy import KG_PER_LB, carbon_kg, embodied_kg, facility_energy_kwh, plausibility

# Strubell et al. 2019, Table 3: hours, power of all devices and the host [W], recomputed with PUE 1.58.
STRUBELL = [
    (79, 12041.51, 1503.0, 0.1),
    (12, 1415.78, 26.84, 0.01),
    (84, 1515.43, 201.13, 0.01),
    (336, 517.66, 274.82, 0.01),
    (274_120, 1515.43, 656_347.3, 0.1),
]


@pytest.mark.parametrize(("hours", "power", "kwh", "within"), STRUBELL)
def test_table_3_of_strubell(hours: float, power: float, kwh: float, within: float) -> None:
    assert facility_energy_kwh(hours, power, 1.58) == pytest.approx(kwh, abs=within)


@pytest.mark.parametrize(
    ("kwh", "pounds"), [(1507, 1437.7), (27, 25.8), (201, 191.8), (275, 262.4), (656_347, 626_155.0)]
)
def test_carbon_of_strubell_in_pounds(kwh: float, pounds: float) -> None:
    """0.954 lb/kWh; the paper prints 1438, 26, 192, 262 and 626,155."""
    assert carbon_kg(kwh, 0.954 * KG_PER_LB * 1000) / KG_PER_LB == pytest.approx(pounds, abs=0.1)


def test_gpt3_and_bloom() -> None:
    assert facility_energy_kwh(10_000 * 14.8 * 24, 330, 1.10) / 1000 == pytest.approx(1289.4, abs=0.1)
    assert carbon_kg(1_287_000, 429) / 1000 == pytest.approx(552.1, abs=0.1)
    assert facility_energy_kwh(1_082_990, 400, 1.0) == pytest.approx(433_196, abs=1e-6)
    dynamic, idle = carbon_kg(433_196, 57) / 1000, carbon_kg(256_646, 57) / 1000
    assert (dynamic, idle) == (pytest.approx(24.69, abs=0.01), pytest.approx(14.63, abs=0.01))
    assert dynamic + idle + 11.2 == pytest.approx(50.5, abs=0.1)


def test_henderson_per_day() -> None:
    assert pytest.approx(378.0) == 0.09 * 4.2e6 / 1000
    assert [pytest.approx(378.0), pytest.approx(12_768.0)] == [0.09e-3 * 4.2e6, 3.04e-3 * 4.2e6]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: facility_energy_kwh(-1, 300, 1.1), r"device hours: got -1; expected a number of at least 0 h"),
        (lambda: facility_energy_kwh(1, 300, 0.9), r"PUE: got 0.9; expected a number from 1 to 5"),
        (lambda: facility_energy_kwh(1, 3e5, 1.1), r"device power: got 300000; expected a number from 0 to 20000 W"),
        (lambda: facility_energy_kwh(math.nan, 300, 1.1), r"device hours: got nan"),
        (lambda: carbon_kg(-5, 400), r"energy: got -5"),
        (lambda: carbon_kg(5, 4e5), r"grid intensity: got 400000; expected a number from 0 to 2000 g/kWh"),
        (lambda: embodied_kg(100, 50, 40), r"hours in use: got 50; expected a number from 0 to 40 h"),
        (lambda: embodied_kg(100, 5, 40, 1.5), r"share of the device: got 1.5"),
    ],
)
def test_numbers_that_cannot_be_are_refused(call: object, told: str) -> None:
    with pytest.raises(FootprintError, match=told):
        call()  # type: ignore[operator]


def test_watt_hours_given_as_kilowatt_hours_are_noticed_and_real_figures_are_not() -> None:
    assert plausibility(1503.0, device_hours=79 * 64) == []
    assert plausibility(0.000047, tasks=1) == []
    assert "per device" in plausibility(1_503_000.0, device_hours=79 * 64)[0]
    assert "per task" in plausibility(47.0, tasks=1)[0]
