from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commonweal.errors import DataFileError, PermissionRequired
from commonweal.measures.data_set import DataPlace, open_data_set
from tests.models.hub_server import hub

PLACE = DataPlace("songs", "*.jsonl", "made up")
LOCATOR = "hf:some-org/songs"
OPEN = f"""
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
    """What opening the hub's data set prints; in a process of its own, for the hub's library reads its address once."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", OPEN.replace("ALLOWED", str(allowed))],
        env=environment | {"HF_ENDPOINT": address, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
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


def test_a_copy_of_a_repository_is_searched_and_two_folders_are_not_mixed(tmp_path: Path) -> None:
    (tmp_path / "repository" / "data").mkdir(parents=True)
    (tmp_path / "repository" / "data" / "one.jsonl").write_text("{}")
    assert [path.name for path in open_data_set(PLACE, tmp_path).files] == ["one.jsonl"]
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "two.jsonl").write_text("{}")
    with pytest.raises(DataFileError, match=r"several folders \(repository/data, results\)"):
        open_data_set(PLACE, tmp_path)
    with pytest.raises(DataFileError, match=r"no \*\.jsonl"):
        open_data_set(PLACE, tmp_path / "repository" / "nothing")
