"""Who gains and who pays: shares by hand, and the evenness alarm, which speaks where it should and is silent
elsewhere.
"""

from __future__ import annotations

import numpy as np
import pytest

from commonweal.assessment.value.spread import DrawSummary
from commonweal.assessment.value.value import weigh
from commonweal.assessment.value.value_terms import Group, TermItem, Terms

MAKER, USER, REST = Group("the firm", "builder"), Group("users", "user"), Group("everyone else", "residual")
GROUPS = (MAKER, USER, REST)
UNIT = "USD2020/year"
N = 200


def test_a_negative_benefit_is_a_burden_and_shares_stay_shares() -> None:
    weighed = weigh(
        (USER, REST), Terms((TermItem((10.0, -6.0)),), (TermItem((0.0, 2.0)),), (TermItem((2.0, 0.0)),), ()), UNIT
    )
    users, rest = weighed.groups
    assert users.benefit_share is not None
    assert rest.burden_share is not None
    assert (users.benefit_share.median, rest.burden_share.median) == (1.0, pytest.approx(0.8))
    assert weighed.value == DrawSummary(0.0, 0.0, 0.0, 0.0)


def test_the_evenness_alarm_speaks_where_makers_gain_and_others_pay_and_is_silent_elsewhere() -> None:
    def evenness(
        benefit: tuple[float, ...], burden: tuple[float, ...], groups: tuple[Group, ...] = GROUPS
    ) -> tuple[float, bool] | None:
        found = weigh(groups, Terms((TermItem(benefit),), (TermItem(burden),), (), ()), UNIT).evenness
        return (found.probability, found.alarms) if found else None

    assert evenness((8.0, 2.0, 0.0), (1.0, 1.0, 8.0)) == (1.0, True)
    assert evenness((2.0, 8.0, 0.0), (1.0, 1.0, 8.0)) == (0.0, False)
    assert evenness((8.0, 2.0, 0.0), (8.0, 1.0, 1.0)) == (0.0, False)
    assert evenness((8.0, 1.0, 0.5), (1.0, 1.0, 8.0)) == (0.0, False)
    assert evenness((8.0, 0.0), (0.0, 8.0), (USER, REST)) is None
    assert evenness((0.0, 0.0, 0.0), (1.0, 1.0, 8.0)) is None


def test_the_evenness_alarm_is_a_probability_over_the_draws() -> None:
    makers = np.where(np.arange(N) < 50, 9.0, 1.0)
    found = weigh(GROUPS, Terms((TermItem((makers, 5.0, 0.0)),), (TermItem((1.0, 0.0, 3.0)),), (), ()), UNIT).evenness
    assert found is not None
    assert (found.probability, found.alarms, found.threshold) == (0.25, False, 0.5)
    assert found.burden_without_benefit.median == pytest.approx(0.75)


def test_shares_are_over_the_draws_that_have_something_to_share() -> None:
    gains = np.where(np.arange(N) < 50, 0.0, 4.0)
    found = weigh(GROUPS, Terms((TermItem((gains, 0.0, 0.0)),), (TermItem((0.0, 0.0, 1.0)),), (), ()), UNIT)
    assert (found.benefit_defined, found.burden_defined) == (0.75, 1.0)
    assert found.groups[0].benefit_share == DrawSummary(1.0, 1.0, 1.0, 1.0)
    assert found.evenness is not None
    assert found.evenness.probability == 1.0
