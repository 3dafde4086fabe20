"""Dossiers written once for all tests of the report."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from commonweal.report.content import Dossier
from commonweal.report.dossier import save_dossier
from tests.report.hiring_dossier import hiring_dossier, large_dossier, one_asset_dossier
from tests.report.hostile_dossier import hostile_dossier


@dataclass(frozen=True)
class Pages(Mapping[str, Path]):
    """The pages of dossiers, each written once for all workers: the first that asks writes it, the others wait."""

    dossiers: Mapping[str, Dossier]
    folder: Path

    def __getitem__(self, name: str) -> Path:
        with (self.folder / f"{name}.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            page = self.folder / name / "dossier.html"  # the last file that is written, and whole or not at all
            return page if page.exists() else save_dossier(page.parent, self.dossiers[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.dossiers)

    def __len__(self) -> int:
        return len(self.dossiers)


@pytest.fixture(scope="session")
def dossiers() -> Mapping[str, Dossier]:
    return {
        "hiring": hiring_dossier(),
        "large": large_dossier(),
        "hostile": hostile_dossier(),
        "one": one_asset_dossier(),
    }


@pytest.fixture(scope="session")
def pages(dossiers: Mapping[str, Dossier], tmp_path_factory: pytest.TempPathFactory) -> Pages:
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "dossiers"
    folder.mkdir(exist_ok=True)
    return Pages(dossiers, folder)
