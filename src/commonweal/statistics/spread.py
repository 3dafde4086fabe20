"""How far descriptors lie apart, beyond what the sentences they stand in vary. Arrays in, numbers out.

`y` is float64 (descriptor, template) throughout. Templates are what was sampled: whatever a template does to the
descriptors, alike ones (*80-year-old*, *eighty-year-old*) in the same way, stays together. Labels are not permuted
among descriptors: that takes them to vary independently of each other, and where they are alike by fives it alarms in
14 % of runs (300 simulated).

- The spread is the standard deviation of what the descriptors have in common over all templates: S^2, without bias, is
  the mean over pairs of different templates of the covariance of the descriptors. 0 in expectation where there is none.
- It is tested by flipping the signs of whole templates about the mean of the axis, all ways to flip them, several axes
  together.
- Its limits: t over templates of S^2 (jackknife). The lower one is 0 where the flips find nothing, and above 0 where
  they do.

Source
------
Searle, Casella and McCulloch 1992 (variance components); Arvesen 1969, Annals of Mathematical Statistics 40:2076
(jackknife of means over pairs); Steiger 2004, Psychological Methods 9:164 (90 % intervals agree with one-sided tests at
5 %); Holm 1979, Scandinavian Journal of Statistics 6:65; Mann and Whitney 1947, Annals of Mathematical Statistics
18:50.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.contrast import NEGLIGIBLE, TIE, t_ratio
from commonweal.statistics.detectable import detectable
from commonweal.statistics.families import adjust
from commonweal.statistics.share_intervals import LEVEL
from commonweal.statistics.sign_flips import sign_flips

Array = npt.NDArray[np.float64]
ALPHA = 0.05
ALL_FLIPS = 2**14  # as many patterns are tried one by one; with more templates, as many are drawn
DECIMALS = 10  # shares of variance that are equal but for the order of their sums must tie


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """S^2 of one axis: its value, what each template says of it (template,), and its error within templates."""

    variance: float
    parts: Array
    explained: float
    error: float

    @property
    def value(self) -> float:
        """S >= 0; where S^2 is below 0, the descriptors agree as well as chance allows."""
        return float(max(self.variance, 0.0) ** 0.5)

    @property
    def influence(self) -> Array:
        """What each template moves S^2 by, times their number, (template,): the jackknife of a mean over pairs of
        templates.
        """
        templates = self.parts.size
        found: Array = 2 * (templates - 1) / (templates - 2) * (self.parts - self.variance)
        return found

    @property
    def standard_error(self) -> float:
        """Of S^2, by templates."""
        return float(self.influence.std(ddof=1) / np.sqrt(self.parts.size))

    @property
    def varies(self) -> bool:
        """Whether templates differ in what they say of S^2; where they do not, its limits are not known."""
        return self.standard_error > max(TIE * abs(self.variance), NEGLIGIBLE**2)

    def limits(self, tail: float) -> tuple[float, float]:
        """Limits of S^2 with this probability beyond each, by t."""
        half = float(scipy.special.stdtrit(self.parts.size - 1, 1 - tail)) * self.standard_error
        return self.variance - half, self.variance + half


@dataclass(frozen=True, slots=True)
class SpreadInference:
    """A spread with its simultaneous limits. `low` is above 0 where `p_adjusted <= 0.05`, and only there."""

    value: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    minimum_detectable: float


def centred(y: Array) -> Array:
    """Each value minus the mean over descriptors in its template."""
    found: Array = y - y.mean(axis=0)
    return found


def spread_of(y: Array) -> Spread:
    """The spread of two or more descriptors over three or more templates.

    Two descriptors that lie 2 apart in every template have a standard deviation of the square root of 2:

    >>> round(spread_of(np.array([[1.0, 2.0, 5.0], [3.0, 4.0, 7.0]])).variance, 6)
    2.0
    """
    r = centred(y)
    freedom, templates = r.shape[0] - 1, r.shape[1]
    others = (r.sum(axis=1, keepdims=True) - r) / (templates - 1)
    parts = (r * others).sum(axis=0) / freedom
    between = templates * float((r.mean(axis=1) ** 2).sum())
    total = float((r**2).sum())
    return Spread(float(parts.mean()), parts, between, max(total - between, 0.0) / (freedom * (templates - 1)))


def family_of_spreads(ys: Sequence[Array], rng: np.random.Generator) -> list[SpreadInference]:
    """Test whether descriptors differ, in several axes over the same templates together (smallest p-value).

    One-sided at 5 %, since a spread cannot be below 0; the limits leave 5 % on each side, simultaneously over the axes.
    """
    if not ys:
        return []
    templates = ys[0].shape[1]
    signs = np.vstack([np.ones((1, templates)), *sign_flips(templates, ALL_FLIPS, rng)])
    shares = np.column_stack([_explained_share(centred(y), signs) for y in ys])
    found = adjust(shares[0], shares[1:])
    return [
        _tested(y, signs, (float(found.p_value[i]), float(found.p_adjusted[i]), float(found.critical[i])), len(ys))
        for i, y in enumerate(ys)
    ]


def _explained_share(r: Array, signs: Array) -> Array:
    """Share of the squares of r that lies between descriptors, float64 (draw,) in [0, 1], by signs (draw, template).

    It grows with the F ratio of the two-way layout; the sum of all squares does not change with the signs.
    """
    total = float((r**2).sum())
    if total <= TIE**2 * max(1.0, r.size):
        return np.zeros(signs.shape[0])
    between = ((signs @ r.T) ** 2).sum(axis=1) / r.shape[1]
    rounded: Array = np.round(between / total, DECIMALS)
    return rounded


def _tested(y: Array, signs: Array, test: tuple[float, float, float], together: int) -> SpreadInference:
    p_value, p_adjusted, critical = test
    spread, (descriptors, templates) = spread_of(y), y.shape
    low, high = spread.limits(ALPHA / together)
    by_flips = 0.0
    if p_adjusted <= ALPHA:
        share = min(critical, 1 - 2.0**-40)
        f_ratio = (templates - 1) * share / (1 - share)
        by_flips = (spread.explained / (descriptors - 1) / f_ratio - spread.error) / templates
    return SpreadInference(
        value=spread.value,
        low=max(by_flips, low, 0.0) ** 0.5 if p_adjusted <= ALPHA else 0.0,
        high=max(high, spread.variance, 0.0) ** 0.5,
        p_value=p_value,
        p_adjusted=p_adjusted,
        minimum_detectable=_minimum_detectable(y, signs, ALPHA / together),
    )


def _minimum_detectable(y: Array, signs: Array, alpha: float) -> float:
    """Smallest S found with power 0.8, by the design: from what is left when the descriptors' own means are taken
    away.
    """
    r = centred(y)
    descriptors, templates = r.shape
    left = (r - r.mean(axis=1, keepdims=True)) * (templates / (templates - 1)) ** 0.5
    share, total = _explained_share(left, signs[1:]), float((left**2).sum())
    error = total * (1 - share) / ((descriptors - 1) * (templates - 1))
    variance = (total * share / (descriptors - 1) - error) / templates
    return float(np.sqrt(max(np.quantile(variance, 1 - alpha) + detectable(float(variance.std()), 0.0), 0.0)))


def spread_beyond(one: Spread, other: Spread, together: int) -> tuple[float, float, float]:
    """What one axis spreads beyond another over the same templates, in squares, with simultaneous limits (Bonferroni
    t).

    sqrt(S^2 - S'^2), and below 0 where the other spreads more: -sqrt(S'^2 - S^2).
    """
    influence = one.influence - other.influence
    half = float(
        scipy.special.stdtrit(influence.size - 1, 1 - (1 - LEVEL) / 2 / together)
        * influence.std(ddof=1)
        / influence.size**0.5
    )
    value = one.variance - other.variance
    root, low, high = (float(np.copysign(abs(square) ** 0.5, square)) for square in (value, value - half, value + half))
    return root, low, high


def deviations(y: Array) -> tuple[Array, Array]:
    """Mean of each descriptor minus the mean of all, and half the width of limits that hold for all at once (Bonferroni
    t).

    >>> value, half = deviations(np.array([[1.0, 2.0, 5.0], [3.0, 4.0, 7.0]]))
    >>> value.tolist(), half.tolist()
    ([-1.0, 1.0], [0.0, 0.0])
    """
    r = centred(y)
    critical = float(scipy.special.stdtrit(r.shape[1] - 1, 1 - (1 - LEVEL) / 2 / r.shape[0]))
    return r.mean(axis=1), critical * r.std(axis=1, ddof=1) / r.shape[1] ** 0.5


def different_pairs_corrected(y: Array) -> int:
    """Pairs of descriptors whose means over templates differ: t test over templates, Holm's correction over all pairs.

    >>> different_pairs_corrected(np.array([[1.0, 2.0, 5.0], [3.0, 4.0, 7.0], [1.0, 2.0, 5.0]]))
    2
    """
    first, second = np.triu_indices(y.shape[0], 1)
    difference = y[first] - y[second]
    error = difference.std(axis=1, ddof=1) / y.shape[1] ** 0.5
    mean = np.where(np.abs(difference.mean(axis=1)) > TIE * np.abs(y).max(), difference.mean(axis=1), 0.0)
    p_value = np.sort(2 * scipy.special.stdtr(y.shape[1] - 1, -t_ratio(mean, error)))
    allowed = ALPHA / np.arange(p_value.size, 0, -1)
    held = p_value <= allowed
    return int(p_value.size if held.all() else np.argmin(held))


def different_pairs_published(perplexity: Array) -> Array:
    """Share of pairs of descriptors with a two-sided Mann-Whitney p below 0.05, per template: float64 (template,).

    `perplexity` float64 (descriptor, template, noun). The test is exact; a tie counts one half.

    >>> different_pairs_published(np.array([[[1.0, 2.0, 3.0, 4.0]], [[5.0, 6.0, 7.0, 8.0]], [[4.5, 6.5, 7.5,
    ...     8.5]]])).round(3).tolist()
    [0.667]
    """
    first, second = np.triu_indices(perplexity.shape[0], 1)
    found = scipy.stats.mannwhitneyu(perplexity[first], perplexity[second], method="exact", axis=-1)
    return np.asarray((found.pvalue < ALPHA).mean(axis=0), dtype=np.float64)


def published_by_chance(nouns: int) -> float:
    """The share of pairs that differ by chance: what an exact test of samples this small can reach, at most 0.05.

    >>> round(published_by_chance(4), 4), published_by_chance(3)
    (0.0286, 0.0)
    """
    p_value = np.array([_exact_p(u, nouns) for u in range(nouns**2 // 2 + 1)])
    return float(p_value[p_value < ALPHA].max(initial=0.0))


def _exact_p(u: int, nouns: int) -> float:
    """The two-sided p-value of two samples of this size of which the first is larger in `u` pairs."""
    above_all, above = divmod(u, nouns)
    places = np.full(nouns, 0.0)
    places[:above_all] = nouns
    places[above_all : above_all + 1] = above
    within = np.linspace(0.1, 0.9, nouns)  # between two values of the other sample, no two alike
    return float(scipy.stats.mannwhitneyu(places + within, np.arange(1, nouns + 1), method="exact").pvalue)
