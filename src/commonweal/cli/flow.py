"""Verbs of the whole flow: run a declared system, or put one measure to one model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from commonweal.assessment.fail_on import judge, parse_condition
from commonweal.cli.column_options import (
    ClusterColumn,
    GroupColumns,
    PredictionColumn,
    ReferenceGroups,
    ScoreColumn,
    TruthColumn,
    WeightColumn,
    named_columns,
)
from commonweal.cli.group_table import table_lines
from commonweal.cli.surface import (
    BAD_INPUT,
    BEYOND,
    SOME_FAILED,
    Data,
    Debug,
    Device,
    NumberFormat,
    SystemFile,
    counted,
    err,
    out,
    plain_errors,
    print_json,
    told_when_stopped,
)
from commonweal.evidence.journal import ITEMS
from commonweal.evidence.numbers import duration_text, row_text
from commonweal.evidence.records import Evidence
from commonweal.files.foreign_text import unbroken
from commonweal.measures.gather import why_nothing
from commonweal.measures.kept_scores import kept_scores
from commonweal.measures.options import Design, Options
from commonweal.measures.plan import Prepared, prepare
from commonweal.measures.registry import MeasureSpec, load_registry
from commonweal.models.engine.precision import FLOAT32, check_precision
from commonweal.models.opening import open_local_model
from commonweal.models.protocols import Continuation, Score
from commonweal.models.request_file import deviation_text
from commonweal.pipeline import run_prepared
from commonweal.progress import Stages
from commonweal.report.answer_lines import answer_lines
from commonweal.report.content import Dossier
from commonweal.system.loading import load
from commonweal.system.permissions import Permissions
from commonweal.system.single_asset import single_asset_system

verbs = typer.Typer()


@verbs.command()
def run(  # noqa: PLR0913, PLR0917 - one parameter per option of the command
    file: SystemFile,
    folder: Annotated[
        Path, typer.Option("--out", help="Folder for the dossier; a run that was stopped goes on there.")
    ] = Path("dossier"),
    measures: Annotated[
        list[str] | None,
        typer.Option("--measures", help="Only these: a name, a chapter (inequity) or a pattern. Can be repeated."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, help="At most this many items per measure and subject; whole templates or pairs."
        ),
    ] = None,
    design: Annotated[
        Design, typer.Option("--design", help="Audits: wordings rotate (balanced), or every name in every wording.")
    ] = Design.BALANCED,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")] = 0,
    device: Device = "auto",
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on", help="Exit 1 if: 'found' (any finding), or MEASURE:QUANTITY<VALUE holds for a whole interval."
        ),
    ] = None,
    allow_code: Annotated[
        bool, typer.Option("--allow-code", help="Let the system file run its Python applications.")
    ] = False,
    allow_network: Annotated[bool, typer.Option("--allow-network", help="Let it call the addresses it names.")] = False,
    allow_download: Annotated[
        bool, typer.Option("--allow-download", help="Let it download the models and data it names.")
    ] = False,
    allow_read: Annotated[list[Path] | None, typer.Option("--allow-read", help="Let it read this folder too.")] = None,
    data: Data = None,
    debug: Debug = False,
) -> None:
    """Measure the system in FILE, follow each finding to people, and write the dossier."""
    permissions = Permissions(allow_code, allow_network, allow_download, tuple(allow_read or ()))
    options = Options(tuple(measures or ()), limit, design, seed, device, permissions, data)
    with plain_errors(debug), told_when_stopped(lambda: kept_in(folder)):
        methods = {name: spec.method for name, spec in load_registry().specs.items()}
        conditions = [parse_condition(text, methods) for text in fail_on or ()]
        ready = prepare(load(file), options)
        announce(ready)
        with Stages(err) as stages:
            dossier = run_prepared(ready, out=folder, progress=stages.tick, tell=stages.tell)
    tell_unfit(dossier)
    code = conclude(dossier, stages.seconds)
    for condition in conditions:
        beyond, decided = judge(condition, dossier.rows, dossier.findings)
        if not decided:
            err.print(f"--fail-on {condition.text}: undecided, no row with a number answers it")
            code = SOME_FAILED
        elif beyond:
            err.print(f"--fail-on {condition.text}: {len(beyond)} beyond it ({', '.join(beyond[:3])})")
            code = code or BEYOND
    out.print(str(dossier.path))
    raise typer.Exit(code)


def kept_in(folder: Path) -> str:
    """What a run that is stopped leaves in its folder: item outcomes, or nothing yet."""
    if any(path.is_file() and path.stat().st_size for path in (folder / ITEMS).rglob("*")):
        return f"What was measured is kept in {folder}; run the same command again to go on."
    return f"Nothing is written to {folder} yet; run the same command again."


def announce(ready: Prepared) -> None:
    """What is about to happen: subjects, what will be left out, and how long it may take."""
    for problem in ready.preflight.problems:
        err.print(f"error: {problem}", style="red")
    if ready.preflight.problems:
        raise typer.Exit(BAD_INPUT)
    asked = [
        task
        for task in ready.tasks
        if task.open_data is None
        or (ready.options.data is not None and task.spec.name not in ready.preflight.without_data)
    ]
    text = f"{counted(asked, 'measurement')} on {counted({task.subject_id for task in asked}, 'subject')}"
    if ready.preflight.seconds and ready.preflight.energy_wh:
        (soon, late), (little, much) = ready.preflight.seconds, ready.preflight.energy_wh
        text += (
            f"; about {duration_text(soon)} to {duration_text(late)} and {little:.2g} to {much:.2g} Wh, less what is "
            "stored already"
        )
    err.print(text)
    for warning in ready.preflight.warnings:
        err.print(f"left out: {warning}", style="yellow")


def tell_unfit(dossier: Dossier) -> None:
    """What lay in the folder and was not as it had been sealed."""
    for words in dossier.run.unfit:
        err.print(f"changed: {words}", style="yellow")


def conclude(dossier: Dossier, seconds: float) -> int:
    """The last lines before the path: the finding, and what it cost. Returns the exit code so far."""
    failed = [row for row in dossier.rows if row.status == "failed"]
    for row in failed[:5]:
        err.print(f"failed: {row.measure} on {'+'.join(row.subjects)}: {row.note}", style="red")
    for line in answer_lines(dossier):
        out.print(unbroken(line))
    if (why := why_nothing(dossier.rows)) is not None:
        out.print(f"nothing was measured: {why}")
    out.print(f"cost: {duration_text(seconds)}; {counted(dossier.rows, 'row')}")
    return SOME_FAILED if failed else 0


@verbs.command("measure")
def measure_one(  # noqa: PLR0913, PLR0917 - one parameter per option of the command
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A measure, such as inequity.bbq; `commonweal measures` lists them.")
    ],
    folder: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Folder for the dossier, its rows and every item's outcome; a run that was stopped goes on there.",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="What is asked: embedded:smollm2 (comes along), a folder, a .gguf file, hf:ORG/NAME, "
            "openai:URL#MODEL.",
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions",
            help="In the place of a model, what was answered elsewhere, .csv or .jsonl: item and answer, or truth, "
            "prediction or score and group_… (docs/data.md), or the columns that the options below name.",
        ),
    ] = None,
    truth: TruthColumn = None,
    prediction: PredictionColumn = None,
    score: ScoreColumn = None,
    group: GroupColumns = None,
    cluster: ClusterColumn = None,
    weight: WeightColumn = None,
    reference: ReferenceGroups = None,
    data: Data = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=1,
            help="For a quick first look: at most this many items; whole templates, pairs or groups of them.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")] = 0,
    dtype: NumberFormat = FLOAT32,
    device: Device = "auto",
    allow_network: Annotated[
        bool, typer.Option("--allow-network", help="Let it call the endpoint that --model names.")
    ] = False,
    allow_download: Annotated[
        bool, typer.Option("--allow-download", help="Download the model or data if they are not here.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the evidence rows as JSON, in the place of lines.")
    ] = False,
    all_rows: Annotated[bool, typer.Option("--rows", help="Print every row, in the place of the answer.")] = False,
    debug: Debug = False,
) -> None:
    """Put one measure to one model or file of predictions, without a system file.

    Give --model or --predictions, and --data where the measure reads data.
    It prints what was found, or a table of the rates by group, and last the path of a dossier; every row stands there,
    and behind --rows.
    Two such folders can be compared: `commonweal compare A B`.

    Exit codes: 0 complete; 2 bad input, data that were not named, or nothing that could be measured; 3 some rows
    failed.
    """
    with plain_errors(debug), told_when_stopped(lambda: kept_in(folder)):
        allowed, compressed = Permissions(network=allow_network, download=allow_download), check_precision(dtype)
        columns = named_columns(truth, prediction, score, group, cluster, weight, reference)
        system, permissions = single_asset_system(
            model, predictions, allowed, None if compressed == FLOAT32 else compressed, columns
        )
        ready = prepare(system, Options((name,), limit, Design.BALANCED, seed, device, permissions, data))
        announce(ready)
        with Stages(err) as stages:
            dossier = run_prepared(ready, out=folder, progress=stages.tick)
        tell_unfit(dossier)
        own = [row for row in dossier.rows if row.measure in {spec.name for spec in ready.specs}]
        if as_json:
            print_json([row.model_dump(mode="json") for row in own], indent=2)
        else:
            for line in map(row_text, own) if all_rows else measured_lines(dossier, own, ready.specs):
                out.print(unbroken(line))
            out.print(str(dossier.path))
        if model is not None and dtype != FLOAT32:
            tell_deviation(model, dtype, (device, permissions), kept_scores(folder, own))
    if all(row.status in {"skipped", "not_applicable"} for row in own):
        unjudged = next((row for row in own if row.unjudged), None)
        what = f"nothing could be judged: {unjudged.note}" if unjudged else f"nothing was measured: {own[0].note}"
        err.print(f"error: {what}", style="red")
        raise typer.Exit(BAD_INPUT)
    failed = any(row.status == "failed" for row in own)
    # A file of answers or predictions fails by what stands in it; a model, by what it does.
    raise typer.Exit(0 if not failed else SOME_FAILED if predictions is None else BAD_INPUT)


def measured_lines(dossier: Dossier, rows: Sequence[Evidence], specs: Sequence[MeasureSpec]) -> Iterator[str]:
    """The table of a measure whose rates are read by group; of another what it found, and how much it compared."""
    tables = [(spec.name, spec.method.group_table) for spec in specs]
    read = [(name, table) for name, table in tables if table is not None]
    if not read or not any(row.estimate for row in rows):
        yield from answer_lines(dossier)
        return
    for name, table in read:
        yield from table_lines([row for row in rows if row.measure == name], table)


def tell_deviation(
    model: str, dtype: str, opened: tuple[str, Permissions], kept: tuple[Sequence[Continuation], Sequence[Score]]
) -> None:
    """How far what a measure was answered is from what float32 answers; nothing where no log-probability was asked
    for.
    """
    requests, scores = kept
    if requests:
        device, permissions = opened
        exact = open_local_model(model, folder=None, permissions=permissions, device=device)
        err.print(deviation_text(exact, dtype, requests, scores))
