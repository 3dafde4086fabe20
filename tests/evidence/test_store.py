from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from commonweal.errors import EvidenceFileError, OutputError
from commonweal.evidence.frame import evidence_frame
from commonweal.evidence.journal import Journal
from commonweal.evidence.records import Estimate, Evidence, Missing, Provenance
from commonweal.evidence.store import Store, digest, read_evidence
from commonweal.files.lines import writing
from tests.polling import WAIT_S

PROVENANCE = Provenance(source="tests", measure="tests.m", version=1, started="2026-01-01T00:00:00Z", duration_s=0.0)


def row(key: str, value: float = 0.5, note: str = "") -> Evidence:
    estimate = Estimate(quantity="q", unit="1", value=value, n=1, method="count", group={"gender": "women"})
    return Evidence(
        id=key,
        subjects=("a", "b"),
        measure="tests.m",
        basis="measured",
        status="ok",
        estimate=estimate,
        note=note,
        provenance=PROVENANCE,
    )


def items(*keys: str) -> list[dict[str, object]]:
    return [{"key": key, "score": len(key) / 7, "text": "é\n"} for key in keys]


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A real process of its own that writes."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB, where this machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_what_is_appended_is_read_back_the_same(tmp_path: Path) -> None:
    missing = Evidence(
        id="m",
        subjects=("a",),
        measure="tests.m",
        basis="measured",
        status="failed",
        note="no answer",
        provenance=PROVENANCE,
        missing=Missing(quantity="q", status="failed", reason="no answer"),
    )
    with Store(tmp_path) as store:
        assert store.append([row("1"), missing]) == [row("1"), missing]
    assert read_evidence(tmp_path / "evidence.jsonl") == [row("1"), missing]
    with Store(tmp_path) as store:
        assert dict(store.rows) == {"1": row("1"), "m": missing}


