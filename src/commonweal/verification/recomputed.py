"""A random sample of measurements worked out again from their recorded answers, and held against the rows of the
dossier.

A measurement is one measure on one subject: its own code runs on what was recorded, and all its rows are compared.
Nothing of the dossier's system is opened: no model, no application, no file beside the dossier's own.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.errors import CommonwealError
from commonweal.evidence.journal import Item
from commonweal.evidence.records import Estimate, Evidence
from commonweal.evidence.seals import Seals
from commonweal.evidence.store import row_tables
from commonweal.files.text import text_of
from commonweal.measures.data_set import DataSet, open_data_set
from commonweal.measures.gather import PROBES
from commonweal.measures.probes.records import Probes
from commonweal.measures.recorded import Recorded, needs_its_subject, worked_out_again
from commonweal.measures.registry import MeasureSpec
from commonweal.report.content import Dossier
from commonweal.system.records import Asset, System
from commonweal.verification.folder import READING, Folder, refused
from commonweal.verification.result import Check, Recomputed
from commonweal.verification.shown import FAULTS, measured_rows, same_version

SAMPLE = 20
TOLERANCE = 1e-6
P_TOLERANCE = 2e-3  # a tie that rounds otherwise on another machine moves a p-value by one draw
COMPARED = ("value", "low", "high", "minimum_detectable", "null")
EQUAL = ("unit", "n", "clusters", "interval", "level")
HEX = frozenset("0123456789abcdef")


class Unavailable(Exception):
    """Why a measurement is not worked out again, in words."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where what a measure needs beside its answers is taken from."""

    folder: Folder
    dossier: Dossier
    specs: Mapping[str, MeasureSpec]
    data: str | None


def recompute(sources: Sources, seals: Seals | None) -> Recomputed:
    """Draw measurements, at most `SAMPLE`, work them out again and compare all their rows."""
    seed = int((seals.head if seals is not None else "0")[:8], 16)
    not_done: Counter[str] = Counter()
    ready: list[tuple[list[Evidence], Recorded]] = []
    for rows in _measurements(sources.dossier):
        try:
            ready.append((rows, _recorded(sources, rows)))
        except Unavailable as reason:
            not_done[str(reason)] += len(rows)
    drawn = [ready[place] for place in np.random.default_rng(seed).permutation(len(ready))[:SAMPLE]]
    not_done["not drawn"] += sum(len(rows) for rows, _ in ready) - sum(len(rows) for rows, _ in drawn)
    problems = [problem for rows, recorded in drawn for problem in _compared(sources, rows, recorded)]
    return Recomputed(
        rows=sum(len(rows) for rows, _ in drawn),
        measurements=len(drawn),
        drawn_from=len(ready),
        seed=seed,
        tolerance=TOLERANCE,
        problems=tuple(problems),
        not_recomputed={reason: count for reason, count in sorted(not_done.items()) if count},
    )


def _measurements(dossier: Dossier) -> Iterator[list[Evidence]]:
    """The rows of each measure on each subject; a row that tells why there is none of these stands alone."""
    measurements: dict[tuple[str, tuple[str, ...], str], list[Evidence]] = {}
    for row in measured_rows(dossier):
        run = row.provenance.inputs.get("rows", "")
        measurements.setdefault(
            (row.measure, row.subjects, run if row.status == "ok" or row.missing else row.id), []
        ).append(row)
    for key in sorted(measurements):
        yield measurements[key]


def _recorded(sources: Sources, rows: Sequence[Evidence]) -> Recorded:
    """What is left of a measurement; Unavailable where that is not enough."""
    row, spec = rows[0], sources.specs.get(rows[0].measure)
    if row.status != "ok" and row.missing is None and not row.unjudged:
        raise Unavailable("has no number, but the reason why there is none")
    if spec is None:
        raise Unavailable(f"needs the measure {row.measure}, which is not installed here")
    if spec.method.version != row.provenance.version:
        raise Unavailable(
            f"needs version {row.provenance.version} of {row.measure}; this commonweal has {spec.method.version}"
        )
    asset = _asset(sources.dossier.system, row, spec)
    if (lacking := needs_its_subject(spec, asset)) is not None:
        raise Unavailable(lacking)
    declared = spec.subject in {Asset, System} or System in spec.needs.values()
    if declared and not same_version(sources.dossier):
        raise Unavailable(f"needs version {sources.dossier.run.version} of commonweal, which read the declared system")
    return Recorded(row, _items(sources.folder, row), _probes(sources.folder, row), _data(sources.data, row, spec))


def _asset(system: System, row: Evidence, spec: MeasureSpec) -> Asset | None:
    if spec.subject is System:
        return None
    if len(row.subjects) != 1 or not system.has_asset(row.subjects[0]) or row.subjects[0] not in row.provenance.inputs:
        raise Unavailable("is about no asset that the dossier declares")
    return system.asset(row.subjects[0])


