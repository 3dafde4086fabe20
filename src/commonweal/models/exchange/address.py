"""Addresses of models and applications as they may be shown and kept: without user name, password and query.

What calls them imports httpx, which takes 0.1 s, and is itself imported only where an address is named.
"""

from __future__ import annotations

from commonweal.errors import LocatorError
from commonweal.system.records import System

SCHEME = "openai:"  # of the locator of a model behind an address


def shown_url(url: str) -> str:
    """The address without user name, password and query, fit for a message or a dossier.

    >>> shown_url("https://me:secret@example.org:8443/decide?key=1")
    'https://example.org:8443/decide'
    """
    import httpx  # noqa: PLC0415 - takes 0.1 s, which few systems need

    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise LocatorError(f"the address cannot be read ({error}); expected http://HOST:PORT/PATH") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise LocatorError(f"the address '{address.scheme}:' has no host; expected http://HOST:PORT/PATH")
    port = f":{address.port}" if address.port else ""
    return f"{address.scheme}://{address.host}{port}{address.path}"


def fit_to_keep(system: System) -> System:
    """The system as a dossier may hold it: addresses without user name, password and query."""
    assets = tuple(
        one.model_copy(update={"locator": _kept(one.locator)}) if one.locator else one for one in system.assets
    )
    return system.model_copy(update={"assets": assets})


def _kept(locator: str) -> str:
    if not locator.startswith(("http://", "https://")):
        return locator
    try:
        return shown_url(locator)
    except LocatorError:  # of something that nobody opens
        return f"{locator.partition(':')[0]}: an address that cannot be read"
