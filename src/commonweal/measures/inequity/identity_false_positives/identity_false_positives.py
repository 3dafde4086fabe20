"""Whose harmless texts are taken down: false positives of an application that flags text, by the group a text is
about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from commonweal.errors import DataFileError, NotApplicable
from commonweal.evidence.records import Estimate, Missing, Quantity
from commonweal.measures.data_set import DataPlace, DataSet
from commonweal.measures.inequity.identity_false_positives.flagged_texts import Text, limited, read_texts, target_labels
from commonweal.measures.inequity.identity_false_positives.matched_groups import Matched, matched
from commonweal.measures.inequity.performance_gap.axes import MOST_COMPARED, TableAxis, carriers
from commonweal.measures.inequity.rate_rows import RateSpec, gap_rows, rate_rows, too_many_groups, unjudged_gaps
from commonweal.measures.options import Limit
from commonweal.measures.readable import Readable, unread_of, unread_words
from commonweal.measures.registry import measure
from commonweal.measures.subjects import is_about_hiring
from commonweal.models.protocols import Case, Decision, DecisionApplication, Labels
from commonweal.statistics.group_gaps import Gap, family_of_gaps
from commonweal.statistics.group_rates import Array, GroupRates, Places, group_rates, layout_of
from commonweal.system.records import System

RATES = {"false_positive_rate": False, "false_negative_rate": True}
WORDS = {"false_positive_rate": "false positive rate", "false_negative_rate": "false negative rate"}
DENOMINATOR = {False: "non-hateful text", True: "hateful text"}
KIND = "functionality"


def expected(limit: Limit, data: DataSet) -> list[str]:
    """The texts that will be asked, for the estimate of time before anything is."""
    return [one.text for one in limited(read_texts(data), limit)]


def _quantities() -> dict[str, Quantity]:
    about = {
        "false_positive_rate": "non-hateful texts that are flagged",
        "false_negative_rate": "hateful texts that are not flagged",
    }
    quantities = {}
    for name, words in WORDS.items():
        quantities[name] = Quantity(unit="1", label=words, about=about[name])
        quantities[f"{name}_difference"] = Quantity(
            unit="1", label=f"difference in {words}", null=0.0, about=about[name]
        )
        quantities[f"{name}_spread"] = Quantity(unit="1", label=f"largest minus smallest {words}", about=about[name])
    return quantities | {
        "contribution": Quantity(unit="1", label="what a template adds to a difference that was found")
    }


@measure(
    source="Röttger et al. 2021, ACL, HateCheck, CC BY 4.0; Dixon et al. 2018, AIES (identity templates), Apache-2.0",
    cluster="template; for identity templates the word of judgement, since six sentences are too few to be a sample",
    family="all pairwise differences between groups, false positives and false negatives",
    version=4,
    data=DataPlace("hatecheck", "*.csv", "github.com/paul-rottger/hatecheck-data, CC BY 4.0; or identity_templates"),
    units=("template",),
    quantities=_quantities(),
    warnings=(
        "The authors: HateCheck has negative predictive power only. It shows particular weaknesses; no weakness shown "
        "is not strength.",
        "The authors: short English texts without context, written for the test; seven groups, and hate as they "
        "define it. Other languages, groups, dialects and images are out of its scope.",
        "Identity templates are made from word lists: many are ungrammatical, and their words of judgement leave "
        "little doubt. Real texts do.",
        "Texts about a group are not texts by its members: who loses posts in use also depends on dialect and on who "
        "reports whom.",
        "A rate is over cases that were chosen to be hard, not over what people write: it forecasts no number of "
        "texts taken down.",
    ),
    workload=expected,
)
def identity_false_positives(
    application: DecisionApplication, data: DataSet, limit: Limit, system: System, rng: np.random.Generator
) -> Iterator[Estimate | Missing]:
    """Share of non-hateful texts that are flagged, P(flagged | not hateful, g) in [0, 1], and gaps between groups; 0:
    no gap.

    Flagged is every answer but the one that the system file declares favourable: what the writer would want is that the
    text stands. Beside it the share of hateful texts that are not flagged, P(not flagged | hateful, g).

    - Groups are compared on templates that are there for every group, so that they differ in the group alone; the
      authors compare on these too. A group that shares too few templates with the others is left out, with the reason.
      Texts of other templates (reclaimed slurs, homonyms, abuse of objects) count in the rates by functionality and in
      the whole.
    - Differences in [-1, 1] between all pairs of groups, false positives and false negatives, are one family:
      simultaneous intervals that count templates. The interval of largest minus smallest is projected from them.
    - Which templates add most to the clearest difference that was found stands beside it.

    A system that flags nothing has no false positives and misses everything: read the two together. The gaps of one
    that flags nothing, or everything, cannot be judged.

    It does not show what happens to real posts, nor anything about groups that the data do not name.

    Raises
    ------
    NotApplicable
        If the application is about hiring, or chooses a share of a pool, or a limit leaves no whole template.
    DataFileError
        If the files are neither HateCheck nor identity templates.
    NotJudged
        If fewer than four in five answers can be read as decisions. Where that holds for the texts about one group
        only, its rate could not be judged, and it is compared with nobody.
    """
    _applies(application, system)
    chosen = limited(read_texts(data), limit)
    if not chosen:
        raise DataFileError(f"{data.files[0].parent}: no text in it")
    decisions = application.decide([Case(text.text, _labels(text)) for text in chosen])
    unread = unread_of(application, decisions)
    silent = _unread_groups(chosen, decisions, unread)
    yield from silent.values()
    read = [not lost and text.identity not in silent for text, lost in zip(chosen, unread, strict=True)]
    texts = [text for text, kept in zip(chosen, read, strict=True) if kept]
    asked = _asked(texts, [decision for decision, kept in zip(decisions, read, strict=True) if kept])
    note = "; ".join(filter(None, (unread_words(unread), _note(application, asked), *target_labels(texts).notes)))
    compared = matched(texts)
    yield from _rows(asked, _axis((), [""] * len(texts), asked.template), note, rng)
    if any(compared.compared):
        names = [text.identity if alike else None for text, alike in zip(texts, compared.compared, strict=True)]
        groups = _axis(("identity",), names, asked.template)
        yield from _left_out(_rows(asked, groups, note, rng), compared)
    else:
        reason = "no template is there for every group, so groups would be compared on different texts"
        yield from (
            Missing(quantity=name, status="not_applicable", reason=reason)
            for name in (f"{r}_difference" for r in RATES)
        )
    yield from _rows(asked, _axis((KIND,), [text.kind for text in texts], asked.template), note, rng)


def _unread_groups(
    texts: Sequence[Text], decisions: Sequence[Decision], unread: npt.NDArray[np.bool_]
) -> dict[str, Missing]:
    """The groups with too few readable answers, whatever was read about the others: none of their texts counts."""
    unread_groups = {}
    for name in sorted({text.identity for text in texts if text.identity}):
        own = [index for index, text in enumerate(texts) if text.identity == name]
        said = Readable(len(own), tuple(str(decisions[index].option) for index in own if unread[index]))
        if not said.enough:
            unread_groups[name] = Missing(
                quantity="false_positive_rate",
                status="not_applicable",
                unjudged=True,
                reason=said.reason,
                group={"identity": name},
            )
    return unread_groups


def _labels(one: Text) -> Labels:
    """What is kept beside the answer, so that an auditor can redo the arithmetic."""
    return {
        "case": one.id,
        "identity": one.identity,
        "template": one.template,
        KIND: one.kind,
        "hateful": int(one.hateful),
    }


def _applies(application: DecisionApplication, system: System) -> None:
    if system.has_asset(application.name) and is_about_hiring(system.asset(application.name), system):
        raise NotApplicable(f"'{application.name}' decides about applicants; this asks one that flags texts")
    if application.top_share is not None:
        raise NotApplicable(
            f"'{application.name}' chooses {100 * application.top_share:g} % of a pool; which of these texts it would "
            "flag depends on what else is in the pool, and a test suite is no such pool"
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """The texts with their answers, arrays (text,)."""

    texts: Sequence[Text]
    hateful: npt.NDArray[np.bool_]
    flagged: npt.NDArray[np.bool_]
    template: Places


def _asked(texts: Sequence[Text], decisions: Sequence[Decision]) -> _Asked:
    undecided = sum(decision.favourable is None for decision in decisions)
    if undecided:
        raise NotApplicable(f"{undecided} of {len(decisions)} answers do not say whether they are favourable")
    template = np.unique([f"{int(one.hateful)}:{one.template}" for one in texts], return_inverse=True)[1]
    return _Asked(
        texts,
        np.array([one.hateful for one in texts]),
        np.array([not decision.favourable for decision in decisions]),
        template.astype(np.int64),
    )


def _note(application: DecisionApplication, asked: _Asked) -> str:
    note = f"flagged: every answer but '{application.favourable}', which is declared favourable (the text stands)"
    if asked.hateful.any() and not asked.hateful.all():
        hit, harmless = asked.flagged[asked.hateful].mean(), asked.flagged[~asked.hateful].mean()
        if hit < harmless:
            note += (
                f"; it flags fewer hateful texts ({100 * hit:.0f} %) than others ({100 * harmless:.0f} %): check that "
                "the favourable answer is the one that lets a text stand"
            )
    return note


def _axis(attributes: tuple[str, ...], names: Sequence[str | None], template: Places) -> TableAxis:
    """The groups of a division; a text without a name belongs to none."""
    groups = sorted({name for name in names if name is not None})
    places = {name: place for place, name in enumerate(groups)}
    place = np.array([-1 if name is None else places[name] for name in names])
    told = tuple({attributes[0]: name} if attributes else {} for name in groups)
    return TableAxis(attributes, told, place, layout_of(place, template, len(groups)), int((place < 0).sum()))


def _left_out(rows: Iterable[Estimate | Missing], compared: Matched) -> Iterator[Estimate | Missing]:
    """The rows of the groups that are compared, and for each rate the groups that are not, with the reason."""
    for row in rows:
        name = (row.group or {}).get("identity", "")
        if row.quantity not in RATES or (RATES[row.quantity], name) not in compared.left_out:
            yield row
    for (hateful, name), reason in compared.left_out.items():
        quantity = next(rate for rate, of in RATES.items() if of == hateful)
        yield Missing(quantity=quantity, status="not_applicable", reason=reason, group={"identity": name})


def _values(asked: _Asked, hateful: bool) -> tuple[Array, npt.NDArray[np.bool_]]:
    wrong = ~asked.flagged if hateful else asked.flagged
    return wrong.astype(np.float64), asked.hateful == hateful


def _rows(asked: _Asked, axis: TableAxis, note: str, rng: np.random.Generator) -> Iterator[Estimate | Missing]:
    """Rates of one division; of groups also their gaps, and the templates that carry them."""
    layers: list[tuple[RateSpec, bool, GroupRates]] = []
    for name, hateful in RATES.items():
        values, counts = _values(asked, hateful)
        layer = group_rates(values, counts, axis.layout)
        left = int((counts & (axis.place < 0)).sum())
        more = (
            f"; {left} {DENOMINATOR[hateful]}s whose template is not there for every group that is compared are not "
            "in this comparison"
            if left
            else ""
        )
        spec = RateSpec(name, axis.groups, DENOMINATOR[hateful], note + more, cluster="template")
        layers.append((spec, hateful, layer))
        only = axis.attributes == (KIND,)  # a functionality is all hateful or all not: its other rate is not asked for
        yield from (row for row in rate_rows(layer, spec) if not only or layer.n[axis.groups.index(row.group or {})])
    if axis.attributes != ("identity",):
        return
    if len(axis.groups) > MOST_COMPARED:
        yield from (too_many_groups(spec, MOST_COMPARED) for spec, _, _ in layers)
        return
    for (spec, hateful, layer), gaps in zip(
        layers, family_of_gaps([layer for _, _, layer in layers], rng), strict=True
    ):
        if gaps and np.ptp(asked.flagged.astype(int)) == 0:
            yield from unjudged_gaps(gaps, spec, _alike_words(asked))
            continue
        yield from gap_rows(layer, gaps, spec)
        yield from _carried(asked, axis, (spec.quantity, hateful), gaps)


def _alike_words(asked: _Asked) -> str:
    return (
        f"it treats everybody alike: {'every one' if asked.flagged[0] else 'not one'} of {asked.flagged.size:,} texts "
        "is flagged"
    )


def _carried(asked: _Asked, axis: TableAxis, rate: tuple[str, bool], gaps: Sequence[Gap]) -> Iterator[Estimate]:
    """The templates that add most to the clearest difference that was found."""
    found = [gap for gap in gaps if gap.low > 0 or gap.high < 0]
    if not found:
        return
    gap = min(found, key=lambda gap: (gap.p_adjusted, -abs(gap.value)))
    for index, value, half, n in carriers(*_values(asked, rate[1]), axis, gap):
        if n == 0 or value == 0:
            continue
        bounded = np.isfinite(half)
        text = asked.texts[index]
        yield Estimate(
            quantity="contribution",
            unit="1",
            value=value,
            low=value - half if bounded else None,
            high=value + half if bounded else None,
            interval="confidence" if bounded else None,
            n=n,
            group={**axis.groups[gap.group], "rate": WORDS[rate[0]], KIND: text.kind, "template": text.template},
            reference=axis.groups[gap.reference],
            method="the template's part of the one rate minus its part of the other; the 5 largest; an interval where "
            "it has several texts",
        )
