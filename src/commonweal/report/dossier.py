"""Write the dossier: one page that needs no network, and the same content as JSON; beside it the carbon statement.

Text from models, data and system files is escaped by the templates, and marks that hide or reverse text are written
out. The page forbids itself all network by its content security policy. What this module does not do: it computes
nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from commonweal.evidence.numbers import duration_text
from commonweal.evidence.records import Evidence, Finding, Method, Run
from commonweal.files.foreign_text import visible
from commonweal.files.lines import put_in_place, writing
from commonweal.report.chapters import write_chapters
from commonweal.report.content import Dossier
from commonweal.report.first_screen import detectable_of, first_screen
from commonweal.report.lineage import place_anchor
from commonweal.report.map import draw_map
from commonweal.report.method_text import method_blocks
from commonweal.report.not_measured import not_measured, unmeasured_count
from commonweal.report.panels import write_panels
from commonweal.report.statement.statement import carbon_statement, has_ledger
from commonweal.report.statement.statement_records import CarbonStatement
from commonweal.report.statement.statement_tex import carbon_sentence
from commonweal.report.table import evidence_table
from commonweal.report.wording import (
    BASES,
    INHERITED,
    KINDS,
    STATUSES,
    VERDICTS,
    anchor,
    chapter_title,
    finding_anchor,
    humanise,
    links,
    people_a_year,
    place_name,
    shorten,
    with_deployment_names,
)
from commonweal.system.records import System
from commonweal.units import UNITS

STATEMENT = "carbon_statement"
FILES = ("dossier.json", "dossier.html", *(f"{STATEMENT}.{kind}" for kind in ("html", "json", "tex")))
PRINTED_PANELS = 40
HASHES_SHOWN = 100
CITED = 12
NOTEBOOK_FIGURES = 3


def write_dossier(
    folder: Path,
    *,
    system: System,
    run: Run,
    findings: Sequence[Finding],
    evidence: Sequence[Evidence],
    methods: Sequence[Method],
) -> Path:
    """Write `dossier.json` and `dossier.html` into a folder, each whole or not at all; return the path of the page."""
    dossier = Dossier(
        system=system, run=run, findings=tuple(findings), evidence=tuple(evidence), methods=tuple(methods)
    )
    return save_dossier(folder, dossier)


def save_dossier(folder: Path, dossier: Dossier) -> Path:
    """Write a dossier, and the carbon statement where its system has a ledger; return the path of its page."""
    page, statement = render_dossier(dossier), statement_files(dossier)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in statement.items():
        if text:
            put_in_place(folder / name, text.encode("utf-8"))
        else:
            with writing(folder / name):
                (folder / name).unlink(missing_ok=True)  # of an earlier run, whose system had a ledger
    put_in_place(folder / "dossier.json", dossier.to_json().encode("utf-8"))
    put_in_place(folder / "dossier.html", page.encode("utf-8"))
    return folder / "dossier.html"


def statement_files(dossier: Dossier) -> dict[str, str]:
    """The three files of the carbon statement by name; each empty where the system has no ledger."""
    statement = carbon_statement(dossier)
    if statement is None:
        return {f"{STATEMENT}.{kind}": "" for kind in ("html", "json", "tex")}
    return {
        f"{STATEMENT}.html": render_statement(statement),
        f"{STATEMENT}.json": statement.to_json(),
        f"{STATEMENT}.tex": carbon_sentence(statement),
    }


def render_statement(statement: CarbonStatement) -> str:
    """The text of `carbon_statement.html`."""
    pages = _environment()
    style = Markup(_source(pages, "dossier.css") + _source(pages, "statement.css"))
    sentence = carbon_sentence(statement)
    policy = content_policy(style, "")
    return pages.get_template("statement.html.j2").render(
        statement=statement, style=style, policy=policy, sentence=sentence
    )


def render_dossier(dossier: Dossier) -> str:
    """The text of `dossier.html`."""
    dossier = dossier.model_copy(update={"rows": with_deployment_names(dossier.system, dossier.rows)})
    pages = _environment()
    style, script = (Markup(_source(pages, name)) for name in ("dossier.css", "dossier.js"))
    cited = [name for finding in dossier.findings if finding.verdict == "found" for name in finding.evidence[:CITED]]
    table = evidence_table(dossier.rows, dossier.methods, cited)
    chapters = write_chapters(dossier)
    panels = write_panels(dossier.system, dossier.findings)
    return pages.get_template("dossier.html.j2").render(
        dossier=dossier,
        system=dossier.system,
        run=dossier.run,
        style=style,
        script=script,
        policy=content_policy(style, script),
        parts=first_screen(dossier),
        map=draw_map(dossier.system, dossier.findings),
        panels=panels,
        print_panels=len(panels) <= PRINTED_PANELS,
        contents=[
            ("summary", "Summary"),
            *((chapter.anchor, chapter.name) for chapter in chapters),
            ("evidence", "Evidence"),
            ("methods", "Methods"),
            ("reproduce", "Reproduce"),
        ],
        rows={row.id: row for row in dossier.rows},
        chapters=chapters,
        methods=_used(dossier),
        unmeasured=not_measured(dossier),
        unmeasured_count=unmeasured_count(dossier),
        statement=f"{STATEMENT}.html" if has_ledger(dossier) else "",
        table=table,
        hashes=input_hashes(dossier.rows),
    )


def notebook_page(dossier: Dossier) -> str:
    """The summary and the figures of what was found, as a page of its own for a notebook."""
    pages = _environment()
    style = Markup(_source(pages, "dossier.css"))
    figures = [
        item
        for chapter in write_chapters(dossier)
        for section in chapter.sections
        for item in section.drawn
        if item.forest is not None and any(line.style == "found" for line in item.forest.rows)
    ]
    return pages.get_template("notebook.html.j2").render(
        dossier=dossier,
        system=dossier.system,
        parts=first_screen(dossier),
        figures=figures[:NOTEBOOK_FIGURES],
        style=style,
        policy=content_policy(style, ""),
    )


def _used(dossier: Dossier) -> list[Method]:
    """The methods by which something was measured or asked; the others have nothing to explain here."""
    used = {row.measure for row in dossier.rows if row.status == "ok" or row.unjudged}
    return [method for method in dossier.methods if method.name in used]


def input_hashes(evidence: Sequence[Evidence]) -> list[tuple[str, str]]:
    """Each input of the run and its hash, once."""
    pairs = dict.fromkeys((name, value) for row in evidence for name, value in row.provenance.inputs.items())
    return sorted(pairs)[:HASHES_SHOWN]


def content_policy(style: str, script: str) -> str:
    """A policy that lets in this style and this script, images written into the page, and nothing else.

    >>> content_policy("a{}", "")[:51]
    "default-src 'none'; style-src 'sha256-X1RutGBrXCt9K"
    """
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _source(pages: Environment, name: str) -> str:
    assert pages.loader is not None
    return pages.loader.get_source(pages, name)[0].replace("\r\n", "\n")


def _shown(value: Any) -> Any:
    """Every text that a template prints passes here before it is escaped."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    """The templates; each is compiled once in a process, which takes longer than to fill it in."""
    pages = Environment(
        loader=PackageLoader("commonweal.report"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(
        humanise=humanise,
        links=links,
        people=people_a_year,
        shorten=shorten,
        duration=duration_text,
        blocks=method_blocks,
        chapter=chapter_title,
    )
    pages.globals.update(
        anchor=anchor,
        finding_anchor=finding_anchor,
        place_anchor=place_anchor,
        place_name=place_name,
        verdicts=VERDICTS,
        inherited=INHERITED,
        statuses=STATUSES,
        bases=BASES,
        kinds=KINDS,
        units=UNITS,
        detectable_of=detectable_of,
    )
    return pages
