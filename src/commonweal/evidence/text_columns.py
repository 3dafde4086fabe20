"""Cells in columns on a terminal, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from commonweal.files.foreign_text import unbroken

APART = "  "


def aligned(grid: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines whose cells begin below each other, each column as wide as its widest cell.

    >>> list(aligned([["race", "n"], ["A", "10"]]))
    ['race  n', 'A     10']
    """
    told = [[unbroken(cell) for cell in line] for line in grid]
    widths = [max(cell_len(line[place]) for line in told) for place in range(len(told[0]))]
    for line in told:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        yield APART.join(cells).rstrip()


def signed(text: str) -> str:
    """A number with its sign.

    >>> signed("2.0"), signed("−2.0")
    ('+2.0', '−2.0')
    """
    return text if text.startswith("−") else f"+{text}"
