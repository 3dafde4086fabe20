"""Labels of groups: which cells name one, which spell the same one, and what a reader must be told of them.

- A cell with a word for "there is none" (empty, nan, NA, null, Python's None) names no group: the row is not known in
  this attribute. Where the other labels are codes of two letters, NA is one too (Namibia). `none` is an answer, and
  stays a group.
- Labels that are certainly the same (1 and 1.0; one Unicode form; spaces that cannot be told apart) are one group.
- Whether 'Women' and 'women' are one, or 'prefer not to say' means not known, is for whoever made the table to say:
  they stay groups.

All of it is told. What this module does not do: it finds no misspelling, no synonym and no translation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from commonweal.files.cell_text import NUMBER, names_nothing, one_spelling

SHOWN = 6
LIKE_NOT_KNOWN = frozenset(
    (
        "na",
        "nan",
        "null",
        "nil",
        "unknown",
        "unk",
        "notknown",
        "missing",
        "unspecified",
        "notspecified",
        "notstated",
        "notgiven",
        "undisclosed",
        "notdisclosed",
        "noanswer",
        "noresponse",
        "refused",
        "declined",
        "declinedtosay",
        "declinetosay",
        "declinedtoanswer",
        "declinetoanswer",
        "prefernottosay",
        "prefernottoanswer",
        "prefernottodisclose",
        "rathernotsay",
        "notreported",
        "notrecorded",
        "unbekannt",
        "keineangabe",
        "inconnu",
        "nonrenseigné",
        "desconocido",
        "desconhecido",
        "sconosciuto",
        "неизвестно",
        "未知",
        "不明",
    )
)


CODE = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Labels:
    """What each label that is written counts as, "" for a group that is not known; and what a reader must know, with
    how to mend it.
    """

    counted_as: Mapping[str, str]
    notes: tuple[str, ...]


def read_labels(attribute: str, rows: Mapping[str, int]) -> Labels:
    """The labels of an attribute; `rows`: label as written -> rows.

    >>> read_labels("group_code", {"0": 30, "1": 20, "1.0": 30, "nan": 2}).counted_as
    {'0': '0', '1': '1', '1.0': '1', 'nan': ''}
    >>> read_labels("group_gender", {"women": 30, "men": 30, "": 4}).notes
    ()
    """
    codes = _are_codes(rows)
    nothing = [label for label in rows if _names_no_group(label) and not (codes and label.strip() == "NA")]
    spellings: dict[str, list[str]] = {}
    for label in rows:
        if label not in nothing:
            spellings.setdefault(one_spelling(label), []).append(label)
    names = {key: _name_of(key, labels, rows) for key, labels in spellings.items()}
    counted_as = {label: "" if label in nothing else names[one_spelling(label)] for label in rows}
    counts: dict[str, int] = {}
    for label, count in rows.items():
        counts[counted_as[label]] = counts.get(counted_as[label], 0) + count
    notes = [
        *_nothing_notes(attribute, [label for label in nothing if label.strip()], rows, codes="NA" in rows and codes),
        *(
            _merged_note(attribute, key, labels, rows)
            for key, labels in spellings.items()
            if len({one.strip() for one in labels}) > 1
        ),
        *_label_notes(attribute, counts),
    ]
    return Labels(counted_as, tuple(notes))


def _merged_note(attribute: str, key: str, labels: Sequence[str], rows: Mapping[str, int]) -> str:
    why = "are one number" if NUMBER.fullmatch(key) else "differ only by Unicode form or by spaces that look alike"
    return f"{attribute}: {_listed(labels, rows)} {why} and count as one group"


def _names_no_group(label: str) -> bool:
    """`none` in small letters is an answer, such as no religion; None is what Python writes where there is nothing.

    >>> [_names_no_group(one) for one in ("none", "None", "NaN", "")]
    [False, True, True, True]
    """
    return names_nothing(label) and (label.strip() == "None" or label.strip().casefold() != "none")


def _are_codes(rows: Mapping[str, int]) -> bool:
    others = [label.strip() for label in rows if not names_nothing(label)]
    return len(others) > 1 and all(CODE.fullmatch(label) for label in others)


def _name_of(key: str, labels: Sequence[str], rows: Mapping[str, int]) -> str:
    """The label as it is written; of several a number's plain form, else the one that most rows have."""
    if len(labels) > 1 and NUMBER.fullmatch(key):
        return key
    return min(labels, key=lambda label: (-rows[label], label)).strip()


def _nothing_notes(attribute: str, nothing: Sequence[str], rows: Mapping[str, int], *, codes: bool) -> Iterator[str]:
    if nothing:
        yield (
            f"{attribute}: {_listed(nothing, rows)} count as not known, since such words name no group; if one does, "
            "write its name in full"
        )
    if codes:
        yield (
            f"{attribute}: {_listed(['NA'], rows)} counts as a group, since the other labels are codes of two letters "
            "(NA is Namibia); if it means that the group is not known, empty these cells"
        )


def _label_notes(attribute: str, rows: Mapping[str, int]) -> list[str]:
    """Labels that may be one group, or none, and stay groups of their own.

    >>> _label_notes("group_gender", {"women": 30, "Women": 1})[0]  # doctest: +NORMALIZE_WHITESPACE
    "group_gender: 'women' (30 rows) and 'Women' (1 row) differ only by case, spaces or Unicode form and are groups of
    their own; if they are one group, give them one spelling"
    """
    spellings: dict[str, list[str]] = {}
    for label in filter(None, rows):
        spellings.setdefault(spelling(label), []).append(label)
    notes = [
        f"{attribute}: {_listed(alike, rows)} differ only by case, spaces or Unicode form and are groups of their "
        "own; if they are one group, give them one spelling"
        for alike in spellings.values()
        if len(alike) > 1
    ]
    unsaid = [label for label in rows if label and label != "NA" and reads_like_not_known(label)]
    if unsaid:
        notes.append(
            f"{attribute}: {sum(rows[label] for label in unsaid):,} of {sum(rows.values()):,} rows have a label that "
            f"reads like not known and is kept as a group, as declared: {_listed(unsaid, rows)}; if it means that the "
            "group is not known, empty these cells"
        )
    return notes


def spelling(label: str) -> str:
    """A label without case, spaces, marks that cannot be seen, and with one Unicode form.

    >>> spelling("Wo men"), spelling("Zoe\u0308") == spelling("zo\u00eb"), spelling("women\u200b")
    ('women', True, 'women')
    """
    seen = "".join(
        one for one in unicodedata.normalize("NFKC", label) if not one.isspace() and unicodedata.category(one) != "Cf"
    )
    return unicodedata.normalize("NFKC", seen.casefold())


def two_spellings(labels: Iterable[str]) -> tuple[str, str] | None:
    """Two labels that differ only by case, spaces or Unicode form, for a reader that refuses them; None: there are
    none.

    >>> two_spellings(["men", "women", "Women"]), two_spellings(["men", "women", "men"])
    (('women', 'Women'), None)
    """
    known: dict[str, str] = {}
    for label in labels:
        if known.setdefault(spelling(label), label) != label:
            return known[spelling(label)], label
    return None


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
