"""The seals of a dossier held against what lies in its folder: rows, items, which run asked for what, and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from commonweal.evidence.journal import ITEMS, run_name, table_name
from commonweal.evidence.records import Evidence
from commonweal.evidence.seals import SEALS, Seal, Seals, items_hash, sha256, whole_hash
from commonweal.evidence.store import EVIDENCE, claims_a_seal, hashed_evidence
from commonweal.verification.folder import READING, Folder, refused
from commonweal.verification.result import Check


@dataclass(slots=True)
class Rows:
    """The rows of evidence.jsonl by id, the hash of each, and those that a seal covers."""

    rows: dict[str, Evidence] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    sealed: set[str] = field(default_factory=set)


def read_seals(folder: Folder) -> tuple[Seals | None, Check]:
    """The seals, if they are there and fit one another."""
    try:
        path = folder.file(SEALS)
        if path is None:
            return None, Check(
                name="seals",
                checked="none",
                problems=(f"not sealed: there is no {SEALS} (written by an earlier version, or taken away)",),
            )
        seals = Seals(path)
    except READING as error:
        return None, Check(name="seals", checked="none that fits", problems=(refused(error),))
    kinds = [*seals.named("rows"), *seals.named("items"), *seals.named("file")]
    earlier = seals.begun.count if seals.begun else 0
    notes = (
        (f"{earlier} rows and tables lay there unsealed when the first seal was made (written by an earlier version)",)
        if earlier
        else ()
    )
    if not seals:
        return None, Check(name="seals", checked="none", problems=(f"not sealed: {SEALS} is empty",))
    return seals, Check(name="seals", checked=f"{len(kinds)} seals, each with the hash of the one before", told=notes)


def check_rows(folder: Folder, seals: Seals | None) -> tuple[Rows, Check]:
    """The rows of evidence.jsonl against their seals."""
    rows, problems, lines = Rows(), [], 0
    try:
        path = folder.file(EVIDENCE)
        for row, content in hashed_evidence(path) if path is not None else ():
            lines += 1
            rows.rows[row.id], rows.hashes[row.id] = row, content
        if path is None:
            problems.append(f"{EVIDENCE} is missing")
    except READING as error:
        problems.append(refused(error))
    if lines > len(rows.rows):
        problems.append(f"{EVIDENCE}: {lines - len(rows.rows)} rows are there twice")
    total = 0
    for seal in seals.named("rows") if seals is not None else ():
        total += len(seal.ids)
        here = [row_id for row_id in seal.ids if row_id in rows.rows]
        if not seal.ids or seal.fits(len(here), whole_hash(rows.hashes[row_id] for row_id in here)):
            rows.sealed |= set(seal.ids)
            continue
        gone = seal.count - len(here)
        what = f"{gone} of {seal.count} rows are gone" if gone else f"of {seal.count} rows some were changed"
        problems.append(f"{EVIDENCE}: {seal.about or seal.name}: {what} since they were sealed")
    loose = rows.rows.keys() - rows.sealed
    claiming = sum(seals is not None and claims_a_seal(rows.rows[row_id], seals) for row_id in loose)
    if claiming and not problems:
        problems.append(f"{EVIDENCE}: {claiming} rows were added to what was sealed")
    notes = (f"{len(loose)} rows of {EVIDENCE} have no seal (what an interrupted run leaves, or put in since)",)
    return rows, Check(
        name="rows",
        checked=f"{len(rows.sealed)} of {total} sealed rows fit",
        problems=tuple(problems),
        told=notes if loose and seals is not None else (),
    )


def check_items(folder: Folder, seals: Seals) -> Check:
    """Each table of items against its seals, and which of them the rows asked for."""
    problems, keys = [], {}
    tables = [name for name in folder.found(ITEMS, 2) if name.endswith(".parquet")]
    waiting = {name.removesuffix(".jsonl") for name in folder.found(ITEMS, 2) if name.endswith(".jsonl")}
    total = 0
    for name in tables:
        known = name.removeprefix(f"{ITEMS}/").removesuffix(".parquet")
        try:
            items = folder.table(name) or []
        except READING as error:
            problems.append(refused(error))
            continue
        total += len(items)
        keys[known] = {str(item["key"]) for item in items}
        if not seals.knows("items", known, len(items), items_hash(items)):
            sealed = seals.last("items", known)
            problems.append(
                f"{name}: {'not as it was sealed' if sealed else 'not sealed'}{_counts(sealed, len(items))}"
            )
    problems += [
        f"{table_name(seal.name)}: its {seal.count} items are gone"
        for seal in seals.named("items")
        if table_name(seal.name) not in tables and f"{ITEMS}/{seal.name}" not in waiting
    ]
    problems += _asked(folder, seals, keys)
    notes = (
        (f"{len(waiting)} measurements were interrupted and wait to be finished; their items have no seal yet",)
        if waiting
        else ()
    )
    return Check(name="items", checked=f"{total:,} items in {len(tables)} tables", problems=tuple(problems), told=notes)


def _counts(seal: Seal | None, here: int) -> str:
    return f" ({here} items, {seal.count} were sealed)" if seal is not None and seal.count != here else ""


def _asked(folder: Folder, seals: Seals, keys: Mapping[str, set[str]]) -> list[str]:
    """Whether every sealed row still has the items that its run asked for."""
    problems = []
    for rows in seals.named("rows"):
        if not (rows.ids and rows.items):
            continue
        name = run_name(rows.items, rows.name)
        seal = seals.last("asked", name)
        try:
            asked = {str(row["key"]) for row in folder.table(table_name(name)) or ()}
        except READING as error:
            problems.append(refused(error))
            continue
        if seal is None or not seal.fits(len(asked), whole_hash(asked)):
            problems.append(f"{table_name(name)}: which items were asked for is not as it was sealed")
        elif rows.items in keys and (lacking := len(asked - keys[rows.items])):
            problems.append(
                f"{table_name(rows.items)}: {lacking} of {len(asked)} items that {rows.about} rests on are gone"
            )
    return problems


def check_files(folder: Folder, seals: Seals) -> Check:
    """The files of the dossier against their seals."""
    problems, sealed = [], seals.named("file")
    for seal in sealed:
        try:
            path = folder.file(seal.name)
            content = path.read_bytes() if path is not None else None
        except READING as error:
            problems.append(refused(error))
            continue
        if content is None:
            problems.append(f"{seal.name}: gone since it was sealed")
        elif not seal.fits(len(content), sha256(content)):
            problems.append(f"{seal.name}: not as it was sealed")
    known = {seal.name for seal in sealed}
    problems += [
        f"{name} is not sealed: the run that wrote it did not end, or its seal was taken away"
        for name in ("dossier.json", "dossier.html")
        if name not in known
    ]
    return Check(name="files", checked=f"{len(sealed)} files of the dossier", problems=tuple(problems))
