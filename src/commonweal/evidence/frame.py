"""Evidence as a polars frame, for those who go on computing with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from commonweal.evidence.records import Evidence
from commonweal.evidence.store import group_text
from commonweal.evidence.verdicts import is_found, is_tested


def evidence_frame(rows: Iterable[Evidence]) -> pl.DataFrame:
    """Evidence as a polars frame, one line per row: who, how much, and how sure, before method and source.

    Groups are written `attribute=group`, subjects joined by `+`. `found`: whether a comparison shows a gap; null: it is
    no comparison.
    """
    return pl.DataFrame([_flat(row) for row in rows], schema=FRAME_SCHEMA, orient="row")


FRAME_SCHEMA: dict[str, Any] = {
    "measure": pl.String,
    "subject": pl.String,
    "quantity": pl.String,
    "group": pl.String,
    "reference": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "unit": pl.String,
    "n": pl.Int64,
    "found": pl.Boolean,
    "p_adjusted": pl.Float64,
    "minimum_detectable": pl.Float64,
    "status": pl.String,
    "note": pl.String,
    "basis": pl.String,
    "interval": pl.String,
    "clusters": pl.Int64,
    "p_value": pl.Float64,
    "method": pl.String,
    "source": pl.String,
    "id": pl.String,
    "derived_from": pl.List(pl.String),
}


def _flat(row: Evidence) -> dict[str, Any]:
    estimate = row.estimate
    flat: dict[str, Any] = {
        "id": row.id,
        "measure": row.measure,
        "subject": "+".join(row.subjects),
        "basis": row.basis,
        "status": row.status,
        "source": row.provenance.source,
        "note": row.note,
        "derived_from": list(row.derived_from),
    }
    if estimate is not None:
        same = (
            "quantity",
            "unit",
            "value",
            "low",
            "high",
            "interval",
            "n",
            "clusters",
            "p_value",
            "p_adjusted",
            "minimum_detectable",
            "method",
        )
        flat |= {name: getattr(estimate, name) for name in same}
        flat["found"] = is_found(row) if is_tested(estimate) else None
        flat |= {"group": group_text(estimate.group), "reference": group_text(estimate.reference)}
    return flat
