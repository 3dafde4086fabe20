"""Questions with a fixed set of answers: put to a model, or looked up in a file of answers that came from elsewhere.

A model that gives probabilities chooses the answer that it finds most likely (the sum of its tokens' log-probabilities).
A model that only writes text is shown the answers under letters, and what it writes is returned as it is; so is an
answer from a file. Which of the answers a text means is for the measure to say.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from commonweal.errors import DataFileError
from commonweal.models.contents import sha256_of_file
from commonweal.models.protocols import Answer, Chooser, Continuation, GenerationRequest, LanguageModel, Question
from commonweal.text_file import json_of, text_of

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALONE = re.compile(r"(?<![A-Z])([A-Z])(?=[.):]|$)", re.MULTILINE)
ANSWER_TOKENS = 16
NAMES_SHOWN = 3


def chooser_of(model: LanguageModel) -> Chooser:
    """The way in which this model can choose."""
    return ScoredChooser(model) if model.gives_logprobs else WrittenChooser(model)


class ScoredChooser:
    """Chooses the most likely answer; a tie goes to the first."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.fingerprint, self.device = model.fingerprint, model.device

    def choose(self, questions: Sequence[Question]) -> list[Answer]:
        """An answer to each question, in their order."""
        requests = [
            Continuation(question.context, f" {option}", {**question.labels, "item": question.id, "option": place})
            for question in questions
            for place, option in enumerate(question.options)
        ]
        scores = iter(self._model.score(requests))
        logprobs = [[next(scores).logprob for _ in question.options] for question in questions]
        return [Answer(max(range(len(each)), key=each.__getitem__), None) for each in logprobs]


class WrittenChooser:
    """Shows the answers under letters and returns what the model writes; a letter is taken for its answer."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.fingerprint, self.device = model.fingerprint, model.device

    def choose(self, questions: Sequence[Question]) -> list[Answer]:
        """An answer to each question, in their order."""
        requests = [
            GenerationRequest(_lettered(question), ANSWER_TOKENS, labels={**question.labels, "item": question.id})
            for question in questions
        ]
        texts = self._model.generate(requests)
        return [Answer(_letter(text, len(question.options)), text) for text, question in zip(texts, questions, strict=True)]


def _lettered(question: Question) -> str:
    lines = [f"{LETTERS[place]}. {option}" for place, option in enumerate(question.options)]
    context = question.context.removesuffix("Answer:").rstrip()
    return "\n".join([context, *lines, "Answer with one letter.", "Answer:"])


def _letter(text: str, options: int) -> int | None:
    """The option that a text names by its letter: one letter that stands alone, and no other one; else None.

    >>> _letter(" B. The", 3), _letter("b)", 3), _letter("Both", 3), _letter("D", 3), _letter("A boy", 3)
    (1, 1, None, None, None)
    >>> _letter("A. The old man B. The boy", 3), _letter("The answer is (C).", 3)
    (None, 2)
    """
    named = {letter for letter in ALONE.findall(text.strip().upper()) if letter in LETTERS[:options]}
    return LETTERS.index(named.pop()) if len(named) == 1 else None


class PredictedAnswers:
    """Answers that were obtained elsewhere: a table with the columns `item` and `answer` (JSON lines or CSV)."""

    device = "no device"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fingerprint = sha256_of_file(path)
        self._answers = read_answers(path)

    def choose(self, questions: Sequence[Question]) -> list[Answer]:
        """The stored answer to each question; DataFileError where items and answers are not the same ones."""
        asked = {question.id for question in questions}
        absent = [question.id for question in questions if question.id not in self._answers]
        unknown = [item for item in self._answers if item not in asked]
        if absent or unknown:
            parts = [f"no answer to {len(absent)} of {len(asked)} items ({_some(absent)})"] if absent else []
            parts += [f"{len(unknown)} answers to items that are not asked ({_some(unknown)})"] if unknown else []
            raise DataFileError(f"{self.path}: {'; '.join(parts)}; predictions and data must be about the same items")
        return [Answer(None, self._answers[question.id]) for question in questions]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")


def read_answers(path: Path) -> dict[str, str]:
    """Item -> answer; DataFileError names the line that has no item, no answer, or an item for the second time.

    An empty answer is one: the system said nothing, which chooses nothing.
    """
    answers: dict[str, str] = {}
    for line, row in table_rows(path):
        if absent := [column for column in ("item", "answer") if row.get(column) is None]:
            raise DataFileError(f"{path}:{line} no '{absent[0]}'; expected the columns item and answer, got {', '.join(row)}")
        if not str(row["item"]).strip():
            raise DataFileError(f"{path}:{line} the item is empty; expected the name of the question that the answer is to")
        item = str(row["item"])
        if item in answers:
            raise DataFileError(f"{path}:{line} a second answer to item '{item}'")
        answers[item] = str(row["answer"])
    if not answers:
        raise DataFileError(f"{path}: no answer in it")
    return answers


def table_rows(path: Path, read: Callable[[str, Path, int], Any] = json_of) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Line number and columns of each row of a CSV file (with a header) or a file of JSON lines, in UTF-8.

    `read`: how a line of JSON is read; `json_as_written` for who refuses half of a surrogate pair under the name of its field.
    """
    text = text_of(path)
    if path.suffix.lower() == ".csv":
        reader = csv.DictReader(io.StringIO(text, newline=""))
        for row in reader:
            if None in row or None in row.values():
                raise DataFileError(f"{path}:{reader.line_num} has not as many fields as the header")
            yield reader.line_num, row
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            fields = read(line, path, number)
            if not isinstance(fields, dict):
                raise DataFileError(f"{path}:{number} holds {type(fields).__name__}, expected an object")
            yield number, fields
