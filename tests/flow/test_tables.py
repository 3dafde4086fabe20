"""Tables of predictions as an auditor brings them: columns of their own names, on the command line and in a file."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.flow.commands import Ended, dossier_in, within

NAME = "inequity.performance_gap"
MAPPED = ("--truth", "two_year_recid", "--prediction", "decile_score>=5", "--cluster", "id")
GROUPED = ("--group", "race", "--group", "sex", "--reference", "race=Caucasian", "--reference", "sex=Male")
HEADER = ("id", "race", "sex", "decile_score", "two_year_recid", "w")


def people(n: int = 1000, seed: int = 0, races: tuple[str, ...] = ("Caucasian", "African-American")) -> list[list[Any]]:
    """Rows in the form of the COMPAS table: deciles are higher for one race."""
    rng = np.random.default_rng(seed)
    race, sex = rng.choice(races, n), rng.choice(["Male", "Female"], n, p=[0.8, 0.2])
    decile = np.clip(np.round(rng.normal(4.2 + 1.6 * (race == "African-American"), 2.5, n)), 1, 10).astype(int)
    again = (rng.random(n) < 0.2 + 0.055 * decile).astype(int)
    weight = np.round(rng.gamma(4, 0.25, n), 2) + 0.1
    return [[f"p{place}", race[place], sex[place], decile[place], again[place], weight[place]] for place in range(n)]


def written(path: Path, rows: list[list[Any]], header: tuple[str, ...] = HEADER) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def measure(table: Path, out: Path, *options: str) -> Ended:
    return within("measure", NAME, "--predictions", table, "--out", out, *options)


def estimates(ended: Ended) -> list[dict[str, Any]]:
    return [row["estimate"] for row in json.loads(ended.out) if row["estimate"]]


def value(found: list[dict[str, Any]], quantity: str, group: dict[str, str] | None) -> float:
    (one,) = [row for row in found if row["quantity"] == quantity and row["group"] == group]
    return float(one["value"])


def test_a_table_with_columns_of_its_own_is_measured_as_one_in_our_names(tmp_path: Path) -> None:
    rows = people()
    table = written(tmp_path / "compas.csv", rows)
    plain = written(
        tmp_path / "plain.csv",
        [[one, race, sex, int(decile >= 5), again] for one, race, sex, decile, again, _ in rows],
        ("cluster", "group_race", "group_sex", "prediction", "truth"),
    )
    mapped = estimates(measure(table, tmp_path / "a", *MAPPED, *GROUPED, "--json"))
    ours = estimates(measure(plain, tmp_path / "b", *GROUPED[4:], "--json"))
    assert len(mapped) > 50
    assert mapped == ours
    black = [row for row in rows if row[1] == "African-American"]
    assert value(mapped, "selection_rate", {"race": "African-American"}) == np.mean([row[3] >= 5 for row in black])


def test_two_groups_by_two_attributes_fit_on_a_screen_and_what_holds_is_told_once(tmp_path: Path) -> None:
    ended = measure(written(tmp_path / "compas.csv", people()), tmp_path / "out", *MAPPED, *GROUPED)
    assert ended.code == 0, ended.said
    lines = ended.out.splitlines()
    assert len(lines) <= 16
    head, everyone, reference, group, apart, *_ = lines
    assert head.split() == ["race", "n", "selection", "rate", "impact", "ratio", "accuracy", "FPR", "FNR"]
    assert everyone.startswith("all rows")
    assert reference.startswith("Caucasian (reference)")
    assert group.startswith("African-American")
    assert apart.startswith("  difference, ratio")
    assert "*" in apart
    assert "×" in apart
    assert ended.out.count("decile_score>=5") == 1
    assert ended.out.count("* marks") == 1
    assert not any("contribution" in line or "calibration" in line for line in lines)
    every = measure(written(tmp_path / "compas.csv", people()), tmp_path / "out", *MAPPED, *GROUPED, "--rows")
    assert len(every.out.splitlines()) > 60
    assert "selection_rate (race African-American, sex Female)" in every.out
    assert "adjusted" in every.out


def test_a_mark_stands_where_the_interval_excludes_no_difference_and_only_there(tmp_path: Path) -> None:
    table = written(tmp_path / "compas.csv", people())
    found = estimates(measure(table, tmp_path / "out", *MAPPED, *GROUPED, "--json"))
    rates = ("selection_rate", "accuracy", "false_positive_rate", "false_negative_rate")
    excludes = [
        [
            row["low"] > 0 or row["high"] < 0
            for rate in rates
            for row in found
            if row["quantity"] == f"{rate}_difference" and list(row["group"]) == [attribute]
        ]
        for attribute in ("race", "sex")
    ]
    lines = measure(table, tmp_path / "out", *MAPPED, *GROUPED).out.splitlines()
    told = [line for line in lines if line.startswith("  difference, ratio")]
    assert [line.count("*") for line in told] == [sum(one) for one in excludes]
    assert sum(map(sum, excludes)) >= 2


def test_raw_p_stands_beside_adjusted_p_and_the_reference_on_the_row(tmp_path: Path) -> None:
    found = estimates(
        measure(written(tmp_path / "compas.csv", people()), tmp_path / "out", *MAPPED, *GROUPED, "--json")
    )
    tested = [row for row in found if row["null"] is not None]
    assert tested
    assert all(0 < row["p_value"] <= 1 and 0 < row["p_adjusted"] <= 1 for row in tested)
    assert {row["reference"]["race"] for row in tested if list(row["group"]) == ["race"]} == {"Caucasian"}


def test_weights_are_named_and_counted(tmp_path: Path) -> None:
    rows = people()
    found = estimates(
        measure(written(tmp_path / "compas.csv", rows), tmp_path / "out", *MAPPED, *GROUPED, "--weight", "w", "--json")
    )
    expected = np.average([row[3] >= 5 for row in rows], weights=[row[5] for row in rows])
    assert value(found, "selection_rate", None) == pytest.approx(expected)


def test_another_reference_or_threshold_is_another_measurement_in_the_same_folder(tmp_path: Path) -> None:
    table = written(tmp_path / "compas.csv", people())
    white_first = (*MAPPED, "--group", "race", "--reference", "race=Caucasian", "--json")
    first = estimates(measure(table, tmp_path / "out", *white_first))
    turned = estimates(
        measure(table, tmp_path / "out", *MAPPED, "--group", "race", "--reference", "race=African-American", "--json")
    )
    higher = estimates(measure(table, tmp_path / "out", *MAPPED[:3], "decile_score>=8", "--group", "race", "--json"))
    again = estimates(measure(table, tmp_path / "out", *white_first))
    assert first == again
    white, black = {"race": "Caucasian"}, {"race": "African-American"}
    assert value(turned, "selection_rate_difference", white) == pytest.approx(
        -value(first, "selection_rate_difference", black)
    )
    assert value(higher, "selection_rate", None) < value(first, "selection_rate", None)


def test_the_same_columns_are_declared_in_a_system_file(tmp_path: Path) -> None:
    written(tmp_path / "compas.csv", people())
    (tmp_path / "system.yaml").write_text(
        """schema: commonweal/1
