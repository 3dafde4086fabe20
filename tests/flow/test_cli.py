"""The command line as a person meets it.

Where a process of its own is not the point, the command runs within this one.
"""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import polars as pl
import pytest
import typer

from commonweal.cli.verbs import VERBS, app, command_of
from commonweal.system.starter import STARTER
from tests.flow.commands import commonweal, dossier_in, rows_in, statuses, within
from tests.flow.systems import write_system

AUDIT = "inequity.correspondence_audit"
TRANSPARENCY = "transparency.declaration_completeness"


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a system of one Python application, audited with seed 0 into `zero`."""
    folder = tmp_path_factory.mktemp("audited")
    write_system(folder)
    ended = within("run", "system.yaml", "--out", "zero", "--measures", AUDIT, "--allow-code", cwd=folder)
    assert ended.code == 0, ended.err
    return folder


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the starter system."""
    folder = tmp_path_factory.mktemp("declared")
    (folder / "system.yaml").write_text(STARTER, encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", [None, *sorted(VERBS)])
def test_help_names_every_option_and_says_what_each_is_for(command: str | None) -> None:
    ended = within(*([command] if command else []), "--help", COLUMNS="100")
    assert (ended.code, ended.err) == (0, "")
    text = " ".join(re.sub(r"[│╭╮╰╯─]", " ", ended.out).split())
    described = command_of(command) if command else typer.main.get_command(app)
    assert (described.help or "").split("\n")[0] in text
    for parameter in described.params:
        explanation = getattr(parameter, "help", None)
        name = parameter.opts[0] if parameter.opts[0].startswith("-") else str(parameter.metavar)
        assert name in text
        assert explanation, f"{name} has no explanation"
        assert explanation.split()[-1] in text
    for name in VERBS if command is None else ():
        assert name in text
    assert max(map(len, ended.lines)) <= 100
    assert "\x1b" not in ended.out


def test_without_a_command_the_help_is_shown() -> None:
    assert "Usage:" in within().said


def test_version() -> None:
    ended = commonweal("--version")
    assert (ended.code, ended.out.strip()) == (0, f"commonweal {importlib.metadata.version('commonweal')}")


def test_init_check_run_in_an_empty_folder_and_nothing_is_overwritten(tmp_path: Path) -> None:
    made = within("init", ".", cwd=tmp_path)
    assert made.code == 0, made.err
    assert (tmp_path / "system.yaml").read_text(encoding="utf-8") == STARTER
    assert made.lines[-1] == "next: commonweal check system.yaml"

    checked = within("check", "system.yaml", cwd=tmp_path)
    assert (checked.code, checked.err) == (0, "")
    assert "system.yaml: valid. 2 assets" in checked.lines[0]
    questions = int(re.findall(r"^(\d+) open questions", checked.out, re.M)[0])
    assert questions == checked.out.count("    where: ") == checked.out.count("    why: ") >= 3
    assert "Which data was 'smollm2' made from?" in checked.out

    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert list(before) == [tmp_path / "system.yaml"], "check writes nothing"
    sizes = []
    for _ in range(2):
        ran = within("run", "system.yaml", "--measures", "transparency", cwd=tmp_path)
        assert ran.code == 0, ran.err
        assert ran.lines[-1] == str(tmp_path / "dossier" / "dossier.html")
        assert [line.split(":")[0] for line in ran.lines[-4:-1]] == ["finding", "counts", "cost"]
        assert Path(ran.lines[-1]).stat().st_size > 10_000
        sizes.append(len(rows_in(tmp_path / "dossier")))
    assert sizes[0] == sizes[1] > 20, "a second run adds no row"
    assert {measure for measure, _ in statuses(rows_in(tmp_path / "dossier"))} == {TRANSPARENCY}
    assert len(dossier_in(tmp_path / "dossier")["run"]["system_hash"]) == 16
    assert dossier_in(tmp_path / "dossier")["run"]["system_file"] == "system.yaml"

    again = within("init", ".", cwd=tmp_path)
    assert again.code == 2
    assert "system.yaml: is already there" in again.err
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_an_error_has_file_and_line_and_a_traceback_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "system.yaml"
    path.write_text(STARTER.replace("actor: agency", "actor: agancy"), encoding="utf-8")
    line = path.read_text(encoding="utf-8").split("\n").index("    actor: agancy") + 1
    for command in (["check", "system.yaml"], ["run", "system.yaml", "--out", "out"]):
        plain = within(*command, cwd=tmp_path)
        assert (plain.code, plain.out) == (2, "")
        assert plain.err.startswith(
            f"error: system.yaml:{line} asset 'screener': unknown actor 'agancy'; declared: agency, lab"
        )
        assert "did you mean 'agency'?" in plain.err
        assert "Traceback" not in plain.err
        assert len(plain.err.splitlines()) <= 5
        loud = within(*command, "--debug", cwd=tmp_path)
        assert "Traceback" in loud.err
        assert "SystemFileError" in loud.err
        assert loud.code == 2, "1 would say that a finding lies beyond --fail-on"
    assert not (tmp_path / "out").exists()


def test_an_unknown_measure_is_refused_with_those_that_there_are(audited: Path) -> None:
    ended = within("run", "system.yaml", "--out", "unknown", "--measures", "inequity.corespondence", cwd=audited)
    assert ended.code == 2
    assert f"no measure 'inequity.corespondence'; did you mean '{AUDIT}'?; there are: " in ended.err
    assert AUDIT in ended.err
    assert not (audited / "unknown").exists()


@pytest.mark.model
@pytest.mark.parametrize(("device", "words"), [("gpu", "expected auto, cpu, cuda"), ("cuda:99", "cannot be used here")])
def test_a_device_that_is_not_there_is_refused_before_anything_is_measured(
    tmp_path: Path, embedded: Path, device: str, words: str
) -> None:
    (tmp_path / "system.yaml").write_text(STARTER, encoding="utf-8")
    ended = within("run", "system.yaml", "--device", device, cwd=tmp_path)
    assert ended.code == 2, ended.said
    assert f"device '{device}'" in ended.err or f"got '{device}'" in ended.err
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "dossier").exists()


