"""From a system file to V: by hand, with exact numbers; and what is unknown says why."""

from __future__ import annotations

import pytest

from commonweal.assessment.row_writer import Writer
from commonweal.assessment.value.ledger_rows import LEDGER_METHOD
from commonweal.assessment.value.value_estimates import DRAWS, ONE_NUMBER
from commonweal.assessment.value.value_rows import VALUE_METHOD, value_rows
from commonweal.errors import SystemFileError
from commonweal.evidence.records import Evidence
from commonweal.measures.preflight import table_problems
from commonweal.system.records import System
from commonweal.system.uncertain import Uncertain
from tests.assessment.valued import exact, system


def rows(given: System, seed: int = 0) -> list[Evidence]:
    writers = (Writer("environment.life_cycle", "s", seed, "h"), Writer("environment.value", "s", seed, "h"))
    return list(value_rows(given, (), {}, writers, seed))


def number(found: list[Evidence], quantity: str, **group: str) -> float:
    (one,) = [
        row.estimate
        for row in found
        if row.estimate
        and row.estimate.quantity == quantity
        and row.measure == "environment.value"
        and {name: value for name, value in (row.estimate.group or {}).items() if name not in {"deployment", "rank"}}
        == group
    ]
    return one.value


def reason(found: list[Evidence], quantity: str, **group: str) -> str:
    (one,) = [
        row.missing
        for row in found
        if row.missing
        and row.missing.quantity == quantity
        and row.measure == "environment.value"
        and {name: value for name, value in (row.missing.group or {}).items() if name != "deployment"} == group
    ]
    return one.reason


def test_by_hand() -> None:
    """S 2,000; C (75 + 5 + 15) kg x $200/t = 19; E (150 + 10 + 150) kWh x $0.1 = 31; O 200 + 25 kg x $200/t = 205."""
    found = rows(system())
    terms = [
        number(found, "term", term=name)
        for name in ("benefit S", "cost of carbon C", "cost of electricity E", "other burdens O")
    ]
    assert terms == pytest.approx([2000.0, 19.0, 31.0, 205.0])
    assert number(found, "value") == pytest.approx(1745.0)
    assert number(found, "below_zero_probability") == 0.0
    by_group = {name: number(found, "group_value", group=name) for name in ("lab", "shop", "users", "everyone else")}
    assert by_group == pytest.approx({"lab": -15.0, "shop": -16.0, "users": 1800.0, "everyone else": -24.0})
    assert sum(by_group.values()) == pytest.approx(1745.0)
    assert number(found, "burden_share", group="everyone else") == pytest.approx(24 / 255)
    assert number(found, "benefit_share", group="users") == 1.0
    weights = {"lab": 1.0, "shop": 2.0**1.4, "users": 4.0**1.4, "everyone else": 8.0**1.4}
    assert number(found, "weighted_value") == pytest.approx(
        sum(weights[name] * worth for name, worth in by_group.items())
    )
    assert number(found, "switching_value", input="price of carbon") == pytest.approx(200 + 1745 / 0.12)
    assert number(found, "uneven_probability") == 0.0
    assert number(found, "break_even_tasks") == pytest.approx(600 / (40 - 10))
    assert number(found, "never_probability") == 0.0


def totals(found: list[Evidence], quantity: str) -> dict[str, float | str]:
    """By who carries it: the total, or why there is none."""
    return {
        (one.group or {})["carried by"]: row.estimate.value if row.estimate else row.note
        for row in found
        if (one := row.estimate or row.missing) is not None and one.quantity == quantity
    }


def test_totals_by_hand() -> None:
    """The app carries 150 + 10 + 150 kWh and 75 + 25 + 5 + 15 kg; the parts and everyone else's add up to the whole."""
    found = rows(system())
    energy, carbon = totals(found, "energy_total"), totals(found, "carbon_total")
    assert energy == pytest.approx({"app": 310.0, "everyone else": 450.0, "everyone together": 760.0})
    assert carbon == pytest.approx({"app": 120.0, "everyone else": 300.0, "everyone together": 420.0})
    (row,) = [row for row in found if row.estimate and row.estimate.value == pytest.approx(120.0)]
    assert (
        row.note
        == "grade: literature; not declared, so not in it: the carbon of making the hardware for tuned, app; "
        + ONE_NUMBER
    )


def test_totals_are_taken_over_the_same_draws() -> None:
    """With one uncertain input the ends of the parts add up to the end of the whole; drawn apart they would not."""
    wide = "{low: 100, central: 500, high: 1500, unit: W, grade: assumed, source: a guess}"
    found = rows(system((exact(500, "W"), wide)))
    ends = [row.estimate for row in found if row.estimate and row.estimate.quantity == "energy_total"]
    app, others, together = sorted(ends, key=lambda one: str(one.group))
    assert together.group == {"carried by": "everyone together"}
    for end in ("low", "value", "high"):
        assert getattr(app, end) + getattr(others, end) == pytest.approx(getattr(together, end))
    assert together.low is not None
    assert together.low < 0.7 * together.value
    assert {row.note for row in found if row.estimate in ends} == {
        "grade: assumed",
        "grade: assumed; without the error of adaptation of tuned, inference of app, declared as one number",
    }


