"""`commonweal footprint`: energy and carbon of a training or of inference from what is known of them, and of other
tools' files.

Every number is printed with its unit and how it is known; what is not counted is said. Exit codes as in
`commonweal.cli`: 0; 2 bad input; 3 part of a file was cut short.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer

from commonweal.cli.mitigate import hardware, mitigate, smaller
from commonweal.cli.surface import Debug, err, out, plain_errors, print_json
from commonweal.errors import FootprintError, require
from commonweal.footprint.amounts import Range, number_or_range
from commonweal.footprint.estimates import ClosedModel, Devices, Report, inference, training
from commonweal.footprint.grid_intensity import FIRST_TRAINED
from commonweal.footprint.imported.imported import read_imported
from commonweal.footprint.imported.imported_run import Imported, ImportedRun
from commonweal.footprint.zones import Zone, zone_of
from commonweal.measures.environment.meter.crosscheck import CrossCheck
from commonweal.measures.environment.meter.crosscheck import crosscheck as check_both
from commonweal.measures.environment.meter.meter import Meter
from commonweal.models.opening import open_local_model
from commonweal.models.protocols import Continuation

CUT_SHORT = 3
TEXTS_SCORED = 16

footprint = typer.Typer(
    no_args_is_help=True,
    help="Energy and carbon of a training or of inference, from numbers you give or from another tool's file.",
)
footprint.command("mitigate")(mitigate)
footprint.command("hardware")(hardware)
footprint.command("smaller-model")(smaller)
verbs = typer.Typer()
verbs.add_typer(footprint, name="footprint")


class Power(StrEnum):
    """What the power of a device is."""

    MEASURED = "measured"
    TDP = "tdp"
    UNKNOWN = "unknown"


GridIntensity = Annotated[
    float | None, typer.Option("--grid-g-per-kwh", help="Carbon intensity of the electricity (g/kWh).")
]
Grid = Annotated[
    str | None,
    typer.Option("--grid", metavar="ZONE", help="Grid zone instead: ISO 3166 alpha-3 (FRA) or a part (CA-QC)."),
]
Year = Annotated[
    int | None,
    typer.Option("--year", help="Year of the zone's intensity; not given: the latest in the table, with a range."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]


@footprint.command("training")
def training_command(  # noqa: PLR0913, PLR0917 - one parameter per option of the command
    device_hours: Annotated[float, typer.Option("--device-hours", help="Hours of all devices together (h).")],
    device_power_w: Annotated[float, typer.Option("--device-power-w", help="Mean power of one device (W).")],
    pue: Annotated[
        float, typer.Option("--pue", help="Energy of the building over that of its computers; 1: not counted.")
    ] = 1.0,
    grid_g_per_kwh: GridIntensity = None,
    grid: Grid = None,
    year: Year = None,
    power: Annotated[
        Power, typer.Option("--power-is", help="What that power is: measured, or rated (tdp).")
    ] = Power.UNKNOWN,
    embodied_kg: Annotated[
        float | None, typer.Option("--embodied-kg", help="Carbon of making one device (kgCO2e).")
    ] = None,
    lifetime_hours: Annotated[
        float | None, typer.Option("--lifetime-hours", help="Hours that a device serves (h).")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Energy of a training = device hours x device power x PUE; carbon = energy x grid intensity."""
    with plain_errors(debug):
        zone = zone_of(grid_g_per_kwh, grid, year, FIRST_TRAINED)
        devices = Devices(device_hours, device_power_w, power.value, embodied_kg, lifetime_hours)
        report = training(devices, pue, zone)
    show(report, zone, as_json)


