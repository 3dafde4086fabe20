"""What would stop a run, and how long it would take, found before any weight is loaded and all at once."""

from __future__ import annotations

import time
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import get_type_hints

import numpy as np

from commonweal.errors import (
    CommonwealError,
    DataFileError,
    DataRequired,
    FootprintError,
    MeasurementError,
    NotApplicable,
    PermissionRequired,
    ProbeFileError,
)
from commonweal.footprint.carbon_price import published
from commonweal.footprint.grid_intensity import intensity
from commonweal.footprint.money import deflator, price_year
from commonweal.measures.data_set import DataSet
from commonweal.measures.gather import Task
from commonweal.measures.options import Design, Limit
from commonweal.measures.probes.records import Probes
from commonweal.measures.subjects import Opener
from commonweal.models.applications.opening import serving_model
from commonweal.models.predictions import PredictionTable
from commonweal.models.preflight import device_problems, parameter_count, preflight_asset
from commonweal.models.protocols import Chooser, DecisionApplication, LanguageModel
from commonweal.system.permissions import Permissions
from commonweal.system.records import Asset, Deployment, Stake, System
from commonweal.system.uncertain import Uncertain

CHARACTERS_PER_TOKEN = 4.0
BUSY_W = (10.0, 150.0)  # a laptop's processor to a server's, at work; for the forecast only
SLOWEST = 2.5  # a model runs at this fraction of the rate of its matrix products, at worst


@dataclass(frozen=True, slots=True)
class Preflight:
    """`problems` stop the run; `warnings` leave parts of it out. `seconds` None: no estimate; the range is low to high.

    `without_data`: the measures whose data are not there.
    """

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: tuple[float, float] | None
    without_data: tuple[str, ...] = ()

    @property
    def energy_wh(self) -> tuple[float, float] | None:
        """A rough range: a busy laptop to a busy server [Wh]."""
        if self.seconds is None:
            return None
        return self.seconds[0] * BUSY_W[0] / 3600, self.seconds[1] * BUSY_W[1] / 3600


@dataclass(frozen=True, slots=True)
class _Complaints:
    """What was found beforehand, each once: what stops the run, what is left out, and the measures whose data are not
    there.

    `data`: the folder that was named for them.
    """

    problems: dict[str, None]
    data: str | None
    warnings: dict[str, None] = field(default_factory=dict)
    without_data: dict[str, None] = field(default_factory=dict)

    @property
    def left_out(self) -> tuple[str, ...]:
        if not self.without_data:
            return tuple(self.warnings)
        names = ", ".join(self.without_data)
        if self.data is not None:
            return (*self.warnings, f"{names}: --data {self.data} does not hold the data")
        wanted = (
            f"{names}: their data are not shipped; name a folder that holds them with --data DIR to measure these too"
        )
        return (*self.warnings, wanted)


def preflight(
    tasks: Sequence[Task], system: System, permissions: Permissions, opener: Opener, options: tuple[Design, Limit]
) -> Preflight:
    """Check every subject and probe file that the tasks need, and estimate the time from what they will ask."""
    complaints = _Complaints(dict.fromkeys(table_problems(system)), opener.data_named)
    operations = 0.0
    for asset in {
        task.subject_id: system.asset(task.subject_id) for task in tasks if system.has_asset(task.subject_id)
    }.values():
        own = [
            task
            for task in tasks
            if task.subject_id == asset.id
            and task.spec.subject in {LanguageModel, Chooser, DecisionApplication, PredictionTable}
        ]
        if not own or not _is_locatable(asset, system):
            continue
        for problem in preflight_asset(asset, system, permissions):
            (complaints.warnings if problem.flag else complaints.problems)[problem.text] = None
        probes = _probes(asset, own, opener, complaints)
        if asset.prompt is not None or asset.kind != "application":
            complaints.problems.update(dict.fromkeys(problem.text for problem in device_problems(opener.device)))
        for task in own:
            data = _data(task, complaints)
            complaints.problems.update(dict.fromkeys(_stored_problems(task, asset)))
            operations += _operations(task, asset, system, (probes, data, *options), permissions, complaints.problems)
    rate = matmul_rate() if operations else None
    seconds = None if rate is None else (operations / rate, SLOWEST * operations / rate)
    return Preflight(tuple(complaints.problems), complaints.left_out, seconds, tuple(complaints.without_data))


def declared_problems(system: System, opener: Opener) -> tuple[str, ...]:
    """Faults in what the system file points at and can be read without a model: probe files and grid zones."""
    problems: dict[str, None] = {}
    for asset in system.assets:
        if asset.kind == "application":
            try:
                opener.probes(asset)
            except ProbeFileError as error:
                problems[f"asset '{asset.id}': {error}"] = None
            except (NotApplicable, PermissionRequired):
                continue
    return (*problems, *table_problems(system))


def table_problems(system: System) -> tuple[str, ...]:
    """Grid zones, years and published prices that are not in the tables, with what there is."""
    named: list[tuple[str, str | None, int | None]] = [
        (f"deployment '{each.key}'", each.grid, None) for each in system.deployments
    ]
    named += [
        (f"asset '{asset.id}', making", entry.grid, entry.year) for asset in system.assets for entry in asset.making
    ]
    named += [
        (f"asset '{asset.id}', mitigation '{entry.what}'", entry.grid, entry.year)
        for asset in system.assets
        for entry in asset.mitigations
    ]
    problems = []
    for name, grid, year in named:
        try:
            if grid not in (None, "unknown"):
                intensity(str(grid), year)
        except MeasurementError as error:
            problems.append(f"{name}: {error}; or write `unknown`")
    return (*problems, *(problem for deployment in system.deployments for problem in _money_problems(deployment)))


