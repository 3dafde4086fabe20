"""YAML text as a tree that knows the line of everything in it.

The tree is built from the parser's events, so nothing is ever constructed: a system file is data, even a stranger's.
Anchors, aliases and tags are refused (they expand without bound, or name code), as are duplicate keys, deep nesting,
and more values than any system has. libyaml reads the text, thirty times as fast as the parser in Python; what it
refuses, that one reads again, for it says better what is wrong and accepts a little more. Scalars keep their text as
written: what is a number is decided by the field, so `NO` stays Norway and `1.10` stays 1.10.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from commonweal.files.foreign_text import HALF_A_CHARACTER, has_half, whole
from commonweal.system.wording import shown

DEEPEST = 24
MOST_VALUES = 500_000  # names and values of a file; 10,000 deployments have about 100,000
# The parser in Python reads again what libyaml refuses where that takes a second or two; of more, libyaml's own words
# are told.
REREAD_CHARACTERS, REREAD_VALUES = 1_000_000, 50_000
ONLY_IN_YAML_1_1 = re.compile(
    "[\x85\u2028\u2029\ufeff]|^%", re.MULTILINE
)  # line ends and directives that libyaml reads otherwise
NULL = re.compile(r"~|null|Null|NULL|")

BEFORE_COMMA = re.compile(r"[-+]?\d+(,\d{3})*")
LONGEST_NUMBER = 40  # characters of a number; what is longer is a list, and no join of it is looked at again
AFTER_COMMA = re.compile(r"(?P<digits>\d+)(?P<unit>\s*[^\d\s].*)?")

# What ruamel.yaml calls the problem, and what a reader of the file can do about it.
PROBLEMS: tuple[tuple[str, str], ...] = (
    (
        r"found character '\\t'",
        "a tab stands where only spaces can; expected spaces for indentation; replace the tab by spaces",
    ),
    (
        "mapping values are not allowed here",
        "a ':' stands where none can; expected `name: value` with the same indentation as its neighbours; "
        "indent the line like the one above, or put a text that contains ': ' in quotes",
    ),
    (r"found character '([@`%])'", "a value begins with {0}; expected text; put the value in quotes"),
    (
        "found unexpected end of stream",
        "a quotation mark is opened and never closed; expected a closing quotation mark",
    ),
    (r"expected ',' or '([\]}])'", "a list or group in brackets is not closed; expected ',' or '{0}' before this line"),
    ("expected the node content, but found", "a bracket or a value is missing; expected a value here"),
    (
        "expected <block end>",
        "the indentation does not fit the lines above; expected this line to begin in the same column as its "
        "neighbours",
    ),
    ("could not find expected ':'", "a line without ':' stands among `name: value` lines; expected `name: value`"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong on one line; line 0 is about the whole file.

    Words that take time to find are found when they are told.
    """

    line: int
    words: str | Callable[[], str]

    @property
    def text(self) -> str:
        return self.words if isinstance(self.words, str) else self.words()


@dataclass(slots=True)
class Scalar:
    """A single value, as text; None where nothing was written.

    `refused`: already reported, so say nothing more about it.
    """

    line: int
    text: str | None
    plain: bool = True
    refused: bool = False


