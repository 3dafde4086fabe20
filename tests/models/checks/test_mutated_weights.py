"""A model's files changed at random, byte by byte and field by field: each opens and answers, or is refused in one
line, in time.
"""

from __future__ import annotations

import json
import random
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from commonweal.errors import CommonwealError
from commonweal.models.opening import open_local_model
from commonweal.models.protocols import Continuation, GenerationRequest
from tests.models.tiny_gguf import Gguf, Raw, facts, tensors
from tests.models.tiny_model import write_tiny_model

SECONDS = 5.0  # of this process alone: the machine's load does not count
ABSURD: list[Any] = [
    0,
    -1,
    1,
    2**31,
    2**40,
    2**63 - 1,
    10**30,
    1.5,
    float("nan"),
    True,
    None,
    "",
    "x",
    "1",
    [],
    [1],
    [[1]],
    {},
    {"a": 1},
]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    monkeypatch.setenv("COMMONWEAL_CACHE", str(tmp_path / "cache"))


def refused(model: Path) -> bool:
    """Whether the model is refused, which must be in one line and in time; else it has answered."""
    began = time.process_time()
    try:
        opened = open_local_model(str(model), folder=None, device="cpu")
        opened.score([Continuation("he said", " she"), Continuation("", "he")])
        opened.generate([GenerationRequest("he", 2)])
    except CommonwealError as error:
        said = str(error)
        assert said
        assert "\n" not in said
        found = True
    else:
        found = False
    assert time.process_time() - began < SECONDS
    return found


def counted(models: Iterator[Path]) -> tuple[int, int]:
    found = [refused(model) for model in models]
    return len(found), sum(found)


@pytest.mark.slow
def test_bytes_of_a_gguf_file_changed_at_random(tmp_path: Path) -> None:
    body, path, rng = Gguf().body(), tmp_path / "m.gguf", random.Random(0)
    header = len(body) - sum(each.nbytes for each in tensors().values())

    def changed() -> Iterator[Path]:
        for _ in range(250):
            new = bytearray(body)
            for _ in range(rng.choice((1, 1, 1, 3))):
                at = rng.randrange(header if rng.random() < 0.9 else len(body))
                new[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            if rng.random() < 0.1:
                del new[rng.randrange(len(new)) :]
            path.write_bytes(new)
            yield path

    asked, no = counted(changed())
    assert asked == 250
    assert 0 < no < asked


@pytest.mark.slow
def test_facts_of_a_gguf_file_set_to_anything(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    values = [
        *(one for one in ABSURD if isinstance(one, bool | float | str)),
        0,
        1,
        3,
        2**32 - 1,
        None,
        [],
        [0],
        ["x"],
        [1.5],
    ]
    values += [
        Raw(10, struct.pack("<Q", 2**63)),
        Raw(11, struct.pack("<q", -1)),
        Raw(12, struct.pack("<d", float("inf"))),
    ]

    def changed() -> Iterator[Path]:
        for name in facts():
            for value in values:
                new = {**facts(), name: value}
                if value is None:
                    del new[name]
                yield Gguf(new).write(path)

    asked, no = counted(changed())
    assert asked == len(facts()) * len(values)
    assert asked / 2 < no < asked


@pytest.mark.slow
def test_fields_of_a_folder_set_to_anything(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "m")
    rng = random.Random(1)

    def changed() -> Iterator[Path]:
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"):
            whole = (model / name).read_text()
            places = list(_places(json.loads(whole)))
            for _ in range(120):
                new, place = json.loads(whole), rng.choice(places)
                _set(new, place, rng.choice(ABSURD))
                (model / name).write_text(json.dumps(new))
                yield model
            (model / name).write_text(whole)

    asked, no = counted(changed())
    assert asked == 480
    assert 0 < no < asked


@pytest.mark.slow
def test_bytes_and_the_table_of_a_safetensors_file_changed_at_random(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "m")
    weights, rng = model / "model.safetensors", random.Random(2)
    whole = weights.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    table = json.loads(whole[8 : 8 + length])
    places = list(_places(table))

    def other_bytes() -> bytes:
        new = bytearray(whole)
        new[rng.randrange(8 + length)] = rng.randrange(256)
        return bytes(new[: rng.randrange(len(new))] if rng.random() < 0.2 else new)

    def other_table() -> bytes:
        new = json.loads(json.dumps(table))
        _set(new, rng.choice(places), rng.choice(ABSURD))
        text = json.dumps(new).encode()
        return len(text).to_bytes(8, "little") + text + whole[8 + length :]

    def changed() -> Iterator[Path]:
        make: Callable[[], bytes]
        for make in (other_bytes, other_table):
            for _ in range(150):
                weights.write_bytes(make())
                yield model

    asked, no = counted(changed())
    assert asked == 300
    assert asked / 2 < no <= asked


def _places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        yield (*before, name)
        yield from _places(one, (*before, name))


def _set(value: Any, place: tuple[Any, ...], new: Any) -> None:
    for step in place[:-1]:
        value = value[step]
    value[place[-1]] = new
