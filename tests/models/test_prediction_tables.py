from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from commonweal.errors import DataFileError
from commonweal.models.prediction_tables import read_prediction_table
from commonweal.models.predictions import numbered

ROWS = [
    {"truth": 1, "prediction": 1, "score": 0.9, "group_gender": "women", "group_race": "Black", "cluster": "a"},
    {"truth": 0, "prediction": 1, "score": 0.4, "group_gender": "men", "group_race": "", "cluster": "a"},
    {"truth": 0, "prediction": 0, "score": 0.5, "group_gender": "nicht-binär", "group_race": "White", "cluster": "b"},
]


def csv_of(rows: list[dict[str, object]]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]) + "\n"


def written(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_and_json_lines_hold_the_same_table(tmp_path: Path) -> None:
    first = read_prediction_table(written(tmp_path, csv_of(ROWS)))
    lines = "".join(
        json.dumps({**row, "group_race": row["group_race"] or None}, ensure_ascii=False) + "\n" for row in ROWS
    )
    second = read_prediction_table(written(tmp_path, lines, "table.jsonl"))
    for table in (first, second):
        assert table.truth.tolist() == [True, False, False]
        assert table.prediction.tolist() == [True, True, False]
        assert table.score is not None
        assert table.score.tolist() == [0.9, 0.4, 0.5]
        assert table.groups["gender"].tolist() == ["women", "men", "nicht-binär"]
        assert table.groups["race"].tolist() == ["Black", "", "White"]
        assert table.cluster.tolist() == ["a", "a", "b"]
        assert table.clusters_declared
    assert first.fingerprint != second.fingerprint


def test_a_score_alone_predicts_from_one_half_and_rows_are_their_own_clusters(tmp_path: Path) -> None:
    table = read_prediction_table(written(tmp_path, "truth,score,group_x\n1,0.5,a\n0,0.49,b\ntrue,1.0,b\n"))
    assert table.prediction.tolist() == [True, False, True]
    assert len(set(table.cluster.tolist())) == 3
    assert not table.clusters_declared


def test_a_mark_at_the_beginning_quotes_and_line_breaks_in_fields_are_read(tmp_path: Path) -> None:
    text = '\ufefftruth,prediction,group_place,note\n1,0,"Köln, links","two\nlines"\n0,0, Bonn ,x\n'
    table = read_prediction_table(written(tmp_path, text))
    assert table.groups["place"].tolist() == ["Köln, links", "Bonn"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("truth,group_x\n1,a\n", r"neither a column 'prediction' nor 'score'"),
        ("truth,prediction\n1,1\n", r"no group: name a column group_gender"),
        ("truth,prediction,group_x\n1,1,a\n2,0,b\n", r"table.csv:3 truth is '2', expected 0 or 1"),
        ("truth,prediction,group_x\n1,,a\n", r"table.csv:2 prediction is '', expected 0 or 1"),
        ("truth,score,group_x\n1,0.2,a\n1,1.5,a\n", r"table.csv:3 score is '1.5', expected a number from 0 to 1"),
        ("truth,score,group_x\n1,nan,a\n", r"table.csv:2 score is 'nan', expected a number from 0 to 1"),
        ("truth,prediction,group_x\n1,1,a\n0,1\n", r"table.csv:3 has not as many fields as the header"),
        ("truth,prediction,group_x\n1,1,a\n0,1,b,c\n", r"table.csv:3 has not as many fields as the header"),
        ("truth,prediction,group_x,cluster\n1,1,a,p\n1,1,a,\n", r"table.csv:3 cluster is empty"),
        (
            "truth,prediction,group_x,item\n1,1,a,7\n1,1,a,7\n",
            r"table.csv:3 item '7' is there twice \(first in line 2\)",
        ),
        ("truth,truth,prediction,group_x\n1,1,1,a\n", r"the column 'truth' is there twice"),
        ("truth,prediction,group_x\n", r"no row in it"),
        ("", r"no row in it"),
    ],
)
def test_what_does_not_follow_the_format_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataFileError, match=words):
        read_prediction_table(written(tmp_path, text))


def test_other_encodings_broken_json_and_absent_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("truth,prediction,group_x\n1,1,Köln\n".encode("latin-1"))
    with pytest.raises(DataFileError, match="not UTF-8"):
        read_prediction_table(path)
    with pytest.raises(DataFileError, match=r"lines.jsonl:2 is not JSON"):
        read_prediction_table(
            written(tmp_path, '{"truth": 1, "prediction": 1, "group_x": "a"}\n{"truth"\n', "lines.jsonl")
        )
    with pytest.raises(DataFileError, match="cannot be read"):
        read_prediction_table(tmp_path / "absent.csv")


def test_labels_are_numbered_in_their_order() -> None:
    names, places = numbered(np.array(["é", "", "b", "é"]))
    assert [names[place] for place in places] == ["é", "", "b", "é"]
    assert list(names) == sorted(names)


