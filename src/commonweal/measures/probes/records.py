"""Probe files: the texts of a correspondence audit, as records, and how a case is filled in.

A probe file holds *probes* (the same person's case, without any cue of a group), *wordings* (how a case is put to
the application) and the cues that are swapped: first names, pronouns, or declared phrases. The format is described
in ``docs/probes.md``; `reader` reads it.

What this module does not do: it measures nothing and judges no minimum (how many names a group needs is the
measure's to say). Texts are data: a placeholder is replaced once, and what is put in is never read again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from commonweal.system.fields import Record

PLACEHOLDER = re.compile(r"\{([^\W\d]\w*)\}")

Quality = Literal["strong", "average", "weak"]


class Wording(Record):
    """One way to put a case: a text with placeholders."""

    id: str
    text: str


class Probe(Record):
    """One case: a text without any cue of a group, and a sentence with pronouns for the pronoun audit."""

    id: str
    occupation: str
    quality: Quality
    body: str
    statement: str | None = None


class Name(Record):
    """A first name, the group it signals per attribute, and where that is published."""

    name: str
    groups: Mapping[str, str]
    source: str


class PronounSet(Record):
    """Pronouns as the cue: ``forms[group][placeholder]`` is the word to put in."""

    attribute: str
    reference: str
    forms: Mapping[str, Mapping[str, str]]
    wordings: tuple[Wording, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that are compared, as the file orders them."""
        return tuple(self.forms)


class CueSet(Record):
    """A declared cue: every frame gives one phrase per group, the same in all else.

    ``probes`` are the ids of the cases that the cue is put into: all, unless the file names those it suits.
    """

    attribute: str
    reference: str
    probes: tuple[str, ...]
    frames: tuple[Mapping[str, str], ...]
    wordings: tuple[Wording, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that are compared, as the file orders them."""
        return tuple(self.frames[0])


class Probes(Record):
    """A whole probe file.

    ``reference`` names the group that the others are compared with, per attribute of the names.
    """

    name: str
    language: str
    slot: str
    source: str
    reference: Mapping[str, str]
    probes: tuple[Probe, ...]
    names: tuple[Name, ...] = ()
    wordings: tuple[Wording, ...] = ()
    pronouns: PronounSet | None = None
    cues: tuple[CueSet, ...] = ()

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that the first names signal, such as gender and race."""
        return tuple(self.names[0].groups) if self.names else ()

    def probes_of(self, cue: CueSet) -> tuple[Probe, ...]:
        """The cases that a declared cue is put into."""
        return tuple(probe for probe in self.probes if probe.id in cue.probes)

    def with_names_per_group(self, count: int) -> Probes:
        """The same probes with at most `count` names in each combination of groups, the first of the list."""
        seen: Counter[tuple[str, ...]] = Counter()
        kept = []
        for name in self.names:
            seen[tuple(name.groups.values())] += 1
            if seen[tuple(name.groups.values())] <= count:
                kept.append(name)
        fields = {field: getattr(self, field) for field in type(self).model_fields}
        return type(self)(**{**fields, "names": tuple(kept)})

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of everything in the file and in its table of names: two files with it are the same probes."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode("utf-8")).hexdigest()


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace every placeholder that has a value, in one pass, by the text as it stands.

    >>> fill("{a} and {b}", {"a": "{b}", "b": "2"})
    '{b} and 2'
    """
    return PLACEHOLDER.sub(lambda found: values.get(found.group(1), found.group(0)), template)


def render_name(wording: Wording, probe: Probe, name: Name | str) -> str:
    """The case under a first name.

    >>> nurse = Probe(id="n", occupation="nurse", quality="strong", body="Six wards.")
    >>> render_name(Wording(id="w", text="Name: {name}. {body}"), nurse, "Ana")
    'Name: Ana. Six wards.'
    """
    return fill(wording.text, {"name": name if isinstance(name, str) else name.name, "body": probe.body})


def render_pronoun(wording: Wording, probe: Probe, forms: Mapping[str, str]) -> str:
    """The case with one group's pronouns; a placeholder with a capital gets the capitalized form.

    >>> nurse = Probe(id="n", occupation="nurse", quality="strong", body="Six wards.",
    ...     statement="{They} led {their} team.")
    >>> render_pronoun(Wording(id="w", text="{body} {statement}"), nurse, {"they": "she", "their": "her"})
    'Six wards. She led her team.'
    """
    words = {**{key[:1].upper() + key[1:]: word[:1].upper() + word[1:] for key, word in forms.items()}, **forms}
    return fill(wording.text, {**words, "body": probe.body, "statement": fill(probe.statement or "", words)})


def render_cue(wording: Wording, probe: Probe, phrase: str) -> str:
    """The case with one group's phrase of a frame.

    >>> nurse = Probe(id="n", occupation="nurse", quality="strong", body="Six wards.")
    >>> render_cue(Wording(id="w", text="{body} {cue}"), nurse, "Born in 1962.")
    'Six wards. Born in 1962.'
    """
    return fill(wording.text, {"body": probe.body, "cue": phrase})
