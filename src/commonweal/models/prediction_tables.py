"""Read tables of predictions: what any system said of whom, of any modality and language, as its owner exports it.

Columns: `truth` (0 or 1), `prediction` (0 or 1) or `score` (a probability, 0 to 1) or both, one or more groups
(`group_gender`, `group_race`, …), where rows belong together `cluster` (the person, the document, the site), where each
row should be there once `item`, and where rows stand for more or fewer cases than one, a weight (`sample_weight` and
other names). Rows of a `cluster` are not independent; without the column each row is a cluster of its own. A score
without a prediction predicts 1 from one half upwards. What a group's cell counts as is told in `group_labels`; every
other column is named as not used.

A table is read column by column (10^6 rows in seconds). Where something is wrong, or numbers have decimal commas, it is
read again line by line.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from commonweal.errors import DataFileError
from commonweal.files.cell_text import NOTHING, name_in, names_nothing, one_spelling
from commonweal.files.foreign_text import SPELLED_HALF
from commonweal.files.table_text import (
    COMMA_OR_THOUSAND,
    COMMAS,
    DECIMAL_COMMA,
    POINT_OR_THOUSAND,
    dialect_of,
    is_table,
    names_of,
)
from commonweal.files.text import json_of, text_of
from commonweal.models.file_hashes import sha256_of_file
from commonweal.models.group_labels import read_labels
from commonweal.models.predictions import Array, PredictionTable, Texts
from commonweal.models.table_rows import IGNORED, column_names, table_rows, weight_columns

GROUP = "group_"
THRESHOLD = 0.5
READ = frozenset(("truth", "prediction", "score", "cluster", "item"))
NUMBERS = ("truth", "prediction", "score")
NAME = r'"\s*:'
LONGEST_NOTHING = max(map(len, NOTHING))
DIVIDED = re.compile(r"truth([^\w.-])|([^\w.-])truth")
SECOND_SPELLING = r"[^ -~]|  |^[+-]|^0\d|^\d+\."
BITS = {"0": False, "1": True, "false": False, "true": True}


def read_prediction_table(path: Path) -> PredictionTable:
    """Read a table or JSON lines; DataFileError names the first line and column that do not follow the format."""
    frame = _columns(path)
    if frame is not None:
        check_columns(path, frame.columns)
        table = _table(path, frame)
        if table is not None:
            return table
    return _line_by_line(path)


def check_columns(path: Path, columns: Sequence[str]) -> None:
    """DataFileError where a needed column is absent, one is there twice, or two may be the weights."""
    if len(columns) == 1 and (divided := DIVIDED.search(columns[0])):
        raise DataFileError(
            f"{path}: its first line names one column, '{columns[0]}', which looks like several, divided by "
            f"'{divided[1] or divided[2]}'; {COMMAS}"
        )
    twice = [name for name, count in Counter(columns).items() if count > 1]
    problems = [f"the column '{name}' is there twice" for name in twice if name]
    problems += [] if "truth" in columns else ["no column 'truth'"]
    problems += [] if {"prediction", "score"} & set(columns) else ["neither a column 'prediction' nor 'score'"]
    problems += (
        [] if _attributes(columns) else [f"no group: name a column {GROUP}gender, {GROUP}race or whatever it says"]
    )
    weights = weight_columns(dict.fromkeys(columns))
    if len(weights) > 1:
        problems.append(
            f"{' and '.join(weights)} look like weights; rename those that should not be used to {IGNORED}{weights[-1]}"
        )
    if problems:
        raise DataFileError(f"{path}: {'; '.join(problems)}; its columns are: {', '.join(columns)}")


def _attributes(columns: Sequence[str]) -> list[str]:
    return [name for name in columns if name.startswith(GROUP) and len(name) > len(GROUP)]


def _columns(path: Path) -> pl.DataFrame | None:
    """All columns as text without spaces around them; None where the file cannot be read in this way."""
    text = text_of(path)
    try:
        frame = _frame_of_table(text, path) if is_table(path, text) else _frame_of_lines(text, path)
        if frame is None or not frame.height:
            return None
        return frame.select(pl.all().cast(pl.String).fill_null("").str.strip_chars())
    except (pl.exceptions.PolarsError, OSError, UnicodeError):
        return None


def _frame_of_table(text: str, path: Path) -> pl.DataFrame | None:
    """None where a row may have fewer fields than the header, or the header a name twice: what polars reads without
    a word.
    """
    dialect = dialect_of(text, path)
    body = text[dialect.start :].encode()
    frame = pl.read_csv(io.BytesIO(body), infer_schema=False, separator=dialect.delimiter)
    if frame.columns != list(names_of(text, path)):
        return None
    ragged = body.count(dialect.delimiter.encode()) != (frame.width - 1) * (frame.height + 1)
    if frame[:, -1].null_count() > 0 and ragged:
        return None
    return frame if dialect.delimiter == "," else _with_points(frame)


def _with_points(frame: pl.DataFrame) -> pl.DataFrame | None:
    """Points for decimal commas, as `table_text` has them; None where it is not certain what a cell says."""
    names = [name for name in frame.columns if name in NUMBERS or name in weight_columns(frame.columns)]
    cells = frame.select(pl.col(names).str.strip_chars())
    comma, thousand, point = (f"^(?:{one.pattern})$" for one in (DECIMAL_COMMA, COMMA_OR_THOUSAND, POINT_OR_THOUSAND))
    certain = any(cells[name].str.contains(comma).any() for name in names)
    if any(cells[name].str.contains(point if certain else thousand).any() for name in names):
        return None
    pointed = [
        pl.when(pl.col(name).str.contains(f"{comma}|{thousand}"))
        .then(pl.col(name).str.replace(",", "."))
        .otherwise(pl.col(name))
        for name in names
    ]
    return frame.with_columns(cells.select(pointed))


def _frame_of_lines(text: str, path: Path) -> pl.DataFrame | None:
    frame = pl.read_ndjson(io.BytesIO(text.encode()), infer_schema_length=None)
    return None if _perhaps_repeated(text, path, frame) else frame


def _perhaps_repeated(whole: str, path: Path, frame: pl.DataFrame) -> bool:
    """Whether a row may have a name twice, of which polars takes one without a word: more names than values, and JSON
    says so.

    A null and a colon within a text count as names too; then the line itself is read. Half of a surrogate pair, which
    polars reads as U+0000, is left to the slow reader.
    """
    if SPELLED_HALF.search(whole):
        return True
    text = pl.DataFrame({"text": whole.split("\n")})
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
    score = _within(frame["score"], 1.0) if "score" in frame.columns else None
    said = _bits(frame["prediction"]) if "prediction" in frame.columns else None
    if (
        truth is None
        or (score is None and "score" in frame.columns)
        or (said is None and "prediction" in frame.columns)
    ):
        return None
    weighted_by = next(iter(weight_columns(frame.columns)), "")
    weight = _within(frame[weighted_by], math.inf) if weighted_by else None
    if weighted_by and (weight is None or not weight.any()):
        return None
    declared = "cluster" in frame.columns
    names = [name for name in ("cluster", "item") if name in frame.columns]
    if any(names_nothing(name) for column in names for name in _short(frame[column])):
        return None
    if "item" in frame.columns and _spelled(frame["item"]).is_duplicated().any():
        return None
    groups, notes = _groups({name: frame[name] for name in _attributes(frame.columns)})
    return PredictionTable(
        fingerprint=sha256_of_file(path),
        truth=truth,
        prediction=np.asarray(score) >= THRESHOLD if said is None else said,
        score=score,
        groups=groups,
        cluster=_texts(_spelled(frame["cluster"])) if declared else np.arange(frame.height).astype(np.str_),
        clusters_declared=declared,
        weight=weight,
        weighted_by=weighted_by,
        label_notes=notes,
        unused=_unused(frame.columns),
    )


def _short(column: pl.Series) -> list[str]:
    """The distinct cells that are short enough to be a word for nothing."""
    return column.filter(column.str.len_chars() <= LONGEST_NOTHING).unique().to_list()


def _unused(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that nobody reads, but those without a name and those that say so themselves."""
    used = READ | set(_attributes(columns)) | set(weight_columns(columns))
    return tuple(name for name in columns if name and name not in used and not name.startswith(IGNORED))


