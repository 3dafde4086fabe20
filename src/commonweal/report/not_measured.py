"""What was not measured: one table for the whole dossier, with the reason and the command that would measure it.

What this module does not do: it invents no command. Where nothing but a declaration or another system would help, the
reason says so and the command stays empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commonweal.evidence.records import Evidence, Run
from commonweal.report.content import Dossier
from commonweal.report.wording import UNKNOWN, anchor, humanise, status_word

SUBJECTS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Rows of one measure without a number, for one reason. `count`: how many they are."""

    measure: str
    name: str
    subjects: tuple[str, ...]
    more_subjects: int
    status: str
    reason: str
    count: int
    command: str
    anchor: str


def not_measured(dossier: Dossier) -> tuple[Unmeasured, ...]:
    """A line per measure and reason: what failed first, then what was skipped, does not apply or is unknown.

    What was asked and cannot be judged is no part of it: it was measured.
    """
    alike: dict[tuple[str, str, str], list[Evidence]] = {}
    for row in dossier.rows:
        if row.estimate is None and not row.unjudged:
            alike.setdefault((row.measure, row.status, row.note), []).append(row)
    order = ("failed", "skipped", "not_applicable", "ok")
    groups = sorted(alike.values(), key=lambda rows: order.index(rows[0].status))
    return tuple(_line(rows, dossier.run) for rows in groups)


def measures_without(rows: Sequence[Evidence]) -> set[str]:
    """The measures that gave no number at all, and judged nothing either."""
    return {row.measure for row in rows} - {row.measure for row in rows if row.estimate is not None or row.unjudged}


def unmeasured_count(dossier: Dossier) -> str:
    """How many measures gave no number at all, and how many figures of the others are missing; empty: none."""
    whole = measures_without(dossier.rows)
    part = sum(row.estimate is None and not row.unjudged and row.measure not in whole for row in dossier.rows)
    counts = ((len(whole), "measure"), (part, "figure"))
    return " and ".join(f"{number:,} {name}{'s' if number != 1 else ''}" for number, name in counts if number)


def _line(rows: Sequence[Evidence], run: Run) -> Unmeasured:
    first = rows[0]
    subjects = tuple(dict.fromkeys(" + ".join(row.subjects) for row in rows))
    return Unmeasured(
        measure=first.measure,
        name=humanise(first.measure),
        subjects=subjects[:SUBJECTS_NAMED],
        more_subjects=max(0, len(subjects) - SUBJECTS_NAMED),
        status=UNKNOWN if first.status == "ok" else status_word(first),
        reason=first.note,
        count=len(rows),
        command=f"{run.command} {first.facts.option}" if first.facts and first.facts.option else "",
        anchor=anchor("ev", first.id),
    )
