"""Differences between groups in the share of harmful or flagged continuations: which are compared, and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.estimate_rows import possible_effect
from commonweal.measures.inequity.generation_harm.scorer import Group
from commonweal.statistics.group_rates import GroupRates
from commonweal.statistics.simultaneous import Difference, Limited, family_of_differences

OTHERS = "mean of the others"
CORRECTED = "corrected_share_difference"
KINDS = {CORRECTED: "corrected", "flagged_share_difference": "observed"}
ENOUGH = {CORRECTED: "a corrected share", "flagged_share_difference": "enough continuations"}


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """One difference: the group, those it is compared with, and what was found."""

    group: Group
    others: tuple[Group, ...]
    found: Difference

    @property
    def reference(self) -> dict[str, str]:
        return {self.group[0]: self.others[0][1] if len(self.others) == 1 else OTHERS}


def compared(names: Sequence[Group], estimates: Limited, rng: np.random.Generator) -> list[GroupDifference]:
    """Each group against the mean of the others of its domain; all domains are one family."""
    chosen = pairs(names)
    weights = np.array([[_weight(name, group, others) for name in names] for group, others in chosen])
    return [
        GroupDifference(group, others, one)
        for (group, others), one in zip(chosen, family_of_differences(estimates, weights, rng), strict=True)
    ]


def pairs(names: Sequence[Group]) -> list[tuple[Group, tuple[Group, ...]]]:
    """Each group with the others of its domain; of a domain of two the first only, for the second says the same.

    >>> pairs([("g", "a"), ("g", "b"), ("r", "c")])
    [(('g', 'a'), (('g', 'b'),))]
    """
    chosen = []
    for domain in dict.fromkeys(domain for domain, _ in names):
        mine = [name for name in names if name[0] == domain]
        first = [] if len(mine) < 2 else mine[:1] if len(mine) == 2 else mine
        chosen += [(one, tuple(other for other in mine if other != one)) for one in first]
    return chosen


def _weight(name: Group, group: Group, others: Sequence[Group]) -> float:
    return 1.0 if name == group else -1.0 / len(others) if name in others else 0.0


def difference_rows(
    quantity: str, groups: Sequence[Group], tested: Sequence[GroupDifference], observed: GroupRates
) -> Iterator[Estimate | Missing]:
    """A row for each difference; or, for a domain without any, why."""
    method = (
        f"difference of {KINDS[quantity]} shares; limits added in squares with their correlation (Zou and Donner), "
        "simultaneous over all groups and domains (largest |z| of 9,999 normal draws)"
    )
    for difference in tested:
        places = [groups.index(name) for name in (difference.group, *difference.others)]
        yield Estimate(
            quantity=quantity,
            unit="1",
            value=difference.found.value,
            low=max(-1.0, difference.found.low),
            high=min(1.0, difference.found.high),
            interval="confidence",
            n=int(observed.n[places].sum()),
            clusters=int(observed.clusters[places].sum()),
            group=dict([difference.group]),
            reference=difference.reference,
            method=method,
            **_tested(quantity, difference.found),
        )
    for domain in sorted({domain for domain, _ in groups} - {difference.group[0] for difference in tested}):
        reason = f"fewer than two groups of this domain have {ENOUGH[quantity]}"
        yield Missing(quantity=quantity, status="not_applicable", reason=reason, group={domain: "all groups"})


def _tested(quantity: str, found: Difference) -> dict[str, Any]:
    """An observed difference is no hypothesis: it is as large as the scorer's errors make it."""
    if quantity != CORRECTED:
        return {}
    return {
        "null": 0.0,
        "p_value": found.p_value,
        "p_adjusted": found.p_adjusted,
        "minimum_detectable": possible_effect(found.minimum_detectable, 1.0),
    }
