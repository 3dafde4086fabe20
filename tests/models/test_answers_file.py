from __future__ import annotations

from pathlib import Path

import pytest

from commonweal.errors import DataFileError
from commonweal.models.choosing import PredictedAnswers, read_answers
from commonweal.models.protocols import Answer, Question


def written(folder: Path, text: str, name: str = "answers.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("item,answer\n1,none\n2,\n", "a.csv"),
        ("sep=;\nitem;answer\n1;none\n2;\n", "a.csv"),
        ("item\tanswer\tnote\n1\tnone\tx\n2\t\ty\n", "a.tsv"),
        ('{"item": 1, "answer": "none"}\n{"item": 2.0, "answer": ""}\n', "a.jsonl"),
    ],
)
def test_answers_in_every_dialect_are_found_by_the_one_spelling_of_their_item(tmp_path: Path, text: str, name: str) -> None:
    """What an answer says is kept as it is: a word for nothing may be what somebody answered."""
    chosen = PredictedAnswers(written(tmp_path, text, name)).choose([Question(one, "", ("a", "b"), {}) for one in ("1.0", "2")])
    assert chosen == [Answer(None, "none"), Answer(None, "")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("item,answer\n ,a\n", "answers.csv:2 the item is empty"),
        ("item,answer\nx,a\nNone,a\n", "answers.csv:3 the item is 'None', which names nothing"),
        ("item,answer\n<NA>,a\n", "answers.csv:2 the item is '<NA>'"),
        ("item,answer\n1,a\n1.0,b\n", r"answers.csv:3 a second answer to item '1.0' \(as '1'\)"),
        ("item,answer,Sample Weight\n1,a,2\n", "the column 'Sample Weight' looks like weights"),
        ("item;answer\n1;a;b\n", r"answers.csv:2 .* its columns are divided by ';'"),
    ],
)
def test_what_names_no_item_or_one_twice_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataFileError, match=words):
        read_answers(written(tmp_path, text))
