"""Tables as text, in the dialects that programs write: columns divided by a comma, a semicolon, a tab or a bar.

A dialect is read where it is certain, else it is named with how to mend it:

- The first line, after empty ones and Excel's `sep=;`, holds the names. What divides it is what divides the rows. Where
  several marks might, it is the one by which all rows have as many fields as the names; a comma goes first.
- Delimiters at the end of lines hold no column, and a line of delimiters alone holds no row: spreadsheets write both.
- A number may have a decimal comma where columns are not divided by commas and one of them can be nothing else (0,73;
  12,5). Whether 1,234 is a thousand is never guessed, nor is a decimal comma within a table that is divided by commas.

What this module does not do: it knows no column. A name that is there twice, or is not there, is for the reader of the
table to tell.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from commonweal.errors import CommonwealError, DataFileError

DELIMITERS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'"}
SUFFIXES = frozenset((".csv", ".tsv", ".tab"))
SUFFIXES_OF_LINES = frozenset((".jsonl", ".ndjson", ".json"))
DECLARED = re.compile(r'"?sep=([,;\t|])"?[,;\t|]*', re.IGNORECASE)
COMMAS = "save it as 'CSV UTF-8', with commas between columns and points in numbers"
EXPONENT = r"(?:[eE][+-]?\d+)?"
DECIMAL_COMMA = re.compile(rf"[+-]?(?:0*,\d+|0\d*,\d+|\d{{4,}},\d+|\d+,(?:\d{{1,2}}|\d{{4,}})){EXPONENT}", re.ASCII)
COMMA_OR_THOUSAND = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
POINT_OR_THOUSAND = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
Fault = type[CommonwealError]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What divides the columns, and where in the text, and in which line, the names begin."""

    delimiter: str
    start: int
    line: int

    @property
    def mend(self) -> str:
        """What to do where a row or a number cannot be read; "" where commas divide the columns, as they should."""
        return f"; its columns are divided by {DELIMITERS[self.delimiter]}: {COMMAS}" if self.delimiter != "," else ""


@dataclass(frozen=True, slots=True)
class Table:
    """The names of the columns, and the rows with their lines; a row may have more or fewer fields than there are
    names.
    """

    path: Path
    dialect: Dialect
    names: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]

    def whole_rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Each row by its names; DataFileError where it has not as many fields as there are."""
        for line, fields in self.rows:
            if len(fields) != len(self.names):
                raise DataFileError(
                    f"{self.path}:{line} has not as many fields as the header: {len(fields)}, expected "
                    f"{len(self.names)}{self.dialect.mend}"
                )
            yield line, dict(zip(self.names, fields, strict=True))


def is_table(path: Path, text: str) -> bool:
    """Whether a file is a table rather than JSON lines: by the end of its name, else by how it begins.

    >>> is_table(Path("a.tsv"), "{"), is_table(Path("a.jsonl"), "a;b"), is_table(Path("a.txt"),
    ...     "a;b"), is_table(Path("a.txt"), '{"a": 1}')
    (True, False, True, False)
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES | SUFFIXES_OF_LINES:
        return suffix in SUFFIXES
    first = text.lstrip().split("\n", 1)[0]
    return not first.startswith(("{", "[")) and any(one in first for one in DELIMITERS)


def read_table(text: str, path: Path, numbers: Collection[str] = (), fault: Fault = DataFileError) -> Table:
    """A table in the dialect that it is written in, with points in the columns that are `numbers`.

    Raises
    ------
    DataFileError (or `fault`)
        It is not certain what divides the columns, or what a number says; a quote is opened and never closed.

    >>> read_table("sep=;\\ntruth;score;\\n1;0,73;\\n;;\\n", Path("t.csv"), ["score"]).rows
    ((3, ['1', '0.73']),)
    """
    dialect = dialect_of(text, path, fault)
    records = _records(text, dialect, path, fault)
    names = _names(records)
    rows = tuple((line, kept) for line, fields in records if (kept := _without_end(fields, len(names))))
    table = Table(path, dialect, names, rows)
    if dialect.delimiter != ",":
        _write_points(table, numbers, fault)
    return table


def names_of(text: str, path: Path) -> tuple[str, ...]:
    """The names of the columns, a name that is there twice included."""
    return _names(_records(text, dialect_of(text, path), path, DataFileError))


