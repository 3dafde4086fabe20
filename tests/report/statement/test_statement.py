"""The carbon statement: its numbers are the rows', unknown is unknown, offsets are not subtracted, strangers' text
stays text.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from commonweal.assessment.value.ledger import EVERYONE_ELSE, UNALLOCATED
from commonweal.assessment.value.ledger_totals import TOGETHER as ALL
from commonweal.assessment.value.value_estimates import ONE_NUMBER
from commonweal.report.content import Dossier
from commonweal.report.dossier import save_dossier
from commonweal.report.statement.statement import TOGETHER, carbon_statement
from commonweal.report.statement.statement_records import CarbonStatement, Entry, statement_schema_text
from commonweal.report.statement.statement_tex import carbon_sentence, latex
from tests.assessment.valued import exact
from tests.report.hiring_dossier import one_asset_dossier
from tests.report.stated_systems import HOSTILE, PER_TASK, by_hand, dossier_of, hostile, reading, translation
from tests.report.test_dossier import Page

FILES = ("carbon_statement.html", "carbon_statement.json", "carbon_statement.tex")
COMMANDS = {
    "emph",
    "textbackslash",
    "textsubscript",
    "textasciicircum",
    "textasciitilde",
    "textless",
    "textgreater",
    "textbar",
    "textasciigrave",
    "ldots",
}
MATH = re.compile(r"\$(-|\\times|\^\{-?\d+\})\$")


def stated(dossier: Dossier) -> CarbonStatement:
    found = carbon_statement(dossier)
    assert found is not None
    return found


def entry(entries: tuple[Entry, ...], subject: str, stage: str | None = None) -> Entry:
    (one,) = [one for one in entries if one.subject == subject and stage in {None, one.stage}]
    return one


def numbers(content: Any) -> Iterator[dict[str, Any]]:
    """Every number in the statement's JSON."""
    if isinstance(content, dict):
        if "tag" in content and "unit" in content:
            yield content
        for part in content.values():
            yield from numbers(part)
    elif isinstance(content, list):
        for part in content:
            yield from numbers(part)


def test_totals_by_hand_and_parts_add_up() -> None:
    """Carried by app: 150 + 10 + 150 kWh; 75 + 5 + 25 + 15 kg. In all: 600 + 10 + 150 kWh; 300 + 100 + 5 + 15 kg."""
    said = stated(by_hand())
    found = {one.subject: (one.numbers["energy"].value, one.numbers["carbon"].value) for one in said.totals}
    assert found == {
        "app": (pytest.approx(310.0), pytest.approx(120.0)),
        EVERYONE_ELSE: (pytest.approx(450.0), pytest.approx(300.0)),
        ALL: (pytest.approx(760.0), pytest.approx(420.0)),
    }
    assert TOGETHER == (EVERYONE_ELSE, UNALLOCATED, ALL)
    pretraining = entry(said.making, "base", "pretraining").numbers
    assert [pretraining[name].value for name in ("compute_hours", "device_power", "pue")] == [1000.0, 500.0, 1.2]
    assert (pretraining["energy"].value, pretraining["carbon"].value) == (pytest.approx(600.0), pytest.approx(300.0))
    assert pretraining["energy"].how_known == "declared (literature)"
    assert entry(said.making, "base", "embodied").numbers["carbon"].value == 100.0
    assert entry(said.making, "tuned").numbers["compute_hours"].tag == "unknown"
    assert entry(said.use, "app").numbers["carbon"].value == pytest.approx(15.0)


@pytest.mark.parametrize("make", [by_hand, translation, hostile])
def test_every_number_is_its_row(make: Any) -> None:
    dossier = make()
    rows = {row.id: row for row in dossier.rows}
    stated_numbers = list(numbers(json.loads(stated(dossier).to_json())))
    from_rows = [
        number
        for number in stated_numbers
        if number["tag"] != "unknown" and not re.match("as declared|yearly average", number["method"])
    ]
    assert len(from_rows) > 10
    for number in from_rows:
        estimate = rows[number["evidence"]].estimate
        assert estimate is not None
        for part in ("value", "low", "high", "unit"):
            assert number[part] == getattr(estimate, part)
    assert all(number["evidence"] in rows for number in stated_numbers if number["evidence"])
    assert all(number["reason"] and number["value"] is None for number in stated_numbers if number["tag"] == "unknown")


