"""Matched texts that are longer than the model's window, which leave the comparison with their whole meaning.

Of such a text the model can be asked a part only, and bits of a part are not comparable with bits of a whole. Where one
group's text is too long, the meaning leaves for all groups, so that these are still compared on the same meanings. That
is a selection: what is left out are the longest texts, and it is told on every row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.inequity.dialect_gap.texts import MatchedText

MEANINGS_SHOWN, GROUPS_SHOWN = 5, 6


@dataclass(frozen=True, slots=True)
class Overlong:
    """All `texts`, and the `words` of those that are longer than the model's window."""

    texts: tuple[MatchedText, ...]
    words: frozenset[str] = frozenset()

    @property
    def meanings(self) -> frozenset[str]:
        """The meanings that are left out."""
        return frozenset(one.meaning for one in self.texts if one.text in self.words)

    @property
    def left(self) -> list[MatchedText]:
        """The texts that stay."""
        without = self.meanings
        return [one for one in self.texts if one.meaning not in without]

    def with_more(self, words: Collection[str]) -> Overlong:
        return replace(self, words=self.words | frozenset(words))

    def note(self, attribute: str, groups: Collection[str]) -> str:
        """What a reader of a number about these groups must know; "" where they lose nothing.

        >>> said = (MatchedText("group", "en", "m1", "a b", "m1", ""), MatchedText("group", "yo", "m1", "a b c", "m1",
        ...     ""))
        >>> note = Overlong(said, frozenset({"a b c"})).note("group", ("en", "yo"))
        >>> note.partition(": ")[2]
        'yo 1 of 1 (1 too long), en 1 of 1 (0 too long)'
        """
        own = [text for text in self.texts if text.attribute == attribute]
        without = self.meanings & {text.meaning for text in own}
        mine = Counter(text.group for text in own if text.group in groups)
        gone = Counter(text.group for text in own if text.group in groups and text.meaning in without)
        long = Counter(text.group for text in own if text.text in self.words)
        if not gone:
            return ""
        parts = [
            f"{group} {gone[group]} of {mine[group]} ({long[group]} too long)"
            for group in sorted(gone, key=lambda group: (-long[group], group))
        ]
        verb, theirs = ("is", "it") if len(without) == 1 else ("are", "theirs")
        return (
            f"{len(without)} of {len({text.meaning for text in own})} meanings {verb} left out for all groups, since "
            f"a text of {theirs} is longer than the model's window ({_some(sorted(without), MEANINGS_SHOWN)}), so "
            f"that this is about the shorter texts only; texts left out: {_some(parts, GROUPS_SHOWN)}"
        )

    def told_on(self, row: Estimate | Missing) -> Estimate | Missing:
        """The row with that note, about its own groups, or about all groups of its attribute."""
        if not self.words:
            return row
        (attribute, group), *_ = (row.group or {}).items()
        groups = {group, *(row.reference or {}).values()}
        known = {one.group for one in self.texts if one.attribute == attribute}
        field = "note" if isinstance(row, Estimate) else "reason"
        note = self.note(attribute, groups if groups <= known else known)
        return row.model_copy(update={field: "; ".join(filter(None, (getattr(row, field), note)))})


def _some(names: Sequence[str], shown: int) -> str:
    """The first of several names, and how many more there are."""
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
