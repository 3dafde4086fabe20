from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from commonweal.measures.environment.meter.meter import (
    Counter,
    Meter,
    Snapshot,
    counter_joules,
    cpu_seconds,
    rapl_counters,
    resident_gb,
    spent_joules,
)

RANGE_UJ = 262_143_328_850


def zone(powercap: Path, folder: str, name: str, energy_uj: int | str, range_uj: int = RANGE_UJ) -> None:
    (powercap / folder).mkdir(parents=True)
    (powercap / folder / "name").write_text(name + "\n")
    (powercap / folder / "energy_uj").write_text(f"{energy_uj}\n")
    (powercap / folder / "max_energy_range_uj").write_text(f"{range_uj}\n")


def test_a_counter_that_runs_over_its_range_is_unrolled_on_recorded_readings() -> None:
    # 50 J before the end of the range, and 70 J after it.
    assert counter_joules(RANGE_UJ - 50_000_000, 70_000_000, RANGE_UJ, wall_s=2.0) == pytest.approx(120.0)


@pytest.mark.parametrize(
    ("start", "end", "range_uj", "wall_s", "why"),
    [
        (None, 5, RANGE_UJ, 1.0, "not read before"),
        (5, None, RANGE_UJ, 1.0, "not read after"),
        (5, 5, RANGE_UJ, 1.0, "does not move, as in some virtual machines"),
        (0, 9, RANGE_UJ, 525.0, "500 W run through 262 kJ in 524 s, so it may have gone round more than once"),
        (9, 5, None, 1.0, "a counter without range that fell was reset"),
    ],
)
def test_what_cannot_be_known_is_none_and_never_0(start: Any, end: Any, range_uj: Any, wall_s: float, why: str) -> None:
    assert counter_joules(start, end, range_uj, wall_s) is None, why


def test_packages_and_dram_are_added_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 1)
    zone(tmp_path, "intel-rapl:0:1", "uncore", 1)
    zone(tmp_path, "intel-rapl:0:2", "dram", 2_000_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 3_000_000)
    zone(tmp_path, "intel-rapl:1:0", "dram", 5_000_000)
    zone(tmp_path, "intel-rapl:2", "psys", 1)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 1)
    (tmp_path / "intel-rapl").mkdir()
    counters, unread = rapl_counters(tmp_path)
    assert [(counter.component, counter.device) for counter in counters] == [
        ("CPU", "intel-rapl:0"),
        ("CPU", "intel-rapl:1"),
        ("memory", "intel-rapl:0:2"),
        ("memory", "intel-rapl:1:0"),
    ]
    assert unread == []
    before = Snapshot(0.0, 0.0, (1_000_000, 3_000_000, 2_000_000, 5_000_000))
    after = Snapshot(1.0, 0.0, (11_000_000, 23_000_000, 7_000_000, 9_000_000))
    assert spent_joules(counters, before, after) == {"CPU": 30.0, "memory": 9.0}


def test_memory_that_is_counted_for_one_of_two_packages_is_unread_since_a_part_is_no_sum(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    zone(tmp_path, "intel-rapl:0:2", "dram", 2_000_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 3_000_000)
    counters, unread = rapl_counters(tmp_path)
    assert [counter.component for counter in counters] == ["CPU", "CPU"]
    assert [(one.component, one.reason) for one in unread] == [("memory", "RAPL counts it for 1 of 2 packages only")]


def test_one_unreadable_package_makes_the_processor_unknown_since_a_part_is_no_sum() -> None:
    counters = [Counter("CPU", name, "counter", lambda: 0, RANGE_UJ) for name in ("intel-rapl:0", "intel-rapl:1")]
    before, after = Snapshot(0.0, 0.0, (1, None)), Snapshot(1.0, 0.0, (9, None))
    assert spent_joules(counters, before, after) == {}


def test_files_that_only_root_may_read_are_unknown_with_the_line_that_opens_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    real = Path.read_text

    def refuse(path: Path, *args: Any, **kwargs: Any) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", refuse)
    counters, unread = rapl_counters(tmp_path)
    assert counters == []
    assert "sudo chmod a+r" in next(each.reason for each in unread if each.component == "CPU")


def test_damaged_and_absent_zones_are_listed_as_unread(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", "not a number")
    counters, unread = rapl_counters(tmp_path)
    assert counters == []
    assert {each.component for each in unread} == {"CPU", "memory"}
    counters, unread = rapl_counters(tmp_path / "absent")
    assert counters == []
    assert all("no RAPL counter" in each.reason for each in unread)


def test_a_counter_that_vanishes_while_it_is_read_is_unknown(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    with Meter("cpu", tmp_path) as meter:
        before = meter.read()
        (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
        spent = meter.spent(before, meter.read())
    assert before.counters_uj == (1,)
    assert spent.joules == {}
    assert spent.wall_s > 0


def test_an_accelerator_without_a_reader_is_unread(tmp_path: Path) -> None:
    with Meter("mps", tmp_path) as meter:
        assert [each.component for each in meter.unread] == ["CPU", "memory", "GPU"]


def test_the_process_tells_its_cpu_seconds_and_its_memory() -> None:
    before = cpu_seconds()
    sum(range(2_000_000))
    assert cpu_seconds() > before > 0
    assert 0.005 < resident_gb() < 200


def test_reading_costs_a_thousandth_of_a_second_a_time(tmp_path: Path) -> None:
    """Generous, and far from the 1 % of a run: benchmarks/meter.py measures the share."""
    for package in range(2):
        zone(tmp_path, f"intel-rapl:{package}", f"package-{package}", 1)
        zone(tmp_path, f"intel-rapl:{package}:0", "dram", 1)
    with Meter("cpu", tmp_path) as meter:
        meter.read()
        began = time.thread_time()
        for _ in range(100):
            meter.read()
        assert time.thread_time() - began < 1.0
