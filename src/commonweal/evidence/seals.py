"""Seals: what a folder held when a measure was done, so that what was deleted or changed afterwards is noticed.

`seals.jsonl` only grows, and each line carries the hash of the line before it: one that is edited, removed or put in
between does not fit any more. A line seals one of

- `items`  a table of item outcomes, written *before* the table is put in its place: a table that no line knows was not
  written here;
- `asked`  which of these items one run asked for;
- `rows`   the rows of one measure on one subject (or what was worked out from rows), by id, written when they are all
  on the disk;
- `file`   a file of the dossier.

The first line, `begin`, has the number of rows and tables that stood there already, unsealed. A kill at any moment
leaves rows without a seal, never a seal that does not fit. No line is signed: who rewrites rows, items and seals alike
is not caught by them (see docs/verify.md for what is left to catch).

What this module does not do: it never reads a row or an item, and never decides what becomes of what does not fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from commonweal.errors import EvidenceFileError
from commonweal.evidence.records import Row
from commonweal.files.lines import append_lines, complete_lines

SEALS = "seals.jsonl"
SCHEMA = "commonweal-seals/1"
AT_ONCE = 1024  # items that are written as one text, which is faster than each by itself
ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
Kind = Literal["begin", "items", "asked", "rows", "file"]


class Seal(Row):
    """One line: what is sealed, how much of it there is, and its hash."""

    kind: Kind
    name: str
    count: int = Field(ge=0)
    hash: str = ""
    ids: tuple[str, ...] = ()
    items: str = Field(default="", description="of rows and of what was asked: the table of items that they rest on")
    about: str = Field(default="", description="of rows: measure and subject, in words")
    before: str = Field(default="", description="hash of the line before")

    def fits(self, count: int, content: str) -> bool:
        return (self.count, self.hash) == (count, content)


def sha256(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()


def plain(value: Any) -> Any:
    """A value in the form it has both before writing and after reading: absent fields are left out, 2.0 is 2.

    >>> plain({"score": 2.0, "text": None, "passes": (1, 2.5)})
    {'score': 2, 'passes': [1, 2.5]}
    """
    kind = type(value)
    if kind is str or kind is int:
        return value
    if isinstance(value, Mapping):
        made = {name: plain(one) for name, one in value.items() if one is not None}
        return {name: one for name, one in made.items() if one != {}}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return int(value) if kind is float and value.is_integer() else value


def content_hash(value: Any) -> str:
    """The sha256 of a value of JSON, whatever the order of its names; ValueError where it holds what JSON does not.

    >>> content_hash({"a": 1, "b": None}) == content_hash({"a": 1.0})
    True
    """
    return sha256(_written(plain(value)))


def whole_hash(parts: Iterable[str]) -> str:
    """One hash over texts (ids, keys, hashes), whatever their order.

    >>> whole_hash(["a", "b"]) == whole_hash(["b", "a"]) != whole_hash(["ab"])
    True
    """
    return sha256("\n".join(sorted(parts)).encode("utf-8", "surrogatepass"))


def items_hash(items: Iterable[Mapping[str, Any]]) -> str:
    """One hash over the outcomes of items, in the order of their keys.

    >>> items_hash([{"key": "a"}, {"key": "b"}]) == items_hash([{"key": "b"}, {"key": "a"}])
    True
    """
    ordered, found = sorted(items, key=lambda item: str(item["key"])), hashlib.sha256()
    for start in range(0, len(ordered), AT_ONCE):
        found.update(_written([plain(item) for item in ordered[start : start + AT_ONCE]]))
    return found.hexdigest()


def _written(value: Any) -> bytes:
    return ENCODER.encode(value).encode("utf-8", "surrogatepass")


class Seals:
    """The seals of one folder. `head`: the hash of the last line, which stands for all of them.

    Raises
    ------
    EvidenceFileError
        If a line cannot be read or does not fit the one before it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head = ""
        self.begun: Seal | None = None
        self._last: dict[tuple[Kind, str], Seal] = {}
        self._all: set[tuple[Kind, str, int, str]] = set()
        for number, line in enumerate(complete_lines(path), start=1):
            self._take(self._read(line, number), line)

    def __bool__(self) -> bool:
        return self.begun is not None

    def _read(self, line: bytes, number: int) -> Seal:
        try:
            seal = Seal.model_validate_json(line)
        except ValidationError:
            raise EvidenceFileError(
                f"{self.path}:{number}: not a seal; the file was changed by hand or damaged"
            ) from None
        if seal.before != self.head or (seal.kind == "begin") != (number == 1):
            raise EvidenceFileError(
                f"{self.path}:{number}: does not fit the line before it; the file was changed by hand or damaged"
            )
        return seal

    def _take(self, seal: Seal, line: bytes) -> None:
        self.head = sha256(line)
        self.begun = self.begun or seal
        self._last[seal.kind, seal.name] = seal
        self._all.add((seal.kind, seal.name, seal.count, seal.hash))

    def begin(self, unsealed: int) -> None:
        """Start the file in a folder where so many rows and tables lie already that no seal knows."""
        self.append(Seal(kind="begin", name=SCHEMA, count=unsealed))

    def append(self, *seals: Seal) -> None:
        """Write those that do not repeat what was sealed last under their name."""
        new, head, payload = [], self.head, b""
        for seal in seals:
            last = self._last.get((seal.kind, seal.name))
            if last is not None and last == seal.model_copy(update={"before": last.before}):
                continue
            line = seal.model_copy(update={"before": head}).model_dump_json(exclude_defaults=True).encode("utf-8")
            new.append(line)
            payload += line + b"\n"
            head = sha256(line)
        if new:
            append_lines(self.path, payload)
        for line in new:
            self._take(Seal.model_validate_json(line), line)

    def last(self, kind: Kind, name: str) -> Seal | None:
        """What was sealed last under this name."""
        return self._last.get((kind, name))

    def named(self, kind: Kind) -> list[Seal]:
        """The last seal of every name."""
        return [seal for (known, _), seal in self._last.items() if known == kind]

    def knows(self, kind: Kind, name: str, count: int, content: str) -> bool:
        """Whether just this was sealed here at any time."""
        return (kind, name, count, content) in self._all
