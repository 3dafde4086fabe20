"""The break-even: energy over the number of tasks, for a model of its own for each task and for one shared model.

The lines are S N and P + f N, drawn from the rows of P, S and f; N* is marked where its own row puts it, or "never" is
said. What this module does not do: it works out no N*, and no interval. A band goes from the lower ends of P and f
together to their upper ends together, so it is wider than a 95 % interval of the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from commonweal.evidence.numbers import rounded, scale_of, value_text
from commonweal.evidence.records import Estimate, Evidence, FigureChoice, Method
from commonweal.report.figures.charts import BAND, INK, MUTED, PAPER, SERIES, chart_svg, layer, number, text
from commonweal.report.figures.plan import FigurePlan, Plotted
from commonweal.report.wording import interval_words

BreakEvenPart = Literal["P", "f", "S", "N*", "never"]
PARTS: Mapping[BreakEvenPart, str] = {
    "P": "P, making the shared model once",
    "f": "f, adapting it to one task",
    "S": "S, training from scratch for one task",
    "N*": "N*, tasks from which the shared model costs less",
    "never": "probability that it never does",
}
LINES: tuple[BreakEvenPart, ...] = ("P", "f", "S")
WIDTH, HEIGHT = 455, 330
MARGIN = {"left": 84, "right": 141, "top": 22, "bottom": 48}  # fixed, so that a picture is the same whatever the fonts
GAP_PX = 34  # two lines of a label
STEPS = 24


@dataclass(frozen=True, slots=True)
class Span:
    """A number [kWh, or tasks] with the ends of its interval."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class ServingOption:
    """A way to serve N tasks: `once` + `each` x N [kWh]. `label`: at most two lines, with a line break between."""

    label: str
    once: Span
    each: Span
    shared: bool = True


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where a shared model begins to cost less [tasks], and at which energy [kWh]."""

    tasks: Span
    energy: float
    words: str


def exactly(value: float) -> Span:
    """A number without an interval.

    >>> exactly(27.0)
    Span(low=27.0, middle=27.0, high=27.0)
    """
    return Span(value, value, value)


def break_even_figures(rows: Sequence[Evidence], method: Method | None) -> tuple[list[FigurePlan], list[Evidence]]:
    """A figure for each deployment with P, S and f in its rows, where its method chose one; and the rows that are in
    no such figure.
    """
    figures, drawn = [], set()
    for choice in method.figures if method else ():
        if choice.kind == "break_even":
            part_of = {quantity: part for part, quantity in zip(PARTS, choice.quantities, strict=True)}
            for deployment in dict.fromkeys(_deployment(row) for row in rows if part_of.get(_quantity(row)) in LINES):
                own = {
                    part_of[_quantity(row)]: row
                    for row in rows
                    if _quantity(row) in part_of and _deployment(row) == deployment
                }
                known = {part: row for part, row in own.items() if row.estimate is not None}
                if all(part in known for part in LINES):
                    never = next((row.note for row in own.values() if row.estimate is None), "")
                    figures.append(_figure(deployment, known, never, choice))
                    drawn |= {row.id for row in known.values()}
    return figures, [row for row in rows if row.id not in drawn]


def _parts(figure: FigurePlan) -> dict[BreakEvenPart, Plotted]:
    """The rows of a figure by what they are in it."""
    assert figure.choice is not None
    by_quantity = {entry.estimate.quantity: entry for entry in figure.rows}
    chosen = zip(PARTS, figure.choice.quantities, strict=True)
    return {part: by_quantity[quantity] for part, quantity in chosen if quantity in by_quantity}


def break_even_svg(figure: FigurePlan, anchor: str) -> Markup:
    """A figure of `break_even_figures` as an SVG element."""
    plotted = _parts(figure)
    spans = {name: _span(entry.estimate) for name, entry in plotted.items()}
    ways = [
        ServingOption(f"a model for each:\n{_worth(plotted['S'])} a task", exactly(0.0), spans["S"], shared=False),
        ServingOption(f"the shared model:\n{_worth(plotted['f'])} a task", spans["P"], spans["f"]),
    ]
    crossings = []
    if "N*" in plotted:
        tasks = spans["N*"]
        at = spans["S"].middle * tasks.middle
        crossings = [Crossing(tasks, at, f"N* = {value_text(plotted['N*'].estimate)}")]
    return lines_svg(ways, crossings, (figure.title, figure.spoken), anchor)


def lines_svg(
    ways: Sequence[ServingOption], crossings: Sequence[Crossing], words: tuple[str, str], anchor: str
) -> Markup:
    """The ways as lines with bands, the crossings marked down to the axis of tasks; `words`: the picture's name and
    description.
    """
    top = _last_task(ways, crossings)
    return chart_svg(_chart(ways, crossings, top), words, anchor)


def _chart(ways: Sequence[ServingOption], crossings: Sequence[Crossing], top: float) -> dict[str, Any]:
    highest = max(way.once.high + way.each.high * top for way in ways) or 1.0
    x = number("tasks", scale={"domain": [0, top], "nice": False}, title="Number of tasks N", axis=_axis(28))
    y = number("energy", scale={"domain": [0, highest], "nice": True}, title="Energy [kilowatt-hours]", axis=_axis(58))
    bands = [
        {
            "tasks": top * step / STEPS,
            "energy": way.once.low + way.each.low * top * step / STEPS,
            "up": way.once.high + way.each.high * top * step / STEPS,
            "way": str(place),
        }
        for place, way in enumerate(ways)
        if way.once.low < way.once.high or way.each.low < way.each.high
        for step in range(STEPS + 1)
    ]
    between = {"x": x, "y": y, "y2": {"field": "up"}, "detail": text("way")}
    layers = [layer("area", {"color": BAND, "opacity": 0.75}, between, data=bands)] if bands else []
    for way in ways:
        ends = [{"tasks": n, "energy": way.once.middle + way.each.middle * n} for n in (0.0, top)]
        style = {"color": SERIES} if way.shared else {"color": INK, "strokeDash": [7, 4]}
        layers.append(layer("line", {"strokeWidth": 2, **style}, {"x": x, "y": y}, data=ends))
    layers += [part for crossing in crossings for part in _marked(crossing, x, y)]
    named = {"align": "left", "dx": 8, "fontSize": 12, "fill": INK, "lineBreak": "\n"}
    layers.append(
        layer("text", named, {"x": x, "y": y, "text": text("words")}, data=_labels(ways, crossings, top, highest))
    )
    return {"layer": layers, "width": WIDTH, "height": HEIGHT, "padding": MARGIN, "autosize": "none"}


def _axis(extent: int) -> dict[str, Any]:
    return {"minExtent": extent, "maxExtent": extent, "tickCount": 6, "domain": True, "labelPadding": 4}


def _marked(crossing: Crossing, x: dict[str, Any], y: dict[str, Any]) -> list[dict[str, Any]]:
    """The point, the way down to the axis, the interval of N* on the axis, and N* in words."""
    point = [{"tasks": crossing.tasks.middle, "energy": crossing.energy, "floor": 0.0, "words": crossing.words}]
    ring = {"filled": True, "size": 55, "opacity": 1, "fill": PAPER, "stroke": INK, "strokeWidth": 1.6}
    words = {"align": "left", "dx": 5, "dy": 14, "fontSize": 11, "fontWeight": "bold", "fill": INK}
    layers = [
        layer("rule", {"color": MUTED, "strokeDash": [3, 3]}, {"x": x, "y": y, "y2": {"field": "floor"}}, data=point),
        layer("point", ring, {"x": x, "y": y}, data=point),
        layer("text", words, {"x": x, "y": y, "text": text("words")}, data=point),
    ]
    if crossing.tasks.low < crossing.tasks.high:
        reach = [{"tasks": crossing.tasks.low, "to": crossing.tasks.high, "energy": 0.0}]
        thick = {"color": INK, "strokeWidth": 4, "clip": True}
        layers.append(layer("rule", thick, {"x": x, "x2": {"field": "to"}, "y": y}, data=reach))
    return layers


def _labels(
    ways: Sequence[ServingOption], crossings: Sequence[Crossing], top: float, highest: float
) -> list[dict[str, Any]]:
    """The name of each line at its right end, kept apart; without a crossing, that there is none."""
    gap = GAP_PX * highest / HEIGHT
    labels: list[dict[str, Any]] = []
    for way in sorted(ways, key=lambda one: one.once.middle + one.each.middle * top):
        end = way.once.middle + way.each.middle * top
        lowest = labels[-1]["energy"] + gap if labels else 0.0
        labels.append({"tasks": top, "energy": max(end, lowest), "words": way.label})
    over = max(0.0, labels[-1]["energy"] - highest)
    labels = [{**label, "energy": label["energy"] - over} for label in labels]
    return (
        labels
        if crossings
        else [*labels, {"tasks": 0.0, "energy": highest * 0.96, "words": "never: the lines do not meet"}]
    )


def _last_task(ways: Sequence[ServingOption], crossings: Sequence[Crossing]) -> float:
    """How far the axis of tasks goes: past the last crossing and, if it is not far away, past its interval."""
    if crossings:
        return max(max(1.5 * one.tasks.middle, min(1.05 * one.tasks.high, 3 * one.tasks.middle)) for one in crossings)
    scratch = max((way.each.middle for way in ways if not way.shared), default=0.0)
    once = max(way.once.middle for way in ways)
    return 2 * once / scratch if scratch > 0 and once > 0 else 10.0


def _figure(deployment: str, rows: Mapping[BreakEvenPart, Evidence], never: str, choice: FigureChoice) -> FigurePlan:
    plotted = {part: Plotted(words, rows[part], _estimate(rows[part])) for part, words in PARTS.items() if part in rows}
    title = f"Energy over the number of tasks, and where the shared model breaks even: {deployment}"
    said = "; ".join(
        f"{entry.label}: {value_text(entry.estimate)} ({interval_words(entry.row)})" for entry in plotted.values()
    )
    if "N*" not in plotted:
        meet = f" {never[:1].upper()}{never[1:]}."
    else:
        meet = f" From N* = {value_text(plotted['N*'].estimate)} tasks on, the shared model costs less."
        share = plotted.get("never")
        meet += (
            f" In {value_text(share.estimate)} of the draws it never does."
            if share and share.estimate.value > 0
            else ""
        )
    wide = any(plotted[part].estimate.low != plotted[part].estimate.high for part in LINES)
    band = " Band: from the lower ends of P and f together to the upper ends together; wider than 95 %." if wide else ""
    ranged = "N*" in plotted and plotted["N*"].estimate.interval is not None
    bar = " Bar on the axis: the interval of N*, as far as the picture goes." if ranged else ""
    caption = (
        f"Dashed: a model for each task, S N. Solid: one shared model, P + f N.{band}{bar} Inference is not "
        f"counted.{meet}"
    )
    return FigurePlan(
        kind="lines",
        title=title,
        axis="Energy [kilowatt-hours]",
        scale=scale_of("energy", "kWh"),
        rows=tuple(plotted.values()),
        null=None,
        caption=caption,
        spoken=f"{title}. {said}.{meet}",
        choice=choice,
    )


def _quantity(row: Evidence) -> str:
    result = row.estimate or row.missing
    return result.quantity if result else ""


def _deployment(row: Evidence) -> str:
    result = row.estimate or row.missing
    return (result.group or {}).get("deployment", "") if result else ""


def _estimate(row: Evidence) -> Estimate:
    assert row.estimate is not None
    return row.estimate


def _span(one: Estimate) -> Span:
    return Span(one.value if one.low is None else one.low, one.value, one.value if one.high is None else one.high)


def _worth(entry: Plotted) -> str:
    one = entry.estimate
    width = None if one.low is None or one.high is None or one.high <= one.low else one.high - one.low
    return f"{rounded(one.value, width)} {one.unit}"
