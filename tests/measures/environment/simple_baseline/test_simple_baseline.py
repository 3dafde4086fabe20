from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel

from commonweal.errors import DataFileError, NotApplicable
from commonweal.evidence.journal import Journal
from commonweal.evidence.records import Estimate, Missing
from commonweal.evidence.store import Store
from commonweal.measures.data_set import DataSet, open_data_set
from commonweal.measures.environment.simple_baseline import side_by_side
from commonweal.measures.environment.simple_baseline.energy import UnknownEnergy
from commonweal.measures.environment.simple_baseline.rows import Scores, difference_rows
from commonweal.measures.environment.simple_baseline.simple_baseline import expected, simple_baseline
from commonweal.measures.environment.simple_baseline.task import task_of
from commonweal.measures.environment.simple_baseline.task_texts import TaskText, read_task_texts
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.inequity.identity_false_positives.labelled_texts import read_labelled
from commonweal.measures.options import Limit
from commonweal.measures.registry import load_registry
from commonweal.models.applications.prompt_application import PromptApplication
from commonweal.models.opening import open_model
from commonweal.models.protocols import Case, Decision
from commonweal.system.decisions import Prompt
from commonweal.system.records import Asset, System
from tests.measures.environment.conftest import Application, Machine
from tests.measures.published_data import published

SPEC = load_registry().specs["environment.simple_baseline"]
assert SPEC.data is not None
PLACE = SPEC.data
PROMPT = Prompt(template="{post}", options={"keep": " yes", "remove": " no"}, favourable="keep")
SYSTEM = System(name="s", assets=(Asset(id="moderator", kind="application", prompt=PROMPT),))
NOUNS = ("cat", "dog", "car", "hat", "tea", "oak")
Rows = list[Estimate | Missing]


def share(*key: object) -> float:
    """A number from 0 to 1 that depends on the key alone."""
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=6).digest(), "big") / 2**48


class Moderator:
    """Answers what a function says."""

    name, fingerprint, device, favourable = "moderator", "f", "cpu", "keep"
    score_unit: str | None = None
    threshold: float | None = None

    def __init__(self, answers: Callable[[str], str], top_share: float | None = None, runs_here: bool = True) -> None:
        self.answers, self.top_share, self.runs_here = answers, top_share, runs_here

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        said = [self.answers(case.text) for case in cases]
        return [Decision(answer, answer == "keep", None) for answer in said]


def texts_of(count: int, per_cluster: int = 1, telling: bool = True) -> list[dict[str, Any]]:
    """Made-up texts, removed and kept in turn by cluster. `telling`: a word of the text gives its label away."""
    rows = []
    for place in range(count):
        cluster = place // per_cluster
        removed = cluster % 2 == 1 if telling else share("label", cluster) < 0.5
        word = ("gruk" if removed else "lumi") if telling else "plain"
        text = f"{NOUNS[place % 6]} number {place} is a {word} in {NOUNS[cluster % 5]} {share('noise', place):.4f}"
        rows.append({"text": text, "label": "remove" if removed else "keep", "cluster": f"c{cluster}"})
    return rows


def right(rows: Sequence[Mapping[str, Any]], wrong: Callable[[str], bool] = lambda text: False) -> Moderator:
    """An application that is right but where it is `wrong`."""
    label = {row["text"]: row["label"] for row in rows}
    other = {"keep": "remove", "remove": "keep"}
    return Moderator(lambda text: other[label[text]] if wrong(text) else label[text])


