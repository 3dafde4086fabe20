"""Dossiers with a ledger, worked out from declarations and a made-up reading, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from commonweal.assessment.assess import assess
from commonweal.evidence.records import Basis, Estimate, Evidence
from commonweal.measures.registry import load_registry
from commonweal.report.content import Dossier
from commonweal.system.loading import load
from commonweal.system.records import System
from tests.assessment.valued import exact, system
from tests.report.hiring_dossier import RUN, provenance

TRANSLATION = Path(__file__).parents[2] / "examples" / "translation" / "system.yaml"
KIND = "    kind: model\n"
PER_TASK = f"      energy_per_task: {exact(50, 'Wh/1000 decisions')}\n"
HOSTILE = (
    r"100% of R&D_x #1 $5 {a}~b^c \input{/etc/passwd} <script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "safe \u202egnp.exe\u202c name 👩🏽‍💼 – “x” é ß 日本 −5 × 10⁻⁶",
    "N" * 500,
    "]]>--></style></script>\\end{document}%",
    "two\n\nparagraphs \\\\ $$ \\par",
)


def dossier_of(given: System, evidence: Sequence[Evidence] = ()) -> Dossier:
    """A dossier of what a system declares and of rows that a run would have measured."""
    methods = {name: spec.method for name, spec in load_registry().specs.items()}
    weighed = assess(given, evidence, methods, "h", 0)
    used = tuple(methods[name] for name in dict.fromkeys(row.measure for row in evidence))
    return Dossier(
        system=given,
        run=RUN,
        findings=weighed.findings,
        evidence=(*evidence, *weighed.rows),
        methods=(*used, *weighed.methods),
    )


def by_hand(*replacements: tuple[str, str], evidence: Sequence[Evidence] = ()) -> Dossier:
    """The system of tests/assessment/valued.py, with a mitigation done, one declined, and an offset."""
    lines = (
        f"{KIND}    mitigations:\n      - {{what: int8 weights, status: applied, saves: {exact(40, 'kgCO2e')}}}\n"
        "      - {what: another region, status: declined, reason: the data may not leave, saves: unknown}\n"
        f"    offsets: [{{carbon: {exact(300, 'kgCO2e')}, what: a forest}}]\n"
    )
    return dossier_of(system((KIND, lines), *replacements), evidence)


def translation() -> Dossier:
    """The translation example."""
    return dossier_of(load(TRANSLATION))


def reading(basis: Basis = "measured") -> Evidence:
    """A made-up reading of the energy of the application that is worked out by hand."""
    return Evidence(
        id="read-1",
        subjects=("app",),
        measure="environment.inference_energy",
        basis=basis,
        status="ok",
        estimate=Estimate(
            quantity="energy",
            unit="Wh/1000 decisions",
            value=80.0,
            low=70.0,
            high=90.0,
            interval="uncertainty",
            n=60,
            method="counter",
        ),
        provenance=provenance("environment.inference_energy"),
    )


def hostile() -> Dossier:
    """Text that wants to become markup, or LaTeX, wherever a ledger carries text of strangers."""
    clean = by_hand(evidence=[reading()])
    bad = iter(HOSTILE * 4)
    assets = tuple(
        asset.model_copy(
            update={
                "mitigations": tuple(
                    one.model_copy(update={"what": next(bad), "reason": next(bad)}) for one in asset.mitigations
                ),
                "offsets": tuple(one.model_copy(update={"what": next(bad)}) for one in asset.offsets),
                "making": tuple(
                    one.model_copy(update={"energy": one.energy.model_copy(update={"source": next(bad)})})
                    if one.energy is not None
                    else one.model_copy(
                        update={"grid_intensity": one.grid_intensity.model_copy(update={"source": next(bad)})}
                    )
                    if one.grid_intensity
                    else one
                    for one in asset.making
                ),
                "declared": {"hardware": next(bad)},
            }
        )
        for asset in clean.system.assets
    )
    deployments = tuple(one.model_copy(update={"context": next(bad)}) for one in clean.system.deployments)
    return dossier_of(
        clean.system.model_copy(update={"name": HOSTILE[0], "assets": assets, "deployments": deployments}), [reading()]
    )
