"""Whether labelled texts fit an application, and what both said of them as right and wrong.

Records and arrays, nothing is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from commonweal.errors import NotApplicable, NotJudged
from commonweal.measures.environment.simple_baseline.linear_baseline import Lesson
from commonweal.measures.environment.simple_baseline.task_texts import FLAGS, TaskText, spread_over_clusters
from commonweal.measures.options import Limit
from commonweal.models.text_classifier import FOLDS, Codes, folds
from commonweal.statistics.inference import FEWEST_THAT_CAN_FIND

# Choices: 200 texts bound the application's time; 20,000 that of the five trainings, to about a minute. With fewer than
# 40 texts or 10 clusters no margin of a few points can be shown by any answers.
MOST_ASKED, MOST_LEARNED, MOST_LABELS = 200, 20_000, 20
FEWEST_TEXTS, FEWEST_CLUSTERS = 40, 10


@dataclass(frozen=True, slots=True)
class NamedAnswer:
    """What the application answered: an option by name, where it said one, and whether it is the favourable one."""

    option: str | None
    favourable: bool | None


@dataclass(frozen=True, slots=True, eq=False)
class LabelledTask:
    """Texts whose right answers are known.

    names : the labels. by_flag : they say only whether the favourable answer is right.
    asked : texts in the order in which the application is asked them, the first ones of the lesson.
    favourable : the name of the favourable label. note : what a reader must know of the labels.
    """

    names: tuple[str, ...]
    by_flag: bool
    asked: tuple[TaskText, ...]
    lesson: Lesson
    favourable: str
    note: str

    @property
    def right(self) -> Codes:
        """The label of each text that the application is asked, int64 (text,)."""
        return self.lesson.labels[: len(self.asked)]

    @property
    def clusters(self) -> npt.NDArray[np.str_]:
        """The cluster of each text that the application is asked, str (text,)."""
        return self.lesson.clusters[: len(self.asked)]

    @property
    def majority(self) -> int:
        """The most frequent label of the asked texts: no constant answer is right more often."""
        return int(np.bincount(self.right, minlength=len(self.names)).argmax())

    def codes(self, said: Sequence[NamedAnswer]) -> Codes:
        """The label of each answer of the application, int64 (text,); -1: an option that no labelled text has."""
        places = {name: place for place, name in enumerate(self.names)}
        return np.array([places.get(self.name_of(one), -1) for one in said], dtype=np.int64)

    def name_of(self, answer: NamedAnswer) -> str:
        """The label that an answer gives."""
        if answer.favourable is None:
            raise NotApplicable("some answers do not say whether they are favourable")
        if answer.favourable:
            return self.favourable
        others = [name for name in self.names if name != self.favourable]
        if self.by_flag or (answer.option is None and len(others) == 1):
            return others[0]
        if answer.option is None:
            raise NotApplicable(
                "some answers say that they are not favourable, and not which of the other options they are"
            )
        return answer.option


def asked_texts(texts: Sequence[TaskText], limit: Limit) -> list[TaskText]:
    """The texts that the application is asked: one of each cluster in turn, up to the limit."""
    return spread_over_clusters(texts, MOST_ASKED if limit.items is None else limit.items)


def task_of(texts: Sequence[TaskText], limit: Limit, favourable: str, options: Sequence[str]) -> LabelledTask:
    """The task; NotApplicable where the texts are too few, or their labels are not answers of the application.

    `options`: every answer that the application may give; empty: they are not declared.
    """
    by_flag = all(text.label.lower() in FLAGS for text in texts) and not {text.label for text in texts} & {
        favourable,
        *options,
    }
    if not by_flag:
        _known(sorted({text.label for text in texts}), favourable, options)
    label_of = {text.text: _flag(text.label, favourable) if by_flag else text.label for text in texts}
    chosen = asked_texts(texts, limit)
    _enough(chosen, label_of, limit)
    first = {text.text for text in chosen}
    more = [text for text in spread_over_clusters(texts, max(MOST_LEARNED, len(chosen))) if text.text not in first]
    known = [*chosen, *more]
    names = tuple(sorted({label_of[text.text] for text in known}))
    codes = np.array([names.index(label_of[text.text]) for text in known], dtype=np.int64)
    lesson = Lesson([text.text for text in known], codes, np.array([text.cluster for text in known]), len(chosen))
    _can_learn(lesson, names)
    unseen = [] if by_flag else [name for name in options if name not in names]
    note = f"no labelled text is '{', '.join(unseen)}', so this is about the other options only" if unseen else ""
    return LabelledTask(names, by_flag, tuple(chosen), lesson, favourable, note)


def _flag(label: str, favourable: str) -> str:
    return favourable if FLAGS[label.lower()] else f"not {favourable}"


def _known(labels: Sequence[str], favourable: str, options: Sequence[str]) -> None:
    """NotApplicable where a label is no answer of the application."""
    strange = [label for label in labels if label not in options] if options else [] if favourable in labels else labels
    if strange:
        wanted = ", ".join(options) if options else f"'{favourable}' among them"
        raise NotApplicable(
            f"the labels of the texts are not the application's options: got {', '.join(strange[:5])}; expected "
            f"{wanted}, or true and false for favourable ('{favourable}') and not"
        )


def _enough(chosen: Sequence[TaskText], label_of: dict[str, str], limit: Limit) -> None:
    clusters, labels = {one.cluster for one in chosen}, {label_of[one.text] for one in chosen}
    limited = f"--limit {limit.items} leaves " if limit.items is not None else ""
    if len(chosen) < FEWEST_TEXTS or len(clusters) < FEWEST_CLUSTERS:
        raise NotApplicable(
            f"{limited}{len(chosen)} labelled texts in {len(clusters)} clusters; at least {FEWEST_TEXTS} in "
            f"{FEWEST_CLUSTERS} are needed"
        )
    if len(labels) < 2:
        raise NotJudged(
            f"{limited}{len(chosen)} texts that are all labelled '{labels.pop()}'; a task has at least two answers"
        )


def _can_learn(lesson: Lesson, names: Sequence[str]) -> None:
    if len(names) > MOST_LABELS:
        raise NotApplicable(f"the texts have {len(names)} different labels; at most {MOST_LABELS} are compared")
    fold = folds(lesson.clusters)
    for place, name in enumerate(names):
        mine = fold[lesson.labels == place]
        count = len(set(lesson.clusters[lesson.labels == place].tolist()))
        if count < FEWEST_THAT_CAN_FIND or np.unique(mine).size < 2:
            raise NotApplicable(
                f"texts labelled '{name}' lie in {count} clusters; at least {FEWEST_THAT_CAN_FIND} are needed to "
                f"learn from {FOLDS - 1} parts of them and test on the fifth"
            )
