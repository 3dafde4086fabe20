"""How the assessment writes its own rows: propagated, with what they were derived from.

What this module does not do: it never measures. Everything here is worked out from evidence and declarations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from commonweal.evidence.records import Estimate, Evidence, Missing, Provenance
from commonweal.evidence.store import digest

VERSION = 1


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes the rows of one assessment; ids depend on the content and on what it was derived from."""

    name: str
    source: str
    seed: int
    system_hash: str

    def row(self, subjects: tuple[str, ...], found: Estimate | Missing | str, derived_from: Iterable[str]) -> Evidence:
        """One row. A text instead of a number says what is known without one."""
        origin = tuple(derived_from)
        content = found if isinstance(found, str) else found.model_dump(mode="json")
        note = found if isinstance(found, str) else found.note if isinstance(found, Estimate) else found.reason
        return Evidence(
            id=digest(self.name, VERSION, subjects, content, origin, self.system_hash),
            subjects=subjects,
            measure=self.name,
            basis="propagated",
            status=found.status if isinstance(found, Missing) else "ok",
            estimate=found if isinstance(found, Estimate) else None,
            missing=found if isinstance(found, Missing) else None,
            note=note,
            provenance=Provenance(
                source=self.source,
                measure=self.name,
                version=VERSION,
                inputs={"system": self.system_hash},
                seed=self.seed,
                started=datetime.now(UTC).isoformat(timespec="seconds"),
                duration_s=0.0,
            ),
            derived_from=origin,
        )
