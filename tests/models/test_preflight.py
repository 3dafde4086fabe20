from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from commonweal.models.cache.model_cache import converted
from commonweal.models.locators import Located
from commonweal.models.preflight import parameter_count, preflight_asset
from commonweal.system.decisions import Outcome, Prompt
from commonweal.system.permissions import Permissions
from commonweal.system.records import Asset, System
from tests.models.tiny_model import write_tiny_model

GOOD = Prompt(template="{text} Answer:", options={"yes": " yes", "no": " no"}, favourable="yes")
SLOTLESS = GOOD.model_copy(update={"template": "no slot"})


@pytest.mark.model
def test_a_model_that_is_ready_has_no_problems(
    gguf: Located, system_of: Callable[..., System], no_network: None
) -> None:
    model = Asset(id="m", kind="model", locator="embedded:smollm2")
    application = Asset(id="a", kind="application", prompt=GOOD)
    system = system_of(model, application)
    assert preflight_asset(model, system) == []
    assert preflight_asset(application, system) == []
    assert preflight_asset(Asset(id="d", kind="dataset"), system) == []


def test_all_problems_are_found_at_once(tmp_path: Path, system_of: Callable[..., System]) -> None:
    model = Asset(id="m", kind="model", locator="absent.gguf")
    application = Asset(id="a", kind="application", prompt=SLOTLESS)
    problems = preflight_asset(application, system_of(model, application, folder=tmp_path))
    assert len(problems) == 2
    assert "asset 'a': the template must have exactly one slot" in problems[0].text
    assert "asset 'm': absent.gguf: there is no such file" in problems[1].text


def test_an_endpoint_lacks_outcome_module_and_permission(tmp_path: Path) -> None:
    asset = Asset(id="a", kind="application", locator="python:absent_module:f")
    problems = preflight_asset(asset, System(name="t", assets=(asset,), folder=str(tmp_path)))
    assert [any(word in problem.text for problem in problems) for word in ("outcome", "no module", "--allow-code")] == [
        True
    ] * 3
    web = Asset(id="a", kind="application", locator="http://127.0.0.1:1/x", outcome=Outcome(favourable="yes"))
    system = System(name="t", assets=(web,))
    (problem,) = preflight_asset(web, system)
    assert problem.flag == "--allow-network"
    assert preflight_asset(web, system, Permissions(network=True)) == []


@pytest.mark.model
def test_a_damaged_file_is_found_before_any_weight_is_loaded(
    gguf: Located, cache: Path, tmp_path: Path, system_of: Callable[..., System]
) -> None:
    (tmp_path / "short.gguf").write_bytes(gguf.path.read_bytes()[:1_000_000])
    (tmp_path / "wrong.gguf").write_text("hello")
    for name, message in (("short.gguf", "truncated"), ("wrong.gguf", "not a GGUF file")):
        asset = Asset(id="m", kind="model", locator=name)
        (problem,) = preflight_asset(asset, system_of(asset, folder=tmp_path))
        assert problem.text.startswith("asset 'm': ")
        assert message in problem.text
    directory = tmp_path / "model"
    directory.mkdir()
    for file in converted(gguf).directory.iterdir():
        (directory / file.name).write_bytes(file.read_bytes()[:100_000])
    asset = Asset(id="m", kind="model", locator="model")
    (problem,) = preflight_asset(asset, system_of(asset, folder=tmp_path))
    assert "whole safetensors file" in problem.text


def test_a_hub_model_is_a_problem_only_where_its_download_is_not_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system_of: Callable[..., System], no_network: None
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    asset = Asset(id="m", kind="model", locator="hf:org/name")
    (problem,) = preflight_asset(asset, system_of(asset))
    assert problem.flag == "--allow-download"
    assert preflight_asset(asset, system_of(asset), Permissions(download=True)) == []
    snapshot = tmp_path / "models--org--name" / "snapshots" / ("a" * 40)
    write_tiny_model(snapshot)
    (tmp_path / "models--org--name" / "refs").mkdir()
    (tmp_path / "models--org--name" / "refs" / "main").write_text("a" * 40)
    (snapshot / "model.safetensors").write_bytes(b"")
    for allowed in (True, False):
        (problem,) = preflight_asset(asset, system_of(asset), Permissions(download=allowed))
        assert "model.safetensors: it is empty" in problem.text  # what was downloaded once is checked as it is
    shutil.rmtree(tmp_path / "models--org--name")
    assert parameter_count("hf:org/name", permissions=Permissions(download=True)) is None


@pytest.mark.model
def test_parameters_are_counted_from_headers(gguf: Located, cache: Path) -> None:
    assert parameter_count("embedded:smollm2") == 134_515_008
    assert parameter_count(str(converted(gguf).directory), folder=None) == 134_515_008
    assert parameter_count("absent.gguf") is None
