"""Rates of groups and their gaps as rows of evidence; what cannot be had is a row with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.estimate_rows import possible_effect
from commonweal.statistics.group_gaps import Gap, extremes_text, spread
from commonweal.statistics.group_rates import MINIMUM_CLUSTERS, MINIMUM_FREEDOM, GroupRates, rate_intervals

RATE_METHOD = (
    "mean over rows; variance CR2, clustered; Wilson interval on the effective number of rows, t quantile (Korn and "
    "Graubard) that counts the clusters that carry the rarer outcome; where nothing varies the effective number is "
    "that of clusters"
)
GAP_METHOD = (
    "difference of means; Wilson limits added in squares with the correlation of the two (Zou and Donner), variance "
    "CR2, clustered, t quantiles that count the clusters that carry the rarer outcome; simultaneous over all pairs, "
    "attributes and rates (largest |z| of 9,999 normal draws)"
)
SPREAD_METHOD = (
    "largest minus smallest mean; interval projected from the simultaneous ones of all pairs, floored at 0. The value "
    "is above 0 without any gap too; the interval is what counts"
)


@dataclass(frozen=True, slots=True)
class RateSpec:
    """What the rows of a rate say beside its numbers.

    `denominator`: the rows that count, in words. A mean in [0, 1] stands for the number `offset + scale * mean`, in
    `unit`.
    """

    quantity: str
    groups: Sequence[Mapping[str, str]]
    denominator: str
    note: str = ""
    offset: float = 0.0
    scale: float = 1.0
    unit: str = "1"
    cluster: str = "cluster"

    def number(self, mean: float) -> float:
        """A mean in [0, 1] as the number that it stands for."""
        return self.offset + self.scale * mean


def rate_rows(rates: GroupRates, spec: RateSpec) -> Iterator[Estimate | Missing]:
    """One row for each group."""
    low, high = rate_intervals(rates)
    usable = rates.usable
    for index, group in enumerate(spec.groups):
        if not usable[index]:
            yield Missing(
                quantity=spec.quantity,
                status="not_applicable",
                reason=why_not(rates, spec, index),
                group=group or None,
                unjudged=bool(rates.n[index] > 0),
            )
            continue
        yield Estimate(
            quantity=spec.quantity,
            unit=spec.unit,
            value=spec.number(float(rates.mean[index])),
            low=spec.number(float(low[index])),
            high=spec.number(float(high[index])),
            interval="confidence",
            n=int(rates.n[index]),
            clusters=int(rates.clusters[index]),
            group=group or None,
            method=RATE_METHOD,
            note=spec.note,
        )


def why_not(rates: GroupRates, spec: RateSpec, index: int) -> str:
    """Why a group has no number, in words."""
    n, clusters = int(rates.n[index]), int(rates.clusters[index])
    if n == 0:
        return f"no {spec.denominator} in this group, so there is nothing to divide by"
    if clusters < MINIMUM_CLUSTERS:
        return (
            f"{_counted(clusters, spec.cluster)} ({_counted(n, 'row')}) in this group; at least {MINIMUM_CLUSTERS} are "
            "needed for an interval"
        )
    return (
        f"{_counted(clusters, spec.cluster)} ({_counted(n, 'row')}) of such unequal size or weight that they are worth "
        f"{rates.freedom[index]:.1f} degrees of freedom; below {MINIMUM_FREEDOM:g} no interval holds its level"
    )


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def gap_rows(rates: GroupRates, gaps: Sequence[Gap], spec: RateSpec) -> Iterator[Estimate | Missing]:
    """A row for each pair of groups, and one for the largest minus the smallest; or why there is none."""
    if not gaps:
        count = int(rates.usable.sum())
        reason = (
            f"{_counted(count, 'group')} of {len(spec.groups)} {'has' if count == 1 else 'have'} enough to be "
            "compared; two are needed"
        )
        yield from no_gaps(spec, reason, unjudged=bool(rates.n.any()))
        return
    for gap in gaps:
        yield difference_row(rates, gap, spec, GAP_METHOD)
    yield spread_row(rates, spread(gaps), spec, SPREAD_METHOD)


def difference_row(rates: GroupRates, gap: Gap, spec: RateSpec, method: str) -> Estimate:
    """The difference of one pair of groups, tested against 0."""
    n, clusters = pair_size(rates, gap)
    return Estimate(
        quantity=f"{spec.quantity}_difference",
        unit=spec.unit,
        value=spec.scale * gap.value,
        low=spec.scale * gap.low,
        high=spec.scale * gap.high,
        interval="confidence",
        n=n,
        clusters=clusters,
        group=spec.groups[gap.group],
        reference=spec.groups[gap.reference],
        null=0.0,
        p_value=gap.p_value,
        p_adjusted=gap.p_adjusted,
        minimum_detectable=possible_effect(spec.scale * gap.minimum_detectable, spec.scale),
        method=method,
        note=spec.note,
    )


def pair_size(rates: GroupRates, gap: Gap) -> tuple[int, int]:
    """Rows and clusters of both groups; a cluster that lies in both counts once."""
    both = [gap.group, gap.reference]
    return int(rates.n[both].sum()), int(rates.clusters[both].sum() - rates.shared[gap.group, gap.reference])


def unjudged_gaps(gaps: Sequence[Gap], spec: RateSpec, reason: str) -> Iterator[Missing]:
    """The reason in the place of each gap, and of the largest minus the smallest, where the outcome decides nothing."""
    sides = [(spec.groups[gap.group], spec.groups[gap.reference]) for gap in gaps]
    shared = {"status": "not_applicable", "unjudged": True, "reason": reason}
    for group, reference in sides:
        yield Missing.model_validate(
            {"quantity": f"{spec.quantity}_difference", "group": group, "reference": reference, **shared}
        )
    everyone = dict.fromkeys(spec.groups[0], "all groups")
    yield Missing.model_validate({"quantity": f"{spec.quantity}_spread", "group": everyone, **shared})


def no_gaps(
    spec: RateSpec, reason: str, *, unjudged: bool, kinds: Sequence[str] = ("difference", "spread")
) -> Iterator[Missing]:
    """The reason in the place of the differences and of the largest minus the smallest."""
    everyone = dict.fromkeys(spec.groups[0], "all groups")
    for kind in kinds:
        yield Missing(
            quantity=f"{spec.quantity}_{kind}",
            status="not_applicable",
            reason=reason,
            group=everyone,
            unjudged=unjudged,
        )


def spread_row(rates: GroupRates, limits: tuple[float, float, float], spec: RateSpec, method: str) -> Estimate:
    """Largest minus smallest mean of the usable groups; `limits`: its value and its interval, before scaling."""
    usable = np.flatnonzero(rates.usable)
    value, low, high = (spec.scale * part for part in limits)
    note = extremes_text(
        [", ".join(spec.groups[index].values()) for index in usable.tolist()], rates.mean[usable].tolist()
    )
    absent = len(spec.groups) - usable.size
    note += f"; {_counted(absent, 'group')} without enough rows or clusters left out" if absent else ""
    return Estimate(
        quantity=f"{spec.quantity}_spread",
        unit=spec.unit,
        value=value,
        low=min(low, value),
        high=max(high, value),
        interval="confidence",
        n=int(rates.n[usable].sum()),
        clusters=_distinct(rates),
        group=dict.fromkeys(spec.groups[0], "all groups"),
        method=method,
        note=f"{note}; {spec.note}" if spec.note else note,
    )


def _distinct(rates: GroupRates) -> int:
    """Distinct clusters of all usable groups; a cluster that lies in several counts once."""
    layout = rates.layout
    member = rates.usable[layout.pair_group] & (rates.rows > 0)
    return int(np.count_nonzero(np.bincount(layout.pair_cluster[member])))


def too_many_groups(spec: RateSpec, most: int) -> Missing:
    """The reason in the place of gaps between more groups than can be compared."""
    reason = (
        f"{len(spec.groups)} groups; at most {most} are compared with each other: merge groups, or read their rates"
    )
    return Missing(
        quantity=f"{spec.quantity}_difference",
        status="not_applicable",
        reason=reason,
        group=dict.fromkeys(spec.groups[0], "all groups"),
    )
