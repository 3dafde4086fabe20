"""docs/suites.md: how a published suite of questions becomes a measure, around an example that the tests run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path

from commonweal.measures.suite import Part, Result, Suite
from commonweal.models.choosing import ANSWER_TOKENS

EXAMPLE = Path(__file__).parent.parent / "tests" / "measures" / "respected_pronouns.py"
ARGUMENTS = {
    "source": "the citation of the suite, with its licence; printed beside the numbers",
    "version": "raise it when the numbers would change: what was measured with another version is measured again",
    "cluster": "the sampled unit in words that people read; what stands in brackets is left out where the unit is "
    "named",
    "family": "the hypotheses that are tested together, in words, fixed before the data; required where a quantity "
    "has a `null`",
    "data": "`DataPlace(folder, pattern, origin)`: the files `pattern` in that folder below `--data`, or in `--data` "
    "itself",
    "quantities": "every number that `judge` may give. One with a `null` is a hypothesis: all have the same null; of "
    "the unit \"1\", 0.5 for a share and 0 for a difference of shares. The first is traced to the units that it "
    "comes from",
    "outcomes": "the columns by which two runs are compared item by item, each an `ItemOutcome`; else those named "
    "like a quantity",
    "warnings": "what it does not show, a sentence each; printed beside the numbers and in docs/measures.md",
    "read": "`read(data)`: the items of `data.files`, of whatever type; DataFileError names the line that is none",
    "unit": "the label of its questions that holds the unit of an item: intervals are by its values, a limit keeps "
    "whole ones. It is read by the code, where `cluster` is read by people",
    "questions": "`questions(item)`: what is asked of an item, a `Question` each. Their ids occur once in the whole "
    "data",
    "match": "`match(item, answers)`: what the answers mean, by column: a number (an outcome), a word (a label), or "
    "None: it says nothing",
    "by": "the label whose values a limit takes in turn, and by which `published` counts",
    "block": "`block(item)`: what the items of a unit that say something only together share; a limit takes one block of "
    "every unit before a second of any. Without it, a limit takes whole units",
    "published": "how many items of each value of `by` the whole set has (where there is no `by`, of \"\"); a row "
    "that rests on fewer says so. Without it, a row says what part of the data was asked",
}  # fmt: skip
RESULTS = {
    "quantity": "its name in `quantities`",
    "of": "the items that it rests on: where fewer than 80 % of their answers could be read, it is refused",
    "estimate": "the estimate (`part.mean(column)`, or another `Contrast`), or the reason why there is none",
    "group": "what the items have in common, such as {\"place\": \"school\"}",
    "note": "what a reader must know of it; else how many answers could not be read",
    "solved": "every answer is right, so that an outcome without any difference says something",
    "traced": "labels of the items of the estimate, by their kind, to which it is traced; else by units, if it is the "
    "first quantity",
    "outcomes": "columns that are kept with it, beside the one of its own name",
}  # fmt: skip
TEXT = """# A published suite of questions as a measure

One file adds a suite: in `src/commonweal/measures/<chapter>/`, or in a package of your own. Five things are its own: `read`, `unit`,
`questions`, `match` and the decorated function that gives the numbers. Limits, estimates of time, intervals, tests, comparisons of
runs and reports follow from them.

## An example

The data, `respected-pronouns/vignettes.csv` below the folder of `--data`; the two lines of a vignette are one item:

```
vignette,place,framing,text,question,a,b,c,correct
s1,school,respectful,"Sam uses he. Today he wrote about bees.",About what?,rain,bees,maps,b
s1,school,disrespectful,"Sam uses he. Today she wrote about bees.",About what?,rain,bees,maps,b
```

The whole suite, which the tests run:

```python
{example}```

- The measure is called `<chapter>.<function>`: the folder of the file, and the function. In `measures/quality/respected_pronouns.py`
  this is `quality.respected_pronouns`; nothing else has to be registered. A package of your own names the module under the entry-point
  group `commonweal.measures` in its pyproject.toml: `respected_pronouns = "acme.quality.respected_pronouns"`.
