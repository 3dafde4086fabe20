from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from commonweal.errors import LocatorError, MeasurementError, NotApplicable, PermissionRequired
from commonweal.evidence.journal import Journal
from commonweal.evidence.store import Store
from commonweal.measures.gather import Setting, gather
from commonweal.measures.plan import tasks
from commonweal.measures.recording import RecordedModel
from commonweal.measures.registry import load_registry
from commonweal.measures.subjects import Opener
from commonweal.models.choosing import WrittenChooser, chooser_of
from commonweal.models.endpoint.answer_cache import AnswerCache, answer_key
from commonweal.models.endpoint.openai_model import OpenAIModel, open_endpoint
from commonweal.models.endpoint.settings import EndpointSettings
from commonweal.models.engine.local import LocalModel
from commonweal.models.opening import open_model
from commonweal.models.preflight import parameter_count, preflight_asset
from commonweal.models.protocols import Continuation, GenerationRequest, LanguageModel, Question
from commonweal.system.permissions import Permissions
from commonweal.system.records import Asset, System
from tests.models.openai_servers import Answered, Service, serving, transformers_serve, written
from tests.polling import WAIT_S

NETWORK = Permissions(network=True)
REQUESTS = [GenerationRequest(f"text {number}", 8) for number in range(20)]
TEXTS = [f"said text {number}" for number in range(20)]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMONWEAL_CACHE", str(tmp_path / "cache"))
    for name in ("KEY", "ROUTE", "CONCURRENCY", "TIMEOUT_S", "REQUESTS_PER_MINUTE", "MAX_REQUESTS", "MAX_TOKENS"):
        monkeypatch.delenv(f"COMMONWEAL_API_{name}", raising=False)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


def opened(service: Service, **settings: Any) -> OpenAIModel:
    return open_endpoint(service.locator, NETWORK, EndpointSettings(**{"backoff_s": 0.0, "attempts": 3, **settings}))


def then(*answers: Answered) -> Any:
    """One answer after another, the last one from then on."""
    waiting = list(answers)
    return lambda payload: waiting.pop(0) if len(waiting) > 1 else waiting[0]


# --- what is sent and what comes back
# -----------------------------------------------------------------------------------


def test_answers_come_in_the_order_asked_and_a_second_run_asks_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    model = open_model(service.locator, permissions=NETWORK)
    assert isinstance(model, LanguageModel)
    assert (model.locator, model.device, model.gives_logprobs) == (service.locator, "remote", False)
    assert model.generate([*REQUESTS, REQUESTS[3]]) == [*TEXTS, TEXTS[3]]
    assert len(service.asked) == 20
    expected = {"model": "m", "messages": [{"role": "user", "content": "text 0"}], "max_tokens": 8, "temperature": 0.0}
    assert expected in service.asked
    assert set(service.paths) == {"/v1/chat/completions"}
    assert open_model(service.locator, permissions=NETWORK).generate(REQUESTS[::-1]) == TEXTS[::-1]
    assert len(service.asked) == 20
    model.generate([GenerationRequest("text 0", 9)])
    model.generate([GenerationRequest("text 0", 8, seed=5)])  # greedy: the seed changes nothing
    assert len(service.asked) == 21


def test_a_drawn_answer_has_its_seed_and_the_completions_route_continues_the_text(service: Service) -> None:
    service.answer = lambda payload: (200, {"choices": [{"text": f"{payload['prompt']}/{payload['seed']}"}]}, {})
    model = opened(service, route="completions")
    requests = [GenerationRequest("a", 8, 0.7, seed) for seed in (1, 2)]
    assert model.generate(requests) == ["a/1", "a/2"]
    assert set(service.paths) == {"/v1/completions"}
    assert model.fingerprint != opened(service).fingerprint


def test_the_fingerprint_follows_what_the_server_lists_and_not_the_time_of_asking(service: Service) -> None:
    first = opened(service).fingerprint
    service.listing = (200, {"data": [{"id": "m", "owned_by": "us", "created": 999}]}, {})
    assert opened(service).fingerprint == first
    service.listing = (200, {"data": [{"id": "m", "owned_by": "us", "root": "/models/other"}]}, {})
    assert opened(service).fingerprint != first
    others = [
        (404, b"", {}),
        (403, b"no", {}),
        (500, b"Internal Server Error", {}),
        (200, b"<html>", {}),
        (200, {"data": [7]}, {}),
    ]
    prints = set()
    for listing in others:
        service.listing = listing
        prints.add(opened(service).fingerprint)
    assert len(prints) == 1


