from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from commonweal.measures.environment.meter import nvml
from commonweal.measures.environment.meter.meter import Meter
from commonweal.measures.environment.meter.nvml import Gpu, PowerSampler, open_gpu


class NVMLError(Exception):
    pass


class FakeNvml(SimpleNamespace):
    """One GPU; `counted_mj` None: it has no energy counter."""

    def __init__(self, counted_mj: int | None, power_mw: int | None = 100_000, works: bool = True) -> None:
        super().__init__(NVMLError=NVMLError, counted_mj=counted_mj, power_mw=power_mw, works=works, open=0, asked=[])

    def nvmlInit(self) -> None:
        if not self.works:
            raise NVMLError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        self.asked.append(index)
        return "gpu"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        self.asked.append(uuid)
        return "gpu"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        if self.counted_mj is None:
            raise NVMLError("Not Supported")
        return self.counted_mj

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:
        if self.power_mw is None:
            raise NVMLError("Not Supported")
        return self.power_mw


def install(monkeypatch: pytest.MonkeyPatch, fake: FakeNvml | None) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", fake)


def test_the_energy_counter_is_read_in_joules_and_the_library_is_closed(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeNvml(counted_mj=5_000)
    install(monkeypatch, fake)
    with Meter("cuda", tmp_path) as meter:
        assert meter.tiers() == {"GPU": "counter"}
        before = meter.read()
        fake.counted_mj = 7_500
        assert meter.spent(before, meter.read()).joules == {"GPU": 2.5}
    assert fake.open == 0


def test_cuda_visible_devices_says_which_gpu_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeNvml(counted_mj=5_000)
    install(monkeypatch, fake)
    for visible, device in (("", "cuda:1"), ("3,5", "cuda:1"), ("GPU-8a1c", "cuda")):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        with ExitStack() as stack:
            assert isinstance(open_gpu(device, stack), Gpu)
    assert fake.asked == [1, 5, "GPU-8a1c"]


def test_a_gpu_without_counter_is_sampled(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeNvml(counted_mj=None))
    with Meter("cuda", tmp_path) as meter:
        assert meter.tiers() == {"GPU": "sampled"}


def test_sampled_power_is_summed_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [10.0]
    power = [100.0]
    monkeypatch.setattr(nvml, "SAMPLE_S", 3600.0)
    monkeypatch.setattr(nvml, "perf_counter", lambda: clock[0])
    with PowerSampler(lambda: power[0]) as sampler:
        clock[0] = 12.0
        assert sampler.read_uj() == 200_000_000
        clock[0], power[0] = 13.0, 300.0
        assert sampler.read_uj() == 400_000_000  # the middle of 100 W and 300 W, for a second


def test_after_a_failed_sample_the_sum_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "SAMPLE_S", 3600.0)
    answers = iter([100.0])

    def power_w() -> float:
        for answer in answers:
            return answer
        raise OSError("the GPU is lost")

    with PowerSampler(power_w) as sampler, pytest.raises(OSError, match="lost"):
        sampler.read_uj()


@pytest.mark.parametrize(
    ("fake", "reason"),
    [
        (None, r"pip install 'commonweal\[gpu\]'"),
        (FakeNvml(counted_mj=5, works=False), "Driver Not Loaded"),
        (FakeNvml(counted_mj=None, power_mw=None), "Not Supported"),
    ],
)
def test_a_gpu_that_cannot_be_read_is_unknown_with_its_reason(
    fake: FakeNvml | None, reason: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, fake)
    with Meter("cuda:0", tmp_path) as meter:
        assert meter.counters == []
        why = next(each.reason for each in meter.unread if each.component == "GPU")
    assert re.search(reason, why)


def test_a_gpu_is_not_asked_for_where_none_is_used(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeNvml(counted_mj=5, works=False))
    with Meter("cpu", tmp_path) as meter:
        assert "GPU" not in {each.component for each in meter.unread}


def test_a_gpu_that_is_lost_between_two_readings_is_unknown(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeNvml(counted_mj=5_000)
    install(monkeypatch, fake)
    with Meter("cuda", tmp_path) as meter:
        before = meter.read()
        fake.counted_mj = None
        assert meter.spent(before, meter.read()).joules == {}


def test_a_counter_that_fell_since_the_driver_was_loaded_again_is_unknown(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeNvml(counted_mj=7_432_118_904)
    install(monkeypatch, fake)
    with Meter("cuda", tmp_path) as meter:
        before = meter.read()
        fake.counted_mj = 81_204
        assert meter.spent(before, meter.read()).joules == {}


def test_sampled_power_through_the_meter_by_hand(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """62.5 W, then 148.25 W, then 151.75 W, a second apart: the middles are 105.375 J and 150 J."""
    clock = [10.0]
    fake = FakeNvml(counted_mj=None, power_mw=62_500)
    install(monkeypatch, fake)
    monkeypatch.setattr(nvml, "SAMPLE_S", 3600.0)
    monkeypatch.setattr(nvml, "perf_counter", lambda: clock[0])
    with Meter("cuda", tmp_path) as meter:
        before = meter.read()
        clock[0], fake.power_mw = 11.0, 148_250
        middle = meter.read()
        clock[0], fake.power_mw = 12.0, 151_750
        after = meter.read()
        assert meter.spent(before, middle).joules["GPU"] == pytest.approx(105.375)
        assert meter.spent(before, after).joules["GPU"] == pytest.approx(255.375)
        fake.power_mw = None
        assert meter.spent(before, meter.read()).joules == {}, "one failed sample and the sum is unknown"
