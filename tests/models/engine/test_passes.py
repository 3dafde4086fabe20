"""The scoring engine on networks of several architectures, with random weights and tokens: each against one row
alone.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

from commonweal.models.engine.encoding import TokenPair
from commonweal.models.engine.local import LocalModel
from commonweal.models.engine.passes import Reader, read_rows, read_tree, reads_trees
from commonweal.models.engine.prefix_tree import tree_of
from commonweal.models.engine.vocabulary import Vocabulary, separate_head
from commonweal.models.protocols import Score
from tests.models.engine.test_prefix_tree import random_pairs

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 97}
GROUPED = SMALL | {"num_key_value_heads": 2}
GEMMA = GROUPED | {
    "head_dim": 16,
    "sliding_window": 6,
    "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
}
READS_TREES = {
    "llama": lambda: transformers.LlamaConfig(**GROUPED),
    "gemma3": lambda: transformers.Gemma3TextConfig(**GEMMA),
    "qwen2": lambda: transformers.Qwen2Config(**GROUPED),
    "mistral": lambda: transformers.MistralConfig(**GROUPED, sliding_window=6),
    "gpt2": lambda: transformers.GPT2Config(n_embd=32, n_layer=3, n_head=4, vocab_size=97),
    "gpt_neox": lambda: transformers.GPTNeoXConfig(**SMALL),
    "opt": lambda: transformers.OPTConfig(
        hidden_size=32, ffn_dim=48, num_hidden_layers=3, num_attention_heads=4, vocab_size=97, word_embed_proj_dim=32
    ),
}
READS_ROWS = {
    "bloom": lambda: transformers.BloomConfig(hidden_size=32, n_layer=3, n_head=4, vocab_size=97),
    "gemma2": lambda: transformers.Gemma2Config(**GEMMA, attn_logit_softcapping=5.0),
    "llama4, in chunks": lambda: transformers.Llama4TextConfig(
        **GROUPED | {"num_hidden_layers": 4},
        intermediate_size_mlp=48,
        head_dim=8,
        attention_chunk_size=8,
        num_local_experts=2,
        attn_temperature_tuning=False,
    ),
}


def network_of(config: Any) -> Any:
    torch.manual_seed(0)
    network = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return network.eval()


def alone(network: Any, context: tuple[int, ...], continuation: tuple[int, ...]) -> Score:
    with torch.inference_mode():
        logprobs = network(torch.tensor([context + continuation]), use_cache=False).logits[0].double().log_softmax(-1)
    places = range(len(context) - 1, len(context) + len(continuation) - 1)
    steps = list(zip(places, continuation, strict=True))
    total = sum(float(logprobs[place, token]) for place, token in steps)
    return Score(total, len(continuation), all(int(logprobs[place].argmax()) == token for place, token in steps))


def scores_by(parts: Any) -> dict[int, Score]:
    found: dict[int, Score] = {}
    for part in parts:
        assert not set(part) & set(found)
        found |= part
    return found


@pytest.mark.parametrize("name", [*READS_TREES, *READS_ROWS])
def test_scores_are_those_of_one_request_at_a_time_whatever_the_pack(name: str) -> None:
    network = network_of((READS_TREES | READS_ROWS)[name]())
    pairs = random_pairs(default_rng(3), count=40, words=90, longest=9) + random_pairs(
        default_rng(4), words=2, longest=30
    )
    with torch.inference_mode():
        reader = Reader(network, Vocabulary(separate_head(network, "cpu")), "cpu")
        assert reads_trees(reader) == (name in READS_TREES)
        ways = [scores_by(read_rows(reader, pairs, budget)) for budget in (1, 100)]
        if name in READS_TREES:
            ways += [scores_by(read_tree(reader, tree_of(pairs), size)) for size in (5, 64, 4096)]
            ways.append(scores_by(read_tree(Reader(network, Vocabulary(None), "cpu"), tree_of(pairs), 64)))
    expected = [alone(network, pair.context, pair.continuation) for pair in pairs]
    for scores in ways:
        assert sorted(scores) == list(range(len(pairs)))
        for number, one in enumerate(expected):
            assert scores[number].logprob == pytest.approx(one.logprob, abs=1e-3)
            assert (scores[number].tokens, scores[number].greedy) == (one.tokens, one.greedy)


def test_reading_trees_leaves_the_network_as_it_was() -> None:
    network = network_of(READS_TREES["llama"]())
    before = alone(network, (1, 2, 3), (4, 5))
    with torch.inference_mode():
        assert reads_trees(Reader(network, Vocabulary(None), "cpu"))
    assert network.config._attn_implementation == "eager"
    assert alone(network, (1, 2, 3), (4, 5)) == before


def test_logits_that_the_network_changes_afterwards_are_asked_whole() -> None:
    assert separate_head(network_of(READS_TREES["gemma3"]()), "cpu") is not None
    capped = transformers.Gemma2Config(**GEMMA, final_logit_softcapping=2.0)
    assert separate_head(network_of(capped), "cpu") is None


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_large_vocabulary_is_projected_part_by_part(
    monkeypatch: pytest.MonkeyPatch, bias: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(1)
    head, states = torch.nn.Linear(8, 50, bias=bias, dtype=dtype), torch.randn(20, 8, dtype=dtype)
    position = np.sort(default_rng(0).integers(0, 20, 40))
    target = default_rng(1).integers(0, 50, 40)
    with torch.inference_mode():
        logits = head(states).float()
        target[:10] = logits.argmax(-1).numpy()[position[:10]]
        expected = logits.double().log_softmax(-1)[position, target].numpy()
        most_likely = (logits.argmax(-1).numpy()[position] == target).tolist()
        whole = Vocabulary(head).answers(states, position, target)
        given = Vocabulary(None).answers(logits, position, target)
        monkeypatch.setattr("commonweal.models.engine.vocabulary.TILE_BYTES", {"cpu": 4 * 6 * 7})
        monkeypatch.setattr("commonweal.models.engine.vocabulary.ROWS", 6)
        streamed = Vocabulary(head).answers(states, position, target)
    assert sum(most_likely) >= 10
    for logprobs, best in (whole, streamed, given):
        assert logprobs == pytest.approx(expected, abs=1e-5 if dtype == torch.float32 else 0.02)
        assert best.tolist() == most_likely


def opened(network: Any) -> LocalModel:
    return LocalModel(network, None, directory=Path("."), locator="random", fingerprint="random", device="cpu")


def test_what_is_longer_than_the_short_positions_is_never_read_beside_what_is_not() -> None:
    """longrope takes the factors of the longest row for a whole pass (Phi-3: 4,096 tokens; here 16)."""
    rope = {"rope_type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0] * 4, "rope_theta": 10000.0}
    config = transformers.Phi3Config(
        **GROUPED,
        max_position_embeddings=512,
        original_max_position_embeddings=16,
        rope_parameters=rope,
        pad_token_id=0,
    )
    network = network_of(config)
    short, long = ([TokenPair(tuple(range(5, 5 + size)), (one,)) for one in range(3, 9)] for size in (10, 40))
    pairs = [pair for both in zip(short, long, strict=True) for pair in both]
    scores = scores_by(opened(network).score_tokens(pairs))
    assert sorted(scores) == list(range(len(pairs)))
    for number, pair in enumerate(pairs):
        assert scores[number].logprob == pytest.approx(
            alone(network, pair.context, pair.continuation).logprob, abs=1e-3
        )


def test_a_request_without_a_number_takes_no_number_from_others() -> None:
    network = network_of(READS_TREES["llama"]())
    with torch.no_grad():
        network.get_input_embeddings().weight[7] = float("nan")
    pairs = [TokenPair((1, 2, 7), (3,)), TokenPair((1, 2, 4), (3,)), TokenPair((1, 2), (5,)), TokenPair((9, 8), (6,))]
    scores = scores_by(opened(network).score_tokens(pairs))
    assert [math.isnan(scores[number].logprob) for number in range(4)] == [True, False, False, False]
    for number in (1, 2, 3):
        expected = alone(network, pairs[number].context, pairs[number].continuation)
        assert scores[number].logprob == pytest.approx(expected.logprob, abs=1e-3)
