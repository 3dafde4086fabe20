"""Which part of what making an asset took belongs to each deployment downstream of it.

Two declarations can say so, and the rows say which it was: the share of an asset's making that a dependency carries
(`allocated`), or how many tasks the asset will do in its whole life for everyone (`lifetime_tasks`), of which a
deployment does volume x years. What neither says stays with everyone else, and nothing is counted twice: the parts of
an asset and the rest add up to the whole.

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
MOST_TOLD, MORE = 12, "and more"
BY_SHARE, BY_USE = "declared share", "tasks done of the asset's lifetime tasks"


@dataclass(frozen=True, slots=True)
class CarriedShare:
    """What a deployment carries of an asset's making: a share from 0 to 1, and how it was worked out."""

    deployment: str
    share: float
    method: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """The parts of one asset, and why the rest is not allocated (empty: nothing is left)."""

    asset: str
    parts: tuple[CarriedShare, ...]
    why_not: tuple[str, ...]

    @property
    def rest(self) -> float:
        """The share that stays with everyone else, in [0, 1]."""
        return max(0.0, 1.0 - sum(part.share for part in self.parts))


def allocation(system: System, asset: Asset) -> Allocation:
    """How the energy and carbon of making `asset` are shared among the deployments downstream of it.

    Parts add up to at most 1: shares of the dependencies that leave an asset are checked when the system is loaded, and
    tasks of more than a lifetime are brought down to it, which `why_not` says.
    """
    return Carried(system).split(asset)


@dataclass(frozen=True, slots=True)
class _Flow:
    """The share of an asset that reaches each deployment, with the steps in words, and why the rest reaches none."""

    shares: Mapping[str, tuple[float, tuple[str, ...]]]
    why_not: tuple[str, ...]


def _flow(system: System, asset: str, below: Mapping[str, _Flow]) -> _Flow:
    """The flow of an asset, from the flows already worked out `below` it, so that each dependency is followed only
    once.
    """
    own, onward = system.deployments_of(asset), _onward(system, asset)
    if own:  # an application that is deployed keeps what reached it; what it feeds on is downstream of its use
        splits, reason = _by_volume(own)
        how = f"volume of the deployments of {asset}" if len(own) > 1 else f"the only deployment of {asset}"
        return _Flow({name: (part, (how,)) for name, part in splits.items()}, (reason,) if reason else ())
    shares: dict[str, tuple[float, tuple[str, ...]]] = {}
    why_not = [] if onward else [f"nothing that is deployed is downstream of {asset}"]
    for edge in onward:
        carried, reason = _carried(edge)
        why_not += [reason] if reason else []
        if carried and edge.downstream in below:
            step, flow = f"{BY_SHARE} {carried:g} of {asset} to {edge.downstream}", below[edge.downstream]
            why_not += flow.why_not
            for deployment, (share, steps) in flow.shares.items():
                before, told = shares.get(deployment, (0.0, ()))
                shares[deployment] = before + carried * share, _few((*told, step, *steps))
    return _Flow(shares, _few(why_not))


def _few(texts: Iterable[str]) -> tuple[str, ...]:
    """Distinct texts in order; beyond a limit, the first ones and a note that there are more."""
    found = tuple(dict.fromkeys(texts))
    return found if len(found) <= MOST_TOLD else (*(one for one in found[:MOST_TOLD] if one != MORE), MORE)


def _from_below(system: System, assets: Iterable[str]) -> list[str]:
    """Some assets and everything downstream of them, each after what is downstream of it."""
    ordered: list[str] = []
    seen: set[str] = set()
    waiting = [(asset, False) for asset in assets]
    while waiting:
        asset, whole = waiting.pop()
        if whole:
            ordered.append(asset)
        elif asset not in seen:
            seen.add(asset)
            waiting.append((asset, True))
            waiting += [(edge.downstream, False) for edge in _onward(system, asset)]
    return ordered


