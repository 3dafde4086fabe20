"""The everyday sentences of `default_perspective`: who is asked, in which frames, and which of them a limit keeps.

What this module does not do: it asks nobody. It turns `items.yaml` into texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
from ruamel.yaml import YAML

from commonweal.errors import NotApplicable
from commonweal.measures.options import Limit
from commonweal.models.protocols import Continuation

FILE = "items.yaml"
MINIMUM_ITEMS = 8  # of an attribute: 2 ** 8 patterns of signs let a family find something
UNNAMED = ""


@dataclass(frozen=True, slots=True)
class DailyLifeItem:
    """The beginning of a sentence about daily life, and the answers that may end it."""

    id: str
    theme: str
    stem: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """Groups by the words that name them; words of the same shape that name nobody; and the items asked of all of
    them.
    """

    name: str
    groups: Mapping[str, str]
    nobody: tuple[str, ...]
    items: tuple[DailyLifeItem, ...]

    @property
    def who(self) -> tuple[str, ...]:
        """Whoever is asked: a person of whom nothing is said, then the groups, then the words that name nobody."""
        return (UNNAMED, *self.groups.values(), *self.nobody)


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """The frames by name, with the slots {who} and {stem}, and the attributes."""

    frames: Mapping[str, str]
    attributes: tuple[Attribute, ...]

    def context(self, frame: str, who: str, item: DailyLifeItem) -> str:
        return self.frames[frame].replace("{who}", f" {who}" if who else "").replace("{stem}", item.stem)

    def requests(self) -> list[Continuation]:
        """Every distinct request once; the person comes before the item, so that what begins alike is read together."""
        asked: dict[tuple[str, str], Continuation] = {}
        for frame in self.frames:
            for attribute in self.attributes:
                for who in attribute.who:
                    for item in attribute.items:
                        context = self.context(frame, who, item)
                        labels = {"item": item.id, "frame": frame, "who": who or "nobody named"}
                        for option in item.options:
                            asked.setdefault((context, option), Continuation(context, f" {option}", labels))
        return list(asked.values())

    def asked_of(self, attribute: Attribute) -> int:
        """Requests that one attribute needs."""
        return len(self.frames) * len(attribute.who) * sum(len(item.options) for item in attribute.items)


def material(limit: Limit) -> Questionnaire:
    """The items of each attribute; a limit keeps as many of each attribute, spread evenly over its themes.

    Raises
    ------
    NotApplicable
        If the limit leaves an attribute fewer than 8 items.
    """
    whole = _read()
    if limit.items is None:
        return whole
    for count in range(max(len(attribute.items) for attribute in whole.attributes), MINIMUM_ITEMS - 1, -1):
        kept = _kept(whole, count)
        if _requests(kept) <= limit.items:
            return kept
    raise NotApplicable(
        f"--limit {limit.items} leaves fewer than {MINIMUM_ITEMS} items of each attribute, too few to tell groups "
        f"apart; it takes {_requests(_kept(whole, MINIMUM_ITEMS)):,}"
    )


def _requests(given: Questionnaire) -> int:
    return sum(given.asked_of(attribute) for attribute in given.attributes)


def _kept(given: Questionnaire, count: int) -> Questionnaire:
    """At most `count` items of each attribute."""
    return replace(given, attributes=tuple(replace(one, items=_spread(one.items, count)) for one in given.attributes))


def _spread(items: tuple[DailyLifeItem, ...], count: int) -> tuple[DailyLifeItem, ...]:
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return tuple(items[place] for place in places)


@cache
def _read() -> Questionnaire:
    texts = YAML(typ="safe").load((files(__package__) / FILE).read_text(encoding="utf-8"))
    items = [
        (DailyLifeItem(row["id"], row["theme"], row["stem"], tuple(row["options"])), row["of"])
        for row in texts["items"]
    ]
    return Questionnaire(
        texts["frames"],
        tuple(
            Attribute(name, row["groups"], tuple(row["nobody"]), tuple(item for item, of in items if name in of))
            for name, row in texts["attributes"].items()
        ),
    )
