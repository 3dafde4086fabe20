"""The header of a safetensors file: its table of tensors, read and checked without any library.

A file is 8 bytes, the length of a JSON table; the table; and the numbers of the tensors, one after the other without a
gap, to the end of the file. What does not fit together so is damaged, and is named before any number is read.

Source: https://github.com/huggingface/safetensors (README, "Format", and safetensors/src/tensor.rs for the number
formats).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commonweal.errors import LocatorError
from commonweal.models.checks.stand_ins import AGAIN, head_of, no_weights
from commonweal.system.wording import shown

PREFIX = 8
MOST_AXES = 64  # of torch
SHORT_HEADER = 1 << 20  # bytes; a longer one is that of a large model, whose numbers are far longer
LONGEST_HEADER = 100_000_000  # MAX_HEADER_SIZE of the library
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4,
    "F6_E2M3": 6, "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SafetensorsHeader:
    """The shape of each tensor of a file that is whole, and the bytes of their numbers."""

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    size: int

    @property
    def parameters(self) -> int:
        return sum(map(math.prod, self.shapes.values()))


def read_safetensors_header(path: Path) -> SafetensorsHeader:
    """Read the header and check that it is that of the whole file; LocatorError says what the file is instead, and
    how to mend it.
    """
    try:
        size, head = path.stat().st_size, head_of(path)
        if (other := no_weights(head, size)) is not None:
            raise LocatorError(f"{path}: {other}")
        return _header(path, size)
    except OSError as error:
        raise LocatorError(f"{path}: it cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise LocatorError(f"{path}: it is not a whole safetensors file ({error}); {AGAIN}") from error


def _header(path: Path, size: int) -> SafetensorsHeader:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(PREFIX), "little")
        if size < PREFIX or length > min(size - PREFIX, LONGEST_HEADER):
            announced = (
                f"where it announces a header of {length:,}"
                if size >= PREFIX
                else f"fewer than the {PREFIX} it begins with"
            )
            raise ValueError(f"it has {size:,} bytes, {announced}")
        numbers = size - PREFIX - length
        if length > max(SHORT_HEADER, numbers):
            raise ValueError(f"its header of {length:,} bytes is longer than the {numbers:,} bytes of all its numbers")
        table = json.loads(file.read(length), object_pairs_hook=_once)
    if not isinstance(table, dict):
        raise ValueError("its header is no table of tensors")
    spans = {name: _span(name, entry) for name, entry in table.items() if name != "__metadata__"}
    if not spans:
        raise ValueError("it holds no tensor")
    end = 0
    for name, (_, first, last) in sorted(spans.items(), key=lambda item: item[1][1:]):
        if first != end:
            raise ValueError(f"tensor {shown(name)} begins at byte {first:,}, where the one before it ends at {end:,}")
        end = last
    if PREFIX + length + end != size:
        raise ValueError(f"it has {size:,} bytes where its header announces {PREFIX + length + end:,}")
    return SafetensorsHeader(path, {name: shape for name, (shape, _, _) in spans.items()}, end)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("its header has a name twice")
    return found


def _span(name: str, entry: Any) -> tuple[tuple[int, ...], int, int]:
    """Shape, first byte and end of a tensor; ValueError where they do not fit together."""
    fields = entry if isinstance(entry, dict) else {}
    shape, span, kind = (
        _counts(fields.get("shape"), MOST_AXES),
        _counts(fields.get("data_offsets"), 2),
        fields.get("dtype"),
    )
    if shape is None or span is None or len(span) != 2 or not isinstance(kind, str):
        raise ValueError(f"tensor {shown(name)} does not have a dtype, a shape and two data_offsets")
    if kind not in BITS:
        raise ValueError(f"tensor {shown(name)} has the number format {shown(kind)}, which is not known here")
    if (span[1] - span[0]) * 8 != math.prod(shape) * BITS[kind]:
        numbers = math.prod(shape)
        raise ValueError(
            f"tensor {shown(name)} has {span[1] - span[0]:,} bytes for {numbers:,} numbers of {BITS[kind]} bits"
        )
    return shape, span[0], span[1]


def _counts(value: Any, most: int) -> tuple[int, ...] | None:
    """A list of at most so many whole numbers from 0; None where it is none."""
    sound = (
        isinstance(value, list) and len(value) <= most and all(type(one) is int and 0 <= one < 1 << 63 for one in value)
    )
    return tuple(value) if sound else None
