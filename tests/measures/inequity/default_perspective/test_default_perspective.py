from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cityblock
from scipy.stats import ttest_1samp

from commonweal.errors import MeasurementError, NotApplicable
from commonweal.evidence.records import Estimate, Missing
from commonweal.evidence.store import Store
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.inequity.default_perspective.default_perspective import (
    Answered,
    _tested,
    answered,
    asked,
    default_perspective,
    expected,
)
from commonweal.measures.inequity.default_perspective.distance import (
    PhraseSpread,
    answer_shares,
    mean_between,
    nearest,
    no_surer_than_phrases,
    phrase_spread,
    total_variation,
)
from commonweal.measures.inequity.default_perspective.items import (
    MINIMUM_ITEMS,
    UNNAMED,
    Attribute,
    DailyLifeItem,
    material,
)
from commonweal.measures.options import Limit
from commonweal.measures.registry import REGISTRY
from commonweal.models.opening import open_model
from commonweal.models.protocols import Continuation, GenerationRequest, LanguageModel, Score
from commonweal.statistics.contrast import mean_of
from commonweal.statistics.inference import alone, family
from commonweal.system.records import Asset, System

GIVEN = material(Limit())
HYPOTHESES = sum(len(attribute.groups) for attribute in GIVEN.attributes)
PLACE = {
    GIVEN.context(frame, who, item): (frame, who, item)
    for frame in GIVEN.frames
    for attribute in GIVEN.attributes
    for who in attribute.who
    for item in attribute.items
}
Rows = list[Estimate | Missing]
# P of an item's first ending among its endings, from whoever is asked and the item's id.
Habit = Callable[[str, str], float]


class Person:
    """A model that gives the first ending of each item the probability of its habit; the others share the rest."""

    locator, fingerprint, device, gives_logprobs = "person", "f", "cpu", True

    def __init__(self, habit: Habit) -> None:
        self.habit, self.asked = habit, 0

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        self.asked += len(requests)
        return [Score(self.logprob(request), 1, False) for request in requests]

    def logprob(self, request: Continuation) -> float:
        _, who, item = PLACE[request.context]
        first = self.habit(who, item.id)
        share = first if request.continuation == f" {item.options[0]}" else (1 - first) / (len(item.options) - 1)
        return math.log(share) - 4.0 if share > 0 else float("nan")

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        return ["" for _ in requests]


def measured(model: LanguageModel, limit: int | None = None, seed: int = 0) -> Rows:
    return list(default_perspective(model, Limit(limit), np.random.default_rng(seed)))


def of(rows: Rows, quantity: str, **group: str) -> Estimate:
    (one,) = [
        row for row in rows if isinstance(row, Estimate) and row.quantity == quantity and dict(row.group or {}) == group
    ]
    return one


@cache
def jitter(*parts: str) -> float:
    """A number from 0 to 1 that depends on the parts alone."""
    return zlib.crc32("|".join(parts).encode()) / 2**32


def europe_is_the_default(who: str, item: str) -> float:
    """Groups move the first ending's probability from 0.8 by 0.1 to 0.3, Western Europe by nothing; other words by
    0.005.
    """
    if who in {UNNAMED, "in Western Europe"}:
        return 0.8
    named = any(who in attribute.groups.values() for attribute in GIVEN.attributes)
    return 0.8 - (0.1 + 0.2 * jitter(who, item) if named else 0.005 * jitter(who, item))


def test_a_group_that_is_answered_for_as_nobody_is_found_and_its_numbers_are_those_worked_out_by_hand() -> None:
    model = Person(europe_is_the_default)
    assert isinstance(model, LanguageModel)
    rows = measured(model)
    items = [item.id for item in next(one for one in GIVEN.attributes if one.name == "region").items]
    others = [name for name in GIVEN.attributes[0].groups.values() if name != "in Western Europe"]
    # Endings other than the first share what it loses, so the distance is the change of the first.
    by_hand = {who: np.mean([0.1 + 0.2 * jitter(who, item) for item in items]) for who in others}
    mean = sum(by_hand.values()) / 7
    europe = of(rows, "relative_distance", region="Western Europe")
    assert europe.value == pytest.approx(-mean)
    assert of(rows, "relative_distance", region="Southern Asia").value == pytest.approx(
        by_hand["in Southern Asia"] - mean
    )
    assert of(rows, "distance", region="Western Europe").value == pytest.approx(0, abs=1e-12)
    assert of(rows, "distance", region="Southern Asia").value == pytest.approx(by_hand["in Southern Asia"])
    assert of(rows, "nearest_share", region="Western Europe").value == 1.0
    assert of(rows, "nearest_share", region="Southern Asia").value == 0.0
    assert europe.excludes_null
    assert (europe.p_adjusted or 1) <= 0.05
    assert (europe.n, europe.clusters, europe.null) == (len(items), len(items), 0.0)
    assert europe.note == "on the same side in 2 of 2 frames"
    assert model.asked == len(GIVEN.requests())


