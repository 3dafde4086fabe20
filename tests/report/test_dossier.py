"""The page and its JSON, read as text: what stands where, that nothing is run, and that nothing leaves the file."""

from __future__ import annotations

import base64
import errno
import gzip
import json
import re
from collections import Counter
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
import vl_convert

from commonweal.assessment.intrinsic_extrinsic import correlated
from commonweal.assessment.row_writer import Writer
from commonweal.errors import OutputError
from commonweal.evidence.numbers import p_text
from commonweal.evidence.records import BothEnds, Estimate, Facts, Scoring
from commonweal.evidence.verdicts import is_found, is_tested
from commonweal.measures.registry import load_registry
from commonweal.report.content import Dossier, dossier_schema_text
from commonweal.report.dossier import render_dossier, save_dossier, write_dossier
from commonweal.report.first_screen import first_screen
from commonweal.report.table import evidence_table
from tests.drawn_once import draw
from tests.report.hiring_dossier import hiring_dossier, one_asset_dossier
from tests.report.hostile_dossier import HOSTILE

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "dossier.schema.json"
NAMES = ("hiring", "large", "hostile", "one")
VOID = {"meta", "link", "br", "input", "hr", "img"}


class Page(HTMLParser):
    """The tags of a page in order, with what is inside a few of them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]


class Parsed(dict[str, Page]):
    """Pages as tags, each written and read when first asked for."""

    def __init__(self, pages: Mapping[str, Path]) -> None:
        super().__init__()
        self.pages = pages

    def __missing__(self, name: str) -> Page:
        self[name] = Page(self.pages[name].read_text(encoding="utf-8"))
        return self[name]


@pytest.fixture(scope="module")
def parsed(pages: Mapping[str, Path]) -> Parsed:
    return Parsed(pages)


@pytest.mark.parametrize("name", NAMES)
def test_tags_are_nested_and_ids_are_unique(parsed: Mapping[str, Page], name: str) -> None:
    repeated = [key for key, count in Counter(parsed[name].attributes("id")).items() if count > 1]
    assert repeated == []


@pytest.mark.parametrize("name", NAMES)
def test_every_inner_link_and_label_has_its_target(parsed: Mapping[str, Page], name: str) -> None:
    page = parsed[name]
    ids = set(page.attributes("id"))
    hrefs = {href[1:] for href in page.attributes("href") if href.startswith("#")}
    drawn_later = {href for href in hrefs if href.startswith("ev-")} if "rows" in ids else set()
    assert hrefs - ids - drawn_later == set()
    named = {
        part
        for attribute in ("aria-labelledby", "aria-describedby", "for")
        for part in " ".join(page.attributes(attribute)).split()
    }
    assert named - ids == set()


@pytest.mark.parametrize("name", NAMES)
def test_no_address_outside_the_file_is_loaded(parsed: Mapping[str, Page], name: str) -> None:
    page = parsed[name]
    assert [
        attrs for tag, attrs in page.tags if tag in ("img", "iframe", "object", "embed", "base", "audio", "video")
    ] == []
    assert page.attributes("src") == []
    assert [attrs["href"] for tag, attrs in page.tags if tag == "link"] == ["data:,"]
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", NAMES)
def test_only_web_addresses_are_linked(parsed: Mapping[str, Page], name: str) -> None:
    assert [href for href in parsed[name].attributes("href") if not re.match(r"#|https?://|data:,$", href)] == []
    assert not any(attribute.startswith("on") for _, attrs in parsed[name].tags for attribute in attrs)
    assert parsed[name].attributes("style") == []


def test_hostile_text_stays_text(pages: Mapping[str, Path], parsed: Mapping[str, Page]) -> None:
    text = pages["hostile"].read_text(encoding="utf-8")
    assert "alert(1)" in text
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "\u202e" not in text
    assert "⟨U+202E⟩" in text
    assert [attrs.get("id") for tag, attrs in parsed["hostile"].tags if tag == "script"] == ["rows", None]


def test_hostile_rows_cannot_close_the_data_block(pages: Mapping[str, Path], dossiers: Mapping[str, Dossier]) -> None:
    some = [row for row in dossiers["hostile"].rows if row.estimate is None or row.estimate.group is None]
    copies = tuple(row.model_copy(update={"id": f"{row.id}-{turn}"}) for turn in range(120) for row in some)
    text = render_dossier(dossiers["hostile"].model_copy(update={"rows": copies, "findings": ()}))
    block = text.split('id="rows">')[1].split("</script>")[0]
    data = json.loads(gzip.decompress(base64.b64decode(block)))
    assert len(data["rows"]) == len(copies)
    assert any(HOSTILE[0] in entry for entry in data["texts"])
    assert text.count("<script") == 2


def test_answer_comes_first_and_unknown_is_never_zero(pages: Mapping[str, Path]) -> None:
    text = pages["hiring"].read_text(encoding="utf-8")
    order = [
        text.index(part)
        for part in ("<h1", "What was found", "Whom it reaches", "What is not shown", "What was not measured", "<svg")
    ]
    assert order == sorted(order)
    answer = text[order[1] : order[5]]
    assert "Women are invited less often" in answer
    assert "applicants: 90,000 people a year" in answer
    assert "authors: people unknown" in answer
    assert "who can mend it" in answer.lower()
    assert "Smallest gap this design would detect (power 0.8)" in text
    assert "failed" in text
    assert not re.search(r">\s*0 people", text)


def test_how_near_scoring_came_to_its_bound_is_told_with_its_count_time_and_method(
    dossiers: Mapping[str, Dossier],
) -> None:
    hiring = dossiers["hiring"]
    assert "of the arithmetic bound" not in render_dossier(hiring), "nothing scored"
    scored = Scoring(
        model="smollm2 <b>", share=81.6, n=123456, seconds=42.0, rate_gflop_s=151.2, method="least arithmetic over time"
    )
    page = render_dossier(hiring.model_copy(update={"run": hiring.run.model_copy(update={"scoring": (scored,)})}))
    told = " ".join(re.sub(r"<[^>]*>", "", page).split())
    said = "82 % of the arithmetic bound, n = 123,456 distinct tokens in 42 s; least arithmetic over time (151 GFLOP/s)"
    assert f"Scoring by smollm2 &lt;b&gt;{said}" in told


def test_the_first_screen_counts_what_is_not_shown_and_leads_to_the_figures(dossiers: Mapping[str, Dossier]) -> None:
    dossier = dossiers["hiring"]
    audit = [row for row in dossier.rows if row.measure == dossier.findings[0].measure]
    silent = [row.estimate for row in audit if row.estimate and is_tested(row.estimate) and not is_found(row)]
    part = first_screen(dossier.model_copy(update={"findings": dossier.findings[:1], "rows": tuple(audit)}))[2]
    counted = Counter("intersecting groups" if len(one.group or {}) > 1 else "".join(one.group or {}) for one in silent)
    assert {line.text for line in part.lines} == {
        f"{topic}, {count} comparison{'s' if count > 1 else ''}" for topic, count in counted.items()
    }
    assert part.count == f"{len(silent)} comparisons"
    assert {line.href for line in part.lines} == {f"measure-{audit[0].measure}"}


def test_what_was_not_measured_is_counted_as_measures_and_figures_and_stands_in_one_table(
    pages: Mapping[str, Path], dossiers: Mapping[str, Dossier]
) -> None:
    dossier, page = dossiers["hiring"], pages["hiring"].read_text(encoding="utf-8")
    part = next(part for part in first_screen(dossier) if part.style == "not_measured")
    numbered = {row.measure for row in dossier.rows if row.estimate is not None}
    absent = [row.measure for row in dossier.rows if row.estimate is None]
    whole, others = {one for one in absent if one not in numbered}, [one for one in absent if one in numbered]
    assert part.count == f"{len(whole)} measures and {len(others)} figures" == "2 measures and 2 figures"
    assert page.count('id="not-measured"') == 1
    table = page.split('id="not-measured"')[1].split("</details>")[0]
    assert f"What was not measured: {part.count}" in table
    for row in dossier.rows:
        if row.estimate is None and not row.unjudged:
            assert escape(row.note) in table


def test_every_measure_has_a_line_on_the_first_screen(dossiers: Mapping[str, Dossier]) -> None:
    dossier = dossiers["hiring"]
    more = [dossier.findings[1].model_copy(update={"id": f"again-{k}", "subject": f"model-{k}"}) for k in range(5)]
    found, _, not_shown, not_measured = first_screen(
        dossier.model_copy(update={"findings": (*dossier.findings, *more)})
    )
    assert [line.text for line in found.also] == [dossier.findings[index].headline for index in (1, 3)]
    assert found.also[0].more == "Also measured: 5 others"
    assert dossier.findings[2].headline in [line.text for line in not_shown.lines]
    assert dossier.findings[4].title in not_measured.lines[0].text


def test_many_findings_of_one_measure_do_not_hide_those_of_another(dossiers: Mapping[str, Dossier]) -> None:
    first = dossiers["hiring"].findings[0]
    many = [first.model_copy(update={"id": f"{k}", "headline": f"gap {k}"}) for k in range(5)]
    other = first.model_copy(update={"id": "other", "measure": "security.other", "headline": "other"})
    part = first_screen(dossiers["hiring"].model_copy(update={"findings": (*many, other)}))[0]
    assert [line.text for line in part.lines] == ["gap 0", "other"]
    assert part.left_out == 4


def test_a_finding_says_how_many_of_those_reached_its_group_is_and_in_how_many_comparisons_something_was_found(
    dossiers: Mapping[str, Dossier],
) -> None:
    dossier = dossiers["hiring"]
    finding = dossier.findings[0]
    (row,) = [row for row in dossier.rows if row.id == finding.evidence[0]]
    assert row.estimate is not None
    told = [(reach.target, reach.people_per_year) for reach in finding.reach if reach.kind == "population"]
    assert told == [("applicants", 90000), ("authors", None)]
    for group, words in (
        ({"gender": "women"}, "women in applicants: 45,000 people a year"),
        ({"gender": "they"}, "they in applicants: people unknown"),
        ({"gender": "women", "race": "Black"}, "women, Black in applicants: people unknown"),
    ):
        about = row.model_copy(
            update={"estimate": row.estimate.model_copy(update={"group": group, "reference": {"gender": "men"}})}
        )
        rows = tuple(about if one.id == row.id else one for one in dossier.rows)
        populations = tuple(
            one.model_copy(update={"groups": {"gender": {"women": 0.5, "men": 0.5}}}) if one.id == "applicants" else one
            for one in dossier.system.populations
        )
        system = dossier.system.model_copy(update={"populations": populations})
        found = first_screen(dossier.model_copy(update={"rows": rows, "system": system}))[0]
        assert found.lines[0].more.startswith(words)
        assert "authors: people unknown" in found.lines[0].more
    compared = [row for row in dossier.rows if row.estimate is not None and is_tested(row.estimate)]
    assert found.count == f"1 finding, in {sum(map(is_found, compared))} of {len(compared)} comparisons"


def shortfalls(dossier: Dossier) -> Dossier:
    """The hiring dossier with worked-out rows as the assessment writes them."""
    row = next(row for row in dossier.rows if row.measure == "assessment.shortfall")
    assert row.estimate is not None
    place = {"gender": "women", "deployment": "screening"}
    rows = [
        row.model_copy(
            update={"id": "f1", "facts": Facts(conditions=("the probes resemble people", "per decision, all counts"))}
        ),
        row.model_copy(
            update={
                "id": "f2",
                "facts": Facts(conditions=("the probes resemble people", "per year, people overturn some")),
                "estimate": row.estimate.model_copy(update={"group": place}),
            }
        ),
        *(
            row.model_copy(
                update={
                    "id": f"f{k}",
                    "estimate": None,
                    "status": "not_applicable",
                    "note": f"the shares of {k} are unknown",
                }
            )
            for k in (3, 4)
        ),
    ]
    reached = Estimate(
        quantity="people_reached",
        unit="people/year",
        value=9e4,
        low=9e4,
        high=9e4,
        interval="range",
        n=1,
        method="sum of the declared reach",
        group={"reaches": "population applicants"},
    )
    rows.append(row.model_copy(update={"id": "f5", "measure": "assessment.exposure", "estimate": reached}))
    kept = tuple(one for one in dossier.rows if one.basis != "propagated" and one.status == "ok")
    return dossier.model_copy(update={"rows": (*kept, *rows)})


@pytest.fixture(scope="module")
def downstream(dossiers: Mapping[str, Dossier]) -> tuple[Dossier, str]:
    """A dossier with worked-out rows and a method whose description holds a list, and its page."""
    first = dossiers["hiring"].methods[0]
    text = "Title.\n\nReported for each pair:\n\n- a ratio, of\n  two rates;\n- <b>bold</b>.\n\nEnd."
    dossier = shortfalls(dossiers["hiring"])
    few = [row for row in dossier.rows if row.basis == "propagated" or (row.estimate and not row.estimate.group)]
    few += [next(row for row in dossier.rows if row.measure == first.name and row not in few)]
    update = {"rows": tuple(few), "methods": (first.model_copy(update={"description": text}),)}
    return dossier.model_copy(update=update), render_dossier(dossier.model_copy(update=update))


def test_worked_out_figures_stand_beside_their_conditions_each_once(downstream: tuple[Dossier, str]) -> None:
    chapter = downstream[1].split('id="measure-assessment.shortfall"')[1].split("</section>")[0]
    aside = chapter.split("These figures hold only if")[1].split("</div>")[0]
    assert re.findall(r'<li class="foreign">([^<]+)', aside) == [
        "the probes resemble people",
        "per decision, all counts",
        "per year, people overturn some",
    ]


def test_a_figure_that_lacks_a_declaration_is_unknown_and_a_declared_one_no_count(
    downstream: tuple[Dossier, str],
) -> None:
    dossier, page = downstream
    (line,) = [line for line in first_screen(dossier)[3].lines if "Shortfall" in line.text]
    assert (line.text, line.href) == ("Shortfall unknown: 2 figures", "not-measured")
    told = page.split('id="not-measured"')[1].split("</details>")[0]
    assert "the shares of 3 are unknown" in told
    assert "the shares of 4 are unknown" in told
    table = {row.id: row for row in evidence_table(dossier.rows, dossier.methods, ()).rows}
    assert (table["f3"].status, table["f5"].interval) == ("unknown", "declared figure, no interval")
    assert "<option>unknown</option>" in page
    assert "Shortfall not applicable" not in page


def test_a_deployment_has_one_name_everywhere(downstream: tuple[Dossier, str]) -> None:
    dossier, page = downstream
    name = "screening in employment"
    assert f'<h3 id="deployment-screening-h"><span class="foreign">{name}</span>' in page
    assert f'<a class="foreign" href="#deployment-screening">{name}</a> <span class="quiet">deployment</span>' in page
    assert f"<title>{name}: deployment" in page
    assert f"women · {name}" in page
    assert ">screening<" not in page
    assert '"deployment": "screening"' in dossier.to_json()


def test_an_actor_without_a_fitting_right_is_told_in_one_sentence(pages: Mapping[str, Path]) -> None:
    text = pages["hiring"].read_text(encoding="utf-8")
    assert '<td class="foreign">decision rights are unknown</td>' in text
    assert "none declared" not in text


def test_lists_in_a_method_are_lists_and_escaped(downstream: tuple[Dossier, str]) -> None:
    listed = '<ul><li class="foreign">a ratio, of two rates;</li><li class="foreign">&lt;b&gt;bold&lt;/b&gt;.</li></ul>'
    assert f'<p class="foreign">Reported for each pair:</p>{listed}<p class="foreign">End.</p>' in downstream[
        1
    ].replace("\n", "")


def test_nothing_measured_is_said_to_be_not_enough_evidence() -> None:
    text = render_dossier(one_asset_dossier())
    assert "Not enough evidence: nothing was measured." in text
    assert "no actor declared" in text
    assert "not measured" in text


def test_none_unknown_and_empty_stay_three_answers(pages: Mapping[str, Path]) -> None:
    text = pages["hiring"].read_text(encoding="utf-8")
    panel = text.split('class="panel" id="asset-webtext"')[1].split("</article>")[0]
    states = dict(re.findall(r'<tr class="(\w+)"><th scope="row" class="foreign">([^<]+)<', panel)[::-1])
    assert {"declared", "none", "unknown", "empty"} <= set(states)
    assert states["none"] == "Consent"
    assert "there is none" in panel
    assert "nobody could say" in panel
    assert "the system file leaves it empty" in panel


def test_upstream_chain_names_actors_and_their_rights(pages: Mapping[str, Path]) -> None:
    panel = (
        pages["hiring"].read_text(encoding="utf-8").split('class="panel" id="asset-screener"')[1].split("</article>")[0]
    )
    chain = panel.split("Upstream, and who can decide")[1]
    assert chain.index("smollm2") < chain.index("webtext")
    assert "training, weights, release" in chain
    assert "A web crawl foundation" in chain


def test_map_draws_every_place_and_dashes_what_feeds_back(
    pages: Mapping[str, Path], dossiers: Mapping[str, Dossier]
) -> None:
    for name in NAMES:
        system = dossiers[name].system
        text = pages[name].read_text(encoding="utf-8")
        assert text.count('<g class="node"') == len(system.assets) + len(system.deployments) + len(system.populations)
    hiring = pages["hiring"].read_text(encoding="utf-8")
    assert hiring.count('class="edge dashed"') == 1
    assert "1 inherited, not measured" in hiring


def test_json_reads_back_as_the_same_dossier(pages: Mapping[str, Path], dossiers: Mapping[str, Dossier]) -> None:
    for name, dossier in dossiers.items():
        text = (pages[name].parent / "dossier.json").read_text(encoding="utf-8")
        assert json.loads(text)["schema"] == "commonweal-dossier/1"
        assert Dossier.model_validate_json(text).rows == dossier.rows


def test_schema_file_is_fresh() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == dossier_schema_text(), (
        "run: python -m commonweal.report.content > docs/dossier.schema.json"
    )


def test_schema_accepts_what_is_written(pages: Mapping[str, Path]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(dossier_schema_text())
    for name in ("hiring", "one", "hostile"):
        jsonschema.validate(json.loads((pages[name].parent / "dossier.json").read_text(encoding="utf-8")), schema)


def test_write_dossier_replaces_whole_files(tmp_path: Path) -> None:
    dossier = one_asset_dossier()
    parts = {"system": dossier.system, "run": dossier.run, "findings": [], "evidence": [], "methods": []}
    first = write_dossier(tmp_path / "new" / "folder", **parts)  # type: ignore[arg-type]
    assert first == tmp_path / "new" / "folder" / "dossier.html"
    assert write_dossier(first.parent, **parts) == first  # type: ignore[arg-type]
    assert sorted(path.name for path in first.parent.iterdir()) == ["dossier.html", "dossier.json"]


def test_same_dossier_gives_the_same_bytes(pages: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vl_convert, "vegalite_to_svg", draw)
    assert render_dossier(hiring_dossier()) == pages["hiring"].read_text(encoding="utf-8")


def test_full_disk_keeps_the_old_page_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = save_dossier(tmp_path, one_asset_dossier())
    before = page.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="disk is full"):
        save_dossier(tmp_path, one_asset_dossier())
    assert page.read_bytes() == before
    assert not list(tmp_path.glob(".*partial"))


def test_a_notebook_shows_the_summary_with_its_figures_in_a_frame_that_runs_nothing(
    dossiers: Mapping[str, Dossier], tmp_path: Path
) -> None:
    dossier = dossiers["hiring"].model_copy(update={"path": tmp_path / "dossier.html"})
    shown = dossier._repr_html_()
    frame = Page(shown).tags
    assert [tag for tag, _ in frame] == ["iframe"]
    assert frame[0][1].keys() == {"sandbox", "srcdoc", "width", "height"}
    page = frame[0][1]["srcdoc"] or ""
    assert dossier.findings[0].headline in page
    assert "applicants: 90,000 people a year" in page
    assert "authors: people unknown" in page
    assert 'class="forest"' in page
    assert str(tmp_path / "dossier.html") in page
    assert "<script" not in page
    hostile = dossiers["hostile"]._repr_html_()
    assert [tag for tag, _ in Page(hostile).tags] == ["iframe"]
    assert "<script" not in (Page(hostile).tags[0][1]["srcdoc"] or "")
    assert "\u202e" not in hostile


def test_a_dossier_says_in_three_lines_what_it_is(dossiers: Mapping[str, Dossier], tmp_path: Path) -> None:
    for dossier in dossiers.values():
        lines = repr(dossier.model_copy(update={"path": tmp_path / "dossier.html"})).splitlines()
        assert len(lines) == 3
        assert lines[0].startswith("Dossier of ")
        assert lines[1].startswith("counts: ")
        assert lines[2] == str(tmp_path / "dossier.html")
        assert "\u202e" not in "".join(lines)


def test_evidence_frame_has_a_line_per_row(dossiers: Mapping[str, Dossier]) -> None:
    frame = dossiers["hiring"].evidence
    assert frame.height == len(dossiers["hiring"].rows)
    assert frame.filter(frame["status"] == "failed")["value"].null_count() == 1


def test_correlations_of_both_ends_show_their_corrected_interval_and_p_and_are_called_no_cause() -> None:
    made = hiring_dossier()
    pairs = [(float(x), float(y)) for x, y in zip(range(12), [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], strict=True)]
    estimate = correlated(pairs, 4)
    assert estimate is not None
    told = estimate.model_copy(update={"note": "one with <other>"})
    row = Writer("assessment.both_ends", "source", 0, "hash").row(("smollm2", "screener"), told, [])
    ends = BothEnds(
        model="smollm2",
        application="screener",
        chapter="inequity",
        intrinsic=(made.findings[0].id,),
        extrinsic=(made.findings[0].id,),
        shared_groups=12,
        correlations=(row.id,),
    )
    page = render_dossier(made.model_copy(update={"rows": (*made.rows, row), "both_ends": (ends,)}))
    assert f"p {p_text(estimate.p_adjusted)} (adjusted; raw {p_text(estimate.p_value)})" in page
    assert "one with &lt;other&gt;" in page
    assert "A correlation over groups of one system is no cause" in page


def test_a_described_number_says_of_what_it_is_and_a_modelled_one_that_it_was_not_read(
    dossiers: Mapping[str, Dossier],
) -> None:
    dossier = dossiers["hiring"]
    energy = next(row for row in dossier.rows if row.measure == "environment.inference_energy" and row.estimate)
    assert energy.estimate is not None
    spec = load_registry().specs["environment.inference_energy"]
    row = energy.model_copy(
        update={"basis": "modelled", "estimate": energy.estimate.model_copy(update={"quantity": "energy"})}
    )
    finding = next(one for one in dossier.findings if one.verdict == "described").model_copy(
        update={"measure": row.measure, "evidence": (row.id,)}
    )
    told = dossier.model_copy(update={"findings": (finding,), "rows": (row,), "methods": (spec.method,)})
    (line,) = first_screen(told)[0].also
    assert line.more == "all components that did the work, gross; estimated by a model, not metered"
    read = told.model_copy(update={"rows": (row.model_copy(update={"basis": "measured"}),)})
    assert first_screen(read)[0].also[0].more == "all components that did the work, gross"
