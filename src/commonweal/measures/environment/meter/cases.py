"""Realistic inputs for an application: the texts of its probe set, in a fixed order, repeated as little as possible."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from commonweal.measures.probes.records import Probe, Probes, render_cue, render_name, render_pronoun
from commonweal.models.protocols import Case


def sample_cases(probes: Probes, count: int, start: int = 0) -> list[Case]:
    """`count` cases from number `start` on: neighbours have different bodies, and no text returns before all were used.

    A text that was already decided could be answered from a memory of the application, and would then cost nothing.
    """
    ways = _ways(probes)
    bodies = probes.probes
    return [
        Case(ways[index // len(bodies) % len(ways)](bodies[index % len(bodies)]))
        for index in range(start, start + count)
    ]


def distinct_cases(probes: Probes) -> int:
    """How many different texts there are."""
    return len(probes.probes) * len(_ways(probes))


def _ways(probes: Probes) -> list[Callable[[Probe], str]]:
    """Every way to fill in a body: by first name where there are names, else by pronoun, else by cue."""
    if probes.names:
        return [partial(render_name, wording, name=name) for name in probes.names for wording in probes.wordings]
    if probes.pronouns is not None:
        sets = probes.pronouns.forms.values()
        return [partial(render_pronoun, wording, forms=forms) for forms in sets for wording in probes.pronouns.wordings]
    phrases = [(cue.wordings, phrase) for cue in probes.cues for frame in cue.frames for phrase in frame.values()]
    return [partial(render_cue, wording, phrase=phrase) for wordings, phrase in phrases for wording in wordings]
