from __future__ import annotations

import json
import math
import random
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import permutation_test, t, ttest_1samp

from commonweal.errors import BeyondWindow, DataFileError, MeasurementError, NotApplicable
from commonweal.evidence.records import Estimate, Evidence, Missing
from commonweal.evidence.store import Store
from commonweal.measures.data_set import open_data_set
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.inequity.dialect_gap.costs import (
    MINIMUM_MEANINGS,
    Costs,
    ask,
    axes_of,
    costs_of,
    difference,
    pairs_of,
)
from commonweal.measures.inequity.dialect_gap.dialect_gap import dialect_gap, expected
from commonweal.measures.inequity.dialect_gap.texts import MatchedText
from commonweal.measures.options import Limit
from commonweal.measures.registry import load_registry
from commonweal.models.engine.local import LocalModel
from commonweal.models.opening import open_model
from commonweal.models.protocols import Altered, Continuation, GenerationRequest, LanguageModel, Score
from commonweal.system.records import Asset, System
from tests.measures.published_data import published

SPEC = load_registry().specs["inequity.dialect_gap"]
NUMBERS = np.random.default_rng(7)
LN2 = math.log(2)
Rows = list[Estimate | Missing]


class Costly:
    """A model whose cost of a text [bit] is told by a function; a token is a word."""

    locator, fingerprint, device, gives_logprobs = "made up", "f", "cpu", True

    def __init__(self, bits: Callable[[str], float]) -> None:
        self.bits, self.asked = bits, 0

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        self.asked += len(requests)
        assert not any(request.context for request in requests)
        return [Score(-self.bits(one.continuation) * LN2, len(one.continuation.split()), False) for one in requests]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        raise NotImplementedError


def by_number(costs: Mapping[str, Sequence[float]]) -> Costly:
    """A model for which the text `group number …` costs what stands under the group at that number [bit/byte]."""

    def bits(text: str) -> float:
        group, number = text.split()[:2]
        return costs[group][int(number)] * len(text.encode())

    return Costly(bits)


def texts_of(groups: Iterable[str], count: int, **more: Any) -> list[dict[str, Any]]:
    """Made-up texts, of different lengths: `east 3 word word …`."""
    return [
        {"meaning": f"m{number:03}", "group": group, "text": f"{group} {number}" + " word" * (number % 4), **more}
        for group in groups
        for number in range(count)
    ]


