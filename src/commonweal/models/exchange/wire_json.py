"""JSON that came over the network: read strictly, and every text in it valid and without secrets before anybody sees
it.
"""

from __future__ import annotations

from typing import Any

from commonweal.errors import CommonwealError
from commonweal.files.text import json_as_written
from commonweal.models.exchange.masking import Secrets


class NotJSON(CommonwealError):
    """What came is not JSON in UTF-8, or says a thing twice; the message says which."""


def json_in(body: bytes, secrets: Secrets) -> Any:
    """The value in a body; NotJSON where it is none, or one object has a name twice, so that nobody knows what was
    meant.

    >>> json_in(b'{"a": 1}', Secrets([]))
    {'a': 1}
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotJSON(f"byte {error.start} is not UTF-8") from error
    try:
        return secrets.clean(json_as_written(text, "the answer", fault=NotJSON))
    except (ValueError, RecursionError) as error:
        raise NotJSON(str(error)) from error
