"""carbontracker's two logs: `*_carbontracker.log` (power and duration per epoch) and `*_carbontracker_output.log` (the
sum).

The first is not multiplied by a PUE, the second is; the PUE stands in the first only, so the log beside is read for it.
A prediction is never imported as a measurement. carbontracker's CPU has the DRAM in it where it lists a device `dram`.

Source
------
carbontracker (MIT) 1.2.5 and 2.4.7, loggerutil.py, tracker.py, parser.py and components/cpu/intel.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.files.cell_text import names_nothing
from commonweal.footprint.imported.imported_run import (
    J_PER_KWH,
    Imported,
    ImportedRun,
    doubts,
    measured,
    measured_pue,
    raise_faults,
    text_of,
)

TOOL = "carbontracker"
STANDARD, OUTPUT = "_carbontracker.log", "_carbontracker_output.log"
STAMPED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - (.*)", re.DOTALL)
VERSION = re.compile(r"carbontracker version (\S+)")
PUE = re.compile(r"PUE coefficient of (\S+)")
FOUND = re.compile(r"([A-Z]+) with device\(s\) (.*?)\.(?= [A-Z]+ with device|$)")
INTENSITY = re.compile(r"Average carbon intensity during training was (\S+) gCO2")
EPOCH = re.compile(r"Epoch (\d+):$")
DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)$")
POWER = re.compile(r"Average power usage \(W\) for (\w+): (.+)$", re.DOTALL)
SUM = re.compile(
    r"Actual consumption(?: for (\d+) epoch\(s\))?:\n\tTime:\t(\d+):(\d\d):(\d\d)"
    r"\n\tEnergy:\t(\S+) kWh\n\tCO2eq:\t(\S+) g(?=\n|$)"
)
COMPONENTS = {"cpu": "CPU", "gpu": "GPU"}
NEVER_SAID = (
    "method: it samples power and extends it over the epoch; whether a CPU was read or modelled is not told",
    "year and source of the grid intensity",
    "uncertainty: none is written",
)
NO_MEMORY = "memory: only counted where the CPU has a device `dram`"
NO_CARBON = "carbon of an epoch: only the sum, in the output log"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a log: its line and its text, continued lines joined."""

    line: int
    text: str


@dataclass(slots=True)
class LogSession:
    """What holds for all epochs of a standard log."""

    version: str | None = None
    pue: float | None = None
    devices: dict[str, list[str]] = field(default_factory=dict)
    g_per_kwh: float | None = None


@dataclass(slots=True)
class Epoch:
    """One epoch while its lines are read; its power by component [W], one number per device, None: not measured."""

    number: int
    line: int
    seconds: float | None = None
    watts: dict[str, list[float] | None] = field(default_factory=dict)


def is_carbontracker(text: str) -> bool:
    """Whether it begins as its logs do."""
    first = STAMPED.match(text.split("\n", 1)[0])
    return first is not None and ("carbontracker" in first[1].casefold())


def read_carbontracker(text: str, path: Path) -> Imported:
    """The epochs of a standard log, or the sum of an output log; what was cut short is a fault that says where.

    Raises
    ------
    DataFileError
        Nothing of it is whole, or a number cannot be: below 0, not a number, PUE below 1; each with its line.
    """
    entries, cut = _entries(text, path)
    if "CarbonTracker: " in entries[0].text:
        return _sum(entries, cut, path)
    return _epochs(entries, cut, path)


def _entries(text: str, path: Path) -> tuple[list[LogEntry], list[str]]:
    """The entries with their lines; a last line without its end is cut, and left out."""
    lines = text.split("\n")
    cut = []
    if lines[-1]:
        cut.append(f"{path}:{len(lines)} is cut in the middle of the line; it is not counted")
    entries: list[LogEntry] = []
    for number, line in enumerate(lines[:-1], 1):
        stamped = STAMPED.match(line)
        if stamped is not None:
            entries.append(LogEntry(number, stamped[1]))
        elif entries:
            entries[-1] = LogEntry(entries[-1].line, f"{entries[-1].text}\n{line}")
    if not entries:
        raise DataFileError("\n".join(cut) or f"{path}: no line with a time; expected a log of carbontracker")
    return entries, cut


def _epochs(entries: Sequence[LogEntry], cut: list[str], path: Path) -> Imported:
    session, epochs, faults = LogSession(), list[Epoch](), list[str]()
    for entry in entries:
        try:
            _take(entry.text, session)
            _take_epoch(entry, epochs)
        except ValueError as error:
            faults.append(f"{path}:{entry.line} {error}")
    raise_faults(faults)
    runs = []
    for epoch in epochs:
        if epoch.seconds is None or set(epoch.watts) < set(session.devices):
            cut.append(
                f"{path}:{epoch.line} epoch {epoch.number} is not whole: no duration or no power; it is not counted"
            )
        else:
            runs.append(_run_of(epoch, session, path))
    if not runs:
        raise DataFileError(
            "\n".join(cut) or f"{path}: no epoch in it; a run that was stopped in its first epoch leaves none"
        )
    texts = [entry.text for entry in entries]
    notes = [text for text in texts if text.startswith("Training was interrupted")]
    if not notes and "Monitoring thread ended." not in texts:
        notes = ["the log does not say that monitoring ended, so later epochs may be missing"]
    return Imported(TOOL, tuple(runs), tuple(cut), tuple(notes))


