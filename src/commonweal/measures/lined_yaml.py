"""Reads a YAML file of probes field by field; whatever is not as expected is told with its line.

What this module does not do: it knows no format. `probe_reader` knows that of probe files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from commonweal.errors import ProbeFileError
from commonweal.foreign_text import HALF_A_CHARACTER, has_half, whole
from commonweal.text_file import decoded


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


class LinedYaml:
    """One YAML file of probes; every complaint carries the line of the thing complained about."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.root = YAML(typ="rt").load(text_of(path))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.fail(
                mark.line if mark else 0,
                f"this is not YAML: {error.problem or error.context}; mend this line or the one above "
                "(a text that starts with { or holds ': ' needs quotes)",
            )
        except YAMLError as error:
            self.fail(0, f"this is not YAML: {error}")
        except RecursionError:
            self.fail(0, "lists lie too deep inside one another; expected a probe file as in docs/probes.md")

    def fail(self, line: int, message: str) -> NoReturn:
        raise ProbeFileError(f"{self.path}:{line + 1} {message}")

    def line(self, node: Any, key: Any) -> int:
        """Line of a field or item, counted from 0; of what holds it where the field is missing."""
        positions = getattr(getattr(node, "lc", None), "data", None) or {}
        return int(positions[key][0]) if key in positions else int(getattr(getattr(node, "lc", None), "line", 0) or 0)

    def mapping(self, node: Any, line: int, what: str, known: Iterable[str] | None = None) -> Mapping[str, Any]:
        if not isinstance(node, Mapping):
            self.fail(line, f"{what}: got {shown(node)}, expected fields such as 'id: header'; indent them below")
        known = None if known is None else tuple(known)
        for key in node:
            if not isinstance(key, str):
                self.fail(self.line(node, key), f"{what}: got the field {key!r}, expected text; put it in quotes")
            if has_half(key):
                self.fail(self.line(node, key), f"{what}: the field {key!r} holds {HALF_A_CHARACTER}")
            if known is not None and key not in known:
                self.fail(
                    self.line(node, key), f"{what}: unknown field '{key}'; expected {', '.join(known)}; correct or remove it"
                )
        return node

    def text(self, node: Mapping[str, Any], key: str, what: str) -> str:
        value = node.get(key)
        if not isinstance(value, str) or not value.strip():
            got = f"got {shown(value)}" if key in node else "it is missing"
            self.fail(self.line(node, key), f"{what}: '{key}': {got}, expected text; write it, in quotes if it is a number")
        if has_half(value):
            self.fail(self.line(node, key), f"{what}: '{key}': {shown(value)} holds {HALF_A_CHARACTER}")
        return whole(value).strip()

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
            self.fail(line, f"{what}: '{key}' stands already in line {seen[key] + 1}; expected each once; rename or remove one")
        seen[key] = line


def shown(value: Any) -> str:
    """A value from a file, short and quoted."""
    return "nothing" if value is None else repr(str(value) if isinstance(value, str) else value)[:60]
