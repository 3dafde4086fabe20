"""`commonweal score` where a request has no number, or is longer than the model's window."""

from __future__ import annotations

import json
from pathlib import Path

import polars
import pytest

from tests.flow.commands import commonweal, within
from tests.models.tiny_model import WINDOW, write_tiny_model

SOUND = [("ab", " c"), ("ab", " d"), ("", "hello")]


def requests_in(folder: Path, pairs: list[tuple[str, str]]) -> Path:
    path = folder / "requests.jsonl"
    path.write_text("\n" + "".join(json.dumps({"context": one, "continuation": other}) + "\n" for one, other in pairs))
    return path


def score(
    folder: Path, model: Path, pairs: list[tuple[str, str]], *more: str
) -> tuple[list[str | Path], dict[str, Path]]:
    command = ["score", model, requests_in(folder, pairs), "--out", folder / "s.parquet", "--device", "cpu", *more]
    return command, {"COMMONWEAL_CACHE": folder / "cache"}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_a_request_without_a_number_is_named_and_the_others_are_kept(tmp_path: Path, dtype: str) -> None:
    model = write_tiny_model(tmp_path / "model", without_number="q")
    command, environment = score(tmp_path, model, [*SOUND, ("aqb", " c")], "--dtype", dtype)
    ended = within(*command, **environment)
    assert ended.code == 3, ended.said
    assert f"failed: request 3 ({tmp_path / 'requests.jsonl'}:5): the model's answer is not a number" in ended.err
    assert "nan" not in ended.said.replace(str(tmp_path), "")
    if dtype != "float32":
        assert f"{dtype} against float32 on 3 of the requests: |difference| " in ended.out
        assert "1 of the 4 looked at has no number in one of the two" in ended.out
    table = polars.read_parquet(tmp_path / "s.parquet")
    assert table["logprob"].is_null().to_list() == [False, False, False, True]
    assert "(3 read back)" in within(*command, **environment).out
    (tmp_path / "alone").mkdir()
    sound, environment = score(tmp_path / "alone", model, SOUND, "--dtype", dtype)
    assert within(*sound, **environment).code == 0
    alone = polars.read_parquet(tmp_path / "alone" / "s.parquet")["logprob"].to_list()
    assert alone == pytest.approx(table["logprob"].to_list()[:3], rel=1e-6)  # a row more in a product may round it anew


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_where_no_request_has_a_number_no_deviation_is_told(tmp_path: Path, dtype: str) -> None:
    model = write_tiny_model(tmp_path / "model", without_number="q")
    command, environment = score(tmp_path, model, [("aq", " c"), ("q", "q")], "--dtype", dtype)
    ended = within(*command, **environment)
    assert ended.code == 3
    assert f"{dtype} against float32: no request has a number in both" in ended.out
    assert "|difference|" not in ended.out


def test_a_continuation_longer_than_the_window_is_named_with_its_line(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model")
    pairs = [*SOUND, ("ab", "c" * (WINDOW + 1))]
    where = f"{tmp_path / 'requests.jsonl'}:5"
    command, environment = score(tmp_path, model, pairs)
    ended = within(*command, **environment)
    assert ended.code == 2
    assert where in ended.err
    assert f"its continuation has {WINDOW + 1} tokens, more than the model's window of {WINDOW}" in ended.err
    ended = within(
        "compare", model, model, "--requests", command[2], "--dtype-b", "bfloat16", "--device", "cpu", **environment
    )
    assert ended.code == 2
    assert where in ended.err


def test_compare_names_the_line_of_a_request_without_a_number(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", without_number="q")
    requests = requests_in(tmp_path, [*SOUND, ("aqb", " c")])
    command = ["compare", model, model, "--requests", requests, "--dtype-b", "bfloat16", "--device", "cpu"]
    ended = within(*command, COMMONWEAL_CACHE=tmp_path / "cache")
    assert ended.code == 2
    assert f"{requests}:5" in ended.err
    assert "not a number" in ended.err


@pytest.mark.slow
def test_a_long_context_is_counted_once_and_transformers_says_nothing(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model")
    command, environment = score(tmp_path, model, [*SOUND, ("ab " * WINDOW, "c")])
    ended = commonweal(*command, **environment)
    assert ended.code == 0, ended.said
    assert "1 of the requests were longer than the model's window and lost the beginning of their context" in ended.err
    assert "Token indices" not in ended.said
