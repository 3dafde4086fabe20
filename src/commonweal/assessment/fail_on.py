"""When a finding should make the command fail: `--fail-on found`, or `--fail-on 'MEASURE:QUANTITY<VALUE'`.

A row is beyond a limit only if its whole interval is. A limit that no row can answer is not met silently: it is
reported as undecided.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commonweal.errors import OptionError
from commonweal.evidence.records import Evidence, Finding, Method

EXPRESSION = re.compile(
    r"^(?P<measure>\w[\w.]*):(?P<quantity>[a-z][a-z0-9_]*)(?P<sign>[<>])(?P<value>-?\d+(\.\d+)?([eE]-?\d+)?)$"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One `--fail-on`. `found`: any finding with that verdict; else a limit on one quantity of one measure."""

    text: str
    measure: str = ""
    quantity: str = ""
    above: bool = False
    value: float = 0.0


def parse_condition(text: str, methods: Mapping[str, Method]) -> Condition:
    """Read one condition.

    >>> parse_condition("found", {}).text
    'found'
    """
    if text == "found":
        return Condition(text)
    match = EXPRESSION.match(text.replace(" ", ""))
    if match is None:
        raise OptionError(f"--fail-on: got '{text}', expected 'found' or MEASURE:QUANTITY<VALUE{_such_as(methods)}")
    measure, quantity = match["measure"], match["quantity"]
    if measure not in methods:
        raise OptionError(f"--fail-on: no measure '{measure}'; there are: {', '.join(sorted(methods))}")
    if quantity not in methods[measure].quantities:
        raise OptionError(
            f"--fail-on: {measure} has no quantity '{quantity}'; it has: {', '.join(methods[measure].quantities)}"
        )
    return Condition(text, measure, quantity, match["sign"] == ">", float(match["value"]))


def _such_as(methods: Mapping[str, Method]) -> str:
    """The four-fifths line as an example, where a measure has a ratio for it."""
    ratios = (
        f"{method.name}:{name}"
        for method in methods.values()
        for name, one in method.quantities.items()
        if one.role == "favourable_rate_ratio"
    )
    return next((f", such as '{ratio}<0.8'" for ratio in ratios), "")


def judge(
    condition: Condition, evidence: Sequence[Evidence], findings: Sequence[Finding]
) -> tuple[tuple[str, ...], bool]:
    """Ids of the rows (or findings) beyond the condition, and whether any row could answer it at all."""
    if condition.text == "found":
        found = tuple(finding.id for finding in findings if finding.verdict == "found")
        return found, any(finding.verdict not in {"not_judged", "not_measured"} for finding in findings)
    rows = [
        row
        for row in evidence
        if row.measure == condition.measure and row.estimate and row.estimate.quantity == condition.quantity
    ]
    return tuple(row.id for row in rows if _is_beyond(row, condition)), bool(rows)


def _is_beyond(row: Evidence, condition: Condition) -> bool:
    assert row.estimate is not None
    if condition.above:
        return (row.estimate.value if row.estimate.low is None else row.estimate.low) > condition.value
    return (row.estimate.value if row.estimate.high is None else row.estimate.high) < condition.value