def test_the_measures_are_listed_with_what_they_apply_to() -> None:
    ended = within("measures")
    assert ended.code == 0
    assert any(line.startswith(f"{AUDIT} (application): Gap in favourable outcomes") for line in ended.lines)
    assert len(ended.lines) >= 4


@pytest.mark.parametrize(
    ("conditions", "code", "words"),
    [
        (["found", f"{TRANSPARENCY}:declared_share>0.99"], 0, ""),
        ([f"{TRANSPARENCY}:declared_share<0.99"], 1, "2 beyond it"),
        ([f"{AUDIT}:selection_rate_ratio<0.8"], 3, "undecided, no row with a number answers it"),
        ([f"{AUDIT}:selection_rate_ratio<0.8", f"{TRANSPARENCY}:declared_share<0.99"], 3, "undecided"),
        (["selection_rate<<0.8"], 2, "expected 'found' or MEASURE:QUANTITY<VALUE"),
        ([f"{AUDIT}:selection_speed<1"], 2, "has no quantity 'selection_speed'; it has: selection_rate,"),
        (["inequity.nothing:selection_rate<1"], 2, "no measure 'inequity.nothing'"),
    ],
)
def test_fail_on_sets_the_exit_code_and_undecided_outranks_beyond(
    declared: Path, conditions: list[str], code: int, words: str
) -> None:
    flags = [part for condition in conditions for part in ("--fail-on", condition)]
    ended = within("run", "system.yaml", "--measures", TRANSPARENCY, *flags, cwd=declared)
    assert ended.code == code, ended.err
    assert words in ended.err
    assert len(ended.err.splitlines()) <= 5
    if code != 2:
        assert ended.lines[-1] == str(declared / "dossier" / "dossier.html")


def test_fail_on_found_is_beyond_where_something_is_found(tmp_path: Path) -> None:
    write_system(tmp_path, "python:name_app:decide")
    command = ["run", "system.yaml", "--measures", AUDIT, "--allow-code", "--fail-on", "found"]
    ended = within(*command, cwd=tmp_path, NOISE_GAP="0.5")
    assert ended.code == 1, ended.said
    assert re.search(r"--fail-on found: \d+ beyond it", ended.err)
    assert ended.lines[0].startswith("finding: Applicants presented as women got the favourable answer ")


@pytest.mark.parametrize(
    ("locator", "reason", "flag"),
    [
        ("python:noise_app:decide", "runs Python code", "--allow-code"),
        ("http://127.0.0.1:9/decide", "calls an address", "--allow-network"),
    ],
)
def test_a_run_in_which_nothing_could_be_measured_says_so_and_which_flag_to_give(
    tmp_path: Path, locator: str, reason: str, flag: str
) -> None:
    write_system(tmp_path, locator)
    ended = within("run", "system.yaml", "--measures", "inequity", "--measures", "environment", cwd=tmp_path)
    assert ended.code == 0, ended.said
    told = ended.lines[-3]
    assert re.match(r"nothing was measured: \d+ not applicable, 4 skipped; \d times: asset 'screener': ", told), told
    assert reason in told
    assert told.endswith(f"; if you trust the system file, give {flag}")
    measured = within("run", "system.yaml", "--measures", "transparency", cwd=tmp_path)
    assert "nothing was measured" not in measured.out


