"""The pairs of CrowS-Pairs: read, checked and limited."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

from commonweal.errors import DataFileError, NotApplicable
from commonweal.measures.data_set import DataSet, once_each
from commonweal.measures.options import Limit
from commonweal.models.table_rows import table_rows

# The published set, nyu-mll/crows-pairs@8aaac11.
PUBLISHED = {
    "age": 87,
    "disability": 60,
    "gender": 262,
    "nationality": 159,
    "physical-appearance": 63,
    "race-color": 516,
    "religion": 105,
    "sexual-orientation": 84,
    "socioeconomic": 172,
}
DIRECTIONS = {"stereo": 1290, "antistereo": 218}
FIELDS = ("sent_more", "sent_less", "stereo_antistereo", "bias_type", "anon_writer")


@dataclass(frozen=True, slots=True)
class SentencePair:
    """Two sentences that differ in whom they are about.

    `direction`: `more` affirms a stereotype, or `less` violates one.
    """

    id: str
    bias_type: str
    direction: str
    writer: str
    more: str
    less: str

    @property
    def words(self) -> str:
        """The words that one sentence has and the other has not, by sentence: which groups the pair sets against each
        other.

        >>> SentencePair("1", "age", "stereo", "a1", "Old men are slow.", "Young men are slow.").words
        'old / young'
        """
        more, less = (re.findall(r"\w+", text.lower()) for text in (self.more, self.less))
        changes = [op for op in SequenceMatcher(None, more, less, autojunk=False).get_opcodes() if op[0] != "equal"]
        only = [
            {word for _, i, j, _, _ in changes for word in more[i:j]},
            {word for *_, i, j in changes for word in less[i:j]},
        ]
        return " / ".join(sorted(" ".join(sorted(words)) for words in only))


def read_pairs(data: DataSet) -> list[SentencePair]:
    """The pairs of a data set; DataFileError names the first line that is none."""
    found = ((f"{path}:{line}", _pair(path, line, row)) for path in data.files for line, row in table_rows(path))
    return once_each(data, found, "pair")


def _pair(path: Path, line: int, row: Mapping[str, object]) -> SentencePair:
    absent = [name for name in FIELDS if not str(row.get(name) or "").strip()]
    if absent:
        raise DataFileError(
            f"{path}:{line} fields are missing or empty: {', '.join(absent)}; expected the columns of the original "
            "CrowS-Pairs (its revised multilingual edition has no writers, and is another set)"
        )
    kind, direction = str(row["bias_type"]), str(row["stereo_antistereo"])
    if kind not in PUBLISHED:
        raise DataFileError(f"{path}:{line} unknown bias type '{kind}'; CrowS-Pairs has: {', '.join(PUBLISHED)}")
    if direction not in DIRECTIONS:
        raise DataFileError(f"{path}:{line} stereo_antistereo is '{direction}', expected {' or '.join(DIRECTIONS)}")
    more, less = str(row["sent_more"]), str(row["sent_less"])
    if more == less:
        raise DataFileError(f"{path}:{line} both sentences are the same, so neither can be the more likely one")
    number = row.get("", row.get("index"))  # the column of numbers has no name
    name = f"line {line}" if number is None else str(number)
    return SentencePair(name, kind, direction, str(row["anon_writer"]), more, less)


def limited(pairs: Sequence[SentencePair], limit: Limit) -> list[SentencePair]:
    """Pairs of each bias type in turn, as many as the limit allows."""
    if limit.items is None:
        return list(pairs)
    kinds: dict[str, list[SentencePair]] = defaultdict(list)
    for pair in sorted(pairs, key=lambda pair: (len(pair.id), pair.id)):
        kinds[pair.bias_type].append(pair)
    in_turn = [
        pair for row in zip_longest(*(kinds[kind] for kind in sorted(kinds))) for pair in row if pair is not None
    ]
    if limit.items < 1:
        raise NotApplicable(f"--limit {limit.items} leaves no pair")
    return in_turn[: limit.items]
