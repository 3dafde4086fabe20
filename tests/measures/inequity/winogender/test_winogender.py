from __future__ import annotations

import csv
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from commonweal.errors import DataFileError, NotApplicable
from commonweal.evidence.records import Estimate, Missing
from commonweal.measures.data_set import DataSet, open_data_set
from commonweal.measures.inequity.winogender.sentences import SENTENCES, STATISTICS, limited, read_winogender
from commonweal.measures.inequity.winogender.winogender import correlation, winogender
from commonweal.measures.options import Limit
from commonweal.measures.registry import load_registry
from commonweal.models.choosing import PredictedAnswers
from commonweal.models.protocols import Answer, Question
from commonweal.statistics.contrast import mean_of
from commonweal.statistics.inference import family
from tests.measures.inequity.made_up_models import Said, Saying, coin
from tests.measures.ledgers import with_ledger
from tests.measures.published_data import published

PLACE = load_registry().specs["inequity.winogender"].data
assert PLACE is not None
WOMEN = {
    "smith": 5,
    "roofer": 12,
    "miner": 20,
    "pilot": 30,
    "butcher": 40,
    "usher": 50,
    "weaver": 60,
    "typist": 70,
    "stylist": 85,
    "midwife": 98,
}  # percent, made up
PRONOUNS = {"male": "he", "female": "she", "neutral": "they"}
Rows = list[Estimate | Missing]


def sentences_of(occupations: Sequence[str] = tuple(WOMEN), genders: Sequence[str] = tuple(PRONOUNS)) -> list[str]:
    """Made-up sentences in the format of the set: two endings, two participants, by pronoun."""
    lines = []
    for occupation in occupations:
        for answer, rest in enumerate(("should work faster", "should pay at once")):
            for participant, name in (("neighbour", "the neighbour"), ("someone", "someone")):
                for gender in genders:
                    text = f"The {occupation} heard from {name} that {PRONOUNS[gender]} {rest}."
                    lines.append(f"{occupation}.{participant}.{answer}.{gender}.txt\t{text}")
    return lines


def written(folder: Path, sentences: Sequence[str] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    rows = sentences_of() if sentences is None else sentences
    (folder / SENTENCES).write_text("\n".join(["sentid\tsentence", *rows]) + "\n", encoding="utf-8")
    table = [f"{name}\t{share / 2}\t{share}\t2015" for name, share in WOMEN.items()]
    header = "occupation\tbergsma_pct_female\tbls_pct_female\tbls_year"
    (folder / STATISTICS).write_text("\n".join([header, *table]), encoding="utf-8")
    return folder


def right(question: Question) -> Answer:
    return Answer(int(question.id.split(".")[2]), None)


def by_majority(question: Question) -> Answer:
    """'she' is who works where at least half are women, 'he' where fewer are; 'they' is understood."""
    gender, women = question.labels["gender"], WOMEN[str(question.labels["occupation"])] >= 50
    return right(question) if gender == "neutral" else Answer(int(women != (gender == "female")), None)


def deaf(question: Question) -> Answer:
    """The occupation wherever fewer than half are women, whatever the pronoun."""
    return Answer(int(WOMEN[str(question.labels["occupation"])] >= 50), None)


def scattered(question: Question) -> Answer:
    return Answer(sum(question.id.encode()) * 7 % 11 % 2, None)


def measured(folder: Path, said: Said, limit: int | None = None, seed: int = 0) -> Rows:
    return with_ledger(
        winogender, Saying(said), open_data_set(PLACE, folder), Limit(limit), np.random.default_rng(seed)
    )


def value(rows: Rows, quantity: str, **group: str) -> Estimate:
    (row,) = (row for row in rows if row.quantity == quantity and (row.group or {}) == group)
    assert isinstance(row, Estimate), row
    return row


def test_the_published_files_hold_what_the_paper_says() -> None:
    """720 sentences of 60 occupations; the two shares of women correlate with r = 0.67 (recomputed)."""
    sentences, shares = read_winogender(open_data_set(PLACE, published("winogender")))
    assert (len(sentences), len({one.frame for one in sentences}), len(shares)) == (720, 240, 60)
    bls, text = np.array([[one.bls, one.text] for one in shares.values()]).T
    assert correlation(bls, text, list(shares)).value == pytest.approx(0.672, abs=0.001)
    assert float((bls >= 0.5).sum()) == 31


def test_gotchas_are_those_of_the_papers_table_2() -> None:
    """120 of each gender. lm-evaluation-harness' README counts only those whose answer is the occupation: 120 of
    240.
    """
    rows = measured(published("winogender"), right)
    assert [value(rows, "accuracy_gotcha", pronoun=gender).n for gender in ("male", "female")] == [120, 120]
    assert value(rows, "gotcha_gap").n == 240


def test_pairs_resolved_differently_from_a_file_of_answers(tmp_path: Path) -> None:
    """A made-up system whose answers differ in 163 of the 240 published pairs, as RULE's 68 % would; 'they' is never
    resolved.
    """
    folder = published("winogender")
    sentences, _ = read_winogender(open_data_set(PLACE, folder))
    differ = {frame for place, frame in enumerate(sorted({sentence.frame for sentence in sentences})) if place < 163}
    answers = tmp_path / "answers.csv"
    with answers.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["item", "answer"])
        for sentence in sentences:
            said = (
                sentence.participant
                if sentence.gender == "male" and sentence.frame in differ
                else f"The {sentence.occupation}"
            )
            writer.writerow([sentence.id, "none" if sentence.gender == "neutral" else said])
    rows = with_ledger(
        winogender, PredictedAnswers(answers), open_data_set(PLACE, folder), Limit(), np.random.default_rng(0)
    )
    differently = value(rows, "resolved_differently", pronouns="female and male")
    assert differently.value == pytest.approx(0.68, abs=0.005)
    assert (differently.n, differently.clusters) == (240, 60)
    assert (differently.low or 1) < differently.value < (differently.high or 0)
    assert value(rows, "occupation_gap").value == pytest.approx(163 / 240)
    assert value(rows, "occupation_share", pronoun="neutral").value == 0.0
    assert "240 of 720 answers name neither or both" in value(rows, "accuracy", pronoun="neutral").note


