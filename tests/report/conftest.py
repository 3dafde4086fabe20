"""Dossiers written once for all tests of the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from commonweal.report.content import Dossier
from commonweal.report.dossier import save_dossier
from tests.report.hiring_dossier import hiring_dossier, large_dossier, one_asset_dossier
from tests.report.hostile_dossier import hostile_dossier


@pytest.fixture(scope="session")
def dossiers() -> Mapping[str, Dossier]:
    return {"hiring": hiring_dossier(), "large": large_dossier(), "hostile": hostile_dossier(), "one": one_asset_dossier()}


@pytest.fixture(scope="session")
def pages(dossiers: Mapping[str, Dossier], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("dossiers")
    return {name: save_dossier(folder / name, dossier) for name, dossier in dossiers.items()}
