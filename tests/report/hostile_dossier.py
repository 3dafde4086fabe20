"""The hiring dossier with text that wants to become markup, or to hide, in every place that carries text."""

from __future__ import annotations

import itertools

from commonweal.evidence.records import Evidence
from commonweal.report.content import Dossier
from tests.report.hiring_dossier import RUN, hiring_dossier

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "safe \u202egnp.exe\u202c name",
    "N" * 500,
    "\u200b",
    "👩🏽‍💼 recruiter ']]>--></style>",
    "javascript:alert(3)",
)


def hostile_dossier() -> Dossier:
    """The hiring dossier with text that wants to become markup in every place that carries text."""
    clean = hiring_dossier()
    bad = itertools.cycle(HOSTILE)
    system = clean.system.model_copy(
        update={
            "name": HOSTILE[0] + HOSTILE[1],
            "actors": tuple(
                actor.model_copy(update={"name": next(bad), "contact": HOSTILE[6]}) for actor in clean.system.actors
            ),
            "populations": tuple(
                people.model_copy(update={"definition": next(bad)}) for people in clean.system.populations
            ),
            "assets": tuple(
                asset.model_copy(
                    update={
                        "locator": None if asset.prompt else HOSTILE[6],
                        "declared": {text: text for text in HOSTILE},
                    }
                )
                for asset in clean.system.assets
            ),
        }
    )
    evidence = tuple(hostile_row(row, next(bad)) for row in clean.rows)
    findings = tuple(
        finding.model_copy(
            update={
                "title": next(bad),
                "headline": next(bad),
                "details": HOSTILE,
                "conditions": HOSTILE,
                "not_shown": HOSTILE,
            }
        )
        for finding in clean.findings
    )
    listed = tuple(
        method.model_copy(
            update={"title": next(bad), "description": "\n\n".join(HOSTILE), "source": HOSTILE[6], "warnings": HOSTILE}
        )
        for method in clean.methods
    )
    run = RUN.model_copy(
        update={"command": HOSTILE[0], "machine": HOSTILE[1], "questions": HOSTILE, "options": {HOSTILE[0]: HOSTILE[1]}}
    )
    return Dossier(system=system, run=run, findings=findings, evidence=evidence, methods=listed)


def hostile_row(row: Evidence, text: str) -> Evidence:
    update: dict[str, object] = {
        "note": row.note or text,
        "provenance": row.provenance.model_copy(update={"source": text}),
    }
    if row.estimate is not None and row.estimate.group is not None:
        group = {key: f"{value}{text}" for key, value in row.estimate.group.items()}
        update["estimate"] = row.estimate.model_copy(update={"group": group, "method": text})
    return row.model_copy(update=update)
