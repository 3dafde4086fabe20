from __future__ import annotations

import pytest

from commonweal.errors import MeasurementError
from commonweal.measures.environment.grid import intensities, intensity


def test_published_values() -> None:
    # Our World in Data for 2023, as in codecarbon's global_energy_mix.json.
    assert intensity("USA").g_per_kwh == pytest.approx(369, abs=1)
    assert intensity("FRA").g_per_kwh == pytest.approx(56, abs=1)
    assert intensity("ZAF").g_per_kwh == pytest.approx(708, abs=1)
    assert intensity("CA-QC").g_per_kwh == pytest.approx(30, abs=1)


def test_every_row_has_a_year_a_source_and_a_licence() -> None:
    rows = intensities()
    assert len(rows) > 30
    for zone, row in rows.items():
        assert 0 < row.g_per_kwh < 2000, zone
        assert 2015 <= row.year <= 2026, zone
        assert row.name, zone
        assert row.source, zone
        assert row.licence, zone


@pytest.mark.parametrize(("wrong", "meant"), [("FRE", "FRA (France)"), ("France", "FRA (France)"), ("US", "USA (United States)")])
def test_an_unknown_zone_offers_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(MeasurementError, match=wrong) as caught:
        intensity(wrong)
    assert meant in str(caught.value)
