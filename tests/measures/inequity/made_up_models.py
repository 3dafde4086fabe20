"""Models that answer as a function says: one that chooses, and one that gives texts their log-probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from commonweal.models.protocols import Answer, Continuation, GenerationRequest, Question, Score

Said = Callable[[Question], Answer]


class Saying:
    """Answers every question as told."""

    fingerprint, device = "f", "cpu"

    def __init__(self, said: Said) -> None:
        self.said = said

    def choose(self, questions: Sequence[Question]) -> list[Answer]:
        return [self.said(question) for question in questions]


def coin(seed: int) -> Said:
    rng = np.random.default_rng(seed)
    return lambda _: Answer(int(rng.integers(2)), None)


class Likely:
    """Gives each text the log-probability that a function of its request says; a token is a word."""

    locator, fingerprint, device, gives_logprobs = "made up", "f", "cpu", True

    def __init__(self, logprob: Callable[[Continuation], float]) -> None:
        self.logprob = logprob

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        return [Score(self.logprob(request), len(request.continuation.split()), False) for request in requests]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        raise NotImplementedError
