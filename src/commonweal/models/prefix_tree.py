"""Read each shared prefix once: sequences as a tree, packed into one forward pass.

Sequences that begin alike share nodes; a node attends to its ancestors only (a tree attention mask) and its position is
its depth. So the network computes each distinct prefix token of a pack once, and every node's state is the same as if
its sequence had been read alone.

>>> pack = next(packs_of([(5, 6, 7), (5, 6, 8)], budget=100))
>>> pack.tokens.tolist(), pack.parents.tolist(), pack.depths.tolist()
([5, 6, 7, 8], [-1, 0, 1, 1], [0, 1, 2, 2])
>>> pack.paths
((0, 1, 2), (0, 1, 3))

What this module does not do: it carries no keys and values from one pack to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """A forest of token nodes, int64 (node,) each; `paths` leads along each sequence from its first token to its last."""

    tokens: npt.NDArray[np.int64]
    parents: npt.NDArray[np.int64]
    depths: npt.NDArray[np.int64]
    paths: tuple[tuple[int, ...], ...]

    def may_attend(self) -> npt.NDArray[np.bool_]:
        """Which node (row) may look at which (column): itself and its ancestors, bool (node, node)."""
        mask = np.zeros((self.tokens.size, self.tokens.size), dtype=np.bool_)
        for node, parent in enumerate(self.parents.tolist()):
            if parent >= 0:
                mask[node] = mask[parent]
            mask[node, node] = True
        return mask


def packs_of(sequences: Sequence[Tokens], budget: int) -> Iterator[Pack]:
    """Packs of at most `budget` nodes (or one sequence), in the order of the sequences; sort them first, so that they share."""
    tokens: list[int] = []
    parents: list[int] = []
    paths: list[tuple[int, ...]] = []
    before: Tokens = ()
    for sequence in sequences:
        shared = shared_prefix(before, sequence)
        if paths and len(tokens) + len(sequence) - shared > budget:
            yield _pack(tokens, parents, paths)
            tokens, parents, paths, shared = [], [], [], 0
        trunk = paths[-1][:shared] if shared else ()
        fresh = range(len(tokens), len(tokens) + len(sequence) - shared)
        path = (*trunk, *fresh)
        tokens += sequence[shared:]
        parents += [path[place - 1] if place else -1 for place in range(shared, len(sequence))]
        paths.append(path)
        before = sequence
    if paths:
        yield _pack(tokens, parents, paths)


def shared_prefix(first: Sequence[object], second: Sequence[object]) -> int:
    """How much two sequences of tokens (or two texts) share at their beginning.

    >>> shared_prefix((1, 2, 3), (1, 2, 4, 5))
    2
    """
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))


def _pack(tokens: list[int], parents: list[int], paths: list[tuple[int, ...]]) -> Pack:
    depths = np.zeros(len(tokens), dtype=np.int64)
    for node, parent in enumerate(parents):
        depths[node] = depths[parent] + 1 if parent >= 0 else 0
    return Pack(np.array(tokens, dtype=np.int64), np.array(parents, dtype=np.int64), depths, tuple(paths))
