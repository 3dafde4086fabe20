"""Evidence: what was found, in which unit, how sure, by which method, from which input.

One row per (measure, subjects, quantity, group). A row without a number says why there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from commonweal.units import is_unit

Basis = Literal["measured", "modelled", "declared", "reported", "elicited", "propagated", "simulated"]
Status = Literal["ok", "not_applicable", "skipped", "failed"]
IntervalKind = Literal["confidence", "uncertainty", "range"]
Verdict = Literal["found", "not_judged", "not_shown", "described", "not_measured"]
Grade = Literal["measured", "literature", "expert", "assumed"]
QuantityRole = Literal[
    "favourable_rate_gap",
    "favourable_rate_ratio",
    "excess_flips",
    "decision_energy",
    "decision_energy_beside_baseline",
    "baseline_gain_share",
    "baseline_decision_energy",
    "baseline_training_energy",
    "mitigation_energy_ratio",
]
End = Literal["intrinsic", "extrinsic"]
StatementPart = Literal["ledger", "read_here", "costs"]


UNJUDGED = (
    "it was asked, and what came back cannot be judged: unread, unvarying or too little; neither a gap nor the lack "
    "of one"
)


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Facts(Row):
    """What the words of a row say that others must know, so that no words are read for it.

    What nobody told is unknown.
    """

    headline: str = Field(default="", description="the sentence of the finding that rests on this row")
    conditions: tuple[str, ...] = Field(default=(), description="what the number holds under")
    grade: Grade | None = Field(
        default=None, description="how the weakest of the declared numbers that it rests on is known"
    )
    sources: tuple[str, ...] = Field(
        default=(), description="of the declared numbers that it rests on, where its note names them"
    )
    remark: str | None = Field(
        default=None, description="its note without grade and sources, where the note begins with them"
    )
    reasons: tuple[str, ...] = Field(default=(), description="of a missing number: each thing that it lacks")
    lacks: str = Field(
        default="", description="of a missing number: what it needs, in the same words for all measures that do"
    )
    remarks: tuple[str, ...] = Field(
        default=(), description="what the subject says about its answers, alike for all numbers that rest on them"
    )
    option: str = Field(default="", description="of a missing number: what to add to the command to measure it")


class Estimate(Row):
    """A number with everything a reader needs to judge it.

    `low` and `high` bound an interval of the stated kind; a complete count has low = value = high and kind
    `range`. `group` is who the number is about, `reference` whom they are compared with. `null` is the value
    that would mean "no effect"; a row that has one is a hypothesis of its measure. `minimum_detectable` is the
    smallest effect that this design finds with power 0.8 at alpha 0.05, in the same unit.
    """

    quantity: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    unit: str
    value: float
    low: float | None = None
    high: float | None = None
    level: float = Field(default=0.95, gt=0.0, lt=1.0)
    interval: IntervalKind | None = None
    n: int = Field(ge=1, description="items that entered")
    clusters: int | None = Field(default=None, ge=1, description="units that were really sampled")
    p_value: float | None = Field(default=None, gt=0.0, le=1.0)
    p_adjusted: float | None = Field(default=None, gt=0.0, le=1.0)
    method: str
    group: Mapping[str, str] | None = None
    reference: Mapping[str, str] | None = None
    null: float | None = None
    minimum_detectable: float | None = Field(default=None, ge=0.0)
    note: str = Field(default="", exclude=True, description="what a reader must know; becomes the evidence row's note")
    basis: Basis | None = Field(default=None, exclude=True, description="overrides the measure's basis for this row")
    facts: Facts | None = Field(default=None, exclude=True, description="become the evidence row's")

    @field_validator("unit")
    @classmethod
    def unit_is_known(cls, unit: str) -> str:
        if not is_unit(unit):
            raise ValueError(f"unknown unit '{unit}'; units are a closed set (commonweal/units.py)")
        return unit

    @model_validator(mode="after")
    def interval_is_whole(self) -> Self:
        bounds = (self.low, self.high, self.interval)
        if any(part is None for part in bounds) and any(part is not None for part in bounds):
            raise ValueError("low, high and interval kind come together")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self

    @property
    def excludes_null(self) -> bool:
        """Whether the interval lies wholly on one side of `null`; False where either is absent."""
        if self.null is None or self.low is None or self.high is None:
            return False
        return self.low > self.null or self.high < self.null


class Missing(Row):
    """A quantity for which a measure has no number, and why. A measure yields it in the place of an Estimate."""

    quantity: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    status: Literal["not_applicable", "skipped", "failed"]
    reason: str = Field(min_length=1)
    group: Mapping[str, str] | None = None
    reference: Mapping[str, str] | None = None
    unjudged: bool = Field(default=False, description=UNJUDGED)
    facts: Facts | None = Field(default=None, exclude=True, description="become the evidence row's")


class Provenance(Row):
    """Where a row comes from."""

    source: str = Field(description="citation of the method")
    measure: str
    version: int = Field(ge=1)
    inputs: Mapping[str, str] = Field(default_factory=dict, description="input -> hash")
    seed: int | None = None
    device: str | None = None
    told: Mapping[str, str] = Field(
        default_factory=dict, description="what a server said of the model behind it; not checked"
    )
    started: str = Field(description="UTC, ISO 8601")
    duration_s: float = Field(ge=0.0)
    allowed: tuple[str, ...] = Field(
        default=(), description="what the person who ran it allowed: code, network, download, read"
    )
    options: Mapping[str, str] = Field(default_factory=dict)


class Evidence(Row):
    """One row: a finding, or the reason why there is none."""

    id: str
    subjects: tuple[str, ...] = Field(min_length=1)
    measure: str
    basis: Basis
    status: Status
    estimate: Estimate | None = None
    missing: Missing | None = Field(
        default=None, description="which number is missing, where one quantity of a measure is"
    )
    unjudged: bool = Field(default=False, description=UNJUDGED)
    needs: tuple[str, ...] = Field(
        default=(), description="flags by which the person who runs it would allow what it lacks"
    )
    note: str = ""
    facts: Facts | None = Field(
        default=None, description="None: nobody told more than the note, as in rows of earlier versions"
    )
    provenance: Provenance
    derived_from: tuple[str, ...] = ()

    @model_validator(mode="after")
    def a_row_has_a_number_or_a_reason(self) -> Self:
        if self.status == "ok" and self.estimate is None and not self.note:
            raise ValueError("an `ok` row without an estimate needs a note")
        if self.status != "ok" and not self.note:
            raise ValueError(f"a `{self.status}` row needs a reason in its note")
        if self.unjudged and self.status != "not_applicable":
            raise ValueError(f"a `{self.status}` row is not one that cannot be judged; that one is `not_applicable`")
        if self.status != "ok" and self.estimate is not None:
            raise ValueError(f"a `{self.status}` row carries no number")
        return self


class Quantity(Row):
    """One number that a measure yields: its unit, its plain name, and what it is good for."""

    unit: str
    label: str
    null: float | None = None
    about: str = ""
    role: QuantityRole | None = Field(
        default=None, description="what the assessment takes it for, whatever the measure is called"
    )


class ItemOutcome(Row):
    """A column of a measure's judged items by which two runs are compared, item by item (`Ledger` writes them)."""

    column: str
    label: str
    unit: str = "1"
    least: float | None = Field(default=None, description="smallest possible value; None: no bound")
    most: float | None = Field(default=None, description="largest possible value; None: no bound")
    null: float | None = Field(
        default=None, description="the mean of a system without a lean; farther from it is worse"
    )
    higher_is_better: bool | None = Field(default=None, description="None: neither direction is better by itself")
    parts: tuple[tuple[str, ...], ...] = Field(
        default=((),), description="columns by whose values the items are compared apart; (): all of them together"
    )
    groups: tuple[str, ...] = Field(default=(), description="columns between whose values there may be a gap")


