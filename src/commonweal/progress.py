"""Progress that stays quiet: one line per stage, with what is done and the time left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from commonweal.evidence.numbers import duration_text
from commonweal.evidence.records import Finding
from commonweal.files.foreign_text import unbroken


class Stages:
    """On a terminal a bar per stage; elsewhere one line when a stage ends, and one every half minute."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._ids: dict[str, TaskID] = {}
        self._began: dict[str, tuple[float, int]] = {}
        self._told: dict[str, float] = {}
        self._start = time.perf_counter()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start

    def tell(self, said: Sequence[Finding]) -> None:
        """What a measure says, as soon as it is done; what it could not measure is told at the end."""
        for finding in said:
            if finding.verdict != "not_measured":
                self._console.print(unbroken(f"so far, {finding.measure} on {finding.subject}: {finding.headline}"))

    def tick(self, stage: str, done: int, total: int) -> None:
        """One step of a stage: how many of its requests to a model or an application are done."""
        now = time.perf_counter()
        began, first = self._began.setdefault(stage, (now, done))
        if self._console.is_terminal:
            if stage not in self._ids:
                self._ids[stage] = self._bars.add_task(stage, total=total)
            self._bars.update(self._ids[stage], completed=done, total=total)
            return
        if done < total and now - self._told.setdefault(stage, now) < 30:
            return
        self._told[stage] = now
        spent, new = now - began, done - first
        left = f", about {duration_text(spent / new * (total - done))} left" if new and done < total else ""
        stored = f" ({first} read back)" if first else ""
        self._console.print(f"{stage}: {done} of {total} requests{stored}, {duration_text(spent)}{left}")