def measured(
    folder: Path, model: Any, rows: Sequence[Mapping[str, Any]], limit: int | None = None, seed: int = 0
) -> Rows:
    (folder / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert SPEC.data is not None
    return list(dialect_gap(model, open_data_set(SPEC.data, folder), Limit(limit), np.random.default_rng(seed)))


def every(rows: Rows, quantity: str) -> list[Estimate]:
    return [row for row in rows if isinstance(row, Estimate) and row.quantity == quantity]


def value(rows: Rows, quantity: str, group: str, reference: str | None = None, attribute: str = "group") -> Estimate:
    (row,) = (
        row
        for row in every(rows, quantity)
        if row.group == {attribute: group} and row.reference == (None if reference is None else {attribute: reference})
    )
    return row


def missing(rows: Rows) -> dict[tuple[str, str], str]:
    return {
        (row.quantity, ", ".join((row.group or {}).values())): row.reason for row in rows if isinstance(row, Missing)
    }


def unjudged(rows: Rows) -> dict[tuple[str, str], str]:
    """The reasons of what cannot be judged."""
    return missing([row for row in rows if isinstance(row, Missing) and row.unjudged])


COUNT = 24
EAST = (2.0 + 0.3 * NUMBERS.standard_normal(COUNT)).tolist()
WEST = [one + 0.4 + 0.1 * float(more) for one, more in zip(EAST, NUMBERS.standard_normal(COUNT), strict=True)]
NORTH = [one - 0.01 * (number % 3 - 1) for number, one in enumerate(EAST)]


def test_levels_and_the_paired_difference_worked_out_by_hand(tmp_path: Path) -> None:
    model = by_number({"east": EAST, "west": WEST})
    assert isinstance(model, LanguageModel)
    rows = measured(tmp_path, model, texts_of(("east", "west"), COUNT))
    level = value(rows, "bits_per_byte", "east")
    half = t.ppf(0.975, COUNT - 1) * np.std(EAST, ddof=1) / math.sqrt(COUNT)
    assert (level.value, level.low, level.high) == pytest.approx(
        (np.mean(EAST), np.mean(EAST) - half, np.mean(EAST) + half)
    )
    assert (level.n, level.clusters) == (COUNT, COUNT)
    bytes_of = np.array([len(row["text"].encode()) for row in texts_of(("east",), COUNT)])
    assert f"all bits over all bytes: {(bytes_of @ EAST) / bytes_of.sum():.4g} bit/byte" in level.note
    gap = value(rows, "bits_per_byte_difference", "west", "east")
    apart = np.array(WEST) - EAST
    assert gap.value == pytest.approx(apart.mean())
    assert gap.p_adjusted == gap.p_value == pytest.approx(1 / 2000)
    assert gap.low is not None
    assert gap.high is not None
    theirs = ttest_1samp(apart, 0.0).confidence_interval()
    assert (gap.low, gap.high) == pytest.approx((theirs.low, theirs.high), abs=0.25 * (theirs.high - theirs.low))
    assert 0 < gap.low < gap.value < gap.high
    tokens = value(rows, "tokens_per_meaning", "west")
    assert tokens.value == pytest.approx(np.mean([2 + number % 4 for number in range(COUNT)]))
    assert value(rows, "nats_per_meaning", "east").value == pytest.approx(np.mean(bytes_of * EAST) * LN2)


def test_the_p_value_is_that_of_scipys_permutation_test(tmp_path: Path) -> None:
    near = [one + float(more) for one, more in zip(EAST, 0.02 + 0.08 * NUMBERS.standard_normal(COUNT), strict=True)]
    rows = measured(tmp_path, by_number({"east": EAST, "west": near}), texts_of(("east", "west"), COUNT))
    theirs = permutation_test(
        (np.array(near), np.array(EAST)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=9999,
        rng=np.random.default_rng(1),
    )
    gap = value(rows, "bits_per_byte_difference", "west", "east")
    assert gap.p_value == pytest.approx(theirs.pvalue, abs=0.03)


def test_all_pairs_are_one_family_and_the_widest_is_projected(tmp_path: Path) -> None:
    rows = measured(
        tmp_path, by_number({"east": EAST, "west": WEST, "north": NORTH}), texts_of(("west", "north", "east"), COUNT)
    )
    gaps = every(rows, "bits_per_byte_difference")
    assert [(row.group, row.reference) for row in gaps] == [
        ({"group": one}, {"group": other}) for other, one in (("east", "north"), ("east", "west"), ("north", "west"))
    ]
    assert [row.excludes_null for row in gaps] == [False, True, True]
    alone = value(
        measured(tmp_path, by_number({"east": EAST, "west": WEST}), texts_of(("east", "west"), COUNT)),
        "bits_per_byte_difference",
        "west",
        "east",
    )
    together = gaps[1]
    assert (together.low or 9) < (alone.low or 0) < (alone.high or 9) < (together.high or 0)
    (widest,) = every(rows, "bits_per_byte_spread")
    assert widest.group == {"group": "all groups"}
    assert widest.value == max(abs(row.value) for row in gaps)
    assert widest.low == max(0.0, *(max(row.low or 0, -(row.high or 0)) for row in gaps))
    assert widest.note in {"more bits per byte: west; fewer: east", "more bits per byte: west; fewer: north"}


def test_without_a_gap_the_widest_reaches_down_to_0(tmp_path: Path) -> None:
    rows = measured(tmp_path, by_number({"east": EAST, "north": NORTH}), texts_of(("north", "east"), COUNT))
    (widest,) = every(rows, "bits_per_byte_spread")
    assert widest.low == 0.0
    assert widest.value > 0
    assert not every(rows, "contribution")


def test_premiums_are_geometric_and_against_the_best_served(tmp_path: Path) -> None:
    """Half of the meanings take twice the tokens, half eight times: 4 times, geometrically (5 by a mean of ratios)."""
    rows_of = [
        {"meaning": f"m{number}", "group": group, "text": " ".join(["w"] * (each * (1 + number % 3)))}
        for number in range(30)
        for group, each in (("a", 3), ("b", 6 if number % 2 else 24), ("c", 3))
    ]
    rows = measured(tmp_path, Costly(lambda text: 0.5 * len(text.split())), rows_of)
    premium = value(rows, "token_premium_ratio", "b", "a")
    assert premium.value == pytest.approx(4.0)
    assert (premium.null, premium.p_value, premium.interval) == (None, None, "confidence")
    assert 1 < (premium.low or 0) < 4 < (premium.high or 0)
    assert value(rows, "information_premium_ratio", "b", "a").value == pytest.approx(4.0)
    assert "it is 1 for each of 30 meanings" in unjudged(rows)["token_premium_ratio", "c"]
    assert len(every(rows, "token_premium_ratio")) == 1


def test_a_script_of_wide_letters_is_told_and_does_not_hide_in_the_information_premium(tmp_path: Path) -> None:
    """The same words in Latin and in Cyrillic letters at 6 and 7 bits a letter: fewer bits per byte, more per
    meaning.
    """
    latin = "dobro jutro moj prijatelju kako si danas"
    cyrillic = latin.translate(str.maketrans("dobrjutmpielkasn", "добрјутмпиелкасн"))
    rows_of = [
        {"meaning": str(number), "group": group, "text": text[number % 9 :], "attribute": "script"}
        for number in range(20)
        for group, text in (("Cyrillic", cyrillic), ("Latin", latin))
    ]
    rows = measured(
        tmp_path, Costly(lambda text: len(text) * (6 if text.isascii() else 7) + 0.01 * len(text) ** 2), rows_of
    )
    gap = value(rows, "bits_per_byte_difference", "Latin", "Cyrillic", "script")
    assert gap.value > 0
    assert "their letters take 1.00 (Latin) and 1.8" in gap.note
    assert "bits per byte are not alike: read the information premium" in gap.note
    assert value(rows, "information_premium_ratio", "Cyrillic", "Latin", "script").value == pytest.approx(
        7 / 6, abs=0.02
    )


def test_the_same_texts_under_two_labels_are_silent_and_are_no_evidence_of_parity(tmp_path: Path) -> None:
    rows_of = [{**row, "group": group} for row in texts_of(("east",), COUNT) for group in ("standard", "dialect")]
    rows = measured(tmp_path, by_number({"east": EAST}), rows_of)
    reasons = unjudged(rows)
    same = f"{COUNT} of {COUNT} meanings have the very same text in both groups, which is no evidence of parity"
    assert same in reasons["bits_per_byte_difference", "standard"]
    assert "1 of 1 pairs of groups cannot be judged" in reasons["bits_per_byte_spread", "all groups"]
    assert not any(row.excludes_null for row in rows if isinstance(row, Estimate))


def test_equal_costs_that_differ_by_rounding_only_are_silent(tmp_path: Path) -> None:
    """8 bits a byte for everybody: what floating point adds differs from text to text, and is no gap."""
    rows = measured(tmp_path, Costly(lambda text: 8.0 * len(text.encode())), texts_of(("east", "northwest"), COUNT))
    assert "it is 0, and that decides nothing" in unjudged(rows)["bits_per_byte_difference", "northwest"]


def test_a_gap_that_is_the_same_in_every_meaning_cannot_be_judged(tmp_path: Path) -> None:
    """Half a bit more in each of 24 meanings: their spread does not tell how far another meaning may be from that."""
    rows = measured(
        tmp_path, by_number({"east": [2.0] * COUNT, "west": [2.5] * COUNT}), texts_of(("east", "west"), COUNT)
    )
    for row in (value(rows, "bits_per_byte", "east"), value(rows, "information_premium_ratio", "west", "east")):
        assert (row.low, row.high, row.interval, row.p_value, row.p_adjusted) == (None,) * 5
    reason = unjudged(rows)["bits_per_byte_difference", "west"]
    assert "nothing varies from one cluster to another" in reason
    assert "it is 0.5" in reason


def test_meanings_of_one_group_only_are_left_out_and_counted(tmp_path: Path) -> None:
    rows_of = [*texts_of(("east",), COUNT), *texts_of(("west",), COUNT - 4), *texts_of(("north",), 3)]
    rows = measured(tmp_path, by_number({"east": EAST, "west": WEST, "north": NORTH}), rows_of)
    gap = value(rows, "bits_per_byte_difference", "west", "east")
    assert gap.value == pytest.approx(np.mean(np.array(WEST[:-4]) - EAST[:-4]))
    assert gap.n == COUNT - 4
    assert "4 of 24 meanings are there for one of the two only, and are left out" in gap.note
    assert value(rows, "bits_per_byte", "east").n == COUNT
    reasons = missing(rows)
    assert reasons["bits_per_byte", "north"] == f"3 meanings in this group; at least {MINIMUM_MEANINGS} are needed"
    assert (
        reasons["bits_per_byte_difference", "north"] == f"3 meanings in common; at least {MINIMUM_MEANINGS} are needed"
    )
    assert "too few meanings in common with 'east'" in reasons["token_premium_ratio", "north"]
    assert every(rows, "bits_per_byte_spread")[0].note.endswith(
        "2 pairs of groups with too few meanings in common left out"
    )


@pytest.mark.parametrize(
    ("rows_of", "words"),
    [
        (
            texts_of(("east",), 30),
            r"one group only \(group 'east'\); a gap needs the same meanings in the words of two",
        ),
        (
            texts_of(("east", "west"), 4),
            rf"no two groups have {MINIMUM_MEANINGS} meanings in common; the most have 'east' and 'west': 4 meanings",
        ),
        (
            [*texts_of(("east",), 30), *({**row, "meaning": f"w{row['meaning']}"} for row in texts_of(("west",), 30))],
            "the most have 'east' and 'west': 0 meanings. A meaning must have the same name in every group",
        ),
        (texts_of(("east", "west"), 30, cluster="one book"), r": 1 cluster \(30 meanings\)"),
    ],
)
def test_where_nothing_can_be_compared_nothing_is_asked(
    tmp_path: Path, rows_of: list[dict[str, Any]], words: str
) -> None:
    model = Costly(lambda text: 1.0)
    with pytest.raises(NotApplicable, match=words):
        measured(tmp_path, model, rows_of)
    assert model.asked == 0


def test_attributes_are_compared_apart_in_one_family(tmp_path: Path) -> None:
    rows_of = [
        *texts_of(("east", "west"), COUNT, attribute="dialect"),
        *texts_of(("east", "north"), COUNT, attribute="register"),
        *texts_of(("north",), COUNT, attribute="medium"),
    ]
    rows = measured(tmp_path, by_number({"east": EAST, "west": WEST, "north": NORTH}), rows_of)
    assert {
        (tuple(row.group or {}), tuple(row.reference or {})) for row in every(rows, "bits_per_byte_difference")
    } == {(("dialect",), ("dialect",)), (("register",), ("register",))}
    assert missing(rows)["bits_per_byte_difference", "all groups"] == "one group only, 'north'; two are needed"
    assert value(rows, "bits_per_byte", "north", attribute="medium").value == pytest.approx(np.mean(NORTH))


def test_letters_and_marks_apart_are_told(tmp_path: Path) -> None:
    rows_of = texts_of(("east", "west"), COUNT)
    rows_of[0]["text"] = unicodedata.normalize("NFD", rows_of[0]["text"] + " é")
    rows = measured(tmp_path, by_number({"east": EAST, "west": WEST}), rows_of)
    assert f"1 of {COUNT} texts write letters and their marks apart" in value(rows, "bits_per_byte", "east").note
    assert "marks apart" not in value(rows, "bits_per_byte", "west").note


def test_shuffled_and_relabelled_texts_say_the_same(tmp_path: Path) -> None:
    model = by_number({"east": EAST, "west": WEST, "north": NORTH})
    rows_of = texts_of(("east", "west", "north"), COUNT)
    first = measured(tmp_path, model, rows_of)
    assert measured(tmp_path, model, random.Random(0).sample(rows_of, len(rows_of))) == first
    renamed = measured(
        tmp_path, model, [{**row, "group": {"west": "aaa"}.get(row["group"], row["group"])} for row in rows_of]
    )
    gap, other = (
        value(first, "bits_per_byte_difference", "west", "east"),
        value(renamed, "bits_per_byte_difference", "east", "aaa"),
    )
    assert other.value == pytest.approx(-gap.value)
    assert (other.low, other.high) == pytest.approx((-(gap.high or 0), -(gap.low or 0)), rel=0.1)


def test_doubled_meanings_in_declared_clusters_are_no_new_evidence(tmp_path: Path) -> None:
    model = by_number({"east": EAST, "west": WEST})
    rows_of = texts_of(("east", "west"), COUNT)
    once = value(measured(tmp_path, model, rows_of), "bits_per_byte_difference", "west", "east")
    doubled = [
        {**row, "meaning": f"{row['meaning']}{copy}", "cluster": row["meaning"]} for row in rows_of for copy in "ab"
    ]
    twice = value(measured(tmp_path, model, doubled), "bits_per_byte_difference", "west", "east")
    assert (twice.n, twice.clusters) == (2 * COUNT, COUNT)
    assert twice.value == pytest.approx(once.value)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high), rel=0.05)
    with pytest.raises(DataFileError, match="is there twice"):
        measured(tmp_path, model, rows_of * 2)