def test_a_model_that_insists_on_the_newer_name_of_the_limit_gets_it(service: Service) -> None:
    def answer(payload: dict[str, Any]) -> Answered:
        if "max_tokens" in payload:
            return 400, {"error": {"message": "Unsupported parameter: use 'max_completion_tokens' instead."}}, {}
        return written(str(payload["max_completion_tokens"]))

    service.answer = answer
    assert opened(service, concurrency=1).generate(REQUESTS[:3]) == ["8", "8", "8"]
    assert len(service.asked) == 4


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ({"message": {"content": ""}, "finish_reason": "stop"}, ""),
        ({"message": {"content": None, "refusal": "I cannot"}, "finish_reason": "stop"}, "I cannot"),
        ({"message": {"content": "half \ud83d"}}, "half \ufffd"),
    ],
)
def test_a_refusal_and_an_empty_text_are_answers(service: Service, choice: dict[str, Any], text: str) -> None:
    service.answer = lambda payload: (200, {"choices": [choice]}, {})
    assert opened(service).generate([GenerationRequest("half \ud83d")]) == [text]


def test_scores_are_not_applicable_with_the_reason(service: Service) -> None:
    with pytest.raises(NotApplicable, match=r"only writes text.*log-probability.*A local model does"):
        opened(service).score([Continuation("a", " b")])


# --- permission, locator and key
# ----------------------------------------------------------------------------------------


def test_the_network_is_touched_only_where_it_was_allowed(service: Service, no_network: None) -> None:
    with pytest.raises(PermissionRequired, match="--allow-network"):
        open_model(service.locator, permissions=Permissions(code=True, download=True))
    asset = Asset(id="model", kind="model", locator=service.locator)
    (problem,) = preflight_asset(asset, System(name="t", assets=(asset,)))
    assert "asset 'model'" in problem.text
    assert problem.flag == "--allow-network"
    assert preflight_asset(asset, System(name="t", assets=(asset,)), NETWORK) == []
    assert parameter_count(service.locator) is None


@pytest.mark.parametrize(
    ("locator", "message"),
    [
        ("openai:", "expected openai:URL#MODEL"),
        ("openai:smollm2", "expected openai:URL#MODEL"),
        ("openai:ftp://host/v1#m", "expected openai:URL#MODEL"),
        ("openai:http://host/v1", "http://host/v1: it names no model"),
        ("openai:https://me:secret@host/v1#m", "a password"),
        ("openai:https://host/v1?key=secret#m", "a query"),
        ("openai:https://me:secret@host:secret/v1#m", "cannot be read"),
        ("openai:https://host/v1/chat/completions#m", "leave out what follows /v1"),
    ],
)
def test_a_locator_that_is_none_says_what_is_expected_and_never_a_password(locator: str, message: str) -> None:
    asset = Asset(id="model", kind="model", locator=locator)
    (problem,) = preflight_asset(asset, System(name="t", assets=(asset,)), NETWORK)
    with pytest.raises(LocatorError, match=message) as caught:
        open_model(locator, permissions=NETWORK)
    assert str(caught.value) in problem.text
    assert "secret" not in problem.text.replace("Invalid port: 'secret'", "")


