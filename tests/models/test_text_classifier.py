from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from commonweal.models.text_classifier import BUCKETS, cross_fitted, folds, text_features, trained

HARMFUL = [
    f"the {noun} is a gruk and so is number {place}" for place, noun in enumerate(["cat", "dog", "car", "hat"] * 10)
]
HARMLESS = [
    f"the {noun} is a lumi and so is number {place}" for place, noun in enumerate(["cat", "dog", "car", "hat"] * 10)
]
TEXTS = HARMFUL + HARMLESS
LABELS = np.arange(len(TEXTS)) < len(HARMFUL)


def test_a_text_is_the_set_of_its_ngrams_and_either_kind_has_the_length_1() -> None:
    features = text_features(["ab", "", "ab ab"])
    # " ab ": 3 pairs, 2 triples, 1 quadruple; 1 word, no pair of words.
    assert features[0].nnz == 7
    assert features.shape == (3, 2 * BUCKETS)
    for kind in (features[:, :BUCKETS], features[:, BUCKETS:]):
        lengths = np.sqrt(np.asarray(kind.multiply(kind).sum(axis=1)).ravel())
        assert lengths.tolist() == pytest.approx([1.0, 0.0, 1.0])


def test_a_text_has_the_same_features_whatever_stands_beside_it() -> None:
    alone = text_features(["Grüße, 你好 🙂!"])
    beside = text_features(["something else", "Grüße, 你好 🙂!", "\0", "\ud800 broken"])
    assert (alone[0] != beside[1]).nnz == 0


def test_it_learns_the_word_that_tells_and_says_the_same_each_time_and_in_any_order() -> None:
    first = trained(text_features(TEXTS), LABELS)
    assert ((first.decision_function(text_features(TEXTS)) > 0) == LABELS).all()
    new = first.decision_function(text_features(["a gruk", "a lumi"]))
    assert new[0] > 0 > new[1]
    weights = first[-1].coef_
    assert trained(text_features(TEXTS), LABELS)[-1].coef_.tolist() == weights.tolist()
    back = trained(text_features(TEXTS[::-1]), LABELS[::-1])
    assert np.abs(back[-1].coef_ - weights).max() < 1e-3


def test_classes_weigh_the_same_whatever_their_shares() -> None:
    few = np.r_[np.arange(5), np.arange(40, 80)]
    found = trained(text_features([TEXTS[place] for place in few]), LABELS[few])
    assert abs(float(found.decision_function(text_features(["unheard"]))[0])) < 2.0


def test_a_text_is_judged_by_a_classifier_that_did_not_see_its_cluster() -> None:
    """Each cluster has a word of its own that gives its label away: whoever saw the cluster would know it."""
    rng = np.random.default_rng(1)
    labels = np.repeat(rng.random(60) < 0.5, 3)
    cluster = np.repeat([f"template {place}" for place in range(60)], 3)
    features = text_features([f"word{place}word{place}" for place in np.repeat(rng.permutation(60) * 7919, 3)])
    assert ((trained(features, labels).decision_function(features) > 0) == labels).all()
    unseen = cross_fitted(features, labels, cluster).log_odds(features, cluster) > 0
    assert 0.25 < (unseen == labels).mean() < 0.75


def test_parts_keep_clusters_together_and_do_not_depend_on_the_order() -> None:
    cluster = np.array([f"t{place % 23}" for place in range(230)])
    part = folds(cluster)
    assert all(len(set(part[cluster == name])) == 1 for name in set(cluster))
    assert np.bincount(part).min() > 0
    assert folds(cluster[::-1])[::-1].tolist() == part.tolist()


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 classes"):
        trained(text_features(TEXTS), np.ones(len(TEXTS), dtype=np.bool_))
    with pytest.raises(ValueError, match="at least 2 classes"):
        cross_fitted(text_features(TEXTS), LABELS, np.where(LABELS, "one", "other"))


def test_the_hash_is_the_same_in_another_process() -> None:
    """Python's own hash of a string is not."""
    code = (
        "from commonweal.models.text_classifier import text_features; print(text_features(['a word or "
        "two']).indices.tolist())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": str(1 + (os.environ.get("PYTHONHASHSEED") == "1"))}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == f"{text_features(['a word or two']).indices.tolist()}\n"
