"""Which part of what making an asset took belongs to each deployment downstream of it.

Two declarations can say so, and the rows say which it was: the share of an asset's making that a dependency carries
(`allocated`), or how many tasks the asset will do in its whole life for everyone (`lifetime_tasks`), of which a deployment
does volume x years. What neither says stays with everyone else, and nothing is counted twice: the parts of an asset and
the rest add up to the whole.

A deployment's own application needs no declaration: what making it took belongs to its deployments, by their volume.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from commonweal.system.records import CARRYING, Asset, Dependency, Deployment, System

EMBODIED = "embodied"
TRAINING = frozenset({"pretraining", "distillation"})
ADAPTING = frozenset({"adaptation", *TRAINING})
BY_SHARE, BY_USE = "declared share", "tasks done of the asset's lifetime tasks"


@dataclass(frozen=True, slots=True)
class Part:
    """What a deployment carries of an asset's making: a share from 0 to 1, and how it was worked out."""

    deployment: str
    share: float
    method: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """The parts of one asset, and why the rest is not allocated (empty: nothing is left)."""

    asset: str
    parts: tuple[Part, ...]
    why_not: tuple[str, ...]

    @property
    def rest(self) -> float:
        """The share that stays with everyone else, in [0, 1]."""
        return max(0.0, 1.0 - sum(part.share for part in self.parts))


def allocation(system: System, asset: Asset) -> Allocation:
    """How what making `asset` took falls on the deployments downstream of it.

    Parts add up to at most 1: shares of the dependencies that leave an asset are checked when the system is loaded, and tasks
    of more than a lifetime are brought down to it, which `why_not` says.
    """
    if isinstance(asset.lifetime_tasks, float):
        return _by_use(system, asset, asset.lifetime_tasks)
    why_not: list[str] = []
    found: dict[str, tuple[float, list[str]]] = {}
    for deployment, share, steps in _flow(system, asset.id, 1.0, (), why_not):
        before, methods = found.get(deployment, (0.0, []))
        found[deployment] = before + share, [*methods, *steps]
    parts = tuple(Part(name, share, "; ".join(dict.fromkeys(steps))) for name, (share, steps) in found.items())
    return Allocation(asset.id, parts, tuple(dict.fromkeys(why_not)))


def _flow(
    system: System, asset: str, share: float, steps: tuple[str, ...], why_not: list[str]
) -> Iterator[tuple[str, float, tuple[str, ...]]]:
    """Every way from an asset to a deployment: the deployment, the share that arrives, and each step in words."""
    own = system.deployments_of(asset)
    onward = [edge for edge in system.dependencies if edge.upstream == asset and edge.relation in CARRYING]
    if own and share > 0:
        splits, reason = _by_volume(own)
        if reason:
            why_not.append(reason)
        for deployment, part in splits.items():
            how = f"volume of the deployments of {asset}" if len(own) > 1 else f"the only deployment of {asset}"
            yield deployment, share * part, (*steps, how)
        return  # an application that is deployed keeps what reached it; what it feeds on is downstream of its use
    for edge in onward:
        carried, reason = _carried(edge)
        if reason:
            why_not.append(reason)
        if carried:
            step = f"{BY_SHARE} {carried:g} of {asset} to {edge.downstream}"
            yield from _flow(system, edge.downstream, share * carried, (*steps, step), why_not)
    if not onward:
        why_not.append(f"nothing that is deployed is downstream of {asset}")


def _carried(edge: Dependency) -> tuple[float, str]:
    if isinstance(edge.allocated, float):
        return edge.allocated, ""
    said = "unknown" if edge.allocated == "unknown" else "not declared"
    return (
        0.0,
        f"the share of {edge.upstream} that {edge.downstream} carries is {said} (`allocated`, or `lifetime_tasks` of {edge.upstream})",
    )


def _by_volume(deployments: tuple[Deployment, ...]) -> tuple[Mapping[str, float], str]:
    """The split among deployments of one application, by volume; one deployment takes all."""
    if len(deployments) == 1:
        return {deployments[0].key: 1.0}, ""
    volumes = {one.key: float(one.volume) for one in deployments if isinstance(one.volume, int | float)}
    total = sum(volumes.values())
    if len(volumes) < len(deployments) or total <= 0:
        return {}, f"the volumes of the deployments of {deployments[0].application} are not all declared"
    return {name: volume / total for name, volume in volumes.items()}, ""


