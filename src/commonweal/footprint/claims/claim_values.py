"""The inputs of a claim in base units, with money brought to one price year, and the value that its formula makes of
them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from commonweal.errors import FootprintError
from commonweal.footprint.claims.claim_formulas import FORMULAS, published_price
from commonweal.footprint.claims.claim_records import Claim, Verdict
from commonweal.footprint.claims.claim_units import UNKNOWN_YEAR, Unit
from commonweal.footprint.money import deflator, price_year


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a judged claim, in base units: its own value, and the value with all that it rests on `rebuilt`.

    `pues`: every PUE above 1 in it or below it. `wrong`: the claims in it or below it that do not follow.
    """

    verdict: Verdict
    recomputed: float | None = None
    rebuilt: float | None = None
    pues: frozenset[float] = frozenset()
    wrong: tuple[str, ...] = ()


@dataclass(slots=True)
class Values:
    """Inputs in base units; what is `missing`; `years`, how money was brought to another price year."""

    numbers: dict[str, float] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    years: list[str] = field(default_factory=list)
    no_deflator: bool = False
    pue_dropped: bool = False


class Inputs:
    """Reads the inputs of one claim, those claims that it rests on being judged already."""

    def __init__(self, claim: Claim, claims: Mapping[str, Claim], known: Mapping[str, Known]) -> None:
        self.claim, self.claims, self.known = claim, claims, known
        self.below = {name: known[claim_input.claim] for name, claim_input in claim.inputs.items() if claim_input.claim}
        given = claim.inputs.get("pue")
        own = None if given is None else claims[given.claim].claimed if given.claim else given.quantity
        self.own_pue = own.base if own is not None and own.base > 1.0 else None
        self.pues = frozenset().union(*(each.pues for each in self.below.values())) | (
            {self.own_pue} if self.own_pue else set()
        )
        self.wrong = tuple(dict.fromkeys(claim_id for each in self.below.values() for claim_id in each.wrong))

    def values(self, *, rebuilt: bool = False, face: bool = False) -> Values:
        """The inputs; `rebuilt`: from recomputed claims all the way; `face`: money taken as if every price year were
        the same.
        """
        values = Values()
        for name, claim_input in self.claim.inputs.items():
            if claim_input.word:
                values.words[name] = claim_input.word
            elif claim_input.unknown:
                values.missing[name] = claim_input.unknown
            elif claim_input.claim:
                self._from_claim(name, values, rebuilt, face)
            elif claim_input.quantity is not None:
                self._enter(name, claim_input.quantity.base, claim_input.quantity.unit, values, face)
        for name, slot in FORMULAS[self.claim.formula].slots.items():
            if slot.needed and name not in self.claim.inputs:
                values.missing[name] = "not given"
        if self.claim.formula == "carbon_price" and self.claim.claimed.unit.price_year == UNKNOWN_YEAR:
            values.missing["claimed"] = "the price year of the claim is unknown"
        energy = self.below.get("energy")
        if "pue" in values.numbers and self.own_pue and energy is not None and energy.pues:
            values.numbers["pue"] = 1.0
            values.pue_dropped = True
        return values

    def compute(self, values: Values, *, face: bool = False) -> float | None:
        """The value of the formula in base units; None: a break-even that never comes."""
        if self.claim.formula == "carbon_price":
            price, unit = published_price(values.words)
            currency, year, _ = price_year(unit)
            own = self.claim.claimed.unit
            return price if face else price * deflator(f"{currency}{year}", f"{own.currency}{own.price_year}")
        value = FORMULAS[self.claim.formula].compute(values.numbers)
        if value is not None and not math.isfinite(value):
            raise FootprintError("the inputs give no finite number; expected numbers that can be multiplied")
        return value

    def dims(self) -> frozenset[str]:
        """Every dimension in the claim and in what it rests on directly."""
        units = [
            self.claim.claimed.unit,
            *(self.claims[one.claim].claimed.unit for one in self.claim.inputs.values() if one.claim),
        ]
        units += [one.quantity.unit for one in self.claim.inputs.values() if one.quantity is not None]
        return frozenset(name for unit in units for name in unit.dims)

    def _from_claim(self, name: str, values: Values, rebuilt: bool, face: bool) -> None:
        claim_input = self.claim.inputs[name]
        below, claimed = self.below[name], self.claims[claim_input.claim].claimed
        value = claimed.base
        if rebuilt and below.rebuilt is not None:
            value = below.rebuilt
        elif claim_input.take_recomputed:
            if below.recomputed is None:
                values.missing[name] = f"claim '{claim_input.claim}' cannot be recomputed"
                return
            value = below.recomputed
        self._enter(name, value, claimed.unit, values, face)

    def _enter(self, name: str, value: float, unit: Unit, values: Values, face: bool) -> None:
        target = self._target()
        if not unit.currency or target is None:
            values.numbers[name] = value
            return
        if UNKNOWN_YEAR in {unit.price_year, target.price_year}:
            values.missing[name] = f"the price year of {'the claim' if unit.price_year else name} is unknown"
            return
        if unit.price_year == target.price_year or face or "deflator" in self.claim.inputs:
            values.numbers[name] = value
            return
        there, here = f"{unit.currency}{unit.price_year}", f"{target.currency}{target.price_year}"
        try:
            factor = deflator(there, here)
        except FootprintError:
            values.missing[name] = f"a deflator from {there} to {here}"
            values.no_deflator = True
            return
        values.numbers[name] = value * factor
        values.years.append(f"{there} became {here} by the consumer price index, x {factor:.4g}")

    def _target(self) -> Unit | None:
        """The unit whose price year counts: the claim's own, or the first input's where the claim is no money."""
        if self.claim.claimed.unit.currency:
            return self.claim.claimed.unit
        for one in self.claim.inputs.values():
            unit = self.claims[one.claim].claimed.unit if one.claim else one.quantity.unit if one.quantity else None
            if unit is not None and unit.currency:
                return unit
        return None
