"""What a cell of a stranger's table says: nothing, a name, or a number; and when two cells say the same.

- `None`, `nan`, NA, null and their like are what programs write where there is nothing. They are never the name of
  anything.
- Two texts are one where they are certainly so: one Unicode form, spaces that cannot be told apart, marks that cannot
  be seen, one plain number (1 and 1.0). Case is not certain (a code may use it), nor is a space that is there or not.

What this module does not do: it knows no synonym, no misspelling and no language; and no number in words.

Source
------
The words: pandas `read_csv` (its list of NA values), R's NA, SQL's null, Python's None; Unicode Standard Annex 15
(NFKC).
"""

from __future__ import annotations

import re
import unicodedata

NOTHING = frozenset(
    ("", "none", "nan", "na", "n/a", "n.a.", "null", "nil", "nat", "<na>", "#n/a", "#na", "-", "--", "\u2013", "\u2014")
)
NUMBER = re.compile(r"([+-]?)(\d+)(?:\.(\d*))?", re.ASCII)
AS_IT_IS = re.compile(r"(?![+-]|0\d|\d+\.)[!-~]+", re.ASCII)  # most cells: nothing in them has a second spelling


def names_nothing(text: str) -> bool:
    """Whether a cell that should hold a name holds a word for "there is none", in any case.

    >>> [names_nothing(one) for one in ("None", " nan ", "N/A", "<NA>", "\u00a0", "run-1", "Nan Goldin", "0")]
    [True, True, True, True, True, False, False, False]
    """
    return unicodedata.normalize("NFKC", text).strip().casefold() in NOTHING


def name_in(text: str | None) -> str | None:
    """The name in a cell, without spaces around it; None where it names nothing.

    >>> name_in(" run-1 "), name_in("None"), name_in(None)
    ('run-1', None, None)
    """
    return None if text is None or names_nothing(text) else text.strip()


def one_spelling(text: str) -> str:
    """The one spelling of all texts that are certainly the same.

    >>> one_spelling("1.0") == one_spelling("1") == one_spelling("01") == one_spelling("\uff11")
    True
    >>> one_spelling("Zoe\u0308") == one_spelling("Zo\u00eb")
    True
    >>> one_spelling(" non\u00a0 binary\u200b"), one_spelling("Women")
    ('non binary', 'Women')
    """
    if AS_IT_IS.fullmatch(text):
        return text
    seen = "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) != "Cf")
    words = unicodedata.normalize("NFKC", " ".join(seen.split()))
    found = NUMBER.fullmatch(words)
    if found is None:
        return words
    sign, whole, part = found[1], found[2].lstrip("0") or "0", (found[3] or "").rstrip("0")
    number = f"{whole}.{part}" if part else whole
    return f"-{number}" if sign == "-" and number != "0" else number
