"""Read tables of predictions: what any system said of whom, of any modality and language, as its owner exports it.

Columns, under these names or mapped (`PredictionColumns`): `truth` (0 or 1), `prediction` (0 or 1) or `score` (a
probability, 0 to 1) or both, one or more groups (`group_gender`, `group_race`, …), where rows belong together `cluster`
(the person, the document, the site), where each row should be there once `item`, and where rows stand for more or fewer
cases than one, a weight (`sample_weight` and other names). Rows of a `cluster` are not independent; without the column
each row is a cluster of its own. A score without a prediction predicts 1 from one half upwards. What a group's cell
counts as is told in `group_labels`; every other column is named as not used.

A truth that is not known is left open, row by row or as a whole. Truth and prediction that are both measured numbers (a
price, a grade) are amounts; whole numbers of few kinds may be classes, and are refused with how to mend it.

A table is read column by column (10^6 rows in seconds). Where something is wrong, or numbers have decimal commas, it is
read again line by line.
"""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from commonweal.errors import DataFileError
from commonweal.evidence.store import digest
from commonweal.files.cell_text import NOTHING, name_in, names_nothing, one_spelling
from commonweal.files.foreign_text import SPELLED_HALF
from commonweal.files.table_text import (
    COMMA_OR_THOUSAND,
    DECIMAL_COMMA,
    POINT_OR_THOUSAND,
    dialect_of,
    is_table,
    names_of,
)
from commonweal.files.text import json_of, text_of
from commonweal.models.column_map import ColumnMap, Source, column_map
from commonweal.models.file_hashes import sha256_of_file
from commonweal.models.group_labels import read_labels
from commonweal.models.predictions import Amounts, Array, Bits, PredictionTable, Texts
from commonweal.models.table_rows import IGNORED, column_names, table_rows, weight_columns
from commonweal.system.prediction_columns import NO_COLUMNS, PredictionColumns
from commonweal.system.wording import did_you_mean

THRESHOLD = 0.5
NUMBERS = ("truth", "prediction", "score")
NAME = r'"\s*:'
LONGEST_NOTHING = max(map(len, NOTHING))
SECOND_SPELLING = r"[^ -~]|  |^[+-]|^0\d|^\d+\."
BITS = {"0": False, "1": True, "false": False, "true": True}
MOST_CLASSES = 20  # a choice: whole numbers of more kinds than this are amounts, of fewer they may be names of classes


class _BadCell(Exception):
    """A cell that cannot be read: its row, and what is wrong with it."""

    def __init__(self, row: int, words: str) -> None:
        super().__init__(row, words)
        self.row, self.words = row, words


@dataclass(frozen=True, slots=True)
class _Cells:
    """All cells of a table, as text without spaces around them, and what its columns hold."""

    path: Path
    frame: pl.DataFrame
    columns: ColumnMap


def read_prediction_table(path: Path, asked: PredictionColumns = NO_COLUMNS) -> PredictionTable:
    """Read a table or JSON lines; DataFileError names the first line and column that do not follow the format.

    `asked`: which columns hold what, and the reference groups.
    """
    frame = _columns(path, asked)
    if frame is not None:
        try:
            return _table(_Cells(path, frame, column_map(path, frame.columns, asked)), asked)
        except _BadCell:
            pass
    return _line_by_line(path, asked)


def _number_columns(columns: Collection[str], asked: PredictionColumns) -> frozenset[str]:
    """The columns that hold numbers, as far as their names tell before it is known whether they are there."""
    named = (asked.truth, asked.prediction, asked.score, asked.weight)
    mapped = (name for name in columns if any(one is not None and one.startswith(name) for one in named))
    return frozenset((*(name for name in columns if name in NUMBERS), *weight_columns(columns), *mapped))


def _columns(path: Path, asked: PredictionColumns) -> pl.DataFrame | None:
    """All columns as text without spaces around them; None where the file cannot be read in this way."""
    text = text_of(path)
    try:
        frame = _frame_of_table(text, path, asked) if is_table(path, text) else _frame_of_lines(text, path)
        if frame is None or not frame.height:
            return None
        return frame.select(pl.all().cast(pl.String).fill_null("").str.strip_chars())
    except (pl.exceptions.PolarsError, OSError, UnicodeError):
        return None


