from __future__ import annotations

import math

import numpy as np
import pytest

from commonweal.measures.environment.meter.power_model import (
    WATTS_PER_GB,
    WATTS_PER_THREAD,
    Factor,
    MeteredBlock,
    MonteCarlo,
    above_idle_wh,
    block_mean,
    block_weights,
    cpu_model_wh,
    memory_model_wh,
    read_wh,
    run_time_s,
)


def blocks(*cpu_s: float) -> list[MeteredBlock]:
    return [MeteredBlock(100, 1.0, seconds, 2.0, {"CPU": 50.0}) for seconds in cpu_s]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_processor_by_hand() -> None:
    # 2 s a block of 100 is 20 s per 1,000; x sqrt(1.4 x 11.3) = 3.977 W is 79.55 J, or 0.02210 Wh.
    figure = cpu_model_wh(blocks(2.0, 2.0, 2.0), block_weights(3, rng()), rng())
    assert figure.value == pytest.approx(20 * 3.97744 / 3600, rel=1e-5)
    low, high = figure.bounds()
    # Without variation between blocks only the range is left: 95 % of log-uniform 1.4 to 11.3 W.
    assert low == pytest.approx(20 * 1.4 * (11.3 / 1.4) ** 0.025 / 3600, rel=0.03)
    assert high == pytest.approx(20 * 1.4 * (11.3 / 1.4) ** 0.975 / 3600, rel=0.03)


def test_the_memory_by_hand() -> None:
    # 2 GB for 10 s per 1,000 decisions are 20 GB s; x sqrt(0.02 x 0.39) = 0.0883 W/GB is 1.766 J.
    figure = memory_model_wh(blocks(2.0, 2.0), block_weights(2, rng()), rng())
    assert figure.value == pytest.approx(1.7664 / 3600, rel=1e-4)


def test_what_was_read_by_hand_and_none_unless_every_block_was_read() -> None:
    weights = block_weights(2, rng())
    read = read_wh(blocks(2.0, 2.0), "CPU", weights)
    assert read is not None
    assert read.value == pytest.approx(500 / 3600)
    assert read_wh(blocks(2.0, 2.0), "GPU", weights) is None
    assert read_wh([*blocks(2.0), MeteredBlock(100, 1.0, 2.0, 2.0, {})], "CPU", weights) is None


def test_twice_the_work_is_twice_the_energy() -> None:
    seconds = (1.9, 2.0, 2.2, 2.0, 1.8, 2.1)
    once = cpu_model_wh(blocks(*seconds), block_weights(6, rng()), rng())
    twice = cpu_model_wh(blocks(*(2 * each for each in seconds)), block_weights(6, rng()), rng())
    assert twice.value == pytest.approx(2 * once.value)
    assert twice.bounds() == pytest.approx([2 * bound for bound in once.bounds()])


def test_doubled_blocks_change_nothing_but_the_width() -> None:
    few = block_mean([1.0, 2.0, 3.0], block_weights(3, rng()))
    many = block_mean([1.0, 2.0, 3.0] * 2, block_weights(6, rng()))
    assert few.value == many.value
    assert many.bounds()[1] < few.bounds()[1]


def test_the_interval_of_the_blocks_covers_the_mean_at_its_level() -> None:
    weights = block_weights(6, rng(1), draws=4000)
    samples = rng(2).normal(10.0, 1.0, (2000, 6))
    covered = 0
    for sample in samples:
        low, high = block_mean(list(sample), weights).bounds()
        covered += low <= 10.0 <= high
    assert 0.935 <= covered / 2000 <= 0.965


def test_draws_follow_students_t_on_the_logarithm() -> None:
    low, high = block_mean([10 / 1.1, 10.0, 10 * 1.1], block_weights(3, rng(), 200_000)).bounds()
    # t(2, 0.975) = 4.303; standard error log(1.1) / sqrt(3) = 0.05503; the arithmetic mean is 10.0303.
    assert low == pytest.approx(10.0303 / math.exp(4.303 * 0.05503), rel=0.01)
    assert high == pytest.approx(10.0303 * math.exp(4.303 * 0.05503), rel=0.01)


def test_blocks_that_differ_wildly_still_give_a_positive_time_to_divide_by() -> None:
    weights = block_weights(6, rng())
    time_s = block_mean([0.001, 50.0, 0.0, 80.0, 1.0, 2.0], weights)
    assert np.isfinite(time_s.draws).all()
    assert (time_s.draws > 0).all()


@pytest.mark.parametrize("seed", range(20))
def test_every_interval_contains_its_value(seed: int) -> None:
    noisy = [MeteredBlock(10, wall, cpu, 1.0, {}) for wall, cpu in rng(seed).gamma(2.0, 1.0, (6, 2))]
    weights = block_weights(6, rng(seed))
    for figure in (
        run_time_s(noisy, weights),
        cpu_model_wh(noisy, weights, rng(seed)),
        memory_model_wh(noisy, weights, rng(seed)),
    ):
        low, high = figure.bounds()
        assert 0 <= low <= figure.value <= high


def test_the_same_seed_gives_the_same_interval() -> None:
    def once() -> tuple[float, float]:
        generator = rng(3)
        return cpu_model_wh(blocks(1.0, 2.0, 3.0), block_weights(3, generator), generator).bounds()

    assert once() == once()


def test_above_idle_is_gross_less_idle_power_times_time() -> None:
    gross, time_s = MonteCarlo(1.0, np.full(100, 1.0)), MonteCarlo(36.0, np.full(100, 36.0))
    above = above_idle_wh(gross, time_s, [10.0, 30.0], rng())
    assert above.value == pytest.approx(1.0 - 20 * 36 / 3600)
    assert above.bounds()[0] >= 1.0 - 30 * 36 / 3600
    assert above.bounds()[1] <= 1.0 - 10 * 36 / 3600


@pytest.mark.parametrize("factor", [WATTS_PER_THREAD, WATTS_PER_GB])
def test_constants_have_a_source_and_are_drawn_within_their_range(factor: Factor) -> None:
    draws = factor.draw(rng(), 10_000)
    assert factor.source
    assert factor.low <= draws.min() < factor.centre < draws.max() <= factor.high
    assert np.median(draws) == pytest.approx(factor.centre, rel=0.05)


def test_the_range_of_the_processor_encloses_independent_tables() -> None:
    # Whole servers at full load per hardware thread, SPECpower_ssj2008, by generation (ccf-coefficients b0032d9).
    specpower = {"EPYC 2nd Gen": 1.69, "EPYC 4th Gen": 2.28, "Ice Lake": 3.76, "Broadwell": 3.69, "Sandy Bridge": 8.63}
    # TDP [W] by codecarbon's cpu_power.csv over hardware threads by the makers' data sheets.
    tdp = {"EPYC 9754": 360 / 256, "EPYC 7763": 280 / 128, "Platinum 8380": 270 / 80, "EPYC 72F3": 180 / 16}
    for name, watts in {**specpower, **tdp}.items():
        assert WATTS_PER_THREAD.low <= watts <= WATTS_PER_THREAD.high, name
