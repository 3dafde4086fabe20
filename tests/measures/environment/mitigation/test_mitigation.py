from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from commonweal.errors import MeasurementError, NotApplicable
from commonweal.evidence.journal import Journal
from commonweal.evidence.records import Estimate, Missing
from commonweal.evidence.store import Store
from commonweal.measures.environment.meter import turns
from commonweal.measures.environment.meter.observation import Observation
from commonweal.measures.environment.meter.power_model import MeteredBlock, block_mean, block_weights
from commonweal.measures.environment.meter.turns import TimedWork
from commonweal.measures.environment.mitigation import mitigation as module
from commonweal.measures.environment.mitigation.bench import Price, Variant, mitigations, price, requests_of
from commonweal.measures.environment.mitigation.mitigation import PRICES, SAVINGS, expected, mitigation
from commonweal.measures.environment.mitigation.rows import cost_rows, price_rows, saving_rows, seen_of
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.options import Limit
from commonweal.measures.registry import REGISTRY
from commonweal.models.cached_model import CachedModel
from commonweal.models.number_formats import TokenAnswers
from commonweal.models.opening import open_local_model
from commonweal.system.records import Asset, System
from tests.measures.environment.conftest import DRAM, PACKAGE
from tests.models.tiny_model import write_tiny_model

Found = list[Estimate | Missing]
BFLOAT16 = next(one for one in mitigations(16)[0] if one.name == "bfloat16")
SPEC = REGISTRY.specs["environment.mitigation"]


def one(found: Found, quantity: str, **group: str) -> Estimate:
    return next(
        row for row in found if isinstance(row, Estimate) and row.quantity == quantity and (row.group or {}) == group
    )


def missing(found: Found, quantity: str, **group: str) -> Missing:
    return next(
        row for row in found if isinstance(row, Missing) and row.quantity == quantity and (row.group or {}) == group
    )


def observed(
    wall_s: list[float], joules: float | None = None, cpu_s: float = 2.0, others_cpu_s: float | None = 0.0
) -> Observation:
    """Blocks of 16 requests; `joules` of the package and a quarter of it of DRAM a request, or nothing that reads
    them.
    """
    read = {} if joules is None else {"CPU": 16 * joules, "memory": 4 * joules}
    blocks = tuple(MeteredBlock(16, each, each * cpu_s, 1.0, read, others_cpu_s) for each in wall_s)
    return Observation(blocks, {} if joules is None else {"CPU": (10.0, 10.0)}, repeated=True)


def saved(with_it: Observation, without: Observation, meter: Any = None, seed: int = 0) -> Found:
    """Rows of one mitigation, from blocks of the two variants."""
    stub: Any = meter or SimpleNamespace(device="cpu", unread=[], tiers=lambda: {"CPU": "counter", "memory": "counter"})
    pair = {BFLOAT16.variant.name: with_it, BFLOAT16.instead_of.name: without}
    rng = np.random.default_rng(seed)
    seen = seen_of(pair, stub, rng)
    rows = [*saving_rows(BFLOAT16, seen)]
    for variant in (BFLOAT16.variant, BFLOAT16.instead_of):
        rows += cost_rows(variant, seen[variant.name], rng)
    return rows


def test_counters_by_hand() -> None:
    """Half the time and half the joules: 16 requests in 1 s against 2 s, 0.25 J (CPU 0.2, DRAM 0.05) against 0.5 J
    each.
    """
    rows = saved(observed([1.0, 1.0, 1.0], 0.2), observed([2.0, 2.0, 2.0], 0.4))
    group = {"mitigation": "bfloat16"}
    for quantity in SAVINGS:
        row = one(rows, quantity, **group)
        assert (row.value, row.low, row.high) == pytest.approx((0.5, 0.5, 0.5))
        assert row.reference == {"format": "float32", "batch": "16"}
        assert "saves here: 50 % less" in row.note
    assert one(rows, "energy_ratio", **group).basis == "measured"
    energy = one(rows, "energy", format="bfloat16", batch="16")
    assert energy.value == pytest.approx(0.25 * 1000 / 3600)
    assert one(rows, "run_time", format="float32", batch="16").value == pytest.approx(125.0)
    above = one(rows, "energy_above_idle", format="bfloat16", batch="16", component="CPU")
    assert above.value == pytest.approx((0.2 * 1000 - 10 * 62.5) / 3600)


