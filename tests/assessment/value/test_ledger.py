from __future__ import annotations

import re

import numpy as np
import pytest

from commonweal.assessment.value.allocation import allocation
from commonweal.assessment.value.ledger import EVERYONE_ELSE, CarbonLedger, Draws, LedgerLine, decision_energies, ledger
from commonweal.errors import SystemFileError
from commonweal.evidence.records import Estimate, Evidence, Provenance
from commonweal.measures.registry import load_registry
from commonweal.system.records import System
from tests.assessment.valued import exact, system

COUNT = 50
METHODS = {name: spec.method for name, spec in load_registry().specs.items()}


def books(given: System, evidence: tuple[Evidence, ...] = ()) -> CarbonLedger:
    return ledger(given, decision_energies(evidence, METHODS), Draws(COUNT, np.random.default_rng(0)))


def amount(lines: tuple[LedgerLine, ...], stage: str, holder: str) -> tuple[float, float]:
    """Median energy [kWh] and carbon [kgCO2e] of one stage that one holder carries."""
    (line,) = [line for line in lines if (line.stage, line.holder) == (stage, holder)]
    assert line.carbon is not None
    energy = float(np.median(line.energy.draws(COUNT))) if line.energy else 0.0
    return energy, float(np.median(line.carbon.draws(COUNT)))


def test_by_hand() -> None:
    found = books(system())
    assert amount(found.whole, "pretraining", "") == pytest.approx(
        (600.0, 300.0)
    )  # 1,000 h x 0.5 kW x 1.2, x 0.5 kg/kWh
    assert amount(found.parts, "pretraining", "app") == pytest.approx((150.0, 75.0))  # a quarter
    assert amount(found.parts, "pretraining", EVERYONE_ELSE) == pytest.approx((450.0, 225.0))
    assert amount(found.parts, "embodied", "app") == pytest.approx((0.0, 25.0))
    assert amount(found.parts, "adaptation", "app") == pytest.approx((10.0, 5.0))
    assert amount(found.use, "inference", "app") == pytest.approx((150.0, 15.0))  # 2 x 10^6 tasks x 0.05 Wh x 1.5
    assert {line.carbon.grade for line in found.whole if line.carbon} == {"literature"}


@pytest.mark.parametrize("shares", [(0.25, 1.0), (0.1, 0.3), (1.0, 1.0), (0.0, 1.0)])
def test_the_parts_add_up_to_the_whole(shares: tuple[float, float]) -> None:
    found = books(
        system(("allocated: 0.25", f"allocated: {shares[0]}"), ("allocated: 1}", f"allocated: {shares[1]}}}"))
    )
    for whole in found.whole:
        parts = [line for line in found.parts if (line.asset, line.stage) == (whole.asset, whole.stage)]
        assert whole.carbon is not None
        total = sum((part.carbon.draws(COUNT) for part in parts if part.carbon), start=np.zeros(COUNT))
        assert total == pytest.approx(whole.carbon.draws(COUNT))


def test_two_ways_to_one_deployment_are_each_counted_once() -> None:
    given = system(
        ("dependencies:\n", "dependencies:\n  - {upstream: base, downstream: app, relation: serves, allocated: 0.5}\n")
    )
    (part,) = allocation(given, given.asset("base")).parts
    assert part.share == pytest.approx(0.5 + 0.25 * 1.0)


def test_deployments_of_one_application_share_by_volume_and_a_new_one_raises_nobody_elses() -> None:
    second = "  - {application: app, id: second, volume: 3000000}\n"
    two = books(system(("deployments:\n", "deployments:\n" + second)))
    assert amount(two.parts, "pretraining", "app") == pytest.approx((37.5, 18.75))
    assert amount(two.parts, "pretraining", "second") == pytest.approx((112.5, 56.25))
    other = "  - {id: other, kind: application, actor: shop}\n"
    served = "  - {upstream: base, downstream: other, relation: serves, allocated: 0.4}\n"
    deployed = "  - {application: other, volume: 5}\n"
    more = books(
        system(("dependencies:\n", other + "dependencies:\n" + served), ("deployments:\n", "deployments:\n" + deployed))
    )
    assert amount(more.parts, "pretraining", "app") == amount(books(system()).parts, "pretraining", "app")
    assert amount(more.parts, "pretraining", "other") == pytest.approx((240.0, 120.0))


def test_by_use_of_a_lifetime() -> None:
    by_use = system((", allocated: 0.25", ""), ("    kind: model\n", "    kind: model\n    lifetime_tasks: 8000000\n"))
    (part,) = allocation(by_use, by_use.asset("base")).parts
    assert (part.deployment, part.share) == ("app", pytest.approx(0.25))  # 1,000,000 a year x 2 years of 8,000,000
    too_many = system(
        (", allocated: 0.25", ""), ("    kind: model\n", "    kind: model\n    lifetime_tasks: 1000000\n")
    )
    split = allocation(too_many, too_many.asset("base"))
    assert split.parts[0].share == 1.0
    assert "more than its 1,000,000 lifetime tasks" in split.why_not[0]


def test_what_nobody_declared_is_unknown_and_never_0() -> None:
    undeclared = system((", allocated: 0.25", ""))
    split = allocation(undeclared, undeclared.asset("base"))
    assert (split.parts, split.rest) == ((), 1.0)
    assert "the share of base that tuned carries is not declared" in split.why_not[0]
    without = books(system((f"energy: {exact(10, 'kWh')}", "energy: unknown")))
    (line,) = [line for line in without.whole if line.stage == "adaptation"]
    assert (line.energy, line.carbon) == (None, None)
    assert line.unknown == (
        "the energy of adaptation of tuned is unknown",
        "the carbon of adaptation of tuned is unknown",
    )
    nowhere = books(system((f"      grid_intensity: {exact(100, 'g/kWh')}\n", "")))
    assert nowhere.use[0].energy is not None
    assert nowhere.use[0].carbon is None
    assert "its grid is not declared" in nowhere.use[0].unknown[0]


