"""Two systems on the same items: contrasts of paired outcomes, tested as one family.

The family is tested by flipping the signs of whole units (of both units where two are crossed), about no contrast for the
test, and about the contrasts that were found for how wide intervals are. With 2,000 units and more that is the normal
distribution, from which is then drawn. Where anything differs in fewer than 12 units, or a few units hold nearly all items (fewer than 6 degrees of
freedom), the signs say too little, and no interval is narrower than that of the t test with Bonferroni's correction.

- 95 % intervals (`low`, `high`) are simultaneous over the family and agree with `p_adjusted`.
- 90 % intervals (`lower`, `upper`), simultaneous too, hold the one-sided 95 % bounds of "not worse by more than d" and of
  two one-sided tests.
- The minimum detectable effect comes from the design: Bonferroni t over the family, power 0.8, times the standard error.

What this does not do: it chooses no margin, and asks nothing.

Source
------
Westfall and Young 1993, Resampling-Based Multiple Testing (families); Cameron, Gelbach and Miller 2008, Review of Economics
and Statistics 90:414 (signs of clusters); Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15:657 (two one-sided tests).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

from commonweal.statistics.clustered import FEW, FEWEST_THAT_CAN_FIND, draws_for, sign_flips, t_ratio, with_few_clusters
from commonweal.statistics.contrast import ROUNDING, Array, Contrast, standard_error
from commonweal.statistics.detectable import bonferroni, detectable
from commonweal.statistics.families import adjust, limits
from commonweal.statistics.intervals import LEVEL

ONE_SIDED = 0.90  # a two-sided interval at this level holds two one-sided bounds of 95 %
NUMBERS_AT_ONCE = 4_000_000
MANY = 2_000


@dataclass(frozen=True, slots=True)
class Inference:
    """A contrast with all that the design says about it. Intervals and `p_adjusted` hold for the whole family.

    `minimum_detectable` is infinite where the clusters are too few to find anything at 5 %, and where nothing varied, so that
    nobody can tell.
    """

    value: float
    standard_error: float
    degrees_of_freedom: float
    n: int
    clusters: int
    low: float
    high: float
    lower: float
    upper: float
    p_value: float
    p_adjusted: float
    minimum_detectable: float


def family(contrasts: Sequence[Contrast], rng: np.random.Generator) -> list[Inference]:
    """Test contrasts against 0 together; `p_adjusted <= 0.05` where the 95 % interval excludes 0, and only there."""
    if not contrasts:
        return []
    errors = [standard_error(one) for one in contrasts]
    observed = t_ratio(np.array([one.value for one in contrasts]), np.array([error for error, _ in errors]))
    flipped, about_own = (_normal(contrasts, rng),) * 2 if _many(contrasts) else _flipped(contrasts, rng)
    two_sided, one_sided = (adjust(observed, flipped, alpha) for alpha in (1 - LEVEL, 1 - ONE_SIDED))
    far, far_one_sided = (adjust(observed, about_own, alpha).critical for alpha in (1 - LEVEL, 1 - ONE_SIDED))
    results = []
    for index, (one, (error, freedom)) in enumerate(zip(contrasts, errors, strict=True)):
        few = len(contrasts) if one.moving < FEW or freedom < FEWEST_THAT_CAN_FIND else 0
        whole, half = (
            with_few_clusters(
                (float(by.p_value[index]), float(by.p_adjusted[index]), float(by.critical[index])),
                float(observed[index]), freedom, few, level,
            )
            for by, level in ((two_sided, LEVEL), (one_sided, ONE_SIDED))
        )  # fmt: skip
        wide = float(far[index]), max(half[2], float(far_one_sided[index]))
        results.append(_inference(one, (error, freedom), whole, wide, len(contrasts)))
    return results


def alone(one: Contrast) -> Inference:
    """A contrast by itself: t interval, and the two-sided p-value of the t test against 0."""
    error, freedom = standard_error(one)
    critical, half = float(stdtrit(freedom, 0.5 + LEVEL / 2)), float(stdtrit(freedom, 0.5 + ONE_SIDED / 2))
    p_value = max(1e-300, 2 * float(stdtr(freedom, -float(t_ratio(np.array([one.value]), np.array([error]))[0]))))
    return _inference(one, (error, freedom), (p_value, p_value, critical), (critical, half), 1)


def _inference(
    one: Contrast, error: tuple[float, float], test: tuple[float, float, float], far: tuple[float, float], hypotheses: int
) -> Inference:
    """`far`: the critical values that hold far from 0, of the 95 % interval and of the 90 % one."""
    value, (spread, freedom) = one.value, error
    if spread <= ROUNDING * float(np.abs(one.y).max()):
        spread = 0.0  # all that is left of a constant is rounding
    half = far[1]
    low, high = limits(value, 0.0, (test[2] * spread, far[0] * spread))
    by_design = detectable(spread, bonferroni(freedom, hypotheses), freedom)
    return Inference(
        value=value, standard_error=spread, degrees_of_freedom=freedom, n=int((one.side != 0).sum()), clusters=one.units,
        low=low, high=high, lower=value - half * spread, upper=value + half * spread,
        p_value=test[0], p_adjusted=test[1],
        minimum_detectable=by_design if spread > 0 and one.units >= FEWEST_THAT_CAN_FIND else float("inf"),
    )  # fmt: skip


def within(found: Inference, low: float, high: float) -> Inference:
    """The same with intervals cut to what is possible at all. No verdict changes by it: `value` and 0 are possible."""
    cut = {name: min(max(getattr(found, name), low), high) for name in ("low", "high", "lower", "upper")}
    return replace(found, **cut)


def widening(change: Inference, both: Inference) -> Inference:
    """|gap in B| - |gap in A|, from the change gap_B - gap_A and the sum gap_B + gap_A, two contrasts of one family.

    It is sgn(change x sum) x min(|change|, |sum|): a gap is wider if change and sum have the same sign. Its interval is the
    projection of the box of the two intervals; p is the larger of the two, so that p and interval agree; below 0 the gap
    is narrower. (|estimated gap| by itself is too large near 0, and a bootstrap of it excludes 0 where nothing changed.)

    >>> one = dict(standard_error=0.1, degrees_of_freedom=9.0, n=9, clusters=9, p_adjusted=0.1, minimum_detectable=1.0)
    >>> change = Inference(value=0.2, low=0.1, high=0.3, lower=0.1, upper=0.3, p_value=0.01, **one)
    >>> both = Inference(value=-0.5, low=-0.9, high=-0.2, lower=-0.9, upper=-0.2, p_value=0.02, **one)
    >>> found = widening(change, both)
    >>> found.value, found.low, found.high, found.p_value
    (-0.2, -0.3, -0.1, 0.02)
    """
    _, value = projected((change.value, change.value), (both.value, both.value))
    low, high = projected((change.low, change.high), (both.low, both.high))
    lower, upper = projected((change.lower, change.upper), (both.lower, both.upper))
    return Inference(
        value=value, standard_error=max(change.standard_error, both.standard_error),
        degrees_of_freedom=min(change.degrees_of_freedom, both.degrees_of_freedom), n=change.n, clusters=change.clusters,
        low=low, high=high, lower=lower, upper=upper, p_value=max(change.p_value, both.p_value),
        p_adjusted=max(change.p_adjusted, both.p_adjusted),
        minimum_detectable=max(change.minimum_detectable, both.minimum_detectable),
    )  # fmt: skip


def projected(change: tuple[float, float], both: tuple[float, float]) -> tuple[float, float]:
    """Smallest and largest sgn(c x s) x min(|c|, |s|) for c in `change` and s in `both`.

    >>> projected((-0.1, 0.3), (0.2, 0.9))
    (-0.1, 0.3)
    """
    high = max(min(change[1], both[1]), min(-change[0], -both[0]))
    low = -max(min(change[1], -both[0]), min(-change[0], both[1]))
    return low, high


def _flipped(contrasts: Sequence[Contrast], rng: np.random.Generator) -> tuple[Array, Array]:
    """|t| of each contrast with signs of whole units flipped, the same flips for all: float64 (draw, contrast).

    About no contrast, and about the contrasts that were found.
    """
    names = sorted({(factor, name) for one in contrasts for factor, own in enumerate(one.cells.names) for name in own})
    place = {name: index for index, name in enumerate(names)}
    places = [[[place[factor, name] for name in own] for factor, own in enumerate(one.cells.names)] for one in contrasts]
    widest = max(one.cells.counts.size for one in contrasts)
    rows: tuple[list[Array], list[Array]] = ([], [])
    for part in sign_flips(len(names), draws_for(len(contrasts)), rng):
        for signs in np.array_split(part, max(1, part.shape[0] * widest // NUMBERS_AT_ONCE)):
            mine = [[signs[:, own] for own in factors] for factors in places]
            for about_null, found in zip((True, False), rows, strict=True):
                columns = [one.cells.flipped_t(own, about_null=about_null) for one, own in zip(contrasts, mine, strict=True)]
                found.append(np.column_stack(columns))
    return np.vstack(rows[0]), np.vstack(rows[1])


def _many(contrasts: Sequence[Contrast]) -> bool:
    """Whether the distribution of the flipped signs is normal for all purposes."""
    return all(one.units >= MANY and len(one.clusters) == 1 for one in contrasts)


def _normal(contrasts: Sequence[Contrast], rng: np.random.Generator) -> Array:
    """What the flips tend to: |normal| with the correlations of the units' scores, float64 (draw, contrast)."""
    names = sorted({name for one in contrasts for name in one.cells.names[0]})
    place = {name: index for index, name in enumerate(names)}
    scores = np.zeros((len(names), len(contrasts)))
    for column, one in enumerate(contrasts):
        scores[[place[name] for name in one.cells.names[0]], column] = one.cells.scores()
    length = np.sqrt((scores**2).sum(axis=0))
    _, values, vectors = np.linalg.svd(scores / np.where(length > 0, length, 1.0), full_matrices=False)
    drawn: Array = np.abs(rng.standard_normal((draws_for(len(contrasts)), values.size)) @ (values[:, None] * vectors))
    return drawn
