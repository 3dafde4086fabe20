"""V with a simple baseline in the place of an application: by hand, with exact numbers; and what is unknown says
why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from commonweal.assessment.value.baseline_value import QUANTITIES, baseline_of, baseline_rows
from commonweal.assessment.value.ledger import Draws, ledger
from commonweal.assessment.value.value_inputs import weighing
from commonweal.evidence.records import Estimate, Evidence, Missing, Provenance
from commonweal.measures.registry import load_registry
from commonweal.system.records import System
from commonweal.system.uncertain import Uncertain
from tests.assessment.valued import exact, system

MEASURE = "environment.simple_baseline"
METHODS = {name: spec.method for name, spec in load_registry().specs.items()}
UNITS = {"gain_share": "1", "baseline_energy": "Wh/1000 decisions", "baseline_training_energy": "Wh"}


@dataclass(frozen=True)
class Said:
    benefit_share: Uncertain | None = None
    energy_per_task: Uncertain | None = None


def number(value: float, unit: str) -> Uncertain:
    return Uncertain(value=value, unit=unit, grade="expert", source="somebody")


DECLARED = Said(number(0.9, "1"), number(5, "Wh/1000 decisions"))


def measured(*numbers: tuple[str, float], spread: float = 0.0, missing: Sequence[str] = ()) -> list[Evidence]:
    """Rows of the measure about the application, each number within a share `spread`."""
    plain = {"subjects": ("app",), "measure": MEASURE, "basis": "measured"}
    where = Provenance(source="s", measure=MEASURE, version=1, started="now", duration_s=0.0)
    rows = []
    for name, value in numbers:
        bounds = (
            {"low": value - spread * abs(value), "high": value + spread * abs(value), "interval": "confidence"}
            if spread
            else {}
        )
        one = Estimate.model_validate(
            {"quantity": name, "unit": UNITS[name], "value": value, "n": 9, "method": "m", **bounds}
        )
        rows.append(Evidence(id=name, status="ok", estimate=one, provenance=where, **plain))
    for name in missing:
        lacks = Missing(quantity=name, status="not_applicable", reason=f"no {name}")
        rows.append(
            Evidence(id=name, status="not_applicable", missing=lacks, note=lacks.reason, provenance=where, **plain)
        )
    return rows


def found(
    given: System, evidence: Sequence[Evidence] = (), declared: Said | None = None
) -> dict[str, Estimate | Missing]:
    draws = Draws(500, np.random.default_rng(0))
    (deployment,) = given.deployments
    weighed = weighing(given, deployment, ledger(given, {}, draws), draws)
    baseline = baseline_of("app", evidence, METHODS, declared)
    assert baseline is not None
    rows = {row.quantity: row for row in baseline_rows(given, weighed, baseline, draws)}
    assert set(rows) == set(QUANTITIES)
    assert all((row.group or {}) == {"deployment": "app"} for row in rows.values())
    return rows


def value(rows: dict[str, Estimate | Missing], quantity: str) -> float:
    row = rows[quantity]
    assert isinstance(row, Estimate), row
    return row.value


def reason(rows: dict[str, Estimate | Missing], quantity: str) -> str:
    row = rows[quantity]
    assert isinstance(row, Missing), row
    return row.reason


def test_by_hand_as_declared() -> None:
    """S 1,800; 2e6 tasks x 5 Wh / 1000 x PUE 1.5 = 15 kWh: C 1.5 kg x $0.2 = 0.3, E 1.5; O 200. The application's V
    is 1,745.
    """
    rows = found(system(), declared=DECLARED)
    assert value(rows, "value_of_baseline") == pytest.approx(1800 - 0.3 - 1.5 - 200)
    assert value(rows, "baseline_value_difference") == pytest.approx(1598.2 - 1745)
    assert value(rows, "baseline_better_probability") == 0.0
    row = rows["value_of_baseline"]
    assert isinstance(row, Estimate)
    assert (row.unit, row.interval) == ("USD2020", None)
    assert "90% of the benefit (expert, somebody)" in row.note
    assert "training the baseline is not counted" in row.note
    assert "in proportion" not in row.note


def test_by_hand_as_measured_with_its_training() -> None:
    """All of the benefit: 2,000; training 2,000 Wh = 2 kWh: C 0.2 kg x $0.2 = 0.04, E 0.2 more."""
    rows = found(
        system(), measured(("gain_share", 1.0), ("baseline_energy", 5.0), ("baseline_training_energy", 2000.0))
    )
    assert value(rows, "value_of_baseline") == pytest.approx(2000 - 0.3 - 1.5 - 200 - 0.04 - 0.2)
    assert value(rows, "baseline_better_probability") == 1.0
    row = rows["value_of_baseline"]
    assert isinstance(row, Estimate)
    assert "assumes that every benefit grows in proportion" in row.note
    assert "the application's energy is declared for the place of use" in row.note


def test_a_declared_number_goes_before_a_measured_one() -> None:
    evidence = measured(("gain_share", 0.2), ("baseline_energy", 999.0))
    assert value(found(system(), evidence, DECLARED), "value_of_baseline") == pytest.approx(1598.2)
    only_share = Said(benefit_share=number(0.9, "1"))
    assert value(found(system(), measured(("baseline_energy", 5.0)), only_share), "value_of_baseline") == pytest.approx(
        1598.2
    )


def test_a_baseline_with_all_of_the_benefit_and_the_same_energy_saves_what_making_the_model_took() -> None:
    """75 kg of pretraining, 5 of adaptation and 25 of hardware at $0.2; 150 and 10 kWh at $0.1."""
    same = Said(number(1.0, "1"), number(50, "Wh/1000 decisions"))
    carbon, energy, hardware = 75 * 0.2, (150 + 10) * 0.1, 25 * 0.2
    adaptation = 5 * 0.2
    assert value(found(system(), declared=same), "baseline_value_difference") == pytest.approx(
        carbon + adaptation + energy + hardware
    )


def test_what_both_share_is_drawn_once() -> None:
    """The worth of the benefit is wide; with the same share of it and the same energy, the difference hardly varies."""
    wide = "{low: 0.0001, high: 0.01, unit: USD2020/task, grade: expert, source: s}"
    rows = found(
        system((exact(0.001, "USD2020/task"), wide)), declared=Said(number(1.0, "1"), number(50, "Wh/1000 decisions"))
    )
    worth, apart = rows["value_of_baseline"], rows["baseline_value_difference"]
    assert isinstance(worth, Estimate)
    assert isinstance(apart, Estimate)
    assert (worth.high or 0) - (worth.low or 0) > 10_000
    assert apart.low == pytest.approx(apart.high)
    assert value(rows, "baseline_better_probability") == 1.0


def test_what_was_measured_within_a_range_gives_an_interval() -> None:
    rows = found(system(), measured(("gain_share", 0.9), ("baseline_energy", 5.0), spread=0.2))
    row = rows["value_of_baseline"]
    assert isinstance(row, Estimate)
    assert row.low is not None
    assert row.high is not None
    assert row.low < 2000 * 0.75 - 200 < row.value < 2000 * 1.05 - 200 < row.high
    assert row.interval == "uncertainty"
    assert 0.0 < value(rows, "baseline_better_probability") < 0.5
    worse = found(system(), measured(("gain_share", -0.2), ("baseline_energy", 5.0), spread=0.5))
    assert value(worse, "value_of_baseline") < 0


def test_nobody_asked_for_a_baseline() -> None:
    assert baseline_of("app", (), METHODS) is None
    assert baseline_of("another", measured(("gain_share", 0.2)), METHODS) is None


def test_what_lacks_is_told() -> None:
    rows = found(system(), measured(("baseline_energy", 5.0), missing=("gain_share",)))
    assert reason(rows, "value_of_baseline") == "the share of the benefit of a baseline is unknown: no gain_share"
    assert "the energy of a baseline is unknown: no baseline_energy" in reason(
        found(system(), measured(("gain_share", 1.0), missing=("baseline_energy",))), "baseline_better_probability"
    )
    assert "neither measured nor declared" in reason(
        found(system(), declared=Said(number(1.0, "1"))), "value_of_baseline"
    )
    skipped = Evidence(
        id="s",
        subjects=("app",),
        measure=MEASURE,
        basis="measured",
        status="skipped",
        note="needs data",
        provenance=Provenance(source="s", measure=MEASURE, version=1, started="now", duration_s=0.0),
    )
    assert "needs data" in reason(found(system(), [skipped]), "value_of_baseline")


def test_a_model_whose_making_is_unknown_leaves_v_unknown_and_v_of_the_baseline_known() -> None:
    rows = found(system(("allocated: 0.25", "allocated: unknown")), declared=DECLARED)
    assert value(rows, "value_of_baseline") == pytest.approx(1598.2)
    assert "V of the application is unknown: the share of base that tuned carries is unknown" in reason(
        rows, "baseline_better_probability"
    )


def test_an_unknown_benefit_leaves_both_unknown() -> None:
    rows = found(system((f", worth: {exact(0.001, 'USD2020/task')}", "")), declared=DECLARED)
    assert "the worth of benefit 1 (users: answers) is not declared" in reason(rows, "value_of_baseline")
    rows = found(system(("    volume: 1000000\n", "")), declared=DECLARED)
    assert "the volume of app is not declared" in reason(rows, "value_of_baseline")


def test_every_row_is_described_in_its_unit() -> None:
    for quantity, row in found(system(), declared=DECLARED).items():
        assert isinstance(row, Estimate)
        assert row.unit == {"money": "USD2020"}.get(QUANTITIES[quantity].unit, QUANTITIES[quantity].unit)
