"""Reads a probe file, or says where it does not follow the format: file, line, got, expected, how to mend.

What this module does not do: it judges no minimum, and reads nothing outside the system's folder that nobody allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from commonweal.errors import PermissionRequired, ProbeFileError
from commonweal.measures.lined_yaml import LinedYaml, shown
from commonweal.measures.probes.names import read_names
from commonweal.measures.probes.records import PLACEHOLDER, CueSet, Name, Probe, Probes, PronounSet, Quality, Wording
from commonweal.system.permissions import Permissions

SCHEMA = "commonweal-probes/1"
BUILTIN = "builtin:"
NOTHING = Permissions()


def load_probes(reference: str, folder: Path, permissions: Permissions = NOTHING) -> Probes:
    """Read a probe file: ``builtin:hiring``, or a path inside `folder` or what `permissions` let be read.

    Parameters
    ----------
    reference : `builtin:NAME` for one that commonweal ships, else the path of a YAML file, relative to `folder`.
    folder : the folder of the system file.
    permissions : which other folders may be read, for the file and for the table of names that it names.

    Raises
    ------
    ProbeFileError
        With file, line, what was found, what was expected and how to mend it.
    PermissionRequired
        Where it lies outside.
    """
    if reference.startswith(BUILTIN):
        home = Path(str(files("commonweal.measures") / "probes"))
        known = sorted(path.stem for path in home.glob("*.yaml"))
        if reference.removeprefix(BUILTIN) not in known:
            listed = ", ".join(BUILTIN + name for name in known)
            raise ProbeFileError(
                f"no built-in probe file '{reference}'; expected one of: {listed}; or give the path of a file"
            )
        reference, folder = reference.removeprefix(BUILTIN) + ".yaml", home
    path = _readable(folder / reference, folder, permissions, f"probe file '{reference}'")
    return _ProbeReader(path, folder, permissions).probes()


def _readable(path: Path, folder: Path, permissions: Permissions, where: str) -> Path:
    """The path without links, if a system file in `folder` may have it opened."""
    resolved = path.resolve()
    if not permissions.may_read(resolved, folder):
        raise PermissionRequired(
            f"{where}: {resolved} lies outside the system's own folder. If you trust the system file, allow it with: "
            f"--allow-read {resolved.parent}; or copy the file into that folder",
            f"--allow-read {resolved.parent}",
        )
    return resolved


class _ProbeReader(LinedYaml):
    """Turns one file into `Probes`. The names may lie in any folder that the system file may read."""

    def __init__(self, path: Path, folder: Path, permissions: Permissions) -> None:
        super().__init__(path)
        self.folder, self.permissions = folder, permissions

    def placeholders(
        self, text: str, line: int, what: str, needed: Iterable[str], allowed: Iterable[str] = ()
    ) -> set[str]:
        """The placeholders of a text, after checking that each is known and none is missing."""
        named, needed = set(PLACEHOLDER.findall(text)), tuple(needed)
        known = (*needed, *allowed)
        for unknown in sorted(named - set(known)):
            expected = ", ".join("{" + slot + "}" for slot in known) or "no placeholder here"
            self.fail(line, f"{what}: unknown placeholder {{{unknown}}}; expected {expected}; correct or remove it")
        for missing in needed:
            if missing not in named:
                self.fail(line, f"{what}: the placeholder {{{missing}}} is missing; put it where that text belongs")
        return named

    def wordings(
        self, node: Mapping[str, Any], what: str, needed: tuple[str, ...], allowed: Iterable[str] = ()
    ) -> tuple[Wording, ...]:
        seen: dict[str, int] = {}
        read = []
        for line, item in self.items(node, "wordings", what):
            fields = self.mapping(item, line, f"{what}, wording", ("id", "text"))
            wording = Wording(
                id=self.text(fields, "id", f"{what}, wording"), text=self.text(fields, "text", f"{what}, wording")
            )
            self.unique(seen, wording.id, line, f"{what}, wording")
            self.placeholders(
                wording.text, self.line(fields, "text"), f"{what}, wording '{wording.id}'", needed, tuple(allowed)
            )
            read.append(wording)
        return tuple(read)

    def probes(self) -> Probes:
        root = self.mapping(self.root, 0, "probe file", ("schema", *Probes.model_fields))
        if root.get("schema") != SCHEMA:
            self.fail(
                self.line(root, "schema"),
                f"schema: got {shown(root.get('schema'))}, expected '{SCHEMA}'; write 'schema: {SCHEMA}'",
            )
        if not any(key in root for key in ("names", "pronouns", "cues")):
            self.fail(
                0,
                "there is nothing to compare; expected at least one of names, pronouns, cues; add one as in "
                "docs/probes.md",
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
                    self.line(fields, "quality"),
                    f"{what}: quality: got '{quality}', expected strong, average or weak; use one",
                )
            body = self.text(fields, "body", what)
            self.placeholders(body, self.line(fields, "body"), f"{what}, body", ())
            statement = self.text(fields, "statement", what) if pronouns or "statement" in fields else None
            if (
                pronouns
                and statement
                and not self.placeholders(statement, self.line(fields, "statement"), what, (), words)
            ):
                self.fail(
                    self.line(fields, "statement"),
                    f"{what}: statement: got no pronoun, expected {{They}} or {{their}}; put one in",
                )
            yield Probe.model_validate(
                {
                    "id": fields["id"],
                    "occupation": self.text(fields, "occupation", what),
                    "quality": quality,
                    "body": body,
                    "statement": statement,
                }
            )

    def groups(self, groups: Iterable[str], reference: str | None, lines: tuple[int, int], what: str) -> None:
        """Check the groups, complaining at the first line, and the reference group, complaining at the second."""
        groups = sorted(set(groups))
        if len(groups) < 2:
            got = f"the group {groups[0]} only" if groups else "no group"
            self.fail(lines[0], f"{what}: got {got}, expected at least two; add the group to compare with")
        if reference not in groups:
            self.fail(
                lines[1],
                f"{what}: the reference is {shown(reference)}, expected one of {', '.join(groups)}; name the group",
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
                    self.line(raw, group),
                    f"pronouns '{group}': no form for {', '.join(missing)}, which others have; add it",
                )
        bare = PronounSet(
            attribute=self.text(node, "attribute", "pronouns"), reference=node["reference"], forms=forms, wordings=()
        )
        wordings = self.wordings(node, "pronouns", ("body", "statement"), _forms_with_capitals(bare))
        return bare.model_copy(update={"wordings": wordings})

    def cues(self, root: Mapping[str, Any], reference: Mapping[str, str], ids: tuple[str, ...]) -> Iterator[CueSet]:
        seen: dict[str, int] = {}
        known = set(ids)
        for line, item in self.items(root, "cues", "probe file"):
            node = self.mapping(item, line, "cue", CueSet.model_fields)
            attribute = self.text(node, "attribute", "cue")
            what = f"cue '{attribute}'"
            self.unique(seen, attribute, line, "cue")
            frames = [(at, self.texts(frame, at, f"{what}, frame")) for at, frame in self.items(node, "frames", what)]
            own = self.text(node, "reference", what)
            self.groups(frames[0][1], own, (frames[0][0], self.line(node, "reference")), what)
            if reference.get(attribute, own) != own:
                self.fail(
                    self.line(node, "reference"),
                    f"{what}: reference: got '{own}', but the top of the file says "
                    f"'{reference[attribute]}'; write the same in both places",
                )
            for at, frame in frames:
                if set(frame) != set(frames[0][1]):
                    self.fail(
                        at,
                        f"{what}, frame: got the groups {', '.join(frame)}, expected {', '.join(frames[0][1])}; one "
                        "phrase each",
                    )
            chosen = list(self.items(node, "probes", what)) if "probes" in node else [(line, each) for each in ids]
            for at, each in chosen:
                if each not in known:
                    self.fail(
                        at,
                        f"{what}, probes: there is no probe {shown(each)}; expected the id of one, such as '{ids[0]}'",
                    )
            yield CueSet(
                attribute=attribute,
                reference=own,
                probes=tuple(each for _, each in chosen),
                frames=tuple(frame for _, frame in frames),
                wordings=self.wordings(node, what, ("body", "cue")),
            )

    def names(self, root: Mapping[str, Any], reference: Mapping[str, str]) -> tuple[Name, ...]:
        line = self.line(root, "names")
        where = f"{self.path}:{line + 1} names"
        names = read_names(
            _readable(self.path.parent / self.text(root, "names", "probe file"), self.folder, self.permissions, where)
        )
        for attribute in names[0].groups:
            what = f"names, attribute '{attribute}' (reference in {self.path.name})"
            self.groups((name.groups[attribute] for name in names), reference.get(attribute), (line, line), what)
        return names


def _forms_with_capitals(pronouns: PronounSet) -> Iterator[str]:
    for key in next(iter(pronouns.forms.values())):
        yield from (key, key[:1].upper() + key[1:])
