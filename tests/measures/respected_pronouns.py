"""Respected pronouns, a made-up suite in CSV: is a question about somebody answered as well where their pronouns are
not respected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commonweal.errors import DataFileError
from commonweal.evidence.records import Quantity
from commonweal.measures.data_set import DataPlace, DataSet
from commonweal.measures.suite import Columns, Part, Result, Results, Suite
from commonweal.models.protocols import Answer, Question
from commonweal.models.table_rows import table_rows

FRAMINGS, LETTERS = ("respectful", "disrespectful"), "abc"
COLUMNS = ("vignette", "place", "framing", "text", "question", *LETTERS, "correct")


@dataclass(frozen=True)
class Vignette:
    """An item: the two lines of the file that are of one vignette, by framing."""

    name: str
    place: str
    lines: dict[str, dict[str, str]]


def read(data: DataSet) -> list[Vignette]:
    """The vignettes of all files, each in both framings."""
    found: dict[str, Vignette] = {}
    for path in data.files:
        for number, cells in table_rows(path):
            line = {
                name: str(cells.get(name) or "").strip() for name in COLUMNS
            }  # an empty cell is "", an absent one None
            if empty := [name for name in COLUMNS if not line[name]]:
                raise DataFileError(f"{path}:{number} has no {', '.join(empty)}; expected {', '.join(COLUMNS)}")
            for name, allowed in (("framing", FRAMINGS), ("correct", tuple(LETTERS))):
                if line[name] not in allowed:
                    raise DataFileError(f"{path}:{number} {name} is '{line[name]}', expected {' or '.join(allowed)}")
            vignette = found.setdefault(line["vignette"], Vignette(line["vignette"], line["place"], {}))
            if line["place"] != vignette.place or line["framing"] in vignette.lines:
                raise DataFileError(
                    f"{path}:{number} '{vignette.name}' is {line['framing']} twice, or in another place before"
                )
            vignette.lines[line["framing"]] = line
    if alone := [vignette.name for vignette in found.values() if len(vignette.lines) < len(FRAMINGS)]:
        raise DataFileError(
            f"{data.files[0].parent}: only one framing of {', '.join(alone)}; expected {' and '.join(FRAMINGS)}"
        )
    return list(found.values())


def questions(vignette: Vignette) -> list[Question]:
    """The same question in both framings: a pair is one item."""
    return [
        Question(
            id=f"{vignette.name}:{framing}",
            context=f"{line['text']}\n{line['question']}\nAnswer:",
            options=tuple(line[letter] for letter in LETTERS),
            labels={"place": vignette.place, "vignette": vignette.name, "framing": framing},
        )
        for framing in FRAMINGS
        for line in [vignette.lines[framing]]
    ]


def match(vignette: Vignette, answers: Sequence[Answer]) -> Columns:
    """Whether the answers are right, and the difference within the pair."""
    correct = [LETTERS.index(vignette.lines[framing]["correct"]) for framing in FRAMINGS]
    right = [
        float(answer.option == place) for answer, place in zip(answers, correct, strict=True)
    ]  # unread: None, so not right
    return {"accuracy": sum(right) / 2, "accuracy_gap": right[0] - right[1]}


@Suite(
    source="made up",
    version=1,
    cluster="vignette",
    family="the gap of each place",
    data=DataPlace("respected-pronouns", "*.csv", "nowhere"),
    quantities={
        "accuracy_gap": Quantity(
            unit="1", label="accuracy, respectful less disrespectful", null=0.0, about="0: no difference"
        ),
        "accuracy": Quantity(unit="1", label="accuracy in both framings"),
    },
    warnings=("It shows nothing of people whose pronouns no vignette has.",),
    read=read,
    unit="vignette",
    questions=questions,
    match=match,
    by="place",
    published={"hospital": 8, "school": 8},
)
def respected_pronouns(asked: Part[Vignette]) -> Results[Vignette]:
    """Accuracy where pronouns are respected, less where they are not, in [-1, 1] by place; 0: no difference."""
    for place, part in asked.by(lambda vignette: vignette.place).items():
        yield Result("accuracy_gap", part, part.mean("accuracy_gap"), {"place": place})
        yield Result("accuracy", part, part.mean("accuracy"), {"place": place})
