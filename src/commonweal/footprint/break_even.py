"""From how many tasks one shared model costs less energy than a model of its own for each task."""

from __future__ import annotations

from typing import Any, TypeVar

from commonweal.footprint.energy import number

Energy = TypeVar("Energy", float, Any)


def break_even_tasks(
    pretraining_kwh: float,
    scratch_kwh: float,
    adaptation_kwh: float,
    inference_scratch_kwh: float = 0.0,
    inference_shared_kwh: float = 0.0,
) -> float | None:
    """Number of tasks from which the shared model costs less energy, N* = P / ((S - f) + (i_S - i_f)) [tasks].

    Below N*, a model trained from scratch for each task is cheaper. None: never, since what one task costs with the
    shared model is at least what it costs without.

    Parameters
    ----------
    pretraining_kwh : P, energy of making the shared model once [kWh], >= 0.
    scratch_kwh, adaptation_kwh : S and f, energy of making the model of one task, from scratch or from the shared one
        [kWh].
    inference_scratch_kwh, inference_shared_kwh : i_S and i_f, energy of one task's whole use by either model [kWh]; the
        same unit for both, decisions per task times energy per decision.

    Source
    ------
    Bommasani et al. 2021, section 5.3, figure 4; the term for inference is our own.

    >>> break_even_tasks(100.0, 12.0, 2.0), break_even_tasks(100.0, 2.0, 2.0), break_even_tasks(100.0, 12.0, 2.0, 1.0,
    ...     6.0)
    (10.0, None, 20.0)
    """
    for name, value in (
        ("pretraining", pretraining_kwh),
        ("training from scratch", scratch_kwh),
        ("adaptation", adaptation_kwh),
        ("inference from scratch", inference_scratch_kwh),
        ("inference of the shared model", inference_shared_kwh),
    ):
        number(name, value, unit="kWh")
    saved = saved_per_task(scratch_kwh, adaptation_kwh, inference_scratch_kwh, inference_shared_kwh)
    return pretraining_kwh / saved if saved > 0 else None


def saved_per_task(scratch: Energy, adaptation: Energy, inference_scratch: Energy, inference_shared: Energy) -> Energy:
    """What one task costs less with the shared model [kWh], (S - f) + (i_S - i_f); of numbers or of arrays of draws.

    >>> saved_per_task(12.0, 2.0, 1.0, 6.0)
    5.0
    """
    return (scratch - adaptation) + (inference_scratch - inference_shared)
