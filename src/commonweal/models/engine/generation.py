"""Text from a local model, token by token: the most likely one, or a seeded draw.

Contexts are padded on the left and masked, so that a greedy answer does not depend on the batch; each request draws
from a generator of its own seed, so that a sampled one does not either.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from commonweal.errors import MeasurementError, require
from commonweal.models.engine.encoding import Tokens, begun, encoded, named, prefix_of
from commonweal.models.protocols import Altered, GenerationRequest
from commonweal.models.thoughts import ONLY_A_THOUGHT, without_thoughts

if TYPE_CHECKING:
    from commonweal.models.engine.local import LocalModel

REQUESTS_AT_ONCE = 16


def generated(model: LocalModel, requests: Sequence[GenerationRequest]) -> list[str]:
    """The continuation of each context, without special tokens, ended by the model's end token or by `max_tokens`."""
    contexts = _contexts(model, requests)
    order = sorted(range(len(requests)), key=lambda index: (len(contexts[index]), requests[index].max_tokens))
    texts = [""] * len(requests)
    for start in range(0, len(order), REQUESTS_AT_ONCE):
        chosen = order[start : start + REQUESTS_AT_ONCE]
        lines = _continue([contexts[index] for index in chosen], [requests[index] for index in chosen], model)
        for index, line in zip(chosen, lines, strict=True):
            if line is None:
                raise MeasurementError(f"{named(requests[index], index)}: the model's answer is not a number")
            texts[index] = _said(model.tokenizer, line, named(requests[index], index))
    return texts


def _said(tokenizer: Any, line: list[int], name: str) -> str:
    """The text of the tokens, without special ones and thoughts; some models mark their thoughts with special
    tokens.
    """
    whole = tokenizer.decode(line, skip_special_tokens=False)
    said = without_thoughts(whole)
    if said is None:
        raise MeasurementError(f"{name}: {ONLY_A_THOUGHT}; measure it in a mode without thinking")
    if said == whole:
        return str(tokenizer.decode(line, skip_special_tokens=True))
    for token in tokenizer.all_special_tokens:
        said = said.replace(token, "")
    return said


def _contexts(model: LocalModel, requests: Sequence[GenerationRequest]) -> list[Tokens]:
    always, start = prefix_of(model.tokenizer)
    contexts = []
    for index, tokens in enumerate(encoded(model.tokenizer, [request.context for request in requests])):
        room = (model.window or 1 << 62) - requests[index].max_tokens
        if requests[index].max_tokens < 1 or room < 1:
            raise MeasurementError(
                f"{named(requests[index], index)}: max_tokens is {requests[index].max_tokens}, expected 1 to "
                f"{(model.window or 2) - 1}"
            )
        already = begun(tokens, always)
        whole = tokens if already else always + tokens or (start,)
        model.altered += Altered(truncated=int(len(whole) > room), begun=int(already))
        model.check_known(requests[index], index, whole)
        contexts.append(whole[-room:])
    return contexts


def _continue(contexts: list[Tokens], requests: list[GenerationRequest], model: LocalModel) -> list[list[int] | None]:
    torch = require("torch", extra="models")
    width = max(map(len, contexts))
    ids = np.zeros((len(contexts), width), dtype=np.int64)
    mask = np.zeros_like(ids)
    for line, context in enumerate(contexts):
        ids[line, width - len(context) :] = context
        mask[line, width - len(context) :] = 1
    draws = [default_rng(request.seed) for request in requests]
    lines: list[list[int] | None] = [[] for _ in requests]
    going = np.ones(len(requests), dtype=bool)
    ends, positioned = (
        end_tokens(model.network, model.tokenizer),
        "position_ids" in inspect.signature(model.network.forward).parameters,
    )
    cache = None
    with torch.inference_mode():
        while going.any():
            seen = torch.from_numpy(mask).to(model.device)
            places = (seen.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
            more = {"position_ids": places} if positioned else {}
            out = model.network(
                input_ids=torch.from_numpy(ids).to(model.device),
                attention_mask=seen,
                past_key_values=cache,
                use_cache=True,
                **more,
            )
            cache = out.past_key_values
            logits = out.logits[:, -1].double().cpu().numpy()
            ids = np.array(
                [[_pick(row, request, draw)] for row, request, draw in zip(logits, requests, draws, strict=True)]
            )
            mask = np.concatenate([mask, np.ones_like(ids)], axis=1)
            for line in np.flatnonzero(going).tolist():
                going[line] = _append(lines, line, int(ids[line, 0]), requests[line].max_tokens, ends)
            ids = np.maximum(ids, 0)
    return lines


def _append(lines: list[list[int] | None], line: int, token: int, longest: int, ends: set[int]) -> bool:
    """Add one token to a line; False where the line is finished (None: the answer was not a number)."""
    so_far = lines[line]
    if token < 0 or so_far is None:
        lines[line] = None
        return False
    if token in ends:
        return False
    so_far.append(token)
    return len(so_far) < longest


def _pick(logits: NDArray[np.float64], request: GenerationRequest, draw: Generator) -> int:
    """The next token; -1 where the logits are not numbers."""
    if np.isnan(logits).any() or np.isposinf(logits).any():
        return -1
    if request.temperature <= 0.0:
        return int(logits.argmax())
    weights = np.exp((logits - logits.max()) / request.temperature)
    total = np.cumsum(weights)
    return int(np.searchsorted(total, draw.random() * total[-1], side="right"))


def end_tokens(network: Any, tokenizer: Any) -> set[int]:
    """The tokens that end an answer."""
    declared = getattr(getattr(network, "generation_config", None), "eos_token_id", None)
    ends = declared if isinstance(declared, list) else [declared]
    return {int(token) for token in [*ends, tokenizer.eos_token_id] if token is not None}
