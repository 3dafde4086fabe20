"""Comparisons of prediction files and of dossiers; two models are compared in tests/flow/test_compare.py."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_rel

from commonweal.assessment.comparison.comparison import Asked, Comparison, compare, told
from commonweal.assessment.comparison.paired_outcomes import ComparedOutcome, ComparisonRow, Paired, compared
from commonweal.assessment.comparison.paired_requests import read_grouped_requests
from commonweal.assessment.comparison.verdicts import Margins, parse_margins, verdicts
from commonweal.errors import DataFileError, OptionError
from commonweal.evidence.store import digest
from commonweal.statistics.inference import Inference
from commonweal.system.prediction_columns import PredictionColumns

Row = dict[str, Any]


def made_up(seed: int = 0, sites: int = 30, women_lose: float = 0.0) -> tuple[list[Row], list[Row]]:
    """Two systems' predictions about the same cases, five per site; B loses some of the women's right answers."""
    rng = np.random.default_rng(seed)
    a, b = [], []
    for site in range(sites):
        for case in range(5):
            truth, woman = int(rng.random() < 0.5), bool(rng.random() < 0.5)
            right_a = rng.random() < 0.8
            right_b = right_a if rng.random() < 0.9 else not right_a
            if woman and rng.random() < women_lose:
                right_b = False
            common = {
                "item": f"{site}-{case}",
                "truth": truth,
                "cluster": f"site {site}",
                "group_gender": "women" if woman else "men",
            }
            a.append({**common, "prediction": truth if right_a else 1 - truth})
            b.append({**common, "prediction": truth if right_b else 1 - truth})
    return a, b


def written(folder: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def of_files(folder: Path, a: Sequence[Row], b: Sequence[Row], **asked: Any) -> Comparison:
    return compare(written(folder, "a.jsonl", a), written(folder, "b.jsonl", b), Asked(**asked))


def find(comparison: Comparison, quantity: str, of: str, group: str = "") -> ComparisonRow:
    """The number of all items, or of one group by itself, or the gap of a table that has two groups."""
    found = [row for row in comparison.rows if row.of == of and row.estimate and row.estimate.quantity == quantity]
    own = [row for row in found if row.estimate and (row.estimate.reference or row.estimate.group is None)]
    mine = [row for row in found if row.estimate and group in (row.estimate.group or {}).values()]
    (row,) = mine if group else own
    return row


def value(comparison: Comparison, quantity: str, of: str) -> float:
    estimate = find(comparison, quantity, of).estimate
    assert estimate is not None
    return estimate.value


def test_an_answer_by_hand(tmp_path: Path) -> None:
    """A is right on 3 of 4 women and 4 of 4 men, B on 1 of 4 women and 4 of 4 men."""
    right = {"women": ([1, 1, 1, 0], [1, 0, 0, 0]), "men": ([1, 1, 1, 1], [1, 1, 1, 1])}
    a, b = (
        [
            {"item": f"{group}{place}", "truth": 1, "prediction": answer, "cluster": place, "group_gender": group}
            for group, sides in right.items()
            for place, answer in enumerate(sides[side])
        ]
        for side in (0, 1)
    )
    comparison = of_files(tmp_path, a, b)
    assert (value(comparison, "accuracy", "A"), value(comparison, "accuracy", "B")) == (7 / 8, 5 / 8)
    assert value(comparison, "accuracy_difference", "B - A") == -0.25
    assert (value(comparison, "accuracy_gap", "A"), value(comparison, "accuracy_gap", "B")) == (0.25, 0.75)
    gap = find(comparison, "accuracy_gap_difference", "B - A").estimate
    assert gap is not None
    assert (gap.value, gap.group, gap.reference) == (0.5, {"gender": "men"}, {"gender": "women"})
    assert value(comparison, "accuracy_gap_widening", "|B| - |A|") == 0.5
    assert "right 2 only in A and 0 only in B" in comparison.statement.paired[0]


def test_every_number_has_unit_interval_n_clusters_and_method(tmp_path: Path) -> None:
    found = of_files(tmp_path, *made_up()).records()
    assert len(found["records"]) == 4 * (3 + 4 + 4), "of each rate: A, B and B - A; of two groups; of their gap"
    for record in found["records"]:
        assert record["status"] == "ok"
        assert record["low"] < record["value"] < record["high"]
        assert (record["unit"], record["interval"]) == ("1", "confidence")
        assert 20 <= record["clusters"] <= 30
        whole = record["quantity"].startswith(("accuracy", "selection")) and (
            record["reference"] or not record["group"]
        )
        assert record["n"] == 150 if whole else record["n"] < 150
        assert "CR2 by cluster" in record["method"]
        if record["verdicts"]:
            assert (record["null"], record["verdicts"]["not_worse"], record["verdicts"]["equivalent"]) == (
                0.0,
                "not_asked",
                "not_asked",
            )
            assert record["of"] == "|B| - |A|" or record["minimum_detectable"] > 0
            assert (record["p_adjusted"] <= 0.05) == (record["verdicts"]["difference"] == "shown")
            assert (record["p_adjusted"] <= 0.05) == (record["low"] > 0 or record["high"] < 0)


def test_no_interval_leaves_what_is_possible_and_none_is_certain_without_variation(tmp_path: Path) -> None:
    rows = [
        {
            "item": str(place),
            "truth": 1,
            "prediction": 1,
            "cluster": place,
            "group_gender": "women" if place % 2 else "men",
        }
        for place in range(12)
    ]
    wrong = [{**row, "prediction": int(row["group_gender"] == "men")} for row in rows]
    found = of_files(tmp_path, rows, wrong)
    limits = {"difference": (-1, 1), "gap": (-1, 1), "gap_difference": (-2, 2), "gap_widening": (-1, 1)}
    rates = ("selection_rate", "accuracy", "false_negative_rate")  # no truth is 0, so none is a false positive
    bounds = dict.fromkeys(rates, (0, 1)) | {f"{rate}_{kind}": of for rate in rates for kind, of in limits.items()}
    assert {row.estimate.quantity for row in found.rows if row.estimate} == set(bounds)
    for row in found.rows:
        assert row.estimate is not None
        low, high = bounds[row.estimate.quantity]
        assert low <= row.estimate.low <= row.estimate.value <= row.estimate.high <= high  # type: ignore[operator]
    sure = find(found, "accuracy", "A").estimate
    assert sure is not None
    # Rule of three: 12 items, none wrong; the variance is 3/12^2, and t with 11 degrees of freedom is 2.201.
    assert sure.low == pytest.approx(1 - 2.201 * 3**0.5 / 12, abs=1e-3)
    assert sure.high == 1


def test_two_outcomes_of_single_items_are_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 2500))
    each = (np.arange(2500).astype(np.str_),)
    outcome = ComparedOutcome("score", "score", "score", higher_is_better=None)
    rows = compared([Paired("m", ("x", "y"), outcome, a, b, each, "item", {})], Margins(), rng)
    found = rows[-1].estimate
    assert found is not None
    assert found.p_value == pytest.approx(ttest_rel(b, a).pvalue, abs=0.03)


def test_two_that_give_one_score_to_all_cannot_be_judged_and_have_no_interval_of_width_0() -> None:
    each = (np.arange(40).astype(np.str_),)
    outcome = ComparedOutcome("score", "score", "score", higher_is_better=None)
    one = Paired("m", ("x", "y"), outcome, np.full(40, 0.5), np.full(40, 0.7), each, "item", {})
    (row,) = compared([one], Margins(), np.random.default_rng(0))
    assert row.missing is not None
    assert row.missing.unjudged
    assert "both treat everybody alike" in row.missing.reason


def test_a_gap_that_b_widens_is_shown_and_equal_systems_stay_silent(tmp_path: Path) -> None:
    worse = of_files(tmp_path, *made_up(3, sites=120, women_lose=0.4))
    wider = find(worse, "accuracy_gap_widening", "|B| - |A|")
    assert wider.verdicts is not None
    assert wider.estimate is not None
    assert wider.verdicts.difference == "shown"
    assert wider.estimate.value > 0.15
    same = made_up(4)[0]
    for row in of_files(tmp_path, same, same).rows:
        if row.verdicts:
            assert row.verdicts.difference == "not_shown"
            assert row.estimate is not None
            assert row.estimate.value == 0


def test_no_difference_seen_is_not_certainty(tmp_path: Path) -> None:
    same = made_up(4)[0]
    row = find(of_files(tmp_path, same, same, margins=Margins(0.01)), "accuracy_difference", "B - A")
    assert row.estimate is not None
    assert row.estimate.high is not None
    assert row.estimate.high > 0.05, "3 in 30 sites may still differ"
    assert row.verdicts is not None
    assert row.verdicts.equivalent == "not_shown"
    assert (
        find(of_files(tmp_path, same, same, margins=Margins(0.15)), "accuracy_difference", "B - A").verdicts.equivalent
        == "shown"
    )  # type: ignore[union-attr]


def test_relabelled_and_shuffled_files_give_the_same_numbers_and_swapped_ones_the_opposite(tmp_path: Path) -> None:
    a, b = made_up(5, women_lose=0.2)
    columns = PredictionColumns(reference={"gender": "men"})
    first = of_files(tmp_path, a, b, columns=columns)
    shuffled = [b[place] for place in np.random.default_rng(0).permutation(len(b))]
    mixed = of_files(tmp_path, a[::-1], shuffled, columns=columns)
    assert [row.estimate for row in mixed.rows] == [row.estimate for row in first.rows]
    swapped = of_files(tmp_path, b, a, columns=columns)
    assert value(swapped, "accuracy_difference", "B - A") == pytest.approx(
        -value(first, "accuracy_difference", "B - A")
    )
    other = (
        [{**row, "group_gender": {"women": "m", "men": "w"}[row["group_gender"]]} for row in a],
        [{**row, "group_gender": {"women": "m", "men": "w"}[row["group_gender"]]} for row in b],
    )
    turned = of_files(tmp_path, *other)
    assert value(turned, "accuracy_gap_widening", "|B| - |A|") == pytest.approx(
        value(first, "accuracy_gap_widening", "|B| - |A|")
    )


def inference(lower: float, upper: float, p_adjusted: float = 0.5) -> Inference:
    middle = (lower + upper) / 2
    return Inference(middle, 0.01, 20.0, 99, 21, lower - 0.01, upper + 0.01, lower, upper, p_adjusted, p_adjusted, 0.03)


@pytest.mark.parametrize(
    ("bounds", "better", "answers"),
    [
        ((-0.01, 0.01), True, ("shown", "shown")),
        ((-0.03, 0.01), True, ("not_shown", "not_shown")),
        ((-0.01, 0.03), True, ("shown", "not_shown")),
        ((-0.01, 0.03), False, ("not_shown", "not_shown")),
        ((-0.03, 0.01), False, ("shown", "not_shown")),
        ((-0.01, 0.01), None, ("not_applicable", "shown")),
    ],
)
def test_not_worse_looks_at_the_worse_side_and_equivalence_at_both(
    bounds: tuple[float, float], better: bool | None, answers: tuple[str, str]
) -> None:
    found = verdicts(inference(*bounds), 0.02, better)
    assert (found.not_worse, found.equivalent) == answers
    without = verdicts(inference(*bounds), None, better)
    assert (without.not_worse, without.equivalent) == ("not_asked", "not_asked")


@pytest.mark.parametrize("text", ["0", "-0.1", "nan", "inf", "much", "=0.1", "accuracy_difference=", ""])
def test_a_margin_is_a_number_above_0(text: str) -> None:
    with pytest.raises(OptionError, match="expected a number above 0"):
        parse_margins([text])
    with pytest.raises(OptionError, match="a second margin"):
        parse_margins(["0.1", "0.2"])


def test_a_margin_for_a_quantity_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="accuracy_differnce: no such quantity here; there are: accuracy_difference"):
        of_files(tmp_path, *made_up(), margins=parse_margins(["accuracy_differnce=0.1"]))


def changed(rows: Sequence[Row], **fields: Any) -> list[Row]:
    return [{**rows[0], **fields}, *rows[1:]]


def test_bad_files_are_refused_with_what_is_wrong(tmp_path: Path) -> None:
    a, b = made_up()
    one_cluster = [[{**row, "cluster": "all"} for row in side] for side in (a, b)]
    without = [[{name: value for name, value in row.items() if name != "item"} for row in side] for side in (a, b)]
    for left, right, words in [
        (a, b[5:], "5 of 150 items are only in .*a.jsonl"),
        (a, [{**row, "item": f"other {row['item']}"} for row in b], "share no item"),
        (a, changed(b, truth=1 - b[0]["truth"]), "truth differs from that of .* for 1 of 150 items"),
        (a, changed(b, cluster="site 29"), "cluster differs from"),
        (a, changed(b, group_gender="other"), "group_gender differs from"),
        (a, [], "no row|no item"),
        (a, [*b, b[0]], "item '0-0' is there twice"),
        (*without, "no 'item'; two files are joined on the column item"),
        (*one_cluster, "all 150 items belong to one cluster"),
        (
            a,
            [{name: value for name, value in row.items() if name != "cluster"} for row in b],
            "no column 'cluster', but",
        ),
        (
            a,
            changed([{**row, "score": 0.5} for row in b], score=float("nan")),
            "score is 'nan'|expected a number from 0 to 1",
        ),
    ]:
        with pytest.raises(DataFileError, match=words):
            of_files(tmp_path, left, right)
    common = of_files(tmp_path, a, b[5:], common=True)
    assert "145 items" in common.statement.paired[0]
    assert "5 of 150 items are only in" in common.statement.unpaired[0]


def test_spellings_of_one_group_are_told(tmp_path: Path) -> None:
    a, b = (
        [{**row, "group_gender": "WOMEN" if n == 0 else row["group_gender"]} for n, row in enumerate(side)]
        for side in made_up()
    )
    found = of_files(tmp_path, a, b)
    assert any(
        "group_gender" in line and "'WOMEN' (1 row)" in line and "differ only by case" in line
        for line in found.statement.paired
    )


def test_two_spellings_of_one_item_group_or_cluster_are_the_same_in_both_files(tmp_path: Path) -> None:
    a, b = made_up()
    numbered = [
        [{**row, "item": n, "group_gender": int(row["group_gender"] == "men")} for n, row in enumerate(side)]
        for side in (a, b)
    ]
    pointed = [{**row, "item": f"{row['item']}.0", "group_gender": float(row["group_gender"])} for row in numbered[1]]
    assert (
        of_files(tmp_path, numbered[0], pointed).records()["records"]
        == of_files(tmp_path, *numbered).records()["records"]
    )


def test_files_in_two_dialects_are_paired(tmp_path: Path) -> None:
    sides = made_up()
    plain = of_files(tmp_path, *sides)
    files = []
    for side, mark, name in zip(sides, ";\t", ("a.csv", "b.tsv"), strict=True):
        rows = [mark.join(side[0]), *(mark.join(str(value) for value in row.values()) for row in side)]
        (tmp_path / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
        files.append(str(tmp_path / name))
    found = [
        [row | {"subjects": None} for row in one.records()["records"]] for one in (compare(*files, Asked()), plain)
    ]
    assert found[0] == found[1]


def test_a_weight_is_refused_and_a_column_that_is_not_used_is_named(tmp_path: Path) -> None:
    a, b = made_up()
    with pytest.raises(
        DataFileError,
        match=r"b.jsonl: the column 'Sample_Weight' looks like weights, .* rename it to ignore_Sample_Weight",
    ):
        of_files(tmp_path, a, [{**row, "Sample_Weight": 2} for row in b])
    found = of_files(tmp_path, a, [{**row, "city": "Bonn", "ignore_weight": 2} for row in b])
    assert any(line.startswith("not used of ") and line.endswith("b.jsonl: city") for line in found.statement.unpaired)


def test_items_that_cannot_be_told_apart_by_kind_are_refused(tmp_path: Path) -> None:
    a = written(tmp_path, "a.jsonl", made_up()[0])
    for pair, asked, words in [
        ((a, str(tmp_path)), Asked(), "compare two of one kind"),
        (("embedded:smollm2", "hf:ORG/NAME"), Asked(), "--requests FILE.jsonl"),
        ((a, a), Asked(dtypes=("int8", None)), "--dtype-a and --dtype-b are for two models"),
        ((a, a), Asked(common=True, requests=Path(a)), "--common is for files of predictions"),
        ((a, a), Asked(), "A and B are one and the same"),
        ((a, str(tmp_path / "nowhere")), Asked(), "nowhere: no such file or folder"),
        ((a, str(tmp_path / "out" / "dossier.json")), Asked(), "name the folder of the dossier"),
    ]:
        with pytest.raises(OptionError, match=words):
            compare(*pair, asked)


def test_a_group_in_one_cluster_has_no_gap_and_says_why(tmp_path: Path) -> None:
    a, b = made_up()
    for row in (*a, *b):
        row["group_gender"] = "women" if row["cluster"] == "site 0" else "men"
    missing = [row for row in of_files(tmp_path, a, b).rows if row.missing]
    assert len(missing) == 4, "one for each rate"
    assert all("one side has all its items in one cluster" in row.note for row in missing)


def test_groups_are_compared_with_their_reference_and_crossed_ones_with_the_crossed_reference(tmp_path: Path) -> None:
    a, b = made_up(sites=60)
    rng = np.random.default_rng(0)
    for first, second in zip(a, b, strict=True):
        first["group_age"] = second["group_age"] = str(rng.choice(["young", "middle", "old"]))
    columns = PredictionColumns(reference={"gender": "women", "age": "middle"})
    rows = of_files(tmp_path, a, b, columns=columns).rows
    gaps = [row.estimate for row in rows if row.estimate and row.estimate.quantity == "accuracy_gap_widening"]
    assert [(dict(gap.group or {}), dict(gap.reference or {})) for gap in gaps if len(gap.group or {}) == 1] == [
        ({"gender": "men"}, {"gender": "women"}),
        ({"age": "old"}, {"age": "middle"}),
        ({"age": "young"}, {"age": "middle"}),
    ]
    crossed = [gap for gap in gaps if len(gap.group or {}) == 2]
    assert len(crossed) == 5
    assert all(gap.reference == {"gender": "women", "age": "middle"} for gap in crossed)


def test_a_further_attribute_changes_nothing_of_what_is_told_without_it(tmp_path: Path) -> None:
    a, b = made_up(3, sites=60, women_lose=0.3)
    before = [row.estimate for row in of_files(tmp_path, a, b).rows]
    rng = np.random.default_rng(0)
    for first, second in zip(a, b, strict=True):
        first["group_age"] = second["group_age"] = str(rng.choice(["young", "middle", "old"]))
    after = [row.estimate for row in of_files(tmp_path, a, b).rows]
    assert before
    assert all(estimate in after for estimate in before)


def test_items_without_a_truth_count_in_selection_only_and_a_table_without_any_has_no_errors(tmp_path: Path) -> None:
    a, b = made_up()
    for first, second in list(zip(a, b, strict=True))[:10]:
        first["truth"] = second["truth"] = None
    comparison = of_files(tmp_path, a, b)
    selected, right = (find(comparison, rate, "A").estimate for rate in ("selection_rate", "accuracy"))
    assert selected is not None
    assert right is not None
    assert (selected.n, right.n) == (150, 140)
    assert any("10 of 150 items have no truth" in note for note in comparison.statement.unpaired)
    without = [[{name: value for name, value in row.items() if name != "truth"} for row in rows] for rows in (a, b)]
    comparison = of_files(tmp_path, *without)
    assert {row.estimate.quantity.split("_rate")[0] for row in comparison.rows if row.estimate} == {"selection"}
    assert any("no errors" in note for note in comparison.statement.unpaired)


def test_rates_of_groups_in_a_and_b_stand_beside_the_change_of_the_gap(tmp_path: Path) -> None:
    a, b = made_up(3, sites=80, women_lose=0.4)
    comparison = of_files(tmp_path, a, b, columns=PredictionColumns(reference={"gender": "men"}))
    for side, rows in (("A", a), ("B", b)):
        women = [row["prediction"] == row["truth"] for row in rows if row["group_gender"] == "women"]
        own = find(comparison, "accuracy", side, "women").estimate
        assert own is not None
        assert (own.value, own.n) == (pytest.approx(np.mean(women)), len(women))
    lines = list(told(comparison))
    (line,) = [line for line in lines if line.startswith("gender: women")]
    assert line.count("→") == 4
    (gap,) = [line for line in lines if line.startswith("  gap to men")]
    assert "*" in gap


def test_what_is_told_to_people_names_what_was_paired(tmp_path: Path) -> None:
    lines = "\n".join(told(of_files(tmp_path, *made_up(), margins=Margins(0.05))))
    assert "150 items, joined on 'item', in 30 clusters" in lines
    assert "difference in accuracy, B - A" in lines
    assert "A → B (change), in %" in lines
    assert "not worse by more than 0.05: " in lines
    assert "not asked" not in lines
    assert "fix a margin beforehand with --margin" in "\n".join(told(of_files(tmp_path, *made_up())))


# Dossiers: made-up items in the form in which runs keep them.

AUDIT, ASSOCIATION = "inequity.correspondence_audit", "inequity.occupation_association"


def dossier(folder: Path, shift: float = 0.0, seed: int = 0, subject: str = "screener", prompt: bool = True) -> Path:
    """A dossier with an audit of 12 names on 6 probes, and an association of 10 occupations in 4 templates."""
    rng = np.random.default_rng([7, seed])
    names = [(f"name{place}", "women" if place % 2 else "men") for place in range(12)]
    liking = np.random.default_rng(1).standard_normal((12, 6))
    audit = [
        {
            "key": f"{name}{probe}",
            "unit": name,
            "gender": gender,
            "probe": f"probe{probe}",
            "text": f"{name} applies, {probe}",
            "option": "invite",
            "favourable": None,
            "score": liking[n, probe] + shift * (gender == "women") + 0.1 * rng.standard_normal(),
        }
        for n, (name, gender) in enumerate(names)
        for probe in range(6)
    ]
    words = [
        {
            "key": f"{o}{t}{word}",
            "occupation": f"job{o}",
            "template": f"t{t}",
            "pronoun": word,
            "context": f"The job{o} t{t}",
            "continuation": f" {word}",
            "logprob": -3.0 + 0.1 * rng.standard_normal(),
            "tokens": 1,
            "greedy": False,
        }
        for o in range(10)
        for t in range(4)
        for word in ("she", "he")
    ]
    energy = [{"key": str(block), "wall_s": 1.0} for block in range(3)]
    kept = [
        (AUDIT, subject, audit, {"gender": "women"}),
        (ASSOCIATION, "model", words, {"occupation": "job1"}),
        ("environment.inference_energy", subject, energy, None),
    ]
    evidence = []
    for measure, about, items, group in kept:
        inputs = {about: f"hash{shift}{seed}", "rows": "x"}
        key = digest(measure, 1, {about: inputs[about]})
        stem = folder / "items" / measure / about
        (stem / "runs").mkdir(parents=True)
        pl.DataFrame(items).write_parquet(stem / f"{key}.parquet")
        pl.DataFrame(items).select("key").write_parquet(stem / "runs" / "x.parquet")
        pl.DataFrame([{"key": "old", "text": "older"}]).write_parquet(stem / "older.parquet")
        evidence.append(
            {
                "measure": measure,
                "subjects": [about],
                "basis": "measured",
                "estimate": {"group": group, "quantity": "gap"},
                "provenance": {"version": 1, "inputs": inputs},
            }
        )
    units = {AUDIT: ["unit", "probe"], ASSOCIATION: ["occupation", "template"], "environment.inference_energy": []}
    content = {
        "schema": "commonweal-dossier/1",
        "evidence": evidence,
        "methods": [{"name": name, "units": columns} for name, columns in units.items()],
        "system": {"assets": [{"id": subject, "prompt": {"template": "x"} if prompt else None}, {"id": "model"}]},
    }
    (folder / "dossier.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_two_dossiers_are_paired_by_the_text_of_their_items(tmp_path: Path) -> None:
    comparison = compare(str(dossier(tmp_path / "a")), str(dossier(tmp_path / "b", shift=1.0, seed=1)), Asked())
    assert comparison.statement.paired == (
        f"{AUDIT} on screener, by gender: 72 items by their text, log-odds of the favourable answer, 12 units x 6 "
        "probes",
        f"{ASSOCIATION} on model, by occupation: 80 items by their text, log-probability of the text, 10 occupations "
        "x 4 templates",
    )
    assert any(
        "environment.inference_energy on screener: its items are no requests" in line
        for line in comparison.statement.unpaired
    )
    assert any("favourable: no item has one" in line for line in comparison.statement.unpaired)
    own = "what the measure makes of them (gap) is not compared; the log-probability of the texts is"
    assert f"{ASSOCIATION} on model: {own}" in comparison.statement.unpaired
    assert not any(AUDIT in line and "makes of them" in line for line in comparison.statement.unpaired)
    change = find(comparison, "log_odds_gap_difference", "B - A")
    assert change.estimate is not None
    assert change.estimate.value == pytest.approx(-1.0, abs=0.1)  # men against women
    assert change.verdicts is not None
    assert change.verdicts.difference == "shown"
    assert (change.estimate.unit, change.estimate.clusters) == ("nat", 6)
    pronoun = find(comparison, "logprob_gap_difference", "B - A")
    assert pronoun.estimate is not None
    assert (pronoun.estimate.unit, pronoun.estimate.group) == ("bit/byte", {"pronoun": "he"})
    assert pronoun.verdicts is not None
    assert pronoun.verdicts.difference == "not_shown"


def test_a_margin_in_one_number_for_several_units_is_refused(tmp_path: Path) -> None:
    a, b = str(dossier(tmp_path / "a")), str(dossier(tmp_path / "b"))
    with pytest.raises(OptionError, match=r"would hold in 2 units \(bit/byte, nat\)"):
        compare(a, b, Asked(margins=Margins(0.1)))
    found = compare(a, b, Asked(margins=parse_margins(["log_odds_difference=0.1"])))
    assert find(found, "log_odds_difference", "B - A").verdicts.not_worse == ("not_applicable")  # type: ignore[union-attr]


def test_what_only_one_dossier_has_is_said(tmp_path: Path) -> None:
    a, b = dossier(tmp_path / "a"), dossier(tmp_path / "b", subject="other")
    found = compare(str(a), str(b), Asked())
    assert "on screener and other" in found.statement.paired[0]
    items = next((b / "items" / AUDIT / "other").glob("[0-9a-f]*.parquet"))
    kept = [path for path in (b / "items" / AUDIT / "other").glob("*.parquet") if path.stem != "older"]
    half = pl.read_parquet(kept[0]).head(36)
    half.write_parquet(kept[0])
    assert items
    partly = compare(str(a), str(b), Asked()).statement
    assert any("36 of 72 items are in A only" in line for line in partly.unpaired)
    assert any("36 of 72 items of the run are missing in" in line for line in partly.unpaired)
    kept[0].unlink()
    without = compare(str(a), str(b), Asked()).statement
    assert any("there are no items of this run" in line for line in without.unpaired), (
        "the items of another run are not taken"
    )


def test_items_that_another_run_in_the_same_folder_asked_are_not_taken(tmp_path: Path) -> None:
    a, b = dossier(tmp_path / "a"), dossier(tmp_path / "b", seed=1)
    (run,) = (b / "items" / AUDIT).rglob("runs/x.parquet")
    pl.read_parquet(run).head(30).write_parquet(run)  # the run of this dossier had a limit; an earlier one had none
    said = compare(str(a), str(b), Asked()).statement
    assert any("by gender: 30 items by their text" in line for line in said.paired)
    assert any("42 of 72 items are in A only" in line for line in said.unpaired)
    run.unlink()
    said = compare(str(a), str(b), Asked()).statement
    assert any(f"{AUDIT} on screener: there are no items of this run" in line for line in said.unpaired)


def test_without_the_column_of_the_sampled_unit_nothing_is_compared(tmp_path: Path) -> None:
    a, b = dossier(tmp_path / "a"), dossier(tmp_path / "b", seed=1)
    (items,) = (path for path in (a / "items" / ASSOCIATION).rglob("*.parquet") if len(path.stem) == 16)
    pl.read_parquet(items).drop("template").write_parquet(items)
    said = compare(str(a), str(b), Asked()).statement
    assert any(
        f"{ASSOCIATION} on model, by occupation: its items do not tell the sampled unit: they have no `template`"
        in line
        for line in said.unpaired
    )
    assert not any(ASSOCIATION in line for line in said.paired), "clustered by occupation alone, it would find too much"


def test_scores_on_different_scales_are_not_compared(tmp_path: Path) -> None:
    found = compare(str(dossier(tmp_path / "a")), str(dossier(tmp_path / "b", prompt=False)), Asked())
    assert any(
        "one side gives log-odds, the other a score on its own scale" in line for line in found.statement.unpaired
    )


def test_a_folder_that_is_no_dossier_is_refused(tmp_path: Path) -> None:
    a, b = dossier(tmp_path / "a"), dossier(tmp_path / "b")
    for text, words in [
        ("{", "dossier.json:1 is not JSON"),
        ('{"schema": "x"}', "its schema is 'x'"),
        ("[]", "not a dossier"),
    ]:
        (b / "dossier.json").write_text(text)
        with pytest.raises(DataFileError, match=words):
            compare(str(a), str(b), Asked())


# Requests


def test_requests_with_faults_are_refused(tmp_path: Path) -> None:
    line = {"context": "a", "continuation": " b"}
    for rows, words in [
        ([line, line], "2 the same request as in line 1"),
        ([{**line, "cluster": "x"}, {**line, "continuation": " c"}], "2 no cluster, as in 1 of 2 lines"),
        ([{**line, "group": ["x"]}], "group is .*expected a text"),
        ([{**line, "continuation": ""}], "continuation is empty"),
    ]:
        with pytest.raises(DataFileError, match=words):
            read_grouped_requests(Path(written(tmp_path, "r.jsonl", rows)))
    read = read_grouped_requests(Path(written(tmp_path, "r.jsonl", [line, {**line, "continuation": " c"}])))
    assert (read.sampled, read.cluster.tolist(), read.group.tolist()) == ("context", ["0", "0"], ["", ""])


def test_a_gap_of_one_wrong_answer_is_not_called_equivalent_and_copies_of_the_rows_add_no_certainty(
    tmp_path: Path,
) -> None:
    """Twenty clusters of six: A all right, B wrong once; then B wrong everywhere, with ten copies of each row."""

    def rows(wrong: int, copies: int = 1) -> list[dict[str, Any]]:
        return [
            {
                "item": f"{n}x{k}",
                "truth": 1,
                "prediction": int(n >= wrong),
                "cluster": n // 6,
                "group_sex": ("men", "women")[n // 6 % 2],
            }
            for n in range(120)
            for k in range(copies)
        ]

    once = find(of_files(tmp_path, rows(0), rows(1), margins=Margins(0.05)), "accuracy_gap_widening", "|B| - |A|")
    assert once.verdicts is not None
    assert (once.verdicts.not_worse, once.verdicts.equivalent) == ("not_shown", "not_shown")
    found = [
        find(of_files(tmp_path, rows(0, copies), rows(120, copies)), "accuracy_difference", "B - A").estimate
        for copies in (1, 10)
    ]
    assert found[0] is not None
    assert found[1] is not None
    assert (found[0].low, found[0].high) == pytest.approx((found[1].low, found[1].high))
    assert (found[0].high or -1) > -0.9
