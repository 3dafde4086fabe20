"""A dossier folder from somebody else, read as data: plain files inside it and nothing else.

Links are not followed, names cannot lead out of the folder, and what is too large to be a dossier's is not read.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow
import pyarrow.parquet

from commonweal.errors import DataFileError, EvidenceFileError
from commonweal.evidence.journal import Item

LARGEST_FILE = 1 << 31
MOST_VALUES = 50_000_000
MOST_TEXT = 1 << 30
PLAIN = re.compile(r"[^/\\\x00-\x1f]{1,255}")


class Folder:
    """The folder of a dossier."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, name: str) -> Path | None:
        """A regular file inside, or None if there is none; DataFileError where the name leads out, is a link or is
        too large.
        """
        path, parts = self.root, name.split("/")
        for part in parts:
            if not PLAIN.fullmatch(part) or part in {".", ".."}:
                raise DataFileError(f"{name!r} is no name of a file inside the dossier")
            path = path / part
            if path.is_symlink():
                raise DataFileError(
                    f"{name}: is a link; a dossier holds its files itself, and nothing outside it is read"
                )
        if not path.is_file():
            return None
        if (size := path.stat().st_size) > LARGEST_FILE:
            raise DataFileError(f"{name}: {size:,} bytes, more than is read ({LARGEST_FILE:,})")
        return path

    def found(self, folder: str, depth: int) -> Iterator[str]:
        """The names of all entries that lie so many folders deep, in order; links and what they lead to are left
        out.
        """
        path = self.root / folder
        if path.is_symlink() or not path.is_dir():
            return
        with os.scandir(path) as entries:
            here = sorted(entries, key=lambda entry: entry.name)
        for entry in here:
            if depth == 0:
                yield f"{folder}/{entry.name}"
            elif entry.is_dir(follow_symlinks=False):
                yield from self.found(f"{folder}/{entry.name}", depth - 1)

    def table(self, name: str) -> list[Item] | None:
        """The rows of a parquet file, or None if there is no such file; DataFileError where it is none or would grow
        beyond reason.
        """
        path = self.file(name)
        if path is None:
            return None
        try:
            described = pyarrow.parquet.read_metadata(path)
            values = sum(
                described.row_group(group).column(column).num_values
                for group in range(described.num_row_groups)
                for column in range(described.num_columns)
            )
            if max(values, described.num_rows) > MOST_VALUES:
                raise DataFileError(f"{name}: {values:,} values, more than is read ({MOST_VALUES:,})")
            frame = pl.read_parquet(path, use_statistics=False)
            if (size := _text_bytes(frame)) > MOST_TEXT:
                raise DataFileError(f"{name}: {size:,} bytes of text, more than is read ({MOST_TEXT:,})")
            return _plain(frame.to_dicts())
        except (
            pyarrow.ArrowException,
            pl.exceptions.PolarsError,
            pl.exceptions.PanicException,
            OSError,
            ValueError,
            OverflowError,
            TypeError,
        ) as error:
            raise DataFileError(f"{name}: not a table of items ({type(error).__name__}: {str(error)[:200]})") from error


PLAIN_TYPES = {
    pl.Null,
    pl.Boolean,
    pl.Int8,
    pl.Int16,
    pl.Int32,
    pl.Int64,
    pl.UInt8,
    pl.UInt16,
    pl.UInt32,
    pl.UInt64,
    pl.Float32,
    pl.Float64,
}


def _text_bytes(frame: pl.DataFrame) -> int:
    """Bytes of all texts, each counted as often as it stands there; ValueError where a column holds what no item
    does.
    """
    total, waiting = 0, frame.get_columns()
    while waiting:
        column = waiting.pop()
        if isinstance(column.dtype, pl.List | pl.Array):
            waiting.append(column.explode())
        elif isinstance(column.dtype, pl.Struct):
            waiting += column.struct.unnest().get_columns()
        elif column.dtype == pl.String:
            total += int(column.str.len_bytes().sum())
        elif column.dtype not in PLAIN_TYPES:
            raise ValueError(f"a column of {column.dtype}")
    return total


def _plain(rows: Sequence[Item]) -> list[Item]:
    """The rows, if each has a key of its own and nothing that JSON does not have; else ValueError."""
    keys = [row.get("key") for row in rows]
    if not all(isinstance(key, str) for key in keys):
        raise ValueError("an item without a key")
    if len(set(keys)) != len(keys):
        raise ValueError("two items with one key")
    for row in rows:
        json.dumps(row, allow_nan=False)
    return list(rows)


def refused(error: Exception) -> str:
    """What could not be read, in one line."""
    return " ".join(str(error).split())


READING = (DataFileError, EvidenceFileError, OSError, ValueError, RecursionError)


def value_of(content: Any, *names: str) -> Any:
    """A value deep in JSON; None where it is not there.

    >>> value_of({"a": {"b": 1}}, "a", "b"), value_of([], "a")
    (1, None)
    """
    for name in names:
        content = content.get(name) if isinstance(content, dict) else None
    return content
