"""CodeCarbon's `emissions.csv`: one row per run (with `task_name`: per task), as versions 1.2 to 3.3 write them.

Where its API output is on, it writes the word None for the run id of every run: a word for nothing is no id.

Read: codecarbon 1.2.0 (no components), 2.1.4 (components), 2.3.4 (version, PUE), 2.8.3 and 3.3.2 (water, utilization).
No version writes how a device was read (counter, load x TDP or a constant), which intensity was taken, or where it
comes from.

Source
------
codecarbon (MIT), `EmissionsData` in output.py and output_methods/emissions_data.py of these five versions. GPUs without
a counter that are written as 0 kWh: codecarbon issue 1316.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.files.cell_text import name_in, names_nothing, one_spelling
from commonweal.files.table_text import read_table
from commonweal.footprint.imported.imported_run import (
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
COLUMNS = {
    "CPU": ("cpu_energy", "cpu_power"),
    "GPU": ("gpu_energy", "gpu_power"),
    "memory": ("ram_energy", "ram_power"),
}
# A choice: power is the last reading in older versions and a mean in newer ones, so a factor of ten is nothing strange.
POWER_APART = 100.0
NEVER_SAID = (
    "method: whether each device was counted, modelled from its load, or taken as a constant",
    "intensity of the grid, its year and its source: only what carbon over energy implies",
    "uncertainty: none is written",
)
NO_PARTS = "energy by component: this version writes only the total"
NO_GPU = "GPU: none was seen; whether the machine has one is not told"

NUMBERS = (
    "duration",
    "emissions",
    "energy_consumed",
    "pue",
    "gpu_count",
    *(name for names in COLUMNS.values() for name in names),
)
# A choice: a row is written a moment after its time is taken, and both clocks are read to the second at best.
CLOCKS_APART_S = 60.0
SAME_BEGINNING_S = 5.0
CsvRow = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Counted:
    """A row: what it counted, who says that it is of the same run as others ("" where nobody does), and when it was
    written.
    """

    run: ImportedRun
    id: str
    project: str
    written: datetime | None
    said: tuple[str, ...] = ()

    @property
    def began(self) -> datetime | None:
        return None if self.written is None else self.written - timedelta(seconds=self.run.duration_s or 0.0)


def is_codecarbon(text: str) -> bool:
    """Whether the first line has one of its columns."""
    first = text.lstrip().split("\n", 2)
    names = re.split(
        r"[,;\t|]", first[1] if first[0].lower().lstrip('"').startswith("sep=") and first[1:] else first[0]
    )
    return not {"emissions", "energy_consumed", "cpu_energy"}.isdisjoint(name.strip(' "') for name in names)


def read_codecarbon(text: str, path: Path) -> Imported:
    """Every whole row; a row that was cut short is a fault that says where.

    Raises
    ------
    DataFileError
        A needed column is missing, or a number cannot be: below 0, not a number, PUE below 1; each with its line.
    """
    rows, cut = _rows(text, path)
    counted: list[_Counted] = []
    faults: list[str] = []
    for line, row in rows:
        try:
            counted.append(_counted(row, f"{path}:{line}"))
        except ValueError as error:
            faults.append(f"{path}:{line} {error}")
    raise_faults(faults)
    if not counted:
        raise DataFileError(
            "\n".join(cut) or f"{path}: no row below the header; a run that was stopped early leaves none"
        )
    tasks = "task_name" in rows[0][1]
    runs = [one.run for one in counted] if tasks else _last_of_each(counted)
    if not text.endswith("\n") and not cut:
        runs[-1] = _unended(runs[-1], list(rows[-1][1])[-1])
    return Imported(TOOL, tuple(runs), tuple(cut), () if tasks else tuple(_nameless(counted)))


def _rows(text: str, path: Path) -> tuple[list[tuple[int, CsvRow]], list[str]]:
    """The whole rows with their lines, and what is wrong with the others."""
    table = read_table(text, path, NUMBERS)
    header = table.names
    absent = [name for name in NEEDED if name not in header]
    if absent:
        raise DataFileError(
            f"{path}:{table.dialect.line} has no column {', '.join(absent)}; expected the columns of codecarbon's "
            f"emissions.csv, got: {', '.join(header)}"
        )
    rows: list[tuple[int, CsvRow]] = []
    cut = []
    for line, fields in table.rows:
        if len(fields) == len(header):
            rows.append((line, dict(zip(header, fields, strict=True))))
        else:
            cut.append(f"{path}:{line} is not whole: {len(fields)} of {len(header)} fields; this row is not counted")
    return rows, cut


def _counted(row: CsvRow, where: str) -> _Counted:
    """One row; ValueError where a number cannot be."""
    try:
        written = datetime.fromisoformat(row["timestamp"].strip()).replace(tzinfo=None)
    except ValueError:
        written = None
    return _Counted(
        _run(row, where),
        one_spelling(name_in(row.get("run_id")) or ""),
        one_spelling(name_in(row.get("project_name")) or ""),
        written,
    )


def _run(row: CsvRow, where: str) -> ImportedRun:
    """One row; ValueError where a number cannot be."""
    duration_s = measured(row["duration"], "duration", "s")
    counted = measured(row["energy_consumed"], "energy_consumed", "kWh")
    kwh = {component: _part(row, component, duration_s) for component in COLUMNS if COLUMNS[component][0] in row}
    parts = dict(kwh)
    missing = NEVER_SAID if kwh else (*NEVER_SAID, NO_PARTS)
    if "GPU" in kwh and not kwh["GPU"] and not name_in(row.get("gpu_model")) and not _gpus(row):
        del parts["GPU"]
        missing = (*missing, NO_GPU)
    version = name_in(row.get("codecarbon_version"))
    run = ImportedRun(
        tool=TOOL,
        version=version,
        run=name_in(row.get("task_name")) or name_in(row.get("run_id")) or row["timestamp"],
        where=where,
        kwh=parts,
        counted_kwh=counted or None,
        duration_s=duration_s,
        carbon_kg=_carbon(row, counted),
        pue=measured_pue(row["pue"]) if "pue" in row else 1.0,
        missing=missing if version else (*missing, "version of the tool"),
        zone=_zone(row),
    )
    devices = 1 + int(_gpus(row))
    return replace(run, warnings=(*doubts(run, devices), *_power_doubts(row, duration_s), *_unread_words(run)))


def _zone(row: CsvRow) -> str | None:
    """The place that the tool took; NA is one only where the country is named beside it."""
    if row.get("country_iso_code") == "NA" and row.get("country_name") == "Namibia":
        return "NA"
    return name_in(row.get("country_iso_code")) or name_in(row.get("region"))


def _part(row: CsvRow, component: str, duration_s: float) -> float | None:
    """Energy of a component [kWh]; None where it is empty, or exactly 0 although time passed."""
    name = COLUMNS[component][0]
    if names_nothing(row[name]) and row[name].casefold() != "nan":
        return None
    kwh = measured(row[name], name, "kWh")
    return None if kwh == 0 and duration_s > 0 else kwh


def _carbon(row: CsvRow, counted_kwh: float) -> float | None:
    carbon = measured(row["emissions"], "emissions", "kg")
    return carbon if counted_kwh else None


def _gpus(row: CsvRow) -> float:
    return measured(name_in(row.get("gpu_count")) or "0", "gpu_count", "")


def _unread_words(run: ImportedRun) -> list[str]:
    return [
        f"{component}: it is there, and its energy is empty or exactly 0, so it was not read: unknown, not 0; total "
        "and carbon leave it out"
        for component in run.unread
    ]


def _power_doubts(row: CsvRow, duration_s: float) -> list[str]:
    """Where energy is no power times time: one of them is in another unit."""
    warnings = []
    for energy_name, power_name in COLUMNS.values():
        if name_in(row.get(energy_name)) and name_in(row.get(power_name)):
            kwh, power_w = measured(row[energy_name], energy_name, "kWh"), measured(row[power_name], power_name, "W")
            expected = power_w * duration_s / J_PER_KWH
            if expected and kwh > POWER_APART * expected:
                warnings.append(
                    f"`{energy_name}` {kwh:.3g} kWh is {kwh / expected:,.0f} times `{power_name}` x `duration`, "
                    f"{expected:.3g} kWh: is the energy in Wh, given as kWh?"
                )
    return warnings


def _last_of_each(rows: Sequence[_Counted]) -> list[ImportedRun]:
    """The last row of each run: rows before it (`flush`) count the same energy from the run's start.

    A row without an id is a run of its own. Rows that one run cannot have are of several, whatever id they share.
    """
    kept: dict[tuple[str, ...], _Counted] = {}
    first_of: dict[str, _Counted] = {}
    for row in rows:
        if not row.id:
            kept[row.run.where,] = row
            continue
        key, said = (row.id, row.project), []
        first = first_of.setdefault(row.id, row)
        if first.project != row.project:
            said.append(
                f"{first.run.where} has the same run id and another project_name, so they are counted as two runs"
            )
        before = kept.pop(key, None)
        if before is not None and _falls(before.run, row.run):
            raise DataFileError(
                f"{row.run.where} run {row.run.run} is there twice and falls: expected rows of one run to count from "
                f"its start, as in {before.run.where}"
            )
        if before is not None and (apart_s := _apart_s(before, row)) > CLOCKS_APART_S:
            kept[*key, before.run.where] = before
            said.append(_two_runs(before.run, apart_s))
        elif before is not None:
            said = [*before.said, _left_out(before.run)]
        kept[key] = replace(row, said=tuple(dict.fromkeys(said)))
    return [replace(row.run, warnings=(*row.run.warnings, *row.said)) for row in kept.values()]


def _apart_s(before: _Counted, after: _Counted) -> float:
    """How much later the beginning of the later row is [s], by its time and duration; 0 where a time cannot be read."""
    if before.began is None or after.began is None:
        return 0.0
    return (after.began - before.began).total_seconds()


def _two_runs(before: ImportedRun, apart_s: float) -> str:
    return (
        f"{before.where} has the same run id and began {apart_s:,.0f} s earlier by its timestamp and duration, which "
        "rows of one run cannot: counted as two runs; if one run was paused in between, its first row is counted "
        "twice"
    )


def _nameless(rows: Sequence[_Counted]) -> Iterator[str]:
    """What must be known of rows without a run id, where there are several."""
    nameless = [row for row in rows if not row.id]
    if len(nameless) < 2:
        return
    yield (
        f"{len(nameless)} rows have no run id (an empty cell or a word such as None): each is counted as a run of its "
        "own"
    )
    for before, row in pairwise(nameless):
        if (
            before.project == row.project
            and before.began
            and row.began
            and abs(_apart_s(before, row)) <= SAME_BEGINNING_S
        ):
            yield (
                f"{before.run.where} and {row.run.where} began at the same time: if they are rows of one run, it is "
                "counted twice"
            )


def _falls(before: ImportedRun, after: ImportedRun) -> bool:
    return (after.duration_s or 0) < (before.duration_s or 0) or (after.counted_kwh or 0) < (before.counted_kwh or 0)


def _left_out(before: ImportedRun) -> str:
    return f"an earlier row of the same run ({before.where}) is left out: both count from the run's start"


def _unended(run: ImportedRun, last: str) -> ImportedRun:
    """A last row without its line end: all there but perhaps the end of its last field."""
    said = f"the file does not end with a line end, so `{last}` of its last row may be cut"
    return replace(run, warnings=(*run.warnings, said), pue=None if last == "pue" else run.pue)
