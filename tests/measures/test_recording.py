from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from commonweal.evidence.journal import Journal
from commonweal.measures.recording import CHUNK, RecordedApplication, RecordedModel, request_key
from commonweal.models.protocols import (
    Case,
    Continuation,
    Decision,
    DecisionApplication,
    GenerationRequest,
    LanguageModel,
    Score,
)


class Lengths:
    """Answers by the length of what it is asked, and counts what it is asked."""

    locator = name = "lengths"
    fingerprint, device, favourable, score_unit = "f", "cpu", "yes", "nat"
    top_share, threshold, runs_here, gives_logprobs = None, 0.0, True, True

    def __init__(self, stops_after: int | None = None) -> None:
        self.asked: list[str] = []
        self.stops_after = stops_after

    def note(self, text: str) -> None:
        if len(self.asked) == self.stops_after:
            raise KeyboardInterrupt
        self.asked.append(text)

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        for case in cases:
            self.note(case.text)
        return [
            Decision("yes" if len(case.text) > 3 else "no", len(case.text) > 3, float(len(case.text))) for case in cases
        ]

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        for request in requests:
            self.note(request.context + request.continuation)
        return [Score(-float(len(request.context)), len(request.continuation), False) for request in requests]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        for request in requests:
            self.note(request.context)
        return [f"{request.context}/{request.max_tokens}/{request.temperature}/{request.seed}" for request in requests]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "k") as opened:
        yield opened


def quiet(done: int, total: int) -> None:
    """Progress that nobody watches."""


def test_the_recorded_are_what_a_measure_may_ask(journal: Journal) -> None:
    assert isinstance(RecordedApplication(Lengths(), journal, quiet), DecisionApplication)
    assert isinstance(RecordedModel(Lengths(), journal, quiet), LanguageModel)


def test_answers_come_in_the_order_asked_and_equal_texts_are_asked_once(journal: Journal) -> None:
    lengths = Lengths()
    decisions = RecordedApplication(lengths, journal, quiet).decide([Case("aaaa"), Case("b"), Case("aaaa"), Case("cc")])
    assert decisions == lengths.decide([Case("aaaa"), Case("b"), Case("aaaa"), Case("cc")])
    assert lengths.asked[:3] == ["aaaa", "b", "cc"]


def test_what_is_known_is_read_back_and_only_the_rest_is_asked(tmp_path: Path) -> None:
    first, second = Lengths(), Lengths()
    cases = [Case(f"case {index}", {"unit": f"name {index}"}) for index in range(CHUNK + 5)]
    with Journal(tmp_path / "k") as journal:
        before = RecordedApplication(first, journal, quiet).decide(cases[:10])
        journal.compact()
    with Journal(tmp_path / "k") as journal:
        after = RecordedApplication(second, journal, quiet).decide(cases)
        assert journal[request_key("case 3")]["unit"] == "name 3"
        assert journal[request_key("case 3")]["text"] == "case 3"
    assert after[:10] == before
    assert second.asked == [case.text for case in cases[10:]]


def test_a_stop_in_the_middle_keeps_every_chunk_before_it(tmp_path: Path) -> None:
    cases = [Case(f"case {index}") for index in range(3 * CHUNK)]
    with Journal(tmp_path / "k") as journal, pytest.raises(KeyboardInterrupt):
        RecordedApplication(Lengths(stops_after=2 * CHUNK + 3), journal, quiet).decide(cases)
    again = Lengths()
    with Journal(tmp_path / "k") as journal:
        assert RecordedApplication(again, journal, quiet).decide(cases) == Lengths().decide(cases)
    assert again.asked == [case.text for case in cases[2 * CHUNK :]]


def test_a_label_that_is_called_key_does_not_take_the_place_of_the_key(journal: Journal) -> None:
    recorded = RecordedApplication(Lengths(), journal, quiet)
    assert recorded.decide([Case("aaaa", {"key": "women"}), Case("b", {"key": "women"})]) == Lengths().decide(
        [Case("aaaa"), Case("b")]
    )


def test_scores_and_texts_with_another_request_are_other_items(journal: Journal) -> None:
    lengths = Lengths()
    recorded = RecordedModel(lengths, journal, quiet)
    scores = [Continuation("ab", "c"), Continuation("a", "bc"), Continuation("ab", "c")]
    texts = [
        GenerationRequest("ab"),
        GenerationRequest("ab", seed=1),
        GenerationRequest("ab", max_tokens=3),
        GenerationRequest("ab", temperature=1.0),
    ]
    assert recorded.score(scores) == Lengths().score(scores)
    assert recorded.generate(texts) == Lengths().generate(texts)
    assert len(lengths.asked) == 2 + 4
    assert recorded.score(scores) == Lengths().score(scores)
    assert recorded.generate(texts) == Lengths().generate(texts)
    assert len(lengths.asked) == 6


def test_progress_starts_with_what_is_known_and_ends_with_everything(journal: Journal) -> None:
    seen: list[tuple[int, int]] = []
    cases = [Case(f"case {index}") for index in range(2 * CHUNK)]
    RecordedApplication(Lengths(), journal, quiet).decide(cases[:5])
    RecordedApplication(Lengths(), journal, lambda done, total: seen.append((done, total))).decide(cases)
    assert seen[0] == (5, 2 * CHUNK)
    assert seen[-1] == (2 * CHUNK, 2 * CHUNK)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_application_that_leaves_an_answer_out_is_an_error_and_not_a_shift(journal: Journal) -> None:
    class Short(Lengths):
        def decide(self, cases: Sequence[Case]) -> list[Decision]:
            return super().decide(cases)[:-1]

    with pytest.raises(ValueError, match="shorter"):
        RecordedApplication(Short(), journal, quiet).decide([Case("a"), Case("b")])
    assert len(journal) == 0
