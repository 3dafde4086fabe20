"""Counts that a page states, held against the rows behind it."""

from __future__ import annotations

import re

from commonweal.evidence.verdicts import is_found, is_tested
from commonweal.report.answer_lines import counts_line
from commonweal.report.content import Dossier

DRAWN = re.compile(r'<tr class="(found|not_shown)"><th')
LEFT_OUT = re.compile(r'and (\d+) more in the <a href="#evidence">')


def disagreements(dossier: Dossier, page: str) -> list[str]:
    """What a page says of its comparisons that its rows do not: on the first screen, in the figures, and in a terminal."""
    tested = [row for row in dossier.rows if row.status == "ok" and row.estimate and is_tested(row.estimate)]
    found = sum(map(is_found, tested))
    wrong = []
    if any(finding.verdict == "found" for finding in dossier.findings):
        said = re.findall(r"in (\d+) of (\d+) comparisons", page)
        wrong += [f"first screen: {said}"] if set(said) != {(str(found), str(len(tested)))} else []
    elif found:
        wrong.append(f"{found} rows are found and no finding is")
    if tested and f"{found} of {len(tested)} comparisons show a gap" not in counts_line(dossier):
        wrong.append(f"terminal: {counts_line(dossier)}")
    drawn, left_out = DRAWN.findall(page), sum(map(int, LEFT_OUT.findall(page)))
    all_drawn = "figures are not drawn" not in page
    if len(drawn) > len(tested) or (all_drawn and len(drawn) + left_out < len(tested)):
        wrong.append(f"figures: {len(drawn)} rows and {left_out} left out, of {len(tested)}")
    if drawn.count("found") > found or (all_drawn and drawn.count("found") < found):
        wrong.append(f"figures: {drawn.count('found')} found, of {found}")
    return wrong
