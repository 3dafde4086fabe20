"""The whole flow on systems of 1, 3 and 300 assets, from Python, from a notebook, and with a measure of a
stranger's.
"""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import commonweal as cw
from commonweal.evidence.frame import FRAME_SCHEMA
from commonweal.evidence.records import Evidence
from commonweal.evidence.store import Store
from commonweal.evidence.verdicts import is_found
from commonweal.measures.gather import Setting, gather
from commonweal.measures.inequity.correspondence_audit import axes
from commonweal.measures.plan import prepare
from tests.flow.commands import children_s, commonweal, dossier_in, python, rows_in, statuses, within
from tests.flow.plugins import install_plugin
from tests.flow.systems import write_system, write_with_small_probes

AUDIT = "inequity.correspondence_audit"
GAP = 0.10


def gender_gap(dossier: cw.Dossier) -> dict[str, Any]:
    """The row of the difference in favourable rates between women and men, by first names."""
    frame = dossier.evidence.filter(
        (pl.col("quantity") == "selection_rate_difference")
        & (pl.col("group") == "gender=women")
        & (pl.col("status") == "ok")
    )
    (row,) = frame.rows(named=True)
    return row


def audited(folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int, gap: float) -> cw.Dossier:
    """An application that differs between names and résumés by chance, audited; men are better off by `gap`."""
    monkeypatch.setenv("NOISE_SEED", str(seed))
    monkeypatch.setenv("NOISE_GAP", str(gap))
    system = cw.load(write_system(folder / f"{seed}-{gap}", "python:name_app:decide", names=18))
    options = cw.Options(measures=(AUDIT,), seed=seed, permissions=cw.Permissions(code=True))
    return cw.run(system, out=folder / f"{seed}-{gap}" / "out", options=options)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_ten_points_for_one_group_are_found_and_covered_and_reach_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dossier = audited(tmp_path, monkeypatch, seed, GAP)
    row = gender_gap(dossier)
    assert row["low"] <= -GAP <= row["high"] < 0
    assert row["p_adjusted"] <= 0.05
    (finding,) = [finding for finding in dossier.findings if finding.measure == AUDIT]
    assert finding.verdict == "found"
    assert finding.headline.startswith("Applicants presented as women got the favourable answer ")
    assert " less often than those presented as men (95 % interval " in finding.headline
    assert {(reach.kind, reach.target, reach.people_per_year) for reach in finding.reach} >= {
        ("population", "applicants", 500)
    }
    assert [mender.actor for mender in finding.menders] == ["agency"]
    shortfall = [one for one in dossier.rows if one.estimate and one.estimate.quantity == "net_shortfall_per_decision"]
    (women,) = [one for one in shortfall if one.estimate and one.estimate.group == {"gender": "women"}]
    assert (women.basis, women.estimate.value if women.estimate else None) == (
        "propagated",
        pytest.approx(-row["value"]),
    )


def test_noise_of_names_alone_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dossier = audited(tmp_path, monkeypatch, 1, 0.0)
    (finding,) = [finding for finding in dossier.findings if finding.measure == AUDIT]
    assert finding.verdict == "not_shown"
    assert "That is not evidence that there is none" in finding.headline
    assert gender_gap(dossier)["minimum_detectable"] < GAP


def rows_of(folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int, gap: float) -> list[Evidence]:
    """The rows of one audit, without the page."""
    monkeypatch.setenv("NOISE_SEED", str(seed))
    monkeypatch.setenv("NOISE_GAP", str(gap))
    system = cw.load(write_system(folder / f"{seed}-{gap}", "python:name_app:decide", names=18))
    ready = prepare(system, cw.Options(measures=(AUDIT,), seed=seed, permissions=cw.Permissions(code=True)))
    with Store(folder / f"{seed}-{gap}" / "out") as store:
        return [row for task in ready.tasks for row in gather(task, Setting(store, system, "h", seed=seed))]


