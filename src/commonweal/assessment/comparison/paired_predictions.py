"""Two tables of predictions about the same items: every rate, by group too, and how each gap changes.

A gap is that of a group to its reference group. Hypotheses are corrected together by what divides the items: nothing,
one attribute, or two crossed, so that a further attribute hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from commonweal.assessment.comparison.paired_outcomes import ComparedOutcome, Paired, PairingNotes
from commonweal.errors import DataFileError
from commonweal.files.cell_text import one_spelling
from commonweal.models.column_map import column_map
from commonweal.models.prediction_tables import item_name, read_prediction_table
from commonweal.models.predictions import Bits, PredictionTable
from commonweal.models.table_rows import column_names, refuse_weights, table_rows
from commonweal.statistics.contrast import Array, Labels
from commonweal.system.prediction_columns import NO_COLUMNS, PredictionColumns

SELECTION = ComparedOutcome("selection_rate", "selection rate", "1", higher_is_better=None, least=0.0, most=1.0)
ACCURACY = ComparedOutcome("accuracy", "accuracy", "1", higher_is_better=True, least=0.0, most=1.0)
FALSE_POSITIVES = ComparedOutcome(
    "false_positive_rate", "false positive rate", "1", higher_is_better=False, least=0.0, most=1.0
)
FALSE_NEGATIVES = ComparedOutcome(
    "false_negative_rate", "false negative rate", "1", higher_is_better=False, least=0.0, most=1.0
)
NAMES_SHOWN = 3
WHOLE = "all items"


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table of predictions, and which of its columns hold what."""

    path: Path
    asked: PredictionColumns = NO_COLUMNS


@dataclass(frozen=True, slots=True, eq=False)
class _SameItems:
    """What both tables say of the items that both have, arrays (item,); `truth` and `known` None: not both have one."""

    said: tuple[Bits, Bits]
    truth: Bits | None
    known: Bits
    clusters: Labels
    sampled: str
    groups: dict[str, Labels]
    references: dict[str, str]


def pair_predictions(a: TableFile, b: TableFile, *, common: bool) -> tuple[list[Paired], PairingNotes]:
    """The predictions of two files about the same items.

    Raises
    ------
    DataFileError
        Where a file does not follow the format; an item is in one file only (unless `common`); or the files do not
        agree about the truth, the cluster or the group of an item.
    """
    paths = a.path, b.path
    tables = read_prediction_table(a.path, a.asked), read_prediction_table(b.path, b.asked)
    for path, table in zip(paths, tables, strict=True):
        refuse_weights(path, (table.weighted_by,), "item")
        if table.prediction is None:
            raise DataFileError(
                f"{path}: it holds no predictions of 0 or 1 that could be compared; name a comparison, such as "
                "--prediction COLUMN>=NUMBER"
            )
    (joined_on, of_a), (_, of_b) = read_items(a), read_items(b)
    items = of_a, of_b
    shared, unpaired = _shared(paths, items, common=common)
    places = [np.array([where[item] for item in shared]) for where in items]
    both = _both(paths, tables, places, shared)
    unpaired += _not_paired(paths, tables, both)
    pairs = list(_pairs((str(a.path), str(b.path)), both))
    statement = f"{len(shared)} items, joined on '{joined_on}', in {np.unique(both.clusters).size} {both.sampled}s"
    if both.truth is not None:
        correct = [both.known & (said == both.truth) for said in both.said]
        only = [f"{int((one & ~other).sum())} only in {name}" for name, one, other in _sides(correct)]
        statement += f"; right {' and '.join(only)}"
    if both.sampled == "item":
        statement += "; there is no column 'cluster', so each item counts as a unit of its own"
    labels = [note for name in both.groups for table in tables for note in table.label_notes.get(name, ())]
    compared = [f"{name}: gaps are to {reference}" for name, reference in both.references.items()]
    return pairs, PairingNotes((statement, *compared, *dict.fromkeys(labels)), tuple(unpaired))


def _sides(correct: Sequence[Bits]) -> tuple[tuple[str, Bits, Bits], tuple[str, Bits, Bits]]:
    return ("A", correct[0], correct[1]), ("B", correct[1], correct[0])


def _both(
    paths: tuple[Path, Path],
    tables: tuple[PredictionTable, PredictionTable],
    places: Sequence[np.ndarray],
    shared: Sequence[str],
) -> _SameItems:
    """What the tables say of the shared items; DataFileError where they do not agree."""
    declared = [table.clusters_declared for table in tables]
    if declared[0] != declared[1]:
        without, having = paths[::-1] if declared[0] else paths
        raise DataFileError(
            f"{without}: no column 'cluster', but {having} has one; both files must say what was sampled"
        )
    clusters = np.array(shared)
    if all(declared):
        both = [table.cluster[rows] for table, rows in zip(tables, places, strict=True)]
        _agree(paths, shared, "cluster", both)
        clusters = both[0]
    truths = [_truth_texts(table)[rows] for table, rows in zip(tables, places, strict=True)]
    judged = all(table.truth is not None for table in tables)
    if judged:
        _agree(paths, shared, "truth", truths)
    groups = {}
    for name in (name for name in tables[0].groups if name in tables[1].groups):
        both = [table.groups[name][rows] for table, rows in zip(tables, places, strict=True)]
        _agree(paths, shared, f"group_{name}", both)
        groups[name] = both[0]
    said = [table.prediction[rows] for table, rows in zip(tables, places, strict=True) if table.prediction is not None]
    return _SameItems(
        said=(said[0], said[1]),
        truth=truths[0] == "1" if judged else None,
        known=truths[0] != "",
        clusters=clusters,
        sampled="cluster" if all(declared) else "item",
        groups=groups,
        references={name: reference for name in groups if (reference := _reference(tables, name))},
    )


