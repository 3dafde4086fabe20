"""Switching values: where an input would have to lie for V to change its sign.

V is linear in each input: in every draw i, V_i(x) = V_i + b_i (x - x_i), where x_i is the draw of the input and b_i
what V gains where it is raised by one. Set the input to x in all draws. Where b_i > 0, V_i(x) < 0 exactly when x < r_i,
with r_i = x_i - V_i / b_i. So where no b_i is negative, P(V(x) < 0) = P(r > x), which is one half at the median of r:
the switching value is that median. Where no b_i is positive, the same with the signs turned. Where b has both signs,
the share of draws below 0 steps by 1/n at each r_i, down where b_i > 0 and up where b_i < 0, and the crossing of one
half nearest to the input is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from commonweal.assessment.value.spread import neighbours, quantiles
from commonweal.assessment.value.value_terms import SIGNS, Input, TermItem, Terms
from commonweal.errors import FootprintError
from commonweal.footprint.sampling import Array

HALF = (0.5,)
SLABS = 64
SAMPLED = 16_384


@dataclass(frozen=True, slots=True)
class Switch:
    """How far one input must move, all others as drawn, for the median of V to change its sign.

    at : the value of the input at which it does; None: no possible value does.
    within_range : whether that value lies in the range the input is taken to lie in.
    relative : at / median - 1, the move as a share of the input's median; None where there is no `at`, or the median is
        0.
    reach : the move as a share of the way from the median to the end of the range on that side: 0, V changes its sign
        already here; up to 1 within the range; None where there is no `at`, or no range on that side.
    impossible : the value that would do it if the input could have it, such as a PUE below 1; None where there is none.
    """

    name: str
    median: float
    low: float
    high: float
    at: float | None
    within_range: bool
    relative: float | None
    reach: float | None
    impossible: float | None = None


def switching_values(terms: Terms, value: Array) -> tuple[Switch, ...]:
    """The switch of every input, those that need to move least first: by `reach`, then by `relative`.

    value : V as drawn, float64 (draw,), in the unit of the terms, all of which must be declared.
    """
    whole: dict[int, float | Array] = {}
    return ranked(_switch(one, flipping_point(value, slope(terms, one, whole), one.draws)) for one in terms.inputs)


def ranked(switches: Iterable[Switch]) -> tuple[Switch, ...]:
    """The inputs that need to move least first: by `reach`, then by `relative`; those that never flip the sign last."""
    return tuple(sorted(switches, key=lambda one: (_or_inf(one.reach), abs(_or_inf(one.relative)), one.name)))


def slope(terms: Terms, given: Input, whole: dict[int, float | Array] | None = None) -> Array:
    """b = dV / dx of an input, float64 (draw,): each item that holds it without it, summed over groups, with its sign.

    whole : filled with the amounts of each item summed over its groups, to be used again for the next input.
    """
    whole = {} if whole is None else whole
    rise = np.zeros_like(given.draws)
    for name, items in terms.declared():
        for item in items:
            others = tuple(other for other in item.inputs if other is not given)
            if len(others) == len(item.inputs):
                continue
            if len(others) < len(item.inputs) - 1:
                raise FootprintError(
                    f"input '{given.name}' enters {name} as a power; V is not linear in it, and has no switching "
                    "value here"
                )
            part = np.multiply(SIGNS[name], _over_groups(item, whole))
            for other in others:
                part = part * other.draws
            rise += part
    return rise


def _over_groups(item: TermItem, whole: dict[int, float | Array]) -> float | Array:
    if id(item) not in whole:
        whole[id(item)] = sum((item.amounts[place] for place in range(len(item.amounts))), start=0.0)
    return whole[id(item)]


def flipping_point(value: Array, rise: Array, draws: Array) -> float | None:
    """The x at which half of V_i + b_i (x - x_i) lie below 0; of several, the nearest to the median of the draws; None:
    there is none.

    Parameters
    ----------
    value, rise, draws : V_i, b_i and x_i, float64 (draw,).

    >>> flipping_point(np.array([10.0, 20.0, 30.0]), np.array([-2.0, -2.0, -2.0]), np.array([1.0, 1.0, 1.0]))
    11.0
    """
    lowest, highest = float(rise.min()), float(rise.max())
    if lowest == highest == 0.0:
        return None
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        roots = draws - value / (np.abs(rise) if lowest >= 0 else -np.abs(rise) if highest <= 0 else rise)
    if lowest < 0 < highest:
        return _nearest_crossing(value, rise, roots, quantiles(draws, HALF)[0])
    # Without slope V stays on its side of 0 for every x: its root is beyond all others, and V = 0 is not below 0.
    np.copyto(roots, -np.inf if lowest >= 0 else np.inf, where=np.isnan(roots))
    lower, upper = _middle_pair(roots)
    if math.isfinite(lower) and math.isfinite(upper):
        return lower + (upper - lower) / 2
    return next((one for one in (lower, upper) if math.isfinite(one)), None)


def _middle_pair(roots: Array) -> tuple[float, float]:
    lower, upper = neighbours(roots, [(roots.size - 1) // 2])[0]
    return (lower, upper) if roots.size % 2 == 0 else (lower, lower)


def _nearest_crossing(value: Array, rise: Array, roots: Array, near: float) -> float | None:
    """The crossing nearest to `near`, where the balance (twice the draws below 0, less n) changes its sign.

    Each root moves the balance by 2, so a slab of roots can hold a crossing only if the balance at its beginning is no
    more than twice their number; only such slabs are sorted.
    """
    roots = np.where(rise == 0.0, np.inf, roots)
    steps = -2.0 * np.sign(rise)
    start = 2 * int(np.count_nonzero(rise > 0)) + 2 * int(np.count_nonzero(value[rise == 0.0] < 0)) - value.size
    sample = np.sort(roots[:: max(1, roots.size // SAMPLED)])
    edges = np.unique(sample[:: max(1, sample.size // SLABS)])
    slab = np.searchsorted(edges, roots)
    counts = np.bincount(slab, minlength=edges.size + 1)
    moves = np.bincount(slab, weights=steps, minlength=edges.size + 1)
    begins = start + np.concatenate(([0.0], np.cumsum(moves)[:-1]))
    found = [
        _crossings(roots[slab == place], steps[slab == place], begins[place])
        for place in np.flatnonzero((np.abs(begins) <= 2 * counts) & (counts > 0))
    ]
    crossings = np.concatenate(found) if found else np.empty(0)
    crossings = crossings[np.isfinite(crossings)]
    return float(crossings[np.argmin(np.abs(crossings - near))]) if crossings.size else None


def _crossings(roots: Array, steps: Array, begin: float) -> Array:
    """Roots at which the balance, which is `begin` before the first of them, changes its sign."""
    order = np.argsort(roots)
    after = begin + np.cumsum(steps[order])
    before = np.concatenate(([begin], after[:-1]))
    crossed: Array = roots[order][np.sign(before) != np.sign(after)]
    return crossed


def _switch(given: Input, at: float | None) -> Switch:
    low, high = given.ends
    middle = quantiles(given.draws, HALF)[0]
    if at is None or not given.possible[0] <= at <= given.possible[1]:
        return Switch(given.name, middle, low, high, None, False, None, None, at)
    way = (high if at > middle else low) - middle
    reach = (at - middle) / way if way * (at - middle) > 0 else 0.0 if at == middle else None
    return Switch(given.name, middle, low, high, at, low <= at <= high, at / middle - 1 if middle else None, reach)


def _or_inf(number: float | None) -> float:
    return math.inf if number is None else number
