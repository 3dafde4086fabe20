from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from commonweal.evidence.records import Estimate, Missing
from commonweal.evidence.store import Store
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.inequity.correspondence_audit import axes as audit_axes
from commonweal.measures.inequity.correspondence_audit.axes import CaseAnswers, name_axes
from commonweal.measures.inequity.correspondence_audit.correspondence_audit import cases, correspondence_audit, expected
from commonweal.measures.inequity.correspondence_audit.design import NamesLayout, Placed
from commonweal.measures.inequity.correspondence_audit.estimates import estimates, four_fifths
from commonweal.measures.options import Design, Limit
from commonweal.measures.probes.reader import load_probes
from commonweal.measures.probes.records import Name, Probe, Probes
from commonweal.measures.registry import REGISTRY
from commonweal.models.protocols import Case, Decision
from commonweal.system.records import Asset, System
from tests.measures.inequity.made_up_audits import (
    NoisyScreener,
    Rows,
    hypotheses,
    is_found,
    made_up_probes,
    names_of,
    the,
)

SMALL = made_up_probes()
DIFFERENCE, GAP = "selection_rate_difference", "log_odds_gap"


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """799 permutations instead of 9,999: the same test, with p in steps of 1/800."""
    monkeypatch.setattr(audit_axes, "DRAWS", 799)


def audit(
    application: Any, probes: Probes = SMALL, design: Design = Design.BALANCED, limit: int | None = None, seed: int = 0
) -> Rows:
    return list(correspondence_audit(application, probes, design, Limit(limit), np.random.default_rng(seed)))


def missing(rows: Rows, quantity: str) -> Missing:
    (one,) = [row for row in rows if isinstance(row, Missing) and row.quantity == quantity]
    return one


# ---- false alarms, coverage and power: the promises of DESIGN.md, counted over seeds


def in_band(alarms: int, seeds: int) -> bool:
    """Whether that many alarms are what a rate of 3 to 7 % gives, but for one time in a thousand on each side."""
    return bool(binom.ppf(0.001, seeds, 0.03) <= alarms <= binom.ppf(0.999, seeds, 0.07))


def count_alarms(seeds: range, probes: Probes, **options: Any) -> tuple[int, Counter[tuple[str, str, str]]]:
    """Audits with any finding, and hypotheses of one attribute with raw p at most 0.05, where no group matters."""
    families, raw = 0, Counter[tuple[str, str, str]]()
    for seed in seeds:
        claims = hypotheses(audit(NoisyScreener(seed, **options), probes, seed=seed))
        families += any(is_found(row) for row in claims)
        for row in claims:
            assert (row.p_adjusted is not None and row.p_adjusted <= 0.05) == row.excludes_null
            if row.p_value is not None and row.p_value <= 0.05 and len(row.group or {}) == 1:
                raw[row.quantity, *(row.group or {}).values(), *(row.reference or {}).values()] += 1
    return families, raw


POOL = {"top_share": 0.3, "threshold": None}
NULLS = {"threshold": {}, "top share": POOL, "few are favoured": {"shift": -1.5}}
COMPARED = {(quantity, *pair) for quantity in (DIFFERENCE, GAP) for pair in (("women", "men"), ("Black", "White"))}


@pytest.mark.usefixtures("few_draws")
def test_names_probes_and_wordings_that_differ_without_any_group_effect_alarm_as_rarely_as_promised() -> None:
    families, raw = count_alarms(range(40), SMALL)
    assert in_band(families, 40)
    assert set(raw) == COMPARED
    assert all(in_band(alarms, 40) for alarms in raw.values())


