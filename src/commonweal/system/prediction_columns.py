"""Which columns of a table of predictions hold what, where they are not called as commonweal calls them.

The same record stands behind `columns` of an asset in a system file and the options `--truth`, `--prediction`,
`--group` … of `measure` and `compare`. What this module does not do: it reads no table, so it does not know whether a
column is there; `models/column_map.py` does.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from commonweal.errors import OptionError
from commonweal.system.fields import Record, Text
from commonweal.system.wording import shown

COMPARISON = re.compile(r"(?P<column>.*?)\s*(?P<sign>>=|<=|==|>|<)\s*(?P<number>.*)", re.DOTALL)
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
SIGNS: Mapping[str, Callable[[Any, float], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
PREFIX = "group_"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A column of numbers, and the comparison that makes 0 or 1 of it."""

    column: str
    sign: str
    number: float

    def holds(self, values: Any) -> Any:
        """Whether it holds, of a number or of each of an array.

        >>> Threshold("age", ">", 40.0).holds(40)
        False
        """
        return SIGNS[self.sign](values, self.number)


def threshold_in(text: str) -> Threshold | None:
    """The threshold that a mapping spells out; None where it is the name of a column.

    >>> threshold_in("decile_score >= 5"), threshold_in("two_year_recid")
    (Threshold(column='decile_score', sign='>=', number=5.0), None)
    """
    found = COMPARISON.fullmatch(text.strip())
    if found is None or not found["column"]:
        return None
    if not NUMBER.fullmatch(found["number"].strip()):
        raise ValueError(
            f"is {shown(text)}, which compares with {shown(found['number'])}; expected a number there, such as "
            f"{found['column']}{found['sign']}5"
        )
    return Threshold(found["column"], found["sign"], float(found["number"]))


def attribute_of(column: str) -> str:
    """What a column of groups divides by: its name, without the `group_` that commonweal's own names have.

    >>> attribute_of("race"), attribute_of("group_race")
    ('race', 'race')
    """
    return column.removeprefix(PREFIX) or column


class PredictionColumns(Record):
    """What the columns of a table of predictions are called there, and with whom groups are compared."""

    truth: Text | None = Field(
        default=None, description="what was true: a column, or a comparison such as `label==1`; by default `truth`"
    )
    prediction: Text | None = Field(
        default=None,
        description="what was predicted: a column, or a comparison such as `decile_score>=5`; by default `prediction`",
    )
    score: Text | None = Field(default=None, description="a column of scores; by default `score`")
    groups: tuple[Text, ...] = Field(
        default=(), description="columns of groups; by default all whose name begins with `group_`"
    )
    cluster: Text | None = Field(default=None, description="what was sampled together; by default `cluster`")
    weight: Text | None = Field(
        default=None, description="a column of sampling weights; by default one whose name says so"
    )
    item: Text | None = Field(default=None, description="the name of each row; by default `item`")
    reference: Mapping[str, str] = Field(
        default_factory=dict,
        description="attribute -> the group that the others are compared with; by default the group of the first row",
    )

    @field_validator("truth", "prediction")
    @classmethod
    def a_comparison_is_with_a_number(cls, text: str | None) -> str | None:
        if text is not None:
            threshold_in(text)
        return text

    @field_validator("groups")
    @classmethod
    def each_group_once(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        twice = [name for name, count in Counter(map(attribute_of, groups)).items() if count > 1]
        if twice:
            raise ValueError(f"has {shown(twice[0])} twice; expected each column of groups once")
        return groups

    @field_validator("reference")
    @classmethod
    def reference_is_of_a_group(cls, reference: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        groups = info.data.get("groups") or ()
        unknown = [name for name in reference if groups and attribute_of(name) not in map(attribute_of, groups)]
        if unknown:
            raise ValueError(
                f"names {shown(unknown[0])}, which is not among the groups; expected one of: {', '.join(groups)}"
            )
        return {attribute_of(name): group for name, group in reference.items()}


NO_COLUMNS = PredictionColumns()


def columns_of_options(given: Mapping[str, object], references: Sequence[str]) -> PredictionColumns:
    """The columns that options name; OptionError where one is not as it should be.

    >>> columns_of_options({"groups": ("race",)}, ["race=White"]).reference
    {'race': 'White'}
    """
    found: dict[str, str] = {}
    for text in references:
        attribute, equals, group = (part.strip() for part in text.partition("="))
        if not (attribute and equals and group):
            raise OptionError(f"--reference {text}: expected ATTRIBUTE=GROUP, such as race=White")
        if attribute_of(attribute) in found:
            raise OptionError(f"--reference names {attribute} twice; expected one reference group for each attribute")
        found[attribute_of(attribute)] = group
    try:
        return PredictionColumns.model_validate({**given, "reference": found})
    except ValidationError as error:
        first = error.errors()[0]
        option = {"groups": "group"}.get(str(first["loc"][0]), str(first["loc"][0]))
        words = str(first["ctx"]["error"]) if "error" in first.get("ctx", {}) else f"is empty: {first['msg']}"
        raise OptionError(f"--{option} {words}") from None
