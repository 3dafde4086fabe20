"""optimum-benchmark's `benchmark_report.json`, or the `benchmark.json` with its settings: one record per target.

Text generation: `prefill` and `generate` are means per iteration, `decode` is generate less prefill, and `generate` has
the other two in it, so they are never added up. `load` and `load_model` are whole.

Source
------
optimum-benchmark (Apache-2.0) 0.6.0, trackers/energy.py, benchmark/report.py, scenarios/inference/scenario.py. Its
energy is codecarbon's, so what codecarbon leaves out is missing here too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from commonweal.errors import DataFileError
from commonweal.files.text import refuse_repeated
from commonweal.footprint.imported.imported_run import Imported, ImportedRun, doubts, measured, raise_faults

TOOL = "optimum-benchmark"
KEYS = {"CPU": "cpu", "memory": "ram", "GPU": "gpu"}
UNIT = "kWh"
NEVER_SAID = (
    "method: whether each device was counted, modelled from its load, or taken as a constant",
    "carbon, and the intensity of the grid: neither is written",
    "PUE: not written; codecarbon's own default is 1",
    "uncertainty: none is written",
)
NO_VERSION = "version: only in benchmark.json, which has the settings with the report"
NO_DURATION = "duration: this target has no latency"
WHOLE = ("load", "load_model")
REPORT_BEGINS = re.compile(r'"report"\s*:\s*\{')
DECODER = json.JSONDecoder()


def is_optimum(text: str) -> bool:
    """Whether it begins as a JSON object."""
    return text.lstrip().startswith("{")


def read_optimum(text: str, path: Path) -> Imported:
    """Every whole target that has energy; where the file was cut short is a fault that says where.

    Raises
    ------
    DataFileError
        Nothing of it is whole, no target has energy, or a number cannot be: below 0, not a number, another unit.
    """
    refuse_repeated(text, path)
    settings, report, cut = _report(text, path)
    environment = _object(_object(settings).get("environment"))
    runs: list[ImportedRun] = []
    faults: list[str] = []
    for target, found in report.items():
        if isinstance(found, dict) and found.get("energy") is not None:
            try:
                runs.append(_run(target, found, environment, path))
            except ValueError as error:
                faults.append(f"{path} {target}.energy: {error}")
    raise_faults(faults)
    if not runs:
        none = (
            f"{path}: no target has `energy`; got {', '.join(report) or 'nothing'}; run it with `scenario.energy=true`"
        )
        raise DataFileError("\n".join([*cut, none]))
    names = {run.run for run in runs}
    notes = ("`generate` has `prefill` and `decode` in it: do not add them up",) if "generate" in names else ()
    return Imported(TOOL, tuple(runs), tuple(cut), notes)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _report(text: str, path: Path) -> tuple[Mapping[str, Any], Mapping[str, Any], list[str]]:
    """The settings, the targets, and where the file was cut."""
    members, end = whole_members(text, text.index("{"))
    cut = [] if text[end:].strip() == "}" else [f"{path}:{text.count(chr(10), 0, end) + 1} the file is cut short here"]
    begun = REPORT_BEGINS.search(text, end)
    if cut and "config" in members and "report" not in members and begun:
        members["report"], end = whole_members(text, begun.end() - 1)
        cut = [f"{path}:{text.count(chr(10), 0, end) + 1} the file is cut short here"]
    if cut:
        cut = [f"{cut[0]}; the targets before are whole, what follows is not counted"]
    if "report" in members:
        return _object(members.get("config")), _object(members["report"]), cut
    return {}, members, cut


def whole_members(text: str, start: int) -> tuple[dict[str, Any], int]:
    """The members of a JSON object that are whole, and where the rest begins.

    >>> whole_members('{"a": {"b": 1}, "c": {"d": 2', 0)
    ({'a': {'b': 1}}, 14)
    """
    members: dict[str, Any] = {}
    end = start + 1
    while True:
        at = _skip(text, end, ",") if members else _skip(text, end, "")
        try:
            key, at = DECODER.raw_decode(text, at)
            value, at = DECODER.raw_decode(text, _skip(text, _skip(text, at, ":"), ""))
        except (ValueError, IndexError):
            return members, end
        if not isinstance(key, str) or at >= len(text):  # a number at the very end may have lost digits
            return members, end
        members[key], end = value, at


def _skip(text: str, at: int, sign: str) -> int:
    """Past white space, one sign, and white space again."""
    while at < len(text) and text[at].isspace():
        at += 1
    if sign and text[at : at + 1] == sign:
        at = _skip(text, at + 1, "")
    return at


def _run(target: str, figures: Mapping[str, Any], environment: Mapping[str, Any], path: Path) -> ImportedRun:
    """One target; ValueError where a number cannot be."""
    energy = _object(figures["energy"])
    if energy.get("unit") != UNIT:
        raise ValueError(f"`unit` is {energy.get('unit')!r}; expected '{UNIT}'")
    kwh = {component: _part(energy, key) for component, key in KEYS.items()}
    counted = measured(_text(energy.get("total")), "total", UNIT)
    if kwh["GPU"] is None and not _has_gpu(figures, environment):
        del kwh["GPU"]
    latency = _object(figures.get("latency"))
    duration_s = measured(_text(latency.get("mean")), "latency.mean", "s") if latency else None
    missing = NEVER_SAID if latency else (*NEVER_SAID, NO_DURATION)
    version = environment.get("optimum_benchmark_version")
    run = ImportedRun(
        tool=TOOL,
        version=version,
        run=target,
        where=str(path),
        kwh=kwh,
        counted_kwh=counted or None,
        duration_s=duration_s,
        carbon_kg=None,
        pue=None,
        missing=missing if version else (*missing, NO_VERSION),
    )
    said = [
        f"{component}: its energy is absent or exactly 0, so it was not read: unknown, not 0"
        for component in run.unread
    ]
    if latency:
        said.append("the duration is the mean latency, which was measured in a pass of its own")
    if target not in WHOLE:
        said.append("per iteration: the energy of the loop over its number of iterations")
    return replace(run, warnings=(*doubts(run, 1 + _gpus(environment)), *said))


def _part(energy: Mapping[str, Any], key: str) -> float | None:
    if energy.get(key) is None:
        return None
    return measured(_text(energy[key]), key, UNIT) or None


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, bool) else str(value)


def _has_gpu(figures: Mapping[str, Any], environment: Mapping[str, Any]) -> bool:
    """A GPU is named in the settings, or its memory was in use."""
    return _gpus(environment) > 0 or _object(figures.get("memory")).get("max_global_vram") is not None


def _gpus(environment: Mapping[str, Any]) -> int:
    count = environment.get("gpu_count")
    if isinstance(count, int):
        return count
    return 1 if environment.get("gpu") else 0
