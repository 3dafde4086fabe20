"""Energy and carbon of a training or of inference as a report: every number with its unit, and what is not counted.

Where an input is a range, both results are too, by its corners: a `range`, and no confidence interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from commonweal.errors import FootprintError
from commonweal.footprint.amounts import Amount, Range, figures
from commonweal.footprint.closed_models import LEFT_OUT, VERSION, RequestFootprint, request_footprint
from commonweal.footprint.energy import W_PER_KW, carbon_kg, embodied_kg, facility_energy_kwh, number, plausibility
from commonweal.footprint.zones import Zone, doubts_of
from commonweal.units import MOST_PUE

# A choice: accelerators draw tens to hundreds of watts, so less than one watt is a power in kilowatts.
LEAST_DEVICE_W = 1.0
# The largest accelerators of 2026 draw under this; more is a server of several, and its hours must then be those of
# servers.
MOST_ACCELERATOR_W = 1_500.0
POWER_WORDS = {
    "tdp": "power: a rated power (TDP), not measured, so for most work the energy is an upper bound",
    "unknown": "power: not said to be measured; with a rated power (TDP) the energy is an upper bound for most work",
}
NO_PUE = "PUE of 1: the energy of the building itself, its cooling and power supply, is not counted"
NO_GRID = "carbon is unknown, not 0: no grid was given (--grid ZONE or --grid-g-per-kwh G)"
NO_EMBODIED = "making the hardware (embodied carbon) is not counted"
AVERAGE = "the intensity is an average of a year: neither the hour nor what one more kWh causes (marginal) is in it"


@dataclass(frozen=True, slots=True)
class Devices:
    """What trained: hours of all devices together [h], mean power of one [W], and the carbon of making one.

    `power_is`: `measured`, `tdp` or `unknown`; `manufacture_kg` and `lifetime_hours`, its expected life: both or
    neither.
    """

    hours: float
    power_w: float
    power_is: str = "unknown"
    manufacture_kg: float | None = None
    lifetime_hours: float | None = None


@dataclass(frozen=True, slots=True)
class ClosedModel:
    """A model that nobody outside can measure: its parameters, those that one token uses (None: all) [10^9], tokens
    written per task.
    """

    billions: Range
    active_billions: Range | None
    output_tokens: float


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of one training or of inference.

    `basis`: `declared`, from numbers that were given, or `modelled`; `inputs`: as given, by name with unit;
    `embodied_kg` None: not counted.
    """

    kind: str
    energy_kwh: Amount
    carbon_kg: Amount | None
    basis: str
    method: str
    inputs: Mapping[str, float | Range | None]
    not_counted: tuple[str, ...]
    warnings: tuple[str, ...]
    embodied_kg: Amount | None = None
    per_task_wh: Amount | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def _ranged(self) -> bool:
        return any(one is not None and one.low != one.high for one in (self.energy_kwh, self.carbon_kg))

    def as_json(self, zone: Zone | None) -> dict[str, Any]:
        """Everything as a JSON object; null: unknown or not counted."""
        return {
            "kind": self.kind,
            **_ends("energy_kwh", self.energy_kwh),
            **_ends("carbon_kg", self.carbon_kg),
            **_ends("embodied_kg", self.embodied_kg),
            **(_ends("energy_wh_per_task", self.per_task_wh) if self.per_task_wh else {}),
            "interval": "range" if self._ranged else None,
            "basis": self.basis,
            "method": self.method,
            "inputs": dict(self.inputs),
            "grid": None if zone is None else {name: getattr(zone, name) for name in Zone.__slots__},
            **self.more,
            "not_counted": list(self.not_counted),
            "warnings": list(self.warnings),
        }

    def lines(self, zone: Zone | None) -> Iterator[str]:
        """Everything as lines for a person."""
        yield f"energy    {self.energy_kwh.words('kWh')}  [{self.basis}] {self.method}"
        if self.per_task_wh is not None:
            yield f"per task  {self.per_task_wh.words('Wh')}"
        carbon = (
            "unknown"
            if self.carbon_kg is None or zone is None
            else f"{self.carbon_kg.words('kgCO2e')} at {zone.words()}"
        )
        yield f"carbon    {carbon}"
        if self.embodied_kg is not None:
            yield f"hardware  {self.embodied_kg.words('kgCO2e')} of making it; not in the carbon above"
        if self._ranged:
            yield "in brackets the range that the corners of the inputs give; it is no confidence interval"
        yield from (f"not counted: {text}" for text in self.not_counted)
        yield from (f"warning: {text}" for text in self.warnings)


