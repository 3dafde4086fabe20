"""Probabilities of the next token, at the positions where they are asked for and nowhere else.

The hidden states are projected a few at a time to a part of the vocabulary, so that a vocabulary of 262,144 words does not
fill the memory, and on a CPU what is projected is still at hand when it is summed. Of each projection only the asked
probabilities, the running sum and the most likely token stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from commonweal.errors import require

ROWS = 1024
TILE_BYTES = {"cpu": 1 << 22}  # what fits beside its factors into the cache of a core
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
        """log P of each `target` at its `place`, a row of `states` [nat], and whether it is the most likely token there.

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
            known, normalizer, token = self._read(asked, mine, wanted)
            logprobs[first:last] = (known - normalizer[mine]).cpu().numpy()
            best[first:last] = (token[mine] == wanted).cpu().numpy()
        return logprobs, best

    def _read(self, states: Any, line: Any, wanted: Any) -> tuple[Any, Any, Any]:
        """Logits (read,) of the `wanted` tokens at their `line`; log of the sum of exp, and the most likely token, (position,).

        `states` (position, width) may be overwritten. The sum is that of exp(logit - top), and is scaled anew where a part of
        the vocabulary has a higher top.
        """
        torch = require("torch", extra="models")
        known = torch.empty(wanted.shape, device=states.device)
        top: Any = None
        total: Any = None
        token: Any = None
        for first, logits in self._tiles(states):
            inside = ((wanted >= first) & (wanted < first + logits.shape[1])).nonzero()[:, 0]
            known[inside] = logits[line[inside], wanted[inside] - first]
            highest, at = logits.max(dim=-1)
            if top is None:
                top, token, total = highest, at, logits.sub_(highest[:, None]).exp_().sum(dim=-1)
                continue
            token = torch.where(highest > top, at + first, token)
            before, top = top, torch.maximum(top, highest)
            total = total * (before - top).exp_() + logits.sub_(top[:, None]).exp_().sum(dim=-1)
        return known, top + total.log_(), token

    def _tiles(self, states: Any) -> Iterator[tuple[int, Any]]:
        """Logits (position, word) in float32 that may be overwritten, and the number of their first word.

        They are written to the same place again and again: new memory for each part costs a tenth of the time on a CPU.
        """
        torch = require("torch", extra="models")
        if self.head is None:
            yield 0, states.float()
            return
        weight, bias = self.head.weight, self.head.bias
        step = max(1, TILE_BYTES.get(states.device.type, MOST_BYTES) // BYTES_EACH // states.shape[0])
        room = torch.empty(states.shape[0], step, device=states.device, dtype=states.dtype)
        for first in range(0, weight.shape[0], step):
            words = weight[first : first + step]
            logits = torch.mm(states, words.t(), out=room[:, : words.shape[0]])
            yield first, (logits if bias is None else logits + bias[first : first + step]).float()


def separate_head(network: Any, device: str) -> Any:
    """The projection to the vocabulary, where applying it to the last hidden state is all that the network does.

    Some architectures scale or cap their logits after it. That is found out by comparing on a few tokens; for such a
    network the answer is None, and its whole logits are asked, which is slower and never wrong.
    """
    torch = require("torch", extra="models")
    head, core = network.get_output_embeddings(), network.base_model
    if not isinstance(head, torch.nn.Linear) or core is network:
        return None
    ids = torch.arange(1, 13, device=device)[None]
    whole = network(input_ids=ids, use_cache=False).logits.float()
    state = core(input_ids=ids, use_cache=False)
    if not hasattr(state, "last_hidden_state"):
        return None
    parted = head(state.last_hidden_state).float()
    same = parted.shape == whole.shape and bool((parted - whole).abs().max() <= TOLERANCE * (1 + whole.abs().max()))
    return head if same else None
