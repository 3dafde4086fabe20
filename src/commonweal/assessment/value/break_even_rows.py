"""From how many tasks like a deployment's the shared model costs less energy than a model trained for each: rows of
evidence.

Over the draws, never is more tasks than any number. So where half of the draws never break even the answer is "never",
and where some do not, the interval has no upper end: an interval over the others alone would hide them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from commonweal.assessment.value.allocation import EMBODIED
from commonweal.assessment.value.ledger import INFERENCE, Draws, LedgerLine, Product
from commonweal.assessment.value.spread import LEVELS, DrawSummary, spread
from commonweal.assessment.value.value_estimates import missing, over_draws, share_of_draws
from commonweal.assessment.value.value_inputs import Weighing
from commonweal.evidence.numbers import rounded
from commonweal.evidence.records import Estimate, Missing
from commonweal.footprint.break_even import saved_per_task
from commonweal.footprint.sampling import Array
from commonweal.system.records import System

ADAPTATION = "adaptation"
NO_ADAPTATION = (
    "the energy of adapting the shared model to one task is not declared (a stage `adaptation`; `energy: none` if "
    "none is needed)"
)


def break_even_rows(system: System, weighed: Weighing, draws: Draws) -> Iterator[Estimate | Missing]:
    """From how many tasks like this the shared model costs less energy than a model trained for each.

    P: every stage of the models upstream but their adaptation; f: adaptation, and all that was made for the adapted
    model or the application alone.
    """
    scratch, deployment = weighed.value.scratch_energy, weighed.deployment
    if scratch is None:
        return
    group = {"deployment": deployment.key}
    made = [line for line in weighed.making if line.stage not in {EMBODIED, INFERENCE}]
    adapted = [line for line in made if line.stage == ADAPTATION or system.asset(line.asset).kind != "model"]
    shared = [line for line in made if line not in adapted]
    reasons = [*weighed.why_making, *(reason for line in made if line.energy is None for reason in line.unknown)]
    reasons += [] if shared else ["the energy of making the shared model is not declared"]
    reasons += [] if adapted else [NO_ADAPTATION]
    if reasons:
        yield missing("break_even_tasks", "; ".join(dict.fromkeys(reasons)), group)
        return
    pretraining, adaptation = _sum(shared, draws.count), _sum(adapted, draws.count)
    alone = draws.of("energy of training from scratch", scratch, place=deployment.key).draws
    for quantity, energy, note in (
        ("pretraining_energy", pretraining, f"counted: {_named(shared)}"),
        ("adaptation_energy", adaptation, f"counted: {_named(adapted)}"),
        ("scratch_energy", alone, scratch.source),
    ):
        yield over_draws((quantity, "kWh"), spread(energy), group, "what the break-even is worked out from", note)
    yield from _reached("", (pretraining, alone, adaptation), group, "N* = P / (S - f); inference not counted")
    used = _used(weighed, draws)
    if isinstance(used, str):
        yield missing("break_even_tasks_with_use", used, group)
    elif used is not None:
        method = "N* = P / ((S - f) + (i_S - i_f)), i: the electricity of one deployment like this over its years"
        yield from _reached("_with_use", (pretraining, alone, adaptation, *used), group, method)


def _sum(lines: Sequence[LedgerLine], count: int) -> Array:
    """Their energy together [kWh], float64 (draw,)."""
    return sum((line.energy.draws(count) for line in lines if line.energy), start=np.zeros(count))


def _named(lines: Sequence[LedgerLine]) -> str:
    return ", ".join(line.title for line in lines)


def _used(weighed: Weighing, draws: Draws) -> tuple[Array, Array] | str | None:
    """Electricity of the deployment's use with a model of its own and with the shared one [kWh], or why it is not
    known.

    None: nobody asked, since that of a model of its own is not declared.
    """
    own = weighed.value.scratch_energy_per_task
    (line,) = [line for line in weighed.lines if line.stage == INFERENCE]
    if own is None:
        return None
    if line.energy is None:
        return "; ".join(line.unknown)
    _, *rest = line.energy.inputs  # the first is the energy per 1,000 decisions
    given = draws.of("energy per 1,000 decisions of a model of its own", own, place=weighed.deployment.key)
    return Product(line.energy.factor, (given, *rest)).draws(draws.count), line.energy.draws(draws.count)


def _reached(
    suffix: str, energies: tuple[Array, ...], group: Mapping[str, str], method: str
) -> Iterator[Estimate | Missing]:
    """N* over all draws, with "never" counted as infinite, and the share of draws in which it is never reached."""
    use = ", use counted" if suffix else ""
    pretraining, scratch, adaptation, *inference = energies
    saved = saved_per_task(scratch, adaptation, *(inference or (0.0, 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        tasks = np.where(saved > 0, pretraining / saved, np.inf)
    never = float(np.isinf(tasks).mean())
    low, middle, high = (float(one) for one in np.quantile(tasks, LEVELS, method="higher"))
    quantity = f"break_even_tasks{suffix}"
    method = f"{method}; over all draws, never counted as beyond every number"
    if np.isinf(middle):
        rest = (
            ""
            if never == 1.0
            else f"; in the others from {rounded(float(np.median(tasks[np.isfinite(tasks)])))} tasks on (median)"
        )
        share = "every draw" if never == 1.0 else f"{never:.0%} of the draws"
        reason = f"never: adapting costs at least as much as training from scratch, in {share}{use}{rest}"
        yield missing(quantity, reason, group)
    elif np.isinf(high):
        yield Estimate(
            quantity=quantity,
            unit="count",
            value=middle,
            n=tasks.size,
            group=group,
            method=method,
            note=f"95 % of the draws lie between {rounded(low)} and never; never in {never:.1%}",
        )
    else:
        yield over_draws((quantity, "count"), DrawSummary(middle, middle, low, high), group, method)
    words = f"share of the draws in which adapting costs at least as much as training from scratch{use}"
    yield share_of_draws(f"never_probability{suffix}", never, group, words)