def _ends(name: str, amount: Amount | None) -> dict[str, float | None]:
    if amount is None:
        return {name: None}
    ends = {} if amount.low == amount.high else {f"{name}_low": amount.low, f"{name}_high": amount.high}
    return {name: amount.value, **ends}


def training(devices: Devices, pue: float, zone: Zone | None) -> Report:
    """Energy = device hours x device power x PUE [kWh]; carbon = energy x intensity; embodied = kg x hours / lifetime.

    >>> report = training(Devices(79, 12041.51), 1.58, Zone(432.7, "given"))
    >>> round(report.energy_kwh.value, 1)  # Strubell et al. 2019, Table 3, BERT base
    1503.0
    """
    hours, power_w = devices.hours, devices.power_w
    kwh = facility_energy_kwh(hours, power_w, pue)
    if kwh == 0:
        raise FootprintError(f"{hours:g} h at {power_w:g} W: no training takes no time or power; is a number missing?")
    embodied = _embodied(devices)
    return Report(
        kind="training",
        energy_kwh=_one(kwh),
        carbon_kg=_carbon(_one(kwh), zone),
        basis="declared",
        method=f"{figures(hours)} device h x {figures(power_w)} W x PUE {pue:g}",
        inputs={
            "device_hours": hours,
            "device_power_w": power_w,
            "pue": pue,
            "manufacture_kg_per_device": devices.manufacture_kg,
            "lifetime_hours": devices.lifetime_hours,
        },
        not_counted=_not_counted(pue, zone, embodied, "failed and earlier runs, data preparation, network and storage"),
        warnings=(*_power_doubts(devices.power_is, power_w), *doubts_of(zone)),
        embodied_kg=embodied,
        more={"power_is": devices.power_is},
    )


def _embodied(devices: Devices) -> Amount | None:
    """The share of making the devices that falls on their hours; their hours may be many lifetimes, since they are
    many.
    """
    if (devices.manufacture_kg is None) != (devices.lifetime_hours is None):
        raise FootprintError("--embodied-kg and --lifetime-hours belong together: give both, or neither")
    if devices.manufacture_kg is None or devices.lifetime_hours is None:
        return None
    return _one(embodied_kg(devices.manufacture_kg, 1.0, devices.lifetime_hours) * devices.hours)


def _power_doubts(power: str, device_power_w: float) -> list[str]:
    warnings = [] if power == "measured" else [POWER_WORDS[power]]
    if device_power_w < LEAST_DEVICE_W:
        warnings.append(f"{device_power_w:g} W per device is below {LEAST_DEVICE_W:g} W; is it in kW, given as W?")
    if device_power_w > MOST_ACCELERATOR_W:
        warnings.append(
            f"{device_power_w:,.0f} W per device is above {MOST_ACCELERATOR_W:,.0f} W, which no single accelerator "
            "draws; where it is a server's power, the hours must be those of servers"
        )
    return warnings


def inference(tasks: float, per_task: Range | ClosedModel, pue: Range, zone: Zone | None) -> Report:
    """Energy of `tasks` tasks: tasks x energy per task x PUE, or of a closed model by its size and the tokens it
    writes.

    Parameters
    ----------
    per_task : energy of one task without the building [Wh], as a range, or the closed model that does it.
    pue : its range, 1 to 5.
    """
    number("--tasks", tasks, unit="tasks")
    if tasks == 0:
        raise FootprintError(
            "--tasks 0: with no task there is nothing to add up and no energy per task; give at least 1"
        )
    for end in pue:
        number("PUE", end, 1.0, MOST_PUE)
    return (
        _closed(tasks, per_task, pue, zone) if isinstance(per_task, ClosedModel) else _open(tasks, per_task, pue, zone)
    )


