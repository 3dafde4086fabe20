"""A published data set in a folder or hub id that whoever runs commonweal names: the project ships none of their
texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from commonweal.errors import DataFileError, DataRequired
from commonweal.models.file_hashes import fingerprint_of, sha256_of_files
from commonweal.models.hub import hub_data_set
from commonweal.system.permissions import Permissions

NOTHING_ALLOWED = Permissions()
HUB = "hf:"


@dataclass(frozen=True, slots=True)
class DataPlace:
    """Where a measure's data lie: files `pattern` in the folder `name` (or in the named folder itself), and where they
    come from.

    `own`: a file of the auditor's own, in the named folder itself, that takes their place. `beside`: further sets that
    the measure reads, each in its own place below the same folder. `optional`: one of these that may be absent.
    `instead`: files of another format of the same set, read where the folder holds none of `pattern`.
    """

    name: str
    pattern: str
    origin: str
    own: str = ""
    beside: tuple[DataPlace, ...] = ()
    optional: bool = False
    instead: str = ""

    @property
    def told(self) -> str:
        """The sets that are needed, and where they come from, in words."""
        mine = f", or your own {self.own}" if self.own else ""
        return "; ".join([f"{self.name} ({self.origin}{mine})", *(one.told for one in self.beside if not one.optional)])


@dataclass(frozen=True, slots=True)
class DataSet:
    """The files of a data set, sorted by name, and one hash of their contents (and of the sets beside it)."""

    name: str
    files: tuple[Path, ...]
    fingerprint: str
    beside: tuple[DataSet, ...] = ()

    def file(self, name: str) -> Path:
        """The file of this name; DataFileError where it is missing."""
        found = next((path for path in self.files if path.name == name), None)
        if found is None:
            there = ", ".join(path.name for path in self.files)
            raise DataFileError(
                f"{self.files[0].parent}: '{name}' is missing from the data set {self.name}; there are: {there}"
            )
        return found


def open_data_set(wanted: DataPlace, data: Path | str | None, permissions: Permissions = NOTHING_ALLOWED) -> DataSet:
    """Find a data set below the folder `data`, or in the data set of the hub that it names.

    Raises
    ------
    DataRequired
        If none was named, or the folder that was named does not hold this one.
    DataFileError, LocatorError, PermissionRequired
        If there is no such folder, or the hub's data set cannot be had, or its files lie in several folders.
    """
    which = f"{'The sets' if wanted.beside else 'The set'}: {wanted.told}"
    if data is None:
        raise DataRequired("published data that are not included: name their folder with --data DIR", which)
    folder = _folder(wanted, data, permissions)
    files = _files(wanted, folder, str(data))
    if not files:
        raise DataRequired(
            f"data that --data {data} does not hold: no {_wanted(wanted)} in {folder / wanted.name} or {folder}", which
        )
    try:
        hashes = sha256_of_files(files)
    except OSError as error:
        raise DataFileError(f"{error.filename}: cannot be read ({error.strerror})") from error
    beside = tuple(open_data_set(one, data, permissions) for one in wanted.beside if _is_there(one, data, permissions))
    fingerprint = fingerprint_of(hashes)
    if beside:
        fingerprint = fingerprint_of({"sets": [fingerprint, *(sibling.fingerprint for sibling in beside)]})
    return DataSet(wanted.name, files, fingerprint, beside)


def _folder(wanted: DataPlace, data: Path | str, permissions: Permissions) -> Path:
    if str(data).startswith(HUB):
        return hub_data_set(str(data), wanted.pattern, permissions)
    folder = Path(data).expanduser()
    if not folder.is_dir():
        raise DataFileError(
            f"--data {data}: there is no such folder; expected one that holds data sets, such as {wanted.name}"
        )
    return folder


def _is_there(place: DataPlace, data: Path | str, permissions: Permissions) -> bool:
    return not place.optional or bool(_files(place, _folder(place, data, permissions), str(data)))


def _wanted(place: DataPlace) -> str:
    return ", nor ".join(filter(None, (place.pattern, place.instead, place.own)))


def _files(wanted: DataPlace, folder: Path, named: str) -> tuple[Path, ...]:
    """The files where they are expected; of the hub's data sets, which have folders of their own, in the one that
    has them.
    """
    if wanted.own and (folder / wanted.own).is_file():
        return (folder / wanted.own,)
    inside = folder / wanted.name
    root = inside if inside.is_dir() else folder
    expected = tuple(sorted(path for path in root.glob(wanted.pattern) if path.is_file()))
    if not expected and wanted.instead:
        expected = tuple(sorted(path for path in root.glob(wanted.instead) if path.is_file()))
    if expected or not named.startswith(HUB):
        return expected
    deeper = tuple(sorted(path for path in root.rglob(wanted.pattern) if path.is_file()))
    folders = sorted({path.parent.relative_to(root).as_posix() for path in deeper})
    if len(folders) > 1:
        raise DataFileError(
            f"--data {named}: {wanted.pattern} in several folders ({', '.join(folders)}); download it, and name the "
            f"one that is the data set {wanted.name}"
        )
    return deeper


class Identified(Protocol):
    """Something with an id."""

    @property
    def id(self) -> str: ...


Unit = TypeVar("Unit", bound=Identified)


def once_each(data: DataSet, found: Iterable[tuple[str, Unit]], what: str) -> list[Unit]:
    """The entries of a data set; DataFileError where an id comes twice, or there is no entry."""
    units: dict[str, Unit] = {}
    for where, one in found:
        if one.id in units:
            raise DataFileError(f"{where} {what} '{one.id}' is there twice")
        units[one.id] = one
    if not units:
        raise DataFileError(f"{data.files[0]}: no {what} in it")
    return list(units.values())
