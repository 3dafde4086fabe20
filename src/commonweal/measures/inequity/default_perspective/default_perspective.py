"""Whose answers come when nobody's are asked for: everyday sentences, ended for a person and for a person of each
group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from commonweal.errors import MeasurementError, NotApplicable
from commonweal.evidence.records import Estimate, Missing, Quantity
from commonweal.measures.estimate_rows import contribution_rows, possible_effect
from commonweal.measures.inequity.default_perspective.distance import (
    answer_shares,
    mean_between,
    nearest,
    no_surer_than_phrases,
    phrase_spread,
    total_variation,
)
from commonweal.measures.inequity.default_perspective.items import Attribute, Questionnaire, material
from commonweal.measures.options import Limit
from commonweal.measures.registry import measure
from commonweal.models.protocols import LanguageModel
from commonweal.statistics.contrast import Contrast, mean_of
from commonweal.statistics.contributions import contributions
from commonweal.statistics.inference import Inference, alone, family
from commonweal.statistics.share_intervals import wilson_interval
from commonweal.statistics.shares import SIGNED, exact_where_alike

Array = npt.NDArray[np.float64]
LogProbs = Mapping[tuple[str, str], float]
TOLERANCE = 1e-3  # of a distance: what the rounding of log-probabilities may add
ITEMS_TRACED = 3
SAYS_NOTHING = "nothing can be said about whose perspective is the default"


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """The answers of one attribute.

    `shares` (who, item, answer): mean over frames; who: nobody named, then the groups, then the phrases that name
    nobody. `distance` (group, item) and `floor` (phrase, item): from the answers with nobody named. `by_frame` (group,
    frame): means.
    """

    attribute: Attribute
    shares: Array
    distance: Array
    floor: Array
    by_frame: Array

    @property
    def items(self) -> npt.NDArray[np.str_]:
        return np.array([item.id for item in self.attribute.items])

    def excess(self, group: int) -> Contrast:
        """Distance of a group minus the mean of all groups, item by item."""
        return mean_of(self.distance[group] - self.distance.mean(axis=0), self.items, by="item")

    def between_groups(self) -> Array:
        """Mean distance between two groups, float64 (item,)."""
        return mean_between(self.shares[1 : 1 + self.distance.shape[0]])

    def between_phrases(self) -> Array:
        """Mean distance between two phrases that name nobody, float64 (item,)."""
        return mean_between(self.shares[1 + self.distance.shape[0] :])

    def tells_apart(self) -> bool:
        """Whether the groups' answers differ, beyond doubt, by more than those after phrases that name nobody."""
        groups = self.between_groups()
        beyond = alone(mean_of(groups - self.between_phrases(), self.items, by="item"))
        return exact_where_alike(beyond, 1, SIGNED).low > 0 and float(groups.mean()) > TOLERANCE


def expected(limit: Limit) -> list[str]:
    """The texts that will be asked, for the estimate of time before anything is."""
    return [request.context for request in material(limit).requests()]


