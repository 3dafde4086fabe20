from __future__ import annotations

from commonweal.assessment.menders import menders
from commonweal.system.records import Actor, Asset, Dependency, System
from tests.assessment.assessed_systems import system


def chain(declared: System, subject: str) -> list[tuple[str, str | None, int]]:
    return [(one.asset, one.actor, one.steps_upstream) for one in menders(declared, subject)]


def test_the_own_actor_comes_first_then_those_upstream_nearest_first_then_who_oversees() -> None:
    assert chain(system(), "app") == [
        ("app", "agency", 0),
        ("model", "lab", 1),
        ("data", "crawl", 2),
        ("app", "office", 0),
    ]


def test_nobody_downstream_is_asked_to_mend_what_lies_upstream() -> None:
    assert chain(system(), "data") == [("data", "crawl", 0), ("data", "office", 0)]


def test_only_rights_that_bear_on_the_kind_of_asset_are_named() -> None:
    rights = {one.asset: one.rights for one in menders(system(), "app") if one.actor != "office"}
    assert rights == {
        "app": ("prompt", "decision_rule", "oversight"),
        "model": ("training", "weights", "release"),
        "data": ("data", "labels"),
    }


def test_a_regulator_oversees_from_outside_and_one_without_declared_rights_is_still_named() -> None:
    (office,) = [one for one in menders(system(), "app") if one.actor == "office"]
    assert (office.rights, office.note) == (("oversight",), "oversees from outside")
    bare = system(actors=(*system().actors[:3], Actor(id="office", name="An equality office", roles=("regulator",))))
    (office,) = [one for one in menders(bare, "app") if one.actor == "office"]
    assert (office.rights, office.note) == ((), "a regulator whose decision rights are not declared")


def test_none_unknown_and_not_declared_are_three_answers() -> None:
    def note(rights: object) -> tuple[str, tuple[str, ...]]:
        agency = Actor.model_validate(
            {"id": "agency", "name": "An agency", "roles": ["deployer"], "decision_rights": rights}
        )
        first = next(menders(system(actors=(agency,)), "app"))
        return first.note, first.rights

    assert note("none") == ("has no decision rights (declared)", ())
    assert note("unknown") == ("decision rights unknown", ())
    assert note(None) == ("decision rights not declared", ())
    assert note(["labels"]) == ("none of its declared rights bears on this application", ())


def test_an_asset_of_nobody_says_that_somebody_must_be_asked() -> None:
    assets = (
        Asset(id="data", kind="dataset"),
        Asset(id="model", kind="model", actor="unknown"),
        Asset(id="app", kind="application"),
    )
    names = {one.asset: one.name for one in menders(system(assets=assets, actors=()), "app")}
    assert names == {
        "app": "who decides is not declared",
        "model": "who decides is unknown",
        "data": "who decides is not declared",
    }


def test_a_circle_ends_and_names_each_asset_once() -> None:
    circle = system(None, Dependency(upstream="app", downstream="data", relation="feeds_back"))
    assert [asset for asset, actor, _ in chain(circle, "data") if actor != "office"] == ["data", "app", "model"]


def test_what_is_no_asset_has_no_menders() -> None:
    assert chain(system(), "system") == []
