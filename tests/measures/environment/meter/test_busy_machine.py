from __future__ import annotations

from pathlib import Path

import pytest

from commonweal.measures.environment.meter import busy_machine
from commonweal.measures.environment.meter.busy_machine import busy_note, machine_cpu_s, working_ticks

# Lines as a machine with 2 threads and 100 ticks a second writes them, 10.0 s apart: at rest, and while others
# computed.
REST = (
    "cpu  81234 112 9120 1630021 2210 0 301 77 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n",
    "cpu  81241 112 9125 1632004 2211 0 301 77 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n",
)
BUSY = (
    "cpu  90310 112 9300 1640112 2230 0 302 80 0 0\nintr 5\n",
    "cpu  92190 112 9352 1640160 2231 0 303 98 0 0\nintr 6\n",
)


@pytest.mark.parametrize(
    ("readings", "worked_s", "said"), [(REST, 0.12, False), (BUSY, 19.51, True)], ids=["rest", "busy"]
)
def test_recorded_readings(readings: tuple[str, str], worked_s: float, said: bool) -> None:
    before, after = (working_ticks(reading) for reading in readings)
    assert before is not None
    assert after is not None
    assert (after - before) / 100 == pytest.approx(worked_s)
    assert bool(busy_note((after - before) / 100, 10.0, 2)) == said
    assert not busy_note((after - before) / 100, 10.0, 256), "two busy programs are little on a large machine"


@pytest.mark.parametrize("text", ["", "cpu", "cpu  1 2 3\n", "cpu  a b c d e f g h\n", "cpu0 1 2 3 4 5 6 7 8\n"])
def test_a_reading_that_says_nothing_is_none_and_not_0(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert working_ticks(text) is None
    (tmp_path / "stat").write_text(text)
    monkeypatch.setattr(busy_machine, "STAT", tmp_path / "stat")
    assert machine_cpu_s() is None
    monkeypatch.setattr(busy_machine, "STAT", tmp_path / "absent")
    assert machine_cpu_s() is None
