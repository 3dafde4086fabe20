"""The header of a GGUF file: its facts and its table of tensors, read without any library.

Enough to say whether a file is whole, how many parameters it has, and where each tensor lies. What it announces (how
many facts, tensors, letters of a text) is held against its size before anything is read or made. It does not turn
quantized blocks into numbers (see conversion.py).

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3); parts of a split file: llama.cpp,
tools/gguf-split.
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from commonweal.errors import LocatorError
from commonweal.models.checks.stand_ins import head_of, no_weights, stand_in
from commonweal.models.file_hashes import sha256_of_file
from commonweal.system.wording import shown

MAGIC = b"GGUF"
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
LENGTH = struct.Struct("<Q")
LONGEST_HEADER = 1 << 28
LEAST_FACT, LEAST_TENSOR = (
    13,
    24,
)  # bytes: the length of a name, a type and a value; a length, axes, an axis, a type, an offset
MOST_AXES = 4  # GGML_MAX_DIMS
PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
# type -> (weights in a block, bytes of a block); checked against gguf.GGML_QUANT_SIZES in the tests
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66),
    17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136),
    24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor: `shape` as GGUF writes it (fastest axis first), `offset` and `size` in the file [byte]."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """Facts and tensors of a GGUF file that is whole."""

    path: Path
    facts: dict[str, Any]
    tensors: tuple[TensorEntry, ...]

    @property
    def architecture(self) -> str:
        return str(self.facts.get("general.architecture", "unknown"))

    @property
    def parameters(self) -> int:
        return sum(math.prod(tensor.shape) for tensor in self.tensors)

    def fact(self, name: str, default: Any = None) -> Any:
        """The fact of this architecture, such as `llama.block_count` for `block_count`."""
        return self.facts.get(f"{self.architecture}.{name}", default)


class _Cursor:
    """Reads little-endian values one after another; running off the end is a struct.error."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def scalar(self, code: str) -> Any:
        self.room_for(1, struct.calcsize("<" + code), "number")
        value = struct.unpack_from("<" + code, self.data, self.at)[0]
        self.at += struct.calcsize("<" + code)
        return value

    def text(self) -> str:
        length = self.scalar("Q")
        self.room_for(length, 1, "bytes of text")
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8", errors="replace")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.text()
        if kind != ARRAY:
            if kind not in SCALARS:
                raise struct.error(f"a fact has type {kind}, which GGUF does not define")
            return self.scalar(SCALARS[kind])
        inner, count = self.scalar("I"), self.scalar("Q")
        if inner in SCALARS:
            self.room_for(count, struct.calcsize("<" + SCALARS[inner]), "list entries")
            values = list(struct.unpack_from(f"<{count}{SCALARS[inner]}", self.data, self.at))
            self.at += struct.calcsize(f"<{count}{SCALARS[inner]}")
            return values
        if inner != STRING:
            raise struct.error("a list of lists")
        self.room_for(count, LENGTH.size, "texts")
        return self.texts(count)

    def texts(self, count: int) -> list[str]:
        """So many texts, one after the other: a vocabulary has a hundred thousand, so without a call for each."""
        found, at, data, end = [], self.at, self.data, min(len(self.data), LONGEST_HEADER)
        for _ in range(count):
            (length,) = LENGTH.unpack_from(data, at)
            at += LENGTH.size
            if length > end - at:
                break
            found.append(data[at : at + length].decode("utf-8", errors="replace"))
            at += length
        self.at = at
        if len(found) < count:
            self.room_for(length, 1, "bytes of text")
        return found

    def room_for(self, count: int, least: int, what: str) -> None:
        """struct.error where so many things of at least so many bytes do not fit into the rest of the file, or of a
        header.
        """
        if count * least > min(len(self.data), LONGEST_HEADER) - self.at:
            raise struct.error(f"it announces {count:,} {what} at byte {self.at:,}, more than there is room for")


def read_gguf_header(path: Path, size: int | None = None) -> GGUFHeader:
    """Read the header and check that every tensor lies inside the file, or inside `size` bytes where this is its first
    part.

    Raises LocatorError, naming the file, its hash and what was expected, where the file is not GGUF or is truncated;
    where it is one part of several or stands in for weights, with what it is and how to mend it.
    """
    here = path.stat().st_size
    head = head_of(path)
    if here and (other := stand_in(head, here)) is not None:
        raise LocatorError(f"{path}: {other}")
    if not head.startswith(MAGIC):
        because = no_weights(head, here) or _named_part(path)
        raise LocatorError(
            _fault(
                path,
                f"{because + '; it' if because else 'it'} does not begin with the four bytes 'GGUF', so it is not a "
                "GGUF file",
            )
        )
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            facts, entries, start = _parse(data)
        except (struct.error, MemoryError, OverflowError) as error:
            raise LocatorError(
                _fault(path, _named_part(path) or f"its header cannot be read ({error}); it is truncated or damaged")
            ) from error
    if (part := _declared_part(path, facts)) is not None:
        raise LocatorError(f"{path}: {part}")
    size = size or here
    tensors = tuple(_placed(path, entry, start) for entry in entries)
    end = max((tensor.offset + tensor.size for tensor in tensors), default=0)
    if not tensors or end > size:
        raise LocatorError(_fault(path, f"it has {size:,} bytes where its header announces {end:,}: it is truncated"))
    _check_apart(path, tensors)
    return GGUFHeader(path, facts, tensors)