def _by_use(system: System, asset: Asset, lifetime_tasks: float) -> Allocation:
    why_not: list[str] = []
    tasks: dict[str, float] = {}
    for name in sorted(downstream(system, asset.id) | {asset.id}):
        for deployment in system.deployments_of(name):
            years = deployment.value.years if deployment.value else 1.0
            if isinstance(deployment.volume, int | float):
                tasks[deployment.key] = float(deployment.volume) * years
            else:
                why_not.append(f"the volume of {deployment.key} is not declared")
    total = sum(tasks.values())
    scale = 1.0
    if total > lifetime_tasks:
        scale = lifetime_tasks / total
        why_not.append(
            f"its deployments do {total:,.0f} tasks, more than its {lifetime_tasks:,.0f} lifetime tasks: brought down to all of it"
        )
    parts = tuple(Part(name, scale * count / lifetime_tasks, BY_USE) for name, count in tasks.items() if count > 0)
    return Allocation(asset.id, parts, tuple(why_not))


def downstream(system: System, asset: str) -> set[str]:
    """All assets that rest on an asset, near or far."""
    found: set[str] = set()
    waiting = [asset]
    while waiting:
        here = waiting.pop()
        for edge in system.dependencies:
            if edge.upstream == here and edge.relation in CARRYING and edge.downstream not in found:
                found.add(edge.downstream)
                waiting.append(edge.downstream)
    return found


def upstream(system: System, asset: str) -> list[str]:
    """An asset and all that it is made from or served by, nearest first."""
    found = [asset]
    for name in found:
        edges = (edge for edge in system.dependencies if edge.downstream == name and edge.relation in CARRYING)
        found += [edge.upstream for edge in edges if edge.upstream not in found]
    return found


def undeclared(system: System, deployment: Deployment) -> tuple[str, ...]:
    """Why what this deployment carries of the energy and carbon upstream of it is not known whole; empty: it is."""
    names = upstream(system, deployment.application)
    reasons = [*without_making(system, names), *_fed_by_deployed(system, deployment.application, names)]
    for asset in map(system.asset, names):
        if any(one.stage != EMBODIED for one in asset.making):
            reasons += _unshared(system, deployment, asset, names)
    return tuple(dict.fromkeys(reasons))


def undeclared_hardware(system: System, deployment: Deployment) -> tuple[str, ...]:
    """Why its part of the hardware whose making is declared upstream of it is not known; empty: it is, or none is declared."""
    names = upstream(system, deployment.application)
    made = (asset for asset in map(system.asset, names) if any(one.stage == EMBODIED for one in asset.making))
    return tuple(dict.fromkeys(reason for asset in made for reason in _unshared(system, deployment, asset, names)))


def _unshared(system: System, deployment: Deployment, asset: Asset, names: Sequence[str]) -> tuple[str, ...]:
    """Why the deployment's part of an asset is not known."""
    split = allocation(system, asset)
    open_ways = () if isinstance(asset.lifetime_tasks, float) else _open_ways(system, asset.id, names)
    if open_ways:  # one way of several without a share would make the part too small, not unknown
        return open_ways
    if split.why_not and all(part.deployment != deployment.key for part in split.parts):
        return (split.why_not[0],)
    return ()


def _fed_by_deployed(system: System, application: str, names: Sequence[str]) -> tuple[str, ...]:
    """Deployed applications that serve this one: what they decide for it, and what is upstream of them, is not carried on."""
    feeding = [name for name in names if name != application and system.deployments_of(name)]
    return tuple(
        f"{name}, which {application} rests on, is deployed itself: which part of its use and of its making {application} carries is not known"
        for name in feeding
    )


def _open_ways(system: System, asset: str, names: Sequence[str]) -> tuple[str, ...]:
    """Dependencies on the ways from an asset down to what `names` are upstream of that do not say which share they carry."""
    below = downstream(system, asset) | {asset}
    ways = (
        edge
        for edge in system.dependencies
        if edge.upstream in below and edge.downstream in names and edge.relation in CARRYING
        and not system.deployments_of(edge.upstream)
    )  # fmt: skip
    return tuple(reason for _, reason in map(_carried, ways) if reason)


def without_making(system: System, assets: Sequence[str]) -> tuple[str, ...]:
    """Models among some assets of which nobody says what making them took: their hardware alone, or an adaptation of nothing, is not it.

    A model that rests on no other needs its pretraining (or distillation), one that is made from another any stage of its own.
    """
    found = []
    for asset in map(system.asset, assets):
        if asset.kind not in {"model", "adapted_model"}:
            continue
        edges = (edge for edge in system.dependencies if edge.downstream == asset.id and edge.relation == "adapted_from")
        adapted = asset.kind == "adapted_model" or any(edges)
        enough = ADAPTING if adapted else TRAINING
        if not any(one.stage in enough for one in asset.making):
            stages = (
                ""
                if not asset.making
                else f" (of its stages only {', '.join(asset.stages)} is; expected {' or '.join(sorted(enough))})"
            )
            found.append(f"what making {asset.id} took is not declared{stages}")
    return tuple(found)
