"""The carbon impact statement: what a system's making and use took, from the rows of its ledger, in a systematic form.

Every number is a row of evidence or stands in the system file, and says which. Offsets are shown beside it and are
never subtracted. What this module does not do: it adds nothing up (a total is a row of its own, or it is unknown), and
it writes no file (see `dossier`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from commonweal.errors import MeasurementError
from commonweal.evidence.records import Evidence, StatementPart
from commonweal.footprint.grid_intensity import FIRST_TRAINED, intensity, of_some_year
from commonweal.report.content import Dossier
from commonweal.report.statement.statement_numbers import TAGS, Number, of_declaration, of_fact, of_row, unknown
from commonweal.report.statement.statement_records import CarbonStatement, Entry, MitigationEntry, OffsetEntry
from commonweal.report.wording import deployment_name, humanise
from commonweal.system.footprints import Making
from commonweal.system.records import Asset, Deployment, System
from commonweal.system.uncertain import Uncertain

TOGETHER = ("everyone else", "nobody yet: the share is not declared", "everyone together")
BREAK_EVEN = {
    "break_even_tasks": ("Break-even: tasks from which the shared model costs less energy", "tasks", "count"),
    "never_probability": ("Probability that it never breaks even", "never", "1"),
    "break_even_tasks_with_use": ("Break-even with use counted", "tasks", "count"),
    "never_probability_with_use": ("Probability that it never breaks even, use counted", "never", "1"),
}
SAVED = ("saved", "energy_saved")
COSTS = ("cost of carbon C", "cost of electricity E")
FACTS = ("hardware", "training_energy_kwh", "training_carbon_kg", "training_grid")
NO_PUE = "not declared: the building's own use is not counted"
YEAR_UNKNOWN = "yearly average, of the table's latest year; range: how such averages changed over as long a time"


def has_ledger(dossier: Dossier) -> bool:
    """Whether there is anything to state."""
    return bool(_rows(dossier, "ledger"))


def _rows(dossier: Dossier, part: StatementPart) -> list[Evidence]:
    """The rows of the measures that declare themselves for a part of the statement."""
    names = {method.name for method in dossier.methods if method.statement_part == part}
    return [row for row in dossier.rows if row.measure in names]


def carbon_statement(dossier: Dossier) -> CarbonStatement | None:
    """The statement of a dossier; None where its system has no ledger."""
    ledger, read_here, costs = _rows(dossier, "ledger"), _rows(dossier, "read_here"), _rows(dossier, "costs")
    if not ledger:
        return None
    books, system = _Books(ledger, dossier.rows), dossier.system
    tags = Counter(books.number(row, "1").tag for row in (*ledger, *read_here))
    missing = [row for row in ledger if row.estimate is None and _quantity(row) not in SAVED]
    return CarbonStatement(
        system=system.name,
        version=dossier.run.version,
        started=dossier.run.started,
        totals=tuple(_totals(system, books)),
        making=tuple(
            _stage(asset, name, making, books) for asset in system.assets for name, making in asset.stages.items()
        ),
        undeclared=tuple(_undeclared(system)),
        use=tuple(_use(deployment, books) for deployment in system.deployments),
        carried=tuple(_carried(system, books)),
        measured_here=tuple(_measured_here(read_here, books)),
        mitigations=tuple(_mitigations(system, books)),
        offsets=tuple(_offsets(system, books)),
        costs=tuple(_costs(costs, system, books)),
        valued_by=costs[0].measure if costs else "",
        rows_by_tag={tag: tags[tag] for tag in TAGS},
        unknown=tuple(
            dict.fromkeys(part for row in missing for part in (row.facts and row.facts.reasons) or (row.note,))
        ),
    )


class _Books:
    """The rows of a ledger by what they are about; rows alike in that are handed out in their order.

    `rows`: all of the dossier.
    """

    def __init__(self, ledger: Sequence[Evidence], rows: Sequence[Evidence]) -> None:
        self.known = {row.id: row for row in rows}
        self._found: dict[tuple[str, ...], list[Evidence]] = defaultdict(list)
        for row in ledger:
            group = _group(row)
            keys = (group.get("stage", ""), group.get("carried by", ""), group.get("what", ""))
            self._found[(_quantity(row), row.subjects[0] if keys[0] or keys[2] else "", *keys)].append(row)

    def take(
        self, quantity: str, subject: str = "", stage: str = "", holder: str = "", what: str = ""
    ) -> Evidence | None:
        """The next row of the ledger with these properties, removed from the books; None if there is none left."""
        found = self._found[(quantity, subject, stage, holder, what)]
        return found.pop(0) if found else None

    def number(self, row: Evidence | None, unit: str) -> Number:
        return of_row(row, unit, self.known)


def _quantity(row: Evidence) -> str:
    one = row.estimate or row.missing
    return one.quantity if one else ""


def _group(row: Evidence) -> Mapping[str, str]:
    one = row.estimate or row.missing
    return (one.group or {}) if one else {}


def _totals(system: System, books: _Books) -> Iterator[Entry]:
    holders = [(one.key, deployment_name(one)) for one in system.deployments] + [(name, name) for name in TOGETHER]
    for key, name in holders:
        rows = {"energy": books.take("energy_total", holder=key), "carbon": books.take("carbon_total", holder=key)}
        if any(rows.values()):
            numbers = {"energy": books.number(rows["energy"], "kWh"), "carbon": books.number(rows["carbon"], "kgCO2e")}
            yield Entry(title=name, subject=key, numbers=numbers)


def _stage(asset: Asset, name: str, making: Making, books: _Books) -> Entry:
    """One declared stage of making, in the order of a systematic report."""
    title = f"{humanise(name)} of {asset.id}"
    embodied = making.stage == "embodied"
    energy = None if embodied else books.take("energy", asset.id, name)
    carbon = books.number(books.take("carbon", asset.id, name), "kgCO2e")
    if embodied:
        title = f"Making the hardware (embodied), as far as it falls on {asset.id}"
        return Entry(title=title, subject=asset.id, stage=making.stage, numbers={"carbon": carbon})
    used = energy.id if energy else ""
    hours = making.device_hours
    numbers = {
        "compute_hours": unknown("h", "not declared")
        if hours is None
        else of_fact(hours, "h", "system file; all devices together", used),
        "device_power": _declared(making.device_power, "W", "not declared", used),
        "pue": _declared(
            making.pue, "1", NO_PUE if making.energy is None else "not declared apart: the energy holds it", used
        ),
        "energy": books.number(energy, "kWh"),
    }
    region, numbers["grid_intensity"] = _grid(
        (making.grid, making.year, making.grid_intensity), carbon.evidence, FIRST_TRAINED
    )
    if isinstance(making.carbon, Uncertain):
        region, numbers["grid_intensity"] = "not used: the carbon is declared as such", unknown("g/kWh", "not used")
    facts = {"hardware": _fact(asset, "hardware"), "region": region}
    return Entry(title=title, subject=asset.id, stage=making.stage, numbers={**numbers, "carbon": carbon}, facts=facts)


def _declared(number: Uncertain | str | None, unit: str, without: str, evidence: str) -> Number:
    return of_declaration(number, evidence) if isinstance(number, Uncertain) else unknown(unit, without)


def _fact(asset: Asset, name: str) -> str:
    fact = asset.declared.get(name)
    return "not declared" if fact is None else ", ".join(map(str, fact)) if isinstance(fact, tuple) else str(fact)


def _grid(
    place: tuple[str | None, int | None, Uncertain | None], evidence: str, since: int | None = None
) -> tuple[str, Number]:
    """The region in words and the carbon of its electricity, with year and source."""
    zone, year, own = place
    if own is not None:
        name = zone if zone and zone != "unknown" else "not named"
        return f"{name}; its intensity is declared", of_declaration(own, evidence)
    if zone in (None, "unknown"):
        said = "unknown" if zone else "not declared"
        return said, unknown("g/kWh", f"the grid is {said}")
    try:
        grid = intensity(str(zone), year)
    except MeasurementError as error:
        return f"{zone}: not in the table", unknown("g/kWh", str(error))
    if year is None:
        some = of_declaration(of_some_year(grid.zone, since), evidence).model_copy(update={"method": YEAR_UNKNOWN})
        return f"{grid.name} ({grid.zone}), the latest year of the table, {grid.year}", some
    number = of_fact(grid.g_per_kwh, "g/kWh", grid.source, evidence)
    average = f"yearly average of {grid.year}, taken as exact"
    return f"{grid.name} ({grid.zone}), {grid.year}", number.model_copy(
        update={"grade": "literature", "method": average}
    )


def _undeclared(system: System) -> Iterator[Entry]:
    for asset in system.assets:
        if asset.kind in {"model", "adapted_model"} and not asset.making:
            facts = {humanise(name).lower(): _fact(asset, name) for name in FACTS}
            yield Entry(
                title=f"Making of {asset.id}",
                subject=asset.id,
                facts=facts,
                numbers={
                    "energy": unknown("kWh", f"what making {asset.id} took is not declared (`making`)"),
                    "carbon": unknown("kgCO2e", f"what making {asset.id} took is not declared (`making`)"),
                },
            )


def _use(deployment: Deployment, books: _Books) -> Entry:
    """The electricity of deciding, over the years that are counted."""
    value, key = deployment.value, deployment.key
    energy = books.take("energy_carried", deployment.application, "inference", key)
    carbon = books.number(books.take("carbon_carried", deployment.application, "inference", key), "kgCO2e")
    used = energy.id if energy else ""
    volume = deployment.volume
    per_task = value.energy_per_task if value else None
    origin = next((books.known[name] for name in (energy.derived_from if energy else ()) if name in books.known), None)
    region, grid = _grid((deployment.grid, None, value.grid_intensity if value else None), carbon.evidence)
    numbers = {
        "volume": of_fact(float(volume), "task/year", "system file", used)
        if isinstance(volume, int | float)
        else unknown("task/year", "unknown" if volume else "not declared"),
        "energy_per_task": of_declaration(per_task, used)
        if per_task
        else books.number(origin, "Wh/1000 decisions")
        if origin
        else unknown("Wh/1000 decisions", "neither measured nor declared"),
        "pue": _declared(value.pue if value else None, "1", NO_PUE, used),
        "energy": books.number(energy, "kWh"),
        "grid_intensity": grid,
        "carbon": carbon,
    }
    years = value.years if value else 1.0
    here = (
        f"{origin.provenance.device or 'not named'} in this run; that of the place of use is not declared"
        if origin
        else ""
    )
    facts = {
        "years_counted": f"{years:g} year{'' if years == 1 else 's'}",
        "hardware": here or "not declared",
        "region": region,
    }
    return Entry(
        title=f"Use in {deployment_name(deployment)}", subject=key, stage="inference", numbers=numbers, facts=facts
    )


def _carried(system: System, books: _Books) -> Iterator[Entry]:
    for asset in system.assets:
        for stage, making in asset.stages.items():
            for holder in (*(one.key for one in system.deployments), *TOGETHER[:2]):
                rows = [books.take(f"{name}_carried", asset.id, stage, holder) for name in ("energy", "carbon")]
                units = {"energy": "kWh", "carbon": "kgCO2e"}
                numbers = {
                    name: books.number(row, units[name])
                    for name, row in zip(units, rows, strict=True)
                    if row is not None
                }
                if numbers:
                    title = f"{humanise(stage)} of {asset.id}"
                    yield Entry(title=title, subject=holder, stage=making.stage, numbers=numbers)


def _measured_here(rows: Sequence[Evidence], books: _Books) -> Iterator[Entry]:
    for row in rows:
        who = ", ".join(f"{name} {part}" for name, part in _group(row).items())
        title = f"{humanise(_quantity(row) or 'energy')} of {row.subjects[0]}{f' ({who})' if who else ''}"
        unit = row.estimate.unit if row.estimate else "Wh/1000 decisions"
        yield Entry(title=title, subject=row.subjects[0], numbers={_quantity(row) or "energy": books.number(row, unit)})


def _mitigations(system: System, books: _Books) -> Iterator[MitigationEntry]:
    for asset in system.assets:
        for mitigation in asset.mitigations:
            saves = books.number(books.take("saved", asset.id, what=mitigation.what), "kgCO2e")
            if saves.tag == "unknown" and mitigation.on is None:
                said = "unknown" if mitigation.saves == "unknown" else "not declared"
                saves = unknown("kgCO2e", f"what it saves is {said}", saves.evidence)
            yield MitigationEntry(
                asset=asset.id,
                what=mitigation.what,
                status=mitigation.status,
                reason=mitigation.reason or "",
                saves=saves,
            )


def _offsets(system: System, books: _Books) -> Iterator[OffsetEntry]:
    for asset in system.assets:
        for one in asset.offsets:
            yield OffsetEntry(
                asset=asset.id,
                what=one.what,
                carbon=books.number(books.take("offset", asset.id, what=one.what), "kgCO2e"),
            )


def _costs(rows: Sequence[Evidence], system: System, books: _Books) -> Iterator[Entry]:
    """What carbon and electricity cost, and the break-even, of each deployment whose value is reckoned."""
    names = {one.key: deployment_name(one) for one in system.deployments}
    for row in rows:
        group, quantity = _group(row), _quantity(row)
        key, term = group.get("deployment", ""), group.get("term", "")
        if term in COSTS or quantity in BREAK_EVEN:
            what, name, unit = (humanise(term), "cost", "money") if term else BREAK_EVEN[quantity]
            yield Entry(title=f"{what}, {names.get(key, key)}", subject=key, numbers={name: books.number(row, unit)})
