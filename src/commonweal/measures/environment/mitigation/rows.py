"""From blocks measured in turn and from answers to rows: what a mitigation saves, and its price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.environment.meter.components import Parts, known_parts
from commonweal.measures.environment.meter.meter import Meter
from commonweal.measures.environment.meter.observation import Observation
from commonweal.measures.environment.meter.power_model import (
    DRAWS,
    Array,
    MonteCarlo,
    above_idle_wh,
    block_weights,
    run_time_s,
)
from commonweal.measures.environment.mitigation.bench import Price, Variant, VariantPair
from commonweal.measures.estimate_rows import RowSpec, described_row
from commonweal.statistics.contrast import mean_of
from commonweal.statistics.inference import alone
from commonweal.statistics.shares import share_alone

ENERGY, RUN_TIME = "Wh/1000 decisions", "s/1000 decisions"
IN_TURN = f"ratio of means over blocks measured in turn; Student's t of the paired logarithms by {DRAWS} draws"
BUSY = (
    " Other programs kept this machine busy meanwhile. Both had their turns in the same rounds, so the ratio is hit "
    "less than the times."
)
SAME_CONSTANTS = (
    " Both energies are modelled with the same watts per busy thread and per gigabyte, so this compares CPU seconds "
    "and memory; that other instructions draw another power is not in it."
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One variant: its blocks, its energy by component, its run time; and the draws that all variants share."""

    blocks: Observation
    parts: Parts
    time_s: MonteCarlo

    @property
    def tiers(self) -> list[tuple[str, str]]:
        return [(part.component, part.basis) for part in self.parts.known]


def seen_of(observations: Mapping[str, Observation], meter: Meter, rng: np.random.Generator) -> dict[str, Seen]:
    """Energy and run time of each variant, by name.

    All share the draws: weights of the rounds, so that a round that was slow is slow for all, and the constants of the
    power model, which are one machine's. What they share cancels in a ratio.
    """
    seed = int(rng.integers(2**63))
    rounds = len(next(iter(observations.values())).blocks)
    weights: Array = block_weights(rounds, rng)
    return {
        name: Seen(one, known_parts(one, meter, weights, np.random.default_rng(seed)), run_time_s(one.blocks, weights))
        for name, one in observations.items()
    }


def cost_rows(variant: Variant, seen: Seen, rng: np.random.Generator) -> Iterator[Estimate | Missing]:
    """Run time, energy, and energy above idle of what was read."""
    time = RowSpec(
        "run_time", f"wall clock; mean of blocks, Student's t by {DRAWS} draws", RUN_TIME, note=seen.blocks.busy_note
    )
    yield _figure_row(time, seen.time_s, seen, variant.group())
    if seen.parts.unknown is not None:
        yield Missing(quantity="energy", status="failed", reason=seen.parts.unknown, group=variant.group())
        return
    total = seen.parts.total()
    spec = RowSpec("energy", total.method, ENERGY, note=total.note + seen.blocks.busy_note)
    yield _figure_row(spec, total.figure, seen, variant.group()).model_copy(
        update={"interval": "uncertainty", "basis": total.basis}
    )
    for part in seen.parts.known:
        idle_w = seen.blocks.idle_w.get(part.component)
        if part.basis == "measured" and idle_w is not None:
            above = above_idle_wh(part.figure, seen.time_s, idle_w, rng)
            note = (
                f"Gross {part.figure.value:.3g} Wh less idle power {min(idle_w):.3g} to {max(idle_w):.3g} W x run time."
            )
            spec = RowSpec("energy_above_idle", "gross - idle power x run time", ENERGY, note=note)
            row = _figure_row(spec, above, seen, {**variant.group(), "component": part.component})
            yield row.model_copy(update={"interval": "uncertainty"})


