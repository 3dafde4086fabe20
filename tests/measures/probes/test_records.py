"""Probe files: what is shipped keeps its own rules, and every fault of a stranger's file gets a line and a way out."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from commonweal.errors import PermissionRequired, ProbeFileError
from commonweal.evidence.store import Store
from commonweal.measures.gather import Setting, gather
from commonweal.measures.options import Options
from commonweal.measures.plan import prepare
from commonweal.measures.probes.reader import load_probes
from commonweal.measures.probes.records import Probes, fill, render_cue, render_name, render_pronoun
from commonweal.system.loading import load as load_system
from commonweal.system.permissions import Permissions

HINTS = re.compile(
    r"\b(he|him|his|himself|she|her|hers|herself|they|them|their|theirs|themsel\w+|mr|mrs|ms|man|men|woman|women|male|female|"
    r"boys?|girls?|ladies|lady|gentlem[ae]n|mother|father|husband|wife|son|daughter|brother|sister|maternity|paternity|"
    r"\w+(?:men|man|woman|women)|church|mosque|temple|synagogue|black|white|asian|hispanic|latin\w*|"
    r"years? old|19\d\d|20\d\d)\b",
    re.IGNORECASE,
)

SMALL = """\
schema: commonweal-probes/1
name: Small
language: en
slot: resume
source: test
reference: {gender: men}
names: names.csv
wordings:
  - {id: top, text: "{name}: {body}"}
probes:
  - id: one
    occupation: baker
    quality: strong
    body: Bakes bread.
    statement: "{They} baked, and people liked {their} bread."
pronouns:
  attribute: gender
  reference: he
  forms:
    she: {they: she, their: her}
    he: {they: he, their: his}
  wordings:
    - {id: top, text: "{body} {statement}"}
cues:
  - attribute: age
    reference: younger
    wordings:
      - {id: top, text: "{cue} {body}"}
    frames:
      - {younger: Young., older: Old.}
