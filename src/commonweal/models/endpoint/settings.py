"""How an endpoint may be used, and with which key: from environment variables, never from a system file.

The key goes only where its owner meant it. `COMMONWEAL_API_KEY` was set for this purpose and goes to the address that
the locator names. `OPENAI_API_KEY` is in many environments for other reasons, and a system file may be a stranger's: it
goes only to OpenAI, to the host in `OPENAI_BASE_URL`, and to this machine.
"""

from __future__ import annotations

import ipaddress
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import httpx

from commonweal.errors import OptionError

PREFIX = "COMMONWEAL_API_"
OPENAI = "api.openai.com"
MOST_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """`route`: "chat" (the context is one message of a user) or "completions" (the context is continued as it is).

    `timeout_s`: the longest wait for one answer. `backoff_s`: the wait before the second attempt, then doubled.
    `requests_per_minute`, `most_requests`, `most_tokens`: None, no limit.
    """

    route: Literal["chat", "completions"] = "chat"
    concurrency: int = 4
    timeout_s: float = 60.0
    attempts: int = 6
    backoff_s: float = 0.5
    requests_per_minute: float | None = None
    most_requests: int | None = None
    most_tokens: int | None = None


def settings_from(environment: Mapping[str, str] = os.environ) -> EndpointSettings:
    """The settings that the environment names, else the usual ones; OptionError names a variable that makes no sense.

    >>> settings_from({"COMMONWEAL_API_CONCURRENCY": "8"}).concurrency
    8
    """
    usual = EndpointSettings()
    route = environment.get(PREFIX + "ROUTE") or usual.route
    if route not in ("chat", "completions"):
        raise OptionError(f"{PREFIX}ROUTE is '{route}'; expected chat or completions")
    concurrency = _whole(environment, "CONCURRENCY") or usual.concurrency
    if concurrency > MOST_AT_ONCE:
        raise OptionError(f"{PREFIX}CONCURRENCY is {concurrency}; expected 1 to {MOST_AT_ONCE}")
    return EndpointSettings(
        route="chat" if route == "chat" else "completions",
        concurrency=concurrency,
        timeout_s=_number(environment, "TIMEOUT_S") or usual.timeout_s,
        requests_per_minute=_number(environment, "REQUESTS_PER_MINUTE"),
        most_requests=_whole(environment, "MAX_REQUESTS"),
        most_tokens=_whole(environment, "MAX_TOKENS"),
    )


def _number(environment: Mapping[str, str], name: str) -> float | None:
    text = environment.get(PREFIX + name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise OptionError(f"{PREFIX}{name} is '{text}'; expected a number above 0")
    return value


def _whole(environment: Mapping[str, str], name: str) -> int | None:
    value = _number(environment, name)
    if value is not None and value != int(value):
        raise OptionError(f"{PREFIX}{name} is '{environment[PREFIX + name]}'; expected a whole number above 0")
    return None if value is None else int(value)


def key_for(url: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The key to send to this address; None: none. See the module's docstring.

    >>> key_for("https://api.openai.com/v1", {"OPENAI_API_KEY": "k"})
    'k'
    >>> key_for("https://example.org/v1", {"OPENAI_API_KEY": "k"}) is None
    True
    """
    name = PREFIX + "KEY" if environment.get(PREFIX + "KEY") else "OPENAI_API_KEY"
    key = environment.get(name, "").strip()
    if not key or (name == "OPENAI_API_KEY" and not _openai_key_may_go_to(httpx.URL(url), environment)):
        return None
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise OptionError(f"{name} holds a space or another character that no key has; set it again")
    return key


def _openai_key_may_go_to(address: httpx.URL, environment: Mapping[str, str]) -> bool:
    if is_this_machine(address.host) or (address.host == OPENAI and address.scheme == "https"):
        return True
    try:
        chosen = httpx.URL(environment.get("OPENAI_BASE_URL", ""))
    except httpx.InvalidURL:
        return False
    return bool(chosen.host) and (chosen.scheme, chosen.host, chosen.port) == (
        address.scheme,
        address.host,
        address.port,
    )


def is_this_machine(host: str) -> bool:
    """Whether a host can only be the machine that we are on.

    >>> is_this_machine("127.0.0.1"), is_this_machine("localhost"), is_this_machine("127.example.org")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
