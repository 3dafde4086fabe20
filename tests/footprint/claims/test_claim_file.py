"""Files of claims: what is wrong with one is told with its line, what was read, and how to mend it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonweal.errors import DataFileError
from commonweal.footprint.claims.check import check_claims
from commonweal.footprint.claims.claim_file import claims_from_text, read_claims
from commonweal.footprint.claims.claim_units import parse_quantity
from tests.footprint.claims.test_check import HEAD, RIGHT, claim


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_quantity_or_is_refused(text: str) -> None:
    said = ""
    try:
        found = parse_quantity(text)
    except ValueError as error:
        said = str(error)
    assert said.startswith(("is ", "has ")) if said else found.half_digit >= 0


GOOD = claim("a", "429 kg", "carbon", **RIGHT)
BAD = [
    (claim("a", "429 kg", "carbn", **RIGHT), r"c.yaml:7 claim 'a': unknown formula 'carbn'; expected one of: .*; did you mean 'carbon'\?"),
    (claim("a", "429 kgg", "carbon", **RIGHT), r"c.yaml:6 claim 'a': `claimed` has the unknown unit 'kgg'; nearest: .*kg"),
    (claim("a", "429 kg", "carbon", energy="3 kWhh", intensity="4 g/kWh"), r"c.yaml:9 .*`energy` has the unknown unit 'kWhh'; nearest: .*kWh"),
    (claim("a", "429 tons", "carbon", **RIGHT), r"'tons', which is 1,000 kg or 907 kg"),
    (claim("a", '""', "carbon", **RIGHT), r"c.yaml:6 claim 'a': `claimed` is empty; expected the number with its unit"),
    (claim("a", "429", "carbon", **RIGHT), r"c.yaml:6 claim 'a': `claimed` is '429' without a unit; expected such as 429 kWh"),
    (claim("a", "429 kg", "carbon", energy="1000", intensity="4 g/kWh"), r"`energy` is '1000', without a unit; expected an energy, such as 120 kWh"),
    (claim("a", "429 kg", "carbon", energy="-5 kWh", intensity="4 g/kWh"), r"c.yaml:9 .*'-5 kWh', which is negative; expected 0 or more"),
    (claim("a", "-5 kg", "carbon", **RIGHT), r"`claimed` is '-5 kg', which is negative"),
    (claim("a", "429 kg", "carbon", **RIGHT, pue="0.9"), r"c.yaml:11 .*`pue` is '0.9', which is too small; expected from 1 to 5"),
    (claim("a", "429 kg", "carbon", energy="1 kWh", intensity="57,000 g/kWh"), r"too large; expected at most 2,000 g/kWh"),
    (claim("a", "5 USD", "cost", amount="1 t", price="5 USD2020/t"), r"'USD': money without a price year; expected such as USD2020"),
    (claim("a", "5 USD2020", "cost", amount="1 t", price="5 $/t"), r"`price` has the unit '\$' in '\$/t': money without a price year"),
    (claim("a", "5 EUR2020", "cost", amount="1 t", price="5 USD2020/t"), r"has money in EUR and USD; expected one currency"),
    (claim("a", "5 USD2020", "cost", amount="1 t", price="5 USD2020/t", probability="1.5"), r"`probability` is '1.5', which is too large"),
    (claim("a", "37 %", "ratio", part="1 kg", whole="0 kg"), r"claim 'a': `whole` is 0"),
    (GOOD + GOOD, r"c.yaml:11 claim 'a': the id is taken \(line 4\)"),
    (claim("a", "4 kg", "carbon", energy="{claim: b}", intensity="4 g/kWh"), r"c.yaml:9 .*`energy` names the unknown claim 'b'; the file has: a"),
    (claim("a", "4 kg", "sum", x="{claim: a}"), r"circle: a -> a; expected an end"),
    (claim("a", "4 kg", "sum", x="{claim: b}") + claim("b", "4 kg", "sum", x="{claim: a}"), r"circle: (a -> b -> a|b -> a -> b)"),
    (claim("a", "4 kWh", "carbon", **RIGHT), r"`carbon` gives mass from these inputs, and '4 kWh' is energy; expected the same"),
    (claim("a", "4 kg", "per_unit", each="0.09 g/experiment", count="4 experiments/day"), r"gives mass / time from these inputs"),
    (claim("a", "4 kg", "sum", x="4 kg", y="1 kWh"), r"`y` is of another kind than `x`"),
    (claim("a", "4 kg", "sum", x="{claim: b}", y="1 kg") + claim("b", "1 kWh"), r"`y` is of another kind than `x`"),
    (claim("a", "4 kg", "carbon", energy="{claim: b}", intensity="4 g/kWh") + claim("b", "1 kg"), r"`energy` is claim 'b' with '1 kg'"),
    (claim("a", "4 kg", "carbon", energy="[1, 2]", intensity="4 g/kWh"), r"`energy` is a list; expected a number with its unit"),
    (claim("a", "4 kg", "carbon", energy="{value: [1]}", intensity="4 g/kWh"), r"`value` that is not a single value"),
    (claim("a", "4 kg", "carbon", energy="many kWh", intensity="4 g/kWh"), r"`energy` is 'many kWh', which is no number"),
    (claim("a", "4 kg", "carbon", energy="1,5 kWh", intensity="4 g/kWh"), r"`energy` is '1,5 kWh', which is no number"),
    (claim("a", "4 kg", "carbon", energy="1e999 kWh", intensity="4 g/kWh"), r"not a finite number"),
    (claim("a", "4 kg", "per_unit", each="1e200 kg", count="1e200"), r"give no finite number"),
    (claim("a", "4 kg", "carbon", **RIGHT, pui="1.5"), r"c.yaml:11 .*unknown input 'pui' of `carbon`; expected: .*did you mean 'pue'"),
    (claim("a", "4 kg", "carbon", **RIGHT, more="tolerance: 1"), r"`tolerance` is '1'; expected from 0 to 20%; if you mean 1 %"),
    (claim("a", "4 kg", more="tolerence: 1 %"), r"unknown field 'tolerence'; .*did you mean 'tolerance'"),
    (claim("a", "4 USD2007/t", "carbon_price", table="IWG", year="2015", rate="3%"), r"no carbon price 'IWG'; there are: EPA2023, IWG2016"),
    (claim("a", "4 USD2007/t", "carbon_price", table="IWG2016", year="soon", rate="3%"), r"`year` is 'soon'"),
    ("  - just text\n", r"c.yaml:4 entry 1 of `claims` is not a claim"),
    ("  - {id: a, claimed: 4 kg}\n", r"`quantity` is missing"),
    ("  []\n", r"`claims` has no entries"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), BAD)
def test_what_is_wrong_with_a_file_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(DataFileError, match=told):
        check_claims(claims_from_text(HEAD + text, "c.yaml"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "c.yaml: the file is empty; expected `schema: commonweal-claims/1`"),
        (b"# nothing\n", "the file is empty"),
        (b"- a\n- b\n", "is no `name: value` lines"),
        (b"claims: []\n", "c.yaml:1 `schema` is missing"),
        (b"schema: commonweal/1\n", "c.yaml:1 `schema` is 'commonweal/1'"),
        (b"schema: commonweal-claims/1\nclaims: {\n", "c.yaml:"),
        (b"schema: commonweal-claims/1\nname: caf\xe9\n", "c.yaml:2 byte 37 is 0xe9, which is not UTF-8"),
        ("schema: x\n".encode("utf-16"), "c.yaml: is a text in UTF-16"),
        (
            b"schema: commonweal-claims/1\nclaims:\n  - {id: &x a, quantity: q, claimed: 1 kg, source: s}\n",
            "anchor '&x' is refused",
        ),
        (
            b"schema: commonweal-claims/1\nclaims:\n  - {id: a, quantity: q, claimed: 1 kg}\n",
            "c.yaml:3 claim 'a': `source` is missing",
        ),
    ],
)
def test_files_that_are_no_files_of_claims(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(DataFileError) as error:
        read_claims(path)
    assert told in str(error.value)


def test_all_faults_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = claim("a", "4", "carbn", energy="-1 kWh") + claim("b", "4 kgg", "carbon", energy="-1 kWh", pue="0.5")
    with pytest.raises(DataFileError) as error:
        claims_from_text(HEAD + text, "c.yaml")
    lines = [int(re.match(r"c\.yaml:(\d+) ", line)[1]) for line in str(error.value).split("\n")]  # type: ignore[index]
    assert lines == sorted(lines)
    assert len(lines) == 5


def test_a_unit_on_its_own_line_and_things_of_the_files_own() -> None:
    head = HEAD.replace("source", "things: [household]\nsource")
    text = claim("a", "50", "equivalent", more="unit: households", amount="100 MWh", each="2 MWh/household")
    assert check_claims(claims_from_text(head + text))[0].outcome == "follows"
