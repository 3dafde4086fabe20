"""Two tables of predictions about the same items: accuracy, and the gap in accuracy of each group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from commonweal.assessment.comparison.paired_outcomes import ComparedOutcome, Paired, PairingNotes
from commonweal.errors import DataFileError
from commonweal.files.cell_text import one_spelling
from commonweal.models.prediction_tables import item_name, read_prediction_table
from commonweal.models.predictions import PredictionTable
from commonweal.models.table_rows import refuse_weights, table_rows
from commonweal.statistics.contrast import Array

ACCURACY = ComparedOutcome("accuracy", "accuracy", "1", higher_is_better=True, least=0.0, most=1.0)
NAMES_SHOWN = 3


def pair_predictions(a: Path, b: Path, *, common: bool) -> tuple[list[Paired], PairingNotes]:
    """The predictions of two files about the same items.

    Raises
    ------
    DataFileError
        Where a file does not follow the format; an item is in one file only (unless `common`); or the files do not
        agree about the truth, the cluster or the group of an item.
    """
    tables = read_prediction_table(a), read_prediction_table(b)
    for path, table in zip((a, b), tables, strict=True):
        refuse_weights(path, (table.weighted_by,), "item")
    items = read_items(a), read_items(b)
    shared, unpaired = _shared((a, b), items, common=common)
    places = [np.array([where[item] for item in shared]) for where in items]
    _agree((a, b), shared, "truth", [table.truth[rows].astype(str) for table, rows in zip(tables, places, strict=True)])
    declared = [table.clusters_declared for table in tables]
    if declared[0] != declared[1]:
        without, having = (b, a) if declared[0] else (a, b)
        raise DataFileError(
            f"{without}: no column 'cluster', but {having} has one; both files must say what was sampled"
        )
    clusters = np.array(shared)
    if all(declared):
        both = [table.cluster[rows] for table, rows in zip(tables, places, strict=True)]
        _agree((a, b), shared, "cluster", both)
        clusters = both[0]
    attributes = [name for name in tables[0].groups if name in tables[1].groups]
    for name in attributes:
        both = [table.groups[name][rows] for table, rows in zip(tables, places, strict=True)]
        _agree((a, b), shared, f"group_{name}", both)
    for path, table, other in ((a, tables[0], tables[1]), (b, tables[1], tables[0])):
        unpaired += [
            f"group_{name} is in {path} only: no gap by it" for name in table.groups if name not in other.groups
        ]
    for name in attributes:
        open_rows = int((tables[0].groups[name][places[0]] == "").sum())
        unpaired += (
            [f"{open_rows} of {len(shared)} items have no known group_{name}: in the difference, in no gap"]
            if open_rows
            else []
        )
    correct = [_correct(table)[rows] for table, rows in zip(tables, places, strict=True)]
    sampled = "cluster" if all(declared) else "item"
    only = [
        f"{int(((one == 1) & (other == 0)).sum())} only in {name}"
        for name, one, other in (("A", *correct), ("B", *correct[::-1]))
    ]
    statement = (
        f"{len(shared)} items, joined on 'item', in {np.unique(clusters).size} {sampled}s; right {' and '.join(only)}"
    )
    if sampled == "item":
        statement += "; there is no column 'cluster', so each item counts as a unit of its own"
    groups = {name: tables[0].groups[name][places[0]] for name in attributes}
    pair = Paired("predictions", (str(a), str(b)), ACCURACY, correct[0], correct[1], (clusters,), sampled, groups)
    labels = [note for name in attributes for table in tables for note in table.label_notes.get(name, ())]
    unpaired += [
        f"not used of {path}: {', '.join(table.unused)}"
        for path, table in zip((a, b), tables, strict=True)
        if table.unused
    ]
    return [pair], PairingNotes((statement, *dict.fromkeys(labels)), tuple(unpaired))


def _correct(table: PredictionTable) -> Array:
    return np.asarray(table.prediction == table.truth, dtype=np.float64)


def read_items(path: Path) -> dict[str, int]:
    """Normalised item name -> row number; DataFileError where a row has none.

    Names are unique: reading the table checked it.
    """
    places: dict[str, int] = {}
    for place, (line, row) in enumerate(table_rows(path)):
        if "item" not in row:
            raise DataFileError(
                f"{path}:{line} no 'item'; two files are joined on the column item. Columns: {', '.join(row)}"
            )
        places[one_spelling(item_name(path, line, row))] = place
    return places


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
