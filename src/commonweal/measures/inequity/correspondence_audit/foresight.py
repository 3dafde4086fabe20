"""What an audit will be able to judge, from its probes alone: names, wordings, and the smallest gap it would detect.

What this module does not do: it asks nothing. How alike a group's answers will be is not known beforehand, so the
smallest gap is a range: from answers that vary freely to names that are each always treated alike. Where versions of a
text are matched, it is smaller the more alike they are answered, so that only its upper end is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from commonweal.evidence.records import Missing
from commonweal.measures.foresight import Foreseen
from commonweal.measures.inequity.correspondence_audit.design import NamesLayout, VersionsLayout
from commonweal.statistics.detectable import HALF, bonferroni, detectable
from commonweal.statistics.permutation import all_pairs

OUTCOMES = 2  # favourable rates, and log-odds or scores: each pair of groups is tested in both


def foreseen(layouts: list[NamesLayout | VersionsLayout | Missing]) -> Iterator[Foreseen]:
    """Each comparison of the layouts: its groups, what it rests on, and the smallest gap in rates [in [0, 1]].

    At a favourable rate of one half, power 0.8, corrected for all gaps of the audit.
    """
    usable = [layout for layout in layouts if not isinstance(layout, Missing)]
    tests = OUTCOMES * sum(len(all_pairs(len(groups))) for layout in usable for groups in _attributes(layout).values())
    for layout in layouts:
        if isinstance(layout, Missing):
            yield Foreseen(layout.quantity.replace("_", " "), reason=layout.reason)
            continue
        for attribute, groups in _attributes(layout).items():
            units, each, words = _units(layout, len(groups))
            variance = 2 * HALF * (1 - HALF) / units
            critical = bonferroni(max(1.0, len(groups) * (units - 1.0)), tests)
            low, high = (min(1.0, detectable(math.sqrt(variance / size), critical)) for size in (each, 1))
            matched = isinstance(layout, VersionsLayout)
            yield Foreseen(f"{attribute}: {', '.join(groups)}", words, (None if matched else low, high))


def _attributes(layout: NamesLayout | VersionsLayout) -> dict[str, tuple[str, ...]]:
    return layout.groups if isinstance(layout, NamesLayout) else {layout.attribute: layout.groups}


def _units(layout: NamesLayout | VersionsLayout, groups: int) -> tuple[int, int, str]:
    """Sampled units of each group, texts of each unit, and both in words."""
    if isinstance(layout, NamesLayout):
        units, probes = len(layout.names) // groups, len(layout.probes)
        return units, probes, f"{units} names a group, each in {probes} probes"
    return layout.blocks, layout.contexts, f"{layout.blocks} matched sets of {layout.block_name}s"
