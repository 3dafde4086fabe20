from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commonweal.errors import MeasurementError, NotApplicable
from commonweal.evidence.journal import Journal
from commonweal.evidence.records import Estimate, Missing
from commonweal.evidence.store import Store
from commonweal.measures.environment.inference_energy import inference_energy
from commonweal.measures.environment.meter import meter, observation
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.probes.records import Probes
from commonweal.measures.registry import REGISTRY
from commonweal.models.protocols import Case, Decision, DecisionApplication
from commonweal.system.records import System

Found = list[Estimate | Missing]


def measured(application: Any, probes: Probes, system: System, journal: Journal, seed: int = 0) -> Found:
    return list(inference_energy(application, probes, system, journal, np.random.default_rng(seed)))


def one(found: Found, quantity: str, **group: str) -> Estimate:
    return next(
        row for row in found if isinstance(row, Estimate) and row.quantity == quantity and (row.group or {}) == group
    )


def missing(found: Found, quantity: str, **group: str) -> Missing:
    return next(
        row for row in found if isinstance(row, Missing) and row.quantity == quantity and (row.group or {}) == group
    )


def test_counters_by_hand(rapl_application: Any, probes: Probes, system: System, journal: Journal) -> None:
    """10 ms, 0.5 J of package and 0.1 J of DRAM a decision; at rest 10 W and 2 W. The package runs over its range."""
    results = measured(rapl_application, probes, system, journal)
    assert one(results, "run_time").value == pytest.approx(10.0)
    assert one(results, "energy_by_component", component="CPU").value == pytest.approx(500 / 3600)
    assert one(results, "energy_by_component", component="memory").value == pytest.approx(100 / 3600)
    total = one(results, "energy")
    assert total.value == pytest.approx(600 / 3600)
    assert total.basis == "measured"
    assert (total.n, total.clusters) == (600, 6)
    assert one(results, "power").value == pytest.approx(60.0)
    assert one(results, "idle_power", component="CPU").value == pytest.approx(10.0)
    assert one(results, "energy_above_idle", component="CPU").value == pytest.approx((500 - 10 * 10) / 3600)
    assert one(results, "energy_above_idle", component="memory").value == pytest.approx((100 - 2 * 10) / 3600)
    assert "gross" in one(results, "energy_above_idle", component="CPU").note
    carbon = one(results, "carbon", deployment="us", grid="USA")
    assert carbon.value == pytest.approx(600 / 3600 * 369.5 / 1000, rel=0.01)
    assert "2023" in carbon.note
    assert "Our World in Data" in carbon.note


def test_the_model_by_hand(application: Any, probes: Probes, system: System, journal: Journal) -> None:
    """20 ms of CPU a decision: 20 s x 3.977 W; 2 GB for 10 s x 0.0883 W/GB. Nothing is at rest: no counter, no idle
    row.
    """
    results = measured(application, probes, system, journal)
    assert one(results, "energy_by_component", component="CPU").value == pytest.approx(20 * 3.97744 / 3600, rel=1e-4)
    assert one(results, "energy_by_component", component="memory").value == pytest.approx(20 * 0.08832 / 3600, rel=1e-3)
    total = one(results, "energy")
    assert total.basis == "modelled"
    assert "PUE" in total.note
    assert "assumed range" in one(results, "energy_by_component", component="CPU").note
    assert "no RAPL counter" in one(results, "energy_by_component", component="CPU").note
    assert not [row for row in results if row.quantity in ("idle_power", "energy_above_idle")]
    assert one(results, "run_time").basis == "measured"
    low, high = one(results, "energy").low, one(results, "energy").high
    assert low is not None
    assert high is not None
    assert 5 < high / low < 8


def test_power_times_time_is_energy_and_intervals_hold_their_values(
    application: Any, probes: Probes, system: System, journal: Journal
) -> None:
    results = measured(application, probes, system, journal)
    joules = one(results, "power").value * one(results, "run_time").value
    assert math.isclose(joules / 3600, one(results, "energy").value, rel_tol=1e-12)
    parts = sum(row.value for row in results if isinstance(row, Estimate) and row.quantity == "energy_by_component")
    assert math.isclose(parts, one(results, "energy").value, rel_tol=1e-12)
    rows = [row for row in results if isinstance(row, Estimate)]
    assert len(rows) >= 7
    for row in rows:
        assert row.low is not None
        assert row.high is not None
        assert 0 < row.low <= row.value <= row.high
        assert row.unit == REGISTRY.specs["environment.inference_energy"].method.quantities[row.quantity].unit


