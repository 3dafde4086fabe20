"""The evidence table: every row in the words and digits of the page, and packed small where there are many.

What this module does not do: it leaves no row out of the file. Where there are too many to draw at once, the page holds
them as data and draws the page that is asked for.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

from markupsafe import Markup

from commonweal.evidence.numbers import detectable_text, p_text, value_text
from commonweal.evidence.records import Evidence, Method
from commonweal.files.foreign_text import visible
from commonweal.report.wording import (
    STATUSES,
    UNKNOWN,
    VERDICTS,
    anchor,
    group_words,
    humanise,
    interval_words,
    status_word,
)

LAZY_FROM = 201
FALLBACK_ROWS = 100


@dataclass(frozen=True, slots=True)
class TableRow:
    """One evidence row as it is read; the order of the fields is that of the packed data."""

    anchor: str
    id: str
    measure: str
    subject: str
    quantity: str
    who: str
    value: str
    interval: str
    n: str
    p: str
    detectable: str
    basis: str
    status: str
    method: str
    source: str
    note: str
    derived: str


FIELDS = tuple(field.name for field in fields(TableRow))


@dataclass(frozen=True, slots=True)
class EvidenceTable:
    """All rows, what can be chosen in the filters, and the data for the script where rows are drawn on demand."""

    rows: tuple[TableRow, ...]
    total: int
    lazy: bool
    packed: Markup
    measures: tuple[tuple[str, tuple[str, ...]], ...]
    subjects: tuple[str, ...]
    statuses: tuple[str, ...]
    bases: tuple[str, ...]


def table_row(row: Evidence, labels: Mapping[tuple[str, str], str]) -> TableRow:
    """One row in words. A row without a number says so; it never shows 0."""
    estimate = row.estimate
    clusters = f" ({estimate.clusters:,} sampled units)" if estimate and estimate.clusters else ""
    adjusted = p_text(estimate.p_adjusted) if estimate else ""
    raw = p_text(estimate.p_value) if estimate else ""
    against = f" vs {group_words(estimate.reference)}" if estimate and estimate.reference else ""
    return TableRow(
        anchor=anchor("ev", row.id),
        id=row.id,
        measure=row.measure,
        subject=" + ".join(row.subjects),
        quantity=labels.get((row.measure, estimate.quantity), humanise(estimate.quantity).lower()) if estimate else "",
        who=(group_words(estimate.group) if estimate.group else "") + against if estimate else "",
        value=value_text(estimate) if estimate else "no number",
        interval=interval_words(row),
        n=f"{estimate.n:,}{clusters}" if estimate else "",
        p=f"{adjusted} (adjusted{f'; raw {raw}' if raw else ''})" if adjusted else raw,
        detectable=detectable_text(estimate) if estimate else "",
        basis=row.basis,
        status=status_word(row),
        method=estimate.method if estimate else "",
        source=row.provenance.source,
        note=row.note,
        derived=", ".join(row.derived_from[:5])
        + (f" and {len(row.derived_from) - 5} more" if len(row.derived_from) > 5 else ""),
    )


def quantity_labels(methods: Sequence[Method]) -> dict[tuple[str, str], str]:
    return {(method.name, name): quantity.label for method in methods for name, quantity in method.quantities.items()}


def evidence_table(evidence: Sequence[Evidence], methods: Sequence[Method], cited: Sequence[str]) -> EvidenceTable:
    """The table of all rows, in their order; where a page cannot show all, those that are `cited` come first."""
    labels = quantity_labels(methods)
    rows = tuple(table_row(row, labels) for row in evidence)
    lazy = len(rows) >= LAZY_FROM
    if lazy:
        first = set(cited)
        rows = tuple(sorted(rows, key=lambda row: row.id not in first))
    measures = sorted({row.measure for row in rows})
    chapters = dict.fromkeys(name.split(".")[0] for name in measures)
    return EvidenceTable(
        rows=rows[:FALLBACK_ROWS] if lazy else rows,
        total=len(rows),
        lazy=lazy,
        packed=pack(rows) if lazy else Markup(""),
        measures=tuple(
            (chapter, tuple(name for name in measures if name.split(".")[0] == chapter)) for chapter in chapters
        ),
        subjects=tuple(sorted({row.subject for row in rows})),
        statuses=tuple(
            status
            for status in (*STATUSES.values(), VERDICTS["not_judged"].word.lower(), UNKNOWN)
            if any(row.status == status for row in rows)
        ),
        bases=tuple(sorted({row.basis for row in rows})),
    )


def pack(rows: Sequence[TableRow]) -> Markup:
    """The rows for a script element, as JSON (each distinct text once, rows as indices into them), gzipped, in base64.

    >>> unpacked = json.loads(gzip.decompress(base64.b64decode(pack([TableRow(*(["</script>"] * 17))]))))
    >>> unpacked["fields"][:2], unpacked["texts"]
    (['anchor', 'id'], ['</script>'])
    """
    texts: dict[str, int] = {}
    values = attrgetter(*FIELDS)
    packed = [[texts.setdefault(visible(text), len(texts)) for text in values(row)] for row in rows]
    data = json.dumps(
        {"fields": FIELDS, "texts": list(texts), "rows": packed}, ensure_ascii=False, separators=(",", ":")
    )
    return Markup(base64.b64encode(gzip.compress(data.encode("utf-8", "replace"), mtime=0)).decode("ascii"))
