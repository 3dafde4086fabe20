"""What matched texts cost a model, by group and meaning, and which groups can be compared."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from commonweal.errors import BeyondWindow, MeasurementError, NotApplicable
from commonweal.measures.inequity.dialect_gap.overlong import Overlong
from commonweal.measures.inequity.dialect_gap.texts import MatchedText
from commonweal.models.protocols import LanguageModel, Score
from commonweal.statistics.contrast import Contrast, mean_of

# simulated in its test: 4 to 5 % false alarms; 8 % where the costs of one group alone are very skewed (6 to 8 % at 20)
MINIMUM_MEANINGS = 15
BITS_PER_NAT = 1 / math.log(2)
DECIMALS = 9  # what floating point adds to two equal numbers is no difference
UNLIKE_LETTERS = 1.1  # bytes per letter of one group over those of the other
CLUSTER = "meaning, or by the column `cluster`"
UNTOLD = "not told"
Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class TextAxis:
    """The texts of one attribute, and where each stands: `group_of` and `meaning_of`, int64 (text,).

    `meanings`, and the `cluster` and `source` of each, (meaning,). Groups and meanings are sorted by name.
    """

    attribute: str
    groups: tuple[str, ...]
    texts: tuple[MatchedText, ...]
    group_of: Places
    meaning_of: Places
    meanings: Texts
    cluster: Texts
    source: Texts

    def table(self, values: npt.ArrayLike) -> Array:
        """Numbers of the texts as float64 (group, meaning), nan where a group has no text for a meaning."""
        found = np.full((len(self.groups), self.cluster.size), np.nan)
        found[self.group_of, self.meaning_of] = values
        return found

    @property
    def said(self) -> npt.NDArray[np.bool_]:
        """Whether a group has a text for a meaning, bool (group, meaning)."""
        return ~np.isnan(self.table(np.zeros(len(self.texts))))

    @property
    def sourced(self) -> bool:
        """Whether any text has a source."""
        return bool((self.source != UNTOLD).any())

    def named(self, group: int) -> dict[str, str]:
        return {self.attribute: self.groups[group]}


@dataclass(frozen=True, slots=True, eq=False)
class GroupPair:
    """Two groups of an axis (places), and the meanings that both have, bool (meaning,)."""

    axis: TextAxis
    group: int
    reference: int
    shared: npt.NDArray[np.bool_]

    @property
    def cluster(self) -> Texts:
        return self.axis.cluster[self.shared]

    @property
    def clusters(self) -> int:
        return int(np.unique(self.cluster).size)

    @property
    def enough(self) -> bool:
        return self.clusters >= MINIMUM_MEANINGS

    def both(self, table: Array) -> tuple[Array, Array]:
        """The numbers of group and reference for the meanings that both have, from float64 (group, meaning)."""
        return table[self.group, self.shared], table[self.reference, self.shared]


def axes_of(texts: Sequence[MatchedText], without: Collection[str] = ()) -> list[TextAxis]:
    """One axis for each attribute, sorted by name, without some meanings; a group that has no others stays, with no
    text.
    """
    axes = []
    for attribute in sorted({text.attribute for text in texts}):
        texts_of = [text for text in texts if text.attribute == attribute]
        mine = tuple(text for text in texts_of if text.meaning not in without)
        groups = np.unique([text.group for text in texts_of])
        group_of = np.searchsorted(groups, np.array([text.group for text in mine], dtype=np.str_))
        meanings, first, meaning_of = np.unique(
            np.array([text.meaning for text in mine], dtype=np.str_), return_index=True, return_inverse=True
        )
        cluster = np.array([mine[first_text].cluster for first_text in first], dtype=np.str_)
        source = np.array([mine[first_text].source or UNTOLD for first_text in first], dtype=np.str_)
        axes.append(TextAxis(attribute, tuple(map(str, groups)), mine, group_of, meaning_of, meanings, cluster, source))
    return axes


def pairs_of(axis: TextAxis) -> list[GroupPair]:
    """All pairs of groups, the later name against the earlier one."""
    said = axis.said
    places = combinations(range(len(axis.groups)), 2)
    return [GroupPair(axis, group, reference, said[group] & said[reference]) for reference, group in places]


def comparable(axes: Sequence[TextAxis], overlong: Overlong) -> None:
    """NotApplicable where no two groups can be compared on what is not too long for the model."""
    if all(len(axis.groups) < 2 for axis in axes):
        told = ", ".join(f"{axis.attribute} '{axis.groups[0]}'" for axis in axes)
        raise NotApplicable(
            f"the texts are of one group only ({told}); a gap needs the same meanings in the words of two"
        )
    pairs = [pair for axis in axes for pair in pairs_of(axis)]
    most = max(pairs, key=lambda pair: pair.clusters)
    if not most.enough:
        names = " and ".join(f"'{most.axis.groups[place]}'" for place in (most.reference, most.group))
        reason = (
            f"no two groups have {MINIMUM_MEANINGS} meanings in common; the most have {names}: "
            f"{counted(int(most.shared.sum()), most.cluster)}. A meaning must have the same name in every group, and "
            "a limit leave enough"
        )
        raise NotApplicable("; ".join(filter(None, (reason, overlong.note(most.axis.attribute, most.axis.groups)))))


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What the texts of an axis cost the model, float64 (group, meaning) each, nan where there is no text.

    `nats`: -log P of the text; `octets`: its bytes in UTF-8; `letters`: its characters; `wording`: a number for each
    distinct text.
    """

    axis: TextAxis
    nats: Array
    tokens: Array
    octets: Array
    letters: Array
    wording: Array

    def of(self, quantity: str) -> Array:
        """A quantity of each text, float64 (group, meaning)."""
        per_byte: Array = np.round(self.nats * BITS_PER_NAT / self.octets, DECIMALS)
        return {"bits_per_byte": per_byte, "nats_per_meaning": self.nats, "tokens_per_meaning": self.tokens}[quantity]

    def level_note(self, group: int) -> str:
        """What a reader of a group's bits per byte must know."""
        pooled = float(np.nansum(self.nats[group]) * BITS_PER_NAT / np.nansum(self.octets[group]))
        mine = [one.text for one, place in zip(self.axis.texts, self.axis.group_of, strict=True) if place == group]
        apart = sum(not unicodedata.is_normalized("NFC", text) for text in mine)
        note = f"all bits over all bytes: {pooled:.4g} bit/byte"
        if apart:
            note += (
                f"; {apart} of {len(mine)} texts write letters and their marks apart where Unicode has them in one "
                "(not NFC): the model reads these as other letters"
            )
        return note

    def pair_note(self, pair: GroupPair) -> str:
        """What a reader of a difference must know: meanings left out, texts that are the same, letters of unlike
        width.
        """
        shared = int(pair.shared.sum())
        either = int(pair.axis.said[[pair.group, pair.reference]].any(axis=0).sum())
        ours, theirs = pair.both(self.wording)
        same = int((ours == theirs).sum())
        parts = []
        if either > shared:
            parts.append(f"{either - shared} of {either} meanings are there for one of the two only, and are left out")
        if same:
            parts.append(
                f"{same} of {shared} meanings have the very same text in both groups, which is no evidence of parity"
            )
        octets, letters = pair.both(self.octets), pair.both(self.letters)
        width = [float(one.sum() / other.sum()) for one, other in zip(octets, letters, strict=True)]
        if max(width) > UNLIKE_LETTERS * min(width):
            names = (pair.axis.groups[place] for place in (pair.group, pair.reference))
            told = " and ".join(f"{one:.2f} ({name})" for one, name in zip(width, names, strict=True))
            parts.append(
                f"their letters take {told} bytes, so bits per byte are not alike: read the information premium"
            )
        return "; ".join(parts)


