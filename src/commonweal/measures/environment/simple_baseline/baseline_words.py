"""What a comparison of an application with a simple baseline shows, in one sentence.

The margin is fixed before the data: a baseline that is not worse by more than 2 points of accuracy counts as good
enough. It is a choice of ours; who uses the application may fix another one.
"""

from __future__ import annotations

from commonweal.evidence.numbers import bounds_text, detectable_text, number_text, rounded
from commonweal.evidence.records import Estimate

MARGIN = 0.02
POINTS = f"{100 * MARGIN:g} points"


def baseline_words(difference: Estimate, bound: Estimate, ratio: Estimate | None) -> str:
    """The sentence, from `accuracy_difference` (application less baseline), its one-sided bound, and `energy_ratio`.

    >>> plain = {"unit": "1", "n": 200, "method": "m"}
    >>> lost = Estimate(quantity="accuracy_difference", value=-0.01, low=-0.03, high=0.012, interval="confidence",
    ...     null=0.0, **plain)
    >>> most = Estimate(quantity="accuracy_difference_bound", value=0.009, **plain)
    >>> baseline_words(lost, most, Estimate(quantity="energy_ratio", value=512.0, **plain))
    'a linear model trained on the same kind of texts is not worse by more than 2 points, and takes 1/512 of the energy'
    """
    return f"{_accuracy(difference, bound)}{_energy(ratio)}"


def _accuracy(difference: Estimate, bound: Estimate) -> str:
    size = number_text(difference.model_copy(update={"value": abs(difference.value)}))
    interval = f"application less linear model: 95 % confidence interval {bounds_text(difference)}"
    if difference.excludes_null and difference.value > 0:
        small = f", which is within the margin of {POINTS}" if bound.value < MARGIN else ""
        return f"the application is better than a linear model by {size} points ({interval}){small}; the linear model"
    if difference.excludes_null:
        return f"a linear model trained on the same kind of texts is better by {size} points ({interval}), and"
    if bound.value < MARGIN:
        return f"a linear model trained on the same kind of texts is not worse by more than {POINTS}, and"
    finds = detectable_text(difference)
    design = f"; smallest gap this design would detect: {finds}" if finds else ""
    return (
        f"whether a linear model trained on the same kind of texts is worse by more than {POINTS} is not shown "
        f"({interval}{design}); it"
    )


def _energy(ratio: Estimate | None) -> str:
    if ratio is None:
        return " takes an energy that could not be compared"
    if ratio.value >= 1:
        return f" takes 1/{rounded(ratio.value)} of the energy"
    return f" takes {rounded(1 / ratio.value)} times the energy"
