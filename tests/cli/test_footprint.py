from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from commonweal.cli import app
from tests.footprint.made_up_logs import OUTPUT_LOG, STANDARD_LOG, benchmark_report, emissions_csv

BERT = ("training", "--device-hours", "79", "--device-power-w", "12041.51", "--pue", "1.58")
TASKS = ("inference", "--tasks", "1000")
CLOSED = (*TASKS, "--output-tokens", "400", "--model-billions")


def run(*arguments: str) -> tuple[int, str, str]:
    ended = CliRunner().invoke(app, ["footprint", *arguments])
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended.exit_code, ended.stdout, ended.stderr


def test_no_unit_is_lost_from_the_help() -> None:
    """Typer takes a word in square brackets for a colour and drops it."""
    for verb in ("training", "inference", "import", "crosscheck", "mitigate", "hardware", "smaller-model"):
        code, out, _ = run(verb, "--help")
        assert code == 0
        assert not [line for line in out.splitlines() if " ." in line.replace(" ...", "")], out
    assert "together (h)." in run("training", "--help")[1]


def answer(*arguments: str) -> Any:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def lines(*arguments: str) -> str:
    code, out, err = run(*arguments)
    assert code == 0, err
    return out


def refused(*arguments: str) -> str:
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("hours", "watts", "pue", "kwh", "tolerance"),
    [
        ("79", "12041.51", "1.58", 1503.0, 0.1),
        ("12", "1415.78", "1.58", 26.84, 0.01),
        ("84", "1515.43", "1.58", 201.13, 0.01),
        ("336", "517.66", "1.58", 274.82, 0.01),
        ("274120", "1515.43", "1.58", 656_347.3, 0.1),
        ("3552000", "330", "1.1", 1_289_400, 100),
        ("1082990", "400", "1", 433_196, 0.001),
    ],
    ids=["BERT", "Transformer base", "Transformer big", "ELMo", "NAS", "GPT-3", "BLOOM"],
)
def test_published_trainings(hours: str, watts: str, pue: str, kwh: float, tolerance: float) -> None:
    """Strubell et al. 2019, Table 3; Patterson et al. 2021; Luccioni et al. 2022."""
    found = answer(
        "training", "--device-hours", hours, "--device-power-w", watts, "--pue", pue, "--grid-g-per-kwh", "429"
    )
    assert found["energy_kwh"] == pytest.approx(kwh, abs=tolerance)
    assert found["carbon_kg"] == pytest.approx(found["energy_kwh"] * 0.429)
    assert found["basis"] == "declared"


def test_a_grid_by_its_zone_and_year_with_its_source() -> None:
    found = answer(*BERT, "--grid", "FRA", "--year", "2019")
    assert (found["grid"]["zone"], found["grid"]["year"]) == ("FRA", 2019)
    assert found["carbon_kg"] == pytest.approx(found["energy_kwh"] * found["grid"]["g_per_kwh"] / 1000)
    said = lines(*BERT, "--grid", "FRA")
    assert "1,503 kWh" in said
    assert "France (FRA), 20" in said
    assert "Our World in Data" in said


def test_without_a_grid_carbon_is_unknown_and_never_0() -> None:
    assert answer(*BERT)["carbon_kg"] is None
    assert "carbon is unknown, not 0" in lines(*BERT)


def test_the_carbon_of_making_many_devices_for_many_lifetimes() -> None:
    # 100 devices x 100 h of 40,000 h, 150 kg each: 37.5 kg.
    found = answer(
        "training",
        "--device-hours",
        "10000",
        "--device-power-w",
        "300",
        "--embodied-kg",
        "150",
        "--lifetime-hours",
        "40000",
    )
    assert found["embodied_kg"] == pytest.approx(37.5)
    assert answer(*BERT)["embodied_kg"] is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "with a rated power (TDP) the energy is an upper bound"),
        (("--power-is", "tdp"), "so for most work the energy is an upper bound"),
        (("--grid-g-per-kwh", "0.429"), "is it in kg/kWh, given as g/kWh?"),
        (("--device-power-w", "0.3"), "is it in kW, given as W?"),
        (("--pue", "1"), "PUE of 1: the energy of the building itself"),
    ],
)
def test_what_is_doubtful_or_not_counted_is_said(more: tuple[str, ...], said: str) -> None:
    assert said in lines(*BERT, *more)


