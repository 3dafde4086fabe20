"""Every field that a system file declares, taken away, left `unknown`, or set to `none` or 0: the files and their
numbers.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from commonweal.assessment.row_writer import Writer
from commonweal.assessment.value.ledger_rows import LEDGER_METHOD
from commonweal.assessment.value.value_rows import VALUE_METHOD, value_rows
from commonweal.errors import SystemFileError
from commonweal.evidence.records import Evidence
from commonweal.system.loading import system_from_text

EXAMPLES = Path(__file__).parents[2] / "examples"
Where = tuple[str | int, ...]
Numbers = dict[tuple[str, ...], Evidence]
GONE = object()
# Numbers that sum or divide what is declared.
TOTALS = frozenset(
    {
        "energy_total",
        "carbon_total",
        "term",
        "value",
        "value_at_zero",
        "group_value",
        "weighted_value",
        "benefit_share",
        "burden_share",
        "saved",
        "energy_saved",
        "break_even_tasks",
        "break_even_tasks_with_use",
        "pretraining_energy",
        "adaptation_energy",
        "scratch_energy",
        "value_of_baseline",
        "baseline_value_difference",
        "below_zero_probability",
        "uneven_probability",
    }
)


def declared_in(text: str) -> dict[str, Any]:
    """The fields of a system file, each range as its middle number, so that a total changes only with what is
    declared.
    """
    declared: dict[str, Any] = exact(YAML(typ="safe", pure=True).load(text))
    for asset in declared.get("assets", ()):
        for stage in asset.get("making", ()):
            if "grid" in stage:
                stage["year"] = 2023
    for deployment in declared.get("deployments", ()):
        if isinstance((deployment.get("value") or {}).get("carbon_price"), str):
            deployment["value"]["carbon_price"] = number(200.0, "USD2020/t")
    return declared


def number(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "grade": "literature", "source": "a book"}


def is_number(node: object) -> bool:
    return isinstance(node, Mapping) and "unit" in node and "grade" in node


def exact(node: Any) -> Any:
    if is_number(node):
        middle = node.get("value", node.get("central", (node.get("low", 0) + node.get("high", 0)) / 2))
        return number(middle, node["unit"])
    if isinstance(node, Mapping):
        return {name: exact(one) for name, one in node.items()}
    return [exact(one) for one in node] if isinstance(node, list) else node


def fields(node: Any, where: Where = ()) -> Iterator[Where]:
    """The place of every field and of every entry of a list; a number with its unit is one field."""
    steps = (
        node.items()
        if isinstance(node, Mapping) and not is_number(node)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for step, below in steps:
        yield (*where, step)
        yield from fields(below, (*where, step))


def at(node: Any, where: Where) -> Any:
    for step in where:
        node = node[step]
    return node


def changed(declared: dict[str, Any], where: Where, answer: object) -> dict[str, Any]:
    """The same file with another answer in one place, or with none there."""
    found = copy.deepcopy(declared)
    holder = at(found, where[:-1])
    if answer is GONE:
        del holder[where[-1]]
    else:
        holder[where[-1]] = answer
    return found


def zero(node: Any) -> Any:
    """The same answer with every number in it 0."""
    if is_number(node):
        return number(0.0, node["unit"])
    if isinstance(node, Mapping):
        return {name: zero(one) for name, one in node.items()}
    if isinstance(node, list):
        return [zero(one) for one in node]
    return 0 if isinstance(node, int | float) and not isinstance(node, bool) else node


def numbers(declared: dict[str, Any]) -> Numbers | None:
    """The totals that a file gives, by what they are about; None where it is no system file."""
    try:
        system = system_from_text(json.dumps(declared, ensure_ascii=False))
    except SystemFileError:
        return None
    writers = tuple(Writer(method.name, method.source, 0, "hash") for method in (LEDGER_METHOD, VALUE_METHOD))
    totals: Numbers = {}
    for row in value_rows(system, (), {}, (writers[0], writers[1]), 0):
        result = row.estimate or row.missing
        if result is not None and result.quantity in TOTALS:
            totals[
                (
                    *row.subjects,
                    result.quantity,
                    *(f"{name}={part}" for name, part in sorted((result.group or {}).items())),
                )
            ] = row
    return totals
