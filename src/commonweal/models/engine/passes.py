"""How a network reads what must be scored: as a tree of shared prefixes, or row by row where it cannot read a tree.

Both give, pass by pass, the answers that this pass completes; the answers are the same. Which a network can is found
out once, by trying.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commonweal.errors import require
from commonweal.models.engine.encoding import TokenPair, TokenRow, batches_of, rows_of
from commonweal.models.engine.onednn import quick_products
from commonweal.models.engine.prefix_tree import PrefixTree, packs_of, tree_of
from commonweal.models.engine.tree_attention import ARGUMENT, Walk, reading_trees
from commonweal.models.engine.vocabulary import Answers, Integers, Vocabulary
from commonweal.models.protocols import Score

QUERIES_AT_ONCE = 64
TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Reader:
    """A network, its way to the vocabulary, and where it computes."""

    network: Any
    vocabulary: Vocabulary
    device: str

    def states(self, **inputs: Any) -> Any:
        """Last hidden states, or the logits where there is no separate head: tensor (row x position, width)."""
        with quick_products(self.device):
            if self.vocabulary.head is None:
                return self.network(use_cache=False, **inputs).logits.flatten(0, 1)
            return self.network.base_model(use_cache=False, **inputs).last_hidden_state.flatten(0, 1)

    def tensor(self, numbers: Any) -> Any:
        return require("torch", extra="models").from_numpy(numbers).to(self.device)


def read_tree(reader: Reader, tree: PrefixTree, size: int) -> Iterator[dict[int, Score]]:
    """Scores by number of the pair, `size` tokens in a pass; each distinct prefix token is computed once."""
    order = np.argsort(tree.read_node, kind="stable")
    node, target = tree.read_node[order], tree.read_target[order]
    logprobs, best = np.empty(order.size), np.empty(order.size, dtype=np.bool_)
    last = np.maximum.reduceat(tree.read_node, np.flatnonzero(np.diff(tree.read_pair, prepend=-1)))
    by_end = np.argsort(last, kind="stable")
    with reading_trees(reader.network):
        walk = Walk(reader.device, reader.network.dtype)
        for pack in packs_of(tree, size, QUERIES_AT_ONCE):
            walk.enter(pack)
            states = reader.states(
                input_ids=reader.tensor(tree.tokens[None, pack.start : pack.stop]),
                position_ids=reader.tensor(tree.depths[None, pack.start : pack.stop]),
                **{ARGUMENT: walk},
            )
            first, stop = np.searchsorted(node, [pack.start, pack.stop])
            mine = order[first:stop]
            logprobs[mine], best[mine] = reader.vocabulary.answers(
                states, node[first:stop] - pack.start, target[first:stop]
            )
            done = by_end[slice(*np.searchsorted(last[by_end], [pack.start, pack.stop]))]
            yield _scores(tree, done, (logprobs, best))


def _scores(tree: PrefixTree, done: Integers, read: Answers) -> dict[int, Score]:
    firsts, lasts = np.searchsorted(tree.read_pair, done), np.searchsorted(tree.read_pair, done, side="right")
    return {
        int(number): Score(float(read[0][first:last].sum()), int(last - first), bool(read[1][first:last].all()))
        for number, first, last in zip(done, firsts, lasts, strict=True)
    }


def read_rows(reader: Reader, pairs: Sequence[TokenPair], budget: int) -> Iterator[dict[int, Score]]:
    """Scores by number of the pair; rows of similar length together, padded on the right, where nobody looks."""
    for batch in batches_of(rows_of(pairs), budget):
        ids = np.zeros((len(batch), len(batch[0].tokens)), dtype=np.int64)
        for line, row in enumerate(batch):
            ids[line, : len(row.tokens)] = row.tokens
        reads = sorted(read for line, row in enumerate(batch) for read in _reads(row, pairs, line * ids.shape[1]))
        place, target, number = np.array(reads, dtype=np.int64).T
        logprobs, best = reader.vocabulary.answers(reader.states(input_ids=reader.tensor(ids)), place, target)
        mine = {int(one): number == one for one in np.unique(number)}
        yield {one: Score(float(logprobs[at].sum()), int(at.sum()), bool(best[at].all())) for one, at in mine.items()}


def _reads(row: TokenRow, pairs: Sequence[TokenPair], start: int) -> Iterator[tuple[int, int, int]]:
    """Place, target token and pair of each answer from a row that begins at `start`: the place before the token."""
    for number in row.pairs:
        first = start + len(pairs[number].context) - 1
        for step, token in enumerate(pairs[number].continuation):
            yield first + step, token, number


def long_from(config: Any) -> int | None:
    """Tokens beyond which a network turns its positions otherwise (longrope, as in Phi-3); None: it never does.

    It does so for a whole pass, so what is longer must never be read beside what is not.
    """
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    if "longrope" not in {rope.get("rope_type"), rope.get("type")}:
        return None
    return rope.get("original_max_position_embeddings") or getattr(config, "original_max_position_embeddings", None)


def reads_trees(reader: Reader) -> bool:
    """Whether this network reads a tree as it reads its branches one by one: four branches, carried over several packs.

    Where it has a sliding window, or attends in chunks, one branch is longer than that.
    """
    config = reader.network.config
    beyond = max(getattr(config, name, None) or 0 for name in ("sliding_window", "attention_chunk_size")) + 1
    trunk = tuple(range(1, 7)) * (1 + beyond // 6)
    branches = [(*trunk, *range(20 + 5 * one, 30 + 5 * one)) for one in range(3)] + [tuple(range(3, 13))]
    pairs = [TokenPair(branch[:-4], branch[-4:]) for branch in branches]
    try:
        tree = _all(read_tree(reader, tree_of(pairs), max(7, len(trunk) - 5)))
    except (TypeError, ValueError, RuntimeError, AttributeError, KeyError, IndexError, NotImplementedError):
        return False
    alone = _all(read_rows(reader, pairs, 1))
    return all(abs(tree[number].logprob - score.logprob) <= TOLERANCE for number, score in alone.items())


def _all(parts: Iterator[dict[int, Score]]) -> dict[int, Score]:
    return {number: score for part in parts for number, score in part.items()}
