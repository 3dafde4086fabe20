from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from commonweal.errors import DataFileError, DataRequired, MeasurementError, NotApplicable, NotJudged
from commonweal.evidence.records import Estimate, Missing
from commonweal.evidence.store import Store
from commonweal.measures.data_set import DataSet, open_data_set
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.inequity.generation_harm import generation_harm as measure
from commonweal.measures.inequity.generation_harm import scorer
from commonweal.measures.inequity.generation_harm.generation_harm import DATA, TOKENS, expected, generation_harm
from commonweal.measures.inequity.generation_harm.prompts import DOMAINS, chosen, read_bold, read_prompts
from commonweal.measures.inequity.generation_harm.scorer import as_they_stand, errors_about, learned
from commonweal.measures.inequity.identity_false_positives.labelled_texts import read_labelled
from commonweal.measures.options import Limit
from commonweal.measures.registry import load_registry
from commonweal.models.opening import open_model
from commonweal.models.protocols import GenerationRequest
from commonweal.models.text_classifier import text_features
from commonweal.system.records import Asset, System
from tests.measures.inequity.made_up_harm import (
    GROUPS,
    HARM,
    NO_HARM,
    PLACES,
    Writing,
    harming,
    labelled_of,
    prompts_of,
    written,
)
from tests.measures.ledgers import with_ledger
from tests.measures.published_data import published

SPEC = load_registry().specs["inequity.generation_harm"]
Rows = list[Estimate | Missing]
NONE: dict[str, float] = {}
BOTH = Limit(120)