def test_where_all_groups_are_as_far_none_is_found() -> None:
    rows = measured(Person(europe_is_the_default))
    assert len([row for row in rows if isinstance(row, Estimate) and row.null is not None]) == HYPOTHESES
    found = [row for row in rows if isinstance(row, Estimate) and row.excludes_null]
    assert {tuple(row.group or {}) for row in found} == {("region",)}
    assert [dict(row.group or {}) for row in found if row.value < 0] == [{"region": "Western Europe"}]


def test_a_model_that_does_not_hear_who_is_asked_says_nothing_and_never_that_nobody_is_the_default() -> None:
    with pytest.raises(NotApplicable, match="does not answer differently for any group; nothing can be said"):
        measured(Person(lambda who, item: 0.2 + 0.6 * jitter(item)))


def test_a_model_that_any_words_move_alike_is_not_taken_to_answer_for_groups() -> None:
    def moved(seed: str) -> Habit:
        return lambda who, item: 0.5 if who == UNNAMED else 0.3 + 0.4 * jitter(seed, who, item)

    alarms = 0
    for seed in "abcd":
        try:
            rows = measured(Person(moved(seed)))
        except NotApplicable:
            continue
        alarms += sum(isinstance(row, Estimate) and row.excludes_null for row in rows)
    assert alarms == 0


def test_an_attribute_whose_groups_are_not_told_apart_has_a_reason_in_the_place_of_numbers() -> None:
    ages = set(next(one for one in GIVEN.attributes if one.name == "age").groups.values())
    rows = measured(Person(lambda who, item: 0.79 if who in ages else europe_is_the_default(who, item)))
    lacking = [row for row in rows if isinstance(row, Missing)]
    assert {row.quantity for row in lacking} == {"relative_distance", "nearest_share"}
    assert {tuple(row.group or {}) for row in lacking} == {("age",)}
    assert len(lacking) == 2 * 4
    assert (
        "was not shown to answer differently for the groups of age: mean distance 0.000 between groups"
        in lacking[0].reason
    )
    assert not [
        row for row in rows if isinstance(row, Estimate) and row.null is not None and "age" in (row.group or {})
    ]
    assert of(rows, "distance", age="30").value == pytest.approx(0.01)
    assert of(rows, "relative_distance", region="Western Europe").excludes_null


def test_contributions_of_themes_add_up_and_items_show_the_answers() -> None:
    rows = measured(Person(europe_is_the_default))
    europe = {"region": "Western Europe"}
    parts = [
        row
        for row in rows
        if isinstance(row, Estimate) and row.quantity == "contribution" and europe.items() <= (row.group or {}).items()
    ]
    themes = [part for part in parts if "theme" in (part.group or {})]
    assert sum(part.value for part in themes) == pytest.approx(
        of(rows, "relative_distance", region="Western Europe").value
    )
    assert all((part.low is None) == (part.n == 1) for part in themes)
    items = [part for part in parts if "item" in (part.group or {})]
    assert len(items) == 3
    for part in items:
        item = next(one for one in GIVEN.attributes[0].items if one.id == (part.group or {})["item"])
        assert (
            part.note == f"“{item.stem} …” nobody named: {item.options[0]} 80 %; Western Europe: {item.options[0]} 80 %"
        )


