"""Attention along the branches of a prefix tree, for any network of transformers that lets its attention be chosen.

A block of queries looks at the path above it and at itself, never at the rest of the pack, so attention costs what the
depth of the tree demands, not the square of the pack. Keys and values of the next pack's trunk are kept from layer to
layer, and only those. Where a layer has a sliding window, what lies farther back is hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from commonweal.errors import require
from commonweal.models.engine.prefix_tree import Pack

NAME = "commonweal_tree"
ARGUMENT = "prefix_tree_walk"


@dataclass(slots=True)
class Walk:
    """A way through the packs of one tree: the keys and values of the present trunk, by layer."""

    device: Any
    dtype: Any
    pack: Pack | None = None
    trunk: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    keys: Any = None
    queries: Any = None
    keep: Any = None
    masks: dict[tuple[int | None, int], Any] = field(default_factory=dict)

    def enter(self, pack: Pack) -> None:
        """Go on to the next pack."""
        torch = require("torch", extra="models")
        self.pack = pack
        self.keys = torch.from_numpy(pack.keys).to(self.device)
        self.keep = torch.from_numpy(pack.keep).to(self.device)
        blocks, span = pack.may_attend.shape[:2]
        places = np.minimum(np.arange(blocks * span), pack.stop - pack.start - 1)
        self.queries = torch.from_numpy(places).to(self.device)
        self.masks.clear()

    def mask(self, window: int | None, repeats: int) -> Any:
        """What is added to the logits of attention, (block, 1, repeats x query, key): 0, or minus infinity."""
        if (window, repeats) not in self.masks:
            torch = require("torch", extra="models")
            assert self.pack is not None
            seen = self.pack.may_attend if window is None else self.pack.may_attend & (self.pack.distance < window)
            mask = torch.zeros(seen.shape, dtype=self.dtype).masked_fill_(
                ~torch.from_numpy(seen), torch.finfo(self.dtype).min
            )
            self.masks[window, repeats] = mask[:, None].repeat(1, 1, repeats, 1).to(self.device)
        return self.masks[window, repeats]


def attend(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **settings: Any) -> tuple[Any, None]:
    """The attention of one layer, in the form in which transformers calls it: (1, head, node, width) each."""
    torch = require("torch", extra="models")
    walk: Walk = settings[ARGUMENT]
    if any(settings.get(name) is not None for name in ("softcap", "s_aux", "position_bias", "head_mask")):
        raise ValueError("this network changes its attention in a way that is not computed here")
    key, value, layer = key[0], value[0], module.layer_idx
    if layer in walk.trunk:
        before = walk.trunk[layer]
        key, value = torch.cat((before[0], key), dim=1), torch.cat((before[1], value), dim=1)
    walk.trunk[layer] = (key.index_select(1, walk.keep), value.index_select(1, walk.keep))
    blocks, count = walk.keys.shape
    heads, groups, width = query.shape[1], key.shape[0], query.shape[-1]
    repeats, span = heads // groups, walk.queries.numel() // blocks

    def gathered(states: Any) -> Any:
        return states.index_select(1, walk.keys.flatten()).view(groups, blocks, count, -1).transpose(0, 1)

    asked = query[0].index_select(1, walk.queries).view(groups, repeats, blocks, span, width)
    asked = asked.permute(2, 0, 1, 3, 4).reshape(blocks, groups, repeats * span, width)
    mask = walk.mask(settings.get("sliding_window"), repeats)
    out = torch.nn.functional.scaled_dot_product_attention(
        asked, gathered(key), gathered(value), attn_mask=mask, scale=settings.get("scaling")
    )
    out = out.view(blocks, groups, repeats, span, -1).permute(0, 3, 1, 2, 4).reshape(blocks * span, heads, -1)
    return out[None, : query.shape[2]], None


@contextmanager
def reading_trees(network: Any) -> Iterator[None]:
    """Let `network` attend by trees as long as this lasts."""
    transformers = require("transformers", extra="models")
    transformers.AttentionInterface.register(NAME, attend)
    usual = network.config._attn_implementation
    network.set_attn_implementation(NAME)
    try:
        yield
    finally:
        network.set_attn_implementation(usual)