@pytest.mark.slow
@pytest.mark.parametrize("options", NULLS.values(), ids=NULLS)
@pytest.mark.usefixtures("few_draws")
def test_false_alarms_stay_between_3_and_7_percent_over_500_seeds(options: dict[str, Any]) -> None:
    """An alarm in 10 % of all worlds would be noticed 98 times in 100."""
    families, raw = count_alarms(range(500), SMALL, **options)
    print(f"{options}: any finding {families / 500:.3f}; {raw}")
    assert 0.03 <= families / 500 <= 0.07
    assert set(raw) == COMPARED
    assert all(0.03 <= alarms / 500 <= 0.07 for alarms in raw.values())


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
def test_false_alarms_of_pronouns_and_cues_stay_between_3_and_7_percent_over_500_seeds() -> None:
    probes = made_up_probes(bodies=12, frames=12, pronouns=True, names=())
    families, raw = count_alarms(range(500), probes)
    print(f"any finding {families / 500:.3f}; {raw}")
    assert 0.02 <= families / 500 <= 0.07
    gaps = [alarms / 500 for (quantity, _, _), alarms in raw.items() if quantity == GAP]
    assert len(gaps) == 3 + 1
    assert all(0.03 <= share <= 0.07 for share in gaps)
    # A rate of few blocks moves in coarse steps, and a permutation test then stays below its level.
    assert all(alarms / 500 <= 0.07 for alarms in raw.values())


def ten_points(seed: int, **options: Any) -> NoisyScreener:
    """Half of all cases are refused; a fifth of the women's refusals are turned: 10 points more."""
    return NoisyScreener(seed, rate_effect={"women": 0.2}, **options)


