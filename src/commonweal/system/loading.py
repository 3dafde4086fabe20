"""Opens a system file. Every fault in it is told at once, each with its line.

What this module does not do: it runs nothing, follows no link in the file, and opens no file but the one it is given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from commonweal.errors import SystemFileError
from commonweal.files.text import decoded
from commonweal.system.declared import read_declared
from commonweal.system.faults import field_faults
from commonweal.system.records import SET_BY_LOADER, Deployment, System
from commonweal.system.references import SINGULAR, name_of, reference_faults
from commonweal.system.wording import closest, did_you_mean, listed, shown
from commonweal.system.yaml_tree import Entries, Fault, Node, Scalar, is_empty, parse, plain, records, text_of

SCHEMA = "commonweal/1"
PROBES_SCHEMA = "commonweal-probes/"
LARGEST_BYTES = 10_000_000
MOST_FAULTS = 100


def load(path: str | Path) -> System:
    """The system declared in a file; SystemFileError with every fault, each with its line, if there is any.

    `System.folder` is the file's own folder, so that what the file names is looked for beside it; `System.file` its
    name.
    """
    text = _read(Path(path))
    system = system_from_text(text, str(path), folder=str(Path(path).absolute().parent))
    return system.model_copy(update={"file": Path(path).name})


def system_from_text(text: str, name: str = "system.yaml", folder: str = ".") -> System:
    """The system declared in a text; `name` is what its faults call the file.

    >>> system_from_text("schema: commonweal/1\\nname: a\\nassets: [{id: m, kind: modl}]\\n")
    Traceback (most recent call last):
    commonweal.errors.SystemFileError: system.yaml:3 asset 'm': `kind` is 'modl'; expected one of: dataset, model, \
adapted_model, application; did you mean 'model'?
    """
    root, faults = parse(text)
    if root is None and faults:
        raise _error(name, faults)
    if is_empty(root):
        raise _error(name, [Fault(0, f"the file is empty; expected a system, beginning with `schema: {SCHEMA}`")])
    if not isinstance(root, Entries):
        found = "a single value" if isinstance(root, Scalar) else "a list"
        raise _error(
            name,
            [
                Fault(
                    root.line if root else 0,
                    f"the file is {found}; expected `name: value` lines, such as `schema: {SCHEMA}`",
                )
            ],
        )
    if (stranger := _other_kind_of_file(root, Path(name).name)) is not None:
        raise _error(name, [*faults, stranger])
    faults += _schema_faults(root) + reference_faults(root)
    data = _data(root, faults)
    system = None
    try:
        system = System.model_validate({**data, "folder": folder})
    except ValidationError as error:
        faults += field_faults(root, error)
    if faults or system is None:
        raise _error(name, faults)
    return system.model_copy(update={"deployments": _with_ids(system.deployments)})


def _read(path: Path) -> str:
    try:
        if path.is_dir():
            beside = " such as " + str(path / "system.yaml") if (path / "system.yaml").is_file() else ""
            raise SystemFileError(f"{path}: is a folder; expected a system file{beside}")
        if not path.exists():
            raise SystemFileError(f"{path}: no such file; expected a system file{_neighbours(path)}")
        if not path.is_file():
            raise SystemFileError(f"{path}: is not a regular file; expected a system file")
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise SystemFileError(
                f"{path}: has {size / 1e6:.1f} MB; expected at most {LARGEST_BYTES // 1_000_000} MB; is this the "
                "system file, or its data?"
            )
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SystemFileError(f"{path}: cannot be opened: {reason}; expected a file that you may read") from None
    return decoded(raw, path, SystemFileError)


def _neighbours(path: Path) -> str:
    """A name in the same folder that was probably meant."""
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent}"
    found = [one.name for one in path.parent.iterdir() if one.suffix in (".yaml", ".yml")]
    return did_you_mean(path.name, found) or (f"; found here: {listed(found)}" if found else "")


def _error(name: str, faults: list[Fault]) -> SystemFileError:
    ordered = sorted(dict.fromkeys(faults), key=lambda fault: fault.line)
    told = (
        f"{name}:{fault.line} {fault.text}" if fault.line else f"{name}: {fault.text}"
        for fault in ordered[:MOST_FAULTS]
    )
    lines = list(dict.fromkeys(told))
    if len(ordered) > MOST_FAULTS:
        lines.append(f"{name}: and {len(ordered) - MOST_FAULTS} more faults; mend these first")
    return SystemFileError(*lines)


def _other_kind_of_file(root: Entries, file: str) -> Fault | None:
    """The one fault of a file that was never meant to be a system file; None where it may have been."""
    schema = text_of(root.values.get("schema")) or ""
    sections = [name for name in root.values if closest(name, SINGULAR) is not None]
    if schema.startswith(PROBES_SCHEMA) or (not sections and {"slot", "probes"} <= root.values.keys()):
        text = "this is a probe file, not a system file; name it under an asset's `probes:` in a system file, such as "
        return Fault(root.line, text + f"`probes: {file}`, and give the system file here")
    if schema == SCHEMA or sections:
        return None
    return Fault(
        root.line,
        f"this is not a system file: it has {listed(map(shown, root.values))}, and none of: {listed(SINGULAR)}; "
        f"expected a file that begins with `schema: {SCHEMA}`; `commonweal init DIR` writes one to start from",
    )


def _schema_faults(root: Entries) -> list[Fault]:
    node = root.values.get("schema")
    if node is None or is_empty(node):
        if isinstance(node, Scalar) and node.refused:
            return []
        return [Fault(node.line if node else 1, f"`schema` is missing; expected `schema: {SCHEMA}` as the first line")]
    if text_of(node) != SCHEMA:
        got = shown(text_of(node)) if isinstance(node, Scalar) else "not a text"
        return [Fault(node.line, f"`schema` is {got}; expected `{SCHEMA}`, the version that this commonweal reads")]
    return []


def _data(root: Entries, faults: list[Fault]) -> dict[str, Any]:
    """What the records are made from.

    The facts under `declared` are read here, since their catalogue knows their units.
    """
    data: dict[str, Any] = plain(root)
    data.pop("schema", None)
    for own in sorted(SET_BY_LOADER & data.keys()):
        data.pop(own)
        faults.append(
            Fault(root.key_lines[own], f"unknown field '{own}'; expected none: it is always that of this file")
        )
    for place, record in records(root, "assets"):
        declared: Node | None = record.values.get("declared")
        if isinstance(declared, Entries):
            facts, wrong = read_declared(name_of("assets", place, record), declared)
            data["assets"][place]["declared"] = facts
            faults += wrong
    return data


def _with_ids(deployments: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
    """Every deployment gets an id: its application's, then with -2, -3 and so on."""
    taken = {deployment.id for deployment in deployments if deployment.id is not None}
    numbers: dict[str, int] = {}  # the next number of each application: what was taken stays taken
    named = []
    for deployment in deployments:
        key, application = deployment.id, deployment.application
        while key is None:
            number = numbers[application] = numbers.get(application, 0) + 1
            candidate = application if number == 1 else f"{application}-{number}"
            key = candidate if candidate not in taken else None
        taken.add(key)
        named.append(deployment if deployment.id is not None else deployment.model_copy(update={"id": key}))
    return tuple(named)
