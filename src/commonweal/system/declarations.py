"""The facts that should be declared about an asset, and how each was answered.

The catalogue follows published lists of what makers of data, models and applications should tell; the wording is ours.
It says nothing about whether an answer is true or good. `none` (there is none), `unknown` (nobody could find out) and
empty (nobody has answered) are three different answers and are counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from commonweal.system.quantities import QuantityRange
from commonweal.system.records import Asset, AssetKind, Fact

FactType = Literal["text", "number", "choice"]
FactStatus = Literal["declared", "none", "unknown", "empty"]

DATASHEETS: Final = "Datasheets for Datasets (Gebru et al. 2021)"
MODEL_CARDS: Final = "Model Cards (Mitchell et al. 2019)"
FMTI: Final = "Foundation Model Transparency Index (Bommasani et al. 2023)"
GRAPHS: Final = "Ecosystem Graphs (Bommasani et al. 2023)"

DATASET: Final[tuple[AssetKind, ...]] = ("dataset",)
MODELS: Final[tuple[AssetKind, ...]] = ("model", "adapted_model")
APPLICATION: Final[tuple[AssetKind, ...]] = ("application",)
MADE: Final[tuple[AssetKind, ...]] = ("dataset", "model", "adapted_model")
ALL: Final[tuple[AssetKind, ...]] = ("dataset", "model", "adapted_model", "application")

UNIT_OF_SUFFIX: Final[Mapping[str, str]] = {"_kwh": "kWh", "_kg": "kgCO2e", "user_count": "people", "_count": "count"}
PLACEHOLDERS: Final = frozenset({"", "-", "?", "…", "...", "n/a", "na", "tbd", "todo"})


@dataclass(frozen=True, slots=True)
class DeclarableFact:
    """One fact that should be declared. `field`: it is a field of the record itself, not an entry under `declared`."""

    key: str
    label: str
    kinds: tuple[AssetKind, ...]
    why: str
    source: str
    type: FactType = "text"
    choices: tuple[str, ...] = ()
    field: bool = False

    @property
    def unit(self) -> str | None:
        """The unit of a number, read off the end of its key; None for a text.

        >>> fact("training_energy_kwh").unit
        'kWh'
        """
        if self.type != "number":
            return None
        return next(unit for suffix, unit in UNIT_OF_SUFFIX.items() if self.key.endswith(suffix))

    @property
    def quantity(self) -> QuantityRange | None:
        """How its number is read; None for a text."""
        return None if self.unit is None else QuantityRange(self.unit, low=0.0)


def _f(
    key: str, label: str, kinds: tuple[AssetKind, ...], why: str, source: str, type_: FactType = "text"
) -> DeclarableFact:
    return DeclarableFact(key, label, kinds, why, source, type_)


CATALOGUE: Final[tuple[DeclarableFact, ...]] = (
    DeclarableFact("actor", "who decides about it", ALL, "harm can only be mended by someone who is named", GRAPHS, field=True),
    DeclarableFact("release", "who can get at it", ALL, "decides who can inspect, adapt or withdraw it", GRAPHS, field=True),
    DeclarableFact("locator", "where it is", ALL, "what cannot be opened cannot be measured", GRAPHS, field=True),
    _f("license", "licence", MADE, "says what others may do with it", GRAPHS),
    _f("data_sources", "where the data come from", MADE, "behaviour is inherited from sources", f"{FMTI}, data"),
    _f("collection_period", "when the data were collected", DATASET, "old data describe an old world", f"{DATASHEETS}, collection"),
    _f("size", "how much data", DATASET, "needed to judge coverage and cost", f"{DATASHEETS}, composition"),
    _f("languages", "languages", MADE, "shows whose language is missing", f"{DATASHEETS}, composition"),
    _f("groups_represented", "which groups of people are in it", DATASET, "who is absent is served worst", f"{DATASHEETS}, composition"),
    _f("filtering", "what was removed, and how", DATASET, "filters remove some groups more than others", f"{DATASHEETS}, preprocessing"),
    _f("labour", "who made and annotated it at what pay", MADE, "work on data is often hidden and underpaid", f"{FMTI}, data labour"),
    _f("consent", "whether the people in it agreed", DATASET, "people may not know that they are in it", f"{DATASHEETS}, collection"),
    DeclarableFact(
        "personal_data", "whether it holds data about persons", ALL,
        "rights of access and deletion depend on it", f"{DATASHEETS}, composition", "choice", ("yes", "no"),
    ),
    _f("removal", "how a person's data can be taken out", DATASET, "a right without a way is no right", f"{DATASHEETS}, maintenance"),
    DeclarableFact(
        "parameter_count", "number of parameters", MODELS, "needed to estimate energy and to compare", f"{FMTI}, model basics", "number"
    ),
    _f("adaptation", "what was changed, and with which data", ("adapted_model",), "an adaptation can undo safeguards", GRAPHS),
    _f("hardware", "hardware of the training", MODELS, "needed to check energy", f"{FMTI}, compute"),
    _f("training_energy_kwh", "electricity of the training", MODELS, "the cost to everyone", f"{FMTI}, compute", "number"),
    _f("training_carbon_kg", "emissions of the training", MODELS, "the cost to everyone", f"{FMTI}, compute", "number"),
    _f("training_grid", "electricity grid of the training", MODELS, "turns electricity into emissions", f"{FMTI}, compute"),
    _f("terms", "terms of use", APPLICATION, "says what users agreed to", GRAPHS),
    _f("user_count", "number of users", APPLICATION, "scales every finding", f"{FMTI}, impact", "number"),
    _f("user_distribution", "where and who the users are", APPLICATION, "shows who bears the findings", f"{FMTI}, impact"),
    _f("intended_uses", "what it is for", ALL, "evaluations must fit the use", f"{MODEL_CARDS}, intended use"),
    _f("prohibited_uses", "what it must not be used for", ALL, "misuse can be refused only if named", f"{MODEL_CARDS}, intended use"),
    _f("evaluation", "how it was tested, with results", (*MODELS, "application"), "untested is not safe", f"{MODEL_CARDS}, metrics"),
    _f(
        "evaluation_by_group", "results apart for groups of people", (*MODELS, "application"),
        "an average hides who fails", f"{MODEL_CARDS}, quantitative analyses",
    ),
    _f("known_limitations", "what it is known to do badly", ALL, "those downstream can avoid it", f"{MODEL_CARDS}, caveats"),
    _f("notice", "how people learn that it decides about them", APPLICATION, "nobody can contest what they never see", f"{FMTI}, policy"),
    _f("decision_review", "who reviews its decisions, and when", APPLICATION, "an error needs someone who can stop it", f"{FMTI}, impact"),
    _f("recourse", "how a decision can be appealed", APPLICATION, "a harmed person needs a way back", f"{FMTI}, impact"),
    _f("monitoring", "how its use is watched", (*MODELS, "application"), "harm shows in use", GRAPHS),
    _f("incidents", "failures known so far", APPLICATION, "others can learn from them", f"{GRAPHS}, failures"),
    _f("contact", "where problems can be reported", ALL, "feedback must reach whoever can mend it", f"{FMTI}, feedback"),
)  # fmt: skip

BY_KEY: Final[Mapping[str, DeclarableFact]] = {one.key: one for one in CATALOGUE}


def fact(key: str) -> DeclarableFact:
    """The catalogue's entry; KeyError if there is none."""
    return BY_KEY[key]


