"""A linear classifier of texts: which n-grams of characters and words tell harmful texts from others.

Small, offline, deterministic.

A text becomes the set of its n-grams, 2 to 4 characters and 1 or 2 words, hashed; the weights of either kind have the
length 1. The classifier is scikit-learn's logistic regression with a penalty on the squared weights, all classes with
equal weight in all, whatever their shares in the labelled texts.

What it does not do: it does not understand. It knows words and their neighbours, no irony, no quotation, no context; it
is the simple baseline that says its own error, not the best judge there is.

Source
------
Weinberger et al. 2009, ICML (hashed features); Pedregosa et al. 2011, JMLR 12:2825 (scikit-learn).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy

from commonweal.errors import require

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
BUCKETS = 2**17  # for the n-grams of characters, and as many for those of words
PENALTY = (
    1e-4  # of half the squared length of the weights, beside the mean loss: fixed beforehand, not tuned on any set
)
TOLERANCE = 1e-6  # of the gradient: the order of the texts then does not show in the answers
FOLDS = 5
LIBRARY = ("sklearn.feature_extraction.text", "sklearn.feature_selection", "sklearn.linear_model", "sklearn.pipeline")


@dataclass(frozen=True, slots=True, eq=False)
class CrossFitted:
    """Several classifiers, each trained without the clusters of one part; `parts`: the part of each cluster;
    `whole`: one of all.
    """

    parts: Mapping[str, int]
    classifiers: Mapping[int, Pipeline]
    whole: Pipeline

    def log_odds(self, features: scipy.sparse.csr_matrix, cluster: npt.NDArray[np.str_]) -> Array:
        """Log-odds [nat] of each text by a classifier that saw no text of its cluster, float64 (text,); above 0:
        flagged.
        """
        part = np.array([self.parts.get(str(name), -1) for name in cluster], dtype=np.int64)
        found = np.empty(part.size)
        for one in np.unique(part):
            found[part == one] = self.classifiers.get(int(one), self.whole).decision_function(features[part == one])
        return found


def import_library() -> None:
    """Import what the functions here need, for who takes the time or the energy of what follows."""
    for module in LIBRARY:
        require(module, extra="models")


def text_features(texts: Sequence[str]) -> scipy.sparse.csr_matrix:
    """The n-grams of each text, float64 (text, 2 x 2**17). Capitals do not count, and spaces count as one.

    >>> features = text_features(["Good  day", "good day", ""])
    >>> bool((features[0] != features[1]).nnz == 0), features[2].nnz
    (True, 0)
    """
    text = require("sklearn.feature_extraction.text", extra="models")
    alike = {"preprocessor": _plain, "n_features": BUCKETS, "binary": True, "alternate_sign": False}
    characters = text.HashingVectorizer(analyzer="char", ngram_range=(2, 4), **alike)
    words = text.HashingVectorizer(token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 2), **alike)
    return require("sklearn.pipeline", extra="models").make_union(characters, words).fit_transform(texts)


def _plain(text: str) -> str:
    words = " ".join(text.casefold().split()).encode("utf-8", "replace").decode()
    return f" {words} " if words else ""


def trained(features: scipy.sparse.csr_matrix, label: npt.NDArray[np.bool_] | Codes) -> Pipeline:
    """The classifier of these texts: weighted mean logistic loss plus PENALTY / 2 x squared weights, at its one
    minimum.

    Raises
    ------
    ValueError
        If all texts have the same label.
    """
    linear = require("sklearn.linear_model", extra="models").LogisticRegression(
        C=1 / (PENALTY * label.size), class_weight="balanced", solver="newton-cg", tol=TOLERANCE
    )  # C is against the sum of the losses
    in_some_text = require("sklearn.feature_selection", extra="models").VarianceThreshold()
    return require("sklearn.pipeline", extra="models").make_pipeline(in_some_text, linear).fit(features, label)


def cross_fitted(
    features: scipy.sparse.csr_matrix, harmful: npt.NDArray[np.bool_], cluster: npt.NDArray[np.str_]
) -> CrossFitted:
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


def folds(cluster: npt.NDArray[np.str_]) -> Codes:
    """The part from 0 to 4 that each text is in, whole clusters together, by a hash of their names: int64 (text,).

    >>> folds(np.array(["a", "b", "a", "c"])).tolist() == folds(np.array(["a", "c", "a", "b"]))[[0, 3, 2, 1]].tolist()
    True
    """
    names, place = np.unique(cluster, return_inverse=True)
    rank = np.argsort(
        np.argsort([zlib.crc32(str(name).encode("utf-8", "surrogatepass")) for name in names], kind="stable")
    )
    return np.asarray(rank[place] % FOLDS, dtype=np.int64)
