"""Carry each finding downstream: which assets, deployments and people inherit it, and where it was never measured.

Downstream of where it was measured a finding is an exposure, not a claim: published work finds no reliable
correlation between a model's intrinsic bias and the harm of an application on it. So every place is either *measured
here* or *inherited, not measured here*. A deployment inherits from its application: probes are not the people in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from commonweal.assessment.row_writer import VERSION, Writer, deployment_name
from commonweal.evidence.records import Estimate, Evidence, Method, Quantity
from commonweal.system.graph import deployments_reached, downstream, people_per_year
from commonweal.system.records import Deployment, System

Kind = Literal["asset", "deployment", "population"]
HERE = "measured here"
INHERITED = "inherited, not measured here"
UNANSWERED = (None, "", "none", "unknown")
SOURCE = "declared dependencies and reach; Bommasani et al. 2021, section 5.1 (one-to-many effect)"
METHOD = Method(
    name="assessment.exposure",
    title="Exposure",
    summary="People a year whom a finding can reach, the sum of the declared reach of the deployments downstream of "
    "it.",
    source=SOURCE,
    version=VERSION,
    cluster="none: declared figures",
    applies_to="asset, deployment and population downstream of a finding",
    description=(
        "People a year whom a finding can reach.\n\nAn exposure is not a claim: what was measured upstream may or may "
        "not show here."
    ),
    quantities={
        "people_reached": Quantity(
            unit="people/year", label="people reached", about="declared in the system file, not counted here"
        )
    },
    warnings=("It says who is downstream of a finding, not that they are harmed.",),
)


@dataclass(frozen=True, slots=True)
class ReachedPlace:
    """Where something arrives: its id, its name in words, how many people, and what of that is unknown."""

    kind: Kind
    target: str
    name: str
    people: float | None
    unknown: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exposure:
    """One place that inherits from where something was measured."""

    measure: str
    sources: tuple[str, ...]
    kind: Kind
    target: str
    measured_here: bool
    people_per_year: float | None
    unknown: tuple[str, ...]
    row: Evidence


def measured_at(evidence: Iterable[Evidence]) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """measure -> subject -> ids of its rows with a number."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in evidence:
        if row.status == "ok" and row.basis != "propagated":
            found[row.measure][row.subjects[0]].append(row.id)
    return {measure: {subject: tuple(ids) for subject, ids in subjects.items()} for measure, subjects in found.items()}


def exposures(system: System, evidence: Sequence[Evidence], writer: Writer) -> Iterator[Exposure]:
    """Every place that each measure's findings reach, one row per measure and place."""
    below = {
        asset.id: tuple(one.asset for one in downstream(system, asset.id) if not one.through_evaluation)
        for asset in system.assets
    }
    for measure, subjects in measured_at(evidence).items():
        heirs: dict[str, list[str]] = defaultdict(list)
        for subject in subjects:
            for target in (subject, *below.get(subject, ())):
                heirs[target].append(subject)
        for target, sources in heirs.items():
            if not system.has_asset(target):
                continue  # a measure of the whole system has no place in the graph
            yield _asset_exposure(system, measure, target, sources, subjects, writer)
        yield from _deployment_exposures(system, measure, heirs, subjects, writer)
        yield from _population_exposures(system, measure, subjects, writer)


def _asset_exposure(
    system: System,
    measure: str,
    target: str,
    sources: list[str],
    subjects: Mapping[str, tuple[str, ...]],
    writer: Writer,
) -> Exposure:
    reached = people_per_year(system, target)
    twice = (
        "a person may be counted more than once: several deployments reach one population"
        if reached.upper_bound
        else ""
    )
    notes = (twice, *_sources(system, reached.by_population))
    place = ReachedPlace("asset", target, target, reached.people_per_year, reached.unknown, notes)
    return _exposure(measure, sources, place, subjects, writer)


def _sources(system: System, populations: Iterable[str]) -> tuple[str, ...]:
    """Where the declared figures about these people come from, as far as that is declared."""
    declared = [
        people for name in populations if (people := system.population(name)) and people.source not in UNANSWERED
    ]
    return tuple(f"source declared for {people.id}: {people.source}" for people in declared)


def _deployment_exposures(
    system: System,
    measure: str,
    heirs: Mapping[str, list[str]],
    subjects: Mapping[str, tuple[str, ...]],
    writer: Writer,
) -> Iterator[Exposure]:
    for deployment in system.deployments:
        if deployment.application not in heirs:
            continue
        people, unknown = _reach(deployment)
        at_application = deployment.application in subjects
        note = (
            f"measured on probes at its application {deployment.application}, not in the deployment"
            if at_application
            else ""
        )
        notes = (note, *_sources(system, deployment.reach))
        place = ReachedPlace("deployment", deployment.key, deployment_name(deployment), people, unknown, notes)
        yield _exposure(measure, heirs[deployment.application], place, subjects, writer)


def _reach(deployment: Deployment) -> tuple[float | None, tuple[str, ...]]:
    if not deployment.reach:
        return None, (f"{deployment.key}: reach",)
    unknown = tuple(
        f"{deployment.key}: reach of {name}" for name, people in deployment.reach.items() if people == "unknown"
    )
    return None if unknown else sum(people for people in deployment.reach.values() if people != "unknown"), unknown


def _population_exposures(
    system: System, measure: str, subjects: Mapping[str, tuple[str, ...]], writer: Writer
) -> Iterator[Exposure]:
    reached: dict[str, dict[str, float | None]] = defaultdict(dict)
    sources: dict[str, list[str]] = defaultdict(list)
    silent: dict[str, None] = {}  # deployments that do not say whom they reach: it may be any population
    for subject in subjects:
        for deployment in deployments_reached(system, subject) if system.has_asset(subject) else ():
            silent |= {} if deployment.reach else {deployment.key: None}
            for name, people in deployment.reach.items():
                reached[name][deployment.key] = None if people == "unknown" else people
                sources[name] += [subject] if subject not in sources[name] else []
    for name, parts in reached.items():
        known = [people for people in parts.values() if people is not None]
        total = sum(known) if len(known) == len(parts) and not silent else None
        unknown = (
            *(f"{key}: reach of {name}" for key, people in parts.items() if people is None),
            *(f"{key}: reach" for key in silent),
        )
        twice = (
            "a person may be counted more than once: several deployments reach this population"
            if len(parts) > 1
            else ""
        )
        place = ReachedPlace("population", name, name, total, unknown, (twice, *_sources(system, (name,))))
        yield _exposure(measure, sources[name], place, subjects, writer)


def _exposure(
    measure: str, sources: list[str], reached: ReachedPlace, subjects: Mapping[str, tuple[str, ...]], writer: Writer
) -> Exposure:
    here = reached.kind == "asset" and reached.target in subjects
    people, state, reaches = reached.people, HERE if here else INHERITED, f"{reached.kind} {reached.name}"
    derived = [subjects[source][0] for source in sources]
    group = {"measure": measure, "reaches": reaches, "state": state}
    if people is None:
        estimate: Estimate | str = (
            f"{measure} reaches {reaches}: {state}; people a year: unknown ({'; '.join(reached.unknown)})"
        )
    else:
        estimate = Estimate(
            quantity="people_reached",
            unit="people/year",
            value=people,
            low=people,
            high=people,
            interval="range",
            n=1,
            method="sum of the declared reach",
            group=group,
            note="; ".join(part for part in (state, *reached.notes) if part),
        )
    row = writer.row(tuple(sources), estimate, derived)
    return Exposure(measure, tuple(sources), reached.kind, reached.target, here, people, reached.unknown, row)
