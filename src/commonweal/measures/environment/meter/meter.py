"""A thin meter: the energy and CPU time that this machine itself reports.

Two readings, one before and one after, and their difference. Counters are the processor's own (RAPL: package and
DRAM, in /sys/class/powercap) and the GPU's (NVML, see nvml.py). A device that cannot be read is listed in `unread`
with its reason, and never counts as 0 J.

What this module does not do: it models nothing, and it does not know which process drew the energy. RAPL and NVML
count the whole package, DRAM or GPU, other people's work included.

Source
------
Linux kernel, Documentation/power/powercap/powercap.rst and Documentation/ABI/testing/sysfs-class-powercap (names,
`energy_uj`, `max_energy_range_uj`); Intel SDM vol. 3B, "RAPL interfaces": core and uncore lie inside the package, DRAM
beside it, and psys covers the platform with the packages in it, so only packages and DRAM are added up.
"""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Literal, Self

from commonweal.measures.environment.meter.busy_machine import machine_cpu_s
from commonweal.measures.environment.meter.nvml import open_gpu

Component = Literal["CPU", "memory", "GPU"]
Tier = Literal["counter", "sampled"]
POWERCAP = Path("/sys/class/powercap")
# `intel-rapl` also serves AMD; `intel-rapl-mmio` repeats the same packages and would count them twice.
ZONE = re.compile(r"^intel-rapl:\d+(:\d+)?$")
# The largest TDP among 4,899 processors of codecarbon's cpu_power.csv (AMD EPYC 9965, Intel Xeon 6980P): how fast a
# package can run through the range of its counter.
LARGEST_PACKAGE_W = 500.0
# How RAPL files become readable: since Linux 5.10 only root may read them (CVE-2020-8694).
READABLE = "only root may read it; to allow it: sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj"


