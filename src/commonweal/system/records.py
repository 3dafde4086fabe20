"""The declared sociotechnical system, as frozen records.

Nothing here reads a file or measures anything: these classes say what can be declared, with units and ranges.
Three answers stay apart everywhere: ``none`` (there is none), ``unknown`` (nobody could find out) and
empty (nobody has answered).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Answer = Literal["none", "unknown"]
Amount = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Fact = str | bool | int | float | tuple[str, ...] | None

AssetKind = Literal["dataset", "model", "adapted_model", "application"]
Stage = Literal["creation", "curation", "training", "adaptation", "deployment"]
Release = Literal["closed", "api", "open_weights", "open"]
Relation = Literal["trained_on", "adapted_from", "serves", "evaluated_on", "feeds_back"]
Role = Literal["data creator", "curator", "provider", "adapter", "deployer", "user", "affected", "regulator"]
DecisionRight = Literal[
    "data", "labels", "training", "weights", "release", "adaptation",
    "prompt", "decision_rule", "deployment", "oversight", "recourse",
]  # fmt: skip

DEFAULT_STAGE: Mapping[AssetKind, Stage] = {
    "dataset": "curation",
    "model": "training",
    "adapted_model": "adaptation",
    "application": "deployment",
}


class Record(BaseModel):
    """A frozen record; a field that is not declared here is an error, never silently dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


class Actor(Record):
    """A person, firm or institution that decides, uses or is affected."""

    id: Identifier = Field(description="short name used elsewhere in the file")
    name: Text = Field(description="who this is, in words")
    roles: tuple[Role, ...] = Field(min_length=1, description="what the actor does in this system")
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | Answer | None = Field(
        default=None, description="ISO 3166 code of the law it answers to, such as FR or US-CA"
    )
    contact: str | None = Field(default=None, description="where a harmed person can write; `none` if there is no such place")
    decision_rights: tuple[DecisionRight, ...] | Answer | None = Field(
        default=None, description="what this actor may change about its own assets"
    )


class Population(Record):
    """A group of people whom the system reaches."""

    id: Identifier = Field(description="short name used elsewhere in the file")
    definition: Text = Field(description="who these people are, in words")
    size: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | Literal["unknown"] | None = Field(
        default=None, description="number of people [people]"
    )
    groups: Mapping[str, Mapping[str, Share] | Literal["unknown"]] = Field(
        default_factory=dict, description="attribute -> group -> share of the population; shares of one attribute sum to 1"
    )
    source: str | None = Field(default=None, description="where size and shares come from")

    @model_validator(mode="after")
    def shares_sum_to_one(self) -> Self:
        for attribute, shares in self.groups.items():
            if shares == "unknown":
                continue
            total = sum(shares.values())
            if not shares or abs(total - 1.0) > 0.005:
                raise ValueError(f"the shares of '{attribute}' sum to {total:.3f}, expected 1; add the group that is missing")
        return self


class DecisionRule(Record):
    """How the application turns a score into an outcome. Exactly one of the two."""

    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        default=None, description="favourable where the score (log-odds of the favourable answer) exceeds this [nat]"
    )
    top_share: Annotated[float, Field(gt=0.0, lt=1.0)] | None = Field(
        default=None, description="favourable for this share of the pool, highest scores first"
    )

    @model_validator(mode="after")
    def exactly_one(self) -> Self:
        if (self.threshold is None) == (self.top_share is None):
            raise ValueError("give exactly one of `threshold` and `top_share`")
        return self


class Prompt(Record):
    """An application that asks its model to choose between named options."""

    template: Text = Field(description="text with one {slot} where the input goes")
    options: Mapping[str, Text] = Field(min_length=2, description="option -> the continuation whose probability is scored")
    favourable: str = Field(description="the option that the person affected would want")
    decide: DecisionRule = Field(default=DecisionRule(threshold=0.0), description="how the score becomes a decision")

    @model_validator(mode="after")
    def favourable_is_an_option(self) -> Self:
        if self.favourable not in self.options:
            raise ValueError(f"favourable '{self.favourable}' is not among the options: {', '.join(self.options)}")
        if len(set(self.options.values())) < len(self.options):
            raise ValueError("two options have the same continuation, so they cannot be told apart")
        return self


class Outcome(Record):
    """What an HTTP or Python application answers, and which answer is favourable."""

    favourable: Text = Field(description="the decision that the person affected would want")
    decide: DecisionRule | None = Field(default=None, description="how a score becomes a decision; not needed if it answers one")
    timeout_s: Annotated[float, Field(gt=0.0, le=3600.0)] = Field(default=30.0, description="longest wait for one answer [s]")


