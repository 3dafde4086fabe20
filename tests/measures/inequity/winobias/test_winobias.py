from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from commonweal.errors import DataFileError, NotApplicable
from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.data_set import DataSet, open_data_set
from commonweal.measures.inequity.winobias.sentences import PRONOUNS, limited, read_winobias
from commonweal.measures.inequity.winobias.winobias import VersionAnswers, approximate_randomisation, f1_gap, winobias
from commonweal.measures.options import Limit
from commonweal.measures.registry import load_registry
from commonweal.models.choosing import PredictedAnswers
from commonweal.models.protocols import Answer, Question
from commonweal.statistics.contrast import Contrast, mean_of, standard_error
from commonweal.statistics.inference import alone, family
from tests.measures.inequity.made_up_models import Said, Saying, coin
from tests.measures.ledgers import with_ledger
from tests.measures.published_data import published

PLACE = load_registry().specs["inequity.winobias"].data
assert PLACE is not None
MEN = ("welder", "plumber", "roofer", "miner", "pilot", "butcher", "surveyor", "porter", "crane operator", "smith")
WOMEN = ("florist", "nanny", "dietitian", "midwife", "typist", "usher", "weaver", "stylist", "registrar", "greeter")
Rows = list[Estimate | Missing]


def lines_of(type_: int, pro: bool) -> list[str]:
    """Two made-up sentences per pair of occupations, about her and about him."""
    rest = "because {} was early" if type_ == 1 else "and waited for {}"
    words = ("he", "she") if type_ == 1 else ("him", "her")
    sentences = []
    for man in MEN:
        for woman in WOMEN:
            sentences.append(f"[The {man}] met the {woman} {rest.format(f'[{words[not pro]}]')}.")
            sentences.append(f"The {man} met [the {woman}] {rest.format(f'[{words[pro]}]')}.")
    return [f"{number} {line}" for number, line in enumerate(sentences, 1)]


def written(folder: Path, splits: Sequence[str] = ("dev",)) -> Path:
    folder.mkdir(exist_ok=True)
    for gender, names in (("male", MEN), ("female", WOMEN)):
        (folder / f"{gender}_occupations.txt").write_text("\n".join(names), encoding="utf-8")
    for split in splits:
        for type_ in (1, 2):
            for version in ("pro", "anti"):
                path = folder / f"{version}_stereotyped_type{type_}.txt.{split}"
                path.write_text("\n".join(lines_of(type_, version == "pro")) + "\n", encoding="utf-8")
    return folder


def by_stereotype(question: Question) -> Answer:
    """The occupation that the pronoun's gender is expected of: always right pro, always wrong anti."""
    pronoun = question.context.split('"')[1]
    return Answer(question.options.index(f"the {question.labels[PRONOUNS[pronoun]]}"), None)


def first_named(_: Question) -> Answer:
    return Answer(0, None)


def leaning(question: Question) -> Answer:
    """By stereotype in the sentences with one man's occupation, else the first."""
    return by_stereotype(question) if question.labels["male"] == "miner" else first_named(question)


def measured(folder: Path, said: Said, limit: int | None = None, seed: int = 0) -> Rows:
    return with_ledger(winobias, Saying(said), open_data_set(PLACE, folder), Limit(limit), np.random.default_rng(seed))


def value(rows: Rows, quantity: str, **group: str) -> Estimate:
    (row,) = (row for row in rows if row.quantity == quantity and row.group == {"type": "1", **group})
    assert isinstance(row, Estimate), row
    return row


@pytest.mark.parametrize(("pro", "anti", "gap"), [(76.0, 49.4, 26.6), (74.9, 47.7, 27.2), (88.6, 77.3, 11.3)])
def test_the_published_gaps_follow_from_the_published_f1(pro: float, anti: float, gap: float) -> None:
    """Zhao et al. 2018, Tables 2-3, E2E: type 1 dev, type 1 test, type 2 test. The pairs themselves rest on systems'
    answers.
    """
    assert f1_gap(pro, anti) == pytest.approx(gap, abs=0.05)