def test_a_total_with_an_unknown_part_is_unknown() -> None:
    found = rows(system((f"energy: {exact(10, 'kWh')}", "energy: unknown")))
    energy = totals(found, "energy_total")
    assert energy["app"] == energy["everyone together"]
    assert str(energy["app"]).startswith("the energy of adaptation of tuned is unknown")
    assert energy["everyone else"] == pytest.approx(450.0)


def test_a_model_of_which_nobody_says_what_making_it_took_leaves_no_total() -> None:
    making = f"    making: [{{stage: adaptation, energy: {exact(10, 'kWh')}, grid_intensity: {exact(500, 'g/kWh')}}}]\n"
    found = rows(system((making, "")))
    assert set(totals(found, "energy_total").values()) == {"what making tuned took is not declared"}
    apart = totals(rows(system(("allocated: 0.25", "allocated: unknown"))), "carbon_total")
    assert "the share of base that tuned carries is unknown" in str(apart["app"])
    assert apart["everyone together"] == pytest.approx(420.0)


def test_a_benefit_without_a_worth_makes_v_unknown_and_tells_what_it_would_have_to_be() -> None:
    found = rows(system((f", worth: {exact(0.001, 'USD2020/task')}", "")))
    assert reason(found, "value") == "not declared or unknown: benefit S"
    assert "the worth of benefit 1 (users: answers) is not declared" in reason(found, "term", term="benefit S")
    assert number(found, "value_at_zero", of="benefit S") == pytest.approx(255.0)
    assert not [row for row in found if row.estimate and row.estimate.quantity == "below_zero_probability"]


@pytest.mark.parametrize(
    ("old", "new", "term", "told"),
    [
        (
            "allocated: 0.25",
            "allocated: unknown",
            "cost of carbon C",
            "the share of base that tuned carries is unknown",
        ),
        (
            f"      carbon_price: {exact(200, 'USD2020/t')}\n",
            "",
            "cost of carbon C",
            "the price of carbon is not declared",
        ),
        (
            f"electricity_price: {exact(0.1, 'USD2020/kWh')}",
            "electricity_price: unknown",
            "cost of electricity E",
            "price of electricity is unknown",
        ),
        ("    volume: 1000000\n", "", "cost of electricity E", "the volume of app is not declared"),
        (
            f"    burdens: [{{population: users, what: mistakes, worth: {exact(100, 'USD2020/year')}}}]\n",
            "",
            "other burdens O",
            "no burden is declared (write `burdens: none` if there is none)",
        ),
    ],
)
def test_what_is_not_declared_makes_its_term_unknown(old: str, new: str, term: str, told: str) -> None:
    found = rows(system((old, new)))
    assert told in reason(found, "term", term=term)
    assert "not declared or unknown" in reason(found, "value")


def test_one_way_of_two_without_a_share_makes_the_part_unknown_and_not_smaller() -> None:
    second = "dependencies:\n  - {upstream: base, downstream: app, relation: serves}\n"
    found = rows(system(("dependencies:\n", second)))
    assert "the share of base that app carries is not declared" in reason(found, "term", term="cost of carbon C")
    assert "not declared or unknown" in reason(found, "value")


EMBODIED = f"      - {{stage: embodied, carbon: {exact(100, 'kgCO2e')}}}\n"
BURDENS = f"[{{population: users, what: mistakes, worth: {exact(100, 'USD2020/year')}}}]"


def test_hardware_of_a_training_that_nobody_declared_leaves_the_burdens_unknown() -> None:
    found = rows(system((EMBODIED, "")))
    assert "the carbon of making the hardware for base is not declared" in reason(found, "term", term="other burdens O")
    assert reason(found, "value") == "not declared or unknown: other burdens O"
    assert "the carbon of making the hardware for base" in str(totals(found, "carbon_total")["app"])
    assert totals(found, "energy_total")["app"] == pytest.approx(310.0)


def test_hardware_of_what_is_used_or_adapted_is_said_beside_the_burdens() -> None:
    (row,) = [
        row for row in rows(system()) if row.estimate and (row.estimate.group or {}).get("term") == "other burdens O"
    ]
    assert "not declared, so not in it: the carbon of making the hardware for tuned, app" in row.note


