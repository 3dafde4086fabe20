"""The ledger: energy and carbon of each stage of each asset's life, and which part of it belongs to which deployment.

Every figure keeps how it is known (measured, literature, expert, assumed), its method, and the grid's intensity with its year
and source. What nobody declared is a line that says so; it is unknown, and never 0. Nothing is counted twice: what making
an asset took is split by `allocation`, and the parts and the rest add up to the whole, draw by draw.

A figure is a product of inputs, each drawn once, so that what two lines share (a grid, a power) moves both, and so that V(M)
can be asked which input would flip its sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from commonweal.assessment.allocation import allocation
from commonweal.assessment.drawing import drawn, of_interval
from commonweal.assessment.value_terms import Input
from commonweal.evidence.records import Evidence
from commonweal.footprint.energy import G_PER_KG, W_PER_KW
from commonweal.footprint.grid import FIRST_TRAINED, intensity, of_some_year
from commonweal.system.footprints import Making
from commonweal.system.records import Asset, Deployment, System
from commonweal.system.uncertain import Grade, Uncertain

Array = npt.NDArray[np.float64]
EVERYONE_ELSE = "everyone else"
UNALLOCATED = "nobody yet: the share is not declared"
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

    `name`: the stage, with a number where the asset has several of its kind. `holder`: the deployment that carries it, or
    everyone else, or nobody yet where no share is declared, or "" for the whole. `energy_grade`, `carbon_grade`: that of the
    worst input. `evidence`: rows that it rests on.
    """

    asset: str
    stage: str
    name: str
    holder: str
    energy: Product | None
    carbon: Product | None
    energy_grade: Grade | None
    carbon_grade: Grade | None
    method: str
    sources: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.name} of {self.asset}"

    @property
    def grade(self) -> Grade | None:
        """The worst of its grades."""
        return worst(one for one in (self.energy_grade, self.carbon_grade) if one is not None)


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
    """Inputs by kind and declaration, each drawn once for everything that uses it.

    A kind is what a number is about: a grid's intensity, a PUE, the power of a device, the energy of a decision of one
    application. The same number, grade and source of one kind in two places is one fact, and so one draw.
    """

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.count, self._rng = count, rng
        self._known: dict[tuple[str, Uncertain, str | None], Input] = {}

    def of(self, kind: str, number: Uncertain, unit: str | None = None, place: str = "") -> Input:
        """The draws of a declared number, in its own unit, or money in `unit`; named after the first place that uses it."""
        key = (kind, number, unit)
        if key not in self._known:
            self._known[key] = drawn(f"{kind}, {place}" if place else kind, number, self.count, self._rng, unit)
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

    def input(self, kind: str, number: Uncertain, place: str = "") -> Input:
        self.grades.append(number.grade)
        self.sources.append(number.source)
        return self.draws.of(kind, number, place=place)

    @property
    def grade(self) -> Grade | None:
        return worst(self.grades)


def worst(grades: Iterable[Grade]) -> Grade | None:
    """The least sure of some grades; None of none."""
    return max(grades, key=GRADES.index, default=None)


def ledger(system: System, evidence: Sequence[Evidence], draws: Draws) -> Ledger:
    """The ledger of a system: what is declared about making its assets, and what deciding takes.

    Where nothing is declared about making or worth and no energy is known, nobody asked for a ledger, and it is empty.
    """
    whole, parts = [], []
    for asset in system.assets:
        lines = [_made(asset, name, making, draws) for name, making in asset.stages.items()]
        whole += lines
        split = allocation(system, asset)
        for line in lines:
            parts += [_part(line, part.deployment, part.share, part.method) for part in split.parts]
            if split.rest > ROUNDING:
                holder = UNALLOCATED if split.why_not else EVERYONE_ELSE
                parts.append(_part(line, holder, split.rest, "; ".join(split.why_not) or "others who use it"))
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


