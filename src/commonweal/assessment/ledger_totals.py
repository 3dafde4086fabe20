"""Totals of the ledger: what each deployment carries, what stays with everyone else, and all of it together.

A total is the sum over draws of its lines, so what two lines share moves both. Where one line is unknown, or nobody has
declared what making a model took, the total is unknown and says why: a part of a sum is not a sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.assessment.allocation import undeclared, without_making
from commonweal.assessment.ledger import EVERYONE_ELSE, GRADES, Ledger, Line
from commonweal.assessment.spread import spread
from commonweal.evidence.records import Estimate, Missing
from commonweal.system.records import System

TOGETHER = "everyone together"
EMBODIED = "embodied"


@dataclass(frozen=True, slots=True)
class Total:
    """One total, the assets that it is about, and the evidence that it rests on."""

    subjects: tuple[str, ...]
    found: Estimate | Missing
    evidence: tuple[str, ...]


def totals(system: System, books: Ledger, count: int) -> Iterator[Total]:
    """Energy and carbon in all, by who carries it, over `count` draws."""
    for deployment in system.deployments:
        lines = books.of(deployment.key)
        if lines:
            yield from _of(lines, deployment.key, undeclared(system, deployment), count)
    rest = tuple(line for line in books.parts if line.holder == EVERYONE_ELSE)
    everything = (*books.whole, *books.use)
    lacking = without_making(system, [asset.id for asset in system.assets])
    for holder, lines in ((EVERYONE_ELSE, rest), (TOGETHER, everything)):
        if lines:
            yield from _of(lines, holder, lacking, count)


def _of(lines: Sequence[Line], holder: str, lacking: Sequence[str], count: int) -> Iterator[Total]:
    """Energy, without the making of hardware, which is carbon by its nature; and carbon with it."""
    powered = [line for line in lines if line.stage != EMBODIED]
    for quantity, unit, counted in (("energy_total", "kWh", powered), ("carbon_total", "kgCO2e", lines)):
        if not counted:
            continue
        group = {"carried by": holder}
        products = [line.energy if unit == "kWh" else line.carbon for line in counted]
        unknown = [
            reason for line, product in zip(counted, products, strict=True) if product is None
            for reason in line.unknown or (f"{line.stage} of {line.asset} is unknown",)
        ]  # fmt: skip
        reasons = dict.fromkeys((*lacking, *unknown))
        found: Estimate | Missing
        if reasons:
            found = Missing(quantity=quantity, status="not_applicable", reason="; ".join(reasons), group=group)
        else:
            whole = sum((product.draws(count) for product in products if product), start=np.zeros(count))
            over = spread(whole)
            found = Estimate(
                quantity=quantity, unit=unit, value=over.median, low=over.low, high=over.high, n=count, group=group,
                interval="range" if over.low == over.high else "uncertainty",
                method=f"sum over the draws: {', '.join(_names(counted))}", note=_note(counted, unit),
            )  # fmt: skip
        subjects = tuple(dict.fromkeys(line.asset for line in counted))
        yield Total(subjects, found, tuple(dict.fromkeys(row for line in counted for row in line.evidence)))


def _names(lines: Sequence[Line]) -> dict[str, None]:
    return dict.fromkeys(f"{line.stage} of {line.asset}" for line in lines)


def _note(lines: Sequence[Line], unit: str) -> str:
    """The worst grade among the lines; for carbon, whose hardware nobody counted."""
    worst = max((line.grade for line in lines if line.grade), key=GRADES.index, default=None)
    counted = {line.asset for line in lines if line.stage == EMBODIED}
    without = [name for name in dict.fromkeys(line.asset for line in lines) if name not in counted]
    parts = [f"grade: {worst}"] if worst else []
    if unit != "kWh" and without:
        parts.append(f"not declared, so not in it: the carbon of making the hardware for {', '.join(without)}")
    return "; ".join(parts)
