"""The first screen: what was found, whom it reaches, what is not shown, and what was not measured.

What this module does not do: it gives no verdict of its own. Where there is nothing to say, it says that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from commonweal.evidence.numbers import detectable_text
from commonweal.evidence.records import Evidence, Finding, Reach
from commonweal.evidence.verdicts import comparisons, is_silent
from commonweal.report.content import Dossier
from commonweal.report.lineage import place_anchor
from commonweal.report.not_measured import unmeasured_count
from commonweal.report.wording import BASES, anchor, finding_anchor, humanise, people_a_year, status_word
from commonweal.system.records import System

CODE = re.compile(r"`([^`]*)`")
LINES = 2
NOT_MEASURED = "not-measured"
SHORT_LINES = 8
NAMED_SUBJECTS = 2
NAMED_MENDERS = 3
NAMED_MEASURES = 4
OVERSIGHT = {"oversight"}
TOPIC_CHARACTERS = 40
SHORT_CHARACTERS = 110


@dataclass(frozen=True, slots=True)
class ScreenLine:
    """One line of the answer, and where its evidence is; `mend`: who could mend what was found. `folded` is what a
    reader may open below it.
    """

    text: str
    href: str
    more: str = ""
    mend: str = ""
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
        replace(
            _part("What is not shown", "not_shown", _not_shown(dossier), no_test, SHORT_LINES),
            count=_counted(sum(map(is_silent, dossier.rows)), "comparison"),
        ),
        replace(
            _part("What was not measured", "not_measured", _not_measured(dossier), _all_measured(dossier), 4),
            count=unmeasured_count(dossier),
        ),
    )


def _compared(findings: int, rows: Sequence[Evidence]) -> str:
    """How many findings there are, and in how many of the comparisons that were made."""
    found, made = comparisons(rows)
    return f"{_counted(findings, 'finding')}, in {found} of {made} comparisons"


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'s' if number != 1 else ''}"


def _all_measured(dossier: Dossier) -> str:
    """What is said where nothing is missing: of a run of some measures, that the others were not asked for."""
    names = dossier.run.options.get("measures", "all")
    if names == "all":
        return "Everything that was asked for was measured."
    return f"Only {names} was asked for. Nothing else was measured."


def _part(title: str, style: str, lines: Sequence[ScreenLine], otherwise: str, limit: int = LINES) -> ScreenPart:
    href = lines[limit].href if len(lines) > limit else ""
    return ScreenPart(title, style, tuple(lines[:limit]), max(0, len(lines) - limit), href, otherwise, str(len(lines)))


def _line(finding: Finding, system: System, more: str = "") -> ScreenLine:
    return ScreenLine(
        finding.headline,
        finding_anchor(finding),
        more,
        subject=finding.subject,
        subject_href=place_anchor(system, finding.subject),
    )


def _found(findings: Sequence[Finding], system: System, rows: Mapping[str, Evidence]) -> list[ScreenLine]:
    """The findings, one of every measure before a second of any, each with how many people it is about."""
    return [
        replace(_line(finding, system, _whom(finding, system, rows)), mend=_menders(finding))
        for finding in spread(findings)
    ]


def spread(findings: Sequence[Finding]) -> list[Finding]:
    """One finding of every measure before a second of any."""
    turns: Counter[str] = Counter()
    ranked = []
    for finding in findings:
        ranked.append((turns[finding.measure], finding))
        turns[finding.measure] += 1
    return [finding for _, finding in sorted(ranked, key=lambda pair: pair[0])]


def _whom(finding: Finding, system: System, rows: Mapping[str, Evidence]) -> str:
    """How many of the people reached belong to the group that the headline names: never the whole population."""
    first = next((row.estimate for row in map(rows.get, finding.evidence) if row and row.estimate), None)
    reached = [reach for reach in finding.reach if reach.kind == "population"]
    if first is None or not first.group or not first.reference or not reached:
        return ""  # a type of stereotype or an occupation is no group of people
    group = first.group
    words = ", ".join(group.values())
    told = [f"{words} in {reach.target}: {_people(reach, system, group)}" for reach in reached]
    others = [f"and in {len(told) - NAMED_SUBJECTS} more"] if len(told) > NAMED_SUBJECTS else []
    return "; ".join([*told[:NAMED_SUBJECTS], *others])


def _menders(finding: Finding) -> str:
    """Who upstream could mend it, and by which decisions of theirs; nearest first."""
    rights: dict[str, dict[str, None]] = {}
    for mender in finding.menders:
        if mender.rights:
            rights.setdefault(mender.name, {}).update(dict.fromkeys(mender.rights))
    mend = {name: of for name, of in rights.items() if set(of) != OVERSIGHT}
    told = [f"{name} ({', '.join(of).replace('_', ' ')})" for name, of in list(mend.items())[:NAMED_MENDERS]]
    others = [f"{len(mend) - NAMED_MENDERS} more"] if len(mend) > NAMED_MENDERS else []
    who = "; ".join([*told, *others]) or "nobody who is declared to decide about it"
    overseers = [name for name, of in rights.items() if set(of) == OVERSIGHT]
    return f"{who}. Who can require it: {', '.join(overseers[:NAMED_MENDERS])}" if overseers else who


def _people(reach: Reach, system: System, group: Mapping[str, str]) -> str:
    """How many of a population are of the group; where only all are known, of how many."""
    own = _of_group(reach, system, group)
    of = f", of {people_a_year(reach.people_per_year)}" if own is None and reach.people_per_year is not None else ""
    return people_a_year(own) + of


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
            ". ".join(filter(None, (_about(first, dossier, rows), _others([one.subject for one in rest])))),
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
    about = CODE.sub(r"“\1”", method.quantities[row.estimate.quantity].about)
    return "; ".join(filter(None, (about, basis)))


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
        unjudged = sum(row.unjudged for row in dossier.rows)
        part = _part("What could not be judged", "not_judged", lines, "", SHORT_LINES)
        yield replace(part, count=_counted(unjudged, "figure"))


def _not_shown(dossier: Dossier) -> list[ScreenLine]:
    """How many comparisons of each finding and attribute show no gap; the figures show what would have been seen."""
    silent: dict[tuple[str, str], Counter[str]] = {}
    for row in dossier.rows:
        if is_silent(row) and row.estimate is not None:
            attributes = list(row.estimate.group or {})
            topic = "intersecting groups" if len(attributes) > 1 else "".join(attributes)[:TOPIC_CHARACTERS]
            silent.setdefault((row.measure, "+".join(row.subjects)), Counter()).update([topic])
    lines = []
    for finding in dossier.findings:
        line = replace(_line(finding, dossier.system), href=anchor("measure", finding.measure))
        counts = silent.get((finding.measure, finding.subject), Counter())
        lines += [line] if finding.verdict == "not_shown" else []
        for topic, count in counts.items() if finding.verdict == "found" else ():
            about = f"{topic.replace('_', ' ')}, " if topic else ""
            lines.append(replace(line, text=f"{about}{_counted(count, 'comparison')}"))
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
            min(low, size),
            max(high, size),
            text if size < low else first,
            text if size > high else last,
        )
    said = [
        f"{humanise(quantity).lower()} {first}" if first == last else f"{humanise(quantity).lower()} {first} to {last}"
        for quantity, (_, _, first, last) in smallest.items()
    ]
    return f"Smallest gap this design would detect (power 0.8): {'; '.join(said)}." if said else ""


def _not_measured(dossier: Dossier) -> list[ScreenLine]:
    """Measures without any number, those that lack the same in one line; then what else has none, by measure."""
    unmeasured = [finding for finding in dossier.findings if finding.verdict == "not_measured"]
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in unmeasured:
        groups.setdefault((finding.in_short, finding.in_short or finding.headline), []).append(finding)
    lines = [ScreenLine(_lacking(lacks, reason, same), NOT_MEASURED) for (lacks, reason), same in groups.items()]
    said = {name for finding in unmeasured for name in finding.evidence}
    rest: dict[tuple[str, str], list[Evidence]] = {}
    for status in ("failed", "skipped", "not_applicable"):
        for row in dossier.rows:
            if row.status == status and row.id not in said and not row.unjudged:
                rest.setdefault((row.measure, status_word(row)), []).append(row)
    return [*lines, *(_without_number(measure, word, rows) for (measure, word), rows in rest.items())]


def _lacking(lacks: str, reason: str, findings: Sequence[Finding]) -> str:
    """What measures need, and which they are; or the reason of one."""
    titles = list(dict.fromkeys(finding.title for finding in findings))
    if len(titles) == 1:
        subjects = f" on {len(findings)} subjects" if len(findings) > 1 else ""
        return f"{titles[0]}{subjects}: {f'needs {lacks}' if lacks else reason}"
    more = f" and {len(titles) - NAMED_MEASURES} more" if len(titles) > NAMED_MEASURES else ""
    told = f"need {lacks}" if lacks else f"say: {reason}"
    return f"{len(titles)} measures {told} ({', '.join(titles[:NAMED_MEASURES])}{more})"


def _without_number(measure: str, word: str, rows: Sequence[Evidence]) -> ScreenLine:
    """One line for the rows of a measure that lack a number: the reason itself if it is one and short."""
    what = f"{humanise(measure)} {word}"
    whole = f"{what}: {rows[0].note}"
    if len({row.note for row in rows}) == 1 and len(whole) <= SHORT_CHARACTERS:
        return ScreenLine(whole, NOT_MEASURED)
    return ScreenLine(f"{what}: {len(rows)} figure{'s' if len(rows) != 1 else ''}", NOT_MEASURED)
