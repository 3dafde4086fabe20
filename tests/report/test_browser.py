"""The page as a reader meets it: in a real Chromium, from a file, without any network."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; on Debian: apt install chromium"),
]
NAMES = ("one", "hostile", "large", "hiring")  # another worker begins with the last
WINDOW: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const seen = new Set();
  for (const node of document.querySelectorAll("h1,h2,h3,h4,p,a,li,td,th,span,summary,dt,dd,label,button,figcaption,code")) {
    const style = getComputedStyle(node);
    const back = behind(node);
    const key = node.tagName + node.className + style.color + back;
    if (seen.has(key) || !node.checkVisibility()) continue;
    seen.add(key);
    const [a, b] = [light(parse(style.color)), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push([node.tagName, node.className, style.color, back.join(), ratio.toFixed(2)]);
  }
  return [seen.size, poor];
}"""

Opened = tuple[Any, list[str], list[str]]
Opener = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield launched
        launched.close()


def opened(context: Any, address: str) -> Opened:
    """A page of a browser, what went wrong on it, and what it asked for, both lists growing as it is used."""
    page = context.new_page()
    troubles: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: (troubles.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    return page, troubles, requests


@pytest.fixture
def visit(browser: Any, pages: Mapping[str, Path]) -> Iterator[Opener]:
    """Opens a page anew."""
    contexts = []

    def go(name: str, *, fragment: str = "", **options: Any) -> Opened:
        contexts.append(browser.new_context(**WINDOW, **options))
        return opened(contexts[-1], pages[name].as_uri() + fragment)

    yield go
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def read(browser: Any, pages: Mapping[str, Path]) -> Iterator[Opener]:
    """Opens each page once for all tests that only look at it, or that leave it as good as they found it."""
    context = browser.new_context(**WINDOW)
    yield cache(lambda name: opened(context, pages[name].as_uri()))
    context.close()


@pytest.mark.parametrize("name", NAMES)
def test_no_error_and_nothing_is_asked_of_a_network(read: Opener, name: str) -> None:
    page, troubles, requests = read(name)
    page.locator("footer").scroll_into_view_if_needed()
    assert troubles == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert sum(url.startswith("file:") for url in requests) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_page_never_scrolls_sideways(read: Opener, name: str) -> None:
    page, troubles, _ = read(name)
    for unfolded in (False, True):
        if unfolded:
            page.evaluate(
                "folded = document.querySelectorAll('details:not([open])'); folded.forEach(one => { one.open = true; })"
            )
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(OVERFLOW) <= 0, (unfolded, width)
    assert troubles == []
    page.evaluate("folded.forEach(one => { one.open = false; })")


def test_first_screen_reads_without_script_and_a_node_opens_its_panel(visit: Opener) -> None:
    page, _, _ = visit("hiring", java_script_enabled=False)
    for title in ("What was found", "Whom it reaches", "What is not shown", "What was not measured"):
        heading = page.locator("#answer").get_by_role("heading", name=title)
        assert heading.is_visible()
        assert heading.bounding_box()["y"] < 900
    assert page.locator("svg.map").bounding_box()["y"] < 900
    assert not page.locator("#filter").is_visible()
    page.locator('svg.map a[href="#asset-screener"]').click()
    assert page.locator("#asset-screener .chain").is_visible()
    assert not page.locator("#asset-smollm2").is_visible()


@pytest.mark.parametrize(("name", "assets"), [("hiring", ("screener",)), ("large", ("app-110", "tuned-040"))])
def test_upstream_of_any_asset_in_three_actions_by_keyboard(visit: Opener, name: str, assets: tuple[str, ...]) -> None:
    page, troubles, _ = visit(name)
    for asset in assets:
        page.locator("#find").fill("")
        page.locator("#find").focus()
        page.keyboard.type(asset)
        page.keyboard.press("Enter")
        panel = page.locator(f"#asset-{asset}")
        playwright.expect(panel.locator(".chain")).to_be_visible()
        playwright.expect(panel).to_be_focused()
        assert panel.locator(".chain tbody tr").count() >= 1
        assert page.locator(".node.upstream").count() >= 1
    assert troubles == []


def test_upstream_in_two_actions_from_the_map(visit: Opener) -> None:
    page, _, _ = visit("hiring")
    page.locator('svg.map a[href="#asset-screener"]').focus()
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#asset-screener .chain")).to_contain_text("A web crawl foundation")
    playwright.expect(page.locator(".node.chosen")).to_have_count(1)


def test_find_says_when_there_is_no_such_name(visit: Opener) -> None:
    page, _, _ = visit("hiring")
    page.locator("#find").fill("nowhere")
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#find-answer")).to_have_text("No such name.")


@pytest.mark.parametrize("name", ["hiring", "large"])
def test_filters_narrow_the_rows_and_announce_how_many(visit: Opener, name: str) -> None:
    page, troubles, _ = visit(name, fragment="#evidence")
    count = page.locator("#count")
    assert count.get_attribute("aria-live") == "polite"
    total = int(re.sub(r"\D", "", count.inner_text()))
    page.locator("#filter select[name=measure]").select_option("transparency.declaration_completeness")
    playwright.expect(count).to_contain_text(" of ")
    page.locator("#filter input[name=text]").fill("declared share")
    expected = 3 if name == "hiring" else 300
    playwright.expect(count).to_have_text(f"{expected:,} of {total:,} rows.")
    assert page.locator("#rows-table tbody tr:visible").count() == min(expected, 100)
    page.locator("#filter button[type=reset]").click()
    playwright.expect(count).to_have_text(f"{total:,} rows.")
    assert troubles == []


def test_a_link_to_a_row_far_down_draws_it(visit: Opener) -> None:
    page, troubles, _ = visit("large", fragment="#ev-e02200")
    playwright.expect(page.locator("#ev-e02200")).to_be_in_viewport()
    page.get_by_role("button", name="Previous 100").click()
    playwright.expect(page.locator("#ev-e02150")).to_have_count(1)
    assert troubles == []


def test_a_link_to_a_filtered_row_clears_the_filter(visit: Opener) -> None:
    page, _, _ = visit("hiring", fragment="#evidence")
    page.locator("#filter input[name=text]").fill("declared share")
    playwright.expect(page.locator("#count")).to_contain_text("3 of")
    page.evaluate("location.hash = '#ev-e00000'")
    playwright.expect(page.locator("#ev-e00000")).to_be_visible()


def test_drawn_rows_are_those_of_the_template(read: Opener, visit: Opener) -> None:
    page, _, _ = visit("large", fragment="#evidence")
    playwright.expect(page.locator("#page")).to_contain_text("Page 1 of")
    drawn = page.locator("#rows-table tbody tr").first.inner_text()
    plain, _, _ = visit("large", java_script_enabled=False)
    assert drawn == plain.locator("#rows-table tbody tr").first.inner_text()
    assert plain.locator("#rows-table tbody tr").count() == 100
    assert "evidence.jsonl" in plain.locator("#count").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["hiring", "hostile"])
