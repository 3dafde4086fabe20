"""The ledger as rows of evidence: every line, whole and by who carries it, totals, offsets and savings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from commonweal.assessment.row_writer import VERSION, Writer
from commonweal.assessment.value.allocation import EMBODIED
from commonweal.assessment.value.ledger import CarbonLedger, Draws
from commonweal.assessment.value.ledger_totals import totals
from commonweal.assessment.value.savings import declared_savings, possible_savings
from commonweal.assessment.value.value_estimates import Grounds, as_declared, missing_for, over_draws
from commonweal.evidence.records import Estimate, Evidence, Method, Missing, Quantity
from commonweal.system.records import System

LEDGER_SOURCE = "declared and measured energy; ISO/IEC 21031:2024 (embodied share); grid intensities per row"
LEDGER_METHOD = Method(
    name="environment.life_cycle",
    title="Ledger of energy and carbon",
    summary="Energy and carbon of each stage of each asset's life, whole and by who carries it, without counting any "
    "of it twice.",
    source=LEDGER_SOURCE,
    version=VERSION,
    cluster="none: declared figures, and the measured energy of deciding",
    applies_to="asset with declared stages of making, deployment",
    statement_part="ledger",
    description=(
        "Energy and carbon of each stage of each asset's life.\n\nThe parts of an asset and what stays with everyone "
        "else add up to the whole. A stage that nobody declared is not there; one that is declared unknown has a row "
        "that says so."
    ),
    quantities={
        "energy": Quantity(
            unit="kWh", label="energy", about="with the building's own use only where its PUE is declared"
        ),
        "carbon": Quantity(
            unit="kgCO2e", label="carbon", about="of electricity by the grid's yearly average; embodied as declared"
        ),
        "energy_carried": Quantity(
            unit="kWh",
            label="energy, by responsible asset or deployment",
            about="making: the allocated share; use: over the declared years",
        ),
        "carbon_carried": Quantity(
            unit="kgCO2e",
            label="carbon, by responsible asset or deployment",
            about="these shares and everyone else's sum to the total",
        ),
        "energy_total": Quantity(unit="kWh", label="energy in all", about="a total with an unknown part is unknown"),
        "carbon_total": Quantity(unit="kgCO2e", label="carbon in all", about="a total with an unknown part is unknown"),
        "offset": Quantity(unit="kgCO2e", label="offset", about="paid for elsewhere; shown, and never subtracted"),
        "saved": Quantity(
            unit="kgCO2e",
            label="carbon saved by a mitigation",
            about="as declared, or worked out from its lever; below 0: it costs more than it saves",
        ),
        "energy_saved": Quantity(unit="kWh", label="energy saved by a mitigation", about="worked out from its lever"),
        "could_save": Quantity(
            unit="kgCO2e", label="carbon that could be saved", about="nobody has decided on it; not to be added up"
        ),
        "energy_could_save": Quantity(
            unit="kWh", label="energy that could be saved", about="as measured on the model here"
        ),
    },
    warnings=(
        "Declared figures are as good as their source. Power times hours with a rated power is an upper bound for "
        "most work.",
        "What could be saved elsewhere takes averages of zones: what one more kilowatt-hour causes there can differ. "
        "A training can wait and move, a service with short answers usually cannot.",
        "A yearly average says nothing about the hour, nor about what one more kilowatt-hour causes.",
    ),
)


def ledger_rows(
    system: System, books: CarbonLedger, ratios: Sequence[Evidence], draws: Draws, writer: Writer
) -> Iterator[Evidence]:
    """Every line, the totals, offsets, what mitigations save, and what others could.

    `ratios`: rows with the energy of a model with a mitigation over that without it.
    """
    for line in (*books.whole, *books.parts, *books.use):
        group = {"stage": line.name} | ({"carried by": line.holder} if line.holder else {})
        kind = "_carried" if line.holder else ""
        for quantity, unit, product in (
            (f"energy{kind}", "kWh", line.energy),
            (f"carbon{kind}", "kgCO2e", line.carbon),
        ):
            if product is None:
                if line.stage == EMBODIED and unit == "kWh":
                    continue  # it is carbon by its nature
                found: Estimate | Missing = missing_for(quantity, line.unknown, group)
            else:
                grounds = Grounds(product.grade, product.sources)
                found = over_draws((quantity, unit), draws.spread(product), group, product.method, grounds)
            yield writer.row((line.asset,), found, line.evidence)
    for total in totals(system, books, draws.count):
        yield writer.row(total.subjects, total.found, total.evidence)
    for asset in system.assets:
        for offset in asset.offsets:
            yield writer.row((asset.id,), as_declared("offset", offset.carbon, {"what": offset.what}), ())
    for saving in (*declared_savings(system, books, draws), *possible_savings(system, books, ratios, draws)):
        yield writer.row((saving.subject,), saving.found, saving.evidence)
