"""V of a deployment with a simple baseline in the place of its application: the same people, prices and volume, without
the model.

Two numbers say what changes: the share of the benefit that the baseline has too, and its energy per 1,000 decisions.
Each is declared, or was measured of a baseline beside the application. Nothing is made upstream of a baseline, but
training it counts, where it was measured. What both share (prices, worths, grid) is drawn once, so that V of the two is
compared draw by draw.

What this module does not do: it does not know whether benefit grows with accuracy. That is assumed where the share was
measured, and every row says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from commonweal.assessment.roles import measures_with, role_of
from commonweal.assessment.value.allocation import EMBODIED
from commonweal.assessment.value.ledger import WH_PER_1000, Draws, ledger
from commonweal.assessment.value.sampling import of_interval
from commonweal.assessment.value.spread import DrawSummary, spread
from commonweal.assessment.value.value_estimates import over_draws
from commonweal.assessment.value.value_inputs import Weighing, weighing
from commonweal.assessment.value.value_terms import SIGNS, TermItem, Terms
from commonweal.evidence.records import Estimate, Evidence, Grade, Method, Missing, Quantity, QuantityRole
from commonweal.footprint.sampling import Array
from commonweal.system.footprints import Making
from commonweal.system.records import Deployment, System
from commonweal.system.uncertain import Uncertain

SHARE: QuantityRole = "baseline_gain_share"
ENERGY: QuantityRole = "baseline_decision_energy"
TRAINING: QuantityRole = "baseline_training_energy"
WH_PER_KWH = 1000.0
ASSUMED = (
    "assumes that every benefit grows in proportion to what is answered right beyond the commonest label, that every "
    "burden stays as declared, and that the labelled texts are like those of the deployment"
)
AS_DECLARED = "the share of the benefit is as declared; every burden stays as declared"
QUANTITIES: Mapping[str, Quantity] = {
    "value_of_baseline": Quantity(
        unit="money",
        label="value V with a simple baseline instead",
        about="the same people, prices and volume; no foundation model",
    ),
    "baseline_value_difference": Quantity(
        unit="money",
        label="value V with a simple baseline less that of the application",
        about="above 0: the baseline is worth more",
    ),
    "baseline_better_probability": Quantity(
        unit="1",
        label="probability that a simple baseline is worth more",
        about="over the declared inputs and what was measured",
    ),
}


class Declared(Protocol):
    """What a system file says of a baseline; None: that number is not declared."""

    @property
    def benefit_share(self) -> Uncertain | None: ...

    @property
    def energy_per_task(self) -> Uncertain | None: ...


@dataclass(frozen=True, slots=True)
class Baseline:
    """A simple baseline: the share of the benefit that it has too [1], its energy [Wh/1000 decisions], that of training
    [kWh].

    `why_not`: what lacks, in words. `note`: what was assumed. `evidence`: rows that it rests on. `energy_is_measured`:
    that of its decisions is not declared for the place of use, but comes from such a row.
    """

    benefit_share: Uncertain | None
    energy_per_task: Uncertain | None
    training: Uncertain | None
    why_not: tuple[str, ...]
    note: str
    evidence: tuple[str, ...]
    energy_is_measured: bool


def baseline_of(
    application: str, evidence: Sequence[Evidence], methods: Mapping[str, Method], declared: Declared | None = None
) -> Baseline | None:
    """The baseline of an application, each number as declared, else as measured last; None where nobody asked for
    one.
    """
    rows = _measured_rows(application, evidence, methods)
    if declared is None and not rows:
        return None
    used: dict[QuantityRole, str] = {}
    why_not: list[str] = []

    def number(given: Uncertain | None, role: QuantityRole, unit: str, scale: float = 1.0) -> Uncertain | None:
        row = rows.get(role)
        if given is None and row is not None and row.estimate is not None:
            used[role] = row.id
            return _input(row, unit, scale)
        if given is None and role != TRAINING:
            said = row.note if row is not None else _reason(rows)
            why_not.append(
                f"the {'share of the benefit' if role == SHARE else 'energy'} of a baseline is unknown: {said}"
            )
        return given

    share = number(declared.benefit_share if declared else None, SHARE, "1")
    energy = number(declared.energy_per_task if declared else None, ENERGY, WH_PER_1000)
    training = number(None, TRAINING, "kWh", 1 / WH_PER_KWH)
    note = AS_DECLARED if declared is not None and declared.benefit_share is not None else ASSUMED
    if training is None:
        note += "; training the baseline is not counted"
    else:
        note += "; its training is counted without the building's own use (PUE)"
    note += "; hardware that is declared for the application is counted for the baseline too, that of models is not"
    return Baseline(share, energy, training, tuple(why_not), note, tuple(used.values()), ENERGY in used)


def _measured_rows(
    application: str, evidence: Sequence[Evidence], methods: Mapping[str, Method]
) -> dict[QuantityRole | None, Evidence]:
    """The last row of each role that was measured of an application, or None for the row that says why nothing was."""
    measures = measures_with((SHARE, ENERGY, TRAINING), methods)
    by_role: dict[QuantityRole | None, Evidence] = {}
    for row in evidence:
        if row.measure in measures and row.subjects == (application,):
            number, role = row.estimate or row.missing, role_of(row, methods)
            if number is None or (role is not None and not number.group):
                by_role[role] = row
    return by_role


def _reason(rows: Mapping[QuantityRole | None, Evidence]) -> str:
    return rows[None].note if None in rows else "neither measured nor declared"


def _input(row: Evidence, unit: str, scale: float) -> Uncertain:
    assert row.estimate is not None
    grade: Grade = "measured" if row.basis == "measured" else "assumed"
    return of_interval(
        row.estimate, unit, grade, f"{row.measure}, {row.basis} on this machine and these labelled texts", scale
    )


def baseline_rows(system: System, weighed: Weighing, baseline: Baseline, draws: Draws) -> Iterator[Estimate | Missing]:
    """V with the baseline, its difference from V of the application, and how likely it is the larger one; or why
    not.
    """
    group, unit = {"deployment": weighed.deployment.key}, weighed.value.unit
    if baseline.benefit_share is None or baseline.energy_per_task is None:
        yield from _unknown(tuple(QUANTITIES), "; ".join(baseline.why_not), group)
        return
    alone = _in_its_place(system, weighed, baseline, draws)
    if alone.terms.missing:
        reasons = dict.fromkeys(reason for why in alone.why_not.values() for reason in why)
        yield from _unknown(tuple(QUANTITIES), "; ".join(reasons), group)
        return
    simple = _total(alone.terms, draws.count)
    method = (
        f"{draws.count:,} draws, those of V where both use an input; over {weighed.value.years:g} "
        f"year{'' if weighed.value.years == 1 else 's'}"
    )
    yield over_draws(("value_of_baseline", unit), spread(simple), group, method, _note(weighed, baseline))
    if weighed.terms.missing:
        reasons = dict.fromkeys(reason for why in weighed.why_not.values() for reason in why)
        yield from _unknown(tuple(QUANTITIES)[1:], f"V of the application is unknown: {'; '.join(reasons)}", group)
        return
    own = _total(weighed.terms, draws.count)
    yield _difference(simple, own, unit, group, method)
    yield Estimate(
        quantity="baseline_better_probability",
        unit="1",
        value=float(np.count_nonzero(simple > own) / own.size),
        n=draws.count,
        group=group,
        method=method,
        note=baseline.note,
    )


def _note(weighed: Weighing, baseline: Baseline) -> str:
    share, energy = baseline.benefit_share, baseline.energy_per_task
    assert share is not None
    assert energy is not None
    note = (
        f"{share.middle:.0%} of the benefit ({share.grade}, {share.source}); {energy.middle:.3g} Wh per 1,000 "
        f"decisions ({energy.grade}, {energy.source}); {baseline.note}"
    )
    if weighed.value.energy_per_task is not None and baseline.energy_is_measured:
        note += "; the application's energy is declared for the place of use, the baseline's was found on this machine"
    return note


def _in_its_place(system: System, weighed: Weighing, baseline: Baseline, draws: Draws) -> Weighing:
    """The weighing of the same deployment with the baseline as its application and nothing upstream."""
    changed = _without_model(system, weighed.deployment, baseline)
    (deployment,) = changed.deployments
    simple = weighing(changed, deployment, ledger(changed, {}, draws), draws)
    if simple.terms.benefit is None or baseline.benefit_share is None:
        return simple
    share = draws.of(f"share of the benefit that a simple baseline has, {deployment.key}", baseline.benefit_share)
    scaled = tuple(TermItem(one.amounts, (*one.inputs, share), one.what) for one in simple.terms.benefit)
    return replace(simple, terms=replace(simple.terms, benefit=scaled))


def _without_model(system: System, deployment: Deployment, baseline: Baseline) -> System:
    value, asset = deployment.value, system.asset(deployment.application)
    assert value is not None
    making: tuple[Making, ...] = (Making(stage="adaptation", energy="none"),)  # not counted, which its note says
    if baseline.training is not None:
        grid = None if value.grid_intensity is not None else deployment.grid
        making = (Making(stage="adaptation", energy=baseline.training, grid=grid, grid_intensity=value.grid_intensity),)
    hardware = tuple(stage for stage in asset.making if stage.stage == EMBODIED)
    simple = asset.model_copy(
        update={"making": (*making, *hardware), "lifetime_tasks": None, "actor": value.payer or asset.actor}
    )
    used = deployment.model_copy(
        update={"value": value.model_copy(update={"energy_per_task": baseline.energy_per_task})}
    )
    return system.model_copy(
        update={
            "assets": tuple(
                simple if other.id == asset.id else other.model_copy(update={"making": ()}) for other in system.assets
            ),
            "dependencies": tuple(edge for edge in system.dependencies if edge.downstream != asset.id),
            "deployments": (used,),
        }
    )


def _total(terms: Terms, count: int) -> Array:
    """V over all groups, float64 (draw,)."""
    total = np.zeros(count)
    for name, items in terms.declared():
        for item in items:
            part = np.full(count, SIGNS[name]) * np.sum([np.asarray(amount) for amount in item.amounts], axis=0)
            for one in item.inputs:
                part = part * one.draws
            total += part
    return total


def _difference(simple: Array, own: Array, unit: str, place: Mapping[str, str], method: str) -> Estimate:
    """The difference of the two medians; its interval is that of the differences draw by draw."""
    apart, between = spread(simple).median - spread(own).median, spread(simple - own)
    found = DrawSummary(between.mean, apart, min(between.low, apart), max(between.high, apart))
    note = f"difference of the two medians; drawn pairwise its median is {between.median:.4g}"
    return over_draws(("baseline_value_difference", unit), found, place, method, note)


def _unknown(quantities: Sequence[str], reason: str, place: Mapping[str, str]) -> Iterator[Missing]:
    for quantity in quantities:
        yield Missing(quantity=quantity, status="not_applicable", reason=reason or "unknown", group=place)
