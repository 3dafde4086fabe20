from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from commonweal.statistics.two_rates import TwoRates, logarithmic_mean

RATES = st.floats(0.01, 1.0)
ERRORS = st.floats(1e-4, 0.2)


@given(RATES, RATES, ERRORS, ERRORS, st.floats(1e-4, 0.3), st.floats(1.5, 4.0))
@settings(max_examples=300, deadline=None)
def test_the_ratio_excludes_1_where_the_difference_excludes_0_and_only_there(
    rate: float, reference: float, own: float, other: float, error: float, critical: float
) -> None:
    both = TwoRates(rate, reference, (own**2, other**2), error**2)
    gap = rate - reference
    difference = (gap - critical * error, gap + critical * error)
    low, high = both.ratio_limits(difference, critical)
    assert low <= both.ratio * (1 + 1e-9)
    assert high >= both.ratio * (1 - 1e-9)
    if min(map(abs, difference)) > 1e-9:
        assert (difference[0] > 0) == (low > 1)
        assert (difference[1] < 0) == (high < 1)


@given(RATES, RATES, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=300, deadline=None)
def test_a_wide_difference_never_stands_beside_a_narrow_ratio(
    rate: float, reference: float, below: float, above: float
) -> None:
    """Whatever the error that was seen: the ratio is no narrower than the difference implies."""
    gap, mean = rate - reference, logarithmic_mean(rate, reference)
    both = TwoRates(rate, reference, (1e-6, 1e-6), 1e-9)
    low, high = both.ratio_limits((gap - below, gap + above), 2.0)
    assert math.log(low) <= (gap - below) / mean + 1e-6
    assert math.log(high) >= (gap + above) / mean - 1e-6


def test_the_case_of_32_points_down_and_28_up() -> None:
    both = TwoRates(0.9, 0.92, (0.005, 0.005), 1e-12)
    low, high = both.ratio_limits((-0.32, 0.28), 2.0)
    assert low < 0.72
    assert high > 1.3
