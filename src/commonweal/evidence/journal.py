"""The journal of one measure's items on one subject, and where it lies in the folder.

A journal is JSON lines while a measure runs, each line flushed as it comes, and parquet once it is done. A line that
was cut off by a kill or a full disk is noticed and dropped; everything before it is kept. Runs with another limit, seed
or design share a journal; which items one of them asked stands beside it, in `runs/`.

What this module does not do: it never decides what to measure; rows of evidence are the store's.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self

from commonweal.errors import EvidenceFileError
from commonweal.evidence.seals import Seal, Seals, content_hash, items_hash, whole_hash
from commonweal.files.lines import complete_lines, put_in_place, whole_size, writing

if TYPE_CHECKING:
    import polars as pl

Item = dict[str, Any]
COMPRESSION: Literal["zstd"] = "zstd"
ITEMS = "items"
RUNS = "runs"
ASIDE = ".changed"


def items_name(measure: str, subjects: Iterable[str], key: str) -> str:
    """The name of the items of a measure on its subjects, for one state of everything that the outcomes depend on, its
    key.

    >>> items_name("inequity.bbq", ["model", "prompt"], "1a2b")
    'inequity.bbq/model+prompt/1a2b'
    """
    return f"{measure}/{'+'.join(subjects)}/{key}"


def run_name(items: str, run: str) -> str:
    """The name of which of these items a run asked for.

    >>> run_name("inequity.bbq/model/1a2b", "3c4d")
    'inequity.bbq/model/runs/3c4d'
    """
    return f"{items.rpartition('/')[0]}/{RUNS}/{run}"


def table_name(name: str) -> str:
    """Where in the folder the table of this name lies, once it is done.

    >>> table_name("inequity.bbq/model/1a2b")
    'items/inequity.bbq/model/1a2b.parquet'
    """
    return f"{ITEMS}/{name}.parquet"


def set_aside(path: Path) -> Path:
    """Move a file that does not match its seal aside; return its new path."""
    aside = path.with_name(path.name + ASIDE)
    with writing(aside):
        path.replace(aside)
    return aside


@dataclass(frozen=True, slots=True)
class ItemSeals:
    """Where the items called `name` are sealed; `changed` is told, in words, what does not fit."""

    seals: Seals
    name: str
    changed: Callable[[str], None]

    def shown(self, path: Path) -> str:
        """Where a file of these items lies in the folder: a dossier does not tell where its folder lay."""
        return "/".join(path.parts[-5 if path.parent.name == RUNS else -4 :])

    def run(self, run: str) -> str:
        """The name of the seal of which items a run asked for."""
        return run_name(self.name, run)


class Journal:
    """The outcomes of one measure's items on one subject, by item key; `asked`: the keys that this run has asked for.

    >>> import tempfile
    >>> with Journal(Path(tempfile.mkdtemp()) / "k") as journal:
    ...     journal.append([{"key": "a", "score": 1.5}])
    ...     "a" in journal, journal["a"]["score"]
    (True, 1.5)
    """

    def __init__(self, stem: Path, place: ItemSeals | None = None) -> None:
        self.lines_path = stem.with_name(stem.name + ".jsonl")
        self.parquet_path = stem.with_name(stem.name + ".parquet")
        self.items: dict[str, Item] = {}
        self.asked: set[str] = set()
        self._place = place
        self._fits = False
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        with writing(self.lines_path):
            self.lines_path.parent.mkdir(parents=True, exist_ok=True)
        self.items = {row["key"]: row for row in self._kept()}
        sealed = frozenset(self.items) if self._place else frozenset()
        other = 0
        for item in self._journalled():
            if item["key"] in sealed and content_hash(item) != content_hash(self.items[item["key"]]):
                other += 1
            else:
                self.items[item["key"]] = item
        if other and self._place:
            self._place.changed(
                f"{self._place.shown(self.lines_path)}: {other} of its items are not as they were sealed; the sealed "
                "ones are taken"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    @property
    def seal_name(self) -> str:
        """The name under which its items are sealed; "" where nothing is sealed."""
        return self._place.name if self._place else ""

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
        payload = b"".join(
            json.dumps(item, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n" for item in batch
        )
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

    def is_whole(self, run: str) -> bool:
        """Whether every item that this run asked for is here, as it was sealed, and no line waits to be taken in."""
        seal = self._place.seals.last("asked", self._place.run(run)) if self._place else None
        if seal is None or self._place is None or self.lines_path.exists():
            return False
        path = self.run_path(run)
        keys = [row.get("key") for row in _table_rows(path)] if path.exists() else []
        if not all(isinstance(key, str) for key in keys) or not seal.fits(len(keys), whole_hash(map(str, keys))):
            self._place.changed(
                f"{self._place.shown(path)}: which items a run asked for was changed or deleted; its rows are worked "
                "out again"
            )
            return False
        return all(key in self.items for key in keys)

    def finish(self, run: str) -> None:
        """Turn the journal into parquet, and keep which of its items this run asked for, if any; each is sealed
        first.
        """
        self.compact()
        if not self.asked:
            return
        keys, path = sorted(self.asked), self.run_path(run)
        if self._place:
            self._place.seals.append(
                Seal(
                    kind="asked",
                    name=self._place.run(run),
                    count=len(keys),
                    hash=whole_hash(keys),
                    items=self._place.name,
                )
            )
        with writing(path):
            path.parent.mkdir(exist_ok=True)
        _put_in_place(path, _table({"key": keys}, text=("key",)))

    def compact(self) -> None:
        """Turn the journal into parquet: sealed, then the whole new file, then the lines are removed."""
        if not self.lines_path.exists() or not self.items:
            if not self._fits:  # it was here before the folder had seals
                self._seal(list(self.items.values()))
            return
        if self._file is not None:
            self._file.close()
            self._file = None
        table = _table(list(self.items.values()))
        self._seal(table.to_dicts())
        _put_in_place(self.parquet_path, table)
        with writing(self.lines_path):
            self.lines_path.unlink()

    def _seal(self, rows: Sequence[Item]) -> None:
        if self._place and rows:
            self._place.seals.append(Seal(kind="items", name=self._place.name, count=len(rows), hash=items_hash(rows)))

    def _kept(self) -> list[Item]:
        """The table of items, if it is as it was sealed; else it is set aside, and its items are measured again.

        A table that was there before the folder had seals is taken as it is; that it is not sealed is told by the
        store.
        """
        if self._place is None:
            return _items(self.parquet_path) if self.parquet_path.exists() else []
        seals, name = self._place.seals, self._place.name
        sealed = seals.last("items", name) is not None
        if not self.parquet_path.exists():
            if sealed and not self.lines_path.exists():
                self._place.changed(
                    f"{self._place.shown(self.parquet_path)}: the items that were sealed here are gone; they are "
                    "measured again"
                )
            return []
        try:
            rows = _items(self.parquet_path)
            self._fits = seals.knows("items", name, len(rows), items_hash(rows))
            if self._fits:
                return rows
            if not sealed and seals.begun and seals.begun.count:
                return rows
        except (EvidenceFileError, ValueError):
            pass
        aside = set_aside(self.parquet_path)
        self._place.changed(
            f"{self._place.shown(self.parquet_path)}: not as it was sealed; set aside as {aside.name}, and its items "
            "are measured again"
        )
        return []

    def _open(self) -> None:
        """Open for appending, first cutting off a line that an earlier run could not finish."""
        self._file = self.lines_path.open("ab")
        self._file.truncate(whole_size(self.lines_path))

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


def _items(path: Path) -> list[Item]:
    """The items of a table, each with its key."""
    rows = _table_rows(path)
    if not all(isinstance(row.get("key"), str) for row in rows):
        raise EvidenceFileError(
            f"{path}: has an item without a `key`. Remove the file: its items are then measured again"
        )
    return rows


def _table(content: Sequence[Item] | dict[str, list[str]], text: tuple[str, ...] = ()) -> pl.DataFrame:
    """A table of items, or of columns; those named in `text` are texts even where they are empty."""
    import polars as pl  # noqa: PLC0415 - takes 0.15 s, and only what measures needs it

    return pl.DataFrame(content, schema_overrides=dict.fromkeys(text, pl.String), infer_schema_length=None)


def _table_rows(path: Path) -> list[Item]:
    import polars as pl  # noqa: PLC0415 - as above

    try:
        return pl.read_parquet(path).to_dicts()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise EvidenceFileError(
            f"{path}: cannot be read ({error}). Remove the file: its items are then measured again"
        ) from error


def _put_in_place(path: Path, table: pl.DataFrame) -> None:
    """Write a table to a temporary file, then replace the existing one."""
    body = io.BytesIO()  # polars raises an error of its own for a full disk; a plain write raises an OSError
    table.write_parquet(body, compression=COMPRESSION)
    put_in_place(path, body.getbuffer())
