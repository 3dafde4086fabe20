from __future__ import annotations

from commonweal.assessment.assess import assess
from commonweal.evidence.records import Estimate, Evidence, Facts, Finding, Missing
from commonweal.evidence.verdicts import is_found
from tests.assessment.assessed_systems import AUDIT, METHODS, estimate, evidence, system

GAP = "log_odds_gap"


def judged(*rows: Evidence) -> tuple[Finding, ...]:
    return assess(system(), rows, METHODS, "hash", 0).findings


def one(*rows: Evidence) -> Finding:
    (finding,) = judged(*rows)
    return finding


def claim(p: float | None = 0.01, **changed: object) -> Estimate:
    return estimate(p_value=None if p is None else p / 2, p_adjusted=p, minimum_detectable=0.08, **changed)  # type: ignore[arg-type]


NOTHING = {"value": -0.02, "low": -0.09, "high": 0.05}


def test_a_gap_is_found_where_the_adjusted_p_value_and_the_interval_agree_on_it() -> None:
    assert is_found(evidence("1", found=claim(0.05)))
    assert not is_found(evidence("1", found=claim(0.051)))
    assert not is_found(evidence("1", found=claim(0.01, **NOTHING)))
    assert not is_found(evidence("1", found=claim(0.01, low=-0.2, high=0.0)))
    assert not is_found(evidence("1", found=claim(0.01, null=None)))
    assert is_found(evidence("1", found=claim(None)))
    assert is_found(evidence("1", found=estimate(p_value=0.04)))
    assert not is_found(evidence("1", found=estimate(p_value=0.06)))


def test_found_says_who_against_whom_with_its_interval_and_rests_on_its_row() -> None:
    finding = one(
        evidence("rate", found=estimate(0.4, 0.3, 0.5, quantity="selection_rate")), evidence("gap", found=claim())
    )
    assert (finding.verdict, finding.measure, finding.subject, finding.title) == (
        "found",
        AUDIT,
        "app",
        "The audit study, automated",
    )
    assert finding.headline == (
        "Applicants presented as women got the favourable answer 10.0 points less often than those "
        "presented as men (95 % interval 5.0 to 15.0; n = 200)"
    )
    assert finding.evidence[0] == "gap"
    assert set(finding.evidence) >= {"gap", "rate"}


def test_found_brings_its_consequences_for_people_with_their_conditions() -> None:
    flips = estimate(0.04, 0.01, 0.07, quantity="excess_flip_share")
    finding = one(evidence("gap", found=claim()), evidence("flips", found=flips))
    told = [words for words in finding.details if "if applied to real decisions" in words]
    assert len(told) == 4
    assert any(
        "10.0 (5.0 to 15.0) favourable outcomes fewer" in words and "per 100 decisions" in words for words in told
    )
    assert any("19,200" in words and words.endswith(", a year in live") for words in told)
    assert not any("deployment" in words for words in told)
    assert any(
        "4.0 (1.0 to 7.0) outcomes that the cue changes" in words and "per 100 decisions" in words for words in told
    )
    assert finding.conditions == (
        "the probes resemble the people who are really decided about",
        "the cue in the probe (a name, a pronoun, a phrase) is the only sign of the group",
        "per decision, it counts what the application puts out, before a person overturns any of it",
        "per year in live, the application's output is final (how often a person overturns it is not declared)",
    )
    assert len(finding.evidence) == 2 + 4


def test_a_group_that_gains_is_said_to_have_an_advantage_and_no_negative_shortfall() -> None:
    finding = one(evidence("gap", found=claim(value=0.1, low=0.05, high=0.15)))
    told = [words for words in finding.details if "if applied to real decisions" in words]
    assert told[0] == (
        "if applied to real decisions: gender: women against men, 10.0 (5.0 to 15.0) favourable outcomes more than the "
        "reference group, an advantage over it, per 100 decisions"
    )
    assert "−" not in "".join(told)


