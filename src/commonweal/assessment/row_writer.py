"""How the assessment writes its own rows: propagated, with what they were derived from.

What this module does not do: it never measures. Everything here is worked out from evidence and declarations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from commonweal.evidence.records import Estimate, Evidence, Missing, Provenance
from commonweal.evidence.store import digest
from commonweal.system.records import Deployment

VERSION = 6


def deployment_name(deployment: Deployment) -> str:
    """What a deployment is called in words; its id alone may be that of its application.

    >>> deployment_name(Deployment(application="screener", context="employment"))
    'screener in employment'
    """
    return f"{deployment.key} in {deployment.context}" if deployment.context else deployment.key


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes the rows of one assessment; ids depend on the content and on what it was derived from.

    `allowed`: evidence id -> what was allowed for it; a row needed all that its origins needed.
    """

    name: str
    source: str
    seed: int
    system_hash: str
    allowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def row(self, subjects: tuple[str, ...], result: Estimate | Missing | str, derived_from: Iterable[str]) -> Evidence:
        """One row; a text says what is known where there is no number."""
        origin = tuple(derived_from)
        allowed = tuple(sorted({name for row in origin for name in self.allowed.get(row, ())}))
        content = result if isinstance(result, str) else result.model_dump(mode="json")
        note = result if isinstance(result, str) else result.note if isinstance(result, Estimate) else result.reason
        return Evidence(
            id=digest(self.name, VERSION, subjects, content, origin, allowed, self.system_hash),
            subjects=subjects,
            measure=self.name,
            basis="propagated",
            status=result.status if isinstance(result, Missing) else "ok",
            estimate=result if isinstance(result, Estimate) else None,
            missing=result if isinstance(result, Missing) else None,
            note=note,
            facts=None if isinstance(result, str) else result.facts,
            provenance=Provenance(
                source=self.source,
                measure=self.name,
                version=VERSION,
                inputs={"system": self.system_hash},
                seed=self.seed,
                started=datetime.now(UTC).isoformat(timespec="seconds"),
                duration_s=0.0,
                allowed=allowed,
            ),
            derived_from=origin,
        )
