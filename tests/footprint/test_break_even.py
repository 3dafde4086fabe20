from __future__ import annotations

import pytest

from commonweal.errors import FootprintError
from commonweal.footprint.break_even import break_even_tasks
from commonweal.footprint.energy import facility_energy_kwh

BERT_KWH = 1507.0  # Strubell et al. 2019, Table 3


@pytest.mark.parametrize(
    ("scratch", "adapt", "tasks"), [(27, 0, 55.8), (27, 8.16, 80.0), (27, 3.1, 63.1), (201, 0, 7.5)]
)
def test_the_source_chapters_figure_from_public_inputs(scratch: float, adapt: float, tasks: float) -> None:
    assert break_even_tasks(BERT_KWH, scratch, adapt) == pytest.approx(tasks, abs=0.1)


def test_the_claim_of_80_tasks_needs_an_adaptation_of_8_kwh() -> None:
    assert break_even_tasks(BERT_KWH, 27, BERT_KWH / 400) == pytest.approx(64.9, abs=0.1)
    assert break_even_tasks(BERT_KWH, 27, BERT_KWH / 45_000) == pytest.approx(55.9, abs=0.1)
    assert facility_energy_kwh(12, 1415.78, 1.58) == pytest.approx(26.84, abs=0.01)


def test_never() -> None:
    assert break_even_tasks(1.0, 5.0, 5.0) is None
    assert break_even_tasks(1.0, 5.0, 6.0) is None
    assert break_even_tasks(100.0, 12.0, 2.0, inference_scratch_kwh=1.0, inference_shared_kwh=11.0) is None
    assert break_even_tasks(0.0, 12.0, 2.0) == 0.0


def test_negative_energy_is_refused() -> None:
    with pytest.raises(FootprintError, match="pretraining: got -1"):
        break_even_tasks(-1.0, 2.0, 1.0)
