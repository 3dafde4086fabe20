"""A linear classifier of texts: which n-grams of characters and words tell harmful texts from others. Small, offline, deterministic.

A text becomes the set of its n-grams: 2 to 4 characters within it, 1 or 2 words; each is hashed to one of 2**18 buckets, and
a text's weights have the length 1. The classifier is a logistic regression with a penalty on the squared weights (L-BFGS), both
classes with equal weight in all, whatever their shares in the labelled texts.

What it does not do: it does not understand. It knows words and their neighbours, no irony, no quotation, no context; it is the
simple baseline that says its own error, not the best judge there is.

Source
------
Weinberger et al. 2009, ICML (hashed features); Liu and Nocedal 1989, Mathematical Programming 45:503 (L-BFGS).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint64]
BUCKETS = 2**18
CHARACTERS, WORDS = (2, 3, 4), (1, 2)
PENALTY = 1e-4  # of half the squared length of the weights, beside the mean loss: fixed beforehand, not tuned on any set
FOLDS = 5
STEPS = 500
WORD = re.compile(r"\w+|[^\w\s]")
MULTIPLIER, MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, slots=True, eq=False)
class TextClassifier:
    """A weight for each bucket, float64 (2**18,); buckets that no labelled text had weigh nothing."""

    weights: Array
    intercept: float

    def log_odds(self, features: csr_matrix) -> Array:
        """Log-odds that each text is harmful [nat], float64 (text,); above 0: flagged."""
        return np.asarray(features @ self.weights, dtype=np.float64) + self.intercept


@dataclass(frozen=True, slots=True, eq=False)
class CrossFitted:
    """Several classifiers, each trained without the clusters of one part; `parts`: the part of each cluster; `whole`: one of all."""

    parts: Mapping[str, int]
    classifiers: Mapping[int, TextClassifier]
    whole: TextClassifier

    def log_odds(self, features: csr_matrix, cluster: npt.NDArray[np.str_]) -> Array:
        """Log-odds of each text by a classifier that saw no text of its cluster, float64 (text,)."""
        part = np.array([self.parts.get(str(name), -1) for name in cluster], dtype=np.int64)
        found = np.empty(part.size)
        for one in np.unique(part):
            found[part == one] = self.classifiers.get(int(one), self.whole).log_odds(features[part == one])
        return found


def text_features(texts: Sequence[str]) -> csr_matrix:
    """The n-grams of each text, float64 (text, 2**18); every row has the length 1, that of a text without any n-gram 0.

    Capitals do not count, and spaces count as one.

    >>> features = text_features(["Good  day", "good day", ""])
    >>> bool((features[0] != features[1]).nnz == 0), features[2].nnz
    (True, 0)
    """
    plain = [" ".join(text.casefold().split()) for text in texts]
    parts = [_ngrams(_characters(plain), n, n) for n in CHARACTERS] + [_ngrams(_words(plain), n, 10 + n) for n in WORDS]
    key = np.sort(np.concatenate(parts))
    key = key[np.append(key[:1] >= 0, np.diff(key) > 0)]  # each once; sorting is several times faster here than np.unique
    row, bucket = key // BUCKETS, key % BUCKETS
    counts = np.bincount(row, minlength=len(plain))
    return csr_matrix((1 / np.sqrt(counts[row]), (row, bucket)), shape=(len(plain), BUCKETS))


def _characters(texts: Sequence[str]) -> Codes:
    """Code points of all texts, each text between spaces and followed by 0."""
    joined = "".join(f" {text} \0" if text else "\0" for text in (text.replace("\0", " ") for text in texts))
    return np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)


def _words(texts: Sequence[str]) -> Codes:
    """A number for each word and sign of all texts, each text followed by 0."""
    known: dict[str, int] = {}
    codes: list[int] = []
    for text in texts:
        for word in WORD.findall(text):
            if word not in known:
                known[word] = zlib.crc32(word.encode("utf-8", "surrogatepass")) + 1
            codes.append(known[word])
        codes.append(0)
    return np.array(codes, dtype=np.uint64)


def _ngrams(codes: Codes, n: int, kind: int) -> Places:
    """text x 2**18 + bucket for each run of n codes without a 0, int64 (run,)."""
    count = codes.size - n + 1
    if count < 1:
        return np.empty(0, dtype=np.int64)
    text = np.cumsum(codes == 0) - (codes == 0)  # the 0 that ends a text belongs to it
    hashed = np.full(count, kind, dtype=np.uint64)
    whole = np.ones(count, dtype=np.bool_)
    for place in range(n):
        part = codes[place : place + count]
        hashed = (hashed + part) * MULTIPLIER
        hashed ^= hashed >> np.uint64(29)
        whole &= part != 0
    bucket = ((hashed * MIXER) >> np.uint64(46)).astype(np.int64)  # the upper 18 bits, which all codes have reached
    return np.asarray(text[:count][whole] * BUCKETS + bucket[whole], dtype=np.int64)


def trained(features: csr_matrix, harmful: npt.NDArray[np.bool_], penalty: float = PENALTY) -> TextClassifier:
    """The classifier of these texts: weighted mean logistic loss plus penalty / 2 x squared weights, at its one minimum.

    Raises
    ------
    ValueError
        If not both classes are there.
    """
    if not harmful.any() or harmful.all():
        raise ValueError("a classifier needs texts of both classes")
    buckets = np.unique(features.indices).astype(np.int64)
    inner = features[:, buckets]
    sign = np.where(harmful, 1.0, -1.0)
    share = np.where(harmful, 0.5 / harmful.sum(), 0.5 / (~harmful).sum())

    def loss(parameters: Array) -> tuple[float, Array]:
        weights, intercept = parameters[:-1], parameters[-1]
        margin = sign * (inner @ weights + intercept)
        pull = -share * sign / (1 + np.exp(np.clip(margin, -500, 500)))
        value = share @ np.logaddexp(0.0, -margin) + penalty / 2 * weights @ weights
        return float(value), np.append(inner.T @ pull + penalty * weights, pull.sum())

    options = {"maxiter": STEPS, "gtol": 1e-6, "ftol": 1e-10}
    found = minimize(loss, np.zeros(buckets.size + 1), jac=True, method="L-BFGS-B", options=options).x
    weights = np.zeros(BUCKETS)
    weights[buckets] = found[:-1]
    return TextClassifier(weights, float(found[-1]))


def cross_fitted(features: csr_matrix, harmful: npt.NDArray[np.bool_], cluster: npt.NDArray[np.str_]) -> CrossFitted:
    """Classifiers that each left out a part of the clusters, so that every text has one that did not see its like.

    Raises
    ------
    ValueError
        If a class lies in too few clusters to be there in every training part.
    """
    fold = folds(cluster)
    parts = {str(name): int(part) for name, part in zip(cluster, fold, strict=True)}
    classifiers = {int(one): trained(features[fold != one], harmful[fold != one]) for one in np.unique(fold)}
    return CrossFitted(parts, classifiers, trained(features, harmful))


def folds(cluster: npt.NDArray[np.str_], count: int = FOLDS) -> Places:
    """The part from 0 to count - 1 that each text is in, whole clusters together, by a hash of their names: int64 (text,).

    >>> folds(np.array(["a", "b", "a", "c"]), 2).tolist() == folds(np.array(["a", "c", "a", "b"]), 2)[[0, 3, 2, 1]].tolist()
    True
    """
    names, place = np.unique(cluster, return_inverse=True)
    rank = np.argsort(np.argsort([zlib.crc32(str(name).encode("utf-8", "surrogatepass")) for name in names], kind="stable"))
    return np.asarray(rank[place] % count, dtype=np.int64)