"""
NAMES = "name,gender,source\nAna,women,test\nBob,men,test\n"


@pytest.fixture(scope="module")
def hiring() -> Probes:
    return load_probes("builtin:hiring", Path("."))


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Probes]:
    def _load(text: str | bytes = SMALL, names: str = NAMES) -> Probes:
        (tmp_path / "p.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        (tmp_path / "names.csv").write_text(names, encoding="utf-8")
        return load_probes("p.yaml", tmp_path)

    return _load


def test_the_shipped_file_satisfies_the_minima(hiring: Probes) -> None:
    assert len(hiring.probes) == 20
    assert len({probe.occupation for probe in hiring.probes}) == 20
    assert min(Counter(probe.quality for probe in hiring.probes).values()) >= 6
    assert hiring.pronouns is not None
    assert hiring.pronouns.groups == ("she", "he", "they")
    assert [cue.attribute for cue in hiring.cues] == ["age", "disability", "religion"]
    for wordings in (hiring.wordings, hiring.pronouns.wordings, *(cue.wordings for cue in hiring.cues)):
        assert len(wordings) == 5
    assert all(len(cue.frames) >= 15 for cue in hiring.cues)
    for cue in hiring.cues:
        assert {"strong", "average", "weak"} == {probe.quality for probe in hiring.probes_of(cue)}
        assert len(hiring.probes_of(cue)) >= 10


def test_every_cell_of_names_has_at_least_nine(hiring: Probes) -> None:
    cells = Counter((name.groups["gender"], name.groups["race"]) for name in hiring.names)
    assert cells == {(g, r): 25 for g in ("women", "men") for r in ("White", "Black", "Hispanic", "Asian")} | {
        ("women", "Asian"): 18,
        ("men", "Asian"): 23,
    }
    assert all("Bloomberg 2024" in name.source for name in hiring.names)


def test_the_cases_are_short_and_hint_at_no_group(hiring: Probes) -> None:
    names = re.compile(r"\b(" + "|".join(name.name for name in hiring.names) + r")\b")
    for probe in hiring.probes:
        assert 55 <= len(probe.body.split()) <= 85, probe.id
        assert not HINTS.search(probe.body), (probe.id, HINTS.search(probe.body))
        assert not names.search(probe.body), (probe.id, names.search(probe.body))
        assert not HINTS.search(fill(probe.statement or "", {"They": "", "them": "", "their": ""})), probe.id


def test_no_first_name_stands_in_a_wording_or_a_frame(hiring: Probes) -> None:
    names = re.compile(r"\b(" + "|".join(name.name for name in hiring.names) + r")\b")
    assert hiring.pronouns is not None
    texts = [
        w.text for w in (*hiring.wordings, *hiring.pronouns.wordings, *(w for cue in hiring.cues for w in cue.wordings))
    ]
    texts += [phrase for cue in hiring.cues for frame in cue.frames for phrase in frame.values()]
    assert not [
        text
        for text in texts
        if names.search(text) or HINTS.search(text.replace("19", "").replace("20", "").replace("old", ""))
    ]


def test_rendering_leaves_no_brace_and_no_text_twice(hiring: Probes) -> None:
    assert hiring.pronouns is not None
    probe = hiring.probes[0]
    texts = [render_name(w, p, n) for w in hiring.wordings for p in hiring.probes for n in hiring.names]
    texts += [
        render_pronoun(w, p, f)
        for w in hiring.pronouns.wordings
        for p in hiring.probes
        for f in hiring.pronouns.forms.values()
    ]
    texts += [
        render_cue(w, probe, text)
        for cue in hiring.cues
        for w in cue.wordings
        for f in cue.frames
        for text in f.values()
    ]
    assert len(texts) > 19_000
    assert not [text for text in texts if "{" in text or "}" in text]
    assert len(set(texts)) == len(texts)


def test_the_texts_of_a_pair_differ_only_by_the_cue(hiring: Probes) -> None:
    for wording in hiring.wordings:
        bare = {render_name(wording, hiring.probes[0], n).replace(n.name, "_") for n in hiring.names}
        assert len(bare) == 1
    for cue in hiring.cues:
        for frame in cue.frames:
            for wording in cue.wordings:
                assert (
                    len(
                        {
                            render_cue(wording, hiring.probes[3], phrase).replace(phrase, "_")
                            for phrase in frame.values()
                        }
                    )
                    == 1
                )
            for one, other in combinations(frame.values(), 2):
                assert abs(len(one.split()) - len(other.split())) <= 2, frame


def test_religion_swaps_one_term_and_age_keeps_to_the_number(hiring: Probes) -> None:
    age, _, religion = hiring.cues
    terms = {
        "Christian": "Christian",
        "Jewish": "Jewish",
        "Muslim": "Muslim",
        "Hindu": "Hindu",
        "no religion": "Humanist",
    }
    for frame in religion.frames:
        assert len({phrase.replace(terms[group], "_") for group, phrase in frame.items()}) == 1
    for frame in age.frames:
        assert len({re.sub(r"\d+", "_", phrase) for phrase in frame.values()}) == 1


def test_pronouns_differ_only_by_pronoun(hiring: Probes) -> None:
    assert hiring.pronouns is not None
    said = [
        render_pronoun(hiring.pronouns.wordings[0], hiring.probes[0], forms) for forms in hiring.pronouns.forms.values()
    ]
    assert "She completed" in said[0]
    assert "He completed" in said[1]
    assert "They completed" in said[2]
    assert len({re.sub(r"\b(she|he|they|her|his|their)\b", "_", text, flags=re.IGNORECASE) for text in said}) == 1


def test_the_fingerprint_follows_the_content_and_not_the_place(load: Callable[..., Probes], tmp_path: Path) -> None:
    first = load()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "q.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "elsewhere" / "names.csv").write_text(NAMES, encoding="utf-8")
    assert load_probes("elsewhere/q.yaml", tmp_path).fingerprint == first.fingerprint
    assert load(names=NAMES + "Cyd,women,test\n").fingerprint != first.fingerprint
    assert load(SMALL.replace("Bakes", "Sells")).fingerprint != first.fingerprint


def test_texts_are_data(load: Callable[..., Probes]) -> None:
    probes = load(names=NAMES + "{body},women,test\n")
    assert render_name(probes.wordings[0], probes.probes[0], probes.names[2]) == "{body}: Bakes bread."
    assert render_cue(probes.cues[0].wordings[0], probes.probes[0], "{body}") == "{body} Bakes bread."


@pytest.mark.parametrize("part", ["names", "pronouns", "cues"])
def test_each_cue_alone_is_a_valid_file(load: Callable[..., Probes], part: str) -> None:
    head = SMALL[: SMALL.index("names:")]
    names, cases = (
        SMALL[SMALL.index("names:") : SMALL.index("probes:")],
        SMALL[SMALL.index("probes:") : SMALL.index("pronouns:")],
    )
    tail = {
        "names": names,
        "pronouns": SMALL[SMALL.index("pronouns:") : SMALL.index("cues:")],
        "cues": SMALL[SMALL.index("cues:") :],
    }
    probes = load(head + cases + tail[part])
    assert (bool(probes.names), probes.pronouns is not None, bool(probes.cues)) == tuple(
        part == p for p in ("names", "pronouns", "cues")
    )


FAULTS = {
    "schema": (("commonweal-probes/1", "commonweal-probes/9"), ":1 ", "expected 'commonweal-probes/1'"),
    "unknown field": (("slot: resume", "slott: resume"), ":4 ", "unknown field 'slott'"),
    "missing slot": (('"{name}: {body}"', '"{name}"'), ":9 ", "{body} is missing"),
    "unknown placeholder": (('"{name}: {body}"', '"{name} {body} {nmae}"'), ":9 ", "unknown placeholder {nmae}"),
    "placeholder in body": (("Bakes bread.", "Bakes {name}."), ":14 ", "unknown placeholder {name}"),
    "pronoun without a form": (("{their} bread", "{theirs} bread"), ":15 ", "unknown placeholder {theirs}"),
    "no pronoun": (('"{They} baked, and people liked {their} bread."', "Good."), ":15 ", "got no pronoun"),
    "no statement": ((SMALL[SMALL.index("    statement:") : SMALL.index("pronouns:")], ""), ":11 ", "'statement': it is "
    "missing"),
    "empty body": (("body: Bakes bread.", 'body: " "'), ":14 ", "'body': got ' '"),
    "number for text": (("occupation: baker", "occupation: 7"), ":12 ", "in quotes if it is a number"),
    "quality": (("quality: strong", "quality: good"), ":13 ", "strong, average or weak"),
    "form missing": (("she: {they: she, their: her}", "she: {they: she}"), ":20 ", "no form for their"),
    "one pronoun group": (("    he: {they: he, their: his}\n", ""), ":19 ", "expected at least two"),
    "reference unknown": (("reference: younger", "reference: young"), ":26 ", "expected one of older, younger"),
    "reference missing": (("reference: {gender: men}", "reference: {}"), ":7 ", "the reference is nothing"),
    "references disagree": (("{gender: men}", "{gender: men, age: older}"), ":26 ", "write the same in both places"),
    "frame lacks a group": (("older: Old.}", "older: Old.}\n      - {younger: New.}"), ":31 ", "expected younger, "
    "older"),
    "one group in frames": (("{younger: Young., older: Old.}", "{younger: Young.}"), ":30 ", "expected at least two"),
    "unknown probe of a cue": (("reference: younger\n", "reference: younger\n    probes: [two]\n"), ":27 ", "no probe 'two'"),
    "duplicate wording": (('text: "{body} {statement}"}', 'text: "{body} {statement}"}\n    - {id: top, text: '
    '"{body}{statement}"}'),
                          ":24 ", "stands already in line 23"),
    "duplicate probe": (("probes:\n", "probes:\n  - {id: one, occupation: a, quality: weak, body: b, statement: "
    "'{They}'}\n"),
                        ":12 ", "stands already in line 11"),
    "duplicate key": (("slot: resume", "slot: resume\nslot: resume"), ":5 ", "'slot' is given twice (first on line 4)"),
    "broken YAML": (("slot: resume", "slot: [resume"), ":", "this is not YAML"),
    "list where fields are due": ((SMALL, "- one\n- two\n"), ":1 ", "expected fields"),
    "nothing to compare": ((SMALL[SMALL.index("names:") :], ""), ":1 ", "nothing to compare"),
    "wordings without names": (("names: names.csv\n", ""), ":7 ", "there are no names"),
    "no such names file": (("names: names.csv", "names: nmaes.csv"), "nmaes.csv", "no such file"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_line(load: Callable[..., Probes], fault: str) -> None:
    (old, new), line, message = FAULTS[fault]
    assert old in SMALL
    with pytest.raises(ProbeFileError) as caught:
        load(SMALL.replace(old, new, 1))
    assert message in str(caught.value)
    assert line in str(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("name,gender\nAna,women\n", "missing: source"),
        (
            "name;gender;source\nAna;women;x\nEva;Women;x\n",
            ":3 gender is 'Women', and 'women' in line 2; give one group one spelling",
        ),
        ("name,gender,source\nAna,NA,x\n", ":2 gender is 'NA', which names no group"),
        ("name,source\nAna,test\n", "one column per attribute"),
        ("gender,source\nwomen,test\n", "missing: name"),
        (NAMES + "Ana,men,test\n", ":4 the name 'Ana' stands already in line 2"),
        (NAMES + "Cyd,,test\n", ":4 got Cyd, , test"),
        (NAMES + "Cyd,women\n", ":4 got Cyd, women"),
        ("name,gender,source\n", "no names below the first line"),
        ("name,gender,source\nAna,women,test\nEva,women,test\n", "expected at least two"),
        ("", "the file is empty"),
    ],
)
def test_a_faulty_table_of_names(load: Callable[..., Probes], names: str, message: str) -> None:
    with pytest.raises(ProbeFileError, match=re.escape(message)):
        load(names=names)


def test_files_that_cannot_be_read(load: Callable[..., Probes], tmp_path: Path) -> None:
    with pytest.raises(ProbeFileError, match=r"p\.yaml:2 byte 19 is 0xe9, which is not UTF-8"):
        load("name: a\nsource: Ren\xe9".encode("latin-1"))
    with pytest.raises(ProbeFileError, match="the file is empty"):
        load(" \n")
    (tmp_path / "folder").mkdir()
    for reference, message in [
        ("folder", "this is a folder"),
        ("absent.yaml", "no such file"),
        ("builtin:hirng", "builtin:hiring"),
    ]:
        with pytest.raises(ProbeFileError, match=re.escape(message)):
            load_probes(reference, tmp_path)


def test_what_lies_outside_is_read_only_where_that_is_allowed(load: Callable[..., Probes], tmp_path: Path) -> None:
    inside = load()
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    for file in ("p.yaml", "names.csv"):
        (tmp_path / file).rename(outside / file)
    (home / "link.yaml").symlink_to(outside / "p.yaml")
    for reference in ("../outside/p.yaml", str(outside / "p.yaml"), "link.yaml"):
        with pytest.raises(PermissionRequired, match=f"--allow-read {re.escape(str(outside))}"):
            load_probes(reference, home)
        assert load_probes(reference, home, Permissions(read=(outside,))).fingerprint == inside.fingerprint
    (home / "p.yaml").write_text(SMALL.replace("names.csv", "../outside/names.csv"), encoding="utf-8")
    with pytest.raises(PermissionRequired, match=r"p\.yaml:7 names: .* lies outside"):
        load_probes("p.yaml", home)
    assert load_probes("p.yaml", home, Permissions(read=(outside,))).names == inside.names


def test_a_run_with_probes_that_lie_outside_leaves_the_audit_out_and_says_how_to_allow_it(
    load: Callable[..., Probes], tmp_path: Path
) -> None:
    load()
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "system.yaml"
    path.write_text(OUTSIDE, encoding="utf-8")
    (tmp_path / "home" / "screen.py").write_text("def decide(texts):\n    return ['invite'] * len(texts)\n")
    for read in ((), (tmp_path,)):
        permissions = Permissions(code=True, read=read)
        ready = prepare(load_system(path), Options(("inequity.correspondence_audit",), permissions=permissions))
        assert ready.preflight.problems == ()
        assert [f"--allow-read {tmp_path}" in warning for warning in ready.preflight.warnings] == (
            [] if read else [True]
        )
        with Store(tmp_path / f"out{len(read)}") as store:
            rows = [row for task in ready.tasks for row in gather(task, Setting(store, ready.system, "hash"))]
        assert {row.status for row in rows} == ({"not_applicable"} if read else {"skipped"}), (
            "too few names, if they are read"
        )


OUTSIDE = """
schema: commonweal/1
name: Probes elsewhere
assets:
  - {id: screen, kind: application, locator: "python:screen:decide", outcome: {favourable: invite}, probes: ../p.yaml}
