"""What a design says about contrasts: p-values and simultaneous intervals of one family, or of one contrast by itself.

A family is tested by flipping the signs of whole units (of both units where two are crossed): all ways to flip them
where these are few, else draws; about the null for the test, and about the contrasts that were found for how wide
intervals are. With 2,000 units and more that is the normal distribution, from which is then drawn. Where anything
differs in fewer than 12 units, or a few units hold nearly all items (fewer than 6 degrees of freedom), the signs say
too little, and no interval is narrower than that of the t test with Bonferroni's correction. With fewer than 6 units no
pattern of signs is rarer than 1 in 20, so nothing can be found at 5 %, and no minimum detectable effect is given.

- 95 % intervals (`low`, `high`) are simultaneous over the family and agree with `p_adjusted`.
- 90 % intervals (`lower`, `upper`), simultaneous too, hold the one-sided 95 % bounds of "not worse by more than d" and
  of two one-sided tests.

What this does not do: flipped signs take what clusters do to be symmetric about the mean. Where a few clusters do very
much and most do a little (log-normal with sigma 1), a true null is rejected in 16 % of tests with 12 clusters, 14 %
with 20 and 9 % with 100, not in 5 % (tests/statistics/test_inference.py). Shares and scores between -1 and 1 cannot be
so skewed unless they are near a bound: there the p-value against the middle of the range stands, and the limits are
those of `shares.within_bounds`.

Source
------
Westfall and Young 1993, Resampling-Based Multiple Testing (families); Cameron, Gelbach and Miller 2008, Review of
Economics and Statistics 90:414 (signs of clusters); Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15:657
(two one-sided tests).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import scipy

from commonweal.statistics.contrast import NEGLIGIBLE, ROUNDING, Array, Contrast, standard_error, t_ratio
from commonweal.statistics.detectable import bonferroni, detectable
from commonweal.statistics.families import adjust, limits
from commonweal.statistics.share_intervals import LEVEL
from commonweal.statistics.sign_flips import AT_ONCE, MOSTLY_EMPTY, FlippedMeans, flipped_t, sign_flips

ONE_SIDED = 0.90  # a two-sided interval at this level holds two one-sided bounds of 95 %
FEWEST_DRAWS, DRAWS_EACH, MOST_DRAWS = 1_999, 100, 19_999
FEWEST_THAT_CAN_FIND = 6  # 2 / 2**6 < 0.05 < 2 / 2**5
FEW = 12  # fewer have under 2**11 patterns
MANY = 2_000
SMALLEST_P = 1e-300
DECIMALS = 9  # of sums that are equal but for their order


@dataclass(frozen=True, slots=True)
class Inference:
    """A contrast with all that the design says about it. Intervals and `p_adjusted` hold for the whole family.

    `minimum_detectable` is infinite where the clusters are too few to find anything at 5 %, and where nothing varied,
    so that nobody can tell. `by`: the sampled unit in words; `method`: how the interval was made, in words that follow
    "mean over items; ".
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
    by: str = "cluster"
    method: str = ""

    @property
    def alike(self) -> bool:
        """Whether the clusters do not differ at all."""
        return self.standard_error < NEGLIGIBLE

    @property
    def known(self) -> bool:
        """Whether there were units enough for a standard error."""
        return bool(np.isfinite(self.standard_error))


@dataclass(frozen=True, slots=True)
class _Test:
    """One contrast under a test: p-values, critical values of |t| for the 95 and the 90 % interval, and those far
    from the null.
    """

    p_value: float
    p_adjusted: float
    critical: tuple[float, float]
    far: tuple[float, float]


