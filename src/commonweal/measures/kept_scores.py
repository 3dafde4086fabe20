"""The log-probabilities that a measure left among its items, as requests and scores, to ask another model the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from commonweal.evidence.records import Evidence
from commonweal.evidence.store import row_tables
from commonweal.models.protocols import Continuation, Score

NEEDED = frozenset({"context", "continuation", "logprob", "tokens", "greedy"})


def kept_scores(folder: Path, rows: Sequence[Evidence]) -> tuple[list[Continuation], list[Score]]:
    """What was asked for these rows, and the answers, in the order of asking; nothing where texts or decisions were
    asked for.
    """
    import polars as pl  # noqa: PLC0415 - the registry looks through this folder, and most verbs have no scores

    requests, scores = [], []
    for items, run in dict.fromkeys(_places(folder, row) for row in rows if "rows" in row.provenance.inputs):
        if not (items.is_file() and run.is_file()):
            continue
        table = pl.read_parquet(items).join(pl.read_parquet(run), on="key", how="semi", maintain_order="left")
        if not set(table.columns) >= NEEDED:
            continue
        for item in table.filter(pl.col("logprob").is_not_null()).to_dicts():
            requests.append(Continuation(item["context"], item["continuation"]))
            scores.append(Score(item["logprob"], item["tokens"], item["greedy"]))
    return requests, scores


def _places(folder: Path, row: Evidence) -> tuple[Path, Path]:
    """The items of a row's measure and subject, and the keys of those that the row is about."""
    items, run = row_tables(row.measure, row.subjects, row.provenance.version, row.provenance.inputs)
    return folder / items, folder / run
