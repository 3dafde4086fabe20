"""Erasure: how much worse a model predicts the language of some groups than that of others, over texts that mean the
same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from commonweal.errors import NotApplicable
from commonweal.evidence.records import Estimate, Missing, Quantity
from commonweal.measures.data_set import DataPlace, DataSet
from commonweal.measures.estimate_rows import UNVARYING, RowSpec, contribution_rows, described_row, inferred_row
from commonweal.measures.inequity.dialect_gap.costs import (
    CLUSTER,
    MINIMUM_MEANINGS,
    Costs,
    GroupPair,
    TextAxis,
    asked,
    counted,
    difference,
    pairs_of,
)
from commonweal.measures.inequity.dialect_gap.texts import limited, read_matched_texts
from commonweal.measures.inequity.performance_gap.axes import MOST_COMPARED
from commonweal.measures.options import Limit
from commonweal.measures.registry import measure
from commonweal.models.protocols import LanguageModel
from commonweal.statistics.contrast import NEGLIGIBLE, mean_of
from commonweal.statistics.contributions import contributions
from commonweal.statistics.group_gaps import Gap, spread
from commonweal.statistics.inference import Inference, alone, family

MEANINGS_TRACED, SOURCES_TRACED = 5, 20
UNITS = {"bits_per_byte": "bit/byte", "nats_per_meaning": "nat", "tokens_per_meaning": "count"}
PREMIUMS = {"information_premium_ratio": "nats_per_meaning", "token_premium_ratio": "tokens_per_meaning"}
ANY = (-math.inf, math.inf)
PAIRED = "mean of the paired differences over the meanings that both have"
SPREAD_METHOD = (
    "widest difference between two groups; interval projected from the simultaneous ones of all pairs, floored at 0. "
    "The value is above 0 without any gap too; the interval is what counts"
)
PREMIUM = (
    "exp of the mean log ratio over the meanings that both have, so that it holds though the best-served group is "
    "chosen from the data"
)
TRACED_METHOD = (
    "sum of its paired differences over the number of meanings compared; Bonferroni t intervals over its meanings as \
independent draws, none where it has one"
)


def expected(data: DataSet, limit: Limit) -> list[str]:
    """The texts that will be asked, for the estimate of time before anything is."""
    return [one.text for one in limited(read_matched_texts(data), limit)]


@measure(
    source="Blodgett, Green and O'Connor 2016, EMNLP (dialects); Cotterell et al. 2018, NAACL (the same content in "
    "several languages); Petrov et al. 2023, NeurIPS 36 (the premium in tokens); Bommasani et al. 2021, section 5.1 "
    "(erasure)",
    cluster="meaning (or what the texts' column `cluster` names)",
    family="all pairwise differences between groups in bits per byte, of all attributes",
    version=5,
    data=DataPlace(
        "matched_texts", "*.[cjt]s*[lv]", "your own texts: CSV or JSON lines with the columns meaning, group, text"
    ),
    units=("cluster",),
    quantities={
        "bits_per_byte": Quantity(
            unit="bit/byte",
            label="bits per byte of text",
            about="lower: the model expects the group's words; 8: no better than guessing",
        ),
        "bits_per_byte_difference": Quantity(
            unit="bit/byte",
            label="difference in bits per byte",
            null=0.0,
            about="above 0: the group's words are the less expected ones",
        ),
        "bits_per_byte_spread": Quantity(unit="bit/byte", label="widest difference in bits per byte"),
        "information_premium_ratio": Quantity(
            unit="1",
            label="information per meaning, against the group with the least",
            about="does not depend on how many bytes a script takes; above 1: saying the same surprises the model more",
        ),
        "token_premium_ratio": Quantity(
            unit="1",
            label="tokens per meaning, against the group with the fewest",
            about="2: saying the same takes twice the tokens, so twice the price and half the room, where these are "
            "counted in tokens",
        ),
        "nats_per_meaning": Quantity(unit="nat", label="information per meaning, -log P of the text"),
        "tokens_per_meaning": Quantity(unit="count", label="tokens per meaning"),
        "contribution": Quantity(
            unit="bit/byte", label="what a source or meaning adds to the widest difference that was found"
        ),
    },
    warnings=(
        "Whether two texts mean the same is the word of whoever wrote them. Matched texts differ in register, topic "
        "and skill of translation even so, and the difference counts here as one between groups.",
        "Bits per byte also reflect script and spelling: a Cyrillic letter takes two bytes, a Latin one mostly one. "
        "Between scripts read the information premium.",
        "How a spoken dialect is written is the transcriber's choice; another spelling of the same words gives "
        "another number. Not every speaker of a dialect belongs to the group that it is named after, nor the reverse.",
        "Short texts cost more per byte, since nothing comes before their first words; rich morphology, or a text "
        "that says more, costs more per meaning in any model. The gap is where to look, not why it is there.",
        "A low cost does not show that a model understands, answers well or is fair to those who speak so: it may "
        "know the words from texts that mock them. Detoxifying a model can raise the cost for minority voices (Xu et "
        "al. 2021, NAACL): read this before and after.",
        "A tokenizer that reads letters it does not know as one and the same token makes a text cheap that the model "
        "cannot read.",
        "A property of the model, and no claim about what an application does to anyone.",
    ),
    workload=expected,
)
def dialect_gap(
    model: LanguageModel, data: DataSet, limit: Limit, rng: np.random.Generator
) -> Iterator[Estimate | Missing]:
    """Bits per UTF-8 byte that the words of each group cost a model, -log2 P(text) / bytes, and gaps between groups; 0:
    no gap.

    Each text is scored whole, from an empty context, and groups are compared on the meanings that both have.

    - bits per byte of a group, >= 0: the mean over its meanings of each text's own. Every meaning counts the same,
      since meanings are what was sampled; all bits over all bytes, which longer texts weigh on, stand in the note. 0:
      every word is foreseen; 8: no better than guessing each byte, and worse is possible.
    - difference between two groups: the mean over shared meanings of the paired difference. All pairs, of all
      attributes, are one family. The widest has an interval projected from them, so it reaches down to 0 unless some
      pair differs.
    - information premium of a group: exp(mean log(nats of its text / nats of the best-served group's)), >= 0, over
      shared meanings; the same of tokens is the token premium. 1: saying the same costs the same; 2: twice as much. The
      geometric mean, since it is its own inverse where the two groups are exchanged; a mean of ratios can exceed 1 in
      both directions. The best-served group is the one with the lowest cost. Intervals are simultaneous over all pairs,
      so that this choice does not spoil them.
    - where a difference was found: the sources and meanings that add most to the widest.

    A group with fewer than 15 meanings (or clusters of them) has a reason in the place of its number, and so have two
    groups with fewer in common. A meaning with a text longer than the model's window is left out for all groups, since
    bits of a part are not comparable with bits of a whole: these are the longest texts, and every row tells how many of
    which group.

    It does not show why, nor that a model answers well, nor anything about groups whose words nobody wrote down.

    Raises
    ------
    NotApplicable
        If the model gives no log-probabilities, or no two groups have 15 meanings in common that fit into its window.
    DataFileError
        If the files do not follow the format.
    MeasurementError
        If a text has no finite log-probability below 0.
    """
    if not model.gives_logprobs:
        raise NotApplicable(f"{model.locator} gives no log-probabilities, and the measure counts the bits of texts")
    costs, overlong = asked(model, limited(read_matched_texts(data), limit))
    yield from map(overlong.told_on, _all_rows(costs, rng))


def _all_rows(costs: Sequence[Costs], rng: np.random.Generator) -> Iterator[Estimate | Missing]:
    """What each group costs, how far apart groups are, and what that means to them."""
    for one in costs:
        yield from _levels(one)
    tested = [(one, pair) for one in costs for pair in _pairs(one.axis) if pair.enough]
    yield from _differences(costs, tested, rng)
    for quantity, cost in PREMIUMS.items():
        yield from _premiums((quantity, cost), costs, tested, rng)


def _levels(costs: Costs) -> Iterator[Estimate | Missing]:
    """What the words of each group cost, over all meanings that it has."""
    axis = costs.axis
    for group, said in enumerate(axis.said):
        cluster = axis.cluster[said]
        units = int(np.unique(cluster).size)
        for quantity, unit in UNITS.items():
            if units < MINIMUM_MEANINGS:
                reason = f"{counted(int(said.sum()), cluster)} in this group; at least {MINIMUM_MEANINGS} are needed"
                yield Missing(quantity=quantity, status="not_applicable", reason=reason, group=axis.named(group))
                continue
            found = alone(mean_of(costs.of(quantity)[group, said], cluster, by=CLUSTER))
            note = costs.level_note(group) if quantity == "bits_per_byte" else ""
            spec = RowSpec(quantity, "mean over the group's meanings", unit=unit, bounds=(0.0, math.inf), note=note)
            yield described_row(spec, found, axis.named(group))


def _pairs(axis: TextAxis) -> list[GroupPair]:
    return pairs_of(axis) if len(axis.groups) <= MOST_COMPARED else []


def _differences(
    costs: Sequence[Costs], tested: Sequence[tuple[Costs, GroupPair]], rng: np.random.Generator
) -> Iterator[Estimate | Missing]:
    """A row for each pair of groups, the widest of each attribute, and what carries it."""
    quantity = "bits_per_byte_difference"
    found = family([difference(pair, cost.of("bits_per_byte")) for cost, pair in tested], rng)
    rows = []
    for (cost, pair), inference in zip(tested, found, strict=True):
        spec = RowSpec(
            quantity,
            "mean of the paired differences over the meanings that both have",
            unit="bit/byte",
            null=0.0,
            bounds=ANY,
            note=cost.pair_note(pair),
        )
        row = inferred_row(spec, inference, pair.axis.named(pair.group))
        rows.append(row.model_copy(update={"reference": pair.axis.named(pair.reference)}))
    yield from rows
    for cost in costs:
        yield from _not_compared(cost.axis, (quantity, "bits_per_byte_spread"))
        mine = [(pair, row) for (other, pair), row in zip(tested, rows, strict=True) if other is cost]
        judged = [(pair, row) for pair, row in mine if isinstance(row, Estimate)]
        if len(judged) < len(mine):
            reason = (
                f"{len(mine) - len(judged)} of {len(mine)} pairs of groups cannot be judged, so nothing is known of "
                "the widest gap"
            )
            yield Missing(
                quantity="bits_per_byte_spread",
                status="not_applicable",
                unjudged=True,
                reason=reason,
                group={cost.axis.attribute: "all groups"},
            )
        elif judged:
            yield _spread(cost, judged)
        yield from _traced(cost, [(pair, row) for pair, row in judged if row.excludes_null])


def _not_compared(axis: TextAxis, quantities: tuple[str, str]) -> Iterator[Missing]:
    """The reasons why groups of an axis are not compared: pair by pair, or all of them."""
    everyone = {axis.attribute: "all groups"}
    pairs, reason = _pairs(axis), ""
    if len(axis.groups) < 2:
        reason = f"one group only, '{axis.groups[0]}'; two are needed"
    elif not pairs:
        reason = (
            f"{len(axis.groups)} groups; at most {MOST_COMPARED} are compared with each other: leave some out, or "
            "read their costs"
        )
    elif not any(pair.enough for pair in pairs):
        reason = f"no two groups have {MINIMUM_MEANINGS} meanings in common"
    if reason:
        yield from (
            Missing(quantity=name, status="not_applicable", reason=reason, group=everyone) for name in quantities
        )
        return
    for pair in pairs:
        if not pair.enough:
            reason = (
                f"{counted(int(pair.shared.sum()), pair.cluster)} in common; at least {MINIMUM_MEANINGS} are needed"
            )
            yield Missing(
                quantity=quantities[0],
                status="not_applicable",
                reason=reason,
                group=axis.named(pair.group),
                reference=axis.named(pair.reference),
            )


def _spread(costs: Costs, compared: Sequence[tuple[GroupPair, Estimate]]) -> Estimate:
    """The widest difference of an axis, of which every pair has an interval."""
    axis = costs.axis
    gaps = [
        Gap(
            row.value,
            row.low or 0.0,
            row.high or 0.0,
            row.p_value or 1.0,
            row.p_adjusted or 1.0,
            row.minimum_detectable or 0.0,
            group=pair.group,
            reference=pair.reference,
        )
        for pair, row in compared
    ]
    value, low, high = spread(gaps)
    pair, widest = max(compared, key=lambda one: abs(one[1].value))
    more, less = (pair.group, pair.reference) if widest.value > 0 else (pair.reference, pair.group)
    note = (
        f"more bits per byte: {axis.groups[more]}; fewer: {axis.groups[less]}"
        if widest.value
        else "no group has more than another"
    )
    absent = len(pairs_of(axis)) - len(compared)
    if absent:
        note += f"; {absent} pair{'' if absent == 1 else 's'} of groups with too few meanings in common left out"
    used = np.any([pair.shared for pair, _ in compared], axis=0)
    return Estimate(
        quantity="bits_per_byte_spread",
        unit="bit/byte",
        value=value,
        low=low,
        high=high,
        interval="confidence",
        n=int(used.sum()),
        clusters=int(np.unique(axis.cluster[used]).size),
        group={axis.attribute: "all groups"},
        method=SPREAD_METHOD,
        note=note,
    )


def _traced(costs: Costs, found: Sequence[tuple[GroupPair, Estimate]]) -> Iterator[Estimate]:
    """The sources and meanings that add most to the widest difference that was found."""
    if not found:
        return
    pair, _ = max(found, key=lambda one: abs(one[1].value))
    gap = difference(pair, costs.of("bits_per_byte"))
    source = pair.axis.source[pair.shared]
    kinds = [("source", source, SOURCES_TRACED)] if pair.axis.sourced else []
    for kind, labels, shown in [*kinds, ("meaning", pair.axis.meanings[pair.shared], MEANINGS_TRACED)]:
        method = f"{TRACED_METHOD}; the {shown} largest" if np.unique(labels).size > shown else TRACED_METHOD
        parts = contributions(gap, labels)[:shown]
        for row in contribution_rows(parts, kind, pair.axis.named(pair.group), method, unit="bit/byte"):
            yield row.model_copy(update={"reference": pair.axis.named(pair.reference)})


def _premiums(
    named: tuple[str, str], costs: Sequence[Costs], tested: Sequence[tuple[Costs, GroupPair]], rng: np.random.Generator
) -> Iterator[Estimate | Missing]:
    """How much more a meaning costs in the words of each group than in those of the best-served one."""
    quantity, kind = named
    inferences = family([difference(pair, np.log(cost.of(kind))) for cost, pair in tested], rng)
    for cost in costs:
        axis = cost.axis
        ratios = {
            (pair.group, pair.reference): inference
            for (other, pair), inference in zip(tested, inferences, strict=True)
            if other is cost
        }
        ratios |= {(reference, group): _inverse(inference) for (group, reference), inference in ratios.items()}
        if not ratios:
            continue
        best = best_served(ratios)
        for group in range(len(axis.groups)):
            if group == best:
                continue
            reference = axis.named(best)
            if (group, best) not in ratios:
                reason = (
                    f"too few meanings in common with '{axis.groups[best]}', the best-served group; "
                    f"{MINIMUM_MEANINGS} are needed"
                )
                yield Missing(
                    quantity=quantity,
                    status="not_applicable",
                    reason=reason,
                    group=axis.named(group),
                    reference=reference,
                )
                continue
            inference = ratios[group, best]
            value, low, high = (math.exp(min(part, 700.0)) for part in (inference.value, inference.low, inference.high))
            if inference.alike and abs(inference.value) < NEGLIGIBLE:
                reason = f"{UNVARYING}; it is {value:.3g} for each of {inference.n:,} meanings"
                yield Missing(
                    quantity=quantity,
                    status="not_applicable",
                    unjudged=True,
                    reason=reason,
                    group=axis.named(group),
                    reference=reference,
                )
                continue
            row = described_row(
                RowSpec(quantity, PREMIUM, bounds=(0.0, math.inf)),
                replace(inference, value=value, low=low, high=high),
                axis.named(group),
            )
            yield row.model_copy(update={"reference": reference})


def _inverse(one: Inference) -> Inference:
    return replace(one, value=-one.value, low=-one.high, high=-one.low)


def best_served(ratios: Mapping[tuple[int, int], Inference]) -> int:
    """The group whose mean log ratio against the groups that it was compared with is the lowest; the first of
    several.
    """
    groups = sorted({group for group, _ in ratios})
    return min(
        groups, key=lambda one: float(np.mean([ratio.value for (group, _), ratio in ratios.items() if group == one]))
    )
