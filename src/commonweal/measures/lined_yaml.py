"""Reads a YAML file of probes field by field; every complaint carries its line.

What this module does not do: it knows no format. `probes.reader` knows that of probe files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from commonweal.errors import ProbeFileError
from commonweal.files.text import decoded
from commonweal.system.yaml_tree import Entries, Listing, Node, parse

# What is no text where it is not in quotes, by YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), and dates.
NO_TEXT = re.compile(
    r"true|True|TRUE|false|False|FALSE|(\d{4}-\d\d?-\d\d?([Tt ].*)?)|"
    r"([-+]?(0o[0-7]+|0x[0-9a-fA-F]+|\d[\d_]*|(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|\.(inf|Inf|INF))|\.(nan|NaN|NAN))"
)


def text_of(path: Path) -> str:
    """The text of a probe file or of a table that it names; ProbeFileError where it cannot be read."""
    try:
        text = decoded(path.read_bytes(), path, ProbeFileError)
    except FileNotFoundError as error:
        raise ProbeFileError(f"{path}: there is no such file; check the spelling, or use 'builtin:hiring'") from error
    except IsADirectoryError as error:
        raise ProbeFileError(f"{path}: this is a folder; expected a file; give the file inside it") from error
    except OSError as error:
        raise ProbeFileError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if not text.strip():
        raise ProbeFileError(f"{path}: the file is empty; expected a probe file as in docs/probes.md")
    return text


class Fields(dict[str, Any]):
    """`name: value` entries, with the line of each, counted from 0."""

    def __init__(self, node: Entries) -> None:
        super().__init__((key, _value(one)) for key, one in node.values.items())
        self.line, self.lines = node.line - 1, {key: line - 1 for key, line in node.key_lines.items()}


class Items(list[Any]):
    """A list, with the line of each item, counted from 0."""

    def __init__(self, node: Listing) -> None:
        super().__init__(map(_value, node.items))
        self.line, self.lines = node.line - 1, {place: one.line - 1 for place, one in enumerate(node.items)}


def _value(node: Node) -> Any:
    """Fields, items, text, or None; a number, a date or true is not text, and the complaint says what it is."""
    if isinstance(node, Entries):
        return Fields(node)
    if isinstance(node, Listing):
        return Items(node)
    if node.text is not None and node.plain and NO_TEXT.fullmatch(node.text):
        return NoText(node.text)
    return node.text


@dataclass(frozen=True, slots=True)
class NoText:
    """What YAML reads as something else than text, as it is written."""

    written: str

    def __repr__(self) -> str:
        return self.written


class LinedYaml:
    """One YAML file of probes; every complaint carries its line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        root, faults = parse(text_of(path))
        if faults:
            first = min(faults, key=lambda fault: fault.line)
            self.fail(first.line - 1, f"this is not YAML as expected: {first.text}")
        self.root = None if root is None else _value(root)

    def fail(self, line: int, message: str) -> NoReturn:
        raise ProbeFileError(f"{self.path}:{line + 1} {message}")

    def line(self, node: Any, key: Any) -> int:
        """Line of a field or item, counted from 0; of what holds it where the field is missing."""
        return int(node.lines.get(key, node.line)) if isinstance(node, Fields | Items) else 0

    def mapping(self, node: Any, line: int, what: str, known: Iterable[str] | None = None) -> Mapping[str, Any]:
        if not isinstance(node, Mapping):
            self.fail(line, f"{what}: got {shown(node)}, expected fields such as 'id: header'; indent them below")
        known = None if known is None else tuple(known)
        for key in node:
            if known is not None and key not in known:
                self.fail(
                    self.line(node, key),
                    f"{what}: unknown field '{key}'; expected {', '.join(known)}; correct or remove it",
                )
        return node

    def text(self, node: Mapping[str, Any], key: str, what: str) -> str:
        value = node.get(key)
        if not isinstance(value, str) or not value.strip():
            got = f"got {shown(value)}" if key in node else "it is missing"
            self.fail(
                self.line(node, key), f"{what}: '{key}': {got}, expected text; write it, in quotes if it is a number"
            )
        return value.strip()

    def items(self, node: Mapping[str, Any], key: str, what: str) -> Iterator[tuple[int, Any]]:
        value = node.get(key)
        if not isinstance(value, list) or not value:
            got = f"got {shown(value)}" if key in node else "it is missing"
            self.fail(self.line(node, key), f"{what}: '{key}': {got}, expected a list; start each item with '- '")
        for index, item in enumerate(value):
            yield self.line(value, index), item

    def texts(self, node: Any, line: int, what: str) -> dict[str, str]:
        return {key: self.text(node, key, what) for key in self.mapping(node, line, what)}

    def unique(self, seen: dict[str, int], key: str, line: int, what: str) -> None:
        if key in seen:
            self.fail(
                line,
                f"{what}: '{key}' stands already in line {seen[key] + 1}; expected each once; rename or remove one",
            )
        seen[key] = line


def shown(value: Any) -> str:
    """A value from a file, short and quoted."""
    return "nothing" if value is None else repr(str(value) if isinstance(value, str) else value)[:60]
