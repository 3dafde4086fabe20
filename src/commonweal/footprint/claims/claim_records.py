"""What a file of claims holds, and what is found of each claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from commonweal.footprint.claims.claim_units import WrittenQuantity

ClaimOutcome = Literal["follows", "does_not_follow", "cannot_be_checked"]
TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class ClaimInput:
    """One input: a `quantity`, a `word`, another `claim` (its claimed or recomputed value), or `unknown` with why.

    An unknown one may say between which two quantities, `low` and `high`, public sources put it.
    """

    line: int
    quantity: WrittenQuantity | None = None
    word: str = ""
    claim: str = ""
    take_recomputed: bool = False
    unknown: str = ""
    low: WrittenQuantity | None = None
    high: WrittenQuantity | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement: the `quantity` in words, what is `claimed`, and by which formula from which inputs it should
    follow.
    """

    id: str
    line: int
    quantity: str
    claimed: WrittenQuantity
    source: str
    formula: str = ""
    inputs: Mapping[str, ClaimInput] = field(default_factory=dict)
    tolerance: float = TOLERANCE
    remark: str = ""


@dataclass(frozen=True, slots=True)
class ClaimFile:
    """Claims in the order of the file; `order` has those that others rest on before them."""

    name: str
    claims: Mapping[str, Claim]
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one claim.

    `ratio` is claimed over recomputed; `suspicion` the one known error that would explain it.

    `rebuilt`: the value if every claim that this one rests on is recomputed too; given where one of them (`inherits`)
    does not follow. Numbers are in the claim's own unit. A suspicion is no proof: another error may give the same
    factor.
    """

    claim: Claim
    outcome: ClaimOutcome
    explanation: str
    recomputed: float | None = None
    ratio: float | None = None
    suspicion: str = ""
    missing: tuple[str, ...] = ()
    inherits: tuple[str, ...] = ()
    rebuilt: float | None = None
    remarks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