@pytest.fixture(autouse=True, scope="module")
def learned_once() -> Iterator[None]:
    """Of the same texts a scorer is trained once for all of these tests; training takes most of the time of one."""
    features = cache(lambda texts: text_features(list(texts)))
    train = cache(lambda *texts: learned(*map(list, texts)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scorer, "text_features", lambda texts: features(tuple(texts)))
        patch.setattr(measure, "learned", lambda *texts: train(*map(tuple, texts)))
        yield


def measured(folder: Path, model: Any, limit: Limit = BOTH, seed: int = 0) -> Rows:
    data = open_data_set(DATA, folder)
    return with_ledger(generation_harm, model, data, limit, np.random.default_rng(seed))


def number(rows: Rows, quantity: str, group: str | None = None, attribute: str = "group") -> Estimate:
    found = [row for row in rows if row.quantity == quantity and (group is None or row.group == {attribute: group})]
    assert len(found) == 1, (quantity, group, found)
    assert isinstance(found[0], Estimate), found[0]
    return found[0]


def reason(rows: Rows, quantity: str, group: dict[str, str]) -> str:
    (row,) = (row for row in rows if row.quantity == quantity and row.group == group)
    assert isinstance(row, Missing), row
    return row.reason


def test_by_hand_a_scorer_that_over_flags_one_group(tmp_path: Path) -> None:
    """Flagged are "gruk" and nothing else.

    Walkers: 12 of 60 continuations, no errors: 20 % do harm. Cyclists: 27 of 60; the harmless
    texts about them hold the word in 19 of 60 templates: (27/60 - 19/60) / (1 - 19/60) = 8/41."""
    labelled = labelled_of({"cyclists": 0.31}, NONE)
    odd = sum(not row["harmful"] and "gruk" in row["text"] for row in labelled)
    assert odd == 19
    folder = written(tmp_path, prompts_of(), labelled)
    flagged = {"cyclists": 27, "walkers": 12}
    seen = dict.fromkeys(GROUPS, 0)

    def say(request: GenerationRequest) -> str:
        group = str(request.labels["group"])
        seen[group] += 1
        return f" {HARM}" if seen[group] <= flagged[group] else f" {NO_HARM}"

    rows = measured(folder, Writing(say))
    assert number(rows, "flagged_share", "cyclists").value == pytest.approx(27 / 60)
    assert number(rows, "flagged_share", "walkers").value == pytest.approx(12 / 60)
    assert number(rows, "scorer_false_positive_rate", "cyclists").value == pytest.approx(19 / 60)
    assert number(rows, "scorer_false_positive_rate", "walkers").value == 0.0
    assert number(rows, "scorer_true_positive_rate", "walkers").value == 1.0
    one = number(rows, "corrected_share", "cyclists")
    assert one.value == pytest.approx(8 / 41)
    assert "labelled texts about cyclists, after prompts about this one" in one.note
    assert number(rows, "corrected_share", "walkers").value == pytest.approx(0.2)
    assert number(rows, "corrected_share_difference").value == pytest.approx(8 / 41 - 0.2)
    assert number(rows, "flagged_share_difference").value == pytest.approx(15 / 60)


def test_equal_harm_with_unequal_errors_alarms_naively_and_not_corrected(tmp_path: Path) -> None:
    over, missed = {"cyclists": 0.35, "walkers": 0.02}, {"cyclists": 0.2, "walkers": 0.2}
    folder = written(tmp_path, prompts_of(pages=150), labelled_of(over, missed, 80))
    rows = measured(folder, harming({"cyclists": 0.2, "walkers": 0.2}, over, missed), Limit(300))
    naive, corrected = number(rows, "flagged_share_difference"), number(rows, "corrected_share_difference")
    assert (naive.low or 0) > 0.1
    assert not corrected.excludes_null
    assert (corrected.p_adjusted or 0) > 0.05
    assert naive.null is None


def test_unequal_harm_behind_equal_flags_is_found_and_its_pages_are_named(tmp_path: Path) -> None:
    """Flags about cyclists: 0.5 x 0.95 = 0.475; about walkers: 0.05 x 0.95 + 0.95 x 0.45 = 0.475."""
    over, missed = {"walkers": 0.45}, {"cyclists": 0.05, "walkers": 0.05}
    folder = written(tmp_path, prompts_of(pages=150), labelled_of(over, missed, 80))
    rows = measured(folder, harming({"cyclists": 0.5, "walkers": 0.05}, over, missed), Limit(300))
    naive, corrected = number(rows, "flagged_share_difference"), number(rows, "corrected_share_difference")
    assert (naive.low or -1) < 0 < (naive.high or 1)
    assert corrected.excludes_null
    assert corrected.group == {"group": "cyclists"}
    assert corrected.reference == {"group": "walkers"}
    pages = [row for row in rows if row.quantity == "contribution" and row.group and "page" in row.group]
    assert len(pages) == 5
    assert all(row.group and row.group["page"].startswith("cyclists ") for row in pages)


def test_a_model_that_does_no_harm_is_silent_and_no_flags_are_not_certainty(tmp_path: Path) -> None:
    folder = written(tmp_path, prompts_of(), labelled_of({"cyclists": 0.1, "walkers": 0.1}, NONE))
    rows = measured(folder, Writing(lambda _: f" {NO_HARM}"))
    assert not any(isinstance(row, Estimate) and row.excludes_null for row in rows)
    assert not any(row.quantity == "contribution" for row in rows)
    clean = written(tmp_path, prompts_of(), labelled_of(NONE, NONE))
    share = number(measured(clean, Writing(lambda _: f" {NO_HARM}")), "corrected_share", "walkers")
    assert (share.value, share.low) == (0.0, 0.0)
    assert 0.02 < (share.high or 0) < 0.2


def test_fewer_flags_than_on_harmless_texts_give_a_reason_and_no_number(tmp_path: Path) -> None:
    folder = written(tmp_path, prompts_of(), labelled_of({"cyclists": 0.4}, NONE))
    rows = measured(folder, Writing(lambda _: f" {NO_HARM}"))
    assert "fewer than 40.0 % of the harmless texts" in reason(rows, "corrected_share", {"group": "cyclists"})
    assert "fewer than two groups" in reason(rows, "corrected_share_difference", {"group": "all groups"})
    assert number(rows, "flagged_share", "cyclists").value == 0.0


def test_a_scorer_that_cannot_tell_about_one_group_has_no_number_for_it(tmp_path: Path) -> None:
    folder = written(tmp_path, prompts_of(), labelled_of({"cyclists": 0.5}, {"cyclists": 0.5}))
    rows = measured(folder, harming(dict.fromkeys(GROUPS, 0.2), NONE, NONE))
    assert "does not flag more harmful texts" in reason(rows, "corrected_share", {"group": "cyclists"})
    assert number(rows, "corrected_share", "walkers").value > 0


def test_a_scorer_no_better_than_chance_stops_before_the_model_is_asked(tmp_path: Path) -> None:
    half = dict.fromkeys(GROUPS, 0.5)
    folder = written(tmp_path, prompts_of(), labelled_of(half, half))
    model = Writing(lambda _: f" {NO_HARM}")
    with pytest.raises(NotApplicable, match="not better than chance"):
        measured(folder, model)
    assert model.asked == 0


def test_groups_without_labelled_texts_take_the_errors_over_all_and_say_so(tmp_path: Path) -> None:
    folder = written(tmp_path, prompts_of((*GROUPS, "drivers")), labelled_of({"cyclists": 0.3}, NONE))
    rows = measured(folder, harming(dict.fromkeys((*GROUPS, "drivers"), 0.3), NONE, NONE), Limit(180))
    assert "labelled texts about all groups" in number(rows, "scorer_false_positive_rate", "drivers").note
    assert number(rows, "scorer_false_positive_rate", "drivers").value == pytest.approx(0.15, abs=0.03)
    gaps = [row for row in rows if row.quantity == "corrected_share_difference"]
    assert [row.reference for row in gaps] == [{"group": "mean of the others"}] * 3
    assert sum(row.value for row in gaps if isinstance(row, Estimate)) == pytest.approx(0.0, abs=1e-9)


def test_too_few_pages_of_a_group_are_told(tmp_path: Path) -> None:
    few = [
        row | {"cluster": f"page {place % 3}"} if row["group"] == "walkers" else row
        for place, row in enumerate(prompts_of())
    ]
    rows = measured(written(tmp_path, few, labelled_of(NONE, NONE)), Writing(lambda _: f" {HARM}"))
    assert "3 pages (24 rows) in this group; at least 5 are needed" in reason(
        rows, "corrected_share", {"group": "walkers"}
    )
    assert "3 pages" in reason(rows, "flagged_share", {"group": "walkers"})


def test_about_a_group_that_the_model_is_silent_about_there_is_no_number(tmp_path: Path) -> None:
    folder = written(tmp_path, prompts_of(), labelled_of(NONE, NONE))
    rows = measured(folder, Writing(lambda request: "" if request.labels["group"] == "walkers" else f" {NO_HARM}"))
    told = [row for row in rows if isinstance(row, Missing) and row.group == {"group": "walkers"}]
    assert {row.quantity for row in told} >= {"flagged_share", "corrected_share", "corrected_share_difference"}
    assert all(row.unjudged and "after 0 of 60 prompts about walkers" in row.reason for row in told)
    assert number(rows, "flagged_share", "cyclists").n == 60
    assert not [row for row in rows if isinstance(row, Estimate) and row.quantity.endswith("difference")]


def test_who_writes_the_same_about_everybody_or_is_never_flagged_cannot_be_judged(tmp_path: Path) -> None:
    folder = written(tmp_path, prompts_of(), labelled_of(NONE, NONE))
    for said, words in (
        (lambda _: f" {NO_HARM}", "it wrote the same after"),
        (lambda one: f" {NO_HARM} {one.seed % 9}", "flags none of"),
    ):
        told = [row for row in measured(folder, Writing(said)) if row.quantity.endswith("_share_difference")]
        assert told
        assert all(isinstance(row, Missing) and row.unjudged and words in row.reason for row in told)


def test_one_group_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    rows = measured(
        written(tmp_path, prompts_of(("walkers",)), labelled_of(NONE, NONE)),
        Writing(lambda _: f" {NO_HARM}"),
        Limit(60),
    )
    for quantity in ("corrected_share_difference", "flagged_share_difference"):
        assert "fewer than two groups" in reason(rows, quantity, {"group": "all groups"})


def test_a_model_that_writes_nothing_or_no_number_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path, prompts_of(), labelled_of(NONE, NONE))
    with pytest.raises(NotJudged, match="wrote nothing after 120 of 120 prompts"):
        measured(folder, Writing(lambda _: " \n"))
    some = measured(folder, Writing(lambda request: "" if request.seed % 11 == 0 else f" {NO_HARM}"))
    assert "continuations are empty" in number(some, "flagged_share", "walkers").note
    with pytest.raises(NotJudged, match="the model wrote nothing after"):
        measured(folder, Writing(lambda request: "" if request.seed % 2 else f" {NO_HARM}"))

    def broken(_: GenerationRequest) -> str:
        raise MeasurementError("request 3: the model's answer is not a number")

    with pytest.raises(MeasurementError, match="not a number"):
        measured(folder, Writing(broken))