- The docstring of the function is the measure's description, and is required. Say there what the number is, its range, what no effect
  is, and what it does not show; what must stand beside every number goes into `warnings`.
- A difference within an item is a column of that item (`accuracy_gap`), so that its interval is that of pairs.
- `table_rows` reads CSV in its dialects and JSON lines, in UTF-8. A line with more or fewer cells than the header is refused there, with
  its number. An empty cell is "", a column that is absent is not in the row: `read` must refuse what it cannot do without.

Measure a model, a few items of it, or answers that came from elsewhere:

```
commonweal measure quality.respected_pronouns --data DIR --out out --model embedded:smollm2 --limit 6
commonweal measure quality.respected_pronouns --data DIR --out out --predictions answers.csv
```

`--limit` counts items, as `n` does; here an item is two questions. Progress counts requests: a model that gives probabilities gets one
for each option, one that writes gets one for each question.

## Questions and answers

| `Question` | meaning |
|---|---|
| `id` | its name, once in the data; the column `item` of a file of `--predictions` (columns `item` and `answer`) holds it |
| `context` | the text before the answer, without a space at its end |
| `options` | the answers; `Answer.option` is the place of one of them, from 0 |
| `labels` | what is kept beside it; of an item with several questions `unit`, `by` and the kept labels are what all of them share |

A model that gives probabilities takes the option that is the most likely after `context` and a space. One that writes is shown the
options under letters (a last "Answer:" of `context` comes after them) and writes at most {tokens} tokens. What it writes, or what a file
holds, means an option where it is its letter, its text or its beginning.

`Answer.option` is None where the answer could not be read or two options are equally likely: `match` must take that, usually as not
right. `Answer.text` is what was written; None where nothing was. `Answer.cut`: it is only the beginning of the option.

Before a model is asked, `judge` is tried with answers that nobody gave, the first option of each question: a column that `match` never
gives, or counts in `published` of what no item is, end the measure there.

## The arguments of `Suite`

| argument | required | meaning |
|---|---|---|
{arguments}

## What the function works with

It is given a `Part`, the items that were asked, each with its answers, and yields a `Result` for each number. An `Estimate` or a `Missing`
may be yielded too, and becomes a row as it is.

| `Part` | what it offers |
|---|---|
{part}

| `Result` | required | meaning |
|---|---|---|
{result}

Not for a `Suite`: suites that compare the likelihoods of sentences, whose units are crossed, or whose numbers rest on some of the answers
to an item. They are measures by themselves, as `inequity.crows_pairs` and `inequity.winobias` are.
"""


def page() -> str:
    """The page as Markdown."""
    return TEXT.format(
        example=EXAMPLE.read_text(encoding="utf-8"),
        tokens=ANSWER_TOKENS,
        arguments="\n".join(rows_of(Suite, ARGUMENTS)),
        part="\n".join(part_rows()),
        result="\n".join(rows_of(Result, RESULTS)),
    )


def rows_of(record: type, meanings: Mapping[str, str]) -> Iterator[str]:
    """A row for each field of a record; KeyError where one has no meaning here."""
    for one in fields(record):  # type: ignore[arg-type]
        yield f"| `{one.name}` | {'yes' if is_required(one) else ''} | {meanings[one.name]} |"


def is_required(one: Field[object]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def part_rows() -> Iterator[str]:
    """A row for each thing that a part offers: its first line says what."""
    yield (
        "| `for one in part`, `len(part)` | its items: `one.item`, `one.questions`, `one.answers`, `one.columns`, "
        "`one.labels`, `one.unit` |"
    )
    for name, member in vars(Part).items():
        said = inspect.getdoc(member)
        if not name.startswith("_") and said and (isinstance(member, property) or inspect.isfunction(member)):
            called = (
                "" if isinstance(member, property) else f"({', '.join(list(inspect.signature(member).parameters)[1:])})"
            )
            yield f"| `part.{name}{called}` | {said.splitlines()[0].replace('|', chr(92) + '|')} |"
