"""The rates that a table of predictions has: what is counted, over which rows, and on which scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from commonweal.models.predictions import Array, Bits, PredictionTable
from commonweal.statistics.group_rates import GroupRates, Layout, group_rates

SELECTION, SCORING = "selection_rate", "scoring_rate"


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate of a table, the mean of numbers over the rows that count.

    `denominator`: the rows that count, in words. `share`: each number is 0 or 1. `ratio`: rates of two groups are also
    told by their ratio. `full_says_something`: where it is 1 in all groups, that is no lack of evidence.
    """

    name: str
    denominator: str = "row"
    share: bool = True
    ratio: bool = True
    unit: str = "1"
    full_says_something: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A rate of the rows of a table: numbers in [0, 1] and the weight with which each counts, float64 (row,).

    A mean in [0, 1] stands for `offset + width * mean`. `least`: a variance that each row has at least.
    """

    values: Array
    weights: Array
    offset: float = 0.0
    width: float = 1.0
    least: Array | None = None

    def by_group(self, layout: Layout, share: bool) -> GroupRates:
        return group_rates(self.values, self.weights, layout, share, self.least)


ACCURACY = Rate("accuracy", full_says_something=True)
SELECTED = Rate(SELECTION)
FALSE_POSITIVES = Rate("false_positive_rate", "row whose truth is 0")
FALSE_NEGATIVES = Rate("false_negative_rate", "row whose truth is 1")
SCORED = Rate(SCORING)
CALIBRATION = Rate("calibration_in_the_large", share=False, ratio=False)
MEAN_ERROR = Rate("mean_error", share=False, ratio=False, unit="unit of truth")
ABSOLUTE_ERROR = Rate("mean_absolute_error", share=False, ratio=False, unit="unit of truth")
RATES = (SELECTED, ACCURACY, FALSE_POSITIVES, FALSE_NEGATIVES, CALIBRATION, SCORED, MEAN_ERROR, ABSOLUTE_ERROR)
OF_PREDICTIONS = (SELECTED, ACCURACY, FALSE_POSITIVES, FALSE_NEGATIVES)
OF_TRUTH = (ACCURACY, FALSE_POSITIVES, FALSE_NEGATIVES)


def rates_of(table: PredictionTable) -> tuple[Rate, ...]:
    """The rates that the columns of a table allow."""
    if table.amounts is not None:
        return (MEAN_ERROR, ABSOLUTE_ERROR) + ((SCORED,) if table.score is not None else ())
    found = [] if table.prediction is None else [SELECTED]
    found += [] if table.prediction is None or table.truth is None else OF_TRUTH
    if table.score is not None:
        found += [CALIBRATION] if table.truth is not None and table.is_probability else []
        found += [SCORED]
    return tuple(found)


def lacking(table: PredictionTable) -> Iterator[tuple[Rate, str]]:
    """The rates that a table of predictions should have and has not, and why."""
    if table.amounts is not None:
        return
    if table.prediction is None:
        yield (
            SELECTED,
            "the table has scores on a scale of their own and no prediction; name one, such as SCORE>=NUMBER",
        )
    if table.truth is None:
        why = "no row has a truth; name its column, if there is one"
        yield from ((rate, why) for rate in OF_TRUTH)
        if table.score is not None:
            yield CALIBRATION, why
    elif table.score is not None and not table.is_probability:
        yield CALIBRATION, "the score is no probability from 0 to 1, so it says nothing of how often the truth is 1"


def counted(table: PredictionTable, rate: Rate) -> Counted:
    """The numbers of a rate and the rows that count."""
    if rate in {MEAN_ERROR, ABSOLUTE_ERROR}:
        return _errors(table, rate)
    values, rows = _values(table, rate)
    if rate is CALIBRATION:  # half of what a right score would vary; else a group without a 1 in it has hardly any
        assert table.score is not None
        least = table.score * (1 - table.score) / 4 / 2
        return Counted(values, _weighted(table, rows), -1.0, 2.0, least)
    return Counted(values, _weighted(table, rows))


def _weighted(table: PredictionTable, rows: Bits) -> Array:
    return rows.astype(np.float64) if table.weight is None else rows * table.weight


def _values(table: PredictionTable, rate: Rate) -> tuple[Array, Bits]:
    """Numbers in [0, 1], and the rows that count."""
    every = np.ones(table.rows, dtype=np.bool_)
    if rate is SCORED:
        assert table.score is not None
        return (table.score > median(table.score, table.weight)).astype(np.float64), every
    truth, said, known = table.truth, table.prediction, table.true_known
    if rate is CALIBRATION:
        assert table.score is not None
        assert truth is not None
        return (table.score - truth + 1) / 2, known
    assert said is not None
    if rate is SELECTED:
        return said.astype(np.float64), every
    assert truth is not None
    if rate is ACCURACY:
        return (truth == said).astype(np.float64), known
    if rate is FALSE_POSITIVES:
        return said.astype(np.float64), known & ~truth
    return (~said).astype(np.float64), known & truth


def _errors(table: PredictionTable, rate: Rate) -> Counted:
    """Errors of amounts, brought to [0, 1] by the least and the largest that there is."""
    assert table.amounts is not None
    errors = table.amounts.prediction - table.amounts.truth
    errors = np.abs(errors) if rate is ABSOLUTE_ERROR else errors
    rows = table.true_known
    there = errors[rows & table.counted]
    low, width = float(there.min()), float(np.ptp(there)) or 1.0
    return Counted(np.where(rows, (errors - low) / width, 0.0).clip(0.0, 1.0), _weighted(table, rows), low, width)


def median(values: Array, weight: Array | None) -> float:
    """The value that splits the sample in two halves, by weight; between two values, the middle.

    >>> median(np.array([3.0, 1.0, 2.0, 4.0]), None), median(np.array([3.0, 1.0, 2.0]), np.array([5.0, 1.0, 1.0]))
    (2.5, 3.0)
    """
    if weight is None:
        return float(np.median(values))
    order = np.argsort(values)
    ordered, mass = values[order][weight[order] > 0], np.cumsum(weight[order][weight[order] > 0])
    half = mass[-1] / 2
    place = int(np.searchsorted(mass, half * (1 - 1e-12)))
    at_half = bool(np.isclose(mass[place], half, rtol=1e-12)) and place + 1 < ordered.size
    return float((ordered[place] + ordered[place + 1]) / 2 if at_half else ordered[place])
