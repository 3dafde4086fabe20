"""The items that the rows of a dossier are about, as they lie beside it, and the unit that was sampled.

The items of a measure lie in `items/MEASURE/SUBJECT/KEY.parquet`; the key is worked out again from what the dossier
says the rows depend on, and `runs/` beside it has the items that the rows are about, so that those of another run in
the same folder (another model, limit, seed or design) are not taken for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from commonweal.errors import DataFileError
from commonweal.evidence.records import ItemOutcome
from commonweal.evidence.store import row_tables
from commonweal.files.text import json_of, text_of
from commonweal.statistics.contrast import Labels
from commonweal.system.prediction_columns import NO_COLUMNS, PredictionColumns

SCHEMA = "commonweal-dossier/1"
PREDICTIONS = "predictions:"
OF_TABLES = "table of predictions"  # what a measure of tables says that it applies to
TRACED = frozenset({"contribution"})  # what is said of templates, items or writers is not said of groups
MOST_FACTORS = 2


@dataclass(frozen=True, slots=True)
class MeasuredSubject:
    """What a dossier says about one measure on one subject.

    `units`: the columns of its items that name the sampled unit.

    `outcomes`: what the measure made of its items, by which they are compared, if it says so. `items`: every outcome
    that was kept; `run`: the keys of those that the rows of this dossier are about. `reached`: where the subject was
    found, and in which number format. `of_table`: it was measured on a table of predictions, with these `columns` and
    this `fingerprint`; such a measure keeps no items of its own, since the table has them.
    """

    measure: str
    version: int
    subject: str
    reached: str
    units: tuple[str, ...]
    outcomes: tuple[ItemOutcome, ...]
    attributes: frozenset[str]
    items: Path
    run: Path
    prompt: bool
    answers_from_file: bool
    quantities: tuple[str, ...]
    of_table: bool = False
    columns: PredictionColumns = NO_COLUMNS
    fingerprint: str = ""


Subjects = tuple[MeasuredSubject, MeasuredSubject]  # in A and in B


def subjects_of(one: MeasuredSubject, other: MeasuredSubject) -> str:
    """The subjects in A and in B, once where they have the same name."""
    return one.subject if other.subject == one.subject else f"{one.subject} and {other.subject}"


@dataclass(slots=True)
class Said:
    """Notes collected while items are paired: what was paired, and what was not and why."""

    paired: list[str] = field(default_factory=list)
    unpaired: list[str] = field(default_factory=list)


def read_dossier(folder: Path) -> dict[str, dict[str, MeasuredSubject]]:
    """Measure -> subject -> what the dossier says of it, for measures with at least one measured number."""
    path = folder / "dossier.json"
    if not path.is_file():
        raise DataFileError(f"{path}: no such file; expected the folder of a finished run")
    content = json_of(text_of(path), path)
    try:
        if content["schema"] != SCHEMA:
            raise DataFileError(f"{path}: its schema is '{content['schema']}', expected {SCHEMA}")
        methods = {method["name"]: method for method in content["methods"]}
        assets = {asset["id"]: asset for asset in content["system"]["assets"]}
        by_measure: dict[str, dict[str, MeasuredSubject]] = {}
        for (measure, subject), rows in _measured(content["evidence"]).items():
            measured = _subject(folder, rows, methods.get(measure, {}), assets.get(subject, {}))
            by_measure.setdefault(measure, {})[subject] = measured
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataFileError(f"{path}: not a dossier of commonweal ({type(error).__name__}: {error})") from error
    return by_measure


def _subject(
    folder: Path, rows: Sequence[Mapping[str, Any]], method: Mapping[str, Any], asset: Mapping[str, Any]
) -> MeasuredSubject:
    measure, subject, provenance = rows[0]["measure"], "+".join(rows[0]["subjects"]), rows[0]["provenance"]
    items, run = row_tables(measure, rows[0]["subjects"], provenance["version"], provenance["inputs"])
    estimates = [row["estimate"] for row in rows if row["estimate"]["quantity"] not in TRACED]
    return MeasuredSubject(
        measure=measure,
        version=int(provenance["version"]),
        subject=subject,
        reached=_reached(asset),
        units=tuple(map(str, method.get("units", ()))),
        outcomes=tuple(ItemOutcome.model_validate(one) for one in method.get("outcomes", ())),
        attributes=frozenset(name for one in estimates for name in (one["group"] or {})),
        items=folder / items,
        run=folder / run,
        prompt=bool(asset.get("prompt")),
        answers_from_file=(asset.get("locator") or "").startswith(PREDICTIONS),
        quantities=tuple(dict.fromkeys(one["quantity"] for one in estimates)),
        of_table=method.get("applies_to") == OF_TABLES,
        columns=PredictionColumns.model_validate(asset.get("columns") or {}),
        fingerprint=str(provenance["inputs"].get(subject, "")),
    )


def _reached(asset: Mapping[str, Any]) -> str:
    """Where an asset is and, where it is declared, its number format.

    >>> _reached({"locator": "embedded:smollm2", "dtype": "int8"})
    'embedded:smollm2 in int8'
    """
    return " in ".join(str(part) for part in (asset.get("locator"), asset.get("dtype")) if part)


def _measured(evidence: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """The rows with a number that was measured, by measure and subjects."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in evidence:
        if row["basis"] == "measured" and row["estimate"] is not None:
            found.setdefault((row["measure"], "+".join(row["subjects"])), []).append(row)
    return found


