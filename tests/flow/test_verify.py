"""`commonweal verify`: what is whole passes, whatever was changed is caught, and a stranger's dossier hurts nobody."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from commonweal.cli import app
from commonweal.evidence.seals import SEALS, Seal, Seals, items_hash, sha256, whole_hash
from commonweal.evidence.store import hashed_evidence
from commonweal.measures.options import Options
from commonweal.pipeline import run
from commonweal.report.content import Dossier
from commonweal.report.dossier import render_dossier
from commonweal.system.loading import load
from commonweal.system.permissions import Permissions
from commonweal.verification import shown
from tests.flow.faults import write_data
from tests.flow.systems import write_small_system

AUDIT = "inequity.correspondence_audit"
MEASURES = (AUDIT, "transparency.declaration_completeness", "inequity.performance_gap")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dossier of an audit of an application that exists no more when it is verified."""
    folder = tmp_path_factory.mktemp("made")
    system = write_small_system(folder / "system")
    run(load(system), out=folder / "out", options=Options(MEASURES, permissions=Permissions(code=True)))
    shutil.rmtree(folder / "system")
    return folder / "out"


@pytest.fixture(autouse=True, scope="module")
def drawn_once() -> Iterator[None]:
    """The page of one content is drawn once for all of these tests; drawing it takes most of the time of a
    verification.
    """
    pages: dict[str, str] = {}

    def once(content: Dossier) -> str:
        key = content.to_json()
        if key not in pages:
            pages[key] = render_dossier(content)
        return pages[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shown, "render_dossier", once)
        yield


@pytest.fixture
def dossier(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "dossier")
    return tmp_path / "dossier"


def verified(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["verify", *map(str, arguments)])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    assert "Traceback" not in found.output
    assert len(found.output.strip().splitlines()) <= 10 or "--json" in arguments
    return found.exit_code, found.output


def report(folder: Path) -> dict[str, Any]:
    code, output = verified(folder, "--json")
    found: dict[str, Any] = json.loads(output)
    assert found["whole"] == (code == 0)
    return found


