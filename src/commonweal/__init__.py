"""commonweal measures what a foundation model does to the people downstream of it.

>>> import commonweal
>>> system = commonweal.load("examples/hiring/system.yaml")  # doctest: +SKIP
>>> dossier = commonweal.run(system, out="dossiers/hiring", measures="inequity", limit=200)  # doctest: +SKIP
>>> dossier.evidence  # doctest: +SKIP

The public names are imported when they are first used, so that importing a part of the package does not
wait for what draws figures.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commonweal.errors import OptionError
    from commonweal.measures.options import Options
    from commonweal.pipeline import run
    from commonweal.report.content import Dossier
    from commonweal.system.loading import load
    from commonweal.system.permissions import Permissions
    from commonweal.system.records import System

__all__ = ["Dossier", "OptionError", "Options", "Permissions", "System", "load", "run"]

HOMES = {
    "Dossier": "commonweal.report.content",
    "OptionError": "commonweal.errors",
    "Options": "commonweal.measures.options",
    "Permissions": "commonweal.system.permissions",
    "System": "commonweal.system.records",
    "load": "commonweal.system.loading",
    "run": "commonweal.pipeline",
}


def __getattr__(name: str) -> object:
    if name not in HOMES:
        raise AttributeError(f"commonweal has no public name '{name}'; there are: {', '.join(__all__)}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
