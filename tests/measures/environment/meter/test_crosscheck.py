from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from commonweal.errors import MeasurementError, MissingExtra
from commonweal.measures.environment.meter.crosscheck import CrossCheck, crosscheck
from commonweal.measures.environment.meter.meter import Meter
from tests.measures.environment.conftest import DRAM, PACKAGE, Machine


class CPU:
    """As much of codecarbon's CPU as tells its mode."""

    _mode, _tdp = "cpu_load", 100


class FakeTracker:
    """Counts, per run, 0.2 Wh of CPU and 0.1 Wh of memory."""

    found: Any = None

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self._hardware = [CPU()]
        self.final_emissions_data: Any = None

    def start(self) -> None:
        pass

    def stop(self) -> None:
        self.final_emissions_data = self.found


def theirs(**changed: Any) -> SimpleNamespace:
    whole = {
        "cpu_energy": 0.0002,
        "ram_energy": 0.0001,
        "gpu_energy": 0.0,
        "energy_consumed": 0.0003,
        "cpu_power": 12.0,
        "ram_power": 6.0,
        "gpu_power": 0.0,
        "gpu_model": "",
        "ram_total_size": 16.0,
        "duration": 60.5,
        "codecarbon_version": "3.3.2",
        "pue": 1.0,
    }
    return SimpleNamespace(**whole | changed)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> type[FakeTracker]:
    module = ModuleType("codecarbon")
    module.OfflineEmissionsTracker = FakeTracker  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "codecarbon", module)
    monkeypatch.setattr(FakeTracker, "found", theirs())
    return FakeTracker


def checked(machine: Machine, device: str = "cpu", **joules: float) -> CrossCheck:
    """A minute of work, one second at a time."""
    with Meter(device, machine.powercap) as meter:
        return crosscheck(lambda: machine.spend(1.0, 0.9, joules), 60.0, meter, np.random.default_rng(0))


def test_counters_by_hand(rapl_machine: Machine, found: type[FakeTracker]) -> None:
    """60 s of 6 J and 1.2 J are 0.1 and 0.02 Wh; theirs 0.2 and 0.1 Wh. The package runs over its range meanwhile."""
    both = checked(rapl_machine, **{PACKAGE: 6.0, DRAM: 1.2})
    by = {one.component: one for one in both.compared}
    assert by["CPU"].ours_wh == pytest.approx(0.1)
    assert by["CPU"].ratio == pytest.approx(2.0)
    assert by["memory"].ratio == pytest.approx(5.0)
    assert by["all"].ratio == pytest.approx(2.5)
    assert by["CPU"].ours_by.startswith("measured")
    assert "TDP of 100 W" in by["CPU"].theirs_by
    assert "16 GiB" in by["memory"].theirs_by
    assert (both.ours_s, both.theirs_s) == (pytest.approx(60.0), 60.5)
    assert list(by) == ["CPU", "memory", "all"]
    assert any("PUE" in text for text in both.explanations)


def test_the_model_has_an_interval_and_the_busy_machine_is_told(machine: Machine, found: type[FakeTracker]) -> None:
    machine.others_threads = 1.5
    both = checked(machine)
    cpu = both.compared[0]
    assert cpu.ours_by.startswith("modelled")
    assert cpu.ours_wh == pytest.approx(54 * 3.97744 / 3600, rel=1e-4)
    assert cpu.low is not None
    assert cpu.high is not None
    assert cpu.low < cpu.ours_wh < cpu.high
    assert any("kept 1.5 of the" in text for text in both.explanations)


def test_a_gpu_that_either_does_not_read_leaves_no_ratio(
    machine: Machine, found: type[FakeTracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeTracker, "found", theirs(gpu_model="1 x A"))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    both = checked(machine, device="cuda")
    by = {one.component: one for one in both.compared}
    assert (by["GPU"].ours_wh, by["GPU"].theirs_wh, by["GPU"].ratio) == (None, None, None)
    assert "written as 0, which is unknown" in by["GPU"].theirs_by
    assert (by["all"].ours_wh, by["all"].theirs_wh, by["all"].ratio) == (None, None, None)


def test_a_gpu_that_only_theirs_counts_is_told(
    machine: Machine, found: type[FakeTracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeTracker, "found", theirs(gpu_model="1 x A", gpu_energy=0.001, gpu_power=60.0))
    both = checked(machine)
    assert [one.theirs_wh for one in both.compared if one.component == "GPU"] == [1.0]
    assert any("only where the model uses one" in text for text in both.explanations)


def test_without_codecarbon_the_line_that_installs_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    with pytest.raises(MissingExtra, match=r"pip install 'commonweal\[codecarbon\]'"):
        checked(machine)


def test_a_tracker_that_ends_without_a_reading_is_an_error(
    machine: Machine, found: type[FakeTracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeTracker, "found", None)
    with pytest.raises(MeasurementError, match="without a reading"):
        checked(machine)


@pytest.mark.slow
def test_the_real_codecarbon_over_the_same_work(tmp_path: Path) -> None:
    pytest.importorskip("codecarbon", reason="codecarbon is not installed: pip install 'commonweal[codecarbon]'")
    with Meter("cpu", tmp_path / "no-rapl") as meter:
        both = crosscheck(lambda: sum(range(200_000)), 4.0, meter, np.random.default_rng(0))
    by = {one.component: one for one in both.compared}
    for component in ("CPU", "memory"):
        assert by[component].ratio is not None
        assert by[component].ratio > 0
    assert both.theirs_s == pytest.approx(both.ours_s, rel=0.5)
