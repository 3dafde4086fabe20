"""Two dossiers: the items that both measured, found by the text of the request, with their outcomes.

The items of a measure lie in `items/MEASURE/SUBJECT/KEY.parquet`; the key is worked out again from what the dossier says
the rows depend on, and `runs/` beside it has the items that the rows are about, so that those of another run in the same folder
(another model, limit, seed or design) are not taken for them. Outcomes that can be paired: log-probabilities of texts, and
scores or favourable answers of decisions. What cannot be paired is said, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from commonweal.assessment.paired_outcomes import MOST_GROUPS, Outcome, Paired, Statement
from commonweal.errors import DataFileError
from commonweal.evidence.contrast import Array, Labels
from commonweal.evidence.store import RUNS, digest
from commonweal.text_file import json_of, text_of

SCHEMA = "commonweal-dossier/1"
PREDICTIONS = "predictions:"
QUANTITIES_NAMED = 4
ANSWERS = frozenset(
    {"key", "text", "context", "continuation", "logprob", "tokens", "greedy", "option", "favourable", "score", "seed"}
)
TRACED = frozenset({"contribution"})  # what is said of templates, items or writers is not said of groups
NO_GROUPS = frozenset({"item", "axis", "wording"})
MOST_FACTORS = 2


@dataclass(frozen=True, slots=True)
class Told:
    """What a dossier says about one measure on one subject. `units`: the columns of its items that name the sampled unit.

    `items`: every outcome that was kept; `run`: the keys of those that the rows of this dossier are about.
    """

    measure: str
    subject: str
    units: tuple[str, ...]
    attributes: frozenset[str]
    items: Path
    run: Path
    prompt: bool
    answers_from_file: bool
    quantities: tuple[str, ...]


@dataclass(slots=True)
class _Said:
    paired: list[str] = field(default_factory=list)
    unpaired: list[str] = field(default_factory=list)


def pair_dossiers(a: Path, b: Path) -> tuple[list[Paired], Statement]:
    """Every outcome that both dossiers have of the same items."""
    sides = read_dossier(a), read_dossier(b)
    said = _Said()
    pairs: list[Paired] = []
    for measure in sorted({measure for side in sides for measure in side}):
        for one, other in _same_subjects(measure, (a, b), sides, said):
            pairs += _pair_items(one, other, said)
    return pairs, Statement(tuple(said.paired), tuple(said.unpaired))


def read_dossier(folder: Path) -> dict[str, dict[str, Told]]:
    """Measure -> subject -> what is told of it, for measures that have a number."""
    path = folder / "dossier.json"
    if not path.is_file():
        raise DataFileError(f"{path}: no such file; expected the folder of a finished run")
    content = json_of(text_of(path), path)
    try:
        if content["schema"] != SCHEMA:
            raise DataFileError(f"{path}: its schema is '{content['schema']}', expected {SCHEMA}")
        units = {method["name"]: tuple(map(str, method.get("units", ()))) for method in content["methods"]}
        assets = content["system"]["assets"]
        prompts = {asset["id"] for asset in assets if asset.get("prompt")}
        files = {asset["id"] for asset in assets if (asset.get("locator") or "").startswith(PREDICTIONS)}
        found: dict[str, dict[str, Told]] = {}
        for (measure, subject), rows in _measured(content["evidence"]).items():
            provenance = rows[0]["provenance"]
            inputs = {name: value for name, value in provenance["inputs"].items() if name != "rows"}
            key = digest(measure, provenance["version"], inputs)
            estimates = [row["estimate"] for row in rows if row["estimate"]["quantity"] not in TRACED]
            attributes = {name for one in estimates for name in (one["group"] or {})}
            items = folder / "items" / measure / subject / f"{key}.parquet"
            run = items.parent / RUNS / f"{provenance['inputs']['rows']}.parquet"
            quantities = tuple(dict.fromkeys(one["quantity"] for one in estimates))
            told = Told(
                measure,
                subject,
                units.get(measure, ()),
                frozenset(attributes),
                items,
                run,
                subject in prompts,
                subject in files,
                quantities,
            )
            found.setdefault(measure, {})[subject] = told
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataFileError(f"{path}: not a dossier of commonweal ({type(error).__name__}: {error})") from error
    return found


def _measured(evidence: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """The rows with a number that was measured, by measure and subjects."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in evidence:
        if row["basis"] == "measured" and row["estimate"] is not None:
            found.setdefault((row["measure"], "+".join(row["subjects"])), []).append(row)
    return found


