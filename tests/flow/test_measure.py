"""`commonweal measure` as a person runs it: one measure, one model or file of answers, no system file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.flow.commands import commonweal, within
from tests.measures.inequity.test_bbq import item_of, written

BBQ = "inequity.bbq"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data" / "bbq").mkdir(parents=True)
    written(tmp_path / "data" / "bbq", [item_of(number) for number in range(48)])
    return tmp_path / "data"


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.jsonl"
    said = ["The old man", "The boy", "Not known"]
    path.write_text("".join(json.dumps({"item": f"Age:{number}", "answer": said[number % 3]}) + "\n" for number in range(48)))
    return path


def test_answers_from_elsewhere_are_scored_without_a_model(data: Path, answers: Path, tmp_path: Path) -> None:
    ended = commonweal("measure", BBQ, "--predictions", answers, "--data", data, "--out", tmp_path / "out", "--json")
    assert ended.code == 0, ended.said
    rows = json.loads(ended.out)
    said = {row["estimate"]["quantity"] for row in rows if row["status"] == "ok"}
    assert said == {"bias_ambiguous", "bias_disambiguated", "accuracy_ambiguous", "accuracy_disambiguated", "contribution"}
    assert [row["missing"]["quantity"] for row in rows if row["status"] == "not_applicable"] == ["accuracy_cost"]
    assert all(row["provenance"]["inputs"]["data"] for row in rows)
    assert (tmp_path / "out" / "dossier.html").stat().st_size > 10_000
    plain = within("measure", BBQ, "--predictions", answers, "--data", data, "--out", tmp_path / "out")
    assert "bias_ambiguous (category Age): " in plain.out
    assert plain.lines[-1] == str(tmp_path / "out" / "dossier.html")


def test_the_folder_of_the_set_itself_may_be_named_too(data: Path, answers: Path, tmp_path: Path) -> None:
    ended = within("measure", BBQ, "--predictions", answers, "--data", data / "bbq", "--out", tmp_path / "out")
    assert ended.code == 0, ended.said


@pytest.mark.model
def test_a_model_is_asked_and_what_it_said_is_kept(data: Path, tmp_path: Path, model_cache: Path) -> None:
    command = ["measure", BBQ, "--model", "embedded:smollm2", "--data", data, "--json"]
    first = within(*command, "--out", tmp_path / "one", COMMONWEAL_CACHE=model_cache)
    assert first.code == 0, first.said
    again = within(*command, "--out", tmp_path / "two", COMMONWEAL_CACHE=model_cache)
    values = [[(row["estimate"] or {}).get("value") for row in json.loads(ended.out)] for ended in (first, again)]
    assert values[0] == values[1]
    assert next((tmp_path / "one" / "items" / BBQ).glob("*/*.parquet"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give one of --model and --predictions"),
        (["--model", "embedded:smollm2", "--predictions", "answers.jsonl"], "give one of --model and --predictions"),
        (["--predictions", "nowhere.jsonl", "--data", "data"], "there is no such file"),
        (["--predictions", "half.jsonl", "--data", "data"], "no answer to 47 of 48 items"),
        (["--predictions", "broken.jsonl", "--data", "data"], "broken.jsonl:1 is not JSON"),
        (["--predictions", "answers.jsonl", "--data", "nowhere"], "there is no such folder"),
        (["--predictions", "answers.jsonl", "--data", "empty"], "does not hold: no *.jsonl in empty"),
        (["--predictions", "answers.jsonl", "--data", "bad"], "unknown category 'Hats'"),
    ],
)
def test_bad_input_is_told_in_plain_words(data: Path, answers: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "half.jsonl").write_text('{"item": "Age:0", "answer": "The boy"}\n')
    (tmp_path / "broken.jsonl").write_text('{"item": \n')
    (tmp_path / "bad").mkdir()
    (tmp_path / "empty").mkdir()
    written(tmp_path / "bad", [item_of(0, category="Hats")])
    ended = within("measure", BBQ, *arguments, "--out", "out", cwd=tmp_path)
    assert ended.code == 2, ended.said
    assert words in ended.said
    assert "Traceback" not in ended.said


def test_without_data_the_row_says_what_to_name(answers: Path, tmp_path: Path) -> None:
    ended = within("measure", BBQ, "--predictions", answers, "--out", tmp_path / "out", "--json")
    assert ended.code == 2, "the one measure that was asked for was not taken"
    (row,) = json.loads(ended.out)
    assert row["status"] == "skipped"
    assert "--data DIR" in row["note"]


def test_a_measure_of_applications_has_nothing_here_to_be_put_to(answers: Path, tmp_path: Path) -> None:
    ended = within("measure", "inequity.correspondence_audit", "--predictions", answers, "--out", tmp_path / "out", "--json")
    (row,) = json.loads(ended.out)
    assert row["status"] == "not_applicable"


def test_spellings_of_one_group_are_told_where_the_rows_are_printed(tmp_path: Path) -> None:
    labels = ["women", "Women", "men", "NA"]
    lines = "".join(f"{n % 2},1,{label}\n" for label in labels for n in range(6))
    (tmp_path / "table.csv").write_text(f"truth,prediction,group_gender\n{lines}", encoding="utf-8")
    ended = within("measure", "inequity.performance_gap", "--predictions", tmp_path / "table.csv", "--out", tmp_path / "out")
    assert ended.code == 0, ended.said
    assert "'Women' (6 rows) and 'women' (6 rows) differ only by case, spaces or Unicode form" in ended.out
    assert "6 of 24 rows have a label that reads like not known" in ended.out