def _reference(tables: tuple[PredictionTable, PredictionTable], attribute: str) -> str:
    """The reference group of an attribute: as one of the tables declares it, else that of A's first row."""
    declared = [table.references[attribute] for table in tables if attribute in table.references]
    return declared[0] if declared else tables[0].reference(attribute)


def _truth_texts(table: PredictionTable) -> Labels:
    """1, 0, or "" where it is not known, str (row,)."""
    if table.truth is None:
        return np.full(table.rows, "")
    return np.where(table.true_known, np.where(table.truth, "1", "0"), "")


def _not_paired(
    paths: tuple[Path, Path], tables: tuple[PredictionTable, PredictionTable], both: _SameItems
) -> Iterator[str]:
    """What one file has only, or has nothing of."""
    for path, table, other in ((paths[0], tables[0], tables[1]), (paths[1], tables[1], tables[0])):
        yield from (
            f"group_{name} is in {path} only: no gap by it" for name in table.groups if name not in other.groups
        )
    for name, labels in both.groups.items():
        if open_rows := int((labels == "").sum()):
            yield f"{open_rows} of {labels.size} items have no known group_{name}: in the difference, in no gap"
    if both.truth is None:
        yield "not both files have a truth: selection rates are compared, and no errors"
    elif not both.known.all():
        yield f"{int((~both.known).sum())} of {both.known.size} items have no truth: they count in selection rates only"
    for path, table in zip(paths, tables, strict=True):
        if table.unused:
            yield f"not used of {path}: {', '.join(table.unused)}"


def _pairs(subjects: tuple[str, str], both: _SameItems) -> Iterator[Paired]:
    """Each rate over all items, then its gaps by each attribute, then by each two crossed: a family for each."""
    rates = list(_rates(both))
    divisions: list[tuple[str, ...]] = [(), *((name,) for name in both.groups), *combinations(both.groups, 2)]
    for attributes in divisions:
        for outcome, values, rows in rates:
            if rows.any():
                yield Paired(
                    "predictions",
                    subjects,
                    outcome,
                    values[0][rows],
                    values[1][rows],
                    (both.clusters[rows],),
                    both.sampled,
                    {name: both.groups[name][rows] for name in attributes},
                    references={name: both.references[name] for name in attributes if name in both.references},
                    family=" x ".join(attributes) or WHOLE,
                    whole=not attributes,
                )


def _rates(both: _SameItems) -> Iterator[tuple[ComparedOutcome, tuple[Array, Array], Bits]]:
    """Each rate: 0 or 1 of each item in A and in B, and the items that count."""
    first, second = both.said
    every = np.ones(first.size, dtype=np.bool_)
    yield SELECTION, (first.astype(np.float64), second.astype(np.float64)), every
    if both.truth is None:
        return
    truth = both.truth
    right = ((first == truth).astype(np.float64), (second == truth).astype(np.float64))
    yield ACCURACY, right, both.known
    yield FALSE_POSITIVES, (first.astype(np.float64), second.astype(np.float64)), both.known & ~truth
    yield FALSE_NEGATIVES, ((~first).astype(np.float64), (~second).astype(np.float64)), both.known & truth


def read_items(table: TableFile) -> tuple[str, dict[str, int]]:
    """The column of items, and normalised item name -> row number; DataFileError where a row has none.

    The column is the one that is named, else `item`, else a cluster that is another one in each row.
    """
    rows = list(table_rows(table.path))
    names = column_names(table.path, rows)
    columns = column_map(table.path, names, table.asked)
    column, several = columns.item or columns.cluster, ""
    places: dict[str, int] = {}
    for place, (line, row) in enumerate(rows if column else ()):
        name = one_spelling(item_name(table.path, line, row, column or "item"))
        if name in places:
            several = f" ({column} '{name}' is in several rows)"
            break
        places[name] = place
    if column is None or several:
        raise DataFileError(
            f"{table.path}: no 'item'; two files are joined on the column item, or one that --item names{several}. "
            f"Columns: {', '.join(names)}"
        )
    return column, places


def _shared(
    paths: tuple[Path, Path], items: tuple[dict[str, int], dict[str, int]], *, common: bool
) -> tuple[list[str], list[str]]:
    """Items of both files in a fixed order, and what is said about the others."""
    shared = sorted(items[0].keys() & items[1].keys())
    if not shared:
        raise DataFileError(
            f"{paths[0]} and {paths[1]} share no item (such as '{next(iter(items[0]))}' and '{next(iter(items[1]))}'), "
            "so there is nothing to pair"
        )
    said = []
    for path, mine, other in zip(paths, items, items[::-1], strict=True):
        alone = [item for item in mine if item not in other]
        if alone:
            said.append(f"{len(alone)} of {len(mine)} items are only in {path} ({_some(alone)})")
    if said and not common:
        raise DataFileError("\n".join([*said, f"compare the {len(shared)} items that both have with --common"]))
    return shared, said


def _agree(paths: tuple[Path, Path], items: Sequence[str], column: str, both: Sequence[np.ndarray]) -> None:
    differ = np.flatnonzero(
        [one != other for one, other in zip(*(_in_one_spelling(side) for side in both), strict=True)]
    )
    if differ.size:
        first = differ[0]
        raise DataFileError(
            f"{paths[1]}: {column} differs from that of {paths[0]} for {differ.size} of {len(items)} items (item "
            f"'{items[first]}': '{both[0][first]}' and '{both[1][first]}'); both files must be about the same items"
        )


def _in_one_spelling(texts: np.ndarray) -> Iterator[str]:
    known = {text: one_spelling(text) for text in np.unique(texts).tolist()}
    return (known[text] for text in texts.tolist())


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
