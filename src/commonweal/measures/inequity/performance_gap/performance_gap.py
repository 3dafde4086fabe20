"""For whom a system works worse: selection, errors and calibration by group, from a table of predictions."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.errors import NotApplicable, NotJudged
from commonweal.evidence.records import Estimate, Facts, GroupTable, Missing, Quantity
from commonweal.measures.inequity.performance_gap.axes import MOST_COMPARED, TableAxis, axes_of, carriers, clusters_of
from commonweal.measures.inequity.performance_gap.comparisons import Compared, comparison_rows, incomparable
from commonweal.measures.inequity.performance_gap.rates import (
    ACCURACY,
    OF_PREDICTIONS,
    RATES,
    Counted,
    Rate,
    counted,
    lacking,
    rates_of,
)
from commonweal.measures.inequity.rate_rows import RATE_METHOD, RateSpec, rate_rows, why_not
from commonweal.measures.registry import measure
from commonweal.models.predictions import PredictionTable
from commonweal.statistics.calibration import BINS, expected_calibration_error
from commonweal.statistics.calibration import MINIMUM_CLUSTERS as CALIBRATION_CLUSTERS
from commonweal.statistics.group_gaps import Gap, family_of_gaps
from commonweal.statistics.group_rates import MINIMUM_CLUSTERS, GroupRates, rate_intervals

RATE_WORDS = {
    "selection_rate": ("selection rate", "share of rows that are predicted 1"),
    "accuracy": ("accuracy", "share of predictions that are true"),
    "false_positive_rate": ("false positive rate", "share of the truly 0 that are predicted 1"),
    "false_negative_rate": ("false negative rate", "share of the truly 1 that are predicted 0"),
    "calibration_in_the_large": ("mean score minus observed rate", "above 0: the score expects more than there is"),
    "scoring_rate": ("scoring rate", "share of rows whose score is above the median of all rows"),
    "mean_error": ("mean error", "prediction minus truth; above 0: the prediction is too high"),
    "mean_absolute_error": ("mean absolute error", "how far the prediction lies from the truth, to either side"),
}
SHORT_WORDS = {"false_positive_rate": "FPR", "false_negative_rate": "FNR", "calibration_in_the_large": "score - truth"}


def _quantities() -> dict[str, Quantity]:
    found = {
        rate.name: Quantity(unit=rate.unit, label=RATE_WORDS[rate.name][0], about=RATE_WORDS[rate.name][1])
        for rate in RATES
    }
    for rate in RATES:
        label = RATE_WORDS[rate.name][0]
        found[f"{rate.name}_difference"] = Quantity(unit=rate.unit, label=f"difference in {label}", null=0.0)
        if rate.ratio:
            found[f"{rate.name}_ratio"] = Quantity(
                unit="1", label=f"ratio of {label}s", about="that of the group over that of its reference"
            )
        found[f"{rate.name}_spread"] = Quantity(unit=rate.unit, label=f"largest minus smallest {label}")
    return found | {
        "impact_ratio": Quantity(
            unit="1", label="impact ratio", about="selection rate over that of the most selected group (6 RCNY 5-300)"
        ),
        "scoring_impact_ratio": Quantity(
            unit="1",
            label="impact ratio of scores",
            about="scoring rate over that of the highest scoring group (6 RCNY 5-300)",
        ),
        "calibration_error": Quantity(
            unit="1", label="expected calibration error", about="biased upwards: see the note"
        ),
        "error_contribution": Quantity(unit="1", label="errors about the group, as a share of all rows"),
        "contribution": Quantity(unit="1", label="what a cluster adds to a difference that was found"),
    }


@measure(
    source="Hardt, Price and Srebro 2016, NeurIPS 29 (error rates by group); Chouldechova 2017, Big Data 5:153; "
    "Kearns et al. 2018, ICML (intersections); 6 RCNY 5-300 and 5-301 (impact ratio, New York City Local Law 144)",
    cluster="the table's column `cluster`, else the row",
    family="the differences of all groups from the reference group in all rates, of one attribute; each attribute, and "
    "each set of attributes that are crossed, is a family of its own, so that a further column hides nothing",
    version=4,
    quantities=_quantities(),
    group_table=GroupTable(
        rates=tuple(rate.name for rate in RATES),
        short={rate.name: SHORT_WORDS.get(rate.name, RATE_WORDS[rate.name][0]) for rate in RATES},
        against_most={"selection_rate": "impact_ratio", "scoring_rate": "scoring_impact_ratio"},
    ),
    warnings=(
        "The truth is what the table says it is. Where it was recorded by biased means (arrests, earlier decisions), "
        "equal error rates can hide the harm (Jacobs and Wallach 2021).",
        "Equal false positive rates, equal false negative rates and equal calibration exclude each other where groups "
        "differ in how often the truth is 1, unless prediction is perfect (Chouldechova 2017; Kleinberg et al. 2017).",
        "Error rates also depend on how risk is spread within each group: they can differ under one and the same rule "
        "for all (infra-marginality, Corbett-Davies and Goel 2018). A gap is where to look, not why it is there.",
        "Groups are those that the table names. Whoever is not recorded is not measured.",
        "A table does not say whether being predicted 1 is good or bad for people. An impact ratio and the four-fifths "
        "line are about selection that is wanted; of a risk score read them for those who are not predicted 1.",
    ),
)
def performance_gap(table: PredictionTable, rng: np.random.Generator) -> Iterator[Estimate | Missing]:
    """Selection, error rates and calibration by group, and gaps P(·|g) - P(·|reference), in [-1, 1]; 0: no gap.

    For the whole table, for each group of each attribute, and for the groups of two or three attributes crossed:

    - selection rate P(prediction = 1), which needs no truth; accuracy P(prediction = truth); both in [0, 1];
    - false positive rate P(prediction = 1 | truth = 0), false negative rate P(prediction = 0 | truth = 1), in [0, 1];
    - with scores, the scoring rate, the share of rows above the median score of all rows; with scores that are
      probabilities, mean score minus observed rate, in [-1, 1], 0: right on average, and the expected calibration error
      in [0, 1], beside the value that noise alone would make;
    - where truth and prediction are amounts, the mean error (prediction minus truth) and the mean absolute error, in
      the unit of the truth.

    Each group is compared with the reference group of its attribute: the declared one, else that of the first row of
    the table. Groups of crossed attributes are compared with the group that has all the references. Other pairs are not
    tested; the largest minus the smallest rate covers all groups.

    The differences of one attribute, in all rates, are one family: simultaneous intervals, adjusted p-values beside raw
    ones, and the smallest difference that the design finds with power 0.8. Every attribute is a family of its own, and
    so is every set of attributes that are crossed: a further column changes nothing of what is found without it. With
    several families each has its own 5 %, so one false alarm in twenty is to be expected for each.

    A ratio rests on the same estimate as its difference and is decided with it. The impact ratio is the rate of a group
    over the highest one. The interval of largest minus smallest is projected from the differences, so it reaches down
    to 0 unless some group differs; its value is above 0 even without any gap.

    A group with fewer than 5 clusters, or without a row that counts (no negatives, no positives), has a reason in the
    place of the number; so have comparisons where the rate is 0 % in all groups, or all predictions are the same. A row
    whose group is not known (an empty cell, or a word such as NA) is left out of that attribute and counted in the
    note; one whose truth is not known is left out of what needs it. Labels that are certainly the same (1 and 1.0) are
    one group; those that may be (Women and women), and one such as "prefer not to say", stay groups. The notes name all
    of these.

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
    for rate, reason in lacking(table):
        yield Missing(quantity=rate.name, status="not_applicable", reason=reason)
    rates = [(rate, counted(table, rate)) for rate in rates_of(table)]
    base = int(rng.integers(2**63))
    for axis in axes:
        yield from _of_axis(table, axis, rates, (base, len(axes) - 1))
    for axis in axes:
        yield from _calibration(table, axis, cluster)


