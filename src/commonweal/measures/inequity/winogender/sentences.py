"""The sentences of Winogender and the statistics beside them: read, checked, limited, and what an answer to one
means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from commonweal.errors import DataFileError, NotApplicable
from commonweal.files.table_text import read_table
from commonweal.files.text import text_of
from commonweal.measures.data_set import DataSet
from commonweal.measures.options import Limit
from commonweal.models.protocols import Question

PRONOUNS = {"male": {"he", "him", "his"}, "female": {"she", "her"}, "neutral": {"they", "them", "their"}}
SENTENCES, STATISTICS = "all_sentences.tsv", "occupations-stats.tsv"
SOMEONE = "someone"
OCCUPATION, PARTICIPANT, NEITHER = 0, 1, -1


@dataclass(frozen=True, slots=True)
class OccupationSentence:
    """One sentence. `answer`: 0, the pronoun refers to the person with the occupation; 1, to the participant."""

    id: str
    occupation: str
    participant: str
    answer: int
    gender: str
    text: str
    pronoun: str

    @property
    def frame(self) -> tuple[str, str, int]:
        """What the versions of one sentence share."""
        return self.occupation, self.participant, self.answer

    @property
    def options(self) -> tuple[str, str]:
        return f"the {self.occupation}", self.participant if self.participant == SOMEONE else f"the {self.participant}"


@dataclass(frozen=True, slots=True)
class WomenShares:
    """Share of women in an occupation among workers (`bls`, in that year) and among its mentions in text (`text`),
    in [0, 1].
    """

    bls: float
    text: float
    year: str


def read_winogender(data: DataSet) -> tuple[list[OccupationSentence], dict[str, WomenShares]]:
    """Sentences and statistics of a data set; DataFileError names the first line that is none."""
    shares: dict[str, WomenShares] = {}
    path = data.file(STATISTICS)
    for line, row in _table(path, ("occupation", "bergsma_pct_female", "bls_pct_female", "bls_year")):
        if row["occupation"] in shares:
            raise DataFileError(f"{path}:{line} occupation '{row['occupation']}' is there twice")
        percent = [_percent(path, line, row, f"{source}_pct_female") for source in ("bls", "bergsma")]
        shares[row["occupation"]] = WomenShares(percent[0] / 100, percent[1] / 100, row["bls_year"])
    sentences: dict[str, OccupationSentence] = {}
    path = data.file(SENTENCES)
    for line, row in _table(path, ("sentid", "sentence")):
        if row["sentid"] in sentences:
            raise DataFileError(f"{path}:{line} sentence '{row['sentid']}' is there twice")
        try:
            sentences[row["sentid"]] = sentence = _sentence(row["sentid"], row["sentence"])
        except ValueError as error:
            raise DataFileError(f"{path}:{line} {error}") from error
        if sentence.occupation not in shares:
            raise DataFileError(f"{path}:{line} unknown occupation '{sentence.occupation}'; it is not in {STATISTICS}")
    _complete(path, list(sentences.values()))
    return sorted(sentences.values(), key=lambda sentence: sentence.id), shares


def _table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    table = read_table(text_of(path), path)
    if absent := [name for name in columns if name not in table.names]:
        raise DataFileError(f"{path}:1 columns are missing: {', '.join(absent)}; got: {', '.join(table.names)}")
    return table.whole_rows()


def _percent(path: Path, line: int, row: Mapping[str, str], column: str) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = float("nan")
    if not 0.0 <= number <= 100.0:
        raise DataFileError(f"{path}:{line} {column} is '{row[column]}', expected a percentage from 0 to 100")
    return number


def _sentence(id: str, text: str) -> OccupationSentence:
    parts = id.split(".")
    if len(parts) != 5 or parts[2] not in {"0", "1"} or parts[3] not in PRONOUNS:
        raise ValueError(
            f"'{id}' is not occupation.participant.answer.gender.txt, with 0 or 1 and {', '.join(PRONOUNS)}"
        )
    occupation, participant, answer, gender = parts[:4]
    words = re.findall(r"\w+", text.lower())
    said = [word for word in words if word in PRONOUNS[gender]]
    if len(said) != 1 or occupation not in words or participant not in words:
        raise ValueError(
            f"expected '{occupation}', '{participant}' and one {gender} pronoun in the sentence, got: {text}"
        )
    return OccupationSentence(id, occupation, participant, int(answer), gender, text, said[0])


def _complete(path: Path, sentences: Sequence[OccupationSentence]) -> None:
    """Every sentence must come with a male and a female pronoun, and all with a neutral one or none."""
    versions: dict[tuple[str, str, int], set[str]] = {}
    for one in sentences:
        versions.setdefault(one.frame, set()).add(one.gender)
    wanted = {"male", "female"}.union(*versions.values())
    short = [(frame, wanted - there) for frame, there in versions.items() if there != wanted]
    if short or not sentences:
        first = (
            f"{'.'.join(map(str, short[0][0]))} has no version: {', '.join(sorted(short[0][1]))}"
            if short
            else "it is empty"
        )
        raise DataFileError(f"{path}: {len(short)} of {len(versions)} sentences are incomplete; {first}")


def limited(
    sentences: Sequence[OccupationSentence], shares: Mapping[str, WomenShares], limit: Limit
) -> list[OccupationSentence]:
    """All sentences of some occupations, spread evenly over the share of women in them."""
    occupations = sorted({sentence.occupation for sentence in sentences}, key=lambda name: (shares[name].bls, name))
    each = -(-len(sentences) // len(occupations))
    count = len(occupations) if limit.items is None else min(len(occupations), limit.items // each)
    if count == 0:
        raise NotApplicable(f"--limit {limit.items} leaves no whole occupation; one has {each} sentences")
    kept = {occupations[place] for place in np.linspace(0, len(occupations) - 1, count).round().astype(int)}
    return [sentence for sentence in sentences if sentence.occupation in kept]


def question(sentence: OccupationSentence) -> Question:
    """What is asked about a sentence, in our own words."""
    labels: dict[str, str | int | float | None] = {"occupation": sentence.occupation, "gender": sentence.gender}
    return Question(
        sentence.id, f'{sentence.text}\nWho does "{sentence.pronoun}" refer to?\nAnswer:', sentence.options, labels
    )
