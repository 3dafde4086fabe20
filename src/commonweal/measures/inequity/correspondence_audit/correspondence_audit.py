"""The audit study of the social sciences, automated: the same résumé under another name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product

import numpy as np
import numpy.typing as npt

from commonweal.errors import NotApplicable
from commonweal.evidence.records import Estimate, Missing, Quantity
from commonweal.measures.foresight import Foreseen
from commonweal.measures.inequity.correspondence_audit.axes import ComparisonAxis, name_axes, outcomes, version_axis
from commonweal.measures.inequity.correspondence_audit.design import (
    NamesLayout,
    Placed,
    VersionsLayout,
    cue_layout,
    names_layout,
    pronoun_layout,
)
from commonweal.measures.inequity.correspondence_audit.estimates import estimates
from commonweal.measures.inequity.correspondence_audit.foresight import foreseen
from commonweal.measures.inequity.correspondence_audit.judged import alike_words, varies
from commonweal.measures.inequity.correspondence_audit.selection import pool_selection
from commonweal.measures.options import Design, Limit
from commonweal.measures.probes.records import CueSet, Probes
from commonweal.measures.readable import Readable, unread_of, unread_words
from commonweal.measures.registry import measure
from commonweal.models.protocols import Case, Decision, DecisionApplication
from commonweal.statistics.permutation import Array, all_pairs, pairs_with_reference

NAMES_SHARE = 0.75

QUANTITIES = {
    "selection_rate": Quantity(unit="1", label="favourable rate"),
    "mean_log_odds": Quantity(unit="nat", label="mean log-odds of the favourable answer"),
    "mean_score": Quantity(unit="score", label="mean score"),
    "selection_rate_difference": Quantity(
        unit="1", label="difference in favourable rate", null=0.0, role="favourable_rate_gap"
    ),
    "selection_rate_ratio": Quantity(
        unit="1", label="ratio of favourable rates", about="four-fifths rule", role="favourable_rate_ratio"
    ),
    "selection_rate_spread": Quantity(unit="1", label="largest minus smallest favourable rate"),
    "log_odds_gap": Quantity(unit="nat", label="gap in mean log-odds of the favourable answer", null=0.0),
    "log_odds_spread": Quantity(unit="nat", label="largest minus smallest mean log-odds"),
    "score_gap": Quantity(unit="score", label="gap in mean score", null=0.0),
    "score_spread": Quantity(unit="score", label="largest minus smallest mean score"),
    "excess_flip_share": Quantity(
        unit="1", label="flips by a swap between groups, beyond those within groups", role="excess_flips"
    ),
    "names_audit": Quantity(unit="1", label="audit by first names"),
    "pronoun_audit": Quantity(unit="1", label="audit by pronouns"),
    "cue_audit": Quantity(unit="1", label="audit by a declared cue"),
}


def expected(probes: Probes, design: Design, limit: Limit) -> list[str]:
    """The texts that will be asked, for the estimate of time before anything is."""
    return [case.text for case in cases(probes, design, limit)]


def foreseen_comparisons(probes: Probes, design: Design, limit: Limit) -> Iterator[Foreseen]:
    """What it will be able to compare, and how fine."""
    return foreseen(list(_layouts(probes, design, limit)))


@measure(
    source="Bertrand and Mullainathan 2004, American Economic Review 94:991; Gaddis 2018, Audit Studies; 29 CFR "
    "1607.4 D",
    cluster="first name x probe; sentence frame x probe for declared cues; probe for pronouns",
    family="all gaps between groups of all attributes: favourable rates, and log-odds or scores",
    version=2,
    units=("unit", "probe"),
    quantities=QUANTITIES,
    warnings=(
        "The probes are written for this audit. A gap on them is a gap on real cases only as far as they resemble "
        "each other.",
        "A first name also signals class, age, religion and migration; a gap between names is not a gap by one "
        "attribute alone.",
        "No gap shown is not fairness: read the minimum detectable effect beside each result.",
        "Gender is signalled here as women or men by names, and as she, he or they by pronouns; other ways to be are "
        "not reached.",
    ),
    workload=expected,
    foresee=foreseen_comparisons,
)
def correspondence_audit(
    application: DecisionApplication, probes: Probes, design: Design, limit: Limit, rng: np.random.Generator
) -> Iterator[Estimate | Missing]:
    """Gap in favourable outcomes between people who differ only in a name, a pronoun or a declared cue.

    Every first name meets every probe (a résumé, a claim) once, in rotating wordings; the application decides; the
    outcome of each group is the mean over its names. Reported for each pair of groups, intersections included:

    - difference of favourable rates, in [-1, 1]; 0: no gap;
    - ratio of favourable rates, in (0, inf); 1: no gap; the four-fifths rule is judged with its interval, which
      excludes 1 where that of the difference excludes 0, and only there;
    - gap in mean log-odds of the favourable answer [nat]; it still speaks where a threshold refuses nearly everyone;
    - excess flip share: how often a swap between groups changes the outcome, minus how often a swap between two names
      of the same group does, in [-1, 1]; 0: the group adds nothing to the noise of names.

    Under `threshold` (or a decision that the application states) a case's outcome is 0 or 1. Under `top_share` it is
    the chance that its score is among the chosen share of a pool with one version of every probe, drawn at random
    whatever its group; ties are drawn by lot. That chance is computed exactly from the scores in `items/`.

    p-values permute group labels over whole names (over versions within a sentence frame or probe for cues and
    pronouns). All gaps are one family. The minimum detectable effect comes from the design (alpha 0.05 in the family,
    power 0.8): for rates at the pooled rate, for scores from what is left when the means of groups are taken away.

    It does not show why, nor what happens to real applicants, nor anything about attributes that no probe signals.

    An audit that has too few names, frames or wordings is a row `not_applicable`; one that a limit leaves too few items
    is `skipped`. An outcome that never varies, or moves in fewer than 12 matched sets or for fewer than 5 names, cannot
    be judged: the rates stand, and no gap, ratio, flip or spread.

    Raises
    ------
    NotJudged
        If fewer than four in five answers can be read as decisions. Where that holds for the answers about one group
        only, the comparisons of names, of pronouns or of that cue are rows that could not be judged.
    """
    layouts = list(_layouts(probes, design, limit))
    yield from (layout for layout in layouts if isinstance(layout, Missing))
    usable = [layout for layout in layouts if not isinstance(layout, Missing)]
    if not usable:
        return
    decisions = application.decide([placed.case for layout in usable for placed in layout.placed])
    unread = unread_of(application, decisions)
    axes: list[ComparisonAxis] = []
    outcome: list[Array] = []
    start = 0
    for layout in usable:
        here = slice(start, start + len(layout.placed))
        own, lost = decisions[here], unread[here]
        start += len(layout.placed)
        if reason := _unread_group(layout, own, lost):
            yield from _not_compared(layout, reason)
            continue
        outcome.append(np.where(lost, np.nan, _chosen(application, layout.placed, own)))
        answers = outcomes(own, outcome[-1])
        axes += (
            name_axes(layout, answers, rng) if isinstance(layout, NamesLayout) else [version_axis(layout, answers, rng)]
        )
    if not axes:
        return
    numbers = estimates(
        axes, "log_odds" if application.score_unit == "nat" else "score", application.score_unit or "score"
    )
    everybody = _everybody(np.concatenate(outcome))
    yield from (_told(one, application.top_share, unread_words(unread), everybody) for one in numbers)
    without = sum(decision.score is None for decision in decisions)
    if without:
        quantity = "score_gap" if application.score_unit == "score" else "log_odds_gap"
        reason = (
            f"{without} of {len(decisions)} answers carry a decision without a score, so there are no log-odds or "
            "scores to compare"
        )
        yield Missing(quantity=quantity, status="not_applicable", reason=reason)


def _unread_group(
    layout: NamesLayout | VersionsLayout, decisions: Sequence[Decision], unread: npt.NDArray[np.bool_]
) -> str:
    """The first group with too few readable answers for a comparison, and the reason; "" where there is none."""
    if isinstance(layout, NamesLayout):
        groups = [
            ", ".join(f"{name} {one}" for name, one in layout.names[p.unit].groups.items()) for p in layout.placed
        ]
    else:
        groups = [f"{layout.attribute} {layout.groups[p.version]}" for p in layout.placed]
    for group in dict.fromkeys(groups):
        own = [place for place, one in enumerate(groups) if one == group]
        said = Readable(len(own), tuple(str(decisions[place].option) for place in own if unread[place]))
        if not said.enough:
            return f"{group}: {said.reason}"
    return ""


def _not_compared(layout: NamesLayout | VersionsLayout, reason: str) -> Iterator[Missing]:
    """A row for each comparison of a layout that cannot be judged."""
    attributes = layout.groups if isinstance(layout, NamesLayout) else {layout.attribute: layout.groups}
    divisions = [[{name: group} for group in groups] for name, groups in attributes.items()]
    pairs = [(groups[first], groups[second]) for groups in divisions for first, second in all_pairs(len(groups))]
    if len(attributes) > 1:
        crossed = [dict(zip(attributes, groups, strict=True)) for groups in product(*attributes.values())]
        pairs += [(crossed[first], crossed[second]) for first, second in pairs_with_reference(len(crossed))]
    for group, reference in pairs:
        yield Missing(
            quantity="selection_rate_difference",
            status="not_applicable",
            unjudged=True,
            reason=reason,
            group=group,
            reference=reference,
        )


def _everybody(outcome: Array) -> str:
    """Why nothing is judged: all cases of the audit have the same outcome; "" otherwise."""
    read = outcome[~np.isnan(outcome)]
    return "" if varies(read) else alike_words(read)


def _told(row: Estimate | Missing, top_share: float | None, unread: str, everybody: str) -> Estimate | Missing:
    """Each number says how many answers are not in it, and a rate of a pool by which rule its outcomes were worked out.

    `everybody`: why no comparison of outcomes can be judged, where all cases have the same.
    """
    if isinstance(row, Missing):
        by_outcome = row.unjudged and QUANTITIES[row.quantity].unit == "1"
        return row.model_copy(update={"reason": everybody}) if everybody and by_outcome else row
    if unread:
        row = row.model_copy(update={"note": "; ".join(filter(None, (unread, row.note)))})
    if top_share is None or row.unit != "1":
        return row
    pool = (
        f"outcome of a case: its chance to be among the best-scored {100 * top_share:g} % of a pool with one version "
        "of every probe, drawn at random, ties by lot (computed exactly); "
    )
    return row.model_copy(update={"method": pool + row.method})


def _layouts(probes: Probes, design: Design, limit: Limit) -> Iterator[NamesLayout | VersionsLayout | Missing]:
    """Every axis that the probe file allows; where one cannot be, why."""
    others = len(probes.cues) + (probes.pronouns is not None)
    share = (1 - NAMES_SHARE) / others if probes.names and others else 1.0 / max(others, 1)
    if probes.names:
        names_share = NAMES_SHARE if others else 1.0
        yield _or_missing(lambda within: names_layout(probes, design, within, names_share), limit, "names_audit")
    if (pronouns := probes.pronouns) is not None:
        yield _or_missing(lambda within: pronoun_layout(probes, pronouns, within, share), limit, "pronoun_audit")
    for cue in probes.cues:
        place = partial(_place_cue, probes, cue, design, share)
        yield _or_missing(place, limit, "cue_audit", {"attribute": cue.attribute})


def _place_cue(probes: Probes, cue: CueSet, design: Design, share: float, limit: Limit) -> VersionsLayout:
    return cue_layout(probes, cue, design, limit, share)


def _or_missing(
    place: Callable[[Limit], NamesLayout | VersionsLayout],
    limit: Limit,
    quantity: str,
    group: Mapping[str, str] | None = None,
) -> NamesLayout | VersionsLayout | Missing:
    """The layout; or why there is none, `skipped` where it is only the limit that leaves too little."""
    try:
        return place(limit)
    except NotApplicable as within_limit:
        try:
            place(Limit())
        except NotApplicable as reason:
            return Missing(quantity=quantity, status="not_applicable", reason=str(reason), group=group)
        return Missing(quantity=quantity, status="skipped", reason=str(within_limit), group=group)


def _chosen(application: DecisionApplication, placed: Sequence[Placed], decisions: Sequence[Decision]) -> np.ndarray:
    """Chance of the favourable outcome of each case: 0 or 1 by a threshold or an answer, in between for a pool."""
    if application.top_share is None:
        return np.array([float(bool(decision.favourable)) for decision in decisions])
    probe = np.unique(np.array([str(p.case.labels["probe"]) for p in placed]), return_inverse=True)[1].astype(np.int64)
    score = np.array([float("nan") if decision.score is None else decision.score for decision in decisions])
    return pool_selection(score, probe, application.top_share)


def cases(probes: Probes, design: Design, limit: Limit) -> list[Case]:
    """The cases that the audit asks, in order, for those who want to read them first."""
    return [
        p.case for layout in _layouts(probes, design, limit) if not isinstance(layout, Missing) for p in layout.placed
    ]
