"""The byte-level BPE tokenizer that a GGUF file carries, written as a `tokenizer.json`.

How text is cut before the merges is named in the file (`tokenizer.ggml.pre`). A name that is not in the table below is
refused: a model whose text is cut otherwise than in training answers, and every number about it is wrong. Whether a
text gets a beginning token is beginning_token.py's.

Source of the patterns: llama.cpp, src/llama-vocab.cpp, and the tokenizer.json that each model family publishes.
"""

from __future__ import annotations

from typing import Any

from commonweal.errors import LocatorError
from commonweal.models.gguf.beginning_token import beginning_of
from commonweal.models.gguf.gguf_file import GGUFHeader
from commonweal.system.wording import shown

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
    cut = facts.get("tokenizer.ggml.pre", "unnamed")
    if not isinstance(cut, str) or facts.get("tokenizer.ggml.model") != "gpt2" or cut not in PRE_TOKENIZERS:
        raise LocatorError(
            f"{header.path}: its text is cut into tokens by {shown(facts.get('tokenizer.ggml.model'))}/{shown(cut)}, "
            f"which is not known here; known: {', '.join('gpt2/' + name for name in PRE_TOKENIZERS)}. Open the "
            "model's Hugging Face directory instead"
        )
    tokens = token_texts(header)
    added = [
        {
            "id": index,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind == CONTROL,
        }
        for index, (token, kind) in enumerate(zip(tokens, _kinds(header, tokens), strict=True))
        if kind in (CONTROL, USER_DEFINED)
    ]
    named = special_tokens(header, tokens)
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": header.fact("context_length"),
        **{f"{role}_token": tokens[number] for role, number in named.items()},
    }
    if isinstance(template := facts.get("tokenizer.chat_template"), str) and template:
        config["chat_template"] = template
    whole = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "NFC"} if cut == "qwen2" else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": PRE_TOKENIZERS[cut]},
        "post_processor": _begins_with(named["bos"], tokens) if beginning_of(facts).added else None,
        "decoder": BYTE_LEVEL,
        "model": _merges(tokens, _sound_merges(header, tokens), cut),
    }
    return {"tokenizer.json": whole, "tokenizer_config.json": config}


def special_tokens(header: GGUFHeader, tokens: list[str]) -> dict[str, int]:
    """The number of each special token that the file names: bos, eos, pad, unk.

    LocatorError where a number is none of its tokens', or where its texts begin with a token that it does not name.
    """
    named = {}
    for role, key in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown")):
        number = header.facts.get(f"tokenizer.ggml.{key}_token_id")
        if number is None:
            continue
        if type(number) is not int or not 0 <= number < len(tokens):
            raise _fault(
                header, f"tokenizer.ggml.{key}_token_id is {shown(number)}, expected one of its {len(tokens):,} tokens"
            )
        named[role] = number
    if beginning_of(header.facts).added and "bos" not in named:
        raise _fault(
            header, "its texts begin with the beginning token, and it names none (tokenizer.ggml.bos_token_id)"
        )
    return named


def token_texts(header: GGUFHeader) -> list[str]:
    """The text of each token; LocatorError where there are none, or two are alike."""
    tokens = _texts(header, "tokens")
    if not tokens or len(set(tokens)) < len(tokens):
        raise _fault(header, f"tokenizer.ggml.tokens has {len(tokens):,} texts, {len(set(tokens)):,} of them different")
    return tokens


def _texts(header: GGUFHeader, name: str) -> list[str]:
    found = header.facts.get(f"tokenizer.ggml.{name}")
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise _fault(header, f"tokenizer.ggml.{name} is {shown(found)}, expected a list of texts")
    return found


def _sound_merges(header: GGUFHeader, tokens: list[str]) -> list[str]:
    """The pairs of tokens that become one, most urgent first; LocatorError where a pair, or what it becomes, is no
    token.
    """
    merges, known = _texts(header, "merges"), set(tokens)
    for merge in merges:
        first, _, second = merge.partition(" ")
        if not second or not {first, second, first + second} <= known:
            raise _fault(
                header, f"tokenizer.ggml.merges joins {shown(merge)}, expected two of its tokens that make a third"
            )
    return merges


def _kinds(header: GGUFHeader, tokens: list[str]) -> list[Any]:
    kinds = header.facts.get("tokenizer.ggml.token_type", [1] * len(tokens))
    if not isinstance(kinds, list) or len(kinds) != len(tokens):
        raise _fault(
            header, f"tokenizer.ggml.token_type does not have one entry for each of its {len(tokens):,} tokens"
        )
    return kinds


def _fault(header: GGUFHeader, what: str) -> LocatorError:
    return LocatorError(
        f"{header.path}: {what}. The file is damaged or was written wrongly; get it again, or another one"
    )


def _merges(tokens: list[str], merges: list[str], cut: str) -> dict[str, Any]:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": cut == "llama-bpe",
        "vocab": {token: index for index, token in enumerate(tokens)},
        "merges": merges,
    }


def _begins_with(bos: int, tokens: list[str]) -> dict[str, Any]:
    text = [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}]
    name = tokens[bos]
    first = {"SpecialToken": {"id": name, "type_id": 0}}
    special = {name: {"id": name, "ids": [bos], "tokens": [name]}}
    return {"type": "TemplateProcessing", "single": [first, text[0]], "pair": [first, *text], "special_tokens": special}
