"""Energy that another tool measured, read from its file: CodeCarbon, carbontracker, optimum-benchmark.

Each figure comes with what the file does not say, which is most of what an auditor asks: how a device was read, whose
grid intensity was taken, how sure it is.
"""

from __future__ import annotations

from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.footprint.imported.carbontracker_log import is_carbontracker, read_carbontracker
from commonweal.footprint.imported.codecarbon_csv import is_codecarbon, read_codecarbon
from commonweal.footprint.imported.imported_run import Imported, text_of
from commonweal.footprint.imported.optimum_report import is_optimum, read_optimum

FORMATS = ((is_codecarbon, read_codecarbon), (is_carbontracker, read_carbontracker), (is_optimum, read_optimum))


def read_imported(path: Path) -> Imported:
    """The runs in a file of CodeCarbon, carbontracker or optimum-benchmark, found out by its first line.

    Raises
    ------
    DataFileError
        It is none of them, cannot be read, has nothing whole in it, or a number in it cannot be.
    """
    text = text_of(path)
    for belongs, read in FORMATS:
        if belongs(text):
            return read(text, path)
    first = text.split("\n", 1)[0][:80]
    raise DataFileError(
        f"{path}:1 begins with '{first}'; expected codecarbon's emissions.csv, a log of carbontracker "
        "(*_carbontracker.log, *_carbontracker_output.log) or optimum-benchmark's benchmark_report.json"
    )
