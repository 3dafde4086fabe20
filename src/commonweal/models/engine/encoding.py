"""Text pairs become token pairs, and token pairs become the rows that a network has to read.

The cut between context and continuation is that of lm-evaluation-harness: the joint text is encoded, and what exceeds
the encoding of the context is the continuation; spaces at the end of the context belong to the continuation. Where the
two merge ("sa" and "t" into " sat"), the merged token belongs to neither, and where nothing exceeds it the continuation
is encoded alone; both are counted.

A tokenizer that puts the beginning token before every text puts none before a text that begins with it (one that a chat
template wrote): the model never saw two. That is counted too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from commonweal.errors import BeyondWindow, MeasurementError
from commonweal.models.protocols import Altered, Continuation

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Score `continuation` after `context`; both have at least one token.

    `cut`: the context lost its beginning. `merged`: in the joint text, the end of the context and the beginning of the
    continuation are one token, so that the continuation is scored without it, or alone where no other token is left.
    `begun`: the text has the beginning token itself, so that none was put before it.
    """

    context: Tokens
    continuation: Tokens
    cut: bool = False
    merged: bool = False
    begun: bool = False


@dataclass(slots=True)
class TokenRow:
    """What the network reads once, and which pairs (by number) are answered from it."""

    tokens: Tokens
    pairs: list[int] = field(default_factory=list)


def named(request: Continuation | Any, index: int) -> str:
    """How an error names one request."""
    labels = ", ".join(f"{key}={value}" for key, value in request.labels.items())
    return f"item {index + 1} ({labels or repr(request.context[-60:])})"


def prefix_of(tokenizer: Any) -> tuple[Tokens, int]:
    """The tokens that this tokenizer puts before every text, and the token that stands for an empty context."""
    before: Tokens = tuple(tokenizer.encode("", add_special_tokens=True))
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    start = before[0] if before else bos if bos is not None else eos
    if start is None:
        raise MeasurementError(
            "the tokenizer has neither a beginning nor an end token, so an empty context cannot be scored"
        )
    return (before[:1] if before[:1] == (bos,) else ()), int(start)


def begun(tokens: Tokens, always: Tokens) -> bool:
    """Whether a text has the tokens that this tokenizer puts before every text already.

    >>> begun((1, 5), (1,)), begun((5,), (1,)), begun((1, 5), ())
    (True, False, False)
    """
    return bool(always) and tokens[: len(always)] == always


def encoded(tokenizer: Any, texts: Sequence[str]) -> list[Tokens]:
    """Token ids of each text, without special tokens of the tokenizer's own; each distinct text is encoded once."""
    distinct = list(dict.fromkeys(texts))
    # not verbose: its warning of texts longer than the model's window, which _within cuts or refuses, and who asks is
    # told
    asked = {"add_special_tokens": False, "return_attention_mask": False, "verbose": False}
    ids = tokenizer(distinct, **asked)["input_ids"] if distinct else []
    found = dict(zip(distinct, map(tuple, ids), strict=True))
    return [found[text] for text in texts]


def token_pairs(tokenizer: Any, requests: Sequence[Continuation], window: int | None) -> list[TokenPair]:
    """Encode requests; a pair longer than `window` [token] loses the beginning of its context.

    Raises
    ------
    BeyondWindow
        If a continuation alone is longer; it carries all of these.
    """
    beginning = prefix_of(tokenizer)
    texts = []
    for index, request in enumerate(requests):
        if not request.continuation:
            raise MeasurementError(f"{named(request, index)}: the continuation is empty, so there is nothing to score")
        context = request.context.rstrip()
        texts.append((context, request.context[len(context) :] + request.continuation))
    contexts = encoded(tokenizer, [context for context, _ in texts])
    joints = encoded(tokenizer, [context + continuation for context, continuation in texts])
    pairs: list[TokenPair] = []
    for index, (before, whole) in enumerate(zip(contexts, joints, strict=True)):
        after = whole[len(before) :] if before else whole
        merged = whole[: len(before)] != before
        if not after:
            merged = True
            (after,) = encoded(tokenizer, [texts[index][1]])
        pairs.append(replace(_with_beginning(before, after, beginning), merged=merged))
    if not window:
        return pairs
    _check_continuations(requests, pairs, window)
    return [_within(pair, window) for pair in pairs]


def _with_beginning(before: Tokens, after: Tokens, beginning: tuple[Tokens, int]) -> TokenPair:
    """The beginning token before the context, where it has none; before no context, that of the continuation counts as
    one.

    >>> pair = _with_beginning((), (1, 6), ((), 1))
    >>> pair.context, pair.continuation, pair.begun
    ((1,), (6,), True)
    >>> _with_beginning((5,), (6,), ((1,), 1)).context, _with_beginning((1, 5), (6,), ((1,), 1)).context
    ((1, 5), (1, 5))
    """
    always, start = beginning
    if not before and len(after) > 1 and after[0] == start:
        return TokenPair(after[:1], after[1:], begun=True)
    if begun(before, always):
        return TokenPair(before, after, begun=True)
    return TokenPair(always + before or (start,), after)


def _check_continuations(requests: Sequence[Continuation], pairs: Sequence[TokenPair], window: int) -> None:
    """BeyondWindow names the first continuation that is longer than the window, and carries them all."""
    beyond = [index for index, pair in enumerate(pairs) if len(pair.continuation) > window]
    if beyond:
        first, more = beyond[0], f"; and {len(beyond) - 1} more" if len(beyond) > 1 else ""
        raise BeyondWindow(
            f"{named(requests[first], first)}: its continuation has {len(pairs[first].continuation)} tokens, more "
            f"than the model's window of {window}{more}",
            frozenset(requests[index].continuation for index in beyond),
        )


def _within(pair: TokenPair, window: int) -> TokenPair:
    excess = len(pair.context) + len(pair.continuation) - 1 - window
    return pair if excess <= 0 else replace(pair, context=pair.context[excess:], cut=True)


def altered(pairs: Sequence[TokenPair]) -> Altered:
    """How many pairs are not what was asked.

    >>> altered([TokenPair((1,), (2,)), TokenPair((1,), (2,), cut=True, merged=True)])
    Altered(truncated=1, merged=1, begun=0)
    """
    return Altered(
        sum(pair.cut for pair in pairs), sum(pair.merged for pair in pairs), sum(pair.begun for pair in pairs)
    )


def rows_of(pairs: Sequence[TokenPair]) -> list[TokenRow]:
    """The sequences to read: a sequence that begins another one is not read on its own.

    So " yes" and " no" after the same context are both answered from one reading of it.

    >>> [row.tokens for row in rows_of([TokenPair((1, 2), (3,)), TokenPair((1, 2), (4,)), TokenPair((1, 2), (4, 5))])]
    [(1, 2, 4)]
    """
    inputs = [pair.context + pair.continuation[:-1] for pair in pairs]
    rows: list[TokenRow] = []
    for number in sorted(range(len(pairs)), key=inputs.__getitem__, reverse=True):
        tokens = inputs[number]
        if rows and rows[-1].tokens[: len(tokens)] == tokens:
            rows[-1].pairs.append(number)
        else:
            rows.append(TokenRow(tokens, [number]))
    return rows


def batches_of(rows: Sequence[TokenRow], budget: int) -> Iterator[list[TokenRow]]:
    """Rows of similar length together, longest first, at most `budget` tokens with their padding (or one row)."""
    batch: list[TokenRow] = []
    for row in sorted(rows, key=lambda row: (-len(row.tokens), row.tokens)):
        if batch and (len(batch) + 1) * len(batch[0].tokens) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