def _open(tasks: float, energy_wh: Range, pue: Range, zone: Zone | None) -> Report:
    for end in energy_wh:
        number("--energy-wh-per-task", end, unit="Wh")
    if energy_wh[1] == 0:
        raise FootprintError("--energy-wh-per-task 0: no task takes no energy; where it is unknown, leave it unknown")
    per_task = Amount(_middle(energy_wh) * _middle(pue), energy_wh[0] * pue[0], energy_wh[1] * pue[1])
    kwh = per_task.times(tasks / W_PER_KW)
    return Report(
        kind="inference",
        energy_kwh=kwh,
        carbon_kg=_carbon(kwh, zone),
        basis="declared",
        method=f"{figures(tasks)} tasks x {_said(energy_wh)} Wh x PUE {_said(pue)}",
        inputs={"tasks": tasks, "energy_wh_per_task": _given(energy_wh), "pue": _given(pue)},
        not_counted=_not_counted(
            pue[0], zone, None, "training, idle servers between tasks, network and the user's own device"
        ),
        warnings=(*doubts_of(zone), *plausibility(kwh.high, tasks=tasks)),
        per_task_wh=per_task,
    )


def _closed(tasks: float, model: ClosedModel, pue: Range, zone: Zone | None) -> Report:
    """By the published method of EcoLogits; both ends from the corners of size, active share and PUE."""
    if model.output_tokens == 0:
        raise FootprintError("--output-tokens 0: the method knows only tokens that are written; give at least 1")
    billions, used = model.billions, model.active_billions or model.billions

    def at(active: float, total: float, overhead: float) -> RequestFootprint:
        return request_footprint(active, total, model.output_tokens, overhead)

    low, high = at(used[0], billions[0], pue[0]), at(used[1], billions[1], pue[1])
    middle = at(_middle(used), _middle(billions), _middle(pue))
    per_task = Amount(middle.energy_kwh, low.energy_kwh, high.energy_kwh).times(W_PER_KW)
    kwh = per_task.times(tasks / W_PER_KW)
    words = f"{_said(billions)} billion parameters" + (
        "" if model.active_billions is None else f", {_said(used)} active"
    )
    embodied = Amount(middle.embodied_kg, low.embodied_kg, high.embodied_kg).times(tasks)
    rest = (LEFT_OUT, *_not_counted(pue[0], zone, embodied, "training, network and the user's own device"))
    return Report(
        kind="inference",
        energy_kwh=kwh,
        carbon_kg=_carbon(kwh, zone),
        basis="modelled",
        method=f"{VERSION}: {figures(tasks)} tasks x {figures(model.output_tokens)} tokens written, {words}, PUE "
        f"{_said(pue)}",
        inputs={
            "tasks": tasks,
            "model_billions": _given(billions),
            "active_billions": _given(used),
            "output_tokens": model.output_tokens,
            "pue": _given(pue),
        },
        not_counted=rest,
        warnings=(*doubts_of(zone), *plausibility(kwh.high, tasks=tasks)),
        per_task_wh=per_task,
        embodied_kg=embodied,
        more={"gpus": [low.gpus, high.gpus], "left_out": f"not in the interval: {LEFT_OUT}"},
    )


def _one(value: float) -> Amount:
    return Amount(value, value, value)


def _middle(ends: Range) -> float:
    return (ends[0] + ends[1]) / 2


def _given(ends: Range) -> float | Range:
    return ends[0] if ends[0] == ends[1] else ends


def _said(ends: Range) -> str:
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g} to {ends[1]:g}"


def _carbon(kwh: Amount, zone: Zone | None) -> Amount | None:
    if zone is None:
        return None
    low, high = zone.ends
    return Amount(carbon_kg(kwh.value, zone.g_per_kwh), carbon_kg(kwh.low, low), carbon_kg(kwh.high, high))


def _not_counted(pue: float, zone: Zone | None, embodied: object | None, rest: str) -> tuple[str, ...]:
    found = [NO_PUE] if pue == 1 else []
    found += [NO_GRID] if zone is None else [AVERAGE]
    found += [NO_EMBODIED] if embodied is None else []
    return (*found, rest)
