"""How much of what should be declared about an asset is declared, field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from commonweal.evidence.records import Estimate, Quantity
from commonweal.measures.registry import measure
from commonweal.system.declarations import DATASHEETS, FMTI, GRAPHS, MODEL_CARDS, FactStatus, declaration_status, fact
from commonweal.system.records import Asset

# `none` is an answer: somebody looked, and there is none. `unknown` says that nobody could find out.
ANSWERED: Final[tuple[FactStatus, ...]] = ("declared", "none")
MEANING: Final[Mapping[FactStatus, str]] = {
    "declared": "declared",
    "none": "declared that there is none",
    "unknown": "declared that nobody could find out",
    "empty": "nobody has answered",
}


@measure(
    source=f"Fields: {MODEL_CARDS}; {DATASHEETS}; {FMTI}; {GRAPHS}. The count: commonweal",
    cluster="field",
    version=1,
    basis="declared",
    quantities={
        "declared_share": Quantity(
            unit="1", label="Share of fields answered", about="“none” is an answer, “unknown” is not"
        ),
        "fields": Quantity(unit="count", label="Fields by answer", about="declared, none, unknown, empty"),
        "field_answered": Quantity(unit="1", label="Field answered", about="1: declared or none; 0: unknown or empty"),
    },
    warnings=("Completeness is not truth: a field that is filled in may be wrong, vague or out of date.",),
)
def declaration_completeness(asset: Asset) -> Iterator[Estimate]:
    """Share of the fields about an asset that have an answer, (declared + none) / fields, in [0, 1].

    `none` (there is none) is an answer. `unknown` (nobody could find out) and empty (nobody has answered) are not, and
    all four stay apart in `fields`. Every field is counted, so low = value = high.

    Completeness is not truth. 1 means that every question has an answer, not that any answer is right or good; 0 does
    not show that something is hidden, only that a reader of this system cannot know it.

    Source
    ------
    The list of fields, each with its source: commonweal/system/declarations.py.
    """
    status = declaration_status(asset)
    counts = Counter(status.values())
    share = sum(counts[answer] for answer in ANSWERED) / len(status)
    words = ", ".join(f"{counts[answer]} {answer}" for answer in MEANING)
    yield _counted(
        "declared_share", share, len(status), f"Of {len(status)} fields: {words}. Answered is not the same as true."
    )
    for answer, meaning in MEANING.items():
        labels = [fact(key).label for key, given in status.items() if given == answer]
        note = f"{meaning.capitalize()}: {'; '.join(labels) or 'no field'}."
        yield _counted("fields", len(labels), len(status), note, {"answer": answer})
    for key, answer in status.items():
        note = f"{fact(key).label}: {MEANING[answer]}. Source of the field: {fact(key).source}."
        yield _counted("field_answered", float(answer in ANSWERED), 1, note, {"field": key, "answer": answer})


def _counted(quantity: str, value: float, n: int, note: str, group: dict[str, str] | None = None) -> Estimate:
    """A complete count: its interval is the number itself."""
    return Estimate(
        quantity=quantity,
        unit="count" if quantity == "fields" else "1",
        value=value,
        low=value,
        high=value,
        interval="range",
        n=n,
        method="complete count",
        group=group,
        note=note,
    )
