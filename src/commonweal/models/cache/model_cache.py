"""Converted GGUF models in the user's cache: made once, checked by hash each time, never used when damaged.

A conversion is written under another name and moved into place in one step, so that a run that is stopped leaves
nothing half-made and two runs at once do not disturb each other.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from commonweal.errors import LocatorError
from commonweal.models.file_hashes import sha256_of_files
from commonweal.models.gguf.beginning_token import Beginning
from commonweal.models.gguf.conversion import CONVERTER_VERSION, convert
from commonweal.models.locators import Located, check_sha256

MANIFEST = "manifest.json"
STALE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Converted:
    """A converted model: its folder, the hash of each file, just checked, and what a reader of its answers must
    know.
    """

    directory: Path
    hashes: dict[str, str]
    remarks: tuple[str, ...] = ()


def cache_folder() -> Path:
    """`$COMMONWEAL_CACHE`, or the place where this platform keeps caches."""
    chosen = os.environ.get("COMMONWEAL_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "commonweal" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "commonweal"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "commonweal"


def converted(located: Located) -> Converted:
    """The converted form of a GGUF file, from the cache or made now."""
    sha256 = check_sha256(located)
    target = cache_folder() / "models" / sha256
    found = _checked(target)
    return found if found is not None else _made(located, target)


@contextmanager
def joined(located: Located, folder: Path) -> Iterator[Path]:
    """The GGUF file as one file: itself, or its parts written one after the other into `folder` while the context
    lasts.
    """
    if not located.parts:
        yield located.path
        return
    whole = folder / "joined.gguf"
    with whole.open("wb") as target:
        for part in located.parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target)
    yield whole
    whole.unlink()


def _checked(directory: Path) -> Converted | None:
    """What is in the cache, if every file has the hash that was written when it was made; else None."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        expected = dict(manifest["files"])
        if manifest["converter"] != CONVERTER_VERSION or not expected:
            return None
        beginning = Beginning(**manifest["beginning"])
        hashes = sha256_of_files(directory / name for name in expected)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Converted(directory, hashes, beginning.remarks()) if hashes == expected else None


def _made(located: Located, target: Path) -> Converted:
    building: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        building = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
        with joined(located, building) as whole:
            beginning = convert(whole, building)
        hashes = sha256_of_files(path for path in building.iterdir())
        manifest = {
            "converter": CONVERTER_VERSION,
            "source": located.path.name,
            "beginning": asdict(beginning),
            "files": hashes,
        }
        (building / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        return Converted(_moved_into_place(building, target), hashes, beginning.remarks())
    except OSError as error:
        raise LocatorError(
            f"{located.locator}: its converted form cannot be written to {target.parent} ({error}). "
            "Name a folder with space for it in the environment variable COMMONWEAL_CACHE"
        ) from error
    finally:
        if building is not None:
            shutil.rmtree(building, ignore_errors=True)


def _moved_into_place(building: Path, target: Path) -> Path:
    """Rename; where another run was quicker, keep its result if it is whole and put ours in place of a damaged one."""
    for _ in range(3):
        try:
            building.rename(target)
            return target
        except OSError:
            if not target.exists():
                raise
            if _checked(target) is not None:
                return target
            damaged = Path(tempfile.mkdtemp(prefix=".damaged-", dir=target.parent))
            try:
                target.rename(damaged / target.name)
            except FileNotFoundError:  # another run moved it away first
                pass
            finally:
                shutil.rmtree(damaged, ignore_errors=True)
    raise OSError(f"{target} is being changed by another run")


def _sweep(folder: Path) -> None:
    """Remove what runs that were killed left behind more than a day ago."""
    for path in [*folder.glob(".building-*"), *folder.glob(".damaged-*")]:
        if time.time() - path.stat().st_mtime > STALE_S:
            shutil.rmtree(path, ignore_errors=True)