def _frame_of_table(text: str, path: Path, asked: PredictionColumns) -> pl.DataFrame | None:
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
    return frame if dialect.delimiter == "," else _with_points(frame, _number_columns(frame.columns, asked))


def _with_points(frame: pl.DataFrame, numbers: Collection[str]) -> pl.DataFrame | None:
    """Points for decimal commas, as `table_text` has them; None where it is not certain what a cell says."""
    names = [name for name in frame.columns if name in numbers]
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


def _table(cells: _Cells, asked: PredictionColumns) -> PredictionTable:
    """The table; _BadCell where a value does not follow the format."""
    frame, columns = cells.frame, cells.columns
    outcomes = _outcomes(cells)
    weight = None if columns.weight is None else _weights(cells, columns.weight)
    cluster = None if columns.cluster is None else _named_cells(cells, columns.cluster)
    if columns.item is not None:
        _once(frame[columns.item], _named_cells(cells, columns.item))
    groups, notes = _groups({name: (column, frame[column]) for name, column in columns.groups.items()})
    return PredictionTable(
        fingerprint=_fingerprint(cells.path, asked),
        truth=outcomes.truth,
        prediction=outcomes.prediction,
        score=outcomes.score,
        groups=groups,
        cluster=np.arange(frame.height).astype(np.str_) if cluster is None else _texts(cluster),
        clusters_declared=cluster is not None,
        weight=weight,
        weighted_by=columns.weight or "",
        label_notes=notes,
        unused=_unused(frame.columns, columns),
        known=outcomes.known,
        amounts=outcomes.amounts,
        is_probability=outcomes.is_probability,
        references=_references(cells.path, groups, asked),
        notes=outcomes.notes,
    )


def _fingerprint(path: Path, asked: PredictionColumns) -> str:
    """Of the file, and of how its columns were read, where they were mapped: other columns are another table."""
    of_file = sha256_of_file(path)
    return of_file if asked == NO_COLUMNS else digest(of_file, asked.model_dump(mode="json"))


def _references(path: Path, groups: Mapping[str, Texts], asked: PredictionColumns) -> dict[str, str]:
    """The reference groups that were declared, by the spelling that the table counts them under."""
    found = {}
    for attribute, group in asked.reference.items():
        labels = np.unique(groups[attribute]).tolist()
        same = [label for label in labels if label and one_spelling(label) == one_spelling(group)]
        if not same:
            there = [label for label in labels if label]
            raise DataFileError(
                f"{path}: the reference group of {attribute} is '{group}', which no row has; its groups are: "
                f"{', '.join(there) or 'none'}{did_you_mean(group, there)}"
            )
        found[attribute] = same[0]
    return found


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """What was true and what was predicted, as far as the table says."""

    truth: Bits | None = None
    prediction: Bits | None = None
    score: Array | None = None
    known: Bits | None = None
    amounts: Amounts | None = None
    is_probability: bool = True
    notes: tuple[str, ...] = ()


def _outcomes(cells: _Cells) -> _Outcomes:
    """Truth, prediction and score: bits, amounts, or a score alone."""
    columns = cells.columns
    known = None if columns.truth is None else ~_empty(cells.frame[columns.truth.column])
    score, is_probability = _score(cells)
    notes = [f"{name} is {source.words}" for name, source in _renamed(columns)]
    if known is not None and not known.all():
        notes.append(
            f"{int((~known).sum()):,} of {known.size:,} rows have no {_called(columns.truth)}: they are left out of "
            "what needs it, and count in selection rates"
        )
    if (amounts := _amounts(cells, known)) is not None:
        return _Outcomes(score=score, known=known, amounts=amounts, is_probability=is_probability, notes=tuple(notes))
    truth = None
    if columns.truth is not None and known is not None and known.any():
        truth = _bits(cells, columns.truth, known)
    prediction = None
    if columns.prediction is not None:
        prediction = _bits(cells, columns.prediction, np.ones(cells.frame.height, dtype=np.bool_))
    elif score is not None and is_probability:
        prediction = score >= THRESHOLD
    return _Outcomes(truth, prediction, score, known if truth is not None else None, None, is_probability, tuple(notes))


def _called(source: Source | None) -> str:
    return "truth" if source is None or source.column == "truth" else f"truth ({source.words})"


def _renamed(columns: ColumnMap) -> list[tuple[str, Source]]:
    """What is read from a column of another name, or by a comparison."""
    named = [("truth", columns.truth), ("prediction", columns.prediction)]
    named += [("score", Source(columns.score))] if columns.score else []
    return [(name, source) for name, source in named if source is not None and source.words != name]


