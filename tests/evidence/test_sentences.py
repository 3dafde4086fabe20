from __future__ import annotations

from string import Formatter

import pytest

from commonweal.evidence.records import Estimate
from commonweal.evidence.sentences import ENGLISH, own_numbers, plain_sentence
from commonweal.measures.registry import load_registry

TESTED = {
    f"{name}.{quantity}": facts
    for name, spec in load_registry().specs.items()
    for quantity, facts in spec.method.quantities.items()
    if facts.null is not None
}
KNOWN = {"group", "reference", "presented", "reference_presented", "size", "value", "where"}


def test_every_quantity_that_is_tested_has_its_sentence_and_no_sentence_is_about_nothing() -> None:
    assert set(ENGLISH) == set(TESTED)


@pytest.mark.parametrize("name", ENGLISH)
def test_a_sentence_tells_the_direction_and_names_nothing_that_is_not_there(name: str) -> None:
    sentence = ENGLISH[name]
    for template in (sentence.above, sentence.below):
        fields = {field for _, field, _, _ in Formatter().parse(template) if field}
        assert fields <= KNOWN
        assert fields & {"size", "value"}, "how much"
    if TESTED[name].role is not None or "reference" in sentence.above:
        assert sentence.above != sentence.below


@pytest.mark.parametrize("name", [name for name, one in ENGLISH.items() if one.own])
def test_what_both_sides_have_of_their_own_is_a_quantity_of_the_measure(name: str) -> None:
    measure, quantity = name.rsplit(".", 1)
    assert own_numbers(measure, quantity) in load_registry().specs[measure].method.quantities


def share(value: float, low: float, high: float, **more: object) -> Estimate:
    return Estimate.model_validate(
        {"unit": "1", "value": value, "low": low, "high": high, "interval": "confidence", "n": 900, "method": "t"}
        | {"null": 0.0, "group": {"gender": "they"}, "reference": {"gender": "he"}}
        | more
    )


def test_the_direction_is_in_the_words_and_the_numbers_of_both_sides_stand_behind() -> None:
    own = [
        share(rate, rate - 0.05, rate + 0.05, quantity="selection_rate", null=None, group=None, reference=None)
        for rate in (0.34, 0.46)
    ]
    gap = share(-0.12, -0.22, -0.01, quantity="selection_rate_difference")
    assert plain_sentence("inequity.correspondence_audit", gap, (own[0], own[1])) == (
        "Applicants presented as they got the favourable answer 12 points less often than those "
        "presented as he (95 % interval 1.0 to 22; 34.0 % against 46.0 %; n = 900)"
    )
    more = share(0.12, 0.01, 0.22, quantity="selection_rate_difference")
    assert "12 points more often" in plain_sentence("inequity.correspondence_audit", more, (None, None))


def test_a_share_is_told_beside_what_no_lean_would_be() -> None:
    lean = share(0.44, 0.40, 0.48, quantity="stereotype_share", null=0.5, group=None, reference=None)
    assert plain_sentence("inequity.crows_pairs", lean, (None, None)) == (
        "Of two sentences, the more stereotyping one is the more likely one in only 44.0 % of the pairs; without a "
        "lean it would be 50 % (95 % interval 40.0 to 48.0; n = 900)"
    )
    race = lean.model_copy(update={"group": {"bias_type": "race-color"}})
    assert "of the pairs (bias type: race-color)" in plain_sentence("inequity.crows_pairs", race, (None, None))


def test_a_measure_that_the_table_does_not_know_is_not_told_here() -> None:
    assert plain_sentence("inequity.newcomer", share(0.1, 0.0, 0.2, quantity="gap"), (None, None)) == ""
