"""Which groups are compared on which texts: like with like, so that texts differ in the group alone.

A template compares groups if it is there, with its label, for all of them. One stray group (a target that occurs once,
or only in texts without a partner) would leave no such template: it leaves the comparison, with its reason, and not
everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commonweal.measures.inequity.identity_false_positives.flagged_texts import Text
from commonweal.statistics.group_rates import MINIMUM_CLUSTERS

KIND_OF = {False: "non-hateful", True: "hateful"}


@dataclass(frozen=True, slots=True)
class Matched:
    """Whether each text is compared, and why a group with texts of a label is not: (hateful, group) -> reason."""

    compared: tuple[bool, ...]
    left_out: Mapping[tuple[bool, str], str]


def matched(texts: Sequence[Text]) -> Matched:
    """The texts whose template, with its label, is there for every group that is compared.

    >>> woman, man = Text("1", "", False, "women", "t", "k"), Text("2", "", False, "men", "t", "k")
    >>> matched([woman, man, Text("3", "", False, "men", "u", "k"), Text("4", "", False, "", "t", "k")]).compared
    (True, True, False, False)
    """
    kept: dict[bool, set[str]] = {}
    present: dict[bool, dict[str, set[str]]] = {False: {}, True: {}}
    for text in texts:
        if text.identity:
            present[text.hateful].setdefault(text.template, set()).add(text.identity)
    for hateful, there in present.items():
        kept[hateful] = compared_groups(there)
    left_out = {
        (hateful, group): _reason(
            group, [text for text in texts if text.hateful == hateful and text.identity == group], kept[hateful]
        )
        for hateful, there in present.items()
        for group in sorted(set().union(*there.values()) - kept[hateful])
    }
    return Matched(
        tuple(
            text.identity in kept[text.hateful] and present[text.hateful][text.template] >= kept[text.hateful]
            for text in texts
        ),
        left_out,
    )


def compared_groups(present: Mapping[str, set[str]]) -> set[str]:
    """The groups that are compared, from template -> groups that it is there for; empty where no template is there for
    two.

    Until 5 templates are there for all, groups leave that share under 5 with others, then the one that shares fewest.
    Where that leaves nobody, one template is enough; with fewer than 5 the rates have a reason in the place of a
    number.

    >>> sorted(compared_groups({"t": {"a", "b"}, "u": {"a", "b"}, "v": {"c"}}))
    ['a', 'b']
    """
    everyone: set[str] = set().union(*present.values())
    for enough in (MINIMUM_CLUSTERS, 1):
        kept = set(everyone)
        while len(kept) > 1:
            if sum(there >= kept for there in present.values()) >= enough:
                return kept
            shared = _shared(present, kept)
            hopeless = {group for group in kept if shared[group] < enough}
            kept -= hopeless or {min(sorted(kept), key=shared.__getitem__)}
    return everyone if len(everyone) < 2 else set()


def _shared(present: Mapping[str, set[str]], kept: set[str]) -> Counter[str]:
    """How many templates each group has in common with another."""
    both = (there & kept for there in present.values())
    return Counter(group for groups in both if len(groups) > 1 for group in groups)


def _reason(group: str, mine: Sequence[Text], kept: set[str]) -> str:
    templates = len({one.template for one in mine})
    what = (
        f"{len(mine)} {KIND_OF[mine[0].hateful]} text{'' if len(mine) == 1 else 's'} about it in {templates} "
        f"template{'' if templates == 1 else 's'}"
    )
    if not kept:
        return f"{what}; no template is there for every group, so groups would be compared on different texts"
    return (
        f"{what}; too few templates hold it beside the others, so '{group}' is left out, so that the other "
        f"{len(kept)} groups can be compared on templates that are there for each of them"
    )
