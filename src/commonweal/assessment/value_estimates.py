"""How draws become estimates: median and 95 % uncertainty interval, or a share of the draws."""

from __future__ import annotations

from collections.abc import Mapping

from commonweal.assessment.spread import Spread
from commonweal.evidence.records import Estimate, Missing

DRAWS = 20_000


def over_draws(named: tuple[str, str], found: Spread, group: Mapping[str, str], method: str, note: str = "") -> Estimate:
    """A median with its interval; `named`: quantity and unit."""
    exact = found.low == found.high
    return Estimate(
        quantity=named[0], unit=named[1], value=found.median, low=found.low, high=found.high,
        interval="range" if exact else "uncertainty", n=DRAWS, group=group, method=method, note=note,
    )  # fmt: skip


def missing(quantity: str, reason: str, group: Mapping[str, str]) -> Missing:
    """The reason in the place of a number."""
    return Missing(quantity=quantity, status="not_applicable", reason=reason, group=group)


def share_of_draws(quantity: str, share: float, group: Mapping[str, str], method: str, note: str = "") -> Estimate:
    """A share of the draws, which has no interval of its own."""
    return Estimate(quantity=quantity, unit="1", value=share, n=DRAWS, group=group, method=method, note=note)