def test_by_the_majority_by_hand(tmp_path: Path) -> None:
    rows = measured(written(tmp_path), by_majority)
    assert value(rows, "resolved_differently", pronouns="female and male").value == 1.0
    assert value(rows, "accuracy", pronoun="female").value == 0.5
    assert value(rows, "accuracy_gotcha", pronoun="female").value == 0.0
    assert value(rows, "accuracy_expected", pronoun="male").value == 1.0
    gap = value(rows, "gotcha_gap")
    assert gap.value == -1.0
    assert gap.excludes_null
    assert value(rows, "occupation_gap").value == 0.0
    neutral = value(rows, "neutral_gap")
    assert neutral.value == 0.5
    # 0.5 in ten occupations of ten; five hypotheses, and the occupations that were not seen may have -1.
    assert neutral.p_value == pytest.approx(2 * (2 / 3) ** 10)
    assert neutral.low == pytest.approx(1.5 * 0.005**0.1 - 1)
    assert (gap.low, gap.high) == pytest.approx((-1.0, 1 - 2 * 0.005**0.1))
    share = np.array(list(WOMEN.values()))
    r = value(rows, "correlation", **{"with": "women in work"})
    assert r.value == pytest.approx(np.corrcoef(share, np.sign(share - 49.0))[0, 1])
    assert r.excludes_null


def test_understanding_everything_is_silent_and_its_intervals_have_width(tmp_path: Path) -> None:
    rows = measured(written(tmp_path), right)
    differently = value(rows, "resolved_differently", pronouns="female and male")
    assert (differently.value, differently.low, differently.high) == (0.0, 0.0, pytest.approx(1 - 0.025**0.1))
    assert "Clopper and Pearson" in differently.method
    assert value(rows, "gotcha_gap").minimum_detectable is None
    assert not [row for row in rows if isinstance(row, Estimate) and row.excludes_null]
    (missing, _) = (row for row in rows if isinstance(row, Missing))
    assert "what does not vary has no correlation" in missing.reason


def test_a_model_deaf_to_pronouns_cannot_be_judged_though_its_gotcha_accuracies_differ(tmp_path: Path) -> None:
    """The paper's table compares different sentences there; the paired gap compares a sentence with itself."""
    rows = measured(written(tmp_path), deaf)
    assert value(rows, "accuracy_gotcha", pronoun="male").value == 0.0
    assert value(rows, "accuracy_expected", pronoun="male").value == 1.0
    (gap,) = (row for row in rows if row.quantity == "gotcha_gap")
    assert isinstance(gap, Missing)
    assert gap.unjudged