def _take(text: str, session: LogSession) -> None:
    """Facts of the session; ValueError where a number cannot be."""
    if match := VERSION.match(text):
        session.version = match[1]
    if match := PUE.search(text):
        session.pue = measured_pue(match[1])
    if text.startswith("The following components were found:"):
        session.devices = {name.lower(): devices.split(", ") for name, devices in FOUND.findall(text)}
    if match := INTENSITY.search(text):
        session.g_per_kwh = measured(match[1], "carbon intensity", "g/kWh")


def _take_epoch(entry: LogEntry, epochs: list[Epoch]) -> None:
    """A line of an epoch; ValueError where a number cannot be."""
    if match := EPOCH.match(entry.text):
        epochs.append(Epoch(int(match[1]), entry.line))
    elif not epochs:
        return
    elif match := DURATION.match(entry.text):
        epochs[-1].seconds = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
    elif (match := POWER.match(entry.text)) and match[2].startswith("[") == match[2].endswith(
        "]"
    ):  # a list is not cut in two
        epochs[-1].watts[match[1]] = _watts(match[2])


def _watts(text: str) -> list[float] | None:
    if names_nothing(text):
        return None
    return [measured(number, "average power", "W") for number in text.strip().strip("[]").split()]


def _run_of(epoch: Epoch, session: LogSession, path: Path) -> ImportedRun:
    seconds = epoch.seconds or 0.0
    kwh: dict[str, float | None] = {}
    for name, watts in epoch.watts.items():
        for component, power_w in _by_component(name, watts, session.devices.get(name, [])).items():
            kwh[component] = power_w * seconds / J_PER_KWH if power_w else None
    known = [part for part in kwh.values() if part is not None]
    missing = (*NEVER_SAID, NO_CARBON) if "memory" in kwh else (*NEVER_SAID, NO_CARBON, NO_MEMORY)
    run = ImportedRun(
        tool=TOOL,
        version=session.version,
        run=f"epoch {epoch.number}",
        where=f"{path}:{epoch.line}",
        kwh=kwh,
        counted_kwh=sum(known) if known else None,
        duration_s=seconds,
        carbon_kg=None,
        pue=1.0,
        missing=missing,
        stated_g_per_kwh=session.g_per_kwh,
    )
    said = [f"{component}: no power was measured in this epoch: unknown, not 0" for component in run.unread]
    return replace(run, warnings=(*doubts(run, sum(map(len, session.devices.values())) or 1), *said))


def _by_component(name: str, watts: list[float] | None, devices: list[str]) -> Mapping[str, float | None]:
    """Power by component [W]; the CPU's devices named `dram` are memory.

    Exactly 0 is what a failed reading leaves: None.
    """
    component = COMPONENTS.get(name, name)
    if watts is None or (devices and len(watts) != len(devices)):
        return {component: None}  # of several devices a part is no sum
    if not devices:
        return {component: sum(watts) or None}
    memory = [power for power, device in zip(watts, devices, strict=True) if device.startswith("dram")]
    others = [power for power, device in zip(watts, devices, strict=True) if not device.startswith("dram")]
    parts = {component: others, "memory": memory} if memory else {component: others}
    return {name: None if 0 in powers else sum(powers) for name, powers in parts.items()}


def _sum(entries: Sequence[LogEntry], cut: list[str], path: Path) -> Imported:
    """The last sum of an output log: each counts from the start."""
    sums = [(entry, match) for entry in entries for match in [SUM.search(entry.text)] if match]
    begun = [entry for entry in entries if "Actual consumption" in entry.text and not SUM.search(entry.text)]
    cut = [*(f"{path}:{entry.line} the sum of what was used is not whole; it is not counted" for entry in begun), *cut]
    if not sums:
        none = (
            f"{path}: no sum of what was used in it; a run that was stopped early leaves it only in the log without "
            "`_output`"
        )
        raise DataFileError("\n".join(cut) or none)
    entry, match = sums[-1]
    session, beside = _session_beside(path)
    try:
        for each in entries:
            _take(each.text, session)
        energy, carbon_g = measured(match[5], "Energy", "kWh"), measured(match[6], "CO2eq", "g")
    except ValueError as error:
        raise DataFileError(f"{path}:{entry.line} {error}") from error
    epochs = f"{match[1]} epochs" if match[1] else "all"
    run = ImportedRun(
        tool=TOOL,
        version=session.version,
        run=epochs,
        where=f"{path}:{entry.line}",
        kwh={},
        counted_kwh=energy or None,
        duration_s=int(match[2]) * 3600.0 + int(match[3]) * 60 + int(match[4]),
        carbon_kg=carbon_g / 1000 if energy else None,
        pue=session.pue,
        missing=(*NEVER_SAID, *beside, "energy by component: only in the log without `_output`"),
        stated_g_per_kwh=session.g_per_kwh,
    )
    notes = ["a prediction for more epochs is in the file; it is not imported"] if _predicts(entries) else []
    return Imported(TOOL, (replace(run, warnings=doubts(run, 1)),), tuple(cut), tuple(notes))


def _predicts(entries: Sequence[LogEntry]) -> bool:
    return any("Predicted consumption" in entry.text for entry in entries)


def _session_beside(path: Path) -> tuple[LogSession, tuple[str, ...]]:
    """Version and PUE from the standard log beside an output log, and what is missing without it."""
    session = LogSession()
    beside = path.with_name(path.name.replace(OUTPUT, STANDARD))
    if not path.name.endswith(OUTPUT) or not beside.is_file():
        return session, (f"PUE and version: they stand in {beside.name}, which is not beside it",)
    for entry in _entries(text_of(beside), beside)[0]:
        try:
            _take(entry.text, session)
        except ValueError as error:
            raise DataFileError(f"{beside}:{entry.line} {error}") from error
    return session, ()
