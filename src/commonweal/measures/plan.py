"""Which measure goes to which subject, and what would stop a run. Nothing is opened here; that is `gather`'s.

Tasks are ordered so that all that ask one model follow each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from commonweal.errors import CommonwealError, OptionError
from commonweal.evidence.records import Evidence
from commonweal.measures.gather import Setting, Task, broken_plugin, gather, subject_kind, without_subject
from commonweal.measures.options import Limit, Options
from commonweal.measures.preflight import Preflight, preflight
from commonweal.measures.probes.records import Probes
from commonweal.measures.registry import MeasureSpec, Registry, load_registry
from commonweal.measures.subjects import Opener
from commonweal.models.applications.opening import serving_model
from commonweal.models.protocols import Chooser, DecisionApplication, LanguageModel
from commonweal.system.records import Asset, System
from commonweal.system.wording import did_you_mean

Heard = Callable[[Sequence[Evidence]], None]


def select(registry: Registry, asked: Sequence[str]) -> tuple[MeasureSpec, ...]:
    """The measures that were asked for: by name, by chapter (`inequity`) or by pattern (`inequity.*`); all by
    default.
    """
    specs = tuple(registry.specs[name] for name in sorted(registry.specs))
    if not asked:
        return specs
    for pattern in asked:
        if not any(_matches(spec, pattern) for spec in specs):
            names = ", ".join(spec.name for spec in specs)
            near = did_you_mean(pattern, [spec.name for spec in specs])
            raise OptionError(f"no measure '{pattern}'{near}; there are: {names}; or a chapter such as 'inequity'")
    return tuple(spec for spec in specs if any(_matches(spec, pattern) for pattern in asked))


def _matches(spec: MeasureSpec, pattern: str) -> bool:
    return fnmatchcase(spec.name, pattern) or spec.chapter == pattern


def tasks(specs: Sequence[MeasureSpec], system: System, opener: Opener) -> list[Task]:
    """One task per measure and asset that it applies to, those on one model together; quick ones first."""
    ordered = sorted(system.assets, key=lambda asset: _model_behind(asset, system))
    planned = [
        task
        for asset in ordered
        for spec in specs
        if subject_kind(spec, asset)
        for task in [_task(spec, asset, opener)]
    ]
    whole = [
        Task(spec, "system", lambda: system, None) for spec in specs if spec.subject is System
    ]  # a measure of the whole system has it as its only subject
    return sorted(
        [*whole, *planned], key=lambda task: task.spec.subject in {LanguageModel, Chooser, DecisionApplication}
    )


def _task(spec: MeasureSpec, asset: Asset, opener: Opener) -> Task:
    probes = (lambda: opener.probes(asset)) if Probes in spec.needs.values() else None
    place = spec.data
    data = (lambda: opener.data(place)) if place is not None else None
    return Task(spec, asset.id, lambda: opener.subject(spec, asset), probes, data)


def _model_behind(asset: Asset, system: System) -> tuple[str, str]:
    """Locator and number format of the model that answers, so that what shares a model is measured together."""
    try:
        behind = serving_model(asset, system) if asset.prompt is not None else asset
    except CommonwealError:
        return "", ""
    return behind.locator or "", behind.dtype or ""


def unasked(
    specs: Sequence[MeasureSpec], planned: Sequence[Task], named: Sequence[str]
) -> Iterator[tuple[MeasureSpec, str, bool]]:
    """Measures that are left out, and why: they run only when named, or nothing in the system is of their kind; and
    whether they were asked for.
    """
    used = {task.spec.name for task in planned}
    for spec in specs:
        if spec.on_request and spec.name not in named:
            yield spec, f"slow, so run only on request: --measures {spec.name}", False
        elif spec.name not in used:
            yield spec, f"the system declares no {spec.method.applies_to} to apply it to", True


@dataclass(frozen=True, slots=True)
class Prepared:
    """The measures that were chosen, on their subjects, and all that could be checked beforehand."""

    system: System
    options: Options
    registry: Registry
    specs: tuple[MeasureSpec, ...]
    tasks: tuple[Task, ...]
    preflight: Preflight
    opener: Opener


def prepare(system: System, options: Options | None = None) -> Prepared:
    """Choose the measures, find their subjects and check all that can be checked without opening a model."""
    chosen, registry = options or Options(), load_registry()
    specs = select(registry, chosen.measures)
    opener = Opener(system, chosen.permissions, chosen.device, chosen.data)
    taken = [spec for spec in specs if not spec.on_request or spec.name in chosen.measures]
    planned = tuple(tasks(taken, system, opener))
    ready = preflight(planned, system, chosen.permissions, opener, (chosen.design, Limit(chosen.limit)))
    return Prepared(system, chosen, registry, specs, planned, ready, opener)


def gathered(ready: Prepared, setting: Setting, heard: Heard) -> list[Evidence]:
    """Put all that was prepared to work: the rows of what was measured, and why the rest was not.

    `heard`: gets the rows of each measure on a subject as soon as they are there, but for what was only declared.
    """
    rows: list[Evidence] = []
    for task in ready.tasks:
        rows += (own := gather(task, setting))
        if task.spec.basis != "declared":
            heard(own)
    for spec, reason, named in unasked(ready.specs, ready.tasks, ready.options.measures):
        rows += without_subject(spec, reason, setting, named)
    for name, reason in ready.registry.broken.items():
        rows += broken_plugin(name, reason, setting)
    return rows
