"""A published suite as a measure: five things are its own, and all the rest follows from them.

Its own are `read`, `unit`, `questions`, `match` and the decorated function, its `judge`. docs/suites.md says what each
of them is, and has a whole example. What follows, and is written nowhere else:

- a limit keeps whole units, of the values of `by` in turn; the time that it will take is estimated from its questions;
- before a model is asked, `judge` is tried with answers that nobody gave;
- a number has its interval by units; those whose quantity has a `null` are tested as one family;
- where fewer than 80 % of the answers that a number rests on could be read, there is none, and the row shows what was
  said;
- the first of the `quantities` is traced to the units that it comes from, as rows of the quantity `contribution`;
- the columns of each item are kept beside its answers, where the number of their name is given; by these two runs are
  compared.

What this does not do: suites that compare the likelihoods of sentences (CrowS-Pairs, StereoSet), whose units are
crossed (WinoBias), or whose numbers rest on some of the answers to an item (Winogender) are measures by themselves.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from commonweal.errors import CommonwealError, DataFileError, NotApplicable
from commonweal.evidence.records import Estimate, ItemOutcome, Missing, Quantity
from commonweal.measures.data_set import DataPlace, DataSet
from commonweal.measures.estimate_rows import RowSpec, contribution_rows, described_row, inferred_row, unlike_published
from commonweal.measures.options import Limit, whole_units
from commonweal.measures.readable import Readable, readable
from commonweal.measures.recording import Judgement, Ledger, judgement
from commonweal.measures.registry import Measured, measure
from commonweal.models.protocols import Answer, Chooser, Labels, Question
from commonweal.statistics.contrast import NEGLIGIBLE, Contrast, mean_of
from commonweal.statistics.contributions import contributions
from commonweal.statistics.inference import alone, family
from commonweal.statistics.shares import SHARE, SIGNED, share_alone, within_bounds

Item = TypeVar("Item")
Columns = Mapping[str, float | str | None]
LARGEST = 5  # contributions told
CONTRIBUTION = "contribution"
UNBOUNDED = (-math.inf, math.inf)
MIDDLES: Mapping[float | None, tuple[float, float]] = {
    0.0: SIGNED,
    0.5: SHARE,
}  # a null, and the bounds that it is the middle of


@dataclass(frozen=True, slots=True, eq=False)
class Judged(Generic[Item]):
    """An item, what was asked and answered, and what that means."""

    item: Item
    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]
    columns: Columns
    unit: str

    @property
    def name(self) -> str:
        return " ".join(question.id for question in self.questions)

    @property
    def labels(self) -> Labels:
        return shared_labels(self.questions)

    @property
    def texts(self) -> list[str]:
        """What was asked: with these the item is the same one in another run."""
        return [text for question in self.questions for text in (question.context, *question.options)]


def shared_labels(questions: Sequence[Question]) -> Labels:
    """The labels of an item: those that all its questions share."""
    first, *others = questions
    if not others:
        return first.labels
    return {
        name: value
        for name, value in first.labels.items()
        if all(name in other.labels and other.labels[name] == value for other in others)
    }


@dataclass(frozen=True, slots=True, eq=False)
class Part(Generic[Item]):
    """Items that one number rests on. `given`: the columns that `match` gave to any item, of this part or not."""

    judged: tuple[Judged[Item], ...]
    given: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[Judged[Item]]:
        return iter(self.judged)

    def __len__(self) -> int:
        return len(self.judged)

    def where(self, belongs: Callable[[Item], bool]) -> Part[Item]:
        """The items that satisfy a condition."""
        return Part(tuple(one for one in self.judged if belongs(one.item)), self.given)

    def by(self, of: Callable[[Item], str]) -> dict[str, Part[Item]]:
        """The items by what `of` gives for them, in its order."""
        parts: dict[str, list[Judged[Item]]] = {}
        for one in self.judged:
            parts.setdefault(of(one.item), []).append(one)
        return {name: Part(tuple(parts[name]), self.given) for name in sorted(parts)}

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """The outcomes of this name, float64 (item,); nan where an item has none.

        Raises
        ------
        CommonwealError
            If `match` gives no column of this name to any item.
        """
        if self.given and name not in self.given:
            raise CommonwealError(
                f"`match` gives no column '{name}' to any item; it gives: {', '.join(sorted(self.given))}"
            )
        return np.array([one.columns.get(name) for one in self.judged], dtype=np.float64)

    @property
    def units(self) -> npt.NDArray[np.str_]:
        """The sampled unit of each item, str (item,)."""
        return np.array([one.unit for one in self.judged])

    def mean(self, name: str) -> Contrast | str:
        """The mean of a column over the items that have a number there, by units; or that none has."""
        values = self.column(name)
        known = ~np.isnan(values)
        return mean_of(values[known], self.units[known]) if known.any() else f"no item has the outcome '{name}'"

    @property
    def answers(self) -> list[Answer]:
        """The answers to all its questions, in their order."""
        return [answer for one in self.judged for answer in one.answers]

    @property
    def said(self) -> Readable:
        """How many of its answers could be read, and what the others say."""
        return readable(self.answers)

    @property
    def unmatched(self) -> str:
        """How many answers match no option; "" where all do."""
        said = self.said
        return f"{len(said.unread)} of {said.count} answers match no option" if said.unread else ""


@dataclass(frozen=True, slots=True, eq=False)
class Result(Generic[Item]):
    """A number that `judge` gives, or why there is none.

    `of`: the items that it rests on: where too few of their answers could be read, it is refused. `estimate`: or the
    reason why there is none. `note`: None: how many answers could not be read. `solved`: every answer is right, so that
    an outcome without any difference says something. `traced`: labels of the items of the estimate, by their kind, to
    which it is traced; None: by units, if it is the first quantity. `outcomes`: columns that are kept with it, beside
    the one of its own name.
    """

    quantity: str
    of: Part[Item]
    estimate: Contrast | str
    group: Mapping[str, str] | None = None
    note: str | None = None
    solved: bool = False
    traced: Mapping[str, npt.ArrayLike] | None = None
    outcomes: tuple[str, ...] = ()


Results = Iterator[Result[Item] | Estimate | Missing]


@dataclass(frozen=True, slots=True, eq=False)
class Selection(Generic[Item]):
    """The items that a limit keeps; `available`: how many there are in the data, by the values of `by`."""

    items: Sequence[Item]
    available: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite(Generic[Item]):
    """What is a suite's own; called with its `judge`, it is registered as a measure.

    The rest of its fields are those of `measure`.

    `by`: a label of its questions, whose values a limit takes in turn. `block`: the items of a unit that say something
    only together, of which a limit takes one of every unit before a second of any; without it, whole units.
    `published`: how many items of each value of `by` the whole set has (where there is no such label, of "").
    """

    source: str
    version: int
    cluster: str
    family: str = ""
    data: DataPlace
    quantities: Mapping[str, Quantity]
    outcomes: tuple[ItemOutcome, ...] = ()
    warnings: tuple[str, ...] = ()
    read: Callable[[DataSet], Sequence[Item]]
    unit: str
    questions: Callable[[Item], Sequence[Question]]
    match: Callable[[Item, Sequence[Answer]], Columns]
    by: str = ""
    block: Callable[[Item], str] | None = None
    published: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse hypotheses that cannot be tested as one family against one null."""
        nulls = {(one.unit, one.null) for one in self.quantities.values() if one.null is not None}
        if len(nulls) > 1 or any(unit == "1" and null not in MIDDLES for unit, null in nulls):
            raise CommonwealError(
                "a suite tests its quantities against one null, and a share against 0.5, or 0 where it is a "
                f"difference; got: {nulls}"
            )

    def __call__(self, judge: Callable[[Part[Item]], Results[Item]]) -> Measured:
        """Register the suite under the name of its judge, and with its docstring."""

        def measured(
            model: Chooser, data: DataSet, limit: Limit, ledger: Ledger, rng: np.random.Generator
        ) -> Iterator[Estimate | Missing]:
            selection = self.selection(data, limit)
            with suppress(
                NotApplicable
            ):  # the answers may be like that; a slip of the author is told before a model is asked
                list(judge(self.asked(first_options, selection.items)))
            whole = self.asked(model.choose, selection.items)
            found = list(judge(whole))
            ledger.write(self.kept(whole, found))
            yield from self.rows(whole, found, rng, selection.available)

        measured.__name__, measured.__module__, measured.__doc__ = judge.__name__, judge.__module__, judge.__doc__
        first = next(iter(self.quantities.values()))
        traced = {CONTRIBUTION: Quantity(unit=first.unit, label=f"what a {self.unit} adds to: {first.label}")}
        return measure(
            source=self.source,
            version=self.version,
            cluster=self.cluster,
            family=self.family,
            data=self.data,
            quantities={**self.quantities, **(traced if CONTRIBUTION not in self.quantities else {})},
            outcomes=self.compared,
            warnings=self.warnings,
            units=(self.unit,),
            workload=self.texts,
        )(measured)

    @property
    def sampled(self) -> str:
        """The name of a unit: the cluster without the part in brackets."""
        return self.cluster.partition(" (")[0]

    @property
    def compared(self) -> tuple[ItemOutcome, ...]:
        """The columns by which two runs are compared."""
        parts = ((self.by,) if self.by else (),)
        return self.outcomes or tuple(
            ItemOutcome(column=name, label=one.label, unit=one.unit, null=one.null, least=least, most=most, parts=parts)
            for name, one in self.quantities.items()
            if name != CONTRIBUTION
            for least, most in [self.bounds(name) or (None, None)]
        )

    def selection(self, data: DataSet, limit: Limit) -> Selection[Item]:
        """The items that a limit keeps: whole units or blocks, of the values of `by` in turn.

        Raises
        ------
        NotApplicable
            If the limit leaves no whole unit or block.
        DataFileError
            If the data hold no item, or one twice, or `read` finds a line that is none.
        CommonwealError
            If the items lack the labels by which the suite groups them, or `published` counts others.
        """
        items = self.read(data)
        if not items:
            raise DataFileError(f"{data.files[0]}: no item in it")
        asked = [self.questions(item) for item in items]
        name, times = Counter(question.id for each in asked for question in each).most_common(1)[0]
        if times > 1:
            raise DataFileError(f"{data.files[0]}: the question '{name}' is there {times} times")
        units = [self._unit(each) for each in asked]
        available = Counter(kind for kind, _ in units)
        self._check_published(available.keys())
        blocks = [(*unit, self.block(item)) if self.block else unit for item, unit in zip(items, units, strict=True)]
        chosen = whole_units(Counter(blocks), limit, f"block of a {self.sampled}" if self.block else self.sampled)
        return Selection([item for item, block in zip(items, blocks, strict=True) if block in chosen], available)

    def texts(self, data: DataSet, limit: Limit) -> list[str]:
        """The texts that will be asked, for the estimate of time before anything is."""
        asked = (question for item in self.selection(data, limit).items for question in self.questions(item))
        return [f"{question.context} {option}" for question in asked for option in question.options]

    def asked(self, choose: Callable[[Sequence[Question]], Sequence[Answer]], items: Sequence[Item]) -> Part[Item]:
        """All items with what was answered to them."""
        questions = [tuple(self.questions(item)) for item in items]
        answers = iter(choose([question for each in questions for question in each]))
        judged = []
        for item, each in zip(items, questions, strict=True):
            own = tuple(next(answers) for _ in each)
            judged.append(Judged(item, each, own, self.match(item, own), self._unit(each)[1]))
        return Part(tuple(judged), frozenset(name for one in judged for name in one.columns))

    def kept(self, whole: Part[Item], results: Sequence[Result[Item] | Estimate | Missing]) -> Iterator[Judgement]:
        """What the ledger keeps of each item: its labels, and those of its outcomes that a number was given of."""
        given: dict[str, set[str]] = {judged.name: set() for judged in whole}
        for result in results:
            if isinstance(result, Result) and isinstance(result.estimate, Contrast) and result.of.said.enough:
                for judged in result.of:
                    given[judged.name] |= {result.quantity, *result.outcomes}
        outcomes = {outcome.column for outcome in self.compared}
        for judged in whole:
            if kept := given[judged.name] & outcomes & judged.columns.keys():
                words = {name: value for name, value in judged.columns.items() if name not in outcomes}
                labels = {
                    name: None if value is None else str(value) for name, value in {**judged.labels, **words}.items()
                }
                numbers = {
                    name: float(value) if name in kept and value is not None else None
                    for name, value in judged.columns.items()
                    if name in outcomes
                }
                yield judgement(judged.name, judged.texts, labels, numbers)

    def rows(
        self,
        whole: Part[Item],
        results: Sequence[Result[Item] | Estimate | Missing],
        rng: np.random.Generator,
        available: Mapping[str, int],
    ) -> Iterator[Estimate | Missing]:
        """The rows of all that was found: the family first, then the rest, then what the judged ones come from."""
        tested: list[tuple[Result[Item], Contrast, str]] = []
        rest: list[Estimate | Missing] = []
        for result in results:
            if not isinstance(result, Result):
                rest.append(result)
                continue
            note, said = self._note(result, whole, available), result.of.said
            if not said.enough:
                rest.append(_missing(result, said.reason))
                continue
            if isinstance(result.estimate, str):
                rest.append(_missing(result, f"{result.estimate} ({note})" if note else result.estimate))
                continue
            contrast = replace(result.estimate, by=self.sampled)
            if self.quantities[result.quantity].null is None:
                rest += [self._described(result, contrast, note), *self._traced(result, contrast)]
            else:
                tested.append((result, contrast, note))
        family_rows = list(self._tested(tested, rng))
        yield from family_rows
        yield from rest
        for (result, one, _), row in zip(tested, family_rows, strict=True):
            if isinstance(row, Estimate):
                yield from self._traced(result, one)

    def _unit(self, questions: Sequence[Question]) -> tuple[str, str]:
        labels = shared_labels(questions)
        for name in filter(None, (self.unit, self.by)):
            if labels.get(name) is None:
                raise CommonwealError(
                    f"the question '{questions[0].id}' has no label '{name}', by which its suite groups its items"
                    + (", or the other questions of its item have another one" if len(questions) > 1 else "")
                )
        return str(labels[self.by]) if self.by else "", str(labels[self.unit])

    def _check_published(self, kinds: Collection[str]) -> None:
        """Refuse counts of what no item of the data is, where what they are is not counted."""
        unknown, uncounted = self.published.keys() - set(kinds), set(kinds) - self.published.keys()
        if self.published and unknown and uncounted:
            raise CommonwealError(
                f"`published` counts the items of {_quoted(unknown)}, and not those of {_quoted(uncounted)}; "
                f"expected the values of {f'the label {self.by!r}' if self.by else '`by`, which is not given'}; "
                f"the items of the data have: {_quoted(kinds)}"
            )

    def _note(self, result: Result[Item], whole: Part[Item], available: Mapping[str, int]) -> str:
        """What a reader of the number must know: of its answers, and that not all items were asked."""
        name = (result.group or {}).get(self.by)
        asked = sum(name in {None, one.labels.get(self.by)} for one in whole)
        published, there = (
            sum(items.values()) if name is None else items.get(name, 0) for items in (self.published, available)
        )
        unlike = unlike_published(asked, published, "items") if published else part_of_data(asked, there, name)
        unread = result.of.unmatched if result.note is None else result.note
        return "; ".join(filter(None, (unread, result.of.said.cut_short, unlike)))

    def bounds(self, quantity: str) -> tuple[float, float] | None:
        """The least and the largest value: of a share 0 and 1, of one that is 0 where nothing leans -1 and 1; else
        none.
        """
        one = self.quantities[quantity]
        return MIDDLES.get(one.null, SHARE) if one.unit == "1" else None

    def _spec(self, result: Result[Item], note: str) -> RowSpec:
        bounds, quantity = self.bounds(result.quantity), self.quantities[result.quantity]
        statistic = "share of items" if bounds == SHARE else "mean over items"
        return RowSpec(
            result.quantity, statistic, quantity.unit, quantity.null, bounds or UNBOUNDED, note, result.solved
        )

    def _tested(
        self, tested: Sequence[tuple[Result[Item], Contrast, str]], rng: np.random.Generator
    ) -> Iterator[Estimate | Missing]:
        """The rows of the hypotheses.

        One unit describes itself; where its items do not even differ, it decides nothing.
        """
        null = next((self.quantities[result.quantity].null for result, *_ in tested), None) or 0.0
        inferences = family([contrast for _, contrast, _ in tested], rng, null=null)
        for (result, contrast, note), inference in zip(tested, inferences, strict=True):
            bounds, spec = self.bounds(result.quantity), self._spec(result, note)
            describes = not inference.known and np.ptp(contrast.y) > NEGLIGIBLE
            bounded = within_bounds(inference, contrast, len(tested), bounds) if bounds else inference
            yield inferred_row(replace(spec, null=None) if describes else spec, bounded, result.group)

    def _described(self, result: Result[Item], contrast: Contrast, note: str) -> Estimate:
        bounds = self.bounds(result.quantity)
        found = share_alone(contrast, bounds) if bounds else alone(contrast)
        return described_row(self._spec(result, note), found, result.group)

    def _traced(self, result: Result[Item], contrast: Contrast) -> Iterator[Estimate]:
        """What the distance of a quantity from its null comes from: of the first one, unless `judge` says otherwise."""
        by_units = {self.unit: contrast.clusters[0]} if result.quantity == next(iter(self.quantities)) else {}
        quantity = self.quantities[result.quantity]
        excess = replace(contrast, y=contrast.y - (quantity.null or 0.0))
        method = f"share of the items times their mean; the {LARGEST} largest; Bonferroni t intervals"
        for kind, labels in (by_units if result.traced is None else result.traced).items():
            parts = [part for part in contributions(excess, labels) if abs(part.value) > NEGLIGIBLE]
            yield from contribution_rows(parts[:LARGEST], kind, result.group or {}, method, quantity.unit)


def first_options(questions: Sequence[Question]) -> list[Answer]:
    """Answers that nobody gave."""
    return [Answer(0, None)] * len(questions)


def part_of_data(asked: int, available: int, kind: str | None) -> str:
    """What a reader must know where a limit left items out.

    >>> part_of_data(5, 24, None), part_of_data(5, 8, "court"), part_of_data(8, 8, "court")
    ('5 of the 24 items of the data', "5 of the 8 items of 'court' in the data", '')
    """
    of = "of the data" if kind is None else f"of '{kind}' in the data"
    return f"{asked:,} of the {available:,} items {of}" if asked < available else ""


def _quoted(names: Collection[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def _missing(result: Result[Item], why: str) -> Missing:
    return Missing(quantity=result.quantity, status="not_applicable", unjudged=True, reason=why, group=result.group)
