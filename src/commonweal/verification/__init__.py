"""VERIFY: a dossier from somebody else, held against its own seals, rows, items and arithmetic.

It opens nothing else and runs none of its code.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from commonweal.errors import DataFileError
from commonweal.files.text import json_of, text_of
from commonweal.measures.registry import load_registry
from commonweal.report.content import SCHEMA, Dossier
from commonweal.verification.folder import Folder, value_of
from commonweal.verification.recomputed import Sources, check_probes, recompute
from commonweal.verification.result import Check, Recomputed, Verification
from commonweal.verification.sealed import check_files, check_items, check_rows, read_seals
from commonweal.verification.shown import check_findings, check_page, check_rows_shown

__all__ = ["Check", "Recomputed", "Verification", "verify"]


def verify(dossier: Path, data: str | None = None) -> Verification:
    """Check a dossier: its folder, or a file in it.

    `data`: the folder of published data that its measures read, if it is at hand.

    Raises
    ------
    DataFileError
        If it is no dossier.
    """
    folder = Folder(_root(dossier))
    path = folder.file("dossier.json")
    if path is None:
        raise DataFileError(
            f"{folder.root}: is no dossier: there is no dossier.json in it; give the folder of a finished run"
        )
    text = text_of(path)
    content = json_of(text, path)
    if value_of(content, "schema") != SCHEMA:
        raise DataFileError(
            f"{path}: is no dossier: expected the schema {SCHEMA}, got {str(value_of(content, 'schema'))[:60]!r}"
        )
    try:
        read = Dossier.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataFileError(f"{path}: is no dossier ({'.'.join(map(str, first['loc']))}: {first['msg']})") from error
    specs = load_registry().specs
    seals, sealed = read_seals(folder)
    rows, rows_check = check_rows(folder, seals)
    checks = [sealed, rows_check]
    if seals is not None:
        checks += [check_items(folder, seals), check_files(folder, seals)]
    checks += [
        check_probes(folder),
        check_rows_shown(content, rows),
        check_findings(read, {name: spec.method for name, spec in specs.items()}),
    ]
    checks.append(check_page(folder, read))
    return Verification(
        title=read.system.name,
        version=read.run.version,
        started=read.run.started,
        rows=len(read.rows),
        checks=tuple(checks),
        recomputed=recompute(Sources(folder, read, specs, data), seals),
        hash=seals.head if seals is not None else "",
    )


def _root(dossier: Path) -> Path:
    """The folder of a dossier that was named by its folder, page or data."""
    if dossier.is_dir():
        return dossier
    if dossier.is_file() and dossier.name in {"dossier.html", "dossier.json"}:
        return dossier.parent
    what = "there is no such file or folder" if not dossier.exists() else "is no dossier"
    raise DataFileError(
        f"{dossier}: {what}; expected the folder of a finished run, or the dossier.html or dossier.json in it"
    )
