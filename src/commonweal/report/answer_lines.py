"""The answer in a few lines, for a terminal and for Python: each finding in its sentence, and what was not found.

What this module does not do: it gives no verdict, and leaves out no count.
"""

from __future__ import annotations

from commonweal.evidence.records import Finding
from commonweal.evidence.verdicts import comparisons
from commonweal.report.content import Dossier
from commonweal.report.first_screen import spread
from commonweal.report.not_measured import unmeasured_count

FOUND_TOLD = 3
DESCRIBED_TOLD = 1
REMARKS_TOLD = 1


def answer_lines(dossier: Dossier) -> list[str]:
    """At most eight lines: what was found, else what is described; and last how much was asked and not found.

    Findings of other measures come before a second one of the same.
    """
    found = spread([finding for finding in dossier.findings if finding.verdict == "found"])
    told = [f"finding: {_named(finding, dossier)}" for finding in found[:FOUND_TOLD]]
    if len(found) > FOUND_TOLD:
        told.append(f"and {len(found) - FOUND_TOLD} more findings, in the dossier")
    if not found:
        first = dossier.findings[0] if dossier.findings else None
        told.append(f"finding: {first.headline if first else 'nothing was measured'}")
    declared = {row.id for row in dossier.rows if row.basis == "declared"}
    described = spread([finding for finding in dossier.findings if finding.verdict == "described"])
    described.sort(key=lambda finding: declared.issuperset(finding.evidence[:1]))  # what was measured comes first
    if found or (dossier.findings and dossier.findings[0].verdict != "described"):
        told += [f"described: {_named(finding, dossier)}" for finding in described[:DESCRIBED_TOLD]]
    return [*told, *_remarks(dossier), counts_line(dossier)]


def _remarks(dossier: Dossier) -> list[str]:
    """What the models and applications say about their answers: that some were not read as asked, say."""
    said = dict.fromkeys(remark for row in dossier.rows if row.facts is not None for remark in row.facts.remarks)
    more = [f"note: and {len(said) - REMARKS_TOLD} more, in the dossier"] if len(said) > REMARKS_TOLD else []
    return [*(f"note: {remark}" for remark in list(said)[:REMARKS_TOLD]), *more]


def counts_line(dossier: Dossier) -> str:
    """How many comparisons were made and what came of them; what could not be judged is counted beside them.

    Counts are of comparisons, not of findings, so that they agree with the figures and rows of the page.
    """
    found, made = comparisons(dossier.rows)
    unjudged = sum(row.unjudged for row in dossier.rows)
    parts = [f"{found} of {made} comparisons show a gap"] if made else ["no comparison was made"]
    parts += [f"{unjudged} figure{'s' if unjudged != 1 else ''} could not be judged"] if unjudged else []
    without = unmeasured_count(dossier)
    parts += [f"without a number: {without}"] if without else []
    failed = sum(row.status == "failed" for row in dossier.rows)
    parts += [f"{failed} row{'s' if failed != 1 else ''} failed"] if failed else []
    return "counts: " + "; ".join(parts)


def _named(finding: Finding, dossier: Dossier) -> str:
    """The headline, with its subject where the system has several."""
    return finding.headline if len(dossier.system.assets) < 2 else f"{finding.subject}: {finding.headline}"