def test_what_carries_the_widest_gap_is_named_and_adds_up(tmp_path: Path) -> None:
    """All of the gap is in the letters; two of them carry the most."""
    west = [
        one + (0.5 + 0.1 * (number % 2) if number < 12 else 0.0) + (2.0 if number in {3, 5} else 0.0)
        for number, one in enumerate(EAST)
    ]
    rows_of = [
        {**row, "source": "letters" if int(row["meaning"][1:]) < 12 else "news"}
        for row in texts_of(("east", "west"), COUNT)
    ]
    rows = measured(tmp_path, by_number({"east": EAST, "west": west}), rows_of)
    parts = every(rows, "contribution")
    assert all(row.reference == {"group": "east"} and row.unit == "bit/byte" for row in parts)
    by_source = {(row.group or {})["source"]: row for row in parts if "source" in (row.group or {})}
    assert sum(row.value for row in by_source.values()) == pytest.approx(
        value(rows, "bits_per_byte_difference", "west", "east").value
    )
    assert (by_source["letters"].low or 0) > 0
    assert by_source["news"].value == pytest.approx(0.0, abs=1e-8)
    meanings = [row for row in parts if "meaning" in (row.group or {})]
    assert {(row.group or {})["meaning"] for row in meanings[:2]} == {"m003", "m005"}
    assert (len(meanings), meanings[0].interval) == (5, None)


