"""The whole flow: declare, measure, weigh, tell. Each stage reads the system and the evidence, and only appends evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from commonweal.assessment import assess
from commonweal.errors import OptionError
from commonweal.evidence.store import Store, digest
from commonweal.measures.gather import Progress, Setting, Task, broken_plugin, gather, silent, without_subject
from commonweal.measures.options import Design, Limit
from commonweal.measures.plan import Opener, select, tasks, unasked
from commonweal.measures.preflight import Preflight, preflight
from commonweal.measures.registry import MeasureSpec, Registry, load_registry
from commonweal.report.content import Dossier
from commonweal.report.dossier import save_dossier
from commonweal.report.run_record import Clock, run_record
from commonweal.system.permissions import Permissions
from commonweal.system.records import System


@dataclass(frozen=True, slots=True)
class Options:
    """What the person who runs it may choose. `measures` empty: all; `limit`: items per measure and subject."""

    measures: tuple[str, ...] = ()
    limit: int | None = None
    design: Design = Design.BALANCED
    seed: int = 0
    device: str = "auto"
    permissions: Permissions = Permissions()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run before anything is opened: what will be done, and what would stop it."""

    system: System
    options: Options
    registry: Registry
    specs: tuple[MeasureSpec, ...]
    tasks: tuple[Task, ...]
    preflight: Preflight


def prepare(system: System, options: Options | None = None) -> Prepared:
    """Choose the measures, find their subjects and check all that can be checked without opening a model."""
    chosen, registry = options or Options(), load_registry()
    specs = select(registry, chosen.measures)
    opener = Opener(system, chosen.permissions, chosen.device)
    planned = tuple(tasks(specs, system, opener))
    ready = preflight(planned, system, chosen.permissions, opener, (chosen.design, Limit(chosen.limit)))
    return Prepared(system, chosen, registry, specs, planned, ready)


def run(system: System | Prepared, *, out: Path | str, options: Options | None = None, progress: Progress = silent) -> Dossier:
    """Measure a system and write its dossier into the folder `out`; what was measured there before is not measured again."""
    ready = system if isinstance(system, Prepared) else prepare(system, options)
    if ready.preflight.problems:
        raise OptionError("\n".join(ready.preflight.problems))
    clock, chosen, folder = Clock(), ready.options, Path(out)
    system_hash = digest(ready.system.model_dump(mode="json"))
    methods = {name: spec.method for name, spec in ready.registry.specs.items()}
    with Store(folder) as store:
        setting = Setting(store, ready.system, system_hash, chosen.seed, Limit(chosen.limit), chosen.design,
                          chosen.permissions.names(), progress)  # fmt: skip
        rows = [row for task in ready.tasks for row in gather(task, setting)]
        rows += [row for spec, reason in unasked(ready.specs, ready.tasks) for row in without_subject(spec, reason, setting)]
        rows += [row for name, reason in ready.registry.broken.items() for row in broken_plugin(name, reason, setting)]
        weighed = assess(ready.system, rows, methods, system_hash, chosen.seed)
        rows += store.append(weighed.rows)
        record = run_record(ready.system, rows, clock, {"measures": " ".join(chosen.measures) or "all", "limit": str(chosen.limit),
                            "design": chosen.design.value}, chosen.permissions.names())  # fmt: skip
        used = tuple(methods[name] for name in sorted({row.measure for row in rows} & set(methods)))
        dossier = Dossier(system=ready.system, run=record, findings=weighed.findings, evidence=tuple(rows), methods=used)
        return dossier.model_copy(update={"path": save_dossier(folder, dossier).resolve()})
