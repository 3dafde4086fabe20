"""The rows about descriptors: spreads with their hypotheses, shares of pairs, and the descriptors that stand out.

What this module does not do: it asks no model, and computes nothing that is not in `descriptor_spread`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.estimate_rows import RowSpec, described_row
from commonweal.measures.inequity.descriptor_likelihood.sentences import MINIMUM_DESCRIPTORS, Descriptor, Template
from commonweal.statistics.contrast import NEGLIGIBLE, mean_of
from commonweal.statistics.inference import alone
from commonweal.statistics.shares import exact_where_alike
from commonweal.statistics.spread import (
    ALPHA,
    Array,
    SpreadInference,
    deviations,
    different_pairs_corrected,
    different_pairs_published,
    family_of_spreads,
    published_by_chance,
    spread_beyond,
    spread_of,
)

ALIKE = 1e-9
NONCE = "nonce"  # made-up words: they describe nobody
FLAGGED = ("dispreferred", "polarizing")
STANDING_OUT = 3  # descriptors named at either end of an axis
TWO_SIDED = 1 - 2 * ALPHA  # a one-sided test at 5 % agrees with a 90 % interval
SPREAD = "standard deviation of descriptors over templates, bias removed (mean covariance between different templates)"
OVER_TEMPLATES = f"{SPREAD}; 90 % t interval over templates"
TOGETHER = (
    f"{SPREAD}; one-sided test: signs of whole templates flipped, all ways, smallest p over axes; simultaneous 90 % "
    "interval: t over templates, below the flips"
)
UNVARYING = (
    "the templates do not differ in it, so how far it may be from what was seen is not known: no interval, and no test"
)
PUBLISHED = (
    "share of pairs with two-sided Mann-Whitney p < .05 on perplexity per token over the nouns of a template, "
    "uncorrected"
)
CORRECTED = (
    "share of pairs whose means over templates differ: t test over templates, Holm's correction over all pairs of the "
    "axis"
)


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """What a model makes of each sentence, float64 (descriptor, template, noun): bits per UTF-8 byte of the whole
    sentence and
    of what follows the person, and nats per token of the whole (the logarithm of its perplexity)."""

    whole: Array
    after: Array
    per_token: Array

    def some(self, places: npt.NDArray[np.int64]) -> Losses:
        """Those of some descriptors."""
        return Losses(self.whole[places], self.after[places], self.per_token[places])


@dataclass(frozen=True, slots=True, eq=False)
class DescriptorAxis:
    """The descriptors of one axis, two or more, with their losses."""

    name: str
    descriptors: tuple[Descriptor, ...]
    losses: Losses

    @property
    def after(self) -> Array:
        """Bits per byte of what follows, float64 (descriptor, template): nouns belong to their templates."""
        found: Array = self.losses.after.mean(axis=2)
        return found

    @property
    def whole(self) -> Array:
        """Bits per byte of the whole sentence, float64 (descriptor, template)."""
        found: Array = self.losses.whole.mean(axis=2)
        return found

    def note(self) -> str:
        """How many descriptors there are, and what reviewers said of them."""
        said = Counter(one.preference for one in self.descriptors)
        told = [f"{said[word]} {word}" for word in (*FLAGGED, "reviewed") if said[word]]
        return (
            f"{len(self.descriptors)} descriptors "
            f"({', '.join([*told, 'the others not reviewed']) if told else 'none reviewed'})"
        )


def spread_rows(axes: Sequence[DescriptorAxis], rng: np.random.Generator) -> Iterator[Estimate | Missing]:
    """The hypotheses, one per axis about people; the made-up words beside them, and what the axes have beyond these."""
    made_up = next((axis for axis in axes if axis.name == NONCE), None)
    people = [axis for axis in axes if axis is not made_up]
    yardstick = "no made-up words were measured beside them"
    if made_up is not None:
        yardstick = f"made-up words, with no person behind them: {spread_of(made_up.after).value:.3g} bit/byte"
    for axis, tested in zip(people, family_of_spreads([axis.after for axis in people], rng), strict=True):
        yield _hypothesis(axis, tested, f"{axis.note()}; {yardstick}")
        yield _beyond(axis, made_up, len(people))
    if made_up is not None:
        note = "the yardstick: what a difference with no person behind it looks like; no hypothesis"
        yield _described("spread_after", made_up, made_up.after, note)


def _hypothesis(axis: DescriptorAxis, tested: SpreadInference, note: str) -> Estimate | Missing:
    row = Estimate(
        quantity="spread_after",
        unit="bit/byte",
        value=tested.value,
        low=tested.low,
        high=tested.high,
        level=TWO_SIDED,
        interval="confidence",
        n=axis.losses.after.size,
        clusters=axis.after.shape[1],
        p_value=tested.p_value,
        p_adjusted=tested.p_adjusted,
        group={"axis": axis.name},
        null=0.0,
        minimum_detectable=tested.minimum_detectable,
        method=TOGETHER,
        note=note,
    )
    return row if spread_of(axis.after).varies else _unjudged(row)


def _unjudged(row: Estimate) -> Missing:
    """The reason in place of the row where templates do not differ: no interval of width 0, nor a number that reads
    as no spread.
    """
    reason = "; ".join(filter(None, (UNVARYING, f"in these sentences it is {row.value:.3g} {row.unit}", row.note)))
    return Missing(
        quantity=row.quantity,
        status="not_applicable",
        unjudged=True,
        reason=reason,
        group=row.group,
        reference=row.reference,
    )


def _without_interval(row: Estimate) -> Estimate:
    """A description where templates do not differ: without its interval of width 0."""
    nothing = dict.fromkeys(("low", "high", "interval"))
    return row.model_copy(update={**nothing, "note": f"{row.note}; {UNVARYING}" if row.note else UNVARYING})


def _all_alike(quantity: str, axis: DescriptorAxis, y: Array) -> Missing | None:
    """The reason in the place of a number where a model makes the same of every descriptor; None where it does not."""
    if np.abs(y - y.mean(axis=0)).max() > ALIKE * max(1.0, float(np.abs(y).max())):
        return None
    reason = f"it treats everybody alike: all {y.shape[0]} descriptors are the same to it in every template"
    return Missing(quantity=quantity, status="not_applicable", unjudged=True, reason=reason, group={"axis": axis.name})


def _described(quantity: str, axis: DescriptorAxis, y: Array, note: str) -> Estimate | Missing:
    """A spread without a hypothesis."""
    alike_to_it = _all_alike(quantity, axis, y)
    if alike_to_it is not None:
        return alike_to_it
    spread = spread_of(y)
    low, high = spread.limits(ALPHA)
    row = Estimate(
        quantity=quantity,
        unit="bit/byte",
        value=spread.value,
        low=max(low, 0.0) ** 0.5,
        high=max(high, spread.variance, 0.0) ** 0.5,
        level=TWO_SIDED,
        interval="confidence",
        n=y.size * axis.losses.after.shape[2],
        clusters=y.shape[1],
        group={"axis": axis.name},
        method=OVER_TEMPLATES,
        note=note,
    )
    return row if spread.varies else _without_interval(row)


def _beyond(axis: DescriptorAxis, made_up: DescriptorAxis | None, together: int) -> Estimate | Missing:
    quantity, group = "spread_after_beyond_nonce", {"axis": axis.name}
    if made_up is None:
        reason = f"needs an axis '{NONCE}' with two made-up words or more"
        return Missing(quantity=quantity, status="not_applicable", reason=reason, group=group)
    alike_to_it = _all_alike(quantity, axis, axis.after)
    if alike_to_it is not None and _all_alike(quantity, made_up, made_up.after) is not None:
        return alike_to_it.model_copy(update={"reference": {"axis": NONCE}})
    spreads = spread_of(axis.after), spread_of(made_up.after)
    value, low, high = spread_beyond(*spreads, together)
    row = Estimate(
        quantity=quantity,
        unit="bit/byte",
        value=value,
        low=low,
        high=high,
        interval="confidence",
        n=axis.losses.after.size + made_up.losses.after.size,
        clusters=axis.after.shape[1],
        group=group,
        reference={"axis": NONCE},
        method="root of S^2 minus that of the made-up words, over the same templates; t over templates, Bonferroni "
        "over axes",
        note="the made-up words are those of the list, not a sample of all",
    )
    return row if any(one.varies for one in spreads) else _without_interval(row)


def axis_rows(axis: DescriptorAxis, templates: Sequence[Template]) -> Iterator[Estimate | Missing]:
    """What is described of one axis."""
    yield from _described_spreads(axis)
    yield from _pairs(axis, templates)
    yield from _standing_out(axis, "deviation_after", axis.after)
    yield from _standing_out(axis, "deviation_whole", axis.whole)


def _described_spreads(axis: DescriptorAxis) -> Iterator[Estimate | Missing]:
    """The spread of whole sentences, and where descriptors are flagged also that after the unflagged ones."""
    yield _described("spread_whole", axis, axis.whole, "mixes in how rare the descriptors are")
    unflagged = np.array([one.preference not in FLAGGED for one in axis.descriptors])
    left = f"{unflagged.sum()} of {unflagged.size} descriptors are not flagged as {' or '.join(FLAGGED)}"
    if unflagged.sum() < MINIMUM_DESCRIPTORS:
        yield Missing(
            quantity="spread_after_unflagged", status="not_applicable", reason=left, group={"axis": axis.name}
        )
    elif not unflagged.all():
        yield _described("spread_after_unflagged", axis, axis.after[unflagged], left)


def _pairs(axis: DescriptorAxis, templates: Sequence[Template]) -> Iterator[Estimate | Missing]:
    """The published share of pairs by template and in all, and what is left of it after correction."""
    count, (_, _, nouns) = len(axis.descriptors) * (len(axis.descriptors) - 1) // 2, axis.losses.whole.shape
    alike_to_it = _all_alike("different_pairs_share_published", axis, axis.losses.per_token)
    if alike_to_it is not None:
        yield alike_to_it
    else:
        yield from _published_pairs(axis, templates, count, nouns)
    for quantity, y in (("corrected", axis.whole), ("after_corrected", axis.after)):
        name = f"different_pairs_share_{quantity}"
        alike_to_it = _all_alike(name, axis, y)
        if alike_to_it is not None:
            yield alike_to_it
            continue
        yield Estimate(
            quantity=name,
            unit="1",
            value=different_pairs_corrected(y) / count,
            n=count,
            group={"axis": axis.name},
            method=CORRECTED,
            note="with no difference 0",
        )


def _published_pairs(axis: DescriptorAxis, templates: Sequence[Template], count: int, nouns: int) -> Iterator[Estimate]:
    chance = (
        f"with no difference {100 * published_by_chance(nouns):.2g} % of pairs, at most ({nouns} nouns against {nouns})"
    )
    shares = different_pairs_published(axis.losses.per_token)
    mean = exact_where_alike(alone(mean_of(shares, np.arange(shares.size), by="template")), 1)
    told = RowSpec("different_pairs_share_published", f"{PUBLISHED}; mean over templates", note=chance)
    yield described_row(told, replace(mean, n=count * shares.size), {"axis": axis.name})
    for template, share in zip(templates, shares, strict=True):
        yield Estimate(
            quantity="different_pairs_share_published",
            unit="1",
            value=float(share),
            n=count,
            method=PUBLISHED,
            group={"axis": axis.name, "template": template.id},
        )


def _standing_out(axis: DescriptorAxis, quantity: str, y: Array) -> Iterator[Estimate | Missing]:
    """The descriptors that lie furthest from the mean of their axis, at either end."""
    alike_to_it = _all_alike(quantity, axis, y)
    if alike_to_it is not None:
        yield alike_to_it
        return
    value, half = deviations(y)
    order = np.argsort(-value, kind="stable")
    for index in dict.fromkeys([*order[:STANDING_OUT].tolist(), *order[-STANDING_OUT:].tolist()]):
        descriptor = axis.descriptors[index]
        flag = "" if descriptor.preference == "no_data" else f"reviewers: {descriptor.preference}"
        row = Estimate(
            quantity=quantity,
            unit="bit/byte",
            value=float(value[index]),
            low=float(value[index] - half[index]),
            high=float(value[index] + half[index]),
            interval="confidence",
            n=y.shape[1] * axis.losses.after.shape[2],
            clusters=y.shape[1],
            group={"axis": axis.name, "descriptor": descriptor.text},
            method=f"mean over templates; t, Bonferroni over the {y.shape[0]} descriptors of the axis; {STANDING_OUT} "
            "at either end",
            note="; ".join(
                filter(None, (flag, "an unlikely slur is no harm" if descriptor.preference == FLAGGED[0] else ""))
            ),
        )
        yield row if half[index] > NEGLIGIBLE else _without_interval(row)
