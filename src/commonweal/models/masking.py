"""Secrets that were sent, taken out of what comes back: a server may echo them, whole, cut or turned round.

What comes back is kept: answers in the cache and in `items/`, errors in the evidence, facts in the dossier. So it is masked
where it enters. Found are the secret as it is, backwards, percent-encoded and in base64 (also inside a longer text that was
encoded), and of each of these every piece of 8 characters or more.

What this module cannot do: it does not find fewer than 8 characters in a row, nor a secret that was encrypted or spread out.
A secret shorter than 8 characters is masked in messages only: in an answer it could as well be a word (`EMPTY`, `none`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from commonweal.foreign_text import each_text, whole

MASK = "[key]"
PIECE = 8
SECRET_NAME = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$")
PLACE = re.compile(r"[/~.]|[A-Za-z]:\\|[a-z]+://")


class Secrets:
    """Texts that nobody else may see, and how to take them out of a text."""

    def __init__(self, texts: Iterable[str | None]) -> None:
        known = {text for text in texts if text}
        self._short = {text for text in known if len(text) < PIECE}
        forms = [form for text in known - self._short for form in _forms(text)]
        self._pieces = frozenset(form[at : at + PIECE] for form in forms for at in range(len(form) - PIECE + 1))

    def masked(self, text: str) -> str:
        """The text with every piece of a secret as `[key]`.

        >>> Secrets(["sk-0123456789"]).masked("a key sk-01234567 and 9876543210-ks.")
        'a key [key] and [key].'
        """
        if not any(piece in text for piece in self._pieces):
            return text
        parts, end, at = [], 0, 0
        while at <= len(text) - PIECE:
            if text[at : at + PIECE] not in self._pieces:
                at += 1
                continue
            parts.append(text[end:at])
            while text[at : at + PIECE] in self._pieces:
                at += 1
            at += PIECE - 1
            end = at
            parts.append(MASK)
        return "".join([*parts, text[end:]])

    def in_message(self, text: str) -> str:
        """The same for what is no answer: short secrets too.

        >>> Secrets(["none"]).in_message("bad key 'none'"), Secrets(["none"]).masked("none")
        ("bad key '[key]'", 'none')
        """
        text = self.masked(text)
        for secret in sorted(self._short, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
        return text

    def clean(self, value: Any) -> Any:
        """A value of JSON from outside with every text in it valid and masked; ValueError as in `each_text`."""
        return each_text(value, lambda text: self.masked(whole(text)))


def _forms(text: str) -> Iterable[str]:
    """How a secret may be written: it, percent-encoded, in base64 wherever in a longer text it stood; each also backwards."""
    raw = text.encode("utf-8", "surrogatepass")
    forms = {text, quote(text, safe="", errors="replace")}
    forms |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        # Letters at either end also hold bits of what stands beside the secret.
        inner = encoded[4 if before else 0 : len(encoded) - 4 if (before + len(raw)) % 3 else None]
        forms |= {inner, inner.translate(str.maketrans("+/", "-_"))}
    return forms | {form[::-1] for form in forms}


def secrets_in(environment: Mapping[str, str]) -> list[str]:
    """What an environment holds under a name that says it is secret, but for addresses and places of files.

    >>> secrets_in({"HF_TOKEN": "hf_012345678", "SSH_KEY": "~/.ssh/id", "KEYBOARD": "de-latin1", "A_KEY": "short"})
    ['hf_012345678']
    """
    return [
        value
        for name, value in environment.items()
        if SECRET_NAME.search(name.upper()) and len(value) >= PIECE and not PLACE.match(value)
    ]
