"""Every registered measure under every fault: a row with its reason remains, no 0, no certainty, and nothing that reads
clean.

The measures come from the registry: a new one is in the matrix by itself.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from commonweal.measures.environment.meter import meter, observation
from commonweal.measures.environment.simple_baseline import side_by_side
from commonweal.measures.options import Options
from commonweal.measures.plan import prepare
from commonweal.measures.preflight import Preflight
from commonweal.measures.registry import MeasureSpec, load_registry
from commonweal.models.applications import http_application
from commonweal.models.endpoint import openai_model
from commonweal.models.predictions import PredictionTable
from commonweal.pipeline import run_prepared
from commonweal.report.content import Dossier
from commonweal.report.first_screen import first_screen
from commonweal.system.loading import load
from commonweal.system.permissions import Permissions
from tests.flow.faults import (
    ASKED,
    CONSTANT,
    DATA,
    DEPENDENCY,
    FAULTS,
    HIDDEN,
    NO_SENSE,
    subjects_of,
    write_data,
    write_flat_model,
)

SPECS = {
    name: spec for name, spec in load_registry().specs.items() if spec.function.__module__.startswith("commonweal.")
}


def senseless(spec: MeasureSpec, fault: str) -> str:
    """Why there is no such case; "" where there is one."""
    if fault == DATA and spec.data is None:
        return "it reads no data"
    return NO_SENSE.get((spec.subject, fault), "") or NO_SENSE.get((spec.name, fault), "")


CELLS = [(name, fault) for name in sorted(SPECS) for fault in FAULTS if not senseless(SPECS[name], fault)]
LIMIT = 600
ROWS_OF_DECLARATIONS = frozenset({"declared", "propagated"})


class Runs:
    """One run of every measure under each fault, made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flat = write_flat_model(folder / "flat")
        self.data = write_data(folder / "data")
        (folder / "nothing").mkdir()
        self.refused: dict[tuple[str, bool], tuple[str, ...]] = {}
        self._made: dict[tuple[str, bool], Dossier] = {}

    def under(self, fault: str, subject: type) -> Dossier:
        """A table of predictions is no file of answers, so it has a run of its own."""
        key = fault, subject is PredictionTable
        if key not in self._made:
            with pytest.MonkeyPatch.context() as patched:
                self._made[key] = self._run(fault, key[1], patched)
        return self._made[key]

    def _run(self, fault: str, table: bool, patched: pytest.MonkeyPatch) -> Dossier:
        folder = self.folder / f"{fault.replace(' ', '-')}{'-table' if table else ''}"
        folder.mkdir()
        patched.setenv("COMMONWEAL_CACHE", str(folder / "cache"))
        patched.setattr(
            openai_model, "ATTEMPTS_TO_LIST", 1, raising=False
        )  # who is refused is not asked again and again
        patched.setattr(http_application, "RETRIES", 0, raising=False)
        patched.setattr(observation, "BLOCK_S", 0.02)
        patched.setattr(observation, "WARM_UP_S", 0.01)
        patched.setattr(side_by_side, "BASELINE_BLOCK_S", 0.005)
        patched.setattr(meter, "POWERCAP", folder / "no-rapl")
        if fault == DEPENDENCY:
            for name in HIDDEN:
                patched.setitem(sys.modules, name, None)
        names = tuple(
            name for name, other in CELLS if other == fault and (SPECS[name].subject is PredictionTable) == table
        )
        allowed = Permissions(code=True, network=True, read=(self.flat,))
        data = self.folder / "nothing" if fault == DATA else self.data
        with subjects_of(fault, folder / "system", self.flat, table) as system:
            ready = prepare(load(system), Options(names, LIMIT, permissions=allowed, data=str(data), device="cpu"))
            if (
                ready.preflight.problems
            ):  # the command stops here, with exit code 2 and these lines; without it there are rows all the same
                self.refused[fault, table] = ready.preflight.problems
                ready = replace(ready, preflight=Preflight((), (), None))
            return run_prepared(ready, out=folder / "out")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("faults"))


def test_the_matrix_holds_every_measure_and_says_which_cases_make_no_sense() -> None:
    assert len(SPECS) >= 17
    assert {name for name, _ in CELLS} >= {name for name, spec in SPECS.items() if spec.data is not None}
    assert len(CELLS) >= 5 * len([spec for spec in SPECS.values() if spec.data is not None])
    for name, spec in SPECS.items():
        assert all((name, fault) in CELLS or senseless(spec, fault) for fault in FAULTS)


@pytest.mark.parametrize(("name", "fault"), CELLS)
def test_what_fails_leaves_a_row_with_its_reason_and_nothing_that_reads_clean(
    name: str, fault: str, runs: Runs
) -> None:
    dossier = runs.under(fault, SPECS[name].subject)
    subject = ASKED[SPECS[name].subject]
    rows = [row for row in dossier.rows if row.measure == name and row.subjects == (subject,)]
    assert all(runs.refused.get((fault, SPECS[name].subject is PredictionTable), ("none",)))
    assert rows, "it was asked for and left nothing"
    assert all(row.note for row in rows if row.status != "ok")
    numbers = [row for row in rows if row.estimate is not None and row.basis not in ROWS_OF_DECLARATIONS]
    if fault != CONSTANT:
        assert not numbers, [(row.estimate.quantity, row.estimate.value) for row in numbers if row.estimate]
    for row in numbers:
        one = row.estimate
        assert one is not None
        assert one.null is None or one.value != one.null, f"{one.quantity} {one.group}: reads as no difference"
        assert one.p_value is None, f"{one.quantity} {one.group}: a test of what does not vary"
        assert one.low is None or one.interval == "range" or one.low < one.high, f"{one.quantity} {one.group}: certain"
    (finding,) = [one for one in dossier.findings if one.measure == name and one.subject == subject]
    assert finding.verdict in {"not_judged", "not_measured"}, (finding.verdict, finding.headline)
    mine = dossier.model_copy(update={"findings": (finding,), "rows": tuple(rows)})
    screen = {part.style: part for part in first_screen(mine)}
    assert not screen["found"].lines
    assert not screen["found"].also
    assert not screen["not_shown"].lines
    assert any(part.lines for style, part in screen.items() if style in {"not_judged", "not_measured"}), (
        "the first screen hides it"
    )
