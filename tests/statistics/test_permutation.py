from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from commonweal.statistics.families import adjust
from commonweal.statistics.permutation import (
    Contrasts,
    Nesting,
    all_pairs,
    group_variance,
    matched_contrasts,
    nested_contrasts,
    pairs_with_reference,
    permuted_labels,
    studentize,
)

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
NAN = float("nan")


def nested(y: Array, labels: list[int], draws: int = 1, strata: list[int] | None = None, seed: int = 0) -> Contrasts:
    groups = max(labels) + 1
    nesting = Nesting(np.array(labels), np.array(strata or [0] * len(labels)), all_pairs(groups))
    return nested_contrasts(y, nesting, draws, np.random.default_rng(seed))


def matched(y: Array, draws: int = 1, seed: int = 0) -> Contrasts:
    return matched_contrasts(y, draws, np.random.default_rng(seed))


def two_way_clustered(difference: Array) -> tuple[float, float]:
    """Mean of float64 (block, context) and its two-way clustered error, Cameron, Gelbach and Miller 2011, eq.

    2.7, by loops.

    Their variance may come out too small, even negative; then the larger of the two one-way ones stands.
    """
    blocks, contexts = difference.shape
    cells = [(b, c) for b in range(blocks) for c in range(contexts) if not np.isnan(difference[b, c])]
    mean = sum(difference[cell] for cell in cells) / len(cells)
    residual = {cell: difference[cell] - mean for cell in cells}
    by_block = [sum(r for (b, _), r in residual.items() if b == block) for block in {b for b, _ in cells}]
    by_context = [sum(r for (_, c), r in residual.items() if c == context) for context in {c for _, c in cells}]
    blockwise = sum(s**2 for s in by_block) * len(by_block) / (len(by_block) - 1)
    contextwise = sum(s**2 for s in by_context) * len(by_context) / (len(by_context) - 1)
    both = blockwise + contextwise - sum(r**2 for r in residual.values())
    return mean, float(np.sqrt(max(both, blockwise, contextwise))) / len(cells)


def test_a_nested_gap_and_its_error_worked_out_by_hand() -> None:
    # Unit means 2, 4 | 2, 5: gap 3.5 - 3. Between units 2/2 + 4.5/2. Gap by context 2, -1: variance 4.5, over 2
    # contexts. Residuals 0 in the first group and 4 x 0.5 squared on 1 degree of freedom in the second: overlap (0 +
    # 1/2) / 2.
    y = np.array([[1.0, 3.0], [3.0, 5.0], [2.0, 2.0], [6.0, 4.0]])
    found = nested(y, [0, 0, 1, 1])
    assert found.pairs == ((1, 0),)
    assert found.gap == pytest.approx([0.5])
    assert found.standard_error == pytest.approx([np.sqrt(3.25 + 2.25 - 0.25)])
    assert found.studentized == pytest.approx([0.5 / np.sqrt(5.25)])


def test_a_unit_that_misses_a_context_is_compared_with_the_others_in_the_contexts_that_it_met() -> None:
    # The second context has mean 13/3 over those who met it. Unit means from there: -10/9, -1 | 8/9, 8/9.
    y = np.array([[1.0, 3.0, 2.0], [1.0, NAN, 2.0], [3.0, 5.0, 4.0], [3.0, 5.0, 4.0]])
    assert nested(y, [0, 0, 1, 1]).gap == pytest.approx([8 / 9 + (10 / 9 + 1) / 2])


def test_a_matched_gap_and_its_error_worked_out_by_hand() -> None:
    # Differences [[1, 3], [1, -1]]: mean 1, residuals [[0, 2], [0, -2]] over 4. Blocks: (0.5^2 + 0.5^2) x 2. Contexts:
    # 0. Their sum 1.0 minus 0.5 counted twice; never less than the larger of the two.
    y = np.array([[[0.0, 0.0], [1.0, 3.0]], [[2.0, 2.0], [3.0, 1.0]]])
    found = matched(y)
    assert found.gap == pytest.approx([1.0])
    assert found.standard_error == pytest.approx([1.0])


