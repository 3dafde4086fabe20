"""Which figures are made, what they say in words, and that no figure stands where there is no number."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from commonweal.evidence.numbers import detectable_text, interval_text, rounded, value_text
from commonweal.evidence.records import Estimate, Evidence
from commonweal.report.content import Dossier
from commonweal.report.figures.charts import figure_svg
from commonweal.report.figures.plan import FigurePlan, plan_figures
from tests.report.hiring_dossier import ASSOCIATION, AUDIT, DECLARED, ENERGY, SCATTER, Rows


def planned(dossier: Dossier, measure: str) -> list[FigurePlan]:
    method = next((method for method in dossier.methods if method.name == measure), None)
    return plan_figures([row for row in dossier.rows if row.measure == measure], method)


def estimate(value: float, **fields: object) -> Estimate:
    return Estimate.model_validate(
        {"quantity": "selection_rate", "unit": "1", "value": value, "n": 9, "method": "count", **fields}
    )


def rows_of(*estimates: Estimate, measure: str = "newcomer.unheard_of") -> list[Evidence]:
    rows = Rows()
    return [rows.add(measure, "screener", entry) for entry in estimates]


def test_audit_is_split_by_attributes_and_quantity(dossiers: Mapping[str, Dossier]) -> None:
    figures = planned(dossiers["hiring"], AUDIT)
    titles = [figure.title for figure in figures]
    assert "Difference in selection rate by gender x race: screener" in titles
    assert len(titles) == len(set(titles)) == 20
    assert sum(len(figure.rows) for figure in figures) == sum(
        row.measure == AUDIT and row.estimate is not None for row in dossiers["hiring"].rows
    )


def test_contrasts_show_null_band_and_percentage_points(dossiers: Mapping[str, Dossier]) -> None:
    figure = next(
        figure
        for figure in planned(dossiers["hiring"], AUDIT)
        if figure.title.startswith("Difference in selection rate by race")
    )
    assert figure.null == 0.0
    assert figure.axis == "Difference in selection rate [percentage points]"
    assert "minimum detectable effect 5.8 percentage points" in figure.spoken
    assert "Band: effects too small" in figure.caption
    svg = figure_svg(figure, "f")
    assert svg.count("var(--band)") == len(figure.rows)
    assert svg.count('stroke-dasharray="5,4"') == 1


def test_scatter_has_the_diagonal_that_is_no_norm(dossiers: Mapping[str, Dossier]) -> None:
    figures = planned(dossiers["hiring"], ASSOCIATION)
    scatter = figures[0]
    assert (scatter.kind, len(scatter.rows), len(scatter.across)) == ("scatter", 90, 90)
    svg = figure_svg(scatter, "f")
    assert SCATTER.diagonal in svg
    assert svg.count("<title>") == 90
    assert [figure.kind for figure in figures[1:]] == ["forest"] * 3


def test_modelled_numbers_are_hollow_and_say_so(dossiers: Mapping[str, Dossier]) -> None:
    energy = planned(dossiers["hiring"], ENERGY)[0]
    assert "not measured but modelled" in energy.caption
    assert "uncertainty interval" in energy.caption
    assert 'fill="var(--paper)"' in figure_svg(energy, "f")


def test_one_figure_across_three_hundred_subjects_is_compact(dossiers: Mapping[str, Dossier]) -> None:
    figures = planned(dossiers["large"], DECLARED)
    assert [(figure.kind, len(figure.rows)) for figure in figures] == [("compact", 300)]
    assert figures[0].spoken.startswith("Declared share. 300 rows; the lowest and the highest are:")


@pytest.mark.parametrize("count", [40, 41])
def test_compact_from_41_rows(count: int) -> None:
    rows = rows_of(*(estimate(0.01 * index, group={"cell": str(index)}) for index in range(count)))
    assert plan_figures(rows, None)[0].kind == ("forest" if count == 40 else "compact")


def test_no_figure_without_a_number() -> None:
    rows = Rows()
    failed = rows.add("newcomer.unheard_of", "screener", None, status="failed", note="down")
    assert plan_figures([failed], None) == []


def test_units_are_never_mixed_in_one_figure() -> None:
    watt, gram = (
        {"quantity": "cost", "unit": unit, "low": 1.0, "high": 3.0, "interval": "range"} for unit in ("Wh", "gCO2e")
    )
    rows = rows_of(estimate(2.0, **watt), estimate(2.5, **gram))
    assert [figure.axis for figure in plan_figures(rows, None)] == [
        "Cost [watt-hours]",
        "Cost [grams of CO2-equivalent]",
    ]


def test_hostile_labels_are_drawn_as_text() -> None:
    names = ("<script>alert(1)</script>", "'];alert(2)//", "\\u0027+alert(3)", "\u202egnp", "N" * 500, "👩🏽‍💼 – “x”")
    rows = rows_of(*(estimate(0.1 * index, group={"name": name}) for index, name in enumerate(names)))
    svg = figure_svg(plan_figures(rows, None)[0], "f")
    assert "<script" not in svg
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in svg
    assert "&#39;];alert(2)//" in svg or "'];alert(2)//" in svg
    assert "👩🏽‍💼 – “x”" in svg
    assert "⟨U+202E⟩gnp" in svg
    assert "N" * 60 not in svg.split("</desc>")[1]


def test_svg_has_name_description_and_no_fixed_colour(dossiers: Mapping[str, Dossier]) -> None:
    svg = figure_svg(planned(dossiers["hiring"], AUDIT)[0], "place")
    assert 'role="img" aria-labelledby="place-t" aria-describedby="place-d"' in svg
    assert svg.count("role=") == 1
    assert "#" not in svg.replace("&#39;", "")
    assert 'style="' not in svg


@pytest.mark.parametrize(
    ("quantity", "unit", "value", "low", "high", "shown"),
    [
        ("selection_rate", "1", 0.12345, 0.10, 0.15, "12.3 %"),
        ("selection_rate_difference", "1", -0.0714, -0.112, -0.031, "−7.1 percentage points"),
        ("selection_rate_ratio", "1", 0.7858, 0.663, 0.909, "0.79"),
        ("log_odds_gap", "nat", -0.14283, -0.23, -0.05, "−0.143 nat"),
        ("energy", "Wh/1000 decisions", 11.42, 8.5, 14.3, "11.4 Wh/1000 decisions"),
        ("people_reached", "people/year", 90000.0, None, None, "90,000 people/year"),
        ("none_count", "count", 0.0, None, None, "0"),
        ("tiny", "kWh", 0.0000123, None, None, "1.23 × 10⁻⁵ kWh"),
    ],
)
def test_numbers_are_rounded_to_what_the_interval_warrants(
    quantity: str, unit: str, value: float, low: float | None, high: float | None, shown: str
) -> None:
    bounds = {} if low is None else {"low": low, "high": high, "interval": "confidence"}
    assert value_text(estimate(value, quantity=quantity, unit=unit, **bounds)) == shown


def test_intervals_say_their_kind() -> None:
    bounds = {"low": 0.1, "high": 0.2}
    assert interval_text(estimate(0.15, **bounds, interval="confidence")) == "95 % confidence interval 10.0 to 20.0"
    assert interval_text(estimate(0.15, **bounds, interval="range")) == "range 10.0 to 20.0"
    assert interval_text(estimate(0.15)) == "no interval"
    assert interval_text(estimate(0.15, low=0.15, high=0.15, interval="range")).startswith("complete count")
    assert detectable_text(estimate(0.15, minimum_detectable=0.05)) == "5 percentage points"


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-300, -1e-9, 1e12, -123456.0, 0.05, 99.95])
def test_rounding_never_fails_and_keeps_the_sign(value: float) -> None:
    text = rounded(value, 0.5)
    assert text.startswith("−") == (value < 0 and float(text.replace("−", "-").replace(",", "").split(" ")[0]) != 0)
    assert rounded(value)


def test_yes_and_no_and_single_exact_numbers_are_listed_not_drawn() -> None:
    exact = {"low": 1.0, "high": 1.0, "interval": "range"}
    rows = rows_of(
        *(estimate(1.0, quantity="field_answered", group={"field": name}, **exact) for name in ("licence", "actor")),
        estimate(90000.0, quantity="people_reached", unit="people/year", group={"reaches": "applicants"}),
    )
    figures = plan_figures(rows, None)
    assert [(figure.kind, len(figure.rows)) for figure in figures] == [("table", 2), ("table", 1)]


def test_a_quantity_in_many_units_is_one_table_in_the_order_of_its_rows() -> None:
    units = ("Wh", "gCO2e", "W", "Wh")
    rows = rows_of(
        *(
            estimate(3.0 - place, quantity="switch", unit=unit, group={"rank": str(place)})
            for place, unit in enumerate(units)
        )
    )
    (figure,) = plan_figures(rows, None)
    assert figure.kind == "table"
    assert [entry.label for entry in figure.rows] == ["0", "1", "2", "3"]
    assert "4 rows, each in its own unit; the first: 0: 3 Wh" in figure.spoken
