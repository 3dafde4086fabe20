from __future__ import annotations

import numpy as np
import pytest

from commonweal.evidence.clustered import family, mean_of
from commonweal.evidence.shares import alike, exact_share, exact_where_alike


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    assert list(exact_share(1.0, 4, 1)) == pytest.approx([0.025**0.25, 1.0, 2 * 0.5**4])
    assert list(exact_share(0.0, 4, 1)) == pytest.approx([0.0, 1 - 0.025**0.25, 2 * 0.5**4])


def test_clusters_that_agree_are_told_from_those_that_do_not() -> None:
    cluster, rng = np.repeat(np.arange(9), 4), np.random.default_rng(0)
    same, mixed = family([mean_of(np.ones(36), cluster), mean_of(rng.integers(0, 2, 36), cluster)], rng, null=0.5)
    assert alike(same)
    assert not alike(mixed)
    assert exact_where_alike(mixed, 2) is mixed
    exact = exact_where_alike(same, 2)
    assert (exact.low, exact.high, exact.p_value) == exact_share(1.0, 9, 2)
    assert exact.p_adjusted == min(1.0, 2 * exact.p_value)
