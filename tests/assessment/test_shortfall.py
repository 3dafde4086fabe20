from __future__ import annotations

from typing import Any

import pytest

from commonweal.assessment.assess import assess
from commonweal.assessment.shortfall import shortfalls
from commonweal.evidence.records import Estimate, Evidence
from commonweal.measures.registry import load_registry
from commonweal.system.records import System
from tests.assessment.assessed_systems import METHODS, deployment, estimate, evidence, system, writer


def weighed(declared: System, *gaps: Estimate) -> list[Evidence]:
    return list(
        shortfalls(declared, [evidence(str(index), found=gap) for index, gap in enumerate(gaps)], METHODS, writer())
    )


def number(rows: list[Evidence], quantity: str) -> Estimate:
    (one,) = [row.estimate for row in rows if row.estimate is not None and row.estimate.quantity == quantity]
    return one


def lacking(rows: list[Evidence]) -> str:
    (one,) = [row for row in rows if row.missing is not None]
    assert one.missing is not None
    assert (one.status, one.missing.quantity) == ("not_applicable", "net_shortfall_per_year")
    return one.note


def test_ten_points_fewer_are_one_favourable_outcome_fewer_in_ten_decisions() -> None:
    rows = weighed(system(), estimate(-0.1, -0.15, -0.05))
    found = number(rows, "net_shortfall_per_decision")
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.05, 0.15))
    assert (found.unit, found.interval, found.n, found.clusters) == ("1/decision", "confidence", 200, 18)
    assert (found.group, found.reference) == ({"gender": "women"}, {"gender": "men"})
    assert rows[0].basis == "propagated"
    assert rows[0].derived_from == ("0",)
    assert rows[0].note.startswith(
        "if the probes resemble the people who are really decided about; and the cue in the probe"
    )
    assert rows[0].note.endswith(
        "; and per decision, it counts what the application puts out, before a person overturns any of it"
    )


def test_per_year_the_volume_is_split_by_the_declared_share_of_the_group() -> None:
    # 400,000 decisions, 48 % about women: 192,000, of which 0.1 (0.05 to 0.15) go against them.
    found = number(weighed(system((deployment(human_override="none"),)), estimate()), "net_shortfall_per_year")
    assert (found.value, found.low, found.high) == pytest.approx((19_200, 9_600, 28_800))
    assert (found.unit, found.interval) == ("people-decision/year", "confidence")
    assert found.group == {"gender": "women", "deployment": "live"}


def test_a_range_of_human_override_gives_the_corners_of_both_ranges_and_is_called_a_range() -> None:
    # 0 to 20 % are overturned, so 80 to 100 % stand: 192,000 x 0.1 x 0.9 in the middle, x 0.05 x 0.8 and x 0.15 x 1 at
    # the corners.
    rows = weighed(system((deployment(human_override=(0.0, 0.2)),)), estimate())
    found = number(rows, "net_shortfall_per_year")
    assert (found.value, found.low, found.high) == pytest.approx((17_280, 7_680, 28_800))
    assert found.interval == "range"
    assert rows[1].note.endswith(
        "people overturn 0 to 20 % of outputs, alike for all groups, and decide those anew without regard to the group"
    )


def test_a_gap_that_may_go_either_way_keeps_both_signs_at_the_corners() -> None:
    found = number(
        weighed(system((deployment(human_override=(0.0, 0.5)),)), estimate(-0.05, -0.15, 0.05)),
        "net_shortfall_per_year",
    )
    assert (found.low, found.high) == pytest.approx((-0.05 * 192_000, 0.15 * 192_000))


def test_an_override_that_is_not_declared_is_a_condition_and_not_an_assumption_in_silence() -> None:
    rows = weighed(system(), estimate())
    assert rows[1].note.endswith("the application's output is final (how often a person overturns it is not declared)")
    unknown = weighed(system((deployment(human_override="unknown"),)), estimate())
    assert unknown[1].note.endswith("the application's output is final (how often a person overturns it is unknown)")
    declared = weighed(system((deployment(human_override="none"),)), estimate())
    assert declared[1].note.endswith("the application's output is final (declared)")


def test_two_populations_share_the_volume_by_their_reach() -> None:
    # 90,000 of 120,000 people are applicants (48 % women), 30,000 students (60 %): 400,000 x (0.75 x 0.48 + 0.25 x
    # 0.6).
    both = deployment(reach={"applicants": 90_000, "students": 30_000}, human_override="none")
    assert number(weighed(system((both,)), estimate()), "net_shortfall_per_year").value == pytest.approx(0.1 * 204_000)


