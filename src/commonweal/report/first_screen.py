"""The first screen: what was found, whom it reaches, what is not shown, and what was not measured.

What this module does not do: it gives no verdict of its own. Where there is nothing to say, it says that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from commonweal.evidence.numbers import detectable_text
from commonweal.evidence.records import Evidence, Finding, NotShown, Reach
from commonweal.evidence.verdicts import is_found, is_tested
from commonweal.report.content import Dossier
from commonweal.report.lineage import place_anchor
from commonweal.report.wording import BASES, anchor, humanise, people_a_year, status_word
from commonweal.system.records import System

LINES = 2
SHORT_LINES = 8
NAMED_SUBJECTS = 2
TOPIC_CHARACTERS = 40
SHORT_CHARACTERS = 110


@dataclass(frozen=True, slots=True)
class ScreenLine:
    """One line of the answer, and where its evidence is. `folded` is what a reader may open below it."""

    text: str
    href: str
    more: str = ""
    subject: str = ""
    subject_href: str = ""
    folded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScreenPart:
    """One question of the first screen and its answer."""

    title: str
    style: str
    lines: tuple[ScreenLine, ...]
    left_out: int
    left_out_href: str
    otherwise: str
    count: str
    also: tuple[ScreenLine, ...] = ()


def first_screen(dossier: Dossier) -> tuple[ScreenPart, ...]:
    """The parts, in the order in which a reader asks."""
    rows = {row.id: row for row in dossier.rows}
    shown = [finding for finding in dossier.findings if finding.verdict == "found"]
    measured = any(row.status == "ok" for row in dossier.rows)
    nothing = (
        "Nothing is shown. That is not evidence that there is nothing."
        if measured
        else "Not enough evidence: nothing was measured."
    )
    described = [finding for finding in dossier.findings if finding.verdict == "described"]
    nobody = (
        "People unknown: no deployment or population is declared downstream."
        if shown
        else "Nothing found, so nobody is shown to be reached."
    )
    no_test = (
        "Every test that was made showed something."
        if shown
        else "Nothing was tested that could have shown a difference."
    )
    first = _part(
        "What was found",
        "found",
        _found(shown, dossier.system, rows),
        nothing,
        max(LINES, len({finding.measure for finding in shown})),
    )
    return (
        replace(
            first, also=tuple(_one_per_measure(described, dossier, rows)), count=_compared(len(shown), dossier.rows)
        ),
        _part("Whom it reaches", "reach", _reached(shown, dossier.system), nobody),
        *_unjudged(dossier),
        _part("What is not shown", "not_shown", _not_shown(dossier, rows), no_test, SHORT_LINES),
        _part(
            "What was not measured",
            "not_measured",
            _not_measured(dossier),
            "Everything that was asked for was measured.",
            4,
        ),
    )


def _compared(findings: int, rows: Sequence[Evidence]) -> str:
    """How many findings there are, and in how many of the comparisons that were made."""
    compared = sum(row.estimate is not None and is_tested(row.estimate) for row in rows if row.status == "ok")
    return f"{findings}, in {sum(map(is_found, rows))} of {compared} comparisons"


def _part(title: str, style: str, lines: Sequence[ScreenLine], otherwise: str, limit: int = LINES) -> ScreenPart:
    href = "evidence" if style == "not_measured" else "findings"
    return ScreenPart(title, style, tuple(lines[:limit]), max(0, len(lines) - limit), href, otherwise, str(len(lines)))


def _line(finding: Finding, system: System, more: str = "") -> ScreenLine:
    return ScreenLine(
        finding.headline, anchor("finding", finding.id), more, finding.subject, place_anchor(system, finding.subject)
    )


def _found(findings: Sequence[Finding], system: System, rows: Mapping[str, Evidence]) -> list[ScreenLine]:
    """The findings, one of every measure before a second of any, each with how many people it is about."""
    turn: Counter[str] = Counter()
    ranked = []
    for finding in findings:
        ranked.append((turn[finding.measure], _line(finding, system, _whom(finding, system, rows))))
        turn[finding.measure] += 1
    return [line for _, line in sorted(ranked, key=lambda one: one[0])]


def _whom(finding: Finding, system: System, rows: Mapping[str, Evidence]) -> str:
    """How many of the people reached belong to the group that the headline names: never the whole population."""
    first = next((row.estimate for row in map(rows.get, finding.evidence) if row and row.estimate), None)
    reached = [reach for reach in finding.reach if reach.kind == "population"]
    if first is None or not first.group or not first.reference or not reached:
        return ""  # a type of stereotype or an occupation is no group of people
    group = first.group
    words = ", ".join(group.values())
    told = [f"{words} in {reach.target}: {people_a_year(_of_group(reach, system, group))}" for reach in reached]
    others = [f"and in {len(told) - NAMED_SUBJECTS} more"] if len(told) > NAMED_SUBJECTS else []
    return "; ".join([*told[:NAMED_SUBJECTS], *others])


def _of_group(reach: Reach, system: System, group: Mapping[str, str]) -> float | None:
    """People a year of one group in a population, from its declared share; None where that is not declared, as no
    share of an intersection is.
    """
    (attribute, name), *crossed = group.items()
    population = system.population(reach.target)
    shares = population.groups.get(attribute) if population else None
    if crossed or not isinstance(shares, Mapping) or name not in shares or reach.people_per_year is None:
        return None
    return reach.people_per_year * float(shares[name])


def _one_per_measure(findings: Sequence[Finding], dossier: Dossier, rows: Mapping[str, Evidence]) -> list[ScreenLine]:
    """The headline of every measure, for its first subject, with what its number says; the other subjects are named or
    counted.
    """
    by_measure: dict[str, list[Finding]] = {}
    for finding in findings:
        by_measure.setdefault(finding.measure, []).append(finding)
    return [
        _line(
            first,
            dossier.system,
            "; ".join(filter(None, (_about(first, dossier, rows), _others([one.subject for one in rest])))),
        )
        for first, *rest in by_measure.values()
    ]


def _about(finding: Finding, dossier: Dossier, rows: Mapping[str, Evidence]) -> str:
    """What the number of a headline is of, or what high and low would mean; and its basis where it was not measured."""
    row = next((row for row in map(rows.get, finding.evidence) if row and row.estimate), None)
    method = next((method for method in dossier.methods if method.name == finding.measure), None)
    if row is None or row.estimate is None or method is None or row.estimate.quantity not in method.quantities:
        return ""
    basis = "" if row.basis in {"measured", "propagated"} else BASES[row.basis]
    return "; ".join(filter(None, (method.quantities[row.estimate.quantity].about, basis)))


def _others(subjects: Sequence[str]) -> str:
    """The other measured subjects, named or counted.

    >>> _others(["model", "data"]), _others(["a", "b", "c"])
    ('Also measured: model, data', 'Also measured: 3 others')
    """
    few = len(subjects) <= NAMED_SUBJECTS
    return f"Also measured: {', '.join(subjects) if few else f'{len(subjects)} others'}" if subjects else ""


def _reached(findings: Sequence[Finding], system: System) -> list[ScreenLine]:
    """Populations and deployments reached by what was found, each once; people unknown stays unknown."""
    reached: dict[str, ScreenLine] = {}
    for finding in findings:
        for reach in finding.reach:
            people = system.population(reach.target)
            if reach.kind != "population" or reach.target in reached:
                continue
            where = "measured here" if reach.measured_here else "inherited, not measured here"
            known = reach.people_per_year is not None
            from_whom = f" (source: {people.source})" if known and people and people.source else ""
            about = [people.definition if people else "", f"declared figure{from_whom}" if known else "", where]
            words = f"{reach.target}: {people_a_year(reach.people_per_year)}"
            reached[reach.target] = ScreenLine(
                words, anchor("population", reach.target), "; ".join(part for part in about if part)
            )
    return list(reached.values())


def _unjudged(dossier: Dossier) -> Iterator[ScreenPart]:
    """What was asked and cannot be judged; no part where there is none of it."""
    lines = [
        replace(_line(finding, dossier.system), text=finding.not_judged[0], folded=finding.not_judged[1:])
        for finding in dossier.findings
        if finding.not_judged
    ]
    if lines:
        yield _part("What could not be judged", "not_judged", lines, "", SHORT_LINES)


def _not_shown(dossier: Dossier, rows: Mapping[str, Evidence]) -> list[ScreenLine]:
    """A short line per finding and topic; what was looked for in full is folded below it."""
    lines = []
    for finding in dossier.findings:
        if finding.verdict == "not_shown":
            detectable = detectable_of(finding, rows)
            lines.append(replace(_line(finding, dossier.system), folded=(detectable,) if detectable else ()))
        for topic, texts in _topics(finding.not_shown, finding.not_shown_about).items():
            line = replace(_line(finding, dossier.system), text=topic, folded=texts if texts != (topic,) else ())
            lines.append(line)
    return lines


def _topics(texts: Sequence[str], about: Sequence[NotShown]) -> Mapping[str, tuple[str, ...]]:
    """Texts by the attribute that was compared, with how many there are; what could not be measured is told elsewhere.

    >>> race = NotShown(kind="comparison", attribute="race")
    >>> _topics(["Black, 2", "Asian, 1", "12 of cells"], [race, race, NotShown(kind="intersections")])
    {'race, 2 comparisons': ('Black, 2', 'Asian, 1'), '12 of cells': ('12 of cells',)}
    """
    topics: dict[str, list[str]] = {}
    for text, one in zip_longest(texts, about[: len(texts)]):
        if one is None or one.kind != "not_measured":
            topic = one.attribute if one is not None and len(one.attribute) <= TOPIC_CHARACTERS else ""
            topics.setdefault(topic, []).append(text)
    plain = {text: (text,) for text in topics.pop("", ())}
    return {
        f"{topic}, {len(of)} comparison{'s' if len(of) != 1 else ''}": tuple(of) for topic, of in topics.items()
    } | plain


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
            min(low, size),
            max(high, size),
            text if size < low else first,
            text if size > high else last,
        )
    said = [
        f"{humanise(quantity).lower()} {first}" if first == last else f"{humanise(quantity).lower()} {first} to {last}"
        for quantity, (_, _, first, last) in smallest.items()
    ]
    return f"Minimum detectable effect (power 0.8): {'; '.join(said)}." if said else ""


def _alike(findings: Sequence[Finding], system: System) -> list[ScreenLine]:
    """A line per finding; several measures of one subject that lack the same, or say the same, share one."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.subject, finding.in_short or finding.headline), []).append(finding)
    lines = []
    for (_, reason), same in groups.items():
        texts = tuple(f"{finding.title}: {finding.headline}" for finding in same)
        line = _line(same[0], system)
        several = replace(line, text=f"{len(same)} measures {reason}", folded=texts)
        lines.append(several if len(same) > 1 else replace(line, text=texts[0]))
    return lines


