"""The break-even figure: drawn from the rows of P, S and f, N* where its row puts it, "never" said."""

from __future__ import annotations

import importlib.util
import itertools
import re
from pathlib import Path
from types import ModuleType

import pytest

from commonweal.assessment.value.value_rows import VALUE_METHOD
from commonweal.evidence.records import Evidence
from commonweal.report.chapters import write_chapters
from commonweal.report.figures.break_even_figure import (
    HEIGHT,
    WIDTH,
    Crossing,
    ServingOption,
    break_even_figures,
    break_even_svg,
    exactly,
    lines_svg,
)
from tests.assessment.value.test_value_rows import rows
from tests.assessment.valued import exact, system
from tests.report.stated_systems import by_hand

ROOT = Path(__file__).parents[3]
SCRATCH = exact(40, "kWh")
WIDE = "{low: 30, central: 40, high: 60, unit: kWh, grade: assumed, source: a guess}"


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("break_even_page", ROOT / "tools" / "break_even_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def value(found: list[Evidence], quantity: str) -> float:
    (one,) = [row.estimate for row in found if row.estimate and row.estimate.quantity == quantity]
    return one.value


def test_rows_by_hand() -> None:
    found = rows(system())
    parts = [
        value(found, name) for name in ("pretraining_energy", "adaptation_energy", "scratch_energy", "break_even_tasks")
    ]
    assert parts == pytest.approx([600.0, 10.0, 40.0, 20.0])


def test_an_adapted_model_of_whose_making_nothing_is_declared_leaves_no_break_even() -> None:
    making = f"    making: [{{stage: adaptation, energy: {exact(10, 'kWh')}, grid_intensity: {exact(500, 'g/kWh')}}}]\n"
    found = rows(system((making, "")))
    (row,) = [row for row in found if row.missing and row.missing.quantity == "break_even_tasks"]
    assert "what making tuned took is not declared" in row.note


def test_the_figure_is_drawn_from_its_rows_and_each_row_stands_in_one_figure() -> None:
    found = rows(system())
    figures, rest = break_even_figures(found, VALUE_METHOD)
    (figure,) = figures
    assert [(entry.estimate.quantity, entry.estimate.value) for entry in figure.rows] == [
        ("pretraining_energy", pytest.approx(600.0)),
        ("adaptation_energy", 10.0),
        ("scratch_energy", 40.0),
        ("break_even_tasks", pytest.approx(20.0)),
        ("never_probability", 0.0),
    ]
    assert not {row.id for row in rest} & {entry.row.id for entry in figure.rows}
    assert len(rest) + len(figure.rows) == len(found)
    assert "N* = 20 tasks" in figure.spoken
    assert "600 kWh" in figure.spoken
    svg = str(break_even_svg(figure, "a"))
    assert "N* = 20" in svg
    assert "var(--band)" not in svg  # exact numbers have no band


def test_n_star_stands_where_the_lines_cross() -> None:
    svg = str(break_even_svg(break_even_figures(rows(system()), VALUE_METHOD)[0][0], "a"))
    top, highest = 30.0, 1200.0  # 1.5 N*; what training 30 models from scratch takes, 30 x 40 kWh
    crossing = (WIDTH * 20 / top, HEIGHT * (1 - 800 / highest))
    places = [(float(x), float(y)) for x, y in re.findall(r"translate\(([\d.]+),([\d.]+)\)", svg)]
    assert any(abs(x - crossing[0]) < 0.1 and abs(y - crossing[1]) < 0.1 for x, y in places)


def test_bands_where_inputs_are_ranges() -> None:
    found = rows(system((SCRATCH, WIDE)))
    (figure,) = break_even_figures(found, VALUE_METHOD)[0]
    assert "Band: from the lower ends" in figure.caption
    assert "95 % uncertainty interval" in figure.spoken
    assert str(break_even_svg(figure, "a")).count("var(--band)") == 1  # P and f are exact


def test_never_is_said() -> None:
    (figure,) = break_even_figures(rows(system((SCRATCH, exact(10, "kWh")))), VALUE_METHOD)[0]
    assert "Never: adapting costs at least as much" in figure.caption
    svg = str(break_even_svg(figure, "a"))
    assert "never: the lines do not meet" in svg
    assert "N* =" not in svg


def test_never_in_some_draws_is_said() -> None:
    low = "{low: 5, high: 60, unit: kWh, grade: assumed, source: a guess}"
    (figure,) = break_even_figures(rows(system((SCRATCH, low))), VALUE_METHOD)[0]
    assert re.search(r"In \d[\d.]* % of the draws it never does\.", figure.caption)


def test_no_figure_without_the_energies() -> None:
    assert break_even_figures(rows(system((f"      scratch_energy: {SCRATCH}\n", ""))), VALUE_METHOD)[0] == []
    pretraining = f"device_hours: 1000, device_power: {exact(500, 'W')}, pue: {exact(1.2, '1')}"
    assert break_even_figures(rows(system((pretraining, "energy: unknown"))), VALUE_METHOD)[0] == []


def test_the_dossier_draws_it_first_among_the_figures_of_value() -> None:
    (chapter,) = [one for one in write_chapters(by_hand()) if one.anchor == "chapter-environment"]
    (section,) = [one for one in chapter.sections if one.name == "environment.value"]
    assert section.drawn[0].figure.kind == "lines"
    assert 'role="img"' in section.drawn[0].svg
    later = [label for item in (*section.drawn[1:], *section.folded) for label, _ in item.rows]
    assert not any("making the shared model" in label for label in later)


@pytest.mark.parametrize(
    ("once", "each", "scratch"), [(0.0, 0.0, 0.0), (1e9, 1.0, 2.0), (1e-6, 0.0, 1e-9), (5.0, 0.0, 0.0)]
)
def test_strange_sizes_are_drawn(once: float, each: float, scratch: float) -> None:
    ways = [
        ServingOption("a", exactly(0.0), exactly(scratch), shared=False),
        ServingOption("b", exactly(once), exactly(each)),
    ]
    svg = str(lines_svg(ways, [], ("t", "d"), "a"))
    assert "NaN" not in svg
    assert svg.startswith("<svg")


def test_labels_at_the_ends_do_not_run_into_each_other() -> None:
    ways = [ServingOption(f"way {place}", exactly(100.0), exactly(1.0 + place / 1000)) for place in range(4)]
    svg = str(lines_svg(ways, [Crossing(exactly(50.0), 100.0, "N*")], ("t", "d"), "a"))
    heights = sorted(float(y) for y in re.findall(r'translate\([\d.]+,(-?[\d.]+)\)"[^>]*>way \d', svg))
    assert len(heights) == 4
    assert min(later - earlier for earlier, later in itertools.pairwise(heights)) > 25


def test_the_society_chapters_figure_from_public_inputs(docs: ModuleType) -> None:
    """Acceptance values of N*: 55.8, 63.1, 80.0 tasks at f = 0, 3.1, 8.16 kWh, and 7.5 with S = 201 kWh."""
    assert [round(docs.tasks(f), 1) for f, _ in docs.ADAPTATIONS] == [55.8, 63.1, 80.0]
    assert round(docs.tasks(0.0, 201.0), 1) == 7.5
    page, picture = docs.page(), docs.picture()
    for number in ("55.8", "63.1", "80.0"):
        assert number in page
        assert number in picture
    assert "about 80 tasks" in page
    assert "<desc" in picture
    assert "var(" not in picture


def test_the_page_in_docs_is_that_one(docs: ModuleType) -> None:
    assert (ROOT / "docs" / "break_even.md").read_text(encoding="utf-8").endswith(docs.page())
    kept = (ROOT / "docs" / "break_even.svg").read_text(encoding="utf-8")
    assert re.findall(r">([^<>]+)</t", kept) == re.findall(r">([^<>]+)</t", docs.picture())