def _of_axis(
    table: PredictionTable, axis: TableAxis, rates: Sequence[tuple[Rate, Counted]], drawn: tuple[int, int]
) -> Iterator[Estimate | Missing]:
    """All rates of one division, and the comparisons of its groups: one family, drawn by itself.

    `drawn`: what the random numbers of every family begin with, and how many families there are.
    """
    base, families = drawn
    holds, compared = _conditions(table, axis), []
    for rate, values in rates:
        spec = RateSpec(
            rate.name, axis.groups, rate.denominator, "; ".join(holds), values.offset, values.width, rate.unit
        )
        compared.append(Compared(axis, rate, values.by_group(axis.layout, rate.share), spec, families))
    reasons = [_why_none(table, one) for one in compared]
    own = np.random.default_rng([base, zlib.crc32(axis.name.encode())])
    tested = [one.rates for one, reason in zip(compared, reasons, strict=True) if not reason]
    gaps = iter(family_of_gaps(tested, own, axis.reference)) if tested and axis.attributes else iter(())
    for one, reason, (rate, values) in zip(compared, reasons, rates, strict=True):
        yield from _told_why(axis, _with_conditions(rate_rows(one.rates, one.spec), holds))
        if axis.attributes and reason:
            enough = len(axis.groups) <= MOST_COMPARED
            unjudged = enough and bool(one.rates.n.any())
            yield from _told_why(axis, incomparable(one, reason, unjudged=unjudged))
        elif axis.attributes:
            mine = next(gaps)
            yield from _told_why(axis, comparison_rows(one, mine))
            yield from _carried(table, axis, (rate, values), mine)
        if rate is ACCURACY and len(axis.attributes) == 1:
            yield from _errors(axis, one.rates)


