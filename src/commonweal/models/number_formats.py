"""The same local model once more in a cheaper number format, to compare what it costs and what it answers.

- bfloat16: all weights and the arithmetic.
- int8: every linear layer but the projection to the vocabulary computes in whole numbers. Weights are rounded to 255
  steps per output channel, the inputs of a layer to 255 steps per token, and their products are summed in int32.
  `precision.py` has the other int8: only the weights are rounded there and the arithmetic stays float32, which shows
  what rounding them does to the answers and saves nothing.

What is not changed is shared with the model it comes from, so that the copy takes only the memory of its own format.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from commonweal.errors import MeasurementError, NotApplicable, require
from commonweal.models.cached_model import CachedModel
from commonweal.models.engine.encoding import TokenPair
from commonweal.models.engine.local import LocalModel
from commonweal.models.engine.passes import read_rows
from commonweal.models.engine.precision import BFLOAT16, FLOAT32, STEPS, check_precision
from commonweal.models.protocols import LanguageModel
from commonweal.models.quiet import quiet

WHOLE_BATCH = 1 << 40  # tokens: the rows that are given together are read together
GB = 1e9


@dataclass(frozen=True, slots=True)
class TokenAnswers:
    """Of one text: log P of each token but the first [nat], float64 (token,), and the most likely token there, int64
    (token,).
    """

    logprob: npt.NDArray[np.float64]
    choice: npt.NDArray[np.int64]


def local_model(model: LanguageModel) -> LocalModel:
    """The model in this process behind the score cache; NotApplicable where it runs elsewhere, or not in float32."""
    local = model.uncached if isinstance(model, CachedModel) else model
    if not isinstance(local, LocalModel):
        raise NotApplicable(
            "runs elsewhere: its weights are not here, so it cannot be run in another number format or batch"
        )
    if local.dtype != FLOAT32:
        raise NotApplicable(f"it is opened in {local.dtype}; what a format saves is measured against float32")
    return local


def in_format(model: LocalModel, dtype: str) -> LocalModel:
    """The model in `float32` (itself), `bfloat16` or `int8` (a copy that shares what stays as it is)."""
    check_precision(dtype)
    if dtype == FLOAT32:
        return model
    torch = require("torch", extra="models")
    network, steps = model.network, {}
    memo: dict[int, Any] = {id(each): each for each in (*network.parameters(), *network.buffers())}
    with torch.no_grad():
        if dtype == BFLOAT16:
            memo |= {id(each): _weight(each.to(torch.bfloat16)) for each in network.parameters()}
        else:
            for name, layer in _linear_layers(network):
                whole, steps[name] = whole_numbers(layer.weight)
                memo[id(layer.weight)] = _weight(whole)
        made = copy.deepcopy(network, memo)
    for name, step in steps.items():
        layer = made.get_submodule(name)
        layer.forward = partial(int8_product, layer.weight.t(), step, layer.bias)
    return LocalModel(
        made,
        model.tokenizer,
        directory=model.directory,
        locator=model.locator,
        fingerprint=f"{model.fingerprint}/{dtype}",
        device=model.device,
        dtype=dtype,
    )


def _weight(tensor: Any) -> Any:
    return require("torch", extra="models").nn.Parameter(tensor, requires_grad=False)


def _linear_layers(network: Any) -> Iterator[tuple[str, Any]]:
    """Linear layers by name, without the projection to the vocabulary and what shares its weights."""
    linear, head = require("torch", extra="models").nn.Linear, network.get_output_embeddings()
    for name, layer in network.named_modules():
        if isinstance(layer, linear) and layer is not head and (head is None or layer.weight is not head.weight):
            yield name, layer


def whole_numbers(tensor: Any) -> tuple[Any, Any]:
    """Rows as int8 of at most 127 steps, and the step of each row, tensor (row, 1).

    >>> import torch
    >>> whole, step = whole_numbers(torch.tensor([[254.0, 1.4, -0.4], [0.0, 0.0, 0.0]]))
    >>> whole.tolist(), step.flatten().tolist()[0]
    ([[127, 1, 0], [0, 0, 0]], 2.0)
    """
    step = (tensor.abs().amax(dim=-1, keepdim=True) / STEPS).clamp(min=1e-30)
    return (tensor / step).round().to(require("torch", extra="models").int8), step


def int8_product(weight: Any, step: Any, bias: Any, states: Any) -> Any:
    """What a linear layer gives when it computes in whole numbers, tensor (…, output); `weight`: int8 (input,
    output).
    """
    flat = states.reshape(-1, states.shape[-1])
    whole, own = whole_numbers(flat)
    product = require("torch", extra="models")._int_mm(whole, weight).to(states.dtype) * own * step.t()
    return (product if bias is None else product + bias).reshape(*states.shape[:-1], -1)


def weights_of(model: LocalModel) -> dict[int, int]:
    """The tensors that a model holds: their place in memory -> bytes. What two formats share has one place."""
    tensors = [*model.network.parameters(), *model.network.buffers()]
    return {each.data_ptr(): each.numel() * each.element_size() for each in tensors}


def answer_in_batches(model: LocalModel, pairs: Sequence[TokenPair], size: int) -> None:
    """Score the pairs as rows, `size` at a time, in the order given: the plain way, which shares no prefixes."""
    with require("torch", extra="models").inference_mode(), quiet():
        for start in range(0, len(pairs), size):
            for _ in read_rows(model.reader(), pairs[start : start + size], WHOLE_BATCH):
                pass


def token_answers(model: LocalModel, texts: Sequence[tuple[int, ...]], size: int) -> list[TokenAnswers]:
    """What the model answers at each token of each text, read `size` at a time, padded on the right.

    Raises
    ------
    MeasurementError
        This machine cannot compute in the format, or what it computes is not a number.
    """
    torch = require("torch", extra="models")
    answers = []
    with torch.inference_mode(), quiet():
        for start in range(0, len(texts), size):
            rows = texts[start : start + size]
            ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
            for line, row in enumerate(rows):
                ids[line, : len(row)] = torch.tensor(row)
            try:
                logits = model.network(input_ids=ids.to(model.device), use_cache=False).logits
            except (RuntimeError, NotImplementedError) as error:
                raise MeasurementError(f"this machine cannot compute so: {str(error).splitlines()[0]}") from error
            answers += [_answers(logits[line, : len(row) - 1], row) for line, row in enumerate(rows)]
    return answers


def _answers(logits: Any, row: tuple[int, ...]) -> TokenAnswers:
    torch = require("torch", extra="models")
    logprobs = logits.float().log_softmax(dim=-1)
    target = torch.tensor(row[1:], device=logits.device)[:, None]
    told = logprobs.gather(1, target)[:, 0].double().cpu().numpy()
    if not np.isfinite(told).all():
        raise MeasurementError("what it computes is not a number")
    return TokenAnswers(told, logprobs.argmax(dim=-1).cpu().numpy())
