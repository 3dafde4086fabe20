from __future__ import annotations

import contextlib
import json
import math
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from commonweal.errors import ApplicationError, LocatorError, PermissionRequired
from commonweal.models.applications.answers import decision_of
from commonweal.models.applications.http_application import HTTPApplication
from commonweal.models.applications.opening import open_application, serving_model
from commonweal.models.applications.prompt_application import PromptApplication
from commonweal.models.engine.local import LocalModel
from commonweal.models.protocols import Altered, Case, Continuation, Decision, DecisionApplication
from commonweal.system.decisions import DecisionRule, Outcome, Prompt
from commonweal.system.permissions import Permissions
from commonweal.system.records import Asset, Dependency, System
from tests.polling import WAIT_S

MODEL = Asset(id="smollm2", kind="model", locator="embedded:smollm2")
YES_NO = {"invite": " yes", "reject": " no"}
INVITE = Outcome(favourable="invite")
SystemOf = Callable[..., System]


def prompted(template: str = "{resume}\nInvite? Answer:", **more: Any) -> Asset:
    prompt = Prompt(template=template, options=more.pop("options", YES_NO), favourable="invite", **more)
    return Asset(id="screener", kind="application", prompt=prompt)


# --- prompt -----------------------------------------------------------------------------------------------------------


@pytest.mark.model
def test_a_prompt_scores_the_log_odds_of_the_favourable_option(smollm2: LocalModel, system_of: SystemOf) -> None:
    options = {"invite": " yes", "reject": " no", "wait": " maybe later"}
    asset = prompted(options=options)
    application = open_application(asset, system_of(MODEL, asset), device="cpu")
    assert isinstance(application, DecisionApplication)
    assert isinstance(application, PromptApplication)
    assert (application.score_unit, application.threshold, application.top_share) == ("nat", 0.0, None)
    text = "Ana has {ten} years of {resume} work."
    (decision,) = application.decide([Case(text)])
    filled = f"{text}\nInvite? Answer:"
    yes, no, later = (score.logprob for score in smollm2.score([Continuation(filled, end) for end in options.values()]))
    assert decision.score == pytest.approx(yes - math.log(math.exp(no) + math.exp(later)), abs=1e-4)
    assert decision.favourable == (decision.score > 0)
    assert decision.option in options
    assert (decision.option == "invite") == decision.favourable


@pytest.mark.model
def test_the_rule_decides_and_the_option_agrees_with_it(smollm2: LocalModel) -> None:
    def decide(**rule: float) -> Decision:
        prompt = prompted(decide=DecisionRule(**rule)).prompt
        assert prompt is not None
        return PromptApplication("screener", prompt, smollm2).decide([Case("Ana, nurse")])[0]

    assert decide(threshold=-50.0).favourable is True
    assert decide(threshold=-50.0).option == "invite"
    assert decide(threshold=50.0).option == "reject"
    assert decide(top_share=0.3).favourable is None


@pytest.mark.model
def test_the_fingerprint_covers_prompt_rule_and_model(smollm2: LocalModel) -> None:
    assets = [prompted(), prompted("{resume}\nHire? Answer:"), prompted(decide=DecisionRule(threshold=0.5))]
    prints = {PromptApplication("screener", asset.prompt, smollm2).fingerprint for asset in assets if asset.prompt}
    assert len(prints) == 3


@pytest.mark.parametrize("template", ["no slot", "{a} {b}", "{a} {a}", "{a} {", "{} {a}", "{a b}"])
def test_a_template_has_exactly_one_slot_and_no_other_braces(template: str, system_of: SystemOf) -> None:
    asset = prompted()
    assert asset.prompt is not None
    asset = asset.model_copy(update={"prompt": asset.prompt.model_copy(update={"template": template})})
    with pytest.raises(LocatorError, match=r"asset 'screener'.*exactly one slot"):
        open_application(asset, system_of(MODEL, asset))


