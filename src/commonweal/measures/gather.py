"""Run one measure on one subject, and leave a row whatever happens.

`gather` hands the measure what it asks for by type, keeps each item's outcome, and turns what it raises into a row
that is `not_applicable` or `failed`. A measure that was asked for never leaves nothing.
The rows of a measure on a subject are appended and sealed together.
"""

from __future__ import annotations

import os
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from commonweal.errors import CommonwealError, DataRequired, NotApplicable, NotJudged, OutputError, PermissionRequired
from commonweal.evidence.journal import Journal
from commonweal.evidence.records import Estimate, Evidence, Facts, Missing, Provenance, Status
from commonweal.evidence.store import Store, digest
from commonweal.files.foreign_text import raised, whole
from commonweal.measures.data_set import DataSet
from commonweal.measures.options import Design, Limit
from commonweal.measures.probes.records import Probes
from commonweal.measures.recording import Ledger, RecordedApplication, RecordedModel
from commonweal.measures.registry import MeasureSpec
from commonweal.models.choosing import PredictedAnswers, chooser_of
from commonweal.models.exchange.masking import Secrets, secrets_in
from commonweal.models.predictions import PredictionTable
from commonweal.models.protocols import Altered, Chooser, DecisionApplication, LanguageModel
from commonweal.system.records import Asset, System

Progress = Callable[[str, int, int], None]
PROBES = "probes"
Material = tuple[Probes | None, DataSet | None]


def silent(stage: str, done: int, total: int) -> None:
    """Progress that is not shown."""


