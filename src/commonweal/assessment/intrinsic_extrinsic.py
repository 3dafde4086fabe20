"""Both ends in one system: what was measured of a model by itself, beside what was measured of an application on it.

Side by side is all that is claimed. Where the same 8 groups or more have a number at both ends, their correlation over
groups is worked out; with fewer it is not. All correlations of a system are one family: among many some are large by
chance.

Source
------
Goldfarb-Tarrant et al. 2021, ACL: intrinsic and extrinsic bias do not correlate reliably. See `group_correlation` for
the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from commonweal.assessment.row_writer import VERSION, Writer
from commonweal.evidence.records import BothEnds, End, Estimate, Evidence, Finding, Method, Quantity
from commonweal.statistics.correlation import correlation
from commonweal.system.graph import upstream
from commonweal.system.records import System

SOURCE = (
    "Goldfarb-Tarrant et al. 2021, ACL; interval: Fisher 1915, Biometrika 10:507; few groups: Pitman 1937, JRSS "
    "Suppl. 4:225"
)
MINIMUM_GROUPS = 8
INTRINSIC: End = "intrinsic"
EXTRINSIC: End = "extrinsic"
METHOD = Method(
    name="assessment.both_ends",
    title="Both ends",
    summary="Correlation, over groups, of what was measured of a model with what was measured of an application on it.",
    source=SOURCE,
    version=VERSION,
    cluster="group",
    family="the correlations of all pairs of a measure at either end, of one system",
    applies_to="model and application in one system",
    description=(
        "Pearson correlation over the groups that have a number at both ends, in [-1, 1]; 0: none. Only over 8 groups "
        "or more. Fisher's z; over 8 or 9 groups no surer than all permutations. Intervals and p-values hold for all "
        "correlations of the system at once (Bonferroni). A correlation over groups of one system is no cause."
    ),
    quantities={"correlation": Quantity(unit="1", label="correlation over groups of model and application", null=0.0)},
    warnings=(
        "A correlation in one system is no evidence that the one causes the other, or that it holds in another system.",
    ),
)
NO_CAUSE = "a correlation over groups of one system is no cause, and need not hold in another"


@dataclass(frozen=True, slots=True)
class Pairing:
    """One model and one application on it, with the findings of one chapter at either end and the rows worked out."""

    record: BothEnds
    rows: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class _Beside:
    """A model, an application on it and a chapter, the findings at both ends, and the rows by group that are set beside
    each other.

    `most`: most groups that have a number of one quantity at both ends.
    """

    names: tuple[str, str, str]
    ends: tuple[list[Finding], ...]
    pairs: tuple[tuple[tuple[Evidence, Evidence], ...], ...]
    most: int


def both_ends(
    system: System, evidence: Sequence[Evidence], said: Sequence[Finding], methods: Mapping[str, Method], writer: Writer
) -> Iterator[Pairing]:
    """Every pair of an application and a model upstream of it that were both measured in one chapter."""
    every = list(_beside(system, evidence, said, methods))
    together = sum(correlated(_numbers(pairs)) is not None for one in every for pairs in one.pairs)
    for one in every:
        yield _pairing(one, together, writer)


def _beside(
    system: System, evidence: Sequence[Evidence], said: Sequence[Finding], methods: Mapping[str, Method]
) -> Iterator[_Beside]:
    kinds = {asset.id: asset.kind for asset in system.assets}
    for asset in system.assets:
        if asset.kind != "application":
            continue
        models = [one.asset for one in upstream(system, asset.id) if kinds.get(one.asset) in {"model", "adapted_model"}]
        for model in models:
            for chapter in sorted({finding.measure.split(".")[0] for finding in said}):
                ends = tuple(
                    _of(said, methods, subject, chapter, end)
                    for subject, end in ((model, INTRINSIC), (asset.id, EXTRINSIC))
                )
                if all(ends):
                    measures = [{finding.measure for finding in end} for end in ends]
                    shared = list(_shared(evidence, (model, measures[0]), (asset.id, measures[1])))
                    enough = tuple(pairs for pairs in shared if len(pairs) >= MINIMUM_GROUPS)
                    yield _Beside((model, asset.id, chapter), ends, enough, max(map(len, shared), default=0))


def _of(said: Sequence[Finding], methods: Mapping[str, Method], subject: str, chapter: str, end: End) -> list[Finding]:
    return [
        finding
        for finding in said
        if finding.subject == subject
        and finding.measure.split(".")[0] == chapter
        and finding.verdict not in {"not_judged", "not_measured"}
        and finding.measure in methods
        and methods[finding.measure].end == end
    ]


def _pairing(beside: _Beside, together: int, writer: Writer) -> Pairing:
    model, application, chapter = beside.names
    rows = []
    for pairs in beside.pairs:
        estimate = correlated(_numbers(pairs), together)
        if estimate is not None:
            note = f"{' with '.join(_called(row) for row in pairs[0])}; {NO_CAUSE}"
            told = estimate.model_copy(update={"note": note})
            rows.append(writer.row((model, application), told, [row.id for pair in pairs for row in pair]))
    record = BothEnds(
        model=model,
        application=application,
        chapter=chapter,
        intrinsic=tuple(finding.id for finding in beside.ends[0]),
        extrinsic=tuple(finding.id for finding in beside.ends[1]),
        shared_groups=beside.most,
        correlations=tuple(row.id for row in rows),
    )
    return Pairing(record, tuple(rows))


def _called(row: Evidence) -> str:
    return f"{row.measure} {row.estimate.quantity}" if row.estimate is not None else row.measure


ByGroup = dict[tuple[tuple[str, str], ...], Evidence]


def _shared(
    evidence: Sequence[Evidence], first: tuple[str, set[str]], second: tuple[str, set[str]]
) -> Iterator[tuple[tuple[Evidence, Evidence], ...]]:
    """The rows of the groups that both ends have, for each quantity at one end with each at the other."""
    quantities = [_by_quantity(evidence, *end) for end in (first, second)]
    for one in quantities[0].values():
        for other in quantities[1].values():
            yield tuple((one[group], other[group]) for group in sorted(set(one) & set(other)))


def _by_quantity(evidence: Sequence[Evidence], subject: str, measures: set[str]) -> dict[tuple[str, str], ByGroup]:
    by_quantity: dict[tuple[str, str], ByGroup] = {}
    for row in evidence:
        if row.subjects == (subject,) and row.measure in measures and row.estimate is not None and row.estimate.group:
            group = tuple(sorted(row.estimate.group.items()))
            if row.estimate.reference is None:
                by_quantity.setdefault((row.measure, row.estimate.quantity), {})[group] = row
    return by_quantity


def _numbers(pairs: Sequence[tuple[Evidence, Evidence]]) -> list[tuple[float, float]]:
    return [
        (one.estimate.value, other.estimate.value)
        for one, other in pairs
        if one.estimate is not None and other.estimate is not None
    ]


def correlated(pairs: Sequence[tuple[float, float]], together: int = 1) -> Estimate | None:
    """Pearson correlation of pairs of numbers, one of so many that are tested together; None where one side does not
    vary.

    >>> estimate = correlated([(float(x), 2.0 * x + (x % 2)) for x in range(10)])
    >>> round(estimate.value, 3), round(estimate.low, 2)
    (0.996, 0.98)
    """
    inference = correlation(pairs, together)
    if inference is None:
        return None
    return Estimate(
        quantity="correlation",
        unit="1",
        value=inference.value,
        low=inference.low,
        high=inference.high,
        interval="confidence",
        n=len(pairs),
        clusters=len(pairs),
        null=0.0,
        p_value=inference.p_value,
        p_adjusted=inference.p_adjusted,
        minimum_detectable=inference.minimum_detectable,
        method=f"Pearson correlation over groups; {inference.method}; simultaneous over {together} "
        f"correlation{'' if together == 1 else 's'} of this system (Bonferroni)",
    )