def test_a_limit_asks_whole_meanings(tmp_path: Path) -> None:
    model = by_number({"east": EAST, "west": WEST})
    rows = measured(tmp_path, model, texts_of(("east", "west"), COUNT), limit=41)
    assert (model.asked, value(rows, "bits_per_byte", "east").n) == (40, 20)
    assert SPEC.data is not None
    assert len(expected(open_data_set(SPEC.data, tmp_path), Limit(41))) == 40


@pytest.mark.parametrize("bits", [float("nan"), float("inf"), 0.0, -3.0])
def test_an_answer_that_is_no_probability_names_the_text(tmp_path: Path, bits: float) -> None:
    rows_of = texts_of(("east", "west"), COUNT)
    with pytest.raises(MeasurementError, match="meaning 'm003' in the words of 'west': log P is"):
        measured(tmp_path, Costly(lambda text: bits if text.startswith("west 3 ") else 9.0), rows_of)


class Narrow(Costly):
    """A model with a window of so many words."""

    def __init__(self, costs: Mapping[str, Sequence[float]], window: int) -> None:
        super().__init__(by_number(costs).bits)
        self.window = window

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        beyond = frozenset(one.continuation for one in requests if len(one.continuation.split()) > self.window)
        if beyond:
            raise BeyondWindow("too long", beyond)
        return super().score(requests)