"""


def test_the_example_of_the_documentation_loads(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "probes.md").read_text(encoding="utf-8")
    (tmp_path / "loans.yaml").write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    (tmp_path / "loan_names.csv").write_text(page.split("```csv\n")[1].split("```")[0], encoding="utf-8")
    probes = load_probes("loans.yaml", tmp_path)
    assert probes.slot == "application"
    assert render_cue(probes.cues[0].wordings[0], probes.probes[0], "Age: 63.").startswith("Age: 63.\nAsks for 12,000")


def test_the_cited_tables_are_complete() -> None:
    folder = Path(str(files("commonweal.measures")))
    with (folder / "inequity" / "occupations.csv").open(encoding="utf-8", newline="") as file:
        occupations = list(csv.DictReader(file))
    assert 80 <= len(occupations) <= 120
    assert len({row["occupation"] for row in occupations}) == len(occupations)
    assert all(
        0.0 <= float(row["women_share"]) <= 1.0 and row["year"] == "2019" and row["source"] for row in occupations
    )
    assert min(Counter(min(int(float(row["women_share"]) * 10), 9) for row in occupations).values()) >= 7
    templates = YAML(typ="safe").load((folder / "inequity" / "occupation_templates.yaml").read_text(encoding="utf-8"))
    assert len(templates["templates"]) >= 8
    assert all(
        row["text"].startswith("The {occupation} ") and row["text"] == row["text"].strip()
        for row in templates["templates"]
    )
    assert templates["continuations"] == {"she": " she", "he": " he", "they": " they"}


@pytest.mark.parametrize("file", ["winogenerated/winogenerated_occupations.jsonl"])
def test_the_shares_are_those_of_the_published_table(file: str) -> None:
    path = Path(__file__).parents[4] / "shared" / "data" / file
    if not path.exists():
        pytest.skip(f"test data missing: {path}")
    import polars as pl

    published = {row["occupation"]: row["BLS_percent_women_2019"] for row in pl.read_ndjson(path).iter_rows(named=True)}
    with (Path(str(files("commonweal.measures"))) / "inequity" / "occupations.csv").open(
        encoding="utf-8", newline=""
    ) as rows:
        ours = {row["occupation"]: float(row["women_share"]) for row in csv.DictReader(rows)}
    assert ours == {occupation: pytest.approx(published[occupation] / 100, abs=1e-9) for occupation in ours}
