"""Applications that treat everybody alike, or whose answers are no decisions: they cannot be judged, and nothing of
them reads clean.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commonweal.assessment.findings import findings
from commonweal.errors import NotJudged
from commonweal.evidence.records import Estimate, Evidence, Finding, Missing
from commonweal.evidence.store import Store
from commonweal.measures.gather import Setting, Task, gather
from commonweal.measures.inequity.correspondence_audit import axes as audit_axes
from commonweal.measures.inequity.correspondence_audit.correspondence_audit import correspondence_audit
from commonweal.measures.options import Design, Limit
from commonweal.measures.readable import unread_of
from commonweal.measures.recording import RecordedApplication
from commonweal.measures.registry import REGISTRY
from commonweal.models.applications.callable_application import CallableApplication
from commonweal.models.applications.http_application import HTTPApplication
from commonweal.models.protocols import Decision
from commonweal.system.decisions import DecisionRule, Outcome
from commonweal.system.records import Asset, System
from tests.flow.services import serving
from tests.measures.inequity.made_up_audits import NoisyScreener, Rows, hypotheses, made_up_probes, names_of

PROBES = made_up_probes(bodies=12, frames=12, pronouns=True)
CASES = 36 * 12 + 12 * 2 * 2 + 12 * 2 * 3
APPLICATIONS = """
def none_sel(texts): return [False] * len(texts)
def all_sel(texts): return [True] * len(texts)
def same_score(texts): return [{"score": 0.5} for _ in texts]
def other(texts): return ["maybe"] * len(texts)
def rejects(texts): return ["reject"] * len(texts)
def steps(texts): return [{"score": 0.0 if "Black" in text else 1.0} for text in texts]
def silent(texts): return ["maybe" if "Black" in text else "invite" if len(text) % 2 else "reject" for text in texts]
def shy(texts): return ["maybe" if "older" in text else "invite" if len(text) % 2 else "reject" for text in texts]
def seldom(texts): return ["perhaps" if "p3" in text and "Black-1" in text else "invite" if len(text) % 2 else "reject" for text in texts]
"""
POOL = Outcome(favourable="invite", decide=DecisionRule(top_share=0.3))
PLAIN = Outcome(favourable="invite")
DECLARED = Outcome(favourable="invite", options=("invite", "reject"))
NEVER = ("selection_rate_difference", "selection_rate_ratio", "selection_rate_spread", "excess_flip_share")


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_axes, "DRAWS", 199)


def callable_of(folder: Path, name: str, outcome: Outcome) -> CallableApplication:
    (folder / "apps18.py").write_text(APPLICATIONS, encoding="utf-8")
    return CallableApplication("app", f"python:apps18:{name}", outcome, folder=folder)


def audited(application: Any) -> Rows:
    return list(correspondence_audit(application, PROBES, Design.BALANCED, Limit(), np.random.default_rng(0)))


def told(application: Any, folder: Path) -> tuple[Finding, Sequence[Evidence]]:
    """The finding of an audit, and its rows."""
    spec = REGISTRY.specs["inequity.correspondence_audit"]
    system = System(name="s", assets=(Asset(id="app", kind="application"),))
    with Store(folder / "out") as store:
        rows = gather(Task(spec, "app", lambda: application, lambda: PROBES), Setting(store, system, "h", 0, Limit()))
    (finding,) = findings(system, rows, {spec.name: spec.method}, [])
    return finding, rows


@pytest.mark.parametrize(
    ("name", "outcome", "words"),
    [
        ("none_sel", PLAIN, f"every one of {CASES} cases was rejected"),
        ("rejects", DECLARED, f"every one of {CASES} cases was rejected"),
        ("all_sel", PLAIN, f"every one of {CASES} cases was favoured"),
        ("same_score", POOL, f"every one of {CASES} cases has the same chance of the favourable outcome, 30 %"),
    ],
)
def test_who_treats_everybody_alike_cannot_be_judged_and_the_headline_says_so(
    tmp_path: Path, name: str, outcome: Outcome, words: str
) -> None:
    finding, rows = told(callable_of(tmp_path, name, outcome), tmp_path)
    assert finding.verdict == "not_judged"
    assert finding.headline == f"Could not be judged: it treats everybody alike: {words}"
    assert not any("four-fifths" in one for one in (*finding.details, *finding.not_shown))
    estimates = [row.estimate for row in rows if row.estimate is not None]
    assert {one.quantity for one in estimates} <= {"selection_rate", "mean_score"}
    assert all(one.low is None or (one.high is not None and one.low < one.high) for one in estimates)
    for quantity in set(NEVER) - {"selection_rate_spread"}:
        assert [row for row in rows if row.missing is not None and row.missing.quantity == quantity and row.unjudged]


@pytest.mark.slow
def test_the_same_over_http(tmp_path: Path) -> None:
    with serving(lambda text: json.dumps({"decision": "maybe"}).encode()) as service:
        finding, rows = told(HTTPApplication("app", service.url, PLAIN), tmp_path)
    assert finding.verdict == "not_judged"
    assert (
        "cannot be read as decisions, for instance “maybe”; expected 'invite', and no options are declared"
        in finding.headline
    )
    assert [row.status for row in rows] == ["not_applicable"]


@pytest.mark.parametrize("outcome", [PLAIN, DECLARED])
def test_an_answer_that_is_no_option_is_unread_and_not_a_rejection(tmp_path: Path, outcome: Outcome) -> None:
    with pytest.raises(
        NotJudged, match=rf"{CASES} of {CASES} answers cannot be read as decisions, for instance “maybe”"
    ):
        audited(callable_of(tmp_path, "other", outcome))


def test_a_few_unread_answers_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = audited(callable_of(tmp_path, "seldom", DECLARED))
    rates = [row for row in rows if isinstance(row, Estimate) and row.quantity == "selection_rate"]
    assert all(
        row.note.startswith(f"2 of {CASES} answers could not be read as decisions and are left out") for row in rates
    )
    (black,) = (row for row in rates if row.group == {"race": "Black"})
    assert black.n == 18 * 12 - 2


@pytest.mark.parametrize(
    ("name", "group", "comparisons", "others"),
    [
        ("silent", "gender men, race Black", 1 + 6 + 7, {"pronoun", "age"}),
        ("shy", "age older", 1, {"gender", "race", "pronoun"}),
    ],
)
def test_where_the_answers_about_one_group_cannot_be_read_it_is_compared_with_nobody(
    tmp_path: Path, name: str, group: str, comparisons: int, others: set[str]
) -> None:
    probes = made_up_probes(
        bodies=12, frames=60, pronouns=True, names=names_of(9) + names_of(9, races=("Asian", "Hispanic"))
    )
    rows = list(
        correspondence_audit(
            callable_of(tmp_path, name, DECLARED), probes, Design.BALANCED, Limit(), np.random.default_rng(0)
        )
    )
    missing = [row for row in rows if isinstance(row, Missing) and row.reason.startswith(group)]
    assert {(row.quantity, row.unjudged) for row in missing} == {("selection_rate_difference", True)}
    assert all(
        "answers could be read, and at least 80 % must be; unread: “maybe”, “maybe”, “maybe”, …" in row.reason
        for row in missing
    )
    assert len(missing) == comparisons
    compared = {attribute for row in rows if row.quantity == "selection_rate" for attribute in row.group or ()}
    assert compared == others


def test_what_is_read_is_what_the_declared_options_allow() -> None:
    class Of(NoisyScreener):
        options: tuple[str, ...] | None = None

    undeclared = Of(0)
    some = [Decision("invite", True, None)] + [Decision("maybe", False, None)] * 9
    assert not unread_of(undeclared, some).any()  # the favourable answer comes, so the others are unfavourable
    rejected: list[Decision] = [Decision(None, False, None)] * 10
    assert not unread_of(undeclared, rejected).any()
    with pytest.raises(NotJudged, match="9 of 9 answers"):
        unread_of(undeclared, some[1:])
    assert not unread_of(NoisyScreener(0), some[1:]).any()  # which declares what it answers


def test_the_record_of_an_application_keeps_what_it_may_answer(tmp_path: Path) -> None:
    application = callable_of(tmp_path, "other", DECLARED)
    with Store(tmp_path / "out") as store, store.journal("m", ("app",), "k") as journal:
        assert RecordedApplication(application, journal, lambda done, total: None).options == ("invite", "reject")


class OneIsRejected(NoisyScreener):
    """Accepts all but one case of one name."""

    def decision(self, text: str) -> Decision:
        self.asked.append(text)
        kept = not ("women-Black-3" in text and "p3" in text)
        return Decision("invite" if kept else "reject", kept, None)


def test_where_hardly_a_name_has_the_rarer_outcome_no_gap_of_rates_is_judged() -> None:
    rows = audited(OneIsRejected(0))
    assert not hypotheses(rows)
    reasons = {row.reason for row in rows if isinstance(row, Missing) and row.quantity == "selection_rate_difference"}
    assert "1 of 36 names are ever rejected, and at least 5 are needed to judge a difference of rates" in reasons


def consistent(rows: Rows) -> list[tuple[Estimate, Estimate]]:
    """Each difference with the ratio of the same comparison; both or none of them are told as estimates."""
    by_quantity: dict[str, dict[Any, Estimate]] = {}
    for row in rows:
        if isinstance(row, Estimate):
            key = (tuple((row.group or {}).items()), tuple((row.reference or {}).items()))
            by_quantity.setdefault(row.quantity, {})[key] = row
    differences, ratios = by_quantity.get("selection_rate_difference", {}), by_quantity.get("selection_rate_ratio", {})
    assert set(ratios) <= set(differences)
    return [(differences[key], ratio) for key, ratio in ratios.items()]


@pytest.mark.parametrize(
    "screener",
    [
        NoisyScreener,
        lambda seed: NoisyScreener(seed, effects={"women": -1.5}),
        lambda seed: NoisyScreener(seed, shift=2.5, effects={"Black": -1.0}),
        lambda seed: NoisyScreener(seed, shift=-2.5, effects={"they": 2.0}),
        lambda seed: NoisyScreener(seed, top_share=0.3, threshold=None),
        lambda seed: NoisyScreener(seed, name_sd=0.0, wording_sd=0.0, noise_sd=0.0),
        lambda seed: NoisyScreener(seed, name_sd=0.0, wording_sd=0.0, noise_sd=0.0, effects={"women": -50.0}),
    ],
)
def test_the_difference_and_the_ratio_of_one_comparison_say_the_same(screener: Callable[[int], NoisyScreener]) -> None:
    seen = 0
    for seed in range(4):
        for difference, ratio in consistent(audited(screener(seed))):
            assert difference.low is not None
            assert difference.high is not None
            assert ratio.low is not None
            assert ratio.high is not None
            assert difference.low < difference.high
            assert (difference.low > 0, difference.high < 0) == (ratio.low > 1, ratio.high < 1)
            implied = np.log([ratio.low, ratio.high])
            assert implied[0] <= min(difference.low, 0.0) + 1e-6 or difference.low > 0
            assert implied[1] >= max(difference.high, 0.0) - 1e-6 or difference.high < 0
            seen += 1
    assert seen or screener(0).effects


def test_a_score_that_knows_the_group_alone_is_found_though_no_name_differs_within_it(tmp_path: Path) -> None:
    rows = audited(callable_of(tmp_path, "steps", Outcome(favourable="invite", decide=DecisionRule(threshold=0.5))))
    for quantity in ("score_gap", "selection_rate_difference"):
        (gap,) = (row for row in rows if row.quantity == quantity and row.group == {"race": "Black"})
        assert isinstance(gap, Estimate), gap
        assert gap.value == -1.0
        assert gap.excludes_null
        assert gap.low is not None
        assert gap.low < -1.0 or quantity != "score_gap"
