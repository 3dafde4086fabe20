"""A simple baseline for a task with labelled texts: n-grams and a linear model. Texts in, labels out.

The classifier weighs all labels alike. Accuracy counts texts, so how common each label is among texts drawn like those
that will be asked is put back into the log-odds (King and Zeng 2001).

What this module does not do: it asks nobody and reads no meter.

Source
------
King and Zeng 2001, Political Analysis 9:137, "prior correction" of the intercept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from commonweal.models.text_classifier import Codes, text_features, trained

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Array = npt.NDArray[np.float64]
HALF = 0.5  # of a text, added to each label, so that a label that few texts have is never impossible


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What the baseline may learn from: texts, their labels int64 (text,) from 0, and clusters str (text,).

    `asked`: how many of the texts, the first ones, will be asked. How common the labels are is taken from these.
    """

    texts: Sequence[str]
    labels: Codes
    clusters: npt.NDArray[np.str_]
    asked: int

    def without(self, left_out: npt.NDArray[np.bool_]) -> Lesson:
        """The lesson without some texts, bool (text,)."""
        texts = [text for text, out in zip(self.texts, left_out, strict=True) if not out]
        kept = int((~left_out[: self.asked]).sum())
        return Lesson(texts, self.labels[~left_out], self.clusters[~left_out], kept)


@dataclass(frozen=True, slots=True, eq=False)
class LinearBaseline:
    """A classifier, and how common each of its labels is: log of a count of texts, float64 (label,)."""

    classifier: Pipeline
    log_common: Array

    def answers(self, texts: Sequence[str]) -> Codes:
        """The label of each text, int64 (text,)."""
        if not texts:
            return np.empty(0, dtype=np.int64)
        odds = self.classifier.predict_log_proba(text_features(texts)) + self.log_common
        return np.asarray(self.classifier.classes_[odds.argmax(axis=1)], dtype=np.int64)


def learned(lesson: Lesson) -> LinearBaseline:
    """The baseline that learned from a lesson.

    Raises
    ------
    ValueError
        If a label has all texts.

    >>> texts = ["a cat", "a dog", "the cat", "the dog", "one cat"]
    >>> found = learned(Lesson(texts, np.array([1, 0, 1, 0, 1]), np.array(texts), asked=5))
    >>> found.answers(["my cat", "my dog"]).tolist()
    [1, 0]
    >>> found.answers([]).tolist()
    []
    """
    classifier = trained(text_features(lesson.texts), lesson.labels)
    counts = np.bincount(lesson.labels[: lesson.asked], minlength=int(lesson.labels.max()) + 1)
    return LinearBaseline(classifier, np.log(counts[classifier.classes_] + HALF))
