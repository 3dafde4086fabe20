"""A server that misbehaves in about a hundred ways: the right answer or a clear failure, in time, nothing wrong
kept, no key anywhere.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commonweal.errors import ApplicationError, LocatorError, MeasurementError
from commonweal.evidence.journal import Journal
from commonweal.measures.recording import RecordedApplication, RecordedModel
from commonweal.models.applications.http_application import HTTPApplication
from commonweal.models.endpoint.openai_model import OpenAIModel, open_endpoint
from commonweal.models.endpoint.settings import EndpointSettings
from commonweal.models.protocols import Case, GenerationRequest
from commonweal.system.decisions import Outcome
from commonweal.system.permissions import Permissions
from tests.models.endpoint.misbehaving_server import (
    ANSWERS,
    KEY,
    LASTING,
    LINES,
    PASSING,
    SLOW,
    Server,
    Way,
    misbehaving,
)

REQUESTS = [GenerationRequest("text 0", 8), GenerationRequest("text 1", 8)]
CASES = [Case("text 0", {}), Case("text 1", {})]
DEADLINE_S = 0.4
LONG_S = 60.0  # where the deadline is not what is tested: a busy machine may be slow
SLACK_S = 20.0  # less than the drips last


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMONWEAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COMMONWEAL_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[Server]:
    with misbehaving() as server:
        yield server


def opened(server: Server, timeout_s: float = LONG_S) -> OpenAIModel:
    settings = EndpointSettings(timeout_s=timeout_s, attempts=2, backoff_s=0.0, concurrency=2)
    return open_endpoint(f"openai:{server.url}/v1#m", Permissions(network=True), settings)


def generated(server: Server, folder: Path, timeout_s: float = LONG_S) -> list[str]:
    with Journal(folder / "journal") as journal:
        return RecordedModel(opened(server, timeout_s), journal, lambda done, total: None).generate(REQUESTS)


def refused(server: Server, folder: Path, timeout_s: float = LONG_S) -> str:
    """What is said about a server that gives no answer; nothing of it is kept, so that a healed one is asked again."""
    began = time.monotonic()
    with pytest.raises(MeasurementError) as caught:
        generated(server, folder, timeout_s)
    assert time.monotonic() - began < 2 * timeout_s + SLACK_S
    assert f"{server.url}/v1#m, item 1" in str(caught.value) or f"{server.url}/v1#m, item 2" in str(caught.value)
    assert len(str(caught.value)) < 1000
    server.heal()
    assert generated(server, folder) == ["B", "B"]
    no_key_in(folder, str(caught.value))
    return str(caught.value)


def no_key_in(folder: Path, *texts: str) -> None:
    """Neither the key nor 8 characters of it in a row, as it is, turned round or in base64."""
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()) + "".join(texts).encode()
    assert kept
    encoded = base64.b64encode(f"Bearer {KEY}".encode()).decode()[12:-4]
    for form in (KEY, KEY[::-1], encoded):
        for at in range(len(form) - 7):
            assert form[at : at + 8].encode() not in kept


@pytest.mark.parametrize("way", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_tried_again_and_fails_where_it_stays(server: Server, tmp_path: Path, way: Way) -> None:
    server.way = way
    said = refused(server, tmp_path)
    assert "2 times" in said
    server.way, server.times, server.asked = way, 1, 0
    assert opened(server).generate([GenerationRequest("text 2", 8)]) == ["B"]
    assert server.asked == 2


@pytest.mark.parametrize("way", LASTING.values(), ids=LASTING)
def test_what_will_not_pass_fails_at_once(server: Server, tmp_path: Path, way: Way) -> None:
    server.way = way
    assert " times" not in refused(server, tmp_path)
    assert server.elsewhere is not None
    assert server.elsewhere.asked == 0


@pytest.mark.parametrize("way", SLOW.values(), ids=SLOW)
def test_one_deadline_ends_what_does_not_end(server: Server, tmp_path: Path, way: Way) -> None:
    server.way = way
    assert re.search(
        r"no answer within 0\.4 s \(COMMONWEAL_API_TIMEOUT_S\), 2 times", refused(server, tmp_path, DEADLINE_S)
    )


@pytest.mark.parametrize(("way", "text"), ANSWERS.values(), ids=ANSWERS)
def test_what_is_odd_and_an_answer_is_kept_as_one(server: Server, tmp_path: Path, way: Way, text: str) -> None:
    server.way = way
    assert generated(server, tmp_path) == [text, text]
    no_key_in(tmp_path)
    asked = server.asked
    model = opened(server)
    assert model.generate(REQUESTS) == [text, text]
    assert server.asked == asked
    no_key_in(tmp_path, *model.remarks, *model.told.values())
    assert set(server.keys) == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    "listing",
    [
        PASSING["HTML"],
        PASSING["deep JSON"],
        lambda one: one.send(
            {"data": [{"id": "m", "root": f"/models/{KEY[:-1]} \ud800\x1b[2J", "owned_by": "x" * 100_000}]}
        ),
    ],
)
def test_a_list_of_models_that_misbehaves_hinders_nothing(server: Server, tmp_path: Path, listing: Any) -> None:
    server.listing = listing
    model = opened(server)
    assert model.generate(REQUESTS) == ["B", "B"]
    no_key_in(tmp_path, *model.told.values(), model.fingerprint)
    assert all(len(fact) <= 80 for fact in model.told.values())


def test_a_list_of_models_has_a_deadline_too(server: Server) -> None:
    server.listing = SLOW["a drip of headers"]
    began = time.monotonic()
    with pytest.raises(LocatorError, match=r"no answer within 0\.4 s .*, 2 times"):
        opened(server, DEADLINE_S)
    assert time.monotonic() - began < 2 * DEADLINE_S + SLACK_S


# --- applications
# -------------------------------------------------------------------------------------------------------


def application(server: Server, timeout_s: float = LONG_S, where: str = "app") -> HTTPApplication:
    outcome = Outcome(favourable="invite", options=("invite", "reject"), timeout_s=timeout_s)
    return HTTPApplication("screener", f"{server.url}/{where}", outcome, backoff_s=0.0)


def decided(server: Server, folder: Path, timeout_s: float = LONG_S) -> list[str | None]:
    with Journal(folder / "journal") as journal:
        asked = RecordedApplication(application(server, timeout_s), journal, lambda done, total: None)
        return [decision.option for decision in asked.decide(CASES)]


def rejected(server: Server, folder: Path, timeout_s: float = LONG_S) -> str:
    began = time.monotonic()
    with pytest.raises(ApplicationError) as caught:
        decided(server, folder, timeout_s)
    assert time.monotonic() - began < 2 * timeout_s + SLACK_S
    assert f"{server.url}/app, item " in str(caught.value)
    assert len(str(caught.value)) < 1000
    server.heal()
    assert decided(server, folder) == ["invite", "invite"]
    return str(caught.value)


@pytest.mark.parametrize("way", LINES.values(), ids=LINES)
def test_an_application_is_asked_again_after_what_may_pass(server: Server, tmp_path: Path, way: Way) -> None:
    server.way = way
    assert "3 times" in rejected(server, tmp_path)
    server.way, server.times, server.asked = way, 2, 0
    assert [one.option for one in application(server).decide(CASES[:1])] == ["invite"]


@pytest.mark.parametrize("way", SLOW.values(), ids=SLOW)
def test_an_application_has_one_deadline_too(server: Server, tmp_path: Path, way: Way) -> None:
    server.way = way
    assert "no answer within 0.4 s. Allow more time" in rejected(server, tmp_path, DEADLINE_S)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>\x1b[2J", r"not JSON but '<html>\\x1b\[2J'"),
        (b'{"decision": "\xff"}', "not UTF-8"),
        (b'{"decision": "\\ud800"}', "the decision is '�', which holds half a character"),
        (b'{"decision": "invite", "decision": "reject"}', "'decision' is there twice"),
        (b"[" * 400_000, "not JSON"),
        (b'{"score": NaN}', "expected a finite number"),
        (b'{"score": 1' + b"0" * 400 + b"}", "expected a finite number"),
        (b'{"score": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"decision": {"a": 1}}', "the decision is dict"),
        (b'{"decision": "' + b"x" * 100_000 + b'"}', "100000 characters long"),
        (b'{"' + b"x" * 100_000 + b'": 1}', "the answer has the fields xxx"),
        (b'{"error": "no model", "decision": "reject"}', "it reports an error .str 'no model'., 3 times"),
        (b'{"decision": null}', "neither a decision nor a score"),
    ],
)
def test_an_answer_of_an_application_that_is_none_is_named(
    server: Server, tmp_path: Path, body: bytes, message: str
) -> None:
    server.way = lambda one: one.send(body)
    assert re.search(message, rejected(server, tmp_path))


def test_what_an_address_holds_is_never_shown(server: Server) -> None:
    address = server.url.replace("http://", "http://me:pass-word-123@") + "/app?key=query-secret-9"
    asked = HTTPApplication("screener", address, Outcome(favourable="invite", timeout_s=LONG_S), backoff_s=0.0)
    server.way = lambda one: one.send({"decision": f"{one.headers['Authorization']} {one.path} pass-word-123"})
    (decision,) = asked.decide(CASES[:1])
    assert decision.option == "Basic [key] /app?key=[key] [key]"
    server.way = lambda one: one.send(f"<html>{one.headers['Authorization']} {one.path}".encode())
    with pytest.raises(ApplicationError, match=r"Basic \[key\] /app\?key=\[key\]") as caught:
        asked.decide(CASES[:1])
    assert "query-se" not in str(caught.value)
