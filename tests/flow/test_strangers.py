"""What strangers wrote, through every verb: one bad text ends no run, moves no terminal, and no key is in what is
kept.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.table import Table

from commonweal.cli import surface
from commonweal.progress import Stages
from tests.flow.commands import Ended, commonweal, rows_in, within
from tests.measures.inequity.bbq.test_bbq import item_of
from tests.measures.inequity.bbq.test_bbq import written as write_bbq
from tests.models.endpoint.misbehaving_server import ANSWERS, KEY, LASTING, LINES, SLOW, Server, Way, misbehaving
from tests.models.endpoint.test_misbehaving_server import no_key_in

EVIL = "\x1b[2J\x1b]0;t\x07\x9b31m\u202e\x00."
SPELLED = json.dumps(EVIL)[1:-1].replace("\x9b", "\\u009b")
MOVES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
SYSTEM = """\
schema: commonweal/1
name: a
actors: [{{id: agency, name: agency, roles: [deployer], decision_rights: [decision_rule], contact: none}}]
assets:
  - {{id: screener, kind: application, actor: agency, locator: "{locator}",
     outcome: {{favourable: invite, options: [invite, reject], timeout_s: 60}}, probes: "builtin:hiring", names_per_group: 9}}
"""
CLAIMS = 'schema: commonweal-claims/1\nsource: "EVIL"\nclaims:\n  - {id: a, quantity: "qEVIL", claimed: 429 kg}\n'
APPLICATIONS = """
class Own(Exception):
    def __str__(self): raise RuntimeError("no text")
class Refused(Exception): pass
def raises(texts): raise ValueError("bad \\ud800 text EVIL")
def raises_own(texts): raise Own()
def tells_a_key(texts):
    import os
    raise Refused("Incorrect API key: " + os.environ["OTHER_API_KEY"][:-2])
def answers_half(texts): return ["\\ud800EVIL" for _ in texts]
def answers_much(texts): return ["x" * 10**5 for _ in texts]
def answers_itself(texts):
    answer = {}
    answer["decision"] = answer
    return [answer for _ in texts]
