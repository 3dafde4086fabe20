"""Numbers and findings of the claim checker in words."""

from __future__ import annotations

import math

from commonweal.footprint.claims.claim_records import Claim
from commonweal.footprint.claims.claim_suspicions import Slip

DIGITS = 4


def number_text(value: float | None) -> str:
    """A number with four digits or all of its whole part, thousands grouped.

    >>> number_text(12768.0), number_text(0.46097), number_text(656347.3), number_text(2.1e-7), number_text(None)
    ('12,768', '0.461', '656,347', '2.1e-07', 'never')
    """
    if value is None:
        return "never"
    if value == 0.0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if not -4 <= size < 12:
        return f"{value:.{DIGITS}g}"
    text = f"{value:,.{max(DIGITS - 1 - size, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def follows_text(claim: Claim, value: float) -> str:
    """Why a claim follows: it is within its tolerance, or it is the value rounded."""
    within = abs(claim.claimed.value - value) <= claim.tolerance * abs(value)
    how = f"within {100 * claim.tolerance:g} % of the claim" if within else "which rounds to the claim"
    return f"the inputs give {number_text(value)}, {how}"


def deviates_text(claim: Claim, value: float, found: list[Slip], digit: bool) -> str:
    """What the inputs give instead, and the suspicion, said as one."""
    text = f"the inputs give {number_text(value)}, not {number_text(claim.claimed.value)}"
    if len(found) == 1:
        return f"{text}; suspicion: {found[0].words}"
    if found:
        return f"{text}; more than one slip would explain it: {'; or '.join(slip.words for slip in found)}"
    if digit:
        return f"{text}; suspicion: a digit was lost on the way from {value:.0f} to {claim.claimed.value:.0f}"
    return f"{text}; no known slip explains the difference"
