"""Scores that were computed once, in the user's cache: what was asked of the same model in the same format is read
back.

The key of a score is a hash of all that it depends on: the model's fingerprint (its files and number format) and the
tokens of context and continuation. How they are kept apart and checked: checked_cache.py.

Do not put this between a model and a measurement of its time or energy.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from commonweal.models.cache.checked_cache import CheckedCache, Format
from commonweal.models.cache.model_cache import cache_folder
from commonweal.models.engine.encoding import TokenPair
from commonweal.models.protocols import Score

FORMAT = "<dI?"
ENGINE = b"2:"  # raise it when the engine would give other scores
Compute = Callable[[Sequence[TokenPair]], Iterator[dict[int, Score]]]


def score_key(fingerprint: str, pair: TokenPair) -> bytes:
    """32 bytes that differ wherever model, number format, context or continuation differ in one token."""
    lengths = struct.pack("<II", len(pair.context), len(pair.continuation))
    tokens = np.array(pair.context + pair.continuation, dtype="<i8").tobytes()
    return hashlib.blake2b(ENGINE + fingerprint.encode() + lengths + tokens, digest_size=32).digest()


class ScoreCache(CheckedCache[Score]):
    """A file of scores; one that is not a number is not kept."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path or cache_folder() / "scores.sqlite3", "scores", Format(_packed, _unpacked))


def _packed(score: Score) -> bytes | None:
    return struct.pack(FORMAT, score.logprob, score.tokens, score.greedy) if math.isfinite(score.logprob) else None


def _unpacked(body: bytes) -> Score | None:
    return Score(*struct.unpack(FORMAT, body)) if len(body) == struct.calcsize(FORMAT) else None


def through(
    cache: ScoreCache, fingerprint: str, pairs: Sequence[TokenPair], compute: Compute
) -> Iterator[dict[int, Score]]:
    """Scores by number of the pair: those that are known at once, the others as `compute` gives them; each is kept."""
    keys = [score_key(fingerprint, pair) for pair in pairs]
    known = cache.known(list(dict.fromkeys(keys)))
    yield {number: known[key] for number, key in enumerate(keys) if key in known}
    missing = [number for number, key in enumerate(keys) if key not in known]
    for part in compute([pairs[number] for number in missing]):
        scores = {missing[place]: score for place, score in part.items()}
        cache.keep({keys[number]: score for number, score in scores.items()})
        yield scores
