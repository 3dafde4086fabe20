"""What the system file leaves open, as questions in plain words, the most useful first.

A question is no fault: the system loads and runs. Each says what would become measurable, or answerable, with its
answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from commonweal.system.declarations import BY_KEY, FactStatus, declaration_status, facts_of
from commonweal.system.graph import touched
from commonweal.system.records import Actor, Asset, AssetKind, Deployment, Population, System
from commonweal.system.wording import closest

Weight = Literal["essential", "important", "helpful"]
ORDER: Final[tuple[Weight, ...]] = ("essential", "important", "helpful")
MOST_FACTS_NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """One open question. `where`: the place in the file for its answer; `why`: what the answer makes possible.

    `weight`: essential (without it nothing can be said about people), important (a finding stays without scale or
    without someone to answer for it), helpful (completes the picture).
    """

    subject: str
    weight: Weight
    text: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class FactSummary:
    """How many of the facts that should be declared about an asset got which answer.

    `open`: labels of unanswered ones.
    """

    asset: str
    declared: int
    none: int
    unknown: int
    empty: int
    open: tuple[str, ...]

    @property
    def asked(self) -> int:
        return self.declared + self.none + self.unknown + self.empty


def questions(system: System) -> tuple[OpenQuestion, ...]:
    """Everything undeclared, unknown or out of reach, as questions; essential ones first, then in the order of the
    file.
    """
    open_questions = [
        *_about_system(system),
        *(question for deployment in system.deployments for question in _about_deployment(deployment)),
        *(question for deployment in system.deployments for question in _about_reach(system, deployment)),
        *_about_populations(system),
        *_about_spelling(system),
        *_about_assets(system),
        *(question for actor in system.actors for question in _about_actor(actor)),
        *(question for asset in system.assets for question in _about_facts(asset)),
    ]
    return tuple(sorted(open_questions, key=lambda question: ORDER.index(question.weight)))


def fact_summary(asset: Asset) -> FactSummary:
    """The answers about an asset, counted; `none`, `unknown` and empty apart.

    >>> summary = fact_summary(Asset(id="m", kind="model", declared={"license": "MIT", "hardware": "unknown",
    ...     "labour": "none"}))
    >>> summary.declared, summary.none, summary.unknown, summary.empty == summary.asked - 3
    (1, 1, 1, True)
    """
    status = declaration_status(asset)
    answers: list[FactStatus] = list(status.values())
    return FactSummary(
        asset=asset.id,
        declared=answers.count("declared"),
        none=answers.count("none"),
        unknown=answers.count("unknown"),
        empty=answers.count("empty"),
        open=tuple(one.label for one in facts_of(asset.kind) if status[one.key] in ("empty", "unknown")),
    )


def _about_system(system: System) -> Iterator[OpenQuestion]:
    if not system.populations:
        yield OpenQuestion(
            "system",
            "essential",
            "Who is affected? No population is declared.",
            "`populations`",
            "without people, a finding reaches nobody and says nothing about harm",
        )
    if not system.actors:
        yield OpenQuestion(
            "system",
            "essential",
            "Who decides? No actor is declared.",
            "`actors`",
            "without actors, no finding can travel to someone who can mend it",
        )
    if not any(asset.kind == "application" for asset in system.assets):
        yield OpenQuestion(
            "system",
            "essential",
            "What are the models used for? No application is declared.",
            "`assets`, an entry with `kind: application`",
            "people meet applications, not models",
        )


def _about_deployment(deployment: Deployment) -> Iterator[OpenQuestion]:
    subject = f"deployment '{deployment.key}'"
    where = f"`deployments`, the entry of '{deployment.key}', "
    if not deployment.reach:
        text = f"Whom does '{deployment.application}' reach here, and how many people a year?"
        yield OpenQuestion(
            subject,
            "essential",
            text,
            where + "`reach: {population: people a year}`",
            "every exposure is a number of people",
        )
    for population, people in deployment.reach.items():
        if people == "unknown":
            text = f"How many of '{population}' are reached a year? The file says unknown."
            yield OpenQuestion(
                subject,
                "important",
                text,
                where + f"`reach: {{{population}: …}}`",
                "every exposure is a number of people",
            )
    asked: tuple[tuple[str, object, Weight, str, str], ...] = (
        ("volume", deployment.volume, "important", "How many decisions does it make a year?", "scales errors, energy "
        "and cost to a year"),
        ("human_override", deployment.human_override, "important",
         "What share of its outputs does a person overturn? (lowest and highest)", "tells errors of the model from "
         "errors that reach people"),
        ("alternative", deployment.alternative, "important", "What does it replace, or what would happen without it?",
         "marginal risk needs a named baseline"),
        ("context", deployment.context, "important", "What does it decide about?", "the law and the harm depend on it"),
        ("grid", deployment.grid, "helpful", "On which country's electricity does it run?", "turns electricity into "
        "emissions"),
    )  # fmt: skip
    for key, value, weight, text, why in asked:
        if value is None or value == "unknown":
            said = " The file says unknown." if value == "unknown" else ""
            yield OpenQuestion(subject, weight, text + said, f"{where}`{key}: …`", why)
    for key in ("benefits", "burdens"):
        if not getattr(deployment, key):
            text = "Who gains what from it?" if key == "benefits" else "Who bears what because of it?"
            yield OpenQuestion(
                subject, "helpful", text, f"{where}`{key}: …`", "value is weighed by who gains and who bears"
            )


def _about_reach(system: System, deployment: Deployment) -> Iterator[OpenQuestion]:
    """Nobody can reach more people than there are."""
    for key, people in deployment.reach.items():
        population = system.population(key)
        size = population.size if population is not None else None
        if isinstance(size, float) and isinstance(people, float) and people > size:
            yield OpenQuestion(
                f"deployment '{deployment.key}'",
                "important",
                f"How can it reach {people:,.12g} of '{key}' a year, when they are {size:,.12g} people? Reach counts "
                "people, not decisions.",
                f"`deployments`, the entry of '{deployment.key}', `reach: {{{key}: …}}`, or `populations`, the entry "
                f"'{key}', `size: …`",
                "every exposure is a number of people",
            )


def _about_spelling(system: System) -> Iterator[OpenQuestion]:
    """Groups and attributes whose names differ only by case, spaces, '_' or '-': probably one and the same."""
    seen: dict[tuple[str, ...], tuple[str, str]] = {}
    for population in system.populations:
        for attribute, shares in population.groups.items():
            groups = shares if isinstance(shares, Mapping) else ()
            for place in ((attribute,), *((attribute, group) for group in groups)):
                name = place[-1]
                first, owner = seen.setdefault(tuple(map(_folded, place)), (name, population.id))
                if first != name:
                    yield OpenQuestion(
                        f"population '{population.id}'",
                        "important",
                        f"Is '{name}' the same as '{first}' of population '{owner}'? Spelt differently, they count as "
                        "two.",
                        f"`populations`, the entry '{population.id}', `groups`; write '{first}' in both",
                        "findings follow a group by its name",
                    )


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.casefold())


def _about_populations(system: System) -> Iterator[OpenQuestion]:
    reached = {name for deployment in system.deployments for name in deployment.reach}
    for population in system.populations:
        yield from _about_population(population, population.id in reached)


def _about_population(population: Population, reached: bool) -> Iterator[OpenQuestion]:
    subject, where = f"population '{population.id}'", f"`populations`, the entry '{population.id}', "
    if not reached:
        text = f"Which deployment reaches '{population.id}'? None names it under `reach`."
        yield OpenQuestion(
            subject,
            "important",
            text,
            f"`deployments`, `reach: {{{population.id}: …}}`",
            "a population nobody reaches is in no finding",
        )
    if population.size is None or population.size == "unknown":
        said = " The file says unknown." if population.size == "unknown" else ""
        text = f"How many people are {population.definition}?{said}"
        yield OpenQuestion(subject, "important", text, where + "`size: …`", "shares become numbers of people")
    if not population.groups:
        text = "Which groups make it up, with which shares?"
        yield OpenQuestion(
            subject,
            "important",
            text,
            where + "`groups: {attribute: {group: share}}`",
            "an average hides who is harmed",
        )
    for attribute, shares in population.groups.items():
        if shares == "unknown":
            text = f"Which groups by {attribute}, with which shares? The file says unknown."
            yield OpenQuestion(
                subject, "helpful", text, f"{where}`groups: {{{attribute}: …}}`", "an average hides who is harmed"
            )
    if population.source is None or population.source == "unknown":
        yield OpenQuestion(
            subject,
            "helpful",
            "Where do its size and shares come from?",
            where + "`source: …`",
            "a number needs a source",
        )


def _about_assets(system: System) -> Iterator[OpenQuestion]:
    """Tracing is done once for all assets, so that 3,000 of them take no longer than the file takes to read."""
    of_kind = {kind: [asset.id for asset in system.assets if asset.kind == kind] for kind in get_args(AssetKind)}
    below_data = touched(system, of_kind["dataset"], forward=True)
    below_model = touched(system, of_kind["model"] + of_kind["adapted_model"], forward=True)
    deployed = touched(system, {deployment.application for deployment in system.deployments}, forward=False)
    tests = {edge.upstream for edge in system.dependencies if edge.relation == "evaluated_on"}
    served = {edge.downstream for edge in system.dependencies if edge.relation == "serves"}
    in_use = {deployment.application for deployment in system.deployments}
    for asset in system.assets:
        name = _subject(asset)
        if asset.kind == "application":
            yield from _about_application(asset, asset.id in in_use, asset.id in served)
        elif asset.id not in deployed and asset.id not in tests:
            text = f"Which application uses '{asset.id}'? It reaches no deployment."
            yield OpenQuestion(name, "important", text, "`dependencies`", "a finding about it reaches nobody")
        if asset.kind == "adapted_model" and asset.id not in below_model:
            text = f"Which model was '{asset.id}' adapted from? None is declared."
            yield OpenQuestion(
                name, "important", text, "`dependencies`, `relation: adapted_from`", "what it inherits cannot be traced"
            )
        if asset.kind in ("model", "adapted_model") and asset.id not in below_data:
            text = f"Which data was '{asset.id}' made from? No dataset behind it is declared."
            where = "`assets`, an entry with `kind: dataset`, and `dependencies`, `relation: trained_on`"
            yield OpenQuestion(name, "important", text, where, "what it learned cannot be traced to its source")
        if asset.actor is None or asset.actor == "unknown":
            text = f"Who decides about '{asset.id}'?{' The file says unknown.' if asset.actor else ''}"
            why = "a finding must travel to someone who can mend it"
            yield OpenQuestion(name, "important", text, _entry(asset) + "`actor: …`", why)


def _about_application(asset: Asset, in_use: bool, served: bool) -> Iterator[OpenQuestion]:
    name, where = _subject(asset), _entry(asset)
    if not in_use:
        text = f"Where is '{asset.id}' in use, and on whom? It has no deployment."
        yield OpenQuestion(name, "essential", text, "`deployments`", "without a deployment no finding reaches people")
    if asset.prompt is None and asset.locator in (None, "none", "unknown"):
        text = f"How can '{asset.id}' be asked? It has neither a `prompt` nor a `locator`."
        yield OpenQuestion(
            name, "essential", text, where + "`prompt:` or `locator:`", "what cannot be asked cannot be measured"
        )
    elif asset.prompt is None and asset.outcome is None:
        text = f"Which answer of '{asset.id}' would the person affected want?"
        place = where + "`outcome: {favourable: …}`"
        yield OpenQuestion(name, "essential", text, place, "selection rates need a favourable answer")
    if not served:
        text = f"Which model serves '{asset.id}'? None is declared."
        weight: Weight = "essential" if asset.prompt is not None else "important"
        yield OpenQuestion(
            name, weight, text, "`dependencies`, `relation: serves`", "what it inherits from its model cannot be traced"
        )


def _subject(asset: Asset) -> str:
    return f"{asset.kind.replace('_', ' ')} '{asset.id}'"


def _entry(asset: Asset) -> str:
    return f"`assets`, the entry '{asset.id}', "


def _about_actor(actor: Actor) -> Iterator[OpenQuestion]:
    subject, where = f"actor '{actor.id}'", f"`actors`, the entry '{actor.id}', "
    if set(actor.roles) <= {"user", "affected"}:
        return
    if actor.contact is None or actor.contact == "unknown":
        text = f"Where can a harmed person write to '{actor.id}' ({actor.name})?"
        yield OpenQuestion(
            subject, "important", text, where + "`contact: …`, or `none`", "recourse begins with an address"
        )
    if actor.decision_rights is None or actor.decision_rights == "unknown":
        text = f"What may '{actor.id}' ({actor.name}) change?"
        place = where + "`decision_rights: […]`, or `none`"
        yield OpenQuestion(subject, "important", text, place, "power is who may change what")
    if actor.jurisdiction is None or actor.jurisdiction == "unknown":
        text = f"Under which country's law is '{actor.id}' ({actor.name})?"
        yield OpenQuestion(subject, "helpful", text, where + "`jurisdiction: …`", "rights differ by country")


def _about_facts(asset: Asset) -> Iterator[OpenQuestion]:
    subject, where = _subject(asset), _entry(asset) + "`declared`"
    for key in asset.declared:
        meant = (
            None
            if key in BY_KEY
            else closest(key, (one.key for one in facts_of(asset.kind) if not one.field), likeness=0.8)
        )
        if meant is not None and meant not in asset.declared:
            text = f"Is '{key}' meant to be '{meant}'? It is kept as an extra fact, and '{meant}' counts as empty."
            yield OpenQuestion(subject, "helpful", text, f"{where}, `{meant}: …`", "a misspelt fact is not found")
    summary = fact_summary(asset)
    if summary.open:
        rest = len(summary.open) - MOST_FACTS_NAMED
        named = ", ".join(summary.open[:MOST_FACTS_NAMED]) + (f", and {rest} more" if rest > 0 else "")
        text = (
            f"Can you tell more? Of {summary.asked} facts, {summary.declared} are declared, {summary.none} are `none`, "
            f"{summary.unknown} unknown and {summary.empty} empty. Open: {named}."
        )
        yield OpenQuestion(subject, "helpful", text, where, "those downstream inherit what they cannot see")