def test_none_is_0_and_says_so() -> None:
    none = EMBODIED.replace(exact(100, "kgCO2e"), "none")
    found = rows(system((EMBODIED, none), (f"burdens: {BURDENS}", "burdens: none")))
    assert number(found, "term", term="other burdens O") == 0.0
    (row,) = [row for row in found if row.estimate and (row.estimate.group or {}).get("term") == "other burdens O"]
    assert "`burdens: none` is declared: there is none, so it is 0" in row.note
    (hardware,) = [row for row in found if row.estimate and row.estimate.group == {"stage": "embodied"}]
    assert hardware.estimate is not None
    assert (hardware.estimate.value, hardware.estimate.method) == (0.0, "declared `none`: there is none, so it is 0")


def test_without_a_volume_no_number_stands_for_the_benefit_and_what_lacks_is_named() -> None:
    """Each of C, E and O rests on the volume or on its share of the making, so nothing is known of the benefit at V
    = 0.
    """
    worth = f", worth: {exact(0.001, 'USD2020/task')}"
    found = rows(system(("    volume: 1000000\n", "    volume: unknown\n"), (worth, ", worth: unknown")))
    told = reason(found, "value_at_zero", of="benefit S")
    assert told.startswith("unknown until these are declared too: cost of carbon C, cost of electricity E (")
    assert "the volume of app is unknown" in told


def test_an_application_that_rests_on_nothing_does_not_cost_nothing_to_make() -> None:
    served = "  - {upstream: tuned, downstream: app, relation: serves, allocated: 1}\n"
    found = rows(system((served, "")))
    assert "what app rests on is not declared" in reason(found, "term", term="cost of carbon C")
    assert "what app rests on is not declared" in str(totals(found, "energy_total")["everyone together"])
    adapted = "  - {upstream: base, downstream: tuned, relation: adapted_from, allocated: 0.25}\n"
    assert "what tuned was adapted from is not declared" in reason(
        rows(system((adapted, ""))), "term", term="cost of carbon C"
    )


def test_a_total_holds_the_use_of_every_deployment_or_is_unknown() -> None:
    """The second application is neither measured nor declared, and no total is that of the first alone."""
    second = "  - {application: other, id: second, volume: 5}\n"
    given = system(
        ("dependencies:\n", "  - {id: other, kind: application, actor: shop}\ndependencies:\n"),
        ("deployments:\n", "deployments:\n" + second),
    )
    assert "the energy of deciding in second is neither" in str(
        totals(rows(given), "energy_total")["everyone together"]
    )


def test_a_break_even_without_an_adaptation_is_unknown_unless_there_is_none() -> None:
    stage = f"stage: adaptation, energy: {exact(10, 'kWh')}, grid_intensity: {exact(500, 'g/kWh')}"
    direct = ("    kind: adapted_model\n", "    kind: model\n")
    pretrained = (stage, stage.replace("adaptation", "pretraining"))
    assert "the energy of adapting the shared model" in reason(rows(system(direct, pretrained)), "break_even_tasks")
    none = (f"[{{{stage}}}]", f"[{{{pretrained[1]}}}, {{stage: adaptation, energy: none}}]")
    assert number(rows(system(direct, none)), "break_even_tasks") == pytest.approx(610 / 40)


def test_the_price_of_carbon_may_be_unknown() -> None:
    found = rows(system((exact(200, "USD2020/t"), "unknown")))
    assert reason(found, "term", term="cost of carbon C") == "the price of carbon is unknown"


def test_none_is_a_declared_nothing() -> None:
    burdens = f"burdens: [{{population: users, what: mistakes, worth: {exact(100, 'USD2020/year')}}}]"
    found = rows(system((burdens, "burdens: none")))
    assert number(found, "term", term="other burdens O") == pytest.approx(5.0)  # the hardware's carbon
    assert number(found, "value") == pytest.approx(1945.0)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("USD2020/year", "EUR2020/year", "burdens, entry 1: EUR2020/year cannot become USD2020/year"),
        (
            "USD2020/task",
            "USD1990/task",
            "benefits, entry 1: USD1990/task to USD2020/task: the price index has no year 1990",
        ),
        (
            "volume: 1000000",
            "volume: 0",
            "deployment 'app': its volume is 0, so there is nothing whose value could be weighed",
        ),
        (
            "carbon_price: " + exact(200, "USD2020/t"),
            "carbon_price: EPA2023",
            "value.carbon_price: got 'EPA2023'; expected a source and a year",
        ),
    ],
)
def test_money_that_cannot_be_added_is_told_before_anything_is_worked_out(old: str, new: str, told: str) -> None:
    assert told in "; ".join(table_problems(system((old, new))))
    assert table_problems(system()) == ()


def test_dollars_of_another_year_are_converted() -> None:
    found = rows(system((exact(100, "USD2020/year"), exact(100, "USD2010/year"))))
    assert number(found, "term", term="other burdens O") == pytest.approx(5.0 + 200 * 258.811 / 218.056)


