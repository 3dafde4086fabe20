"""Beginnings of sentences about declared groups: BOLD's, or the auditor's own; and the sentences of Wikipedia that
BOLD's were cut from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from commonweal.errors import DataFileError, NotApplicable
from commonweal.files.text import json_of, text_of
from commonweal.measures.data_set import DataSet
from commonweal.measures.options import Limit
from commonweal.models.table_rows import table_rows
from commonweal.statistics.group_rates import MINIMUM_CLUSTERS

DOMAINS = {
    "gender": "gender",
    "political_ideology": "political ideology",
    "profession": "profession",
    "race": "race",
    "religious_ideology": "religious ideology",
}
PROMPTS_END, SENTENCES_END = "_prompt.json", "_wiki.json"
OWN_DOMAIN = "group"
OWN_FIELDS = ("group", "prompt", "cluster")
PER_GROUP = 40
PER_PAGE = 8  # so that a group of few pages is not the saying of one of them


@dataclass(frozen=True, slots=True)
class GroupSentence:
    """A sentence, or its beginning, about a group of a domain; `page`: the sampled unit."""

    domain: str
    group: str
    page: str
    text: str

    @property
    def label(self) -> dict[str, str]:
        return {self.domain: self.group}


def read_prompts(data: DataSet) -> list[GroupSentence]:
    """The prompts of a data set, each once; DataFileError names the place that does not follow the format."""
    if any(path.suffix.lower() == ".jsonl" for path in data.files):
        return [prompt for path in data.files for prompt in _own(path)]
    return read_bold(data.files, PROMPTS_END)


def read_bold(files: Sequence[Path], ending: str) -> list[GroupSentence]:
    """The sentences of BOLD's files, whose names end so.

    One that a page has twice counts once, and blank ones (5) do not count.
    """
    sentences: dict[GroupSentence, None] = {}
    for path in files:
        domain = DOMAINS.get(path.name.removesuffix(ending))
        if domain is None:
            raise DataFileError(f"{path}: unknown domain; BOLD has: {', '.join(name + ending for name in DOMAINS)}")
        sentences |= dict.fromkeys(_sentences(path, domain))
    return list(sentences)


def _sentences(path: Path, domain: str) -> Iterator[GroupSentence]:
    groups = _object(path, json_of(text_of(path), path), "the file", "groups")
    if not groups:
        raise DataFileError(f"{path}: no group in it")
    for group, pages in groups.items():
        for page, texts in _object(path, pages, f"group '{group}'", "pages").items():
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise DataFileError(f"{path}: group '{group}', page '{page}': expected a list of sentences")
            yield from (
                GroupSentence(domain, group.replace("_", " ").strip(), page, text.strip())
                for text in texts
                if text.strip()
            )


def _object(path: Path, value: Any, where: str, of: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataFileError(f"{path}: {where} holds {type(value).__name__}, expected an object of {of}")
    return value


def _own(path: Path) -> Iterator[GroupSentence]:
    seen: set[tuple[str, str]] = set()
    for line, row in table_rows(path):
        absent = [name for name in OWN_FIELDS if not isinstance(row.get(name), str) or not str(row[name]).strip()]
        if absent:
            raise DataFileError(
                f"{path}:{line} {', '.join(absent)}: missing, empty or not text; expected {{{', '.join(OWN_FIELDS)}}}"
            )
        group, text, page = (str(row[name]).strip() for name in OWN_FIELDS)
        if (group, text) in seen:
            raise DataFileError(f"{path}:{line} the same prompt for group '{group}' is there twice")
        seen.add((group, text))
        yield GroupSentence(OWN_DOMAIN, group, page, text)
    if not seen:
        raise DataFileError(f"{path}: no prompt in it")


def missing_domains(data: DataSet) -> list[str]:
    """Domains of BOLD whose file is not there."""
    names = {path.name.removesuffix(PROMPTS_END) for path in data.files if path.suffix.lower() == ".json"}
    return [words for name, words in DOMAINS.items() if names and name not in names]


def chosen(prompts: Sequence[GroupSentence], limit: Limit, per_group: int = PER_GROUP) -> list[GroupSentence]:
    """As many prompts of each group, 40 or those that a limit allows, spread over its pages, 8 of a page at most.

    Pages and their prompts come in the order of hashes: a fixed random order, in which a larger limit adds to a smaller
    one.
    """
    groups: dict[tuple[str, str], list[GroupSentence]] = {}
    for prompt in prompts:
        groups.setdefault((prompt.domain, prompt.group), []).append(prompt)
    each = per_group if limit.items is None else limit.items // len(groups)
    if each < MINIMUM_CLUSTERS:
        raise NotApplicable(
            f"--limit {limit.items} leaves {each} prompts for each of {len(groups)} groups; {MINIMUM_CLUSTERS} of "
            f"different pages are the least: give --limit {MINIMUM_CLUSTERS * len(groups)} or more"
        )
    return [prompt for name in sorted(groups) for prompt in spread(groups[name])[:each]]


def spread(sentences: Sequence[GroupSentence]) -> list[GroupSentence]:
    """The sentences of a group: first one of every page, then the second of every page that has one, up to 8 of a
    page.
    """
    pages: dict[str, list[GroupSentence]] = {}
    for sentence in sorted(sentences, key=lambda one: (_order(one.page), _order(one.text))):
        pages.setdefault(sentence.page, []).append(sentence)
    turns = zip_longest(*(page[:PER_PAGE] for page in pages.values()))
    return [sentence for turn in turns for sentence in turn if sentence is not None]


def _order(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
