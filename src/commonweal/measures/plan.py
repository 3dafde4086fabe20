"""Which measure goes to which subject, and how each subject is opened. Nothing is opened here; that is `gather`'s.

One model is kept open at a time: tasks are ordered so that all that ask one model follow each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from commonweal.errors import CommonwealError, NotApplicable, OptionError, ProbeFileError
from commonweal.measures.data_set import DataPlace, DataSet, open_data_set
from commonweal.measures.gather import Task, subject_kind
from commonweal.measures.probes.reader import BUILTIN, load_probes
from commonweal.measures.probes.records import Probes
from commonweal.measures.registry import MeasureSpec, Registry
from commonweal.models import open_application, open_model, serving_model
from commonweal.models.cached_model import CachedModel
from commonweal.models.choosing import PredictedAnswers
from commonweal.models.engine.local import LocalModel
from commonweal.models.engine.precision import FLOAT32
from commonweal.models.locators import locate_model
from commonweal.models.protocols import Chooser, DecisionApplication, LanguageModel
from commonweal.models.tables import PredictionTable, read_prediction_table
from commonweal.system.permissions import Permissions
from commonweal.system.records import Asset, System
from commonweal.system.wording import did_you_mean

DEFAULT_PROBES = BUILTIN + "hiring"
HIRING_CONTEXTS = {"employment", "hiring", "recruitment"}
HIRING_SLOT = "resume"
Subject = LanguageModel | DecisionApplication | PredictedAnswers | PredictionTable | Asset


def select(registry: Registry, asked: Sequence[str]) -> tuple[MeasureSpec, ...]:
    """The measures that were asked for: by name, by chapter (`inequity`) or by pattern (`inequity.*`); all by default."""
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


class Opener:
    """Opens the subjects of a system; keeps the last model, so that an application on it does not load it again."""

    def __init__(self, system: System, permissions: Permissions, device: str, data: str | None = None) -> None:
        self._system, self._permissions, self.device, self._data = system, permissions, device, data
        self._held: tuple[tuple[str, str], LanguageModel] | None = None

    def model(self, asset: Asset) -> LanguageModel:
        if not asset.locator:
            raise NotApplicable(f"'{asset.id}' has no locator, so it cannot be asked; declare where it is")
        asked = asset.locator, asset.dtype or FLOAT32
        if self._held is None or self._held[0] != asked:
            self._held = None
            opened = open_model(
                asset.locator, folder=self._system.folder, permissions=self._permissions, device=self.device, dtype=asked[1]
            )
            self._held = (asked, opened)
        return self._held[1]

    def application(self, asset: Asset) -> DecisionApplication:
        if asset.prompt is None and not asset.locator:
            raise NotApplicable(f"'{asset.id}' has neither a prompt nor a locator, so it cannot be asked; declare one")
        if asset.prompt is None and asset.outcome is None:
            raise NotApplicable(f"'{asset.id}' does not say which answer is favourable; declare outcome: {{favourable: …}}")
        model = self.model(serving_model(asset, self._system)) if asset.prompt is not None else None
        return open_application(asset, self._system, permissions=self._permissions, device=self.device, model=model)

    def predictions(self, asset: Asset) -> Path:
        """The file of an asset whose locator is `predictions:FILE`."""
        return locate_model(asset.locator or "", Path(self._system.folder), self._permissions).path

    def data(self, place: DataPlace) -> DataSet:
        return open_data_set(place, self._data, self._permissions)

    def subject(self, spec: MeasureSpec, asset: Asset) -> Subject:
        stored = (asset.locator or "").startswith("predictions:")
        if spec.subject is PredictionTable:
            return read_prediction_table(self.predictions(asset))
        if spec.subject is Chooser and stored:
            return PredictedAnswers(self.predictions(asset))
        if spec.subject in {LanguageModel, Chooser}:
            model = self.model(asset)
            return CachedModel(model) if isinstance(model, LocalModel) else model
        if spec.subject is DecisionApplication:
            return self.application(asset)
        return asset

    def probes(self, asset: Asset) -> Probes:
        """The declared probes of an application, or the built-in hiring probes where it is about hiring."""
        declared = asset.probes or (DEFAULT_PROBES if is_about_hiring(asset, self._system) else None)
        if declared is None:
            raise NotApplicable(
                f"'{asset.id}' declares no probes; write a probe file (docs/probes.md) and name it under `probes`"
            )
        probes = load_probes(declared, Path(self._system.folder), self._permissions)
        if asset.prompt is not None and asset.prompt.slot != probes.slot:
            raise ProbeFileError(
                f"probes '{declared}' fill the slot {{{probes.slot}}}, and the template has {{{asset.prompt.slot}}}; "
                f"if these probes are meant for it, give both the same name"
            )
        return probes.with_names_per_group(asset.names_per_group) if asset.names_per_group else probes


def is_about_hiring(asset: Asset, system: System) -> bool:
    """Whether an application's template takes a {resume}, or (without a template) a deployment of it is about employment."""
    if asset.prompt is not None:
        return asset.prompt.slot == HIRING_SLOT
    return any((d.context or "").lower() in HIRING_CONTEXTS for d in system.deployments_of(asset.id))


def tasks(specs: Sequence[MeasureSpec], system: System, opener: Opener) -> list[Task]:
    """One task per measure and asset that it applies to, those on one model together; quick ones first."""
    ordered = sorted(system.assets, key=lambda asset: _model_behind(asset, system))
    planned = [task for asset in ordered for spec in specs if subject_kind(spec, asset) for task in [_task(spec, asset, opener)]]
    whole = [
        Task(spec, "system", lambda: system, None) for spec in specs if spec.subject is System
    ]  # a measure of the whole system has it as its only subject
    return sorted([*whole, *planned], key=lambda task: task.spec.subject in {LanguageModel, Chooser, DecisionApplication})


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


def unasked(specs: Sequence[MeasureSpec], planned: Sequence[Task], named: Sequence[str]) -> Iterator[tuple[MeasureSpec, str]]:
    """Measures that are not taken, and why: taken only when named, or nothing in the system is what they apply to."""
    used = {task.spec.name for task in planned}
    for spec in specs:
        if spec.on_request and spec.name not in named:
            yield spec, f"takes long, so it is taken only when it is named: --measures {spec.name}"
        elif spec.name not in used:
            yield spec, f"the system declares no {spec.method.applies_to} that it could be put to"
