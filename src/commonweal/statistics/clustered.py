"""Means of clustered items: standard errors, p-values and simultaneous intervals that count the units really sampled.

Items of one template, résumé or target term share what is particular to it, so they are not independent. Every estimate
here is a mean, or behaves like one: it is given with the influence of each item, whose mean is 0. The variance is that of
the sums of influence by cluster, with the small-sample correction CR2; the reference is t with the degrees of freedom
of Bell and McCaffrey. Several hypotheses are tested together by flipping the signs of whole clusters: all ways to flip
them where these are few, else draws. With fewer than 6 clusters no pattern of signs is rarer than 1 in 20, so nothing can
be found at 5 %, and no minimum detectable effect is given.

What this does not do: flipped signs take what clusters do to be symmetric about the mean. Where a few clusters do very much and
most do a little (log-normal with sigma 1), a true null is rejected in 16 % of tests with 12 clusters, 14 % with 20 and 9 % with 100,
not in 5 % (tests/statistics/test_clustered.py). Shares and scores between -1 and 1 cannot be so skewed unless they are near a bound:
there the p-value against the middle of the range stands, and the limits are those of `shares.within_bounds`.

Source
------
Bell and McCaffrey 2002, Survey Methodology 28:169 (CR2 and its degrees of freedom); Cameron, Gelbach and Miller 2008,
Review of Economics and Statistics 90:414 (wild cluster bootstrap-t); Westfall and Young 1993 (families).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from commonweal.statistics.detectable import bonferroni, detectable
from commonweal.statistics.families import adjust, limits
from commonweal.statistics.intervals import LEVEL

Array = npt.NDArray[np.float64]
FEWEST_DRAWS, DRAWS_EACH, MOST_DRAWS = 1_999, 100, 19_999
MINIMUM_CLUSTERS = 2
FEWEST_THAT_CAN_FIND = 6  # 2 / 2**6 < 0.05 < 2 / 2**5
FEW = 12  # fewer have under 2**11 patterns
AT_ONCE = 4_000_000  # signs held in memory
NEGLIGIBLE = 1e-12  # of a standard error: what the noise of a sum may leave where nothing varies
ROUNDING = 2.0**-32  # relative: far above the noise of a sum, far below a difference that matters


@dataclass(frozen=True, slots=True)
class Clustered:
    """An estimate and the influence of each item on it.

    `influence` float64 (item,): how much the estimate would move, times the number of items, if this item counted more;
    for a mean it is the item's value minus the mean. `cluster`: the sampled unit of each item, any hashable array (item,).
    """

    value: float
    influence: Array
    cluster: npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Inference:
    """What a design says about an estimate. `low` and `high` are simultaneous within the family it was tested in."""

    value: float
    standard_error: float
    degrees_of_freedom: float
    clusters: int
    n: int
    low: float
    high: float
    p_value: float
    p_adjusted: float
    minimum_detectable: float


def mean_of(values: npt.ArrayLike, cluster: npt.ArrayLike) -> Clustered:
    """A mean of items in clusters."""
    numbers = np.asarray(values, dtype=np.float64)
    return Clustered(float(numbers.mean()), numbers - numbers.mean(), np.asarray(cluster))


def cluster_sums(one: Clustered) -> tuple[Array, Array]:
    """Sums of influence and numbers of items by cluster, float64 (cluster,) each, in the order of the sorted clusters."""
    _, index = np.unique(one.cluster, return_inverse=True)
    sums: Array = np.bincount(index, weights=one.influence).astype(np.float64)
    return sums, np.bincount(index).astype(np.float64)


def standard_error(one: Clustered) -> tuple[float, float]:
    """CR2 standard error of a clustered mean, and its degrees of freedom; both infinite or nan with one cluster.

    With clusters of one item each it is the usual standard error of a mean, with n - 1 degrees of freedom:

    >>> error, freedom = standard_error(mean_of([1.0, 2.0, 3.0, 6.0], [1, 2, 3, 4]))
    >>> round(error, 4), round(freedom, 6)
    (1.0801, 3.0)
    """
    sums, counts = cluster_sums(one)
    total = counts.sum()
    if counts.size < MINIMUM_CLUSTERS:
        return float("inf"), float("nan")
    weight = 1.0 / (1.0 - counts / total)
    error = float(np.sqrt((weight * sums**2).sum()) / total)
    # Under independent items of equal variance the sums have the covariance C = diag(n) - n n' / N; tr(wC)^2 / tr(wCwC).
    own, shared = weight * counts, weight * counts**2 / total
    trace = (own - shared).sum()
    square = (own**2).sum() - 2 * (own * shared).sum() + shared.sum() ** 2
    return error, float(trace**2 / square)


def family(estimates: Sequence[Clustered], rng: np.random.Generator, null: float = 0.0) -> list[Inference]:
    """Test several estimates against `null` together; `p_adjusted <= 0.05` where the interval excludes it, and only there.

    Each draw flips the signs of whole clusters, the same flips for all estimates, so that what they share stays shared; about
    the null for the test, and about the estimates for how wide intervals are. Clusters with the same name are the same cluster.
    """
    if not estimates:
        return []
    errors = [standard_error(one) for one in estimates]
    observed = np.array([_ratio(abs(one.value - null), error) for one, (error, _) in zip(estimates, errors, strict=True)])
    found, about_own = (adjust(observed, flipped) for flipped in _flipped(estimates, null, rng))
    together = len(estimates)
    return [
        _inference(
            one,
            error,
            with_few_clusters(
                (float(found.p_value[index]), float(found.p_adjusted[index]), float(found.critical[index])),
                float(observed[index]), error[1], together if _moving(one, null) < FEW else 0,
            ),
            together,
            (null, float(about_own.critical[index])),
        )
        for index, (one, error) in enumerate(zip(estimates, errors, strict=True))
    ]  # fmt: skip


def _moving(one: Clustered, null: float) -> int:
    """Clusters whose sum differs from the null: flipping the sign of another changes nothing, however many there are."""
    sums, counts = cluster_sums(one)
    away = np.abs(sums + counts * (one.value - null))
    return int(np.count_nonzero(away > ROUNDING * max(1.0, float(away.max(initial=0.0)))))


def with_few_clusters(
    test: tuple[float, float, float], t: float, freedom: float, hypotheses: int, level: float = LEVEL
) -> tuple[float, float, float]:
    """(p, adjusted p, critical value) of the signs, none more lenient than the t test with Bonferroni's correction.

    The few patterns of few clusters say how rare an effect is where there is none; they say too little about how far the
    estimate is from an effect that there is. `hypotheses` 0: there are clusters enough, the signs decide alone.
    """
    if not hypotheses or not np.isfinite(freedom):
        return test
    p_value = 2 * float(stdtr(freedom, -t))
    critical = float(stdtrit(freedom, 1 - (1 - level) / 2 / hypotheses))
    return max(test[0], p_value), max(test[1], min(1.0, hypotheses * p_value)), max(test[2], critical)


def alone(one: Clustered, null: float | None = None) -> Inference:
    """One estimate by itself: t interval and, with a `null`, the two-sided p-value of the t test."""
    error, freedom = standard_error(one)
    if not np.isfinite(error):
        return _inference(one, (error, freedom), (1.0, 1.0, float("inf")))
    critical = float(stdtrit(freedom, 0.5 + LEVEL / 2))
    p_value = 1.0 if null is None else float(2 * stdtr(freedom, -_ratio(abs(one.value - null), error)))
    return _inference(one, (error, freedom), (max(p_value, 1e-300), max(p_value, 1e-300), critical))


def _inference(
    one: Clustered,
    error: tuple[float, float],
    test: tuple[float, float, float],
    hypotheses: int = 1,
    far: tuple[float, float] = (0.0, 0.0),
) -> Inference:
    """`far`: the null, and the critical value that holds far from it."""
    p_value, p_adjusted, critical = (float(part) for part in test)
    spread = error[0] if error[0] > NEGLIGIBLE else 0.0
    tested, wide = (value * spread if spread else 0.0 for value in (critical, far[1]))
    low, high = limits(one.value, far[0], (tested, wide))
    clusters = np.unique(one.cluster).size
    can_find = clusters >= FEWEST_THAT_CAN_FIND and NEGLIGIBLE < error[0] < np.inf
    return Inference(
        value=one.value, standard_error=error[0], degrees_of_freedom=error[1], clusters=clusters,
        n=one.influence.size, low=low, high=high, p_value=p_value, p_adjusted=p_adjusted,
        minimum_detectable=detectable(error[0], bonferroni(error[1], hypotheses), error[1]) if can_find else float("inf"),
    )  # fmt: skip


def _ratio(distance: float, error: float) -> float:
    """|t|; 0 where nothing varies and nothing differs, as large as a float can be where nothing varies and all differs."""
    return float(t_ratio(np.array([distance]), np.array([error]))[0])


def t_ratio(distance: Array, error: Array) -> Array:
    """|distance| / error, rounded: patterns of signs that are equal but for the order of their sums must tie.

    >>> t_ratio(np.array([1.0, 0.0, 1.0]), np.array([0.5, 0.0, 0.0])).tolist()
    [2.0, 0.0, 1.7976931348623157e+308]
    """
    varies = error > ROUNDING * np.abs(distance)
    part, power = np.frexp(np.abs(distance) / np.where(varies, error, 1.0))
    t = np.ldexp(np.round(part / ROUNDING) * ROUNDING, power)
    return np.where(varies, t, np.where(distance == 0, 0.0, np.finfo(np.float64).max))


def draws_for(hypotheses: int) -> int:
    """Draws for a family: with n draws and n hypotheses some p is as small as 1 / (n + 1) in most draws, so nothing is found.

    >>> draws_for(3), draws_for(150), draws_for(5000)
    (1999, 14999, 19999)
    """
    return min(MOST_DRAWS, max(FEWEST_DRAWS, DRAWS_EACH * hypotheses - 1))


def sign_flips(clusters: int, draws: int, rng: np.random.Generator) -> Iterator[Array]:
    """Signs of clusters, float64 (draw, cluster), in parts that fit into memory.

    All patterns but the one that flips nothing, each once, where there are no more of them than `draws`; else `draws` of
    them at random.

    >>> [part.tolist() for part in sign_flips(2, 99, np.random.default_rng(0))]
    [[[1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]]
    """
    if clusters < 60 and 2**clusters - 1 <= draws:
        yield np.array(list(product((1.0, -1.0), repeat=clusters)))[1:]
        return
    part = max(1, AT_ONCE // clusters)
    for start in range(0, draws, part):
        yield rng.choice(np.array([-1.0, 1.0]), size=(min(part, draws - start), clusters))


def _flipped(estimates: Sequence[Clustered], null: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """|t| with the signs of whole clusters flipped, about the null and about the estimates: float64 (draw, estimate) each."""
    names = sorted({str(name) for one in estimates for name in np.unique(one.cluster)})
    place = {name: index for index, name in enumerate(names)}
    places = [[place[str(label)] for label in np.unique(one.cluster)] for one in estimates]
    sums = [cluster_sums(one) for one in estimates]
    about_null = [own + counts * (one.value - null) for one, (own, counts) in zip(estimates, sums, strict=True)]
    rows: tuple[list[Array], list[Array]] = ([], [])
    for signs in sign_flips(len(names), draws_for(len(estimates)), rng):
        for part, away in zip(rows, (about_null, [own for own, _ in sums]), strict=True):
            columns = zip(places, away, sums, strict=True)
            part.append(np.column_stack([_flipped_t(signs[:, mine], one, counts) for mine, one, (_, counts) in columns]))
    return np.vstack(rows[0]), np.vstack(rows[1])


def _flipped_t(signs: Array, away: Array, counts: Array) -> Array:
    """|t| of one estimate for each row of signs (draw, cluster); `away`: what each cluster's sum differs by from the centre."""
    if counts.size < MINIMUM_CLUSTERS:
        return np.zeros(signs.shape[0])
    total = counts.sum()
    flipped = signs * away
    mean = flipped.sum(axis=1) / total
    squared = (flipped - counts * mean[:, None]) ** 2 / (1.0 - counts / total)
    return t_ratio(mean, np.sqrt(squared.sum(axis=1)) / total)
