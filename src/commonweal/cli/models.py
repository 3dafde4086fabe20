"""Verbs about models by themselves, and about what two of them, or two dossiers, differ in: score, compare."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from commonweal.assessment.comparison.answer import answered
from commonweal.assessment.comparison.comparison import Asked, told
from commonweal.assessment.comparison.comparison import compare as compare_both
from commonweal.assessment.comparison.verdicts import parse_margins
from commonweal.cli.column_options import (
    ClusterColumn,
    GroupColumns,
    ItemColumn,
    PredictionColumn,
    ReferenceGroups,
    TruthColumn,
    named_columns,
)
from commonweal.cli.surface import (
    NOTHING_KEPT,
    SOME_FAILED,
    Debug,
    Device,
    NumberFormat,
    counted,
    err,
    out,
    plain_errors,
    print_json,
    told_when_stopped,
)
from commonweal.models.cache.model_cache import cache_folder
from commonweal.models.cache.score_cache import ScoreCache
from commonweal.models.engine.precision import FLOAT32
from commonweal.models.opening import open_local_model
from commonweal.models.protocols import Continuation
from commonweal.models.request_file import (
    Scored,
    check_writable,
    deviation_text,
    read_requests,
    score_requests,
    write_scores,
)
from commonweal.progress import Stages
from commonweal.system.permissions import Permissions

verbs = typer.Typer()


@verbs.command()
def score(  # noqa: PLR0913, PLR0917 - one parameter per option of the command
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="embedded:smollm2 (comes along), a folder, a .gguf file or hf:ORG/NAME; no endpoint, which only "
            "writes.",
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="REQUESTS",
            help='JSON lines, a request each: {"context": "2 + 2 =", "continuation": " 4"}. The context may be empty.',
        ),
    ],
    table: Annotated[
        Path,
        typer.Option(
            "--out",
            help="The scores as a parquet file, a row per request in their order: index (from 0), logprob (nat), "
            "tokens of the continuation, greedy (each was the most likely one).",
        ),
    ],
    dtype: NumberFormat = FLOAT32,
    device: Device = "auto",
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Compute every score, keep none in the cache ($COMMONWEAL_CACHE).")
    ] = False,
    allow_download: Annotated[
        bool, typer.Option("--allow-download", help="Download the model if it is not here.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Score log P(continuation | context) of each request, in nat; each distinct prefix is computed once.

    A context longer than the model's window loses its beginning; how many do is told.
    So is how many continuations merge into the tokens of their context, and are encoded alone;
    how many texts have the model's beginning token already, so that no second one is put before them;
    and whether a GGUF file leaves open if texts begin with it.
    A continuation that is longer than the window by itself is bad input.

    Exit codes: 0 complete; 2 bad input; 3 an answer is not a number, and its logprob is null.
    """
    with plain_errors(debug), told_when_stopped(lambda: scores_kept(no_cache)):
        requests = read_requests(file)
        check_writable(table, file)
        permissions = Permissions(download=allow_download)
        opened = open_local_model(model, folder=None, permissions=permissions, device=device, dtype=dtype)
        with Stages(err) as stages, ScoreCache() if not no_cache else nullcontext() as cache:
            scored = score_requests(opened, requests, cache, lambda done, total: stages.tick("score", done, total))
        write_scores(table, scored.scores)
        for remark in opened.remarks:
            err.print(remark)
        if dtype != FLOAT32:
            exact = open_local_model(model, folder=None, permissions=permissions, device=device)
            out.print(deviation_text(exact, dtype, requests, scored.scores))
    raise typer.Exit(tell_scored(table, requests, scored))


