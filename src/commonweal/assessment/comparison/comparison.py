"""Compare two dossiers, two models, or two files of predictions: the same items, paired, clustered, one family.

What this does not do: it does not say which of the two is better. A difference that is not shown is not shown to be
absent; "not worse by more than d" and "equivalent within d" are claims of their own, with a d that was fixed
beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from commonweal.assessment.comparison.dossier_items import PREDICTIONS
from commonweal.assessment.comparison.paired_dossiers import pair_dossiers
from commonweal.assessment.comparison.paired_outcomes import OTHERS, ComparisonRow, Paired, PairingNotes, compared
from commonweal.assessment.comparison.paired_predictions import TableFile, pair_predictions
from commonweal.assessment.comparison.paired_requests import Model, Tick, pair_requests, read_grouped_requests
from commonweal.assessment.comparison.rate_lines import rate_lines
from commonweal.assessment.comparison.verdicts import Margins
from commonweal.errors import DataFileError, OptionError
from commonweal.evidence.numbers import bounds_text, clusters_text, detectable_text, interval_text, p_text, value_text
from commonweal.evidence.records import Estimate, Missing
from commonweal.evidence.store import group_text
from commonweal.files.table_text import SUFFIXES, SUFFIXES_OF_LINES
from commonweal.models.engine.precision import FLOAT32, check_precision
from commonweal.system.permissions import Permissions
from commonweal.system.prediction_columns import NO_COLUMNS, PredictionColumns

SCHEMA = "commonweal-comparison/1"
TABLES_OF_PREDICTIONS = "predictions"  # what their rows have in the place of a measure
MAY_BE_THERE = "what is not shown may still be there, up to its interval"
TABLES = SUFFIXES | SUFFIXES_OF_LINES | {".txt"}
WORDS = {"shown": "shown", "not_shown": "not shown", "not_asked": "not asked", "not_applicable": "not applicable"}


def no_progress(stage: str, done: int, total: int) -> None:
    """Ignore progress."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How two things are to be compared. `columns` are for files of predictions, `dtypes` and what follows it but them
    for models only.
    """

    margins: Margins = field(default_factory=Margins)
    common: bool = False
    seed: int = 0
    requests: Path | None = None
    dtypes: tuple[str | None, str | None] = (None, None)
    device: str = "auto"
    no_cache: bool = False
    permissions: Permissions = field(default_factory=Permissions)
    columns: PredictionColumns = NO_COLUMNS


@dataclass(frozen=True, slots=True)
class Comparison:
    """All numbers of a comparison, and what was paired. `kind`: dossiers, models or predictions."""

    kind: str
    a: str
    b: str
    statement: PairingNotes
    seed: int
    rows: tuple[ComparisonRow, ...]

    def records(self) -> dict[str, Any]:
        """The comparison as data: each record has the fields of an Estimate, or the reason why there is no number."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "a": self.a,
            "b": self.b,
            "seed": self.seed,
            "paired": list(self.statement.paired),
            "unpaired": list(self.statement.unpaired),
            "records": [_record(row) for row in self.rows],
        }


def compare(a: str, b: str, asked: Asked, tick: Tick = no_progress) -> Comparison:
    """Compare A and B.

    Raises
    ------
    OptionError, DataFileError, LocatorError, MeasurementError : each says how to mend it.
    """
    kind = kind_of(a, b, asked)
    if kind == "models":
        assert asked.requests is not None
        pairs, statement = _models(a, b, asked, asked.requests, tick)
        a, b = pairs[0].subjects
    elif kind == "dossiers":
        pairs, statement = pair_dossiers(Path(a), Path(b))
    else:
        files = TableFile(_table(a), asked.columns), TableFile(_table(b), asked.columns)
        pairs, statement = pair_predictions(*files, common=asked.common)
    if not pairs:
        raise DataFileError("\n".join([f"{a} and {b} have no item that can be paired", *statement.unpaired]))
    rows = _checked(pairs, asked)
    return Comparison(kind, a, b, statement, asked.seed, tuple(rows))


def kind_of(a: str, b: str, asked: Asked) -> str:
    """dossiers, models or predictions; OptionError where A and B are not of one kind, or an option does not belong
    to it.
    """
    kind = _kind_of(a, b, asked)
    if asked.columns != NO_COLUMNS and kind != "predictions":
        raise OptionError(
            f"--truth, --prediction, --group and the like name columns of two files of predictions; these are {kind}"
        )
    return kind


