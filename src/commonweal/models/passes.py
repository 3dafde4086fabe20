"""Forward passes that answer requests: sequences as a tree where the network can read one, else padded rows.

A pass says what the network reads and, per target token, from which position it is answered. The answers are the same
either way. Arrays only: torch is in `local`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from commonweal.models.encoding import Row, TokenPair, batches_of
from commonweal.models.prefix_tree import packs_of

Integers = npt.NDArray[np.int64]
Read = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Pass:
    """One forward pass.

    `ids` int64 (row, token). `depths` int64 (token,) and `may_attend` bool (token, token): only for a tree. Per target
    token, int64 (read,): `place` in the flattened `ids`, `target`, and the `number` of its pair.
    """

    ids: Integers
    place: Integers
    target: Integers
    number: Integers
    depths: Integers | None = None
    may_attend: npt.NDArray[np.bool_] | None = None


def padded_passes(rows: Sequence[Row], pairs: Sequence[TokenPair], budget: int) -> Iterator[Pass]:
    """Rows of similar length together, padded on the right, where a causal network does not look."""
    for batch in batches_of(rows, budget):
        ids = np.zeros((len(batch), len(batch[0].tokens)), dtype=np.int64)
        reads: list[Read] = []
        for line, row in enumerate(batch):
            ids[line, : len(row.tokens)] = row.tokens
            reads += _reads(row, pairs, range(line * ids.shape[1], line * ids.shape[1] + len(row.tokens)))
        yield Pass(ids, *_columns(reads))


def tree_passes(rows: Sequence[Row], pairs: Sequence[TokenPair], budget: int) -> Iterator[Pass]:
    """Rows that begin alike together, each shared prefix once; at most `budget` tokens (or one row)."""
    ordered = sorted(rows, key=lambda row: row.tokens)
    start = 0
    for pack in packs_of([row.tokens for row in ordered], budget):
        reads: list[Read] = []
        for row, path in zip(ordered[start:], pack.paths, strict=False):
            reads += _reads(row, pairs, path)
        start += len(pack.paths)
        yield Pass(pack.tokens[None], *_columns(reads), pack.depths, pack.may_attend())


def _columns(reads: Sequence[Read]) -> tuple[Integers, Integers, Integers]:
    place, target, number = np.array(reads, dtype=np.int64).T
    return place, target, number


def _reads(row: Row, pairs: Sequence[TokenPair], path: Sequence[int]) -> Iterator[Read]:
    """Where each target token of a row's pairs is answered: the place before it."""
    for number in row.pairs:
        first = len(pairs[number].context) - 1
        for step, token in enumerate(pairs[number].continuation):
            yield path[first + step], token, number