def test_a_plain_training_has_no_warning() -> None:
    plain = (
        "training",
        "--device-hours",
        "100",
        "--device-power-w",
        "300",
        "--pue",
        "1.2",
        "--power-is",
        "measured",
        "--grid",
        "FRA",
    )
    assert answer(*plain)["warnings"] == []


def test_inference_by_hand_and_twice_the_tasks_are_twice_the_energy() -> None:
    found = answer(*TASKS, "--energy-wh-per-task", "2", "--pue", "1.5", "--grid-g-per-kwh", "100")
    assert found["energy_kwh"] == pytest.approx(3.0)
    assert found["carbon_kg"] == pytest.approx(0.3)
    assert "energy_kwh_low" not in found
    twice = answer("inference", "--tasks", "2000", "--energy-wh-per-task", "2", "--pue", "1.5")
    assert twice["energy_kwh"] == pytest.approx(6.0)


def test_two_numbers_are_a_range_of_the_result() -> None:
    found = answer(*TASKS, "--energy-wh-per-task", "1,3", "--pue", "1.1,1.5", "--grid-g-per-kwh", "100")
    assert [found[f"energy_kwh{end}"] for end in ("_low", "", "_high")] == pytest.approx([1.1, 2.6, 4.5])
    assert [found[f"carbon_kg{end}"] for end in ("_low", "", "_high")] == pytest.approx([0.11, 0.26, 0.45])
    assert found["interval"] == "range"
    assert "no confidence interval" in lines(*TASKS, "--energy-wh-per-task", "1,3")


@pytest.mark.parametrize(("billions", "wh", "gpus"), [("8", 0.0357, 1), ("70", 0.2630, 4), ("405", 3.654, 16)])
def test_closed_models_by_ecologits(billions: str, wh: float, gpus: int) -> None:
    found = answer(*CLOSED, billions, "--pue", "1.2")
    assert found["energy_wh_per_task"] == pytest.approx(wh, rel=0.005)
    assert found["gpus"] == [gpus, gpus]
    assert found["basis"] == "modelled"
    assert "the error of the fit" in found["left_out"]


def test_a_closed_model_of_unknown_size_has_the_corners() -> None:
    found = answer(*CLOSED, "100,200", "--active-billions", "10,60", "--pue", "1.1,1.3")
    low = answer(*CLOSED, "100", "--active-billions", "10", "--pue", "1.1")
    high = answer(*CLOSED, "200", "--active-billions", "60", "--pue", "1.3")
    assert (
        found["energy_kwh_low"]
        == low["energy_kwh"]
        < found["energy_kwh"]
        < found["energy_kwh_high"]
        == high["energy_kwh"]
    )
    said = lines(*CLOSED, "100,200", "--grid", "SWE")
    for left_out in ("tokens that are read", "the error of the fit", "batch and hardware", "the grid"):
        assert left_out in said


