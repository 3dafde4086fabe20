"""Probabilities of the next token, at the positions where they are asked for and nowhere else.

The hidden states are projected a few at a time to a part of the vocabulary, so that a vocabulary of 262,144 words does
not fill the memory, and on a CPU what is projected is still at hand when it is summed. Of each projection only the
asked logits, the running sum and the highest logit stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from commonweal.errors import require
from commonweal.models.engine.onednn import quick_products

ROWS = 1024
TILE_BYTES = {"cpu": 1 << 21}  # what fits beside its factors into the cache of a core
MOST_BYTES = 1 << 27
BYTES_EACH = 4
TOLERANCE = 1e-3

Integers = npt.NDArray[np.int64]
Answers = tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]


class Vocabulary:
    """The way from hidden states to the probabilities of the next token.

    `head` is the projection, a linear layer; None where the network must be asked for its whole logits.
    """

    def __init__(self, head: Any) -> None:
        self.head = head

    def answers(self, states: Any, place: Integers, target: Integers) -> Answers:
        """log P of each `target` at its `place`, a row of `states` [nat], and whether no token is more likely there.

        `states`: tensor (position, width), or the logits themselves without a head. Places must be ascending.
        """
        torch = require("torch", extra="models")
        where, line = np.unique(place, return_inverse=True)
        logprobs, best = np.empty(place.size), np.empty(place.size, dtype=np.bool_)
        rows = ROWS if self.head is not None else max(1, MOST_BYTES // BYTES_EACH // states.shape[1])
        for start in range(0, where.size, rows):
            asked = states[torch.from_numpy(where[start : start + rows]).to(states.device)]
            first, last = np.searchsorted(line, [start, start + rows])
            mine = torch.from_numpy(line[first:last] - start).to(states.device)
            wanted = torch.from_numpy(target[first:last]).to(states.device)
            known, normalizer, top = self._read(asked, mine, wanted)
            logprobs[first:last] = (known - normalizer[mine]).cpu().numpy()
            best[first:last] = (known >= top[mine]).cpu().numpy()
        return logprobs, best

    def _read(self, states: Any, line: Any, wanted: Any) -> tuple[Any, Any, Any]:
        """Logits (read,) of the `wanted` tokens at their `line`; log of the sum of exp, and the highest logit,
        (position,).

        `states`: (position, width). A part's sum is read off its log_softmax, which is faster on a CPU than exp by
        itself.
        """
        torch = require("torch", extra="models")
        known = torch.empty(wanted.shape, device=states.device)
        top: Any = None
        total: Any = None
        for first, logits in self._tiles(states):
            inside = ((wanted >= first) & (wanted < first + logits.shape[1])).nonzero()[:, 0]
            known[inside] = logits[line[inside], wanted[inside] - first]
            highest = logits.amax(dim=-1)
            normalizer = highest - logits.log_softmax(dim=-1).amax(dim=-1)
            top = highest if top is None else torch.maximum(top, highest)
            total = normalizer if total is None else torch.logaddexp(total, normalizer)
        return known, total, top

    def _tiles(self, states: Any) -> Iterator[tuple[int, Any]]:
        """Logits (position, word) in float32, and the number of their first word."""
        torch = require("torch", extra="models")
        if self.head is None:
            yield 0, states.float()
            return
        weight, bias = self.head.weight, self.head.bias
        step = max(1, TILE_BYTES.get(states.device.type, MOST_BYTES) // BYTES_EACH // states.shape[0])
        for first in range(0, weight.shape[0], step):
            part = slice(first, first + step)
            with quick_products(states.device.type):
                logits = torch.nn.functional.linear(states, weight[part], None if bias is None else bias[part])
            yield first, logits.float()


def separate_head(network: Any, device: str) -> Any:
    """The projection to the vocabulary, where applying it to the last hidden state is all that the network does.

    Some architectures scale or cap their logits after it. That is found out by comparing on a few tokens; for such a
    network the answer is None, and its whole logits are asked, which is slower and never wrong.
    """
    torch = require("torch", extra="models")
    head, core = network.get_output_embeddings(), network.base_model
    if not isinstance(head, torch.nn.Linear) or core is network:
        return None
    ids = torch.arange(1, 13, device=device)[None] % head.weight.shape[0]
    whole = network(input_ids=ids, use_cache=False).logits.float()
    state = core(input_ids=ids, use_cache=False)
    if not hasattr(state, "last_hidden_state"):
        return None
    parted = head(state.last_hidden_state).float()
    same = parted.shape == whole.shape and bool((parted - whole).abs().max() <= TOLERANCE * (1 + whole.abs().max()))
    return head if same else None
