"""The registry: one decorated function in one file is a measure.

A measure is a function whose first argument is what it applies to (a `LanguageModel`, a `DecisionApplication`, an
`Asset`, a `System`); the further arguments are what it needs, and `gather` hands them over by their type. It yields
`Estimate`s (or a `Missing` for one quantity that cannot be had), and raises `NotApplicable` or `MeasurementError` where
there is nothing to say. Its name is `<folder>.<function>`; a folder of the function's own name, where a measure keeps
its other files, is left out: `inequity/bbq/bbq.py` is `inequity.bbq`.

This module does not run anything and does not know what the numbers mean.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from commonweal import measures as package
from commonweal.errors import CommonwealError
from commonweal.evidence.records import (
    Basis,
    End,
    Estimate,
    FigureChoice,
    GroupTable,
    ItemOutcome,
    Method,
    Missing,
    Quantity,
    StatementPart,
)
from commonweal.measures.data_set import DataPlace
from commonweal.measures.foresight import Foreseen
from commonweal.models.predictions import PredictionTable
from commonweal.models.protocols import Chooser, DecisionApplication, LanguageModel
from commonweal.system.records import Asset, System

Measured = Callable[..., Iterator[Estimate | Missing]]
SUBJECTS: Mapping[type, str] = {
    LanguageModel: "model",
    Chooser: "model or file of answers",
    PredictionTable: "table of predictions",
    DecisionApplication: "application",
    Asset: "asset",
    System: "system",
}
ENDS: Mapping[type, End] = {LanguageModel: "intrinsic", Chooser: "intrinsic", DecisionApplication: "extrinsic"}
ENTRY_POINTS = "commonweal.measures"


Workload = Callable[..., Sequence[str]]
Foresight = Callable[..., Iterable[Foreseen]]


@dataclass(frozen=True, slots=True)
class MeasureSpec:
    """A registered measure."""

    function: Measured
    method: Method
    subject: type
    needs: Mapping[str, type]
    basis: Basis
    workload: Workload | None = None
    data: DataPlace | None = None
    on_request: bool = False
    foresee: Foresight | None = None

    @property
    def name(self) -> str:
        return self.method.name

    @property
    def chapter(self) -> str:
        return self.name.split(".")[0]


@dataclass(slots=True)
class Registry:
    """All measures by name, and the plug-ins that could not be loaded."""

    specs: dict[str, MeasureSpec] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


REGISTRY = Registry()


def measure(  # noqa: PLR0913 - one keyword per fact that a reader of the result needs
    *,
    source: str,
    cluster: str,
    family: str = "",
    version: int,
    quantities: Mapping[str, Quantity],
    basis: Basis = "measured",
    warnings: tuple[str, ...] = (),
    workload: Workload | None = None,
    foresee: Foresight | None = None,
    data: DataPlace | None = None,
    on_request: bool = False,
    units: tuple[str, ...] = (),
    outcomes: tuple[ItemOutcome, ...] = (),
    figures: tuple[FigureChoice, ...] = (),
    group_table: GroupTable | None = None,
    statement_part: StatementPart | None = None,
) -> Callable[[Measured], Measured]:
    """Register a function as a measure.

    Parameters
    ----------
    source : citation of the method.
    cluster : the unit that was really sampled, in words.
    family : the hypotheses that are tested together, fixed before the data, in words; needed where a quantity has a
        `null`.
    version : raise it when the numbers would change; what was measured with another version is measured again.
    quantities : every quantity that the measure may yield; a quantity with a `null` is a hypothesis, one with a `role`
        is what the assessment asks for.
    basis : of its rows, unless an estimate says otherwise.
    warnings : what its authors and critics say it does not show; printed beside the result.
    data : the published data set that it reads, which the person who runs it names; handed over as a `DataSet`.
    units : the labels of its requests that name the sampled unit, crossed where there are two; by them two runs are
        compared. Where the values of one are the groups of a design themselves, it was not sampled there and is left
        out.
    outcomes : columns of the items that it judges (`Ledger`), by which two runs are compared; else they are by the
        answers.
    figures : pictures of its own, in the place of one for each quantity.
    group_table : the rates that the terminal shows, a line for each group, in the place of all rows.
    statement_part : the part of the carbon statement that shows its rows.
    on_request : taken only when it is named, since it takes long; a run of all measures has a row that says so.
    workload : the texts that it will ask, for the time estimate; called with the arguments of the measure that it names
        by type.
    foresee : what it will be able to judge, for `commonweal check`; called likewise.
    """

    def register(function: Measured) -> Measured:
        parents = function.__module__.split(".")[:-1]
        if not parents:
            raise CommonwealError(
                f"measure {function.__name__}: the module '{function.__module__}' lies in no package, and its folder "
                "is the first half of the measure's name; put it in one, such as "
                f"'acme/inequity/{function.__name__}.py'"
            )
        chapter = parents[-2:][0] if parents[-1] == function.__name__ else parents[-1]
        name = f"{chapter}.{function.__name__}"
        hints = typing.get_type_hints(function)
        parameters = list(inspect.signature(function).parameters)
        if not parameters or hints.get(parameters[0]) not in SUBJECTS:
            known = ", ".join(kind.__name__ for kind in SUBJECTS)
            raise CommonwealError(f"measure {name}: the type of its first argument must be one of {known}")
        registered = REGISTRY.specs.get(name)
        if registered is not None and registered.function.__module__ != function.__module__:
            raise CommonwealError(
                f"measure {name} is registered twice: {registered.function.__module__}, {function.__module__}"
            )
        if not family and any(quantity.null is not None for quantity in quantities.values()):
            raise CommonwealError(
                f"measure {name}: a quantity with a null is a hypothesis; say with family=… which hypotheses are "
                "tested together"
            )
        description = inspect.getdoc(function)
        if not description:
            raise CommonwealError(
                f"measure {name}: {function.__name__} in {function.__module__} has no docstring; expected one whose "
                "first line says the quantity, its range and what no effect is: it is printed beside the numbers"
            )
        method = Method(
            name=name,
            title=function.__name__.replace("_", " ").capitalize(),
            summary=description.split("\n")[0],
            source=source,
            version=version,
            cluster=cluster,
            family=family,
            applies_to=SUBJECTS[hints[parameters[0]]],
            end=ENDS.get(hints[parameters[0]]),
            description=description,
            quantities=dict(quantities),
            warnings=warnings,
            units=units,
            outcomes=outcomes,
            figures=figures,
            group_table=group_table,
            statement_part=statement_part,
        )
        needs = {parameter: hints[parameter] for parameter in parameters[1:]}
        REGISTRY.specs[name] = MeasureSpec(
            function, method, hints[parameters[0]], needs, basis, workload, data, on_request, foresee
        )
        return function

    return register


def load_registry() -> Registry:
    """Import every measure of this package and of the plug-ins; a plug-in that cannot load is kept with its reason."""
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's plug-in may raise anything; it becomes a `failed` row
            REGISTRY.broken[point.name] = (
                f"plug-in '{point.name}' ({point.value}) cannot be loaded: {type(error).__name__}: {error}"
            )
    return REGISTRY
