"""Numbers with their unit, as people write them: `120000`, `400,000`, `400000 task/year`, `120 kWh`.

A `QuantityRange` annotates a field of a record. It reads a number or a text, checks unit and range, and explains in
plain words what is wrong. It never converts: `12 MWh` for a field in kWh is refused, with the number that would be
right.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from commonweal.system.wording import shown

LARGEST = 1e30  # so that products of a few declared numbers are numbers
COUNT_UNITS = frozenset({"people", "people/year", "task/year", "count"})

SPELLINGS: dict[str, tuple[str, ...]] = {
    "people": ("person", "persons"),
    "people/year": ("people a year", "people per year", "person/year", "persons/year"),
    "task/year": (
        "tasks/year",
        "tasks a year",
        "tasks per year",
        "decisions/year",
        "decisions a year",
        "decisions per year",
    ),
    "kWh": ("kwh",),
    "kgCO2e": ("kg", "kg CO2e", "kg CO2eq", "kgCO2eq", "kg CO2-eq"),
    "count": ("parameters",),
    "s": ("sec", "second", "seconds"),
}

# Exact factors between units (SI prefixes; 1 kWh = 3.6 MJ; twelve months, 365 days): used only to suggest, never to
# convert.
FACTORS: dict[tuple[str, str], float] = {
    ("Wh", "kWh"): 0.001,
    ("MWh", "kWh"): 1e3,
    ("GWh", "kWh"): 1e6,
    ("MJ", "kWh"): 1 / 3.6,
    ("g", "kgCO2e"): 0.001,
    ("t", "kgCO2e"): 1e3,
    ("tCO2e", "kgCO2e"): 1e3,
    ("tonnes", "kgCO2e"): 1e3,
    ("ms", "s"): 0.001,
    ("min", "s"): 60.0,
    ("%", "1"): 0.01,
    ("percent", "1"): 0.01,
    ("task/month", "task/year"): 12.0,
    ("tasks/month", "task/year"): 12.0,
    ("task/day", "task/year"): 365.0,
    ("tasks/day", "task/year"): 365.0,
    ("people/month", "people/year"): 12.0,
    ("people/day", "people/year"): 365.0,
}

EXAMPLES = {"people": "120000", "people/year": "90000", "task/year": "400000", "kWh": "120", "kgCO2e": "35", "s": "30"}

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_GROUPED = r"[-+]?[1-9]\d{0,2}(?P<comma>[,_ \u00a0\u202f'])\d{3}(?:(?P=comma)\d{3})*(?:\.\d+)?"
_PARTS = re.compile(rf"(?P<digits>{_GROUPED}(?![\d,_.])|{_NUMBER}(?![\d,_]|\.\d))\s*(?P<unit>.*)", re.DOTALL)
_LOOKS_GROUPED_BY_DOTS = re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})+")


@dataclass(frozen=True)
class QuantityRange:
    """A number in one unit within a range; `open_low` and `open_high` leave the bound itself out.

    `most` is no part of what is expected: it keeps out what would be no number any more where it is multiplied.

    Unit "1" is a share or ratio, without dimension.

    >>> QuantityRange("task/year", low=0).read("400,000 task/year")
    400000.0
    >>> QuantityRange("kWh", low=0).read("12 MWh")
    Traceback (most recent call last):
    ValueError: is in 'MWh', not in kWh; 12 MWh would be 12000 kWh
    """

    unit: str
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False
    most: float = math.inf

    def read(self, value: object) -> float:
        """The number, or a ValueError that continues a sentence which began with the field's name."""
        if value is None:
            raise ValueError("is empty")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"is {shown(value)}, not a number")
        number = self._from_text(value) if isinstance(value, str) else float(value)
        if not math.isfinite(number):
            raise ValueError(f"is {shown(value)}, not a finite number")
        if number > self.most:
            raise ValueError(f"is {shown(value)}, more than anything that is counted; expected at most {self.most:g}")
        self._check_range(number, value)
        return number

    def words(self) -> str:
        """What is expected, in plain words.

        >>> QuantityRange("people", low=0, open_low=True).words()
        'a number above 0 [people], such as 120000'
        """
        low, high = self.low, self.high
        if low is not None and high is not None:
            noun = "a share" if self.unit == "1" else "a number"
            ends = (
                ", both ends excluded" if self.open_low and self.open_high else ", more than 0" if self.open_low else ""
            )
            text = f"{noun} between {low:g} and {high:g}{ends}"
        elif low is not None:
            text = f"a number above {low:g}" if self.open_low else f"a number of {low:g} or more"
        else:
            text = "a number"
        unit = "" if self.unit == "1" else f" [{self.unit}]"
        return text + unit + (f", such as {EXAMPLES[self.unit]}" if self.unit in EXAMPLES else "")

    def _from_text(self, text: str) -> float:
        match = _PARTS.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"is {shown(text)}, {_why_unreadable(text)}")
        digits, unit = match["digits"], match["unit"].strip()
        if self.unit in COUNT_UNITS and _LOOKS_GROUPED_BY_DOTS.fullmatch(digits):
            whole, point = digits.replace(".", ""), digits.rstrip("0").rstrip(".")
            raise ValueError(f"is {shown(text)}, which can be read as {whole} or as {point}; write the one you mean")
        number = float(re.sub(r"[,_ \u00a0\u202f']", "", digits))
        if unit and not self._is_own_unit(unit):
            raise ValueError(self._wrong_unit(digits, number, unit))
        return number

    def _is_own_unit(self, unit: str) -> bool:
        plain = " ".join(unit.split())
        return plain in (self.unit, *SPELLINGS.get(self.unit, ()))

    def _wrong_unit(self, digits: str, number: float, unit: str) -> str:
        own = "a plain share without a unit" if self.unit == "1" else self.unit
        factor = FACTORS.get((unit, self.unit))
        if not re.search(r"[A-Za-z%€$£]", unit):
            return f"is {shown(f'{digits} {unit}')}, which cannot be read as one number"
        if factor is None:
            return f"is in {shown(unit)}, not in {own}"
        right = f"{number * factor:.12g}" + ("" if self.unit == "1" else f" {self.unit}")
        return f"is in {shown(unit)}, not in {own}; {digits} {unit} would be {right}"

    def _check_range(self, number: float, value: object) -> None:
        below = self.low is not None and (number < self.low or (self.open_low and number == self.low))
        above = self.high is not None and (number > self.high or (self.open_high and number == self.high))
        if not below and not above:
            return
        if self.unit == "people" and number == 0.0:
            raise ValueError("is 0, so there is nobody in it")
        if number < 0.0 and self.low == 0.0:
            raise ValueError(f"is {shown(value)}, which is negative")
        share = (
            f"; if you mean {number:g} %, write {number / 100:g}"
            if above and self.unit == "1" and number <= 100
            else ""
        )
        raise ValueError(f"is {shown(value)}, which is too {'small' if below else 'large'}{share}")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, core_schema.float_schema())

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return self.json_schema()

    def json_schema(self) -> dict[str, Any]:
        """A number in range, or a text that begins with one and ends with the unit."""
        number: dict[str, Any] = {"type": "number"}
        if self.low is not None:
            number["exclusiveMinimum" if self.open_low else "minimum"] = self.low
        if self.high is not None:
            number["exclusiveMaximum" if self.open_high else "maximum"] = self.high
        units = "|".join(re.escape(unit) for unit in (self.unit, *SPELLINGS.get(self.unit, ())) if unit != "1")
        tail = rf"\s*({units})?" if units else ""
        text = {"type": "string", "pattern": rf"^[-+]?[0-9][0-9,_. eE+-]*{tail}$"}
        return {"anyOf": [number, text]}


def _why_unreadable(text: str) -> str:
    if re.fullmatch(r"\s*[-+]?\d+,\d+\s*\S*", text):
        return "where the comma can be read in two ways; write 1.5 with a point, and 1500 without a comma"
    if re.match(r"\s*[-+]?[\d.]", text):
        return "which cannot be read as one number"
    return "not a number"