def _same_subjects(
    measure: str, folders: tuple[Path, Path], sides: tuple[dict[str, dict[str, Told]], dict[str, dict[str, Told]]], said: _Said
) -> Iterator[tuple[Told, Told]]:
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
        said.unpaired += [f"{measure} on {name}: measured in {folder} only" for name in sorted(mine.keys() - other.keys())]


def _pair_items(one: Told, other: Told, said: _Said) -> Iterator[Paired]:
    """The outcomes of one measure on a subject of each side."""
    title = f"{one.measure} on {one.subject}" + (f" and {other.subject}" if other.subject != one.subject else "")
    frames = []
    for told in (one, other):
        absent = [path for path in (told.items, told.run) if not path.exists()]
        if absent:
            mend = "answers from a file leave none" if told.answers_from_file else "run it again to have them"
            said.unpaired.append(f"{title}: there are no items of this run ({absent[0]}); {mend}")
            return
        frames.append(_items_of(told, title, said))
    names = [text for text in ("continuation", "text") if all(text in frame.columns for frame in frames)]
    answered = [name for name in ("logprob", "score", "favourable") if all(name in frame.columns for frame in frames)]
    if not names or not answered:
        columns = ", ".join(name for name in frames[0].columns if name != "key")
        said.unpaired.append(f"{title}: its items are no requests with an answer in numbers (columns: {columns})")
        return
    key = ["context", "continuation"] if names[0] == "continuation" else ["text"]
    joined = frames[0].join(frames[1].select([*key, *answered]), on=key, how="inner", suffix="_b").sort(key)
    if not joined.height:
        said.unpaired.append(f"{title}: no request has the same text in both ({frames[0].height} and {frames[1].height} items)")
        return
    for frame, side in zip(frames, "AB", strict=True):
        if frame.height > joined.height:
            said.unpaired.append(f"{title}: {frame.height - joined.height} of {frame.height} items are in {side} only")
    if "logprob" in answered:
        said.unpaired.append(f"{title}: {_own_numbers(one.quantities)} not compared; the log-probability of the texts is")
    for attributes, part in _designs(joined, one):
        yield from _outcomes((one, other), attributes, part, (title, said))


