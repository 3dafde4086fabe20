"""What a dossier holds, and how it is kept as JSON.

What this module does not do: it renders no page (see `dossier`) and works out nothing.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from commonweal.evidence.frame import evidence_frame
from commonweal.evidence.records import BothEnds, Evidence, Finding, Method, Run
from commonweal.files.foreign_text import visible
from commonweal.report.wording import VERDICTS, people_a_year
from commonweal.system.records import System

SCHEMA: Literal["commonweal-dossier/1"] = "commonweal-dossier/1"
NOTEBOOK_FINDINGS = 12


class Dossier(BaseModel):
    """Everything that one run has to say: the system, the run, the findings, the evidence and how it was measured."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, serialize_by_alias=True
    )

    schema_name: Literal["commonweal-dossier/1"] = Field(
        default=SCHEMA, alias="schema", description="format of this file"
    )
    system: System = Field(description="the declared system")
    run: Run = Field(description="what is needed to repeat the run, and the questions that the system file leaves open")
    findings: tuple[Finding, ...] = Field(description="what is said, each with the ids of the evidence it rests on")
    rows: tuple[Evidence, ...] = Field(alias="evidence", description="every evidence row; ids are unique")
    methods: tuple[Method, ...] = Field(description="how each measure works, its source, and what it does not show")
    both_ends: tuple[BothEnds, ...] = Field(
        default=(), description="models and applications on them that were both measured"
    )
    path: Path | None = Field(default=None, exclude=True, description="where dossier.html was written")

    @property
    def evidence(self) -> pl.DataFrame:
        """The evidence as a polars frame, one line per row."""
        return evidence_frame(self.rows)

    def to_json(self) -> str:
        """The text of `dossier.json`."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"

    def _repr_html_(self) -> str:
        """A short summary for a notebook: the findings, whom they reach, and where the page is."""
        shown = "".join(_summary_item(finding) for finding in self.findings[:NOTEBOOK_FINDINGS])
        more = len(self.findings) - NOTEBOOK_FINDINGS
        rest = f"<p>and {more} more findings.</p>" if more > 0 else ""
        none = "" if self.findings else "<p>No finding: nothing was measured.</p>"
        where = f"<p>Full dossier: <code>{_safe(str(self.path))}</code></p>" if self.path else ""
        if self.path and self.path.is_absolute():
            where = (
                f'<p><a href="{_safe(self.path.as_uri())}">Full dossier</a>: <code>{_safe(str(self.path))}</code></p>'
            )
        return f"<section><h3>{_safe(self.system.name)}</h3>{none}<ul>{shown}</ul>{rest}{where}</section>"


def dossier_schema() -> dict[str, Any]:
    """JSON Schema of `dossier.json`, generated from the records; kept at docs/dossier.schema.json."""
    schema = Dossier.model_json_schema(mode="serialization", by_alias=True)
    schema["properties"].pop("path", None)
    system = schema["$defs"]["System"]
    system["properties"].pop("folder", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}


def dossier_schema_text() -> str:
    """The schema as it stands in docs/dossier.schema.json."""
    return json.dumps(dossier_schema(), indent=2, ensure_ascii=False) + "\n"


def _summary_item(finding: Finding) -> str:
    people = [place for place in finding.reach if place.kind == "population"]
    reach = "; ".join(f"{_safe(place.target)}: {people_a_year(place.people_per_year)}" for place in people)
    reaches = f"<br><small>reaches {reach}</small>" if reach else ""
    return f"<li><strong>{_safe(VERDICTS[finding.verdict].word)}</strong>: {_safe(finding.headline)}{reaches}</li>"


def _safe(text: str) -> str:
    return escape(visible(text))


if __name__ == "__main__":
    print(dossier_schema_text(), end="")