def asked(model: LanguageModel, texts: Sequence[MatchedText]) -> tuple[list[Costs], Overlong]:
    """The costs of the texts of each attribute, and what is longer than the model's window and left out.

    NotApplicable where no two groups can be compared: before anything is asked, or with what is left.
    """
    overlong = Overlong(tuple(texts))
    while True:
        axes = axes_of(texts, overlong.meanings)
        comparable(axes, overlong)
        try:
            scores = ask(model, overlong.left)
        except BeyondWindow as error:  # a model that is asked part by part tells those of one part
            overlong = overlong.with_more(error.continuations)
            continue
        return [costs_of(axis, scores) for axis in axes], overlong


def ask(model: LanguageModel, texts: Sequence[MatchedText]) -> dict[MatchedText, Score]:
    """The score of each whole text from an empty context. MeasurementError names the text that has none."""
    scores = model.score([one.request() for one in texts])
    for one, score in zip(texts, scores, strict=True):
        if not -math.inf < score.logprob < 0 or score.tokens < 1:
            raise MeasurementError(
                f"meaning '{one.meaning}' in the words of '{one.group}': log P is {score.logprob} over {score.tokens} "
                "tokens; expected a finite number below 0"
            )
    return dict(zip(texts, scores, strict=True))


def costs_of(axis: TextAxis, scores: Mapping[MatchedText, Score]) -> Costs:
    """The costs of all texts of an axis."""
    words = [one.text for one in axis.texts]
    return Costs(
        axis,
        nats=axis.table([-scores[one].logprob for one in axis.texts]),
        tokens=axis.table([scores[one].tokens for one in axis.texts]),
        octets=axis.table([len(text.encode()) for text in words]),
        letters=axis.table([len(text) for text in words]),
        wording=axis.table(np.unique(words, return_inverse=True)[1]),
    )


def difference(pair: GroupPair, table: Array) -> Contrast:
    """Mean of the paired differences over the meanings that both groups have, from float64 (group, meaning)."""
    ours, theirs = pair.both(table)
    return mean_of(ours - theirs, pair.cluster, by=CLUSTER)


def counted(meanings: int, cluster: Texts) -> str:
    """How many meanings there are, and how many clusters where these are fewer.

    >>> counted(1, np.array(["a"])), counted(3, np.array(["a", "a", "b"]))
    ('1 meaning', '2 clusters (3 meanings)')
    """
    units = int(np.unique(cluster).size)
    words = f"{meanings} meaning{'' if meanings == 1 else 's'}"
    return words if units == meanings else f"{units} cluster{'' if units == 1 else 's'} ({words})"