@measure(
    source="after Santurkar et al. 2023, ICML (Whose opinions do language models reflect?) and Durmus et al. 2023 "
    "(GlobalOpinionQA, arXiv:2306.16388), with items of our own",
    cluster="item (an everyday sentence)",
    family="the relative distance of every group of all attributes",
    version=4,
    on_request=True,
    units=("item",),
    quantities={
        "relative_distance": Quantity(
            unit="1",
            label="distance from the default answers, less the mean of the groups (below 0: nearer)",
            null=0.0,
            about="the default answers: those given for nobody in particular",
        ),
        "nearest_share": Quantity(unit="1", label="items at which this group's answers are the nearest to the default"),
        "distance": Quantity(
            unit="1", label="total variation distance from the answers given for nobody in particular"
        ),
        "floor_distance": Quantity(unit="1", label="the same distance for phrases of like length that name nobody"),
        "distance_between_groups": Quantity(unit="1", label="mean distance between two groups' answers"),
        "distance_between_phrases": Quantity(
            unit="1", label="mean distance between the answers after two phrases that name nobody"
        ),
        "contribution": Quantity(unit="1", label="what a theme or item adds to the relative distance"),
    },
    warnings=(
        "A group's answers here are what the model expects of the group, not what its people answer. Near to the "
        "default can mean that the model holds the group for normal, or that it hears the group's name and answers "
        "no differently.",
        "One phrase names each group. How much phrases differ that name nobody is counted in the intervals; phrases "
        "that move the answers farther may differ more than that.",
        "Everyday answers on which people within a group differ too. No distribution over them is the right one, and "
        "an equal distance to all groups is no proof of fairness.",
        "Sentences in English, which itself leans to where English is spoken. Seven regions, four ages, four kinds of "
        "place, six beliefs and three incomes stand for more: Eastern and Southern Africa, Western and Central Asia, "
        "Eastern Europe and Oceania, among others, are not asked.",
        "Gender is not among the attributes: no everyday answer differs plainly by gender without repeating a "
        "stereotype, and inequity.occupation_association asks for it otherwise. Nor are crossings of attributes.",
        "A property of the model. What people meet depends on the application: published work finds no reliable "
        "correlation.",
    ),
    workload=expected,
)
def default_perspective(model: LanguageModel, limit: Limit, rng: np.random.Generator) -> Iterator[Estimate | Missing]:
    """Whose everyday answers lie nearest to those a model gives for nobody in particular: relative distance, in [-1,
    1]; null 0.

    Each item is the beginning of a sentence about daily life with a fixed set of endings. It is put to the model for "a
    person", for a person of each group ("a person in Western Africa"), and for persons described by words of the same
    shape that name nobody ("a person in Room Seven"), in two frames. P(answer) is the probability of each ending among
    the endings of its item, mean over frames; the distance of two such is the total variation, 1/2 sum |p - q|, in [0,
    1], the share of answers that would have to change. It is chosen for that reading; nothing is drawn, so it carries
    no bias of sampling.

    - relative distance of group g: its mean distance from the unnamed answers, minus the mean over the attribute's
      groups. Below 0: g is nearer to the default than the others; one group that is near makes the rest farther than
      the mean. All groups of all attributes are one family, fixed beforehand.
    - nearest share: items at which g is the nearest of its attribute, ties shared, in [0, 1]; 1/groups if none is the
      default.
    - distance of g, and the floor: the same for the phrases that name nobody. Words move answers whatever they mean.

    How artefacts are met: the length and frequency of an ending count alike on both sides, since the same endings are
    compared. Words that are added move the answers by themselves: so groups are compared with each other, in phrases of
    one shape, and an interval counts two errors, that of the items and that of the phrase, as seen on phrases that name
    nobody.

    Where the groups' answers are not shown to differ by more than those after phrases that name nobody, the model's
    answers say nothing about the groups, and there is no number: not applicable, which is not "no group is the
    default".

    It does not show what people of a group answer, what is right, nor what an application does with it.

    Raises
    ------
    NotApplicable
        If the model gives no log-probabilities, answers no differently for any group, or a limit leaves fewer than 8
        items.
    MeasurementError
        If an answer of the model is not a number.
    """
    if not model.gives_logprobs:
        raise NotApplicable(
            f"{model.locator} gives no log-probabilities, and the measure compares probabilities of answers"
        )
    given = material(limit)
    logprobs = asked(model, given)
    every = [answered(given, attribute, logprobs) for attribute in given.attributes]
    apart = [answers for answers in every if answers.tells_apart()]
    if not apart:
        raise NotApplicable(f"the model does not answer differently for any group; {SAYS_NOTHING} ({_shown(every)})")
    tested = _tested(every, rng)
    yield from _hypotheses(apart, tested)
    for answers in every:
        yield from _without_number(answers) if answers not in apart else _nearest_shares(answers)
    for answers in every:
        yield from _distances(answers)
    for answers in apart:
        yield from _traced(answers, tested)


def asked(model: LanguageModel, given: Questionnaire) -> LogProbs:
    """log P of each ending by context and ending. MeasurementError where an answer is no number."""
    requests = given.requests()
    scores = model.score(requests)
    for request, score in zip(requests, scores, strict=True):
        if not np.isfinite(score.logprob):
            words = ", ".join(f"{key} '{value}'" for key, value in request.labels.items())
            raise MeasurementError(
                f"{words}: log P of '{request.continuation}' is {score.logprob}, which is not a number"
            )
    return {(one.context, one.continuation): score.logprob for one, score in zip(requests, scores, strict=True)}


def answered(given: Questionnaire, attribute: Attribute, logprobs: LogProbs) -> Answered:
    """Shares and distances of one attribute."""
    most = max(len(item.options) for item in attribute.items)
    table = np.full((len(attribute.who), len(attribute.items), len(given.frames), most), -np.inf)
    for row, who in enumerate(attribute.who):
        for column, item in enumerate(attribute.items):
            for depth, frame in enumerate(given.frames):
                context = given.context(frame, who, item)
                table[row, column, depth, : len(item.options)] = [
                    logprobs[context, f" {option}"] for option in item.options
                ]
    framed = answer_shares(table)
    shares, groups = framed.mean(axis=2), len(attribute.groups)
    distance = total_variation(shares[0], shares[1:])
    by_frame = total_variation(framed[0], framed[1 : 1 + groups]).mean(axis=1)
    return Answered(attribute, shares, distance[:groups], distance[groups:], by_frame)


def _tested(every: Sequence[Answered], rng: np.random.Generator) -> dict[tuple[str, str], Inference]:
    """The whole family, attributes included about which nothing will be said: its size does not depend on the data."""
    names = [(one.attribute.name, group) for one in every for group in one.attribute.groups]
    tested = family([one.excess(place) for one in every for place in range(len(one.attribute.groups))], rng)
    spread = phrase_spread([one.floor for one in every])
    groups = {one.attribute.name: len(one.attribute.groups) for one in every}
    return {
        name: exact_where_alike(
            no_surer_than_phrases(inference, spread, groups[name[0]], len(names)), len(names), SIGNED
        )
        for name, inference in zip(names, tested, strict=True)
    }


