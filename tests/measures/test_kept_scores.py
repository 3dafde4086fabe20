from __future__ import annotations

from pathlib import Path

from commonweal.evidence.records import Evidence, Provenance
from commonweal.evidence.store import Store, digest
from commonweal.measures.kept_scores import kept_scores
from commonweal.models.protocols import Continuation, Score

INPUTS = {"model": "fingerprint"}
SCORED = {"context": "a", "continuation": " b", "logprob": -1.5, "tokens": 2, "greedy": False, "word": "b"}
WRITTEN = {"context": "a", "text": "b"}


def row_of(measure: str, run: str = "run") -> Evidence:
    provenance = Provenance(
        source="s", measure=measure, version=1, inputs={**INPUTS, "rows": run}, started="now", duration_s=0.0
    )
    return Evidence(
        id=measure + run,
        subjects=("model",),
        measure=measure,
        basis="measured",
        status="ok",
        note="n",
        provenance=provenance,
    )


def test_scores_of_the_run_are_read_back_and_texts_and_other_runs_are_left(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for measure, item in (("inequity.scored", SCORED), ("inequity.written", WRITTEN)):
            with store.journal(measure, ("model",), digest(measure, 1, INPUTS)) as journal:
                journal.append([{"key": "1", **item}])
                journal.finish("earlier")
            with store.journal(measure, ("model",), digest(measure, 1, INPUTS)) as journal:
                journal.append([{"key": "2", **item}])
                journal.finish("run")
    rows = [row_of("inequity.scored"), row_of("inequity.scored"), row_of("inequity.written"), row_of("inequity.absent")]
    assert kept_scores(tmp_path, rows) == ([Continuation("a", " b")], [Score(-1.5, 2, False)])
    assert kept_scores(tmp_path, rows[2:]) == ([], [])
