"""What each measure says about each subject, in words, with a verdict and the rows it rests on.

*found*: a hypothesis of the measure holds after correction, and its interval excludes "no effect". *not shown*: none
does; that is not evidence of absence, so the smallest effect that would have been found stands beside it. *not judged*:
it was asked, and what came back decides nothing. *described*: a number without a claim. *not measured*: no number, and
why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from commonweal.assessment.exposure import Exposure
from commonweal.assessment.four_fifths import four_fifths_words
from commonweal.assessment.menders import menders
from commonweal.assessment.row_writer import deployment_name
from commonweal.assessment.shortfall import CONSEQUENCES, Consequence
from commonweal.evidence.numbers import bounds_text, detectable_text, rounded, value_text
from commonweal.evidence.records import Estimate, Evidence, Finding, Method, Missing, NotShown, Reach, Verdict
from commonweal.evidence.sentences import described_sentence, own_numbers, plain_sentence
from commonweal.evidence.store import digest
from commonweal.evidence.verdicts import is_found, is_tested
from commonweal.system.records import System

Tell = Callable[[Sequence[Finding]], None]
DETAILS = 6
PER_DECISION: Mapping[str, Consequence] = {one.per_decision: one for one in CONSEQUENCES.values()}
PER_YEAR: Mapping[str, Consequence] = {one.per_year: one for one in CONSEQUENCES.values()}


def unheard(said: Sequence[Finding]) -> None:
    """Findings that nobody waits for."""


def findings(
    system: System, evidence: Sequence[Evidence], methods: Mapping[str, Method], reached: Sequence[Exposure]
) -> tuple[Finding, ...]:
    """One finding per measure and subject, those that were found first."""
    groups: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    propagated: dict[str, list[Evidence]] = defaultdict(list)
    for row in evidence:
        if row.basis == "propagated":
            for origin in row.derived_from:
                propagated[origin].append(row)
        else:
            groups[row.measure, "+".join(row.subjects)].append(row)
    places: dict[tuple[str, str], list[Exposure]] = defaultdict(list)
    for exposure in reached:
        for source in exposure.sources:
            places[exposure.measure, source].append(exposure)
    order: dict[Verdict, int] = {"found": 0, "not_judged": 1, "not_shown": 2, "described": 3, "not_measured": 4}
    made = [
        _finding(system, rows, methods.get(measure), places.get((measure, subject), []), propagated)
        for (measure, subject), rows in groups.items()
    ]
    return tuple(sorted(made, key=lambda finding: order[finding.verdict]))


def _finding(
    system: System,
    rows: Sequence[Evidence],
    method: Method | None,
    places: Sequence[Exposure],
    propagated: Mapping[str, Sequence[Evidence]],
) -> Finding:
    measured = [row for row in rows if row.status == "ok" and row.estimate is not None]
    hypotheses = [row for row in measured if row.estimate is not None and is_tested(row.estimate)]
    references: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}
    for row in hypotheses:
        if row.estimate is not None and row.estimate.reference:
            references.setdefault(tuple(row.estimate.group or {}), _group_key(row.estimate.reference))
    held = sorted((row for row in hypotheses if is_found(row)), key=lambda row: _strength(row, references))
    verdict = _verdict(rows, held, hypotheses)
    headline, details, rests_on = _words(verdict, rows, held, hypotheses, method)
    quoted = [*held, *_beside(held, measured, propagated)]
    consequences = [figure for row in quoted for figure in propagated.get(row.id, ()) if figure.estimate is not None]
    first, silent = rows[0], _not_shown(rows, hypotheses, method)
    return Finding(
        id=digest("finding", first.measure, first.subjects, [row.id for row in rows]),
        measure=first.measure,
        subject="+".join(first.subjects),
        title=method.title if method else first.measure,
        verdict=verdict,
        headline=headline,
        details=(
            *details,
            *four_fifths_words(
                [row.estimate for row in measured if row.estimate is not None and _is_ratio(row.estimate, method)]
            ),
            *_consequence_words(
                consequences, {deployment.key: deployment_name(deployment) for deployment in system.deployments}
            ),
        ),
        in_short=_in_short(rows) if verdict == "not_measured" else "",
        not_shown=tuple(silent),
        not_shown_about=tuple(silent.values()),
        not_judged=_not_judged(rows),
        conditions=tuple(
            dict.fromkeys(words for figure in consequences if figure.facts for words in figure.facts.conditions)
        ),
        evidence=tuple(dict.fromkeys((*rests_on, *(figure.id for figure in consequences), *(row.id for row in rows)))),
        reach=tuple(
            Reach(
                target=exposure.target,
                kind=exposure.kind,
                measured_here=exposure.measured_here,
                people_per_year=exposure.people_per_year,
                evidence=exposure.row.id,
            )
            for exposure in places
            if not (exposure.kind == "asset" and exposure.target == first.subjects[0])
        ),
        menders=tuple(menders(system, first.subjects[0])),
    )


def _verdict(rows: Sequence[Evidence], held: Sequence[Evidence], hypotheses: Sequence[Evidence]) -> Verdict:
    """The verdict over all rows; descriptive numbers do not count where the hypotheses could not be tested."""
    if held:
        return "found"
    if hypotheses:
        return "not_shown"
    if any(row.unjudged for row in rows):
        return "not_judged"
    return "described" if any(row.status == "ok" for row in rows) else "not_measured"


def _beside(
    held: Sequence[Evidence], measured: Sequence[Evidence], propagated: Mapping[str, Sequence[Evidence]]
) -> list[Evidence]:
    """Rows without a hypothesis of their own (flips) about the same two groups as a gap that was found and
    propagated.
    """
    pairs = [_pair(row) for row in held if row.id in propagated]
    return [row for row in measured if row.estimate is not None and row.estimate.null is None and _pair(row) in pairs]


def _pair(row: Evidence) -> tuple[dict[str, str], dict[str, str]]:
    assert row.estimate is not None
    return dict(row.estimate.group or {}), dict(row.estimate.reference or {})


def _group_key(group: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((group or {}).items()))


def _strength(
    row: Evidence, references: Mapping[tuple[str, ...], tuple[tuple[str, str], ...]]
) -> tuple[int, bool, float, float]:
    """Single attributes before intersections, the reference group before other pairs, smallest p, then largest effect.

    The reference group of an attribute is that of its first comparison: the declared one, where a measure knows it.
    """
    estimate = row.estimate
    assert estimate is not None
    other = bool(estimate.reference) and _group_key(estimate.reference) != references[tuple(estimate.group or {})]
    return len(estimate.group or {}), other, estimate.p_adjusted or 0.0, -abs(estimate.value)


def _words(
    verdict: Verdict,
    rows: Sequence[Evidence],
    held: Sequence[Evidence],
    hypotheses: Sequence[Evidence],
    method: Method | None,
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Headline, details, and the ids of the rows that they quote; the headline is its measure's, where that gives
    one.
    """
    headline = next((row.facts.headline for row in rows if row.facts and row.facts.headline), "")
    if headline:
        return headline, (), tuple(row.id for row in rows if row.estimate is not None and not row.estimate.group)
    if verdict == "found":
        own = _own_numbers(rows)
        sentences = [_plainly(row, own) or _sentence(row, method) for row in held]
        more = () if len(sentences) <= DETAILS else (f"and {len(sentences) - DETAILS} more; see the evidence rows",)
        return sentences[0], (*sentences[1:DETAILS], *more), tuple(row.id for row in held)
    if verdict == "not_shown":
        several = len(hypotheses) > 1
        none = f"None of {len(hypotheses)} comparisons shows" if several else "The one comparison does not show"
        unjudged = sum(_would_be_tested(row, method) for row in rows if row.unjudged)
        besides = f" {unjudged} more could not be judged." if unjudged else ""
        return (f"{none} a gap. That is not evidence that there is none.{besides}", (), tuple(r.id for r in hypotheses))
    if verdict == "not_judged":
        unread = [row for row in rows if row.unjudged]
        reasons = tuple(dict.fromkeys(row.note for row in unread))
        return f"Could not be judged: {reasons[0]}", reasons[1:DETAILS], tuple(row.id for row in unread)
    if verdict == "described":
        chosen = [row for row in rows if row.status == "ok"]
        order = list(method.quantities) if method else []
        chosen.sort(
            key=lambda row: (
                order.index(row.estimate.quantity) if row.estimate and row.estimate.quantity in order else len(order)
            )
        )
        whole = [row for row in chosen if row.estimate is not None and not row.estimate.group] or chosen
        sentences = [
            (row.estimate and described_sentence(row.measure, row.estimate)) or _sentence(row, method)
            for row in whole[:DETAILS]
        ]
        return sentences[0], tuple(sentences[1:]), tuple(row.id for row in whole[:DETAILS])
    reasons = tuple(dict.fromkeys(f"{row.status.replace('_', ' ')}: {row.note}" for row in rows))
    return reasons[0], reasons[1:], tuple(row.id for row in rows)


