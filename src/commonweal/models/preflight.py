"""What would stop a run, found before any weight is loaded and all at once; and how large a model is.

Nothing of the system is run here: no code is imported, no address is called, no weight is read.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from commonweal.errors import CommonwealError, LocatorError
from commonweal.models.applications import MODELS, endpoint_of, locator_of, require_permission, serving_model
from commonweal.models.callable_application import find_module
from commonweal.models.contents import weight_files
from commonweal.models.conversion import check_convertible
from commonweal.models.gguf_file import GGUFHeader, read_gguf_header
from commonweal.models.http_application import shown_url
from commonweal.models.hub import hub_name
from commonweal.models.locators import Located, check_sha256, locate_model
from commonweal.models.openai_model import SCHEME, check_endpoint
from commonweal.models.opening import NOTHING_ALLOWED, chosen_device
from commonweal.models.prompt_application import slot_of
from commonweal.system.permissions import Permissions
from commonweal.system.records import Asset, System

LIBRARIES = ("torch", "transformers", "safetensors", "gguf")


def preflight_asset(asset: Asset, system: System, permissions: Permissions = NOTHING_ALLOWED) -> list[str]:
    """Every problem that would keep this model or application from being asked; empty if none was found."""
    folder = Path(system.folder)
    if asset.kind in MODELS:
        return _model_problems(asset, folder, permissions)
    if asset.kind != "application":
        return []
    problems: list[str] = []
    if asset.prompt is None:
        return _endpoint_problems(asset, folder, permissions)
    problems += _caught(lambda: slot_of(asset.prompt.template) if asset.prompt else None, f"asset '{asset.id}': ")
    try:
        served_by = serving_model(asset, system)
    except CommonwealError as error:
        return [*problems, str(error)]
    return [*problems, *_model_problems(served_by, folder, permissions)]


def device_problems(device: str) -> list[str]:
    """Why a model cannot be put on this device, if it cannot; a GPU is asked only where one was named."""
    if device in ("auto", "cpu"):
        return []
    if not re.fullmatch(r"cuda(:\d+)?|mps", device):
        return [f"--device: got '{device}'; expected auto, cpu, cuda, cuda:1 or mps"]
    return _caught(lambda: chosen_device(device), "--device: ")


def parameter_count(locator: str, *, folder: Path | str | None = ".", permissions: Permissions = NOTHING_ALLOWED) -> int | None:
    """Number of weights, from the headers of the model's files; None where it is not on this machine or not readable."""
    try:
        located = locate_model(locator, None if folder is None else Path(folder), replace(permissions, download=False))
        if located.form == "gguf":
            return _header(located).parameters
        return _check_weights(located)
    except CommonwealError:
        return None


def _model_problems(asset: Asset, folder: Path, permissions: Permissions) -> list[str]:
    before = f"asset '{asset.id}': "
    if (asset.locator or "").startswith("predictions:"):
        return _caught(lambda: locate_model(locator_of(asset), folder, permissions), before)
    if (asset.locator or "").startswith(SCHEME):
        return _caught(lambda: check_endpoint(asset.locator or "", permissions), before)
    problems = [
        f"{before}the library '{name}' is not installed. Install it with: pip install 'commonweal[models]'"
        for name in LIBRARIES
        if find_spec(name) is None
    ]
    if (asset.locator or "").startswith("hf:") and permissions.download:
        return problems + _caught(partial(hub_name, asset.locator or ""), before)  # what is downloaded is checked when it is here
    try:
        found = locate_model(locator_of(asset), folder, permissions)
    except CommonwealError as error:
        return [*problems, before + str(error).removeprefix(before)]
    checks = (_check_layout, check_sha256) if found.form == "gguf" else (_check_weights,)
    for check in checks:
        problems += _caught(partial(check, found), before)
    return problems


def _check_layout(located: Located) -> None:
    check_convertible(_header(located))


def _header(located: Located) -> GGUFHeader:
    return read_gguf_header(located.path, sum(path.stat().st_size for path in located.files))


def _check_weights(located: Located) -> int:
    return sum(_safetensors_parameters(path) for path in weight_files(located.path))


def _endpoint_problems(asset: Asset, folder: Path, permissions: Permissions) -> list[str]:
    locator = asset.locator or ""
    problems = _caught(lambda: endpoint_of(asset))
    if locator.startswith("python:"):
        problems += _caught(lambda: find_module(locator, folder), f"asset '{asset.id}': ")
    elif locator.startswith(("http:", "https:")):
        problems += _caught(lambda: shown_url(locator), f"asset '{asset.id}': ")
    else:
        return problems
    return problems + _caught(lambda: require_permission(asset, permissions))


def _caught(check: Callable[[], object], before: str = "") -> list[str]:
    try:
        check()
    except CommonwealError as error:
        return [f"{before}{error}"]
    return []


def _safetensors_parameters(path: Path) -> int:
    """Number of weights in a safetensors file, from its header; LocatorError where the file is not whole."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                raise ValueError(f"its header announces {length:,} bytes")
            table = json.loads(file.read(length))
        tensors = [entry for name, entry in table.items() if name != "__metadata__"]
        end = 8 + length + max(entry["data_offsets"][1] for entry in tensors)
        if path.stat().st_size < end:
            raise ValueError(f"it has {path.stat().st_size:,} bytes where its header announces {end:,}")
        return sum(math.prod(entry["shape"]) for entry in tensors)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise LocatorError(f"{path}: it is not a whole safetensors file ({error}); get it again") from error
