"""What every verb of the command line shares: the app, its two consoles, and how a mistake is told."""

from __future__ import annotations

import importlib.metadata
import traceback
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from commonweal.errors import CommonwealError

BEYOND, BAD_INPUT, SOME_FAILED, INTERRUPTED = 1, 2, 3, 130
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Measure what a foundation model does to the people downstream of it, and write a dossier that can be checked.",
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
SystemFile = Annotated[Path, typer.Argument(metavar="FILE", help="The system file, such as system.yaml.")]
Data = Annotated[
    str | None,
    typer.Option(
        "--data", help="Folder of published data sets, which are not shipped (DIR/bbq, DIR/crows-pairs …), or hf:ORG/NAME."
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@contextmanager
def plain_errors(debug: bool) -> Iterator[None]:
    """A user's mistake ends in a few lines and exit code 2, never in a traceback (unless asked for)."""
    try:
        yield
    except CommonwealError as error:
        if debug:
            traceback.print_exc()
            raise typer.Exit(BAD_INPUT) from None
        for line in str(error).split("\n"):
            err.print(f"error: {line}", style="red", markup=False)
        raise typer.Exit(BAD_INPUT) from None


def show_version(asked: bool) -> None:
    if asked:
        out.print(f"commonweal {importlib.metadata.version('commonweal')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Options of every command."""


def counted(things: Sized, name: str) -> str:
    """How many there are, in words.

    >>> counted([1], "asset"), counted([], "asset")
    ('1 asset', '0 assets')
    """
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


@contextmanager
def told_when_stopped(folder: Path) -> Iterator[None]:
    """Ctrl-C ends a run without loss, and says so."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(f"\nstopped. What was measured is kept in {folder}; run the same command again to go on.", markup=False)
        raise typer.Exit(INTERRUPTED) from None