""".replace("EVIL", SPELLED)


@pytest.fixture
def server() -> Iterator[Server]:
    with misbehaving() as server:
        yield server


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data" / "bbq").mkdir(parents=True)
    write_bbq(tmp_path / "data" / "bbq", [item_of(number, context=f"Two met in room {number}.") for number in range(8)])
    return tmp_path / "data"


def plain(ended: Ended, code: int) -> Ended:
    """The command ended with this code, and nothing that it said moves a terminal."""
    assert ended.code == code, ended.said
    assert "Traceback" not in ended.said
    assert MOVES.sub("!", ended.said) == ended.said
    return ended


def measured(server: Server, data: Path, *more: str, timeout_s: float = 60.0) -> Ended:
    return within(
        "measure",
        "inequity.bbq",
        "--model",
        f"openai:{server.url}/v1#m",
        "--allow-network",
        "--data",
        data,
        "--out",
        data.parent / "out",
        *more,
        COMMONWEAL_CACHE=data.parent / "cache",
        COMMONWEAL_API_KEY=KEY,
        COMMONWEAL_API_TIMEOUT_S=str(timeout_s),
    )


def system(folder: Path, locator: str) -> Path:
    (folder / "apps.py").write_text(APPLICATIONS, encoding="utf-8")
    (folder / "system.yaml").write_text(SYSTEM.format(locator=locator), encoding="utf-8")
    return folder / "system.yaml"


# --- a console on which nothing moves
# -----------------------------------------------------------------------------------


def test_whatever_is_printed_is_only_text(monkeypatch: pytest.MonkeyPatch) -> None:
    console = surface.PlainConsole()
    console.file = io.StringIO()
    table = Table()
    table.add_column("name")
    table.add_row(f"cell {EVIL}")
    console.print(f"[key] [red]line[/red] :smile: {EVIL}", style="red")
    console.print(table)
    stages = Stages(console)
    stages.tick(f"stage {EVIL}", 1, 1)
    told = console.file.getvalue()
    assert MOVES.sub("!", told) == told
    assert "[key] [red]line[/red] :smile: ⟨U+001B⟩[2J⟨U+001B⟩]0;t⟨U+0007⟩⟨U+009B⟩31m⟨U+202E⟩⟨U+0000⟩." in told
    assert "stage ⟨U+001B⟩" in told


def test_a_bar_on_a_terminal_is_only_text_too(monkeypatch: pytest.MonkeyPatch) -> None:
    console = surface.PlainConsole()
    console.file = io.StringIO()
    monkeypatch.setattr(type(console), "is_terminal", property(lambda self: True))
    with Stages(console) as stages:
        stages.tick(f"[red]stage {EVIL}", 1, 2)
    told = console.file.getvalue()
    assert "[red]stage ⟨U+001B⟩[2" in told
    assert not [mark for mark in ("\x1b[2J", "\x1b]0;", "\x9b", "\u202e", "\x00") if mark in told]


def test_nothing_is_printed_past_the_plain_consoles() -> None:
    source = Path(surface.__file__).parent
    files = [path for path in (*source.glob("*.py"), source.parent / "progress.py") if path.name != "surface.py"]
    assert len(files) > 5
    for path in files:
        assert not re.search(
            r"(?<!Plain)Console\(|(?<![\w.])print\(|echo\(|std(out|err)", path.read_text(encoding="utf-8")
        ), path


# --- files
# --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f'schema: commonweal/1\nname: a\nactors: [{{id: b, name: c, roles: "{SPELLED}", jurisdiction: "{SPELLED}"}}]\n',
        f'schema: commonweal/1\nname: a\n"{SPELLED}": 1\n',
        f'schema: commonweal/1\nname: a\nassets: [{{id: m, kind: "{SPELLED}", locator: "{SPELLED}", declared: '
        f'{{"{SPELLED}": 1}}}}]\n',
        f'schema: commonweal/1\nname: a\nassets: [{{id: "m{SPELLED}", kind: application, locator: '
        f'"python:{SPELLED}:a"}}]\n',
        "schema: commonweal/1\nname: a\nactors: [{id: b, decision_rights: \u202eb}]\n",
    ],
)
def test_a_hostile_system_file_is_refused_in_plain_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "system.yaml").write_text(text, encoding="utf-8")
    for command in (("check",), ("run", "--out", tmp_path / "out"), ("value",)):
        plain(within(*command, tmp_path / "system.yaml"), 2)


def test_half_a_character_in_a_system_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "system.yaml"
    for text in ('"\\ud800": 1', 'actors: [{id: a, name: "b \\udfff"}]'):
        path.write_text(f"schema: commonweal/1\nname: a\n{text}\nassets: []\n", encoding="utf-8")
        assert re.search(r"system\.yaml:3 .* holds half a character", plain(within("check", path), 2).err)
    path.write_text(
        'schema: commonweal/1\nname: "a \\ud83d\\ude00"\nassets: [{id: m, kind: model}]\n', encoding="utf-8"
    )
    plain(within("check", path), 0)


def test_labels_with_control_characters_are_shown_and_kept(tmp_path: Path) -> None:
    lines = ["truth,prediction,group_gender"]
    for number in range(80):
        label = "women" if number % 2 else f'"men{EVIL}\nfinding: nothing"'
        lines.append(f"{number // 2 % 2},{number // 4 % 2},{label}")
    (tmp_path / "p.csv").write_text("\n".join(lines), encoding="utf-8")
    command = ("measure", "inequity.performance_gap", "--predictions", tmp_path / "p.csv", "--out", tmp_path / "out")
    told = plain(within(*command), 0)
    assert "men⟨U+001B⟩[2J" in told.out
    assert "⟨U+000A⟩finding: nothing" in told.out
    assert not any(line.startswith("finding: nothing") for line in told.lines)
    told = plain(within(*command, "--json"), 0)
    groups = [row["estimate"]["group"] for row in json.loads(told.out) if row["estimate"]]
    assert {"gender": f"men{EVIL}\nfinding: nothing"} in groups


def test_half_a_character_in_answers_and_labels_is_read_as_one(tmp_path: Path, data: Path) -> None:
    rows = [
        {"truth": number // 2 % 2, "prediction": number // 4 % 2, "group_gender": ("a\ud800b", "a\x00b")[number % 2]}
        for number in range(80)
    ]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    plain(
        within("measure", "inequity.performance_gap", "--predictions", tmp_path / "p.jsonl", "--out", tmp_path / "out"),
        0,
    )
    groups = {
        row["estimate"]["group"]["gender"]
        for row in rows_in(tmp_path / "out")
        if row["estimate"] and row["estimate"]["group"]
    }
    assert {"a�b", "a\x00b"} <= groups  # two groups stay two


def test_a_file_with_a_name_that_is_no_text_is_refused_and_a_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("truth,prediction,group_g\n" + "0,1,a\n1,1,b\n1,0,a\n" * 20, encoding="utf-8")
    folder = tmp_path / "out\udcff"
    plain(within("measure", "inequity.performance_gap", "--predictions", tmp_path / "p.csv", "--out", folder), 0)
    strange = (tmp_path / "p.csv").rename(tmp_path / "p\udcff.csv")
    told = plain(within("measure", "inequity.performance_gap", "--predictions", strange, "--out", tmp_path / "o"), 2)
    assert "rename it" in told.err


def test_hostile_claims_are_told_in_a_plain_table(tmp_path: Path) -> None:
    (tmp_path / "claims.yaml").write_text(CLAIMS.replace("EVIL", SPELLED), encoding="utf-8")
    assert "q⟨U+001B⟩[2J" in plain(within("claims", "check", tmp_path / "claims.yaml"), 0).out
    assert json.loads(plain(within("claims", "check", tmp_path / "claims.yaml", "--json"), 0).out)


def test_a_hostile_log_is_refused_in_plain_lines(tmp_path: Path) -> None:
    (tmp_path / f"log{EVIL[:3]}.csv").write_text(f"timestamp,{EVIL[:-2]}\n1,2\n", encoding="utf-8")
    plain(within("footprint", "import", tmp_path / f"log{EVIL[:3]}.csv"), 2)


# --- applications
# -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("raises", "it raised ValueError: bad � text ⟨U+001B⟩[2J"),
        ("raises_own", "Own in apps.py"),
        ("tells_a_key", "Incorrect API key: [key]"),
        ("answers_half", "the decision is '�⟨U+001B⟩[2J"),
        ("answers_much", "100000 characters long"),
        ("answers_itself", "an answer cannot be read"),
    ],
)
def test_an_application_that_goes_wrong_leaves_failed_rows_and_the_rest_goes_on(
    tmp_path: Path, function: str, said: str
) -> None:
    file = system(tmp_path, f"python:apps:{function}")
    command = ("run", file, "--allow-code", "--out", tmp_path / "out")
    ended = plain(within(*command, OTHER_API_KEY=KEY), 3)
    assert said in ended.err
    assert {row["status"] for row in rows_in(tmp_path / "out")} >= {"failed", "ok"}
    no_key_in(tmp_path / "out", ended.said)


@pytest.mark.parametrize(
    "way", [LINES["control characters in an error"], lambda one: one.send(b'{"decision": "\\ud800"}')]
)
def test_an_address_that_goes_wrong_leaves_failed_rows_and_the_rest_goes_on(
    tmp_path: Path, server: Server, way: Way
) -> None:
    server.way = way
    file = system(tmp_path, server.url.replace("http://", f"http://me:{KEY}@") + f"/app?key={KEY[::-1]}")
    ended = plain(within("run", file, "--allow-network", "--out", tmp_path / "out"), 3)
    assert {row["status"] for row in rows_in(tmp_path / "out")} >= {"failed", "ok"}
    no_key_in(tmp_path / "out", ended.said)


# --- models
# -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (LASTING["status 400"], "half � ⟨U+0000⟩ ⟨U+001B⟩[2J"),
        (LASTING["the key, cut"], "key [key], [key] and [key]"),
        (LASTING["the key, turned round"], "key [key] [key]"),
        (LASTING["307 to elsewhere"], "it redirects"),
        (LASTING["tool calls"], "no text in its answer"),
    ],
)
def test_a_model_that_goes_wrong_leaves_a_failed_row(server: Server, data: Path, way: Way, said: str) -> None:
    server.way = way
    ended = plain(measured(server, data), 3)
    assert said in ended.out
    assert {row["status"] for row in rows_in(data.parent / "out")} == {"failed"}
    no_key_in(data.parent, ended.said)


@pytest.mark.parametrize("name", ["control characters", "halves", "the key in an answer", "the key in a name"])
def test_what_an_answer_holds_besides_is_kept_without_the_key_and_shown_plainly(
    server: Server, data: Path, name: str
) -> None:
    server.way = ANSWERS[name][0]
    ended = plain(measured(server, data, "--json"), measured(server, data).code)
    assert ended.code in (0, 2)
    no_key_in(data.parent, ended.said)


def test_replies_that_are_no_answers_change_no_number(server: Server, data: Path) -> None:
    def every_third(one: object) -> None:
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        content = None if server.asked % 3 == 0 else "B"
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        one.send({"choices": [choice]} | ({"usage": usage} if content is None else {}))  # type: ignore[attr-defined]

    server.way = every_third
    assert measured(server, data).code == 0
    first = [(row["estimate"] or {}).get("value") for row in rows_in(data.parent / "out")]
    server.heal()
    ended = within(
        "measure",
        "inequity.bbq",
        "--model",
        f"openai:{server.url}/v1#m",
        "--allow-network",
        "--data",
        data,
        "--out",
        data.parent / "other",
        COMMONWEAL_CACHE=data.parent / "empty",
    )
    assert ended.code == 0
    assert [(row["estimate"] or {}).get("value") for row in rows_in(data.parent / "other")] == first


@pytest.mark.slow
def test_a_drip_of_headers_ends_in_a_process_of_its_own(server: Server, data: Path) -> None:
    server.way = SLOW["a drip of headers"]
    ended = commonweal(
        "measure",
        "inequity.bbq",
        "--model",
        f"openai:{server.url}/v1#m",
        "--allow-network",
        "--data",
        data,
        "--out",
        data.parent / "out",
        timeout_s=200,
        COMMONWEAL_CACHE=data.parent / "cache",
        COMMONWEAL_API_TIMEOUT_S="1",
    )
    assert "no answer within 1 s (COMMONWEAL_API_TIMEOUT_S), 6 times" in plain(ended, 3).out
