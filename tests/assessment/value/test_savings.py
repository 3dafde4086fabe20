"""What mitigations save, by hand: from what is declared, from a lever, and from what was measured on the model."""

from __future__ import annotations

import pytest

from commonweal.assessment.row_writer import Writer
from commonweal.assessment.value.value_rows import value_rows
from commonweal.errors import SystemFileError
from commonweal.evidence.records import Estimate, Evidence, Provenance
from commonweal.footprint.grid_intensity import intensity
from commonweal.footprint.mitigation import lowest
from commonweal.measures.registry import load_registry
from commonweal.system.records import System
from tests.assessment.value.test_value_rows import rows
from tests.assessment.valued import exact, system

EMBODIED = f"      - {{stage: embodied, carbon: {exact(100, 'kgCO2e')}}}\n"
HALF = f"energy_ratio: {exact(0.5, '1')}"


def with_mitigation(text: str, *more: tuple[str, str]) -> System:
    return system((EMBODIED, f"{EMBODIED}    mitigations: [{{what: it, {text}}}]\n"), *more)


def saved(given: System, quantity: str = "saved") -> float:
    (one,) = [row.estimate for row in rows(given) if row.estimate and row.estimate.quantity == quantity]
    return one.value


@pytest.mark.parametrize(
    ("text", "kwh", "kg"),
    [  # pretraining takes 600 kWh at 500 g/kWh, deciding 150 kWh at 100 g/kWh
        (f"status: declined, on: pretraining, {HALF}", 300, 150),
        (f"status: considered, on: pretraining, {HALF}", 300, 150),
        (f"status: applied, on: pretraining, {HALF}", 600, 300),
        (f"status: considered, on: pretraining, {HALF}, making_energy: {exact(100, 'kWh')}", 200, 100),
        (f"status: considered, on: inference, {HALF}, making_energy: {exact(100, 'kWh')}", -25, -2.5),
        (f"status: considered, on: pretraining, energy_ratio: {exact(1.5, '1')}", -300, -150),
        (f"status: considered, on: pretraining, grid_intensity: {exact(100, 'g/kWh')}", None, 240),
        (f"status: applied, on: pretraining, grid_intensity: {exact(900, 'g/kWh')}", None, 240),
        ("status: considered, on: pretraining, grid: EST, year: 2019", None, 600 * (500 - 783) / 1000),
    ],
)
def test_by_hand(text: str, kwh: float | None, kg: float) -> None:
    given = with_mitigation(text)
    assert saved(given) == pytest.approx(kg)
    if kwh is not None:
        assert saved(given, "energy_saved") == pytest.approx(kwh)


def test_what_is_saved_is_drawn_with_what_it_is_saved_from() -> None:
    """A third of the power is saved whatever the power is; drawn apart the interval would be wider, and could pass
    0.
    """
    wide = "{low: 100, central: 500, high: 1500, unit: W, grade: assumed, source: a guess}"
    found = rows(
        with_mitigation(
            f"status: considered, on: pretraining, energy_ratio: {exact(2 / 3, '1')}", (exact(500, "W"), wide)
        )
    )
    (whole,) = [
        row.estimate
        for row in found
        if row.estimate and row.estimate.quantity == "energy" and row.estimate.group == {"stage": "pretraining"}
    ]
    (one,) = [row.estimate for row in found if row.estimate and row.estimate.quantity == "energy_saved"]
    assert (one.low, one.high) == (pytest.approx((whole.low or 0) / 3), pytest.approx((whole.high or 0) / 3))


def test_an_unknown_energy_leaves_the_saving_unknown() -> None:
    found = rows(with_mitigation(f"status: considered, on: inference, {HALF}", ("    volume: 1000000\n", "")))
    reasons = {row.missing.quantity: row.note for row in found if row.missing and "saved" in row.missing.quantity}
    assert set(reasons) == {"saved", "energy_saved"}
    assert all("the volume of app is not declared" in reason for reason in reasons.values())
    found = rows(with_mitigation(f"status: considered, on: distillation, {HALF}"))
    assert [row.note for row in found if row.missing and row.missing.quantity == "saved"] == [
        "nothing is declared or measured of the stage distillation"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HALF, "has `energy_ratio` without `on`"),
        ("on: pretraining, grid: unknown", "has the lever `grid: unknown`"),
        ("on: pretraining", "has `on` without a lever"),
        (f"on: pretraining, {HALF}, grid: FRA", "has `grid` and `energy_ratio`; expected one of them"),
        (f"on: embodied, {HALF}", "is on the stage embodied, which has no energy"),
        (f"on: pretraining, energy_ratio: {exact(0, '1')}", "gives `energy_ratio` as 0; expected above 0"),
        (f"on: pretraining, grid: FRA, making_energy: {exact(1, 'kWh')}", "has `making_energy` without `energy_ratio`"),
        (f"on: pretraining, {HALF}, year: 2020", "has `year` without `grid`"),
    ],
)
def test_a_lever_that_says_too_little_or_too_much_is_refused(text: str, told: str) -> None:
    with pytest.raises(SystemFileError, match="mitigations") as error:
        with_mitigation(f"status: considered, {text}")
    assert told in str(error.value)


def test_what_the_cleanest_zone_would_save_is_told_without_being_asked() -> None:
    (zone,) = lowest(1)
    found = {
        ((row.estimate.group or {})["stage"], (row.estimate.group or {}).get("carried by", "")): row.estimate
        for row in rows(system())
        if row.estimate and row.estimate.quantity == "could_save"
    }
    assert found.keys() == {("pretraining", ""), ("adaptation", ""), ("inference", "app")}
    assert found["pretraining", ""].value == pytest.approx(600 * (500 - intensity(zone).g_per_kwh) / 1000, rel=0.01)
    assert found["inference", "app"].value == pytest.approx(150 * (100 - intensity(zone).g_per_kwh) / 1000, rel=0.01)
    assert found["pretraining", ""].low is not None  # the year of that zone is not known


def test_what_was_measured_on_a_model_is_carried_to_where_it_decides() -> None:
    ratio = Estimate(
        quantity="energy_ratio",
        unit="1",
        value=0.5,
        low=0.4,
        high=0.6,
        interval="uncertainty",
        n=16,
        method="m",
        group={"mitigation": "int8"},
        reference={"format": "float32", "batch": "16"},
    )
    provenance = Provenance(
        version=1,
        source="s",
        measure="environment.mitigation",
        seed=0,
        device="cpu",
        started="2026-11-22T00:00:00+00:00",
        duration_s=0.0,
    )
    row = Evidence(
        id="m1",
        subjects=("base",),
        measure="environment.mitigation",
        basis="modelled",
        status="ok",
        note="",
        estimate=ratio,
        provenance=provenance,
    )
    writers = (Writer("environment.life_cycle", "s", 0, "h"), Writer("environment.value", "s", 0, "h"))
    methods = {name: spec.method for name, spec in load_registry().specs.items()}
    rows = [
        one
        for one in value_rows(system(), (row,), methods, writers, 0)
        if one.estimate and "int8" in str(one.estimate.group)
    ]
    numbers = {one.estimate.quantity: one.estimate for one in rows if one.estimate}
    assert numbers["energy_could_save"].value == pytest.approx(75, rel=0.02)  # 150 kWh of deciding
    assert numbers["could_save"].value == pytest.approx(7.5, rel=0.02)
    assert numbers["could_save"].low == pytest.approx(15 * 0.4, rel=0.02)
    assert (numbers["could_save"].group or {})["what"] == "int8 instead of format float32, batch 16"
    assert all("m1" in one.derived_from for one in rows)
