"""The catalogue is complete, sourced and typed; answers are counted as what they are."""

from __future__ import annotations

from typing import get_args

import pytest

from commonweal.system.declarations import CATALOGUE, declaration_status, fact, facts_of
from commonweal.system.loading import system_from_text
from commonweal.system.records import Asset, AssetKind


@pytest.mark.parametrize("kind", get_args(AssetKind))
def test_every_kind_has_its_facts(kind: AssetKind) -> None:
    assert 12 <= len(facts_of(kind)) <= 21
    assert {"actor", "release", "locator"} <= {one.key for one in facts_of(kind)}


def test_every_fact_is_sourced_and_keys_are_unique() -> None:
    assert len({declarable.key for declarable in CATALOGUE}) == len(CATALOGUE) > 20
    for declarable in CATALOGUE:
        assert declarable.label
        assert declarable.why
        assert "et al." in declarable.source
        assert (declarable.unit is not None) == (declarable.type == "number")
        assert bool(declarable.choices) == (declarable.type == "choice")


def test_units_come_from_the_keys() -> None:
    units = {one.key: one.unit for one in CATALOGUE if one.unit}
    assert units == {
        "parameter_count": "count",
        "training_energy_kwh": "kWh",
        "training_carbon_kg": "kgCO2e",
        "user_count": "people",
    }


def test_record_fields_count() -> None:
    asset = Asset(id="m", kind="model", actor="unknown", release="none", locator="embedded:smollm2")
    status = declaration_status(asset)
    assert (status["actor"], status["release"], status["locator"]) == ("unknown", "none", "declared")
    assert set(status) == {one.key for one in facts_of("model")}
    assert list(status.values()).count("empty") == len(status) - 3


def test_a_prompt_counts_as_a_locator() -> None:
    prompt = {"template": "{x}", "options": {"a": "a", "b": "b"}, "favourable": "a"}
    assert (
        declaration_status(Asset.model_validate({"id": "a", "kind": "application", "prompt": prompt}))["locator"]
        == "declared"
    )
    assert declaration_status(Asset(id="a", kind="application"))["locator"] == "empty"


def test_facts_are_read_with_their_unit() -> None:
    text = (
        "schema: commonweal/1\nname: a\nassets:\n  - id: m\n    kind: model\n    declared:\n      "
        "training_energy_kwh: 1,200 kWh\n      training_carbon_kg: 35 kg\n      parameter_count: 135_000_000\n      "
        "personal_data: Yes\n      languages: [English, français]\n      own_fact: 3\n"
    )
    assert system_from_text(text).assets[0].declared == {
        "training_energy_kwh": 1200.0,
        "training_carbon_kg": 35.0,
        "parameter_count": 135e6,
        "personal_data": "yes",
        "languages": ("English", "français"),
        "own_fact": 3,
    }


def test_unknown_fact_is_no_entry() -> None:
    with pytest.raises(KeyError):
        fact("colour")
