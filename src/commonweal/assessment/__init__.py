"""WEIGH: carry findings downstream to people and upstream to whoever can mend them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commonweal.assessment import exposure, shortfall
from commonweal.assessment.exposure import exposures
from commonweal.assessment.findings import findings
from commonweal.assessment.rows import Writer
from commonweal.assessment.shortfall import shortfalls
from commonweal.evidence.records import Evidence, Finding, Method
from commonweal.system.records import System

__all__ = ["Assessment", "assess"]


@dataclass(frozen=True, slots=True)
class Assessment:
    """The propagated rows, and what every measure says in words."""

    rows: tuple[Evidence, ...]
    findings: tuple[Finding, ...]


def assess(
    system: System, evidence: Sequence[Evidence], methods: Mapping[str, Method], system_hash: str, seed: int
) -> Assessment:
    """Propagate the evidence through the system and put it into words."""
    reached = list(exposures(system, evidence, Writer("assessment.exposure", exposure.SOURCE, seed, system_hash)))
    consequences = list(shortfalls(system, evidence, Writer("assessment.shortfall", shortfall.SOURCE, seed, system_hash)))
    rows = (*(one.row for one in reached), *consequences)
    return Assessment(rows, findings(system, (*evidence, *consequences), methods, reached))
