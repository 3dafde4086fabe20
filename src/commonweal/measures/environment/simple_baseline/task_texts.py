"""The auditor's own labelled texts of a task: what an application should have answered, and so should a simple
baseline.

Columns, in CSV with a header or in JSON lines, UTF-8: `text` and `label`, the option that is right, by name, or true
where the favourable one is right and false where it is not. Optional: `cluster`, for texts that were not chosen one by
one (the same template, author or document); without it each text is a cluster of its own.

What this module does not do: it cannot tell whether a label is right, nor whether two texts of different clusters are
near copies.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.files.cell_text import names_nothing, one_spelling
from commonweal.measures.data_set import DataSet
from commonweal.models.table_rows import cell_text, named_rows

NEEDED, OPTIONAL = ("text", "label"), ("cluster",)
FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class TaskText:
    """One text. `label`: the right option, or "true" or "false"; `cluster`: the unit that was sampled."""

    text: str
    label: str
    cluster: str


def read_task_texts(data: DataSet) -> list[TaskText]:
    """The texts of a data set; DataFileError names the first line that does not follow the format."""
    first_line: dict[str, str] = {}
    texts: list[TaskText] = []
    for path in data.files:
        for line, text in _rows(path):
            where = f"{path}:{line}"
            first = first_line.setdefault(text.text, where)
            if first != where:
                raise DataFileError(f"{where} the same text is there twice (first in {first}); leave one of them out")
            texts.append(text)
    if not texts:
        raise DataFileError(f"{data.files[0]}: no text in it")
    return texts


def _rows(path: Path) -> Iterator[tuple[int, TaskText]]:
    names, rows = named_rows(path, NEEDED, OPTIONAL)
    clustered = "cluster" in names
    for line, row in rows:
        where = f"{path}:{line}"
        text = _words(where, row, "text")
        cluster = f"cluster {_cluster(where, row)}" if clustered else f"text {text}"
        yield line, TaskText(text, _words(where, row, "label"), cluster)


def _cluster(where: str, row: Mapping[str, object]) -> str:
    cluster = _words(where, row, "cluster")
    if names_nothing(cluster):
        raise DataFileError(
            f"{where} cluster is '{cluster}', which names nothing; give a text that belongs to no other one of its own"
        )
    return one_spelling(cluster)


def _words(where: str, row: Mapping[str, object], name: str) -> str:
    """The text of a cell, which is not empty; true and false are labels."""
    if name == "label" and isinstance(row.get(name), bool):
        return str(row[name]).lower()
    wanted = "the name of an option, true or false" if name == "label" else "text"
    words = cell_text(where, row, name, numbered=name == "cluster", wanted=wanted)
    if not words:
        raise DataFileError(f"{where} {name} is missing or empty; fill it in, or leave the row out")
    return words


def spread_over_clusters(texts: Sequence[TaskText], most: int) -> list[TaskText]:
    """At most so many texts, one of each cluster in turn; which ones does not depend on the order of the rows.

    >>> one, two, three = (TaskText(name, "a", cluster) for name, cluster in (("x", "c"), ("y", "c"), ("z", "d")))
    >>> {text.cluster for text in spread_over_clusters([one, two, three], 2)} == {"c", "d"}
    True
    """
    clusters: dict[str, list[TaskText]] = {}
    for one in sorted(texts, key=lambda text: (_number(text.text), text.text)):
        clusters.setdefault(one.cluster, []).append(one)
    ordered = [clusters[name] for name in sorted(clusters, key=lambda name: (_number(name), name))]
    return [one for row in zip_longest(*ordered) for one in row if one is not None][:most]


def _number(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))
