"""How claims rest on one another: references that exist and do not go round, and figures of the right kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from graphlib import CycleError, TopologicalSorter

from commonweal.errors import FootprintError
from commonweal.footprint.claims.claim_formulas import FORMULAS, published_price
from commonweal.footprint.claims.claim_inputs import misfit
from commonweal.footprint.claims.claim_records import Claim
from commonweal.footprint.claims.claim_units import Dims, WrittenQuantity, dims_text
from commonweal.system.wording import did_you_mean, listed, shown
from commonweal.system.yaml_tree import Fault


def link_faults(claims: Mapping[str, Claim]) -> list[Fault]:
    """References to nothing, circles, and inputs or results of the wrong kind."""
    faults = []
    for claim in claims.values():
        for name, one in claim.inputs.items():
            if one.claim and one.claim not in claims:
                text = f"claim '{claim.id}': `{name}` names the unknown claim {shown(one.claim)}"
                faults.append(Fault(one.line, partial(_with_names, text, one.claim, claims)))
    if faults:
        return faults
    try:
        order_of(claims)
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        text = (
            f"claims rest on one another in a circle: {' -> '.join(circle)}; expected an end; give one of them a "
            "number of its own"
        )
        return [Fault(claims[circle[0]].line, text)]
    return [fault for claim in claims.values() for fault in _kind_faults(claim, claims)]


def _with_names(text: str, name: str, claims: Mapping[str, Claim]) -> str:
    return f"{text}; the file has: {listed(claims)}{did_you_mean(name, claims)}"


def order_of(claims: Mapping[str, Claim]) -> tuple[str, ...]:
    """The claims so that each comes after those that it rests on."""
    graph = {claim.id: [one.claim for one in claim.inputs.values() if one.claim] for claim in claims.values()}
    return tuple(TopologicalSorter(graph).static_order())


def _kind_faults(claim: Claim, claims: Mapping[str, Claim]) -> list[Fault]:
    if not claim.formula:
        return []
    formula = FORMULAS[claim.formula]
    faults, dims = [], {}
    for name, claim_input in claim.inputs.items():
        quantity = claims[claim_input.claim].claimed if claim_input.claim else claim_input.quantity or claim_input.low
        if quantity is None:
            continue
        dims[name] = quantity.unit.dims
        slot = formula.slots.get(name, formula.free)
        if claim_input.claim and slot is not None and (fault := misfit(quantity, slot)):
            text = f"`{name}` is claim '{claim_input.claim}' with {shown(quantity.text)}, {fault}"
            faults.append(Fault(claim_input.line, f"claim '{claim.id}': {text}"))
    needed = {name for name, slot in formula.slots.items() if slot.needed and slot.kind != "word"}
    faults += _word_faults(claim)
    if faults or not needed <= dims.keys() or not claim.inputs or len(currencies(claim, claims)) > 1:
        return faults or _currency_faults(claim, claims)
    return _result_faults(claim, dims)


def _word_faults(claim: Claim) -> list[Fault]:
    words = {name: one.word for name, one in claim.inputs.items() if one.word}
    if claim.formula != "carbon_price" or words.keys() < FORMULAS["carbon_price"].slots.keys():
        return []
    try:
        published_price(words)
    except FootprintError as error:
        return [Fault(claim.line, f"claim '{claim.id}': {error}")]
    return []


def _result_faults(claim: Claim, dims: Mapping[str, Dims]) -> list[Fault]:
    if FORMULAS[claim.formula].free is not None and len(dims) < len(claim.inputs):
        return []
    try:
        result = FORMULAS[claim.formula].dims(dims)
    except FootprintError as error:
        return [Fault(claim.line, f"claim '{claim.id}': {error}")]
    if result == claim.claimed.unit.dims:
        return []
    text = (
        f"`{claim.formula}` gives {dims_text(result)} from these inputs, and {shown(claim.claimed.text)} is "
        f"{dims_text(claim.claimed.unit.dims)}; expected the same; correct a unit, such as kg/day for a daily figure"
    )
    return [Fault(claim.line, f"claim '{claim.id}': {text}")]


def _currency_faults(claim: Claim, claims: Mapping[str, Claim]) -> list[Fault]:
    found = currencies(claim, claims)
    if len(found) < 2:
        return []
    text = (
        f"has money in {' and '.join(sorted(found))}; expected one currency; convert before, and say at which rate in "
        "`source`"
    )
    return [Fault(claim.line, f"claim '{claim.id}': {text}")]


def currencies(claim: Claim, claims: Mapping[str, Claim]) -> set[str]:
    """The currencies of a claim and of what it rests on directly."""
    quantities: list[WrittenQuantity] = [claim.claimed]
    for one in claim.inputs.values():
        quantities += (
            [claims[one.claim].claimed] if one.claim else [each for each in (one.quantity, one.low, one.high) if each]
        )
    return {quantity.unit.currency for quantity in quantities if quantity.unit.currency}
