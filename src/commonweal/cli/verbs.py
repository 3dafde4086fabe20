"""The app, and the list of its verbs: what each does in one line, and which module it is in.

A verb's module is imported when the verb is asked for, so that `--version`, `--help` and `claims` do not wait for what
`run` needs. Such a module has its commands in a `typer.Typer` called `verbs`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from commonweal.cli.surface import NOTHING_KEPT, out, told_when_stopped


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb as `--help` lists it: the first line of its own help; and its module in `commonweal.cli`."""

    module: str
    summary: str


VERBS = {
    "init": Verb("declare", "Write a commented starter system into DIR. It runs as it is; change it into yours."),
    "check": Verb(
        "declare",
        "Validate FILE, say what a run will be able to judge, and list what is undeclared or unknown as questions.",
    ),
    "run": Verb("flow", "Measure the system in FILE, follow each finding to people, and write the dossier."),
    "measure": Verb("flow", "Put one measure to one model or file of predictions, without a system file."),
    "score": Verb(
        "models", "Score log P(continuation | context) of each request, in nat; each distinct prefix is computed once."
    ),
    "measures": Verb("measures", "List the measures, what each applies to, and its first line."),
    "compare": Verb(
        "models", "Compare A and B on the same items: paired, clustered, corrected for all that is tested together."
    ),
    "value": Verb(
        "value", "Weigh the deployments of FILE: V = S - C - E - O over groups of people, with the ledger behind it."
    ),
    "verify": Verb(
        "verify",
        "Check a dossier, your own or somebody else's: is it as it was written, and do its numbers follow from its "
        "items?",
    ),
    "claims": Verb("claims", "Recompute the figures that a report states."),
    "footprint": Verb(
        "footprint",
        "Energy and carbon of a training or of inference, from numbers you give or from another tool's file.",
    ),
}


class Verbs(TyperGroup):
    """All verbs by name and summary; the one that is asked for becomes its command."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=verb.summary) for name, verb in VERBS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command_of(name) if name in VERBS else command, rest


def command_of(verb: str) -> Any:
    """The command of a verb, from its module, which is imported now if it was not yet."""
    with told_when_stopped(lambda: NOTHING_KEPT):
        module = importlib.import_module(f"commonweal.cli.{VERBS[verb].module}")
        return typer.main.get_group(module.verbs).commands[verb]


app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Measure what a foundation model does to the people downstream of it, and write a dossier that can be "
    "checked.",
    epilog="Exit codes: 0 complete; 1 a finding beyond --fail-on, a claim that does not follow, or a dossier that was "
    "changed; 2 bad input; 3 some rows failed; 130 stopped with Ctrl-C.",
)


def show_version(asked: bool) -> None:
    if asked:
        out.print(f"commonweal {importlib.metadata.version('commonweal')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of every command."""
