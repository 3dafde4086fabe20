"""How tests wait: they poll for what they wait for, until a deadline that only a broken program reaches."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

WAIT_S = 300.0  # generous: on a machine with much else to do everything takes ten times as long
STEP_S = 0.01


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> bool:
    """Whether it holds: at once, later, or not before the deadline or the end of `process`."""
    deadline = time.monotonic() + WAIT_S
    while not (held := holds()) and time.monotonic() < deadline and (process is None or process.poll() is None):
        time.sleep(STEP_S)
    return held


def worked(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether a process has had so many seconds of processor time: how far it has come, whatever else the machine
    does.
    """
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:  # it has ended
        return False
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") >= seconds
