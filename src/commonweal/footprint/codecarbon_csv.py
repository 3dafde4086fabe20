"""CodeCarbon's `emissions.csv`: one row per run (with `task_name`: per task), as versions 1.2 to 3.3 write them.

Read: codecarbon 1.2.0 (no components), 2.1.4 (components), 2.3.4 (version, PUE), 2.8.3 and 3.3.2 (water, utilization). No
version writes how a device was read (counter, load x TDP or a constant), which intensity was taken, or where it comes from.

Source
------
codecarbon (MIT), `EmissionsData` in output.py and output_methods/emissions_data.py of these five versions. GPUs without
a counter that are written as 0 kWh: codecarbon issue 1316.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.footprint.imported_run import (
    J_PER_KWH,
    Imported,
    ImportedRun,
    doubts,
    measured,
    measured_pue,
    raise_faults,
)

TOOL = "codecarbon"
NEEDED = ("timestamp", "duration", "emissions", "energy_consumed")
COLUMNS = {"CPU": ("cpu_energy", "cpu_power"), "GPU": ("gpu_energy", "gpu_power"), "memory": ("ram_energy", "ram_power")}
# A choice: power is the last reading in older versions and a mean in newer ones, so a factor of ten is nothing strange.
POWER_APART = 100.0
NEVER_SAID = (
    "method: whether each device was counted, modelled from its load, or taken as a constant",
    "intensity of the grid, its year and its source: only what carbon over energy implies",
    "uncertainty: none is written",
)
NO_PARTS = "energy by component: this version writes only the total"
NO_GPU = "GPU: none was seen; whether the machine has one is not told"

Row = Mapping[str, str]


def is_codecarbon(text: str) -> bool:
    """Whether the first line has one of its columns."""
    return not {"emissions", "energy_consumed", "cpu_energy"}.isdisjoint(text.split("\n", 1)[0].replace('"', "").split(","))


def read_codecarbon(text: str, path: Path) -> Imported:
    """Every whole row; a row that was cut short is a fault that says where.

    Raises
    ------
    DataFileError
        A needed column is missing, or a number cannot be: below 0, not a number, PUE below 1; each with its line.
    """
    rows, cut = _rows(text, path)
    runs: list[ImportedRun] = []
    faults: list[str] = []
    for line, row in rows:
        try:
            runs.append(_run(row, f"{path}:{line}"))
        except ValueError as error:
            faults.append(f"{path}:{line} {error}")
    raise_faults(faults)
    if not runs:
        raise DataFileError("\n".join(cut) or f"{path}: no row below the header; a run that was stopped early leaves none")
    if "task_name" not in rows[0][1]:
        runs = _last_of_each(runs)
    if not text.endswith("\n") and not cut:
        runs[-1] = _unended(runs[-1], list(rows[-1][1])[-1])
    return Imported(TOOL, tuple(runs), tuple(cut))


def _rows(text: str, path: Path) -> tuple[list[tuple[int, Row]], list[str]]:
    """The whole rows with their lines, and what is wrong with the others."""
    reader = csv.reader(io.StringIO(text))
    header = next(reader)
    absent = [name for name in NEEDED if name not in header]
    if absent:
        raise DataFileError(
            f"{path}:1 has no column {', '.join(absent)}; expected the columns of codecarbon's emissions.csv, got: {', '.join(header)}"
        )
    rows: list[tuple[int, Row]] = []
    cut = []
    for fields in filter(None, reader):
        if len(fields) == len(header):
            rows.append((reader.line_num, dict(zip(header, fields, strict=True))))
        else:
            cut.append(f"{path}:{reader.line_num} is not whole: {len(fields)} of {len(header)} fields; this row is not counted")
    return rows, cut


def _run(row: Row, where: str) -> ImportedRun:
    """One row; ValueError where a number cannot be."""
    duration_s = measured(row["duration"], "duration", "s")
    counted = measured(row["energy_consumed"], "energy_consumed", "kWh")
    kwh = {component: _part(row, component, duration_s) for component in COLUMNS if COLUMNS[component][0] in row}
    parts = dict(kwh)
    missing = NEVER_SAID if kwh else (*NEVER_SAID, NO_PARTS)
    if "GPU" in kwh and not kwh["GPU"] and not row.get("gpu_model") and not _gpus(row):
        del parts["GPU"]
        missing = (*missing, NO_GPU)
    version = row.get("codecarbon_version") or None
    run = ImportedRun(
        tool=TOOL, version=version, run=row.get("task_name") or row.get("run_id") or row["timestamp"], where=where, kwh=parts,
        counted_kwh=counted or None, duration_s=duration_s, carbon_kg=_carbon(row, counted),
        pue=measured_pue(row["pue"]) if "pue" in row else 1.0, missing=missing if version else (*missing, "version of the tool"),
        zone=row.get("country_iso_code") or row.get("region") or None,
    )  # fmt: skip
    devices = 1 + int(_gpus(row))
    return replace(run, warnings=(*doubts(run, devices), *_power_doubts(row, duration_s), *_unread_words(run)))


def _part(row: Row, component: str, duration_s: float) -> float | None:
    """Energy of a component [kWh]; None where it is empty, or exactly 0 although time passed."""
    name = COLUMNS[component][0]
    if not row[name]:
        return None
    kwh = measured(row[name], name, "kWh")
    return None if kwh == 0 and duration_s > 0 else kwh


def _carbon(row: Row, counted_kwh: float) -> float | None:
    carbon = measured(row["emissions"], "emissions", "kg")
    return carbon if counted_kwh else None


def _gpus(row: Row) -> float:
    return measured(row.get("gpu_count") or "0", "gpu_count", "")


def _unread_words(run: ImportedRun) -> list[str]:
    return [
        f"{component}: it is there, and its energy is empty or exactly 0, so it was not read: unknown, not 0; total and carbon leave it out"
        for component in run.unread
    ]


def _power_doubts(row: Row, duration_s: float) -> list[str]:
    """Where energy is no power times time: one of them is in another unit."""
    found = []
    for energy_name, power_name in COLUMNS.values():
        if row.get(energy_name) and row.get(power_name):
            kwh, power_w = measured(row[energy_name], energy_name, "kWh"), measured(row[power_name], power_name, "W")
            expected = power_w * duration_s / J_PER_KWH
            if expected and kwh > POWER_APART * expected:
                found.append(
                    f"`{energy_name}` {kwh:.3g} kWh is {kwh / expected:,.0f} times `{power_name}` x `duration`, {expected:.3g} kWh: "
                    "is the energy in Wh, given as kWh?"
                )
    return found


def _last_of_each(runs: list[ImportedRun]) -> list[ImportedRun]:
    """The last row of each run: rows before it (`flush`) count the same energy from the run's start."""
    kept: dict[str, ImportedRun] = {}
    for run in runs:
        before = kept.pop(run.run, None)
        if before is not None and _falls(before, run):
            raise DataFileError(
                f"{run.where} run {run.run} is there twice and falls: expected rows of one run to count from its start, "
                f"as in {before.where}"
            )
        kept[run.run] = run if before is None else replace(run, warnings=(*run.warnings, _left_out(before)))
    return list(kept.values())


def _falls(before: ImportedRun, after: ImportedRun) -> bool:
    return (after.duration_s or 0) < (before.duration_s or 0) or (after.counted_kwh or 0) < (before.counted_kwh or 0)


def _left_out(before: ImportedRun) -> str:
    return f"an earlier row of the same run ({before.where}) is left out: both count from the run's start"


def _unended(run: ImportedRun, last: str) -> ImportedRun:
    """A last row without its line end: all there but perhaps the end of its last field."""
    said = f"the file does not end with a line end, so `{last}` of its last row may be cut"
    return replace(run, warnings=(*run.warnings, said), pue=None if last == "pue" else run.pue)
