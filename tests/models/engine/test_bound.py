"""The arithmetic bound of scoring, by hand, and what is said of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from commonweal.models.engine import bound
from commonweal.models.engine.bound import Work, least_arithmetic, matrix_rate, share_reached
from commonweal.models.engine.encoding import TokenPair
from commonweal.models.engine.local import LocalModel
from commonweal.models.engine.prefix_tree import tree_of
from commonweal.models.protocols import Score

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PAIRS = [
    TokenPair((1, 2, 3), (4,)),
    TokenPair((1, 2, 5), (6, 7)),
]  # reads 1 2 3 and 1 2 5 6: five distinct tokens at depths 1 2 3 3 4


def small() -> LocalModel:
    config = transformers.LlamaConfig(
        vocab_size=50,
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        pad_token_id=0,
    )
    network = transformers.LlamaForCausalLM(config).eval()
    return LocalModel(network, None, directory=Path("."), locator="random", fingerprint="random", device="cpu")


def test_the_least_arithmetic_by_hand() -> None:
    """A layer: 4 x 8 x 8 of attention, 3 x 8 x 16 of the rest and two norms; three places are asked about."""
    inner = 2 * (4 * 8 * 8 + 3 * 8 * 16 + 2 * 8) + 8
    attention = 4 * 2 * 8 * (1 + 2 + 3 + 3 + 4)
    assert least_arithmetic(small().network, tree_of(PAIRS)) == 2 * inner * 5 + 2 * 8 * 50 * 3 + attention


def test_scoring_counts_its_distinct_tokens_and_not_what_tries_the_network() -> None:
    model = small()
    assert model.reads_trees()
    assert (model.work.tokens, model.work.flop) == (0, 0.0)
    for times in (1, 2):
        assert len(list(model.score_tokens(PAIRS))) > 0
        assert model.work.tokens == 5 * times
        assert model.work.flop == times * least_arithmetic(model.network, tree_of(PAIRS))
    assert model.work.seconds > 0


def test_time_between_two_answers_is_not_counted() -> None:
    work = Work()
    for _ in work.timed(iter([{0: Score(0.0, 1, True)}] * 3)):
        began = time.perf_counter()
        while time.perf_counter() - began < 0.02:
            pass
    assert work.seconds < 0.02


def test_the_share_is_told_with_its_unit_count_and_method_and_only_after_enough_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert share_reached("m", Work(5, 1e12, bound.LEAST_S / 2)) is None
    monkeypatch.setattr(bound, "matrix_rate", lambda: 1e11)
    told = share_reached("m", Work(5, 1.5e12, 20.0))
    assert told is not None
    assert (told.model, told.n, told.share, told.rate_gflop_s) == ("m", 5, pytest.approx(75.0), 100.0)
    assert "distinct tokens" in told.method


def test_the_best_rate_counts_whether_it_was_seen_while_it_scored_or_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy when the run ends would make the share too large."""
    rates = iter([1e11, 2e10])
    monkeypatch.setattr(bound, "matrix_rate", lambda: next(rates))
    work = Work(5, 1.5e12, 20.0)
    assert len(list(work.timed(iter([{0: Score(0.0, 1, True)}] * 3)))) == 3
    assert work.rate == 1e11
    told = share_reached("m", work)
    assert told is not None
    assert (told.rate_gflop_s, told.share) == (100.0, pytest.approx(75.0, rel=0.01))


def test_the_rate_is_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound, "RATE_SHAPES", ((64, 64, 64),))
    assert 1e6 < matrix_rate() < 1e14