def written(folder: Path, rows: Sequence[Mapping[str, Any]], name: str = "texts.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "BASELINE_BLOCK_S", 0.005)


class Bench:
    """Measures in a folder of its own each time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder, 0

    def rows(
        self, rows: Sequence[Mapping[str, Any]], application: Any, limit: int | None = None, system: System = SYSTEM
    ) -> Rows:
        self.runs += 1
        folder = self.folder / str(self.runs)
        folder.mkdir()
        data = open_data_set(PLACE, written(folder, rows))
        with Journal(folder / "items" / "k") as journal:
            return list(simple_baseline(application, data, Limit(limit), system, journal, np.random.default_rng(0)))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def one(rows: Rows, quantity: str, **group: str) -> Estimate:
    (found,) = [row for row in rows if row.quantity == quantity and (row.group or {}) == group]
    assert isinstance(found, Estimate), found
    return found


def missing(rows: Rows, quantity: str) -> Missing:
    (found,) = [row for row in rows if row.quantity == quantity]
    assert isinstance(found, Missing), found
    return found


def test_by_hand_the_linear_model_is_better(bench: Bench) -> None:
    """60 texts; a word gives the label away; the application is wrong on 12 of 30 to remove.

    (1 - 1/2) / (4/5 - 1/2) of the gain.
    """
    rows = texts_of(60)
    wrong = {row["text"] for row in rows if row["label"] == "remove"} - {row["text"] for row in rows[24:]}
    assert len(wrong) == 12
    results = bench.rows(rows, right(rows, wrong.__contains__))
    assert one(results, "application_accuracy").value == pytest.approx(48 / 60)
    assert one(results, "baseline_accuracy").value == 1.0
    assert one(results, "majority_accuracy").value == 0.5
    assert one(results, "gain_share").value == pytest.approx(0.5 / 0.3)
    difference = one(results, "accuracy_difference")
    assert difference.value == pytest.approx(-0.2)
    assert difference.excludes_null
    assert (difference.n, difference.clusters) == (60, 60)
    assert difference.note.startswith("a linear model trained on the same kind of texts is better by 20 points")
    assert one(results, "accuracy_difference_bound").value < 0
    assert one(results, "contribution", label="remove").value == pytest.approx(-0.2)
    assert one(results, "contribution", label="keep").value == 0.0
    assert (one(results, "baseline_accuracy").low or 1) < 0.97, "60 right answers are not certainty"


def test_the_application_is_better_where_no_word_tells(bench: Bench) -> None:
    rows = texts_of(120, telling=False)
    results = bench.rows(rows, right(rows, lambda text: share("slip", text) < 0.05))
    difference = one(results, "accuracy_difference")
    assert difference.value > 0.25
    assert (difference.low or 0) > 0.1
    assert difference.note.startswith("the application is better than a linear model by ")
    assert "the linear model takes 1/" in difference.note or "takes" in difference.note
    assert one(results, "gain_share").value < 0.5


def test_two_that_are_always_right_are_alike_and_the_linear_model_is_not_worse(bench: Bench) -> None:
    rows = texts_of(200)
    results = bench.rows(rows, right(rows))
    difference = one(results, "accuracy_difference")
    assert difference.value == 0.0
    assert not difference.excludes_null
    assert (difference.low or 0) < 0 < (difference.high or 0)
    assert 0.005 < one(results, "accuracy_difference_bound").value < 0.02
    assert difference.note.startswith(
        "a linear model trained on the same kind of texts is not worse by more than 2 points, and"
    )
    assert not [row for row in results if row.quantity == "contribution"]
    few = bench.rows(rows[:60], right(rows))
    assert "worse by more than 2 points is not shown" in one(few, "accuracy_difference").note
    assert "smallest gap this design would detect" in one(few, "accuracy_difference").note


def test_the_paired_t_test_says_the_same(bench: Bench) -> None:
    """Each text is a cluster of its own: scipy's t test of the same pairs, but for the rule of three."""
    rows = texts_of(150)
    difference = one(bench.rows(rows, right(rows, lambda text: share("slip", text) < 0.3)), "accuracy_difference")
    slips = np.array([share("slip", row["text"]) < 0.3 for row in rows])
    test = ttest_rel(1.0 - slips, np.ones(150))
    interval = test.confidence_interval()
    assert difference.value == pytest.approx(-slips.mean())
    assert (difference.low, difference.high) == pytest.approx((interval.low, interval.high), abs=0.02)
    assert (difference.p_value or 1) <= 0.001
    assert test.pvalue < 0.001


def test_the_baseline_never_saw_a_text_of_the_same_cluster(bench: Bench) -> None:
    """Each cluster has a word of its own that gives its label away: whoever saw the cluster would be right on all."""
    rows = texts_of(200, per_cluster=4, telling=False)
    rows = [row | {"text": f"{'w' + str(hash_of(row['cluster'])) * 3} {row['text']}"} for row in rows]
    found = bench.rows(rows, right(rows))
    assert one(found, "baseline_accuracy").value < 0.72
    assert one(found, "accuracy_difference").clusters == 50
    bare = [{name: row[name] for name in ("text", "label")} for row in rows]
    assert one(bench.rows(bare, right(rows)), "baseline_accuracy").value > 0.9, (
        "without the clusters it looks the answers up"
    )


def hash_of(name: str) -> int:
    return int(1e9 * share("word", name))


def test_true_and_false_say_whether_the_favourable_answer_is_right(bench: Bench) -> None:
    rows = texts_of(60)
    flags = [row | {"label": row["label"] == "keep"} for row in rows]
    first, second = bench.rows(rows, right(rows)), bench.rows(flags, right(rows))
    for quantity in ("application_accuracy", "baseline_accuracy", "majority_accuracy"):
        assert one(first, quantity).value == one(second, quantity).value
    one(
        bench.rows(flags, right(rows, lambda text: "gruk" in text and "number 1 " not in text)),
        "contribution",
        label="not keep",
    )


def test_three_options_and_one_without_texts(bench: Bench) -> None:
    words = {"keep": "lumi", "remove": "gruk", "ask": "zeft"}
    names = list(words)
    rows = [{"text": f"{words[names[p % 3]]} {p} {NOUNS[p % 5]}", "label": names[p % 3]} for p in range(90)]
    options = {"keep": " a", "remove": " b", "ask": " c", "escalate": " d"}
    prompt = Prompt(template="{x}", options=options, favourable="keep")
    system = System(name="s", assets=(Asset(id="moderator", kind="application", prompt=prompt),))
    results = bench.rows(rows, right(rows), system=system)
    assert one(results, "application_accuracy").value == 1.0
    assert one(results, "baseline_accuracy").value > 0.9
    assert one(results, "majority_accuracy").value == pytest.approx(1 / 3)
    assert "no labelled text is 'escalate'" in one(results, "accuracy_difference").note
    never = bench.rows(rows, Moderator(lambda text: "escalate"), system=system)
    assert one(never, "application_accuracy").value == 0.0
    for quantity in ("accuracy_difference", "accuracy_difference_bound", "gain_share"):
        assert missing(never, quantity).unjudged
        assert "it answers 'escalate' to every one of 90 texts" in missing(never, quantity).reason


def test_shuffled_rows_and_exchanged_labels_change_nothing(bench: Bench) -> None:
    rows = texts_of(260, per_cluster=2)
    shuffled = random.Random(1).sample(rows, len(rows))
    swapped = [row | {"label": {"keep": "remove", "remove": "keep"}[row["label"]]} for row in rows]
    first, *others = (
        bench.rows(some, right(some, lambda text: share("slip", text) < 0.2)) for some in (rows, shuffled, swapped)
    )
    for same in others:
        for quantity in (
            "accuracy_difference",
            "application_accuracy",
            "baseline_accuracy",
            "majority_accuracy",
            "gain_share",
        ):
            expected_row, got = one(first, quantity), one(same, quantity)
            assert (got.value, got.low, got.high, got.p_value) == pytest.approx(
                (expected_row.value, expected_row.low, expected_row.high, expected_row.p_value)
            )


def test_the_texts_are_spread_over_clusters_and_the_limit_holds(bench: Bench, tmp_path: Path) -> None:
    rows = texts_of(900, per_cluster=9)
    data = open_data_set(PLACE, written(tmp_path, rows))
    asked = expected(data, Limit())
    assert len(asked) == 200
    clusters = {row["text"]: row["cluster"] for row in rows}
    assert len({clusters[text] for text in asked}) == 100
    assert expected(data, Limit(80)) == asked[:80]
    assert len(expected(data, Limit(500))) == 500
    found = bench.rows(rows, right(rows), limit=80)
    assert one(found, "accuracy_difference").n == 80
    assert "learned from 900 labelled texts" in one(found, "baseline_accuracy").note


@pytest.mark.parametrize(
    ("change", "limit", "words"),
    [
        (lambda rows: rows[:39], None, "39 labelled texts in 39 clusters; at least 40 in 10 are needed"),
        (
            lambda rows: [row | {"cluster": "one"} for row in rows],
            None,
            "60 labelled texts in 1 clusters; at least 40 in 10",
        ),
        (lambda rows: rows, 30, "--limit 30 leaves 30 labelled texts"),
        (lambda rows: [row | {"label": "keep"} for row in rows], None, "all labelled 'keep'"),
        (
            lambda rows: [row | {"label": "spam"} for row in rows],
            None,
            "not the application's options: got spam; expected keep, remove",
        ),
        (
            lambda rows: [row | {"label": "keep" if n else "remove"} for n, row in enumerate(rows)],
            None,
            "labelled 'remove' lie in 1 clusters",
        ),
    ],
)
def test_what_cannot_be_compared_says_why(
    bench: Bench, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], limit: int | None, words: str
) -> None:
    rows = texts_of(60)
    with pytest.raises(NotApplicable, match=words):
        bench.rows(change(rows), right(rows), limit=limit)


