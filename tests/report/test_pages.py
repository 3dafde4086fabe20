"""The pages of a dossier as a reader turns them: keyboard, history, deep links, print, narrow windows, no script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from commonweal.report.content import Dossier
from tests.report.counts import disagreements
from tests.report.test_browser import CONTRAST, Opener, browser, playwright, pytestmark, read, visit

__all__ = ["browser", "pytestmark", "read", "visit"]  # fixtures
SHOWN = "Array.from(document.querySelectorAll('.page')).filter((one) => !one.hidden).map((one) => one.id)"
OVERLAPS = """() => {
  const texts = Array.from(document.querySelectorAll(".forest .plot text")).filter((one) => one.checkVisibility());
  const boxes = texts.map((one) => [one.closest("svg"), one.getBoundingClientRect()]);
  const hit = ([a, p], [b, q]) => a === b && p.left < q.right && q.left < p.right;
  return [boxes.length, boxes.flatMap((one, place) => boxes.slice(place + 1).filter((other) => hit(one, other))).length];
}"""


class Words(HTMLParser):
    """The words that a reader meets, apart from tables and pictures."""

    NOT_TEXT = frozenset({"style", "script", "title", "option", "table", "svg"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.within: list[str] = []
        self.count = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "input", "br"}:
            self.within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.within.pop()

    def handle_data(self, data: str) -> None:
        if not self.NOT_TEXT.intersection(self.within):
            self.count += len(data.split())


def test_one_page_at_a_time_by_keyboard_with_history_and_the_place_is_announced(visit: Opener) -> None:
    page, troubles, _ = visit("hiring")
    assert page.evaluate(SHOWN) == ["summary"]
    page.locator('.contents a[href="#chapter-inequity"]').focus()
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#chapter-inequity-h")).to_be_focused()
    assert page.evaluate(SHOWN) == ["chapter-inequity"]
    assert page.locator(".contents [aria-current=page]").inner_text() == "Inequity"
    assert page.title().startswith("Inequity")
    page.locator('.contents a[href="#methods"]').focus()
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#methods-h")).to_be_focused()
    page.go_back()
    playwright.expect(page.locator("#chapter-inequity")).to_be_visible()
    assert page.evaluate(SHOWN) == ["chapter-inequity"]
    assert troubles == []


def test_a_deep_link_opens_the_page_and_the_fold_that_hold_it(visit: Opener, dossiers: Mapping[str, Dossier]) -> None:
    finding = dossiers["hiring"].findings[0]
    page, _, _ = visit("hiring", fragment=f"#finding-{finding.id}")
    playwright.expect(page.locator(f"#finding-{finding.id} .body")).to_be_visible()
    assert page.evaluate(SHOWN) == ["chapter-inequity"]
    page.evaluate("location.hash = '#not-measured'")
    playwright.expect(page.locator("#not-measured table")).to_be_visible()
    assert page.evaluate(SHOWN) == ["evidence"]


@pytest.mark.parametrize("name", ["hiring", "one"])
def test_without_a_script_all_pages_stand_in_order(visit: Opener, name: str) -> None:
    page, _, _ = visit(name, java_script_enabled=False)
    tops = [one.bounding_box()["y"] for one in page.locator(".page").all()]
    assert len(tops) >= 4
    assert tops == sorted(tops)
    assert not page.get_by_role("button", name="Print the summary").is_visible()


@pytest.mark.parametrize("name", ["hiring", "large"])
def test_the_summary_is_short_and_prints_on_two_pages_alone_or_with_everything(visit: Opener, name: str) -> None:
    page, troubles, _ = visit(name)
    screens = page.evaluate("document.documentElement.scrollHeight") / 900
    assert screens < (2 if name == "hiring" else 3)
    page.evaluate("printed = []; print = () => printed.push(document.documentElement.className); 0")
    page.get_by_role("button", name="Print the summary").click()
    page.get_by_role("button", name="Print everything").click()
    assert page.evaluate("printed.map((one) => one.includes('only-summary'))") == [True, False]
    page.evaluate("document.documentElement.classList.add('only-summary')")
    assert pages_printed(page) <= 2
    page.evaluate("document.documentElement.classList.remove('only-summary')")
    page.emulate_media(media="print")
    assert page.locator("#chapter-inequity-h").is_visible()
    assert page.locator("#chapter-inequity").bounding_box()["height"] > 900
    assert page.locator("#finding-energy-screener .body").is_visible() or name == "large"
    assert troubles == []


def pages_printed(page: Any) -> int:
    printed = page.pdf(format="A4", prefer_css_page_size=True, print_background=True)
    return len(re.findall(rb"/Type\s*/Page\b", printed))


def test_a_screen_reader_is_read_the_findings_and_every_row_of_a_figure(visit: Opener) -> None:
    page, _, _ = visit("hiring")
    summary = page.locator("#answer").aria_snapshot()
    titles = ["What was found", "Whom it reaches", "What is not shown", "What was not measured"]
    places = [summary.index(f'heading "{title}') for title in titles]
    assert places == sorted(places)
    assert "Who can mend it:" in summary
    page.evaluate("location.hash = '#chapter-inequity'")
    playwright.expect(page.locator("#chapter-inequity-h")).to_be_focused()
    figure = page.locator("#chapter-inequity figure").first.aria_snapshot()
    assert "rowheader" in figure
    found = next(line for line in figure.splitlines() if "▲ found" in line)
    assert re.search(r"[−\d.]+ \(.+ to .+\) ▲ found", found), found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_and_tables_of_a_chapter_can_be_read_in_light_and_dark(visit: Opener, scheme: str) -> None:
    page, _, _ = visit("hiring", fragment="#chapter-inequity", color_scheme=scheme)
    page.evaluate("document.querySelectorAll('#chapter-inequity details').forEach((one) => { one.open = true; })")
    seen, poor = page.evaluate(CONTRAST)
    assert seen > 30
    assert poor == []


@pytest.mark.parametrize("width", [390, 1280])
def test_figures_have_no_overlapping_labels_and_stack_where_it_is_narrow(visit: Opener, width: int) -> None:
    page, _, _ = visit("hiring", fragment="#chapter-inequity")
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('#chapter-inequity details').forEach((one) => { one.open = true; })")
    labels, overlapping = page.evaluate(OVERLAPS)
    assert labels >= 15
    assert overlapping == 0
    label, plot = (
        page.locator(f"#chapter-inequity .forest tbody tr:not(.heading) {cell}").first for cell in ("th", "td.plot")
    )
    stacked = plot.bounding_box()["y"] >= label.bounding_box()["y"] + label.bounding_box()["height"]
    assert stacked == (width == 390)


def test_a_map_that_goes_on_says_so_where_it_is_narrow(visit: Opener) -> None:
    page, _, _ = visit("hiring")
    assert not page.locator(".cue").is_visible()
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.locator(".cue").is_visible()


@pytest.mark.parametrize("name", ["hiring", "large", "hostile", "one"])
def test_counts_of_the_summary_are_those_of_the_rows_and_of_the_figures(
    pages: Mapping[str, Path], dossiers: Mapping[str, Dossier], name: str
) -> None:
    assert disagreements(dossiers[name], pages[name].read_text(encoding="utf-8")) == []


def test_the_dossier_of_an_example_is_read_and_not_scrolled(pages: Mapping[str, Path]) -> None:
    text = pages["hiring"].read_text(encoding="utf-8")
    assert Words(text).count < 6000
    assert len(text.encode()) < 1.2e6
    assert text.count("needs published data") <= 1
    large = pages["large"].read_text(encoding="utf-8")
    assert len(large.encode()) < 3e6