def test_every_deployment_has_its_own_figure() -> None:
    rows = weighed(system((deployment(), deployment("second", volume=100))), estimate())
    per_year = [
        row.estimate.value
        for row in rows
        if row.estimate is not None and row.estimate.quantity == "net_shortfall_per_year"
    ]
    assert per_year == pytest.approx([19_200, 4.8])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"volume": None}, "its volume is not declared"),
        ({"volume": "unknown"}, "its volume is unknown"),
        ({"reach": {}}, "whom it reaches is not declared"),
        ({"reach": {"applicants": "unknown"}}, "its reach is unknown"),
        ({"reach": {"applicants": 90_000, "students": "unknown"}}, "its reach is unknown"),
        ({"reach": {"applicants": 0.0}}, "its declared reach is 0"),
    ],
)
def test_what_is_not_declared_leaves_the_people_unknown_and_says_what_is_missing(
    changed: dict[str, Any], reason: str
) -> None:
    assert lacking(weighed(system((deployment(**changed),)), estimate())) == f"{reason} (deployment live)"


def test_shares_that_are_not_declared_or_unknown_leave_the_people_unknown() -> None:
    race = estimate(group={"race": "Black"}, reference={"race": "White"})
    assert "the shares of 'race' in population applicants are unknown" in lacking(weighed(system(), race))
    age = estimate(group={"age": "older"}, reference={"age": "younger"})
    assert "the shares of 'age' in population applicants are not declared" in lacking(weighed(system(), age))
    they = estimate(group={"gender": "they"}, reference={"gender": "he"})
    assert "declares no share of 'they' (gender: women, men)" in lacking(weighed(system(), they))


def test_intersections_have_a_figure_per_decision_and_none_per_year() -> None:
    both = estimate(group={"gender": "women", "race": "Black"}, reference={"gender": "men", "race": "White"})
    rows = weighed(system(), both)
    assert [row.estimate.quantity for row in rows if row.estimate is not None] == ["net_shortfall_per_decision"]
    assert len(rows) == 1


def test_only_gaps_against_the_named_reference_group_are_carried() -> None:
    black, hispanic = (estimate(group={"race": race}, reference={"race": "White"}) for race in ("Black", "Hispanic"))
    between = estimate(-0.02, -0.1, 0.1, group={"race": "Hispanic"}, reference={"race": "Black"})
    rows = weighed(system(()), black, hispanic, between)
    assert [(row.estimate.group, row.estimate.reference) for row in rows if row.estimate is not None] == [
        ({"race": "Black"}, {"race": "White"}),
        ({"race": "Hispanic"}, {"race": "White"}),
    ]


def test_excess_flips_keep_their_sign_and_a_group_that_gains_has_a_negative_shortfall() -> None:
    flips = estimate(0.04, 0.01, 0.07, quantity="excess_flip_share")
    rows = weighed(system((deployment(human_override="none"),)), estimate(0.1, 0.05, 0.15), flips)
    assert number(rows, "net_shortfall_per_decision").value == pytest.approx(-0.1)
    assert number(rows, "excess_flips_per_decision").value == pytest.approx(0.04)
    assert number(rows, "excess_flips_per_year").value == pytest.approx(0.04 * 192_000)
    assert number(rows, "net_shortfall_per_year").high == pytest.approx(-9_600)


def test_a_figure_needed_all_that_the_rows_it_comes_from_needed() -> None:
    found = evidence("1", found=estimate())
    code = found.model_copy(update={"provenance": found.provenance.model_copy(update={"allowed": ("code", "network")})})
    other = evidence("2", "model", "a.one", found="seen")
    rows = assess(system(), [code, other], METHODS, "hash", 0).rows
    assert {row.provenance.allowed for row in rows if row.derived_from == ("1",)} == {("code", "network")}
    assert {row.provenance.allowed for row in rows if row.derived_from == ("2",)} == {()}


def test_a_deployment_is_called_by_its_context_too() -> None:
    rows = weighed(system((deployment(context="employment", volume=None),)), estimate())
    assert lacking(rows) == "its volume is not declared (deployment live in employment)"
    rows = weighed(system((deployment(context="employment", human_override="none"),)), estimate())
    assert rows[1].note.endswith("; and per year in live in employment, the application's output is final (declared)")


def test_log_odds_have_no_shortfall() -> None:
    assert weighed(system(), estimate(quantity="log_odds_gap")) == []


def test_the_same_gap_gives_the_same_row_and_another_gap_another() -> None:
    one, same, other = (weighed(system(), estimate(value)) for value in (-0.1, -0.1, -0.11))
    assert [row.id for row in one] == [row.id for row in same]
    assert not {row.id for row in one} & {row.id for row in other}


def test_a_table_of_predictions_does_not_say_whether_1_is_favourable_so_nothing_is_carried_to_people() -> None:
    """Where 1 is an accusation, the group that is accused less often would be told as the one that is harmed."""
    accused_less = evidence("0", found=estimate(-0.2, -0.26, -0.14)).model_copy(
        update={"measure": "inequity.performance_gap"}
    )
    methods = {name: spec.method for name, spec in load_registry().specs.items()}
    assert list(
        shortfalls(system(), [evidence("0", found=accused_less.estimate)], methods, writer())
    )  # the audit's would be
    assert list(shortfalls(system(), [accused_less], methods, writer())) == []
