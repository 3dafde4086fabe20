"""What is no text, and what says a thing twice, in every reader of strangers' files."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars
import pytest

from commonweal.errors import CommonwealError, DataFileError
from commonweal.files.text import json_of, refuse_repeated, text_of
from commonweal.footprint.claims.claim_file import read_claims
from commonweal.footprint.imported.imported import read_imported
from commonweal.measures.probes.reader import load_probes
from commonweal.models.choosing import read_answers
from commonweal.models.prediction_tables import read_prediction_table
from commonweal.models.request_file import read_requests
from commonweal.models.table_rows import table_rows
from commonweal.system.loading import load
from commonweal.system.permissions import Permissions

ZSTD = bytes.fromhex("28b52ffd04580100006869f0d3")  # "hi"


def zipped(name: str, content: bytes = b"truth,prediction\n1,1\n") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def parquet() -> bytes:
    table = io.BytesIO()
    polars.DataFrame({"truth": [1, 0], "prediction": [1, 1]}).write_parquet(table)
    return table.getvalue()


BINARY = {
    "gzip": (gzip.compress(b"a,b\n1,2\n"), r"is packed with gzip, not a text in UTF-8; unpack it \(gunzip\)"),
    "zip": (zipped("t.csv"), r"is packed with zip.*unpack it \(unzip\)"),
    "zstd": (ZSTD, r"is packed with zstd.*unpack it \(unzstd\)"),
    "bzip2": (bz2.compress(b"a,b\n"), r"is packed with bzip2.*unpack it \(bunzip2\)"),
    "empty bzip2": (bz2.compress(b""), "is packed with bzip2"),
    "xz": (lzma.compress(b"a,b\n"), r"is packed with xz.*unpack it \(unxz\)"),
    "parquet": (parquet(), "is a Parquet table.*save it as JSON lines or CSV"),
    "xlsx": (
        zipped("xl/workbook.xml"),
        r"is an Excel workbook \(\.xlsx\).*save the sheet that is meant as 'CSV UTF-8'",
    ),
    "utf-16": ("a,b\n".encode("utf-16"), "is a text in UTF-16.*save it with the encoding UTF-8"),
}
READERS: dict[str, Callable[[Path], object]] = {
    "requests.jsonl": read_requests,
    "rows.csv": lambda path: list(table_rows(path)),
    "rows.jsonl": lambda path: list(table_rows(path)),
    "answers.jsonl": read_answers,
    "table.csv": read_prediction_table,
    "table.jsonl": read_prediction_table,
    "system.yaml": load,
    "probes.yaml": lambda path: load_probes(path.name, path.parent, Permissions()),
    "claims.yaml": read_claims,
    "emissions.csv": read_imported,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", BINARY)
def test_every_reader_says_what_a_binary_file_is_and_how_to_mend_it(name: str, kind: str, tmp_path: Path) -> None:
    raw, said = BINARY[kind]
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(CommonwealError, match=said) as caught:
        READERS[name](tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_text_that_only_begins_like_one_of_them_is_read(tmp_path: Path) -> None:
    for text in ("PAR1,b\n", "BZh9 is a name\n", "PK,b\n", ""):
        (tmp_path / "t").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
        assert text_of(tmp_path / "t") == text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "requests.jsonl",
            '{"context": "a", "continuation": "b"}\n{"context": "a", "context": "c", "continuation": "b"}\n',
            "context",
        ),
        ("rows.jsonl", '{"a": 1}\n{"b": {"a": 1, "c": [{"a": 2}], "a": 3}}\n', "a"),
        ("answers.jsonl", '{"item": "1", "answer": "x"}\n{"item": "2", "answer": "x", "answer": "y"}\n', "answer"),
        (
            "table.jsonl",
            '{"truth": 1, "prediction": 0, "group_x": "a:\\": b"}\n{"truth": 1, "prediction": 1, "group_x": null, '
            '"truth" : 0}\n',
            "truth",
        ),
        (
            "table.jsonl",
            '{"truth": 1, "prediction": 0, "group_x": "a"}\n{"truth": 1, "truth": 1, "prediction": 1}\n',
            "truth",
        ),
        ("emissions.csv", '{"config": {"name": "a",\n "name": "b"}, "report": {"x": {"energ', "name"),
    ],
)
def test_a_name_that_one_object_has_twice_is_refused_with_its_line(
    name: str, text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(CommonwealError, match=rf"{name}:2 '{said}' is there twice in one object"):
        READERS[name](tmp_path / name)


def test_names_are_compared_as_they_are_read_and_only_within_one_object() -> None:
    assert json_of('[{"a": "\\"a\\": {"}, {"a": {"a": 1}}]', "f") == [{"a": '"a": {'}, {"a": {"a": 1}}]
    with pytest.raises(DataFileError, match="f:4 'é' is there twice"):
        json_of('{"é": 1,\n"\\u00e9": 2}', "f", 3)
    with pytest.raises(DataFileError, match="f:8 is not JSON"):
        json_of('{"a":\n]', "f", 7)
    with pytest.raises(DataFileError, match="f:1 is not JSON"):
        json_of("[" * 100_000, "f")
    refuse_repeated('} "a": 1, {"b": 1, "c": {"b": 2', "f")


def test_a_table_whose_texts_look_like_names_is_still_read_by_column(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = [{"truth": number % 2, "prediction": 1, "group_x": f'say ": {number}', "note": None} for number in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert read_prediction_table(path).truth.sum() == 20