def test_two_deployments_with_prices_of_their_own_are_not_mixed_up() -> None:
    given = system()
    (first,) = given.deployments
    assert first.value is not None
    second = first.model_copy(
        update={
            "id": "second",
            "value": first.value.model_copy(
                update={"electricity_price": Uncertain(value=0.4, unit="USD2020/kWh", grade="assumed", source="s")}
            ),
        }
    )
    found = rows(given.model_copy(update={"deployments": (first, second)}))
    costs = [
        row.estimate.value
        for row in found
        if row.estimate
        and row.estimate.quantity == "term"
        and (row.estimate.group or {})["term"] == "cost of electricity E"
    ]
    assert costs[1] / costs[0] == pytest.approx(4.0)


@pytest.mark.parametrize(("per_1000", "tasks"), [(45.0, 40.0), (50.0, 20.0), (40.0, None)])
def test_the_break_even_with_use(per_1000: float, tasks: float | None) -> None:
    """P 600; S - f = 30; use of the shared model 150 kWh, of one of its own 2 x 10^6 tasks x 1.5 x per_1000 / 10^6."""
    declared = f"      scratch_energy: {exact(40, 'kWh')}\n"
    found = rows(
        system((declared, f"{declared}      scratch_energy_per_task: {exact(per_1000, 'Wh/1000 decisions')}\n"))
    )
    assert number(found, "break_even_tasks") == pytest.approx(20.0)
    if tasks is None:
        assert "never" in reason(found, "break_even_tasks_with_use")
        assert number(found, "never_probability_with_use") == 1.0
    else:
        assert number(found, "break_even_tasks_with_use") == pytest.approx(tasks)


def test_never_breaks_even() -> None:
    found = rows(system((f"scratch_energy: {exact(40, 'kWh')}", f"scratch_energy: {exact(10, 'kWh')}")))
    assert "never" in reason(found, "break_even_tasks")
    assert number(found, "never_probability") == 1.0


def test_the_alarm_where_builders_gain_and_others_pay() -> None:
    found = rows(system(("{population: users, what: answers", "{actor: lab, what: answers")))
    assert number(found, "uneven_probability") == 1.0
    (row,) = [row for row in found if row.estimate and row.estimate.quantity == "uneven_probability"]
    assert row.note.startswith("uneven: benefit at those who build, burden at those who get none of it")


def test_the_same_seed_gives_the_same_rows_and_offsets_are_shown_and_not_subtracted() -> None:
    wide = ("{value: 200, unit: USD2020/t, grade: literature, source: a book}", "EPA2023/2020")
    assert [row.id for row in rows(system(wide))] == [row.id for row in rows(system(wide))]
    offset = ("    kind: model\n", f"    kind: model\n    offsets: [{{carbon: {exact(300, 'kgCO2e')}, what: trees}}]\n")
    found = rows(system(offset))
    assert number(found, "term", term="cost of carbon C") == pytest.approx(19.0)
    assert [row.estimate.value for row in found if row.estimate and row.estimate.quantity == "offset"] == [300.0]


def test_every_quantity_of_a_row_is_described() -> None:
    methods = {"environment.life_cycle": LEDGER_METHOD, "environment.value": VALUE_METHOD}
    for row in rows(system()):
        told = row.estimate or row.missing
        assert told is not None
        assert told.quantity in methods[row.measure].quantities
        assert row.estimate is None or row.estimate.n in {1, DRAWS}


def test_who_bears_the_carbon_changes_no_total() -> None:
    """C is 19: of it a quarter on users, the rest on everyone else, who bear 5 of hardware likewise."""
    share = exact(0.25, "1")
    found = rows(system(("      pue: ", f"      carbon_borne: {{users: {share}}}\n      pue: ")))
    assert number(found, "value") == pytest.approx(1745.0)
    assert number(found, "term", term="cost of carbon C") == pytest.approx(19.0)
    assert number(found, "group_value", group="users") == pytest.approx(1800 - 0.25 * 24)
    assert number(found, "group_value", group="everyone else") == pytest.approx(-0.75 * 24)
    assert number(found, "burden_share", group="users") == pytest.approx((200 + 6) / 255)
    for wrong, words in (
        ({"users": exact(1.5, "1")}, "as up to 1.5 together; expected at most 1"),
        ({"users": exact(-0.1, "1")}, "expected a share from 0 to 1"),
        ({"nobody": share}, "unknown population 'nobody'"),
    ):
        text = ", ".join(f"{name}: {value}" for name, value in wrong.items())
        with pytest.raises(SystemFileError) as error:
            system(("      pue: ", f"      carbon_borne: {{{text}}}\n      pue: "))
        assert words in str(error.value)