def in_json(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads((folder / "dossier.json").read_text())
    change(content)
    (folder / "dossier.json").write_text(json.dumps(content))


def in_rows(folder: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    rows = [json.loads(line) for line in (folder / "evidence.jsonl").read_text().splitlines()]
    change(rows)
    (folder / "evidence.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def sealed_anew(folder: Path) -> None:
    """What somebody does who changes a dossier and knows of its seals: every seal is made again."""
    seals, hashes = (
        Seals(folder / SEALS),
        {row.id: content for row, content in hashed_evidence(folder / "evidence.jsonl")},
    )
    old = [Seal.model_validate_json(line) for line in (folder / SEALS).read_bytes().splitlines()]
    (folder / SEALS).unlink()
    seals = Seals(folder / SEALS)
    for seal in old:
        update: dict[str, Any] = {}
        if seal.kind == "rows":
            ids = tuple(one for one in seal.ids if one in hashes)
            update = {"ids": ids, "count": len(ids), "hash": whole_hash(hashes[one] for one in ids)}
        if seal.kind == "file":
            content = (folder / seal.name).read_bytes()
            update = {"count": len(content), "hash": sha256(content)}
        if seal.kind == "items":
            items = pl.read_parquet(folder / "items" / f"{seal.name}.parquet").to_dicts()
            update = {"count": len(items), "hash": items_hash(items)}
        seals.append(seal.model_copy(update=update))


def audit_row(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next(
        row for row in rows if row["measure"] == AUDIT and row["estimate"] and row["estimate"]["low"] is not None
    )


@pytest.mark.parametrize("named", ["", "dossier.html", "dossier.json"])
def test_a_dossier_that_nobody_touched_is_whole_and_its_numbers_follow_from_its_items(
    dossier: Path, named: str
) -> None:
    before = {path: path.read_bytes() for path in dossier.rglob("*") if path.is_file()}
    code, output = verified(dossier / named)
    assert code == 0, output
    assert output.rstrip().endswith("whole")
    assert "worked out again" in output
    assert {path: path.read_bytes() for path in dossier.rglob("*") if path.is_file()} == before
    found = report(dossier)
    audited = [row for row in json.loads((dossier / "dossier.json").read_text())["evidence"] if row["measure"] == AUDIT]
    assert found["recomputed"]["rows"] >= len(audited) > 5
    assert found["hash"] in output


def test_what_cannot_be_worked_out_again_is_counted_with_its_reason_and_never_passed(dossier: Path) -> None:
    found = report(dossier)
    assert sum(found["recomputed"]["not_recomputed"].values()) + found["recomputed"]["rows"] <= found["rows"]
    assert "has no number, but the reason why there is none" in found["recomputed"]["not_recomputed"]
    shutil.rmtree(dossier / "probes")
    code, output = verified(dossier)
    assert code == 0
    assert "not verified" in output
    assert "needs the probes" in output


def test_what_was_written_by_another_version_is_not_called_whole_without_saying_what_was_not_checked(
    dossier: Path,
) -> None:
    in_json(dossier, lambda all_: (all_["run"].update(version="99.0"), all_["findings"].clear()))
    (dossier / "dossier.html").write_text("<p>All is well.</p>")
    sealed_anew(dossier)
    code, output = verified(dossier)
    assert code == 0
    assert output.splitlines()[-1].startswith(
        "whole, as far as it could be checked; not checked: findings, dossier.html"
    )
    assert report(dossier)["unchecked"][:2] == ["findings", "dossier.html"]


CHANGES: dict[str, Callable[[Path], object]] = {
    "a row removed": lambda folder: in_rows(folder, lambda rows: rows.pop(0)),
    "a value": lambda folder: in_rows(folder, lambda rows: audit_row(rows)["estimate"].update(value=0.0)),
    "a row added": lambda folder: in_rows(folder, lambda rows: rows.append({**rows[0], "id": "added"})),
    "a row doubled": lambda folder: in_rows(folder, lambda rows: rows.append(rows[0])),
    "all rows": lambda folder: (folder / "evidence.jsonl").unlink(),
    "no row": lambda folder: (folder / "evidence.jsonl").write_text("nothing\n"),
    "a value in dossier.json": lambda folder: in_json(
        folder, lambda all_: audit_row(all_["evidence"])["estimate"].update(value=0.0)
    ),
    "a row out of dossier.json": lambda folder: in_json(folder, lambda all_: all_["evidence"].pop(0)),
    "a headline": lambda folder: in_json(
        folder, lambda all_: all_["findings"][0].update(headline="No harm was found.")
    ),
    "a finding out": lambda folder: in_json(folder, lambda all_: all_["findings"].pop(0)),
    "the page": lambda folder: (folder / "dossier.html").write_text(
        (folder / "dossier.html").read_text().replace("A test agency", "A good agency")
    ),
    "no page": lambda folder: (folder / "dossier.html").unlink(),
    "the system": lambda folder: in_json(folder, lambda all_: all_["system"]["assets"][0].update(actor=None)),
    "items": lambda folder: change_items(folder, lambda frame: frame.with_columns(-pl.col("score"))),
    "an item removed": lambda folder: change_items(folder, lambda frame: frame[1:]),
    "no items": lambda folder: shutil.rmtree(folder / "items"),
    "no list of what was asked": lambda folder: [path.unlink() for path in folder.glob("items/*/*/runs/*")],
    "no seals": lambda folder: (folder / SEALS).unlink(),
    "no seal": lambda folder: (folder / SEALS).write_text(""),
    "a seal": lambda folder: (folder / SEALS).write_text(
        (folder / SEALS).read_text().replace('"count":', '"count":1', 3)
    ),
    "the probes": lambda folder: [
        path.write_text(path.read_text().replace("nurse", "purse")) for path in folder.glob("probes/*")
    ],
    "probes put in": lambda folder: (folder / "probes" / "more.json").write_text("{}"),
    "the last seal": lambda folder: (folder / SEALS).write_text(
        "".join(line + "\n" for line in (folder / SEALS).read_text().splitlines()[:-1])
    ),
    "the last seals": lambda folder: (folder / SEALS).write_text(
        "".join(line + "\n" for line in (folder / SEALS).read_text().splitlines()[:-2])
    ),
}


def change_items(folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    (path,) = folder.glob(f"items/{AUDIT}/*/*.parquet")
    change(pl.read_parquet(path)).write_parquet(path)


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_is_changed_is_caught(dossier: Path, what: str) -> None:
    CHANGES[what](dossier)
    code, output = verified(dossier)
    assert code == 1, output
    assert "changed: " in output
    assert "NOT WHOLE" in output


IN_CONCERT: dict[str, tuple[Callable[[Path], object], str]] = {
    "a value": (
        lambda folder: both(folder, lambda rows: audit_row(rows)["estimate"].update(value=0.001)),
        r"value is 0.001; from its items it is",
    ),
    "a bound": (lambda folder: both(folder, lambda rows: audit_row(rows)["estimate"].update(high=9.0)), "high is 9.0; from "
    "its items"),
    "n": (lambda folder: both(folder, lambda rows: audit_row(rows)["estimate"].update(n=99999)), "n is 99999; from "
    "its items"),
    "a row": (lambda folder: both(folder, lambda rows: rows.remove(audit_row(rows))), "that follow from its items are "
    "not in the dossier"),
    "items": (
        lambda folder: change_items(folder, lambda frame: frame.with_columns(score=-pl.col("score"), favourable=~pl.col("favourable"))),
        "from its items it is",
    ),
    "fewer items": (lambda folder: change_items(folder, lambda frame: frame[1:]), "cannot be worked out from its items"),
    "a headline": (CHANGES["a headline"], "its findings are not those that follow from its rows"),
    "the page": (CHANGES["the page"], "does not show what dossier.json holds"),
}  # fmt: skip


def both(folder: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    in_rows(folder, change)
    in_json(folder, lambda content: change(content["evidence"]))


@pytest.mark.parametrize("what", IN_CONCERT)
def test_who_makes_all_seals_again_is_caught_by_what_follows_from_the_items(dossier: Path, what: str) -> None:
    change, words = IN_CONCERT[what]
    change(dossier)
    sealed_anew(dossier)
    found = report(dossier)
    problems = [problem for check in found["checks"] for problem in check["problems"]] + found["recomputed"]["problems"]
    assert not any("sealed" in problem for problem in problems if what != "fewer items"), problems
    assert any(words in problem for problem in problems), problems


def test_measures_of_published_data_are_worked_out_again_where_these_are_at_hand(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    system = write_small_system(tmp_path / "system")
    measures = ("inequity.identity_false_positives",)
    text = (
        system.read_text()
        .replace("favourable: invite", "favourable: keep")
        .replace("context: employment", "context: moderation")
    )
    system.write_text(text)
    run(
        load(system),
        out=tmp_path / "out",
        options=Options(measures, permissions=Permissions(code=True), data=str(data)),
    )
    code, output = verified(tmp_path / "out")
    assert code == 0, output
    assert "needs published data, named with --data: hatecheck" in output
    assert "worked out again: none of" in output
    code, output = verified(tmp_path / "out", "--data", data)
    assert code == 0, output
    assert "1 of 1 measurements" in output
    (data / "hatecheck" / "test_suite_cases.csv").write_bytes(
        (data / "hatecheck" / "test_suite_cases.csv").read_bytes()[:-40]
    )
    code, output = verified(tmp_path / "out", "--data", data)
    assert code == 0
    assert "those of --data are other ones" in output
    assert verified(tmp_path / "out", "--data", tmp_path / "nowhere")[0] == 2


def test_what_a_later_run_left_unfinished_is_told_and_does_no_harm(dossier: Path) -> None:
    (dossier / "items" / AUDIT / "screener" / "0123456789abcdef.jsonl").write_text('{"key": "a"}\n')
    code, output = verified(dossier)
    assert code == 0
    assert "1 measurements were interrupted" in output


@pytest.mark.parametrize(
    "what",
    [
        "nothing there",
        "a file",
        "an empty folder",
        "no JSON",
        "another JSON",
        "a list",
        "no dossier",
        "a link",
        "twice",
    ],
)
def test_what_is_no_dossier_is_one_line_and_exit_code_2(dossier: Path, tmp_path: Path, what: str) -> None:
    path = dossier / "dossier.json"
    if what == "nothing there":
        shutil.rmtree(dossier)
    elif what == "a file":
        shutil.rmtree(dossier)
        dossier.write_text("")
    elif what == "a link":
        path.rename(tmp_path / "outside.json")
        path.symlink_to(tmp_path / "outside.json")
    else:
        path.unlink()
        content = {
            "no JSON": "{",
            "another JSON": "{}",
            "a list": "[1]",
            "no dossier": '{"schema": "commonweal-dossier/1"}',
            "twice": '{"a": 1, "a": 2}',
        }
        if what in content:
            path.write_text(content[what])
    code, output = verified(dossier)
    assert code == 2, output
    assert len(output.strip().splitlines()) == 1
    assert output.startswith("error: ")


def test_a_strangers_dossier_leads_nowhere(dossier: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jsonl"
    secret.write_text("a secret\n")
    (dossier / "evidence.jsonl").unlink()
    (dossier / "evidence.jsonl").symlink_to(secret)
    for path in dossier.glob("items/*"):
        shutil.rmtree(path)
        path.symlink_to(tmp_path)
    (dossier / "items" / "loop").symlink_to(dossier)
    os.mkfifo(dossier / "items" / "pipe")
    code, output = verified(dossier)
    assert code == 1
    assert "is a link" in output
    assert "a secret" not in output


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "a/../../b", "..", "a\x00b", "x" * 5000, ""])
def test_names_that_lead_out_of_the_folder_are_no_names(dossier: Path, name: str) -> None:
    seals = Seals(dossier / SEALS)
    seals.append(
        Seal(kind="items", name=name, count=1, hash="a"),
        Seal(kind="file", name=name, count=1, hash="a"),
        Seal(kind="rows", name=f"{name}r", count=1, hash="a", ids=("1",), items=name),
    )

    def rename(content: dict[str, Any]) -> None:
        for row in content["evidence"]:
            row["subjects"] = [name or "."]

    in_json(dossier, rename)
    assert verified(dossier)[0] == 1


def test_an_application_that_is_named_is_never_imported(
    dossier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "noise_app.py").write_text("raise SystemExit('the code of a stranger was run')")
    monkeypatch.syspath_prepend(tmp_path)
    shutil.copy(tmp_path / "noise_app.py", dossier / "noise_app.py")
    assert verified(dossier)[0] == 0


def mutated(content: bytes, rng: random.Random) -> bytes:
    body = bytearray(content)
    for _ in range(rng.choice((1, 3, 30))):
        place = rng.randrange(len(body))
        kind = rng.randrange(3)
        if kind == 0:
            body[place] = rng.randrange(256)
        elif kind == 1:
            del body[place : place + rng.randrange(1, 60)]
        else:
            body[place:place] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 20)))
    return bytes(body)


def read(path: Path) -> object:
    """What a file says: damage that changes nothing of that (an unused byte of a table) is none."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path).to_dicts()
    if path.name == "evidence.jsonl":
        return [content for _, content in hashed_evidence(path)]
    return path.read_bytes()


@pytest.mark.parametrize("count", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_damaged_files_end_in_a_line_and_never_in_a_traceback(dossier: Path, count: int) -> None:
    rng = random.Random(count)
    (items,) = dossier.glob(f"items/{AUDIT}/*/*.parquet")
    (asked,) = dossier.glob(f"items/{AUDIT}/*/runs/*.parquet")
    (probes,) = dossier.glob("probes/*")
    for path in (items, asked, probes, dossier / SEALS, dossier / "evidence.jsonl", dossier / "dossier.json"):
        content, before = path.read_bytes(), read(path)
        for _ in range(count):
            path.write_bytes(mutated(content, rng))
            code, output = verified(dossier)
            assert code in {1, 2} or path == probes or read(path) == before, (path, output)
        path.write_bytes(content)
    assert verified(dossier)[0] == 0


def test_a_table_that_would_grow_beyond_reason_is_not_read(dossier: Path) -> None:
    change_items(dossier, lambda _: pl.DataFrame({"key": pl.repeat("a", 60_000_000, eager=True)}))
    code, output = verified(dossier)
    assert code == 1
    assert "more than is read" in output


def test_marks_that_hide_text_are_shown(dossier: Path) -> None:
    in_json(dossier, lambda content: content["system"].update(name="good\u202e\x1b[2Jdossier"))
    code, output = verified(dossier)
    assert code == 1
    assert "\x1b" not in output
    assert "\u202e" not in output