DIALECTS = {
    "semicolon": ("{bom}truth;score;group_x;weight\n1;0,99;a;2,5\n0;0,333;b;1\n", "table.csv"),
    "tabs": ("truth\tscore\tgroup_x\tweight\n1\t0.99\ta\t2.5\n0\t0.333\tb\t1\n", "table.tsv"),
    "declared": ("sep=,\ntruth,score,group_x,weight\n1,0.99,a,2.5\n0,0.333,b,1\n", "table.csv"),
    "bars in a text": ("\ntruth|score|group_x|weight|\n1|0.99|a|2.5|\n0|0.333|b|1|\n|||||\n", "table.txt"),
    "commas at the end": ("truth,score,group_x,weight,,\n1,0.99,a,2.5,,\n0,0.333,b,1\n,,,,,\n", "table.csv"),
    "lines": (
        '{{"truth": 1, "score": 0.99, "group_x": "a", "weight": 2.5}}\n{{"truth": 0, "score": 0.333, "group_x": "b", '
        '"weight": 1}}\n',
        "t.txt",
    ),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_one_table_in_every_dialect(tmp_path: Path, name: str) -> None:
    text, file = DIALECTS[name]
    table = read_prediction_table(written(tmp_path, text.format(bom="\ufeff"), file))
    assert table.score is not None
    assert table.weight is not None
    assert (table.truth.tolist(), table.score.tolist(), table.weight.tolist()) == (
        [True, False],
        [0.99, 0.333],
        [2.5, 1.0],
    )
    assert (table.groups["x"].tolist(), table.weighted_by, table.unused) == (["a", "b"], "weight", ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "truth;prediction;group_x\n1;1;a\n0;1\n",
            r"table.csv:3 .* 2, expected 3; its columns are divided by ';': save it as 'CSV UTF-8'",
        ),
        ("truth;score;weight;group_x\n1;0,5;1.234;a\n", r"weight is '1.234', which may be a thousand or a fraction"),
        (
            'truth,score,group_x\n1,"0,5",a\n',
            r"score is '0,5', expected a number from 0 to 1; write it with a point, not a comma",
        ),
        ("truth,score,group_x\n1,0_5,a\n", r"score is '0_5', expected a number"),
        (
            "truth,prediction,group_x,cluster\n1,1,a,p\n1,1,a,None\n",
            r"table.csv:3 cluster is 'None', which names nothing",
        ),
        ("truth,prediction,group_x,item\n1,1,a,p\n1,1,a,nan\n", r"table.csv:3 item is 'nan', which names nothing"),
        (
            "truth,prediction,group_x,item\n1,1,a,7\n1,1,a,7.0\n",
            r"table.csv:3 item '7.0' is there twice \(first in line 2 as '7'\)",
        ),
        (
            "truth,prediction,group_x,weight\n1,1,a,1\n1,1,a,-1\n",
            r"table.csv:3 weight is '-1', expected a number of at least 0",
        ),
        ("truth,prediction,group_x,weight\n1,1,a,nan\n", r"table.csv:2 weight is 'nan'"),
        ("truth,prediction,group_x,weight\n1,1,a,inf\n", r"table.csv:2 weight is 'inf'"),
        (
            "truth,prediction,group_x,weight\n1,1,a,\n",
            r"table.csv:2 weight is '', .* rename the column to ignore_weight",
        ),
        ("truth,prediction,group_x,weight\n1,1,a,heavy\n", r"table.csv:2 weight is 'heavy'"),
        ("truth,prediction,group_x,weight\n1,1,a,0\n1,1,b,0.0\n", r"all weights in 'weight' are 0"),
        (
            "truth,prediction,group_x,weight,IPW\n1,1,a,1,1\n",
            r"weight and IPW look like weights; rename those .* to ignore_IPW",
        ),
    ],
)
def test_what_is_not_certain_is_refused_with_the_mend(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataFileError, match=words):
        read_prediction_table(written(tmp_path, text))


@pytest.mark.parametrize(
    "name",
    [
        "sample_weight",
        "Weight",
        "weights",
        "sampling_weight",
        "SURVEY_WEIGHT",
        "pweight",
        "wt",
        "fnlwgt",
        "ipw",
        "PWGTP",
        "survey.wt",
        "final_wt",
    ],
)
def test_a_column_that_looks_like_weights_is_used(tmp_path: Path, name: str) -> None:
    table = read_prediction_table(written(tmp_path, f"truth,prediction,group_x,{name}\n1,1,a,3\n0,1,b,0\n"))
    assert table.weight is not None
    assert (table.weight.tolist(), table.weighted_by, table.unused) == ([3.0, 0.0], name, ())


def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    text = ",truth,prediction,group_x,age_band,city,ignore_weight\n0,1,1,a,30,Bonn,2\n1,0,1,b,40,Bonn,2\n"
    table = read_prediction_table(written(tmp_path, text))
    assert (table.unused, table.weight) == (("age_band", "city"), None)


@pytest.mark.parametrize("slowly", [False, True], ids=["columns", "lines"])
def test_two_spellings_of_a_cell_are_one_however_the_table_is_read(tmp_path: Path, slowly: bool) -> None:
    mark = ";" if slowly else ","
    half = "0,5" if slowly else "0.5"
    rows = [
        ("truth", "prediction", "score", "group_x", "cluster"),
        ("1", "1.0", half, "1", "7"),
        ("1.0", "TRUE", "1", "1.0", "7.0"),
        ("\uff11", "0", "0", "None", "a\u00a0b"),
        ("false", "0.00", "1.0", " nan", "a b"),
    ]
    table = read_prediction_table(written(tmp_path, "".join(mark.join(row) + "\n" for row in rows)))
    assert table.truth.tolist() == [True, True, True, False]
    assert table.prediction.tolist() == [True, True, False, False]
    assert table.groups["x"].tolist() == ["1", "1", "", ""]
    assert table.cluster.tolist() == ["7", "7", "a b", "a b"]
    assert any("are one number and count as one group" in note for note in table.label_notes["x"])
    assert any("count as not known" in note for note in table.label_notes["x"])


@pytest.mark.parametrize("mark", [":", " ", "~", "\uff0c"])
def test_columns_that_nothing_known_divides_are_named_with_the_mend(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        mark.join(("group_g", "truth", "prediction")) + "\n" + mark.join(("a", "1", "0")) + "\n", encoding="utf-8"
    )
    with pytest.raises(
        DataFileError, match=f"looks like several, divided by '{mark}'; save it as 'CSV UTF-8', with commas"
    ):
        read_prediction_table(path)