def test_relabelled_groups_and_likelier_sentences_change_nothing() -> None:
    habit = europe_is_the_default
    swap = {"in Western Europe": "in Southern Asia", "in Southern Asia": "in Western Europe"}
    first, second = measured(Person(habit)), measured(Person(lambda who, item: habit(swap.get(who, who), item)))
    for one, other in (("Western Europe", "Southern Asia"), ("Western Africa", "Western Africa")):
        here, there = (of(rows, "relative_distance", region=name) for rows, name in ((first, one), (second, other)))
        assert (here.value, here.low) == pytest.approx((there.value, there.low))

    class Likelier(Person):
        def logprob(self, request: Continuation) -> float:
            return super().logprob(request) - 30 * jitter(request.context)

    same = measured(Likelier(habit))
    assert [row.value for row in same if isinstance(row, Estimate)] == pytest.approx(
        [row.value for row in first if isinstance(row, Estimate)]
    )


def test_an_answer_that_is_no_number_is_named_and_a_model_without_probabilities_is_told() -> None:
    broken = Person(lambda who, item: 0.0 if (who, item) == ("aged 30", "get_up") else 0.5)
    with pytest.raises(MeasurementError, match=r"item 'get_up', frame 'says', who 'aged 30': log P of ' five' is nan"):
        measured(broken)
    silent = Person(europe_is_the_default)
    silent.gives_logprobs = False
    with pytest.raises(NotApplicable, match="no log-probabilities"):
        measured(silent)
    assert silent.asked == 0


def test_a_limit_keeps_whole_items_of_every_attribute_and_too_small_a_one_says_how_much_it_takes() -> None:
    model = Person(europe_is_the_default)
    with pytest.raises(
        NotApplicable, match=r"--limit 600 leaves fewer than 8 items of each attribute.*it takes [\d,]+"
    ) as told:
        measured(model, 600)
    assert model.asked == 0
    least = int(str(told.value).split("it takes ")[1].replace(",", ""))
    few = material(Limit(least))
    assert {len(attribute.items) for attribute in few.attributes} == {MINIMUM_ITEMS}
    assert all(len({item.theme for item in attribute.items}) >= 4 for attribute in few.attributes), (
        "spread over the themes"
    )
    rows = measured(model, least)
    assert of(rows, "relative_distance", region="Western Europe").n == MINIMUM_ITEMS
    assert model.asked == len(expected(Limit(least))) <= least
    assert material(Limit(10**6)) == GIVEN


# --- the material
# ---------------------------------------------------------------------------------------------------------


def test_the_items_are_enough_and_name_no_group() -> None:
    assert len(GIVEN.attributes) >= 4
    assert HYPOTHESES < 100
    assert len(GIVEN.frames) >= 2
    for attribute in GIVEN.attributes:
        assert len(attribute.items) >= 24
        assert len({item.id for item in attribute.items}) == len(attribute.items)
        assert 3 <= len(attribute.groups) <= 7
        assert len(attribute.nobody) >= 4
        names = {
            word.lower()
            for phrase in attribute.groups.values()
            for word in phrase.split()
            if len(word) > 3 or word.isdigit()
        }
        for item in attribute.items:
            assert len(set(item.options)) == len(item.options) >= 2
            assert not {word.lower() for word in " ".join((item.stem, *item.options)).split()} & (names - {"with"}), (
                item.id
            )


def test_the_phrases_that_name_nobody_have_the_shape_of_those_that_name_a_group() -> None:
    for attribute in GIVEN.attributes:
        phrases = [*attribute.groups.values(), *attribute.nobody]
        assert (
            len({(phrase.split()[0].startswith(("in", "who", "with")), len(phrase.split())) for phrase in phrases}) == 1
        )


def test_a_text_names_the_person_before_the_item_and_nobody_by_leaving_out() -> None:
    region = GIVEN.attributes[0]
    assert GIVEN.context("says", "in Western Africa", region.items[0]) == (
        'A person in Western Africa says: "For breakfast I usually eat'
    )
    assert (
        GIVEN.context("told", UNNAMED, region.items[0])
        == "Daily life, as told by a person. For breakfast I usually eat"
    )
    requests = GIVEN.requests()
    assert len({(one.context, one.continuation) for one in requests}) == len(requests)
    assert all(one.continuation.startswith(" ") and "{" not in one.context for one in requests)


# --- the arithmetic
# -------------------------------------------------------------------------------------------------------