def _onward(system: System, asset: str) -> Iterable[Dependency]:
    """The dependencies that carry the cost of making an asset downstream."""
    return [edge for edge in system.dependencies_from(asset) if edge.relation in CARRYING]


def _carried(edge: Dependency) -> tuple[float, str]:
    if isinstance(edge.allocated, float):
        return edge.allocated, ""
    said = "unknown" if edge.allocated == "unknown" else "not declared"
    return (
        0.0,
        f"the share of {edge.upstream} that {edge.downstream} carries is {said} (`allocated`, or `lifetime_tasks` of "
        f"{edge.upstream})",
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
            f"its deployments do {total:,.0f} tasks, more than its {lifetime_tasks:,.0f} lifetime tasks: brought down "
            "to all of it"
        )
    parts = tuple(
        CarriedShare(name, scale * count / lifetime_tasks, BY_USE) for name, count in tasks.items() if count > 0
    )
    return Allocation(asset.id, parts, tuple(why_not))


def downstream(system: System, asset: str) -> set[str]:
    """All assets directly or indirectly downstream of an asset."""
    resting: set[str] = set()
    waiting = [asset]
    while waiting:
        for edge in _onward(system, waiting.pop()):
            if edge.downstream not in resting:
                resting.add(edge.downstream)
                waiting.append(edge.downstream)
    return resting


def upstream(system: System, asset: str) -> list[str]:
    """An asset and all that it is made from or served by, nearest first."""
    seen = {asset: None}
    waiting = [asset]
    for name in waiting:
        for edge in system.dependencies_of(name):
            if edge.relation in CARRYING and edge.upstream not in seen:
                seen[edge.upstream] = None
                waiting.append(edge.upstream)
    return waiting


class Carried:
    """What each deployment carries from upstream, and what of that is not known; each asset's flow is worked out
    once.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self._splits: dict[str, Allocation] = {}
        self._holders: dict[str, frozenset[str]] = {}
        self._flows: dict[str, _Flow] = {}
        self._above: dict[str, _Above] = {}

    def split(self, asset: Asset) -> Allocation:
        """The allocation of an asset's making."""
        if asset.id not in self._splits:
            tasks = asset.lifetime_tasks
            found = _by_use(self.system, asset, tasks) if isinstance(tasks, float) else self._by_share(asset)
            self._splits[asset.id] = found
            self._holders[asset.id] = frozenset(part.deployment for part in found.parts)
        return self._splits[asset.id]

    def _by_share(self, asset: Asset) -> Allocation:
        if asset.id not in self._flows:
            for name in _from_below(self.system, (asset.id,)):
                if name not in self._flows:
                    self._flows[name] = _flow(self.system, name, self._flows)
        flow = self._flows[asset.id]
        parts = tuple(CarriedShare(name, share, "; ".join(steps)) for name, (share, steps) in flow.shares.items())
        return Allocation(asset.id, parts, flow.why_not)

    def undeclared(self, deployment: Deployment) -> tuple[str, ...]:
        """Why the upstream energy and carbon that this deployment carries is not fully known; empty if it is."""
        above = self._of(deployment.application)
        return tuple(dict.fromkeys((*above.reasons, *self._unshared(deployment, above.powered))))

    def undeclared_hardware(self, deployment: Deployment) -> tuple[str, ...]:
        """Why its share of the carbon of making the hardware is not known; empty if it is."""
        above = self._of(deployment.application)
        return tuple(dict.fromkeys((*above.no_hardware, *self._unshared(deployment, above.hardware))))

    def without_model(self, application: str) -> tuple[str, ...]:
        """Why nothing is known of what an application was made from; empty if something is."""
        return self._of(application).no_model

    def _of(self, application: str) -> _Above:
        if application not in self._above:
            self._above[application] = _above(self.system, application)
        return self._above[application]

    def _unshared(self, deployment: Deployment, assets: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
        """Why the deployment's part of some assets is not known; `assets`: each with its ways that do not say what
        they carry.
        """
        for asset, open_ways in assets.items():
            split = self.split(self.system.asset(asset))
            if open_ways:  # one way of several without a share would make the part too small, not unknown
                yield from open_ways
            elif split.why_not and deployment.key not in self._holders[asset]:
                yield split.why_not[0]


@dataclass(frozen=True, slots=True)
class _Above:
    """What is upstream of an application: why its making is not all known, and the assets whose making and hardware
    is declared.
    """

    no_model: tuple[str, ...]
    reasons: tuple[str, ...]
    no_hardware: tuple[str, ...]
    powered: Mapping[str, tuple[str, ...]]
    hardware: Mapping[str, tuple[str, ...]]


def _above(system: System, application: str) -> _Above:
    names = upstream(system, application)
    assets = [system.asset(name) for name in names]
    ways = _open_ways(system, names)
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
        powered={
            asset.id: ways[asset.id] for asset in assets if any(stage.stage != EMBODIED for stage in asset.making)
        },
        hardware={
            asset.id: ways[asset.id] for asset in assets if any(stage.stage == EMBODIED for stage in asset.making)
        },
    )


