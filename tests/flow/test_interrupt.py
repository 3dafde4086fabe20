"""Ctrl-C: the command says what is kept, and only what is true."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.flow.commands import environment, within
from tests.flow.systems import write_small_system
from tests.measures.inequity.bbq.test_bbq import item_of, written
from tests.models.openai_servers import serving
from tests.models.openai_servers import written as answered
from tests.models.tiny_model import write_tiny_model
from tests.polling import WAIT_S, wait_until, worked

MANY = 60_000


def interrupted(*arguments: str | Path, when: Callable[[], bool] | float, **more: str | Path) -> str:
    """What the command says on a real SIGINT, sent once `when` holds, or once it has worked so long [s of processor
    time].
    """
    command = [sys.executable, "-m", "commonweal", *map(str, arguments)]
    process = subprocess.Popen(
        command, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(when if callable(when) else partial(worked, process, when), process)
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in out + err
    (said,) = [line for line in err.splitlines() if line.startswith("stopped.")]
    return said


def filled(path: Path) -> Callable[[], bool]:
    """The cache holds scores: its log has grown beyond that of an empty table."""
    log = path / "scores.sqlite3-wal"
    return lambda: log.exists() and log.stat().st_size > 60_000


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    path = tmp_path / "requests.jsonl"
    lines = ({"context": f"{number:x} and some more of it", "continuation": " c"} for number in range(MANY))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "model")


@pytest.mark.slow(seconds=50)
def test_score_and_compare_say_that_scores_are_kept_only_where_they_are(
    requests: Path, model: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    score = ["score", model, requests, "--out", tmp_path / "s.parquet", "--device", "cpu"]
    compare = ["compare", model, model, "--dtype-b", "bfloat16", "--requests", requests, "--device", "cpu"]
    kept = f"stopped. Scores that were finished are kept in {cache}; run the same command again to go on."
    for command in (score, compare):
        said = interrupted(*command, "--no-cache", when=9.0, COMMONWEAL_CACHE=cache)
        assert said == "stopped. Nothing is kept (--no-cache): the same command computes every score again."
        assert not (cache / "scores.sqlite3").exists()
    for command in (score, compare):
        assert interrupted(*command, when=filled(cache), COMMONWEAL_CACHE=cache) == kept
        for path in cache.glob("scores*"):
            path.unlink()
    assert not (tmp_path / "s.parquet").exists()


@pytest.mark.slow
def test_score_says_why_nothing_is_kept_where_the_cache_cannot_be_used(
    requests: Path, model: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    (cache / "scores.sqlite3").mkdir(parents=True)
    command = ["score", model, requests, "--out", tmp_path / "s.parquet", "--device", "cpu"]
    said = interrupted(*command, when=9.0, COMMONWEAL_CACHE=cache)
    assert said.startswith("stopped. Nothing is kept, since the cache cannot be used (unable to open database file)")


def test_a_comparison_of_files_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    for name in "ab":
        rows = "".join(f"{number},1,{number % 2},{number % 7}\n" for number in range(200_000))
        (tmp_path / f"{name}.csv").write_text("item,truth,prediction,group_x\n" + rows)
    said = interrupted("compare", tmp_path / "a.csv", tmp_path / "b.csv", when=2.5)
    assert said == "stopped. Nothing is kept: the same command begins anew."


def test_run_and_measure_say_what_is_kept_only_when_something_is(tmp_path: Path) -> None:
    system, out = write_small_system(tmp_path / "system"), tmp_path / "out"
    run = ["run", system, "--out", out, "--measures", "inequity.correspondence_audit", "--allow-code"]
    lines = lambda: any(path.stat().st_size for path in out.glob("items/*/*/*.jsonl"))  # noqa: E731
    said = interrupted(*run, when=lambda: (out / ".lock").exists() or lines(), NOISE_PAUSE_S="0.5")
    assert said in {
        f"stopped. Nothing is written to {out} yet; run the same command again.",
        f"stopped. What was measured is kept in {out}; run the same command again to go on.",
    }
    assert ("kept" in said) == lines()
    said = interrupted(*run, when=lines, NOISE_PAUSE_S="0.05")
    assert said == f"stopped. What was measured is kept in {out}; run the same command again to go on."


def test_measure_at_an_endpoint_does_not_claim_more_than_is_written(tmp_path: Path) -> None:
    (tmp_path / "bbq").mkdir()
    written(tmp_path / "bbq", [item_of(number, context=f"They met in room {number}.") for number in range(100)])
    out = tmp_path / "out"
    with serving() as service:

        def slowly(payload: object) -> tuple[int, object, dict[str, str]]:
            time.sleep(0.1)
            return answered("C")

        service.answer = slowly
        measure = [
            "measure",
            "inequity.bbq",
            "--model",
            service.locator,
            "--allow-network",
            "--data",
            tmp_path,
            "--out",
            out,
        ]
        said = interrupted(*measure, when=lambda: len(service.asked) > 8, COMMONWEAL_CACHE=tmp_path / "cache")
        asked = len(service.asked)
        assert said == f"stopped. Nothing is written to {out} yet; run the same command again."
        service.answer = lambda payload: answered("C")
        ended = within(*measure, COMMONWEAL_CACHE=tmp_path / "cache")
        assert ended.code == 0, ended.said
        assert len(service.asked) <= 100 + 4, asked


def test_ctrl_c_before_anything_is_begun_is_no_traceback() -> None:
    """The first second goes into imports: here it comes when numpy is in memory."""
    if not Path("/proc/self/maps").exists():
        pytest.skip("this system does not show what a process has loaded")
    command = [sys.executable, "-m", "commonweal", "compare", "a.csv", "b.csv"]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    loaded = Path(f"/proc/{process.pid}/maps")
    wait_until(lambda: "_multiarray_umath" in loaded.read_text(), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode in {130, 2}, err  # 2: it was faster than that, and there is no such file
    assert "Traceback" not in err