def _parse(data: mmap.mmap) -> tuple[dict[str, Any], list[tuple[str, tuple[int, ...], int, int]], int]:
    cursor = _Cursor(data)
    cursor.at = 4
    version, tensor_count, fact_count = cursor.scalar("I"), cursor.scalar("Q"), cursor.scalar("Q")
    if version not in (2, 3):
        raise struct.error(f"version {version}, expected 2 or 3")
    cursor.room_for(fact_count, LEAST_FACT, "facts")
    facts: dict[str, Any] = {}
    for _ in range(fact_count):
        name = cursor.text()
        if name in facts:
            raise struct.error(f"the fact {shown(name)} is there twice")
        facts[name] = cursor.value(cursor.scalar("I"))
    cursor.room_for(tensor_count, LEAST_TENSOR, "tensors")
    entries = [_entry(cursor) for _ in range(tensor_count)]
    alignment = facts.get("general.alignment", 32)
    if type(alignment) is not int or alignment < 1 or alignment & (alignment - 1):
        raise struct.error(f"general.alignment is {shown(alignment)}, expected a power of 2")
    return facts, entries, -(-cursor.at // alignment) * alignment


def _entry(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    name, axes = cursor.text(), cursor.scalar("I")
    if not 1 <= axes <= MOST_AXES:
        raise struct.error(f"tensor {shown(name)} has {axes:,} axes, expected 1 to {MOST_AXES}")
    shape = tuple(cursor.scalar("Q") for _ in range(axes))
    if 0 in shape:
        raise struct.error(f"tensor {shown(name)} is empty")
    return name, shape, cursor.scalar("I"), cursor.scalar("Q")


def _placed(path: Path, entry: tuple[str, tuple[int, ...], int, int], start: int) -> TensorEntry:
    name, shape, kind, offset = entry
    if kind not in BLOCKS:
        raise LocatorError(_fault(path, f"tensor {shown(name)} has the number format {kind}, which is not known here"))
    weights, size = BLOCKS[kind]
    if shape[0] % weights:
        raise LocatorError(
            _fault(path, f"tensor {shown(name)} has rows of {shape[0]:,} weights, which are no blocks of {weights}")
        )
    return TensorEntry(name, shape, kind, start + offset, math.prod(shape) // weights * size)


def _check_apart(path: Path, tensors: tuple[TensorEntry, ...]) -> None:
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise LocatorError(_fault(path, f"tensor {shown(twice)} is there twice; it is damaged"))
    ordered = sorted(tensors, key=lambda tensor: tensor.offset)
    for one, other in pairwise(ordered):
        if one.offset + one.size > other.offset:
            raise LocatorError(
                _fault(path, f"its tensors {shown(one.name)} and {shown(other.name)} overlap; it is damaged")
            )


def _declared_part(path: Path, facts: dict[str, Any]) -> str | None:
    """What is said of a file whose own facts call it a part; None where it is whole."""
    count, number = facts.get("split.count"), facts.get("split.no")
    if type(count) is not int or type(number) is not int or count < 2:
        return None
    return _part(path, number + 1, count)


def _named_part(path: Path) -> str | None:
    """The same of a file that is not whole and whose name calls it a part."""
    named = PART.search(path.name)
    return _part(path, int(named[1]), int(named[2])) if named and int(named[2]) > 1 else None


def _part(path: Path, number: int, count: int) -> str:
    first = f"{PART.sub('', path.name)}-00001-of-{count:05}.gguf" if PART.search(path.name) else "FIRST-PART.gguf"
    return (
        f"it is part {number} of {count} of a split GGUF file; bring the parts into one folder, join them with: "
        f"llama-gguf-split --merge {first} WHOLE.gguf, and name the file that comes out"
    )


def _fault(path: Path, what: str) -> str:
    return (
        f"{path}: {what}. Its sha256 is {sha256_of_file(path)}. "
        "Expected a whole GGUF file, version 2 or 3; get the file again and compare its hash with the publisher's"
    )
