"""The header of a GGUF file: its facts and its table of tensors, read without any library.

Enough to say whether a file is whole, how many parameters it has, and where each tensor lies. It does not turn
quantized blocks into numbers (see conversion.py).

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3).
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commonweal.errors import LocatorError
from commonweal.models.contents import sha256_of_file

MAGIC = b"GGUF"
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
LONGEST_HEADER = 1 << 28
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
        value = struct.unpack_from("<" + code, self.data, self.at)[0]
        self.at += struct.calcsize("<" + code)
        return value

    def text(self) -> str:
        length = self.scalar("Q")
        if self.at + length > len(self.data):
            raise struct.error("a text runs past the end of the file")
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
        if count > LONGEST_HEADER:
            raise struct.error(f"a list of {count} entries")
        if inner in SCALARS:
            values = list(struct.unpack_from(f"<{count}{SCALARS[inner]}", self.data, self.at))
            self.at += struct.calcsize(f"<{count}{SCALARS[inner]}")
            return values
        if inner != STRING:
            raise struct.error("a list of lists")
        return [self.text() for _ in range(count)]


def read_gguf_header(path: Path, size: int | None = None) -> GGUFHeader:
    """Read the header and check that every tensor lies inside the file, or inside `size` bytes where this is its first part.

    Raises LocatorError, naming the file, its hash and what was expected, where the file is not GGUF or is truncated.
    """
    size = path.stat().st_size if size is None else size
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise LocatorError(_fault(path, "it does not begin with the four bytes 'GGUF', so it is not a GGUF file"))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                facts, entries, start = _parse(data)
            except (struct.error, MemoryError, OverflowError) as error:
                raise LocatorError(_fault(path, f"its header cannot be read ({error}); it is truncated or damaged")) from error
    tensors = tuple(_placed(path, entry, start) for entry in entries)
    end = max((tensor.offset + tensor.size for tensor in tensors), default=0)
    if not tensors or end > size:
        raise LocatorError(_fault(path, f"it has {size:,} bytes where its header announces {end:,}: it is truncated"))
    return GGUFHeader(path, facts, tensors)


def _parse(data: mmap.mmap) -> tuple[dict[str, Any], list[tuple[str, tuple[int, ...], int, int]], int]:
    cursor = _Cursor(data)
    cursor.at = 4
    version, tensor_count, fact_count = cursor.scalar("I"), cursor.scalar("Q"), cursor.scalar("Q")
    if version not in (2, 3):
        raise struct.error(f"version {version}, expected 2 or 3")
    facts = {}
    for _ in range(fact_count):
        name = cursor.text()
        facts[name] = cursor.value(cursor.scalar("I"))
    entries = []
    for _ in range(tensor_count):
        name = cursor.text()
        shape = tuple(cursor.scalar("Q") for _ in range(cursor.scalar("I")))
        entries.append((name, shape, cursor.scalar("I"), cursor.scalar("Q")))
    alignment = int(facts.get("general.alignment", 32)) or 32
    return facts, entries, -(-cursor.at // alignment) * alignment


def _placed(path: Path, entry: tuple[str, tuple[int, ...], int, int], start: int) -> TensorEntry:
    name, shape, kind, offset = entry
    if kind not in BLOCKS:
        raise LocatorError(_fault(path, f"tensor '{name}' has the number format {kind}, which is not known here"))
    weights, size = BLOCKS[kind]
    return TensorEntry(name, shape, kind, start + offset, math.prod(shape) // weights * size)


def _fault(path: Path, what: str) -> str:
    return (
        f"{path}: {what}. Its sha256 is {sha256_of_file(path)}. "
        "Expected a whole GGUF file, version 2 or 3; get the file again and compare its hash with the publisher's"
    )
