"""A table of predictions in memory, and its texts as numbers. How it is read: prediction_tables.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """Truth and prediction that are numbers, such as a price or a grade, float64 (row,); truth is 0 where not known."""

    truth: Array
    prediction: Array


@dataclass(frozen=True, slots=True, eq=False)
class PredictionTable:
    """One row per case, arrays (row,): `truth` and `prediction` bool, `score` float64; None: the table has none.

    `groups`: attribute -> the group of each row, "" where it is not known. `cluster`: the sampled unit of each row.
    `weight`: how many cases each row stands for, up to a factor, from the column `weighted_by`; None: as many each.
    `label_notes`: attribute -> what a reader must know of its labels. `unused`: columns that are not read. `known`: the
    rows whose truth is known; None: all. `amounts`: in the place of truth and prediction, where they are numbers.
    `is_probability`: whether the score lies in [0, 1], or is on a scale of its own. `references`: attribute -> the
    group that was declared to be the one that others are compared with. `notes`: what a reader must know of how its
    columns were read.
    """

    fingerprint: str
    truth: Bits | None
    prediction: Bits | None
    score: Array | None
    groups: dict[str, Texts]
    cluster: Texts
    clusters_declared: bool
    weight: Array | None = None
    weighted_by: str = ""
    label_notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    known: Bits | None = None
    amounts: Amounts | None = None
    is_probability: bool = True
    references: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return int(self.cluster.size)

    @property
    def true_known(self) -> Bits:
        """Which rows have a truth, bool (row,)."""
        return np.ones(self.rows, dtype=np.bool_) if self.known is None else self.known

    @property
    def counted(self) -> Bits:
        """Which rows have a weight above 0, bool (row,)."""
        return np.ones(self.rows, dtype=np.bool_) if self.weight is None else self.weight > 0

    def reference(self, attribute: str) -> str:
        """The group that others are compared with: the declared one, else that of the first row that has one.

        "" where no row has a known group.
        """
        labels = self.groups[attribute]
        there = np.flatnonzero(labels != "")
        return self.references.get(attribute) or (str(labels[there[0]]) if there.size else "")


def numbered(texts: Texts) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """The distinct texts, sorted, and the place of each row's among them; much faster than numpy's own.

    >>> names, places = numbered(np.array(["b", "a", "b"]))
    >>> names, places.tolist()
    (('a', 'b'), [1, 0, 1])
    """
    import polars as pl  # noqa: PLC0415 - takes 0.15 s, and only measuring needs it

    column = pl.Series(texts.tolist(), dtype=pl.String)
    names = column.unique().sort()
    return tuple(names.to_list()), column.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
