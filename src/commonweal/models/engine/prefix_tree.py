"""Read each shared prefix once: requests as a tree of tokens, computed pack by pack.

Sequences that begin alike share nodes. A node attends to its ancestors only, and its position is its depth, so its
state is the same as if its sequence had been read alone. Nodes are numbered in preorder, which gives two things: the
descendants of a node are the range from it to its `ends`, and all ancestors of any node in a run of consecutive nodes
are either in the run or ancestors of the run's first node.

>>> tree = tree_of([TokenPair((5, 6), (7, 1)), TokenPair((5, 6), (8, 1))])
>>> tree.tokens.tolist(), tree.depths.tolist(), tree.ends.tolist()
([5, 6, 7, 8], [0, 1, 2, 2], [4, 4, 3, 4])
>>> tree.read_node.tolist(), tree.read_target.tolist(), tree.read_pair.tolist()
([1, 2, 1, 3], [7, 1, 8, 1], [0, 0, 1, 1])

So a pack may end anywhere: what the next one needs from before is the path to its first node, its trunk. Every
distinct prefix token is computed exactly once.

What this module does not do: it knows no network. `tree_attention` computes what it plans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from commonweal.models.engine.encoding import TokenPair

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PrefixTree:
    """A forest of token nodes in preorder, int64 (node,) each, and what is read at them, int64 (read,) each.

    `ends`: the first node behind a node's descendants. A read asks at `read_node` for the probability of `read_target`
    as the next token, for the pair numbered `read_pair`; reads are ordered by pair, then by place.
    """

    tokens: Integers
    parents: Integers
    depths: Integers
    ends: Integers
    read_node: Integers
    read_target: Integers
    read_pair: Integers

    def ancestors(self, node: int) -> Integers:
        """The path from the root to the node before `node`, int64 (depth of `node`,)."""
        path = np.empty(int(self.depths[node]), dtype=np.int64)
        for place in range(path.size - 1, -1, -1):
            node = int(self.parents[node])
            path[place] = node
        return path


@dataclass(frozen=True, slots=True)
class Pack:
    """The nodes `start` to `stop` of a tree, computed in one forward pass after their `trunk`.

    `keys` int64 (block, key): which of trunk and nodes (numbered from 0, the trunk first) a block of queries looks at;
    `may_attend` bool (block, query, key); `distance` int64 (block, query, key): how many tokens a key lies back. The
    last block is filled up with queries that nobody reads. `keep`: the next pack's trunk, in the numbers of `keys`.
    """

    start: int
    stop: int
    trunk: Integers
    keys: Integers
    may_attend: Booleans
    distance: Integers
    keep: Integers


def tree_of(pairs: Sequence[TokenPair]) -> PrefixTree:
    """The tree of all that must be read to score `pairs`; the last token of a continuation is a target only."""
    inputs = [pair.context + pair.continuation[:-1] for pair in pairs]
    room, longest = sum(map(len, set(inputs))), max(map(len, inputs), default=0)
    tokens, parents, depths, ends = (np.empty(room, dtype=np.int64) for _ in range(4))
    path, before = np.empty(longest, dtype=np.int64), np.empty(0, dtype=np.int64)
    places: list[Integers] = [before] * len(pairs)
    size = 0
    for number in sorted(range(len(pairs)), key=inputs.__getitem__):
        sequence = np.array(inputs[number], dtype=np.int64)
        shared = shared_prefix(before, sequence)
        if shared < sequence.size:
            ends[path[shared : before.size]] = size
            fresh = sequence.size - shared
            more = slice(size, size + fresh)
            tokens[more], depths[more] = sequence[shared:], np.arange(shared, sequence.size)
            path[shared : sequence.size] = np.arange(size, size + fresh)
            parents[more] = np.arange(size - 1, size + fresh - 1)
            parents[size] = path[shared - 1] if shared else -1
            size, before = size + fresh, sequence
        places[number] = path[len(pairs[number].context) - 1 : sequence.size].copy()
    ends[path[: before.size]] = size
    return PrefixTree(
        tokens[:size].copy(),
        parents[:size].copy(),
        depths[:size].copy(),
        ends[:size].copy(),
        read_node=np.concatenate([*places, np.empty(0, dtype=np.int64)]),
        read_target=np.array([token for pair in pairs for token in pair.continuation], dtype=np.int64),
        read_pair=np.repeat(np.arange(len(pairs)), [len(pair.continuation) for pair in pairs]),
    )


def shared_prefix(first: Integers, second: Integers) -> int:
    """How many tokens two sequences share at their beginning.

    >>> shared_prefix(np.array([1, 2, 3]), np.array([1, 2, 4, 5]))
    2
    """
    least = min(first.size, second.size)
    differ = first[:least] != second[:least]
    return int(differ.argmax()) if differ.any() else least


def packs_of(tree: PrefixTree, size: int, block: int) -> Iterator[Pack]:
    """Packs of `size` nodes in preorder (the last may be smaller), their queries in blocks of `block`."""
    starts = range(0, tree.tokens.size, size)
    trunk = np.empty(0, dtype=np.int64)
    for start in starts:
        stop = min(start + size, tree.tokens.size)
        following = tree.ancestors(stop) if stop < tree.tokens.size else np.empty(0, dtype=np.int64)
        yield _pack(tree, start, stop, trunk, following, block)
        trunk = following


def _pack(tree: PrefixTree, start: int, stop: int, trunk: Integers, following: Integers, block: int) -> Pack:
    span = min(block, stop - start)
    firsts = np.arange(start, stop, span)
    paths = [tree.ancestors(int(first)) for first in firsts]
    width = max(path.size for path in paths)
    keys = np.full((firsts.size, width + span), start, dtype=np.int64)
    there = np.ones(keys.shape, dtype=np.bool_)
    for line, path in enumerate(paths):
        keys[line, width - path.size : width] = path
        there[line, : width - path.size] = False
    run = firsts[:, None] + np.arange(span)
    keys[:, width:], there[:, width:] = np.minimum(run, stop - 1), run < stop
    query, key = np.minimum(run, stop - 1)[:, :, None], keys[:, None, :]
    return Pack(
        start,
        stop,
        trunk,
        _numbered(keys, trunk, start),
        there[:, None, :] & (key <= query) & (tree.ends[key] > query),
        tree.depths[query] - tree.depths[key],
        _numbered(following, trunk, start),
    )


def _numbered(nodes: Integers, trunk: Integers, start: int) -> Integers:
    """Nodes of the tree in the numbers of a pack: its trunk first, then its own nodes."""
    return np.where(nodes >= start, nodes - start + trunk.size, np.searchsorted(trunk, nodes))
