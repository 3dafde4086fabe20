"""Totals of the ledger: what each deployment carries, what stays with everyone else, and all of it together.

A total is the sum over draws of its lines, so what two lines share moves both. Where one line is unknown, or nobody has
declared what making a model took, the total is unknown and says why: a part of a sum is not a sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.assessment.value.allocation import EMBODIED, without_hardware, without_making, without_origin
from commonweal.assessment.value.ledger import EVERYONE_ELSE, UNALLOCATED, CarbonLedger, LedgerLine, worst
from commonweal.assessment.value.spread import spread
from commonweal.assessment.value.value_estimates import Grounds, missing_for, over_draws
from commonweal.evidence.records import Estimate, Missing
from commonweal.system.records import System

TOGETHER = "everyone together"


@dataclass(frozen=True, slots=True)
class Total:
    """One total, the assets that it is about, and the evidence that it rests on."""

    subjects: tuple[str, ...]
    found: Estimate | Missing
    evidence: tuple[str, ...]


def totals(system: System, books: CarbonLedger, count: int) -> Iterator[Total]:
    """Energy and carbon in all, by who carries it, over `count` draws."""
    for deployment in system.deployments:
        lines = books.of(deployment.key)
        if lines:
            lacking = books.carried.undeclared(deployment)
            hardware = books.carried.undeclared_hardware(deployment)
            yield from _of(lines, deployment.key, (lacking, hardware), count)
    names = [asset.id for asset in system.assets]
    applications = dict.fromkeys(one.application for one in system.deployments)
    served = [reason for name in applications for reason in books.carried.without_model(name)]
    apart = ((*without_origin(system, names), *without_making(system, names)), without_hardware(system, names))
    together = ((*apart[0], *served), apart[1])
    for holder, lines, lack in (
        (EVERYONE_ELSE, books.of(EVERYONE_ELSE), apart),
        (UNALLOCATED, books.of(UNALLOCATED), apart),
        (TOGETHER, (*books.whole, *books.use), together),
    ):
        if lines:
            yield from _of(lines, holder, lack, count)


def _of(
    lines: Sequence[LedgerLine], holder: str, lacking: tuple[Sequence[str], Sequence[str]], count: int
) -> Iterator[Total]:
    """Energy, without the making of hardware, which is carbon by its nature; and carbon with it.

    `lacking`: why what was made is not known whole, and why the carbon of making hardware is not.
    """
    powered = [line for line in lines if line.stage != EMBODIED]
    for quantity, unit, counted in (("energy_total", "kWh", powered), ("carbon_total", "kgCO2e", lines)):
        if not counted:
            continue
        group = {"carried by": holder}
        products = [line.energy if unit == "kWh" else line.carbon for line in counted]
        unknown = [
            reason
            for line, product in zip(counted, products, strict=True)
            if product is None
            for reason in line.unknown or (f"{line.title} is unknown",)
        ]
        reasons = dict.fromkeys((*lacking[0], *(lacking[1] if unit != "kWh" else ()), *unknown))
        total: Estimate | Missing
        if reasons:
            total = missing_for(quantity, tuple(reasons), group)
        else:
            whole = sum((product.draws(count) for product in products if product), start=np.zeros(count))
            method = f"sum over the draws: {', '.join(_names(counted))}"
            total = over_draws((quantity, unit), spread(whole), group, method, _grounds(counted, unit))
        subjects = tuple(dict.fromkeys(line.asset for line in counted))
        yield Total(subjects, total, tuple(dict.fromkeys(row for line in counted for row in line.evidence)))


def _names(lines: Sequence[LedgerLine]) -> dict[str, None]:
    return dict.fromkeys(line.title for line in lines)


def _grounds(lines: Sequence[LedgerLine], unit: str) -> Grounds:
    """The worst grade among the lines; for carbon, whose hardware nobody counted."""
    products = [(line, line.energy if unit == "kWh" else line.carbon) for line in lines]
    least = worst(product.grade for _, product in products if product and product.grade)
    counted = {line.asset for line in lines if line.stage == EMBODIED}
    without = [name for name in dict.fromkeys(line.asset for line in lines) if name not in counted]
    parts = []
    single = [
        line.title
        for line, product in products
        if product and all(one.ends[0] == one.ends[1] for one in product.inputs)
    ]
    if single and len(single) < len(lines):
        parts.append(f"without the error of {', '.join(dict.fromkeys(single))}, declared as one number")
    if unit != "kWh" and without:
        parts.append(f"not declared, so not in it: the carbon of making the hardware for {', '.join(without)}")
    return Grounds(least, remark="; ".join(parts))