@dataclass(slots=True)
class Listing:
    """A list."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Entries:
    """`name: value` entries. `key_lines`: the line of each name."""

    line: int
    values: dict[str, Node] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)


Node = Scalar | Listing | Entries


def parse(text: str) -> tuple[Node | None, list[Fault]]:
    """The tree, and what is wrong with the YAML itself; no tree after a syntax error or in an empty file.

    >>> tree, faults = parse("a: 1\\nb: [2, 3]\\na: 4\\n")
    >>> faults[0].line, tree.values["b"].line
    (3, 2)
    """
    if not yaml.__with_libyaml__ or (len(text) <= REREAD_CHARACTERS and ONLY_IN_YAML_1_1.search(text)):
        return _read(text, YAML(typ="safe", pure=True).parse(text), _Builder())
    builder = _Builder()
    try:
        return _read(text, yaml.parse(text, Loader=yaml.CLoader), builder)
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        if len(text) <= REREAD_CHARACTERS and builder.values <= REREAD_VALUES:
            return _read(text, YAML(typ="safe", pure=True).parse(text), _Builder())
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        words = f"cannot be read as YAML: {getattr(error, 'problem', None) or 'a character that no text has'}"
        return None, [*builder.faults, Fault(mark.line + 1 if mark else 0, words)]


def _read(text: str, events: Iterator[Any], builder: _Builder) -> tuple[Node | None, list[Fault]]:
    """The tree of a parser's events, and what is wrong; the errors of libyaml are the caller's."""
    try:
        for event in events:
            builder.take(event)
    except _Refused as refused:
        return None, [*builder.faults, Fault(refused.line, str(refused))]
    except MarkedYAMLError as error:
        return None, [*builder.faults, _syntax_fault(error)]
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return None, [
            *builder.faults,
            Fault(line, "a control character stands in the text; expected printable text; delete it"),
        ]
    except YAMLError as error:
        return None, [*builder.faults, Fault(0, f"cannot be read as YAML: {shown(error)}")]
    return builder.root, builder.faults


def plain(node: Node) -> Any:
    """Dictionaries, lists, text and None.

    >>> tree, _ = parse("{a: 007, b: , c: [x, {d: ~}]}")
    >>> plain(tree)
    {'a': '007', 'b': None, 'c': ['x', {'d': None}]}
    """
    if isinstance(node, Entries):
        return {key: plain(value) for key, value in node.values.items()}
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return node.text


def is_empty(node: Node | None) -> bool:
    return node is None or (isinstance(node, Scalar) and node.text is None)


def text_of(node: Node | None) -> str | None:
    """The text of a scalar; None for everything else."""
    return node.text if isinstance(node, Scalar) else None


def records(root: Entries, section: str) -> Iterator[tuple[int, Entries]]:
    """The records of a section of the file, with their place in it; what is not a record is passed over."""
    listing = root.values.get(section)
    if isinstance(listing, Listing):
        yield from ((place, item) for place, item in enumerate(listing.items) if isinstance(item, Entries))


class _Refused(Exception):
    def __init__(self, line: int, text: str) -> None:
        self.line = line
        super().__init__(text)


class _Builder:
    """Takes events one by one; keeps its own stack, so deep nesting cannot exhaust Python's."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self.documents = 0
        self.values = 0
        self._stack: list[tuple[Listing | Entries, list[Scalar]]] = []
        self._told: dict[int, int] = {}  # the number told at a comma -> place of its fault

    def take(self, event: Any) -> None:
        """One event of either parser; both call the kinds alike."""
        kind, line = type(event).__name__, event.start_mark.line + 1
        if kind in {"ScalarEvent", "SequenceStartEvent", "MappingStartEvent"}:
            self.values += 1
            if self.values > MOST_VALUES:
                raise _Refused(
                    line,
                    f"more than {MOST_VALUES:,} names and values; expected fewer; is this the file itself, or its "
                    "data?",
                )
            self._open(event, kind, line)
        elif kind in {"SequenceEndEvent", "MappingEndEvent"}:
            self._stack.pop()
        elif kind == "AliasEvent":
            self._refuse(line, f"alias '*{event.anchor}' is refused; expected the value itself; write it out")
            self._add(Scalar(line, None, refused=True))
        elif kind == "DocumentStartEvent":
            self.documents += 1
            if self.documents == 2:
                self._refuse(line, "a second document begins with '---'; expected one system a file; delete the line")

    def _open(self, event: Any, kind: str, line: int) -> None:
        if event.anchor is not None:
            self._refuse(
                line, f"anchor '&{event.anchor}' is refused; expected plain values; delete it and write values out"
            )
        tag = event.tag
        if tag is not None:
            written = str(tag).replace("tag:yaml.org,2002:", "!!")
            self._refuse(line, f"tag {shown(written)} is refused; expected plain values; delete what begins with '!'")
        if kind == "ScalarEvent":
            bare = not event.style
            empty = bare and NULL.fullmatch(event.value) is not None
            half = has_half(event.value)
            if half:
                self._refuse(line, f"{shown(event.value)} holds {HALF_A_CHARACTER}")
            self._add(Scalar(line, None if empty else whole(event.value), plain=bare, refused=half or tag is not None))
            return
        node: Listing | Entries = Listing(line) if kind == "SequenceStartEvent" else Entries(line)
        self._add(node)
        self._stack.append((node, []))
        if len(self._stack) > DEEPEST:
            raise _Refused(line, f"more than {DEEPEST} levels deep; expected fewer; no system needs that many")

    def _add(self, node: Node) -> None:
        if not self._stack:
            if self.documents < 2:
                self.root = node
            return
        parent, pending = self._stack[-1]
        if isinstance(parent, Listing):
            parent.items.append(node)
        elif not pending:
            pending.append(self._as_key(node))
        else:
            self._enter(parent, pending.pop(), node)

    def _as_key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            return node
        self._refuse(
            node.line, "a name is a list or a group in braces; expected text; put text that contains braces in quotes"
        )
        return Scalar(node.line, None, refused=True)

    def _enter(self, parent: Entries, key: Scalar, node: Node) -> None:
        if key.refused:
            return
        if self._continues_a_number(parent, key, node):
            return
        name = key.text if key.text is not None else "null"
        if name in parent.values:
            first = parent.key_lines[name]
            self._refuse(
                key.line, f"{shown(name)} is given twice (first on line {first}); expected it once; delete one of them"
            )
            return
        parent.values[name] = node
        parent.key_lines[name] = key.line

    def _continues_a_number(self, parent: Entries, key: Scalar, node: Node) -> bool:
        """`{women: 0,45}` is `women: 0` and an entry `45` without a value: told once, and read on as it was meant."""
        name, before = next(reversed(parent.values.items()), ("", None))
        if not isinstance(before, Scalar) or not before.plain or before.line != key.line or not is_empty(node):
            return False
        number = joined_at_comma(before.text or "", key.text or "")
        if number is None:
            return False
        before.text = number.read
        written = shown(f"{name}: {number.written}")
        fault = Fault(key.line, f"a comma inside braces begins a new entry, so {written} is read as two; {number.mend}")
        place = self._told.setdefault(id(before), len(self.faults))
        self.faults[place : place + 1] = [fault]
        return True

    def _refuse(self, line: int, text: str) -> None:
        self.faults.append(Fault(line, text))