def _made(asset: Asset, name: str, making: Making, draws: Draws) -> Line:
    """One declared stage of making."""
    figure, title = _Figure(draws), f"{name} of {asset.id}"
    energy, method = None, ""
    if making.device_hours is not None and making.device_power is not None:
        power = figure.input("device power", making.device_power, title)
        energy = Product(making.device_hours / W_PER_KW, (power,))
        method = f"{making.device_hours:,g} device hours x device power"
        if making.pue is not None:
            energy, method = energy.times(1.0, figure.input("PUE", making.pue, title)), f"{method} x PUE"
        else:
            method += f"; {NO_PUE}"
    elif isinstance(making.energy, Uncertain):
        energy, method = Product(1.0, (figure.input(f"energy, {title}", making.energy),)), "energy as declared"
    elif making.stage != "embodied":
        figure.unknown.append(f"the energy of {title} is {said(making.energy)}")
    energy_grade = figure.grade
    if isinstance(making.carbon, Uncertain):
        carbon: Product | None = Product(1.0, (figure.input(f"carbon, {title}", making.carbon),))
        how, carbon_grade = "carbon as declared", making.carbon.grade if making.carbon else None
    elif making.carbon == "unknown" or energy is None:
        carbon, how, carbon_grade = None, "", None
        figure.unknown.append(f"the carbon of {title} is unknown")
    else:
        place = _Place(making.grid, making.year, making.grid_intensity, since=FIRST_TRAINED)
        carbon, how = _on_grid(energy, title, place, figure)
        carbon_grade = figure.grade
    words = "; ".join(part for part in (method, how) if part)
    return Line(
        asset.id, making.stage, name, "", energy, carbon, energy_grade, carbon_grade, words,
        tuple(dict.fromkeys(figure.sources)), tuple(figure.unknown),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Place:
    """Where electricity comes from, as declared; `since`: the earliest year that it may have been, where none is declared."""

    grid: str | None
    year: int | None
    own: Uncertain | None
    since: int | None = None


def _on_grid(energy: Product, title: str, place: _Place, figure: _Figure) -> tuple[Product | None, str]:
    """Carbon of an energy, and how it came; a grid without an answer makes it unknown."""
    if place.own is not None:
        return energy.times(1 / G_PER_KG, figure.input("grid intensity", place.own, title)), "x declared grid intensity"
    if place.grid in (None, "unknown"):
        figure.unknown.append(f"the carbon of {title} is unknown: its grid is {said(place.grid)}")
        return None, ""
    found = intensity(str(place.grid), place.year)
    if place.year is None:
        some = figure.input("grid intensity", of_some_year(found.zone, place.since), f"{found.zone}, {title}")
        words = f"x {found.g_per_kwh:g} g/kWh ({found.zone}, {found.year}, the latest; the year of use is not declared)"
        return energy.times(1 / G_PER_KG, some), words
    figure.grades.append("literature")
    figure.sources.append(f"{found.name} {found.year}: {found.source}")
    return energy.times(found.g_per_kwh / G_PER_KG), f"x {found.g_per_kwh:g} g/kWh ({found.zone}, {found.year})"


def _used(deployment: Deployment, evidence: Sequence[Evidence], draws: Draws) -> Line:
    """The electricity of deciding, over the years that the value counts: declared for the place of use, else as measured here."""
    figure, value = _Figure(draws), deployment.value
    years = value.years if value else 1.0
    per_1000, method, origin = _per_1000(deployment, evidence, figure)
    energy, carbon, how, energy_grade = None, None, "", None
    if per_1000 is None:
        figure.unknown.append(f"the energy of deciding in {deployment.key} is neither measured nor declared")
    elif not isinstance(deployment.volume, int | float):
        figure.unknown.append(f"the volume of {deployment.key} is {said(deployment.volume)}")
    else:
        energy = Product(float(deployment.volume) * years * TASK_KWH, (per_1000,))
        method += f" x {deployment.volume:,.0f} tasks a year x {years:g} years"
        if value and value.pue is not None:
            energy, method = energy.times(1.0, figure.input("PUE", value.pue, deployment.key)), f"{method} x PUE"
        else:
            method += f"; {NO_PUE}"
        energy_grade = figure.grade
        place = _Place(deployment.grid, None, value.grid_intensity if value else None)
        carbon, how = _on_grid(energy, f"deciding in {deployment.key}", place, figure)
    words = "; ".join(part for part in (method, how) if part)
    return Line(
        deployment.application, INFERENCE, INFERENCE, deployment.key, energy, carbon, energy_grade, figure.grade if carbon else None, words,
        tuple(dict.fromkeys(figure.sources)), tuple(figure.unknown), origin,
    )  # fmt: skip


def _per_1000(deployment: Deployment, evidence: Sequence[Evidence], figure: _Figure) -> tuple[Input | None, str, tuple[str, ...]]:
    """Energy per 1,000 decisions [Wh], how it is known, and the rows that it rests on."""
    declared = deployment.value.energy_per_task if deployment.value else None
    name = f"energy per 1,000 decisions, {deployment.application}"
    if declared is not None:
        return figure.input(name, declared, deployment.key), "energy per task as declared", ()
    for measure, quantity in ENERGY_MEASURED:
        for row in reversed(evidence):  # of several, the last measured
            mine = row.measure == measure and row.subjects == (deployment.application,)
            if mine and row.estimate is not None and row.estimate.quantity == quantity:
                return figure.input(name, _measured(row)), f"energy per task as {row.basis} on this machine", (row.id,)
    return None, "", ()


def _measured(row: Evidence) -> Uncertain:
    one = row.estimate
    assert one is not None
    source = f"{row.measure}, {row.basis} on this machine, not at the place of use"
    grade: Grade = "measured" if row.basis == "measured" else "assumed"
    return of_interval(one, WH_PER_1000, grade, source)


def said(answer: object) -> str:
    """What is said of an answer that gives no number."""
    return "unknown" if answer == "unknown" else "not declared"
