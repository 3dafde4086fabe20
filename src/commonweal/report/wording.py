"""The words of the dossier: verdicts, statuses, relations, units; and text of strangers cut to fit.

What this module does not do: it never decides a verdict. It says in words what a record already holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commonweal.evidence.numbers import interval_text
from commonweal.evidence.records import Basis, Evidence, Finding, Status, Verdict
from commonweal.files.foreign_text import visible
from commonweal.system.records import AssetKind, Deployment, Relation, System


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the dossier, the sign that stands beside it, and what it means."""

    word: str
    sign: str
    meaning: str


VERDICTS: Mapping[Verdict, Term] = {
    "found": Term("Found", "▲", "the measurement shows it; verdict and interval agree"),
    "not_judged": Term(
        "Could not be judged",
        "?",
        "it was asked, and what came back decides nothing: neither a gap nor the lack of one",
    ),
    "not_shown": Term(
        "Not shown", "○", "the measurement does not show it. That is not evidence that it is absent, or small"
    ),
    "described": Term("Described", "■", "a number without a claim that it is good or bad"),
    "not_measured": Term("Not measured", "–", "there is no number, and the reason is given"),
}
INHERITED = Term("Inherited, not measured here", "↓", "found upstream; whether it shows here has not been measured")
STATUSES: Mapping[Status, str] = {
    "ok": "ok",
    "not_applicable": "not applicable",
    "skipped": "skipped",
    "failed": "failed",
}
UNKNOWN = "unknown"
DECLARED = "declared figure, no interval"
BASES: Mapping[Basis, str] = {
    "measured": "measured",
    "modelled": "estimated by a model, not metered",
    "declared": "declared, or counted from declarations",
    "reported": "reported by people",
    "elicited": "elicited from people",
    "propagated": "propagated: worked out from other rows, not measured here",
    "simulated": "simulated",
}
KINDS: Mapping[AssetKind, str] = {
    "dataset": "dataset",
    "model": "model",
    "adapted_model": "adapted model",
    "application": "application",
}
RELATIONS: Mapping[Relation, str] = {
    "trained_on": "trains",
    "adapted_from": "adapted into",
    "serves": "serves",
    "evaluated_on": "evaluates",
    "feeds_back": "feeds back into",
}
CHAPTERS: Mapping[str, tuple[str, str]] = {
    "inequity": ("Inequity", "who is treated differently"),
    "data": ("Data", "what the training text holds"),
    "misuse": ("Misuse", "what it can be turned to"),
    "environment": ("Environment", "energy and carbon"),
    "homogenization": ("Homogenization", "the same people refused everywhere"),
    "robustness": ("Robustness", "when the input changes"),
    "security": ("Security", "when somebody attacks it"),
    "transparency": ("Transparency", "what is declared and what is not"),
    "simulation": ("Simulation", "deployments run forward"),
    "assessment": ("Downstream", "what follows for people"),
    "recourse": ("Recourse", "what people have reported"),
}
MEASURE = re.compile(r"^[a-z_]+\.(?=[a-z0-9_]+$)")
WEB = re.compile(r"https?://[^\s<>\"'\u0000-\u001f]+[^\s<>\"'.,;:)\]]")


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, on one line, marks made visible; empty text is said to be empty.

    >>> shorten("a long name", 8), shorten("  ", 8)
    ('a long…', '(empty)')
    """
    flat = " ".join(visible(text).split()) or "(empty)"
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def wrap(text: str, width: int, lines: int) -> tuple[str, ...]:
    """Text broken into at most `lines` lines of at most `width` characters, for a picture that cannot wrap by itself.

    >>> wrap("Equal Employment Opportunity Commission", 18, 2)
    ('Equal Employment', 'Opportunity Commi…')
    """
    broken: list[str] = []
    rest = shorten(text, 10_000)
    while rest and len(broken) < lines - 1 and len(rest) > width:
        cut = max(rest.rfind(mark, 0, width) for mark in " -_/")
        cut = cut + 1 if cut > width // 3 else width
        broken.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return (*broken, shorten(rest, width)) if rest else tuple(broken)


def anchor(kind: str, name: str) -> str:
    """The id of a place in the page: the name itself where that is a safe fragment, else with a hash.

    >>> anchor("ev", "0a1b"), anchor("asset", "a b")
    ('ev-0a1b', 'asset-a_b-c8687a08')
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:64]
    return f"{kind}-{safe}" if safe == name and name else f"{kind}-{safe}-{_hash(name)}"