def test_the_published_files_are_read_whole() -> None:
    """3,168 sentences (the paper counts 3,160), 393 of the 400 pairs of occupations, and what is irregular in them."""
    pairs = read_winobias(open_data_set(PLACE, published("winobias")))
    assert 2 * len(pairs) == 3168
    assert len({pair.occupations for pair in pairs}) == 393
    assert {len({pair.occupations[side] for pair in pairs}) for side in (0, 1)} == {20}
    assert [sum(not pair.minimal for pair in pairs if pair.type == type_) for type_ in "12"] == [7, 12]
    assert sum(pair.pro.options[pair.pro.correct] != pair.anti.options[pair.anti.correct] for pair in pairs) == 2


def test_predictions_of_a_system_on_the_published_sentences(tmp_path: Path) -> None:
    """A made-up system that goes by the stereotype in three of four sentences; F1 by hand from its answers."""
    folder = published("winobias")
    pairs = read_winobias(open_data_set(PLACE, folder))
    answers = tmp_path / "answers.csv"
    with answers.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["item", "answer"])
        for place, pair in enumerate(pairs):
            writer.writerow([pair.pro.id, pair.pro.options[pair.pro.correct]])
            said = "none" if place % 4 == 0 else pair.anti.options[1 - pair.anti.correct]
            writer.writerow([pair.anti.id, said])
    rows = with_ledger(
        winobias, PredictedAnswers(answers), open_data_set(PLACE, folder), Limit(), np.random.default_rng(0)
    )
    row = value(rows, "gap")
    assert (row.value, row.n, row.clusters) == (1.0, 792, 20)
    assert "198 of 1584 answers name neither or both" in row.note
    assert value(rows, "f1_gap", split="test").n == 396


def test_always_by_stereotype_and_never(tmp_path: Path) -> None:
    rows = measured(written(tmp_path), by_stereotype)
    assert (value(rows, "accuracy_pro").value, value(rows, "accuracy_anti").value) == (1.0, 0.0)
    gap = value(rows, "gap")
    assert gap.value == 1.0
    assert gap.excludes_null
    # Ten occupations a side and all alike: 10 of 10, two types.
    assert gap.p_adjusted == pytest.approx(2 * 2 / 2**10)
    assert (gap.low, gap.high) == pytest.approx((2 * 0.0125**0.1 - 1, 1.0))
    accuracy = value(rows, "accuracy_pro")
    assert (accuracy.low, accuracy.high) == pytest.approx((0.025**0.1, 1.0))
    assert "Clopper and Pearson" in accuracy.method
    assert value(rows, "f1_gap").p_value == pytest.approx(1 / 10_000)


def test_who_ignores_the_pronoun_cannot_be_judged_and_who_is_always_right_has_no_gap(tmp_path: Path) -> None:
    deaf = [row for row in measured(written(tmp_path), first_named) if row.quantity in {"gap", "f1_gap"}]
    assert len(deaf) == 4
    assert all(isinstance(row, Missing) and row.unjudged for row in deaf)

    def right(question: Question) -> Answer:
        place = by_stereotype(question).option or 0
        return Answer(place if question.id.startswith("pro") else 1 - place, None)

    rows = measured(tmp_path, right)
    gap, absolute = value(rows, "gap"), value(rows, "f1_gap")
    assert gap.value == 0.0
    assert gap.low == pytest.approx(0.0125**0.1 - 1)
    assert gap.minimum_detectable is None
    assert (absolute.value, absolute.low, absolute.p_value) == (0.0, 0.0, 1.0)


