"""What a measure may ask of a model or an application, and the records that cross.

A measure never sees a library's tensors: it scores continuations, generates, or asks for decisions. Every request
may carry `labels`, which are kept beside its outcome in the item journal so that an auditor can redo the arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

Labels = Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Continuation:
    """Score `continuation` after `context`."""

    context: str
    continuation: str
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Score:
    """log P(continuation | context) [nat], over `tokens` tokens; `greedy`: each was the most likely one."""

    logprob: float
    tokens: int
    greedy: bool


@dataclass(frozen=True, slots=True)
class Altered:
    """How many requests a model did not read simply as they were asked, of all that it was asked since it was opened.

    `truncated`: longer than its window, so that the context lost its beginning. `merged`: the continuation begins
    within a token that it shares with the end of its context, so that only the rest of it was scored, or, where there
    is none, it was encoded alone. `begun`: the text begins with the model's beginning token, so that none was put
    before it.

    >>> Altered(3, 1) - Altered(truncated=2)
    Altered(truncated=1, merged=1, begun=0)
    """

    truncated: int = 0
    merged: int = 0
    begun: int = 0

    def words(self, requests: str) -> Iterator[str]:
        """What was done to how many of the `requests`, a clause each.

        >>> list(Altered(merged=2).words("of the requests"))  # doctest: +NORMALIZE_WHITESPACE
        ['2 of the requests share a token with the end of their context: only what comes after it was scored, or,
        without any, all by itself']
        """
        if self.truncated:
            yield (
                f"{self.truncated} {requests} were longer than the model's window and lost the beginning of their "
                "context"
            )
        if self.merged:
            yield (
                f"{self.merged} {requests} share a token with the end of their context: only what comes after it was "
                "scored, or, without any, all by itself"
            )
        if self.begun:
            yield (
                f"{self.begun} {requests} begin with the model's beginning token themselves, so no second one was put "
                "before them"
            )

    def __add__(self, other: Altered) -> Altered:
        return Altered(self.truncated + other.truncated, self.merged + other.merged, self.begun + other.begun)

    def __sub__(self, other: Altered) -> Altered:
        return Altered(self.truncated - other.truncated, self.merged - other.merged, self.begun - other.begun)


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """Continue `context`. Temperature 0 is greedy; otherwise `seed` makes the draw reproducible."""

    context: str
    max_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One input put to an application: the text of a résumé, a claim, a message."""

    text: str
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What an application answered to one case.

    `score`: the log-odds of the favourable answer [nat] where the application can tell, or its own score.
    `option`: the answer by name. `favourable` is None where the rule needs the whole pool (`top_share`).
    """

    option: str | None
    favourable: bool | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question with a fixed set of answers. `context` ends where an answer begins; `id` is unique in its data set."""

    id: str
    context: str
    options: tuple[str, ...]
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The place of the chosen option, None where the answer could not be read, and its text, where there is one.

    `cut`: the text is only the beginning of that option.
    """

    option: int | None
    text: str | None
    cut: bool = False


@runtime_checkable
class LanguageModel(Protocol):
    """A model that can be asked. Answers come in the order of the requests and do not depend on the batch.

    `gives_logprobs`: whether `score` can be asked; an endpoint that only writes text raises NotApplicable there.
    """

    locator: str
    fingerprint: str
    device: str
    gives_logprobs: bool

    def score(self, requests: Sequence[Continuation]) -> list[Score]: ...

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]: ...


@runtime_checkable
class Chooser(Protocol):
    """A model that chooses among answers, or a file of answers that were obtained elsewhere (on no device)."""

    fingerprint: str
    device: str

    def choose(self, questions: Sequence[Question]) -> list[Answer]: ...


@runtime_checkable
class DecisionApplication(Protocol):
    """An application with a favourable outcome.

    `score_unit`: "nat" (log-odds of the favourable answer), "score" (its own scale), or None (it gives no score).
    `top_share`: the share of a pool that is chosen, where that is the rule; else None.
    `threshold`: the cut on the score, where that is the rule; else None.
    `runs_here`: whether the work is done on this machine (an HTTP application's is not known to be).
    """

    name: str
    fingerprint: str
    device: str
    favourable: str
    score_unit: str | None
    top_share: float | None
    threshold: float | None
    runs_here: bool

    def decide(self, cases: Sequence[Case]) -> list[Decision]: ...
