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
def test_answers_in_every_dialect_are_found_by_the_one_spelling_of_their_item(
    tmp_path: Path, text: str, name: str
) -> None:
    """What an answer says is kept as it is: a word for nothing may be what somebody answered."""
    chosen = PredictedAnswers(written(tmp_path, text, name)).choose(
        [Question(one, "", ("a", "b"), {}) for one in ("1.0", "2")]
    )
    assert chosen == [Answer(None, "none"), Answer(None, "")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("item,answer\n ,a\n", "answers.csv:2 the item is empty"),
        ("item,answer\nx,a\nNone,a\n", "answers.csv:3 the item is 'None', which names nothing"),
        ("item,answer\n<NA>,a\n", "answers.csv:2 the item is '<NA>'"),
        ("item,answer,Sample Weight\n1,a,2\n", "the column 'Sample Weight' looks like weights"),
        ("item;answer\n1;a;b\n", r"answers.csv:2 .* its columns are divided by ';'"),
    ],
)
def test_what_names_no_item_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataFileError, match=words):
        read_answers(written(tmp_path, text))


NAMED = [Question(one, "", ("a", "b"), {}) for one in ("1:kind", "1:rude", "2:kind", "2:rude")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "1,a\n1.0,b\n1,a\n",
            r"answers.csv:3 a second answer to item '1.0' \(as '1'\); .* one question, such as 1:kind, 1:rude, 2:kind, …",
        ),
        (
            "1_kind,a\n",
            r"no answer to 4 of 4 questions .*; 1 answer to questions that are not asked \(1_kind\); .* such as 1:kind, 1:rude",
        ),
        (
            "".join(f"{one.id},a\n" for one in NAMED[:3]),
            r"no answer to 1 of 4 questions \(2:rude\); predictions and data .* same questions$",
        ),
    ],
)
def test_names_that_nothing_is_called_are_told_beside_what_is_asked(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataFileError, match=words):
        PredictedAnswers(written(tmp_path, "item,answer\n" + text)).choose(NAMED)


def test_answers_to_more_than_is_asked_are_most_likely_those_that_a_limit_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "item,answer\n" + "".join(f"{one.id},a\n" for one in NAMED))
    with pytest.raises(
        DataFileError, match=r"2 answers to questions that are not asked .*; if --limit was given, .* leave it out"
    ):
        PredictedAnswers(path).choose(NAMED[:2])
