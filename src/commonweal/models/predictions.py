"""A table of predictions in memory, and its texts as numbers. How it is read: prediction_tables.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class PredictionTable:
    """One row per case, arrays (row,): `truth` and `prediction` bool, `score` float64 in [0, 1] or None.

    `groups`: attribute -> the group of each row, "" where it is not known. `cluster`: the sampled unit of each row.
    `weight`: how many cases each row stands for, up to a factor, from the column `weighted_by`; None: as many each.
    `label_notes`: attribute -> what a reader must know of its labels. `unused`: columns that are not read.
    """

    fingerprint: str
    truth: npt.NDArray[np.bool_]
    prediction: npt.NDArray[np.bool_]
    score: Array | None
    groups: dict[str, Texts]
    cluster: Texts
    clusters_declared: bool
    weight: Array | None = None
    weighted_by: str = ""
    label_notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unused: tuple[str, ...] = ()


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