@dataclass(frozen=True, slots=True)
class Task:
    """One measure on one subject, with the way to open what it needs. Opening may raise; that becomes the row."""

    spec: MeasureSpec
    subject_id: str
    open_subject: Callable[[], Any]
    open_probes: Callable[[], Probes] | None = None
    open_data: Callable[[], DataSet] | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What all tasks of one run share."""

    store: Store
    system: System
    system_hash: str
    seed: int = 0
    limit: Limit = field(default_factory=Limit)
    design: Design = Design.BALANCED
    allowed: tuple[str, ...] = ()
    progress: Progress = field(default=silent)


def gather(task: Task, setting: Setting) -> list[Evidence]:
    """All rows of one measure on one subject: read back if nothing they depend on has changed, else measured."""
    started, clock = datetime.now(UTC), time.perf_counter()
    provenance: dict[str, Any] = {"started": started.isoformat(timespec="seconds"), "seed": setting.seed}
    provenance |= {"source": task.spec.method.source, "measure": task.spec.name, "version": task.spec.method.version}
    provenance |= {"allowed": setting.allowed, "options": _options(setting)}
    rows = _Rows(task, setting, provenance)
    status: Status
    more: dict[str, Any] = {}
    try:
        subject = task.open_subject()
        probes = task.open_probes() if task.open_probes else None
        if probes is not None:
            setting.store.keep(f"{PROBES}/{probes.fingerprint}.json", probes.model_dump_json())
        data = task.open_data() if task.open_data else None
        provenance["device"] = getattr(subject, "device", None)
        provenance["told"] = getattr(subject, "told", {})
        provenance["inputs"] = _inputs(task, subject, (probes, data), setting)
        key = digest(task.spec.name, task.spec.method.version, provenance["inputs"])
        rows.key = digest(key, setting.seed, _options(setting))
        with setting.store.journal(task.spec.name, (task.subject_id,), key) as journal:
            if (known := rows.known()) and journal.is_whole(rows.key):
                return known
            before = _altered(subject)
            try:
                measured = list(task.spec.function(*_arguments(task, subject, (probes, data), journal, setting)))
            except NotApplicable:
                journal.finish(rows.key)  # what was answered is why there is nothing to say
                raise
            measured = _with_notes(measured, subject, _altered(subject) - before)
            provenance["duration_s"] = time.perf_counter() - clock
            kept = setting.store.append(rows.of(measured))
            journal.finish(rows.key)
            setting.store.seal(rows.key, kept, journal)
            return kept
    except OutputError:
        raise
    except NotApplicable as reason:
        status, note, more = "not_applicable", str(reason), {"unjudged": isinstance(reason, NotJudged)}
        more |= {"facts": Facts(lacks=reason.lacks, option=reason.option)} if reason.lacks else {}
    except PermissionRequired as reason:
        status, note, more = "skipped", str(reason), {"needs": (reason.flag,), "facts": Facts(option=reason.flag)}
    except DataRequired as reason:
        status, note, more = "skipped", str(reason), {"facts": Facts(lacks=_kept(reason.lacks), option="--data DIR")}
    except CommonwealError as error:
        status, note = "failed", str(error)
    except Exception as error:  # noqa: BLE001 - the one place where a measure's own mistake becomes a row
        status, note = "failed", _own_mistake(error)
    provenance["duration_s"] = time.perf_counter() - clock
    return _sealed(setting.store, rows.reason(status, note, **more))


def _sealed(store: Store, reason: Evidence) -> list[Evidence]:
    """A row with the reason why there is no other; each such reason has a seal of its own."""
    kept = store.append([reason])
    store.seal(reason.id, kept)
    return kept


def _altered(subject: Any) -> Altered:
    """How many requests the subject, or the model behind it, did not read as they were asked, so far."""
    found: Altered = getattr(subject, "altered", Altered())
    return found


def _with_notes(rows: list[Estimate | Missing], subject: Any, altered: Altered) -> list[Estimate | Missing]:
    """Add to the note of each number what the subject reports about its answers, and how many requests were altered."""
    notes = [*getattr(subject, "remarks", ()), *altered.words("of the requests asked in this run")]
    if not notes:
        return rows
    return [_with_remarks(row, tuple(notes)) if isinstance(row, Estimate) else row for row in rows]


def _with_remarks(row: Estimate, remarks: tuple[str, ...]) -> Estimate:
    facts = (row.facts or Facts()).model_copy(update={"remarks": remarks})
    return row.model_copy(update={"note": "; ".join(filter(None, (row.note, *remarks))), "facts": facts})


@dataclass(slots=True)
class _Rows:
    """Makes evidence rows of one task; ids are the same whenever everything they depend on is the same."""

    task: Task
    setting: Setting
    provenance: dict[str, Any]
    key: str = ""

    def known(self) -> list[Evidence]:
        """The rows that the measure itself gave before; the reason why an earlier attempt broke off is none of them."""
        rows = self.setting.store.sealed_rows(self.key)
        return [row for row in rows if row.status == "ok" or row.missing is not None]

    def of(self, rows: list[Estimate | Missing]) -> list[Evidence]:
        if not rows:
            return [self.reason("failed", "the measure yielded nothing; that is a mistake in the measure")]
        undeclared = sorted({row.quantity for row in rows} - set(self.task.spec.method.quantities))
        if undeclared:
            return [
                self.reason(
                    "failed", f"the measure yielded quantities that it does not declare: {', '.join(undeclared)}"
                )
            ]
        return [self._row(row) for row in rows]

    def reason(self, status: Status, note: str, **more: Any) -> Evidence:
        note = _kept(note)
        identity = digest("reason", self.task.spec.name, self.task.subject_id, self.key, status, note)
        return self._evidence(identity, status=status, note=note, **more)

    def _row(self, row: Estimate | Missing) -> Evidence:
        identity = digest(self.key, self.task.subject_id, row.quantity, row.group, row.reference)
        if isinstance(row, Missing):
            return self._evidence(
                identity,
                status=row.status,
                missing=row.model_copy(update={"facts": None}),
                note=row.reason,
                unjudged=row.unjudged,
                facts=row.facts,
            )
        stored = row.model_copy(
            update={"note": "", "basis": None, "facts": None}
        )  # the row has them; the estimate reads back without
        return self._evidence(
            identity,
            status="ok",
            estimate=stored,
            note=row.note,
            facts=row.facts,
            basis=row.basis or self.task.spec.basis,
        )

    def _evidence(self, identity: str, **fields: Any) -> Evidence:
        provenance = dict(self.provenance)
        provenance["inputs"] = {**provenance.get("inputs", {}), "rows": self.key}
        provenance.setdefault("duration_s", 0.0)
        fields.setdefault("basis", self.task.spec.basis)
        return Evidence(
            id=identity,
            subjects=(self.task.subject_id,),
            measure=self.task.spec.name,
            provenance=Provenance(**provenance),
            **fields,
        )


def broken_plugin(name: str, reason: str, setting: Setting) -> list[Evidence]:
    """The `failed` row of a plug-in that could not be loaded."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    provenance = Provenance(
        source="entry point of the group commonweal.measures",
        measure=f"plugin.{name}",
        version=1,
        started=started,
        duration_s=0.0,
    )
    row = Evidence(
        id=digest("plugin", name, reason),
        subjects=("system",),
        measure=f"plugin.{name}",
        basis="measured",
        status="failed",
        note=_kept(reason),
        provenance=provenance,
    )
    return _sealed(setting.store, row)


