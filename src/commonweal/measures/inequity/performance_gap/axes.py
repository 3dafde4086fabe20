"""What a table of predictions is divided by: nothing, an attribute, or several crossed; what carries a difference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from commonweal.models.predictions import PredictionTable, numbered
from commonweal.statistics.detectable import bonferroni
from commonweal.statistics.group_gaps import Gap
from commonweal.statistics.group_rates import Array, Layout, Places, layout_of

MOST_CROSSED = 3
MOST_COMPARED = 50
CARRIERS = 5
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class TableAxis:
    """One way to divide a table: by nothing, by an attribute, or by several crossed.

    `place` int64 (row,): the group of each row, -1 where it is not known; `unknown`: how many those are.
    `labels`: what a reader must know of the labels, such as spellings that may mean one group. `reference`: the group
    that the others are compared with, as a place and by its labels; None where no row lies in it.
    """

    attributes: tuple[str, ...]
    groups: tuple[Mapping[str, str], ...]
    place: Places
    layout: Layout
    unknown: int
    labels: tuple[str, ...] = ()
    reference: int | None = None

    @property
    def name(self) -> str:
        """The attributes, as they are crossed."""
        return " x ".join(self.attributes)


def clusters_of(table: PredictionTable) -> Places:
    """The number of each row's cluster, int64 (row,)."""
    return numbered(table.cluster)[1] if table.clusters_declared else np.arange(table.rows)


def axes_of(table: PredictionTable) -> list[TableAxis]:
    """The whole table, each attribute, and two or three attributes crossed; without those whose groups are unknown."""
    cluster = clusters_of(table)
    whole = np.zeros(table.rows, dtype=np.int64)
    axes = [TableAxis((), ({},), whole, layout_of(whole, cluster, 1), 0)]
    known = {name: numbered(labels) for name, labels in table.groups.items()}
    for size in range(1, min(len(known), MOST_CROSSED) + 1):
        for attributes in combinations(known, size):
            axis = _crossed({name: known[name] for name in attributes}, cluster)
            if axis is not None:
                reference = {name: table.reference(name) for name in attributes}
                axes.append(
                    replace(
                        axis,
                        labels=tuple(note for name in attributes for note in table.label_notes.get(name, ())),
                        reference=axis.groups.index(reference) if reference in axis.groups else None,
                    )
                )
    return axes


def _crossed(known: Mapping[str, tuple[tuple[str, ...], Places]], cluster: Places) -> TableAxis | None:
    """The groups that occur, as declared; a row with an empty label in any attribute belongs to none."""
    code, rows = np.zeros_like(cluster), np.ones(cluster.size, dtype=np.bool_)
    for names, places in known.values():
        code = code * len(names) + places
        if "" in names:
            rows &= places != names.index("")
    used = np.unique(code[rows])
    if not used.size:
        return None
    group_of = np.where(rows, np.searchsorted(used, code), -1)
    sizes = tuple(len(names) for names, _ in known.values())
    groups = tuple(
        {
            name: names[part]
            for (name, (names, _)), part in zip(known.items(), np.unravel_index(combination, sizes), strict=True)
        }
        for combination in used
    )
    return TableAxis(tuple(known), groups, group_of, layout_of(group_of, cluster, len(groups)), int((~rows).sum()))


def carriers(values: Array, counts: Mask | Array, axis: TableAxis, gap: Gap) -> Iterator[tuple[int, float, float, int]]:
    """The clusters that add most to a difference: a row of the cluster, what it adds, half its interval, its rows.

    What all clusters add is the difference: the sum over the cluster's rows in the one group, divided by that group's
    rows, minus the same of the other. `counts`: the rows that count, or their weights.
    """
    layout = axis.layout
    pairs = layout.pair_group.size
    weight, value = counts[layout.rows].astype(np.float64), values[layout.rows]
    there = (weight > 0).astype(np.float64)
    n, ones, squares, total, mass, heavy = (
        np.bincount(layout.pair, weights=part, minlength=pairs)
        for part in (there, there * value, there * value**2, weight * value, weight, weight**2)
    )
    size = np.bincount(layout.pair_group, weights=mass, minlength=layout.groups)
    sign = np.select([layout.pair_group == gap.group, layout.pair_group == gap.reference], [1.0, -1.0])
    sign = np.where(n > 0, sign, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (squares - ones**2 / n) / (n - 1)
        spread = np.where(
            spread > 1e-12, spread, 2 * (n + 2) / (n + 4) ** 2
        )  # rows that all agree: as two of n + 4 that do not
        variance = (
            np.where(n > 1, heavy * spread, np.where(sign != 0, np.inf, 0.0)) * (sign / size[layout.pair_group]) ** 2
        )
    clusters = int(layout.pair_cluster.max()) + 1
    share = np.divide(sign * total, size[layout.pair_group], out=np.zeros_like(total), where=sign != 0)
    added, error2, rows = (
        np.bincount(layout.pair_cluster, weights=part, minlength=clusters)
        for part in (share, np.where(sign != 0, variance, 0.0), np.abs(sign) * n)
    )
    first_row = np.full(clusters, -1)
    where = np.flatnonzero(layout.rows)
    first_row[layout.pair_cluster[layout.pair[::-1]]] = where[::-1]
    critical = bonferroni(math.inf, max(int((rows > 0).sum()), 1))
    for place in np.argsort(-np.abs(added), kind="stable")[:CARRIERS]:
        yield (
            int(first_row[place]),
            float(added[place]),
            critical * float(np.sqrt(max(error2[place], 0.0))),
            int(rows[place]),
        )
