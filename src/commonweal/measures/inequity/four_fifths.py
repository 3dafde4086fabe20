"""What the four-fifths rule says of a ratio of favourable rates, in words, with its interval."""

from __future__ import annotations

FOUR_FIFTHS = 0.8


def four_fifths(ratio: float, low: float, high: float) -> str:
    """What the four-fifths rule (29 CFR 1607.4 D) says of the lower over the higher rate.

    >>> four_fifths(0.7, 0.6, 0.78)
    'four-fifths rule: the lower rate is below four fifths of the higher, with confidence (0.70, 0.60 to 0.78)'
    """
    figures = f"({ratio:.2f}, {low:.2f} to {high:.2f})"
    if high < FOUR_FIFTHS:
        return f"four-fifths rule: the lower rate is below four fifths of the higher, with confidence {figures}"
    if low >= FOUR_FIFTHS:
        return f"four-fifths rule: the lower rate is at least four fifths of the higher, with confidence {figures}"
    side = "below" if ratio < FOUR_FIFTHS else "not below"
    return f"four-fifths rule: {side} four fifths in this sample, but the data cannot tell {figures}"
