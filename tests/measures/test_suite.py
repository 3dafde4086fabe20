"""A published suite that somebody adds who has not seen the house: what follows from read, unit, questions, match
and judge.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from commonweal.errors import CommonwealError
from commonweal.evidence.records import Estimate, Missing, Quantity
from commonweal.measures.data_set import DataSet, open_data_set
from commonweal.measures.options import Limit
from commonweal.measures.registry import REGISTRY, MeasureSpec, load_registry
from commonweal.measures.suite import Result, Suite
from commonweal.models.choosing import PredictedAnswers
from commonweal.models.protocols import Answer, Question
from tests.flow.commands import Ended, rows_in, within
from tests.flow.plugins import install_plugin

SUITE = Path(__file__).with_name("courtesy.py")
EXAMPLE = Path(__file__).with_name("respected_pronouns.py")
PAGE = Path(__file__).parents[2] / "docs" / "suites.md"
NAME, EXAMPLE_NAME = "quality.courtesy", "quality.respected_pronouns"
HEADER = "vignette,place,framing,text,question,a,b,c,correct"
STORIES = ("the wallet", "the queue", "the umbrella", "the dog", "the ticket", "the song", "the seat", "the bag")


@contextmanager
def installed(suite: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MeasureSpec]:
    """A suite as an installed package of a stranger; the registry afterwards as it was."""
    load_registry()
    specs = dict(REGISTRY.specs)
    install_plugin(site, suite.stem, suite.read_text(encoding="utf-8"))
    monkeypatch.syspath_prepend(site)
    yield load_registry().specs[f"quality.{suite.stem}"]
    REGISTRY.specs = specs
    for module in [name for name in sys.modules if name.startswith(f"acme_{suite.stem}")]:
        del sys.modules[module]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MeasureSpec]:
    with installed(SUITE, tmp_path / "site", monkeypatch) as courtesy:
        yield courtesy


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MeasureSpec]:
    with installed(EXAMPLE, tmp_path / "site", monkeypatch) as pronouns:
        yield pronouns


@pytest.fixture
def vignettes(tmp_path: Path) -> Path:
    """Eight vignettes of each place, both framings of each; "a" is right."""
    (tmp_path / "data").mkdir()
    lines = [
        f'{place} {number},{place},{framing},"Sam, number {number}, waits in the {place}; {she} sings.",What does Sam '
        "do?,sing,cook,read,a"
        for place in ("hospital", "school")
        for number in range(8)
        for framing, she in (("respectful", "she"), ("disrespectful", "he"))
    ]
    (tmp_path / "data" / "vignettes.csv").write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two places, eight stories in each, three scenes in each story."""
    (tmp_path / "data").mkdir()
    scenes = [
        {
            "scene": f"{place} {number} {scene}",
            "place": place,
            "story": f"{story}, {place}",
            "text": f"On the {place}, a stranger speaks of {story} for the {scene}. time. What do you say?",
            "kind": "Thank you, that is good to know.",
            "rude": "Go away.",
        }
        for place in ("bus", "shop")
        for number, story in enumerate(STORIES)
        for scene in range(3)
    ]
    (tmp_path / "data" / "scenes.jsonl").write_text(
        "".join(json.dumps(scene) + "\n" for scene in scenes), encoding="utf-8"
    )
    return tmp_path / "data"


def names(folder: Path) -> list[str]:
    return [json.loads(line)["scene"] for line in (folder / "scenes.jsonl").read_text(encoding="utf-8").splitlines()]