@pytest.mark.slow(seconds=60)
def test_over_many_seeds_noise_is_silent_at_the_stated_rate_and_ten_points_are_found_and_covered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axes, "DRAWS", 799)  # the same test, with p in steps of 1/800
    seeds = range(40)
    alarms = [any(is_found(row) for row in rows_of(tmp_path, monkeypatch, seed, 0.0)) for seed in seeds]
    assert sum(alarms) <= 5, "of 40 at 5 %: 6 or more have a chance of 1.4 %"
    rows = [row for seed in seeds for row in rows_of(tmp_path, monkeypatch, seed, GAP) if row.estimate]
    wanted = ("selection_rate_difference", {"gender": "women"})
    gaps = [row for row in rows if row.estimate and (row.estimate.quantity, row.estimate.group) == wanted]
    assert len(gaps) == len(seeds)
    bounds = [(row.estimate.low, row.estimate.high) for row in gaps if row.estimate]
    assert sum(low is not None and high is not None and low <= -GAP <= high for low, high in bounds) >= 36
    assert sum(map(is_found, gaps)) >= 32


def test_python_and_the_command_line_say_the_same(tmp_path: Path) -> None:
    path = write_with_small_probes(tmp_path / "system", THREE)
    write_system(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "noise_app.py", path.parent)
    ended = within(
        "run", path, "--out", tmp_path / "cli", "--measures", AUDIT, "--measures", "transparency", "--allow-code"
    )
    assert ended.code == 0, ended.err
    options = cw.Options(measures=(AUDIT, "transparency"), permissions=cw.Permissions(code=True))
    dossier = cw.run(cw.load(path), out=tmp_path / "python", options=options)
    numbers = [{row["id"]: row["estimate"] for row in rows_in(tmp_path / name)} for name in ("cli", "python")]
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) > 60
    assert dossier.path == tmp_path / "python" / "dossier.html"
    told = [dossier_in(tmp_path / name)["findings"] for name in ("cli", "python")]
    assert told[0] == told[1]


def test_the_evidence_is_a_polars_frame_with_a_line_per_row(tmp_path: Path) -> None:
    path = write_system(tmp_path / "system")
    options = cw.Options(measures=("transparency",))
    dossier = cw.run(cw.load(path), out=tmp_path / "out", options=options)
    frame = dossier.evidence
    assert isinstance(frame, pl.DataFrame)
    assert dict(frame.schema) == FRAME_SCHEMA
    assert {"measure", "subject", "status", "quantity", "unit", "group", "value", "low", "high", "n", "source"} <= set(
        frame.columns
    )
    assert len(frame) == len(rows_in(tmp_path / "out")) > 10
    assert frame["id"].n_unique() == len(frame)
    assert frame.filter(pl.col("status") == "ok")["value"].null_count() == 0