def test_what_is_slower_here_says_so_and_a_tie_shows_nothing() -> None:
    slower = one(
        saved(observed([3.0, 3.1, 2.9], 0.5), observed([2.0, 2.1, 1.9], 0.4)), "energy_ratio", mitigation="bfloat16"
    )
    assert slower.value == pytest.approx(1.25)
    assert "It costs more here, not less: 1.25 times the energy." in slower.note
    tied = one(
        saved(observed([2.0, 1.8, 2.2], 0.4), observed([2.1, 2.0, 1.9], 0.4)), "time_ratio", mitigation="bfloat16"
    )
    assert "No saving of time is shown here: the interval holds 1." in tied.note


def test_modelled_constants_cancel_where_both_are_modelled_and_the_row_says_what_that_leaves_out() -> None:
    """Absolute energies are known to a factor of seven; their ratio to what the blocks say."""
    rows = saved(observed([1.0, 1.05, 0.95]), observed([2.0, 2.1, 1.9]))
    energy, ratio = one(rows, "energy", format="float32", batch="16"), one(rows, "energy_ratio", mitigation="bfloat16")
    assert energy.low is not None
    assert energy.high is not None
    assert energy.high / energy.low > 4
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((0.5, 0.5, 0.5))
    assert ratio.basis == "modelled"
    assert "other instructions draw another power is not in it" in ratio.note


def test_a_round_that_was_slow_for_both_does_not_widen_the_ratio() -> None:
    paired = saved(observed([1.0, 3.0, 1.0, 5.0], 0.2), observed([2.0, 6.0, 2.0, 10.0], 0.4))
    row = one(paired, "time_ratio", mitigation="bfloat16")
    assert (row.low, row.high) == pytest.approx((0.5, 0.5))
    absolute = one(paired, "run_time", format="float32", batch="16")
    assert absolute.low is not None
    assert absolute.high is not None
    assert absolute.high / absolute.low > 4


def test_a_device_that_cannot_be_read_leaves_no_energy_and_never_0() -> None:
    stub = SimpleNamespace(device="mps", unread=[SimpleNamespace(component="GPU", reason="no reader")], tiers=dict)
    rows = saved(observed([1.0, 1.0, 1.0]), observed([2.0, 2.0, 2.0]), stub)
    assert "'mps' did the work and its energy is unknown" in missing(rows, "energy_ratio", mitigation="bfloat16").reason
    assert missing(rows, "energy", format="bfloat16", batch="16").status == "failed"
    assert one(rows, "time_ratio", mitigation="bfloat16").value == pytest.approx(0.5)


def test_a_component_that_was_read_once_and_modelled_once_is_not_compared() -> None:
    rows = saved(observed([1.0, 1.0, 1.0], 0.2), observed([2.0, 2.0, 2.0]))
    assert "do not compare" in missing(rows, "energy_ratio", mitigation="bfloat16").reason


def test_a_busy_machine_is_said_and_a_quiet_one_is_not() -> None:
    busy = saved(observed([1.0] * 4, 0.2, others_cpu_s=5.0), observed([2.0] * 4, 0.4, others_cpu_s=9.0))
    assert "in the same rounds" in one(busy, "time_ratio", mitigation="bfloat16").note
    assert "busy" in one(busy, "run_time", format="bfloat16", batch="16").note
    quiet = saved(observed([1.0] * 4, 0.2), observed([2.0] * 4, 0.4))
    assert not any("busy" in row.note for row in quiet if isinstance(row, Estimate))


