"""Energy and carbon of an application's decisions, measured where this machine can be read, else modelled.

See meter.py (what is read), observation.py (blocks of decisions), power_model.py (from blocks to energy), components.py
(what is known, and how) and grid.py (carbon).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from numpy.random import Generator

from commonweal.errors import MeasurementError, NotApplicable
from commonweal.evidence.journal import Journal
from commonweal.evidence.records import Estimate, Missing, Quantity
from commonweal.footprint.grid_intensity import of_some_year
from commonweal.footprint.sampling import draws
from commonweal.measures.environment.meter.components import ComponentValue, Parts, known_parts
from commonweal.measures.environment.meter.meter import Meter
from commonweal.measures.environment.meter.observation import Observation, observe
from commonweal.measures.environment.meter.power_model import (
    JOULES_PER_WH,
    MonteCarlo,
    above_idle_wh,
    block_weights,
    run_time_s,
)
from commonweal.measures.probes.records import Probes
from commonweal.measures.registry import measure
from commonweal.models.protocols import DecisionApplication
from commonweal.system.records import Deployment, System

ENERGY = "Wh/1000 decisions"
CARBON = "gCO2e/1000 decisions"
RUN_TIME = "s/1000 decisions"


@measure(
    source="Henderson et al. 2020, JMLR 21(248): energy of a program by RAPL, NVML and its CPU time; blocks, idle "
    "baseline and ranges of the power model: commonweal",
    cluster="block of decisions",
    version=3,
    statement_part="read_here",
    quantities={
        "energy": Quantity(
            unit=ENERGY, label="Energy", about="all components that did the work, gross", role="decision_energy"
        ),
        "energy_by_component": Quantity(
            unit=ENERGY, label="Energy by component", about="gross; each with its own basis"
        ),
        "energy_above_idle": Quantity(
            unit=ENERGY, label="Energy above idle", about="of what was read: gross less idle"
        ),
        "idle_power": Quantity(unit="W", label="Idle power", about="of what was read, before and after deciding"),
        "power": Quantity(unit="W", label="Mean power", about="energy / run time"),
        "run_time": Quantity(unit=RUN_TIME, label="Run time", about="wall clock"),
        "carbon": Quantity(unit=CARBON, label="Carbon", about="of this energy, at the deployment's grid intensity"),
    },
    warnings=(
        "The energy is that of this machine. Where the application is deployed on other hardware, it is not measured "
        "there.",
        "Only the electricity of deciding is counted: not training, not making the hardware, not the building around "
        "it.",
    ),
)
def inference_energy(
    application: DecisionApplication, probes: Probes, system: System, journal: Journal, rng: Generator
) -> Iterator[Estimate | Missing]:
    """Energy per 1,000 decisions, E = mean power x run time [Wh], and its carbon on the grid of each deployment.

    Six blocks of about a second each are decided after a warm-up that does not count. A processor or GPU with an energy
    counter is read (basis `measured`). Else the energy is modelled from CPU seconds and memory held (basis `modelled`)
    with constants known only to a range, and the interval spans about a factor of seven. What is neither read nor
    modelled is unknown, never 0: without the GPU that did the work there is no total and no carbon. Where other
    programs used more than a tenth of the machine's CPU time meanwhile, the run time and the energy say so.

    A low number does not show that the use is worth its energy, nor that a smaller model would not do.

    Source
    ------
    Henderson et al. 2020, JMLR 21(248). Constants: power_model.py. Grid intensities: grid_intensity.csv, per row.
    """
    if not application.runs_here:
        raise NotApplicable("runs elsewhere: no device of its can be read from here")
    with Meter(application.device) as meter:
        seen = observe(application, probes, meter, journal)
    weights = block_weights(len(seen.blocks), rng)
    time_s = run_time_s(seen.blocks, weights)
    parts = known_parts(seen, meter, weights, rng)
    yield _run_time(seen, time_s)
    yield from _energy(seen, parts, time_s)
    for part in parts.known:
        yield _estimate("energy_by_component", ENERGY, part, seen, {"component": part.component})
        yield from _idle(seen, part, time_s, rng)
    deployments = system.deployments_of(application.name)
    if not deployments:
        reason = f"no deployment of '{application.name}' is declared, so there is no grid"
        yield Missing(quantity="carbon", status="not_applicable", reason=reason)
    for deployment in deployments:
        yield _carbon(seen, parts, deployment, rng)


def _estimate(
    quantity: str, unit: str, part: ComponentValue, seen: Observation, group: dict[str, str] | None = None
) -> Estimate:
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
        group=group,
        note=part.note,
        basis=part.basis,
    )


def _run_time(seen: Observation, time_s: MonteCarlo) -> Estimate:
    again = " There are fewer texts than decisions, so some were asked again." if seen.repeated else ""
    note = f"Asked in batches of {seen.blocks[0].decisions}, after a warm-up.{again}{seen.busy_note}"
    part = ComponentValue(
        "all", time_s, "measured", f"wall clock; mean of blocks, Student's t by {len(time_s.draws)} draws", note
    )
    return _estimate("run_time", RUN_TIME, part, seen).model_copy(update={"interval": "confidence"})


def _energy(seen: Observation, parts: Parts, time_s: MonteCarlo) -> Iterator[Estimate | Missing]:
    """The total and the mean power; power x run time is the energy, exactly."""
    if parts.unknown is not None:
        yield from (
            Missing(quantity=quantity, status="failed", reason=parts.unknown) for quantity in ("energy", "power")
        )
        return
    total = parts.total()
    yield _estimate("energy", ENERGY, replace(total, note=total.note + seen.busy_note), seen)
    power_w = total.figure.times(JOULES_PER_WH).per(time_s)
    equation = f"{power_w.value:.3g} W x {time_s.value:.3g} s / 3600 = {total.figure.value:.3g} Wh per 1,000 decisions."
    yield _estimate("power", "W", ComponentValue("all", power_w, total.basis, "energy / run time", equation), seen)


def _idle(seen: Observation, part: ComponentValue, time_s: MonteCarlo, rng: Generator) -> Iterator[Estimate]:
    """Idle power, and energy above idle, of a component that was read."""
    idle_w = seen.idle_w.get(part.component)
    if idle_w is None or part.basis != "measured":
        return
    group = {"component": part.component}
    words = f"idle power {min(idle_w):.3g} to {max(idle_w):.3g} W, read before and after the decisions"
    yield Estimate(
        quantity="idle_power",
        unit="W",
        value=(min(idle_w) + max(idle_w)) / 2,
        low=min(idle_w),
        high=max(idle_w),
        interval="range",
        n=len(idle_w),
        method="middle of the readings at rest",
        group=group,
        basis="measured",
        note="Of the whole device: other programs that ran are in it.",
    )
    above = above_idle_wh(part.figure, time_s, idle_w, rng)
    note = f"Above idle: {part.figure.value:.3g} Wh gross less {words}."
    yield _estimate(
        "energy_above_idle",
        ENERGY,
        ComponentValue("", above, "measured", "gross - idle power x run time", note),
        seen,
        group,
    )


def _carbon(seen: Observation, parts: Parts, deployment: Deployment, rng: Generator) -> Estimate | Missing:
    """Carbon on the grid of one deployment; without a declared and known grid it is unknown, not 0."""
    group = {"deployment": deployment.key}
    if deployment.grid is None or deployment.grid == "unknown":
        said = "declares no grid" if deployment.grid is None else "declares its grid as unknown"
        reason = (
            f"deployment '{deployment.key}' {said}: carbon is unknown, not 0. Declare it as `grid: FRA` (ISO 3166 "
            "alpha-3)"
        )
        return Missing(quantity="carbon", status="skipped", reason=reason, group=group)
    group["grid"] = deployment.grid
    if parts.unknown is not None:
        return Missing(quantity="carbon", status="failed", reason=parts.unknown, group=group)
    try:
        grid = of_some_year(deployment.grid)
    except MeasurementError as error:
        return Missing(
            quantity="carbon", status="failed", reason=f"deployment '{deployment.key}': {error}", group=group
        )
    total = parts.total()
    kg_per_kwh = draws(grid, total.figure.draws.size, rng) / 1000
    figure = MonteCarlo(total.figure.value * grid.middle / 1000, total.figure.draws * kg_per_kwh)
    low, high = grid.ends
    note = (
        f"{grid.middle:g} gCO2e/kWh ({low:g} to {high:g}): {grid.source}. "
        "Energy of this machine, as if drawn from that grid; PUE is not counted."
    )
    part = ComponentValue("all", figure, "modelled", "energy x grid intensity", note)
    return _estimate("carbon", CARBON, part, seen, group)
