"""The edge: an application and a linear baseline decide the same texts, in blocks in turn, with the meter read around
each.

The baseline is trained five times, each time without a fifth of the clusters, and answers the texts of the clusters
that it did not see. Every answer and every block is an item of the journal, so a run that was killed goes on at the
next block.

The application decides each text once. The baseline's block is over in milliseconds, too short for any meter, so it
decides it again and again for about half a second; it remembers nothing between two texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TypeVar

import numpy as np

from commonweal.evidence.journal import Item, Journal
from commonweal.evidence.store import digest
from commonweal.measures.environment.meter.meter import Meter, Spent
from commonweal.measures.environment.meter.observation import BLOCKS, COMPONENTS, Observation, machine_key
from commonweal.measures.environment.meter.power_model import MeteredBlock
from commonweal.measures.environment.simple_baseline.linear_baseline import Lesson, LinearBaseline, learned
from commonweal.measures.environment.simple_baseline.task import NamedAnswer
from commonweal.models.protocols import Case, DecisionApplication
from commonweal.models.text_classifier import Codes, folds, import_library

# A choice: half a second is hundreds of updates of a counter, and six blocks of it bound the baseline to a few seconds.
BASELINE_BLOCK_S = 0.5
MOST_REPEATS = 10_000
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """Answers to the same texts, int64 (text,) for the baseline, and what both took; `application` None: it runs
    elsewhere.

    `training`: a block for each of the five trainings, whose `decisions` are the texts that it learned from. `meters`:
    those of the application and of the baseline, closed.
    """

    said: Sequence[NamedAnswer]
    learned: Codes
    application: Observation | None
    baseline: Observation
    training: Observation
    meters: tuple[Meter, Meter]


def side_by_side(
    application: DecisionApplication, asked: Sequence[Case], lesson: Lesson, journal: Journal
) -> SideBySide:
    """Let both answer. The texts of `asked` are the first ones of the lesson."""
    import_library()  # before any meter runs
    here = application.runs_here
    with Meter(application.device if here else "cpu") as own, Meter("cpu") as plain:
        training, answers = _trained(lesson, plain, journal)
        bench = _Bench(application, journal, (own, plain))
        deciding, simple = bench.blocks([asked[some[0] : some[-1] + 1] for some in _blocks_of(len(asked))], lesson)
    items = [journal[_key("application", one.text)] for one in asked]
    return SideBySide(
        [NamedAnswer(item["option"], item["favourable"]) for item in items],
        answers,
        Observation(deciding, {}, repeated=False) if here else None,
        Observation(simple, {}, repeated=True),
        Observation(training, {}, repeated=False),
        (own, plain),
    )


def _blocks_of(count: int) -> list[Codes]:
    """Consecutive places, in as many blocks as an interval needs."""
    return [some for some in np.array_split(np.arange(count), BLOCKS) if some.size]


def _trained(lesson: Lesson, meter: Meter, journal: Journal) -> tuple[tuple[MeteredBlock, ...], Codes]:
    """A block for each training, and the answers to the asked texts by the baseline that saw nothing of their
    clusters.
    """
    fold, asked, blocks = folds(lesson.clusters), lesson.texts[: lesson.asked], []
    for part in np.unique(fold):
        mine = [text for text, own in zip(asked, fold[: lesson.asked], strict=True) if own == part]
        keys = [_key(f"baseline-{lesson.asked}", text) for text in mine]
        block = f"{machine_key(meter)}/training-{part}-{digest(len(lesson.texts), lesson.asked)}"
        if any(key not in journal for key in (block, *keys)):
            some = lesson.without(fold == part)
            spent, baseline = _metered(meter, partial(learned, some))
            items = [_item(block, len(some.texts), spent)]
            items += [{"key": key, "answer": int(one)} for key, one in zip(keys, baseline.answers(mine), strict=True)]
            journal.append_new(items)
        blocks.append(_block(journal[block]))
    return tuple(blocks), np.array(
        [journal[_key(f"baseline-{lesson.asked}", text)]["answer"] for text in asked], dtype=np.int64
    )


@dataclass(frozen=True, slots=True)
class _Bench:
    """Blocks of decisions of the application and of the baseline, in turn; `meters`: one for each."""

    application: DecisionApplication
    journal: Journal
    meters: tuple[Meter, Meter]

    def blocks(
        self, parts: Sequence[Sequence[Case]], lesson: Lesson
    ) -> tuple[tuple[MeteredBlock, ...], tuple[MeteredBlock, ...]]:
        keys = [self._keys(cases) for cases in parts]
        waiting = [index for index, pair in enumerate(keys) if any(key not in self.journal for key in pair)]
        if waiting:
            baseline = learned(lesson)
            self.application.decide(parts[waiting[0]][:1])  # a warm-up that does not count
            repeats = _repeats(baseline, [case.text for case in parts[waiting[0]]])
        for index in waiting:
            self._both(
                parts[index], keys[index], partial(_again, baseline, [case.text for case in parts[index]], repeats)
            )
        pairs = [tuple(_block(self.journal[key]) for key in pair) for pair in keys]
        return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)

    def _keys(self, cases: Sequence[Case]) -> tuple[str, str]:
        mine = digest([case.text for case in cases])
        return f"{machine_key(self.meters[0])}/block-{mine}", f"{machine_key(self.meters[1])}/baseline-{mine}"

    def _both(self, cases: Sequence[Case], keys: tuple[str, str], simple: Callable[[], int]) -> None:
        spent, decisions = _metered(self.meters[0], partial(self.application.decide, cases))
        cheap, done = _metered(self.meters[1], simple)
        items: list[Item] = [
            {
                "key": _key("application", case.text),
                **case.labels,
                "text": case.text,
                "option": one.option,
                "favourable": one.favourable,
                "score": one.score,
            }
            for case, one in zip(cases, decisions, strict=True)
        ]
        self.journal.append_new([*items, _item(keys[0], len(cases), spent), _item(keys[1], done, cheap)])


def _repeats(baseline: LinearBaseline, texts: Sequence[str]) -> int:
    """How often the baseline decides a block so that it takes long enough."""
    baseline.answers(texts)
    began = perf_counter()
    baseline.answers(texts)
    return min(MOST_REPEATS, math.ceil(BASELINE_BLOCK_S / max(perf_counter() - began, 1e-6)))


def _again(baseline: LinearBaseline, texts: Sequence[str], repeats: int) -> int:
    """Decide the texts several times; how many decisions that were."""
    for _ in range(repeats):
        baseline.answers(texts)
    return repeats * len(texts)


def _metered(meter: Meter, work: Callable[[], Result]) -> tuple[Spent, Result]:
    before = meter.read()
    found = work()
    return meter.spent(before, meter.read()), found


def _key(who: str, text: str) -> str:
    return f"{who}-{digest(text)}"


def _item(key: str, decisions: int, spent: Spent) -> Item:
    amounts = {
        "wall_s": spent.wall_s,
        "cpu_s": spent.cpu_s,
        "memory_gb": spent.memory_gb,
        "others_cpu_s": spent.others_cpu_s,
    }
    return {
        "key": key,
        "decisions": decisions,
        **amounts,
        **{f"{name}_joules": spent.joules.get(name) for name in COMPONENTS},
    }


def _block(item: Item) -> MeteredBlock:
    joules = {name: item[f"{name}_joules"] for name in COMPONENTS if item[f"{name}_joules"] is not None}
    return MeteredBlock(
        int(item["decisions"]), item["wall_s"], item["cpu_s"], item["memory_gb"], joules, item["others_cpu_s"]
    )
