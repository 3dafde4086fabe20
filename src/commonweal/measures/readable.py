"""Whether enough answers could be read for a number to rest on them: written answers, and decisions of an application.

A written answer is read where it says one of the options. A decision is read where it is among the declared options;
where none are declared, whatever is not favourable counts as unfavourable, but only if the favourable answer ever
comes: from an application that answers "maybe" to all, nobody can tell whether that is a rejection or a sentence that
means something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from commonweal.errors import NotJudged
from commonweal.files.foreign_text import one_line, visible
from commonweal.models.protocols import Answer, Decision, DecisionApplication

READABLE = 0.8  # share that must be read: one in five that is taken for wrong moves a share by 20 points
QUOTED, LONGEST_QUOTE = 3, 40
TIE = "a tie: no answer is the most likely"


@dataclass(frozen=True, slots=True)
class Readable:
    """The answers that one number rests on: how many, the texts of those that were not read, and how many were cut
    short.
    """

    count: int
    unread: tuple[str, ...]
    cut: int = 0

    @property
    def enough(self) -> bool:
        return self.count - len(self.unread) >= READABLE * self.count

    @property
    def reason(self) -> str:
        """Why no number rests on them.

        >>> Readable(4, ("", "I cannot say", "x", "y")).reason
        '0 of 4 answers could be read, and at least 80 % must be; unread: (empty), “I cannot say”, “x”, …'
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
    """What could be read of `answers`; `resolved`: which of them say something, where that can be more than an
    option.
    """
    told = [answer.option is not None for answer in answers] if resolved is None else resolved
    unread = tuple(
        TIE if answer.text is None else answer.text for answer, one in zip(answers, told, strict=True) if not one
    )
    return Readable(len(answers), unread, sum(answer.cut for answer in answers))


def quoted(text: str) -> str:
    """A stranger's text in quotes, on one line, shortened, its control characters made visible.

    >>> quoted("a bell\\x07 rings"), quoted("  "), len(quoted(50 * "c"))
    ('“a bell⟨U+0007⟩ rings”', '(empty)', 42)
    """
    flat = one_line(visible(text), LONGEST_QUOTE)
    return f"“{flat}”" if text.strip() else "(empty)"


def unread_of(application: DecisionApplication, decisions: Sequence[Decision]) -> npt.NDArray[np.bool_]:
    """Which of the decisions could not be read, bool (case,).

    Raises
    ------
    NotJudged
        If fewer than four in five can be read.
    """
    undeclared = getattr(application, "options", ()) is None and not any(one.favourable for one in decisions)
    unread = np.array([_unread(one, undeclared) for one in decisions], dtype=np.bool_)
    if decisions and 1 - unread.mean() < READABLE:
        said = Counter(str(one.option) for one, alas in zip(decisions, unread, strict=True) if alas)
        shown = ", ".join(quoted(text) for text, _ in said.most_common(QUOTED))
        options = getattr(application, "options", ())
        wanted = (
            f"the declared options {', '.join(options)}"
            if options
            else f"'{application.favourable}', and no options are declared"
        )
        raise NotJudged(
            f"{int(unread.sum()):,} of {len(decisions):,} answers cannot be read as decisions, for instance {shown}; "
            f"expected {wanted}; at least {100 * READABLE:g} % must be readable"
        )
    return unread


def _unread(one: Decision, undeclared: bool) -> bool:
    """`undeclared`: no options are declared, and none of the answers is the favourable one."""
    text_only = one.option is not None and one.score is None
    return text_only and (one.favourable is None or undeclared)


def unread_words(unread: npt.NDArray[np.bool_]) -> str:
    """How many were left out, in words.

    >>> unread_words(np.array([True, False])), unread_words(np.array([False]))
    ('1 of 2 answers could not be read as decisions and are left out', '')
    """
    count = int(unread.sum())
    return f"{count:,} of {unread.size:,} answers could not be read as decisions and are left out" if count else ""