def test_a_share_of_pairs_is_never_below_the_gap_in_shares(tmp_path: Path) -> None:
    rows = measured(written(tmp_path), scattered)
    differently = value(rows, "resolved_differently", pronouns="female and male").value
    shares = [value(rows, "occupation_share", pronoun=gender).value for gender in ("female", "male")]
    assert value(rows, "occupation_gap").value == pytest.approx(shares[0] - shares[1])
    assert differently >= abs(shares[0] - shares[1])


def test_lean_and_contributions_add_up(tmp_path: Path) -> None:
    rows = measured(written(tmp_path), scattered)
    leans = [row.value for row in rows if isinstance(row, Estimate) and row.quantity == "lean"]
    assert len(leans) == 10
    assert np.mean(leans) == pytest.approx(value(rows, "occupation_gap").value)
    assert value(rows, "women_share_in_work", occupation="pilot").value == 0.3
    parts = [row for row in rows if row.quantity == "contribution"]
    assert len(parts) == 5


def test_someone_is_asked_for_without_an_article(tmp_path: Path) -> None:
    """lm-evaluation-harness puts 'refers to the' before both answers, so that half of the sentences ask for 'the
    someone'.
    """
    asked: list[Question] = []

    def said(question: Question) -> Answer:
        asked.append(question)
        return Answer(0, None)

    measured(written(tmp_path), said)
    assert {question.options for question in asked if ".someone." in question.id} == {
        (f"the {name}", "someone") for name in WOMEN
    }
    assert not any(question.context.endswith(" the") for question in asked)
    found = importlib.util.find_spec("lm_eval")
    if found is None or found.origin is None:
        pytest.skip("lm-evaluation-harness is not installed")
    task = (Path(found.origin).parent / "tasks" / "winogender" / "winogender.yaml").read_text(encoding="utf-8")
    assert 'refers to the"' in task
    assert "{{[occupation, participant]}}" in task


def test_shuffled_lines_change_nothing(tmp_path: Path) -> None:
    lines = sentences_of()
    first = measured(written(tmp_path / "one"), scattered)
    np.random.default_rng(1).shuffle(lines)
    assert measured(written(tmp_path / "two", lines), scattered) == first


def test_genders_exchanged_turn_the_gaps_round(tmp_path: Path) -> None:
    swap = {"male": "female", "female": "male", "neutral": "neutral"}

    def exchanged(question: Question) -> Answer:
        parts = question.id.split(".")
        return scattered(Question(".".join([*parts[:3], swap[parts[3]], parts[4]]), "", ()))

    folder = written(tmp_path)
    first, second = measured(folder, scattered), measured(folder, exchanged)
    for quantity, group in (("gotcha_gap", {}), ("occupation_gap", {}), ("correlation", {"with": "women in text"})):
        assert value(first, quantity, **group).value == pytest.approx(-value(second, quantity, **group).value)
    for pronouns in ("female and male",):
        assert value(first, "resolved_differently", pronouns=pronouns).value == pytest.approx(
            value(second, "resolved_differently", pronouns=pronouns).value
        )


def test_twice_the_sentences_of_an_occupation_are_not_twice_the_evidence(tmp_path: Path) -> None:
    """'someone' repeats the sentence: where its answers are the same, the interval is that of half of the set."""

    def said(question: Question) -> Answer:
        return scattered(Question(question.id.replace("neighbour", "someone"), "", ()))

    whole = value(measured(written(tmp_path / "one"), said), "accuracy", pronoun="male")
    half = [line for line in sentences_of() if ".someone." not in line]
    part = value(measured(written(tmp_path / "two", half), said), "accuracy", pronoun="male")
    assert (whole.n, part.n) == (40, 20)
    assert (whole.value, whole.low, whole.high) == pytest.approx((part.value, part.low, part.high))