def test_what_an_application_does_not_tell_is_not_guessed(bench: Bench) -> None:
    rows = texts_of(60)
    with pytest.raises(NotApplicable, match="chooses 30 % of a pool"):
        bench.rows(rows, Moderator(lambda text: "keep", top_share=0.3))
    silent = Moderator(lambda text: "keep")
    silent.decide = lambda cases: [Decision(None, None, 0.5) for _ in cases]  # type: ignore[method-assign]
    with pytest.raises(NotApplicable, match="do not say whether they are favourable"):
        bench.rows(rows, silent)
    nowhere = System(name="s", assets=(Asset(id="other", kind="application"),))
    with pytest.raises(NotApplicable, match="expected 'keep' among them"):
        bench.rows([row | {"label": row["label"] + "!"} for row in rows], right(rows), system=nowhere)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no text in it"),
        (b'{"text": "a"}\n', "no column 'label'; expected text, label and, if you like, cluster; got text"),
        (b'{"text": "a", "label": "keep"}\n{"label": "keep"}\n', "texts.jsonl:2 text is missing or empty"),
        (
            b'{"text": "a", "label": 1}\n',
            "texts.jsonl:1 label is 1 .int., expected the name of an option, true or false",
        ),
        (b'{"text": "a", "label": NaN}\n', "label is NaN, expected"),
        (b'{"text": ["a"], "label": "keep"}\n', "text is .*list.*expected text"),
        (b'{"text": " ", "label": "keep"}\n', "texts.jsonl:1 text is missing or empty"),
        (
            b'{"text": "a", "label": "keep", "cluster": "c"}\n{"text": "b", "label": "keep"}\n',
            ":2 cluster is missing or empty",
        ),
        (
            b'{"text": "a", "label": "keep"}\n{"text": "a ", "label": "remove"}\n',
            "texts.jsonl:2 the same text is there twice .*:1",
        ),
        (b'{"text": "a", "label": "keep"}\n{"text": "b", "la', "texts.jsonl:2 is not JSON"),
        (b'["a", "keep"]\n', "holds list, expected an object"),
        (b'{"text": "\xe9", "label": "keep"}\n', "not UTF-8"),
        (b'{"text": "\\ud800", "label": "keep"}\n', "half a character"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "texts.jsonl").write_bytes(content)
    with pytest.raises(DataFileError, match=words):
        read_task_texts(open_data_set(PLACE, tmp_path))


