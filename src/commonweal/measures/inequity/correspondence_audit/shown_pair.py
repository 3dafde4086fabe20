"""One pair of texts of an audit, for the reader's eye: where they differ, and that they differ in nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os.path import commonprefix

from commonweal.measures.inequity.correspondence_audit.design import Placed

AROUND = 24
LONGEST = 80


def shown_pair(
    placed: Sequence[Placed], group: Mapping[str, str], reference: Mapping[str, str], *, matched: bool
) -> str:
    """The first two texts of two groups in the same probe and wording (and, if `matched`, the same block), in words."""
    firsts: dict[tuple[object, ...], str] = {}
    for one in placed:
        if _belongs(one, reference):
            firsts.setdefault(_place(one, matched), one.case.text)
    for other in placed:
        first = firsts.get(_place(other, matched))
        if first is not None and _belongs(other, group):
            return f"one pair of texts: {difference(first, other.case.text)}"
    return ""


def _belongs(placed: Placed, group: Mapping[str, str]) -> bool:
    return all(placed.case.labels.get(attribute) == name for attribute, name in group.items())


def _place(placed: Placed, matched: bool) -> tuple[object, ...]:
    labels = placed.case.labels
    return labels["probe"], labels["wording"], placed.unit if matched else None


def difference(first: str, second: str) -> str:
    """The part in which two texts differ, with a few words around it.

    >>> difference("Name: Ann. Applying for: nurse.", "Name: Otto. Applying for: nurse.")
    '“Name: Ann. Applying for: nurse.” beside “Name: Otto. Applying for: nurse.”'
    """
    before = len(commonprefix([first, second]))  # noqa: RUF071 - of texts, character by character
    shorter = min(len(first), len(second)) - before
    after = min(len(commonprefix([first[::-1], second[::-1]])), shorter)  # noqa: RUF071
    return " beside ".join(_window(text, before, len(text) - after) for text in (first, second))


def _window(text: str, start: int, end: int) -> str:
    """The text from `start` to `end` with whole words around it, on one line and not too long."""
    low, high = max(0, start - AROUND), min(len(text), end + AROUND)
    while 0 < low < start and not text[low - 1].isspace():
        low += 1
    while end < high < len(text) and not text[high].isspace():
        high -= 1
    shown = " ".join(text[low:high].split())
    shown = shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
    return f"“{'…' if low > 0 else ''}{shown}{'…' if high < len(text) else ''}”"
