"""The groups one after another: what each gains and loses in every draw.

In every draw a group gains the terms that are above 0 for it and loses those below, so V_g = gains - losses and neither
is negative. Where no term has the other sign than usual, gains are S and losses C + E + O; a benefit below 0 is a
burden, and a cost below 0 (carbon saved) a benefit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.assessment.value.value_terms import SIGNS, Group, TermItem, TermName, Terms
from commonweal.errors import FootprintError
from commonweal.footprint.sampling import BLOCK, Array


@dataclass(frozen=True, slots=True, eq=False)
class GainsAndLosses:
    """What one group gains and loses, float64 (draw,), >= 0, and the mean of each declared term.

    The arrays are used again for the next group.
    """

    gains: Array
    losses: Array
    means: Mapping[TermName, float]


def rows(
    groups: Sequence[Group], terms: Terms, n: int, totals: Mapping[TermName, Array] | None = None
) -> Iterator[GainsAndLosses]:
    """Every group in turn, so that no more than one is in memory; each declared term is added to its array in `totals`.

    Raises
    ------
    FootprintError
        Where a draw of a term is not a finite number.
    """
    gains, losses = np.empty(n), np.empty(n)
    for index, group in enumerate(groups):
        gains[:] = 0.0
        losses[:] = 0.0
        means: dict[TermName, float] = {}
        for name, items in terms.declared():
            up, down = (gains, losses) if SIGNS[name] > 0 else (losses, gains)
            with np.errstate(over="ignore", invalid="ignore"):  # told below, by name
                means[name] = _enter(items, index, up, down, totals[name] if totals else None) / n
            if not np.isfinite(means[name]):
                raise FootprintError(
                    f"{name} of group '{group.name}': a draw is not a finite number; expected finite numbers only"
                )
        yield GainsAndLosses(gains, losses, means)


def _enter(items: tuple[TermItem, ...], place: int, up: Array, down: Array, total: Array | None) -> float:
    """Add one term of one group: positive draws to `up`, negative ones to `down`; return its sum over the draws."""
    amounts = [np.asarray(item.amounts[place], dtype=np.float64) for item in items]
    there = [(item, amount) for item, amount in zip(items, amounts, strict=True) if amount.ndim or amount != 0.0]
    if not there:
        return 0.0
    row, product, added = np.empty(BLOCK), np.empty(BLOCK), 0.0
    for start in range(0, up.size, BLOCK):
        cut = slice(start, min(start + BLOCK, up.size))
        part = _row(there, cut, row[: cut.stop - start], product[: cut.stop - start])
        added += float(part.sum())
        if total is not None:
            total[cut] += part
        if part.min() >= 0.0:
            up[cut] += part
        else:
            up[cut] += np.maximum(part, 0.0)
            down[cut] -= np.minimum(part, 0.0)
    return added


def _row(there: list[tuple[TermItem, Array]], cut: slice, row: Array, product: Array) -> Array:
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
