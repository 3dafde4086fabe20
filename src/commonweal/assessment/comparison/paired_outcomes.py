"""Outcomes of two systems on the same items, and the numbers that are worked out from them.

For each outcome: its mean in A and in B, the difference B - A, by how much B is farther from what a system without a
lean would have, where there is such a value (|B - null| - |A - null|), and for each group the gap to the others in A
and in B, the change of that gap, and by how much it is wider (|gap in B| - |gap in A|). All differences, changes and
widenings of one comparison are one family.

What this module does not do: it reads no file and asks no model.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from commonweal.assessment.comparison.verdicts import Margins, Verdicts, verdicts
from commonweal.evidence.records import Estimate, Missing, Row
from commonweal.statistics.contrast import Array, Contrast, Labels, Sides, sparse_floor
from commonweal.statistics.inference import Inference, alone, family, widening, within
from commonweal.statistics.shares import share_alone

OTHERS = "all others"
MOST_GROUPS = 12
ENOUGH = 2
Of = Literal["A", "B", "B - A", "|B| - |A|"]
Change = Literal["difference", "widening"]
OF: Mapping[Change, Of] = {"difference": "B - A", "widening": "|B| - |A|"}


@dataclass(frozen=True, slots=True)
class ComparedOutcome:
    """What is compared: `name` begins the quantities, `label` says it in words.

    `higher_is_better`: None where neither direction is better by itself. `least`, `most`: the values between which it
    lies; where both are known, that no item differs is no certainty. `null`: the mean of a system without a lean;
    farther from it is worse.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool | None
    least: float = -math.inf
    most: float = math.inf
    null: float | None = None

    @property
    def width(self) -> float:
        """The largest possible difference of two values."""
        return self.most - self.least

    @property
    def farthest(self) -> float:
        """How far a value can lie from `null`, if there is one."""
        return self.width if self.null is None else max(self.most - self.null, self.null - self.least)

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.width)


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """One outcome of A and B on the same items. Arrays (item,); a group is "" where it is not known.

    `clusters`: the sampled unit of each item, one array or two crossed ones; `sampled` names them. `part`: what the
    items have in common, where they are a part of all. `references`: attribute -> the group that the others are
    compared with; without it each is compared with all others. `family`: outcomes of one name are corrected together,
    and only the groups of all its attributes at once are compared; `whole`: whether the difference over all items is
    among them.
    """

    measure: str
    subjects: tuple[str, str]
    outcome: ComparedOutcome
    a: Array
    b: Array
    clusters: tuple[Labels, ...]
    sampled: str
    groups: Mapping[str, Labels]
    note: str = ""
    part: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    family: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True)
class PairingNotes:
    """What was paired, in words, and what could not be and why."""

    paired: tuple[str, ...]
    unpaired: tuple[str, ...] = ()