def family(contrasts: Sequence[Contrast], rng: np.random.Generator, null: float = 0.0) -> list[Inference]:
    """Test contrasts against `null` together; `p_adjusted <= 0.05` where the 95 % interval excludes it, and only there.

    Units with the same name are the same unit in all contrasts, so that what they share stays shared.
    """
    if not contrasts:
        return []
    errors = [standard_error(contrast) for contrast in contrasts]
    distance = np.array([contrast.value - null for contrast in contrasts])
    observed = t_ratio(distance, np.array([error for error, _ in errors]))
    many = all(contrast.units >= MANY and len(contrast.clusters) == 1 for contrast in contrasts)
    about_null, about_own = (_normal(contrasts, rng),) * 2 if many else _flipped(contrasts, rng, null)
    known = () if many else _known(contrasts, np.vstack([observed, about_null]), null)
    tested, of_own = adjust(observed, about_null, known), adjust(observed, about_own)
    critical, far = ([of.critical_at(1 - level) for level in (LEVEL, ONE_SIDED)] for of in (tested, of_own))
    results = []
    for index, (contrast, error) in enumerate(zip(contrasts, errors, strict=True)):
        few = contrast.moving(null) < FEW or error[1] < FEWEST_THAT_CAN_FIND
        test = _Test(
            float(tested.p_value[index]),
            float(tested.p_adjusted[index]),
            (float(critical[0][index]), float(critical[1][index])),
            (float(far[0][index]), float(far[1][index])),
        )
        if few:
            test = _no_surer_than_t(test, float(observed[index]), error[1], len(contrasts))
        drawn = "normal draws" if many else "signs of whole units flipped"
        words = f"{drawn}, no surer than Student's t with Bonferroni's correction" if few else drawn
        results.append(_inference(contrast, error, test, (null, len(contrasts)), words))
    return results


def alone(one: Contrast, null: float = 0.0, hypotheses: int = 1) -> Inference:
    """A contrast by itself: t interval and two-sided t test against the null; of several hypotheses, with
    Bonferroni's correction.
    """
    error, freedom = standard_error(one)
    t = float(t_ratio(np.array([one.value - null]), np.array([error]))[0])
    test = _no_surer_than_t(_Test(SMALLEST_P, SMALLEST_P, (0.0, 0.0), (0.0, 0.0)), t, freedom, hypotheses)
    return _inference(one, (error, freedom), test, (null, hypotheses), "t interval")


def _no_surer_than_t(test: _Test, t: float, freedom: float, hypotheses: int) -> _Test:
    """The test, none of it more lenient than the t test with Bonferroni's correction.

    The few patterns of few clusters say how rare an effect is where there is none; they say too little about how far
    the estimate is from an effect that there is.
    """
    if not np.isfinite(freedom):
        return replace(test, p_value=1.0, p_adjusted=1.0)
    p_value = 2 * float(scipy.special.stdtr(freedom, -t))
    critical = [
        max(own, bonferroni(freedom, hypotheses, level))
        for own, level in zip(test.critical, (LEVEL, ONE_SIDED), strict=True)
    ]
    return replace(
        test,
        p_value=max(test.p_value, p_value),
        p_adjusted=max(test.p_adjusted, min(1.0, hypotheses * p_value)),
        critical=(critical[0], critical[1]),
    )


def _inference(
    contrast: Contrast, error: tuple[float, float], test: _Test, asked: tuple[float, int], words: str
) -> Inference:
    """`asked`: the null and how many hypotheses are tested together; `words`: how the interval was made."""
    value, (spread, freedom), (null, hypotheses) = contrast.value, error, asked
    if spread <= max(NEGLIGIBLE, ROUNDING * float(np.abs(contrast.y).max())):
        spread = 0.0  # all that is left of a constant is rounding
    half, wide = (max(own, far) for own, far in zip(test.critical, test.far, strict=True))
    if not np.isfinite(spread):
        low = lower = -np.inf
        high = upper = np.inf
    else:
        low, high = limits(value, null, (test.critical[0] * spread, half * spread))
        lower, upper = value - wide * spread, value + wide * spread
    together = f", simultaneous over {hypotheses} hypotheses" if hypotheses > 1 else ""
    words = (
        f"CR2 by {contrast.by}, {words}{together}"
        if np.isfinite(spread)
        else f"no interval with fewer than {contrast.fewest} units ({contrast.by})"
    )
    can_find = contrast.units >= FEWEST_THAT_CAN_FIND and 0 < spread < np.inf
    return Inference(
        value=value,
        standard_error=spread,
        degrees_of_freedom=freedom,
        n=contrast.n,
        clusters=contrast.units,
        low=low,
        high=high,
        lower=lower,
        upper=upper,
        p_value=test.p_value,
        p_adjusted=test.p_adjusted,
        minimum_detectable=detectable(spread, bonferroni(freedom, hypotheses), freedom) if can_find else float("inf"),
        by=contrast.by,
        method=words,
    )


