from __future__ import annotations

import re

import pytest

from commonweal.errors import MeasurementError
from commonweal.footprint.grid_intensity import intensities, intensity


def test_published_values() -> None:
    # Our World in Data for 2023, as in codecarbon's global_energy_mix.json.
    assert intensity("USA").g_per_kwh == pytest.approx(369, abs=1)
    assert intensity("FRA").g_per_kwh == pytest.approx(56, abs=1)
    assert intensity("ZAF").g_per_kwh == pytest.approx(708, abs=1)
    assert intensity("EST").g_per_kwh == pytest.approx(417, abs=1)
    assert intensity("CA-QC").g_per_kwh == pytest.approx(30, abs=1)
    assert intensity("EST", 2000).g_per_kwh == 1116


def test_every_row_has_a_year_a_source_and_a_licence() -> None:
    zones = intensities()
    assert len(zones) > 250
    for zone, rows in zones.items():
        assert re.fullmatch(r"[A-Z]{3}|[A-Z]{2}-[A-Z]{2}", zone)
        assert [row.year for row in rows] == sorted({row.year for row in rows})
        for row in rows:
            assert 0 < row.g_per_kwh < 2000, zone
            assert 2000 <= row.year <= 2026, zone
            assert row.name
            assert row.source
            assert row.licence


def test_african_countries_are_there() -> None:
    assert {"DZA", "EGY", "ETH", "GHA", "KEN", "MAR", "NGA", "RWA", "SEN", "TZA", "UGA", "ZAF"} <= intensities().keys()


@pytest.mark.parametrize(
    ("wrong", "meant"), [("FRE", "FRA (France)"), ("France", "FRA (France)"), ("US", "USA (United States)")]
)
def test_an_unknown_zone_offers_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(MeasurementError, match=wrong) as caught:
        intensity(wrong)
    assert meant in str(caught.value)


def test_a_year_that_is_not_there_offers_the_years() -> None:
    with pytest.raises(
        MeasurementError, match=r"no year 1999 for the grid zone USA \(United States\); the table has: 2023"
    ):
        intensity("USA", 1999)
