"""From how many tasks like a deployment's the shared model costs less energy than a model trained for each: rows of evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from commonweal.assessment.ledger import INFERENCE, Draws, Product
from commonweal.assessment.spread import Array, spread
from commonweal.assessment.value_estimates import missing, over_draws, share_of_draws
from commonweal.assessment.value_inputs import Weighing
from commonweal.evidence.records import Estimate, Missing
from commonweal.footprint.break_even import break_even_tasks


def break_even_rows(weighed: Weighing, draws: Draws) -> Iterator[Estimate | Missing]:
    """From how many tasks like this the shared model costs less energy than a model trained for each."""
    scratch, deployment = weighed.value.scratch_energy, weighed.deployment
    if scratch is None:
        return
    place = {"deployment": deployment.key}
    shared, adapted = ([line for line in weighed.making if line.stage == stage] for stage in ("pretraining", "adaptation"))
    if not shared or any(line.energy is None for line in (*shared, *adapted)):
        yield missing("break_even_tasks", "the energy of pretraining (or of adaptation) is not declared or unknown", place)
        return
    pretraining, adaptation = (
        sum((line.energy.draws(draws.count) for line in lines if line.energy), start=np.zeros(draws.count))
        for lines in (shared, adapted)
    )
    alone = draws.of(f"energy of training from scratch for {deployment.key}", scratch).draws
    no_stage = "" if adapted else "no adaptation is declared, so none is counted"
    for quantity, energy, note in (
        ("pretraining_energy", pretraining, ""), ("adaptation_energy", adaptation, no_stage), ("scratch_energy", alone, scratch.source)
    ):  # fmt: skip
        yield over_draws((quantity, "kWh"), spread(energy), place, "what the break-even is worked out from", note)
    yield from _reached("", (pretraining, alone, adaptation), place, "N* = P / (S - f); inference not counted")
    used = _used(weighed, draws)
    if used is not None:
        method = "N* = P / ((S - f) + (i_S - i_f)), i: the electricity of one deployment like this over its years"
        yield from _reached("_with_use", (pretraining, alone, adaptation, *used), place, method)


def _used(weighed: Weighing, draws: Draws) -> tuple[Array, Array] | None:
    """Electricity of the deployment's use with a model of its own and with the shared one [kWh]; None where one is not known."""
    own = weighed.value.scratch_energy_per_task
    (line,) = [line for line in weighed.lines if line.stage == INFERENCE]
    if own is None or line.energy is None:
        return None
    _, *rest = line.energy.inputs  # the first is the energy per 1,000 decisions
    given = draws.of(f"energy per 1,000 decisions of a model of its own, {weighed.deployment.key}", own)
    return Product(line.energy.factor, (given, *rest)).draws(draws.count), line.energy.draws(draws.count)


def _reached(suffix: str, energies: tuple[Array, ...], place: Mapping[str, str], method: str) -> Iterator[Estimate | Missing]:
    """N* over the draws in which it is reached, and the share of those in which it never is."""
    use = ", use counted" if suffix else ""
    tasks = [break_even_tasks(*map(float, one)) for one in zip(*energies, strict=True)]
    known = np.array([one for one in tasks if one is not None])
    if known.size:
        yield over_draws(
            (f"break_even_tasks{suffix}", "count"), spread(known), place, f"{method}; over the draws in which it is reached"
        )
    else:
        yield missing(
            f"break_even_tasks{suffix}",
            f"never: adapting costs at least as much as training from scratch, in every draw{use}",
            place,
        )
    never = 1.0 - known.size / len(tasks)
    yield share_of_draws(
        f"never_probability{suffix}",
        never,
        place,
        f"share of the draws in which adapting costs at least as much as training from scratch{use}",
    )
