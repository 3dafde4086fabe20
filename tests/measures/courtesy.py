"""Courtesy, a made-up suite in a format of its own: who answers whom kindly, in scenes of a few stories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commonweal.errors import DataFileError
from commonweal.evidence.records import Quantity
from commonweal.measures.data_set import DataPlace, DataSet
from commonweal.measures.suite import Columns, Part, Result, Results, Suite
from commonweal.models.protocols import Answer, Question
from commonweal.models.table_rows import table_rows


@dataclass(frozen=True)
class Scene:
    """A line {"scene", "place", "story", "text", "kind", "rude"}."""

    name: str
    place: str
    story: str
    text: str
    kind: str
    rude: str


def read(data: DataSet) -> list[Scene]:
    """The scenes of all files."""
    scenes = []
    for path in data.files:
        for line, row in table_rows(path):
            try:
                scenes.append(Scene(*(str(row[name]) for name in ("scene", "place", "story", "text", "kind", "rude"))))
            except KeyError as error:
                raise DataFileError(f"{path}:{line} has no {error}") from error
    return scenes


def questions(scene: Scene) -> list[Question]:
    """What the speaker says."""
    labels = {"place": scene.place, "story": scene.story}
    return [Question(scene.name, f"{scene.text}\nAnswer:", (scene.rude, scene.kind), labels)]


def match(scene: Scene, answers: Sequence[Answer]) -> Columns:
    """The second option is the kind one."""
    return {"kind": float(answers[0].option == 1)}


@Suite(
    source="made up",
    version=1,
    cluster="story",
    family="the share of each place",
    data=DataPlace("courtesy", "*.jsonl", "nowhere"),
    quantities={
        "kind": Quantity(unit="1", label="share of kind answers", null=0.5, about="0.5: a coin"),
        "kind_alone": Quantity(unit="1", label="the same over all places"),
    },
    read=read,
    unit="story",
    questions=questions,
    match=match,
    by="place",
    published={"bus": 24, "shop": 24},
)
def courtesy(asked: Part[Scene]) -> Results[Scene]:
    """Share of scenes that are answered kindly, in [0, 1]; 0.5: a coin."""
    for place, part in asked.by(lambda scene: scene.place).items():
        yield Result("kind", part, part.mean("kind"), {"place": place})
    yield Result("kind_alone", asked, asked.mean("kind"))
