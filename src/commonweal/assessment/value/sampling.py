"""Uncertain numbers, declared or measured, as inputs of the ledger and of V(M)."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from commonweal.assessment.value.value_terms import Input
from commonweal.evidence.records import Estimate, Grade
from commonweal.footprint.sampling import conversion, draws
from commonweal.system.uncertain import Uncertain


def drawn(
    name: str, uncertain: Uncertain, n: int, rng: Generator, unit: str | None = None, least: float | None = None
) -> Input:
    """The input itself, drawn once; money of another price year is brought to `unit`, anything else must be in it
    already.

    No draw is below what such a number can be: `least`, by default 0 for whatever is declared as 0 or above.
    """
    rate = conversion(uncertain.unit, unit or uncertain.unit)
    low, high = uncertain.ends
    if least is None:
        least = 0.0 if low >= 0 else -math.inf
    given = np.maximum(draws(uncertain, n, rng), least)
    return Input(name, given if rate == 1.0 else given * rate, low * rate, high * rate, (least, math.inf))


def of_interval(estimate: Estimate, unit: str, grade: Grade, source: str, scale: float = 1.0) -> Uncertain:
    """A measured number as an input, times `scale`.

    Its interval is taken for the 2.5 and 97.5 % quantiles of a lognormal; where it reaches 0, or has the number at one
    end, for the ends of a triangle.
    """
    low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
    if low == high:
        return Uncertain(value=estimate.value * scale, unit=unit, grade=grade, source=source)
    return Uncertain(
        low=low * scale,
        central=estimate.value * scale,
        high=high * scale,
        unit=unit,
        grade=grade,
        source=source,
        shape="lognormal" if 0 < low < estimate.value < high else "triangular",
    )