class ComparisonRow(Row):
    """One number of a comparison, with its verdicts, or why there is none."""

    measure: str
    subjects: tuple[str, str]
    of: Of
    label: str
    side: str = Field(
        default="",
        description="the quantity that A and B have by themselves, of which it is the difference or widening",
    )
    estimate: Estimate | None = None
    missing: Missing | None = None
    verdicts: Verdicts | None = None
    sampled: str
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Two groups of items to set against each other: side 1 is `group`, side -1 `reference`."""

    group: Mapping[str, str]
    reference: Mapping[str, str]
    side: Sides


@dataclass(frozen=True, slots=True)
class _Hypotheses:
    """Where the contrasts of one paired outcome stand in the family: the difference, what A and B lean together, then
    (change, sum) by split.
    """

    paired: Paired
    difference: int | None
    lean: int | None
    splits: tuple[tuple[Split, int, int], ...]
    missing: tuple[Missing, ...]


def compared(pairs: Sequence[Paired], margins: Margins, rng: np.random.Generator) -> list[ComparisonRow]:
    """Every number about these outcomes; the hypotheses of each family are corrected together."""
    families = dict.fromkeys(pair.family for pair in pairs)
    if len(families) < 2:
        return _compared(pairs, margins, rng)
    base, rows = int(rng.integers(2**63)), []
    for name in families:
        own = np.random.default_rng([base, zlib.crc32(name.encode())])
        rows += _compared([pair for pair in pairs if pair.family == name], margins, own)
    return rows


def _compared(pairs: Sequence[Paired], margins: Margins, rng: np.random.Generator) -> list[ComparisonRow]:
    """Every number of one family."""
    contrasts: list[Contrast] = []
    hypotheses = [_hypotheses(pair, contrasts) for pair in pairs]
    tested = family(contrasts, rng)
    return [row for one in hypotheses for row in _rows(one, tested, margins)]


def _hypotheses(pair: Paired, contrasts: list[Contrast]) -> _Hypotheses:
    """Append the contrasts of one outcome to the family."""
    whole = np.ones(pair.a.size, dtype=np.int8)
    difference = _contrast(pair, pair.b - pair.a, whole)
    missing = []
    index = len(contrasts)
    if difference.units_per_side < ENOUGH:
        reason = f"all {pair.a.size} items belong to one {pair.sampled}, and one says nothing about others"
        group = dict(pair.part) or None
        missing.append(
            Missing(quantity=f"{pair.outcome.name}_difference", status="not_applicable", reason=reason, group=group)
        )
        return _Hypotheses(pair, None, None, (), tuple(missing))
    if alike := _alike(pair):
        kinds = ("difference", "gap_difference") if pair.groups else ("difference",)
        missing += [
            Missing(
                quantity=f"{pair.outcome.name}_{kind}",
                status="not_applicable",
                unjudged=True,
                reason=alike,
                group=dict(pair.part) or None,
            )
            for kind in kinds
        ]
        return _Hypotheses(pair, None, None, (), tuple(missing))
    if pair.whole:
        contrasts.append(difference)
    lean = None
    if pair.outcome.null is not None:
        lean = len(contrasts)
        both = pair.b + pair.a - 2 * pair.outcome.null
        contrasts.append(replace(difference, y=both))
    kept = []
    for split in splits(pair.groups, pair.references, crossed=bool(pair.family)):
        if isinstance(split, Missing):
            update = {"quantity": f"{pair.outcome.name}_gap_difference", "group": dict(pair.part) or None}
            missing.append(split.model_copy(update=update))
            continue
        change = _contrast(pair, pair.b - pair.a, split.side)
        if change.units_per_side < ENOUGH:
            reason = f"one side has all its items in one {pair.sampled}, so its error cannot be known"
            missing.append(
                Missing(
                    quantity=f"{pair.outcome.name}_gap_difference",
                    status="not_applicable",
                    reason=reason,
                    group={**pair.part, **split.group},
                    reference=split.reference,
                )
            )
            continue
        kept.append((split, len(contrasts), len(contrasts) + 1))
        contrasts += [change, replace(change, y=pair.b + pair.a)]
    return _Hypotheses(pair, index if pair.whole else None, lean, tuple(kept), tuple(missing))


def _alike(pair: Paired) -> str:
    """A note that both outcomes are constant over the items; empty if one varies or the outcome is bounded."""
    if pair.outcome.bounded or np.ptp(pair.a) or np.ptp(pair.b):
        return ""
    values = f"{pair.a[0]:g} in every one of {pair.a.size:,} items by A and {pair.b[0]:g} by B"
    return f"both treat everybody alike: the {pair.outcome.label} is {values}"


def _contrast(pair: Paired, y: Array, side: Sides) -> Contrast:
    prefix = f"{pair.measure}\x1f"  # equal names in two measures are two units
    clusters = tuple(np.char.add(prefix, factor) for factor in pair.clusters)
    return Contrast(y, side, clusters, pair.sampled, _floor(pair, pair.b - pair.a, side, clusters))


def _floor(pair: Paired, d: Array, side: Sides, clusters: tuple[Labels, ...]) -> float:
    """Variance added so that outcomes that happen not to vary are not taken as certain; 0 for unbounded outcomes."""
    width = pair.outcome.width
    return width**2 * sparse_floor(d, side, clusters) if pair.outcome.bounded else 0.0


def splits(
    groups: Mapping[str, Labels], references: Mapping[str, str] | None = None, *, crossed: bool = False
) -> Iterator[Split | Missing]:
    """Each group against the others of its attribute, two groups against each other once; then the pairs of attributes.

    With references, each group against that of its attribute. `crossed`: only the groups of all attributes at once.

    >>> found = list(splits({"gender": np.array(["women", "men", "", "men"])}))
    >>> [(dict(one.group), dict(one.reference), one.side.tolist()) for one in found]
    [({'gender': 'men'}, {'gender': 'women'}, [-1, 1, 0, 1])]
    >>> found = list(splits({"gender": np.array(["women", "men", "they", "men"])}, {"gender": "men"}))
    >>> [(dict(one.group), dict(one.reference), one.side.tolist()) for one in found]
    [({'gender': 'they'}, {'gender': 'men'}, [0, -1, 1, -1]), ({'gender': 'women'}, {'gender': 'men'}, [1, -1, 0, -1])]
    """
    if crossed:
        if groups:
            yield from _of_attribute(tuple(groups), np.stack(list(groups.values()), axis=1), references or {})
        return
    for attribute, labels in groups.items():
        yield from _of_attribute((attribute,), labels[:, None], references or {})
    for pair in combinations(groups, 2):
        labels = np.stack([groups[attribute] for attribute in pair], axis=1)
        yield from _of_attribute(pair, labels, references or {})


def _of_attribute(
    attributes: tuple[str, ...], labels: npt.NDArray[np.str_], references: Mapping[str, str]
) -> Iterator[Split | Missing]:
    known = (labels != "").all(axis=1)
    names = [tuple(map(str, name)) for name in np.unique(labels[known], axis=0)] if known.any() else []
    title = " x ".join(attributes)
    if len(names) > MOST_GROUPS or len(names) < ENOUGH:
        few = f"{title} has {len(names)} group{'' if len(names) == 1 else 's'}; a gap needs 2"
        reason = (
            few
            if len(names) < ENOUGH
            else f"{title} has {len(names)} groups; a gap is tested for at most {MOST_GROUPS}"
        )
        yield Missing(quantity="gap", status="not_applicable", reason=reason)
        return
    if all(attribute in references for attribute in attributes):
        yield from _against_reference(attributes, labels, names, tuple(references[name] for name in attributes))
        return
    two = len(names) == ENOUGH
    for name in names[:1] if two else names:
        mine = known & (labels == np.array(name)).all(axis=1)
        side = np.where(mine, 1, np.where(known, -1, 0)).astype(np.int8)
        reference = dict(zip(attributes, names[1] if two else (OTHERS,) * len(name), strict=True))
        yield Split(dict(zip(attributes, name, strict=True)), reference, side)


def _against_reference(
    attributes: tuple[str, ...], labels: npt.NDArray[np.str_], names: Sequence[tuple[str, ...]], of: tuple[str, ...]
) -> Iterator[Split | Missing]:
    if of not in names:
        reason = f"no item that counts lies in the reference group {', '.join(of)}, so there is no gap to it"
        yield Missing(quantity="gap", status="not_applicable", reason=reason)
        return
    there = (labels == np.array(of)).all(axis=1)
    for name in names:
        if name != of:
            mine = (labels == np.array(name)).all(axis=1)
            side = np.where(mine, 1, np.where(there, -1, 0)).astype(np.int8)
            yield Split(dict(zip(attributes, name, strict=True)), dict(zip(attributes, of, strict=True)), side)


def _rows(hypotheses: _Hypotheses, tested: Sequence[Inference], margins: Margins) -> Iterator[ComparisonRow]:
    pair, name, better = hypotheses.paired, hypotheses.paired.outcome.name, hypotheses.paired.outcome.higher_is_better
    whole = np.ones(pair.a.size, dtype=np.int8)
    label, width = pair.outcome.label, pair.outcome.width
    if hypotheses.difference is not None:
        for of, y in _sides(pair):
            yield _described(
                pair, of, name, label, (None, within(_mean(pair, y, whole), pair.outcome.least, pair.outcome.most))
            )
        words, inference = f"difference in {label}", within(tested[hypotheses.difference], -width, width)
        yield _hypothesis(pair, (name, "difference"), words, (None, inference), (margins, better))
    if hypotheses.difference is not None and hypotheses.lean is not None:
        farthest = pair.outcome.farthest
        inference = within(widening(tested[hypotheses.difference], tested[hypotheses.lean]), -farthest, farthest)
        words = f"how much farther from {pair.outcome.null:g} is the {label}"
        yield _hypothesis(pair, (name, "widening"), words, (None, inference), (margins, False))
    yield from _by_group(pair)
    for split, change, both in hypotheses.splits:
        for of, y in _sides(pair):
            gap = within(alone(_plain(pair, y, split.side)), -width, width)
            yield _described(pair, of, f"{name}_gap", f"gap in {label}", (split, gap))
        words, inference = f"change of the gap in {label}", within(tested[change], -2 * width, 2 * width)
        yield _hypothesis(pair, (f"{name}_gap", "difference"), words, (split, inference), (margins, None))
        inference = within(widening(tested[change], tested[both]), -width, width)
        words = f"widening of the gap in {label}"
        yield _hypothesis(pair, (f"{name}_gap", "widening"), words, (split, inference), (margins, False))
    for missing in hypotheses.missing:
        yield ComparisonRow(
            measure=pair.measure,
            subjects=pair.subjects,
            of="B - A",
            label=label,
            missing=missing,
            sampled=pair.sampled,
            note=missing.reason,
        )


def _by_group(pair: Paired) -> Iterator[ComparisonRow]:
    """The mean of A and of B in each group of an attribute that has a reference group."""
    if len(pair.groups) != 1:
        return
    for attribute, labels in pair.groups.items():
        if attribute not in pair.references:
            continue
        for name in filter(None, np.unique(labels).tolist()):
            mine = labels == name
            clusters = tuple(factor[mine] for factor in pair.clusters)
            if min(np.unique(factor).size for factor in clusters) < ENOUGH:
                continue
            own = replace(pair, a=pair.a[mine], b=pair.b[mine], clusters=clusters)
            whole = np.ones(own.a.size, dtype=np.int8)
            for of, y in _sides(own):
                found = within(_mean(own, y, whole), pair.outcome.least, pair.outcome.most)
                split = Split({attribute: name}, {}, whole)
                yield _described(own, of, pair.outcome.name, pair.outcome.label, (split, found))


def _sides(pair: Paired) -> tuple[tuple[Of, Array], tuple[Of, Array]]:
    return ("A", pair.a), ("B", pair.b)


def _mean(pair: Paired, y: Array, whole: Sides) -> Inference:
    """The mean of one system over all items; for a bounded outcome with an interval that is valid near the bounds."""
    if not pair.outcome.bounded or np.ptp(y) == 0:
        return alone(_plain(pair, y, whole))
    return share_alone(_plain(pair, y, whole), (pair.outcome.least, pair.outcome.most))


def _plain(pair: Paired, y: Array, side: Sides) -> Contrast:
    """The contrast of one system by itself; a side whose answers are all alike gets the variance floor."""
    alike = np.zeros_like(side)
    for sign in (1, -1):
        mine = side == sign
        if mine.any() and np.ptp(y[mine]) == 0:
            alike[mine] = sign
    return Contrast(y, side, pair.clusters, pair.sampled, _floor(pair, np.zeros(y.size), alike, pair.clusters))


def _described(pair: Paired, of: Of, quantity: str, label: str, found: tuple[Split | None, Inference]) -> ComparisonRow:
    split, inference = found
    estimate = _estimate(pair, quantity, split, inference).model_copy(
        update={"method": f"mean over items; {inference.method}; for reading, not a hypothesis"}
    )
    return ComparisonRow(
        measure=pair.measure,
        subjects=pair.subjects,
        of=of,
        label=label,
        estimate=estimate,
        sampled=pair.sampled,
        note=pair.note,
    )


def _hypothesis(
    pair: Paired,
    tested: tuple[str, Change],
    label: str,
    found: tuple[Split | None, Inference],
    asked: tuple[Margins, bool | None],
) -> ComparisonRow:
    """A tested row; `tested`: the quantity that A and B have by themselves, and whether its difference or widening
    is tested.
    """
    (split, inference), (side, change) = found, tested
    quantity, widened = f"{side}_{change}", change == "widening"
    detectable = math.inf if widened else inference.minimum_detectable
    farthest = pair.outcome.width * (2 if split is not None and not widened else 1)
    estimate = _estimate(pair, quantity, split, inference)
    projected = "; projection of the intervals of the change and of the sum" if widened else ""
    estimate = estimate.model_copy(
        update={
            "method": f"{estimate.method}{projected}",
            "null": 0.0,
            "p_value": inference.p_value,
            "p_adjusted": inference.p_adjusted,
            "minimum_detectable": detectable if math.isfinite(detectable) and detectable <= farthest else None,
        }
    )
    return ComparisonRow(
        measure=pair.measure,
        subjects=pair.subjects,
        of=OF[change],
        label=label,
        side=side,
        estimate=estimate,
        sampled=pair.sampled,
        note=pair.note,
        verdicts=verdicts(inference, asked[0].of(quantity), asked[1]),
    )


def _estimate(pair: Paired, quantity: str, split: Split | None, inference: Inference) -> Estimate:
    group = {**pair.part, **(split.group if split else {})}
    return Estimate(
        quantity=quantity,
        unit=pair.outcome.unit,
        value=inference.value,
        low=min(inference.low, inference.value),
        high=max(inference.high, inference.value),
        interval="confidence",
        n=inference.n,
        clusters=inference.clusters,
        group=group or None,
        reference=(split.reference or None) if split else None,
        method=f"paired by item; {inference.method}",
    )
