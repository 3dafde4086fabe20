"""`commonweal measure` as a person runs it: one measure, one model or file of answers, no system file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.flow.commands import dossier_in, rows_in, within
from tests.measures.inequity.bbq.test_bbq import item_of, written
from tests.models.tiny_model import WINDOW, write_tiny_model

BBQ, DIALECT = "inequity.bbq", "inequity.dialect_gap"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data" / "bbq").mkdir(parents=True)
    written(tmp_path / "data" / "bbq", [item_of(number) for number in range(48)])
    return tmp_path / "data"


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.jsonl"
    said = ["The old man", "The boy", "Not known"]
    path.write_text(
        "".join(json.dumps({"item": f"Age:{number}", "answer": said[number % 3]}) + "\n" for number in range(48))
    )
    return path


def test_answers_from_elsewhere_are_scored_without_a_model(data: Path, answers: Path, tmp_path: Path) -> None:
    ended = within("measure", BBQ, "--predictions", answers, "--data", data, "--out", tmp_path / "out", "--json")
    assert ended.code == 0, ended.said
    rows = json.loads(ended.out)
    said = {row["estimate"]["quantity"] for row in rows if row["status"] == "ok"}
    assert said == {
        "bias_ambiguous",
        "bias_disambiguated",
        "accuracy_ambiguous",
        "accuracy_disambiguated",
        "contribution",
    }
    assert [row["missing"]["quantity"] for row in rows if row["status"] == "not_applicable"] == ["accuracy_cost"]
    assert all(row["provenance"]["inputs"]["data"] for row in rows)
    assert (tmp_path / "out" / "dossier.html").stat().st_size > 10_000
    asked = ("measure", BBQ, "--predictions", answers, "--data", data, "--out", tmp_path / "out")
    every = within(*asked, "--rows")
    assert "bias_ambiguous (category Age): " in every.out
    plain = within(*asked)
    assert [line.split(":")[0] for line in plain.lines[:-1]] == ["finding", "counts"]
    assert every.lines[-1] == plain.lines[-1]
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
        (["--predictions", "half.jsonl", "--data", "data"], "no answer to 47 of 48 questions"),
        (["--predictions", "broken.jsonl", "--data", "data"], "broken.jsonl:1 is not JSON"),
        (["--predictions", "answers.jsonl", "--data", "nowhere"], "there is no such folder"),
        (["--predictions", "answers.jsonl", "--data", "empty"], "does not hold: no *.jsonl in empty"),
        (["--predictions", "answers.jsonl", "--data", "bad"], "unknown category 'Hats'"),
        (
            ["--predictions", "answers.jsonl", "--dtype", "int8"],
            "--dtype int8 is for a model that runs here; answers.jsonl was",
        ),
        (
            ["--model", "openai:http://localhost:1#m", "--dtype", "int8"],
            "--dtype int8 is for a model that runs here; openai:",
        ),
        (["--model", "embedded:smollm2", "--dtype", "float16"], "dtype 'float16': expected float32, bfloat16, int8"),
    ],
)
def test_bad_input_is_told_in_plain_words(
    data: Path, answers: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "half.jsonl").write_text('{"item": "Age:0", "answer": "The boy"}\n')
    (tmp_path / "broken.jsonl").write_text('{"item": \n')
    (tmp_path / "bad").mkdir()
    (tmp_path / "empty").mkdir()
    written(tmp_path / "bad", [item_of(0, category="Hats")])
    ended = within("measure", BBQ, *arguments, "--out", "out", cwd=tmp_path)
    assert ended.code == 2, ended.said
    assert words in ended.said
    assert "Traceback" not in ended.said


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Matched texts for a model whose tokens are letters; one of them is longer than its window."""
    (tmp_path / "texts").mkdir()
    rows = [
        {
            "meaning": f"m{number}",
            "group": group,
            "text": f"{word} {number * number}" + ("a" * WINDOW if number == 3 == len(word) else ""),
        }
        for number in range(20)
        for group, word in (("short", "abc"), ("long", "zyxwv"))
    ]
    (tmp_path / "texts" / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path / "texts"


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_a_model_is_measured_in_a_cheaper_number_format_and_the_dossier_says_in_which(
    texts: Path, tmp_path: Path, dtype: str
) -> None:
    """Into the folder that holds the answers of float32, which are not taken for its own; then the two are compared."""
    model, cache = write_tiny_model(tmp_path / "model"), tmp_path / "cache"
    command = ["measure", DIALECT, "--model", model, "--data", texts, "--device", "cpu"]
    exact = within(*command, "--out", tmp_path / "exact", COMMONWEAL_CACHE=cache)
    assert (exact.code, "against float32" in exact.said, "computed" in exact.said) == (0, False, False)
    within(*command, "--out", tmp_path / "out", COMMONWEAL_CACHE=cache)
    ended = within(*command, "--dtype", dtype, "--out", tmp_path / "out", COMMONWEAL_CACHE=cache)
    assert ended.code == 0, ended.said
    assert f"{dtype} against float32 on 38 of the requests: |difference| " in ended.err
    assert ended.lines[-1] == str(tmp_path / "out" / "dossier.html")
    dossier, before = dossier_in(tmp_path / "out"), dossier_in(tmp_path / "exact")
    assert dossier["system"]["assets"][0]["dtype"] == dtype
    assert dossier["system"]["name"] == f"model in {dtype}, by itself"
    assert all(f"{dtype}" in row["note"] for row in dossier["evidence"] if row["estimate"])
    assert "Number format" in (tmp_path / "out" / "dossier.html").read_text(encoding="utf-8")
    values = [[row["estimate"]["value"] for row in one["evidence"][:6]] for one in (dossier, before)]
    assert values[0] == pytest.approx(values[1], rel=0.05)
    assert values[0] != values[1]
    assert (
        len({row["provenance"]["inputs"]["model"] for row in rows_in(tmp_path / "out") if row["measure"] == DIALECT})
        == 2
    )
    compared = within("compare", tmp_path / "exact", tmp_path / "out", "--rows")
    assert compared.code == 0, compared.said
    assert "38 items by their text, log-probability of the text" in compared.out
    printed = within(*command, "--dtype", dtype, "--json", "--out", tmp_path / "out", COMMONWEAL_CACHE=cache)
    assert len(json.loads(printed.out)) == sum(row["measure"] == DIALECT for row in dossier["evidence"])


def test_a_text_longer_than_the_window_does_not_stop_the_measure(texts: Path, tmp_path: Path) -> None:
    command = [
        "measure",
        "inequity.dialect_gap",
        "--model",
        write_tiny_model(tmp_path / "model"),
        "--data",
        texts,
        "--device",
        "cpu",
    ]
    ended = within(*command, "--out", tmp_path / "out", COMMONWEAL_CACHE=tmp_path / "cache")
    assert ended.code == 0, ended.said
    notes = [row["note"] for row in rows_in(tmp_path / "out") if row["measure"] == DIALECT]
    assert all("1 of 20 meanings is left out for all groups" in note and "(m3)" in note for note in notes)


def test_without_data_the_row_says_what_to_name(answers: Path, tmp_path: Path) -> None:
    ended = within("measure", BBQ, "--predictions", answers, "--out", tmp_path / "out", "--json")
    assert ended.code == 2, "the one measure that was asked for was not taken"
    (row,) = json.loads(ended.out)
    assert row["status"] == "skipped"
    assert "--data DIR" in row["note"]


def test_a_folder_that_does_not_hold_the_data_is_told_and_no_other_is_asked_for(answers: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = within("measure", BBQ, "--predictions", answers, "--data", tmp_path / "empty", "--out", tmp_path / "out")
    assert ended.code == 2
    counted, left_out, *_ = ended.err.splitlines()
    assert counted == "0 measurements on 0 subjects"
    assert left_out == f"left out: {BBQ}: --data {tmp_path / 'empty'} does not hold the data"
    assert f"no *.jsonl in {tmp_path / 'empty'}" in ended.out
    assert "name a folder" not in ended.said


def test_a_measure_of_applications_has_nothing_here_to_be_put_to(answers: Path, tmp_path: Path) -> None:
    ended = within(
        "measure", "inequity.correspondence_audit", "--predictions", answers, "--out", tmp_path / "out", "--json"
    )
    (row,) = json.loads(ended.out)
    assert row["status"] == "not_applicable"


def test_spellings_of_one_group_are_told_where_the_rows_are_printed(tmp_path: Path) -> None:
    labels = ["women", "Women", "men", "NA"]
    lines = "".join(f"{n % 2},{n // 2 % 2},{label},7\n" for label in labels for n in range(6))
    (tmp_path / "table.csv").write_text(f"truth,prediction,group_gender,age_band\n{lines}", encoding="utf-8")
    ended = within(
        "measure", "inequity.performance_gap", "--predictions", tmp_path / "table.csv", "--out", tmp_path / "out"
    )
    assert ended.code == 0, ended.said
    assert "columns not used: age_band" in ended.out
    assert "'Women' (6 rows) and 'women' (6 rows) differ only by case, spaces or Unicode form" in ended.out
    assert "'NA' (6 rows) count as not known, since such words name no group" in ended.out


@pytest.mark.parametrize("case", ["two rows", "nobody is selected", "all wrong weights"])
def test_a_table_that_cannot_be_judged_ends_with_2_and_no_number(tmp_path: Path, case: str) -> None:
    lines, weight, said = {
        "two rows": ("0,0,f,1\n1,1,m,1\n", "wt", "2 rows in 2 clusters; at least 5 are needed"),
        "nobody is selected": ("0,0,f,1\n1,0,m,1\n" * 40, "wt", "all 80 predictions are 0"),
        "all wrong weights": ("0,0,f,0\n1,1,m,0\n" * 40, "wt", "all weights in 'wt' are 0"),
    }[case]
    (tmp_path / "table.csv").write_text(f"truth,prediction,group_gender,{weight}\n{lines}", encoding="utf-8")
    ended = within(
        "measure", "inequity.performance_gap", "--predictions", tmp_path / "table.csv", "--out", tmp_path / "out"
    )
    assert ended.code == 2
    assert said in ended.said
    assert "percentage points" not in ended.said


CASES = Path(__file__).parents[3] / "shared/cases"


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no {CASES}")
@pytest.mark.parametrize(
    ("case", "lines"),
    [
        (
            "08-number-labels-split/intfloat.csv",
            ("accuracy (gender 0): 81.7 %", "accuracy (gender 1): 81.7 %", "(gender all groups): 0.0 p"),
        ),
        ("09-semicolon-tab-sepline/semi.csv", ("accuracy (gender men): 81.7 %", "accuracy (race R1): 80.0 %")),
        ("09-semicolon-tab-sepline/semi_nodec.csv", ("accuracy (gender men): 81.7 %", "accuracy (race R1): 80.0 %")),
        ("09-semicolon-tab-sepline/tab.tsv", ("accuracy (gender men): 81.7 %", "accuracy (race R1): 80.0 %")),
        ("10-sample-weight-ignored/weights.csv", ("accuracy (gender men): 83.3 %", "accuracy (gender women): 81.7 %")),
    ],
)
def test_tables_that_were_reported(tmp_path: Path, case: str, lines: tuple[str, ...]) -> None:
    ended = within(
        "measure", "inequity.performance_gap", "--predictions", CASES / case, "--out", tmp_path / "out", "--rows"
    )
    assert ended.code == 0, ended.said
    for line in lines:
        assert line in ended.out
