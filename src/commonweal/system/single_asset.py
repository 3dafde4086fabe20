"""A system of one asset, for a measure that is asked of one model or one file of predictions and of nothing else."""

from __future__ import annotations

from pathlib import Path

from commonweal.errors import OptionError
from commonweal.files.foreign_text import has_half
from commonweal.system.fields import NumberFormat
from commonweal.system.permissions import Permissions
from commonweal.system.prediction_columns import NO_COLUMNS, PredictionColumns
from commonweal.system.records import Asset, System

NOTHING_MORE = Permissions()
SCHEMES = ("embedded:", "hf:", "openai:")


def single_asset_system(
    model: str | None,
    predictions: Path | None,
    permissions: Permissions = NOTHING_MORE,
    dtype: NumberFormat | None = None,
    columns: PredictionColumns = NO_COLUMNS,
) -> tuple[System, Permissions]:
    """The system, and permission to read the path that was named; OptionError unless exactly one of the two is given.

    `dtype`: of a model that runs here, where it is not float32. `columns`: of a table of predictions, where they were
    named.

    >>> system, _ = single_asset_system("embedded:smollm2", None)
    >>> system.assets[0].locator
    'embedded:smollm2'
    """
    if (model is None) == (predictions is None):
        raise OptionError("give one of --model and --predictions: what is to be measured")
    if dtype is not None and (model is None or model.startswith("openai:")):
        raise OptionError(
            f"--dtype {dtype} is for a model that runs here; {model or predictions} was answered elsewhere, as it is"
        )
    if predictions is None and columns != NO_COLUMNS:
        raise OptionError(
            "--truth, --prediction, --score, --group, --cluster, --weight and --reference are about a table; give it "
            "with --predictions FILE"
        )
    reads: tuple[Path, ...]
    if predictions is not None:
        path = predictions.absolute()
        locator, name, reads = f"predictions:{path}", predictions.name, (path.parent,)
    elif model is not None and not model.startswith(SCHEMES):
        path = Path(model).expanduser().absolute()
        locator, name, reads = str(path), path.name, (path if path.is_dir() else path.parent,)
    else:
        locator, name, reads = str(model), str(model), ()
    if has_half(locator):
        raise OptionError(
            f"{locator}: the name of this file or folder is not UTF-8, and could not be written into a dossier; "
            "rename it"
        )
    asset = Asset(
        id="predictions" if predictions is not None else "model",
        kind="model",
        locator=locator,
        dtype=dtype,
        columns=None if columns == NO_COLUMNS else columns,
    )
    allowed = Permissions(permissions.code, permissions.network, permissions.download, (*permissions.read, *reads))
    return System(name=f"{name}{f' in {dtype}' if dtype else ''}, by itself", assets=(asset,)), allowed
