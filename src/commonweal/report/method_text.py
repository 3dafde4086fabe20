"""The docstring of a measure as paragraphs, headings and code, for the chapter on methods."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

RULE = re.compile(r"^\s*-{3,}\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a description."""

    kind: Literal["heading", "text", "code"]
    text: str


def method_blocks(description: str) -> list[Block]:
    """A numpy-style docstring, without its first line, cut at blank lines.

    >>> [(block.kind, block.text) for block in method_blocks("Title.\\n\\nOne\\ntwo.\\n\\nSource\\n------\\nA book.\\n\\n>>> 1\\n1")]
    [('text', 'One two.'), ('heading', 'Source'), ('text', 'A book.'), ('code', '>>> 1\\n1')]
    """
    blocks: list[Block] = []
    for paragraph in re.split(r"\n\s*\n", description.strip()):
        lines = paragraph.split("\n")
        if len(lines) > 1 and RULE.match(lines[1]):
            blocks.append(Block("heading", lines[0].strip()))
            lines = lines[2:]
        elif not blocks and paragraph == description.strip().split("\n\n")[0]:
            lines = lines[1:]
        if not lines:
            continue
        code = any(line.lstrip().startswith(">>>") for line in lines)
        text = "\n".join(lines).strip("\n") if code else " ".join(line.strip() for line in lines).strip()
        if text:
            blocks.append(Block("code" if code else "text", text))
    return blocks
