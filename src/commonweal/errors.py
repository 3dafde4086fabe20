"""Every error that commonweal raises on purpose.

::

    CommonwealError                 exit 2
    ├── SystemFileError             the declared system is wrong (file, line, what, how to mend)
    ├── LocatorError                a model, application or file that cannot be opened
    ├── PermissionRequired          the system asks for code, network or a download nobody allowed
    ├── MissingExtra                an optional library is not installed; carries the pip line
    ├── ProbeFileError              a probe file that does not follow the documented format
    ├── DataFileError               a file of requests, items or predictions that does not follow its format
    ├── FootprintError              a quantity of energy, carbon or money that cannot be: below 0, without a price year
    ├── OptionError                 an option that makes no sense (unknown measure, --fail-on)
    ├── OutputError                 the output folder cannot be written, is full, or is in use
    ├── EvidenceFileError           a stored row that cannot be read back
    ├── MeasurementError            one measure failed on one subject: its row is `failed`
    │   ├── ApplicationError        the application is down, slow, or answers nonsense
    │   └── BeyondWindow            texts longer than the model's window; carries them
    ├── DataRequired                a measure needs data that nobody named: its row is `skipped`
    └── NotApplicable               a measure has nothing to say here: its row is `not_applicable`
        └── NotJudged               it was asked, and the answers decide nothing: the row is also `unjudged`

What this module does not do: it never prints. The command line turns these into five lines and an exit code.
"""

from __future__ import annotations

import importlib
from types import ModuleType


class CommonwealError(Exception):
    """What went wrong, where, what it got, what it expected, and how to mend it."""


class SystemFileError(CommonwealError):
    """One or more faults in a system file, each with its line."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class LocatorError(CommonwealError):
    """A model, application or file that cannot be opened."""


class PermissionRequired(CommonwealError):
    """The system asks for something that the person who runs it has not allowed; `flag` would allow it on the
    command line.
    """

    def __init__(self, message: str, flag: str) -> None:
        self.flag = flag
        super().__init__(message)


class MissingExtra(CommonwealError):
    """An optional library is absent. The message carries the line that installs it."""


class ProbeFileError(CommonwealError):
    """A probe file that does not follow the documented format."""


class DataFileError(CommonwealError):
    """A file of requests, items or predictions that does not follow its format."""


class FootprintError(CommonwealError):
    """A quantity of energy, carbon or money that cannot be."""


class OptionError(CommonwealError):
    """An option with a value that makes no sense."""


class OutputError(CommonwealError):
    """The output folder cannot be written, is full, or is in use by another run."""


class EvidenceFileError(CommonwealError):
    """A stored evidence row that cannot be read back."""


class MeasurementError(CommonwealError):
    """One measure failed on one subject. The run goes on; the row is `failed`."""


class ApplicationError(MeasurementError):
    """An application is down, slow, or answers nonsense."""


class BeyondWindow(MeasurementError):
    """Continuations longer than the model's window, so that nothing of what was asked with them was scored."""

    def __init__(self, message: str, continuations: frozenset[str]) -> None:
        self.continuations = continuations
        super().__init__(message)


class DataRequired(CommonwealError):
    """A measure needs data that nobody named.

    The row is `skipped`; `lacks` says what it needs and how to name it, alike for all that lack the same.
    """

    def __init__(self, lacks: str, which: str) -> None:
        self.lacks = lacks
        super().__init__(f"needs {lacks}. {which}")


class NotApplicable(CommonwealError):
    """A measure has nothing to say about this subject. The row is `not_applicable`, with this reason.

    `lacks`: what it needs, where that could be had, and `option`: what to add to the command to measure it.
    """

    def __init__(self, message: str, lacks: str = "", option: str = "") -> None:
        self.lacks, self.option = lacks, option
        super().__init__(message)


class NotJudged(NotApplicable):
    """A measure was asked, and what came back cannot be judged: unread, unvarying, too little.

    The row is `unjudged` too.
    """


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional library, or say which line installs it.

    >>> require("json", extra="models").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"this needs the library '{module.split('.', maxsplit=1)[0]}', which is not installed "
            f"(or cannot be imported: {error}). Install it with: pip install 'commonweal[{extra}]'"
        ) from error
