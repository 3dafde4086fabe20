"""Which component's energy is known, and how: read by a counter, sampled, modelled, or unknown.

CPU and memory are modelled where nothing reads them. A GPU is not: its power runs from a few watts to many hundred, and
a model of it would be a guess. Without the GPU that did the work there is no total.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from commonweal.errors import MeasurementError
from commonweal.evidence.records import Basis
from commonweal.measures.environment.meter.meter import Meter
from commonweal.measures.environment.meter.observation import Observation
from commonweal.measures.environment.meter.power_model import (
    DRAWS,
    WATTS_PER_GB,
    WATTS_PER_THREAD,
    Array,
    Factor,
    MonteCarlo,
    cpu_model_wh,
    memory_model_wh,
    read_wh,
)

# A choice: an application that keeps a processor busy for less than this share of its time waits for something else, a
# service or a process that is not ours, whose energy is not in our CPU seconds.
LEAST_BUSY = 0.05
MODEL_OF = {"CPU": "CPU seconds of this process", "memory": "memory that this process holds x time"}
STILL = "its counter did not answer, did not move, or may have run round more than once, in some block"
WHOLE_DEVICE = "Counts the whole device: its idle power and other programs are included."
NOT_COUNTED = (
    "Not counted: the building's cooling and power supply (PUE), disks, network, fans, and the error of the meters "
    "themselves."
)


@dataclass(frozen=True, slots=True)
class ComponentValue:
    """One figure of one component, or of all, and how it is known: by default its energy per 1,000 decisions [Wh]."""

    component: str
    figure: MonteCarlo
    basis: Basis
    method: str
    note: str


@dataclass(frozen=True, slots=True)
class Parts:
    """Every component that is known. `unknown`: why there is no total; None where there is one."""

    known: tuple[ComponentValue, ...]
    unknown: str | None

    def total(self) -> ComponentValue:
        """All components together; `measured` only if each of them is."""
        wh = self.known[0].figure
        for part in self.known[1:]:
            wh = wh + part.figure
        shares = [f"{part.component} {part.figure.value / wh.value:.0%} ({part.basis})" for part in self.known]
        basis: Basis = "measured" if all(part.basis == "measured" for part in self.known) else "modelled"
        method = f"sum over components; Monte Carlo over constants and blocks, {DRAWS} draws"
        return ComponentValue("all", wh, basis, method, f"{', '.join(shares)}. {NOT_COUNTED}")


def known_parts(seen: Observation, meter: Meter, weights: Array, rng: Generator) -> Parts:
    """The energy of each component that can be known."""
    reasons = {unread.component: unread.reason for unread in meter.unread}
    uses_gpu = meter.device != "cpu"
    read = {component: read_wh(seen.blocks, component, weights) for component in ("CPU", "memory", "GPU")}
    known = [_read(component, wh, meter) for component, wh in read.items() if wh is not None]
    if read["CPU"] is None:
        why = reasons.get("CPU", STILL)
        if not uses_gpu:
            _check_busy(seen, why)
        known.append(_modelled("CPU", cpu_model_wh(seen.blocks, weights, rng), WATTS_PER_THREAD, why))
    if read["memory"] is None:
        why = reasons.get("memory", STILL)
        known.append(_modelled("memory", memory_model_wh(seen.blocks, weights, rng), WATTS_PER_GB, why))
    unknown = None
    if uses_gpu and read["GPU"] is None:
        unknown = f"the device '{meter.device}' did the work and its energy is unknown: {reasons.get('GPU', STILL)}"
    return Parts(tuple(sorted(known, key=lambda part: part.component)), unknown)


def _check_busy(seen: Observation, why: str) -> None:
    if seen.cpu_s < LEAST_BUSY * seen.wall_s:
        raise MeasurementError(
            f"this process was busy for {seen.cpu_s:.2f} s of {seen.wall_s:.2f} s, so another process or machine does "
            f"the work, and no counter tells what that drew ({why}). The energy is unknown"
        )


def _read(component: str, wh: MonteCarlo, meter: Meter) -> ComponentValue:
    how = "energy counter" if meter.tiers()[component] == "counter" else "sampled power, summed over time"
    return ComponentValue(
        component, wh, "measured", f"{how}; mean of blocks, Student's t by {DRAWS} draws", WHOLE_DEVICE
    )


def _modelled(component: str, wh: MonteCarlo, factor: Factor, why: str) -> ComponentValue:
    amount = MODEL_OF[component]
    note = f"Modelled, since {why}. {amount} x {factor.words()}, an assumed range: {factor.source}."
    method = f"{amount} x {factor.unit}; Monte Carlo over the range and the blocks, {DRAWS} draws"
    return ComponentValue(component, wh, "modelled", method, note)
