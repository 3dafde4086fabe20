"""Reads what stands under `declared`: numbers with their unit, choices, and any further text or number."""

from __future__ import annotations

import re

from commonweal.system.declarations import BY_KEY, DeclarableFact
from commonweal.system.records import Fact
from commonweal.system.wording import did_you_mean, listed, shown
from commonweal.system.yaml_tree import Entries, Fault, Listing, Node, Scalar

ANSWERS = ("none", "unknown")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
LONGEST_NUMBER = 300


def read_declared(name: str, node: Entries) -> tuple[dict[str, Fact], list[Fault]]:
    """The facts of one asset, and what is wrong with them."""
    facts: dict[str, Fact] = {}
    faults: list[Fault] = []
    for key, value in node.values.items():
        try:
            facts[key] = _read(key, value)
        except ValueError as error:
            faults.append(Fault(value.line, f"{name}, declared: `{key}` {error}"))
    return facts, faults


def _read(key: str, node: Node) -> Fact:
    known = BY_KEY.get(key)
    if known is not None and known.field:
        raise ValueError(
            f"is a field of the asset itself; expected it beside `kind`; move the line `{key}: …` out of `declared`"
        )
    if isinstance(node, Listing):
        return _read_list(node, known)
    if not isinstance(node, Scalar):
        raise ValueError(
            "is a group of `name: value` entries; expected text, a number or a list of texts; put the value on one line"
        )
    if node.text is None:
        return None
    if node.text.strip().casefold() in ANSWERS:
        return node.text.strip().casefold()
    if known is None:
        return _as_written(node)
    if known.type == "number":
        return _read_number(node.text, known)
    return _read_choice(node.text, known) if known.type == "choice" else node.text


def _read_list(node: Listing, known: DeclarableFact | None) -> Fact:
    if known is not None and known.type != "text":
        raise ValueError("is a list; expected one value")
    texts = [item.text for item in node.items if isinstance(item, Scalar) and item.text is not None]
    if len(texts) < len(node.items):
        raise ValueError("is a list that holds more than plain texts; expected a list of texts")
    return tuple(texts)


def _read_number(text: str, known: DeclarableFact) -> float:
    assert known.quantity is not None
    try:
        return known.quantity.read(text)
    except ValueError as error:
        raise ValueError(f"{error}; expected {known.quantity.words()}, or `none` or `unknown`") from None


def _read_choice(text: str, known: DeclarableFact) -> str:
    folded = {"true": "yes", "false": "no"}.get(text.strip().casefold(), text.strip().casefold())
    if folded not in known.choices:
        options = (*known.choices, *ANSWERS)
        raise ValueError(f"is {shown(text)}; expected one of: {listed(options)}{did_you_mean(text, options)}")
    return folded


def _as_written(node: Scalar) -> Fact:
    """A further fact, not in the catalogue: a number or true/false where YAML says so, else text."""
    text = node.text or ""
    if node.plain and text in _BOOLEANS:
        return _BOOLEANS[text]
    if node.plain and len(text) <= LONGEST_NUMBER and _NUMBER.fullmatch(text):
        return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)
    return text
