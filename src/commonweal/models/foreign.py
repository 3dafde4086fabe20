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
    """
    try:
        yield
    except CommonwealError:
        raise
    # tokenizers and safetensors raise a bare Exception, and a configuration can bring transformers to raise anything.
    except Exception as error:
        lines = str(error).strip().splitlines()
        raise LocatorError(f"{what}: {lines[0] if lines else type(error).__name__}") from error
