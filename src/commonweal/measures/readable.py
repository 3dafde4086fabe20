"""Which answers of an application are decisions. One that is none of its options decides nothing: it is unread, not a rejection.

An answer is unread where it is not among the declared options. Where none are declared, whatever is not favourable counts as
unfavourable, but only if the favourable answer ever comes: from an application that answers "maybe" to all, nobody can tell
whether that is a rejection or a sentence that means something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from commonweal.errors import NotJudged
from commonweal.models.protocols import Decision, DecisionApplication

LEAST_READ = 0.9  # a choice: where more is unread than the gaps that matter, what is unread can make or hide a gap
SHOWN, LONGEST = 3, 60


def unread_of(application: DecisionApplication, decisions: Sequence[Decision]) -> npt.NDArray[np.bool_]:
    """Which of the decisions could not be read, bool (case,).

    Raises
    ------
    NotJudged
        If less than nine in ten can be read.
    """
    undeclared = getattr(application, "options", ()) is None and not any(one.favourable for one in decisions)
    unread = np.array([_unread(one, undeclared) for one in decisions], dtype=np.bool_)
    if decisions and 1 - unread.mean() < LEAST_READ:
        said = Counter(str(one.option) for one, alas in zip(decisions, unread, strict=True) if alas)
        shown = ", ".join(repr(text[:LONGEST]) for text, _ in said.most_common(SHOWN))
        options = getattr(application, "options", ())
        wanted = (
            f"the declared options {', '.join(options)}"
            if options
            else f"'{application.favourable}', and no options are declared"
        )
        raise NotJudged(
            f"{int(unread.sum()):,} of {len(decisions):,} answers cannot be read as decisions, for instance {shown}; expected {wanted}; "
            f"at least {100 * LEAST_READ:g} % must be readable"
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
