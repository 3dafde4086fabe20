from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from commonweal.errors import DataFileError, DataRequired, PermissionRequired
from commonweal.measures.data_set import DataPlace, open_data_set
from tests.models.hub_server import hub
from tests.polling import WAIT_S

PLACE = DataPlace("songs", "*.jsonl", "made up")
LOCATOR = "hf:some-org/songs"
OPEN = f"""
import time
time.sleep = lambda seconds: None  # between attempts of the hub's library
from commonweal.errors import CommonwealError
from commonweal.measures.data_set import DataPlace, open_data_set
from commonweal.system.permissions import Permissions
try:
    found = open_data_set({PLACE!r}, {LOCATOR!r}, Permissions(download=ALLOWED))
    print([(path.name, path.read_text()) for path in found.files])
except CommonwealError as error:
    print(type(error).__name__, error)
"""


def opened(address: str, cache: Path, *, allowed: bool) -> str:
    """What opening the hub's data set prints; a download in a process of its own, for the hub's library reads its
    address once.
    """
    own = {"HF_ENDPOINT": address, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    code = OPEN.replace("ALLOWED", str(allowed))
    if not allowed:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as said:
            patch.setattr("time.sleep", time.sleep)  # put back afterwards
            for name, value in own.items():
                patch.setenv(name, value)
            exec(code, {})
        return said.getvalue()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment | own, capture_output=True, text=True, timeout=WAIT_S, check=True
    )
    return done.stdout


def test_a_data_set_of_the_hub_is_downloaded_once_where_allowed_and_only_its_files(tmp_path: Path) -> None:
    files = {"data/one.jsonl": b'{"a": 1}', "data/two.jsonl": b'{"a": 2}', "big/model.bin": b"x" * 1000}
    with hub("some-org/songs", files) as (address, asked):
        assert "PermissionRequired" in opened(address, tmp_path, allowed=False)
        assert not asked
        told = opened(address, tmp_path, allowed=True)
        assert told.strip() == str([("one.jsonl", '{"a": 1}'), ("two.jsonl", '{"a": 2}')])
        assert not any("model.bin" in path for path in asked if path.startswith("GET"))
        asked.clear()
        assert opened(address, tmp_path, allowed=False) == told
        assert not asked


def test_an_interrupted_download_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    files = {"one.jsonl": b'{"a": 1}' * 100, "two.jsonl": b'{"a": 2}' * 100}
    with hub("some-org/songs", files, broken=frozenset({"two.jsonl"})) as (address, _):
        assert "LocatorError hf:some-org/songs: the download failed" in opened(address, tmp_path, allowed=True)
    assert "PermissionRequired" in opened(address, tmp_path, allowed=False)


def test_a_name_that_is_not_there_is_told(tmp_path: Path) -> None:
    with hub("some-org/others", {}) as (address, _):
        assert "LocatorError" in opened(address, tmp_path, allowed=True)
    with pytest.raises(PermissionRequired, match=r"--allow-download, or name a folder"):
        open_data_set(PLACE, "hf:some-org/never-downloaded")


def test_two_folders_of_the_hub_are_not_mixed(tmp_path: Path) -> None:
    files = {"data/one.jsonl": b"{}", "results/two.jsonl": b"{}"}
    with hub("some-org/songs", files) as (address, _):
        assert "DataFileError --data hf:some-org/songs: *.jsonl in several folders (data, results)" in opened(
            address, tmp_path, allowed=True
        )


def test_a_folder_that_holds_other_sets_does_not_hold_this_one(tmp_path: Path) -> None:
    (tmp_path / "poems").mkdir()
    (tmp_path / "poems" / "one.jsonl").write_text("{}")
    with pytest.raises(DataRequired, match=r"does not hold: no \*\.jsonl in .*songs"):
        open_data_set(PLACE, tmp_path)
    assert [path.name for path in open_data_set(PLACE, tmp_path / "poems").files] == ["one.jsonl"]
    with pytest.raises(DataFileError, match="no such folder"):
        open_data_set(PLACE, tmp_path / "nothing")