def test_a_limit_spreads_over_pages_and_a_larger_one_adds_to_a_smaller(tmp_path: Path) -> None:
    folder = written(tmp_path, prompts_of(pages=10, per_page=4), labelled_of(NONE, NONE))
    prompts = read_prompts(open_data_set(DATA, folder))
    few, more = chosen(prompts, Limit(20)), chosen(prompts, Limit(40))
    assert len(few) == 20
    assert len({one.page for one in few}) == 20
    assert set(few) < set(more)
    assert chosen(prompts[::-1], Limit(20)) == few
    assert len(chosen(prompts, Limit())) == 80
    with pytest.raises(NotApplicable, match="--limit 9 leaves 4 prompts for each of 2 groups"):
        chosen(prompts, Limit(9))


def test_shuffled_files_change_nothing(tmp_path: Path) -> None:
    over = {"cyclists": 0.2}
    prompts, labelled = prompts_of(), labelled_of(over, NONE)
    model = harming(dict.fromkeys(GROUPS, 0.3), over, NONE)
    first = measured(written(tmp_path, prompts, labelled), model)
    second = measured(written(tmp_path, prompts[::-1], labelled[::-1]), model)
    for quantity in ("corrected_share", "flagged_share"):
        for group in GROUPS:
            one, other = number(first, quantity, group), number(second, quantity, group)
            assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def test_contributions_of_the_groups_add_up_to_the_flagged_share_of_all(tmp_path: Path) -> None:
    folder = written(tmp_path, prompts_of(), labelled_of(NONE, NONE))
    rows = measured(folder, harming({"cyclists": 0.2, "walkers": 0.4}, NONE, NONE))
    parts = [
        row.value
        for row in rows
        if isinstance(row, Estimate) and row.quantity == "contribution" and set(row.group or {}) == {"group"}
    ]
    assert sum(parts) == pytest.approx(np.mean([number(rows, "flagged_share", group).value for group in GROUPS]))


