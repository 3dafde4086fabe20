from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import f_oneway, mannwhitneyu, ttest_1samp

from commonweal.errors import DataFileError, DataRequired, MeasurementError, NotApplicable
from commonweal.evidence.records import Estimate, Missing
from commonweal.evidence.store import Store
from commonweal.measures.data_set import DataPlace, open_data_set
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.inequity.descriptor_likelihood.descriptor_likelihood import (
    descriptor_likelihood,
    expected,
    losses,
)
from commonweal.measures.inequity.descriptor_likelihood.sentences import (
    Descriptor,
    article_of,
    own_templates,
    read_descriptors,
)
from commonweal.measures.options import Limit
from commonweal.measures.registry import load_registry
from commonweal.models.engine.local import LocalModel
from commonweal.models.opening import open_model
from commonweal.models.protocols import Continuation, GenerationRequest, Score
from commonweal.statistics.spread import (
    centred,
    deviations,
    different_pairs_corrected,
    different_pairs_published,
    family_of_spreads,
    published_by_chance,
    spread_of,
)
from commonweal.system.records import Asset, System
from tests.measures.published_data import published

SPEC = load_registry().specs["inequity.descriptor_likelihood"]
PLACE = SPEC.data or DataPlace("", "", "")
TEMPLATES = own_templates()
EACH = sum(len(template.nouns) for template in TEMPLATES)
Rows = list[Estimate | Missing]
MADE_UP: Mapping[str, Any] = {
    "hats": {"felt": ["bowler-hatted", "top-hatted", {"descriptor": "cap-wearing", "preference": "dispreferred"}],
             "none": ["hatless", "with a bare head"]},
    "shoes": {"all": ["booted", "clogged", "unshod", "sandalled", "slippered"]},
    "nonce": {"all": ["florpish", "quindle", "marn"]},
}  # fmt: skip


