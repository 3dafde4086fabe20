"""A comparison in at most ten lines: what is shown to differ, what was asked with a margin, and what is not shown.

What this module does not do: it leaves no count out; every row stands in `comparison.told` and in the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from commonweal.assessment.comparison.comparison import (
    MAY_BE_THERE,
    TABLES_OF_PREDICTIONS,
    WORDS,
    Comparison,
    about,
    is_side,
)
from commonweal.assessment.comparison.paired_outcomes import ComparisonRow
from commonweal.assessment.comparison.rate_lines import rate_lines
from commonweal.evidence.numbers import bounds_text, value_text
from commonweal.evidence.sentences import without_sign

SHOWN_TOLD = 3
ASKED_TOLD = 2


def answered(comparison: Comparison) -> Iterator[str]:
    """The lines; of tables of predictions the rates by group stand before them."""
    of_tables = [row for row in comparison.rows if row.measure == TABLES_OF_PREDICTIONS]
    for subjects in dict.fromkeys(row.subjects for row in of_tables):
        yield from rate_lines([row for row in of_tables if row.subjects == subjects])
        yield ""
    yield f"A: {comparison.a}"
    yield f"B: {comparison.b}"
    yield from _first("paired", comparison.statement.paired)
    yield from _first("not paired", comparison.statement.unpaired)
    tested = [row for row in comparison.rows if row.verdicts is not None]
    yield from _shown(tested, comparison.rows)
    yield from _asked(tested)
    yield _counts(comparison.rows, tested)


def _first(name: str, lines: Sequence[str]) -> Iterator[str]:
    """The first of what is said of one kind, and how much more there is."""
    if lines:
        more = f"; and {len(lines) - 1} more: --rows" if len(lines) > 1 else ""
        yield f"{name}: {lines[0]}{more}"


def _shown(tested: Sequence[ComparisonRow], rows: Sequence[ComparisonRow]) -> Iterator[str]:
    shown = [row for row in tested if row.verdicts and row.verdicts.difference == "shown"]
    shown.sort(key=lambda row: len((row.estimate.group if row.estimate else None) or {}))
    yield from (f"shown: {_sentence(row, rows)}" for row in shown[:SHOWN_TOLD])
    if len(shown) > SHOWN_TOLD:
        yield f"and {len(shown) - SHOWN_TOLD} more that are shown: --rows"
    if not tested:
        yield "Nothing could be compared."
    elif not shown:
        yield f"No difference between A and B is shown; {MAY_BE_THERE}."


def _sentence(row: ComparisonRow, rows: Sequence[ComparisonRow]) -> str:
    """Which of the two has more, of what and for whom, by how much."""
    estimate = row.estimate
    assert estimate is not None
    sides = [f"{other.of} {value_text(other.estimate)}" for other in rows if is_side(other, row) and other.estimate]
    title = f"{row.label}{about(estimate)}"
    turned = without_sign(estimate) if row.of == "B - A" and estimate.value < 0 else estimate
    behind = "; ".join([f"{estimate.level * 100:g} % interval {bounds_text(turned)}", *sides])
    if row.of != "B - A":
        return f"{title}, {row.of}: {value_text(estimate)} ({behind})"
    return f"{title}: {value_text(turned)} {'less' if estimate.value < 0 else 'more'} in B than in A ({behind})"


def _asked(tested: Sequence[ComparisonRow]) -> Iterator[str]:
    """What was asked with a margin, and whether it is shown."""
    asked = [row for row in tested if row.verdicts and row.verdicts.margin is not None and row.estimate]
    for row in asked[:ASKED_TOLD]:
        verdicts, estimate = row.verdicts, row.estimate
        assert verdicts is not None
        assert estimate is not None
        yield (
            f"asked: {row.label}{about(estimate)}: not worse by more than {verdicts.margin:g}: "
            f"{WORDS[verdicts.not_worse]}; equivalent within it: {WORDS[verdicts.equivalent]}"
        )
    if len(asked) > ASKED_TOLD:
        yield f"and {len(asked) - ASKED_TOLD} more that were asked with a margin: --rows"


def _counts(rows: Sequence[ComparisonRow], tested: Sequence[ComparisonRow]) -> str:
    shown = sum(row.verdicts is not None and row.verdicts.difference == "shown" for row in tested)
    without = sum(row.missing is not None for row in rows)
    parts = [f"{shown} of {len(tested)} differences are shown, corrected together"]
    parts += [f"{without} have no number"] if without else []
    parts += [] if any(row.verdicts and row.verdicts.margin for row in tested) else ["no margin was asked (--margin)"]
    return "counts: " + "; ".join(parts)
