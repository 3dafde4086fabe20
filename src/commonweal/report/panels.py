"""The panels behind the map: what is declared about an asset, its upstream chain, and what was found there.

What this module does not do: it reads no evidence rows; findings carry what they say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from commonweal.evidence.records import Finding
from commonweal.report.lineage import Bearing, Lineage, UpstreamStep, bearings
from commonweal.report.wording import KINDS, RELATIONS, anchor, deployment_name, group_words, humanise, people_a_year
from commonweal.system.records import Actor, Asset, Deployment, Fact, Population, Stake, System

CHAIN_SHOWN, CHAIN_SHOWN_OF_MANY = 60, 6
MANY_PLACES = 60
ANSWERS = {
    "none": ("none", "there is none"),
    "unknown": ("unknown", "nobody could say"),
    "empty": ("not answered", "the system file leaves it empty"),
}


@dataclass(frozen=True, slots=True)
class DeclaredFact:
    """One declared fact: `state` keeps declared, none, unknown and empty apart."""

    name: str
    state: str
    text: str
    meaning: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Something next to a place: an asset, a deployment, a population."""

    words: str
    name: str
    href: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One place of the system, in full."""

    anchor: str
    name: str
    kind: str
    lead: str
    answers: tuple[DeclaredFact, ...]
    chain: tuple[UpstreamStep, ...]
    chain_more: int
    has_chain: bool
    downstream: tuple[Neighbour, ...]
    here: tuple[Finding, ...]
    inherited: tuple[Finding, ...]
    is_actor: bool = False

    def nearest(self, steps: int) -> Panel:
        """The same with so many steps of its chain at most."""
        cut = max(0, len(self.chain) - steps)
        return replace(self, chain=self.chain[:steps], chain_more=self.chain_more + cut)


def answer(name: str, fact: Fact | Mapping[str, object], href: str = "", unit: str = "") -> DeclaredFact:
    """A fact and which of the four answers it is.

    >>> answer("license", "none").state, answer("license", None).text, answer("weights_public", True).text
    ('none', 'not answered', 'yes')
    """
    label = humanise(name)
    state = "empty" if fact is None or fact in ("", ()) else fact if fact in ("none", "unknown") else "declared"
    if state in ANSWERS:
        text, meaning = ANSWERS[str(state)]
        return DeclaredFact(label, str(state), text, meaning)
    if isinstance(fact, bool):
        return DeclaredFact(label, "declared", "yes" if fact else "no", href=href)
    if isinstance(fact, int | float):
        return DeclaredFact(
            label,
            "declared",
            f"{fact:,.6g}".replace("e+", "e") + unit if abs(fact) < 1e6 else f"{fact:,.0f}{unit}",
            href=href,
        )
    return DeclaredFact(label, "declared", ", ".join(fact) if isinstance(fact, tuple) else str(fact), href=href)


def write_panels(system: System, findings: Sequence[Finding]) -> tuple[Panel, ...]:
    """A panel for every asset, deployment, population and actor.

    Where there are many places, a panel shows the nearest steps of its chain, since the next panel shows the others.
    """
    lineage, places = Lineage(system), bearings(system, findings)
    panels = [_asset(asset, lineage, places.get(("asset", asset.id))) for asset in system.assets]
    panels += [_deployment(item, lineage, places.get(("deployment", item.key))) for item in system.deployments]
    panels += [_population(people, system, places.get(("population", people.id))) for people in system.populations]
    if len(panels) > MANY_PLACES:
        panels = [panel.nearest(CHAIN_SHOWN_OF_MANY) for panel in panels]
    return (*panels, *(_actor(actor, system, findings) for actor in system.actors))


def _panel(
    key: tuple[str, str],
    title: tuple[str, str, str],
    bearing: Bearing | None,
    answers: Sequence[DeclaredFact],
    chain: Sequence[UpstreamStep] | None = None,
    downstream: Sequence[Neighbour] = (),
) -> Panel:
    name, kind, lead = title
    return Panel(
        anchor=anchor(*key),
        name=name,
        kind=kind,
        lead=lead,
        answers=tuple(answers),
        chain=tuple((chain or ())[:CHAIN_SHOWN]),
        chain_more=max(0, len(chain or ()) - CHAIN_SHOWN),
        has_chain=chain is not None,
        downstream=tuple(downstream),
        here=tuple(bearing.here) if bearing else (),
        inherited=tuple(bearing.inherited) if bearing else (),
        is_actor=key[0] == "actor",
    )


def _asset(asset: Asset, lineage: Lineage, bearing: Bearing | None) -> Panel:
    actor = lineage.actor_of(asset.id)
    answers = [
        answer("decided by", actor.name if actor else asset.actor, anchor("actor", actor.id) if actor else ""),
        answer("decision rights", _rights(actor)),
        answer("stage", asset.life_stage),
        answer("release", asset.release and humanise(asset.release).lower()),
        answer("locator", asset.locator if asset.locator or not asset.prompt else "a prompt on its model"),
        *([answer("number format", asset.dtype)] if asset.dtype else []),
        *(answer(name, fact) for name, fact in asset.declared.items()),
    ]
    if asset.prompt:
        answers += [answer("prompt", asset.prompt.template), answer("favourable answer", asset.prompt.favourable)]
    downstream = [
        Neighbour(RELATIONS[link.relation], link.downstream, anchor("asset", link.downstream))
        for link in lineage.users[asset.id]
    ]
    downstream += [
        Neighbour("deployed as", deployment_name(item), anchor("deployment", item.key))
        for item in lineage.system.deployments_of(asset.id)
    ]
    return _panel(
        ("asset", asset.id), (asset.id, KINDS[asset.kind], ""), bearing, answers, lineage.upstream(asset.id), downstream
    )


def _rights(actor: Actor | None) -> Fact:
    rights = actor.decision_rights if actor else None
    return tuple(right.replace("_", " ") for right in rights) if isinstance(rights, tuple) else rights


def _deployment(item: Deployment, lineage: Lineage, bearing: Bearing | None) -> Panel:
    override = item.human_override
    answers = [
        answer("application", item.application, anchor("asset", item.application)),
        answer("context", item.context),
        answer("electricity grid", item.grid),
        answer("volume", item.volume, unit=" decisions a year"),
        answer(
            "share overturned by a person",
            f"{override[0]:.3g} to {override[1]:.3g}" if isinstance(override, tuple) else override,
        ),
        answer("what it replaces", item.alternative),
        *_stakes("benefit", item.benefits),
        *_stakes("burden", item.burdens),
    ]
    reached = [
        Neighbour(
            "reaches", name, anchor("population", name), people_a_year(None if isinstance(people, str) else people)
        )
        for name, people in item.reach.items()
    ]
    first = lineage.first_step(item.application)
    chain = [first, *(step.farther() for step in lineage.upstream(item.application))] if first else []
    return _panel(("deployment", item.key), (deployment_name(item), "deployment", ""), bearing, answers, chain, reached)


def _stakes(name: str, stakes: tuple[Stake, ...] | str) -> list[DeclaredFact]:
    if isinstance(stakes, str):
        return [answer(name, stakes)]
    return [answer(name, f"{one.population or one.actor} {_part(one.group)}: {one.what}") for one in stakes]


def _part(group: Mapping[str, str] | None) -> str:
    return f"({group_words(group)})" if group else ""


def _population(people: Population, system: System, bearing: Bearing | None) -> Panel:
    answers = [answer("size", people.size, unit=" people"), answer("source", people.source)]
    for attribute, shares in people.groups.items():
        words = (
            shares
            if isinstance(shares, str)
            else ", ".join(f"{name} {share * 100:.3g} %" for name, share in shares.items())
        )
        answers.append(answer(f"shares by {attribute}", words))
    reached = [
        Neighbour(
            "reached by",
            deployment_name(item),
            anchor("deployment", item.key),
            people_a_year(None if isinstance(item.reach[people.id], str) else float(item.reach[people.id])),
        )
        for item in system.deployments
        if people.id in item.reach
    ]
    return _panel(
        ("population", people.id), (people.id, "population", people.definition), bearing, answers, None, reached
    )


def _actor(actor: Actor, system: System, findings: Sequence[Finding]) -> Panel:
    answers = [
        answer("roles", actor.roles),
        answer("jurisdiction", actor.jurisdiction),
        answer("where a harmed person can write", actor.contact),
        answer("may decide about", _rights(actor)),
    ]
    owned = [
        Neighbour("decides about", asset.id, anchor("asset", asset.id), KINDS[asset.kind])
        for asset in system.assets
        if asset.actor == actor.id
    ]
    mends = [finding for finding in findings if any(mender.actor == actor.id for mender in finding.menders)]
    return _panel(("actor", actor.id), (actor.name, "actor", ""), Bearing(here=mends), answers, None, owned)
