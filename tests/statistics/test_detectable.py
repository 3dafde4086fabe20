"""The smallest effect that a design finds is that of the design: neither a constant nor an effect changes it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from commonweal.statistics.contrast import Contrast, mean_of
from commonweal.statistics.correlation import correlation
from commonweal.statistics.detectable import bonferroni, detectable
from commonweal.statistics.group_gaps import family_of_gaps
from commonweal.statistics.group_rates import group_rates, layout_of
from commonweal.statistics.inference import family
from commonweal.statistics.permutation import Nesting, all_pairs, matched_contrasts, nested_contrasts
from commonweal.statistics.shares import within_bounds
from commonweal.statistics.spread import family_of_spreads

Array = npt.NDArray[np.float64]
UNITS, EACH = 20, 6
NOISE = np.random.default_rng(7).standard_normal((UNITS, EACH)) * 0.05 + 0.4
UNIT = np.repeat(np.arange(UNITS), EACH).astype(str)
CONTEXT = np.tile(np.arange(EACH), UNITS).astype(str)
GROUP = np.arange(UNITS) % 2


def shifted(constant: float, effect: float) -> Array:
    """Outcomes float64 (unit, context): a constant on all, an effect on every second unit."""
    return np.asarray(NOISE + constant + effect * GROUP[:, None])


def one_mean(constant: float, effect: float) -> float:
    one = mean_of((NOISE + constant + effect).ravel(), UNIT)
    return family([one, mean_of(-NOISE.ravel(), UNIT)], np.random.default_rng(0))[0].minimum_detectable


def crossed_one(constant: float, effect: float) -> float:
    one = mean_of((NOISE + constant + effect).ravel(), UNIT, CONTEXT)
    return family([one], np.random.default_rng(0))[0].minimum_detectable


def two_sides(constant: float, effect: float) -> float:
    side = np.where(np.repeat(GROUP, EACH) == 1, 1, -1).astype(np.int8)
    one = Contrast(shifted(constant, effect).ravel(), side, (UNIT,))
    return family([one], np.random.default_rng(0))[0].minimum_detectable


def nested(constant: float, effect: float) -> float:
    nesting = Nesting(GROUP, np.zeros(UNITS, dtype=np.int64), all_pairs(2))
    found = nested_contrasts(shifted(constant, effect), nesting, 99, np.random.default_rng(0))
    freedom = float(found.freedom[0])
    return detectable(float(found.design_error[0]), bonferroni(freedom, 3), freedom)


def of_another_attribute(constant: float, effect: float) -> float:
    """The groups compared are not those that have the effect: strata do."""
    nesting = Nesting((np.arange(UNITS) // 2) % 2, GROUP, all_pairs(2))
    found = nested_contrasts(shifted(constant, effect), nesting, 99, np.random.default_rng(0))
    return float(found.design_error[0])


def matched(constant: float, effect: float) -> float:
    versions = np.stack([NOISE + constant, NOISE[::-1] + constant + effect], axis=1)
    return float(matched_contrasts(versions, 99, np.random.default_rng(0)).design_error[0])


def of_bounded_means(constant: float, effect: float) -> float:
    layout = layout_of(np.repeat(GROUP, EACH), np.repeat(np.arange(UNITS), EACH), 2)
    rates = group_rates(shifted(constant, effect).ravel(), np.ones(UNITS * EACH, dtype=np.bool_), layout, share=False)
    return family_of_gaps([rates], np.random.default_rng(0))[0][0].minimum_detectable


def of_spreads(constant: float, effect: float) -> float:
    return family_of_spreads([shifted(constant, effect)], np.random.default_rng(0))[0].minimum_detectable


def of_correlations(constant: float, effect: float) -> float:
    pairs = [(float(one) + constant, float(other) + effect * float(one)) for one, other in NOISE[:, :2]]
    found = correlation(pairs)
    assert found is not None
    return found.minimum_detectable


@pytest.mark.parametrize("shift", [(0.2, 0.0), (0.0, 0.1), (0.0, 0.4), (-0.2, -0.1)])
@pytest.mark.parametrize(
    "statistic",
    [
        one_mean,
        crossed_one,
        two_sides,
        nested,
        of_another_attribute,
        matched,
        of_bounded_means,
        of_spreads,
        of_correlations,
    ],
)
def test_neither_a_constant_nor_an_effect_changes_it(
    statistic: Callable[[float, float], float], shift: tuple[float, float]
) -> None:
    before = statistic(0.0, 0.0)
    assert 0 < before < np.inf
    assert statistic(*shift) == pytest.approx(before, rel=1e-6)


@pytest.mark.parametrize("share", [0.6, 0.8, 0.9])
def test_of_a_share_tested_against_one_half_it_is_that_at_one_half(share: float) -> None:
    """1,000 samples at one half say what is detectable; one at another share must say about the same."""
    rng = np.random.default_rng(3)

    def stated(at: float) -> float:
        found = []
        for _ in range(60):
            one = mean_of((rng.random(400) < at).astype(float), np.arange(400).astype(str))
            (inference,) = family([one], rng, null=0.5)
            found.append(within_bounds(inference, one, 1).minimum_detectable)
        return float(np.mean(found))

    assert stated(share) == pytest.approx(stated(0.5), rel=0.03)


def test_of_shares_of_groups_it_is_that_at_the_pooled_share_whatever_the_gap() -> None:
    """Half of the rows of both groups, or 40 % and 60 %: the pooled share is the same, and so is the figure."""
    group, number = np.repeat([0, 1], 200), np.arange(400)
    stated = []
    for one, other in ((100, 100), (80, 120)):
        values = np.concatenate([np.arange(200) < one, np.arange(200) < other]).astype(float)
        rates = group_rates(values, np.ones(400, dtype=np.bool_), layout_of(group, number, 2))
        stated.append(family_of_gaps([rates], np.random.default_rng(0))[0][0].minimum_detectable)
    assert stated[1] == pytest.approx(stated[0], rel=0.01)
