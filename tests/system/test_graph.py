"""Ways through an ecosystem, with circles, and the people at their end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonweal.system.graph import deployments_reached, downstream, people_per_year, touched, upstream
from commonweal.system.records import Asset, Dependency, Deployment, Population, Relation, System

RELATIONS: tuple[Relation, ...] = ("trained_on", "adapted_from", "serves", "evaluated_on", "feeds_back")


def system_of(*edges: tuple[str, str, Relation], deployments: tuple[Deployment, ...] = ()) -> System:
    ids = sorted({end for edge in edges for end in edge[:2]} | {deployment.application for deployment in deployments})
    populations = sorted({name for deployment in deployments for name in deployment.reach})
    return System(
        name="a system",
        assets=tuple(Asset(id=key, kind="application" if key.startswith("app") else "model") for key in ids),
        dependencies=tuple(
            Dependency(upstream=one, downstream=other, relation=relation) for one, other, relation in edges
        ),
        populations=tuple(Population(id=name, definition=name) for name in populations),
        deployments=deployments,
    )


# data -> base -> tuned -> app, and the app's logs feed the data: the real circle of a chat product.
CIRCLE = system_of(
    ("data", "base", "trained_on"),
    ("base", "tuned", "adapted_from"),
    ("tuned", "app", "serves"),
    ("app", "data", "feeds_back"),
    ("test", "tuned", "evaluated_on"),
    deployments=(Deployment(application="app", id="app", reach={"people": 100.0}),),
)


def test_downstream_is_breadth_first_with_steps() -> None:
    assert [(one.asset, one.steps, "feeds_back" in one.relations) for one in downstream(CIRCLE, "data")] == [
        ("base", 1, False),
        ("tuned", 2, False),
        ("app", 3, False),
    ]


def test_a_way_through_a_feedback_says_so() -> None:
    reached = {reach.asset: reach for reach in downstream(CIRCLE, "tuned")}
    assert reached["base"].way == ("tuned", "app", "data", "base")
    assert reached["base"].relations == ("serves", "feeds_back", "trained_on")
    assert reached["app"].relations == ("serves",)
    assert "tuned" not in reached


def test_an_ordinary_way_is_preferred_to_a_shorter_feedback() -> None:
    system = system_of(("a", "b", "trained_on"), ("b", "c", "trained_on"), ("a", "c", "feeds_back"))
    reached = {one.asset: one for one in downstream(system, "a")}["c"]
    assert (reached.steps, "feeds_back" in reached.relations) == (2, False)


def test_upstream_names_the_way_to_the_source() -> None:
    assert [(one.asset, one.way) for one in upstream(CIRCLE, "app")][:2] == [
        ("tuned", ("app", "tuned")),
        ("base", ("app", "tuned", "base")),
    ]
    assert {one.asset for one in upstream(CIRCLE, "app") if one.through_evaluation} == {"test"}


def test_an_asset_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        downstream(CIRCLE, "nowhere")


def test_a_test_set_reaches_no_deployment() -> None:
    assert deployments_reached(CIRCLE, "test") == ()
    assert [deployment.application for deployment in deployments_reached(CIRCLE, "data")] == ["app"]


def test_people_by_hand() -> None:
    system = system_of(
        ("m", "app1", "serves"),
        ("m", "app2", "serves"),
        deployments=(
            Deployment(application="app1", id="app1", reach={"x": 100.0, "y": 20.0}),
            Deployment(application="app2", id="app2", reach={"x": 50.0, "z": 0.0}),
        ),
    )
    people = people_per_year(system, "m")
    assert people.people_per_year == 170.0
    assert people.by_population == {"x": 150.0, "y": 20.0, "z": 0.0}
    assert people.upper_bound
    assert not people_per_year(system, "app1").upper_bound


def test_unknown_is_never_zero() -> None:
    system = system_of(
        deployments=(
            Deployment(application="app1", id="app1", reach={"x": 100.0, "y": "unknown"}),
            Deployment(application="app2", id="app2"),
            Deployment(application="app3", id="app3", reach={"x": "none"}),  # type: ignore[dict-item]
        )
    )
    people = people_per_year(system, "app1")
    assert (people.people_per_year, people.by_population, people.unknown) == (
        None,
        {"x": 100.0, "y": None},
        ("app1: reach of y",),
    )
    assert people_per_year(system, "app2").unknown == ("app2: reach",)
    assert people_per_year(system, "app2").people_per_year is None
    assert people_per_year(system, "app3").people_per_year == 0.0


def test_without_a_deployment_nothing_is_known() -> None:
    people = people_per_year(system_of(("a", "b", "serves")), "a")
    assert people.people_per_year is None
    assert people.unknown == ("no deployment is declared downstream",)


EDGES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.sampled_from(RELATIONS)), min_size=1, max_size=14
)


@given(EDGES)
@settings(deadline=None)
def test_downstream_and_upstream_mirror_each_other(edges: list[tuple[str, str, Relation]]) -> None:
    system = system_of(*edges)
    names = [asset.id for asset in system.assets]
    down = {
        (one, other.asset): (other.steps, other.through_evaluation)
        for one in names
        for other in downstream(system, one)
    }
    up = {
        (other.asset, one): (other.steps, other.through_evaluation) for one in names for other in upstream(system, one)
    }
    assert down.keys() == up.keys()
    assert {pair: steps for pair, (steps, _) in down.items()} == {pair: steps for pair, (steps, _) in up.items()}


@given(EDGES)
@settings(deadline=None)
def test_ways_exist_and_are_shortest(edges: list[tuple[str, str, Relation]]) -> None:
    system = system_of(*edges)
    start = edges[0][0]
    ordinary = _steps([edge for edge in edges if edge[2] not in ("feeds_back", "evaluated_on")], start)
    every = _steps(edges, start)
    reached = downstream(system, start)
    assert {reach.asset for reach in reached} == every.keys() - {start}
    for reach in reached:
        assert all(
            (*ends, relation) in edges for ends, relation in zip(pairwise(reach.way), reach.relations, strict=True)
        )
        if reach.asset in ordinary:
            assert reach.steps == ordinary[reach.asset]
    assert [reach.steps for reach in reached] == sorted(reach.steps for reach in reached)


@given(EDGES)
@settings(deadline=None)
def test_touched_is_the_union_of_what_each_reaches(edges: list[tuple[str, str, Relation]]) -> None:
    system = system_of(*edges)
    start = edges[0][0]
    inherited = {one.asset for one in downstream(system, start) if not one.through_evaluation}
    assert touched(system, [start], forward=True) - {start} == inherited


def _steps(edges: list[tuple[str, str, Relation]], start: str) -> dict[str, int]:
    """Distances by relaxing every edge until nothing changes: slow, and independent of the graph library."""
    steps = {start: 0}
    for _ in edges:
        for one, other, _relation in edges:
            if one in steps:
                steps[other] = min(steps.get(other, len(edges) + 1), steps[one] + 1)
    return steps


def test_three_thousand_assets_in_a_row() -> None:
    system = system_of(*((f"m{place:04}", f"m{place + 1:04}", "adapted_from") for place in range(2999)))
    found = downstream(system, "m0000")
    assert (len(found), found[-1].steps) == (2999, 2999)
