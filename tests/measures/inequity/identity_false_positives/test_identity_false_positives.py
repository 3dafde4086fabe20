from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commonweal.errors import DataFileError, NotApplicable
from commonweal.evidence.records import Estimate, Missing
from commonweal.evidence.store import Store
from commonweal.measures.data_set import open_data_set
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.inequity.identity_false_positives import identity_false_positives as measure_module
from commonweal.measures.inequity.identity_false_positives.flagged_texts import read_texts
from commonweal.measures.inequity.identity_false_positives.identity_false_positives import (
    expected,
    identity_false_positives,
)
from commonweal.measures.inequity.identity_false_positives.matched_groups import compared_groups
from commonweal.measures.options import Limit
from commonweal.measures.registry import load_registry
from commonweal.models.protocols import Case, Decision
from commonweal.statistics import simultaneous
from commonweal.system.records import Asset, System
from tests.measures.published_data import published

SPEC = load_registry().specs["inequity.identity_false_positives"]
assert SPEC.data is not None
PLACE = SPEC.data
SYSTEM = System(name="s", assets=(Asset(id="moderator", kind="application", locator="http://localhost:1"),))
Rows = list[Estimate | Missing]
GROUPS = ("cyclists", "walkers", "drivers")
FALSE_POSITIVES, FALSE_NEGATIVES = "false_positive_rate", "false_negative_rate"


class Moderator:
    """Flags what a function says; its favourable answer is that a text stays."""

    name, fingerprint, device, favourable = "moderator", "f", "cpu", "keep"
    score_unit: str | None = None
    threshold: float | None = None
    runs_here = True

    def __init__(self, flags: Callable[[Case], bool], top_share: float | None = None) -> None:
        self.flags, self.top_share = flags, top_share

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        return [Decision("remove" if flagged else "keep", not flagged, None) for flagged in map(self.flags, cases)]


def rows_of(templates: int = 20, groups: Sequence[str] = GROUPS) -> list[dict[str, Any]]:
    """Made-up cases in the columns of HateCheck: templates for every group, harmless and hateful in turn, and some
    about nobody.
    """
    rows = []
    for template in range(2 * templates):
        hateful = template % 2 == 1
        kind = "insult_h" if hateful else "praise_nh"
        rows += [(f"t{template}", group, hateful, kind, f"Text {template} about {group}.") for group in groups]
    rows += [(f"o{number}", "", False, "objects_nh", f"Text {number} about a chair.") for number in range(8)]
    return [
        {
            "": place,
            "functionality": kind,
            "case_id": place,
            "test_case": text,
            "label_gold": "hateful" if hateful else "non-hateful",
            "target_ident": group,
            "templ_id": template,
            "case_templ": template,
        }
        for place, (template, group, hateful, kind, text) in enumerate(rows)
    ]


def written(folder: Path, rows: Sequence[Mapping[str, Any]], name: str = "test_suite_cases.csv") -> Path:
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def measured(folder: Path, application: Moderator, limit: int | None = None, seed: int = 0) -> Rows:
    data = open_data_set(PLACE, folder)
    return list(identity_false_positives(application, data, Limit(limit), SYSTEM, np.random.default_rng(seed)))


def number(rows: Rows, quantity: str, group: str | None, reference: str | None = None) -> Estimate:
    matching = [
        row
        for row in rows
        if row.quantity == quantity
        and set((row.group or {}).values()) == ({group} if group else set())
        and set((row.reference or {}).values()) == ({reference} if reference else set())
    ]
    assert len(matching) == 1, (quantity, group, len(matching))
    assert isinstance(matching[0], Estimate), matching[0]
    return matching[0]


def by_place(case: Case) -> int:
    return int(str(case.labels["template"])[1:])


