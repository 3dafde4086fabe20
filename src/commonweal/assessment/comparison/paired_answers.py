"""The answers of two systems to the same requests, as they lie in two dossiers.

Outcomes that can be paired: log-probabilities of texts, and scores or favourable answers of decisions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from commonweal.assessment.comparison.dossier_items import (
    Said,
    Subjects,
    counted,
    joined,
    sampled_units,
    subjects_of,
    texts_of,
)
from commonweal.assessment.comparison.paired_outcomes import MOST_GROUPS, ComparedOutcome, Paired
from commonweal.errors import DataFileError
from commonweal.statistics.contrast import Array

QUANTITIES_NAMED = 4
ANSWERS = frozenset(
    {"key", "text", "context", "continuation", "logprob", "tokens", "greedy", "option", "favourable", "score", "seed"}
)
NO_GROUPS = frozenset({"item", "axis", "wording"})
Frames = tuple[pl.DataFrame, pl.DataFrame]


def pair_answers(subjects: Subjects, frames: Frames, title: str, said: Said) -> Iterator[Paired]:
    """What both answered to requests of the same text."""
    names = [text for text in ("continuation", "text") if all(text in frame.columns for frame in frames)]
    answered = [name for name in ("logprob", "score", "favourable") if all(name in frame.columns for frame in frames)]
    if not names or not answered:
        columns = ", ".join(name for name in frames[0].columns if name != "key")
        said.unpaired.append(f"{title}: its items are no requests with an answer in numbers (columns: {columns})")
        return
    both = joined(
        frames, ["context", "continuation"] if names[0] == "continuation" else ["text"], answered, title, said
    )
    if "logprob" in answered and both.height:
        said.unpaired.append(
            f"{title}: {_own_numbers(subjects[0].quantities)} not compared; the log-probability of the texts is"
        )
    for attributes, part in _designs(both, subjects[0].attributes) if both.height else ():
        yield from _outcomes(subjects, attributes, part, (title, said))


def _own_numbers(quantities: Sequence[str]) -> str:
    """What a measure makes of its texts, in words.

    >>> _own_numbers(["bias", "accuracy"]), _own_numbers(list("abcdef"))
    ('what the measure makes of them (bias, accuracy) is', 'what the measure makes of them (a, b, c, d and 2 more) is')
    """
    more = len(quantities) - QUANTITIES_NAMED
    named = ", ".join(quantities[:QUANTITIES_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"what the measure makes of them ({named}) is"


def _designs(both: pl.DataFrame, attributes: frozenset[str]) -> Iterator[tuple[tuple[str, ...], pl.DataFrame]]:
    """The items by the attributes that they vary: names by gender and race are one design, pronouns another."""
    columns = [name for name in both.columns if name in attributes]
    varies = both.select([pl.col(name).is_not_null().alias(name) for name in columns])
    kinds = varies.unique(maintain_order=True).rows() if columns else [()]
    for kind in kinds:
        keep = np.ones(both.height, dtype=np.bool_)
        for name, known in zip(columns, kind, strict=True):
            keep &= varies[name].to_numpy() == known
        yield tuple(name for name, known in zip(columns, kind, strict=True) if known), both.filter(keep)


def _outcomes(
    subjects: Subjects, attributes: tuple[str, ...], part: pl.DataFrame, spoken: tuple[str, Said]
) -> Iterator[Paired]:
    (title, said), (first, second) = spoken, subjects
    by = f", by {' and '.join(attributes)}" if attributes else ""
    where, note = title + by, f"{first.measure}, on {subjects_of(*subjects)}{by}"
    factors, why = sampled_units(first.units, attributes, part)
    if why:
        said.unpaired.append(f"{where}: {why}")
        return
    known = [name for name in ("logprob", "score", "favourable") if f"{name}_b" in part.columns]
    for name in known:
        outcome, why = _outcome(name, subjects, part)
        if outcome is None:
            said.unpaired.append(f"{where}, {name}: {why}")
            continue
        used = part.filter(pl.col(name).is_not_null() & pl.col(f"{name}_b").is_not_null())
        if used.height < part.height:
            said.unpaired.append(
                f"{where}, {name}: {part.height - used.height} of {part.height} items have none in A or in B"
            )
        a, b = (_numbers(name, column, used) for column in (name, f"{name}_b"))
        sampled = " x ".join(factors)
        clusters = tuple(texts_of(used[factor]) for factor in factors)
        groups = {each: texts_of(used[each]) for each in _grouping(attributes, factors, used)}
        said.paired.append(f"{where}: {used.height} items by their text, {outcome.label}, {counted(factors, clusters)}")
        yield Paired(first.measure, (first.subject, second.subject), outcome, a, b, clusters, sampled, groups, note)


def _grouping(attributes: Sequence[str], factors: Sequence[str], part: pl.DataFrame) -> list[str]:
    """Attributes of groups; and what varies between the continuations of one context, such as the pronoun."""
    grouping = [name for name in attributes if name not in factors]
    if "context" in part.columns:
        labels = [
            name
            for name, kind in part.schema.items()
            if kind == pl.String
            and name not in {*ANSWERS, *NO_GROUPS, *factors, *grouping}
            and part[name].n_unique() <= MOST_GROUPS
        ]
        inside = part.group_by("context").agg([pl.col(name).n_unique() for name in labels])
        grouping += [name for name in labels if (inside[name] > 1).any()]
    return grouping


def _outcome(name: str, subjects: Subjects, part: pl.DataFrame) -> tuple[ComparedOutcome | None, str]:
    if part[name].null_count() == part.height or part[f"{name}_b"].null_count() == part.height:
        return None, "no item has one (a rule that chooses from a pool decides about no item by itself)"
    if name == "logprob":
        return ComparedOutcome(
            "logprob", "log-probability of the text", "bit/byte", higher_is_better=None, most=0.0
        ), ""
    if name == "favourable":
        return ComparedOutcome(
            "favourable", "share of favourable answers", "1", higher_is_better=None, least=0.0, most=1.0
        ), ""
    if subjects[0].prompt != subjects[1].prompt:
        return None, "one side gives log-odds, the other a score on its own scale"
    log_odds = ComparedOutcome("log_odds", "log-odds of the favourable answer", "nat", higher_is_better=None)
    return (log_odds if subjects[0].prompt else ComparedOutcome("score", "score", "score", higher_is_better=None)), ""


def _numbers(name: str, column: str, part: pl.DataFrame) -> Array:
    values = part[column].cast(pl.Float64).to_numpy().astype(np.float64)
    if not np.isfinite(values).all():
        raise DataFileError(
            f"the {name} of {int((~np.isfinite(values)).sum())} items is not a number, so nothing is compared"
        )
    if name == "logprob":
        values = values / np.log(2) / part["continuation"].str.len_bytes().to_numpy()
    return np.asarray(values)
