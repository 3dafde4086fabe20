"""Which part of what making an asset took belongs to each deployment downstream of it.

Two declarations can say so, and the rows say which it was: the share of an asset's making that a dependency carries
(`allocated`), or how many tasks the asset will do in its whole life for everyone (`lifetime_tasks`), of which a deployment
does volume x years. What neither says stays with everyone else, and nothing is counted twice: the parts of an asset and
the rest add up to the whole.

A deployment's own application needs no declaration: what making it took belongs to its deployments, by their volume.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from commonweal.system.records import CARRYING, Asset, Dependency, Deployment, System

EMBODIED = "embodied"
TRAINING = frozenset({"pretraining", "distillation"})
ADAPTING = frozenset({"adaptation", *TRAINING})
MODELS = frozenset({"model", "adapted_model"})
MOST_STEPS = 12
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
    found: dict[str, tuple[float, _Steps]] = {}
    for deployment, share, steps in _flow(system, asset.id, why_not):
        before, told = found.get(deployment, (0.0, _Steps()))
        found[deployment] = before + share, told.beside(steps)
    parts = tuple(Part(name, share, steps.words) for name, (share, steps) in found.items())
    return Allocation(asset.id, parts, tuple(dict.fromkeys(why_not)))


@dataclass(frozen=True, slots=True)
class _Steps:
    """The steps of all ways that lead to a place, in words; of very many only the first are told."""

    told: tuple[str, ...] = ()
    more: bool = False

    def beside(self, other: _Steps) -> _Steps:
        both = tuple(dict.fromkeys((*self.told, *other.told)))
        return _Steps(both[:MOST_STEPS], self.more or other.more or len(both) > MOST_STEPS)

    @property
    def words(self) -> str:
        return "; ".join((*self.told, *(("and more steps",) if self.more else ())))


def _flow(system: System, asset: str, why_not: list[str]) -> Iterator[tuple[str, float, _Steps]]:
    """What arrives at each deployment: its share, and the steps in words.

    An asset is passed on once everything that flows into it is there, so each dependency is followed once, however many ways
    lead over it.
    """
    waiting = _sources_below(system, asset)
    arrived = {asset: (1.0, _Steps())}
    ready = [asset]
    for here in ready:
        share, steps = arrived[here]
        own, onward = system.deployments_of(here), _onward(system, here)
        if own and share > 0:
            splits, reason = _by_volume(own)
            why_not += [reason] if reason else []
            how = f"volume of the deployments of {here}" if len(own) > 1 else f"the only deployment of {here}"
            yield from ((name, share * part, steps.beside(_Steps((how,)))) for name, part in splits.items())
            continue  # an application that is deployed keeps what reached it; what it feeds on is downstream of its use
        for edge in onward:
            carried, reason = _carried(edge)
            why_not += [reason] if reason else []
            if carried:
                before, told = arrived.get(edge.downstream, (0.0, _Steps()))
                step = _Steps((f"{BY_SHARE} {carried:g} of {here} to {edge.downstream}",))
                arrived[edge.downstream] = before + share * carried, told.beside(steps).beside(step)
                waiting[edge.downstream] -= 1
                ready += [] if waiting[edge.downstream] else [edge.downstream]
        if not onward:
            why_not.append(f"nothing that is deployed is downstream of {here}")


def _sources_below(system: System, asset: str) -> dict[str, int]:
    """How many dependencies bring something to each asset that anything of `asset` arrives at."""
    found: dict[str, int] = {}
    ready = [asset]
    for here in ready:
        for edge in () if system.deployments_of(here) else _onward(system, here):
            if _carried(edge)[0]:
                ready += [] if edge.downstream in found else [edge.downstream]
                found[edge.downstream] = found.get(edge.downstream, 0) + 1
    return found


def _onward(system: System, asset: str) -> Iterable[Dependency]:
    """The dependencies by which what making an asset took is carried on."""
    return [edge for edge in system.dependencies_from(asset) if edge.relation in CARRYING]


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
        for edge in _onward(system, waiting.pop()):
            if edge.downstream not in found:
                found.add(edge.downstream)
                waiting.append(edge.downstream)
    return found


def upstream(system: System, asset: str) -> list[str]:
    """An asset and all that it is made from or served by, nearest first."""
    found = {asset: None}
    waiting = [asset]
    for name in waiting:
        for edge in system.dependencies_of(name):
            if edge.relation in CARRYING and edge.upstream not in found:
                found[edge.upstream] = None
                waiting.append(edge.upstream)
    return waiting


class Carried:
    """What is not known of what each deployment carries from upstream; each asset's allocation is worked out once."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._splits: dict[str, Allocation] = {}
        self._holders: dict[str, frozenset[str]] = {}
        self._above: dict[str, _Above] = {}

    def split(self, asset: Asset) -> Allocation:
        """The allocation of an asset's making."""
        if asset.id not in self._splits:
            found = self._splits[asset.id] = allocation(self.system, asset)
            self._holders[asset.id] = frozenset(part.deployment for part in found.parts)
        return self._splits[asset.id]

    def undeclared(self, deployment: Deployment) -> tuple[str, ...]:
        """Why what this deployment carries of the energy and carbon upstream of it is not known whole; empty: it is."""
        above = self._of(deployment.application)
        return tuple(dict.fromkeys((*above.reasons, *self._unshared(deployment, above.powered))))

    def undeclared_hardware(self, deployment: Deployment) -> tuple[str, ...]:
        """Why its part of the carbon of making the hardware is not known; empty: it is."""
        above = self._of(deployment.application)
        return tuple(dict.fromkeys((*above.no_hardware, *self._unshared(deployment, above.hardware))))

    def without_model(self, application: str) -> tuple[str, ...]:
        """Why nothing is known of what an application was made from; empty: something is."""
        return self._of(application).no_model

    def _of(self, application: str) -> _Above:
        if application not in self._above:
            self._above[application] = _above(self.system, application)
        return self._above[application]

    def _unshared(self, deployment: Deployment, assets: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
        """Why the deployment's part of some assets is not known; `assets`: each with its ways that do not say what they carry."""
        for asset, open_ways in assets.items():
            split = self.split(self.system.asset(asset))
            if open_ways:  # one way of several without a share would make the part too small, not unknown
                yield from open_ways
            elif split.why_not and deployment.key not in self._holders[asset]:
                yield split.why_not[0]


@dataclass(frozen=True, slots=True)
class _Above:
    """What is upstream of an application: why its making is not all known, and the assets whose making and hardware is declared."""

    no_model: tuple[str, ...]
    reasons: tuple[str, ...]
    no_hardware: tuple[str, ...]
    powered: Mapping[str, tuple[str, ...]]
    hardware: Mapping[str, tuple[str, ...]]


def _above(system: System, application: str) -> _Above:
    names = upstream(system, application)
    assets = [system.asset(name) for name in names]

    def ways(asset: Asset) -> tuple[str, ...]:
        return () if isinstance(asset.lifetime_tasks, float) else _open_ways(system, asset.id, names)

    no_model = without_model(application, assets)
    return _Above(
        no_model=no_model,
        reasons=(
            *no_model,
            *without_origin(system, names),
            *without_making(system, names),
            *_fed_by_deployed(system, application, names),
        ),
        no_hardware=without_hardware(system, names),
        powered={one.id: ways(one) for one in assets if any(stage.stage != EMBODIED for stage in one.making)},
        hardware={one.id: ways(one) for one in assets if any(stage.stage == EMBODIED for stage in one.making)},
    )


def _fed_by_deployed(system: System, application: str, names: Sequence[str]) -> tuple[str, ...]:
    """Deployed applications that serve this one: what they decide for it, and what is upstream of them, is not carried on."""
    feeding = [name for name in names if name != application and system.deployments_of(name)]
    return tuple(
        f"{name}, which {application} rests on, is deployed itself: which part of its use and of its making {application} carries is not known"
        for name in feeding
    )


def _open_ways(system: System, asset: str, names: Sequence[str]) -> tuple[str, ...]:
    """Dependencies on the ways from an asset down to what `names` are upstream of that do not say which share they carry."""
    known = set(names)
    found: list[str] = []
    for name in (asset, *sorted(downstream(system, asset) & known - {asset})):
        if not system.deployments_of(name):
            found += [reason for edge in _onward(system, name) if edge.downstream in known and (reason := _carried(edge)[1])]
    return tuple(found)


def without_origin(system: System, assets: Sequence[str]) -> tuple[str, ...]:
    """Adapted models among some assets of which nobody says what they were adapted from."""
    return tuple(
        f"what {asset.id} was adapted from is not declared"
        for asset in map(system.asset, assets)
        if asset.kind == "adapted_model"
        and not any(
            edge.relation in CARRYING and system.asset(edge.upstream).kind in MODELS for edge in system.dependencies_of(asset.id)
        )
    )


def without_model(application: str, assets: Sequence[Asset]) -> tuple[str, ...]:
    """Why nothing is known of what an application was made from: no model among `assets`, and nobody says what making them took."""
    if any(one.kind in MODELS or any(stage.stage != EMBODIED for stage in one.making) for one in assets):
        return ()
    return (
        f"what {application} rests on is not declared (a model and its dependency; or, where there is none, `making` of {application})",
    )


def without_hardware(system: System, assets: Sequence[str]) -> tuple[str, ...]:
    """Trained models among some assets of which nobody says what carbon making their hardware took."""
    return tuple(
        f"the carbon of making the hardware for {asset.id} is not declared (a stage `embodied` of its `making`; `carbon: none` if there is none)"
        for asset in map(system.asset, assets)
        if any(one.stage in TRAINING for one in asset.making) and all(one.stage != EMBODIED for one in asset.making)
    )


def without_making(system: System, assets: Sequence[str]) -> tuple[str, ...]:
    """Models among some assets of which nobody says what making them took: their hardware alone, or an adaptation of nothing, is not it.

    A model that rests on no other needs its pretraining (or distillation), one that is made from another any stage of its own.
    """
    found = []
    for asset in map(system.asset, assets):
        if asset.kind not in MODELS:
            continue
        edges = (edge for edge in system.dependencies_of(asset.id) if edge.relation == "adapted_from")
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
