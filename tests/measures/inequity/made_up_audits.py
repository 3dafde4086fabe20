"""Applications that decide by numbers drawn from their seed, and probes to put to them.

Nothing is a mock: they really decide.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist

from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.probes.records import CueSet, Name, Probe, Probes, PronounSet, Wording
from commonweal.models.protocols import Case, Decision

TEXT = re.compile(r"^w(?P<wording>\d+) (?P<name>\S+) applies\. p(?P<probe>\d+)(?P<more>.*)$")
NORMAL = NormalDist()
FORMS = {"he": {"they": "he"}, "she": {"they": "she"}, "they": {"they": "they"}}


def uniform(*parts: object) -> float:
    """A number in (0, 1) that only depends on the parts."""
    bits = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=6).digest()
    return (int.from_bytes(bits, "big") + 0.5) / 2**48


@lru_cache(maxsize=8192)
def said_in(text: str) -> tuple[str, str, str, frozenset[str]]:
    """Whom, which probe and which wording a text holds, and the groups in the name; the seeds of a simulation share
    their texts.
    """
    parts = TEXT.match(text)
    assert parts is not None, text
    return parts["name"], parts["probe"], parts["wording"], frozenset(parts["name"].split("-"))


@lru_cache(maxsize=4096)
def normal(*parts: object) -> float:
    """A number of the standard normal distribution that only depends on the parts."""
    return NORMAL.inv_cdf(uniform(*parts))


def names_of(
    per_cell: int, genders: Sequence[str] = ("men", "women"), races: Sequence[str] = ("Black", "White")
) -> tuple[Name, ...]:
    cells = [{"gender": gender, "race": race} for gender in genders for race in races]
    return tuple(
        Name(name=f"{cell['gender']}-{cell['race']}-{index}", groups=cell, source="made up")
        for cell in cells
        for index in range(per_cell)
    )


def made_up_probes(
    per_cell: int = 9,
    bodies: int = 8,
    wordings: int = 5,
    names: tuple[Name, ...] | None = None,
    frames: int = 0,
    pronouns: bool = False,
) -> Probes:
    cues = (
        CueSet(
            attribute="age",
            reference="younger",
            probes=tuple(f"p{index}" for index in range(bodies)),
            frames=tuple(
                {"younger": f"frame{index}-younger", "older": f"frame{index}-older"} for index in range(frames)
            ),
            wordings=tuple(
                Wording(id=f"c{index}", text=f"w{index} {{cue}} applies. {{body}}") for index in range(wordings)
            ),
        ),
    )
    sets = PronounSet(
        attribute="gender",
        reference="he",
        forms=FORMS,
        wordings=tuple(
            Wording(id=f"s{index}", text=f"w{index} {{statement}} applies. {{body}}") for index in range(wordings)
        ),
    )
    return Probes(
        name="made up",
        language="en",
        slot="resume",
        source="tests",
        reference={"gender": "men", "race": "White"},
        probes=tuple(
            Probe(
                id=f"p{index}",
                occupation="nurse",
                quality="average",
                body=f"p{index}",
                statement="pronoun-{they}" if pronouns else None,
            )
            for index in range(bodies)
        ),
        names=names_of(per_cell) if names is None else names,
        wordings=tuple(
            Wording(id=f"n{index}", text=f"w{index} {{name}} applies. {{body}}") for index in range(wordings)
        ),
        pronouns=sets if pronouns else None,
        cues=cues if frames else (),
    )


@dataclass
class NoisyScreener:
    """Log-odds = probe + name + wording + cell noise + effects of groups [nat], each from the seed and the text alone.

    `rate_effect`: this share of the refusals of a group become favourable, whatever the score.
    """

    seed: int
    name_sd: float = 0.5
    probe_sd: float = 1.0
    wording_sd: float = 0.5
    noise_sd: float = 0.7
    effects: Mapping[str, float] = field(default_factory=dict)
    rate_effect: Mapping[str, float] = field(default_factory=dict)
    shift: float = 0.0
    score_unit: str | None = "nat"
    top_share: float | None = None
    threshold: float | None = 0.0
    name: str = "noisy"
    device: str = "cpu"
    favourable: str = "invite"
    runs_here: bool = True
    asked: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        return f"noisy {self.seed}"

    def normal(self, *parts: object) -> float:
        return normal(self.seed, *parts)

    def log_odds(self, text: str) -> float:
        person, probe, wording, groups = said_in(text)
        value = self.shift + self.probe_sd * self.normal("probe", probe)
        value += 0.0 if person.startswith("pronoun-") else self.name_sd * self.normal("name", person)
        # No other text has the noise of this cell, and a cache of it would drive out the rest.
        noise = NORMAL.inv_cdf(uniform(self.seed, "cell", text))
        value += self.wording_sd * self.normal("wording", wording) + self.noise_sd * noise
        return value + sum(effect for group, effect in self.effects.items() if group in groups)

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        return [self.decision(case.text) for case in cases]

    def decision(self, text: str) -> Decision:
        self.asked.append(text)
        score = self.log_odds(text)
        chosen = score > 0.0
        for group, share in self.rate_effect.items():
            if not chosen and group in said_in(text)[3]:
                chosen = uniform(self.seed, "turned", text) < share
        told = None if self.score_unit is None else score
        return Decision("invite" if chosen else "reject", None if self.top_share is not None else chosen, told)


Rows = list[Estimate | Missing]


def hypotheses(rows: Iterable[Estimate | Missing]) -> list[Estimate]:
    """The estimates that claim something."""
    return [row for row in rows if isinstance(row, Estimate) and row.null is not None]


def is_found(row: Estimate) -> bool:
    """What the assessment calls found."""
    return row.excludes_null and row.p_adjusted is not None and row.p_adjusted <= 0.05


def the(rows: Rows, quantity: str, group: Mapping[str, str] | str, reference: str | None = None) -> Estimate:
    """The one estimate of a quantity for a group, against a reference group if one is named."""
    wanted = {group} if isinstance(group, str) else set(group.values())
    matching = [
        row
        for row in rows
        if isinstance(row, Estimate)
        and row.quantity == quantity
        and set((row.group or {}).values()) == wanted
        and (reference is None or set((row.reference or {}).values()) == {reference})
    ]
    assert len(matching) == 1, (quantity, group, reference, len(matching))
    return matching[0]
