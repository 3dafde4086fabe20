"""From how many tasks one shared model costs less energy than a model of its own for each task."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from commonweal.footprint.energy import number

Energy = float | npt.NDArray[np.float64]


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
    tasks = float(
        break_even_draws(pretraining_kwh, scratch_kwh, adaptation_kwh, inference_scratch_kwh, inference_shared_kwh)
    )
    return tasks if tasks < np.inf else None


def break_even_draws(
    pretraining: Energy, scratch: Energy, adaptation: Energy, own_use: Energy = 0.0, shared_use: Energy = 0.0
) -> npt.NDArray[np.float64]:
    """The same for draws of each energy [kWh], float64 (draw,); infinite: never.

    >>> break_even_draws(np.array([100.0, 100.0]), 12.0, np.array([2.0, 12.0])).tolist()
    [10.0, inf]
    """
    saved = np.subtract(scratch, adaptation) + np.subtract(own_use, shared_use)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(saved > 0, pretraining / saved, np.inf))
