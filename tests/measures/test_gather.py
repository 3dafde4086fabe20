from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commonweal.errors import (
    ApplicationError,
    EvidenceFileError,
    MeasurementError,
    NotApplicable,
    OutputError,
    PermissionRequired,
)
from commonweal.evidence.journal import Journal
from commonweal.evidence.records import Estimate, Evidence, Method, Missing, Quantity
from commonweal.evidence.store import Store
from commonweal.measures.gather import Setting, Task, gather, subject_kind, without_subject
from commonweal.measures.options import Design, Limit
from commonweal.measures.registry import MeasureSpec
from commonweal.models.protocols import (
    Altered,
    Case,
    Continuation,
    Decision,
    DecisionApplication,
    GenerationRequest,
    LanguageModel,
    Score,
)
from commonweal.system.records import Asset, System

ITEMS = 100


class Forgetful(LanguageModel):
    """A model whose window is too short for one request in two, and whose tokenizer merges one in five."""

    locator, fingerprint, device, gives_logprobs = "forgetful", "f", "cpu", True
    altered = Altered(truncated=7)

    def score(self, requests: Sequence[Continuation]) -> list[Score]:
        self.altered += Altered(len(requests) // 2, len(requests) // 5)
        return [Score(-1.0, 1, False) for _ in requests]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[str]:
        return ["" for _ in requests]


def likelihood(model: LanguageModel) -> Iterator[Estimate]:
    """Mean log-probability."""
    scores = model.score([Continuation(str(index), " x") for index in range(10)])
    yield Estimate(
        quantity="share",
        unit="nat",
        value=float(np.mean([one.logprob for one in scores])),
        n=10,
        method="mean",
        note="by ten",
    )


def test_requests_that_were_not_read_as_they_were_asked_are_counted_in_the_note(tmp_path: Path) -> None:
    asked = replace(spec(), function=likelihood, subject=LanguageModel, needs={})
    (row,) = run(tmp_path, Forgetful(), asked)
    assert (
        row.note
        == "by ten; 5 of the requests asked in this run were longer than the model's window and lost the beginning of "
        "their context; 2 of the requests asked in this run share a token with the end of their context: only what "
        "comes after it was scored, or, without any, all by itself"
    )


class Screener:
    """Favours long texts, and counts what it is asked."""

    name, device, favourable, score_unit, top_share, threshold, runs_here = (
        "screener",
        "cpu",
        "yes",
        None,
        None,
        None,
        True,
    )

    def __init__(self, fingerprint: str = "first", breaks_at: int | None = None) -> None:
        self.fingerprint, self.breaks_at, self.asked = fingerprint, breaks_at, 0

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        if self.breaks_at is not None and self.asked + len(cases) > self.breaks_at:
            raise ApplicationError("http://127.0.0.1:9: it is down")
        self.asked += len(cases)
        return [Decision("yes", len(case.text) % 2 == 0, None) for case in cases]


def share(application: DecisionApplication, limit: Limit, rng: np.random.Generator) -> Iterator[Estimate | Missing]:
    """Share of favourable answers."""
    decisions = application.decide([Case("x" * index) for index in range(limit.items or ITEMS)])
    value = float(np.mean([bool(decision.favourable) for decision in decisions]))
    yield Estimate(quantity="share", unit="1", value=value, n=len(decisions), method="mean")
    yield Estimate(
        quantity="drawn", unit="1", value=float(rng.random()), n=1, method="one draw", note="by lot", basis="modelled"
    )
    yield Missing(quantity="gap", status="not_applicable", reason="no groups", group={"gender": "women"})


def spec(function: Callable[..., Iterator[Estimate | Missing]] = share, version: int = 1, **needs: type) -> MeasureSpec:
    quantities = {name: Quantity(unit="1", label=name) for name in ("share", "drawn", "gap")}
    method = Method(
        name=f"quality.{function.__name__}",
        title="t",
        summary="s",
        source="Acme 2026",
        version=version,
        cluster="case",
        applies_to="application",
        description="d",
        quantities=quantities,
    )
    asked = needs or {"limit": Limit, "rng": np.random.Generator}
    return MeasureSpec(function, method, DecisionApplication, asked, "measured")


def setting(store: Store, **changed: Any) -> Setting:
    system = System(name="s", assets=(Asset(id="app", kind="application"),))
    return replace(Setting(store, system, "hash-of-the-system", allowed=("network",)), **changed)


def run(folder: Path, application: Any, measure: MeasureSpec | None = None, **changed: Any) -> list[Evidence]:
    with Store(folder) as store:
        return gather(Task(measure or spec(), "app", lambda: application), setting(store, **changed))


def raising(error: BaseException) -> MeasureSpec:
    def breaks(application: DecisionApplication) -> Iterator[Estimate | Missing]:
        """Breaks."""
        yield Estimate(quantity="share", unit="1", value=0.5, n=1, method="count")
        raise error

    return replace(spec(breaks), needs={})


def test_every_number_becomes_a_row_that_says_where_it_comes_from(tmp_path: Path) -> None:
    share_row, drawn, gap = run(tmp_path, Screener(), seed=7, limit=Limit(20), design=Design.FULL)
    assert (share_row.status, share_row.basis, share_row.subjects, share_row.measure) == (
        "ok",
        "measured",
        ("app",),
        "quality.share",
    )
    assert share_row.estimate is not None
    assert (share_row.estimate.value, share_row.estimate.n) == (0.5, 20)
    assert (drawn.basis, drawn.note) == ("modelled", "by lot")
    assert (gap.status, gap.note, gap.estimate) == ("not_applicable", "no groups", None)
    assert gap.missing is not None
    assert gap.missing.group == {"gender": "women"}
    provenance = share_row.provenance
    assert (provenance.source, provenance.version, provenance.seed, provenance.device) == ("Acme 2026", 1, 7, "cpu")
    assert (provenance.inputs["app"], provenance.allowed) == ("first", ("network",))
    assert provenance.options == {"limit": "20", "design": "full"}
    assert len({row.id for row in (share_row, drawn, gap)}) == 3


@pytest.mark.parametrize(
    ("error", "status", "note"),
    [
        (NotApplicable("it has no names"), "not_applicable", "it has no names"),
        (MeasurementError("the answers make no sense"), "failed", "the answers make no sense"),
        (ApplicationError("it is down"), "failed", "it is down"),
        (EvidenceFileError("k.jsonl:3: damaged"), "failed", "k.jsonl:3: damaged"),
        (PermissionRequired("it calls an address", "--allow-network"), "skipped", "it calls an address"),
        (MemoryError("too large"), "failed", "MemoryError in test_gather.py:"),
    ],
)
def test_what_a_measure_raises_becomes_its_one_row(
    tmp_path: Path, error: BaseException, status: str, note: str
) -> None:
    (row,) = run(tmp_path, Screener(), raising(error))
    assert (row.status, row.estimate) == (status, None)
    assert row.note.startswith(note)


def test_opening_that_fails_becomes_the_row_too(tmp_path: Path) -> None:
    def closed() -> Any:
        raise PermissionRequired("app: needs --allow-code", "--allow-code")

    with Store(tmp_path) as store:
        (row,) = gather(Task(spec(), "app", closed), setting(store))
        (nobody,) = without_subject(spec(), "the system declares no application", setting(store))
    assert (row.status, row.note) == ("skipped", "app: needs --allow-code")
    assert (nobody.status, nobody.subjects) == ("not_applicable", ("system",))


def test_a_mistake_in_a_measure_is_a_row_with_file_and_line_and_not_a_traceback(tmp_path: Path) -> None:
    def divides(application: DecisionApplication) -> Iterator[Estimate | Missing]:
        """Divides by nothing."""
        yield Estimate(quantity="share", unit="1", value=1 / len(application.decide([])), n=1, method="count")

    (row,) = run(tmp_path, Screener(), replace(spec(divides), needs={}))
    line = divides.__code__.co_firstlineno + 2
    assert row.status == "failed"
    assert row.note == f"ZeroDivisionError in test_gather.py:{line} (divides): division by zero"


def test_yielding_nothing_is_a_failure_and_so_is_a_quantity_that_was_not_declared(tmp_path: Path) -> None:
    def silence(application: DecisionApplication) -> Iterator[Estimate | Missing]:
        """Says nothing."""
        yield from ()

    def surprise(application: DecisionApplication) -> Iterator[Estimate | Missing]:
        """Says something else."""
        yield Estimate(quantity="share", unit="1", value=1, n=1, method="count")
        yield Estimate(quantity="luck", unit="1", value=1, n=1, method="count")

    (nothing,) = run(tmp_path, Screener(), replace(spec(silence), needs={}))
    assert (nothing.status, nothing.note) == ("failed", "the measure yielded nothing; that is a mistake in the measure")
    (other,) = run(tmp_path, Screener(), replace(spec(surprise), needs={}))
    assert (other.status, other.note) == ("failed", "the measure yielded quantities that it does not declare: luck")


def test_a_measure_that_asks_for_what_nobody_provides_is_a_failure(tmp_path: Path) -> None:
    (row,) = run(tmp_path, Screener(), spec(share, limit=Limit, rng=Path))
    assert (row.status, row.note) == ("failed", "measure quality.share asks for Path, which nobody provides")


def test_what_was_measured_is_read_back_and_nothing_is_asked_again(tmp_path: Path) -> None:
    first, second = Screener(), Screener()
    before, after = run(tmp_path, first), run(tmp_path, second)
    assert (first.asked, second.asked) == (ITEMS, 0)
    assert after == before
    assert len((tmp_path / "evidence.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize("changed", [{"seed": 1}, {"limit": Limit(60)}, {"design": Design.FULL}])
def test_another_seed_or_option_gives_rows_of_its_own_and_asks_nothing_that_is_known(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    first, second, third = Screener(), Screener(), Screener()
    before = run(tmp_path, first)
    after = run(tmp_path, second, **changed)
    assert not {row.id for row in before} & {row.id for row in after}
    assert second.asked == 0
    assert run(tmp_path, third) == before
    assert third.asked == 0


def test_another_seed_draws_other_numbers_and_the_same_seed_the_same(tmp_path: Path) -> None:
    values = [run(tmp_path / str(n), Screener(), seed=seed)[1].estimate for n, seed in enumerate((1, 1, 2))]
    assert values[0] == values[1] != values[2]


def test_a_limit_that_is_lifted_asks_only_for_the_rest(tmp_path: Path) -> None:
    first, second = Screener(), Screener()
    run(tmp_path, first, limit=Limit(30))
    (whole, *_) = run(tmp_path, second)
    assert (first.asked, second.asked) == (30, ITEMS - 30)
    assert whole.estimate is not None
    assert whole.estimate.n == ITEMS


@pytest.mark.parametrize("changed", ["version", "fingerprint"])
def test_another_version_of_the_measure_or_of_the_application_is_measured_again(tmp_path: Path, changed: str) -> None:
    before = run(tmp_path, Screener())
    again = Screener("second" if changed == "fingerprint" else "first")
    after = run(tmp_path, again, spec(version=2 if changed == "version" else 1))
    assert again.asked == ITEMS
    assert not {row.id for row in before} & {row.id for row in after}


def test_an_application_that_broke_down_goes_on_at_the_next_item_and_its_failure_is_forgotten_once_it_answers(
    tmp_path: Path,
) -> None:
    (failed,) = run(tmp_path, Screener(breaks_at=70))
    assert (failed.status, failed.note) == ("failed", "http://127.0.0.1:9: it is down")
    mended = Screener()
    rows = run(tmp_path, mended)
    assert mended.asked == ITEMS - 64
    assert [row.status for row in rows] == ["ok", "ok", "not_applicable"]
    later = Screener()
    assert run(tmp_path, later) == rows
    assert later.asked == 0


def test_a_full_disk_stops_the_run_and_is_not_a_row(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        run(tmp_path, Screener(), raising(OutputError("the disk is full")))
    assert not (tmp_path / "evidence.jsonl").exists()


def test_a_damaged_journal_fails_its_own_measure_only(tmp_path: Path) -> None:
    run(tmp_path, Screener(breaks_at=70))
    (journal,) = tmp_path.glob("items/quality.share/app/*.jsonl")
    journal.write_bytes(b"not json\n" + journal.read_bytes())
    (row,) = run(tmp_path, Screener())
    assert row.status == "failed"
    assert f"{journal}:1: not an item outcome" in row.note
    journal.write_bytes(journal.read_bytes().split(b"\n", 1)[1])
    assert run(tmp_path, Screener())[0].status == "ok"


def test_a_measure_that_keeps_its_own_journal_gets_the_application_as_it_is(tmp_path: Path) -> None:
    seen: list[object] = []

    def timed(application: DecisionApplication, journal: Journal) -> Iterator[Estimate | Missing]:
        """Keeps its own."""
        seen.append(application)
        journal.append([{"key": "a", "seconds": 1.5}])
        yield Estimate(quantity="share", unit="1", value=1, n=1, method="count")

    application = Screener()
    rows = run(tmp_path, application, spec(timed, journal=Journal))
    assert seen == [application]
    assert run(tmp_path, Screener(), spec(timed, journal=Journal)) == rows
    assert len(seen) == 1


def test_a_measure_applies_to_the_kinds_of_assets_that_its_first_argument_says() -> None:
    kinds = ("dataset", "model", "adapted_model", "application")
    assets = [Asset.model_validate({"id": kind, "kind": kind}) for kind in kinds]

    def applies(subject: type) -> list[str]:
        return [asset.id for asset in assets if subject_kind(replace(spec(), subject=subject), asset)]

    assert applies(DecisionApplication) == ["application"]
    assert applies(LanguageModel) == ["model", "adapted_model"]
    assert applies(Asset) == list(kinds)
    assert applies(System) == []


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_gather import Screener, run, spec
from commonweal.measures.options import Limit

class Telling(Screener):
    def decide(self, cases):
        answers = super().decide(cases)
        print(self.asked, flush=True)
        return answers

run(Path(sys.argv[1]), Telling(), limit=Limit(5_000))
print("done", flush=True)
"""


@pytest.mark.parametrize("attempt", [0, *(pytest.param(number, marks=pytest.mark.slow) for number in range(1, 12))])
def test_kill_9_at_a_random_moment_and_a_rerun_asks_only_what_is_missing(tmp_path: Path, attempt: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    stop = random.Random(attempt).randrange(32, 5_000)
    for line in process.stdout:
        if line.strip() == "done" or int(line) >= stop:
            break
    process.send_signal(signal.SIGKILL)
    rest = [int(line) for line in process.stdout if line.strip().isdigit() and line.endswith("\n")]
    process.wait()
    process.stdout.close()
    answered = max(rest, default=stop)
    again = Screener()
    rows = run(tmp_path, again, limit=Limit(5_000))
    assert again.asked <= 5_000 - answered + 64
    assert [row.status for row in rows] == ["ok", "ok", "not_applicable"]
    untouched = run(tmp_path / "untouched", Screener(), limit=Limit(5_000))
    assert [(row.id, row.estimate) for row in rows] == [(row.id, row.estimate) for row in untouched]
