"""Who stands where: the upstream chain of an asset, and the findings that bear on each place of the system.

It reads the declared dependencies and the findings' own reach. What this module does not do: it never decides what is
inherited; a place inherits a finding only where the finding says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from commonweal.evidence.records import Finding
from commonweal.report.wording import RELATIONS, anchor
from commonweal.system.records import Actor, Asset, Dependency, System

PlaceKind = Literal["asset", "deployment", "population"]
Key = tuple[PlaceKind, str]


@dataclass(frozen=True, slots=True)
class UpstreamStep:
    """One asset upstream of another: how far, by which relation to the asset that uses it, and who decides about it."""

    asset: Asset
    steps: int
    relation: str
    user: str
    share: str
    actor: Actor | None

    def farther(self) -> UpstreamStep:
        """The same step, seen from one place further downstream."""
        return replace(self, steps=self.steps + 1)


@dataclass(slots=True)
class Bearing:
    """The findings that bear on one place."""

    here: list[Finding] = field(default_factory=list)
    inherited: list[Finding] = field(default_factory=list)


class Lineage:
    """The dependencies of a system, indexed for looking up."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.assets = {asset.id: asset for asset in system.assets}
        self.actors = {actor.id: actor for actor in system.actors}
        self.sources: dict[str, list[Dependency]] = defaultdict(list)
        self.users: dict[str, list[Dependency]] = defaultdict(list)
        for link in system.dependencies:
            self.sources[link.downstream].append(link)
            self.users[link.upstream].append(link)

    def actor_of(self, asset_id: str) -> Actor | None:
        asset = self.assets.get(asset_id)
        return self.actors.get(asset.actor) if asset and asset.actor else None

    def upstream(self, asset_id: str) -> list[UpstreamStep]:
        """Every asset upstream, nearest first. What feeds back is listed, and not followed further."""
        steps, frontier, seen, distance = [], [asset_id], {asset_id}, 0
        while frontier:
            distance += 1
            following = []
            for user in frontier:
                for link in self.sources[user]:
                    if link.upstream in seen or link.upstream not in self.assets:
                        continue
                    seen.add(link.upstream)
                    steps.append(self._step(link, distance))
                    if link.relation != "feeds_back":
                        following.append(link.upstream)
            frontier = following
        return steps

    def first_step(self, application: str) -> UpstreamStep | None:
        """A deployment's own application, as the first step of its chain."""
        asset = self.assets.get(application)
        return UpstreamStep(asset, 1, "deployed here", "", "", self.actor_of(application)) if asset else None

    def _step(self, link: Dependency, distance: int) -> UpstreamStep:
        share = link.share if isinstance(link.share, str) else "" if link.share is None else f"{link.share * 100:.3g} %"
        asset = self.assets[link.upstream]
        return UpstreamStep(asset, distance, RELATIONS[link.relation], link.downstream, share, self.actor_of(asset.id))


def place_of(system: System, subject: str) -> Key | None:
    """The asset, deployment or population that a subject names; None where it names none (the whole system, say)."""
    if system.has_asset(subject):
        return "asset", subject
    if any(deployment.key == subject for deployment in system.deployments):
        return "deployment", subject
    return ("population", subject) if system.population(subject) else None


def bearings(system: System, findings: Sequence[Finding]) -> Mapping[Key, Bearing]:
    """For each place, the findings made there and those it inherits."""
    places: dict[Key, Bearing] = defaultdict(Bearing)
    for finding in findings:
        home = place_of(system, finding.subject)
        if home:
            places[home].here.append(finding)
        for reach in finding.reach:
            if (reach.kind, reach.target) != home and not reach.measured_here:
                places[reach.kind, reach.target].inherited.append(finding)
    return places


def place_anchor(system: System, name: str) -> str:
    """The id of the panel of a subject; empty where it has none."""
    place = place_of(system, name)
    return anchor(*place) if place else ""
