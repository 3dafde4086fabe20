"""What a system file declares about energy, carbon and worth: what making something took, what it is worth to whom.

Every number here has a grade and a source, and may be a range; `unknown` says that nobody could find out, and is never
0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from commonweal.system.fields import Answer, Identifier, Income, Record, Text
from commonweal.system.quantities import LARGEST, QuantityRange
from commonweal.system.uncertain import Uncertain
from commonweal.system.wording import Means
from commonweal.units import LEAST_G_PER_KWH, MOST_DEVICE_W, MOST_G_PER_KWH, MOST_PUE, MOST_STAGE_KWH, MOST_TASK_KWH

MakingStage = Literal["experimentation", "pretraining", "adaptation", "distillation", "embodied"]
DeviceHours = Annotated[float, QuantityRange("h", low=0.0, most=LARGEST)]
Year = Annotated[int, Field(ge=1990, le=2100), Means("a year, such as 2023")]
MoneyUnit = Annotated[
    str, Field(pattern=r"^[A-Z]{3}(19|20)\d\d$"), Means("a currency with its price year, such as USD2020")
]
LEAST_RATIO = 1e-6  # no lever makes a million times less of an energy
BOUNDS: Mapping[str, tuple[float, float, str]] = {
    "pue": (1.0, MOST_PUE, "; is it in percent?"),
    "device_power": (0.0, MOST_DEVICE_W, ", which no device draws; is it that of all devices together, or in mW?"),
    "grid_intensity": (0.0, MOST_G_PER_KWH, ", more than lignite; is it in mg/kWh?"),
    "energy": (0.0, MOST_STAGE_KWH, ", more than any training; is it in Wh?"),
    "scratch_energy": (0.0, MOST_STAGE_KWH, ", more than any training; is it in Wh?"),
    "energy_per_task": (0.0, MOST_TASK_KWH * 1e6, ", 1 kWh for each decision; is it in mWh?"),
    "scratch_energy_per_task": (0.0, MOST_TASK_KWH * 1e6, ", 1 kWh for each decision; is it in mWh?"),
}
IN_OTHER_UNITS: Mapping[tuple[str, str], str] = {
    ("Wh", "Wh/1000 decisions"): " (times 1,000, where it is of one decision)",
    ("kWh", "Wh/1000 decisions"): " (times 1,000,000, where it is of one decision)",
    ("Wh", "kWh"): " (divided by 1,000)",
    ("gCO2e", "kgCO2e"): " (divided by 1,000)",
    ("h", "kWh"): "; hours belong to `device_hours`",
}
Years = Annotated[float, Field(gt=0, le=100), Means("a number of years above 0, at most 100")]
Elasticity = Annotated[float, Field(ge=0, le=10), Means("a number from 0 to 10")]


class Making(Record):
    """Energy and carbon of one stage of making an asset: once, whoever uses it."""

    stage: MakingStage = Field(
        description="stage of the life cycle; `embodied`: making the hardware, as far as it falls on this"
    )
    energy: Uncertain | Answer | None = Field(
        default=None,
        description="energy with the building's own use [kWh]; or give hours and power; `none` if it took none",
    )
    device_hours: DeviceHours | None = Field(default=None, description="of all devices together [h]")
    device_power: Uncertain | None = Field(default=None, description="mean power of one device [W]")
    pue: Uncertain | None = Field(
        default=None, description="energy of the building over that of its computers; not given: 1, said so"
    )
    grid: str | None = Field(default=None, description="electricity grid: ISO 3166 alpha-3 country code, or `unknown`")
    year: Year | None = Field(
        default=None, description="year of the grid's intensity; by default the latest in the table"
    )
    grid_intensity: Uncertain | None = Field(
        default=None, description="carbon of the electricity [g/kWh], in the place of a grid"
    )
    carbon: Uncertain | Answer | None = Field(
        default=None,
        description="carbon [kgCO2e], where it is known otherwise than from energy and grid; `none` if there is none",
    )

    @model_validator(mode="after")
    def one_way_to_say_it(self) -> Self:
        by_hours = self.device_hours is not None or self.device_power is not None
        if by_hours and (self.device_hours is None or self.device_power is None):
            raise ValueError("has only one of `device_hours` and `device_power`; expected both")
        if by_hours and self.energy is not None:
            raise ValueError("has `energy` beside `device_hours`; expected one of the two")
        if self.pue is not None and not by_hours:
            raise ValueError(
                "has `pue` without `device_hours`: a declared `energy` holds the building's own use already; expected "
                "hours and power with the PUE, or the energy alone"
            )
        if self.stage == "embodied" and (by_hours or self.energy is not None):
            raise ValueError("is of stage embodied and has energy; expected `carbon` only: that of making the hardware")
        if not by_hours and self.energy is None and self.carbon is None:
            raise ValueError(
                "says nothing; expected `energy`, `device_hours` and `device_power`, or `carbon` (or `energy: unknown`)"
            )
        if self.grid_intensity is not None and self.grid is not None:
            raise ValueError("has `grid_intensity` beside `grid`; expected one of the two")
        _in_units(
            self, {"energy": "kWh", "device_power": "W", "pue": "1", "carbon": "kgCO2e", "grid_intensity": "g/kWh"}
        )
        return self


class Mitigation(Record):
    """Something that lowers energy or carbon: done, considered, or not done; what it saves is declared, or worked out
    from a lever.

    A lever says what it changes: another `grid` or `grid_intensity` (region, hour), or an `energy_ratio` (hardware,
    number format, batch size, architecture, distillation). `on` says of which stage.
    """

    what: Text = Field(description="in words, such as `int8 weights` or `trained in a low-carbon region`")
    status: Literal["applied", "considered", "declined"] = Field(description="whether it is done")
    reason: str | None = Field(default=None, description="why it was declined, or what it costs")
    saves: Uncertain | Literal["unknown"] | None = Field(
        default=None,
        description="carbon it saves [kgCO2e], over the whole life; or, to have it worked out, `on` and a lever",
    )
    on: MakingStage | Literal["inference"] | None = Field(default=None, description="the stage that the lever changes")
    grid: str | None = Field(
        default=None,
        description="lever: the other grid zone; of what is applied, the zone where it would have been otherwise",
    )
    year: Year | None = Field(default=None, description="year of that zone's intensity; not given: any, with a range")
    grid_intensity: Uncertain | None = Field(
        default=None, description="lever: the other intensity [g/kWh], of another hour or place"
    )
    energy_ratio: Uncertain | None = Field(default=None, description="lever: energy with it over energy without it [1]")
    making_energy: Uncertain | None = Field(
        default=None,
        description="energy of bringing it about [kWh], such as distilling; subtracted from what `energy_ratio` saves",
    )

    @model_validator(mode="after")
    def one_lever(self) -> Self:
        _in_units(self, {"saves": "kgCO2e", "grid_intensity": "g/kWh", "energy_ratio": "1", "making_energy": "kWh"})
        levers = [
            name for name in ("saves", "grid", "grid_intensity", "energy_ratio") if getattr(self, name) is not None
        ]
        if len(levers) > 1:
            raise ValueError(f"has {' and '.join(f'`{name}`' for name in levers)}; expected one of them")
        if (self.on is None) != (levers in ([], ["saves"])):
            raise ValueError(
                "has `on` without a lever; expected `grid`, `grid_intensity` or `energy_ratio` with it"
                if self.on is not None
                else f"has `{levers[0]}` without `on`; expected the stage that it changes, such as pretraining or "
                "inference"
            )
        if self.grid == "unknown":
            raise ValueError(
                "has the lever `grid: unknown`; expected a grid zone, such as FRA; or `saves: unknown` without `on`"
            )
        if self.on == "embodied":
            raise ValueError("is on the stage embodied, which has no energy; expected `saves`")
        if self.making_energy is not None and self.energy_ratio is None:
            raise ValueError("has `making_energy` without `energy_ratio`; expected both")
        if self.year is not None and self.grid is None:
            raise ValueError("has `year` without `grid`; expected both")
        if self.energy_ratio is not None and self.energy_ratio.ends[0] < LEAST_RATIO:
            raise ValueError(
                f"gives `energy_ratio` as {self.energy_ratio.ends[0]:g}; expected above 0 ({LEAST_RATIO:g} or more)"
            )
        return self


class Offset(Record):
    """Carbon that was paid for elsewhere. It is shown, and never subtracted."""

    carbon: Uncertain = Field(description="carbon [kgCO2e]")
    what: Text = Field(description="which project, and who vouches for it")

    @model_validator(mode="after")
    def in_kilograms(self) -> Self:
        _in_units(self, {"carbon": "kgCO2e"})
        return self


class SimpleBaseline(Record):
    """A simpler way to do the same task, such as a linear model or a list of rules: what it would give and take."""

    benefit_share: Uncertain | None = Field(default=None, description="share of the benefit that it would have too [1]")
    energy_per_task: Uncertain | None = Field(
        default=None, description="its electricity of one decision [Wh/1000 decisions]"
    )

    @model_validator(mode="after")
    def in_their_units(self) -> Self:
        _in_units(self, {"benefit_share": "1", "energy_per_task": "Wh/1000 decisions"})
        return self


class Valuation(Record):
    """How the value of a deployment is reckoned: money, prices, time."""

    unit: MoneyUnit = Field(
        description="money with its price year, such as USD2020; worths in dollars of other years are converted"
    )
    years: Years = Field(default=1.0, description="years of use that the value counts")
    carbon_price: Uncertain | str | None = Field(
        default=None,
        description="cost of a tonne of CO2 to the world [money/t], a published one (EPA2023/2025, IWG2016/2015), or "
        "`unknown`",
    )
    carbon_borne: Annotated[Mapping[Identifier, Uncertain], Means("populations with their shares")] = Field(
        default_factory=dict,
        description="share of the world's cost of carbon that falls on a population [1], such as its country's own "
        "cost of carbon over the world's; it shows who bears it and changes no total, and the rest falls on everyone "
        "else",
    )
    electricity_price: Uncertain | Literal["unknown"] | None = Field(
        default=None, description="price of electricity [money/kWh]"
    )
    energy_per_task: Uncertain | None = Field(
        default=None, description="electricity of one decision [Wh/1000 decisions], where it is not measured here"
    )
    pue: Uncertain | None = Field(default=None, description="of where it is used; not given: 1, said so")
    grid_intensity: Uncertain | None = Field(
        default=None, description="carbon of the electricity [g/kWh], in the place of the deployment's grid"
    )
    payer: Identifier | None = Field(
        default=None, description="actor who pays for the electricity; by default the application's"
    )
    everyone_else_income: Income | None = Field(
        default=None,
        description="yearly income of one of everyone else, in the same money as every income of the file, for the "
        "weighted view",
    )
    scratch_energy: Uncertain | None = Field(
        default=None,
        description="energy of training a model for this task from scratch instead [kWh], for the break-even",
    )
    scratch_energy_per_task: Uncertain | None = Field(
        default=None,
        description="electricity of one decision of that model [Wh/1000 decisions], for the break-even with use",
    )
    baseline: SimpleBaseline | None = Field(
        default=None, description="a simpler way to do the task; else what environment.simple_baseline measured"
    )
    elasticity: Elasticity = Field(
        default=1.4, description="of the marginal value of income, for the income-weighted view; 0: none"
    )

    @model_validator(mode="after")
    def prices_in_their_units(self) -> Self:
        _in_units(
            self,
            {
                "energy_per_task": "Wh/1000 decisions",
                "pue": "1",
                "grid_intensity": "g/kWh",
                "scratch_energy": "kWh",
                "scratch_energy_per_task": "Wh/1000 decisions",
            },
        )
        for name, share in self.carbon_borne.items():
            if share.unit != "1" or share.ends[0] < 0:
                raise ValueError(
                    f"gives `carbon_borne` of {name} as {share.ends[0]:g} {share.unit}; expected a share from 0 to 1, "
                    "in 1"
                )
        if (most := sum(share.ends[1] for share in self.carbon_borne.values())) > 1:
            raise ValueError(f"gives `carbon_borne` as up to {most:g} together; expected at most 1")
        for field, per in (("carbon_price", "t"), ("electricity_price", "kWh")):
            price = getattr(self, field)
            if isinstance(price, Uncertain) and price.ends[0] < 0:
                raise ValueError(f"gives `{field}` as {price.ends[0]:g}; expected at least 0")
            if isinstance(price, Uncertain) and not price.unit.endswith(f"/{per}"):
                raise ValueError(
                    f"gives `{field}` in {price.unit}; expected money per {per}, such as {self.unit}/{per}"
                )
        return self


def _in_units(record: Record, units: dict[str, str]) -> None:
    """ValueError where a number is in another unit, or beyond what it can be in its own."""
    for field, unit in units.items():
        value = getattr(record, field)
        if not isinstance(value, Uncertain):
            continue
        if value.unit != unit:
            factor = IN_OTHER_UNITS.get((value.unit, unit), "")
            raise ValueError(f"gives `{field}` in {value.unit}; expected it in {unit}{factor}")
        least, most, slip = BOUNDS.get(field, (0.0, math.inf, ""))
        low, high = value.ends
        if low < least:
            raise ValueError(f"gives `{field}` as {low:g}; expected at least {least:g}")
        if high > most:
            raise ValueError(f"gives `{field}` as {high:g} {unit}; expected at most {most:g}{slip}")
        if field == "grid_intensity" and 0 < high < LEAST_G_PER_KWH:
            raise ValueError(
                f"gives `{field}` as {high:g} g/kWh, below every grid; expected {LEAST_G_PER_KWH:g} or more (or 0); "
                "is it in kg/kWh?"
            )