def finding_anchor(finding: Finding) -> str:
    """Where a finding is told; what was not measured is told in one table."""
    return "not-measured" if finding.verdict == "not_measured" else anchor("finding", finding.id)


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def humanise(name: str) -> str:
    """A technical name in words.

    >>> humanise("selection_rate_ratio"), humanise("chapter.new_measure")
    ('Selection rate ratio', 'New measure')
    """
    words = MEASURE.sub("", name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def deployment_name(deployment: Deployment) -> str:
    """What a deployment is called everywhere in the page; its id alone may be that of its application.

    >>> deployment_name(Deployment(application="screener", context="employment"))
    'screener in employment'
    """
    return f"{deployment.key} in {deployment.context}" if deployment.context else deployment.key


def place_name(system: System, kind: str, name: str) -> str:
    """The name of a place: the id, except for a deployment."""
    found = system.deployment(name) if kind == "deployment" else None
    return deployment_name(found) if found is not None else name


def with_deployment_names(system: System, rows: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The rows with each deployment in a group called by its name; the files keep the ids."""
    names = {one.key: deployment_name(one) for one in system.deployments}
    return tuple(_renamed(row, names) for row in rows)


def _renamed(row: Evidence, names: Mapping[str, str]) -> Evidence:
    estimate = row.estimate
    if estimate is None or not estimate.group or "deployment" not in estimate.group:
        return row
    group = {**estimate.group, "deployment": names.get(estimate.group["deployment"], estimate.group["deployment"])}
    return row.model_copy(update={"estimate": estimate.model_copy(update={"group": group})})


def status_word(row: Evidence) -> str:
    """The status in words.

    A figure that lacks a declaration it would be worked out from is unknown, not inapplicable.
    """
    if row.unjudged:
        return VERDICTS["not_judged"].word.lower()
    return UNKNOWN if row.basis == "propagated" and row.status == "not_applicable" else STATUSES[row.status]


def interval_words(row: Evidence) -> str:
    """The interval in words. A figure that is only worked out from declarations was not counted by anybody here."""
    estimate = row.estimate
    if estimate is None:
        return ""
    exact = estimate.interval == "range" and estimate.low == estimate.high
    return DECLARED if exact and row.basis == "propagated" else interval_text(estimate)


def chapter_name(chapter: str) -> str:
    """The area in a word or two."""
    return CHAPTERS[chapter][0] if chapter in CHAPTERS else humanise(chapter)


def chapter_title(chapter: str) -> str:
    """The area, and what it asks.

    >>> chapter_title("misuse"), chapter_title("newcomer")
    ('Misuse: what it can be turned to', 'Newcomer')
    """
    return ": ".join(CHAPTERS[chapter]) if chapter in CHAPTERS else humanise(chapter)


def group_words(group: Mapping[str, str] | None) -> str:
    """A group by its values alone, where the figure already says the attribute.

    >>> group_words({"gender": "women", "race": "Black"}), group_words(None)
    ('women · Black', 'all')
    """
    return " · ".join(group.values()) if group else "all"


def people_a_year(people: float | None) -> str:
    """People reached, in words. What nobody knows is unknown, never 0.

    >>> people_a_year(90000.0), people_a_year(None), people_a_year(0.0)
    ('90,000 people a year', 'people unknown', '0 people a year (declared)')
    """
    if people is None:
        return "people unknown"
    return f"{people:,.0f} people a year" if people else "0 people a year (declared)"


def links(text: str) -> list[tuple[str, str]]:
    """Text cut into (piece, address); only http(s) addresses are ever linked.

    >>> links("see https://a.org/x, or javascript:alert(1)")
    [('see ', ''), ('https://a.org/x', 'https://a.org/x'), (', or javascript:alert(1)', '')]
    """
    pieces, end = [], 0
    for found in WEB.finditer(text):
        pieces += [(text[end : found.start()], ""), (found.group(), found.group())]
        end = found.end()
    return [piece for piece in (*pieces, (text[end:], "")) if piece[0]]
