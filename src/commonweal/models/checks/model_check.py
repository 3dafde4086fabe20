"""The one check of a model's files, for every way in: before anything is built, and before a run begins.

Nothing is opened here: headers are read, and what they announce is held against the files.
"""

from __future__ import annotations

from pathlib import Path

from commonweal.errors import LocatorError
from commonweal.models.checks.announced import check_announced
from commonweal.models.checks.safetensors_file import read_safetensors_header
from commonweal.models.file_hashes import weight_files
from commonweal.models.gguf.conversion import check_convertible
from commonweal.models.gguf.gguf_file import GGUFHeader, read_gguf_header
from commonweal.models.locators import Located, object_of

TAIL_BYTES = 1024


def check_model(located: Located) -> None:
    """LocatorError, in one line with its mend, where the weights are not whole, or not what the model announces."""
    if located.form == "gguf":
        check_convertible(gguf_header(located))
    else:
        check_folder(located.path)


def check_folder(directory: Path) -> None:
    """The same of a Hugging Face directory."""
    config, tokenizer = directory / "config.json", directory / "tokenizer.json"
    weights = [read_safetensors_header(path) for path in weight_files(directory)]
    check_announced(config, object_of(config), weights)
    if tokenizer.exists() and not _closed(tokenizer):
        raise LocatorError(
            f"{tokenizer}: it is cut off: it has {tokenizer.stat().st_size:,} bytes and no end; get it again"
        )


def _closed(path: Path) -> bool:
    """Whether a JSON object, perhaps a large one, ends as one does."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read().rstrip().endswith(b"}")


def weights_held(located: Located) -> int:
    """Number of weights, from the headers of the model's files."""
    if located.form == "gguf":
        return gguf_header(located).parameters
    return sum(read_safetensors_header(path).parameters for path in weight_files(located.path))


def gguf_header(located: Located) -> GGUFHeader:
    """The header of a GGUF file, which may be cut into several files."""
    return read_gguf_header(located.path, sum(path.stat().st_size for path in located.files) if located.parts else None)
