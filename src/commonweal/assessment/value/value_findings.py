"""What the rows of V(M) say in words: one finding per deployment that declares how its value is reckoned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from commonweal.assessment.menders import menders
from commonweal.assessment.row_writer import deployment_name
from commonweal.assessment.value.value_rows import VALUE_METHOD
from commonweal.evidence.numbers import interval_text, value_text
from commonweal.evidence.records import Estimate, Evidence, Finding
from commonweal.evidence.store import digest
from commonweal.system.records import Deployment, System

NEAREST = 3
SURE = 0.95


def value_findings(system: System, rows: Sequence[Evidence]) -> Iterator[Finding]:
    """A finding for each deployment with rows of V; it describes, and claims nothing beyond the declared inputs."""
    for deployment in system.deployments:
        own = [row for row in rows if row.measure == VALUE_METHOD.name and _of(row) == deployment.key]
        if own:
            yield _finding(system, deployment, own)


def _of(row: Evidence) -> str | None:
    one = row.estimate or row.missing
    return (one.group or {}).get("deployment") if one else None


def _finding(system: System, deployment: Deployment, rows: Sequence[Evidence]) -> Finding:
    return Finding(
        id=digest("finding", VALUE_METHOD.name, deployment.key, [row.id for row in rows]),
        measure=VALUE_METHOD.name,
        subject=deployment.application,
        title=VALUE_METHOD.title,
        verdict="described",
        headline=f"{deployment_name(deployment)}: {_headline(deployment, rows)}",
        details=tuple(_details(rows)),
        people="The groups that gain and bear, and their shares, are rows of this finding; people unknown.",
        evidence=tuple(row.id for row in rows),
        menders=tuple(menders(system, deployment.application)),
    )


def _named(rows: Sequence[Evidence], quantity: str) -> list[Estimate]:
    return [row.estimate for row in rows if row.estimate is not None and row.estimate.quantity == quantity]


def _headline(deployment: Deployment, rows: Sequence[Evidence]) -> str:
    years = deployment.value.years if deployment.value else 1.0
    over = f"over {years:g} year{'' if years == 1 else 's'}"
    worth, below, zero = (_named(rows, name) for name in ("value", "below_zero_probability", "value_at_zero"))
    if worth and below:
        return (
            f"its value V is {value_text(worth[0])} {over} ({interval_text(worth[0])}); below 0 in "
            f"{value_text(below[0])} of draws"
        )
    reasons = [row.missing.reason for row in rows if row.missing is not None and row.missing.quantity == "value"]
    at = ""
    if zero:
        at = f"; for V = 0 {(zero[0].group or {})['of']} would have to be {value_text(zero[0])} {over}"
    return f"its value V is unknown ({'; '.join(reasons)}){at}"


def _details(rows: Sequence[Evidence]) -> Iterator[str]:
    """Who loses, whether builders gain while others pay, and what would change the sign of V."""
    losing = [(one.group or {})["group"] for one in _named(rows, "group_below_zero_probability") if one.value >= SURE]
    if losing:
        yield f"Loses by it in at least {SURE:.0%} of draws: {', '.join(losing)}."
    for row in rows:
        if row.facts is not None and row.facts.headline:
            yield row.facts.headline
    weighted = _named(rows, "weighted_value")
    if weighted:
        yield f"Weighted by income, V is {value_text(weighted[0])} ({interval_text(weighted[0])})."
    switches = [row for row in rows if row.estimate is not None and row.estimate.quantity == "switching_value"][
        :NEAREST
    ]
    for row in switches:
        assert row.estimate is not None
        yield f"V changes its sign at {(row.estimate.group or {})['input']} = {value_text(row.estimate)} ({row.note})."
