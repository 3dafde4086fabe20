"""What a run will be able to judge, before anything is asked: for `commonweal check`.

What this module does not do: it promises no result. What a measure can say of its own design it says by its `foresee`;
of the others, how many texts they will ask is all that is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from commonweal.errors import CommonwealError

if TYPE_CHECKING:
    from commonweal.measures.gather import Task
    from commonweal.measures.plan import Prepared


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One comparison: who is compared, on what it rests, and the ends of the smallest gap that it would detect.

    `smallest`: in [0, 1]; None: not known beforehand, its lower end too where versions are matched. `reason`: why it
    cannot be made at all; empty where it can.
    """

    about: str
    rests_on: str = ""
    smallest: tuple[float | None, float] | None = None
    reason: str = ""

    @property
    def words(self) -> str:
        """In a line.

        >>> Foreseen("gender: men, women", "36 names a group", (0.1, 0.4)).words
        'gender: men, women; 36 names a group; smallest gap it would detect: 10 to 40 points'
        """
        if self.reason:
            return f"{self.about}: cannot be judged, {self.reason}"
        return "; ".join(filter(None, (self.about, self.rests_on, self._gap())))

    def _gap(self) -> str:
        if self.smallest is None:
            return ""
        low, high = self.smallest
        ends = f"at most {100 * high:.0f}" if low is None else f"{100 * low:.0f} to {100 * high:.0f}"
        return f"smallest gap it would detect: {ends} points"


@dataclass(frozen=True, slots=True)
class ForeseenMeasure:
    """A measure on a subject: how many texts it will ask, None where that is not known, and what it will compare."""

    measure: str
    subject: str
    texts: int | None
    comparisons: tuple[Foreseen, ...] = ()


def foresee(ready: Prepared) -> Iterator[ForeseenMeasure]:
    """What each planned measurement that asks something will ask and be able to judge; without data that are not
    there.
    """
    for task in ready.tasks:
        if task.spec.name in ready.preflight.without_data or task.spec.workload is None:
            continue
        given = _material(task, ready)
        if given is not None:
            compared = task.spec.foresee(**_asked(task.spec.foresee, given)) if task.spec.foresee else ()
            texts = len(task.spec.workload(**_asked(task.spec.workload, given)))
            yield ForeseenMeasure(task.spec.name, task.subject_id, texts, tuple(compared))


def _material(task: Task, ready: Prepared) -> Mapping[type, Any] | None:
    """What the texts are made of, by type; None where it cannot be had without a permission."""
    from commonweal.measures.data_set import DataSet  # noqa: PLC0415 - `check` without a measure needs none of it
    from commonweal.measures.options import Design, Limit  # noqa: PLC0415
    from commonweal.measures.probes.records import Probes  # noqa: PLC0415

    try:
        probes = task.open_probes() if task.open_probes else None
        data = task.open_data() if task.open_data else None
    except CommonwealError:
        return None
    given = {Probes: probes, DataSet: data, Design: ready.options.design, Limit: Limit(ready.options.limit)}
    needed = {kind for kind in task.spec.needs.values() if kind in given}
    return None if any(given[kind] is None for kind in needed) else given


def _asked(function: Any, given: Mapping[type, Any]) -> dict[str, Any]:
    return {name: given[kind] for name, kind in get_type_hints(function).items() if kind in given}


def without_data(ready: Prepared) -> Mapping[str, Sequence[str]]:
    """The folders of data that would add measures, by the name that each has under DIR."""
    wanted: dict[str, list[str]] = {}
    for task in ready.tasks:
        place = task.spec.data
        if place is not None and task.spec.name in ready.preflight.without_data:
            names = wanted.setdefault(place.name, [])
            names += [task.spec.name] if task.spec.name not in names else []
    return wanted