def test_csv_reads_like_json_lines(tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text('\ufefftext,label,cluster\n"a, b",TRUE,7\nc,false,7\n', encoding="utf-8")
    assert read_task_texts(open_data_set(PLACE, tmp_path)) == [
        TaskText("a, b", "TRUE", "cluster 7"),
        TaskText("c", "false", "cluster 7"),
    ]
    (tmp_path / "texts.csv").write_text("text,label,text\na,keep,b\n", encoding="utf-8")
    with pytest.raises(DataFileError, match="'text' is there twice"):
        read_task_texts(open_data_set(PLACE, tmp_path))


class Costly(Application):
    """The made-up machine's application, 20 ms of CPU and 10 ms of time a decision, that keeps all texts but some."""

    favourable = "keep"

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        super().decide(cases)
        return [
            Decision("keep" if kept else "remove", kept, None)
            for kept in (not case.text.startswith("oak") for case in cases)
        ]


def spending(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A baseline's decision takes a thousandth of the application's; training, 1 ms of CPU and time a text."""
    learned = side_by_side.learned

    def again(baseline: Any, texts: Sequence[str], repeats: int) -> int:
        machine.spend(1e-5 * 100 * len(texts), 2e-5 * 100 * len(texts), {})
        return 100 * len(texts)

    def train(lesson: Any) -> Any:
        machine.spend(1e-3 * len(lesson.texts), 1e-3 * len(lesson.texts), {})
        return learned(lesson)

    monkeypatch.setattr(side_by_side, "_again", again)
    monkeypatch.setattr(side_by_side, "learned", train)


def test_energy_by_hand_and_what_is_unknown_of_the_machine_cancels_in_the_ratio(
    bench: Bench, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 s of CPU x 3.977 W and 2 GB x 10 s x 0.0883 W/GB per 1,000; the baseline a thousandth; 90 texts: 0.09 s of
    CPU.
    """
    spending(machine, monkeypatch)
    results = bench.rows(texts_of(90), Costly(machine, name="moderator"))
    per_1000 = (20 * 3.97744 + 20 * 0.08832) / 3600
    assert one(results, "application_energy").value == pytest.approx(per_1000, rel=1e-3)
    assert one(results, "baseline_energy").value == pytest.approx(per_1000 / 1000, rel=1e-3)
    ratio = one(results, "energy_ratio")
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((1000, 1000, 1000), rel=1e-6)
    low, high = one(results, "application_energy").low, one(results, "application_energy").high
    assert low is not None
    assert high is not None
    assert high / low > 5
    assert one(results, "baseline_training_energy").value == pytest.approx(
        0.09 * (3.97744 + 2 * 0.08832) / 3600, rel=1e-3
    )
    assert {one(results, name).basis for name in ("energy_ratio", "application_energy", "baseline_energy")} == {
        "modelled"
    }
    assert "takes 1/1,000 of the energy" in one(results, "accuracy_difference").note
    assert one(results, "application_energy").n == 90
    assert one(results, "application_energy").clusters == 6


def test_energy_that_was_too_small_to_be_read_is_unknown_and_never_0(bench: Bench, machine: Machine) -> None:
    results = bench.rows(texts_of(60), Costly(machine, name="moderator"))
    assert "unknown" in missing(results, "baseline_energy").reason
    assert missing(results, "baseline_energy").status == "failed"
    assert "the baseline's energy is unknown" in missing(results, "energy_ratio").reason
    assert one(results, "application_energy").value > 0
    assert "takes an energy that could not be compared" in one(results, "accuracy_difference").note


def test_an_application_elsewhere_is_compared_and_its_energy_is_unknown(bench: Bench) -> None:
    application = right(rows := texts_of(60))
    application.runs_here = False
    results = bench.rows(rows, application)
    assert one(results, "application_accuracy").value == 1.0
    for quantity in ("application_energy", "energy_ratio"):
        assert missing(results, quantity).status == "not_applicable"
        assert "runs elsewhere" in missing(results, quantity).reason
    assert one(results, "baseline_energy").value > 0


def test_a_run_that_was_killed_goes_on_at_the_next_block(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spending(machine, monkeypatch)
    data = open_data_set(PLACE, written(tmp_path, texts_of(60)))
    application = Costly(machine, name="moderator", stops_after=3)

    def measured(journal: Journal) -> Rows:
        return list(simple_baseline(application, data, Limit(), SYSTEM, journal, np.random.default_rng(0)))

    with Journal(tmp_path / "items" / "k") as journal, pytest.raises(KeyboardInterrupt):
        measured(journal)
    assert application.asked == [1, 10, 10]
    application.stops_after, application.asked = None, []
    with Journal(tmp_path / "items" / "k") as journal:
        first = measured(journal)
        assert application.asked == [1, 10, 10, 10, 10]
        journal.compact()
    application.asked = []
    with Journal(tmp_path / "items" / "k") as journal:
        assert measured(journal) == first
    assert application.asked == []


def test_through_gather_every_row_is_declared_and_read_back(tmp_path: Path) -> None:
    rows = texts_of(60)
    application = right(rows, lambda text: share("slip", text) < 0.3)
    data = written(tmp_path, rows)
    task = Task(SPEC, "moderator", lambda: application, None, lambda: open_data_set(PLACE, data))
    with Store(tmp_path / "out") as store:
        results = gather(task, Setting(store, SYSTEM, "hash"))
        again = gather(task, Setting(store, SYSTEM, "hash"))
    assert again == results
    assert {row.status for row in results} == {"ok"}
    for row in results:
        assert row.estimate is not None
        assert row.estimate.unit == SPEC.method.quantities[row.estimate.quantity].unit
        assert row.estimate.null == SPEC.method.quantities[row.estimate.quantity].null
    estimates = [row.estimate for row in results if row.estimate]
    assert {estimate.quantity for estimate in estimates} == set(SPEC.method.quantities)
    (headline,) = [row.facts.headline for row in results if row.facts]
    assert headline
    assert (
        next(row.note for row in results if row.estimate and row.estimate.quantity == "accuracy_difference") == headline
    )


def scored(seed: int, lead: float, clusters: int = 100, each: int = 2) -> tuple[Scores, Any]:
    """Answers of two whose accuracies lie `lead` apart, with hard and easy clusters, and clusters that lie to one of
    them.
    """
    rng = np.random.default_rng(seed)
    hard, likes = rng.normal(0, 0.1, clusters).repeat(each), rng.normal(0, 0.1, clusters).repeat(each)
    n = clusters * each
    level = 0.7 + hard
    application = (rng.random(n) < level + likes + lead / 2).astype(float)
    baseline = (rng.random(n) < level - likes - lead / 2).astype(float)
    cluster = np.array([f"c{place}" for place in np.arange(clusters).repeat(each)])
    texts = [
        TaskText(str(place), "keep" if place // each % 2 else "remove", name) for place, name in enumerate(cluster)
    ]
    task = task_of(texts, Limit(n), "keep", ())
    return Scores(application, baseline, np.ones(n), cluster, task.right), task


def claims(seeds: int, lead: float) -> tuple[float, float, float]:
    """Shares of seeds with a difference found, with "not worse by more than 2 points", and whose interval holds the
    lead.
    """
    claimed = []
    for seed in range(seeds):
        difference, bound, *_ = difference_rows(
            *scored(seed, lead), UnknownEnergy("unknown"), np.random.default_rng(seed)
        )
        held = (difference.low or 0) <= lead <= (difference.high or 0)
        claimed.append((difference.excludes_null, bound.value < 0.02, held))
    return tuple(float(part) for part in np.mean(claimed, axis=0))  # type: ignore[return-value]


def test_two_that_are_alike_are_rarely_found_to_differ() -> None:
    false_alarms, _, held = claims(40, 0.0)
    assert false_alarms <= 0.15
    assert held >= 0.85


@pytest.mark.slow
def test_false_alarms_and_false_claims_of_not_worse_over_two_thousand_seeds() -> None:
    false_alarms, _, held = claims(2000, 0.0)
    _, not_worse, held_at_margin = claims(2000, 0.02)
    print(
        f"found without a difference {false_alarms:.3f}, not worse at the margin {not_worse:.3f}, held {held:.3f}, "
        f"{held_at_margin:.3f}"
    )
    assert 0.03 <= false_alarms <= 0.07
    assert 0.03 <= not_worse <= 0.07
    assert 0.93 <= held <= 0.97


def test_doubled_texts_of_the_same_clusters_make_nothing_surer() -> None:
    scores, task = scored(0, 0.1)
    twice = Scores(
        *(
            np.tile(part, 2)
            for part in (scores.application, scores.baseline, scores.majority, scores.cluster, scores.right)
        )
    )
    first, second = (
        next(difference_rows(one, task, UnknownEnergy("unknown"), np.random.default_rng(0))) for one in (scores, twice)
    )
    assert second.value == pytest.approx(first.value)
    assert (second.low, second.high) == pytest.approx((first.low, first.high), abs=0.002)


def hatecheck(folder: Path, tmp_path: Path) -> DataSet:
    texts = read_labelled(DataSet("hatecheck", (folder / "test_suite_cases.csv",), ""))
    rows = [{"text": one.text, "label": "remove" if one.harmful else "keep", "cluster": one.cluster} for one in texts]
    return open_data_set(PLACE, written(tmp_path, rows))


@pytest.mark.slow
def test_the_embedded_model_beside_a_linear_model(
    tmp_path: Path, embedded: Path, model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMONWEAL_CACHE", str(model_cache))
    prompt = PROMPT.model_copy(update={"template": "{post} Keep it? Answer:"})
    application = PromptApplication("moderator", prompt, open_model("embedded:smollm2", folder="."))
    data = open_data_set(PLACE, written(tmp_path, texts_of(40)))
    with Journal(tmp_path / "items" / "k") as journal:
        rows = list(simple_baseline(application, data, Limit(), SYSTEM, journal, np.random.default_rng(0)))
    assert one(rows, "baseline_accuracy").value > 0.9
    assert 0.2 < one(rows, "application_accuracy").value < 0.8
    assert one(rows, "energy_ratio").value > 50
    assert (one(rows, "energy_ratio").low or 0) > 20


@pytest.mark.slow
def test_hatecheck_by_a_linear_model(tmp_path: Path) -> None:
    """It beats the commonest label on templates it did not see; the same texts judged in training would look far
    better.
    """
    data = hatecheck(published("hatecheck"), tmp_path)
    with Journal(tmp_path / "items" / "k") as journal:
        rows = list(
            simple_baseline(Moderator(lambda text: "keep"), data, Limit(), SYSTEM, journal, np.random.default_rng(0))
        )
    assert one(rows, "application_accuracy").value == one(rows, "majority_accuracy").value
    assert one(rows, "baseline_accuracy").value == pytest.approx(0.785, abs=0.05)
    (difference,) = (row for row in rows if row.quantity == "accuracy_difference")
    assert isinstance(difference, Missing)
    assert difference.unjudged
