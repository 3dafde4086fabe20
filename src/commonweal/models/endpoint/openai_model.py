"""A model behind an OpenAI-compatible address, `openai:URL#MODEL`: it writes text and gives no log-probabilities.

Each answer goes into a cache of the user, `answers.sqlite3`, as it comes. So what was answered before a failure, a
spent budget or a kill is kept, and a second run asks nothing.

What this cannot know: which weights answer. The fingerprint covers the address, the model's name, the route and what
the server lists about the model (server_states.py: what counts as a change, and what as silence); a server can change
behind all of these, and answers that were kept do not show it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import httpx

from commonweal.errors import LocatorError, MeasurementError, NotApplicable, PermissionRequired
from commonweal.models.endpoint.answer_cache import AnswerCache, answer_key
from commonweal.models.endpoint.replies import answer_in, choice_in, fault_in, written_in
from commonweal.models.endpoint.server_states import Server
from commonweal.models.endpoint.session import Endpoint, Message, Reply, Session
from commonweal.models.endpoint.settings import EndpointSettings, key_for, settings_from
from commonweal.models.engine.encoding import named
from commonweal.models.exchange.address import SCHEME, shown_url
from commonweal.models.exchange.wire_json import NotJSON
from commonweal.models.protocols import Continuation, GenerationRequest, Score
from commonweal.models.thoughts import ONLY_A_THOUGHT, content_text, thinks_in, without_thoughts
from commonweal.system.permissions import Permissions

EXPECTED = "expected openai:URL#MODEL, such as openai:http://127.0.0.1:8000/v1#smollm2"
ROUTES = {"chat": "/chat/completions", "completions": "/completions"}
# What servers list about a model that stays as it is while the model does. Not `created`: some write the time of
# asking.
STEADY = ("id", "owned_by", "root", "parent", "max_model_len", "meta", "version")
CHARACTERS_PER_TOKEN = 4
MOST_TOKENS = 10**9  # of one answer; a server that counts more has not counted
ATTEMPTS_TO_LIST = 3
CANNOT_LIST = (500, 501, 502, 503, 504)  # a gateway may fail to list and yet pass questions on
NAMES_SHOWN = 5
ENDINGS = ("stop", "length")
REPLIES = "2"  # raise it when a reply that was kept as an answer before would be none now, or mean something else


@dataclass(frozen=True, slots=True)
class ModelListing:
    """What the server lists: the names of its models, and what it says of this one (nothing, where it does not
    list).
    """

    names: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def open_endpoint(locator: str, permissions: Permissions, settings: EndpointSettings | None = None) -> OpenAIModel:
    """The model at `locator`, whose server is asked what it lists about it.

    Raises
    ------
    LocatorError, PermissionRequired, OptionError : each says how to mend it.
    """
    check_endpoint(locator, permissions)
    url, name = endpoint_parts(locator)
    endpoint = Endpoint(url, settings or settings_from(), key_for(url))
    try:
        return OpenAIModel(endpoint, name, listed(endpoint, name))
    except MeasurementError as error:
        raise LocatorError(f"{error}. Check that the server runs, then run again") from error


def check_endpoint(locator: str, permissions: Permissions) -> None:
    """Raise where the locator or the environment makes no sense, or nobody allowed the network. Nothing is called."""
    url, _ = endpoint_parts(locator)
    settings_from()
    key_for(url)
    if not permissions.network:
        raise PermissionRequired(
            f"{SCHEME}{shown_url(url)}: it calls an address on the network. If you agree, allow it with: "
            "--allow-network",
            "--allow-network",
        )


def endpoint_parts(locator: str) -> tuple[str, str]:
    """Address and name of the model; LocatorError, which never shows a password, where the locator is not one.

    >>> endpoint_parts("openai:http://127.0.0.1:8000/v1#smollm2")
    ('http://127.0.0.1:8000/v1', 'smollm2')
    """
    url, _, name = locator.removeprefix(SCHEME).partition("#")
    try:
        shown = SCHEME + shown_url(url)
    except LocatorError as error:
        raise LocatorError(f"{SCHEME} {error}; {EXPECTED}") from None
    address = httpx.URL(url)
    if address.userinfo or address.query:
        raise LocatorError(
            f"{shown}: the address holds a user name, a password or a query, which would be stored with the results; "
            f"{EXPECTED}, and the key in the environment variable COMMONWEAL_API_KEY"
        )
    if address.path.rstrip("/").endswith("/completions"):
        raise LocatorError(f"{shown}: leave out what follows /v1; {EXPECTED}")
    if not name.strip():
        raise LocatorError(f"{shown}: it names no model; {EXPECTED}")
    return url.rstrip("/"), name


def listed(endpoint: Endpoint, name: str) -> ModelListing:
    """What GET /models tells. Many servers do not offer it, or not to every key; that is no fault."""
    where = f"{SCHEME}{endpoint.address}#{name}"
    with Session(endpoint, min(ATTEMPTS_TO_LIST, endpoint.settings.attempts)) as session:
        reply = session.ask(Message("GET", "/models", None, where, final=CANNOT_LIST))
    if reply.status == 401:
        _refuse(endpoint, where, reply, ModelListing())
    try:
        entries = [
            entry for entry in endpoint.read(reply.body)["data"] if reply.status == 200 and isinstance(entry["id"], str)
        ]
    except (NotJSON, KeyError, TypeError):
        return ModelListing()
    own: dict[str, Any] = next((entry for entry in entries if entry["id"] == name), {})
    facts = {fact: own[fact] for fact in STEADY if own.get(fact) is not None}
    return ModelListing(tuple(entry["id"] for entry in entries), facts)


class OpenAIModel:
    """Asks an OpenAI-compatible endpoint, a few requests at a time."""

    device = "remote"
    gives_logprobs = False

    def __init__(
        self, endpoint: Endpoint, name: str, listing: ModelListing | None = None, cache: Path | None = None
    ) -> None:
        self.endpoint, self.name = endpoint, name
        self.listing = listing or ModelListing()
        self.locator = f"{SCHEME}{endpoint.address}#{name}"
        identity = {"url": endpoint.address, "model": name, "route": endpoint.settings.route, "replies": REPLIES}
        self._server = Server(identity, self.listing.facts, cache)
        self.fingerprint, self.told = self._server.fingerprint, self._server.told
        self._names: set[str] = set()
        self._cache = cache
        self._limit = "max_tokens"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of its answers must know about the server: that it changed, or that this could not be seen."""
        return self._server.remarks

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        """Raises NotApplicable: the interface of OpenAI does not give the log-probability of a text that was not
        drawn.
        """
        raise NotApplicable(
            f"{self.locator} only writes text: an OpenAI-compatible endpoint does not give the log-probability of a "
            "given text, which this needs. A local model does (a folder, a .gguf file or hf:ORG/NAME); measures in "
            "which a model chooses an answer work with an endpoint too, by what it writes"
        )

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """The text that follows each context, in the order of the requests; what was asked before is read back."""
        keys = [answer_key(self.fingerprint, request) for request in requests]
        with AnswerCache(self._cache) as cache:
            known = cache.known(list(dict.fromkeys(keys)))
            # Kept by an earlier version, which took thoughts for answers: what is only a thought is asked again.
            texts = {key: spoken for key, text in known.items() if (spoken := without_thoughts(text)) is not None}
            first: dict[bytes, int] = {}
            for index, key in enumerate(keys):
                if key not in texts:
                    first.setdefault(key, index)

            def keep(answered: Mapping[bytes, str]) -> None:
                texts.update(answered)
                cache.keep(answered)

            try:
                self._answer({key: (requests[index], index) for key, index in first.items()}, keep)
            except MeasurementError as error:
                kept = f"could not be kept ({cache.lost})" if cache.lost else "is kept: run again to go on"
                raise MeasurementError(f"{error}. What was answered until then {kept}") from error
            finally:
                self._server.answered_as(list(self._names))
        return [texts[key] for key in keys]

    def _answer(
        self, missing: Mapping[bytes, tuple[GenerationRequest, int]], keep: Callable[[Mapping[bytes, str]], None]
    ) -> None:
        """Ask, several at once; each answer is kept as it comes. After a failure nothing more is asked."""
        if not missing:
            return
        with Session(self.endpoint) as session:
            pool = ThreadPoolExecutor(max_workers=self.endpoint.settings.concurrency)
            futures = {pool.submit(self._ask, session, *request): key for key, request in missing.items()}
            try:
                for future in as_completed(list(futures)):
                    keep({futures.pop(future): future.result()})
            finally:  # what is under way may be paid for: it is waited for and kept
                session.stop()
                pool.shutdown(cancel_futures=True)
                keep({key: future.result() for future, key in futures.items() if _answered(future)})

    def _ask(self, session: Session, request: GenerationRequest, index: int) -> str:
        where = f"{self.locator}, {named(request, index)}"
        tokens = len(request.context) // CHARACTERS_PER_TOKEN + request.max_tokens
        path, payload = ROUTES[self.endpoint.settings.route], self._payload(request)
        message = Message("POST", path, payload, where, tokens, fault=partial(fault_in, endpoint=self.endpoint))
        reply = session.ask(message)
        if reply.status == 400 and "max_tokens" in payload and b"max_completion_tokens" in reply.body:
            self._limit = "max_completion_tokens"  # the newer name of the same thing, which some models insist on
            self.endpoint.budget.correct(-tokens)
            reply = session.ask(replace(message, payload=self._payload(request)))
        if reply.status != 200:
            _refuse(self.endpoint, where, reply, self.listing)
        answer = answer_in(reply, self.endpoint, where)
        if isinstance(answer.get("model"), str):
            self._names.add(answer["model"])
        used = _field(answer, "usage", "total_tokens")
        if isinstance(used, int) and 0 < used <= MOST_TOKENS:
            self.endpoint.budget.correct(used - tokens)
        return self._text(answer, where, reply)

    def _payload(self, request: GenerationRequest) -> dict[str, Any]:
        chat = self.endpoint.settings.route == "chat"
        asked = {"messages": [{"role": "user", "content": request.context}]} if chat else {"prompt": request.context}
        drawn = {"seed": request.seed} if request.temperature > 0.0 else {}
        return {
            "model": self.name,
            **asked,
            self._limit: request.max_tokens,
            "temperature": request.temperature,
            **drawn,
        }

    def _text(self, answer: Mapping[str, Any], where: str, reply: Reply) -> str:
        """What the model wrote.

        A refusal is an answer; an empty text is one too, unless thinking used up its tokens.
        """
        choice = choice_in(answer) or {}
        said = written_in(choice, self.endpoint.settings.route)
        text = content_text(said.get("content")) if self.endpoint.settings.route == "chat" else said.get("text")
        text = said.get("refusal") if text is None else text
        spoken = without_thoughts(text) if isinstance(text, str) else text
        thought = (
            thinks_in(said) or bool(text) or _field(answer, "usage", "completion_tokens_details", "reasoning_tokens")
        )
        if not spoken and thought:
            raise MeasurementError(f"{where}: {ONLY_A_THOUGHT}. Serve it without thinking")
        text = spoken
        if text is None and choice.get("finish_reason") in ENDINGS:
            return ""
        if not isinstance(text, str):
            raise MeasurementError(f"{where}: no text in its answer ({self.endpoint.said(reply.body)})")
        return text