def measured(value: float, low: float, high: float, basis: str = "measured") -> Evidence:
    estimate = Estimate(
        quantity="energy",
        unit="Wh/1000 decisions",
        value=value,
        low=low,
        high=high,
        interval="uncertainty",
        n=6,
        method="blocks",
    )
    provenance = Provenance(
        source="s",
        measure="environment.inference_energy",
        version=2,
        started="2026-01-01T00:00:00+00:00",
        duration_s=1.0,
    )
    return Evidence(
        id=f"e{value}",
        subjects=("app",),
        measure="environment.inference_energy",
        basis=basis,
        status="ok",
        estimate=estimate,
        provenance=provenance,
    )  # type: ignore[arg-type]


def test_measured_energy_is_used_where_none_is_declared_and_the_last_of_several() -> None:
    given = system((f"      energy_per_task: {exact(50, 'Wh/1000 decisions')}\n", ""))
    assert books(given).use[0].energy is None
    found = books(given, (measured(10.0, 9.0, 11.0), measured(100.0, 90.0, 110.0)))
    line = found.use[0]
    assert line.energy is not None
    assert np.median(line.energy.draws(COUNT)) == pytest.approx(300.0, rel=0.05)  # 2 x 10^6 x 0.1 Wh x 1.5
    assert (line.energy and line.energy.grade, line.evidence) == ("literature", ("e100.0",))
    assert books(given, (measured(100.0, 90.0, 110.0, "modelled"),)).use[0].energy.grade == ("assumed")  # type: ignore[union-attr]


def test_a_lifetime_and_shares_beside_it_are_refused() -> None:
    with pytest.raises(SystemFileError, match="asset 'base' has `lifetime_tasks`, and its dependencies carry shares"):
        system(("    kind: model\n", "    kind: model\n    lifetime_tasks: 8000000\n"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (exact(10, "kWh"), exact(-10, "kWh"), "gives `energy` as -10; expected at least 0"),
        (exact(1.2, "1"), exact(158, "1"), "gives `pue` as 158 1; expected at most 5; is it in percent?"),
        (
            exact(50, "Wh/1000 decisions"),
            exact(5e9, "Wh/1000 decisions"),
            "as 5e+09 Wh/1000 decisions; expected at most 1e+06, 1 kWh",
        ),
        (exact(10, "kWh"), exact(10, "kW"), "unknown unit 'kW'; expected W (times 1,000)"),
        (exact(0.1, "USD2020/kWh"), exact(0.1, "USD/kWh"), "unknown unit 'USD/kWh', money without its price year"),
        (
            exact(10, "kWh"),
            exact(1.5e13, "kWh"),
            "as 1.5e+13 kWh; expected at most 1e+10, more than any training; is it in Wh?",
        ),
        (exact(500, "W"), exact(5e5, "W"), "as 500000 W; expected at most 20000, which no device draws"),
        (
            exact(100, "g/kWh"),
            exact(0.429, "g/kWh"),
            "as 0.429 g/kWh, below every grid; expected 2 or more (or 0); is it in kg/kWh?",
        ),
        (
            exact(50, "Wh/1000 decisions"),
            exact(50, "kWh"),
            "in kWh; expected it in Wh/1000 decisions (times 1,000,000, where",
        ),
        (
            f"energy: {exact(10, 'kWh')}",
            f"energy: {exact(10, 'kWh')}, pue: {exact(1.5, '1')}",
            "has `pue` without `device_hours`",
        ),
        (
            "relation: serves, allocated: 1",
            "relation: feeds_back, allocated: 1",
            "has `allocated` with the relation feeds_back",
        ),
        ("  - {id: users,", "  - {id: lab,", "actor 'lab' has the same id"),
        (exact(1.2, "1"), exact(0.9, "1"), "gives `pue` as 0.9; expected at least 1"),
        (exact(10, "kWh"), exact(10, "Wh"), "gives `energy` in Wh; expected it in kWh"),
        (
            exact(0.1, "USD2020/kWh"),
            exact(-0.1, "USD2020/kWh"),
            "gives `electricity_price` as -0.1; expected at least 0",
        ),
        (exact(0.1, "USD2020/kWh"), exact(0.1, "USD2020/t"), "expected money per kWh, such as USD2020/kWh"),
        (
            exact(0.001, "USD2020/task"),
            exact(-1, "USD2020/task"),
            "has a worth of -1 USD2020/task; expected money, not below 0",
        ),
        ("      unit: USD2020\n", "      unit: USD\n", "expected a currency with its price year"),
    ],
)
def test_numbers_that_cannot_be_are_told_with_their_line(old: str, new: str, told: str) -> None:
    with pytest.raises(SystemFileError, match=re.escape(told)) as caught:
        system((old, new))
    assert re.match(r"system\.yaml:\d+ ", str(caught.value))


def test_doubling_the_volume_doubles_use_only() -> None:
    one, two = books(system()), books(system(("volume: 1000000", "volume: 2000000")))
    assert amount(two.use, "inference", "app") == pytest.approx(
        tuple(2 * part for part in amount(one.use, "inference", "app"))
    )
    for stage in ("pretraining", "adaptation", "embodied"):
        assert amount(two.parts, stage, "app") == pytest.approx(amount(one.parts, stage, "app"))