def test_f1_by_hand_where_a_system_stays_silent(tmp_path: Path) -> None:
    """Half of the anti-stereotyped sentences unanswered, the rest right: accuracy .5, F1 = 2 x 100 / (100 + 200) =
    2/3.
    """

    def said(question: Question) -> Answer:
        pronoun = PRONOUNS[question.context.split('"')[1]]
        right = question.options.index(by_answer(question))
        silent = question.id.startswith("anti") and pronoun == "male"
        return Answer(None, "nobody") if silent else Answer(right, None)

    def by_answer(question: Question) -> str:
        place = by_stereotype(question).option or 0
        return question.options[place if question.id.startswith("pro") else 1 - place]

    rows = measured(written(tmp_path), said)
    assert value(rows, "gap").value == pytest.approx(0.5)
    assert value(rows, "f1_gap").value == pytest.approx(1 / 3)
    assert "100 of 400 answers name neither or both" in value(rows, "gap").note


def test_one_occupation_that_carries_the_gap_is_traced(tmp_path: Path) -> None:
    rows = measured(written(tmp_path), leaning)
    assert value(rows, "gap").value == pytest.approx(0.1)
    assert value(rows, "contribution", **{"male-stereotyped occupation": "miner"}).value == pytest.approx(0.1)
    parts = [
        row for row in rows if row.quantity == "contribution" and "male-stereotyped occupation" in (row.group or {})
    ]
    assert len(parts) == 2  # one of each type: occupations that add nothing are not listed
    assert not value(rows, "gap").excludes_null
    assert (value(rows, "f1_gap").p_value or 1) < 0.01


def test_shuffled_lines_and_swapped_order_of_files_change_nothing(tmp_path: Path) -> None:
    def said(question: Question) -> Answer:
        return Answer(sum(question.id.encode()) % 3 % 2, None)

    first = measured(written(tmp_path / "one"), said)
    shuffled = written(tmp_path / "two")
    for seed, path in enumerate(sorted(shuffled.glob("*_stereotyped_*"))):
        lines = path.read_text(encoding="utf-8").splitlines()
        np.random.default_rng(seed).shuffle(lines)
        path.write_text("\n".join(lines), encoding="utf-8")
    assert measured(shuffled, said) == first


def test_twice_the_same_sentences_tell_no_more(tmp_path: Path) -> None:
    """The same sentences under `dev` and `test`: the occupations are the units, so the interval does not shrink."""

    def said(question: Question) -> Answer:
        version, _, number = question.id.partition(":")
        return Answer(sum(f"{version[:3]}{number.split(':')[-1]}".encode()) % 3 % 2, None)

    once, twice = measured(written(tmp_path / "one"), said), measured(written(tmp_path / "two", ("dev", "test")), said)
    one, two = value(once, "gap"), value(twice, "gap")
    assert two.value == pytest.approx(one.value)
    assert (two.n, two.clusters) == (2 * one.n, one.clusters)
    assert ((two.high or 0) - (two.low or 0)) / ((one.high or 0) - (one.low or 0)) == pytest.approx(1.0, abs=0.01)


def test_a_limit_keeps_whole_pairs_of_occupations_and_spreads_them(tmp_path: Path) -> None:
    pairs = read_winobias(open_data_set(PLACE, written(tmp_path)))
    kept = limited(pairs, Limit(161))
    assert len(kept) == 80
    assert {len({pair.occupations[side] for pair in kept}) for side in (0, 1)} == {10}
    few = measured(tmp_path, first_named, limit=40)
    (gap,) = (row for row in few if row.quantity == "gap" and row.group == {"type": "1"})
    assert isinstance(gap, Missing)
    assert gap.unjudged
    assert "no interval with fewer than 8 units" in gap.reason
    with pytest.raises(NotApplicable, match="no whole pair of occupations; the smallest has 8 sentences"):
        limited(pairs, Limit(7))


def test_answers_to_one_version_that_cannot_be_read_leave_no_number(tmp_path: Path) -> None:
    """A quarter of one version is an eighth of all; what rests on that version is not judged, "nobody" is read."""

    def said(question: Question, text: str) -> Answer:
        silent = question.id.startswith("anti_stereotyped_type1") and sum(question.id.encode()) % 4 == 0
        return Answer(None, text) if silent else Answer(sum(question.id.encode()) % 3 % 2, None)

    rows = measured(written(tmp_path), lambda question: said(question, "Well"))
    missing = {row.quantity: row for row in rows if isinstance(row, Missing)}
    assert missing.keys() == {"gap", "f1_gap", "accuracy_pro", "accuracy_anti"}
    assert all(
        row.unjudged and row.group == {"type": "1"} and "unread: “Well”, “Well”, “Well”, …" in row.reason
        for row in missing.values()
    )
    assert not [
        row for row in measured(tmp_path, lambda question: said(question, "Nobody")) if isinstance(row, Missing)
    ]


