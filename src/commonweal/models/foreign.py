"""What goes wrong inside the libraries that read a stranger's model becomes one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from commonweal.errors import CommonwealError, LocatorError


@contextlib.contextmanager
def foreign_faults(what: str) -> Iterator[None]:
    """Turn whatever a library raises into a LocatorError: `what`, and the first line of its reason.

    >>> with foreign_faults("m: it cannot be opened"):
    ...     raise AssertionError("no such row\\nat all")
    Traceback (most recent call last):
    commonweal.errors.LocatorError: m: it cannot be opened: no such row
    >>> with foreign_faults("m: it cannot be opened"):
    ...     {"silu": 1}["nope"]
    Traceback (most recent call last):
    commonweal.errors.LocatorError: m: it cannot be opened: it has nothing by the name 'nope'
    >>> with foreign_faults("m: it cannot be opened"):
    ...     raise ValueError("Wrong field 'n':\\n    expected int, got None")
    Traceback (most recent call last):
    commonweal.errors.LocatorError: m: it cannot be opened: Wrong field 'n': expected int, got None
    """
    try:
        yield
    except CommonwealError:
        raise
    # tokenizers and safetensors raise a bare Exception, and a configuration can bring transformers to raise anything.
    except Exception as error:
        raise LocatorError(f"{what}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The first line of what a library says, with the next where it only announces that; of a KeyError, which is a
    bare name, words.
    """
    lines = [line.strip() for line in str(error).strip().splitlines()]
    if not lines:
        return type(error).__name__
    if isinstance(error, KeyError):
        return f"it has nothing by the name {lines[0]}"
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])
