"""Files that stand in for a model's files: a Git LFS pointer, a web page, an archive, nothing at all; each is named
with its mend.

A reader of weights takes the first bytes of such a file for a length, and says something about quintillions of bytes.
So what a file is by its first bytes is looked at before.

Source: the first bytes of a pointer, https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md; of an unlocked
git-annex file, https://git-annex.branchable.com/internals/pointer_file/; of a pickle, CPython, Lib/pickletools.py
(PROTO); of packed files, files/text.py.
"""

from __future__ import annotations

import re
from pathlib import Path

from commonweal.errors import LocatorError
from commonweal.files.text import ZIPPED, other_format
from commonweal.system.wording import shown

HEAD_BYTES = 1024
POINTER = re.compile(rb"version https?://(git-lfs\.github\.com|hawser\.github\.com)/spec/")
POINTED_SIZE = re.compile(rb"^size (\d{1,18})$", re.MULTILINE)
PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml|error)\b", re.IGNORECASE)
PICKLE = re.compile(rb"\x80[\x02-\x05]")
TEXT = re.compile(rb"[\t\n\r\x20-\x7e]+\Z")
AGAIN = "get it again"
PICKLED = (
    "weights that are pickled can run code when they are opened, and are never read; get the model as safetensors or "
    "GGUF"
)


def head_of(path: Path) -> bytes:
    """The first bytes of a file; LocatorError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise LocatorError(f"{path}: it cannot be read ({error.strerror or error})") from error


def stand_in(head: bytes, size: int) -> str | None:
    """What a file of `size` bytes that begins with `head` is instead of what its name says, and how to mend it; None:
    nothing known.

    >>> pointer = b"version https://git-lfs.github.com/spec/v1\\noid sha256:0\\nsize 98874880\\n"
    >>> stand_in(pointer, 133)  # doctest: +NORMALIZE_WHITESPACE
    'it is a Git LFS pointer of 133 bytes; the file of 98,874,880 bytes that it stands for is not here; fetch it with:
    git lfs pull'
    >>> stand_in(b"<!DOCTYPE html><title>Sign in", 900).partition(";")[0], stand_in(b"{}", 2)
    ('it is a web page', None)
    """
    if size == 0:
        return f"it is empty, 0 bytes; its download or its copy did not finish; {AGAIN}"
    if POINTER.match(head):
        pointed = POINTED_SIZE.search(head)
        file = f"the file of {int(pointed[1]):,} bytes" if pointed else "the file"
        return (
            f"it is a Git LFS pointer of {size:,} bytes; {file} that it stands for is not here; fetch it with: git "
            "lfs pull"
        )
    if head.startswith(b"/annex/objects/"):
        return (
            f"it is a git-annex pointer of {size:,} bytes; the file that it stands for is not here; fetch it with: "
            "git annex get"
        )
    if PAGE.match(head):
        return (
            f"it is a web page; servers answer so where a file is not there or needs a login; {AGAIN} from an address "
            "that gives the file"
        )
    return None


def no_weights(head: bytes, size: int) -> str | None:
    """As `stand_in`, of a file that should hold weights: it may be an archive, a pickle or plain text as well.

    >>> no_weights(b"Invalid username or password.", 29)  # doctest: +NORMALIZE_WHITESPACE
    "it is text that begins 'Invalid username or password.', no weights; servers answer so where a file needs a login;
    get it again"
    """
    if (found := stand_in(head, size)) is not None:
        return found
    if head.startswith(ZIPPED):
        return f"it is a ZIP archive, as PyTorch writes pickled weights; {PICKLED}"
    if PICKLE.match(head):
        return f"it is a pickle; {PICKLED}"
    if (packed := other_format(head)) is not None:
        return f"it is {packed[0]}; {packed[1]}"
    if TEXT.match(head):
        begins = shown(head[:60].decode("ascii").strip())
        return f"it is text that begins {begins}, no weights; servers answer so where a file needs a login; {AGAIN}"
    return None
