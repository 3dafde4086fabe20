"""The estimates that measures yield, from inferences, in words that all measures share; `gather` makes evidence of
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from commonweal.errors import NotJudged
from commonweal.evidence.records import Estimate, Missing
from commonweal.statistics.contributions import Contribution
from commonweal.statistics.inference import Inference

UNVARYING = "nothing varies from one cluster to another, so their spread says nothing and no interval is known"
OF_ONE = "of this one alone: its items count as independent"
MOST_TIED = 0.5  # a choice: where most comparisons tie, the share of the others tells little of the model
NO_SPREAD = "one item, or items that do not differ: no interval"


@dataclass(frozen=True, slots=True)
class RowSpec:
    """What the row of an inference says beside its numbers.

    `statistic`: what was computed over what ("mean over items"); how its interval was made the inference says itself.
    `bounds`: the least and the largest value that the quantity can have; an interval is cut to them. `null`: of a
    hypothesis; None: a description, without p-values. `solved`: every answer is right, so that an outcome without any
    difference says something.
    """

    quantity: str
    statistic: str
    unit: str = "1"
    null: float | None = None
    bounds: tuple[float, float] = (0.0, 1.0)
    note: str = ""
    solved: bool = False


def inferred_row(spec: RowSpec, inference: Inference, group: Mapping[str, str] | None) -> Estimate | Missing:
    """The row of a hypothesis: without a standard error it cannot be judged; or that of a description.

    Nor where the clusters do not differ at all, and nothing else than their spread gave an interval: none of width 0 is
    told. Nor where none of them shows any difference, but for a task that is wholly solved: what treats all alike
    decides nothing.
    """
    if spec.null is None:
        return described_row(spec, inference, group)
    same_for_all = inference.alike and (
        inference.low == inference.high or (inference.value == spec.null == 0.0 and not spec.solved)
    )
    if inference.known and not same_for_all:
        return _row(spec, inference, group)
    why = UNVARYING if inference.known else inference.method
    these = "this 1 item" if inference.n == 1 else f"these {inference.n:,} items"
    here = f"in {these} it is {inference.value:.3g}, and that decides nothing"
    reason = "; ".join(filter(None, (why, here, spec.note)))
    return Missing(quantity=spec.quantity, status="not_applicable", unjudged=True, group=group, reason=reason)


def described_row(spec: RowSpec, inference: Inference, group: Mapping[str, str] | None) -> Estimate:
    """The row of a number that is no hypothesis: where no interval is known it has none."""
    assert spec.null is None
    return _row(spec, inference, group)


def _row(spec: RowSpec, inference: Inference, group: Mapping[str, str] | None) -> Estimate:
    unvarying = inference.alike and inference.low == inference.high
    known = inference.known and not unvarying
    tested = known and spec.null is not None
    least, most = spec.bounds
    farthest = max(most - spec.null, spec.null - least) if spec.null is not None else 0.0
    return Estimate(
        quantity=spec.quantity,
        unit=spec.unit,
        value=inference.value,
        n=inference.n,
        clusters=inference.clusters,
        group=group,
        null=spec.null,
        low=max(least, inference.low) if known else None,
        high=min(most, inference.high) if known else None,
        interval="confidence" if known else None,
        note="; ".join(filter(None, (spec.note, UNVARYING if unvarying else ""))),
        p_value=inference.p_value if tested else None,
        p_adjusted=inference.p_adjusted if tested else None,
        minimum_detectable=possible_effect(inference.minimum_detectable, farthest) if tested else None,
        method=f"{spec.statistic}; {inference.method}"
        if known or not inference.known
        else f"{spec.statistic}; no interval",
    )


def enough_decided(ties: int, count: int, what: str) -> None:
    """NotJudged where a model finds both sides of more than half of the comparisons equally likely: a tie decides
    nothing.

    >>> enough_decided(1, 100, "pairs")
    """
    if ties > MOST_TIED * count:
        alike = "it treats everybody alike: " if ties == count else ""
        many = "every one" if ties == count else f"{ties:,}"
        raise NotJudged(
            f"{alike}both sides are equally likely in {many} of {count:,} {what}, and a tie decides nothing"
        )


def unlike_published(count: int, published: int, what: str) -> str:
    """What a reader must know where not the whole published set was asked: half of it has other numbers.

    "" where it was.

    >>> unlike_published(190, 3680, "items")
    '190 items, the published set has 3,680: not comparable with its figures'
    >>> unlike_published(1, 24, "items")
    '1 item, the published set has 24: not comparable with its figures'
    """
    asked = f"{count:,} {what.removesuffix('s') if count == 1 else what}"
    return (
        "" if count == published else f"{asked}, the published set has {published:,}: not comparable with its figures"
    )


def possible_effect(detectable: float, farthest: float) -> float | None:
    """The smallest effect that can be found; None where not even the largest one that is possible can be.

    >>> possible_effect(0.2, 0.5), possible_effect(2.9, 0.5), possible_effect(float("nan"), 0.5)
    (0.2, None, None)
    """
    return detectable if np.isfinite(detectable) and detectable <= farthest else None


def contribution_rows(
    parts: Iterable[Contribution], kind: str, group: Mapping[str, str], method: str, unit: str = "1"
) -> Iterator[Estimate]:
    """A row for each part of an estimate, labelled {`kind`: its label} beside `group`; without an interval where it
    has none.
    """
    for part in parts:
        bounded = bool(np.isfinite(part.low))
        yield Estimate(
            quantity="contribution",
            unit=unit,
            value=part.value,
            low=part.low if bounded else None,
            high=part.high if bounded else None,
            interval="confidence" if bounded else None,
            n=part.n,
            clusters=part.clusters if bounded and part.clusters > 1 else None,
            group={**group, kind: part.label},
            method=method,
            note=NO_SPREAD if not bounded else "" if part.clusters > 1 else OF_ONE,
        )
