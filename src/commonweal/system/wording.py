"""Plain words: how a value is shown, what it was probably meant to be, what a field expects.

The same words stand in error messages and in docs/schema.md. No sentence here needs a programmer to read it.
"""

from __future__ import annotations

import difflib
import heapq
import types
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

LONGEST_SHOWN = 60
MOST_LISTED = 12
MOST_COMPARED = 1000


class Means(str):
    """Annotates a type with what it expects, in plain words."""

    __slots__ = ()


def shown(value: object) -> str:
    """A value from a file, quoted, short and without control characters.

    >>> shown("a" * 100 + "\\x1b[31m")[:5], shown(True), shown(None), shown([1])
    ("'aaaa", "'true'", 'empty', 'a list')
    """
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a group of `name: value` entries"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > LONGEST_SHOWN:
        text = text[: LONGEST_SHOWN - 1] + "…"
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text) + "'"


def closest(word: str, options: Iterable[str], likeness: float = 0.6) -> str | None:
    """The option that was probably meant, or None; `likeness` in [0, 1] is how alike the two must be (difflib's ratio).

    Of very many options only one that differs by case, spaces or dashes is found.

    >>> closest("agancy", ["agency", "lab"]), closest("xyz", ["agency"])
    ('agency', None)
    """
    by_folded = {_folded(option): option for option in options}
    if len(by_folded) > MOST_COMPARED:
        return by_folded.get(_folded(word))
    matches = difflib.get_close_matches(_folded(word[:64]), list(by_folded), n=1, cutoff=likeness)
    return by_folded[matches[0]] if matches else None


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """'; did you mean …?', or nothing.

    >>> did_you_mean("Aplication", ["application", "model"])
    "; did you mean 'application'?"
    """
    match = closest(word, options)
    return f"; did you mean '{match}'?" if match else ""


def listed(names: Iterable[str]) -> str:
    """Names in alphabetical order, not too many.

    >>> listed(["lab", "agency"]), listed([])
    ('agency, lab', 'none')
    """
    every = list(names)
    more = f" and {len(every) - MOST_LISTED} more" if len(every) > MOST_LISTED else ""
    return ", ".join(heapq.nsmallest(MOST_LISTED, every)) + more if every else "none"


def words(annotation: Any) -> str:
    """What a type expects, in plain words.

    >>> words(Literal["closed", "open"])
    'one of: closed, open'
    >>> words(tuple[Annotated[str, Means("a name")], ...] | None)
    'a list, each a name'
    >>> words(tuple[Literal["user", "affected"], ...])
    'a list of user, affected'
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated_words(arguments)
    if origin in (Union, types.UnionType):
        return _union_words(arguments)
    if origin is Literal:
        return f"one of: {', '.join(arguments)}" if len(arguments) > 1 else f"`{arguments[0]}`"
    if origin is tuple:
        return _list_words(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"entries `name: value`, each value {words(arguments[1])}"
    is_record = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return f"entries with the fields {', '.join(annotation.model_fields)}" if is_record else "text"


def choices(annotation: Any) -> tuple[str, ...]:
    """Every fixed word that a type accepts, for did-you-mean.

    >>> choices(Literal["closed", "open"] | Literal["none", "unknown"] | None)
    ('closed', 'open', 'none', 'unknown')
    """
    if get_origin(annotation) is Literal:
        return tuple(str(argument) for argument in get_args(annotation))
    if any(isinstance(note, Means) for note in getattr(annotation, "__metadata__", ())):
        return ()
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return tuple(choice for argument in get_args(annotation) for choice in choices(argument))
    return ()


def annotation_at(record: Any, path: Iterable[str | int]) -> Any:
    """The type that stands at a path inside a record; None where there is none."""
    current = record
    for step in path:
        current = _step_into(current, step)
    return current


def _step_into(annotation: Any, step: str | int) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _step_into(arguments[0], step)
    if origin in (Union, types.UnionType):
        found = (_step_into(argument, step) for argument in arguments)
        return next((one for one in found if one is not None), None)
    if origin is tuple and isinstance(step, int):
        return arguments[0]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _fields(annotation).get(str(step))
    return None


@cache
def _fields(record: type[BaseModel]) -> Mapping[str, Any]:
    return get_type_hints(record, include_extras=True)


def _list_words(arguments: tuple[Any, ...]) -> str:
    each = words(arguments[0])
    if arguments[-1] is not ...:
        return f"a list of {len(arguments)}, each {each}"
    named = bool(choices(arguments[0])) or each.startswith("entries")
    return f"a list of {each.removeprefix('one of: ')}" if named else f"a list, each {each}"


def _annotated_words(arguments: tuple[Any, ...]) -> str:
    for note in arguments[1:]:
        if isinstance(note, Means):
            return str(note)
        if hasattr(note, "words"):
            return str(note.words())
    return words(arguments[0])


def _union_words(arguments: tuple[Any, ...]) -> str:
    kept = [argument for argument in arguments if argument is not type(None)]
    fixed = [choice for argument in kept for choice in choices(argument)]
    rest = [words(argument) for argument in kept if not choices(argument)]
    if not rest:
        return f"one of: {', '.join(fixed)}"
    return " or ".join([*rest, *(f"`{choice}`" for choice in fixed)])


def _folded(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")
