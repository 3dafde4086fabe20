"""What a dossier shows held against its rows: dossier.json, the findings that follow from the rows, and the page.

The findings and the page are made anew and compared; where another version of commonweal wrote the dossier its words
may differ, and that comparison is left out and told.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

from commonweal.assessment.assess import METHODS, assess
from commonweal.errors import CommonwealError
from commonweal.evidence.records import Evidence, Method
from commonweal.evidence.seals import content_hash
from commonweal.evidence.store import digest
from commonweal.files.text import text_of
from commonweal.report.content import Dossier
from commonweal.report.dossier import render_dossier
from commonweal.verification.folder import READING, Folder, refused
from commonweal.verification.result import Check
from commonweal.verification.sealed import Rows

WORKED_OUT = frozenset(method.name for method in METHODS)
NAMED = 3
FAULTS = (
    CommonwealError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
    MemoryError,
)
"""What working on a stranger's rows may raise. Each says that they are not what a run writes."""


def same_version(dossier: Dossier) -> bool:
    return dossier.run.version == importlib.metadata.version("commonweal")


def check_rows_shown(content: Mapping[str, Any], evidence: Rows) -> Check:
    """Whether the rows of dossier.json are rows of evidence.jsonl, each sealed."""
    shown = content["evidence"]
    other = [
        row["id"] for row in shown if row["id"] in evidence.rows and content_hash(row) != evidence.hashes[row["id"]]
    ]
    absent = [row["id"] for row in shown if row["id"] not in evidence.rows]
    loose = [row["id"] for row in shown if row["id"] in evidence.rows and row["id"] not in evidence.sealed]
    twice = len(shown) - len({row["id"] for row in shown})
    problems = [
        f"dossier.json: {len(ids)} rows {what} ({', '.join(ids[:NAMED])}{', …' if len(ids) > NAMED else ''})"
        for ids, what in (
            (other, "are not those of evidence.jsonl"),
            (absent, "are not in evidence.jsonl"),
            (loose, "have no seal that fits"),
        )
        if ids
    ]
    if twice:
        problems.append(f"dossier.json: {twice} rows are there twice")
    return Check(name="dossier.json", checked=f"{len(shown)} rows against evidence.jsonl", problems=tuple(problems))


def check_findings(dossier: Dossier, methods: Mapping[str, Method]) -> Check:
    """Whether the findings, and the rows that were worked out from rows, are those that follow from the rows."""
    name = "findings"
    if not same_version(dossier):
        why = f"findings not worked out again: written by version {dossier.run.version}"
        return Check(name=name, checked="none", told=(why,), left_out=True)
    problems = []
    own = [row for row in dossier.rows if row.measure not in WORKED_OUT]
    stored = {row.id: row for row in dossier.rows if row.measure in WORKED_OUT}
    system_hash = digest(dossier.system.model_dump(mode="json"))
    if system_hash != dossier.run.system_hash:
        problems.append("dossier.json: the declared system is not the one that was run")
    try:
        weighed = assess(dossier.system, own, methods, system_hash, dossier.run.seed)
    except FAULTS as error:
        return Check(
            name=name,
            checked="none",
            problems=(*problems, f"dossier.json: nothing follows from its rows ({refused(error)})"),
        )
    made = {row.id: row for row in weighed.rows}
    if odd := made.keys() ^ stored.keys():
        problems.append(f"dossier.json: {len(odd)} of the rows that are worked out from others do not follow from them")
    elif any(_number(made[one]) != _number(stored[one]) for one in made):
        problems.append("dossier.json: rows that are worked out from others have other numbers than follow from them")
    said = [finding.model_dump(mode="json") for finding in weighed.findings]
    recorded = [finding.model_dump(mode="json") for finding in dossier.findings]
    if said != recorded:
        first: dict[str, Any] = next((b or a for a, b in _beside(said, recorded) if a != b), {})
        problems.append(
            f"dossier.json: its findings are not those that follow from its rows ({first.get('measure')} on "
            f"{first.get('subject')})"
        )
    return Check(
        name=name, checked=f"{len(recorded)} findings and {len(stored)} rows worked out again", problems=tuple(problems)
    )


def _number(row: Evidence) -> object:
    return row.estimate.model_dump(mode="json") if row.estimate is not None else None


def _beside(said: Sequence[Any], told: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for place in range(max(len(said), len(told))):
        yield (said[place] if place < len(said) else None), (told[place] if place < len(told) else None)


def check_page(folder: Folder, dossier: Dossier) -> Check:
    """Whether dossier.html is the page of dossier.json, but for its drawings."""
    name = "dossier.html"
    try:
        path = folder.file(name)
        if path is None:
            return Check(name=name, checked="nothing", problems=(f"{name} is missing",))
        page = text_of(path)
    except (*READING, CommonwealError) as error:
        return Check(name=name, checked="nothing", problems=(refused(error),))
    if not same_version(dossier):
        why = f"page not drawn again: written by version {dossier.run.version}"
        return Check(name=name, checked="nothing", told=(why,), left_out=True)
    try:
        expected = render_dossier(dossier)
    except FAULTS as error:
        return Check(
            name=name, checked="nothing", problems=(f"{name}: cannot be drawn from dossier.json ({refused(error)})",)
        )
    same = page == expected or parts_of_page(page) == parts_of_page(expected)
    problems = () if same else (f"{name}: does not show what dossier.json holds",)
    return Check(name=name, checked="all of the page but its drawings", problems=problems)


class _Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[tuple[str, Any]] = []
        self._drawing = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "svg":
            self._drawing += 1
        if not self._drawing:
            self.parts.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        if not self._drawing:
            self.parts.append(("/", tag))
        if tag == "svg":
            self._drawing = max(0, self._drawing - 1)

    def handle_data(self, data: str) -> None:
        if not self._drawing and data.strip():
            self.parts.append(("", data.strip()))

    def handle_comment(self, data: str) -> None:
        self.parts.append(("!", data))

    def handle_decl(self, decl: str) -> None:
        self.parts.append(("!", decl))


def parts_of_page(page: str) -> list[tuple[str, Any]]:
    """Tags and texts of a page in their order, without what is drawn (figures depend on the fonts of a machine).

    >>> parts_of_page('<p class="a">12 <svg><path/></svg> %</p>')
    [('p', [('class', 'a')]), ('', '12'), ('', '%'), ('/', 'p')]
    """
    parser = _Parts()
    parser.feed(page)
    parser.close()
    return parser.parts


def measured_rows(dossier: Dossier) -> list[Evidence]:
    """The rows of measures, without those that were worked out from them."""
    return [row for row in dossier.rows if row.measure not in WORKED_OUT]