def test_the_four_fifths_verdict_stands_in_the_findings_own_text() -> None:
    ratio = {"quantity": "selection_rate_ratio", "null": None}
    black = estimate(0.7, 0.6, 0.78, group={"race": "Black"}, reference={"race": "White"}, **ratio)
    asian = estimate(1.25, 1.0, 1.6, group={"race": "Asian"}, reference={"race": "White"}, **ratio)
    both = estimate(
        0.9, 0.5, 1.4, group={"race": "Black", "gender": "women"}, reference={"race": "White", "gender": "men"}, **ratio
    )
    rows = [
        evidence(str(index), found=found)
        for index, found in enumerate((black, asian, estimate(0.95, 0.9, 1.0, **ratio), both))
    ]
    crossed, open_, kept = [
        words for words in one(*rows, evidence("gap", found=claim(0.4, **NOTHING))).details if "four-fifths" in words
    ]
    assert crossed == (
        "four-fifths line (29 CFR 1607.4(D), written for race, sex and ethnic group) crossed, the whole interval is "
        "below 0.8: race: Black against White 0.700 (0.600 to 0.780)"
    )
    assert "inconclusive: the interval includes 0.8" in open_
    assert open_.endswith("race: White against Asian 0.80 (0.62 to 1.00); 1 of intersecting groups")
    assert "not crossed" in kept
    assert kept.endswith("gender: women against men 0.950 (0.900 to 1.000)")


def test_without_a_ratio_of_rates_there_is_no_four_fifths_verdict() -> None:
    assert "four-fifths" not in "".join(one(evidence("gap", found=claim())).details)


def test_what_was_not_found_brings_no_consequences() -> None:
    finding = one(evidence("gap", found=claim(0.4, **NOTHING)), evidence("log", found=claim(0.01, quantity=GAP)))
    assert finding.verdict == "found"
    assert "propagated" not in " ".join(finding.details)
    assert finding.conditions == ()


def test_not_shown_is_not_called_none_and_the_smallest_effect_that_would_have_been_found_stands_beside_it() -> None:
    finding = one(evidence("1", found=claim(0.4, **NOTHING)))
    assert finding.verdict == "not_shown"
    assert finding.headline == "The one comparison does not show a gap. That is not evidence that there is none."
    (words,) = finding.not_shown
    assert "women against men" in words
    assert "difference in favourable rate −2.0 percentage points" in words
    assert "smallest gap this design would detect: 8.0 percentage points" in words
    assert finding.evidence == ("1",)


def test_without_a_minimum_detectable_effect_it_says_so() -> None:
    finding = one(evidence("1", found=estimate(p_adjusted=0.4, **NOTHING)))
    assert finding.not_shown[0].count("the smallest gap it would detect is unknown") == 1


def test_beside_what_was_found_stands_what_was_not() -> None:
    race = claim(0.6, group={"race": "Black"}, reference={"race": "White"}, **NOTHING)
    both = claim(
        0.7, group={"race": "Black", "gender": "women"}, reference={"race": "White", "gender": "men"}, **NOTHING
    )
    gone = Missing(quantity="names_audit", status="skipped", reason="--limit 10 leaves too little")
    finding = one(
        evidence("1", found=claim()), evidence("2", found=race), evidence("3", found=both), evidence("4", found=gone)
    )
    assert finding.verdict == "found"
    assert len(finding.not_shown) == 3
    assert "Black against White" in finding.not_shown[0]
    assert finding.not_shown[1] == "1 comparison of intersecting groups"
    assert finding.not_shown[2] == "not measured: --limit 10 leaves too little"
    assert [(about.kind, about.attribute) for about in finding.not_shown_about] == [
        ("comparison", "race"),
        ("intersections", ""),
        ("not_measured", ""),
    ]