def test_the_serving_model_is_found_through_the_dependencies(system_of: SystemOf) -> None:
    asset = prompted()
    fork = asset.model_copy(update={"id": "fork"})
    system = system_of(MODEL, asset)
    assert serving_model(asset, system) == MODEL
    adapted = Dependency(upstream="screener", downstream="fork", relation="adapted_from")
    forked = system.model_copy(update={"assets": (MODEL, asset, fork), "dependencies": (*system.dependencies, adapted)})
    assert serving_model(fork, forked) == MODEL
    with pytest.raises(LocatorError, match=r"no model serves it.*relation: serves"):
        serving_model(asset, System(name="t", assets=(asset,)))
    second = MODEL.model_copy(update={"id": "other"})
    edges = tuple(Dependency(upstream=name, downstream="screener", relation="serves") for name in ("smollm2", "other"))
    with pytest.raises(LocatorError, match="several models serve it"):
        serving_model(asset, System(name="t", assets=(MODEL, second, asset), dependencies=edges))


def test_a_model_without_locator_is_not_replaced_by_its_base(system_of: SystemOf) -> None:
    asset = prompted()
    bare = Asset(id="tuned", kind="model")
    with pytest.raises(LocatorError, match="'tuned': it has no `locator`"):
        open_application(asset, system_of(bare, asset))


# --- Python function --------------------------------------------------------------------------------------------------


def python_application(folder: Path, body: str, outcome: Outcome = INVITE) -> DecisionApplication:
    (folder / "screener.py").write_text("import math\n\ndef decide(texts):\n    " + body + "\n")
    asset = Asset(id="app", kind="application", locator="python:screener:decide", outcome=outcome)
    return open_application(
        asset, System(name="t", assets=(asset,), folder=str(folder)), permissions=Permissions(code=True)
    )


CASES = [Case("a nurse"), Case("a cook")]
THRESHOLD = Outcome(favourable="invite", decide=DecisionRule(threshold=0.5))
TOP_SHARE = Outcome(favourable="invite", decide=DecisionRule(top_share=0.5))


@pytest.mark.parametrize(
    ("body", "outcome", "expected"),
    [
        ("return ['nurse' in t for t in texts]", INVITE, [Decision("invite", True, None), Decision(None, False, None)]),
        ("return ['invite', 'wait']", INVITE, [Decision("invite", True, None), Decision("wait", False, None)]),
        ("return [0.7, 0]", THRESHOLD, [Decision("invite", True, 0.7), Decision(None, False, 0.0)]),
        ("return [0.7, 0.5]", TOP_SHARE, [Decision(None, None, 0.7), Decision(None, None, 0.5)]),
        (
            "import numpy; return numpy.array([0.7, 0.25])",
            THRESHOLD,
            [Decision("invite", True, 0.7), Decision(None, False, 0.25)],
        ),
        (
            "import numpy; return list(numpy.array([True, False]))",
            INVITE,
            [Decision("invite", True, None), Decision(None, False, None)],
        ),
        (
            "return [{'decision': 'invite', 'score': 0.9}, {'decision': 'reject', 'score': 0.1}]",
            THRESHOLD,
            [Decision("invite", True, 0.9), Decision("reject", False, 0.1)],
        ),
    ],
)
def test_a_function_may_answer_by_truth_option_score_or_fields(
    tmp_path: Path, body: str, outcome: Outcome, expected: list[Decision]
) -> None:
    assert python_application(tmp_path, body, outcome).decide(CASES) == expected


@pytest.mark.parametrize(
    ("body", "outcome", "message"),
    [
        ("return ['invite']", INVITE, "got 1 answers to 2 texts"),
        ("return 'invite'", INVITE, "got str; expected a list of 2"),
        ("return [None, None]", INVITE, "got NoneType None"),
        ("return ['invite', 'Invite ']", INVITE, "item 2: .*write both the same way"),
        ("return ['', 'invite']", INVITE, "item 1: the decision is str ''"),
        ("return [0.5, 0.6]", INVITE, "a score only"),
        ("return [math.nan, 0.6]", THRESHOLD, "expected a finite number"),
        ("return [True, False]", TOP_SHARE, "needs a score"),
        ("return [{'label': 1}, {}]", INVITE, "the fields label"),
        ("return [{'decision': 3}, {}]", INVITE, "the decision is int 3"),
        ("return [{'decision': 'reject', 'score': 0.9}] * 2", THRESHOLD, "says favourable"),
        ("raise KeyError('salary')", INVITE, "raised KeyError: 'salary'"),
        ("raise SystemExit", INVITE, "raised SystemExit"),
    ],
)
def test_an_answer_that_cannot_be_read_is_never_unfavourable(
    tmp_path: Path, body: str, outcome: Outcome, message: str
) -> None:
    with pytest.raises(ApplicationError, match=message):
        python_application(tmp_path, body, outcome).decide(CASES)


