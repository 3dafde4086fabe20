"""A language model in this process: torch computes, nothing of torch leaves.

Scores are the same, to float32 rounding, whatever else is asked together. Prefixes that requests share are read once
where the network can read a tree, which is found out by trying. Only the positions that answer a request are projected
to the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from commonweal.errors import MeasurementError, require
from commonweal.models.encoding import Row, TokenPair, named, rows_of, token_pairs
from commonweal.models.generation import generated
from commonweal.models.passes import Pass, padded_passes, tree_passes
from commonweal.models.protocols import Continuation, GenerationRequest, Score
from commonweal.models.quiet import quiet

TOKEN_BUDGET = {"cpu": 4096, "mps": 8192}  # per forward pass [token], padding included
CUDA_TOKEN_BUDGET = 32768
TREE_BUDGET = 1024  # per forward pass [token]; attention costs its square
POSITIONS_AT_ONCE = 512
TOLERANCE = 1e-3


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
        self._reads_trees: bool | None = None

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
            for one in self._passes(rows_of(pairs), pairs):
                scores.update(self._score_pass(one))
        for index, request in enumerate(requests):
            if not np.isfinite(scores[index].logprob):
                raise MeasurementError(f"{named(request, index)}: the model's answer is not a number ({scores[index].logprob})")
        return [scores[index] for index in range(len(requests))]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """Continue each context, greedily or by seeded sampling; see generation.py."""
        with quiet():
            return generated(self, requests)

    def _passes(self, rows: list[Row], pairs: Sequence[TokenPair]) -> Iterator[Pass]:
        longest = max((len(row.tokens) for row in rows), default=0)
        window = getattr(self.network.config, "sliding_window", None)
        if (window is None or longest <= window) and self._can_read_trees():
            return tree_passes(rows, pairs, TREE_BUDGET)
        return padded_passes(rows, pairs, self.token_budget)

    def _score_pass(self, one: Pass) -> dict[int, Score]:
        """Scores of the pairs that this pass answers."""
        logprobs, best = self._read(one)
        scores = {}
        for number in dict.fromkeys(one.number.tolist()):
            mine = one.number == number
            scores[number] = Score(float(logprobs[mine].sum()), int(mine.sum()), bool(best[mine].all()))
        return scores

    def _inputs(self, one: Pass) -> dict[str, Any]:
        """What the network is called with."""
        torch = require("torch", extra="models")
        inputs = {"input_ids": torch.from_numpy(one.ids).to(self.device), "use_cache": False}
        if one.depths is not None and one.may_attend is not None:
            dtype = self.network.dtype
            mask = torch.zeros(one.may_attend.shape, dtype=dtype).masked_fill_(
                ~torch.from_numpy(one.may_attend), torch.finfo(dtype).min
            )
            inputs |= {
                "attention_mask": mask[None, None].to(self.device),
                "position_ids": torch.from_numpy(one.depths)[None].to(self.device),
            }
        return inputs

    def _read(self, one: Pass) -> tuple[Any, Any]:
        """log P of each target at its place, and whether it is the most likely token: float64 (read,), bool (read,)."""
        torch = require("torch", extra="models")
        head, inputs, targets = self._separate_head(), self._inputs(one), one.target
        where, position = np.unique(one.place, return_inverse=True)
        output = self.network(**inputs).logits if head is None else self.network.base_model(**inputs).last_hidden_state
        states = output.flatten(0, 1)[torch.from_numpy(where).to(self.device)]
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

    def _can_read_trees(self) -> bool:
        """Whether this network reads a tree as it reads its branches one by one; found out once, on two short branches."""
        if self._reads_trees is None:
            branches = (tuple(range(1, 13)), (*range(1, 5), *range(13, 21)))
            pairs = [TokenPair(branch[:-1], branch[-1:]) for branch in branches]
            try:
                tree = [self._read(one)[0] for one in tree_passes(rows_of(pairs), pairs, TREE_BUDGET)]
                alone = [self._read(one)[0] for one in padded_passes(rows_of(pairs), pairs, 1)]
            except (TypeError, ValueError, RuntimeError, AttributeError):
                return self._not_trees()
            self._reads_trees = bool(np.allclose(np.sort(np.concatenate(tree)), np.sort(np.concatenate(alone)), atol=TOLERANCE))
        return self._reads_trees

    def _not_trees(self) -> bool:
        self._reads_trees = False
        return False

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
                same = parted is not None and parted.shape == whole.shape and bool((parted - whole).abs().max() < TOLERANCE)
                self._head = head if same else None
            self._head_is_known = True
        return self._head
