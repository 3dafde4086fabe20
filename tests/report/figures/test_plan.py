"""Which figures are made, what they say in words, and that no figure stands where there is no number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from commonweal.evidence.numbers import detectable_text, interval_text, rounded, value_text
from commonweal.evidence.records import Estimate, Evidence
from commonweal.evidence.sentences import plain_message
from commonweal.evidence.verdicts import is_found, is_tested
from commonweal.report.content import Dossier
from commonweal.report.figures.charts import scatter_svg
from commonweal.report.figures.forest import draw_forest
from commonweal.report.figures.plan import FigurePlan, plan_figures
from tests.report.hiring_dossier import ASSOCIATION, AUDIT, DECLARED, ENERGY, SCATTER, Rows

GAP = "selection_rate_difference"


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


def test_every_family_of_comparisons_is_one_figure_with_a_heading_for_each_attribute(
    dossiers: Mapping[str, Dossier],
) -> None:
    hiring = dossiers["hiring"]
    tested = [row for row in hiring.rows if row.measure == AUDIT and row.estimate and is_tested(row.estimate)]
    families = [figure for figure in planned(hiring, AUDIT) if figure.null is not None]
    assert len(families) == len({row.estimate.quantity for row in tested if row.estimate})
    assert sum(len(figure.rows) for figure in families) == len(tested)
    headings = list(dict.fromkeys(entry.heading for entry in families[0].rows))
    assert headings == ["Gender", "Race", "Pronoun", "Age", "Disability", "Religion", "Gender × race"]


def test_the_title_is_the_message_and_what_is_below_it_says_quantity_unit_subject_and_n(
    dossiers: Mapping[str, Dossier],
) -> None:
    hiring = dossiers["hiring"]
    figure = planned(hiring, AUDIT)[0]
    found = sum(is_found(entry.row) for entry in figure.rows)
    first = next(entry for entry in figure.rows if is_found(entry.row))
    assert figure.title.endswith(f"; {found} of {len(figure.rows)} comparisons show a gap")
    assert plain_message(AUDIT, first.estimate) in figure.title
    assert "[percentage points], screener; n = " in figure.subtitle
    silent = [row for row in hiring.rows if row.measure == AUDIT and not is_found(row)]
    assert plan_figures(silent, None)[0].title.startswith(f"None of {len(figure.rows) - found} comparisons shows a gap")


def test_the_finding_that_a_reader_was_told_first_is_the_message(dossiers: Mapping[str, Dossier]) -> None:
    rows = [row for row in dossiers["hiring"].rows if row.measure == AUDIT]
    method = next(method for method in dossiers["hiring"].methods if method.name == AUDIT)
    last = [row for row in rows if is_found(row) and row.estimate and row.estimate.quantity == GAP][-1]
    assert last.estimate is not None
    figures = plan_figures(rows, method, [last.id])
    assert any(figure.title.startswith(plain_message(AUDIT, last.estimate)) for figure in figures)


def test_a_forest_places_value_interval_band_and_no_effect(dossiers: Mapping[str, Dossier]) -> None:
    figure = planned(dossiers["hiring"], AUDIT)[0]
    forest = draw_forest(figure)
    assert len(forest.rows) + len(forest.folded) == len(figure.rows) > 40
    assert [line.heading for line in forest.rows if line.heading][:2] == ["Gender", "Race"]
    assert all("·" not in line.label for line in forest.rows if line.style != "found"), "intersections are folded"
    assert forest.unit == "Difference in selection rate [percentage points]"
    for line in forest.rows:
        low, value, high = float(line.low), float(line.x), float(line.high)
        assert 0 <= low < value < high <= 100
        outside = not low <= float(forest.null) <= high
        assert outside or line.style == "not_shown"
        assert float(line.band) < float(forest.null) < float(line.band) + float(line.band_width)
    assert {line.style for line in forest.rows} == {"found", "not_shown"}


def test_of_many_rows_the_found_and_the_ends_stand_before_the_fold() -> None:
    rows = rows_of(*(estimate(0.001 * index, group={"occupation": str(index)}) for index in range(108)))
    (figure,) = plan_figures([row for row in rows if row.estimate], None)
    forest = draw_forest(figure)
    assert [line.label for line in forest.rows] == [str(index) for index in (*range(107, 97, -1), *range(9, -1, -1))]
    assert (len(forest.folded), forest.left_out) == (88, 0)
    assert len(draw_forest(replace(figure, rows=figure.rows[:40])).rows) == 40
    many = draw_forest(replace(figure, rows=figure.rows * 4))
    assert len(many.rows) + len(many.folded) + many.left_out == 4 * 108


def test_an_exact_count_begins_at_zero_and_a_scale_never_ends_within_an_interval() -> None:
    exact = {"low": 4.0, "high": 4.0, "interval": "range", "quantity": "fields", "unit": "count"}
    rows = rows_of(
        *(estimate(value, **exact | {"low": value, "high": value}, group={"f": str(value)}) for value in (4.0, 7.0))
    )
    forest = draw_forest(plan_figures(rows, None)[0])
    assert forest.ticks[0][1] == "0"
    assert float(forest.rows[0].x) > 50
    wide = rows_of(estimate(0.5, low=0.1, high=0.9, interval="confidence", group={"f": "a"}))
    (line,) = draw_forest(plan_figures(wide, None)[0]).rows
    assert 0 < float(line.low) < float(line.high) < 100


def test_scatter_has_the_diagonal_that_is_no_norm(dossiers: Mapping[str, Dossier]) -> None:
    figures = planned(dossiers["hiring"], ASSOCIATION)
    scatter = next(figure for figure in figures if figure.kind == "scatter")
    assert (len(scatter.rows), len(scatter.across)) == (90, 90)
    svg = scatter_svg(scatter, "f")
    assert SCATTER.diagonal in scatter.caption
    assert svg.count("<title>") == 90
    assert 'role="img" aria-labelledby="f-t" aria-describedby="f-d"' in svg
    assert "#" not in svg.replace("&#39;", "")
    assert 'style="' not in svg


def test_modelled_numbers_are_hollow_and_say_so(dossiers: Mapping[str, Dossier]) -> None:
    modelled = [row for row in dossiers["hiring"].rows if row.measure == ENERGY and row.estimate]
    twice = [
        row.model_copy(update={"id": f"{row.id}-{turn}", "subjects": (f"s{turn}",)})
        for row in modelled
        for turn in (1, 2)
    ]
    energy = plan_figures(twice, None)[0]
    assert "Hollow point: modelled, not measured" in energy.caption
    assert "uncertainty interval" in energy.caption
    assert all(line.hollow for line in draw_forest(energy).rows)


def test_one_figure_for_three_hundred_subjects(dossiers: Mapping[str, Dossier]) -> None:
    (figure,) = planned(dossiers["large"], DECLARED)
    assert (figure.kind, len(figure.rows)) == ("forest", 300)
    assert figure.title.startswith("Declared share: from ")
    assert len(draw_forest(figure).rows) == 20


def test_no_figure_without_a_number() -> None:
    rows = Rows()
    failed = rows.add("newcomer.unheard_of", "screener", None, status="failed", note="down")
    assert plan_figures([failed], None) == []


def test_units_are_never_mixed_in_one_figure() -> None:
    watt, gram = (
        {"quantity": "cost", "unit": unit, "low": 1.0, "high": 3.0, "interval": "range"} for unit in ("Wh", "gCO2e")
    )
    rows = rows_of(*(estimate(2.0, **unit, group={"g": name}) for unit in (watt, gram) for name in "ab"))
    assert [figure.axis for figure in plan_figures(rows, None)] == [
        "Cost [watt-hours]",
        "Cost [grams of CO2-equivalent]",
    ]


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
    assert figure.title == "Switch: 4 numbers, each in its own unit"
