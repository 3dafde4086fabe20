"""The numbers of a correspondence audit, from its axes to estimates.

Each axis gives the same quantities; all gaps of all axes are one family of hypotheses. What this module does not do: it
asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from commonweal.evidence.crossed import all_pairs, group_variance
from commonweal.evidence.families import Family, adjust
from commonweal.evidence.group_gaps import extremes_text
from commonweal.evidence.intervals import critical_normal, minimum_detectable_share_gap, newcombe_interval, wilson_interval
from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.inequity.audit_axes import Axis
from commonweal.measures.inequity.audit_design import MINIMUM_BLOCKS
from commonweal.measures.rows import possible_effect

FOUR_FIFTHS = 0.8
TINY = 1e-12
ALPHA = 0.05


def estimates(axes: list[Axis], score_quantity: str, score_unit: str) -> Iterator[Estimate | Missing]:
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


def _method(family: Family, axis: Axis) -> str:
    return (
        f"labels permuted over whole {axis.cluster.split(' x ')[0]}s ({axis.chosen.permuted.shape[0]:,} draws); single-step min-p over "
        f"{family.p_value.size} hypotheses; simultaneous interval from the same draws, errors clustered by {axis.cluster}"
    )


def _levels(axis: Axis, score_unit: str) -> Iterator[Estimate]:
    """Favourable rate and mean score of each group."""
    for group, chosen in zip(axis.groups, axis.chosen_cells, strict=True):
        rate, variance = float(np.nanmean(chosen)), group_variance(chosen)
        clusters = int((~np.isnan(chosen)).any(1).sum())
        n = int((~np.isnan(chosen)).sum())
        # Where nothing varies, the smallest factor that was sampled counts; one single context is not a sampled factor.
        crossed = min((size for size in chosen.shape if size > 1), default=1)
        effective = min(rate * (1 - rate) / variance, n) if variance > 0 else crossed
        low, high = wilson_interval(rate, max(effective, 1.0))
        yield Estimate(
            quantity="selection_rate", unit="1", value=rate, low=min(low, rate), high=max(high, rate), interval="confidence", n=n,
            clusters=clusters, group=group, method=f"mean; Wilson interval with effective n from {axis.cluster}", note=axis.note,
        )  # fmt: skip
    if axis.score_cells is None:
        return
    for group, score in zip(axis.groups, axis.score_cells, strict=True):
        mean, half = float(np.nanmean(score)), critical_normal() * float(np.sqrt(group_variance(score)))
        yield Estimate(
            quantity="mean_log_odds" if score_unit == "nat" else "mean_score", unit=score_unit, value=mean, low=mean - half,
            high=mean + half, interval="confidence", n=int((~np.isnan(score)).sum()), clusters=int((~np.isnan(score)).any(1).sum()),
            group=group, method=f"mean; normal interval, errors clustered by {axis.cluster}", note=axis.note,
        )  # fmt: skip


def _rate_gaps(axis: Axis, family: Family, start: int) -> Iterator[Estimate | Missing]:
    """Selection-rate difference and ratio of each pair, and the spread over all groups."""
    overall = float(np.nanmean(np.concatenate([cells.ravel() for cells in axis.chosen_cells])))
    bounds = []
    for index, (first, second) in enumerate(axis.chosen.pairs):
        which, error = start + index, float(axis.chosen.standard_error[index])
        gap, critical = float(axis.chosen.gap[index]), float(family.critical[start + index])
        rates = [float(np.nanmean(axis.chosen_cells[g])) for g in (first, second)]
        units = [axis.chosen_cells[g].shape[0] for g in (first, second)]
        low, high, detectable = gap - critical * error, gap + critical * error, family.minimum_detectable(which, error)
        moving = _moving_blocks(axis, first, second)
        too_few = moving is not None and moving < MINIMUM_BLOCKS and family.p_adjusted[which] > ALPHA
        note = _rate_warning(overall, axis.score is not None)
        if error < TINY or too_few:
            wide = newcombe_interval(rates[0], units[0], rates[1], units[1])
            low, high = min(low, wide[0]), max(high, wide[1])
            detectable = max(detectable, minimum_detectable_share_gap(sum(rates) / 2, *units))
            note = note if moving is None else _too_few_words(moving, units[0], axis)
        bounds.append((low, high))
        shared = {"group": axis.groups[first], "reference": axis.groups[second], "n": _pair_items(axis, first, second)}
        shared |= {"clusters": sum(units), "unit": "1", "interval": "confidence", "method": _method(family, axis)}
        yield Estimate.model_validate(
            shared
            | {"quantity": "selection_rate_difference", "value": gap, "low": max(low, -1.0), "high": min(high, 1.0), "null": 0.0,
               "p_value": float(family.p_value[which]), "p_adjusted": float(family.p_adjusted[which]),
               "minimum_detectable": possible_effect(detectable, 1.0), "note": note}
        )  # fmt: skip
        yield _ratio(rates, gap, error * critical, shared)
    yield from _spread("selection_rate_spread", "1", axis, bounds, [float(np.nanmean(c)) for c in axis.chosen_cells])


def _moving_blocks(axis: Axis, first: int, second: int) -> int | None:
    """In how many blocks the outcome differs at all between two groups; None where units are not matched."""
    if not axis.matched:
        return None
    differs = np.abs(axis.chosen_cells[first] - axis.chosen_cells[second]) > TINY
    return int(differs.any(axis=1).sum())


def _too_few_words(moving: int, blocks: int, axis: Axis) -> str:
    more = ": read the gap in log-odds or scores beside it" if axis.score is not None else ""
    return (
        f"the outcome moves in {moving} of {blocks} matched sets only, too few to judge a difference of rates by permuting them; "
        f"the interval is Newcombe's, as if the sets were not matched{more}"
    )


def _pair_items(axis: Axis, first: int, second: int) -> int:
    return int(sum((~np.isnan(axis.chosen_cells[g])).sum() for g in (first, second)))


def _rate_warning(overall: float, has_score: bool) -> str:
    if 0.05 <= overall <= 0.95:
        return ""
    more = "read the gap in log-odds or scores beside it" if has_score else "the application gives no score that would say more"
    return f"{100 * overall:.1f} % of all cases get the favourable answer, so a difference of rates can say little here: {more}"


def _ratio(rates: list[float], gap: float, half: float, shared: dict[str, object]) -> Estimate | Missing:
    """Selection-rate ratio, group over reference, with an interval on the log scale (delta method)."""
    rate, reference = rates
    if rate <= 0 or reference <= 0:
        reason = "nobody was selected in one of the two groups, so their ratio says nothing"
        return Missing.model_validate(
            {"quantity": "selection_rate_ratio", "status": "not_applicable", "reason": reason,
             "group": shared["group"], "reference": shared["reference"]}
        )  # fmt: skip
    ratio = rate / reference
    spread = half / ((rate + reference) / 2)
    low, high = ratio * np.exp(-spread), ratio * np.exp(spread)
    lower = (min(ratio, 1 / ratio), *(sorted((low, high)) if ratio <= 1 else sorted((1 / high, 1 / low))))
    return Estimate.model_validate(
        shared | {"quantity": "selection_rate_ratio", "value": ratio, "low": float(low), "high": float(high),
                  "note": four_fifths(*lower), "method": "ratio of rates; log-scale interval at the level of the difference's"}
    )  # fmt: skip


def four_fifths(ratio: float, low: float, high: float) -> str:
    """What the four-fifths rule (29 CFR 1607.4 D) says of the lower over the higher rate.

    >>> four_fifths(0.7, 0.6, 0.78)
    'four-fifths rule: the lower rate is below four fifths of the higher, with confidence (0.70, 0.60 to 0.78)'
    """
    figures = f"({ratio:.2f}, {low:.2f} to {high:.2f})"
    if high < FOUR_FIFTHS:
        return f"four-fifths rule: the lower rate is below four fifths of the higher, with confidence {figures}"
    if low >= FOUR_FIFTHS:
        return f"four-fifths rule: the lower rate is at least four fifths of the higher, with confidence {figures}"
    side = "below" if ratio < FOUR_FIFTHS else "not below"
    return f"four-fifths rule: {side} four fifths in this sample, but the data cannot tell {figures}"


def _score_gaps(axis: Axis, family: Family, start: int, quantity: str, unit: str) -> Iterator[Estimate | Missing]:
    """Gap in mean score of each pair, and the spread over all groups."""
    assert axis.score is not None
    assert axis.score_cells is not None
    bounds = []
    for index, (first, second) in enumerate(axis.score.pairs):
        which, error = start + index, float(axis.score.standard_error[index])
        gap, half = float(axis.score.gap[index]), float(family.critical[which]) * error
        if error < TINY:
            yield Missing(
                quantity=quantity, status="not_applicable", reason="no score differs from another, so there is no error to judge a gap by",
                group=axis.groups[first], reference=axis.groups[second],
            )  # fmt: skip
            continue
        bounds.append((gap - half, gap + half))
        yield Estimate(
            quantity=quantity, unit=unit, value=gap, low=gap - half, high=gap + half, interval="confidence", null=0.0,
            n=_pair_items(axis, first, second), clusters=axis.score_cells[first].shape[0] + axis.score_cells[second].shape[0],
            group=axis.groups[first], reference=axis.groups[second], p_value=float(family.p_value[which]),
            p_adjusted=float(family.p_adjusted[which]), minimum_detectable=family.minimum_detectable(which, error),
            method=_method(family, axis), note=axis.note,
        )  # fmt: skip
    yield from _spread(quantity.replace("_gap", "_spread"), unit, axis, bounds, [float(np.nanmean(c)) for c in axis.score_cells])


def _spread(quantity: str, unit: str, axis: Axis, bounds: list[tuple[float, float]], means: list[float]) -> Iterator[Estimate]:
    """Largest minus smallest group mean, with an interval projected from the simultaneous pairwise ones, floored at 0."""
    if len(means) < 3 or len(bounds) < len(all_pairs(len(means))):
        return
    low = max(0.0, *(max(low, -high) for low, high in bounds))
    high = max(max(abs(low), abs(high)) for low, high in bounds)
    ends = extremes_text([", ".join(group.values()) for group in axis.groups], means)
    value = max(means) - min(means)
    attributes = dict.fromkeys(axis.groups[0], "all groups")
    yield Estimate(
        quantity=quantity, unit=unit, value=value, low=min(low, value), high=max(high, value), interval="confidence",
        n=sum(int((~np.isnan(cells)).sum()) for cells in axis.chosen_cells),
        clusters=sum(cells.shape[0] for cells in axis.chosen_cells), group=attributes,
        method="largest minus smallest group mean; interval by projection of the simultaneous pairwise intervals, floored at 0",
        note=f"{ends}; a maximum over groups is biased upwards",
    )  # fmt: skip


def _flips(axis: Axis) -> Iterator[Estimate | Missing]:
    """Share of swaps between two groups that change the outcome, minus the share within groups."""
    if axis.swaps is None:
        return
    for first, second in axis.chosen.pairs:
        group, reference = axis.groups[first], axis.groups[second]
        shares = axis.swaps.shares(axis.members[first], axis.members[second])
        if shares is None:
            reason = "no two members of one group were tried in the same probe and wording, so there is no baseline of flips"
            yield Missing(quantity="excess_flip_share", status="not_applicable", reason=reason, group=group, reference=reference)
            continue
        low, high = shares.interval()
        yield Estimate(
            quantity="excess_flip_share", unit="1", value=shares.excess, low=min(low, shares.excess), high=max(high, shares.excess),
            interval="confidence", n=_pair_items(axis, first, second), clusters=shares.clusters, group=group, reference=reference,
            method="flips between groups minus mean flips within groups; jackknife over units and probes, t interval",
            note=f"{100 * shares.between:.1f} % of swaps between the groups change the outcome, {100 * shares.within:.1f} % within them",
        )  # fmt: skip
