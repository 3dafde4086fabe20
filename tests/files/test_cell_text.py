from __future__ import annotations

import pytest

from commonweal.files.cell_text import name_in, names_nothing, one_spelling


@pytest.mark.parametrize(
    "word",
    [
        "",
        " ",
        "\u00a0",
        "None",
        "none",
        "NaN",
        "nan",
        "NA",
        "N/A",
        "null",
        "NULL",
        "<NA>",
        "NaT",
        "#N/A",
        "-",
        "\uff2e\uff21",
    ],
)
def test_words_for_nothing_name_nothing(word: str) -> None:
    assert names_nothing(word)
    assert name_in(f" {word} ") is None


@pytest.mark.parametrize("name", ["0", "run-1", "Nan Goldin", "unknown", "NAM", "a-b", "nonetheless", "?"])
def test_names_are_names(name: str) -> None:
    assert name_in(f" {name}\u00a0") == name


@pytest.mark.parametrize(
    ("spellings", "expected"),
    [
        (["1", "1.0", "1.", "01", "+1", "1.00", " 1 ", "\uff11", "1\u00a0"], "1"),
        (["0", "0.0", "-0", "-0.0", "00"], "0"),
        (["-1.5", "-1.50", "-01.5"], "-1.5"),
        (["100", "100.0"], "100"),
        (["Zo\u00eb", "Zoe\u0308"], "Zo\u00eb"),
        (["non binary", "non\u00a0binary", "non  binary", " non\u2003binary\u200b"], "non binary"),
        (["ABC", "\uff21\uff22\uff23"], "ABC"),
    ],
)
def test_what_is_certainly_the_same_has_one_spelling(spellings: list[str], expected: str) -> None:
    assert {one_spelling(one) for one in spellings} == {expected}
    assert one_spelling(expected) == expected


def test_what_may_be_different_stays_so() -> None:
    for left, right in (
        ("women", "Women"),
        ("nonbinary", "non binary"),
        ("1.0.0", "1"),
        ("1e3", "1000"),
        ("1,0", "1"),
        ("a01", "a1"),
    ):
        assert one_spelling(left) != one_spelling(right)
