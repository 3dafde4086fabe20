"""What is not known stays unknown in the ledger and in V: no part of a sum is a sum, no draw that is left out is
hidden.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from commonweal.assessment.value.ledger import LEAST_OF_KIND, PUE, UNALLOCATED, Draws, ledger
from commonweal.assessment.value.sampling import drawn, of_interval
from commonweal.assessment.value.spread import spread
from commonweal.assessment.value.value import weigh
from commonweal.assessment.value.value_terms import Group, Input, TermItem, Terms
from commonweal.evidence.records import Estimate
from commonweal.footprint.grid_intensity import FIRST_TRAINED, intensities, of_some_year
from commonweal.system.records import System
from commonweal.system.uncertain import Uncertain
from tests.assessment.value.test_value_rows import number, reason, rows
from tests.assessment.valued import exact, system

PRETRAINING = "      - {stage: pretraining,"
GRID = exact(500, "g/kWh")
WIDE = "{low: 100, high: 900, unit: g/kWh, grade: assumed, source: a guess}"
COUNT = 4000


def carbon_ends(given: System) -> tuple[float, float]:
    """95 % interval of all carbon of making `base` [kgCO2e]."""
    lines = ledger(given, {}, Draws(COUNT, np.random.default_rng(0))).whole
    whole = sum(
        (line.carbon.draws(COUNT) for line in lines if line.carbon and line.asset == "base"), start=np.zeros(COUNT)
    )
    found = spread(whole)
    return found.low, found.high


def stages(*each: str) -> System:
    """The system with other stages of making `base`."""
    text = "".join(f"      - {{{one}}}\n" for one in each)
    old = (
        f"      - {{stage: pretraining, device_hours: 1000, device_power: {exact(500, 'W')}, pue: {exact(1.2, '1')},\n"
        f"         grid_intensity: {GRID}}}\n      - {{stage: embodied, carbon: {exact(100, 'kgCO2e')}}}\n"
    )
    return system((old, text))


@pytest.mark.parametrize(
    "only", [f"stage: embodied, carbon: {exact(100, 'kgCO2e')}", f"stage: adaptation, energy: {exact(1, 'kWh')}"]
)
def test_hardware_or_an_adaptation_of_nothing_is_not_the_making_of_a_model(only: str) -> None:
    found = rows(stages(only))
    assert "what making base took is not declared (of its stages only" in reason(found, "term", term="cost of carbon C")
    assert "cost of carbon C" in reason(found, "value")


def test_an_adapted_model_needs_no_training_of_its_own() -> None:
    assert number(rows(system()), "value") == pytest.approx(1745.0)


def test_hardware_whose_share_nobody_declared_leaves_the_burdens_unknown() -> None:
    found = rows(system(("allocated: 0.25", "allocated: unknown")))
    assert "the share of base that tuned carries is unknown" in reason(found, "term", term="other burdens O")


def test_what_no_share_gives_away_belongs_to_nobody_yet_and_not_to_everyone_else() -> None:
    found = ledger(system(("allocated: 0.25", "allocated: unknown")), {}, Draws(5, np.random.default_rng(0)))
    assert {line.holder for line in found.parts if line.asset == "base"} == {UNALLOCATED}


def test_an_application_that_rests_on_a_deployed_one_says_that_its_part_is_not_known() -> None:
    second = (
        "  - {id: second, kind: application, actor: shop}\ndependencies:\n"
        "  - {upstream: app, downstream: second, relation: serves, allocated: 0.5}\n"
    )
    again = (
        "deployments:\n  - application: second\n    volume: 9000000\n    benefits: none\n    burdens: none\n    "
        f"value: {{unit: USD2020, energy_per_task: {exact(1, 'Wh/1000 decisions')}, carbon_price: EPA2023/2020, "
        f"electricity_price: {exact(0.1, 'USD2020/kWh')}}}\n"
    )
    found = [
        row
        for row in rows(system(("dependencies:\n", second), ("deployments:\n", again)))
        if row.subjects == ("second",)
    ]
    assert "app, which second rests on, is deployed itself" in reason(found, "term", term="cost of carbon C")


def test_the_same_grid_in_several_stages_is_drawn_once() -> None:
    apart = [
        f"stage: {one}, energy: {exact(1000, 'kWh')}, grid_intensity: {WIDE}"
        for one in ("pretraining", "experimentation")
    ]
    together = f"stage: pretraining, energy: {exact(2000, 'kWh')}, grid_intensity: {WIDE}"
    assert carbon_ends(stages(*apart)) == pytest.approx(carbon_ends(stages(together)))
    other = apart[1].replace("a guess", "another guess")
    low, high = carbon_ends(stages(apart[0], other))
    assert high - low < 0.9 * (carbon_ends(stages(together))[1] - carbon_ends(stages(together))[0])


def test_two_stages_of_one_kind_have_numbers_and_are_drawn_apart() -> None:
    wide = "{low: 0, high: 100, unit: kWh, grade: assumed, source: a guess}"
    one = f"stage: pretraining, energy: {wide}, grid_intensity: {GRID}"
    given = stages(one, one)
    assert list(given.asset("base").stages) == ["pretraining 1", "pretraining 2"]
    low, high = carbon_ends(given)
    assert low > 5  # drawn together it would be 2.5
    assert high < 95
    found = rows(given)
    assert len({row.id for row in found}) == len(found)
    assert number(found, "pretraining_energy") == pytest.approx(100, rel=0.1)


def test_every_stage_of_the_shared_model_counts_before_it_breaks_even() -> None:
    more = [
        f"stage: {one}, energy: {exact(energy, 'kWh')}, grid_intensity: {GRID}"
        for one, energy in (("pretraining", 600), ("experimentation", 2000), ("distillation", 400))
    ]
    found = rows(stages(*more))
    assert number(found, "pretraining_energy") == pytest.approx(3000)
    assert number(found, "break_even_tasks") == pytest.approx(3000 / (40 - 10))


def scratch(low: float, high: float) -> tuple[str, str]:
    wide = f"{{low: {low}, high: {high}, unit: kWh, grade: assumed, source: a guess}}"
    return f"scratch_energy: {exact(40, 'kWh')}", f"scratch_energy: {wide}"


def test_never_in_most_draws_is_never_and_in_some_has_no_upper_end() -> None:
    """f = 10 kWh: below it a model of its own costs less for every number of tasks."""
    mostly = rows(system(scratch(1, 11)))
    assert reason(mostly, "break_even_tasks").startswith(
        "never: adapting costs at least as much as training from scratch, in 90%"
    )
    assert number(mostly, "never_probability") == pytest.approx(0.9, abs=0.01)
    (sometimes,) = [
        row for row in rows(system(scratch(9, 29))) if row.estimate and row.estimate.quantity == "break_even_tasks"
    ]
    assert sometimes.estimate is not None
    assert sometimes.estimate.value == pytest.approx(600 / 9, rel=0.05)  # the middle S is 19, and never lies above it
    assert sometimes.estimate.interval is None
    assert re.search(r"lie between 3\d\.?\d? and never; never in (4\.\d|5\.\d|5)%", sometimes.note)


def test_groups_that_overlap_have_no_figures_of_their_own() -> None:
    part = "    burdens: [{population: users, group: {gender: w}, what: mistakes, worth: "
    given = system(
        ("    burdens: [{population: users, what: mistakes, worth: ", part),
        ("income: 20000}", "income: 20000, groups: {gender: {w: 0.5, m: 0.5}}}"),
    )
    found = rows(given)
    assert number(found, "value") == pytest.approx(1745.0)
    for quantity in ("group_value", "benefit_share", "burden_share", "uneven_probability"):
        assert "groups that overlap" in reason(found, quantity)


def test_an_unknown_burden_leaves_shares_and_alarm_unknown() -> None:
    found = rows(system((exact(100, "USD2020/year"), "unknown")))
    assert reason(found, "burden_share") == "not declared or unknown: other burdens O"
    assert reason(found, "uneven_probability") == "not declared or unknown: other burdens O"
    assert not [row for row in found if row.estimate and row.estimate.quantity == "burden_share"]
    assert number(found, "benefit_share", group="users") == 1.0


def test_unknown_is_an_answer_and_leaves_its_term_unknown() -> None:
    old = f"[{{population: users, what: mistakes, worth: {exact(100, 'USD2020/year')}}}]"
    found = rows(system((f"burdens: {old}", "burdens: unknown")))
    assert reason(found, "term", term="other burdens O") == "burdens are declared unknown"


def test_no_impossible_number_is_a_switching_value() -> None:
    """V is 2,000 - 19 - 31 - 10,005 = -8,055: only less of a burden or more of a benefit could change its sign."""
    found = rows(system((exact(100, "USD2020/year"), exact(5000, "USD2020/year"))))
    assert number(found, "value") == pytest.approx(-8055)
    least = {
        row.estimate.group["input"]: row.estimate.value
        for row in found
        if row.estimate and row.estimate.group and row.estimate.quantity == "switching_value"
    }
    assert all(value >= 0 for value in least.values())
    impossible = {
        row.missing.group["input"]: row.note
        for row in found
        if row.missing and row.missing.group and row.missing.quantity == "switching_value"
    }
    assert "no possible value of price of carbon changes the sign" in impossible["price of carbon"]
    assert "(it would have to be −66,900)" in impossible["price of carbon"]  # 200 - 8055 / 0.12
    assert impossible.keys() | least.keys() >= {"PUE, app", "price of electricity", "price of carbon"}


def test_rounding_is_no_loss() -> None:
    groups = (Group("a", "user"), Group("b", "user"), Group("everyone else", "residual"))
    benefit = (TermItem((0.3, 0.0, 0.0)),)
    split = weigh(groups, Terms(benefit, (), (), (TermItem((0.1, 0.2, 0.0)),)), "USD2020")
    whole = weigh(groups, Terms(benefit, (), (), (TermItem((0.3, 0.0, 0.0)),)), "USD2020")
    assert split.below_zero == whole.below_zero == 0.0
    assert weigh(groups, Terms(benefit, (), (), (TermItem((0.1, 0.2001, 0.0)),)), "USD2020").below_zero == 1.0


def test_no_draw_of_a_pue_is_below_1() -> None:
    wide = Uncertain(low=1.0, central=1.1, high=1.4, shape="lognormal", unit="1", grade="assumed", source="s")
    found: Input = drawn("PUE, app", wide, 10_000, np.random.default_rng(0), least=LEAST_OF_KIND[PUE])
    assert found.draws.min() == 1.0
    assert found.possible[0] == 1.0


@pytest.mark.parametrize(("low", "high"), [(10.0, 70.0), (3.0, 10.0), (0.0, 20.0)])
def test_a_measured_number_at_an_end_of_its_interval_keeps_the_interval(low: float, high: float) -> None:
    one = Estimate(
        quantity="energy", unit="Wh", value=10.0, low=low, high=high, interval="uncertainty", n=9, method="m"
    )
    found = of_interval(one, "Wh", "measured", "s", scale=2.0)
    assert (*found.ends, found.middle, found.kind) == (2 * low, 2 * high, 20.0, "triangular")


def test_a_measured_energy_stays_measured_where_only_its_grid_is_assumed() -> None:
    measured = exact(600, "kWh").replace("literature", "measured")
    given = stages(
        f"stage: pretraining, energy: {measured}, grid: FRA",
        f"stage: adaptation, energy: {measured}, grid: FRA, year: 2020",
    )
    undated, dated = ledger(given, {}, Draws(COUNT, np.random.default_rng(0))).whole[:2]
    assert undated.energy is not None
    assert undated.carbon is not None
    assert dated.carbon is not None
    assert (undated.energy.grade, undated.carbon.grade, dated.carbon.grade) == ("measured", "assumed", "literature")
    assert undated.energy.sources == ("a book",)
    assert np.ptp(dated.carbon.draws(COUNT)) == 0
    assert np.quantile(undated.carbon.draws(COUNT), (0.025, 0.5, 0.975)) == pytest.approx(
        (0.6 * 32.4, 0.6 * 56, 0.6 * 124), rel=0.05
    )


def test_training_of_a_year_that_nobody_named_holds_the_years_that_the_table_has() -> None:
    """Estonia fell from 783 g/kWh in 2019 to 417 in 2023."""
    outside = total = 0
    for zone, years in intensities().items():
        low, high = of_some_year(zone, FIRST_TRAINED).ends
        recent = [row.g_per_kwh for row in years if row.year >= FIRST_TRAINED]
        total += len(recent)
        outside += sum(not low <= one <= high for one in recent)
    assert outside / total < 0.05
    assert of_some_year("EST", FIRST_TRAINED).ends[1] > 783
