"""Two meters around the same work: ours and CodeCarbon's, their disagreement per component, and what explains it.

Neither is the truth. Where a counter exists both read it and should agree to a few per cent; where none does, both are
models: ours of the CPU seconds and the memory of this process, CodeCarbon's of the load of the whole machine and of its
memory slots. The ratio says how far the choice of a meter alone moves the result.

Source
------
codecarbon (MIT) 3.3.2, external/hardware.py (load^3 x TDP, or half of it) and external/ram.py (5 W per slot); tracker
of its Python API, offline, so that nothing is looked up.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from commonweal.errors import MeasurementError, require
from commonweal.measures.environment.meter.busy_machine import BUSY_SHARE
from commonweal.measures.environment.meter.components import ComponentValue, known_parts
from commonweal.measures.environment.meter.meter import Meter, Spent
from commonweal.measures.environment.meter.observation import Observation
from commonweal.measures.environment.meter.power_model import PER, MeteredBlock, block_weights

WINDOWS = 6  # a choice: five degrees of freedom for the interval of our own reading
WH_PER_KWH = 1000.0
THEIRS = {"CPU": "cpu", "memory": "ram", "GPU": "gpu"}
MODES = {
    "cpu_load": "load of the whole machine, to the third power, x its TDP of {tdp} W, with a floor of a tenth",
    "constant": "half of its TDP of {tdp} W, whatever the load",
    "intel_rapl": "RAPL counters of the whole package",
}
NOT_TOLD = "how it was found is not told"


@dataclass(frozen=True, slots=True)
class ComponentCheck:
    """One component by both meters [Wh]; None: that meter does not know it.

    `low`, `high`: our uncertainty interval; `ours_by`, `theirs_by`: how each found it.
    """

    component: str
    ours_wh: float | None
    low: float | None
    high: float | None
    theirs_wh: float | None
    ours_by: str
    theirs_by: str

    @property
    def ratio(self) -> float | None:
        """Theirs over ours; None where one of them does not know."""
        return None if self.ours_wh is None or self.theirs_wh is None else self.theirs_wh / self.ours_wh


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """Both meters over one piece of work: how long each saw [s], the components, and what else explains a
    difference.
    """

    ours_s: float
    theirs_s: float
    version: str
    compared: tuple[ComponentCheck, ...]
    explanations: tuple[str, ...]


def crosscheck(work: Callable[[], object], seconds: float, meter: Meter, rng: Generator) -> CrossCheck:
    """Repeat `work` for about `seconds` with both meters around it; `meter` is open already.

    Raises
    ------
    MissingExtra
        CodeCarbon is not installed; the message has the line that installs it.
    """
    tracker = quiet_tracker()
    tracker.start()
    try:
        spent = [_window(work, seconds / WINDOWS, meter) for _ in range(WINDOWS)]
    finally:
        tracker.stop()
    theirs = tracker.final_emissions_data
    if theirs is None:
        raise MeasurementError("codecarbon ended without a reading; is another of its trackers running?")
    blocks = tuple(
        MeteredBlock(PER, each.wall_s, each.cpu_s, each.memory_gb, each.joules, each.others_cpu_s) for each in spent
    )
    parts = known_parts(Observation(blocks, {}, repeated=True), meter, block_weights(WINDOWS, rng), rng)
    ours = {part.component: part for part in parts.known}
    names = [name for name in THEIRS if name != "GPU" or theirs.gpu_model or meter.device != "cpu"]
    compared = [_compared(name, ours.get(name), theirs, tracker) for name in names]
    total = None if parts.unknown else parts.total()
    unread = [check.component for check in compared if check.theirs_wh is None]
    known_wh = None if unread else theirs.energy_consumed * WH_PER_KWH
    every = ComponentCheck(
        "all", *_wh(total), known_wh, "sum", f"sum, without {', '.join(unread)}" if unread else "sum"
    )
    wall_s = sum(block.wall_s for block in blocks)
    return CrossCheck(
        wall_s,
        theirs.duration,
        theirs.codecarbon_version,
        (*compared, every),
        _explanations(blocks, theirs, meter.device),
    )


def quiet_tracker(**settings: Any) -> Any:
    """CodeCarbon's tracker with its defaults, but offline, without a file and without messages."""
    codecarbon = require("codecarbon", extra="codecarbon")
    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    quiet = {"save_to_file": False, "log_level": "critical", "allow_multiple_runs": True, "country_iso_code": "USA"}
    with warnings.catch_warnings():  # newer versions warn of a setting that older ones need
        warnings.simplefilter("ignore", DeprecationWarning)
        return codecarbon.OfflineEmissionsTracker(**quiet | settings)


def _window(work: Callable[[], object], seconds: float, meter: Meter) -> Spent:
    before = meter.read()
    while True:
        work()
        after = meter.read()
        if after.at_s - before.at_s >= seconds:
            return meter.spent(before, after)


def _wh(part: ComponentValue | None) -> tuple[float | None, float | None, float | None]:
    """Value and interval over all windows [Wh]; a part is the mean of the windows."""
    if part is None:
        return None, None, None
    whole = part.figure.times(WINDOWS)
    return whole.value, *whole.bounds()


def _compared(component: str, part: ComponentValue | None, theirs: Any, tracker: Any) -> ComponentCheck:
    kwh = getattr(theirs, f"{THEIRS[component]}_energy")
    power_w = getattr(theirs, f"{THEIRS[component]}_power")
    by = (
        f"{_method(component, theirs, tracker)}; {power_w:.3g} W on average"
        if kwh
        else "not read: written as 0, which is unknown"
    )
    return ComponentCheck(
        component, *_wh(part), kwh * WH_PER_KWH or None, f"{part.basis}: {part.method}" if part else "not read", by
    )


def _method(component: str, theirs: Any, tracker: Any) -> str:
    """How CodeCarbon measured a component, as far as its tracker reports it."""
    if component == "memory":
        return f"a constant for the {theirs.ram_total_size:.3g} GiB that the machine has, about 5 W per slot it guesses"
    if component == "GPU":
        return "NVML's energy counter"
    hardware = next((each for each in getattr(tracker, "_hardware", ()) if type(each).__name__ == "CPU"), None)
    said = MODES.get(getattr(hardware, "_mode", ""), NOT_TOLD)
    return said.format(tdp=getattr(hardware, "_tdp", "unknown"))


def _explanations(blocks: tuple[MeteredBlock, ...], theirs: Any, device: str) -> tuple[str, ...]:
    wall_s = sum(block.wall_s for block in blocks)
    cpu_s = sum(block.cpu_s for block in blocks)
    threads = os.cpu_count() or 1
    said = [
        f"ours: {cpu_s:.1f} CPU seconds of this process, {blocks[-1].memory_gb:.2g} GB held; theirs: the whole machine",
        f"PUE: theirs {theirs.pue:g}, ours none; neither counts the building",
    ]
    if theirs.gpu_model and device == "cpu":
        said.append("theirs has the machine's GPU in it; ours reads a GPU only where the model uses one")
    others = [block.others_cpu_s for block in blocks]
    known = [each for each in others if each is not None]
    if len(known) == len(others) and sum(known) >= BUSY_SHARE * threads * wall_s:
        said.append(
            f"other programs kept {sum(known) / wall_s:.2g} of the {threads} hardware threads at work: theirs has "
            "them in it, ours has not"
        )
    return tuple(said)
