"""What a missing input would have to be for a claim to follow, and what the claim would be within its public range."""

from __future__ import annotations

from collections.abc import Mapping

from commonweal.errors import FootprintError
from commonweal.footprint.claims.claim_formulas import EXAMPLES, FORMULAS, Slot
from commonweal.footprint.claims.claim_records import Claim
from commonweal.footprint.claims.claim_units import Unit, parse_quantity
from commonweal.footprint.claims.claim_words import number_text

# Tried in turn, in base units: each formula is monotone in each input, so one change of sign brackets the answer.
PER_DECADE, LEAST, MOST = 10, -9, 12
TRIED: tuple[float, ...] = (
    0.0,
    *(10.0 ** (step / PER_DECADE) for step in range(LEAST * PER_DECADE, MOST * PER_DECADE + 1)),
)
HALVINGS = 200


def needed_text(claim: Claim, numbers: Mapping[str, float], name: str) -> str:
    """A sentence on the one missing input `name`; empty where nothing can be said."""
    formula = FORMULAS[claim.formula]
    slot = formula.slots.get(name, formula.free)
    if slot is None or slot.kind == "word":
        return ""
    claim_input = claim.inputs.get(name)
    unit = claim_input.low.unit if claim_input is not None and claim_input.low is not None else _usual_unit(slot)
    parts = []
    needed = needed_value(claim, numbers, name, slot)
    if needed is not None and unit is not None:
        parts.append(f"the claim needs {name} = {number_text(needed / unit.factor)} {_label(unit)}".rstrip())
    if claim_input is not None and claim_input.low is not None and claim_input.high is not None:
        ends = [_value(claim, numbers, name, end.base) for end in (claim_input.low, claim_input.high)]
        within = " to ".join(number_text(None if end is None else end / claim.claimed.unit.factor) for end in ends)
        parts.append(f"with {name} from {claim_input.low.text} to {claim_input.high.text} it would be {within}")
    return "; ".join(parts)


def needed_value(claim: Claim, numbers: Mapping[str, float], name: str, slot: Slot) -> float | None:
    """The input, in base units, with which the formula gives what is claimed; None where no value in its range does."""
    wanted = claim.claimed.base
    before: tuple[float, float] | None = None
    for tried in TRIED:
        value = _value(claim, numbers, name, tried) if slot.low <= tried <= slot.high else None
        if value is None:
            before = None
            continue
        if value == wanted:
            return tried
        if before is not None and (before[1] < wanted) != (value < wanted):
            return _bisected(claim, numbers, name, before[0], tried)
        before = (tried, value)
    return None


def _bisected(claim: Claim, numbers: Mapping[str, float], name: str, low: float, high: float) -> float | None:
    rises = (_value(claim, numbers, name, low) or 0.0) < claim.claimed.base
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        value = _value(claim, numbers, name, middle)
        if value is None:
            return None
        if (value < claim.claimed.base) == rises:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _value(claim: Claim, numbers: Mapping[str, float], name: str, value: float) -> float | None:
    try:
        return FORMULAS[claim.formula].compute({**numbers, name: value})
    except FootprintError:
        return None


def _usual_unit(slot: Slot) -> Unit | None:
    return None if slot.kind in {"any", "price", "word"} else parse_quantity(EXAMPLES[slot.kind]).unit


def _label(unit: Unit) -> str:
    return "" if unit.text == "1" else unit.text
