"""Reads a table of first names: a CSV file with the columns name, source, and one per attribute that the names signal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from commonweal.cell_text import names_nothing, one_spelling
from commonweal.errors import ProbeFileError
from commonweal.measures.lined_yaml import text_of
from commonweal.measures.probe_file import Name
from commonweal.table_text import read_table


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
            f"{path}:1 got the columns {', '.join(header)}; expected name, source, and one column per attribute such as "
            f"gender, each once; missing: {', '.join(missing) or 'none'}; mend the first line"
        )
    seen: dict[str, int] = {}
    for line, cells in table.rows:
        if len(cells) != len(header) or not all(cell.strip() for cell in cells):
            raise ProbeFileError(
                f"{path}:{line} got {', '.join(cells)}; expected a value for each of {', '.join(header)}; fill them in"
            )
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        if row["name"] in seen:
            raise ProbeFileError(f"{path}:{line} the name '{row['name']}' stands already in line {seen[row['name']]}; remove one")
        seen[row["name"]] = line
        groups = {attribute: one_spelling(row[attribute]) for attribute in attributes}
        if nothing := [attribute for attribute, group in groups.items() if names_nothing(group)]:
            raise ProbeFileError(
                f"{path}:{line} {nothing[0]} is '{row[nothing[0]]}', which names no group; write its name in full, or leave the name out"
            )
        yield Name(name=row["name"], groups=groups, source=row["source"])
    if not seen:
        raise ProbeFileError(f"{path}: there are no names below the first line; add one per line")
