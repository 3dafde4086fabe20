"""Energy and carbon of a request to a closed model, by the published method of EcoLogits, from its constants.

Nobody outside measures these models. The method fits the energy of open models on one kind of server (eight 80 GB H100,
16-bit weights) and takes the size of a closed one from declarations or guesses. Its own interval carries the size, the
share of a mixture of experts that is active, and the PUE. It leaves out, and so does this: tokens that are read, not
written; the error of the fit; the batch of the provider; its hardware; the grid. Versions 0.8 and 0.9 differ by a
factor of about 44 for the same request, so the version is pinned and part of the result's source.

Source
------
EcoLogits, genai-impact/ecologits@2d0a1c7, methodology page (CC BY-SA 4.0): constants and equations, no code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from commonweal.errors import FootprintError
from commonweal.footprint.energy import number
from commonweal.units import MOST_PUE

VERSION = "ecologits@2d0a1c7"
BATCH = 64.0
GPU_WH = (1.1665273e-6, -0.011205921, 4.0529281e-5)  # Wh per token: a * exp(b * batch) * billions active + c
LATENCY_S = (6.785088e-4, 3.119310e-4, 0.0194737)  # s per token: a * billions active + b * batch + c
GPU_MEMORY_GB, BITS, GPUS_PER_SERVER = 80.0, 16.0, 8.0
MEMORY_OVERHEAD = 1.2
SERVER_KW = 1.2  # without its GPUs
SERVER_EMBODIED_KG, GPU_EMBODIED_KG = 5700.0, 164.0
HARDWARE_LIFE_S = 3 * 365 * 24 * 3600.0
S_PER_HOUR = 3600.0
LEFT_OUT = "tokens that are read, the error of the fit, the provider's batch and hardware, the grid; text only"


@dataclass(frozen=True, slots=True)
class RequestFootprint:
    """One request: electricity [kWh], the carbon of making the hardware that falls on it [kgCO2e], GPUs."""

    energy_kwh: float
    embodied_kg: float
    gpus: int


def request_footprint(
    active_billions: float, total_billions: float, output_tokens: float, pue: float
) -> RequestFootprint:
    """Electricity and embodied carbon of one request.

    Parameters
    ----------
    active_billions, total_billions : parameters [10^9]: those that one token uses, and all; equal for a dense model.
    output_tokens : tokens written, > 0.
    pue : of the data centre, 1 to 5.

    Raises
    ------
    FootprintError
        If more parameters are active than there are, or a number is out of its range.

    >>> one = request_footprint(8.0, 8.0, 400, 1.2)
    >>> round(one.energy_kwh * 1000, 4), one.gpus
    (0.0357, 1)
    """
    number("active parameters", active_billions, low=1e-6, unit="billions")
    number("output tokens", output_tokens, unit="tokens")
    number("PUE", pue, 1.0, MOST_PUE)
    if active_billions > total_billions:
        raise FootprintError(
            f"active parameters: got {active_billions:g} billions of {total_billions:g}; expected at most all"
        )
    slope, decay, constant = GPU_WH
    gpu_kwh = output_tokens * (slope * math.exp(decay * BATCH) * active_billions + constant) / 1000
    by_size, by_batch, rest = LATENCY_S
    seconds = output_tokens * (by_size * active_billions + by_batch * BATCH + rest)
    gpus = gpus_needed(total_billions)
    server_kwh = seconds / S_PER_HOUR * SERVER_KW * gpus / GPUS_PER_SERVER / BATCH
    hardware_kg = gpus / GPUS_PER_SERVER * SERVER_EMBODIED_KG + gpus * GPU_EMBODIED_KG
    return RequestFootprint(
        energy_kwh=pue * (server_kwh + gpus * gpu_kwh),
        embodied_kg=seconds * hardware_kg / (HARDWARE_LIFE_S * BATCH),
        gpus=gpus,
    )


def gpus_needed(total_billions: float) -> int:
    """GPUs that hold the weights, rounded up to a power of two.

    >>> [gpus_needed(size) for size in (8.0, 70.0, 405.0)]
    [1, 4, 16]
    """
    at_least = math.ceil(MEMORY_OVERHEAD * total_billions * BITS / 8 / GPU_MEMORY_GB)
    return int(2 ** math.ceil(math.log2(at_least)))
