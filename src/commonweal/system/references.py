"""Ids are unique, references resolve, and only `feeds_back` closes a cycle.

These checks read the tree, not the records, so a fault elsewhere in the file does not hide them: all faults are told at
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import rustworkx as rx

from commonweal.system.wording import did_you_mean, listed, shown
from commonweal.system.yaml_tree import Entries, Fault, Listing, Node, records, text_of

SINGULAR: Mapping[str, str] = {
    "actors": "actor",
    "populations": "population",
    "assets": "asset",
    "dependencies": "dependency",
    "deployments": "deployment",
}
ROUNDING = 1e-9
RESERVED_IDS = frozenset({"none", "unknown"})


@dataclass(frozen=True, slots=True)
class DeclaredIds:
    """The ids of each section, with the line on which each was first declared."""

    lines: Mapping[str, Mapping[str, int]]
    kinds: Mapping[str, str | None]
    groups: Mapping[str, Node | None]


def name_of(section: str, index: int, record: Node | None) -> str:
    """How a record is called in a message: by its id, by its ends, or by its place in the list.

    >>> name_of("assets", 2, None)
    'asset number 3'
    """
    values = record.values if isinstance(record, Entries) else {}
    if section == "dependencies":
        ends = [text_of(values.get(end)) for end in ("upstream", "downstream")]
        if all(ends):
            return f"dependency {shown(' -> '.join(str(end) for end in ends))}"
    key = text_of(values.get("id")) or (text_of(values.get("application")) if section == "deployments" else None)
    return f"{SINGULAR[section]} {shown(key)}" if key else f"{SINGULAR[section]} number {index + 1}"


def reference_faults(root: Entries) -> list[Fault]:
    """Every fault of identity and reference in the file."""
    faults: list[Fault] = []
    lines = {section: _ids(root, section, faults) for section in SINGULAR if section != "dependencies"}
    faults += [
        Fault(
            line,
            f"population {shown(key)}: actor {shown(key)} has the same id (line {lines['actors'][key]}); expected "
            "another id, since both can have benefits and burdens",
        )
        for key, line in lines["populations"].items()
        if key in lines["actors"]
    ]
    declared = DeclaredIds(
        lines=lines,
        kinds={
            text_of(one.values.get("id")) or "": text_of(one.values.get("kind")) for _, one in records(root, "assets")
        },
        groups={
            text_of(one.values.get("id")) or "": one.values.get("groups") for _, one in records(root, "populations")
        },
    )
    for index, record in records(root, "assets"):
        actor = text_of(record.values.get("actor"))
        if actor != "unknown":
            faults += _unresolved(name_of("assets", index, record), record, "actor", "actors", declared)
    faults += _dependency_faults(root, declared)
    for index, record in records(root, "deployments"):
        faults += _deployment_faults(name_of("deployments", index, record), record, declared)
    return faults


def _ids(root: Entries, section: str, faults: list[Fault]) -> dict[str, int]:
    lines: dict[str, int] = {}
    for index, record in records(root, section):
        node = record.values.get("id")
        key = text_of(node)
        if node is None or key is None:
            continue
        name = name_of(section, index, record)
        if key in RESERVED_IDS:
            faults.append(Fault(node.line, f"{name}: id '{key}' is an answer, not a name; expected another id"))
        elif key in lines:
            faults.append(
                Fault(
                    node.line,
                    f"{name}: id is used twice (first on line {lines[key]}); expected a different id for each",
                )
            )
        else:
            lines[key] = node.line
    return lines


def _unresolved(name: str, record: Entries, field: str, section: str, declared: DeclaredIds) -> Iterator[Fault]:
    node = record.values.get(field)
    reference = text_of(node)
    if node is not None and reference is not None:
        yield from _unknown(name, node.line, reference, section, declared)


def _unknown(name: str, line: int, reference: str, section: str, declared: DeclaredIds) -> Iterator[Fault]:
    known = declared.lines[section]
    if reference not in known:
        yield Fault(
            line, partial(_with_names, f"{name}: unknown {SINGULAR[section]} {shown(reference)}", reference, known)
        )


def _deployment_faults(name: str, record: Entries, declared: DeclaredIds) -> Iterator[Fault]:
    node = record.values.get("application")
    application = text_of(node)
    if node is not None and application is not None:
        kind = declared.kinds.get(application)
        if application in declared.lines["assets"] and kind in ("dataset", "model", "adapted_model"):
            yield Fault(node.line, partial(_no_application, name, application, declared))
        else:
            yield from _unknown(name, node.line, application, "assets", declared)
    reach = record.values.get("reach")
    if isinstance(reach, Entries):
        for population, line in reach.key_lines.items():
            yield from _unknown(f"{name}, reach", line, population, "populations", declared)
    value = record.values.get("value")
    if isinstance(value, Entries):
        yield from _unresolved(f"{name}, value", value, "payer", "actors", declared)
        borne = value.values.get("carbon_borne")
        for population, line in borne.key_lines.items() if isinstance(borne, Entries) else ():
            yield from _unknown(f"{name}, value.carbon_borne", line, population, "populations", declared)
    for field in ("benefits", "burdens"):
        stakes = record.values.get(field)
        for stake in stakes.items if isinstance(stakes, Listing) else ():
            if isinstance(stake, Entries):
                yield from _unresolved(f"{name}, {field}", stake, "population", "populations", declared)
                yield from _unresolved(f"{name}, {field}", stake, "actor", "actors", declared)
                yield from _group_faults(f"{name}, {field}", stake, declared)


def _no_application(name: str, asset: str, declared: DeclaredIds) -> str:
    applications = listed(key for key, one in declared.kinds.items() if one == "application")
    kind = declared.kinds[asset]
    return f"{name}: {shown(asset)} is a {kind}, not an application; expected one of the applications: {applications}"


def _group_faults(name: str, stake: Entries, declared: DeclaredIds) -> Iterator[Fault]:
    population, group = text_of(stake.values.get("population")), stake.values.get("group")
    if population is None or population not in declared.groups or not isinstance(group, Entries):
        return
    groups = declared.groups[population]
    attributes = groups.values if isinstance(groups, Entries) else {}
    for attribute, line in group.key_lines.items():
        part = text_of(group.values[attribute])
        shares = attributes.get(attribute)
        if shares is None:
            text = f"{name}: population '{population}' has no groups by {shown(attribute)}"
            yield Fault(line, partial(_with_names, text, attribute, attributes))
        elif part is not None and isinstance(shares, Entries) and part not in shares.values:
            yield Fault(
                line,
                partial(_with_names, f"{name}: unknown group {shown(part)} of {shown(attribute)}", part, shares.values),
            )


def _with_names(text: str, word: str, names: Iterable[str]) -> str:
    return f"{text}; declared: {listed(names)}{did_you_mean(word, names)}"


def _dependency_faults(root: Entries, declared: DeclaredIds) -> list[Fault]:
    faults: list[Fault] = []
    seen: dict[tuple[str, str, str | None], int] = {}
    edges: dict[tuple[str, str], int] = {}
    for place, record in records(root, "dependencies"):
        name = name_of("dependencies", place, record)
        faults += _unresolved(name, record, "upstream", "assets", declared)
        faults += _unresolved(name, record, "downstream", "assets", declared)
        upstream, downstream = text_of(record.values.get("upstream")), text_of(record.values.get("downstream"))
        relation = text_of(record.values.get("relation"))
        if upstream is None or downstream is None:
            continue
        if (upstream, downstream, relation) in seen:
            first = seen[upstream, downstream, relation]
            faults.append(
                Fault(
                    record.line, f"{name}: is given twice (first on line {first}); expected it once; delete one of them"
                )
            )
        seen.setdefault((upstream, downstream, relation), record.line)
        if relation != "feeds_back":
            edges.setdefault((upstream, downstream), record.line)
    return faults + _cycle_faults(edges) + _allocation_faults(root)


def _allocation_faults(root: Entries) -> list[Fault]:
    """What an asset's making took is given away once: the shares that leave an asset are at most 1 together."""
    leaving: dict[str, list[tuple[float, int]]] = {}
    for _, record in records(root, "dependencies"):
        upstream, node = text_of(record.values.get("upstream")), record.values.get("allocated")
        try:
            share = float(text_of(node) or "")
        except ValueError:
            continue  # not a number: told with the other fields, or `unknown`
        if upstream is not None and node is not None:
            leaving.setdefault(upstream, []).append((share, node.line))
    used = {
        text_of(one.values.get("id")): one.values.get("lifetime_tasks")
        for _, one in records(root, "assets")
        if text_of(one.values.get("lifetime_tasks")) not in {None, "unknown"}
    }
    both = [
        Fault(
            node.line,
            f"asset {shown(upstream)} has `lifetime_tasks`, and its dependencies carry shares of its making "
            "(`allocated`); expected one of the two; delete the other",
        )
        for upstream, node in used.items()
        if upstream in leaving and node is not None
    ]
    return both + [
        Fault(
            shares[-1][1],
            f"the dependencies of asset {shown(upstream)} carry {sum(share for share, _ in shares):g} of its making "
            "together (`allocated`); expected at most 1; lower one of them",
        )
        for upstream, shares in leaving.items()
        if sum(share for share, _ in shares) > 1.0 + ROUNDING
    ]


