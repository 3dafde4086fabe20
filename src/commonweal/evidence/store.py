"""The evidence store: an append-only file of rows, and one journal of item outcomes per measure and subject.

A journal is JSON lines while a measure runs, each line flushed as it comes, and parquet once it is done. A line that
was cut off by a kill or a full disk is noticed and dropped; everything before it is kept. Runs with another limit, seed or
design share a journal; which items one of them asked stands beside it, in `runs/`. Two runs never write to one folder at
the same time.

What this module does not do: it never decides what to measure and never computes a statistic.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

import polars as pl
from pydantic import ValidationError

from commonweal.errors import EvidenceFileError, OutputError
from commonweal.evidence.records import Evidence

Item = dict[str, Any]
COMPRESSION: Literal["zstd"] = "zstd"
RUNS = "runs"


def digest(*parts: object) -> str:
    """A short hash of anything that can be written as JSON; equal parts give equal hashes on every machine.

    >>> digest("a", {"b": 1, "c": 2}) == digest("a", {"c": 2, "b": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written into an OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OutputError(
                f"{path}: the disk is full. Everything measured so far is kept; free some space and run the same command again"
            ) from error
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}). Choose another folder with --out") from error


def complete_lines(path: Path) -> list[bytes]:
    """The lines of a journal that were written whole. A last line without its newline was cut off, and is left out."""
    if not path.exists():
        return []
    return [line for line in path.read_bytes().split(b"\n")[:-1] if line]


