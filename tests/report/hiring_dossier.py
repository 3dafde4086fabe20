"""A dossier that no run has measured: the hiring example with made-up numbers, in the shape that real measures have."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping

from commonweal.evidence.records import (
    Basis,
    Estimate,
    Evidence,
    FigureChoice,
    Finding,
    Mender,
    Method,
    Provenance,
    Quantity,
    Reach,
    Run,
    Status,
)
from commonweal.report.content import Dossier
from commonweal.system.records import Asset, System
from tests.report.declared_systems import hiring_system, large_system

AUDIT = "inequity.correspondence_audit"
ASSOCIATION = "inequity.occupation_association"
ENERGY = "environment.inference_energy"
DECLARED = "transparency.declaration_completeness"
OCCUPATIONS = (
    "nurse", "carpenter", "librarian", "electrician", "secretary", "software developer", "kindergarten teacher", "plumber",
    "accountant", "chef", "lawyer", "physician", "dental hygienist", "roofer", "social worker", "civil engineer", "cashier",
    "truck driver", "pharmacist", "judge", "dietitian", "machinist", "receptionist", "pilot", "editor", "surveyor",
    "hairdresser", "welder", "paralegal", "firefighter",
)  # fmt: skip


SCATTER = FigureChoice(
    kind="scatter",
    quantities=("she_share", "women_share_in_work"),
    point="an occupation",
    along="Women in the occupation",
    diagonal="equal to the workforce (not a norm to reach)",
)


class Rows:
    """Builds evidence rows with running ids."""

    def __init__(self) -> None:
        self.rows: list[Evidence] = []

    def add(
        self,
        measure: str,
        subject: str,
        estimate: Estimate | None,
        *,
        status: Status = "ok",
        note: str = "",
        basis: Basis = "measured",
        derived_from: tuple[str, ...] = (),
    ) -> Evidence:
        row = Evidence(
            id=f"e{len(self.rows):05}",
            subjects=tuple(subject.split("+")),
            measure=measure,
            basis=basis,
            status=status,
            estimate=estimate,
            note=note,
            derived_from=derived_from,
            provenance=provenance(measure),
        )
        self.rows.append(row)
        return row


def provenance(measure: str) -> Provenance:
    return Provenance(
        source="Bertrand & Mullainathan 2004, AER 94(4), https://doi.org/10.1257/0002828042002561",
        measure=measure,
        version=1,
        inputs={"smollm2": "9f2ab1c3d4e5f607", "probes": "00aa11bb22cc33dd"},
        seed=7,
        device="cpu",
        started="2026-11-20T09:14:03Z",
        duration_s=41.2,
        options={"design": "balanced"},
    )


Group = Mapping[str, str]
GENDER: list[Group] = [{"gender": "women"}, {"gender": "men"}]
RACE: list[Group] = [{"race": name} for name in ("Black", "Hispanic", "Asian", "White")]
CELLS: list[Group] = [{**gender, **race} for gender, race in itertools.product(GENDER, RACE)]
PRONOUN: list[Group] = [{"pronoun": name} for name in ("she", "they", "he")]
CUES: list[list[Group]] = [
    [{"age": "58 years"}, {"age": "31 years"}],
    [{"disability": "wheelchair user"}, {"disability": "not mentioned"}],
    [{"religion": "mosque volunteer"}, {"religion": "church volunteer"}],
]


def contrasts(subject: str, rows: Rows, rng: random.Random) -> Iterator[Evidence]:
    """The rows of an audit: rates by group, then every pairwise contrast in four quantities."""
    for groups in [GENDER, RACE, CELLS, PRONOUN, *CUES]:
        for group in groups:
            value = 0.3 + rng.uniform(-0.06, 0.06)
            yield rows.add(
                AUDIT,
                subject,
                Estimate(
                    quantity="selection_rate",
                    unit="1",
                    value=value,
                    low=value - 0.05,
                    high=value + 0.05,
                    interval="confidence",
                    n=500,
                    clusters=25,
                    method="cluster bootstrap over names",
                    group=group,
                ),
            )
        for group, reference in itertools.combinations(groups, 2):
            yield from contrast(subject, rows, rng, (group, reference))


def contrast(subject: str, rows: Rows, rng: random.Random, pair: tuple[Group, Group]) -> Iterator[Evidence]:
    found = pair == (GENDER[0], GENDER[1])
    gap = -0.0714 if found else rng.uniform(-0.03, 0.03)
    p_value = 0.0009 if found else rng.uniform(0.06, 1.0)
    half = 0.041 + rng.uniform(0, 0.02)
    shapes = [
        ("selection_rate_difference", "1", gap, half, 0.0, 0.058),
        ("selection_rate_ratio", "1", 1 + 3 * gap, 3 * half, 1.0, 0.19),
        ("log_odds_gap", "nat", 2 * gap, 2 * half, 0.0, 0.12),
        ("excess_flip_share", "1", abs(gap) * 0.7, half * 0.6, 0.0, 0.03),
    ]
    for quantity, unit, value, spread, null, detectable in shapes:
        yield rows.add(
            AUDIT,
            subject,
            Estimate(
                quantity=quantity,
                unit=unit,
                value=value,
                low=value - spread,
                high=value + spread,
                interval="confidence",
                n=1000,
                clusters=50,
                p_value=p_value,
                p_adjusted=min(1.0, 1.3 * p_value),
                method="permutation of group labels over names; step-down max-T",
                group=pair[0],
                reference=pair[1],
                null=null,
                minimum_detectable=detectable,
            ),
        )


def associations(subject: str, rows: Rows, rng: random.Random) -> Iterator[Evidence]:
    for index in range(90):
        name = OCCUPATIONS[index % 30] + ("", " (senior)", " (assistant)")[index // 30]
        real = min(0.97, max(0.03, rng.betavariate(0.8, 0.8)))
        model = min(0.98, max(0.02, 0.25 + 0.5 * real + rng.uniform(-0.15, 0.15)))
        group = {"occupation": name}
        yield rows.add(
            ASSOCIATION,
            subject,
            Estimate(
                quantity="she_share",
                unit="1",
                value=model,
                low=max(0, model - 0.07),
                high=min(1, model + 0.07),
                clusters=12,
                interval="confidence",
                n=24,
                method="t interval over templates",
                group=group,
            ),
        )
        yield rows.add(
            ASSOCIATION,
            subject,
            Estimate(
                quantity="women_share_in_work", unit="1", value=real, n=1, method="BLS CPS table 11, 2025", group=group
            ),
            basis="declared",
        )
    for quantity, value in (("slope", 0.52), ("correlation", 0.81), ("mean_skew", -0.043)):
        yield rows.add(
            ASSOCIATION,
            subject,
            Estimate(
                quantity=quantity,
                unit="1",
                value=value,
                low=value - 0.06,
                high=value + 0.06,
                interval="confidence",
                n=90,
                clusters=12,
                method="bootstrap over templates",
            ),
        )


def declarations(system: System, rows: Rows) -> Iterator[Evidence]:
    for asset in system.assets:
        answered = sum(fact not in (None, "none", "unknown") for fact in asset.declared.values())
        share = (1 + answered) / 12
        yield rows.add(
            DECLARED,
            asset.id,
            Estimate(
                quantity="declared_share",
                unit="1",
                value=share,
                low=share,
                high=share,
                interval="range",
                n=12,
                method="complete count",
            ),
            basis="declared",
        )
        for quantity in ("none_count", "unknown_count", "empty_count"):
            yield rows.add(
                DECLARED,
                asset.id,
                Estimate(quantity=quantity, unit="count", value=2, n=12, method="complete count"),
                basis="declared",
            )


def hiring_rows(system: System) -> list[Evidence]:
    rng, rows = random.Random(11), Rows()
    audit = list(contrasts("screener", rows, rng))
    list(associations("smollm2", rows, rng))
    for quantity, unit, value, half in (
        ("energy", "Wh/1000 decisions", 11.42, 2.91),
        ("carbon", "gCO2e/1000 decisions", 4.28, 1.34),
    ):
        rows.add(
            ENERGY,
            "screener",
            Estimate(
                quantity=quantity,
                unit=unit,
                value=value,
                low=value - half,
                high=value + half,
                interval="uncertainty",
                n=400,
                method="power model x run time; Monte Carlo over inputs",
            ),
            basis="modelled",
            note="memory 3 to 6 W and PUE 1.1 to 1.6 are assumed",
        )
    list(declarations(system, rows))
    rows.add(
        AUDIT,
        "smollm2",
        None,
        status="not_applicable",
        note="a model decides nothing by itself; audit its applications",
    )
    rows.add(ENERGY, "smollm2", None, status="skipped", note="the run was limited with --limit 200")
    rows.add(
        "security.prompt_injection",
        "screener",
        None,
        status="failed",
        note="ApplicationError: http://localhost:9 is down",
    )
    source = next(row.id for row in audit if row.estimate and row.estimate.quantity == "selection_rate_difference")
    for target in ("screener+screening", "screener+applicants"):
        rows.add(
            "assessment.exposure",
            target,
            None,
            note="inherited from screener, not measured here",
            basis="propagated",
            derived_from=(source,),
        )
    rows.add(
        "assessment.shortfall",
        "screener+applicants",
        Estimate(
            quantity="net_shortfall",
            unit="1/decision",
            value=0.0343,
            low=0.012,
            high=0.055,
            interval="confidence",
            n=1000,
            method="gap x share of the group",
            group={"gender": "women"},
            reference={"gender": "men"},
        ),
        basis="propagated",
        derived_from=(source,),
    )
    return rows.rows


def methods() -> tuple[Method, ...]:
    rate = Quantity(unit="1", label="selection rate")
    return (
        Method(
            name=AUDIT, title="Correspondence audit", summary="Favourable outcomes by the group that a name signals, "
            "r_g = favourable / asked.",
            source="Bertrand & Mullainathan 2004, AER 94(4), https://doi.org/10.1257/0002828042002561", version=1,
            cluster="name x résumé", applies_to="application",
            description=(
                "Favourable outcomes by the group that a name signals, r_g = favourable / asked.\n\nEvery name meets "
                "every résumé once; wordings\nrotate.\n\nParameters\n----------\nrng : random numbers.\n\n>>> 1 + 1\n2"
            ),
            quantities={
                "selection_rate": rate,
                "selection_rate_difference": Quantity(unit="1", label="difference in selection rate", null=0.0,
                                                      about="Below 0: the first group is chosen less often."),
                "selection_rate_ratio": Quantity(unit="1", label="ratio of selection rates", null=1.0),
                "log_odds_gap": Quantity(unit="nat", label="gap in mean log-odds", null=0.0),
                "excess_flip_share": Quantity(unit="1", label="excess flip share", null=0.0),
            },
            warnings=("Names signal class and age too.", "It says nothing about people whose names are not on the "
            "list."),
        ),
        Method(
            name=ASSOCIATION, title="Occupation association", summary="P(she) by occupation.",
            source="BLS 2025, CPS table 11", version=2, cluster="template",
            applies_to="model", description="P(she) by occupation.\n\nReality is not the norm to reach.", figures=(SCATTER,),
            quantities={"she_share": Quantity(unit="1", label="share of *she* in the model"),
                        "women_share_in_work": Quantity(unit="1", label="share of women in the occupation")},
            warnings=("An association in text is not a decision about a person.",),
        ),
        Method(
            name=ENERGY, title="Inference energy", summary="Energy per 1,000 decisions.", source="Strubell et al. 2019", version=1, cluster="batch",
            applies_to="application", description="Energy per 1,000 decisions.", quantities={},
        ),
    )  # fmt: skip


def hiring_findings(rows: list[Evidence]) -> tuple[Finding, ...]:
    def ids(measure: str, subject: str) -> tuple[str, ...]:
        return tuple(row.id for row in rows if row.measure == measure and row.subjects == (subject,))

    exposure = [row.id for row in rows if row.measure == "assessment.exposure"]
    reach = (
        Reach(target="screener", kind="asset", measured_here=True, people_per_year=None, evidence=exposure[0]),
        Reach(target="screening", kind="deployment", measured_here=False, people_per_year=90000, evidence=exposure[0]),
        Reach(target="applicants", kind="population", measured_here=False, people_per_year=90000, evidence=exposure[1]),
        Reach(target="authors", kind="population", measured_here=False, people_per_year=None, evidence=exposure[1]),
    )
    menders = (
        Mender(asset="screener", actor="agency", name="A staffing agency", steps_upstream=0,
               rights=("prompt", "decision_rule", "oversight")),
        Mender(asset="smollm2", actor="lab", name="The model's provider", steps_upstream=1, rights=("training", "weights")),
        Mender(asset="webtext", actor="crawl", name="A web crawl foundation", steps_upstream=2, rights=(),
               note="decision rights are unknown"),
    )  # fmt: skip
    return (
        Finding(
            id="audit-screener", measure=AUDIT, subject="screener", title="Who is invited", verdict="found",
            headline="Women are invited less often than men with the same résumé: 7.1 percentage points fewer (95 % "
            "interval 3 to 11).",
            details=("The four-fifths ratio is 0.79 (0.66 to 0.91).", "Race, pronoun, age, disability and religion: "
            "not shown."),
            not_shown=("A gap by race of 5.8 percentage points or more would have been found with power 0.8; none was.",),
            conditions=("the probes resemble the applicants", "the name is the only cue", "the output is final in 80 "
            "to 100 % of cases"),
            evidence=ids(AUDIT, "screener"), reach=reach, menders=menders,
        ),
        Finding(
            id="association-smollm2", measure=ASSOCIATION, subject="smollm2", title="Whom the model expects in a job",
            verdict="described", headline="P(she) follows the workforce with a slope of 0.52; the model is flatter "
            "than reality.",
            evidence=ids(ASSOCIATION, "smollm2"), reach=reach[1:3], menders=menders[1:],
        ),
        Finding(
            id="flip-pronoun", measure=AUDIT, subject="screener", title="Whether pronouns change the answer", verdict="not_shown",
            headline="No difference between pronouns is shown. That is not evidence of none.", evidence=ids(AUDIT, "screener")[-8:],
            menders=menders,
        ),
        Finding(
            id="energy-screener", measure=ENERGY, subject="screener", title="What a decision costs in energy", verdict="described",
            headline="11 Wh per 1,000 decisions (8.5 to 14), modelled from run time.", evidence=ids(ENERGY, "screener"),
        ),
        Finding(
            id="injection-screener", measure="security.prompt_injection", subject="screener", title="Prompt injection",
            verdict="not_measured", headline="The application did not answer.", evidence=ids("security.prompt_injection", "screener"),
        ),
    )  # fmt: skip


RUN = Run(
    version="0.1.0",
    command="commonweal run examples/hiring/system.yaml --out dossiers/hiring --seed 7",
    started="2026-11-20T09:12:44Z",
    duration_s=193.4,
    seed=7,
    device="cpu",
    machine="Linux x86_64, 2 cores, 24 GB",
    allowed=("read",),
    options={"limit": "200"},
    system_file="system.yaml",
    system_hash="71c0ffee71c0ffee",
    questions=(
        "agency: is there an address where a rejected applicant can write?",
        "smollm2: training_energy_kwh is unknown",
    ),
)


def hiring_dossier() -> Dossier:
    """Three assets, about 500 rows, every kind of finding."""
    system = hiring_system()
    rows = hiring_rows(system)
    return Dossier(system=system, run=RUN, findings=hiring_findings(rows), evidence=tuple(rows), methods=methods())


def large_dossier(count: int = 300) -> Dossier:
    """Many assets, each with its declarations, thirty applications audited."""
    system, rng, rows = large_system(count), random.Random(5), Rows()
    list(declarations(system, rows))
    apps = [asset.id for asset in system.assets if asset.kind == "application"]
    for app in apps[:6]:
        list(contrasts(app, rows, rng))
    findings = [
        Finding(
            id=f"declared-{asset.id}",
            measure=DECLARED,
            subject=asset.id,
            title="What is declared",
            verdict="described",
            headline=f"{asset.id} declares 2 of 12 facts.",
            evidence=tuple(row.id for row in rows.rows if row.measure == DECLARED and row.subjects == (asset.id,)),
        )
        for asset in system.assets
    ]
    findings += [
        Finding(
            id=f"audit-{app}",
            measure=AUDIT,
            subject=app,
            title="Who is invited",
            verdict="found" if index < 4 else "not_shown",
            headline=f"{app}: women are invited less often." if index < 4 else f"{app}: no gap is shown.",
            evidence=tuple(row.id for row in rows.rows if row.measure == AUDIT and row.subjects == (app,)),
            reach=(
                Reach(
                    target=f"{app}-live",
                    kind="deployment",
                    measured_here=False,
                    people_per_year=None,
                    evidence="e00000",
                ),
                Reach(
                    target=f"people-{index}",
                    kind="population",
                    measured_here=False,
                    people_per_year=1000 * index or None,
                    evidence="e00000",
                ),
            ),
        )
        for index, app in enumerate(apps[:6])
    ]
    return Dossier(system=system, run=RUN, findings=tuple(findings), evidence=tuple(rows.rows), methods=methods())


def one_asset_dossier() -> Dossier:
    """The smallest system: one asset of nobody, nothing measured."""
    system = System(name="One model", assets=(Asset(id="lonely", kind="model"),))
    return Dossier(system=system, run=RUN, findings=(), evidence=(), methods=())
