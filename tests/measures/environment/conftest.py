"""A machine that does what the test says: its clock, CPU seconds, memory and RAPL files move only when work is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from commonweal.evidence.journal import Journal
from commonweal.measures.environment.meter import meter, observation
from commonweal.measures.probes.records import Name, Probe, Probes, Wording
from commonweal.models.protocols import Case, Decision
from commonweal.system.records import Asset, Deployment, System

RANGE_UJ = 262_143_328_850
PACKAGE, DRAM = "intel-rapl:0", "intel-rapl:0:2"


def write_zone(powercap: Path, zone: str, name: str, energy_uj: int, range_uj: int = RANGE_UJ) -> None:
    folder = powercap / zone
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")


@dataclass
class Machine:
    """A machine with two CPU threads and the given RAPL zones."""

    powercap: Path
    clock_s: float = 100.0
    cpu_s: float = 5.0
    others_cpu_s: float = 50.0
    others_threads: float = 0.0
    idle_w: dict[str, float] = field(default_factory=dict)

    def spend(self, wall_s: float, cpu_s: float, joules: dict[str, float]) -> None:
        self.clock_s += wall_s
        self.cpu_s += cpu_s
        self.others_cpu_s += self.others_threads * wall_s
        for zone, amount in joules.items():
            path = self.powercap / zone / "energy_uj"
            path.write_text(str((int(path.read_text()) + round(amount * 1e6)) % RANGE_UJ))

    def rest(self, seconds: float) -> None:
        self.spend(seconds, 0.0, {zone: watts * seconds for zone, watts in self.idle_w.items()})


@dataclass
class Application:
    """Decides by length; each decision costs the machine what the test says."""

    machine: Machine
    wall_s: float = 0.01
    cpu_s: float = 0.02
    joules: dict[str, float] = field(default_factory=dict)
    runs_here: bool = True
    device: str = "cpu"
    name: str = "screener"
    fingerprint: str = "f"
    favourable: str = "invite"
    score_unit: str | None = None
    top_share: float | None = None
    threshold: float | None = None
    asked: list[int] = field(default_factory=list)
    stops_after: int | None = None

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        if self.stops_after is not None and len(self.asked) >= self.stops_after:
            raise KeyboardInterrupt
        self.asked.append(len(cases))
        self.machine.spend(
            len(cases) * self.wall_s,
            len(cases) * self.cpu_s,
            {zone: len(cases) * amount for zone, amount in self.joules.items()},
        )
        return [Decision("invite", len(case.text) % 2 == 0, None) for case in cases]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without any counter; tests add zones."""
    made = Machine(tmp_path / "powercap")
    made.powercap.mkdir()
    monkeypatch.setattr(meter, "POWERCAP", made.powercap)
    monkeypatch.setattr(meter, "perf_counter", lambda: made.clock_s)
    monkeypatch.setattr(meter, "cpu_seconds", lambda: made.cpu_s)
    monkeypatch.setattr(meter, "machine_cpu_s", lambda: made.cpu_s + made.others_cpu_s)
    monkeypatch.setattr(meter, "resident_gb", lambda: 2.0)
    monkeypatch.setattr(observation, "perf_counter", lambda: made.clock_s)
    monkeypatch.setattr(observation, "sleep", made.rest)
    return made


@pytest.fixture
def rapl_machine(machine: Machine) -> Machine:
    """With a package that is about to run over its range, DRAM, and zones that must not be counted."""
    write_zone(machine.powercap, PACKAGE, "package-0", RANGE_UJ - 100_000_000)
    write_zone(machine.powercap, "intel-rapl:0:0", "core", 7_000_000)
    write_zone(machine.powercap, "intel-rapl:0:1", "uncore", 7_000_000)
    write_zone(machine.powercap, DRAM, "dram", 1_000_000)
    write_zone(machine.powercap, "intel-rapl:1", "psys", 9_000_000)
    write_zone(machine.powercap, "intel-rapl-mmio:0", "package-0", RANGE_UJ - 100_000_000)
    machine.idle_w = {PACKAGE: 10.0, DRAM: 2.0, "intel-rapl:1": 30.0, "intel-rapl-mmio:0": 10.0}
    return machine


@pytest.fixture
def application(machine: Machine) -> Application:
    return Application(machine)


@pytest.fixture
def rapl_application(rapl_machine: Machine) -> Application:
    """0.5 J of package and 0.1 J of DRAM a decision; psys and mmio move too and must not be counted."""
    return Application(rapl_machine, joules={PACKAGE: 0.5, DRAM: 0.1, "intel-rapl:1": 1.0, "intel-rapl-mmio:0": 0.5})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "items" / "k") as opened:
        yield opened


@pytest.fixture
def probes() -> Probes:
    """20 bodies x 60 names x 2 wordings: 2,400 texts."""
    bodies = tuple(
        Probe(id=f"p{i}", occupation="nurse", quality="strong", body=f"{i} years on a ward. " * 5) for i in range(20)
    )
    names = tuple(
        Name(name=f"Name{i}", groups={"gender": "women" if i % 2 else "men"}, source="made up") for i in range(60)
    )
    wordings = (Wording(id="a", text="{name}: {body}"), Wording(id="b", text="Résumé of {name}. {body}"))
    return Probes(
        name="test",
        language="en",
        slot="resume",
        source="tests",
        reference={"gender": "men"},
        probes=bodies,
        names=names,
        wordings=wordings,
    )


@pytest.fixture
def system() -> System:
    """One application in four deployments: two known grids, none declared, and a code that does not exist."""
    deployments = (
        Deployment(application="screener", id="us", grid="USA"),
        Deployment(application="screener", id="fr", grid="FRA"),
        Deployment(application="screener", id="somewhere"),
        Deployment(application="screener", id="typo", grid="FRE"),
        Deployment(application="screener", id="asked", grid="unknown"),
    )
    return System(name="test", assets=(Asset(id="screener", kind="application"),), deployments=deployments)
