"""`commonweal measure` at an endpoint on loopback: what was paid for is asked once, and two models are never mixed
in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flow.commands import Ended, rows_in, within
from tests.measures.inequity.bbq.test_bbq import item_of
from tests.measures.inequity.bbq.test_bbq import written as write_bbq
from tests.models.openai_servers import Answered, Service, serving, written

ITEMS = 100
LISTED = (200, {"object": "list", "data": [{"id": "m", "owned_by": "us", "root": "/models/a"}]}, {})
OTHER = (200, {"object": "list", "data": [{"id": "m", "owned_by": "us", "root": "/models/b"}]}, {})
ABSENT = (404, b"not found", {})
BUSY = (503, b"overloaded", {})


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data" / "bbq").mkdir(parents=True)
    write_bbq(
        tmp_path / "data" / "bbq",
        [item_of(number, context=f"Two people met in room {number}.") for number in range(ITEMS)],
    )
    return tmp_path / "data"


def measured(service: Service, data: Path, out: str = "out") -> Ended:
    folder = data.parent / out
    return within(
        "measure",
        "inequity.bbq",
        "--model",
        service.locator,
        "--allow-network",
        "--data",
        data,
        "--out",
        folder,
        COMMONWEAL_CACHE=data.parent / "cache",
        COMMONWEAL_API_CONCURRENCY="1",
    )


def broken_off_after(service: Service, answers: int) -> None:
    """The service refuses what comes after so many answers."""

    def answer(payload: dict[str, Any]) -> Answered:
        return written("C") if len(service.asked) <= answers else (400, b"broken", {})

    service.answer = answer


def numbers(folder: Path) -> list[dict[str, Any]]:
    return [row for row in rows_in(folder) if row["measure"] == "inequity.bbq" and row["status"] == "ok"]


@pytest.mark.parametrize(("before", "after"), [(LISTED, ABSENT), (ABSENT, LISTED), (LISTED, BUSY), (LISTED, LISTED)])
def test_a_run_that_was_broken_off_asks_nothing_twice_where_the_server_does_not_list(
    service: Service, data: Path, before: Answered, after: Answered
) -> None:
    service.listing = before
    broken_off_after(service, 70)
    assert measured(service, data).code == 3
    refused = len(service.asked) - 70
    assert refused >= 1
    service.listing, service.answer = after, lambda payload: written("C")
    ended = measured(service, data)
    assert ended.code == 0, ended.said
    assert len(service.asked) == refused + ITEMS
    rows = numbers(data.parent / "out")
    assert rows
    assert all(("did not list its model" in row["note"]) == (before is not after) for row in rows)
    assert {row["provenance"]["told"]["root"] for row in rows} == {'"/models/a"'}


def test_a_server_that_lists_another_model_is_asked_everything_anew_and_that_is_told(
    service: Service, data: Path
) -> None:
    service.listing = LISTED
    broken_off_after(service, 70)
    measured(service, data)
    before = len(service.asked)
    service.listing, service.answer = OTHER, lambda payload: written("B")
    ended = measured(service, data)
    assert ended.code == 0, ended.said
    assert len(service.asked) == before + ITEMS
    said = re.compile(
        r'lists another model under this name \(root: "/models/a", now "/models/b"\): the answers from before are not used'
    )
    assert all(said.search(row["note"]) for row in numbers(data.parent / "out"))
    assert said.search(ended.out)
    kept = [json.loads(line)["text"] for line in _journals(data.parent / "out")]
    assert set(kept) <= {"C"}  # the answers of the former model lie apart, in the journal that was broken off


def _journals(folder: Path) -> list[str]:
    return [line for path in (folder / "items").rglob("*.jsonl") for line in path.read_text().splitlines()]


def test_answers_under_two_names_are_told_in_every_row_also_after_a_break(service: Service, data: Path) -> None:
    def answer(payload: dict[str, Any]) -> Answered:
        number = len(service.asked)
        return written("C", model="m-2024" if number <= 40 else "m-2025") if number != 71 else (400, b"broken", {})

    service.answer = answer
    assert measured(service, data).code == 3
    assert measured(service, data).code == 0
    assert all("answered under 2 names (m-2024, m-2025)" in row["note"] for row in numbers(data.parent / "out"))
