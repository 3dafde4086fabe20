"""Which columns of a table of predictions are read as what: commonweal's own names, or those that were mapped.

What this module does not do: it reads no cell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.files.table_text import COMMAS
from commonweal.models.table_rows import IGNORED, weight_columns
from commonweal.system.prediction_columns import PREFIX, PredictionColumns, Threshold, attribute_of, threshold_in
from commonweal.system.wording import did_you_mean

DIVIDED = re.compile(r"truth([^\w.-])|([^\w.-])truth")
OWN_NAMES = ("truth", "prediction", "score", "cluster", "item")


@dataclass(frozen=True, slots=True)
class Source:
    """The column that something is read from, and the comparison that makes 0 or 1 of it, where there is one."""

    column: str
    threshold: Threshold | None = None

    @property
    def words(self) -> str:
        """As it would be asked for.

        >>> Source("age", Threshold("age", ">=", 40.0)).words
        'age>=40'
        """
        return f"{self.column}{self.threshold.sign}{self.threshold.number:g}" if self.threshold else self.column


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The columns of one table; None: it has none of this kind. `groups`: attribute -> column.

    `chosen_score`: the score was mapped, and so may be on a scale of its own.
    """

    truth: Source | None
    prediction: Source | None
    score: str | None
    groups: Mapping[str, str]
    cluster: str | None
    item: str | None
    weight: str | None
    chosen_score: bool = False

    @property
    def used(self) -> frozenset[str]:
        sources = (one.column for one in (self.truth, self.prediction) if one)
        named = (self.score, self.cluster, self.item, self.weight)
        return frozenset((*sources, *filter(None, named), *self.groups.values()))

    @property
    def numbers(self) -> frozenset[str]:
        """The columns that hold numbers."""
        sources = (one.column for one in (self.truth, self.prediction) if one)
        return frozenset((*sources, *filter(None, (self.score, self.weight))))


def column_map(path: Path, columns: Sequence[str], asked: PredictionColumns) -> ColumnMap:
    """The columns of a table, as they are asked for or called; DataFileError tells all that is wrong at once."""
    if len(columns) == 1 and (divided := DIVIDED.search(columns[0])):
        raise DataFileError(
            f"{path}: its first line names one column, '{columns[0]}', which looks like several, divided by "
            f"'{divided[1] or divided[2]}'; {COMMAS}"
        )
    problems = list(_problems(columns, asked))
    if problems:
        raise DataFileError(f"{path}: {'; '.join(problems)}; its columns are: {', '.join(columns)}")
    groups = asked.groups or _own_groups(columns)
    return ColumnMap(
        truth=_source("truth", columns, asked),
        prediction=_source("prediction", columns, asked),
        score=asked.score or ("score" if "score" in columns else None),
        groups={attribute_of(name): name for name in groups},
        cluster=asked.cluster or ("cluster" if "cluster" in columns else None),
        item=asked.item or ("item" if "item" in columns else None),
        weight=asked.weight or next(iter(_own_weights(columns, asked)), None),
        chosen_score=asked.score is not None,
    )


def _problems(columns: Sequence[str], asked: PredictionColumns) -> Iterator[str]:
    yield from (f"the column '{name}' is there twice" for name, count in Counter(columns).items() if count > 1 and name)
    for option, name in _named(columns, asked):
        if name not in columns:
            yield f"no column '{name}', which is named as {option}{did_you_mean(name, columns)}"
    if not (asked.prediction or asked.score or {"prediction", "score"} & set(columns)):
        yield (
            "neither a column 'prediction' nor 'score'; name yours with --prediction COLUMN, --prediction "
            "COLUMN>=NUMBER or --score COLUMN"
        )
    if not (asked.groups or _own_groups(columns)):
        yield f"no group: name a column {PREFIX}gender, {PREFIX}race or whatever it says, or yours with --group COLUMN"
    weights = _own_weights(columns, asked)
    if len(weights) > 1:
        yield (
            f"{' and '.join(weights)} look like weights; rename those that should not be used to "
            f"{IGNORED}{weights[-1]}, or name one with --weight"
        )
    attributes = [attribute_of(name) for name in (asked.groups or _own_groups(columns))]
    for attribute in asked.reference:
        if attributes and attribute not in attributes:
            yield (
                f"a reference group is named for '{attribute}', which is no attribute here; they are: "
                f"{', '.join(attributes)}{did_you_mean(attribute, attributes)}"
            )


def _named(columns: Sequence[str], asked: PredictionColumns) -> Iterator[tuple[str, str]]:
    """What was asked for, and under which name."""
    for option in ("truth", "prediction"):
        if getattr(asked, option) is not None:
            source = _source(option, columns, asked)
            assert source is not None
            yield option, source.column
    for option in ("score", "cluster", "item", "weight"):
        if (name := getattr(asked, option)) is not None:
            yield option, name
    yield from (("group", name) for name in asked.groups)


def _source(option: str, columns: Sequence[str], asked: PredictionColumns) -> Source | None:
    """A column of that very name goes before a comparison that is spelled alike."""
    text = getattr(asked, option)
    if text is None:
        return Source(option) if option in columns else None
    threshold = None if text in columns else threshold_in(text)
    return Source(threshold.column, threshold) if threshold else Source(text)


def _own_groups(columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in columns if name.startswith(PREFIX) and len(name) > len(PREFIX)))


def _own_weights(columns: Sequence[str], asked: PredictionColumns) -> list[str]:
    """The columns that look like weights, unless one is named."""
    return [] if asked.weight else weight_columns(dict.fromkeys(columns))
