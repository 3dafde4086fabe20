from __future__ import annotations

from pathlib import Path

import pytest

from commonweal.errors import DataFileError
from commonweal.footprint.imported.imported import read_imported
from tests.footprint.made_up_logs import OUTPUT_LOG, STANDARD_LOG, benchmark_report, emissions_csv


@pytest.mark.parametrize(
    ("text", "tool", "runs"),
    [
        (emissions_csv({}), "codecarbon", 1),
        (STANDARD_LOG, "carbontracker", 2),
        (OUTPUT_LOG, "carbontracker", 1),
        (benchmark_report(), "optimum-benchmark", 3),
    ],
    ids=["codecarbon", "epochs", "sum", "optimum"],
)
@pytest.mark.parametrize("written", ["plain", "mark", "windows"])
def test_the_format_is_found_out_by_the_first_line(
    text: str, tool: str, runs: int, written: str, tmp_path: Path
) -> None:
    path = tmp_path / "any.name"
    raw = (text.replace("\n", "\r\n") if written == "windows" else text).encode()
    path.write_bytes((b"\xef\xbb\xbf" if written == "mark" else b"") + raw)
    found = read_imported(path)
    assert (found.tool, len(found.runs)) == (tool, runs)
    assert found.faults == ()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty; expected emissions.csv"),
        (b" \n\n", "is empty"),
        ("timestamp,duration\ncafé\n".encode("latin-1"), r":2 byte 22 is 0xe9, which is not UTF-8"),
        ("timestamp".encode("utf-16"), r"is a text in UTF-16"),
        (b"a,b\n1,2\n", r":1 begins with 'a,b'; expected codecarbon's emissions.csv"),
    ],
    ids=["empty", "blank", "latin-1", "utf-16", "another table"],
)
def test_what_is_no_such_file_is_refused(raw: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "emissions.csv"
    path.write_bytes(raw)
    with pytest.raises(DataFileError, match=said):
        read_imported(path)


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="cannot be read"):
        read_imported(tmp_path / "absent.csv")
    with pytest.raises(DataFileError, match="cannot be read"):
        read_imported(tmp_path)