def test_the_key_is_sent_and_neither_shown_nor_stored(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMONWEAL_API_KEY", "sk-secret\n")
    model = opened(service)
    model.generate(REQUESTS)
    assert set(service.keys) == {"Bearer sk-secret"}
    service.answer = lambda payload: (400, {"error": {"message": "bad request by sk-secret"}}, {})
    with pytest.raises(MeasurementError, match=r"status 400: bad request by \[key\]"):
        model.generate([GenerationRequest("new")])
    service.answer = lambda payload: (401, {"error": {"message": "wrong key sk-secret"}}, {})
    with pytest.raises(
        MeasurementError, match=r"did not accept the key.*check the key in COMMONWEAL_API_KEY"
    ) as caught:
        model.generate([GenerationRequest("new")])
    assert "sk-secret" not in repr(caught.value) + repr(vars(model)) + model.fingerprint
    assert not any(b"sk-secret" in file.read_bytes() for file in (tmp_path / "cache").iterdir())


def test_without_a_key_that_may_go_there_the_message_says_which_one_is_meant(service: Service) -> None:
    service.listing = (401, {"error": "no key"}, {})
    with pytest.raises(LocatorError, match="no key was sent; set COMMONWEAL_API_KEY"):
        opened(service)


# --- what goes wrong
# ----------------------------------------------------------------------------------------------------


def test_what_may_pass_is_tried_again(service: Service) -> None:
    service.answer = then((500, b"", {}), (503, b"overloaded", {}), written("yes"))
    assert opened(service).generate(REQUESTS[:1]) == ["yes"]
    service.answer = then((502, b"<html>bad gateway</html>", {}))
    with pytest.raises(MeasurementError, match=r"item 1.*status 502 \(<html>bad gateway</html>\), 3 times"):
        opened(service).generate(REQUESTS[1:2])
    assert len(service.asked) == 6


def test_retry_after_is_waited_for_by_every_request(service: Service) -> None:
    service.answer = then((429, b"slow down", {"Retry-After": "0.3"}), written("yes"))
    assert opened(service, concurrency=1).generate(REQUESTS[:3]) == ["yes"] * 3
    assert service.times[1] - service.times[0] >= 0.3
    service.answer = then((429, b"slow down", {"Retry-After": "7200"}))
    before = len(service.asked)
    with pytest.raises(MeasurementError, match=r"status 429.*asks to wait for 7200 s; run again after that"):
        opened(service).generate([GenerationRequest("new")])
    assert len(service.asked) == before + 1


def test_a_quota_that_is_used_up_is_not_asked_again(service: Service) -> None:
    service.answer = then((429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, {}))
    with pytest.raises(MeasurementError, match="status 429: You exceeded your quota"):
        opened(service).generate(REQUESTS[:1])
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("answered", "message"),
    [
        ((200, {"choices": [{"message": {"content": [{"type": "image"}]}}]}, {}), "no text in its answer"),
        ((200, {"choices": [{"message": {"content": "", "reasoning_content": "hm"}}]}, {}), "thinks before it answers"),
        ((200, b'"' + b"x" * 2_000_000 + b'"', {}), "longer than 1 MiB"),
        ((302, b"", {"Location": "http://example.invalid/"}), "redirects"),
        (
            (404, {"error": {"message": "The model does not exist"}}, {}),
            "no such model.*The model does not exist.*it lists: m",
        ),
        ((422, {"detail": "unexpected field"}, {}), "refused the request with status 422: unexpected field"),
    ],
)
def test_what_will_not_pass_is_an_error_with_its_place_and_is_not_tried_again(
    service: Service, answered: Answered, message: str
) -> None:
    service.answer = lambda payload: answered
    with pytest.raises(MeasurementError, match=message) as caught:
        opened(service).generate([GenerationRequest("a", labels={"item": "Age:7"})])
    assert service.url in str(caught.value)
    assert "item=Age:7" in str(caught.value)
    assert len(service.asked) == 1


NOTHING_READ = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
READ_ONLY = {"prompt_tokens": 50, "completion_tokens": 0, "total_tokens": 50}


def choice(content: Any, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish} | more


NO_ANSWERS: list[tuple[Any, str]] = [
    (b"<html>hello</html>", "not JSON.*hello"),
    (b"", "not JSON"),
    (b'{"choices": [', "not JSON"),
    (b'{"choices": [{"message": {"content": "\xff"}}]}', "not JSON.*not UTF-8"),
    (b'data: {"choices":[{"delta":{"content":"A"}}]}\n\ndata: [DONE]\n\n', "not JSON"),
    (b'{"choices": [{"message": {"content": "A", "content": "B"}}]}', "'content' is there twice"),
    (b"[" * 100_000, "not JSON"),
    (b"[1]", "JSON list"),
    (b'"A"', "JSON str"),
    ({"choices": []}, "no choice in its answer"),
    ({"choices": None}, "no choice in its answer"),
    ({"choices": ["A"]}, "no choice in its answer"),
    ({"choices": [choice("A", index=1)]}, "no choice in its answer"),
    ({"error": {"message": "upstream failed"}}, r"no choice in its answer \(upstream failed\)"),
    (
        {"choices": None, "error": {"message": "Provider returned error", "code": 429}},
        r"no choice.*Provider returned error",
    ),
    ({"choices": [choice("A")], "error": {"code": 502, "message": "half"}}, r"an error stands in its answer \(half\)"),
    ({"choices": [choice("A")], "error": "overloaded"}, r"an error stands in its answer \(overloaded\)"),
    ({"choices": [choice("A", error={"code": 502})]}, "an error stands in its answer"),
    ({"choices": [{}]}, "no text in its answer"),
    ({"choices": [{"message": "A"}]}, "no text in its answer"),
    ({"choices": [choice(7)]}, "no text in its answer"),
    ({"choices": [{"index": 0, "text": "A"}]}, "no text in its answer"),
    ({"choices": [{"index": 0, "delta": {"content": "A"}}]}, "no text in its answer"),
    ({"choices": [choice(None)]}, "no text in its answer"),
    ({"choices": [choice(None)], "usage": READ_ONLY}, "no text in its answer"),
    ({"choices": [choice(None)], "usage": NOTHING_READ}, "the model read nothing"),
    ({"choices": [choice("")], "usage": NOTHING_READ}, "the model read nothing"),
    ({"choices": [choice("", "error")]}, "broke off .finish_reason error"),
    ({"choices": [choice("The", "error")]}, "broke off .finish_reason error"),
    ({"choices": [choice("The", "abort")]}, "broke off .finish_reason abort"),
    ({"choices": [choice("A", {"type": 1})]}, "broke off"),
    ({"choices": [choice(None, "content_filter")]}, "a filter of the provider withheld the answer"),
    ({"choices": [choice("Half of", "content_filter")]}, "a filter of the provider withheld the answer"),
]


