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
from commonweal.system.records import System

SCHEMA: Literal["commonweal-dossier/1"] = "commonweal-dossier/1"
LINE_CHARACTERS = 200


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

    def __repr__(self) -> str:
        """Three lines: what it is of and the first finding, what came of all comparisons, and where the page is.

        The lines are short; `answer_lines` has them whole.
        """
        from commonweal.report.answer_lines import answer_lines  # noqa: PLC0415 - it reads dossiers itself

        first, *_, counts = answer_lines(self)
        name = f"Dossier of {visible(self.system.name)}: {visible(first)}"
        return "\n".join((_cut(name), _cut(counts), str(self.path or "not written to a folder")))

    def _repr_html_(self) -> str:
        """The summary with its figures, for a notebook; a frame of its own that runs no script."""
        from commonweal.report.dossier import notebook_page  # noqa: PLC0415 - it renders dossiers itself

        return f'<iframe sandbox srcdoc="{escape(notebook_page(self))}" width="100%" height="640"></iframe>'


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


def _cut(line: str) -> str:
    return line if len(line) <= LINE_CHARACTERS else line[: LINE_CHARACTERS - 1] + "…"


if __name__ == "__main__":
    print(dossier_schema_text(), end="")
