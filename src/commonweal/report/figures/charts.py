"""Figures drawn as inline SVG, offline, in colours that follow the page (light, dark, print).

What this module does not do: it chooses no rows and writes no sentences (see `figures`).
"""

from __future__ import annotations

import re
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup, escape

from commonweal.files.foreign_text import visible
from commonweal.report.figures.plan import Figure, Plotted
from commonweal.report.wording import shorten

WIDTH = 680
ROW = 26
LABEL_PX = 330
LABEL_CHARACTERS = 48
CHARACTER_PX = 6.7
NAMED_POINTS = 9
INK, MUTED, FAINT = "var(--ink)", "var(--muted)", "var(--rule)"
SERIES, BAND, PAPER = "var(--series)", "var(--band)", "var(--paper)"
DECORATION = re.compile(
    r' (?:role|aria-roledescription|aria-label|aria-hidden|pointer-events|class|font-family|xmlns:xlink|version|style)="[^"]*"'
)
EMPTY = re.compile(r'<path d="[^"]*" display="none"/>|<path d="M0,0h0v0h0Z"/>|<path d="" ?/>|<title>[^<]*</title>')
LONG_NUMBER = re.compile(r"(-?\d+\.\d\d)\d+")
MARKED = re.compile(r'<path aria-label="([^"]*)"([^>]*aria-roledescription="point"[^>]*)/>')


def figure_svg(figure: Figure, anchor: str) -> Markup:
    """One figure as an SVG element with a name and a description."""
    with alt.utils.schemapi.debug_mode(False):  # the charts are tested; checking each against the schema doubles the time
        chart = _scatter(figure) if figure.kind == "scatter" else _forest(figure)
        return chart_svg(chart, (figure.title, figure.spoken), anchor, named_points=figure.kind == "scatter")


def chart_svg(chart: Any, words: tuple[str, str], anchor: str, *, named_points: bool = False) -> Markup:
    """A chart as an SVG element; `words` are its name and its description. Named points say their name when pointed at."""
    spec = chart.configure(background="transparent", **_look()).to_dict(validate=False)
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    svg = MARKED.sub(r'<path\2><title data-keep="">\1</title></path>', svg) if named_points else svg
    return _inline(svg, words, anchor)


