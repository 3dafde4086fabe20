"""The chapters: a page for each area of measures, with its findings, their figures and the numbers behind them.

A measure that gave no number is no section here: `not_measured` has it. What this module does not do: it knows no
measure by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from commonweal.evidence.records import Evidence, Finding, Method
from commonweal.evidence.verdicts import is_found
from commonweal.report.content import Dossier
from commonweal.report.figures.break_even_figure import break_even_figures, break_even_svg
from commonweal.report.figures.charts import scatter_svg
from commonweal.report.figures.forest import Forest, draw_forest
from commonweal.report.figures.plan import FigurePlan, Plotted, plan_figures
from commonweal.report.table import TableRow, quantity_labels, table_row
from commonweal.report.wording import CHAPTERS, anchor, chapter_name, chapter_title, humanise

OPEN_FIGURES = 6
OPEN_DESCRIBED = 2
FIGURES_DRAWN = 20
ROWS_BEHIND = 120
NUMBERS_SHOWN = 60
CONDITIONS_SHOWN = 12
TOLD_IN_FULL = 12


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure as it is drawn: a forest, a picture, or nothing where its rows read better as a table; and its rows."""

    anchor: str
    figure: FigurePlan
    forest: Forest | None
    svg: Markup
    rows: tuple[tuple[str, TableRow], ...]
    left_out: int
    across: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One measure within a chapter; `brief` are findings that stand in a table, each in one line."""

    anchor: str
    name: str
    title: str
    method: Method | None
    findings: tuple[Finding, ...]
    brief: tuple[Finding, ...]
    conditions: tuple[str, ...]
    numbers: tuple[TableRow, ...]
    more_numbers: int
    drawn: tuple[Drawn, ...]
    folded: tuple[Drawn, ...]
    undrawn: int


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
    """One area. `unmeasured`: how many of its measures gave no number."""

    anchor: str
    name: str
    title: str
    sections: tuple[Section, ...]
    pairs: tuple[ModelApplicationPair, ...]
    unmeasured: int

    @property
    def tested(self) -> bool:
        """Whether one of its figures shows comparisons with no effect."""
        return any(drawn.figure.null is not None for section in self.sections for drawn in section.drawn)


def write_chapters(dossier: Dossier) -> tuple[Chapter, ...]:
    """All chapters in which something was measured, known areas first, in the order of the book."""
    rows: dict[str, list[Evidence]] = {finding.measure: [] for finding in dossier.findings}
    for row in dossier.rows:
        rows.setdefault(row.measure, []).append(row)
    said: dict[str, list[Finding]] = {}
    for finding in dossier.findings:
        said.setdefault(finding.measure, []).append(finding)
    measured = {name: of for name, of in rows.items() if any(row.estimate or row.unjudged for row in of)}
    shown = frozenset(row.id for row in dossier.rows if is_found(row))
    order = list(CHAPTERS)
    areas = sorted(
        {_area(name) for name in measured}, key=lambda area: (order.index(area) if area in order else 99, area)
    )
    return tuple(
        Chapter(
            anchor=anchor("chapter", area),
            name=chapter_name(area),
            title=chapter_title(area),
            sections=tuple(
                _section(name, of, said.get(name, []), dossier, shown)
                for name, of in measured.items()
                if _area(name) == area
            ),
            pairs=_pairs(dossier, area),
            unmeasured=sum(_area(name) == area for name in rows if name not in measured),
        )
        for area in areas
    )


def _area(measure: str) -> str:
    return measure.split(".", maxsplit=1)[0]


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


def _section(
    name: str, rows: Sequence[Evidence], said: Sequence[Finding], dossier: Dossier, shown: frozenset[str]
) -> Section:
    """One measure; `shown`: the ids of all rows of the dossier that were found."""
    method = next((method for method in dossier.methods if method.name == name), None)
    labels = quantity_labels(dossier.methods)
    findings = [finding for finding in said if finding.verdict != "not_measured"]
    found = [finding for finding in findings if finding.verdict == "found"]
    lines, others = break_even_figures(rows, method)
    planned = plan_figures(others, method, [name for finding in found for name in finding.evidence], shown)
    figures = _urgent_first([*lines, *planned], found)
    drawn = [
        _draw(figure, f"{anchor('fig', name)}-{index}", labels) for index, figure in enumerate(figures[:FIGURES_DRAWN])
    ]
    telling = sum(figure.null is not None or figure.choice is not None for figure in figures)
    opened = min(telling, OPEN_FIGURES) or OPEN_DESCRIBED  # others wait behind a fold
    plotted = {entry.row.id for figure in figures for entry in (*figure.rows, *figure.across)}
    numbers = [row for row in rows if row.estimate is not None and row.id not in plotted]
    return Section(
        anchor=anchor("measure", name),
        name=name,
        title=humanise(name),
        method=method,
        findings=tuple(findings[:TOLD_IN_FULL]),
        brief=tuple(findings[TOLD_IN_FULL:]),
        conditions=_conditions(rows),
        numbers=tuple(table_row(row, labels) for row in numbers[:NUMBERS_SHOWN]),
        more_numbers=max(0, len(numbers) - NUMBERS_SHOWN),
        drawn=tuple(drawn[:opened]),
        folded=tuple(drawn[opened:]),
        undrawn=max(0, len(figures) - FIGURES_DRAWN),
    )


def _urgent_first(figures: list[FigurePlan], found: Sequence[Finding]) -> list[FigurePlan]:
    """Subjects about which something was found come first, since not every figure of a large system can be drawn."""
    subjects = {finding.subject for finding in found}
    return sorted(
        figures, key=lambda figure: not subjects.intersection(*(plotted.row.subjects for plotted in figure.rows[:1]))
    )


def _draw(figure: FigurePlan, place: str, labels: Mapping[tuple[str, str], str]) -> Drawn:
    forest = draw_forest(figure) if figure.kind == "forest" else None
    pictures = {"scatter": scatter_svg, "lines": break_even_svg}
    svg = pictures[figure.kind](figure, place) if figure.kind in pictures else Markup("")
    rows = [(_full_label(entry), table_row(entry.row, labels)) for entry in figure.rows[:ROWS_BEHIND]]
    across = tuple(table_row(entry.row, labels) for entry in figure.across[:ROWS_BEHIND])
    return Drawn(place, figure, forest, svg, tuple(rows), max(0, len(figure.rows) - ROWS_BEHIND), across)


def _full_label(entry: Plotted) -> str:
    return f"{entry.heading}: {entry.label}" if entry.heading else entry.label


def _conditions(rows: Sequence[Evidence]) -> tuple[str, ...]:
    """What the figures hold under, each condition once."""
    said = dict.fromkeys(condition for row in rows if row.facts is not None for condition in row.facts.conditions)
    more = (f"and {len(said) - CONDITIONS_SHOWN} more; see the evidence rows",) if len(said) > CONDITIONS_SHOWN else ()
    return (*list(said)[:CONDITIONS_SHOWN], *more)