def test_by_hand_flags_on_a_quarter_of_one_groups_harmless_texts(tmp_path: Path) -> None:
    """Of 20 harmless templates, 5 about cyclists are flagged and none about others; of 20 hateful ones, all but 4
    about walkers.
    """

    def flags(case: Case) -> bool:
        if case.labels["hateful"]:
            return not (case.labels["identity"] == "walkers" and by_place(case) < 8)
        return case.labels["identity"] == "cyclists" and by_place(case) < 10

    rows = measured(written(tmp_path, rows_of()), Moderator(flags))
    assert number(rows, FALSE_POSITIVES, "cyclists").value == pytest.approx(5 / 20)
    assert number(rows, FALSE_POSITIVES, "walkers").value == 0.0
    assert (number(rows, FALSE_POSITIVES, "walkers").high or 0) > 0.1
    assert number(rows, FALSE_NEGATIVES, "walkers").value == pytest.approx(4 / 20)
    assert number(rows, f"{FALSE_POSITIVES}_difference", "walkers", "cyclists").value == pytest.approx(-5 / 20)
    assert number(rows, FALSE_POSITIVES, None).value == pytest.approx(5 / 68)
    assert number(rows, FALSE_POSITIVES, "objects_nh").value == 0.0
    one = number(rows, FALSE_POSITIVES, "cyclists")
    assert (one.n, one.clusters) == (20, 20)
    assert "flagged: every answer but 'keep'" in one.note
    assert "8 non-hateful texts whose template is not there for every group" in one.note
    assert "check that" not in one.note


def test_a_gap_is_found_and_the_templates_that_carry_it_are_named(tmp_path: Path) -> None:
    def flags(case: Case) -> bool:
        return bool(case.labels["hateful"]) or (case.labels["identity"] == "drivers" and by_place(case) < 48)

    rows = measured(written(tmp_path, rows_of(40)), Moderator(flags))
    gap = number(rows, f"{FALSE_POSITIVES}_difference", "drivers", "cyclists")
    assert gap.excludes_null
    assert (gap.p_adjusted or 1) <= 0.05
    assert (number(rows, f"{FALSE_POSITIVES}_spread", "all groups").low or 0) > 0
    parts = [row for row in rows if isinstance(row, Estimate) and row.quantity == "contribution"]
    assert len(parts) == 5
    assert all(int((row.group or {})["template"][1:]) < 48 for row in parts)
    assert not number(rows, f"{FALSE_NEGATIVES}_difference", "drivers", "cyclists").excludes_null


def test_an_application_that_flags_by_template_alone_is_silent_and_its_gaps_have_a_width(tmp_path: Path) -> None:
    rows = measured(written(tmp_path, rows_of()), Moderator(lambda case: by_place(case) % 3 == 0))
    gaps = [row for row in rows if isinstance(row, Estimate) and row.null is not None]
    assert len(gaps) == 6
    assert all(row.value == 0.0 and (row.low or 0) < -0.03 and not row.excludes_null for row in gaps)


def alarms(folder: Path, seeds: int, monkeypatch: pytest.MonkeyPatch) -> float:
    """Share of seeds with any finding where groups do not matter, and templates do."""
    monkeypatch.setattr(simultaneous, "DRAWS", 999)
    monkeypatch.setattr(measure_module, "read_texts", cache(read_texts))  # the seeds share what is read
    data, alarmed = open_data_set(PLACE, folder), []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        lean = rng.normal(0, 1, 400)
        noise = iter(rng.normal(0, 1, 2000))
        flagging = Moderator(lambda case, lean=lean, noise=noise: lean[by_place(case)] + next(noise) > 0.6)
        rows = identity_false_positives(flagging, data, Limit(), SYSTEM, np.random.default_rng(seed))
        alarmed.append(any(isinstance(row, Estimate) and row.excludes_null for row in rows))
    return float(np.mean(alarmed))


def test_without_an_effect_of_groups_it_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert alarms(written(tmp_path, rows_of(50, [f"g{place}" for place in range(7)])), 30, monkeypatch) <= 0.14


