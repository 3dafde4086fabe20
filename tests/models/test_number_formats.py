from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from commonweal.errors import MeasurementError, NotApplicable, OptionError
from commonweal.models.cached_model import CachedModel
from commonweal.models.engine.encoding import TokenPair
from commonweal.models.engine.local import LocalModel
from commonweal.models.engine.precision import BFLOAT16, FLOAT32, INT8, PRECISIONS, REMARKS, in_precision
from commonweal.models.number_formats import (
    answer_in_batches,
    in_format,
    int8_product,
    local_model,
    token_answers,
    weights_of,
    whole_numbers,
)

torch = pytest.importorskip("torch")
llama = pytest.importorskip("transformers.models.llama.modeling_llama")

TEXTS = [(1, 5, 9, 13), (2, 4, 6, 8, 10, 12), (7, 7), (3, 1, 4, 1, 5), (9, 2, 6, 5, 3, 5)]


def opened(dtype: Any = None, seed: int = 0) -> LocalModel:
    """A small network with random weights, whose projection to the vocabulary shares the embeddings."""
    torch.manual_seed(seed)
    config = llama.LlamaConfig(
        vocab_size=48,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        attention_bias=True,
    )
    network = llama.LlamaForCausalLM(config).to(dtype or torch.float32).eval()
    name = str(network.dtype).removeprefix("torch.")
    return LocalModel(network, None, directory=Path(), locator="tiny", fingerprint="f", device="cpu", dtype=name)


def one_by_one(model: LocalModel, text: tuple[int, ...]) -> tuple[list[float], list[int]]:
    """log P of each token and the likeliest token, asked of the network text by text."""
    with torch.inference_mode():
        logits = model.network(input_ids=torch.tensor([text])).logits[0].double()
    spread = logits - logits.logsumexp(dim=-1, keepdim=True)
    return [float(spread[place, token]) for place, token in enumerate(text[1:])], logits[:-1].argmax(dim=-1).tolist()


@pytest.mark.parametrize("size", [1, 2, 16])
def test_the_answers_are_those_of_the_network_asked_text_by_text(size: int) -> None:
    model = opened()
    for found, text in zip(token_answers(model, TEXTS, size), TEXTS, strict=True):
        logprobs, choices = one_by_one(model, text)
        assert found.logprob.tolist() == pytest.approx(logprobs, abs=1e-5)
        assert found.choice.tolist() == choices


def test_scores_of_the_engine_are_sums_of_the_answers() -> None:
    model = opened()
    pairs = [TokenPair(text[:1], text[1:]) for text in TEXTS]
    scores = {number: score for part in model.score_tokens(pairs) for number, score in part.items()}
    for number, found in enumerate(token_answers(model, TEXTS, 2)):
        assert scores[number].logprob == pytest.approx(found.logprob.sum(), abs=1e-4)


@pytest.mark.parametrize("dtype", [BFLOAT16, INT8])
def test_a_copy_answers_nearly_the_same_takes_less_and_leaves_the_model_as_it_was(dtype: str) -> None:
    model = opened()
    before = token_answers(model, TEXTS, 1)
    copied = in_format(model, dtype)
    after = token_answers(copied, TEXTS, 1)
    for one, other in zip(before, token_answers(model, TEXTS, 1), strict=True):
        assert one.logprob.tolist() == other.logprob.tolist()
    deviation = np.concatenate([np.abs(one.logprob - other.logprob) for one, other in zip(before, after, strict=True)])
    assert 0 < deviation.max() < 0.1
    assert sum(weights_of(copied).values()) < 0.75 * sum(weights_of(model).values())
    assert model.network.dtype == torch.float32


def test_int8_shares_what_it_does_not_change_and_the_vocabulary_stays_float32() -> None:
    model = opened()
    copied = in_format(model, INT8)
    assert copied.network.get_input_embeddings().weight is model.network.get_input_embeddings().weight
    assert copied.network.get_output_embeddings().weight.dtype == torch.float32
    assert copied.network.model.layers[0].mlp.up_proj.weight.dtype == torch.int8
    assert model.network.model.layers[0].mlp.up_proj.weight.dtype == torch.float32


