"""What reading the energy costs: CPU seconds of the reader as a share of a run, beside CodeCarbon, in one run.

    python benchmarks/meter.py [--seconds 24] [--rounds 3] [--model embedded:smollm2]

The model scores for `seconds` with each reader in turn, and without one. A reader's CPU seconds are those of its calls
in the main thread, of every thread that it starts, and of its child processes. Opening it is in them, importing it is
not; what its first opening in a process takes (CodeCarbon looks for the hardware once, and remembers it) is printed by
itself. Ours is measured with counters alone (two packages and two DRAM; stand-in files where the machine has none), and
at its dearest, with the power of a GPU sampled in a thread besides (a stand-in that costs nothing itself: the driver's
own time is not in it). Prints medians, and exits 1 where either takes 1 % of the run or more.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from commonweal.measures.environment.meter.crosscheck import quiet_tracker
from commonweal.measures.environment.meter.meter import POWERCAP, Counter, Meter, rapl_counters
from commonweal.measures.environment.meter.nvml import PowerSampler
from commonweal.models.opening import open_local_model
from commonweal.models.protocols import Continuation

PROMISED_SHARE = 0.01
BLOCK_S = 1.0  # as often as a measure reads the meter
ZONES = {"intel-rapl:0": "package-0", "intel-rapl:0:0": "dram", "intel-rapl:1": "package-1", "intel-rapl:1:0": "dram"}


@dataclass(frozen=True)
class Cost:
    """One run: wall clock [s], CPU seconds of the process [s], those of the reader [s], and how much was scored."""

    wall_s: float
    process_s: float
    reader_s: float
    rounds: int

    @property
    def share(self) -> float:
        """Of the CPU seconds that the run would have taken without a reader."""
        return self.reader_s / (self.process_s - self.reader_s)


class Stopwatch:
    """Sums the CPU seconds of a reader: its calls, and the threads that it starts."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def calls(self) -> Iterator[None]:
        """CPU seconds of this thread and of child processes, meanwhile."""
        began = time.thread_time(), _children_s()
        try:
            yield
        finally:
            self._add(time.thread_time() - began[0] + _children_s() - began[1])

    @contextmanager
    def threads(self) -> Iterator[None]:
        """CPU seconds of every thread that starts and ends meanwhile."""
        bootstrap: Any = threading.Thread.__dict__["_bootstrap_inner"]
        watch = self

        def counted(thread: threading.Thread) -> None:
            try:
                bootstrap(thread)
            finally:
                watch._add(time.thread_time())

        threading.Thread._bootstrap_inner = counted  # type: ignore[attr-defined]
        try:
            yield
        finally:
            time.sleep(0.2)
            threading.Thread._bootstrap_inner = bootstrap  # type: ignore[attr-defined]

    def _add(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def scored(work: Callable[[], object], seconds: float, each_block: Callable[[], object]) -> int:
    """Work for `seconds`, calling `each_block` once a second; how often the work was done."""
    began = last = time.perf_counter()
    rounds = 0
    while (now := time.perf_counter()) - began < seconds:
        if now - last >= BLOCK_S:
            each_block()
            last = now
        work()
        rounds += 1
    return rounds


def run(reader: str, work: Callable[[], object], seconds: float, powercap: Path) -> Cost:
    """One run with `counters`, `sampled`, `codecarbon` or `none` around the work."""
    watch = Stopwatch()
    began, cpu_began = time.perf_counter(), time.process_time() + _children_s()
    with watch.threads():
        rounds = READERS[reader](watch, work, seconds, powercap)
        ended, cpu_ended = time.perf_counter(), time.process_time() + _children_s()
    return Cost(ended - began, cpu_ended - cpu_began, watch.seconds, rounds)


def _none(watch: Stopwatch, work: Callable[[], object], seconds: float, powercap: Path) -> int:
    del watch, powercap
    return scored(work, seconds, lambda: None)


def _counters(watch: Stopwatch, work: Callable[[], object], seconds: float, powercap: Path) -> int:
    with ExitStack() as stack:
        with watch.calls():
            meter = stack.enter_context(Meter("cpu", powercap))
        return _read_around(meter, watch, work, seconds)


def _sampled(watch: Stopwatch, work: Callable[[], object], seconds: float, powercap: Path) -> int:
    with ExitStack() as stack:
        with watch.calls():
            meter = stack.enter_context(Meter("cpu", powercap))
            sampler = stack.enter_context(PowerSampler(lambda: 300.0))
        meter.counters.append(Counter("GPU", "stand-in", "sampled", sampler.read_uj))
        return _read_around(meter, watch, work, seconds)


def _read_around(meter: Meter, watch: Stopwatch, work: Callable[[], object], seconds: float) -> int:
    def read() -> None:
        with watch.calls():
            meter.read()

    read()
    rounds = scored(work, seconds, read)
    read()
    return rounds


def _theirs(watch: Stopwatch, work: Callable[[], object], seconds: float, powercap: Path) -> int:
    del powercap
    importlib.import_module("codecarbon")
    with watch.calls():
        tracker = quiet_tracker()
        tracker.start()
    rounds = scored(work, seconds, lambda: None)
    with watch.calls():
        tracker.stop()
    return rounds


READERS = {"none": _none, "counters": _counters, "sampled": _sampled, "codecarbon": _theirs}


def stand_in(folder: Path) -> Path:
    """A powercap tree of two packages with DRAM."""
    for zone, name in ZONES.items():
        (folder / zone).mkdir(parents=True)
        for file, text in (("name", name), ("energy_uj", "1000000"), ("max_energy_range_uj", "262143328850")):
            (folder / zone / file).write_text(f"{text}\n", encoding="ascii")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=24.0, help="of scoring, per run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="embedded:smollm2")
    arguments = parser.parse_args()
    model = open_local_model(arguments.model, folder=None, device="cpu")
    requests = [
        Continuation(f"Applicant {number} writes: I have worked for {number} years", " as a nurse.")
        for number in range(64)
    ]
    work = partial(model.score, requests)
    work()
    readers = [reader for reader in READERS if reader != "codecarbon" or find_spec("codecarbon") is not None]
    with tempfile.TemporaryDirectory() as folder:
        real = bool(rapl_counters(POWERCAP)[0])
        powercap = POWERCAP if real else stand_in(Path(folder))
        print(
            f"{'RAPL counters of this machine' if real else 'stand-in counters'}; {os.cpu_count()} threads; "
            f"{arguments.model}"
        )
        for reader in readers[1:]:
            first = run(reader, lambda: time.sleep(0.05), 0.1, powercap)
            print(f"  {reader:12}{first.reader_s * 1000:9.1f} ms CPU to open it the first time, and to close it")
        runs: dict[str, list[Cost]] = {reader: [] for reader in readers}
        for turn in range(arguments.rounds):
            for reader in readers if turn % 2 == 0 else reversed(readers):
                runs[reader].append(run(reader, work, arguments.seconds, powercap))
    told = {reader: median_line(reader, costs, runs["none"]) for reader, costs in runs.items()}
    if "codecarbon" not in readers:
        print("codecarbon is not installed: pip install 'commonweal[codecarbon]' to measure beside it")
    for ours in ("counters", "sampled"):
        if "codecarbon" in told:
            print(
                f"ratio: codecarbon takes {told['codecarbon'] / told[ours]:.2g} times the CPU seconds of our reader, "
                f"{ours}"
            )
    dearest = max(told["counters"], told["sampled"])
    print(f"share of the run: {dearest:.3%} (promised: under {PROMISED_SHARE:.0%})")
    if dearest >= PROMISED_SHARE:
        sys.exit(1)


def median_line(reader: str, costs: list[Cost], without: list[Cost]) -> float:
    """Print the medians of a reader; its share of the run."""
    share = statistics.median(cost.share for cost in costs)
    seconds = statistics.median(cost.reader_s for cost in costs)
    per_round = [statistics.median(cost.process_s / cost.rounds for cost in each) for each in (costs, without)]
    print(
        f"  {reader:12}{statistics.median(cost.wall_s for cost in costs):6.1f} s wall {seconds * 1000:9.1f} ms CPU of "
        f"the reader {share:8.3%}   CPU per round of scoring {per_round[0] / per_round[1] - 1:+.1%} against none"
    )
    return share


if __name__ == "__main__":
    main()
