"""Rates of groups and their gaps as rows of evidence; what cannot be had is a row with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.rows import possible_effect
from commonweal.statistics.group_gaps import Gap, extremes_text, spread
from commonweal.statistics.group_rates import MINIMUM_CLUSTERS, MINIMUM_FREEDOM, GroupRates, rate_intervals

RATE_METHOD = (
    "mean over rows; variance CR2, clustered; Wilson interval on the effective number of rows, t quantile (Korn and Graubard) that counts "
    "the clusters that carry the rarer outcome; where nothing varies the effective number is that of clusters"
)
GAP_METHOD = (
    "difference of means; Wilson limits added in squares with the correlation of the two (Zou and Donner), variance CR2, clustered, "
    "t quantiles that count the clusters that carry the rarer outcome; simultaneous over all pairs, attributes and rates (largest |z| of "
    "9,999 normal draws)"
)
SPREAD_METHOD = (
    "largest minus smallest mean; interval projected from the simultaneous ones of all pairs, floored at 0. The value is above 0 "
    "without any gap too; the interval is what counts"
)


@dataclass(frozen=True, slots=True)
class RateSpec:
    """How a rate is told: its quantity, its groups, the rows that count in words, a note, and whether it lies in [-1, 1]."""

    quantity: str
    groups: Sequence[Mapping[str, str]]
    denominator: str
    note: str = ""
    signed: bool = False
    cluster: str = "cluster"

    @property
    def scale(self) -> float:
        return 2.0 if self.signed else 1.0

    def number(self, mean: float) -> float:
        """A mean in [0, 1] as the number that it stands for."""
        return 2 * mean - 1 if self.signed else mean


def rate_rows(rates: GroupRates, told: RateSpec) -> Iterator[Estimate | Missing]:
    """One row for each group."""
    low, high = rate_intervals(rates)
    usable = rates.usable
    for place, group in enumerate(told.groups):
        if not usable[place]:
            yield Missing(
                quantity=told.quantity, status="not_applicable", reason=why_not(rates, told, place), group=group or None,
                unjudged=bool(rates.n[place] > 0),
            )  # fmt: skip
            continue
        yield Estimate(
            quantity=told.quantity, unit="1", value=told.number(float(rates.mean[place])), low=told.number(float(low[place])),
            high=told.number(float(high[place])), interval="confidence", n=int(rates.n[place]),
            clusters=int(rates.clusters[place]), group=group or None, method=RATE_METHOD, note=told.note,
        )  # fmt: skip


def why_not(rates: GroupRates, told: RateSpec, place: int) -> str:
    """Why a group has no number, in words."""
    n, clusters = int(rates.n[place]), int(rates.clusters[place])
    if n == 0:
        return f"no {told.denominator} in this group, so there is nothing to divide by"
    if clusters < MINIMUM_CLUSTERS:
        return (
            f"{_counted(clusters, told.cluster)} ({n} rows) in this group; at least {MINIMUM_CLUSTERS} are needed for an interval"
        )
    return (
        f"{_counted(clusters, told.cluster)} ({n} rows) of such unequal size or weight that they are worth {rates.freedom[place]:.1f} degrees of "
        f"freedom; below {MINIMUM_FREEDOM:g} no interval holds its level"
    )


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def gap_rows(rates: GroupRates, gaps: Sequence[Gap], told: RateSpec) -> Iterator[Estimate | Missing]:
    """A row for each pair of groups, and one for the largest minus the smallest; or why there is none."""
    everyone = dict.fromkeys(told.groups[0], "all groups")
    if not gaps:
        count = int(rates.usable.sum())
        reason = f"{_counted(count, 'group')} of {len(told.groups)} {'has' if count == 1 else 'have'} enough to be compared; two are needed"
        yield from no_gaps(told, reason, unjudged=bool(rates.n.any()))
        return
    for gap in gaps:
        both = [gap.group, gap.reference]
        yield Estimate(
            quantity=f"{told.quantity}_difference", unit="1", value=told.scale * gap.value, low=told.scale * gap.low,
            high=told.scale * gap.high, interval="confidence", n=int(rates.n[both].sum()),
            clusters=int(rates.clusters[both].sum() - rates.shared[gap.group, gap.reference]),
            group=told.groups[gap.group], reference=told.groups[gap.reference],
            null=0.0, p_value=gap.p_value, p_adjusted=gap.p_adjusted,
            minimum_detectable=possible_effect(told.scale * gap.minimum_detectable, told.scale), method=GAP_METHOD, note=told.note,
        )  # fmt: skip
    yield _spread(rates, gaps, told, everyone)


def unjudged_gaps(gaps: Sequence[Gap], told: RateSpec, reason: str) -> Iterator[Missing]:
    """The reason in the place of each gap, and of the largest minus the smallest, where the outcome decides nothing."""
    sides = [(told.groups[gap.group], told.groups[gap.reference]) for gap in gaps]
    shared = {"status": "not_applicable", "unjudged": True, "reason": reason}
    for group, reference in sides:
        yield Missing.model_validate(
            {"quantity": f"{told.quantity}_difference", "group": group, "reference": reference, **shared}
        )
    everyone = dict.fromkeys(told.groups[0], "all groups")
    yield Missing.model_validate({"quantity": f"{told.quantity}_spread", "group": everyone, **shared})


def no_gaps(told: RateSpec, reason: str, *, unjudged: bool) -> Iterator[Missing]:
    """The reason in the place of the differences and of the largest minus the smallest."""
    everyone = dict.fromkeys(told.groups[0], "all groups")
    for kind in ("difference", "spread"):
        yield Missing(
            quantity=f"{told.quantity}_{kind}", status="not_applicable", reason=reason, group=everyone, unjudged=unjudged
        )


def _spread(rates: GroupRates, gaps: Sequence[Gap], told: RateSpec, everyone: Mapping[str, str]) -> Estimate:
    usable = np.flatnonzero(rates.usable)
    value, low, high = (told.scale * part for part in spread(gaps))
    note = extremes_text([", ".join(told.groups[place].values()) for place in usable.tolist()], rates.mean[usable].tolist())
    absent = len(told.groups) - usable.size
    note += f"; {_counted(absent, 'group')} without enough rows or clusters left out" if absent else ""
    return Estimate(
        quantity=f"{told.quantity}_spread", unit="1", value=value, low=min(low, value), high=max(high, value), interval="confidence",
        n=int(rates.n[usable].sum()), clusters=_distinct(rates), group=everyone, method=SPREAD_METHOD,
        note=f"{note}; {told.note}" if told.note else note,
    )  # fmt: skip


def _distinct(rates: GroupRates) -> int:
    """Distinct clusters of all usable groups; a cluster that lies in several counts once."""
    layout = rates.layout
    member = rates.usable[layout.pair_group] & (rates.rows > 0)
    return int(np.count_nonzero(np.bincount(layout.pair_cluster[member])))


def too_many_groups(told: RateSpec, most: int) -> Missing:
    """The reason in the place of gaps between more groups than can be compared."""
    reason = f"{len(told.groups)} groups; at most {most} are compared with each other: merge groups, or read their rates"
    return Missing(
        quantity=f"{told.quantity}_difference",
        status="not_applicable",
        reason=reason,
        group=dict.fromkeys(told.groups[0], "all groups"),
    )