name: A risk score
assets:
  - id: compas
    kind: model
    locator: "predictions:compas.csv"
    columns:
      truth: two_year_recid
      prediction: "decile_score>=5"
      groups: [race, sex]
      cluster: id
      reference: {race: Caucasian, sex: Male}
""",
        encoding="utf-8",
    )
    ended = within("run", tmp_path / "system.yaml", "--out", tmp_path / "run", "--measures", NAME)
    assert ended.code == 0, ended.said
    declared = [row["estimate"] for row in dossier_in(tmp_path / "run")["evidence"] if row["measure"] == NAME]
    asked = estimates(measure(tmp_path / "compas.csv", tmp_path / "one", *MAPPED, *GROUPED, "--json"))
    assert {(row["quantity"], str(row["group"]), row["value"]) for row in declared if row} == {
        (row["quantity"], str(row["group"]), row["value"]) for row in asked
    }


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ('{prediction: "decile>=high", groups: [race]}', "compares with 'high'; expected a number there"),
        ("{groups: [race, group_race]}", "has 'race' twice"),
        ("{groups: [race], reference: {sex: Male}}", "names 'sex', which is not among the groups"),
        ("{truht: a}", "truht"),
    ],
)
def test_faults_of_the_columns_are_told_with_their_line(tmp_path: Path, columns: str, words: str) -> None:
    (tmp_path / "system.yaml").write_text(
        "schema: commonweal/1\nname: a\nassets:\n"
        f'  - {{id: m, kind: model, locator: "predictions:t.csv", columns: {columns}}}\n',
        encoding="utf-8",
    )
    ended = within("check", tmp_path / "system.yaml")
    assert ended.code == 2
    assert "system.yaml:4" in ended.said
    assert words in ended.said


def test_columns_belong_to_a_table(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(
        'schema: commonweal/1\nname: a\nassets:\n  - {id: m, kind: model, locator: "embedded:smollm2", columns: '
        "{truth: a}}\n",
        encoding="utf-8",
    )
    assert "expected a locator predictions:FILE" in within("check", tmp_path / "system.yaml").said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--truth", "recid", "--group", "race"), "no column 'recid', which is named as truth"),
        (("--group", "rase"), "no column 'rase', which is named as group; did you mean 'race'?"),
        ((*MAPPED, "--group", "race", "--group", "race"), "--group has 'race' twice"),
        (("--prediction", "race>=5", "--group", "sex"), "compas.csv:2 race is 'Caucasian', expected a number, since"),
        (("--prediction", "decile_score>=many", "--group", "sex"), "compares with 'many'; expected a number"),
        (("--prediction", "decile_score", "--group", "race"), "numbers become 0 or 1 by a comparison, such as"),
        ((*MAPPED, "--group", "race", "--reference", "race=Causasian"), "no row has; its groups are: African-American"),
        ((*MAPPED, "--group", "race", "--reference", "race"), "expected ATTRIBUTE=GROUP, such as race=White"),
        ((*MAPPED, "--group", "race", "--reference", "sex=Male"), "names 'sex', which is not among the groups"),
        (
            (*MAPPED, "--group", "race", "--reference", "race=a", "--reference", "race=b"),
            "--reference names race twice",
        ),
        ((*MAPPED, "--group", "race", "--weight", "race"), "race is 'Caucasian', expected a number of at least 0"),
        ((*MAPPED, "--group", "race", "--weight", "minus"), "minus is '-1', expected a number of at least 0"),
        (("--group", "race"), "neither a column 'prediction' nor 'score'"),
        (("--prediction", "decile_score>=5"), "no group: name a column group_gender"),
    ],
)
def test_bad_columns_end_with_2_and_how_to_mend_it(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    rows = [["p0", "Caucasian", "Male", 3, 0, 1.0], *people(60)]
    table = written(tmp_path / "compas.csv", [[*row, -1] for row in rows], (*HEADER[:-1], "weighing", "minus"))
    ended = measure(table, tmp_path / "out", *options)
    assert ended.code == 2, ended.said
    assert words in ended.said
    assert "Traceback" not in ended.said


def test_columns_without_a_table_are_refused() -> None:
    ended = within("measure", NAME, "--model", "embedded:smollm2", "--out", "nowhere", "--truth", "x")
    assert ended.code == 2
    assert "are about a table; give it with --predictions FILE" in ended.said


def test_a_table_without_truth_gives_selection_and_impact_and_says_what_it_cannot(tmp_path: Path) -> None:
    ended = measure(
        written(tmp_path / "compas.csv", people()), tmp_path / "out", "--prediction", "decile_score>=5", *GROUPED
    )
    assert ended.code == 0, ended.said
    assert "impact ratio" in ended.out
    assert "FPR" not in ended.out
    assert "not measured: accuracy, false positive rate, false negative rate: no row has a truth" in ended.out


def test_rows_without_a_truth_are_counted_and_left_out_of_errors_only(tmp_path: Path) -> None:
    rows = people()
    for row in rows[:100]:
        row[4] = "NA"
    table = written(tmp_path / "compas.csv", rows)
    ended = measure(table, tmp_path / "out", *MAPPED, *GROUPED)
    assert "100 of 1,000 rows have no truth (two_year_recid)" in ended.out
    found = json.loads(measure(table, tmp_path / "out", *MAPPED, *GROUPED, "--json").out)
    n = {
        row["estimate"]["quantity"]: row["estimate"]["n"]
        for row in found
        if row["estimate"] and row["estimate"]["group"] is None
    }
    assert (n["selection_rate"], n["accuracy"]) == (1000, 900)


def test_scores_on_a_scale_of_their_own_have_scoring_rates(tmp_path: Path) -> None:
    ended = measure(written(tmp_path / "compas.csv", people()), tmp_path / "out", "--score", "decile_score", *GROUPED)
    assert ended.code == 0, ended.said
    assert "scoring rate" in ended.out.splitlines()[0]
    assert "impact ratio" in ended.out.splitlines()[0]
    assert "not measured: selection rate: the table has scores on a scale of their own" in ended.out


def test_amounts_are_compared_in_the_unit_of_the_truth(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = np.round(rng.normal(50_000, 9000, 300), 2)
    rows = [
        ["ab"[place % 2], truth[place], round(truth[place] + rng.normal(0, 500) - 900 * (place % 2), 2)]
        for place in range(300)
    ]
    table = written(tmp_path / "pay.csv", rows, ("sex", "salary", "predicted"))
    ended = measure(table, tmp_path / "out", "--truth", "salary", "--prediction", "predicted", "--group", "sex")
    assert ended.code == 0, ended.said
    assert ended.out.splitlines()[0].split() == ["sex", "n", "mean", "error", "mean", "absolute", "error"]
    assert "difference in the unit of its column" in ended.out
    assert "*" in ended.out.splitlines()[4]


def test_nobody_selected_in_any_group_cannot_be_judged(tmp_path: Path) -> None:
    ended = measure(
        written(tmp_path / "compas.csv", people(200)), tmp_path / "out", "--prediction", "decile_score>=99", *GROUPED
    )
    assert ended.code == 2
    assert "nothing could be judged: all 200 predictions are 0" in ended.said


def test_two_measured_tables_are_compared_in_every_rate_and_gap(tmp_path: Path) -> None:
    rows, changed = people(), people()
    for place, row in enumerate(changed):
        row[3] = max(1, row[3] - 2) if row[1] == "African-American" and place % 2 else row[3]
    for name, those in (("a", rows), ("b", changed)):
        ended = measure(written(tmp_path / f"{name}.csv", those), tmp_path / name, *MAPPED, *GROUPED)
        assert ended.code == 0, ended.said
    dossiers = within("compare", tmp_path / "a", tmp_path / "b")
    assert dossiers.code == 0, dossiers.said
    folders = json.loads(within("compare", tmp_path / "a", tmp_path / "b", "--json").out)
    files = json.loads(within("compare", tmp_path / "a.csv", tmp_path / "b.csv", *MAPPED, *GROUPED, "--json").out)
    assert folders["records"] == files["records"]
    (gap,) = [
        row
        for row in folders["records"]
        if row["quantity"] == "selection_rate_gap_difference" and row["group"] == {"race": "African-American"}
    ]
    assert gap["value"] < 0
    assert gap["verdicts"]["difference"] == "shown"
    assert "→" in dossiers.out
    written(tmp_path / "b.csv", rows)
    late = within("compare", tmp_path / "a", tmp_path / "b")
    assert late.code == 2
    assert "has changed since it was measured" in late.said


def test_a_reference_group_with_too_few_rows_is_told_below_the_table(tmp_path: Path) -> None:
    rows = [["p_", "Other", "Male", 7, 1, 1.0], *people(200)]
    ended = measure(written(tmp_path / "compas.csv", rows), tmp_path / "out", *MAPPED, "--group", "race")
    assert ended.code == 0, ended.said
    assert "? the reference group Other has too little: 1 cluster (1 row) in this group" in ended.out
    assert "name another reference" in ended.out
    assert "race: compared with Other, the group of the first row" in ended.out