def items_of(measured: MeasuredSubject, title: str, said: Said) -> pl.DataFrame:
    """The items that the rows of a dossier are about."""
    items, asked = _read(measured.items), _read(measured.run)
    frame = items.join(asked, on="key", how="semi")
    if frame.height < asked.height:
        said.unpaired.append(
            f"{title}: {asked.height - frame.height} of {asked.height} items of the run are missing in {measured.items}"
        )
    return frame


def _read(path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataFileError(f"{path}: cannot be read ({error})") from error
    if frame.schema.get("key") != pl.String:
        raise DataFileError(
            f"{path}: has no column `key` of texts (columns: {', '.join(frame.columns)}); was it changed by hand?"
        )
    return frame


def joined(
    frames: tuple[pl.DataFrame, pl.DataFrame], key: list[str], answers: Sequence[str], title: str, said: Said
) -> pl.DataFrame:
    """The items that both have, in a fixed order: those of A, with the answers of B beside them as `NAME_b`."""
    both = frames[0].join(frames[1].select([*key, *answers]), on=key, how="inner", suffix="_b").sort(key)
    if not both.height:
        said.unpaired.append(
            f"{title}: no item has the same text in both ({frames[0].height} and {frames[1].height} items)"
        )
        return both
    for frame, side in zip(frames, "AB", strict=True):
        if frame.height > both.height:
            said.unpaired.append(f"{title}: {frame.height - both.height} of {frame.height} items are in {side} only")
    return both


def sampled_units(units: Sequence[str], attributes: Sequence[str], part: pl.DataFrame) -> tuple[list[str], str]:
    """The columns of the sampled unit, without those whose values are the groups themselves; or none, and why.

    >>> frame = pl.DataFrame({"unit": ["she", "he"], "probe": ["a", "b"], "pronoun": ["she", "he"]})
    >>> sampled_units(["unit", "probe"], ["pronoun"], frame)
    (['probe'], '')
    >>> sampled_units(["word"], [], frame)
    ([], 'its items do not tell the sampled unit: they have no `word`')
    """
    absent = [name for name in units if name not in part.columns or part[name].null_count()]
    if absent or not units:
        why = f"they have no `{absent[0]}`" if absent else "the measure names no column for it"
        return [], f"its items do not tell the sampled unit: {why}"
    found = [
        name for name in units if not any(name != group and part[name].equals(part[group]) for group in attributes)
    ]
    if not 0 < len(found) <= MOST_FACTORS:
        return [], f"no unit was sampled; {' and '.join(units)} are the groups themselves"
    return found, ""


def texts_of(column: pl.Series) -> Labels:
    """A column as texts, "" where it has none, str (item,)."""
    return np.array([("" if value is None else str(value)) for value in column.to_list()], dtype=np.str_)


def counted(factors: Sequence[str], clusters: Sequence[Labels]) -> str:
    """How many units there are.

    >>> counted(["writer", "words"], [np.array(["a", "b"]), np.array(["x", "x"])])
    '2 writers x 1 words'
    """
    counts = [(np.unique(units).size, name.removesuffix("s")) for name, units in zip(factors, clusters, strict=True)]
    return " x ".join(f"{count} {name}s" for count, name in counts)
