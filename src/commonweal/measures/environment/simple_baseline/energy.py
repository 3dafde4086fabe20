"""Energy of an application and of a linear baseline from their blocks, their ratio, and the energy of training.

Blocks in, rows out.

The watts per busy thread and per gigabyte, which are known only to a range, are drawn once for all three: both ran on
the same machine, so what is not known about it cancels in their ratio.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from commonweal.errors import MeasurementError
from commonweal.evidence.records import Basis, Estimate, Missing
from commonweal.measures.environment.meter.components import ComponentValue, known_parts
from commonweal.measures.environment.meter.meter import Meter
from commonweal.measures.environment.meter.observation import Observation
from commonweal.measures.environment.meter.power_model import PER, block_weights
from commonweal.measures.environment.simple_baseline.side_by_side import SideBySide

SHARED_MEMORY = (
    "The memory is that of the whole process, in which the application lies too, so the baseline by itself takes "
    "somewhat less. "
)


@dataclass(frozen=True, slots=True)
class UnknownEnergy:
    """Why an energy is unknown, and whether it could not be had here at all, or was not read."""

    reason: str
    status: Literal["not_applicable", "failed"] = "failed"


ELSEWHERE = UnknownEnergy("the application runs elsewhere: no device of its can be read from here", "not_applicable")
NOTHING_READ = UnknownEnergy("the meter read nothing; what was too small to be read is unknown, not 0")


@dataclass(frozen=True, slots=True)
class Energies:
    """Energy per 1,000 decisions [Wh] of both, their ratio, and the energy of training [Wh]."""

    application: ComponentValue | UnknownEnergy
    baseline: ComponentValue | UnknownEnergy
    training: ComponentValue | UnknownEnergy
    ratio: ComponentValue | UnknownEnergy


def energies(seen: SideBySide, learned_from: int, rng: np.random.Generator) -> Energies:
    """The energies of a run; `learned_from`: how many texts the baseline would learn from in use."""
    seed = int(rng.integers(2**32))
    own, plain = seen.meters
    application = ELSEWHERE if seen.application is None else _total(seen.application, own, seed, rng)
    baseline, trained = _total(seen.baseline, plain, seed, rng), _total(seen.training, plain, seed, rng)
    if isinstance(baseline, ComponentValue):
        baseline = replace(baseline, note=SHARED_MEMORY + baseline.note)
    if isinstance(trained, ComponentValue):
        method = (
            f"five trainings on four fifths of the texts each, per text, times {learned_from:,} texts; {trained.method}"
        )
        trained = replace(trained, figure=trained.figure.times(learned_from / PER), method=method)
    return Energies(application, baseline, trained, _ratio(application, baseline))


def _total(seen: Observation, meter: Meter, seed: int, rng: np.random.Generator) -> ComponentValue | UnknownEnergy:
    """All components together, per 1,000; or why that is unknown."""
    try:
        parts = known_parts(seen, meter, block_weights(len(seen.blocks), rng), np.random.default_rng(seed))
    except MeasurementError as error:
        return UnknownEnergy(str(error))
    if parts.unknown is not None:
        return UnknownEnergy(parts.unknown)
    total = parts.total() if all(part.figure.value > 0 for part in parts.known) else None
    return NOTHING_READ if total is None else replace(total, note=total.note + seen.busy_note)


def _ratio(
    application: ComponentValue | UnknownEnergy, baseline: ComponentValue | UnknownEnergy
) -> ComponentValue | UnknownEnergy:
    if isinstance(application, UnknownEnergy):
        return replace(application, reason=f"the application's energy is unknown: {application.reason}")
    if isinstance(baseline, UnknownEnergy):
        return replace(baseline, reason=f"the baseline's energy is unknown: {baseline.reason}")
    basis: Basis = "measured" if application.basis == baseline.basis == "measured" else "modelled"
    note = "Both on this machine, in turn; what is known of its power only to a range was drawn once for both."
    return ComponentValue(
        "all",
        application.figure.per(baseline.figure),
        basis,
        "application over baseline; Monte Carlo over constants and blocks",
        note,
    )


def energy_rows(seen: SideBySide, found: Energies) -> Iterator[Estimate | Missing]:
    """The ratio, both energies, and that of training."""
    done = seen.application or seen.baseline
    yield _row("energy_ratio", "1", found.ratio, done)
    yield _row("application_energy", "Wh/1000 decisions", found.application, done)
    yield _row("baseline_energy", "Wh/1000 decisions", found.baseline, seen.baseline)
    yield _row("baseline_training_energy", "Wh", found.training, seen.training)


def _row(quantity: str, unit: str, part: ComponentValue | UnknownEnergy, seen: Observation) -> Estimate | Missing:
    if isinstance(part, UnknownEnergy):
        return Missing(quantity=quantity, status=part.status, reason=part.reason)
    low, high = part.figure.bounds()
    return Estimate(
        quantity=quantity,
        unit=unit,
        value=part.figure.value,
        low=low,
        high=high,
        interval="uncertainty",
        n=seen.decisions,
        clusters=len(seen.blocks),
        method=part.method,
        note=part.note,
        basis=part.basis,
    )
