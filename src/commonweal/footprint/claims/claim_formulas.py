"""The closed set of formulae by which one figure of a claim can follow from others.

A file of claims names one; it runs no code.

Each formula computes in base units (kWh, kg, hours, money of one year) and derives its dimensions from those of its
inputs, so that a result in kilograms cannot be claimed in kilowatt-hours, nor a daily one for a whole year.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from commonweal.errors import FootprintError
from commonweal.footprint.break_even import break_even_tasks
from commonweal.footprint.carbon_price import PRICES, carbon_price
from commonweal.footprint.claims.claim_units import ENERGY, MASS, MONEY, TIME, Dims, product
from commonweal.footprint.energy import G_PER_KG, W_PER_KW, carbon_kg, embodied_kg
from commonweal.footprint.energy import facility_energy_kwh as energy_kwh
from commonweal.units import MOST_DEVICE_W, MOST_G_PER_KWH, MOST_PUE

Numbers = Mapping[str, float]
ManyDims = Mapping[str, Dims]

# What an input must be made of. Further dimensions may only be things counted, or a rate over time.
KINDS: Mapping[str, Dims | None] = {
    "energy": {ENERGY: 1},
    "power": {ENERGY: 1, TIME: -1},
    "time": {TIME: 1},
    "mass": {MASS: 1},
    "intensity": {MASS: 1, ENERGY: -1},
    "number": {},
    "count": {},
    "price": None,
    "any": None,
    "word": None,
}
EXAMPLES = {
    "energy": "120 kWh",
    "power": "300 W",
    "time": "79 h",
    "mass": "652 kg",
    "intensity": "429 g/kWh",
    "number": "1.1",
    "count": "64 devices",
    "price": "190 USD2020/t",
    "any": "0.09 g/experiment",
    "word": "EPA2023",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """An input of a formula: its kind, its range in base units, and in words `bounds`."""

    kind: str
    needed: bool = True
    low: float = 0.0
    high: float = math.inf
    bounds: str = ""


@dataclass(frozen=True, slots=True)
class Formula:
    """How a number follows: `says` in words; `slots` by name; `free`: what inputs of any name must be, in a sum."""

    says: str
    compute: Callable[[Numbers], float | None]
    dims: Callable[[ManyDims], Dims]
    slots: Mapping[str, Slot] = field(default_factory=dict)
    free: Slot | None = None


ANY, NUMBER = Slot("any"), Slot("number")
PUE = Slot(
    "number", False, 1.0, MOST_PUE, f"from 1 to {MOST_PUE:g}: the whole building's energy over that of its computers"
)
SHARE = Slot("number", False, 0.0, 1.0, "from 0 to 1; per cent are written 5 %")
POWER = Slot(
    "power",
    True,
    0.0,
    MOST_DEVICE_W / W_PER_KW,
    f"at most {MOST_DEVICE_W:,.0f} W, of one device; give their number in `devices`",
)
INTENSITY = Slot(
    "intensity", True, 0.0, MOST_G_PER_KWH / G_PER_KG, f"at most {MOST_G_PER_KWH:,.0f} g/kWh, more than any grid emits"
)
OPTIONAL_ENERGY = Slot("energy", False)


def _energy(x: Numbers) -> float:
    return energy_kwh(x["hours"] * x.get("devices", 1.0), x["power"] * W_PER_KW, x.get("pue", 1.0))


def _carbon(x: Numbers) -> float:
    return carbon_kg(x["energy"] * x.get("pue", 1.0), x["intensity"] * G_PER_KG)


def _embodied(x: Numbers) -> float:
    return embodied_kg(x["manufacture"], x["hours"], x["lifetime"], x.get("share", 1.0))


def _divided(top: str, bottom: str) -> Callable[[Numbers], float]:
    def quotient(x: Numbers) -> float:
        if x[bottom] == 0.0:
            raise FootprintError(f"`{bottom}` is 0; expected a number to divide by")
        return x[top] / x[bottom]

    return quotient


def _cost(x: Numbers) -> float:
    return x["amount"] * x["price"] * x.get("probability", 1.0) * x.get("deflator", 1.0)


def _break_even(x: Numbers) -> float | None:
    if ("inference_scratch" in x) != ("inference_shared" in x):
        raise FootprintError(
            "has the energy of use with only one of the two models; expected both, or neither (`unknown` if it is)"
        )
    return break_even_tasks(
        x["pretraining"], x["scratch"], x["adaptation"], x.get("inference_scratch", 0.0), x.get("inference_shared", 0.0)
    )


def _same(dims: ManyDims) -> Dims:
    first = next(iter(dims.values()))
    for name, one in dims.items():
        if one != first:
            raise FootprintError(f"`{name}` is of another kind than `{next(iter(dims))}`; only like is added to like")
    return first


def _of(*powers: tuple[str, int]) -> Callable[[ManyDims], Dims]:
    return lambda dims: product(*((dims[name], power) for name, power in powers if name in dims))


FORMULAS: Mapping[str, Formula] = {
    "energy": Formula(
        "hours x devices x power x PUE", _energy, _of(("hours", 1), ("power", 1)),
        {"hours": Slot("time"), "power": POWER, "devices": Slot("count", False), "pue": PUE},
    ),
    "carbon": Formula(
        "energy x PUE x carbon intensity", _carbon, _of(("energy", 1), ("intensity", 1)),
        {"energy": Slot("energy"), "intensity": INTENSITY, "pue": PUE},
    ),
    "embodied": Formula(
        "carbon of manufacture x hours / lifetime x share", _embodied, _of(("manufacture", 1), ("hours", 1), ("lifetime", -1)),
        {"manufacture": Slot("mass"), "hours": Slot("time"), "lifetime": Slot("time", low=1.0, bounds="at least 1 h"), "share": SHARE},
    ),
    "per_unit": Formula("per unit x count", lambda x: x["each"] * x["count"], _of(("each", 1), ("count", 1)), {"each": ANY, "count": ANY}),
    "ratio": Formula("part / whole", _divided("part", "whole"), _of(("part", 1), ("whole", -1)), {"part": ANY, "whole": ANY}),
    "difference": Formula("whole - part", lambda x: x["whole"] - x["part"], _same, {"whole": ANY, "part": ANY}),
    "sum": Formula("sum of the inputs", lambda x: math.fsum(x.values()), _same, free=ANY),
    "equivalent": Formula(
        "amount / amount of each", _divided("amount", "each"), _of(("amount", 1), ("each", -1)), {"amount": ANY, "each": ANY}
    ),
    "cost": Formula(
        "amount x price x probability", _cost, _of(("amount", 1), ("price", 1)),
        {"amount": ANY, "price": Slot("price"), "probability": SHARE, "deflator": Slot("number", False)},
    ),
    "break_even": Formula(
        "pretraining / ((scratch - adaptation) + (inference from scratch - inference of the shared model))",
        _break_even, lambda dims: {"task": 1},
        {"pretraining": Slot("energy"), "scratch": Slot("energy"), "adaptation": Slot("energy"),
         "inference_scratch": OPTIONAL_ENERGY, "inference_shared": OPTIONAL_ENERGY},
    ),
    "carbon_price": Formula(
        "a cell of a published table", lambda x: math.nan, lambda dims: {MONEY: 1, MASS: -1},
        {"table": Slot("word"), "year": Slot("word"), "rate": Slot("word")},
    ),
}  # fmt: skip


def published_price(words: Mapping[str, str]) -> tuple[float, str]:
    """The cell of a table of carbon prices that `table`, `year` and `rate` name [money/kg], and the unit of its money.

    >>> published_price({"table": "IWG2016", "year": "2015", "rate": "3% 95th percentile"})
    (0.105, 'USD2007/t')
    """
    if not words["year"].isdecimal():
        raise FootprintError(f"`year` is '{words['year']}'; expected a year of emission, such as 2020")
    price = carbon_price(words["table"], int(words["year"]), words["rate"])
    return price / 1000.0, PRICES[words["table"]].unit


def fits(kind: str, dims: Dims) -> bool:
    """Whether dimensions are those of a kind; a rate over time and things counted may be added.

    >>> fits("energy", {"energy": 1, "task": -1}), fits("energy", {"mass": 1}), fits("price", {"money": 1, "mass": -1})
    (True, False, True)
    """
    core = KINDS[kind]
    if kind == "price":
        return dims.get(MONEY) == 1
    if core is None:
        return True
    rest = product((dims, 1), (core, -1))
    return all(
        name not in {ENERGY, MASS, MONEY} and (name != TIME or power < 0) for name, power in rest.items()
    ) and not (kind in {"number", "power"} and rest)
