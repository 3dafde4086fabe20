"""What a measure made of each item, in two dossiers: right or wrong, leaning to the stereotype or not, item by item.

The measure names these outcomes (`outcomes` of its method). An item is the same in both where its name and its texts are.
What the measure works out from all of them together, such as a score per target term, is not compared by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from commonweal.assessment.comparison.dossier_items import Said, Told, counted, joined, sampled_units, texts_of
from commonweal.assessment.comparison.paired_outcomes import Outcome, Paired
from commonweal.errors import DataFileError
from commonweal.evidence.records import ItemOutcome
from commonweal.statistics.contrast import Array

Frames = tuple[pl.DataFrame, pl.DataFrame]
JUDGED = "judged"


def pair_judgements(told: tuple[Told, Told], frames: Frames, title: str, said: Said) -> Iterator[Paired]:
    """Each outcome of the measure, over all items or by the parts that it names."""
    one, other = told
    if one.version != other.version or one.outcomes != other.outcomes:
        said.unpaired.append(
            f"{title}: A judges its items by version {one.version} of the measure, B by version {other.version}; measure again"
        )
        return
    if any(JUDGED not in frame.columns for frame in frames):
        said.unpaired.append(f"{title}: its items do not hold what the measure made of them; measure again")
        return
    judged = tuple(frame.filter(pl.col(JUDGED).is_not_null()) for frame in frames)
    columns = [outcome.column for outcome in one.outcomes if all(outcome.column in frame.columns for frame in judged)]
    both = joined((judged[0], judged[1]), ["key"], columns, title, said)
    if not both.height:
        return
    factors, why = sampled_units(one.units, (), both)
    if why:
        said.unpaired.append(f"{title}: {why}")
        return
    clusters = tuple(texts_of(both[factor]) for factor in factors)
    said.paired.append(f"{title}: {both.height} items as the measure judged them, {counted(factors, clusters)}")
    for outcome in one.outcomes:
        if outcome.column in columns:
            yield from _of_outcome(outcome, told, (both, factors), (title, said))


def _of_outcome(
    outcome: ItemOutcome, told: tuple[Told, Told], items: tuple[pl.DataFrame, list[str]], spoken: tuple[str, Said]
) -> Iterator[Paired]:
    both, factors = items
    title, said = spoken
    name = outcome.column
    known = both.filter(pl.col(name).is_not_null() & pl.col(f"{name}_b").is_not_null())
    one_sided = both.filter(pl.col(name).is_null() != pl.col(f"{name}_b").is_null()).height
    if one_sided:
        said.unpaired.append(f"{title}, {outcome.label}: {one_sided} of {known.height + one_sided} items have none in A or in B")
    compared = Outcome(
        name, outcome.label, outcome.unit, outcome.higher_is_better, *_limits(outcome), null=outcome.null,
    )  # fmt: skip
    subjects = told[0].subject, told[1].subject
    for part, mine in _parts(outcome, known):
        if not mine.height:
            continue
        a, b = (_numbers(column, mine, title) for column in (name, f"{name}_b"))
        clusters = tuple(texts_of(mine[factor]) for factor in factors)
        groups = {column: texts_of(mine[column]) for column in outcome.groups if column in mine.columns}
        note = title.replace(" on ", ", on ", 1)
        yield Paired(told[0].measure, subjects, compared, a, b, clusters, " x ".join(factors), groups, note, part)


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
