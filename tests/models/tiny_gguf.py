"""A GGUF file small enough to be written in a test, fact by fact, so that each of them can be a wrong one."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

WIDTH, HEADS, LAYERS, INNER, WINDOW = 32, 4, 2, 48, 64
BEGIN, END = "<|im_start|>", "<|im_end|>"
KINDS = {bool: 7, int: 4, float: 6, str: 8, list: 9}
CODES = {bool: "<?", int: "<I", float: "<f"}


@dataclass(frozen=True)
class Raw:
    """A value written as it is: its type, and its bytes."""

    kind: int
    body: bytes


def letters() -> list[str]:
    """The 256 letters that a byte-level tokenizer writes bytes with, in the order of GPT-2."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in shown] + [chr(256 + place) for place in range(256 - len(shown))]


TOKENS = [END, BEGIN, *letters(), "he", "Ġs", "Ġshe"]


def facts(**changed: Any) -> dict[str, Any]:
    """The facts of a sound file; `changed`: by the end of their names, None leaves one out."""
    sound: dict[str, Any] = {
        "general.architecture": "llama",
        "llama.block_count": LAYERS,
        "llama.context_length": WINDOW,
        "llama.embedding_length": WIDTH,
        "llama.feed_forward_length": INNER,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "llama.rope.freq_base": 10000.0,
        "llama.vocab_size": len(TOKENS),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.tokens": TOKENS,
        "tokenizer.ggml.token_type": [3, 3] + [1] * (len(TOKENS) - 2),
        "tokenizer.ggml.merges": ["h e", "Ġ s", "Ġs he"],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 0,
        "tokenizer.ggml.add_bos_token": True,
    }
    for end, value in changed.items():
        name = next((name for name in sound if name.endswith("." + end)), end.replace("__", "."))
        sound[name] = value
    return {name: value for name, value in sound.items() if value is not None}


def tensors() -> dict[str, npt.NDArray[np.float32]]:
    """Random weights of two layers, by name; axes as GGUF reads them, the fastest last."""
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> npt.NDArray[np.float32]:
        return (rng.standard_normal(shape) * 0.2).astype(np.float32)

    weights = {"token_embd.weight": drawn(len(TOKENS), WIDTH), "output_norm.weight": np.ones(WIDTH, np.float32)}
    for layer in range(LAYERS):
        before = f"blk.{layer}."
        weights |= {f"{before}{name}.weight": np.ones(WIDTH, np.float32) for name in ("attn_norm", "ffn_norm")}
        weights |= {
            f"{before}{name}.weight": drawn(WIDTH, WIDTH) for name in ("attn_q", "attn_k", "attn_v", "attn_output")
        }
        weights |= {f"{before}{name}.weight": drawn(INNER, WIDTH) for name in ("ffn_gate", "ffn_up")}
        weights[f"{before}ffn_down.weight"] = drawn(WIDTH, INNER)
    return weights


@dataclass
class Gguf:
    """What a file is made of; `counts`: the numbers of tensors and facts that it announces, where they are not its
    own.
    """

    facts: Mapping[str, Any] = field(default_factory=facts)
    tensors: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=tensors)
    counts: tuple[int | None, int | None] = (None, None)
    repeated: bytes = b""

    def body(self) -> bytes:
        counts = [
            own if told is None else told
            for told, own in zip(self.counts, (len(self.tensors), len(self.facts)), strict=True)
        ]
        header = b"GGUF" + struct.pack("<IQQ", 3, *counts)
        header += b"".join(_text(name) + _value(value) for name, value in self.facts.items()) + self.repeated
        at = 0
        for name, weights in self.tensors.items():
            header += _text(name) + struct.pack(f"<I{weights.ndim}QIQ", weights.ndim, *weights.shape[::-1], 0, at)
            at += -(-weights.nbytes // 32) * 32
        header += b"\0" * (-len(header) % 32)
        return header + b"".join(each.tobytes() + b"\0" * (-each.nbytes % 32) for each in self.tensors.values())

    def write(self, path: Path) -> Path:
        path.write_bytes(self.body())
        return path


def write_tiny_gguf(path: Path, **changed: Any) -> Path:
    """Write it; `changed`: facts by the end of their names."""
    return Gguf(facts(**changed)).write(path)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Any) -> bytes:
    if isinstance(value, Raw):
        return struct.pack("<I", value.kind) + value.body
    kind = KINDS[type(value)]
    if kind == KINDS[list]:
        inner = KINDS[type(value[0])] if value else KINDS[str]
        return struct.pack("<IIQ", kind, inner, len(value)) + b"".join(map(_bare, value))
    return struct.pack("<I", kind) + _bare(value)


def _bare(value: Any) -> bytes:
    return _text(value) if isinstance(value, str) else struct.pack(CODES[type(value)], value)