def _own_numbers(quantities: Sequence[str]) -> str:
    """What a measure makes of its texts, in words.

    >>> _own_numbers(["bias", "accuracy"]), _own_numbers(list("abcdef"))
    ('what the measure makes of them (bias, accuracy) is', 'what the measure makes of them (a, b, c, d and 2 more) is')
    """
    more = len(quantities) - QUANTITIES_NAMED
    named = ", ".join(quantities[:QUANTITIES_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"what the measure makes of them ({named}) is"


def _items_of(told: Told, title: str, said: _Said) -> pl.DataFrame:
    """The items that the rows of a dossier are about."""
    items, asked = _read(told.items), _read(told.run)
    frame = items.join(asked, on="key", how="semi")
    if frame.height < asked.height:
        said.unpaired.append(
            f"{title}: {asked.height - frame.height} of {asked.height} items of the run are missing in {told.items}"
        )
    return frame


def _read(path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataFileError(f"{path}: cannot be read ({error})") from error
    if frame.schema.get("key") != pl.String:
        raise DataFileError(
            f"{path}: has no column `key` of texts (columns: {', '.join(frame.columns)}); was it changed by hand?"
        )
    return frame


def _designs(joined: pl.DataFrame, told: Told) -> Iterator[tuple[tuple[str, ...], pl.DataFrame]]:
    """The items by the attributes that they vary: names by gender and race are one design, pronouns another."""
    columns = [name for name in joined.columns if name in told.attributes]
    varies = joined.select([pl.col(name).is_not_null().alias(name) for name in columns])
    kinds = varies.unique(maintain_order=True).rows() if columns else [()]
    for kind in kinds:
        keep = np.ones(joined.height, dtype=np.bool_)
        for name, known in zip(columns, kind, strict=True):
            keep &= varies[name].to_numpy() == known
        yield tuple(name for name, known in zip(columns, kind, strict=True) if known), joined.filter(keep)


def _outcomes(
    told: tuple[Told, Told], attributes: tuple[str, ...], part: pl.DataFrame, spoken: tuple[str, _Said]
) -> Iterator[Paired]:
    title, said = spoken
    where = title + (f", by {' and '.join(attributes)}" if attributes else "")
    units = told[0].units
    absent = [name for name in units if name not in part.columns or part[name].null_count()]
    if absent or not units:
        why = f"they have no `{absent[0]}`" if absent else "the measure names no column for it"
        said.unpaired.append(f"{where}: its items do not tell the sampled unit: {why}")
        return
    factors = _sampled(units, attributes, part)
    if not 0 < len(factors) <= MOST_FACTORS:
        said.unpaired.append(f"{where}: no unit was sampled; {' and '.join(units)} are the groups themselves")
        return
    known = [name for name in ("logprob", "score", "favourable") if f"{name}_b" in part.columns]
    for name in known:
        outcome, why = _outcome(name, told, part)
        if outcome is None:
            said.unpaired.append(f"{where}, {name}: {why}")
            continue
        used = part.filter(pl.col(name).is_not_null() & pl.col(f"{name}_b").is_not_null())
        if used.height < part.height:
            said.unpaired.append(f"{where}, {name}: {part.height - used.height} of {part.height} items have none in A or in B")
        a, b = (_numbers(name, column, used) for column in (name, f"{name}_b"))
        sampled = " x ".join(factors)
        note = f"{told[0].measure}, {where.removeprefix(told[0].measure + ' ')}"
        clusters = tuple(_texts(used[factor]) for factor in factors)
        groups = {each: _texts(used[each]) for each in _grouping(attributes, factors, used)}
        said.paired.append(f"{where}: {used.height} items by their text, {outcome.label}, {_counted(factors, clusters)}")
        yield Paired(told[0].measure, (told[0].subject, told[1].subject), outcome, a, b, clusters, sampled, groups, note)


def _sampled(units: Sequence[str], attributes: Sequence[str], part: pl.DataFrame) -> list[str]:
    """The columns of the sampled unit, without those whose values are the groups themselves.

    >>> frame = pl.DataFrame({"unit": ["she", "he"], "probe": ["a", "b"], "pronoun": ["she", "he"]})
    >>> _sampled(["unit", "probe"], ["pronoun"], frame)
    ['probe']
    """
    return [name for name in units if not any(name != group and part[name].equals(part[group]) for group in attributes)]


def _grouping(attributes: Sequence[str], factors: Sequence[str], part: pl.DataFrame) -> list[str]:
    """Attributes of groups; and what varies between the continuations of one context, such as the pronoun."""
    found = [name for name in attributes if name not in factors]
    if "context" in part.columns:
        labels = [
            name for name, kind in part.schema.items()
            if kind == pl.String and name not in {*ANSWERS, *NO_GROUPS, *factors, *found} and part[name].n_unique() <= MOST_GROUPS
        ]  # fmt: skip
        inside = part.group_by("context").agg([pl.col(name).n_unique() for name in labels])
        found += [name for name in labels if (inside[name] > 1).any()]
    return found


def _outcome(name: str, told: tuple[Told, Told], part: pl.DataFrame) -> tuple[Outcome | None, str]:
    if part[name].null_count() == part.height or part[f"{name}_b"].null_count() == part.height:
        return None, "no item has one (a rule that chooses from a pool decides about no item by itself)"
    if name == "logprob":
        return Outcome("logprob", "log-probability of the text", "bit/byte", higher_is_better=None, most=0.0), ""
    if name == "favourable":
        return Outcome("favourable", "share of favourable answers", "1", higher_is_better=None, sparse=True), ""
    if told[0].prompt != told[1].prompt:
        return None, "one side gives log-odds, the other a score on its own scale"
    log_odds = Outcome("log_odds", "log-odds of the favourable answer", "nat", higher_is_better=None)
    return (log_odds if told[0].prompt else Outcome("score", "score", "score", higher_is_better=None)), ""


def _numbers(name: str, column: str, part: pl.DataFrame) -> Array:
    values = part[column].cast(pl.Float64).to_numpy().astype(np.float64)
    if not np.isfinite(values).all():
        raise DataFileError(f"the {name} of {int((~np.isfinite(values)).sum())} items is not a number, so nothing is compared")
    if name == "logprob":
        values = values / np.log(2) / part["continuation"].str.len_bytes().to_numpy()
    return np.asarray(values)


def _texts(column: pl.Series) -> Labels:
    return np.array([("" if value is None else str(value)) for value in column.to_list()], dtype=np.str_)


def _counted(factors: Sequence[str], clusters: Sequence[Labels]) -> str:
    counts = [(np.unique(units).size, name.removesuffix("s")) for name, units in zip(factors, clusters, strict=True)]
    return " x ".join(f"{count} {name}s" for count, name in counts)