def _money_problems(deployment: Deployment) -> Iterator[str]:
    """Published prices that do not exist, money that cannot be brought to the unit of the value, and nothing to
    weigh.
    """
    value = deployment.value
    if value is None:
        return
    if deployment.volume == 0.0:
        yield (
            f"deployment '{deployment.key}': its volume is 0, so there is nothing whose value could be weighed; give "
            "its tasks a year, or leave `value` out"
        )
    given = {"value.carbon_price": value.carbon_price, "value.electricity_price": value.electricity_price}
    for side, stakes in (("benefits", deployment.benefits), ("burdens", deployment.burdens)):
        given |= {f"{side}, entry {place}": one.worth for place, one in enumerate(stakes, 1) if isinstance(one, Stake)}
    for name, money in given.items():
        try:
            unit = (
                published(money)[0].unit
                if name == "value.carbon_price" and isinstance(money, str) and money != "unknown"
                else None
            )
            unit = money.unit if isinstance(money, Uncertain) else unit
            if unit is not None:
                per = price_year(unit)[2]
                deflator(unit, value.unit + (f"/{per}" if per else ""))
        except FootprintError as error:
            yield f"deployment '{deployment.key}', {name}: {error}"


def _is_locatable(asset: Asset, system: System) -> bool:
    """Whether the asset says where it is. One that does not is no mistake: its rows say that it cannot be asked."""
    if asset.prompt is None:
        return bool(asset.locator) and (asset.kind != "application" or asset.outcome is not None)
    try:
        return bool(serving_model(asset, system).locator)
    except CommonwealError:
        return True


def _probes(asset: Asset, own: Sequence[Task], opener: Opener, complaints: _Complaints) -> Probes | None:
    if not any(task.open_probes for task in own):
        return None
    try:
        return opener.probes(asset)
    except ProbeFileError as error:
        complaints.problems[f"asset '{asset.id}': {error}"] = None
    except PermissionRequired as error:
        complaints.warnings[f"asset '{asset.id}': {error}"] = None
    except NotApplicable:
        pass
    return None


def _operations(
    task: Task,
    asset: Asset,
    system: System,
    material: tuple[Probes | None, DataSet | None, Design, Limit],
    permissions: Permissions,
    problems: dict[str, None],
) -> float:
    """Floating-point operations that a task will ask of a local model, 2 per weight and token; 0 where none is known.

    Data that do not follow their format are a problem.
    """
    workload = task.spec.workload
    given = dict(zip((Probes, DataSet, Design, Limit), material, strict=True))
    if workload is None or any(given.get(kind, kind) is None for kind in task.spec.needs.values()):
        return 0.0
    needed = {name: given[kind] for name, kind in get_type_hints(workload).items() if kind in given}
    before, _, after = (asset.prompt.template if asset.prompt else "{}").partition("{")
    try:
        behind = serving_model(asset, system) if asset.prompt else asset
        texts = [before + text + after.partition("}")[2] for text in workload(**needed)]
    except DataFileError as error:
        problems[str(error)] = None
        return 0.0
    except CommonwealError:
        return 0.0
    weights = (
        parameter_count(behind.locator, folder=Path(system.folder), permissions=permissions) if behind.locator else None
    )
    return 2.0 * (weights or 0) * distinct_characters(texts) / CHARACTERS_PER_TOKEN


def _data(task: Task, complaints: _Complaints) -> DataSet | None:
    """The data set of a task; one that is not in the folder leaves the measure out, a faulty one is a problem."""
    try:
        return task.open_data() if task.open_data else None
    except DataRequired:
        complaints.without_data[task.spec.name] = None
    except DataFileError as error:
        complaints.problems[str(error)] = None
    return None


def _stored_problems(task: Task, asset: Asset) -> list[str]:
    """Faults of a file of predictions, found by reading it."""
    if (asset.locator or "").startswith("predictions:"):
        try:
            task.open_subject()
        except DataFileError as error:
            return [str(error)]
        except CommonwealError:
            return []
    return []


def distinct_characters(texts: Sequence[str]) -> int:
    """Characters to be read where texts that begin alike are read together.

    >>> distinct_characters(["a résumé, Ann", "a résumé, Bob"])
    16
    """
    ordered = sorted(set(texts))
    return sum(map(len, ordered)) - sum(beginning_alike(one, other) for one, other in pairwise(ordered))


def beginning_alike(one: str, other: str) -> int:
    """Characters with which two texts begin alike; by halves, since texts of one audit have thousands in common.

    >>> beginning_alike("a résumé, Ann", "a résumé, Bob"), beginning_alike("Ann", "Ann"), beginning_alike("", "Ann")
    (10, 3, 0)
    """
    return bisect(range(1, min(len(one), len(other)) + 1), False, key=lambda size: not other.startswith(one[:size]))


@cache
def matmul_rate(seconds: float = 0.15) -> float:
    """Rate of a float32 matrix product on this processor [operations/s], from a short trial, once in a process."""
    left, right = np.ones((512, 576), dtype=np.float32), np.ones((576, 1536), dtype=np.float32)
    left @ right
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        left @ right
        done += 1
    return 2.0 * left.size * right.shape[1] * done / (time.perf_counter() - start)