def test_code_runs_only_where_it_was_allowed(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'trace')!r}, 'w').close()\ndef decide(texts): return []\n")
    asset = Asset(id="app", kind="application", locator="python:evil:decide", outcome=INVITE)
    system = System(name="t", assets=(asset,), folder=str(tmp_path))
    with pytest.raises(PermissionRequired, match="--allow-code"):
        open_application(asset, system, permissions=Permissions(network=True, download=True))
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("source", "locator", "message"),
    [
        ("import not_installed_anywhere", "python:app_x:decide", "ModuleNotFoundError"),
        ("def decide(", "python:app_x:decide", "SyntaxError"),
        ("1/0", "python:app_x:decide", "ZeroDivisionError"),
        ("def judge(texts): return texts", "python:app_x:decide", "no function 'decide'; it has: judge"),
        ("", "python:absent_module:decide", "there is no module 'absent_module'"),
        ("", "python:app_x", "expected python:module:function"),
    ],
)
def test_a_function_that_cannot_be_loaded_says_why(tmp_path: Path, source: str, locator: str, message: str) -> None:
    (tmp_path / "app_x.py").write_text(source)
    asset = Asset(id="app", kind="application", locator=locator, outcome=INVITE)
    with pytest.raises(LocatorError, match=message):
        open_application(
            asset, System(name="t", assets=(asset,), folder=str(tmp_path)), permissions=Permissions(code=True)
        )


def test_two_systems_may_each_have_a_module_of_the_same_name_and_neighbours(tmp_path: Path) -> None:
    applications = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"rule_of_{name}.py").write_text(f"ANSWER = {name!r}\n")
        applications.append(
            python_application(tmp_path / name, f"from rule_of_{name} import ANSWER; return [ANSWER] * len(texts)")
        )
    assert [application.decide([Case("x")])[0].option for application in applications] == ["one", "two"]
    assert applications[0].fingerprint != applications[1].fingerprint


# --- HTTP -------------------------------------------------------------------------------------------------------------


