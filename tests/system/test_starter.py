"""The starter loads without a fault and is never written over anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from commonweal.errors import OutputError
from commonweal.system.loading import load
from commonweal.system.starter import write_starter


def test_starter_loads(tmp_path: Path) -> None:
    (path,) = write_starter(tmp_path / "new" / "folder")
    system = load(path)
    assert system.asset("smollm2").locator == "embedded:smollm2"
    prompt = system.asset("screener").prompt
    assert prompt is not None
    assert (prompt.slot, prompt.favourable, prompt.decide.top_share) == ("resume", "invite", 0.3)
    assert "\n\nShould we" in prompt.template
    assert system.deployments[0].volume == 400000.0


def test_every_part_is_explained(tmp_path: Path) -> None:
    (path,) = write_starter(tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines()
    for section in ("actors:", "populations:", "assets:", "dependencies:", "deployments:"):
        assert lines[lines.index(section) - 1].startswith("# ")
    assert max(map(len, lines)) <= 130


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (path,) = write_starter(tmp_path)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(
        OutputError, match=r"system\.yaml: is already there, and is left as it is; choose another folder"
    ):
        write_starter(tmp_path)
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(OutputError, match=r"taken: is already there"):
        write_starter(tmp_path / "taken")
