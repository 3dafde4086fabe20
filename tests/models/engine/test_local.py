from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from commonweal.errors import BeyondWindow, MeasurementError
from commonweal.models.engine.encoding import batches_of, prefix_of, rows_of, token_pairs
from commonweal.models.engine.local import LocalModel
from commonweal.models.engine.passes import Reader
from commonweal.models.engine.vocabulary import Vocabulary
from commonweal.models.protocols import Altered, Continuation, GenerationRequest, Score

pytestmark = pytest.mark.model

# Activations of 25,000 in SmolLM2 make 1.3e-4 nat of the order of a sum where a processor has AVX2 only (double
# precision is the judge); other processors stay under 1e-5.
ORDER_OF_SUMS = 5e-4
REQUESTS = [
    Continuation("The capital of France is", " Paris"),
    Continuation("The capital of France is", " London"),
    Continuation("The capital of France is", " not a question that I can answer."),
    Continuation("The capital of France is ", "Paris"),
    Continuation("", "Hello, world"),
    Continuation("A résumé: 12 years   at 3 firms.\n\nAnswer:", " yes"),
    Continuation("A résumé: 12 years   at 3 firms.\n\nAnswer:", " no"),
    Continuation("word " * 100, "word"),
]


def one_at_a_time(model: LocalModel, request: Continuation, always: tuple[int, ...] = ()) -> Score:
    """Written out by hand: encode both texts, run the whole network on all tokens, add up the log-softmax."""
    spaces = len(request.context) - len(request.context.rstrip())
    context = request.context[: len(request.context) - spaces]
    after = request.context[len(context) :] + request.continuation
    before = model.tokenizer.encode(context, add_special_tokens=False)
    whole = model.tokenizer.encode(context + after, add_special_tokens=False)
    targets = whole[len(before) :]
    before = [*always, *before] or [model.tokenizer.bos_token_id]
    with torch.inference_mode():
        logprobs = model.network(torch.tensor([before + targets])).logits[0].double().log_softmax(-1)
    places = range(len(before) - 1, len(before) + len(targets) - 1)
    total = sum(float(logprobs[place, target]) for place, target in zip(places, targets, strict=True))
    return Score(total, len(targets), all(int(logprobs[p].argmax()) == t for p, t in zip(places, targets, strict=True)))


def test_scores_are_those_of_one_request_at_a_time(smollm2: LocalModel) -> None:
    for request, score in zip(REQUESTS, smollm2.score(REQUESTS), strict=True):
        expected = one_at_a_time(smollm2, request)
        assert score.logprob == pytest.approx(expected.logprob, abs=ORDER_OF_SUMS)
        assert (score.tokens, score.greedy) == (expected.tokens, expected.greedy)


