"""Subjects of which only the answers are left: a measure is recomputed from them, and nothing is opened or asked.

A `RecordedModel` or `RecordedApplication` (recording.py) reads the answers back; behind it stands one of these, which
has none of its own. So the arithmetic of a measure runs on what was recorded alone: no model, no network, none of the
system's code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from commonweal.errors import BeyondWindow, MeasurementError
from commonweal.evidence.journal import Item, Journal
from commonweal.evidence.records import Evidence
from commonweal.evidence.store import Store, digest, items_key
from commonweal.measures.data_set import DataSet
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.options import Design, Limit
from commonweal.measures.probes.records import Probes
from commonweal.measures.registry import MeasureSpec
from commonweal.models.predictions import PredictionTable
from commonweal.models.protocols import Case, Continuation, Decision, DecisionApplication, GenerationRequest, Score
from commonweal.system.records import Asset, System

PREDICTIONS = "predictions:"


class AnsweredModel:
    """A model that is not here: whatever has no recorded answer is refused."""

    remarks: tuple[str, ...] = ()

    def __init__(self, locator: str, fingerprint: str, gives_logprobs: bool) -> None:
        self.locator, self.fingerprint, self.gives_logprobs = locator, fingerprint, gives_logprobs
        self.device = "no device"

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        """Texts without a recorded score are those that were longer than the model's window, or were taken away
        since.
        """
        raise BeyondWindow(
            f"{len(requests)} of what is asked is not among the recorded items",
            frozenset(one.continuation for one in requests),
        )

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        raise MeasurementError(f"{len(requests)} of what is asked is not among the recorded items")


class AnsweredApplication:
    """An application that is not here, as it was declared."""

    device = "no device"

    def __init__(self, asset: Asset, fingerprint: str) -> None:
        outcome = asset.outcome
        rule = asset.prompt.decide if asset.prompt is not None else outcome.decide if outcome is not None else None
        self.name, self.fingerprint = asset.id, fingerprint
        self.favourable = (
            asset.prompt.favourable if asset.prompt is not None else outcome.favourable if outcome is not None else ""
        )
        self.score_unit: str | None = "nat" if asset.prompt is not None else "score" if rule is not None else None
        self.top_share = rule.top_share if rule is not None else None
        self.threshold = rule.threshold if rule is not None else None
        self.runs_here = not (asset.locator or "").startswith("http")

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        raise MeasurementError(f"{len(cases)} of what is asked is not among the recorded items")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is left of one measurement: a row of it, its items, and what it was given beside its subject."""

    row: Evidence
    items: Sequence[Item]
    probes: Probes | None = None
    data: DataSet | None = None


def needs_its_subject(spec: MeasureSpec, asset: Asset | None) -> str | None:
    """Why a measure cannot be recomputed without its subject; None where its answers are enough."""
    if Journal in spec.needs.values():
        return "needs its subject at work: it was timed or metered"
    if spec.subject is PredictionTable or (asset is not None and (asset.locator or "").startswith(PREDICTIONS)):
        return "needs the table of predictions or answers"
    return None


def worked_out_again(spec: MeasureSpec, recorded: Recorded, system: System) -> list[Evidence]:
    """The rows of a measure from its recorded answers; their ids are those of the recorded rows where nothing else
    was given.
    """
    provenance = recorded.row.provenance
    (subject_id,) = recorded.row.subjects
    key = items_key(spec.name, provenance.version, provenance.inputs)
    limit = provenance.options.get("limit", "none")
    with TemporaryDirectory(prefix="commonweal-verify-") as scratch, Store(Path(scratch)) as store:
        with store.journal(spec.name, (subject_id,), key) as journal:
            journal.append(recorded.items)
        setting = Setting(
            store,
            system,
            digest(system.model_dump(mode="json")),
            provenance.seed or 0,
            Limit(None if limit == "none" else int(limit)),
            Design(provenance.options.get("design", Design.BALANCED.value)),
            provenance.allowed,
        )
        subject = _subject(spec, recorded, system)
        probes, data = recorded.probes, recorded.data
        return gather(
            Task(
                spec,
                subject_id,
                lambda: subject,
                (lambda: probes) if probes is not None else None,
                (lambda: data) if data is not None else None,
            ),
            setting,
        )


def _subject(spec: MeasureSpec, recorded: Recorded, system: System) -> Any:
    (subject_id,) = recorded.row.subjects
    if spec.subject is System:
        return system
    asset = system.asset(subject_id)
    if spec.subject is Asset:
        return asset
    fingerprint = recorded.row.provenance.inputs[subject_id]
    if spec.subject is DecisionApplication:
        return AnsweredApplication(asset, fingerprint)
    return AnsweredModel(asset.locator or "", fingerprint, _scored(recorded.items))


def _scored(items: Sequence[Mapping[str, Any]]) -> bool:
    return any(item.get("logprob") is not None for item in items)