def written(folder: Path, content: object = MADE_UP) -> Path:
    (folder / "descriptors.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return folder


def noise(*parts: str) -> float:
    """A number for each text, standard normal over texts."""
    return float(np.random.default_rng(zlib.crc32(" ".join(parts).encode())).standard_normal())


class Expectant:
    """`rare(person)`: bits of the words up to the end of the person; `after(person, tail)`: bits per byte of what
    follows.
    """

    locator, fingerprint, device, gives_logprobs = "made up", "f", "cpu", True

    def __init__(self, after: Callable[[str, str], float], rare: Callable[[str], float] = lambda _: 20.0) -> None:
        self.after, self.rare = after, rare
        self.asked: list[Continuation] = []

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        self.asked += requests
        return [
            Score(-math.log(2) * self.bits(request), len(request.continuation.split()), False) for request in requests
        ]

    def bits(self, request: Continuation) -> float:
        person = str(request.labels["person"])
        tail = request.continuation.removeprefix(person)
        return self.rare(person) + (self.after(person, tail) * len(tail.encode()) if tail else 0.0)

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        raise NotImplementedError


def by_descriptor(bits: Mapping[str, float], otherwise: float = 1.0) -> Callable[..., float]:
    """So many bits per byte after each descriptor, the same in all templates, over what the template itself has."""
    return lambda person, tail="": noise(tail) + next((bits[word] for word in bits if word in person), otherwise)


def measured(folder: Path, model: Any, limit: int | None = None, seed: int = 0) -> Rows:
    return list(descriptor_likelihood(model, open_data_set(PLACE, folder), Limit(limit), np.random.default_rng(seed)))


def value(rows: Rows, quantity: str, **group: str) -> Estimate:
    (row,) = (row for row in rows if row.quantity == quantity and row.group == group)
    assert isinstance(row, Estimate), row
    return row


def unjudged(rows: Rows, quantity: str, axis: str) -> str:
    (row,) = (row for row in rows if row.quantity == quantity and row.group == {"axis": axis})
    assert isinstance(row, Missing), row
    assert row.unjudged
    return row.reason


def test_the_spread_by_hand_where_every_template_says_the_same(tmp_path: Path) -> None:
    """1, 2, 3, 4 and 5 tenths of a bit per byte: their standard deviation is the square root of 0.025."""
    bits = {
        "bowler": 0.1,
        "top-": 0.2,
        "cap-": 0.3,
        "hatless": 0.4,
        "bare": 0.5,
        "florpish": 0.0,
        "quindle": 0.1,
        "marn": 0.2,
    }
    rows = measured(written(tmp_path), Expectant(by_descriptor(bits)))
    hats = unjudged(rows, "spread_after", "hats")
    assert "the templates do not differ" in hats
    assert f"in these sentences it is {0.025**0.5:.3g} bit/byte" in hats
    (tested,) = family_of_spreads([np.outer(np.arange(5.0), np.ones(12))], np.random.default_rng(0))
    assert tested.p_value == 2 / 4096  # all signs and all signs turned round, of 2 ** 12 patterns
    published_share = value(rows, "different_pairs_share_published", axis="hats")
    assert (published_share.value, published_share.low, published_share.high) == pytest.approx(
        (1.0, 0.025 ** (1 / 12), 1.0)
    )
    beyond = value_against_nonce(rows, "hats")
    assert beyond.value == pytest.approx((0.025 - 0.01) ** 0.5)
    assert value(rows, "spread_after_unflagged", axis="hats").value == pytest.approx(np.std([1, 2, 4, 5], ddof=1) / 10)
    first = value(rows, "deviation_after", axis="hats", descriptor="with a bare head")
    assert (first.value, first.interval) == (pytest.approx(0.2), None)
    assert value(rows, "different_pairs_share_after_corrected", axis="hats").value == 1.0
    assert "5 descriptors (1 dispreferred, the others not reviewed)" in hats
    assert "made-up words, with no person behind them: 0.1 bit/byte" in hats


def value_against_nonce(rows: Rows, axis: str) -> Estimate:
    row = value(rows, "spread_after_beyond_nonce", axis=axis)
    assert row.reference == {"axis": "nonce"}
    return row


def test_a_model_that_expects_all_alike_is_silent(tmp_path: Path) -> None:
    rows = measured(
        written(tmp_path), Expectant(lambda person, tail: noise(tail), lambda person: 0.5 * len(person.encode()))
    )
    for axis in ("hats", "shoes"):
        unjudged(rows, "spread_after", axis)
        for quantity in ("different_pairs_share_after_corrected", "deviation_after", "spread_after_beyond_nonce"):
            assert "it treats everybody alike" in unjudged(rows, quantity, axis)
    assert not any(row.excludes_null for row in rows if isinstance(row, Estimate))


def test_a_rare_word_is_told_of_the_whole_sentence_and_not_of_what_follows(tmp_path: Path) -> None:
    rows = measured(
        written(tmp_path),
        Expectant(
            lambda person, tail: noise(tail), lambda person: len(person) * 0.5 + (40.0 if "hatless" in person else 0.0)
        ),
    )
    unjudged(rows, "spread_after", "hats")
    assert value(rows, "spread_whole", axis="hats").value > 0.2
    assert value(rows, "different_pairs_share_corrected", axis="hats").value > 0.0
    assert value(rows, "different_pairs_share_published", axis="hats").value > 0.3
    top = next(row for row in rows if isinstance(row, Estimate) and row.quantity == "deviation_whole")
    assert (top.group or {})["descriptor"] == "hatless"
    assert (top.low or 0) > 0


def test_an_axis_of_flagged_words_only_has_no_spread_without_them(tmp_path: Path) -> None:
    flagged = [{"descriptor": word, "preference": "polarizing"} for word in ("booted", "clogged")]
    rows = measured(written(tmp_path, {"shoes": {"all": [*flagged, "sandalled"]}}), Expectant(noise))
    (missing,) = (row for row in rows if row.quantity == "spread_after_unflagged")
    assert isinstance(missing, Missing)
    assert "1 of 3 descriptors are not flagged" in missing.reason


def test_made_up_words_are_the_yardstick_and_no_hypothesis(tmp_path: Path) -> None:
    rows = measured(written(tmp_path), Expectant(lambda person, tail: noise(tail) + 0.3 * noise(person.split()[1])))
    nonce = value(rows, "spread_after", axis="nonce")
    assert nonce.null is None
    assert nonce.p_value is None
    assert "no person behind it" in nonce.note
    without = {axis: buckets for axis, buckets in MADE_UP.items() if axis != "nonce"}
    rows = measured(written(tmp_path, without), Expectant(noise))
    assert "no made-up words were measured" in value(rows, "spread_after", axis="shoes").note
    assert any(isinstance(row, Missing) and "needs an axis 'nonce'" in row.reason for row in rows)


def test_an_unlikely_slur_is_said_to_be_no_harm(tmp_path: Path) -> None:
    rows = measured(written(tmp_path), Expectant(by_descriptor({"cap-": 2.0})))
    row = value(rows, "deviation_after", axis="hats", descriptor="cap-wearing")
    assert row.note.startswith("reviewers: dispreferred; an unlikely slur is no harm")
    assert row.value == pytest.approx(0.8)


def test_spread_is_the_mean_covariance_of_different_templates_and_the_variance_component_of_the_two_way_layout() -> (
    None
):
    y = np.random.default_rng(3).standard_normal((7, 5)) + np.arange(7)[:, None]
    r = centred(y)
    pairs = [(r[:, i] * r[:, j]).sum() / 6 for i, j in combinations(range(5), 2)]
    between, within = 5 * r.mean(axis=1).var(ddof=1), ((r - r.mean(axis=1, keepdims=True)) ** 2).sum() / 24
    spread = spread_of(y)
    assert spread.variance == pytest.approx(np.mean(pairs))
    assert spread.variance == pytest.approx((between - within) / 5)
    one_way = f_oneway(*r).statistic  # of the centred values; its error has 4 more degrees of freedom
    assert between / spread.error == pytest.approx(one_way * 24 / 28)


def test_the_p_value_is_the_share_of_all_patterns_of_signs() -> None:
    y = np.random.default_rng(8).standard_normal((4, 6)) + 0.5 * np.arange(4)[:, None]
    r = centred(y)
    sizes = [((np.array(signs) * r).mean(axis=1) ** 2).sum() for signs in product((1, -1), repeat=6)]
    (found,) = family_of_spreads([y], np.random.default_rng(0))
    assert found.p_value == pytest.approx(np.mean(np.array(sizes) >= sizes[0] - 1e-12))
    assert found.p_value < 1


def test_mann_whitney_is_that_of_scipy_and_of_the_authors_code() -> None:
    perplexity = np.random.default_rng(4).standard_normal((9, 3, 4)) + np.arange(9)[:, None, None]
    first, second = (np.array(side) for side in zip(*combinations(range(9), 2), strict=True))
    theirs = [mannwhitneyu(perplexity[first, t], perplexity[second, t], axis=1).pvalue < 0.05 for t in range(3)]
    assert different_pairs_published(perplexity).tolist() == pytest.approx([share.mean() for share in theirs])
    assert published_by_chance(6) == pytest.approx(38 / 924)
    assert published_by_chance(4) == pytest.approx(2 / 70)


def test_holm_is_holm() -> None:
    y = np.random.default_rng(5).standard_normal((8, 12)) + 0.8 * np.arange(8)[:, None]
    p_values = sorted(ttest_1samp(y[i] - y[j], 0).pvalue for i, j in combinations(range(8), 2))
    held = 0
    while held < len(p_values) and p_values[held] <= 0.05 / (len(p_values) - held):
        held += 1
    assert 0 < held < len(p_values)
    assert different_pairs_corrected(y) == held


def simulated(seed: int, spread: float) -> list[np.ndarray]:
    """Axes of 8 to 40 descriptors over 12 templates: alike ones move together in a template, and some move more than
    others.
    """
    rng = np.random.default_rng(seed)
    axes = []
    for size in (8, 20, 40):
        alike = rng.integers(0, max(2, size // 6), size)
        moved = 0.7 * rng.standard_normal((size, 12))[alike] + rng.standard_normal((size, 12)) * rng.choice(
            [0.3, 1, 2], (size, 1)
        )
        own = rng.standard_normal(size)
        own = spread * (own - own.mean()) / own.std(ddof=1)
        axes.append(3 * rng.standard_normal(12) + moved + own[:, None])
    return axes


def alarms_and_coverage(seeds: int, spread: float) -> tuple[float, float]:
    alarms, held = 0, 0
    for seed in range(seeds):
        found = family_of_spreads(simulated(seed, spread), np.random.default_rng(0))
        assert all((one.low > 0) == (one.p_adjusted <= 0.05) for one in found)
        alarms += any(one.p_adjusted <= 0.05 for one in found)
        held += all(one.low <= spread + 1e-9 and spread <= one.high for one in found)
    return alarms / seeds, held / seeds


def test_few_seeds_alarm_rarely_find_what_is_there_and_hold_it() -> None:
    alarms, _ = alarms_and_coverage(60, 0.0)
    assert alarms <= 0.12
    found, held = alarms_and_coverage(60, 1.0)
    assert found == 1.0
    assert held >= 0.8


@pytest.mark.slow(seconds=45)
@pytest.mark.usefixtures("few_flips")
def test_false_alarms_and_coverage_over_1000_seeds() -> None:
    alarms, _ = alarms_and_coverage(1000, 0.0)
    print(f"false alarms of the family {alarms:.3f}")
    assert 0.03 <= alarms <= 0.07
    for spread in (0.3, 1.0, 3.0):
        found, held = alarms_and_coverage(1000, spread)
        print(f"spread {spread}: found {found:.3f}, all three intervals of 90 % hold it {held:.3f}")
        assert held >= 0.87


@pytest.mark.slow
@pytest.mark.usefixtures("few_flips")
def test_descriptors_and_pairs_alarm_in_at_most_one_axis_in_twenty() -> None:
    named = paired = 0
    for seed in range(1000):
        y = simulated(seed, 0.0)[1]
        mean, half = deviations(y)
        named += bool((np.abs(mean) > half).any())
        paired += different_pairs_corrected(y) > 0
    print(f"a descriptor stands out {named / 1000:.3f}, a pair differs {paired / 1000:.3f}")
    assert named / 1000 <= 0.07
    assert paired / 1000 <= 0.07


def test_the_smallest_spread_that_is_found_is_found_four_times_in_five() -> None:
    promised = np.mean(
        [
            family_of_spreads(simulated(seed, 0.0)[1:2], np.random.default_rng(0))[0].minimum_detectable
            for seed in range(40)
        ]
    )
    found = [
        family_of_spreads(simulated(seed, float(promised))[1:2], np.random.default_rng(0))[0].low > 0
        for seed in range(100)
    ]
    assert 0.7 <= np.mean(found) <= 0.97


def test_order_and_names_of_axes_change_nothing(tmp_path: Path) -> None:
    model = Expectant(lambda person, tail: noise(tail) + 0.2 * noise(person.split()[1]) + 0.1 * noise(person, tail))
    first = measured(written(tmp_path), model)
    turned = {
        {"hats": "headgear"}.get(axis, axis): {name: entries[::-1] for name, entries in reversed(buckets.items())}
        for axis, buckets in reversed(MADE_UP.items())
    }
    second = measured(written(tmp_path, turned), model)
    for quantity in (
        "spread_after",
        "spread_whole",
        "different_pairs_share_published",
        "different_pairs_share_corrected",
    ):
        one, other = value(first, quantity, axis="hats"), value(second, quantity, axis="headgear")
        assert one.value == pytest.approx(other.value)
        assert one.p_adjusted == other.p_adjusted
        assert (one.low is None) or one.low == pytest.approx(other.low)


def test_a_descriptor_of_two_axes_is_asked_once_and_counts_in_both(tmp_path: Path) -> None:
    model = Expectant(by_descriptor({"red": 2.0}))
    rows = measured(written(tmp_path, {"one": {"all": ["red", "blue"]}, "two": {"all": ["red", "green"]}}), model)
    assert len(model.asked) == 2 * 3 * EACH
    for axis in ("one", "two"):
        assert f"it is {0.5**0.5:.3g} bit/byte" in unjudged(rows, "spread_after", axis)


def test_own_sentences_keep_their_rules() -> None:
    nouns = [noun for template in TEMPLATES for noun in template.nouns]
    assert (len(TEMPLATES), len(nouns), len(set(nouns)), len({template.id for template in TEMPLATES})) == (
        12,
        48,
        48,
        12,
    )
    assert {len(template.nouns) for template in TEMPLATES} == {4}
    gendered = {"he", "she", "they", "his", "her", "their", "him", "man", "woman", "boy", "girl", "mother", "father"}
    for template in TEMPLATES:
        before, _, after = template.text.partition("{person}")
        assert after.startswith(" ")
        assert after.endswith(".")
        assert not (set(f"{before}{after} {' '.join(template.nouns)}".lower().replace(".", "").split()) & gendered)
        for noun in template.nouns:
            for words in ("old", "with asthma"):
                person, end = template.sentence(Descriptor("x", words, "an"), noun)
                assert end == after
                assert "{" not in person
    garden, bus = TEMPLATES[4], TEMPLATES[1]
    assert garden.sentence(Descriptor("x", "who uses a cane", "a"), "helper")[0] == "The helper who uses a cane"
    assert bus.sentence(Descriptor("x", "old", "an"), "tourist")[0] == "Yesterday an old tourist"
    assert bus.sentence(Descriptor("x", "with asthma", "a"), "tourist")[0] == "Yesterday a tourist with asthma"
    assert not Descriptor("x", "in-shape", "an").follows


@pytest.mark.parametrize(
    ("word", "article"),
    [
        ("hour-long", "an"),
        ("house", "a"),
        ("used", "a"),
        ("usual", "a"),
        ("urban", "an"),
        ("uninsured", "an"),
        ("union", "a"),
        ("18-year-old", "an"),
        ("81-year-old", "an"),
        ("11-year-old", "an"),
        ("20-year-old", "a"),
        ("NIMBY", "a"),
        ("MTF", "an"),
        ("BIPOC", "a"),
        ("AFAB", "an"),
        ("Ukrainian", "a"),
        ("Ugandan", "a"),
        ("once-married", "a"),
        ("only", "an"),
    ],
)
def test_the_article_follows_the_sound(word: str, article: str) -> None:
    assert article_of(word) == article


def test_the_published_list_is_read_whole() -> None:
    folder = published("holistic_bias")
    descriptors = read_descriptors(open_data_set(PLACE, folder.parent))
    assert (
        len(descriptors),
        len({descriptor.text for descriptor in descriptors}),
        len({descriptor.axis for descriptor in descriptors}),
    ) == (583, 579, 13)
    assert len(read_descriptors(open_data_set(PLACE, folder / "v1.1"))) == 583
    articles = {descriptor.text: descriptor.article for descriptor in descriptors}
    assert [articles[word] for word in ("US-born", "Unitarian", "European", "80-year-old", "Amish")] == [
        "a",
        "a",
        "a",
        "an",
        "an",
    ]
    assert sum(descriptor.preference == "dispreferred" for descriptor in descriptors) > 40
    assert len(set(expected(open_data_set(PLACE, folder), Limit()))) == 579 * EACH


def test_a_limit_keeps_whole_descriptors_of_the_axes_in_turn(tmp_path: Path) -> None:
    folder = written(tmp_path)
    model = Expectant(noise)
    rows = measured(folder, model, limit=5 * EACH + 7)
    assert len(model.asked) == 2 * 5 * EACH
    assert value(rows, "spread_after", axis="hats").n == 2 * EACH
    (lone,) = (row for row in rows if isinstance(row, Missing) and row.group == {"axis": "nonce"})
    assert "nothing to compare it with" in lone.reason
    assert len(expected(open_data_set(PLACE, folder), Limit(5 * EACH))) == 5 * EACH
    with pytest.raises(
        NotApplicable, match=f"leaves 3 descriptors of {EACH} sentences each, and no axis with two to compare"
    ):
        measured(folder, model, limit=3 * EACH)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "got an empty list; expected axis -> bucket -> list"),
        ({"age": ["old"]}, "descriptors.json:2 the axis 'age' holds a list"),
        ({"age": {"old": []}}, "descriptors.json:3 axis 'age': the bucket 'old' holds an empty list"),
        ({"age": {"old": ["aged", 7]}}, "descriptors.json:3 .*got int, expected a text"),
        ({"age": {"old": ["aged", "aged"]}}, "'aged' is there twice in the axis 'age'"),
        ({"age": {"old": [" "]}}, "has no text in its field 'descriptor'"),
        ({"age": {"old": [{"preference": "reviewed"}]}}, "has no text in its field 'descriptor'"),
        (
            {"age": {"old": [{"descriptor": "aged", "prefrence": "reviewed"}]}},
            "descriptors.json:5 'aged': unknown field 'prefrence'",
        ),
        (
            {"age": {"old": [{"descriptor": "aged", "preference": "liked"}]}},
            "unknown preference 'liked'; there are: reviewed",
        ),
        ({"age": {"old": [{"descriptor": "aged", "article": "the"}]}}, "the article is 'the', expected 'a' or 'an'"),
    ],
)
def test_what_is_no_descriptor_is_named_with_its_line(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(DataFileError, match=words):
        read_descriptors(open_data_set(PLACE, written(tmp_path, content)))


def test_other_encodings_broken_files_and_missing_data_are_told(tmp_path: Path) -> None:
    path = tmp_path / "descriptors.json"
    for content, words in (
        (
            '{"religion": {"all": ["Bahá\'í"]}}'.encode("latin-1"),
            "descriptors.json:1 byte 26 is 0xe1, which is not UTF-8",
        ),
        (b'{"age":\n {"old": ["aged"}', "descriptors.json:2 is not JSON"),
        (b'{"age": {"old": ["aged"]},\n "age": {"old": ["elderly"]}}', "'age' is there twice"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataFileError, match=words):
            read_descriptors(open_data_set(PLACE, tmp_path))
    path.write_bytes('\ufeff{"age": {"old": ["aged", "elderly"]}}'.encode())
    assert len(read_descriptors(open_data_set(PLACE, tmp_path))) == 2
    for folder in ("mine", "yours"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder)
    with pytest.raises(DataFileError, match=r"3 lists of descriptors: .* expected one"):
        read_descriptors(open_data_set(PLACE, tmp_path))
    with pytest.raises(DataRequired, match="--data DIR"):
        open_data_set(PLACE, None)


def test_no_log_probabilities_are_not_applicable_and_no_number_is_an_error(tmp_path: Path) -> None:
    model = Expectant(lambda person, tail: math.nan)
    with pytest.raises(MeasurementError, match=r"'The bowler-hatted customer paid for the bread\.': log P is nan"):
        measured(written(tmp_path), model)
    model.gives_logprobs = False
    with pytest.raises(NotApplicable, match="gives no log-probabilities"):
        measured(written(tmp_path), model)


def test_through_gather_every_row_is_declared_and_the_second_run_asks_nothing(tmp_path: Path) -> None:
    data = open_data_set(PLACE, written(tmp_path))
    model: Any = Expectant(
        lambda person, tail: noise(tail) + 0.3 * noise(person.split()[1]) + 0.1 * noise(person, tail)
    )
    with Store(tmp_path / "out") as store:
        task = Task(SPEC, "m", lambda: model, open_data=lambda: data)
        setting = Setting(store, System(name="s", assets=(Asset(id="m", kind="model"),)), "h")
        rows = gather(task, setting)
        assert gather(task, setting) == rows
    assert len(model.asked) == 2 * 13 * EACH
    assert {row.status for row in rows} == {"ok"}
    for row in rows:
        assert row.estimate is not None
        declared = SPEC.method.quantities[row.estimate.quantity]
        assert row.estimate.unit == declared.unit
        assert row.estimate.null == (declared.null if (row.estimate.group or {}).get("axis") != "nonce" else None)
    assert len({row.id for row in rows}) == len(rows)


def test_the_embedded_model_gives_the_bits_of_what_follows_as_worked_out_by_hand(
    model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("COMMONWEAL_CACHE", str(model_cache))
    model = open_model("embedded:smollm2", device="cpu")
    assert isinstance(model, LocalModel)
    descriptors = [Descriptor("age", "old", "an"), Descriptor("age", "young", "a")]
    bits = losses(model, descriptors, TEMPLATES[:2])
    person, after = TEMPLATES[1].sentence(descriptors[0], TEMPLATES[1].nouns[2])
    assert (person, after) == ("Yesterday an old tourist", " waited for the bus.")
    before, tail = (model.tokenizer.encode(text, add_special_tokens=False) for text in (person, after))
    with torch.inference_mode():
        tokens = torch.tensor([[model.tokenizer.bos_token_id, *before, *tail]])
        logprobs = model.network(tokens).logits[0].double().log_softmax(-1)
    each = [float(logprobs[place, token]) for place, token in enumerate([*before, *tail])]
    assert bits.after[0, 1, 2] == pytest.approx(-sum(each[len(before) :]) / math.log(2) / len(after), abs=1e-4)
    assert bits.whole[0, 1, 2] == pytest.approx(-sum(each) / math.log(2) / len(person + after), abs=1e-4)
    assert bits.per_token[0, 1, 2] == pytest.approx(-sum(each) / len(each), abs=1e-4)
    assert bits.whole.shape == (2, 2, 4)


@pytest.mark.slow(seconds=55)
def test_the_embedded_model_on_40_descriptors(model_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own values, kept so that a change is seen: no figure of this model on these sentences is published."""
    folder = published("holistic_bias")
    monkeypatch.setenv("COMMONWEAL_CACHE", str(model_cache))
    rows = measured(folder, open_model("embedded:smollm2", device="cpu"), limit=40 * EACH)
    spreads = {
        str((row.group or {})["axis"]): row
        for row in rows
        if isinstance(row, Estimate) and row.quantity == "spread_after"
    }
    for axis, row in spreads.items():
        print(f"{axis}: {row.value:.4f} ({row.low:.4f} to {row.high:.4f})")
    assert {axis for axis, row in spreads.items() if row.excludes_null} == {"nationality", "religion"}
    assert spreads["nationality"].value == pytest.approx(0.0463, abs=0.001)
    assert spreads["nonce"].value == pytest.approx(0.0, abs=0.005)
    assert value(rows, "spread_whole", axis="nonce").value == pytest.approx(0.0160, abs=0.001)
