"""Which cases a correspondence audit puts to an application, fixed before anything is asked.

Two layouts (see `commonweal.statistics.permutation`):

- *names*, nested: each first name signals one group per attribute and meets every probe once, in rotating wordings;
- *versions*, matched: pronouns (one version of a probe per pronoun) and declared cues (one version of a sentence frame
  per group), everything else equal.

What this module does not do: it asks nothing and computes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from commonweal.errors import NotApplicable
from commonweal.measures.options import Design, Limit
from commonweal.measures.probes.records import (
    CueSet,
    Name,
    Probe,
    Probes,
    PronounSet,
    Wording,
    render_cue,
    render_name,
    render_pronoun,
)
from commonweal.models.protocols import Case

MINIMUM_NAMES = 9
MINIMUM_WORDINGS = 5
MINIMUM_BLOCKS = 12
MINIMUM_PROBES = 4
PROBES_PER_FRAME = {Design.BALANCED: 2, Design.FULL: 8}


@dataclass(frozen=True, slots=True)
class Placed:
    """A case and where it stands: unit (name) or block and version, and context (probe)."""

    case: Case
    unit: int
    version: int
    context: int


@dataclass(frozen=True, slots=True)
class NamesLayout:
    """Names nested in groups. `groups[attribute]` lists the groups, the reference group first."""

    names: tuple[Name, ...]
    groups: dict[str, tuple[str, ...]]
    probes: tuple[Probe, ...]
    placed: tuple[Placed, ...]
    note: str


@dataclass(frozen=True, slots=True)
class VersionsLayout:
    """Versions matched within blocks. `groups` starts with the reference group."""

    attribute: str
    groups: tuple[str, ...]
    blocks: int
    contexts: int
    block_name: str
    placed: tuple[Placed, ...]
    has_baseline: bool


def reference_first(groups: list[str], reference: str | None) -> tuple[str, ...]:
    """Groups in a fixed order, the named reference group first.

    >>> reference_first(["women", "men"], "men")
    ('men', 'women')
    """
    return tuple(sorted(set(groups), key=lambda group: (group != reference, group)))


def balanced_names(probes: Probes) -> tuple[list[Name], int]:
    """As many names in every cell (gender x race ...) as its smallest has, in the order of the list."""
    cells: dict[tuple[str, ...], list[Name]] = defaultdict(list)
    for name in probes.names:
        cells[tuple(name.groups.values())].append(name)
    combinations = 1
    for attribute in probes.attributes:
        combinations *= len({name.groups[attribute] for name in probes.names})
    if len(cells) < combinations:
        raise NotApplicable(
            f"the names cover {len(cells)} of {combinations} combinations of {' x '.join(probes.attributes)}"
        )
    size = min(len(members) for members in cells.values())
    return [name for cell in sorted(cells) for name in cells[cell][:size]], size


def names_layout(probes: Probes, design: Design, limit: Limit, share: float) -> NamesLayout:
    """The layout of first names, in which they may use `share` of the limit."""
    if len(probes.wordings) < MINIMUM_WORDINGS:
        raise NotApplicable(
            f"the probe file has {len(probes.wordings)} wordings with a name; at least {MINIMUM_WORDINGS} are needed"
        )
    names, size = balanced_names(probes)
    cells = len(names) // size
    if size < MINIMUM_NAMES:
        raise NotApplicable(
            f"{size} names in the smallest group of {' x '.join(probes.attributes)}; at least {MINIMUM_NAMES} are "
            "needed, because names of one group differ among themselves and fewer would show gaps that are not there"
        )
    size, count = _within_limit(cells, size, len(probes.probes), limit, share)
    kept = [name for start in range(0, len(names), len(names) // cells) for name in names[start : start + size]]
    chosen = probes.probes[:count]
    every = len(probes.wordings) if design is Design.FULL else 1
    placed = [
        Placed(
            _name_case(probes.wordings[(unit % size + context + turn) % len(probes.wordings)], probe, name),
            unit,
            0,
            context,
        )
        for context, probe in enumerate(chosen)
        for unit, name in enumerate(kept)
        for turn in range(every)
    ]
    groups = {a: reference_first([n.groups[a] for n in kept], probes.reference.get(a)) for a in probes.attributes}
    note = (
        f"{size} names in each of {cells} groups, {len(chosen)} probes, {len(probes.wordings)} wordings, "
        f"{design.value} design"
    )
    return NamesLayout(tuple(kept), groups, chosen, tuple(placed), note)


def _within_limit(cells: int, size: int, probes: int, limit: Limit, share: float) -> tuple[int, int]:
    """Names per cell and probes that fit a limit; at least 9 names and 4 probes, else nothing is asked."""
    if limit.items is None or cells * size * probes <= limit.items * share:
        return size, probes
    budget = int(limit.items * share)
    count = min(probes, budget // (cells * MINIMUM_NAMES))
    if count < MINIMUM_PROBES:
        raise NotApplicable(
            f"--limit {limit.items} leaves {budget} items here; {cells} groups x {MINIMUM_NAMES} names x "
            f"{MINIMUM_PROBES} probes need {cells * MINIMUM_NAMES * MINIMUM_PROBES}"
        )
    return min(size, budget // (cells * count)), count


def _name_case(wording: Wording, probe: Probe, name: Name) -> Case:
    labels = {"axis": "name", "unit": name.name, **name.groups, "probe": probe.id, "wording": wording.id}
    return Case(render_name(wording, probe, name), labels)


def pronoun_layout(probes: Probes, pronouns: PronounSet, limit: Limit, share: float) -> VersionsLayout:
    """One version of each probe per pronoun, in two rotating wordings; the probe is the block."""
    if len(pronouns.wordings) < MINIMUM_WORDINGS:
        raise NotApplicable(f"{len(pronouns.wordings)} wordings with a pronoun; at least {MINIMUM_WORDINGS} are needed")
    groups = reference_first(list(pronouns.groups), pronouns.reference)
    with_statement = [probe for probe in probes.probes if probe.statement]
    turns = 2
    fits = len(with_statement) if limit.items is None else int(limit.items * share) // (len(groups) * turns)
    chosen = with_statement[: min(len(with_statement), fits)]
    _enough_blocks(len(chosen), "probes with a statement", limit)

    def place() -> Iterator[Placed]:
        for block, probe in enumerate(chosen):
            for turn in range(turns):
                wording = pronouns.wordings[(block + turn) % len(pronouns.wordings)]
                for version, group in enumerate(groups):
                    labels = {
                        "axis": "pronoun",
                        "unit": group,
                        "pronoun": group,
                        "probe": probe.id,
                        "wording": wording.id,
                    }
                    yield Placed(Case(render_pronoun(wording, probe, pronouns.forms[group]), labels), block, version, 0)

    return VersionsLayout("pronoun", groups, len(chosen), 1, "probe", tuple(place()), has_baseline=False)


def cue_layout(probes: Probes, cue: CueSet, design: Design, limit: Limit, share: float) -> VersionsLayout:
    """One version of each sentence frame per group, in a few probes each; the frame is the block, the probe the
    context.
    """
    if len(cue.wordings) < MINIMUM_WORDINGS:
        raise NotApplicable(
            f"{len(cue.wordings)} wordings for the cue '{cue.attribute}'; at least {MINIMUM_WORDINGS} are needed"
        )
    groups = reference_first(list(cue.groups), cue.reference)
    budget = None if limit.items is None else int(limit.items * share)
    fitting = probes.probes_of(cue)
    each = min(PROBES_PER_FRAME[design], len(fitting))
    if budget is not None:
        each = min(each, budget // (len(groups) * len(cue.frames)))
    _enough_blocks(len(cue.frames) if each else 0, f"sentence frames for the cue '{cue.attribute}'", limit)
    step = max(len(fitting) // each, 1)

    def place() -> Iterator[Placed]:
        for block, frame in enumerate(cue.frames):
            for turn in range(each):
                context = (block + turn * step) % len(fitting)
                probe, wording = fitting[context], cue.wordings[context % len(cue.wordings)]
                for version, group in enumerate(groups):
                    labels = {"axis": cue.attribute, "unit": f"frame {block + 1}", cue.attribute: group}
                    labels |= {"probe": probe.id, "wording": wording.id}
                    yield Placed(Case(render_cue(wording, probe, frame[group]), labels), block, version, context)

    layout = sorted(place(), key=lambda placed: placed.context)
    return VersionsLayout(
        cue.attribute, groups, len(cue.frames), len(fitting), "sentence frame", tuple(layout), has_baseline=True
    )


def _enough_blocks(blocks: int, what: str, limit: Limit) -> None:
    if blocks < MINIMUM_BLOCKS:
        because = "" if limit.items is None else f" with --limit {limit.items}"
        raise NotApplicable(
            f"{blocks} {what}{because}; at least {MINIMUM_BLOCKS} are needed: with fewer, permuting them cannot reach "
            "a small p-value"
        )
