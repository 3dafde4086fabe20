"""From a measured selection gap to two figures per decision, and per year only where everything needed is declared.

Per decision about a member of a group: the *net shortfall* against the named reference group (how many favourable
outcomes fewer), and the *excess flips* (how many outcomes the cue changes beyond what another name of the same group
changes). Per year: times the declared volume, the group's declared share and the share of outputs that stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from commonweal.assessment.roles import role_of
from commonweal.assessment.row_writer import VERSION, Writer, deployment_name
from commonweal.evidence.records import Estimate, Evidence, Facts, Method, Missing, Quantity, QuantityRole
from commonweal.system.records import Deployment, System

SOURCE = "arithmetic on the measured gap and the declared deployment (see conditions in the note)"
CONDITIONS = (
    "the probes resemble the people who are really decided about",
    "the cue in the probe (a name, a pronoun, a phrase) is the only sign of the group",
)
FINAL = "the application's output is final"
BEFORE = "per decision, it counts what the application puts out, before a person overturns any of it"
LOST = "favourable outcomes lost against the reference group"
ADVANTAGE = (
    "favourable outcomes fewer than the reference group; below 0: more than the reference group, an advantage over it"
)
FLIPS = "outcomes that the cue changes, beyond what another name of the same group changes; below 0: fewer than that"


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a gap means for people, per decision and per year: its quantities, which way the gap counts, and the figure
    in words.

    `gained`: how a figure below 0 is told, the other way round; empty where it keeps its sign.
    """

    per_decision: str
    per_year: str
    sign: float
    counted: str
    gained: str = ""


# A measure gives a gap this role only where it is declared which answer is favourable. A table of predictions does not
# say whether 1 is.
CONSEQUENCES: Mapping[QuantityRole, Consequence] = {
    "favourable_rate_gap": Consequence(
        "net_shortfall_per_decision",
        "net_shortfall_per_year",
        -1.0,
        "favourable outcomes fewer than the reference group",
        "favourable outcomes more than the reference group, an advantage over it",
    ),
    "excess_flips": Consequence(
        "excess_flips_per_decision",
        "excess_flips_per_year",
        1.0,
        "outcomes that the cue changes, beyond another name of the same group",
    ),
}
METHOD = Method(
    name="assessment.shortfall",
    title="Net shortfall and excess flips",
    summary="What a measured gap would mean per decision about a member of the group, and per year where volume and "
    "shares are declared.",
    source=SOURCE,
    version=VERSION,
    cluster="as in the rows it is worked out from",
    applies_to="measured gap against a named reference group",
    description=(
        "What a measured gap would mean for people.\n\nPer year = per decision x declared volume x declared share of "
        "the group x share of outputs that stand. Where the volume, the reach or the share is not declared, the "
        "figure is unknown; where the share that stands is not, it holds if every output does, and says so."
    ),
    quantities={
        "net_shortfall_per_decision": Quantity(unit="1/decision", label=f"{LOST}, per decision", about=ADVANTAGE),
        "net_shortfall_per_year": Quantity(unit="people-decision/year", label=f"{LOST}, a year", about=ADVANTAGE),
        "excess_flips_per_decision": Quantity(unit="1/decision", label="excess flips per decision", about=FLIPS),
        "excess_flips_per_year": Quantity(unit="people-decision/year", label="excess flips a year", about=FLIPS),
    },
    warnings=("It is arithmetic on a gap that was measured on probes, not a count of people who were harmed.",),
)


@dataclass(frozen=True, slots=True)
class OrientedGap:
    """One measured gap of an application, oriented against the named reference group."""

    row: Evidence
    estimate: Estimate
    consequence: Consequence
    value: float
    low: float
    high: float


def gaps(evidence: Sequence[Evidence], methods: Mapping[str, Method]) -> Iterator[OrientedGap]:
    """Every gap against a named reference: the group that its measure never puts on the other side of a comparison."""
    roles = ((row, role_of(row, methods)) for row in evidence if row.estimate is not None and row.estimate.reference)
    rows = [(row, CONSEQUENCES[role]) for row, role in roles if role is not None and role in CONSEQUENCES]
    compared = {(row.measure, row.subjects, _key(row.estimate.group)) for row, _ in rows if row.estimate is not None}
    for row, consequence in rows:
        estimate = row.estimate
        assert estimate is not None
        if (
            (row.measure, row.subjects, _key(estimate.reference)) in compared
            or estimate.low is None
            or estimate.high is None
        ):
            continue
        low, high = sorted((consequence.sign * estimate.low, consequence.sign * estimate.high))
        yield OrientedGap(row, estimate, consequence, consequence.sign * estimate.value, low, high)


def _key(group: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((group or {}).items()))