class Service:
    """A real server on loopback: `answer(text)` gives (status, body); it counts what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[str], tuple[int, bytes]] = lambda text: (200, json.dumps({"decision": text}).encode())
        self.asked: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.asked.append(body["input"])
                status, content = service.answer(body["input"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                if status == 302:
                    self.send_header("Location", "http://example.invalid/")
                with contextlib.suppress(ConnectionError):  # the client may have hung up
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/decide"


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    service.server.shutdown()
    service.server.server_close()
    thread.join()


def test_an_endpoint_answers_in_the_order_of_the_cases(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    asset = Asset(id="app", kind="application", locator=service.url, outcome=INVITE)
    system = System(name="t", assets=(asset,))
    with pytest.raises(PermissionRequired, match="--allow-network"):
        open_application(asset, system, permissions=Permissions(code=True))
    application = open_application(asset, system, permissions=Permissions(network=True))
    texts = [f"option {index}" for index in range(30)] + ["invite"]
    decisions = application.decide([Case(text) for text in texts])
    assert [decision.option for decision in decisions] == texts
    assert [decision.favourable for decision in decisions] == [False] * 30 + [True]
    assert (application.runs_here, application.score_unit) == (False, None)


def test_an_endpoint_that_gives_scores_is_ruled_by_the_threshold(service: Service) -> None:
    service.answer = lambda text: (200, json.dumps({"score": float(text)}).encode())
    application = HTTPApplication("app", service.url, THRESHOLD)
    assert application.decide([Case("0.4"), Case("0.6")]) == [Decision(None, False, 0.4), Decision("invite", True, 0.6)]


def test_a_server_error_is_tried_again_twice(service: Service) -> None:
    service.answer = lambda text: (200, b'{"decision": "invite"}') if len(service.asked) > 2 else (503, b"")
    assert HTTPApplication("app", service.url, INVITE, backoff_s=0.0).decide([Case("x")])[0].favourable
    service.answer = lambda text: (500, b"")
    with pytest.raises(ApplicationError, match="status 500, 3 times"):
        HTTPApplication("app", service.url, INVITE, backoff_s=0.0).decide([Case("x")])
    assert len(service.asked) == 6


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (200, b"<html>", "not JSON"),
        (200, b"[1]", "a JSON list"),
        (200, b'{"label": "invite"}', "the fields label"),
        (200, b'{"score": NaN, "decision": "invite"}', "finite number"),
        (200, b'{"score": "high"}', "finite number"),
        (200, b'"' + b"x" * 2_000_000 + b'"', "longer than 1 MiB"),
        (302, b"", "redirects"),
        (404, b"", "status 404"),
    ],
)
def test_a_nonsense_answer_is_an_error_with_what_was_expected(
    service: Service, status: int, body: bytes, message: str
) -> None:
    service.answer = lambda text: (status, body)
    with pytest.raises(ApplicationError, match=message):
        HTTPApplication("app", service.url, INVITE).decide([Case("x")])
    assert len(service.asked) == 1


def test_a_slow_endpoint_is_named_with_the_time_it_had(service: Service) -> None:
    released = threading.Event()
    service.answer = lambda text: (200, b"") if released.wait(WAIT_S) else (500, b"")
    outcome = Outcome(favourable="invite", timeout_s=0.2)
    with pytest.raises(ApplicationError, match=r"no answer within 0\.2 s"):
        HTTPApplication("app", service.url, outcome).decide([Case("x")] * 40)
    released.set()
    assert len(service.asked) < 40


def test_an_endpoint_that_is_down_is_named_without_its_password(service: Service) -> None:
    service.server.socket.close()
    url = service.url.replace("http://", "http://me:secret@")
    with pytest.raises(ApplicationError, match="cannot be reached") as caught:
        HTTPApplication("app", url, INVITE, backoff_s=0.0).decide([Case("x")])
    assert "secret" not in str(caught.value)


@pytest.mark.model
def test_a_case_longer_than_the_window_is_refused_rather_than_losing_its_name(
    smollm2: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smollm2, "window", 64)
    prompt = Prompt(template="{text} Answer:", options={"yes": " yes", "no": " no"}, favourable="yes")
    application = PromptApplication("screener", prompt, smollm2)
    with pytest.raises(ApplicationError, match="1 of 2 cases are longer than the model's window"):
        application.decide([Case("Name: Ann. " + "word " * 100), Case("Name: Ann.")])


@pytest.mark.model
def test_options_that_merge_with_the_template_are_counted_for_who_reads_the_decisions(smollm2: LocalModel) -> None:
    parted = Prompt(template="{text} Answer:", options={"yes": " yes", "no": " no"}, favourable="yes")
    merging = Prompt(template="{text} Answer: ye", options={"yes": "s", "no": " no"}, favourable="yes")
    for prompt, merged in ((parted, 0), (merging, 2)):
        application = PromptApplication("screener", prompt, smollm2)
        before = application.altered
        application.decide([Case("Name: Ann."), Case("Name: Bob.")])
        assert application.altered - before == Altered(merged=merged)


def test_an_answer_outside_the_declared_options_is_unread_and_not_unfavourable() -> None:
    outcome = Outcome(favourable="invite", options=("invite", "reject"))
    assert decision_of("reject", outcome, where="item 1") == Decision("reject", False, None)
    assert decision_of("invited", outcome, where="item 1") == Decision("invited", None, None)
