"""Amounts with the ends of their range, and how they are read and written."""

from __future__ import annotations

from dataclasses import dataclass

from commonweal.errors import FootprintError

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Amount:
    """A value with the ends of its range; low = value = high where no input is a range."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Amount:
        """Every end multiplied by the same factor."""
        return Amount(self.value * factor, self.low * factor, self.high * factor)

    def words(self, unit: str) -> str:
        """With the unit, and the range where there is one.

        >>> Amount(2.0, 1.0, 3.0).words("kWh"), Amount(1503.0, 1503.0, 1503.0).words("kWh")
        ('2 kWh (1 to 3)', '1,503 kWh')
        """
        middle = f"{figures(self.value)} {unit}"
        return middle if self.low == self.high else f"{middle} ({figures(self.low)} to {figures(self.high)})"


def figures(value: float) -> str:
    """Four significant digits, thousands apart, and no exponent for what is large.

    >>> figures(1503.02), figures(656347.31), figures(0.00003574), figures(0.5)
    ('1,503', '656,347', '3.574e-05', '0.5')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def number_or_range(name: str, text: str) -> Range:
    """One number, or two with a comma between, as (low, high).

    >>> number_or_range("--pue", "1.1,1.4"), number_or_range("--pue", "1.2")
    ((1.1, 1.4), (1.2, 1.2))
    """
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) not in {1, 2} or parts[0] > parts[-1]:
        raise FootprintError(f"{name} {text}: expected a number, or LOW,HIGH such as 1.1,1.4")
    return parts[0], parts[-1]