BOLD_LIKE = {"American_actors": "actor", "American_actresses": "actress"}


def bold_like(folder: Path, wikipedia: bool = True, files: Sequence[str] = ("gender",)) -> Path:
    """Made-up prompts in the format of BOLD, sentences that go on harmlessly, and cases in the columns of HateCheck."""
    for name in ("bold/prompts", "bold/wikipedia", "hatecheck"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    begun = {
        group: {
            f"Page_{word}_{page}": [f"The {word} number {page} of the {PLACES[page % 10]} is "] for page in range(40)
        }
        for group, word in BOLD_LIKE.items()
    }
    whole = {group: {page: [f"{text[0]}{NO_HARM}."] for page, text in pages.items()} for group, pages in begun.items()}
    for name in files:
        (folder / f"bold/prompts/{name}_prompt.json").write_text(json.dumps(begun), encoding="utf-8")
        if wikipedia:
            (folder / f"bold/wikipedia/{name}_wiki.json").write_text(json.dumps(whole), encoding="utf-8")
    with (folder / "hatecheck/test_suite_cases.csv").open("w", encoding="utf-8", newline="") as file:
        columns = [
            "",
            "functionality",
            "case_id",
            "test_case",
            "label_gold",
            "target_ident",
            "ref_templ_id",
            "templ_id",
        ]
        writer = csv.writer(file)
        writer.writerow(columns)
        for number, row in enumerate(labelled_of({"women": 0.3}, NONE, 40, ("women", "immigrants"))):
            label = "hateful" if row["harmful"] else "non-hateful"
            writer.writerow([number, "f", number, row["text"], label, row["group"], "", row["cluster"]])
    return folder


def test_bold_is_corrected_by_wikipedias_own_sentences_where_they_are_there(tmp_path: Path) -> None:
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    for name, words in (("with", "sentences of Wikipedia"), ("without", "labelled texts about women, after prompts")):
        folder = bold_like(tmp_path / name, name == "with")
        rows = measured(folder, Writing(lambda request: f" {HARM}" if request.seed % 3 else f" {NO_HARM}"), Limit(80))
        assert words in number(rows, "scorer_false_positive_rate", "American actresses", "gender").note
        gap = number(rows, "corrected_share_difference")
        assert (gap.group, gap.reference) == ({"gender": "American actors"}, {"gender": "American actresses"})
        assert "race" in reason(rows, "corrected_share", {"race": "all groups"})
        assert len([row for row in rows if isinstance(row, Missing) and "is not there" in row.reason]) == 4


def test_pages_about_persons_are_codes_in_the_rows_and_names_in_the_journal(tmp_path: Path) -> None:
    folder = bold_like(tmp_path)
    rows = measured(
        folder,
        Writing(lambda request: f" {HARM}" if request.labels["gender"] == "American actors" else f" {NO_HARM}"),
        Limit(80),
    )
    assert number(rows, "corrected_share_difference").excludes_null
    pages = [row.group["page"] for row in rows if row.group and "page" in row.group]
    assert pages
    assert all(page.startswith("person ") for page in pages)
    assert "Page_actor_" not in str(rows)


def test_through_gather_texts_are_in_the_journal_only_and_a_stopped_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    folder = written(tmp_path / "data", prompts_of(), labelled_of({"cyclists": 0.2}, NONE))
    told = harming(dict.fromkeys(GROUPS, 0.3), NONE, NONE)
    model: Any = Writing(told.say)
    calls = 0

    def stopping(requests: Sequence[GenerationRequest]) -> list[str]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return Writing.generate(model, requests)

    def task(subject: Any) -> Task:
        return Task(SPEC, "m", lambda: subject, None, lambda: open_data_set(DATA, folder))

    system = System(name="s", assets=(Asset(id="m", kind="model"),))
    with Store(tmp_path / "out") as store:
        setting = Setting(store, system, "h", limit=BOTH)
        model.generate = stopping
        with pytest.raises(KeyboardInterrupt):
            gather(task(model), setting)
        assert model.asked == 64
        del model.generate
        rows = gather(task(model), setting)
        assert model.asked == 120
        assert gather(task(model), setting) == rows
    assert model.asked == 120
    assert {row.status for row in rows} == {"ok"}
    for row in rows:
        assert row.estimate is not None
        assert row.estimate.unit == SPEC.method.quantities[row.estimate.quantity].unit
        assert row.estimate.null == SPEC.method.quantities[row.estimate.quantity].null
    text = (tmp_path / "out" / "evidence.jsonl").read_text(encoding="utf-8")
    assert "gruk" not in text
    (path,) = (tmp_path / "out" / "items").glob("*/*/*.parquet")
    items = pl.read_parquet(path)
    judged = items.filter(pl.col("judged").is_not_null())
    assert judged.height == 120
    assert judged.filter(pl.col("judged").str.contains("gruk"))["flagged_share"].to_list() == [1.0] * int(
        judged["flagged_share"].sum()
    )


def test_another_seed_draws_other_texts_and_the_same_seed_the_same(tmp_path: Path) -> None:
    folder = written(tmp_path, prompts_of(), labelled_of(NONE, NONE))
    model = harming(dict.fromkeys(GROUPS, 0.4), NONE, NONE)
    one, same, other = (number(measured(folder, model, seed=seed), "flagged_share", "walkers") for seed in (0, 0, 1))
    assert one.value == same.value
    assert one.value != other.value


@pytest.mark.parametrize(
    ("file", "rows", "words"),
    [
        ("prompts.jsonl", [{"group": "a", "prompt": "b"}], r"prompts.jsonl:1 cluster: missing"),
        (
            "prompts.jsonl",
            [{"group": "a", "prompt": " ", "cluster": "c"}],
            r"prompts.jsonl:1 prompt: missing, empty or not text",
        ),
        (
            "prompts.jsonl",
            [{"group": 7, "prompt": "b", "cluster": "c"}],
            r"prompts.jsonl:1 group: missing, empty or not text",
        ),
        (
            "prompts.jsonl",
            [{"group": "a", "prompt": "b", "cluster": c} for c in "cd"],
            r"prompts.jsonl:2 the same prompt .* twice",
        ),
        ("prompts.jsonl", [], "no prompt in it"),
        (
            "labelled_texts.jsonl",
            [{"text": "a", "harmful": True, "group": "g"}],
            r"labelled_texts.jsonl:1 fields are missing: cluster",
        ),
        (
            "labelled_texts.jsonl",
            [{"text": "a", "harmful": 1, "group": "g", "cluster": "c"}],
            "harmful is 1, expected true or false",
        ),
        ("labelled_texts.jsonl", [{"text": "a", "harmful": None, "group": "g", "cluster": "c"}], "harmful is None"),
        ("labelled_texts.jsonl", [{"text": "", "harmful": True, "group": "g", "cluster": "c"}], "text is empty"),
        (
            "labelled_texts.jsonl",
            [{"text": "a", "harmful": True, "group": "", "cluster": c} for c in "cd"],
            "is there twice",
        ),
        (
            "labelled_texts.jsonl",
            [{"text": "a", "harmful": True, "group": "", "cluster": "c"}],
            "all 1 texts are harmful",
        ),
        ("labelled_texts.jsonl", [], "no text in it"),
    ],
)
def test_a_line_of_ones_own_that_is_wrong_is_named(
    tmp_path: Path, file: str, rows: list[dict[str, Any]], words: str
) -> None:
    written(tmp_path, prompts_of(), labelled_of(NONE, NONE))
    (tmp_path / file).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(DataFileError, match=words):
        expected(open_data_set(DATA, tmp_path), Limit())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[1]", "the file holds list, expected an object of groups"),
        (b"{}", "no group in it"),
        (b'{"a": {"p": "text"}}', "group 'a', page 'p': expected a list of sentences"),
        (b'{"a": {"p": [1]}}', "group 'a', page 'p': expected a list of sentences"),
        (b'{"a": {"p": ["x"]}, "a": {"p": ["y"]}}', "'a' is there twice"),
        (b'{"a": \n {"p": ["x"', r"gender_prompt.json:2 is not JSON"),
        ('{"a": {"p": ["é"]}}'.encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_file_that_is_not_bolds_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    folder = bold_like(tmp_path)
    (folder / "bold/prompts/gender_prompt.json").write_bytes(content)
    with pytest.raises(DataFileError, match=words):
        expected(open_data_set(DATA, folder), Limit())


def test_unknown_domains_and_absent_sets_are_told(tmp_path: Path) -> None:
    folder = bold_like(tmp_path, files=("gender", "hats"))
    with pytest.raises(DataFileError, match=r"hats_prompt.json: unknown domain; BOLD has: gender_prompt.json"):
        expected(open_data_set(DATA, folder), Limit())
    with pytest.raises(DataRequired, match=r"The sets: bold .*; hatecheck .* or your own labelled_texts.jsonl"):
        open_data_set(DATA, None)
    (folder / "hatecheck/test_suite_cases.csv").unlink()
    with pytest.raises(DataRequired, match=r"no test_suite_cases.csv, nor labelled_texts.jsonl"):
        open_data_set(DATA, folder)
    with pytest.raises(DataRequired, match=r"no prompts/\*_prompt.json, nor prompts.jsonl"):
        open_data_set(DATA, folder / "hatecheck")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"label_gold": "maybe"}, "label_gold is 'maybe'"),
        ({"case_id": ""}, "case_id is empty"),
        ({"case_id": "0"}, "case '0' is there twice"),
    ],
)
def test_a_line_that_is_not_hatechecks_is_named(tmp_path: Path, changed: dict[str, str], words: str) -> None:
    path = bold_like(tmp_path) / "hatecheck/test_suite_cases.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[1] |= changed
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(DataFileError, match=rf"test_suite_cases.csv:3 {words}"):
        expected(open_data_set(DATA, tmp_path), Limit())


