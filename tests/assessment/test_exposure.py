from __future__ import annotations

import time
from typing import Any

from commonweal.assessment.assess import assess
from commonweal.assessment.exposure import Exposure, exposures
from commonweal.evidence.records import Evidence, Missing
from commonweal.system.records import Asset, Dependency, System
from tests.assessment.assessed_systems import AUDIT, METHODS, deployment, estimate, evidence, system, writer


def places(declared: System, *rows: Evidence) -> dict[tuple[str, str], Exposure]:
    found = list(exposures(declared, rows, writer()))
    by_place = {(one.kind, one.target): one for one in found}
    assert len(by_place) == len(found), "one row per place"
    return by_place


def states(found: dict[tuple[str, str], Exposure]) -> dict[str, tuple[bool, float | None]]:
    return {f"{kind} {target}": (one.measured_here, one.people_per_year) for (kind, target), one in found.items()}


def test_what_was_measured_at_a_model_is_inherited_by_all_below_it_and_by_nothing_above() -> None:
    assert states(places(system(), evidence("1", "model"))) == {
        "asset model": (True, 90_000),
        "asset app": (False, 90_000),
        "deployment live": (False, 90_000),
        "population applicants": (False, 90_000),
    }


def test_what_was_measured_on_probes_at_the_application_was_not_measured_on_the_people_of_its_deployment() -> None:
    by_place = places(system(), evidence("1", "app"))
    assert states(by_place) == {
        "asset app": (True, 90_000),
        "deployment live": (False, 90_000),
        "population applicants": (False, 90_000),
    }
    assert "measured on probes at its application app, not in the deployment" in by_place["deployment", "live"].row.note


def test_a_measure_at_two_places_is_measured_at_both_and_says_where_it_comes_from() -> None:
    by_place = places(system(), evidence("1", "data"), evidence("2", "app"))
    assert {place: one.measured_here for (_, place), one in by_place.items()} == {
        "data": True,
        "model": False,
        "app": True,
        "live": False,
        "applicants": False,
    }
    assert by_place["asset", "app"].sources == ("data", "app")
    assert by_place["asset", "app"].row.derived_from == ("1", "2")
    assert by_place["asset", "model"].row.subjects == ("data",)


def test_each_row_is_propagated_with_people_per_year_and_the_state_in_words() -> None:
    row = places(system(), evidence("1", "model"))["population", "applicants"].row
    assert (row.basis, row.status, row.measure) == ("propagated", "ok", "assessment.test")
    assert row.estimate is not None
    assert (row.estimate.value, row.estimate.unit, row.estimate.interval) == (90_000, "people/year", "range")
    assert row.note == "inherited, not measured here"
    assert row.estimate.group == {
        "measure": AUDIT,
        "reaches": "population applicants",
        "state": "inherited, not measured here",
    }


def test_a_declared_figure_says_where_it_comes_from_where_that_is_declared() -> None:
    people = tuple(one.model_copy(update={"source": "the annual report"}) for one in system().populations[:1])
    found = places(system((deployment(context="employment"),), populations=people), evidence("1", "app"))
    for place in (("asset", "app"), ("deployment", "live"), ("population", "applicants")):
        assert found[place].row.note.endswith("; source declared for applicants: the annual report")
    row = found["deployment", "live"].row
    assert row.estimate is not None
    assert row.estimate.group is not None
    assert row.estimate.group["reaches"] == "deployment live in employment"


def test_unknown_reach_stays_unknown_and_is_never_0() -> None:
    for reach, asked in (({"applicants": "unknown"}, "live: reach of applicants"), ({}, "live: reach")):
        by_place = places(system((deployment(reach=reach),)), evidence("1", "model"))
        assert by_place["deployment", "live"].people_per_year is None
        assert by_place["asset", "model"].people_per_year is None
        row = by_place["deployment", "live"].row
        assert row.estimate is None
        assert (
            row.note
            == f"{AUDIT} reaches deployment live: inherited, not measured here; people a year: unknown ({asked})"
        )
    assert ("population", "applicants") not in by_place
    partly = places(system((deployment(), deployment("other", reach={"applicants": "unknown"}))), evidence("1", "app"))
    assert partly["deployment", "live"].people_per_year == 90_000
    assert partly["population", "applicants"].people_per_year is None
    assert partly["asset", "app"].people_per_year is None
    silent = places(system((deployment(), deployment("other", reach={}))), evidence("1", "app"))
    assert silent["population", "applicants"].people_per_year is None
    assert silent["population", "applicants"].unknown == ("other: reach",)


