"""The byte-level BPE tokenizer that a GGUF file carries, written as a `tokenizer.json`.

How text is cut before the merges is named in the file (`tokenizer.ggml.pre`). A name that is not in the table below
is refused: a model whose text is cut otherwise than in training answers, and every number about it is wrong.

Source of the patterns: llama.cpp, src/llama-vocab.cpp, and the tokenizer.json that each model family publishes.
"""

from __future__ import annotations

from typing import Any

from commonweal.errors import LocatorError
from commonweal.models.gguf_file import GGUFHeader

CONTROL, USER_DEFINED = 3, 4
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
BYTES_ONLY = {**BYTE_LEVEL, "use_regex": False}
WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


PRE_TOKENIZERS: dict[str, list[dict[str, Any]]] = {
    "gpt-2": [BYTE_LEVEL],
    "smollm": [{"type": "Digits", "individual_digits": True}, BYTE_LEVEL],
    "llama-bpe": [_split(ENDINGS + WORDS % "{1,3}"), BYTES_ONLY],
    "qwen2": [_split(ENDINGS + WORDS % ""), BYTES_ONLY],
}


def tokenizer_files(header: GGUFHeader) -> dict[str, dict[str, Any]]:
    """`tokenizer.json` and `tokenizer_config.json` for a GGUF file with a byte-level BPE tokenizer."""
    facts = header.facts
    cut = str(facts.get("tokenizer.ggml.pre", "unnamed"))
    if facts.get("tokenizer.ggml.model") != "gpt2" or cut not in PRE_TOKENIZERS:
        raise LocatorError(
            f"{header.path}: its text is cut into tokens by '{facts.get('tokenizer.ggml.model')}/{cut}', which is not known here; "
            f"known: {', '.join('gpt2/' + name for name in PRE_TOKENIZERS)}. Open the model's Hugging Face directory instead"
        )
    tokens: list[str] = facts["tokenizer.ggml.tokens"]
    kinds = facts.get("tokenizer.ggml.token_type", [1] * len(tokens))
    added = [
        {"id": index, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": kind == CONTROL}
        for index, (token, kind) in enumerate(zip(tokens, kinds, strict=True)) if kind in (CONTROL, USER_DEFINED)
    ]  # fmt: skip
    named = {
        f"{role}_token": tokens[facts[f"tokenizer.ggml.{key}_token_id"]]
        for role, key in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown"))
        if facts.get(f"tokenizer.ggml.{key}_token_id") is not None
    }
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False,
        "model_max_length": header.fact("context_length"), **named,
    }  # fmt: skip
    if facts.get("tokenizer.chat_template"):
        config["chat_template"] = facts["tokenizer.chat_template"]
    bos = named.get("bos_token") if facts.get("tokenizer.ggml.add_bos_token") else None
    whole = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "NFC"} if cut == "qwen2" else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": PRE_TOKENIZERS[cut]},
        "post_processor": _begins_with(bos, tokens) if bos else None,
        "decoder": BYTE_LEVEL, "model": _merges(tokens, facts["tokenizer.ggml.merges"], cut),
    }  # fmt: skip
    return {"tokenizer.json": whole, "tokenizer_config.json": config}


def _merges(tokens: list[str], merges: list[str], cut: str) -> dict[str, Any]:
    return {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
        "fuse_unk": False, "byte_fallback": False, "ignore_merges": cut == "llama-bpe",
        "vocab": {token: index for index, token in enumerate(tokens)}, "merges": merges,
    }  # fmt: skip


def _begins_with(bos: str, tokens: list[str]) -> dict[str, Any]:
    text = [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}]
    first = {"SpecialToken": {"id": bos, "type_id": 0}}
    special = {bos: {"id": bos, "ids": [tokens.index(bos)], "tokens": [bos]}}
    return {"type": "TemplateProcessing", "single": [first, text[0]], "pair": [first, *text], "special_tokens": special}