class Journal:
    """The outcomes of one measure's items on one subject, by item key; `asked`: the keys that this run has asked for.

    >>> import tempfile
    >>> with Journal(Path(tempfile.mkdtemp()) / "k") as journal:
    ...     journal.append([{"key": "a", "score": 1.5}])
    ...     "a" in journal, journal["a"]["score"]
    (True, 1.5)
    """

    def __init__(self, stem: Path) -> None:
        self.lines_path = stem.with_name(stem.name + ".jsonl")
        self.parquet_path = stem.with_name(stem.name + ".parquet")
        self.items: dict[str, Item] = {}
        self.asked: set[str] = set()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        with writing(self.lines_path):
            self.lines_path.parent.mkdir(parents=True, exist_ok=True)
        if self.parquet_path.exists():
            self.items.update({row["key"]: row for row in self._compacted()})
        self.items.update({item["key"]: item for item in self._journalled()})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def __contains__(self, key: str) -> bool:
        return key in self.items

    def __getitem__(self, key: str) -> Item:
        self.asked.add(key)
        return self.items[key]

    def __len__(self) -> int:
        return len(self.items)

    def append(self, items: Iterable[Item]) -> None:
        """Write items through to the file; each has a `key`, and what is not JSON is a programming error."""
        batch = list(items)
        payload = b"".join(json.dumps(item, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n" for item in batch)
        with writing(self.lines_path):
            if self._file is None:
                self._open()
            assert self._file is not None
            self._file.write(payload)
            self._file.flush()
        self.items.update({item["key"]: item for item in batch})
        self.asked.update(item["key"] for item in batch)

    def append_new(self, items: Iterable[Item]) -> None:
        """Write those items whose `key` is not there yet; the others count as asked."""
        batch = list(items)
        self.asked.update(item["key"] for item in batch)
        if new := [item for item in batch if item["key"] not in self.items]:
            self.append(new)

    def run_path(self, run: str) -> Path:
        """Where the keys stand that the run named `run` asked for: a table of one column, `key`."""
        return self.parquet_path.parent / RUNS / f"{run}.parquet"

    def finish(self, run: str) -> None:
        """Turn the journal into parquet, and keep which of its items this run asked for, if any."""
        self.compact()
        if not self.asked:
            return
        path = self.run_path(run)
        with writing(path):
            path.parent.mkdir(exist_ok=True)
            _put_in_place(path, pl.DataFrame({"key": sorted(self.asked)}, schema={"key": pl.String}))

    def compact(self) -> None:
        """Turn the journal into parquet: whole new file first, then the lines are removed."""
        if not self.lines_path.exists() or not self.items:
            return
        if self._file is not None:
            self._file.close()
            self._file = None
        table = pl.DataFrame(list(self.items.values()), infer_schema_length=None)
        with writing(self.parquet_path):
            _put_in_place(self.parquet_path, table)
            self.lines_path.unlink()

    def _open(self) -> None:
        """Open for appending, first cutting off a line that an earlier run could not finish."""
        self._file = self.lines_path.open("ab")
        whole = sum(len(line) + 1 for line in self.lines_path.read_bytes().split(b"\n")[:-1])
        self._file.truncate(whole)

    def _journalled(self) -> Iterator[Item]:
        for number, line in enumerate(complete_lines(self.lines_path), start=1):
            try:
                item = json.loads(line)
                item["key"]
            except (ValueError, KeyError, TypeError):
                raise EvidenceFileError(
                    f"{self.lines_path}:{number}: not an item outcome; the file was changed by hand or damaged. "
                    f"Remove that line: the item is then measured again"
                ) from None
            yield item

    def _compacted(self) -> list[Item]:
        try:
            return pl.read_parquet(self.parquet_path).to_dicts()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise EvidenceFileError(
                f"{self.parquet_path}: cannot be read ({error}). Remove the file: its items are then measured again"
            ) from error


def _put_in_place(path: Path, table: pl.DataFrame) -> None:
    """Write a table whole, then let it take the place of what is there."""
    body = io.BytesIO()  # polars raises an error of its own for a full disk; a plain write raises an OSError
    table.write_parquet(body, compression=COMPRESSION)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(body.getbuffer())
    partial.replace(path)


class Store:
    """The output folder of a run. Use it as a context: it holds the folder's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.evidence_path = folder / "evidence.jsonl"
        self._lock: BinaryIO | None = None
        self._rows: dict[str, Evidence] = {}

    def __enter__(self) -> Self:
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder}: is a file, expected a folder. Choose another with --out")
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / ".lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise OutputError(
                f"{self.folder}: another run is writing here. Wait for it, or choose another folder with --out"
            ) from None
        try:
            self._rows = {row.id: row for row in read_evidence(self.evidence_path)}
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self._lock.close()
            self._lock = None

    @property
    def rows(self) -> Mapping[str, Evidence]:
        """Every row ever written here, by id."""
        return self._rows

    def append(self, rows: Iterable[Evidence]) -> list[Evidence]:
        """Append the rows that are not here yet; return the stored row for each (the first one written stays)."""
        asked = list(rows)
        new = list({row.id: row for row in asked if row.id not in self._rows}.values())
        if new:
            payload = "".join(row.model_dump_json() + "\n" for row in new).encode("utf-8")
            with writing(self.evidence_path), self.evidence_path.open("ab") as file:
                whole = sum(len(line) + 1 for line in self.evidence_path.read_bytes().split(b"\n")[:-1])
                file.truncate(whole)
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            self._rows.update({row.id: row for row in new})
        return [self._rows[row.id] for row in asked]

    def journal(self, measure: str, subjects: tuple[str, ...], key: str) -> Journal:
        """The journal of one measure on its subjects, for one state of everything that the outcomes depend on."""
        return Journal(self.folder / "items" / measure / "+".join(subjects) / key)


def read_evidence(path: Path) -> list[Evidence]:
    """All rows of an evidence file that were written whole."""
    rows = []
    for number, line in enumerate(complete_lines(path), start=1):
        try:
            rows.append(Evidence.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise EvidenceFileError(
                f"{path}:{number}: not an evidence row ({where}: {first['msg']}). Was it changed by hand?"
            ) from None
    return rows


def evidence_frame(rows: Iterable[Evidence]) -> pl.DataFrame:
    """Evidence as a polars frame, one line per row; groups are written `attribute=group`, subjects joined by `+`."""
    return pl.DataFrame([_flat(row) for row in rows], schema=FRAME_SCHEMA, orient="row")


FRAME_SCHEMA: dict[str, Any] = {
    "id": pl.String, "measure": pl.String, "subject": pl.String, "basis": pl.String, "status": pl.String,
    "quantity": pl.String, "unit": pl.String, "group": pl.String, "reference": pl.String,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "interval": pl.String, "n": pl.Int64,
    "clusters": pl.Int64, "p_value": pl.Float64, "p_adjusted": pl.Float64, "minimum_detectable": pl.Float64,
    "method": pl.String, "source": pl.String, "note": pl.String, "derived_from": pl.List(pl.String),
}  # fmt: skip


def group_text(group: Mapping[str, str] | None) -> str | None:
    """A group in words.

    >>> group_text({"gender": "women", "race": "Black"})
    'gender=women, race=Black'
    """
    return None if not group else ", ".join(f"{attribute}={name}" for attribute, name in group.items())


def _flat(row: Evidence) -> dict[str, Any]:
    estimate = row.estimate
    flat: dict[str, Any] = {
        "id": row.id,
        "measure": row.measure,
        "subject": "+".join(row.subjects),
        "basis": row.basis,
        "status": row.status,
        "source": row.provenance.source,
        "note": row.note,
        "derived_from": list(row.derived_from),
    }
    if estimate is not None:
        same = ("quantity", "unit", "value", "low", "high", "interval", "n", "clusters", "p_value", "p_adjusted",
                "minimum_detectable", "method")  # fmt: skip
        flat |= {name: getattr(estimate, name) for name in same}
        flat |= {"group": group_text(estimate.group), "reference": group_text(estimate.reference)}
    return flat
