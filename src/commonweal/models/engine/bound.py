"""How much of its arithmetic bound scoring reached: the least arithmetic of what was read, at this machine's best
matrix rate.

What this module does not do: it knows the rate of float32 products on a CPU only, so nothing is said of other devices
and formats.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from commonweal.errors import require
from commonweal.evidence.records import Scoring
from commonweal.models.engine.onednn import onednn_is_faster, onednn_product, usual_product
from commonweal.models.engine.prefix_tree import PrefixTree
from commonweal.models.protocols import Score

RATE_SHAPES = ((2048, 2048, 2048), (1024, 576, 1536))
TURNS = 10
LEAST_S = 10.0  # of scoring; a share of less says little, and the rate takes seconds to find out
METHOD = (
    "least arithmetic (2 x parameters behind the embedding x distinct tokens + 2 x width x vocabulary x places asked "
    "about + attention) at the best rate of float32 matrix products seen on this machine while and after it scored, "
    "over the time that scoring took; other programs slow both, and not alike"
)


@dataclass(slots=True)
class Work:
    """What a model has read in trees since it was opened: distinct tokens, their least arithmetic [FLOP], and time
    [s].

    `rate`: that of matrix products [FLOP/s], once it has scored for so long that a share will be told; else 0.
    """

    tokens: int = 0
    flop: float = 0.0
    seconds: float = 0.0
    rate: float = 0.0

    def timed(self, parts: Iterator[dict[int, Score]]) -> Iterator[dict[int, Score]]:
        """The same parts; the time that each takes to come is counted, what is done with it between is not."""
        while True:
            began = time.perf_counter()
            part = next(parts, None)
            self.seconds += time.perf_counter() - began
            if part is None:
                return
            if self.seconds >= LEAST_S and not self.rate:
                self.rate = matrix_rate()
            yield part


def least_arithmetic(network: Any, tree: PrefixTree) -> float:
    """The least arithmetic that the scores of a tree need [FLOP]: DESIGN.md, "Engines".

    Attention is left out where a network does not say its heads and layers; the share is then told as too small, never
    too large.
    """
    config, embedding = network.config.get_text_config(), network.get_input_embeddings().weight
    vocabulary, hidden = embedding.shape
    inner = sum(one.numel() for one in network.parameters()) - embedding.numel()
    layers, heads = (getattr(config, name, None) for name in ("num_hidden_layers", "num_attention_heads"))
    attention = 0
    if isinstance(layers, int) and isinstance(heads, int):
        width = heads * (getattr(config, "head_dim", None) or hidden // heads)
        attention = 4 * layers * width * int((tree.depths + 1).sum())
    return float(2 * inner * tree.tokens.size + 2 * hidden * vocabulary * np.unique(tree.read_node).size + attention)


def matrix_rate() -> float:
    """The best rate of float32 products seen [FLOP/s]: large and layer-sized matrices, by torch's BLAS and by
    oneDNN.
    """
    torch = require("torch", extra="models")
    best = 0.0
    for rows, inputs, outputs in RATE_SHAPES:
        states, weight = torch.randn(rows, inputs), torch.randn(outputs, inputs)
        for product in (usual_product, onednn_product) if onednn_is_faster() else (usual_product,):
            for _ in range(TURNS):
                began = time.perf_counter()
                product(states, weight)
                best = max(best, 2 * rows * inputs * outputs / (time.perf_counter() - began))
    return best


def share_reached(model: str, work: Work) -> Scoring | None:
    """What the scoring of a model reached of its bound; None where it took too short a time to say."""
    if work.seconds < LEAST_S:
        return None
    rate = max(work.rate, matrix_rate())
    return Scoring(
        model=model,
        share=100 * work.flop / rate / work.seconds,
        n=work.tokens,
        seconds=work.seconds,
        rate_gflop_s=rate / 1e9,
        method=METHOD,
    )