@pytest.mark.parametrize("seeds", [30, pytest.param(90, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("few_draws")
def test_ten_points_for_one_group_lie_in_the_interval_in_at_least_93_percent_of_seeds(seeds: int) -> None:
    """A rate of 50 % and one of 60 %: the ratio's interval holds 1.2 as often."""
    audits = [audit(ten_points(seed), seed=seed) for seed in range(seeds)]
    for quantity, truth in ((DIFFERENCE, 0.10), ("selection_rate_ratio", 1.2)):
        gaps = [the(rows, quantity, "women", "men") for rows in audits]
        assert np.median([gap.value for gap in gaps]) == pytest.approx(truth, abs=0.04)
        covered = sum(row.low is not None and row.high is not None and row.low <= truth <= row.high for row in gaps)
        assert covered / seeds >= 0.93, quantity


def large_probes() -> Probes:
    """As large as the built-in audit: 2 genders x 4 races x 25 names, 20 probes: 4,000 cases."""
    return made_up_probes(bodies=20, names=names_of(25, races=("Asian", "Black", "Hispanic", "White")))


def found_and_covered(seeds: range) -> np.ndarray:
    """Whether the ten points are found, and whether their interval holds them, bool (seed, 2)."""
    rows = [
        the(audit(ten_points(seed, name_sd=0.3), large_probes(), seed=seed), DIFFERENCE, "women", "men")
        for seed in seeds
    ]
    found = [is_found(row) for row in rows]
    covered = [row.low is not None and row.high is not None and row.low <= 0.10 <= row.high for row in rows]
    return np.column_stack([found, covered])


@pytest.mark.usefixtures("few_draws")
def test_ten_points_for_one_group_are_found_by_an_audit_of_the_built_in_size() -> None:
    assert found_and_covered(range(3)).all()


@pytest.mark.slow(seconds=30)
@pytest.mark.usefixtures("few_draws")
def test_ten_points_for_one_group_are_found_and_covered_over_100_seeds() -> None:
    """Intervals that hold the truth in 85 % of worlds would be noticed 98 times in 100."""
    each = found_and_covered(range(100))
    assert (each[:8].sum(axis=0) >= 6).all()
    found, covered = each.mean(axis=0)
    assert found >= 0.8
    assert covered >= 0.93


ALIKE: dict[str, Any] = {"probe_sd": 0.2, "wording_sd": 0.2}  # so that an effect is the same on every probe


@cache
def audits_without_any_effect() -> list[Rows]:
    return [audit(NoisyScreener(seed, **ALIKE), seed=seed) for seed in range(20)]


@pytest.mark.parametrize("seeds", [40, pytest.param(80, marks=pytest.mark.slow)])
@pytest.mark.parametrize("quantity", [DIFFERENCE, GAP])
@pytest.mark.usefixtures("few_draws")
def test_the_minimum_detectable_effect_is_found_in_about_80_percent_of_seeds(quantity: str, seeds: int) -> None:
    """The stated size is that of audits without any effect: it comes from the design, not from what was seen."""
    stated = [the(rows, quantity, "women", "men").minimum_detectable for rows in audits_without_any_effect()]
    size = float(np.mean([one for one in stated if one is not None]))
    effect: dict[str, Any] = {"effects": {"women": size}} if quantity == GAP else {"rate_effect": {"women": 2 * size}}
    rows = [
        the(audit(NoisyScreener(seed, **ALIKE, **effect), seed=seed), quantity, "women", "men")
        for seed in range(100, 100 + seeds)
    ]
    assert 0.65 <= np.mean([is_found(row) for row in rows]) <= 0.95


@pytest.mark.usefixtures("few_draws")
def test_a_pronoun_and_a_cue_that_matter_are_found() -> None:
    probes = made_up_probes(bodies=20, frames=16, pronouns=True)
    rows = audit(NoisyScreener(3, effects={"older": -1.5, "they": -2.0}, noise_sd=0.3), probes)
    assert is_found(the(rows, GAP, "older", "younger"))
    assert the(rows, GAP, "older", "younger").value == pytest.approx(-1.5, abs=0.5)
    assert is_found(the(rows, GAP, "they", "he"))
    assert not is_found(the(rows, GAP, "she", "he"))
    assert not is_found(the(rows, GAP, "women", "men"))


# ---- numbers by hand


def by_hand(chosen: Sequence[int], score: Sequence[float] | None = None) -> Rows:
    """Two men and two women with two probes: one case for each, in the order of the probes."""
    people = tuple(
        Name(name=name, groups={"gender": "men" if name < "c" else "women"}, source="made up") for name in "abcd"
    )
    probes = tuple(Probe(id=f"p{index}", occupation="nurse", quality="weak", body="b") for index in range(2))
    placed = tuple(
        Placed(Case("text", {"probe": probe.id, "wording": "w", "unit": person.name}), unit, 0, context)
        for context, probe in enumerate(probes)
        for unit, person in enumerate(people)
    )
    layout = NamesLayout(people, {"gender": ("men", "women")}, probes, placed, "by hand")
    answers = CaseAnswers(np.array(chosen, dtype=np.float64), None if score is None else np.array(score))
    return list(estimates(name_axes(layout, answers, np.random.default_rng(0)), "log_odds", "nat"))


@pytest.mark.usefixtures("few_draws")
def test_rates_difference_ratio_gap_and_flips_worked_out_by_hand() -> None:
    # Men are chosen 1 1 | 1 0, women 0 1 | 0 0: 3 of 4 and 1 of 4. Log-odds: men 1, 2 | 3, 0 and women -1, 1 | 0, 0.
    rows = by_hand([1, 1, 0, 1, 1, 0, 0, 0], [1.0, 2.0, -1.0, 1.0, 3.0, 0.0, 0.0, 0.0])
    assert the(rows, "selection_rate", "men").value == 0.75
    assert the(rows, "selection_rate", "women").value == 0.25
    assert the(rows, "mean_log_odds", "men").value == 1.5
    assert the(rows, DIFFERENCE, "women", "men").value == -0.5
    assert the(rows, "selection_rate_ratio", "women", "men").value == pytest.approx(1 / 3)
    assert the(rows, GAP, "women", "men").value == -1.5
    # Between: 2 of 4 swaps change the first probe's outcome, 2 of 4 the second's. Within men 1 of 2, within women 1 of
    # 2.
    flips = the(rows, "excess_flip_share", "women", "men")
    assert flips.value == pytest.approx(0.0)
    assert flips.note == "50.0 % of swaps between the groups change the outcome, 50.0 % within them"
    assert the(rows, DIFFERENCE, "women", "men").n == 8
    assert the(rows, DIFFERENCE, "women", "men").clusters == 4


@pytest.mark.usefixtures("few_draws")
def test_flips_beyond_those_within_groups_worked_out_by_hand() -> None:
    # Men 1 1 | 1 1, women 0 1 | 0 0. Between 2 of 4 and 4 of 4; within men none, within women 1 of 2.
    flips = the(by_hand([1, 1, 0, 1, 1, 1, 0, 0]), "excess_flip_share", "women", "men")
    assert flips.value == pytest.approx(0.75 - 0.25)


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ((0.7, 0.6, 0.79), "below four fifths of the higher, with confidence"),
        ((0.9, 0.8, 1.2), "at least four fifths of the higher, with confidence"),
        ((0.7, 0.5, 0.9), "below four fifths in this sample, but the data cannot tell"),
        ((0.9, 0.7, 1.1), "not below four fifths in this sample, but the data cannot tell"),
    ],
)
def test_the_four_fifths_rule_is_judged_with_its_interval(figures: tuple[float, float, float], verdict: str) -> None:
    assert verdict in four_fifths(*figures)


@pytest.mark.usefixtures("few_draws")
def test_the_ratio_is_judged_for_the_lower_rate_whichever_group_has_it() -> None:
    probes = made_up_probes(bodies=30)
    fewer = the(audit(NoisyScreener(1, effects={"women": -3.0}), probes), "selection_rate_ratio", "women", "men")
    more = the(audit(NoisyScreener(1, effects={"women": 3.0}), probes), "selection_rate_ratio", "women", "men")
    assert fewer.value < 0.8
    assert more.value > 1.25
    for row in (fewer, more):
        assert row.low is not None
        assert row.high is not None
        assert row.low < row.value < row.high
        assert row.note.startswith(
            "four-fifths rule: the lower rate is below four fifths of the higher, with confidence"
        )


def unjudged(rows: Rows) -> list[Missing]:
    return [row for row in rows if isinstance(row, Missing) and row.unjudged]


@pytest.mark.usefixtures("few_draws")
def test_everybody_refused_cannot_be_judged_by_rates_and_points_to_the_log_odds() -> None:
    rows = audit(NoisyScreener(2, shift=-50.0, effects={"women": -3.0}))
    for quantity in (DIFFERENCE, "selection_rate_ratio", "excess_flip_share"):
        assert not any(isinstance(row, Estimate) for row in rows if row.quantity == quantity)
    reasons = {row.reason for row in unjudged(rows) if row.quantity == DIFFERENCE}
    assert "it treats everybody alike: every one of 288 cases was rejected" in reasons
    assert len([row for row in unjudged(rows) if row.quantity == "selection_rate_ratio"]) == 2 + 3
    assert is_found(the(rows, GAP, "women", "men"))
    refused = the(rows, "selection_rate", "women")
    assert (refused.value, refused.low) == (0.0, 0.0)
    assert refused.high == pytest.approx(0.32, abs=0.05)


@pytest.mark.usefixtures("few_draws")
def test_an_application_without_scores_says_so_instead_of_leaving_the_log_odds_out() -> None:
    rows = audit(NoisyScreener(1, score_unit=None, shift=-50.0))
    assert missing(rows, GAP).status == "not_applicable"
    assert missing(rows, GAP).reason.startswith("288 of 288 answers carry a decision without a score")
    assert not any(row.quantity in {GAP, "mean_log_odds", "score_gap"} for row in rows if isinstance(row, Estimate))
    assert not hypotheses(rows)


@pytest.mark.usefixtures("few_draws")
def test_one_answer_without_a_score_is_told_and_not_taken_for_0() -> None:
    class Forgetful(NoisyScreener):
        def decision(self, text: str) -> Decision:
            made = super().decision(text)
            return Decision(made.option, made.favourable, None) if len(self.asked) == 7 else made

    rows = audit(Forgetful(1))
    assert missing(rows, GAP).reason.startswith("1 of 288 answers")
    assert the(rows, DIFFERENCE, "women", "men").value == the(audit(NoisyScreener(1)), DIFFERENCE, "women", "men").value


@pytest.mark.usefixtures("few_draws")
def test_a_score_on_a_scale_of_its_own_is_a_gap_in_scores() -> None:
    own, odds = audit(NoisyScreener(4, score_unit="score")), audit(NoisyScreener(4))
    ours, theirs = the(own, "score_gap", "women", "men"), the(odds, GAP, "women", "men")
    assert (ours.value, ours.unit, theirs.unit) == (theirs.value, "score", "nat")
    assert the(own, "mean_score", "women").value == the(odds, "mean_log_odds", "women").value


@pytest.mark.usefixtures("few_draws")
def test_of_a_pool_the_declared_share_is_chosen_and_better_scores_of_one_group_are_a_gap() -> None:
    none, some = audit(NoisyScreener(5, **POOL)), audit(NoisyScreener(5, effects={"women": 1.5}, **POOL))
    rates = [the(none, "selection_rate", group).value for group in ("men", "women")]
    assert np.mean(rates) == pytest.approx(0.3)
    assert not is_found(the(none, DIFFERENCE, "women", "men"))
    assert is_found(the(some, DIFFERENCE, "women", "men"))
    assert np.mean([the(some, "selection_rate", group).value for group in ("men", "women")]) == pytest.approx(0.3)


@pytest.mark.usefixtures("few_draws")
def test_the_spread_over_more_than_two_groups_is_projected_from_the_pairs_and_never_below_0() -> None:
    rows = audit(NoisyScreener(6), made_up_probes(names=names_of(9, races=("Asian", "Black", "White"))))
    spread = the(rows, "log_odds_spread", {"race": "all groups"})
    means = {race: the(rows, "mean_log_odds", race).value for race in ("Asian", "Black", "White")}
    assert spread.value == pytest.approx(max(means.values()) - min(means.values()))
    pairs = [row for row in hypotheses(rows) if row.quantity == GAP and set(row.group or {}) == {"race"}]
    assert len(pairs) == 3
    assert spread.high == pytest.approx(max(max(abs(row.low or 0), abs(row.high or 0)) for row in pairs))
    assert spread.low == 0.0
    assert spread.null is None
    assert f"highest: {max(means, key=lambda race: means[race])}" in spread.note


# ---- what must not matter


@pytest.mark.usefixtures("few_draws")
def test_what_an_audit_could_have_found_does_not_depend_on_what_it_found() -> None:
    """In scores exactly, of all attributes. In rates an effect moves single cases: the mean over seeds stays."""
    of_rates: dict[str, list[float]] = defaultdict(list)
    for seed in range(8):
        plain, moved = (
            audit(NoisyScreener(seed), seed=seed),
            audit(NoisyScreener(seed, effects={"women": 0.8}), seed=seed),
        )
        higher = audit(NoisyScreener(seed, shift=0.4), seed=seed)
        before = {(row.quantity, str(row.group)): row.minimum_detectable for row in hypotheses(plain)}
        for name, rows in (("plain", plain), ("moved", moved), ("higher", higher)):
            of_rates[name].append(the(rows, DIFFERENCE, "women", "men").minimum_detectable or 0.0)
            for row in hypotheses(rows):
                if row.quantity == GAP:
                    assert row.minimum_detectable == pytest.approx(before[GAP, str(row.group)], rel=1e-6)
    for sizes in of_rates.values():
        assert np.mean(sizes) == pytest.approx(np.mean(of_rates["plain"]), rel=0.25)


def comparable(rows: Rows, rename: dict[str, str] | None = None) -> dict[tuple[Any, ...], tuple[float, ...]]:
    """Every number but the p-values, which are drawn; groups under their new names."""
    new = rename or {}
    return {
        (
            row.quantity,
            *(tuple(sorted(new.get(v, v) for v in (side or {}).values())) for side in (row.group, row.reference)),
        ): (row.value, row.n)
        for row in rows
        if isinstance(row, Estimate)
    }


@pytest.mark.usefixtures("few_draws")
def test_renaming_the_groups_changes_no_number() -> None:
    other = {"men": "zeta", "women": "alpha", "Black": "x", "White": "a"}
    names = tuple(
        Name(name=name.name, groups={a: other[g] for a, g in name.groups.items()}, source="made up")
        for name in SMALL.names
    )
    renamed = SMALL.model_copy(update={"names": names, "reference": {"gender": "zeta", "race": "a"}})
    before, after = (
        comparable(audit(NoisyScreener(7), probes, Design.FULL), changed)
        for probes, changed in ((SMALL, other), (renamed, None))
    )
    assert before.keys() == after.keys()
    for key, numbers in before.items():
        assert after[key] == pytest.approx(numbers, abs=1e-9), key


@pytest.mark.usefixtures("few_draws")
def test_another_reference_group_turns_the_signs_and_inverts_the_ratio() -> None:
    turned = SMALL.model_copy(update={"reference": {"gender": "women", "race": "White"}})
    before, after = audit(NoisyScreener(7), SMALL, Design.FULL), audit(NoisyScreener(7), turned, Design.FULL)
    for quantity in (DIFFERENCE, GAP):
        assert the(after, quantity, "men", "women").value == pytest.approx(-the(before, quantity, "women", "men").value)
    ratio = the(before, "selection_rate_ratio", "women", "men").value
    assert the(after, "selection_rate_ratio", "men", "women").value == pytest.approx(1 / ratio)


@pytest.mark.usefixtures("few_draws")
def test_the_order_of_names_probes_and_wordings_changes_no_number() -> None:
    rng = np.random.default_rng(1)
    shuffled = SMALL.model_copy(
        update={
            field: tuple(getattr(SMALL, field)[i] for i in rng.permutation(len(getattr(SMALL, field))))
            for field in ("names", "probes", "wordings")
        }
    )
    before, after = (comparable(audit(NoisyScreener(8), probes, Design.FULL)) for probes in (SMALL, shuffled))
    assert before.keys() == after.keys()
    for key, numbers in before.items():
        assert after[key] == pytest.approx(numbers, abs=1e-9), key


@pytest.mark.usefixtures("few_draws")
def test_the_same_seed_gives_the_same_numbers() -> None:
    assert audit(NoisyScreener(9), seed=4) == audit(NoisyScreener(9), seed=4)
    assert audit(NoisyScreener(9), seed=4) != audit(NoisyScreener(9), seed=5)


# ---- the design


def placed(probes: Probes, design: Design, axis: str = "name", limit: int | None = None) -> list[Case]:
    return [case for case in cases(probes, design, Limit(limit)) if case.labels["axis"] == axis]


@pytest.mark.parametrize("probes", [SMALL, load_probes("builtin:hiring", Path())], ids=["made up", "built in"])
def test_every_name_meets_every_probe_once_and_groups_meet_the_same_wordings(probes: Probes) -> None:
    asked = placed(probes, Design.BALANCED)
    pairs = Counter((case.labels["unit"], case.labels["probe"]) for case in asked)
    people = {case.labels["unit"] for case in asked}
    assert set(pairs.values()) == {1}
    assert len(pairs) == len(people) * len(probes.probes) == len(asked)
    assert len({case.text for case in asked}) == len(asked)
    met: dict[tuple[Any, ...], Counter[Any]] = defaultdict(Counter)
    for case in asked:
        met[tuple(case.labels[attribute] for attribute in probes.attributes), case.labels["probe"]][
            case.labels["wording"]
        ] += 1
    for probe in probes.probes:
        by_group = [wordings for (_, at), wordings in met.items() if at == probe.id]
        assert all(wordings == by_group[0] for wordings in by_group)
        assert max(by_group[0].values()) - min(by_group[0].values()) <= 1
        assert len(by_group[0]) == len(probes.wordings)
    sizes = Counter(tuple(case.labels[attribute] for attribute in probes.attributes) for case in asked)
    assert len(set(sizes.values())) == 1


def test_the_full_design_asks_every_name_in_every_wording_of_every_probe() -> None:
    asked = placed(SMALL, Design.FULL)
    assert len({(c.labels["unit"], c.labels["probe"], c.labels["wording"]) for c in asked}) == len(asked) == 36 * 8 * 5


def test_versions_of_a_probe_or_frame_differ_in_nothing_but_the_cue() -> None:
    probes = made_up_probes(bodies=12, frames=12, pronouns=True)
    for axis, groups in (("pronoun", ("he", "she", "they")), ("age", ("younger", "older"))):
        together: dict[tuple[Any, ...], set[str]] = defaultdict(set)
        for case in placed(probes, Design.BALANCED, axis):
            text = case.text
            for group in groups:
                text = text.replace(f"-{group} ", "- ")
            where = case.labels["probe"], case.labels["wording"], case.labels["unit"] if axis == "age" else None
            together[where].add(text)
        assert len(together) >= 24
        assert all(len(texts) == 1 for texts in together.values())


@pytest.mark.usefixtures("few_draws")
def test_what_is_expected_is_what_is_then_asked() -> None:
    probes = made_up_probes(bodies=12, frames=12, pronouns=True)
    application = NoisyScreener(1)
    texts = expected(probes, Design.BALANCED, Limit(900))
    audit(application, probes, limit=900)
    assert texts == application.asked
    assert len(texts) <= 900


# ---- where there is nothing to say


def test_fewer_than_9_names_or_5_wordings_are_not_applicable_with_the_reason_and_nothing_is_asked() -> None:
    for probes, reason in (
        (made_up_probes(per_cell=8), "8 names in the smallest group of gender x race; at least 9 are needed"),
        (made_up_probes(wordings=4), "the probe file has 4 wordings with a name; at least 5 are needed"),
        (made_up_probes(names=names_of(9)[:27]), "the names cover 3 of 4 combinations of gender x race"),
    ):
        for limit in (None, 200):
            application = NoisyScreener(1)
            (row,) = audit(application, probes, limit=limit)
            assert isinstance(row, Missing)
            assert (row.quantity, row.status) == ("names_audit", "not_applicable")
            assert reason in row.reason
            assert application.asked == []


def test_too_few_frames_or_probes_for_pronouns_are_not_applicable_and_the_names_are_still_measured() -> None:
    rows = audit(NoisyScreener(1), made_up_probes(bodies=8, frames=11, pronouns=True))
    assert missing(rows, "cue_audit").reason.startswith("11 sentence frames for the cue 'age'; at least 12 are needed")
    assert missing(rows, "pronoun_audit").reason.startswith("8 probes with a statement; at least 12 are needed")
    assert {missing(rows, name).status for name in ("cue_audit", "pronoun_audit")} == {"not_applicable"}
    assert the(rows, GAP, "women", "men").n == 288


def test_a_limit_that_leaves_too_little_is_skipped_with_what_would_be_needed() -> None:
    application = NoisyScreener(1)
    (row,) = audit(application, limit=143)
    assert isinstance(row, Missing)
    assert (row.quantity, row.status) == ("names_audit", "skipped")
    assert row.reason == "--limit 143 leaves 143 items here; 4 groups x 9 names x 4 probes need 144"
    assert application.asked == []


@pytest.mark.usefixtures("few_draws")
def test_a_limit_that_is_just_enough_keeps_9_names_and_4_probes() -> None:
    application = NoisyScreener(1)
    rows = audit(application, limit=144)
    assert len(application.asked) == 144
    assert the(rows, DIFFERENCE, "women", "men").n == 144


def test_a_group_with_more_names_than_the_others_is_cut_to_their_number() -> None:
    extra = tuple(
        Name(name=f"men-White-{index}", groups={"gender": "men", "race": "White"}, source="made up")
        for index in range(9, 20)
    )
    assert len(placed(made_up_probes(names=SMALL.names + extra), Design.BALANCED)) == len(
        placed(SMALL, Design.BALANCED)
    )


# ---- through gather


@dataclass
class Journalled:
    folder: Path
    application: NoisyScreener

    def rows(self, limit: int | None = None, seed: int = 0) -> list[Any]:
        spec = REGISTRY.specs["inequity.correspondence_audit"]
        system = System(name="s", assets=(Asset(id="app", kind="application"),))
        with Store(self.folder) as store:
            return gather(
                Task(spec, "app", lambda: self.application, lambda: SMALL),
                Setting(store, system, "h", seed, Limit(limit)),
            )


def test_through_gather_each_row_has_the_declared_unit_and_a_second_run_asks_nothing(tmp_path: Path) -> None:
    application = NoisyScreener(1, effects={"women": 2.0})
    rows = Journalled(tmp_path, application).rows()
    declared = REGISTRY.specs["inequity.correspondence_audit"].method.quantities
    assert len(rows) > 30
    for row in rows:
        assert row.status == "ok"
        assert row.estimate.unit == declared[row.estimate.quantity].unit
        assert (row.estimate.null is None) == (declared[row.estimate.quantity].null is None)
    assert len(application.asked) == 288
    assert Journalled(tmp_path, application).rows() == rows
    assert len(application.asked) == 288
    (gap,) = [
        row.estimate for row in rows if row.estimate.quantity == GAP and row.estimate.group == {"gender": "women"}
    ]
    assert gap.p_value == pytest.approx(1 / 10_000)
    assert gap.p_adjusted <= 0.001
    assert "labels permuted over whole first names (9,999 draws)" in gap.method


def test_through_gather_a_limit_that_leaves_too_little_is_a_skipped_row(tmp_path: Path) -> None:
    (row,) = Journalled(tmp_path, NoisyScreener(1)).rows(limit=100)
    assert (row.status, row.missing.quantity) == ("skipped", "names_audit")


class Constant(NoisyScreener):
    """Answers every case with the same score."""

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        return [Decision("invite", True, 1.5) for _ in cases]


def test_a_score_that_never_varies_gives_no_gap_of_width_zero() -> None:
    rows = list(correspondence_audit(Constant(0), SMALL, Design.BALANCED, Limit(), np.random.default_rng(0)))
    gaps = [row for row in rows if row.quantity == "log_odds_gap"]
    assert gaps
    assert all(isinstance(row, Missing) and row.unjudged for row in gaps)
    assert all(
        "every one of" in row.reason and "has the score 1.5" in row.reason for row in gaps if isinstance(row, Missing)
    )


class OneFrameMoves(Constant):
    """Refuses one version of one frame and accepts everything else, with scores that vary."""

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        scores = [
            1.0
            + len(case.text) / 1e4
            - 3.0 * (case.labels.get("unit") == "frame 1" and "older" in case.labels.values())
            for case in cases
        ]
        return [Decision(None, score > 0, score) for score in scores]


@pytest.mark.usefixtures("few_draws")
def test_a_rate_that_moves_in_one_matched_set_only_cannot_be_judged_nor_can_its_ratio() -> None:
    probes = load_probes("builtin:hiring", Path()).with_names_per_group(9)
    rows = list(correspondence_audit(OneFrameMoves(0), probes, Design.BALANCED, Limit(), np.random.default_rng(0)))
    of_age = [row for row in rows if dict(row.group or {}) == {"age": "older"}]
    for quantity in (DIFFERENCE, "selection_rate_ratio"):
        (row,) = [row for row in of_age if row.quantity == quantity]
        assert isinstance(row, Missing)
        assert row.unjudged
        assert (
            "the outcome differs in only 1 of 16 matched sets; the permutation test of rates needs at least 12"
            in row.reason
        )
    assert [row for row in of_age if row.quantity == GAP and isinstance(row, Estimate)]
