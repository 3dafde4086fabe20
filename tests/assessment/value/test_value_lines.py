"""The worth of deployments in a few lines, on the example that declares it."""

from __future__ import annotations

from pathlib import Path

import pytest

from commonweal.assessment.row_writer import Writer
from commonweal.assessment.value.ledger_rows import LEDGER_METHOD
from commonweal.assessment.value.value_lines import value_lines
from commonweal.assessment.value.value_rows import VALUE_METHOD, value_rows
from commonweal.evidence.records import Evidence
from commonweal.measures.registry import load_registry
from commonweal.system.loading import load

EXAMPLE = Path(__file__).parents[3] / "examples" / "translation" / "system.yaml"


@pytest.fixture(scope="module")
def rows() -> tuple[Evidence, ...]:
    writers = [Writer(method.name, method.source, 0, "hash") for method in (LEDGER_METHOD, VALUE_METHOD)]
    methods = {name: spec.method for name, spec in load_registry().specs.items()}
    return tuple(value_rows(load(EXAMPLE), (), methods, (writers[0], writers[1]), 0))


def test_eight_lines_say_what_it_is_worth_who_gains_who_pays_and_what_would_flip_it(rows: tuple[Evidence, ...]) -> None:
    lines = value_lines(rows)
    assert len(lines) <= 8
    known, sides, flip = lines[:3]
    assert known.startswith("translator, estonia: V = 4,200,000 USD2020 (95 % interval −340,000 to 11,800,000)")
    assert "P(V < 0) 4.29 %" in known
    assert "gains: readers 5,700,000 USD2020; pays: everyone else −890,000 USD2020, service" in sides
    assert flip.strip().startswith("would flip it: benefit 1 of estonia")


def test_a_worth_that_is_unknown_is_said_so_with_what_it_would_take(rows: tuple[Evidence, ...]) -> None:
    unknown = next(line for line in value_lines(rows) if "quebec" in line)
    assert "V is unknown: not declared or unknown: benefit S" in unknown
    assert any("V is above 0 where benefit S is more than" in line for line in value_lines(rows))


def test_many_deployments_are_counted_and_none_is_none(rows: tuple[Evidence, ...]) -> None:
    def renamed(row: Evidence, name: str) -> Evidence:
        about = row.estimate or row.missing
        if about is None or "deployment" not in (about.group or {}):
            return row
        field = "estimate" if row.estimate else "missing"
        other = about.model_copy(update={"group": {**(about.group or {}), "deployment": name}})
        return row.model_copy(update={field: other})

    many = tuple(renamed(row, name) for name in "abcd" for row in rows)
    assert value_lines(many)[-1] == "and 2 more deployments: --rows"
    assert len(value_lines(many)) <= 8
    assert value_lines(()) == []
