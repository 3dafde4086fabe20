"""Requests from a file, scores to a table: what `commonweal score` reads and writes.

A request is a line `{"context": "...", "continuation": "..."}`, or a row of a table with these two columns. What is
written has a row per request, in their order: `index` (0 is the first line), `logprob` [nat], `tokens` (of the
continuation) and `greedy`.
"""

from __future__ import annotations

import io
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars

from commonweal.errors import DataFileError, OutputError
from commonweal.files.foreign_text import has_half
from commonweal.files.lines import beside, replace_whole
from commonweal.files.table_text import is_table, read_table
from commonweal.files.text import json_as_written, text_of
from commonweal.models.cache.score_cache import ScoreCache, through
from commonweal.models.engine.encoding import TokenPair
from commonweal.models.engine.local import LocalModel
from commonweal.models.engine.prefix_tree import tree_of
from commonweal.models.protocols import Altered, Continuation, Score

FIELDS = ("context", "continuation")
FAULTS_SHOWN = 5
DEVIATION_REQUESTS = 64


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores in the order of the requests, and what they cost.

    `tokens`: all that one request at a time would read; `distinct`: what must be read when each shared prefix is read
    once; `cached`: requests that were read back; `altered`: requests that were not read as they were asked.
    """

    scores: tuple[Score, ...]
    tokens: int
    distinct: int
    cached: int
    altered: Altered
    seconds: float
    lost: str | None


def read_requests(path: Path) -> list[Continuation]:
    """The requests in a file of JSON lines, or in a table; DataFileError names each line that is none."""
    text = text_of(path)
    lines = _of_table(text, path) if is_table(path, text) else _of_lines(text, path)
    requests, faults = [], []
    for number, read in lines:
        try:
            requests.append(_request(f"{path}:{number}", read()))
        except DataFileError as error:
            faults.append(str(error))
    if faults:
        more = [f"and {len(faults) - FAULTS_SHOWN} more lines"] if len(faults) > FAULTS_SHOWN else []
        raise DataFileError("\n".join(faults[:FAULTS_SHOWN] + more))
    if not requests:
        raise DataFileError(
            f'{path}: no request in it; expected lines such as {{"context": "2 + 2 =", "continuation": " 4"}}'
        )
    return requests


def _of_table(text: str, path: Path) -> Iterator[tuple[int, Callable[[], Any]]]:
    return ((number, partial(dict, row)) for number, row in read_table(text, path).whole_rows())


def _of_lines(text: str, path: Path) -> Iterator[tuple[int, Callable[[], Any]]]:
    lines = enumerate(text.split("\n"), 1)
    return ((number, partial(json_as_written, line, path, number)) for number, line in lines if line.strip())


def _request(where: str, fields: Any) -> Continuation:
    if not isinstance(fields, dict):
        raise DataFileError(f"{where} holds {type(fields).__name__}, expected an object with {' and '.join(FIELDS)}")
    for name in FIELDS:
        if not isinstance(fields.get(name), str):
            got = f"is {json.dumps(fields[name])[:40]}" if name in fields else "is missing"
            raise DataFileError(f"{where} {name} {got}, expected a text")
        if has_half(fields[name]):
            raise DataFileError(f"{where} {name} holds half of a surrogate pair, which no text encoding can carry")
    if not fields["continuation"]:
        raise DataFileError(f"{where} continuation is empty, so there is nothing to score")
    return Continuation(fields["context"], fields["continuation"], {"request": where})


def score_requests(
    model: LocalModel, requests: Sequence[Continuation], cache: ScoreCache | None, progress: Callable[[int, int], None]
) -> Scored:
    """Score requests, those in `cache` without computing; what is computed is kept as it comes."""
    began, before = time.perf_counter(), model.altered
    pairs = model.encode(requests)
    scores: dict[int, Score] = {}
    if cache is None:
        parts = model.score_tokens(pairs)
    else:
        parts = through(cache, model.fingerprint, pairs, model.score_tokens)
        scores.update(next(parts))
    cached = len(scores)
    progress(cached, len(pairs))
    for part in parts:
        scores.update(part)
        progress(len(scores), len(pairs))
    seconds = time.perf_counter() - began
    return Scored(
        tuple(scores[index] for index in range(len(pairs))),
        sum(_read_alone(pair) for pair in pairs),
        tree_of(pairs).tokens.size,
        cached,
        model.altered - before,
        seconds,
        cache.lost if cache is not None else None,
    )


def _read_alone(pair: TokenPair) -> int:
    return len(pair.context) + len(pair.continuation) - 1


def deviation_text(exact: LocalModel, dtype: str, requests: Sequence[Continuation], scores: Sequence[Score]) -> str:
    """How far scores in another number format are from float32, on requests spread evenly over the file."""
    chosen = range(0, len(requests), -(-len(requests) // DEVIATION_REQUESTS))
    exactly = {
        number: score
        for part in exact.score_tokens(exact.encode([requests[index] for index in chosen]))
        for number, score in part.items()
    }
    deviations = [abs(exactly[number].logprob - scores[index].logprob) for number, index in enumerate(chosen)]
    gaps = [gap for gap in deviations if math.isfinite(gap)]
    absent = len(deviations) - len(gaps)
    if not gaps:
        return f"{dtype} against float32: no request has a number in both"
    return (
        f"{dtype} against float32 on {len(gaps)} of the requests: |difference| {statistics.median(gaps):.2g} nat in "
        f"the median, {max(gaps):.2g} nat at most"
        + (
            f"; {absent} of the {len(deviations)} looked at {'has' if absent == 1 else 'have'} no number in one of "
            "the two"
            if absent
            else ""
        )
    )


def check_writable(path: Path, requests: Path) -> None:
    """OutputError, before anything is computed, where the table could not be written, or would take the place of
    what is no table.
    """
    if path.exists() and not path.is_dir() and (path.samefile(requests) or not path.is_file() or path.is_symlink()):
        what = "is the file of requests" if path.samefile(requests) else "is a link or a device, not a plain file"
        raise OutputError(f"{path}: {what}; name another file with --out")
    try:
        part = beside(path)
        part.touch()
        part.unlink()
    except OSError as error:
        mend = (
            "name another file with --out"
            if path.parent.is_dir()
            else f"make the folder {path.parent}, or name another file with --out"
        )
        raise OutputError(f"{path}: the scores cannot be written ({error.strerror}); {mend}") from error
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file such as {path / 'scores.parquet'} with --out")


def write_scores(path: Path, scores: Sequence[Score]) -> None:
    """The table as parquet, put in place whole. A score that is not a number is null."""
    table = polars.DataFrame(
        {
            "index": range(len(scores)),
            "logprob": [score.logprob for score in scores],
            "tokens": [score.tokens for score in scores],
            "greedy": [score.greedy for score in scores],
        },
        schema={"index": polars.Int64, "logprob": polars.Float64, "tokens": polars.Int64, "greedy": polars.Boolean},
    ).with_columns(polars.when(polars.col("logprob").is_finite()).then(polars.col("logprob")))
    body = io.BytesIO()
    table.write_parquet(body)  # a full disk is an OSError only where we write ourselves
    try:
        replace_whole(path, body.getbuffer())
    except OSError as error:
        raise OutputError(f"{path}: the scores cannot be written ({error}); name another file with --out") from error
