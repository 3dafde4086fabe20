"""What nobody declared is no 0: no total is the one that a declared 0 gives, unless it says what is not in it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from commonweal.assessment.value import value_rows as rows_of_value
from tests.assessment.declared_fields import (
    EXAMPLES,
    GONE,
    Numbers,
    Where,
    at,
    changed,
    declared_in,
    fields,
    numbers,
    zero,
)
from tests.assessment.valued import TEXT

FILES = {
    "translation": (EXAMPLES / "translation" / "system.yaml").read_text(encoding="utf-8"),
    "hiring": (EXAMPLES / "hiring" / "system.yaml").read_text(encoding="utf-8"),
    "by hand": TEXT,
}
# Words of a note that name what is not in the number.
SAID = ("not declared", "not counted", "not in it")


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every input is one number, so a few draws tell as much as many."""
    monkeypatch.setattr(rows_of_value, "DRAWS", 8)


def as_zero(declared: dict[str, Any], where: Where, whole: Numbers, without: Numbers) -> list[str]:
    """The totals that depend on a field and are, without it, the same as where it is declared to be 0."""
    nothing = numbers(changed(declared, where, zero(at(declared, where))))
    found = []
    for key, row in without.items():
        before, explicit = whole.get(key), (nothing or {}).get(key)
        if (
            row.estimate is None
            or before is None
            or before.estimate is None
            or explicit is None
            or explicit.estimate is None
        ):
            continue
        depends = not math.isclose(row.estimate.value, before.estimate.value, rel_tol=1e-9)
        same = math.isclose(row.estimate.value, explicit.estimate.value, rel_tol=1e-9, abs_tol=1e-12)
        said = any(words in f"{row.note} {row.estimate.method}" for words in SAID)
        if depends and same and not said:
            found.append(f"{'.'.join(map(str, where))}: {' '.join(key)} = {row.estimate.value:g} ({row.note})")
    return found


@pytest.mark.parametrize("answer", [GONE, "unknown"], ids=["gone", "unknown"])
@pytest.mark.parametrize("name", FILES)
def test_a_field_that_is_not_known_is_never_counted_as_0(name: str, answer: object) -> None:
    declared = declared_in(FILES[name])
    whole = numbers(declared)
    assert whole is not None
    tried = 0
    faults: list[str] = []
    for where in fields(declared):
        without = numbers(changed(declared, where, answer))
        if without is not None:
            tried += 1
            faults += as_zero(declared, where, whole, without)
    assert tried > 10
    assert not faults, "\n".join(faults)
