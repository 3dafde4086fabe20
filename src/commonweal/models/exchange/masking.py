"""Secrets that were sent, taken out of what comes back: a server may echo them, whole, cut or turned round.

What comes back is kept: answers in the cache and in `items/`, errors in the evidence, facts in the dossier. So it is
masked where it enters. Found are the secret as it is, backwards, percent-encoded and in base64 (also inside a longer
text that was encoded), and of each of these every piece of 8 characters or more.

What this module cannot do: it does not find fewer than 8 characters in a row, nor a secret that was encrypted or spread
out. In an answer, what could as well be a word stays: a secret shorter than 8 characters (`EMPTY`, `none`), and a piece
of up to 12 small letters (`required`, of `sk-no-key-required`). In messages they are masked.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from commonweal.files.foreign_text import each_text, whole

MASK = "[key]"
PIECE = 8
LONGEST_WORD = 12  # small letters in a row that may be a word of an answer, and not a piece of a secret
SECRET_NAME = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$")
PLACE = re.compile(r"[/~.]|[A-Za-z]:\\|[a-z]+://")


class Secrets:
    """Texts that nobody else may see, and how to take them out of a text. `only_told`: looked for in messages only."""

    def __init__(self, texts: Iterable[str | None], only_told: Iterable[str] = ()) -> None:
        known = {text for text in texts if text}
        self._short = {text for text in known if len(text) < PIECE}
        self._pieces = _pieces(known - self._short)
        self._told = self._pieces | _pieces(only_told)

    def masked(self, text: str) -> str:
        """The text with every piece of a secret as `[key]`; but a piece that is a plain word stays, since it may be
        one.

        >>> key = Secrets(["sk-no-key-required-9876"])
        >>> key.masked("with sk-no-key-requ or 6789-deriuqer-yek-on, a text is required")
        'with [key] or [key], a text is required'
        """
        return _masked(text, self._pieces, LONGEST_WORD)

    def in_message(self, text: str) -> str:
        """The same for what is no answer: plain words and short secrets too.

        >>> Secrets(["none"]).in_message("bad key 'none'"), Secrets(["none"]).masked("none")
        ("bad key '[key]'", 'none')
        """
        text = _masked(text, self._told, 0)
        for secret in sorted(self._short, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
        return text

    def clean(self, value: Any) -> Any:
        """A value of JSON from outside with every text in it valid and masked; ValueError as in `each_text`."""
        return each_text(value, lambda text: self.masked(whole(text)))


def _masked(text: str, pieces: frozenset[str], longest_word: int) -> str:
    if not any(piece in text for piece in pieces):
        return text
    parts, end, at = [], 0, 0
    while at <= len(text) - PIECE:
        start = at
        while text[at : at + PIECE] in pieces:
            at += 1
        if at == start:
            at += 1
            continue
        at += PIECE - 1
        found = text[start:at]
        if len(found) > longest_word or not (found.isalpha() and found.islower()):
            parts += [text[end:start], MASK]
            end = at
    return "".join([*parts, text[end:]])


def _pieces(secrets: Iterable[str]) -> frozenset[str]:
    """Every piece of `PIECE` characters of every form of the secrets."""
    forms = [form for text in secrets for form in _forms(text)]
    return frozenset(form[at : at + PIECE] for form in forms for at in range(len(form) - PIECE + 1))


def _forms(text: str) -> Iterable[str]:
    """How a secret may be written: it, percent-encoded, in base64 wherever in a longer text it stood; each also
    backwards.
    """
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
