"""Every fault is told with its line, in plain words, and all at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commonweal.errors import SystemFileError
from commonweal.system.loading import LARGEST_BYTES, load, system_from_text
from commonweal.system.records import System

DESIGN_EXAMPLE = """\
schema: commonweal/1
name: Résumé screening at a staffing agency
actors:
  - {id: lab, name: The model's provider, roles: [provider], jurisdiction: FR}
  - {id: agency, name: A staffing agency, roles: [deployer], jurisdiction: US}
populations:
  - id: applicants
    definition: people who apply for work through the agency
    size: 120000
    groups: {gender: {women: 0.48, men: 0.52}}
    source: agency annual report
assets:
  - {id: smollm2, kind: model, actor: lab, release: open_weights, locator: "embedded:smollm2",
     declared: {license: Apache-2.0, training_energy_kwh: unknown}}
  - id: screener
    kind: application
    actor: agency
    prompt:
      template: "{resume}\\n\\nShould we invite this applicant to an interview? Answer:"
      options: {invite: " yes", reject: " no"}
      favourable: invite
      decide: {top_share: 0.3}      # or {threshold: 0.0}
dependencies:
  - {upstream: smollm2, downstream: screener, relation: serves}
deployments:
  - {application: screener, context: employment, grid: USA, volume: 400000, reach: {applicants: 90000},
     alternative: two recruiters read each résumé}
"""


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(SystemFileError) as caught:
        system_from_text(text)
    return caught.value.faults


def only_fault(text: str) -> str:
    (fault,) = faults(text)
    return fault


def changed(before: str, after: str) -> str:
    assert DESIGN_EXAMPLE.count(before) == 1, before
    return DESIGN_EXAMPLE.replace(before, after)


def minimal(*more: str) -> str:
    return "\n".join(["schema: commonweal/1", "name: a", "assets:", "  - {id: m, kind: model}", *more, ""])


def test_design_example_loads() -> None:
    system = system_from_text(DESIGN_EXAMPLE)
    assert system.asset("screener").prompt is not None
    assert system.asset("smollm2").declared == {"license": "Apache-2.0", "training_energy_kwh": "unknown"}
    deployment = system.deployments[0]
    assert (deployment.id, deployment.volume, deployment.reach) == ("screener", 400000.0, {"applicants": 90000.0})
    population = system.population("applicants")
    assert population is not None
    assert population.size == 120000.0


# (what is changed, into what, the fault)
FAULTS = [
    (
        "actor: agency",
        "actor: agancy",
        "system.yaml:17 asset 'screener': unknown actor 'agancy'; declared: agency, lab; did you mean 'agency'?",
    ),
    (
        "schema: commonweal/1",
        "# no schema",
        "system.yaml:1 `schema` is missing; expected `schema: commonweal/1` as the first line",
    ),
    (
        "schema: commonweal/1",
        "schema: commonweal/2",
        "system.yaml:1 `schema` is 'commonweal/2'; expected `commonweal/1`, the version that this commonweal reads",
    ),
    (
        "    kind: application\n",
        "    kind: application\n    kind: model\n",
        "system.yaml:17 'kind' is given twice (first on line 16); expected it once; delete one of them",
    ),
    (
        "upstream: smollm2",
        "upstream: smolm2",
        "system.yaml:24 dependency 'smolm2 -> screener': unknown asset 'smolm2'; declared: screener, smollm2; did you "
        "mean 'smollm2'?",
    ),
    (
        "application: screener",
        "application: smollm2",
        "system.yaml:26 deployment 'smollm2': 'smollm2' is a model, not an application; expected one of the "
        "applications: screener",
    ),
    (
        "reach: {applicants:",
        "reach: {aplicants:",
        "system.yaml:26 deployment 'screener', reach: unknown population 'aplicants'; declared: applicants; did you "
        "mean 'applicants'?",
    ),
    (
        "volume: 400000,",
        "volume: a lot,",
        "system.yaml:26 deployment 'screener': `volume` is 'a lot', not a number; "
        "expected a number of 0 or more [task/year], such as 400000 or `unknown`",
    ),
    (
        "volume: 400000,",
        "volume: 400000 task/month,",
        "system.yaml:26 deployment 'screener': `volume` is in 'task/month', not in task/year; 400000 task/month would "
        "be 4800000 task/year; expected a number of 0 or more [task/year], such as 400000 or `unknown`",
    ),
    (
        "volume: 400000,",
        "volume: -1,",
        "system.yaml:26 deployment 'screener': `volume` is '-1', which is negative; "
        "expected a number of 0 or more [task/year], such as 400000 or `unknown`",
    ),
    (
        "volume: 400000,",
        "volume: 400,000,",
        "system.yaml:26 a comma inside braces begins a new entry, so 'volume: 400,000' is read as two; write 400000 "
        "without commas",
    ),
    (
        "{women: 0.48, men: 0.52}",
        "{women: 0,48, men: 0.52}",
        "system.yaml:10 a comma inside braces begins a new entry, so 'women: 0,48' is read as two; write 0.48 with a "
        "point",
    ),
    (
        "reach: {applicants: 90000}",
        "reach: {applicants: 1,090,000 people/year}",
        "system.yaml:26 a comma inside braces begins a new entry, so 'applicants: 1,090,000 people/year' is read as "
        "two; write 1090000 without commas",
    ),
    (
        "alternative: two",
        "human_override: 0.1, alternative: two",
        "system.yaml:27 deployment 'screener': `human_override` is '0.1'; expected two shares in brackets, the lowest "
        "and the highest, such as [0.05, 0.2] (one share is written twice: [0.1, 0.1]) or `none` or `unknown`",
    ),
    (
        "size: 120000",
        "size: 0",
        "system.yaml:9 population 'applicants': `size` is 0, so there is nobody in it; "
        "expected a number above 0 [people], such as 120000 or `unknown`",
    ),
    (
        "size: 120000",
        "size: 120.000",
        "system.yaml:9 population 'applicants': `size` is '120.000', which can be read as 120000 or as 120; write the "
        "one you mean; expected a number above 0 [people], such as 120000 or `unknown`",
    ),
    (
        "men: 0.52",
        "men: 52",
        "system.yaml:10 population 'applicants', groups.gender: `men` is '52', which is too large; if you mean 52 %, "
        "write 0.52; expected a share between 0 and 1",
    ),
    (
        "men: 0.52",
        "men: 0.42",
        "system.yaml:10 population 'applicants': `groups` has shares of 'gender' that sum to 0.900; expected 1; "
        "add the group that is missing",
    ),
    (
        "training_energy_kwh: unknown",
        "training_energy_kwh: 12 MWh",
        "system.yaml:14 asset 'smollm2', declared: `training_energy_kwh` is in 'MWh', not in kWh; 12 MWh would be "
        "12000 kWh; expected a number of 0 or more [kWh], such as 120, or `none` or `unknown`",
    ),
    (
        "license: Apache-2.0",
        "personal_data: maybe",
        "system.yaml:14 asset 'smollm2', declared: `personal_data` is 'maybe'; expected one of: no, none, unknown, yes",
    ),
    (
        "license: Apache-2.0",
        "actor: lab",
        "system.yaml:14 asset 'smollm2', declared: `actor` is a field of the asset itself; expected it beside `kind`; "
        "move the line `actor: …` out of `declared`",
    ),
    (
        "release: open_weights",
        "release: open-weight",
        "system.yaml:13 asset 'smollm2': `release` is 'open-weight'; expected one of: closed, api, open_weights, "
        "open, none, unknown; did you mean 'open_weights'?",
    ),
    (
        "release: open_weights",
        "dtype: float16",
        "system.yaml:13 asset 'smollm2': `dtype` is 'float16'; expected one of: float32, bfloat16, int8; did you mean "
        "'bfloat16'?",
    ),
    (
        'locator: "embedded:smollm2"',
        'dtype: int8, locator: "openai:http://localhost:8000#m"',
        "system.yaml:13 asset 'smollm2': `dtype` belongs to models that are opened here; expected a model with a "
        "folder, .gguf, hf: or embedded:, the locator begins with openai:",
    ),
    (
        "kind: application",
        "kind: application\n    dtype: int8",
        "system.yaml:17 asset 'screener': `dtype` belongs to models that are opened here; expected a model with a "
        "folder, .gguf, hf: or embedded:, this is of kind application",
    ),
    (
        "roles: [deployer]",
        "roles: deployer",
        "system.yaml:5 actor 'agency': `roles` is 'deployer'; expected a list of data creator, curator, provider, "
        "adapter, deployer, user, affected, regulator; put it in brackets: [deployer]",
    ),
    (
        "jurisdiction: US",
        "jurisdicton: US",
        "system.yaml:5 actor 'agency': unknown field 'jurisdicton'; expected one of: contact, decision_rights, id, "
        "income, jurisdiction, name, roles; did you mean 'jurisdiction'?",
    ),
    (
        "jurisdiction: US",
        "jurisdiction: USA",
        "system.yaml:5 actor 'agency': `jurisdiction` is 'USA'; expected a country code of two capital letters, "
        "such as FR or US-CA (ISO 3166) or `none` or `unknown`",
    ),
    (
        "    definition: people who apply for work through the agency\n",
        "",
        "system.yaml:7 population 'applicants': `definition` is missing; expected text",
    ),
    (
        "definition: people who apply for work through the agency",
        "definition:",
        "system.yaml:8 population 'applicants': `definition` is empty; expected text",
    ),
    (
        "favourable: invite",
        "favourable: invit",
        "system.yaml:21 asset 'screener', prompt: `favourable` is 'invit', which is not among the options; "
        "expected one of: invite, reject; did you mean 'invite'?",
    ),
    (
        '"{resume}\\n\\nShould',
        '"Should',
        "system.yaml:19 asset 'screener', prompt: `template` has no {slot}; "
        "expected one place in braces, such as {resume}, where the input goes",
    ),
    (
        "{top_share: 0.3}",
        "{top_share: 0.3, threshold: 1}",
        "system.yaml:22 asset 'screener', prompt: `decide` has both; expected exactly one of `threshold` and "
        "`top_share`",
    ),
    (
        "kind: application\n",
        "kind: application\n    locator: http://localhost\n",
        "system.yaml:19 asset 'screener': `prompt` is given beside `locator`; "
        "expected one of the two: a prompt on its model, or a place where it answers",
    ),
    (
        "reach: {applicants: 90000}",
        "reach: {applicants: }",
        "system.yaml:26 deployment 'screener', reach: `applicants` is empty; "
        "expected a number of 0 or more [people/year], such as 90000 or `none` or `unknown`",
    ),
    (
        "relation: serves}",
        "relation: serves}\n  - {upstream: screener, downstream: smollm2, relation: trained_on}",
        "system.yaml:25 dependencies go in a circle: smollm2 -> screener -> smollm2; "
        "expected a circle only through `relation: feeds_back`; change the relation that is a feedback, or delete one",
    ),
    (
        "relation: serves}",
        "relation: serves}\n  - {upstream: smollm2, downstream: screener, relation: serves}",
        "system.yaml:25 dependency 'smollm2 -> screener': is given twice (first on line 24); expected it once; delete "
        "one of them",
    ),
    (
        "alternative: two",
        "burdens: [{population: aplicants, what: waiting}], alternative: two",
        "system.yaml:27 deployment 'screener', burdens: unknown population 'aplicants'; "
        "declared: applicants; did you mean 'applicants'?",
    ),
    (
        "alternative: two",
        "burdens: [{population: applicants, what: waiting, group: {gender: womn}}], alternative: two",
        "system.yaml:27 deployment 'screener', burdens: unknown group 'womn' of 'gender'; declared: men, women; did "
        "you mean 'women'?",
    ),
    (
        "alternative: two",
        "human_override: [0.5, 0.1], alternative: two",
        "system.yaml:27 deployment 'screener': `human_override` has a first number larger than the second; expected "
        "[lowest, highest]",
    ),
    (
        "size: 120000",
        "size: &n 120000",
        "system.yaml:9 anchor '&n' is refused; expected plain values; delete it and write values out",
    ),
    (
        "license: Apache-2.0",
        "license: !!python/name:os.system x",
        "system.yaml:14 tag '!!python/name:os.system' is refused; expected plain values; delete what begins with '!'",
    ),
]


@pytest.mark.parametrize(("before", "after", "fault"), FAULTS, ids=[after.strip()[:40] for _, after, _ in FAULTS])
def test_one_fault_one_line(before: str, after: str, fault: str) -> None:
    assert only_fault(changed(before, after)) == fault


def test_ids_are_unique_and_are_not_answers() -> None:
    actors = "  - {id: lab, name: b, roles: [user]}\n  - {id: unknown, name: c, roles: [user]}\npopulations:"
    assert faults(changed("populations:", actors)) == (
        "system.yaml:6 actor 'lab': id is used twice (first on line 4); expected a different id for each",
        "system.yaml:7 actor 'unknown': id 'unknown' is an answer, not a name; expected another id",
    )


def test_unknown_field_without_a_value_is_told() -> None:
    assert only_fault(minimal("assetts:")).endswith("did you mean 'assets'?")


def test_the_same_share_twice_with_a_comma_is_two_commas_and_no_duplicate() -> None:
    found = faults(changed("{women: 0.48, men: 0.52}", "{women: 0,5, men: 0,5}"))
    assert [fault.partition("; ")[2] for fault in found] == ["write 0.5 with a point"] * 2


# Files that were meant for something else.
STRANGERS = [
    (
        "schema: commonweal-probes/1\nname: a\nslot: resume\nprobes: []\n",
        ("this is a probe file", "`probes: system.yaml`"),
    ),
    ("name: a\nlanguage: en\nslot: resume\nprobes: [{id: a}]\n", ("this is a probe file", "`probes: system.yaml`")),
    (
        "name: CI\non: push\njobs: {test: {steps: []}}\n",
        ("it has 'jobs', 'name', 'on'", "`schema: commonweal/1`", "commonweal init"),
    ),
    ('{"schema": "commonweal-dossier/1", "system": {}, "run": {}}', ("this is not a system file", "commonweal init")),
]


@pytest.mark.parametrize(("text", "words"), STRANGERS, ids=["probes", "probes without schema", "workflow", "dossier"])
def test_a_file_of_another_kind_is_one_fault(text: str, words: tuple[str, ...]) -> None:
    fault = only_fault(text)
    assert fault.startswith("system.yaml:1 ")
    assert all(word in fault for word in words), fault


# Faults of the YAML itself.
BROKEN = [
    ("", "system.yaml: the file is empty; expected a system, beginning with `schema: commonweal/1`"),
    ("# only a comment\n", "system.yaml: the file is empty; expected a system, beginning with `schema: commonweal/1`"),
    ("- a\n- b\n", "system.yaml:1 the file is a list; expected `name: value` lines, such as `schema: commonweal/1`"),
    (
        "just text",
        "system.yaml:1 the file is a single value; expected `name: value` lines, such as `schema: commonweal/1`",
    ),
    (
        "name: a\nactors:\n\t- id: lab\n",
        "system.yaml:3 a tab stands where only spaces can; expected spaces for indentation; replace the tab by spaces",
    ),
    (
        "name: a\nassets: [1, 2\nactors: 3\n",
        "system.yaml:3 a list or group in brackets is not closed; expected ',' or ']' before this line (opened on "
        "line 2)",
    ),
    ("name: 'a\n", "system.yaml:1 a quotation mark is opened and never closed; expected a closing quotation mark"),
    (
        "name: a: b\n",
        "system.yaml:1 a ':' stands where none can; expected `name: value` with the same indentation as its "
        "neighbours; indent the line like the one above, or put a text that contains ': ' in quotes",
    ),
    ("name: @a\n", "system.yaml:1 a value begins with @; expected text; put the value in quotes"),
    (
        "a: 1\n- b\n",
        "system.yaml:2 the indentation does not fit the lines above; "
        "expected this line to begin in the same column as its neighbours",
    ),
    ("a: 1\nb: \x00\n", "system.yaml:2 a control character stands in the text; expected printable text; delete it"),
    ("a: 1\nb: " + "[" * 30, "system.yaml:2 more than 24 levels deep; expected fewer; no system needs that many"),
    ("a: 1\nb: " + "[" * 200_000, "system.yaml:2 more than 24 levels deep; expected fewer; no system needs that many"),
    ("b: " + "{a: " * 100_000, "system.yaml:1 more than 24 levels deep; expected fewer; no system needs that many"),
]


@pytest.mark.parametrize(("text", "fault"), BROKEN, ids=[text[:20] for text, _ in BROKEN])
def test_broken_yaml(text: str, fault: str) -> None:
    assert only_fault(text) == fault


def test_aliases_expand_nothing() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join(['*' + chr(97 + level)] * 9)}]\n" for level in range(20)
    )
    found = faults(bomb)
    assert found[0] == "system.yaml:1 anchor '&a' is refused; expected plain values; delete it and write values out"
    assert len(found) < 100


def test_alias_is_told_once() -> None:
    found = faults(changed("actor: agency", "actor: *who"))
    assert found == ("system.yaml:17 alias '*who' is refused; expected the value itself; write it out",)


def test_second_document_is_refused() -> None:
    assert only_fault(minimal("---", "name: b")) == (
        "system.yaml:5 a second document begins with '---'; expected one system a file; delete the line"
    )


def test_the_name_of_the_file_is_kept_and_not_its_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(DESIGN_EXAMPLE, encoding="utf-8")
    assert load(path).file == "mine.yaml"
    assert system_from_text(DESIGN_EXAMPLE).file == ""
    assert "mine.yaml" not in load(path).model_dump_json()
    assert only_fault(minimal("file: other.yaml")).endswith(
        "unknown field 'file'; expected none: it is always that of this file"
    )


def test_folder_cannot_be_declared() -> None:
    assert (
        only_fault(minimal("folder: /"))
        == "system.yaml:5 unknown field 'folder'; expected none: it is always that of this file"
    )


def test_all_faults_at_once_in_order_of_line() -> None:
    text = DESIGN_EXAMPLE
    for before, after in (
        ("roles: [provider]", "roles: [providr]"),
        ("size: 120000", "size: many"),
        ("actor: agency", "actor: agancy"),
        ("relation: serves", "relation: server"),
        ("volume: 400000", "volume: 1 kWh"),
    ):
        text = text.replace(before, after)
    assert [int(re.match(r"system.yaml:(\d+) ", fault).group(1)) for fault in faults(text)] == [4, 9, 17, 24, 26]  # type: ignore[union-attr]


def test_messages_speak_no_jargon() -> None:
    text = (
        "schema: commonweal/1\nname: [a]\nactors: 3\npopulations: [{id: p, definition: {a: b}, groups: [1], size: "
        "[1]}]\nassets: [{id: 'a b', kind: [x], declared: 4}]\n"
    )
    found = faults(text)
    assert len(found) >= 7
    assert not re.search(r"Input|valid|string|float|\bdict|tuple|mapping|literal|NoneType", "\n".join(found))


def test_control_characters_of_a_stranger_are_not_printed() -> None:
    fault = only_fault(minimal('"\\e[31m\\u202e": 1'))
    assert "\x1b" not in fault
    assert "\u202e" not in fault
    assert "\\x1b[31m" in fault


# Text that other formats would turn into something else.
def test_text_stays_as_written() -> None:
    system = system_from_text(
        minimal("actors:", "  - {id: a, name: 1.10, roles: [user], jurisdiction: NO, contact: none}").replace(
            "{id: m,", "{id: 007, declared: {license: 1.10, version: 2, beta: true, hardware: 2024-01-01},"
        )
    )
    actor = system.actors[0]
    assert (actor.name, actor.jurisdiction, actor.contact) == ("1.10", "NO", "none")
    assert system.assets[0].id == "007"
    assert system.assets[0].declared == {"license": "1.10", "version": 2, "beta": True, "hardware": "2024-01-01"}


def test_three_answers_stay_apart() -> None:
    system = system_from_text(
        minimal().replace("kind: model", "kind: model, declared: {hardware: none, labour: Unknown, license: }")
    )
    assert system.assets[0].declared == {"hardware": "none", "labour": "unknown", "license": None}


def test_declared_none_reach_is_zero_and_unknown_is_not() -> None:
    system = system_from_text(changed("{applicants: 90000}", "{applicants: none}"))
    assert system.deployments[0].reach == {"applicants": 0.0}
    system = system_from_text(changed("{applicants: 90000}", "{applicants: unknown}"))
    assert system.deployments[0].reach == {"applicants": "unknown"}


def test_circle_through_feedback_is_allowed() -> None:
    more = "relation: serves}\n  - {upstream: screener, downstream: smollm2, relation: feeds_back}"
    assert len(system_from_text(changed("relation: serves}", more)).dependencies) == 2


def test_deployments_get_ids_that_do_not_collide() -> None:
    more = "\n".join(
        [
            "",
            "  - {application: screener, id: screener-2}",
            "  - {application: screener}",
            "  - {application: screener}",
        ]
    )
    system = system_from_text(DESIGN_EXAMPLE.rstrip() + more + "\n")
    assert [deployment.id for deployment in system.deployments] == [
        "screener",
        "screener-2",
        "screener-3",
        "screener-4",
    ]


# The file itself.
def test_folder_is_the_files_own(tmp_path: Path) -> None:
    path = tmp_path / "system.yaml"
    path.write_text(DESIGN_EXAMPLE, encoding="utf-8")
    assert load(path).folder == str(tmp_path)


def test_relative_path_and_name_in_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("schema: commonweal/1\n", encoding="utf-8")
    with pytest.raises(SystemFileError, match=r"^mine\.yaml:1 `name` is missing; expected text\n"):
        load("mine.yaml")


def fault_of_file(path: Path) -> str:
    with pytest.raises(SystemFileError) as caught:
        load(path)
    (fault,) = caught.value.faults
    return fault.replace(str(path.parent) + "/", "")


def test_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text("a: 1")
    assert fault_of_file(tmp_path / "sistem.yaml") == (
        "sistem.yaml: no such file; expected a system file; did you mean 'system.yaml'?"
    )
    assert "there is no folder" in fault_of_file(tmp_path / "nowhere" / "system.yaml")


def test_folder_instead_of_file(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert fault_of_file(tmp_path / "mine") == "mine: is a folder; expected a system file"


def test_not_utf8_names_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "system.yaml"
    path.write_bytes("schema: commonweal/1\nname: Résumé\n".encode("latin-1"))
    assert fault_of_file(path) == (
        "system.yaml:2 byte 28 is 0xe9, which is not UTF-8; expected a text in UTF-8; save the file again with the "
        "encoding UTF-8"
    )
    path.write_bytes(b"\xef\xbb\xbfa: \xff")
    assert fault_of_file(path).startswith("system.yaml:1 byte 6 is 0xff")


def test_byte_order_mark_and_windows_lines_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "system.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + DESIGN_EXAMPLE.replace("\n", "\r\n").encode())
    expected = system_from_text(DESIGN_EXAMPLE, folder=str(tmp_path))
    assert load(path) == expected.model_copy(update={"file": "system.yaml"})


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "system.yaml"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    assert (
        fault_of_file(path) == "system.yaml: has 10.0 MB; expected at most 10 MB; is this the system file, or its data?"
    )


def test_three_hundred_assets_load_and_are_found() -> None:
    entry = (
        "  - {id: m%d, kind: model, actor: lab, release: open, declared: {license: MIT, training_energy_kwh: 12 kWh}}"
    )
    head = ["schema: commonweal/1", "name: many", "actors: [{id: lab, name: a lab, roles: [provider]}]", "assets:"]
    text = "\n".join([*head, *(entry % place for place in range(300))])
    system: System = system_from_text(text)
    assert [system.asset(f"m{place}").declared["training_energy_kwh"] for place in range(300)] == [12.0] * 300


def test_a_copy_with_other_assets_finds_them() -> None:
    system = system_from_text(DESIGN_EXAMPLE)
    assert system.has_asset("smollm2")
    smaller = system.model_copy(update={"assets": system.assets[1:]})
    assert not smaller.has_asset("smollm2")
    with pytest.raises(KeyError):
        smaller.asset("smollm2")