@footprint.command("inference")
def inference_command(  # noqa: PLR0913, PLR0917 - one parameter per option of the command
    tasks: Annotated[float, typer.Option("--tasks", help="How many tasks.")],
    energy_wh_per_task: Annotated[
        str | None,
        typer.Option("--energy-wh-per-task", metavar="WH", help="Energy of one task (Wh); LOW,HIGH for a range."),
    ] = None,
    model_billions: Annotated[
        str | None,
        typer.Option("--model-billions", metavar="B", help="Instead, for closed models: parameters (10^9); LOW,HIGH."),
    ] = None,
    active_billions: Annotated[
        str | None,
        typer.Option("--active-billions", metavar="B", help="Parameters that one token uses (10^9); LOW,HIGH."),
    ] = None,
    output_tokens: Annotated[float | None, typer.Option("--output-tokens", help="Tokens written per task.")] = None,
    pue: Annotated[
        str, typer.Option("--pue", metavar="PUE", help="Energy of the building over its computers'; LOW,HIGH.")
    ] = "1",
    grid_g_per_kwh: GridIntensity = None,
    grid: Grid = None,
    year: Year = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Energy of inference = tasks x energy per task x PUE; of closed models by the published method of EcoLogits."""
    with plain_errors(debug):
        zone = zone_of(grid_g_per_kwh, grid, year)
        per_task = per_task_of(energy_wh_per_task, model_billions, active_billions, output_tokens)
        report = inference(tasks, per_task, number_or_range("--pue", pue), zone)
    show(report, zone, as_json)


def per_task_of(
    energy_wh: str | None, billions: str | None, active_billions: str | None, output_tokens: float | None
) -> Range | ClosedModel:
    """The energy of one task as given, or the closed model that does it; exactly one of the two."""
    if (energy_wh is None) == (billions is None):
        raise FootprintError(
            "give either --energy-wh-per-task, or --model-billions with --output-tokens for a closed model"
        )
    if billions is not None:
        if output_tokens is None:
            raise FootprintError("--model-billions needs --output-tokens, how many tokens one task writes")
        active = None if active_billions is None else number_or_range("--active-billions", active_billions)
        return ClosedModel(number_or_range("--model-billions", billions), active, output_tokens)
    if active_billions is not None or output_tokens is not None:
        raise FootprintError(
            "--active-billions and --output-tokens belong to --model-billions, not to --energy-wh-per-task"
        )
    return number_or_range("--energy-wh-per-task", energy_wh or "")


def show(report: Report, zone: Zone | None, as_json: bool) -> None:
    """The result as JSON, or as lines."""
    if as_json:
        print_json(report.as_json(zone), indent=2)
        return
    for line in report.lines(zone):
        out.print(line)


@footprint.command("import")
def import_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="emissions.csv, a carbontracker log, benchmark_report.json.")
    ],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Read the energy that CodeCarbon, carbontracker or optimum-benchmark measured, and say what their file leaves
    out.
    """
    with plain_errors(debug):
        imported = read_imported(file)
    if as_json:
        print_json(imported_json(imported), indent=2)
    else:
        for line in imported_lines(imported):
            out.print(line)
    for fault in imported.faults:
        err.print(f"error: {fault}", style="red")
    raise typer.Exit(CUT_SHORT if imported.faults else 0)


def imported_json(imported: Imported) -> dict[str, Any]:
    """Everything that was read; null: unknown."""
    runs = [
        {
            "run": run.run,
            "where": run.where,
            "version": run.version,
            "energy_kwh": run.total_kwh,
            "counted_kwh": run.counted_kwh,
            "energy_kwh_by_component": dict(run.kwh),
            "duration_s": run.duration_s,
            "carbon_kg": run.carbon_kg,
            "grid_g_per_kwh": run.g_per_kwh,
            "zone": run.zone,
            "pue": run.pue,
            "missing": list(run.missing),
            "warnings": list(run.warnings),
        }
        for run in imported.runs
    ]
    return {"tool": imported.tool, "runs": runs, "faults": list(imported.faults), "notes": list(imported.notes)}


def imported_lines(imported: Imported) -> Iterator[str]:
    """Everything that was read, as lines; what all runs lack is said once."""
    yield f"{imported.tool}: {len(imported.runs)} whole {'record' if len(imported.runs) == 1 else 'records'}"
    for run in imported.runs:
        yield from run_lines(run)
    if imported.runs:
        yield "\nnot in the file:"
        yield from (f"  {text}" for text in dict.fromkeys(text for run in imported.runs for text in run.missing))
    yield from (f"note: {note}" for note in imported.notes)


def run_lines(run: ImportedRun) -> Iterator[str]:
    """One record: its numbers with their units."""
    version = f" (version {run.version})" if run.version else ""
    yield f"\n{run.run}{version}  {run.where}"
    total = "unknown" if run.total_kwh is None else f"{run.total_kwh:.4g} kWh"
    counted = (
        f"; the tool counted {run.counted_kwh:.4g} kWh" if run.total_kwh is None and run.counted_kwh is not None else ""
    )
    yield f"  energy    {total}{counted}"
    for component, kwh in run.kwh.items():
        yield f"    {component:8}{'unknown' if kwh is None else f'{kwh:.4g} kWh'}"
    yield f"  duration  {'unknown' if run.duration_s is None else f'{run.duration_s:,.1f} s'}"
    carbon = "unknown" if run.carbon_kg is None else f"{run.carbon_kg:.4g} kgCO2e as the tool counted it"
    how = "stated" if run.stated_g_per_kwh is not None else "implied"
    at = (
        ""
        if run.g_per_kwh is None
        else f" at {run.g_per_kwh:,.1f} gCO2e/kWh ({how}{f', {run.zone}' if run.zone else ''})"
    )
    yield f"  carbon    {carbon}{at}"
    yield f"  PUE       {'unknown' if run.pue is None else f'{run.pue:g}'}{' (none applied)' if run.pue == 1 else ''}"
    yield from (f"  warning: {warning}" for warning in run.warnings)


@footprint.command("crosscheck")
def crosscheck_command(
    model: Annotated[
        str, typer.Option("--model", help="The model that works meanwhile: it scores short texts.")
    ] = "embedded:smollm2",
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, help="How long it works (s).")] = 20.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of our interval.")] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Our meter and CodeCarbon's over the same work, their disagreement by component, and what explains it."""
    with plain_errors(debug):
        require("codecarbon", extra="codecarbon")
        opened = open_local_model(model, folder=None)
        texts = [
            Continuation(f"Applicant {number} writes: I have worked for {number} years", " as a nurse.")
            for number in range(TEXTS_SCORED)
        ]
        began = perf_counter()
        opened.score(texts)
        err.print(f"scoring for {seconds:g} s with both meters; one round takes {perf_counter() - began:.2g} s")
        with Meter(opened.device) as meter:
            crosscheck = check_both(lambda: opened.score(texts), seconds, meter, np.random.default_rng(seed))
    if as_json:
        print_json(crosscheck_json(crosscheck), indent=2)
        return
    for line in crosscheck_lines(crosscheck):
        out.print(line)


