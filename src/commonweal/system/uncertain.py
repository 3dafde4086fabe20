"""A number that is known only to a range, with how well it is known and by whom."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from commonweal.evidence.records import Grade
from commonweal.system.fields import Record, Text
from commonweal.system.quantities import LARGEST
from commonweal.system.wording import Means, did_you_mean, shown
from commonweal.units import UNITS, is_unit

Shape = Literal["exact", "uniform", "triangular", "lognormal"]
YEARLESS = re.compile(r"^[A-Z]{3}(/|$)|^[$€£]")
LARGER = {
    "kW": "W (times 1,000)", "MW": "W (times 1,000,000)", "MWh": "kWh (times 1,000)", "GWh": "kWh (times 1,000,000)",
    "t": "kgCO2e (times 1,000)", "tCO2e": "kgCO2e (times 1,000)", "kg/kWh": "g/kWh (times 1,000)", "gCO2e/kWh": "g/kWh",
    "kg": "kgCO2e", "%": "1 (divided by 100)", "lb": "kgCO2e (times 0.45359237)",
}  # fmt: skip
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-LARGEST, le=LARGEST), Means(f"a number, at most {LARGEST:g}")]


class Uncertain(Record):
    """One number (`value`), or a range from `low` to `high`, with a `central` one where it is known.

    Shapes: uniform between low and high; triangular with its mode at `central`; lognormal with the median `central` and
    low and high as its 2.5 % and 97.5 % quantiles. By default uniform without and triangular with a central number.
    """

    value: Finite | None = Field(default=None, description="the number, where it is one")
    low: Finite | None = Field(default=None, description="its lowest value")
    central: Finite | None = Field(default=None, description="its most likely value; of a lognormal shape, its median")
    high: Finite | None = Field(default=None, description="its highest value")
    shape: Shape | None = Field(default=None, description="exact, uniform, triangular or lognormal")
    unit: str = Field(description="unit; money carries its price year, such as USD2020/task")
    grade: Grade = Field(description="how it is known: measured, literature, expert (somebody's judgement) or assumed")
    source: Text = Field(description="where it comes from")

    @model_validator(mode="after")
    def is_whole(self) -> Self:
        if not is_unit(self.unit):
            raise ValueError(
                f"has the unknown unit {shown(self.unit)}{_hint(self.unit)}; money is such as USD2020/task"
            )
        if (self.value is None) == (self.low is None and self.high is None):
            raise ValueError("has neither or both of `value` and a range; expected a `value`, or `low` and `high`")
        if self.value is not None:
            if self.central is not None or self.shape not in (None, "exact"):
                raise ValueError("has a `value` beside a central number or a shape; expected the `value` alone")
            return self
        if self.low is None or self.high is None:
            raise ValueError("has only one end of its range; expected `low` and `high`")
        if not self.low <= (self.low if self.central is None else self.central) <= self.high:
            raise ValueError(
                f"goes from {self.low:g} over {self.central} to {self.high:g}; expected low <= central <= high"
            )
        if self.kind == "exact" or (self.kind != "uniform" and self.central is None):
            raise ValueError(
                f"has the shape {self.kind}; expected a `central` number with it"
                if self.kind != "exact"
                else "has the shape exact and a range; expected a `value`"
            )
        if self.kind == "lognormal" and not 0 < self.low < self.high:
            raise ValueError("is lognormal and not above 0; expected 0 < low < high")
        return self

    @property
    def kind(self) -> Shape:
        """Its shape, with the default filled in."""
        return self.shape or (
            "exact" if self.value is not None else "uniform" if self.central is None else "triangular"
        )

    @property
    def middle(self) -> float:
        """The number itself, the central one, or the middle of the range."""
        if self.value is not None:
            return self.value
        low, high = self.low or 0.0, self.high or 0.0
        return self.central if self.central is not None else math.fsum((low, high)) / 2

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest number that was declared."""
        return (self.value, self.value) if self.value is not None else (self.low or 0.0, self.high or 0.0)


def _hint(unit: str) -> str:
    """What an unknown unit was probably meant to be."""
    if YEARLESS.match(unit):
        return ", money without its price year"
    if unit in LARGER:
        return f"; expected {LARGER[unit]}"
    return did_you_mean(unit, UNITS)
