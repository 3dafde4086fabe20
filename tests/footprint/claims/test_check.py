"""Claims: published rows come out, known slips are found and named, right claims stay silent, and nothing passes
unchecked.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from commonweal.footprint.claims.check import check_claims, shipped_claims, verdict_record
from commonweal.footprint.claims.claim_file import claims_from_text
from commonweal.footprint.claims.claim_formulas import FORMULAS
from commonweal.footprint.claims.claim_records import Verdict
from commonweal.footprint.money import CPI_U

HEAD = "schema: commonweal-claims/1\nsource: made up\nclaims:\n"
DOCS = Path(__file__).resolve().parents[3] / "docs" / "claims.md"


def claim(name: str, claimed: str, formula: str = "", more: str = "", **inputs: str) -> str:
    """One claim of a file, as text."""
    lines = [f"  - id: {name}", "    quantity: a figure", f"    claimed: {claimed}"]
    lines += [f"    formula: {formula}"] if formula else []
    lines += ["    inputs:", *(f"      {key}: {value}" for key, value in inputs.items())] if inputs else []
    return "\n".join([*lines, *([f"    {more}"] if more else [])]) + "\n"


def checked(*claims: str) -> dict[str, Verdict]:
    return {one.claim.id: one for one in check_claims(claims_from_text(HEAD + "".join(claims)))}


def only(claimed: str, formula: str = "", **inputs: str) -> Verdict:
    return checked(claim("a", claimed, formula, **inputs))["a"]


SHIPPED = {
    "bert-energy": ("follows", 1502.97, ""), "bert-carbon": ("follows", 652.12, ""), "bert-trees": ("does_not_follow", 10.867, "carbon_co2"),
    "quebec-saving": ("does_not_follow", 378.0, "digit_lost"), "estonia-saving": ("follows", 12768.0, ""),
    "estonia-trees": ("follows", 212.8, ""), "estonia-acres": ("does_not_follow", 15.571, "carbon_co2"),
    "quebec-acres": ("does_not_follow", 0.09512, "carbon_co2"), "carbon-price": ("follows", 105.0, ""),
    "electricity-price": ("cannot_be_checked", None, ""), "outage-cost": ("cannot_be_checked", None, ""),
    "break-even": ("cannot_be_checked", None, ""),
}  # fmt: skip


def test_every_shipped_claim_has_the_verdict_that_its_arithmetic_gives() -> None:
    """By hand: 79 x 12.04151 x 1.58; 1507 x 0.954 x 0.45359; 652/60; 0.09e-3 x 4.2e6; 3.04e-3 x 4.2e6; /60; /820;
    78/820.
    """
    verdicts = {one.claim.id: one for one in check_claims(shipped_claims())}
    assert verdicts.keys() == SHIPPED.keys()
    for name, (outcome, value, suspicion) in SHIPPED.items():
        assert (verdicts[name].outcome, verdicts[name].suspicion) == (outcome, suspicion), name
        assert verdicts[name].recomputed == (None if value is None else pytest.approx(value, rel=1e-4)), name
        assert verdicts[name].sources


def test_what_the_shipped_verdicts_say() -> None:
    verdicts = {one.claim.id: one for one in check_claims(shipped_claims())}
    assert verdicts["bert-trees"].ratio == pytest.approx(3.681, abs=1e-3)
    assert verdicts["quebec-acres"].inherits == ("quebec-saving",)
    assert verdicts["quebec-acres"].rebuilt == pytest.approx(378 / 820)
    assert verdicts["quebec-acres"].claim.tolerance == verdicts["estonia-acres"].claim.tolerance == 0.015
    assert "suspicion" in verdicts["estonia-acres"].explanation
    assert any("3% 95th percentile: 105" in remark for remark in verdicts["carbon-price"].remarks)
    assert "the claim needs adaptation = 8.162 kWh" in verdicts["break-even"].explanation
    assert "it would be 55.81 to 64.87" in verdicts["break-even"].explanation
    assert verdicts["break-even"].missing == ("adaptation",)


STRUBELL = [
    ("12 h", "1415.78 W", "27 kWh"),
    ("84 h", "1515.43 W", "201 kWh"),
    ("336 h", "517.66 W", "275 kWh"),
    ("274120 h", "1515.43 W", "656,347 kWh"),
]
PUBLISHED = [
    *(claim(f"strubell-{place}", kwh, "energy", hours=hours, power=power, pue="1.58") for place, (hours, power, kwh) in enumerate(STRUBELL)),
    claim("strubell-nas-carbon", "626,155 lb CO2e", "carbon", energy="656,347 kWh", intensity="0.954 lb/kWh"),
    claim("gpt3", "1,287 MWh", "energy", hours="14.8 days", power="330 W", devices="10,000 devices", pue="1.10"),
    claim("gpt3-carbon", "552.1 t", "carbon", energy="{claim: gpt3}", intensity="0.429 kg/kWh"),
    claim("nas-overstated", "88 times", "ratio", part="626,155 lb", whole="3.2 t", more="tolerance: 2 %"),
    claim("bloom", "433,196 kWh", "energy", hours="1,082,990 GPU-h", power="0.4 kW"),
    claim("bloom-dynamic", "24.69 t", "carbon", energy="{claim: bloom}", intensity="57 g/kWh"),
    claim("bloom-idle", "14.6 t", "carbon", energy="256,646 kWh", intensity="57 g/kWh"),
    claim("bloom-embodied", "11.2 t", "sum", servers="7.57 t", gpus="3.64 t"),
    claim("bloom-total", "50.5 t", "sum", dynamic="{claim: bloom-dynamic}", idle="{claim: bloom-idle}", embodied="{claim: "
    "bloom-embodied}"),
    claim("bloom-operational", "39.3 t", "sum", dynamic="{claim: bloom-dynamic}", idle="{claim: bloom-idle}"),
    claim("bloom-idle-share", "37 %", "ratio", part="{claim: bloom-idle}", whole="{claim: bloom-operational}"),
    claim("henderson", "378 kg/day", "per_unit", each="0.09 g/experiment", count="4.2e6 experiments/day"),
    claim("bert-cost", "68.5 USD2007", "cost", amount="1438 lb", price="105 USD2007/t"),
    claim("gpt3-electricity", "177,000 USD2021", "cost", amount="{claim: gpt3}", price="0.1376 USD2021/kWh"),
    claim("price", "190 USD2020/t", "carbon_price", table="EPA2023", year="2020", rate="2%"),
    claim("break-even-0", "55.8 tasks", "break_even", pretraining="1507 kWh", scratch="27 kWh", adaptation="0 kWh"),
    claim("break-even-3", "63.1 tasks", "break_even", pretraining="1507 kWh", scratch="27 kWh", adaptation="3.1 kWh"),
    claim("sci-embodied", "50 kg", "embodied", manufacture="2500 kg", hours="876 h", lifetime="5 years"),
    claim("saving", "-2 kg", "difference", whole="3 kg", part="5 kg"),
]  # fmt: skip


def test_published_rows_can_be_written_and_follow() -> None:
    """Strubell et al. 2019, Table 3; Patterson et al. 2021, Table 4; Luccioni et al. 2022; Henderson et al. 2020;
    EPA 2023.
    """
    found = checked(*PUBLISHED)
    assert {name: one.explanation for name, one in found.items() if one.outcome != "follows"} == {}
    assert len(found) == len(PUBLISHED)
    assert {one.claim.formula for one in found.values()} | {"equivalent"} == set(FORMULAS)


RIGHT = {"energy": "1000 kWh", "intensity": "429 g/kWh"}
SLIPS = [
    ("carbon_co2", "1573 kg", "carbon", RIGHT), ("carbon_co2", "117 kg", "carbon", RIGHT),
    ("pounds_kilograms", "945.8 kg", "carbon", RIGHT), ("pounds_kilograms", "429 lb", "carbon", RIGHT),
    ("thousands", "429,000 kg", "carbon", RIGHT), ("thousands", "0.429 kg", "carbon", RIGHT), ("thousands", "429 t", "carbon", RIGHT),
    ("thousands", "48 Wh", "energy", {"hours": "100 h", "power": "300 W", "pue": "1.6"}),
    ("pue_twice", "76.8 kWh", "energy", {"hours": "100 h", "power": "300 W", "pue": "1.6"}),
    ("pue_forgotten", "30 kWh", "energy", {"hours": "100 h", "power": "300 W", "pue": "1.6"}),
    ("days_years", "2 kg/day", "per_unit", {"each": "1 kg/task", "count": "2 tasks/year"}),
    ("days_years", "2 kg/year", "per_unit", {"each": "1 kg/task", "count": "2 tasks/day"}),
    ("hours_days", "720 kWh", "energy", {"hours": "100 h", "power": "300 W"}),
    ("price_year", "1050 USD2021", "cost", {"amount": "10 t", "price": "105 USD2007/t"}),
    ("price_year", "105 USD2020/t", "carbon_price", {"table": "IWG2016", "year": "2015", "rate": "3% 95th percentile"}),
    ("digit_lost", "48 kWh", "energy", {"hours": "1426.667 h", "power": "300 W"}),
    ("", "500 kg", "carbon", RIGHT),
]  # fmt: skip


@pytest.mark.parametrize(("suspicion", "claimed", "formula", "inputs"), SLIPS)
def test_each_slip_is_found_and_named(suspicion: str, claimed: str, formula: str, inputs: dict[str, str]) -> None:
    found = only(claimed, formula, **inputs)
    assert (found.outcome, found.suspicion) == ("does_not_follow", suspicion), found.explanation
    assert ("suspicion" in found.explanation) == bool(suspicion)
    assert ("no known slip" in found.explanation) == (not suspicion)


@pytest.mark.parametrize(
    ("claimed", "formula", "inputs"),
    [
        ("429 kg", "carbon", RIGHT),
        ("117 kgC", "carbon", RIGHT),
        ("945.8 lb", "carbon", RIGHT),
        ("0.429 t", "carbon", RIGHT),
        ("48,000 Wh", "energy", {"hours": "100 h", "power": "300 W", "pue": "1.6"}),
        ("730 kg/year", "per_unit", {"each": "1 kg/task", "count": "2 tasks/day"}),
        ("1372 USD2021", "cost", {"amount": "10 t", "price": "105 USD2007/t"}),
        ("105 USD2007/t", "carbon_price", {"table": "IWG2016", "year": "2015", "rate": "3% 95th percentile"}),
        ("428 kWh", "energy", {"hours": "1426.667 h", "power": "300 W"}),
        ("600 EUR2020", "cost", {"amount": "10 t", "price": "60 EUR2020/t"}),
        ("0.002 kWh", "per_unit", {"each": "0.0000024 kWh/inference", "count": "1000 inferences"}),
        ("0 kg", "carbon", {"energy": "0 kWh", "intensity": "429 g/kWh"}),
    ],
)
def test_a_right_claim_stays_silent(claimed: str, formula: str, inputs: dict[str, str]) -> None:
    found = only(claimed, formula, **inputs)
    assert (found.outcome, found.suspicion) == ("follows", ""), found.explanation
    assert "slip" not in found.explanation
    assert "suspicion" not in found.explanation


def test_two_slips_that_would_explain_a_claim_are_both_told_and_none_is_named() -> None:
    energy = claim("energy", "2.2 kWh", "energy", hours="1 h", power="1 kW", pue="2.2")
    carbon = claim("carbon", "2.2 kg", "carbon", energy="{claim: energy}", intensity="454.5 g/kWh")
    found = checked(energy, carbon)["carbon"]
    assert (found.outcome, found.suspicion) == ("does_not_follow", "")
    assert (
        "more than one slip would explain it: the PUE of 2.2 is applied twice; or pounds stand for kilograms"
        in found.explanation
    )


def test_pue_twice_along_a_chain_is_found() -> None:
    energy = claim("energy", "48 kWh", "energy", hours="100 h", power="300 W", pue="1.6")
    twice = claim("carbon", "38.4 kg", "carbon", energy="{claim: energy}", intensity="500 g/kWh", pue="1.6")
    once = claim("carbon", "24 kg", "carbon", energy="{claim: energy}", intensity="500 g/kWh", pue="1.6")
    unsaid = claim("carbon", "38.4 kg", "carbon", energy="{claim: energy}", intensity="500 g/kWh")
    for text, outcome, suspicion in (
        (twice, "does_not_follow", "pue_twice"),
        (unsaid, "does_not_follow", "pue_twice"),
        (once, "follows", ""),
    ):
        found = checked(energy, text)["carbon"]
        assert (found.outcome, found.suspicion) == (outcome, suspicion)
        assert found.recomputed == pytest.approx(24.0)
    assert "in claim 'energy' already" in checked(energy, twice)["carbon"].remarks[0]
    metered = claim("carbon", "24 kg", "carbon", energy="30 kWh", intensity="500 g/kWh", pue="1.6")
    assert checked(metered)["carbon"].outcome == "follows"


def test_a_chain_takes_the_claimed_or_the_recomputed_value_and_says_what_it_inherits() -> None:
    wrong = claim("energy", "100 kWh", "energy", hours="100 h", power="300 W")
    from_claimed = claim("carbon", "50 kg", "carbon", energy="{claim: energy}", intensity="500 g/kWh")
    from_right = claim("right", "15 kg", "carbon", energy="{claim: energy, take: recomputed}", intensity="500 g/kWh")
    mended = claim("mended", "15 kg", "carbon", energy="{claim: energy}", intensity="500 g/kWh")
    later = claim("later", "100 kg", "per_unit", each="{claim: carbon}", count="2")
    verdicts = checked(later, mended, from_right, from_claimed, wrong)
    assert [one.outcome for one in verdicts.values()] == [
        "follows",
        "does_not_follow",
        "follows",
        "follows",
        "does_not_follow",
    ]
    assert verdicts["carbon"].inherits == verdicts["later"].inherits == ("energy",)
    assert verdicts["carbon"].rebuilt == pytest.approx(15.0)
    assert verdicts["later"].rebuilt == pytest.approx(30.0)
    assert (
        "it rests on 'energy', which does not follow; with that mended the inputs give 15"
        in verdicts["carbon"].explanation
    )
    assert "give 15, as claimed" in verdicts["mended"].explanation


@pytest.mark.parametrize(
    ("inputs", "missing", "told"),
    [
        ({}, ("formula and inputs",), "no formula or inputs given"),
        ({"formula": "carbon"}, ("inputs",), "no inputs given"),
        ({"formula": "carbon", "energy": "1000 kWh"}, ("intensity",), "the claim needs intensity = 429 g/kWh"),
        (
            {"formula": "carbon", "energy": "unknown", "intensity": "429 g/kWh"},
            ("energy",),
            "the claim needs energy = 1,000 kWh",
        ),
        (
            {"formula": "carbon", "energy": "{unknown: no meter}", "intensity": "unknown"},
            ("energy", "intensity"),
            "energy (no meter)",
        ),
        ({"formula": "sum", "a": "400 kg", "b": "unknown"}, ("b",), "b (not given)"),
        (
            {"formula": "sum", "a": "400 kg", "b": "{unknown: '', from: 20 kg, to: 30 kg}"},
            ("b",),
            "the claim needs b = 29 kg; with b from 20 kg",
        ),
    ],
)
def test_what_is_missing_is_named_and_never_passes(inputs: dict[str, str], missing: tuple[str, ...], told: str) -> None:
    found = only("429 kg", **inputs)
    assert (found.outcome, found.missing, found.recomputed) == ("cannot_be_checked", missing, None)
    assert told in found.explanation


def test_a_claim_on_one_that_cannot_be_checked_says_so() -> None:
    bare = claim("bare", "100 kWh")
    found = checked(bare, claim("a", "50 kg", "carbon", energy="{claim: bare}", intensity="500 g/kWh"))["a"]
    assert (found.outcome, found.remarks) == ("follows", ("`energy` is claim 'bare', which cannot be checked itself",))
    found = checked(
        bare, claim("a", "50 kg", "carbon", energy="{claim: bare, take: recomputed}", intensity="500 g/kWh")
    )["a"]
    assert (found.outcome, found.missing) == ("cannot_be_checked", ("energy",))


def test_money() -> None:
    """Other currencies have no deflator here: the face value is a finding, anything else cannot be checked."""
    old = {"amount": "10 t", "price": "60 EUR2015/t"}
    assert (only("600 EUR2021", "cost", **old).outcome, only("600 EUR2021", "cost", **old).suspicion) == (
        "does_not_follow",
        "price_year",
    )
    assert only("660 EUR2021", "cost", **old).outcome == "cannot_be_checked"
    assert only("660 EUR2021", "cost", **old, deflator="1.1").outcome == "follows"
    assert only("600 USDunknown", "cost", amount="10 t", price="60 USD2015/t").missing == ("price",)
    cell = {"table": "IWG2016", "year": "2015", "rate": "3%"}
    assert only("36 USDunknown/t", "carbon_price", **cell).missing == ("claimed",)
    converted = only("1372 USD2021", "cost", amount="10 t", price="105 USD2007/t")
    assert converted.remarks == (
        f"USD2007 became USD2021 by the consumer price index, x {CPI_U[2021] / CPI_U[2007]:.4g}",
    )
    near = only("1000 USD2015", "cost", amount="10 t", price="100 USD2014/t")
    assert (near.outcome, len(near.remarks)) == ("follows", 1)
    total = only("-40 USD2020", "sum", benefit="60 USD2020", harm="-100 USD2020")
    assert total.outcome == "follows"
    mixed = only("200 USD2020", "sum", early="100 USD2007", late="100 USD2020")
    assert mixed.suspicion == "price_year"
    assert mixed.recomputed == pytest.approx(100 + 100 * CPI_U[2020] / CPI_U[2007])


def test_never_is_no_number() -> None:
    found = only("80 tasks", "break_even", pretraining="1507 kWh", scratch="27 kWh", adaptation="30 kWh")
    assert (found.outcome, found.recomputed, found.ratio, found.suspicion) == ("does_not_follow", None, None, "")
    assert "never" in found.explanation
    assert verdict_record(found)["recomputed"] is None


def test_the_example_of_the_docs_says_what_the_docs_say() -> None:
    text = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[0]
    verdicts = {one.claim.id: one for one in check_claims(claims_from_text(text))}
    assert [one.outcome for one in verdicts.values()] == ["follows", "does_not_follow", "follows", "cannot_be_checked"]
    assert verdicts["training-carbon"].suspicion == "carbon_co2"
    assert verdicts["training-carbon"].ratio == pytest.approx(3.66, abs=0.01)
    assert verdicts["training-cost"].inherits == ("training-carbon",)
    assert verdicts["training-cost"].rebuilt == pytest.approx(122.5, abs=0.1)
    assert "adaptation = 8.212 kWh" in verdicts["tasks-to-break-even"].explanation
    assert all(f"`{name}`" in DOCS.read_text(encoding="utf-8") for name in FORMULAS)


ROOM = {
    "hours": st.floats(1, 1e5),
    "power": st.floats(1, 2e4),
    "pue": st.floats(1.05, 2.0),
    "intensity": st.floats(1, 2000),
}
NAMED = {"carbon_co2": 44 / 12, "pounds_kilograms": 1 / 0.45359237, "thousands": 1000.0}


def chain(hours: float, power: float, pue: float, intensity: float, factor: float) -> Verdict:
    kwh = hours * power * pue / 1000
    return checked(
        claim(
            "energy", f"{kwh:.12g} kWh", "energy", hours=f"{hours:.17g} h", power=f"{power:.17g} W", pue=f"{pue:.17g}"
        ),
        claim(
            "carbon",
            f"{kwh * intensity / 1000 * factor:.12e} kg",
            "carbon",
            energy="{claim: energy}",
            intensity=f"{intensity:.17g} g/kWh",
        ),
    )["carbon"]


@settings(max_examples=60, deadline=None)
@given(**ROOM, name=st.sampled_from([*NAMED, "pue_twice"]), up=st.booleans())
@example(hours=1.0, power=1.0, pue=1.915, intensity=1.0, name="carbon_co2", up=True)
def test_a_right_claim_times_a_slip_is_always_named_unless_two_explain_it(
    hours: float, power: float, pue: float, intensity: float, name: str, up: bool
) -> None:
    factor = NAMED.get(name, pue)
    verdict = chain(hours, power, pue, intensity, factor if up else 1 / factor)
    wanted = name if up or name != "pue_twice" else "pue_forgotten"
    assert verdict.outcome == "does_not_follow"
    assert verdict.suspicion == wanted or "more than one slip would explain it" in verdict.explanation
    if not any(abs(pue / other - 1) < 0.03 for other in NAMED.values()):
        assert verdict.suspicion == wanted


@settings(max_examples=40, deadline=None)
@given(**ROOM, error=st.floats(-0.0099, 0.0099))
def test_a_right_claim_is_silent_within_its_tolerance(
    hours: float, power: float, pue: float, intensity: float, error: float
) -> None:
    found = chain(hours, power, pue, intensity, 1 + error)
    assert (found.outcome, found.suspicion) == ("follows", "")


def test_a_long_chain_is_no_trouble() -> None:
    chained = [claim("c0", "1 kg"), *(claim(f"c{n}", "1 kg", "sum", x=f"{{claim: c{n - 1}}}") for n in range(1, 1500))]
    assert len(checked(*reversed(chained))) == 1500
