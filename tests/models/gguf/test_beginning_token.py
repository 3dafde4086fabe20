"""The beginning token: before every text where the model was trained so, and never twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commonweal.models.applications.prompt_application import PromptApplication
from commonweal.models.cached_model import CachedModel
from commonweal.models.engine.encoding import prefix_of
from commonweal.models.engine.local import LocalModel
from commonweal.models.gguf.beginning_token import BEGINNING_PRE_TOKENIZERS, BY_MODEL, beginning_of
from commonweal.models.gguf.bpe_tokenizer import PRE_TOKENIZERS
from commonweal.models.gguf.gguf_file import read_gguf_header
from commonweal.models.locators import Located
from commonweal.models.opening import open_local_model
from commonweal.models.protocols import Altered, Case, Continuation, GenerationRequest
from commonweal.system.decisions import Prompt
from tests.flow.commands import rows_in, within
from tests.flow.test_score_faults import requests_in
from tests.models.engine.test_local import one_at_a_time
from tests.models.tiny_gguf import BEGIN, HEADS, INNER, LAYERS, WIDTH, WINDOW, Gguf, facts, write_tiny_gguf
from tests.models.tiny_model import write_tiny_model

# llama_vocab::impl::load in src/llama-vocab.cpp of ggml-org/llama.cpp at 00ad355e009e83abf98f96a6ded7193b95763681, read
# by hand: what is in add_bos when the key tokenizer.ggml.add_bos_token is not there. Every pre-tokenizer that sets it,
# and some that do not.
LLAMA_CPP = {
    ("gpt2", "llama3"): True, ("gpt2", "llama-v3"): True, ("gpt2", "llama-bpe"): True, ("gpt2", "falcon3"): True,
    ("gpt2", "falcon-h1"): True, ("gpt2", "pixtral"): True, ("gpt2", "midm-2.0"): True, ("gpt2", "lfm2"): True,
    ("gpt2", "jina-v5-nano"): True, ("gpt2", "tekken"): True, ("gpt2", "chameleon"): True, ("gpt2", "gemma4"): True,
    ("gpt2", "granite-embed-multi-311m"): True, ("gpt2", "default"): False, ("gpt2", "gpt-2"): False, ("gpt2", "smollm"): False,
    ("gpt2", "qwen2"): False, ("gpt2", "qwen35"): False, ("gpt2", "deepseek-llm"): False, ("gpt2", "gpt-4o"): False,
    ("gpt2", "llama4"): False, ("gpt2", "minicpm5"): False, ("gpt2", "smaug-bpe"): False, ("gpt2", "falcon"): False,
    ("llama", None): True, ("bert", None): True, ("t5", None): False, ("rwkv", None): False, ("plamo2", None): False,
    ("gemma4", None): True,
}  # fmt: skip
NURSE, CHAT = Continuation("The nurse said that", " she"), Continuation("<|im_start|>user\nHi", " there")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("COMMONWEAL_CACHE", str(tmp_path / "cache"))


def opened(path: Path) -> LocalModel:
    return open_local_model(str(path), folder=None, device="cpu")


def test_where_a_file_does_not_say_it_is_as_llama_cpp_has_it() -> None:
    for (model, cut), added in LLAMA_CPP.items():
        said = {"tokenizer.ggml.model": model, "tokenizer.ggml.pre": cut}
        assert beginning_of(said).added is added, (model, cut)
        assert not beginning_of(said).declared
        for declared in (True, False):
            assert beginning_of({**said, "tokenizer.ggml.add_bos_token": declared}).added is declared
    assert {cut for cut in PRE_TOKENIZERS if ("gpt2", cut) not in LLAMA_CPP} == set()
    assert {cut for (model, cut), added in LLAMA_CPP.items() if model == "gpt2" and added} == BEGINNING_PRE_TOKENIZERS
    assert {model: added for (model, _), added in LLAMA_CPP.items() if model != "gpt2"} == BY_MODEL


@pytest.mark.parametrize("declared", [None, True, False])
@pytest.mark.parametrize("cut", PRE_TOKENIZERS)
def test_every_accepted_pre_tokenizer_begins_texts_so_and_tells_what_was_taken_for_granted(
    tmp_path: Path, cut: str, declared: bool | None
) -> None:
    model = opened(write_tiny_gguf(tmp_path / "m.gguf", pre=cut, add_bos_token=declared))
    added = LLAMA_CPP["gpt2", cut] if declared is None else declared
    assert prefix_of(model.tokenizer) == ((1,) if added else (), 1)
    request = Continuation("he said", " she")
    (score,) = model.score([request])
    assert score.logprob == pytest.approx(one_at_a_time(model, request, always=(1,) if added else ()).logprob, abs=1e-4)
    told = "one is added" if added else "none is added"
    assert [told in remark for remark in model.remarks] == ([True] if declared is None else [])
    assert opened(tmp_path / "m.gguf").remarks == model.remarks  # from the cache of converted models


def published_case(gguf: Located, path: Path, *, declared: bool | None) -> Path:
    """A model of random weights with the embedded model's tokens, cut as Llama 3 cuts them."""
    theirs, width, inner = read_gguf_header(gguf.path).facts, 64, 128
    rng = np.random.default_rng(0)
    shapes = {"token_embd": (len(theirs["tokenizer.ggml.tokens"]), width)}
    for layer in range(2):
        shapes |= {f"blk.{layer}.{name}": (width, width) for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
        shapes |= {f"blk.{layer}.{name}": (inner, width) for name in ("ffn_gate", "ffn_up")}
        shapes[f"blk.{layer}.ffn_down"] = (width, inner)
    weights = {
        f"{name}.weight": (rng.standard_normal(shape) * 0.2).astype(np.float32) for name, shape in shapes.items()
    }
    norms = ["output_norm", *(f"blk.{layer}.{name}" for layer in range(2) for name in ("attn_norm", "ffn_norm"))]
    weights |= {f"{name}.weight": np.ones(width, np.float32) for name in norms}
    changed: dict[str, Any] = {name: theirs[f"tokenizer.ggml.{name}"] for name in ("tokens", "token_type", "merges")}
    sizes = {"embedding_length": width, "feed_forward_length": inner, "dimension_count": 16, "context_length": 256}
    sizes["vocab_size"] = len(changed["tokens"])
    return Gguf(facts(**changed, **sizes, bos_token_id=1, eos_token_id=2, add_bos_token=declared), weights).write(path)


@pytest.mark.model
def test_a_llama_3_file_without_the_key_is_read_with_the_token_and_a_chat_with_one_only(
    gguf: Located, tmp_path: Path
) -> None:
    """Log-probabilities by transformers alone: -11.79613 with the token, -13.44489 without; -11.88921 after the chat
    with one.
    """
    for declared, nurse in ((None, -11.79613), (True, -11.79613), (False, -13.44489)):
        model = opened(published_case(gguf, tmp_path / f"{declared}.gguf", declared=declared))
        scores = model.score([NURSE, CHAT])
        assert [score.logprob for score in scores] == pytest.approx([nurse, -11.88921], abs=1e-4)
        assert model.altered == Altered(begun=0 if declared is False else 1)


def beginning_folder(folder: Path) -> Path:
    """A model folder whose fast tokenizer begins every text by its post-processor, as the hub has many."""
    tokenizers: Any = pytest.importorskip("tokenizers")
    write_tiny_model(folder)
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.parametrize("kind", ["folder", "gguf"])
def test_no_way_in_puts_a_second_token_before_a_text_that_has_one(tmp_path: Path, kind: str) -> None:
    path = beginning_folder(tmp_path / "m") if kind == "folder" else write_tiny_gguf(tmp_path / "m.gguf")
    first, model = "<s>" if kind == "folder" else BEGIN, opened(path)
    for asked in (model, CachedModel(model)):
        plain, begun = asked.score([Continuation("he said", " she"), Continuation(f"{first}he said", " she")])
        assert begun.logprob == pytest.approx(plain.logprob, abs=1e-5)
    assert model.altered == Altered(begun=2)
    alone, both = model.score([Continuation("", "he said"), Continuation("", f"{first}he said")])
    assert (alone.tokens, both.tokens) == (7, 7) if kind == "folder" else alone.tokens == both.tokens
    assert both.logprob == pytest.approx(alone.logprob, abs=1e-5)
    assert model.altered == Altered(begun=3)
    texts = model.generate([GenerationRequest(f"{first}he said", 5), GenerationRequest("he said", 5)])
    assert texts[0] == texts[1]
    assert model.altered == Altered(begun=4)
    prompt = Prompt(template=first + "{text} Answer", options={"yes": "yes", "no": "no"}, favourable="yes")
    bare = prompt.model_copy(update={"template": "{text} Answer"})
    decisions = [PromptApplication("a", each, model).decide([Case("he")])[0].score for each in (prompt, bare)]
    assert decisions[0] == pytest.approx(decisions[1], abs=1e-5)
    twice = model.score([Continuation(f"{first}{first}he", " she")])[0].logprob
    assert twice != pytest.approx(
        model.score([Continuation("he", " she")])[0].logprob, abs=1e-5
    )  # two that were asked for stay


def test_what_was_done_is_told_by_score_by_compare_and_on_each_row(tmp_path: Path) -> None:
    model = write_tiny_gguf(tmp_path / "m.gguf", add_bos_token=None)
    requests = requests_in(tmp_path, [("he said", " she"), (f"{BEGIN}he", " she"), ("as", " he")])
    where = {"COMMONWEAL_CACHE": tmp_path / "cache"}
    ended = within("score", model, requests, "--out", tmp_path / "s.parquet", "--device", "cpu", **where)
    assert ended.code == 0, ended.said
    warnings = (
        "no tokenizer.ggml.add_bos_token): one is added",
        "1 of the requests begin with the model's beginning token themselves",
    )
    assert all(words in ended.err for words in warnings)
    asked = ("compare", model, model, "--dtype-b", "bfloat16", "--requests", requests, "--device", "cpu", "--rows")
    ended = within(*asked, **where)
    assert ended.code == 0, ended.said
    assert "A: the file does not say whether a text begins with the beginning token" in ended.said
    command = [
        "measure",
        "inequity.occupation_association",
        "--model",
        model,
        "--out",
        tmp_path / "one",
        "--device",
        "cpu",
    ]
    ended = within(*command, **where)
    assert ended.code == 0, ended.said
    notes = [row["note"] for row in rows_in(tmp_path / "one") if row["basis"] != "propagated"]
    assert notes
    assert all(warnings[0] in note for note in notes)


def gemma_facts(**changed: Any) -> dict[str, Any]:
    """The facts of a Gemma 3 with a vocabulary of pieces of words."""
    tokens = [
        "<pad>",
        "<eos>",
        BEGIN,
        "<unk>",
        *(f"<0x{byte:02X}>" for byte in range(256)),
        "▁",
        *"abcdehimnorst",
        "he",
    ]
    changed_facts = {name.replace("llama.", "gemma3."): value for name, value in facts().items()}
    changed_facts |= {
        "general.architecture": "gemma3",
        "gemma3.attention.key_length": WIDTH // HEADS,
        "gemma3.attention.value_length": WIDTH // HEADS,
        "gemma3.attention.sliding_window": 16,
        "gemma3.vocab_size": len(tokens),
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [-float(place) for place in range(len(tokens))],
        "tokenizer.ggml.token_type": [3, 3, 3, 2] + [6] * 256 + [1] * (len(tokens) - 260),
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.unknown_token_id": 3,
    }
    for name in ("tokenizer.ggml.pre", "tokenizer.ggml.merges", "gemma3.rope.dimension_count"):
        del changed_facts[name]
    changed_facts |= {f"tokenizer.ggml.{name}": value for name, value in changed.items()}
    return {name: value for name, value in changed_facts.items() if value is not None}


@pytest.mark.slow
@pytest.mark.parametrize("declared", [None, True, False])
def test_a_gemma_3_file_begins_texts_as_llama_cpp_has_it(tmp_path: Path, declared: bool | None) -> None:
    pytest.importorskip("accelerate")
    said, rng = gemma_facts(add_bos_token=declared), np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd": (len(said["tokenizer.ggml.tokens"]), WIDTH),
        "output_norm": (WIDTH,),
    }
    for layer in range(LAYERS):
        norms = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
        shapes |= {f"blk.{layer}.{name}": (WIDTH,) for name in norms}
        shapes |= {f"blk.{layer}.{name}": (WIDTH // HEADS,) for name in ("attn_q_norm", "attn_k_norm")}
        shapes |= {f"blk.{layer}.{name}": (WIDTH, WIDTH) for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
        shapes |= {f"blk.{layer}.{name}": (INNER, WIDTH) for name in ("ffn_gate", "ffn_up")}
        shapes[f"blk.{layer}.ffn_down"] = (WIDTH, INNER)
    weights = {
        f"{name}.weight": (rng.standard_normal(shape) * 0.2 + 1).astype(np.float32) for name, shape in shapes.items()
    }
    model = opened(Gguf(said, weights).write(tmp_path / "m.gguf"))
    assert prefix_of(model.tokenizer) == ((2,) if declared is not False else (), 2)
    assert bool(model.remarks) == (declared is None)
    assert model.window == WINDOW
