"""A GGUF file becomes a plain Hugging Face directory: float32 safetensors, configuration, tokenizer.

The Llama layout (SmolLM2, Llama, Mistral) is converted here, tensor by tensor, so that it needs little memory; every
fact that changes the answer is either carried over or refused. Gemma 3 is converted by transformers, with the library
accelerate. Any other layout is refused with its name, because a weight put in the wrong place is not an error that
anything downstream would notice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commonweal.errors import LocatorError, require
from commonweal.models.checks.announced import check_gguf
from commonweal.models.engine.encoding import prefix_of
from commonweal.models.foreign import foreign_faults
from commonweal.models.gguf.beginning_token import Beginning, beginning_of
from commonweal.models.gguf.bpe_tokenizer import special_tokens, token_texts, tokenizer_files
from commonweal.models.gguf.gguf_file import GGUFHeader, TensorEntry, read_gguf_header
from commonweal.models.quiet import quiet

CONVERTER_VERSION = 2
"""Raised when the conversion changes, so that what an older one wrote is not used."""

OUTER = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
BY_TRANSFORMERS = ("gemma3",)
REFUSED_FACTS = ("rope.scaling.type", "rope.scale_linear", "expert_count", "attention.sliding_window", "logit_scale")


def convert(path: Path, directory: Path) -> Beginning:
    """Write the model of the GGUF file `path` into the empty `directory`; returns what its tokenizer puts before
    every text.
    """
    header = read_gguf_header(path)
    check_convertible(header)
    if header.architecture in BY_TRANSFORMERS:
        _convert_by_transformers(header, directory)
    else:
        files: dict[str, dict[str, Any]] = {"config.json": _config(header), **tokenizer_files(header)}
        for name, content in files.items():
            (directory / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        _write_safetensors(header, _names(header), directory / "model.safetensors")
    return beginning_of(header.facts)


def _convert_by_transformers(header: GGUFHeader, directory: Path) -> None:
    require("accelerate", extra="gguf")
    torch, transformers = require("torch", extra="models"), require("transformers", extra="models")
    source = {
        "pretrained_model_name_or_path": header.path.parent,
        "gguf_file": header.path.name,
        "local_files_only": True,
    }
    with quiet(), foreign_faults(f"{header.path}: transformers cannot convert it"):
        network = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
        # The weights are plain float32 now; what remains of the library's marks would have it quantize them again.
        network.hf_quantizer, network.is_quantized = None, False
        if hasattr(network.config, "quantization_config"):
            del network.config.quantization_config
        network.save_pretrained(directory)
        tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
        added = beginning_of(header.facts).added
        if added != bool(prefix_of(tokenizer)[0]):
            tokenizer.add_bos_token = added  # not every version of the library has it as the file, or llama.cpp, does
        tokenizer.save_pretrained(directory)
        if added != bool(prefix_of(transformers.AutoTokenizer.from_pretrained(directory, local_files_only=True))[0]):
            raise ValueError(f"its tokenizer cannot be made to {'add' if added else 'leave out'} the beginning token")


def check_convertible(header: GGUFHeader) -> None:
    """Raise LocatorError where this file's layout or tokenizer is not one that is converted, MissingExtra without
    accelerate.
    """
    if header.architecture not in BY_TRANSFORMERS:
        _names(header)
    check_gguf(header)
    if header.architecture in BY_TRANSFORMERS:
        require("accelerate", extra="gguf")
        special_tokens(header, token_texts(header))
        return
    _check_shapes(header)
    tokenizer_files(header)


def _names(header: GGUFHeader) -> dict[str, str]:
    if header.architecture != "llama":
        raise _refusal(
            header, f"its layout is '{header.architecture}', and only llama, {', '.join(BY_TRANSFORMERS)} are converted"
        )
    for fact in REFUSED_FACTS:
        if header.fact(fact) not in (None, 0, "none"):
            raise _refusal(header, f"it declares {fact} = {header.fact(fact)}, which is not converted")
    names = {tensor.name: _name(tensor.name) for tensor in header.tensors}
    strangers = [name for name, target in names.items() if target is None]
    if strangers:
        raise _refusal(header, f"it has tensors that are not converted: {', '.join(strangers[:3])}")
    return {name: target for name, target in names.items() if target is not None}


def _name(name: str) -> str | None:
    inner = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
    if inner and inner[2] in INNER:
        return f"model.layers.{inner[1]}.{INNER[inner[2]]}.weight"
    return OUTER.get(name)


def _check_shapes(header: GGUFHeader) -> None:
    """LocatorError where a layer lacks a tensor, or a tensor has not the shape that the facts announce."""
    width, inner = header.fact("embedding_length"), header.fact("feed_forward_length")
    heads = header.fact("attention.head_count")
    head = header.fact("attention.key_length", width // heads)
    queries, keys = heads * head, header.fact("attention.head_count_kv", heads) * head
    if header.fact("rope.dimension_count", head) != head or head % 2:
        raise _refusal(
            header,
            f"its heads of {head} numbers turn {header.fact('rope.dimension_count', head)} of them; not converted",
        )
    expected: dict[str, tuple[int, ...]] = {"output_norm": (width,)}
    shapes = {
        "attn_norm": (width,), "attn_q": (width, queries), "attn_k": (width, keys), "attn_v": (width, keys),
        "attn_output": (queries, width), "ffn_norm": (width,), "ffn_gate": (width, inner), "ffn_up": (width, inner),
        "ffn_down": (inner, width),
    }  # fmt: skip
    for layer in range(header.fact("block_count")):
        expected |= {f"blk.{layer}.{name}": shape for name, shape in shapes.items()}
    actual = {tensor.name.removesuffix(".weight"): tensor.shape for tensor in header.tensors}
    expected |= {name: actual["token_embd"] for name in ("token_embd", "output") if name in actual}
    for name, shape in expected.items():
        if actual.get(name) != shape:
            raise _refusal(
                header,
                f"its tensor {name}.weight is {_shown(actual.get(name))}, where its facts announce {_shown(shape)}",
            )


def _shown(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else " x ".join(map(str, shape))


def _refusal(header: GGUFHeader, why: str) -> LocatorError:
    return LocatorError(f"{header.path}: {why}. Open the model's Hugging Face directory (safetensors) instead")


def _config(header: GGUFHeader) -> dict[str, Any]:
    heads = header.fact("attention.head_count")
    embedding = next(tensor for tensor in header.tensors if tensor.name == "token_embd.weight")
    rope_theta = float(header.fact("rope.freq_base", 10000.0))
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "dtype": "float32",
        "hidden_size": header.fact("embedding_length"), "intermediate_size": header.fact("feed_forward_length"),
        "num_hidden_layers": header.fact("block_count"), "num_attention_heads": heads,
        "num_key_value_heads": header.fact("attention.head_count_kv", heads),
        "head_dim": header.fact("attention.key_length", header.fact("embedding_length") // heads),
        "max_position_embeddings": header.fact("context_length"), "vocab_size": embedding.shape[1],
        "rms_norm_eps": round(float(header.fact("attention.layer_norm_rms_epsilon", 1e-6)), 12),
        "rope_theta": rope_theta, "rope_parameters": {"rope_type": "default", "rope_theta": rope_theta},
        "tie_word_embeddings": all(tensor.name != "output.weight" for tensor in header.tensors),
        "bos_token_id": header.facts.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": header.facts.get("tokenizer.ggml.eos_token_id"),
        "pad_token_id": header.facts.get("tokenizer.ggml.padding_token_id"),
    }  # fmt: skip


def _write_safetensors(header: GGUFHeader, names: dict[str, str], target: Path) -> None:
    """The safetensors format: the length of a JSON table, the table, then the numbers in its order."""
    table: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for tensor in header.tensors:
        shape = tensor.shape[::-1]
        size = 4 * int(np.prod(shape))
        table[names[tensor.name]] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % 8)
    data = np.memmap(header.path, mode="r")
    heads = {"attn_q": header.fact("attention.head_count")}
    heads["attn_k"] = header.fact("attention.head_count_kv", heads["attn_q"])
    dequantize: Callable[..., NDArray[np.float32]] = require("gguf.quants", extra="models").dequantize
    kinds = require("gguf", extra="models").GGMLQuantizationType
    with target.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for tensor in header.tensors:
            blocks = data[tensor.offset : tensor.offset + tensor.size]
            weights = dequantize(_rows(blocks, tensor), kinds(tensor.kind)).astype("<f4").reshape(tensor.shape[::-1])
            part = next((part for part in heads if f".{part}." in tensor.name), None)
            file.write(np.ascontiguousarray(_rotary_halves(weights, heads[part]) if part else weights).tobytes())


def _rows(blocks: NDArray[np.uint8], tensor: TensorEntry) -> NDArray[Any]:
    plain = {0: "<f4", 1: "<f2"}.get(tensor.kind)
    return blocks.view(plain) if plain else blocks.reshape(-1, blocks.size // int(np.prod(tensor.shape[1:])))


def _rotary_halves(weights: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """GGUF interleaves the two halves of the rotary positions; transformers keeps them apart.

    >>> _rotary_halves(np.array([[0.0], [2.0], [1.0], [3.0]], dtype=np.float32), 1).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    width = weights.shape[0] // heads
    return weights.reshape(heads, width // 2, 2, -1).swapaxes(1, 2).reshape(weights.shape)
