"""What mitigations save, and what could be saved: from the ledger's own energies, draw by draw.

Three ways lead to a number. It is declared. Or a declared mitigation has a lever (another grid, another intensity, an
energy ratio), and what it saves is worked out over the lines of the stage that it changes. Or nobody declared anything,
and two things can be said anyway: what the zone of the table with the least carbon would save, and what a cheaper
number format or a larger batch would save in deciding, where that was measured on the model.

What is applied is in the ledger already, so it saves what would be there without it. Nothing here is subtracted from a
line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.assessment.value.allocation import downstream
from commonweal.assessment.value.ledger import (
    INFERENCE,
    CarbonLedger,
    Draws,
    LedgerLine,
    Product,
    Supply,
    on_grid,
    said,
    worst,
)
from commonweal.assessment.value.sampling import of_interval
from commonweal.assessment.value.spread import spread
from commonweal.assessment.value.value_estimates import Grounds, as_declared, missing, over_draws
from commonweal.evidence.records import Estimate, Evidence, Facts, Grade, Missing
from commonweal.footprint.grid_intensity import FIRST_TRAINED, intensity
from commonweal.footprint.mitigation import lowest
from commonweal.footprint.sampling import Array
from commonweal.system.footprints import Mitigation
from commonweal.system.records import Asset, System
from commonweal.system.uncertain import Uncertain

AT_MOST = "at most this: the energy of bringing it about (`making_energy`) is not declared and not subtracted"
SAME_THERE = "deciding runs like that now, and saves there what it saves here"


@dataclass(frozen=True, slots=True)
class Saving:
    """One row: the asset that it is about, the number or why there is none, and the evidence that it rests on."""

    subject: str
    found: Estimate | Missing
    evidence: tuple[str, ...] = ()


def declared_savings(system: System, books: CarbonLedger, draws: Draws) -> Iterator[Saving]:
    """What each declared mitigation saves: carbon, and energy where it has an energy ratio."""
    for asset in system.assets:
        for mitigation in asset.mitigations:
            group = {"what": mitigation.what, "status": mitigation.status}
            if isinstance(mitigation.saves, Uncertain):
                yield Saving(asset.id, as_declared("saved", mitigation.saves, group))
            elif mitigation.on is None:
                why = f" ({mitigation.reason})" if mitigation.reason else ""
                reason = f"{mitigation.what}: {mitigation.status}{why}; what it saves is {said(mitigation.saves)}"
                yield Saving(asset.id, missing("saved", reason, group))
            else:
                yield from _worked_out(asset, mitigation, _lines(system, books, asset.id, mitigation.on), draws)


def possible_savings(system: System, books: CarbonLedger, ratios: Sequence[Evidence], draws: Draws) -> Iterator[Saving]:
    """What the cleanest zone of the table would save at each line, and what was measured on a model, where it decides.

    `ratios`: rows with the energy of a model with a mitigation over that without it.
    """
    (zone,) = lowest(1)
    name = intensity(zone).name
    for line in (*books.whole, *books.use):
        if line.energy is None or line.carbon is None or not set(line.energy.inputs) <= set(line.carbon.inputs):
            continue  # unknown, or declared as carbon
        there = _elsewhere(line, Supply(zone, None, None), draws)
        group = {"what": f"the zone of the table with the least carbon, {name} ({zone})", "stage": line.name} | _holder(
            line
        )
        method = f"the same energy there; now: {line.carbon.method}"
        saving = over_draws(
            ("could_save", "kgCO2e"),
            spread(line.carbon.draws(draws.count) - there),
            group,
            method,
            "more is not possible by moving",
        )
        yield Saving(line.asset, saving, line.evidence)
    for row in ratios:
        if row.estimate is not None:
            for line in _lines(system, books, row.subjects[0], INFERENCE):
                yield from _as_measured(line, row, row.estimate, draws)


def _lines(system: System, books: CarbonLedger, asset: str, stage: str) -> list[LedgerLine]:
    """The lines of a stage: those of the asset itself, or of every deployment that rests on it."""
    if stage == INFERENCE:
        resting = downstream(system, asset) | {asset}
        return [line for line in books.use if line.asset in resting]
    return [line for line in books.whole if (line.asset, line.stage) == (asset, stage)]


def _holder(line: LedgerLine) -> dict[str, str]:
    return {"carried by": line.holder} if line.holder else {}


def _elsewhere(line: LedgerLine, supply: Supply, draws: Draws) -> Array:
    """Carbon of a line's energy from another supply [kgCO2e], float64 (draw,)."""
    assert line.energy is not None
    found = on_grid(line.energy, f"elsewhere, {line.title}", supply, draws)
    assert found is not None
    return found.draws(draws.count)


@dataclass(frozen=True, slots=True)
class _Changed:
    """The lines that a mitigation changes: their energy and carbon together, None where one is unknown, and why."""

    names: str
    energy: Array | None
    carbon: Array | None
    unknown: str
    grades: tuple[Grade, ...]
    evidence: tuple[str, ...]


def _changed(lines: Sequence[LedgerLine], stage: str, draws: Draws) -> _Changed:
    products = [(line.energy, line.carbon) for line in lines]
    energies, carbons = ([pair[place] for pair in products] for place in (0, 1))
    reasons = [reason for line in lines for reason in line.unknown] or [
        f"nothing is declared or measured of the stage {stage}"
    ]
    return _Changed(
        names=", ".join(f"{line.title}{f' in {line.holder}' if line.holder else ''}" for line in lines),
        energy=_sum(energies, draws),
        carbon=_sum(carbons, draws),
        unknown="; ".join(dict.fromkeys(reasons)),
        grades=tuple(product.grade for pair in products for product in pair if product and product.grade),
        evidence=tuple(dict.fromkeys(row for line in lines for row in line.evidence)),
    )


