"""Whether other programs kept this machine busy while it decided: then its run time is no property of the application.

Linux counts the time that all processors spent working (/proc/stat). What this process did not spend itself, others
did: other programs, other guests of the same computer (steal), the kernel on behalf of either. Where the system does
not tell, nothing is said; a low share of CPU time of our own is no sign, since an application may wait for a GPU or a
disk.

Source
------
Linux kernel, Documentation/filesystems/proc.rst, section 1.7: `cpu` line, in units of USER_HZ.
"""

from __future__ import annotations

import os
from pathlib import Path

STAT = Path("/proc/stat")
# A choice: a tenth of the machine is more than an idle desktop's background, and less than one busy program on 8
# threads.
BUSY_SHARE = 0.1


def working_ticks(stat: str) -> int | None:
    """Clock ticks that all processors together have worked, from the text of /proc/stat; None where it has no such
    line.

    User, nice, system, irq, softirq and steal; idle and iowait are rest, guest time is in user already.

    >>> working_ticks("cpu  100 1 20 5000 40 2 3 4 50 0\\ncpu0 1 2 3 4 5 6 7 8 9 0\\n")
    130
    """
    fields = next((line.split()[1:] for line in stat.splitlines() if line.startswith("cpu ")), [])
    if len(fields) < 8 or not all(field.isdecimal() for field in fields[:8]):
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
    return user + nice + system + irq + softirq + steal


def machine_cpu_s() -> float | None:
    """CPU time used by all programs of this machine [s]; None where the system does not report it."""
    try:
        ticks = working_ticks(STAT.read_text(encoding="ascii", errors="replace"))
    except OSError:
        return None
    return None if ticks is None else ticks / os.sysconf("SC_CLK_TCK")


def busy_note(others_cpu_s: float | None, wall_s: float, threads: int) -> str:
    """The warning on a figure taken while the machine was busy; "" where others used less than a tenth of it.

    >>> busy_note(12.0, 10.0, 2)[:75]
    ' The machine was busy: other programs kept 1.2 of its 2 hardware threads at'
    >>> busy_note(0.5, 10.0, 2), busy_note(None, 10.0, 2)
    ('', '')
    """
    if others_cpu_s is None or wall_s <= 0 or others_cpu_s < BUSY_SHARE * threads * wall_s:
        return ""
    return (
        f" The machine was busy: other programs kept {others_cpu_s / wall_s:.2g} of its {threads} hardware threads at "
        "work meanwhile (all CPU time in /proc/stat less that of this process), so on a quiet machine it may be less."
    )
