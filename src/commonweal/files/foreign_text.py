"""Text that strangers wrote (a server, a model, an application, a file): made valid where it enters, visible where it
is shown.

Half of a surrogate pair is no character, and no file in UTF-8 can hold it. JSON and YAML can spell one all the same
(`"\\ud800"`), and so can Python. `whole` is the one answer to it: two halves that belong together become their
character, a half that stands alone becomes U+FFFD, as the Unicode standard has it (section 3.9, "U+FFFD Substitution of
Maximal Subparts").

What this module does not do: it takes out no control character. They are data; `visible` writes them out where a person
reads them, so that no text moves a terminal's cursor, renames its window or turns a line round.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable
from typing import Any

HALF_A_CHARACTER = "half a character (an unpaired surrogate); expected text; write the character itself"
LONGEST_RAISED = 500
SPELLED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
HALF = re.compile("[\ud800-\udfff]")
# C0 (but tab and newline), DEL, C1; marks of no width and of direction (UAX 9); separators of lines; what is no
# character.
HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def whole(text: str) -> str:
    """Valid Unicode: the two halves of a pair become their character, a half that stands alone U+FFFD.

    >>> whole("A \\ud83d\\ude00 B \\ud83d C")
    'A 😀 B � C'
    """
    if not HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def each_text(value: Any, changed: Callable[[str], str] = whole) -> Any:
    """A value of JSON with every text in it changed, names included; ValueError where two names of one object become
    the same.

    >>> each_text({"a\\ud800": ["b\\ud800", 1, None]})
    {'a�': ['b�', 1, None]}
    """
    if isinstance(value, str):
        return changed(value)
    if isinstance(value, list):
        return [each_text(one, changed) for one in value]
    if isinstance(value, dict):
        texts = {changed(str(name)): each_text(one, changed) for name, one in value.items()}
        if len(texts) != len(value):
            raise ValueError("two names in one object differ only in what is no character")
        return texts
    return value


def has_half(text: str) -> bool:
    """Whether half of a pair stands alone in it, so that `whole` puts something else in its place.

    >>> has_half("\\ud83d\\ude00"), has_half("\\ud83d")
    (False, True)
    """
    return HALF.search(text) is not None and HALF.search(joined(text)) is not None


def joined(text: str) -> str:
    """The text with the two halves of each pair as their character; a half that stands alone stays."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def visible(text: str) -> str:
    """Text in which nothing hides: control and direction marks are written out.

    >>> visible("a\\u202eb")
    'a⟨U+202E⟩b'
    >>> visible("plain, مرحبا, 👩🏽‍💼")
    'plain, مرحبا, 👩🏽‍💼'
    """
    return HIDDEN.sub(lambda mark: f"⟨U+{ord(mark.group()):04X}⟩", text)


def unbroken(text: str) -> str:
    """Visible text without a line break or tab, so that a name in it cannot begin a line of its own.

    >>> unbroken("women\\nfinding: none")
    'women⟨U+000A⟩finding: none'
    """
    return visible(text).replace("\n", "⟨U+000A⟩").replace("\t", "⟨U+0009⟩")


def one_line(text: str, longest: int) -> str:
    """Text for a message: valid, on one line, not longer than this.

    >>> one_line("a\\n  b \\ud800 c", 7)
    'a b � c'
    >>> one_line("a long text", 7)
    'a long…'
    """
    line = " ".join(whole(text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def raised(error: BaseException) -> str:
    """The text of an exception that a stranger's code raised, on one line; its own code writes it, and may fail at
    that.

    >>> raised(ValueError("no\\nmodel \\ud800"))
    'no model �'
    """
    said = "".join(traceback.format_exception_only(error)).partition(":")[2]
    return one_line(said, LONGEST_RAISED)


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON in which nothing hides: letters of all scripts as they are, control and direction marks as escapes.

    >>> json_text({"a": "é\\x9b\\u202e"})
    '{"a": "é\\\\u009b\\\\u202e"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return HIDDEN.sub(lambda mark: f"\\u{ord(mark.group()):04x}", text)
