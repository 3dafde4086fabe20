"""Labels of groups that may not mean what they are counted as: several spellings of one group, and words for "not known".

Nothing is merged and nothing is left out here: whether 'Women' and 'women' are one group, and whether NA is Namibia or no
answer, is for whoever made the table to say. An empty cell alone is "not known"; every other label is a group, as declared.

What this module does not do: it finds no misspelling, no synonym and no translation, and knows few words for "not known".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

SHOWN = 6
LIKE_NOT_KNOWN = frozenset((
    "na", "nan", "null", "nil", "unknown", "unk", "notknown", "missing", "unspecified", "notspecified", "notstated", "notgiven",
    "undisclosed", "notdisclosed", "noanswer", "noresponse", "refused", "declined", "declinedtosay", "declinetosay", "declinedtoanswer",
    "declinetoanswer", "prefernottosay", "prefernottoanswer", "prefernottodisclose", "rathernotsay", "notreported", "notrecorded",
    "unbekannt", "keineangabe", "inconnu", "nonrenseigné", "desconocido", "desconhecido", "sconosciuto", "неизвестно", "未知", "不明",
))  # fmt: skip


def label_notes(attribute: str, rows: Mapping[str, int]) -> list[str]:
    """What a reader must know of the labels of an attribute, with how to mend it; `rows`: label -> rows. Empty: nothing.

    >>> label_notes("group_gender", {"women": 30, "men": 30, "": 4})
    []
    >>> label_notes("group_gender", {"women": 30, "Women": 1})[0]
    "group_gender: 'women' (30 rows) and 'Women' (1 row) differ only by case, spaces or Unicode form and are groups of their own; if they \
are one group, give them one spelling"
    """
    spellings: dict[str, list[str]] = {}
    for label in filter(None, rows):
        spellings.setdefault(spelling(label), []).append(label)
    notes = [
        f"{attribute}: {_listed(alike, rows)} differ only by case, spaces or Unicode form and are groups of their own; if they are one "
        "group, give them one spelling"
        for alike in spellings.values()
        if len(alike) > 1
    ]
    unsaid = [label for label in rows if label and reads_like_not_known(label)]
    if unsaid:
        notes.append(
            f"{attribute}: {sum(rows[label] for label in unsaid):,} of {sum(rows.values()):,} rows have a label that reads like not known "
            f"and is kept as a group, as declared: {_listed(unsaid, rows)}; if it means that the group is not known, empty these cells"
        )
    return notes


def spelling(label: str) -> str:
    """A label without case, spaces, marks that cannot be seen, and with one Unicode form.

    >>> spelling("Wo men"), spelling("Zoe\u0308") == spelling("zo\u00eb"), spelling("women\u200b")
    ('women', True, 'women')
    """
    seen = "".join(one for one in unicodedata.normalize("NFKC", label) if not one.isspace() and unicodedata.category(one) != "Cf")
    return unicodedata.normalize("NFKC", seen.casefold())


def reads_like_not_known(label: str) -> bool:
    """Whether a label reads as if nobody knew the group; "none" does not, since it is an answer.

    >>> [reads_like_not_known(one) for one in ("N/A", "?", "Prefer not to say", "none", "women")]
    [True, True, True, False, False]
    """
    letters = "".join(one for one in spelling(label) if one.isalnum())
    return not letters or letters in LIKE_NOT_KNOWN


def _listed(labels: Iterable[str], rows: Mapping[str, int]) -> str:
    told = [f"'{label}' ({rows[label]:,} row{'' if rows[label] == 1 else 's'})" for label in labels]
    if len(told) > SHOWN:
        told = [*told[: SHOWN - 1], f"{len(told) - SHOWN + 1} more"]
    return f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]