class FigureChoice(Row):
    """A picture that a measure has of its own, in the place of one for each quantity."""

    kind: Literal["scatter", "break_even"]
    quantities: tuple[str, ...] = Field(
        description="scatter: what goes up, what goes along; break_even: P, f, S, N*, and the probability that N* is "
        "never reached"
    )
    point: str = Field(default="", description="scatter: what a point is")
    along: str = Field(default="", description="scatter: the name of the axis that goes along")
    diagonal: str = Field(default="", description="scatter: what it means that both are equal")


class GroupTable(Row):
    """The rates that are read side by side, a line for each group: what a measure prints in the place of its rows.

    Beside a rate Q stand its difference from the reference group, Q_difference, and its ratio to it, Q_ratio, where
    the measure has them.
    """

    rates: tuple[str, ...] = Field(description="quantities, in the order of the columns")
    short: Mapping[str, str] = Field(description="quantity -> the head of its column")
    against_most: Mapping[str, str] = Field(
        default_factory=dict, description="quantity -> the one that is its ratio to that of the highest group"
    )


class Method(Row):
    """How a measure works, for readers: printed in the dossier's methods and in docs/measures.md."""

    name: str
    title: str = Field(description="short name for headings")
    summary: str = Field(description="the quantity in one sentence")
    source: str
    version: int
    cluster: str
    family: str = Field(default="", description="the hypotheses that are tested together; empty: none is tested")
    applies_to: str
    end: End | None = Field(
        default=None,
        description="a model by itself (intrinsic) or an application in use (extrinsic); None: neither, or not told",
    )
    description: str
    quantities: Mapping[str, Quantity]
    warnings: tuple[str, ...] = ()
    units: tuple[str, ...] = Field(
        default=(),
        description="columns of its items that name the sampled unit, crossed where there are two; none: they tell it "
        "not",
    )
    outcomes: tuple[ItemOutcome, ...] = Field(
        default=(),
        description="what it makes of each item, by which two runs are compared; none: by the answers themselves",
    )
    figures: tuple[FigureChoice, ...] = ()
    group_table: GroupTable | None = Field(
        default=None, description="how its rates are printed, a line for each group; None: its rows are printed"
    )
    statement_part: StatementPart | None = Field(
        default=None, description="the part of the carbon statement that shows its rows; None: none does, or not told"
    )


