"""What a file leaves open is asked; what it answers is not."""

from __future__ import annotations

from commonweal.system.loading import system_from_text
from commonweal.system.questions import ORDER, OpenQuestion, fact_summary, questions
from commonweal.system.starter import STARTER

BARE = """\
schema: commonweal/1
name: bare
actors: [{id: lab, name: a lab, roles: [provider]}]
populations: [{id: people, definition: everyone}]
assets:
  - {id: base, kind: model}
  - {id: tuned, kind: adapted_model, actor: unknown}
  - {id: app, kind: application, actor: lab}
  - {id: idle, kind: application, actor: lab, locator: "http://localhost"}
deployments:
  - {application: app}
"""


def asked(text: str) -> tuple[OpenQuestion, ...]:
    return questions(system_from_text(text))


def about(text: str, subject: str) -> list[str]:
    return [question.text for question in asked(text) if question.subject == subject]


def test_bare_system_is_asked_everything() -> None:
    assert about(BARE, "deployment 'app'") == [
        "Whom does 'app' reach here, and how many people a year?",
        "How many decisions does it make a year?",
        "What share of its outputs does a person overturn? (lowest and highest)",
        "What does it replace, or what would happen without it?",
        "What does it decide about?",
        "On which country's electricity does it run?",
        "Who gains what from it?",
        "Who bears what because of it?",
    ]
    assert about(BARE, "population 'people'") == [
        "Which deployment reaches 'people'? None names it under `reach`.",
        "How many people are everyone?",
        "Which groups make it up, with which shares?",
        "Where do its size and shares come from?",
    ]
    assert about(BARE, "application 'app'")[:2] == [
        "How can 'app' be asked? It has neither a `prompt` nor a `locator`.",
        "Which model serves 'app'? None is declared.",
    ]
    assert about(BARE, "application 'idle'")[:2] == [
        "Where is 'idle' in use, and on whom? It has no deployment.",
        "Which answer of 'idle' would the person affected want?",
    ]
    assert about(BARE, "adapted model 'tuned'")[:4] == [
        "Which application uses 'tuned'? It reaches no deployment.",
        "Which model was 'tuned' adapted from? None is declared.",
        "Which data was 'tuned' made from? No dataset behind it is declared.",
        "Who decides about 'tuned'? The file says unknown.",
    ]
    assert about(BARE, "actor 'lab'")[:2] == [
        "Where can a harmed person write to 'lab' (a lab)?",
        "What may 'lab' (a lab) change?",
    ]


def test_most_useful_first_and_each_says_where() -> None:
    found = asked(BARE)
    weights = [ORDER.index(question.weight) for question in found]
    assert weights == sorted(weights)
    assert found[0].weight == "essential"
    assert all("`" in question.where and question.why for question in found)


def test_nobody_affected_is_the_first_question() -> None:
    text = "schema: commonweal/1\nname: a\nassets: [{id: m, kind: model}]\n"
    assert [question.text for question in asked(text)[:3]] == [
        "Who is affected? No population is declared.",
        "Who decides? No actor is declared.",
        "What are the models used for? No application is declared.",
    ]


def test_an_answer_of_none_is_not_asked_again() -> None:
    before = about(BARE, "actor 'lab'")
    answered = BARE.replace(
        "roles: [provider]", "roles: [provider], contact: none, decision_rights: none, jurisdiction: none"
    )
    assert len(before) == 3
    assert about(answered, "actor 'lab'") == []


def test_a_test_set_is_not_asked_for_its_application() -> None:
    more = (
        "  - {id: exam, kind: dataset}\ndependencies: [{upstream: exam, downstream: base, relation: "
        "evaluated_on}]\ndeployments:"
    )
    text = BARE.replace("deployments:", more)
    assert not any("reaches no deployment" in one for one in about(text, "dataset 'exam'"))
    assert any("No dataset behind it" in one for one in about(text, "model 'base'"))


def test_misspelt_fact_is_pointed_out() -> None:
    text = BARE.replace(
        "{id: base, kind: model}", "{id: base, kind: model, declared: {trainng_energy_kwh: 3, colour: red}}"
    )
    hints = [one for one in about(text, "model 'base'") if one.startswith("Is '")]
    assert hints == [
        "Is 'trainng_energy_kwh' meant to be 'training_energy_kwh'? It is kept as an extra fact, "
        "and 'training_energy_kwh' counts as empty."
    ]


def test_more_people_reached_than_there_are_is_questioned() -> None:
    text = BARE.replace("definition: everyone", "definition: everyone, size: 1000").replace(
        "{application: app}", "{application: app, reach: {people: PEOPLE}}"
    )
    asked_about = about(text.replace("PEOPLE", "90000"), "deployment 'app'")
    assert (
        "How can it reach 90,000 of 'people' a year, when they are 1,000 people? Reach counts people, not decisions."
        in asked_about
    )
    for fine in ("1000", "none", "unknown"):
        assert not any(
            one.startswith("How can it reach") for one in about(text.replace("PEOPLE", fine), "deployment 'app'")
        )


def test_groups_spelt_in_two_ways_are_questioned() -> None:
    others = (
        "  - {id: others, definition: the others, groups: {Gender: {Women: 0.5, men: 0.5}, age group: unknown}}\n"
        "  - {id: third, definition: a third, groups: {gender: {women: 0.5, men: 0.5}, age_group: {old: 1}}}\nassets:"
    )
    text = BARE.replace("definition: everyone", "definition: everyone, groups: {gender: {women: 0.5, men: 0.5}}")
    text = text.replace("populations: [", "populations:\n  - ").replace("}}}]\nassets:", "}}}\n" + others)
    same = [(one.subject, one.text.split("?")[0]) for one in asked(text) if " the same as " in one.text]
    assert same == [
        ("population 'others'", "Is 'Gender' the same as 'gender' of population 'people'"),
        ("population 'others'", "Is 'Women' the same as 'women' of population 'people'"),
        ("population 'third'", "Is 'age_group' the same as 'age group' of population 'others'"),
    ]


def test_fact_summary_counts_answers_apart() -> None:
    system = system_from_text(STARTER)
    summary = fact_summary(system.asset("smollm2"))
    assert (summary.declared, summary.none, summary.unknown) == (5, 0, 3)
    assert summary.asked == summary.declared + summary.none + summary.unknown + summary.empty
    assert len(summary.open) == summary.unknown + summary.empty
    assert fact_summary(system.asset("screener")).none == 1


def test_starter_has_no_essential_question() -> None:
    found = asked(STARTER)
    assert found
    assert not [question for question in found if question.weight == "essential"]