def _syntax_fault(error: MarkedYAMLError) -> Fault:
    problem = str(error.problem or "")
    unclosed = "unexpected end of stream" in problem
    mark = (unclosed and error.context_mark) or error.problem_mark or error.context_mark
    for pattern, text in PROBLEMS:
        match = re.search(pattern, problem)
        if match is None:
            continue
        opened = error.context_mark if "not closed" in text else None
        since = (
            f" (opened on line {opened.line + 1})"
            if opened is not None and mark is not None and opened.line != mark.line
            else ""
        )
        return Fault(mark.line + 1 if mark else 0, text.format(*match.groups()) + since)
    return Fault(mark.line + 1 if mark else 0, f"cannot be read as YAML: {problem or 'unknown problem'}")


@dataclass(frozen=True, slots=True)
class CommaNumber:
    """A number with a comma inside braces, which YAML reads as two entries: as it was `written`, as it is `read` on,
    and how to `mend` it.
    """

    written: str
    read: str
    mend: str


def joined_at_comma(before: str, after: str) -> CommaNumber | None:
    """The number that `before` and `after` a comma make together; None where they are not parts of one.

    >>> joined_at_comma("0", "45").mend, joined_at_comma("400", "000 task/year").mend
    ('write 0.45 with a point', 'write 400000 without commas')
    >>> joined_at_comma("12", "500").mend
    'write 12500 without commas, or 12.5 with a point'
    """
    match = AFTER_COMMA.fullmatch(after)
    if match is None or len(before) > LONGEST_NUMBER or BEFORE_COMMA.fullmatch(before) is None:
        return None
    digits, whole = match["digits"], before.replace(",", "")
    decimal = f"{whole}.{digits}"
    if len(digits) != 3 or not whole.strip("+-0"):
        return CommaNumber(f"{before},{after}", decimal + (match["unit"] or ""), f"write {decimal} with a point")
    point = f", or {decimal.rstrip('0')} with a point" if digits.strip("0") and "," not in before else ""
    return CommaNumber(f"{before},{after}", f"{before},{after}", f"write {whole}{digits} without commas{point}")