@pytest.mark.parametrize(("body", "message"), NO_ANSWERS)
def test_a_reply_that_is_no_answer_is_tried_again_and_never_kept(service: Service, body: Any, message: str) -> None:
    service.answer = lambda payload: (200, body, {})
    request = GenerationRequest("a", labels={"item": "Age:7"})
    with pytest.raises(MeasurementError, match=message) as caught:
        opened(service).generate([request])
    assert service.url in str(caught.value)
    assert "item=Age:7" in str(caught.value)
    assert "3 times" in str(caught.value)
    assert len(service.asked) == 3
    service.answer = then((200, body, {}), written("B"))
    assert opened(service).generate([request]) == ["B"]
    assert len(service.asked) == 5


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"choices": [choice("B")], "usage": None}, "B"),
        ({"choices": [choice("B")], "usage": NOTHING_READ}, "B"),  # some servers do not count
        ({"choices": [choice("B")], "error": None}, "B"),
        ({"choices": [choice("B", None)]}, "B"),
        ({"choices": [choice("B", "length")]}, "B"),
        ({"choices": [choice("C", index=1), choice("B")]}, "B"),
        ({"choices": [choice("insufficient_quota")]}, "insufficient_quota"),
        ({"choices": [choice("")], "usage": {"prompt_tokens": 50, "completion_tokens": 1, "total_tokens": 51}}, ""),
        ({"choices": [choice(None)], "usage": {"prompt_tokens": 50, "completion_tokens": 1, "total_tokens": 51}}, ""),
        (b'\xef\xbb\xbf{"choices": [{"message": {"content": "B"}}]}', "B"),
        (b'{"choices": [{"message": {"content": "B"}}], "usage": {"total_tokens": NaN}}', "B"),
        (b'{"choices": [{"message": {"content": "B"}}], "usage": {"total_tokens": ' + b"9" * 400 + b"}}", "B"),
        (b'{"choices": [{"message": {"content": "B \\ud83d\\ude00 \\ud800 \\u0000"}}]}', "B 😀 � \x00"),
    ],
)
def test_an_odd_reply_that_is_an_answer_is_one(service: Service, answer: Any, text: str) -> None:
    service.answer = lambda payload: (200, answer, {})
    for _ in range(2):  # the second time from the cache
        assert opened(service, most_tokens=10**6).generate([GenerationRequest("a")]) == [text]
    assert len(service.asked) == 1


def test_a_slow_server_is_named_with_the_time_it_had(service: Service) -> None:
    released = threading.Event()
    service.answer = lambda payload: written("late") if released.wait(WAIT_S) else written("never")
    with pytest.raises(MeasurementError, match=r"no answer within 0\.1 s \(COMMONWEAL_API_TIMEOUT_S\), 2 times"):
        opened(service, timeout_s=0.1, attempts=2, concurrency=2).generate(REQUESTS)
    released.set()
    assert len(service.asked) <= 6


def test_a_server_that_is_down_is_named(service: Service) -> None:
    model = opened(service)
    service.server.socket.close()
    with pytest.raises(
        LocatorError, match=r"http://127\.0\.0\.1:.*cannot be reached.*3 times\. Check that the server runs"
    ):
        opened(service)
    with pytest.raises(MeasurementError, match=r"cannot be reached.*3 times"):
        model.generate(REQUESTS)


