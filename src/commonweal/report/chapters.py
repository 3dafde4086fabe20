"""The chapters: one per area of measures, with its numbers, its figures, and what has no figure and why.

What this module does not do: it knows no measure by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from commonweal.evidence.records import Evidence, Finding, Method
from commonweal.report.content import Dossier
from commonweal.report.figures.break_even_figure import break_even_figures, break_even_svg
from commonweal.report.figures.charts import figure_svg
from commonweal.report.figures.plan import FigurePlan, plan_figures
from commonweal.report.table import TableRow, quantity_labels, table_row
from commonweal.report.wording import CHAPTERS, anchor, chapter_name, chapter_title, humanise, status_word

REASONS_SHOWN = 8
OPEN_FIGURES = 8
NUMBERS_SHOWN = 60
FIGURES_DRAWN = 60
CONDITIONS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure with its picture and the rows behind it."""

    anchor: str
    figure: FigurePlan
    svg: Markup
    rows: tuple[tuple[str, TableRow], ...]
    across: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Rows without a number that give the same reason; a few of their subjects are named."""

    status: str
    note: str
    subjects: tuple[str, ...]
    more_subjects: int
    count: int
    anchor: str


@dataclass(frozen=True, slots=True)
class Section:
    """One measure within a chapter."""

    anchor: str
    name: str
    title: str
    method: Method | None
    findings: tuple[Finding, ...]
    conditions: tuple[str, ...]
    numbers: tuple[TableRow, ...]
    more_numbers: int
    drawn: tuple[Drawn, ...]
    folded: tuple[Drawn, ...]
    undrawn: int
    reasons: tuple[Reason, ...]
    more_reasons: int


@dataclass(frozen=True, slots=True)
class ModelApplicationPair:
    """A model and an application on it, side by side, with the correlations over groups that were worked out."""

    model: str
    application: str
    intrinsic: tuple[Finding, ...]
    extrinsic: tuple[Finding, ...]
    shared_groups: int
    correlations: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One area."""

    anchor: str
    name: str
    title: str
    sections: tuple[Section, ...]
    pairs: tuple[ModelApplicationPair, ...]


def write_chapters(dossier: Dossier) -> tuple[Chapter, ...]:
    """All chapters, known areas first, in the order of the book."""
    by_measure: dict[str, list[Evidence]] = {}
    for row in dossier.rows:
        by_measure.setdefault(row.measure, []).append(row)
    for finding in dossier.findings:
        by_measure.setdefault(finding.measure, [])
    order = list(CHAPTERS)
    areas = sorted(
        {name.split(".")[0] for name in by_measure}, key=lambda area: (order.index(area) if area in order else 99, area)
    )
    return tuple(
        Chapter(
            anchor=anchor("chapter", area),
            name=chapter_name(area),
            title=chapter_title(area),
            sections=tuple(
                _section(name, rows, dossier) for name, rows in by_measure.items() if name.split(".")[0] == area
            ),
            pairs=_pairs(dossier, area),
        )
        for area in areas
    )


def _pairs(dossier: Dossier, area: str) -> tuple[ModelApplicationPair, ...]:
    findings = {finding.id: finding for finding in dossier.findings}
    rows, labels = {row.id: row for row in dossier.rows}, quantity_labels(dossier.methods)
    return tuple(
        ModelApplicationPair(
            both.model,
            both.application,
            tuple(findings[name] for name in both.intrinsic if name in findings),
            tuple(findings[name] for name in both.extrinsic if name in findings),
            both.shared_groups,
            tuple(table_row(rows[name], labels) for name in both.correlations if name in rows),
        )
        for both in dossier.both_ends
        if both.chapter == area
    )


def _section(name: str, rows: Sequence[Evidence], dossier: Dossier) -> Section:
    method = next((method for method in dossier.methods if method.name == name), None)
    labels = quantity_labels(dossier.methods)
    findings = tuple(finding for finding in dossier.findings if finding.measure == name)
    lines, others = break_even_figures(rows, method)
    figures = _urgent_first([*lines, *plan_figures(others, method)], findings)
    drawn = [
        _draw(figure, f"{anchor('fig', name)}-{index}", labels) for index, figure in enumerate(figures[:FIGURES_DRAWN])
    ]
    numbers = [row for row in rows if row.estimate is not None and not row.estimate.group]
    reasons = _reasons(rows)
    return Section(
        anchor=anchor("measure", name),
        name=name,
        title=humanise(name),
        method=method,
        findings=findings,
        conditions=_conditions(rows),
        numbers=tuple(table_row(row, labels) for row in numbers[:NUMBERS_SHOWN]),
        more_numbers=max(0, len(numbers) - NUMBERS_SHOWN),
        drawn=tuple(drawn[:OPEN_FIGURES]),
        folded=tuple(drawn[OPEN_FIGURES:]),
        undrawn=max(0, len(figures) - FIGURES_DRAWN),
        reasons=reasons[:REASONS_SHOWN],
        more_reasons=max(0, len(reasons) - REASONS_SHOWN),
    )


def _urgent_first(figures: list[FigurePlan], findings: Sequence[Finding]) -> list[FigurePlan]:
    """Subjects about which something was found come first, since not every figure of a large system can be drawn."""
    found = {finding.subject for finding in findings if finding.verdict == "found"}
    return sorted(
        figures, key=lambda figure: not found.intersection(*(plotted.row.subjects for plotted in figure.rows[:1]))
    )


def _draw(figure: FigurePlan, place: str, labels: dict[tuple[str, str], str]) -> Drawn:
    rows = tuple((plotted.label, table_row(plotted.row, labels)) for plotted in figure.rows)
    across = tuple(table_row(plotted.row, labels) for plotted in figure.across)
    draw = break_even_svg if figure.kind == "lines" else figure_svg
    svg = Markup("") if figure.kind == "table" else draw(figure, place)
    return Drawn(place, figure, svg, rows, across)


def _conditions(rows: Sequence[Evidence]) -> tuple[str, ...]:
    """What the figures hold under, each condition once."""
    said = dict.fromkeys(condition for row in rows if row.facts is not None for condition in row.facts.conditions)
    more = (f"and {len(said) - CONDITIONS_SHOWN} more; see the evidence rows",) if len(said) > CONDITIONS_SHOWN else ()
    return (*list(said)[:CONDITIONS_SHOWN], *more)


def _reasons(rows: Sequence[Evidence]) -> tuple[Reason, ...]:
    """Why rows carry no number: those that failed first, equal reasons together."""
    alike: dict[tuple[str, str], list[Evidence]] = {}
    for row in rows:
        if row.estimate is None:
            alike.setdefault((row.status, row.note), []).append(row)
    rank = ("failed", "skipped", "not_applicable", "ok")
    reasons = []
    for (status, note), same in sorted(alike.items(), key=lambda entry: rank.index(entry[0][0])):
        subjects = tuple(dict.fromkeys(" + ".join(row.subjects) for row in same))
        word = "no number" if status == "ok" else status_word(same[0])
        reasons.append(Reason(word, note, subjects[:3], len(subjects[3:]), len(same), anchor("ev", same[0].id)))
    return tuple(reasons)
