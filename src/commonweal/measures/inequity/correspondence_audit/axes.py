"""The comparisons of a correspondence audit, from decisions to contrasts.

Each *axis* (names by gender, names by race, names by both, pronouns, each declared cue) is one comparison between
groups. What this module does not do: it asks nothing, and works out no estimate (see estimates.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from commonweal.measures.inequity.correspondence_audit.design import NamesLayout, VersionsLayout
from commonweal.measures.inequity.correspondence_audit.selection import Swaps, swaps
from commonweal.measures.inequity.correspondence_audit.shown_pair import shown_pair
from commonweal.models.protocols import Decision
from commonweal.statistics.permutation import (
    Array,
    Contrasts,
    Labels,
    Nesting,
    all_pairs,
    matched_contrasts,
    nested_contrasts,
    pairs_with_reference,
)

DRAWS = 9999


@dataclass(frozen=True, slots=True)
class CaseAnswers:
    """What came back for the cases of one layout: float64 (case,) each; `score` is None where there is none."""

    chosen: Array
    score: Array | None


@dataclass(frozen=True, slots=True)
class ComparisonAxis:
    """One comparison: its groups (reference first), outcomes by group, contrasts, and how they were obtained.

    `unit`: what carries the group; `cluster`: the unit that was really sampled.

    `cells` is float64 (unit, context) per group, for the interval of a single group's mean. `matched`: the rows of all
    groups' cells are versions of the same blocks.
    """

    groups: tuple[Mapping[str, str], ...]
    unit: str
    cluster: str
    items: int
    chosen_cells: tuple[Array, ...]
    score_cells: tuple[Array, ...] | None
    chosen: Contrasts
    score: Contrasts | None
    swaps: Swaps | None
    members: tuple[npt.NDArray[np.bool_], ...]
    note: str = ""
    matched: bool = False


def outcomes(decisions: list[Decision], chosen: Array) -> CaseAnswers:
    """Answers of one layout; the chance of being chosen is computed over the whole layout (a pool, or each by
    itself); nan: unread.
    """
    scores = [decision.score for decision in decisions]
    known = np.array([np.nan if score is None else score for score in scores], dtype=np.float64)
    return CaseAnswers(chosen, None if np.isnan(known).any() else known)


def name_axes(layout: NamesLayout, answers: CaseAnswers, rng: np.random.Generator) -> list[ComparisonAxis]:
    """Gender, race ... one at a time (the other attributes held constant by stratum), then their intersections with
    the reference.
    """
    units, contexts = len(layout.names), len(layout.probes)
    unit = np.array([placed.unit for placed in layout.placed])
    context = np.array([placed.context for placed in layout.placed])
    wording = _codes([str(placed.case.labels["wording"]) for placed in layout.placed])
    chosen = _cell_means(answers.chosen, (unit, context), (units, contexts))
    score = None if answers.score is None else _cell_means(answers.score, (unit, context), (units, contexts))
    exchanged = swaps(answers.chosen, unit, context, wording)
    codes = {
        a: np.array([groups.index(name.groups[a]) for name in layout.names]) for a, groups in layout.groups.items()
    }
    axes = []
    for attribute, groups in layout.groups.items():
        strata = _codes(["/".join(v for a, v in name.groups.items() if a != attribute) for name in layout.names])
        named = tuple({attribute: group} for group in groups)
        nesting = Nesting(codes[attribute], strata, all_pairs(len(groups)))
        axes.append(_nested_axis(named, nesting, (chosen, score, exchanged), layout, rng))
    if len(layout.groups) > 1:
        named = tuple(
            dict(zip(layout.groups, combination, strict=True)) for combination in product(*layout.groups.values())
        )
        labels = np.zeros(units, dtype=np.int64)
        for attribute, groups in layout.groups.items():
            labels = labels * len(groups) + codes[attribute]
        nesting = Nesting(labels, np.zeros(units, dtype=np.int64), pairs_with_reference(len(named)))
        axes.append(_nested_axis(named, nesting, (chosen, score, None), layout, rng))
    return axes


def _nested_axis(
    named: tuple[Mapping[str, str], ...],
    nesting: Nesting,
    outcome: tuple[Array, Array | None, Swaps | None],
    layout: NamesLayout,
    rng: np.random.Generator,
) -> ComparisonAxis:
    chosen, score, exchanged = outcome
    seed = int(rng.integers(2**63))
    members = tuple(nesting.labels == code for code in range(len(named)))
    return ComparisonAxis(
        groups=named,
        unit="first name",
        cluster="first name x probe",
        items=len(layout.placed),
        chosen_cells=tuple(chosen[member] for member in members),
        score_cells=None if score is None else tuple(score[member] for member in members),
        chosen=nested_contrasts(chosen, nesting, DRAWS, np.random.default_rng(seed)),
        score=None if score is None else nested_contrasts(score, nesting, DRAWS, np.random.default_rng(seed)),
        swaps=exchanged,
        members=members,
        note=_joined(layout.note, shown_pair(layout.placed, named[1], named[0], matched=False)),
    )


def version_axis(layout: VersionsLayout, answers: CaseAnswers, rng: np.random.Generator) -> ComparisonAxis:
    """Pronouns, or one declared cue."""
    versions = len(layout.groups)
    codes = tuple(np.array([getattr(p, name) for p in layout.placed]) for name in ("unit", "version", "context"))
    shape = (layout.blocks, versions, layout.contexts)
    chosen = _cell_means(answers.chosen, codes, shape)
    score = None if answers.score is None else _cell_means(answers.score, codes, shape)
    seed = int(rng.integers(2**63))
    exchanged, members = None, tuple(np.zeros(0, dtype=bool) for _ in layout.groups)
    if layout.has_baseline:
        wording = _codes([str(placed.case.labels["wording"]) for placed in layout.placed])
        unit = codes[0] * versions + codes[1]
        block = np.arange(layout.blocks * versions) // versions
        exchanged = swaps(answers.chosen, unit, codes[2], wording, block)
        members = tuple(np.arange(layout.blocks * versions) % versions == code for code in range(versions))
    named = tuple({layout.attribute: group} for group in layout.groups)
    return ComparisonAxis(
        groups=named,
        unit=layout.block_name,
        cluster=layout.block_name if layout.contexts == 1 else f"{layout.block_name} x probe",
        items=len(layout.placed),
        chosen_cells=tuple(chosen[:, code, :] for code in range(versions)),
        score_cells=None if score is None else tuple(score[:, code, :] for code in range(versions)),
        chosen=matched_contrasts(chosen, DRAWS, np.random.default_rng(seed)),
        score=None if score is None else matched_contrasts(score, DRAWS, np.random.default_rng(seed)),
        swaps=exchanged,
        members=members,
        note=_joined(
            f"{layout.blocks} {layout.block_name}s, each in a version per group, everything else equal",
            shown_pair(layout.placed, named[1], named[0], matched=True),
        ),
        matched=True,
    )


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _codes(labels: list[str]) -> Labels:
    return np.unique(np.array(labels), return_inverse=True)[1].astype(np.int64)


def _cell_means(values: Array, place: tuple[Labels, ...], shape: tuple[int, ...]) -> Array:
    """Mean outcome per cell of the layout, NaN where a cell was never asked."""
    total, count = np.zeros(shape), np.zeros(shape)
    read = ~np.isnan(values)
    place = tuple(one[read] for one in place)
    np.add.at(total, place, values[read])
    np.add.at(count, place, 1.0)
    mean: Array = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    return mean
