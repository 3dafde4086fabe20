"""The ledger: energy and carbon of each stage of each asset's life, and which part of it belongs to which deployment.

Every figure keeps how it is known (measured, literature, expert, assumed), its method, and the grid's intensity with
its year and source. What nobody declared is a line that says so; it is unknown, and never 0. Nothing is counted twice:
what making an asset took is split by `allocation`, and the parts and the rest add up to the whole, draw by draw.

A figure is a product of inputs, each drawn once, so that what two lines share (a grid, a power) moves both, and so that
V(M) can be asked which input would flip its sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from commonweal.assessment.roles import role_of
from commonweal.assessment.value.allocation import EMBODIED, Carried
from commonweal.assessment.value.sampling import drawn, of_interval
from commonweal.assessment.value.spread import DrawSummary, spread
from commonweal.assessment.value.value_terms import Input
from commonweal.evidence.records import Evidence, Grade, Method, QuantityRole
from commonweal.footprint.energy import G_PER_KG, W_PER_KW
from commonweal.footprint.grid_intensity import FIRST_TRAINED, intensity, of_some_year
from commonweal.system.footprints import Making
from commonweal.system.records import Asset, Deployment, System
from commonweal.system.uncertain import Uncertain

Array = npt.NDArray[np.float64]
EVERYONE_ELSE = "everyone else"
UNALLOCATED = "nobody yet: the share is not declared"
INFERENCE = "inference"
DECIDING: tuple[QuantityRole, ...] = (
    "decision_energy",
    "decision_energy_beside_baseline",
)  # the better measurement first
PUE = "PUE"
LEAST_OF_KIND: Mapping[str, float] = {PUE: 1.0}
WH_PER_1000 = "Wh/1000 decisions"
TASK_KWH = 1e-6  # one Wh per 1,000 decisions, in kWh per decision
ROUNDING = 1e-12
GRADES: Sequence[Grade] = ("measured", "literature", "expert", "assumed")
NO_PUE = "the building's own use is not declared and not counted"


@dataclass(frozen=True, slots=True)
class Product:
    """A number times inputs that are drawn elsewhere, and how it is known: method, the worst grade of its inputs,
    their sources.
    """

    factor: float
    inputs: tuple[Input, ...] = ()
    method: str = ""
    grade: Grade | None = None
    sources: tuple[str, ...] = ()

    def times(self, factor: float, method: str) -> Product:
        return replace(self, factor=self.factor * factor, method=method)

    def by(self, other: Product, words: str) -> Product:
        """The product of both; `words` say the other in the method."""
        return Product(
            self.factor * other.factor,
            (*self.inputs, *other.inputs),
            f"{self.method} {words}",
            worst(one for one in (self.grade, other.grade) if one is not None),
            tuple(dict.fromkeys((*self.sources, *other.sources))),
        )

    def draws(self, count: int) -> Array:
        """float64 (draw,)."""
        found = np.full(count, self.factor)
        for one in self.inputs:
            found *= one.draws
        return found


NOTHING = Product(0.0, method="declared `none`: there is none, so it is 0")


@dataclass(frozen=True, slots=True, eq=False)
class LedgerLine:
    """One stage of one asset: energy [kWh] and carbon [kgCO2e], or None and why (`unknown`).

    `name`: the stage, with a number where the asset has several of its kind. `holder`: the deployment that carries it,
    or everyone else, or nobody yet where no share is declared, or "" for the whole. `evidence`: rows that it rests on.
    """

    asset: str
    stage: str
    name: str
    holder: str
    energy: Product | None
    carbon: Product | None
    unknown: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.name} of {self.asset}"


@dataclass(frozen=True, slots=True)
class CarbonLedger:
    """Every line: the whole stages of making, their parts by who carries them, and use, including those nobody
    declared.
    """

    whole: tuple[LedgerLine, ...]
    parts: tuple[LedgerLine, ...]
    use: tuple[LedgerLine, ...]
    carried: Carried
    by_holder: Mapping[str, tuple[LedgerLine, ...]]

    def of(self, holder: str) -> tuple[LedgerLine, ...]:
        """What a deployment carries: its parts of what was made, and its own use; or what everyone else does."""
        return self.by_holder.get(holder, ())


class Draws:
    """Inputs by kind and declaration, each drawn once for everything that uses it.

    A kind is what a number is about: a grid's intensity, a PUE, the power of a device, the energy of a decision of one
    application. The same number, grade and source of one kind in two places is one fact, and so one draw.
    """

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.count, self._rng = count, rng
        self._known: dict[tuple[str, Uncertain, str | None], Input] = {}
        self._declared: dict[int, Uncertain] = {}
        self._spreads: dict[tuple[int, ...], DrawSummary] = {}

    def of(self, kind: str, number: Uncertain, unit: str | None = None, place: str = "") -> Input:
        """The draws of a declared number, in its own unit, or money in `unit`; named after the first place that uses
        it.
        """
        key = (kind, number, unit)
        if key not in self._known:
            name, least = f"{kind}, {place}" if place else kind, LEAST_OF_KIND.get(kind)
            found = self._known[key] = drawn(name, number, self.count, self._rng, unit, least)
            self._declared[id(found)] = number
        return self._known[key]

    def product(self, kind: str, number: Uncertain, place: str = "", method: str = "") -> Product:
        """A declared number alone."""
        return Product(1.0, (self.of(kind, number, place=place),), method, number.grade, (number.source,))

    def declared(self, given: Input) -> Uncertain:
        """The number that was declared for an input."""
        return self._declared[id(given)]

    def spread(self, found: Product) -> DrawSummary:
        """Mean, median and interval of a product; products of the same inputs differ only by a factor, so they are
        sorted once.
        """
        key = tuple(map(id, found.inputs))
        if key not in self._spreads:
            self._spreads[key] = spread(replace(found, factor=1.0).draws(self.count if found.inputs else 1))
        one = self._spreads[key]
        return DrawSummary(*(found.factor * end for end in (one.mean, one.median, one.low, one.high)))


def worst(grades: Iterable[Grade]) -> Grade | None:
    """The least sure of some grades; None of none."""
    return max(grades, key=GRADES.index, default=None)


def decision_energies(evidence: Sequence[Evidence], methods: Mapping[str, Method]) -> dict[str, Evidence]:
    """The last row with the measured inference energy of each application."""
    measured: dict[str, Evidence] = {}
    for role in reversed(DECIDING):
        measured |= {
            row.subjects[0]: row
            for row in evidence
            if row.estimate is not None and len(row.subjects) == 1 and role_of(row, methods) == role
        }
    return measured


def ledger(system: System, measured: Mapping[str, Evidence], draws: Draws) -> CarbonLedger:
    """The ledger of a system: what is declared about making its assets, and what deciding takes.

    `measured`: application -> the row with its energy of deciding.

    Where nothing is declared about making or worth and no energy is known, nobody asked for a ledger, and it is empty.
    """
    whole, parts, carried = [], [], Carried(system)
    for asset in system.assets:
        lines = [_made(asset, name, making, draws) for name, making in asset.stages.items()]
        whole += lines
        for line in lines:
            split = carried.split(asset)
            parts += [_part(line, part.deployment, part.share, part.method) for part in split.parts]
            if split.rest > ROUNDING:
                holder = UNALLOCATED if split.why_not else EVERYONE_ELSE
                parts.append(_part(line, holder, split.rest, "; ".join(split.why_not) or "others who use it"))
    use = [_used(deployment, measured, draws) for deployment in system.deployments]
    asked = bool(whole) or any(one.value for one in system.deployments) or any(line.energy for line in use)
    counted = use if asked else []  # all or none: the use that is not known is a part of every total
    by_holder: dict[str, list[LedgerLine]] = {}
    for line in (*parts, *counted):
        by_holder.setdefault(line.holder, []).append(line)
    return CarbonLedger(
        tuple(whole),
        tuple(parts),
        tuple(counted),
        carried,
        {holder: tuple(lines) for holder, lines in by_holder.items()},
    )


def _part(line: LedgerLine, holder: str, share: float, how: str) -> LedgerLine:
    method = f"{share:.4g} of the whole: {how}"
    energy, carbon = (product and product.times(share, method) for product in (line.energy, line.carbon))
    return replace(line, holder=holder, energy=energy, carbon=carbon)


def _made(asset: Asset, name: str, making: Making, draws: Draws) -> LedgerLine:
    """One declared stage of making."""
    title = f"{name} of {asset.id}"
    unknown: list[str] = []
    energy: Product | None = None
    if making.device_hours is not None and making.device_power is not None:
        power = draws.product("device power", making.device_power, title)
        energy = power.times(making.device_hours / W_PER_KW, f"{making.device_hours:,g} device hours x device power")
        energy = _with_pue(energy, making.pue, title, draws)
    elif making.energy == "none":
        energy = NOTHING
    elif isinstance(making.energy, Uncertain):
        energy = draws.product(f"energy, {title}", making.energy, method="energy as declared")
    elif making.stage != EMBODIED:
        unknown.append(f"the energy of {title} is {said(making.energy)}")
    carbon: Product | None = None
    if making.carbon == "none" or (making.energy == "none" and making.carbon is None):
        carbon = NOTHING
    elif isinstance(making.carbon, Uncertain):
        carbon = draws.product(f"carbon, {title}", making.carbon, method="carbon as declared")
    elif making.carbon == "unknown" or energy is None:
        unknown.append(f"the carbon of {title} is unknown")
    else:
        supply = Supply(making.grid, making.year, making.grid_intensity, since=FIRST_TRAINED)
        carbon = on_grid(energy, title, supply, draws)
        unknown += [] if carbon else [f"the carbon of {title} is unknown: its grid is {said(making.grid)}"]
    return LedgerLine(asset.id, making.stage, name, "", energy, carbon, tuple(unknown))


def _with_pue(energy: Product, pue: Uncertain | None, title: str, draws: Draws) -> Product:
    return (
        energy.by(draws.product(PUE, pue, title), "x PUE")
        if pue is not None
        else energy.times(1.0, f"{energy.method}; {NO_PUE}")
    )


@dataclass(frozen=True, slots=True)
class Supply:
    """Where electricity comes from, as declared; `since`: the earliest year that it may have been, where none is
    declared.
    """

    grid: str | None
    year: int | None
    own: Uncertain | None
    since: int | None = None


def on_grid(energy: Product, title: str, supply: Supply, draws: Draws) -> Product | None:
    """Carbon of an energy; None where nobody named a grid."""
    if supply.own is not None:
        own = draws.product("grid intensity", supply.own, title)
        return energy.by(replace(own, factor=1 / G_PER_KG), "x declared grid intensity")
    if supply.grid in (None, "unknown"):
        return None
    grid = intensity(str(supply.grid), supply.year)
    words = f"x {grid.g_per_kwh:g} g/kWh ({grid.zone}, {grid.year}"
    if supply.year is None:
        some = draws.product("grid intensity", of_some_year(grid.zone, supply.since), f"{grid.zone}, {title}")
        return energy.by(replace(some, factor=1 / G_PER_KG), f"{words}, the latest; the year of use is not declared)")
    known = Product(grid.g_per_kwh / G_PER_KG, grade="literature", sources=(f"{grid.name} {grid.year}: {grid.source}",))
    return energy.by(known, f"{words})")


def _used(deployment: Deployment, measured: Mapping[str, Evidence], draws: Draws) -> LedgerLine:
    """The electricity of deciding, over the years that the value counts: declared for the place of use, else as
    measured here.
    """
    value, key = deployment.value, deployment.key
    years = value.years if value else 1.0
    per_1000, origin = _per_1000(deployment, measured, draws)
    energy, carbon = None, None
    unknown: list[str] = []
    if per_1000 is None:
        unknown.append(f"the energy of deciding in {key} is neither measured nor declared")
    elif not isinstance(deployment.volume, int | float):
        unknown.append(f"the volume of {key} is {said(deployment.volume)}")
    else:
        words = f"{per_1000.method} x {deployment.volume:,.0f} tasks a year x {years:g} year{'' if years == 1 else 's'}"
        energy = per_1000.times(float(deployment.volume) * years * TASK_KWH, words)
        energy = _with_pue(energy, value.pue if value else None, key, draws)
        supply = Supply(deployment.grid, None, value.grid_intensity if value else None)
        carbon = on_grid(energy, f"deciding in {key}", supply, draws)
        unknown += (
            [] if carbon else [f"the carbon of deciding in {key} is unknown: its grid is {said(deployment.grid)}"]
        )
    return LedgerLine(deployment.application, INFERENCE, INFERENCE, key, energy, carbon, tuple(unknown), origin)


def _per_1000(
    deployment: Deployment, measured: Mapping[str, Evidence], draws: Draws
) -> tuple[Product | None, tuple[str, ...]]:
    """Energy per 1,000 decisions [Wh], and the rows that it rests on."""
    declared = deployment.value.energy_per_task if deployment.value else None
    name = f"energy per 1,000 decisions, {deployment.application}"
    if declared is not None:
        return draws.product(name, declared, deployment.key, "energy per task as declared"), ()
    row = measured.get(deployment.application)
    if row is None:
        return None, ()
    return draws.product(name, _measured(row), method=f"energy per task as {row.basis} on this machine"), (row.id,)


def _measured(row: Evidence) -> Uncertain:
    assert row.estimate is not None
    source = f"{row.measure}, {row.basis} on this machine, not at the place of use"
    grade: Grade = "measured" if row.basis == "measured" else "assumed"
    return of_interval(row.estimate, WH_PER_1000, grade, source)


def said(answer: object) -> str:
    """The words for an answer that is no number."""
    return "unknown" if answer == "unknown" else "not declared"
