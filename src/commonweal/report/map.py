"""The system map as a picture: layered columns of assets, deployments and populations, with what was found on them.

Positions are in CSS pixels and the picture keeps its size, so that its text stays readable; it scrolls in its own box.
What this module does not do: it draws no figure of measured numbers (see figures/charts.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from commonweal.evidence.records import Finding
from commonweal.report.lineage import Bearing, Key, Lineage, bearings
from commonweal.report.wording import INHERITED, KINDS, RELATIONS, VERDICTS, anchor, deployment_name, shorten, wrap
from commonweal.system.records import Actor, Asset, Deployment, Population, Relation, System

COLUMNS = ("Data", "Models", "Adapted models", "Applications", "Deployments", "Populations")
COLUMN_OF = {"dataset": 0, "model": 1, "adapted_model": 2, "application": 3}
WIDTH, HEIGHT = 176, 104
GAP_X, GAP_Y = 76, 18
TOP, MARGIN = 40, 10
LABELLED_EDGES = 40
CENTRED_BELOW = 1200
SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Badge:
    """What was found at a place, in a sign, a few words and a style."""

    style: str
    sign: str
    text: str
    y: int = 0
    width: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A card on the map."""

    key: Key
    href: str
    title: tuple[str, ...]
    full: str
    kicker: str
    owner: str
    owner_href: str
    badges: tuple[Badge, ...]
    column: int
    x: int = 0
    y: int = 0
    height: int = HEIGHT

    @property
    def owner_y(self) -> int:
        """Where the line about the owner stands, below the title."""
        return 37 + 18 * len(self.title)


