"""What every verb of the command line shares: its two consoles, the options of many, and how a mistake is told."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from commonweal.errors import CommonwealError
from commonweal.files.foreign_text import json_text, visible

BEYOND, BAD_INPUT, SOME_FAILED, INTERRUPTED = 1, 2, 3, 130
NOTHING_KEPT = "Nothing is kept: the same command begins anew."


class PlainConsole(Console):
    """A console on which text is only text: no markup, no names of emoji, and control marks written out, whoever wrote
    it.

    Whatever is printed, a bar of progress or a table included, comes through `print` or `render`; so nothing that a
    stranger wrote reaches the terminal as a command. Colours are added by the console itself, after that.
    """

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = True) -> None:
        super().__init__(stderr=stderr, soft_wrap=soft_wrap, highlight=False, markup=False, emoji=False)

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(visible(one) if isinstance(one, str) else one for one in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


out = PlainConsole()
err = PlainConsole(stderr=True)
SystemFile = Annotated[Path, typer.Argument(metavar="FILE", help="The system file, such as system.yaml.")]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="Folder that holds the data, which are not shipped, each set in a folder of its own (DIR/bbq, "
        "DIR/crows-pairs … as in docs/data.md), or hf:ORG/NAME.",
    ),
]
Device = Annotated[
    str, typer.Option("--device", help="Where models run: auto (a GPU if there is one), cpu, cuda, cuda:1 or mps.")
]
NumberFormat = Annotated[
    str,
    typer.Option(
        "--dtype",
        help="Number format that the model is opened in: float32, bfloat16, or int8 (weights rounded, no faster). Of "
        "the last two it is told how far log-probabilities are from float32.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def print_json(value: Any, indent: int = 1) -> None:
    """JSON on standard output, for a program or a person: nothing in it moves the terminal either."""
    typer.echo(json_text(value, indent))


@contextmanager
def plain_errors(debug: bool) -> Iterator[None]:
    """A user's mistake ends in a few lines and exit code 2, never in a traceback (unless asked for)."""
    try:
        yield
    except CommonwealError as error:
        if debug:
            err.print(traceback.format_exc())
            raise typer.Exit(BAD_INPUT) from None
        for line in str(error).split("\n"):
            err.print(f"error: {line}", style="red")
        raise typer.Exit(BAD_INPUT) from None


def counted(things: Sized, name: str) -> str:
    """How many there are, in words.

    >>> counted([1], "asset"), counted([], "asset")
    ('1 asset', '0 assets')
    """
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


@contextmanager
def told_when_stopped(kept: Callable[[], str]) -> Iterator[None]:
    """Ctrl-C ends a command in one line: `kept` says, when it comes, what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(f"\nstopped. {kept()}")
        raise typer.Exit(INTERRUPTED) from None
