"""What V = S - C - E - O is reckoned from: groups of people, inputs drawn once, and amounts per group.

A term is a sum of items, an item the product of an amount per group and of inputs that all groups share:
`TermItem((0.0, 2.0e4, 1.0e6), (intensity, carbon_price))` is carbon of two groups at the same drawn intensity and the
same drawn price. What everybody shares is drawn once, as one `Input`: drawn apart, errors that are common to all groups
would seem to cancel, and the interval of the total would be too narrow.

Nothing here converts money: all amounts are in one unit, which the caller has brought them to (footprint/money.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from commonweal.errors import FootprintError
from commonweal.footprint.sampling import Array

Role = Literal["builder", "deployer", "user", "reached", "residual"]
TermName = Literal["benefit", "carbon", "energy", "other"]
SIGNS: Mapping[TermName, float] = {"benefit": 1.0, "carbon": -1.0, "energy": -1.0, "other": -1.0}


@dataclass(frozen=True, slots=True)
class Group:
    """People who gain and lose alike.

    role : builder and deployer make or run the system, user uses it, reached is decided about without using it,
        residual is everyone else and the future. The last group is the residual one, so that the groups add up to the
        total.
    income : a year's income of one person, > 0, any one unit for all groups; None: unknown.
    """

    name: str
    role: Role
    income: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """One uncertain number, drawn once for everybody.

    draws : float64 (draw,), finite.
    low, high : the range it is taken to lie in; by default from the smallest to the largest draw.
    possible : the numbers that such an input can be at all, such as 1 and above for a PUE.
    """

    name: str
    draws: Array
    low: float | None = None
    high: float | None = None
    possible: tuple[float, float] = (-math.inf, math.inf)

    def __post_init__(self) -> None:
        if self.draws.ndim != 1 or not self.draws.size:
            raise FootprintError(
                f"input '{self.name}': got draws of shape {self.draws.shape}; expected (draw,), at least one"
            )
        if not (math.isfinite(self.draws.min()) and math.isfinite(self.draws.max())):
            raise FootprintError(f"input '{self.name}': a draw is not a finite number; expected finite numbers only")

    @property
    def ends(self) -> tuple[float, float]:
        """The range it is taken to lie in."""
        low = float(self.draws.min()) if self.low is None else self.low
        return low, float(self.draws.max()) if self.high is None else self.high


@dataclass(frozen=True, slots=True, eq=False)
class TermItem:
    """An amount per group times inputs that all groups share.

    amounts : one per group, each a number or float64 (draw,); an array (group,) or (group, draw) is such a sequence.
        Each is taken once, in order, so a sequence may make its arrays when asked.
    """

    amounts: Sequence[float | Array] | Array
    inputs: tuple[Input, ...] = ()
    what: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Benefit S, cost of carbon C, cost of energy E and other burdens O, each the sum of its items, all in one unit.

    None: not declared, so unknown, never 0. Empty: there is none, which is 0.
    """

    benefit: tuple[TermItem, ...] | None
    carbon: tuple[TermItem, ...] | None
    energy: tuple[TermItem, ...] | None
    other: tuple[TermItem, ...] | None

    def of(self, name: TermName) -> tuple[TermItem, ...] | None:
        """The items of a term."""
        return {"benefit": self.benefit, "carbon": self.carbon, "energy": self.energy, "other": self.other}[name]

    def declared(self) -> Iterator[tuple[TermName, tuple[TermItem, ...]]]:
        """The terms that are known, with their items."""
        for name in SIGNS:
            items = self.of(name)
            if items is not None:
                yield name, items

    @property
    def missing(self) -> tuple[TermName, ...]:
        """The terms that nobody has declared."""
        return tuple(name for name in SIGNS if self.of(name) is None)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Every input, once; FootprintError where two different ones have the same name."""
        by_name: dict[str, Input] = {}
        for _, items in self.declared():
            for one in (given for item in items for given in item.inputs):
                if by_name.setdefault(one.name, one) is not one:
                    raise FootprintError(
                        f"input '{one.name}' is there twice; draw it once and give all items the same `Input`"
                    )
        return tuple(by_name.values())


def probability(given: Input) -> Input:
    """The input itself; FootprintError where a draw, or an end of its range, is not from 0 to 1."""
    low, high = min(given.ends[0], given.draws.min()), max(given.ends[1], given.draws.max())
    if low < 0 or high > 1:
        raise FootprintError(f"probability '{given.name}': goes from {low:g} to {high:g}; expected numbers from 0 to 1")
    return given


def volume(given: Input) -> Input:
    """The input itself; FootprintError where a draw is not above 0, since a deployment without tasks has no value to
    weigh.
    """
    if given.draws.min() <= 0:
        raise FootprintError(f"volume '{given.name}': got {given.draws.min():g}; expected more than 0 tasks")
    return given


def draws_of(groups: Sequence[Group], terms: Terms) -> int:
    """The number of draws; FootprintError where groups, amounts and draws do not fit together."""
    _check_groups(groups)
    sizes = {one.draws.size for one in terms.inputs}
    for name, items in terms.declared():
        for item in items:
            if len(item.amounts) != len(groups):
                raise FootprintError(
                    f"{name}{f' ({item.what})' if item.what else ''}: got {len(item.amounts)} amounts for "
                    f"{len(groups)} groups; expected one for each"
                )
            if isinstance(item.amounts, np.ndarray):
                sizes |= {item.amounts.shape[1]} if item.amounts.ndim == 2 else set()
            elif isinstance(item.amounts, tuple | list):
                sizes |= {amount.size for amount in item.amounts if isinstance(amount, np.ndarray) and amount.ndim}
    if len(sizes) > 1 or 0 in sizes:
        raise FootprintError(
            f"got {sorted(sizes)} draws in different places; expected the same number everywhere, at least one"
        )
    return sizes.pop() if sizes else 1


def _check_groups(groups: Sequence[Group]) -> None:
    if not groups or [group.role == "residual" for group in groups] != [False] * (len(groups) - 1) + [True]:
        raise FootprintError(
            "the groups do not add up to everybody: expected one group of role residual (everyone else, the future), "
            "the last"
        )
    if len({group.name for group in groups}) < len(groups):
        raise FootprintError("two groups have the same name; expected a name for each")
    for group in groups:
        if group.income is not None and not (math.isfinite(group.income) and group.income > 0):
            raise FootprintError(
                f"group '{group.name}': got an income of {group.income:g}; expected a number above 0, or none given"
            )
