"""Ctrl-C or kill -9 anywhere: nothing measured is lost, and nothing measured is measured twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from tests.flow.commands import Ended, within
from tests.flow.systems import write_small_system, write_system
from tests.polling import WAIT_S, wait_until

ITEMS = 8 * 9 * 20


def verb(system: Path, out: Path) -> list[str]:
    return ["run", str(system), "--out", str(out), "--measures", "inequity.correspondence_audit", "--allow-code"]


def start(system: Path, out: Path, pause_s: float, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "commonweal", *verb(system, out), *more]
    environment = {**os.environ, "NOISE_PAUSE_S": str(pause_s)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(system: Path, out: Path) -> Ended:
    """The same command to its end; nobody stops it, so it needs no process of its own."""
    ended = within(*verb(system, out))
    assert ended.code == 0, ended.err
    return ended


def journalled(out: Path) -> set[str]:
    """Keys of the items that were written whole."""
    keys = set()
    for path in out.glob("items/*/*/*.jsonl"):
        keys |= {json.loads(line)["key"] for line in path.read_bytes().split(b"\n")[:-1] if line}
    return keys


def asked(folder: Path) -> Counter[str]:
    log = folder / "asked.log"
    return Counter(log.read_text().split()) if log.exists() else Counter()


def journalled_texts(out: Path) -> set[str]:
    import hashlib

    texts = set()
    for path in out.glob("items/*/*/*.jsonl"):
        for line in path.read_bytes().split(b"\n")[:-1]:
            texts.add(hashlib.sha256(json.loads(line)["text"].encode()).hexdigest())
    return texts


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_run_that_is_stopped_at_random_moments_goes_on_at_the_next_item(tmp_path: Path, how: signal.Signals) -> None:
    system, out = write_system(tmp_path / "system"), tmp_path / "out"
    rng = random.Random(how)
    kept: set[str] = set()
    stops = 0
    for _ in range(2):
        process = start(system, out, pause_s=0.002)
        target = len(kept) + rng.randrange(40, 300)
        wait_until(lambda: len(journalled(out)) >= target, process)  # noqa: B023 - called before the next target
        if process.poll() is None:
            process.send_signal(how)
            stops += 1
        process.communicate(timeout=WAIT_S)
        now = journalled_texts(out)
        assert kept <= now, "an item that was written down is gone"
        kept = now
        counted = asked(tmp_path / "system")
    assert stops == 2
    before = {text: count for text, count in counted.items() if text in kept}
    last = finish(system, out)
    after = asked(tmp_path / "system")
    assert all(after[text] == count for text, count in before.items()), "an item that was written down was asked again"
    items = pl.read_parquet(next(out.glob("items/inequity.correspondence_audit/screener/*.parquet")))
    assert items["key"].n_unique() == len(items)
    assert len(items.filter(pl.col("axis") == "name")) == ITEMS
    assert "dossier.html" in last.out
    assert not list(out.glob("items/*/*/*.jsonl"))


def test_a_run_that_was_stopped_ends_with_the_same_numbers_as_one_that_was_not(tmp_path: Path) -> None:
    system = write_small_system(tmp_path / "system")
    process = start(system, tmp_path / "stopped", pause_s=0.02)
    wait_until(lambda: len(journalled(tmp_path / "stopped")) >= 32, process)
    process.kill()
    process.communicate()
    numbers = []
    for out in (tmp_path / "stopped", tmp_path / "whole"):
        finish(system, out)
        rows = [json.loads(line) for line in (out / "evidence.jsonl").read_text().splitlines()]
        numbers.append(
            {row["id"]: row["estimate"] for row in rows if row["measure"] == "inequity.correspondence_audit"}
        )
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) >= 5


def test_a_second_run_measures_nothing_and_adds_no_row(tmp_path: Path) -> None:
    system, out = write_small_system(tmp_path / "system"), tmp_path / "out"
    for _ in range(2):
        finish(system, out)
    assert set(asked(tmp_path / "system").values()) == {1}
    assert len(asked(tmp_path / "system")) == 72
    ids = [json.loads(line)["id"] for line in (out / "evidence.jsonl").read_text().splitlines()]
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_two_runs_at_once_do_not_write_to_one_folder(tmp_path: Path) -> None:
    system, out = write_small_system(tmp_path / "system"), tmp_path / "out"
    first = start(system, out, pause_s=0.2)
    wait_until(lambda: bool(journalled(out)), first)
    second = start(system, out, pause_s=0.0)
    _, errors = second.communicate(timeout=WAIT_S)
    first.kill()
    first.communicate()
    assert second.returncode == 2
    assert "another run is writing here" in errors
