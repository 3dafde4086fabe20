"""What would stop a run, found before any weight is loaded and all at once; and how large a model is.

Nothing of the system is run here: no code is imported, no address is called, no weight is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from commonweal.errors import CommonwealError, PermissionRequired
from commonweal.models.applications.callable_application import find_module
from commonweal.models.applications.opening import MODELS, endpoint_of, locator_of, require_permission, serving_model
from commonweal.models.applications.prompt_application import slot_of
from commonweal.models.checks.model_check import check_model, weights_held
from commonweal.models.exchange.address import SCHEME, shown_url
from commonweal.models.hub import cached_snapshot
from commonweal.models.locators import check_sha256, locate_model
from commonweal.models.opening import NOTHING_ALLOWED, chosen_device
from commonweal.system.permissions import Permissions
from commonweal.system.records import Asset, System

LIBRARIES = ("torch", "transformers", "safetensors", "gguf")


@dataclass(frozen=True, slots=True)
class Problem:
    """What would keep a model or application from being asked; `flag`: what would allow it, where only leave is
    missing.
    """

    text: str
    flag: str = ""


def preflight_asset(asset: Asset, system: System, permissions: Permissions = NOTHING_ALLOWED) -> list[Problem]:
    """Every problem that would keep this model or application from being asked; empty if none was found."""
    folder = Path(system.folder)
    if asset.kind in MODELS:
        return _model_problems(asset, folder, permissions)
    if asset.kind != "application":
        return []
    problems: list[Problem] = []
    if asset.prompt is None:
        return _endpoint_problems(asset, folder, permissions)
    problems += _caught(lambda: slot_of(asset.prompt.template) if asset.prompt else None, f"asset '{asset.id}': ")
    try:
        served_by = serving_model(asset, system)
    except CommonwealError as error:
        return [*problems, _problem(error)]
    return [*problems, *_model_problems(served_by, folder, permissions)]


def device_problems(device: str) -> list[Problem]:
    """Why a model cannot be put on this device, if it cannot; a GPU is asked only where one was named."""
    if device in ("auto", "cpu"):
        return []
    if not re.fullmatch(r"cuda(:\d+)?|mps", device):
        return [Problem(f"--device: got '{device}'; expected auto, cpu, cuda, cuda:1 or mps")]
    return _caught(lambda: chosen_device(device), "--device: ")


def parameter_count(
    locator: str, *, folder: Path | str | None = ".", permissions: Permissions = NOTHING_ALLOWED
) -> int | None:
    """Number of weights, from the headers of the model's files; None where it is not on this machine or not
    readable.
    """
    try:
        located = locate_model(locator, None if folder is None else Path(folder), replace(permissions, download=False))
        return weights_held(located)
    except CommonwealError:
        return None


def _model_problems(asset: Asset, folder: Path, permissions: Permissions) -> list[Problem]:
    before = f"asset '{asset.id}': "
    if (asset.locator or "").startswith("predictions:"):
        return _caught(lambda: locate_model(locator_of(asset), folder, permissions), before)
    if (asset.locator or "").startswith(SCHEME):
        from commonweal.models.endpoint.openai_model import check_endpoint  # noqa: PLC0415 - brings in httpx, which few systems need

        return _caught(lambda: check_endpoint(asset.locator or "", permissions), before)
    problems = [
        Problem(f"{before}the library '{name}' is not installed. Install it with: pip install 'commonweal[models]'")
        for name in LIBRARIES
        if find_spec(name) is None
    ]
    try:
        if (
            (asset.locator or "").startswith("hf:")
            and permissions.download
            and cached_snapshot(asset.locator or "") is None
        ):
            return problems  # what is downloaded is checked when it is here
        found = locate_model(locator_of(asset), folder, permissions)
    except CommonwealError as error:
        return [*problems, _problem(error, before)]
    for check in (check_model, check_sha256) if found.form == "gguf" else (check_model,):
        problems += _caught(partial(check, found), before)
    return problems


def _endpoint_problems(asset: Asset, folder: Path, permissions: Permissions) -> list[Problem]:
    locator = asset.locator or ""
    problems = _caught(lambda: endpoint_of(asset))
    if locator.startswith("python:"):
        problems += _caught(lambda: find_module(locator, folder), f"asset '{asset.id}': ")
    elif locator.startswith(("http:", "https:")):
        problems += _caught(lambda: shown_url(locator), f"asset '{asset.id}': ")
    else:
        return problems
    return problems + _caught(lambda: require_permission(asset, permissions))


def _caught(check: Callable[[], object], before: str = "") -> list[Problem]:
    try:
        check()
    except CommonwealError as error:
        return [_problem(error, before)]
    return []


def _problem(error: CommonwealError, before: str = "") -> Problem:
    return Problem(
        before + str(error).removeprefix(before), error.flag if isinstance(error, PermissionRequired) else ""
    )
