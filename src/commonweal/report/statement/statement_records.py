"""What a carbon statement holds: the shape of `carbon_statement.json`, whose schema is docs/statement.schema.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from commonweal.report.statement.statement_numbers import TAGS, Number, StatementRecord, Tag

SCHEMA: Literal["commonweal-carbon-statement/1"] = "commonweal-carbon-statement/1"
OFFSETS = "Offsets are shown as declared. They are never subtracted from the carbon above."


class Entry(StatementRecord):
    """One stage of making, one use, one total: its numbers by name, and what is said of it in words."""

    title: str
    subject: str
    stage: str = ""
    numbers: Mapping[str, Number]
    facts: Mapping[str, str] = Field(default_factory=dict)


class MitigationEntry(StatementRecord):
    """A mitigation: applied or declined, why, and what it saves."""

    asset: str
    what: str
    status: Literal["applied", "considered", "declined"]
    reason: str
    saves: Number


class OffsetEntry(StatementRecord):
    """An offset: what was paid for elsewhere."""

    asset: str
    what: str
    carbon: Number


class CarbonStatement(StatementRecord):
    """All that the three files say."""

    schema_name: Literal["commonweal-carbon-statement/1"] = Field(default=SCHEMA, alias="schema")
    system: str
    version: str
    started: str
    totals: tuple[Entry, ...]
    making: tuple[Entry, ...]
    undeclared: tuple[Entry, ...] = Field(description="models of which nobody declared what making them took")
    use: tuple[Entry, ...]
    carried: tuple[Entry, ...] = Field(
        description="the parts of making that each deployment, and everyone else, carries"
    )
    measured_here: tuple[Entry, ...]
    mitigations: tuple[MitigationEntry, ...]
    offsets: tuple[OffsetEntry, ...]
    offsets_note: str = OFFSETS
    costs: tuple[Entry, ...]
    valued_by: str = Field(
        default="", description="whose rows the costs are; its section of the dossier says what the whole is worth"
    )
    tags: Mapping[Tag, str] = Field(default_factory=lambda: dict(TAGS))
    rows_by_tag: Mapping[Tag, int] = Field(
        description="rows of the ledger and of measured energy, by how they are known"
    )
    unknown: tuple[str, ...] = Field(description="why numbers are missing, each reason once")

    def to_json(self) -> str:
        """The text of `carbon_statement.json`."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"


def statement_schema_text() -> str:
    """The text of docs/statement.schema.json."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA}
    return (
        json.dumps(
            head | CarbonStatement.model_json_schema(mode="serialization", by_alias=True), indent=2, ensure_ascii=False
        )
        + "\n"
    )
