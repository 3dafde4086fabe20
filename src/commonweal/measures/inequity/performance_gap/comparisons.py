"""Groups against their reference: difference, ratio and spread from one estimator and one set of intervals.

The difference is tested; the ratio takes its limits from those of the difference (`two_rates`), so that both say the
same; the spread and the impact ratio are projected from them. What cannot be judged has its reason in the place of all
of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.inequity.four_fifths import four_fifths
from commonweal.measures.inequity.performance_gap.axes import TableAxis
from commonweal.measures.inequity.performance_gap.rates import SCORING, SELECTION, Rate
from commonweal.measures.inequity.rate_rows import RateSpec, difference_row, no_gaps, pair_size, spread_row, why_not
from commonweal.statistics.group_gaps import Gap, spread_about
from commonweal.statistics.group_rates import GroupRates
from commonweal.statistics.two_rates import TwoRates

IMPACT = {SELECTION: "impact_ratio", SCORING: "scoring_impact_ratio"}
RATIO_METHOD = (
    "rate of the group over that of its reference; limits of log(ratio) from those of the difference and its "
    "covariance, so that both are decided alike"
)
SPREAD_METHOD = (
    "largest minus smallest mean; interval projected from the simultaneous ones against the reference group, floored "
    "at 0. The value is above 0 without any gap too; the interval is what counts"
)
IMPACT_METHOD = (
    "rate of the group over the highest rate of any group; interval projected from the simultaneous ones of the ratios "
    "to the reference group"
)
IMPACT_SOURCE = (
    "impact ratio as in 6 RCNY 5-300 (New York City Local Law 144 of 2021), where being selected is favourable"
)
SMALL_SHARE = 0.02  # 6 RCNY 5-301(d)
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Compared:
    """One rate of the groups of one division, and its gaps to the reference group.

    `families`: how many families of hypotheses the table has.
    """

    axis: TableAxis
    rate: Rate
    rates: GroupRates
    spec: RateSpec
    families: int

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is told of a rate beside itself."""
        return ("difference", "ratio", "spread") if self.rate.ratio else ("difference", "spread")

    @property
    def method(self) -> str:
        """How the difference was tested."""
        return (
            "difference of means; Wilson limits added in squares with the correlation of the two (Zou and Donner), "
            "variance CR2, clustered, t quantiles that count the clusters that carry the rarer outcome; simultaneous "
            f"over all groups and rates of {self.axis.name}, one of {self.families} "
            f"famil{'y' if self.families == 1 else 'ies'} of this table, each corrected by itself (largest |z| of "
            "9,999 normal draws)"
        )

    def why_none(self) -> str:
        """Why the groups cannot be compared in this rate; "" where they can."""
        usable = self.rates.usable
        if int(usable.sum()) < 2:
            count = int(usable.sum())
            return (
                f"{count} group{'' if count == 1 else 's'} of {len(self.axis.groups)} "
                f"{'has' if count == 1 else 'have'} enough to be compared; two are needed"
            )
        reference = self.axis.reference
        if reference is None:
            return (
                f"no row lies in the reference group of all {len(self.axis.attributes)} attributes; name another "
                "reference"
            )
        if not usable[reference]:
            words = ", ".join(self.axis.groups[reference].values())
            return (
                f"the reference group {words} has too little: {why_not(self.rates, self.spec, reference)}; name "
                "another reference"
            )
        return self.unvarying()

    def unvarying(self) -> str:
        """A rate that is 0 % or 100 % in all groups tells none from another."""
        means = self.rates.mean[self.rates.usable]
        nobody, everybody = bool((means <= TINY).all()), bool((means >= 1 - TINY).all())
        if not self.rate.share or not (nobody or (everybody and not self.rate.full_says_something)):
            return ""
        label = self.rate.name.replace("_", " ")
        return (
            f"the {label} is {'0' if nobody else '100'} % in all groups ({int(self.rates.n.sum()):,} rows that count): "
            "what is the same for everybody tells no group from another"
        )


def comparison_rows(compared: Compared, gaps: Sequence[Gap]) -> Iterator[Estimate | Missing]:
    """Each group against the reference, the spread over all, and of selection the impact ratio."""
    ratios = {}
    for gap in gaps:
        yield difference_row(compared.rates, gap, compared.spec, compared.method)
        if compared.rate.ratio:
            ratio = _ratio(compared, gap)
            yield ratio
            ratios[gap.group] = (ratio.low, ratio.high) if isinstance(ratio, Estimate) else None
    yield spread_row(compared.rates, spread_about(gaps), compared.spec, SPREAD_METHOD)
    if compared.rate.name in IMPACT:
        yield from _impact(compared, ratios)


def incomparable(compared: Compared, reason: str, *, unjudged: bool) -> Iterator[Estimate | Missing]:
    """The reason in the place of every comparison; the impact ratio, a description, stays where a rate is above 0."""
    yield from no_gaps(compared.spec, reason, unjudged=unjudged, kinds=compared.kinds)
    if compared.rate.name not in IMPACT:
        return
    if compared.rates.usable.any() and not compared.unvarying():
        yield from _impact(compared, {})
        return
    yield Missing(
        quantity=IMPACT[compared.rate.name],
        status="not_applicable",
        reason=reason,
        group=dict.fromkeys(compared.axis.attributes, "all groups"),
        unjudged=unjudged,
    )


