"""The docstring of a measure as paragraphs, headings, lists and code, for the chapter on methods."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

RULE = re.compile(r"^\s*-{3,}\s*$")
ITEM = re.compile(r"^\s*[-*•]\s+")


@dataclass(frozen=True, slots=True)
class MethodBlock:
    """A piece of a description; only a list has items."""

    kind: Literal["heading", "text", "list", "code"]
    text: str
    items: tuple[str, ...] = ()


def method_blocks(description: str) -> list[MethodBlock]:
    """A numpy-style docstring, without its first line, cut at blank lines.

    >>> docstring = "Title.\\n\\nOne\\ntwo.\\n\\nSource\\n------\\nA book.\\n\\n>>> 1\\n1"
    >>> [(block.kind, block.text) for block in method_blocks(docstring)]
    [('text', 'One two.'), ('heading', 'Source'), ('text', 'A book.'), ('code', '>>> 1\\n1')]
    """
    blocks: list[MethodBlock] = []
    for paragraph in re.split(r"\n\s*\n", description.strip()):
        lines = paragraph.split("\n")
        if len(lines) > 1 and RULE.match(lines[1]):
            blocks.append(MethodBlock("heading", lines[0].strip()))
            lines = lines[2:]
        elif not blocks and paragraph == description.strip().split("\n\n")[0]:
            lines = lines[1:]
        if not lines:
            continue
        if any(line.lstrip().startswith(">>>") for line in lines):
            blocks.append(MethodBlock("code", "\n".join(lines).strip("\n")))
        else:
            blocks += _prose(lines)
    return blocks


def _prose(lines: list[str]) -> list[MethodBlock]:
    """A paragraph, and the list that stands in it or is it.

    >>> [(block.kind, block.text, block.items) for block in _prose(["Two things:", "- one,", "  and more;", "- two."])]
    [('text', 'Two things:', ()), ('list', '', ('one, and more;', 'two.'))]
    """
    starts = [at for at, line in enumerate(lines) if ITEM.match(line)]
    first = starts[0] if starts else len(lines)
    text = _joined(lines[:first])
    items = tuple(ITEM.sub("", _joined(lines[at:end])) for at, end in pairwise([*starts, len(lines)]))
    return ([MethodBlock("text", text)] if text else []) + ([MethodBlock("list", "", items)] if items else [])


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines).strip()