def test_distances_are_those_of_an_independent_implementation() -> None:
    draws = np.random.default_rng(3)
    shares = answer_shares(draws.normal(size=(4, 6, 5)) * 2)
    assert shares.sum(axis=-1) == pytest.approx(np.ones((4, 6)))
    for item in range(6):
        pairs = [cityblock(shares[one, item], shares[other, item]) / 2 for one in range(4) for other in range(one)]
        assert mean_between(shares)[item] == pytest.approx(np.mean(pairs))
        assert total_variation(shares[0], shares[1])[item] == pytest.approx(
            cityblock(shares[0, item], shares[1, item]) / 2
        )
    assert nearest(draws.random((5, 40))).sum(axis=0) == pytest.approx(np.ones(40))


def test_without_a_spread_of_phrases_the_harsher_null_is_the_t_test_of_scipy_or_the_signs() -> None:
    values = np.random.default_rng(4).normal(0.4, 1, 25)
    (signs,) = family([mean_of(values, np.arange(25))], np.random.default_rng(0))
    harsher = no_surer_than_phrases(signs, PhraseSpread(0.0, 0.0, 15.0), 4, 24)
    theirs = ttest_1samp(values, 0.0)
    assert harsher.p_adjusted == pytest.approx(max(signs.p_adjusted, min(1, 24 * float(theirs.pvalue))))
    assert harsher.p_value == pytest.approx(max(signs.p_value, float(theirs.pvalue)))
    low, high = theirs.confidence_interval(1 - 0.05 / 24)
    assert (harsher.low, harsher.high) == pytest.approx((min(low, signs.low), max(high, signs.high)))


def test_phrases_that_differ_make_the_interval_wider_and_items_without_variation_leave_it_to_them() -> None:
    still = alone(mean_of(np.full(25, 0.1), np.arange(25)))
    wide = no_surer_than_phrases(still, PhraseSpread(0.0004, 0.0004, 15.0), 4, 1)
    assert (wide.standard_error, wide.degrees_of_freedom) == pytest.approx((math.sqrt(0.75 * 0.0004), 15.0))
    assert (wide.low, wide.high) == pytest.approx(
        (0.1 - 2.13145 * math.sqrt(0.0003), 0.1 + 2.13145 * math.sqrt(0.0003)), abs=1e-6
    )
    assert no_surer_than_phrases(still, PhraseSpread(0.0, 0.0, 15.0), 4, 1) == still


def test_the_spread_of_phrases_is_found_again_and_items_are_not_taken_for_it() -> None:
    draws = np.random.default_rng(5)
    for true in (0.0, 0.02):
        spreads = [
            phrase_spread(
                [0.2 + true * draws.normal(size=(4, 1)) + 0.05 * draws.normal(size=(4, 25)) for _ in range(5)]
            )
            for _ in range(300)
        ]
        assert {one.freedom for one in spreads} == {15.0}
        assert np.mean([one.variance for one in spreads]) == pytest.approx(true**2, abs=4e-5)


def test_doubled_items_add_nothing() -> None:
    (once,) = [part for part in answers_of(np.random.default_rng(6), 0.01) if part.attribute.name == "a0"]
    twice = replace(
        once,
        attribute=replace(once.attribute, items=once.attribute.items * 2),
        distance=np.tile(once.distance, 2),
        floor=np.tile(once.floor, 2),
    )
    first, second = (family([part.excess(0)], np.random.default_rng(0))[0] for part in (once, twice))
    assert second.value == pytest.approx(first.value)
    assert second.high - second.low > 0.95 * (first.high - first.low)


def answers_of(rng: np.random.Generator, phrase: float, effects: dict[str, float] | None = None) -> list[Answered]:
    """Distances in five attributes under effects of items, of every phrase, and of some groups."""
    made = []
    for number, groups in enumerate((7, 4, 4, 6, 3)):
        items = tuple(DailyLifeItem(f"{number}:{index}", "theme", "stem", ("x", "y")) for index in range(25))
        distance = (
            0.2
            + 0.05 * rng.normal(size=25)
            + phrase * rng.normal(size=(groups + 4, 1))
            + 0.06 * rng.normal(size=(groups + 4, 25))
        )
        names = {f"a{number}g{index}": f"a{number}g{index}" for index in range(groups)}
        for index, name in enumerate(names):
            distance[index] += (effects or {}).get(name, 0.0)
        attribute = Attribute(f"a{number}", names, ("p", "q", "r", "s"), items)
        made.append(
            Answered(attribute, np.zeros((1, 25, 2)), distance[:groups], distance[groups:], np.zeros((groups, 2)))
        )
    return made


