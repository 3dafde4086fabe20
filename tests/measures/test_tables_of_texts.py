"""What holds for every table of texts that a measure reads: its dialect, its weights, words for nothing, spellings
of one name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commonweal.errors import DataFileError
from commonweal.measures.data_set import DataSet
from commonweal.measures.environment.simple_baseline.task_texts import read_task_texts
from commonweal.measures.inequity.dialect_gap.texts import read_matched_texts
from commonweal.measures.inequity.identity_false_positives.flagged_texts import HATECHECK, read_texts
from commonweal.measures.inequity.identity_false_positives.labelled_texts import read_labelled

Rows = list[dict[str, str]]
TASK: Rows = [{"text": "one", "label": "none", "cluster": "1"}, {"text": "two", "label": "yes", "cluster": "1.0"}]
MATCHED: Rows = [
    {"meaning": "1", "group": "a\u00a0b", "text": "one", "cluster": "k"},
    {"meaning": "1.0", "group": "c", "text": "two", "cluster": "k"},
    {"meaning": "2", "group": "a b", "text": "three", "cluster": "k"},
]


def case(number: int, group: str, label: str = "hateful") -> dict[str, str]:
    fields = dict.fromkeys((*HATECHECK, "ref_templ_id"), "")
    return fields | {
        "functionality": "f",
        "case_id": str(number),
        "test_case": f"text {number}",
        "label_gold": label,
        "target_ident": group,
        "templ_id": "7",
        "case_templ": "x",
    }


CHECKED = [case(1, "1"), case(2, "1.0"), case(3, "nan", "non-hateful")]
READERS: dict[str, tuple[Callable[[DataSet], Any], Rows]] = {
    "task": (read_task_texts, TASK),
    "matched": (read_matched_texts, MATCHED),
    "flagged": (read_texts, CHECKED),
    "labelled": (read_labelled, CHECKED),
}


def data_of(folder: Path, rows: Rows, mark: str = ",", name: str = "texts.csv") -> DataSet:
    path = folder / name
    path.write_text(
        "\n".join([mark.join(rows[0]), *(mark.join(row.values()) for row in rows)]) + "\n", encoding="utf-8"
    )
    return DataSet("texts", (path,), "f")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("mark", "name"), [(";", "texts.csv"), ("\t", "texts.tsv"), ("|", "texts.csv")])
def test_every_dialect_holds_the_same_texts(tmp_path: Path, reader: str, mark: str, name: str) -> None:
    read, rows = READERS[reader]
    assert read(data_of(tmp_path, rows, mark, name)) == read(data_of(tmp_path, rows))


def test_two_spellings_of_one_name_are_one(tmp_path: Path) -> None:
    assert {one.cluster for one in read_task_texts(data_of(tmp_path, TASK))} == {"cluster 1"}
    matched = read_matched_texts(data_of(tmp_path, MATCHED))
    assert [(one.meaning, one.group) for one in matched] == [("1", "a b"), ("1", "c"), ("2", "a b")]
    assert [one.identity for one in read_texts(data_of(tmp_path, CHECKED))] == ["1", "1", ""]
    assert [one.group for one in read_labelled(data_of(tmp_path, CHECKED))] == ["1", "1", ""]


@pytest.mark.parametrize(
    ("reader", "column", "words"),
    [
        ("task", "cluster", r"texts.csv:3 cluster is 'None', which names nothing"),
        ("matched", "cluster", r"texts.csv:3 cluster is 'None', which names nothing"),
        ("matched", "group", r"texts.csv:3 group is 'None', which names nothing"),
        ("matched", "meaning", r"texts.csv:3 meaning is 'None', which names nothing"),
        ("flagged", "templ_id", r"texts.csv:3 templ_id is 'None', which names nothing"),
        ("labelled", "templ_id", r"texts.csv:3 templ_id is 'None', which names nothing"),
    ],
)
def test_a_word_for_nothing_names_nothing(tmp_path: Path, reader: str, column: str, words: str) -> None:
    read, rows = READERS[reader]
    with pytest.raises(DataFileError, match=words):
        read(data_of(tmp_path, [rows[0], rows[1] | {column: "None"}]))


@pytest.mark.parametrize(("reader", "column"), [("matched", "group"), ("labelled", "target_ident")])
def test_groups_that_may_be_one_are_refused_where_nothing_can_tell_it(tmp_path: Path, reader: str, column: str) -> None:
    read, rows = READERS[reader]
    with pytest.raises(
        DataFileError, match="the groups 'women' and 'Wo men' differ only by case, spaces or Unicode form"
    ):
        read(data_of(tmp_path, [rows[0] | {column: "women"}, rows[1] | {column: "Wo men"}, *rows[2:]]))


def test_an_option_that_is_called_none_is_a_label(tmp_path: Path) -> None:
    assert read_task_texts(data_of(tmp_path, TASK))[0].label == "none"


@pytest.mark.parametrize("reader", READERS)
def test_weights_are_refused(tmp_path: Path, reader: str) -> None:
    read, rows = READERS[reader]
    with pytest.raises(
        DataFileError, match=r"the column 'Sample_Weight' looks like weights, .* rename it to ignore_Sample_Weight"
    ):
        read(data_of(tmp_path, [row | {"Sample_Weight": "2"} for row in rows]))