def shortfalls(
    system: System, evidence: Sequence[Evidence], methods: Mapping[str, Method], writer: Writer
) -> Iterator[Evidence]:
    """Rows per decision for every gap, and per year for every deployment of the application."""
    for gap in gaps(evidence, methods):
        subject = gap.row.subjects[0]
        yield writer.row((subject,), _per_decision(gap), (gap.row.id,))
        if len(gap.estimate.group or {}) != 1 or not system.has_asset(subject):
            continue
        for deployment in system.deployments_of(subject):
            yield writer.row((subject,), _per_year(gap, deployment, system), (gap.row.id,))


def _per_decision(gap: OrientedGap) -> Estimate:
    conditions = (*CONDITIONS, BEFORE)
    return Estimate(
        quantity=gap.consequence.per_decision,
        unit="1/decision",
        value=gap.value,
        low=gap.low,
        high=gap.high,
        interval=gap.estimate.interval,
        n=gap.estimate.n,
        clusters=gap.estimate.clusters,
        group=gap.estimate.group,
        reference=gap.estimate.reference,
        method="the measured gap, per decision about a member of the group",
        note=_note(conditions),
        facts=Facts(conditions=conditions),
    )


def _note(conditions: Sequence[str]) -> str:
    return f"if {'; and '.join(conditions)}"


def _per_year(gap: OrientedGap, deployment: Deployment, system: System) -> Estimate | Missing:
    """The figure per year, or what would have to be declared for it."""
    ((attribute, group),) = (gap.estimate.group or {}).items()
    quantity = gap.consequence.per_year
    about = {attribute: group, "deployment": deployment.key}
    decisions, lacking = decisions_about(deployment, system, attribute, group)
    if decisions is None:
        reason = f"{lacking} (deployment {deployment_name(deployment)})"
        return Missing(
            quantity=quantity, status="not_applicable", reason=reason, group=about, reference=gap.estimate.reference
        )
    stands_low, stands_high, condition = standing(deployment)
    conditions = (*CONDITIONS, f"per year in {deployment_name(deployment)}, {condition}")
    corners = [bound * decisions * stands for bound in (gap.low, gap.high) for stands in (stands_low, stands_high)]
    is_final = stands_low == stands_high
    return Estimate(
        quantity=quantity,
        unit="people-decision/year",
        value=gap.value * decisions * (stands_low + stands_high) / 2,
        low=min(corners),
        high=max(corners),
        interval="confidence" if is_final else "range",
        n=gap.estimate.n,
        clusters=gap.estimate.clusters,
        group=about,
        reference=gap.estimate.reference,
        method=f"the figure per decision x {decisions:,.0f} decisions a year about the group"
        + ("" if is_final else " x the declared range of outputs that stand; corners of both ranges"),
        note=_note(conditions),
        facts=Facts(conditions=conditions),
    )


def decisions_about(deployment: Deployment, system: System, attribute: str, group: str) -> tuple[float | None, str]:
    """Decisions a year about members of a group, or None and what is not declared.

    The volume is split over the reached populations by their reach, and within each by the declared share.
    """
    if not isinstance(deployment.volume, int | float):
        return None, f"its volume is {_unanswered(deployment.volume)}"
    if not deployment.reach:
        return None, "whom it reaches is not declared"
    if any(people == "unknown" for people in deployment.reach.values()):
        return None, "its reach is unknown"
    total = sum(people for people in deployment.reach.values() if people != "unknown")
    if total <= 0:
        return None, "its declared reach is 0"
    decisions = 0.0
    for name, people in deployment.reach.items():
        population = system.population(name)
        shares = population.groups.get(attribute) if population else None
        if not isinstance(shares, Mapping):
            return None, f"the shares of '{attribute}' in population {name} are {_unanswered(shares)}"
        if group not in shares:
            return None, f"population {name} declares no share of '{group}' ({attribute}: {', '.join(shares)})"
        decisions += float(deployment.volume) * float(people) / total * shares[group]
    return decisions, ""


def standing(deployment: Deployment) -> tuple[float, float, str]:
    """The range of the share of outputs that stand, and the condition in words."""
    override = deployment.human_override
    if isinstance(override, tuple):
        share = f"{100 * override[0]:g} to {100 * override[1]:g} %"
        words = (
            f"people overturn {share} of outputs, alike for all groups, and decide those anew without regard to the "
            "group"
        )
        return 1 - override[1], 1 - override[0], words
    if override == "none":
        return 1.0, 1.0, f"{FINAL} (declared)"
    return 1.0, 1.0, f"{FINAL} (how often a person overturns it is {_unanswered(override)})"


def _unanswered(answer: object) -> str:
    return "unknown" if answer == "unknown" else "not declared"