def test_grid_with_year_and_source_is_the_one_that_the_row_used() -> None:
    dossier = translation()
    making = entry(stated(dossier).making, "transformer-big", "pretraining")
    (row,) = [row for row in dossier.rows if row.id == making.numbers["carbon"].evidence]
    assert row.estimate is not None
    assert f"x {making.numbers['grid_intensity'].value:g} g/kWh (CA-QC, 2023," in row.estimate.method
    assert making.facts["region"] == "Québec (Canada) (CA-QC), the latest year of the table, 2023"
    assert making.numbers["grid_intensity"].source in making.numbers["carbon"].source
    assert entry(stated(dossier).use, "estonia").numbers["grid_intensity"].value == 1043.7


def test_a_grid_that_no_table_has_is_unknown() -> None:
    """Where the energy of use is unknown nothing asked the table before; the statement is written all the same."""
    given = by_hand((PER_TASK, "")).system
    value = given.deployments[0].value
    assert value is not None
    lost = given.deployments[0].model_copy(
        update={"grid": "ATLANTIS", "value": value.model_copy(update={"grid_intensity": None})}
    )
    use = entry(stated(dossier_of(given.model_copy(update={"deployments": (lost,)}))).use, "app")
    assert use.numbers["grid_intensity"].tag == "unknown"
    assert "ATLANTIS" in use.numbers["grid_intensity"].reason


def test_read_here_is_measured_and_what_is_scaled_from_it_is_modelled() -> None:
    said = stated(by_hand((PER_TASK, ""), evidence=[reading()]))
    assert said.measured_here[0].numbers["energy"].tag == "measured"
    use = entry(said.use, "app").numbers
    assert (use["energy_per_task"].tag, use["energy"].tag, use["carbon"].tag) == ("measured", "modelled", "modelled")
    assert entry(said.totals, "app").numbers["energy"].tag == "modelled"
    assert entry(said.making, "base", "pretraining").numbers["energy"].tag == "declared"
    assert said.rows_by_tag["measured"] == 1
    assert (
        stated(by_hand((PER_TASK, ""), evidence=[reading("modelled")])).measured_here[0].numbers["energy"].tag
        == "modelled"
    )


def test_unknown_is_unknown_and_no_total_is_a_partial_sum() -> None:
    said = stated(by_hand((f"energy: {exact(10, 'kWh')}", "energy: unknown")))
    for holder in ("app", ALL):
        for number in entry(said.totals, holder).numbers.values():
            assert (number.tag, number.value) == ("unknown", None)
        assert "the energy of adaptation of tuned is unknown" in entry(said.totals, holder).numbers["energy"].reason
    assert entry(said.totals, EVERYONE_ELSE).numbers["energy"].value == pytest.approx(450.0)
    assert "the energy of adaptation of tuned is unknown" in said.unknown
    sentence = " ".join(carbon_sentence(said).split())
    assert "takes in all is unknown" in sentence
    assert "adaptation of tuned takes unknown energy and unknown carbon" in sentence


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("allocated: 0.25", "allocated: unknown", "the share of base that tuned carries is unknown"),
        (
            f"    making: [{{stage: adaptation, energy: {exact(10, 'kWh')}, grid_intensity: {exact(500, 'g/kWh')}}}]\n",
            "",
            "what making tuned took is not declared",
        ),
        ("    volume: 1000000\n", "", "the volume of app is not declared"),
    ],
)
def test_what_a_deployment_would_have_to_know_makes_its_total_unknown(old: str, new: str, told: str) -> None:
    total = entry(stated(by_hand((old, new))).totals, "app").numbers
    assert total["energy"].tag == total["carbon"].tag == "unknown"
    assert told in total["energy"].reason