def _groups(columns: Mapping[str, pl.Series]) -> tuple[dict[str, Texts], dict[str, tuple[str, ...]]]:
    """The group of each row, by attribute, and what a reader must know of the labels."""
    groups, notes = {}, {}
    for name, column in columns.items():
        counts = column.value_counts().sort(column.name)
        read = read_labels(name, dict(counts.iter_rows()))
        groups[name.removeprefix(GROUP)] = _texts(column.replace_strict(dict(read.counted_as), return_dtype=pl.String))
        notes[name.removeprefix(GROUP)] = read.notes
    return groups, notes


def _spelled(column: pl.Series) -> pl.Series:
    """Names of which each has one spelling."""
    odd = column.filter(column.str.contains(SECOND_SPELLING)).unique().to_list()
    return column.replace({name: one_spelling(name) for name in odd}) if odd else column


def _texts(column: pl.Series) -> Texts:
    return np.array(column.to_list(), dtype=np.str_)


def _within(column: pl.Series, most: float) -> Array | None:
    """Numbers from 0 to `most`; None where one is not."""
    found = column.cast(pl.Float64, strict=False)
    good = found.is_finite() & (found >= 0.0) & (found <= most)
    return found.to_numpy().astype(np.float64) if good.fill_null(value=False).all() else None