def test_scores_do_not_depend_on_the_batch(smollm2: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    together = smollm2.score(REQUESTS)
    shuffled = random.Random(0).sample(range(len(REQUESTS)), len(REQUESTS))
    again = smollm2.score([REQUESTS[index] for index in shuffled])
    monkeypatch.setattr(smollm2, "tree_tokens", 7)
    small = smollm2.score(REQUESTS)
    for index, request in enumerate(REQUESTS):
        (alone,) = smollm2.score([request])
        for other in (together[index], again[shuffled.index(index)], small[index]):
            assert alone.logprob == pytest.approx(other.logprob, abs=1e-4)


def test_rows_give_the_same_scores_as_the_tree(smollm2: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    assert smollm2.reads_trees()
    tree = smollm2.score(REQUESTS)
    monkeypatch.setattr(smollm2, "_reads_trees", False)
    for one, other in zip(tree, smollm2.score(REQUESTS), strict=True):
        assert one.logprob == pytest.approx(other.logprob, abs=1e-4)
        assert (one.tokens, one.greedy) == (other.tokens, other.greedy)


def test_whole_logits_give_the_same_scores_as_the_separate_head(
    smollm2: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = smollm2.score(REQUESTS)
    assert smollm2.reader().vocabulary.head is not None
    monkeypatch.setattr(smollm2, "_reader", Reader(smollm2.network, Vocabulary(None), "cpu"))
    for one, other in zip(fast, smollm2.score(REQUESTS), strict=True):
        assert one.logprob == pytest.approx(other.logprob, abs=1e-4)


def test_options_after_one_context_are_answered_from_one_reading(smollm2: LocalModel) -> None:
    pairs = token_pairs(smollm2.tokenizer, REQUESTS[:3] + REQUESTS[5:7], None)
    rows = rows_of(pairs)
    assert sorted(len(row.pairs) for row in rows) == [2, 3]
    assert sorted(number for row in rows for number in row.pairs) == list(range(5))
    assert all(len(batch) == 1 for batch in batches_of(rows, 1))


def test_no_request_gives_no_score(smollm2: LocalModel) -> None:
    assert smollm2.score([]) == []
    assert smollm2.generate([]) == []


def test_digits_are_cut_as_in_training_also_after_two_spaces(smollm2: LocalModel) -> None:
    assert smollm2.tokenizer.tokenize("3  45") == ["3", "ĠĠ", "4", "5"]
    assert prefix_of(smollm2.tokenizer) == ((), 1)


def test_a_context_beyond_the_window_loses_its_beginning_and_is_counted(
    smollm2: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smollm2, "window", 8)
    monkeypatch.setattr(smollm2, "altered", Altered())
    long = Continuation("one two three four five six seven eight nine ten eleven", " twelve")
    short = smollm2.tokenizer.decode(smollm2.tokenizer.encode(long.context)[-8:])
    assert smollm2.score([long])[0].logprob == pytest.approx(
        one_at_a_time(smollm2, Continuation(short, " twelve")).logprob, abs=1e-4
    )
    assert smollm2.altered == Altered(truncated=1)
    with pytest.raises(BeyondWindow, match=r"item 2 \(probe=p1\): .*window of 8; and 1 more") as told:
        smollm2.score([long, Continuation("a", " b" * 20, {"probe": "p1"}), Continuation("", "c " * 9)])
    assert told.value.continuations == {" b" * 20, "c " * 9}
    assert smollm2.altered == Altered(truncated=1)


def test_a_continuation_that_merges_with_its_context_is_encoded_alone_and_counted(
    smollm2: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ " sat" is one token; a space moves to the continuation, and a whole word has a token of its own."""
    monkeypatch.setattr(smollm2, "altered", Altered())
    merged = [Continuation("The cat sa", "t"), Continuation("The capital of Franc", "e")]
    others = [
        Continuation("The cat", " sat"),
        Continuation("The cat ", "sat"),
        Continuation("", "sat"),
        Continuation("The cat sat", "."),
    ]
    pairs = token_pairs(smollm2.tokenizer, [*merged, *others], None)
    assert [pair.merged for pair in pairs] == [True] * 2 + [False] * 4
    tokens = smollm2.tokenizer.encode("The cat sa"), smollm2.tokenizer.encode("t")
    assert (pairs[0].context, pairs[0].continuation) == tuple(map(tuple, tokens))
    smollm2.score([*merged, *others])
    assert smollm2.altered == Altered(merged=2)


def test_an_answer_that_is_not_a_number_names_the_item(smollm2: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2.network.model.norm, "forward", lambda states: states * float("nan"))
    with pytest.raises(MeasurementError, match="name=Emma"):
        smollm2.score([Continuation("a", " b", {"name": "Emma"})])
    with pytest.raises(MeasurementError, match="name=Emma"):
        smollm2.generate([GenerationRequest("a", labels={"name": "Emma"})])


def test_an_empty_continuation_is_refused(smollm2: LocalModel) -> None:
    with pytest.raises(MeasurementError, match=r"item 2 .*empty"):
        smollm2.score([REQUESTS[0], Continuation("a", "")])


@pytest.mark.slow
def test_greedy_text_is_that_of_transformers_and_does_not_depend_on_the_batch(smollm2: LocalModel) -> None:
    contexts = [
        "The capital of France is",
        "Once upon a time, in a small village by the sea,",
        "1 2 3 4",
        "Q: 2+2?\nA:",
    ]
    together = smollm2.generate([GenerationRequest(context, 12) for context in contexts])
    for context, text in zip(contexts, together, strict=True):
        assert smollm2.generate([GenerationRequest(context, 12)]) == [text]
        ids = smollm2.tokenizer(context, return_tensors="pt")
        out = smollm2.network.generate(**ids, max_new_tokens=12, do_sample=False)
        assert smollm2.tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True) == text


def test_a_sampled_text_depends_on_its_seed_only(smollm2: LocalModel) -> None:
    draws = [GenerationRequest("My favourite animal is", 8, 1.0, seed) for seed in range(6)]
    texts = smollm2.generate(draws)
    assert len(set(texts)) > 1
    assert smollm2.generate(draws[2:3]) == texts[2:3]
    assert smollm2.generate(draws[::-1]) == texts[::-1]


def test_probabilities_of_different_tokens_sum_to_less_than_one(smollm2: LocalModel) -> None:
    tokens = [smollm2.tokenizer.decode([index]) for index in range(300, 330)]
    scores = smollm2.score([Continuation("Once", token) for token in tokens if token.startswith(" ")])
    assert 0.0 < np.exp([score.logprob for score in scores]).sum() < 1.0