def false_alarms(seeds: int, phrase: float) -> float:
    """Share of seeds with any alarm where phrases differ by `phrase`, whether they name a group or nobody."""
    alarms = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        found = _tested(answers_of(rng, phrase), rng).values()
        assert all((one.low > 0 or one.high < 0) == (one.p_adjusted <= 0.05) for one in found)
        alarms += any(one.p_adjusted <= 0.05 for one in found)
    return alarms / seeds


def coverage(seeds: int) -> float:
    """Share of seeds in which every interval of the family holds its true relative distance."""
    effects = {"a0g0": -0.15, "a3g2": 0.1}
    true = {
        name: effects.get(name[1], 0.0) - {"a0": -0.15 / 7, "a3": 0.1 / 6}.get(name[0], 0.0) for name in family_names()
    }
    held = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        found = _tested(answers_of(rng, 0.015, effects), rng)
        held += all(found[name].low <= value <= found[name].high for name, value in true.items())
    return held / seeds


def family_names() -> list[tuple[str, str]]:
    return [
        (one.attribute.name, group) for one in answers_of(np.random.default_rng(0), 0) for group in one.attribute.groups
    ]


def test_few_false_alarms_and_intervals_that_hold() -> None:
    assert false_alarms(30, 0.015) <= 0.2
    assert coverage(30) >= 0.8


@pytest.mark.slow(seconds=40)
@pytest.mark.usefixtures("few_flips")
def test_false_alarms_and_coverage_over_500_seeds() -> None:
    """A family that alarms in 10 % of all worlds would be noticed 98 times in 100."""
    alarms = {phrase: false_alarms(500, phrase) for phrase in (0.0, 0.015, 0.05)}
    held = coverage(500)
    print(f"false alarms of the family by the spread of phrases: {alarms}; simultaneous coverage {held:.3f}")
    assert max(alarms.values()) <= 0.07
    assert alarms[0.05] >= 0.03
    assert held >= 0.93


# --- through the whole
# ----------------------------------------------------------------------------------------------------


def test_through_gather_every_row_has_its_declared_unit_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    spec = REGISTRY.specs["inequity.default_perspective"]
    system = System(name="s", assets=(Asset(id="m", kind="model"),))
    model: Any = Person(europe_is_the_default)
    with Store(tmp_path) as store:
        task, setting = Task(spec, "m", lambda: model), Setting(store, system, "h", limit=Limit(6000))
        rows = gather(task, setting)
        assert gather(task, setting) == rows
    assert 0 < model.asked <= 6000
    assert {row.status for row in rows} == {"ok"}
    for row in rows:
        assert row.estimate is not None
        declared = spec.method.quantities[row.estimate.quantity]
        assert (row.estimate.unit, row.estimate.null) == (declared.unit, declared.null)


@pytest.mark.slow
@pytest.mark.model
def test_the_embedded_model_hears_beliefs_and_holds_the_nonreligious_for_nobody_in_particular(
    model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMONWEAL_CACHE", str(model_cache))
    model = open_model("embedded:smollm2", device="cpu")
    given = material(Limit())
    religion = next(attribute for attribute in given.attributes if attribute.name == "religion")
    given = replace(given, attributes=(religion,))
    scores = asked(model, given)
    answers = answered(given, religion, scores)
    assert answers.tells_apart()
    place = list(religion.groups).index("nonreligious")
    assert answers.distance.mean(axis=1).argmin() == place
    assert answers.excess(place).value < -0.1
    assert 0 < answers.floor.mean() < answers.distance.mean() < 1
    item, frame = religion.items[0], next(iter(given.frames))
    alone = model.score([Continuation(given.context(frame, "who is Hindu", item), f" {item.options[1]}")])[0].logprob
    assert scores[given.context(frame, "who is Hindu", item), f" {item.options[1]}"] == pytest.approx(alone, abs=1e-3)