def with_long(rows_of: list[dict[str, Any]], *names: tuple[str, str]) -> list[dict[str, Any]]:
    """The same texts, those of (group, meaning) with 50 words more."""
    return [
        {**row, "text": row["text"] + (" word" * 50 if (row["group"], row["meaning"]) in names else "")}
        for row in rows_of
    ]


def wordless(row: Estimate | Missing) -> Estimate | Missing:
    return row.model_copy(update={"note": ""} if isinstance(row, Estimate) else {"reason": ""})


def test_a_meaning_with_a_text_beyond_the_window_leaves_for_all_groups_and_is_told(tmp_path: Path) -> None:
    """Rows are those of the other meanings; nothing but the note tells them apart."""
    model = Narrow({"east": EAST, "west": WEST, "north": NORTH}, window=20)
    rows_of = texts_of(("east", "west", "north"), COUNT)
    rows = measured(tmp_path, model, with_long(rows_of, ("west", "m003"), ("west", "m007"), ("north", "m007")))
    others = measured(tmp_path, model, [row for row in rows_of if row["meaning"] not in {"m003", "m007"}])
    assert [wordless(row) for row in rows] == [wordless(row) for row in others]
    assert not any("window" in row.note for row in others if isinstance(row, Estimate))
    said = (
        "2 of 24 meanings are left out for all groups, since a text of theirs is longer than the model's window "
        "(m003, m007), so that this is about the shorter texts only; texts left out: "
    )
    assert value(rows, "bits_per_byte", "east").note.endswith(f"; {said}east 2 of 24 (0 too long)")
    assert (
        value(rows, "bits_per_byte_difference", "west", "east").note
        == f"{said}west 2 of 24 (2 too long), east 2 of 24 (0 too long)"
    )
    (widest,) = every(rows, "bits_per_byte_spread")
    assert widest.note.endswith(
        f"{said}west 2 of 24 (2 too long), north 2 of 24 (1 too long), east 2 of 24 (0 too long)"
    )
    assert all(said in row.note for row in rows if isinstance(row, Estimate))


