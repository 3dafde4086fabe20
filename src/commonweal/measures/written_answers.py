"""Whether enough of some written answers could be read for a number to rest on them, and what is told of those that could not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commonweal.models.protocols import Answer

READABLE = 0.8  # share of the answers that must be read: one in five that is taken for wrong moves a share by 20 points
QUOTED, LONGEST_QUOTE = 3, 40


@dataclass(frozen=True, slots=True)
class Readable:
    """The answers that one number rests on: how many, the texts of those that were not read, and how many were cut short."""

    count: int
    unread: tuple[str, ...]
    cut: int = 0

    @property
    def enough(self) -> bool:
        return self.count - len(self.unread) >= READABLE * self.count

    @property
    def reason(self) -> str:
        """Why no number rests on them.

        >>> Readable(4, ("", "I cannot say\\x1b", "x", "y")).reason
        '0 of 4 answers could be read, and at least 80 % must be; unread: (empty), “I cannot say\\\\x1b”, “x”, …'
        """
        quotes = ", ".join(map(quoted, self.unread[:QUOTED])) + (", …" if len(self.unread) > QUOTED else "")
        least = f"at least {100 * READABLE:.0f} % must be"
        return f"{self.count - len(self.unread)} of {self.count} answers could be read, and {least}; unread: {quotes}"

    @property
    def cut_short(self) -> str:
        """How many are the beginning of an option and were taken for it; "" where none is."""
        return (
            f"{self.cut} of {self.count} answers were cut short, and begin only the option that they are taken for"
            if self.cut
            else ""
        )


def readable(answers: Sequence[Answer], resolved: Sequence[bool] | None = None) -> Readable:
    """What could be read of `answers`; `resolved`: which of them say something, where that can be more than an option."""
    told = [answer.option is not None for answer in answers] if resolved is None else resolved
    unread = tuple(answer.text or "" for answer, one in zip(answers, told, strict=True) if not one)
    return Readable(len(answers), unread, sum(answer.cut for answer in answers))


def quoted(text: str) -> str:
    """A stranger's text in quotes, on one line, shortened, its control characters made visible.

    >>> quoted("a\\tb"), quoted("  "), quoted(99 * "c")
    ('“a\\\\tb”', '(empty)', '“ccccccccccccccccccccccccccccccccccccccc…”')
    """
    flat = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "replace").decode() for letter in text.strip()
    )
    if not flat:
        return "(empty)"
    return f"“{flat if len(flat) <= LONGEST_QUOTE else flat[: LONGEST_QUOTE - 1] + '…'}”"