@dataclass(frozen=True, slots=True)
class Link:
    """What an arrow is about: from where to where, by which relation, and in words."""

    up: Key
    down: Key
    relation: Relation | Literal["deployed", "reaches"]
    words: str


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow from upstream to downstream."""

    path: str
    relation: str
    words: str
    dashed: bool
    label_x: float
    label_y: float
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class MapView:
    """All that the template needs to draw the map."""

    width: int
    height: int
    columns: tuple[tuple[int, str], ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    labelled: bool
    bystanders: tuple[Actor, ...]
    summary: str
    node_width: int = WIDTH


def badges_of(bearing: Bearing | None) -> tuple[Badge, ...]:
    """At most three badges: the verdicts reached here, and whether something found upstream is inherited."""
    here = bearing.here if bearing else []
    counts = {verdict: sum(finding.verdict == verdict for finding in here) for verdict in VERDICTS}
    badges = [
        Badge(verdict, VERDICTS[verdict].sign, f"{counts[verdict]} {VERDICTS[verdict].word.lower()}")
        for verdict in ("found", "not_judged", "not_shown", "described")
        if counts[verdict]
    ]
    inherited = sum(finding.verdict == "found" for finding in bearing.inherited) if bearing else 0
    if inherited:
        badges.append(Badge("inherited", INHERITED.sign, f"{inherited} inherited, not measured"))
    return tuple(badges[:3]) or (Badge("not_measured", VERDICTS["not_measured"].sign, "not measured"),)


def draw_map(system: System, findings: Sequence[Finding]) -> MapView:
    """Lay the system out."""
    lineage, places = Lineage(system), bearings(system, findings)
    links = _links(system)
    nodes = _arrange(_nodes(system, lineage, places), links)
    owners = {asset.actor for asset in system.assets}
    used = sorted({node.column for node in nodes})
    position = {node.key: node for node in nodes}
    edges = tuple(
        _edge(position[link.up], position[link.down], link)
        for link in links
        if link.up in position and link.down in position
    )
    bottom = max(node.y + node.height for node in nodes)
    back = any(edge.dashed for edge in edges)
    return MapView(
        width=2 * MARGIN + len(used) * WIDTH + (len(used) - 1) * GAP_X,
        height=bottom + MARGIN + (34 if back else 0),
        columns=tuple((MARGIN + rank * (WIDTH + GAP_X), COLUMNS[column]) for rank, column in enumerate(used)),
        nodes=nodes,
        edges=edges,
        labelled=len(edges) <= LABELLED_EDGES,
        bystanders=tuple(actor for actor in system.actors if actor.id not in owners),
        summary=_summary(system),
    )


def _nodes(system: System, lineage: Lineage, places: Mapping[Key, Bearing]) -> list[Node]:
    nodes = [_asset_node(asset, lineage, places.get(("asset", asset.id))) for asset in system.assets]
    nodes += [
        _deployment_node(deployment, places.get(("deployment", deployment.key))) for deployment in system.deployments
    ]
    return nodes + [_population_node(people, places.get(("population", people.id))) for people in system.populations]


def _asset_node(asset: Asset, lineage: Lineage, bearing: Bearing | None) -> Node:
    actor = lineage.actor_of(asset.id)
    owner = actor.name if actor else "actor unknown" if asset.actor == "unknown" else "no actor declared"
    return _node(
        ("asset", asset.id),
        asset.id,
        KINDS[asset.kind],
        COLUMN_OF[asset.kind],
        bearing,
        owner=owner,
        owner_href=anchor("actor", actor.id) if actor else "",
    )


def _deployment_node(deployment: Deployment, bearing: Bearing | None) -> Node:
    volume = deployment.volume
    owner = f"{volume:,.0f} decisions a year" if isinstance(volume, float) else "volume unknown"
    return _node(("deployment", deployment.key), deployment_name(deployment), "deployment", 4, bearing, owner=owner)


def _population_node(people: Population, bearing: Bearing | None) -> Node:
    size = f"{people.size:,.0f} people in all" if isinstance(people.size, float) else "size unknown"
    return _node(("population", people.id), people.id, "people", 5, bearing, owner=size)


def _node(key: Key, title: str, kicker: str, column: int, bearing: Bearing | None, **owner: str) -> Node:
    lines = wrap(title, 20, 2)
    top = 37 + 18 * len(lines) + 9
    badges = tuple(
        Badge(badge.style, badge.sign, badge.text, top + 22 * rank, min(WIDTH - 12, 30 + round(6.2 * len(badge.text))))
        for rank, badge in enumerate(badges_of(bearing))
    )
    return Node(
        key=key,
        href=anchor(*key),
        title=lines,
        full=title,
        kicker=kicker,
        column=column,
        badges=badges,
        owner=shorten(owner["owner"], 24),
        owner_href=owner.get("owner_href", ""),
        height=top + 22 * len(badges) + 6,
    )


def _links(system: System) -> list[Link]:
    """Every arrow: dependencies, then application to deployment, then deployment to the people it reaches."""
    links: list[Link] = [
        Link(("asset", one.upstream), ("asset", one.downstream), one.relation, RELATIONS[one.relation])
        for one in system.dependencies
    ]
    for deployment in system.deployments:
        here: Key = ("deployment", deployment.key)
        links.append(Link(("asset", deployment.application), here, "deployed", "deployed"))
        for population, people in deployment.reach.items():
            words = f"{people:,.0f} a year" if isinstance(people, float) else "unknown"
            links.append(Link(here, ("population", population), "reaches", words))
    return links


def _arrange(nodes: list[Node], links: Sequence[Link]) -> tuple[Node, ...]:
    """Place the nodes in their columns, each near the mean height of its neighbours (barycentre sweeps)."""
    used = sorted({node.column for node in nodes})
    columns = {column: [node for node in nodes if node.column == column] for column in used}
    near: dict[Key, list[Key]] = defaultdict(list)
    for link in links:
        if link.relation != "feeds_back":
            near[link.up].append(link.down)
            near[link.down].append(link.up)
    rank = {node.key: position / len(group) for group in columns.values() for position, node in enumerate(group)}
    for sweep in range(SWEEPS):
        for column in used if sweep % 2 == 0 else reversed(used):
            group = columns[column]
            group.sort(key=lambda node: _mean([rank[key] for key in near[node.key] if key in rank], rank[node.key]))
            rank.update({node.key: (position + 0.5) / len(group) for position, node in enumerate(group)})
    tallest = max(_tall(group) for group in columns.values())
    placed: list[Node] = []
    for index, column in enumerate(used):
        slack = tallest - _tall(columns[column]) if tallest < CENTRED_BELOW else 0
        x, y = MARGIN + index * (WIDTH + GAP_X), TOP + slack // 2
        for node in columns[column]:
            placed.append(_at(node, x, y))
            y += node.height + GAP_Y
    return tuple(placed)


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _tall(group: Sequence[Node]) -> int:
    return sum(node.height + GAP_Y for node in group) - GAP_Y


def _at(node: Node, x: int, y: int) -> Node:
    return Node(
        node.key,
        node.href,
        node.title,
        node.full,
        node.kicker,
        node.owner,
        node.owner_href,
        node.badges,
        node.column,
        x,
        y,
        node.height,
    )


def _edge(up: Node, down: Node, link: Link) -> Edge:
    """An arrow: forward between columns, a bow within one column, a dashed sweep below for what feeds back."""
    y1, y2 = up.y + up.height / 2, down.y + down.height / 2
    if link.relation == "feeds_back" or up.x > down.x:
        x1, x2, y1, y2 = up.x + WIDTH / 2, down.x + WIDTH / 2, up.y + up.height, down.y + down.height
        low = max(y1, y2) + 56
        path = f"M{x1:g},{y1:g} C{x1:g},{low:g} {x2:g},{low:g} {x2:g},{y2 + 2:g}"
        middle = ((x1 + x2) / 2, (y1 + y2 + 6 * low) / 8 + 9)
    elif up.x == down.x:
        x = up.x + WIDTH
        path = f"M{x},{y1:g} C{x + 44},{y1:g} {x + 44},{y2:g} {x + 2},{y2:g}"
        middle = (x + 36, (y1 + y2) / 2)
    else:
        x1, x2 = up.x + WIDTH, down.x - 2
        bend = (x2 - x1) / 2
        path = f"M{x1:g},{y1:g} C{x1 + bend:g},{y1:g} {x2 - bend:g},{y2:g} {x2:g},{y2:g}"
        middle = (x1 + bend, (y1 + y2) / 2)
    return Edge(
        path, link.relation, link.words, link.relation == "feeds_back", middle[0], middle[1], up.href, down.href
    )


def _summary(system: System) -> str:
    counts = [
        (len(system.assets), "asset"),
        (len(system.actors), "actor"),
        (len(system.deployments), "deployment"),
        (len(system.populations), "population"),
        (len(system.dependencies), "dependency"),
    ]
    words = [f"{count} {word if count == 1 else word.replace('ency', 'encie') + 's'}" for count, word in counts]
    return f"{', '.join(words[:-1])} and {words[-1]}, from data on the left to the people reached on the right."
