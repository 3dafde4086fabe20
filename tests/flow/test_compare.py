"""`commonweal compare` as a person runs it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.flow.commands import within
from tests.measures.published_data import published

EXAMPLES = Path(__file__).parents[2] / "examples"
REQUESTS = EXAMPLES / "compression" / "requests.jsonl"
BASE, OTHER = (EXAMPLES / "base_against_other" / name for name in ("base.csv", "instruction.csv"))


def records(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["records"]
    return found


def one(found: list[dict[str, Any]], quantity: str, of: str, group: dict[str, str] | None = None) -> dict[str, Any]:
    (record,) = [row for row in found if row["quantity"] == quantity and row["of"] == of and row["group"] == group]
    return record


def test_the_example_of_two_files_of_predictions() -> None:
    ended = within("compare", BASE, OTHER, "--margin", "accuracy_difference=0.02")
    assert ended.code == 0, ended.said
    every = within("compare", BASE, OTHER, "--rows")
    assert "480 items, joined on 'item', in 80 clusters" in every.out
    assert len(ended.lines) <= 20
    assert "not worse by more than 0.02: not shown" in ended.out
    found = records(within("compare", BASE, OTHER, "--reference", "gender=women", "--json").out)
    wider = one(found, "accuracy_gap_widening", "|B| - |A|", {"gender": "men"})
    assert wider["low"] > 0
    assert wider["verdicts"]["difference"] == "shown"
    assert wider["verdicts"]["not_worse"] == "not_asked"
    assert one(found, "accuracy_difference", "B - A")["verdicts"]["difference"] == "not_shown"


def test_the_readme_of_each_example_has_the_command_that_runs() -> None:
    for folder in (REQUESTS.parent, BASE.parent):
        text = (folder / "README.md").read_text(encoding="utf-8")
        assert "commonweal compare" in text
        assert len(text.splitlines()) <= 19


def test_a_run_is_the_same_again_and_the_seed_matters_little() -> None:
    first, again, other = (within("compare", BASE, OTHER, "--json", "--seed", seed).out for seed in ("1", "1", "2"))
    assert first == again
    for left, right in zip(records(first), records(other), strict=True):
        assert left["value"] == right["value"]
        assert left["low"] == pytest.approx(right["low"], abs=0.04)


def test_two_systems_answers_to_bbq_are_compared_by_what_the_measure_makes_of_them(tmp_path: Path) -> None:
    """Two of the authors' systems: RACE and ARC, ambiguous bias scores of Figure 3 for Age: 29.8 and 48.9."""
    folder = published("bbq")
    rows = [
        json.loads(line) for line in (folder / "unifiedqa_predictions" / "preds_Age.jsonl").read_text().splitlines()
    ]
    (tmp_path / "bbq").mkdir()
    (tmp_path / "bbq" / "Age.jsonl").write_bytes((folder / "Age.jsonl").read_bytes())
    for system in ("race", "arc"):
        answers = [
            {"item": f"Age:{row['example_id']}", "answer": row[f"unifiedqa-t5-11b_pred_{system}"]} for row in rows
        ]
        (tmp_path / f"{system}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in answers))
        ended = within(
            "measure",
            "inequity.bbq",
            "--predictions",
            tmp_path / f"{system}.jsonl",
            "--data",
            tmp_path / "bbq",
            "--out",
            tmp_path / system,
        )
        assert ended.code == 0, ended.said
    ended = within("compare", tmp_path / "race", tmp_path / "arc", "--json")
    assert ended.code == 0, ended.said
    found, age = records(ended.out), {"category": "Age"}
    assert [round(100 * one(found, "lean_ambiguous", of, age)["value"], 1) for of in "AB"] == [29.8, 48.9]
    assert round(one(found, "accuracy_ambiguous", "A", age)["value"], 3) == 0.547
    wider = one(found, "lean_ambiguous_widening", "|B| - |A|", age)
    assert wider["value"] == pytest.approx(0.191, abs=0.001)
    assert (wider["clusters"], wider["verdicts"]["difference"]) == (25, "shown")
    assert one(found, "lean_disambiguated_difference", "B - A", age)["verdicts"]["difference"] == "not_shown"


def test_bad_input_ends_in_words_and_exit_code_2(tmp_path: Path) -> None:
    half = tmp_path / "half.csv"
    half.write_text("".join(BASE.read_text().splitlines(keepends=True)[:200]))
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    for arguments, words in [
        ((BASE, half), "281 of 480 items are only in"),
        ((BASE, empty), "empty.csv"),
        ((BASE, tmp_path / "nowhere.csv"), "cannot be read"),
        ((BASE, tmp_path), "compare two of one kind"),
        ((BASE, OTHER, "--margin", "wide"), "expected a number above 0"),
        ((BASE, OTHER, "--dtype-b", "int8"), "are for two models"),
        (("embedded:smollm2", "embedded:smollm2"), "--requests FILE.jsonl"),
        (("embedded:smollm2", "embedded:smollm2", "--requests", empty), "no request in it"),
        (
            ("embedded:smollm2", "embedded:smollm2", "--requests", REQUESTS, "--dtype-b", "float8"),
            "expected float32, bfloat16, int8",
        ),
    ]:
        ended = within("compare", *arguments)
        assert (ended.code, ended.out) == (2, ""), ended.said
        assert words in ended.err
    assert within("compare", BASE, half, "--common").code == 0
    assert "Traceback" not in within("compare", BASE, half).said


def test_requests_of_one_cluster_are_refused_before_a_model_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("".join(json.dumps({"context": "a", "continuation": f" {word}"}) + "\n" for word in ("b", "c")))
    ended = within("compare", "nowhere", "nowhere", "--requests", path)
    assert ended.code == 2
    assert "all requests belong to one context" in ended.err


@pytest.mark.slow(seconds=30)
@pytest.mark.model
def test_the_example_of_compression(model_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(model_cache / "models") if (model_cache / "models").exists() else None
    command = (
        "compare",
        "embedded:smollm2",
        "embedded:smollm2",
        "--requests",
        REQUESTS,
        "--margin",
        "0.02",
        "--json",
        "--device",
        "cpu",
    )
    ended = within(*command, "--dtype-a", "float32", "--dtype-b", "int8", COMMONWEAL_CACHE=tmp_path)
    assert ended.code == 0, ended.said
    found = records(ended.out)
    overall = one(found, "logprob_difference", "B - A")
    assert (overall["unit"], overall["n"], overall["clusters"]) == ("bit/byte", 96, 24)
    assert overall["subjects"] == ["embedded:smollm2 (float32)", "embedded:smollm2 (int8)"]
    assert 0 < abs(overall["value"]) < 0.02
    assert overall["verdicts"]["equivalent"] == "shown"
    widening = one(found, "logprob_gap_widening", "|B| - |A|", {"group": "fits a stereotype"})
    assert widening["verdicts"]["not_worse"] == "shown"

    same = within(*command, COMMONWEAL_CACHE=tmp_path)
    assert "96 of 96 requests (96 read back)" in same.err
    for record in records(same.out):
        assert record["of"] in "AB" or (record["value"], record["verdicts"]["difference"]) == (0.0, "not_shown")


@pytest.mark.model
@pytest.mark.slow(seconds=30)
def test_dossiers_of_one_folder_with_two_limits_are_compared_on_what_each_run_asked(
    tmp_path: Path, model_cache: Path
) -> None:
    """By writer and by exchanged words; clustered by writer alone, it would find too much."""
    command = [
        "measure",
        "inequity.crows_pairs",
        "--model",
        "embedded:smollm2",
        "--data",
        published("crows-pairs").parent,
    ]
    few, many = tmp_path / "few", tmp_path / "many"
    for limit, out in ((80, few), (40, few), (80, many)):
        ended = within(*command, "--limit", limit, "--out", out, COMMONWEAL_CACHE=model_cache)
        assert ended.code == 0, ended.said
    ended = within("compare", few, many, "--rows")
    assert ended.code == 0, ended.said
    assert re.search(r"on model: 40 items as the measure judged them, \d+ writers x \d+ words", ended.out)
    assert "inequity.crows_pairs on model: 40 of 80 items are in B only" in ended.out
    assert "A and B answer every item alike" in ended.out
