"""Carry each finding upstream: who could mend it, and by which decision right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from commonweal.evidence.records import Mender
from commonweal.system.graph import upstream
from commonweal.system.records import AssetKind, DecisionRight, System

RIGHTS: Mapping[AssetKind, tuple[DecisionRight, ...]] = {
    "dataset": ("data", "labels"),
    "model": ("data", "training", "weights", "release"),
    "adapted_model": ("data", "adaptation", "weights", "release"),
    "application": ("prompt", "decision_rule", "deployment", "recourse"),
}


def menders(system: System, subject: str) -> Iterator[Mender]:
    """The asset's own actor first, then those upstream, nearest first; then whoever oversees from outside."""
    if not system.has_asset(subject):
        return
    for steps, asset_id in ((0, subject), *((one.steps, one.asset) for one in upstream(system, subject))):
        yield _mender(system, asset_id, steps)
    for actor in system.actors:
        rights = actor.decision_rights if isinstance(actor.decision_rights, tuple) else ()
        if "regulator" in actor.roles or (
            "oversight" in rights and not any(asset.actor == actor.id for asset in system.assets)
        ):
            yield Mender(
                asset=subject,
                actor=actor.id,
                name=actor.name,
                steps_upstream=0,
                rights=("oversight",) if "oversight" in rights else (),
                note="oversees from outside"
                if "oversight" in rights
                else "a regulator whose decision rights are not declared",
            )


def _mender(system: System, asset_id: str, steps: int) -> Mender:
    asset = system.asset(asset_id)
    actor = system.actor(asset.actor)
    if actor is None:
        word = "unknown" if asset.actor == "unknown" else "not declared"
        return Mender(
            asset=asset_id,
            actor=None,
            name=f"who decides is {word}",
            steps_upstream=steps,
            rights=(),
            note="ask who decides",
        )
    useful = (*RIGHTS[asset.kind], "oversight")
    if not isinstance(actor.decision_rights, tuple):
        note = {"none": "has no decision rights (declared)", "unknown": "decision rights unknown"}.get(
            str(actor.decision_rights), "decision rights not declared"
        )
        return Mender(asset=asset_id, actor=actor.id, name=actor.name, steps_upstream=steps, rights=(), note=note)
    rights = tuple(right for right in actor.decision_rights if right in useful)
    note = "" if rights else f"none of its declared rights bears on this {asset.kind.replace('_', ' ')}"
    return Mender(asset=asset_id, actor=actor.id, name=actor.name, steps_upstream=steps, rights=rights, note=note)