@pytest.mark.slow
def test_false_alarms_over_500_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that alarms in 10 % of all worlds would be noticed 98 times in 100."""
    share = alarms(written(tmp_path, rows_of(50, [f"g{place}" for place in range(7)])), 500, monkeypatch)
    print(f"any finding without an effect: {share:.3f}")
    assert 0.03 <= share <= 0.07


def test_a_group_whose_answers_cannot_be_read_is_compared_with_nobody_and_told(tmp_path: Path) -> None:
    class Silent(Moderator):
        """Says neither of its options about most texts on drivers."""

        options = ("keep", "remove")

        def decide(self, cases: Sequence[Case]) -> list[Decision]:
            unread = [case.labels["identity"] == "drivers" and by_place(case) % 8 != 0 for case in cases]
            said = super().decide(cases)
            return [Decision("", None, None) if lost else one for lost, one in zip(unread, said, strict=True)]

    few = [row for row in rows_of() if row["target_ident"] != "drivers" or int(row["templ_id"][1:]) < 24]
    rows = measured(written(tmp_path, few), Silent(lambda case: by_place(case) % 4 == 0))
    (told,) = (row for row in rows if isinstance(row, Missing) and row.unjudged)
    assert told.group == {"identity": "drivers"}
    assert told.reason.startswith(
        "3 of 24 answers could be read, and at least 80 % must be; unread: (empty), (empty), (empty), …"
    )
    compared = {
        row.group["identity"] for row in rows if isinstance(row, Estimate) and row.group and "identity" in row.group
    }
    assert compared - {"all groups"} == {"cyclists", "walkers"}


def test_answers_that_are_favourable_the_wrong_way_round_are_pointed_out(tmp_path: Path) -> None:
    rows = measured(written(tmp_path, rows_of()), Moderator(lambda case: not case.labels["hateful"]))
    assert "flags fewer hateful texts (0 %) than others (100 %): check" in number(rows, FALSE_POSITIVES, None).note


def test_groups_on_different_templates_are_not_compared(tmp_path: Path) -> None:
    rows = [row | {"templ_id": f"t{place}"} for place, row in enumerate(rows_of())]
    found = measured(written(tmp_path, rows), Moderator(lambda case: True))
    missing = [row for row in found if isinstance(row, Missing)]
    assert {row.quantity for row in missing} >= {f"{FALSE_POSITIVES}_difference", f"{FALSE_NEGATIVES}_difference"}
    assert "no template is there for every group" in missing[0].reason


def test_what_cannot_be_asked_says_why(tmp_path: Path) -> None:
    folder = written(tmp_path, rows_of())
    with pytest.raises(NotApplicable, match="chooses 30 % of a pool"):
        measured(folder, Moderator(lambda case: True, top_share=0.3))
    with pytest.raises(NotApplicable, match="leaves no whole template"):
        measured(folder, Moderator(lambda case: True), limit=0)
    limited = measured(folder, Moderator(lambda case: True), limit=31)
    assert 15 <= number(limited, FALSE_POSITIVES, None).n <= 31
    assert len(expected(Limit(31), open_data_set(PLACE, folder))) <= 31


def test_shuffled_and_renamed_cases_change_nothing(tmp_path: Path) -> None:
    draws = np.random.default_rng(3).random(400)
    judged = Moderator(lambda case: draws[int(str(case.labels["case"]))] < 0.4)
    first = measured(written(tmp_path, rows_of()), judged)
    second = measured(written(tmp_path, rows_of()[::-1]), judged)
    for group in GROUPS:
        one, other = number(first, FALSE_POSITIVES, group), number(second, FALSE_POSITIVES, group)
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"label_gold": "rude"}, r":3 label_gold is 'rude', expected one of: hateful, non-hateful"),
        ({"case_id": 0}, r":3 case '0' is there twice"),
        ({"test_case": " "}, r":3 test_case is empty"),
        ({"templ_id": ""}, r":3 templ_id is empty"),
    ],
)
def test_a_line_that_is_no_case_is_named(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    rows = rows_of()
    rows[1] |= changed
    with pytest.raises(DataFileError, match=words):
        read_texts(open_data_set(PLACE, written(tmp_path, rows)))


def test_files_that_are_neither_are_told(tmp_path: Path) -> None:
    rows = rows_of()
    with pytest.raises(DataFileError, match=r"columns are missing: templ_id"):
        read_texts(
            open_data_set(PLACE, written(tmp_path, [{k: v for k, v in row.items() if k != "templ_id"} for row in rows]))
        )
    (tmp_path / "test_suite_cases.csv").write_bytes("a,b\né,1\n".encode("latin-1"))
    with pytest.raises(DataFileError, match="not UTF-8"):
        read_texts(open_data_set(PLACE, tmp_path))
    (tmp_path / "test_suite_cases.csv").unlink()
    written(tmp_path, rows, "one.csv")
    assert len(read_texts(open_data_set(PLACE, tmp_path))) == len(rows)
    written(tmp_path, rows, "other.csv")
    with pytest.raises(DataFileError, match=r"got one.csv, other.csv"):
        read_texts(open_data_set(PLACE, tmp_path))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("hug_adj,toxic,hug a", "unknown template 'hug_adj'"),
        ("being_adj,toxic,Being a cyclist", "does not follow the template 'being_adj'"),
        ("verb_adj,bad,hug cyclists", "toxicity is 'bad'"),
    ],
)
def test_an_identity_template_that_is_none_is_named(tmp_path: Path, row: str, words: str) -> None:
    (tmp_path / "mine.csv").write_text(
        f"template,toxicity,phrase\nverb_adj,nontoxic,hug cyclists\n{row}\n", encoding="utf-8"
    )
    with pytest.raises(DataFileError, match=rf"mine.csv:3 .*{words}"):
        read_texts(open_data_set(PLACE, tmp_path))


def test_hatecheck_has_the_published_counts() -> None:
    """Röttger et al. 2021, table 1: 3,728 cases, 29 functionalities, 1,165 of them non-hateful."""
    texts = read_texts(open_data_set(PLACE, published("hatecheck")))
    assert len(texts) == 3728
    assert len({one.kind for one in texts}) == 29
    assert sum(not one.hateful for one in texts) == 1165
    rows = measured(published("hatecheck"), Moderator(lambda case: "trans" in case.text.lower()))
    assert number(rows, FALSE_POSITIVES, "women").clusters == 101
    gap = number(rows, f"{FALSE_POSITIVES}_difference", "women", "trans people")
    assert gap.value < -0.8
    assert gap.excludes_null


def test_identity_templates_compare_fifty_groups_by_the_word_of_judgement() -> None:
    texts = read_texts(open_data_set(PLACE, published("identity_templates")))
    assert len(texts) == 76_564
    assert len({one.identity for one in texts if one.identity}) == 50
    assert len({one.template for one in texts if not one.hateful}) == 21


def test_through_gather_rows_are_kept_and_hiring_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    folder = written(tmp_path / "data", rows_of())
    prompt = {"template": "{resume}", "options": {"a": "a", "b": "b"}, "favourable": "a"}
    hiring = System.model_validate(
        {"name": "s", "assets": [{"id": "moderator", "kind": "application", "prompt": prompt}]}
    )
    for system, status in ((SYSTEM, "ok"), (hiring, "not_applicable")):
        with Store(tmp_path / status) as store:
            task = Task(
                SPEC,
                "moderator",
                lambda: Moderator(lambda case: len(case.text) % 3 == 0),
                None,
                lambda: open_data_set(PLACE, folder),
            )
            rows = gather(task, Setting(store=store, system=system, system_hash=status))
            assert rows[0].status == status, rows[0].note
            assert len({row.id for row in rows}) == len(rows)


def stray(group: str, number: int, template: str = "t0", hateful: bool = False) -> dict[str, Any]:
    return {
        "": number,
        "functionality": "insult_h" if hateful else "praise_nh",
        "case_id": number,
        "test_case": f"Stray {number}.",
        "label_gold": "hateful" if hateful else "non-hateful",
        "target_ident": group,
        "templ_id": template,
        "case_templ": template,
    }


def flags_cyclists(case: Case) -> bool:
    return bool(case.labels["hateful"]) or (case.labels["identity"] == "cyclists" and by_place(case) < 10)


@pytest.mark.parametrize("template", ["t0", "t999"], ids=["once, in a template of the others", "without a partner"])
def test_one_stray_group_leaves_the_comparison_and_the_others_are_compared(tmp_path: Path, template: str) -> None:
    whole = measured(written(tmp_path, rows_of()), Moderator(flags_cyclists))
    rows = measured(written(tmp_path, [*rows_of(), stray("skaters", 900, template)]), Moderator(flags_cyclists))
    for quantity in (FALSE_POSITIVES, FALSE_NEGATIVES):
        for pair in (("walkers", "cyclists"), ("walkers", "drivers")):
            one, other = (number(found, f"{quantity}_difference", *pair) for found in (whole, rows))
            assert (one.value, one.low, one.high, one.n) == pytest.approx((other.value, other.low, other.high, other.n))
    (missing,) = (
        row
        for row in rows
        if isinstance(row, Missing) and row.group == {"identity": "skaters"} and row.quantity == FALSE_POSITIVES
    )
    assert "1 non-hateful text about it in 1 template" in missing.reason
    assert "is left out, so that the other 3 groups can be compared" in missing.reason
    assert (
        "9 non-hateful texts" in number(rows, FALSE_POSITIVES, "cyclists").note
    )  # eight about a chair, and the stray one
    assert number(rows, FALSE_POSITIVES, None).n == 69


def test_a_group_with_harmless_texts_only_is_compared_on_these(tmp_path: Path) -> None:
    rows = rows_of() + [stray("skaters", 900 + place, f"t{2 * place}") for place in range(20)]
    found = measured(written(tmp_path, rows), Moderator(flags_cyclists))
    assert number(found, f"{FALSE_POSITIVES}_difference", "skaters", "cyclists").value == pytest.approx(-5 / 20)
    assert number(found, f"{FALSE_NEGATIVES}_difference", "walkers", "cyclists").value == 0.0
    (missing,) = (row for row in found if row.group == {"identity": "skaters"} and row.quantity == FALSE_NEGATIVES)
    assert isinstance(missing, Missing)
    assert "no hateful text in this group" in missing.reason


def test_two_strays_that_share_a_template_with_each_other_only_leave_one_after_the_other(tmp_path: Path) -> None:
    rows = [*rows_of(), stray("skaters", 900, "t900"), stray("riders", 901, "t900")]
    found = measured(written(tmp_path, rows), Moderator(flags_cyclists))
    assert number(found, f"{FALSE_POSITIVES}_difference", "walkers", "cyclists").value == pytest.approx(-5 / 20)
    out = {(row.group or {})["identity"] for row in found if isinstance(row, Missing) and "left out" in row.reason}
    assert out == {"skaters", "riders"}


def test_who_is_compared_by_hand() -> None:
    five = {f"t{template}": {"a", "b", "c"} for template in range(5)}
    assert compared_groups(five) == {"a", "b", "c"}
    assert compared_groups(five | {"u": {"d"}, "v": {"a", "e"}}) == {"a", "b", "c"}
    assert compared_groups({f"t{template}": {"a", "b"} for template in range(3)}) == {"a", "b"}
    assert compared_groups({"t": {"a"}, "u": {"b"}}) == set()
    assert compared_groups({"t": {"a"}}) == {"a"}
    # A and C have 9 templates in common, A and B 6: all three none. The one that shares fewest leaves.
    apart = {f"t{template}": {"a", "c"} for template in range(9)} | {
        f"u{template}": {"a", "b"} for template in range(6)
    }
    assert compared_groups(apart) == {"a", "c"}