def _look() -> dict[str, Any]:
    text = {"labelColor": MUTED, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    lines = {"domainColor": FAINT, "tickColor": FAINT, "gridColor": FAINT}
    return {
        "axis": {**text, **lines, "labelLimit": LABEL_PX},
        "axisX": {"labelFlush": False, "labelOverlap": "greedy", "labelSeparation": 10},
        "axisY": {"labelColor": INK, "ticks": False, "domain": False, "labelPadding": 8},
        "view": {"stroke": None},
    }


def _record(index: int, plotted: Plotted, figure: Figure) -> dict[str, Any]:
    estimate, factor = plotted.estimate, figure.scale.factor
    record: dict[str, Any] = {
        "row": index,
        "value": estimate.value * factor,
        "paint": SERIES if plotted.row.basis == "measured" else PAPER,
    }
    if estimate.low is not None and estimate.high is not None:
        record |= {"low": estimate.low * factor, "high": estimate.high * factor}
    if estimate.minimum_detectable is not None and figure.null is not None:
        reach = estimate.minimum_detectable
        record |= {"from": (figure.null - reach) * factor, "to": (figure.null + reach) * factor}
    return record


def _forest(figure: Figure) -> Any:
    """Rows from top to bottom; for each its point, its interval, and the band of effects that the design would miss."""
    step = ROW if figure.kind == "forest" else max(1.5, min(12.0, 560 / len(figure.rows)))
    records = [_record(index, plotted, figure) for index, plotted in enumerate(figure.rows)]
    labels = [shorten(plotted.label, LABEL_CHARACTERS) for plotted in figure.rows]
    room = max(60, CHARACTER_PX * max(map(len, labels))) if figure.kind == "forest" else 0  # the reader's font may be a wide one
    axis_y = alt.Axis(
        title=None, grid=False, labels=figure.kind == "forest", labelExpr=f"{_json_list(labels)}[datum.value]", minExtent=room
    )
    y = alt.Y("row:O", sort=None, axis=axis_y)
    value = alt.Scale(zero=True, nice=True) if figure.exact else alt.Scale(zero=False, nice=True, padding=6)
    base = alt.Chart(alt.Data(values=records))
    layers = []
    if any("from" in record for record in records):
        held = base.transform_filter("isValid(datum.from)").mark_bar(color=BAND, height=max(2, step * 0.62))
        layers.append(held.encode(y=y, x=alt.X("from:Q", scale=value), x2=alt.X2("to:Q")))
    if figure.null is not None:
        zero = alt.Chart(alt.Data(values=[{"null": figure.null * figure.scale.factor}]))
        layers.append(zero.mark_rule(color=MUTED, strokeDash=[5, 4]).encode(x=alt.X("null:Q")))
    lines = base.transform_filter("isValid(datum.low)").mark_rule(color=SERIES, strokeWidth=2.2 if step > 8 else 1)
    layers.append(lines.encode(y=y, x=alt.X("low:Q", scale=value), x2=alt.X2("high:Q")))
    points = base.mark_point(
        filled=True, size=64 if step > 8 else 12, opacity=1, stroke=SERIES, strokeWidth=1.8 if step > 8 else 0.8
    )
    title = alt.Axis(title=figure.axis, tickCount=7)
    layers.append(points.encode(y=y, x=alt.X("value:Q", scale=value, axis=title), fill=alt.Fill("paint:N", scale=None)))
    return alt.layer(*layers).properties(
        width=WIDTH, height=step * len(figure.rows), autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )


def _json_list(labels: list[str]) -> str:
    """The labels as a Vega expression: a list of quoted strings, each character that could end one written as a code."""
    quoted = ("".join(char if char.isalnum() or char == " " else _code(char) for char in label) for label in labels)
    return "[" + ",".join(f"'{text}'" for text in quoted) + "]"


def _code(char: str) -> str:
    return "".join(f"\\u{int.from_bytes(pair, 'big'):04x}" for pair in _pairs(char.encode("utf-16-be")))


def _pairs(data: bytes) -> list[bytes]:
    return [data[at : at + 2] for at in range(0, len(data), 2)]


def _scatter(figure: Figure) -> Any:
    """One quantity up, the other along; the diagonal is where the two are equal, and says what that means."""
    assert figure.choice is not None
    records = []
    for index, (up, along) in enumerate(zip(figure.rows, figure.across, strict=True)):
        share = along.estimate.value * figure.scale.factor
        records.append({**_record(index, up, figure), "across": share, "name": shorten(up.label, 28)})
    far = sorted(records, key=lambda record: -abs(record["value"] - record["across"]))
    top = 100.0 if figure.scale.factor != 1 else 1.0
    axis_x = alt.X("across:Q", scale=alt.Scale(domain=[0, top]), title=f"{figure.choice.along} [{figure.scale.words}]")
    axis_y = alt.Y("value:Q", scale=alt.Scale(domain=[0, top]), title=figure.axis, axis=alt.Axis(domain=True))
    across = {"x": axis_x, "y": axis_y}
    base = alt.Chart(alt.Data(values=records))
    ends = alt.Chart(alt.Data(values=[{"across": 0, "value": 0}, {"across": top, "value": top}]))
    note = alt.Chart(alt.Data(values=[{"across": top * 0.985, "value": top * 0.985, "words": figure.choice.diagonal}]))
    note = note.mark_text(align="right", dy=-9, angle=320.5, fill=MUTED, fontSize=11).encode(**across, text=alt.Text("words:N"))
    rules = base.transform_filter("isValid(datum.low)").mark_rule(color=SERIES, opacity=0.35)
    names = alt.Chart(alt.Data(values=_apart(far, top)))
    return alt.layer(
        ends.mark_line(color=MUTED, strokeDash=[5, 4], strokeWidth=1.2).encode(**across),
        note,
        rules.encode(x=axis_x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q")),
        base.mark_point(filled=True, size=34, opacity=0.9, fill=SERIES).encode(
            x=axis_x, y=axis_y, description=alt.Description("name:N")
        ),
        names.mark_text(align="left", dx=6, dy=-4, fontSize=11, fill=INK).encode(**across, text=alt.Text("name:N")),
    ).properties(width=WIDTH - 110, height=470)


def _apart(records: list[dict[str, Any]], top: float) -> list[dict[str, Any]]:
    """The points farthest from the diagonal whose names do not run into each other or off the picture."""
    kept: list[dict[str, Any]] = []
    for record in records:
        clear = all(
            abs(record["value"] - other["value"]) > 0.045 * top or abs(record["across"] - other["across"]) > 0.3 * top
            for other in kept
        )
        if clear and record["across"] < 0.72 * top and len(kept) < NAMED_POINTS:
            kept.append(record)
    return kept


def _inline(svg: str, words: tuple[str, str], anchor: str) -> Markup:
    """Keep the drawing, drop what a page does not need, and give it its name and description."""
    svg = EMPTY.sub("", DECORATION.sub("", svg)).replace(' data-keep=""', "")
    svg = LONG_NUMBER.sub(r"\1", svg)
    body = svg[svg.index(">") + 1 :]
    box = re.search(r'viewBox="([^"]*)"', svg)
    assert box is not None
    width, height = box[1].split()[2:]
    title, description = (escape(visible(text)) for text in words)
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-labelledby="{anchor}-t" aria-describedby="{anchor}-d" '
        f'width="{width}" height="{height}" viewBox="{box[1]}"><title id="{anchor}-t">{title}</title>'
        f'<desc id="{anchor}-d">{description}</desc>{body}'
    )
