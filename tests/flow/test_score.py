"""`commonweal score` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import polars
import pytest

from tests.flow.commands import within

pytestmark = pytest.mark.model

REQUESTS = [
    ("The capital of France is", " Paris"),
    ("The capital of France is", " London"),
    ("The capital of France is", " a city that I do not know"),
    ("", "Hello, world"),
]


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    path = tmp_path / "requests.jsonl"
    path.write_text("".join(json.dumps({"context": one, "continuation": other}) + "\n" for one, other in REQUESTS))
    return path


def test_scores_are_written_and_a_second_run_computes_nothing(
    requests: Path, tmp_path: Path, model_cache: Path
) -> None:
    scores = str(tmp_path / "scores.parquet")
    command = ["score", "embedded:smollm2", str(requests), "--out", scores]
    environment = {"COMMONWEAL_CACHE": str(model_cache)}
    first = within(*command, "--no-cache", **environment)
    assert first.code == 0, first.said
    table = polars.read_parquet(scores)
    assert table["index"].to_list() == [0, 1, 2, 3]
    assert table["logprob"][0] > table["logprob"][1]
    assert table["tokens"].to_list() == [1, 1, 7, 3]
    assert "4 requests (0 read back), 24 tokens, 14 distinct, " in first.out
    assert first.lines[-1] == scores

    fresh = {"COMMONWEAL_CACHE": str(tmp_path / "cache")}
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "models").symlink_to(model_cache / "models")
    for read_back in (0, 4):
        again = within(*command, **fresh)
        assert f"4 requests ({read_back} read back)" in again.out
        assert polars.read_parquet(scores)["logprob"].to_list() == pytest.approx(table["logprob"].to_list(), abs=1e-4)


def test_a_continuation_that_merges_with_its_context_is_told(tmp_path: Path, model_cache: Path) -> None:
    path, pairs = tmp_path / "merging.jsonl", [("The cat sa", "t"), ("The capital of Franc", "e"), ("The cat", " sat")]
    path.write_text("".join(json.dumps({"context": one, "continuation": other}) + "\n" for one, other in pairs))
    ended = within("score", "embedded:smollm2", path, "--out", tmp_path / "s.parquet", COMMONWEAL_CACHE=model_cache)
    assert ended.code == 0, ended.said
    assert (
        "2 of the requests share a token with the end of their context: only what comes after it was scored"
        in ended.err
    )
    path.write_text(json.dumps({"context": "The cat", "continuation": " sat"}))
    ended = within("score", "embedded:smollm2", path, "--out", tmp_path / "s.parquet", COMMONWEAL_CACHE=model_cache)
    assert "merged" not in ended.said


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_another_number_format_tells_how_far_it_is_from_float32(
    requests: Path, tmp_path: Path, model_cache: Path, dtype: str
) -> None:
    ended = within(
        "score",
        "embedded:smollm2",
        str(requests),
        "--out",
        str(tmp_path / "s.parquet"),
        "--dtype",
        dtype,
        "--no-cache",
        COMMONWEAL_CACHE=model_cache,
    )
    assert ended.code == 0, ended.said
    assert f"{dtype} against float32 on 4 of the requests: |difference| " in ended.out
    largest = float(ended.out.split("in the median, ")[1].split(" nat")[0])
    assert 1e-4 < largest < 2.0


def test_bad_input_is_refused_before_the_model_is_opened(requests: Path, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "s.parquet")]
    requests.write_text(requests.read_text() + '{"context": "a"}\n')
    ended = within("score", "embedded:smollm2", str(requests), *out)
    assert (ended.code, ended.out) == (2, "")
    assert "requests.jsonl:5 continuation is missing, expected a text" in ended.err
    assert "Traceback" not in ended.said
    assert within("score", "embedded:smollm2", str(tmp_path), *out).code == 2
    assert within("score", "embedded:smollm2", "nowhere.jsonl", *out).code == 2
    requests.write_text('{"context": "a", "continuation": " b"}\n')
    for arguments, words in [
        (["embedded:smollm3", str(requests), *out], "smollm3"),
        (["embedded:smollm2", str(requests), *out, "--dtype", "float8"], "expected float32, bfloat16, int8"),
        (["embedded:smollm2", str(requests), "--out", str(tmp_path)], "name a file such as"),
    ]:
        ended = within("score", *arguments)
        assert ended.code == 2, ended.said
        assert words in ended.err
