"""Two models on the same requests: what each gives a continuation, in bits per UTF-8 byte of it.

Never per token: two models cut a text into tokens differently, but its bytes are the same. A line may name its
`cluster` (the sampled unit) and its `group`; without a cluster, the requests after one context are one unit.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commonweal.assessment.comparison.paired_outcomes import ComparedOutcome, Paired, PairingNotes
from commonweal.errors import DataFileError, MeasurementError
from commonweal.files.text import json_of, text_of
from commonweal.models.cache.score_cache import ScoreCache
from commonweal.models.engine.encoding import named
from commonweal.models.opening import open_local_model
from commonweal.models.protocols import Continuation
from commonweal.models.request_file import Scored, read_requests, score_requests
from commonweal.statistics.contrast import Array, Labels
from commonweal.system.permissions import Permissions

LOGPROB = ComparedOutcome("logprob", "log-probability of the text", "bit/byte", higher_is_better=True, most=0.0)
Tick = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Model:
    """A model in a number format."""

    locator: str
    dtype: str
    device: str = "auto"

    @property
    def name(self) -> str:
        return f"{self.locator} ({self.dtype})"


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """Requests with the sampled unit and the group of each, str (request,); a group is "" where it is not known."""

    requests: tuple[Continuation, ...]
    cluster: Labels
    group: Labels
    sampled: str


def read_grouped_requests(path: Path) -> Requests:
    """The requests of a file of JSON lines; DataFileError names each line that does not follow the format."""
    requests = read_requests(path)
    lines = text_of(path).split("\n")
    rows = [(number, json_of(line, path, number)) for number, line in enumerate(lines, 1) if line.strip()]
    labels = {name: [_label(path, number, row, name) for number, row in rows] for name in ("cluster", "group")}
    seen: dict[tuple[str, str], int] = {}
    for (number, _), request in zip(rows, requests, strict=True):
        asked = (request.context, request.continuation)
        if asked in seen:
            raise DataFileError(f"{path}:{number} the same request as in line {seen[asked]}; each may be there once")
        seen[asked] = number
    without = [number for (number, _), cluster in zip(rows, labels["cluster"], strict=True) if not cluster]
    if 0 < len(without) < len(rows):
        raise DataFileError(
            f"{path}:{without[0]} no cluster, as in {len(without)} of {len(rows)} lines; name it in all or in none"
        )
    numbers: dict[str, str] = {}
    by_context = [numbers.setdefault(request.context, str(len(numbers))) for request in requests] if without else []
    cluster = by_context or labels["cluster"]
    sampled = "context" if without else "cluster"
    return Requests(
        tuple(requests), np.array(cluster, dtype=np.str_), np.array(labels["group"], dtype=np.str_), sampled
    )


def _label(path: Path, number: int, row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataFileError(f"{path}:{number} {name} is {json.dumps(value)[:40]}, expected a text or a whole number")
    return str(value).strip()


def pair_requests(
    asked: Requests, models: tuple[Model, Model], permissions: Permissions, tick: Tick, *, no_cache: bool = False
) -> tuple[list[Paired], PairingNotes]:
    """Score the requests with both models, one after the other; scores that are stored are read back."""
    notes, scored = [], []
    for side, model in zip("AB", models, strict=True):
        one, note = _scored(asked, model, permissions, (side, tick), no_cache)
        scored.append(_bits_per_byte(asked, model, one))
        notes += [note] if note else []
    groups = {"group": asked.group} if (asked.group != "").any() else {}
    unknown = int((asked.group == "").sum()) if groups else 0
    unpaired = [f"{unknown} requests without a group: they enter the difference, and no gap"] if unknown else []
    counts = Counter(asked.cluster.tolist())
    statement = f"{len(asked.requests)} requests in {len(counts)} {asked.sampled}s, scored by both"
    names = models[0].name, models[1].name
    pair = Paired(
        "requests", names, LOGPROB, scored[0], scored[1], (asked.cluster,), asked.sampled, groups, "; ".join(notes)
    )
    return [pair], PairingNotes((statement, *notes), tuple(unpaired))


def _scored(
    asked: Requests, model: Model, permissions: Permissions, watched: tuple[str, Tick], no_cache: bool
) -> tuple[Scored, str]:
    side, tick = watched
    opened = open_local_model(
        model.locator, folder=None, permissions=permissions, device=model.device, dtype=model.dtype
    )
    with nullcontext() if no_cache else ScoreCache() as cache:
        found = score_requests(
            opened, asked.requests, cache, lambda done, total: tick(f"score {side}, {model.name}", done, total)
        )
    remarks = [f"{side}: {remark}" for remark in opened.remarks]
    return found, "; ".join([*remarks, *found.altered.words(f"of the requests to {side}")])


def _bits_per_byte(asked: Requests, model: Model, scored: Scored) -> Array:
    unknown = [place for place, score in enumerate(scored.scores) if not math.isfinite(score.logprob)]
    if unknown:
        raise MeasurementError(
            f"{model.name}: the answer to {len(unknown)} of {len(asked.requests)} requests is not a number "
            f"(the first is {named(asked.requests[unknown[0]], unknown[0])}), so nothing is compared"
        )
    logprob = np.array([score.logprob for score in scored.scores])
    size = np.array([len(request.continuation.encode()) for request in asked.requests], dtype=np.float64)
    return np.asarray(logprob / np.log(2) / size)
