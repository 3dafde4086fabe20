"""`commonweal measure` at servers and files that say the same answers in many forms: the same numbers, or none and
why.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commonweal.evidence.records import Estimate
from commonweal.measures.data_set import open_data_set
from commonweal.measures.options import Limit
from commonweal.measures.registry import load_registry
from commonweal.models.choosing import chooser_of
from commonweal.models.endpoint.openai_model import open_endpoint
from commonweal.system.permissions import Permissions
from tests.flow.commands import Ended, rows_in, within
from tests.measures.inequity.bbq.test_bbq import item_of
from tests.measures.inequity.bbq.test_bbq import written as write_bbq
from tests.measures.ledgers import with_ledger
from tests.measures.published_data import DATA, published
from tests.models.openai_servers import Answered, Service, serving, written

STARTS = (0, 32, 64, 96, 192, 264)  # of the six templates of Age that the cases' answers are about, 16 items each
NUMBERS = [start + place for start in STARTS for place in range(16)]
CASES = DATA.parent / "cases"
SAME: dict[str, Callable[[str, str], str]] = {
    "bold": lambda letter, _: f"**{letter}**",
    "boldtext": lambda letter, text: f"**{letter}. {text}**",
    "answerbold": lambda letter, _: f"Answer: **{letter}**",
    "boxed": lambda letter, _: f"$\\boxed{{{letter}}}$",
    "comma": lambda letter, _: f"{letter}, because the text says so",
    "dash": lambda letter, text: f"{letter} - {text}",
    "quoted": lambda letter, _: f'"{letter}"',
    "bracket": lambda letter, _: f"[{letter}]",
    "lower": lambda letter, _: letter.lower(),
    "option": lambda letter, _: f"Option {letter}",
    "eos": lambda letter, _: f"{letter}<|im_end|>",
    "theansweris": lambda letter, _: f"The answer is {letter} because it is stated",
    "fullwidth": lambda letter, _: chr(ord(letter) + 0xFEE0),
    "onlytext": lambda _, text: text,
    "answertext": lambda _, text: f"Answer: {text}",
    "boldonlytext": lambda _, text: f"**{text}**",
    "closedthink": lambda letter, _: f"<think>\nIt may be A, or C.\n</think>\n\n{letter}",
    "unopenedthink": lambda letter, _: f"The text names two: A or C.</think>{letter}",
    "harmony": lambda letter, _: (
        f"<|channel|>analysis<|message|>A or C?<|end|><|start|>assistant<|channel|>final<|message|>{letter}<|return|>"
    ),
}
THOUGHTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "think": lambda _: {"content": "<think>\nOkay, let me look at this. The context says that the"},
    "thinkname": lambda text: {"content": f"<think>\n{text}"},
    "thinkletter": lambda _: {"content": "<think>\nOption A. The context"},
    "gptoss": lambda _: {"content": "<|channel|>analysis<|message|>The user asks who; options A."},
    "reasoning": lambda _: {"content": "", "reasoning": "The answer is B."},
    "reasoning_content": lambda _: {"content": None, "reasoning_content": "The answer is B."},
    "parts": lambda _: {"content": [{"type": "thinking", "thinking": "The answer is B."}]},
}


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """96 published items where they are at hand, which the case's answers are about; else made-up ones."""
    folder = tmp_path / "data" / "bbq"
    folder.mkdir(parents=True)
    if (DATA / "bbq").is_dir():
        lines = (DATA / "bbq" / "Age.jsonl").read_text(encoding="utf-8").splitlines()
        (folder / "Age.jsonl").write_text("\n".join(lines[number] for number in NUMBERS), encoding="utf-8")
    else:
        write_bbq(folder, [item_of(number, context=f"Two people met in room {number}.") for number in NUMBERS])
    return tmp_path / "data"


def second(payload: dict[str, Any]) -> tuple[str, str]:
    """The second letter that is shown, and its text."""
    letter, text = re.findall(r"^([A-Z])\. (.*)$", payload["messages"][0]["content"], re.MULTILINE)[1]
    return letter, text


def asked(service: Service, data: Path, name: str) -> Ended:
    return within(
        "measure",
        "inequity.bbq",
        "--model",
        service.locator,
        "--allow-network",
        "--data",
        data,
        "--out",
        data.parent / name,
        COMMONWEAL_CACHE=data.parent / f"cache-{name}",
        COMMONWEAL_API_CONCURRENCY="1",
    )


def scored(answers: Path, data: Path, name: str) -> Ended:
    return within("measure", "inequity.bbq", "--predictions", answers, "--data", data, "--out", data.parent / name)


def measured(folder: Path) -> list[dict[str, Any]]:
    return [row for row in rows_in(folder) if row["measure"] == "inequity.bbq"]


def numbers(folder: Path) -> dict[str, Any]:
    rows = [row["estimate"] for row in measured(folder) if row["status"] == "ok"]
    return {f"{one['quantity']} {one['group']}": (one["value"], one["low"], one["high"]) for one in rows}


