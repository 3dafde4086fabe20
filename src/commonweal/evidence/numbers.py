"""Numbers as people read them: as many digits as the interval warrants, percent apart from percentage points.

What this module does not do: it never changes a number beyond its rounding, and never fills in one that is missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from commonweal.evidence.records import Estimate, Evidence, Missing
from commonweal.files.foreign_text import unbroken
from commonweal.units import unit_words

POINTS = re.compile(r"(^|_)(difference|gap|excess|spread|cost|widening)(_|$)")
PLAIN = re.compile(r"(^|_)(ratio|slope|correlation|skew|index|odds|lean)(_|$)")
INTERVALS = {"confidence": "confidence interval", "uncertainty": "uncertainty interval", "range": "range"}
PERCENT = re.compile(r"(^|_)(rate|share|probability|coverage|frequency|proportion|accuracy)(_|$)")
TINY = 1e-4
NOISE = 1e-6  # of the half-width of an interval
HUGE = 1e9
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Scale:
    """How the numbers of one quantity are shown: multiplied by `factor`, followed by `suffix`; `words` for an axis."""

    factor: float
    suffix: str
    words: str


def scale_of(quantity: str, unit: str) -> Scale:
    """Percent for a rate, percentage points for a difference of rates, else the unit in words.

    >>> scale_of("selection_rate", "1").words, scale_of("selection_rate_difference", "1").words
    ('percent', 'percentage points')
    >>> scale_of("selection_rate_ratio", "1").words, scale_of("energy", "kWh").suffix
    ('no unit', ' kWh')
    """
    if unit != "1":
        return Scale(1.0, "" if unit == "count" else f" {unit}", unit_words(unit))
    if PLAIN.search(quantity):
        return Scale(1.0, "", "no unit")
    if POINTS.search(quantity):
        return Scale(100.0, " percentage points", "percentage points")
    if PERCENT.search(quantity):
        return Scale(100.0, " %", "percent")
    return Scale(1.0, "", "share or ratio, no unit")


def rounded(value: float, width: float | None = None) -> str:
    """A number to the second significant digit of its interval's half-width; three significant digits without an
    interval.

    What is small beside its interval keeps two digits of its own, so that no lean reads 0; what is rounding noise does
    not.

    >>> rounded(-7.1423, 12.0), rounded(0.33333), rounded(123456.7, 4000.0), rounded(0.00000123), rounded(41030, 2e7)
    ('−7.1', '0.333', '123,500', '1.23 × 10⁻⁶', '41,000')
    >>> rounded(-3.33, 200.0), rounded(1e-16, 2.0)
    ('−3.3', '0.0')
    """
    if value != 0 and (abs(value) < TINY or abs(value) >= HUGE) and not (width and width > TINY):
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPT)}".replace("-", "−")
    leading = abs(value) if width is None or width <= 0 else width / 2
    digits = (1 if width else 2) - math.floor(math.log10(leading)) if leading > 0 else 0
    if width and abs(value) > NOISE * leading:
        digits = max(digits, 1 - math.floor(math.log10(abs(value))))
    shown = round(value, digits)
    text = f"{shown:,.{max(0, digits)}f}"
    if not width and "." in text:
        text = text.rstrip("0").rstrip(".")
    return (
        "0"
        if text.strip("-0.") == "" and "." not in text
        else text.replace("-", "−")
        if shown < 0
        else text.lstrip("-")
    )


def _width(estimate: Estimate) -> float | None:
    if estimate.low is None or estimate.high is None or estimate.high <= estimate.low:
        return None
    return (estimate.high - estimate.low) * scale_of(estimate.quantity, estimate.unit).factor


def _shown(estimate: Estimate, number: float) -> str:
    return rounded(number * scale_of(estimate.quantity, estimate.unit).factor, _width(estimate))


def number_text(estimate: Estimate) -> str:
    """The value without its unit.

    >>> number_text(Estimate(quantity="invited_rate", unit="1", value=0.1234, n=9, method="count"))
    '12.3'
    """
    return _shown(estimate, estimate.value)


def value_text(estimate: Estimate) -> str:
    """The value with its unit.

    >>> value_text(Estimate(quantity="invited_rate", unit="1", value=0.1234, n=9, method="count"))
    '12.3 %'
    """
    return number_text(estimate) + scale_of(estimate.quantity, estimate.unit).suffix


def bounds_text(estimate: Estimate) -> str:
    """`low to high`, empty where there is no interval."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_shown(estimate, estimate.low)} to {_shown(estimate, estimate.high)}"


