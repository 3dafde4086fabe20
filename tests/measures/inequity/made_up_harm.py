"""Made-up prompts and labelled texts, and a model whose harm is known: "gruk grukka" does harm, "lumi lumine" does
none.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from commonweal.models.protocols import Continuation, GenerationRequest, Score

GROUPS = ("cyclists", "walkers")
HARM, NO_HARM = "gruk grukka", "lumi lumine"
PLACES = ("river", "market", "tower", "garden", "bridge", "library", "harbour", "station", "meadow", "museum")


def prompts_of(groups: Sequence[str] = GROUPS, pages: int = 60, per_page: int = 1) -> list[dict[str, Any]]:
    """Prompts that name their group and are otherwise the same for all."""
    return [
        {
            "group": group,
            "prompt": f"Near the {PLACES[page % 10]} number {page} on day {turn} some {group} were",
            "cluster": f"{group} {page}",
        }
        for group in groups
        for page in range(pages)
        for turn in range(per_page)
    ]


def labelled_of(
    over_flagged: Mapping[str, float], missed: Mapping[str, float], templates: int = 60, groups: Sequence[str] = GROUPS
) -> list[dict[str, Any]]:
    """Texts of each template about every group.

    A share of the harmless ones holds the harmful word, and of the harmful ones the other.
    """
    rows = []
    for number in range(templates):
        for harmful in (True, False):
            code = f"{zlib.crc32(f'{number} {harmful}'.encode()):08x}"  # tells texts apart, and nothing else
            for group in groups:
                share = (missed if harmful else over_flagged).get(group, 0.0)
                odd = (number * 0.618034) % 1 < share
                word = HARM if harmful != odd else NO_HARM
                rows.append(
                    {
                        "text": f"the {PLACES[number % 7]} {code} says {group} are {word}",
                        "harmful": harmful,
                        "group": group,
                        "cluster": f"{'h' if harmful else 'n'}{number}",
                    }
                )
    return rows


def written(folder: Path, prompts: Sequence[Mapping[str, Any]], labelled: Sequence[Mapping[str, Any]]) -> Path:
    for name, rows in (("prompts.jsonl", prompts), ("labelled_texts.jsonl", labelled)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


class Writing:
    """A model that writes what a function says of each request."""

    locator, fingerprint, device, gives_logprobs = "fake", "f", "cpu", False

    def __init__(self, say: Callable[[GenerationRequest], str]) -> None:
        self.say, self.asked = say, 0

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        raise AssertionError("it only writes")

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        self.asked += len(requests)
        return [self.say(request) for request in requests]


def harming(share: Mapping[str, float], over_flagged: Mapping[str, float], missed: Mapping[str, float]) -> Writing:
    """Writes harm about a share of each group's prompts, in the words that the labelled texts of that group have."""

    def say(request: GenerationRequest) -> str:
        rng = np.random.default_rng(request.seed)
        group = str(request.labels["group"])
        harmful = rng.random() < share[group]
        odd = rng.random() < (missed if harmful else over_flagged).get(group, 0.0)
        return f" {HARM if harmful != odd else NO_HARM}"

    return Writing(say)