def _kind_of(a: str, b: str, asked: Asked) -> str:
    if asked.requests is not None:
        if asked.common:
            raise OptionError("--common is for files of predictions; two models answer the same requests")
        return "models"
    kinds = [_kind(one) for one in (a, b)]
    if kinds[0] != kinds[1]:
        raise OptionError(f"{a} looks like {kinds[0]}, {b} like {kinds[1]}; compare two of one kind")
    if kinds[0] == "models":
        raise OptionError(
            f"{a} and {b} look like models: name the requests to put to both with --requests FILE.jsonl "
            '(lines {"context": ..., "continuation": ...}, and where there are any "cluster" and "group")'
        )
    if any(asked.dtypes):
        raise OptionError("--dtype-a and --dtype-b are for two models; give --requests FILE.jsonl too")
    if asked.common and kinds[0] == "dossiers":
        raise OptionError(
            "--common is for files of predictions; of two dossiers the items of both are compared, and the others named"
        )
    if Path(a).resolve() == Path(b).resolve():
        raise OptionError(f"A and B are one and the same: {a}")
    return kinds[0]


def _kind(given: str) -> str:
    path = Path(given)
    if path.name == "dossier.json":
        raise OptionError(f"{given}: name the folder of the dossier, {path.parent}")
    if given.startswith(PREDICTIONS) or path.suffix.lower() in TABLES:
        return "predictions"
    if (path / "dossier.json").exists():
        return "dossiers"
    if ":" not in given and not path.exists():
        raise OptionError(f"{given}: no such file or folder")
    return "models"


def _table(one: str) -> Path:
    return Path(one.removeprefix(PREDICTIONS))


def _models(a: str, b: str, asked: Asked, requests: Path, tick: Tick) -> tuple[list[Paired], PairingNotes]:
    read = read_grouped_requests(requests)
    if np.unique(read.cluster).size < 2:
        raise DataFileError(f"{requests}: all requests belong to one {read.sampled}, and one says nothing about others")
    for dtype in asked.dtypes:
        check_precision(dtype or FLOAT32)
    first, second = (
        Model(one, dtype or FLOAT32, asked.device) for one, dtype in zip((a, b), asked.dtypes, strict=True)
    )
    return pair_requests(read, (first, second), asked.permissions, tick, no_cache=asked.no_cache)


def _checked(pairs: Sequence[Paired], asked: Asked) -> list[ComparisonRow]:
    """The rows; OptionError where a margin fits no quantity, or one margin would apply to several units."""
    rows = compared(pairs, asked.margins, np.random.default_rng(asked.seed))
    if all(row.estimate is None for row in rows):
        raise DataFileError("\n".join(dict.fromkeys(row.note for row in rows)))
    tested = [row.estimate for row in rows if row.verdicts and row.estimate]
    quantities = sorted({one.quantity for one in tested})
    unknown = sorted(asked.margins.by_quantity.keys() - set(quantities))
    if unknown:
        raise OptionError(f"--margin {unknown[0]}: no such quantity here; there are: {', '.join(quantities)}")
    units = sorted({one.unit for one in tested if one.quantity not in asked.margins.by_quantity})
    if asked.margins.all is not None and len(units) > 1:
        raise OptionError(
            f"--margin {asked.margins.all:g} would hold in {len(units)} units ({', '.join(units)}); "
            f"give each its own: {' '.join(f'--margin {name}=…' for name in quantities)}"
        )
    return rows


def _record(row: ComparisonRow) -> dict[str, Any]:
    heading = {
        "measure": row.measure,
        "subjects": list(row.subjects),
        "of": row.of,
        "label": row.label,
        "sampled": row.sampled,
    }
    if row.estimate is None:
        assert row.missing is not None
        return {**heading, **row.missing.model_dump(mode="json")}
    verdicts = row.verdicts.model_dump(mode="json") if row.verdicts else None
    return {**heading, "status": "ok", **row.estimate.model_dump(mode="json"), "verdicts": verdicts, "note": row.note}


def told(comparison: Comparison) -> Iterator[str]:
    """The comparison in lines for people: what was paired, each tested number, and what was not paired."""
    yield f"A: {comparison.a}"
    yield f"B: {comparison.b}"
    yield from (f"paired: {line}" for line in comparison.statement.paired)
    yield from (f"not paired: {line}" for line in comparison.statement.unpaired)
    for row in comparison.rows:
        if row.missing is not None:
            yield f"no number: {row.missing.quantity}{about(row.missing)}: {row.note}"
    of_tables = [row for row in comparison.rows if row.measure == TABLES_OF_PREDICTIONS]
    others = [row for row in comparison.rows if row.measure != TABLES_OF_PREDICTIONS]
    for subjects in dict.fromkeys(row.subjects for row in of_tables):
        yield from _told_of_tables([row for row in of_tables if row.subjects == subjects])
    if others:
        yield from _told_of_items(others)
    if not any(row.verdicts and row.verdicts.margin for row in comparison.rows):
        yield "not asked: whether B is not worse, or equivalent; fix a margin beforehand with --margin"