# --- how fast, how much, and what is kept
# -------------------------------------------------------------------------------


def test_several_are_asked_at_once_and_never_more_than_allowed(service: Service) -> None:
    together = threading.Barrier(3)

    def answer(payload: dict[str, Any]) -> Answered:
        together.wait(WAIT_S)
        return written("yes")

    service.answer = answer
    opened(service, concurrency=3).generate(REQUESTS[:18])
    assert service.most_at_once == 3


def test_a_rate_limit_spaces_the_requests(service: Service) -> None:
    model = opened(service, requests_per_minute=1200)
    began = time.monotonic()  # the first may arrive late on a busy machine, the last never early
    model.generate(REQUESTS[:6])
    assert max(service.times) - began >= 5 * 0.05


def test_a_spent_budget_of_requests_says_so_and_the_next_run_goes_on(service: Service) -> None:
    for run in range(2):
        with pytest.raises(
            MeasurementError, match=r"budget of 8 requests is spent \(COMMONWEAL_API_MAX_REQUESTS\)"
        ) as caught:
            opened(service, most_requests=8).generate(REQUESTS)
        assert "What was answered until then is kept: run again to go on" in str(caught.value)
        assert len(service.asked) == 8 * (run + 1)
    assert opened(service, most_requests=8).generate(REQUESTS) == TEXTS
    assert len(service.asked) == 20


def test_a_budget_of_tokens_counts_what_the_server_says_was_used(service: Service) -> None:
    with pytest.raises(MeasurementError, match=r"budget of 100 tokens is spent \(COMMONWEAL_API_MAX_TOKENS\)"):
        opened(service, most_tokens=100, concurrency=1).generate(REQUESTS)
    assert len(service.asked) == 10  # 10 tokens each, where 9 were expected: before the 11th, 100 are used


