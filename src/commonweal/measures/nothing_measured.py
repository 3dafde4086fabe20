"""Why a run has no number at all: the commonest reason, and the flags that would change it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from commonweal.evidence.records import Evidence

FLAG = re.compile(r"--allow-(?:code|network|download)\b|--allow-read [^\s;,)]+")


def why_nothing(rows: Sequence[Evidence]) -> str | None:
    """One sentence; None where something was measured. Rows that wait for a permission come first, and only they may name a flag."""
    asked = [row for row in rows if row.basis != "propagated"]
    if not asked or any(row.status == "ok" for row in asked):
        return None
    counts = Counter(row.status for row in asked)
    how = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.most_common())
    waiting = [row for row in asked if row.status == "skipped" and FLAG.search(row.note)]
    reason, times = Counter(row.note for row in waiting or asked).most_common(1)[0]
    most = f"{times} times" if times > 1 else "for instance" if len(asked) > 1 else "since"
    flags = sorted({flag for row in waiting for flag in FLAG.findall(row.note)})
    mend = f"; if you trust the system file, give {' '.join(flags)}" if flags else ""
    return f"{how}; {most}: {reason}{mend}"
