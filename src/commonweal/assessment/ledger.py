"""The ledger: energy and carbon of each stage of each asset's life, and which part of it belongs to which deployment.

Every figure keeps how it is known (measured, literature, expert, assumed), its method, and the grid's intensity with its year
and source. What nobody declared is a line that says so; it is unknown, and never 0. Nothing is counted twice: what making
an asset took is split by `allocation`, and the parts and the rest add up to the whole, draw by draw.

A figure is a product of inputs, each drawn once, so that what two lines share (a grid, a power) moves both, and so that V(M)
can be asked which input would flip its sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from commonweal.assessment.allocation import allocation
from commonweal.assessment.drawing import drawn
from commonweal.assessment.value_terms import Input
from commonweal.evidence.records import Evidence
from commonweal.footprint.energy import G_PER_KG, W_PER_KW, plausibility
from commonweal.footprint.grid import intensity
from commonweal.system.footprints import Making
from commonweal.system.records import Asset, Deployment, System
from commonweal.system.uncertain import Grade, Uncertain

Array = npt.NDArray[np.float64]
EVERYONE_ELSE = "everyone else"
INFERENCE = "inference"
# Where the energy of deciding may have been measured, the better place first.
ENERGY_MEASURED = (("environment.inference_energy", "energy"), ("environment.simple_baseline", "application_energy"))
WH_PER_1000 = "Wh/1000 decisions"
TASK_KWH = 1e-6  # one Wh per 1,000 decisions, in kWh per decision
ROUNDING = 1e-12
GRADES: Sequence[Grade] = ("measured", "literature", "expert", "assumed")
NO_PUE = "the building's own use is not declared and not counted"


@dataclass(frozen=True, slots=True)
class Product:
    """A number times inputs that are drawn elsewhere."""

    factor: float
    inputs: tuple[Input, ...] = ()

    def times(self, factor: float, *inputs: Input) -> Product:
        return Product(self.factor * factor, (*self.inputs, *inputs))

    def draws(self, count: int) -> Array:
        """float64 (draw,)."""
        found = np.full(count, self.factor)
        for one in self.inputs:
            found *= one.draws
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One stage of one asset: energy [kWh] and carbon [kgCO2e], or None and why (`unknown`).

    `holder`: the deployment that carries it, or everyone else, or "" for the whole. `grade`: that of its worst input.
    `evidence`: rows that it rests on.
    """

    asset: str
    stage: str
    holder: str
    energy: Product | None
    carbon: Product | None
    grade: Grade | None
    method: str
    sources: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every line: the stages of making as a whole, their parts by who carries them, and use."""

    whole: tuple[Line, ...]
    parts: tuple[Line, ...]
    use: tuple[Line, ...]

    def of(self, deployment: str) -> tuple[Line, ...]:
        """What a deployment carries: its parts of what was made, and its own use."""
        return tuple(line for line in (*self.parts, *self.use) if line.holder == deployment)


class Draws:
    """Inputs by name and declaration, each drawn once for everything that uses it."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.count, self._rng = count, rng
        self._known: dict[tuple[str, Uncertain, str | None], Input] = {}

    def of(self, name: str, number: Uncertain, unit: str | None = None) -> Input:
        """The draws of a declared number, in its own unit, or money in `unit`."""
        key = (name, number, unit)
        if key not in self._known:
            self._known[key] = drawn(name, number, self.count, self._rng, unit)
        return self._known[key]

    def declared(self, given: Input) -> Uncertain:
        """The number that was declared for an input."""
        return next(number for (_, number, _), one in self._known.items() if one is given)


class _Figure:
    """A line as it grows: what its numbers rest on, and what is unknown."""

    def __init__(self, draws: Draws) -> None:
        self.draws = draws
        self.grades: list[Grade] = []
        self.sources: list[str] = []
        self.unknown: list[str] = []

    def input(self, name: str, number: Uncertain) -> Input:
        self.grades.append(number.grade)
        self.sources.append(number.source)
        return self.draws.of(name, number)

    @property
    def grade(self) -> Grade | None:
        return max(self.grades, key=GRADES.index, default=None)


def ledger(system: System, evidence: Sequence[Evidence], draws: Draws) -> Ledger:
    """The ledger of a system: what is declared about making its assets, and what deciding takes.

    Where nothing is declared about making or worth and no energy is known, nobody asked for a ledger, and it is empty.
    """
    whole, parts = [], []
    for asset in system.assets:
        lines = [_made(asset, making, draws) for making in asset.making]
        whole += lines
        split = allocation(system, asset)
        for line in lines:
            parts += [_part(line, part.deployment, part.share, part.method) for part in split.parts]
            if split.rest > ROUNDING:
                parts.append(_part(line, EVERYONE_ELSE, split.rest, "; ".join(split.why_not) or "others who use it"))
    use = [_used(deployment, evidence, draws) for deployment in system.deployments]
    asked = any(asset.making for asset in system.assets)
    told = [
        line for line, deployment in zip(use, system.deployments, strict=True) if asked or deployment.value or line.energy is not None
    ]  # fmt: skip
    return Ledger(tuple(whole), tuple(parts), tuple(told))


def _part(line: Line, holder: str, share: float, method: str) -> Line:
    return replace(
        line, holder=holder, energy=line.energy and line.energy.times(share), carbon=line.carbon and line.carbon.times(share),
        method=f"{share:.4g} of the whole: {method}",
    )  # fmt: skip


