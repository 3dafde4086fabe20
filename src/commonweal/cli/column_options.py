"""The options that say which columns of a table of predictions hold what; `measure` and `compare` share them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from commonweal.system.prediction_columns import PredictionColumns, columns_of_options

TruthColumn = Annotated[
    str | None,
    typer.Option(
        "--truth",
        metavar="COLUMN",
        help="Tables of predictions: the column of what was true, or a comparison such as label==1. Default: truth.",
    ),
]
PredictionColumn = Annotated[
    str | None,
    typer.Option(
        "--prediction",
        metavar="COLUMN",
        help="Tables: the column of what was predicted, or a comparison such as decile_score>=5 (in quotes). Default: "
        "prediction.",
    ),
]
ScoreColumn = Annotated[
    str | None, typer.Option("--score", metavar="COLUMN", help="Tables: a column of scores. Default: score.")
]
GroupColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--group", metavar="COLUMN", help="Tables: a column of groups. Can be repeated. Default: every group_…."
    ),
]
ClusterColumn = Annotated[
    str | None, typer.Option("--cluster", metavar="COLUMN", help="Tables: what was sampled together. Default: cluster.")
]
WeightColumn = Annotated[
    str | None,
    typer.Option("--weight", metavar="COLUMN", help="Tables: sampling weights. Default: a column that says so."),
]
ItemColumn = Annotated[
    str | None,
    typer.Option(
        "--item", metavar="COLUMN", help="Tables: the name of each row, by which two are joined. Default: item."
    ),
]
ReferenceGroups = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        metavar="ATTRIBUTE=GROUP",
        help="Tables: the group that the others are compared with, such as race=White. Can be repeated. Default: the "
        "group of the first row.",
    ),
]


def named_columns(  # noqa: PLR0913, PLR0917 - one parameter per option
    truth: str | None,
    prediction: str | None,
    score: str | None,
    groups: Sequence[str] | None,
    cluster: str | None,
    weight: str | None,
    references: Sequence[str] | None,
    item: str | None = None,
) -> PredictionColumns:
    """The columns that were named; OptionError where an option is not as it should be."""
    given: dict[str, object] = {"truth": truth, "prediction": prediction, "score": score, "item": item}
    given |= {"groups": tuple(groups or ()), "cluster": cluster, "weight": weight}
    return columns_of_options(given, tuple(references or ()))
