"""What an audit says beforehand that it will be able to judge, beside what it then says it could."""

from __future__ import annotations

import numpy as np
import pytest

from commonweal.evidence.records import Estimate
from commonweal.measures.inequity.correspondence_audit.correspondence_audit import foreseen_comparisons
from commonweal.measures.options import Design, Limit
from tests.measures.inequity.correspondence_audit.test_correspondence_audit import SMALL, audit, few_draws
from tests.measures.inequity.made_up_audits import NoisyScreener

__all__ = ["few_draws"]


@pytest.mark.usefixtures("few_draws")
def test_what_names_will_detect_lies_between_the_ends_that_were_foreseen() -> None:
    foreseen = {one.about.split(":")[0]: one for one in foreseen_comparisons(SMALL, Design.BALANCED, Limit(None))}
    rows = audit(NoisyScreener(seed=1))
    found = [
        row
        for row in rows
        if isinstance(row, Estimate) and row.quantity == "selection_rate_difference" and row.minimum_detectable
    ]
    names = [row for row in found if set(row.group or {}) <= set(foreseen) and len(row.group or {}) == 1]
    assert names
    for row in names:
        (attribute,) = row.group or {}
        low, high = foreseen[attribute].smallest or (None, None)
        assert high is not None
        assert (low or 0.0) * 0.7 <= row.minimum_detectable <= high * 1.1, attribute
        assert all(group in foreseen[attribute].about for group in (row.group or {}).values())


def test_a_limit_that_leaves_too_little_is_told_beforehand_and_more_names_see_finer() -> None:
    whole = next(iter(foreseen_comparisons(SMALL, Design.BALANCED, Limit(None))))
    (first, *_) = foreseen_comparisons(SMALL, Design.BALANCED, Limit(8))
    assert first.reason
    assert first.words.startswith("names audit: cannot be judged")
    assert whole.smallest is not None
    assert 0 < (whole.smallest[0] or 0.0) < whole.smallest[1] <= 1
    assert np.isfinite(whole.smallest[1])
