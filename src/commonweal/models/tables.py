"""Tables of predictions: what any system said of whom, of any modality and language, as its owner exports it.

Columns: `truth` (0 or 1), `prediction` (0 or 1) or `score` (a probability, 0 to 1) or both, one or more groups
(`group_gender`, `group_race`, …), where rows belong together `cluster` (the person, the document, the site), and where
each row should be there once `item`. Rows of a `cluster` are not independent; without the column each row is a cluster
of its own. A score without a prediction predicts 1 from one half upwards. An empty cell of a group says that it is not known;
every other label is a group, as it stands but for the spaces around it.

A table is read column by column (10^6 rows in seconds). Where something is wrong it is read again line by line, to name
the line.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from commonweal.errors import DataFileError
from commonweal.foreign_text import SPELLED_HALF
from commonweal.models.choosing import table_rows
from commonweal.models.contents import sha256_of_file
from commonweal.models.group_labels import label_notes
from commonweal.text_file import decoded, json_of, text_of

GROUP = "group_"
THRESHOLD = 0.5
NAME = r'"\s*:'
BITS = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}
Array = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class PredictionTable:
    """One row per case, arrays (row,): `truth` and `prediction` bool, `score` float64 in [0, 1] or None.

    `groups`: attribute -> the group of each row, "" where it is not known. `cluster`: the sampled unit of each row.
    """

    fingerprint: str
    truth: npt.NDArray[np.bool_]
    prediction: npt.NDArray[np.bool_]
    score: Array | None
    groups: dict[str, Texts]
    cluster: Texts
    clusters_declared: bool


def numbered(texts: Texts) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """The distinct texts, sorted, and the place of each row's among them; much faster than numpy's own.

    >>> names, places = numbered(np.array(["b", "a", "b"]))
    >>> names, places.tolist()
    (('a', 'b'), [1, 0, 1])
    """
    column = pl.Series(texts.tolist(), dtype=pl.String)
    names = column.unique().sort()
    return tuple(names.to_list()), column.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)


def table_label_notes(attribute: str, labels: Texts) -> list[str]:
    """What a reader must know of the labels in the column `group_<attribute>`: see `group_labels`."""
    names, places = numbered(labels)
    rows = np.bincount(places, minlength=len(names)).tolist()
    return label_notes(f"{GROUP}{attribute}", dict(zip(names, rows, strict=True)))


def read_prediction_table(path: Path) -> PredictionTable:
    """Read a CSV file or JSON lines; DataFileError names the first line and column that do not follow the format."""
    frame = _columns(path)
    if frame is not None:
        check_columns(path, frame.columns)
        table = _table(path, frame)
        if table is not None:
            return table
    return _line_by_line(path)


def check_columns(path: Path, columns: Sequence[str]) -> None:
    """DataFileError where a needed column is absent, or one is there twice."""
    twice = [name for name, count in Counter(columns).items() if count > 1]
    problems = [f"the column '{name}' is there twice" for name in twice]
    problems += [] if "truth" in columns else ["no column 'truth'"]
    problems += [] if {"prediction", "score"} & set(columns) else ["neither a column 'prediction' nor 'score'"]
    problems += [] if _attributes(columns) else [f"no group: name a column {GROUP}gender, {GROUP}race or whatever it says"]
    if problems:
        raise DataFileError(f"{path}: {'; '.join(problems)}; its columns are: {', '.join(columns)}")


def _attributes(columns: Sequence[str]) -> list[str]:
    return [name for name in columns if name.startswith(GROUP) and len(name) > len(GROUP)]


def _columns(path: Path) -> pl.DataFrame | None:
    """All columns as text without spaces around them; None where the file cannot be read in this way."""
    try:
        if path.suffix.lower() == ".csv":
            frame = pl.read_csv(path, infer_schema=False)
            if _perhaps_ragged(path, frame):
                return None
        else:
            frame = pl.read_ndjson(path, infer_schema_length=None)
            if _perhaps_repeated(path, frame):
                return None
        return frame.select(pl.all().cast(pl.String).fill_null("").str.strip_chars()) if frame.height else None
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError):
        return None


def _perhaps_ragged(path: Path, frame: pl.DataFrame) -> bool:
    """Whether a row may have fewer fields than the header, or the header a name twice: what polars reads without a word."""
    with path.open("rb") as file:
        names = file.readline().decode("utf-8-sig").strip().split(",")
    if [name.strip('"') for name in names] != frame.columns:
        return True
    return frame[:, -1].null_count() > 0 and path.read_bytes().count(b",") != (frame.width - 1) * (frame.height + 1)


def _perhaps_repeated(path: Path, frame: pl.DataFrame) -> bool:
    """Whether a row may have a name twice, of which polars takes one without a word: more names than values, and JSON says so.

    A null and a colon within a text count as names too; then the line itself is read. Half of a surrogate pair, which polars
    reads as U+0000, is left to the slow reader.
    """
    content = decoded(path.read_bytes(), path)
    if SPELLED_HALF.search(content):
        return True
    text = pl.DataFrame({"text": content.split("\n")})
    lines = text.with_row_index("line", offset=1).filter(pl.col("text").str.strip_chars() != "")
    if lines.height != frame.height:
        return True
    values = frame.select(pl.sum_horizontal(pl.all().is_not_null())).to_series()
    for line, told in lines.filter(lines["text"].str.count_matches(NAME) > values).iter_rows():
        json_of(told, path, line)
    return False


def _table(path: Path, frame: pl.DataFrame) -> PredictionTable | None:
    """The table; None where a value does not follow the format."""
    truth = _bits(frame["truth"])
    score = frame["score"].cast(pl.Float64, strict=False) if "score" in frame.columns else None
    if truth is None or (score is not None and not score.is_between(0.0, 1.0).fill_null(value=False).all()):
        return None
    numbers = None if score is None else score.to_numpy().astype(np.float64)
    said = _bits(frame["prediction"]) if "prediction" in frame.columns else np.asarray(numbers) >= THRESHOLD
    declared = "cluster" in frame.columns
    if said is None or (declared and (frame["cluster"] == "").any()):
        return None
    if "item" in frame.columns and frame["item"].is_duplicated().any():
        return None
    return PredictionTable(
        fingerprint=sha256_of_file(path),
        truth=truth,
        prediction=said,
        score=numbers,
        groups={name.removeprefix(GROUP): _texts(frame[name]) for name in _attributes(frame.columns)},
        cluster=_texts(frame["cluster"]) if declared else np.arange(frame.height).astype(np.str_),
        clusters_declared=declared,
    )


def _texts(column: pl.Series) -> Texts:
    return np.array(column.to_list(), dtype=np.str_)


def _bits(column: pl.Series) -> npt.NDArray[np.bool_] | None:
    found = column.str.to_lowercase().replace_strict(BITS, default=None, return_dtype=pl.Boolean)
    return None if found.null_count() else found.to_numpy().astype(np.bool_)


def _line_by_line(path: Path) -> PredictionTable:
    """The same table, slowly; names the first line that does not follow the format."""
    rows = list(table_rows(path))
    if not rows:
        raise DataFileError(f"{path}: no row in it")
    columns = csv_header(path) if path.suffix.lower() == ".csv" else list(dict.fromkeys(name for _, row in rows for name in row))
    check_columns(path, columns)
    scored, declared = "score" in columns, "cluster" in columns
    score = np.array([_number(path, line, row, "score") for line, row in rows]) if scored else None
    truth = np.array([_bit(path, line, row, "truth") for line, row in rows])
    said = (
        np.array([_bit(path, line, row, "prediction") for line, row in rows])
        if "prediction" in columns
        else np.asarray(score) >= THRESHOLD
    )
    if "item" in columns:
        _items_once(path, rows)
    return PredictionTable(
        fingerprint=sha256_of_file(path),
        truth=truth,
        prediction=said,
        score=score,
        groups={name.removeprefix(GROUP): np.array([_text(row.get(name)) for _, row in rows]) for name in _attributes(columns)},
        cluster=np.array([_cluster(path, line, row) if declared else str(place) for place, (line, row) in enumerate(rows)]),
        clusters_declared=declared,
    )


def csv_header(path: Path) -> list[str]:
    """The names in the first line, a name that is there twice included."""
    return next(csv.reader(text_of(path).splitlines(keepends=True)))


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _items_once(path: Path, rows: Sequence[tuple[int, Mapping[str, object]]]) -> None:
    seen: dict[str, int] = {}
    for line, row in rows:
        item = _text(row.get("item"))
        if item in seen:
            raise DataFileError(f"{path}:{line} item '{item}' is there twice (first in line {seen[item]})")
        seen[item] = line


def _cluster(path: Path, line: int, row: Mapping[str, object]) -> str:
    cluster = _text(row.get("cluster"))
    if not cluster:
        raise DataFileError(f"{path}:{line} cluster is empty; give each row that belongs to no other a name of its own")
    return cluster


def _bit(path: Path, line: int, row: Mapping[str, object], column: str) -> bool:
    value = _text(row.get(column))
    if value.lower() not in BITS:
        raise DataFileError(f"{path}:{line} {column} is '{value}', expected 0 or 1")
    return BITS[value.lower()]


def _number(path: Path, line: int, row: Mapping[str, object], column: str) -> float:
    value = _text(row.get(column))
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not 0.0 <= number <= 1.0:
        raise DataFileError(f"{path}:{line} {column} is '{value}', expected a number from 0 to 1")
    return number
