"""The verb about the worth of deployments: V(M) over people, from what a system file declares and a run has
measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commonweal.assessment.row_writer import Writer
from commonweal.assessment.value.ledger_rows import LEDGER_METHOD
from commonweal.assessment.value.value_lines import value_lines
from commonweal.assessment.value.value_rows import VALUE_METHOD, value_rows
from commonweal.cli.surface import Debug, SystemFile, counted, err, out, plain_errors, print_json
from commonweal.errors import OptionError
from commonweal.evidence.numbers import row_text
from commonweal.evidence.records import Evidence
from commonweal.evidence.store import digest, read_evidence
from commonweal.files.foreign_text import unbroken
from commonweal.measures.preflight import table_problems
from commonweal.measures.registry import load_registry
from commonweal.system.loading import load

verbs = typer.Typer()


@verbs.command()
def value(
    file: SystemFile,
    measured: Annotated[
        Path | None, typer.Option("--measured", help="Folder of an earlier run, whose measured energy is used.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the draws.")] = 0,
    every_row: Annotated[bool, typer.Option("--rows", help="Print every row, in the place of the answer.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the evidence rows as JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Weigh the deployments of FILE: V = S - C - E - O over groups of people, with the ledger behind it."""
    with plain_errors(debug):
        system = load(file)
        if problems := table_problems(system):
            raise OptionError("\n".join(f"{file} {problem}" for problem in problems))
        if measured is not None and not (measured / "evidence.jsonl").is_file():
            raise OptionError(
                f"--measured {measured}: there is no evidence.jsonl; expected the folder of an earlier run (its --out)"
            )
        evidence = () if measured is None else read_evidence(measured / "evidence.jsonl")
        methods = {name: spec.method for name, spec in load_registry().specs.items()}
        inputs = digest(system.model_dump(mode="json"))
        writers = tuple(Writer(method.name, method.source, seed, inputs) for method in (LEDGER_METHOD, VALUE_METHOD))
        rows = tuple(value_rows(system, evidence, methods, (writers[0], writers[1]), seed))
    if as_json:
        print_json([row.model_dump(mode="json") for row in rows])
        return
    if every_row:
        tell(rows)
    else:
        answer(rows)
    without = [deployment.key for deployment in system.deployments if deployment.value is None]
    if without:
        err.print(
            f"{counted(without, 'deployment')} without `value:` ({', '.join(without)}): how its value is reckoned is "
            "not declared"
        )


def answer(rows: tuple[Evidence, ...]) -> None:
    """What each deployment is worth, in a few lines; without any, the totals of the ledger."""
    lines = value_lines(rows)
    for line in lines:
        out.print(unbroken(line))
    if not lines:
        tell(rows)


def tell(rows: tuple[Evidence, ...]) -> None:
    """The ledger first, then what each deployment is worth."""
    for method in (LEDGER_METHOD, VALUE_METHOD):
        own = [row for row in rows if row.measure == method.name]
        if own:
            out.print(f"\n{method.title}", style="bold")
        for row in own:
            out.print(f"  {row.subjects[0]}: {row_text(row)}")
    if not rows:
        out.print("nothing is declared about making, energy or worth; see docs/value.md")
