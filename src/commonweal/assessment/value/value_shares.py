"""Who gains and who pays: shares of benefit and of burden, and the evenness alarm.

Benefit and burden are shared out apart. An index of V itself, such as a Gini coefficient, breaks where some V_g are
negative: it leaves the range from 0 to 1 and can have the wrong sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from commonweal.assessment.value.spread import DrawSummary, spread
from commonweal.assessment.value.value_books import rows
from commonweal.assessment.value.value_terms import Group, Terms
from commonweal.footprint.sampling import Array

BUILDING = frozenset({"builder", "deployer"})
NOTHING = DrawSummary(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Evenness:
    """Whether benefit gathers at those who make or run the system while burden falls on people who get nothing from it.

    probability : P(builders and deployers have more than `threshold` of the benefit, and groups without any benefit
        bear more than `threshold` of the burden), over the draws that have both a benefit and a burden; in [0, 1].
    benefit_of_builders, burden_without_benefit : the two shares, each in [0, 1].
    threshold : one half by default; a choice of ours, no finding.

    A group with the smallest benefit counts as having one, so the alarm can miss a burden that falls on people who gain
    next to nothing. It rests on the declared terms only, and says nothing about who may decide.
    """

    probability: float
    benefit_of_builders: DrawSummary
    burden_without_benefit: DrawSummary
    threshold: float

    @property
    def alarms(self) -> bool:
        """Whether it is more likely than not."""
        return self.probability > 0.5


@dataclass(frozen=True, slots=True)
class GroupShares:
    """Share of each group in a benefit or a burden; the means over groups sum to 1.

    defined : share of the draws in which there is anything to be shared out; the shares are over these.
    """

    by_group: tuple[DrawSummary, ...]
    defined: float


def shares_and_evenness(
    groups: Sequence[Group], terms: Terms, gained: Array, lost: Array, threshold: float
) -> tuple[GroupShares | None, GroupShares | None, Evenness | None]:
    """Shares of benefit, shares of burden, and the alarm; None where there is nothing to share out, or no builder is
    declared.

    gained, lost : gains and losses of all groups together, float64 (draw,).
    """
    has_gain, has_loss = _above_zero(gained), _above_zero(lost)
    builders, without = np.zeros_like(gained), np.zeros_like(lost)
    benefits: list[DrawSummary] = []
    burdens: list[DrawSummary] = []
    for group, row in zip(groups, rows(groups, terms, gained.size), strict=True):
        building = group.role in BUILDING
        nothing = None if building or not row.losses.any() else row.gains == 0.0
        benefits.append(_share(row.gains, gained, has_gain))
        burdens.append(_share(row.losses, lost, has_loss))
        if building:
            builders += row.gains
        elif nothing is not None:
            np.add(without, row.losses, out=without, where=nothing)
    benefit, burden = _shares(benefits, has_gain, gained.size), _shares(burdens, has_loss, lost.size)
    if benefit is None or burden is None or not any(group.role in BUILDING for group in groups):
        return benefit, burden, None
    both = has_gain if has_loss is None else has_loss if has_gain is None else has_gain & has_loss
    if both is not None:
        builders, without = builders[both], without[both]
    if not builders.size:
        return benefit, burden, None
    alarmed = np.count_nonzero((builders > threshold) & (without > threshold))
    return benefit, burden, Evenness(alarmed / builders.size, spread(builders), spread(without), threshold)


def _above_zero(total: Array) -> NDArray[np.bool_] | None:
    """In which draws there is anything to share out; None: in all of them."""
    return None if total.min() > 0.0 else total > 0.0


def _share(row: Array, total: Array, there: NDArray[np.bool_] | None) -> DrawSummary:
    """Turn the draws of a group into its share of the total, in place; 0 where the total is 0."""
    if not row.any():
        return NOTHING
    if there is None:
        np.divide(row, total, out=row)
        return spread(row)
    np.divide(row, total, out=row, where=there)
    return spread(row[there])


def _shares(by_group: list[DrawSummary], there: NDArray[np.bool_] | None, n: int) -> GroupShares | None:
    defined = 1.0 if there is None else np.count_nonzero(there) / n
    return GroupShares(tuple(by_group), defined) if defined else None
