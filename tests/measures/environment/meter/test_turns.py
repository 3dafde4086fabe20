from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commonweal.evidence.journal import Journal
from commonweal.measures.environment.meter import turns
from commonweal.measures.environment.meter.meter import Meter
from commonweal.measures.environment.meter.turns import TimedWork, observe_in_turn
from tests.measures.environment.conftest import DRAM, PACKAGE


@pytest.fixture(autouse=True)
def clock(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "perf_counter", lambda: machine.clock_s)
    monkeypatch.setattr(turns, "sleep", machine.rest)


def way(
    machine: Any, name: str, wall_s: float, joules: dict[str, float] | None = None, **more: Any
) -> tuple[TimedWork, list[str]]:
    """A way that takes so long for a request; what it did is written into the list that all share."""
    done: list[str] = more.get("done", [])

    def run(count: int) -> None:
        done.append(f"{name} {count}")
        if len(done) > more.get("stops_after", 10**9):
            raise KeyboardInterrupt
        spent = {zone: each * count for zone, each in (joules or {}).items()}
        machine.spend(count * wall_s, 2 * count * wall_s, spent)

    return TimedWork(name, run, 16, more.get("tried", 4), lambda: more.get("elsewhere_gb", 0.0)), done


def test_blocks_come_in_turn_and_each_round_begins_with_another_way(machine: Any, journal: Journal) -> None:
    done: list[str] = []
    ways = [way(machine, name, 0.1, done=done)[0] for name in "abc"]
    with Meter("cpu") as meter:
        seen = observe_in_turn(ways, meter, journal)
    # 1.6 s a pass, 4.8 s a round: the 14 s hold two rounds, and fewer than three are never taken.
    assert done == ["a 1", "a 4", "b 1", "b 4", "c 1", "c 4", *(f"{name} 16" for name in "abcbcacab")]
    for name in "abc":
        assert [block.decisions for block in seen[name].blocks] == [16] * 3
        assert [block.wall_s for block in seen[name].blocks] == pytest.approx([1.6] * 3)


def test_a_fast_way_makes_as_many_passes_as_fill_a_block(machine: Any, journal: Journal) -> None:
    with Meter("cpu") as meter:
        seen = observe_in_turn([way(machine, "a", 0.001)[0], way(machine, "b", 0.01)[0]], meter, journal)
    assert [block.decisions for block in seen["a"].blocks] == [31 * 16] * 6
    assert [block.decisions for block in seen["b"].blocks] == [3 * 16] * 6


def test_a_machine_that_grows_busy_hits_both_alike(machine: Any, journal: Journal) -> None:
    """The clock runs three times as fast from the middle on; the ratio by round stays 2."""

    def run(factor: float) -> Any:
        def work(count: int) -> None:
            busy = 3.0 if machine.clock_s > 107 else 1.0
            machine.spend(count * 0.05 * factor * busy, count * 0.1 * factor, {})

        return work

    ways = [TimedWork(name, run(factor), 16, 4, lambda: 0.0) for name, factor in (("a", 1.0), ("b", 2.0))]
    with Meter("cpu") as meter:
        seen = observe_in_turn(ways, meter, journal)
    pairs = [(one.wall_s, two.wall_s) for one, two in zip(seen["a"].blocks, seen["b"].blocks, strict=True)]
    assert {round(two / one, 6) for one, two in pairs} <= {2.0, 6.0, round(2 / 3, 6)}
    assert sum(two / one == pytest.approx(2.0) for one, two in pairs) >= len(pairs) - 1
    assert max(one for one, _ in pairs) > 2 * min(one for one, _ in pairs)


def test_a_run_that_was_stopped_goes_on_at_the_next_block(machine: Any, tmp_path: Path) -> None:
    with Journal(tmp_path / "k") as journal, Meter("cpu") as meter, pytest.raises(KeyboardInterrupt):
        observe_in_turn([way(machine, "a", 0.1, stops_after=4)[0]], meter, journal)
    continued, done = way(machine, "a", 0.1)
    with Journal(tmp_path / "k") as journal, Meter("cpu") as meter:
        assert len(observe_in_turn([continued], meter, journal)["a"].blocks) == 6
        assert done == ["a 1", *["a 16"] * 4]
        done.clear()
        again = observe_in_turn([continued], meter, journal)
        assert done == []
        journal.compact()
    with Journal(tmp_path / "k") as journal, Meter("cpu") as meter:
        assert observe_in_turn([continued], meter, journal) == again
        assert done == []


def test_memory_of_other_ways_is_not_counted_and_counters_and_rests_are(rapl_machine: Any, journal: Journal) -> None:
    one, _ = way(rapl_machine, "a", 0.1, {PACKAGE: 0.5, DRAM: 0.1}, elsewhere_gb=1.25)
    with Meter("cpu") as meter:
        seen = observe_in_turn([one], meter, journal)["a"]
    assert [block.memory_gb for block in seen.blocks] == [0.75] * 6
    assert seen.blocks[0].joules == pytest.approx({"CPU": 8.0, "memory": 1.6})
    assert seen.idle_w["CPU"] == pytest.approx((10.0, 10.0))
    assert seen.idle_w["memory"] == pytest.approx((2.0, 2.0))
