"""Requests to an OpenAI-compatible address: paced, tried again, within a budget; and the key, which is only ever sent.

Only the declared address is called: no redirect is followed, no proxy of the environment is used. What may pass (no
connection, no answer in time, status 408, 409, 429 and 5xx, and what a message says is no answer) is tried again after
a wait that doubles, with jitter, and never before the time that the server names (Retry-After). One deadline holds for
all of one attempt, from the name of the host to the end of the body; the waits between attempts are not in it. What is
read from an answer is for openai_model.py to say.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self

import httpx

from commonweal.errors import MeasurementError
from commonweal.files.foreign_text import one_line
from commonweal.models.endpoint.settings import EndpointSettings
from commonweal.models.exchange.address import shown_url
from commonweal.models.exchange.deadline import deadline_client
from commonweal.models.exchange.masking import Secrets, secrets_in
from commonweal.models.exchange.wire_json import NotJSON, json_in

PASSING = (408, 409, 429)  # and every 5xx
LONGEST_ANSWER = 1 << 20
LONGEST_BACKOFF_S = 30.0
LONGEST_RETRY_AFTER_S = 600.0
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said in the end: a status that will not pass, and the first MiB of its body."""

    status: int
    body: bytes


def nothing_wrong(reply: Reply) -> str:
    """What is wrong with a reply of which nothing is expected."""
    return ""


@dataclass(frozen=True, slots=True)
class Message:
    """One request: `where` names it in an error, `tokens` is what it may cost by our estimate (None: it is free).

    `final`: statuses of 5xx that are an answer too, where they come every time. `fault`: what is wrong with a reply of
    status 200 that may pass ("": nothing), so that it is tried again like a 5xx.
    """

    method: str
    path: str
    payload: Mapping[str, Any] | None
    where: str
    tokens: int | None = None
    final: tuple[int, ...] = ()
    fault: Callable[[Reply], str] = nothing_wrong


class Pace:
    """Turns at the endpoint: evenly spaced where there is a rate, and none before a time that the server named."""

    def __init__(self, requests_per_minute: float | None) -> None:
        self._gap_s = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def turn(self) -> float:
        """Take the next turn: how long it is until then [s]."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self._gap_s
            return at - now

    def hold(self, seconds: float) -> None:
        """No new turn before this time has passed, for any request."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


class Budget:
    """What a run may ask of the endpoint. A request counts when it is sent, one that is sent again counts again."""

    def __init__(self, most_requests: int | None, most_tokens: int | None) -> None:
        self.most_requests, self.most_tokens = most_requests, most_tokens
        self.requests = self.tokens = 0
        self._lock = threading.Lock()

    def take(self, tokens: int) -> None:
        """Count a request of about so many tokens; MeasurementError where it would exceed the budget."""
        with self._lock:
            if self.most_requests is not None and self.requests >= self.most_requests:
                raise MeasurementError(
                    f"the budget of {self.most_requests} requests is spent (COMMONWEAL_API_MAX_REQUESTS)"
                )
            if self.most_tokens is not None and self.tokens + tokens > self.most_tokens:
                raise MeasurementError(
                    f"the budget of {self.most_tokens} tokens is spent (COMMONWEAL_API_MAX_TOKENS): {self.tokens} "
                    f"were used or are on their way, and this request may take {tokens}"
                )
            self.requests += 1
            self.tokens += tokens

    def correct(self, tokens: int) -> None:
        """Put right what was only estimated."""
        with self._lock:
            self.tokens += tokens