def test_what_loses_nothing_to_the_window_has_no_word_of_it(tmp_path: Path) -> None:
    """A meaning of one group alone is no loss to two others, nor one of an attribute to another attribute."""
    rows_of = texts_of(("east", "west"), COUNT, attribute="dialect") + texts_of(("north",), COUNT, attribute="register")
    rows_of.append({"meaning": "own", "group": "south", "text": "word " * 30, "attribute": "dialect"})
    rows = measured(tmp_path, Narrow({"east": EAST, "west": WEST, "north": NORTH}, window=20), rows_of)
    assert "window" not in value(rows, "bits_per_byte_difference", "west", "east", "dialect").note
    assert "window" not in value(rows, "bits_per_byte", "north", attribute="register").note
    reason = missing(rows)["bits_per_byte", "south"]
    assert reason.startswith(
        "0 meanings in this group; at least 15 are needed; 1 of 25 meanings is left out for all groups"
    )
    assert reason.endswith(
        "(own), so that this is about the shorter texts only; texts left out: south 1 of 1 (1 too long)"
    )


def test_with_too_few_meanings_within_the_window_it_is_not_applicable(tmp_path: Path) -> None:
    rows_of = texts_of(("east", "west"), MINIMUM_MEANINGS)
    model = Narrow({"east": EAST, "west": WEST}, window=20)
    with pytest.raises(
        NotApplicable, match=r"14 meanings\. .*; 1 of 15 meanings is left out for all groups, since a text of it is"
    ):
        measured(tmp_path, model, with_long(rows_of, ("east", "m002")))
    with pytest.raises(NotApplicable, match=r"0 meanings\. .*; 15 of 15 meanings are left out .*m004 and 10 more"):
        measured(tmp_path, Narrow({}, window=1), rows_of)
    assert model.asked == 0


def test_through_gather_a_model_that_is_asked_part_by_part_tells_all_that_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commonweal.measures.recording.SCORES_AT_ONCE", 8)
    rows_of = with_long(texts_of(("east", "west"), COUNT), ("east", "m002"), ("west", "m020"))
    model = Narrow({"east": EAST, "west": WEST}, window=20)
    rows = gathered(tmp_path, model, rows_of)
    assert {row.status for row in rows if not row.unjudged} == {"ok"}
    assert all("2 of 24 meanings are left out" in row.note for row in rows)
    assert model.asked <= 2 * COUNT


def test_a_model_without_probabilities_is_not_applicable(tmp_path: Path) -> None:
    model = Costly(lambda text: 1.0)
    model.gives_logprobs = False
    with pytest.raises(NotApplicable, match="gives no log-probabilities"):
        measured(tmp_path, model, texts_of(("east", "west"), COUNT))


def gathered(folder: Path, model: LanguageModel, rows_of: Sequence[Mapping[str, Any]]) -> list[Evidence]:
    """The rows of a run, which a second run reads back."""
    (folder / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows_of), encoding="utf-8")
    place = SPEC.data
    assert place is not None
    with Store(folder / "out") as store:
        task = Task(SPEC, "m", lambda: model, None, lambda: open_data_set(place, folder))
        setting = Setting(store, System(name="s", assets=(Asset(id="m", kind="model"),)), "h")
        rows = gather(task, setting)
        assert gather(task, setting) == rows
    return rows


def test_through_gather_every_row_has_its_declared_unit(tmp_path: Path) -> None:
    rows_of = texts_of(("east", "west"), COUNT, attribute="dialect", source="letters")
    model = by_number({"east": EAST, "west": WEST})
    rows = gathered(tmp_path, model, rows_of)
    assert model.asked == 2 * COUNT
    assert {row.status for row in rows if not row.unjudged} == {"ok"}
    told = {one.quantity for row in rows if (one := row.estimate or row.missing)}
    assert told == set(SPEC.method.quantities)
    for row in rows:
        if row.estimate is None:
            assert row.unjudged  # every text has as many tokens as its partner
            continue
        assert row.estimate.unit == SPEC.method.quantities[row.estimate.quantity].unit
        assert row.estimate.null == SPEC.method.quantities[row.estimate.quantity].null


