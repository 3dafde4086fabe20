from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from commonweal.errors import DataFileError, DataRequired, NotApplicable
from commonweal.measures.data_set import open_data_set
from commonweal.measures.inequity.dialect_gap.texts import MatchedText, limited, read_matched_texts
from commonweal.measures.options import Limit
from commonweal.measures.registry import load_registry

PLACE = load_registry().specs["inequity.dialect_gap"].data
assert PLACE is not None
ROW = {"meaning": "m1", "group": "east", "text": "Good morning"}


def written(folder: Path, *rows: Mapping[str, Any]) -> Path:
    (folder / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def read(folder: Path) -> list[MatchedText]:
    assert PLACE is not None
    return read_matched_texts(open_data_set(PLACE, folder))


def test_csv_and_json_lines_say_the_same(tmp_path: Path) -> None:
    rows = [
        {
            "meaning": "1",
            "group": "bg",
            "text": 'Той каза: "не",\nи си отиде',
            "attribute": "language",
            "source": "news",
        },
        {"meaning": "1", "group": "en", "text": " He said no and left ", "attribute": "language", "source": "news"},
    ]
    lines, other = tmp_path / "one", tmp_path / "other"
    lines.mkdir()
    other.mkdir()
    written(lines, {**rows[0], "meaning": 1}, rows[1])
    with (other / "texts.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    assert read(lines) == read(other)
    first, second = read(lines)
    assert first == MatchedText("language", "bg", "1", 'Той каза: "не",\nи си отиде', "1", "news")
    assert second.text == "He said no and left"
    assert second.request().context == ""
    assert second.request().labels == {"meaning": "1", "cluster": "1", "source": "news", "language": "en"}


def test_texts_may_lie_in_several_files_and_in_a_folder_of_the_sets_name(tmp_path: Path) -> None:
    inside = tmp_path / "matched_texts"
    inside.mkdir()
    written(inside, ROW)
    (inside / "more.csv").write_text("meaning,group,text\nm1,west,Mornin\n", encoding="utf-8")
    (inside / "README.md").write_text("Who wrote these texts")
    assert [one.group for one in read(tmp_path)] == ["west", "east"]


def test_the_same_meaning_may_stand_in_two_attributes(tmp_path: Path) -> None:
    found = read(written(tmp_path, {**ROW, "attribute": "dialect"}, {**ROW, "attribute": "register"}))
    assert [one.attribute for one in found] == ["dialect", "register"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"text": ""}, r":2 text is missing or empty; leave the row out"),
        ({"text": "  \t"}, r":2 text is missing or empty"),
        ({"text": None}, r":2 text is missing or empty"),
        ({"text": float("nan")}, r":2 text is NaN, expected text"),
        ({"text": 12}, r":2 text is 12 \(int\), expected text"),
        ({"text": ["a"]}, r":2 text is \['a'\] \(list\), expected text"),
        ({"text": "a\ud800b"}, r":2 text holds half a character"),
        ({"meaning": ""}, r":2 meaning is missing or empty"),
        ({"meaning": True}, r":2 meaning is True \(bool\), expected text"),
        ({"meaning": 1.5}, r":2 meaning is 1.5 \(float\), expected text"),
        ({"group": None}, r":2 group is missing or empty"),
        ({"group": "east"}, r":2 meaning 'm1' is there twice for group 'east' \(first in .*texts.jsonl:1\)"),
        ({"attribute": "logprob"}, r":2 attribute 'logprob' cannot be used"),
        ({"attribute": "x\ny"}, r"cannot be used; expected a short word such as dialect"),
        ({"source": "letters"}, r":2 meaning 'm1' is of source 'letters' here and of '' in .*:1; a meaning is of one"),
    ],
)
def test_a_line_that_does_not_follow_the_format_is_named(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(DataFileError, match=words):
        read(written(tmp_path, ROW, {**ROW, "group": "west", **changed}))


def test_a_cluster_belongs_to_the_meaning_and_is_there_for_all_or_for_none(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=":2 cluster is missing or empty"):
        read(written(tmp_path, {**ROW, "cluster": "d1"}, {**ROW, "group": "west"}))
    with pytest.raises(DataFileError, match="is of cluster 'd2' here and of 'd1' in"):
        read(written(tmp_path, {**ROW, "cluster": "d1"}, {**ROW, "group": "west", "cluster": "d2"}))
    assert read(written(tmp_path, {**ROW, "cluster": 7}))[0].cluster == "7"


def test_files_that_are_none_of_this_kind_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        DataFileError, match=r"no column 'group'; expected meaning, group, text and, if you like, attribute, .*; got"
    ):
        read(written(tmp_path, {"meaning": "m1", "text": "a", "dialect": "east"}))
    with pytest.raises(DataFileError, match="no text in it"):
        read(written(tmp_path))
    (tmp_path / "texts.jsonl").write_bytes(b'{"meaning": "1", "group": "a", "text": "\xe9"}')
    with pytest.raises(DataFileError, match=r"byte 40 is 0xe9, which is not UTF-8"):
        read(tmp_path)
    (tmp_path / "texts.jsonl").unlink()
    for content, words in (
        ("", "no text in it"),
        ("meaning,group,text\n", "no text in it"),
        ("meaning,group,group,text\n1,a,b,c\n", "the column 'group' is there twice"),
        ("meaning,group,text\n1,a\n", "has not as many fields as the header"),
    ):
        (tmp_path / "texts.csv").write_text(content)
        with pytest.raises(DataFileError, match=words):
            read(tmp_path)
    (tmp_path / "texts.csv").unlink()
    with pytest.raises(DataRequired, match=r"does not hold: no .* in .*matched_texts"):
        read(tmp_path)
    assert PLACE is not None
    with pytest.raises(DataRequired, match="--data DIR"):
        open_data_set(PLACE, None)


def test_a_limit_keeps_whole_meanings_of_the_sources_in_turn(tmp_path: Path) -> None:
    rows: Sequence[dict[str, Any]] = [
        {"meaning": f"m{number}", "group": group, "text": "a", "source": "news" if number < 6 else "talk"}
        for number in range(8)
        for group in ("east", "west")
    ]
    texts = read(written(tmp_path, *rows))
    assert {one.meaning for one in limited(texts, Limit(9))} == {"m0", "m6", "m1", "m7"}
    assert len(limited(texts, Limit(9))) == 8
    assert limited(texts, Limit()) == texts
    with pytest.raises(NotApplicable, match="leaves no whole meaning"):
        limited(texts, Limit(1))