def test_a_row_that_is_already_there_is_not_written_again_and_the_first_one_stays(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.append([row("1", 0.25)])
        kept = store.append([row("1", 0.75), row("2"), row("2")])
    assert [one.estimate.value for one in kept if one.estimate] == [0.25, 0.5, 0.5]
    assert [one.id for one in read_evidence(tmp_path / "evidence.jsonl")] == ["1", "2"]


def test_a_last_row_that_was_cut_off_is_dropped_and_the_next_one_starts_on_a_line_of_its_own(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.append([row("1"), row("2")])
    path = tmp_path / "evidence.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    with Store(tmp_path) as store:
        assert list(store.rows) == ["1"]
        store.append([row("3")])
    assert [one.id for one in read_evidence(path)] == ["1", "3"]


@pytest.mark.parametrize("damage", [b'{"id": "x"}\n', b"not json\n", b"\xff\xfe\n", b"[]\n"])
def test_a_damaged_row_is_named_with_its_line(tmp_path: Path, damage: bytes) -> None:
    with Store(tmp_path) as store:
        store.append([row("1")])
    path = tmp_path / "evidence.jsonl"
    path.write_bytes(path.read_bytes() + damage)
    with pytest.raises(EvidenceFileError, match=r"evidence\.jsonl:2: not an evidence row"), Store(tmp_path):
        pass


def test_a_store_that_could_not_be_read_gives_the_folder_back(tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    path.write_bytes(b"not json\n")
    for _ in range(2):
        with pytest.raises(EvidenceFileError), Store(tmp_path):
            pass
    path.unlink()
    with Store(tmp_path) as store:
        store.append([row("1")])


@pytest.mark.parametrize("damage", [b"not json\n", b'{"score": 1}\n', b"[1]\n", b"\xff\n"])
def test_a_damaged_item_is_named_with_its_line(tmp_path: Path, damage: bytes) -> None:
    with Journal(tmp_path / "k") as journal:
        journal.append(items("a", "b"))
    path = tmp_path / "k.jsonl"
    path.write_bytes(path.read_bytes() + damage)
    with pytest.raises(EvidenceFileError, match=r"k\.jsonl:3: not an item outcome"), Journal(tmp_path / "k"):
        pass


def test_a_damaged_table_of_items_is_named_and_the_message_says_what_to_do(tmp_path: Path) -> None:
    with Journal(tmp_path / "k") as journal:
        journal.append(items("a"))
        journal.compact()
    (tmp_path / "k.parquet").write_bytes(b"PAR1 half a file")
    with (
        pytest.raises(EvidenceFileError, match=r"k\.parquet: cannot be read .* Remove the file"),
        Journal(tmp_path / "k"),
    ):
        pass


def test_an_item_that_was_cut_off_is_measured_again_and_the_others_are_not(tmp_path: Path) -> None:
    with Journal(tmp_path / "k") as journal:
        journal.append(items("a", "b"))
    path = tmp_path / "k.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    with Journal(tmp_path / "k") as journal:
        assert "a" in journal
        assert "b" not in journal
        journal.append(items("b", "c"))
    with Journal(tmp_path / "k") as journal:
        assert set(journal.items) == {"a", "b", "c"}
        assert journal["b"] == items("b")[0]


def test_compacting_keeps_every_item_and_every_value(tmp_path: Path) -> None:
    odd = [
        {"key": "x", "score": None, "text": None},
        {"key": "y", "score": -1e300, "text": "\u2028 \x1f 😀", "more": 3},
    ]
    with Journal(tmp_path / "k") as journal:
        journal.append(items("a", "b"))
        journal.append(odd)
        journal.compact()
        assert not journal.lines_path.exists()
    with Journal(tmp_path / "k") as journal:
        assert journal["a"] == {**items("a")[0], "more": None}
        assert {key: journal["y"][key] for key in odd[1]} == odd[1]
        assert journal["x"]["score"] is None
        journal.append(items("c"))
        journal.compact()
    with Journal(tmp_path / "k") as journal:
        assert set(journal.items) == {"a", "b", "c", "x", "y"}


def test_a_crash_between_writing_the_table_and_removing_the_lines_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(tmp_path / "k") as journal:
        journal.append(items("a", "b"))
        with monkeypatch.context() as crash:
            crash.setattr(Path, "unlink", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                journal.compact()
    assert journal.lines_path.exists()
    assert journal.parquet_path.exists()
    with Journal(tmp_path / "k") as journal:
        assert len(journal) == 2
        journal.append(items("c"))
        journal.compact()
    assert pl.read_parquet(tmp_path / "k.parquet")["key"].to_list() == ["a", "b", "c"]


def test_a_table_that_was_only_half_written_is_not_read(tmp_path: Path) -> None:
    with Journal(tmp_path / "k") as journal:
        journal.append(items("a"))
    (tmp_path / "k.parquet.partial").write_bytes(b"PAR1")
    with Journal(tmp_path / "k") as journal:
        assert set(journal.items) == {"a"}
        journal.compact()
    assert pl.read_parquet(tmp_path / "k.parquet")["key"].to_list() == ["a"]


@pytest.mark.parametrize("attempt", [0, 1, *(pytest.param(number, marks=pytest.mark.slow) for number in range(2, 20))])
def test_kill_9_at_a_random_moment_keeps_every_item_that_was_reported_as_written(tmp_path: Path, attempt: int) -> None:
    writer = python(
        """
        import sys
        from pathlib import Path
        from commonweal.evidence.journal import Journal
        with Journal(Path(sys.argv[1])) as journal:
            for index in range(10**9):
                journal.append([{"key": f"{index}", "text": "x" * (index % 300)}])
                print(index, flush=True)
                if index % 500 == 499:
                    journal.compact()
        """,
        tmp_path / "k",
    )
    assert writer.stdout is not None
    stop = random.Random(attempt).randrange(1, 1500)
    for line in writer.stdout:
        if int(line) >= stop:
            break
    writer.send_signal(signal.SIGKILL)
    told = [int(line) for line in writer.stdout if line.endswith("\n")]
    writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    last = max(told, default=stop)
    with Journal(tmp_path / "k") as journal:
        assert last + 1 <= len(journal) <= last + 2
        assert all(journal[str(index)]["text"] == "x" * (index % 300) for index in range(last + 1))
        journal.append(items("next"))
    with Journal(tmp_path / "k") as journal:
        assert "next" in journal


def test_two_runs_never_write_to_one_folder_at_the_same_time(tmp_path: Path) -> None:
    holder = python(
        """
        import sys
        from pathlib import Path
        from commonweal.evidence.store import Store
        with Store(Path(sys.argv[1])):
            print("open", flush=True)
            sys.stdin.read()
        """,
        tmp_path,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(OutputError, match="another run is writing here"), Store(tmp_path):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with Store(tmp_path) as store:
        store.append([row("1")])


def test_a_full_disk_is_told_as_such_and_what_was_measured_goes_on_where_it_stopped(small_disk: Path) -> None:
    def fill(journal: Journal) -> None:
        for index in range(100):
            journal.append([{"key": f"{index}", "text": "x" * 5000}])

    full = pytest.raises(OutputError, match=r"the disk is full\. Everything measured so far is kept")
    with full, Store(small_disk) as store, store.journal("tests.m", ("a",), "k") as journal:
        fill(journal)
    written = len(journal)
    assert 0 < written < 100
    with pytest.raises(OutputError, match="disk is full"), Store(small_disk) as store:
        store.append([row("1", note="n" * 300_000)])
    subprocess.run(["mount", "-o", "remount,size=2m", small_disk], check=True)
    with Store(small_disk) as store, store.journal("tests.m", ("a",), "k") as journal:
        assert len(journal) == written
        journal.append([{"key": f"{index}", "text": "x" * 5000} for index in range(written, 100)])
        journal.compact()
        store.append([row("1")])
    with Store(small_disk) as store, store.journal("tests.m", ("a",), "k") as journal:
        assert len(journal) == 100
        assert list(store.rows) == ["1"]


def test_a_disk_that_fills_while_the_table_is_written_keeps_the_lines(small_disk: Path) -> None:
    noise = random.Random(0)
    with Journal(small_disk / "k") as journal:
        for index in range(45):
            journal.append([{"key": f"{index}", "text": noise.randbytes(2200).hex()}])
        with pytest.raises(OutputError, match="disk is full"):
            journal.compact()
    with Journal(small_disk / "k") as journal:
        assert len(journal) == 45
        subprocess.run(["mount", "-o", "remount,size=2m", small_disk], check=True)
        journal.compact()
    with Journal(small_disk / "k") as journal:
        assert len(journal) == 45


def test_a_file_that_may_not_grow_any_more_keeps_its_whole_lines(tmp_path: Path) -> None:
    writer = python(
        """
        import resource, signal, sys
        from pathlib import Path
        from commonweal.errors import OutputError
        from commonweal.evidence.journal import Journal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            with Journal(Path(sys.argv[1])) as journal:
                for index in range(1000):
                    journal.append([{"key": f"{index}", "text": "x" * 100}])
        except OutputError as error:
            print(index, error)
        """,
        tmp_path / "k",
    )
    told, _ = writer.communicate(timeout=WAIT_S)
    assert "cannot be written (File too large). Choose another folder with --out" in told
    with Journal(tmp_path / "k") as journal:
        assert len(journal) == int(told.split()[0])
        journal.append(items("next"))
    with Journal(tmp_path / "k") as journal:
        assert "next" in journal


def test_a_device_that_is_always_full_gives_the_same_error() -> None:
    with (
        pytest.raises(OutputError, match="full: the disk is full"),
        writing(Path("/dev/full")),
        open("/dev/full", "wb") as file,
    ):
        file.write(b"x")


def test_a_folder_that_cannot_be_written_is_told_as_such(tmp_path: Path) -> None:
    folder = Path("/proc/commonweal") if os.geteuid() == 0 else tmp_path / "locked" / "out"
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match=r"cannot be written .* Choose another folder with --out"), Store(folder):
        pass


def test_a_file_where_a_folder_is_due_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("")
    with pytest.raises(OutputError, match="is a file, expected a folder"), Store(path):
        pass
    with pytest.raises(OutputError, match="cannot be written"), Store(path / "deeper"):
        pass


def test_a_number_that_is_not_one_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with Journal(tmp_path / "k") as journal, pytest.raises(ValueError, match="JSON compliant"):
        journal.append([{"key": "a", "score": 1.0}, {"key": "b", "score": float("nan")}])
    assert not (tmp_path / "k.jsonl").exists()


def test_equal_content_has_equal_hashes_whatever_its_order_and_another_content_has_another() -> None:
    assert digest("a", {"b": 1, "c": [1, 2]}) == digest("a", {"c": [1, 2], "b": 1})
    assert digest("a", "b") != digest("ab") != digest(["a", "b"])
    assert digest("\ud800") == digest("\ud800")


def test_the_frame_has_a_line_for_every_row_and_says_groups_in_words(tmp_path: Path) -> None:
    missing = row("2").model_copy(update={"status": "failed", "estimate": None, "note": "why"})
    frame = evidence_frame([row("1", 0.25), missing])
    assert frame["subject"].to_list() == ["a+b", "a+b"]
    assert frame["value"].to_list() == [0.25, None]
    assert frame["group"].to_list() == ["gender=women", None]
    assert frame["note"].to_list() == ["", "why"]
    assert evidence_frame([]).columns == frame.columns
    assert json.loads(frame.write_json())[0]["unit"] == "1"


def test_a_run_keeps_which_items_it_asked_for_and_nothing_where_it_asked_for_none(tmp_path: Path) -> None:
    with Journal(tmp_path / "k") as journal:
        journal.append(items("a", "b", "c"))
        journal.finish("whole")
    with Journal(tmp_path / "k") as journal:
        assert journal["a"]
        journal.append_new(items("b", "d"))
        journal.finish("limited")
    with Journal(tmp_path / "k") as journal:
        assert "c" in journal
        journal.finish("asked nothing")
        assert pl.read_parquet(journal.run_path("whole"))["key"].to_list() == ["a", "b", "c"]
        assert pl.read_parquet(journal.run_path("limited"))["key"].to_list() == ["a", "b", "d"]
        assert not journal.run_path("asked nothing").exists()
    assert pl.read_parquet(tmp_path / "k.parquet")["key"].to_list() == ["a", "b", "c", "d"]
