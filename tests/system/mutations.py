"""Mutated declarations: system files, probe files and claims with parts changed at random, taken through all that reads
them.

`python -m tests.system.mutations FIRST COUNT` takes COUNT of them through it and prints each that ends in anything but
an error in words, or takes over 5 seconds of processor time.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from commonweal.assessment.row_writer import Writer
from commonweal.assessment.value import value_rows as rows_of_value
from commonweal.assessment.value.ledger_rows import LEDGER_METHOD
from commonweal.errors import CommonwealError
from commonweal.files.text import decoded
from commonweal.footprint.claims.check import check_claims
from commonweal.footprint.claims.claim_file import claims_from_text
from commonweal.measures.preflight import table_problems
from commonweal.measures.probes.reader import load_probes
from commonweal.system.loading import system_from_text
from commonweal.system.questions import questions
from commonweal.system.starter import STARTER
from tests.assessment.declared_fields import EXAMPLES, at, fields
from tests.assessment.valued import TEXT

LONGEST_S = 5.0
FEW_DRAWS = 64
PROBES = """schema: commonweal-probes/1
name: small
language: en
slot: resume
source: made for this test
pronouns:
  attribute: gender
  reference: he
  forms: {he: {they: he, their: his}, she: {they: she, their: her}}
  wordings: [{id: top, text: "{body} {statement}"}]
probes:
  - {id: one, occupation: nurse, quality: strong, body: Six wards., statement: "{They} led {their} team."}
  - {id: two, occupation: clerk, quality: weak, body: Two years., statement: "{They} did {their} work."}
cues:
  - attribute: age
    reference: older
    frames: [{older: Born in 1962., younger: Born in 1999.}]
    wordings: [{id: end, text: "{body} {cue}"}]
