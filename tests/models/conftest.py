"""The embedded model, opened once for each worker, and a network that cannot be reached."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commonweal.models.engine.local import LocalModel
from commonweal.models.locators import Located, locate_model
from commonweal.models.opening import open_model
from commonweal.system.permissions import Permissions
from commonweal.system.records import Asset, Dependency, System


@pytest.fixture(scope="session")
def cache(model_cache: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMMONWEAL_CACHE", str(model_cache))
        yield model_cache


@pytest.fixture(scope="session")
def gguf() -> Located:
    return locate_model("embedded:smollm2", None, Permissions())


@pytest.fixture(scope="session")
def smollm2(cache: Path) -> LocalModel:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(
        1
    )  # on a shared machine, threads that wait for each other make small batches ten times slower
    return open_model("embedded:smollm2", device="cpu")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a network call was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def system_of() -> Callable[..., System]:
    """A system of these assets; the first model serves every application."""

    def make(*assets: Asset, folder: Path | str = ".") -> System:
        model = next((asset.id for asset in assets if asset.kind == "model"), None)
        edges = tuple(
            Dependency(upstream=model, downstream=asset.id, relation="serves")
            for asset in assets
            if model and asset.kind == "application"
        )
        return System(name="test", assets=assets, dependencies=edges, folder=str(folder))

    return make