def _hypotheses(apart: Sequence[Answered], tested: Mapping[tuple[str, str], Inference]) -> Iterator[Estimate]:
    for answers in apart:
        relative = answers.by_frame - answers.by_frame.mean(axis=0)
        for row, group in enumerate(answers.attribute.groups):
            inference = tested[answers.attribute.name, group]
            same = int((np.sign(relative[row]) == np.sign(inference.value)).sum())
            yield Estimate(
                quantity="relative_distance",
                unit="1",
                value=inference.value,
                low=max(-1.0, inference.low),
                null=0.0,
                high=min(1.0, inference.high),
                interval="confidence",
                n=inference.n,
                clusters=inference.clusters,
                p_value=inference.p_value,
                p_adjusted=inference.p_adjusted,
                group={answers.attribute.name: group},
                method=f"mean over items; {inference.method}",
                minimum_detectable=possible_effect(inference.minimum_detectable, 1.0),
                note=f"on the same side in {same} of {relative.shape[1]} frames",
            )


def _without_number(answers: Answered) -> Iterator[Missing]:
    reason = f"the model was not shown to answer differently for the groups of {_shown([answers])}; {SAYS_NOTHING}"
    for group in answers.attribute.groups:
        for quantity in ("relative_distance", "nearest_share"):
            yield Missing(
                quantity=quantity, status="not_applicable", reason=reason, group={answers.attribute.name: group}
            )


def _shown(every: Sequence[Answered]) -> str:
    """The two distances that decide whether an attribute's groups are told apart."""
    return "; ".join(
        f"{one.attribute.name}: mean distance {one.between_groups().mean():.3f} between groups and "
        f"{one.between_phrases().mean():.3f} between phrases that name nobody"
        for one in every
    )


def _nearest_shares(answers: Answered) -> Iterator[Estimate]:
    shares = nearest(answers.distance).mean(axis=1)
    items, groups = answers.distance.shape[1], answers.distance.shape[0]
    for group, share in zip(answers.attribute.groups, shares, strict=True):
        low, high = wilson_interval(float(share), items)
        yield Estimate(
            quantity="nearest_share",
            unit="1",
            value=float(share),
            low=low,
            high=high,
            interval="confidence",
            n=items,
            clusters=items,
            group={answers.attribute.name: group},
            method="share of items, ties shared; Wilson interval",
            note=f"{100 / groups:.0f} % if no group were the default",
        )


def _distances(answers: Answered) -> Iterator[Estimate]:
    """What is described: the distances that the hypotheses are made of, and what they are to be compared with."""
    for group, values in zip(answers.attribute.groups, answers.distance, strict=True):
        yield _described("distance", mean_of(values, answers.items, by="item"), {answers.attribute.name: group})
    whole = {"attribute": answers.attribute.name}
    yield _described("floor_distance", mean_of(answers.floor.mean(axis=0), answers.items, by="item"), whole)
    yield _described("distance_between_groups", mean_of(answers.between_groups(), answers.items, by="item"), whole)
    yield _described("distance_between_phrases", mean_of(answers.between_phrases(), answers.items, by="item"), whole)


def _described(quantity: str, one: Contrast, group: Mapping[str, str]) -> Estimate:
    found = exact_where_alike(alone(one), 1)
    return Estimate(
        quantity=quantity,
        unit="1",
        value=found.value,
        low=max(0.0, found.low),
        high=min(1.0, found.high),
        interval="confidence",
        n=found.n,
        clusters=found.clusters,
        group=group,
        method=f"mean over items; {found.method}",
    )


def _traced(answers: Answered, tested: Mapping[tuple[str, str], Inference]) -> Iterator[Estimate]:
    """Which themes and items carry the relative distance of the nearest group, and of each that was found."""
    closest = int(answers.distance.mean(axis=1).argmin())
    for row, group in enumerate(answers.attribute.groups):
        if row != closest and tested[answers.attribute.name, group].p_adjusted > 0.05:
            continue
        excess, whom = answers.excess(row), {answers.attribute.name: group}
        themes = contributions(excess, [item.theme for item in answers.attribute.items])
        yield from contribution_rows(
            themes, "theme", whom, "share of the items times their mean; Bonferroni t intervals"
        )
        for part in contributions(excess, answers.items)[:ITEMS_TRACED]:
            yield Estimate(
                quantity="contribution",
                unit="1",
                value=part.value,
                n=part.n,
                group={**whom, "item": part.label},
                method=f"share of the items times its value; the {ITEMS_TRACED} largest; one item, so no interval",
                note=_answers(answers, row, part.label),
            )


def _answers(one: Answered, group: int, item: str) -> str:
    """The first answer with nobody named and for one group, in words."""
    column = one.items.tolist().index(item)
    asked_item = one.attribute.items[column]
    parts = []
    for who, row in (("nobody named", 0), (list(one.attribute.groups)[group], 1 + group)):
        shares = one.shares[row, column]
        parts.append(f"{who}: {asked_item.options[int(shares.argmax())]} {100 * shares.max():.0f} %")
    return f"“{asked_item.stem} …” {'; '.join(parts)}"