def _empty(column: pl.Series) -> Bits:
    """Which cells name nothing, bool (row,)."""
    words = [text for text in _short(column) if names_nothing(text)]
    return np.asarray(column.is_in(words).to_numpy(), dtype=np.bool_) if words else np.zeros(column.len(), np.bool_)


def _score(cells: _Cells) -> tuple[Array | None, bool]:
    """The score, and whether it is a probability; one that was mapped may be on a scale of its own."""
    if cells.columns.score is None:
        return None, True
    column = cells.columns.score
    if not cells.columns.chosen_score:
        return _within(cells, column, 0.0, 1.0), True
    score = _within(cells, column, -math.inf, math.inf)
    return score, bool(np.all((score >= 0.0) & (score <= 1.0)))


def _amounts(cells: _Cells, known: Bits | None) -> Amounts | None:
    """Truth and prediction as measured numbers; None where they are bits, or one of them is no number."""
    truth, said = cells.columns.truth, cells.columns.prediction
    if truth is None or said is None or truth.threshold or said.threshold or known is None or not known.any():
        return None
    numbers = [_floats(cells.frame[one.column]) for one in (truth, said)]
    of_truth, of_prediction = numbers
    if np.isnan(of_truth[known]).any() or np.isnan(of_prediction).any():
        return None
    if any(bool(np.isin(values, (0.0, 1.0)).all()) for values in (of_truth[known], of_prediction)):
        return None
    measured = any(
        bool((values != np.round(values)).any()) or np.unique(values).size > MOST_CLASSES
        for values in (of_truth[known], of_prediction)
    )
    return Amounts(np.where(known, of_truth, 0.0), of_prediction) if measured else None


def _floats(column: pl.Series) -> Array:
    """Finite numbers, nan where a cell holds none."""
    found = column.cast(pl.Float64, strict=False)
    found = pl.select(pl.when(found.is_finite()).then(found).otherwise(None)).to_series()
    return found.fill_null(math.nan).to_numpy().astype(np.float64)


def _bits(cells: _Cells, source: Source, wanted: Bits) -> Bits:
    """What is read as 0 or 1 in the rows that are wanted, False in the others."""
    column = cells.frame[source.column]
    if source.threshold is not None:
        numbers = _within(cells, source.column, -math.inf, math.inf, wanted, f", since it is asked for {source.words}")
        return np.asarray(source.threshold.holds(numbers), dtype=np.bool_) & wanted
    spelled = {text: BITS.get(one_spelling(text).lower()) for text in column.unique().to_list()}
    found = column.replace_strict(spelled, return_dtype=pl.Boolean)
    bad = np.flatnonzero(found.is_null().to_numpy() & wanted)
    if bad.size:
        text = column[int(bad[0])]
        mend = f"; numbers become 0 or 1 by a comparison, such as {source.column}>={text}" if _is_number(text) else ""
        raise _BadCell(int(bad[0]), f"{source.column} is '{text}', expected 0 or 1{mend}")
    return found.fill_null(value=False).to_numpy().astype(np.bool_) & wanted


def _is_number(text: str) -> bool:
    try:
        return "_" not in text and math.isfinite(float(text))
    except ValueError:
        return False


def _within(cells: _Cells, name: str, least: float, most: float, wanted: Bits | None = None, why: str = "") -> Array:
    """Numbers from `least` to `most`; _BadCell at the first that is not, among the rows that are wanted."""
    column = cells.frame[name]
    found = _floats(column)
    good = (found >= least) & (found <= most) & ~column.str.contains("_", literal=True).to_numpy()
    bad = np.flatnonzero(~good if wanted is None else ~good & wanted)
    if not bad.size:
        return found
    value = column[int(bad[0])]
    wanted_words = (
        f"a number from {least:g} to {most:g}"
        if math.isfinite(most)
        else f"a number of at least 0 (or rename the column to {IGNORED}{name})"
        if math.isfinite(least)
        else f"a number{why}"
    )
    comma = "; write it with a point, not a comma" if "," in value else ""
    raise _BadCell(int(bad[0]), f"{name} is '{value}', expected {wanted_words}{comma}")


