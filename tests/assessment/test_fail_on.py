from __future__ import annotations

import pytest

from commonweal.assessment.assess import assess
from commonweal.assessment.fail_on import judge, parse_condition
from commonweal.errors import OptionError
from commonweal.evidence.records import Missing
from tests.assessment.assessed_systems import AUDIT, METHODS, estimate, evidence, system

RATIO = f"{AUDIT}:selection_rate_ratio"


def ratio(key: str, value: float, low: float, high: float) -> object:
    return evidence(key, found=estimate(value, low, high, quantity="selection_rate_ratio"))


def test_a_condition_is_read_with_its_measure_quantity_sign_and_value() -> None:
    parsed = parse_condition(f" {RATIO} < 0.8 ", METHODS)
    assert (parsed.measure, parsed.quantity, parsed.above, parsed.value) == (AUDIT, "selection_rate_ratio", False, 0.8)
    above = parse_condition(f"{AUDIT}:log_odds_gap>-1.5e-2", METHODS)
    assert (above.above, above.value) == (True, -0.015)
    assert parse_condition("found", METHODS).measure == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lost", "got 'lost', expected 'found' or MEASURE:QUANTITY<VALUE"),
        ("", "got '', expected"),
        (f"{RATIO}<", "expected 'found' or MEASURE:QUANTITY<VALUE"),
        (f"{RATIO}<=0.8", "expected 'found' or MEASURE:QUANTITY<VALUE"),
        (f"{RATIO}<four", "expected 'found' or MEASURE:QUANTITY<VALUE"),
        ("inequity.audit:selection_rate_ratio<0.8", f"no measure 'inequity.audit'; there are: {AUDIT}"),
        (f"{AUDIT}:ratio<0.8", f"{AUDIT} has no quantity 'ratio'; it has: selection_rate, "),
    ],
)
def test_a_condition_that_makes_no_sense_is_told_with_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_condition(text, METHODS)
    assert str(caught.value).startswith("--fail-on: ")
    assert message in str(caught.value)


def test_names_with_digits_are_read_too() -> None:
    method = METHODS[AUDIT].model_copy(
        update={"name": "acme2.p99", "quantities": {"p99_wait": METHODS[AUDIT].quantities["selection_rate"]}}
    )
    assert parse_condition("acme2.p99:p99_wait>3", {"acme2.p99": method}).quantity == "p99_wait"


def test_a_row_is_beyond_a_limit_only_with_its_whole_interval() -> None:
    rows = [
        ratio("low", 0.6, 0.5, 0.79),
        ratio("unsure", 0.7, 0.5, 0.81),
        ratio("at", 0.7, 0.6, 0.8),
        ratio("high", 1.0, 0.9, 1.1),
    ]
    assert judge(parse_condition(f"{RATIO}<0.8", METHODS), rows, ()) == (("low",), True)  # type: ignore[arg-type]
    assert judge(parse_condition(f"{RATIO}>0.85", METHODS), rows, ()) == (("high",), True)  # type: ignore[arg-type]
    assert judge(parse_condition(f"{RATIO}<0.1", METHODS), rows, ()) == ((), True)  # type: ignore[arg-type]


def test_a_number_without_an_interval_counts_as_it_stands() -> None:
    bare = evidence("1", found=estimate(0.7, quantity="selection_rate_ratio", low=None, high=None, interval=None))  # type: ignore[arg-type]
    assert judge(parse_condition(f"{RATIO}<0.8", METHODS), [bare], ()) == (("1",), True)


def test_a_limit_that_no_row_can_answer_is_undecided_and_not_met_in_silence() -> None:
    missing = evidence(
        "1", found=Missing(quantity="selection_rate_ratio", status="not_applicable", reason="nobody was selected")
    )
    other = evidence("2", measure="other.measure", found=estimate(0.1, 0.0, 0.2, quantity="selection_rate_ratio"))
    assert judge(parse_condition(f"{RATIO}<0.8", METHODS), [missing, other], ()) == ((), False)


def test_found_answers_with_the_findings_of_that_verdict() -> None:
    found = assess(system(), [evidence("1", found=estimate(p_adjusted=0.01))], METHODS, "hash", 0).findings
    silent = assess(system(), [evidence("1", found=estimate(p_adjusted=0.9))], METHODS, "hash", 0).findings
    failed = assess(system(), [evidence("1", status="failed", note="down")], METHODS, "hash", 0).findings
    condition = parse_condition("found", METHODS)
    assert judge(condition, (), found) == ((found[0].id,), True)
    assert judge(condition, (), silent) == ((), True)
    assert judge(condition, (), failed) == ((), False)
