from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator, default_rng

from commonweal.models.engine.encoding import TokenPair
from commonweal.models.engine.prefix_tree import PrefixTree, packs_of, shared_prefix, tree_of


def random_pairs(rng: Generator, count: int = 60, words: int = 3, longest: int = 12) -> list[TokenPair]:
    """Pairs over a tiny vocabulary, so that they share much: some twice, some the beginning of another."""
    pairs = []
    for _ in range(count):
        tokens = tuple(int(token) for token in rng.integers(0, words, int(rng.integers(2, longest))))
        cut = int(rng.integers(1, len(tokens)))
        pairs.append(TokenPair(tokens[:cut], tokens[cut:]))
    return [*pairs, *pairs[:5]]


def path_to(tree: PrefixTree, node: int) -> list[int]:
    return [*tree.ancestors(node).tolist(), node]


@pytest.mark.parametrize("seed", range(5))
def test_there_is_one_node_for_each_distinct_prefix(seed: int) -> None:
    pairs = random_pairs(default_rng(seed))
    tree = tree_of(pairs)
    inputs = [pair.context + pair.continuation[:-1] for pair in pairs]
    prefixes = {one[: end + 1] for one in inputs for end in range(len(one))}
    nodes = [tuple(int(tree.tokens[place]) for place in path_to(tree, node)) for node in range(tree.tokens.size)]
    assert len(nodes) == len(set(nodes)) == len(prefixes)
    assert set(nodes) == prefixes
    assert tree.depths.tolist() == [len(node) - 1 for node in nodes]


@pytest.mark.parametrize("seed", range(5))
def test_every_target_is_read_after_its_own_prefix(seed: int) -> None:
    pairs = random_pairs(default_rng(seed))
    tree = tree_of(pairs)
    for number, pair in enumerate(pairs):
        mine = tree.read_pair == number
        assert tuple(tree.read_target[mine]) == pair.continuation
        for step, node in enumerate(tree.read_node[mine].tolist()):
            before = tuple(int(tree.tokens[place]) for place in path_to(tree, node))
            assert before == pair.context + pair.continuation[:step]


@pytest.mark.parametrize(("size", "block"), [(1, 1), (5, 2), (7, 3), (64, 4), (1000, 128)])
def test_packs_compute_each_node_once_and_show_it_its_ancestors_only(size: int, block: int) -> None:
    tree = tree_of(random_pairs(default_rng(9)))
    computed: list[int] = []
    for pack in packs_of(tree, size, block):
        assert pack.stop - pack.start <= size
        assert set(pack.trunk.tolist()) <= set(computed)
        own = [*pack.trunk.tolist(), *range(pack.start, pack.stop)]
        for line, first in enumerate(range(pack.start, pack.stop, pack.may_attend.shape[1])):
            for place, node in enumerate(range(first, min(first + pack.may_attend.shape[1], pack.stop))):
                seen = [own[key] for key in pack.keys[line][pack.may_attend[line, place]]]
                assert seen == path_to(tree, node)
                back = pack.distance[line, place][pack.may_attend[line, place]]
                assert back.tolist() == list(range(len(seen) - 1, -1, -1))
        computed += range(pack.start, pack.stop)
        following = tree.ancestors(pack.stop) if pack.stop < tree.tokens.size else np.empty(0)
        assert [own[key] for key in pack.keep] == following.tolist()
    assert computed == list(range(tree.tokens.size))


def test_a_long_trunk_is_computed_once_however_small_the_packs() -> None:
    trunk = tuple(range(300))
    tree = tree_of([TokenPair((*trunk, end), (7,)) for end in range(50)])
    assert tree.tokens.size == 350
    assert sum(pack.stop - pack.start for pack in packs_of(tree, 64, 16)) == 350


def test_no_pair_makes_an_empty_tree() -> None:
    tree = tree_of([])
    assert tree.tokens.size == tree.read_node.size == 0
    assert list(packs_of(tree, 8, 4)) == []


def test_shared_prefix_of_unequal_lengths() -> None:
    assert shared_prefix(np.array([1, 2]), np.array([1, 2, 3])) == 2
    assert shared_prefix(np.array([], dtype=np.int64), np.array([1])) == 0
