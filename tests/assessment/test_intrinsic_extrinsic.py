from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, permutation_test
from scipy.stats import t as student

from commonweal.assessment.intrinsic_extrinsic import MINIMUM_GROUPS, both_ends, correlated
from commonweal.assessment.row_writer import Writer
from commonweal.evidence.records import Estimate, Evidence, Finding, Method, Provenance
from commonweal.system.records import Asset, Dependency, System

SYSTEM = System(
    name="s",
    assets=(Asset(id="base", kind="model"), Asset(id="other", kind="model"), Asset(id="screener", kind="application")),
    dependencies=(Dependency(upstream="base", downstream="screener", relation="serves"),),
)
METHODS = {
    name: Method(
        name=name,
        title="t",
        summary="s",
        source="s",
        version=1,
        cluster="c",
        applies_to=kind,
        end=end,
        description="d",
        quantities={},
    )
    for name, kind, end in (
        ("inequity.leaning", "model", "intrinsic"),
        ("inequity.audit", "application", "extrinsic"),
        ("environment.energy", "application", "extrinsic"),
    )
}
SAID = [
    Finding(
        id=f"{measure}/{subject}",
        measure=measure,
        subject=subject,
        title="t",
        verdict="described",
        headline="h",
        evidence=("e",),
    )
    for measure, subject in (
        ("inequity.leaning", "base"),
        ("inequity.leaning", "other"),
        ("inequity.audit", "screener"),
        ("environment.energy", "screener"),
    )
]
WRITER = Writer("assessment.both_ends", "source", 0, "hash")


def row(measure: str, subject: str, group: str, value: float) -> Evidence:
    estimate = Estimate(quantity="lean", unit="1", value=value, n=5, method="m", group={"occupation": group})
    provenance = Provenance(source="s", measure=measure, version=1, started="2026-01-01T00:00:00+00:00", duration_s=0.0)
    return Evidence(
        id=f"{measure}{subject}{group}",
        subjects=(subject,),
        measure=measure,
        basis="measured",
        status="ok",
        estimate=estimate,
        provenance=provenance,
    )


def rows(count: int) -> list[Evidence]:
    names = [f"occupation {number}" for number in range(count)]
    return [row("inequity.leaning", "base", name, number / 10) for number, name in enumerate(names)] + [
        row("inequity.audit", "screener", name, (number * 7 % 5) / 10) for number, name in enumerate(names)
    ]


def test_a_model_and_the_application_on_it_stand_side_by_side() -> None:
    (pairing,) = both_ends(SYSTEM, rows(3), SAID, METHODS, WRITER)
    assert (pairing.record.model, pairing.record.application, pairing.record.chapter) == (
        "base",
        "screener",
        "inequity",
    )
    assert pairing.record.intrinsic == ("inequity.leaning/base",)
    assert pairing.record.extrinsic == ("inequity.audit/screener",)
    assert pairing.record.shared_groups == 3
    assert pairing.record.correlations == ()
    assert pairing.rows == ()


@pytest.mark.parametrize("count", [MINIMUM_GROUPS - 1, MINIMUM_GROUPS])
def test_a_correlation_is_worked_out_over_8_groups_or_more_only(count: int) -> None:
    (pairing,) = both_ends(SYSTEM, rows(count), SAID, METHODS, WRITER)
    assert len(pairing.rows) == (count >= MINIMUM_GROUPS)
    for one in pairing.rows:
        assert one.basis == "propagated"
        assert len(one.derived_from) == 2 * count
        assert one.estimate is not None
        assert one.estimate.n == count


def test_an_application_on_another_model_is_no_pair() -> None:
    alone = SYSTEM.model_copy(update={"dependencies": ()})
    assert list(both_ends(alone, rows(9), SAID, METHODS, WRITER)) == []


def hc3_t(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """t of the slope of y on x with HC3, from the whole matrices."""
    design = np.column_stack([np.ones(x.size), x])
    inverse = np.linalg.inv(design.T @ design)
    slope = inverse @ design.T @ y
    residual = (y - design @ slope) / (1 - np.einsum("ij,jk,ik->i", design, inverse, design))
    error = (inverse @ design.T @ np.diag(residual**2) @ design @ inverse)[1, 1] ** 0.5
    return float(slope[1] / error)


def test_what_does_not_vary_has_no_correlation() -> None:
    assert correlated([(1.0, float(y)) for y in range(9)]) is None


ONE = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]


def test_the_p_value_is_the_larger_of_fishers_and_that_of_hc3_and_corrected_for_all_that_is_tested() -> None:
    x, y = np.array(ONE, dtype=np.float64), np.arange(12.0)
    r = float(np.corrcoef(x, y)[0, 1])
    fisher = 2 * norm.sf(abs(math.atanh(r)) * 3)
    robust = 2 * student.sf(min(abs(hc3_t(x, y)), abs(hc3_t(y, x))), 10)
    for together in (1, 4):
        estimate = correlated(list(zip(x.tolist(), y.tolist(), strict=True)), together)
        assert estimate is not None
        assert estimate.value == pytest.approx(r)
        assert estimate.p_value == pytest.approx(max(fisher, robust))
        assert estimate.p_adjusted == pytest.approx(min(1.0, together * max(fisher, robust)))
        half = norm.ppf(1 - 0.025 / together) / 3
        assert (estimate.low or 0) <= math.tanh(math.atanh(r) - half) + 1e-9
        assert (estimate.high or 0) >= math.tanh(math.atanh(r) + half) - 1e-9


