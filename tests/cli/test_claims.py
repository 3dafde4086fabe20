"""`commonweal claims check` as a person meets it: the table, the JSON, the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from commonweal.cli import app
from tests.polling import WAIT_S

HEAD = "schema: commonweal-claims/1\nsource: made up\nclaims:\n"
RIGHT = (
    HEAD
    + "  - {id: a, quantity: q, claimed: 429 kg, formula: carbon, inputs: {energy: 1000 kWh, intensity: 429 g/kWh}}\n"
)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        app, ["claims", "check", *map(str, arguments)], env={"COLUMNS": "100"}, catch_exceptions=False
    )


def written(folder: Path, text: str) -> Path:
    path = folder / "claims.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("arguments", [(), ("--shipped",)])
def test_the_shipped_claims_are_told_in_a_table_and_some_fail(arguments: tuple[str, ...]) -> None:
    ended = run(*arguments)
    assert (ended.exit_code, ended.stderr) == (1, "")
    rows = {line.split()[0]: line for line in ended.stdout.splitlines() if line.strip()}
    assert "does not follow" in next(line for line in ended.stdout.splitlines() if line.startswith("bert-trees "))
    assert "5 follow, 4 do not follow, 3 cannot be checked" in " ".join(ended.stdout.split())
    assert "suspicion: CO2 is counted as carbon" in " ".join(ended.stdout.split())
    assert rows["claim"].split() == ["claim", "claimed", "recomputed", "ratio", "verdict"]
    assert max(map(len, ended.stdout.splitlines())) <= 100
    assert "\x1b" not in ended.stdout


def test_json_has_every_verdict() -> None:
    ended = run("--json")
    records = json.loads(ended.stdout)
    assert ended.exit_code == 1
    by_id = {one["claim"]: one for one in records}
    assert {"claim", "verdict", "claimed", "recomputed", "ratio", "explanation", "sources"} <= records[0].keys()
    assert [by_id[name]["verdict"] for name in ("estonia-trees", "bert-trees", "break-even")] == [
        "follows",
        "does_not_follow",
        "cannot_be_checked",
    ]
    assert by_id["bert-trees"]["recomputed"] == pytest.approx(652 / 60)


def test_exit_codes(tmp_path: Path) -> None:
    right = written(tmp_path, RIGHT)
    assert run(right).exit_code == 0
    assert run(right, "--strict").exit_code == 0
    unchecked = written(tmp_path, HEAD + "  - {id: a, quantity: q, claimed: 429 kg}\n")
    assert run(unchecked).exit_code == 0
    assert "0 follow, 0 do not follow, 1 cannot be checked" in " ".join(run(unchecked).stdout.split())
    assert run(unchecked, "--strict").exit_code == 1
    assert run(written(tmp_path, RIGHT.replace("claimed: 429", "claimed: 500"))).exit_code == 1


def test_a_fault_in_the_file_is_told_in_a_line_and_ends_with_2(tmp_path: Path) -> None:
    bad = written(tmp_path, RIGHT.replace("1000 kWh", "-1 kWh"))
    ended = run(bad)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert f"error: {bad}:4 claim 'a': `energy` is '-1 kWh', which is negative; expected 0 or more" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Traceback" in run(bad, "--debug").stderr
    for path, told in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "is a folder")):
        ended = run(path)
        assert (ended.exit_code, told in ended.stderr) == (2, True)
    assert run(written(tmp_path, RIGHT), "--shipped").exit_code == 2


def test_text_of_a_stranger_is_shown_as_it_is(tmp_path: Path) -> None:
    ended = run(written(tmp_path, RIGHT.replace("quantity: q", 'quantity: "[red]x[/red] \\x1b[31m"')))
    assert ended.exit_code == 0
    assert "[red]x[/red]" in ended.stdout
    assert "\x1b" not in ended.stdout


def test_a_process_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "commonweal", "claims", "check", str(written(tmp_path, RIGHT))]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=WAIT_S, check=False, env=os.environ | {"NO_COLOR": "1"}
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "follows" in ended.stdout
