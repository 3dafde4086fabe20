"""A model's files that are no weights, or announce what they are not: exit code 2 and one line with the mend, from
every way in.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from commonweal.errors import CommonwealError
from commonweal.models.opening import open_model
from tests.flow.commands import python, within
from tests.flow.test_score_faults import requests_in
from tests.models.tiny_gguf import Gguf, facts
from tests.models.tiny_model import write_tiny_model

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"01" * 32 + b"\nsize 98874880\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
PULL = ("Git LFS pointer of 133 bytes", "98,874,880 bytes", "git lfs pull")
SYSTEM = """
schema: commonweal/1
name: A test
actors:
  - {id: lab, name: A lab, roles: [provider], jurisdiction: US, contact: none, decision_rights: []}
assets:
  - {id: m, kind: model, actor: lab, locator: MODEL}
"""
MEASURED = """
import sys
from commonweal.cli import app
try:
    app(sys.argv[1:])
finally:
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
Make = Callable[[Path], Path]


def changed(name: str, new: Callable[[bytes], bytes]) -> Make:
    """A folder of a model in which one file has other contents."""

    def make(model: Path) -> Path:
        path = model / name
        path.write_bytes(new(path.read_bytes() if path.exists() else b""))
        return model

    return make


def header(new: Callable[[dict[str, dict[str, object]]], object], *, numbers: bool = True) -> Make:
    """A folder of a model whose table of tensors is another one, with the numbers behind it or without."""

    def table(body: bytes) -> bytes:
        end = 8 + int.from_bytes(body[:8], "little")
        text = json.dumps(new(json.loads(body[8:end]))).encode()
        return len(text).to_bytes(8, "little") + text + (body[end:] if numbers else b"")

    return changed("model.safetensors", table)


def config(**new: object) -> Make:
    return changed("config.json", lambda body: json.dumps({**json.loads(body), **new}).encode())


def gguf(name: str, body: Callable[[], bytes]) -> Make:
    def make(model: Path) -> Path:
        (model.parent / name).write_bytes(body())
        return model.parent / name

    return make


def pickled(body: bytes) -> Make:
    def make(model: Path) -> Path:
        (model / "model.safetensors").unlink()
        (model / "pytorch_model.bin").write_bytes(body)
        return model

    return make


def shards(model: Path) -> Path:
    names = [f"model-0000{part}-of-00003.safetensors" for part in (1, 2, 3)]
    (model / "model.safetensors").rename(model / names[0])
    index = {"weight_map": dict(zip("abc", names, strict=True))}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    return model


def in_place_of_weights(name: str, target: str | None = None) -> Make:
    """A folder whose weights are a link to nothing, or have the name of a download that did not finish."""

    def make(model: Path) -> Path:
        (model / "model.safetensors").rename(model / name)
        if target is not None:
            (model / name).unlink()
            (model / name).symlink_to(target)
        return model

    return make


def without_index(model: Path) -> Path:
    shards(model)
    (model / "model.safetensors.index.json").unlink()
    return model


def first_tensor(**new: object) -> Make:
    def table(old: dict[str, dict[str, object]]) -> object:
        name = next(name for name in old if name != "__metadata__")
        return {**old, name: {**old[name], **new}}

    return header(table)


