from __future__ import annotations

from pathlib import Path

import polars
import pytest

from commonweal.errors import DataFileError, OutputError
from commonweal.models.cache.score_cache import ScoreCache
from commonweal.models.engine.local import LocalModel
from commonweal.models.protocols import Continuation, Score
from commonweal.models.request_file import check_writable, read_requests, score_requests, write_scores

GOOD = '{"context": "2 + 2 =", "continuation": " 4", "note": "kept out"}'


def file_of(folder: Path, text: str | bytes) -> Path:
    path = folder / "requests.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_requests_are_read_in_their_order(tmp_path: Path) -> None:
    path = file_of(tmp_path, "\ufeff" + GOOD + '\r\n\n{"context": "", "continuation": "a\u2028b"}\n')
    places = [{"request": f"{path}:{line}"} for line in (1, 3)]
    assert read_requests(path) == [Continuation("2 + 2 =", " 4", places[0]), Continuation("", "a\u2028b", places[1])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no request in it"),
        (GOOD + "\n{", "requests.jsonl:2 is not JSON"),
        ("[1]", "holds list"),
        ('{"context": "a"}', "continuation is missing, expected a text"),
        ('{"context": 3, "continuation": "b"}', "context is 3, expected a text"),
        ('{"context": "a", "continuation": ""}', "continuation is empty"),
        ('{"context": "\\ud800", "continuation": "b"}', "surrogate"),
        (b'{"context": "\xe9", "continuation": "b"}', "not UTF-8"),
        ("\n".join(["{"] * 9), "and 4 more lines"),
    ],
)
def test_a_line_that_is_no_request_is_named(tmp_path: Path, text: str | bytes, expected: str) -> None:
    with pytest.raises(DataFileError, match=expected):
        read_requests(file_of(tmp_path, text))


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.jsonl", tmp_path):
        with pytest.raises(DataFileError, match="cannot be read"):
            read_requests(path)


def test_the_table_has_a_row_per_request_and_null_where_there_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    write_scores(path, [Score(-1.25, 2, True), Score(float("nan"), 1, False), Score(float("-inf"), 1, False)])
    table = polars.read_parquet(path)
    assert table.rows() == [(0, -1.25, 2, True), (1, None, 1, False), (2, None, 1, False)]
    assert table.columns == ["index", "logprob", "tokens", "greedy"]
    assert [one.name for one in tmp_path.iterdir()] == ["scores.parquet"]


def test_a_table_that_cannot_be_written_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "scores.parquet", tmp_path):
        with pytest.raises(OutputError, match="--out"):
            check_writable(path, tmp_path / "requests.jsonl")


def test_no_table_takes_the_place_of_the_requests_of_a_link_or_of_a_device(tmp_path: Path) -> None:
    requests, link = tmp_path / "requests.jsonl", tmp_path / "link.parquet"
    requests.write_text('{"context": "a", "continuation": "b"}', encoding="utf-8")
    link.symlink_to(tmp_path / "target.parquet")
    (tmp_path / "target.parquet").write_text("kept", encoding="utf-8")
    for path, reason in (
        (requests, "is the file of requests"),
        (link, "is a link or a device"),
        (Path("/dev/null"), "is a link or a device"),
    ):
        with pytest.raises(OutputError, match=reason):
            check_writable(path, requests)


def test_a_table_that_finds_no_room_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_scores(tmp_path / "scores.parquet", [Score(-1.0, 1, True)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.model
def test_the_tally_says_what_was_asked_shared_and_read_back(smollm2: LocalModel, tmp_path: Path) -> None:
    requests = [Continuation("The capital of France is", word) for word in (" Paris", " London", " Rome")]
    seen: list[tuple[int, int]] = []
    with ScoreCache(tmp_path / "scores.sqlite3") as cache:
        first = score_requests(smollm2, requests, cache, lambda done, total: seen.append((done, total)))
        again = score_requests(smollm2, [*requests, Continuation("The", " end")], cache, lambda *_: None)
    assert (first.cached, again.cached) == (0, 3)
    assert (first.tokens, first.distinct) == (15, 5)
    assert again.scores[:3] == first.scores
    assert seen[-1] == (3, 3)
    assert [score.logprob for score in first.scores] == pytest.approx(
        [one.logprob for one in smollm2.score(requests)], abs=1e-4
    )


def test_a_table_of_requests_is_read_in_its_dialect(tmp_path: Path) -> None:
    path = tmp_path / "requests.csv"
    path.write_text('context;continuation\n"2; 2"; 4\n;\nx; a,b\n', encoding="utf-8")
    assert read_requests(path) == [
        Continuation("2; 2", " 4", {"request": f"{path}:2"}),
        Continuation("x", " a,b", {"request": f"{path}:4"}),
    ]
    path.write_text("context\tcontinuation\nx\t\n", encoding="utf-8")
    with pytest.raises(DataFileError, match=r"requests.csv:2 continuation is empty"):
        read_requests(path)
