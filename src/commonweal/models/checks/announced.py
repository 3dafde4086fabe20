"""What a model announces (layers, heads, widths, vocabulary, experts, context) is held against its weights before
anything is built.

A configuration is a few numbers that anybody can write, and a library builds whatever they say: a thousand million
layers beside 3 MB of weights never end. A layer has at least one tensor; a head, a word, an expert, and each unit of a
width have at least one row, as wide as the model. So each of these numbers has an upper bound in the weights, which no
sound model comes near.

What this module does not do: it does not know whether the weights fit their places. Opening them does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from commonweal.errors import LocatorError
from commonweal.models.checks.safetensors_file import SafetensorsHeader
from commonweal.models.gguf.gguf_file import GGUFHeader
from commonweal.system.wording import shown

# The names of the libraries' configurations: the counts that every model has, and the patterns of all the others.
WIDTHS = ("hidden_size", "n_embd", "d_model", "model_dim", "dim")
LAYER_COUNTS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_transformer_layers")
OTHER_COUNTS = ("vocab_size", "num_attention_heads", "n_head", "n_heads", "num_heads", "num_key_value_heads")
CONTEXTS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length", "seq_length")
LAYERS = re.compile(r"(num|n|encoder|decoder)_\w*layers?")
ROWS = re.compile(
    r"(num|n|encoder|decoder)_\w*heads?|\w*experts|head_dim|intermediate_size|ffn_dim|d_ff|n_inner|ffn_hidden_size|_?num_labels"
)
REPEATS = ("attention_types", "block_sizes", "block_repeats", "depths")  # lists of how often a layer comes again
EXPERTS = re.compile(r"\w*experts")
NARROW_VOCABULARY = ("word_embed_proj_dim", "embedding_size")  # the embedding is narrower than the model: OPT, ELECTRA
MOST = (1 << 31) - 1  # what the libraries count, they count in 32 bits
EXPECTED = f"from 1 to {MOST:,}"
# Far more tensors than any layer has: about 10 weights, 7 matrices in 6 parts each where they are compressed, 3
# matrices an expert.
TENSORS_OF_LAYER, TENSORS_OF_EXPERT = 128, 32
MEND = "get the model's files again, all of them from one place"


def check_announced(path: Path, config: Mapping[str, Any], weights: Sequence[SafetensorsHeader]) -> None:
    """LocatorError where config.json at `path` announces what these weights cannot be."""
    tensors = sum(len(header.shapes) for header in weights)
    packed = "quantization_config" in config or "quantization" in config
    held = sum(header.size * 8 if packed else header.parameters for header in weights)
    scopes = [scope for scope in (config, config.get("text_config")) if isinstance(scope, Mapping)]
    for scope in scopes:
        for name in (*LAYER_COUNTS, *WIDTHS, *OTHER_COUNTS, *CONTEXTS):
            if scope.get(name) is not None:
                _check_count(path, name, scope[name])
        width = next((scope[name] for name in WIDTHS if scope.get(name)), 1)
        for name, count in _counts(scope):
            least = (
                next((scope[narrow] for narrow in NARROW_VOCABULARY if scope.get(narrow)), width)
                if name == "vocab_size"
                else width
            )
            if count * int(least) > held or (LAYERS.fullmatch(name) and count > tensors):
                raise LocatorError(
                    f"{path}: {name} is {count:,}, more than its weights can be: {tensors:,} tensors with {held:,} "
                    f"{'bits' if packed else 'numbers'} in all, at a width of {int(width):,}; {MEND}"
                )
        for name in REPEATS:
            if (most := max(_numbers(scope.get(name)), default=0)) > tensors:
                raise LocatorError(
                    f"{path}: {name} has {most:,} layers, more than the {tensors:,} tensors of its weights; {MEND}"
                )
    _check_tensors(path, config, tensors)


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif type(value) is int:
        yield value


def _check_count(path: Path, name: str, value: Any) -> None:
    if isinstance(value, list) and all(type(one) is int and one > 0 for one in value):
        return  # one for each layer, as OpenELM has it
    if type(value) is not int or not 1 <= value <= MOST:
        raise LocatorError(f"{path}: {name} is {shown(value)}, expected a whole number {EXPECTED}; {MEND}")


def _counts(scope: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """What a configuration counts, its width first, which the other bounds rest on."""
    for name, value in sorted(scope.items(), key=lambda item: item[0] not in WIDTHS):
        if type(value) is int and (
            name in (*LAYER_COUNTS, *WIDTHS, *OTHER_COUNTS) or LAYERS.fullmatch(name) or ROWS.fullmatch(name)
        ):
            yield name, value


def _check_tensors(path: Path, config: Mapping[str, Any], tensors: int) -> None:
    """LocatorError where there are far more tensors than the announced layers have; of the parts of a model, all are
    counted.
    """
    layers, experts = 0, 0
    for part in (config, *(value for value in config.values() if isinstance(value, Mapping))):
        counts = dict(_counts(part))
        layers += sum(count for name, count in counts.items() if name in LAYER_COUNTS or LAYERS.fullmatch(name))
        experts += sum(count for name, count in counts.items() if EXPERTS.fullmatch(name) and count > 0)
    most = (layers + 2) * (TENSORS_OF_LAYER + TENSORS_OF_EXPERT * experts)
    if layers and tensors > most:
        raise LocatorError(
            f"{path}: it announces {layers:,} layers, and its weights are {tensors:,} tensors, above {most:,}; {MEND}"
        )


def check_gguf(header: GGUFHeader) -> None:
    """LocatorError where the facts of a GGUF file announce what its tensors are not, or are no numbers that a model
    can have.
    """
    layers = {int(found[1]) for tensor in header.tensors if (found := re.match(r"blk\.(\d{1,9})\.", tensor.name))}
    counts = {
        name: _whole(header, name)
        for name in ("block_count", "embedding_length", "feed_forward_length", "context_length")
    }
    heads = _whole(header, "attention.head_count")
    for name, otherwise in (
        ("attention.head_count_kv", heads),
        ("attention.key_length", 1),
        ("attention.value_length", 1),
    ):
        _whole(header, name, otherwise)
    for name in ("attention.layer_norm_rms_epsilon", "rope.freq_base"):
        value = header.fact(name, 1.0)
        if type(value) not in {int, float} or not math.isfinite(value) or value <= 0:
            raise _fault(header, name, f"{shown(value)}, expected a number above 0")
    if not len(layers) == max(layers, default=-1) + 1 == counts["block_count"]:
        raise _fault(header, "block_count", f"{counts['block_count']:,}, and it has tensors of {len(layers):,} layers")
    embedding = next((tensor.shape for tensor in header.tensors if tensor.name == "token_embd.weight"), ())
    if len(embedding) != 2 or embedding[0] != counts["embedding_length"]:
        got = " x ".join(f"{size:,}" for size in embedding) or "absent"
        raise _fault(header, "embedding_length", f"{counts['embedding_length']:,}, and token_embd.weight is {got}")
    words = header.facts.get("tokenizer.ggml.tokens")
    if isinstance(words, list) and len(words) > embedding[1]:
        raise LocatorError(
            f"{header.path}: it names {len(words):,} tokens, and token_embd.weight has {embedding[1]:,} rows; {MEND}"
        )
    if _whole(header, "vocab_size", embedding[1]) > embedding[1]:
        raise _fault(
            header, "vocab_size", f"{header.fact('vocab_size'):,}, and token_embd.weight has {embedding[1]:,} rows"
        )


def _whole(header: GGUFHeader, name: str, otherwise: int | None = None) -> int:
    value = header.fact(name, otherwise)
    if type(value) is not int or not 1 <= value <= MOST:
        raise _fault(header, name, f"{shown(value)}, expected a whole number {EXPECTED}")
    return value


def _fault(header: GGUFHeader, name: str, what: str) -> LocatorError:
    return LocatorError(f"{header.path}: {header.architecture}.{name} is {what}; {MEND}")
