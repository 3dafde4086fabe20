"""Simultaneous intervals of tested means near the bounds of their range: what they cover, and that they agree with
the test.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from commonweal.statistics.contrast import Contrast, mean_of
from commonweal.statistics.inference import Inference, family
from commonweal.statistics.shares import SHARE, SIGNED, evenly_carrying, exact_where_alike, within_bounds

Array = npt.NDArray[np.float64]
Bounds = tuple[float, float]


def shares(rng: np.random.Generator, clusters: int, truth: float, within: float) -> Contrast:
    """Zeros and ones in clusters of unequal size, some 15 items each, with an intraclass correlation of `within`."""
    odds = (1 - within) / within
    cluster = np.repeat(
        np.arange(clusters), np.maximum(2, np.round(13 * np.exp(rng.normal(0, 0.5, clusters)))).astype(int)
    )
    by_cluster = rng.beta(truth * odds, (1 - truth) * odds, clusters)
    return mean_of(rng.random(cluster.size) < by_cluster[cluster], cluster)


def scores(rng: np.random.Generator, clusters: int, truth: float, within: float) -> Contrast:
    """The same of scores -1, 0 and 1: of what is lacking to 1, half is lacking by zeros."""
    cluster, lacking = np.repeat(np.arange(clusters), rng.integers(5, 25, clusters)), 1 - truth
    odds = np.array([1 - 0.75 * lacking, 0.5 * lacking, 0.25 * lacking]) * (1 - within) / within
    up_to = np.cumsum(rng.dirichlet(odds, clusters), axis=1)[cluster]
    drawn = rng.random(cluster.size)
    return mean_of(1.0 - (drawn > up_to[:, 0]) - (drawn > up_to[:, 1]), cluster)


def both_of(
    ones: list[Contrast], rng: np.random.Generator, bounds: Bounds = SHARE
) -> tuple[list[Inference], list[Inference]]:
    """The family with its t intervals, and with those within the bounds."""
    found = family(ones, rng, null=sum(bounds) / 2)
    return (
        [exact_where_alike(one, len(ones), bounds) for one in found],
        [within_bounds(one, made, len(ones), bounds) for one, made in zip(found, ones, strict=True)],
    )


def covered(seeds: int, design: tuple[int, int, float, float], bounds: Bounds = SHARE) -> Array:
    """Share of samples in which all intervals hold the truth (t, within bounds), and in which anything is found,
    float64 (3,).
    """
    clusters, hypotheses, truth, within = design
    make, held = shares if bounds == SHARE else scores, np.zeros(3)
    for seed in range(seeds):
        rng = np.random.default_rng([seed, clusters, hypotheses])
        both = both_of([make(rng, clusters, truth, within) for _ in range(hypotheses)], rng, bounds)
        held += [
            *(all(one.low <= truth <= one.high for one in kind) for kind in both),
            any(one.p_adjusted <= 0.05 for one in both[1]),
        ]
    return held / seeds


def test_near_a_bound_the_intervals_hold_the_truth_and_those_of_t_do_not() -> None:
    before, after, _ = covered(100, (20, 4, 0.95, 0.4))
    assert before <= 0.75
    assert after >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("truth", [0.75, 0.9, 0.95, 0.99])
@pytest.mark.parametrize(
    ("clusters", "hypotheses", "within"), [(12, 1, 0.4), (12, 4, 0.1), (20, 4, 0.4), (60, 10, 0.4), (60, 10, 0.1)]
)
@pytest.mark.usefixtures("few_flips")
def test_shares_from_the_middle_to_the_bound_lie_within_their_intervals(
    clusters: int, hypotheses: int, within: float, truth: float
) -> None:
    assert covered(500, (clusters, hypotheses, truth, within))[1] >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize("truth", [-0.98, -0.8, 0.5, 0.9])
@pytest.mark.parametrize(("clusters", "hypotheses"), [(12, 4), (40, 10)])
@pytest.mark.usefixtures("few_flips")
def test_signed_scores_lie_within_their_intervals(clusters: int, hypotheses: int, truth: float) -> None:
    """A score near -1 is one near 1 of the contrary."""
    assert covered(500, (clusters, hypotheses, abs(truth), 0.25), SIGNED)[1] >= 0.91


@pytest.mark.slow
@pytest.mark.parametrize(("clusters", "hypotheses"), [(12, 4), (40, 4)])
@pytest.mark.usefixtures("few_flips")
def test_at_the_null_3_to_7_percent_alarm(clusters: int, hypotheses: int) -> None:
    _, after, alarms = covered(1000, (clusters, hypotheses, 0.5, 0.3))
    assert 0.03 <= alarms <= 0.07
    assert after == pytest.approx(1 - alarms)


def random_family(rng: np.random.Generator, bounds: Bounds) -> list[Contrast]:
    clusters, make = int(rng.integers(2, 30)), shares if bounds == SHARE else scores
    truths = rng.choice([0.5, 0.6, 0.75, 0.9, 0.98], rng.integers(1, 5))
    return [make(rng, clusters, float(truth), float(rng.choice([0.1, 0.4, 0.8]))) for truth in truths]


@pytest.mark.parametrize("bounds", [SHARE, SIGNED])
def test_verdict_and_interval_are_one_statement_within_the_bounds(bounds: Bounds) -> None:
    verdicts, middle = [], sum(bounds) / 2
    for seed in range(150):
        rng = np.random.default_rng(seed)
        for before, one in zip(*both_of(random_family(rng, bounds), rng, bounds), strict=True):
            assert bounds[0] <= one.low <= one.value <= one.high <= bounds[1]
            assert (one.p_adjusted <= 0.05) == (one.low > middle or one.high < middle)
            assert (one.p_value, one.p_adjusted) == pytest.approx((before.p_value, before.p_adjusted))
            assert (
                not one.minimum_detectable < before.minimum_detectable
            )  # that at the middle, where a mean varies most
            verdicts.append(one.p_adjusted <= 0.05)
    assert 0.2 < np.mean(verdicts) < 0.8


def test_verdict_and_interval_agree_over_two_crossed_clusterings_too() -> None:
    verdicts = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        first, second = rng.integers(0, 12, 150).astype(str), rng.integers(0, 20, 150).astype(str)
        lean = rng.normal(size=20)[second.astype(int)] + rng.normal(size=12)[first.astype(int)]
        ones = [mean_of(lean + rng.normal(size=150) + shift > 0, first, second) for shift in (0.5, 1.5, 3.0)]
        for one, found in zip(ones, family(ones, rng, null=0.5), strict=True):
            bounded = within_bounds(found, one, len(ones))
            assert 0 <= bounded.low <= bounded.value <= bounded.high <= 1
            assert (bounded.p_adjusted <= 0.05) == (bounded.low > 0.5 or bounded.high < 0.5)
            verdicts.append(bounded.p_adjusted <= 0.05)
    assert 0.2 < np.mean(verdicts) < 0.9


def test_in_the_middle_of_the_range_they_are_those_of_t_within_a_tenth_of_their_width() -> None:
    """60 clusters. Wilson's limits are a little inside those of t there, Bonferroni's quantile a little beyond that
    of the signs.
    """
    for seed in range(20):
        rng = np.random.default_rng(seed)
        for before, after in zip(*both_of([shares(rng, 60, 0.5, 0.1) for _ in range(3)], rng), strict=True):
            width = before.high - before.low
            assert (after.low, after.high) == pytest.approx((before.low, before.high), abs=width / 10)


def test_the_contrary_outcome_has_the_mirrored_interval() -> None:
    one = shares(np.random.default_rng(1), 30, 0.95, 0.2)
    contrary = mean_of(1 - one.y, *one.clusters)
    _, (share,) = both_of([one], np.random.default_rng(2))
    _, (other,) = both_of([contrary], np.random.default_rng(2))
    score = mean_of(2 * one.y - 1, *one.clusters)
    _, (doubled,) = both_of([score], np.random.default_rng(2), SIGNED)
    assert (1 - other.high, 1 - other.low) == pytest.approx((share.low, share.high))
    assert (doubled.low, doubled.high) == pytest.approx((2 * share.low - 1, 2 * share.high - 1))


def test_where_the_test_tells_the_side_and_wilson_not_how_far_the_interval_ends_just_beyond_the_null() -> None:
    """14 clusters of 10: twelve hold ones only, two hold zeros only.

    The signs are surer than 2 clusters' spread can be.
    """
    one = mean_of(np.repeat([1.0] * 12 + [0.0] * 2, 10), np.repeat(np.arange(14), 10))
    _, (found,) = both_of([one], np.random.default_rng(0))
    assert found.p_adjusted == pytest.approx(2 * (1 + 14 + 91) / 2**14, abs=0.01)
    assert found.low == pytest.approx(0.501)
    assert 6 / 7 < found.high < 1


def test_what_many_clusters_hold_a_little_of_and_one_much_is_carried_by_few() -> None:
    lacking = np.array([8.0] + [1.0] * 8)  # of 10 items each
    values = np.concatenate([np.repeat([0.0, 1.0], [int(few), 10 - int(few)]) for few in lacking])
    one = mean_of(values, np.repeat(np.arange(9), 10))
    assert evenly_carrying(one) == pytest.approx(16**2 / (64 + 8))
    assert evenly_carrying(mean_of(2 * one.y - 1, *one.clusters), bounds=SIGNED) == pytest.approx(16**2 / 72)


def test_one_cluster_has_no_interval_and_what_agrees_has_the_exact_one() -> None:
    single = mean_of([1.0, 0.0, 1.0], np.zeros(3))
    found = family([single], np.random.default_rng(0), null=0.5)[0]
    assert within_bounds(found, single, 1) is found
    same = mean_of(np.ones(36), np.repeat(np.arange(9), 4))
    found = family([same], np.random.default_rng(0), null=0.5)[0]
    assert within_bounds(found, same, 2).low == exact_where_alike(found, 2).low == pytest.approx(0.0125 ** (1 / 9))