def _not_judged(rows: Sequence[Evidence]) -> tuple[str, ...]:
    """Each reason why something cannot be judged, and which comparison it is about, or how many."""
    about: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        if row.unjudged:
            about[row.note] |= dict.fromkeys([comparison(row.missing)] if row.missing and row.missing.group else [])
    return tuple(
        f"{next(iter(whom)) if len(whom) == 1 else f'{len(whom)} comparisons'}: {note}" if whom else note
        for note, whom in about.items()
    )


def _would_be_tested(row: Evidence, method: Method | None) -> bool:
    """Whether a row that cannot be judged stands in the place of a hypothesis, and not of a ratio or spread beside
    it.
    """
    quantity = method.quantities.get(row.missing.quantity) if method and row.missing else None
    return quantity is None or quantity.null is not None


def _is_ratio(estimate: Estimate, method: Method | None) -> bool:
    """Whether it is a ratio of favourable rates, about which the four-fifths line says something."""
    quantity = method.quantities.get(estimate.quantity) if method else None
    return quantity is not None and quantity.role == "favourable_rate_ratio"


def _label(estimate: Estimate, method: Method | None) -> str:
    quantity = method.quantities.get(estimate.quantity) if method else None
    return quantity.label if quantity else estimate.quantity.replace("_", " ")


