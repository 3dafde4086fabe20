"""The groups one after another: what each gains and loses in every draw, and the totals.

In every draw a group gains the terms that are above 0 for it and loses those below, so V_g = gains - losses and neither is
negative. Where no term has the other sign than usual, gains are S and losses C + E + O; a benefit below 0 is a burden, and a
cost below 0 (carbon saved) a benefit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.assessment.spread import BLOCK, Array
from commonweal.assessment.value_terms import SIGNS, Group, Item, TermName, Terms, draws_of
from commonweal.errors import FootprintError


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """What the groups gain and lose.

    gains, losses : float64 (group, draw), >= 0; over the declared terms.
    totals : of each declared term over all groups, float64 (draw,), with the sign it has in the declaration.
    means : of each declared term, per group, over the draws.
    """

    gains: Array
    losses: Array
    totals: Mapping[TermName, Array]
    means: tuple[Mapping[TermName, float], ...]

    def has_stake(self, place: int) -> bool:
        """Whether a group gains or loses anything in any draw."""
        return bool(self.gains[place].any() or self.losses[place].any())


def ledger(groups: Sequence[Group], terms: Terms) -> Ledger:
    """Work out all groups in turn; FootprintError where something does not fit or is not a finite number."""
    n = draws_of(groups, terms)
    gains, losses = np.zeros((len(groups), n)), np.zeros((len(groups), n))
    totals: dict[TermName, Array] = {name: np.zeros(n) for name, _ in terms.declared()}
    means = []
    for place, group in enumerate(groups):
        sums: dict[TermName, float] = {}
        for name, items in terms.declared():
            up, down = (gains[place], losses[place]) if SIGNS[name] > 0 else (losses[place], gains[place])
            sums[name] = _enter(items, place, up, down, totals[name])
            if not np.isfinite(sums[name]):
                raise FootprintError(
                    f"{name} of group '{group.name}': a draw is not a finite number; expected finite numbers only"
                )
        means.append({name: total / n for name, total in sums.items()})
    return Ledger(gains, losses, totals, tuple(means))


def _enter(items: tuple[Item, ...], place: int, up: Array, down: Array, total: Array) -> float:
    """Enter one term of one group: what is above 0 into `up`, what is below into `down`; its sum over the draws."""
    amounts = [np.asarray(item.amounts[place], dtype=np.float64) for item in items]
    there = [(item, amount) for item, amount in zip(items, amounts, strict=True) if amount.ndim or amount != 0.0]
    if not there:
        return 0.0
    row, product, added = np.empty(BLOCK), np.empty(BLOCK), 0.0
    for start in range(0, total.size, BLOCK):
        cut = slice(start, min(start + BLOCK, total.size))
        part = _row(there, cut, row[: cut.stop - start], product[: cut.stop - start])
        added += float(part.sum())
        total[cut] += part
        if part.min() >= 0.0:
            up[cut] += part
        else:
            up[cut] += np.maximum(part, 0.0)
            down[cut] -= np.minimum(part, 0.0)
    return added


def _row(there: list[tuple[Item, Array]], cut: slice, row: Array, product: Array) -> Array:
    row[:] = 0.0
    for item, amount in there:
        amount_here = amount[cut] if amount.ndim else amount
        if not item.inputs:
            row += amount_here
            continue
        np.multiply(item.inputs[0].draws[cut], amount_here, out=product)
        for one in item.inputs[1:]:
            product *= one.draws[cut]
        row += product
    return row
