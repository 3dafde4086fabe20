from __future__ import annotations

import pytest

from commonweal.errors import FootprintError
from commonweal.footprint.closed_models import request_footprint


@pytest.mark.parametrize(("billions", "wh", "gpus"), [(8, 0.0357, 1), (70, 0.2630, 4), (405, 3.654, 16)])
def test_dense_models_of_400_tokens(billions: float, wh: float, gpus: int) -> None:
    found = request_footprint(billions, billions, 400, 1.2)
    assert found.energy_kwh * 1000 == pytest.approx(wh, rel=0.005)
    assert found.gpus == gpus


def test_per_million_tokens_of_the_pinned_version() -> None:
    """85 Wh per million tokens for 8B since 0.9, before 3,768: ComparIA, pull request 253 (PUE and server included)."""
    found = request_footprint(8, 8, 1e6, 1.13)
    assert found.energy_kwh * 1000 == pytest.approx(85, rel=0.02)


def test_more_is_active_than_there_is() -> None:
    with pytest.raises(FootprintError, match=r"active parameters: got 9 billions of 8"):
        request_footprint(9, 8, 400, 1.2)
