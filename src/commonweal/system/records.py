"""The declared sociotechnical system, as frozen records.

Nothing here reads a file or measures anything: these classes say what can be declared, with units and ranges.
Three answers stay apart everywhere: ``none`` (there is none), ``unknown`` (nobody could find out) and
empty (nobody has answered).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from commonweal.system.decisions import Outcome, Prompt
from commonweal.system.fields import (
    Answer,
    Identifier,
    Income,
    Jurisdiction,
    LifetimeTasks,
    NumberFormat,
    Override,
    Reach,
    ReachAnswer,
    Record,
    Share,
    Shares,
    Size,
    Text,
    Volume,
)
from commonweal.system.footprints import Making, Mitigation, Offset, Valuation
from commonweal.system.prediction_columns import PredictionColumns
from commonweal.system.uncertain import Uncertain
from commonweal.system.wording import Means, shown
from commonweal.units import is_money

_One = TypeVar("_One")
Fact = str | bool | int | float | tuple[str, ...] | None
FactField = Annotated[Fact, Means("text, a number, true or false, or a list of texts")]

AssetKind = Literal["dataset", "model", "adapted_model", "application"]
Stage = Literal["creation", "curation", "training", "adaptation", "deployment"]
Release = Literal["closed", "api", "open_weights", "open"]
CARRYING: tuple[str, ...] = (
    "serves",
    "adapted_from",
    "trained_on",
)  # relations by which the cost of making is carried on
Relation = Literal["trained_on", "adapted_from", "serves", "evaluated_on", "feeds_back"]
Role = Literal["data creator", "curator", "provider", "adapter", "deployer", "user", "affected", "regulator"]
DecisionRight = Literal[
    "data",
    "labels",
    "training",
    "weights",
    "release",
    "adaptation",
    "prompt",
    "decision_rule",
    "deployment",
    "oversight",
    "recourse",
]

ELSEWHERE = ("openai", "predictions")  # locators of models whose weights are not opened here
# Fields of `System` that no file declares.
SET_BY_LOADER = frozenset({"folder", "file"})

DEFAULT_STAGE: Mapping[AssetKind, Stage] = {
    "dataset": "curation",
    "model": "training",
    "adapted_model": "adaptation",
    "application": "deployment",
}


# Published shares are rounded to two places: eight groups of 12.5 % written as 0.13 or 0.12 stay within this of 1.
SHARES_TOLERANCE = 0.0051


class Actor(Record):
    """A person, firm or institution that decides, uses or is affected."""

    id: Identifier = Field(description="short name used elsewhere in the file")
    name: Text = Field(description="who this is, in words")
    roles: tuple[Role, ...] = Field(min_length=1, description="what the actor does in this system")
    jurisdiction: Jurisdiction | Answer | None = Field(
        default=None, description="ISO 3166 code of the law it answers to, such as FR or US-CA"
    )
    contact: str | None = Field(
        default=None, description="where a harmed person can write; `none` if there is no such place"
    )
    decision_rights: tuple[DecisionRight, ...] | Answer | None = Field(
        default=None, description="what this actor may change about its own assets"
    )
    income: Income | None = Field(
        default=None, description="yearly income of one of its people, in the money of the value"
    )


class Population(Record):
    """A group of people whom the system reaches."""

    id: Identifier = Field(description="short name used elsewhere in the file")
    definition: Text = Field(description="who these people are, in words")
    size: Size | Literal["unknown"] | None = Field(default=None, description="number of people [people]")
    groups: Mapping[str, Shares | Literal["unknown"]] = Field(
        default_factory=dict,
        description="attribute -> group -> share of the population; shares of one attribute sum to 1",
    )
    income: Income | None = Field(default=None, description="yearly income of one of them, in the money of the value")
    source: str | None = Field(default=None, description="where size and shares come from")

    @field_validator("groups")
    @classmethod
    def shares_sum_to_one(cls, groups: Mapping[str, Any]) -> Mapping[str, Any]:
        for attribute, shares in groups.items():
            if shares == "unknown":
                continue
            total = sum(shares.values())
            if abs(total - 1.0) > SHARES_TOLERANCE:
                mend = (
                    "add the group that is missing"
                    if total < 1.0
                    else "lower the shares, or make each person count once"
                )
                raise ValueError(f"has shares of {shown(attribute)} that sum to {total:.3f}; expected 1; {mend}")
        return groups


class Asset(Record):
    """A dataset, model, adapted model or application."""

    id: Identifier = Field(description="short name used elsewhere in the file")
    kind: AssetKind = Field(description="what it is")
    actor: Identifier | Literal["unknown"] | None = Field(default=None, description="the actor who decides about it")
    stage: Stage | None = Field(
        default=None, description="stage of the life cycle; by default the usual one of its kind"
    )
    release: Release | Answer | None = Field(default=None, description="who can get at it")
    locator: str | None = Field(
        default=None,
        description="where it is: embedded:NAME, a folder or .gguf file, hf:ORG/NAME, openai:URL#MODEL, "
        "predictions:FILE, http(s)://…, python:module:function",
    )
    dtype: NumberFormat | None = Field(
        default=None,
        description="for a model that runs here: the number format that it is measured in; by default float32",
    )
    columns: PredictionColumns | None = Field(
        default=None,
        description="for a table of predictions: which of its columns hold what, where they have other names",
    )
    prompt: Prompt | None = Field(
        default=None, description="for an application: the question put to the model it is served by"
    )
    outcome: Outcome | None = Field(
        default=None, description="for an application at http(s):// or python: what it answers"
    )
    probes: str | None = Field(
        default=None,
        description="probe set for audits: builtin:hiring, or a file beside the system file (docs/probes.md)",
    )
    names_per_group: Annotated[int, Field(ge=2)] | None = Field(
        default=None,
        description="how many first names per group an audit uses; by default all that the probe file has in each",
    )
    making: tuple[Making, ...] = Field(default=(), description="energy and carbon of making it, stage by stage")
    lifetime_tasks: LifetimeTasks | None = Field(
        default=None,
        description="tasks that it will do in its whole life, for everyone who uses it; shares its making by use",
    )
    mitigations: tuple[Mitigation, ...] = Field(
        default=(), description="what was done, or not, to lower its energy and carbon"
    )
    offsets: tuple[Offset, ...] = Field(default=(), description="carbon paid for elsewhere; shown, never subtracted")
    declared: Mapping[str, FactField] = Field(
        default_factory=dict, description="facts about it; `none`, `unknown` and empty are three different answers"
    )

    @field_validator("prompt", "outcome", "probes", "names_per_group")
    @classmethod
    def belongs_to_applications(cls, value: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("kind")
        if value is not None and kind not in (None, "application"):
            raise ValueError(
                f"belongs to applications only; expected it on an asset of kind application, this is of kind {kind}"
            )
        return value

    @field_validator("dtype")
    @classmethod
    def belongs_to_models_that_run_here(cls, dtype: str | None, info: ValidationInfo) -> str | None:
        kind, scheme = info.data.get("kind"), (info.data.get("locator") or "").partition(":")[0]
        if dtype is not None and (kind in ("dataset", "application") or scheme in ELSEWHERE):
            got = f"the locator begins with {scheme}:" if scheme in ELSEWHERE else f"this is of kind {kind}"
            raise ValueError(
                "belongs to models that are opened here; expected a model with a folder, .gguf, hf: or embedded:, "
                f"{got}"
            )
        return dtype

    @field_validator("columns")
    @classmethod
    def belongs_to_tables(cls, columns: PredictionColumns | None, info: ValidationInfo) -> PredictionColumns | None:
        locator = info.data.get("locator") or ""
        if columns is not None and not locator.startswith("predictions:"):
            got = f"the locator is {shown(locator)}" if locator else "this asset has no locator"
            raise ValueError(f"belongs to tables of predictions; expected a locator predictions:FILE, {got}")
        return columns

    @field_validator("prompt")
    @classmethod
    def prompt_or_locator(cls, prompt: Prompt | None, info: ValidationInfo) -> Prompt | None:
        if prompt is not None and info.data.get("locator"):
            raise ValueError(
                "is given beside `locator`; expected one of the two: a prompt on its model, or a place where it answers"
            )
        return prompt

    @property
    def stages(self) -> Mapping[str, Making]:
        """The stages of making by name; where a stage is there several times, with a number: `adaptation 2`."""
        several, so_far = Counter(one.stage for one in self.making), Counter[str]()
        found = {}
        for one in self.making:
            so_far[one.stage] += 1
            found[one.stage if several[one.stage] == 1 else f"{one.stage} {so_far[one.stage]}"] = one
        return found

    @property
    def life_stage(self) -> Stage:
        return self.stage or DEFAULT_STAGE[self.kind]


class Dependency(Record):
    """One asset is made from, served by or fed by another."""

    upstream: Identifier = Field(description="asset that is used")
    downstream: Identifier = Field(description="asset that uses it")
    relation: Relation = Field(description="how")
    share: Share | Literal["unknown"] | None = Field(
        default=None, description="share of the downstream asset that comes from upstream"
    )
    allocated: Share | Literal["unknown"] | None = Field(
        default=None, description="share of what making the upstream asset took that the downstream one carries"
    )

    @model_validator(mode="after")
    def carries_what_it_says(self) -> Self:
        if self.allocated is not None and self.relation not in CARRYING:
            raise ValueError(
                f"has `allocated` with the relation {self.relation}, by which nothing is carried; expected it with "
                f"{', '.join(CARRYING)}"
            )
        return self


class Stake(Record):
    """A benefit or a burden, who has it, and what it is worth where somebody can say so."""

    population: Identifier | None = Field(default=None, description="who has it: people")
    actor: Identifier | None = Field(default=None, description="who has it, where it is an actor")
    what: Text = Field(description="in words")
    group: Mapping[str, str] | None = Field(
        default=None, description="the part of the population, such as {gender: women}"
    )
    worth: Uncertain | Literal["unknown"] | None = Field(
        default=None,
        description="in money, always above 0: per task (USD2020/task), per year (USD2020/year) or once (USD2020)",
    )

    @model_validator(mode="after")
    def somebody_has_it(self) -> Self:
        if (self.population is None) == (self.actor is None):
            raise ValueError("must say who has it: `population` or `actor`, one of the two")
        if isinstance(self.worth, Uncertain) and (not is_money(self.worth.unit) or self.worth.ends[0] < 0):
            raise ValueError(
                f"has a worth of {self.worth.ends[0]:g} {self.worth.unit}; expected money, not below 0, such as "
                "USD2020/task: what is bad for people stands under `burdens`"
            )
        if self.actor is not None and self.group is not None:
            raise ValueError("has a `group` of an actor; expected it with a population")
        return self


class Deployment(Record):
    """An application in use somewhere, on someone."""

    application: Identifier = Field(description="the application that is deployed")
    id: Identifier | None = Field(
        default=None, description="short name; by default the application's, with a number from the second on"
    )
    context: str | None = Field(
        default=None, description="what it decides about, such as employment, credit, housing, health"
    )
    grid: str | None = Field(default=None, description="electricity grid: ISO 3166 alpha-3 country code, or `unknown`")
    volume: Volume | Literal["unknown"] | None = Field(default=None, description="decisions a year [task/year]")
    reach: Mapping[str, Reach | ReachAnswer] = Field(
        default_factory=dict, description="population -> people reached a year [people/year]"
    )
    human_override: Override | Answer | None = Field(
        default=None,
        description="lowest and highest share of outputs that a person overturns; `none` if the output is final",
    )
    alternative: str | None = Field(default=None, description="what it replaces; `none` if nothing")
    value: Valuation | None = Field(default=None, description="how its value is reckoned: money, prices, years")
    benefits: tuple[Stake, ...] | Literal["none", "unknown"] = Field(
        default=(), description="who gains what; `none` if nobody does, `unknown` if nobody knows"
    )
    burdens: tuple[Stake, ...] | Literal["none", "unknown"] = Field(
        default=(),
        description="who bears what, beside electricity and carbon; `none` if nobody does, `unknown` if nobody knows",
    )

    @field_validator("reach", mode="before")
    @classmethod
    def nobody_is_zero(cls, reach: object) -> object:
        """`none` says that nobody is reached: a declared 0, unlike `unknown`."""
        return (
            {name: 0.0 if people == "none" else people for name, people in reach.items()}
            if isinstance(reach, Mapping)
            else reach
        )

    @field_validator("human_override")
    @classmethod
    def override_is_ordered(cls, override: object) -> object:
        if isinstance(override, tuple) and override[0] > override[1]:
            raise ValueError("has a first number larger than the second; expected [lowest, highest]")
        return override

    @property
    def key(self) -> str:
        """Its id; the loader gives every deployment one."""
        return self.id or self.application


class System(Record):
    """The whole declared sociotechnical system.

    Nothing here checks that ids are unique or that references resolve: `loading` does, where it can name the line.
    """

    name: Text = Field(description="title of the system")
    actors: tuple[Actor, ...] = ()
    populations: tuple[Population, ...] = ()
    assets: tuple[Asset, ...] = Field(min_length=1, description="at least one")
    dependencies: tuple[Dependency, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    folder: str = Field(default=".", exclude=True, description="folder of the system file; set by the loader")
    file: SkipJsonSchema[str] = Field(
        default="", exclude=True, description="name of the system file; set by the loader"
    )

    @cached_property
    def _assets_by_id(self) -> Mapping[str, Asset]:
        return {asset.id: asset for asset in self.assets}

    @cached_property
    def _actors_by_id(self) -> Mapping[str, Actor]:
        return {actor.id: actor for actor in self.actors}

    @cached_property
    def _populations_by_id(self) -> Mapping[str, Population]:
        return {population.id: population for population in self.populations}

    @cached_property
    def _deployments_by_key(self) -> Mapping[str, Deployment]:
        return {deployment.key: deployment for deployment in self.deployments}

    @cached_property
    def _deployments_by_application(self) -> Mapping[str, tuple[Deployment, ...]]:
        return _grouped((deployment.application, deployment) for deployment in self.deployments)

    @cached_property
    def _dependencies_by_upstream(self) -> Mapping[str, tuple[Dependency, ...]]:
        return _grouped((edge.upstream, edge) for edge in self.dependencies)

    @cached_property
    def _dependencies_by_downstream(self) -> Mapping[str, tuple[Dependency, ...]]:
        return _grouped((edge.downstream, edge) for edge in self.dependencies)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy whose look-ups are built anew, since `update` may replace the records."""
        copied = super().model_copy(update=update, deep=deep)
        for lookup in LOOKUPS:
            copied.__dict__.pop(lookup, None)
        return copied

    def asset(self, asset_id: str) -> Asset:
        """The asset with this id; KeyError if there is none."""
        return self._assets_by_id[asset_id]

    def has_asset(self, asset_id: str) -> bool:
        return asset_id in self._assets_by_id

    def actor(self, actor_id: str | None) -> Actor | None:
        return None if actor_id is None else self._actors_by_id.get(actor_id)

    def population(self, population_id: str) -> Population | None:
        return self._populations_by_id.get(population_id)

    def deployment(self, key: str) -> Deployment | None:
        return self._deployments_by_key.get(key)

    def deployments_of(self, asset_id: str) -> tuple[Deployment, ...]:
        """The deployments of an application, in the order of the file."""
        return self._deployments_by_application.get(asset_id, ())

    def dependencies_from(self, asset_id: str) -> tuple[Dependency, ...]:
        """The dependencies by which other assets use this one."""
        return self._dependencies_by_upstream.get(asset_id, ())

    def dependencies_of(self, asset_id: str) -> tuple[Dependency, ...]:
        """The dependencies by which this asset uses others."""
        return self._dependencies_by_downstream.get(asset_id, ())


LOOKUPS = tuple(name for name, member in vars(System).items() if isinstance(member, cached_property))


def _grouped(pairs: Iterable[tuple[str, _One]]) -> Mapping[str, tuple[_One, ...]]:
    """What has the same key together, in order."""
    found: dict[str, list[_One]] = {}
    for key, one in pairs:
        found.setdefault(key, []).append(one)
    return {key: tuple(several) for key, several in found.items()}
