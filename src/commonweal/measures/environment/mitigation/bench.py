"""The edge: one model in several number formats, its answers to the same texts in each, and how it is run.

A *variant* is a number format at a batch size. Its price is what it answers otherwise than another variant at each
token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from ruamel.yaml import YAML

from commonweal.errors import MeasurementError, NotApplicable
from commonweal.evidence.journal import Journal
from commonweal.measures.environment.meter.turns import TimedWork
from commonweal.measures.options import Limit
from commonweal.models.engine.local import LocalModel
from commonweal.models.engine.precision import BFLOAT16, FLOAT32, INT8
from commonweal.models.number_formats import GB, TokenAnswers, answer_in_batches, in_format, token_answers, weights_of
from commonweal.models.protocols import Continuation

BATCHES = (1, 4, 16)
CHEAPER = (BFLOAT16, INT8)


@dataclass(frozen=True, slots=True)
class Variant:
    """A number format at a batch size."""

    format: str
    batch: int

    @property
    def name(self) -> str:
        return f"{self.format}, batch of {self.batch}"

    def group(self) -> dict[str, str]:
        return {"format": self.format, "batch": str(self.batch)}


@dataclass(frozen=True, slots=True)
class VariantPair:
    """A variant that is meant to save, beside the one that it replaces. They differ in one thing only."""

    name: str
    variant: Variant
    instead_of: Variant


@dataclass(frozen=True, slots=True)
class Price:
    """How the answers of a variant differ: |difference of log P| [nat] and whether the most likely token changed, by
    token and text.
    """

    deviation: npt.NDArray[np.float64]
    changed: npt.NDArray[np.bool_]
    text: npt.NDArray[np.int64]


def mitigations(texts: int) -> tuple[list[VariantPair], list[str]]:
    """What can be compared with so many texts, and the names of the batches that need more of them.

    Batch sizes are compared in float32 with a batch of 1; number formats with float32, both at the largest batch.

    >>> possible, left_out = mitigations(8)
    >>> [one.name for one in possible], left_out
    (['batch of 4', 'bfloat16', 'int8'], ['batch of 16'])
    """
    batches = [size for size in BATCHES if size <= texts]
    first, largest = Variant(FLOAT32, 1), Variant(FLOAT32, batches[-1])
    by_batch = [VariantPair(f"batch of {size}", Variant(FLOAT32, size), first) for size in batches[1:]]
    by_format = [VariantPair(dtype, Variant(dtype, largest.batch), largest) for dtype in CHEAPER]
    return by_batch + by_format, [f"batch of {size}" for size in BATCHES if size > texts]


def requests_of(limit: Limit) -> list[Continuation]:
    """The texts, the same for every variant; a limit keeps the first ones."""
    text = (files(__package__) / "texts.yaml").read_text(encoding="utf-8")
    rows = YAML(typ="safe").load(text)[: limit.items]
    if not rows:
        raise NotApplicable("--limit 0 leaves no text to score")
    return [Continuation(row["context"], row["continuation"]) for row in rows]


@dataclass(slots=True)
class Bench:
    """A model, the texts, and its copies in other formats, each made when it is first needed."""

    model: LocalModel
    requests: Sequence[Continuation]
    held: dict[str, LocalModel] = field(default_factory=dict)

    def of(self, dtype: str) -> LocalModel:
        if dtype not in self.held:
            self.held[dtype] = in_format(self.model, dtype)
        return self.held[dtype]

    def elsewhere_gb(self, dtype: str) -> float:
        """Memory of weights that only the other formats hold [GB]."""
        every: dict[int, int] = {}
        for model in self.held.values():
            every |= weights_of(model)
        own = weights_of(self.of(dtype))
        return sum(size for place, size in every.items() if place not in own) / GB

    def way(self, variant: Variant) -> TimedWork:
        """How this variant is run."""
        pairs = self.model.encode(self.requests)

        def run(count: int) -> None:
            answer_in_batches(self.of(variant.format), pairs[:count], variant.batch)

        return TimedWork(variant.name, run, len(pairs), variant.batch, lambda: self.elsewhere_gb(variant.format))

    def answers(self, variant: Variant, journal: Journal, machine: str) -> list[TokenAnswers]:
        """What the variant answers at each token, read back where it is known; MeasurementError where it cannot be
        run here.
        """
        keys = [
            f"{machine}/{len(self.requests)} requests/{variant.name}/text-{number}"
            for number in range(len(self.requests))
        ]
        if not all(key in journal for key in keys):
            texts = [pair.context + pair.continuation for pair in self.model.encode(self.requests)]
            found = token_answers(self.of(variant.format), texts, variant.batch)
            journal.append(
                {"key": key, "logprobs": each.logprob.tolist(), "choices": each.choice.tolist()}
                for key, each in zip(keys, found, strict=True)
            )
        return [
            TokenAnswers(
                np.asarray(journal[key]["logprobs"], np.float64), np.asarray(journal[key]["choices"], np.int64)
            )
            for key in keys
        ]


def price(found: Sequence[TokenAnswers], before: Sequence[TokenAnswers]) -> Price:
    """What changed, token by token.

    >>> one = [TokenAnswers(np.array([-1.0, -2.0]), np.array([5, 6]))]
    >>> other = [TokenAnswers(np.array([-1.5, -2.0]), np.array([5, 7]))]
    >>> told = price(one, other)
    >>> told.deviation.tolist(), told.changed.tolist(), told.text.tolist()
    ([0.5, 0.0], [False, True], [0, 0])
    """
    pairs = list(zip(found, before, strict=True))
    return Price(
        np.concatenate([np.abs(one.logprob - other.logprob) for one, other in pairs]),
        np.concatenate([one.choice != other.choice for one, other in pairs]),
        np.repeat(np.arange(len(pairs)), [one.logprob.size for one, _ in pairs]),
    )


def answered(
    bench: Bench, variants: Sequence[Variant], journal: Journal, machine: str
) -> tuple[Mapping[Variant, list[TokenAnswers]], Mapping[Variant, str]]:
    """The answers of each variant, and the reason for each that this machine cannot compute."""
    answers: dict[Variant, list[TokenAnswers]] = {}
    reasons: dict[Variant, str] = {}
    for variant in variants:
        try:
            answers[variant] = bench.answers(variant, journal, machine)
        except MeasurementError as error:
            reasons[variant] = str(error)
    return answers, reasons
