"""The subjects of a system, opened: models, applications, tables, and the probes and data that go with them.

One model is kept open at a time.
"""

from __future__ import annotations

from pathlib import Path

from commonweal.errors import NotApplicable, ProbeFileError
from commonweal.evidence.records import Scoring
from commonweal.measures.data_set import DataPlace, DataSet, open_data_set
from commonweal.measures.probes.reader import BUILTIN, load_probes
from commonweal.measures.probes.records import Probes
from commonweal.measures.registry import MeasureSpec
from commonweal.models.applications.opening import open_application, serving_model
from commonweal.models.cached_model import CachedModel
from commonweal.models.choosing import PredictedAnswers
from commonweal.models.engine.bound import Work, share_reached
from commonweal.models.engine.local import LocalModel
from commonweal.models.engine.precision import FLOAT32
from commonweal.models.locators import locate_model
from commonweal.models.opening import open_model
from commonweal.models.predictions import PredictionTable
from commonweal.models.protocols import Chooser, DecisionApplication, LanguageModel
from commonweal.system.permissions import Permissions
from commonweal.system.prediction_columns import NO_COLUMNS
from commonweal.system.records import Asset, System

DEFAULT_PROBES = BUILTIN + "hiring"
HIRING_CONTEXTS = {"employment", "hiring", "recruitment"}
HIRING_SLOT = "resume"
Subject = LanguageModel | DecisionApplication | PredictedAnswers | PredictionTable | Asset


class Opener:
    """Opens the subjects of a system; keeps the last model, so that its applications do not load it again."""

    def __init__(self, system: System, permissions: Permissions, device: str, data: str | None = None) -> None:
        self._system, self._permissions, self.device, self.data_named = system, permissions, device, data
        self._held: tuple[tuple[str, str], LanguageModel] | None = None
        self._work: dict[str, Work] = {}

    def model(self, asset: Asset) -> LanguageModel:
        if not asset.locator:
            raise NotApplicable(f"'{asset.id}' has no locator, so it cannot be asked; declare where it is")
        asked = asset.locator, asset.dtype or FLOAT32
        if self._held is None or self._held[0] != asked:
            self._held = None
            opened = open_model(
                asset.locator,
                folder=self._system.folder,
                permissions=self._permissions,
                device=self.device,
                dtype=asked[1],
            )
            self._held = (asked, opened)
            if isinstance(opened, LocalModel) and opened.device == "cpu" and opened.dtype == FLOAT32:
                self._work[asset.id] = opened.work
        return self._held[1]

    def scoring(self) -> tuple[Scoring, ...]:
        """How near each model that scored long enough came to its arithmetic bound."""
        return tuple(filter(None, (share_reached(model, work) for model, work in self._work.items())))

    def application(self, asset: Asset) -> DecisionApplication:
        if asset.prompt is None and not asset.locator:
            raise NotApplicable(f"'{asset.id}' has neither a prompt nor a locator, so it cannot be asked; declare one")
        if asset.prompt is None and asset.outcome is None:
            raise NotApplicable(
                f"'{asset.id}' does not say which answer is favourable; declare outcome: {{favourable: …}}"
            )
        model = self.model(serving_model(asset, self._system)) if asset.prompt is not None else None
        return open_application(asset, self._system, permissions=self._permissions, device=self.device, model=model)

    def predictions(self, asset: Asset) -> Path:
        """The file of an asset whose locator is `predictions:FILE`."""
        return locate_model(asset.locator or "", Path(self._system.folder), self._permissions).path

    def data(self, place: DataPlace) -> DataSet:
        return open_data_set(place, self.data_named, self._permissions)

    def subject(self, spec: MeasureSpec, asset: Asset) -> Subject:
        stored = (asset.locator or "").startswith("predictions:")
        if spec.subject is PredictionTable:
            from commonweal.models.prediction_tables import read_prediction_table  # noqa: PLC0415 - brings in polars

            return read_prediction_table(self.predictions(asset), asset.columns or NO_COLUMNS)
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
    """Whether an application's template takes a {resume}, or (without a template) a deployment of it is about
    employment.
    """
    if asset.prompt is not None:
        return asset.prompt.slot == HIRING_SLOT
    return any((d.context or "").lower() in HIRING_CONTEXTS for d in system.deployments_of(asset.id))
