"""Who inherits from an asset, whom it was made from, and how many people it reaches.

Pure queries on the declared dependencies. Real ecosystems have circles (products feed the next model's data), so
nothing here assumes that there are none. What this module does not do: it judges nothing and carries no finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import rustworkx as rx

from commonweal.system.records import Dependency, Deployment, Relation, System

# Ordinary ways first, then those with a feedback, then those with an evaluation: an asset is reached by the first that
# gets there.
WAYS: Final[tuple[frozenset[Relation], ...]] = (
    frozenset({"trained_on", "adapted_from", "serves"}),
    frozenset({"trained_on", "adapted_from", "serves", "feeds_back"}),
    frozenset({"trained_on", "adapted_from", "serves", "feeds_back", "evaluated_on"}),
)


@dataclass(frozen=True, slots=True)
class Reached:
    """An asset at the other end of a way, the asset asked about being at the first.

    `way` is the shortest of the ordinary ways, of those through `feeds_back` where there is no ordinary one, and of
    those through `evaluated_on` where there is neither.
    """

    asset: str
    way: tuple[str, ...]
    relations: tuple[Relation, ...]

    @property
    def steps(self) -> int:
        """Number of dependencies on the way, >= 1."""
        return len(self.relations)

    @property
    def through_evaluation(self) -> bool:
        """Whether every way goes through `evaluated_on`: a test set is looked at, its content is not inherited."""
        return "evaluated_on" in self.relations


@dataclass(frozen=True, slots=True)
class PeopleReached:
    """People whom an asset reaches in a year, over all deployments downstream of it.

    `people_per_year` [people/year] is None where any reach is unknown or undeclared, or where no deployment is
    declared: no data is never 0. `by_population` has the sums, None likewise, and for all of them where a deployment
    does not say whom it reaches. `upper_bound`: a population is reached by several deployments, so a person may be
    counted more than once. `unknown`: what would have to be declared.
    """

    people_per_year: float | None
    by_population: Mapping[str, float | None]
    upper_bound: bool
    deployments: tuple[str, ...]
    unknown: tuple[str, ...]


def downstream(system: System, asset_id: str) -> tuple[Reached, ...]:
    """Every asset that depends on this one, nearest first; the asset itself is left out.

    KeyError if there is no such asset.
    """
    return _reached(system, asset_id, forward=True)


def upstream(system: System, asset_id: str) -> tuple[Reached, ...]:
    """Every asset that this one depends on, nearest first: the way from a harm to whoever can mend it."""
    return _reached(system, asset_id, forward=False)


def deployments_reached(system: System, asset_id: str) -> tuple[Deployment, ...]:
    """The deployments of the asset and of what inherits from it, in the order of the file; not those it was only a
    test set for.
    """
    inheriting = {asset_id, *(one.asset for one in downstream(system, asset_id) if not one.through_evaluation)}
    return tuple(deployment for deployment in system.deployments if deployment.application in inheriting)


def people_per_year(system: System, asset_id: str) -> PeopleReached:
    """People reached a year, sum over deployments and populations [people/year]; None if any part is unknown."""
    deployments = deployments_reached(system, asset_id)
    parts: dict[str, list[float | None]] = {}
    unknown: list[str] = []
    for deployment in deployments:
        if not deployment.reach:
            unknown.append(f"{deployment.key}: reach")
        for name, people in deployment.reach.items():
            parts.setdefault(name, []).append(None if people == "unknown" else people)
            if people == "unknown":
                unknown.append(f"{deployment.key}: reach of {name}")
    open_reach = any(not deployment.reach for deployment in deployments)  # whom it reaches may be any of them
    by_population = {name: None if open_reach else _sum(numbers) for name, numbers in parts.items()}
    return PeopleReached(
        people_per_year=None if unknown or not deployments else _sum(list(by_population.values())),
        by_population=by_population,
        upper_bound=any(sum(1 for one in numbers if one != 0.0) > 1 for numbers in parts.values()),
        deployments=tuple(deployment.key for deployment in deployments),
        unknown=tuple(unknown) if deployments else ("no deployment is declared downstream",),
    )


def touched(system: System, asset_ids: Iterable[str], *, forward: bool) -> frozenset[str]:
    """The assets at least one step downstream (or upstream) of any of these, evaluations left out: one pass for many
    assets.
    """
    neighbours: dict[str, list[str]] = {}
    for edge in system.dependencies:
        if edge.relation in WAYS[1]:
            asset_id, neighbour = (edge.upstream, edge.downstream) if forward else (edge.downstream, edge.upstream)
            neighbours.setdefault(asset_id, []).append(neighbour)
    reached: set[str] = set()
    frontier = list(asset_ids)
    while frontier:
        following = {neighbour for asset_id in frontier for neighbour in neighbours.get(asset_id, ())} - reached
        reached |= following
        frontier = list(following)
    return frozenset(reached)


def _sum(numbers: list[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _reached(system: System, asset_id: str, *, forward: bool) -> tuple[Reached, ...]:
    system.asset(asset_id)
    ids = [asset.id for asset in system.assets]
    position = {key: index for index, key in enumerate(ids)}
    start = position[asset_id]
    reached: dict[int, Reached] = {}
    edges: list[Dependency] = []
    for allowed in WAYS:
        before, edges = edges, [edge for edge in system.dependencies if edge.relation in allowed]
        if len(edges) == len(before):
            continue
        graph = _graph(ids, position, edges, forward)
        ways: dict[int, Reached] = {start: Reached(asset_id, (asset_id,), ())}
        for parent, children in rx.bfs_successors(graph, start):
            for child in children:
                if child in ways:
                    continue
                before_it = ways[parent]
                relations = (*before_it.relations, graph.get_edge_data(parent, child))
                ways[child] = Reached(ids[child], (*before_it.way, ids[child]), relations)
        del ways[start]
        reached = ways | reached
    return tuple(sorted(reached.values(), key=lambda one: (one.steps, position[one.asset])))


def _graph(
    ids: list[str], position: Mapping[str, int], edges: list[Dependency], forward: bool
) -> rx.PyDiGraph[int, Relation]:
    graph: rx.PyDiGraph[int, Relation] = rx.PyDiGraph(multigraph=False)
    graph.add_nodes_from(range(len(ids)))
    # The newest edge wins and is visited first: added backwards, ordinary relations and what the file names first go
    # first.
    for edge in sorted(edges, key=lambda edge: [edge.relation in way for way in WAYS].index(True))[::-1]:
        one, other = (edge.upstream, edge.downstream) if forward else (edge.downstream, edge.upstream)
        graph.add_edge(position[one], position[other], edge.relation)
    return graph
