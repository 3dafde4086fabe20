"""A language model in this process: torch computes, nothing of torch leaves.

Scores are the same, to float32 rounding, whatever else is in the batch: rows are padded on the right, where a causal
network does not look. Only the positions that answer a request are projected to the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from commonweal.errors import MeasurementError, require
from commonweal.models.encoding import Row, TokenPair, batches_of, named, rows_of, token_pairs
from commonweal.models.generation import generated
from commonweal.models.protocols import Continuation, GenerationRequest, Score
from commonweal.models.quiet import quiet

TOKEN_BUDGET = {"cpu": 4096, "mps": 8192}  # per forward pass [token], padding included
CUDA_TOKEN_BUDGET = 32768
POSITIONS_AT_ONCE = 512
HEAD_TOLERANCE = 1e-3


class LocalModel:
    """A causal network and its tokenizer, in float32.

    `truncated` counts the requests, since the model was opened, whose context was longer than the window and lost
    its beginning.
    """

    def __init__(self, network: Any, tokenizer: Any, *, locator: str, fingerprint: str, device: str) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.locator = locator
        self.fingerprint = fingerprint
        self.device = device
        self.truncated = 0
        self.token_budget = TOKEN_BUDGET.get(device.partition(":")[0], CUDA_TOKEN_BUDGET)
        self.window: int | None = getattr(network.config, "max_position_embeddings", None)
        self._head: Any = None
        self._head_is_known = False

    @property
    def parameters(self) -> int:
        """Number of weights; tied ones count once."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        """log P(continuation | context) of each request [nat], in the order of the requests."""
        pairs = token_pairs(self.tokenizer, requests, self.window)
        self.truncated += sum(pair.cut for pair in pairs)
        scores: dict[int, Score] = {}
        with require("torch", extra="models").inference_mode(), quiet():
            for batch in batches_of(rows_of(pairs), self.token_budget):
                scores.update(self._score_batch(batch, pairs))
        for index, request in enumerate(requests):
            if not np.isfinite(scores[index].logprob):
                raise MeasurementError(f"{named(request, index)}: the model's answer is not a number ({scores[index].logprob})")
        return [scores[index] for index in range(len(requests))]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """Continue each context, greedily or by seeded sampling; see generation.py."""
        with quiet():
            return generated(self, requests)

    def _score_batch(self, batch: list[Row], pairs: Sequence[TokenPair]) -> dict[int, Score]:
        """Scores of the pairs that this batch of rows answers."""
        torch = require("torch", extra="models")
        ids = np.zeros((len(batch), len(batch[0].tokens)), dtype=np.int64)
        reads = []
        for line, row in enumerate(batch):
            ids[line, : len(row.tokens)] = row.tokens
            for number in row.pairs:
                pair = pairs[number]
                first = len(pair.context) - 1
                reads += [(line, first + step, token, number) for step, token in enumerate(pair.continuation)]
        lines, places, targets, numbers = np.array(reads, dtype=np.int64).T
        where, position = np.unique(lines * ids.shape[1] + places, return_inverse=True)
        rows = torch.from_numpy(where // ids.shape[1]).to(self.device)
        columns = torch.from_numpy(where % ids.shape[1]).to(self.device)
        logprobs, best = self._read(torch.from_numpy(ids).to(self.device), (rows, columns), position, targets)
        scores = {}
        for number in dict.fromkeys(numbers.tolist()):
            mine = numbers == number
            scores[number] = Score(float(logprobs[mine].sum()), int(mine.sum()), bool(best[mine].all()))
        return scores

    def _read(self, ids: Any, where: tuple[Any, Any], position: Any, targets: Any) -> tuple[Any, Any]:
        """log P of each target at its position, and whether it is the most likely token: float64 (read,), bool (read,)."""
        torch = require("torch", extra="models")
        head = self._separate_head()
        if head is None:
            states = self.network(input_ids=ids, use_cache=False).logits[where]
        else:
            states = self.network.base_model(input_ids=ids, use_cache=False).last_hidden_state[where]
        logprobs, best = np.empty(len(targets)), np.empty(len(targets), dtype=bool)
        for start in range(0, len(states), POSITIONS_AT_ONCE):
            part = states[start : start + POSITIONS_AT_ONCE]
            logits = (part if head is None else head(part)).float()
            mine = np.flatnonzero((position >= start) & (position < start + POSITIONS_AT_ONCE))
            line = torch.from_numpy(position[mine] - start).to(self.device)
            target = torch.from_numpy(targets[mine]).to(self.device)
            known = logits[line, target] - torch.logsumexp(logits, dim=-1)[line]
            logprobs[mine] = known.cpu().numpy()
            best[mine] = (logits.argmax(dim=-1)[line] == target).cpu().numpy()
        return logprobs, best

    def _separate_head(self) -> Any:
        """The projection to the vocabulary, where applying it to the last hidden state is all that the network does.

        Some architectures scale or cap their logits after it. That is found out once, by comparing on a few tokens;
        such a network is asked for its whole logits, which is slower and never wrong.
        """
        if not self._head_is_known:
            torch = require("torch", extra="models")
            head, core = self.network.get_output_embeddings(), self.network.base_model
            if head is not None and core is not self.network:
                ids = torch.arange(1, 13, device=self.device)[None]
                whole = self.network(input_ids=ids, use_cache=False).logits.float()
                state = core(input_ids=ids, use_cache=False)
                parted = head(state.last_hidden_state).float() if hasattr(state, "last_hidden_state") else None
                same = parted is not None and parted.shape == whole.shape and bool((parted - whole).abs().max() < HEAD_TOLERANCE)
                self._head = head if same else None
            self._head_is_known = True
        return self._head
