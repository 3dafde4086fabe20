"""The evidence store: an append-only file of rows, and one journal of item outcomes per measure and subject
(`journal.py`).

Two runs never write to one folder at the same time.

What is finished is sealed (`seals.py`). Rows and items that do not fit their seal are set aside and told in `told`;
rows without a seal are what an interrupted run leaves: they stay where the measure says the same again.

What this module does not do: it never decides what to measure and never computes a statistic.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from pydantic import ValidationError

from commonweal.errors import EvidenceFileError, OutputError
from commonweal.evidence.journal import ITEMS, ItemSeals, Journal, items_name, run_name, set_aside, table_name
from commonweal.evidence.records import Evidence
from commonweal.evidence.seals import SEALS, Seal, Seals, content_hash, sha256, whole_hash
from commonweal.files.lines import append_lines, complete_lines, put_in_place, writing

EVIDENCE = "evidence.jsonl"
SET_ASIDE = "evidence.changed.jsonl"
UNFIT_SHOWN = 3


def digest(*parts: object) -> str:
    """A short hash of anything that can be written as JSON; equal parts give equal hashes on every machine.

    >>> digest("a", {"b": 1, "c": 2}) == digest("a", {"c": 2, "b": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def items_key(measure: str, version: int, inputs: Mapping[str, str]) -> str:
    """The key of the items that rows with these inputs rest on: of all that they depend on, but the run."""
    return digest(measure, version, {name: value for name, value in inputs.items() if name != "rows"})


def row_tables(measure: str, subjects: Iterable[str], version: int, inputs: Mapping[str, str]) -> tuple[str, str]:
    """Where in the folder the items of a row's measure and subject lie, and the keys of those that the row is about."""
    items = items_name(measure, subjects, items_key(measure, version, inputs))
    return table_name(items), table_name(run_name(items, inputs.get("rows", "")))


class Store:
    """The output folder of a run.

    Use it as a context: it holds the folder's lock. `told`: what did not fit its seal, a line each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.evidence_path = folder / EVIDENCE
        self.told: list[str] = []
        self._lock: BinaryIO | None = None
        self._rows: dict[str, Evidence] = {}
        self._hashes: dict[str, str] = {}
        self._loose: set[str] = set()

    def __enter__(self) -> Self:
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder}: is a file, expected a folder. Choose another with --out")
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / ".lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise OutputError(
                f"{self.folder}: another run is writing here. Wait for it, or choose another folder with --out"
            ) from None
        try:
            self._read()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self._lock.close()
            self._lock = None

    def _read(self) -> None:
        """Read the rows and hold them against their seals."""
        lines = 0
        for row, content in hashed_evidence(self.evidence_path):
            lines += 1
            self._rows[row.id], self._hashes[row.id] = row, content
        repeated = lines > len(self._rows)
        self.seals = self._opened_seals()
        self._loose = set(self._rows)
        unfit = [seal for seal in self.seals.named("rows") if seal.ids and not self._covers(seal)]
        if unfit:
            told = [self._what_is_wrong(seal) for seal in unfit[:UNFIT_SHOWN]]
            more = f"; and {len(unfit) - UNFIT_SHOWN} more" if len(unfit) > UNFIT_SHOWN else ""
            self.told.append(
                f"{EVIDENCE}: not as it was sealed ({'; '.join(told)}{more}): those rows are set aside in {SET_ASIDE} "
                "and worked out again where they are asked for"
            )
            self._set_aside(unfit, [one for seal in unfit for one in seal.ids if one in self._rows])
        self._refuse_added()
        if repeated:
            self._refuse_repeated()

    def _covers(self, seal: Seal) -> bool:
        """Whether the rows of a seal are all here and as they were; they are not loose then."""
        here = [one for one in seal.ids if one in self._rows]
        fits = seal.fits(len(here), self._hash_of(here))
        if fits:
            self._loose -= set(seal.ids)
        return fits

    def _what_is_wrong(self, seal: Seal) -> str:
        gone = sum(one not in self._rows for one in seal.ids)
        return f"{seal.about}: {f'{gone} of {seal.count} rows are gone' if gone else 'changed'}"

    def _opened_seals(self) -> Seals:
        path = self.folder / SEALS
        try:
            seals = Seals(path)
        except EvidenceFileError as error:
            aside = set_aside(path)
            self.told.append(
                f"{error}. Set aside as {aside.name}: nothing here counts as sealed, and rows are worked out again"
            )
            seals = Seals(path)
        if not seals:
            unsealed = len(self._rows) + sum(1 for _ in self.folder.glob(table_name("*/*/*")))
            if unsealed and not self.told:
                self.told.append(
                    "this folder is not sealed (written by an earlier version): its rows are worked out again from "
                    "the items that lie there"
                )
            seals.begin(unsealed)
        return seals

    def _refuse_repeated(self) -> None:
        """Keep the last line of each row, which was read; a run writes no row twice."""
        lines = complete_lines(self.evidence_path)
        last = {json.loads(line)["id"]: number for number, line in enumerate(lines)}
        kept = set(last.values())
        again = [line for number, line in enumerate(lines) if number not in kept]
        if not again:
            return
        self.told.append(
            f"{EVIDENCE}: {len(again)} rows are there twice; the first of each is set aside in {SET_ASIDE}"
        )
        append_lines(self.folder / SET_ASIDE, b"".join(line + b"\n" for line in again))
        put_in_place(self.evidence_path, b"".join(lines[number] + b"\n" for number in sorted(kept)))

    def _refuse_added(self) -> None:
        """Rows that claim to be of a measurement that was sealed without them."""
        added = [one for one in self._loose if claims_a_seal(self._rows[one], self.seals)]
        if added:
            self.told.append(f"{EVIDENCE}: {len(added)} rows were added to what was sealed; they are not taken")
            self._set_aside([], added)

    def _set_aside(self, seals: Iterable[Seal], ids: Sequence[str]) -> None:
        """Take rows out of the evidence, into a file beside it, and say of their seals that nothing is sealed there
        now.
        """
        lines = complete_lines(self.evidence_path) if ids else []
        taken = set(ids)
        mine = [json.loads(line)["id"] in taken for line in lines]
        if any(mine):
            out = [line for line, is_mine in zip(lines, mine, strict=True) if is_mine]
            left = [line for line, is_mine in zip(lines, mine, strict=True) if not is_mine]
            append_lines(self.folder / SET_ASIDE, b"".join(line + b"\n" for line in out))
            put_in_place(self.evidence_path, b"".join(line + b"\n" for line in left))
        self.seals.append(*(Seal(kind="rows", name=seal.name, count=0, about=seal.about) for seal in seals))
        for one in taken:
            self._rows.pop(one, None)
            self._loose.discard(one)

    def _hash_of(self, ids: Iterable[str]) -> str:
        return whole_hash(self._hashes[one] for one in ids)

    @property
    def rows(self) -> Mapping[str, Evidence]:
        """Every row here, by id."""
        return self._rows

    def append(self, rows: Iterable[Evidence]) -> list[Evidence]:
        """Append the rows that are not here yet; return the stored row for each (the first one written stays).

        A row from before that no seal covers stays only where it says the same.
        """
        asked = list(rows)
        other = [row.id for row in asked if row.id in self._loose and _said(row) != _said(self._rows[row.id])]
        if other:
            self.told.append(
                f"{EVIDENCE}: {len(other)} rows without a seal are not what comes out now; they are set aside in "
                f"{SET_ASIDE}"
            )
            self._set_aside([], other)
        self._loose -= {row.id for row in asked}
        new = {row.id: row for row in reversed(asked) if row.id not in self._rows}
        if new:
            lines = [new[one].model_dump_json() for one in reversed(new)]
            append_lines(self.evidence_path, "".join(line + "\n" for line in lines).encode("utf-8"))
            self._rows.update((one, new[one]) for one in reversed(new))
            self._hashes.update(
                (one, content_hash(json.loads(line))) for one, line in zip(reversed(new), lines, strict=True)
            )
        return [self._rows[row.id] for row in asked]

    def seal(self, name: str, rows: Iterable[Evidence], items: Journal | None = None) -> None:
        """Seal rows that are all here now, under a name; `items`: the journal that they rest on."""
        stored = {row.id: row for row in rows}
        ids = tuple(sorted(stored))
        about = ", ".join(sorted({f"{row.measure} on {'+'.join(row.subjects)}" for row in stored.values()})[:2])
        rests_on = items.seal_name if items is not None and items.asked else ""
        self.seals.append(
            Seal(kind="rows", name=name, count=len(ids), hash=self._hash_of(ids), ids=ids, items=rests_on, about=about)
        )

    def seal_files(self, names: Iterable[str]) -> None:
        """Seal files of the folder as they are now; those that are not there are left out."""
        made = []
        for name in names:
            if (self.folder / name).is_file():
                content = (self.folder / name).read_bytes()
                made.append(Seal(kind="file", name=name, count=len(content), hash=sha256(content)))
        self.seals.append(*made)

    def keep(self, name: str, text: str) -> None:
        """Keep a text beside the rows that were asked with it; its name tells its content, so that it is written
        once.
        """
        path = self.folder / name
        if not path.exists():
            with writing(path):
                path.parent.mkdir(exist_ok=True)
            put_in_place(path, text.encode("utf-8"))

    def sealed_rows(self, name: str) -> list[Evidence]:
        """The rows that are sealed under this name, in the order in which they were written; none where nothing is."""
        seal = self.seals.last("rows", name)
        ids = set(seal.ids) if seal is not None else set()
        return [row for one, row in self._rows.items() if one in ids] if ids else []

    def journal(self, measure: str, subjects: tuple[str, ...], key: str) -> Journal:
        """The journal of one measure on its subjects, for one state of everything that the outcomes depend on."""
        name = items_name(measure, subjects, key)

        def changed(words: str) -> None:
            self.told.append(words)
            resting = [seal for seal in self.seals.named("rows") if seal.items == name]
            self._set_aside(resting, [one for seal in resting for one in seal.ids])

        return Journal(self.folder / ITEMS / name, ItemSeals(self.seals, name, changed))


def claims_a_seal(row: Evidence, seals: Seals) -> bool:
    """Whether a row without a seal claims to be of a measurement that was sealed without it."""
    seal = seals.last("rows", row.provenance.inputs.get("rows", ""))
    return seal is not None and bool(seal.ids) and (row.status == "ok" or row.missing is not None)


def _said(row: Evidence) -> dict[str, Any]:
    """What a row says, without when and where it was worked out: two rows with it say the same."""
    told = row.model_dump(mode="json", exclude={"note", "provenance"})
    return told | {"inputs": dict(row.provenance.inputs), "options": dict(row.provenance.options)}


def read_evidence(path: Path) -> list[Evidence]:
    """All rows of an evidence file that were written whole."""
    return [row for row, _ in hashed_evidence(path)]


def hashed_evidence(path: Path) -> Iterator[tuple[Evidence, str]]:
    """Each row of an evidence file that was written whole, and the hash of its content."""
    for number, line in enumerate(complete_lines(path), start=1):
        try:
            yield Evidence.model_validate_json(line), content_hash(json.loads(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise EvidenceFileError(
                f"{path}:{number}: not an evidence row ({where}: {first['msg']}). Was it changed by hand?"
            ) from None


def group_text(group: Mapping[str, str] | None) -> str | None:
    """A group in words.

    >>> group_text({"gender": "women", "race": "Black"})
    'gender=women, race=Black'
    """
    return None if not group else ", ".join(f"{attribute}={name}" for attribute, name in group.items())
