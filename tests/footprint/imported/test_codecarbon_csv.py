from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from commonweal.errors import DataFileError
from commonweal.footprint.imported.codecarbon_csv import is_codecarbon, read_codecarbon
from commonweal.footprint.imported.imported import read_imported
from commonweal.footprint.imported.imported_run import Imported, ImportedRun
from tests.footprint.made_up_logs import HEADERS, REAL, emissions_csv, tried

FILE = Path("emissions.csv")
CASES = Path(__file__).parents[4] / "shared/cases"


def read(text: str) -> Imported:
    return read_codecarbon(text, FILE)


def only(text: str) -> ImportedRun:
    (run,) = read(text).runs
    return run


@pytest.mark.parametrize("version", ["2.1.4", "2.8.3", "3.3.2"])
def test_a_row_by_hand_as_three_versions_write_it(version: str) -> None:
    run = only(emissions_csv({}, version=version))
    assert run.kwh == {"CPU": 0.04, "memory": 0.01, "GPU": 0.25}
    assert run.total_kwh == run.counted_kwh == 0.3
    assert (run.duration_s, run.carbon_kg, run.pue, run.zone, run.run) == (3600.0, 0.0168, 1.0, "FRA", "run-1")
    assert run.g_per_kwh == pytest.approx(56.0)
    assert run.version == (None if version == "2.1.4" else version)
    for absent in ("method", "intensity", "uncertainty"):
        assert any(text.startswith(absent) for text in run.missing)
    assert run.warnings == ()


def test_the_oldest_version_has_no_components_and_says_so() -> None:
    run = only(emissions_csv({}, version="1.2.0"))
    assert run.kwh == {}
    assert run.total_kwh == 0.3
    assert any("only the total" in text for text in run.missing)


def test_a_row_of_a_real_run_without_gpu() -> None:
    run = only(f"{HEADERS['3.3.2']}\n{REAL}\n")
    assert run.kwh == {"CPU": 5.8110488977284625e-06, "memory": 1.4392579594459677e-05}
    assert run.total_kwh == 2.020362849218814e-05
    assert any(text.startswith("GPU: none was seen") for text in run.missing)
    assert run.warnings == ()


@pytest.mark.parametrize(
    "gpu", [{"gpu_energy": 0.0, "gpu_power": 0.0}, {"gpu_energy": "", "gpu_power": ""}], ids=["0", "empty"]
)
@pytest.mark.parametrize(
    "named", [{}, {"gpu_model": "", "gpu_count": 2}, {"gpu_count": ""}], ids=["both", "count", "model"]
)
def test_a_gpu_that_is_named_and_counts_0_is_unknown(gpu: dict[str, Any], named: dict[str, Any]) -> None:
    run = only(emissions_csv(gpu | named | {"energy_consumed": 0.05, "emissions": 0.0028}))
    assert run.kwh["GPU"] is None
    assert run.unread == ("GPU",)
    assert run.total_kwh is None
    assert run.counted_kwh == 0.05
    assert run.g_per_kwh == pytest.approx(56.0)
    assert any("unknown, not 0" in text for text in run.warnings)


def test_a_processor_that_counts_0_is_unknown_and_nothing_at_all_is_no_energy() -> None:
    assert only(emissions_csv({"cpu_energy": 0, "energy_consumed": 0.26})).unread == ("CPU",)
    run = only(emissions_csv({"cpu_energy": 0, "gpu_energy": 0, "ram_energy": 0, "energy_consumed": 0, "emissions": 0}))
    assert (run.counted_kwh, run.carbon_kg, run.g_per_kwh) == (None, None, None)


def test_rows_of_one_run_count_from_its_start_so_only_the_last_stays() -> None:
    half = {"duration": 1800, "cpu_energy": 0.02, "gpu_energy": 0.125, "ram_energy": 0.005, "energy_consumed": 0.15}
    found = read(emissions_csv(half, {}, {"run_id": "run-2"}))
    assert [(run.run, run.total_kwh) for run in found.runs] == [("run-1", 0.3), ("run-2", 0.3)]
    assert "emissions.csv:2" in found.runs[0].warnings[-1]
    with pytest.raises(DataFileError, match=r"emissions.csv:3 run run-1 is there twice and falls"):
        read(emissions_csv({}, half))