class Reach(Row):
    """A place downstream of a finding, and whether it was measured there."""

    target: str
    kind: Literal["asset", "deployment", "population"]
    measured_here: bool
    people_per_year: float | None = Field(default=None, description="None: unknown, never 0")
    evidence: str = Field(description="id of the propagated row")


class Mender(Row):
    """An actor upstream (or at the place itself) who could mend a finding, and by which decision right."""

    asset: str
    actor: str | None
    name: str
    steps_upstream: int
    rights: tuple[str, ...] = Field(description="declared decision rights that bear on it; empty: none declared")
    note: str = ""


class NotShown(Row):
    """What a text of `not_shown` is about."""

    kind: Literal["comparison", "intersections", "not_measured"]
    attribute: str = Field(default="", description="by which attribute groups were compared; empty: by none")


class Finding(Row):
    """What one measure says about one subject, in words, with the evidence ids it rests on."""

    id: str
    measure: str
    subject: str
    title: str
    verdict: Verdict
    headline: str
    details: tuple[str, ...] = ()
    in_short: str = Field(
        default="", description="a headline without a number, in the words that others which lack the same have too"
    )
    not_shown: tuple[str, ...] = ()
    not_shown_about: tuple[NotShown, ...] = Field(
        default=(), description="for each text of `not_shown`; empty: not told"
    )
    not_judged: tuple[str, ...] = Field(
        default=(), description="what was asked and cannot be judged, each with the reason"
    )
    conditions: tuple[str, ...] = ()
    evidence: tuple[str, ...]
    reach: tuple[Reach, ...] = ()
    people: str = Field(default="", description="whom it reaches, where that stands elsewhere than in `reach`")
    menders: tuple[Mender, ...] = ()


class BothEnds(Row):
    """A model and an application on it that were both measured: side by side, which shows no cause."""

    model: str
    application: str
    chapter: str
    intrinsic: tuple[str, ...] = Field(description="ids of the findings about the model by itself")
    extrinsic: tuple[str, ...] = Field(description="ids of the findings about the application")
    shared_groups: int = Field(ge=0, description="most groups that have a number of one quantity at both ends")
    correlations: tuple[str, ...] = Field(
        default=(), description="ids of correlations over 8 groups or more; empty: none was taken"
    )


class Scoring(Row):
    """How near the scoring of a model came to the least arithmetic that its answers need."""

    model: str
    share: float = Field(gt=0, description="of the arithmetic bound [%]")
    n: int = Field(ge=1, description="distinct tokens that were read")
    seconds: float
    rate_gflop_s: float = Field(description="best rate of matrix products on this machine [GFLOP/s]")
    method: str


class Run(Row):
    """What a reader needs to repeat a run."""

    version: str
    command: str
    started: str
    duration_s: float
    seed: int
    device: str
    machine: str
    allowed: tuple[str, ...] = ()
    options: Mapping[str, str] = Field(default_factory=dict)
    questions: tuple[str, ...] = Field(
        default=(), description="what the system file leaves undeclared, unknown or unreachable"
    )
    system_file: str = ""
    system_hash: str = ""
    unfit: tuple[str, ...] = Field(
        default=(),
        description="what lay in the folder and did not fit its seal, or had none, and what was done about it",
    )
    scoring: tuple[Scoring, ...] = Field(
        default=(), description="the speed of local models, where they scored for some seconds"
    )