def test_nobody_reached_is_0_and_no_deployment_is_unknown() -> None:
    assert (
        places(system((deployment(reach={"applicants": 0.0}),)), evidence("1", "app"))[
            "deployment", "live"
        ].people_per_year
        == 0.0
    )
    found = places(system(()), evidence("1", "app"))
    assert states(found) == {"asset app": (True, None)}
    assert found["asset", "app"].unknown == ("no deployment is declared downstream",)


def test_people_whom_two_deployments_reach_are_summed_with_a_warning() -> None:
    found = places(system((deployment(), deployment("again", reach={"applicants": 10_000}))), evidence("1", "app"))
    assert found["population", "applicants"].people_per_year == 100_000
    assert "a person may be counted more than once" in found["population", "applicants"].row.note
    assert "a person may be counted more than once" in found["asset", "app"].row.note
    assert "more than once" not in found["deployment", "live"].row.note


def test_a_circle_through_feedback_ends_and_reaches_everything_on_it() -> None:
    circle = system(None, Dependency(upstream="app", downstream="data", relation="feeds_back"))
    found = places(circle, evidence("1", "app"))
    assert {target for kind, target in found if kind == "asset"} == {"data", "model", "app"}
    assert [found["asset", name].measured_here for name in ("data", "model", "app")] == [False, False, True]


def test_a_test_set_is_not_inherited() -> None:
    exam = Asset(id="exam", kind="dataset")
    declared = system(
        None, Dependency(upstream="exam", downstream="model", relation="evaluated_on"), assets=(*system().assets, exam)
    )
    assert states(places(declared, evidence("1", "exam"))) == {"asset exam": (True, None)}


def test_only_what_was_measured_and_has_a_number_or_a_finding_is_carried() -> None:
    failed = evidence("1", "model", found=Missing(quantity="q", status="failed", reason="no answer"))
    propagated = evidence("2", "model", basis="propagated")
    assert places(system(), failed, propagated) == {}


def test_a_measure_of_the_whole_system_has_no_place_in_the_graph_and_breaks_nothing() -> None:
    whole = evidence("1", "system", "transparency.whole")
    assert places(system(), whole) == {}
    weighed = assess(system(), [whole, evidence("2", found=estimate())], METHODS, "hash", 0)
    assert {finding.subject for finding in weighed.findings} == {"system", "app"}


def test_two_measures_are_carried_apart() -> None:
    reached = list(exposures(system(), [evidence("1", "model", "a.one"), evidence("2", "app", "b.two")], writer()))
    assert {(exposure.measure, exposure.target) for exposure in reached if exposure.kind == "asset"} == {
        ("a.one", "model"),
        ("a.one", "app"),
        ("b.two", "app"),
    }
    assert len({exposure.row.id for exposure in reached}) == len(reached)


def chain(length: int) -> System:
    assets: list[Any] = [Asset(id=f"m{index}", kind="model") for index in range(length - 1)]
    return system(
        assets=(*assets, Asset(id="app", kind="application")),
        dependencies=tuple(
            Dependency(
                upstream=one.id, downstream=other.id, relation="adapted_from" if other.kind == "model" else "serves"
            )
            for one, other in zip(assets, [*assets[1:], Asset(id="app", kind="application")], strict=True)
        ),
    )


def test_300_assets_in_a_chain_each_measured_are_propagated_in_seconds() -> None:
    declared = chain(300)
    rows = [evidence(asset.id, asset.id, "transparency.declaration_completeness") for asset in declared.assets]
    started = time.process_time()
    weighed = assess(declared, rows, METHODS, "hash", 0)
    assert time.process_time() - started < 20
    assert len(weighed.rows) == 300 + 1 + 1
    assert len(weighed.findings) == 300
    last = next(finding for finding in weighed.findings if finding.subject == "app")
    assert [mender.steps_upstream for mender in last.menders[:300]] == list(range(300))