def test_tasks_of_one_run_are_added_so_all_stay() -> None:
    rows = [{"task_name": "load"}, {"task_name": "score", "energy_consumed": 0.3}]
    found = read(emissions_csv(*rows, extra="task_name,"))
    assert [run.run for run in found.runs] == ["load", "score"]


def test_shuffled_rows_give_the_same_runs() -> None:
    rows = [{"run_id": f"r{number}", "duration": 3600 + number} for number in range(4)]
    runs = [{run.run: run.duration_s for run in read(emissions_csv(*order)).runs} for order in (rows, rows[::-1])]
    assert runs[0] == runs[1]


def test_every_cut_loses_nothing_that_was_whole() -> None:
    text = emissions_csv(*({"run_id": f"r{number}"} for number in range(3)))
    starts = [at + 1 for at, letter in enumerate(text) if letter == "\n"]
    for end in range(starts[0] + 1, len(text)):
        whole = sum(start <= end for start in starts[1:])
        imported = tried(read, text[:end])
        if isinstance(imported, str):
            assert whole == 0
            assert "emissions.csv:2 is not whole" in imported or "no row below the header" in imported
            continue
        assert len(imported.runs) >= whole
        if len(imported.runs) == whole and text[end - 1] != "\n":
            assert f"emissions.csv:{whole + 2} is not whole" in imported.faults[0]
        assert [run.total_kwh for run in imported.runs] == [0.3] * len(imported.runs)


def test_a_last_row_without_line_end_may_have_lost_digits_of_its_last_field() -> None:
    run = only(emissions_csv({"pue": 1.58}, version="2.8.3")[:-2])  # "1.5"
    assert run.pue is None
    assert "`pue` of its last row may be cut" in run.warnings[-1]
    assert run.total_kwh == 0.3


def test_a_row_that_a_crash_left_in_the_middle_is_told_and_the_others_are_read() -> None:
    lines = emissions_csv({"run_id": "a"}, {"run_id": "b"}, {"run_id": "c"}).split("\n")
    found = read("\n".join([lines[0], lines[1], lines[2][:60], lines[3], ""]))
    assert [run.run for run in found.runs] == ["a", "c"]
    assert found.faults == ("emissions.csv:3 is not whole: 10 of 38 fields; this row is not counted",)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"energy_consumed": -0.3}, r"`energy_consumed` is -0.3; expected a number of at least 0 kWh"),
        ({"cpu_energy": "nan"}, r"`cpu_energy` is nan"),
        ({"emissions": ""}, r"`emissions` is empty"),
        ({"duration": "an hour"}, r"`duration` is 'an hour'; expected a number of at least 0 s"),
        ({"pue": 0.9}, r"`pue` is 0.9; expected a number from 1 to 5"),
        ({"gpu_count": "many"}, r"`gpu_count` is 'many'"),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_its_line(row: dict[str, Any], said: str) -> None:
    with pytest.raises(DataFileError, match=rf"emissions.csv:3 {said}"):
        read(emissions_csv({}, row | {"run_id": "run-2"}))


def test_missing_columns_and_no_rows_are_told() -> None:
    with pytest.raises(DataFileError, match=r"emissions.csv:1 has no column energy_consumed"):
        read(emissions_csv({}).replace("energy_consumed", "energy"))
    with pytest.raises(DataFileError, match="no row below the header"):
        read(HEADERS["3.3.2"] + "\n")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"cpu_energy": 40, "gpu_energy": 250, "ram_energy": 10, "energy_consumed": 300}, "150,000 W per device"),
        ({"cpu_energy": 40, "energy_consumed": 40.26}, "1,000 times `cpu_power` x `duration`"),
        ({"energy_consumed": 0.5}, "the components add up to 0.3 kWh and the total says 0.5 kWh"),
        ({"emissions": 16.8}, "is the carbon in g, given as kg?"),
    ],
)
def test_what_would_be_right_in_another_unit_is_told(row: dict[str, Any], said: str) -> None:
    assert any(said in warning for warning in only(emissions_csv(row)).warnings)