def test_a_small_group_that_is_far_out_at_both_ends_by_its_errors_alone_does_not_alarm() -> None:
    """Ten groups with equal rates at both ends, one of 20 people and nine of 1,000: by Fisher's z half of such
    systems alarm.
    """
    people, alarms = np.array([20] + [1000] * 9), 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        found = correlated(
            list(zip(rng.binomial(people, 0.3) / people, rng.binomial(people, 0.2) / people, strict=True))
        )
        alarms += found is not None and found.excludes_null
    assert alarms <= 0.05 * 300


def test_over_8_groups_the_p_value_is_at_least_that_of_all_permutations() -> None:
    """One group far from the others at both ends makes r large and says little: Fisher's p is 0.0001, that of all 8!
    orders 0.13.
    """
    one, other = np.array([0.0, 1, 2, 3, 4, 5, 6, 60]), np.array([3.0, 1, 4, 1.5, 5, 2, 0, 70])
    estimate = correlated(list(zip(one.tolist(), other.tolist(), strict=True)))
    assert estimate is not None
    exact = permutation_test(
        (one,),
        lambda x: abs(np.corrcoef(x, other)[0, 1]),
        permutation_type="pairings",
        n_resamples=np.inf,
        alternative="greater",
    )
    assert estimate.value > 0.98
    assert (estimate.p_value or 0) >= exact.pvalue * (1 - 1e-9)
    assert estimate.p_value > 0.05
    assert not estimate.excludes_null


@pytest.mark.parametrize("count", [8, 11])
def test_verdict_and_interval_are_one_statement(count: int) -> None:
    rng, found = np.random.default_rng(0), set()
    for trial in range(60):
        x = rng.standard_normal(count)
        estimate = correlated(
            list(zip(x.tolist(), (x + trial / 30 * rng.standard_normal(count)).tolist(), strict=True)), 3
        )
        assert estimate is not None
        assert estimate.excludes_null == ((estimate.p_adjusted or 1) <= 0.05)
        found.add(estimate.excludes_null)
    assert found == {True, False}


def quantities(
    names: list[str], rng: np.random.Generator, subject: str = "base", measure: str = "inequity.leaning"
) -> list[Evidence]:
    """Numbers of ten groups for each quantity, drawn from nothing."""
    rows = []
    for name in names:
        for number in range(10):
            one = row(measure, subject, f"occupation {number}", float(rng.standard_normal()))
            assert one.estimate is not None
            estimate = one.estimate.model_copy(update={"quantity": name})
            rows.append(one.model_copy(update={"estimate": estimate, "id": f"{one.id}{name}"}))
    return rows


def test_all_correlations_of_a_system_are_one_family() -> None:
    """Three quantities of the model with two of each of two applications: twelve correlations, each corrected for
    twelve.
    """
    second = SYSTEM.model_copy(
        update={
            "assets": (*SYSTEM.assets, Asset(id="ranker", kind="application")),
            "dependencies": (*SYSTEM.dependencies, Dependency(upstream="base", downstream="ranker", relation="serves")),
        }
    )
    rng = np.random.default_rng(0)
    evidence = quantities(["a", "b", "c"], rng)
    for subject in ("screener", "ranker"):
        evidence += quantities(["d", "e"], rng, subject, "inequity.audit")
    said = [*SAID, SAID[2].model_copy(update={"id": "inequity.audit/ranker", "subject": "ranker"})]
    pairings = list(both_ends(second, evidence, said, METHODS, WRITER))
    estimates = [one.estimate for pairing in pairings for one in pairing.rows]
    assert len(estimates) == 12
    for estimate in estimates:
        assert estimate is not None
        assert estimate.p_adjusted == pytest.approx(min(1.0, 12 * (estimate.p_value or 0)))
        assert "12 correlations" in estimate.method
        assert "is no cause" in estimate.note
    assert estimates[0] is not None
    assert "inequity.leaning a with inequity.audit d" in estimates[0].note


def test_unrelated_numbers_alarm_in_5_of_100_systems_at_most() -> None:
    """Eight quantities with two over ten groups: 16 correlations, uncorrected they alarm in about half of all
    systems.
    """
    names, alarms, uncorrected = [str(number) for number in range(8)], 0, 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((len(names), 10)), rng.standard_normal((2, 10))
        found = [correlated(list(zip(a.tolist(), b.tolist(), strict=True)), 16) for a in x for b in y]
        alarms += any(one is not None and one.excludes_null for one in found)
        uncorrected += any(one is not None and (one.p_value or 1) <= 0.05 for one in found)
    assert alarms <= 0.08 * 150
    assert uncorrected > 2 * alarms
