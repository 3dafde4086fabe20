"""The rows of a stranger's table, whatever it is written in: CSV in its dialects, or JSON lines, in UTF-8.

A column that looks like weights changes every number, so none is passed over: a reader uses it or refuses it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from commonweal.errors import DataFileError
from commonweal.files.table_text import is_table, names_of, read_table
from commonweal.files.text import json_as_written, json_of, text_of

WEIGHTS = frozenset(
    (
        "weight",
        "weights",
        "sampleweight",
        "sampleweights",
        "samplingweight",
        "samplingweights",
        "surveyweight",
        "surveyweights",
        "pweight",
        "pweights",
        "fweight",
        "fweights",
        "aweight",
        "aweights",
        "iweight",
        "wt",
        "wts",
        "wgt",
        "wgts",
        "fnlwgt",
        "finalweight",
        "designweight",
        "caseweight",
        "personweight",
        "popweight",
        "populationweight",
        "ipw",
        "iptw",
        "instanceweight",
        "rowweight",
        "samplewt",
        "samplewgt",
        "surveywt",
        "surveywgt",
        "designwt",
        "finalwt",
        "finalwgt",
        "wgtfinal",
        "weightfinal",
        "perwt",
        "pwgtp",
        "hhwt",
        "hhweight",
        "householdweight",
        "poststratificationweight",
        "postweight",
        "inverseprobabilityweight",
        "inverseprobabilityweights",
        "expansionfactor",
    )
)
IGNORED = "ignore_"


def table_rows(
    path: Path, numbers: Collection[str] = (), read: Callable[[str, Path, int], Any] = json_of
) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Line number and columns of each row of a table or a file of JSON lines; `numbers`: the columns that hold numbers.

    `read`: how a line of JSON is read; `json_as_written` for who refuses half of a surrogate pair under the name of its
    field.
    """
    text = text_of(path)
    if is_table(path, text):
        yield from read_table(text, path, numbers).whole_rows()
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            fields = read(line, path, number)
            if not isinstance(fields, dict):
                raise DataFileError(f"{path}:{number} holds {type(fields).__name__}, expected an object")
            yield number, fields


def column_names(path: Path, rows: Sequence[tuple[int, Mapping[str, object]]]) -> list[str]:
    """The names of the columns, a name that is there twice included; of JSON lines all names in the order in which
    they come.
    """
    text = text_of(path)
    return (
        list(names_of(text, path))
        if is_table(path, text)
        else list(dict.fromkeys(name for _, row in rows for name in row))
    )


def weight_columns(columns: Collection[str]) -> list[str]:
    """The columns whose name says that they hold weights.

    >>> weight_columns(["Sample_Weight", "weight_kg", "ignore_weight", "fnlwgt"])
    ['Sample_Weight', 'fnlwgt']
    """
    return [name for name in columns if "".join(one for one in name.casefold() if one.isalnum()) in WEIGHTS]


def refuse_weights(path: Path, columns: Collection[str], what: str) -> None:
    """DataFileError where a column holds weights, for a reader that has no use for them; `what`: what counts once
    instead.
    """
    if found := weight_columns(columns):
        raise DataFileError(
            f"{path}: the column '{found[0]}' looks like weights, which are not used here; rename it to "
            f"{IGNORED}{found[0]} if every {what} should count once"
        )


def named_rows(
    path: Path, needed: Sequence[str], optional: Sequence[str]
) -> tuple[list[str], list[tuple[int, Mapping[str, object]]]]:
    """The columns and rows of a table of texts; DataFileError where a column is absent, or there twice, or holds
    weights.
    """
    rows = list(table_rows(path, read=json_as_written))
    if not rows:
        return [], []
    names = column_names(path, rows)
    refuse_weights(path, names, "text")
    twice = [name for name, count in Counter(names).items() if count > 1]
    absent = [name for name in needed if name not in names]
    if twice or absent:
        wrong = f"the column '{twice[0]}' is there twice" if twice else f"no column '{absent[0]}'"
        raise DataFileError(
            f"{path}: {wrong}; expected {', '.join(needed)} and, if you like, {', '.join(optional)}; got "
            f"{', '.join(names)}"
        )
    return names, rows


def cell_text(where: str, row: Mapping[str, object], name: str, *, numbered: bool, wanted: str = "text") -> str:
    """The text of a cell without spaces around it, "" where there is none; `numbered`: it is a name, and so may be a
    number.

    >>> cell_text("a.csv:2", {"cluster": 7}, "cluster", numbered=True)
    '7'
    """
    value = "" if row.get(name) is None else row[name]
    a_number = isinstance(value, int) and not isinstance(value, bool)
    if not (isinstance(value, str) or (numbered and a_number)):
        said = "NaN" if isinstance(value, float) and math.isnan(value) else f"{value!r} ({type(value).__name__})"
        raise DataFileError(f"{where} {name} is {said}, expected {wanted}")
    words = str(value).strip()
    if any("\ud800" <= letter <= "\udfff" for letter in words):
        raise DataFileError(f"{where} {name} holds half a character (an unpaired surrogate), which is no text in UTF-8")
    return words
