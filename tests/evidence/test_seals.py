from __future__ import annotations

from pathlib import Path

import pytest

from commonweal.errors import EvidenceFileError
from commonweal.evidence.seals import Seal, Seals, content_hash, items_hash


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Seals of three things."""
    seals = Seals(tmp_path / "seals.jsonl")
    seals.begin(0)
    seals.append(
        Seal(kind="items", name="m/s/k", count=2, hash="a"), Seal(kind="rows", name="r", count=1, hash="b", ids=("1",))
    )
    seals.append(Seal(kind="items", name="m/s/k", count=3, hash="c"))
    return tmp_path / "seals.jsonl"


def test_what_was_sealed_is_read_back_and_the_last_of_a_name_counts(path: Path) -> None:
    seals = Seals(path)
    last = seals.last("items", "m/s/k")
    assert last is not None
    assert (last.count, last.hash) == (3, "c")
    assert [seal.name for seal in seals.named("rows")] == ["r"]
    assert seals.knows("items", "m/s/k", 2, "a")
    assert not seals.knows("items", "m/s/k", 2, "c")
    assert seals.begun is not None


def test_what_is_sealed_already_is_not_written_again(path: Path) -> None:
    before = path.read_bytes()
    Seals(path).append(Seal(kind="items", name="m/s/k", count=3, hash="c"))
    assert path.read_bytes() == before
    Seals(path).append(Seal(kind="items", name="m/s/k", count=2, hash="a"))
    assert len(path.read_bytes()) > len(before)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_line_that_is_changed_removed_moved_or_put_in_is_noticed(path: Path, number: int) -> None:
    lines = path.read_bytes().split(b"\n")[:-1]
    assert len(lines) == 4
    damaged = {
        "changed": [*lines[:number], lines[number].replace(b'"count":', b'"count":1'), *lines[number + 1 :]],
        "removed": [*lines[:number], *lines[number + 1 :]],
        "moved": [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]],
        "put in": [*lines[: number + 1], b'{"kind":"rows","name":"x","count":0}', *lines[number + 1 :]],
        "no seal": [*lines[: number + 1], b"null", *lines[number + 1 :]],
    }
    for left in damaged.values():
        path.write_bytes(b"\n".join(left) + b"\n")
        with pytest.raises(EvidenceFileError, match=r"seals\.jsonl:\d: (not a seal|does not fit)"):
            Seals(path)


def test_a_last_line_that_was_cut_off_is_no_seal_and_the_next_one_starts_on_a_line_of_its_own(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])
    seals = Seals(path)
    assert not seals.knows("items", "m/s/k", 3, "c")
    seals.append(Seal(kind="items", name="m/s/k", count=4, hash="d"))
    assert Seals(path).knows("items", "m/s/k", 4, "d")
    assert Seals(path).head == seals.head


def test_one_content_has_one_hash_on_both_sides_of_a_table() -> None:
    assert content_hash({"a": 2.0, "b": None, "c": [1.0, {}], "d": {"e": None}}) == content_hash({"c": [1, {}], "a": 2})
    assert content_hash({"a": True}) != content_hash({"a": 1})
    assert content_hash({"a": "1"}) != content_hash({"a": 1})
    assert items_hash([{"key": "a"}, {"key": "b"}]) == items_hash([{"key": "b", "more": None}, {"key": "a"}])
    assert items_hash([{"key": "a"}]) != items_hash([{"key": "a"}, {"key": "a"}])
    with pytest.raises(ValueError, match="JSON compliant"):
        content_hash({"a": float("nan")})