def _not_measured(dossier: Dossier) -> list[ScreenLine]:
    """Findings without a measurement, then rows that failed, were skipped, do not apply or are unknown, by measure."""
    lines = _alike([finding for finding in dossier.findings if finding.verdict == "not_measured"], dossier.system)
    said = {name for finding in dossier.findings if finding.verdict == "not_measured" for name in finding.evidence}
    groups: dict[tuple[str, str], list[Evidence]] = {}
    for status in ("failed", "skipped", "not_applicable"):
        for row in dossier.rows:
            if row.status == status and row.id not in said and not row.unjudged:
                groups.setdefault((row.measure, status_word(row)), []).append(row)
    return [*lines, *(_without_number(measure, word, rows, dossier) for (measure, word), rows in groups.items())]


def _without_number(measure: str, word: str, rows: Sequence[Evidence], dossier: Dossier) -> ScreenLine:
    """One line for the rows of a measure that lack a number for like reasons: the reason itself if it is one and
    short.
    """
    reasons = Counter(row.note for row in rows)
    subjects = list(dict.fromkeys(" + ".join(row.subjects) for row in rows))
    others = f" and {len(subjects) - 1} more" if len(subjects) > 1 else ""
    what = f"{humanise(measure)} {word}"
    whole = f"{what}: {rows[0].note}"
    short = len(reasons) == 1 and len(whole) <= SHORT_CHARACTERS
    text = whole if short else f"{what}: {len(rows)} figure{'s' if len(rows) != 1 else ''}"
    folded = () if short else tuple(note if count == 1 else f"{note} ({count} rows)" for note, count in reasons.items())
    return ScreenLine(
        text, anchor("ev", rows[0].id), "", subjects[0] + others, place_anchor(dossier.system, subjects[0]), folded
    )
