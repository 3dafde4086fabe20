"""`commonweal claims`: recompute the figures of a report.

Exit codes: 0 none fails; 1 a claim does not follow; 2 a fault in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from commonweal.cli.surface import Debug, PlainConsole, plain_errors, print_json
from commonweal.errors import OptionError
from commonweal.files.foreign_text import visible
from commonweal.footprint.claims.check import check_claims, shipped_claims, verdict_record
from commonweal.footprint.claims.claim_file import read_claims
from commonweal.footprint.claims.claim_records import ClaimFile, Verdict
from commonweal.footprint.claims.claim_words import number_text

DOES_NOT_FOLLOW = 1
SAID = {"follows": "follows", "does_not_follow": "does not follow", "cannot_be_checked": "cannot be checked"}
COUNTED = {"follows": "follow", "does_not_follow": "do not follow", "cannot_be_checked": "cannot be checked"}
COLOURS = {"follows": "green", "does_not_follow": "red", "cannot_be_checked": "yellow"}

claims = typer.Typer(no_args_is_help=True, help="Recompute the figures that a report states.")
verbs = typer.Typer()
verbs.add_typer(claims, name="claims")
out = PlainConsole(soft_wrap=False)  # the table folds its cells to the width


@claims.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A file of claims (docs/claims.md); without it, the shipped ones."),
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="The claims that come along: Bommasani et al. 2021, 5.3.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 also where a claim cannot be checked.")] = False,
    debug: Debug = False,
) -> None:
    """Say of every claim in FILE whether it follows from its inputs, and which known slip would explain it if not.

    Exit 1: one does not.
    """
    with plain_errors(debug):
        if file is not None and shipped:
            raise OptionError("a file and --shipped are given; expected one of them; leave one out")
        read = shipped_claims() if file is None else read_claims(file)
        verdicts = check_claims(read)
    if as_json:
        print_json([verdict_record(one) for one in verdicts])
    else:
        show(read, verdicts)
    failing = {"does_not_follow", "cannot_be_checked"} if strict else {"does_not_follow"}
    raise typer.Exit(DOES_NOT_FOLLOW if any(one.outcome in failing for one in verdicts) else 0)


def show(file: ClaimFile, verdicts: Sequence[Verdict]) -> None:
    """A table of all claims, then a paragraph for each that says why."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, side in (
        ("claim", "left"),
        ("claimed", "right"),
        ("recomputed", "right"),
        ("ratio", "right"),
        ("verdict", "left"),
    ):
        table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]
    for verdict in verdicts:
        table.add_row(*map(Text, _cells(verdict)), Text(SAID[verdict.outcome], style=COLOURS[verdict.outcome]))
    out.print(table)
    for verdict in verdicts:
        out.print()
        out.print(Text.assemble((visible(verdict.claim.id), "bold"), f": {visible(verdict.claim.quantity)}"))
        reasons = (
            f"{SAID[verdict.outcome]}: {verdict.explanation}",
            *(f"remark: {remark}" for remark in verdict.remarks),
            f"source: {'; '.join(verdict.sources)}",
        )
        for line in reasons:
            for piece in Text(visible(line)).wrap(out, out.width - 2):
                out.print(Text("  " + piece.plain.rstrip()))
    counts = ", ".join(
        f"{sum(verdict.outcome == outcome for verdict in verdicts)} {said}" for outcome, said in COUNTED.items()
    )
    out.print()
    out.print(
        Text(
            f"{visible(file.name)}: {counts}. A suspicion is no proof; a claim that follows is only as true as its "
            "inputs."
        )
    )


def _cells(verdict: Verdict) -> tuple[str, str, str, str]:
    recomputed, ratio = (
        "" if number is None else number_text(number) for number in (verdict.recomputed, verdict.ratio)
    )
    return visible(verdict.claim.id), visible(verdict.claim.claimed.text), recomputed, ratio