def test_the_strongest_single_attribute_comes_first_and_more_than_six_are_counted() -> None:
    rows = [
        evidence(f"r{k}", found=claim(0.01 + k / 1000, group={"race": f"group {k}"}, reference={"race": "White"}))
        for k in range(8)
    ]
    both = claim(0.0001, group={"race": "Black", "gender": "women"}, reference={"race": "White", "gender": "men"})
    finding = one(evidence("both", found=both), *reversed(rows))
    assert "presented as group 0 got" in finding.headline
    assert "presented as group 5 got" in finding.details[4]
    assert finding.details[5] == "and 3 more; see the evidence rows"


def test_numbers_without_a_claim_are_described() -> None:
    rate = estimate(0.4, 0.3, 0.5, quantity="selection_rate", group={"gender": "women"})
    finding = one(evidence("1", found=rate), evidence("2", found="its device is not known"))
    assert finding.verdict == "described"
    assert "women" in finding.headline
    assert "40" in finding.headline
    assert "its device is not known" in finding.details


def test_no_number_at_all_is_not_measured_with_every_reason() -> None:
    names, cue = (
        Missing(quantity=f"{name}_audit", status="not_applicable", reason=f"no {name}") for name in ("names", "cue")
    )
    failed = evidence("3", status="failed", note="the application is down")
    finding = one(evidence("1", found=names), evidence("2", found=cue), failed)
    assert finding.verdict == "not_measured"
    assert finding.headline == "not applicable: no names"
    assert finding.details == ("not applicable: no cue", "failed: the application is down")
    assert finding.evidence == ("1", "2", "3")
    assert finding.in_short == ""


def test_what_it_lacks_in_short_is_the_rows_own() -> None:
    lacks = Facts(lacks="published data")
    finding = one(evidence("1", status="skipped", note="needs published data. The set: bbq", facts=lacks))
    assert (finding.headline, finding.in_short) == ("skipped: needs published data. The set: bbq", "published data")


def test_the_sentence_of_a_measure_is_the_headline_and_rests_on_its_rows_without_groups() -> None:
    whole = claim(quantity=GAP).model_copy(update={"group": None, "reference": None})
    said = evidence("1", found=whole, facts=Facts(headline="the application is better"))
    finding = one(evidence("2", found=claim(quantity=GAP, group={"label": "spam"})), said)
    assert (finding.verdict, finding.headline, finding.details) == ("found", "the application is better", ())
    assert finding.evidence == ("1", "2")


def test_reach_lists_every_place_but_itself_and_menders_go_upstream() -> None:
    finding = one(evidence("1", "model", found=claim()))
    assert [(reach.kind, reach.target, reach.measured_here) for reach in finding.reach] == [
        ("asset", "app", False),
        ("deployment", "live", False),
        ("population", "applicants", False),
    ]
    assert [mender.actor for mender in finding.menders][:2] == ["lab", "crawl"]
    rows = assess(system(), [evidence("1", "model", found=claim())], METHODS, "hash", 0).rows
    assert {reach.evidence for reach in finding.reach} <= {row.id for row in rows}


def test_findings_come_in_the_order_found_not_shown_described_not_measured() -> None:
    rows = [
        evidence("4", "model", "d.d", status="failed", note="no"),
        evidence("3", "model", "c.c", found=estimate(quantity="selection_rate")),
        evidence("2", "model", "b.b", found=claim(0.5, **NOTHING)),
        evidence("1", "app", found=claim()),
    ]
    assert [finding.verdict for finding in judged(*rows)] == ["found", "not_shown", "described", "not_measured"]


def test_one_measure_on_two_assets_makes_two_findings() -> None:
    findings = judged(evidence("1", "model", found=claim()), evidence("2", "app", found=claim(0.9, **NOTHING)))
    assert [(finding.subject, finding.verdict) for finding in findings] == [("model", "found"), ("app", "not_shown")]
    assert len({finding.id for finding in findings}) == 2
