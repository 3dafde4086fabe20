"""The last lines of `commonweal run`."""

from __future__ import annotations

from commonweal.cli.flow import partly_judged
from tests.report.hiring_dossier import hiring_dossier


def test_a_finding_of_which_a_part_could_not_be_judged_is_counted_beside_those_of_which_nothing_could() -> None:
    dossier = hiring_dossier()
    assert partly_judged(dossier) == ""
    first, *others = dossier.findings
    part = first.model_copy(update={"not_judged": ("the outcome moves in 11 of 20 matched sets only",)})
    whole = part.model_copy(update={"verdict": "not_judged"})
    told = dossier.model_copy(update={"findings": (part, whole, *others)})
    assert partly_judged(told) == "; of 1 finding a part could not be judged"
