"""Answers of an endpoint that were paid for once, in the user's cache, by a hash of server and request."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from commonweal.models.cache.checked_cache import CheckedCache, Format
from commonweal.models.cache.model_cache import cache_folder
from commonweal.models.protocols import GenerationRequest


def answer_key(fingerprint: str, request: GenerationRequest) -> bytes:
    """32 bytes that differ wherever model, address or request differ; the seed counts only where something is drawn."""
    drawn = request.seed if request.temperature > 0.0 else None
    asked = json.dumps([fingerprint, request.context, request.max_tokens, request.temperature, drawn])
    return hashlib.blake2b(asked.encode(), digest_size=32).digest()


class AnswerCache(CheckedCache[str]):
    """A file of answers, by a hash of model and request; no question and no key is in it."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path or cache_folder() / "answers.sqlite3", "answers", Format(str.encode, bytes.decode))
