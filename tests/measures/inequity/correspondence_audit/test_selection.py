from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonweal.measures.inequity.correspondence_audit.selection import pool_selection, swaps

Array = npt.NDArray[np.float64]


def by_enumeration(score: list[float], probe: list[int], share: float) -> Array:
    """Every pool with one version of each probe, every order of lots among equals, one by one."""
    versions = [[item for item, its in enumerate(probe) if its == one] for one in sorted(set(probe))]
    places = share * len(versions)
    won, played = np.zeros(len(score)), np.zeros(len(score))
    for pool in itertools.product(*versions):
        for lots in itertools.permutations(range(len(pool))):
            order = sorted(range(len(pool)), key=lambda place: (-score[pool[place]], lots[place]))
            for rank, place in enumerate(order):
                won[pool[place]] += min(1.0, max(0.0, places - rank))
                played[pool[place]] += 1
    return won / played


@given(
    st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.0, 2.5]), min_size=1, max_size=3), min_size=2, max_size=5),
    st.floats(0.05, 0.95),
)
@settings(max_examples=60, deadline=None)
def test_the_chance_of_a_place_is_that_of_all_pools_and_all_lots_one_by_one(
    versions: list[list[float]], share: float
) -> None:
    score = [value for each in versions for value in each]
    probe = [index for index, each in enumerate(versions) for _ in each]
    found = pool_selection(np.array(score), np.array(probe), share)
    assert found == pytest.approx(by_enumeration(score, probe, share), abs=1e-9)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.95])
def test_simulated_pools_choose_as_often(share: float) -> None:
    rng = np.random.default_rng(1)
    score, probe = rng.standard_normal((30, 12)), 30
    chosen = pool_selection(score.ravel(), np.repeat(np.arange(30), 12), share).reshape(30, 12)
    pools = rng.integers(12, size=(20_000, probe))
    drawn = score[np.arange(30), pools]
    rank = np.argsort(np.argsort(-drawn, axis=1), axis=1)
    won = np.clip(share * 30 - rank, 0, 1)
    for version in (0, 5):
        took_part = pools[:, 7] == version
        assert won[took_part, 7].mean() == pytest.approx(chosen[7, version], abs=0.04)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.25, 0.5, 0.77]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_all_places_are_given_and_a_higher_score_never_has_the_smaller_chance(
    seed: int, share: float, coarse: bool
) -> None:
    rng = np.random.default_rng(seed)
    score, probe = rng.standard_normal(40), np.repeat(np.arange(10), 4)
    score = np.round(score) if coarse else score
    chosen = pool_selection(score, probe, share)
    assert chosen.mean() == pytest.approx(share)
    assert (chosen >= 0).all()
    assert (chosen <= 1).all()
    for one in range(10):
        mine = probe == one
        order = np.argsort(score[mine])
        assert (np.diff(chosen[mine][order]) >= -1e-9).all()


def test_the_order_of_the_items_and_the_names_of_the_probes_change_nothing() -> None:
    rng = np.random.default_rng(2)
    score, probe = np.round(rng.standard_normal(24), 1), np.repeat(np.arange(6), 4)
    turn = rng.permutation(24)
    assert pool_selection(score[turn], 100 - 7 * probe[turn], 0.3) == pytest.approx(
        pool_selection(score, probe, 0.3)[turn]
    )


def test_everybody_alike_shares_the_places_by_lot() -> None:
    assert pool_selection(np.zeros(40), np.repeat(np.arange(10), 4), 0.3) == pytest.approx(np.full(40, 0.3))


FIRST, SECOND = np.array([True, True, False, False]), np.array([False, False, True, True])


def test_flip_shares_counted_by_hand() -> None:
    # Men 1 1 | 1 1 and women 0 1 | 0 0 on two probes. Between: 2 of 4 and 4 of 4. Within men none, within women 1 of 2.
    chosen = np.array([1, 1, 0, 1, 1, 1, 0, 0], dtype=np.float64)
    unit, probe, wording = np.tile(np.arange(4), 2), np.repeat([0, 1], 4), np.zeros(8, dtype=np.int64)
    shares = swaps(chosen, unit, probe, wording).shares(FIRST, SECOND)
    assert shares is not None
    assert (shares.between, shares.within, shares.excess) == pytest.approx((0.75, 0.25, 0.5))
    assert shares.clusters == 2


def test_only_what_shares_probe_and_wording_is_swapped() -> None:
    chosen, unit = np.array([1.0, 1.0, 0.0, 0.0]), np.arange(4)
    apart = swaps(chosen, unit, np.zeros(4, dtype=np.int64), np.array([0, 1, 0, 1]))
    assert apart.shares(FIRST, SECOND) is None
    assert apart.tried.sum() == 4
    together = swaps(chosen, unit, np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64)).shares(FIRST, SECOND)
    assert together is not None
    assert (together.between, together.within) == (1.0, 0.0)


def test_versions_of_one_sentence_are_never_swapped_for_each_other() -> None:
    chosen, unit, same = np.array([1.0, 0.0, 1.0, 0.0]), np.arange(4), np.zeros(4, dtype=np.int64)
    found = swaps(chosen, unit, same, same, block=np.array([0, 0, 1, 1]))
    assert found.tried[0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]]
    assert found.shares(np.array([True, False, True, False]), np.array([False, True, False, True])) is not None


def test_excess_flips_are_0_on_average_where_groups_do_not_matter_and_their_interval_covers_0() -> None:
    rng = np.random.default_rng(3)
    values, covered = [], 0
    first = np.arange(24) < 12
    unit, probe = np.tile(np.arange(24), 10), np.repeat(np.arange(10), 24)
    for _ in range(200):
        lean = rng.normal(0, 1, 24)[unit] + rng.normal(0, 1, 10)[probe] + rng.normal(0, 1, 240)
        shares = swaps((lean > 0).astype(np.float64), unit, probe, np.zeros(240, dtype=np.int64)).shares(first, ~first)
        assert shares is not None
        values.append(shares.excess)
        low, high = shares.interval()
        covered += low <= 0 <= high
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(200)
    assert covered / 200 >= 0.93


def test_excess_flips_are_as_large_as_the_group_makes_them() -> None:
    chosen = np.tile((np.arange(20) < 10).astype(np.float64), 6)
    unit, probe = np.tile(np.arange(20), 6), np.repeat(np.arange(6), 20)
    shares = swaps(chosen, unit, probe, np.zeros(120, dtype=np.int64)).shares(np.arange(20) < 10, np.arange(20) >= 10)
    assert shares is not None
    assert (shares.excess, shares.standard_error) == (1.0, 0.0)
