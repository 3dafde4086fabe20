"""Whether a GGUF file's tokenizer puts the beginning token before every text.

A file says so itself (`tokenizer.ggml.add_bos_token`); many older ones do not. Then it is as llama.cpp has it, for
which they were written and tried: it depends on the kind of tokenizer, and in a byte-level one on how text is cut
before the merges. A model that was trained with that token answers otherwise without it, so what was taken for granted
is told.

Source: ggml-org/llama.cpp, src/llama-vocab.cpp, llama_vocab::impl::load, at revision
00ad355e009e83abf98f96a6ded7193b95763681.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SOURCE = "llama.cpp, src/llama-vocab.cpp, 00ad355"
BYTE_LEVEL = "gpt2"
# tokenizer.ggml.model -> whether texts begin with the token; a byte-level one is looked up by tokenizer.ggml.pre below
BY_MODEL: Mapping[str, bool] = {
    "llama": True,
    "bert": True,
    "t5": False,
    "rwkv": False,
    "plamo2": False,
    "gemma4": True,
}
BEGINNING_PRE_TOKENIZERS = frozenset(
    {
        "llama3",
        "llama-v3",
        "llama-bpe",
        "falcon3",
        "falcon-h1",
        "pixtral",
        "midm-2.0",
        "lfm2",
        "jina-v5-nano",
        "tekken",
        "chameleon",
        "gemma4",
        "granite-embed-multi-311m",
    }
)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Whether the beginning token is `added` before every text, and whether the file `declared` it."""

    added: bool
    declared: bool

    def remarks(self) -> tuple[str, ...]:
        """What a reader of the model's answers must know.

        >>> Beginning(added=False, declared=True).remarks()
        ()
        """
        if self.declared:
            return ()
        done = "one is added" if self.added else "none is added"
        return (
            "the file does not say whether a text begins with the beginning token (no tokenizer.ggml.add_bos_token): "
            f"{done}, as llama.cpp does for its tokenizer ({SOURCE})",
        )


def beginning_of(facts: Mapping[str, Any]) -> Beginning:
    """As the file says, else as llama.cpp has it for this tokenizer.

    >>> beginning_of({"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "llama-bpe"})
    Beginning(added=True, declared=False)
    >>> beginning_of({"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "llama-bpe",
    ...     "tokenizer.ggml.add_bos_token": False})
    Beginning(added=False, declared=True)
    """
    declared = facts.get("tokenizer.ggml.add_bos_token")
    if declared is not None:
        return Beginning(bool(declared), declared=True)
    kind = facts.get("tokenizer.ggml.model")
    if kind == BYTE_LEVEL:
        return Beginning(str(facts.get("tokenizer.ggml.pre")) in BEGINNING_PRE_TOKENIZERS, declared=False)
    return Beginning(BY_MODEL.get(str(kind), False), declared=False)