def without_subject(spec: MeasureSpec, reason: str, setting: Setting, named: bool = True) -> list[Evidence]:
    """The `not_applicable` row of a measure that was asked for where nothing in the system is what it applies to.

    `named`: whether it was; else it would have to be.
    """

    def nothing() -> Any:
        if named:
            raise NotApplicable(reason)
        raise NotApplicable(reason, "to be named with --measures, as measuring takes long", f"--measures {spec.name}")

    return gather(Task(spec, "system", nothing), setting)


def _options(setting: Setting) -> dict[str, str]:
    limit = "none" if setting.limit.items is None else str(setting.limit.items)
    return {"limit": limit, "design": setting.design.value}


def _inputs(task: Task, subject: Any, material: Material, setting: Setting) -> dict[str, str]:
    """Hashes of everything that the outcomes depend on."""
    inputs = {
        task.subject_id: subject.fingerprint
        if hasattr(subject, "fingerprint")
        else digest(subject.model_dump(mode="json"))
    }
    inputs |= {name: one.fingerprint for name, one in zip(("probes", "data"), material, strict=True) if one is not None}
    if System in task.spec.needs.values():
        inputs["system"] = setting.system_hash
    return inputs


def _arguments(task: Task, subject: Any, material: Material, journal: Journal, setting: Setting) -> list[object]:
    """The arguments of the measure, found by their types."""
    name = task.spec.name

    def tick(done: int, total: int) -> None:
        setting.progress(f"{name} on {task.subject_id}", done, total)

    provided: Mapping[type, object] = {
        Probes: material[0],
        DataSet: material[1],
        np.random.Generator: np.random.default_rng([setting.seed, zlib.crc32(f"{name}/{task.subject_id}".encode())]),
        Journal: journal,
        Ledger: Ledger(journal),
        System: setting.system,
        Limit: setting.limit,
        Design: setting.design,
    }
    unknown = [need.__name__ for need in task.spec.needs.values() if need not in provided]
    if unknown:
        raise CommonwealError(f"measure {name} asks for {', '.join(unknown)}, which nobody provides")
    asked = subject
    if Journal not in task.spec.needs.values():
        if task.spec.subject is DecisionApplication:
            asked = RecordedApplication(subject, journal, tick)
        elif task.spec.subject is LanguageModel:
            asked = RecordedModel(subject, journal, tick)
        elif task.spec.subject is Chooser and not isinstance(subject, PredictedAnswers):
            asked = chooser_of(RecordedModel(subject, journal, tick))
    return [asked, *(provided[need] for need in task.spec.needs.values())]


def _kept(note: str) -> str:
    """A reason that quotes what was raised, by whatever was measured: valid, and without what the environment calls
    secret.
    """
    return Secrets(secrets_in(os.environ)).in_message(whole(note))


def _own_mistake(error: Exception) -> str:
    """Where an unforeseen exception was raised, in one line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    file = last.filename.rsplit("/", 1)[-1]
    return f"{type(error).__name__} in {file}:{last.lineno} ({last.name}): {raised(error)}"


def subject_kind(spec: MeasureSpec, asset: Asset) -> bool:
    """Whether a measure applies to this kind of asset.

    A model measure applies to models and adapted models, an application measure to applications, one of predictions to
    what has a table of them, an asset measure to all.
    """
    if spec.subject is PredictionTable:
        return (asset.locator or "").startswith("predictions:")
    if spec.subject in {LanguageModel, Chooser}:
        return asset.kind in {"model", "adapted_model"}
    if spec.subject is DecisionApplication:
        return asset.kind == "application"
    return spec.subject is Asset


def why_nothing(rows: Sequence[Evidence]) -> str | None:
    """One sentence; None where something was measured.

    Rows that wait for a permission come first, and only they may name a flag.
    """
    asked = [row for row in rows if row.basis != "propagated"]
    if not asked or any(row.status == "ok" for row in asked):
        return None
    counts = Counter(row.status for row in asked)
    how = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.most_common())
    waiting = [row for row in asked if row.needs]
    reason, times = Counter(row.note for row in waiting or asked).most_common(1)[0]
    most = f"{times} times" if times > 1 else "for instance" if len(asked) > 1 else "since"
    flags = sorted({flag for row in waiting for flag in row.needs})
    mend = f"; if you trust the system file, give {' '.join(flags)}" if flags else ""
    return f"{how}; {most}: {reason}{mend}"