def facts_of(kind: AssetKind) -> tuple[DeclarableFact, ...]:
    """What should be declared about an asset of this kind, in the order of the catalogue.

    >>> "consent" in {one.key for one in facts_of("dataset")}, "consent" in {one.key for one in facts_of("model")}
    (True, False)
    """
    return tuple(one for one in CATALOGUE if kind in one.kinds)


def status_of(value: Fact) -> FactStatus:
    """How a fact was answered; a placeholder such as `n/a` or `TODO` is no answer.

    >>> [status_of(value) for value in ("MIT", "None", "unknown", None, "n/a", 0, False, ())]
    ['declared', 'none', 'unknown', 'empty', 'empty', 'declared', 'declared', 'empty']
    """
    if value is None or value == ():
        return "empty"
    if not isinstance(value, str):
        return "declared"
    folded = value.strip().casefold()
    if folded in PLACEHOLDERS:
        return "empty"
    return "none" if folded == "none" else "unknown" if folded == "unknown" else "declared"


def declaration_status(asset: Asset) -> dict[str, FactStatus]:
    """How each fact of the catalogue was answered for an asset; a fact that is not in the file is `empty`.

    An application's `prompt` counts as its locator: it says where the answers come from.

    >>> status = declaration_status(Asset(id="m", kind="model", declared={"license": "MIT", "hardware": "unknown"}))
    >>> status["license"], status["hardware"], status["actor"]
    ('declared', 'unknown', 'empty')
    """
    fields: dict[str, Fact] = {"actor": asset.actor, "release": asset.release, "locator": asset.locator}
    if asset.prompt is not None:
        fields["locator"] = "prompt"
    return {
        one.key: status_of(fields[one.key] if one.field else asset.declared.get(one.key))
        for one in facts_of(asset.kind)
    }