"""
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, -1e308, 1e-308, 10**400, -(10**30), float("nan"), float("inf"), "", " ", "none", "unknown", "NaN",
    "1e999", "0x1F", "0o17", "017", "1_000", "12:30:00", "2024-02-30", "yes", "no", "~", "null", "<<", "*a", "&a x", "!!int x", "a: b", "{x}",
    "\u202eabc", "e\u0301", "\U0001f600", "\x1b[31m", "\x7f", "\u2028", "x" * 5000, [], {}, [[]], [{}], {"a": {"b": {"c": 1}}},
    {"value": 1, "unit": "USD2020", "grade": "assumed", "source": "s"}, {"low": 2, "high": 1, "unit": "kWh", "grade": "assumed", "source": "s"},
    {"value": 1e308, "unit": "kWh", "grade": "assumed", "source": "s"}, {"value": 0, "unit": "1", "grade": "assumed", "source": "s"},
)  # fmt: skip
SNIPPETS = (
    "\t", "\x00", "\x1b", "\u0085", "\u2028", "\ufeff", "- ", ": ", "? ", "{", "}", "[", "]", "'", '"', "|", ">", "#", "&a ",
    "*a", "!!python/object:os.system ", "!!binary ", "<<: *a\n", "---\n", "...\n", "%YAML 1.1\n", "\r", "\n", "\n\n  ",
    "1e999", "nan", ".inf", "0x10", "2024-01-01", "yes", "\U0001f600", "\\ud800", "e\u0301",
)  # fmt: skip


def of_system(text: str) -> None:
    system = system_from_text(text)
    questions(system)
    if table_problems(system):
        return
    writers = tuple(Writer(one.name, one.source, 0, "hash") for one in (LEDGER_METHOD, rows_of_value.VALUE_METHOD))
    for row in rows_of_value.value_rows(system, (), {}, (writers[0], writers[1]), 0):
        json.dumps(row.model_dump(mode="json"), allow_nan=False)


def of_probes(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "p.yaml")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        load_probes("p.yaml", Path(folder))


def of_claims(text: str) -> None:
    check_claims(claims_from_text(text))


def sources() -> list[tuple[str, Callable[[str], None]]]:
    """The files that are changed, and what reads each."""
    examples = sorted(EXAMPLES.glob("*/system.yaml"))
    assert len(examples) > 1
    systems = [*(path.read_text(encoding="utf-8") for path in examples), STARTER, TEXT]
    claims = files("commonweal.footprint").joinpath("claims_society_chapter.yaml").read_text(encoding="utf-8")
    return [*((text, of_system) for text in systems), (TEXT, of_system), (PROBES, of_probes), (claims, of_claims)]


def mutated(text: str, rng: random.Random) -> str:
    """A text with one to four changes, in its fields or in its characters, or as bytes of another encoding."""
    for _ in range(rng.randint(1, 4)):
        text = rng.choice((_field, _field, _characters, _lines, _encoded))(text, rng)
    return text


def _field(text: str, rng: random.Random) -> str:
    try:
        root = yaml.load(text, Loader=yaml.CSafeLoader)
    except Exception:  # noqa: BLE001 - what is broken already cannot be changed by its fields
        return _characters(text, rng)
    places = list(fields(root)) if isinstance(root, dict | list) else []
    if not places:
        return _characters(text, rng)
    where = rng.choice(places)
    if rng.random() < 0.3 and len(where) > 1:
        where = where[:-1]
    holder, step = at(root, where[:-1]), where[-1]
    match rng.randrange(5):
        case 0:
            del holder[step]
        case 1 | 2:
            holder[step] = copy.deepcopy(rng.choice(ODD))
        case 3:
            holder[step] = copy.deepcopy(at(root, rng.choice(places)))
        case _ if isinstance(holder, list):
            holder.insert(step, copy.deepcopy(holder[step]))
        case _:
            holder[rng.choice(("x", "id", "1", "true", "<<", "", "value", "unit", str(step) + " "))] = holder.pop(step)
    try:
        written = json.dumps(root, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):  # a name that is no text, or what holds itself
        return _characters(text, rng)
    return written.replace("NaN", ".nan").replace("Infinity", ".inf")


def _characters(text: str, rng: random.Random) -> str:
    start = rng.randrange(len(text) + 1)
    match rng.randrange(3):
        case 0:
            return text[:start] + rng.choice(SNIPPETS) * rng.choice((1, 1, 1, 30)) + text[start:]
        case 1:
            return text[:start] + text[start + rng.randint(1, 20) :]
        case _:
            return text[:start] + text[rng.randrange(len(text) + 1) :][: rng.randint(1, 400)] + text[start:]


def _lines(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    index, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[index]
        case 1:
            lines[index], lines[other] = lines[other], lines[index]
        case 2:
            lines.insert(index, lines[other])
        case _:
            lines[index] = " " * rng.randint(0, 3) + lines[index].lstrip()
    return "\n".join(lines)


def _encoded(text: str, rng: random.Random) -> str:
    """As it comes back from bytes of another encoding, where that is text at all."""
    raw = text.encode(rng.choice(("utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-8")), "replace")
    if rng.random() < 0.5 and raw:
        place = rng.randrange(len(raw))
        raw = raw[:place] + bytes([rng.randrange(256)]) + raw[place + 1 :]
    try:
        return decoded(raw, "system.yaml")
    except CommonwealError:
        return text


def broken(first: int, count: int) -> Iterator[tuple[int, str]]:
    """Every mutation that ends in anything but an error in words, or takes over 5 seconds of processor time."""
    every = sources()
    for seed in range(first, first + count):
        rng = random.Random(seed)
        text, take = rng.choice(every)
        text = mutated(text, rng)
        start = time.process_time()
        try:
            take(text)
        except CommonwealError:
            pass
        except Exception:  # noqa: BLE001 - the fault that is looked for
            yield seed, traceback.format_exc(limit=-4)
        if (took_s := time.process_time() - start) > LONGEST_S:
            yield seed, f"took {took_s:.1f} s of processor time"


def main(arguments: Mapping[int, str]) -> None:
    rows_of_value.DRAWS = FEW_DRAWS
    found = 0
    for place, told in broken(int(arguments[1]), int(arguments[2])):
        found += 1
        print(f"mutation {place}\n{told}", flush=True)
    print(f"{arguments[2]} mutations from {arguments[1]}: {found} broken", flush=True)


if __name__ == "__main__":
    main(dict(enumerate(sys.argv)))
