"""From blocks of decisions to energy per 1,000 decisions, per component, with its uncertainty. Arrays in, numbers out.

A component that was read is averaged over the blocks. A component that was not read is modelled from what was
measured: CPU seconds times watts per busy hardware thread, and memory held times watts per gigabyte. Both factors are
known only to a range; the value uses the middle of the range and the interval draws over all of it.

Worked by hand: 1,000 decisions in 100 s of CPU time at 4.0 W are 400 J = 0.11 Wh.

What this module does not do: it reads no device and knows no grid. The error of a counter itself is not in its
intervals, nor are disks, network, fans, power supplies and cooling.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

DRAWS = 10_000
JOULES_PER_WH = 3600.0
PER = 1000


@dataclass(frozen=True, slots=True)
class Factor:
    """A constant that is known only to a range: drawn log-uniformly from it, its value the middle, sqrt(low x high)."""

    low: float
    high: float
    unit: str
    source: str

    @property
    def centre(self) -> float:
        return math.sqrt(self.low * self.high)

    def draw(self, rng: np.random.Generator, draws: int) -> Array:
        """`draws` values in [low, high], float64 (draws,)."""
        return np.exp(rng.uniform(math.log(self.low), math.log(self.high), draws))

    def words(self) -> str:
        """The range and its middle.

        >>> Factor(1.0, 4.0, "W", "a source").words()
        '1 to 4 W (middle 2)'
        """
        return f"{self.low:g} to {self.high:g} {self.unit} (middle {self.centre:.2g})"


WATTS_PER_THREAD = Factor(
    1.4,
    11.3,
    "W per busy hardware thread",
    "TDP (codecarbon cpu_power.csv) over hardware threads of server processors, from AMD EPYC 9754 (360 W, 256 "
    "threads) to AMD EPYC 72F3 (180 W, 16 threads); encloses the averages of whole servers at full load by "
    "SPECpower_ssj2008, 1.7 W (AMD EPYC 2nd generation) to 9.0 W (5th generation) per thread "
    "(cloud-carbon-footprint/ccf-coefficients b0032d9)",
)
WATTS_PER_GB = Factor(
    0.02,
    0.39,
    "W per GB",
    "from less than 1.5 W measured at the wall for 64 GB more (GreenAlgorithms/green-algorithms-tool, issue 14) to "
    "0.392 W/GB (Cloud Carbon Footprint, MEMORY_COEFFICIENT); in between, 0.3725 (Green Algorithms) and 0.375 "
    "(codecarbon 2)",
)


@dataclass(frozen=True, slots=True)
class MeteredBlock:
    """One block of decisions: how many, wall clock [s], CPU time [s], memory held [GB], and energy read [J] by
    component.

    `others_cpu_s`: CPU time that other programs spent meanwhile [s]; None: unknown.
    """

    decisions: int
    wall_s: float
    cpu_s: float
    memory_gb: float
    joules: Mapping[str, float]
    others_cpu_s: float | None = None


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """A number and its draws, float64 (draws,): what a Monte Carlo run says about it."""

    value: float
    draws: Array

    def bounds(self, level: float = 0.95) -> tuple[float, float]:
        """The central part of the draws; it is never shown without the value in it."""
        tail = (1 - level) / 2
        low, high = (float(bound) for bound in np.quantile(self.draws, (tail, 1 - tail)))
        return min(low, self.value), max(high, self.value)

    def __add__(self, other: MonteCarlo) -> MonteCarlo:
        return MonteCarlo(self.value + other.value, self.draws + other.draws)

    def times(self, factor: float) -> MonteCarlo:
        return MonteCarlo(self.value * factor, self.draws * factor)

    def per(self, other: MonteCarlo) -> MonteCarlo:
        return MonteCarlo(self.value / other.value, self.draws / other.draws)


def block_weights(blocks: int, rng: np.random.Generator, draws: int = DRAWS) -> Array:
    """Weights that turn the deviations of the blocks into draws of the error of their mean, float64 (draws, blocks).

    With x the values of k blocks, `weights @ (x - mean)` follows Student's t with k - 1 degrees of freedom and scale
    s / sqrt(k). The same weights serve every component and the run time, so that a block that was slow is slow in all.
    """
    normal = rng.standard_normal((draws, blocks))
    spread = np.sqrt(rng.chisquare(blocks - 1, draws) / (blocks - 1))
    weights: Array = normal / (math.sqrt(blocks * (blocks - 1)) * spread[:, np.newaxis])
    return weights


def block_mean(values: Sequence[float], weights: Array) -> MonteCarlo:
    """Mean of the blocks, with draws of its error: Student's t on the logarithm, since a block is slow by a factor.

    A block below a thousandth of the mean counts as that thousandth in the error; no draw is 0 or less.

    >>> figure = block_mean([2.0, 2.0, 2.0], block_weights(3, np.random.default_rng(0), 5))
    >>> figure.value, figure.bounds()
    (2.0, (2.0, 2.0))
    """
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    logs = np.log(np.maximum(array, max(mean / 1000, np.finfo(np.float64).tiny)))
    return MonteCarlo(mean, mean * np.exp(weights @ (logs - logs.mean())))


def run_time_s(blocks: Sequence[MeteredBlock], weights: Array) -> MonteCarlo:
    """Wall clock per 1,000 decisions [s]."""
    return block_mean([block.wall_s / block.decisions * PER for block in blocks], weights)


def read_wh(blocks: Sequence[MeteredBlock], component: str, weights: Array) -> MonteCarlo | None:
    """Energy per 1,000 decisions that a counter or sampling gave [Wh]; None unless it was read in every block."""
    if any(component not in block.joules for block in blocks):
        return None
    return block_mean([block.joules[component] / block.decisions * PER / JOULES_PER_WH for block in blocks], weights)


def cpu_model_wh(blocks: Sequence[MeteredBlock], weights: Array, rng: np.random.Generator) -> MonteCarlo:
    """CPU energy per 1,000 decisions, CPU seconds x W per busy thread / 3600 [Wh].

    >>> weights = block_weights(2, np.random.default_rng(0), 1000)
    >>> blocks = [MeteredBlock(500, 60.0, 100.0, 1.0, {}), MeteredBlock(500, 60.0, 100.0, 1.0, {})]
    >>> round(cpu_model_wh(blocks, weights, np.random.default_rng(0)).value, 4)  # 200 s x 3.977 W / 3600
    0.221
    """
    seconds = block_mean([block.cpu_s / block.decisions * PER for block in blocks], weights)
    return _modelled(seconds, WATTS_PER_THREAD, rng)


def memory_model_wh(blocks: Sequence[MeteredBlock], weights: Array, rng: np.random.Generator) -> MonteCarlo:
    """Energy of the memory that the process holds, per 1,000 decisions, GB x s x W per GB / 3600 [Wh]."""
    gigabyte_seconds = block_mean([block.memory_gb * block.wall_s / block.decisions * PER for block in blocks], weights)
    return _modelled(gigabyte_seconds, WATTS_PER_GB, rng)


def _modelled(amount: MonteCarlo, factor: Factor, rng: np.random.Generator) -> MonteCarlo:
    draws = amount.draws * factor.draw(rng, len(amount.draws))
    return MonteCarlo(amount.value * factor.centre / JOULES_PER_WH, draws / JOULES_PER_WH)


def above_idle_wh(
    gross: MonteCarlo, time_s: MonteCarlo, idle_w: Sequence[float], rng: np.random.Generator
) -> MonteCarlo:
    """Energy beyond what the idle machine would have drawn in the same time, gross - idle power x time [Wh].

    The idle power is drawn between the lowest and the highest of its readings. Below 0 means that the machine was
    busier while it rested than while it decided: then the figure says nothing.

    >>> rng = np.random.default_rng(0)
    >>> gross, time = MonteCarlo(1.0, np.array([1.0])), MonteCarlo(360.0, np.array([360.0]))
    >>> round(above_idle_wh(gross, time, [4.0, 6.0], rng).value, 3)  # 1 Wh - 5 W x 0.1 h
    0.5
    """
    idle = rng.uniform(min(idle_w), max(idle_w), len(gross.draws))
    middle = (min(idle_w) + max(idle_w)) / 2
    return MonteCarlo(
        gross.value - middle * time_s.value / JOULES_PER_WH, gross.draws - idle * time_s.draws / JOULES_PER_WH
    )