def test_twice_the_work_is_twice_the_energy(application: Any, probes: Probes, system: System, tmp_path: Path) -> None:
    energies = []
    for cpu_s, wall_s in ((0.02, 0.01), (0.04, 0.02)):
        application.cpu_s, application.wall_s = cpu_s, wall_s
        with Journal(tmp_path / f"{cpu_s}") as journal:
            energies.append(one(measured(application, probes, system, journal), "energy"))
    assert energies[1].value == pytest.approx(2 * energies[0].value)
    assert energies[1].low == pytest.approx(2 * (energies[0].low or math.nan))


def test_carbon_without_a_known_grid_is_a_reason_and_never_0(
    application: Any, probes: Probes, system: System, journal: Journal
) -> None:
    results = measured(application, probes, system, journal)
    undeclared = missing(results, "carbon", deployment="somewhere")
    assert undeclared.status == "skipped"
    assert "unknown, not 0" in undeclared.reason
    assert "as unknown" in missing(results, "carbon", deployment="asked").reason
    typo = missing(results, "carbon", deployment="typo", grid="FRE")
    assert typo.status == "failed"
    assert "FRA (France)" in typo.reason
    ratio = (
        one(results, "carbon", deployment="us", grid="USA").value
        / one(results, "carbon", deployment="fr", grid="FRA").value
    )
    assert ratio == pytest.approx(369.5 / 56.0, rel=0.01)
    nowhere = measured(application, probes, system.model_copy(update={"deployments": ()}), journal)
    assert missing(nowhere, "carbon").status == "not_applicable"


def test_an_application_that_runs_elsewhere_is_not_applicable(
    application: Any, probes: Probes, system: System, journal: Journal
) -> None:
    application.runs_here = False
    with pytest.raises(NotApplicable, match="runs elsewhere: no device of its can be read from here"):
        measured(application, probes, system, journal)
    assert application.asked == []


