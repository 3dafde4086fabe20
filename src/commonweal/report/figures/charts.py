"""Figures drawn as inline SVG, offline, in colours that follow the page (light, dark, print).

What this module does not do: it chooses no rows and writes no sentences (see plan.py).
"""

from __future__ import annotations

import re
from typing import Any

import vl_convert
from markupsafe import Markup, escape

from commonweal.files.foreign_text import visible
from commonweal.report.figures.plan import FigurePlan
from commonweal.report.wording import shorten

WIDTH = 680
LABEL_PX = 330
NAMED_POINTS = 9
HALO = {"stroke": "var(--paper)", "strokeWidth": 4}  # behind a name, so that points and lines do not run through it
INK, MUTED, FAINT = "var(--ink)", "var(--muted)", "var(--rule)"
SERIES, BAND, PAPER = "var(--series)", "var(--band)", "var(--paper)"
DECORATION = re.compile(
    r" (?:role|aria-roledescription|aria-label|aria-hidden|pointer-events|class|font-family|xmlns:xlink|version|style)"
    r'="[^"]*"'
)
EMPTY = re.compile(r'<path d="[^"]*" display="none"/>|<path d="M0,0h0v0h0Z"/>|<path d="" ?/>|<title>[^<]*</title>')
LONG_NUMBER = re.compile(r"(-?\d+\.\d\d)\d+")
MARKED = re.compile(r'<path aria-label="([^"]*)"([^>]*aria-roledescription="point"[^>]*)/>')


def scatter_svg(figure: FigurePlan, anchor: str) -> Markup:
    """A scatter as an SVG element with a name and a description."""
    return chart_svg(_scatter(figure), (figure.title, figure.spoken), anchor, named_points=True)


def chart_svg(chart: dict[str, Any], words: tuple[str, str], anchor: str, *, named_points: bool = False) -> Markup:
    """A chart in Vega-Lite as an SVG element; `words` are its name and its description.

    Named points say their name when pointed at.
    """
    svg = vl_convert.vegalite_to_svg(
        {**chart, "config": {"background": "transparent", **_look()}}, allowed_base_urls=[]
    )
    svg = MARKED.sub(r'<path\2><title data-keep="">\1</title></path>', svg) if named_points else svg
    return _inline(svg, words, anchor)


def layer(
    mark: str,
    style: dict[str, Any],
    encoding: dict[str, Any],
    *,
    data: list[dict[str, Any]] | None = None,
    where: str = "",
) -> dict[str, Any]:
    """One layer of a chart. `data`: records of its own; `where`: the field that a record must have to be drawn."""
    own = {"data": {"values": data}} if data is not None else {}
    kept = {"transform": [{"filter": f"isValid(datum.{where})"}]} if where else {}
    return {**own, **kept, "mark": {"type": mark, **style}, "encoding": encoding}


def number(field: str, **more: Any) -> dict[str, Any]:
    """The channel of a field that holds numbers."""
    return {"field": field, "type": "quantitative", **more}


def text(field: str, **more: Any) -> dict[str, Any]:
    """The channel of a field that holds words, or a colour."""
    return {"field": field, "type": "nominal", **more}


def _look() -> dict[str, Any]:
    text = {
        "labelColor": MUTED,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    lines = {"domainColor": FAINT, "tickColor": FAINT, "gridColor": FAINT}
    return {
        "axis": {**text, **lines, "labelLimit": LABEL_PX},
        "axisX": {"labelFlush": False, "labelOverlap": "greedy", "labelSeparation": 10},
        "axisY": {"labelColor": INK, "ticks": False, "domain": False, "labelPadding": 8},
        "view": {"stroke": None},
    }


def _scatter(figure: FigurePlan) -> dict[str, Any]:
    """One quantity up, the other along; the diagonal is where the two are equal, and says what that means."""
    assert figure.choice is not None
    records: list[dict[str, Any]] = []
    for up, along in zip(figure.rows, figure.across, strict=True):
        bounds = {"low": up.estimate.low, "high": up.estimate.high}
        numbers = {"value": up.estimate.value, "across": along.estimate.value, **bounds}
        scaled = {name: number * figure.scale.factor for name, number in numbers.items() if number is not None}
        records.append({**scaled, "name": shorten(up.label, 28)})
    far = sorted(records, key=lambda record: -abs(record["value"] - record["across"]))
    top = 100.0 if figure.scale.factor != 1 else 1.0
    x = number("across", scale={"domain": [0, top]}, title=f"{figure.choice.along} [{figure.scale.words}]")
    y = number("value", scale={"domain": [0, top]}, title=figure.axis, axis={"domain": True})
    ends = [{"across": 0.0, "value": 0.0}, {"across": top, "value": top}]
    beside = {"align": "left", "dx": 6, "dy": -4, "fontSize": 11, "fill": INK}
    layers = [
        layer("line", {"color": MUTED, "strokeDash": [5, 4], "strokeWidth": 1.2}, {"x": x, "y": y}, data=ends),
        layer(
            "rule",
            {"color": SERIES, "opacity": 0.35},
            {"x": x, "y": number("low"), "y2": {"field": "high"}},
            where="low",
        ),
        layer(
            "point",
            {"filled": True, "size": 34, "opacity": 0.9, "fill": SERIES},
            {"x": x, "y": y, "description": text("name")},
        ),
        layer("text", {**beside, **HALO}, {"x": x, "y": y, "text": text("name")}, data=_apart(far, top)),
        layer("text", beside, {"x": x, "y": y, "text": text("name")}, data=_apart(far, top)),
    ]
    return {"data": {"values": records}, "layer": layers, "width": WIDTH - 110, "height": 470}


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
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-labelledby="{anchor}-t" '
        f'aria-describedby="{anchor}-d" width="{width}" height="{height}" viewBox="{box[1]}"><title '
        f'id="{anchor}-t">{title}</title><desc id="{anchor}-d">{description}</desc>{body}'
    )
