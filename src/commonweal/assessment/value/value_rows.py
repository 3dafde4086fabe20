"""The ledger and V(M) as rows of evidence, with what each rests on; what is unknown is a row with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from commonweal.assessment.roles import role_of
from commonweal.assessment.row_writer import VERSION, Writer
from commonweal.assessment.value.allocation import EMBODIED
from commonweal.assessment.value.baseline_value import QUANTITIES as BASELINE_QUANTITIES
from commonweal.assessment.value.baseline_value import baseline_of, baseline_rows
from commonweal.assessment.value.break_even_rows import break_even_rows
from commonweal.assessment.value.ledger import Draws, decision_energies, ledger, worst
from commonweal.assessment.value.ledger_rows import ledger_rows
from commonweal.assessment.value.value import Choices, Value, weigh
from commonweal.assessment.value.value_estimates import DRAWS, missing, over_draws, share_of_draws
from commonweal.assessment.value.value_inputs import Weighing, weighing
from commonweal.assessment.value.value_terms import TermName
from commonweal.evidence.numbers import rounded
from commonweal.evidence.records import Estimate, Evidence, Facts, FigureChoice, Method, Missing, Quantity
from commonweal.system.records import System
from commonweal.system.uncertain import Uncertain

VALUE_SOURCE = (
    "Bommasani et al. 2021, section 5.3, V(M) = S - C - E - O; distribution over groups and draws: commonweal"
)
TERM_WORDS: Mapping[TermName, str] = {
    "benefit": "benefit S",
    "carbon": "cost of carbon C",
    "energy": "cost of electricity E",
    "other": "other burdens O",
}
SHARED = "inputs that all groups share are drawn once"
VALUE_METHOD = Method(
    name="environment.value",
    title="Value V(M) over people",
    summary="What a deployment is worth less what it costs, V = S - C - E - O, in money, as a distribution over "
    "groups of people.",
    source=VALUE_SOURCE,
    version=VERSION,
    cluster="none: Monte Carlo over the declared inputs",
    applies_to="deployment that declares how its value is reckoned",
    statement_part="costs",
    figures=(
        FigureChoice(
            kind="break_even",
            quantities=(
                "pretraining_energy",
                "adaptation_energy",
                "scratch_energy",
                "break_even_tasks",
                "never_probability",
            ),
        ),
    ),
    description=(
        "V = S - C - E - O of a deployment over the years that are counted.\n\nS, the declared benefits; C, carbon at "
        "its cost to the world; E, electricity; O, declared burdens and the carbon of making the hardware. A term "
        "that is not declared is unknown, and V with it; then the benefit at which V would be 0 is given."
    ),
    quantities={
        "value": Quantity(unit="money", label="value V", about="below 0: it costs people more than it gives them"),
        "group_value": Quantity(
            unit="money",
            label="value V of each group",
            about="below 0: these people lose by it; means over groups add up, medians do not",
        ),
        "group_below_zero_probability": Quantity(unit="1", label="probability that a group's V is below 0"),
        "term": Quantity(
            unit="money",
            label="term of V",
            about="electricity at its price: the stress of the grid at its peaks is not in it",
        ),
        "below_zero_probability": Quantity(
            unit="1",
            label="probability that V is below 0",
            about="over the declared inputs; drawing adds up to 0.7 points",
        ),
        "benefit_share": Quantity(unit="1", label="share of the benefit"),
        "burden_share": Quantity(unit="1", label="share of the burden"),
        "weighted_value": Quantity(
            unit="money",
            label="value V, weighted by income",
            about="in dollars of the richest group; one counts more for the poorer; not to be set against V",
        ),
        "uneven_probability": Quantity(
            unit="1",
            label="probability that builders gain and others pay",
            about="builders and deployers have over half of the benefit, and people without any benefit bear over "
            "half of the burden",
        ),
        "value_at_zero": Quantity(unit="money", label="what the undeclared terms would have to be for V = 0"),
        "switching_value": Quantity(
            unit="the input's", label="value of an input at which the median of V changes its sign"
        ),
        "break_even_tasks": Quantity(
            unit="count",
            label="tasks from which the shared model costs less energy",
            about="below, one model per task is cheaper",
        ),
        "never_probability": Quantity(unit="1", label="probability that it never breaks even"),
        "break_even_tasks_with_use": Quantity(
            unit="count",
            label="tasks from which the shared model costs less energy, use counted",
            about="each task used as this deployment is",
        ),
        "never_probability_with_use": Quantity(unit="1", label="probability that it never breaks even, use counted"),
        "pretraining_energy": Quantity(unit="kWh", label="energy P of making the shared model once"),
        "adaptation_energy": Quantity(unit="kWh", label="energy f of adapting it to one task"),
        "scratch_energy": Quantity(unit="kWh", label="energy S of training from scratch for one task"),
        **BASELINE_QUANTITIES,
    },
    warnings=(
        "V above 0 is no permission: people who lose have not agreed to pay for people who gain, and what nobody put "
        "into money is not in it.",
        "The interval holds what the declared inputs leave open, not whether they are right.",
        "The price of carbon depends on its discount rate more than on anything that is measured.",
    ),
)


def value_rows(
    system: System,
    evidence: Sequence[Evidence],
    methods: Mapping[str, Method],
    writers: tuple[Writer, Writer],
    seed: int,
) -> Iterator[Evidence]:
    """The rows of the ledger, then those of V of each deployment that declares how its value is reckoned."""
    draws = Draws(DRAWS, np.random.default_rng([seed, 5_3]))
    books = ledger(system, decision_energies(evidence, methods), draws)
    ratios = [row for row in evidence if role_of(row, methods) == "mitigation_energy_ratio"]
    yield from ledger_rows(system, books, ratios, draws, writers[0])
    for deployment in system.deployments:
        if deployment.value is not None:
            weighed = weighing(system, deployment, books, draws)
            value = weigh(
                weighed.groups, weighed.terms, weighed.value.unit, Choices(elasticity=weighed.value.elasticity)
            )
            origin = tuple(dict.fromkeys(row for line in weighed.lines for row in line.evidence))
            for result in (*_rows_of(weighed, value, draws), *break_even_rows(system, weighed, draws)):
                yield writers[1].row((deployment.application,), result, origin)
            baseline = baseline_of(deployment.application, evidence, methods, weighed.value.baseline)
            if baseline is not None:
                for result in baseline_rows(system, weighed, baseline, draws):
                    yield writers[1].row((deployment.application,), result, (*origin, *baseline.evidence))


def _rows_of(weighed: Weighing, value: Value, draws: Draws) -> Iterator[Estimate | Missing]:
    """V, its terms, its groups, its shares, and what would change its sign."""
    of_deployment = {"deployment": weighed.deployment.key}
    years = f"{weighed.value.years:g} year{'' if weighed.value.years == 1 else 's'}, later ones counted like the first"
    method = f"{DRAWS:,} draws; {SHARED}; over {years}; median and 95 % uncertainty interval"
    for name, words in TERM_WORDS.items():
        group = {**of_deployment, "term": words}
        if name in value.terms:
            used = {given.name: draws.declared(given) for item in weighed.terms.of(name) or () for given in item.inputs}
            term = over_draws(("term", value.unit), value.terms[name], group, method, _inputs(weighed, name, used))
            yield term.model_copy(update={"facts": Facts(grade=worst(number.grade for number in used.values()))})
        else:
            yield missing("term", "; ".join(weighed.why_not.get(name, ("not declared",))), group)
    if value.value is None or value.below_zero is None:
        yield missing("value", _undeclared(value.missing), of_deployment)
    else:
        without = _without(weighed)
        yield over_draws(("value", value.unit), value.value, of_deployment, method, without)
        yield share_of_draws("below_zero_probability", value.below_zero, of_deployment, method, without)
    if value.missing:
        yield _zero(weighed, value, of_deployment, method)
    yield from _people_told(weighed, value, of_deployment, method)
    yield _weighted(value, of_deployment, method)
    yield from _switches(
        value, of_deployment, {given.name: draws.declared(given).unit for given in weighed.terms.inputs}
    )


def _inputs(weighed: Weighing, name: TermName, used: Mapping[str, Uncertain]) -> str:
    """Every input of a term, with its grade and source."""
    parts = [f"{one}: {number.grade}, {number.source}" for one, number in used.items()]
    answer = {
        "benefit": ("benefits", weighed.deployment.benefits),
        "other": ("burdens", weighed.deployment.burdens),
    }.get(name)
    if answer is not None and answer[1] == "none":
        parts.append(f"`{answer[0]}: none` is declared: there is none, so it is 0")
    if name == "other" and (without := _without(weighed)):
        parts.append(without)
    return "; ".join(parts)


def _without(weighed: Weighing) -> str:
    """What V leaves out because nobody declared it: hardware of what is used or adapted; that of a training makes V
    unknown.
    """
    embodied = {line.asset for line in weighed.lines if line.stage == EMBODIED}
    without = dict.fromkeys(line.asset for line in weighed.lines if line.asset not in embodied)
    return f"not declared, so not in it: the carbon of making the hardware for {', '.join(without)}" if without else ""


def _zero(weighed: Weighing, value: Value, of_deployment: Mapping[str, str], method: str) -> Estimate | Missing:
    """What the undeclared terms would have to be for V = 0: a number only where all others are declared."""
    zero = value.zero_at
    of = zero.of if zero is not None else value.missing
    group = {**of_deployment, "of": " and ".join(TERM_WORDS[name] for name in of)}
    if zero is not None and not zero.without:
        return over_draws(("value_at_zero", value.unit), zero.at, group, method)
    others = [name for name in value.missing if name != "benefit"]
    group = {**of_deployment, "of": TERM_WORDS["benefit"]}
    reasons = dict.fromkeys(reason for name in others for reason in weighed.why_not.get(name, ("not declared",)))
    words = ", ".join(TERM_WORDS[name] for name in others)
    why = f"unknown until these are declared too: {words} ({'; '.join(reasons)})"
    return missing("value_at_zero", why, group)


def _people_told(
    weighed: Weighing, value: Value, of_deployment: Mapping[str, str], method: str
) -> Iterator[Estimate | Missing]:
    """V and shares by group, and whether builders gain while others pay; unknown where a term is, or where groups
    overlap.
    """
    if weighed.overlap:
        for quantity in ("group_value", "benefit_share", "burden_share", "uneven_probability"):
            yield missing(quantity, weighed.overlap, of_deployment)
        return
    yield from _groups_told(value, of_deployment, method)
    burdens, benefit = (
        [name for name in value.missing if (name == "benefit") == of_benefit] for of_benefit in (False, True)
    )
    needed = {"burden_share": burdens, "benefit_share": benefit, "uneven_probability": value.missing}
    yield from (missing(quantity, _undeclared(names), of_deployment) for quantity, names in needed.items() if names)
    if not value.missing and value.evenness is not None:
        note = (
            f"share of builders and deployers in the benefit: {value.evenness.benefit_of_builders.median:.0%}; share "
            f"of people without any benefit in the burden: {value.evenness.burden_without_benefit.median:.0%}; above "
            "one half of both is a choice of ours"
        )
        facts = None
        if value.evenness.alarms:
            note = f"uneven: benefit at those who build, burden at those who get none of it; {note}"
            facts = Facts(headline=f"U{note[1:]}.")
        share = share_of_draws("uneven_probability", value.evenness.probability, of_deployment, method, note)
        yield share.model_copy(update={"facts": facts})


def _undeclared(names: Sequence[TermName]) -> str:
    return f"not declared or unknown: {', '.join(TERM_WORDS[name] for name in names)}"


def _groups_told(value: Value, of_deployment: Mapping[str, str], method: str) -> Iterator[Estimate | Missing]:
    for group_value in value.groups:
        group = {**of_deployment, "group": group_value.group.name}
        if group_value.value is not None and group_value.below_zero is not None:
            yield over_draws(
                ("group_value", value.unit), group_value.value, group, method, f"role: {group_value.group.role}"
            )
            yield share_of_draws("group_below_zero_probability", group_value.below_zero, group, method)
        for of, share, defined in (
            ("benefit", group_value.benefit_share, value.benefit_defined),
            ("burden", group_value.burden_share, value.burden_defined),
        ):
            if share is not None:
                note = (
                    f"over the {defined:.0%} of draws in which there is any"
                    if defined is not None and defined < 1
                    else ""
                )
                note = note if share.high > 0 else f"no {of} of theirs is declared"
                yield over_draws((f"{of}_share", "1"), share, group, method, note)


def _weighted(value: Value, of_deployment: Mapping[str, str], method: str) -> Estimate | Missing:
    weighted = value.weighted
    if weighted.value is None or weighted.below_zero is None:
        return missing("weighted_value", weighted.why_not or "V is unknown", of_deployment)
    note = (
        f"elasticity {weighted.elasticity:g}; a dollar counts 1 at an income of {weighted.reference_income or 1:,.0f}"
    )
    note += f"; P(below 0) {weighted.below_zero:.0%}"
    return over_draws(("weighted_value", value.unit), weighted.value, of_deployment, method, note)


def _switches(value: Value, of_deployment: Mapping[str, str], units: Mapping[str, str]) -> Iterator[Estimate | Missing]:
    """Which inputs flip the sign of the median of V; the one that needs to move least comes first."""
    for rank, switch in enumerate(value.switches or (), 1):
        group = {**of_deployment, "input": switch.name, "rank": str(rank)}
        if switch.at is None:
            far = "" if switch.impossible is None else f" (it would have to be {rounded(switch.impossible)})"
            reason = f"no possible value of {switch.name} changes the sign of the median of V, all else as drawn{far}"
            yield missing("switching_value", reason, group)
            continue
        within = "within its declared range" if switch.within_range else "outside its declared range"
        unit = units[switch.name]
        if unit[:3] == value.unit[:3]:
            unit = value.unit + unit[7:]
        yield Estimate(
            quantity="switching_value",
            unit=unit,
            value=switch.at,
            n=DRAWS,
            group=group,
            method="the value at which half of the draws of V lie below 0, all other inputs as drawn",
            note=f"median {switch.median:.4g}; {within}, {switch.low:.4g} to {switch.high:.4g}",
        )