def test_the_estimate_of_time_counts_what_will_be_written(tmp_path: Path) -> None:
    data = open_data_set(DATA, written(tmp_path, prompts_of(), labelled_of(NONE, NONE)))
    texts = expected(data, Limit(20))
    assert len(texts) == 20
    assert all(text.endswith("." * 4 * TOKENS) for text in texts)


def test_another_set_beside_changes_the_hash(tmp_path: Path) -> None:
    folder = bold_like(tmp_path)
    first = open_data_set(DATA, folder)
    assert [one.name for one in first.beside] == ["hatecheck", "bold"]
    (folder / "bold/wikipedia/gender_wiki.json").write_text('{"a": {"p": ["x"]}}')
    assert open_data_set(DATA, folder).fingerprint != first.fingerprint
    (folder / "bold/wikipedia/gender_wiki.json").unlink()
    assert [one.name for one in open_data_set(DATA, folder).beside] == ["hatecheck"]


def both() -> DataSet:
    published("hatecheck")
    return open_data_set(DATA, published("bold").parent)


def test_bold_has_the_published_numbers_of_prompts() -> None:
    """23,679 (Dhamala et al. 2021); of these 5 are blank and 86 repeat a prompt of their page."""
    data = both()
    prompts = read_prompts(data)
    counted = sum(
        len(texts)
        for path in data.files
        for pages in json.loads(path.read_text(encoding="utf-8")).values()
        for texts in pages.values()
    )
    assert counted == 23_679
    assert len(prompts) == counted - 91
    assert {one.domain for one in prompts} == set(DOMAINS.values())
    assert len({(one.domain, one.group) for one in prompts}) == 43
    assert len({(one.domain, one.group) for one in chosen(prompts, Limit())}) == 43


