"""What whoever runs a system may choose. Measures receive `Design` and `Limit` by type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import TypeVar

from commonweal.errors import NotApplicable
from commonweal.system.permissions import Permissions

Place = TypeVar("Place", bound=tuple[str, ...])  # kind and unit, or kind, unit and block


class Design(StrEnum):
    """`balanced`: every name meets every probe once, wordings rotate. `full`: in every wording."""

    BALANCED = "balanced"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most this many items per measure and subject; None: no limit."""

    items: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that can be chosen for a run.

    `measures` empty: all; `limit`: items per measure and subject; `data`: a folder or hub id.
    """

    measures: tuple[str, ...] = ()
    limit: int | None = None
    design: Design = Design.BALANCED
    seed: int = 0
    device: str = "auto"
    permissions: Permissions = Permissions()
    data: str | None = None

    def told(self) -> dict[str, str]:
        """What the record of the run says of them; seed, device and permissions have fields of their own there."""
        return {"measures": " ".join(self.measures) or "all", "limit": str(self.limit), "design": self.design.value}


def whole_units(sizes: Mapping[Place, int], limit: Limit, name: str) -> set[Place]:
    """Units (kind, unit), or blocks of them (kind, unit, block), that fit into a limit with all their items.

    They are taken of each kind in turn, and of blocks one of every unit before a second of any: few items of many units
    say more than many of few. Else in the order given.

    Raises
    ------
    NotApplicable
        If not even the smallest fits; `name` is what a unit is called there.

    >>> sorted(whole_units({("age", "a"): 3, ("age", "b"): 3, ("sex", "c"): 2}, Limit(6), "template"))
    [('age', 'a'), ('sex', 'c')]
    >>> blocks = [("age", unit, block) for unit in "ab" for block in "12"]
    >>> sorted(whole_units(dict.fromkeys(blocks, 4), Limit(9), "block"))
    [('age', 'a', '1'), ('age', 'b', '1')]
    """
    if limit.items is None:
        return set(sizes)
    kinds: dict[str, dict[str, list[Place]]] = {}
    for unit in sizes:
        kinds.setdefault(unit[0], {}).setdefault(unit[1], []).append(unit)
    queues = [[one for turn in zip_longest(*units.values()) for one in turn if one] for units in kinds.values()]
    chosen: set[Place] = set()
    left = limit.items
    for row in zip_longest(*queues):
        for unit in row:
            if unit is not None and sizes[unit] <= left:
                chosen.add(unit)
                left -= sizes[unit]
    if not chosen:
        raise NotApplicable(
            f"--limit {limit.items} leaves no whole {name}; the smallest has {min(sizes.values(), default=0)} items"
        )
    return chosen