def _weights(cells: _Cells, name: str) -> Array:
    weights = _within(cells, name, 0.0, math.inf)
    if not weights.any():
        raise DataFileError(
            f"{cells.path}: all weights in '{name}' are 0, so no row counts; rename it to {IGNORED}{name} if every row "
            "should count once"
        )
    return weights


def _named_cells(cells: _Cells, name: str) -> pl.Series:
    """Names of which each has one spelling; _BadCell at the first cell that names nothing."""
    column = cells.frame[name]
    bad = np.flatnonzero(_empty(column))
    if bad.size:
        is_what, mend = _nameless(name, column[int(bad[0])])
        raise _BadCell(int(bad[0]), f"{is_what}; {mend}")
    return _spelled(column)


def _nameless(name: str, written: str) -> tuple[str, str]:
    mend = (
        "give each row that belongs to no other a name of its own"
        if name != "item"
        else "give each row a name of its own, or leave out the column"
    )
    return f"{name} is '{written}', which names nothing" if written else f"{name} is empty", mend


def _once(column: pl.Series, spelled: pl.Series) -> None:
    """_BadCell at the first name that is there a second time."""
    seen: dict[str, int] = {}
    if not spelled.is_duplicated().any():
        return
    for row, name in enumerate(spelled.to_list()):
        if (first := seen.setdefault(name, row)) != row:
            raise _TwiceNamed(row, first, column.name, column[row], column[first])


class _TwiceNamed(_BadCell):
    """A name that a row before has already."""

    def __init__(self, row: int, first: int, column: str, written: str, before: str) -> None:
        super().__init__(row, f"{column} '{written}' is there twice")
        self.first, self.as_first = first, "" if written == before else f" as '{before}'"


def _short(column: pl.Series) -> list[str]:
    """The distinct cells that are short enough to be a word for nothing."""
    return column.filter(column.str.len_chars() <= LONGEST_NOTHING).unique().to_list()


def _unused(names: Sequence[str], columns: ColumnMap) -> tuple[str, ...]:
    """The columns that nobody reads, but those without a name and those that say so themselves."""
    return tuple(name for name in names if name and name not in columns.used and not name.startswith(IGNORED))


def _groups(columns: Mapping[str, tuple[str, pl.Series]]) -> tuple[dict[str, Texts], dict[str, tuple[str, ...]]]:
    """The group of each row, by attribute, and what a reader must know of the labels."""
    groups, notes = {}, {}
    for attribute, (name, column) in columns.items():
        counts = column.value_counts().sort(column.name)
        read = read_labels(name, dict(counts.iter_rows()))
        groups[attribute] = _texts(column.replace_strict(dict(read.counted_as), return_dtype=pl.String))
        notes[attribute] = read.notes
    return groups, notes


def _spelled(column: pl.Series) -> pl.Series:
    """Names of which each has one spelling."""
    odd = column.filter(column.str.contains(SECOND_SPELLING)).unique().to_list()
    return column.replace({name: one_spelling(name) for name in odd}) if odd else column


def _texts(column: pl.Series) -> Texts:
    return np.array(column.to_list(), dtype=np.str_)


def _line_by_line(path: Path, asked: PredictionColumns) -> PredictionTable:
    """The same table, slowly; names the first line that does not follow the format."""
    names = column_names(path, rows := list(table_rows(path, NUMBERS)))
    if not rows:
        raise DataFileError(f"{path}: no row in it")
    columns = column_map(path, names, asked)
    rows = list(table_rows(path, columns.numbers))
    frame = pl.DataFrame(
        {name: [_text(row.get(name)) for _, row in rows] for name in names}, schema=dict.fromkeys(names, pl.String)
    )
    lines = [line for line, _ in rows]
    try:
        return _table(_Cells(path, frame, columns), asked)
    except _TwiceNamed as fault:
        first = f" (first in line {lines[fault.first]}{fault.as_first})"
        raise DataFileError(f"{path}:{lines[fault.row]} {fault.words}{first}") from None
    except _BadCell as fault:
        raise DataFileError(f"{path}:{lines[fault.row]} {fault.words}") from None


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def item_name(path: Path, line: int, row: Mapping[str, object], column: str = "item") -> str:
    """The item of a row; DataFileError where it names nothing."""
    if (item := name_in(_text(row.get(column)))) is None:
        is_what, mend = _nameless(column, _text(row.get(column)))
        raise DataFileError(f"{path}:{line} {is_what}; {mend}")
    return item
