"""Both ends in one system: what was measured of a model by itself, beside what was measured of an application on it.

Side by side is all that is claimed. Where the same 8 groups or more have a number at both ends, their correlation over
groups is worked out; with fewer it is not.

Source
------
Goldfarb-Tarrant et al. 2021, ACL: intrinsic and extrinsic bias do not correlate reliably. Interval: Fisher 1915.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from commonweal.assessment.rows import VERSION, Writer
from commonweal.evidence.intervals import LEVEL
from commonweal.evidence.records import BothEnds, Estimate, Evidence, Finding, Method, Quantity
from commonweal.system.graph import upstream
from commonweal.system.records import System

SOURCE = "Goldfarb-Tarrant et al. 2021, ACL; interval: Fisher 1915, Biometrika 10:507"
MINIMUM_GROUPS = 8
METHOD = Method(
    name="assessment.both_ends",
    title="Both ends",
    summary="Correlation, over groups, of what was measured of a model with what was measured of an application on it.",
    source=SOURCE,
    version=VERSION,
    cluster="group",
    applies_to="model and application in one system",
    description=(
        "Pearson correlation over the groups that have a number at both ends, in [-1, 1], with Fisher's interval. "
        "Only over 8 groups or more."
    ),
    quantities={"correlation": Quantity(unit="1", label="correlation over groups of model and application", null=0.0)},
    warnings=("A correlation in one system is no evidence that the one causes the other, or that it holds in another system.",),
)
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Pairing:
    """One model and one application on it, with the findings of one chapter at either end and the rows worked out."""

    record: BothEnds
    rows: tuple[Evidence, ...]


def both_ends(
    system: System, evidence: Sequence[Evidence], said: Sequence[Finding], methods: Mapping[str, Method], writer: Writer
) -> Iterator[Pairing]:
    """Every pair of an application and a model upstream of it that were both measured in one chapter."""
    kinds = {asset.id: asset.kind for asset in system.assets}
    for asset in system.assets:
        if asset.kind != "application":
            continue
        models = [one.asset for one in upstream(system, asset.id) if kinds.get(one.asset) in {"model", "adapted_model"}]
        for model in models:
            for chapter in sorted({finding.measure.split(".")[0] for finding in said}):
                ends = [
                    _of(said, methods, subject, chapter, kind) for subject, kind in ((model, "model"), (asset.id, "application"))
                ]
                if all(ends):
                    yield _pairing((model, asset.id, chapter), ends, evidence, writer)


def _of(said: Sequence[Finding], methods: Mapping[str, Method], subject: str, chapter: str, kind: str) -> list[Finding]:
    return [
        finding for finding in said
        if finding.subject == subject and finding.measure.split(".")[0] == chapter and finding.verdict != "not_measured"
        and finding.measure in methods and methods[finding.measure].applies_to.startswith(kind)
    ]  # fmt: skip


def _pairing(names: tuple[str, str, str], ends: list[list[Finding]], evidence: Sequence[Evidence], writer: Writer) -> Pairing:
    model, application, chapter = names
    measures = [{finding.measure for finding in end} for end in ends]
    rows, most = [], 0
    for first, second in _comparable(evidence, (model, measures[0]), (application, measures[1])):
        shared = sorted(set(first) & set(second))
        most = max(most, len(shared))
        if len(shared) >= MINIMUM_GROUPS:
            pairs = [(first[group], second[group]) for group in shared]
            estimate = correlation([(_value(one), _value(other)) for one, other in pairs])
            if estimate is not None:
                rows.append(writer.row((model, application), estimate, [row.id for pair in pairs for row in pair]))
    record = BothEnds(
        model=model, application=application, chapter=chapter, intrinsic=tuple(finding.id for finding in ends[0]),
        extrinsic=tuple(finding.id for finding in ends[1]), shared_groups=most, correlations=tuple(row.id for row in rows),
    )  # fmt: skip
    return Pairing(record, tuple(rows))


ByGroup = dict[tuple[tuple[str, str], ...], Evidence]


def _comparable(
    evidence: Sequence[Evidence], first: tuple[str, set[str]], second: tuple[str, set[str]]
) -> Iterator[tuple[ByGroup, ByGroup]]:
    """The numbers by group of each quantity at one end with each at the other."""
    quantities = [_by_quantity(evidence, *end) for end in (first, second)]
    for one in quantities[0].values():
        for other in quantities[1].values():
            yield one, other


def _by_quantity(evidence: Sequence[Evidence], subject: str, measures: set[str]) -> dict[tuple[str, str], ByGroup]:
    found: dict[tuple[str, str], ByGroup] = {}
    for row in evidence:
        if row.subjects == (subject,) and row.measure in measures and row.estimate is not None and row.estimate.group:
            group = tuple(sorted(row.estimate.group.items()))
            if row.estimate.reference is None:
                found.setdefault((row.measure, row.estimate.quantity), {})[group] = row
    return found


def _value(row: Evidence) -> float:
    return row.estimate.value if row.estimate is not None else float("nan")


def correlation(pairs: Sequence[tuple[float, float]]) -> Estimate | None:
    """Pearson correlation of pairs of numbers; None where one side does not vary.

    >>> estimate = correlation([(float(x), 2.0 * x + (x % 2)) for x in range(10)])
    >>> round(estimate.value, 3), round(estimate.low, 2)
    (0.996, 0.98)
    """
    one, other = np.array(pairs, dtype=np.float64).T
    if not all(side.std() > ROUNDING * np.abs(side).max() for side in (one, other)):
        return None
    value = float(np.clip(np.corrcoef(one, other)[0, 1], -1.0, 1.0))
    bounded = float(np.clip(value, -1 + 1e-12, 1 - 1e-12))
    half = float(ndtri(0.5 + LEVEL / 2)) / (len(pairs) - 3) ** 0.5
    low, high = np.tanh(np.arctanh(bounded) - half), np.tanh(np.arctanh(bounded) + half)
    return Estimate(
        quantity="correlation", unit="1", value=value, low=float(min(low, value)), high=float(max(high, value)),
        interval="confidence", n=len(pairs), clusters=len(pairs), null=0.0,
        method="Pearson correlation over groups; Fisher's interval",
    )  # fmt: skip
