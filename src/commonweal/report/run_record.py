"""What a reader needs to repeat a run: command, versions, machine, options, and the questions left open."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from commonweal.evidence.records import Evidence, Run
from commonweal.evidence.store import digest
from commonweal.files.foreign_text import whole
from commonweal.system.questions import questions
from commonweal.system.records import System

LIBRARIES = ("torch", "transformers", "numpy", "scipy", "polars")


class Clock:
    """When a run started and how long it has taken."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._from = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._from


def run_record(
    system: System, rows: Sequence[Evidence], clock: Clock, options: Mapping[str, str], allowed: tuple[str, ...]
) -> Run:
    """The record of a run that has just ended."""
    devices = sorted({row.provenance.device for row in rows if row.provenance.device})
    seeds = {row.provenance.seed for row in rows if row.provenance.seed is not None}
    return Run(
        version=importlib.metadata.version("commonweal"),
        command=whole(shlex.join([os.path.basename(sys.argv[0]) or "python", *sys.argv[1:]])),
        started=clock.started.isoformat(timespec="seconds"),
        duration_s=clock.seconds,
        seed=min(seeds, default=0),
        device=", ".join(devices) or "no device",
        machine=machine(),
        allowed=allowed,
        options=dict(options),
        system_hash=digest(system.model_dump(mode="json")),
        questions=tuple(f"{question.subject}: {question.text}" for question in questions(system)),
    )


def machine() -> str:
    """Processor architecture, cores, system and the versions of the libraries that compute."""
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} absent")
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"{', '.join(versions)}"
    )