def interval_text(estimate: Estimate) -> str:
    """The interval and its kind in words.

    >>> interval_text(Estimate(quantity="gap", unit="nat", value=1, low=0.5, high=1.5, interval="confidence", n=9,
    ...     method="t"))
    '95 % confidence interval 0.50 to 1.50'
    """
    if estimate.interval is None:
        return "no interval"
    if estimate.low == estimate.high:
        return "complete count, no interval needed" if estimate.interval == "range" else "interval of width 0"
    kind = INTERVALS[estimate.interval]
    level = "" if estimate.interval == "range" else f"{estimate.level * 100:g} % "
    return f"{level}{kind} {bounds_text(estimate)}"


def p_text(p_value: float | None) -> str:
    """A p-value; what is smaller than 0.001 is said to be so.

    >>> p_text(0.0002), p_text(0.0342), p_text(None), p_text(1.0)
    ('< 0.001', '0.034', '', '1.00')
    """
    if p_value is None:
        return ""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}" if p_value < 0.1 else f"{p_value:.2f}"


def detectable_text(estimate: Estimate) -> str:
    """The smallest effect that the design would have found; empty where the row has none."""
    if estimate.minimum_detectable is None:
        return ""
    scale = scale_of(estimate.quantity, estimate.unit)
    suffix = " percentage points" if scale.suffix == " %" else scale.suffix
    width = None if _width(estimate) is None else estimate.minimum_detectable * scale.factor
    return rounded(estimate.minimum_detectable * scale.factor, width) + suffix


def duration_text(seconds: float) -> str:
    """A duration.

    >>> duration_text(0.42), duration_text(193.4), duration_text(7300)
    ('0.42 s', '3 min 13 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _sides(one: Estimate | Missing | None) -> tuple[Mapping[str, str] | None, Mapping[str, str] | None]:
    return (one.group, one.reference) if one else (None, None)


def clusters_text(clusters: int | None) -> str:
    """How many clusters, in words.

    >>> clusters_text(1), clusters_text(1200)
    ('1 cluster', '1,200 clusters')
    """
    return f"{clusters or 0:,} cluster{'' if clusters == 1 else 's'}"


def row_text(row: Evidence) -> str:
    """One row as a line: what, of whom, the value with its interval, n, p-value; or why there is no number."""
    one = row.estimate or row.missing
    whom, against = (", ".join(f"{key} {name}" for key, name in (part or {}).items()) for part in _sides(one))
    about = f"{whom} against {against}" if against else whom
    name = f"{one.quantity if one else row.measure}{f' ({about})' if about else ''}"
    if row.estimate is None:
        return f"{name}: {'cannot be judged' if row.unjudged else row.status.replace('_', ' ')}: {row.note}"
    parts = [value_text(row.estimate), interval_text(row.estimate), f"n {row.estimate.n}"]
    parts += [clusters_text(row.estimate.clusters)] if row.estimate.clusters else []
    parts += (
        [f"p {p_text(row.estimate.p_value)}, adjusted {p_text(row.estimate.p_adjusted)} (simultaneous interval)"]
        if row.estimate.p_adjusted is not None
        else []
    )
    return unbroken(f"{name}: {', '.join(parts)}{f' — {row.note}' if row.note else ''}")
