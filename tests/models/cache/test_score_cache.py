from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from commonweal.models.cache.score_cache import ScoreCache, score_key, through
from commonweal.models.engine.encoding import TokenPair
from commonweal.models.protocols import Score
from tests.polling import WAIT_S

PAIRS = [TokenPair((1, 2), (number,)) for number in range(10)]


class Counting:
    """Computes -1.5 per token, in parts of three, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[TokenPair] = []

    def __call__(self, pairs: Sequence[TokenPair]) -> Iterator[dict[int, Score]]:
        for start in range(0, len(pairs), 3):
            part = pairs[start : start + 3]
            self.asked += part
            yield {start + place: Score(-1.5 * pair.continuation[0], 1, False) for place, pair in enumerate(part)}


def asked(path: Path, pairs: Sequence[TokenPair], fingerprint: str = "model") -> list[TokenPair]:
    """Score through the cache at `path`, check the scores, and return what had to be computed."""
    compute, scores = Counting(), {}
    with ScoreCache(path) as cache:
        for part in through(cache, fingerprint, pairs, compute):
            scores.update(part)
        assert cache.lost is None
    assert {number: score.logprob for number, score in scores.items()} == {
        number: -1.5 * pair.continuation[0] for number, pair in enumerate(pairs)
    }
    return compute.asked


def test_a_second_run_computes_nothing_and_an_added_item_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    assert asked(path, PAIRS) == PAIRS
    assert asked(path, PAIRS[::-1]) == []
    new = TokenPair((1, 2), (77,))
    assert asked(path, [*PAIRS, new]) == [new]


def test_another_model_format_or_cut_is_another_score(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    asked(path, PAIRS)
    assert asked(path, PAIRS, "model in bfloat16") == PAIRS
    assert score_key("m", TokenPair((1, 2), (3,))) != score_key("m", TokenPair((1,), (2, 3)))
    assert score_key("m", TokenPair((1, 2), (3,))) != score_key("m", TokenPair((1, 2), (4,)))


def test_a_run_that_was_stopped_keeps_what_was_computed(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    with ScoreCache(path) as cache:
        parts = through(cache, "model", PAIRS, Counting())
        assert next(parts) == {}
        next(parts)
        next(parts)
    assert asked(path, PAIRS) == PAIRS[6:]


def test_a_torn_or_flipped_value_is_computed_again(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    asked(path, PAIRS)
    file = sqlite3.connect(path)
    rows = file.execute("SELECT key, value FROM scores ORDER BY key").fetchall()
    file.execute("UPDATE scores SET value = ? WHERE key = ?", (rows[0][1][:9], rows[0][0]))
    file.execute("UPDATE scores SET value = ? WHERE key = ?", (bytes([rows[1][1][0] ^ 1]) + rows[1][1][1:], rows[1][0]))
    file.execute("UPDATE scores SET value = ? WHERE key = ?", (rows[3][1], rows[2][0]))
    file.commit()
    file.close()
    broken = {rows[place][0] for place in range(3)}
    assert [score_key("model", pair) for pair in asked(path, PAIRS)] == [
        key for key in (score_key("model", pair) for pair in PAIRS) if key in broken
    ]
    assert asked(path, PAIRS) == []


@pytest.mark.parametrize(
    "content", [b"this is no database at all, whatever its name says", b"SQLite format 3\x00" + b"\xff" * 4096]
)
def test_a_file_that_is_no_cache_is_put_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scores.sqlite3"
    path.write_bytes(content)
    assert asked(path, PAIRS) == PAIRS
    assert asked(path, PAIRS) == []
    assert (tmp_path / "scores.damaged").read_bytes() == content


def test_a_file_that_lost_its_end_gives_no_wrong_score(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    many = [TokenPair((1, 2), (number,)) for number in range(3000)]
    asked(path, many)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    compute, found = Counting(), {}
    with ScoreCache(path) as cache:
        for part in through(cache, "model", many, compute):
            found.update(part)
    assert [found[number].logprob for number in range(3000)] == [-1.5 * number for number in range(3000)]


def test_the_log_of_a_damaged_file_is_not_replayed_into_the_new_one(tmp_path: Path) -> None:
    path, copy = tmp_path / "scores.sqlite3", tmp_path / "copy.sqlite3"
    asked(path, [TokenPair((1, 2), (number,)) for number in range(3000)])
    with ScoreCache(path) as cache:
        cache.keep({score_key("model", TokenPair((5,), (6,))): Score(-9.0, 1, False)})
        copy.write_bytes(b"not a database at all" * 500)
        (tmp_path / "copy.sqlite3-wal").write_bytes((tmp_path / "scores.sqlite3-wal").read_bytes())
    assert asked(copy, PAIRS) == PAIRS
    assert asked(copy, PAIRS) == []
    assert {part.name for part in tmp_path.glob("copy.damaged*")} >= {"copy.damaged", "copy.damaged-wal"}


def test_damage_that_is_met_while_reading_is_put_aside_and_the_next_run_keeps_its_scores(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    many = [TokenPair((1, 2), (number,)) for number in range(3000)]
    asked(path, many)
    body = bytearray(path.read_bytes())
    body[9000:14000] = b"x" * 5000
    path.write_bytes(body)
    compute, scores = Counting(), {}
    with ScoreCache(path) as cache:
        for part in through(cache, "model", many, compute):
            scores.update(part)
        assert cache.lost is not None
        assert str(path) in cache.lost
    assert [scores[number].logprob for number in range(3000)] == [-1.5 * number for number in range(3000)]
    asked(path, many)
    assert asked(path, many) == []


def test_a_cache_that_cannot_be_written_loses_no_score(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with ScoreCache(tmp_path / "file" / "scores.sqlite3") as cache:
        found = [part for part in through(cache, "model", PAIRS, Counting()) if part]
        assert sum(map(len, found)) == len(PAIRS)
        assert cache.lost is not None


def test_several_processes_make_the_same_file_at_once(tmp_path: Path) -> None:
    """Of 4 processes, one in eighteen was told "database is locked" while the others set the new file up."""
    program = (
        "import multiprocessing, sys; from pathlib import Path; from commonweal.models.cache.score_cache import *\n"
        "fork = multiprocessing.get_context('fork')\n"
        "start, lost = fork.Barrier(4), fork.Queue()\n"
        "def work():\n"
        "    for number in range(100):\n"
        "        start.wait(300)\n"
        "        with ScoreCache(Path(sys.argv[1]) / f'{number}.sqlite3') as cache:\n"
        "            cache.keep({score_key('model', TokenPair((1, 2), (3,))): Score(-1.5, 1, False)})\n"
        "            lost.put(cache.lost)\n"
        "workers = [fork.Process(target=work) for _ in range(4)]\n"
        "[worker.start() for worker in workers]\n"
        "assert [lost.get(timeout=300) for _ in range(400)] == [None] * 400\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=WAIT_S)


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    program = (
        "import sys; from pathlib import Path; from commonweal.models.cache.score_cache import *\n"
        "cache = ScoreCache(Path(sys.argv[1]))\n"
        "for number in range(200):\n"
        "    cache.keep({score_key('model', TokenPair((1, 2), (one,))): Score(-1.5 * one, 1, False)\n"
        "                for one in range(number, number + 20)})\n"
        "assert cache.lost is None, cache.lost\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(3)]
    assert [process.wait(WAIT_S) for process in running] == [0, 0, 0]
    assert asked(path, [TokenPair((1, 2), (number,)) for number in range(219)]) == []
