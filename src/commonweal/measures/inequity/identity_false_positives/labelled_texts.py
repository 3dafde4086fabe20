"""Texts that people labelled harmful or harmless, and by target group: HateCheck's, or the auditor's own. A scorer
learns and is tested on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from commonweal.errors import DataFileError
from commonweal.files.cell_text import name_in, names_nothing, one_spelling
from commonweal.files.table_text import SUFFIXES
from commonweal.measures.data_set import DataSet
from commonweal.models.group_labels import two_spellings
from commonweal.models.table_rows import refuse_weights, table_rows

HATECHECK = ("case_id", "test_case", "label_gold", "target_ident", "ref_templ_id", "templ_id")
OWN = ("text", "harmful", "group", "cluster")
LABELS = {"hateful": True, "non-hateful": False}


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One text; `group` "": it is about none. `cluster`: the template that it and its variants were made from."""

    text: str
    harmful: bool
    group: str
    cluster: str


def read_labelled(data: DataSet) -> list[LabelledText]:
    """The labelled texts; DataFileError names the first line that does not follow the format."""
    path = data.files[0]
    texts = _hatecheck(path) if path.suffix.lower() in SUFFIXES else _own(path)
    if not texts:
        raise DataFileError(f"{path}: no text in it")
    if len({one.harmful for one in texts}) < 2:
        only = "harmful" if texts[0].harmful else "harmless"
        raise DataFileError(f"{path}: all {len(texts)} texts are {only}; a scorer learns from both kinds")
    if (spelled := two_spellings(one.group for one in texts)) is not None:
        raise DataFileError(
            f"{path}: the groups '{spelled[0]}' and '{spelled[1]}' differ only by case, spaces or Unicode form; give "
            "one group one spelling"
        )
    return texts


def _hatecheck(path: Path) -> list[LabelledText]:
    rows: dict[str, tuple[int, Mapping[str, str]]] = {}
    for line, row in table_rows(path):
        refuse_weights(path, row, "text")
        absent = [name for name in HATECHECK if name not in row]
        if absent:
            raise DataFileError(f"{path}:{line} columns are missing: {', '.join(absent)}")
        fields = {name: str(row[name] or "").strip() for name in HATECHECK}
        if fields["label_gold"] not in LABELS:
            raise DataFileError(
                f"{path}:{line} label_gold is '{fields['label_gold']}', expected one of: {', '.join(LABELS)}"
            )
        for name in ("case_id", "test_case", "templ_id"):
            if not fields[name]:
                raise DataFileError(f"{path}:{line} {name} is empty")
            if name != "test_case" and names_nothing(fields[name]):
                raise DataFileError(
                    f"{path}:{line} {name} is '{fields[name]}', which names nothing; give it a name of its own"
                )
        if fields["case_id"] in rows:
            raise DataFileError(f"{path}:{line} case '{fields['case_id']}' is there twice")
        rows[fields["case_id"]] = line, fields
    origin = {
        one_spelling(row["templ_id"]): one_spelling(row["ref_templ_id"])
        for _, row in rows.values()
        if name_in(row["ref_templ_id"])
    }
    return [
        LabelledText(
            row["test_case"],
            LABELS[row["label_gold"]],
            one_spelling(name_in(row["target_ident"]) or ""),
            _root(one_spelling(row["templ_id"]), origin),
        )
        for _, row in rows.values()
    ]


def _root(template: str, origin: Mapping[str, str]) -> str:
    """The template from which this one was made, by negation or misspelling: variants of one text are no independent
    texts.

    >>> _root("3", {"3": "2", "2": "1"}), _root("1", {"1": "2", "2": "1"})
    ('1', '1')
    """
    seen = [template]
    while seen[-1] in origin and origin[seen[-1]] not in seen:
        seen.append(origin[seen[-1]])
    return seen[-1] if seen[-1] not in origin else min(seen)


def _own(path: Path) -> list[LabelledText]:
    texts: dict[tuple[str, str], LabelledText] = {}
    for line, row in table_rows(path):
        refuse_weights(path, row, "text")
        absent = [name for name in OWN if name not in row]
        if absent:
            raise DataFileError(f"{path}:{line} fields are missing: {', '.join(absent)}; expected {{{', '.join(OWN)}}}")
        if not isinstance(row["harmful"], bool):
            raise DataFileError(f"{path}:{line} harmful is {row['harmful']!r}, expected true or false")
        text, group, cluster = (
            str(row[name] if row[name] is not None else "").strip() for name in ("text", "group", "cluster")
        )
        group, cluster = (one_spelling(name_in(name) or "") for name in (group, cluster))
        if not text or not cluster:
            raise DataFileError(
                f"{path}:{line} {'text is empty' if not text else 'cluster is empty, or names nothing'}"
            )
        if (group, text) in texts:
            raise DataFileError(f"{path}:{line} the same text for group '{group}' is there twice")
        texts[group, text] = LabelledText(text, row["harmful"], group, cluster)
    return list(texts.values())
