"""Reads one input of a claim: a number with its unit, a word, another claim, or what is not known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from commonweal.footprint.claims.claim_formulas import EXAMPLES, Slot, fits
from commonweal.footprint.claims.claim_records import ClaimInput
from commonweal.footprint.claims.claim_units import MONEY, WrittenQuantity, dims_text, parse_quantity
from commonweal.system.wording import did_you_mean, shown
from commonweal.system.yaml_tree import Entries, Listing, Node, Scalar, is_empty, text_of

Tell = Callable[[int, str], None]
FORMS = (("value", "source"), ("claim", "take"), ("unknown", "from", "to"))
ROUNDING = 1 + 1e-12  # 20,000 W is 20 kW within the last bits of a float
TAKES = ("claimed", "recomputed")
ONLY_RATIO = "for a plain ratio write `88 times` or `37 %`"


@dataclass(frozen=True, slots=True)
class InputContext:
    """Where an input is read: the slot it fills, the further things that the file counts, and whom to tell of a
    fault.
    """

    slot: Slot
    things: Collection[str]
    tell: Tell


def read_input(node: Node, context: InputContext) -> ClaimInput | None:
    """The input that a node gives; None, after telling why with the line, where it gives none."""
    if isinstance(node, Listing) or is_empty(node):
        state = "a list" if isinstance(node, Listing) else "empty"
        context.tell(node.line, f"is {state}; expected {_expected(context.slot)}, or `unknown`")
        return None
    if isinstance(node, Scalar):
        text = (node.text or "").strip()
        if text == "unknown":
            return ClaimInput(node.line, unknown="not given")
        return _given(node.line, text, context)
    return _from_fields(node, context)


def _from_fields(node: Entries, context: InputContext) -> ClaimInput | None:
    fields: dict[str, str] = {}
    form = next((form for form in FORMS if form[0] in node.values), None)
    if form is None:
        context.tell(node.line, "has neither `value` nor `claim` nor `unknown`; expected one of the three")
        return None
    for name, value in node.values.items():
        line = node.key_lines[name]
        if name not in form:
            context.tell(
                line, f"has the unknown field {shown(name)}; expected: {', '.join(form)}{did_you_mean(name, form)}"
            )
            return None
        if not isinstance(value, Scalar):
            context.tell(line, f"has a `{name}` that is not a single value; expected text")
            return None
        fields[name] = (text_of(value) or "").strip()
    if form[0] == "value":
        return _given(node.line, fields["value"], context, fields.get("source", ""))
    return _reference(node.line, fields, context) if form[0] == "claim" else _unknown(node.line, fields, context)


def _reference(line: int, fields: Mapping[str, str], context: InputContext) -> ClaimInput | None:
    take = fields.get("take", "claimed")
    if take not in TAKES:
        context.tell(line, f"has `take` {shown(take)}; expected {' or '.join(TAKES)}{did_you_mean(take, TAKES)}")
        return None
    if context.slot.kind == "word" or not fields["claim"]:
        context.tell(line, f"has {'a' if fields['claim'] else 'an empty'} `claim`; expected {_expected(context.slot)}")
        return None
    return ClaimInput(line, claim=fields["claim"], take_recomputed=take == "recomputed")


def _unknown(line: int, fields: Mapping[str, str], context: InputContext) -> ClaimInput | None:
    ends = [fields.get(name, "") for name in ("from", "to")]
    why = fields["unknown"] or "not given"
    if not any(ends):
        return ClaimInput(line, unknown=why)
    if not all(ends):
        context.tell(line, "has only one end of its range; expected both `from` and `to`")
        return None
    low, high = (_given(line, end, context) for end in ends)
    if low is None or high is None or low.quantity is None or high.quantity is None:
        return None
    if low.quantity.unit.dims != high.quantity.unit.dims or low.quantity.base > high.quantity.base:
        context.tell(line, f"has a range from {ends[0]} to {ends[1]}; expected two of one kind, the smaller first")
        return None
    return ClaimInput(line, unknown=why, low=low.quantity, high=high.quantity)


def _given(line: int, text: str, context: InputContext, source: str = "") -> ClaimInput | None:
    if context.slot.kind == "word":
        if not text:
            context.tell(line, "is empty; expected a word")
            return None
        return ClaimInput(line, word=text, source=source)
    try:
        quantity = parse_quantity(text, context.things)
    except ValueError as error:
        context.tell(line, str(error))
        return None
    fault = misfit(quantity, context.slot)
    if fault:
        context.tell(line, f"is {shown(text)}, {fault}")
        return None
    return ClaimInput(line, quantity=quantity, source=source)


def misfit(quantity: WrittenQuantity, slot: Slot) -> str:
    """Why a quantity cannot stand in a slot, or nothing."""
    dims = quantity.unit.dims
    if not fits(slot.kind, dims):
        kind = "a plain number" if slot.kind == "number" else f"{'an' if slot.kind[0] in 'ei' else 'a'} {slot.kind}"
        got = "without a unit" if not dims else f"which is {dims_text(dims)}"
        return f"{got}; expected {kind}, such as {EXAMPLES[slot.kind]}"
    if quantity.base < 0 and MONEY not in dims:
        return "which is negative; expected 0 or more"
    if MONEY not in dims and not slot.low <= quantity.base <= slot.high * ROUNDING:
        return f"which is too {'small' if quantity.base < slot.low else 'large'}; expected {slot.bounds}"
    return ""


def _expected(slot: Slot) -> str:
    return "a word" if slot.kind == "word" else f"a number with its unit, such as {EXAMPLES[slot.kind]}"
