"""Measures that read published data and keep what they make of each item, called without a run around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from commonweal.evidence.journal import Item, Journal
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


class Unkept(Ledger):
    """Keeps nothing. For simulations, in which thousands of runs would write their items to a disk."""

    def __init__(self) -> None:
        pass

    def write(self, items: Iterable[Item]) -> None:
        pass