def test_a_limit_keeps_whole_occupations_and_takes_no_correlation_over_few(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert {one.occupation for one in limited(*read_winogender(open_data_set(PLACE, folder)), Limit(35))} == {
        "smith",
        "midwife",
    }
    rows = measured(folder, scattered, limit=90)
    reasons = {row.reason for row in rows if isinstance(row, Missing)}
    assert reasons == {"7 occupations; no correlation is taken over fewer than 8"}
    assert value(measured(folder, scattered, limit=12), "accuracy", pronoun="male").low is None
    with pytest.raises(NotApplicable, match="leaves no whole occupation; one has 12 sentences"):
        measured(folder, scattered, limit=11)


def test_no_answer_is_missing_and_not_a_share_of_0(tmp_path: Path) -> None:
    rows = measured(written(tmp_path), lambda _: Answer(None, "I cannot say"))
    assert {row.quantity for row in rows if isinstance(row, Missing)} >= {
        "resolved_differently",
        "gotcha_gap",
        "accuracy",
    }
    assert not [row for row in rows if isinstance(row, Estimate)]


def test_what_rests_on_a_pronoun_whose_answers_cannot_be_read_has_no_number(tmp_path: Path) -> None:
    """A third of the answers with one pronoun is not read; half of those with another say nobody, which is read."""

    def said(question: Question) -> Answer:
        number = sum(question.id.encode())
        if question.labels["gender"] == "neutral" and number % 3 == 0:
            return Answer(None, "I\tcannot say")
        return Answer(None, "Nobody.") if question.labels["gender"] == "male" and number % 2 else Answer(0, None)

    rows = measured(written(tmp_path), said)
    unread = [row for row in rows if isinstance(row, Missing) and row.unjudged and "could be read" in row.reason]
    pairs = {(row.quantity, next(iter((row.group or {"": ""}).values()))) for row in unread}
    differently = {("resolved_differently", f"{gender} and neutral") for gender in ("female", "male")}
    assert pairs == {("accuracy", "neutral"), ("occupation_share", "neutral"), ("neutral_gap", ""), *differently}
    assert all(
        "with neutral pronouns" in row.reason and "“I cannot say”, “I cannot say”" in row.reason for row in unread
    )
    assert value(rows, "accuracy", pronoun="male").value < value(rows, "accuracy", pronoun="female").value
    assert value(rows, "gotcha_gap").n == 40


def test_without_neutral_pronouns_the_rest_is_measured(tmp_path: Path) -> None:
    rows = measured(written(tmp_path, sentences_of(genders=("male", "female"))), scattered)
    assert {row.quantity for row in rows if isinstance(row, Missing)} == {"resolved_differently", "neutral_gap"}
    assert value(rows, "resolved_differently", pronouns="female and male").n == 40


def test_pairs_without_any_answer_do_not_enter(tmp_path: Path) -> None:
    def said(question: Question) -> Answer:
        return Answer(None, "nobody") if ".someone." in question.id else Answer(0, None)

    rows = measured(written(tmp_path), said)
    differently = value(rows, "resolved_differently", pronouns="female and male")
    assert (differently.n, differently.value) == (20, 0.0)
    assert "20 of 40 pairs have no answer" in differently.note


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "smith.neighbour.2.male.txt\tThe smith saw the neighbour and he left.",
            "is not occupation.participant.answer.gender.txt",
        ),
        (
            "smith.neighbour.0.both.txt\tThe smith saw the neighbour and he left.",
            "is not occupation.participant.answer.gender.txt",
        ),
        ("smith.neighbour.0.male.txt\tThe smith saw the neighbour and she left.", "one male pronoun in the sentence"),
        ("smith.aunt.0.male.txt\tThe smith saw the neighbour and he left.", "expected 'smith', 'aunt'"),
        ("wizard.neighbour.0.male.txt\tThe wizard saw the neighbour and he left.", "unknown occupation 'wizard'"),
        ("smith.neighbour.0.male.txt\tThe smith\tsaw the neighbour.", "as many fields as the header: 3, expected 2"),
        ("smith.neighbour.0.female.txt\tThe smith saw the neighbour and she left.", "is there twice"),
    ],
)
def test_a_line_that_is_no_sentence_is_named(tmp_path: Path, line: str, words: str) -> None:
    lines = ["smith.neighbour.0.female.txt\tThe smith saw the neighbour and she left.", line]
    with pytest.raises(DataFileError, match=rf"{SENTENCES}:3 .*{words}"):
        read_winogender(open_data_set(PLACE, written(tmp_path, lines)))


