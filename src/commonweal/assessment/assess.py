"""WEIGH: carry findings downstream to people and upstream to whoever can mend them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commonweal.assessment import exposure, shortfall
from commonweal.assessment import intrinsic_extrinsic as both_ends
from commonweal.assessment.exposure import exposures
from commonweal.assessment.findings import findings
from commonweal.assessment.row_writer import Writer
from commonweal.assessment.shortfall import shortfalls
from commonweal.assessment.value import ledger_rows, value_rows
from commonweal.assessment.value.value_findings import value_findings
from commonweal.evidence.records import BothEnds, Evidence, Finding, Method
from commonweal.system.records import System

__all__ = ["METHODS", "Assessment", "assess"]

METHODS = (exposure.METHOD, shortfall.METHOD, both_ends.METHOD, ledger_rows.LEDGER_METHOD, value_rows.VALUE_METHOD)


@dataclass(frozen=True, slots=True)
class Assessment:
    """The propagated rows, what every measure says in words, and how the rows were worked out."""

    rows: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    methods: tuple[Method, ...]
    both_ends: tuple[BothEnds, ...]


def assess(
    system: System, evidence: Sequence[Evidence], methods: Mapping[str, Method], system_hash: str, seed: int
) -> Assessment:
    """Propagate the evidence through the system and put it into words."""
    allowed = {row.id: row.provenance.allowed for row in evidence}

    def writer(method: Method) -> Writer:
        return Writer(method.name, method.source, seed, system_hash, allowed)

    reached = list(exposures(system, evidence, writer(exposure.METHOD)))
    consequences = list(shortfalls(system, evidence, methods, writer(shortfall.METHOD)))
    said = findings(system, (*evidence, *consequences), methods, reached)
    pairings = list(both_ends.both_ends(system, evidence, said, methods, writer(both_ends.METHOD)))
    books = writer(ledger_rows.LEDGER_METHOD), writer(value_rows.VALUE_METHOD)
    valued = list(value_rows.value_rows(system, evidence, methods, books, seed))
    said = (*said, *value_findings(system, valued))
    rows = (
        *(one.row for one in reached),
        *consequences,
        *(row for pairing in pairings for row in pairing.rows),
        *valued,
    )
    used = tuple(method for method in METHODS if any(row.measure == method.name for row in rows))
    return Assessment(rows, said, used, tuple(pairing.record for pairing in pairings))