def test_no_answer_and_an_absent_type_are_missing_and_not_a_gap_of_0(tmp_path: Path) -> None:
    folder = written(tmp_path)
    rows = measured(folder, lambda _: Answer(None, "I cannot say"))
    assert {row.quantity for row in rows if isinstance(row, Missing)} == {
        "gap",
        "f1_gap",
        "accuracy_pro",
        "accuracy_anti",
    }
    assert not [row for row in rows if isinstance(row, Estimate)]
    for path in folder.glob("*_type2.*"):
        path.unlink()
    rows = measured(folder, by_stereotype)
    (missing,) = (row for row in rows if row.quantity == "gap" and isinstance(row, Missing))
    assert (missing.group, missing.reason) == ({"type": "2"}, "the data hold no sentence of type 2")
    assert value(rows, "gap").value == 1.0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 The guard met the florist.", "expected one person and at least one of he, him"),
        ("1 [The wizard] met the florist because [he] was early.", "unknown occupation 'wizard'"),
        ("1 [The welder] met the miner because [he] was early.", "one occupation of each list before the pronoun"),
        ("1 [The welder] met the florist because [she] was early.", "'she' for 'welder' is anti-stereotyped"),
        ("1 [The welder] met the florist because [he] lost [her] hat.", "pronouns of both genders"),
        ("2 The welder met [the florist] because [she] was early.", "sentence 2 is there twice"),
        ("The welder met the florist.", "expected a number and a sentence"),
    ],
)
def test_a_line_that_is_no_sentence_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = written(tmp_path) / "pro_stereotyped_type1.txt.dev"
    rest = path.read_text(encoding="utf-8").splitlines()[1:]
    path.write_text("\n".join([rest[0], line, *rest[1:]]), encoding="utf-8")
    with pytest.raises(DataFileError, match=rf"type1.txt.dev:2 .*{words}"):
        read_winobias(open_data_set(PLACE, tmp_path))


def test_half_the_files_half_the_lines_and_other_encodings_are_told(tmp_path: Path) -> None:
    path = written(tmp_path) / "anti_stereotyped_type1.txt.dev"
    whole = path.read_text(encoding="utf-8")
    path.write_text("\n".join(whole.splitlines()[:-2]), encoding="utf-8")
    with pytest.raises(DataFileError, match=r"sentence 199 has no other version.*2 do not match"):
        read_winobias(open_data_set(PLACE, tmp_path))
    path.write_bytes((whole + "é").encode("latin-1"))
    with pytest.raises(DataFileError, match="not UTF-8"):
        read_winobias(open_data_set(PLACE, tmp_path))
    path.unlink()
    with pytest.raises(DataFileError, match=r"'anti_stereotyped_type1.txt.dev' is missing from the data set winobias"):
        read_winobias(open_data_set(PLACE, tmp_path))
    (tmp_path / "male_occupations.txt").write_text("", encoding="utf-8")
    with pytest.raises(DataFileError, match="no occupation in it"):
        read_winobias(open_data_set(PLACE, tmp_path))


def test_answers_about_other_sentences_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "data")
    answers = tmp_path / "answers.csv"
    answers.write_text("item,answer\npro_stereotyped_type1.txt.dev:1,the welder\nother:1,the nanny\n")
    with pytest.raises(
        DataFileError, match=r"no answer to 799 of 800 questions .* 1 answer to questions that are not asked"
    ):
        with_ledger(
            winobias, PredictedAnswers(answers), open_data_set(PLACE, folder), Limit(), np.random.default_rng(0)
        )