def crosscheck_json(crosscheck: CrossCheck) -> dict[str, Any]:
    """Both meters by component; null: unknown to that meter."""
    components = {
        row.component: {
            "ours_wh": row.ours_wh,
            "low_wh": row.low,
            "high_wh": row.high,
            "codecarbon_wh": row.theirs_wh,
            "ratio": row.ratio,
            "ours_by": row.ours_by,
            "codecarbon_by": row.theirs_by,
        }
        for row in crosscheck.compared
    }
    return {
        "codecarbon_version": crosscheck.version,
        "ours_s": crosscheck.ours_s,
        "codecarbon_s": crosscheck.theirs_s,
        "components": components,
        "explanations": list(crosscheck.explanations),
    }


def crosscheck_lines(crosscheck: CrossCheck) -> Iterator[str]:
    """Both meters by component, as lines."""
    yield f"{'':8}{'commonweal [Wh]':>34}{f'codecarbon {crosscheck.version} [Wh]':>26}{'ratio':>9}"
    for row in crosscheck.compared:
        ours = "unknown" if row.ours_wh is None else f"{row.ours_wh:.3g} ({row.low:.3g} to {row.high:.3g})"
        theirs = "unknown" if row.theirs_wh is None else f"{row.theirs_wh:.3g}"
        yield f"{row.component:8}{ours:>34}{theirs:>26}{'' if row.ratio is None else f'{row.ratio:.2f}x':>9}"
    times = f"{crosscheck.ours_s:.1f} s (ours) and {crosscheck.theirs_s:.1f} s (theirs)"
    yield f"\nover {times}; in brackets our uncertainty interval, 95 %"
    for row in crosscheck.compared[:-1]:
        yield f"{row.component}: ours {row.ours_by}\n{' ' * len(row.component)}  theirs {row.theirs_by}"
    yield from crosscheck.explanations
