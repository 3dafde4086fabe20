"""What pydantic finds, told in plain words with the line in the file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel, ValidationError

from commonweal.system.records import SET_BY_LOADER, System
from commonweal.system.references import SINGULAR, name_of
from commonweal.system.wording import annotation_at, choices, did_you_mean, listed, shown, words
from commonweal.system.yaml_tree import Entries, Fault, Listing, Node, Scalar, text_of

Path = tuple[str | int, ...]


def field_faults(root: Entries, error: ValidationError) -> list[Fault]:
    """One fault for each field that does not fit, however many branches of its type refused it."""
    by_path: dict[Path, list[Any]] = {}
    for one in error.errors(include_url=False):
        by_path.setdefault(_path(root, one["loc"], one["type"]), []).append(one)
    prefixes = {path[:length] for path in by_path for length in range(1, len(path))}
    faults = []
    for path, errors in by_path.items():
        node = _node(root, path)
        # A deeper path is the same fault, found by another branch of the type; what was refused is already told.
        if path not in prefixes and not (isinstance(node, Scalar) and node.refused):
            faults.append(Fault(_line(root, path, errors), partial(_words, root, path, errors)))
    return faults


def _path(root: Entries, location: Sequence[str | int], kind: str) -> Path:
    """The part of pydantic's location that exists in the file; the rest names branches of a type."""
    steps: list[str | int] = []
    node: Node | None = root
    for step in location[:-1] if kind == "missing" else location:
        child = _child(node, step)
        if child is not None:
            steps.append(step)
            node = child
    if kind == "missing":
        steps.append(str(location[-1]))
    return tuple(steps)


def _child(node: Node | None, step: str | int) -> Node | None:
    if isinstance(node, Entries) and isinstance(step, str):
        return node.values.get(step)
    if isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def _node(root: Entries, path: Path) -> Node | None:
    node: Node | None = root
    for step in path:
        node = _child(node, step)
    return node


def _line(root: Entries, path: Path, errors: list[Any]) -> int:
    """The line of the field, or of the record where the field is missing."""
    holder, node, field = _node(root, path[:-1]), _node(root, path), str(path[-1])
    if isinstance(holder, Entries) and field in holder.key_lines:
        return holder.key_lines[field]
    missing = all(one["type"] == "missing" for one in errors)
    near = holder if missing else node
    return near.line if near is not None else 0


def _words(root: Entries, path: Path, errors: list[Any]) -> str:
    types = {error["type"] for error in errors}
    parent, field = path[:-1], str(path[-1])
    holder, node = _node(root, parent), _node(root, path)
    if types == {"missing"}:
        empty = isinstance(holder, Entries) and field in holder.values
        return f"{_where(root, parent)}`{field}` is {'empty' if empty else 'missing'}; expected {_expected(path)}"
    if "extra_forbidden" in types:
        return _unknown_field(root, path)
    own = next((str(error["ctx"]["error"]) for error in errors if error["type"] == "value_error"), None)
    where, what = _where(root, path), _what(path)
    if own is None:
        return f"{where}{what} {_plain_message(path, node, errors)}"
    expected = "" if "expected" in own else f"; expected {_expected(path)}"
    return f"{where}{what} {own}{expected}{_meant(path, node)}"


def _plain_message(path: Path, node: Node | None, errors: list[Any]) -> str:
    if any(one["type"] == "too_short" for one in errors) and not isinstance(node, Scalar):
        least = next(one["ctx"]["min_length"] for one in errors if one["type"] == "too_short")
        entries = "one entry" if least == 1 else f"{least} entries"
        return f"has too few entries; expected at least {entries}"
    got: object = text_of(node) if isinstance(node, Scalar) else {} if isinstance(node, Entries) else []
    quote = (
        "; if it is a text that begins with a brace, put it in quotes"
        if isinstance(node, Entries) and _is_text(path)
        else ""
    )
    dash = ""
    if _is_list(path) and not isinstance(node, Listing):
        dash = "; write each entry on its own line, beginning with '- '"
        dash = f"; put it in brackets: [{got}]" if isinstance(got, str) and len(got) < 40 else dash
    return f"is {shown(got)}; expected {_expected(path)}{_meant(path, node)}{quote}{dash}"


def _meant(path: Path, node: Node | None) -> str:
    text, known = text_of(node), choices(annotation_at(System, path))
    return did_you_mean(text, known) if text and text not in known else ""


def _is_text(path: Path) -> bool:
    return _expected(path).startswith("text")


def _is_list(path: Path) -> bool:
    return _expected(path).startswith("a list")


def _unknown_field(root: Entries, path: Path) -> str:
    field = str(path[-1])
    record = annotation_at(System, path[:-1]) if len(path) > 1 else System
    known = ["schema"] if len(path) == 1 else []
    known += [name for name in _record_of(record).model_fields if name not in SET_BY_LOADER]
    mend = did_you_mean(field, known)
    return f"{_where(root, path[:-1])}unknown field {shown(field)}; expected one of: {listed(known)}{mend}"


def _record_of(annotation: Any) -> type[BaseModel]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(_record_of(one) for one in annotation.__args__)


def _expected(path: Path) -> str:
    return words(annotation_at(System, path))


def _where(root: Entries, path: Path) -> str:
    """The record that a path is in, and the part of it: `asset 'screener', prompt.decide: `."""
    if (
        not path
        or not isinstance(path[0], str)
        or path[0] not in SINGULAR
        or len(path) < 2
        or not isinstance(path[1], int)
    ):
        return ""
    own = 1 if isinstance(path[-1], str) else 2
    inner = [str(step) for step in path[2:-own] if isinstance(step, str)]
    part = f", {'.'.join(inner)}" if inner else ""
    return f"{name_of(path[0], path[1], _node(root, path[:2]))}{part}: "


def _what(path: Path) -> str:
    last = path[-1]
    if isinstance(last, int) and len(path) == 2:
        return "the entry"
    return f"entry {last + 1} of `{path[-2]}`" if isinstance(last, int) else f"`{last}`"
