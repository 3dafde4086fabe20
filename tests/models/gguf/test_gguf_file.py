from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from commonweal.errors import LocatorError
from commonweal.models.gguf.gguf_file import BLOCKS, read_gguf_header
from commonweal.models.locators import EMBEDDED, Located, check_sha256
from commonweal.models.opening import open_model


def test_block_sizes_are_those_of_the_gguf_library() -> None:
    gguf = pytest.importorskip("gguf")
    known = {int(kind): size for kind, size in gguf.GGML_QUANT_SIZES.items()}
    assert {kind: known[kind] for kind in BLOCKS} == BLOCKS


@pytest.mark.model
def test_the_header_agrees_with_the_gguf_library(gguf: Located) -> None:
    library = pytest.importorskip("gguf").GGUFReader(gguf.path)
    header = read_gguf_header(gguf.path)
    assert header.parameters == 134_515_008
    assert [(t.name, list(t.shape), t.offset, t.size) for t in header.tensors] == [
        (t.name, t.shape.tolist(), t.data_offset, t.n_bytes) for t in library.tensors
    ]
    assert header.facts["tokenizer.ggml.tokens"] == library.fields["tokenizer.ggml.tokens"].contents()


@pytest.mark.model
@pytest.mark.parametrize("length", [0, 3, 20, 5_000, 1_000_000, 50_000_000])
def test_a_truncated_file_is_named_with_its_hash(gguf: Located, tmp_path: Path, length: int) -> None:
    content = gguf.path.read_bytes()[:length]
    (tmp_path / "short.gguf").write_bytes(content)
    with pytest.raises(LocatorError) as caught:
        open_model("short.gguf", folder=tmp_path)
    for part in ("short.gguf", hashlib.sha256(content).hexdigest(), "Expected a whole GGUF file"):
        assert part in str(caught.value)


@pytest.mark.model
def test_an_embedded_file_of_another_content_is_refused(gguf: Located, tmp_path: Path) -> None:
    copy = tmp_path / gguf.path.name
    copy.write_bytes(gguf.path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(LocatorError, match=EMBEDDED["smollm2"].sha256):
        check_sha256(Located("embedded:smollm2", copy, "gguf", gguf.sha256))
