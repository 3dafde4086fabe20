"""The first screen: what was found, whom it reaches, what is not shown, and what was not measured.

What this module does not do: it gives no verdict of its own. Where there is nothing to say, it says that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from commonweal.evidence.numbers import detectable_text
from commonweal.evidence.records import Evidence, Finding
from commonweal.report.content import Dossier
from commonweal.report.lineage import place_anchor
from commonweal.report.wording import STATUSES, anchor, humanise, people_a_year
from commonweal.system.records import System

LINES = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the answer, and where its evidence is."""

    text: str
    href: str
    more: str = ""
    subject: str = ""
    subject_href: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One question of the first screen and its answer."""

    title: str
    style: str
    lines: tuple[Line, ...]
    left_out: int
    left_out_href: str
    otherwise: str
    also: tuple[Line, ...] = ()


def first_screen(dossier: Dossier) -> tuple[Part, ...]:
    """The four parts, in the order in which a reader asks."""
    rows = {row.id: row for row in dossier.rows}
    found = [finding for finding in dossier.findings if finding.verdict == "found"]
    measured = any(row.status == "ok" for row in dossier.rows)
    nothing = (
        "Nothing is shown. That is not evidence that there is nothing."
        if measured
        else "Not enough evidence: nothing was measured."
    )
    described = [_line(finding, dossier.system) for finding in dossier.findings if finding.verdict == "described"]
    first = _part("What was found", "found", [_line(finding, dossier.system) for finding in found], nothing)
    nobody = (
        "People unknown: no deployment or population is declared downstream."
        if found
        else "Nothing found, so nobody is shown to be reached."
    )
    no_test = "Every test that was made showed something." if found else "Nothing was tested that could have shown a difference."
    return (
        replace(first, also=tuple(described[: max(0, LINES - len(first.lines))])),
        _part("Whom it reaches", "reach", _reached(found, dossier.system), nobody),
        _part("What is not shown", "not_shown", _not_shown(dossier, rows), no_test),
        _part("What was not measured", "not_measured", _not_measured(dossier), "Everything that was asked for was measured."),
    )


def _part(title: str, style: str, lines: Sequence[Line], otherwise: str) -> Part:
    href = "evidence" if style == "not_measured" else "findings"
    return Part(title, style, tuple(lines[:LINES]), max(0, len(lines) - LINES), href, otherwise)


def _line(finding: Finding, system: System, more: str = "") -> Line:
    return Line(finding.headline, anchor("finding", finding.id), more, finding.subject, place_anchor(system, finding.subject))


def _reached(found: Sequence[Finding], system: System) -> list[Line]:
    """Populations and deployments reached by what was found, each once; people unknown stays unknown."""
    reached: dict[str, Line] = {}
    for finding in found:
        for place in finding.reach:
            people = system.population(place.target)
            if place.kind != "population" or place.target in reached:
                continue
            where = "measured here" if place.measured_here else "inherited, not measured here"
            definition = people.definition if people else ""
            words = f"{place.target}: {people_a_year(place.people_per_year)}"
            reached[place.target] = Line(
                words, anchor("population", place.target), f"{definition} ({where})" if definition else where
            )
    return list(reached.values())


def _not_shown(dossier: Dossier, rows: Mapping[str, Evidence]) -> list[Line]:
    silent = [finding for finding in dossier.findings if finding.verdict == "not_shown"]
    lines = [_line(finding, dossier.system, detectable_of(finding, rows)) for finding in silent]
    for finding in dossier.findings:
        lines += [Line(text, anchor("finding", finding.id), "", finding.subject, place_anchor(dossier.system, finding.subject))
                  for text in finding.not_shown]  # fmt: skip
    return lines


def detectable_of(finding: Finding, rows: Mapping[str, Evidence]) -> str:
    """The smallest effects that the rows of a finding could have shown, one per quantity."""
    estimates = [rows[name].estimate for name in finding.evidence if name in rows]
    smallest: dict[str, tuple[float, float, str, str]] = {}
    for estimate in estimates:
        if estimate is None or estimate.minimum_detectable is None:
            continue
        size, text = estimate.minimum_detectable, detectable_text(estimate)
        low, high, first, last = smallest.get(estimate.quantity, (size, size, text, text))
        smallest[estimate.quantity] = (
            min(low, size), max(high, size), text if size < low else first, text if size > high else last,
        )  # fmt: skip
    said = [
        f"{humanise(quantity).lower()} {first}" if first == last else f"{humanise(quantity).lower()} {first} to {last}"
        for quantity, (_, _, first, last) in smallest.items()
    ]
    return f"Minimum detectable effect (power 0.8): {'; '.join(said)}." if said else ""


def _not_measured(dossier: Dossier) -> list[Line]:
    """Findings without a measurement, then rows that failed, were skipped or do not apply."""
    lines = [
        replace(_line(finding, dossier.system), text=f"{finding.title}: {finding.headline}")
        for finding in dossier.findings
        if finding.verdict == "not_measured"
    ]
    said = {name for finding in dossier.findings if finding.verdict == "not_measured" for name in finding.evidence}
    for status in ("failed", "skipped", "not_applicable"):
        groups: dict[tuple[str, str], list[Evidence]] = {}
        for row in dossier.rows:
            if row.status == status and row.id not in said:
                groups.setdefault((row.measure, row.note), []).append(row)
        for (measure, note), rows in groups.items():
            text = f"{humanise(measure)} {STATUSES[rows[0].status]}: {note}"
            others = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
            subject = " + ".join(rows[0].subjects)
            lines.append(Line(text, anchor("ev", rows[0].id), "", subject + others, place_anchor(dossier.system, subject)))
    return lines
