"""A run before anything is opened: what will be done, and what would stop it."""

from __future__ import annotations

from dataclasses import dataclass

from commonweal.measures.gather import Task
from commonweal.measures.options import Limit, Options
from commonweal.measures.plan import Opener, select, tasks
from commonweal.measures.preflight import Preflight, preflight
from commonweal.measures.registry import MeasureSpec, Registry, load_registry
from commonweal.system.records import System


@dataclass(frozen=True, slots=True)
class Prepared:
    """The measures that were chosen, on their subjects, and all that could be checked beforehand."""

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
    opener = Opener(system, chosen.permissions, chosen.device, chosen.data)
    taken = [spec for spec in specs if not spec.on_request or spec.name in chosen.measures]
    planned = tuple(tasks(taken, system, opener))
    ready = preflight(planned, system, chosen.permissions, opener, (chosen.design, Limit(chosen.limit)))
    return Prepared(system, chosen, registry, specs, planned, ready)
