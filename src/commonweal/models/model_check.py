"""The one check of a model's files, for every way in: before anything is built, and before a run begins.

Nothing is opened here: headers are read, and what they announce is held against the files.
"""

from __future__ import annotations

from pathlib import Path

from commonweal.models.announced import check_announced
from commonweal.models.contents import weight_files
from commonweal.models.conversion import check_convertible
from commonweal.models.gguf_file import GGUFHeader, read_gguf_header
from commonweal.models.locators import Located, object_of
from commonweal.models.safetensors_file import read_safetensors_header


def check_model(located: Located) -> None:
    """LocatorError, in one line with its mend, where the weights are not whole, or not what the model announces."""
    if located.form == "gguf":
        check_convertible(gguf_header(located))
    else:
        check_folder(located.path)


def check_folder(directory: Path) -> None:
    """The same of a Hugging Face directory."""
    check_announced(
        directory / "config.json",
        object_of(directory / "config.json"),
        [read_safetensors_header(path) for path in weight_files(directory)],
    )


def weights_held(located: Located) -> int:
    """Number of weights, from the headers of the model's files."""
    if located.form == "gguf":
        return gguf_header(located).parameters
    return sum(read_safetensors_header(path).parameters for path in weight_files(located.path))


def gguf_header(located: Located) -> GGUFHeader:
    """The header of a GGUF file, which may be cut into several files."""
    return read_gguf_header(located.path, sum(path.stat().st_size for path in located.files) if located.parts else None)