def shares_beyond(ratio: float, seeds: int) -> float:
    """How often the interval of a ratio leaves out the true one: rounds share a strong effect, blocks have their
    own.
    """
    out = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        shared = rng.normal(0, 0.5, 4)
        times = [np.exp(shared + rng.normal(0, 0.05, 4)) * scale for scale in (ratio, 1.0)]
        weights = block_weights(4, rng, 2000)
        low, high = block_mean(times[0].tolist(), weights).per(block_mean(times[1].tolist(), weights)).bounds()
        out += not low <= ratio <= high
    return out / seeds


def test_the_interval_of_a_ratio_holds_what_is_true() -> None:
    assert shares_beyond(1.0, 200) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [1.0, 0.4])
def test_the_interval_of_a_ratio_leaves_out_the_truth_in_3_to_7_of_100(ratio: float) -> None:
    assert 0.03 <= shares_beyond(ratio, 1000) <= 0.07


def priced(deviation: list[float], changed: list[bool], text: list[int]) -> Found:
    return [*price_rows(BFLOAT16, Price(np.array(deviation), np.array(changed), np.array(text)))]


def test_the_price_by_hand() -> None:
    """Texts of 2 and 2 tokens: means 0.2 and 0.4, so 0.3; between them 0.1 each way, and t with 1 degree of freedom
    12.706.
    """
    rows = priced([0.1, 0.3, 0.4, 0.4], [False, False, True, False], [0, 0, 1, 1])
    mean = one(rows, "mean_deviation", mitigation="bfloat16")
    assert (mean.value, mean.n, mean.clusters) == (pytest.approx(0.3), 4, 2)
    assert mean.high == pytest.approx(0.3 + 12.7062 * 0.1, rel=1e-4)
    assert mean.low == 0.0
    largest = one(rows, "largest_deviation", mitigation="bfloat16")
    assert (largest.value, largest.interval) == (0.4, None)
    assert one(rows, "changed_greedy_share", mitigation="bfloat16").value == 0.25
    assert all(row.reference == {"format": "float32", "batch": "16"} for row in rows)


def test_answers_that_do_not_change_are_a_share_of_0_that_may_be_more() -> None:
    rows = priced([0.0] * 8, [False] * 8, [0, 0, 1, 1, 2, 2, 3, 3])
    share = one(rows, "changed_greedy_share", mitigation="bfloat16")
    assert share.value == 0.0
    assert share.high == pytest.approx(1 - 0.025 ** (1 / 4))
    assert one(rows, "mean_deviation", mitigation="bfloat16").value == 0.0
    alone = one(priced([0.1, 0.2], [True, False], [0, 0]), "changed_greedy_share", mitigation="bfloat16")
    assert (alone.value, alone.low) == (0.5, None)


def test_the_order_of_texts_does_not_matter_and_twice_the_same_texts_has_the_same_mean() -> None:
    rng = np.random.default_rng(3)
    before = [TokenAnswers(rng.normal(size=n), rng.integers(0, 3, n)) for n in (3, 5, 4, 6)]
    after = [TokenAnswers(each.logprob + rng.normal(0, 0.1, each.logprob.size), each.choice) for each in before]
    plain, turned, twice = (
        [*price_rows(BFLOAT16, price(a, b))]
        for a, b in ((after, before), (after[::-1], before[::-1]), (after * 2, before * 2))
    )
    for row, other in zip(plain, turned, strict=True):
        assert (row.value, row.low, row.high) == pytest.approx((other.value, other.low, other.high), nan_ok=True)
    assert [row.value for row in twice] == pytest.approx([row.value for row in plain])


def test_what_is_compared_differs_in_one_thing_only() -> None:
    for texts in (1, 3, 4, 16, 100):
        possible, left_out = mitigations(texts)
        for each in possible:
            assert (each.variant.format == each.instead_of.format) != (each.variant.batch == each.instead_of.batch)
            assert max(each.variant.batch, each.instead_of.batch) <= texts
        assert len(possible) + len(left_out) == 4
    assert mitigations(3)[1] == ["batch of 4", "batch of 16"]