@given(st.integers(0, 2**32 - 1), st.integers(4, 9), st.integers(3, 8), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_the_matched_error_is_the_two_way_clustered_one_written_as_loops(
    seed: int, blocks: int, contexts: int, groups: int
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((blocks, groups, contexts)) + 2 * rng.standard_normal((blocks, groups, 1))
    y += rng.standard_normal((1, groups, contexts))
    y[rng.random((blocks, contexts))[:, None, :].repeat(groups, axis=1) < 0.2] = np.nan
    y[0], y[1, :, 0] = np.nan_to_num(y[0]), np.nan_to_num(y[1, :, 0])
    found = matched(y)
    for index, (first, second) in enumerate(found.pairs):
        gap, error = two_way_clustered(y[:, first] - y[:, second])
        assert found.gap[index] == pytest.approx(gap)
        assert found.standard_error[index] == pytest.approx(error)


def test_a_version_that_is_missing_for_one_group_leaves_its_block_and_context_out_for_all() -> None:
    rng = np.random.default_rng(3)
    y = rng.standard_normal((6, 3, 4))
    gone = y.copy()
    gone[2, 1, 3] = np.nan
    everywhere = y.copy()
    everywhere[2, :, 3] = np.nan
    assert np.array_equal(matched(gone).gap, matched(everywhere).gap)
    assert np.array_equal(matched(gone).standard_error, matched(everywhere).standard_error)


def test_the_nested_error_is_as_large_as_the_gap_really_varies() -> None:
    rng = np.random.default_rng(8)
    gaps, variances = [], []
    labels = [0] * 12 + [1] * 12
    for _ in range(1500):
        unit, slope = rng.normal(0, 0.6, (24, 1)), rng.normal(0, 0.8, (2, 10))
        y = unit + slope[labels] + rng.normal(0, 2, (1, 10)) + rng.normal(0, 1, (24, 10))
        found = nested(y, labels)
        gaps.append(found.gap[0])
        variances.append(found.standard_error[0] ** 2)
    assert np.mean(variances) / np.var(gaps) == pytest.approx(1.0, abs=0.12)


def test_the_p_value_of_a_nested_gap_is_that_of_scipy_over_all_252_permutations() -> None:
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(0, 1, 5), rng.normal(1.2, 1, 5)])
    found = nested(values[:, None], [0] * 5 + [1] * 5, draws=20_000)

    def t(a: Array, b: Array) -> float:
        return abs(float(b.mean() - a.mean())) / float(np.sqrt(a.var(ddof=1) / 5 + b.var(ddof=1) / 5))

    exact = permutation_test(
        (values[:5], values[5:]), t, permutation_type="independent", n_resamples=10_000, alternative="greater"
    )
    assert len(exact.null_distribution) == 252
    assert found.studentized[0] == pytest.approx(exact.statistic)
    p = adjust(found.studentized, found.permuted).p_value[0]
    assert p == pytest.approx(exact.pvalue, abs=4 * np.sqrt(exact.pvalue * (1 - exact.pvalue) / 20_000))


def test_the_p_value_of_a_matched_gap_is_that_of_scipy_over_all_1024_exchanges_within_blocks() -> None:
    rng = np.random.default_rng(4)
    y = rng.normal(0, 1, (10, 2, 1)) + np.array([0.0, 0.9])[None, :, None]
    found = matched(y, draws=20_000)

    def t(a: Array, b: Array) -> float:
        d = b - a
        return abs(float(d.mean())) / float(np.sqrt(d.var(ddof=1) / d.size))

    exact = permutation_test(
        (y[:, 0, 0], y[:, 1, 0]), t, permutation_type="samples", n_resamples=10_000, alternative="greater"
    )
    assert len(exact.null_distribution) == 1024
    assert found.studentized[0] == pytest.approx(exact.statistic)
    p = adjust(found.studentized, found.permuted).p_value[0]
    assert p == pytest.approx(exact.pvalue, abs=4 * np.sqrt(exact.pvalue * (1 - exact.pvalue) / 20_000))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_nested_numbers_do_not_depend_on_the_order_of_units_contexts_or_groups_nor_on_what_a_context_adds(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    y, labels = rng.standard_normal((12, 5)), np.repeat([0, 1, 2], 4)
    units, contexts = rng.permutation(12), rng.permutation(5)
    whole = nested(y, labels.tolist())
    turned = nested(y[units][:, contexts] + 10 * rng.standard_normal(5), labels[units].tolist())
    assert turned.gap == pytest.approx(whole.gap)
    assert turned.standard_error == pytest.approx(whole.standard_error)
    renamed = nested(y, (2 - labels).tolist())
    reverse = [renamed.pairs.index((2 - second, 2 - first)) for first, second in whole.pairs]
    assert renamed.gap[reverse] == pytest.approx(-whole.gap)
    assert renamed.standard_error[reverse] == pytest.approx(whole.standard_error)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_matched_numbers_do_not_depend_on_the_order_of_blocks_contexts_or_groups_nor_on_what_a_case_adds(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((8, 3, 4))
    whole = matched(y)
    turned = matched(y[rng.permutation(8)][:, :, rng.permutation(4)] + 10 * rng.standard_normal((8, 1, 4)))
    assert whole.gap == pytest.approx(matched(y + 10 * rng.standard_normal((8, 1, 4))).gap)
    assert turned.gap == pytest.approx(whole.gap)
    renamed = matched(y[:, ::-1])
    reverse = [renamed.pairs.index((2 - second, 2 - first)) for first, second in whole.pairs]
    assert renamed.gap[reverse] == pytest.approx(-whole.gap)
    assert renamed.standard_error[reverse] == pytest.approx(whole.standard_error)


def test_a_group_against_the_reference_is_the_same_whichever_other_pairs_are_asked_for() -> None:
    rng = np.random.default_rng(6)
    y, labels, strata = rng.standard_normal((12, 5)), np.repeat([0, 1, 2], 4), np.zeros(12, dtype=np.int64)
    every = nested_contrasts(y, Nesting(labels, strata, all_pairs(3)), 50, np.random.default_rng(1))
    some = nested_contrasts(y, Nesting(labels, strata, pairs_with_reference(3)), 50, np.random.default_rng(1))
    assert np.array_equal(every.permuted[:, :2], some.permuted)
    assert np.array_equal(every.gap[:2], some.gap)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=20), st.integers(0, 1000))
