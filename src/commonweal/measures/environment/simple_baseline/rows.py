"""Which answers were right, and what that shows: accuracies, their paired difference, and where it comes from.

Arrays in, rows out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from commonweal.evidence.records import Estimate, Facts, Missing
from commonweal.measures.environment.meter.components import ComponentValue
from commonweal.measures.environment.simple_baseline.baseline_words import baseline_words
from commonweal.measures.environment.simple_baseline.energy import UnknownEnergy
from commonweal.measures.environment.simple_baseline.task import LabelledTask
from commonweal.measures.estimate_rows import contribution_rows, possible_effect
from commonweal.models.text_classifier import Codes
from commonweal.statistics.contrast import mean_of, sparse_floor
from commonweal.statistics.contributions import contributions
from commonweal.statistics.gain_share import gain_share
from commonweal.statistics.group_rates import group_rates, layout_of, rate_intervals
from commonweal.statistics.inference import family

Array = npt.NDArray[np.float64]
CLUSTERS_SHOWN = 5
ACCURACY_METHOD = (
    "share of texts answered right; variance CR2, clustered; Wilson interval on the effective number of texts, t "
    "quantile"
)
DIFFERENCES = "mean of the paired differences (right or not); the rule of three where hardly anything differs"
GAIN_METHOD = (
    "ratio of paired means, linear model less commonest label over application less commonest label; Fieller, CR2 by "
    "cluster"
)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Whether each text was answered right, float64 (text,) of 0 and 1, by each of the three; `cluster`: str (text,);
    `right`: the right label, int64 (text,)."""

    application: Array
    baseline: Array
    majority: Array
    cluster: npt.NDArray[np.str_]
    right: Codes

    @property
    def difference(self) -> Array:
        return self.application - self.baseline

    @property
    def floor(self) -> float:
        """The least variance of the difference, for the case that few texts, or none, differ."""
        return sparse_floor(self.difference, np.ones(self.cluster.size, dtype=np.int8), (self.cluster,))


def one_answer_rows(answer: str, count: int) -> Iterator[Missing]:
    """Why nothing is compared where the application gives the same answer to all texts: its accuracy is how common
    that is.
    """
    reason = f"it treats everybody alike: it answers '{answer}' to every one of {count:,} texts, whatever they say"
    for quantity in ("accuracy_difference", "accuracy_difference_bound", "gain_share"):
        yield Missing(quantity=quantity, status="not_applicable", unjudged=True, reason=reason)


def accuracy_rows(scores: Scores, task: LabelledTask) -> Iterator[Estimate]:
    """The three accuracies."""
    learned = len(task.lesson.texts)
    said = {
        "application_accuracy": (scores.application, task.note),
        "baseline_accuracy": (
            scores.baseline,
            f"learned from {learned:,} labelled texts, those of its own cluster and fold left out",
        ),
        "majority_accuracy": (
            scores.majority,
            f"always '{task.names[task.majority]}', the commonest label of these texts",
        ),
    }
    layout = layout_of(
        np.zeros(scores.cluster.size, dtype=np.int64), np.unique(scores.cluster, return_inverse=True)[1], 1
    )
    for quantity, (right, note) in said.items():
        rates = group_rates(right, np.ones(right.size, dtype=np.bool_), layout)
        low, high = rate_intervals(rates)
        yield Estimate(
            quantity=quantity,
            unit="1",
            value=float(right.mean()),
            low=float(low[0]),
            high=float(high[0]),
            interval="confidence",
            n=right.size,
            clusters=int(rates.clusters[0]),
            method=ACCURACY_METHOD,
            note=note,
        )


def gain_row(scores: Scores, task: LabelledTask) -> Estimate | Missing:
    """The share of the application's gain that the linear model has too."""
    share = gain_share(scores.application - scores.majority, scores.difference, scores.cluster, scores.floor)
    if share is None:
        reason = (
            f"the application is not shown to be right more often than always '{task.names[task.majority]}', so there "
            "is no gain to share"
        )
        return Missing(quantity="gain_share", status="not_applicable", reason=reason)
    return Estimate(
        quantity="gain_share",
        unit="1",
        value=share.value,
        low=share.low,
        high=share.high,
        interval="confidence",
        n=scores.cluster.size,
        clusters=int(np.unique(scores.cluster).size),
        method=GAIN_METHOD,
    )


def difference_rows(
    scores: Scores, task: LabelledTask, ratio: ComponentValue | UnknownEnergy, rng: np.random.Generator
) -> Iterator[Estimate]:
    """The difference with what it shows in words, its one-sided bound, and where it comes from if it was found."""
    (tested,) = family([mean_of(scores.difference, scores.cluster, floor=scores.floor)], rng)
    difference = Estimate(
        quantity="accuracy_difference",
        unit="1",
        value=tested.value,
        low=max(-1.0, tested.low),
        high=min(1.0, tested.high),
        interval="confidence",
        n=tested.n,
        clusters=tested.clusters,
        p_value=tested.p_value,
        p_adjusted=tested.p_adjusted,
        null=0.0,
        minimum_detectable=possible_effect(tested.minimum_detectable, 1.0),
        method=f"{DIFFERENCES}; {tested.method}",
    )
    bound = Estimate(
        quantity="accuracy_difference_bound",
        unit="1",
        value=min(1.0, tested.upper),
        n=tested.n,
        clusters=tested.clusters,
        method=f"{DIFFERENCES}; {tested.method}; one-sided 95 % bound",
    )
    times = None if isinstance(ratio, UnknownEnergy) else _times(ratio, tested.n)
    words = baseline_words(difference, bound, times)
    note = "; ".join(part for part in (words, task.note) if part)
    yield difference.model_copy(update={"note": note, "facts": Facts(headline=words)})
    yield bound
    if difference.excludes_null:
        yield from _traced(scores, task, rng)


def _times(ratio: ComponentValue, n: int) -> Estimate:
    return Estimate(quantity="energy_ratio", unit="1", value=ratio.figure.value, n=n, method=ratio.method)


def _traced(scores: Scores, task: LabelledTask, rng: np.random.Generator) -> Iterator[Estimate]:
    """What each label adds to the difference, and the clusters of several texts that add most."""
    total = scores.cluster.size
    parts = [np.where(scores.right == label, scores.difference, 0.0) for label in range(len(task.names))]
    tested = family([mean_of(part, scores.cluster, floor=scores.floor) for part in parts], rng)
    for label, (name, added) in enumerate(zip(task.names, tested, strict=True)):
        texts = int((scores.right == label).sum())
        if texts:
            yield Estimate(
                quantity="contribution",
                unit="1",
                value=added.value,
                low=max(-1.0, added.low),
                high=min(1.0, added.high),
                n=texts,
                interval="confidence",
                clusters=added.clusters,
                group={"label": name},
                method=f"the label's part of the difference; {added.method}",
                note=f"{texts} of {total} texts are labelled so",
            )
    several = [
        part
        for part in contributions(mean_of(scores.difference, scores.cluster), scores.cluster)
        if part.n > 1 and part.value
    ]
    yield from contribution_rows(
        several[:CLUSTERS_SHOWN],
        "cluster",
        {},
        "the cluster's part of the difference; the 5 largest of several texts each",
    )
