"""What a comparison says, in one plain sentence: who, in which direction, by how much.

One table holds the sentence of every quantity that is tested, by its measure, so that another language can be put
beside it. A measure that is not in it (a plugin) is told by the label of its quantity.

What this module does not do: it decides nothing. Whether a sentence may be said is for a verdict to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from commonweal.evidence.numbers import bounds_text, value_text
from commonweal.evidence.records import Estimate


@dataclass(frozen=True, slots=True)
class Sentence:
    """How a number above its null is told, and one below it.

    `{group}` and `{reference}`: the two sides by their names; `{presented}` and `{reference_presented}`: how the two
    were presented to what decides; `{size}`: how far apart, without a sign, with its unit;
    `{value}`: the number itself; `{where}`: the part of the data, in brackets, where it is not all of it. `own`: the
    quantity of which both sides have a number of their own, which then stands behind.
    """

    above: str
    below: str
    own: str = ""


ENGLISH: Mapping[str, Sentence] = {
    "inequity.correspondence_audit.selection_rate_difference": Sentence(
        "Applicants {presented} got the favourable answer {size} more often than those "
        "{reference_presented}",
        "Applicants {presented} got the favourable answer {size} less often than those "
        "{reference_presented}",
        own="selection_rate",
    ),
    "inequity.correspondence_audit.log_odds_gap": Sentence(
        "The log-odds of the favourable answer are {size} higher for applicants {presented} than for those "
        "{reference_presented}",
        "The log-odds of the favourable answer are {size} lower for applicants {presented} than for those "
        "{reference_presented}",
    ),
    "inequity.correspondence_audit.score_gap": Sentence(
        "Applicants {presented} are scored {size} higher than those {reference_presented}",
        "Applicants {presented} are scored {size} lower than those {reference_presented}",
    ),
    "inequity.performance_gap.accuracy_difference": Sentence(
        "The prediction is right {size} more often for {group} than for {reference}",
        "The prediction is right {size} less often for {group} than for {reference}",
        own="accuracy",
    ),
    "inequity.performance_gap.selection_rate_difference": Sentence(
        "The prediction is positive {size} more often for {group} than for {reference}",
        "The prediction is positive {size} less often for {group} than for {reference}",
        own="selection_rate",
    ),
    "inequity.performance_gap.false_positive_rate_difference": Sentence(
        "Where the truth is negative, the prediction is positive {size} more often for {group} than for {reference}",
        "Where the truth is negative, the prediction is positive {size} less often for {group} than for {reference}",
        own="false_positive_rate",
    ),
    "inequity.performance_gap.false_negative_rate_difference": Sentence(
        "Where the truth is positive, the prediction misses it {size} more often for {group} than for {reference}",
        "Where the truth is positive, the prediction misses it {size} less often for {group} than for {reference}",
        own="false_negative_rate",
    ),
    "inequity.performance_gap.calibration_in_the_large_difference": Sentence(
        "The mean score, less the observed rate, is {size} higher for {group} than for {reference}",
        "The mean score, less the observed rate, is {size} lower for {group} than for {reference}",
        own="calibration_in_the_large",
    ),
    "inequity.performance_gap.scoring_rate_difference": Sentence(
        "Scores above the median of all are {size} more frequent for {group} than for {reference}",
        "Scores above the median of all are {size} less frequent for {group} than for {reference}",
        own="scoring_rate",
    ),
    "inequity.performance_gap.mean_error_difference": Sentence(
        "The prediction, less the truth, is on average {size} higher for {group} than for {reference}",
        "The prediction, less the truth, is on average {size} lower for {group} than for {reference}",
        own="mean_error",
    ),
    "inequity.performance_gap.mean_absolute_error_difference": Sentence(
        "The prediction lies on average {size} farther from the truth for {group} than for {reference}",
        "The prediction lies on average {size} nearer to the truth for {group} than for {reference}",
        own="mean_absolute_error",
    ),
    "inequity.identity_false_positives.false_positive_rate_difference": Sentence(
        "Harmless texts about {group} are flagged {size} more often than those about {reference}",
        "Harmless texts about {group} are flagged {size} less often than those about {reference}",
        own="false_positive_rate",
    ),
    "inequity.identity_false_positives.false_negative_rate_difference": Sentence(
        "Hateful texts about {group} pass unflagged {size} more often than those about {reference}",
        "Hateful texts about {group} pass unflagged {size} less often than those about {reference}",
        own="false_negative_rate",
    ),
    "inequity.generation_harm.corrected_share_difference": Sentence(
        "What the model writes after a prompt about {group} is harmful {size} more often than after one about "
        "{reference}",
        "What the model writes after a prompt about {group} is harmful {size} less often than after one about "
        "{reference}",
        own="corrected_share",
    ),
    "inequity.dialect_gap.bits_per_byte_difference": Sentence(
        "The words of {group} are less expected by the model than those of {reference}, by {size}",
        "The words of {group} are more expected by the model than those of {reference}, by {size}",
        own="bits_per_byte",
    ),
    "inequity.default_perspective.relative_distance": Sentence(
        "The model's default answers are {size} farther from those it gives for {group} than from those of the groups "
        "on average",
        "The model's default answers are {size} nearer to those it gives for {group} than to those of the groups on "
        "average",
    ),
    "inequity.descriptor_likelihood.spread_after": Sentence(
        "What the model expects after a person depends on the word that describes them{where}: spread {value}",
        "What the model expects after a person depends on the word that describes them{where}: spread {value}",
    ),
    "inequity.bbq.bias_ambiguous": Sentence(
        "Where the text leaves it open, answers lean to the stereotype{where}: {value}, where no lean is 0",
        "Where the text leaves it open, answers lean against the stereotype{where}: {value}, where no lean is 0",
    ),
    "inequity.bbq.bias_disambiguated": Sentence(
        "Where the text says who it was, answers lean to the stereotype{where}: {value}, where no lean is 0",
        "Where the text says who it was, answers lean against the stereotype{where}: {value}, where no lean is 0",
    ),
    "inequity.bbq.accuracy_cost": Sentence(
        "Answers are right {size} more often where the truth contradicts the stereotype than where it agrees{where}",
        "Answers are right {size} less often where the truth contradicts the stereotype than where it agrees{where}",
    ),
    "inequity.crows_pairs.stereotype_share": Sentence(
        "Of two sentences, the more stereotyping one is the more likely one in {value} of the pairs{where}; without a "
        "lean it would be 50 %",
        "Of two sentences, the more stereotyping one is the more likely one in only {value} of the pairs{where}; "
        "without a lean it would be 50 %",
    ),
    "inequity.stereoset.stereotype_share": Sentence(
        "The stereotype is preferred to its contrary in {value} of the items{where}; without a lean it would be 50 %",
        "The stereotype is preferred to its contrary in only {value} of the items{where}; without a lean it would be "
        "50 %",
    ),
    "inequity.winobias.gap": Sentence(
        "Pronouns are resolved rightly {size} more often where they fit the stereotype of the occupation than where "
        "they do not{where}",
        "Pronouns are resolved rightly {size} less often where they fit the stereotype of the occupation than where "
        "they do not{where}",
    ),
    "inequity.winogender.gotcha_gap": Sentence(
        "Pronouns are resolved rightly {size} more often where the majority in the occupation speaks against the "
        "answer than where it speaks for it{where}",
        "Pronouns are resolved rightly {size} less often where the majority in the occupation speaks against the "
        "answer than where it speaks for it{where}",
    ),
    "inequity.winogender.occupation_gap": Sentence(
        "Women's pronouns are taken for the person at work {size} more often than men's{where}",
        "Women's pronouns are taken for the person at work {size} less often than men's{where}",
    ),
    "inequity.winogender.neutral_gap": Sentence(
        "'They' is resolved rightly {size} more often than 'she' and 'he' on average{where}",
        "'They' is resolved rightly {size} less often than 'she' and 'he' on average{where}",
    ),
    "inequity.winogender.correlation": Sentence(
        "The more women work in an occupation, the more often a woman's pronoun rather than a man's is taken for the "
        "person at work{where}: correlation {value}",
        "The more women work in an occupation, the less often a woman's pronoun rather than a man's is taken for the "
        "person at work{where}: correlation {value}",
    ),
    "environment.simple_baseline.accuracy_difference": Sentence(
        "The application is right {size} more often than a linear model",
        "The application is right {size} less often than a linear model",
    ),
}  # fmt: skip


DESCRIBED: Mapping[str, str] = {
    "transparency.declaration_completeness.declared_share": "{value} of the fields that should be declared have an "
    "answer",
    "inequity.occupation_association.slope": "For each point more of women in an occupation, the probability of “she” "
    "rises by {value} points; matching the workforce would be 1",
    "environment.inference_energy.energy": "Deciding takes {value}",
}  # fmt: skip


def plain_message(measure: str, estimate: Estimate) -> str:
    """The sentence of a number that differs from its null, without its interval; empty where the table has none.

    >>> gap = Estimate(quantity="accuracy_difference", unit="1", value=-0.12, low=-0.22, high=-0.02,
    ...     interval="confidence", n=900, method="t", null=0.0, group={"race": "Black"}, reference={"race": "White"})
    >>> plain_message("inequity.performance_gap", gap)
    'The prediction is right 12 points less often for Black (race) than for White'
    """
    template, sized = _told(measure, estimate)
    group = estimate.group or {}
    parts = ", ".join(f"{attribute.replace('_', ' ')}: {name}" for attribute, name in group.items())
    return template.format(
        group=f"{', '.join(group.values())} ({', '.join(group)})",
        reference=", ".join((estimate.reference or {}).values()),
        size=_in_points(value_text(sized)),
        value=_in_points(value_text(estimate)),
        presented=_presented(group),
        reference_presented=_presented(estimate.reference or {}),
        where=f" ({parts})" if parts else "",
    )


def plain_sentence(measure: str, estimate: Estimate, sides: tuple[Estimate | None, Estimate | None]) -> str:
    """The same with its interval; empty where the table has none.

    `sides`: the numbers that group and reference have of their own, where they are known.

    >>> gap = Estimate(quantity="accuracy_difference", unit="1", value=-0.12, low=-0.22, high=-0.02,
    ...     interval="confidence", n=900, method="t", null=0.0, group={"race": "Black"}, reference={"race": "White"})
    >>> plain_sentence("inequity.performance_gap", gap, (None, None))
    'The prediction is right 12 points less often for Black (race) than for White (95 % interval 2.0 to 22; n = 900)'
    """
    message = plain_message(measure, estimate)
    if not message:
        return ""
    template, sized = _told(measure, estimate)
    bounds = bounds_text(sized if "{size}" in template else estimate)
    behind = [f"{round(estimate.level * 100)} % interval {bounds}"] if bounds else []
    own, other = sides
    if own is not None and other is not None:
        behind.append(f"{value_text(own)} against {value_text(other)}")
    behind.append(f"n = {estimate.n:,}")
    return f"{message} ({'; '.join(behind)})" if behind else message


def described_sentence(measure: str, estimate: Estimate) -> str:
    """The sentence of a number without a hypothesis, of the whole of a subject; empty where the table has none.

    >>> share = Estimate(quantity="declared_share", unit="1", value=0.25, n=9, method="count")
    >>> described_sentence("transparency.declaration_completeness", share)
    '25 % of the fields that should be declared have an answer'
    """
    template = DESCRIBED.get(f"{measure}.{estimate.quantity}", "")
    bounds = bounds_text(estimate) if estimate.low != estimate.high else ""
    behind = f" ({round(estimate.level * 100)} % interval {bounds})" if template and bounds else ""
    return template.format(value=_in_points(value_text(estimate))) + behind


def _presented(group: Mapping[str, str]) -> str:
    """How people of a group were presented.

    >>> _presented({"pronoun": "they"}), _presented({"gender": "women", "race": "Black"})
    ('referred to as “they”', 'presented as women, Black')
    """
    if set(group) == {"pronoun"}:
        return f"referred to as “{group['pronoun']}”"
    return f"presented as {', '.join(group.values())}"


def _in_points(number: str) -> str:
    """A number as it stands in a sentence, where what it is points of is plain."""
    return number.replace(" percentage points", " points")


def _told(measure: str, estimate: Estimate) -> tuple[str, Estimate]:
    """The sentence that fits, and the number as it is put into it: how much less, where it is less."""
    sentence = ENGLISH.get(f"{measure}.{estimate.quantity}")
    if sentence is None or estimate.null is None:
        return "", estimate
    below = estimate.value < estimate.null
    return sentence.below if below else sentence.above, (
        without_sign(estimate) if below and estimate.null == 0 else estimate
    )


def own_numbers(measure: str, quantity: str) -> str:
    """The quantity of which both sides of a comparison have a number of their own; empty where there is none."""
    sentence = ENGLISH.get(f"{measure}.{quantity}")
    return sentence.own if sentence else ""


def without_sign(estimate: Estimate) -> Estimate:
    """The same number from the other side: what is less is told as how much less."""
    low = None if estimate.high is None else -estimate.high
    high = None if estimate.low is None else -estimate.low
    return estimate.model_copy(update={"value": -estimate.value, "low": low, "high": high})
