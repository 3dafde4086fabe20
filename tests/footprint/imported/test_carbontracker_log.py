from __future__ import annotations

from pathlib import Path

import pytest

from commonweal.errors import DataFileError
from commonweal.footprint.imported.carbontracker_log import read_carbontracker
from commonweal.footprint.imported.imported_run import Imported
from tests.footprint.made_up_logs import OUTPUT_LOG, STANDARD_LOG, tried


def epochs(text: str) -> Imported:
    return read_carbontracker(text, Path("x_carbontracker.log"))


def total(text: str) -> Imported:
    return read_carbontracker(text, Path("x_carbontracker_output.log"))


def test_epochs_by_hand() -> None:
    first, second = epochs(STANDARD_LOG).runs
    # 600 s of 60 W, 6 W and 240 + 300 W are 0.01, 0.001 and 0.09 kWh.
    assert first.kwh == pytest.approx({"CPU": 0.01, "memory": 0.001, "GPU": 0.09})
    assert first.total_kwh == pytest.approx(0.101)
    assert (first.run, first.duration_s, first.where) == ("epoch 1", 600.0, "x_carbontracker.log:5")
    assert (first.version, first.pue, first.g_per_kwh, first.carbon_kg) == ("2.4.7", 1.0, 445.0, None)
    assert first.warnings == ()
    assert any(text.startswith("method") for text in first.missing)
    assert any("source of the grid intensity" in text for text in first.missing)
    assert second.duration_s == 602.5
    assert second.kwh["GPU"] is None, "no power was measured in it"
    assert second.total_kwh is None
    assert second.counted_kwh == pytest.approx(66 * 602.5 / 3.6e6)


def test_power_of_exactly_0_is_what_a_failed_reading_leaves() -> None:
    first = epochs(STANDARD_LOG.replace("[60. 6.]", "[60. 0.]")).runs[0]
    assert first.kwh["memory"] is None
    assert first.kwh["CPU"] == pytest.approx(0.01)
    assert first.total_kwh is None


def test_one_number_for_the_processor_as_newer_versions_write_it() -> None:
    text = STANDARD_LOG.replace("cpu:0, dram:0", "Test CPU 2.0").replace("[60. 6.]", "50.0")
    first = epochs(text).runs[0]
    assert first.kwh["CPU"] == pytest.approx(50 / 6000)
    assert "memory" not in first.kwh
    assert any(text.startswith("memory") for text in first.missing)


def test_the_sum_with_its_pue_from_the_log_beside(tmp_path: Path) -> None:
    path = tmp_path / "x_carbontracker_output.log"
    (tmp_path / "x_carbontracker.log").write_text(STANDARD_LOG)
    imported = read_carbontracker(OUTPUT_LOG, path)
    (run,) = imported.runs
    assert (run.run, run.total_kwh, run.duration_s, run.carbon_kg) == ("2 epochs", 0.6, 1202.0, 0.267)
    assert (run.pue, run.version, run.g_per_kwh) == (1.58, "2.4.7", 445.0)
    assert run.where.endswith(":8")
    assert imported.notes == ("a prediction for more epochs is in the file; it is not imported",)
    (tmp_path / "x_carbontracker.log").unlink()
    (alone,) = read_carbontracker(OUTPUT_LOG, path).runs
    assert alone.pue is None
    assert any("x_carbontracker.log" in text for text in alone.missing)


def test_without_a_number_of_epochs_and_with_no_energy() -> None:
    text = OUTPUT_LOG.replace(" for 2 epoch(s)", "").replace("0.600000000000", "0.000000")
    (run,) = total(text).runs
    assert (run.run, run.total_kwh, run.carbon_kg) == ("all", None, None)


def test_every_cut_of_a_log_loses_nothing_that_was_whole() -> None:
    ends = [STANDARD_LOG.index(" 300.]\n") + 7, STANDARD_LOG.index("gpu: None\n") + 10]
    for end in range(STANDARD_LOG.index("Epoch 1"), len(STANDARD_LOG)):
        whole = sum(end >= each for each in ends)
        imported = tried(epochs, STANDARD_LOG[:end])
        if isinstance(imported, str):
            assert whole == 0
            continue
        assert len(imported.runs) == whole
        assert imported.runs[0].total_kwh == pytest.approx(0.101)
        if STANDARD_LOG[end - 1] != "\n":
            assert "is cut in the middle of the line" in " ".join(imported.faults)
        elif whole == 1 and "Epoch 2" in STANDARD_LOG[:end]:
            assert "epoch 2 is not whole" in imported.faults[0]


def test_every_cut_of_a_sum_is_the_sum_or_an_error() -> None:
    whole = OUTPUT_LOG.index("267.000000000000 g\n") + 19
    for end in range(OUTPUT_LOG.index("Actual"), len(OUTPUT_LOG)):
        imported = tried(total, OUTPUT_LOG[:end])
        assert isinstance(imported, str) == (end < whole)
        if isinstance(imported, str):
            assert "output.log:" in imported
        else:
            assert imported.runs[0].total_kwh == 0.6


def test_a_run_that_was_stopped_says_so() -> None:
    assert epochs(STANDARD_LOG).notes == ()
    assert "later epochs may be missing" in epochs(STANDARD_LOG.replace("Monitoring thread ended.", "?")).notes[0]
    stopped = STANDARD_LOG.replace(
        "Monitoring thread started.", "Training was interrupted before all 9 epochs were monitored."
    )
    assert "interrupted before all 9" in epochs(stopped).notes[0]


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("coefficient of 1.58", "coefficient of 0.8", r"log:2 `pue` is 0.8; expected a number from 1"),
        ("[60. 6.]", "[-60. 6.]", r"log:7 `average power` is -60."),
        ("[60. 6.]", "[nan 6.]", r"log:7 `average power` is nan"),
        ("445.00", "many", r"log:14 `carbon intensity` is 'many'"),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_its_line(was: str, becomes: str, said: str) -> None:
    with pytest.raises(DataFileError, match=said):
        epochs(STANDARD_LOG.replace(was, becomes))


def test_power_that_no_device_draws_is_told() -> None:
    assert "is the energy in Wh" in epochs(STANDARD_LOG.replace(" 300.]", " 300000.]")).runs[0].warnings[0]