@dataclass(frozen=True, slots=True)
class Counter:
    """An energy counter [µJ] of one device; it starts again from 0 after `range_uj` (None: never)."""

    component: Component
    device: str
    tier: Tier
    read: Callable[[], int]
    range_uj: int | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A device that nothing here can read, and why. Its energy is unknown."""

    component: Component
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading: clock [s], CPU seconds of this process and its finished children [s], counters [µJ], CPU seconds
    of all [s].
    """

    at_s: float
    cpu_s: float
    counters_uj: tuple[int | None, ...]
    machine_cpu_s: float | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent between two readings; a component that was not read is absent from `joules`.

    `others_cpu_s`: CPU time of everything but this process [s], None where the system does not tell.
    """

    wall_s: float
    cpu_s: float
    memory_gb: float
    joules: Mapping[str, float]
    others_cpu_s: float | None = None


def counter_joules(start_uj: int | None, end_uj: int | None, range_uj: int | None, wall_s: float) -> float | None:
    """Energy between two readings of a counter, (end - start) modulo its range [J]; None where that cannot be known.

    None when a reading is missing, when the counter did not move (some virtual machines show one that never does),
    and when so much time passed that it may have run round more than once.

    >>> counter_joules(1_000_000, 4_000_000, 10_000_000, wall_s=0.001)
    3.0
    >>> counter_joules(9_000_000, 2_000_000, 10_000_000, wall_s=0.001)  # once round
    3.0
    >>> counter_joules(5, 5, 10_000_000, wall_s=0.001) is None
    True
    """
    if start_uj is None or end_uj is None or start_uj == end_uj:
        return None
    if range_uj is None:
        return None if end_uj < start_uj else (end_uj - start_uj) / 1e6
    if wall_s > range_uj / 1e6 / LARGEST_PACKAGE_W:
        return None
    return ((end_uj - start_uj) % range_uj) / 1e6


def spent_joules(counters: Sequence[Counter], before: Snapshot, after: Snapshot) -> dict[str, float]:
    """Energy per component [J]; a component is absent when any of its devices cannot be read, for a part is no sum."""
    wall_s = after.at_s - before.at_s
    joules: dict[str, float] = {}
    broken: set[str] = set()
    for counter, start, end in zip(counters, before.counters_uj, after.counters_uj, strict=True):
        energy = counter_joules(start, end, counter.range_uj, wall_s)
        if energy is None:
            broken.add(counter.component)
        else:
            joules[counter.component] = joules.get(counter.component, 0.0) + energy
    return {component: energy for component, energy in joules.items() if component not in broken}


def others_cpu_s(before: Snapshot, after: Snapshot) -> float | None:
    """CPU time of other processes between two readings [s]; None where the system does not report it."""
    if before.machine_cpu_s is None or after.machine_cpu_s is None:
        return None
    return max(0.0, after.machine_cpu_s - before.machine_cpu_s - (after.cpu_s - before.cpu_s))


def cpu_seconds() -> float:
    """User and system CPU seconds of this process and of its finished children [s]."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def resident_gb() -> float:
    """Memory that this process holds now [GB]; its peak where the system reports only that (macOS)."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


def rapl_counters(powercap: Path) -> tuple[list[Counter], list[Unread]]:
    """The packages and DRAM that RAPL counts here. Core, uncore and psys are left out: they would count twice."""
    zones = sorted(path for path in powercap.iterdir() if ZONE.match(path.name)) if powercap.is_dir() else []
    readable: list[Counter] = []
    unread: list[Unread] = []
    for component, belongs in DOMAINS:
        try:
            counters = [_zone_counter(component, zone) for zone in zones if belongs(_zone_name(zone))]
        except (OSError, ValueError) as error:
            why = READABLE if isinstance(error, PermissionError) else str(error)
            unread.append(Unread(component, f"its RAPL counter cannot be read ({why})"))
            continue
        packages = sum(_is_package(_zone_name(zone)) for zone in zones)
        if not counters:
            unread.append(Unread(component, f"no RAPL counter for it in {powercap}"))
        elif len(counters) < packages:
            unread.append(Unread(component, f"RAPL counts it for {len(counters)} of {packages} packages only"))
        else:
            readable += counters
    return readable, unread


def _is_package(name: str) -> bool:
    return name.startswith("package")


def _is_dram(name: str) -> bool:
    return name == "dram"


def _zone_name(zone: Path) -> str:
    return (zone / "name").read_text().strip()


def _zone_counter(component: Component, zone: Path) -> Counter:
    def read() -> int:
        return int((zone / "energy_uj").read_text())

    read()
    return Counter(component, zone.name, "counter", read, int((zone / "max_energy_range_uj").read_text()))


DOMAINS: tuple[tuple[Component, Callable[[str], bool]], ...] = (("CPU", _is_package), ("memory", _is_dram))


class Meter:
    """Reads this machine's devices. Use it as a context: a GPU's library is opened and closed with it.

    Parameters
    ----------
    device : where the application computes, `cpu` or `cuda` or `cuda:1`; a GPU is read only where one is used.
    powercap : the folder of RAPL; another one in tests.
    """

    def __init__(self, device: str, powercap: Path | None = None) -> None:
        self.device = device
        self.counters: list[Counter] = []
        self.unread: list[Unread] = []
        self._powercap = POWERCAP if powercap is None else powercap
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.counters, self.unread = rapl_counters(self._powercap)
        if self.device != "cpu":
            gpu = open_gpu(self.device, self._stack)
            if isinstance(gpu, str):
                self.unread.append(Unread("GPU", gpu))
            else:
                self.counters.append(Counter("GPU", self.device, gpu.tier, gpu.read_uj))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def read(self) -> Snapshot:
        """One reading of the clock, the CPU seconds and every counter."""
        return Snapshot(
            perf_counter(), cpu_seconds(), tuple(_reading(counter) for counter in self.counters), machine_cpu_s()
        )

    def spent(self, before: Snapshot, after: Snapshot) -> Spent:
        """What was spent between two readings."""
        joules = spent_joules(self.counters, before, after)
        cpu_s = after.cpu_s - before.cpu_s
        return Spent(after.at_s - before.at_s, cpu_s, resident_gb(), joules, others_cpu_s(before, after))

    def tiers(self) -> dict[str, Tier]:
        """How each component that can be read is read."""
        return {counter.component: counter.tier for counter in self.counters}


def _reading(counter: Counter) -> int | None:
    try:
        return counter.read()
    except (OSError, ValueError):
        return None
