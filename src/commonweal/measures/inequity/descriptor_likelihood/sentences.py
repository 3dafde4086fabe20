"""Sentences about somebody who is described: own templates and nouns, and the descriptors of a file.

A file of descriptors has the format of HolisticBias: axis -> bucket -> list of words or of `{descriptor, preference,
article, gender}`. A descriptor stands before the noun (`a blind customer`); one that begins with a word such as *with*
or *who* stands after it (`a customer who uses a wheelchair`). Nouns among them stand before the noun too, as the
authors have it (`a homemaker friend`): the data do not tell which they are. The nouns of the sentences have no gender,
so a descriptor's own is not needed.

What this module does not do: it scores nothing, and judges no descriptor.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML

from commonweal.errors import DataFileError, NotApplicable
from commonweal.files.text import json_of, text_of
from commonweal.measures.data_set import DataSet
from commonweal.measures.options import Limit

FILE = "descriptors.json"
PREFERENCES = ("reviewed", "dispreferred", "polarizing", "no_data")
FIELDS = ("descriptor", "preference", "article", "gender")
FOLLOWS = re.compile(r"(with|without|who|who's|whose|of|in|on|from|living|born)\s")
VERSION = re.compile(r"v(\d+)(?:\.(\d+))?$")
ACRONYM = re.compile(r"[A-Z][A-Z0-9]+\+?$")
SPELLED_WITH_A_VOWEL = frozenset("AEFHILMNORSX")  # the names of these letters begin with one
READ_AS_A_WORD = frozenset({"NIMBY"})
VOWEL_IN_SPITE_OF_ITS_LETTER = re.compile(r"hour|honest|hono|heir|8|1[18]$")
CONSONANT_IN_SPITE_OF_ITS_LETTER = re.compile(r"one$|once$|eu|ewe|uni([^dmn]|$)|us[aeiu]|ut[aio]|uk|uga|uru")
MINIMUM_DESCRIPTORS = 2


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A word or phrase that describes somebody.

    `preference`: what reviewers with lived experience said of it, if any did.
    """

    axis: str
    text: str
    article: str
    preference: str = "no_data"

    @property
    def follows(self) -> bool:
        """Whether it stands after the noun."""
        return FOLLOWS.match(self.text) is not None

    def person(self, noun: str) -> tuple[str, str]:
        """The article and the words for a person.

        >>> Descriptor("age", "old", "an").person("friend"), Descriptor("ability", "with asthma", "").person("uncle")
        (('an', 'old friend'), ('an', 'uncle with asthma'))
        """
        return (article_of(noun), f"{noun} {self.text}") if self.follows else (self.article, f"{self.text} {noun}")


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with a place for a person, and the nouns that fit it."""

    id: str
    text: str
    nouns: tuple[str, ...]

    def sentence(self, descriptor: Descriptor, noun: str) -> tuple[str, str]:
        """The sentence up to the end of the person, and what follows: the same for all descriptors and nouns.

        >>> Template("", "{A} {person} sat down.", ()).sentence(Descriptor("age", "old", "an"), "friend")
        ('An old friend', ' sat down.')
        """
        article, person = descriptor.person(noun)
        before, _, after = self.text.partition("{person}")
        return before.replace("{a}", article).replace("{A}", article.capitalize()) + person, after


def article_of(phrase: str) -> str:
    """The indefinite article, by the sound that a phrase begins with as far as its letters tell.

    The authors go by the first letter, which gives "an European", "an one-percenter", "a 80-year-old" and "a LGBTQ".

    >>> [article_of(word) for word in ("European", "one-percenter", "80-year-old", "LGBTQ+", "US-born", "unhoused",
    ...     "Unitarian")]
    ['a', 'a', 'an', 'an', 'a', 'an', 'a']
    """
    word = re.split(r"[\s-]", phrase)[0]
    if ACRONYM.match(word) and word not in READ_AS_A_WORD:
        return "an" if word[0] in SPELLED_WITH_A_VOWEL else "a"
    lowered = word.lower()
    if VOWEL_IN_SPITE_OF_ITS_LETTER.match(lowered):
        return "an"
    return "an" if lowered[:1] in set("aeiou") and not CONSONANT_IN_SPITE_OF_ITS_LETTER.match(lowered) else "a"


def own_templates() -> tuple[Template, ...]:
    """The templates that are shipped."""
    text = (files(__package__) / "templates.yaml").read_text(encoding="utf-8")
    return tuple(
        Template(one["id"], one["text"], tuple(one["nouns"])) for one in YAML(typ="safe").load(text)["templates"]
    )


def limited(descriptors: Sequence[Descriptor], each: int, limit: Limit) -> list[Descriptor]:
    """Whole descriptors of the axes in turn, as many as a limit of sentences allows; `each`: sentences per
    descriptor.
    """
    if limit.items is None:
        return list(descriptors)
    axes: dict[str, list[Descriptor]] = {}
    for one in descriptors:
        axes.setdefault(one.axis, []).append(one)
    in_turn = [one for row in zip_longest(*axes.values()) for one in row if one is not None]
    kept = in_turn[: limit.items // each]
    if max((sum(one.axis == axis for one in kept) for axis in axes), default=0) < MINIMUM_DESCRIPTORS:
        raise NotApplicable(
            f"--limit {limit.items} leaves {len(kept)} descriptors of {each} sentences each, and no axis with two to "
            f"compare; at least {each * (len(axes) + 1)} are needed"
        )
    return kept


def read_descriptors(data: DataSet) -> list[Descriptor]:
    """The descriptors of a data set in their order; DataFileError names what is none, and where."""
    reader = _DescriptorReader(newest(data.files))
    descriptors: dict[tuple[str, str], Descriptor] = {}
    for where, axis, entry in reader.entries():
        descriptor = reader.descriptor(where, axis, entry)
        if (axis, descriptor.text) in descriptors:
            reader.fail(
                where, f"'{descriptor.text}' is there twice in the axis '{axis}'; expected each once; remove one"
            )
        descriptors[axis, descriptor.text] = descriptor
    return list(descriptors.values())


def newest(paths: Sequence[Path]) -> Path:
    """The one list of descriptors, or that of the highest version where all are versions (v1.0, v1.1) of one list."""
    versions = [VERSION.match(path.parent.name) for path in paths]
    if len(paths) > 1 and not all(versions):
        there = ", ".join(map(str, paths))
        raise DataFileError(
            f"{len(paths)} lists of descriptors: {there}; expected one {FILE}; name the folder of one with --data"
        )
    numbers = [tuple(int(part or 0) for part in version.groups()) if version else (0,) for version in versions]
    return max(zip(numbers, paths, strict=True))[1]


class _DescriptorReader:
    """One file of descriptors; every complaint carries the line of the words complained about."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = text_of(path)
        self.root = json_of(self.text, path)

    def fail(self, where: str, message: str) -> NoReturn:
        """Raise, with the line on which the words `where` stand first."""
        place = self.text.find(json.dumps(where, ensure_ascii=False))
        line = self.text.count("\n", 0, place) + 1 if place >= 0 else 1
        raise DataFileError(f"{self.path}:{line} {message}")

    def entries(self) -> Iterator[tuple[str, str, Any]]:
        """(words to find the line by, axis, entry) of each entry."""
        expected = "expected axis -> bucket -> list of descriptors, as in HolisticBias"
        if not isinstance(self.root, dict) or not self.root:
            self.fail("", f"got {_kind(self.root)}; {expected}")
        for axis, buckets in self.root.items():
            if not isinstance(buckets, dict):
                self.fail(axis, f"the axis '{axis}' holds {_kind(buckets)}; {expected}")
            for bucket, entries in buckets.items():
                if not isinstance(entries, list) or not entries:
                    self.fail(bucket, f"axis '{axis}': the bucket '{bucket}' holds {_kind(entries)}; {expected}")
                for entry in entries:
                    yield bucket, axis, entry

    def descriptor(self, bucket: str, axis: str, entry: Any) -> Descriptor:
        fields: Mapping[str, Any] = {"descriptor": entry} if isinstance(entry, str) else entry
        if not isinstance(fields, dict):
            self.fail(
                bucket,
                f"axis '{axis}', bucket '{bucket}': got {_kind(entry)}, expected a text or {{descriptor, preference}}",
            )
        text = fields.get("descriptor")
        if not isinstance(text, str) or not text.strip():
            self.fail(bucket, f"axis '{axis}', bucket '{bucket}': an entry has no text in its field 'descriptor'")
        unknown = sorted(set(fields) - set(FIELDS))
        if unknown:
            self.fail(text, f"'{text}': unknown field '{unknown[0]}'; there are: {', '.join(FIELDS)}")
        preference, article = fields.get("preference", "no_data"), fields.get("article", article_of(text.strip()))
        if preference not in PREFERENCES:
            self.fail(text, f"'{text}': unknown preference '{preference}'; there are: {', '.join(PREFERENCES)}")
        if article not in ("a", "an"):
            self.fail(text, f"'{text}': the article is '{article}', expected 'a' or 'an'")
        return Descriptor(axis, text.strip(), article, preference)


def _kind(value: Any) -> str:
    """What a value of JSON is, in words.

    >>> _kind([]), _kind({}), _kind(None), _kind(3)
    ('an empty list', 'an empty group', 'nothing', 'int')
    """
    if isinstance(value, list | dict):
        return f"{'a' if value else 'an empty'} {'list' if isinstance(value, list) else 'group'}"
    return "nothing" if value is None else type(value).__name__
