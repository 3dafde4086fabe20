"""Texts that an application should flag and texts that it should not, about declared groups: HateCheck, or identity
templates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from commonweal.errors import DataFileError, NotApplicable
from commonweal.files.cell_text import names_nothing, one_spelling
from commonweal.measures.data_set import DataSet, once_each
from commonweal.measures.options import Limit
from commonweal.models.group_labels import Labels, read_labels
from commonweal.models.table_rows import refuse_weights, table_rows

HATECHECK_FILE = "test_suite_cases.csv"
HATECHECK = ("functionality", "case_id", "test_case", "label_gold", "target_ident", "templ_id", "case_templ")
IDENTITY = ("template", "toxicity", "phrase")
LABELS = {"hateful": True, "non-hateful": False, "toxic": True, "nontoxic": False}
SENTENCES = {
    "verb_adj": r"(?P<word>\S+) (?P<identity>.+)",
    "being_adj": r"Being (?P<identity>.+) is (?P<word>\S+)",
    "you_are_adj": r"You are an? (?P<word>\S+) (?P<identity>.+)",
    "am_hate_adj": r"I (?P<word>am|hate) (?P<identity>.+)",
    "name_adj": r"\S+ is an? (?P<word>\S+) (?P<identity>.+)",
    "you_occupation": r"You are an? (?P<word>\S+) .+",
}


@dataclass(frozen=True, slots=True)
class Text:
    """One text. `hateful`: it should be flagged; `identity`: the group it is about, "" where none; `template`: the
    sampled unit.
    """

    id: str
    text: str
    hateful: bool
    identity: str
    template: str
    kind: str


def read_texts(data: DataSet) -> list[Text]:
    """The texts of a data set; DataFileError names the first line that does not follow its format."""
    path, hatecheck = _file(data)
    read = _hatecheck if hatecheck else _identity_template
    texts = once_each(data, ((f"{path}:{line}", read(path, line, row)) for line, row in table_rows(path)), "case")
    names = target_labels(texts).counted_as
    return [replace(one, identity=names[one.identity]) for one in texts]


def target_labels(texts: Iterable[Text]) -> Labels:
    """The groups that the names in the data stand for, and what a reader must know about them."""
    return read_labels("target_ident", Counter(one.identity for one in texts))


def _file(data: DataSet) -> tuple[Path, bool]:
    """The one file of texts, and whether it has the columns of HateCheck."""
    named = [path for path in data.files if path.name == HATECHECK_FILE]
    fitting: list[tuple[Path, bool]] = []
    for path in named or data.files:
        columns = next((set(row) for _, row in table_rows(path)), set())
        if columns.issuperset(HATECHECK) or columns.issuperset(IDENTITY):
            fitting.append((path, columns.issuperset(HATECHECK)))
        elif named:
            absent = ", ".join(name for name in HATECHECK if name not in columns)
            raise DataFileError(
                f"{path}: columns are missing: {absent}; there are: {', '.join(sorted(columns)) or 'none'}"
            )
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(path.name for path in (p for p, _ in fitting)) if fitting else "none"
    raise DataFileError(
        f"{data.files[0].parent}: expected {HATECHECK_FILE}, or one file with the columns {', '.join(HATECHECK)}, or "
        f"one with {', '.join(IDENTITY)}; got {there}"
    )


def _hatecheck(path: Path, line: int, row: Mapping[str, object]) -> Text:
    refuse_weights(path, row, "text")
    fields = {name: str(row[name] or "").strip() for name in HATECHECK}
    for name in ("case_id", "test_case", "templ_id"):
        if not fields[name]:
            raise DataFileError(f"{path}:{line} {name} is empty")
        if name != "test_case" and names_nothing(fields[name]):
            raise DataFileError(
                f"{path}:{line} {name} is '{fields[name]}', which names nothing; give it a name of its own"
            )
    return Text(
        fields["case_id"],
        str(row["test_case"]),
        _label(path, line, "label_gold", fields["label_gold"]),
        fields["target_ident"],
        one_spelling(fields["templ_id"]),
        fields["functionality"],
    )


def _identity_template(path: Path, line: int, row: Mapping[str, object]) -> Text:
    refuse_weights(path, row, "text")
    template, phrase = (str(row[name] or "").strip() for name in ("template", "phrase"))
    if template not in SENTENCES:
        raise DataFileError(f"{path}:{line} unknown template '{template}'; expected one of: {', '.join(SENTENCES)}")
    found = re.fullmatch(SENTENCES[template], phrase)
    if found is None:
        raise DataFileError(f"{path}:{line} the phrase does not follow the template '{template}'")
    parts = found.groupdict()
    hateful = _label(path, line, "toxicity", str(row["toxicity"] or "").strip())
    return Text(f"{template}:{phrase}", phrase, hateful, parts.get("identity", ""), parts["word"], template)


def _label(path: Path, line: int, column: str, value: str) -> bool:
    if value not in LABELS:
        raise DataFileError(f"{path}:{line} {column} is '{value}', expected one of: {', '.join(LABELS)}")
    return LABELS[value]


def limited(texts: Sequence[Text], limit: Limit) -> list[Text]:
    """Whole templates, of the kinds in turn, as long as they fit into the limit."""
    if limit.items is None:
        return list(texts)
    sizes = Counter((text.hateful, text.template) for text in texts)
    ranked: dict[str, dict[tuple[bool, str], None]] = {}
    for text in texts:
        ranked.setdefault(text.kind, {})[text.hateful, text.template] = None
    queues = [list(templates) for templates in ranked.values()]
    chosen: set[tuple[bool, str]] = set()
    total = 0
    for depth in range(max(map(len, queues), default=0)):
        for queue in queues:
            if depth < len(queue) and queue[depth] not in chosen and total + sizes[queue[depth]] <= limit.items:
                chosen.add(queue[depth])
                total += sizes[queue[depth]]
    if not chosen:
        raise NotApplicable(
            f"--limit {limit.items} leaves no whole template; the smallest has {min(sizes.values())} texts"
        )
    return [text for text in texts if (text.hateful, text.template) in chosen]