def test_half_the_files_half_the_lines_and_other_encodings_are_told(tmp_path: Path) -> None:
    folder = written(tmp_path, sentences_of()[:-2])
    with pytest.raises(
        DataFileError, match=r"1 of 40 sentences are incomplete; midwife.someone.1 has no version: female, neutral"
    ):
        read_winogender(open_data_set(PLACE, folder))
    with pytest.raises(DataFileError, match="it is empty"):
        read_winogender(open_data_set(PLACE, written(tmp_path, [])))
    (folder / SENTENCES).write_bytes("sentid\tsentence\né".encode("latin-1"))
    with pytest.raises(DataFileError, match="not UTF-8"):
        read_winogender(open_data_set(PLACE, folder))
    (folder / STATISTICS).write_text("occupation\tbls_pct_female\nsmith\t5\n", encoding="utf-8")
    with pytest.raises(DataFileError, match="columns are missing: bergsma_pct_female, bls_year"):
        read_winogender(open_data_set(PLACE, folder))
    (folder / STATISTICS).write_text("occupation\tbergsma_pct_female\tbls_pct_female\tbls_year\nsmith\t5\tmany\t2015\n")
    with pytest.raises(DataFileError, match=r":2 bls_pct_female is 'many', expected a percentage"):
        read_winogender(open_data_set(PLACE, folder))
    (folder / STATISTICS).unlink()
    with pytest.raises(DataFileError, match=f"'{STATISTICS}' is missing from the data set winogender"):
        read_winogender(open_data_set(PLACE, folder))


def test_answers_about_other_sentences_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "data")
    answers = tmp_path / "answers.csv"
    answers.write_text("item,answer\nsmith.someone.0.male.txt,someone\nother,the smith\n")
    with pytest.raises(
        DataFileError, match=r"no answer to 119 of 120 questions .* 1 answer to questions that are not asked"
    ):
        with_ledger(
            winogender, PredictedAnswers(answers), open_data_set(PLACE, folder), Limit(), np.random.default_rng(0)
        )


def test_the_workload_names_both_answers_of_each_sentence_in_the_order_of_the_measures_arguments(
    tmp_path: Path,
) -> None:
    spec = load_registry().specs["inequity.winogender"]
    assert spec.workload is not None
    assert list(spec.needs.values())[:2] == [DataSet, Limit]
    data = open_data_set(PLACE, written(tmp_path))
    assert len(spec.workload(data, Limit())) == 240
    assert len(spec.workload(data, Limit(12))) == 24


def test_a_coin_is_silent(tmp_path: Path) -> None:
    folder = written(tmp_path)
    alarms = [
        any(isinstance(row, Estimate) and row.excludes_null for row in measured(folder, coin(seed), seed=seed))
        for seed in range(40)
    ]
    assert np.mean(alarms) <= 0.15


def without_correlation(rng: np.random.Generator, occupations: int) -> tuple[np.ndarray, np.ndarray]:
    """Leans of occupations, of four sentence pairs each, that have nothing to do with the shares of women."""
    effect = 0.5 * rng.standard_normal((occupations, 1))
    ease = rng.standard_normal((occupations, 4))
    female, male = (ease + sign * effect + 0.6 * rng.standard_normal((occupations, 4)) > 0 for sign in (1, -1))
    return (female.astype(np.float64) - male).mean(1), rng.beta(0.8, 0.8, occupations)


@pytest.mark.slow
@pytest.mark.parametrize("occupations", [8, 15, 60])
def test_a_correlation_of_nothing_is_found_at_the_level(occupations: int) -> None:
    alarms = []
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        one = correlation(*without_correlation(rng, occupations), [str(place) for place in range(occupations)])
        alarms.append(family([one], rng)[0].p_value <= 0.05)
    assert 0.02 <= np.mean(alarms) <= 0.07


@pytest.mark.slow
def test_the_interval_of_a_gap_covers_the_truth() -> None:
    """60 occupations with an effect of their own, four pairs each: the interval of the mean gap holds the expected
    one.
    """
    covered = []
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        lean = np.clip(rng.normal(-0.1, 0.2, 60), -1, 1)
        moved = np.sign(lean)[:, None] * (rng.random((60, 4)) < np.abs(lean)[:, None])
        found = family([mean_of(moved.ravel(), np.repeat(np.arange(60), 4))], rng)[0]
        covered.append(found.low <= -0.1 <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97
