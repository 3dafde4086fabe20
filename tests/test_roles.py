"""What the assessment and the report know of measures: roles, figures and parts of the statement, and never a name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import commonweal
from commonweal.assessment.assess import METHODS
from commonweal.evidence.records import QuantityRole, StatementPart
from commonweal.measures.registry import load_registry

HOUSE = Path(commonweal.__file__).parent
FOLDERS = ("assessment", "report")
TEXTS = {".py", ".j2", ".yaml", ".css", ".js"}
MEASURES = sorted(load_registry().specs)
PLAIN_ENGLISH = {"mitigation"}  # a word of the declared system too; as a text by itself it would be the measure


def texts() -> Iterator[tuple[str, str]]:
    """Every file of the two rooms, with its place."""
    for folder in FOLDERS:
        for path in sorted((HOUSE / folder).rglob("*")):
            if path.suffix in TEXTS:
                yield str(path.relative_to(HOUSE)), path.read_text(encoding="utf-8")


def stands_in(name: str, text: str) -> bool:
    """Whether a measure's name stands there, dotted or bare, as a word."""
    chapter, bare = name.split(".")
    alone = rf"[\"'`]{bare}[\"'`]" if bare in PLAIN_ENGLISH else rf"(?<!\w){bare}(?!\w)"
    return re.search(rf"(?<!\w){chapter}\.{bare}(?!\w)|{alone}", text) is not None


def test_the_two_rooms_are_found_with_their_templates() -> None:
    found = Counter(place.split("/")[0] + Path(place).suffix for place, _ in texts())
    assert found["assessment.py"] > 30
    assert found["report.py"] > 15
    assert found["report.j2"] > 8
    assert len(MEASURES) > 15


@pytest.mark.parametrize("text", ['"inequity.bbq"', "of inequity.bbq, say", "'bbq'", "the bbq items"])
def test_a_name_is_seen_where_it_stands(text: str) -> None:
    assert stands_in("inequity.bbq", text)
    assert not stands_in("inequity.bbq", "inequity.bbqs and _bbq")
    assert stands_in("environment.mitigation", "x['mitigation']")
    assert not stands_in("environment.mitigation", "commonweal.footprint.mitigation")


@pytest.mark.parametrize("name", MEASURES)
def test_no_measures_name_stands_in_the_assessment_or_the_report(name: str) -> None:
    assert [place for place, text in texts() if stands_in(name, text)] == []


@pytest.mark.parametrize("name", [method.name for method in METHODS])
def test_what_the_assessment_writes_is_named_once_where_it_is_defined(name: str) -> None:
    counts = {place: len(re.findall(rf"(?<!\w){re.escape(name)}(?!\w)(?! import)", text)) for place, text in texts()}
    assert {place.split("/")[0]: count for place, count in counts.items() if count} == {"assessment": 1}


def test_every_role_is_played_by_a_declared_quantity_and_every_part_of_the_statement_has_its_rows() -> None:
    measures = [spec.method for spec in load_registry().specs.values()]
    roles = {one.role for method in measures for one in method.quantities.values()}
    assert roles - {None} == set(get_args(QuantityRole))
    parts = {method.statement_part for method in (*measures, *METHODS)}
    assert parts - {None} == set(get_args(StatementPart))


def test_a_figure_is_of_declared_quantities() -> None:
    methods = [*(spec.method for spec in load_registry().specs.values()), *METHODS]
    chosen = [(method, figure) for method in methods for figure in method.figures]
    assert {figure.kind for _, figure in chosen} == {"scatter", "break_even"}
    assert all(set(figure.quantities) <= set(method.quantities) for method, figure in chosen)
    assert all(figure.point and figure.along and figure.diagonal for _, figure in chosen if figure.kind == "scatter")
