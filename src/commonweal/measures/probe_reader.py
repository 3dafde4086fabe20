"""Reads a probe file, or says where it does not follow the format: file, line, got, expected, how to mend.

What this module does not do: it judges no minimum, and reads nothing outside the folder of the file.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn, get_args

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from commonweal.errors import ProbeFileError
from commonweal.measures.probe_file import PLACEHOLDER, CueSet, Name, Probe, Probes, PronounSet, Quality, Wording

SCHEMA = "commonweal-probes/1"
BUILTIN = "builtin:"


def load_probes(reference: str, folder: Path) -> Probes:
    """Read a probe file: ``builtin:hiring``, or a path inside `folder`.

    Parameters
    ----------
    reference : `builtin:NAME` for one that commonweal ships, else the path of a YAML file, relative to `folder`.
    folder : the folder of the system file; nothing outside it is read.

    Raises
    ------
    ProbeFileError
        With file, line, what was found, what was expected and how to mend it.
    """
    if reference.startswith(BUILTIN):
        home = Path(str(files("commonweal.measures") / "probes"))
        known = sorted(path.stem for path in home.glob("*.yaml"))
        if reference.removeprefix(BUILTIN) not in known:
            listed = ", ".join(BUILTIN + name for name in known)
            raise ProbeFileError(f"no built-in probe file '{reference}'; expected one of: {listed}; or give the path of a file")
        reference, folder = reference.removeprefix(BUILTIN) + ".yaml", home
    path = _inside(folder, reference, where=f"probe file '{reference}'")
    return _Reader(path).probes()


def _inside(folder: Path, name: str, where: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ProbeFileError(f"{where}: lies outside {folder}, and nothing outside it is read; copy the file into that folder")
    return path


def _text_of(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ProbeFileError(f"{path}: there is no such file; check the spelling, or use 'builtin:hiring'") from error
    except IsADirectoryError as error:
        raise ProbeFileError(f"{path}: this is a folder; expected a file; give the file inside it") from error
    except OSError as error:
        raise ProbeFileError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ProbeFileError(
            f"{path}:{line} got the byte 0x{error.object[error.start]:02x}, which is not UTF-8; save the file as UTF-8"
        ) from error
    if not text.strip():
        raise ProbeFileError(f"{path}: the file is empty; expected a probe file as in docs/probes.md")
    return text


class _Reader:
    """Turns one file into `Probes`; every complaint carries the line of the thing complained about."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.root = YAML(typ="rt").load(_text_of(path))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.fail(
                mark.line if mark else 0,
                f"this is not YAML: {error.problem or error.context}; mend this line or the one above "
                "(a text that starts with { or holds ': ' needs quotes)",
            )
        except YAMLError as error:
            self.fail(0, f"this is not YAML: {error}")
        except RecursionError:
            self.fail(0, "lists lie too deep inside one another; expected a probe file as in docs/probes.md")

    def fail(self, line: int, message: str) -> NoReturn:
        raise ProbeFileError(f"{self.path}:{line + 1} {message}")

    def line(self, node: Any, key: Any) -> int:
        """Line of a field or item, counted from 0; of what holds it where the field is missing."""
        positions = getattr(getattr(node, "lc", None), "data", None) or {}
        return int(positions[key][0]) if key in positions else int(getattr(getattr(node, "lc", None), "line", 0) or 0)

    def mapping(self, node: Any, line: int, what: str, known: Iterable[str] | None = None) -> Mapping[str, Any]:
        if not isinstance(node, Mapping):
            self.fail(line, f"{what}: got {_shown(node)}, expected fields such as 'id: header'; indent them below")
        known = None if known is None else tuple(known)
        for key in node:
            if not isinstance(key, str):
                self.fail(self.line(node, key), f"{what}: got the field {key!r}, expected text; put it in quotes")
            if known is not None and key not in known:
                self.fail(
                    self.line(node, key), f"{what}: unknown field '{key}'; expected {', '.join(known)}; correct or remove it"
                )
        return node

    def text(self, node: Mapping[str, Any], key: str, what: str) -> str:
        value = node.get(key)
        if not isinstance(value, str) or not value.strip():
            got = f"got {_shown(value)}" if key in node else "it is missing"
            self.fail(self.line(node, key), f"{what}: '{key}': {got}, expected text; write it, in quotes if it is a number")
        return str(value).strip()

    def items(self, node: Mapping[str, Any], key: str, what: str) -> Iterator[tuple[int, Any]]:
        value = node.get(key)
        if not isinstance(value, list) or not value:
            got = f"got {_shown(value)}" if key in node else "it is missing"
            self.fail(self.line(node, key), f"{what}: '{key}': {got}, expected a list; start each item with '- '")
        for index, item in enumerate(value):
            yield self.line(value, index), item

    def texts(self, node: Any, line: int, what: str) -> dict[str, str]:
        return {key: self.text(node, key, what) for key in self.mapping(node, line, what)}

    def placeholders(self, text: str, line: int, what: str, needed: Iterable[str], allowed: Iterable[str] = ()) -> set[str]:
        """The placeholders of a text, after checking that each is known and none is missing."""
        found, needed = set(PLACEHOLDER.findall(text)), tuple(needed)
        known = (*needed, *allowed)
        for unknown in sorted(found - set(known)):
            expected = ", ".join("{" + slot + "}" for slot in known) or "no placeholder here"
            self.fail(line, f"{what}: unknown placeholder {{{unknown}}}; expected {expected}; correct or remove it")
        for missing in needed:
            if missing not in found:
                self.fail(line, f"{what}: the placeholder {{{missing}}} is missing; put it where that text belongs")
        return found

    def unique(self, seen: dict[str, int], key: str, line: int, what: str) -> None:
        if key in seen:
            self.fail(line, f"{what}: '{key}' stands already in line {seen[key] + 1}; expected each once; rename or remove one")
        seen[key] = line

    def wordings(
        self, node: Mapping[str, Any], what: str, needed: tuple[str, ...], allowed: Iterable[str] = ()
    ) -> tuple[Wording, ...]:
        seen: dict[str, int] = {}
        found = []
        for line, item in self.items(node, "wordings", what):
            fields = self.mapping(item, line, f"{what}, wording", ("id", "text"))
            wording = Wording(id=self.text(fields, "id", f"{what}, wording"), text=self.text(fields, "text", f"{what}, wording"))
            self.unique(seen, wording.id, line, f"{what}, wording")
            self.placeholders(wording.text, self.line(fields, "text"), f"{what}, wording '{wording.id}'", needed, tuple(allowed))
            found.append(wording)
        return tuple(found)

    def probes(self) -> Probes:
        root = self.mapping(self.root, 0, "probe file", ("schema", *Probes.model_fields))
        if root.get("schema") != SCHEMA:
            self.fail(
                self.line(root, "schema"),
                f"schema: got {_shown(root.get('schema'))}, expected '{SCHEMA}'; write 'schema: {SCHEMA}'",
            )
        if not any(key in root for key in ("names", "pronouns", "cues")):
            self.fail(
                0, "there is nothing to compare; expected at least one of names, pronouns, cues; add one as in docs/probes.md"
            )
        reference = self.texts(root.get("reference", {}), self.line(root, "reference"), "reference")
        pronouns = self.pronouns(root) if "pronouns" in root else None
        probes = tuple(self.cases(root, pronouns))
        names = self.names(root, reference) if "names" in root else ()
        if "wordings" in root and not names:
            self.fail(
                self.line(root, "wordings"),
                "wordings: they introduce a first name, and there are no names; add 'names: FILE.csv'",
            )
        return Probes(
            name=self.text(root, "name", "probe file"),
            language=self.text(root, "language", "probe file"),
            slot=self.text(root, "slot", "probe file"),
            source=self.text(root, "source", "probe file"),
            reference=reference,
            probes=probes,
            names=names,
            wordings=self.wordings(root, "probe file", ("name", "body")) if names else (),
            pronouns=pronouns,
            cues=tuple(self.cues(root, reference, tuple(probe.id for probe in probes))) if "cues" in root else (),
        )

    def cases(self, root: Mapping[str, Any], pronouns: PronounSet | None) -> Iterator[Probe]:
        seen: dict[str, int] = {}
        words = tuple(_forms_with_capitals(pronouns)) if pronouns else ()
        for line, item in self.items(root, "probes", "probe file"):
            fields = self.mapping(item, line, "probe", Probe.model_fields)
            what = f"probe '{self.text(fields, 'id', 'probe')}'"
            self.unique(seen, self.text(fields, "id", "probe"), line, "probe")
            quality = self.text(fields, "quality", what)
            if quality not in get_args(Quality):
                self.fail(
                    self.line(fields, "quality"), f"{what}: quality: got '{quality}', expected strong, average or weak; use one"
                )
            body = self.text(fields, "body", what)
            self.placeholders(body, self.line(fields, "body"), f"{what}, body", ())
            statement = self.text(fields, "statement", what) if pronouns or "statement" in fields else None
            if pronouns and statement and not self.placeholders(statement, self.line(fields, "statement"), what, (), words):
                self.fail(
                    self.line(fields, "statement"),
                    f"{what}: statement: got no pronoun, expected {{They}} or {{their}}; put one in",
                )
            yield Probe.model_validate(
                {"id": fields["id"], "occupation": self.text(fields, "occupation", what), "quality": quality,
                 "body": body, "statement": statement}
            )  # fmt: skip

    def groups(self, groups: Iterable[str], reference: str | None, lines: tuple[int, int], what: str) -> None:
        """Check the groups, complaining at the first line, and the reference group, complaining at the second."""
        groups = sorted(set(groups))
        if len(groups) < 2:
            self.fail(lines[0], f"{what}: got the group {groups[0]} only, expected at least two; add the group to compare with")
        if reference not in groups:
            self.fail(
                lines[1], f"{what}: the reference is {_shown(reference)}, expected one of {', '.join(groups)}; name the group"
            )

    def pronouns(self, root: Mapping[str, Any]) -> PronounSet:
        line = self.line(root, "pronouns")
        node = self.mapping(root["pronouns"], line, "pronouns", PronounSet.model_fields)
        raw = self.mapping(node.get("forms"), self.line(node, "forms"), "pronouns, forms")
        forms = {group: self.texts(raw[group], self.line(raw, group), f"pronouns '{group}'") for group in raw}
        lines = self.line(node, "forms"), self.line(node, "reference")
        self.groups(forms, self.text(node, "reference", "pronouns"), lines, "pronouns")
        every = {key for words in forms.values() for key in words}
        for group, words in forms.items():
            if missing := sorted(every - set(words)):
                self.fail(
                    self.line(raw, group), f"pronouns '{group}': no form for {', '.join(missing)}, which others have; add it"
                )
        bare = PronounSet(
            attribute=self.text(node, "attribute", "pronouns"), reference=node["reference"], forms=forms, wordings=()
        )
        wordings = self.wordings(node, "pronouns", ("body", "statement"), _forms_with_capitals(bare))
        return bare.model_copy(update={"wordings": wordings})

    def cues(self, root: Mapping[str, Any], reference: Mapping[str, str], ids: tuple[str, ...]) -> Iterator[CueSet]:
        seen: dict[str, int] = {}
        for line, item in self.items(root, "cues", "probe file"):
            node = self.mapping(item, line, "cue", CueSet.model_fields)
            attribute = self.text(node, "attribute", "cue")
            what = f"cue '{attribute}'"
            self.unique(seen, attribute, line, "cue")
            frames = [(at, self.texts(frame, at, f"{what}, frame")) for at, frame in self.items(node, "frames", what)]
            own = self.text(node, "reference", what)
            self.groups(frames[0][1], own, (frames[0][0], self.line(node, "reference")), what)
            if reference.get(attribute, own) != own:
                self.fail(self.line(node, "reference"), f"{what}: reference: got '{own}', but the top of the file says "
                          f"'{reference[attribute]}'; write the same in both places")  # fmt: skip
            for at, frame in frames:
                if set(frame) != set(frames[0][1]):
                    self.fail(
                        at,
                        f"{what}, frame: got the groups {', '.join(frame)}, expected {', '.join(frames[0][1])}; one phrase each",
                    )
            chosen = list(self.items(node, "probes", what)) if "probes" in node else [(line, each) for each in ids]
            for at, each in chosen:
                if each not in ids:
                    self.fail(at, f"{what}, probes: there is no probe {_shown(each)}; expected the id of one, such as '{ids[0]}'")
            yield CueSet(
                attribute=attribute, reference=own, probes=tuple(each for _, each in chosen),
                frames=tuple(frame for _, frame in frames), wordings=self.wordings(node, what, ("body", "cue")),
            )  # fmt: skip

    def names(self, root: Mapping[str, Any], reference: Mapping[str, str]) -> tuple[Name, ...]:
        line = self.line(root, "names")
        path = _inside(self.path.parent, self.text(root, "names", "probe file"), where=f"{self.path}:{line + 1} names")
        try:
            names = tuple(_read_names(path))
        except csv.Error as error:
            raise ProbeFileError(
                f"{path}: this is not a table of names ({error}); expected a CSV file; save it as CSV"
            ) from error
        for attribute in names[0].groups:
            what = f"names, attribute '{attribute}' (reference in {self.path.name})"
            self.groups((name.groups[attribute] for name in names), reference.get(attribute), (line, line), what)
        return names