class Endpoint:
    """An address with its pace and budget, which last as long as the model is open. The key is never shown."""

    def __init__(self, url: str, settings: EndpointSettings, key: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.address = shown_url(self.url)
        self.settings = settings
        self.pace = Pace(settings.requests_per_minute)
        self.budget = Budget(settings.most_requests, settings.most_tokens)
        self.secrets = Secrets([key], only_told=secrets_in(os.environ))
        self._key = key

    @property
    def has_key(self) -> bool:
        return self._key is not None

    def client(self) -> httpx.Client:
        """Connections to it, to be closed by the caller."""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return deadline_client(self.settings.timeout_s, self.settings.concurrency, headers)

    def read(self, body: bytes) -> Any:
        """The JSON of a body, every text in it valid and without secrets; NotJSON says what it is where it is none."""
        return json_in(body, self.secrets)

    def said(self, body: bytes) -> str:
        """What the server wrote about an error, in one short line, without secrets."""
        text = body.decode("utf-8", errors="replace")
        try:
            told = self.read(body)
            error = told.get("error") or told.get("detail") or told.get("message") or text
            text = error.get("message") or text if isinstance(error, dict) else error
        except (NotJSON, AttributeError):
            pass
        return one_line(self.secrets.in_message(str(text)), SHOWN) or "nothing more"


class Session:
    """Requests that belong together. `stop` ends their waits, so that a failure is not followed by more requests."""

    def __init__(self, endpoint: Endpoint, attempts: int | None = None) -> None:
        self.endpoint = endpoint
        self.attempts = attempts or endpoint.settings.attempts
        self._client = endpoint.client()
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def stop(self) -> None:
        self._stopped.set()

    def ask(self, message: Message) -> Reply:
        """Send it until there is an answer that will not pass; MeasurementError where none comes."""
        reply, problem = None, ""
        for attempt in range(self.attempts):
            self._wait(self._backoff_s(attempt))
            self._wait(self.endpoint.pace.turn())
            self._spend(message)
            reply, problem = self._tried(message)
            if reply is not None and not problem:
                return reply
            self.endpoint.budget.correct(-(message.tokens or 0))
        if reply is not None and reply.status in message.final:
            return reply
        raise MeasurementError(f"{message.where}: {problem}, {self.attempts} times")

    def _spend(self, message: Message) -> None:
        try:
            if message.tokens is not None:
                self.endpoint.budget.take(message.tokens)
        except MeasurementError as error:
            raise MeasurementError(f"{message.where}: {error}") from None

    def _tried(self, message: Message) -> tuple[Reply | None, str]:
        """The reply, where one came, and what is wrong with it or without it that may pass."""
        try:
            status, headers, body = self._exchange(message)
        except httpx.TimeoutException:
            return None, f"no answer within {self.endpoint.settings.timeout_s:g} s (COMMONWEAL_API_TIMEOUT_S)"
        except (httpx.TransportError, httpx.DecodingError) as error:
            told = one_line(self.endpoint.secrets.in_message(str(error)), SHOWN)
            return None, f"it cannot be reached ({told or type(error).__name__})"
        if status == 200:
            return Reply(status, body), message.fault(Reply(status, body))
        if (status < 500 and status not in PASSING) or b"insufficient_quota" in body:
            return Reply(status, body), ""
        pause_s = retry_after_s(headers.get("retry-after", ""))
        problem = f"it answered with status {status} ({self.endpoint.said(body)})"
        if pause_s > LONGEST_RETRY_AFTER_S:
            raise MeasurementError(
                f"{message.where}: {problem} and asks to wait for {pause_s:.0f} s; run again after that"
            )
        self.endpoint.pace.hold(pause_s)
        return Reply(status, body), problem

    def _exchange(self, message: Message) -> tuple[int, httpx.Headers, bytes]:
        """One request, up to 1 MiB of its answer; the client holds its deadline."""
        content = (
            None if message.payload is None else json.dumps(message.payload)
        )  # ASCII: half a surrogate pair passes too
        headers = {} if content is None else {"Content-Type": "application/json"}
        body = bytearray()
        with self._client.stream(
            message.method, self.endpoint.url + message.path, content=content, headers=headers
        ) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LONGEST_ANSWER:
                    break
            return response.status_code, response.headers, bytes(body)

    def _backoff_s(self, attempt: int) -> float:
        if attempt == 0:
            return 0.0
        longest = min(self.endpoint.settings.backoff_s * 2.0 ** (attempt - 1), LONGEST_BACKOFF_S)
        return longest * random.uniform(0.5, 1.0)  # needs no seed: no answer depends on it

    def _wait(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise MeasurementError("not asked, since another request failed")


def retry_after_s(value: str, now: datetime | None = None) -> float:
    """How long a server asks to wait [s]: it names seconds or a date; 0 where it says nothing that can be read.

    >>> retry_after_s("2.5"), retry_after_s("soon"), retry_after_s("-3")
    (2.5, 0.0, 0.0)
    >>> retry_after_s("Wed, 21 Oct 2026 07:28:00 GMT", datetime(2026, 10, 21, 7, 27, 30, tzinfo=UTC))
    30.0
    """
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return 0.0
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (date - (now or datetime.now(UTC))).total_seconds()
    return max(float(seconds), 0.0)
