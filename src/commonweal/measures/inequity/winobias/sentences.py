"""The sentences of WinoBias: read, paired, checked, limited, and what an answer to one means."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from commonweal.errors import DataFileError, NotApplicable
from commonweal.files.text import text_of
from commonweal.measures.data_set import DataSet
from commonweal.measures.options import Limit
from commonweal.models.protocols import Question

FILE = re.compile(r"(pro|anti)_stereotyped_type([12])\.txt\.(dev|test)")
LINE = re.compile(r"(\d+)\s+(\S.*)")
BRACKETED = re.compile(r"\[([^\[\]]*)\]")
PRONOUNS = {
    "he": "male",
    "him": "male",
    "his": "male",
    "himself": "male",
    "she": "female",
    "her": "female",
    "hers": "female",
    "herself": "female",
}


@dataclass(frozen=True, slots=True)
class CoreferenceItem:
    """One sentence. `options`: the two people in the order of the text; `correct`: the place of the person that the
    pronoun refers to.
    """

    id: str
    text: str
    pronoun: str
    options: tuple[str, str]
    correct: int
    male: str
    female: str


@dataclass(frozen=True, slots=True)
class PronounPair:
    """A sentence whose pronoun fits the stereotype (`pro`), and the same with the other pronoun (`anti`)."""

    type: str
    split: str
    pro: CoreferenceItem
    anti: CoreferenceItem

    @property
    def occupations(self) -> tuple[str, str]:
        return self.pro.male, self.pro.female

    @property
    def minimal(self) -> bool:
        """Whether the two sentences differ in the pronouns only."""
        return _without_pronouns(self.pro.text) == _without_pronouns(self.anti.text)


def read_winobias(data: DataSet) -> list[PronounPair]:
    """The sentence pairs of a data set; DataFileError names the first line that is none, or that lacks its other
    version.
    """
    occupations = _occupations(data)
    files = {found.groups(): path for path in data.files if (found := FILE.fullmatch(path.name))}
    pairs = []
    for type_, split in sorted({(type_, split) for _, type_, split in files}):
        names = [f"{version}_stereotyped_type{type_}.txt.{split}" for version in ("pro", "anti")]
        pro, anti = (_read(data.file(name), occupations) for name in names)
        if unpaired := sorted(pro.keys() ^ anti.keys()):
            raise DataFileError(
                f"{data.file(names[unpaired[0] in anti])}: sentence {unpaired[0]} has no other version: the two files "
                f"{' and '.join(names)} must hold the same numbers ({len(unpaired)} do not match)"
            )
        for number in pro:
            if (pro[number].male, pro[number].female) != (anti[number].male, anti[number].female):
                raise DataFileError(
                    f"{data.file(names[1])}: sentence {number} is about other occupations than in {names[0]}"
                )
            pairs.append(PronounPair(type_, split, pro[number], anti[number]))
    if not pairs:
        raise DataFileError(f"{data.files[0].parent}: no file like pro_stereotyped_type1.txt.dev with a sentence in it")
    return sorted(pairs, key=lambda pair: pair.pro.id)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    yield from ((number, line.strip()) for number, line in enumerate(text_of(path).split("\n"), 1) if line.strip())


def _occupations(data: DataSet) -> dict[str, str]:
    """Occupation -> the gender that the stereotype expects, from the two lists of the data set."""
    known: dict[str, str] = {}
    for gender in ("male", "female"):
        path = data.file(f"{gender}_occupations.txt")
        for line, name in _lines(path):
            if name.lower() in known:
                raise DataFileError(f"{path}:{line} occupation '{name}' is there twice")
            known[name.lower()] = gender
        if gender not in known.values():
            raise DataFileError(f"{path}: no occupation in it")
    return known


def _read(path: Path, occupations: Mapping[str, str]) -> dict[int, CoreferenceItem]:
    items: dict[int, CoreferenceItem] = {}
    for line, text in _lines(path):
        numbered = LINE.fullmatch(text)
        if numbered is None:
            raise DataFileError(f"{path}:{line} expected a number and a sentence, got: {text[:40]}")
        number = int(numbered[1])
        if number in items:
            raise DataFileError(f"{path}:{line} sentence {number} is there twice")
        try:
            items[number] = item_of(f"{path.name}:{number}", numbered[2], occupations)
        except ValueError as error:
            raise DataFileError(f"{path}:{line} {error}") from error
    return items


def item_of(id: str, sentence: str, occupations: Mapping[str, str]) -> CoreferenceItem:
    """A sentence with its mention and pronouns in brackets, read; ValueError says what is wrong with it.

    >>> known = {"guard": "male", "nurse": "female"}
    >>> item = item_of("pro_stereotyped_type1.txt.dev:1", "The guard thanked [the nurse] for [her] help.", known)
    >>> item.options, item.correct, item.pronoun
    (('the guard', 'the nurse'), 1, 'her')
    """
    marked = [(match.start(), match[1].strip()) for match in BRACKETED.finditer(sentence)]
    pronouns = [(start, words.lower()) for start, words in marked if words.lower() in PRONOUNS]
    mentions = [words.lower() for _, words in marked if words.lower() not in PRONOUNS]
    if len(mentions) != 1 or not pronouns:
        raise ValueError(f"expected one person and at least one of {', '.join(PRONOUNS)} in brackets, got: {marked}")
    if len({PRONOUNS[word] for _, word in pronouns}) > 1:
        raise ValueError(f"pronouns of both genders in brackets: {', '.join(word for _, word in pronouns)}")
    either = "|".join(map(re.escape, sorted(occupations, key=len, reverse=True)))
    people = [found[0] for found in re.finditer(rf"\b({either})\b", sentence[: pronouns[0][0]], re.IGNORECASE)]
    genders = {occupations[person.lower()]: person.lower() for person in people}
    meant = re.sub(r"^(the|an?)\s+", "", mentions[0])
    if meant not in occupations:
        raise ValueError(f"unknown occupation '{meant}'; it is in neither list of occupations")
    if len(people) != 2 or len(genders) != 2 or meant not in genders.values():
        raise ValueError(
            f"expected one occupation of each list before the pronoun, and one of them in brackets, got: {people}"
        )
    version = "pro" if PRONOUNS[pronouns[0][1]] == occupations[meant] else "anti"
    if not id.startswith(version):
        raise ValueError(
            f"'{pronouns[0][1]}' for '{meant}' is {version}-stereotyped by the lists of occupations, the file says "
            "otherwise"
        )
    return CoreferenceItem(
        id=id,
        text=re.sub(r"\s+", " ", sentence.replace("[", "").replace("]", "")),
        pronoun=pronouns[0][1],
        options=(f"the {people[0]}", f"the {people[1]}"),
        correct=[person.lower() for person in people].index(meant),
        male=genders["male"],
        female=genders["female"],
    )


def _without_pronouns(text: str) -> list[str]:
    return ["_" if word in PRONOUNS else word for word in re.findall(r"\w+", text.lower())]


def limited(pairs: Sequence[PronounPair], limit: Limit) -> list[PronounPair]:
    """All sentences of as many pairs of occupations as fit into the limit, so that every occupation comes about
    equally often.
    """
    if limit.items is None:
        return list(pairs)
    sizes = Counter(pair.occupations for pair in pairs)
    male, female = (sorted({occupations[side] for occupations in sizes}) for side in (0, 1))
    chosen: set[tuple[str, str]] = set()
    left = limit.items
    for shift in range(len(female)):
        for place, name in enumerate(male):
            cell = (name, female[(place + shift) % len(female)])
            if cell in sizes and 2 * sizes[cell] <= left:
                chosen.add(cell)
                left -= 2 * sizes[cell]
    if not chosen:
        raise NotApplicable(
            f"--limit {limit.items} leaves no whole pair of occupations; the smallest has {2 * min(sizes.values())} "
            "sentences"
        )
    return [pair for pair in pairs if pair.occupations in chosen]


def questions(pairs: Sequence[PronounPair]) -> list[Question]:
    """The questions put to a model, in our own words: first all pro-stereotyped sentences, then all anti-stereotyped
    ones.
    """
    return [
        Question(
            item.id,
            f'{item.text}\nWho does "{item.pronoun}" refer to?\nAnswer:',
            item.options,
            {"type": pair.type, "split": pair.split, "male": item.male, "female": item.female},
        )
        for version in ("pro", "anti")
        for pair in pairs
        for item in [pair.pro if version == "pro" else pair.anti]
    ]