def _cycle_faults(edges: Mapping[tuple[str, str], int]) -> list[Fault]:
    """One fault for each knot of dependencies, showing one way around it."""
    ids = list(dict.fromkeys(end for edge in edges for end in edge))
    place = {key: index for index, key in enumerate(ids)}
    graph: rx.PyDiGraph[str, None] = rx.PyDiGraph()
    graph.add_nodes_from(ids)
    graph.add_edges_from_no_data([(place[upstream], place[downstream]) for upstream, downstream in edges])
    faults = []
    for knot in rx.strongly_connected_components(graph):
        start = min(knot)
        if len(knot) == 1 and not graph.has_edge(start, start):
            continue
        cycle = _way_around(graph, start)
        line = max(edges[ids[one], ids[next_one]] for one, next_one in pairwise(cycle))
        shown_way = " -> ".join(ids[one] for one in cycle)
        faults.append(
            Fault(
                line,
                f"dependencies go in a circle: {shown_way}; expected a circle only through `relation: feeds_back`; "
                "change the relation that is a feedback, or delete one",
            )
        )
    return faults


def _way_around(graph: rx.PyDiGraph[str, None], start: int) -> list[int]:
    """The shortest way from a node back to itself."""
    came_from: dict[int, int] = {}
    frontier = [start]
    while start not in came_from:
        following = []
        for node in frontier:
            for successor in graph.successor_indices(node):
                if successor not in came_from:
                    came_from[successor] = node
                    following.append(successor)
        frontier = following
    way = [start]
    while len(way) == 1 or way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