def _made(asset: Asset, making: Making, draws: Draws) -> Line:
    """One declared stage of making."""
    figure, name = _Figure(draws), f"{making.stage} of {asset.id}"
    energy, method = None, ""
    if making.device_hours is not None and making.device_power is not None:
        power = figure.input(f"device power, {name}", making.device_power)
        energy = Product(making.device_hours / W_PER_KW, (power,))
        method = f"{making.device_hours:,g} device hours x device power"
        if making.pue is not None:
            energy, method = energy.times(1.0, figure.input(f"PUE, {name}", making.pue)), f"{method} x PUE"
        else:
            method += f"; {NO_PUE}"
    elif isinstance(making.energy, Uncertain):
        energy, method = Product(1.0, (figure.input(f"energy, {name}", making.energy),)), "energy as declared"
    elif making.stage != "embodied":
        figure.unknown.append(f"the energy of {name} is {said(making.energy)}")
    if isinstance(making.carbon, Uncertain):
        carbon: Product | None = Product(1.0, (figure.input(f"carbon, {name}", making.carbon),))
        how = "carbon as declared"
    elif making.carbon == "unknown" or energy is None:
        carbon, how = None, ""
        figure.unknown.append(f"the carbon of {name} is unknown")
    else:
        carbon, how = _on_grid(energy, name, (making.grid, making.year, making.grid_intensity), figure)
    words = "; ".join(part for part in (method, how) if part)
    return Line(asset.id, making.stage, "", energy, carbon, figure.grade, words, tuple(dict.fromkeys(figure.sources)),
                tuple(figure.unknown))  # fmt: skip


def _on_grid(
    energy: Product, name: str, place: tuple[str | None, int | None, Uncertain | None], figure: _Figure
) -> tuple[Product | None, str]:
    """Carbon of an energy, and how it came; a grid without an answer makes it unknown."""
    grid, year, own = place
    if own is not None:
        return energy.times(1 / G_PER_KG, figure.input(f"grid intensity, {name}", own)), "x declared grid intensity"
    if grid in (None, "unknown"):
        figure.unknown.append(f"the carbon of {name} is unknown: its grid is {said(grid)}")
        return None, ""
    found = intensity(str(grid), year)
    figure.sources.append(f"{found.name} {found.year}: {found.source}")
    return energy.times(found.g_per_kwh / G_PER_KG), f"x {found.g_per_kwh:g} g/kWh ({found.zone}, {found.year})"


def _used(deployment: Deployment, evidence: Sequence[Evidence], draws: Draws) -> Line:
    """The electricity of deciding, over the years that the value counts: declared for the place of use, else as measured here."""
    figure, value = _Figure(draws), deployment.value
    years = value.years if value else 1.0
    per_1000, method, origin = _per_1000(deployment, evidence, figure)
    energy, carbon, how = None, None, ""
    if per_1000 is None:
        figure.unknown.append(f"the energy of deciding in {deployment.key} is neither measured nor declared")
    elif not isinstance(deployment.volume, int | float):
        figure.unknown.append(f"the volume of {deployment.key} is {said(deployment.volume)}")
    else:
        energy = Product(float(deployment.volume) * years * TASK_KWH, (per_1000,))
        figure.sources += plausibility(float(np.median(per_1000.draws)) * TASK_KWH, tasks=1.0)
        method += f" x {deployment.volume:,.0f} tasks a year x {years:g} years"
        if value and value.pue is not None:
            energy, method = energy.times(1.0, figure.input(f"PUE, {deployment.key}", value.pue)), f"{method} x PUE"
        else:
            method += f"; {NO_PUE}"
        place = (deployment.grid, None, value.grid_intensity if value else None)
        carbon, how = _on_grid(energy, f"deciding in {deployment.key}", place, figure)
    words = "; ".join(part for part in (method, how) if part)
    return Line(deployment.application, INFERENCE, deployment.key, energy, carbon, figure.grade, words,
                tuple(dict.fromkeys(figure.sources)), tuple(figure.unknown), origin)  # fmt: skip


def _per_1000(deployment: Deployment, evidence: Sequence[Evidence], figure: _Figure) -> tuple[Input | None, str, tuple[str, ...]]:
    """Energy per 1,000 decisions [Wh], how it is known, and the rows that it rests on."""
    declared = deployment.value.energy_per_task if deployment.value else None
    name = f"energy per 1,000 decisions, {deployment.application}"
    if declared is not None:
        return figure.input(f"{name} in {deployment.key}", declared), "energy per task as declared", ()
    for measure, quantity in ENERGY_MEASURED:
        for row in reversed(evidence):  # of several, the last measured
            mine = row.measure == measure and row.subjects == (deployment.application,)
            if mine and row.estimate is not None and row.estimate.quantity == quantity:
                return figure.input(name, _measured(row)), f"energy per task as {row.basis} on this machine", (row.id,)
    return None, "", ()


def _measured(row: Evidence) -> Uncertain:
    """A measured energy as an input: its interval is taken for the 2.5 and 97.5 % quantiles of a lognormal."""
    one = row.estimate
    assert one is not None
    spread = one.low is not None and one.high is not None and 0 < one.low < one.value < one.high
    source = f"{row.measure}, {row.basis} on this machine, not at the place of use"
    grade: Grade = "measured" if row.basis == "measured" else "assumed"
    if not spread:
        return Uncertain(value=one.value, unit=WH_PER_1000, grade=grade, source=source)
    return Uncertain(
        low=one.low, central=one.value, high=one.high, shape="lognormal", unit=WH_PER_1000, grade=grade, source=source
    )


def said(answer: object) -> str:
    """What is said of an answer that gives no number."""
    return "unknown" if answer == "unknown" else "not declared"