def test_hardware_that_nobody_counted_is_said_beside_the_total() -> None:
    note = entry(stated(by_hand()).totals, "app").numbers["carbon"].note
    assert note == "not declared, so not in it: the carbon of making the hardware for tuned, app; " + ONE_NUMBER


def test_how_a_number_is_known_and_by_whom_are_read_from_no_note() -> None:
    dossier = by_hand()
    energy = entry(stated(dossier).making, "base", "pretraining").numbers["energy"]
    assert (energy.grade, energy.source, energy.note) == ("literature", "a book", ONE_NUMBER)
    earlier = tuple(row.model_copy(update={"facts": None}) for row in dossier.rows)
    before = entry(stated(dossier.model_copy(update={"rows": earlier})).making, "base", "pretraining").numbers["energy"]
    assert (before.grade, before.value) == (None, energy.value)
    assert before.note == f"grade: literature; a book; {ONE_NUMBER}"


def test_offsets_are_shown_and_not_subtracted() -> None:
    dossier = by_hand()
    said, without = (
        stated(dossier),
        stated(by_hand((f"    offsets: [{{carbon: {exact(300, 'kgCO2e')}, what: a forest}}]\n", ""))),
    )
    assert [(one.what, one.carbon.value) for one in said.offsets] == [("a forest", 300.0)]
    assert [one.numbers["carbon"].value for one in said.totals] == [
        one.numbers["carbon"].value for one in without.totals
    ]
    assert "never subtracted" in said.offsets_note
    assert r"not subtracted: 300~kg~CO\textsubscript{2}e (declared, literature) for a forest" in " ".join(
        carbon_sentence(said).split()
    )
    assert "no offset is declared" in " ".join(carbon_sentence(without).split())


def test_mitigations_applied_and_declined_with_reasons() -> None:
    said = stated(by_hand())
    assert [(one.what, one.status, one.reason, one.saves.value) for one in said.mitigations] == [
        ("int8 weights", "applied", "", 40.0),
        ("another region", "declined", "the data may not leave", None),
    ]
    assert "another region (base, the data may not leave)" in " ".join(carbon_sentence(said).split())


def test_three_files_stand_beside_the_dossier_which_links_them(tmp_path: Path) -> None:
    page = save_dossier(tmp_path, by_hand()).read_text(encoding="utf-8")
    assert all((tmp_path / name).is_file() for name in FILES)
    assert '<a href="carbon_statement.html">' in page
    text = (tmp_path / FILES[0]).read_text(encoding="utf-8")
    anchors = set(Page(page).attributes("id"))
    links = re.findall(r'href="dossier.html#([^"]+)"', text)
    assert len(links) > 20
    assert set(links) <= anchors
    for number in numbers(json.loads((tmp_path / FILES[1]).read_text(encoding="utf-8"))):
        assert number["text"] in text


def test_without_a_ledger_there_is_no_statement_and_an_old_one_goes(tmp_path: Path) -> None:
    bare = one_asset_dossier()
    assert carbon_statement(bare) is None
    page = save_dossier(tmp_path, bare).read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dossier.html", "dossier.json"]
    assert "carbon_statement" not in page
    save_dossier(tmp_path, by_hand())
    save_dossier(tmp_path, bare)
    assert not any((tmp_path / name).exists() for name in FILES)