class _Made:
    """Costs of made-up groups, for simulations: numbers in, rows out."""

    def __init__(self, per_byte: np.ndarray, cluster: Sequence[str]) -> None:
        groups, meanings = per_byte.shape
        texts = [
            MatchedText("group", f"g{g}", f"m{m:04}", f"g{g} {m}", cluster[m], "")
            for g in range(groups)
            for m in range(meanings)
        ]
        (axis,) = axes_of(texts)
        scores = {
            one: Score(-float(bits) * LN2 * len(one.text), 1, False)
            for one, bits in zip(texts, per_byte.ravel(), strict=True)
        }
        self.costs: Costs = costs_of(axis, scores)


def drawn(rng: np.random.Generator, gap: float, kind: str) -> _Made:
    """Three groups that share the effects of 20 documents of 2 meanings; `gap` is what the third costs more
    [bit/byte].
    """
    documents, shape = np.repeat(np.arange(20), 2), (3, 40)
    noise = {"normal": lambda: 0.2 * rng.standard_normal(shape), "skewed": lambda: rng.lognormal(0.0, 0.5, shape)}[
        kind
    ]()
    together = 0.3 * rng.standard_normal((3, 20))[:, documents]  # a document is written in its own way in each group
    numbers = 5 + 0.4 * rng.standard_normal(40) + together + noise
    numbers[2] += gap
    return _Made(numbers, [f"d{one}" for one in documents])


def alarms_and_coverage(seeds: int, kind: str) -> tuple[float, float]:
    """Shares of runs with any alarm where there is no gap, and with all intervals around the truth where there is
    one.
    """
    from commonweal.statistics.inference import family

    alarms, held = 0, 0
    for seed in range(seeds):
        for gap in (0.0, 0.3):
            rng = np.random.default_rng([seed, int(10 * gap), len(kind)])
            costs = drawn(rng, gap, kind).costs
            pairs = pairs_of(costs.axis)
            inferences = family([difference(pair, costs.of("bits_per_byte")) for pair in pairs], rng)
            truth = [gap * ((pair.group == 2) - (pair.reference == 2)) for pair in pairs]
            if gap:
                held += all(
                    inference.low <= true <= inference.high for inference, true in zip(inferences, truth, strict=True)
                )
            else:
                alarms += any(inference.p_adjusted <= 0.05 for inference in inferences)
    return alarms / seeds, held / seeds


def test_few_false_alarms_and_intervals_that_hold() -> None:
    alarms, held = alarms_and_coverage(60, "normal")
    assert alarms <= 0.14
    assert held >= 0.86


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "skewed"])
@pytest.mark.usefixtures("few_flips")
def test_false_alarms_and_coverage_over_1000_seeds(kind: str) -> None:
    alarms, held = alarms_and_coverage(1000, kind)
    print(f"{kind}: false alarms {alarms:.3f}, all intervals hold {held:.3f}")
    assert 0.03 <= alarms <= 0.07
    assert 0.93 <= held <= 0.97


# The embedded model, and real texts: HONEST's templates in six languages are the same sentences, five of each kind for
# each person, in one order; the order of persons is not the same, so they are looked up by name.
PERSONS = {
    "woman": ("the woman", "mujer", "femme", "donna", "a mulher", "femeia"),
    "mother": ("the mother", "madre", "mère", "madre", "a mãe", "mama"),
    "sister": ("the sister", "hermana", "sœur", "sorella", "a irmã", "sora"),
    "man": ("the man", "hombre", "homme", "uomo", "o homem", "bărbatul"),
    "father": ("the father", "padre", "père", "padre", "o pai", "tatăl"),
    "brother": ("the brother", "hermano", "frère", "fratello", "o irmão", "fratele"),
}
LANGUAGES = ("en", "es", "fr", "it", "pt", "ro")


