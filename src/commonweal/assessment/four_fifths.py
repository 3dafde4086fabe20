"""The four-fifths line: whether the lower of two selection rates is below four fifths of the higher.

The US Uniform Guidelines on Employee Selection Procedures take a ratio below 0.8 as evidence of adverse impact on a
race, sex or ethnic group; for other attributes the line is a yardstick. What this module does not do: a line that is
not crossed shows no fairness, and one that is crossed decides no case in law.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from commonweal.evidence.numbers import bounds_text, value_text
from commonweal.evidence.records import Estimate

LINE = 0.8
SOURCE = "29 CFR 1607.4(D), written for race, sex and ethnic group"
SHOWN = 12
Side = Literal["crossed", "not decided", "not crossed"]
WORDS: Mapping[Side, str] = {
    "crossed": "crossed, the whole interval is below 0.8",
    "not decided": "inconclusive: the interval includes 0.8",
    "not crossed": "not crossed, the whole interval is at or above 0.8",
}


def side(low: float, high: float) -> Side:
    """On which side of the line an interval of the ratio lies, whichever of the two groups is the lower.

    >>> side(0.6, 0.78), side(0.7, 1.1), side(0.9, 1.1), side(1.3, 1.6)
    ('crossed', 'not decided', 'not crossed', 'crossed')
    """
    if high < LINE or low > 1 / LINE:
        return "crossed"
    return "not crossed" if low >= LINE and high <= 1 / LINE else "not decided"


def lower_over_higher(ratio: Estimate) -> Estimate:
    """The same ratio with the group that has the lower rate in this sample above the line, so at most 1."""
    if ratio.value <= 1 or ratio.low is None or ratio.high is None or ratio.low <= 0:
        return ratio
    turned = {"value": 1 / ratio.value, "low": 1 / ratio.high, "high": 1 / ratio.low}
    return ratio.model_copy(update=turned | {"group": ratio.reference, "reference": ratio.group})


def four_fifths_words(measured: Sequence[Estimate]) -> Iterator[str]:
    """A sentence for each side of the line on which a measured ratio of favourable rates lies, crossed first,
    smallest ratio first.
    """
    ratios = sorted(map(lower_over_higher, measured), key=lambda ratio: ratio.value)
    for name, words in WORDS.items():
        here = [ratio for ratio in ratios if _side(ratio) == name]
        single = [ratio for ratio in here if len(ratio.group or {}) <= 1]
        by_attribute: dict[str, list[str]] = {}
        for ratio in single[:SHOWN]:
            by_attribute.setdefault("".join(ratio.group or {}), []).append(_ratio_words(ratio))
        said = [f"{attribute + ': ' if attribute else ''}{', '.join(of)}" for attribute, of in by_attribute.items()]
        said += [f"and {len(single) - SHOWN} more"] if len(single) > SHOWN else []
        said += [f"{len(here) - len(single)} of intersecting groups"] if len(here) > len(single) else []
        if said:
            yield f"four-fifths line ({SOURCE}) {words}: {'; '.join(said)}"


def _side(ratio: Estimate) -> Side | None:
    return None if ratio.low is None or ratio.high is None else side(ratio.low, ratio.high)


def _ratio_words(ratio: Estimate) -> str:
    pair = f"{', '.join((ratio.group or {}).values())} against {', '.join((ratio.reference or {}).values())}"
    return f"{pair} {value_text(ratio)} ({bounds_text(ratio)})"
