"""A model folder as a person has it, small enough to be written in a test: random weights, one token per letter."""

from __future__ import annotations

import math
import string
from pathlib import Path
from typing import Any

import pytest

LETTERS = [" ", *string.ascii_lowercase, *string.ascii_uppercase, *string.digits, ".", "é"]
WINDOW = 32


def write_tiny_model(folder: Path, without_number: str = "", window: int = WINDOW) -> Path:
    """Write it; the embedding of each letter in `without_number` is NaN, so that what comes after it has no number."""
    torch: Any = pytest.importorskip("torch")
    transformers: Any = pytest.importorskip("transformers")
    tokenizers: Any = pytest.importorskip("tokenizers")
    vocabulary = {"<s>": 0, **{letter: place for place, letter in enumerate(LETTERS, 1)}}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<s>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", model_max_length=window)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=window,
        bos_token_id=0,
        eos_token_id=0,
    )
    network = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        for letter in without_number:
            network.get_input_embeddings().weight[vocabulary[letter]] = math.nan
    network.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder
