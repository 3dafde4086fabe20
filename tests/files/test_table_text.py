from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from commonweal.errors import DataFileError
from commonweal.files.table_text import Table, dialect_of, is_table, names_of, read_table

FILE = Path("table.csv")


def read(text: str, *numbers: str) -> Table:
    return read_table(text, FILE, numbers)


def written(delimiter: str, *rows: tuple[str, ...]) -> str:
    return "".join(delimiter.join(row) + "\n" for row in rows)


ROWS = (("truth", "score", "note"), ("1", "0.5", "a"), ("0", "0.25", "b"))


@pytest.mark.parametrize(
    ("delimiter", "before", "after"),
    list(
        product([",", ";", "\t", "|"], ["", "\n\n", " \n", "sep={}\n", '"sep={}"\n', "SEP={}\n\n"], ["", "{}", "{}{}"])
    ),
)
def test_every_delimiter_first_lines_and_ends_of_lines_are_read(delimiter: str, before: str, after: str) -> None:
    text = before.format(delimiter) + written(delimiter, *ROWS).replace("\n", after.format(delimiter, delimiter) + "\n")
    table = read(text, "score")
    assert table.names == ROWS[0]
    assert [fields for _, fields in table.rows] == [list(row) for row in ROWS[1:]]
    assert [line for line, _ in table.rows] == [before.count("\n") + 2, before.count("\n") + 3]
    assert names_of(text, FILE) == ROWS[0]
    assert dialect_of(text, FILE).delimiter == delimiter


def test_ends_that_only_some_lines_have_and_lines_without_content_are_no_rows() -> None:
    table = read("a;b;;\n1;2\n;;;\n\n3;4;;\n 5 ;6;\n;\n")
    assert table.rows == ((2, ["1", "2"]), (5, ["3", "4"]), (6, [" 5 ", "6"]))


def test_quoted_line_ends_and_delimiters_belong_to_the_cell() -> None:
    table = read('item;answer\na;"one; two\nthree"\nb;"said ""no"""\n')
    assert table.rows == ((3, ["a", "one; two\nthree"]), (4, ["b", 'said "no"']))
    assert read('"a\nb",c\n1,2\n').names == ("a\nb", "c")


def test_where_several_marks_may_divide_the_columns_it_is_the_one_that_fits_all_rows() -> None:
    assert read("item;answer (yes, no)\na;yes\nb;no\n").names == ("item", "answer (yes, no)")
    assert read("item,answer|text\na,b|c\n").names == ("item", "answer|text")
    assert read("item,answer;text\na,b\nc,d\n").names == ("item", "answer;text")
    with pytest.raises(
        DataFileError, match=r"table.csv:1 its columns may be divided by ';' or '\|'; expected one mark in all lines"
    ):
        read("a;b|c\n1;2|3\n")
    with pytest.raises(DataFileError, match="save it as 'CSV UTF-8'"):
        read("a;b|c\n1\n")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["0,73", "1"], ["0.73", "1"]),
        (["0,333", "0,990"], ["0.333", "0.990"]),
        (["0,5", "1,234"], ["0.5", "1.234"]),
        (["1234,5", "12,3456"], ["1234.5", "12.3456"]),
        (["1,5e-05", "-0,5"], ["1.5e-05", "-0.5"]),
        (["0.5", "0,25"], ["0.5", "0.25"]),
        (["0.5", "1.234"], ["0.5", "1.234"]),
        (["", "x"], ["", "x"]),
    ],
)
@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_decimal_comma_that_can_be_nothing_else_is_a_point(
    delimiter: str, cells: list[str], expected: list[str]
) -> None:
    table = read(written(delimiter, ("truth", "score"), *(("1", cell) for cell in cells)), "score")
    assert [fields[1] for _, fields in table.rows] == expected


@pytest.mark.parametrize(
    ("cells", "line"), [(["1,234"], 2), (["0.5", "1,234"], 3), (["0,5", "1.234"], 3), (["12,000", "13,000"], 2)]
)
def test_what_may_be_a_thousand_is_never_guessed(cells: list[str], line: int) -> None:
    with pytest.raises(
        DataFileError,
        match=rf"table.csv:{line} n is '.*', which may be a thousand or a fraction; its columns are divided by ';'",
    ):
        read(written(";", ("a", "n"), *(("x", cell) for cell in cells)), "n")


def test_other_columns_keep_their_commas_and_a_table_with_commas_keeps_all() -> None:
    assert read("place;n\nParis, 1,5;0,5\n", "n").rows == ((2, ["Paris, 1,5", "0.5"]),)
    assert read('place,n\nParis,"0,5"\n', "n").rows == ((2, ["Paris", "0,5"]),)


def test_uneven_rows_and_open_quotes_are_named_with_the_mend() -> None:
    table = read("a;b\n1;2\n1;2;3\n")
    with pytest.raises(
        DataFileError,
        match=r"table.csv:3 has not as many fields as the header: 3, expected 2; its columns are divided by ';'",
    ):
        list(table.whole_rows())
    with pytest.raises(DataFileError, match="look for a quote that is opened and never closed"):
        read('a,b\n1,"' + "x" * 200_000 + "\n")


def test_a_table_is_known_by_the_end_of_its_name_else_by_how_it_begins() -> None:
    for name, begins, expected in (
        ("a.csv", "{}", True),
        ("a.TSV", "a\tb", True),
        ("a.tab", "a", True),
        ("a.jsonl", "a,b", False),
        ("a.txt", "a\tb\n", True),
        ("a.txt", '\n {"a": 1, "b": 2}', False),
        ("a", "nothing", False),
    ):
        assert is_table(Path(name), begins) is expected


def test_nothing_at_all_is_a_table_without_names() -> None:
    for text in ("", "\n\n", "sep=;\n", "sep=;"):
        assert read(text).rows == ()


def test_json_in_a_table_is_named_as_what_it_is() -> None:
    with pytest.raises(DataFileError, match=r"table.csv:2 holds JSON, though its name says .*; let it end in .jsonl"):
        read('\n{"truth": 1}\n')