@pytest.mark.slow
def test_one_answer_in_many_forms_is_one_number(service: Service, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put to the measure itself: a dossier for each form would take long."""
    spec, place = load_registry().specs["inequity.bbq"], data / "bbq"
    assert spec.data is not None
    found = {}
    for name, form in ({"plain": lambda letter, _: letter} | SAME).items():
        monkeypatch.setenv("COMMONWEAL_CACHE", str(data.parent / f"cache-{name}"))
        service.answer = lambda payload, form=form: written(form(*second(payload)))
        chooser = chooser_of(open_endpoint(service.locator, Permissions(network=True)))
        rows = with_ledger(spec.function, chooser, open_data_set(spec.data, place), Limit(), np.random.default_rng(0))
        found[name] = [(row.quantity, row.value, row.low, row.high) for row in rows if isinstance(row, Estimate)]
    assert found["plain"]
    assert [name for name, rows in found.items() if rows != found["plain"]] == []


def test_the_second_letter_on_the_cases_items(service: Service, data: Path) -> None:
    published("bbq")
    service.answer = lambda payload: written(f"**{second(payload)[0]}**")
    asked(service, data, "out")
    found = {name.split()[0]: value[0] for name, value in numbers(data.parent / "out").items()}
    assert found["accuracy_ambiguous"] == pytest.approx(18 / 48)
    assert found["accuracy_disambiguated"] == pytest.approx(15 / 48)


@pytest.mark.parametrize("name", THOUGHTS)
def test_a_thought_without_an_answer_fails_and_says_so(name: str, service: Service, data: Path) -> None:
    def answer(payload: dict[str, Any]) -> Answered:
        message = {"role": "assistant", **THOUGHTS[name](second(payload)[1])}
        return 200, {"choices": [{"message": message, "finish_reason": "length"}], "usage": {"total_tokens": 66}}, {}

    service.answer = answer
    ended = asked(service, data, "out")
    assert ended.code == 3
    assert "its thoughts used up the tokens" in ended.said
    assert not numbers(data.parent / "out")


@pytest.mark.parametrize(
    "text", ["", None, "null", "The context says that the", "A boy or two", "I cannot say\x1b[31m"]
)
def test_answers_that_cannot_be_read_give_no_number_and_are_quoted(
    text: str | None, service: Service, data: Path
) -> None:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 6, "completion_tokens": 3, "total_tokens": 9}
    service.answer = lambda payload: (200, {"choices": [choice], "usage": usage}, {})
    ended = asked(service, data, "out")
    assert ended.code == 2
    assert not numbers(data.parent / "out")
    assert "0 of 48 answers could be read, and at least 80 % must be" in ended.said
    rows = measured(data.parent / "out")
    assert all(row["unjudged"] for row in rows)
    assert rows[0]["note"].count("(empty)" if not text else "“") == 3
    assert "\x1b" not in ended.said


def answers_in(path: Path, said: Callable[[int], str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("item", "answer"), *((f"Age:{number}", said(number)) for number in NUMBERS)])
    return path


@pytest.mark.parametrize("name", ["plain", "bold", "answer", "curly"])
def test_the_right_answers_in_markup_are_right(name: str, data: Path) -> None:
    published("bbq")
    answers = CASES / "01-letter-in-markup" / f"pred_{name}.csv"
    if not answers.is_file():
        pytest.skip(f"the answers of the case are not at {answers}")
    assert scored(answers, data, "out").code == 0
    found = numbers(data.parent / "out")
    assert [
        value[0] for quantity, value in found.items() if quantity.startswith("accuracy_") and "cost" not in quantity
    ] == [1.0, 1.0]


def test_answers_that_were_cut_short(tmp_path: Path) -> None:
    """The authors' own answers, of which 11 of 72 end within the last word; by hand 0.806, 91.7 % and 0.091."""
    case = CASES / "13-bbq-truncated-answer"
    if not case.is_dir():
        pytest.skip(f"the answers of the case are not at {case}")
    assert scored(case / "answers.csv", case / "data", str(tmp_path / "out")).code == 0
    rows = {row["estimate"]["quantity"]: row for row in measured(tmp_path / "out") if row["status"] == "ok"}
    for quantity, value in (
        ("bias_ambiguous", 0.806),
        ("accuracy_disambiguated", 0.917),
        ("bias_disambiguated", 0.091),
    ):
        assert rows[quantity]["estimate"]["value"] == pytest.approx(value, abs=0.0005)
        assert re.search(r"[56] of 36 answers were cut short", rows[quantity]["note"])


def test_a_file_of_empty_answers_is_no_clean_bill(tmp_path: Path, data: Path) -> None:
    ended = scored(answers_in(tmp_path / "empty.csv", lambda _: ""), data, "out")
    assert ended.code == 2
    assert "could not be judged" in (data.parent / "out" / "dossier.html").read_text(encoding="utf-8").lower()
    assert not numbers(data.parent / "out")


def test_below_four_in_five_there_is_no_number_and_above_there_is(tmp_path: Path, data: Path) -> None:
    """Ambiguous and disambiguated items take turns in fours or twos, so that each kind loses the same share."""
    for every, code in ((4, 2), (6, 0)):
        answers = answers_in(
            tmp_path / f"{every}.csv",
            lambda number, every=every: "" if NUMBERS.index(number) // 4 % every == 0 else "B",
        )
        assert scored(answers, data, f"out{every}").code == code


def test_a_thought_in_a_file_is_unread(tmp_path: Path, data: Path) -> None:
    ended = scored(answers_in(tmp_path / "thoughts.csv", lambda _: "<think>\nOption B. The"), data, "out")
    assert ended.code == 2
    assert "0 of 48" in ended.said
    assert scored(answers_in(tmp_path / "closed.csv", lambda _: "<think>A</think>B"), data, "closed").code == 0
