"""Reads a file of claims. Every fault in it is told at once, each with its line; nothing in it is ever run.

The format is in docs/claims.md. This module checks that a file can be read one way only; `claims` checks whether it is
right.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.files.text import decoded
from commonweal.footprint.claims.claim_formulas import FORMULAS, Formula, Slot
from commonweal.footprint.claims.claim_inputs import ONLY_RATIO, InputContext, read_input
from commonweal.footprint.claims.claim_links import link_faults, order_of
from commonweal.footprint.claims.claim_records import TOLERANCE, Claim, ClaimFile, ClaimInput
from commonweal.footprint.claims.claim_units import MONEY, WrittenQuantity, parse_quantity
from commonweal.system.wording import did_you_mean, listed, shown
from commonweal.system.yaml_tree import Entries, Fault, Listing, Node, Scalar, is_empty, parse, text_of

SCHEMA = "commonweal-claims/1"
TOP_FIELDS = ("schema", "name", "source", "things", "claims")
FIELDS = ("id", "quantity", "claimed", "unit", "formula", "inputs", "tolerance", "source", "remark")
LARGEST_BYTES = 10_000_000
MOST_FAULTS = 100
MOST_TOLERANCE = 0.2
START = f"expected `schema: {SCHEMA}` and a list `claims`, as in docs/claims.md"


def read_claims(path: str | Path) -> ClaimFile:
    """The claims of a file; DataFileError with every fault, each with its line, if there is any."""
    return claims_from_text(_text(Path(path)), str(path))


def claims_from_text(text: str, name: str = "claims.yaml") -> ClaimFile:
    """The claims of a text; `name` is what its faults call the file."""
    root, faults = parse(text)
    if root is None and faults:
        raise _error(name, faults)
    if is_empty(root):
        raise _error(name, [Fault(0, f"the file is empty; {START}")])
    if not isinstance(root, Entries):
        raise _error(name, [Fault(root.line if root else 0, f"the file is no `name: value` lines; {START}")])
    if text_of(root.values.get("schema")) != SCHEMA:
        got = text_of(root.values.get("schema"))
        line = root.key_lines.get("schema", 1)
        raise _error(
            name, [*faults, Fault(line, f"`schema` is {shown(got) if got else 'missing'}; expected `{SCHEMA}`")]
        )
    reader = _ClaimReader(root, faults)
    claims = {claim.id: claim for claim in reader.claims()}
    if not faults:
        faults += link_faults(claims)
    if faults:
        raise _error(name, faults)
    return ClaimFile(name, claims, order_of(claims))


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise DataFileError(f"{path}: is a folder; expected a file of claims")
        if path.exists() and path.stat().st_size > LARGEST_BYTES:
            raise DataFileError(
                f"{path}: has more than {LARGEST_BYTES // 1_000_000} MB; expected a file of claims, not its data"
            )
        return decoded(path.read_bytes(), path)
    except FileNotFoundError:
        raise DataFileError(f"{path}: no such file; expected a file of claims; check the spelling") from None
    except (OSError, ValueError) as error:
        raise DataFileError(f"{path}: cannot be opened: {error}; expected a file that you may read") from None


def _error(name: str, faults: list[Fault]) -> DataFileError:
    ordered = sorted(dict.fromkeys(faults), key=lambda fault: fault.line)
    lines = [
        f"{name}:{fault.line} {fault.text}" if fault.line else f"{name}: {fault.text}"
        for fault in ordered[:MOST_FAULTS]
    ]
    if len(ordered) > MOST_FAULTS:
        lines.append(f"{name}: and {len(ordered) - MOST_FAULTS} more faults; mend these first")
    return DataFileError("\n".join(lines))


class _ClaimReader:
    """Goes through the tree once, and adds what is wrong to `faults`."""

    def __init__(self, root: Entries, faults: list[Fault]) -> None:
        self.root = root
        self.faults = faults
        self._unknown_fields(root, TOP_FIELDS, "")
        self.source = self._text(root, "source", "")
        self._text(root, "name", "")
        self.things = self._things()

    def fault(self, line: int, text: str) -> None:
        self.faults.append(Fault(line, text))

    def _tell_input(self, where: str, line: int, text: str) -> None:
        self.fault(line, where + text)

    def claims(self) -> Iterator[Claim]:
        listing = self.root.values.get("claims")
        if not isinstance(listing, Listing) or not listing.items:
            self.fault(
                self.root.key_lines.get("claims", 1),
                "`claims` has no entries; expected a list, each beginning with `- id:`",
            )
            return
        first: dict[str, int] = {}
        for place, node in enumerate(listing.items, start=1):
            if not isinstance(node, Entries):
                self.fault(
                    node.line,
                    f"entry {place} of `claims` is not a claim; expected fields such as `id: training-energy`",
                )
                continue
            claim = self._claim(node, place)
            if claim is None:
                continue
            if claim.id in first:
                self.fault(
                    claim.line,
                    f"claim '{claim.id}': the id is taken (line {first[claim.id]}); expected one of its own; rename "
                    "one",
                )
                continue
            first[claim.id] = claim.line
            yield claim

    def _claim(self, node: Entries, place: int) -> Claim | None:
        name = self._text(node, "id", f"claim {place}: ", needed="a short name, such as training-energy")
        where = f"claim '{name}': " if name else f"claim {place}: "
        self._unknown_fields(node, FIELDS, where)
        said = self._text(node, "quantity", where, needed="what the number is, in words")
        source = self._text(node, "source", where) or self.source
        if not source:
            self.fault(
                node.line, f"{where}`source` is missing; expected who states it, here or once at the top of the file"
            )
        formula = self._formula(node, where)
        claimed = self._claimed(node, where, formula)
        inputs = self._inputs(node, where, formula)
        tolerance = self._tolerance(node, where)
        remark = self._text(node, "remark", where)
        if not name or claimed is None:
            return None
        return Claim(name, node.line, said, claimed, source, formula, inputs, tolerance, remark)

    def _claimed(self, node: Entries, where: str, formula: str) -> WrittenQuantity | None:
        written = self._text(node, "claimed", where, needed="the number with its unit, such as 1507 kWh")
        unit = self._text(node, "unit", where)
        if not written:
            return None
        line = node.key_lines["claimed"]
        try:
            claimed = parse_quantity(f"{written} {unit}".strip(), self.things)
        except ValueError as error:
            self.fault(line, f"{where}`claimed` {error}")
            return None
        if claimed.unit.text == "1" and not unit and not written.endswith(" 1"):
            self.fault(
                line,
                f"{where}`claimed` is {shown(written)} without a unit; expected such as {written} kWh; {ONLY_RATIO}",
            )
        elif claimed.value < 0 and MONEY not in claimed.unit.dims and formula != "difference":
            self.fault(
                line,
                f"{where}`claimed` is {shown(written)}, which is negative; expected 0 or more; for a saving use "
                "`difference`",
            )
        return claimed

    def _formula(self, node: Entries, where: str) -> str:
        name = self._text(node, "formula", where)
        if not name and not is_empty(node.values.get("inputs")):
            self.fault(
                node.line, f"{where}`formula` is missing, and there are inputs; expected one of: {listed(FORMULAS)}"
            )
        if name and name not in FORMULAS:
            mend = did_you_mean(name, FORMULAS)
            self.fault(
                node.key_lines["formula"],
                f"{where}unknown formula {shown(name)}; expected one of: {listed(FORMULAS)}{mend}",
            )
            return ""
        return name

    def _inputs(self, node: Entries, where: str, formula: str) -> dict[str, ClaimInput]:
        given = node.values.get("inputs")
        if is_empty(given) or not formula:
            return {}
        if not isinstance(given, Entries):
            self.fault(
                node.key_lines["inputs"],
                f"{where}`inputs` is not a group; expected `name: value` lines, such as `energy: 120 kWh`",
            )
            return {}
        inputs = {}
        for name, value in given.values.items():
            slot = _slot(FORMULAS[formula], name)
            if slot is None:
                known = FORMULAS[formula].slots
                mend = did_you_mean(name, known)
                self.fault(
                    given.key_lines[name],
                    f"{where}unknown input {shown(name)} of `{formula}`; expected: {', '.join(known)}{mend}",
                )
                continue
            tell = partial(self._tell_input, f"{where}`{name}` ")
            one = read_input(value, InputContext(slot, self.things, tell))
            if one is not None:
                inputs[name] = one
        return inputs

    def _tolerance(self, node: Entries, where: str) -> float:
        written = self._text(node, "tolerance", where)
        if not written:
            return TOLERANCE
        try:
            value = parse_quantity(written)
        except ValueError as error:
            self.fault(node.key_lines["tolerance"], f"{where}`tolerance` {error}")
            return TOLERANCE
        if value.unit.dims or not 0 <= value.base <= MOST_TOLERANCE:
            mend = f"; if you mean {written} %, write it so" if 1 <= value.value <= 100 * MOST_TOLERANCE else ""
            self.fault(
                node.key_lines["tolerance"],
                f"{where}`tolerance` is {shown(written)}; expected from 0 to {MOST_TOLERANCE:.0%}{mend}",
            )
        return value.base

    def _things(self) -> tuple[str, ...]:
        node = self.root.values.get("things")
        if is_empty(node):
            return ()
        if not isinstance(node, Listing) or not all(text_of(item) for item in node.items):
            self.fault(
                self.root.key_lines["things"],
                "`things` is not a list of words; expected what is counted, such as [household]",
            )
            return ()
        return tuple(text_of(item) or "" for item in node.items)

    def _text(self, node: Entries, field: str, where: str, needed: str = "") -> str:
        value: Node | None = node.values.get(field)
        if is_empty(value) or (isinstance(value, Scalar) and not (value.text or "").strip()):
            if needed:
                state = "empty" if field in node.values else "missing"
                self.fault(node.key_lines.get(field, node.line), f"{where}`{field}` is {state}; expected {needed}")
            return ""
        if not isinstance(value, Scalar):
            kind = "a list" if isinstance(value, Listing) else "a group"
            self.fault(node.key_lines[field], f"{where}`{field}` is {kind}; expected {needed or 'text'}")
            return ""
        return (value.text or "").strip()

    def _unknown_fields(self, node: Entries, known: tuple[str, ...], where: str) -> None:
        for name in node.values:
            if name not in known:
                mend = did_you_mean(name, known)
                self.fault(
                    node.key_lines[name], f"{where}unknown field {shown(name)}; expected: {', '.join(known)}{mend}"
                )


def _slot(formula: Formula, name: str) -> Slot | None:
    return formula.slots.get(name, formula.free)
