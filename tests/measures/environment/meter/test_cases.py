from __future__ import annotations

from commonweal.measures.environment.meter.cases import distinct_cases, sample_cases
from commonweal.measures.probes.records import CueSet, Probe, Probes, PronounSet, Wording

BODIES = (
    Probe(id="a", occupation="nurse", quality="strong", body="Six wards.", statement="{They} led."),
    Probe(id="b", occupation="cook", quality="weak", body="Two kitchens.", statement="{They} cooked."),
)


def test_no_text_comes_twice_before_all_were_used(probes: Probes) -> None:
    assert distinct_cases(probes) == 20 * 60 * 2
    texts = [case.text for case in sample_cases(probes, 2400)]
    assert len(set(texts)) == 2400
    assert [case.text for case in sample_cases(probes, 5, start=2398)] == [*texts[2398:], *texts[:3]]


def test_neighbours_have_different_bodies(probes: Probes) -> None:
    texts = [case.text for case in sample_cases(probes, 20)]
    assert all(body.body in text for body, text in zip(probes.probes, texts, strict=True))


def test_probes_without_names_use_pronouns_or_cues() -> None:
    shared = {"name": "t", "language": "en", "slot": "s", "source": "tests", "reference": {}, "probes": BODIES}
    pronouns = PronounSet(
        attribute="pronoun",
        reference="he",
        forms={"he": {"they": "he"}, "she": {"they": "she"}},
        wordings=(Wording(id="w", text="{body} {statement}"),),
    )
    texts = [case.text for case in sample_cases(Probes(**shared, pronouns=pronouns), 3)]
    assert texts == ["Six wards. He led.", "Two kitchens. He cooked.", "Six wards. She led."]
    cue = CueSet.model_construct(frames=({"old": "Born 1962."},), wordings=(Wording(id="w", text="{body} {cue}"),))
    cued = Probes.model_construct(**shared, cues=(cue,), names=(), pronouns=None)
    assert [case.text for case in sample_cases(cued, 2)] == ["Six wards. Born 1962.", "Two kitchens. Born 1962."]