def tell_scored(table: Path, requests: Sequence[Continuation], scored: Scored) -> int:
    """What was scored and what it cost; returns the exit code."""
    unknown = [index for index, one in enumerate(scored.scores) if not math.isfinite(one.logprob)]
    for index in unknown[:5]:
        where = requests[index].labels["request"]
        err.print(
            f"failed: request {index} ({where}): the model's answer is not a number; its logprob is null", style="red"
        )
    for clause in scored.altered.words("of the requests"):
        err.print(clause)
    if scored.lost:
        err.print(f"scores could not be kept in the cache ({scored.lost}); those of this run are all in {table}")
    out.print(
        f"{counted(scored.scores, 'request')} ({scored.cached} read back), {scored.tokens} tokens, {scored.distinct} "
        f"distinct, {scored.seconds:.2f} s"
    )
    out.print(str(table))
    return SOME_FAILED if unknown else 0


@verbs.command()
def compare(  # noqa: PLR0913, PLR0917 - one parameter per option of the command
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A folder that `run` or `measure` wrote, a file of predictions (.csv, .jsonl), or a model, as in "
            "`score`.",
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="Another of the same kind. Differences are B - A.")],
    requests: Annotated[
        Path | None,
        typer.Option(
            "--requests",
            help="For models, and needed there: the JSON lines to put to both, as in `score`; in each its `cluster` "
            "(what was sampled together) and `group`, if known.",
        ),
    ] = None,
    dtype_a: Annotated[
        str | None,
        typer.Option("--dtype-a", help="For models: number format of A, float32 (the default), bfloat16 or int8."),
    ] = None,
    dtype_b: Annotated[str | None, typer.Option("--dtype-b", help="For models: that of B, likewise.")] = None,
    margin: Annotated[
        list[str] | None,
        typer.Option(
            "--margin",
            help="Ask also: is B not worse by more than d, and equivalent within d? d is chosen before looking, in "
            "the unit of the number: 0.02, or QUANTITY=0.02 for one of them. Can be repeated.",
        ),
    ] = None,
    common: Annotated[
        bool,
        typer.Option(
            "--common",
            help="For files of predictions: leave out items that only one has, which are an error otherwise.",
        ),
    ] = False,
    truth: TruthColumn = None,
    prediction: PredictionColumn = None,
    group: GroupColumns = None,
    cluster: ClusterColumn = None,
    reference: ReferenceGroups = None,
    item: ItemColumn = None,
    every_row: Annotated[bool, typer.Option("--rows", help="Print every number, in the place of the answer.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON, in the place of lines.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the resampling.")] = 0,
    device: Device = "auto",
    no_cache: Annotated[bool, typer.Option("--no-cache", help="For models: compute every score, keep none.")] = False,
    allow_download: Annotated[
        bool, typer.Option("--allow-download", help="Download a model if it is not here.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Compare A and B on the same items: paired, clustered, corrected for all that is tested together.

    Of two dossiers: what both measured. Of two files: rows of the same `item`, every rate by group, and how each gap
    changes. Of two models: --requests.
    It prints what differs, for whom, and what is not shown; it writes nothing.
    A difference that is not shown may still be there, up to its interval.
    """
    kept = (lambda: scores_kept(no_cache)) if requests else (lambda: NOTHING_KEPT)
    with plain_errors(debug), told_when_stopped(kept), Stages(err) as stages:
        permissions = Permissions(download=allow_download)
        columns = named_columns(truth, prediction, None, group, cluster, None, reference, item)
        margins, dtypes = parse_margins(margin or ()), (dtype_a, dtype_b)
        asked = Asked(margins, common, seed, requests, dtypes, device, no_cache, permissions, columns)
        comparison = compare_both(a, b, asked, stages.tick)
    if as_json:
        print_json(comparison.records())
        return
    for line in told(comparison) if every_row else answered(comparison):
        out.print(line)


def scores_kept(no_cache: bool) -> str:
    """What is left of scores that nobody has written to a table yet: what the cache took."""
    if no_cache:
        return "Nothing is kept (--no-cache): the same command computes every score again."
    with ScoreCache() as cache:
        if cache.lost:
            return f"Nothing is kept, since the cache cannot be used ({cache.lost}): the same command begins anew."
    return f"Scores that were finished are kept in {cache_folder()}; run the same command again to go on."
