"""Dossiers written once for all tests of the report."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from commonweal.report.content import Dossier
from commonweal.report.dossier import save_dossier
from tests.report.hiring_dossier import hiring_dossier, large_dossier, one_asset_dossier
from tests.report.hostile_dossier import hostile_dossier


@pytest.fixture(scope="session")
def dossiers() -> Mapping[str, Dossier]:
    return {
        "hiring": hiring_dossier(),
        "large": large_dossier(),
        "hostile": hostile_dossier(),
        "one": one_asset_dossier(),
    }


@pytest.fixture(scope="session")
def pages(dossiers: Mapping[str, Dossier], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The pages, written once for all workers: the first that asks writes them, the others wait."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "dossiers"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            for name, dossier in dossiers.items():
                save_dossier(folder / name, dossier)
            done.touch()
    return {name: folder / name / "dossier.html" for name in dossiers}
