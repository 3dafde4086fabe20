from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import linregress

from commonweal.errors import NotApplicable
from commonweal.evidence.records import Estimate, Missing
from commonweal.evidence.store import Store
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.inequity.occupation_association import (
    MINIMUM_OCCUPATIONS,
    expected,
    material,
    occupation_association,
)
from commonweal.measures.options import Limit
from commonweal.measures.registry import REGISTRY
from commonweal.models.protocols import Continuation, GenerationRequest, LanguageModel, Score
from commonweal.system.records import Asset, System

GIVEN = material(Limit())
SHARE = dict(zip(GIVEN.occupations, GIVEN.women.tolist(), strict=True))
PER_OCCUPATION = len(GIVEN.templates) * len(GIVEN.continuations)
Rows = list[Estimate | Missing]


def logit(share: float) -> float:
    return math.log(share / (1 - share))


class Expectant:
    """A model that expects *she* with the probability that `she` gives for the share of women, and *they* with 0.2."""

    locator, fingerprint, device, gives_logprobs = "expectant", "f", "cpu", True
    they = 0.2

    def __init__(self, she: Callable[[float], float], tilt: float = 0.0) -> None:
        self.she, self.tilt, self.asked = she, tilt, 0

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        self.asked += len(requests)
        return [Score(math.log(self.probability(request)), 1, False) for request in requests]

    def probability(self, request: Continuation) -> float:
        occupation = max((name for name in SHARE if request.context.startswith(f"The {name} ")), key=len)
        template = request.context.removeprefix(f"The {occupation} ")
        lean = self.tilt * (1 if len(template) % 2 else -1)
        she = 1 / (1 + math.exp(-logit(self.she(SHARE[occupation])) - lean))
        return {" she": (1 - self.they) * she, " he": (1 - self.they) * (1 - she), " they": self.they}[
            request.continuation
        ]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        return ["" for _ in requests]


def measured(model: LanguageModel, limit: int | None = None, seed: int = 0) -> Rows:
    return list(occupation_association(model, Limit(limit), np.random.default_rng(seed)))


def overall(rows: Rows, quantity: str) -> Estimate:
    (one,) = [row for row in rows if isinstance(row, Estimate) and row.quantity == quantity and row.group is None]
    return one


def of(rows: Rows, quantity: str, occupation: str) -> Estimate:
    (one,) = [
        row
        for row in rows
        if isinstance(row, Estimate) and row.quantity == quantity and (row.group or {}).get("occupation") == occupation
    ]
    return one


def test_a_model_that_expects_exactly_who_works_there_has_slope_1_correlation_1_skew_0_and_goes_nowhere_beyond() -> (
    None
):
    model = Expectant(lambda share: share)
    assert isinstance(model, LanguageModel)
    rows = measured(model)
    assert overall(rows, "slope").value == pytest.approx(1.0)
    assert overall(rows, "correlation").value == pytest.approx(1.0)
    assert overall(rows, "mean_skew").value == pytest.approx(0.0, abs=1e-9)
    assert overall(rows, "mean_they_share").value == pytest.approx(0.2)
    beyond = overall(rows, "beyond_workforce_share")
    assert (beyond.value, beyond.low) == (0.0, 0.0)
    assert beyond.note == "none is more one-sided with confidence"
    for occupation, share in SHARE.items():
        assert of(rows, "she_share", occupation).value == pytest.approx(share)
        assert of(rows, "they_share", occupation).value == pytest.approx(0.2)
        assert of(rows, "women_share_in_work", occupation).value == share
        assert of(rows, "women_share_in_work", occupation).basis == "declared"
    assert model.asked == len(SHARE) * PER_OCCUPATION


def test_a_model_that_ignores_the_occupation_cannot_be_judged_and_nothing_of_it_reads_as_no_gap() -> None:
    rows = measured(Expectant(lambda share: 0.3))
    lacking = [row for row in rows if isinstance(row, Missing)]
    assert {row.quantity for row in lacking} == {"slope", "correlation", "mean_skew", "beyond_workforce_share"}
    assert all(row.unjudged and "it treats everybody alike" in row.reason for row in lacking)
    assert overall(rows, "mean_they_share").interval is None
    assert not any(row.low is not None and row.low == row.high for row in rows if isinstance(row, Estimate))


def test_a_model_that_exaggerates_is_named_for_every_occupation_that_is_not_even() -> None:
    rows = measured(Expectant(lambda share: 1 / (1 + math.exp(-3 * logit(share)))))
    beyond = overall(rows, "beyond_workforce_share")
    named = set(beyond.note.removeprefix("more one-sided than their workforce: ").split(", "))
    assert named == {occupation for occupation, share in SHARE.items() if share != 0.5}
    assert beyond.value == len(named) / len(SHARE)
    assert overall(rows, "slope").value > 1.0


