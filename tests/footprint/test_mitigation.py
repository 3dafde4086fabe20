from __future__ import annotations

import pytest

from commonweal.errors import FootprintError, MeasurementError
from commonweal.footprint.grid_intensity import intensity
from commonweal.footprint.mitigation import (
    Hardware,
    greenest,
    lowest,
    moves,
    other_hardware_ratio,
    other_hours,
    smaller_model,
)


def test_henderson_in_quebec() -> None:
    """Henderson et al.

    2020, Examples 6 and 7: 378 kg a day, 4.2 million experiments of 0.09 g; at the 30 g/kWh of Québec.
    """
    quebec, *_ = moves(4.2e6 * 0.09 / 30, "CA-QC", [])
    assert quebec.grid.g_per_kwh == pytest.approx(30, abs=1)
    assert quebec.carbon_kg == pytest.approx(378 * quebec.grid.g_per_kwh / 30)


def test_gpt3_moved_by_hand() -> None:
    """1,287 MWh (Patterson et al. 2021): in each zone kWh x g/kWh / 1000, and what is saved against the present one."""
    by_zone = {move.grid.zone: move for move in moves(1_287_000.0, "USA", ["FRA", "ZAF", "FRA"])}
    assert list(by_zone) == ["FRA", "USA", "ZAF"]
    usa, fra, zaf = (intensity(zone).g_per_kwh for zone in ("USA", "FRA", "ZAF"))
    assert by_zone["USA"].carbon_kg == pytest.approx(1287 * usa)
    assert (by_zone["USA"].saved_kg, by_zone["USA"].ratio) == (0.0, 1.0)
    assert by_zone["FRA"].saved_kg == pytest.approx(1287 * (usa - fra))
    assert by_zone["FRA"].ratio == pytest.approx(fra / usa)
    assert by_zone["ZAF"].saved_kg == pytest.approx(1287 * (usa - zaf))
    assert by_zone["ZAF"].saved_kg < 0


def test_moving_and_moving_back_saves_nothing_and_twice_the_energy_saves_twice() -> None:
    there = {one.grid.zone: one for one in moves(10.0, "POL", ["SWE"])}
    back = {one.grid.zone: one for one in moves(10.0, "SWE", ["POL"])}
    assert there["SWE"].saved_kg == pytest.approx(-back["POL"].saved_kg)
    assert {one.grid.zone: one for one in moves(20.0, "POL", ["SWE"])}["SWE"].saved_kg == pytest.approx(
        2 * there["SWE"].saved_kg
    )


def test_years_that_differ_are_said_and_one_year_for_all_is_not() -> None:
    mixed = {one.grid.zone: one for one in moves(1.0, "USA", ["AFG"])}
    assert "of 2022, USA of 2023: part of the difference may be the years" in mixed["AFG"].doubt
    assert mixed["USA"].doubt == ""
    assert [one.doubt for one in moves(1.0, "EST", ["AUT"], year=2010)] == ["", ""]
    assert {one.grid.year for one in moves(1.0, "EST", ["AUT"], year=2010)} == {2010}


def test_the_greenest_of_a_list() -> None:
    assert greenest(["ZAF", "USA", "FRA"]).zone == "FRA"
    assert greenest(["USA"]).zone == "USA"
    ordered = [intensity(zone).g_per_kwh for zone in lowest(20)]
    assert len(ordered) == 20
    assert ordered == sorted(ordered)
    assert greenest(lowest(20)).zone == lowest(20)[0]
    with pytest.raises(FootprintError, match="got no zone"):
        greenest([])


def test_another_hour_only_where_hours_are_given() -> None:
    day = [300.0] * 8 + [120.0, 80.0, 100.0] + [350.0] * 13
    found = other_hours(day, 3)
    assert (found.start, found.best_g_per_kwh, found.now_g_per_kwh) == (8, 100.0, 300.0)
    assert found.ratio == pytest.approx(1 / 3)
    assert found.mean_g_per_kwh == pytest.approx(sum(day) / 24)
    assert other_hours([200.0] * 5, 2).start == 0
    assert other_hours([0.0, 0.0]).ratio is None
    with pytest.raises(FootprintError, match="yearly averages only"):
        other_hours(None)


@pytest.mark.parametrize(("hours", "match"), [(0, "got 0; expected 1 to 2"), (3, "got 3; expected 1 to 2")])
def test_a_job_must_fit_into_the_hours(hours: int, match: str) -> None:
    with pytest.raises(FootprintError, match=match):
        other_hours([1.0, 2.0], hours)


def test_other_hardware_and_a_smaller_model() -> None:
    assert other_hardware_ratio(Hardware(300.0, 60.0), Hardware(300.0, 60.0)) == 1.0
    assert other_hardware_ratio(Hardware(100.0, 10.0), Hardware(400.0, 20.0)) == 2.0  # faster, and takes more energy
    distilled = smaller_model(tasks=2e6, now_wh=0.4, then_wh=0.1, making_kwh=900.0)
    assert (distilled.saved_kwh, distilled.break_even_tasks) == (pytest.approx(-300.0), pytest.approx(3e6))
    assert smaller_model(3e6, 0.4, 0.1, 900.0).saved_kwh == pytest.approx(0.0)
    assert smaller_model(1e9, 0.1, 0.1, 900.0).break_even_tasks is None
    assert smaller_model(0.0, 0.4, 0.1, 0.0).saved_kwh == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: moves(-1.0, "USA", []),
        lambda: moves(float("nan"), "USA", []),
        lambda: Hardware(100.0, 0.0).joules_per_task(),
        lambda: Hardware(50_000.0, 1.0).joules_per_task(),
        lambda: other_hardware_ratio(Hardware(0.0, 1.0), Hardware(1.0, 1.0)),
        lambda: smaller_model(-1.0, 0.1, 0.1, 0.0),
        lambda: other_hours([100.0, -5.0]),
        lambda: other_hours([100.0, 5e6]),
    ],
)
def test_what_cannot_be_is_refused(wrong: object) -> None:
    with pytest.raises(FootprintError, match="got"):
        wrong()  # type: ignore[operator]


def test_an_unknown_zone_offers_the_nearest_and_a_wrong_year_the_years() -> None:
    with pytest.raises(MeasurementError, match=r"FRA \(France\)"):
        moves(1.0, "USA", ["FRE"])
    with pytest.raises(MeasurementError, match="the table has: 2023"):
        moves(1.0, "EST", ["USA"], year=2010)