def _items(folder: Folder, row: Evidence) -> list[Item]:
    """The items that the row's run asked for; none where it asked for none.

    What cannot be read is told by the check of items.
    """
    names = row_tables(row.measure, row.subjects, row.provenance.version, row.provenance.inputs)
    try:
        items, run = (folder.table(name) or [] for name in names)
        asked = {one["key"] for one in run}
    except READING as error:
        raise Unavailable(f"has items that cannot be read ({refused(error)})") from error
    return [item for item in items if item["key"] in asked]


def _probes(folder: Folder, row: Evidence) -> Probes | None:
    fingerprint = row.provenance.inputs.get("probes")
    if fingerprint is None:
        return None
    try:
        path = folder.file(f"{PROBES}/{fingerprint}.json") if HEX.issuperset(fingerprint) else None
        probes = Probes.model_validate_json(text_of(path)) if path is not None else None
    except READING as error:
        raise Unavailable(f"needs its probes, which cannot be read ({refused(error)})") from error
    if probes is None or probes.fingerprint != fingerprint:
        raise Unavailable("needs the probes that it was asked with, which do not lie in the folder")
    return probes


def check_probes(folder: Folder) -> Check:
    """Whether each file of probes holds what its name says, which is the hash of them."""
    problems, names = [], list(folder.found(PROBES, 0))
    for name in names:
        try:
            path = folder.file(name)
            fits = path is not None and f"{PROBES}/{Probes.model_validate_json(text_of(path)).fingerprint}.json" == name
        except READING as error:
            problems.append(refused(error))
            continue
        if not fits:
            problems.append(f"{name}: not the probes that it was named after; it was changed or put in")
    return Check(name="probes", checked=f"{len(names)} files against their names", problems=tuple(problems))


def _data(data: str | None, row: Evidence, spec: MeasureSpec) -> DataSet | None:
    if spec.data is None:
        return None
    if data is None:
        raise Unavailable(f"needs published data, named with --data: {spec.data.name}")
    try:
        data_set = open_data_set(spec.data, data)
    except CommonwealError as error:
        raise Unavailable(refused(error)) from error
    if data_set.fingerprint != row.provenance.inputs.get("data"):
        raise Unavailable(f"needs the data that it was measured with; those of --data are other ones: {spec.data.name}")
    return data_set


def _compared(sources: Sources, rows: Sequence[Evidence], recorded: Recorded) -> list[str]:
    """What comes out otherwise, a line each."""
    where = f"{rows[0].measure} on {'+'.join(rows[0].subjects)}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = worked_out_again(sources.specs[rows[0].measure], recorded, sources.dossier.system)
    except FAULTS as error:
        return [f"{where}: cannot be worked out from its items ({refused(error)})"]
    if all(row.status != "ok" and row.missing is None for row in again):
        if all(row.unjudged for row in (*rows, *again)):
            return []
        return [f"{where}: cannot be worked out from its items ({again[0].note})"]
    made = {row.id: row for row in again}
    problems = [f"{where}: {_difference(row, made.get(row.id))}" for row in rows if _difference(row, made.get(row.id))]
    if absent := made.keys() - {row.id for row in rows}:
        problems.append(f"{where}: {len(absent)} rows that follow from its items are not in the dossier")
    return problems


def _difference(row: Evidence, made: Evidence | None) -> str:
    """How a row differs from what comes out of its items; "" where it does not."""
    name = _name(row)
    if made is None:
        return f"{name} does not follow from its items"
    if (row.status, row.unjudged) != (made.status, made.unjudged):
        return f"{name} is {row.status}; from its items it is {made.status}"
    if row.missing is not None or made.missing is not None:
        return "" if row.missing == made.missing else f"{name} has another reason than follows from its items"
    if row.estimate is None or made.estimate is None:
        return "" if row.estimate is made.estimate else f"{name} does not follow from its items"
    for field in (*EQUAL, *COMPARED, "p_value", "p_adjusted"):
        stated, follows = getattr(row.estimate, field), getattr(made.estimate, field)
        if not _close(field, stated, follows):
            return f"{name}: {field} is {stated}; from its items it is {follows}"
    return ""


def _close(field: str, stated: float | None, follows: float | None) -> bool:
    if stated is None or follows is None or field in EQUAL:
        return stated == follows
    if field in COMPARED:
        return math.isclose(stated, follows, rel_tol=TOLERANCE, abs_tol=TOLERANCE * 1e-3)
    return math.isclose(stated, follows, abs_tol=P_TOLERANCE)


def _name(row: Evidence) -> str:
    one: Estimate | None = row.estimate
    if one is None:
        return row.missing.quantity if row.missing is not None else "the row"
    group = ", ".join(f"{name}={value}" for name, value in (one.group or {}).items())
    return f"{one.quantity}{f' ({group})' if group else ''}"
