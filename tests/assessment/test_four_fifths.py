from __future__ import annotations

import pytest

from commonweal.assessment.four_fifths import four_fifths_words, lower_over_higher, side
from tests.assessment.assessed_systems import estimate

RATIO = {"quantity": "selection_rate_ratio", "null": None}


@pytest.mark.parametrize(
    "bounds", [(0.6, 0.79), (0.6, 0.8), (0.8, 1.0), (0.8, 1.25), (0.9, 1.3), (1.3, 2.0), (0.7, 1.4)]
)
def test_the_verdict_does_not_depend_on_which_group_is_named_first(bounds: tuple[float, float]) -> None:
    low, high = bounds
    assert side(low, high) == side(1 / high, 1 / low)


def test_touching_the_line_from_below_is_not_decided_and_from_above_is_not_crossed() -> None:
    assert (side(0.6, 0.8), side(0.8, 1.0)) == ("not decided", "not crossed")


def test_the_lower_rate_comes_first() -> None:
    turned = lower_over_higher(estimate(2.0, 1.6, 2.5, **RATIO))
    assert (turned.value, turned.low, turned.high) == pytest.approx((0.5, 0.4, 0.625))
    assert (turned.group, turned.reference) == ({"gender": "men"}, {"gender": "women"})


def test_many_comparisons_are_counted_after_the_smallest_ratios() -> None:
    many = [
        estimate(0.5 + k / 100, 0.4, 0.7, group={"race": f"group {k}"}, reference={"race": "White"}, **RATIO)
        for k in range(15)
    ]
    (words,) = four_fifths_words(many[::-1])
    assert "group 0 against White 0.50" in words
    assert words.endswith("group 11 against White 0.61 (0.40 to 0.70); and 3 more")
