"""A hub id, `hf:ORG/NAME`, of a model or a data set: found in the Hugging Face cache of this machine, or downloaded
where that was allowed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from commonweal.errors import LocatorError, PermissionRequired, require
from commonweal.system.permissions import Permissions

WANTED = ("*.safetensors", "*.json", "*.model", "merges.txt", "vocab.txt", "chat_template.jinja")


def hub_cache() -> Path:
    """The folder where Hugging Face keeps downloads, as its own environment variables say."""
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(home).expanduser() / "hub"


def hub_name(locator: str) -> str:
    """`ORG/NAME` of `hf:ORG/NAME`.

    >>> hub_name("hf:openai-community/gpt2")
    'openai-community/gpt2'
    """
    name = locator.removeprefix("hf:")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name):
        raise LocatorError(f"{locator}: expected hf:ORG/NAME, such as hf:HuggingFaceTB/SmolLM2-135M")
    return name


def cached_snapshot(locator: str) -> Path | None:
    """The model's folder in the cache of this machine; None if it was never downloaded."""
    root = hub_cache() / ("models--" + hub_name(locator).replace("/", "--"))
    try:
        commit = (root / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    folder = root / "snapshots" / commit
    return folder if re.fullmatch(r"[0-9a-f]{40}", commit) and (folder / "config.json").exists() else None


def hub_snapshot(locator: str, permissions: Permissions) -> Path:
    """The model's folder on this disk: no network call unless it is absent and the download was allowed."""
    found = cached_snapshot(locator)
    if found is not None:
        return found
    if not permissions.download:
        raise PermissionRequired(
            f"{locator}: this model is not on this machine (looked in {hub_cache()}). Allow its download with: "
            "--allow-download",
            "--allow-download",
        )
    return _snapshot(locator, "model", WANTED)


def hub_data_set(locator: str, pattern: str, permissions: Permissions) -> Path:
    """The folder of a data set of the hub with its files `pattern`, under the same rule as a model's.

    What an interrupted download left is not taken for the whole. Raises PermissionRequired, or LocatorError.
    """
    errors = require("huggingface_hub.errors", extra="models")
    try:
        return _read_snapshot(locator, "dataset", (pattern,), here=True)
    except errors.LocalEntryNotFoundError:
        if not permissions.download:
            raise PermissionRequired(
                f"{locator}: this data set is not on this machine, or not whole (looked in {hub_cache()}). Allow its "
                "download with --allow-download, or name a folder that holds it with --data DIR",
                "--allow-download",
            ) from None
    return _snapshot(locator, "dataset", (pattern,))


def _snapshot(locator: str, kind: str, wanted: Sequence[str]) -> Path:
    errors = require("huggingface_hub.errors", extra="models")
    try:
        return _read_snapshot(locator, kind, wanted, here=False)
    except (errors.HTTPError, errors.LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise LocatorError(
            f"{locator}: the download failed: {reason}. Check the name and the connection, then run again"
        ) from error


def _read_snapshot(locator: str, kind: str, wanted: Sequence[str], *, here: bool) -> Path:
    hub = require("huggingface_hub", extra="models")
    return Path(
        hub.snapshot_download(
            hub_name(locator), repo_type=kind, allow_patterns=list(wanted), cache_dir=hub_cache(), local_files_only=here
        )
    )