def _why_none(table: PredictionTable, compared: Compared) -> str:
    """Why the groups of a division are not compared in a rate; "" where they are."""
    axis = compared.axis
    if not axis.attributes:
        return ""
    if len(axis.groups) > MOST_COMPARED:
        return f"{len(axis.groups)} groups; at most {MOST_COMPARED} are compared: merge groups, or read their rates"
    if compared.rate in OF_PREDICTIONS and table.prediction is not None and _all_alike(table.prediction, table):
        return f"{_alike_words(table)}; a score alone is compared by its own rates"
    return compared.why_none()


def _all_alike(values: np.ndarray, table: PredictionTable) -> bool:
    """Whether all rows that count have one value."""
    there = values[table.counted]
    return bool(np.all(there == there[0]))


def _alike_words(table: PredictionTable) -> str:
    assert table.prediction is not None
    return (
        f"all {table.rows:,} predictions are {int(table.prediction[0])}: what treats everybody alike tells no "
        "group from another"
    )


def _decides(table: PredictionTable, cluster: np.ndarray) -> None:
    """NotJudged where the table cannot tell groups apart, whatever they are."""
    there = cluster[table.counted]
    clusters = np.unique(there).size
    if clusters < MINIMUM_CLUSTERS:
        raise NotJudged(
            f"{there.size} row{'' if there.size == 1 else 's'} in {clusters} "
            f"cluster{'' if clusters == 1 else 's'}; at least {MINIMUM_CLUSTERS} are needed in each group that is "
            "compared"
        )
    if table.score is not None and not _all_alike(table.score, table):
        return
    if table.amounts is not None:
        errors = table.amounts.prediction - table.amounts.truth
        if _all_alike(np.where(table.true_known, errors, errors[table.true_known][0]), table):
            raise NotJudged(f"all {table.rows:,} predictions err by {errors[table.true_known][0]:g}, in every group")
    elif table.prediction is None:
        raise NotJudged(f"all {table.rows:,} scores are the same: what scores everybody alike tells no group apart")
    elif _all_alike(table.prediction, table):
        raise NotJudged(_alike_words(table))


def _with_conditions(rows: Iterable[Estimate | Missing], holds: tuple[str, ...]) -> Iterator[Estimate | Missing]:
    """The rows of the rates themselves, each with what it holds under, apart from its note."""
    for row in rows:
        yield row.model_copy(update={"facts": Facts(conditions=holds)}) if isinstance(row, Estimate) and holds else row


def _conditions(table: PredictionTable, axis: TableAxis) -> tuple[str, ...]:
    """What the numbers of a division hold under."""
    parts = []
    if axis.unknown:
        names = " and ".join(axis.attributes)
        parts.append(f"{axis.unknown:,} of {table.rows:,} rows have no known {names} and are left out")
    parts += axis.labels
    if len(axis.attributes) == 1 and axis.name not in table.references:
        parts.append(
            f"{axis.name}: compared with {table.reference(axis.name)}, the group of the first row, since no reference "
            "group is named"
        )
    if table.weighted_by:
        parts.append(f"each row counts by `{table.weighted_by}`, a sampling weight")
    if not axis.attributes:
        parts += table.notes
        parts += [f"columns not used: {', '.join(table.unused)}"] if table.unused else []
    if not table.clusters_declared:
        parts.append(
            "no column `cluster`: rows are taken to be independent; where they are not, these intervals are too narrow"
        )
    return tuple(parts)


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


def _carried(
    table: PredictionTable, axis: TableAxis, of: tuple[Rate, Counted], gaps: Sequence[Gap]
) -> Iterator[Estimate]:
    """The clusters that add most to the clearest difference that was found between groups of one attribute."""
    rate, counted_rows = of
    found = [gap for gap in gaps if gap.low > 0 or gap.high < 0]
    if not found or not table.clusters_declared or len(axis.attributes) > 1:
        return
    gap = min(found, key=lambda one: (one.p_adjusted, -abs(one.value)))
    scale = counted_rows.width
    for cluster, value, half, n in carriers(counted_rows.values, counted_rows.weights, axis, gap):
        bounded = np.isfinite(half)
        group = {**axis.groups[gap.group], "rate": RATE_WORDS[rate.name][0], "cluster": str(table.cluster[cluster])}
        yield Estimate(
            quantity="contribution",
            unit=rate.unit,
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
    if table.score is None or table.truth is None or not table.is_probability:
        return
    for whom in _members(axis):
        rows = whom.rows[table.true_known[whom.rows]]
        score, truth = table.score[rows], table.truth[rows].astype(np.float64)
        weight = None if table.weight is None else table.weight[rows]
        error = expected_calibration_error(score, truth, cluster[rows], weight=weight)
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
