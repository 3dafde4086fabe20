"""Which rows make which figure, and what each figure says in words.

A figure is made for the rows of one measure and one quantity that differ in their group (one figure per subject and set
of attributes), or, without groups, in their subject. What this module does not do: it draws nothing (see `charts`) and
it compares no numbers beyond finding the lowest and the highest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from commonweal.evidence.numbers import INTERVALS, Scale, bounds_text, detectable_text, rounded, scale_of, value_text
from commonweal.evidence.records import Estimate, Evidence, FigureChoice, Method, Quantity
from commonweal.report.wording import group_words, humanise, interval_words, shorten

COMPACT_FROM = 41
SMALL_SET = 3
MANY_UNITS = 3  # rows of one quantity in so many units stand in one table, in their order
SPOKEN_ROWS = 8


@dataclass(frozen=True, slots=True)
class Plotted:
    """A row of a figure: its label and its evidence, whose estimate is there."""

    label: str
    row: Evidence
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class FigurePlan:
    """What one figure shows, before it is drawn."""

    kind: Literal["forest", "compact", "scatter", "table", "lines"]
    title: str
    axis: str
    scale: Scale
    rows: tuple[Plotted, ...]
    null: float | None
    caption: str
    spoken: str
    across: tuple[Plotted, ...] = ()
    choice: FigureChoice | None = None

    @property
    def exact(self) -> bool:
        """Whether every row is a complete count or a plain number, so that the axis begins at 0."""
        return self.null is None and not any(_has_width(plotted.row) for plotted in self.rows)

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(sorted({plotted.row.basis for plotted in self.rows}))


def plan_figures(rows: Sequence[Evidence], method: Method | None) -> list[FigurePlan]:
    """The figures of one measure: those that it chose, then the others in the order in which its quantities are
    declared.
    """
    quantities = method.quantities if method else {}
    numbered = [row for row in rows if row.estimate is not None]
    figures: list[FigurePlan] = []
    for choice in method.figures if method else ():
        if choice.kind == "scatter":
            chosen, numbered = _scatters(numbered, choice, quantities)
            figures += chosen
    for name, of_quantity in _ordered(numbered, quantities):
        units = {_estimate(row).unit for row in of_quantity}
        if len(units) >= MANY_UNITS:
            label = quantities.get(name, Quantity(unit="1", label=humanise(name).lower()))
            listing = _listing(
                label, [(_subject(row), Plotted(_label(row), row, _estimate(row))) for row in of_quantity]
            )
            first = listing.rows[0]
            said = (
                f"{len(listing.rows)} rows, each in its own unit; the first: {first.label}: "
                f"{value_text(first.estimate)}."
            )
            figures.append(replace(listing, spoken=f"{listing.title}. {said}"))
            continue
        for unit, same_unit in _by(of_quantity, lambda row: _estimate(row).unit).items():
            grouped = [row for row in same_unit if _estimate(row).group]
            single = [row for row in same_unit if not _estimate(row).group]
            label = quantities.get(name, Quantity(unit=unit, label=humanise(name).lower()))
            parts = [
                (subject, part) for subject, rest in _by(grouped, _subject).items() for part in _attribute_sets(rest)
            ]
            figures += [_forest(label, subject, part) for subject, part in parts if _says_more_in_a_picture(part)]
            listed = [
                (subject, entry) for subject, part in parts if not _says_more_in_a_picture(part) for entry in part
            ]
            if listed:
                figures.append(_listing(label, listed))
            if _worth_drawing(single):
                figures.append(_forest(label, "", [Plotted(_subject(row), row, _estimate(row)) for row in single]))
    return figures


def _estimate(row: Evidence) -> Estimate:
    assert row.estimate is not None
    return row.estimate


def _subject(row: Evidence) -> str:
    return " + ".join(row.subjects)


def _has_width(row: Evidence) -> bool:
    estimate = _estimate(row)
    return estimate.low is not None and estimate.low != estimate.high


def _worth_drawing(rows: Sequence[Evidence]) -> bool:
    """Whether numbers without groups say more in a picture: one with an interval, or several that differ."""
    bounded = [row for row in rows if _estimate(row).interval]
    return any(_has_width(row) for row in bounded) or len({_estimate(row).value for row in bounded}) > 1


def _says_more_in_a_picture(part: Sequence[Plotted]) -> bool:
    """Whether rows by group are worth drawing; one exact number, or plain yes and no, reads better in a table."""
    exact = not any(_has_width(entry.row) or entry.estimate.null is not None for entry in part)
    values = {entry.estimate.value for entry in part}
    return not exact or (len(values) > 1 and not values <= {0.0, 1.0})


def _listing(quantity: Quantity, listed: Sequence[tuple[str, Plotted]]) -> FigurePlan:
    """Rows that are shown as a table, each with its subject."""
    subjects = {subject for subject, _ in listed}
    several = len(subjects) > 1
    rows = tuple(replace(entry, label=f"{subject}: {entry.label}") if several else entry for subject, entry in listed)
    return replace(_forest(quantity, "" if several else subjects.pop(), rows), kind="table", null=None)


def _by(rows: Iterable[Evidence], key: object) -> dict[str, list[Evidence]]:
    parts: dict[str, list[Evidence]] = defaultdict(list)
    for row in rows:
        parts[key(row)].append(row)  # type: ignore[operator]
    return dict(parts)


def _ordered(rows: Sequence[Evidence], quantities: Mapping[str, Quantity]) -> list[tuple[str, list[Evidence]]]:
    parts = _by(rows, lambda row: _estimate(row).quantity)
    names = [name for name in quantities if name in parts] + [name for name in parts if name not in quantities]
    return [(name, parts[name]) for name in names]


def _attribute_sets(rows: Sequence[Evidence]) -> list[list[Plotted]]:
    """Rows split by the attributes they are about; sets of one or two rows share a figure, with the attribute in the
    label.
    """
    sets = _by(rows, lambda row: " x ".join(_estimate(row).group or {}))
    small = [name for name, part in sets.items() if len(part) < SMALL_SET] if len(sets) > 1 else []
    merged = small if sum(len(sets[name]) for name in small) < COMPACT_FROM and len(small) > 1 else []
    whole = [
        [Plotted(_label(row), row, _estimate(row)) for row in part] for name, part in sets.items() if name not in merged
    ]
    mixed = [Plotted(f"{humanise(name)}: {_label(row)}", row, _estimate(row)) for name in merged for row in sets[name]]
    return [mixed, *whole] if mixed else whole


def _label(row: Evidence) -> str:
    estimate = _estimate(row)
    against = f" vs {group_words(estimate.reference)}" if estimate.reference else ""
    return group_words(estimate.group) + against


def _forest(quantity: Quantity, subject: str, plotted: Sequence[Plotted]) -> FigurePlan:
    first = plotted[0].estimate
    scale = scale_of(first.quantity, first.unit)
    nulls = {entry.estimate.null for entry in plotted}
    attributes = {" x ".join(entry.estimate.group) for entry in plotted if entry.estimate.group}
    by = (
        f" by {attributes.pop().replace('_', ' ')}" if len(attributes) == 1 else " by single cues" if attributes else ""
    )
    name = quantity.label[:1].upper() + quantity.label[1:]
    compact = len(plotted) >= COMPACT_FROM
    rows = tuple(sorted(plotted, key=lambda entry: entry.estimate.value) if compact else plotted)
    title = f"{name}{by}" + (f": {subject}" if subject else "")
    null = nulls.pop() if len(nulls) == 1 else None
    return FigurePlan(
        kind="compact" if compact else "forest",
        title=title,
        axis=f"{name} [{scale.words}]",
        scale=scale,
        rows=rows,
        null=null,
        caption=_caption(quantity, rows, null, scale),
        spoken=_spoken(title, rows, null, scale),
    )


def _caption(quantity: Quantity, rows: Sequence[Plotted], null: float | None, scale: Scale) -> str:
    """What the marks mean."""
    kinds = sorted({entry.estimate.interval for entry in rows if entry.estimate.interval})
    about = quantity.about.strip()
    parts = [about[:1].upper() + about[1:] + ("" if about.endswith((".", "!", "?")) else ".")] if about else []
    if kinds == ["range"] and not any(_has_width(entry.row) for entry in rows):
        worked_out = all(entry.row.basis == "propagated" for entry in rows)
        parts.append(f"{'Declared figures' if worked_out else 'Complete counts'}, so there is no interval.")
    elif kinds:
        levels = {entry.estimate.level for entry in rows}
        level = f"{levels.pop() * 100:g} % " if len(levels) == 1 and kinds != ["range"] else ""
        parts.append(f"Line: {level}{' or '.join(INTERVALS[kind] for kind in kinds)}.")
    else:
        parts.append("No interval is recorded.")
    if null is not None:
        parts.append(f"Dashed line: {rounded(null * scale.factor)}, no effect.")
        if any(entry.estimate.minimum_detectable for entry in rows):
            parts.append("Band: effects too small for this design to find with power 0.8.")
    if {entry.row.basis for entry in rows} - {"measured"}:
        parts.append(f"Hollow point: not measured but {', '.join(sorted({e.row.basis for e in rows} - {'measured'}))}.")
    if len(rows) >= COMPACT_FROM:
        parts.append("Sorted by value; the table names every row.")
    return " ".join(parts)


def _spoken(title: str, rows: Sequence[Plotted], null: float | None, scale: Scale) -> str:
    """The figure in sentences: every row if there are few, else the lowest and the highest."""
    lowest, highest = min(rows, key=lambda e: e.estimate.value), max(rows, key=lambda e: e.estimate.value)
    chosen = list(rows) if len(rows) <= SPOKEN_ROWS else [lowest, highest]
    said = "; ".join(f"{shorten(entry.label, 120)}: {_sentence(entry)}" for entry in chosen)
    opening = (
        f"{title}. " if len(rows) <= SPOKEN_ROWS else f"{title}. {len(rows)} rows; the lowest and the highest are: "
    )
    closing = f" No effect would be {rounded(null * scale.factor)}." if null is not None else ""
    return f"{opening}{said}.{closing}"


def _sentence(entry: Plotted) -> str:
    estimate = entry.estimate
    interval = f" ({interval_words(entry.row)})" if bounds_text(estimate) else ""
    detectable = detectable_text(estimate)
    return value_text(estimate) + interval + (f", minimum detectable effect {detectable}" if detectable else "")


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
    scale = scale_of(*(up[0].estimate.quantity, up[0].estimate.unit))
    spoken = _spoken(title, up, None, scale)
    return FigurePlan(
        kind="scatter",
        title=title,
        axis=f"{humanise(name)} [{scale.words}]",
        scale=scale,
        rows=up,
        null=None,
        caption=f"Each point is {choice.point}; vertical line: its interval. Diagonal: {choice.diagonal}.",
        spoken=spoken,
        across=along,
        choice=choice,
    )
