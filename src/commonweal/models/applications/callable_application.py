"""An application that is a Python function: `python:module:function`, a list of texts in, a list of answers out.

The module is looked for beside the system file first, then on sys.path. It is code, so nothing here runs before
`--allow-code`; `find_module` looks without running anything.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from commonweal.errors import ApplicationError, LocatorError
from commonweal.files.foreign_text import raised
from commonweal.models.applications.answers import decision_of
from commonweal.models.exchange.masking import Secrets, secrets_in
from commonweal.models.file_hashes import fingerprint_of, sha256_of_file
from commonweal.models.protocols import Case, Decision
from commonweal.system.decisions import Outcome

FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    SystemExit,
    TypeError,
    ValueError,
    EOFError,
    BufferError,
    ReferenceError,
    MemoryError,
)
"""What a stranger's code raises when it fails. The person's own Ctrl-C is not among them."""


def parts_of(locator: str) -> tuple[str, str]:
    """Module and function of `python:module:function`.

    >>> parts_of("python:screening.rules:decide")
    ('screening.rules', 'decide')
    """
    match = re.fullmatch(r"python:([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)", locator)
    if match is None:
        raise LocatorError(f"{locator}: expected python:module:function, such as python:screener:decide")
    return match[1], match[2]


def find_module(locator: str, folder: Path) -> Path:
    """The source file of the module, found without running any code; LocatorError if there is none."""
    name, _ = parts_of(locator)
    path: list[str] | None = [str(folder), *sys.path]
    spec = None
    for step in range(len(name.split("."))):
        spec = importlib.machinery.PathFinder.find_spec(".".join(name.split(".")[: step + 1]), path)
        path = list(spec.submodule_search_locations or ()) if spec else []
    if spec is None or spec.origin is None:
        raise LocatorError(
            f"{locator}: there is no module '{name}' beside the system file ({folder}) or on Python's path"
        )
    return Path(spec.origin)


def load_function(locator: str, folder: Path) -> tuple[Callable[[list[str]], Any], Path]:
    """Import the module and take the function; LocatorError with the reason where that fails."""
    name, function = parts_of(locator)
    source = find_module(locator, folder)
    try:
        with beside(folder):
            module = _module(name, source) if source.parent == folder else importlib.import_module(name)
    except FAULTS as error:
        raise LocatorError(f"{locator}: {source} cannot be imported: {told(error)}") from error
    found = getattr(module, function, None)
    if not callable(found):
        names = sorted(
            key for key, value in vars(module).items() if inspect.isfunction(value) and not key.startswith("_")
        )
        raise LocatorError(f"{locator}: {source} has no function '{function}'; it has: {', '.join(names) or 'none'}")
    return found, source


def told(error: BaseException) -> str:
    """What a stranger's code raised, in one line that any file can hold, without what the environment calls secret."""
    return Secrets(secrets_in(os.environ)).in_message(f"{type(error).__name__}: {raised(error)}")


def _module(name: str, source: Path) -> ModuleType:
    """A module beside a system file, under a name of its own: two systems may each have a `screener.py`."""
    fingerprint = fingerprint_of({"path": str(source), "content": sha256_of_file(source)})
    unique = f"_commonweal_application_{fingerprint[:16]}_{name}"
    if unique in sys.modules:
        return sys.modules[unique]
    spec = importlib.util.spec_from_file_location(unique, source)
    if spec is None or spec.loader is None:
        raise ImportError(f"{source.suffix} is not a kind of Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique]
        raise
    return module


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[None]:
    """Let the application import its neighbours, after everything that is installed, and only while it runs."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


class CallableApplication:
    """Asks a Python function. `score_unit` becomes "score" once every answer so far has carried one."""

    device = "cpu"
    runs_here = True

    def __init__(self, name: str, locator: str, outcome: Outcome, *, folder: Path) -> None:
        self.name = name
        self.locator = locator
        self.outcome = outcome
        self.folder = folder.resolve()
        self.function, source = load_function(locator, self.folder)
        self.favourable = outcome.favourable
        self.options = outcome.options
        self.top_share = outcome.decide.top_share if outcome.decide else None
        self.threshold = outcome.decide.threshold if outcome.decide else None
        self.score_unit: str | None = "score" if outcome.decide else None
        self.fingerprint = fingerprint_of(
            {"locator": locator, "source": sha256_of_file(source), "outcome": outcome.model_dump(mode="json")}
        )

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        try:
            with beside(self.folder):
                answers = self.function([case.text for case in cases])
        except FAULTS as error:
            raise ApplicationError(f"{self.locator}: it raised {told(error)}") from error
        if hasattr(answers, "tolist"):
            answers = answers.tolist()
        if not isinstance(answers, (list, tuple)):
            raise ApplicationError(
                f"{self.locator}: got {type(answers).__name__}; expected a list of {len(cases)} answers"
            )
        if len(answers) != len(cases):
            raise ApplicationError(
                f"{self.locator}: got {len(answers)} answers to {len(cases)} texts; expected one each, in order"
            )
        decisions = [
            decision_of(answer, self.outcome, where=f"{self.locator}, item {index + 1}")
            for index, answer in enumerate(self._clean(answers))
        ]
        if decisions and all(decision.score is not None for decision in decisions):
            self.score_unit = "score"
        return decisions

    def _clean(self, answers: Sequence[Any]) -> list[Any]:
        """The answers with every text in them valid, and without what the environment calls secret."""
        secrets = Secrets(secrets_in(os.environ))
        try:
            return [secrets.clean(answer) for answer in answers]
        except (ValueError, RecursionError) as error:
            raise ApplicationError(
                f"{self.locator}: an answer cannot be read ({error}); expected a decision or a score"
            ) from error
