"""What a measure made of its items, compared between two dossiers; the items here are made up."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from commonweal.assessment.comparison.comparison import Asked, Comparison, compare, told
from commonweal.assessment.comparison.paired_outcomes import ComparisonRow
from commonweal.evidence.records import ItemOutcome
from commonweal.evidence.store import digest
from commonweal.measures.recording import judgement

MEASURE, MODEL = "inequity.made_up", "model"
RIGHT = ItemOutcome(
    column="accuracy", label="accuracy", least=0, most=1, higher_is_better=True, parts=((), ("kind",)), groups=("side",)
)
LEAN = ItemOutcome(column="lean", label="lean", least=-1, most=1, null=0)
Item = dict[str, Any]
Judge = Callable[[int, int], tuple[float | None, float | None]]


def items_of(judge: Judge, templates: int = 20, size: int = 6) -> list[Item]:
    """`size` items of each template, of two kinds and two sides; and a request, as it lies between them."""
    items: list[Item] = [{"key": "asked", "context": "x", "continuation": " y", "logprob": -1.0}]
    for template in range(templates):
        for number in range(size):
            right, lean = judge(template, number)
            labels = {
                "template": f"t{template}",
                "kind": "one" if template % 2 else "other",
                "side": "his" if number % 2 else "hers",
            }
            name = f"{template}-{number}"
            items.append(judgement(name, (f"text {name}",), labels, {"accuracy": right, "lean": lean}))
    return items


def dossier(
    folder: Path, items: Sequence[Item], version: int = 3, outcomes: Sequence[ItemOutcome] = (RIGHT, LEAN)
) -> Path:
    """A dossier with one measure on one model, in the form in which runs leave it."""
    inputs = {MODEL: folder.name}
    stem = folder / "items" / MEASURE / MODEL
    (stem / "runs").mkdir(parents=True)
    frame = pl.DataFrame(list(items), infer_schema_length=None)
    frame.write_parquet(stem / f"{digest(MEASURE, version, inputs)}.parquet")
    frame.select("key").write_parquet(stem / "runs" / "x.parquet")
    row = {
        "measure": MEASURE,
        "subjects": [MODEL],
        "basis": "measured",
        "estimate": {"group": None, "quantity": "score"},
        "provenance": {"version": version, "inputs": {**inputs, "rows": "x"}},
    }
    method = {"name": MEASURE, "units": ["template"], "outcomes": [one.model_dump(mode="json") for one in outcomes]}
    content = {
        "schema": "commonweal-dossier/1",
        "evidence": [row],
        "methods": [method],
        "system": {"assets": [{"id": MODEL}]},
    }
    (folder / "dossier.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def of(folder: Path, a: Judge, b: Judge, **kept: Any) -> Comparison:
    return compare(
        str(dossier(folder / "a", items_of(a, **kept))), str(dossier(folder / "b", items_of(b, **kept))), Asked()
    )


def found_in(comparison: Comparison, quantity: str, of_: str, group: dict[str, str] | None = None) -> ComparisonRow:
    (row,) = [
        row
        for row in comparison.rows
        if row.of == of_ and row.estimate and (row.estimate.quantity, row.estimate.group) == (quantity, group)
    ]
    return row


def value(comparison: Comparison, quantity: str, of_: str, group: dict[str, str] | None = None) -> float:
    estimate = found_in(comparison, quantity, of_, group).estimate
    assert estimate is not None
    return estimate.value


def test_an_answer_by_hand(tmp_path: Path) -> None:
    """A is always right and leans in 1 of 6 items; B is wrong in one of six, on hers, and leans the other way in 3
    of 6.
    """
    comparison = of(
        tmp_path, lambda _, place: (1.0, float(place == 0)), lambda _, place: (float(place != 0), -float(place < 3))
    )
    assert comparison.statement.paired == (f"{MEASURE} on {MODEL}: 120 items as the measure judged them, 20 templates",)
    assert comparison.statement.unpaired == ()
    assert value(comparison, "accuracy_difference", "B - A") == pytest.approx(-1 / 6)
    assert value(comparison, "accuracy_difference", "B - A", {"kind": "one"}) == pytest.approx(-1 / 6)
    side = {"side": "hers"}
    assert (
        value(comparison, "accuracy_gap", "A", side),
        value(comparison, "accuracy_gap", "B", side),
    ) == pytest.approx((0, -1 / 3))
    assert value(comparison, "lean_difference", "B - A") == pytest.approx(-2 / 3)
    assert value(comparison, "lean_widening", "|B| - |A|") == pytest.approx(1 / 3), (
        "farther from no lean, on the other side"
    )
    wider = found_in(comparison, "lean_widening", "|B| - |A|")
    assert wider.label == "how much farther from 0 is the lean"
    assert "difference in lean, B - A" in "\n".join(told(comparison))


def test_parts_and_groups_stand_beside_each_other(tmp_path: Path) -> None:
    found = of(tmp_path, lambda _, __: (1.0, 0.0), lambda template, place: (float(template % 2 or place != 0), 0.0))
    assert value(found, "accuracy_difference", "B - A", {"kind": "one"}) == 0
    assert value(found, "accuracy_difference", "B - A", {"kind": "other"}) == pytest.approx(-1 / 6)
    assert value(found, "accuracy_gap", "B", {"kind": "other", "side": "hers"}) == pytest.approx(-1 / 3)
    assert "difference in accuracy, kind=other: " in "\n".join(told(found)), "a part has no reference"


def test_where_no_item_differs_nothing_is_certain(tmp_path: Path) -> None:
    def same(template: int, place: int) -> tuple[float, float]:
        return float(place < 3), float(place == 1) - float(place == 2)

    found = of(tmp_path, same, same)
    for quantity, farthest in (("accuracy_difference", 1), ("lean_difference", 2), ("lean_widening", 1)):
        row = found_in(found, quantity, "|B| - |A|" if "widening" in quantity else "B - A")
        assert row.estimate is not None
        assert row.verdicts is not None
        assert row.estimate.low is not None
        assert row.estimate.high is not None
        assert (row.estimate.value, row.verdicts.difference) == (0, "not_shown")
        assert -farthest <= row.estimate.low < 0 < row.estimate.high <= farthest


def test_a_lean_near_its_bound_has_limits_within_what_is_possible(tmp_path: Path) -> None:
    found = of(tmp_path, lambda template, place: (1.0, 1.0 - (template == place)), lambda _, __: (1.0, 1.0))
    for side in ("A", "B"):
        estimate = found_in(found, "lean", side).estimate
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert -1 <= estimate.low < estimate.value <= estimate.high <= 1


def test_items_with_other_texts_are_other_items(tmp_path: Path) -> None:
    a, b = items_of(lambda _, __: (1.0, 0.0)), items_of(lambda _, __: (1.0, 0.0))
    b[1] = judgement(
        "0-0", ("another text",), {"template": "t0", "kind": "one", "side": "hers"}, {"accuracy": 0.0, "lean": 0.0}
    )
    comparison = compare(str(dossier(tmp_path / "a", a)), str(dossier(tmp_path / "b", b)), Asked())
    assert [line.rpartition(": ")[2] for line in comparison.statement.unpaired] == [
        "1 of 120 items are in A only",
        "1 of 120 items are in B only",
    ]
    assert value(comparison, "accuracy_difference", "B - A") == 0


def test_what_only_one_side_could_judge_is_counted_and_left_out(tmp_path: Path) -> None:
    found = of(tmp_path, lambda _, __: (1.0, None), lambda _, place: (1.0, None if place else 0.5))
    assert any("lean: 20 of 20 items have none in A or in B" in line for line in found.statement.unpaired)
    assert not any(row.estimate and row.estimate.quantity.startswith("lean") for row in found.rows)


def test_another_version_of_the_measure_judges_otherwise(tmp_path: Path) -> None:
    items = items_of(lambda _, __: (1.0, 0.0))
    a, b = dossier(tmp_path / "a", items), dossier(tmp_path / "b", items, version=4)
    with pytest.raises(
        Exception, match="A judges its items by version 3 of the measure, B by version 4; measure again"
    ):
        compare(str(a), str(b), Asked())


def test_a_dossier_from_before_the_outcomes_is_compared_by_its_answers(tmp_path: Path) -> None:
    items = items_of(lambda _, __: (1.0, 0.0))
    requests = [
        {
            "key": f"r{place}",
            "template": f"t{place % 10}",
            "context": f"c{place}",
            "continuation": " y",
            "logprob": -1.0 - place % 7,
        }
        for place in range(40)
    ]
    a, b = dossier(tmp_path / "a", [*items[1:], *requests]), dossier(tmp_path / "b", requests, outcomes=())
    found = compare(str(a), str(b), Asked())
    assert "log-probability of the text" in found.statement.paired[0]


def test_false_alarms_are_rare_where_templates_have_effects_of_their_own(tmp_path: Path) -> None:
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        chance = rng.beta(4, 2, size=(2, 20))

        def judge(side: int, chance: Any = chance, rng: Any = rng) -> Judge:
            return lambda template, _: (float(rng.random() < chance[side, template]), float(rng.integers(-1, 2)))

        folder = tmp_path / str(seed)
        found = of(folder, judge(0), judge(1))
        alarms += any(row.verdicts and row.verdicts.difference == "shown" for row in found.rows)
    assert alarms <= 8, "5 % of 60 is 3; more than 8 comes up once in 200"
