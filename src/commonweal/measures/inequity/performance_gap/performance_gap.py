"""For whom a system works worse: error rates and calibration by group, from a table of predictions of any kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.errors import NotApplicable, NotJudged
from commonweal.evidence.records import Estimate, Missing, Quantity
from commonweal.measures.inequity.performance_gap.axes import (
    MOST_COMPARED,
    RATES,
    Rate,
    TableAxis,
    axes_of,
    carriers,
    clusters_of,
)
from commonweal.measures.inequity.rate_rows import (
    RATE_METHOD,
    RateSpec,
    gap_rows,
    no_gaps,
    rate_rows,
    too_many_groups,
    why_not,
)
from commonweal.measures.registry import measure
from commonweal.models.predictions import PredictionTable
from commonweal.statistics.calibration import BINS, expected_calibration_error
from commonweal.statistics.calibration import MINIMUM_CLUSTERS as CALIBRATION_CLUSTERS
from commonweal.statistics.group_gaps import Gap, family_of_gaps
from commonweal.statistics.group_rates import MINIMUM_CLUSTERS, GroupRates, group_rates, rate_intervals

RATE_WORDS = {
    "accuracy": ("accuracy", "share of predictions that are true"),
    "selection_rate": ("selection rate", "share of rows that are predicted 1"),
    "false_positive_rate": ("false positive rate", "share of the truly 0 that are predicted 1"),
    "false_negative_rate": ("false negative rate", "share of the truly 1 that are predicted 0"),
    "calibration_in_the_large": ("mean score minus observed rate", "above 0: the score expects more than there is"),
}


def _quantities() -> dict[str, Quantity]:
    found = {name: Quantity(unit="1", label=label, about=about) for name, (label, about) in RATE_WORDS.items()}
    for name, (label, _) in RATE_WORDS.items():
        found[f"{name}_difference"] = Quantity(unit="1", label=f"difference in {label}", null=0.0)
        found[f"{name}_spread"] = Quantity(unit="1", label=f"largest minus smallest {label}")
    return found | {
        "calibration_error": Quantity(
            unit="1", label="expected calibration error", about="biased upwards: see the note"
        ),
        "error_contribution": Quantity(unit="1", label="errors about the group, as a share of all rows"),
        "contribution": Quantity(unit="1", label="what a cluster adds to a difference that was found"),
    }


@measure(
    source="Hardt, Price and Srebro 2016, NeurIPS 29 (error rates by group); Chouldechova 2017, Big Data 5:153; "
    "Kearns et al. 2018, ICML (intersections)",
    cluster="the table's column `cluster`, else the row",
    family="all pairwise differences between groups, of all attributes, intersections and rates",
    version=3,
    quantities=_quantities(),
    warnings=(
        "The truth is what the table says it is. Where it was recorded by biased means (arrests, earlier decisions), "
        "equal error rates can hide the harm (Jacobs and Wallach 2021).",
        "Equal false positive rates, equal false negative rates and equal calibration exclude each other where groups "
        "differ in how often the truth is 1, unless prediction is perfect (Chouldechova 2017; Kleinberg et al. 2017).",
        "Error rates also depend on how risk is spread within each group: they can differ under one and the same rule "
        "for all (infra-marginality, Corbett-Davies and Goel 2018). A gap is where to look, not why it is there.",
        "Groups are those that the table names. Whoever is not recorded is not measured.",
    ),
)
def performance_gap(table: PredictionTable, rng: np.random.Generator) -> Iterator[Estimate | Missing]:
    """Accuracy, selection rate, error rates and calibration of each group, and gaps P(·|g) - P(·|h), in [-1, 1]; 0: no
    gap.

    For the whole table, for each group of each attribute, and for the groups of two or three attributes crossed:

    - accuracy P(prediction = truth), selection rate P(prediction = 1), in [0, 1];
    - false positive rate P(prediction = 1 | truth = 0), false negative rate P(prediction = 0 | truth = 1), in [0, 1];
    - with scores, mean score minus observed rate, in [-1, 1]; 0: right on average; and the expected calibration error
      in [0, 1], beside the value that noise alone would make.

    All pairwise differences, of all attributes and rates, are one family: simultaneous intervals, adjusted p-values,
    and the smallest difference that the design finds with power 0.8. The interval of largest minus smallest is
    projected from them, so it reaches down to 0 unless some pair differs; its value is above 0 even without any gap.

    A group with fewer than 5 clusters, or without a row that counts (no negatives, no positives), has a reason in the
    place of the number; so have gaps where all predictions are the same. A row whose group is not known (an empty cell,
    or a word such as NA) is left out of that attribute and counted in the note. Labels that are certainly the same (1
    and 1.0) are one group; those that may be (Women and women), and one such as "prefer not to say", stay groups. The
    notes name all of these.

    A column such as `sample_weight` is used: its numbers are sampling weights, means are weighted, intervals follow
    from what each cluster adds to them, and rows count for as many as equal weights would need (Kish). n is the number
    of rows.

    It does not show why, nor whether the truth is fair, nor anything about groups that the table does not name.

    Raises
    ------
    NotApplicable
        If no row has a known group.
    NotJudged
        If there are fewer than 5 clusters in all, or every row has the same prediction and the same score.
    """
    cluster = clusters_of(table)
    _decides(table, cluster)
    axes = axes_of(table)
    if len(axes) == 1:
        raise NotApplicable(f"no row has a known group; the attributes are: {', '.join(table.groups) or 'none'}")
    rates = [rate for rate in RATES if rate.needs_score is False or table.score is not None]
    layers = [(axis, rate, _layer(table, axis, rate)) for axis in axes for rate in rates]
    alike = _all_alike(table.prediction, table)
    compared = [
        layer if axis.attributes and len(axis.groups) <= MOST_COMPARED and (rate.needs_score or not alike) else None
        for axis, rate, layer in layers
    ]
    gaps = iter(family_of_gaps([layer for layer in compared if layer is not None], rng))
    for (axis, rate, layer), comparable in zip(layers, compared, strict=True):
        spec = RateSpec(rate.name, axis.groups, rate.denominator, _note(table, axis), rate.signed)
        yield from _told_why(axis, rate_rows(layer, spec))
        if comparable is not None:
            mine = next(gaps)
            yield from _told_why(axis, gap_rows(layer, mine, spec))
            yield from _carried(table, axis, rate, mine)
        elif axis.attributes and alike and not rate.needs_score:
            yield from _told_why(
                axis,
                no_gaps(spec, f"{_alike_words(table)}; a score alone is compared by its calibration", unjudged=True),
            )
        elif axis.attributes:
            yield from _told_why(axis, [too_many_groups(spec, MOST_COMPARED)])
        if rate.name == "accuracy" and len(axis.attributes) == 1:
            yield from _errors(axis, layer)
    for axis in axes:
        yield from _calibration(table, axis, cluster)


def _all_alike(values: np.ndarray, table: PredictionTable) -> bool:
    """Whether all rows that count have one value."""
    counted = values if table.weight is None else values[table.weight > 0]
    return bool(np.all(counted == counted[0]))


def _alike_words(table: PredictionTable) -> str:
    return (
        f"all {table.truth.size:,} predictions are {int(table.prediction[0])}: what treats everybody alike tells no "
        "group from another"
    )


def _decides(table: PredictionTable, cluster: np.ndarray) -> None:
    """NotJudged where the table cannot tell groups apart, whatever they are."""
    counted = cluster if table.weight is None else cluster[table.weight > 0]
    clusters = np.unique(counted).size
    if clusters < MINIMUM_CLUSTERS:
        raise NotJudged(
            f"{counted.size} row{'' if counted.size == 1 else 's'} in {clusters} "
            f"cluster{'' if clusters == 1 else 's'}; at least {MINIMUM_CLUSTERS} are needed in each group that is "
            "compared"
        )
    if _all_alike(table.prediction, table) and (table.score is None or _all_alike(table.score, table)):
        raise NotJudged(_alike_words(table))


def _layer(table: PredictionTable, axis: TableAxis, rate: Rate) -> GroupRates:
    values, counts = rate.of(table)
    least = None
    if (
        rate.signed and table.score is not None
    ):  # half of what a right score would have; else a group without a 1 in it has hardly any
        least = table.score * (1 - table.score) / 4 / 2
    return group_rates(values, counts, axis.layout, not rate.signed, least)


def _note(table: PredictionTable, axis: TableAxis) -> str:
    parts = []
    if axis.unknown:
        names = " and ".join(axis.attributes)
        parts.append(f"{axis.unknown:,} of {table.truth.size:,} rows have no known {names} and are left out")
    parts += axis.labels
    if table.weighted_by:
        parts.append(f"each row counts by `{table.weighted_by}`, a sampling weight")
    if table.unused and not axis.attributes:
        parts.append(f"columns not used: {', '.join(table.unused)}")
    if not table.clusters_declared:
        parts.append(
            "no column `cluster`: rows are taken to be independent; where they are not, these intervals are too narrow"
        )
    return "; ".join(parts)


def _told_why(axis: TableAxis, rows: Iterable[Estimate | Missing]) -> Iterator[Estimate | Missing]:
    """The rows; the note about labels also goes on reasons, since a stray spelling is often too rare for a number."""
    for row in rows:
        if isinstance(row, Missing) and axis.labels:
            yield row.model_copy(update={"reason": "; ".join((row.reason, *axis.labels))})
        else:
            yield row


def _errors(axis: TableAxis, accuracy: GroupRates) -> Iterator[Estimate | Missing]:
    """Which groups the errors are about: share of the rows times error rate, adding up to the error rate of all."""
    low, high = rate_intervals(accuracy)
    total = accuracy.mass.sum()
    for group in np.flatnonzero(accuracy.n > 0):
        if not accuracy.usable[group]:
            reason = why_not(accuracy, RateSpec("accuracy", axis.groups, "row"), int(group))
            yield Missing(
                quantity="error_contribution",
                status="not_applicable",
                reason=reason,
                group=axis.groups[group],
                unjudged=True,
            )
            continue
        weight = float(accuracy.mass[group] / total)
        yield Estimate(
            quantity="error_contribution",
            unit="1",
            value=weight * float(1 - accuracy.mean[group]),
            low=weight * float(1 - high[group]),
            high=weight * float(1 - low[group]),
            interval="confidence",
            n=int(accuracy.n[group]),
            clusters=int(accuracy.clusters[group]),
            group=axis.groups[group],
            method=f"share of the rows times error rate, the share taken as given; {RATE_METHOD}",
        )


def _carried(table: PredictionTable, axis: TableAxis, rate: Rate, gaps: Sequence[Gap]) -> Iterator[Estimate]:
    """The clusters that add most to the clearest difference that was found between groups of one attribute."""
    found = [gap for gap in gaps if gap.low > 0 or gap.high < 0]
    if not found or not table.clusters_declared or len(axis.attributes) > 1:
        return
    gap = min(found, key=lambda one: (one.p_adjusted, -abs(one.value)))
    values, counts = rate.of(table)
    scale = 2.0 if rate.signed else 1.0
    for cluster, value, half, n in carriers(values, counts, axis, gap):
        bounded = np.isfinite(half)
        group = {**axis.groups[gap.group], "rate": RATE_WORDS[rate.name][0], "cluster": str(table.cluster[cluster])}
        yield Estimate(
            quantity="contribution",
            unit="1",
            value=scale * value,
            low=scale * (value - half) if bounded else None,
            high=scale * (value + half) if bounded else None,
            interval="confidence" if bounded else None,
            n=n,
            group=group,
            reference=axis.groups[gap.reference],
            method="the cluster's part of the one mean minus its part of the other; the 5 largest; Bonferroni "
            "intervals over all clusters, rows of a cluster as independent draws",
        )


@dataclass(frozen=True, slots=True)
class _Whom:
    group: Mapping[str, str] | None
    rows: np.ndarray


def _calibration(table: PredictionTable, axis: TableAxis, cluster: np.ndarray) -> Iterator[Estimate | Missing]:
    """Expected calibration error of each group."""
    if table.score is None:
        return
    for whom in _members(axis):
        score, truth = table.score[whom.rows], table.truth[whom.rows].astype(np.float64)
        weight = None if table.weight is None else table.weight[whom.rows]
        error = expected_calibration_error(score, truth, cluster[whom.rows], weight=weight)
        if error is None:
            reason = f"fewer than {CALIBRATION_CLUSTERS} clusters, too few for bins of scores"
            yield Missing(
                quantity="calibration_error", status="not_applicable", reason=reason, group=whom.group, unjudged=True
            )
            continue
        yield Estimate(
            quantity="calibration_error",
            unit="1",
            value=error.value,
            low=error.low,
            high=error.high,
            interval="confidence",
            n=score.size,
            clusters=error.clusters,
            group=whom.group,
            method=f"sum over {error.bins} bins of equal mass (at most {BINS}) of their share times |mean score - "
            "observed rate|; interval projected from the bins' Wilson intervals (CR2, Bonferroni), so that it "
            "reaches 0 where no bin shows an error",
            note=f"biased upwards: the noise of the bins alone makes about {error.by_noise:.3f}, in a perfectly "
            "calibrated score too",
        )


def _members(axis: TableAxis) -> Iterator[_Whom]:
    """The rows of each group."""
    order = np.argsort(axis.place, kind="stable")
    starts = np.searchsorted(axis.place[order], np.arange(len(axis.groups) + 1))
    for place, group in enumerate(axis.groups):
        yield _Whom(group or None, order[starts[place] : starts[place + 1]])
