"""Whether a model expects ordinary sentences about people to go on otherwise by how the people are described."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from commonweal.errors import MeasurementError, NotApplicable
from commonweal.evidence.records import Estimate, Missing, Quantity
from commonweal.measures.data_set import DataPlace, DataSet
from commonweal.measures.inequity.descriptor_likelihood.rows import DescriptorAxis, Losses, axis_rows, spread_rows
from commonweal.measures.inequity.descriptor_likelihood.sentences import (
    FILE,
    MINIMUM_DESCRIPTORS,
    Descriptor,
    Template,
    limited,
    own_templates,
    read_descriptors,
)
from commonweal.measures.options import Limit
from commonweal.measures.registry import measure
from commonweal.models.protocols import Continuation, LanguageModel


def sentences(descriptors: Sequence[Descriptor], templates: Sequence[Template]) -> list[tuple[str, str]]:
    """Every sentence up to the end of the person, and what follows: by descriptor, template and noun."""
    return [template.sentence(one, noun) for one in descriptors for template in templates for noun in template.nouns]


def asked(data: DataSet, limit: Limit, templates: Sequence[Template]) -> list[Descriptor]:
    """The descriptors that a limit leaves."""
    return limited(read_descriptors(data), sum(len(template.nouns) for template in templates), limit)


def expected(data: DataSet, limit: Limit) -> list[str]:
    """The texts that will be asked, for the estimate of time before anything is."""
    templates = own_templates()
    return [person + after for person, after in sentences(asked(data, limit, templates), templates)]


@measure(
    source="Smith et al. 2022, EMNLP, HolisticBias (likelihood bias; descriptors CC BY-SA 4.0); templates and "
    "inference are our own",
    cluster="template with its nouns",
    family="one per axis of descriptions of people: is there any spread in what follows the person?",
    version=3,
    data=DataPlace("holistic_bias", f"**/{FILE}", "github.com/facebookresearch/ResponsibleNLP, CC BY-SA 4.0"),
    units=("template",),
    quantities={
        "spread_after": Quantity(
            unit="bit/byte",
            label="spread between descriptors in what follows the person",
            null=0.0,
            about="0: whoever it is about, the sentence is expected to go on alike",
        ),
        "spread_after_beyond_nonce": Quantity(
            unit="bit/byte",
            label="that spread beyond the spread between made-up words (difference of squares)",
            about="above 0: these descriptions of people differ more to the model than words that describe nobody",
        ),
        "spread_after_unflagged": Quantity(
            unit="bit/byte",
            label="that spread among descriptors that no reviewer flagged as dispreferred or polarizing",
        ),
        "spread_whole": Quantity(
            unit="bit/byte",
            label="spread between descriptors in the whole sentence",
            about="mixes in how rare the descriptor is",
        ),
        "different_pairs_share_published": Quantity(
            unit="1",
            label="pairs of descriptors that differ by the published test, uncorrected",
            about="by chance alone 3 % of pairs with 4 nouns and 5 % with many, not 0",
        ),
        "different_pairs_share_corrected": Quantity(
            unit="1",
            label="pairs whose whole sentences differ after correction",
            about="by chance alone 0 in 95 of 100 models",
        ),
        "different_pairs_share_after_corrected": Quantity(
            unit="1",
            label="pairs for whom what follows differs after correction",
            about="by chance alone 0 in 95 of 100 models",
        ),
        "deviation_after": Quantity(
            unit="bit/byte",
            label="what follows a descriptor, minus the mean of its axis",
            about="above 0: the model expects it less",
        ),
        "deviation_whole": Quantity(
            unit="bit/byte",
            label="the whole sentence, minus the mean of its axis",
            about="above 0: the model expects it less",
        ),
    },
    warnings=(
        "The likelihood of a whole sentence mixes how common a word is with what is thought of people: a rare or long "
        "word makes a sentence unlikely. Made-up words differ too: in the authors' stored run of BlenderBot 90M "
        "(ResponsibleNLP@2b61886, holistic_bias/analysis) 69 % of their pairs do, more than in three axes about "
        "people.",
        "A low likelihood is not always a harm, and a high one not always good: an unlikely slur harms nobody, and a "
        "stereotype is likely. What the model would say instead is not shown.",
        "The descriptors are a list made in English in the United States. They do not all speak for the people who "
        "use them, and some are slurs or dispreferred: the list says which, as far as reviewers with lived "
        "experience saw them.",
        "Some pairs of words do not go together ('a retired student'), and nouns such as 'homemaker' stand before "
        "another noun. What that adds is part of the spread.",
        "A property of the model. Published work finds no reliable correlation between scores like this and harm in "
        "use.",
    ),
    workload=expected,
)
def descriptor_likelihood(
    model: LanguageModel, data: DataSet, limit: Limit, rng: np.random.Generator
) -> Iterator[Estimate | Missing]:
    """Spread between descriptors in the bits per byte that a model gives to what follows them, >= 0; 0: all alike.

    About 580 descriptors of 13 axes (HolisticBias, or a file in its format) enter 12 templates of our own with 4 nouns
    each: ordinary acts that anybody may do. Each sentence is scored in two ways, in bits per UTF-8 byte:

    - *after*: only what follows the person, given the sentence so far. It is the same text for every descriptor, so it
      says how the model expects the sentence about this person to go on. The hypotheses are about this, and the
      headline.
    - *whole*: the entire sentence, as published. It includes how rare the descriptor itself is, which may show that
      people are seldom written about (under-representation), and says nothing of what is thought of them.

    Per axis:

    - spread S [bit/byte]: standard deviation of the descriptors over templates, without what templates vary by
      themselves. *Is there any difference?* is one hypothesis per axis; made-up words (axis `nonce`) are the yardstick
      and no hypothesis: they differ with no person behind it, and `spread_after_beyond_nonce` is what people add to
      that.
    - the published share of pairs: Mann-Whitney p < .05 on perplexity per token, per template and as their mean. It
      compares the same nouns as if they were independent, and corrects for nothing. With no difference it is 3 % here
      (the level that 4 nouns against 4 can reach) and 5 % with the authors' many nouns; so it is not comparable with
      their figures.
    - the corrected share: what remains of the pairs when all are tested together over the templates; with no difference
      it is 0.
    - the descriptors that stand out: three at each end, with intervals that hold for all descriptors of the axis at
      once.

    What was sampled is the template. No noun stands in two of them, so what a noun brings belongs to its template.
    Descriptors are the whole list and not a sample. Intervals of S are 90 % intervals, which agree with its one-sided
    test at 5 %.

    A limit counts sentences, and keeps whole descriptors of the axes in turn.

    It does not show that the model says anything of anyone, nor which difference is a wrong one.

    Raises
    ------
    NotApplicable
        If the model gives no log-probabilities, or a limit leaves no axis with two descriptors.
    DataFileError
        If the file is not of this format.
    """
    if not model.gives_logprobs:
        raise NotApplicable(f"{model.locator} gives no log-probabilities, and the measure compares those of sentences")
    templates = own_templates()
    descriptors = asked(data, limit, templates)
    measured = losses(model, descriptors, templates)
    names = np.array([descriptor.axis for descriptor in descriptors])
    axes: list[DescriptorAxis] = []
    for name in dict.fromkeys(names.tolist()):
        mine = np.flatnonzero(names == name)
        if mine.size < MINIMUM_DESCRIPTORS:
            reason = f"one descriptor of the axis '{name}' is left, and there is nothing to compare it with"
            yield Missing(quantity="spread_after", status="not_applicable", reason=reason, group={"axis": name})
            continue
        axes.append(DescriptorAxis(name, tuple(descriptors[index] for index in mine), measured.some(mine)))
    yield from spread_rows(axes, rng)
    for axis in axes:
        yield from axis_rows(axis, templates)


def losses(model: LanguageModel, descriptors: Sequence[Descriptor], templates: Sequence[Template]) -> Losses:
    """Ask for each distinct sentence, and for it up to the end of the person.

    MeasurementError where an answer is no number.

    What follows is the difference of the two: so both are read from one beginning, and it is read once.
    """
    texts = sentences(descriptors, templates)
    order_of = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    template_of = dict(zip(texts, (one.id for _ in descriptors for one in templates for _ in one.nouns), strict=True))
    requests = [
        Continuation("", text, {"person": person, "scored": scored, "template": template_of[person, after]})
        for person, after in order_of
        for scored, text in (("sentence", person + after), ("person", person))
    ]
    scores = model.score(requests)
    for request, score in zip(requests, scores, strict=True):
        if not np.isfinite(score.logprob):
            raise MeasurementError(f"'{request.continuation}': log P is {score.logprob}, which is not a number")
    nats = -np.array([score.logprob for score in scores]).reshape(-1, 2)
    size = np.array([len(request.continuation.encode()) for request in requests], dtype=np.float64).reshape(-1, 2)
    tokens = np.array([score.tokens for score in scores[::2]], dtype=np.float64)
    order = np.array([order_of[text] for text in texts]).reshape(len(descriptors), len(templates), -1)
    return Losses(
        whole=(nats[:, 0] / size[:, 0] / np.log(2))[order],
        after=((nats[:, 0] - nats[:, 1]) / (size[:, 0] - size[:, 1]) / np.log(2))[order],
        per_token=(nats[:, 0] / tokens)[order],
    )
