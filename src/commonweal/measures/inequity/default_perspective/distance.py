"""How far answers lie from each other, and how far they would if the words that were added named nobody.

Words added to a text move a model's answers whatever they mean. So two things vary: items, which are sampled, and the
words that name a group, of which there is one phrase per group. How much phrases vary is seen on phrases of the same
shape that name nobody. A group is told from the others only beyond both.

Arrays in, numbers out; nothing here knows a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.statistics.detectable import bonferroni, detectable
from commonweal.statistics.inference import Inference

Array = npt.NDArray[np.float64]
ROUNDING = 1e-9  # distances nearer to each other than this are equal


@dataclass(frozen=True, slots=True)
class PhraseSpread:
    """How much the mean distances of phrases vary that all name nobody.

    `seen`: their variance, with `freedom` degrees of freedom; `variance`: what is left of it beyond the items' own
    variation.
    """

    variance: float
    seen: float
    freedom: float


def answer_shares(logprob: Array) -> Array:
    """P(answer) among the answers on the last axis, from log-probabilities; -inf where an item has no such answer.

    >>> answer_shares(np.log(np.array([0.1, 0.3, 0.0001, 0.0]), where=[True, True, True, False], out=np.full(4,
    ...     -np.inf))).round(3)
    array([0.25, 0.75, 0.  , 0.  ])
    """
    weight = np.exp(logprob - logprob.max(axis=-1, keepdims=True))
    shares: Array = weight / weight.sum(axis=-1, keepdims=True)
    return shares


def total_variation(first: Array, second: Array) -> Array:
    """1/2 sum |p - q| over the last axis, in [0, 1]: the share of answers that would have to change.

    0: the same; 1: none shared.

    >>> float(total_variation(np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])))
    0.5
    """
    distance: Array = np.abs(first - second).sum(axis=-1) / 2
    return distance


def mean_between(shares: Array) -> Array:
    """Mean distance over all pairs of those asked, float64 (item,), from shares (who, item, answer)."""
    pairs = [total_variation(shares[one], shares[other]) for one, other in combinations(range(shares.shape[0]), 2)]
    between: Array = np.mean(pairs, axis=0)
    return between


def nearest(distance: Array) -> Array:
    """For each item which row is the nearest: 1 there, else 0; a tie is shared. float64 (who, item).

    >>> nearest(np.array([[0.1, 0.2], [0.3, 0.2]])).tolist()
    [[1.0, 0.5], [0.0, 0.5]]
    """
    is_least = distance <= distance.min(axis=0) + ROUNDING
    share: Array = is_least / is_least.sum(axis=0)
    return share


def phrase_spread(parts: Sequence[Array]) -> PhraseSpread:
    """How much phrases that name nobody differ in their mean distance, pooled over attributes.

    `parts`: distances float64 (phrase, item), one array per attribute, 2 phrases and 2 items or more. The variance of a
    phrase's mean around those of its attribute, less what the items' own variation adds to it; never below 0.

    >>> spread = phrase_spread([np.array([[0.1, 0.1, 0.1], [0.3, 0.3, 0.3]])])
    >>> round(spread.variance, 6), round(spread.seen, 6), spread.freedom
    (0.02, 0.02, 1.0)
    """
    between, within, freedom = 0.0, 0.0, 0
    for distance in parts:
        centred = distance - distance.mean(axis=0)
        between += float((centred.mean(axis=1) ** 2).sum())
        within += float((centred.var(axis=1, ddof=1) / centred.shape[1]).sum())
        freedom += distance.shape[0] - 1
    return PhraseSpread(max(0.0, (between - within) / freedom), between / freedom, float(freedom))


def no_surer_than_phrases(inference: Inference, spread: PhraseSpread, groups: int, hypotheses: int) -> Inference:
    """The estimate with the harsher of two nulls: the items' signs alone, or t with the variance of items and phrases.

    The second has Bonferroni's correction and the degrees of freedom of Satterthwaite, in which the phrases count with
    the variance as seen: what was taken off it makes it no surer. The larger p-values and the wider interval are kept,
    so `p_adjusted <= 0.05` where the interval excludes 0, and only there. `groups`: of the attribute, from whose mean
    the estimate is a distance, which takes 1/groups off the variance of a phrase.
    """
    part = 1 - 1 / groups
    error = (inference.standard_error**2 + part * spread.variance) ** 0.5
    if not np.isfinite(error) or error == 0:
        return inference
    freedom = error**4 / (
        inference.standard_error**4 / inference.degrees_of_freedom + (part * spread.seen) ** 2 / spread.freedom
    )
    p_value = max(2 * float(scipy.special.stdtr(freedom, -abs(inference.value) / error)), 1e-300)
    critical = bonferroni(freedom, hypotheses)
    half = max(critical * error, (inference.high - inference.low) / 2)
    return replace(
        inference,
        standard_error=error,
        degrees_of_freedom=freedom,
        low=inference.value - half,
        high=inference.value + half,
        p_value=max(inference.p_value, p_value),
        p_adjusted=max(inference.p_adjusted, min(1.0, hypotheses * p_value)),
        minimum_detectable=max(inference.minimum_detectable, detectable(error, critical, freedom)),
        method=f"{inference.method}, no narrower than t with the spread of phrases that name nobody",
    )
