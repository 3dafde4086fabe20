"""The carbon statement as a sentence or two of LaTeX, for a paper: energy, carbon, grid, hours, what is not known,
mitigations.

Needs no package. Text of strangers is escaped, so that it can neither end the sentence nor run a command. What this
module does not do: it adds no number.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence

from commonweal.report.statement.statement_numbers import Number
from commonweal.report.statement.statement_records import CarbonStatement, Entry, MitigationEntry, OffsetEntry
from commonweal.report.wording import shorten

NAME, REASON = 120, 200  # characters
STAGES, REASONS = 6, 4
LINE = 110
ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''", "`": r"\textasciigrave{}", "−": "$-$", "×": r"$\times$", "–": "--", "—": "---", "…": r"\ldots{}",
    "“": "``", "”": "''", "‘": "`", "’": "'", "⟨": r"\textless{}", "⟩": r"\textgreater{}", "\u00a0": "~",
    "\ue000": "{}",
}  # fmt: skip
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
RAISED = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
APART = "-\ue000"  # two hyphens of somebody's text stay two
LAST_LATIN = "\u017f"  # what LaTeX sets without a further font: Latin letters with their accents


def latex(text: str, limit: int = NAME) -> str:
    r"""Text of anybody as LaTeX text, on one line; marks that hide are written out.

    >>> latex("50 % of R&D_x {a} \\input"), latex("1.2 × 10⁻⁶")
    ('50 \\% of R\\&D\\_x \\{a\\} \\textbackslash{}input', '1.2 $\\times$ 10$^{-6}$')
    """
    flat = re.sub("-(?=-)", APART, unicodedata.normalize("NFC", shorten(text, limit)))
    parts = RAISED.split(flat)
    raised = [f"$^{{{found.translate(SUPERSCRIPTS)}}}$" for found in RAISED.findall(flat)] + [""]
    return "".join(
        "".join(ESCAPES.get(char, char) for char in part) + power for part, power in zip(parts, raised, strict=True)
    )


def carbon_sentence(statement: CarbonStatement) -> str:
    """The text of `carbon_statement.tex`: comments, then two sentences."""
    body = " ".join((_numbers(statement), _mitigated(statement)))
    comments = [
        f"% Carbon impact statement, written by commonweal {statement.version} from carbon_statement.json. UTF-8; "
        "needs no package.",
        "% Tags: measured (here), modelled (here), declared (grade of the weakest declaration); unknown is never 0.",
    ]
    if any(char > LAST_LATIN for char in body):
        comments.append("% It holds letters beyond Latin: use XeLaTeX or LuaLaTeX with a font that has them.")
    wrapped = textwrap.wrap(body, LINE, break_long_words=False, break_on_hyphens=False)
    return "\n".join((*comments, *wrapped)) + "\n"


def _numbers(statement: CarbonStatement) -> str:
    """In all, then stage by stage, then use by use."""
    whole = next((entry for entry in statement.totals if entry.subject == "everyone together"), None)
    name = rf"\emph{{{latex(statement.system)}}}"
    if whole is None or all(number.tag == "unknown" for number in whole.numbers.values()):
        opening = f"What making and using {name} takes in all is unknown"
    else:
        note = whole.numbers["carbon"].note if "carbon" in whole.numbers else ""
        without = f" ({latex(note, REASON)})" if note else ""
        opening = f"Making and using {name} takes, in all that is counted, {_pair(whole)}{without}"
    stages = [_stage(entry) for entry in statement.making] + [_stage(entry) for entry in statement.use]
    more = len(stages) - STAGES
    stages = [*stages[:STAGES], f"and {more} more stages in the full statement"] if more > 0 else stages
    unmade = [latex(entry.subject) for entry in statement.undeclared]
    nothing = [f"what making {', '.join(unmade[:REASONS])} took is not declared"] if unmade else []
    return f"{opening}: {'; '.join([*stages, *nothing])}." if stages or nothing else f"{opening}."


def _pair(entry: Entry) -> str:
    kinds = (("energy", "energy"), ("carbon", "carbon"))
    return " and ".join(_said(entry.numbers[name], word) for name, word in kinds if name in entry.numbers)


def _said(number: Number, what: str) -> str:
    """A number with its interval and how it is known."""
    if number.tag == "unknown":
        return f"unknown {what}"
    interval = f"{_units(number.interval_text)}; " if number.low != number.high and number.interval_text else ""
    return f"{_units(number.text)} ({interval}{_known(number)})"


def _ranged(number: Number, source: str = "") -> str:
    """A declared number with its range, how it is known and, where asked, its source."""
    interval = f"{_units(number.interval_text)}; " if number.interval_text else ""
    return f"{_units(number.text)} ({interval}{_known(number)}{f': {source}' if source else ''})"


def _units(text: str) -> str:
    """One of our own numbers with its unit, or an interval."""
    together = re.sub(r"(?<=\d) (?!to )(?=[A-Za-z])", "~", latex(text, REASON), count=1)
    return together.replace("kgCO2e", r"kg~CO\textsubscript{2}e")


def _known(number: Number) -> str:
    return f"{number.tag}, {number.grade}" if number.grade and number.tag == "declared" else number.tag


def _stage(entry: Entry) -> str:
    """One stage: energy, carbon, hours and hardware, PUE, grid with its year and source."""
    numbers, facts = entry.numbers, entry.facts
    details = []
    if "compute_hours" in numbers and numbers["compute_hours"].tag != "unknown":
        power = numbers["device_power"]
        at = f" at {_ranged(power)}" if power.tag != "unknown" else ""
        details.append(f"{_units(numbers['compute_hours'].text)} of device time{at}")
    if "years_counted" in facts:
        details.append(f"over {latex(facts['years_counted'])}")
    if "hardware" in facts:
        details.append(f"hardware: {latex(facts['hardware'])}")
    if "pue" in numbers:
        pue = numbers["pue"]
        details.append(latex(f"PUE {pue.reason}") if pue.tag == "unknown" else f"PUE {_ranged(pue)}")
    if "region" in facts:
        grid = numbers["grid_intensity"]
        at = "" if grid.tag == "unknown" else f" at {_ranged(grid, latex(grid.source, REASON))}"
        details.append(f"grid: {latex(facts['region'])}{at}")
    told = f" [{'; '.join(details)}]" if details else ""
    return f"{latex(entry.title[:1].lower() + entry.title[1:])} takes {_pair(entry)}{told}"


def _mitigated(statement: CarbonStatement) -> str:
    """Mitigations applied and declined, offsets, and why what is unknown is unknown."""
    considered = any(one.status == "considered" for one in statement.mitigations)
    parts = [
        _steps(statement.mitigations, status)
        for status in ("applied", *(["considered"] if considered else []), "declined")
    ]
    parts.append(_offsets(statement.offsets))
    reasons = [latex(reason, REASON) for reason in statement.unknown[:REASONS]]
    more = len(statement.unknown) - len(reasons)
    rest = f", and {more} more" if more > 0 else ""
    parts.append(f"unknown: {'; '.join(reasons)}{rest}" if reasons else "no line of the ledger is unknown")
    said = "; ".join(parts)
    return f"{said[:1].upper()}{said[1:]}."


def _steps(steps: Sequence[MitigationEntry], status: str) -> str:
    chosen = [mitigation for mitigation in steps if mitigation.status == status]
    if not chosen:
        return f"mitigations {status}: none declared"
    said = []
    for mitigation in chosen:
        verb = "saves" if status == "applied" else "would save"
        saves = "" if mitigation.saves.tag == "unknown" else f", {verb} {_said(mitigation.saves, 'carbon')}"
        reason = f", {latex(mitigation.reason, REASON)}" if mitigation.reason else ""
        said.append(f"{latex(mitigation.what, REASON)} ({latex(mitigation.asset)}{reason}{saves})")
    return f"mitigations {status}: {'; '.join(said)}"


def _offsets(offsets: Sequence[OffsetEntry]) -> str:
    if not offsets:
        return "no offset is declared"
    said = "; ".join(f"{_said(one.carbon, 'carbon')} for {latex(one.what, REASON)}" for one in offsets)
    return f"offsets, declared and not subtracted: {said}"