def _names(records: Iterator[tuple[int, list[str]]]) -> tuple[str, ...]:
    """The first record, without spaces around names and without empty ones at its end."""
    header = [name.strip() for name in next(records, (0, []))[1]]
    while len(header) > 1 and not header[-1]:
        del header[-1]
    return tuple(header)


def dialect_of(text: str, path: Path, fault: Fault = DataFileError) -> Dialect:
    """What divides the columns of a table.

    >>> dialect_of("\\ntruth;score\\n1;0,5\\n", Path("t.csv"))
    Dialect(delimiter=';', start=1, line=2)
    """
    start, line = _after_empty(text, 0, 1)
    if text.startswith(('{"', "[{"), start):
        raise fault(
            f"{path}:{line} holds JSON, though its name says that it is a table; let it end in .jsonl, with an object "
            "in each line"
        )
    declared = DECLARED.fullmatch(text, start, _line_end(text, start))
    if declared is not None:
        start, line = _after_empty(text, _line_end(text, start) + 1, line + 1)
        return Dialect(declared[1], start, line)
    possible = [Dialect(mark, start, line) for mark in DELIMITERS if mark in text[start : _line_end(text, start)]]
    possible = [dialect for dialect in possible if len(_names(_records(text, dialect, path, fault))) > 1]
    if len(possible) < 2:
        return possible[0] if possible else Dialect(",", start, line)
    even = [dialect for dialect in possible if _is_even(_records(text, dialect, path, fault))] or possible
    if len(even) == 1 or even[0].delimiter == ",":
        return even[0]
    marks = " or ".join(DELIMITERS[dialect.delimiter] for dialect in even)
    raise fault(f"{path}:{line} its columns may be divided by {marks}; expected one mark in all lines; {COMMAS}")


def _after_empty(text: str, start: int, line: int) -> tuple[int, int]:
    """The first place from `start` where a line is not empty, and its number."""
    while start < len(text) and not text[start : (end := _line_end(text, start))].strip(" \t\u00a0"):
        start, line = end + 1, line + 1
    return min(start, len(text)), line


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _lines(text: str, start: int) -> Iterator[str]:
    while start < len(text):
        end = _line_end(text, start) + 1
        yield text[start:end]
        start = end


def _records(text: str, dialect: Dialect, path: Path, fault: Fault) -> Iterator[tuple[int, list[str]]]:
    return _parsed(_lines(text, dialect.start), dialect, path, fault)


def _parsed(lines: Iterable[str], dialect: Dialect, path: Path, fault: Fault) -> Iterator[tuple[int, list[str]]]:
    """Fields of each record, with the line that it ends in."""
    reader = csv.reader(lines, delimiter=dialect.delimiter)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            at = reader.line_num + dialect.line - 1
            raise fault(
                f"{path}:{at} is no row of a table ({error}); look for a quote that is opened and never closed"
            ) from error
        yield reader.line_num + dialect.line - 1, fields


def _without_end(fields: list[str], width: int) -> list[str]:
    """The fields without empty ones beyond the names; none for a line that holds nothing."""
    if len(fields) > 1 and not any(field.strip() for field in fields):
        return []
    return fields[:width] if len(fields) > width and not any(field.strip() for field in fields[width:]) else fields


def _is_even(records: Iterator[tuple[int, list[str]]]) -> bool:
    """Whether all rows have as many fields as there are names."""
    width = len(_names(records))
    return all(len(kept) == width for _, fields in records if (kept := _without_end(fields, width)))


def _write_points(table: Table, numbers: Collection[str], fault: Fault) -> None:
    """Points for decimal commas in the columns of numbers, in place; `fault` where a cell may be a thousand as well."""
    columns = [column for column, name in enumerate(table.names) if name in numbers]
    cells = [(line, fields, column) for line, fields in table.rows for column in columns if column < len(fields)]
    certain = any(DECIMAL_COMMA.fullmatch(fields[column].strip()) for _, fields, column in cells)
    unsure = POINT_OR_THOUSAND if certain else COMMA_OR_THOUSAND
    for line, fields, column in cells:
        cell = fields[column].strip()
        if unsure.fullmatch(cell):
            raise fault(
                f"{table.path}:{line} {table.names[column]} is '{cell}', which may be a thousand or a fraction"
                f"{table.dialect.mend}"
            )
        if DECIMAL_COMMA.fullmatch(cell) or COMMA_OR_THOUSAND.fullmatch(cell):
            fields[column] = cell.replace(",", ".")
