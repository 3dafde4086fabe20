"""`commonweal footprint mitigate`, `hardware` and `smaller-model`: what another zone, hour, device or model would
save.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from commonweal.cli.surface import Debug, out, plain_errors, print_json
from commonweal.errors import FootprintError
from commonweal.footprint.amounts import figures
from commonweal.footprint.mitigation import (
    YEARLY_ONLY,
    Hardware,
    Hours,
    Move,
    greenest,
    lowest,
    moves,
    other_hardware_ratio,
    other_hours,
    smaller_model,
)

SHOWN = 5
AVERAGES = (
    "Yearly averages of each zone: what one more kWh causes there (the marginal intensity) can differ. Moving the "
    "data and a different PUE are not counted. A training can wait and move; a service with short answers usually "
    "cannot."
)
RUNNING_ONLY = (
    "Energy of running only. Making the new device and leaving the old one unused are not in it; declare them as "
    "`embodied`."
)
SAME_ANSWERS = (
    "It says nothing about whether the smaller model answers as well, or for whom it answers worse; measure that."
)


def mitigate(  # noqa: PLR0913, PLR0917 - one parameter per option of the command
    energy_kwh: Annotated[
        float, typer.Option("--energy-kwh", help="Energy of the computation with its building (kWh).")
    ],
    grid: Annotated[
        str, typer.Option("--grid", metavar="ZONE", help="Where it is now: ISO 3166 alpha-3 (USA) or a part (CA-QC).")
    ],
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against", metavar="ZONE", help="A zone to compare with; may be repeated. By default the 5 lowest."
        ),
    ] = None,
    year: Annotated[
        int | None, typer.Option("--year", help="Year of all zones; by default the latest of each.")
    ] = None,
    hourly: Annotated[
        str | None,
        typer.Option(
            "--hourly-g-per-kwh",
            metavar="I,I,…",
            help="Intensity of each hour from now on in the present zone (g/kWh).",
        ),
    ] = None,
    hours: Annotated[int, typer.Option("--hours", help="How long it computes (h); with --hourly-g-per-kwh.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
    debug: Debug = False,
) -> None:
    """What the same energy would emit in other grid zones, and what moving there would save."""
    with plain_errors(debug):
        options = moves(energy_kwh, grid, against or lowest(SHOWN), year)
        best = greenest([move.grid.zone for move in options], year).zone
        waiting = None if hourly is None else other_hours(_hourly(hourly), hours)
    if as_json:
        told = {
            "energy_kwh": energy_kwh,
            "grid": grid,
            "greenest": best,
            "zones": [_zone_json(move) for move in options],
        }
        told |= {"another_hour": None if waiting is None else _hours_json(waiting, energy_kwh), "notes": [AVERAGES]}
        print_json(told, indent=2)
        return
    out.print(f"{figures(energy_kwh)} kWh, now in {grid}")
    for move in options:
        out.print(_zone_line(move, grid))
    out.print(f"another hour  {YEARLY_ONLY if waiting is None else _hours_line(waiting, energy_kwh)}")
    out.print(f"note: {AVERAGES}")


def hardware(
    power_w: Annotated[float, typer.Option("--power-w", help="Mean power of the present device at this work (W).")],
    tasks_per_s: Annotated[
        float, typer.Option("--tasks-per-s", help="Tasks that the present device does in a second.")
    ],
    other_power_w: Annotated[
        float, typer.Option("--other-power-w", help="Mean power of the other device at this work (W).")
    ],
    other_tasks_per_s: Annotated[
        float, typer.Option("--other-tasks-per-s", help="Tasks that the other device does in a second.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
    debug: Debug = False,
) -> None:
    """What a task takes on other hardware: power / throughput of each, and their ratio."""
    with plain_errors(debug):
        now, then = Hardware(power_w, tasks_per_s), Hardware(other_power_w, other_tasks_per_s)
        ratio = other_hardware_ratio(now, then)
    energies = {"j_per_task": now.joules_per_task(), "other_j_per_task": then.joules_per_task(), "energy_ratio": ratio}
    if as_json:
        print_json({**energies, "notes": [RUNNING_ONLY]}, indent=2)
        return
    verb = f"saves {1 - ratio:.1%}" if ratio <= 1 else f"takes {ratio - 1:.1%} more"
    out.print(f"now {figures(energies['j_per_task'])} J a task, then {figures(energies['other_j_per_task'])} J: {verb}")
    out.print(f"energy ratio  {ratio:.4g} (`energy_ratio` of a mitigation in a system file)")
    out.print(f"note: {RUNNING_ONLY}")


def smaller(
    tasks: Annotated[float, typer.Option("--tasks", help="Tasks over the life of the model.")],
    wh_per_task: Annotated[
        float, typer.Option("--wh-per-task", help="Energy of one task with the present model (Wh).")
    ],
    other_wh_per_task: Annotated[
        float, typer.Option("--other-wh-per-task", help="Energy of one task with the smaller one (Wh).")
    ],
    making_kwh: Annotated[
        float, typer.Option("--making-kwh", help="Energy of distilling or training the smaller one (kWh).")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
    debug: Debug = False,
) -> None:
    """What a distilled or otherwise smaller model saves over its life, its making subtracted, from how many tasks."""
    with plain_errors(debug):
        saving = smaller_model(tasks, wh_per_task, other_wh_per_task, making_kwh)
    if as_json:
        told = {"saved_kwh": saving.saved_kwh, "break_even_tasks": saving.break_even_tasks, "notes": [SAME_ANSWERS]}
        print_json(told, indent=2)
        return
    verb = "saves" if saving.saved_kwh >= 0 else "costs"
    out.print(f"{verb} {figures(abs(saving.saved_kwh))} kWh over {figures(tasks)} tasks, its making subtracted")
    since = (
        "never: a task takes no less"
        if saving.break_even_tasks is None
        else f"from {figures(saving.break_even_tasks)} tasks on"
    )
    out.print(f"it pays  {since}")
    out.print(f"note: {SAME_ANSWERS}")


def _hourly(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise FootprintError(
            f"--hourly-g-per-kwh {text}: expected numbers with commas between, such as 320,300,280"
        ) from None


def _zone_json(move: Move) -> dict[str, Any]:
    return {
        "zone": move.grid.zone,
        "name": move.grid.name,
        "g_per_kwh": move.grid.g_per_kwh,
        "year": move.grid.year,
        "source": move.grid.source,
        "carbon_kg": move.carbon_kg,
        "saved_kg": move.saved_kg,
        "ratio": move.ratio,
        "doubt": move.doubt or None,
    }


def _zone_line(move: Move, present: str) -> str:
    grid = move.grid
    start = (
        f"  {grid.zone:7}{figures(move.carbon_kg):>10} kgCO2e  {grid.g_per_kwh:6.4g} g/kWh in {grid.year}  {grid.name}"
    )
    if grid.zone == present:
        return f"{start}: now"
    verb = "saves" if move.saved_kg >= 0 else "adds"
    times = "" if move.ratio is None else f" ({move.ratio:.3g} times as much as now)"
    return f"{start}: {verb} {figures(abs(move.saved_kg))} kg{times}{f'; {move.doubt}' if move.doubt else ''}"


def _hours_json(waiting: Hours, energy_kwh: float) -> dict[str, Any]:
    saved_kg = energy_kwh * (waiting.now_g_per_kwh - waiting.best_g_per_kwh) / 1000
    return {
        "start_in_hours": waiting.start,
        "g_per_kwh": waiting.best_g_per_kwh,
        "now_g_per_kwh": waiting.now_g_per_kwh,
        "saved_kg": saved_kg,
        "ratio": waiting.ratio,
    }


def _hours_line(waiting: Hours, energy_kwh: float) -> str:
    if waiting.start == 0:
        return f"now is the best time of those given ({waiting.now_g_per_kwh:.4g} g/kWh)"
    saved_kg = energy_kwh * (waiting.now_g_per_kwh - waiting.best_g_per_kwh) / 1000
    return (
        f"begin in {waiting.start} h: {waiting.best_g_per_kwh:.4g} g/kWh instead of {waiting.now_g_per_kwh:.4g} now "
        f"saves {figures(saved_kg)} kg"
    )
