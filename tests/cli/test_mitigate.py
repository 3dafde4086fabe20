"""`commonweal footprint mitigate` as a person meets it."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from commonweal.cli import app as whole
from commonweal.cli.mitigate import mitigate
from commonweal.footprint.grid_intensity import intensity

app = typer.Typer()
app.command("mitigate")(mitigate)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], env={"COLUMNS": "200"}, catch_exceptions=False)


def test_lines_from_least_to_most_with_year_and_what_moving_does() -> None:
    ended = run("--energy-kwh", "1000", "--grid", "USA", "--against", "ZAF", "--against", "FRA")
    assert (ended.exit_code, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0] == "1,000 kWh, now in USA"
    assert [line.split()[0] for line in lines[1:4]] == ["FRA", "USA", "ZAF"]
    assert "saves 313.5 kg (0.152 times as much as now)" in lines[1]
    assert lines[2].endswith(": now")
    assert "adds 338.2 kg (1.92 times as much as now)" in lines[3]
    assert all("in 2023" in line for line in lines[1:4])
    assert "unknown: the table has yearly averages only" in lines[4]
    assert "marginal" in ended.stdout


def test_json_and_the_five_lowest_by_default() -> None:
    told = json.loads(run("--energy-kwh", "1000", "--grid", "USA", "--json").stdout)
    assert len(told["zones"]) == 6
    assert told["greenest"] == told["zones"][0]["zone"]
    assert told["another_hour"] is None
    usa = next(zone for zone in told["zones"] if zone["zone"] == "USA")
    assert usa["carbon_kg"] == pytest.approx(intensity("USA").g_per_kwh)
    assert {"year", "source", "saved_kg", "ratio", "doubt"} <= usa.keys()


def test_another_hour_where_hours_are_given() -> None:
    asked = (
        "--energy-kwh",
        "10",
        "--grid",
        "DEU",
        "--against",
        "FRA",
        "--hourly-g-per-kwh",
        "400,300,100,200",
        "--hours",
        "2",
    )
    assert "begin in 2 h: 150 g/kWh instead of 350 now saves 2 kg" in run(*asked).stdout
    hour = json.loads(run(*asked, "--json").stdout)["another_hour"]
    assert (hour["start_in_hours"], hour["saved_kg"]) == (2, pytest.approx(2.0))
    assert "now is the best time" in run("--energy-kwh", "10", "--grid", "DEU", "--hourly-g-per-kwh", "1,2").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--energy-kwh", "1", "--grid", "FRE"), "FRA (France)"),
        (("--energy-kwh", "1", "--grid", "USA", "--against", "germany"), "DEU (Germany)"),
        (("--energy-kwh", "-1", "--grid", "USA"), "energy: got -1"),
        (("--energy-kwh", "1", "--grid", "USA", "--year", "1999"), "the table has: 2023"),
        (("--energy-kwh", "1", "--grid", "USA", "--hourly-g-per-kwh", "a,b"), "expected numbers with commas"),
        (
            ("--energy-kwh", "1", "--grid", "USA", "--hourly-g-per-kwh", "1,2", "--hours", "9"),
            "hours of the job: got 9",
        ),
    ],
)
def test_a_mistake_is_a_line_and_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_hardware_by_hand() -> None:
    """300 W / 60 tasks a second are 5 J, 700 W / 280 are 2.5 J."""
    asked = ("--power-w", "300", "--tasks-per-s", "60", "--other-power-w", "700", "--other-tasks-per-s", "280")
    ended = CliRunner().invoke(whole, ["footprint", "hardware", *asked, "--json"])
    told = json.loads(ended.stdout)
    assert (told["j_per_task"], told["other_j_per_task"], told["energy_ratio"]) == (5.0, 2.5, 0.5)
    assert "saves 50.0%" in CliRunner().invoke(whole, ["footprint", "hardware", *asked]).stdout
    ended = CliRunner().invoke(whole, ["footprint", "hardware", *asked[:3], "0", *asked[4:]])
    assert (ended.exit_code, "throughput: got 0; expected a number above 0 tasks/s" in ended.stderr) == (2, True)


def test_a_smaller_model_by_hand() -> None:
    """10^6 tasks x 0.3 Wh saved are 300 kWh, less 150 of making it; even at 500,000 tasks."""
    asked = ("--tasks", "1e6", "--wh-per-task", "0.5", "--other-wh-per-task", "0.2", "--making-kwh", "150")
    told = json.loads(CliRunner().invoke(whole, ["footprint", "smaller-model", *asked, "--json"]).stdout)
    assert (told["saved_kwh"], told["break_even_tasks"]) == (pytest.approx(150), pytest.approx(500_000))
    never = CliRunner().invoke(whole, ["footprint", "smaller-model", *asked[:5], "0.6", *asked[6:]])
    assert "never: a task takes no less" in never.stdout
    assert never.stdout.startswith("costs 250 kWh")