def test_the_texts_are_distinct_of_about_equal_length_and_about_no_group() -> None:
    texts = [each.context + each.continuation for each in requests_of(Limit())]
    assert len(set(texts)) == len(texts) == 16
    assert max(map(len, texts)) < 2 * min(map(len, texts))
    assert not set(" ".join(texts).lower().split()) & {"he", "she", "his", "her", "man", "woman", "men", "women"}
    assert len(requests_of(Limit(3))) == 3
    assert len(set(expected(Limit()))) == len(expected(Limit())) > 400
    with pytest.raises(NotApplicable, match="leaves no text"):
        requests_of(Limit(0))


def test_an_endpoint_is_not_applicable(journal: Journal) -> None:
    elsewhere: Any = SimpleNamespace(locator="openai:x", fingerprint="f", device="elsewhere", gives_logprobs=False)
    with pytest.raises(NotApplicable, match="runs elsewhere: its weights are not here"):
        list(mitigation(elsewhere, Limit(), journal, np.random.default_rng(0)))
    assert len(journal) == 0


class MadeUpBench:
    """Each float32 request costs 40 ms over the root of its batch; bfloat16 half of that, int8 three times as much."""

    factor: ClassVar = {"float32": 1.0, "bfloat16": 0.5, "int8": 3.0}
    fails = ""

    def __init__(self, model: Any, requests: Any) -> None:
        self.machine, self.requests = model, requests

    def answers(self, variant: Variant, journal: Journal, machine: str) -> list[TokenAnswers]:
        if variant.format == self.fails:
            raise MeasurementError("this machine cannot compute so: no _int_mm")
        moved = {"float32": 0.0, "bfloat16": 0.01, "int8": 0.1}[variant.format]
        return [TokenAnswers(np.full(3, -2.0 - moved), np.array([1, 2, 3 + (moved > 0.05)])) for _ in self.requests]

    def way(self, variant: Variant) -> TimedWork:
        request_s = 0.04 * self.factor[variant.format] / math.sqrt(variant.batch)

        def run(count: int) -> None:
            self.machine.spend(
                count * request_s, 2 * count * request_s, {PACKAGE: count * request_s * 30, DRAM: count * request_s * 3}
            )

        return TimedWork(variant.name, run, len(self.requests), variant.batch, lambda: 0.0)