def saving_rows(pair: VariantPair, seen: Mapping[str, Seen]) -> Iterator[Estimate | Missing]:
    """Time and energy of a mitigation over those of what it replaces; above 1, it costs more."""
    after, before = seen[pair.variant.name], seen[pair.instead_of.name]
    yield _ratio_row("time_ratio", "time", after.time_s.per(before.time_s), after, pair)
    group, reference = {"mitigation": pair.name}, pair.instead_of.group()
    unknown = after.parts.unknown or before.parts.unknown
    if unknown is None and after.tiers != before.tiers:
        unknown = "a component was read for one of the two and modelled for the other, which do not compare"
    if unknown is not None:
        yield Missing(quantity="energy_ratio", status="failed", reason=unknown, group=group, reference=reference)
        return
    basis = after.parts.total().basis
    ratio = after.parts.total().figure.per(before.parts.total().figure)
    row = _ratio_row("energy_ratio", "energy", ratio, after, pair)
    modelled = any(part.basis == "modelled" for part in after.parts.known)
    more = (
        SAME_CONSTANTS
        if modelled
        else " Gross: the idle power of the machine is in both, and draws the ratio towards that of the times."
    )
    yield row.model_copy(update={"interval": "uncertainty", "basis": basis, "note": row.note + more})


def price_rows(pair: VariantPair, price: Price) -> Iterator[Estimate]:
    """What is paid for the saving: how far the answers move."""
    group, reference = {"mitigation": pair.name}, pair.instead_of.group()
    deviation, changed = (mean_of(values, price.text, by="text") for values in (price.deviation, price.changed))
    spec = RowSpec("mean_deviation", "mean over tokens", "nat", bounds=(0.0, np.inf))
    rows = [described_row(spec, alone(deviation), group)]
    rows.append(
        Estimate(
            quantity="largest_deviation",
            unit="nat",
            value=float(price.deviation.max()),
            n=price.deviation.size,
            group=group,
            clusters=int(np.unique(price.text).size),
            method="largest over the tokens of these texts; others may move further",
        )
    )
    rows.append(described_row(RowSpec("changed_greedy_share", "share of tokens"), share_alone(changed), group))
    for row in rows:
        yield row.model_copy(update={"reference": reference})


def missing_rows(quantities: Sequence[str], one: str, status_reason: tuple[str, str]) -> Iterator[Missing]:
    """A mitigation that could not be tried: not one of its numbers is there, and none is 0."""
    status, reason = status_reason
    for quantity in quantities:
        yield Missing.model_validate(
            {"quantity": quantity, "status": status, "reason": reason, "group": {"mitigation": one}}
        )


def _figure_row(spec: RowSpec, figure: MonteCarlo, seen: Seen, group: Mapping[str, str]) -> Estimate:
    low, high = figure.bounds()
    return Estimate(
        quantity=spec.quantity,
        unit=spec.unit,
        value=figure.value,
        low=low,
        high=high,
        interval="confidence",
        n=seen.blocks.decisions,
        clusters=len(seen.blocks.blocks),
        method=spec.statistic,
        group=group,
        note=spec.note.strip(),
    )


def _ratio_row(quantity: str, of_what: str, ratio: MonteCarlo, after: Seen, pair: VariantPair) -> Estimate:
    note = f"{saving_words(ratio, of_what)}{BUSY if after.blocks.busy_note else ''}"
    row = _figure_row(RowSpec(quantity, IN_TURN, note=note), ratio, after, {"mitigation": pair.name})
    return row.model_copy(update={"reference": pair.instead_of.group()})


def saving_words(ratio: MonteCarlo, of_what: str) -> str:
    """Whether it saves, in words: only an interval that lies on one side of 1 shows it.

    >>> saving_words(MonteCarlo(0.5, np.array([0.4, 0.6])), "energy")
    'It saves here: 50 % less energy.'
    >>> saving_words(MonteCarlo(1.5, np.array([1.4, 1.6])), "time")
    'It costs more here, not less: 1.5 times the time.'
    >>> saving_words(MonteCarlo(0.9, np.array([0.7, 1.1])), "energy")
    'No saving of energy is shown here: the interval holds 1.'
    """
    low, high = ratio.bounds()
    if high < 1:
        return f"It saves here: {1 - ratio.value:.0%} less {of_what}.".replace("%", " %")
    if low > 1:
        return f"It costs more here, not less: {ratio.value:.3g} times the {of_what}."
    return f"No saving of {of_what} is shown here: the interval holds 1."
