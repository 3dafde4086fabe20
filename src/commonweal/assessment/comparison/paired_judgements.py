"""What a measure made of each item, in two dossiers: right or wrong, leaning to the stereotype or not, item by item.

The measure names these outcomes (`outcomes` of its method). An item is the same in both where its name and its texts
are. What the measure works out from all of them together, such as a score per target term, is not compared by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from commonweal.assessment.comparison.dossier_items import Said, Subjects, counted, joined, sampled_units, texts_of
from commonweal.assessment.comparison.paired_outcomes import ComparedOutcome, Paired
from commonweal.errors import DataFileError
from commonweal.evidence.records import ItemOutcome
from commonweal.statistics.contrast import Array

Frames = tuple[pl.DataFrame, pl.DataFrame]
JUDGED = "judged"


def pair_judgements(subjects: Subjects, frames: Frames, title: str, said: Said) -> Iterator[Paired]:
    """Each outcome of the measure, over all items or by the parts that it names."""
    first, second = subjects
    if first.version != second.version or first.outcomes != second.outcomes:
        said.unpaired.append(
            f"{title}: A judges its items by version {first.version} of the measure, B by version {second.version}; "
            "measure again"
        )
        return
    if any(JUDGED not in frame.columns for frame in frames):
        said.unpaired.append(f"{title}: its items do not hold what the measure made of them; measure again")
        return
    judged = tuple(frame.filter(pl.col(JUDGED).is_not_null()) for frame in frames)
    columns = [outcome.column for outcome in first.outcomes if all(outcome.column in frame.columns for frame in judged)]
    both = joined((judged[0], judged[1]), ["key"], columns, title, said)
    if not both.height:
        return
    factors, why = sampled_units(first.units, (), both)
    if why:
        said.unpaired.append(f"{title}: {why}")
        return
    clusters = tuple(texts_of(both[factor]) for factor in factors)
    said.paired.append(f"{title}: {both.height} items as the measure judged them, {counted(factors, clusters)}")
    for outcome in first.outcomes:
        if outcome.column in columns:
            yield from _of_outcome(outcome, subjects, (both, factors), (title, said))


def _of_outcome(
    outcome: ItemOutcome, subjects: Subjects, items: tuple[pl.DataFrame, list[str]], spoken: tuple[str, Said]
) -> Iterator[Paired]:
    both, factors = items
    title, said = spoken
    name = outcome.column
    known = both.filter(pl.col(name).is_not_null() & pl.col(f"{name}_b").is_not_null())
    one_sided = both.filter(pl.col(name).is_null() != pl.col(f"{name}_b").is_null()).height
    if one_sided:
        said.unpaired.append(
            f"{title}, {outcome.label}: {one_sided} of {known.height + one_sided} items have none in A or in B"
        )
    compared = ComparedOutcome(
        name, outcome.label, outcome.unit, outcome.higher_is_better, *_limits(outcome), null=outcome.null
    )
    names = subjects[0].subject, subjects[1].subject
    for part, mine in _parts(outcome, known):
        if not mine.height:
            continue
        a, b = (_numbers(column, mine, title) for column in (name, f"{name}_b"))
        clusters = tuple(texts_of(mine[factor]) for factor in factors)
        groups = {column: texts_of(mine[column]) for column in outcome.groups if column in mine.columns}
        note = title.replace(" on ", ", on ", 1)
        yield Paired(subjects[0].measure, names, compared, a, b, clusters, " x ".join(factors), groups, note, part)


def _limits(outcome: ItemOutcome) -> tuple[float, float]:
    return (-math.inf if outcome.least is None else outcome.least), (math.inf if outcome.most is None else outcome.most)


def _parts(outcome: ItemOutcome, items: pl.DataFrame) -> Iterator[tuple[dict[str, str], pl.DataFrame]]:
    """The items by the values of the columns that make the parts; all of them where there is no column."""
    for columns in outcome.parts:
        if not columns:
            yield {}, items
        elif all(column in items.columns for column in columns):
            for values, part in sorted(items.drop_nulls(list(columns)).partition_by(columns, as_dict=True).items()):
                yield dict(zip(columns, map(str, values), strict=True)), part


def _numbers(column: str, items: pl.DataFrame, title: str) -> Array:
    values = items[column].cast(pl.Float64).to_numpy().astype(np.float64)
    if not np.isfinite(values).all():
        raise DataFileError(
            f"{title}: {column} of {int((~np.isfinite(values)).sum())} items is not a number; nothing is compared"
        )
    return np.asarray(values)