def _ratio(compared: Compared, gap: Gap) -> Estimate | Missing:
    """The rate of a group over that of its reference, with the limits that belong to those of the difference."""
    rates, spec = compared.rates, compared.spec
    rate, reference = (float(rates.mean[place]) for place in (gap.group, gap.reference))
    group, against = spec.groups[gap.group], spec.groups[gap.reference]
    if reference <= TINY:
        other = "neither has any" if rate <= TINY else "it has no upper end"
        reason = (
            f"the {spec.quantity.replace('_', ' ')} of the reference group is 0 %, so a ratio to it is not defined "
            f"({other}); read the difference"
        )
        return Missing(
            quantity=f"{spec.quantity}_ratio",
            status="not_applicable",
            unjudged=True,
            reason=reason,
            group=group,
            reference=against,
        )
    low, high = _ratio_limits(rates, gap, rate, reference)
    value = rate / reference
    n, clusters = pair_size(rates, gap)
    return Estimate(
        quantity=f"{spec.quantity}_ratio",
        unit="1",
        value=value,
        low=min(low, value),
        high=max(high, value),
        interval="confidence",
        n=n,
        clusters=clusters,
        method=RATIO_METHOD,
        note="; ".join(filter(None, (_rule(compared, value, low, high), spec.note))),
        group=group,
        reference=against,
    )


def _ratio_limits(rates: GroupRates, gap: Gap, rate: float, reference: float) -> tuple[float, float]:
    """Of a rate of 0 the ratio is 0, and its upper limit that of the difference, over the reference's rate."""
    if rate <= TINY:
        return 0.0, max(1 + gap.high / reference, 0.0)
    variances = float(rates.variance[gap.group]), float(rates.variance[gap.reference])
    both = TwoRates(rate, reference, variances, gap.error**2)
    return both.ratio_limits((gap.low, gap.high), gap.critical)


def _rule(compared: Compared, value: float, low: float, high: float) -> str:
    """The four-fifths line, for selection only, and only if being selected is what people want."""
    if compared.rate.name not in IMPACT:
        return ""
    turned = (value, low, high) if value <= 1 else (1 / value, 1 / high, 1 / low if low > 0 else math.inf)
    return f"if being selected is favourable, {four_fifths(*turned)}"


def _impact(
    compared: Compared, ratios: dict[int, tuple[float | None, float | None] | None]
) -> Iterator[Estimate | Missing]:
    """Each group's rate over the highest one.

    Without an interval where some group has none of its own; the highest is 1 by what it is, and has none either.
    """
    rates, spec = compared.rates, compared.spec
    usable = np.flatnonzero(rates.usable).tolist()
    highest = max(usable, key=lambda place: (float(rates.mean[place]), -place))
    logs = _log_limits(ratios, compared.axis.reference, usable)
    for place in usable:
        value = float(rates.mean[place] / rates.mean[highest])
        limits = _projected(logs, place) if logs and place != highest else None
        share = float(rates.mass[place] / rates.mass.sum())
        small = (
            f"{100 * share:.1f} % of the rows: 6 RCNY 5-301(d) lets an auditor leave out a category below 2 %, with a "
            "justification"
            if share < SMALL_SHARE
            else ""
        )
        most = "the highest rate, so 1 by what it is" if place == highest else ""
        yield Estimate(
            quantity=IMPACT[compared.rate.name],
            unit="1",
            value=value,
            low=min(limits[0], value) if limits else None,
            high=max(limits[1], value) if limits else None,
            interval="confidence" if limits else None,
            n=int(rates.n[place]),
            clusters=int(rates.clusters[place]),
            group=spec.groups[place],
            reference=spec.groups[highest],
            method=IMPACT_METHOD,
            note="; ".join(filter(None, (most, small, IMPACT_SOURCE, spec.note))),
        )


def _log_limits(
    ratios: dict[int, tuple[float | None, float | None] | None], reference: int | None, usable: Sequence[int]
) -> dict[int, tuple[float, float]] | None:
    """Limits of log(rate over that of the reference), of every group that counts; None where one is not known."""
    found = {} if reference is None else {reference: (0.0, 0.0)}
    for place, limits in ratios.items():
        if limits is None or limits[0] is None or limits[1] is None:
            return None
        found[place] = (
            math.log(limits[0]) if limits[0] > 0 else -math.inf,
            math.log(limits[1]) if limits[1] > 0 else -math.inf,
        )
    return found if set(found) == set(usable) else None


def _projected(logs: dict[int, tuple[float, float]], place: int) -> tuple[float, float]:
    """Limits of a rate over the highest one, which may be its own: at most 1.

    >>> low, high = _projected({0: (0.0, 0.0), 1: (-0.5, -0.1)}, 1)
    >>> round(low, 3), round(high, 3)
    (0.607, 0.905)
    """
    low, high = logs[place]
    others = [limits for other, limits in logs.items() if other != place]
    return (
        math.exp(min(0.0, low - max(above for _, above in others))),
        math.exp(min(0.0, high - max(below for below, _ in others))),
    )