def _fed_by_deployed(system: System, application: str, names: Sequence[str]) -> tuple[str, ...]:
    """Deployed applications that serve this one: what they decide for it, and what is upstream of them, is not
    carried on.
    """
    feeding = [name for name in names if name != application and system.deployments_of(name)]
    return tuple(
        f"{name}, which {application} rests on, is deployed itself: which part of its use and of its making "
        f"{application} carries is not known"
        for name in feeding
    )


def _open_ways(system: System, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """For each asset among `names`, the dependencies on its ways down to the others that do not say which share they
    carry.

    None of an asset that is shared by its lifetime tasks.
    """
    known = set(names)
    open_ways: dict[str, tuple[str, ...]] = {}
    for name in _from_below(system, names):
        if name in known:
            edges = [edge for edge in _onward(system, name) if edge.downstream in known]
            own = [] if system.deployments_of(name) else [reason for edge in edges if (reason := _carried(edge)[1])]
            open_ways[name] = _few((*own, *(reason for edge in edges for reason in open_ways.get(edge.downstream, ()))))
    return {name: () if isinstance(system.asset(name).lifetime_tasks, float) else open_ways[name] for name in names}


def without_origin(system: System, assets: Sequence[str]) -> tuple[str, ...]:
    """Adapted models among some assets of which nobody says what they were adapted from."""
    return tuple(
        f"what {asset.id} was adapted from is not declared"
        for asset in map(system.asset, assets)
        if asset.kind == "adapted_model"
        and not any(
            edge.relation in CARRYING and system.asset(edge.upstream).kind in MODELS
            for edge in system.dependencies_of(asset.id)
        )
    )


def without_model(application: str, assets: Sequence[Asset]) -> tuple[str, ...]:
    """Why nothing is known of what an application was made from: no model among `assets`, and nobody says what
    making them took.
    """
    if any(asset.kind in MODELS or any(stage.stage != EMBODIED for stage in asset.making) for asset in assets):
        return ()
    return (
        f"what {application} rests on is not declared (a model and its dependency; or, where there is none, `making` "
        f"of {application})",
    )


def without_hardware(system: System, assets: Sequence[str]) -> tuple[str, ...]:
    """Trained models among some assets of which nobody says what carbon making their hardware took."""
    return tuple(
        f"the carbon of making the hardware for {asset.id} is not declared (a stage `embodied` of its `making`; "
        "`carbon: none` if there is none)"
        for asset in map(system.asset, assets)
        if any(one.stage in TRAINING for one in asset.making) and all(one.stage != EMBODIED for one in asset.making)
    )


def without_making(system: System, assets: Sequence[str]) -> tuple[str, ...]:
    """Models among some assets of which nobody says what making them took: their hardware alone, or an adaptation of
    nothing, is not it.

    A model that rests on no other needs its pretraining (or distillation), one that is made from another any stage of
    its own.
    """
    reasons = []
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
            reasons.append(f"what making {asset.id} took is not declared{stages}")
    return tuple(reasons)
