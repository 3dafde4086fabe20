"""Verbs about a declared system before it is run: begin one, check it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commonweal.cli.surface import Data, Debug, SystemFile, counted, out, plain_errors
from commonweal.errors import OptionError
from commonweal.evidence.numbers import duration_text
from commonweal.files.foreign_text import unbroken
from commonweal.measures.foresight import foresee, without_data
from commonweal.measures.options import Options
from commonweal.measures.plan import Prepared, prepare
from commonweal.measures.preflight import declared_problems
from commonweal.measures.subjects import Opener
from commonweal.system.loading import load
from commonweal.system.permissions import Permissions
from commonweal.system.questions import fact_summary, questions
from commonweal.system.starter import write_starter

MOST_PRINTED = 1000  # questions, and assets: more is not read, and takes longer to print than to find
MOST_FORESEEN = 12
verbs = typer.Typer()


@verbs.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder for the new system file.")],
    debug: Debug = False,
) -> None:
    """Write a commented starter system into DIR. It runs as it is; change it into yours."""
    with plain_errors(debug):
        for path in write_starter(folder):
            out.print(f"wrote {path}")
    out.print(f"next: commonweal check {folder / 'system.yaml'}")


@verbs.command()
def check(file: SystemFile, data: Data = None, debug: Debug = False) -> None:
    """Validate FILE, say what a run will be able to judge, and list what is undeclared or unknown as questions."""
    with plain_errors(debug):
        system = load(file)
        problems = declared_problems(system, Opener(system, Permissions(), "auto"))
        if problems:
            raise OptionError("\n".join(problems))
        ready = prepare(system, Options(data=data))
    open_questions = questions(system)
    out.print(
        f"{file}: valid. {counted(system.assets, 'asset')}, {counted(system.deployments, 'deployment')}, "
        f"{counted(system.populations, 'population')}, {counted(system.actors, 'actor')}."
    )
    tell_foreseen(ready)
    for question in open_questions[:MOST_PRINTED]:
        out.print(
            f"\n[{question.weight}] {question.subject}: {question.text}\n    where: {question.where}\n    why:   "
            f"{question.why}"
        )
    if len(open_questions) > MOST_PRINTED:
        out.print(f"\nand {len(open_questions) - MOST_PRINTED:,} more questions; these are the most useful ones")
    out.print("\nfacts declared about each asset (declared / none / unknown / empty):")
    for asset in system.assets[:MOST_PRINTED]:
        facts = fact_summary(asset)
        out.print(f"  {asset.id}: {facts.declared} / {facts.none} / {facts.unknown} / {facts.empty} of {facts.asked}")
    if len(system.assets) > MOST_PRINTED:
        out.print(f"  and {len(system.assets) - MOST_PRINTED:,} more assets")
    out.print(f"\n{counted(open_questions, 'open question')}. A question is no fault: the system can be run now.")


def tell_foreseen(ready: Prepared) -> None:
    """What a run would measure and judge, how long it takes, and what would add to it."""
    coming = list(foresee(ready))
    if not coming:
        return
    cost = ""
    if ready.preflight.seconds and ready.preflight.energy_wh:
        (soon, late), (little, much) = ready.preflight.seconds, ready.preflight.energy_wh
        cost = f", in {duration_text(soon)} to {duration_text(late)} and {little:.2g} to {much:.2g} Wh on this machine"
    out.print(f"\nA run would ask{cost}:")
    for one in coming[:MOST_FORESEEN]:
        out.print(f"  {one.measure} on {one.subject}: {one.texts:,} texts")
        for comparison in one.comparisons:
            out.print(unbroken(f"    {comparison.words}"))
    if len(coming) > MOST_FORESEEN:
        out.print(f"  and {len(coming) - MOST_FORESEEN} more")
    for name, measures in without_data(ready).items():
        out.print(f"  with --data DIR that holds DIR/{name} also: {', '.join(measures)}")
    for problem in ready.preflight.problems:
        out.print(unbroken(f"  in the way of a run: {problem}"))