def comparison(estimate: Estimate | Missing) -> str:
    """Who is compared with whom, in words.

    >>> comparison(Estimate(quantity="gap", unit="nat", value=1, n=9, method="t", group={"race": "Black"},
    ...     reference={"race": "White"}))
    'race: Black against White'
    """
    if not estimate.group:
        return ""
    words = ", ".join(estimate.group.values())
    against = f" against {', '.join(estimate.reference.values())}" if estimate.reference else ""
    return f"{' x '.join(estimate.group)}: {words}{against}"


def _sentence(row: Evidence, method: Method | None) -> str:
    """One number in words."""
    estimate = row.estimate
    if estimate is None:
        return row.note
    who = comparison(estimate)
    label = _label(estimate, method)
    bounds = bounds_text(estimate) if estimate.low != estimate.high else ""
    interval = f" ({round(estimate.level * 100)} % {estimate.interval} interval {bounds})" if bounds else ""
    return f"{who + ', ' if who else ''}{label} {value_text(estimate)}{interval}"


Side = tuple[str, tuple[tuple[str, str], ...]]


def _own_numbers(rows: Sequence[Evidence]) -> Mapping[Side, Estimate]:
    """What each group has of each quantity by itself, without a reference."""
    estimates = [row.estimate for row in rows if row.estimate is not None and not row.estimate.reference]
    return {(one.quantity, _group_key(one.group)): one for one in estimates}


def _plainly(row: Evidence, own: Mapping[Side, Estimate]) -> str:
    """A comparison that was found, in a plain sentence with the numbers of both sides; empty where none is known."""
    estimate = row.estimate
    assert estimate is not None
    quantity = own_numbers(row.measure, estimate.quantity)
    group, reference = (own.get((quantity, _group_key(side))) for side in (estimate.group, estimate.reference))
    return plain_sentence(row.measure, estimate, (group, reference))


def _in_short(rows: Sequence[Evidence]) -> str:
    """What the first of the rows without a number lacks; empty where that is not told apart from the reason."""
    return rows[0].facts.lacks if rows[0].facts else ""


def _not_shown(
    rows: Sequence[Evidence], hypotheses: Sequence[Evidence], method: Method | None
) -> Mapping[str, NotShown]:
    """What was looked for and not shown, with the smallest effect that would have been; and what could not be looked
    for.
    """
    silent = [row.estimate for row in hypotheses if row.estimate is not None and not is_found(row)]
    by_comparison: dict[tuple[str, str], list[str]] = defaultdict(list)
    for estimate in silent:
        if len(estimate.group or {}) <= 1:
            detectable = detectable_text(estimate)
            would = (
                f"smallest gap this design would detect: {detectable}"
                if detectable
                else "the smallest gap it would detect is unknown"
            )
            by_comparison[comparison(estimate), "".join(estimate.group or {})].append(
                f"{_label(estimate, method)} {value_text(estimate)} ({bounds_text(estimate)}; {would})"
            )
    not_shown = {
        f"{who + ', ' if who else ''}{'; '.join(numbers)}": NotShown(kind="comparison", attribute=attribute)
        for (who, attribute), numbers in by_comparison.items()
    }
    crossed = sum(len(estimate.group or {}) > 1 for estimate in silent)
    if crossed:
        not_shown[f"{crossed} comparison{'s' if crossed > 1 else ''} of intersecting groups"] = NotShown(
            kind="intersections"
        )
    lacking = dict.fromkeys(row.note for row in rows if row.status != "ok" and not row.unjudged)
    return not_shown | {f"not measured: {note}": NotShown(kind="not_measured") for note in lacking}


def _consequence_words(consequences: Sequence[Evidence], deployments: Mapping[str, str]) -> tuple[str, ...]:
    """Propagated figures of what was found, per 100 decisions and per year; an advantage is not told as a negative
    shortfall.
    """
    words = []
    for row in consequences[:DETAILS]:
        estimate = row.estimate
        assert estimate is not None
        per_year = estimate.quantity in PER_YEAR
        consequence = (PER_YEAR if per_year else PER_DECISION)[estimate.quantity]
        group = dict(estimate.group or {})
        place = deployments.get(group.pop("deployment", ""), "")
        base = f"a year in {place}" if per_year else "per 100 decisions"
        gains = bool(consequence.gained) and estimate.value < 0
        name = consequence.gained if gains else consequence.counted
        scale = (1 if per_year else 100) * (-1 if gains else 1)
        low, high = sorted(scale * bound for bound in (estimate.low or 0.0, estimate.high or 0.0))
        figures = " to ".join(rounded(bound, high - low) for bound in (low, high))
        who = comparison(estimate.model_copy(update={"group": group}))
        words.append(
            f"if applied to real decisions: {who}, {rounded(scale * estimate.value, high - low)} ({figures}) {name}, "
            f"{base}"
        )
    return tuple(words)