def test_permuting_keeps_the_number_of_each_label_in_each_stratum(members: list[tuple[int, int]], seed: int) -> None:
    labels, strata = (np.array(side) for side in zip(*members, strict=True))
    for shuffled in permuted_labels(labels, strata, 5, np.random.default_rng(seed)):
        for stratum in set(strata.tolist()):
            assert sorted(shuffled[strata == stratum]) == sorted(labels[strata == stratum])


def test_every_permutation_is_equally_likely() -> None:
    shuffled = permuted_labels(np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64), 60_000, np.random.default_rng(0))
    seen, counts = np.unique(shuffled, axis=0, return_counts=True)
    assert len(seen) == 6
    assert counts / 60_000 == pytest.approx(np.full(6, 1 / 6), abs=0.008)


def test_labels_that_a_stratum_ties_down_cannot_be_permuted_and_give_a_p_value_of_1() -> None:
    y = np.random.default_rng(0).standard_normal((6, 3)) + np.repeat([0.0, 5.0], 3)[:, None]
    found = nested(y, [0, 0, 0, 1, 1, 1], draws=99, strata=[0, 0, 0, 1, 1, 1])
    assert adjust(found.studentized, found.permuted).p_value[0] == 1.0


def test_the_same_seed_gives_the_same_draws_and_another_seed_gives_others() -> None:
    y = np.random.default_rng(0).standard_normal((8, 3))
    one, same, other = (nested(y, [0] * 4 + [1] * 4, draws=30, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.permuted, same.permuted)
    assert not np.array_equal(one.permuted, other.permuted)


def test_studentizing_tells_a_gap_without_error_from_no_gap_at_all() -> None:
    assert studentize(np.array([0.0, 0.3, -0.3]), np.array([0.0, 0.0, 0.1])) == pytest.approx(
        [0.0, 0.3 / 1.4917e-154, 3.0], rel=1e-3
    )


def test_the_variance_of_a_group_mean_counts_units_and_contexts_once_each() -> None:
    # Residuals [[-2, 0], [0, 2]] over 4 cells. Units: 2 x (0.25 + 0.25). Contexts: the same. Counted twice: 0.25 +
    # 0.25.
    assert group_variance(np.array([[1.0, 3.0], [3.0, 5.0]])) == pytest.approx(1.0 + 1.0 - 0.5)


def test_the_variance_of_a_group_mean_is_that_of_repeated_studies() -> None:
    rng = np.random.default_rng(9)
    means, variances = [], []
    for _ in range(1500):
        y = rng.normal(0, 0.7, (15, 1)) + rng.normal(0, 1, (1, 12)) + rng.normal(0, 1, (15, 12))
        means.append(y.mean())
        variances.append(group_variance(y))
    assert np.mean(variances) / np.var(means) == pytest.approx(1.0, abs=0.12)


def test_draws_that_are_equal_but_for_the_order_of_their_sums_tie() -> None:
    # Yes and no answers of few units: many permutations give the very same t, by sums in another order.
    y = (np.random.default_rng(0).random((18, 7)) < 0.2).astype(np.float64)
    found = nested(y, [0] * 9 + [1] * 9, draws=5000)
    values = np.unique(found.permuted)
    assert len(values) < 2500
    assert np.diff(values).min() > 1e-8
