"""What the person who runs a measure may ask of its design. Measures receive these by type."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Design(StrEnum):
    """`balanced`: every name meets every probe once, wordings rotate. `full`: in every wording."""

    BALANCED = "balanced"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most this many items per measure and subject; None: no limit."""

    items: int | None = None
