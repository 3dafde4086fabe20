"""The carbon statement as a reader meets it: in a real Chromium, from a file, without any network, on a narrow
screen too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from commonweal.report.content import Dossier
from commonweal.report.dossier import statement_files
from tests.report.stated_systems import by_hand, hostile, reading, translation
from tests.report.test_browser import CHROMIUM, CONTRAST, OVERFLOW, QUIET, WINDOW, Opener, opened

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; on Debian: apt install chromium"),
]
NAMES = ("translation", "read", "hostile")


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    made: Mapping[str, Dossier] = {
        "translation": translation(),
        "read": by_hand(evidence=[reading()]),
        "hostile": hostile(),
    }
    folder = tmp_path_factory.mktemp("statements")
    for name, dossier in made.items():
        (folder / f"{name}.html").write_text(statement_files(dossier)["carbon_statement.html"], encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def read(chromium: Any, statements: Mapping[str, Path]) -> Iterator[Opener]:
    """Opens each page once."""
    context = chromium.new_context(**WINDOW)
    yield cache(lambda name: opened(context, statements[name].as_uri()))
    context.close()


@pytest.mark.parametrize("name", NAMES)
def test_no_error_no_request_and_no_sideways_scroll(read: Opener, name: str) -> None:
    page, troubles, requests = read(name)
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.locator("footer").scroll_into_view_if_needed()
        assert page.evaluate(OVERFLOW) <= 0, width
    assert troubles == []
    assert [url for url in requests if not url.startswith("data:")] == [page.url]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_contrast_headings_and_tables(read: Opener, name: str, scheme: str) -> None:
    page, _, _ = read(name)
    page.reload()  # as a reader finds it, with its details folded
    page.emulate_media(color_scheme=scheme)
    seen, poor = page.evaluate(CONTRAST)
    assert seen > 15
    assert poor == []
    levels = page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3'), (h) => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    for role in ("main", "banner", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("navigation", name="Contents").count() == 1
    bare = (
        "Array.from(document.querySelectorAll('table')).filter((t) => !t.caption || !t.querySelector('thead "
        "th[scope=col]')).length"
    )
    assert page.evaluate(bare) == 0


def test_keyboard_starts_at_the_skip_link(read: Opener) -> None:
    page, _, _ = read("translation")
    page.reload()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the statement"
    for _ in range(6):
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Tab")


def test_it_prints_whole(read: Opener) -> None:
    page, _, _ = read("translation")
    page.reload()
    assert page.pdf(format="A4").startswith(b"%PDF-")
    page.emulate_media(media="print")
    folded = page.locator("details table").first
    assert folded.is_visible()
    assert folded.bounding_box()["height"] > 20
