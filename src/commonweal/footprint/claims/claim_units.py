"""Numbers with units as a claim writes them: `1,507 kWh`, `0.09 g/experiment`, `0.954 lb CO2e/kWh`, `105 USD2007/t`,
`37 %`.

A unit is a product of powers of few dimensions: energy, mass of CO2-equivalent, time, money of one price year, and
things counted (a tree, a task). A mass without a gas is read as CO2-equivalent; `kgC` is carbon, 44/12 times as much
CO2. Money without a price year is refused; `USDunknown` says that the source gives none.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from commonweal.footprint.energy import CO2_PER_C, KG_PER_LB
from commonweal.system.wording import shown

Dims = Mapping[str, int]

ENERGY, MASS, TIME, MONEY = "energy", "mass", "time", "money"
HOURS_PER_DAY, HOURS_PER_YEAR = 24.0, 8760.0
KWH_PER_MJ = 1 / 3.6
UNKNOWN_YEAR = 0
MOST_EXPONENT = 300  # keeps the last digit of 0e999 a finite number

# Base units: kWh, kg of CO2e, hours. A power is an energy per hour.
_SCALES: dict[str, tuple[float, dict[str, int]]] = {
    **{
        name: (factor, {ENERGY: 1})
        for name, factor in (
            ("Wh", 1e-3),
            ("kWh", 1.0),
            ("MWh", 1e3),
            ("GWh", 1e6),
            ("TWh", 1e9),
            ("MJ", KWH_PER_MJ),
            ("GJ", 1e3 * KWH_PER_MJ),
        )
    },
    **{name: (factor, {ENERGY: 1, TIME: -1}) for name, factor in (("W", 1e-3), ("kW", 1.0), ("MW", 1e3), ("GW", 1e6))},
    **{
        name: (factor, {TIME: 1})
        for name, factor in (
            ("s", 1 / 3600),
            ("min", 1 / 60),
            ("h", 1.0),
            ("hour", 1.0),
            ("GPU-h", 1.0),
            ("device-h", 1.0),
            ("GPU-hour", 1.0),
            ("device-hour", 1.0),
            ("d", HOURS_PER_DAY),
            ("day", HOURS_PER_DAY),
            ("month", HOURS_PER_YEAR / 12),
            ("year", HOURS_PER_YEAR),
        )
    },
    **{
        name: (factor, {MASS: 1})
        for name, factor in (
            ("mg", 1e-6),
            ("g", 1e-3),
            ("kg", 1.0),
            ("t", 1e3),
            ("tonne", 1e3),
            ("kt", 1e6),
            ("Mt", 1e9),
            ("lb", KG_PER_LB),
        )
    },
    **{
        name + "C": (factor * CO2_PER_C, {MASS: 1})
        for name, factor in (("g", 1e-3), ("kg", 1.0), ("t", 1e3), ("lb", KG_PER_LB))
    },
    **{name: (1.0, {}) for name in ("1", "times", "x")},
    "%": (0.01, {}),
}
THINGS = (
    "acre",
    "acre-year",
    "application",
    "car",
    "device",
    "experiment",
    "GPU",
    "image",
    "inference",
    "interruption",
    "km",
    "mile",
    "model",
    "parameter",
    "person",
    "query",
    "request",
    "run",
    "task",
    "token",
    "tree",
    "word",
)
_PLURALS = {"people": "person", "queries": "query", "lbs": "lb"}
_MONEY = re.compile(r"([A-Z]{3})((?:19|20)\d\d|unknown)")
_MONEY_WITHOUT_YEAR = re.compile(r"[A-Z]{3}|[$€£]|dollars?|euros?")
_GAS = re.compile(r"\s*CO(?:2|₂)[- ]?(?:equivalents?|eq|e)?(?![A-Za-z])")
_CARBON = re.compile(r"\b(g|kg|t|lb)\s+C(?![A-Za-z])")
_NUMBER = re.compile(
    r"(?P<whole>[-+]?(?:\d{1,3}(?:,\d{3})+|\d*))(?P<decimals>\.\d*)?(?P<exponent>[eE][-+]?\d{1,4})?(?![\d.,])\s*(?P<unit>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as written: `factor` makes its base unit; `dims` its dimensions; `currency` and `price_year` where it
    is money.
    """

    text: str
    factor: float
    dims: Dims = field(default_factory=dict)
    currency: str = ""
    price_year: int | None = None


@dataclass(frozen=True, slots=True)
class WrittenQuantity:
    """A number with its unit as written; `half_digit` is half a unit of the last digit, in the same unit."""

    text: str
    value: float
    unit: Unit
    half_digit: float

    @property
    def base(self) -> float:
        return self.value * self.unit.factor


