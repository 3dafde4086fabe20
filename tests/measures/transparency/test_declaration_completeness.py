from __future__ import annotations

from pathlib import Path

import pytest

from commonweal.evidence.records import Estimate
from commonweal.evidence.store import Store
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.registry import REGISTRY
from commonweal.measures.transparency.declaration_completeness import declaration_completeness
from commonweal.system.declarations import facts_of
from commonweal.system.records import Asset, AssetKind, Fact, System


def model(**declared: Fact) -> Asset:
    return Asset(id="m", kind="model", declared=declared)


def rows(asset: Asset, quantity: str) -> list[Estimate]:
    return [row for row in declaration_completeness(asset) if row.quantity == quantity]


def fields(asset: Asset) -> dict[str, float]:
    return {(row.group or {})["answer"]: row.value for row in rows(asset, "fields")}


def test_counted_by_hand_and_the_four_answers_stay_apart() -> None:
    asset = model(license="Apache-2.0", data_sources="none", hardware="unknown", languages="TODO", parameter_count=0)
    total = len(facts_of("model"))
    assert fields(asset) == {"declared": 2, "none": 1, "unknown": 1, "empty": total - 4}
    (share,) = rows(asset, "declared_share")
    assert share.value == pytest.approx(3 / total)
    assert (share.low, share.high, share.interval, share.n) == (share.value, share.value, "range", total)
    assert "2 declared, 1 none, 1 unknown" in share.note
    assert share.unit == "1"


@pytest.mark.parametrize("kind", ["dataset", "model", "adapted_model", "application"])
def test_every_kind_has_one_row_for_each_of_its_fields(kind: AssetKind) -> None:
    asset = Asset(id="a", kind=kind)
    answered = rows(asset, "field_answered")
    assert [(row.group or {})["field"] for row in answered] == [each.key for each in facts_of(kind)]
    assert {row.value for row in answered} == {0.0}
    assert sum(fields(asset).values()) == len(answered) > 5
    assert rows(asset, "declared_share")[0].value == 0.0


def test_a_field_row_names_the_field_and_the_answer_in_words() -> None:
    by_field = {
        (row.group or {})["field"]: row for row in rows(model(license="none", hardware="unknown"), "field_answered")
    }
    assert by_field["license"].value == 1.0
    assert by_field["license"].note.startswith("licence: declared that there is none.")
    assert by_field["hardware"].value == 0.0
    assert by_field["hardware"].group == {"field": "hardware", "answer": "unknown"}


def test_everything_answered_is_1_and_the_order_of_the_file_does_not_matter() -> None:
    answers: dict[str, Fact] = {each.key: "yes" for each in facts_of("dataset") if not each.field}
    whole = Asset(id="d", kind="dataset", actor="lab", release="open", locator="data", declared=answers)
    turned = whole.model_copy(update={"declared": dict(reversed(answers.items()))})
    assert rows(whole, "declared_share")[0].value == 1.0
    assert list(declaration_completeness(whole)) == list(declaration_completeness(turned))


def test_through_gather_the_basis_is_declared_and_units_are_the_declared_ones(tmp_path: Path) -> None:
    asset = model(license="MIT")
    spec = REGISTRY.specs["transparency.declaration_completeness"]
    with Store(tmp_path) as store:
        found = gather(Task(spec, "m", lambda: asset), Setting(store, System(name="s", assets=(asset,)), "hash"))
    assert len(found) == 1 + 4 + len(facts_of("model"))
    for row in found:
        assert row.basis == "declared"
        assert row.status == "ok"
        assert row.estimate is not None
        assert row.estimate.unit == spec.method.quantities[row.estimate.quantity].unit


def test_the_method_warns_that_completeness_is_not_truth() -> None:
    method = REGISTRY.specs["transparency.declaration_completeness"].method
    assert "Completeness is not truth" in method.description
    assert "not truth" in method.warnings[0]