def answered(folder: Path, name: str, **answers: str) -> Ended:
    """Measure a file of answers: kind ones, but those to the scenes that are named (`bus_0_1`)."""
    rows = [{"item": scene, "answer": answers.get(scene.replace(" ", "_"), "B")} for scene in names(folder)]
    (folder.parent / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return within(
        "measure",
        NAME,
        "--predictions",
        folder.parent / f"{name}.jsonl",
        "--data",
        folder,
        "--out",
        folder.parent / name,
    )


def told(folder: Path, quantity: str, **group: str) -> dict[str, Any]:
    said = [(row, row["estimate"] or row["missing"] or {}) for row in rows_in(folder)]
    (row,) = [row for row, one in said if one.get("quantity") == quantity and (one["group"] or {}) == group]
    return row


def items(folder: Path, measure: str = NAME) -> pl.DataFrame:
    (path,) = (folder / "items" / measure).glob("*/*.parquet")
    return pl.read_parquet(path)


def data_set(spec: MeasureSpec, folder: Path) -> DataSet:
    assert spec.data is not None
    return open_data_set(spec.data, folder)


def test_a_suite_in_a_format_of_its_own_takes_fewer_than_eighty_lines() -> None:
    assert len(SUITE.read_text(encoding="utf-8").splitlines()) < 80


def test_it_is_a_measure_that_says_what_it_is(spec: MeasureSpec) -> None:
    assert (spec.method.applies_to, spec.method.units) == ("model or file of answers", ("story",))
    assert spec.method.summary == "Share of scenes that are answered kindly, in [0, 1]; 0.5: a coin."
    assert spec.method.quantities["contribution"].label == "what a story adds to: share of kind answers"
    kind, whole = spec.method.outcomes
    assert (kind.column, kind.label, kind.null, kind.parts) == ("kind", "share of kind answers", 0.5, (("place",),))
    assert (kind.least, kind.most, whole.column) == (0.0, 1.0, "kind_alone")


def test_its_texts_tell_how_long_it_will_take_and_a_limit_keeps_whole_units_of_each_place_in_turn(
    spec: MeasureSpec, folder: Path
) -> None:
    assert spec.workload is not None
    data = data_set(spec, folder)
    assert len(spec.workload(data=data, limit=Limit())) == 2 * 48
    texts = spec.workload(data=data, limit=Limit(11))
    assert len(texts) == 2 * 9
    assert [sum(f"On the {place}" in text for text in texts) for place in ("bus", "shop")] == [12, 6]
    assert texts[0].endswith("What do you say?\nAnswer: Go away.")


@pytest.mark.slow
def test_the_embedded_model_through_the_registry(
    spec: MeasureSpec, folder: Path, model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMONWEAL_CACHE", str(model_cache))
    out = folder.parent / "embedded"
    ended = within(
        "measure",
        NAME,
        "--model",
        "embedded:smollm2",
        "--data",
        folder,
        "--out",
        out,
        "--limit",
        "36",
        "--device",
        "cpu",
    )
    assert ended.code == 0, ended.said
    kept = items(out)
    judged = kept.filter(pl.col("judged").is_not_null())
    assert judged.height == 36
    assert f"{NAME} on model: 72 of 72 requests" in ended.err
    assert set(judged["place"]) == {"bus", "shop"}
    assert kept.height == 3 * 36  # two options are scored for each scene
    for place in ("bus", "shop"):
        row = told(out, "kind", place=place)
        mine = judged.filter(pl.col("place") == place)
        assert mine.height == 18
        assert "18 items, the published set has 24" in row["note"]
        if row["status"] == "ok":
            assert row["estimate"]["value"] == pytest.approx(mine["kind"].mean())
            assert row["estimate"]["clusters"] == 6
    assert told(out, "kind_alone")["estimate"]["value"] == pytest.approx(judged["kind"].mean())
    assert "36 items, the published set has 48" in told(out, "kind_alone")["note"]
    ended = within("verify", out, "--data", folder)
    assert ended.code == 0, ended.said
    assert "of 1 of 1 measurements (all)" in ended.said


def test_a_family_is_tested_and_its_first_quantity_is_traced_to_the_units(spec: MeasureSpec, folder: Path) -> None:
    wrong = {f"bus_{number}_{scene}": "A" for number, scene in ((0, 0), (0, 1), (1, 0), (2, 2), (3, 0))}
    assert answered(folder, "answers", **wrong).code == 0
    row = told(folder.parent / "answers", "kind", place="bus")["estimate"]
    assert (row["value"], row["null"], row["n"], row["clusters"]) == (pytest.approx(19 / 24), 0.5, 24, 8)
    assert "published" not in told(folder.parent / "answers", "kind", place="bus")["note"]
    assert row["low"] < 19 / 24 < row["high"] <= 1
    assert row["p_value"] < row["p_adjusted"] <= 1
    traced = told(folder.parent / "answers", "contribution", place="bus", story="the dog, bus")["estimate"]
    assert traced["value"] == pytest.approx((2 - 1.5) / 24)
    parts = [
        row["estimate"]
        for row in rows_in(folder.parent / "answers")
        if row["estimate"] and row["estimate"]["quantity"] == "contribution"
    ]
    assert len(parts) == 2 * 5  # the largest of each place
    assert min(abs(part["value"]) for part in parts) > 0


def test_no_number_rests_on_answers_that_could_not_be_read(spec: MeasureSpec, folder: Path) -> None:
    silent = {f"bus_{number}_0": "I would rather not say" for number in range(8)}
    assert answered(folder, "silent", **silent, shop_1_1="A", shop_2_0="?").code == 0
    row = told(folder.parent / "silent", "kind", place="bus")
    assert (row["status"], row["unjudged"]) == ("not_applicable", True)
    assert row["note"].startswith(
        "16 of 24 answers could be read, and at least 80 % must be; unread: “I would rather not say”"
    )
    row = told(folder.parent / "silent", "kind", place="shop")
    assert row["estimate"]["value"] == pytest.approx(22 / 24)
    assert "1 of 24 answers match no option" in row["note"]
    assert set(items(folder.parent / "silent")["place"]) == {"shop"}  # nothing is made of the others


def test_two_runs_are_compared_by_what_it_makes_of_each_item(spec: MeasureSpec, folder: Path) -> None:
    assert answered(folder, "one", shop_0_0="A").code == 0
    assert (
        answered(
            folder, "other", **{f"bus_{number}_{scene}": "A" for number in range(8) for scene in range(1 + number % 3)}
        ).code
        == 0
    )
    ended = within("compare", folder.parent / "one", folder.parent / "other", "--json")
    assert ended.code == 0, ended.said
    found = {(row["quantity"], row["of"], row["group"]["place"]): row for row in json.loads(ended.out)["records"]}
    row = found["kind_difference", "B - A", "bus"]
    assert (row["value"], row["clusters"]) == (pytest.approx(-15 / 24), 8)
    assert row["verdicts"]["difference"] == "shown"
    assert found["kind_difference", "B - A", "shop"]["verdicts"]["difference"] == "not_shown"


def test_a_mean_of_another_unit_than_a_share_has_no_bounds(spec: MeasureSpec, folder: Path) -> None:
    answered(folder, "answers", **{f"bus_{number}_{number % 3}": "A" for number in range(6)})
    quantities = {
        "points": Quantity(unit="count", label="points", null=5.0),
        "likes": Quantity(unit="count", label="likes"),
    }
    points = replace(
        suite_of(spec),
        quantities=quantities,
        match=lambda _, answers: {"points": 10.0 * (answers[0].option or 0), "likes": None},
    )
    selection = points.selection(data_set(spec, folder), Limit())
    whole = points.asked(PredictedAnswers(folder.parent / "answers.jsonl").choose, selection.items)
    results = [Result("points", whole, whole.mean("points")), Result("likes", whole, whole.mean("likes"))]
    row, missing, *parts = points.rows(whole, results, np.random.default_rng(0), selection.available)
    assert isinstance(row, Estimate)
    assert isinstance(missing, Missing)
    assert (row.value, row.unit, row.excludes_null) == (pytest.approx(10 * 42 / 48), "count", True)
    assert 7 < (row.low or 0) < row.value < (row.high or 0)
    assert [part.unit for part in parts if isinstance(part, Estimate)] == ["count"] * 5
    assert missing.reason == "no item has the outcome 'likes'"
    assert not list(points.kept(whole, results[1:]))
    assert [item["points"] for item in points.kept(whole, results)].count(0.0) == 6
    alike = points.asked(lambda asked: [Answer(1, None) for _ in asked], selection.items)
    results = [Result("points", alike, alike.mean("points"))]
    (row,) = points.rows(alike, results, np.random.default_rng(0), selection.available)
    assert isinstance(row, Missing), "what cannot be judged is not traced either"
    assert "in these 48 items it is 10" in row.reason


def suite_of(spec: MeasureSpec) -> Suite[Any]:
    own = spec.workload.__self__  # type: ignore[union-attr]
    assert isinstance(own, Suite)
    return own


def test_what_is_wrong_with_the_data_or_the_suite_is_said(spec: MeasureSpec, folder: Path) -> None:
    own, data = suite_of(spec), data_set(spec, folder)
    with pytest.raises(
        CommonwealError, match="the question 'bus 0 0' has no label 'town', by which its suite groups its items"
    ):
        replace(own, by="town").texts(data, Limit())
    for null in (0.25, None):
        more = {"other": Quantity(unit="1", label="a", null=0.25 if null else 0.0)}
        with pytest.raises(CommonwealError, match="a suite tests its quantities against one null"):
            replace(own, quantities={**({} if null else own.quantities), **more})
    lines = (folder / "scenes.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "scenes.jsonl").write_text("".join([*lines, lines[0]]))
    with pytest.raises(CommonwealError, match=r"scenes\.jsonl: the question 'bus 0 0' is there 2 times"):
        own.texts(data, Limit())
    (folder / "scenes.jsonl").write_text('{"scene": "a"}\n')
    with pytest.raises(CommonwealError, match=r"scenes\.jsonl:1 has no 'place'"):
        own.read(data)
    (folder / "scenes.jsonl").write_text("")
    ended = within(
        "measure", NAME, "--predictions", folder / "scenes.jsonl", "--data", folder, "--out", folder.parent / "none"
    )
    assert "no item in it" in ended.said


def answers_to(vignettes: Path, wrong: Sequence[str]) -> Path:
    """A file of answers to the example: right ones, but to those questions."""
    names = [line.split(",")[0] for line in (vignettes / "vignettes.csv").read_text(encoding="utf-8").splitlines()[1:]]
    asked = [f"{name}:{framing}" for name in dict.fromkeys(names) for framing in ("respectful", "disrespectful")]
    path = vignettes.parent / "answers.csv"
    rows = [f"{name},{'cook' if name in wrong else 'sing'}" for name in asked]
    path.write_text("\n".join(["item,answer", *rows, ""]), encoding="utf-8")
    return path


def test_a_pair_is_one_item_with_the_labels_that_its_questions_share(example: MeasureSpec, vignettes: Path) -> None:
    wrong = [f"school {number}:disrespectful" for number in range(3)] + [
        f"hospital 1:{one}" for one in ("respectful", "disrespectful")
    ]
    out = vignettes.parent / "out"
    ended = within(
        "measure", EXAMPLE_NAME, "--predictions", answers_to(vignettes, wrong), "--data", vignettes, "--out", out
    )
    assert ended.code == 0, ended.said
    row = told(out, "accuracy_gap", place="school")["estimate"]
    assert (row["value"], row["n"], row["clusters"], row["null"]) == (pytest.approx(3 / 8), 8, 8, 0.0)
    assert told(out, "accuracy", place="school")["estimate"]["value"] == pytest.approx(13 / 16)
    kept = items(out, EXAMPLE_NAME)
    assert kept.height == 16
    assert "framing" not in kept.columns
    assert set(kept["place"]) == {"hospital", "school"}
    assert set(kept["vignette"]) == {f"{place} {number}" for place in ("hospital", "school") for number in range(8)}


def test_no_contribution_of_0_is_told_and_none_of_what_cannot_be_judged(example: MeasureSpec, vignettes: Path) -> None:
    wrong = [f"school {number}:disrespectful" for number in range(3)] + [
        "hospital 1:respectful",
        "hospital 1:disrespectful",
    ]
    out = vignettes.parent / "out"
    within("measure", EXAMPLE_NAME, "--predictions", answers_to(vignettes, wrong), "--data", vignettes, "--out", out)
    assert told(out, "accuracy_gap", place="hospital")["unjudged"]
    parts = [
        row["estimate"] for row in rows_in(out) if row["estimate"] and row["estimate"]["quantity"] == "contribution"
    ]
    assert {(part["group"]["vignette"], part["value"]) for part in parts} == {
        (f"school {number}", 1 / 8) for number in range(3)
    }


def test_a_limit_is_told_on_the_rows(example: MeasureSpec, vignettes: Path) -> None:
    own, data = replace(suite_of(example), published={}), data_set(example, vignettes)

    def notes(suite: Suite[Any], limit: int) -> list[str]:
        selection = suite.selection(data, Limit(limit))
        whole = suite.asked(lambda asked: [Answer(place % 3, None) for place, _ in enumerate(asked)], selection.items)
        part = whole.where(lambda vignette: vignette.place == "hospital")
        found = [
            Result("accuracy", whole, whole.mean("accuracy")),
            Result("accuracy", part, part.mean("accuracy"), {"place": "hospital"}),
        ]
        rows = suite.rows(whole, found, np.random.default_rng(0), selection.available)
        return [row.note for row in rows if isinstance(row, Estimate) and row.quantity == "accuracy"]

    assert notes(own, 16) == ["", ""]
    whole, hospital = notes(own, 5)
    assert whole.startswith("5 of the 16 items of the data")
    assert hospital.startswith("3 of the 8 items of 'hospital' in the data")
    assert notes(suite_of(example), 1)[0].startswith("1 item, the published set has 16: ")
    selection = own.selection(data, Limit(1))
    one = own.asked(lambda asked: [Answer(0, None) for _ in asked], selection.items)
    (row,) = own.rows(
        one, [Result("accuracy_gap", one, one.mean("accuracy_gap"))], np.random.default_rng(0), selection.available
    )
    assert isinstance(row, Missing)
    assert "in this 1 item it is 0" in row.reason
    assert "1 of the 16 items of the data" in row.reason


def test_a_slip_of_the_author_is_told_before_a_model_is_asked(example: MeasureSpec, vignettes: Path) -> None:
    class NeverAsked:
        fingerprint, device = "f", "cpu"

        def choose(self, questions: Sequence[Question]) -> list[Answer]:
            raise AssertionError

    def measured(suite: Suite[Any], column: str) -> None:
        def slipped(asked: Any) -> Iterator[Result[Any]]:
            """Accuracy."""
            yield Result("accuracy", asked, asked.mean(column))

        slipped.__module__ = "acme.quality.slipped"
        model, rng = NeverAsked(), np.random.default_rng(0)
        list(suite(slipped)(model, data_set(example, vignettes), Limit(), None, rng))

    own = suite_of(example)
    with pytest.raises(
        CommonwealError, match=r"`match` gives no column 'acuracy' to any item; it gives: accuracy, accuracy_gap$"
    ):
        measured(own, "acuracy")
    expected = (
        "`published` counts the items of 'hospitl', and not those of 'hospital'; expected the values of the label "
        "'place'; the items of the data have: 'hospital', 'school'"
    )
    with pytest.raises(CommonwealError, match=expected):
        measured(replace(own, published={"hospitl": 8, "school": 8}), "accuracy")
    with pytest.raises(AssertionError):
        measured(
            replace(own, published={"hospital": 8, "school": 8, "court": 8}), "accuracy"
        )  # of which the data hold none


def test_the_page_on_suites_has_the_example_that_is_tested_here(example: MeasureSpec, tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"```python\n{EXAMPLE.read_text(encoding='utf-8')}```" in page
    (lines,) = re.findall(rf"```\n({HEADER}\n.*?)```", page, re.DOTALL)
    (tmp_path / "respected-pronouns").mkdir()
    path = tmp_path / "respected-pronouns" / "vignettes.csv"
    path.write_text(lines, encoding="utf-8")
    own = suite_of(example)
    assert (
        own.texts(data_set(example, tmp_path), Limit())[1]
        == "Sam uses he. Today he wrote about bees.\nAbout what?\nAnswer: bees"
    )
    for old, new, said in (
        ("maps,b\n", "maps\n", r"vignettes.csv:2 has not as many fields as the header: 8, expected 9"),
        ("rain,", ",", r"vignettes.csv:2 has no a; expected vignette, place"),
        (",disrespectful", ",rude", r"vignettes.csv:3 framing is 'rude', expected respectful or disrespectful"),
        (",disrespectful", ",respectful", r"vignettes.csv:3 's1' is respectful twice"),
        (lines.splitlines()[2], "", r"only one framing of s1"),
    ):
        path.write_text(lines.replace(old, new), encoding="utf-8")
        with pytest.raises(CommonwealError, match=said):
            own.read(data_set(example, tmp_path))
