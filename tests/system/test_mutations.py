"""No mutated declaration ends in anything but an error in words, and none takes over 5 seconds.

The whole run of 100,000 is `python -m tests.system.mutations 0 100000`.
"""

from __future__ import annotations

import random

import pytest
from ruamel.yaml import YAML

from commonweal.assessment.value import value_rows as rows_of_value
from commonweal.errors import CommonwealError
from commonweal.system import yaml_tree as nodes
from tests.assessment.valued import TEXT
from tests.system.mutations import FEW_DRAWS, broken, mutated, of_system, sources

MANY, SOME, FEW = 2000, 100, 150


def test_some_mutated_declarations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_of_value, "DRAWS", FEW_DRAWS)
    assert list(broken(10**6, FEW)) == []


@pytest.mark.slow
def test_many_mutated_declarations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_of_value, "DRAWS", FEW_DRAWS)
    assert list(broken(2 * 10**6, MANY)) == []


def test_mutations_reach_what_they_are_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are refused and some are weighed; a mutation that is always refused early would test nothing."""
    monkeypatch.setattr(rows_of_value, "DRAWS", FEW_DRAWS)
    text = sources()[0][0]
    refused = 0
    for place in range(FEW):
        try:
            of_system(mutated(text, random.Random(place)))
        except CommonwealError:
            refused += 1
    assert FEW / 5 < refused < FEW


@pytest.mark.parametrize(
    "text", ['schema: "\\ud800"', '"\\ud800actors": []', "schema: commonweal/1\nassets: []\nname: '\ud800'"]
)
def test_half_a_character_is_a_fault_with_its_line(text: str) -> None:
    with pytest.raises(CommonwealError, match=r"system\.yaml:\d+ .*(half a character|a control character)"):
        of_system(text)


def test_both_parsers_read_the_same_tree() -> None:
    """libyaml reads what is whole; the parser in Python, what is not: no text may be one file to the one and another
    to the other.
    """
    compared = 0
    for text, _ in sources():
        for place in range(SOME // 6):
            changed = mutated(text, random.Random(place))
            pure = nodes._read(changed, YAML(typ="safe", pure=True).parse(changed), nodes._Builder())
            found = nodes.parse(changed)
            compared += pure[0] is not None
            assert found[0] == pure[0], changed
            assert [(fault.line, fault.text) for fault in found[1]] == [(fault.line, fault.text) for fault in pure[1]]
    assert compared > SOME / 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value: 100, unit: kgCO2e", "value: 1.0e+308, unit: kgCO2e"),
        ("volume: 1000000", "volume: 1e308"),
        ("income: 20000", "income: 1e-308"),
        ("value: 0.001, unit: USD2020/task", "value: 1.0e+300, unit: USD2020/task"),
    ],
)
def test_a_number_whose_product_would_be_none_is_a_fault_with_its_line(old: str, new: str) -> None:
    """Each of them once ended in an overflow."""
    assert old in TEXT
    with pytest.raises(CommonwealError, match=r"system\.yaml:\d+ "):
        of_system(TEXT.replace(old, new))
