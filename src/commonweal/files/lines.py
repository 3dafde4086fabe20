"""Files that are whole whatever happens: lines that only grow, and files that are put in place at once."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from commonweal.errors import OutputError

BLOCK = 1 << 16


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written into an OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OutputError(
                f"{path}: the disk is full. Everything measured so far is kept; free some space and run the same "
                "command again"
            ) from error
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}). Choose another folder with --out"
        ) from error


def complete_lines(path: Path) -> list[bytes]:
    """The lines of a journal that were written whole. A last line without its newline was cut off, and is left out."""
    if not path.exists():
        return []
    return [line for line in path.read_bytes().split(b"\n")[:-1] if line]


def whole_size(path: Path) -> int:
    """Bytes up to the end of the last line that was written whole."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - BLOCK)
            file.seek(start)
            last = file.read(end - start).rfind(b"\n")
            if last >= 0:
                return start + last + 1
            end = start
    return 0


def append_lines(path: Path, payload: bytes) -> None:
    """Append whole lines behind the last one that is whole, and wait until the disk has them."""
    with writing(path), path.open("ab") as file:
        file.truncate(whole_size(path))
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())


def beside(path: Path) -> Path:
    """Where this process writes a file before it takes the place of `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def put_in_place(path: Path, content: bytes | memoryview) -> None:
    """Write a whole new file beside the old one, then let it take its place; OutputError where that cannot be."""
    with writing(path):
        replace_whole(path, content)


def replace_whole(path: Path, content: bytes | memoryview) -> None:
    """The same, for who says in other words what an OSError means."""
    partial = beside(path)
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
