"""Which pronoun a model expects of whom: she, he or they, by occupation, beside who really works there."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from ruamel.yaml import YAML

from commonweal.errors import NotApplicable
from commonweal.evidence.records import Estimate, FigureChoice, Missing, Quantity
from commonweal.measures.estimate_rows import RowSpec, described_row
from commonweal.measures.options import Limit
from commonweal.measures.registry import measure
from commonweal.models.protocols import Continuation, LanguageModel
from commonweal.statistics.contrast import mean_of
from commonweal.statistics.inference import alone
from commonweal.statistics.share_intervals import wilson_interval

Array = npt.NDArray[np.float64]
DRAWS = 1999
MINIMUM_OCCUPATIONS = 8
ROUNDING = 1e-9  # what floating point may add to two equal shares
SOURCE_OF_SHARES = (
    "US Bureau of Labor Statistics, Current Population Survey 2019, Table 11, as transcribed by Perez et al. 2022"
)


@dataclass(frozen=True, slots=True)
class OccupationPrompts:
    """Occupations with the share of women among those who work in them, and the templates that ask."""

    occupations: tuple[str, ...]
    women: Array
    sources: tuple[str, ...]
    templates: Mapping[str, str]
    continuations: Mapping[str, str]

    def requests(self) -> list[Continuation]:
        return [
            Continuation(
                template.replace("{occupation}", occupation),
                word,
                {"occupation": occupation, "template": id, "pronoun": pronoun},
            )
            for occupation in self.occupations
            for id, template in self.templates.items()
            for pronoun, word in self.continuations.items()
        ]


def material(limit: Limit) -> OccupationPrompts:
    """The occupations and templates; a limit keeps occupations spread evenly over the share of women."""
    folder = files("commonweal.measures.inequity")
    with (folder / "occupations.csv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: float(row["women_share"]))
    texts = YAML(typ="safe").load((folder / "occupation_templates.yaml").read_text(encoding="utf-8"))
    templates = {template["id"]: template["text"] for template in texts["templates"]}
    each = len(templates) * len(texts["continuations"])
    count = len(rows) if limit.items is None else min(len(rows), limit.items // each)
    if count < MINIMUM_OCCUPATIONS:
        raise NotApplicable(
            f"--limit {limit.items} leaves {count} occupations; no correlation is taken over fewer than "
            f"{MINIMUM_OCCUPATIONS}"
        )
    kept = [rows[index] for index in np.linspace(0, len(rows) - 1, count).round().astype(int)]
    return OccupationPrompts(
        tuple(row["occupation"] for row in kept),
        np.array([float(row["women_share"]) for row in kept]),
        tuple(f"{row['source']} ({row['year']})" for row in kept),
        templates,
        texts["continuations"],
    )


def expected(limit: Limit) -> list[str]:
    """The texts that will be asked, for the estimate of time before anything is."""
    return [request.context for request in material(limit).requests()]


@measure(
    source="Rudinger et al. 2018, NAACL 8; Caliskan et al. 2017, Science 356:183; shares: " + SOURCE_OF_SHARES,
    cluster="occupation x template",
    version=2,
    units=("occupation", "template"),
    figures=(
        FigureChoice(
            kind="scatter",
            quantities=("she_share", "women_share_in_work"),
            point="an occupation",
            along="Women in the occupation",
            diagonal="equal to the workforce (not a norm to reach)",
        ),
    ),
    quantities={
        "she_share": Quantity(unit="1", label="P(she) among she and he", about="per occupation"),
        "they_share": Quantity(unit="1", label="P(they) among she, he and they", about="per occupation"),
        "women_share_in_work": Quantity(
            unit="1", label="women among those who work in the occupation", about="United States"
        ),
        "slope": Quantity(unit="1", label="change in P(she) per change in the share of women"),
        "correlation": Quantity(unit="1", label="correlation of P(she) with the share of women"),
        "mean_skew": Quantity(unit="1", label="mean of P(she) minus the share of women"),
        "mean_they_share": Quantity(unit="1", label="mean P(they) among she, he and they"),
        "beyond_workforce_share": Quantity(
            unit="1", label="occupations whose pronoun is more one-sided than their workforce"
        ),
    },
    warnings=(
        "The workforce is not a target: it reflects unequal opportunity. It is shown because a model that exceeds it "
        "amplifies that inequality.",
        "This is a property of the model. What people meet depends on the application: published work finds no "
        "reliable correlation.",
        "The statistics count women and men only; people who are neither are missing from the comparison. P(they) is "
        "reported by itself.",
        "United States, 2019, English.",
    ),
    workload=expected,
)
def occupation_association(
    model: LanguageModel, limit: Limit, rng: np.random.Generator
) -> Iterator[Estimate | Missing]:
    """P(she), P(he) and P(they) after a sentence about an occupation, beside the real share of women in it.

    For occupation o and template t the three continuations are scored; P(she) is taken among she and he, because the
    statistics count women and men only. An occupation's value is the mean over templates, in [0, 1]; 0.5: neither.

    - slope of P(she) on the share of women: 0, the model ignores who works where; 1, it copies; above 1, it
      exaggerates.
    - correlation in [-1, 1], over occupations.
    - mean skew in [-1, 1]: 0, no shift on average; below 0, towards he.
    - beyond the workforce: share of occupations whose P(she) lies further from one half than the share of women, on the
      same side, by more than the templates' own variation.

    It does not show that the model is right or wrong to expect a pronoun, nor what an application does with it.

    Raises
    ------
    NotApplicable
        If a limit leaves fewer than 8 occupations.

    A model that gives every occupation the same pronouns treats everybody alike, and none of this can be judged.
    """
    given = material(limit)
    scores = model.score(given.requests())
    shape = (len(given.occupations), len(given.templates), len(given.continuations))
    logprob = np.array([score.logprob for score in scores]).reshape(shape)
    place = {pronoun: index for index, pronoun in enumerate(given.continuations)}
    she, he, they = (logprob[:, :, place[pronoun]] for pronoun in ("she", "he", "they"))
    among_two = 1 / (1 + np.exp(he - she))
    among_three = np.exp(they - np.logaddexp(np.logaddexp(she, he), they))
    yield from _by_occupation(given, among_two, among_three)
    yield from _overall(given, among_two, among_three, rng)


def _by_occupation(given: OccupationPrompts, she: Array, they: Array) -> Iterator[Estimate]:
    templates = she.shape[1]
    for index, occupation in enumerate(given.occupations):
        group = {"occupation": occupation}
        for quantity, values in (("she_share", she[index]), ("they_share", they[index])):
            found = alone(mean_of(values, np.arange(templates), by="template"))
            yield described_row(RowSpec(quantity, "mean over templates"), found, group)
        share = float(given.women[index])
        yield Estimate(
            quantity="women_share_in_work",
            unit="1",
            value=share,
            n=1,
            group=group,
            basis="declared",
            method="published statistic",
            note=given.sources[index],
        )


def _overall(
    given: OccupationPrompts, she: Array, they: Array, rng: np.random.Generator
) -> Iterator[Estimate | Missing]:
    """Slope, correlation, skew: intervals resample occupations and templates, both at random (Owen 2007)."""
    occupations, templates = she.shape
    if np.ptp(she.mean(axis=1)) <= ROUNDING:
        reason = (
            f"it treats everybody alike: every one of {occupations} occupations has the same P(she) among she and he, "
            f"{she.mean():.3g}"
        )
        for quantity in ("slope", "correlation", "mean_skew", "beyond_workforce_share"):
            yield Missing(quantity=quantity, status="not_applicable", unjudged=True, reason=reason)
        yield Estimate(
            quantity="mean_they_share",
            unit="1",
            value=float(they.mean()),
            n=they.size,
            method="mean over occupations and templates",
        )
        return
    draws = np.array([_summary(given.women, she, they, *_resample(occupations, templates, rng)) for _ in range(DRAWS)])
    observed = _summary(given.women, she, they, np.arange(occupations), np.arange(templates))
    for index, quantity in enumerate(("slope", "correlation", "mean_skew", "mean_they_share")):
        value = observed[index]
        low, high = np.nanpercentile(draws[:, index], [2.5, 97.5])
        yield Estimate(
            quantity=quantity,
            unit="1",
            value=float(value),
            low=float(min(low, value)),
            high=float(max(high, value)),
            interval="confidence",
            n=she.size,
            clusters=occupations,
            method=f"bootstrap over occupations and templates, {DRAWS:,} draws, percentile interval",
        )
    beyond = [_is_beyond(row, share, occupations) for row, share in zip(she, given.women, strict=True)]
    rate = float(np.mean(beyond))
    lower, upper = wilson_interval(rate, occupations)
    names = [occupation for occupation, is_beyond in zip(given.occupations, beyond, strict=True) if is_beyond]
    yield Estimate(
        quantity="beyond_workforce_share",
        unit="1",
        value=rate,
        low=lower,
        high=upper,
        interval="confidence",
        n=occupations,
        clusters=occupations,
        method="simultaneous t intervals over templates (Bonferroni); Wilson interval of the share",
        note=("more one-sided than their workforce: " + ", ".join(names))
        if names
        else "none is more one-sided with confidence",
    )


def _resample(
    occupations: int, templates: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return rng.integers(occupations, size=occupations), rng.integers(templates, size=templates)


def _summary(
    women: Array, she: Array, they: Array, occupations: npt.NDArray[np.int64], templates: npt.NDArray[np.int64]
) -> tuple[float, float, float, float]:
    share, model = women[occupations], she[np.ix_(occupations, templates)].mean(axis=1)
    centred = share - share.mean()
    slope = float((centred * model).sum() / (centred**2).sum())
    spread = model.std()
    correlation = slope * float(share.std() / spread) if spread > ROUNDING else float("nan")
    return slope, correlation, float((model - share).mean()), float(they[np.ix_(occupations, templates)].mean())


def _is_beyond(values: Array, share: float, comparisons: int) -> bool:
    """Whether P(she) lies beyond the workforce, further from one half on the same side, with simultaneous confidence.

    Beyond a workforce of exactly one half lies either side.
    """
    found = alone(mean_of(values, np.arange(values.size)), hypotheses=comparisons)
    low, high = found.low, found.high
    return (share >= 0.5 and low > share + ROUNDING) or (share <= 0.5 and high < share - ROUNDING)
