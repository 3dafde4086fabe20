"""What every verb of the command line shares: the app, its two consoles, and how a mistake is told."""

from __future__ import annotations

import importlib.metadata
import traceback
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from commonweal.errors import CommonwealError
from commonweal.evidence.journal import ITEMS
from commonweal.files.foreign_text import json_text, visible
from commonweal.models.cache.model_cache import cache_folder
from commonweal.models.cache.score_cache import ScoreCache

BEYOND, BAD_INPUT, SOME_FAILED, INTERRUPTED = 1, 2, 3, 130
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Measure what a foundation model does to the people downstream of it, and write a dossier that can be "
    "checked.",
    epilog="Exit codes: 0 complete; 1 a finding beyond --fail-on, a claim that does not follow, or a dossier that was "
    "changed; 2 bad input; 3 some rows failed; 130 stopped with Ctrl-C.",
)


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


def kept_in(folder: Path) -> str:
    """What a run that is stopped leaves in its folder: item outcomes, or nothing yet."""
    if any(path.is_file() and path.stat().st_size for path in (folder / ITEMS).rglob("*")):
        return f"What was measured is kept in {folder}; run the same command again to go on."
    return f"Nothing is written to {folder} yet; run the same command again."


def scores_kept(no_cache: bool) -> str:
    """What is left of scores that nobody has written to a table yet: what the cache took."""
    if no_cache:
        return "Nothing is kept (--no-cache): the same command computes every score again."
    with ScoreCache() as cache:
        if cache.lost:
            return f"Nothing is kept, since the cache cannot be used ({cache.lost}): the same command begins anew."
    return f"Scores that were finished are kept in {cache_folder()}; run the same command again to go on."
