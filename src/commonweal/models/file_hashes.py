"""What a file contains, as a hash, and what a model is, as one fingerprint.

Two copies of a model under different paths have the same fingerprint; a model whose weights, tokenizer, configuration
or number format differ in one bit has another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CHUNK_BYTES = 1 << 22
MODEL_FILES = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "spiece.model",
    "chat_template.jinja", "model.safetensors.index.json",
)  # fmt: skip


def sha256_of_file(path: Path) -> str:
    """Hash of the file's bytes, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_joined(paths: Iterable[Path]) -> str:
    """Hash of the bytes of several files, one after the other, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(CHUNK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def sha256_of_files(paths: Iterable[Path]) -> dict[str, str]:
    """File name -> hash, several at once (hashing releases the interpreter lock)."""
    ordered = sorted(paths)
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip((path.name for path in ordered), pool.map(sha256_of_file, ordered), strict=True))


def weight_files(directory: Path) -> list[Path]:
    """The safetensors files of a model directory, in order of name."""
    return sorted(path for path in directory.glob("*.safetensors") if path.is_file())


def model_files(directory: Path) -> list[Path]:
    """Every file of a model directory that its answers depend on."""
    return weight_files(directory) + [directory / name for name in MODEL_FILES if (directory / name).is_file()]


def fingerprint_of(parts: Mapping[str, object]) -> str:
    """One hash of several named facts; the order of the names does not matter.

    >>> fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def model_fingerprint(hashes: Mapping[str, str], dtype: str) -> str:
    """Fingerprint of a model: the hash of each of its files and the number format it computes in."""
    return fingerprint_of({"files": dict(hashes), "dtype": dtype})