def _told_of_items(rows: Sequence[ComparisonRow]) -> Iterator[str]:
    """What is shown or asked in full, and the rest in a line each."""
    tested = [row for row in rows if row.verdicts is not None]
    first = [row for row in tested if _comes_first(row)]
    for row in first:
        yield from _lines(row, rows)
    if len(first) < len(tested):
        yield "\nnot shown:"
    yield from (_line(row) for row in tested if not _comes_first(row))
    yield f"\ncorrected together: {len(tested)} numbers; {MAY_BE_THERE}"


def _told_of_tables(rows: Sequence[ComparisonRow]) -> Iterator[str]:
    """The rates by group; then what is shown of all items and of single attributes, or was asked with a margin."""
    yield ""
    yield from rate_lines(rows)
    tested = [row for row in rows if row.verdicts is not None]
    asked = [row for row in tested if row.verdicts and row.verdicts.margin is not None]
    for row in asked:
        yield from _lines(row, rows)
    shown = [row for row in tested if row.verdicts and row.verdicts.difference == "shown"]
    single = [row for row in shown if row.estimate and len(row.estimate.group or {}) < 2]
    if shown and not asked:
        yield "\nshown:"
        yield from map(_line, single)
        if crossed := len(shown) - len(single):
            yield f"  and {crossed} of crossed groups; see --json"
    yield (
        f"\ncorrected together by what divides the items (all of them, an attribute, two crossed): {len(tested)} "
        f"numbers; {MAY_BE_THERE}"
    )


def _comes_first(row: ComparisonRow) -> bool:
    """Whether a row is printed in full: about all items, shown, or tested against a margin."""
    assert row.estimate is not None
    assert row.verdicts is not None
    return row.estimate.group is None or row.verdicts.difference == "shown" or row.verdicts.margin is not None


def about(number: Estimate | Missing) -> str:
    """Which group a number is about, and against whom; empty where it is about all items."""
    if not number.group:
        return ""
    if not number.reference:
        return f", {group_text(number.group)}"
    others = OTHERS if set(number.reference.values()) <= {OTHERS} else group_text(number.reference)
    return f", {group_text(number.group)} against {others}"


def _line(row: ComparisonRow) -> str:
    assert row.estimate is not None
    note = f" [{row.note}]" if row.note else ""
    return f"  {row.label}{about(row.estimate)}: {value_text(row.estimate)} ({bounds_text(row.estimate)}){note}"


def _lines(row: ComparisonRow, rows: Sequence[ComparisonRow]) -> Iterator[str]:
    estimate, answers = row.estimate, row.verdicts
    assert estimate is not None
    assert answers is not None
    yield f"\n{row.label}, {row.of}{about(estimate)}" + (f" [{row.note}]" if row.note else "")
    both = [f"{other.of} {value_text(other.estimate)}" for other in rows if is_side(other, row) and other.estimate]
    yield f"  {value_text(estimate)}" + (f" ({'; '.join(both)})" if both else "")
    sample = f"{estimate.n} items, {clusters_text(estimate.clusters)} ({row.sampled})"
    yield f"  {interval_text(estimate)}, p {p_text(estimate.p_adjusted)} corrected; {sample}"
    least = detectable_text(estimate)
    found = f"smallest effect found in 8 of 10 such comparisons: {least}" if least else _why_undetectable(row, estimate)
    yield f"  difference: {WORDS[answers.difference]}; {found}"
    if answers.margin is not None:
        worse = f"not worse by more than {answers.margin:g}: {WORDS[answers.not_worse]}"
        yield f"  {worse}; equivalent within {answers.margin:g}: {WORDS[answers.equivalent]}"
        one_sided = estimate.model_copy(update={"low": answers.lower, "high": answers.upper})
        yield f"  one-sided 95 % bounds, on which these two rest: {bounds_text(one_sided)}"


def _why_undetectable(row: ComparisonRow, one: Estimate) -> str:
    if row.of == "|B| - |A|":
        return "found where B - A is, if it is also known to which side A and B lie together"
    if one.low != one.high:
        return "too few clusters to find anything at 5 %"
    return (
        "A and B answer every item alike"
        if one.value == 0
        else "every item differs by the same, so an error cannot be known"
    )


def is_side(other: ComparisonRow, row: ComparisonRow) -> bool:
    """Whether `other` is the value in A or in B that a difference is about."""
    if other.verdicts is not None or other.estimate is None or row.estimate is None:
        return False
    same = (other.measure, other.subjects, other.note) == (row.measure, row.subjects, row.note)
    return same and (other.estimate.quantity, other.estimate.group) == (row.side, row.estimate.group)