def test_hostile_text_stays_text_in_html_and_json(tmp_path: Path) -> None:
    dossier = hostile()
    save_dossier(tmp_path, dossier)
    text = (tmp_path / FILES[0]).read_text(encoding="utf-8")
    page = Page(text)
    assert {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object", "base"} == set()
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert [
        href for href in page.attributes("href") if not re.match(r"#|dossier\.html|carbon_statement\.|data:,$", href)
    ] == []
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(1)" in text
    said = json.loads((tmp_path / FILES[1]).read_text(encoding="utf-8"))
    assert said["system"] == HOSTILE[0]
    assert [one["what"] for one in said["mitigations"]] == [
        one.what for asset in dossier.system.assets for one in asset.mitigations
    ]


def check_latex(source: str) -> None:
    """Balanced braces, known commands, mathematics only of ours, and no character that LaTeX would take for a sign
    of its own.
    """
    body = "\n".join(line for line in source.splitlines() if not line.startswith("%"))
    assert "" not in body.splitlines(), "an empty line ends a paragraph"
    body = MATH.sub("", body)
    depth, position = 0, 0
    while position < len(body):
        char = body[position]
        if char == "\\":
            name = re.match(r"\\([A-Za-z]+)", body[position:])
            assert (name[1] in COMMANDS) if name else body[position + 1] in "{}$&%#_", body[position : position + 30]
            position += len(name[0]) if name else 2
            continue
        depth += (char == "{") - (char == "}")
        assert depth >= 0
        assert char not in '$&%#_^"<>|', body[max(0, position - 20) : position + 20]
        position += 1
    assert depth == 0


@pytest.mark.parametrize("make", [by_hand, translation, hostile])
def test_the_sentence_is_sound_latex(make: Any) -> None:
    sentence = carbon_sentence(stated(make()))
    check_latex(sentence)
    assert "\u202e" not in sentence
    assert ("XeLaTeX" in sentence) == (make is hostile)


@pytest.mark.parametrize("text", [*HOSTILE, "", "a\\", "{", "}", "%", "e\u0301", "?`", "\x00"])
def test_any_text_is_sound_latex(text: str) -> None:
    check_latex("x " + latex(text) + " y")


def test_latex_by_hand() -> None:
    assert latex("e\u0301") == "é"
    assert latex("a--b") == "a-{}-b"
    assert latex("a_b\n\n%c") == r"a\_b \%c"
    assert latex("−3.1 × 10⁻⁶ kWh") == r"$-$3.1 $\times$ 10$^{-6}$ kWh"


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("xelatex") is None, reason="no xelatex on this machine; on Debian: apt install texlive-xetex"
)
def test_the_sentence_compiles(tmp_path: Path) -> None:
    sentence = carbon_sentence(stated(hostile()))
    (tmp_path / "a.tex").write_text(
        "\\documentclass{article}\\begin{document}\n" + sentence + "\\end{document}\n", encoding="utf-8"
    )
    ended = subprocess.run(
        ["xelatex", "-halt-on-error", "-no-shell-escape", "a.tex"], cwd=tmp_path, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-2000:]


def test_a_large_system_keeps_the_sentence_short() -> None:
    said = stated(by_hand())
    many = said.model_copy(
        update={"making": said.making * 40, "unknown": tuple(f"reason {place}" for place in range(50))}
    )
    sentence = carbon_sentence(many)
    assert len(sentence) < 6000
    assert "more stages in the full statement" in " ".join(sentence.split())
    assert "and 46 more" in " ".join(sentence.split())


def test_a_break_even_stands_beside_the_probability_that_there_is_none() -> None:
    titles = [one.title for one in stated(by_hand()).costs]
    first = next(place for place, title in enumerate(titles) if title.startswith("Break-even: tasks"))
    assert titles[first + 1].startswith("Probability that it never breaks even, ")


def test_the_schema_file_is_fresh_and_accepts_what_is_written() -> None:
    schema = json.loads(statement_schema_text())
    kept = Path(__file__).parents[3] / "docs" / "statement.schema.json"
    assert kept.read_text(encoding="utf-8") == statement_schema_text(), "run: python tools/write_docs.py"
    for make in (by_hand, translation, hostile):
        jsonschema.validate(json.loads(stated(make()).to_json()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(stated(by_hand()).to_json()) | {"totals": "none"}, schema)