def honest(languages: Sequence[str], persons: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of matched texts: the beginning of each sentence up to its mask; a template is a cluster, its kind the
    source.
    """
    folder = published("honest") / "binary"
    rows = []
    for language in languages:
        lines = [
            line.split("\t")
            for line in (folder / f"{language}_template.tsv").read_text(encoding="utf-8").splitlines()[1:]
        ]
        for start in range(0, len(lines), 5):
            named = lines[start + 1][2]  # in Romanian the first of the verbs has the person in another case
            who = [one for one in persons if PERSONS[one][LANGUAGES.index(language)] == named]
            for number, (masked, _, _, count, _, kind) in enumerate(lines[start : start + 5]):
                if who and count == "singular":
                    text = " ".join(masked.split("[M]")[0].split())
                    rows.append(
                        {
                            "meaning": f"{who[0]} {kind} {number}",
                            "group": language,
                            "text": text,
                            "attribute": "language",
                            "cluster": f"{kind} {number}",
                            "source": kind,
                        }
                    )
    return rows


@pytest.fixture(scope="module")
def smollm2(model_cache: Path) -> Iterable[LocalModel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMMONWEAL_CACHE", str(model_cache))
        model = open_model("embedded:smollm2", device="cpu")
        assert isinstance(model, LocalModel)
        yield model


@pytest.mark.model
def test_bits_are_those_of_the_network_asked_directly_and_scrambled_letters_cost_more(smollm2: LocalModel) -> None:
    import torch

    plain = "The library opens at nine in the morning, and on Sundays it stays closed."
    letters = list(plain)
    random.Random(1).shuffle(letters)
    texts = [
        MatchedText("group", group, "m", text, "m", "")
        for group, text in (("plain", plain), ("scrambled", "".join(letters)))
    ]
    scores = ask(smollm2, texts)
    for matched in texts:
        ids = smollm2.tokenizer.encode(matched.text, add_special_tokens=False)
        with torch.inference_mode():
            logits = smollm2.network(torch.tensor([[smollm2.tokenizer.bos_token_id, *ids]])).logits[0, :-1].double()
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(ids), reduction="sum")
        assert -scores[matched].logprob == pytest.approx(float(loss), abs=1e-3)
        assert scores[matched].tokens == len(ids)
    (axis,) = axes_of(texts)
    per_byte = costs_of(axis, scores).of("bits_per_byte")[:, 0]
    assert axis.groups == ("plain", "scrambled")
    assert per_byte[0] < 2.0
    assert per_byte[1] > 3.0


@pytest.mark.model
def test_a_text_longer_than_the_models_window_is_left_out_and_one_as_long_is_not(
    smollm2: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bits would be those of a part, and its bytes those of the whole."""
    monkeypatch.setattr(smollm2, "window", 16)
    rows_of = texts_of(("east", "west"), MINIMUM_MEANINGS + 2)
    rows_of[3]["text"] = "word " * 17
    rows_of[4]["text"] = "word " * 16
    rows = measured(tmp_path, smollm2, rows_of)
    assert value(rows, "bits_per_byte", "west").n == MINIMUM_MEANINGS + 1
    assert "(m003)" in value(rows, "bits_per_byte", "west").note
    fits = MatchedText("group", "east", "m", ("word " * 16).strip(), "m", "")
    assert ask(smollm2, [fits])[fits].tokens == 16
    assert smollm2.altered == Altered()


@pytest.mark.model
def test_the_embedded_model_predicts_english_better_than_romanian(smollm2: LocalModel, tmp_path: Path) -> None:
    rows_of = honest(("en", "ro"), ("woman",))
    assert len(rows_of) == 30
    rows = measured(tmp_path, smollm2, rows_of)
    gap = value(rows, "bits_per_byte_difference", "ro", "en", "language")
    assert gap.excludes_null
    assert gap.value > 0.5
    assert value(rows, "token_premium_ratio", "ro", "en", "language").value > 1.3
    assert value(rows, "information_premium_ratio", "ro", "en", "language").value > 1.3


@pytest.mark.slow
@pytest.mark.model
def test_the_embedded_model_on_six_languages(smollm2: LocalModel, tmp_path: Path) -> None:
    """Our own values, printed: no figure of this model is published."""
    rows = measured(tmp_path, smollm2, honest(LANGUAGES, tuple(PERSONS)))
    for row in rows:
        if isinstance(row, Estimate) and row.quantity != "contribution":
            print(
                f"{row.quantity} {row.group} {row.reference or ''}: {row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
            )
    levels = {(row.group or {})["language"]: row.value for row in every(rows, "bits_per_byte")}
    assert min(levels, key=levels.__getitem__) == "en"
    assert set(levels) == set(LANGUAGES)
