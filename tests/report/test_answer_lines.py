"""The answer in a few lines: what a terminal and Python say last."""

from __future__ import annotations

from collections.abc import Mapping

from commonweal.evidence.verdicts import is_found, is_tested
from commonweal.report.answer_lines import answer_lines, counts_line
from commonweal.report.content import Dossier


def test_findings_come_first_then_what_is_described_then_counts_of_comparisons(dossiers: Mapping[str, Dossier]) -> None:
    hiring = dossiers["hiring"]
    lines = answer_lines(hiring)
    tested = [row for row in hiring.rows if row.status == "ok" and row.estimate and is_tested(row.estimate)]
    assert lines[0] == f"finding: {hiring.findings[0].subject}: {hiring.findings[0].headline}"
    assert all(line.startswith("described: ") for line in lines[1:-1])
    assert lines[-1].startswith(f"counts: {sum(map(is_found, tested))} of {len(tested)} comparisons show a gap")
    assert "1 row failed" in lines[-1]
    assert len(lines) <= 7


def test_many_findings_are_spread_over_measures_and_the_rest_is_counted(dossiers: Mapping[str, Dossier]) -> None:
    first = dossiers["hiring"].findings[0]
    many = [first.model_copy(update={"id": str(k), "headline": f"gap {k}"}) for k in range(9)]
    other = first.model_copy(update={"measure": "security.other", "headline": "other"})
    lines = answer_lines(dossiers["hiring"].model_copy(update={"findings": (*many, other)}))
    assert [line.split(": ")[-1] for line in lines[:3]] == ["gap 0", "other", "gap 1"]
    assert lines[3] == "and 7 more findings, in the dossier"


def test_what_could_not_be_judged_is_counted_and_nothing_measured_is_no_clean_bill(
    dossiers: Mapping[str, Dossier],
) -> None:
    hiring = dossiers["hiring"]
    rows = tuple(row.model_copy(update={"unjudged": row.status == "not_applicable"}) for row in hiring.rows)
    unjudged = sum(row.unjudged for row in rows)
    assert unjudged == 1
    assert f"{unjudged} figure could not be judged" in counts_line(hiring.model_copy(update={"rows": rows}))
    lines = answer_lines(dossiers["one"])
    assert "no comparison was made" in lines[-1]
    assert not any("found" in line for line in lines)