def _bits(column: pl.Series) -> npt.NDArray[np.bool_] | None:
    spelled = {text: one_spelling(text).lower() for text in column.unique().to_list()}
    found = column.replace_strict({text: BITS.get(word) for text, word in spelled.items()}, return_dtype=pl.Boolean)
    return None if found.null_count() else found.to_numpy().astype(np.bool_)


def _line_by_line(path: Path) -> PredictionTable:
    """The same table, slowly; names the first line that does not follow the format."""
    columns = column_names(path, rows := list(table_rows(path, NUMBERS)))
    weights = weight_columns(dict.fromkeys(columns))
    if weights and rows:
        rows = list(table_rows(path, (*NUMBERS, weights[0])))
    if not rows:
        raise DataFileError(f"{path}: no row in it")
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
    groups, notes = _groups(
        {name: pl.Series(name, [_text(row.get(name)) for _, row in rows]) for name in _attributes(columns)}
    )
    return PredictionTable(
        fingerprint=sha256_of_file(path),
        truth=truth,
        prediction=said,
        score=score,
        groups=groups,
        cluster=np.array(
            [_cluster(path, line, row) if declared else str(place) for place, (line, row) in enumerate(rows)]
        ),
        clusters_declared=declared,
        weight=_weights(path, rows, weights[0]) if weights else None,
        weighted_by=weights[0] if weights else "",
        label_notes=notes,
        unused=_unused(columns),
    )


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _weights(path: Path, rows: Sequence[tuple[int, Mapping[str, object]]], column: str) -> Array:
    weights = np.array([_number(path, line, row, column, math.inf) for line, row in rows])
    if not weights.any():
        raise DataFileError(
            f"{path}: all weights in '{column}' are 0, so no row counts; rename it to {IGNORED}{column} if every row "
            "should count once"
        )
    return weights


def _items_once(path: Path, rows: Sequence[tuple[int, Mapping[str, object]]]) -> None:
    seen: dict[str, tuple[str, int]] = {}
    for line, row in rows:
        item = item_name(path, line, row)
        written, first = seen.setdefault(one_spelling(item), (item, line))
        if first != line:
            as_first = "" if written == item else f" as '{written}'"
            raise DataFileError(f"{path}:{line} item '{item}' is there twice (first in line {first}{as_first})")


def item_name(path: Path, line: int, row: Mapping[str, object]) -> str:
    """The item of a row; DataFileError where it names nothing."""
    if (item := name_in(_text(row.get("item")))) is None:
        written = _text(row.get("item"))
        is_what = f"item is '{written}', which names nothing" if written else "item is empty"
        raise DataFileError(f"{path}:{line} {is_what}; give each row a name of its own, or leave out the column")
    return item


def _cluster(path: Path, line: int, row: Mapping[str, object]) -> str:
    if (cluster := name_in(_text(row.get("cluster")))) is None:
        written = _text(row.get("cluster"))
        is_what = f"cluster is '{written}', which names nothing" if written else "cluster is empty"
        raise DataFileError(f"{path}:{line} {is_what}; give each row that belongs to no other a name of its own")
    return one_spelling(cluster)


def _bit(path: Path, line: int, row: Mapping[str, object], column: str) -> bool:
    value = _text(row.get(column))
    if (word := one_spelling(value).lower()) not in BITS:
        raise DataFileError(f"{path}:{line} {column} is '{value}', expected 0 or 1")
    return BITS[word]


def _number(path: Path, line: int, row: Mapping[str, object], column: str, most: float = 1.0) -> float:
    value = _text(row.get(column))
    try:
        number = math.nan if "_" in value else float(value)
    except ValueError:
        number = math.nan
    if not (0.0 <= number <= most and math.isfinite(number)):
        wanted = (
            f"a number from 0 to {most:g}"
            if math.isfinite(most)
            else f"a number of at least 0 (or rename the column to {IGNORED}{column})"
        )
        comma = "; write it with a point, not a comma" if "," in value else ""
        raise DataFileError(f"{path}:{line} {column} is '{value}', expected {wanted}{comma}")
    return number
