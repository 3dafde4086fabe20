"""The verb `verify`: is a dossier whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commonweal.cli.surface import Data, Debug, counted, err, out, plain_errors
from commonweal.errors import OptionError
from commonweal.files.foreign_text import visible
from commonweal.verification import Verification
from commonweal.verification import verify as verify_dossier

CHANGED = 1
SHOWN = 3
REASONS = 2
LINE = 400
verbs = typer.Typer()


@verbs.command()
def verify(
    dossier: Annotated[
        Path,
        typer.Argument(metavar="DOSSIER", help="The folder of a dossier, or the dossier.html or dossier.json in it."),
    ],
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything that was checked as JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Check a dossier, your own or somebody else's: is it as it was written, and do its numbers follow from its items?

    Rows, items and files are held against their seals, dossier.json and dossier.html against the rows, and a random
    sample of measurements is worked out again from their recorded answers. No model is opened, no address called,
    nothing read outside the folder, none of its system's code run. Measures of published data are worked out again
    where --data names these. It cannot show who made the dossier: what was rewritten throughout, answers, rows and
    seals, fits (docs/verify.md).

    Exit codes: 0 whole; 1 changed, or not sealed; 2 not a dossier.
    """
    with plain_errors(debug):
        if data is not None and not data.startswith("hf:") and not Path(data).expanduser().is_dir():
            raise OptionError(f"--data {data}: there is no such folder; expected one that holds data sets")
        verified = verify_dossier(dossier, data)
    if as_json:
        out.print_json(verified.model_dump_json(), ensure_ascii=True)
    else:
        tell(verified)
    raise typer.Exit(0 if verified.whole else CHANGED)


def tell(verified: Verification) -> None:
    """At most ten lines; what was printed by a stranger has its hidden marks made visible."""
    lines = [f"dossier: {verified.title}, {verified.rows} rows, of {verified.started} by commonweal {verified.version}"]
    lines.append("checked: " + "; ".join(f"{check.name}: {check.checked}" for check in verified.checks))
    lines.append(recomputed_text(verified))
    if verified.recomputed.not_recomputed:
        lines.append(not_recomputed_text(verified))
    notes = [words for check in verified.checks for words in check.told]
    if notes:
        lines.append("note: " + "; ".join(notes))
    if verified.hash:
        lines.append(f"hash of all seals: {verified.hash}")
    for words in lines:
        out.print(_line(words))
    for problem in verified.problems[:SHOWN]:
        err.print(_line(f"changed: {problem}"), style="red")
    more, wrong = len(verified.problems) - SHOWN, counted(verified.problems, "thing")
    rest = f" ({more} more: --json)" if more > 0 else ""
    unchecked = (
        f", as far as it could be checked; not checked: {', '.join(verified.unchecked)}" if verified.unchecked else ""
    )
    verdict = f"whole{unchecked}" if verified.whole else f"NOT WHOLE: {wrong} not as it should be{rest}"
    out.print(verdict)


def recomputed_text(verified: Verification) -> str:
    """How much was worked out again."""
    done = verified.recomputed
    drawn = "all" if done.measurements == done.drawn_from else f"drawn with seed {done.seed}"
    if not done.measurements:
        return f"worked out again: none of {verified.rows} rows"
    return (
        f"worked out again: {done.rows} of {verified.rows} rows, of {done.measurements} of {done.drawn_from} "
        f"measurements ({drawn}); values and bounds to {done.tolerance:g}"
    )


def not_recomputed_text(verified: Verification) -> str:
    """How many rows were not, and why."""
    reasons = sorted(verified.recomputed.not_recomputed.items(), key=lambda one: -one[1])
    shown = "; ".join(f"{count} {reason}" for reason, count in reasons[:REASONS])
    more = (
        f"; {sum(count for _, count in reasons[REASONS:])} for other reasons (--json)" if len(reasons) > REASONS else ""
    )
    return f"not worked out again, so not verified: {sum(count for _, count in reasons)} rows: {shown}{more}"


def _line(words: str) -> str:
    text = visible(" ".join(words.split()))
    return text if len(text) <= LINE else text[: LINE - 1] + "…"
