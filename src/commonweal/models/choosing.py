"""Questions with a fixed set of answers: put to a model, or looked up in a file of answers that came from elsewhere.

A model that gives probabilities chooses the answer that it finds most likely (the sum of its tokens'
log-probabilities). A model that only writes text is shown the answers under letters; what it writes is read as an
answer from a file is (reading.py), and comes back beside the option that it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.files.cell_text import name_in, one_spelling
from commonweal.models.file_hashes import sha256_of_file
from commonweal.models.protocols import Answer, Chooser, Continuation, GenerationRequest, LanguageModel, Question
from commonweal.models.reading import LETTERS, read
from commonweal.models.table_rows import refuse_weights, table_rows

ANSWER_TOKENS = 16
NAMES_SHOWN = 3


def chooser_of(model: LanguageModel) -> Chooser:
    """The way in which this model can choose."""
    return ScoredChooser(model) if model.gives_logprobs else WrittenChooser(model)


class ScoredChooser:
    """Chooses the most likely answer; where several are equally likely, it chooses none."""

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
        return [Answer(_likeliest(each), None) for each in logprobs]


def _likeliest(logprobs: list[float]) -> int | None:
    """The place of the largest; None for a tie, which decides nothing.

    >>> _likeliest([-2.0, -1.0, -3.0]), _likeliest([-1.0, -1.0, -3.0])
    (1, None)
    """
    best = max(logprobs)
    return logprobs.index(best) if logprobs.count(best) == 1 else None


class WrittenChooser:
    """Shows the answers under letters and reads what the model writes."""

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
        return [_answer(text, question) for text, question in zip(texts, questions, strict=True)]


def _lettered(question: Question) -> str:
    lines = [f"{LETTERS[place]}. {option}" for place, option in enumerate(question.options)]
    context = question.context.removesuffix("Answer:").rstrip()
    return "\n".join([context, *lines, "Answer with one letter.", "Answer:"])


def _answer(text: str, question: Question) -> Answer:
    meant = read(text, question.options)
    return Answer(meant.option, text, meant.cut)


class PredictedAnswers:
    """Answers that were obtained elsewhere: a table with the columns `item` and `answer` (JSON lines or CSV)."""

    device = "no device"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fingerprint = sha256_of_file(path)
        self._answers, self._second = read_answers(path)

    def choose(self, questions: Sequence[Question]) -> list[Answer]:
        """The stored answer to each question; DataFileError where questions and answers are not the same ones, or
        one has two.
        """
        if self._second:
            raise DataFileError(f"{self._second}; {_names_asked(questions)}")
        stored = {one_spelling(item): answer for item, answer in self._answers.items()}
        asked = {one_spelling(question.id) for question in questions}
        absent = [question.id for question in questions if one_spelling(question.id) not in stored]
        unknown = [item for item in self._answers if one_spelling(item) not in asked]
        if absent or unknown:
            parts = [f"no answer to {len(absent)} of {len(asked)} questions ({_some(absent)})"] if absent else []
            answers = "1 answer" if len(unknown) == 1 else f"{len(unknown)} answers"
            parts += [f"{answers} to questions that are not asked ({_some(unknown)})"] if unknown else []
            mend = "predictions and data must be about the same questions"
            if absent and unknown:
                mend += f"; {_names_asked(questions)}"
            elif unknown:
                mend += "; if --limit was given, it is the likely cause, for it asks fewer: leave it out"
            raise DataFileError(f"{self.path}: {'; '.join(parts)}; {mend}")
        return [_answer(stored[one_spelling(question.id)], question) for question in questions]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")


def _names_asked(questions: Sequence[Question]) -> str:
    return f"`item` names one question, such as {_some([question.id for question in questions])}"


def read_answers(path: Path) -> tuple[dict[str, str], str]:
    """Item -> answer, and where the first item stands that is there for the second time, or "".

    DataFileError names the line that has no item or no answer. An empty answer is one: the system said nothing, which
    chooses nothing.
    """
    answers: dict[str, str] = {}
    seen: dict[str, str] = {}
    second = ""
    for line, row in table_rows(path):
        if absent := [column for column in ("item", "answer") if row.get(column) is None]:
            raise DataFileError(
                f"{path}:{line} no '{absent[0]}'; expected the columns item and answer, got {', '.join(row)}"
            )
        refuse_weights(path, row, "answer")
        item = name_in(str(row["item"]))
        if item is None:
            is_what = f"is '{row['item']}', which names nothing" if str(row["item"]).strip() else "is empty"
            raise DataFileError(
                f"{path}:{line} the item {is_what}; expected the name of the question that the answer is to"
            )
        first = seen.setdefault(one_spelling(item), item)
        if item in answers or first != item:
            as_first = f" (as '{first}')" if first != item else ""
            second = second or f"{path}:{line} a second answer to item '{item}'{as_first}"
        answers[item] = str(row["answer"])
    if not answers:
        raise DataFileError(f"{path}: no answer in it")
    return answers, second
