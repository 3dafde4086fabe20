"""Which rows make which figure, and the message that each figure bears.

Every family of comparisons (one measure, one quantity that is tested, one subject) is one figure; so are the numbers of
one quantity by group, or, without groups, by subject. What this module does not do: it draws nothing (see `forest` and
`charts`), and decides no verdict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from commonweal.evidence.numbers import INTERVALS, Scale, bounds_text, scale_of, value_text
from commonweal.evidence.records import Estimate, Evidence, FigureChoice, Method, Quantity
from commonweal.evidence.sentences import plain_message
from commonweal.evidence.verdicts import is_found, is_tested
from commonweal.report.wording import group_words, humanise, interval_words, shorten

MANY_UNITS = 3  # rows of one quantity in so many units stand in one table, in their order
SPOKEN_ROWS = 8
CROSSED = " × "


@dataclass(frozen=True, slots=True)
class Plotted:
    """A row of a figure: its label, the heading that it stands under, and its evidence, whose estimate is there."""

    label: str
    row: Evidence
    estimate: Estimate
    heading: str = ""


@dataclass(frozen=True, slots=True)
class FigurePlan:
    """What one figure shows, before it is drawn: its message, then quantity, unit, subject and n below it.

    `null`: no effect, where its rows are tested. `found`: the ids of rows that were found, on which its rows may rest.
    """

    kind: Literal["forest", "scatter", "table", "lines"]
    title: str
    axis: str
    scale: Scale
    rows: tuple[Plotted, ...]
    null: float | None
    caption: str
    spoken: str = ""
    subtitle: str = ""
    across: tuple[Plotted, ...] = ()
    choice: FigureChoice | None = None
    found: frozenset[str] = frozenset()

    def rests_on_found(self, row: Evidence) -> bool | None:
        """Whether a row is worked out from a comparison that was found; None: it is worked out from none."""
        return bool(self.found.intersection(row.derived_from)) if row.derived_from and self.found else None

    @property
    def exact(self) -> bool:
        """Whether every row is a complete count or a plain number, so that the axis begins at 0."""
        return self.null is None and not any(_has_width(plotted.row) for plotted in self.rows)

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(sorted({plotted.row.basis for plotted in self.rows}))


def plan_figures(
    rows: Sequence[Evidence], method: Method | None, leading: Sequence[str] = (), found: frozenset[str] = frozenset()
) -> list[FigurePlan]:
    """The figures of one measure: families of comparisons, the pictures that it chose, then the others in the order in
    which its quantities are declared.

    `leading`: the ids of rows that were found, the most telling first; `found`: of all that were, of any measure.
    """
    quantities = method.quantities if method else {}
    numbered = [row for row in rows if row.estimate is not None]
    families = [row for row in numbered if is_tested(_estimate(row))]
    rest = [row for row in numbered if not is_tested(_estimate(row))]
    chosen: list[FigurePlan] = []
    for choice in method.figures if method else ():
        if choice.kind == "scatter":
            drawn, rest = _scatters(rest, choice, quantities)
            chosen += drawn
    tested = [
        figure for name, part in _ordered(families, quantities) for figure in _families(name, part, quantities, leading)
    ]
    described = [figure for name, part in _ordered(rest, quantities) for figure in _described(name, part, quantities)]
    return [*tested, *chosen, *(_marked(figure, found) for figure in described)]


def _marked(figure: FigurePlan, found: frozenset[str]) -> FigurePlan:
    """A figure of what is worked out from comparisons says how many of these were found, and not how far it ranges."""
    marked = replace(figure, found=found)
    resting = [marked.rests_on_found(entry.row) for entry in figure.rows]
    if figure.kind != "forest" or any(rests is None for rests in resting):
        return figure
    name = figure.axis.partition(" [")[0]
    return replace(marked, title=f"{name}: {sum(map(bool, resting))} of {len(resting)} rest on a gap that was found")


def _families(
    name: str, rows: Sequence[Evidence], quantities: Mapping[str, Quantity], leading: Sequence[str]
) -> list[FigurePlan]:
    """One figure per subject and unit; without groups, one for all subjects."""
    label = quantities.get(name, Quantity(unit="1", label=humanise(name).lower()))
    figures = []
    for part in _by(
        rows, lambda row: f"{_estimate(row).unit} {_subject(row) if _estimate(row).group else ''}"
    ).values():
        entries = _entries(part)
        figure = _figure(label, _shared_subject(part), entries)
        figures.append(replace(figure, title=_family_message(label, entries, leading)))
    return figures


def _family_message(quantity: Quantity, entries: Sequence[Plotted], leading: Sequence[str]) -> str:
    """What a family of comparisons says: its most telling finding, or that none is shown."""
    rank = {name: place for place, name in enumerate(leading)}
    found = [entry for entry in entries if is_found(entry.row)]
    if found:
        first = min(found, key=lambda entry: rank.get(entry.row.id, len(rank)))
        sentence = plain_message(first.row.measure, first.estimate)
        message = sentence or f"{_capital(quantity.label)}: {first.label}, {value_text(first.estimate)}"
        return f"{message}; {len(found)} of {len(entries)} comparisons show a gap" if len(entries) > 1 else message
    if len(entries) == 1:
        return f"Not shown: {quantity.label}"
    return f"None of {len(entries)} comparisons shows a gap: {quantity.label}"


def _described(name: str, rows: Sequence[Evidence], quantities: Mapping[str, Quantity]) -> list[FigurePlan]:
    """Numbers without a hypothesis: by group one figure per subject, else one for all subjects; what reads better as a
    table is one.
    """
    label = quantities.get(name, Quantity(unit="1", label=humanise(name).lower()))
    if len({_estimate(row).unit for row in rows}) >= MANY_UNITS:
        return [_table(label, _entries(rows), f"{_capital(label.label)}: {len(rows)} numbers, each in its own unit")]
    figures, listed = [], []
    for same_unit in _by(rows, lambda row: _estimate(row).unit).values():
        grouped = [row for row in same_unit if _estimate(row).group]
        single = [row for row in same_unit if not _estimate(row).group]
        for part in _by(grouped, _subject).values():
            if len(part) > 1 and _says_more_in_a_picture(part):
                figures.append(_with_range(_figure(label, _shared_subject(part), _entries(part))))
            else:
                listed += part
        if _worth_drawing(single):
            figures.append(_with_range(_figure(label, _shared_subject(single), _entries(single))))
    if listed:
        several = len({_subject(row) for row in listed}) > 1
        entries = [
            replace(entry, label=f"{_subject(entry.row)}: {entry.label}") if several else entry
            for entry in _entries(listed)
        ]
        figures.append(_table(label, entries, _capital(label.label)))
    return figures


def _figure(quantity: Quantity, subject: str, entries: Sequence[Plotted]) -> FigurePlan:
    first = entries[0].estimate
    scale = scale_of(first.quantity, first.unit)
    nulls = {entry.estimate.null for entry in entries}
    name = _capital(quantity.label)
    counts = sorted(entry.estimate.n for entry in entries)
    n = f"; n = {counts[0]:,}" + (f" to {counts[-1]:,}" if counts[0] != counts[-1] else "")
    drawn = {entry.estimate.interval for entry in entries} == {"uncertainty"}  # n is of draws, and nothing was counted
    return FigurePlan(
        kind="forest",
        title=name,
        axis=f"{name} [{scale.words}]",
        scale=scale,
        rows=tuple(entries),
        null=nulls.pop() if len(nulls) == 1 else None,
        caption=_caption(quantity, entries),
        subtitle=f"{name} [{scale.words}]{f', {subject}' if subject else ''}{'' if drawn else n}",
    )


def _table(quantity: Quantity, entries: Sequence[Plotted], title: str) -> FigurePlan:
    """Rows that are shown as a table only."""
    return replace(_figure(quantity, "", entries), kind="table", null=None, title=title)


def _with_range(figure: FigurePlan) -> FigurePlan:
    """The figure with the lowest and the highest of its numbers as its message."""
    low = min(figure.rows, key=lambda entry: entry.estimate.value)
    high = max(figure.rows, key=lambda entry: entry.estimate.value)
    if low is high:
        told = value_text(low.estimate)
    else:
        told = (
            f"from {value_text(low.estimate)} ({shorten(low.label, 60)}) to {value_text(high.estimate)} "
            f"({shorten(high.label, 60)})"
        )
    return replace(figure, title=f"{figure.title}: {told}")


def _entries(rows: Sequence[Evidence]) -> list[Plotted]:
    """Rows under a heading for each set of attributes, single attributes first; without groups, by their subject."""
    sets = _by(rows, lambda row: CROSSED.join(_estimate(row).group or {}))
    several = len(sets) > 1
    return [
        Plotted(
            _label(row) if _estimate(row).group else _subject(row),
            row,
            _estimate(row),
            humanise(name) if several and name else "",
        )
        for name in sorted(sets, key=lambda name: name.count(CROSSED))
        for row in sets[name]
    ]


def _shared_subject(rows: Sequence[Evidence]) -> str:
    """The subject, where all rows have the same."""
    subjects = {_subject(row) for row in rows}
    return subjects.pop() if len(subjects) == 1 else ""


def _estimate(row: Evidence) -> Estimate:
    assert row.estimate is not None
    return row.estimate


def _subject(row: Evidence) -> str:
    return " + ".join(row.subjects)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _has_width(row: Evidence) -> bool:
    estimate = _estimate(row)
    return estimate.low is not None and estimate.low != estimate.high


def _worth_drawing(rows: Sequence[Evidence]) -> bool:
    """Whether numbers without groups say more in a picture: several that differ, or have an interval of some width."""
    bounded = [row for row in rows if _estimate(row).interval]
    return len(rows) > 1 and (any(map(_has_width, bounded)) or len({_estimate(row).value for row in bounded}) > 1)


def _says_more_in_a_picture(rows: Sequence[Evidence]) -> bool:
    """Whether rows by group are worth drawing; one exact number, or plain yes and no, reads better in a table."""
    exact = not any(_has_width(row) for row in rows)
    values = {_estimate(row).value for row in rows}
    return not exact or (len(values) > 1 and not values <= {0.0, 1.0})


def _by(rows: Iterable[Evidence], key: Callable[[Evidence], str]) -> dict[str, list[Evidence]]:
    parts: dict[str, list[Evidence]] = defaultdict(list)
    for row in rows:
        parts[key(row)].append(row)
    return dict(parts)


def _ordered(rows: Sequence[Evidence], quantities: Mapping[str, Quantity]) -> list[tuple[str, list[Evidence]]]:
    parts = _by(rows, lambda row: _estimate(row).quantity)
    names = [name for name in quantities if name in parts] + [name for name in parts if name not in quantities]
    return [(name, parts[name]) for name in names]


def _label(row: Evidence) -> str:
    estimate = _estimate(row)
    against = f" vs {group_words(estimate.reference)}" if estimate.reference else ""
    return group_words(estimate.group) + against


def _caption(quantity: Quantity, rows: Sequence[Plotted]) -> str:
    """What the number is of, and what its marks mean where they mean something else than a page says once."""
    kinds = {entry.estimate.interval for entry in rows if entry.estimate.interval}
    about = quantity.about.strip()
    parts = [_capital(about) + ("" if about.endswith((".", "!", "?")) else ".")] if about else []
    if kinds == {"range"} and not any(_has_width(entry.row) for entry in rows):
        worked_out = all(entry.row.basis == "propagated" for entry in rows)
        parts.append(f"{'Declared figures' if worked_out else 'Complete counts'}, so there is no interval.")
    elif not kinds:
        parts.append("No interval is recorded.")
    elif kinds != {"confidence"}:
        parts.append(f"Line: {' or '.join(INTERVALS[kind] for kind in sorted(kinds))}.")
    others = sorted({entry.row.basis for entry in rows} - {"measured"})
    if others:
        parts.append(f"Hollow point: {', '.join(others)}, not measured.")
    return " ".join(parts)


def _spoken(title: str, rows: Sequence[Plotted]) -> str:
    """A picture in sentences: every row if there are few, else the lowest and the highest."""
    lowest, highest = min(rows, key=lambda e: e.estimate.value), max(rows, key=lambda e: e.estimate.value)
    chosen = list(rows) if len(rows) <= SPOKEN_ROWS else [lowest, highest]
    said = "; ".join(f"{shorten(entry.label, 120)}: {_sentence(entry)}" for entry in chosen)
    opening = (
        f"{title}. " if len(rows) <= SPOKEN_ROWS else f"{title}. {len(rows)} rows; the lowest and the highest are: "
    )
    return f"{opening}{said}."


def _sentence(entry: Plotted) -> str:
    return value_text(entry.estimate) + (f" ({interval_words(entry.row)})" if bounds_text(entry.estimate) else "")


def _scatters(
    rows: list[Evidence], choice: FigureChoice, quantities: Mapping[str, Quantity]
) -> tuple[list[FigurePlan], list[Evidence]]:
    """One scatter per subject: the first quantity of the choice against the second. Returns the rows that are left."""
    figures, used = [], set()
    names = [quantities[name].label if name in quantities else humanise(name) for name in choice.quantities]
    for subject, of_subject in _by(rows, _subject).items():
        first, second = (
            {_label(row): row for row in of_subject if _estimate(row).quantity == name} for name in choice.quantities
        )
        shared = [label for label in first if label in second]
        if shared:
            up = tuple(Plotted(label, first[label], _estimate(first[label])) for label in shared)
            along = tuple(Plotted(label, second[label], _estimate(second[label])) for label in shared)
            by = " x ".join(up[0].estimate.group or {})
            figures.append(
                _scatter(f"{humanise(names[0])} against {names[1]}, by {by}: {subject}", names[0], (up, along), choice)
            )
            used |= {row.id for row in (*first.values(), *second.values())}
    return figures, [row for row in rows if row.id not in used]


def _scatter(title: str, name: str, plotted: tuple[tuple[Plotted, ...], ...], choice: FigureChoice) -> FigurePlan:
    up, along = plotted
    scale = scale_of(up[0].estimate.quantity, up[0].estimate.unit)
    return FigurePlan(
        kind="scatter",
        title=title,
        axis=f"{humanise(name)} [{scale.words}]",
        scale=scale,
        rows=up,
        null=None,
        caption=f"Each point is {choice.point}; vertical line: its interval. Diagonal: {choice.diagonal}.",
        spoken=_spoken(title, up),
        across=along,
        choice=choice,
    )