@pytest.mark.parametrize("word", ["", "None", "nan", "NaN", "NA", "N/A", "null", "<NA>", "-", "  "])
def test_a_word_for_nothing_is_no_run_id(word: str) -> None:
    days = [{"run_id": word, "timestamp": f"2026-03-0{day}T10:00:00", "duration": 3600 + day} for day in (1, 2, 3)]
    imported = read(
        emissions_csv(
            *days, {"run_id": word, "timestamp": "2026-03-03T10:00:00", "duration": 60, "project_name": "other"}
        )
    )
    assert [run.run for run in imported.runs] == [f"2026-03-0{day}T10:00:00" for day in (1, 2, 3, 3)]
    assert sum(run.total_kwh or 0 for run in imported.runs) == pytest.approx(1.2)
    assert all(run.warnings == () for run in imported.runs)
    (note,) = imported.notes
    assert note == "4 rows have no run id (an empty cell or a word such as None): each is counted as a run of its own"


def test_rows_without_an_id_that_began_at_the_same_time_are_told() -> None:
    first = {"run_id": "None", "timestamp": "2026-03-01T10:00:00", "duration": 3600}
    found = read(emissions_csv(first, first | {"timestamp": "2026-03-01T11:00:01", "duration": 7200}))
    assert len(found.runs) == 2
    assert found.notes[1].startswith("emissions.csv:2 and emissions.csv:3 began at the same time")


def test_rows_that_one_run_cannot_have_are_two_runs_and_told() -> None:
    first = {"timestamp": "2026-03-01T10:00:00", "duration": 3600}
    (one, other) = read(emissions_csv(first, first | {"timestamp": "2026-03-02T10:00:00", "duration": 3700})).runs
    assert one.warnings == ()
    assert "emissions.csv:2 has the same run id and began 86,300 s earlier" in other.warnings[0]
    (one, other) = read(emissions_csv(first, first | {"project_name": "other"})).runs
    assert one.warnings == ()
    assert "emissions.csv:2 has the same run id and another project_name" in other.warnings[0]
    (run,) = read(emissions_csv(first, first | {"timestamp": "2026-03-01T10:10:02", "duration": 4200})).runs
    assert "count from the run's start" in run.warnings[0]


def test_namibia_is_a_place_and_a_word_for_nothing_is_none() -> None:
    assert only(emissions_csv({"country_iso_code": "NA", "country_name": "Namibia"})).zone == "NA"
    assert only(emissions_csv({"country_iso_code": "None", "region": "nan"})).zone is None


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("comma", [",", "."])
@pytest.mark.parametrize("before", ["", "sep={}\n", "\n"])
def test_other_dialects_hold_the_same_runs(delimiter: str, comma: str, before: str) -> None:
    plain = emissions_csv({"run_id": "a"}, {"run_id": "b", "energy_consumed": 0.31, "gpu_energy": 0.26})
    text = before.format(delimiter) + plain.replace(",", delimiter).replace(".", comma)
    runs = [replace(run, where="", version=None) for run in read(text).runs]
    assert runs == [replace(run, where="", version=None) for run in read(plain).runs]
    assert is_codecarbon(text)


def test_cases_that_were_reported(tmp_path: Path) -> None:
    if not CASES.is_dir():
        pytest.skip(f"no {CASES}")
    for name, expected in (
        ("04-run-id-none/none.csv", [0.12, 0.18, 0.35]),
        ("04-run-id-none/none_fall.csv", [0.12, 0.06]),
        ("09-semicolon-tab-sepline/excel_semi.csv", [0.12, 0.18]),
    ):
        text = (CASES / name).read_text(encoding="utf-8")
        variants = [text, text.replace(",None,", ",nan,"), text.replace(",codecarbon,None", ",other,None", 1)]
        for number, variant in enumerate(variants):
            path = tmp_path / f"{number}.csv"
            path.write_text(variant, encoding="utf-8")
            assert [run.total_kwh for run in read_imported(path).runs] == pytest.approx(expected)
