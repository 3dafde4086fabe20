"""The energy of one NVIDIA GPU, through its own library NVML.

Newer GPUs (Volta on) count their energy since the driver was loaded; for others the power is sampled in a thread and
summed over time. The number is that of the whole GPU with its memory, whoever uses it.

Source
------
NVIDIA NVML reference: nvmlDeviceGetTotalEnergyConsumption [mJ], nvmlDeviceGetPowerUsage [mW] (within 5 % on Fermi and
Kepler; from Ampere on an average over 1 s).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, Self

from commonweal.errors import MissingExtra, require

# A choice: 20 samples in a block of 1 s. Newer GPUs report an average over 1 s, so faster sampling tells nothing new,
# and at 50 a second the sampling alone took half of the 1 % of a run that reading may cost (benchmarks/meter.py).
SAMPLE_S = 0.05


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU whose energy so far [µJ] can be read; reading raises OSError when the driver refuses."""

    tier: Literal["counter", "sampled"]
    read_uj: Callable[[], int]


def open_gpu(device: str, stack: ExitStack) -> Gpu | str:
    """The GPU named `cuda` or `cuda:N`, or the reason in words why its energy cannot be read.

    >>> open_gpu("mps", ExitStack())
    "no reader for the device 'mps'; of GPUs, only NVIDIA's (cuda) can be read"
    """
    if device.partition(":")[0] != "cuda":
        return f"no reader for the device '{device}'; of GPUs, only NVIDIA's (cuda) can be read"
    try:
        nvml: Any = require("pynvml", extra="gpu")
    except MissingExtra as error:
        return str(error)
    try:
        nvml.nvmlInit()
        stack.callback(nvml.nvmlShutdown)
        name = physical_gpu(device, os.environ.get("CUDA_VISIBLE_DEVICES", ""))
        handle = (
            nvml.nvmlDeviceGetHandleByIndex(name) if isinstance(name, int) else nvml.nvmlDeviceGetHandleByUUID(name)
        )
        return _gpu(nvml, handle, stack)
    except nvml.NVMLError as error:
        return f"NVML does not read it ({error})"


def physical_gpu(device: str, visible: str) -> int | str:
    """Which physical GPU `cuda:N` is, by CUDA_VISIBLE_DEVICES: its number or its UUID.

    Assumes that CUDA counts the GPUs as NVML does, in the order of the PCI bus, which holds where they are all alike.

    >>> physical_gpu("cuda", ""), physical_gpu("cuda:1", "4,6"), physical_gpu("cuda:0", "GPU-8a1c")
    (0, 6, 'GPU-8a1c')
    """
    number = int(device.partition(":")[2] or 0)
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if number >= len(names):
        return number
    return int(names[number]) if names[number].isdigit() else names[number]


def _gpu(nvml: Any, handle: Any, stack: ExitStack) -> Gpu:
    def counted_uj() -> int:
        try:
            return int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) * 1000
        except nvml.NVMLError as error:
            raise OSError(f"NVML: {error}") from error

    def power_w() -> float:
        try:
            return float(nvml.nvmlDeviceGetPowerUsage(handle)) / 1000
        except nvml.NVMLError as error:
            raise OSError(f"NVML: {error}") from error

    try:
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except nvml.NVMLError:
        nvml.nvmlDeviceGetPowerUsage(handle)
        return Gpu("sampled", stack.enter_context(PowerSampler(power_w)).read_uj)
    return Gpu("counter", counted_uj)


class PowerSampler:
    """Sums sampled power over time, in a thread, while it is open.

    After a failed sample it knows no energy any more.
    """

    def __init__(self, power_w: Callable[[], float]) -> None:
        self._power_w = power_w
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpu-power", daemon=True)
        self._joules = 0.0
        self._last: tuple[float, float] | None = None
        self._failure: OSError | None = None

    def __enter__(self) -> Self:
        self._sample()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def read_uj(self) -> int:
        """Energy since it was opened, up to now [µJ]."""
        self._sample()
        with self._lock:
            if self._failure is not None:
                raise self._failure
            return round(self._joules * 1e6)

    def _run(self) -> None:
        while not self._done.wait(SAMPLE_S):
            self._sample()

    def _sample(self) -> None:
        with self._lock:
            try:
                now = (perf_counter(), self._power_w())
            except OSError as error:
                self._failure = error
                return
            if self._last is not None:
                self._joules += (now[0] - self._last[0]) * (now[1] + self._last[1]) / 2
            self._last = now