class Asset(Record):
    """A dataset, model, adapted model or application."""

    id: Identifier = Field(description="short name used elsewhere in the file")
    kind: AssetKind = Field(description="what it is")
    actor: Identifier | Literal["unknown"] | None = Field(default=None, description="the actor who decides about it")
    stage: Stage | None = Field(default=None, description="stage of the life cycle; by default the usual one of its kind")
    release: Release | Answer | None = Field(default=None, description="who can get at it")
    locator: str | None = Field(
        default=None,
        description="where it is: embedded:NAME, a folder or .gguf file, hf:ORG/NAME, http(s)://…, python:module:function",
    )
    prompt: Prompt | None = Field(default=None, description="for an application: the question put to the model it is served by")
    outcome: Outcome | None = Field(default=None, description="for an application at http(s):// or python: what it answers")
    probes: str | None = Field(
        default=None, description="probe set for audits: builtin:hiring, or a file beside the system file (docs/probes.md)"
    )
    declared: Mapping[str, Fact] = Field(
        default_factory=dict, description="facts about it; `none`, `unknown` and empty are three different answers"
    )

    @model_validator(mode="after")
    def fields_fit_the_kind(self) -> Self:
        if self.kind != "application" and (self.prompt or self.outcome or self.probes):
            raise ValueError(f"`prompt`, `outcome` and `probes` belong to applications; this is a {self.kind}")
        if self.prompt and self.locator:
            raise ValueError("an application is either a `prompt` on its model or at a `locator`, not both")
        return self

    @property
    def life_stage(self) -> Stage:
        return self.stage or DEFAULT_STAGE[self.kind]


class Dependency(Record):
    """One asset is made from, served by or fed by another."""

    upstream: Identifier = Field(description="asset that is used")
    downstream: Identifier = Field(description="asset that uses it")
    relation: Relation = Field(description="how")
    share: Share | Literal["unknown"] | None = Field(default=None, description="share of the downstream asset that comes from upstream")


class Stake(Record):
    """A benefit or a burden, and who has it."""

    population: Identifier = Field(description="who has it")
    what: Text = Field(description="in words")
    group: Mapping[str, str] | None = Field(default=None, description="the part of the population, such as {gender: women}")


class Deployment(Record):
    """An application in use somewhere, on someone."""

    application: Identifier = Field(description="the application that is deployed")
    id: Identifier | None = Field(default=None, description="short name; by default the application's, with a number from the second on")
    context: str | None = Field(default=None, description="what it decides about, such as employment, credit, housing, health")
    grid: str | None = Field(default=None, description="electricity grid: ISO 3166 alpha-3 country code, or `unknown`")
    volume: Amount | Literal["unknown"] | None = Field(default=None, description="decisions a year [task/year]")
    reach: Mapping[str, Amount | Literal["unknown"]] = Field(
        default_factory=dict, description="population -> people reached a year [people/year]"
    )
    human_override: tuple[Share, Share] | Answer | None = Field(
        default=None, description="lowest and highest share of outputs that a person overturns; `none` if the output is final"
    )
    alternative: str | None = Field(default=None, description="what it replaces; `none` if nothing")
    benefits: tuple[Stake, ...] = Field(default=(), description="who gains what")
    burdens: tuple[Stake, ...] = Field(default=(), description="who bears what")

    @model_validator(mode="after")
    def override_is_ordered(self) -> Self:
        if isinstance(self.human_override, tuple) and self.human_override[0] > self.human_override[1]:
            raise ValueError("human_override is [lowest, highest]; the first is larger than the second")
        return self

    @property
    def key(self) -> str:
        """Its id; the loader gives every deployment one."""
        return self.id or self.application


class System(Record):
    """The whole declared sociotechnical system. Ids are unique and references resolve (see loading)."""

    name: Text = Field(description="title of the system")
    actors: tuple[Actor, ...] = ()
    populations: tuple[Population, ...] = ()
    assets: tuple[Asset, ...] = Field(min_length=1, description="at least one")
    dependencies: tuple[Dependency, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    folder: str = Field(default=".", exclude=True, description="folder of the system file; set by the loader")

    def asset(self, asset_id: str) -> Asset:
        """The asset with this id; KeyError if there is none."""
        return next(asset for asset in self.assets if asset.id == asset_id) if self.has_asset(asset_id) else _missing(asset_id)

    def has_asset(self, asset_id: str) -> bool:
        return any(asset.id == asset_id for asset in self.assets)

    def actor(self, actor_id: str | None) -> Actor | None:
        return next((actor for actor in self.actors if actor.id == actor_id), None)

    def population(self, population_id: str) -> Population | None:
        return next((population for population in self.populations if population.id == population_id), None)

    def deployments_of(self, asset_id: str) -> tuple[Deployment, ...]:
        return tuple(deployment for deployment in self.deployments if deployment.application == asset_id)


def _missing(asset_id: str) -> Asset:
    raise KeyError(asset_id)