def test_contrast_is_enough_in_light_and_dark(read: Opener, name: str, scheme: str) -> None:
    page, _, _ = read(name)
    page.evaluate("location.hash = '#asset-screener'")
    page.emulate_media(color_scheme=scheme)
    playwright.expect(page.locator("#asset-screener .chain")).to_be_visible()
    seen, poor = page.evaluate(CONTRAST)
    assert seen > 30
    assert poor == []
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert (ink == "rgb(233, 230, 224)") == (scheme == "dark")


@pytest.mark.parametrize("name", NAMES)
def test_headings_are_in_order_and_pictures_have_names(read: Opener, name: str) -> None:
    page, _, _ = read(name)
    levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3,h4'), (h) => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    named = page.evaluate(
        "Array.from(document.querySelectorAll('svg:not([aria-hidden], [aria-hidden] svg)'), (svg) => (svg.getAttribute('aria-labelledby') || '').split(' ')"
        ".map((id) => document.getElementById(id)?.textContent.trim() || '').join(''))"
    )
    assert named
    assert all(named)
    unlabelled = page.evaluate(
        "Array.from(document.querySelectorAll('table')).filter((t) => !t.caption || "
        "!t.caption.textContent.trim()).length"
    )
    assert unlabelled == 0
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("navigation", name="Contents").count() == 1


def test_keyboard_starts_at_the_skip_link_and_focus_is_seen(visit: Opener) -> None:
    page, _, _ = visit("hiring")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    for _ in range(8):
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Tab")
    page.locator('svg.map a[href="#asset-smollm2"]').focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement.querySelector('.card')).strokeWidth") == "4px"


@pytest.mark.parametrize("name", ["hiring", pytest.param("large", marks=pytest.mark.slow), "hostile", "one"])
def test_prints_to_pdf(read: Opener, name: str) -> None:
    page, _, _ = read(name)
    printed = page.pdf(format="A4", prefer_css_page_size=True, print_background=True)
    assert printed.startswith(b"%PDF-")
    count = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert count >= 2
    assert count < 140


def test_print_opens_what_is_folded_and_a_finding_opens_by_keyboard(visit: Opener) -> None:
    page, troubles, _ = visit("hiring", fragment="#chapter-inequity")
    folded = page.locator("#chapter-inequity .finding").first
    assert not folded.locator(".body").is_visible()
    folded.locator("summary").first.focus()
    page.keyboard.press("Enter")
    playwright.expect(folded.locator(".body")).to_be_visible()
    page.emulate_media(media="print")
    assert page.locator("#finding-energy-screener .body").bounding_box()["height"] > 20, "another page, and folded"
    assert page.locator("#asset-webtext").is_visible()
    assert not page.locator("#filter").is_visible()
    assert troubles == []


def test_map_can_be_made_smaller_and_larger(read: Opener) -> None:
    page, _, _ = read("large")
    width = page.locator("svg.map").bounding_box()["width"]
    page.get_by_role("button", name="Fit").click()
    assert page.locator("svg.map").bounding_box()["width"] <= page.locator(".map-box").bounding_box()["width"] < width
    page.get_by_role("button", name="Larger").click()
    assert page.locator("svg.map").bounding_box()["width"] > 1000
