"""What another tool measured, as one record per run, epoch or task: its numbers, and what its file does not say.

A device that the file names and whose energy is missing or exactly 0 was not read: it is unknown (None), and so is the
total. What the tool added up without it stays, as `counted_kwh`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.files.text import decoded
from commonweal.footprint.energy import G_PER_KG, plausibility
from commonweal.units import MOST_G_PER_KWH, MOST_PUE

S_PER_HOUR = 3600.0
J_PER_KWH = 3.6e6
APART = 0.01  # a choice: parts that differ from their total by more than 1 % are no rounding
FAULTS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """One run, epoch or task.

    Parameters
    ----------
    tool, version : who measured; None: the file does not tell the version.
    run, where : its name in the file, and file:line.
    kwh : energy by component (`CPU`, `memory`, `GPU`) [kWh], as the tool wrote it, times `pue`; None: it is there and
        was not read; absent: the tool saw no such device, or does not tell its parts.
    counted_kwh : what the tool added up [kWh]; None where nothing was read.
    duration_s : wall clock [s].
    carbon_kg : as the tool counted it [kgCO2e].
    pue : factor that is in the energies already; 1: none; None: the file does not tell.
    stated_g_per_kwh : intensity that the file states [g/kWh]; most state none.
    zone : place that the tool took, such as `FRA`.
    missing : what the file does not say. `warnings`: what may be wrong in it.
    """

    tool: str
    version: str | None
    run: str
    where: str
    kwh: Mapping[str, float | None]
    counted_kwh: float | None
    duration_s: float | None
    carbon_kg: float | None
    pue: float | None
    missing: tuple[str, ...]
    stated_g_per_kwh: float | None = None
    zone: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def unread(self) -> tuple[str, ...]:
        """Components that are there and were not read."""
        return tuple(component for component, kwh in self.kwh.items() if kwh is None)

    @property
    def total_kwh(self) -> float | None:
        """Energy of the run [kWh]; None where a device that took part was not read, for a part is no sum."""
        return None if self.unread else self.counted_kwh

    @property
    def g_per_kwh(self) -> float | None:
        """Grid intensity [g/kWh]: as stated, else as implied by carbon over energy."""
        if self.stated_g_per_kwh is not None:
            return self.stated_g_per_kwh
        if self.carbon_kg is None or not self.counted_kwh:
            return None
        return self.carbon_kg * G_PER_KG / self.counted_kwh


@dataclass(frozen=True, slots=True)
class Imported:
    """What was whole in a file, in its order; `faults` say where it was cut short, `notes` what else must be known."""

    tool: str
    runs: tuple[ImportedRun, ...]
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def text_of(path: Path) -> str:
    """The text of a file; DataFileError where it cannot be read, is empty or is not UTF-8."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataFileError(
            f"{path}: cannot be read ({error.strerror or error}); expected a file of measured energy"
        ) from error
    if not raw.strip():
        raise DataFileError(f"{path}: is empty; expected emissions.csv, a carbontracker log or benchmark_report.json")
    return decoded(raw, path)


def measured(text: str, name: str, unit: str, *, low: float = 0.0, high: float = math.inf) -> float:
    """A number of a file; ValueError says in words what it is instead.

    >>> measured("0.25", "energy_consumed", "kWh")
    0.25
    """
    wanted = (
        f"a number{f' from {low:g} to {high:g}' if math.isfinite(high) else f' of at least {low:g}'} {unit}".rstrip()
    )
    try:
        value = float(text)
    except ValueError:
        got = f"'{text}'" if text else "empty"
        raise ValueError(f"`{name}` is {got}; expected {wanted}") from None
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"`{name}` is {text}; expected {wanted}")
    return value


def measured_pue(text: str) -> float:
    """A PUE of a file: 1 to 5; ValueError says what it is instead."""
    return measured(text, "pue", "", low=1.0, high=MOST_PUE)


def raise_faults(faults: list[str]) -> None:
    """DataFileError with the first few, where there are any."""
    if faults:
        more = [f"and {len(faults) - FAULTS_SHOWN} more"] if len(faults) > FAULTS_SHOWN else []
        raise DataFileError("\n".join(faults[:FAULTS_SHOWN] + more))


def doubts(run: ImportedRun, devices: int) -> tuple[str, ...]:
    """Warnings where a number would be right in another unit, or where parts and total do not agree.

    >>> run = ImportedRun("t", None, "r", "f:1", {"CPU": 40.0}, 40.0, 3600.0, 20.0, 1.0, ())
    >>> doubts(run, 1)
    ('40,000 W per device: above 20,000 W, which no device draws; is the energy in Wh, given as kWh?',)
    """
    warnings: list[str] = []
    if run.counted_kwh is not None and run.duration_s:
        warnings += plausibility(run.counted_kwh, device_hours=run.duration_s / S_PER_HOUR * devices)
    parts = sum(kwh for kwh in run.kwh.values() if kwh is not None)
    if parts and run.counted_kwh and abs(parts - run.counted_kwh) > APART * run.counted_kwh:
        warnings.append(
            f"the components add up to {parts:.4g} kWh and the total says {run.counted_kwh:.4g} kWh, "
            f"{parts / run.counted_kwh:.3g} times"
        )
    intensity = run.g_per_kwh
    if intensity is not None and intensity > MOST_G_PER_KWH:
        warnings.append(
            f"{intensity:,.0f} g/kWh implied: above {MOST_G_PER_KWH:,.0f} g/kWh, which no grid emits; is the carbon "
            "in g, given as kg?"
        )
    return tuple(warnings)
