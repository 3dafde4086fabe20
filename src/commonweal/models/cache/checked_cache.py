"""What was computed or answered once, in a file of the user's cache, safe with several processes.

SQLite keeps the processes apart. Each value carries a checksum over its key and itself, so that a write that was torn,
or a bit that flipped, is a miss and never a value.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar, cast

CHECK_BYTES = 4
PATIENCE_S = 60.0
AT_ONCE = 500
BROKEN = ("malformed", "not a database", "disk image", "file is encrypted")
BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
PAUSE_S = 0.02
Value = TypeVar("Value")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Format(Generic[Value]):
    """How a value becomes bytes and back; None: it is not to be kept, or the bytes are no such value."""

    pack: Callable[[Value], bytes | None]
    unpack: Callable[[bytes], Value | None]


class CheckedCache(Generic[Value]):
    """Values by key. `lost` tells why nothing more is written, where the disk is full or the file cannot be used."""

    def __init__(self, path: Path, table: str, form: Format[Value]) -> None:
        self.path = path
        self.lost: str | None = None
        self._table, self._form = table, form
        self._file: sqlite3.Connection | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _patiently(self._opened)
        except (OSError, sqlite3.Error) as error:
            self.lost = str(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def _opened(self) -> sqlite3.Connection:
        """The file, or a new one where the old one is damaged beyond reading (it is put aside, not deleted)."""
        for attempt in range(2):
            file = sqlite3.connect(self.path, timeout=PATIENCE_S, isolation_level=None)
            try:
                file.execute("PRAGMA journal_mode=WAL")
                file.execute("PRAGMA synchronous=NORMAL")
                columns = "(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
                file.execute(f"CREATE TABLE IF NOT EXISTS {self._table} {columns}")
                return file
            except sqlite3.DatabaseError as error:
                file.close()
                if attempt or not any(sign in str(error) for sign in BROKEN):
                    raise
                self._put_aside()
        raise AssertionError("unreachable")

    def _put_aside(self) -> None:
        """Move the file with its log and index: a log left behind would be replayed into the new file."""
        for ending in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + ending)
            if part.exists():
                part.replace(self.path.with_name(f"{self.path.stem}.damaged{ending}"))

    def known(self, keys: Sequence[bytes]) -> dict[bytes, Value]:
        """The values that are stored whole, by key."""
        values: dict[bytes, Value] = {}
        for start in range(0, len(keys) if self._file else 0, AT_ONCE):
            part = keys[start : start + AT_ONCE]
            marks = ",".join("?" * len(part))
            for key, stored in self._rows(f"SELECT key, value FROM {self._table} WHERE key IN ({marks})", part):
                body = stored[:-CHECK_BYTES]
                value = self._form.unpack(body) if stored[-CHECK_BYTES:] == _check(key, body) else None
                if value is not None:
                    values[key] = value
        return values

    def _rows(self, query: str, keys: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        try:
            return _patiently(lambda: self._read(query, keys))
        except sqlite3.Error as error:
            self._fail(error)
            return []

    def _fail(self, error: sqlite3.Error) -> None:
        """What is damaged beyond reading is put aside, so that the next run begins a new file; nothing more is
        written in this one.
        """
        self.lost = f"{self.path}: {error}"
        if any(sign in str(error) for sign in BROKEN):
            self.lost += "; it is damaged, and put aside"
            with suppress(OSError):
                self._put_aside()

    def _read(self, query: str, keys: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        with closing(cast(sqlite3.Connection, self._file).execute(query, keys)) as rows:
            return rows.fetchall()

    def keep(self, values: Mapping[bytes, Value]) -> None:
        """Store values, all or none of them. Where that fails, the values stay right and are only not kept."""
        if self._file is None or self.lost is not None:
            return
        packed = ((key, self._form.pack(value)) for key, value in values.items())
        rows = [(key, body + _check(key, body)) for key, body in packed if body is not None]
        try:
            _patiently(lambda: self._written(rows))
        except sqlite3.Error as error:
            self._fail(error)

    def _written(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        file = cast(sqlite3.Connection, self._file)
        try:
            file.execute("BEGIN IMMEDIATE")
            file.executemany(f"INSERT OR REPLACE INTO {self._table} VALUES (?, ?)", rows)
            file.execute("COMMIT")
        finally:
            if file.in_transaction:
                file.execute("ROLLBACK")


def _patiently(action: Callable[[], Result]) -> Result:
    """What `action` returns, tried again while another process holds the file.

    SQLite's own waiting does not cover everything: where two processes make the same file at once, the one that comes
    second to the change to WAL is told "database is locked" without any wait (https://sqlite.org/rescode.html#busy).
    """
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in BUSY_CODES or time.monotonic() > end:
                raise
        time.sleep(PAUSE_S * random.random())


def _check(key: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(key + body, digest_size=CHECK_BYTES).digest()
