"""The auditor's own meaning-matched texts: one thing said in the words of several groups, a row for each text.

Columns, in CSV with a header or in JSON lines, UTF-8: `meaning` (the same name for the same thing in all groups),
`group` and `text`. Optional: `attribute` (what the groups are groups of, such as dialect or language), `cluster`
(meanings that were not chosen one by one: the document, the speaker, the translator) and `source` (where to look for
what carries a gap).

What this module does not do: it cannot tell whether two texts mean the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.files.cell_text import names_nothing, one_spelling
from commonweal.measures.data_set import DataSet
from commonweal.measures.options import Limit, whole_units
from commonweal.models.group_labels import two_spellings
from commonweal.models.protocols import Continuation
from commonweal.models.table_rows import cell_text, named_rows

NEEDED = ("meaning", "group", "text")
OPTIONAL = ("attribute", "cluster", "source")
ATTRIBUTE = "group"
ATTRIBUTE_NAME = re.compile(r"[^\W\d][\w -]{0,39}")
TAKEN = frozenset(
    {"meaning", "cluster", "source", "text", "key", "context", "continuation", "logprob", "tokens", "greedy"}
)


@dataclass(frozen=True, slots=True)
class MatchedText:
    """One meaning in the words of one group. `cluster`: the unit that was sampled; `source`: "" where none is given."""

    attribute: str
    group: str
    meaning: str
    text: str
    cluster: str
    source: str

    def request(self) -> Continuation:
        """The whole text, from an empty context."""
        labels = {"meaning": self.meaning, "cluster": self.cluster, "source": self.source, self.attribute: self.group}
        return Continuation("", self.text, labels)


def read_matched_texts(data: DataSet) -> list[MatchedText]:
    """The texts of a data set; DataFileError names the first line that does not follow the format."""
    first_line: dict[tuple[str, str, str], str] = {}
    belongs: dict[tuple[str, str], tuple[str, str]] = {}
    texts: list[MatchedText] = []
    for path in data.files:
        for line, text in _rows(path):
            at = f"{path}:{line}"
            first = first_line.setdefault((text.attribute, text.group, text.meaning), at)
            if first != at:
                raise DataFileError(
                    f"{at} meaning '{text.meaning}' is there twice for {text.attribute} '{text.group}' (first in "
                    f"{first}); give each group one text per meaning"
                )
            for kind, name in (("cluster", text.cluster), ("source", text.source)):
                known, where = belongs.setdefault((kind, text.meaning), (name, at))
                if known != name:
                    raise DataFileError(
                        f"{at} meaning '{text.meaning}' is of {kind} '{name}' here and of '{known}' in {where}; a "
                        "meaning is of one"
                    )
            texts.append(text)
    if not texts:
        raise DataFileError(f"{data.files[0]}: no text in it")
    if (spelled := two_spellings(text.group for text in texts)) is not None:
        raise DataFileError(
            f"{data.files[0]}: the groups '{spelled[0]}' and '{spelled[1]}' differ only by case, spaces or Unicode "
            "form; give one group one spelling"
        )
    return texts


def _rows(path: Path) -> Iterator[tuple[int, MatchedText]]:
    names, rows = named_rows(path, NEEDED, OPTIONAL)
    for line, row in rows:
        yield line, _text(f"{path}:{line}", row, "cluster" in names)


def _text(where: str, row: Mapping[str, object], clustered: bool) -> MatchedText:
    meaning, group = (_name(where, row, name) for name in ("meaning", "group"))
    text = _needed(where, row, "text")
    attribute = cell_text(where, row, "attribute", numbered=True) or ATTRIBUTE
    if attribute in TAKEN or not ATTRIBUTE_NAME.fullmatch(attribute):
        raise DataFileError(
            f"{where} attribute '{attribute}' cannot be used; expected a short word such as dialect or language, and "
            f"none of: {', '.join(sorted(TAKEN))}"
        )
    cluster = _name(where, row, "cluster") if clustered else meaning
    return MatchedText(attribute, group, meaning, text, cluster, cell_text(where, row, "source", numbered=True))


def _name(where: str, row: Mapping[str, object], name: str) -> str:
    """The one spelling of a meaning, a group or a cluster; a word for "there is none" is no name."""
    words = _needed(where, row, name)
    if names_nothing(words):
        raise DataFileError(
            f"{where} {name} is '{words}', which names nothing; leave the row out, or write the name in full"
        )
    return one_spelling(words)


def _needed(where: str, row: Mapping[str, object], name: str) -> str:
    """The text of a cell, which is not empty; a number may name a meaning, a group or a cluster, but is no text."""
    words = cell_text(where, row, name, numbered=name != "text")
    if not words:
        raise DataFileError(
            f"{where} {name} is missing or empty; leave the row out where a group has no text for a meaning"
        )
    return words


def limited(texts: Sequence[MatchedText], limit: Limit) -> list[MatchedText]:
    """Whole meanings, of the sources in turn, as long as they fit into the limit."""
    chosen = whole_units(Counter((one.source, one.meaning) for one in texts), limit, "meaning")
    return [one for one in texts if (one.source, one.meaning) in chosen]
