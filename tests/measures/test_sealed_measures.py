"""What was deleted or changed in a folder is noticed by the next run there; what a crash leaves is simply completed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from commonweal.errors import ApplicationError
from commonweal.evidence.records import Evidence
from commonweal.evidence.store import Store
from commonweal.files import lines
from commonweal.files.lines import beside
from commonweal.measures.gather import Task, gather
from tests.measures.test_gather import ITEMS, Screener, run, setting, spec

EVIDENCE, SEALS = "evidence.jsonl", "seals.jsonl"


def again(folder: Path, application: Screener | None = None) -> tuple[list[Evidence], Screener, list[str]]:
    """The rows of another run in the folder, what it asked, and what it told."""
    asked = application or Screener()
    with Store(folder) as store:
        rows = gather(Task(spec(), "app", lambda: asked), setting(store))
    return rows, asked, store.told


def numbers(rows: list[Evidence]) -> list[tuple[str, object]]:
    return [(row.id, row.estimate) for row in rows]


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """A folder with one finished measure."""
    run(tmp_path, Screener())
    return tmp_path


@pytest.fixture
def rows(done: Path) -> list[Evidence]:
    return again(done)[0]


def table(folder: Path) -> Path:
    (found,) = folder.glob("items/*/*/*.parquet")
    return found


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(line + "\n" for line in change(path.read_text().splitlines())))


def test_a_folder_that_nobody_touched_tells_nothing_asks_nothing_and_writes_nothing(done: Path) -> None:
    before = {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}
    _, asked, told = again(done)
    assert (asked.asked, told) == (0, [])
    assert {path: path.read_bytes() for path in done.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[1:], "1 of 3 rows are gone"),
        (lambda lines: [], "3 of 3 rows are gone"),
        (lambda lines: [lines[0].replace('"value":0.5', '"value":0.1'), *lines[1:]], "changed"),
        (lambda lines: [lines[0].replace('"n":100', '"n":1000'), *lines[1:]], "changed"),
        (lambda lines: [*lines[:2], lines[2].replace("no groups", "none needed")], "changed"),
        (lambda lines: [*lines, lines[0].replace('"value":0.5', '"value":0.1')], "changed"),
    ],
)
def test_rows_that_were_deleted_or_changed_are_worked_out_again_from_whole_items_and_told(
    done: Path, rows: list[Evidence], change: Callable[[list[str]], list[str]], words: str
) -> None:
    edit(done / EVIDENCE, change)
    remeasured, asked, notes = again(done)
    assert numbers(remeasured) == numbers(rows)
    assert asked.asked == 0
    assert len(notes) == 1
    assert "not as it was sealed (quality.share on app: " in notes[0]
    assert words in notes[0]
    assert again(done)[2] == [], "it is told once"
    assert len((done / EVIDENCE).read_text().splitlines()) == 3


def test_a_row_that_was_added_is_not_taken(done: Path, rows: list[Evidence]) -> None:
    added = json.loads((done / EVIDENCE).read_text().splitlines()[0]) | {"id": "added"}
    edit(done / EVIDENCE, lambda lines: [*lines, json.dumps(added)])
    found, _, told = again(done)
    assert found == rows
    assert len(told) == 1
    assert "1 rows were added to what was sealed" in told[0]
    assert "added" in (done / "evidence.changed.jsonl").read_text()


@pytest.mark.parametrize("value", ["0.5", "0.1"])
def test_a_row_that_is_there_twice_is_taken_once_and_told(done: Path, rows: list[Evidence], value: str) -> None:
    edit(done / EVIDENCE, lambda found: [found[0].replace('"value":0.5', f'"value":{value}'), *found])
    found, asked, told = again(done)
    assert found == rows
    assert asked.asked == 0
    assert told == ["evidence.jsonl: 1 rows are there twice; the first of each is set aside in evidence.changed.jsonl"]
    assert again(done)[2] == [], "it is told once"
    assert len((done / EVIDENCE).read_text().splitlines()) == 3


def change_values(path: Path) -> None:
    pl.read_parquet(path).with_columns(~pl.col("favourable")).write_parquet(path)


def remove_items(path: Path) -> None:
    pl.read_parquet(path)[10:].write_parquet(path)


def add_item(path: Path) -> None:
    frame = pl.read_parquet(path)
    pl.concat([frame, frame[:1].with_columns(key=pl.lit("new"))]).write_parquet(path)


def double_item(path: Path) -> None:
    frame = pl.read_parquet(path)
    pl.concat([frame, frame[:1].with_columns(~pl.col("favourable"))]).write_parquet(path)


def no_table(path: Path) -> None:
    path.write_bytes(b"PAR1 nothing of the kind PAR1")


def no_key(path: Path) -> None:
    pl.read_parquet(path).drop("key").write_parquet(path)


@pytest.mark.parametrize("change", [change_values, remove_items, add_item, double_item, no_table, no_key, Path.unlink])
def test_items_that_were_changed_are_measured_again_and_told(
    done: Path, rows: list[Evidence], change: Callable[[Path], None]
) -> None:
    change(table(done))
    found, asked, told = again(done)
    assert numbers(found) == numbers(rows)
    assert asked.asked == ITEMS
    assert len(told) == 1
    assert "measured again" in told[0]
    assert again(done)[2] == []


def test_items_that_were_changed_and_cannot_be_measured_again_leave_no_number(done: Path) -> None:
    change_values(table(done))
    (row,), _, told = again(done, Screener(breaks_at=0))
    assert (row.status, row.estimate) == ("failed", None)
    assert "it is down" in row.note
    assert len(told) == 1


def test_another_limit_does_not_build_on_changed_items(done: Path) -> None:
    change_values(table(done))
    with Store(done) as store:
        asked = Screener()
        (whole, *_) = gather(Task(spec(), "app", lambda: asked), setting(store, seed=5))
    assert whole.estimate is not None
    assert whole.estimate.value == 0.5
    assert asked.asked == ITEMS
    assert store.told


def test_a_line_that_contradicts_a_sealed_item_is_not_taken(done: Path, rows: list[Evidence]) -> None:
    item = pl.read_parquet(table(done)).to_dicts()[0]
    table(done).with_suffix(".jsonl").write_text(json.dumps(item | {"favourable": not item["favourable"]}) + "\n")
    found, asked, told = again(done)
    assert numbers(found) == numbers(rows)
    assert asked.asked == 0
    assert len(told) == 1
    assert "not as they were sealed" in told[0]


def test_which_items_a_run_asked_for_is_sealed_too(done: Path, rows: list[Evidence]) -> None:
    (path,) = done.glob("items/*/*/runs/*.parquet")
    pl.read_parquet(path)[5:].write_parquet(path)
    found, asked, told = again(done)
    assert (numbers(found), asked.asked) == (numbers(rows), 0)
    assert len(told) == 1
    assert "which items a run asked for" in told[0]
    path.unlink()
    assert len(again(done)[2]) == 1
    assert again(done)[2] == []


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_seals_that_were_changed_seal_nothing(done: Path, rows: list[Evidence], number: int) -> None:
    edit(
        done / SEALS,
        lambda found: [*found[:number], found[number].replace('"count":', '"count":9'), *found[number + 1 :]],
    )
    found, asked, told = again(done)
    assert (numbers(found), asked.asked > 0) == (numbers(rows), False)
    assert len(told) == 1
    assert again(done)[2] == []


def test_a_folder_of_an_earlier_version_is_not_trusted_silently(done: Path, rows: list[Evidence]) -> None:
    (done / SEALS).unlink()
    edit(done / EVIDENCE, lambda found: [found[0].replace('"value":0.5', '"value":0.1'), *found[1:]])
    found, asked, told = again(done)
    assert (numbers(found), asked.asked) == (numbers(rows), 0)
    assert "not sealed (written by an earlier version)" in told[0]
    assert "1 rows without a seal are not what comes out now" in told[1]
    assert again(done)[2] == []


class Killed(BaseException):
    """As kill -9: nothing after it happens."""


def crashes(step: int, patched: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends the process at the n-th thing that is done to the disk: before it, or after half of it."""
    done = {"steps": 0}

    def counting(work: Callable[..., object], half: Callable[..., object] | None) -> Callable[..., object]:
        def work_or_die(*arguments: object) -> object:
            done["steps"] += 1
            if done["steps"] > step:
                if half is not None:
                    half(*arguments)
                raise Killed
            return work(*arguments)

        return work_or_die

    def torn(path: Path, payload: bytes) -> None:
        with path.open("ab") as file:
            file.write(payload[: len(payload) // 2])

    def partial(path: Path, content: bytes) -> None:
        beside(path).write_bytes(bytes(content)[:10])

    from commonweal.evidence import journal, seals, store

    for module in (store, seals):
        patched.setattr(module, "append_lines", counting(lines.append_lines, torn))
    for module in (journal, store):
        patched.setattr(module, "put_in_place", counting(lines.put_in_place, partial))
    patched.setattr(Path, "unlink", counting(Path.unlink, None))
    yield


def test_a_crash_at_any_moment_between_items_rows_and_seals_is_harmless(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", Screener())
    stopped = 0
    for step in range(40):
        folder, first = tmp_path / str(step), Screener()
        with pytest.MonkeyPatch.context() as patched:
            next(crashes(step, patched))
            try:
                again(folder, first)
                break
            except Killed:
                stopped += 1
        found, second, told = again(folder)
        assert numbers(found) == numbers(whole), step
        assert first.asked + second.asked <= ITEMS, "an item that was written down was asked again"
        assert told == [], f"a crash at step {step} is no change"
        assert again(folder)[1].asked == 0
        assert len({json.loads(line)["id"] for line in (folder / EVIDENCE).read_text().splitlines()}) == 3
    assert 6 <= stopped < 40


def test_what_could_not_be_measured_is_sealed_with_its_reason(tmp_path: Path) -> None:
    def closed() -> Screener:
        raise ApplicationError("it is down")

    for _ in range(2):
        with Store(tmp_path) as store:
            gather(Task(spec(), "app", closed), setting(store))
    assert store.told == []
    (tmp_path / EVIDENCE).write_text("")
    with Store(tmp_path) as store:
        pass
    assert "1 of 1 rows are gone" in store.told[0]