def _sum(products: Sequence[Product | None], draws: Draws) -> Array | None:
    """Their sum, float64 (draw,); None where one is unknown, or there is none."""
    known = [product.draws(draws.count) for product in products if product is not None]
    return sum(known[1:], start=known[0]) if known and len(known) == len(products) else None


def _worked_out(asset: Asset, mitigation: Mitigation, lines: Sequence[LedgerLine], draws: Draws) -> Iterator[Saving]:
    """What a mitigation with a lever saves over all lines that it changes; unknown where one of them is."""
    changed = _changed(lines, str(mitigation.on), draws)
    if mitigation.energy_ratio:
        yield from (
            Saving(asset.id, row, changed.evidence)
            for row in _by_ratio(asset, mitigation, mitigation.energy_ratio, changed, draws)
        )
    else:
        yield Saving(asset.id, _by_place(mitigation, lines, changed, draws), changed.evidence)


def _by_ratio(
    asset: Asset, mitigation: Mitigation, declared: Uncertain, changed: _Changed, draws: Draws
) -> Iterator[Estimate | Missing]:
    """Energy x (1 - ratio), or x (1 / ratio - 1) of what is applied, less what it took; carbon in the same
    proportion.
    """
    group, applied = {"what": mitigation.what, "status": mitigation.status}, mitigation.status == "applied"
    if changed.energy is None:
        yield from (missing(quantity, changed.unknown, group) for quantity in ("energy_saved", "saved"))
        return
    ratio = draws.of(f"energy ratio of {mitigation.what}", declared, place=asset.id).draws
    saved = changed.energy * (1.0 / ratio - 1.0 if applied else 1.0 - ratio)
    grades = [*changed.grades, declared.grade]
    method = f"{changed.names}: energy x {'(1 / ratio - 1)' if applied else '(1 - ratio)'}"
    if mitigation.making_energy is not None:
        saved -= draws.of(f"bringing about {mitigation.what}", mitigation.making_energy, place=asset.id).draws
        grades.append(mitigation.making_energy.grade)
        method += ", less the energy of bringing it about"
    grounds = Grounds(
        worst(grades), (f"energy ratio: {declared.source}",), AT_MOST if mitigation.making_energy is None else ""
    )
    yield over_draws(("energy_saved", "kWh"), spread(saved), group, method, grounds)
    if changed.carbon is None:
        yield missing("saved", changed.unknown, group)
        return
    each = np.divide(changed.carbon, changed.energy, out=np.zeros_like(saved), where=changed.energy > 0)
    yield over_draws(
        ("saved", "kgCO2e"), spread(saved * each), group, f"{method}, at the carbon of the same energy", grounds
    )


def _by_place(
    mitigation: Mitigation, lines: Sequence[LedgerLine], changed: _Changed, draws: Draws
) -> Estimate | Missing:
    """Carbon here less that of the same energy elsewhere; of what is applied the other way round."""
    group = {"what": mitigation.what, "status": mitigation.status}
    if changed.carbon is None or changed.energy is None:
        return missing("saved", changed.unknown, group)
    own, since = mitigation.grid_intensity, None if mitigation.on == INFERENCE else FIRST_TRAINED
    supply = Supply(mitigation.grid, mitigation.year, own, since=since)
    saved = changed.carbon - sum((_elsewhere(line, supply, draws) for line in lines), start=np.zeros(draws.count))
    applied = mitigation.status == "applied"
    grade: Grade = own.grade if own else "literature" if mitigation.year else "assumed"
    method = (
        f"{changed.names}: carbon {'elsewhere less that here' if applied else 'here less that elsewhere'}, the same "
        "energy"
    )
    return over_draws(
        ("saved", "kgCO2e"),
        spread(-saved if applied else saved),
        group,
        method,
        Grounds(worst([*changed.grades, grade])),
    )


def _as_measured(line: LedgerLine, row: Evidence, ratio: Estimate, draws: Draws) -> Iterator[Saving]:
    """A measured energy ratio of a model, carried to a deployment that decides with it."""
    if line.energy is None:
        return
    instead = ", ".join(f"{name} {value}" for name, value in (ratio.reference or {}).items())
    what = f"{', '.join((ratio.group or {}).values())} instead of {instead}"
    grade: Grade = "measured" if row.basis == "measured" else "assumed"
    given = of_interval(ratio, "1", grade, f"{row.measure}, {row.basis} on this machine")
    share = 1.0 - draws.of(f"energy ratio of {what}", given, place=row.subjects[0]).draws
    group = {"what": what, "stage": line.name} | _holder(line)
    note = f"if {SAME_THERE}; energy ratio {row.basis} on this machine"
    evidence = (row.id, *line.evidence)
    for quantity, unit, product in (("energy_could_save", "kWh", line.energy), ("could_save", "kgCO2e", line.carbon)):
        if product is not None:
            saved = spread(product.draws(draws.count) * share)
            found = over_draws((quantity, unit), saved, group, f"{product.method} x (1 - ratio)", note)
            yield Saving(line.asset, found.model_copy(update={"facts": Facts(conditions=(SAME_THERE,))}), evidence)