def test_a_notebook_shows_what_was_found_and_where_the_page_is(tmp_path: Path) -> None:
    if find_spec("nbclient") is None or find_spec("ipykernel") is None:
        pytest.skip("nbclient or ipykernel is not installed")
    write_system(tmp_path)
    cells = [
        "import commonweal\ndossier = commonweal.run('system.yaml', out='out', measures='transparency')",
        "dossier",
        "print(repr(dossier))",
    ]
    notebook = {
        "cells": [
            {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": text}
            for i, text in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (tmp_path / "try.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    script = (
        "import nbformat, nbclient\nbook = nbformat.read('try.ipynb', as_version=4)\nnbclient.NotebookClient(book, "
        "timeout=300, kernel_name='python3').execute()\nnbformat.write(book, 'done.ipynb')"
    )
    ended = python("-c", script, cwd=tmp_path)
    assert ended.code == 0, ended.err
    outputs = [cell["outputs"] for cell in json.loads((tmp_path / "done.ipynb").read_text(encoding="utf-8"))["cells"]]
    html = "".join(outputs[1][0]["data"]["text/html"])
    assert html.startswith('<iframe sandbox srcdoc="')
    assert "A test agency" in html
    assert "of the fields that should be declared have an answer" in html
    assert f"{tmp_path}/out/dossier.html" in html
    said = "".join(outputs[2][0]["text"]).splitlines()
    assert len(said) == 3
    assert said[-1] == f"{tmp_path}/out/dossier.html"


ONE_FILE = '''
from collections.abc import Iterator
from commonweal.evidence.records import Estimate, Quantity
from commonweal.measures.registry import measure
from commonweal.models.protocols import Case, DecisionApplication

@measure(source="Acme 2026, report 7", cluster="question", version=1,
         quantities={"contradictions": Quantity(unit="1", label="Share of questions answered both ways")})
def steadiness(application: DecisionApplication) -> Iterator[Estimate]:
    """Share of questions whose answer changes when the same question is put in capitals, in [0, 1]; 0: steady."""
    first = application.decide([Case(f"question {i}") for i in range(20)])
    second = application.decide([Case(f"QUESTION {i}") for i in range(20)])
    share = sum(a.favourable != b.favourable for a, b in zip(first, second)) / 20
    yield Estimate(quantity="contradictions", unit="1", value=share, low=0.0, high=1.0, interval="range", n=20, method="count")
'''


def test_adding_a_measure_takes_one_file(tmp_path: Path) -> None:
    path = write_system(tmp_path / "system")
    install_plugin(tmp_path / "site", "steadiness", ONE_FILE)
    command = ["run", path, "--out", tmp_path / "out", "--measures", "quality", "--allow-code"]
    ended = commonweal(*command, PYTHONPATH=tmp_path / "site")
    assert ended.code == 0, ended.said
    rows = [row for row in rows_in(tmp_path / "out") if row["measure"] == "quality.steadiness"]
    assert [row["status"] for row in rows] == ["ok"]
    assert 0.1 < rows[0]["estimate"]["value"] < 0.9
    (items,) = (tmp_path / "out").glob("items/quality.steadiness/screener/*.parquet")
    assert len(pl.read_parquet(items)) == 40, "its items are kept without a line of its own"
    page = (tmp_path / "out" / "dossier.html").read_text(encoding="utf-8")
    for text in (
        "quality.steadiness",
        "Share of questions answered both ways",
        "Acme 2026, report 7",
        "put in capitals",
    ):
        assert text in page
    listed = commonweal("measures", PYTHONPATH=tmp_path / "site")
    assert "quality.steadiness (application): Share of questions whose answer changes" in listed.out


THREE = """
schema: commonweal/1
name: Three assets
actors:
  - {id: lab, name: A lab, roles: [provider], jurisdiction: FR, contact: none, decision_rights: [data, training]}
assets:
  - {id: texts, kind: dataset, actor: lab}
  - {id: model, kind: model, actor: lab}
  - {id: screener, kind: application, actor: lab, locator: "python:noise_app:decide",
     outcome: {favourable: invite, decide: {threshold: 0}}, probes: small.yaml}
dependencies:
  - {upstream: texts, downstream: model, relation: trained_on}
  - {upstream: model, downstream: screener, relation: serves}
"""


def test_a_system_of_one_asset(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(
        "schema: commonweal/1\nname: One\nassets:\n  - {id: m, kind: model}\n", encoding="utf-8"
    )
    ended = within("run", "system.yaml", "--out", "out", cwd=tmp_path)
    assert ended.code == 0, ended.said
    found = statuses(rows_in(tmp_path / "out"))
    assert found["transparency.declaration_completeness", "m"] == {"ok"}
    assert found["inequity.occupation_association", "m"] == {"not_applicable"}
    assert found[AUDIT, "system"] == {"not_applicable"}, "what was asked for and finds no subject says so"


@pytest.mark.slow
def test_a_system_of_three_assets_with_every_measure(tmp_path: Path) -> None:
    write_with_small_probes(tmp_path, THREE)
    write_system(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "noise_app.py", tmp_path)
    ended = commonweal("run", "system.yaml", "--out", "out", "--allow-code", cwd=tmp_path)
    assert ended.code == 0, ended.said
    found = statuses(rows_in(tmp_path / "out"))
    assert "ok" in found[AUDIT, "screener"]
    assert "ok" in found["environment.inference_energy", "screener"]
    assert {subject for measure, subject in found if measure.startswith("transparency")} == {
        "texts",
        "model",
        "screener",
    }
    assert "people unknown" in (tmp_path / "out" / "dossier.html").read_text(encoding="utf-8").lower()


def write_three_hundred(folder: Path) -> Path:
    """100 datasets, 100 models without a locator in a chain, and 100 applications of which 3 can be asked."""
    write_system(folder)
    datasets = [
        f"  - {{id: d{i}, kind: dataset, actor: a{i % 10}, declared: {{languages: English}}}}" for i in range(100)
    ]
    models = [f"  - {{id: m{i}, kind: {'adapted_model' if i % 5 else 'model'}, actor: a{i % 10}}}" for i in range(100)]
    asked = (
        'locator: "python:noise_app:decide", outcome: {favourable: invite, decide: {threshold: 0}}, probes: small.yaml'
    )
    applications = [
        f"  - {{id: p{i}, kind: application, actor: a{i % 10}{', ' + asked if i < 3 else ''}}}" for i in range(100)
    ]
    edges = [f"  - {{upstream: d{i}, downstream: m{i}, relation: trained_on}}" for i in range(100)]
    edges += [f"  - {{upstream: m{i - i % 5}, downstream: m{i}, relation: adapted_from}}" for i in range(100) if i % 5]
    edges += [f"  - {{upstream: m{i}, downstream: p{i}, relation: serves}}" for i in range(100)]
    deployed = [
        f"  - {{application: p{i}, context: credit, grid: FRA, volume: 1000, reach: {{people: {i + 1}}}}}"
        for i in range(100)
    ]
    lines = [
        "schema: commonweal/1",
        "name: Three hundred assets",
        "actors:",
        *(f"  - {{id: a{i}, name: Actor {i}, roles: [provider]}}" for i in range(10)),
        "populations:",
        "  - {id: people, definition: everyone, size: 1000000}",
        "assets:",
        *datasets,
        *models,
        *applications,
        "dependencies:",
        *edges,
        "deployments:",
        *deployed,
        "",
    ]
    return write_with_small_probes(folder, "\n".join(lines))


@pytest.mark.slow(seconds=100)
def test_a_system_of_three_hundred_assets_is_measured_and_its_dossier_opens(tmp_path: Path) -> None:
    write_three_hundred(tmp_path)
    checked = commonweal("check", "system.yaml", cwd=tmp_path)
    assert checked.code == 0
    assert "300 assets, 100 deployments" in checked.lines[0]
    began = children_s()
    ended = commonweal("run", "system.yaml", "--out", "out", "--allow-code", cwd=tmp_path)
    took_s = children_s() - began
    assert ended.code == 0, ended.said
    assert took_s < 180
    assert len(ended.err.splitlines()) < 20
    found = statuses(rows_in(tmp_path / "out"))
    assert len({subject for _, subject in found} - {"system"}) == 300
    assert all("ok" in found[AUDIT, f"p{i}"] for i in range(3))
    assert found[AUDIT, "p7"] == {"not_applicable"}
    page = tmp_path / "out" / "dossier.html"
    assert page.stat().st_size < 30e6
    opens(page)


def opens(page: Path) -> None:
    """The page in a real browser: no error in its console, and the last asset can be found."""
    browser_at = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    if browser_at is None or find_spec("playwright") is None:
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_at, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.goto(page.as_uri())
        assert tab.locator("#answer").is_visible()
        assert tab.locator("text=p99").count() > 0
        browser.close()
        assert errors == []


@pytest.mark.slow
def test_what_is_measured_anew_when_the_system_changes_is_only_what_depends_on_it(tmp_path: Path) -> None:
    """A changed application is asked again; its unchanged neighbour is not."""
    two = THREE.replace("dependencies:\n", OTHER + "dependencies:\n")
    write_with_small_probes(tmp_path, two)
    write_system(tmp_path / "other")
    source = (tmp_path / "other" / "noise_app.py").read_text(encoding="utf-8")
    (tmp_path / "noise_app.py").write_text(source, encoding="utf-8")
    (tmp_path / "changed_app.py").write_text(source.replace("asked.log", "changed.log"), encoding="utf-8")
    command = ["run", "system.yaml", "--out", "out", "--measures", AUDIT, "--allow-code"]
    for _ in range(2):
        ended = commonweal(*command, cwd=tmp_path)
        assert ended.code == 0, ended.said
        with (tmp_path / "changed_app.py").open("a", encoding="utf-8") as file:
            file.write("# a new version\n")
    assert len((tmp_path / "asked.log").read_text().split()) == 72
    assert len((tmp_path / "changed.log").read_text().split()) == 144


OTHER = """
  - {id: other, kind: application, actor: lab, locator: "python:changed_app:decide",
     outcome: {favourable: invite, decide: {threshold: 0}}, probes: small.yaml}
"""
