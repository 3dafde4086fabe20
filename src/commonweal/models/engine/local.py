"""A language model in this process: torch computes, nothing of torch leaves.

Scores are the same, to float32 rounding, whatever else is asked together. Prefixes that requests share are read once
where the network can read a tree, which is found out by trying.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from commonweal.errors import MeasurementError, require
from commonweal.models.engine.bound import Work, least_arithmetic
from commonweal.models.engine.encoding import TokenPair, Tokens, altered, named, token_pairs
from commonweal.models.engine.generation import generated
from commonweal.models.engine.onednn import prepare
from commonweal.models.engine.passes import Reader, long_from, read_rows, read_tree, reads_trees
from commonweal.models.engine.precision import FLOAT32, REMARKS
from commonweal.models.engine.prefix_tree import tree_of
from commonweal.models.engine.vocabulary import Vocabulary, separate_head
from commonweal.models.protocols import Altered, Continuation, GenerationRequest, Score
from commonweal.models.quiet import quiet

# Tokens in one forward pass: enough to keep the arithmetic busy, few enough that the work between stays in the cache.
TREE_TOKENS, CUDA_TREE_TOKENS = 1024, 8192
ROW_TOKENS, CUDA_ROW_TOKENS = 4096, 32768  # padding included


def in_order(requests: Sequence[Continuation], parts: Iterable[Mapping[int, Score]]) -> list[Score]:
    """The scores of `requests` from parts that come by number; MeasurementError names the first that is not a
    number.
    """
    scores = {number: score for part in parts for number, score in part.items()}
    for index, request in enumerate(requests):
        if not np.isfinite(scores[index].logprob):
            raise MeasurementError(
                f"{named(request, index)}: the model's answer is not a number ({scores[index].logprob})"
            )
    return [scores[index] for index in range(len(requests))]


class LocalModel:
    """A causal network and its tokenizer, opened from `directory`.

    `altered` counts the requests, since the model was opened, that were not read as they were asked. `remarks`: what a
    reader of its answers must know, such as the number format, where it is not float32. `work`: what it has scored, for
    its speed.
    """

    gives_logprobs = True

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        *,
        directory: Path,
        locator: str,
        fingerprint: str,
        device: str,
        dtype: str = FLOAT32,
    ) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.directory = directory
        self.locator = locator
        self.fingerprint = fingerprint
        self.device = device
        self.dtype = dtype
        self.remarks = REMARKS[dtype]
        self.altered = Altered()
        self.work = Work()
        on_gpu = device.startswith("cuda")
        self.tree_tokens = CUDA_TREE_TOKENS if on_gpu else TREE_TOKENS
        self.row_tokens = CUDA_ROW_TOKENS if on_gpu else ROW_TOKENS
        self.rows = int(network.get_input_embeddings().weight.shape[0])
        self.window: int | None = getattr(network.config, "max_position_embeddings", None)
        self._reader: Reader | None = None
        self._reads_trees: bool | None = None

    @property
    def parameters(self) -> int:
        """Number of weights; tied ones count once."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def encode(self, requests: Sequence[Continuation]) -> list[TokenPair]:
        """The tokens of each request; what cannot be read as it was asked is counted."""
        pairs = token_pairs(self.tokenizer, requests, self.window)
        for index, pair in enumerate(pairs):
            self.check_known(requests[index], index, pair.context + pair.continuation)
        self.altered += altered(pairs)
        return pairs

    def check_known(self, request: Continuation | GenerationRequest, index: int, tokens: Tokens) -> None:
        """MeasurementError where the tokenizer has a token that the network has no row for: the two are not of one
        model.
        """
        if max(tokens) >= self.rows:
            raise MeasurementError(
                f"{named(request, index)}: its token {max(tokens)} is none of the {self.rows:,} that the model's "
                "weights know; the tokenizer is another model's"
            )

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        """log P(continuation | context) of each request [nat], in the order of the requests."""
        return in_order(requests, self.score_tokens(self.encode(requests)))

    def score_tokens(self, pairs: Sequence[TokenPair]) -> Iterator[dict[int, Score]]:
        """Scores by number of the pair, as they are computed: each comes once, in the order that costs least."""
        if not pairs:
            return
        with require("torch", extra="models").inference_mode(), quiet():
            most = long_from(self.network.config)
            sizes = [len(pair.context) + len(pair.continuation) for pair in pairs]
            short = [number for number, size in enumerate(sizes) if most is None or size - 1 <= most]
            yield from self._read(pairs, short, trees=self.reads_trees())
            yield from self._read(pairs, sorted(set(range(len(pairs))) - set(short)), trees=False)

    def _read(self, pairs: Sequence[TokenPair], chosen: Sequence[int], *, trees: bool) -> Iterator[dict[int, Score]]:
        """Scores of the chosen pairs.

        What a tree gives no number for is read again by itself, since a NaN spreads in its pack.
        """
        if not chosen:
            return
        reader, asked = self.reader(), [pairs[number] for number in chosen]
        again: list[int] = []
        if trees:
            for part in self.work.timed(self._read_tree(asked)):
                again += [chosen[place] for place, score in part.items() if not math.isfinite(score.logprob)]
                yield {chosen[place]: score for place, score in part.items() if math.isfinite(score.logprob)}
            chosen, asked = again, [pairs[number] for number in again]
        for part in read_rows(reader, asked, self.row_tokens) if asked else ():
            yield {chosen[place]: score for place, score in part.items()}

    def _read_tree(self, pairs: Sequence[TokenPair]) -> Iterator[dict[int, Score]]:
        tree = tree_of(pairs)
        self.work.tokens += tree.tokens.size
        self.work.flop += least_arithmetic(self.network, tree)
        yield from read_tree(self.reader(), tree, self.tree_tokens)

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """Continue each context, greedily or by seeded sampling; see generation.py."""
        with quiet():
            return generated(self, requests)

    def reader(self) -> Reader:
        """The network as the scoring engine reads it; its projection to the vocabulary is looked for once."""
        if self._reader is None:
            with require("torch", extra="models").inference_mode():
                prepare(self.network, self.device)
                self._reader = Reader(self.network, Vocabulary(separate_head(self.network, self.device)), self.device)
        return self._reader

    def reads_trees(self) -> bool:
        """Whether the network computes each shared prefix once; else it reads padded rows, slower and as right."""
        if self._reads_trees is None:
            with require("torch", extra="models").inference_mode(), quiet():
                self._reads_trees = reads_trees(self.reader())
        return self._reads_trees