def empty(count: int) -> dict[str, dict[str, object]]:
    """So many tensors without a number."""
    return {f"t{number}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(count)}


FAULTS: Mapping[str, tuple[Make, tuple[str, ...]]] = {
    "pointer": (changed("model.safetensors", lambda _: POINTER), ("model.safetensors", *PULL)),
    "pointer for a tokenizer": (changed("tokenizer.json", lambda _: POINTER), ("tokenizer.json", *PULL)),
    "pointer for a configuration": (changed("config.json", lambda _: POINTER), ("config.json", *PULL)),
    "pointer for a pickle": (pickled(POINTER), ("pytorch_model.bin", *PULL)),
    "pointer for a GGUF": (gguf("m.gguf", lambda: POINTER), ("m.gguf", *PULL)),
    "git-annex": (changed("model.safetensors", lambda _: b"/annex/objects/MD5E-s98--0\n"), ("git-annex pointer", "git annex get")),
    "a link to nothing": (in_place_of_weights("model.safetensors", "../blobs/0"), ("a link to a file that is not here",)),
    "a download cut off": (in_place_of_weights("model.safetensors.part"), ("a download that did not finish",)),
    "labels": (config(num_labels=10**10), ("config.json: num_labels is 10,000,000,000",)),
    "layers below 0": (config(num_hidden_layers=-3), ("config.json: num_hidden_layers is '-3'",)),
    "repeats": (config(attention_types=[[["global"], 10**10]]), ("attention_types has 10,000,000,000 layers",)),
    "a GGUF of 8 bytes": (gguf("m.gguf", lambda: b"GGUF\x03\0\0\0"), ("more than there is room for",)),
    "web page": (changed("model.safetensors", lambda _: PAGE), ("it is a web page",)),
    "web page for a GGUF": (gguf("m.gguf", lambda: PAGE), ("m.gguf: it is a web page",)),
    "words for a GGUF": (gguf("m.gguf", lambda: b"Entry not found"), ("text that begins 'Entry not found'", "not a GGUF file")),
    "words": (changed("model.safetensors", lambda _: b"Entry not found"), ("text that begins 'Entry not found'",)),
    "zip": (changed("model.safetensors", lambda _: b"PK\x03\x04" + bytes(90)), ("ZIP archive", "pickled")),
    "pickle": (changed("model.safetensors", lambda _: b"\x80\x02\x8a\nl\xfc" + bytes(90)), ("it is a pickle",)),
    "pickle only": (pickled(b"PK\x03\x04"), ("pytorch_model.bin", "can run code")),
    "empty": (changed("model.safetensors", lambda _: b""), ("model.safetensors: it is empty, 0 bytes",)),
    "empty tokenizer": (changed("tokenizer.json", lambda _: b""), ("tokenizer.json: it is empty, 0 bytes",)),
    "empty GGUF": (gguf("m.gguf", lambda: b""), ("m.gguf: it is empty, 0 bytes",)),
    "half": (changed("model.safetensors", lambda body: body[: len(body) // 2]), ("not a whole safetensors file", "44,632 bytes")),
    "half a tokenizer": (changed("tokenizer.json", lambda body: body[:200]), ("tokenizer.json: it is cut off",)),
    "half a GGUF": (gguf("m.gguf", lambda: Gguf().body()[:50_000]), ("it has 50,000 bytes", "truncated")),
    "part of a GGUF": (
        gguf("m-00002-of-00003.gguf", lambda: Gguf(facts(split__count=3, split__no=1)).body()),
        ("it is part 2 of 3", "llama-gguf-split --merge m-00001-of-00003.gguf WHOLE.gguf"),
    ),
    "part of a cut GGUF": (gguf("m-00002-of-00003.gguf", lambda: b"\x00\x81" * 99), ("it is part 2 of 3", "--merge")),
    "missing shards": (shards, ("model-00002-of-00003.safetensors, model-00003-of-00003.safetensors", "2 of 3 files")),
    "no index": (without_index, ("parts of 3 files", "index")),
    "header longer than the file": (
        changed("model.safetensors", lambda body: (1 << 60).to_bytes(8, "little") + body[8:]), ("a header of "
        "1,152,921,504,606,846,976",),
    ),
    "header no JSON": (changed("model.safetensors", lambda body: body[:8] + b"\x01" + body[9:]), ("not a whole "
    "safetensors file",)),
    "header no table": (header(lambda _: [1]), ("no table of tensors",)),
    "offsets apart": (first_tensor(data_offsets=[8, 8456]), ("begins at byte 8",)),
    "offsets beyond": (first_tensor(shape=[1 << 40], data_offsets=[0, 1 << 42]), ("not a whole safetensors file",)),
    "size of a format": (first_tensor(dtype="F64"), ("8,448 bytes for 2,112 numbers of 64 bits",)),
    "unknown format": (first_tensor(dtype="Q9"), ("number format 'Q9'",)),
    "300,000 empty tensors": (header(lambda _: empty(300_000), numbers=False), ("is longer than the 0 bytes of all its numbers",)),
    "5,000 empty tensors": (
        header(lambda table: table | empty(5_000)),
        ("it announces 2 layers, and its weights are 5,021 tensors",),
    ),
    "layers": (config(num_hidden_layers=10**9), ("num_hidden_layers is 1,000,000,000", "more than its weights can be")),
    "a few layers too many": (config(num_hidden_layers=30), ("num_hidden_layers is 30", "21 tensors")),
    "width": (config(hidden_size=10**6), ("hidden_size is 1,000,000",)),
    "words of a vocabulary": (config(vocab_size=10**9), ("vocab_size is 1,000,000,000",)),
    "heads": (config(num_attention_heads=0), ("num_attention_heads is '0', expected a whole number from 1",)),
    "experts": (config(num_local_experts=10**9), ("num_local_experts is 1,000,000,000",)),
    "context": (config(max_position_embeddings=10**18), ("max_position_embeddings is '1000000000000000000'",)),
    "layers of a GGUF": (gguf("m.gguf", lambda: Gguf(facts(block_count=10**9)).body()), ("block_count is 1,000,000,000", "2 layers")),
    "no heads in a GGUF": (gguf("m.gguf", lambda: Gguf(facts(head_count=0)).body()), ("head_count is '0'",)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_way_in_names_the_fault_in_one_line(tmp_path: Path, tiny: Path, fault: str) -> None:
    make, words = FAULTS[fault]
    model = make(Path(shutil.copytree(tiny, tmp_path / "model")))
    requests = requests_in(tmp_path, [("ab", " c"), ("cd", " e"), ("fg", " h")])
    (tmp_path / "system.yaml").write_text(SYSTEM.replace("MODEL", model.name))
    ways: dict[str, list[str | Path]] = {
        "score": ["score", model, requests, "--out", tmp_path / "s.parquet"],
        "compare": ["compare", model, tiny, "--requests", requests],
        "measure": ["measure", "inequity.occupation_association", "--model", model, "--out", tmp_path / "one"],
        "run": [
            "run",
            tmp_path / "system.yaml",
            "--out",
            tmp_path / "all",
            "--measures",
            "inequity.occupation_association",
        ],
    }
    began = time.process_time()
    for way, command in ways.items():
        ended = within(*command, COMMONWEAL_CACHE=tmp_path / "cache")
        assert ended.code == 2, (way, ended.said)
        told = [line for line in ended.said.splitlines() if model.name in line and not line.startswith("subject")]
        assert len(told) == 1, (way, ended.said)
        assert all(word in told[0] for word in words), (way, told)
        assert "Traceback" not in ended.said
    with pytest.raises(CommonwealError) as caught:
        open_model(str(model), folder=None, device="cpu")
    assert all(word in str(caught.value) for word in words)
    assert time.process_time() - began < 5 * 5.0


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "sound")


def test_the_sound_folder_is_scored(tmp_path: Path, tiny: Path) -> None:
    ended = within(
        "score", tiny, requests_in(tmp_path, [("ab", " c")]), "--out", tmp_path / "s.parquet", "--device", "cpu"
    )
    assert ended.code == 0, ended.said


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="this system does not tell what memory a process took"
)
@pytest.mark.parametrize("fault", ["layers", "300,000 empty tensors", "layers of a GGUF"])
def test_a_model_that_announces_more_than_it_has_takes_no_memory(tmp_path: Path, tiny: Path, fault: str) -> None:
    model = FAULTS[fault][0](Path(shutil.copytree(tiny, tmp_path / "model")))
    command = ["score", model, requests_in(tmp_path, [("ab", " c")]), "--out", tmp_path / "s.parquet"]
    ended = python("-c", MEASURED, *command, COMMONWEAL_CACHE=tmp_path / "cache")
    assert ended.code == 2, ended.said
    assert int(ended.lines[-1].split()[1]) < 1_500_000, (
        ended.said
    )  # kB: what the libraries themselves take, and no more


def test_a_configuration_that_leaves_its_sizes_to_the_library_is_held_against_its_weights(
    tmp_path: Path, tiny: Path
) -> None:
    model = Path(shutil.copytree(tiny, tmp_path / "model"))
    (model / "config.json").write_text('{"model_type": "llama"}')
    ended = within(
        "score", model, requests_in(tmp_path, [("ab", " c")]), "--out", tmp_path / "s.parquet", "--device", "cpu"
    )
    assert ended.code == 2
    assert "a network with 6,738,415,616 weights" in ended.err
    assert "its files hold 21,792" in ended.err
