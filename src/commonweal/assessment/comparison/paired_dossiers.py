"""Two dossiers: the items that both measured, with their outcomes.

Where a measure says what it makes of each item, that is compared; else the answers themselves, found by the text of the
request. What cannot be paired is said, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from commonweal.assessment.comparison.dossier_items import (
    PREDICTIONS,
    MeasuredSubject,
    Said,
    Subjects,
    items_of,
    read_dossier,
    subjects_of,
)
from commonweal.assessment.comparison.paired_answers import pair_answers
from commonweal.assessment.comparison.paired_judgements import pair_judgements
from commonweal.assessment.comparison.paired_outcomes import Paired, PairingNotes
from commonweal.assessment.comparison.paired_predictions import TableFile, pair_predictions
from commonweal.models.prediction_tables import read_prediction_table


def pair_dossiers(a: Path, b: Path) -> tuple[list[Paired], PairingNotes]:
    """Every outcome that both dossiers have of the same items."""
    sides = read_dossier(a), read_dossier(b)
    said = Said()
    pairs: list[Paired] = []
    for measure in sorted({measure for side in sides for measure in side}):
        for one, other in _same_subjects(measure, (a, b), sides, said):
            pairs += _pair_items(one, other, said)
    return pairs, PairingNotes(tuple(said.paired), tuple(said.unpaired))


def _same_subjects(
    measure: str, folders: tuple[Path, Path], sides: Sequence[dict[str, dict[str, MeasuredSubject]]], said: Said
) -> Iterator[Subjects]:
    """Subjects of the same name; or the only one of each side, which may be called otherwise."""
    first, second = sides[0].get(measure, {}), sides[1].get(measure, {})
    if not first or not second:
        said.unpaired.append(f"{measure}: measured in {folders[bool(second)]} only")
        return
    shared = sorted(first.keys() & second.keys())
    if not shared and len(first) == len(second) == 1:
        yield next(iter(first.values())), next(iter(second.values()))
        return
    yield from ((first[subject], second[subject]) for subject in shared)
    for folder, mine, other in ((folders[0], first, second), (folders[1], second, first)):
        said.unpaired += [
            f"{measure} on {name}: measured in {folder} only" for name in sorted(mine.keys() - other.keys())
        ]


def _pair_items(first: MeasuredSubject, second: MeasuredSubject, said: Said) -> Iterator[Paired]:
    """The outcomes of one measure on a subject of each side."""
    title = f"{first.measure} on {subjects_of(first, second)}"
    if first.reached != second.reached:
        said.paired.append(f"{title}: in A {first.reached or 'a prompt'}, in B {second.reached or 'a prompt'}")
    if first.of_table and second.of_table:
        yield from _pair_tables(first, second, title, said)
        return
    for side in (first, second):
        absent = [path for path in (side.items, side.run) if not path.exists()]
        if absent:
            mend = "compare the two files of answers" if side.answers_from_file else "run it again to have them"
            said.unpaired.append(f"{title}: there are no items of this run ({absent[0]}); {mend}")
            return
    frames = items_of(first, title, said), items_of(second, title, said)
    if first.outcomes and second.outcomes:
        yield from pair_judgements((first, second), frames, title, said)
    else:
        yield from pair_answers((first, second), frames, title, said)


def _pair_tables(first: MeasuredSubject, second: MeasuredSubject, title: str, said: Said) -> Iterator[Paired]:
    """The tables that both dossiers were measured on, read again with the same columns; refused where one changed."""
    files = [TableFile(Path(side.reached.removeprefix(PREDICTIONS)), side.columns) for side in (first, second)]
    for file, side in zip(files, (first, second), strict=True):
        if not file.path.is_file():
            said.unpaired.append(
                f"{title}: the table {file.path} is not here any more; compare the two files themselves"
            )
            return
        if read_prediction_table(file.path, file.asked).fingerprint != side.fingerprint:
            said.unpaired.append(f"{title}: the table {file.path} has changed since it was measured; measure it again")
            return
    pairs, notes = pair_predictions(files[0], files[1], common=True)
    said.paired += [f"{title}: {note}" for note in notes.paired]
    said.unpaired += [f"{title}: {note}" for note in notes.unpaired]
    yield from pairs
