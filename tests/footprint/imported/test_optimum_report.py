from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from commonweal.errors import DataFileError
from commonweal.footprint.imported.imported_run import Imported
from commonweal.footprint.imported.optimum_report import read_optimum
from tests.footprint.made_up_logs import BENCHMARK, REPORT, benchmark_report, target, tried


def read(content: object) -> Imported:
    return read_optimum(content if isinstance(content, str) else json.dumps(content), Path("benchmark_report.json"))


def test_targets_by_hand() -> None:
    load, prefill, decode = read(REPORT).runs
    assert load.kwh == {"CPU": 1e-5, "memory": 2e-6}
    assert load.total_kwh == 1.2e-5
    assert prefill.duration_s == 0.5
    assert (decode.duration_s, decode.carbon_kg, decode.pue, decode.version) == (None, None, None, None)
    assert any("per iteration" in text for text in prefill.warnings)
    assert not any("per iteration" in text for text in load.warnings)
    assert any(text.startswith("carbon") for text in load.missing)
    assert any(text.startswith("version") for text in load.missing)


def test_a_gpu_in_the_settings_or_in_use_that_counts_0_is_unknown() -> None:
    runs = read(BENCHMARK).runs
    assert all(run.kwh["GPU"] is None and run.total_kwh is None for run in runs)
    assert runs[0].counted_kwh == 1.2e-5
    assert runs[0].version == "0.6.0"
    used = copy.deepcopy(REPORT)
    used["load"]["memory"]["max_global_vram"] = 700.0
    assert [run.unread for run in read(used).runs] == [("GPU",), (), ()]
    counted = read({"load": target(1e-5, 2e-6, 8e-6, 2e-5)}).runs[0]
    assert counted.kwh["GPU"] == 8e-6


def test_generate_has_the_others_in_it() -> None:
    assert "do not add them up" in read(REPORT | {"generate": target(1e-5, 3e-6, 0.0, 1.3e-5)}).notes[0]
    assert read(REPORT).notes == ()


@pytest.mark.parametrize(
    "content", [benchmark_report(), json.dumps(BENCHMARK), json.dumps(REPORT)], ids=["report", "both", "line"]
)
def test_every_cut_loses_nothing_that_was_whole(content: str) -> None:
    names = ("load", "prefill", "decode")
    ends = [content.index('"efficiency": null', content.index(f'"{name}": {{')) for name in names]
    ends = [content.index("}", end) + 1 for end in ends]
    for end in range(1, len(content)):
        whole = sum(end > each for each in ends)
        imported = tried(read, content[:end])
        if isinstance(imported, str):
            assert whole == 0
            assert "cut short here" in imported
            continue
        assert [run.run for run in imported.runs] == list(names[: len(imported.runs)])
        assert len(imported.runs) >= whole
        assert "cut short here" in imported.faults[0]


def changed(**energy: Any) -> dict[str, Any]:
    report = copy.deepcopy(REPORT)
    report["decode"]["energy"] |= energy
    return report


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (changed(cpu=-1e-6), r"decode.energy: `cpu` is -1e-06; expected a number of at least 0 kWh"),
        (changed(total=float("nan")), r"decode.energy: `total` is nan"),
        (changed(total=None), r"decode.energy: `total` is empty"),
        (changed(unit="Wh"), r"`unit` is 'Wh'; expected 'kWh'"),
        ({"load": {"energy": None}}, r"no target has `energy`; got load"),
        ({}, r"no target has `energy`; got nothing"),
    ],
)
def test_what_cannot_be_is_refused(content: Any, said: str) -> None:
    with pytest.raises(DataFileError, match=said):
        read(content)


def test_power_that_no_device_draws_is_told() -> None:
    assert "is the energy in Wh" in read({"load": target(0.01, 0.002, 0.0, 0.012)}).runs[0].warnings[0]