def _answered(future: Future[str]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _field(answer: object, *names: str) -> object:
    for name in names:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def _refuse(endpoint: Endpoint, where: str, reply: Reply, listing: ModelListing) -> NoReturn:
    """Raise the MeasurementError that says why the server refused, as far as its status tells."""
    status, said = reply.status, endpoint.said(reply.body)
    if status == 401:
        mend = (
            "check the key in COMMONWEAL_API_KEY or OPENAI_API_KEY"
            if endpoint.has_key
            else "no key was sent; set COMMONWEAL_API_KEY (OPENAI_API_KEY goes only to OpenAI, OPENAI_BASE_URL and "
            "this machine)"
        )
        raise MeasurementError(f"{where}: it did not accept the key (status 401): {mend}")
    if status == 404:
        names = ", ".join(listing.names[:NAMES_SHOWN]) + (", …" if len(listing.names) > NAMES_SHOWN else "")
        known = f"it lists: {names}" if names else EXPECTED
        raise MeasurementError(f"{where}: there is no such model or address (status 404: {said}); {known}")
    if 300 <= status < 400:
        raise MeasurementError(
            f"{where}: it redirects (status {status}), which is not followed; give the final address"
        )
    raise MeasurementError(f"{where}: it refused the request with status {status}: {said}")