def product(*terms: tuple[Dims, int]) -> Dims:
    """Dimensions of a product of powers.

    >>> product(({"energy": 1}, 1), ({"energy": 1, "tree": 1}, -1))
    {'tree': -1}
    """
    result: dict[str, int] = {}
    for dims, power in terms:
        for name, exponent in dims.items():
            result[name] = result.get(name, 0) + power * exponent
    return {name: exponent for name, exponent in result.items() if exponent}


def dims_text(dims: Dims) -> str:
    """Dimensions in words.

    >>> dims_text({"mass": 1, "time": -1}), dims_text({})
    ('mass / time', 'a plain number')
    """
    up = [name + (f"^{power}" if power > 1 else "") for name, power in sorted(dims.items()) if power > 0]
    down = [f" / {name}" + (f"^{-power}" if power < -1 else "") for name, power in sorted(dims.items()) if power < 0]
    return (" x ".join(up) or "1") + "".join(down) if dims else "a plain number"


def parse_unit(text: str, things: Collection[str] = ()) -> Unit:
    """The unit that a text names; ValueError, continuing a sentence, where it names none.

    >>> parse_unit("lb CO2e/kWh").dims, parse_unit("kg C").factor == 44 / 12
    ({'mass': 1, 'energy': -1}, True)
    >>> parse_unit("kWg")
    Traceback (most recent call last):
    ValueError: has the unknown unit 'kWg'; nearest: kW, kg, kgC
    """
    plain = _CARBON.sub(r"\1C", _GAS.sub("", re.sub(r"\s+per\s+", "/", text.strip())))
    factor, dims, currency, year = 1.0, product(), "", None
    for index, part in enumerate(plain.split("/")):
        scale, own, money = _part(part.strip(), text, things)
        power = -1 if index else 1
        factor *= scale**power
        dims = product((dims, 1), (own, power))
        if money is not None:
            if index:
                raise ValueError(
                    f"has the unit {shown(text)}, which divides by money; turn it round, such as USD2020/t"
                )
            currency, year = money
    return Unit(text.strip(), factor, dims, currency, year)


def _part(part: str, whole: str, things: Collection[str]) -> tuple[float, Dims, tuple[str, int] | None]:
    money = _MONEY.fullmatch(part)
    if money:
        return 1.0, {MONEY: 1}, (money[1], UNKNOWN_YEAR if money[2] == "unknown" else int(money[2]))
    counted = {*THINGS, *things}
    for name in (part, _PLURALS.get(part, ""), part.removesuffix("s"), part.removesuffix("es")):
        if name in counted:
            return 1.0, {name: 1}, None
        if name in _SCALES:
            return *_SCALES[name], None
    raise ValueError(_unknown(part, whole, counted))


def _unknown(part: str, whole: str, counted: Collection[str]) -> str:
    inside = "" if part == whole.strip() else f" in {shown(whole)}"
    if re.fullmatch(r"(short |long |US )?tons?", part):
        return (
            f"has the unit {shown(part)}{inside}, which is 1,000 kg or 907 kg; write t for 1,000 kg, or give it in kg"
        )
    if _MONEY_WITHOUT_YEAR.fullmatch(part) and part not in {"GPU"}:
        return (
            f"has the unit {shown(part)}{inside}: money without a price year; expected such as USD2020, or USDunknown"
        )
    nearest = difflib.get_close_matches(part, [*_SCALES, *counted], n=3, cutoff=0.4)
    offered = (
        f"; nearest: {', '.join(sorted(nearest))}"
        if nearest
        else "; see docs/claims.md; a thing counted is named in `things`"
    )
    return f"has the unknown unit {shown(part)}{inside}{offered}"


def parse_quantity(text: str, things: Collection[str] = ()) -> WrittenQuantity:
    """The number and unit that a text gives; ValueError, continuing a sentence, where it gives none.

    >>> one = parse_quantity("12,768 kg CO2e/day")
    >>> one.value, one.half_digit, dict(one.unit.dims)
    (12768.0, 0.5, {'mass': 1, 'time': -1})
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None or not re.search(r"\d", match["whole"] + (match["decimals"] or "")):
        raise ValueError(
            f"is {shown(text)}, which is no number with a unit; write it such as 1507 kWh, with a decimal point"
        )
    digits = match["whole"].replace(",", "") + (match["decimals"] or "") + (match["exponent"] or "")
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"is {shown(text)}, which is not a finite number")
    exponent = int(match["exponent"][1:]) if match["exponent"] else 0
    last = exponent - max(len(match["decimals"] or "") - 1, 0)
    return WrittenQuantity(
        text.strip(), value, parse_unit(match["unit"] or "1", things), 0.5 * 10.0 ** min(last, MOST_EXPONENT)
    )