def test_an_application_that_only_waits_has_no_energy_rather_than_a_small_one(
    application: Any, probes: Probes, system: System, journal: Journal
) -> None:
    application.cpu_s = application.wall_s * 0.01
    with pytest.raises(MeasurementError, match="unknown"):
        measured(application, probes, system, journal)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_gpu_that_cannot_be_read_leaves_no_total_and_no_carbon(
    device: str, application: Any, probes: Probes, system: System, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    application.device = device
    results = measured(application, probes, system, journal)
    for quantity, group in (("energy", {}), ("power", {}), ("carbon", {"deployment": "us", "grid": "USA"})):
        assert device in missing(results, quantity, **group).reason
        assert missing(results, quantity, **group).status == "failed"
    assert one(results, "energy_by_component", component="CPU").value > 0
    assert not [row for row in results if isinstance(row, Estimate) and (row.group or {}).get("component") == "GPU"]
    assert one(results, "run_time").value == pytest.approx(10.0)


def test_a_counter_that_stands_still_is_not_0_but_modelled(
    rapl_application: Any, probes: Probes, system: System, journal: Journal
) -> None:
    rapl_application.joules = {}
    results = measured(rapl_application, probes, system, journal)
    part = one(results, "energy_by_component", component="CPU")
    assert part.basis == "modelled"
    assert part.value > 0
    assert "did not move" in part.note
    assert not [row for row in results if row.quantity == "energy_above_idle"]


def test_dram_without_a_counter_is_modelled_and_the_total_says_so(
    rapl_application: Any, probes: Probes, system: System, journal: Journal
) -> None:
    folder = rapl_application.machine.powercap / "intel-rapl:0:2"
    (folder / "name").write_text("uncore")
    results = measured(rapl_application, probes, system, journal)
    assert one(results, "energy_by_component", component="CPU").basis == "measured"
    assert one(results, "energy_by_component", component="memory").basis == "modelled"
    total = one(results, "energy")
    assert total.basis == "modelled"
    assert "CPU 100% (measured)" in total.note


def test_a_run_that_was_killed_goes_on_at_the_next_block(
    rapl_application: Any, probes: Probes, system: System, tmp_path: Path
) -> None:
    stem = tmp_path / "items" / "k2"
    warm_up = 7
    rapl_application.stops_after = warm_up + 3
    with Journal(stem) as journal, pytest.raises(KeyboardInterrupt):
        measured(rapl_application, probes, system, journal)
    rapl_application.stops_after = None
    assert rapl_application.asked[warm_up:] == [100, 100, 100]
    with Journal(stem) as journal:
        kept = {key: dict(item) for key, item in journal.items.items()}
        assert sum("block" in key for key in kept) == 3
        rapl_application.wall_s = 0.02
        rapl_application.asked.clear()
        first = measured(rapl_application, probes, system, journal)
        assert rapl_application.asked[-3:] == [100, 100, 100]
        assert {key: journal[key] for key in kept} == kept
        assert one(first, "run_time").value == pytest.approx(15.0)
        journal.compact()
    rapl_application.asked.clear()
    with Journal(stem) as journal:
        assert measured(rapl_application, probes, system, journal) == first
    assert rapl_application.asked == []


def test_blocks_of_another_machine_are_not_averaged_with_ours(
    application: Any, probes: Probes, system: System, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(application, probes, system, journal)
    asked = len(application.asked)
    monkeypatch.setattr(observation, "_processor", lambda: "another")
    measured(application, probes, system, journal)
    assert len(application.asked) == 2 * asked


def test_texts_that_came_twice_are_told(application: Any, probes: Probes, system: System, journal: Journal) -> None:
    assert "asked again" not in one(measured(application, probes, system, journal), "run_time").note
    few = probes.model_copy(update={"names": probes.names[:1]})
    with Journal(journal.lines_path.with_name("other")) as other:
        assert "asked again" in one(measured(application, few, system, other), "run_time").note


@pytest.mark.parametrize(
    ("threads", "words"), [(0.1, ""), (1.2, "other programs kept 1.2 of its 2 hardware threads at work")]
)
def test_a_busy_machine_is_told_on_the_rows_that_it_touches(
    application: Any,
    probes: Probes,
    system: System,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    threads: float,
    words: str,
) -> None:
    monkeypatch.setattr(observation.os, "cpu_count", lambda: 2)
    application.machine.others_threads = threads
    results = measured(application, probes, system, journal)
    for quantity in ("run_time", "energy"):
        note = one(results, quantity).note
        assert words in note
        assert ("The machine was busy" in note) == bool(words)
    assert measured(application, probes, system, journal) == results, "as it was when it was measured"


def test_where_the_system_does_not_tell_nothing_is_said_of_other_programs(
    application: Any, probes: Probes, system: System, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "machine_cpu_s", lambda: None)
    assert "busy" not in one(measured(application, probes, system, journal), "run_time").note


@dataclass
class Hashing:
    """A real application: it invites by a slow hash of the text."""

    rounds: int
    name: str = "screener"
    fingerprint: str = "hashing"
    device: str = "cpu"
    favourable: str = "invite"
    score_unit: str | None = None
    top_share: float | None = None
    threshold: float | None = None
    runs_here: bool = True

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        digests = [hashlib.pbkdf2_hmac("sha256", case.text.encode(), b"salt", self.rounds) for case in cases]
        return [Decision("invite" if digest[0] < 128 else "reject", digest[0] < 128, None) for digest in digests]


def test_a_real_application_through_gather(
    tmp_path: Path, probes: Probes, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observation, "BLOCK_S", 0.05)
    monkeypatch.setattr(observation, "WARM_UP_S", 0.02)
    monkeypatch.setattr(meter, "POWERCAP", tmp_path / "no-rapl")
    application: DecisionApplication = Hashing(rounds=2000)
    task = Task(REGISTRY.specs["environment.inference_energy"], "screener", lambda: application, lambda: probes)
    with Store(tmp_path / "out") as store:
        rows = gather(task, Setting(store, system, "hash"))
        again = gather(task, Setting(store, system, "hash"))
    assert again == rows
    energy = next(row for row in rows if row.estimate is not None and row.estimate.quantity == "energy")
    assert energy.basis == "modelled"
    assert energy.estimate is not None
    assert energy.estimate.value > 0
    assert {row.status for row in rows} == {"ok", "skipped", "failed"}
    assert all(row.note for row in rows)