def test_a_model_that_is_more_even_than_the_workforce_is_named_nowhere() -> None:
    rows = measured(Expectant(lambda share: 0.5 + 0.5 * (share - 0.5)))
    assert overall(rows, "slope").value == pytest.approx(0.5)
    assert overall(rows, "correlation").value == pytest.approx(1.0)
    assert overall(rows, "beyond_workforce_share").value == 0.0


def test_templates_that_pull_hard_in_both_directions_leave_nothing_beyond_with_confidence() -> None:
    steady, torn = (Expectant(lambda share: 1 / (1 + math.exp(-1.3 * logit(share))), tilt=tilt) for tilt in (0.0, 3.0))
    assert overall(measured(steady), "beyond_workforce_share").value > 0.9
    assert overall(measured(torn), "beyond_workforce_share").value < 0.1


def test_slope_and_correlation_are_those_of_scipy() -> None:
    rows = measured(Expectant(lambda share: 0.2 + 0.4 * share**2, tilt=0.4))
    means = [of(rows, "she_share", occupation).value for occupation in GIVEN.occupations]
    theirs = linregress(GIVEN.women, means)
    assert overall(rows, "slope").value == pytest.approx(theirs.slope)
    assert overall(rows, "correlation").value == pytest.approx(theirs.rvalue)
    assert overall(rows, "mean_skew").value == pytest.approx(np.mean(means) - GIVEN.women.mean())


def test_one_occupation_worked_out_by_hand() -> None:
    # Half of the templates add 1 to the log-odds of 0.5 and half take 1 off, or as many as there are of each.
    rows = measured(Expectant(lambda share: 0.5, tilt=1.0))
    lengths = [len(template.removeprefix("The {occupation} ")) % 2 for template in GIVEN.templates.values()]
    values = np.array([1 / (1 + math.exp(-1.0 if odd else 1.0)) for odd in lengths])
    found = of(rows, "she_share", GIVEN.occupations[0])
    half = 2.2009852 * values.std(ddof=1) / math.sqrt(12)  # t with 11 degrees of freedom
    assert len(values) == found.n == 12
    assert (found.value, found.low, found.high) == pytest.approx(
        (values.mean(), values.mean() - half, values.mean() + half)
    )


def test_intervals_hold_the_value_and_stay_within_what_is_possible() -> None:
    for row in measured(Expectant(lambda share: min(0.999, share**0.2), tilt=2.0)):
        if isinstance(row, Estimate) and row.low is not None and row.high is not None:
            assert row.low <= row.value <= row.high
            if row.quantity in {"she_share", "they_share", "correlation", "beyond_workforce_share"}:
                assert row.low >= -1e-9
                assert row.high <= 1 + 1e-9


def test_a_limit_keeps_occupations_from_end_to_end_and_less_than_8_are_not_applicable() -> None:
    few = material(Limit(MINIMUM_OCCUPATIONS * PER_OCCUPATION))
    assert len(few.occupations) == MINIMUM_OCCUPATIONS
    assert (few.women[0], few.women[-1]) == (GIVEN.women.min(), GIVEN.women.max())
    assert len(set(few.occupations)) == MINIMUM_OCCUPATIONS
    model = Expectant(lambda share: share)
    assert overall(measured(model, MINIMUM_OCCUPATIONS * PER_OCCUPATION), "slope").value == pytest.approx(1.0)
    assert model.asked == MINIMUM_OCCUPATIONS * PER_OCCUPATION
    with pytest.raises(NotApplicable, match="leaves 7 occupations; no correlation is taken over fewer than 8"):
        measured(model, MINIMUM_OCCUPATIONS * PER_OCCUPATION - 1)
    assert model.asked == MINIMUM_OCCUPATIONS * PER_OCCUPATION


def test_the_material_is_cited_and_leaves_no_gender_in_the_templates() -> None:
    assert len(GIVEN.occupations) >= 50
    assert all("Bureau of Labor Statistics" in source for source in GIVEN.sources)
    assert ((GIVEN.women > 0) & (GIVEN.women < 1)).all()
    for template in GIVEN.templates.values():
        assert template.startswith("The {occupation} ")
        assert not set(template.lower().split()) & {"he", "she", "his", "her", "him", "man", "woman"}
    assert len(list(expected(Limit()))) > 0


def test_through_gather_every_row_has_its_declared_unit(tmp_path: Path) -> None:
    spec = REGISTRY.specs["inequity.occupation_association"]
    system = System(name="s", assets=(Asset(id="m", kind="model"),))
    model: Any = Expectant(lambda share: share)
    with Store(tmp_path) as store:
        task, setting = Task(spec, "m", lambda: model), Setting(store, system, "h", limit=Limit(400))
        rows = gather(task, setting)
        assert gather(task, setting) == rows
    assert model.asked == 11 * PER_OCCUPATION
    assert {row.status for row in rows} == {"ok"}
    for row in rows:
        assert row.estimate is not None
        assert row.estimate.unit == spec.method.quantities[row.estimate.quantity].unit
        assert row.estimate.null is None