@pytest.mark.slow
def test_limit_asks_no_more_than_that(audited: Path) -> None:
    log = audited / "asked.log"
    before = len(log.read_text().splitlines())
    ended = within(
        "run", "system.yaml", "--out", "limited", "--measures", AUDIT, "--allow-code", "--limit", "400", cwd=audited
    )
    assert ended.code == 0, ended.err
    items = pl.read_parquet(next((audited / "limited").glob(f"items/{AUDIT}/screener/*.parquet")))
    assert 288 <= len(items) <= 400
    assert len(log.read_text().splitlines()) - before == len(items)
    assert {
        row["provenance"]["options"]["limit"] for row in rows_in(audited / "limited") if row["measure"] == AUDIT
    } == {"400"}
    refused = within("run", "system.yaml", "--limit", "0", cwd=audited)
    assert refused.code == 2
    assert "--limit" in refused.err


@pytest.mark.slow
def test_a_seed_changes_the_p_values_but_not_the_item_outcomes(audited: Path) -> None:
    ended = within(
        "run", "system.yaml", "--out", "one", "--measures", AUDIT, "--allow-code", "--seed", "1", cwd=audited
    )
    assert ended.code == 0, ended.err
    zero, one = (
        pl.read_parquet(next((audited / name).glob(f"items/{AUDIT}/screener/*.parquet"))).sort("key")
        for name in ("zero", "one")
    )
    assert zero.equals(one)
    numbers = []
    for name in ("zero", "one"):
        rows = [row for row in rows_in(audited / name) if row["estimate"] and row["measure"] == AUDIT]
        named = [
            (row["estimate"]["quantity"], str(row["estimate"]["group"]), str(row["estimate"]["reference"]))
            for row in rows
        ]
        numbers.append({key: row["estimate"] for key, row in zip(named, rows, strict=True)})
        assert dossier_in(audited / name)["run"]["seed"] == int(name == "one")
    assert numbers[0].keys() == numbers[1].keys()
    assert all(numbers[0][key]["value"] == pytest.approx(numbers[1][key]["value"]) for key in numbers[0])
    tested = [key for key in numbers[0] if numbers[0][key]["p_value"] is not None]
    assert tested
    assert any(numbers[0][key]["p_value"] != numbers[1][key]["p_value"] for key in tested)


def test_check_opens_the_probe_file_and_looks_up_the_grid(tmp_path: Path) -> None:
    system = write_system(tmp_path)
    text = system.read_text(encoding="utf-8")
    system.write_text(
        text.replace("builtin:hiring", "nowhere.yaml").replace("grid: FRA", "grid: Germany"), encoding="utf-8"
    )
    done = within("check", "system.yaml", cwd=tmp_path)
    assert done.code == 2
    assert "nowhere.yaml: there is no such file" in done.err
    assert "no grid zone 'Germany' in the table; nearest: DEU (Germany)" in done.err


def test_probes_for_another_slot_are_refused(tmp_path: Path) -> None:
    text = """
schema: commonweal/1
name: A bank
assets:
  - {id: model, kind: model, locator: "embedded:smollm2"}
  - id: triage
    kind: application
    prompt: {template: "{application} Grant? Answer:", options: {grant: " yes", refuse: " no"}, favourable: grant}
    probes: builtin:hiring
dependencies: [{upstream: model, downstream: triage, relation: serves}]
"""
    (tmp_path / "system.yaml").write_text(text, encoding="utf-8")
    done = within("check", "system.yaml", cwd=tmp_path)
    assert done.code == 2
    assert "fill the slot {resume}, and the template has {application}" in done.err


def test_check_of_very_many_deployments_prints_the_most_useful_questions_and_how_many_there_are(tmp_path: Path) -> None:
    head = "schema: commonweal/1\nname: a\nassets:\n  - {id: m, kind: application}\ndeployments:\n"
    (tmp_path / "system.yaml").write_text(head + "  - {application: m}\n" * 400, encoding="utf-8")
    ended = within("check", "system.yaml", cwd=tmp_path)
    assert ended.code == 0
    assert sum(line.startswith("[") for line in ended.lines) == 1000
    assert "more questions; these are the most useful ones" in ended.out
