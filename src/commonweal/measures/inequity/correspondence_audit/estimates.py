"""The numbers of a correspondence audit, from its axes to estimates.

Each axis gives the same quantities; all gaps of all axes are one family of hypotheses. What this module does not do: it
asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.estimate_rows import possible_effect
from commonweal.measures.inequity.correspondence_audit.axes import ComparisonAxis
from commonweal.measures.inequity.correspondence_audit.judged import (
    TINY,
    alike_words,
    moving_units,
    outcomes_of,
    varies,
    why_unjudged,
)
from commonweal.measures.inequity.four_fifths import four_fifths
from commonweal.statistics.contrast import FEW_DIFFER
from commonweal.statistics.detectable import at_share, bonferroni, detectable, shrunk_share
from commonweal.statistics.families import Family, adjust, agreeing
from commonweal.statistics.group_gaps import extremes_text
from commonweal.statistics.permutation import Array, all_pairs, group_variance
from commonweal.statistics.share_intervals import critical_normal, newcombe_interval, wilson_interval
from commonweal.statistics.two_rates import TwoRates

ALPHA = 0.05
RATIO_METHOD = (
    "ratio of rates; limits of the difference over the logarithmic mean of the rates, on the log scale, and no nearer "
    "than those of the delta method with the same covariance and critical value"
)
ONE_APART = (
    "no {} is scored otherwise than the others of its group, so the interval is as if one of each group were treated "
    "as the other is"
)


def estimates(axes: list[ComparisonAxis], score_quantity: str, score_unit: str) -> Iterator[Estimate | Missing]:
    """Every estimate of every axis; the gaps of all axes form one family."""
    parts = [contrasts for axis in axes for contrasts in (axis.chosen, axis.score) if contrasts is not None]
    family = adjust(np.concatenate([part.studentized for part in parts]), np.hstack([part.permuted for part in parts]))
    start = 0
    for axis in axes:
        pairs = len(axis.chosen.pairs)
        yield from _levels(axis, score_unit)
        yield from _rate_gaps(axis, family, start)
        yield from _flips(axis)
        start += pairs
        if axis.score is not None:
            yield from _score_gaps(axis, family, start, f"{score_quantity}_gap", score_unit)
            start += pairs


def _method(family: Family, axis: ComparisonAxis) -> str:
    return (
        f"labels permuted over whole {axis.unit}s ({axis.chosen.permuted.shape[0]:,} draws); single-step min-p over "
        f"{family.p_value.size} hypotheses; simultaneous interval from the same draws, errors clustered by "
        f"{axis.cluster}"
    )


def _levels(axis: ComparisonAxis, score_unit: str) -> Iterator[Estimate]:
    """Favourable rate and mean score of each group."""
    for group, chosen in zip(axis.groups, axis.chosen_cells, strict=True):
        rate, variance = float(np.nanmean(chosen)), group_variance(chosen)
        clusters = int((~np.isnan(chosen)).any(1).sum())
        n = int((~np.isnan(chosen)).sum())
        # Where nothing varies, the smallest factor that was sampled counts; one single context is not a sampled factor.
        crossed = min((size for size in chosen.shape if size > 1), default=1)
        effective = min(rate * (1 - rate) / variance, n) if variance > TINY**2 else crossed
        low, high = wilson_interval(rate, max(effective, 1.0))
        yield Estimate(
            quantity="selection_rate",
            unit="1",
            value=rate,
            low=min(low, rate),
            high=max(high, rate),
            interval="confidence",
            n=n,
            clusters=clusters,
            group=group,
            method=f"mean; Wilson interval with effective n from {axis.cluster}",
            note=axis.note,
        )
    if axis.score_cells is None:
        return
    for group, score in zip(axis.groups, axis.score_cells, strict=True):
        mean, half = float(np.nanmean(score)), critical_normal() * float(np.sqrt(group_variance(score)))
        known = half > TINY * max(1.0, abs(mean))
        yield Estimate(
            quantity="mean_log_odds" if score_unit == "nat" else "mean_score",
            unit=score_unit,
            value=mean,
            low=mean - half if known else None,
            high=mean + half if known else None,
            interval="confidence" if known else None,
            n=int((~np.isnan(score)).sum()),
            clusters=int((~np.isnan(score)).any(1).sum()),
            group=group,
            method=f"mean; normal interval, errors clustered by {axis.cluster}"
            if known
            else "mean; no score differs, so no interval",
            note=axis.note,
        )


def _rate_gaps(axis: ComparisonAxis, family: Family, start: int) -> Iterator[Estimate | Missing]:
    """Selection-rate difference and ratio of each pair, and the spread over all groups."""
    bounds = []
    for index, (first, second) in enumerate(axis.chosen.pairs):
        found = bool(family.p_adjusted[start + index] <= ALPHA)
        reason = why_unjudged(axis, first, second, found)
        if reason is not None:
            yield from (
                _unjudged(name, reason, axis, (first, second))
                for name in ("selection_rate_difference", "selection_rate_ratio")
            )
            continue
        low, high = _rate_limits(axis, family, start, index)
        bounds.append((low, high))
        shared = {"group": axis.groups[first], "reference": axis.groups[second], "n": _pair_items(axis, first, second)}
        shared |= {"clusters": _pair_units(axis, first, second), "unit": "1", "interval": "confidence"}
        which = start + index
        yield Estimate.model_validate(
            shared
            | {
                "quantity": "selection_rate_difference",
                "value": float(axis.chosen.gap[index]),
                "low": low,
                "high": high,
                "null": 0.0,
                "p_value": float(family.p_value[which]),
                "p_adjusted": float(family.p_adjusted[which]),
                "minimum_detectable": possible_effect(_detectable_rate_gap(axis, family, index), 1.0),
                "method": _method(family, axis),
                "note": _rate_note(axis, index),
            }
        )
        yield _ratio(axis, index, (low, high), float(family.critical[which]), shared)
    means = [float(np.nanmean(cells)) for cells in axis.chosen_cells]
    yield from _spread("selection_rate_spread", "1", axis, bounds, means)


def _unjudged(quantity: str, reason: str, axis: ComparisonAxis, pair: tuple[int, int]) -> Missing:
    return Missing(
        quantity=quantity,
        status="not_applicable",
        unjudged=True,
        reason=reason,
        group=axis.groups[pair[0]],
        reference=axis.groups[pair[1]],
    )


def _rate_limits(axis: ComparisonAxis, family: Family, start: int, index: int) -> tuple[float, float]:
    """Limits of a difference of rates, which exclude 0 where the test does.

    Where hardly a name's outcome differs from that of the others, what names do is not known from them: as if they were
    independent.
    """
    (first, second), gap = axis.chosen.pairs[index], float(axis.chosen.gap[index])
    half = float(family.critical[start + index]) * float(axis.chosen.standard_error[index])
    low, high = gap - half, gap + half
    if _unknown_error(axis, index):
        units = [axis.chosen_cells[group].shape[0] for group in (first, second)]
        rates = [float(np.nanmean(axis.chosen_cells[group])) for group in (first, second)]
        wide = newcombe_interval(rates[0], units[0], rates[1], units[1])
        found = bool(family.p_adjusted[start + index] <= ALPHA)
        low, high = agreeing((min(low, wide[0]), max(high, wide[1])), 0.0, gap, found)
    return max(low, -1.0), min(high, 1.0)


def _unknown_error(axis: ComparisonAxis, index: int) -> bool:
    """Whether too few names differ from the others in their outcomes to tell how much names do, or none does within
    its group and stratum.
    """
    if min(float(axis.chosen.standard_error[index]), float(axis.chosen.design_error[index])) < TINY:
        return True
    return not axis.matched and moving_units(axis, *axis.chosen.pairs[index]) < FEW_DIFFER


def _detectable_rate_gap(axis: ComparisonAxis, family: Family, index: int) -> float:
    """The smallest difference of rates that the design finds, at the pooled rate of the axis, shrunk (see
    `detectable`).
    """
    first, second = axis.chosen.pairs[index]
    cells = [axis.chosen_cells[group] for group in (first, second)]
    everybody = outcomes_of(axis, tuple(range(len(axis.groups))))
    pooled = shrunk_share(float(everybody.mean()), everybody.size)
    seen = sum(_binomial(one, int((~np.isnan(one)).sum())) for one in cells)
    items = sum(1 / int((~np.isnan(one)).sum()) for one in cells)
    error2 = items * at_share(float(axis.chosen.design_error[index]) ** 2, seen, pooled) if seen > TINY else 0.0
    if _unknown_error(axis, index):
        error2 = max(error2, pooled * (1 - pooled) * sum(1 / one.shape[0] for one in cells))
    freedom = float(axis.chosen.freedom[index])
    return detectable(float(np.sqrt(error2)), bonferroni(freedom, family.p_value.size), freedom)


def _binomial(cells: Array, n: int) -> float:
    rate = float(np.nanmean(cells))
    return rate * (1 - rate) / n


def _pair_items(axis: ComparisonAxis, first: int, second: int) -> int:
    return int(sum((~np.isnan(axis.chosen_cells[g])).sum() for g in (first, second)))


def _pair_units(axis: ComparisonAxis, first: int, second: int) -> int:
    return int(sum((~np.isnan(axis.chosen_cells[g])).any(axis=1).sum() for g in (first, second)))


def _rate_note(axis: ComparisonAxis, index: int) -> str:
    """What a reader of a difference of rates must know."""
    unit = axis.unit
    few = (
        f"hardly a {unit} has another outcome than the others of its group, so the interval is Newcombe's, as if each "
        "was one case"
    )
    return "; ".join(filter(None, (few if _unknown_error(axis, index) else "", _rate_warning(axis))))


def _rate_warning(axis: ComparisonAxis) -> str:
    overall = float(outcomes_of(axis, tuple(range(len(axis.groups)))).mean())
    if 0.05 <= overall <= 0.95:
        return ""
    more = (
        "see the gap in log-odds or scores instead"
        if axis.score is not None
        else "the application gives no score that would say more"
    )
    return (
        f"{100 * overall:.1f} % of all cases get the favourable answer, so a difference of rates can say little here: "
        f"{more}"
    )


def _ratio(
    axis: ComparisonAxis, index: int, difference: tuple[float, float], critical: float, shared: dict[str, object]
) -> Estimate | Missing:
    """Selection-rate ratio, group over reference, with the limits that belong to those of the difference."""
    first, second = axis.chosen.pairs[index]
    rate, reference = (float(np.nanmean(axis.chosen_cells[group])) for group in (first, second))
    if rate <= 0 or reference <= 0:
        reason = (
            "nobody was selected in one of the two groups, so their ratio says nothing; read the difference of rates"
        )
        return _unjudged("selection_rate_ratio", reason, axis, (first, second))
    variances = group_variance(axis.chosen_cells[first]), group_variance(axis.chosen_cells[second])
    both = TwoRates(rate, reference, variances, float(axis.chosen.standard_error[index]) ** 2)
    low, high = both.ratio_limits(difference, critical)
    lower = (both.ratio, low, high) if both.ratio <= 1 else (1 / both.ratio, 1 / high, 1 / low)
    return Estimate.model_validate(
        shared
        | {
            "quantity": "selection_rate_ratio",
            "value": both.ratio,
            "low": low,
            "high": high,
            "note": four_fifths(*lower),
            "method": RATIO_METHOD,
        }
    )


def _score_gaps(
    axis: ComparisonAxis, family: Family, start: int, quantity: str, unit: str
) -> Iterator[Estimate | Missing]:
    """Gap in mean score of each pair, and the spread over all groups."""
    assert axis.score is not None
    assert axis.score_cells is not None
    bounds = []
    for index, (first, second) in enumerate(axis.score.pairs):
        which, error = start + index, float(axis.score.standard_error[index])
        gap, half = float(axis.score.gap[index]), float(family.critical[which]) * error
        freedom, significant = float(axis.score.freedom[index]), bool(family.p_adjusted[which] <= ALPHA)
        critical = bonferroni(freedom, family.p_value.size)
        by_design: float | None = detectable(float(axis.score.design_error[index]), critical, freedom)
        low, high, note = gap - half, gap + half, axis.note
        if min(error, half, float(axis.score.design_error[index])) <= TINY * max(1.0, abs(gap)):
            if not significant or abs(gap) <= TINY:
                yield _unjudged(quantity, _no_error(axis, first, second, gap, unit), axis, (first, second))
                continue
            half = critical * _one_apart(axis, first, second, gap)
            low, high = agreeing((gap - half, gap + half), 0.0, gap, significant)
            by_design, note = None, "; ".join(filter(None, (ONE_APART.format(axis.unit), axis.note)))
        bounds.append((low, high))
        yield Estimate(
            quantity=quantity,
            unit=unit,
            value=gap,
            low=low,
            high=high,
            interval="confidence",
            null=0.0,
            n=_pair_items(axis, first, second),
            clusters=_pair_units(axis, first, second),
            group=axis.groups[first],
            reference=axis.groups[second],
            p_value=float(family.p_value[which]),
            p_adjusted=float(family.p_adjusted[which]),
            minimum_detectable=by_design,
            method=_method(family, axis),
            note=note,
        )
    means = [float(np.nanmean(cells)) for cells in axis.score_cells]
    yield from _spread(quantity.replace("_gap", "_spread"), unit, axis, bounds, means)


def _one_apart(axis: ComparisonAxis, first: int, second: int, gap: float) -> float:
    """Standard error of a gap where no unit differs from its group: as if one of each group were treated as the
    other group is.
    """
    assert axis.score_cells is not None
    return abs(gap) * float(np.sqrt(sum(axis.score_cells[group].shape[0] ** -2.0 for group in (first, second))))


def _no_error(axis: ComparisonAxis, first: int, second: int, gap: float, unit: str) -> str:
    """Why a gap in scores has no error to judge it by."""
    assert axis.score_cells is not None
    scores = np.concatenate([axis.score_cells[group].ravel() for group in (first, second)])
    scores = scores[~np.isnan(scores)]
    if not varies(scores):
        return f"it treats everybody alike: every one of {scores.size:,} cases has the score {scores[0]:g}"
    return (
        "within each group no score differs from what its case alone explains, so there is no error to judge the gap "
        f"of {gap:g} {unit} by"
    )


def _spread(
    quantity: str, unit: str, axis: ComparisonAxis, bounds: list[tuple[float, float]], means: list[float]
) -> Iterator[Estimate | Missing]:
    """Largest minus smallest group mean, with an interval projected from the simultaneous pairwise ones, floored at
    0.
    """
    pairs = len(all_pairs(len(means)))
    if len(means) < 3 or len(axis.chosen.pairs) < pairs:
        return
    attributes = dict.fromkeys(axis.groups[0], "all groups")
    if len(bounds) < pairs:
        reason = (
            f"{pairs - len(bounds)} of {pairs} pairs of groups cannot be judged, so nothing is known of the widest gap"
        )
        yield Missing(quantity=quantity, status="not_applicable", unjudged=True, reason=reason, group=attributes)
        return
    low = max(0.0, *(max(low, -high) for low, high in bounds))
    high = max(max(abs(low), abs(high)) for low, high in bounds)
    ends = extremes_text([", ".join(group.values()) for group in axis.groups], means)
    value = max(means) - min(means)
    yield Estimate(
        quantity=quantity,
        unit=unit,
        value=value,
        low=min(low, value),
        high=max(high, value),
        interval="confidence",
        n=sum(int((~np.isnan(cells)).sum()) for cells in axis.chosen_cells),
        clusters=sum(int((~np.isnan(cells)).any(axis=1).sum()) for cells in axis.chosen_cells),
        group=attributes,
        method="largest minus smallest group mean; interval by projection of the simultaneous pairwise intervals, "
        "floored at 0",
        note=f"{ends}; a maximum over groups is biased upwards",
    )


def _flips(axis: ComparisonAxis) -> Iterator[Estimate | Missing]:
    """Share of swaps between two groups that change the outcome, minus the share within groups."""
    if axis.swaps is None:
        return
    for first, second in axis.chosen.pairs:
        group, reference = axis.groups[first], axis.groups[second]
        values = outcomes_of(axis, (first, second))
        if not varies(values):
            yield _unjudged("excess_flip_share", alike_words(values), axis, (first, second))
            continue
        shares = axis.swaps.shares(axis.members[first], axis.members[second])
        if shares is None:
            reason = (
                "no two members of one group were tried in the same probe and wording, so there is no baseline of flips"
            )
            yield Missing(
                quantity="excess_flip_share", status="not_applicable", reason=reason, group=group, reference=reference
            )
            continue
        known = shares.standard_error > TINY
        if not known and not shares.between and not shares.within:
            reason = f"no swap of {axis.unit}s changes an outcome, so how often groups would is not known"
            yield _unjudged("excess_flip_share", reason, axis, (first, second))
            continue
        low, high = shares.interval()
        yield Estimate(
            quantity="excess_flip_share",
            unit="1",
            value=shares.excess,
            low=min(low, shares.excess) if known else None,
            high=max(high, shares.excess) if known else None,
            interval="confidence" if known else None,
            n=_pair_items(axis, first, second),
            clusters=shares.clusters,
            group=group,
            reference=reference,
            method="flips between groups minus mean flips within groups; jackknife over units and probes, t interval",
            note=f"{100 * shares.between:.1f} % of swaps between the groups change the outcome, "
            f"{100 * shares.within:.1f} % within them",
        )
