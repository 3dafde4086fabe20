"""How much of what could be declared about an asset is declared, field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from commonweal.errors import NotApplicable
from commonweal.evidence.records import Estimate, Quantity
from commonweal.measures.registry import measure
from commonweal.system.declarations import declaration_status
from commonweal.system.records import Asset

ANSWERS = ("declared", "none", "unknown", "empty")
# `none` is an answer: somebody looked and says that there is none. `unknown` says that nobody could find out.
ANSWERED = ("declared", "none")
MEANING = {
    "declared": "declared",
    "none": "declared that there is none",
    "unknown": "declared that nobody knows",
    "empty": "nobody has answered",
}


@measure(
    source="Field list after Mitchell et al. 2019 (model cards) and Gebru et al. 2021 (datasheets); the count: commonweal",
    cluster="field",
    version=1,
    basis="declared",
    quantities={
        "declared_share": Quantity(unit="1", label="Share of fields answered", about="`none` counts as an answer, `unknown` does not"),
        "fields": Quantity(unit="count", label="Fields by answer", about="declared, none, unknown, empty"),
        "field_answered": Quantity(unit="1", label="Field answered", about="1: declared or none; 0: unknown or empty"),
    },
    warnings=("Completeness is not truth: a field that is filled in may be wrong, vague or out of date.",),
)
def declaration_completeness(asset: Asset) -> Iterator[Estimate]:
    """Fields answered over all fields that apply to an asset of its kind, (declared + none) / fields, in [0, 1].

    `none` (there is none) is an answer; `unknown` (nobody could find out) and empty (nobody answered) are not, and the
    three stay apart in `fields`. All fields are counted, so low = value = high.

    Completeness is not truth. 1 means that every question has an answer, not that any answer is right, and a low share
    does not show that something is hidden: it shows what a reader of this system cannot know.

    Source
    ------
    The fields follow Mitchell et al. 2019, FAT* (model cards), and Gebru et al. 2021, CACM 64(12) (datasheets); see
    commonweal/system/declarations.py.
    """
    status = declaration_status(asset)
    if not status:
        raise NotApplicable(f"nothing can be declared about an asset of kind '{asset.kind}'")
    counts = Counter(status.values())
    fields = len(status)
    share = sum(counts[answer] for answer in ANSWERED) / fields
    words = ", ".join(f"{counts[answer]} {answer}" for answer in ANSWERS)
    yield _counted("declared_share", "1", share, fields, note=f"Of {fields} fields: {words}. Answered is not the same as true.")
    for answer in ANSWERS:
        keys = [key for key, given in status.items() if given == answer]
        named = f": {', '.join(keys)}" if keys else ""
        yield _counted("fields", "count", len(keys), fields, f"{MEANING[answer]}{named}.".capitalize(), {"answer": answer})
    for key, answer in status.items():
        group = {"field": key, "answer": answer}
        yield _counted("field_answered", "1", float(answer in ANSWERED), 1, f"{key.replace('_', ' ')}: {MEANING[answer]}.", group)


def _counted(quantity: str, unit: str, value: float, n: int, note: str, group: dict[str, str] | None = None) -> Estimate:
    """A complete count, whose interval is the number itself."""
    return Estimate(
        quantity=quantity,
        unit=unit,
        value=value,
        low=value,
        high=value,
        interval="range",
        n=n,
        method="complete count",
        group=group,
        note=note,
    )
