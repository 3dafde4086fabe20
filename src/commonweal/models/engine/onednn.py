"""Float32 matrix products on a CPU by the faster of the two libraries that torch brings along.

torch multiplies float32 by its BLAS (on x86 mostly MKL) and has oneDNN beside it. Which is faster depends on the
processor: on one with AVX-512 that is not Intel's, MKL may use half of it. So both are timed once in a process, and
where oneDNN wins, layers that multiply by their weights do so by it while a network reads. The answers are the same but
for the order of the sums.

Networks with very large activations (SmolLM2: 25,000) make much of how a sum is rounded. A sum over k inputs one after
the other loses about sqrt(k) roundings; so, as MKL does, they are summed in parts of at most 192, and the parts then.
For that a weight lies in memory column by column, which oneDNN reads as fast.

What this module does not do: it changes no number format; that of the weights is that of the arithmetic.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import pairwise
from typing import Any

from commonweal.errors import require

TRIED = (512, 768, 1024)  # rows, inputs, outputs: a product of about 0.8 GFLOP
TURNS = 5
GAIN = 1.1  # less is not worth a second path
TOLERANCE = 1e-5  # of the largest number in a product
PART = 192


def quick_products(device: str) -> AbstractContextManager[Any]:
    """A context in which linear layers compute their float32 products by the faster library."""
    return _by_onednn() if device == "cpu" and onednn_is_faster() else nullcontext()


def prepare(network: Any, device: str) -> None:
    """Lay the weights of linear layers out column by column, in place, where that helps; what is tied to the embedding
    stays.

    All parameters get memory of their own, so that the file that they were read from need not stay in memory beside
    them.
    """
    torch = require("torch", extra="models")
    if device != "cpu" or network.dtype != torch.float32 or not onednn_is_faster():
        return
    layers = list(network.modules())
    usual = {id(layer.weight) for layer in layers if isinstance(layer, torch.nn.Embedding)}
    usual |= {id(layer.weight) for layer in (network.get_output_embeddings(),) if layer is not None}
    weights = {id(layer.weight) for layer in layers if isinstance(layer, torch.nn.Linear)} - usual
    for parameter in network.parameters():
        parameter.data = by_columns(parameter.data) if id(parameter) in weights else parameter.data.clone()


def by_columns(weight: Any) -> Any:
    """The same matrix, in memory column by column."""
    return weight.t().contiguous().t()


def onednn_product(states: Any, weight: Any, bias: Any = None) -> Any:
    """states x weight^T + bias by oneDNN: tensors (…, input), (output, input), (output,) -> (…, output), float32 on a
    CPU.

    Summed in parts where the weight lies column by column; parts of rows would be slow to read.
    """
    product, inputs = require("torch", extra="models").ops.mkldnn._linear_pointwise, weight.shape[1]
    if weight.stride(0) != 1 or inputs <= PART:
        return product(states, weight, bias, "none", [], "")
    parts = -(-inputs // PART)
    ends = [inputs * part // parts for part in range(parts + 1)]
    found = product(states[..., : ends[1]], weight[:, : ends[1]], bias, "none", [], "")
    for first, end in pairwise(ends[1:]):
        found.add_(product(states[..., first:end], weight[:, first:end], None, "none", [], ""))
    return found


def usual_product(states: Any, weight: Any, bias: Any = None) -> Any:
    """The same by torch's BLAS."""
    return require("torch", extra="models").nn.functional.linear(states, weight, bias)


@cache
def onednn_is_faster() -> bool:
    """Whether oneDNN is there, gives what torch's BLAS gives, and is faster by more than a tenth; timed once in a
    process.
    """
    torch = require("torch", extra="models")
    with torch.inference_mode():
        generator = torch.Generator().manual_seed(0)
        rows, inputs, outputs = TRIED
        states, weight = (torch.randn(count, inputs, generator=generator) for count in (rows, outputs))
        usual = usual_product(states, weight)
        try:
            columns = by_columns(weight)
            other = onednn_product(states, columns)
        except (AttributeError, RuntimeError, NotImplementedError, TypeError):
            return False  # a build of torch without oneDNN, or with another interface to it
        if bool((usual - other).abs().max() > TOLERANCE * usual.abs().max()):
            return False
        usually = min(_seconds(usual_product, states, weight) for _ in range(TURNS))
        return usually > GAIN * min(_seconds(onednn_product, states, columns) for _ in range(TURNS))


def _seconds(product: Callable[[Any, Any], Any], states: Any, weight: Any) -> float:
    began = time.perf_counter()
    product(states, weight)
    return time.perf_counter() - began


def _by_onednn() -> AbstractContextManager[Any]:
    torch = require("torch", extra="models")

    class ByOneDNN(torch.overrides.TorchFunctionMode):  # type: ignore[misc,name-defined]
        """Sends float32 products of dense matrices to oneDNN, and everything else on as it is."""

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function is torch.nn.functional.linear and not kwargs and all(_float32(term) for term in args):
                return onednn_product(*args)
            return function(*args, **(kwargs or {}))

    def _float32(term: Any) -> bool:
        return term is None or (
            type(term) in {torch.Tensor, torch.nn.Parameter} and term.dtype == torch.float32 and term.numel() > 0
        )

    found: AbstractContextManager[Any] = ByOneDNN()
    return found
