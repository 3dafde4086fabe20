"""A simple baseline for a task with labelled texts: n-grams and a linear model, one for each label. Texts in, labels out.

The classifier weighs both classes alike. Accuracy counts texts, so how common each label is among texts drawn like those that will
be asked is put back into the log-odds (King and Zeng 2001). With more than two labels, the label with the largest log-odds against
all others.

What this module does not do: it asks nobody and reads no meter.

Source
------
King and Zeng 2001, Political Analysis 9:137, "prior correction" of the intercept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from commonweal.models.text_classifier import TextClassifier, text_features, trained

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
HALF = 0.5  # of a text, added to either side, so that a label that few texts have is never impossible


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What the baseline may learn from: texts, their labels int64 (text,) from 0 to `count` - 1, and clusters str (text,).

    `asked`: how many of the texts, the first ones, will be asked. How common the labels are is taken from these.
    """

    texts: Sequence[str]
    labels: Codes
    clusters: npt.NDArray[np.str_]
    count: int
    asked: int

    def without(self, left_out: npt.NDArray[np.bool_]) -> Lesson:
        """The lesson without some texts, bool (text,)."""
        texts = [text for text, out in zip(self.texts, left_out, strict=True) if not out]
        kept = int((~left_out[: self.asked]).sum())
        return Lesson(texts, self.labels[~left_out], self.clusters[~left_out], self.count, kept)


@dataclass(frozen=True, slots=True, eq=False)
class LinearBaseline:
    """A classifier for each label, or of two labels for the second one only; `shift`: log-odds of how common it is [nat]."""

    classifiers: tuple[TextClassifier, ...]
    shift: Array

    def answers(self, texts: Sequence[str]) -> Codes:
        """The label of each text, int64 (text,)."""
        features = text_features(texts)
        odds = np.column_stack([one.log_odds(features) for one in self.classifiers]) + self.shift
        found = odds[:, 0] > 0 if len(self.classifiers) == 1 else odds.argmax(axis=1)
        return np.asarray(found, dtype=np.int64)


def learned(lesson: Lesson) -> LinearBaseline:
    """The baseline that learned from a lesson.

    Raises
    ------
    ValueError
        If a label has no text, or all of them.

    >>> texts = ["a cat", "a dog", "the cat", "the dog", "one cat"]
    >>> found = learned(Lesson(texts, np.array([1, 0, 1, 0, 1]), np.array(texts), count=2, asked=5))
    >>> found.answers(["my cat", "my dog"]).tolist()
    [1, 0]
    """
    features = text_features(lesson.texts)
    kinds = [lesson.labels == label for label in (range(1, 2) if lesson.count == 2 else range(lesson.count))]
    classifiers = tuple(trained(features, kind) for kind in kinds)
    common = np.array([[kind[: lesson.asked].sum(), (~kind[: lesson.asked]).sum()] for kind in kinds])
    shift = np.log(common[:, 0] + HALF) - np.log(common[:, 1] + HALF)
    return LinearBaseline(classifiers, shift)
