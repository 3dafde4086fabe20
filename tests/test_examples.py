"""Every example is a test: it loads, nothing stands in the way of running it, and a small run of it ends well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import commonweal as cw
from commonweal.measures.plan import prepare
from commonweal.report.content import Dossier
from tests.flow.commands import python, rows_in, statuses, within
from tests.report.counts import disagreements

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*/system.yaml"))
# The hiring example is run by tests/flow/test_first_hour.py too, so that here it can wait for the slow tests.
RUN = [pytest.param(path, marks=pytest.mark.slow if path.parent.name == "hiring" else ()) for path in EXAMPLES]
LIMIT = 80
# An example that only declares: its application cannot be asked, and what it shows is the ledger and V(M).
DECLARED_ONLY = {
    "translation": [
        "[essential] application 'translator': How can 'translator' be asked? It has neither a `prompt` nor a "
        "`locator`."
    ]
}


def test_there_are_examples() -> None:
    assert [path.parent.name for path in EXAMPLES if path.parent.name == "hiring"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_is_valid_and_asks_for_no_permission(path: Path) -> None:
    ended = within("check", path)
    assert ended.code == 0, ended.err
    essential = [line for line in ended.out.splitlines() if "[essential]" in line]
    assert essential == DECLARED_ONLY.get(path.parent.name, []), "an example answers the essential questions"


@pytest.mark.model
@pytest.mark.parametrize("path", RUN, ids=lambda path: path.parent.name)
def test_an_example_runs(path: Path, tmp_path: Path, model_cache: Path) -> None:
    ready = prepare(cw.load(path), cw.Options(limit=LIMIT))
    assert ready.preflight.problems == ()
    assert [warning for warning in ready.preflight.warnings if "--data DIR" not in warning] == []
    measured = path.parent.name not in DECLARED_ONLY
    assert len(ready.preflight.warnings) == measured
    ended = within("run", path, "--out", tmp_path / "out", "--limit", str(LIMIT), COMMONWEAL_CACHE=model_cache)
    assert ended.code == 0, ended.said
    rows = rows_in(tmp_path / "out")
    assert not [row["note"] for row in rows if row["status"] == "failed"]
    assert {asset.id for asset in ready.system.assets} == {s for m, s in statuses(rows) if m.startswith("transparency")}
    shown = {"environment.inference_energy"} if measured else {"environment.life_cycle", "environment.value"}
    assert {row["measure"] for row in rows if row["status"] == "ok"} >= shown
    assert Path(ended.lines[-1]).samefile(tmp_path / "out" / "dossier.html")
    dossier = Dossier.model_validate_json((tmp_path / "out" / "dossier.json").read_text(encoding="utf-8"))
    assert disagreements(dossier, (tmp_path / "out" / "dossier.html").read_text(encoding="utf-8")) == []


@pytest.mark.slow
@pytest.mark.model
def test_the_example_notebook_runs_from_top_to_bottom_and_shows_the_summary(tmp_path: Path, model_cache: Path) -> None:
    pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    (tmp_path / "examples").symlink_to(EXAMPLES[0].parents[1])
    script = (
        "import nbformat, nbclient\nbook = nbformat.read('examples/first_dossier.ipynb', as_version=4)\n"
        "nbclient.NotebookClient(book, timeout=600, kernel_name='python3').execute()\nnbformat.write(book, 'done.ipynb')"
    )
    ended = python("-c", script, cwd=tmp_path, COMMONWEAL_CACHE=model_cache)
    assert ended.code == 0, ended.err
    cells = json.loads((tmp_path / "done.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [cell["outputs"] for cell in cells if cell["cell_type"] == "code"]
    said = [
        text
        for output in outputs[1]
        if output["output_type"] == "stream"
        for text in "".join(output["text"]).splitlines()
    ]
    assert said[-1] == str(tmp_path / "dossiers" / "notebook" / "dossier.html")
    shown = [text for output in outputs[1] for text in output.get("data", {}).get("text/plain", [])]
    assert any("inequity.occupation_association on smollm2" in text for text in shown), "progress"
    assert "the probability of “she” rises" in "".join(outputs[2][0]["data"]["text/html"])
    assert "text/html" in outputs[3][-1]["data"], "a frame"
    assert "did you mean 'measures'?" in "".join(outputs[4][0]["text"])