def within(found: Inference, low: float, high: float) -> Inference:
    """The same with intervals cut to what is possible at all. No verdict changes by it: `value` and 0 are possible."""
    cut = {name: min(max(getattr(found, name), low), high) for name in ("low", "high", "lower", "upper")}
    return replace(found, **cut)


def widening(change: Inference, both: Inference) -> Inference:
    """|gap in B| - |gap in A|, from the change gap_B - gap_A and the sum gap_B + gap_A, two contrasts of one family.

    It is sgn(change x sum) x min(|change|, |sum|): a gap is wider if change and sum have the same sign. Its interval is
    the projection of the box of the two intervals; p is the larger of the two, so that p and interval agree; below 0
    the gap is narrower. (|estimated gap| by itself is too large near 0, and a bootstrap of it excludes 0 where nothing
    changed.)

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
    return replace(
        change,
        value=value,
        standard_error=max(change.standard_error, both.standard_error),
        degrees_of_freedom=min(change.degrees_of_freedom, both.degrees_of_freedom),
        low=low,
        high=high,
        lower=lower,
        upper=upper,
        p_value=max(change.p_value, both.p_value),
        p_adjusted=max(change.p_adjusted, both.p_adjusted),
        minimum_detectable=max(change.minimum_detectable, both.minimum_detectable),
        method=f"{change.method}; projection of the intervals of the change and of the sum",
    )


def projected(change: tuple[float, float], both: tuple[float, float]) -> tuple[float, float]:
    """Smallest and largest sgn(c x s) x min(|c|, |s|) for c in `change` and s in `both`.

    >>> projected((-0.1, 0.3), (0.2, 0.9))
    (-0.1, 0.3)
    """
    high = max(min(change[1], both[1]), min(-change[0], -both[0]))
    low = -max(min(change[1], -both[0]), min(-change[0], both[1]))
    return low, high


def draws_for(hypotheses: int) -> int:
    """Draws for a family: with n draws and n hypotheses some p is as small as 1 / (n + 1) in most draws, so nothing is
    found.

    >>> draws_for(3), draws_for(150), draws_for(5000)
    (1999, 14999, 19999)
    """
    return min(MOST_DRAWS, max(FEWEST_DRAWS, DRAWS_EACH * hypotheses - 1))


def _flipped(contrasts: Sequence[Contrast], rng: np.random.Generator, null: float) -> tuple[Array, Array]:
    """|t| of each contrast with signs of whole units flipped, the same flips for all: float64 (draw, contrast).

    About the null, and about the contrasts that were found.
    """
    names = sorted(
        {(factor, name) for contrast in contrasts for factor, own in enumerate(contrast.cells.names) for name in own}
    )
    column_of = {name: index for index, name in enumerate(names)}
    columns = [
        [[column_of[factor, name] for name in own] for factor, own in enumerate(contrast.cells.names)]
        for contrast in contrasts
    ]
    together = _together(contrasts, len(names))
    each = [index for index in range(len(contrasts)) if index not in set(together)]
    means = [
        FlippedMeans(
            [contrasts[index].cells for index in together],
            [columns[index][0] for index in together],
            len(names),
            centre,
        )
        for centre in (null, None)
    ]
    widest = max(2 * len(contrasts), *(contrast.cells.counts.size for contrast in contrasts))
    rows: tuple[list[Array], list[Array]] = ([], [])
    for part in sign_flips(len(names), draws_for(len(contrasts)), rng):
        for signs in np.array_split(part, max(1, part.shape[0] * widest // AT_ONCE)):
            mine = [[signs[:, own] for own in columns[index]] for index in each]
            for centre, at_once, row in zip((null, None), means, rows, strict=True):
                t = np.empty((signs.shape[0], len(contrasts)))
                t[:, together] = at_once.t(signs)
                for index, own in zip(each, mine, strict=True):
                    t[:, index] = _t(contrasts[index], own, centre)
                row.append(t)
    return np.vstack(rows[0]), np.vstack(rows[1])


def _together(contrasts: Sequence[Contrast], units: int) -> list[int]:
    """Which contrasts are means with one kind of units, and so can be worked out at once; none where most of the table
    of units and means would be empty.
    """
    means = [
        index
        for index, one in enumerate(contrasts)
        if len(one.clusters) == 1 and not one.cells.two_sided and one.units_per_side >= one.fewest
    ]
    filled = sum(contrasts[index].units for index in means)
    return means if units * len(means) <= MOSTLY_EMPTY * filled else []


def _known(contrasts: Sequence[Contrast], together: Array, null: float) -> list[Array | None]:
    """What is known of the |t| of each contrast without an effect, float64 (pattern,); None: no more than its own draws
    tell.

    Where few units move it is known from all patterns of their signs, though all units of the family have too many
    patterns. Means whose units say the same share their draws. Else equal outcomes would have p-values that differ by
    chance, and as |t| has few values, the family would find the one of them and not the other.
    """
    known: list[Array | None] = [None] * len(contrasts)
    alike: dict[bytes, list[int]] = {}
    for index, contrast in enumerate(contrasts):
        cells = contrast.cells
        if len(contrast.clusters) > 1 or cells.two_sided or contrast.units < contrast.fewest:
            continue
        away = np.abs(cells.sums - null * cells.counts)
        moving = np.flatnonzero(away > ROUNDING)
        if 2**moving.size <= together.shape[0]:
            signs = np.ones((2**moving.size, away.size))
            signs[:, moving] = np.array(list(product((1.0, -1.0), repeat=moving.size))).reshape(
                2**moving.size, moving.size
            )
            known[index] = flipped_t(cells, [signs], null)
        else:
            order = np.lexsort((cells.counts, away))
            alike.setdefault(np.stack([away.round(DECIMALS), cells.counts])[:, order].tobytes(), []).append(index)
    for same in alike.values():
        for index in same if len(same) > 1 else ():
            known[index] = together[:, same].ravel()
    return known


def _t(one: Contrast, signs: Sequence[Array], centre: float | None) -> Array:
    return flipped_t(one.cells, signs, centre) if one.units_per_side >= one.fewest else np.zeros(signs[0].shape[0])


def _normal(contrasts: Sequence[Contrast], rng: np.random.Generator) -> Array:
    """What the flips tend to: |normal| with the correlations of the units' scores, float64 (draw, contrast)."""
    names = sorted({name for one in contrasts for name in one.cells.names[0]})
    row_of = {name: index for index, name in enumerate(names)}
    scores = np.zeros((len(names), len(contrasts)))
    for column, one in enumerate(contrasts):
        scores[[row_of[name] for name in one.cells.names[0]], column] = one.cells.scores()
    length = np.sqrt((scores**2).sum(axis=0))
    _, values, vectors = np.linalg.svd(scores / np.where(length > 0, length, 1.0), full_matrices=False)
    drawn: Array = np.abs(rng.standard_normal((draws_for(len(contrasts)), values.size)) @ (values[:, None] * vectors))
    return drawn