def test_watt_hours_for_kilowatt_hours_are_told() -> None:
    assert "is the energy in Wh, given as kWh?" in lines(*TASKS, "--energy-wh-per-task", "5000")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*BERT, "--grid", "FRE"), "no grid zone 'FRE' in the table; nearest: "),
        ((*BERT, "--grid", "France"), "FRA (France)"),
        (
            (*BERT, "--grid", "FRA", "--year", "1950"),
            "no year 1950 for the grid zone FRA (France); the table has: 2000",
        ),
        ((*BERT, "--year", "2020"), "--year 2020: it belongs to a grid zone"),
        ((*BERT, "--grid", "FRA", "--grid-g-per-kwh", "5"), "expected one of them"),
        ((*BERT, "--grid-g-per-kwh", "-5"), "--grid-g-per-kwh: got -5"),
        ((*BERT, "--grid-g-per-kwh", "nan"), "--grid-g-per-kwh: got nan"),
        ((*BERT, "--pue", "0.9"), "PUE: got 0.9; expected a number from 1 to 5"),
        ((*BERT, "--device-hours", "-1"), "device hours: got -1"),
        ((*BERT, "--device-hours", "0"), "no training takes no time or power"),
        ((*BERT, "--device-power-w", "nan"), "device power: got nan"),
        ((*BERT, "--embodied-kg", "5"), "belong together"),
        (("inference", "--tasks", "0", "--energy-wh-per-task", "1"), "with no task there is nothing to add up"),
        (("inference", "--tasks", "-3", "--energy-wh-per-task", "1"), "--tasks: got -3"),
        ((*TASKS, "--energy-wh-per-task", "-1"), "--energy-wh-per-task: got -1"),
        ((*TASKS, "--energy-wh-per-task", "0"), "no task takes no energy"),
        ((*TASKS, "--energy-wh-per-task", "3,1"), "expected a number, or LOW,HIGH"),
        ((*TASKS, "--energy-wh-per-task", "much"), "expected a number, or LOW,HIGH"),
        ((*TASKS, "--energy-wh-per-task", "1", "--pue", "0.5,1.2"), "PUE: got 0.5"),
        (TASKS, "give either --energy-wh-per-task, or --model-billions"),
        ((*TASKS, "--model-billions", "8"), "--model-billions needs --output-tokens"),
        ((*TASKS, "--model-billions", "8", "--output-tokens", "0"), "--output-tokens 0"),
        ((*TASKS, "--energy-wh-per-task", "1", "--output-tokens", "5"), "belong to --model-billions"),
        ((*CLOSED, "8", "--active-billions", "9"), "active parameters: got 9 billions of 8"),
    ],
)
def test_bad_input_is_refused_in_a_line(arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(*arguments)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            emissions_csv({}),
            ("0.3 kWh", "56.0 gCO2e/kWh (implied, FRA)", "none applied", "not in the file:", "uncertainty"),
        ),
        (emissions_csv({"gpu_energy": 0}), ("energy    unknown; the tool counted 0.3 kWh", "GPU     unknown")),
        (STANDARD_LOG, ("2 whole records", "epoch 1", "445.0 gCO2e/kWh (stated)", "GPU     0.09 kWh")),
        (OUTPUT_LOG, ("0.6 kWh", "0.267 kgCO2e as the tool counted it", "PUE       unknown")),
        (benchmark_report(), ("3 whole records", "prefill", "per iteration")),
    ],
    ids=["codecarbon", "gpu", "epochs", "sum", "optimum"],
)
def test_files_of_other_tools(text: str, said: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    told = lines("import", str(path))
    for words in said:
        assert words in told
    found = answer("import", str(path))
    assert found["runs"]
    assert all(run["missing"] for run in found["runs"])


def test_a_file_that_was_cut_short_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "emissions.csv"
    path.write_text(emissions_csv({"run_id": "a"}, {"run_id": "b"})[:-50])
    code, out, err = run("import", str(path), "--json")
    assert code == 3
    assert [one["run"] for one in json.loads(out)["runs"]] == ["a"]
    assert f"{path}:3 is not whole" in err
    path.write_text("")
    assert "is empty" in refused("import", str(path))
    assert "cannot be read" in refused("import", str(tmp_path / "absent.csv"))


def test_crosscheck_without_codecarbon_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    assert "pip install 'commonweal[codecarbon]'" in refused("crosscheck")


def test_in_a_process_of_its_own() -> None:
    arguments = [sys.executable, "-m", "commonweal", "footprint", *BERT, "--grid-g-per-kwh", "432.7", "--json"]
    ended = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["energy_kwh"] == pytest.approx(1503.0, abs=0.1)


def test_without_a_year_the_carbon_has_a_range_and_with_one_it_has_none() -> None:
    """USA 369.5 g/kWh in 2023; where nobody says when, 214 to 819 for a training since 2017, 214 to 535 for use to
    come.
    """
    open_year, dated = answer(*BERT, "--grid", "USA"), answer(*BERT, "--grid", "USA", "--year", "2023")
    assert open_year["carbon_kg"] == dated["carbon_kg"] == pytest.approx(1503.0 * 0.3695, rel=1e-3)
    assert (open_year["carbon_kg_low"], open_year["carbon_kg_high"]) == pytest.approx(
        (1503.0 * 0.214, 1503.0 * 0.819), rel=1e-3
    )
    assert open_year["interval"] == "range"
    assert "carbon_kg_low" not in dated
    assert dated["interval"] is None
    use = answer(*TASKS, "--energy-wh-per-task", "1", "--grid", "USA")
    assert (use["carbon_kg_low"], use["carbon_kg_high"]) == pytest.approx((0.214, 0.535), rel=1e-3)
