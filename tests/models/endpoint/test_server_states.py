from __future__ import annotations

from pathlib import Path

from commonweal.models.endpoint.server_states import Server, State, arrived

WHO = {"url": "http://h/v1", "model": "m", "route": "chat"}
OLD, NEW = {"id": "m", "root": "a"}, {"id": "m", "root": "b"}


def after(*days: dict[str, str]) -> tuple[tuple[State, ...], str]:
    """What is known, and said, when the server told this on days 1, 2, 3 …"""
    states: tuple[State, ...] = ()
    remark = ""
    for day, told in enumerate(days, 1):
        states, remark = arrived(states, WHO, told, f"day {day}")
    return states, remark


def test_a_server_that_lists_nothing_for_once_is_the_one_that_it_was() -> None:
    (first,), silent = after(OLD)
    (second,), remark = after(OLD, {})
    assert second == first
    assert silent == ""
    assert remark == "the server did not list its model this time; it is taken to be what it listed on day 1"
    assert after(OLD, {}, OLD) == ((first,), "")


def test_what_is_listed_for_the_first_time_joins_the_answers_before_it() -> None:
    (unlisted,), _ = after({})
    (joined,), _ = after({}, OLD)
    assert joined.fingerprint == unlisted.fingerprint
    assert (joined.told, joined.since, joined.joined) == (OLD, "day 2", True)
    assert after({}, {})[1] == ""


def test_another_listing_is_another_model_and_the_former_one_counts_again_when_it_comes_back() -> None:
    states, remark = after(OLD, NEW)
    assert len({state.fingerprint for state in states}) == 2
    assert remark == (
        'since day 1 the server lists another model under this name (root: "a", now "b"): the answers from before are '
        "not used"
    )
    back, remark = after(OLD, NEW, OLD)
    assert back[-1].fingerprint == states[0].fingerprint
    assert "only the answers from when it listed the same as now are used" in remark
    assert after(OLD, NEW, {})[0][-1] == states[-1]


def test_each_address_model_and_route_is_a_server_of_its_own(tmp_path: Path) -> None:
    cache = tmp_path / "answers.sqlite3"
    others = [{**WHO, name: "other"} for name in WHO]
    assert len({Server(one, OLD, cache).fingerprint for one in (WHO, *others)}) == 4
    assert Server(WHO, {}, cache).fingerprint == Server(WHO, OLD, cache).fingerprint


def test_names_in_answers_are_remembered_across_processes(tmp_path: Path) -> None:
    cache = tmp_path / "answers.sqlite3"
    one, other = Server(WHO, OLD, cache), Server(WHO, OLD, cache)
    one.answered_as(["m-2024", "m-2024"])
    assert one.remarks == ()
    other.answered_as(["m-2025 \ud800"])
    (remark,) = other.remarks
    assert remark == "the server answered under 2 names (m-2024, m-2025 �), so more than one model may have answered"
    assert Server(WHO, {}, cache).remarks[1] == remark


def test_a_cache_that_cannot_be_written_remembers_nothing_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    server = Server(WHO, OLD, tmp_path / "file" / "answers.sqlite3")
    server.answered_as(["m", "n"])
    assert "2 names" in server.remarks[0]
