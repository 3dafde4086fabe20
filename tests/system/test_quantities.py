"""Numbers as people write them are read, or refused with the number that would be right."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonweal.system.quantities import FACTORS, QuantityRange

VOLUME = QuantityRange("task/year", low=0.0)
ENERGY = QuantityRange("kWh", low=0.0)
SHARE = QuantityRange("1", low=0.0, high=1.0)


@pytest.mark.parametrize(
    "text",
    [
        "400000",
        "400,000",
        "400 000",
        "400_000",
        "400'000",
        "400\u202f000",
        "4e5",
        "400000.0",
        " 400000 task/year ",
        "400,000 decisions a year",
    ],
)
def test_one_volume_in_many_spellings(text: str) -> None:
    assert VOLUME.read(text) == 400000.0


@pytest.mark.parametrize(
    "text", ["1,5", "0,480", "1.234.567", "1,234.567,8", "40,00", "1,23,456", "400,0000", "1 2", "½", "1/2", ""]
)
def test_ambiguous_or_unreadable_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is '"):
        ENERGY.read(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, "nan", ".inf", "1e999", "9" * 5000, True, None, [1]])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        ENERGY.read(value)


def test_other_unit_is_refused_with_the_right_number() -> None:
    with pytest.raises(ValueError, match=r"^is in 'MWh', not in kWh; 1.5 MWh would be 1500 kWh$"):
        ENERGY.read("1.5 MWh")
    with pytest.raises(ValueError, match=r"^is in 'USD', not in kWh$"):
        ENERGY.read("12 USD")
    with pytest.raises(ValueError, match=r"^is in '%', not in a plain share without a unit; 48 % would be 0.48$"):
        SHARE.read("48 %")


def test_range() -> None:
    assert SHARE.read(1) == 1.0
    with pytest.raises(ValueError, match=r"^is '1.01', which is too large"):
        SHARE.read(1.01)
    with pytest.raises(ValueError, match=r"^is 0, so there is nobody in it$"):
        QuantityRange("people", low=0.0, open_low=True).read("0 people")


def test_suggested_factors_are_never_their_own_unit() -> None:
    assert FACTORS
    assert all(given_unit != own for given_unit, own in FACTORS)


@given(st.integers(min_value=0, max_value=10**15), st.sampled_from([",", "_", " ", "\u00a0"]))
@settings(deadline=None)
def test_grouped_digits_mean_the_same(number: int, separator: str) -> None:
    assert VOLUME.read(f"{number:,}".replace(",", separator)) == float(number)


@given(st.floats(min_value=0.0, allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_every_float_reads_back(number: float) -> None:
    assert ENERGY.read(number) == number
    assert ENERGY.read(f"{number!r} kWh") == number


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        number = ENERGY.read(text)
    except ValueError as error:
        said = str(error)
    else:
        said = f"is {number}"
        assert math.isfinite(number)
    assert said.startswith("is ")
