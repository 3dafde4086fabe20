"""Models and applications that remember: every answer goes to the journal before a measure sees it.

A measure asks as if nothing could go wrong. What an earlier run already asked is read back; what is new is asked in
small chunks, each written down before the next. So a run that is killed goes on at the next item.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from commonweal.evidence.journal import Item, Journal
from commonweal.files.foreign_text import whole
from commonweal.models.protocols import (
    Case,
    Continuation,
    Decision,
    DecisionApplication,
    GenerationRequest,
    LanguageModel,
    Score,
)

CHUNK = 64
SCORES_AT_ONCE = 1024  # in the order of their texts, so that what begins alike is read together
Tick = Callable[[int, int], None]
Judgement = Item


def request_key(*parts: object) -> str:
    """The key of one request: a hash of everything in it that its answer depends on.

    >>> request_key("a", "b") == request_key("ab", "")
    False
    """
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


class RecordedApplication:
    """A `DecisionApplication` whose every decision is journalled."""

    def __init__(self, application: DecisionApplication, journal: Journal, tick: Tick) -> None:
        self._application, self._journal, self._tick = application, journal, tick
        self.name = application.name
        self.fingerprint = application.fingerprint
        self.device = application.device
        self.favourable = application.favourable
        self.options = getattr(application, "options", ())
        self.score_unit = application.score_unit
        self.top_share = application.top_share
        self.threshold = application.threshold
        self.runs_here = application.runs_here

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        """Decisions in the order of the cases."""

        def ask(chunk: Sequence[Case]) -> Iterable[Item]:
            for case, decision in zip(chunk, self._application.decide(chunk), strict=True):
                option = None if decision.option is None else whole(decision.option)
                answer = {"option": option, "favourable": decision.favourable, "score": decision.score}
                yield {**case.labels, "text": case.text, **answer}

        items = _recall(cases, [request_key(case.text) for case in cases], self._journal, ask, self._tick)
        return [Decision(item["option"], item["favourable"], item["score"]) for item in items]


class Ledger:
    """How a measure judged each answer, written beside it in the item journal for auditors."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def write(self, items: Iterable[Item]) -> None:
        """Keep the items whose `key` is not there yet."""
        self._journal.append_new(items)


def judgement(
    name: str, texts: Sequence[str], labels: Mapping[str, str | None], outcomes: Mapping[str, float | None]
) -> Judgement:
    """What a measure made of the item `name`, as an item of its own: `judged` names it.

    The key depends on what was asked, so that two runs have it in common only where they were about the same `texts`.
    """
    return {"key": request_key("judged", name, *texts), "judged": name, **labels, **outcomes}


class RecordedModel:
    """A `LanguageModel` whose every score and generation is journalled."""

    def __init__(self, model: LanguageModel, journal: Journal, tick: Tick) -> None:
        self._model, self._journal, self._tick = model, journal, tick
        self.locator = model.locator
        self.fingerprint = model.fingerprint
        self.device = model.device
        self.gives_logprobs = model.gives_logprobs

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        """Scores in the order of the requests."""

        def ask(chunk: Sequence[Continuation]) -> Iterable[Item]:
            for request, score in zip(chunk, self._model.score(chunk), strict=True):
                asked = {"context": request.context, "continuation": request.continuation}
                yield {
                    **request.labels,
                    **asked,
                    "logprob": score.logprob,
                    "tokens": score.tokens,
                    "greedy": score.greedy,
                }

        keys = [request_key("score", request.context, request.continuation) for request in requests]
        return [
            Score(item["logprob"], item["tokens"], item["greedy"])
            for item in _recall(
                requests, keys, self._journal, ask, self._tick, lambda request: request.context + request.continuation
            )
        ]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """Texts in the order of the requests."""

        def ask(chunk: Sequence[GenerationRequest]) -> Iterable[Item]:
            for request, text in zip(chunk, self._model.generate(chunk), strict=True):
                yield {**request.labels, "context": request.context, "seed": request.seed, "text": whole(text)}

        keys = [request_key("generate", r.context, r.max_tokens, r.temperature, r.seed) for r in requests]
        return [str(item["text"]) for item in _recall(requests, keys, self._journal, ask, self._tick)]


def _recall(
    requests: Sequence[Any],
    keys: Sequence[str],
    journal: Journal,
    ask: Callable[[Sequence[Any]], Iterable[Item]],
    tick: Tick,
    order: Callable[[Any], str] | None = None,
) -> list[Item]:
    """The item of each request: read back where it is known, asked and journalled where it is not.

    With an `order`, requests are asked in it and more at once.
    """
    unknown = {key: request for key, request in zip(keys, requests, strict=True) if key not in journal}
    done, total = len(keys) - len(unknown), len(keys)
    tick(done, total)
    waiting = list(unknown.items()) if order is None else sorted(unknown.items(), key=lambda pair: order(pair[1]))
    size = CHUNK if order is None else SCORES_AT_ONCE
    for start in range(0, len(waiting), size):
        chunk = waiting[start : start + size]
        journal.append(
            [
                {"key": key} | item | {"key": key}
                for (key, _), item in zip(chunk, ask([request for _, request in chunk]), strict=True)
            ]
        )
        done += len(chunk)
        tick(done, total)
    return [journal[key] for key in keys]
