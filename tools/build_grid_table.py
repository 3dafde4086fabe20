"""Write src/commonweal/footprint/grid_intensity.csv from the tables of codecarbon, given the folder that holds them.

    python tools/build_grid_table.py FOLDER

Countries: Our World in Data, the year of each row. European countries also 2000 to 2020. States of the United States:
eGRID 2016, pounds per MWh. Provinces of Canada: computed from each mix and codecarbon's factors per source.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

KG_PER_LB = 0.45359237
TARGET = Path(__file__).parents[1] / "src" / "commonweal" / "footprint" / "grid_intensity.csv"
OWID = "Our World in Data, based on Ember, via codecarbon b05965e"
EUROPE = "codecarbon b05965e, eu-carbon-intensity-electricity.csv, whose own source is not stated"
EGRID = "US EPA eGRID 2016 by state, via codecarbon b05965e"
MIX = (
    "computed from the provincial mix (labelled 2023 by codecarbon) and the factors per source of codecarbon b05965e; "
    "biomass counted as 0"
)
PROVINCES = {
    "alberta": ("AB", "Alberta"), "british columbia": ("BC", "British Columbia"), "manitoba": ("MB", "Manitoba"),
    "new brunswick": ("NB", "New Brunswick"), "newfoundland and labrador": ("NL", "Newfoundland and Labrador"),
    "northwest territories": ("NT", "Northwest Territories"), "nova scotia": ("NS", "Nova Scotia"),
    "nunavut": ("NU", "Nunavut"),
    "ontario": ("ON", "Ontario"), "prince edward island": ("PE", "Prince Edward Island"), "quebec": ("QC", "Québec"),
    "saskatchewan": ("SK", "Saskatchewan"), "yukon": ("YT", "Yukon"),
}  # fmt: skip
FACTORS = {
    "naturalGas": "natural_gas",
    "nuclear": "nuclear",
    "petroleum": "petroleum",
    "coal": "coal",
    "solar": "solar",
    "wind": "wind",
    "hydro": "hydroelectricity",
}
NAMES = {"TUR": "Türkiye"}
Row = tuple[str, str, float, int, str, str]


def rows(folder: Path) -> Iterator[Row]:
    """Every row: zone, name, g/kWh, year, source, licence."""

    def read(name: str) -> dict[str, dict[str, float]]:
        content: dict[str, dict[str, float]] = json.loads((folder / name).read_text(encoding="utf-8"))
        return content

    for zone, entry in read("global_energy_mix.json").items():
        name = NAMES.get(zone, str(entry["country_name"]))
        yield zone, name, float(entry["carbon_intensity"]), int(entry["year"]), OWID, "CC BY 4.0"
    with (folder / "eu-carbon-intensity-electricity.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if len(line["Code"] or "") == 3:
                grams = float(line["Carbon intensity of electricity (gCO2/kWh)"])
                yield line["Code"], line["Entity"], grams, int(line["Year"]), EUROPE, "MIT"
    for state, entry in read("usa_emissions.json").items():
        if state not in {"usa", "_unit"}:
            grams = float(entry["emissions"]) * KG_PER_LB
            yield f"US-{entry['regionCode']}", f"{state.title()} (United States)", grams, 2016, EGRID, "MIT"
    factors = read("carbon_intensity_per_source.json")
    for province, mix in read("canada_energy_mix.json").items():
        code, name = PROVINCES[province]
        grams = sum(mix.get(source, 0.0) * float(factors[factor]) for source, factor in FACTORS.items()) / 100  # type: ignore[arg-type]
        yield f"CA-{code}", f"{name} (Canada)", grams, 2023, MIX, "MIT"


def main(folder: Path) -> None:
    found = {(zone, year): row for row in rows(folder) for zone, _, _, year, *_ in [row] if row[2] > 0}
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["zone", "name", "g_per_kwh", "year", "source", "licence"])
        for key in sorted(found):
            zone, name, grams, year, source, licence = found[key]
            writer.writerow([zone, name, f"{grams:.1f}", year, source, licence])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