def test_int8_is_about_as_far_off_as_the_rounding_of_weights_alone_or_further() -> None:
    """The other int8 (precision.py) rounds weights only: an independent path to most of the same change."""
    model, weights_only = opened(), opened()
    in_precision(weights_only.network, INT8)
    exact = np.concatenate([each.logprob for each in token_answers(model, TEXTS, 1)])
    both = np.concatenate([each.logprob for each in token_answers(in_format(model, INT8), TEXTS, 1)])
    weights = np.concatenate([each.logprob for each in token_answers(weights_only, TEXTS, 1)])
    assert 0.3 * np.abs(weights - exact).mean() < np.abs(both - exact).mean() < 10 * np.abs(weights - exact).mean()


def test_the_product_in_whole_numbers_by_hand() -> None:
    """Row (127, 254) has steps of 2: (64, 127) after rounding 63.5 to even; times weights that are whole already."""
    weight, step = whole_numbers(torch.tensor([[127.0, 0.0], [0.0, 254.0]]))
    assert (weight.tolist(), step.flatten().tolist()) == ([[127, 0], [0, 127]], [1.0, 2.0])
    found = int8_product(weight.t(), step, torch.tensor([0.5, 0.0]), torch.tensor([[[127.0, 254.0]]]))
    assert found.tolist() == [[[64 * 2 * 127 + 0.5, 254 * 254]]]


def test_a_row_of_zeros_stays_zero() -> None:
    weight, step = whole_numbers(torch.ones(3, 2))
    assert int8_product(weight.t(), step, None, torch.zeros(2, 2)).tolist() == [[0.0] * 3] * 2


def test_float32_is_the_model_itself_and_other_names_are_refused() -> None:
    model = opened()
    assert in_format(model, FLOAT32) is model
    with pytest.raises(OptionError, match="int4"):
        in_format(model, "int4")


def test_rows_are_answered_in_the_batches_that_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    model, sizes = opened(), []
    forward = model.network.base_model.forward

    def counted(*args: Any, **kwargs: Any) -> Any:
        sizes.append(len(kwargs["input_ids"]))
        return forward(*args, **kwargs)

    model.reader()
    monkeypatch.setattr(model.network.base_model, "forward", counted)
    answer_in_batches(model, [TokenPair(text[:1], text[1:]) for text in TEXTS], 2)
    assert sizes == [2, 2, 1]


def test_what_is_no_number_or_cannot_be_computed_is_said() -> None:
    model = opened()
    model.network.model.norm.weight.data.fill_(float("nan"))
    with pytest.raises(MeasurementError, match="not a number"):
        token_answers(model, TEXTS, 1)

    def refuses(**_: object) -> None:
        raise NotImplementedError("addmm not implemented for 'Half'\nmore")

    stubborn: Any = SimpleNamespace(network=refuses, device="cpu")
    with pytest.raises(MeasurementError, match=r"this machine cannot compute so: addmm not implemented for 'Half'$"):
        token_answers(stubborn, TEXTS, 1)


def test_the_local_model_is_found_behind_the_cache_and_nowhere_else() -> None:
    model = opened()
    assert local_model(CachedModel(model)) is model
    assert local_model(model) is model
    elsewhere: Any = SimpleNamespace(locator="openai:x", fingerprint="f", device="elsewhere", gives_logprobs=False)
    with pytest.raises(NotApplicable, match="runs elsewhere"):
        local_model(elsewhere)
    for cheaper in (opened(torch.bfloat16), in_format(model, INT8)):
        with pytest.raises(
            NotApplicable, match=rf"opened in {cheaper.dtype}; what a format saves is measured against float32"
        ):
            local_model(cheaper)


def test_what_is_told_of_every_answer_names_the_number_format() -> None:
    assert opened().remarks == ()
    assert opened(torch.bfloat16).remarks == ("computed in bfloat16, not in float32",)
    assert "weights rounded to int8" in CachedModel(in_format(opened(), INT8)).remarks[0]
    assert set(REMARKS) == set(PRECISIONS)