def _read_names(path: Path) -> Iterator[Name]:
    rows = csv.reader(_text_of(path).splitlines())
    header = [cell.strip() for cell in next(rows)]
    attributes = [column for column in header if column not in ("name", "source")]
    twice = [column for column, count in Counter(header).items() if count > 1]
    missing = [column for column in ("name", "source") if column not in header]
    if missing or twice or not attributes or "" in header:
        raise ProbeFileError(
            f"{path}:1 got the columns {', '.join(header)}; expected name, source, and one column per attribute such as "
            f"gender, each once; missing: {', '.join(missing) or 'none'}; mend the first line"
        )
    seen: dict[str, int] = {}
    for line, cells in enumerate(rows, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header) or not all(cell.strip() for cell in cells):
            raise ProbeFileError(
                f"{path}:{line} got {', '.join(cells)}; expected a value for each of {', '.join(header)}; fill them in"
            )
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        if row["name"] in seen:
            raise ProbeFileError(f"{path}:{line} the name '{row['name']}' stands already in line {seen[row['name']]}; remove one")
        seen[row["name"]] = line
        yield Name(name=row["name"], groups={attribute: row[attribute] for attribute in attributes}, source=row["source"])
    if not seen:
        raise ProbeFileError(f"{path}: there are no names below the first line; add one per line")


def _forms_with_capitals(pronouns: PronounSet) -> Iterator[str]:
    for key in next(iter(pronouns.forms.values())):
        yield from (key, key[:1].upper() + key[1:])


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(str(value) if isinstance(value, str) else value)[:60]