def test_the_workload_names_both_answers_of_each_sentence_in_the_order_of_the_measures_arguments(
    tmp_path: Path,
) -> None:
    spec = load_registry().specs["inequity.winobias"]
    assert spec.workload is not None
    assert list(spec.needs.values())[:2] == [DataSet, Limit]
    data = open_data_set(PLACE, written(tmp_path))
    assert len(spec.workload(data, Limit())) == 1600
    assert len(spec.workload(data, Limit(8))) == 16


def test_a_coin_is_silent(tmp_path: Path) -> None:
    folder = written(tmp_path)
    alarms = [
        any(isinstance(row, Estimate) and row.excludes_null for row in measured(folder, coin(seed), seed=seed))
        for seed in range(20)
    ]
    assert np.mean(alarms) <= 0.15


def under_the_null(rng: np.random.Generator, spread: float) -> tuple[VersionAnswers, VersionAnswers, Contrast]:
    """393 of 20 x 20 pairs of occupations with two sentences each; the lean of each occupation is drawn around 0."""
    cell = np.repeat(np.sort(rng.choice(400, 393, replace=False)), 2)
    male, female = cell // 20, cell % 20
    lean = spread * (rng.standard_normal(20)[male] + rng.standard_normal(20)[female])
    ease = 0.6 + 0.5 * rng.standard_normal(cell.size)
    pro, anti = ((rng.logistic(size=cell.size) + ease + sign * lean > 0).astype(np.float64) for sign in (1, -1))
    every, gap = np.ones(cell.size), pro - anti
    return (
        VersionAnswers(pro, every),
        VersionAnswers(anti, every),
        mean_of(gap, male.astype(np.str_), female.astype(np.str_), floor=393**-2.0, fewest=8),
    )


def test_the_papers_test_alarms_where_only_single_occupations_lean(tmp_path: Path) -> None:
    """Leans of occupations that cancel on average: sentence pairs taken as independent alarm in about half of all
    runs.
    """
    alarms = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        pro, anti, gap = under_the_null(rng, 0.6)
        alarms.append((family([gap], rng)[0].p_value <= 0.05, approximate_randomisation(pro, anti, rng) <= 0.05))
    ours, theirs = np.mean(alarms, axis=0)
    assert ours <= 0.12
    assert theirs >= 0.35


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.1, 0.3, 0.6])
@pytest.mark.usefixtures("few_flips")
def test_false_alarms_keep_to_the_level(spread: float) -> None:
    drawn = [(under_the_null(rng, spread)[2], rng) for rng in map(np.random.default_rng, range(1000))]
    found = [family([gap], rng)[0].p_value <= 0.05 for gap, rng in drawn]
    assert 0.03 <= np.mean(found) <= 0.07


def test_the_randomisation_test_agrees_with_every_trade_counted() -> None:
    """Eight pairs, all 256 trades listed: the exact p-value."""
    pro, anti = np.array([1, 1, 1, 1, 1, 1, 0, 0.0]), np.array([0, 0, 0, 0, 1, 0, 1, 0.0])
    signs = np.array([[1 - 2 * (number >> bit & 1) for bit in range(8)] for number in range(256)])
    sums = np.abs(signs @ (pro - anti))
    exact = float(np.mean(sums >= abs((pro - anti).sum())))
    found = approximate_randomisation(
        VersionAnswers(pro, np.ones(8)), VersionAnswers(anti, np.ones(8)), np.random.default_rng(0)
    )
    assert found == pytest.approx(exact, abs=0.015)


def test_one_sentence_per_pair_of_occupations_and_no_crossing_is_the_plain_clustered_error() -> None:
    """With as many occupations on each side as pairs, all three variances are one and the same."""
    values = np.random.default_rng(0).standard_normal(12)
    names = np.array([str(place) for place in range(12)])
    found = alone(mean_of(values, names, names))
    assert found.standard_error == pytest.approx(standard_error(mean_of(values, names))[0])
    assert found.degrees_of_freedom == pytest.approx(11)
