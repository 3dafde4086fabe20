"""The number format a model computes in: float32, or one of the compressions that are used to make it cheaper.

- bfloat16: weights and arithmetic in bfloat16.
- int8: the weights of every linear layer but the projection to the vocabulary are rounded to 255 steps per output
  channel (symmetric, the largest weight is 127); the arithmetic stays float32. This shows what the rounding of weights
  does to the answers. It is not faster, and it does not show what rounding the activations would do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from commonweal.errors import OptionError, require
from commonweal.system.fields import NumberFormat

FLOAT32: Final = "float32"
BFLOAT16: Final = "bfloat16"
INT8: Final = "int8"
PRECISIONS: tuple[NumberFormat, ...] = get_args(NumberFormat)
STEPS = 127
REMARKS: Final[Mapping[str, tuple[str, ...]]] = {
    FLOAT32: (),
    BFLOAT16: ("computed in bfloat16, not in float32",),
    INT8: ("computed with weights rounded to int8 and the arithmetic in float32: what it costs is what float32 costs",),
}


def check_precision(dtype: str) -> NumberFormat:
    """The number format of this name; OptionError where there is none."""
    for one in PRECISIONS:
        if one == dtype:
            return one
    raise OptionError(f"dtype '{dtype}': expected {', '.join(PRECISIONS)}")


def in_precision(network: Any, dtype: str) -> Any:
    """The network, its weights changed in place; buffers (such as the angles of the positions) stay as they are."""
    torch = require("torch", extra="models")
    if dtype == BFLOAT16:
        for parameter in network.parameters():
            parameter.data = parameter.data.to(torch.bfloat16)
    if dtype == INT8:
        head = network.get_output_embeddings()
        for module in network.modules():
            if isinstance(module, torch.nn.Linear) and module is not head:
                module.weight.data = rounded(module.weight.data)
    return network


def rounded(weight: Any) -> Any:
    """Weights (output, input) rounded to a multiple of a step per output channel, the largest being 127 steps.

    >>> import torch
    >>> rounded(torch.tensor([[127.0, 0.6, -0.4], [0.0, 0.0, 0.0]])).tolist()
    [[127.0, 1.0, -0.0], [0.0, 0.0, 0.0]]
    """
    step = weight.abs().amax(dim=1, keepdim=True) / STEPS
    return (weight / step.clamp(min=1e-30)).round() * step
