"""Reads a table of first names: a CSV file with the columns name, source, and one per attribute that the names
signal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from commonweal.errors import ProbeFileError
from commonweal.files.cell_text import names_nothing, one_spelling
from commonweal.files.table_text import read_table
from commonweal.measures.lined_yaml import text_of
from commonweal.measures.probes.records import Name
from commonweal.models.group_labels import spelling


def read_names(path: Path) -> tuple[Name, ...]:
    """Every name of the table, in its order; ProbeFileError with the line of what is wrong."""
    return tuple(_rows(path))


def _rows(path: Path) -> Iterator[Name]:
    table = read_table(text_of(path), path, fault=ProbeFileError)
    header = table.names
    attributes = [column for column in header if column not in ("name", "source")]
    twice = [column for column, count in Counter(header).items() if count > 1]
    missing = [column for column in ("name", "source") if column not in header]
    if missing or twice or not attributes or "" in header:
        raise ProbeFileError(
            f"{path}:1 got the columns {', '.join(header)}; expected name, source, and one column per attribute such "
            f"as gender, each once; missing: {', '.join(missing) or 'none'}; mend the first line"
        )
    seen: dict[str, int] = {}
    spelled: dict[tuple[str, str], tuple[str, int]] = {}
    for line, cells in table.rows:
        if len(cells) != len(header) or not all(cell.strip() for cell in cells):
            raise ProbeFileError(
                f"{path}:{line} got {', '.join(cells)}; expected a value for each of {', '.join(header)}; fill them in"
            )
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        if row["name"] in seen:
            raise ProbeFileError(
                f"{path}:{line} the name '{row['name']}' stands already in line {seen[row['name']]}; remove one"
            )
        seen[row["name"]] = line
        groups = _groups(f"{path}:{line}", {attribute: row[attribute] for attribute in attributes})
        for attribute, group in groups.items():
            first, where = spelled.setdefault((attribute, spelling(group)), (group, line))
            if first != group:
                raise ProbeFileError(
                    f"{path}:{line} {attribute} is '{group}', and '{first}' in line {where}; give one group one "
                    "spelling"
                )
        yield Name(name=row["name"], groups=groups, source=row["source"])
    if not seen:
        raise ProbeFileError(f"{path}: there are no names below the first line; add one per line")


def _groups(where: str, cells: Mapping[str, str]) -> dict[str, str]:
    """The group of each attribute in its one spelling; ProbeFileError where a cell names none."""
    for attribute, cell in cells.items():
        if names_nothing(cell):
            raise ProbeFileError(
                f"{where} {attribute} is '{cell}', which names no group; write it in full, or leave the name out"
            )
    return {attribute: one_spelling(cell) for attribute, cell in cells.items()}