def test_hatecheck_is_read_with_variants_in_the_cluster_of_their_template() -> None:
    texts = read_labelled(both().beside[0])
    assert len(texts) == 3_728
    assert sum(one.harmful for one in texts) == 2_563
    assert len({one.group for one in texts if one.group}) == 7
    assert len({one.cluster for one in texts}) < 400


@pytest.mark.slow
def test_the_scorers_own_errors_on_published_texts() -> None:
    """Our own values. Without sentences of Wikipedia to learn from it flags 30 % of those about Islam, 4 % of those
    about Christianity.
    """
    data = both()
    prompts, sentences = read_prompts(data), read_bold(data.beside[1].files, "_wiki.json")
    domain = "religious ideology"
    groups = {
        (domain, name): [prompt for prompt in prompts if prompt.group == name] for name in ("islam", "christianity")
    }
    for taught in ([], sentences):
        scorer = learned(read_labelled(data.beside[0]), prompts, taught)
        rates = {harmful: as_they_stand(scorer, harmful)["all"].flagged.mean() for harmful in (True, False)}
        harmless, harmful = errors_about(groups, scorer, sentences)
        print(f"true positives {rates[True]:.3f}, false positives {rates[False]:.3f}")
        print(
            [
                (judged.about, judged.flagged.size, round(float(judged.flagged.mean()), 3))
                for judged in (*harmless, *harmful)
            ]
        )
        assert rates[True] > rates[False] + 0.25
        islam, christianity = (judged.flagged.mean() for judged in harmless)
        assert islam < 0.1 if taught else islam > 0.15 > christianity


@pytest.mark.slow
@pytest.mark.model
def test_the_embedded_model_continues_prompts(
    tmp_path: Path, model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMONWEAL_CACHE", str(model_cache))
    folder = written(tmp_path, prompts_of(pages=8), labelled_of(NONE, NONE, 20))
    model = open_model("embedded:smollm2", device="cpu")
    first = measured(folder, model, Limit(16))
    again = measured(folder, model, Limit(16))
    assert first == again
    for group in GROUPS:
        assert number(first, "flagged_share", group).n == 8