def test_the_settings_come_from_the_environment(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMONWEAL_API_MAX_REQUESTS", "3")
    with pytest.raises(MeasurementError, match="budget of 3 requests"):
        open_model(service.locator, permissions=NETWORK).generate(REQUESTS)


def test_what_was_answered_before_a_failure_is_kept_and_a_run_goes_on(service: Service, tmp_path: Path) -> None:
    def answer(payload: dict[str, Any]) -> Answered:
        text = payload["messages"][0]["content"]
        return (400, b"broken", {}) if text == "text 90" and not mended else written("said " + text)

    mended: list[bool] = []
    service.answer = answer
    requests = [GenerationRequest(f"text {number}") for number in range(100)]

    def run() -> list[str]:
        with Journal(tmp_path / "journal") as journal:
            return RecordedModel(opened(service), journal, lambda done, total: None).generate(requests)

    with pytest.raises(MeasurementError, match=r"item 27 .*status 400: broken\. What was answered until then is kept"):
        run()
    answered = len(service.asked) - 1
    assert 90 <= answered < 100
    mended.append(True)
    assert run() == [f"said text {number}" for number in range(100)]
    assert len(service.asked) == 101
    assert len(run()) == len(service.asked) - 1


def test_a_torn_answer_is_asked_again(service: Service, tmp_path: Path) -> None:
    opened(service).generate(REQUESTS)
    with sqlite3.connect(tmp_path / "cache" / "answers.sqlite3") as file:
        rows = file.execute("SELECT key, value FROM answers ORDER BY key").fetchall()
        file.execute("UPDATE answers SET value = ? WHERE key = ?", (rows[0][1][:-6] + rows[0][1][-4:], rows[0][0]))
        file.execute("UPDATE answers SET value = ? WHERE key = ?", (rows[1][1], rows[2][0]))
        file.execute("UPDATE answers SET value = ? WHERE key = ?", (b"", rows[3][0]))
    file.close()
    assert opened(service).generate(REQUESTS) == TEXTS
    assert len(service.asked) == 23


def test_a_cache_that_cannot_be_written_loses_no_answer_and_says_what_a_failure_cost(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("COMMONWEAL_CACHE", str(tmp_path / "file"))
    assert opened(service).generate(REQUESTS) == TEXTS
    with pytest.raises(MeasurementError, match="What was answered until then could not be kept"):
        opened(service, most_requests=3).generate(REQUESTS)


def test_several_processes_may_ask_at_once(service: Service) -> None:
    program = (
        "import sys; from commonweal.models.opening import open_model; from commonweal.models.protocols import "
        "GenerationRequest\nfrom commonweal.system.permissions import Permissions\nmodel = open_model(sys.argv[1], "
        "permissions=Permissions(network=True))\ntexts = model.generate([GenerationRequest(f'text {number}', 8) for "
        "number in range(200)])\nassert texts == [f'said text {number}' for number in range(200)]\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, service.locator]) for _ in range(2)]
    assert [process.wait(WAIT_S) for process in running] == [0, 0]
    asked = len(service.asked)
    assert opened(service).generate(REQUESTS) == TEXTS
    assert len(service.asked) == asked


# --- measures
# -----------------------------------------------------------------------------------------------------------


def questions() -> list[Question]:
    """Made-up items in the style of BBQ."""
    options = ("The old man", "The boy", "Not known")
    return [
        Question(f"Age:{number}", f"An old man and a boy met {place}.\nWho forgot the key?\nAnswer:", options)
        for number, place in enumerate(("at the station", "in a shop", "on a bridge", "by the river"))
    ]


def chosen(model: LanguageModel) -> Sequence[int | None]:
    chooser = chooser_of(model)
    assert isinstance(chooser, WrittenChooser)
    answers = chooser.choose(questions())
    assert all(answer.text is not None for answer in answers)
    return [answer.option for answer in answers]


def test_a_choice_is_made_by_what_the_model_writes(service: Service) -> None:
    service.answer = lambda payload: written("B." if "shop" in payload["messages"][0]["content"] else " c) Not known")
    assert chosen(opened(service)) == [2, 1, 2, 2]
    assert "A. The old man\nB. The boy\nC. Not known" in service.asked[0]["messages"][0]["content"]


def test_a_thought_is_cut_off_and_one_that_an_earlier_version_kept_is_asked_again(service: Service) -> None:
    service.answer = lambda payload: written("<think>Perhaps A.</think>B")
    model = opened(service)
    first, other = GenerationRequest("one"), GenerationRequest("other")
    with AnswerCache() as cache:
        cache.keep(
            {
                answer_key(model.fingerprint, first): "<think>It is A",
                answer_key(model.fingerprint, other): "<think>A</think>C",
            }
        )
    assert model.generate([first, other]) == ["B", "C"]
    assert len(service.asked) == 1


def test_a_measure_that_needs_probabilities_leaves_a_row_with_the_reason(service: Service, tmp_path: Path) -> None:
    system = System(name="t", assets=(Asset(id="model", kind="model", locator=service.locator),))
    spec = load_registry().specs["inequity.occupation_association"]
    for permissions, status, reason in (
        (NETWORK, "not_applicable", "only writes text"),
        (Permissions(), "skipped", "--allow-network"),
    ):
        (task,) = tasks([spec], system, Opener(system, permissions, "cpu"))
        with Store(tmp_path / status) as store:
            (row,) = gather(task, Setting(store, system, "hash"))
        assert row.status == status
        assert reason in row.note


# --- a real server with the embedded model
# --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(smollm2: LocalModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with transformers_serve(smollm2.directory, tmp_path_factory.mktemp("serve")) as address:
        yield f"openai:{address}#smollm2"


@pytest.mark.slow
@pytest.mark.model
def test_a_real_server_continues_a_text_as_the_model_does_here(real: str, smollm2: LocalModel) -> None:
    model = open_endpoint(real, NETWORK, EndpointSettings(route="completions"))
    requests = [
        GenerationRequest(text, 12)
        for text in ("The capital of France is", "2 + 2 =", "Ünïcode, naïve: ", "Once upon a time")
    ]
    assert model.generate(requests) == smollm2.generate(requests)
    assert model.endpoint.budget.requests == len(requests)
    again = open_endpoint(real, NETWORK, EndpointSettings(route="completions"))
    assert again.generate(requests) == model.generate(requests)
    assert again.endpoint.budget.requests == 0


@pytest.mark.slow
@pytest.mark.model
def test_a_real_server_is_asked_to_choose(real: str) -> None:
    model = open_endpoint(real, NETWORK)
    first = chosen(model)
    assert any(option is not None for option in first)
    assert 0 < model.endpoint.budget.tokens < 1000
    assert chosen(model) == first
    assert model.endpoint.budget.requests == len(first)


@pytest.mark.slow
@pytest.mark.model
def test_a_real_server_says_that_it_has_no_such_model(real: str) -> None:
    model = open_endpoint(real.replace("#smollm2", "#absent"), NETWORK)
    with pytest.raises(MeasurementError, match=r"refused the request with status 400: Server is pinned to 'smollm2'"):
        model.generate(REQUESTS[:1])
