"""Measures that keep what they make of each item, called without a run around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from commonweal.evidence.journal import Journal
from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.data_set import DataSet
from commonweal.measures.options import Limit
from commonweal.measures.recording import Ledger


def with_ledger(
    measure: Callable[..., Iterator[Estimate | Missing]],
    subject: Any,
    data: DataSet,
    limit: Limit,
    rng: np.random.Generator,
) -> list[Estimate | Missing]:
    """What a measure says, with a ledger that is thrown away."""
    with TemporaryDirectory() as folder, Journal(Path(folder) / "items") as journal:
        return list(measure(subject, data, limit, Ledger(journal), rng))
