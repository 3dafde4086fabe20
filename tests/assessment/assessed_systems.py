"""Small systems and evidence rows to assess."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from commonweal.assessment.row_writer import Writer
from commonweal.evidence.records import Estimate, Evidence, Method, Missing, Provenance, Quantity
from commonweal.system.records import Actor, Asset, Dependency, Deployment, Population, System

AUDIT = "inequity.correspondence_audit"
QUANTITIES = {
    "selection_rate": Quantity(unit="1", label="favourable rate"),
    "selection_rate_difference": Quantity(
        unit="1", label="difference in favourable rate", null=0.0, role="favourable_rate_gap"
    ),
    "selection_rate_ratio": Quantity(unit="1", label="ratio of favourable rates", role="favourable_rate_ratio"),
    "log_odds_gap": Quantity(unit="nat", label="gap in mean log-odds", null=0.0),
    "excess_flip_share": Quantity(unit="1", label="flips beyond those within groups", role="excess_flips"),
}
METHODS = {
    AUDIT: Method(
        name=AUDIT,
        title="The audit study, automated",
        summary="s",
        source="tests",
        version=1,
        cluster="name",
        applies_to="application",
        description="d",
        quantities=QUANTITIES,
    )
}


def writer() -> Writer:
    return Writer("assessment.test", "tests", 0, "hash")


def evidence(
    key: str, subject: str = "app", measure: str = AUDIT, found: Estimate | Missing | str = "seen", **changed: Any
) -> Evidence:
    """A row with a number, without one (text), or a reason why there is none."""
    text = found if isinstance(found, str) else found.note if isinstance(found, Estimate) else found.reason
    fields: dict[str, Any] = {
        "id": key,
        "subjects": (subject,),
        "measure": measure,
        "basis": "measured",
        "status": found.status if isinstance(found, Missing) else "ok",
        "note": text,
        "estimate": found if isinstance(found, Estimate) else None,
        "missing": found if isinstance(found, Missing) else None,
        "provenance": Provenance(
            source="tests", measure=measure, version=1, started="2026-01-01T00:00:00Z", duration_s=0.0
        ),
    }
    return Evidence(**(fields | changed))


def estimate(
    value: float = -0.1,
    low: float = -0.15,
    high: float = -0.05,
    quantity: str = "selection_rate_difference",
    group: Mapping[str, str] | None = None,
    reference: Mapping[str, str] | None = None,
    **changed: Any,
) -> Estimate:
    fields: dict[str, Any] = {
        "quantity": quantity,
        "unit": QUANTITIES[quantity].unit,
        "value": value,
        "low": low,
        "high": high,
        "interval": "confidence",
        "n": 200,
        "clusters": 18,
        "method": "by hand",
        "null": QUANTITIES[quantity].null,
        "group": group or {"gender": "women"},
        "reference": reference or {"gender": "men"},
    }
    return Estimate(**(fields | changed))


def system(deployments: tuple[Deployment, ...] | None = None, *more: Dependency, **changed: Any) -> System:
    """Data, a model trained on it, an application on the model; applicants of whom 48 % are women."""
    fields: dict[str, Any] = {
        "name": "a chain",
        "actors": (
            Actor(id="crawl", name="A crawler", roles=("curator",), decision_rights=("data", "labels")),
            Actor(id="lab", name="A laboratory", roles=("provider",), decision_rights=("training", "weights", "release", "prompt")),
            Actor(id="agency", name="An agency", roles=("deployer",), decision_rights=("prompt", "decision_rule", "oversight", "weights")),
            Actor(id="office", name="An equality office", roles=("regulator",), decision_rights=("oversight",)),
            Actor(id="union", name="A union", roles=("affected",), decision_rights="none"),
        ),
        "populations": (
            Population(id="applicants", definition="who applies", groups={"gender": {"women": 0.48, "men": 0.52}, "race": "unknown"}),
            Population(id="students", definition="who asks for a place", groups={"gender": {"women": 0.6, "men": 0.4}}),
        ),
        "assets": (
            Asset(id="data", kind="dataset", actor="crawl"), Asset(id="model", kind="model", actor="lab"),
            Asset(id="app", kind="application", actor="agency"),
        ),
        "dependencies": (
            Dependency(upstream="data", downstream="model", relation="trained_on"),
            Dependency(upstream="model", downstream="app", relation="serves"),
            *more,
        ),
        "deployments": (deployment(),) if deployments is None else deployments,
    }  # fmt: skip
    return System(**(fields | changed))


def deployment(key: str = "live", **changed: Any) -> Deployment:
    return Deployment(
        **({"application": "app", "id": key, "volume": 400_000, "reach": {"applicants": 90_000}} | changed)
    )