@pytest.fixture
def made_up(rapl_machine: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model on a machine that does what the test says; its variants cost what MadeUpBench says."""
    monkeypatch.setattr(turns, "perf_counter", lambda: rapl_machine.clock_s)
    monkeypatch.setattr(turns, "sleep", rapl_machine.rest)
    monkeypatch.setattr(module, "local_model", lambda model: model)
    monkeypatch.setattr(module, "Bench", MadeUpBench)
    rapl_machine.device = "cpu"
    return rapl_machine


def test_the_whole_measure_by_hand(made_up: Any, journal: Journal) -> None:
    """Batches of 4 and 16 take 1/2 and 1/4; bfloat16 half; int8 three times as much, which it says. 33 W at work."""
    rows = list(mitigation(made_up, Limit(), journal, np.random.default_rng(0)))
    for name, ratio in (("batch of 4", 0.5), ("batch of 16", 0.25), ("bfloat16", 0.5), ("int8", 3.0)):
        for quantity in SAVINGS:
            assert one(rows, quantity, mitigation=name).value == pytest.approx(ratio)
        assert one(rows, "mean_deviation", mitigation=name).value == pytest.approx(
            {"bfloat16": 0.01, "int8": 0.1}.get(name, 0.0)
        )
    assert "costs more here, not less: 3 times the energy" in one(rows, "energy_ratio", mitigation="int8").note
    assert one(rows, "changed_greedy_share", mitigation="int8").value == pytest.approx(1 / 3)
    assert one(rows, "run_time", format="float32", batch="1").value == pytest.approx(40.0)
    assert one(rows, "energy", format="float32", batch="1").value == pytest.approx(40 * 33 / 3600)
    assert one(rows, "energy_above_idle", format="int8", batch="16", component="CPU").value == pytest.approx(
        30 * 20 / 3600
    )
    assert {row.quantity for row in rows} == set(SPEC.method.quantities)
    assert not [row for row in rows if isinstance(row, Missing)]


def test_a_limit_leaves_out_the_batches_that_do_not_fit_and_says_so(made_up: Any, journal: Journal) -> None:
    found = list(mitigation(made_up, Limit(5), journal, np.random.default_rng(0)))
    for quantity in (*SAVINGS, *PRICES):
        row = missing(found, quantity, mitigation="batch of 16")
        assert (row.status, row.reason) == ("not_applicable", "--limit 5 leaves fewer texts than a batch of 16 needs")
    assert one(found, "energy_ratio", mitigation="int8").reference == {"format": "float32", "batch": "4"}


def test_a_format_that_this_machine_cannot_compute_is_failed_and_the_others_are_there(
    made_up: Any, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MadeUpBench, "fails", "int8")
    rows = list(mitigation(made_up, Limit(), journal, np.random.default_rng(0)))
    for quantity in (*SAVINGS, *PRICES):
        row = missing(rows, quantity, mitigation="int8")
        assert (row.status, row.reason) == ("failed", "this machine cannot compute so: no _int_mm")
        assert one(rows, quantity, mitigation="bfloat16").value >= 0
    assert not [row for row in rows if isinstance(row, Estimate) and (row.group or {}).get("format") == "int8"]
    monkeypatch.setattr(MadeUpBench, "fails", "float32")
    with pytest.raises(MeasurementError, match="nothing to compare with"):
        list(mitigation(made_up, Limit(), journal, np.random.default_rng(0)))


def through_gather(locator: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """What a model gives in blocks so short that they say nothing but that all of it works."""
    monkeypatch.setattr(turns, "BLOCK_S", 0.01)
    monkeypatch.setattr(turns, "MOST_ROUNDS", 3)
    system = System(name="s", assets=(Asset(id="m", kind="model"),))
    model = CachedModel(open_local_model(locator, folder=None, device="cpu"))
    with Store(folder) as store:
        task, setting = Task(SPEC, "m", lambda: model), Setting(store, system, "h", limit=Limit(2))
        rows = gather(task, setting)
        assert gather(task, setting) == rows
    outcomes: Found = [row for each in rows for row in (each.estimate, each.missing) if row is not None]
    assert len(outcomes) == len(rows)
    for each in outcomes:
        if isinstance(each, Estimate):
            assert each.unit == SPEC.method.quantities[each.quantity].unit
            assert math.isfinite(each.value)
    for quantity in SAVINGS:
        for name in ("bfloat16", "int8"):
            assert one(outcomes, quantity, mitigation=name).value > 0
    assert (
        one(outcomes, "largest_deviation", mitigation="int8").value
        >= one(outcomes, "mean_deviation", mitigation="int8").value
    )
    return outcomes


def test_a_tiny_model_through_gather(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_tiny_model(tmp_path / "model", window=512)
    monkeypatch.setenv("COMMONWEAL_CACHE", str(tmp_path / "cache"))
    outcomes = through_gather(str(model), tmp_path / "out", monkeypatch)
    assert one(outcomes, "mean_deviation", mitigation="bfloat16").value > 0


@pytest.mark.slow
@pytest.mark.model
def test_the_embedded_model_through_gather(model_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMONWEAL_CACHE", str(model_cache))
    outcomes = through_gather("embedded:smollm2", tmp_path, monkeypatch)
    assert 1e-3 < one(outcomes, "mean_deviation", mitigation="bfloat16").value < 0.2
    assert 0.02 < one(outcomes, "mean_deviation", mitigation="int8").value < 1.0
