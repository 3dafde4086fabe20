"""An application at an HTTP address: POST {"input": text}, answer {"decision": "invite"}, {"score": 0.3} or both.

Only the declared address is called: no redirect is followed, no proxy of the environment is used. A connection that
fails, an answer of 5xx and an answer that reports an error are tried again twice; an answer that comes too late is not.
One deadline holds for all of one exchange, from the name of the host to the end of the body.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from commonweal.errors import ApplicationError
from commonweal.files.foreign_text import one_line
from commonweal.models.applications.answers import decision_of, reported_error
from commonweal.models.exchange.address import shown_url
from commonweal.models.exchange.deadline import deadline_client
from commonweal.models.exchange.masking import Secrets, secrets_in
from commonweal.models.exchange.wire_json import NotJSON, json_in
from commonweal.models.file_hashes import fingerprint_of
from commonweal.models.protocols import Case, Decision
from commonweal.system.decisions import Outcome

CONNECTIONS = 4
RETRIES = 2
LONGEST_ANSWER = 1 << 20
SHOWN = 60
EXPECTED = 'expected {"decision": …} or {"score": …}'


def secrets_of(url: str) -> Secrets:
    """What an address holds that `shown_url` leaves out, as it is sent too; and what the environment calls secret."""
    address = httpx.URL(url)
    sent = f"{address.username}:{address.password}" if address.userinfo else None
    return Secrets(
        [sent, address.password, *(value for _, value in address.params.multi_items()), *secrets_in(os.environ)]
    )


class HTTPApplication:
    """Asks an HTTP endpoint, a few texts at a time. `backoff_s`: the wait before the first retry [s], then doubled."""

    device = "remote"
    runs_here = False

    def __init__(self, name: str, url: str, outcome: Outcome, *, backoff_s: float = 0.25) -> None:
        self.name = name
        self.url = url
        self.address = shown_url(url)
        self.secrets = secrets_of(url)
        self.outcome = outcome
        self.backoff_s = backoff_s
        self.favourable = outcome.favourable
        self.options = outcome.options
        self.top_share = outcome.decide.top_share if outcome.decide else None
        self.threshold = outcome.decide.threshold if outcome.decide else None
        self.score_unit: str | None = "score" if outcome.decide else None
        self.fingerprint = fingerprint_of({"url": url, "outcome": outcome.model_dump(mode="json")})

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        with deadline_client(self.outcome.timeout_s, CONNECTIONS) as client:
            pool = ThreadPoolExecutor(max_workers=CONNECTIONS)
            try:
                waiting = [pool.submit(self._ask, client, case.text, index) for index, case in enumerate(cases)]
                decisions = [future.result() for future in waiting]
            finally:  # after a failure, what has not begun is not asked
                pool.shutdown(cancel_futures=True)
        if decisions and all(decision.score is not None for decision in decisions):
            self.score_unit = "score"
        return decisions

    def _ask(self, client: httpx.Client, text: str, index: int) -> Decision:
        where = f"{self.address}, item {index + 1}"
        problem = ""
        for attempt in range(RETRIES + 1):
            if attempt:
                time.sleep(self.backoff_s * 2 ** (attempt - 1))
            try:
                status, body = self._post(client, text)
            except httpx.TimeoutException as error:
                raise self._slow(where) from error
            except (httpx.TransportError, httpx.DecodingError) as error:
                told = one_line(self.secrets.in_message(str(error)), SHOWN)
                problem = f"it cannot be reached ({told or type(error).__name__})"
                continue
            if status < 500:
                answer = self._read(status, body, where)
                problem = reported_error(answer)
                if not problem:
                    return decision_of(answer, self.outcome, where=where)
            else:
                problem = f"it answered with status {status}"
        raise ApplicationError(
            f"{where}: {problem}, {RETRIES + 1} times. Check that the application runs, then run again"
        )

    def _post(self, client: httpx.Client, text: str) -> tuple[int, bytes]:
        """One request, up to 1 MiB of its answer; the client holds its deadline."""
        body = bytearray()
        with client.stream("POST", self.url, json={"input": text}) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LONGEST_ANSWER:
                    break
            return response.status_code, bytes(body)

    def _slow(self, where: str) -> ApplicationError:
        return ApplicationError(
            f"{where}: no answer within {self.outcome.timeout_s:g} s. Allow more time with outcome: {{timeout_s: …}}, "
            "up to 3600"
        )

    def _read(self, status: int, body: bytes, where: str) -> dict[str, Any]:
        if 300 <= status < 400:
            raise ApplicationError(
                f"{where}: it redirects (status {status}), which is not followed; declare the final address"
            )
        if status >= 400:
            raise ApplicationError(
                f'{where}: it refused the request with status {status}; expected 200 to POST {{"input": text}}'
            )
        if len(body) > LONGEST_ANSWER:
            raise ApplicationError(f"{where}: the answer is longer than 1 MiB; expected a short JSON object")
        try:
            answer = json_in(body, self.secrets)
        except NotJSON as error:
            start = one_line(self.secrets.in_message(body[: SHOWN * 4].decode("utf-8", errors="replace")), SHOWN)
            raise ApplicationError(f"{where}: the answer is not JSON but {start!r} ({error}); {EXPECTED}") from error
        if not isinstance(answer, dict):
            raise ApplicationError(f"{where}: the answer is a JSON {type(answer).__name__}; {EXPECTED}")
        return answer
