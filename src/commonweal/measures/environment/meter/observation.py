"""The edge: let an application decide block after block, read the meter around each, and write each block down at once.

A warm-up that does not count finds how many decisions take about a second. Where a counter exists, the resting machine
is read before and after. Each block and each rest is one item of the journal, so a run that was killed goes on at the
next one, and none is measured twice.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, sleep

from commonweal.evidence.journal import Item, Journal
from commonweal.evidence.store import digest
from commonweal.measures.environment.meter.busy_machine import busy_note
from commonweal.measures.environment.meter.cases import distinct_cases, sample_cases
from commonweal.measures.environment.meter.meter import Meter, Spent
from commonweal.measures.environment.meter.power_model import MeteredBlock
from commonweal.measures.probes.records import Probes
from commonweal.models.protocols import DecisionApplication

# Choices of design, not constants of nature: six blocks give five degrees of freedom for the interval; a second is a
# thousand updates of RAPL (about 1 ms) and ten or more of NVML, and bounds the whole to about ten seconds.
BLOCKS = 6
BLOCK_S = 1.0
REST_S = 1.0
WARM_UP_S = 0.25
MOST_IN_A_BLOCK = 20_000
COMPONENTS = ("CPU", "memory", "GPU")


@dataclass(frozen=True, slots=True)
class Observation:
    """The blocks of one application on one machine, the resting power of what was read [W], and whether texts came
    twice.
    """

    blocks: tuple[MeteredBlock, ...]
    idle_w: Mapping[str, tuple[float, ...]]
    repeated: bool

    @property
    def decisions(self) -> int:
        return sum(block.decisions for block in self.blocks)

    @property
    def wall_s(self) -> float:
        return sum(block.wall_s for block in self.blocks)

    @property
    def cpu_s(self) -> float:
        return sum(block.cpu_s for block in self.blocks)

    @property
    def busy_note(self) -> str:
        """A warning that other programs kept this machine busy; "" where they did not, or the system does not report
        it.
        """
        others = [block.others_cpu_s for block in self.blocks]
        known = None if None in others else sum(filter(None, others))
        return busy_note(known, self.wall_s, os.cpu_count() or 1)


def observe(application: DecisionApplication, probes: Probes, meter: Meter, journal: Journal) -> Observation:
    """Every block and rest: read back where an earlier run on this machine wrote it, else measured."""
    machine = machine_key(meter)
    rests = [_rest(meter, journal, f"{machine}/rest-before")] if meter.counters else []
    blocks = _blocks(application, probes, meter, journal, machine)
    if meter.counters:
        rests.append(_rest(meter, journal, f"{machine}/rest-after"))
    idle_w = {
        component: tuple(rest.joules[component] / rest.wall_s for rest in rests if component in rest.joules)
        for component in meter.tiers()
    }
    repeated = sum(block.decisions for block in blocks) > distinct_cases(probes)
    return Observation(blocks, {component: watts for component, watts in idle_w.items() if watts}, repeated)


def machine_key(meter: Meter) -> str:
    """A hash of the processor, the device and how they are read: blocks of two machines are never averaged."""
    return digest(_processor(), os.cpu_count(), meter.device, sorted(meter.tiers().items()))[:8]


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _blocks(
    application: DecisionApplication, probes: Probes, meter: Meter, journal: Journal, machine: str
) -> tuple[MeteredBlock, ...]:
    keys = [f"{machine}/block-{number}" for number in range(BLOCKS)]
    waiting = [number for number, key in enumerate(keys) if key not in journal]
    if waiting:
        warm = _warm_up(application, probes)
        size = next((int(journal[key]["decisions"]) for key in keys if key in journal), warm)
    for number in waiting:
        cases = sample_cases(probes, size, start=number * size)
        spent = _spent(meter, partial(application.decide, cases))
        journal.append([_item(keys[number], size, spent)])
    return tuple(_block(journal[key]) for key in keys)


def _warm_up(application: DecisionApplication, probes: Probes) -> int:
    """Decide without counting, twice as many each time, until it takes long enough; the number that fills a block."""
    start, count = distinct_cases(probes) // 2, 1
    application.decide(sample_cases(probes, 1, start))
    while True:
        cases = sample_cases(probes, count, start)
        began = perf_counter()
        application.decide(cases)
        elapsed = perf_counter() - began
        if elapsed >= WARM_UP_S or count >= MOST_IN_A_BLOCK:
            return min(max(round(count * BLOCK_S / elapsed), 1), MOST_IN_A_BLOCK)
        start, count = start + count, count * 2


def _rest(meter: Meter, journal: Journal, key: str) -> MeteredBlock:
    if key not in journal:
        journal.append([_item(key, 0, _spent(meter, partial(sleep, REST_S)))])
    return _block(journal[key])


def _spent(meter: Meter, work: Callable[[], object]) -> Spent:
    before = meter.read()
    work()
    return meter.spent(before, meter.read())


def _item(key: str, decisions: int, spent: Spent) -> Item:
    joules = {f"{component}_joules": spent.joules.get(component) for component in COMPONENTS}
    amounts = {
        "wall_s": spent.wall_s,
        "cpu_s": spent.cpu_s,
        "memory_gb": spent.memory_gb,
        "others_cpu_s": spent.others_cpu_s,
    }
    return {"key": key, "decisions": decisions, **amounts, **joules}


def _block(item: Item) -> MeteredBlock:
    joules = {
        component: item[f"{component}_joules"] for component in COMPONENTS if item[f"{component}_joules"] is not None
    }
    return MeteredBlock(
        int(item["decisions"]), item["wall_s"], item["cpu_s"], item["memory_gb"], joules, item["others_cpu_s"]
    )
